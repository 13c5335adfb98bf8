"""An export is there as a whole or not at all: on a full disk, without the right to write, after a kill."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from qinspect.engine.files import demand_writable
from qinspect.engine.problem import Problem
from qinspect.engine.staged import YOUNG_S, scratch_folder, staged_file, staged_folder


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_files_are_put_in_place_together_and_folders_that_were_missing_are_made(tmp_path):
    (tmp_path / "net.verify.json").write_text("old")
    with staged_file(tmp_path / "new" / "net.onnx") as file:
        file.write_text("model")
        file.with_name("net.verify.json").write_text("verified")
        assert names(tmp_path / "new")[0].startswith(".net.onnx.")
    assert names(tmp_path) == ["net.verify.json", "new", "new/net.onnx", "new/net.verify.json"]
    with staged_folder(tmp_path / "new") as folder:
        (folder / "build.py").write_text("pass")
    assert names(tmp_path) == ["net.verify.json", "new", "new/build.py"]


@pytest.mark.parametrize("staged", [staged_file, staged_folder])
def test_what_fails_in_the_middle_leaves_the_old_one_and_nothing_new(staged, tmp_path):
    out = tmp_path / "deep" / "er" / "out"

    def half(error):
        with staged(out) as place:
            (place / "half" if place.is_dir() else place).write_text("half")
            raise error(place)

    for error in (KeyboardInterrupt(), Problem("a", "b", "c")):
        with pytest.raises(type(error)):
            half(lambda _, error=error: error)
        assert names(tmp_path) == []
    with pytest.raises(Problem) as found:
        half(lambda place: Problem(str(place / "half"), "is wrong", "Mend it."))
    assert found.value.where == str(out)
    with staged(out) as place:
        (place / "old" if place.is_dir() else place).write_text("old")
    with pytest.raises(Problem, match="out: cannot be written"):
        half(lambda place: OSError(28, "No space left on device"))
    assert names(tmp_path)[2:] in (["deep/er/out"], ["deep/er/out", "deep/er/out/old"])
    assert (out / "old" if out.is_dir() else out).read_text() == "old"


def test_a_link_stays_one_and_what_is_no_file_is_not_replaced(tmp_path):
    (tmp_path / "link").symlink_to("target")
    with staged_file(tmp_path / "link") as file:
        file.write_text("model")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_text() == "model"
    (tmp_path / "folder").mkdir()
    with pytest.raises(Problem, match="no file"), staged_file(tmp_path / "folder"):
        pass


def test_asking_whether_a_folder_can_be_written_makes_none(tmp_path):
    demand_writable(tmp_path / "a" / "b")
    assert names(tmp_path) == []
    (tmp_path / "file").write_text("")
    with pytest.raises(Problem, match="cannot be written"):
        demand_writable(tmp_path / "file" / "b")


HALF = """
import sys, time
from pathlib import Path
from qinspect.engine.staged import staged_folder
with staged_folder(Path(sys.argv[1])) as folder:
    (folder / "half").write_text("half")
    print("ready", flush=True)
    time.sleep(600)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals and locks")
def test_what_a_killed_process_left_goes_with_the_next_export_and_what_a_live_one_writes_does_not(tmp_path):
    out = tmp_path / "out"
    children = [subprocess.Popen([sys.executable, "-c", HALF, str(out)], stdout=subprocess.PIPE) for _ in range(2)]
    for child in children:
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
    children[0].send_signal(signal.SIGKILL)
    children[0].communicate()
    assert not out.exists()
    for left in tmp_path.iterdir():
        os.utime(left, (time.time() - 2 * YOUNG_S,) * 2)
    with staged_folder(out) as folder:
        (folder / "whole").write_text("whole")
    left = [name for name in names(tmp_path) if name.startswith(".")]
    assert len(left) == 3  # the live one's folder, out in it, and half in that
    children[1].send_signal(signal.SIGKILL)
    children[1].communicate()
    assert names(out) == ["whole"]


CLOSED = """
import os, sys
from pathlib import Path
from qinspect.engine.problem import Problem
from qinspect.engine.staged import staged_file, staged_folder
os.setgid(65534)
os.setuid(65534)
for staged in (staged_file, staged_folder):
    for out in ("closed/out", "closed/deep/out"):
        try:
            with staged(Path(out)):
                raise AssertionError
        except Problem as problem:
            assert "Permission denied" in problem.what and problem.where == out, problem
"""


@pytest.mark.skipif(not hasattr(os, "fork") or os.getuid() != 0, reason="somebody is needed who may write nothing")
def test_a_folder_that_may_not_be_written_is_named(tmp_path):
    (tmp_path / "closed").mkdir()
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2]), *sys.path])}
    done = subprocess.run([sys.executable, "-c", CLOSED], cwd=tmp_path, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    assert names(tmp_path) == ["closed"]


EXPORT = """
import json, shutil, sys
from pathlib import Path
from qinspect.engine.data import DataSpec, open_data
from qinspect.engine.export import export
from qinspect.engine.job import calibrate_model
from qinspect.engine.load import ModelSpec, load_model
from qinspect.engine.plan import QuantPlan
from qinspect.engine.problem import Problem
from qinspect.engine.plan.target import Target

source, weights, samples, out, *wanted = sys.argv[1:]
model = load_model(ModelSpec(source, weights, ((1, 1, 8, 8),)), allow_code=True)
data = open_data(DataSpec(samples, samples=40), model.graph.inputs[0].shape)
calibration = None
for word in wanted:
    to, target, name = word.split(":")
    plan = QuantPlan.preset(Target.parse(target))
    calibration = calibrate_model(model, data, plan, known=calibration)
    try:
        export(model, plan, calibration, data, to, Path(out) / name)
        said = ["", "written"]
    except Problem as problem:
        said = [problem.where, problem.what]
    left = sorted(str(path.relative_to(out)) for path in Path(out).rglob("*"))
    print(json.dumps([word, *said, left]), flush=True)
    for path in Path(out).iterdir():
        shutil.rmtree(path)
"""


def may_mount() -> bool:
    if shutil.which("unshare") is None:
        return False
    return not subprocess.run(["unshare", "-rm", "mount", "-t", "tmpfs", "x", "/mnt"], capture_output=True).returncode


@pytest.mark.skipif(not may_mount(), reason="needs a small disk of its own (unshare and mount)")
def test_a_full_disk_leaves_no_folder_and_no_file_and_is_said_of_the_place(digits_model, tmp_path):
    import torch

    kinds = ["onnx:ort:deep/net.onnx", "onnx:ort:folder", "script:ort:script"]
    if "onednn" in torch.backends.quantized.supported_engines:
        kinds[-1] = "fx:fx-onednn:deep/fx"
    words = [digits_model.source, digits_model.weights, digits_model.data, tmp_path, *kinds, "plan:ort:plan"]
    small = ["unshare", "-rm", "sh", "-c", 'mount -t tmpfs -o size=12k x "$0" && exec "$@"', str(tmp_path)]
    done = subprocess.run([*small, sys.executable, "-c", EXPORT, *map(str, words)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    *found, last = [json.loads(line) for line in done.stdout.splitlines()]
    assert [word for word, *_ in found] == kinds
    for word, where, what, left in found:
        assert where.startswith(str(tmp_path / word.rpartition(":")[2]))
        assert what == "cannot be written (No space left on device)"
        assert left == []
    assert last[2:] == ["written", ["plan", "plan/plan.json", "plan/qparams.json"]]


@pytest.mark.skipif(sys.platform == "win32", reason="kills by signal")
def test_what_a_killed_process_worked_in_goes_with_the_next_and_what_another_works_in_stays(tmp_path):
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom qinspect.engine.staged import scratch_folder\n"
        "with scratch_folder(Path(sys.argv[1])) as folder:\n"
        "    (folder / 'work').write_text('x')\n    print(folder, flush=True)\n    time.sleep(60)\n"
    )
    children = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    try:
        killed, alive = (Path(child.stdout.readline().strip()) for child in children)
        children[0].kill()
        children[0].wait()
        for folder in (killed, alive):
            os.utime(folder, (0, 0))
        with scratch_folder(tmp_path) as folder:
            assert sorted(tmp_path.iterdir()) == sorted([alive, folder])
    finally:
        for child in children:
            child.kill()
            child.wait()
            child.stdout.close()
