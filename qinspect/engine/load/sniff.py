"""What a file or folder is, by its content; its name may say anything."""

from __future__ import annotations

import zipfile
from pathlib import Path

from ..files import load_tensors
from ..graph.graph_json import GRAPH
from ..problem import Problem
from ..source import callables_in
from ..text import Text

CLOSED = {
    "torchscript": (
        Text("is TorchScript, which cannot be read without running it"),
        Text("Export the model it was made from: torch.export.save(torch.export.export(model, inputs), 'model.pt2')."),
    ),
    "checkpoint": (
        Text("holds weights without the model that they belong to"),
        Text("Give the model as file.py:callable, and this file with --weights."),
    ),
    "pickle": (
        Text("is a pickled object, and opening it would run its code"),
        Text("Save model.state_dict(), and give the model as file.py:callable with --weights."),
    ),
    "arrays": (
        Text("holds numpy arrays, and no model"),
        Text("Give the model as file.pt2, file.onnx or file.py:callable, and this file with --data."),
    ),
    "tflite": (Text("is a TensorFlow Lite model"), Text("Convert it to ONNX first.")),
    "hdf5": (Text("is an HDF5 file, such as Keras writes"), Text("Convert the model to ONNX first.")),
    "python": (Text("is Python code"), Text("Name the callable that returns the model: file.py:callable.")),
    "folder": (
        Text("is a folder without a model"),
        Text(
            "Give file.pt2, file.onnx, file.py:callable, a folder that qinspect exported for fx or eager, "
            "or one with config.json and model.safetensors."
        ),
    ),
    "pointer": (
        Text("is a pointer of Git LFS: the file itself was not fetched"),
        Text("Fetch it with git lfs pull."),
    ),
    "text": (Text("is text, and no model"), Text("Choose the file that torch.export.save or torch.onnx.export wrote.")),
    "missing": (Text("no such file"), Text("Check the path.")),
    "unknown": (
        Text("is not a source that can be opened"),
        Text("Give file.pt2, file.onnx, file.py:callable or package.module:callable."),
    ),
}
"""Kinds that hold no model which can be opened: what to say of them, and what to do."""


def kind_of(path: Path) -> str:
    """``onnx``, ``pt2``, ``hugging_face``, ``export`` (a folder of this program's own), or a key of `CLOSED`."""
    if path.is_dir():
        if (path / "config.json").is_file():
            return "hugging_face"
        return "export" if (path / GRAPH).is_file() else "folder"
    try:
        with path.open("rb") as file:
            start = file.read(512)
    except OSError:
        return "missing"
    if start[:4] == b"PK\x03\x04":
        return _archive(path)
    if start[:6] == b"\x93NUMPY":
        return "arrays"
    if looks_like_onnx(path):
        return "onnx"
    if start[:1] == b"\x80" and start[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"):
        return "pickle"
    if start[4:8] == b"TFL3":
        return "tflite"
    if start[:8] == b"\x89HDF\r\n\x1a\n":
        return "hdf5"
    if len(start) > 15 and start[8:9] == b"{" and int.from_bytes(start[:8], "little") < 1 << 28:
        return "checkpoint"  # safetensors: the length of its header, then JSON
    if start.startswith(b"version https://git-lfs."):
        return "pointer"
    if path.suffix != ".py" and _is_text(start):
        return "text"
    # What is too damaged to say what it was, its name says.
    return {".onnx": "onnx", ".pt2": "pt2", ".py": "python"}.get(path.suffix, "unknown")


def _is_text(start: bytes) -> bool:
    """Whether a file that begins so is written in lines that people read; the last character may be cut."""
    text = start.decode("utf-8", errors="ignore")
    return bool(text) and len(text.encode()) > len(start) - 4 and all(c.isprintable() or c in "\t\r\n" for c in text)


def model_in(path: Path) -> Path:
    """The one model file of a folder such as ``qinspect export`` writes; any other path as it is.

    Raises
    ------
    Problem
        Where there are several.
    """
    if not path.is_dir() or kind_of(path) != "folder":
        return path
    found = sorted(file for file in path.iterdir() if file.suffix in (".onnx", ".pt2") and file.is_file())
    if len(found) > 1:
        names = ", ".join(file.name for file in found)
        raise Problem(str(path), Text("holds several models: {names}", names=names), Text("Name one of them."))
    return found[0] if found else path


def _archive(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            whole = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return "pt2"  # whose reader says what is damaged
    if whole and all(name.endswith(".npy") for name in whole):
        return "arrays"
    names = [name.partition("/")[2] for name in whole]
    if "constants.pkl" in names or any(name.startswith("code/") for name in names):
        return "torchscript"
    if "data.pkl" in names:
        return "checkpoint"
    return "pt2"


def holds_arrays(path: Path) -> bool:
    """Whether a file is what numpy.savez or numpy.save writes."""
    try:
        with path.open("rb") as file:
            start = file.read(6)
    except OSError:
        return False
    return start == b"\x93NUMPY" or (start[:4] == b"PK\x03\x04" and _archive(path) == "arrays")


def looks_like_onnx(path: Path) -> bool:
    """Whether a file may be an ONNX model: the first field of its message is the format's version."""
    try:
        with path.open("rb") as file:
            start = file.read(2)
    except OSError:
        return False
    return len(start) == 2 and start[0] == 0x08 and 0 < start[1] < 0x80


def holds_tensors(path: Path) -> bool:
    """Whether a pickle is a checkpoint that can be read without running anything, as torch before 1.6 wrote them."""
    try:
        load_tensors(path)
    except Exception:  # whatever a damaged or hostile file makes torch raise
        return False
    return True


def refusal(path: Path, kind: str) -> Problem:
    """Why a file of a kind in `CLOSED` cannot be opened."""
    what, remedy = CLOSED[kind]
    if kind == "python" and (names := callables_in(path)):
        found = ", ".join(f"{path.name}:{name}" for name in names[:6])
        remedy = Text("Name the callable that returns the model, such as {found}.", found=found)
    return Problem(str(path), what, remedy)
