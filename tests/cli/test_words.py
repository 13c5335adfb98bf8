"""Details of the words on the command line, and of what is said meanwhile."""

from __future__ import annotations

import argparse
import json
import re
import time

import pytest

from qinspect.cli import main, options, terminal
from qinspect.engine.plan import QuantPlan
from qinspect.engine.plan.target import Target


@pytest.fixture
def digits(digits_model):
    return [digits_model.source, "--weights", str(digits_model.weights), "--input-shape", "1,1,8,8"]


@pytest.fixture
def data(digits_model):
    return ["--data", str(digits_model.data), "--samples", "40"]


@pytest.mark.parametrize("split", ["50/50/50", "1/1/1", "nan/1/1", "150/-25/-25", "0.5/0.5/0.5"])
def test_shares_that_do_not_add_up_are_wrong_usage(digits, data, tmp_path, capsys, split):
    assert main(["analyze", *digits, *data, "--split", split, "--out", str(tmp_path / "out")]) == 2
    assert "split" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("split", ["60/20/20", "0.5/0.25/0.25", "33.3/33.3/33.3"])
def test_shares_in_percent_or_as_fractions_are_taken(split):
    import argparse

    from qinspect.cli import options

    parser = argparse.ArgumentParser()
    options.data_options(parser, required=True)
    found = options.data_spec(parser.parse_args(["--data", "x.npz", "--split", split]))
    assert found.split == tuple(float(part) for part in split.split("/"))


def test_a_plan_of_another_model_is_refused_unless_it_is_to_be_rebound(digits, tmp_path, capsys):
    plan = QuantPlan.preset(Target()).with_layer("layer4.1.conv2:conv2d", None, None)
    (tmp_path / "plan.json").write_text(json.dumps(plan.to_json()))
    words = ["inspect", *digits, "--plan", str(tmp_path / "plan.json")]
    assert main(words) == 1
    said = capsys.readouterr()
    assert "none of its overrides matches" in said.err
    assert "layer4.1.conv2:conv2d" in said.err
    assert main([*words, "--rebind"]) == 0
    assert "An override of the plan is lost" in capsys.readouterr().out


def test_a_plan_that_matches_in_part_is_taken_and_what_is_lost_is_listed(digits, tmp_path, capsys):
    plan = QuantPlan.preset(Target()).with_layer("gone:conv2d", None, None).with_layer("fc:linear", None, None)
    (tmp_path / "plan.json").write_text(json.dumps(plan.to_json()))
    assert main(["inspect", *digits, "--plan", str(tmp_path / "plan.json")]) == 0
    said = capsys.readouterr().out
    assert "An override of the plan is lost" in said
    assert "gone:conv2d" in said


def test_a_folder_that_is_made_on_the_way_is_named(digits, data, tmp_path, capsys):
    out = tmp_path / "results" / "today"
    words = ["analyze", *digits, *data, "--no-kernels", "--out"]
    assert main([*words, str(out)]) == 0
    assert f"note: the folder {out.parent} was not there, and was made" in capsys.readouterr().out
    assert main([*words, str(tmp_path / "results" / "again")]) == 0
    assert "was not there" not in capsys.readouterr().out


def test_a_finding_is_no_failure_of_the_program(digits, data, tmp_path, capsys):
    assert main(["analyze", *digits, *data, "--no-kernels", "--out", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    found = json.loads((tmp_path / "analysis.json").read_text())
    assert not re.search(r"^(error|warning|note): .*", said, re.M) or "found (" in said or not found["findings"]
    for finding in found["findings"]:
        assert f"found ({finding['severity']}): {finding['title']}" in said


def test_a_model_without_any_rounding_is_exact_in_the_totals(digits, data, tmp_path):
    plan = QuantPlan.preset(Target()).with_default(None, None)
    (tmp_path / "plan.json").write_text(json.dumps(plan.to_json()))
    words = ["analyze", *digits, *data, "--plan", str(tmp_path / "plan.json"), "--no-kernels"]
    assert main([*words, "--out", str(tmp_path / "out")]) == 0
    totals = json.loads((tmp_path / "out" / "analysis.json").read_text())["totals"]
    assert (totals["sqnr_db"], totals["exact"], totals["agreement"]) == (None, True, 1.0)


def test_where_no_terminal_shows_it_progress_comes_line_by_line(monkeypatch, capsys):
    monkeypatch.setattr(terminal, "EVERY_S", 0.02)
    with terminal.progress() as report:
        report(1, 4, "importing torch")
        time.sleep(0.2)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "25%  importing torch"
    monkeypatch.setattr(terminal, "EVERY_S", 1e6)
    with terminal.progress() as report:
        report(1, 4, "importing torch")
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("verb", ["inspect", "analyze", "search", "calibrate", "export", "dump", "compare", "demo"])
def test_help_says_something_of_every_word(verb, capsys):
    with pytest.raises(SystemExit) as end:
        main([verb, "--help"])
    assert end.value.code == 0
    said = capsys.readouterr().out
    from qinspect.cli import _parser

    parser, _ = _parser()
    (choices,) = [action.choices for action in parser._actions if action.choices]
    silent = [action.dest for action in choices[verb]._actions if not action.help]
    assert silent == []
    assert "usage: qinspect" in said


def test_the_help_names_every_verb_the_exit_statuses_and_verbs_that_are_there(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    said = capsys.readouterr().out
    from qinspect.cli import _parser

    known = _parser()[1]
    examples = [line.split()[1] for line in said.splitlines() if line.startswith("  qinspect ")]
    assert set(examples) <= known
    assert len(examples) >= 4
    assert all(status in said for status in ("0 done", "1 failed", "2 wrong usage", "3 a limit", "130 cancelled"))


def test_times_that_are_compared_have_one_unit_and_small_divergences_their_magnitude():
    assert terminal.durations(0.1, 0.0981) == ["0.100 ms", "0.098 ms"]
    assert terminal.durations(0.0065, 0.0075) == ["6.5 µs", "7.5 µs"]
    assert terminal.durations(1234.5, 0.5) == ["1234.50 ms", "0.50 ms"]
    assert [terminal.nats(kl) for kl in (0.0, 4.34e-6, 0.0341)] == ["0.0000", "4.3e-06", "0.0341"]


@pytest.mark.parametrize(
    ("word", "system", "code"),
    [(None, "de_DE.UTF-8", "en"), (None, "zh_CN.UTF-8", "zh-CN"), ("en", "zh_TW.UTF-8", "en"), ("zh_CN", "C", "zh-CN")],
)
def test_a_report_is_in_the_language_that_is_named_or_the_systems(monkeypatch, word, system, code):
    for name in ("LC_ALL", "LC_MESSAGES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", system)
    assert options.language(argparse.Namespace(language=word)).code == code
