"""Colours, light and dark, and how they reach the application."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QApplication, QWidget

from ..resources import resource

MODES = ("system", "light", "dark")


@dataclass(frozen=True)
class Colours:
    """The few colours that everything is drawn with, as ``#rrggbb``.

    Parameters
    ----------
    name : str
        ``light`` or ``dark``.
    background, panel, raised : str
        Of canvases and tables, of the window around them, of buttons and nodes.
    line, outline, text, muted : str
        Hairlines, edges of what can be pressed or filled in, text, secondary text (contrast at
        least 4.5 on the background).
    accent, selection : str
        Of what is chosen: lines and marks, and the ground of selected rows.
    good, warn, bad : str
        Verdicts.
    int8, float, mixed : str
        Numeric types.
    """

    name: str
    background: str
    panel: str
    raised: str
    line: str
    outline: str
    text: str
    muted: str
    accent: str
    selection: str
    good: str
    warn: str
    bad: str
    int8: str
    float: str
    mixed: str

    @property
    def dark(self) -> bool:
        return self.name == "dark"

    def color(self, name: str, alpha: int = 255) -> QColor:
        """One of them as a QColor."""
        found = QColor(getattr(self, name))
        found.setAlpha(alpha)
        return found


# int8 / float / mixed are Okabe-Ito's blue, orange and bluish green, toned to the background:
# they stay apart for every common kind of colour blindness.
LIGHT = Colours(
    name="light",
    background="#ffffff",
    panel="#f4f5f7",
    raised="#fdfdfe",
    line="#d8dbe1",
    outline="#b4bac5",
    text="#1d2129",
    muted="#626a78",
    accent="#2f6fde",
    selection="#2f6fde",
    good="#12805c",
    warn="#a86200",
    bad="#c0392b",
    int8="#0072b2",
    float="#c97c00",
    mixed="#008f6b",
)
DARK = Colours(
    name="dark",
    background="#17191d",
    panel="#1f2227",
    raised="#292d34",
    line="#3a3f48",
    outline="#5b6370",
    text="#e4e7ec",
    muted="#9aa3b2",
    accent="#6a9ff5",
    selection="#2f5c9f",
    good="#4cc295",
    warn="#e0a63c",
    bad="#ee7a6a",
    int8="#56b4e9",
    float="#e69f00",
    mixed="#2fc498",
)

CATEGORICAL = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442", "#8c8c8c")
"""Okabe and Ito (2008), ordered so that the first ones differ most; grey stands for their black."""

SEQUENTIAL = {
    "dark": (
        "#440154", "#482475", "#414487", "#355f8d", "#2a788e", "#21918c",
        "#22a884", "#44bf70", "#7ad151", "#bddf26", "#fde725",
    ),
    "light": (
        "#f6f8ec", "#eaf4d3", "#c7e9b4", "#9fd9b8", "#6fc5be", "#41b6c4",
        "#2b9bc0", "#2277b0", "#235ba3", "#253e96", "#14266e",
    ),
}  # fmt: skip
"""Small figures recede into the background. Dark: eleven even steps of matplotlib's viridis (CC0).
Light: ColorBrewer's YlGnBu (Apache 2.0), whose lightness falls steadily, since viridis would paint
all that does not matter in bright yellow. Both are safe for the colour blind. They are kept here
because importing pyqtgraph for its copies takes longer than opening the window."""


def sequential(share: float, colours: Colours) -> QColor:
    """Colour of a figure between 0 and 1."""
    stops = SEQUENTIAL[colours.name]
    place = min(max(share, 0.0), 1.0) * (len(stops) - 1)
    low = min(int(place), len(stops) - 2)
    one, two, part = QColor(stops[low]), QColor(stops[low + 1]), place - low
    return QColor(
        round(one.red() + (two.red() - one.red()) * part),
        round(one.green() + (two.green() - one.green()) * part),
        round(one.blue() + (two.blue() - one.blue()) * part),
    )


def readable_on(fill: QColor) -> QColor:
    """Near-black or white, whichever has the higher contrast (WCAG relative luminance)."""

    def linear(part: float) -> float:
        return part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4

    light = 0.2126 * linear(fill.redF()) + 0.7152 * linear(fill.greenF()) + 0.0722 * linear(fill.blueF())
    return QColor("#14161a") if light > 0.19 else QColor("#ffffff")


def colours_of(widget: QWidget) -> Colours:
    """The colours that suit a widget's palette; so nothing has to be told which theme is on."""
    return DARK if widget.palette().color(QPalette.ColorRole.Window).lightness() < 128 else LIGHT


def palette(colours: Colours) -> QPalette:
    """The palette for Fusion."""
    made = QPalette()
    role = QPalette.ColorRole
    for name, roles in {
        "panel": (role.Window,),
        "background": (role.Base,),
        "raised": (role.Button, role.ToolTipBase),
        "text": (role.WindowText, role.Text, role.ButtonText, role.ToolTipText, role.BrightText),
        "muted": (role.PlaceholderText,),
        "accent": (role.Link, role.LinkVisited, role.Accent),
        "selection": (role.Highlight,),
        "line": (role.Mid,),
    }.items():
        for one in roles:
            made.setColor(one, colours.color(name))
    made.setColor(role.AlternateBase, QColor("#1b1e22" if colours.dark else "#fafbfc"))
    made.setColor(role.HighlightedText, readable_on(colours.color("selection")))
    made.setColor(role.Light, colours.color("line").lighter(115))
    made.setColor(role.Midlight, colours.color("line"))
    made.setColor(role.Dark, colours.color("line").darker(115))
    made.setColor(role.Shadow, QColor("#000000" if colours.dark else "#9aa0aa"))
    disabled = QPalette.ColorGroup.Disabled
    faint = QColor("#666e7b" if colours.dark else "#a3a9b3")
    for one in (role.WindowText, role.Text, role.ButtonText):
        made.setColor(disabled, one, faint)
    made.setColor(disabled, role.Highlight, colours.color("line"))
    return made


def stylesheet(colours: Colours) -> str:
    """What a palette cannot say; sizes on a grid of 4 px.

    What has the focus has an edge of the accent's colour, on the accent's own ground one of the text's.
    """
    hover = "#333841" if colours.dark else "#e9ecf1"
    pressed = "#3d434e" if colours.dark else "#dde1e8"
    here = "#263650" if colours.dark else "#dce7fa"
    faint = "#666e7b" if colours.dark else "#a3a9b3"
    on_accent = readable_on(colours.color("accent")).name()
    on_selection = readable_on(colours.color("selection")).name()
    down, up = (resource(f"icons/chevron-{way}.svg").as_posix() for way in ("down", "up"))
    return f"""
QToolTip {{ color: {colours.text}; background: {colours.raised}; border: 1px solid {colours.outline};
    padding: 4px; }}
QMainWindow::separator {{ background: {colours.line}; width: 1px; height: 1px; }}
QSplitter::handle {{ background: {colours.line}; }}
QSplitter::handle:hover {{ background: {colours.accent}; }}
QSplitter::handle:horizontal {{ width: 1px; }}
QSplitter::handle:vertical {{ height: 1px; }}
QToolBar {{ background: {colours.panel}; border: none; border-bottom: 1px solid {colours.line};
    padding: 2px; spacing: 4px; }}
QToolButton {{ border: 1px solid transparent; border-radius: 4px; padding: 4px 8px;
    background: transparent; }}
QToolButton[role="toggle"] {{ border-color: {colours.outline}; padding: 3px 8px; }}
QToolButton:hover {{ background: {hover}; }}
QToolButton:pressed, QToolButton:checked {{ background: {pressed}; }}
StepBar QToolButton {{ padding: 5px 2px 5px 8px; }}
StepBar QToolButton:checked {{ background: {here}; }}
QToolButton:focus {{ border: 1px solid {colours.accent}; }}
QListWidget#recent {{ activate-on-singleclick: 1; }}
Palette {{ border: 1px solid {colours.outline}; }}
QDialogButtonBox {{ dialogbuttonbox-buttons-have-icons: 0; }}
QPushButton {{ border: 1px solid {colours.outline}; border-radius: 4px; padding: 4px 12px; outline: none;
    background: {colours.raised}; min-height: 16px; }}
QPushButton:hover {{ background: {hover}; }}
QPushButton:pressed, QPushButton:checked {{ background: {pressed}; }}
QPushButton:default {{ background: {colours.accent}; color: {on_accent}; border-color: {colours.accent}; }}
QPushButton:disabled {{ color: {faint}; background: {colours.panel}; border-color: {colours.line}; }}
QPushButton:flat, QPushButton:flat:disabled {{ border-color: transparent; background: transparent; }}
QPushButton:flat:hover {{ background: {hover}; }}
QPushButton:focus {{ border: 2px solid {colours.accent}; padding: 3px 11px; }}
QPushButton:default:focus {{ border: 2px solid {colours.text}; padding: 3px 11px; }}
QPushButton#link {{ color: {colours.accent}; padding: 4px 6px 4px 0; text-align: left; }}
QPushButton#link:focus {{ padding: 3px 5px 3px 0; }}
QLineEdit, QComboBox, QAbstractSpinBox {{ border: 1px solid {colours.outline}; border-radius: 4px;
    padding: 3px 6px; background: {colours.background}; selection-background-color: {colours.selection};
    selection-color: {on_selection}; }}
QComboBox {{ padding: 2px 8px; min-height: 18px; }}
QAbstractSpinBox {{ padding: 1px 0 1px 4px; min-height: 18px; }}
QComboBox:hover {{ background: {hover}; }}
QLineEdit:focus, QComboBox:focus, QAbstractSpinBox:focus {{ border-color: {colours.accent}; }}
QLineEdit:disabled, QComboBox:disabled, QAbstractSpinBox:disabled {{ border-color: {colours.line};
    background: {colours.panel}; color: {faint}; }}
QAbstractSpinBox QLineEdit, QAbstractSpinBox QLineEdit:focus {{ border: none; padding: 0; background: transparent; }}
QComboBox::drop-down {{ subcontrol-origin: padding; subcontrol-position: center right; width: 18px; border: none; }}
QComboBox::down-arrow {{ image: url({down}); width: 14px; height: 14px; }}
QComboBox QAbstractItemView {{ background: {colours.raised}; border: 1px solid {colours.outline}; outline: 0;
    selection-background-color: {colours.selection}; selection-color: {on_selection}; }}
QComboBox QAbstractItemView::item {{ min-height: 22px; padding: 0 7px; }}
QComboBox QAbstractItemView::item:selected {{ background: {colours.selection}; color: {on_selection}; }}
QAbstractSpinBox::up-button, QAbstractSpinBox::down-button {{ subcontrol-origin: border; width: 16px;
    border: none; background: transparent; }}
QAbstractSpinBox::up-button {{ subcontrol-position: top right; margin: 1px 1px 0 0; }}
QAbstractSpinBox::down-button {{ subcontrol-position: bottom right; margin: 0 1px 1px 0; }}
QAbstractSpinBox::up-button:hover, QAbstractSpinBox::down-button:hover {{ background: {hover}; }}
QAbstractSpinBox::up-arrow {{ image: url({up}); width: 12px; height: 12px; }}
QAbstractSpinBox::down-arrow {{ image: url({down}); width: 12px; height: 12px; }}
QHeaderView::section {{ background: {colours.panel}; color: {colours.muted}; border: none;
    border-bottom: 1px solid {colours.line}; border-right: 1px solid {colours.line}; padding: 4px 3px; }}
QHeaderView::up-arrow, QHeaderView::down-arrow {{ subcontrol-origin: border; subcontrol-position: top center;
    width: 12px; height: 12px; top: -3px; }}
QHeaderView::down-arrow {{ image: url({down}); }}
QHeaderView::up-arrow {{ image: url({up}); }}
QAbstractItemView {{ border: 1px solid transparent; gridline-color: {colours.line};
    selection-background-color: {colours.selection}; selection-color: {on_selection}; }}
QTableView {{ padding: 0 5px; }}
QAbstractItemView:focus, GraphCanvas:focus {{ border-color: {colours.accent}; }}
GraphCanvas {{ border: 1px solid transparent; }}
QTabWidget::pane {{ border: none; border-top: 1px solid {colours.line}; }}
QTabBar {{ qproperty-drawBase: 0; }}
QTabBar::tab {{ background: transparent; color: {colours.muted}; border: none; padding: 6px 9px;
    border-bottom: 2px solid transparent; }}
QTabBar::tab:selected {{ color: {colours.text}; border-bottom: 2px solid {colours.accent}; }}
QTabBar::tab:hover {{ color: {colours.text}; }}
QTabBar::tab:focus {{ color: {colours.accent}; background: {hover}; }}
QDockWidget::title {{ background: {colours.panel}; padding: 4px 8px;
    border-bottom: 1px solid {colours.line}; }}
QStatusBar {{ border-top: 1px solid {colours.line}; }}
QStatusBar::item {{ border: none; }}
QMenuBar {{ background: {colours.panel}; border-bottom: 1px solid {colours.line}; }}
QMenuBar::item {{ padding: 4px 8px; border-radius: 4px; background: transparent; }}
QMenuBar::item:selected {{ background: {hover}; }}
QMenu {{ background: {colours.raised}; border: 1px solid {colours.outline}; padding: 4px; }}
QMenu::item {{ padding: 4px 24px 4px 16px; border-radius: 4px; }}
QMenu::item:selected {{ background: {colours.selection}; color: {on_selection}; }}
QMenu::item:disabled {{ color: {colours.muted}; background: transparent; }}
QMenu::separator {{ height: 1px; background: {colours.line}; margin: 4px 8px; }}
QProgressBar {{ border: none; border-radius: 3px; background: {colours.line}; max-height: 6px;
    text-align: center; }}
QProgressBar::chunk {{ border-radius: 3px; background: {colours.accent}; }}
QScrollBar {{ background: transparent; border: none; }}
QScrollBar:vertical {{ width: 12px; }}
QScrollBar:horizontal {{ height: 12px; }}
QScrollBar::handle {{ background: {colours.outline}; border-radius: 4px; margin: 2px; }}
QScrollBar::handle:vertical {{ min-height: 28px; }}
QScrollBar::handle:horizontal {{ min-width: 28px; }}
QScrollBar::handle:hover {{ background: {colours.muted}; }}
QScrollBar::add-line, QScrollBar::sub-line {{ width: 0; height: 0; }}
QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent; }}
QLabel[role="muted"] {{ color: {colours.muted}; }}
QLabel[role="bad"] {{ color: {colours.bad}; }}
QLabel[role="title"] {{ font-weight: 600; }}
"""


class Theme(QObject):
    """Applies the colours to the application and follows the system while told to.

    Parameters
    ----------
    app : QApplication
    mode : str
        One of `MODES`.

    Signals
    -------
    changed(Colours)
        After the application was restyled.
    """

    changed = Signal(object)

    def __init__(self, app: QApplication, mode: str = "system") -> None:
        super().__init__(app)
        self._app = app
        self._mode = mode
        self._colours = LIGHT
        app.setStyle("Fusion")
        app.styleHints().colorSchemeChanged.connect(self._follow)
        self.set_mode(mode)

    @property
    def mode(self) -> str:
        return self._mode

    @property
    def colours(self) -> Colours:
        return self._colours

    def set_mode(self, mode: str) -> None:
        """Choose ``light``, ``dark``, or ``system`` to follow the desktop."""
        if mode not in MODES:
            raise ValueError(f"mode {mode!r} is none of {MODES}")
        self._mode = mode
        schemes = {"light": Qt.ColorScheme.Light, "dark": Qt.ColorScheme.Dark}
        scheme = schemes.get(mode, Qt.ColorScheme.Unknown)
        # Told to Qt too, so that file dialogs and window frames match.
        self._app.styleHints().setColorScheme(scheme)
        self._apply()

    def _follow(self) -> None:
        if self._mode == "system":
            self._apply()

    def _apply(self) -> None:
        mode = self._mode
        dark = mode == "dark" or (mode == "system" and self._app.styleHints().colorScheme() == Qt.ColorScheme.Dark)
        self._colours = DARK if dark else LIGHT
        # Taken off and put on, not replaced: Qt polishes every widget many times over where it replaces one.
        self._app.setStyleSheet("")
        self._app.setPalette(palette(self._colours))
        self._app.setStyleSheet(stylesheet(self._colours))
        self.changed.emit(self._colours)
