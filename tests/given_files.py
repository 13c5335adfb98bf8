"""Sound files as users bring them, data, weights and models, and what reads each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np


def make_arrays(path: Path) -> None:
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


def read_data(path: Path) -> Any:
    from qinspect.engine.data import open_data
    from qinspect.engine.data_spec import DataSpec

    source = path.parent if path.suffix in (".png", ".jpg", ".wav", ".flac") else path
    shape = (None, 64) if path.suffix in (".wav", ".flac") else (None, 3, 8, 8)
    data = open_data(DataSpec(str(source)), shape)
    return data.load([0, len(data) - 1]), data.picture(0)


def make_table(path: Path) -> None:
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


def make_audio(path: Path) -> None:
    import soundfile

    soundfile.write(path, np.random.default_rng(0).random((900, 2)) - 0.5, 8000)


def make_tokenizer(path: Path) -> None:
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace

    made = Tokenizer(WordLevel({word: i for i, word in enumerate(("[UNK]", "a", "film"))}, "[UNK]"))
    made.pre_tokenizer = Whitespace()
    made.enable_padding(length=8)
    made.save(str(path))


def make_lines(path: Path) -> None:
    path.write_text("".join(json.dumps({"text": "a film", "label": i % 2}) + "\n" for i in range(8)))


def read_text(path: Path) -> Any:
    """Text with a sound tokenizer, or a tokenizer with sound text; the other lies where no reader looks."""
    from qinspect.engine.data import open_data
    from qinspect.engine.data_spec import DataSpec

    beside = path.parent.parent / ("tokenizer.json" if path.suffix == ".jsonl" else "text.jsonl")
    if not beside.exists():
        (make_tokenizer if path.suffix == ".jsonl" else make_lines)(beside)
    text, tokenizer = (path, beside) if path.suffix == ".jsonl" else (beside, path)
    data = open_data(DataSpec(str(text), tokenizer=str(tokenizer)), (None, 6), input_names=("ids", "mask"))
    return data.load(range(len(data)))


def make_picture(path: Path) -> None:
    from PIL import Image

    Image.fromarray(np.random.default_rng(0).integers(0, 255, (20, 24, 3), np.uint8)).save(path)


def make_weights(path: Path) -> None:
    make_arrays(path)


def read_weights(path: Path) -> Any:
    from qinspect.engine.load.callable import read_state

    return read_state(path)


def net() -> Any:
    import torch
    from torch import nn

    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(144, 5)).eval()


def make_pt2(path: Path) -> None:
    import torch

    from qinspect.engine.load import quiet

    with quiet():
        torch.export.save(torch.export.export(net(), (torch.rand(2, 3, 8, 8),)), path)


def make_onnx(path: Path) -> None:
    import torch

    from qinspect.engine.backends.onnx.export import float_model
    from qinspect.engine.graph.normalize import normalize
    from qinspect.engine.load import quiet
    from qinspect.engine.load.trace import trace
    from qinspect.engine.source import ModelSpec

    with quiet():
        traced = trace(net(), (torch.rand(2, 3, 8, 8),), ModelSpec("net"), [])
        path.write_bytes(float_model(normalize(traced.program)))


def read_model(path: Path) -> Any:
    from qinspect.engine.load import load_model
    from qinspect.engine.source import ModelSpec

    return load_model(ModelSpec(str(path)))
