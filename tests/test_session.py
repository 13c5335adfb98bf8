"""Sessions: what is written is read back; what is damaged is refused, by name."""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace

import pytest

import qinspect.session as session_module
from qinspect.engine.plan import QuantPlan
from qinspect.engine.plan.target import Target
from qinspect.engine.problem import Problem
from qinspect.engine.results import Analysis, Errors, Finding, FusionRow, LayerRow, Totals
from qinspect.engine.results.kernels import KernelCheck, Latency
from qinspect.engine.text import Text
from qinspect.session import Run, Session, load_session, save_session, session_title


def example() -> Session:
    plan = QuantPlan(Target("ort", isa="avx2"))
    row = LayerRow(
        "a.conv:conv2d", "a.conv", "conv2d", ("a.bn:batch_norm",), None, True, False, "no kernel", "net.py:3",
        (1, 8, 4, 4), 100, 50, {"dtype": "int8"}, {"scale": 0.5}, Errors(10.0, 9.0), Latency(2.0, 1.0, 0.1),
        KernelCheck(2, 0.9, 1.0, True, {-1: 3, 0: 9}, 0, ((-4, -4), (7, 6))),
    )  # fmt: skip
    analysis = Analysis(
        {"name": "net"}, {"samples": 4}, plan.target.to_json(), plan.to_json(), Totals(kl=0.1), (row,),
        (FusionRow("f", ("a", "b"), "conv+bn", "fused", None, 1e-6),),
        (Finding("rule", "title", "evidence", ("a.conv:conv2d",), "warning", None, "Do.", plan.to_json()),),
    )  # fmt: skip
    return Session(
        {"source": "net.pt2", "weights": None, "input_shape": None},
        {"source": "photos"},
        plan,
        "digest",
        (Run("first", "m", "d", True, plan, analysis),),
        b"npz",
        "layers",
        "top-5",
        1,
    )


def test_a_session_is_read_back_as_it_was_written(tmp_path):
    path = tmp_path / "one.qinspect"
    save_session(example(), path)
    assert load_session(path) == example()
    assert session_title(path) == "net.pt2"
    assert [entry.name for entry in tmp_path.iterdir()] == ["one.qinspect"]


@pytest.mark.parametrize("limit", ["number", "size"])
def test_of_more_runs_than_can_be_read_again_the_exact_and_the_newest_are_kept(tmp_path, monkeypatch, limit):
    session = example()
    (run,) = session.runs
    runs = tuple(replace(run, name=str(number), exact=number == 1) for number in range(6))
    if limit == "number":
        monkeypatch.setattr(session_module, "MAX_RUNS", 3)
    else:
        room = session_module.HEAD_BYTES + len(session.calibration) + 3 * len(run.entry) + 99
        monkeypatch.setattr(session_module, "MAX_TOTAL_BYTES", room)
    save_session(replace(session, runs=runs), tmp_path / "one.qinspect")
    assert [run.name for run in load_session(tmp_path / "one.qinspect").runs] == ["1", "4", "5"]


def test_texts_are_read_back_with_their_parts_and_are_plain_english_in_the_analysis(tmp_path):
    path = tmp_path / "one.qinspect"
    session = example()
    (run,) = session.runs
    reason = Text("no kernel takes {bits} bits", bits=4)
    title = Text("{reason}: {layers}", reason=reason, layers="a.conv")
    finding = replace(run.analysis.findings[0], title=title)
    row = replace(run.analysis.layers[0], why_not=reason)
    analysis = replace(run.analysis, findings=(finding,), layers=(row,))
    save_session(replace(session, runs=(replace(run, analysis=analysis),)), path)
    read = load_session(path).runs[0].analysis
    assert read == analysis
    assert read.layers[0].why_not.values == {"bits": 4}
    assert read.findings[0].title.values["reason"].template == "no kernel takes {bits} bits"
    with zipfile.ZipFile(path) as archive:
        stored = json.loads(archive.read("runs/0000.json"))
    assert stored["analysis"]["findings"][0]["title"] == "no kernel takes 4 bits: a.conv"


def test_an_empty_session_can_be_saved(tmp_path):
    save_session(Session(), tmp_path / "empty.qinspect")
    assert load_session(tmp_path / "empty.qinspect") == Session()


def test_a_failed_write_leaves_the_old_file(tmp_path):
    target = tmp_path / "folder"
    target.mkdir()
    with pytest.raises(Problem, match="folder"):
        save_session(example(), target)
    assert list(tmp_path.iterdir()) == [target]


def rewrite(path, change):
    with zipfile.ZipFile(path) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    change(entries)
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in entries.items():
            archive.writestr(name, data)


def head(entries, **changes):
    entries["session.json"] = json.dumps({**json.loads(entries["session.json"]), **changes})


def run(entries, **changes):
    entries["runs/0000.json"] = json.dumps({**json.loads(entries["runs/0000.json"]), **changes})


@pytest.mark.parametrize(
    "change",
    [
        lambda e: e.update({"../../evil.py": b""}),
        lambda e: e.update({"payload.pkl": b""}),
        lambda e: e.pop("session.json"),
        lambda e: e.pop("runs/0000.json"),
        lambda e: e.update({"session.json": b"{"}),
        lambda e: e.update({"session.json": b"[]"}),
        lambda e: head(e, version=2),
        lambda e: head(e, model=[1]),
        lambda e: head(e, plan={"version": 2}),
        lambda e: e.update({"runs/0000.json": b'{"name": 1}'}),
        lambda e: run(e, texts=[{"text": "title"}]),
        lambda e: run(e, texts=3),
    ],
)
def test_a_damaged_session_is_a_problem_that_names_the_file(tmp_path, change):
    path = tmp_path / "bad.qinspect"
    save_session(example(), path)
    rewrite(path, change)
    with pytest.raises(Problem) as caught:
        load_session(path)
    assert str(path) in caught.value.where
    assert caught.value.remedy


def test_a_session_of_a_newer_version_is_told_from_a_damaged_one(tmp_path):
    path = tmp_path / "new.qinspect"
    save_session(example(), path)
    rewrite(path, lambda e: head(e, version=2, more=1))
    with pytest.raises(Problem, match=r"newer qinspect \(format 2, 1 is read\)") as caught:
        load_session(path)
    assert "update this one" in caught.value.remedy


def test_what_is_no_zip_file_is_refused(tmp_path):
    path = tmp_path / "text.qinspect"
    path.write_text("hello")
    with pytest.raises(Problem, match="not a session"):
        load_session(path)
    assert session_title(path) is None
    with pytest.raises(Problem, match="Check the path"):
        load_session(tmp_path / "missing.qinspect")


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr("qinspect.session.MAX_ENTRY_BYTES", 1000)
    path = tmp_path / "bomb.qinspect"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("session.json", b" " * 100_000)
    with pytest.raises(Problem, match="too large"):
        load_session(path)
