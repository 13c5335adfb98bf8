"""A kill, a full disk or a file that goes away loses nothing that was there before."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from qinspect.engine.files import STALE_S, write_atomically
from qinspect.engine.problem import Problem
from tests.fuzzing import READERS
from tests.given_files import make_lines, make_tokenizer
from tests.own_files import make_trtexec

FILES = [reader for reader in READERS if reader.suffix != ".zip"]
"""An archive stands for a folder, and the test unpacks it."""
BY_NAME = [reader for reader in FILES if reader.suffix not in (".png", ".jpg", ".wav", ".flac")]
"""Of pictures and sounds the folder that they lie in is named."""
KILLS = int(os.environ.get("QINSPECT_KILLS", "12"))
WRITTEN = [reader for reader in READERS if reader.name in ("plan", "statistics", "session")]

WRITER = """
import sys
from pathlib import Path
from tests.fuzzing import READERS
reader = next(r for r in READERS if r.name == sys.argv[1])
path = Path(sys.argv[2])
reader.make(path)
print("ready", flush=True)
while True:
    reader.make(path)
"""

FULL = """
import resource, signal, sys
from pathlib import Path
from qinspect.engine.problem import Problem
from tests.fuzzing import READERS
reader = next(r for r in READERS if r.name == sys.argv[1])
# A disk on which no file grows past some bytes: what is written fails in the middle.
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (150, 150))
try:
    reader.make(Path(sys.argv[2]))
except Problem as problem:
    print(problem)
    sys.exit(7)
"""


def python(code: str, *words: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[1]), *sys.path])}
    return subprocess.Popen(
        [sys.executable, "-c", code, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )


@pytest.mark.skipif(sys.platform == "win32", reason="kills by signal")
@pytest.mark.parametrize("reader", WRITTEN, ids=lambda reader: reader.name)
def test_a_kill_while_a_file_is_written_leaves_a_whole_one(reader, tmp_path):
    path = tmp_path / f"file{reader.suffix}"
    rng = random.Random(0)
    for _ in range(max(1, KILLS // len(WRITTEN))):
        child = python(WRITER, reader.name, str(path))
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        time.sleep(rng.uniform(0, 0.2))
        child.send_signal(signal.SIGKILL)
        child.communicate()
        reader.read(path)


@pytest.mark.skipif(sys.platform == "win32", reason="limits the size of files")
@pytest.mark.parametrize("reader", WRITTEN, ids=lambda reader: reader.name)
def test_a_full_disk_leaves_the_old_file_and_says_so(reader, tmp_path):
    path = tmp_path / f"file{reader.suffix}"
    reader.make(path)
    before = path.read_bytes()
    child = python(FULL, reader.name, str(path))
    said, errors = child.communicate()
    assert child.returncode == 7, errors
    assert path.name in said
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("reader", FILES, ids=lambda reader: reader.name)
def test_a_file_that_is_not_there_is_named(reader, tmp_path):
    with pytest.raises(Problem, match="file") as found:
        reader.read(tmp_path / "nowhere" / f"file{reader.suffix}")
    assert found.value.remedy


def test_what_a_killed_writer_left_is_swept_away_and_what_another_is_writing_is_not(tmp_path):
    old, new, other = tmp_path / ".a.json.old", tmp_path / ".a.json.new", tmp_path / ".b.json.old"
    for path in (old, new, other):
        path.write_text("half")
    for path in (old, other):
        os.utime(path, (time.time() - 2 * STALE_S,) * 2)
    write_atomically(tmp_path / "a.json", "{}")
    assert sorted(item.name for item in tmp_path.iterdir()) == [".a.json.new", ".b.json.old", "a.json"]


def test_what_is_no_file_is_not_replaced_and_a_link_stays_one(tmp_path):
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for name in ("folder", "pipe"):
        with pytest.raises(Problem, match="no file"):
            write_atomically(tmp_path / name, "{}")
    assert (tmp_path / "pipe").is_fifo()
    (tmp_path / "link").symlink_to("target.json")
    write_atomically(tmp_path / "link", "{}")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target.json").read_text() == "{}"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names")
@pytest.mark.parametrize("reader", BY_NAME, ids=lambda reader: reader.name)
def test_a_pipe_or_a_device_is_not_read_for_ever(reader, tmp_path):
    os.mkfifo(tmp_path / f"pipe{reader.suffix}")
    (tmp_path / f"zeros{reader.suffix}").symlink_to("/dev/zero")
    for name in ("pipe", "zeros"):
        with pytest.raises(Problem, match=name):
            reader.read(tmp_path / f"{name}{reader.suffix}")


@pytest.mark.skipif(not hasattr(os, "fork") or os.getuid() != 0, reason="somebody else is needed, who may read nothing")
def test_a_file_or_folder_that_may_not_be_read_is_named(tmp_path):
    for name in ("closed", "open"):
        (tmp_path / name).mkdir()
        for reader in FILES:
            reader.make(tmp_path / name / f"{reader.name}{reader.suffix}")
    # What readers look for beside them, which nobody else may write there.
    make_lines(tmp_path / "text.jsonl")
    make_tokenizer(tmp_path / "tokenizer.json")
    make_trtexec(tmp_path / "profile.json")
    for reader in FILES:
        if reader.name.startswith("export"):
            for name in ("closed", "open"):
                reader.read(tmp_path / name / f"{reader.name}{reader.suffix}")
    for file in (tmp_path / "open").iterdir():
        file.chmod(0)
    child = python(CLOSED, str(tmp_path))
    said, errors = child.communicate()
    assert child.returncode == 0, said + errors


CLOSED = """
import os, sys
from pathlib import Path
from qinspect.engine.problem import Problem
from qinspect.engine.process.unforeseen import problem_of
from tests.fuzzing import READERS
folder = Path(sys.argv[1])
while folder != folder.parent:
    folder.chmod(0o755)
    folder = folder.parent
    if os.stat(folder).st_mode & 0o5 == 0o5:
        break
folder = Path(sys.argv[1])
(folder / "closed").chmod(0)
READERS = [reader for reader in READERS if reader.suffix != ".zip"]
for reader in READERS:
    reader.read  # imported before rights are given up
import encodings.utf_8_sig  # which files are read as; a codec is imported when it is first asked for
import torch, numpy, PIL.Image, pyarrow, soundfile, tokenizers, safetensors.torch, onnx
import qinspect.engine.load, qinspect.engine.data, qinspect.engine.calibrate
import qinspect.engine.plan.file, qinspect.session, qinspect.engine.profiles, qinspect.engine.sensitivity.sweep
import qinspect.engine.inspect
from tests.own_files import fused_net
fused_net()
os.setgid(65534)
os.setuid(65534)
for reader in READERS:
    for name in ("open", "closed"):
        path = folder / name / f"{reader.name}{reader.suffix}"
        try:
            reader.read(path)
        except Problem as problem:
            said = str(problem)
        except OSError as error:
            said = str(problem_of(error))
        assert "ermission denied" in said and str(folder) in said, (reader.name, name, said)
"""
