"""The plots: what they draw, say, export, and how they answer the mouse."""

from __future__ import annotations

import csv
import errno
import os
import time
import xml.etree.ElementTree as ElementTree
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyqtgraph as pg
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMenu, QMessageBox

from qinspect.engine.calibrate.quality import RangeGrowth
from qinspect.engine.problem import Problem
from qinspect.engine.results import Analysis, LayerRow, Totals
from qinspect.engine.results.kernels import Boundary, KernelCheck, LatencySums
from qinspect.engine.results.samples import Drift
from qinspect.engine.statistics import Histogram, bin_exponent
from qinspect.gui.panels.overlays import border_times
from qinspect.gui.plots.base import Plot, told_apart
from qinspect.gui.plots.channels import ChannelRanges
from qinspect.gui.plots.depth import DepthPlot, DepthPoint
from qinspect.gui.plots.drift import DriftPlot
from qinspect.gui.plots.growth import GrowthPlot
from qinspect.gui.plots.histogram import Grid, HistogramPlot, clipped_shares, outside_share
from qinspect.gui.plots.kernel import KernelPlot, KernelScatter
from qinspect.gui.plots.latency import LatencyBar, LatencyPlot
from qinspect.gui.plots.levels import WeightLevels
from qinspect.gui.plots.pareto import ParetoPlot, ParetoPoint, front
from qinspect.gui.plots.scatter import GainPoint, GainScatter
from qinspect.gui.theme import DARK, LIGHT, Theme, palette

LEFT, NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
GRID = Grid(-1.5, 2.0, 3.5 / 255, 109, 8, "uint8")


def histogram_of(values: np.ndarray) -> Histogram:
    exponent = bin_exponent(float(values.min()), float(values.max()))
    index = np.floor(values / 2.0**exponent).astype(np.int64)
    return Histogram(exponent, int(index.min()), np.bincount(index - index.min()).astype(np.int64))


VALUES = np.random.default_rng(0).normal(0.2, 1.0, 50_000)


def fill_histogram(plot: HistogramPlot) -> None:
    plot.set_histogram(histogram_of(VALUES), float(VALUES.min()), float(VALUES.max()), 0.25)
    plot.set_grid(GRID, 31.25)


def fill_channels(plot: ChannelRanges) -> None:
    plot.set_ranges([-1.0, -2.0, -0.5], [1.0, 3.0, 0.25], -3.0, 3.0, "weight")


def fill_depth(plot: DepthPlot) -> None:
    plot.set_points([DepthPoint(f"layer{k}", f"l{k}", 40.0 - k, 30.0 - k, 0.1) for k in range(10)])


def fill_latency(plot: LatencyPlot) -> None:
    plot.set_bars(
        [LatencyBar(f"layer{k}", f"l{k}", 100.0 * k + 10, 40.0 * k + 20, 3.0, slower=not k) for k in range(20)]
    )


def fill_kernel(plot: KernelPlot) -> None:
    plot.set_check(KernelCheck(7, 0.9, 0.99, True, {0: 900, 1: 50, -1: 40, 2: 9, -7: 1}))


def fill_pairs(plot: KernelScatter) -> None:
    plot.set_check(KernelCheck(5, 0.9, 0.99, False, {0: 4000, 1: 90, -5: 10}, 0, ((0, 0), (9, 10), (200, 195))))


def fill_scatter(plot: GainScatter) -> None:
    plot.set_points([GainPoint(f"layer{k}", f"l{k}", 0.001 * 2**k, 50.0 * k - 60, k % 3 > 0) for k in range(8)])


def fill_pareto(plot: ParetoPlot) -> None:
    plot.set_points(
        [
            ParetoPoint("float", "float", 8.0, 0.0, 0.0, "float"),
            ParetoPoint("all", "all int8", 2.0, 0.4, 9.0, current=True),
            ParetoPoint("some", "some int8", 3.0, 0.1, 1.0),
            ParetoPoint("bad", "worse in both", 4.0, 0.5, 12.0),
            ParetoPoint("guess", "found", 2.5, 0.2, None, "search"),
            ParetoPoint("quick", "without time", None, 0.2, 2.0),
        ]
    )


def fill_levels(plot: WeightLevels) -> None:
    plot.set_levels(np.array([[0, 3, 5, 0], [1, 0, 9, 2]], np.int64), -2)


def fill_growth(plot: GrowthPlot) -> None:
    counts = np.array([1, 2, 4, 8])
    plot.set_growth(RangeGrowth(8, counts, np.array([0.5, 0.8, 0.9, 1]), np.array([0.2, 0.4, 0.8, 1]), {"x": 0.1}))


def fill_drift(plot: DriftPlot) -> None:
    plot.set_drift(Drift(("h",), (1,), 4, (30.0, 28.0, None), (25.0, 22.0, 20.0), (31.0, 30.5, 31.0)))


KINDS = [
    (HistogramPlot, fill_histogram),
    (ChannelRanges, fill_channels),
    (DepthPlot, fill_depth),
    (LatencyPlot, fill_latency),
    (KernelPlot, fill_kernel),
    (KernelScatter, fill_pairs),
    (GainScatter, fill_scatter),
    (ParetoPlot, fill_pareto),
    (WeightLevels, fill_levels),
    (GrowthPlot, fill_growth),
    (DriftPlot, fill_drift),
]


@pytest.fixture
def shown(qtbot):
    def show(kind: type[Plot]) -> Plot:
        plot = kind()
        qtbot.addWidget(plot)
        plot.resize(560, 360)
        plot.show()
        qtbot.waitExposed(plot)
        return plot

    return show


def settle() -> None:
    for _ in range(4):
        QApplication.processEvents()


def click(plot: Plot, place: QPointF, modifier: Qt.KeyboardModifier = NONE) -> None:
    QTest.mouseMove(plot.canvas.viewport(), place.toPoint())
    QTest.mouseClick(plot.canvas.viewport(), LEFT, modifier, place.toPoint())
    settle()


def drag(plot: Plot, start: QPoint, end: QPoint, modifier: Qt.KeyboardModifier = NONE) -> None:
    port = plot.canvas.viewport()
    QTest.mouseMove(port, start)
    QTest.qWait(20)
    QTest.mousePress(port, LEFT, modifier, start)
    for step in range(1, 6):
        # pyqtgraph drops moves that come faster than a hundred a second.
        QTest.qWait(15)
        QTest.mouseMove(port, start + (end - start) * step / 5)
    QTest.qWait(15)
    QTest.mouseRelease(port, LEFT, modifier, end)
    settle()


# -- all plots --------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "fill"), KINDS)
def test_empty_plot_says_what_fills_it_and_cannot_be_exported(kind, fill, shown) -> None:
    plot = shown(kind)
    assert plot.empty
    assert plot._hint.isVisible()
    assert len(plot._hint.text()) > 20
    assert not plot._export.isEnabled()
    fill(plot)
    assert not plot.empty
    assert plot._export.isEnabled()
    plot.clear()
    assert plot.empty


@pytest.mark.parametrize(("kind", "fill"), KINDS)
def test_every_axis_is_named_and_the_plot_too(kind, fill, shown) -> None:
    plot = shown(kind)
    fill(plot)
    assert plot.accessibleName() == plot.title() != ""
    for side in ("bottom", "left"):
        assert plot.plot.getAxis(side).labelText


@pytest.mark.parametrize(("kind", "fill"), KINDS)
def test_plot_is_exported_as_picture_drawing_and_table(kind, fill, shown, tmp_path: Path) -> None:
    plot = shown(kind)
    fill(plot)
    settle()
    for name in ("a.png", "a.svg", "a.csv"):
        plot.export(tmp_path / name)
    image = QImage(str(tmp_path / "a.png"))
    assert image.width() == 2 * plot.canvas.width()
    assert len({image.pixel(x, image.height() // 2) for x in range(image.width())}) > 3
    assert ElementTree.parse(tmp_path / "a.svg").getroot().tag.endswith("svg")
    header, *rows = csv.reader((tmp_path / "a.csv").read_text(encoding="utf-8").splitlines())
    assert rows
    assert all(len(row) == len(header) for row in rows)
    with pytest.raises(ValueError, match=r"a\.pdf"):
        plot.export(tmp_path / "a.pdf")


@pytest.mark.parametrize("suffix", ["png", "svg", "csv"])
def test_export_to_a_folder_that_is_not_there_is_an_error(suffix, shown, tmp_path: Path) -> None:
    plot = shown(KernelPlot)
    fill_kernel(plot)
    with pytest.raises(Problem, match="cannot be written"):
        plot.export(tmp_path / "no" / f"a.{suffix}")
    assert not (tmp_path / "no").exists()


@pytest.mark.parametrize("suffix", ["png", "svg", "csv"])
def test_an_export_to_a_full_disk_leaves_the_older_file_and_says_so(suffix, shown, tmp_path, monkeypatch) -> None:
    def flush(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    plot = shown(KernelPlot)
    fill_kernel(plot)
    path = tmp_path / f"a.{suffix}"
    path.write_text("of before")
    monkeypatch.setattr("qinspect.engine.files.os.fsync", flush)
    monkeypatch.setattr("qinspect.gui.plots.base.ask_file", lambda *_: path)
    said: list[str] = []
    monkeypatch.setattr(QMessageBox, "warning", lambda *words: said.append(words[-1]))
    plot.ask_export(suffix)
    assert str(path) in said[0]
    assert "No space left" in said[0]
    assert path.read_text() == "of before"
    assert [item.name for item in tmp_path.iterdir() if item.suffix != ".ini"] == [path.name]


@pytest.mark.parametrize(("kind", "fill"), KINDS)
def test_plot_follows_the_palette(kind, fill, shown) -> None:
    plot = shown(kind)
    fill(plot)
    for colours in (DARK, LIGHT):
        plot.setPalette(palette(colours))
        settle()
        assert plot.canvas.backgroundBrush().color().name() == colours.background
        image = plot.canvas.grab().toImage()
        assert image.pixelColor(2, 2).name() == colours.background


def test_theme_restyles_the_application_with_plots_open(qapp, shown) -> None:
    plots = []
    for kind, fill in KINDS:
        plots.append(shown(kind))
        fill(plots[-1])
    old_sheet, old_palette, old_style = qapp.styleSheet(), qapp.palette(), qapp.style().objectName()
    theme = Theme(qapp, "light")
    try:
        seen = []
        theme.changed.connect(seen.append)
        for mode, colours in (("dark", DARK), ("light", LIGHT), ("dark", DARK)):
            theme.set_mode(mode)
            settle()
            assert all(plot.canvas.backgroundBrush().color().name() == colours.background for plot in plots)
        assert seen[-1] is DARK
        with pytest.raises(ValueError, match="pink"):
            theme.set_mode("pink")
    finally:
        theme.set_mode("system")
        theme.setParent(None)
        theme.deleteLater()
        qapp.setStyleSheet(old_sheet)
        qapp.setPalette(old_palette)
        qapp.setStyle(old_style)


# -- histogram --------------------------------------------------------------------------------


def test_clipped_share_from_bins_is_that_of_the_values_and_quick() -> None:
    histogram = histogram_of(VALUES)
    below, above = outside_share(histogram, -1.5, 2.0)
    assert below == pytest.approx((VALUES < -1.5).mean(), abs=5e-4)
    assert above == pytest.approx((VALUES > 2.0).mean(), abs=5e-4)
    start = time.perf_counter()
    for _ in range(20):
        outside_share(histogram, -1.5, 2.0)
    assert (time.perf_counter() - start) / 20 < 0.005
    assert outside_share(histogram, -100.0, 100.0) == (0.0, 0.0)


def test_values_that_round_to_the_last_number_of_a_grid_are_not_cut_off() -> None:
    """A ReLU6's values: a tenth of them are 6, which is an ulp more than 255 steps."""
    values = np.concatenate([np.random.default_rng(0).uniform(0, 6, 9000), np.full(1000, 6.0)]).astype(np.float32)
    scale = float(np.float32(6 / 255))
    histogram = histogram_of(values)
    assert outside_share(histogram, 0.0, 255 * scale)[1] > 0.05
    assert clipped_shares(histogram, 0.0, 255 * scale, scale, 0.0, 6.0) == (0.0, 0.0)
    below, above = clipped_shares(histogram, 0.0, 3.0, scale, 0.0, 6.0)
    assert (below, above) == (0.0, pytest.approx((values > 3.0 + scale / 2).mean(), abs=5e-3))


def test_caption_has_shares_grid_and_sqnr(shown) -> None:
    plot = shown(HistogramPlot)
    fill_histogram(plot)
    for part in ("clipped", "zeros 25.0%", "zero point 109", "measured 31.2 dB"):
        assert part in plot.caption()
    for part in ("8 bit uint8", "range -1.5 … 2", f"max {VALUES.max():.4g}"):
        assert part in plot._caption.toolTip()


def test_caption_does_not_call_nothing_clipped_what_a_histogram_of_a_share_has_not_seen(shown) -> None:
    plot = shown(HistogramPlot)
    plot.set_histogram(histogram_of(VALUES), float(VALUES.min()), 3 * float(VALUES.max()), 0.25)
    plot.set_grid(Grid(-99.0, 2 * float(VALUES.max()), 0.01, 100, 8, "uint8"))
    assert "clipped < 0.01% above" in plot.caption()
    # No line ends inside of a figure.
    assert "<\N{NO-BREAK SPACE}0.01%" in plot._caption.text()


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [(-1.5, 2.0, "(below "), (-99.0, 2.0, " above"), (-1.5, 99.0, " below"), (-99.0, 99.0, "nothing clipped")],
)
def test_caption_says_at_which_end_values_are_clipped(shown, low, high, words) -> None:
    plot = shown(HistogramPlot)
    fill_histogram(plot)
    plot.set_grid(Grid(low, high, 0.01, 100, 8, "uint8"))
    clipped = next(part for part in plot.caption().split(" · ") if "clipped" in part)
    assert words in clipped
    assert ("(" in clipped) == (words == "(below ")


def test_line_is_dragged_only_when_the_range_is_fixed(shown, qtbot) -> None:
    plot = shown(HistogramPlot)
    fill_histogram(plot)
    settle()
    box = plot.plot.vb.sceneBoundingRect()

    def place(x: float) -> QPoint:
        return QPointF(plot.plot.vb.mapViewToScene(QPointF(x, 0)).x(), box.center().y()).toPoint()

    with qtbot.assertNotEmitted(plot.range_dragged):
        drag(plot, place(2.0), place(1.0))
    fill_histogram(plot)
    plot.fit()
    settle()
    plot.set_draggable(True)
    live: list[tuple[float, float]] = []
    plot.range_dragging.connect(lambda low, high: live.append((low, high)))
    before = plot.caption()
    with qtbot.waitSignal(plot.range_dragged) as caught:
        drag(plot, place(2.0), place(1.0))
    low, high = caught.args
    assert low == pytest.approx(-1.5)
    assert high == pytest.approx(1.0, abs=0.1)
    assert live
    assert plot.caption() != before
    # A mouse that still rests on it marks it no more when the range is free again.
    plot.lines[1].setMouseHover(True)
    plot.set_draggable(False)
    assert plot.lines[1].currentPen.width() == 2


def test_figures_that_come_while_dragging_do_not_take_the_line_away(shown, qtbot) -> None:
    plot = shown(HistogramPlot)
    fill_histogram(plot)
    plot.set_draggable(True)
    settle()
    plot.range_dragging.connect(lambda low, high: plot.set_grid(GRID, 12.5))
    y = plot.plot.vb.sceneBoundingRect().center().y()
    start = QPointF(plot.plot.vb.mapViewToScene(QPointF(2.0, 0)).x(), y).toPoint()
    with qtbot.waitSignal(plot.range_dragged) as caught:
        drag(plot, start, start - QPoint(60, 0))
    assert caught.args[1] < 1.9
    assert "12.5 dB" in plot.caption()


def test_another_grid_is_drawn_quickly(shown) -> None:
    plot = shown(HistogramPlot)
    fill_histogram(plot)
    settle()
    start = time.perf_counter()
    for k in range(10):
        plot.set_grid(Grid(-1.5 - k / 10, 2.0, 0.01, 100, 8, "uint8"), 30.0)
        plot.canvas.viewport().repaint()
    assert (time.perf_counter() - start) / 10 < 0.25  # 8 ms on an idle machine.
    assert plot.range() == pytest.approx((-2.4, 2.0))


def test_log_axis_and_a_sparse_second_histogram_are_drawn(shown) -> None:
    plot = shown(HistogramPlot)
    rounded = np.clip(np.round(VALUES / GRID.scale), -109, 146) * GRID.scale
    plot.set_histogram(histogram_of(VALUES), other=histogram_of(rounded), other_name="quantized")
    plot.set_grid(GRID)
    QTest.mouseClick(plot.logarithmic, LEFT)
    assert plot.logarithmic.isChecked()
    settle()
    plot.grab()
    assert "outlined: quantized" in plot.caption()


def test_a_histogram_of_one_value_and_an_empty_one_are_no_trouble(shown) -> None:
    plot = shown(HistogramPlot)
    plot.set_histogram(Histogram(-10, 0, np.array([7])), 0.0, 0.0, 1.0)
    plot.set_grid(Grid(0.0, 0.0, 1.0, 0, 8))
    plot.grab()
    plot.set_histogram(Histogram(0, 0, np.zeros(0, np.int64)))
    assert plot.empty


# -- the others -------------------------------------------------------------------------------


def test_hover_reads_the_channel_and_sorting_puts_the_widest_first(shown) -> None:
    plot = shown(ChannelRanges)
    fill_channels(plot)
    settle()

    def hover(column: float) -> None:
        place = plot.plot.vb.mapViewToScene(QPointF(column, 0.0)).toPoint()
        QTest.mouseMove(plot.canvas.viewport(), place)
        QTest.qWait(20)
        QTest.mouseMove(plot.canvas.viewport(), place + QPoint(1, 0))
        QTest.qWait(20)

    hover(0)
    assert plot.caption().startswith("channel 0: -1 … 1")
    QTest.mouseClick(plot.sorted, LEFT)
    settle()
    hover(0)
    assert plot.caption().startswith("channel 1: -2 … 3")
    assert [row[0] for row in plot.table()[1]] == [1, 0, 2]


def test_click_along_the_depth_selects_the_layer(shown, qtbot) -> None:
    plot = shown(DepthPlot)
    fill_depth(plot)
    settle()
    with qtbot.waitSignal(plot.layer_selected) as caught:
        click(plot, plot.point_of("layer6"))
    assert caught.args == ["layer6"]
    assert "layer6" in plot.caption()
    with qtbot.assertNotEmitted(plot.layer_selected):
        plot.select("layer2")
    assert plot._mark.value() == 3
    assert not plot._others.isVisible()
    plot.select("layer2", ("layer6", "layer4", "layer2", "elsewhere"))
    assert plot._mark.value() == 3
    assert sorted(plot._others.xvals) == [5, 7]
    assert plot._others.yrange[1] < 0.1  # of the plot: hundreds of them hide nothing
    plot.show_series("share")
    plot.grab()
    assert sorted(plot._others.xvals) == [5, 7]


def test_series_are_exclusive_and_unmeasured_layers_leave_gaps(shown) -> None:
    plot = shown(DepthPlot)
    plot.set_points([DepthPoint("a", "a"), DepthPoint("b", "b", float("inf"), 20.0), DepthPoint("c", "c", 9.0)])
    QTest.mouseClick(plot.share, LEFT)
    assert plot.share.isChecked()
    assert not plot.sqnr.isChecked()
    assert "%" in plot.plot.getAxis("left").labelText
    plot.grab()
    QTest.mouseClick(plot.sqnr, LEFT)
    assert "dB" in plot.plot.getAxis("left").labelText
    plot.grab()


def test_slowest_layers_are_on_top_and_a_click_selects(shown, qtbot) -> None:
    plot = shown(LatencyPlot)
    fill_latency(plot)
    settle()
    assert [bar.id for bar in plot._bars[:2]] == ["layer19", "layer18"]
    assert len(plot._bars) == 12
    with qtbot.waitSignal(plot.layer_selected) as caught:
        click(plot, plot.point_of("layer17"))
    assert caught.args == ["layer17"]
    plot.number.setCurrentIndex(1)
    assert len(plot._bars) == 20
    assert "1 slower in int8" in plot.caption()


def test_what_borders_cost_is_part_of_the_bar_and_in_the_table(shown) -> None:
    plot = shown(LatencyPlot)
    plot.set_bars([LatencyBar("a", "a", 30.0, 20.0, 1.0, 8.0), LatencyBar("b", "b", 10.0, 4.0)])
    settle()
    assert "0.01 ms of it at borders" in plot.caption()
    bars = [item for item in plot.plot.items if isinstance(item, pg.BarGraphItem)]
    (border,) = [bar for bar in bars if len(np.atleast_1d(bar.opts["width"])) == 1]
    assert (border.opts["x0"], border.opts["width"]) == (pytest.approx([12.0]), pytest.approx([8.0]))
    header, rows = plot.table()
    assert [row[header.index("border_us")] for row in rows] == [8.0, None]
    plot.set_bars([LatencyBar("a", "a", 30.0, 20.0)])
    assert "borders" not in plot.caption()


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_float_int8_and_borders_are_told_apart_by_their_colours(shown, colours) -> None:
    plot = shown(LatencyPlot)
    plot.setPalette(palette(colours))
    plot.set_bars([LatencyBar("a", "a", 30.0, 20.0, 1.0, 8.0)])
    settle()
    bars = [item for item in plot.plot.items if isinstance(item, pg.BarGraphItem)]
    hues = sorted(pg.mkBrush(bar.opts["brush"]).color().hue() for bar in bars)
    assert len(hues) == 3
    assert min(later - former for former, later in pairwise(hues)) > 30


def test_losses_of_runs_and_of_searched_plans_are_said_to_be_of_different_samples(shown) -> None:
    plot = shown(ParetoPlot)
    fill_pareto(plot)
    assert "runs on the final split, searched plans on the select split" in plot.caption()
    plot.set_points([ParetoPoint("all", "all int8", 2.0, 0.4, 9.0, current=True)])
    assert "split" not in plot.caption()


def test_whiskers_reach_from_the_lower_to_the_upper_quartile_and_no_further(shown) -> None:
    plot = shown(LatencyPlot)
    plot.set_bars([LatencyBar("a", "a", 30.0, 20.0, 90.0, None, (28.0, 33.0), (15.0, 105.0))])
    settle()
    (whiskers,) = [item for item in plot.plot.items if isinstance(item, pg.ErrorBarItem)]
    ends = sorted(
        zip(whiskers.opts["x"] - whiskers.opts["left"], whiskers.opts["x"] + whiskers.opts["right"], strict=True)
    )
    assert ends == [(15.0, 105.0), (28.0, 33.0)]
    assert "whiskers: from the lower to the upper quartile" in plot.caption()
    header, (only,) = plot.table()
    assert dict(zip(header, only, strict=True))["int8_high_us"] == 105.0
    # One spread alone, as an older file has it, says not where the quartiles lie.
    plot.set_bars([LatencyBar("a", "a", 30.0, 20.0, 90.0)])
    assert not [item for item in plot.plot.items if isinstance(item, pg.ErrorBarItem)]


def test_one_long_whisker_leaves_the_bars_their_room_and_an_arrow_says_so(shown) -> None:
    plot = shown(LatencyPlot)
    plot.set_bars(
        [
            LatencyBar("a", "a", 1000.0, 1500.0, 1.0, None, (990.0, 1010.0), (1400.0, 53_000.0)),
            LatencyBar("b", "b", 400.0, 200.0, 1.0, None, (390.0, 410.0), (190.0, 210.0)),
        ]
    )
    settle()
    (_, right), _ = plot.plot.vb.viewRange()
    assert 1500 < right < 3000
    (marks,) = [item for item in plot.plot.items if isinstance(item, pg.ScatterPlotItem)]
    assert len(marks.points()) == 1
    plot.show_all()
    (_, right), _ = plot.plot.vb.viewRange()
    assert right >= 53_000


def test_stale_figures_are_drawn_paler(shown) -> None:
    plot = shown(LatencyPlot)
    fill_latency(plot)
    plot.set_stale(True)
    assert plot.plot.vb.childGroup.opacity() < 0.5
    plot.set_stale(False)
    assert plot.plot.vb.childGroup.opacity() == 1.0


def test_borders_belong_to_the_layer_that_reads_or_at_an_output_to_the_one_before() -> None:
    layers = tuple(LayerRow(n, n, "linear", (), None, True, True, None, None, (1,), 0, 0) for n in ("a", "b"))
    borders = (Boundary("x", "a", 3.0), Boundary("a", "b", 2.0), Boundary("b", "output", 1.5))
    sums = LatencySums(runs=5, boundaries=borders)
    analysis = Analysis({}, {}, {}, {}, Totals(), layers, (), latency=sums)
    assert border_times(analysis) == {"a": 3.0, "b": 3.5}


def test_kernel_caption_has_steps_shares_and_saturation(shown) -> None:
    plot = shown(KernelPlot)
    fill_kernel(plot)
    for part in ("7 steps", "90.00% equal", "99.00% within", "saturates"):
        assert part in plot.caption()


def test_brushing_selects_the_layers_inside(shown, qtbot) -> None:
    plot = shown(GainScatter)
    fill_scatter(plot)
    settle()
    two, three = plot.point_of("layer2").toPoint(), plot.point_of("layer3").toPoint()
    with qtbot.waitSignal(plot.layers_selected) as caught:
        drag(plot, QPoint(two.x() - 12, two.y() + 12), QPoint(three.x() + 12, three.y() - 12))
    assert caught.args[0] == ["layer2", "layer3"]
    assert "2 selected" in plot.caption()
    with qtbot.waitSignal(plot.layers_selected) as caught:
        click(plot, plot.point_of("layer6"), Qt.KeyboardModifier.ControlModifier)
    assert caught.args[0] == ["layer2", "layer3", "layer6"]
    with qtbot.waitSignal(plot.layers_selected) as caught:
        click(plot, plot.point_of("layer5"))
    assert caught.args[0] == ["layer5"]
    plot.set_points([GainPoint("even", "even", 0.1, -0.4)])
    plot.select({"even"})
    assert plot.caption().endswith("10.0% of the error, +0 µs")


def test_layers_without_error_stand_left_of_the_others(shown) -> None:
    plot = shown(GainScatter)
    plot.set_points(
        [
            GainPoint("a", "a", 0.0, 1.0),
            GainPoint("b", "b", 0.01, 2.0),
            GainPoint("c", "c", float("nan"), 2.0),
        ]
    )
    x, _ = plot._places()
    assert x[0] < x[1]
    assert len(x) == 2
    plot.grab()


def test_names_of_layers_tell_them_apart_and_are_whole_where_there_is_room(shown) -> None:
    ids = [f"_blocks.{k}._depthwise_conv:conv2d" for k in (0, 1, 11)] + ["_fc:linear", "gate.projection:linear"]
    names = told_apart([*ids, "gate.projection:sigmoid"], 22)
    assert names[:3] == ["…cks.0._depthwise_conv", "…cks.1._depthwise_conv", "…ks.11._depthwise_conv"]
    # There the path alone does not tell them apart.
    assert names[3:] == ["_fc", "gate.projection:linear", "…te.projection:sigmoid"]
    assert told_apart(["a.conv:conv2d", "fc:linear"], 22) == ["a.conv:conv2d", "fc:linear"]
    alike = ["a.body.0.attention.out:linear", "b.body.0.attention.out:linear"]
    assert told_apart(alike, 12) == ["a.body.0.attention.out", "b.body.0.attention.out"]
    plot = shown(LatencyPlot)
    plot.set_bars([LatencyBar(layer_id, layer_id, 10.0 + k, 5.0) for k, layer_id in enumerate(ids)])

    def drawn() -> set[str]:
        return {text for _, text in plot.plot.getAxis("left")._tickLevels[0]}

    plot.resize(300, 300)
    settle()
    assert "_blocks.1._depthwise_conv:conv2d" not in drawn()
    assert len(drawn()) == len(ids)
    plot.resize(1100, 300)
    settle()
    assert drawn() == set(ids)


# -- pareto -----------------------------------------------------------------------------------


def test_the_front_is_what_no_other_point_beats_in_both() -> None:
    rng = np.random.default_rng(3)
    places = [(float(x), float(y)) for x, y in rng.integers(0, 12, (60, 2))]
    found = front(places)
    for i, (x, y) in enumerate(places):
        beaten = any((a <= x and b < y) or (a < x and b <= y) for a, b in places)
        assert (places[i] in [places[k] for k in found]) == (not beaten)
    assert [places[k][0] for k in found] == sorted(places[k][0] for k in found)


def test_a_click_chooses_a_plan_and_a_double_click_takes_it(shown) -> None:
    plot = shown(ParetoPlot)
    fill_pareto(plot)
    settle()
    chosen, opened = [], []
    plot.chosen.connect(chosen.append)
    plot.opened.connect(opened.append)
    click(plot, plot.point_of("some"))
    assert chosen == ["some"]
    assert "some int8" in plot.caption()
    port = plot.canvas.viewport()
    QTest.mouseDClick(port, LEFT, NONE, plot.point_of("all").toPoint())
    QTest.mouseRelease(port, LEFT, NONE, plot.point_of("all").toPoint())
    settle()
    assert opened == ["all"]


def test_a_right_click_on_a_plan_offers_to_take_it(shown) -> None:
    plot = shown(ParetoPlot)
    fill_pareto(plot)
    settle()
    opened = []
    plot.opened.connect(opened.append)

    def menu(key: str) -> QMenu:
        plot.canvas.customContextMenuRequested.emit(plot.canvas.mapFromScene(plot.point_of(key)))
        found = QApplication.activePopupWidget()
        assert isinstance(found, QMenu)
        return found

    taken = menu("some")
    assert taken.actions()[0].text() == "Take this plan"
    taken.setActiveAction(taken.actions()[0])
    QTest.keyClick(taken, Qt.Key.Key_Return)
    assert opened == ["some"]
    assert "some int8" in plot.caption()
    # The float model is no plan, and the current plan is taken already.
    for key in ("float", "all"):
        other = menu(key)
        assert other.actions()[0].text() == "Show all"
        other.close()


def test_points_without_the_figure_are_counted_and_not_drawn(shown) -> None:
    plot = shown(ParetoPlot)
    fill_pareto(plot)
    assert len(plot.shown()) == 5
    assert "1 not drawn" in plot.caption()
    plot.lost.setChecked(True)
    assert len(plot.shown()) == 4


def test_weight_levels_say_how_many_are_used_and_export_each_count(shown) -> None:
    plot = shown(WeightLevels)
    fill_levels(plot)
    assert "4 of 4 levels used, 2 … 3 in a channel" in plot.caption()
    assert "70.0% at 0" in plot.caption()
    header, rows = plot.table()
    assert header == ("channel", "level", "weights")
    assert rows == [(0, -1, 3), (0, 0, 5), (1, -2, 1), (1, 0, 9), (1, 1, 2)]
    plot.channels.setChecked(False)
    assert plot.plot.getAxis("left").labelText == "number of weights"


def test_kernel_and_simulation_stand_value_by_value_and_what_is_apart_in_another_colour(shown):
    plot = shown(KernelScatter)
    fill_pairs(plot)
    settle()
    near, far = (item for item in plot.plot.items if isinstance(item, pg.ScatterPlotItem))
    assert list(zip(*near.getData(), strict=True)) == [(0, 0), (9, 10)]
    assert list(zip(*far.getData(), strict=True)) == [(200, 195)]
    assert near.opts["brush"].color().rgb() != far.opts["brush"].color().rgb()
    assert plot.caption().startswith("3 of 4\u202f100 values")
    # A file of an older version has no values.
    plot.set_check(KernelCheck(5, 0.9, 0.99, False, {0: 4000}))
    assert plot.empty
