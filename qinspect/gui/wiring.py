"""Which signal leads where: pages emit what the user asked for, document and jobs answer."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication

from . import choose

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from ..engine.plan import Remedy
    from ..session import Run
    from .main_window import MainWindow
    from .panels.fix_page import FixPage
    from .panels.layers_page import LayersPage
    from .panels.pareto import PlanPareto
    from .panels.runs import RunsTable


def connect_window(window: MainWindow) -> None:
    """Connect what stays when the language changes: document and jobs to the window itself."""
    document, tasks = window.document, window.tasks
    for source in (tasks, window.questions, window.keeper):
        source.problem.connect(window.show_problem)
    tasks.model_refused.connect(window.opening.refuse_model)
    tasks.data_refused.connect(window.opening.refuse_data)
    tasks.analyzed.connect(lambda exact: exact and window.step in ("data", "target") and window.go("verdict"))
    document.written.connect(window.say_written)
    tasks.exported.connect(window.refresh)
    window.keeper.session_opened.connect(window.go)
    window.keeper.set_aside.connect(lambda path: window.opening.remember({"session": str(path)}))
    for changed in (
        document.model_changed,
        document.data_changed,
        document.check_changed,
        document.calibration_changed,
        document.results_changed,
    ):
        changed.connect(window.refresh)


def connect_pages(window: MainWindow) -> None:
    """Connect the pages that are there from the start."""
    document, tasks, opening = window.document, window.tasks, window.opening
    window.steps.chosen.connect(window.go)
    window.open_page.open_requested.connect(opening.model)
    window.open_page.demo_requested.connect(opening.demo)
    window.open_page.session_requested.connect(lambda path: opening.session(Path(path)))
    window.open_page.next_requested.connect(lambda: window.go("data"))
    window.data_page.open_requested.connect(opening.data)
    window.data_page.form.shape_requested.connect(opening.reshape)
    window.data_page.confirmed.connect(document.confirm)
    window.data_page.metric_chosen.connect(opening.metric)
    window.data_page.output_chosen.connect(opening.output)
    card = window.data_page.metric_card
    card.check_wanted.connect(tasks.check_float)
    tasks.check_started.connect(card.show_running)
    tasks.check_stopped.connect(card.show_stopped)
    window.data_page.next_requested.connect(lambda: window.go("target"))
    window.target_page.chosen.connect(document.set_target)
    window.target_page.preset_chosen.connect(document.begin_with)
    for runner in (window.target_page, window.verdict_page, window.export_page):
        runner.run_requested.connect(window.run)
    window.verdict_page.layers_requested.connect(lambda: window.go("layers"))
    window.verdict_page.strip.chosen.connect(lambda layer_id: window.show_layers((layer_id,)))
    window.verdict_page.findings.apply_requested.connect(window.apply_finding)
    export = window.export_page
    export.export_requested.connect(lambda to, folder, options: export.follow(tasks.export(to, Path(folder), options)))
    export.profile_requested.connect(lambda path, info: tasks.bring_back(Path(path), Path(info) if info else None))
    export.target_requested.connect(lambda name: (window.go("target"), window.target_page.lead_to(name)))
    window.questions.quality_found.connect(window.data_page.quality.show_growth)
    for source in (window.verdict_page.findings, window.data_page.quality, export):
        source.layers_requested.connect(window.show_layers)
    tasks.host_known.connect(window.target_page.show_host)
    tasks.exported.connect(export.show_report)


def connect_layers(window: MainWindow, layers: LayersPage) -> None:
    """Connect the workbench, which is made after the window is on the screen."""
    questions, detail = window.questions, layers.detail
    _connect_drawings(window, layers)
    layers.problem.connect(window.show_problem)
    layers.run_requested.connect(window.run)
    layers.evidence_wanted.connect(partial(choose.evidence, window))
    questions.candidates_found.connect(detail.show_candidates)
    questions.candidates_failed.connect(detail.show_no_candidates)
    questions.candidates_delayed.connect(detail.show_waiting)
    questions.weights_found.connect(detail.show_weights)
    questions.sample_found.connect(layers.show_sample)
    questions.validation_found.connect(detail.range.show_validation)
    detail.range.validation_wanted.connect(questions.ask_validation)
    questions.channels_found.connect(detail.show_channels)
    detail.channels_wanted.connect(questions.ask_channels)
    questions.what_if_found.connect(detail.show_what_if)
    detail.what_if_wanted.connect(questions.ask_what_if)
    detail.range.statistics_wanted.connect(questions.ask_statistics)
    layers.bottom.samples.chosen.connect(questions.ask_sample)
    _connect_runs(window, layers.bottom.runs, layers.centre.pareto)


def connect_fix(window: MainWindow, fix: FixPage) -> None:
    """Connect the page of remedies, which is made when it is first gone to."""
    document, tasks, questions = window.document, window.tasks, window.questions
    _connect_drawings(window, fix)
    fix.run_requested.connect(window.run)
    questions.remedies_found.connect(fix.remedies.show_possible)
    fix.remedies.wanted.connect(questions.ask_remedies)
    fix.remedies.tried.connect(partial(_try_remedy, window, fix))
    fix.search.search_requested.connect(tasks.search)
    fix.search.plan_requested.connect(document.edit)
    fix.findings.apply_requested.connect(window.apply_finding)
    for source in (fix.findings, fix.ledger, fix.remedies):
        source.layers_requested.connect(window.show_layers)
    _connect_runs(window, fix.runs, fix.pareto)


def _connect_drawings(window: MainWindow, page: QWidget) -> None:
    """What is written of plots and graphs is said."""
    from .graph.view import GraphView
    from .plots.base import Plot

    for kind in (Plot, GraphView):
        for drawing in page.findChildren(kind):
            drawing.exported.connect(window.document.wrote)


def _connect_runs(window: MainWindow, runs: RunsTable, pareto: PlanPareto) -> None:
    for source in (runs, pareto):
        source.restore_requested.connect(partial(_restore, window))
    runs.remove_requested.connect(window.document.remove_run)
    runs.rename_requested.connect(window.document.rename_run)


def _try_remedy(window: MainWindow, fix: FixPage, remedy: Remedy) -> None:
    words = QCoreApplication.translate("MainWindow", "tried: {0}")
    name = words.format(f"{fix.remedies.titles[remedy.kind]} {' → '.join(remedy.layers)}")
    window.tasks.try_plan(fix.remedies.toggled_plan(remedy), name)


def _restore(window: MainWindow, run: Run) -> None:
    window.document.edit(QCoreApplication.translate("MainWindow", "restore {0}").format(run.name), run.plan)
