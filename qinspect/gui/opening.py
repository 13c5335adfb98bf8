"""What is opened, and from where: models, data, plans, sessions; dropped, recent, or asked for."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from ..engine.plan import Override, QuantPlan
from ..engine.plan.file import read_plan
from ..engine.problem import Problem, WrongShape
from ..engine.process import guest
from ..engine.source import is_callable
from ..engine.text import Text
from ..resources import is_ours
from ..session import Session, missing, moved
from . import dialogs
from .recent import kind_of, recent, remember
from .trust import code_behind, is_trusted, trust
from .work import layer_info_beside

if TYPE_CHECKING:
    from .jobs import Job
    from .main_window import MainWindow


SAID_MS = 6000
"""So long the status bar says that nothing changed."""
ORDER = ("session", "model", "weights", "data", "plan", "profile")
"""Of what is opened together, what others need comes first."""


class Opening(QObject):
    """Opens what the user names, after asking whether code may run.

    Signals
    -------
    recent_changed(list)
        What was opened before, the newest first.
    """

    recent_changed = Signal(object)

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._document, self._tasks, self._settings = window.document, window.tasks, window.settings
        # Processes for code that were made ready, and that no job has asked for.
        window.jobs.changed.connect(lambda _: guest.dismiss() if window.jobs.idle else None)

    def allow(self, *sources: str | None) -> bool | None:
        """Whether code may run: None where the user said no; asks for each file that is new or changed."""
        found = [code for source in sources if source and (code := code_behind(source)) is not None]
        theirs = [code for code in found if not is_ours(code.path)]  # the program's own needs no permission
        guest.prepare(len(theirs))  # they import torch while the user reads the question
        for code in theirs:
            if not is_trusted(code, self._settings):
                if not dialogs.ask_trust(self._window, code):
                    guest.dismiss()
                    return None
                trust(code, self._settings)
        return bool(found)

    def model(
        self,
        spec: dict[str, Any],
        plan: QuantPlan | None = None,
        data: dict[str, Any] | None = None,
        judged: tuple[str, str | None] | None = None,
    ) -> Job | None:
        """Open a model, with the metric (and the output that it is of) and data that were given along with it."""
        try:
            allowed = self.allow(spec["source"], data["source"] if data else None, judged[0] if judged else None)
        except Problem as problem:
            self._window.open_page.fill(spec)
            self.refuse_model(problem)
            return None
        if allowed is None:
            return None
        self._window.open_page.fill(spec)
        self._window.open_page.take_back()
        if self._window.step != "layers":
            self._window.go("open")
        return self._tasks.open_model(spec, allowed, plan, data, judged)

    def reshape(self, shape: tuple[int, ...]) -> None:
        """Open the model anew for inputs of another shape, and the data that have it."""
        model = self._document.model
        if model is not None:
            spec = {**model.spec.to_json(), "input_shape": [list(shape)], "free": []}
            self.model(spec, None, self._window.data_page.form.spec())

    def demo(self) -> None:
        """Open the model and the photographs that come with the program."""
        from ..demo import data_spec, model_spec

        try:
            model, data = model_spec().to_json(), data_spec().to_json()
        except FileNotFoundError as error:
            self._window.show_problem(Problem(Text("demo"), str(error), Text("Install the program anew.")))
            return
        self.model(model, None, data)

    def data(self, spec: dict[str, Any]) -> None:
        """Open data for the model."""
        if self._document.model is None:
            self._window.show_problem(Problem(Text("data"), Text("no model is open"), Text("Open a model first.")))
            return
        try:
            allowed = self.allow(spec["source"])
        except Problem as problem:
            self.refuse_data(problem)
            return
        if allowed is not None:
            self._window.data_page.form.take_back()
            self._tasks.open_data(spec, allowed)

    def refuse_model(self, problem: Problem) -> None:
        """A model cannot be opened: said at its field where that is in sight, else in a box."""
        if self._window.step == "open":
            self._window.open_page.refuse(problem)
        else:
            self._window.show_problem(problem)

    def refuse_data(self, problem: Problem) -> None:
        """Data cannot be opened: said at their field where that is in sight, else in a box."""
        if self._window.step == "data":
            model = self._document.model
            again = model is not None and is_callable(model.spec.source) and len(model.graph.inputs) == 1
            shape = problem.shape if again and isinstance(problem, WrongShape) else ()
            self._window.data_page.form.refuse(problem, shape)
        else:
            self._window.show_problem(problem)

    def metric(self, source: str) -> None:
        """Judge outputs by another metric, by its name or from the user's own code."""
        try:
            allowed = self.allow(source)
        except Problem as problem:
            self._window.show_problem(problem)
            return
        if allowed is None:
            self._window.data_page.refresh()
        else:
            metric = self._document.metric
            self._tasks.open_metric(source, None if metric is None else metric.output)

    def output(self, index: int) -> None:
        """Judge another one of several outputs, by the metric that is chosen."""
        self._tasks.open_metric(self._document.metric_source, index)

    def plan(self, path: Path) -> None:
        """Take a plan from a file; can be undone. What it says of layers that are not there is listed."""
        model = self._document.model
        try:
            if model is None:
                raise Problem(str(path), Text("no model is open"), Text("Open a model first."))
            plan = read_plan(path)
            lost = plan.unmatched(model.graph)
            if plan.overrides and len(lost) == len(plan.overrides):
                what = Text(
                    "none of its overrides matches a layer of {model} (the first is of {first})",
                    model=model.name,
                    first=_of(lost[0]),
                )
                raise Problem(str(path), what, Text("Give the plan of this model."))
            if not self._document.edit(self.tr("plan {0}").format(path.name), plan):
                self._window.statusBar().showMessage(self.tr("{0} is the plan that is open").format(path.name), SAID_MS)
        except Problem as problem:
            self._window.show_problem(problem)
            return
        if lost:
            dialogs.show_lost(self._window, path.name, len(plan.overrides), [_of(override) for override in lost])

    def profile(self, path: Path) -> None:
        """Take the times that another device measured."""
        if self._document.calibration is None:
            remedy = Text("Open the model and its data, and calibrate; then drop the file again.")
            self._window.show_problem(Problem(str(path), Text("no model is calibrated that its times are of"), remedy))
            return
        info = layer_info_beside(path)
        self._tasks.bring_back(path, Path(info) if info else None)

    def session(self, path: Path) -> Job | None:
        """Open everything that a session names."""

        def allowed(session: Session) -> bool | None:
            model, data = session.model or {}, session.data or {}
            return self.allow(model.get("source"), data.get("source"), session.metric)

        try:
            opened = self._window.keeper.open_session(path, lambda given: self._found(given, path), allowed)
        except Problem as problem:
            self._window.show_problem(problem)
            return None
        if opened is not None and path != self._window.keeper.autosave:
            self.remember({"session": str(path)})
        return opened

    def _found(self, session: Session, path: Path) -> Session | None:
        """A session all of whose files are there, after asking for those that are not; None where the user gave up."""
        known: dict[Path, Path] = {}
        for part, name, place in missing(session):
            if place not in known:
                answer = dialogs.ask_moved(self._window, part, place, _folder_near(place, path, *known.values()))
                if answer is None:
                    return None
                if answer is dialogs.WITHOUT and part == "data":
                    return self._found(replace(session, data=None), path)
                if answer is dialogs.WITHOUT:
                    return replace(session, metric="top-1", output=None)
                known[place] = answer
            session = moved(session, part, name, known[place])
        return session

    def kind(self, path: Path) -> str:
        """What a file or folder is, as `recent.kind_of`; tensors are data where data are being chosen."""
        kind = kind_of(path)
        choosing = self._window.step == "data" and self._document.model is not None
        return "data" if kind == "weights" and choosing else kind

    def take(self, path: Path) -> Job | None:
        """Open a file or folder by what it is; the job that opens a model or a session."""
        window = self._window
        kind = self.kind(path)
        if kind == "session":
            return self.session(path)
        if kind == "model" and path.suffix != ".py":
            return self.model({"source": str(path), "weights": None, "input_shape": None})
        if kind == "plan":
            self.plan(path)
        elif kind == "profile":
            self.profile(path)
        elif kind in ("model", "weights"):
            window.go("open")
            window.open_page.take(path)
        elif kind == "data":
            window.go("data")
            window.data_page.form.show_source(str(path))
            if self._document.model is not None:
                window.data_page.submit()
        return None

    def take_all(self, paths: list[Path]) -> None:
        """Open files and folders in the order in which one needs the other: what comes with a model is for it."""
        first, *others = sorted(paths, key=lambda path: ORDER.index(self.kind(path)))
        job = self.take(first)
        if not others:
            return
        if job is None:
            self.take_all(others)
        else:
            job.done.connect(lambda _: self.take_all(others))

    # -- what was opened before ---------------------------------------------------------------

    def again(self, entry: dict[str, Any]) -> None:
        """Open an entry of the recent ones."""
        if "session" in entry:
            self.session(Path(entry["session"]))
        else:
            self.model(entry)

    def remember(self, entry: dict[str, Any]) -> None:
        """Put something in front of the recent ones."""
        remember(self._settings, entry)
        self.recent_changed.emit(recent(self._settings))


def _folder_near(place: Path, session: Path, *chosen: Path) -> Path:
    """Where to look first for what was at a place: beside the session or what was found last, or where it was."""
    beside = (last.parent for last in (*chosen[-1:], session))
    there = (folder for folder in beside if os.path.exists(folder / place.name))
    was = (folder for folder in Path(os.path.expanduser(place)).parents if os.path.isdir(folder))
    return next(there, None) or next(was, session.parent)


def _of(override: Override) -> str:
    """What an override is of, as plan.json has it."""
    return f"{override.kind} {override.pattern!r}"
