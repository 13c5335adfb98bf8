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

import numpy as np

from qinspect.engine.problem import Problem

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
    """

    name: str
    suffix: str
    make: Callable[[Path], None]
    read: Callable[[Path], Any]


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
        path.write_bytes(spoil(content, seed))
        try:
            reader.read(path)
            self.opened += 1
        except Problem as problem:
            said = str(problem)
            if not problem.what or not problem.remedy or "Traceback" in said or len(said) > 2000:
                self.faults.append(f"seed {seed}: an unclear message: {said[:300]!r}")
            else:
                self.refused += 1
        except Exception as error:
            self.faults.append(f"seed {seed}: {type(error).__name__}: {str(error)[:200]}")


# -- the readers -----------------------------------------------------------------------------------


def _plan(path: Path) -> None:
    from qinspect.engine.files import write_json
    from qinspect.engine.plan import QuantPlan, Remedy
    from qinspect.engine.plan.qconfig import TensorConfig
    from qinspect.engine.plan.target import Target

    plan = QuantPlan.preset(Target(threads=2)).with_layer("a:conv2d", weight=None, activation=TensorConfig("int8"))
    plan = plan.with_fusion("b:relu", False).with_remedy(Remedy("equalize", ("a", "b")))
    write_json(path, plan.to_json())


def _read_plan(path: Path) -> Any:
    from qinspect.engine.plan.file import read_plan

    return read_plan(path)


def _statistics(path: Path) -> None:
    import torch

    from qinspect.engine.calibrate import Calibration, tensor_stats

    tensors = {name: tensor_stats(torch.randn(4, 3, 8, 8)) for name in ("input", "a:conv2d")}
    Calibration(tensors, 4, "key", 1.0, 0.5).save(path)


def _read_statistics(path: Path) -> Any:
    from qinspect.engine.calibrate import load_calibration

    return load_calibration(path)


def _session(path: Path) -> None:
    from qinspect.engine.plan import QuantPlan
    from qinspect.engine.plan.target import Target
    from qinspect.engine.results import Analysis, Errors, Finding, FusionRow, LayerRow, Totals
    from qinspect.engine.results.kernels import KernelCheck, Latency
    from qinspect.session import Run, Session, save_session

    plan = QuantPlan.preset(Target())
    row = LayerRow(
        "a:conv2d", "a", "conv2d", ("b:relu",), None, True, True, None, "n.py:3", (1, 8), 9, 5,
        {"dtype": "int8"}, {"scale": 0.5}, Errors(1.0), Latency(2.0, 1.0, 0.1), KernelCheck(2, 0.9, 1.0, True, {0: 9}),
    )  # fmt: skip
    analysis = Analysis(
        {"name": "net"}, {"samples": 4}, plan.target.to_json(), plan.to_json(), Totals(kl=0.1), (row,),
        (FusionRow("f", ("a", "b"), "conv+bn", "fused", None, 1e-6),),
        (Finding("rule", "title", "evidence", ("a",), "warning", None, "Do.", plan.to_json()),),
    )  # fmt: skip
    run = Run("first", "m", "d", True, plan, analysis)
    save_session(Session({"source": "n.pt2"}, {"source": "p"}, plan, "d", (run,), b"npz", "layers"), path)


def _read_session(path: Path) -> Any:
    from qinspect.session import load_session, session_title

    session_title(path)
    return load_session(path)


def _arrays(path: Path) -> None:
    x, y = np.random.default_rng(0).random((12, 3, 8, 8)).astype("f4"), np.arange(12)
    if path.suffix == ".npz":
        np.savez(path, x=x, y=y)
    elif path.suffix == ".npy":
        np.save(path, x)
    else:
        import torch

        tensors = {"x": torch.from_numpy(x), "y": torch.from_numpy(y)}
        if path.suffix == ".safetensors":
            from safetensors.torch import save_file

            save_file(tensors, path)
        else:
            torch.save(tensors, path)


def _read_data(path: Path) -> Any:
    from qinspect.engine.data import open_data
    from qinspect.engine.data_spec import DataSpec

    source = path.parent if path.suffix in (".png", ".jpg", ".wav", ".flac") else path
    shape = (None, 64) if path.suffix in (".wav", ".flac") else (None, 3, 8, 8)
    data = open_data(DataSpec(str(source)), shape)
    return data.load([0, len(data) - 1]), data.picture(0)


def _table(path: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    rng = np.random.default_rng(0)
    x = rng.random((12, 3, 8, 8)).astype("f4")
    table = pa.table({"x": x.tolist(), "y": np.arange(12), "word": ["a", "b", None] * 4})
    if path.suffix == ".parquet":
        parquet.write_table(table, path, row_group_size=5)
    else:
        with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, table.schema) as writer:
            writer.write_table(table, max_chunksize=5)


def _audio(path: Path) -> None:
    import soundfile

    soundfile.write(path, np.random.default_rng(0).random((900, 2)) - 0.5, 8000)


def _tokenizer(path: Path) -> None:
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace

    made = Tokenizer(WordLevel({word: i for i, word in enumerate(("[UNK]", "a", "film"))}, "[UNK]"))
    made.pre_tokenizer = Whitespace()
    made.enable_padding(length=8)
    made.save(str(path))


def _lines(path: Path) -> None:
    path.write_text("".join(json.dumps({"text": "a film", "label": i % 2}) + "\n" for i in range(8)))


def _read_text(path: Path) -> Any:
    """Text with a sound tokenizer, or a tokenizer with sound text; the other lies where no reader looks."""
    from qinspect.engine.data import open_data
    from qinspect.engine.data_spec import DataSpec

    beside = path.parent.parent / ("tokenizer.json" if path.suffix == ".jsonl" else "text.jsonl")
    if not beside.exists():
        (_tokenizer if path.suffix == ".jsonl" else _lines)(beside)
    text, tokenizer = (path, beside) if path.suffix == ".jsonl" else (beside, path)
    data = open_data(DataSpec(str(text), tokenizer=str(tokenizer)), (None, 6), input_names=("ids", "mask"))
    return data.load(range(len(data)))


def _picture(path: Path) -> None:
    from PIL import Image

    Image.fromarray(np.random.default_rng(0).integers(0, 255, (20, 24, 3), np.uint8)).save(path)


def _weights(path: Path) -> None:
    _arrays(path)


def _read_weights(path: Path) -> Any:
    from qinspect.engine.load.callable import read_state

    return read_state(path)


def _net() -> Any:
    import torch
    from torch import nn

    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(144, 5)).eval()


def _pt2(path: Path) -> None:
    import torch

    from qinspect.engine.load import quiet

    with quiet():
        torch.export.save(torch.export.export(_net(), (torch.rand(2, 3, 8, 8),)), path)


def _onnx(path: Path) -> None:
    import torch

    from qinspect.engine.backends.ort.runner import float_model
    from qinspect.engine.graph.normalize import normalize
    from qinspect.engine.load import quiet
    from qinspect.engine.load.trace import trace
    from qinspect.engine.source import ModelSpec

    with quiet():
        traced = trace(_net(), (torch.rand(2, 3, 8, 8),), ModelSpec("net"), [])
        path.write_bytes(float_model(normalize(traced.program)))


def _read_model(path: Path) -> Any:
    from qinspect.engine.load import load_model
    from qinspect.engine.source import ModelSpec

    return load_model(ModelSpec(str(path)))


READERS = (
    Reader("plan", ".json", _plan, _read_plan),
    Reader("statistics", ".npz", _statistics, _read_statistics),
    Reader("session", ".qinspect", _session, _read_session),
    Reader("data-npz", ".npz", _arrays, _read_data),
    Reader("data-npy", ".npy", _arrays, _read_data),
    Reader("data-safetensors", ".safetensors", _arrays, _read_data),
    Reader("data-pt", ".pt", _arrays, _read_data),
    Reader("data-png", ".png", _picture, _read_data),
    Reader("data-jpg", ".jpg", _picture, _read_data),
    Reader("data-parquet", ".parquet", _table, _read_data),
    Reader("data-arrow", ".arrow", _table, _read_data),
    Reader("data-wav", ".wav", _audio, _read_data),
    Reader("data-flac", ".flac", _audio, _read_data),
    Reader("data-jsonl", ".jsonl", _lines, _read_text),
    Reader("data-tokenizer", ".json", _tokenizer, _read_text),
    Reader("weights-safetensors", ".safetensors", _weights, _read_weights),
    Reader("weights-pt", ".pt", _weights, _read_weights),
    Reader("model-pt2", ".pt2", _pt2, _read_model),
    Reader("model-onnx", ".onnx", _onnx, _read_model),
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
