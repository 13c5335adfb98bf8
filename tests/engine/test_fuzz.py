"""Whatever happens to a file, opening it ends in a clear message or in what the file says."""

from __future__ import annotations

import pytest

from qinspect.engine.problem import Problem
from tests.fuzzing import READERS, Tally

COUNT = 500
"""Spoilt files for each reader; `tests/bench/test_broken_files.py` reads 20,000."""

SLOW = {"model-pt2", "model-onnx"}
"""Opening one takes a good part of a second: a fifth of them, the rest is the bench's."""


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)
@pytest.mark.timeout(20 * 60)
def test_a_spoilt_file_never_ends_in_a_traceback(reader, tmp_path):
    folder = tmp_path / "files"
    folder.mkdir()
    path = folder / f"file{reader.suffix}"
    reader.make(path)
    content = path.read_bytes()
    if reader.name == "torchscript":
        with pytest.raises(Problem, match="TorchScript"):
            reader.read(path)
    else:
        reader.read(path)
    count = COUNT // 5 if reader.name in SLOW else COUNT
    tally = Tally()
    for seed in range(count):
        tally.read(reader, path, content, seed)
    assert tally.faults == []
    # Most faults are found; what hits a number or a picture's grain makes another sound file.
    assert tally.refused > 0
    assert [item.name for item in folder.iterdir()] == [path.name]


FOUND = [
    ("data-npz", 8151),
    ("data-npz", 11837),
    ("export-graph", 1197),
    ("export-qparams", 334),
    ("export-qparams", 546),
    ("state-dict", 120),
    ("trtexec-profile", 362),
]


@pytest.mark.parametrize(("name", "seed"), FOUND)
def test_what_the_bench_has_found_stays_mended(name, seed, tmp_path):
    reader = next(reader for reader in READERS if reader.name == name)
    folder = tmp_path / "files"
    folder.mkdir()
    path = folder / f"file{reader.suffix}"
    reader.make(path)
    tally = Tally()
    tally.read(reader, path, path.read_bytes(), seed)
    assert tally.faults == []
    assert tally.refused == 1
