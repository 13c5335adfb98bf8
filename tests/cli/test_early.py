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
    assert main([verb, "net:model", *arrays, "--out", str(tmp_path / "out"), *given]) == status
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_data_that_are_not_there_are_said_before_the_model_is_loaded(never_loaded, tmp_path, capsys):
    assert main(["analyze", "net:model", "--data", "no/such.npz", "--out", str(tmp_path / "out")]) == 1
    assert "no/such.npz: is not there" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "named", "said"),
    [
        (["inspect", "no/such.pt2"], "no/such.pt2", "no such file"),
        (["inspect", "no.py:model"], "no.py", "no such file"),
        (["inspect", __file__ + ":"], __file__ + ":", "names no callable"),
        (["inspect", "net:model", "--weights", "no.pt"], "no.pt", "no such file"),
        (["compare", "net:model", "no.onnx", "--out", "out"], "no.onnx", "no such file"),
        (["analyze", "net:model", "--plan", "no.json", "--data", __file__, "--out", "out"], "no.json", "no such file"),
        (["analyze", "net:model", "--stats", "no.npz", "--data", __file__, "--out", "out"], "no.npz", "no such file"),
        (["window", "no.pt2"], "no.pt2", "no such file"),
    ],
)
def test_a_file_that_is_not_there_is_said_before_torch_is_imported(tmp_path, given, named, said):
    code = f"""
import sys
from qinspect.cli import main
status = main({given!r})
assert "torch" not in sys.modules
sys.exit(status)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, ""), done.stderr
    assert done.stderr.startswith(f"qinspect: {named}: {said}")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(("given", "status", "said"), [(["--language", "zh_CN"], 1, "needs Qt"), ([], 1, "net.pt2")])
def test_a_language_that_needs_qt_is_refused_before_anything_is_computed(tmp_path, given, status, said):
    """Where the system's language alone asks for it, the report is English."""
    words = ["analyze", "net.pt2", "--data", ".", "--out", "out", *given]
    code = f"import sys; sys.modules['PySide6'] = None; from qinspect.cli import main; exit(main({words!r}))"
    environment = {**os.environ, "LC_ALL": "zh_CN.UTF-8"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == status
    assert said in done.stderr


def test_an_installation_without_torch_is_said_to_be_so(tmp_path):
    (tmp_path / "net.pt2").write_bytes(b"")
    code = (
        "import sys; sys.modules['torch'] = None; from qinspect.cli import main; sys.exit(main(['inspect', 'net.pt2']))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert done.stderr.startswith("qinspect: torch: cannot be imported (")
    assert "Install qinspect anew" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["analyse", "net.py:model", "--data", "x", "--out", "y"], "did you mean analyze?"),
        (["quantise", "net.py:model"], "the verbs are analyze, calibrate,"),
        (["analyze", "net.py:model", "--data", "", "--out", "y"], "--data is followed by an empty word"),
        (["analyze", "net.py:model", "--data", "x", "--out", ""], "--out is followed by an empty word"),
        (["inspect", ""], "inspect is followed by an empty word"),
        ([""], "qinspect is followed by an empty word"),
        (["inspect", "net.py:model", "--threads", "0"], "'0' is no whole number from 1"),
        (["inspect", "net.py:model", "--batch", "-1"], "'-1' is no whole number from 1"),
    ],
)
def test_slips_of_the_pen_are_wrong_usage_and_named(never_loaded, capsys, given, said):
    with pytest.raises(SystemExit) as ended:
        main(given)
    assert ended.value.code == 2
    assert said in capsys.readouterr().err.splitlines()[-1]


def test_what_the_models_code_prints_is_no_part_of_the_json(tmp_path, capsys):
    (tmp_path / "loud.py").write_text(
        "import torch\ndef net():\n    print('loading')\n    return torch.nn.Linear(4, 2)\n"
    )
    assert main(["inspect", f"{tmp_path / 'loud.py'}:net", "--input-shape", "1,4", "--json"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["layers"]
    assert "loading" in said.err


def test_labels_that_are_too_few_are_named_though_the_shape_of_the_model_is_only_assumed(
    digits_model, tmp_path, capsys
):
    np.savez(tmp_path / "x.npz", x=np.zeros((40, 1, 8, 8), np.float32), y=np.zeros(10, int))
    words = [digits_model.source, "--data", str(tmp_path / "x.npz"), "--out", str(tmp_path / "out")]
    assert main(["analyze", *words]) == 1
    assert "x has 40 samples and y has 10" in capsys.readouterr().err


def test_text_is_not_taken_for_weights_that_would_run_code(digits_model, tmp_path, capsys):
    (tmp_path / "notes.pt").write_text("nothing of weights")
    words = [digits_model.source, "--weights", str(tmp_path / "notes.pt"), "--input-shape", "1,1,8,8"]
    assert main(["inspect", *words]) == 1
    assert "notes.pt: is no checkpoint" in capsys.readouterr().err


@pytest.mark.skipif(not os.path.exists("/dev/fd"), reason="the shell has no pipes by name")
@pytest.mark.parametrize("given", ["<(cat plan.json)", "/dev/stdin < plan.json", "/dev/stdin < <(cat plan.json)"])
def test_a_plan_may_come_through_a_pipe(digits_model, tmp_path, given):
    (tmp_path / "plan.json").write_text('{"version": 1, "default": {"weight": "float", "activation": "float"}}')
    words = f"inspect {digits_model.source} --input-shape 1,1,8,8 --json --plan {given}"
    command = ["bash", "-c", f"{sys.executable} -m qinspect {words}"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert not any(row["asked"] for row in json.loads(done.stdout)["layers"])


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


def test_ctrl_c_while_the_program_is_imported_is_said_as_later_on():
    """Python raises it wherever it is; here when the command line's first import is looked for."""
    script = """
import sys

class Interrupted:
    def find_spec(self, name, path=None, target=None):
        if name == "qinspect.cli":
            raise KeyboardInterrupt

sys.meta_path.insert(0, Interrupted())
import runpy
runpy.run_module("qinspect", run_name="__main__")
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "cancelled\n")


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
cli.main = lambda **_: 130
getattr(cli, "run", lambda: sys.exit(cli.main()))()
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout) == (130, "")
