"""The document on disk: what was opened, the plan, and every analysis kept, in one zip file.

A ``.qinspect`` file holds ``session.json``, ``runs/0000.json`` … and ``calibration.npz``; nothing
in it is a pickle, and nothing in it runs code.
"""

from __future__ import annotations

import io
import json
import os
import re
import zipfile
import zlib
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from .engine.files import demand_file, write_atomically
from .engine.plan import QuantPlan
from .engine.plan.file import plan_from_json
from .engine.problem import Problem
from .engine.results import Analysis, analysis_from_json
from .engine.source import TIMM, ModelSpec, is_callable
from .engine.text import Text, texts_in, with_texts

SUFFIX = ".qinspect"
VERSION = 1
MAX_ENTRY_BYTES = 512 * 2**20
MAX_TOTAL_BYTES = 1024 * 2**20
HEAD_BYTES = 2**20
"""Room for what is no run."""
MAX_RUNS = 1000

_NAME = re.compile(r"session\.json|runs/\d{4}\.json|calibration\.npz")


@dataclass(frozen=True)
class Run:
    """One analysis that is kept.

    Parameters
    ----------
    name : str
        For people; the edit that led to it unless it was renamed.
    model, data : str
        Digests of what it was made from.
    exact : bool
        Whether all samples, the kernels and the latency were measured; False for the quick
        figures that follow an edit.
    plan : QuantPlan
        What was analyzed.
    analysis : Analysis
        What was found.
    """

    name: str
    model: str
    data: str
    exact: bool
    plan: QuantPlan
    analysis: Analysis

    @property
    def device(self) -> str:
        """The other device that its times were measured on; empty where that was this computer."""
        return str(self.analysis.target.get("device") or "")

    @property
    def metric(self) -> str:
        """What the outputs were judged by; without targets it still says how they were read."""
        data = self.analysis.data
        return str(data.get("judged_by") or data.get("metric") or "top-1")

    @property
    def output(self) -> int:
        """The output that was judged: the first, where nothing is said."""
        return int(self.analysis.data.get("judged_output") or 0)

    @property
    def subject(self) -> tuple[str, str, str, str, int]:
        """What was analyzed: model, data, plan, metric and the output that it judged."""
        return (self.model, self.data, self.plan.fingerprint, self.metric, self.output)

    @property
    def key(self) -> tuple[str | int, ...]:
        """Everything that the figures depend on."""
        return (*self.subject, self.device)

    @cached_property
    def entry(self) -> bytes:
        """Its JSON in a session file, made once: sessions are saved often, and runs never change."""
        analysis = self.analysis.to_json()
        found = {
            "name": self.name,
            "model": self.model,
            "data": self.data,
            "exact": self.exact,
            "plan": self.plan.to_json(),
            "analysis": analysis,
            "texts": texts_in(analysis),
        }
        return json.dumps(found).encode()


@dataclass(frozen=True)
class Session:
    """What a window remembers.

    Parameters
    ----------
    model, data : dict | None
        The model's and the data's specification as their ``to_json`` wrote it.
    plan : QuantPlan | None
        The current plan.
    confirmed : str
        Digest of the data whose fp32 metric was confirmed; empty where none was.
    runs : tuple of Run
        The analyses kept, oldest first.
    calibration : bytes | None
        The statistics, as the engine's npz.
    step : str
        The step of the window that was open.
    metric : str
        Its name, or ``file.py:callable``.
    output : int | None
        The output that was chosen to be judged; None is the one that fits the labels.
    """

    model: dict[str, Any] | None = None
    data: dict[str, Any] | None = None
    plan: QuantPlan | None = None
    confirmed: str = ""
    runs: tuple[Run, ...] = ()
    calibration: bytes | None = None
    step: str = "open"
    metric: str = "top-1"
    output: int | None = None


def save_session(session: Session, path: Path) -> None:
    """Write a session, atomically.

    Of more runs than `load_session` reads again the oldest are left out, those of quick figures first.

    Raises
    ------
    Problem
        Naming the file.
    """
    runs = _fitting(session.runs, MAX_TOTAL_BYTES - HEAD_BYTES - len(session.calibration or b""))
    head = {
        "version": VERSION,
        "model": session.model,
        "data": session.data,
        "plan": None if session.plan is None else session.plan.to_json(),
        "confirmed": session.confirmed,
        "step": session.step,
        "metric": session.metric,
        "output": session.output,
        "runs": len(runs),
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=3) as archive:
        archive.writestr("session.json", json.dumps(head, indent=1))
        for index, run in enumerate(runs):
            archive.writestr(f"runs/{index:04d}.json", run.entry)
        if session.calibration is not None:
            archive.writestr("calibration.npz", session.calibration, zipfile.ZIP_STORED)
    write_atomically(path, buffer.getvalue())


def _fitting(runs: tuple[Run, ...], room: int) -> list[Run]:
    """The runs for which a file has room, given in bytes of JSON: exact ones before others, newer before older."""
    kept: list[int] = []
    for index in sorted(range(len(runs)), key=lambda index: (not runs[index].exact, -index)):
        room -= len(runs[index].entry)
        if room < 0 or len(kept) == MAX_RUNS:
            break
        kept.append(index)
    return [runs[index] for index in sorted(kept)]


def load_session(path: Path) -> Session:
    """Read a session.

    Raises
    ------
    Problem
        Where the file cannot be read, is too large, or holds anything else than it should.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(_read(path))) as archive:
            _check_entries(path, archive)
            head = _json(path, archive, "session.json")
            if not isinstance(head, dict) or head.get("version") != VERSION:
                found = head.get("version") if isinstance(head, dict) else None
                if isinstance(found, int) and found > VERSION:
                    what = Text(
                        "was saved by a newer qinspect (format {found}, {own} is read)", found=found, own=VERSION
                    )
                    raise Problem(str(path), what, Text("Open it with that one, or update this one."))
                raise _damaged(path, Text("it is not a version 1 session"))
            names = sorted(name for name in archive.namelist() if name.startswith("runs/"))
            if head.get("runs") != len(names):
                raise _damaged(path, Text("it does not hold the runs that it lists"))
            runs = tuple(_run(_json(path, archive, name)) for name in names)
            calibration = archive.read("calibration.npz") if "calibration.npz" in archive.namelist() else None
        model, data = _mapping(head["model"]), _mapping(head["data"])
        if model is not None:
            ModelSpec.from_json(model)
        if data is not None:
            # It imports numpy, which the window is not to wait for.
            from .engine.data_spec import DataSpec

            DataSpec.from_json(data)
        return Session(
            model,
            data,
            None if head["plan"] is None else plan_from_json(head["plan"]),
            str(head["confirmed"]),
            runs,
            calibration,
            str(head["step"]),
            str(head["metric"]),
            None if head["output"] is None else int(head["output"]),
        )
    except Problem as problem:
        if problem.where == str(path):
            raise
        raise Problem(f"{path}, {problem.where}", problem.what, problem.remedy) from problem
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, OSError, RuntimeError) as error:
        raise _damaged(path, Text("it is not a session or is damaged")) from error
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise _damaged(
            path, Text("a value is not as it should be ({error}: {said})", error=type(error).__name__, said=error)
        ) from error


def missing(session: Session) -> tuple[tuple[str, str, Path], ...]:
    """Files and folders that a session names and that are not there.

    Returns
    -------
    tuple of (part, field, place)
        ``model``, ``data`` or ``metric``, the field of its specification, and the file or folder.
    """
    named = [("model", "source"), ("model", "weights"), ("data", "source"), ("data", "tokenizer"), ("metric", "source")]
    metric = {"source": session.metric if is_callable(session.metric) else None}  # a name is no file
    specs = {"model": session.model, "data": session.data, "metric": metric}
    found = []
    for part, name in named:
        value = (specs[part] or {}).get(name)
        place = _place(value) if isinstance(value, str) and value else None
        if place is not None and not _is_there(place):
            found.append((part, name, place))
    return tuple(found)


def moved(session: Session, part: str, name: str, place: Path) -> Session:
    """A session with another place for something that `missing` found."""
    specs = {"model": session.model, "data": session.data, "metric": {"source": session.metric}}
    spec = specs[part] or {}
    _, colon, called = str(spec[name]).rpartition(":") if is_callable(str(spec[name])) else ("", "", "")
    there = f"{place}{colon}{called}"
    return replace(session, **{part: there if part == "metric" else {**spec, name: there}})


def _is_there(place: Path) -> bool:
    # Where `Path` raises this says no: names that are too long, no right to look, a user that is not known here.
    return os.path.exists(os.path.expanduser(place))


def _place(source: str) -> Path | None:
    """The file or folder that a source names; None where it names a package's callable or model."""
    if source.startswith(TIMM):
        return None
    if is_callable(source):
        head = source.rpartition(":")[0]
        return Path(head) if head.endswith(".py") else None
    return Path(source)


def _damaged(path: Path, what: str) -> Problem:
    return Problem(str(path), what, Text("Choose a session that this version of qinspect saved."))


def _read(path: Path) -> bytes:
    demand_file(path)
    try:
        size = path.stat().st_size
        if size > MAX_TOTAL_BYTES:
            raise _damaged(path, Text("{size_mb:.0f} MB is too large for a session", size_mb=size / 2**20))
        return path.read_bytes()
    except OSError as error:
        raise Problem(str(path), error.strerror or Text("cannot be read"), Text("Check the path.")) from error


def _check_entries(path: Path, archive: zipfile.ZipFile) -> None:
    """Names, number and declared sizes, before anything is unpacked."""
    entries = archive.infolist()
    names = [entry.filename for entry in entries]
    if strange := next((name for name in names if not _NAME.fullmatch(name)), None):
        raise _damaged(path, Text("it holds {strange!r}, which does not belong in a session", strange=strange[:80]))
    if len(set(names)) != len(names) or len(names) > MAX_RUNS + 2:
        raise _damaged(path, Text("it holds an entry twice or too many of them"))
    if "session.json" not in names:
        raise _damaged(path, Text("it is not a session"))
    sizes = [entry.file_size for entry in entries]
    if max(sizes) > MAX_ENTRY_BYTES or sum(sizes) > MAX_TOTAL_BYTES:
        raise _damaged(path, Text("what it unpacks to is too large for a session"))


def _json(path: Path, archive: zipfile.ZipFile, name: str) -> Any:
    try:
        return json.loads(archive.read(name))
    except ValueError as error:
        raise _damaged(path, Text("{name} in it is not JSON", name=name)) from error


def _mapping(value: Any) -> dict[str, Any] | None:
    if value is not None and not isinstance(value, dict):
        raise TypeError(f"expected an object, found {type(value).__name__}")
    return value


def _run(data: Any) -> Run:
    return Run(
        str(data["name"]),
        str(data["model"]),
        str(data["data"]),
        bool(data["exact"]),
        plan_from_json(data["plan"]),
        analysis_from_json(with_texts(data["analysis"], data["texts"])),
    )


def session_title(path: Path) -> str | None:
    """Source of the model in a session, without reading the rest; None where there is no good one."""
    found = session_brief(path)
    return None if found is None else found[0]


def session_brief(path: Path) -> tuple[str, int] | None:
    """Source of the model and number of runs, without reading the rest; None where there is no good session."""
    if not path.is_file():
        return None
    try:
        with zipfile.ZipFile(path) as archive:
            if archive.getinfo("session.json").file_size > MAX_ENTRY_BYTES:
                return None
            head = json.loads(archive.read("session.json"))
        return str(head["model"]["source"]), int(head["runs"])
    except Exception:  # whatever a damaged archive makes zipfile, zlib and json raise
        return None
