"""What the frozen program's entry does with its words; Python runs it here."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

ENTRY = Path(__file__).parents[2] / "packaging" / "frozen.py"


def frozen(*words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "QT_QPA_PLATFORM")}
    environment["PYTHONPATH"] = os.pathsep.join(sys.path)
    command = [sys.executable, str(ENTRY), *words]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_for_its_own_child_processes_it_is_a_python(tmp_path):
    (tmp_path / "torch.py").write_text("print('a file in the current folder')")
    code = "import sys; print(sys.argv[1:], [p for p in sys.path if not p])"
    assert frozen("-I", "-B", "-c", code, "word", folder=tmp_path).stdout == "['word'] []\n"
    assert frozen("-m", "this", folder=tmp_path).stdout.startswith("The Zen")


def test_a_file_that_the_user_names_is_not_run(tmp_path):
    (tmp_path / "net.py").write_text("print('ran')")
    found = frozen("net.py", folder=tmp_path)
    assert found.returncode == 1
    assert "ran" not in found.stdout
    assert found.stderr.startswith("qinspect: ")


def test_its_own_scripts_are_run(tmp_path, monkeypatch):
    script = tmp_path / "verify.py"
    script.write_text("print(__name__)")
    entry = runpy.run_path(str(ENTRY))
    monkeypatch.setitem(entry["main"].__globals__, "OWN", f"{os.path.realpath(tmp_path)}{os.sep}")
    monkeypatch.setattr("sys.argv", ["qinspect", str(script), "word"])
    monkeypatch.setattr("sys.path", list(sys.path))
    assert entry["main"]() == 0


def test_the_command_line_ends_as_elsewhere_without_a_search_for_garbage(monkeypatch):
    entry = runpy.run_path(str(ENTRY))
    frozen_objects = []
    monkeypatch.setattr("gc.freeze", lambda: frozen_objects.append(True))
    monkeypatch.delitem(sys.modules, "PySide6", raising=False)
    # It would go on in a copy of this process, tests and all.
    monkeypatch.setattr("qinspect.cli.watched", lambda _: None)
    monkeypatch.setattr("sys.argv", ["qinspect", "inspect", "there-is-none.pt2"])
    with pytest.raises(SystemExit) as ended:
        entry["main"]()
    assert ended.value.code == 1
    assert frozen_objects
