"""Start the application: the window first, torch after it."""

from __future__ import annotations

import contextlib
import locale
import os
import signal
import socket
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QCoreApplication, QEvent, QSettings, QSocketNotifier, QStandardPaths, QTimer, Signal
from PySide6.QtGui import QFileOpenEvent, QIcon
from PySide6.QtWidgets import QApplication

from ..engine.plan import QuantPlan
from ..engine.plan.file import plan_from_json, read_plan
from ..engine.problem import Problem
from ..engine.progress import silent
from ..engine.text import Text
from ..resources import resource
from ..session import SUFFIX
from .garbage import Garbage
from .icons import use
from .jobs import Failure
from .language import install, wanted
from .main_window import MainWindow
from .theme import Theme

if TYPE_CHECKING:
    from ..engine.calibrate import Calibration
    from ..engine.data import Dataset
    from ..engine.float_check import FloatCheck
    from ..engine.load import Model
    from ..engine.results import Analysis


SETTLE_S = 60.0
"""A picture waits so long for what the window computes when it is shown."""


class Application(QApplication):
    """Keeps the files that the system opens with it until a window takes them.

    macOS names a file that was clicked in an event, and not on the command line; it comes before there is a window, or
    while one is open.
    """

    handed = Signal()

    def __init__(self, words: list[str]) -> None:
        super().__init__(words)
        self._files: list[Path] = []

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QFileOpenEvent) and event.url().isLocalFile():
            self._files.append(Path(event.url().toLocalFile()))
            self.handed.emit()
            return True
        return super().event(event)

    def taken(self) -> list[Path]:
        """The files that nobody has taken yet."""
        files, self._files = self._files, []
        return files


def application() -> QApplication:
    """The one application, with its names set."""
    _speak_utf8()
    found = QApplication.instance()
    app = found if isinstance(found, QApplication) else Application(sys.argv[:1])
    app.setApplicationName("qinspect")
    app.setOrganizationName("qinspect")
    app.setApplicationDisplayName("qinspect")
    app.setDesktopFileName("org.qinspect.QInspect")
    app.setWindowIcon(QIcon(str(resource("icons/qinspect.svg"))))
    return app


def _speak_utf8() -> None:
    """Take the C locale for what Qt takes it for anyway, with a warning: C.UTF-8."""
    if not sys.platform.startswith("linux"):
        return
    with contextlib.suppress(locale.Error):
        locale.setlocale(locale.LC_CTYPE, "")
        if locale.nl_langinfo(locale.CODESET) == "ANSI_X3.4-1968":
            locale.setlocale(locale.LC_CTYPE, "C.UTF-8")
            os.environ["LC_ALL" if os.environ.get("LC_ALL") else "LC_CTYPE"] = "C.UTF-8"


def make_window(
    autosave: bool = True,
    mode: str | None = None,
    language: str | None = None,
    settings: QSettings | None = None,
) -> MainWindow:
    """A window, not yet shown; without other `settings` it has the user's."""
    app = application()
    settings = settings or QSettings()
    install(app, language or wanted(settings))
    theme = app.findChild(Theme) or Theme(app, mode or str(settings.value("theme", "system")))
    if mode is not None:
        theme.set_mode(mode)
    use(theme.colours)
    place = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.AppDataLocation)
    return MainWindow(theme, settings, Path(place) / "autosave.qinspect" if autosave else None)


def run(
    model: Mapping[str, Any] | None = None,
    data: Mapping[str, Any] | None = None,
    plan: Path | None = None,
    demo: bool = False,
    judged: tuple[str, str | None] | None = None,
) -> int:
    """Open the window and stay until it is closed.

    Parameters
    ----------
    model, data : mapping | None
        A `ModelSpec` and a `DataSpec` as JSON; the model's source may be a ``.qinspect`` session.
    plan : Path | None
        A plan.json.
    demo : bool
        Open the bundled model and data.
    judged : tuple | None
        A metric's name or source, and the number or name of the output that it is of.

    Returns
    -------
    int
        Exit status.
    """
    app = application()
    window = make_window()
    Garbage(window.tasks, window.document)
    window.show()

    def take() -> None:
        if isinstance(app, Application):
            window.dropping.open(app.taken())

    def begin() -> None:
        if isinstance(app, Application):
            app.handed.connect(take)
        window.make_workbench()
        window.tasks.look_at_host()
        try:
            chosen: QuantPlan | None = read_plan(plan) if plan else None
        except Problem as problem:
            window.show_problem(problem)
            return
        if demo:
            window.opening.demo()
        elif model is not None and str(model["source"]).endswith(SUFFIX):
            window.opening.session(Path(model["source"]))
        elif model is not None:
            window.opening.model(dict(model), chosen, dict(data) if data else None, judged)
        take()

    sys.excepthook = partial(_unexpected, window)
    # After the first paint, so that the window is there before anything is imported.
    QTimer.singleShot(50, begin)
    with _closed_by_signals(window):
        status = app.exec()
    if not window.stopped:
        # A job that does not listen would keep the process alive for ever.
        os._exit(status)
    return status


@contextlib.contextmanager
def _closed_by_signals(window: MainWindow) -> Iterator[None]:
    """SIGTERM and Ctrl+C close the window, which keeps the session.

    Python's own handlers wait for Python code to run, and a window that nobody touches runs none.
    """
    ours, theirs = socket.socketpair()
    for end in (ours, theirs):
        end.setblocking(False)
    heard = QSocketNotifier(ours.fileno(), QSocketNotifier.Type.Read, window)

    def close() -> None:
        heard.setEnabled(False)
        window.asks = False  # there may be nobody to answer
        window.close()

    heard.activated.connect(close)
    kinds = (signal.SIGTERM, signal.SIGINT)
    usual = {kind: signal.signal(kind, lambda *_: None) for kind in kinds}
    wakened = signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
    try:
        yield
    finally:
        heard.setEnabled(False)
        signal.set_wakeup_fd(wakened)
        for kind, handler in usual.items():
            signal.signal(kind, handler)
        ours.close()
        theirs.close()


def _unexpected(window: MainWindow, kind: type[BaseException], error: BaseException, trace: Any) -> None:
    """An exception in a slot: the window stays, and says what happened."""
    if issubclass(kind, KeyboardInterrupt):
        window.close()
        return
    details = "".join(traceback.format_exception(kind, error, trace))
    print(details, file=sys.stderr)
    window.show_problem(
        Failure(QCoreApplication.translate("Window", "In the window"), f"{kind.__name__}: {error}", details)
    )


def screenshot(
    model: Model,
    data: Dataset,
    calibration: Calibration,
    analysis: Analysis,
    out: Path,
    *,
    check: FloatCheck | None = None,
    step: str = "layers",
    size: tuple[int, int] = (1366, 768),
    mode: str = "light",
    layer: str | None = None,
    tab: int = 0,
    language: str = "en",
    known: dict[str, Any] | None = None,
) -> Path:
    """Picture of the real window with a finished analysis, without a screen.

    Parameters
    ----------
    out : Path
        The PNG.
    step : str
        One of `panels.steps.STEPS`.
    layer : str | None
        The layer that is selected; None takes the one with the largest share of the error.
    tab : int
        Of the workbench's centre (depth, graph, latency, scatter, plans), or of the Fix page
        (fusions, remedies, runs, search).
    language : str
        ``en`` or ``zh_CN``.
    known : dict | None
        Candidates by layer, which take seconds to compute: filled, and used for the next picture of the same analysis.
    """
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    app = application()
    # As at the first start, whatever this user has dragged or chosen.
    kept = tempfile.TemporaryDirectory()
    settings = QSettings(f"{kept.name}/settings.ini", QSettings.Format.IniFormat)
    window = make_window(autosave=False, mode=mode, language=language, settings=settings)
    window.resize(*size)
    window.make_workbench()
    document = window.document
    plan = plan_from_json(analysis.plan)
    document.set_model(model, analysis, plan)
    document.set_data(data)
    if check is not None:
        document.set_check(check)
    document.confirm()
    document.set_calibration(calibration)
    document.add_run(plan, analysis, exact=True)
    from ..engine.data.glimpse import glimpse
    from . import close_up, work

    wanted = (*data.splits.final, *data.splits.select, *data.splits.calibrate)[: work.SHOWN_SAMPLES]
    window.data_page.form.show_opened(data.spec.to_json())
    window.data_page.show_samples([(index, glimpse(data, index)) for index in wanted], work.class_names(data))
    if layer is None:
        worst = max(analysis.layers, key=lambda row: row.errors.estimated_kl or 0.0, default=None)
        layer = worst.id if worst is not None else None
    window.target_page.show_host(work.host(silent))
    (window.fix_page.tabs if step == "fix" else window.layers_page.centre).setCurrentIndex(tab)
    window.go(step)
    window.show()
    app.processEvents()
    if layer is not None:
        document.select((layer,))
    for _ in range(20):
        app.processEvents()
    if layer is not None and step == "layers":
        detail = window.layers_page.detail
        if document.weighted(layer):
            detail.show_weights(close_up.weight_ranges(model, plan, layer, silent))
        known = {} if known is None else known
        if layer not in known:
            known[layer] = close_up.candidates(model, data, plan, calibration, layer, document.timed(), None, silent)
        window.cease_asking()
        detail.show_candidates(layer, known[layer])
    # What pages ask for when they are shown, such as remedies or the growth of ranges.
    deadline = time.monotonic() + SETTLE_S
    while not window.jobs.idle and time.monotonic() < deadline:
        app.processEvents()
        time.sleep(0.01)
    for _ in range(5):
        app.processEvents()
    out.parent.mkdir(parents=True, exist_ok=True)
    if not window.grab().save(str(out)):
        raise Problem(str(out), Text("the picture cannot be written"), Text("Choose another folder."))
    window.close()
    window.deleteLater()
    # Without a running event loop nothing else does it, and a hundred pictures took gigabytes.
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    del settings
    kept.cleanup()
    return out
