"""Broken files: every reader of the program, a sound file for each, and seeded ways of spoiling it.

``python -m tests.fuzzing READER FIRST COUNT FOLDER`` reads COUNT spoilt files from seed FIRST on, and prints what
happened as one line of JSON; the bench runs it, since a crash or a hang would take pytest along.
"""

from __future__ import annotations

import functools
import io
import json
import random
import signal
import sys
import time
import zipfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from qinspect.engine.problem import Problem
from tests.given_files import (
    make_arrays,
    make_audio,
    make_lines,
    make_onnx,
    make_picture,
    make_pt2,
    make_table,
    make_tokenizer,
    make_weights,
    read_data,
    read_model,
    read_text,
    read_weights,
)
from tests.own_files import (
    make_bench,
    make_folder,
    make_layer_info,
    make_member,
    make_ort_profile,
    make_plan,
    make_session,
    make_state_dict,
    make_statistics,
    make_sweep,
    make_torchscript,
    make_trtexec,
    read_folder,
    read_layer_info,
    read_member,
    read_plan_file,
    read_profile_file,
    read_session,
    read_statistics,
    read_sweep_file,
    read_whole,
)

STRANGE = (None, True, False, -1, 0, 2**63, 1e308, float("nan"), "", "../../x", "\x00", [], {}, [[]], "9" * 400)


@dataclass(frozen=True)
class Reader:
    """A kind of file.

    Parameters
    ----------
    name : str
    suffix : str
    make : callable
        ``make(path)`` writes a sound file.
    read : callable
        ``read(path)`` opens one, and may raise `Problem` and nothing else.
    spoil : callable
        ``spoil(content, seed)``: what becomes of a sound file's content.
    """

    name: str
    suffix: str
    make: Callable[[Path], None]
    read: Callable[[Path], Any]
    spoil: Callable[[bytes, int], bytes] = field(default_factory=lambda: spoil)


def spoil(content: bytes, seed: int) -> bytes:
    """The content with one to four faults: of the bytes, or of a member of an archive, or of a value in JSON."""
    rng = random.Random(seed)
    for _ in range(rng.randint(1, 4)):
        kind = rng.random()
        if kind < 0.35 and content[:2] == b"PK":
            content = _in_archive(content, rng)
        elif kind < 0.6 and content[:1] in (b"{", b"["):
            content = _in_json(content, rng)
        else:
            content = _in_bytes(content, rng)
    return content


def spoil_members(content: bytes, seed: int) -> bytes:
    """One to four faults in the members of an archive that stands for a folder."""
    rng = random.Random(seed)
    for _ in range(rng.randint(1, 4)):
        content = _in_archive(content, rng)
    return content


def _in_bytes(content: bytes, rng: random.Random) -> bytes:
    if not content:
        return b"\x00" * rng.randint(0, 8)
    data = bytearray(content)
    place = rng.randrange(len(data))
    length = min(len(data) - place, int(2 ** rng.uniform(0, 10)))
    kind = rng.randrange(7)
    if kind == 0:  # cut off
        return bytes(data[:place])
    if kind == 1:
        data[place] ^= 1 << rng.randrange(8)
    elif kind == 2:
        data[place : place + length] = rng.randbytes(length)
    elif kind == 3:
        data[place : place + length] = bytes(length)
    elif kind == 4:
        del data[place : place + length]
    elif kind == 5:
        data[place:place] = data[place : place + length]
    else:  # a number of 4 or 8 bytes becomes an extreme one
        size = rng.choice((4, 8))
        value = rng.choice((0, 1, 0x7F, 0xFF))
        data[place : place + size] = bytes([value]) * min(size, len(data) - place)
    return bytes(data)


def _in_archive(content: bytes, rng: random.Random) -> bytes:
    """Spoil a member and pack it again, so that the archive itself is sound."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = {info.filename: archive.read(info) for info in archive.infolist()}
    except Exception:  # it is spoilt already
        return _in_bytes(content, rng)
    if not members:
        return content
    name = rng.choice(sorted(members))
    kind = rng.random()
    if kind < 0.1:
        del members[name]
    elif kind < 0.2:
        members[rng.choice(("../evil", "/tmp/evil", "x" * 300, name + "2"))] = members.pop(name)
    elif members[name][:1] in (b"{", b"[") and kind < 0.7:
        members[name] = _in_json(members[name], rng)
    else:
        members[name] = _in_bytes(members[name], rng)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for member, data in members.items():
            archive.writestr(member, data)
    return out.getvalue()


def _in_json(content: bytes, rng: random.Random) -> bytes:
    try:
        tree = json.loads(content)
    except ValueError:
        return _in_bytes(content, rng)
    places: list[tuple[Any, Any]] = []

    def walk(node: Any) -> None:
        items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
        for key, value in items:
            places.append((node, key))
            walk(value)

    walk(tree)
    if not places:
        return json.dumps(rng.choice(STRANGE)).encode()
    node, key = rng.choice(places)
    if rng.random() < 0.2:
        del node[key]
    elif isinstance(node, dict) and rng.random() < 0.15:
        node[str(key) + "x"] = node.pop(key)
    else:
        node[key] = rng.choice(STRANGE)
    return json.dumps(tree).encode()


MOST = 1000
"""Characters of a message: one that quotes the file is longer."""


@dataclass
class Tally:
    """How spoilt files were read.

    Parameters
    ----------
    opened, refused : int
        Those that open all the same, and those that a `Problem` with words names.
    faults : list of str
        What was wrong with the others, with their seeds.
    """

    opened: int = 0
    refused: int = 0
    faults: list[str] = field(default_factory=list)

    def read(self, reader: Reader, path: Path, content: bytes, seed: int) -> None:
        """Read the file that a seed makes of a sound one's content."""
        path.write_bytes(reader.spoil(content, seed))
        try:
            reader.read(path)
            self.opened += 1
        except Problem as problem:
            said = str(problem)
            named = path.name in said or str(path.parent.parent) in said
            if not problem.what or not problem.remedy or not named or "Traceback" in said or len(said) > MOST:
                self.faults.append(f"seed {seed}: an unclear message: {said[:300]!r}")
            else:
                self.refused += 1
        except Exception as error:
            self.faults.append(f"seed {seed}: {type(error).__name__}: {str(error)[:200]}")


READERS = (
    Reader("plan", ".json", make_plan, read_plan_file),
    Reader("statistics", ".npz", make_statistics, read_statistics),
    Reader("session", ".qinspect", make_session, read_session),
    Reader("sweep", ".json", make_sweep, read_sweep_file),
    Reader("bench", ".json", make_bench, read_profile_file),
    Reader("ort-profile", ".json", make_ort_profile, read_profile_file),
    Reader("trtexec-profile", ".json", make_trtexec, read_profile_file),
    Reader("trtexec-layers", ".json", make_layer_info, read_layer_info),
    Reader("export-graph", ".json", make_member("graph.json"), read_member("graph.json")),
    Reader("export-qparams", ".json", make_member("qparams.json"), read_member("qparams.json")),
    Reader("export-weights", ".pt", make_member("weights.pt"), read_member("weights.pt")),
    Reader("export-folder", ".zip", make_folder, read_folder, spoil_members),
    Reader("state-dict", ".pt", make_state_dict, read_whole),
    Reader("torchscript", ".pt", make_torchscript, read_whole),
    Reader("data-npz", ".npz", make_arrays, read_data),
    Reader("data-npy", ".npy", make_arrays, read_data),
    Reader("data-safetensors", ".safetensors", make_arrays, read_data),
    Reader("data-pt", ".pt", make_arrays, read_data),
    Reader("data-png", ".png", make_picture, read_data),
    Reader("data-jpg", ".jpg", make_picture, read_data),
    Reader("data-parquet", ".parquet", make_table, read_data),
    Reader("data-arrow", ".arrow", make_table, read_data),
    Reader("data-wav", ".wav", make_audio, read_data),
    Reader("data-flac", ".flac", make_audio, read_data),
    Reader("data-jsonl", ".jsonl", make_lines, read_text),
    Reader("data-tokenizer", ".json", make_tokenizer, read_text),
    Reader("weights-safetensors", ".safetensors", make_weights, read_weights),
    Reader("weights-pt", ".pt", make_weights, read_weights),
    Reader("model-pt2", ".pt2", make_pt2, read_model),
    Reader("model-onnx", ".onnx", make_onnx, read_model),
)

FILE_S = 60
"""A file that takes longer to read hangs its reader."""


def _know_operators_once() -> None:
    """torch.export lists all operators anew for each of their namespaces; here none is added meanwhile.

    A quarter of what a file takes that opens all the same: 0.41 -> 0.31 s of a processor.
    """
    import torch._export.utils as exporting

    exporting._materialize_cpp_cia_ops = functools.cache(exporting._materialize_cpp_cia_ops)


def main(name: str, first: int, count: int, folder: Path) -> None:
    reader = next(reader for reader in READERS if reader.name == name)
    path = folder / f"file{reader.suffix}"
    reader.make(path)
    content = path.read_bytes()

    def hangs(*_: object) -> None:
        raise TimeoutError(f"read for {FILE_S} s")

    if name.startswith("model"):
        _know_operators_once()
    signal.signal(signal.SIGALRM, hangs)
    tally, began = Tally(), time.monotonic()
    for seed in range(first, first + count):
        (folder.parent / "seed").write_text(str(seed))
        signal.alarm(FILE_S)
        tally.read(reader, path, content, seed)
        signal.alarm(0)
    left = sorted(item.name for item in folder.iterdir() if item != path)
    print(json.dumps({**asdict(tally), "left": left, "seconds": round(time.monotonic() - began, 1)}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]))
