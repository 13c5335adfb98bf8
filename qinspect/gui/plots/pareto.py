"""Time against what is lost: which plans no other one beats in both."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF, Qt, Signal
from PySide6.QtWidgets import QButtonGroup, QMenu, QWidget

from .base import Plot, Table, rgba, short_name


@dataclass(frozen=True)
class ParetoPoint:
    """One plan.

    Parameters
    ----------
    key : str
        What the signals name it by.
    label : str
    ms : float | None
        Time of a forward pass; such without are not drawn.
    kl : float | None
        KL(fp32 || int8) in nats.
    lost : float | None
        What it lost against the float model: points of the metric (or of the agreement where there
        are no labels), or the metric's own unit.
    kind : str
        ``run``, ``search`` (found, simulated and timed), ``estimate`` (found, a figure of it is
        estimated) or ``float`` (the model as it came).
    current : bool
        It is the current plan.
    mse : float | None
        Of the outputs, over their power: drawn where no plan has a KL divergence.
    scaled : bool
        Its time is not as it was measured, but as if float had taken as long as it did in the newest measurement.
    """

    key: str
    label: str
    ms: float | None
    kl: float | None
    lost: float | None
    kind: str = "run"
    current: bool = False
    mse: float | None = None
    scaled: bool = False


def front(places: Sequence[tuple[float, float]]) -> list[int]:
    """Indices of the points that no other one beats in both coordinates, from left to right."""
    found: list[int] = []
    lowest = math.inf
    for place in sorted(range(len(places)), key=lambda i: places[i]):
        if places[place][1] < lowest:
            lowest = places[place][1]
            found.append(place)
    return found


class ParetoPlot(Plot):
    """Plans by time and loss, with the front of those that nothing beats.

    Signals
    -------
    chosen(str)
        A point was clicked: its key.
    opened(str)
        A point was double-clicked: its plan is wanted.
    """

    chosen = Signal(str)
    opened = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._points: tuple[ParetoPoint, ...] = ()
        self._unit = "points"
        self._selected: frozenset[str] = frozenset()
        self._dots: pg.ScatterPlotItem | None = None
        self.kl = self.toggle(self.tr("KL"), self.tr("Divergence from the float model, KL(fp32‖int8), nats"), on=True)
        self.lost = self.toggle(
            self.tr("lost"), self.tr("Metric, or agreement without labels, lost against the float model")
        )
        group = QButtonGroup(self)
        group.addButton(self.kl)
        group.addButton(self.lost)
        group.buttonToggled.connect(self._measure_chosen)
        self.canvas.scene().sigMouseClicked.connect(self._clicked)
        self.begin(
            self.tr("Time against loss"),
            self.tr("Every run that measured time is a point here; the search adds the plans that it found."),
        )

    def set_points(self, points: Sequence[ParetoPoint], unit: str = "points") -> None:
        """Show plans; without any beside the float model the hint is shown. `unit` is that of what is lost."""
        self._points, self._unit = tuple(points), unit
        self.redraw()
        self.plot.enableAutoRange()

    def clear(self) -> None:
        """Show the hint."""
        self.set_points(())

    def select(self, keys: Sequence[str]) -> None:
        """Mark points without a signal."""
        self._selected = frozenset(keys)
        self._style()

    def _measure_chosen(self) -> None:
        self.redraw()
        self.plot.enableAutoRange()

    def shown(self) -> list[tuple[ParetoPoint, float, float]]:
        """The points that have both figures, with their place."""
        found = []
        by_mse = self.by_mse
        for point in self._points:
            loss = point.lost if self.lost.isChecked() else point.mse if by_mse else point.kl
            if point.ms is not None and loss is not None and math.isfinite(point.ms + loss):
                found.append((point, point.ms, loss))
        return found

    @property
    def by_mse(self) -> bool:
        """Whether the outputs are no distributions over classes, so that no plan has a KL divergence."""
        plans = [point for point in self._points if point.kind != "float"]
        return bool(plans) and all(point.kl is None for point in plans)

    def redraw(self) -> None:
        self.plot.clear()
        self._dots = None
        self.kl.setText(self.tr("MSE") if self.by_mse else self.tr("KL"))
        shown = self.shown()
        there = any(point.kind != "float" for point, *_ in shown)
        self.show_data(there)
        if not there:
            return
        colours = self.colours
        self._axes(
            self.tr("time of a forward pass (ms)"),
            self.tr("lost against float ({0})").format(self._lost_unit())
            if self.lost.isChecked()
            else self.tr("output MSE / power")
            if self.by_mse
            else self.tr("KL(fp32‖int8) (nats)"),
        )
        places = [(ms, loss) for _, ms, loss in shown]
        best = front(places)
        x, y = (np.array([places[i][axis] for i in best]) for axis in (0, 1))
        # Between two points of the front nothing is known: the step says what is reached at least.
        edges_x, edges_y = np.repeat(x, 2)[1:], np.repeat(y, 2)[:-1]
        self.plot.addItem(pg.PlotCurveItem(edges_x, edges_y, pen=pg.mkPen(colours.muted, style=Qt.PenStyle.DashLine)))
        self._dots = pg.ScatterPlotItem(
            [ms for _, ms, _ in shown],
            [loss for *_, loss in shown],
            data=[point.key for point, *_ in shown],
            hoverable=True,
            tip=self._tip,
        )
        self.plot.addItem(self._dots)
        self._style()

    def _style(self) -> None:
        if self._dots is None:
            return
        colours = self.colours
        shown = [point for point, *_ in self.shown()]
        symbols = {"run": "o", "search": "d", "estimate": "d", "float": "s"}
        fills = {"run": colours.accent, "search": colours.mixed, "estimate": colours.muted, "float": colours.float}
        picked = [point.key in self._selected or point.current for point in shown]
        self._dots.setSymbol([symbols[point.kind] for point in shown])
        self._dots.setSize([13 if one else 9 for one in picked])
        self._dots.setBrush([pg.mkBrush(rgba(fills[point.kind], 200)) for point in shown])
        self._dots.setPen(
            [pg.mkPen(colours.text, width=2) if one else pg.mkPen(colours.background, width=0.75) for one in picked]
        )
        entries = [("●", self.tr("run, measured"), colours.accent), ("■", self.tr("float"), colours.float)]
        if any(point.kind == "search" for point in shown):
            entries.append(("◆", self.tr("search, measured"), colours.mixed))
        if any(point.kind == "estimate" for point in shown):
            entries.append(("◆", self.tr("search, estimated"), colours.muted))
        self.set_legend(*entries)
        chosen = [point.label for point in shown if point.key in self._selected]
        hidden = len(self._points) - len(shown)
        parts = [self.tr("selected: {}").format(", ".join(chosen))] if chosen else []
        parts.append(self.tr("dashed: no plan beats these in both; double-click takes a plan"))
        if any(point.kind in ("search", "estimate") for point in shown):
            parts.append(self.tr("losses: runs on the final split, searched plans on the select split"))
        if any(point.scaled for point in shown):
            parts.append(self.tr("times of older runs are scaled to float's newest time"))
        if hidden:
            parts.append(self.tr("{} not drawn: time or loss was not measured").format(hidden))
        self.set_caption(" · ".join(parts))

    def _lost_unit(self) -> str:
        return self.tr("points") if self._unit == "points" else self._unit

    def _tip(self, x: float, y: float, data: str) -> str:
        label = next((point.label for point in self._points if point.key == data), "")
        unit = self._lost_unit() if self.lost.isChecked() else "" if self.by_mse else self.tr("nats")
        return f"{short_name(label, 48)}\n{x:.3g} ms, {y:.3g} {unit}".rstrip()

    def point_of(self, key: str) -> QPointF:
        """Where in the canvas a point is."""
        x, y = next((ms, loss) for point, ms, loss in self.shown() if point.key == key)
        found: QPointF = self.plot.vb.mapViewToScene(QPointF(x, y))
        return found

    def _clicked(self, event: object) -> None:
        if self._dots is None or event.button() != Qt.MouseButton.LeftButton:  # type: ignore[attr-defined]
            return
        key = self._key_at(event.scenePos())  # type: ignore[attr-defined]
        if key is not None:
            self.select((key,))
            (self.opened if event.double() else self.chosen).emit(key)  # type: ignore[attr-defined]

    def _key_at(self, place: QPointF) -> str | None:
        """The key of the point that is drawn at a place of the scene."""
        hits = () if self._dots is None else self._dots.pointsAt(self._dots.mapFromScene(place))
        return str(hits[0].data()) if len(hits) else None

    def fill_menu(self, menu: QMenu, place: QPointF) -> None:
        key = self._key_at(place)
        point = next((point for point in self._points if point.key == key), None)
        if key is None or point is None or point.kind == "float" or point.current:
            return
        self.select((key,))
        menu.addAction(self.tr("Take this plan"), lambda: self.opened.emit(key))
        menu.addSeparator()

    def table(self) -> Table:
        return ("plan", "kind", "ms", "kl_nats", f"lost_{self._unit}"), [
            (p.label, p.kind, p.ms, p.kl, p.lost) for p in self._points
        ]
