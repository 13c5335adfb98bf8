"""What the layers of a file are called: by whoever exported it, or by an export of this program."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from ...backends.onnx.naming import LAYER, VALUES
from ...backends.onnx.qdq import CLIPS, INTEGERS
from ...graph.nodes import MADE_OF
from .file import OnnxFile, Op

Array = NDArray[Any]

WEIGHTED = frozenset({"Conv", "ConvTranspose", "Gemm", "Linear", "MatMul", "Rows"})
"""The first operator of its layer, whatever comes behind it."""


def origins(file: OnnxFile) -> list[dict[str, str]]:
    """What each operator's layers are called after: a module path, and the layer's id in files of our own."""
    try:
        # A value may have both, a tensor of real numbers and one of whole ones.
        tensors = [item for key in (VALUES, INTEGERS) for item in json.loads(file.meta.get(key, "{}")).items()]
        clipped = {str(value) for value in json.loads(file.meta.get(CLIPS, "{}"))}
    except (ValueError, TypeError, AttributeError, RecursionError):
        tensors, clipped = [], set()
    values = {str(tensor): str(value) for value, tensor in tensors if str(value) not in clipped}
    first: dict[str, str] = {}  # the others are clips behind it that are left to the grid
    for value, tensor in tensors:
        first.setdefault(str(tensor), str(value))
    found = []
    for op in file.ops:
        path = module_path(op, file.arrays)
        origin = {MADE_OF["source"]: _source(op) or op.name}
        if LAYER in op.meta:
            made = op.outputs[0]
            whole = op.meta[LAYER]
            if op.kind not in WEIGHTED:  # their value may be called after a BatchNorm that was folded into them
                named = first if op.kind == "Clip" else values
                whole = named.get(made) or (made.removesuffix("/alone") if made.endswith("/alone") else whole)
            path, origin[MADE_OF["layer"]] = whole.rpartition(":")[0], whole
        found.append({**origin, MADE_OF["path"]: path})
    return found


def module_path(op: Op, arrays: Mapping[str, Array]) -> str:
    """The module that an operator came from, as far as the exporter says it.

    The stored weight's name says it best (a folded BatchNorm leaves its own scope behind); torch's
    newer exporter writes the scopes into the metadata, the older one into the node's name:
    ``/features/features.0/Conv`` comes from ``features.0``.
    """
    weight = op.inputs[1] if len(op.inputs) > 1 and op.inputs[1] in arrays else ""
    if weight.endswith(".weight") and not weight.startswith("onnx::"):
        return weight.removesuffix(".weight")
    scopes = op.meta.get("pkg.torch.onnx.name_scopes")
    if scopes is not None and len(scopes) < 10_000:
        try:
            names = ast.literal_eval(scopes)
            return str(names[-2]) if len(names) > 1 else ""
        except (ValueError, SyntaxError, IndexError, TypeError, RecursionError, MemoryError):
            pass
    if op.name.startswith("/"):
        parts: list[str] = []
        for part in op.name.split("/")[1:-1]:
            if parts and part.startswith(parts[-1] + "."):
                parts[-1] = part
            else:
                parts.append(part)
        return ".".join(parts)
    head = op.name.rpartition("/")[0]
    return head.replace("/", ".") if head else op.name


def _source(op: Op) -> str | None:
    """``file.py:line`` of the author's code, where torch's exporter wrote it down."""
    frames = re.findall(
        r'File "([^"]{1,300})", line (\d{1,7})', op.meta.get("pkg.torch.onnx.stack_trace", "")[-20_000:]
    )
    return ":".join(frames[-1]) if frames else None
