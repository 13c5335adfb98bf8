"""Every reader, and as many spoilt files as it takes to find what five hundred do not.

QINSPECT_FUZZ=20000 QINSPECT_FUZZ_FROM=0 python -m pytest -m bench -s tests/bench/test_broken_files.py
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzzing import FILE_S, READERS

pytestmark = [pytest.mark.bench, pytest.mark.skipif(sys.platform == "win32", reason="times out by signal")]

COUNT = int(os.environ.get("QINSPECT_FUZZ", "20000"))
FIRST = int(os.environ.get("QINSPECT_FUZZ_FROM", "0"))
CHUNK = 1000
"""Seeds of one process."""

ROOT = Path(__file__).parents[2]


@pytest.mark.timeout(24 * 3600)
@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)
def test_no_spoilt_file_crashes_hangs_or_confuses_its_reader(reader, tmp_path):
    faults, opened, refused, seconds = [], 0, 0, 0.0
    for first in range(FIRST, FIRST + COUNT, CHUNK):
        count = min(CHUNK, FIRST + COUNT - first)
        folder = tmp_path / str(first) / "files"
        folder.mkdir(parents=True)
        done = subprocess.run(
            [sys.executable, "-m", "tests.fuzzing", reader.name, str(first), str(count), str(folder)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=count * FILE_S,
            check=False,
        )
        if done.returncode != 0:
            seed = (folder.parent / "seed").read_text()
            faults.append(f"seed {seed}: the process ended with {done.returncode}: {done.stderr[-300:]}")
            continue
        found = json.loads(done.stdout)
        faults += [*found["faults"], *found["left"]]
        opened, refused, seconds = opened + found["opened"], refused + found["refused"], seconds + found["seconds"]
    print(
        f"\n{reader.name}: seeds {FIRST} to {FIRST + COUNT - 1}, {refused} refused, {opened} open all the same, "
        f"{len(faults)} faults, {seconds:.0f} s"
    )
    assert faults == []
