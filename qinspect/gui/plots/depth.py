"""The error of every layer along the depth of the network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, Qt, Signal
from PySide6.QtWidgets import QButtonGroup, QWidget

from .base import Plot, Table, rgba, short_name

TICK = 0.03
"""Of the height: the mark of a layer that is selected with the current one."""


@dataclass(frozen=True)
class DepthPoint:
    """One layer; None is not measured, an infinite SQNR is not drawn."""

    id: str
    label: str
    local_sqnr_db: float | None = None
    cumulative_sqnr_db: float | None = None
    estimated_kl_share: float | None = None
    isolated_kl: float | None = None
    leave_one_out_kl: float | None = None


class DepthPlot(Plot):
    """Local and cumulative SQNR, or the share of the estimated KL, over the layers in order.

    Signals
    -------
    layer_selected(str)
        The user clicked a layer.
    """

    layer_selected = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._points: tuple[DepthPoint, ...] = ()
        self._selected: str | None = None
        self._index: dict[str, int] = {}
        self._sample: tuple[str, Mapping[str, float]] | None = None
        self.sqnr = self.toggle(self.tr("SQNR"), self.tr("Signal to quantization noise of each layer, dB"))
        self.share = self.toggle(
            self.tr("Error share"), self.tr("Each layer's share of the output error, estimated, %")
        )
        self.alone = self.toggle(
            self.tr("alone"),
            self.tr("KL at the output with this layer alone quantized, and with all but it, nats; as measured"),
        )
        group = QButtonGroup(self)
        for button in (self.sqnr, self.share, self.alone):
            group.addButton(button)
        self.sqnr.setChecked(True)
        group.buttonToggled.connect(self._series_chosen)
        self._mark = pg.InfiniteLine(angle=90, movable=False)
        self._chosen: tuple[str, ...] = ()
        self._others = pg.VTickGroup(yrange=(0, TICK))  # lines would hide what is behind hundreds
        self.canvas.scene().sigMouseMoved.connect(self._hover)
        self.canvas.scene().sigMouseClicked.connect(self._clicked)
        self.begin(self.tr("Error by depth"), "")
        self.set_awaited(False)

    def set_awaited(self, on: bool) -> None:
        """Whether the first figures are being measured: an empty plot says so."""
        self.set_hint(
            self.tr("The first figures are on their way.")
            if on
            else self.tr("Run the analysis to see the error of every layer.")
        )

    def set_points(self, points: Sequence[DepthPoint]) -> None:
        """Show layers in execution order; none shows the hint."""
        if (points := tuple(points)) == self._points and not self.empty:
            return  # an edit of the plan changes no figure
        self._points = points
        self._index = {point.id: place for place, point in enumerate(self._points)}
        measured = any(point.isolated_kl is not None for point in self._points)
        self.alone.setVisible(measured)
        if not measured and self.alone.isChecked():
            self.sqnr.setChecked(True)
        self.redraw()
        self.plot.enableAutoRange()

    def set_sample(self, name: str, sqnr_db: Mapping[str, float] | None) -> None:
        """Lay one sample's cumulative SQNR over that of all; None takes it away."""
        self._sample = None if sqnr_db is None else (name, sqnr_db)
        self.redraw()
        self.plot.enableAutoRange()

    def clear(self) -> None:
        """Show the hint."""
        self.set_points(())

    def select(self, layer_id: str | None, chosen: Sequence[str] = ()) -> None:
        """Mark a layer, and more faintly all that are selected with it, without a signal."""
        self._selected, self._chosen = layer_id, tuple(chosen)
        self._place_mark()

    def show_series(self, name: str) -> None:
        """``sqnr`` or ``share``."""
        (self.share if name == "share" else self.sqnr).setChecked(True)

    def _series_chosen(self) -> None:
        self.redraw()
        self.plot.enableAutoRange()

    # -- drawing ------------------------------------------------------------------------------

    def redraw(self) -> None:
        self.plot.clear()
        self.show_data(bool(self._points))
        if not self._points:
            return
        colours = self.colours
        order = np.arange(1, len(self._points) + 1)
        if self.share.isChecked():
            self._axes(self.tr("layer, in execution order"), self.tr("share of the output error, estimated (%)"))
            values = self._values("estimated_kl_share") * 100
            bars = pg.BarGraphItem(
                x=order,
                height=np.nan_to_num(values),
                width=0.8,
                pen=pg.mkPen(None),
                brush=rgba(colours.accent, 190),
            )
            self.plot.addItem(bars)
            self.set_legend()
        else:
            alone = self.alone.isChecked()
            unit = self.tr("KL(fp32‖int8) (nats)") if alone else self.tr("SQNR (dB)")
            self._axes(self.tr("layer, in execution order"), unit)
            if alone:
                series = [
                    ("o", "●", self.tr("this layer alone"), colours.accent, self._values("isolated_kl")),
                    ("t", "▼", self.tr("all but this layer"), colours.float, self._values("leave_one_out_kl")),
                ]
            else:
                series = [
                    ("o", "●", self.tr("local"), colours.accent, self._values("local_sqnr_db")),
                    ("t", "▼", self.tr("cumulative"), colours.float, self._values("cumulative_sqnr_db")),
                ]
            if self._sample is not None and not alone:
                name, values = self._sample
                own = np.array([values.get(point.id, np.nan) for point in self._points], np.float64)
                series.append(("s", "■", short_name(name, 24), colours.bad, own))
            self.set_legend(*((sign, text, color) for _, sign, text, color, _ in series))
            # Hundreds of layers would be one smear of large symbols and lines up and down.
            size, alpha = (6, 150) if len(order) <= 120 else (4, 60) if len(order) <= 400 else (3, 30)
            for symbol, _, _, color, values in series:
                known = np.isfinite(values)
                self.plot.addItem(
                    pg.PlotDataItem(
                        order[known], values[known], pen=pg.mkPen(rgba(color, alpha), width=1),
                        symbol=symbol, symbolSize=size, symbolBrush=color, symbolPen=None,
                    )
                )  # fmt: skip
        self._mark.setPen(pg.mkPen(colours.text, width=1, style=Qt.PenStyle.DashLine))
        self._others.setPen(pg.mkPen(colours.accent, width=1))
        for mark in (self._others, self._mark):
            self.plot.addItem(mark, ignoreBounds=True)
        self._place_mark()

    def _values(self, key: str) -> NDArray[np.float64]:
        return np.array([np.nan if (v := getattr(point, key)) is None else v for point in self._points], np.float64)

    def _place_mark(self) -> None:
        place = self._index.get(self._selected) if self._selected is not None else None
        self._mark.setVisible(place is not None)
        if place is not None:
            self._mark.setValue(place + 1)
        others = [self._index[layer_id] + 1 for layer_id in self._chosen if layer_id in self._index]
        self._others.setXVals([x for x in others if place is None or x != place + 1])
        self._others.setVisible(bool(self._others.xvals))  # an empty path is a fault in an SVG to some readers
        self._describe(place)

    def _describe(self, place: int | None) -> None:
        if place is None:
            self.set_caption(self.tr("{} layers; click one to select it").format(len(self._points)))
            return
        point = self._points[place]
        parts = [f"{place + 1}  {short_name(point.id, 44)}"]
        if self.share.isChecked():
            if point.estimated_kl_share is not None:
                parts.append(self.tr("{:.1f}% of the output error, estimated").format(point.estimated_kl_share * 100))
        elif self.alone.isChecked():
            if point.isolated_kl is not None:
                parts.append(self.tr("alone {:.3g} nats").format(point.isolated_kl))
            if point.leave_one_out_kl is not None:
                parts.append(self.tr("without it {:.3g} nats").format(point.leave_one_out_kl))
        else:
            if point.local_sqnr_db is not None:
                parts.append(self.tr("local {:.1f} dB").format(point.local_sqnr_db))
            if point.cumulative_sqnr_db is not None:
                parts.append(self.tr("cumulative {:.1f} dB").format(point.cumulative_sqnr_db))
            if self._sample is not None and point.id in self._sample[1]:
                parts.append(self.tr("this sample {:.1f} dB").format(self._sample[1][point.id]))
        self.set_caption(" · ".join(parts))

    # -- mouse --------------------------------------------------------------------------------

    def point_of(self, layer_id: str) -> QPointF:
        """Where in the canvas a layer's column is, at the middle of the height."""
        (_, _), (low, high) = self.plot.vb.viewRange()
        found: QPointF = self.plot.vb.mapViewToScene(QPointF(self._index[layer_id] + 1, (low + high) / 2))
        return found

    def _at(self, place: QPointF) -> int | None:
        if not self._points or not self.plot.vb.sceneBoundingRect().contains(place):
            return None
        found = round(self.plot.vb.mapSceneToView(place).x()) - 1
        return found if 0 <= found < len(self._points) else None

    def _hover(self, place: QPointF) -> None:
        if self._points:
            found = self._at(place)
            self._describe(found if found is not None else self._index.get(self._selected or ""))

    def _clicked(self, event: object) -> None:
        if event.button() != Qt.MouseButton.LeftButton:  # type: ignore[attr-defined]
            return
        place = self._at(event.scenePos())  # type: ignore[attr-defined]
        if place is not None:
            self.select(self._points[place].id)
            self.layer_selected.emit(self._points[place].id)

    def table(self) -> Table:
        own = {} if self._sample is None else self._sample[1]
        figures = ("local_sqnr_db", "cumulative_sqnr_db", "estimated_kl_share", "isolated_kl", "leave_one_out_kl")
        return ("order", "layer", *figures, "sample_sqnr_db"), [
            (place, p.id, *(getattr(p, name) for name in figures), own.get(p.id))
            for place, p in enumerate(self._points, 1)
        ]
