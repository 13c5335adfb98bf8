"""Whatever happens to a file, opening it ends in a clear message or in what the file says."""

from __future__ import annotations

import os

import pytest

from tests.fuzzing import READERS, fault

COUNT = int(os.environ.get("QINSPECT_FUZZ", "500"))
"""Spoilt files for each reader."""

SLOW = {"model-pt2", "model-onnx"}
"""Opening one takes a good part of a second: a fifth of them, the rest is the bench's."""


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)
@pytest.mark.timeout(20 * 60 + COUNT)
def test_a_spoilt_file_never_ends_in_a_traceback(reader, tmp_path):
    folder = tmp_path / "files"
    folder.mkdir()
    path = folder / f"file{reader.suffix}"
    reader.make(path)
    content = path.read_bytes()
    reader.read(path)
    count = COUNT // 5 if reader.name in SLOW and COUNT <= 500 else COUNT
    faults = [said for seed in range(count) if (said := fault(reader, path, content, seed)) is not None]
    assert faults == []
    assert [item.name for item in folder.iterdir()] == [path.name]
