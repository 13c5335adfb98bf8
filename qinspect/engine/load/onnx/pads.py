"""Paddings that a file leaves to its convolutions, as layers of their own."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np

from ...backends.onnx.naming import LAYER, MERGED
from ...qparams import QParams
from .file import OnnxFile, Op
from .names import module_path


def with_pads(file: OnnxFile, grids: dict[str, QParams]) -> OnnxFile:
    """The file with paddings of their own before convolutions that took one over, or pad unevenly, as torch cannot.

    Parameters
    ----------
    file : OnnxFile
    grids : dict of str to QParams
        Of its tensors; what is padded with zeros is on the same one, and is added.
    """
    own = {conv: pad for pad, conv in _json_of(file, MERGED).items()}
    ops: list[Op] = []
    arrays = dict(file.arrays)
    for op in file.ops:
        pads = op.attributes.get("pads") or []
        spatial, merged_pad = len(pads) // 2, own.get(op.meta.get(LAYER, ""))
        uneven = pads[:spatial] != pads[spatial:]
        if op.kind != "Conv" or op.attributes.get("auto_pad", "NOTSET") != "NOTSET" or not (uneven or merged_pad):
            ops.append(op)
            continue
        padded, widths = f"{op.outputs[0]}/padded", f"{op.outputs[0]}/pads"
        arrays[widths] = np.array([0, 0, *pads[:spatial], 0, 0, *pads[spatial:]], np.int64)
        name = f"{module_path(op, file.arrays).replace('.', '/')}/pad"
        meta = {key: value for key, value in op.meta.items() if key != LAYER}
        if merged_pad:
            meta[LAYER] = merged_pad
        ops.append(Op("Pad", name, (op.inputs[0], widths), (padded,), {}, meta))
        ops.append(replace(op, inputs=(padded, *op.inputs[1:]), attributes={**op.attributes, "pads": [0] * len(pads)}))
        if op.inputs[0] in grids:
            grids[padded] = grids[op.inputs[0]]
    return replace(file, ops=tuple(ops), arrays=arrays)


def _json_of(file: OnnxFile, key: str) -> dict[str, str]:
    """A mapping of names among the model's metadata; empty where it is none."""
    try:
        found = json.loads(file.meta.get(key, "{}"))
    except (ValueError, RecursionError):
        return {}
    return {str(a): str(b) for a, b in found.items()} if isinstance(found, dict) else {}
