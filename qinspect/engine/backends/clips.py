"""Layers that clip: between which real numbers, and which whole ones."""

from __future__ import annotations

import torch

from ..graph import Layer, Param, Ref
from ..qparams import QParams

CLIPS = frozenset({"relu", "relu6", "hardtanh", "clamp"})


def has_constant_limits(clip: Layer) -> bool:
    """Whether the limits of one of `CLIPS` are numbers, and no tensors."""
    return not any(isinstance(limit, (Ref, Param)) for limit in clip.args[1:])


def clip_limits(clip: Layer) -> tuple[float | None, float | None]:
    """Limits, None for none, of one of `CLIPS` that has constant ones."""
    if clip.op in ("relu", "relu6"):
        return 0.0, 6.0 if clip.op == "relu6" else None
    name = clip.target.split(".")[1]
    low, high = clip.args[1], clip.args[2] if len(clip.args) > 2 else None
    if name == "clamp_max":
        low, high = None, low
    return None if low is None else float(low), None if high is None else float(high)


def whole_limits(params: QParams, layer: Layer) -> tuple[int, int]:
    """The smallest and the largest whole number on the grid of a layer's value, where the layer ends in a clip.

    Rounding is monotonic: to clip the integers is to clip the real ones.
    """
    last = (layer, *layer.executed)[-1]
    low, high = clip_limits(last) if last.op in CLIPS else (None, None)
    return (
        params.qmin if low is None else _whole(params, low),
        params.qmax if high is None else _whole(params, high),
    )


def _whole(params: QParams, number: float) -> int:
    return int(params.quantize(torch.tensor(number, dtype=torch.float32)))
