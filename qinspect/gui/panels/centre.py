"""Plots and graph in the centre of the workbench, in tabs: a hidden one is brought up to date when it is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QTabWidget, QWidget

from ...session import Run
from ..document import Document
from ..graph.view import GraphView
from ..plots.base import Plot
from ..plots.depth import DepthPlot
from ..plots.drift import DriftPlot
from ..plots.latency import LatencyPlot
from ..plots.scatter import GainPoint, GainScatter
from .layer_facts import Facts
from .marked_tabs import MarkedTabs
from .overlays import depth_points, graph_figures, graph_nodes, latency_bars, worth
from .pareto import PlanPareto

if TYPE_CHECKING:
    from ...engine.results import LayerRow
    from ..close_up import SampleErrors


class Centre(QTabWidget):
    """Error along the depth, graph, latency, error against gain, Pareto front, and the error of a state."""

    def __init__(self, document: Document) -> None:
        super().__init__()
        self._document = document
        self._facts = Facts()
        self._shape: tuple[Any, ...] = ()  # the layers whose graph is laid out
        self._coloured = ""  # digest of the model whose graph got colours with its first figures
        self._behind: set[QWidget] = set()  # tabs that show an older state
        self._sampled: Run | None = None
        self.depth, self.graph, self.latency = DepthPlot(), GraphView(), LatencyPlot()
        self.scatter, self.pareto, self.drift = GainScatter(), PlanPareto(document), DriftPlot()
        self.marks = MarkedTabs()
        self.setTabBar(self.marks)
        self.setDocumentMode(True)
        self.addTab(self.depth, self.tr("Depth"))
        self.addTab(self.graph, self.tr("Graph"))
        self.addTab(self.latency, self.tr("Latency"))
        self.addTab(self.scatter, self.tr("Error × gain"))
        self.addTab(self.pareto, self.tr("Pareto"))
        self.addTab(self.drift, self.tr("State"))
        self._fill = {
            self.depth: self._fill_depth,
            self.graph: self._fill_graph,
            self.latency: self._fill_latency,
            self.scatter: self._fill_scatter,
        }
        self._choose = {
            self.depth: lambda: self.depth.select(document.current, document.selection),
            self.graph: lambda: self.graph.select(*document.selection),
            self.latency: lambda: self.latency.select(document.current),
            self.scatter: lambda: self.scatter.select(document.selection),
        }
        for one in (self.depth, self.graph, self.latency):
            one.layer_selected.connect(lambda layer_id: document.select((layer_id,)))
        for several in (self.graph.block_selected, self.scatter.layers_selected):
            several.connect(document.select)
        self.currentChanged.connect(self._chosen)

    def show_facts(self, facts: Facts) -> None:
        """Show the layers' figures: in the tab that is seen now, in the others when they are."""
        document, self._facts = self._document, facts
        if self._sampled is not None and self._sampled is not document.shown:
            self._sampled = None
            self.depth.set_sample("", None)
        if document.model is None:
            self._shape = ()
            self.graph.clear()
        drift = None if document.shown is None else document.shown.analysis.drift
        self.drift.set_drift(drift)
        self.setTabVisible(self.indexOf(self.drift), drift is not None)  # most models carry nothing over
        self._behind = set(self._fill)
        self._show_stale()
        self._fill_shown()

    def show_selection(self) -> None:
        """Mark the selected layers in the tab that is shown."""
        if (choose := self._choose.get(self.currentWidget())) is not None:
            choose()

    def show_sample(self, found: SampleErrors) -> None:
        """One sample's errors, laid over those of all."""
        self._sampled = self._document.shown
        self.depth.set_sample(found.name, found.cumulative)
        self.depth.show_series("sqnr")
        self.setCurrentWidget(self.depth)

    def _chosen(self) -> None:
        self._fill_shown()
        self.show_selection()

    def _fill_shown(self) -> None:
        shown = self.currentWidget()
        if shown in self._behind:
            self._behind.discard(shown)
            self._fill[shown]([row for row in self._facts.rows if row.fused_into is None])
            if shown is not self.graph:  # which does not move where it is the same
                self.show_selection()

    def _fill_depth(self, rows: list[LayerRow]) -> None:
        self.depth.set_points(depth_points(rows, self._facts) if self._document.shown is not None else ())

    def _fill_latency(self, rows: list[LayerRow]) -> None:
        exact = self._document.last_exact
        self.latency.set_bars(latency_bars(rows, self._facts, None if exact is None else exact.analysis))
        title = self.tr("Latency of the layers")
        if exact is not None and exact.device:
            title = self.tr("Latency of the layers on {0}").format(exact.device)
        self.latency.set_title(title)

    def _fill_scatter(self, _: list[LayerRow]) -> None:
        self.scatter.set_points([GainPoint(r.id, r.id, part, won, r.quantized) for r, part, won in worth(self._facts)])

    def _fill_graph(self, rows: list[LayerRow]) -> None:
        model = self._document.model
        if model is None:
            return
        shape = (model.digest, tuple((row.id, row.fused) for row in rows))
        figures = graph_figures(self._facts)
        if shape != self._shape:
            self._shape = shape
            self.graph.set_graph(graph_nodes(rows, model.graph), figures)
            self.show_selection()
        # Once for a model: who then takes the colours away wants none.
        if self._document.shown is not None and self._coloured != model.digest:
            self._coloured = model.digest
            if self.graph.overlay.currentIndex() == 0:
                self.graph.set_overlay("error")
        self.graph.set_figures(figures, self._facts.stale)

    def _show_stale(self) -> None:
        """Mark every tab whose figures are of another plan than the current one, and draw them paler."""
        facts = self._facts
        times = facts.times_stale and bool(facts.times)
        late = {
            self.depth: facts.stale,
            self.graph: facts.stale,
            self.latency: times,
            self.scatter: facts.stale or times,
            self.drift: facts.stale and self.isTabVisible(self.indexOf(self.drift)),
        }
        self.marks.mark(
            frozenset(self.indexOf(widget) for widget, stale in late.items() if stale),
            self.tr("The figures belong to another plan than the current one"),
        )
        if facts.stale:
            # Its points are of runs, each right for its own plan.
            tip = self.tr("The current plan was not run yet: its point is estimated")
            self.setTabToolTip(self.indexOf(self.pareto), tip)
        for widget, stale in late.items():
            if isinstance(widget, Plot):
                widget.set_stale(stale)
