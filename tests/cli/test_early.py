"""What is wrong with the words is said before anything long is done, and what cannot be written is said plainly."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys

import numpy as np
import pytest

from qinspect.cli import main


@pytest.fixture
def never_loaded(monkeypatch):
    def load(*_):
        pytest.fail("the model was loaded before the words were looked at")

    monkeypatch.setattr("qinspect.cli.options.load", load)


@pytest.fixture
def arrays(tmp_path):
    np.savez(tmp_path / "x.npz", x=np.zeros((8, 1, 8, 8), np.float32))
    return ["--data", str(tmp_path / "x.npz")]


@pytest.mark.parametrize(
    ("given", "status", "said"),
    [
        (["--metric", "top-one"], 2, "top-one"),
        (["--split", "50/50/50"], 2, "--split"),
        (["--samples", "0"], 2, "samples"),
        (["--normalize", "half"], 2, "half"),
        (["--out", "/proc/nowhere/out"], 1, "cannot be written"),
    ],
)
@pytest.mark.parametrize("verb", ["analyze", "search", "calibrate"])
def test_a_wrong_word_is_said_before_the_model_is_loaded(
    never_loaded, arrays, tmp_path, capsys, verb, given, status, said
):
    assert main([verb, "net.py:model", *arrays, "--out", str(tmp_path / "out"), *given]) == status
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_data_that_are_not_there_are_said_before_the_model_is_loaded(never_loaded, tmp_path, capsys):
    assert main(["analyze", "net.py:model", "--data", "no/such.npz", "--out", str(tmp_path / "out")]) == 1
    assert "no/such.npz: is not there" in capsys.readouterr().err


def test_arrays_are_not_taken_for_a_damaged_model_or_checkpoint(arrays, digits_model, capsys):
    assert main(["inspect", arrays[1]]) == 1
    assert "holds numpy arrays, and no model" in capsys.readouterr().err
    assert main(["inspect", digits_model.source, "--weights", arrays[1], "--input-shape", "1,1,8,8"]) == 1
    assert "holds numpy arrays, and no checkpoint" in capsys.readouterr().err


def test_inspect_does_not_claim_that_what_was_not_run_is_float(digits_model, capsys):
    words = [
        "inspect",
        digits_model.source,
        "--weights",
        str(digits_model.weights),
        "--input-shape",
        "1,1,8,8",
        "--json",
    ]
    assert main(words) == 0
    rows = json.loads(capsys.readouterr().out)["layers"]
    asked = [row for row in rows if row["asked"]]
    assert asked
    assert all((row["quantized"], row["why_not"]) == (None, "not run") for row in asked)
    assert all(row["quantized"] is False for row in rows if not row["asked"])


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a device of Linux")
def test_output_that_cannot_be_written_is_said_in_one_line(digits_model):
    words = [digits_model.source, "--weights", str(digits_model.weights), "--input-shape", "1,1,8,8"]
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "qinspect", "inspect", *words],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=120,
        )
    assert done.returncode == 1
    said = [line for line in done.stderr.splitlines() if line.startswith("qinspect")]
    assert said == ["qinspect: output cannot be written (No space left on device). Make room, or send it elsewhere."]
    assert "Traceback" not in done.stderr
    assert "fault of qinspect" not in done.stderr


def test_files_have_the_rights_that_the_user_gives_new_files(tmp_path):
    code = (
        "import os, sys; os.umask(0o027); from pathlib import Path; "
        "from qinspect.engine.files import write_atomically; "
        "write_atomically(Path(sys.argv[1]), 'x')"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "file")], check=True, timeout=120)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o640


def test_the_demo_writes_its_reports_in_the_language_that_is_named(monkeypatch, tmp_path):
    asked = []

    def run(out, report, say, language):
        asked.append(language.code)
        raise KeyboardInterrupt

    monkeypatch.setattr("qinspect.demo.run_headless", run)
    assert main(["demo", "--headless", "--language", "zh_CN", "--out", str(tmp_path)]) == 130
    assert main(["demo", "--headless", "--language", "en", "--out", str(tmp_path)]) == 130
    assert asked == ["zh-CN", "en"]


def test_a_process_that_is_done_does_not_look_for_garbage_before_it_ends():
    """A second of it with torch loaded; here a cycle that is found, or not, when the interpreter ends."""
    script = """
import sys
from qinspect import cli

class Found:
    def __del__(self):
        print("looked for garbage", flush=True)

kept = Found()
kept.itself = kept
kept = None
cli.main = lambda: 130
getattr(cli, "run", lambda: sys.exit(cli.main()))()
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout) == (130, "")
