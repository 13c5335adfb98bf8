"""ONNX operators that move, pick, repeat and resize values, as torch functions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F

from ...text import Text
from .call import Call, Function, as_tensor, sizes
from .windows import sides


def _reshape(c: Call) -> torch.Tensor:
    x, wanted = c.tensor(0), c.numbers(1, "shape") or []
    if not c.get("allowzero", 0):
        wanted = [x.shape[index] if isinstance(n, int) and n == 0 else n for index, n in enumerate(wanted)]
    return x.reshape(wanted)


def _flatten(c: Call) -> torch.Tensor:
    x, axis = c.tensor(0), int(c.get("axis", 1))
    axis = axis + x.dim() if axis < 0 else axis
    if axis == 0:
        return x.reshape(1, -1)
    if axis == x.dim():
        return x.reshape(-1, 1)
    return x.flatten(axis) if axis == 1 else x.flatten(0, axis - 1).flatten(1)


def _squeeze(c: Call) -> torch.Tensor:
    x, axes = c.tensor(0), c.numbers(1, "axes")
    if axes is None:
        axes = [index for index, size in enumerate(x.shape) if isinstance(size, int) and size == 1]
    return x.squeeze([int(axis) % x.dim() for axis in axes]) if len(axes) != 1 else x.squeeze(int(axes[0]))


def _unsqueeze(c: Call) -> torch.Tensor:
    x, axes = c.tensor(0), c.numbers(1, "axes") or []
    rank = x.dim() + len(axes)
    for axis in sorted(int(axis) % rank for axis in axes):
        x = x.unsqueeze(axis)
    return x


def _transpose(c: Call) -> torch.Tensor:
    x = c.tensor(0)
    return x.permute(c.get("perm", list(reversed(range(x.dim())))))


def _slice(c: Call) -> torch.Tensor:
    x = c.tensor(0)
    starts, ends = c.numbers(1, "starts") or [], c.numbers(2, "ends") or []
    axes = c.numbers(3, "axes") or list(range(len(starts)))
    steps = c.numbers(4, "steps") or [1] * len(starts)
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        if step < 0:
            size = x.shape[int(axis)]
            x = x.index_select(int(axis), torch.arange(*slice(start, _before(end, size), step).indices(size)))
        else:
            x = torch.ops.aten.slice.Tensor(x, int(axis), start, end, step)
    return x


def _before(end: int, size: int) -> int | None:
    """The end of a slice that runs backwards: far below 0 it takes in the first element."""
    return None if end < -size else end


def _split(c: Call) -> tuple[torch.Tensor, ...]:
    x, count = c.tensor(0), len(c.op.outputs)
    axis = c.axis(0, x.dim())
    wanted = c.numbers(1, "split")
    if wanted is None:
        size = -(-x.shape[axis] // count)
        wanted = [min(size, x.shape[axis] - at * size) for at in range(count)]
    return torch.split(x, [int(n) for n in wanted], axis)


def _gather(c: Call) -> torch.Tensor:
    x, axis = c.tensor(0), c.axis(0, c.tensor(0).dim())
    if c.known(1):
        index = c.values[1]
        if index.ndim == 0:
            return x.select(axis, index[()].item() if hasattr(index[()], "item") else index[()])
        flat = [int(n) % x.shape[axis] if isinstance(x.shape[axis], int) else int(n) for n in index.reshape(-1)]
        found = x.index_select(axis, torch.tensor(flat))
        return found if index.ndim == 1 else found.unflatten(axis, list(index.shape))
    indices = c.tensor(1).long()
    if c.known(0) and axis == 0 and x.dim() == 2:
        return F.embedding(indices, x)
    found = x.index_select(axis, indices.reshape(-1))
    return found.reshape([*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :]])


def _gather_nd(c: Call) -> torch.Tensor:
    if c.get("batch_dims", 0):
        raise c.refuse(Text("gathers within batches"))
    return c.tensor(0)[c.tensor(1).long().unbind(-1)]


def _scatter_elements(c: Call) -> torch.Tensor:
    x, axis = c.tensor(0), c.axis(0, c.tensor(0).dim())
    reduction = {"none": None, "add": "sum", "mul": "prod", "max": "amax", "min": "amin"}[c.get("reduction", "none")]
    if reduction is None:
        return x.scatter(axis, c.tensor(1).long(), c.tensor(2))
    return x.scatter_reduce(axis, c.tensor(1).long(), c.tensor(2), reduction)


def _scatter_nd(c: Call) -> torch.Tensor:
    if c.get("reduction", "none") not in ("none", "add"):
        raise c.refuse(Text("reduces by {how}", how=c.get("reduction")))
    places = tuple(c.tensor(1).long().unbind(-1))
    return c.tensor(0).index_put(places, c.tensor(2), accumulate=c.get("reduction", "none") == "add")


def _expand(c: Call) -> torch.Tensor:
    x, wanted = c.tensor(0), c.numbers(1) or []
    rank = max(x.dim(), len(wanted))
    have = [1] * (rank - x.dim()) + list(x.shape)
    wanted = [1] * (rank - len(wanted)) + wanted
    shape = [h if isinstance(w, int) and w == 1 else w for h, w in zip(have, wanted, strict=True)]
    return x.expand(shape)


def _tile(c: Call) -> torch.Tensor:
    return c.tensor(0).repeat(c.numbers(1) or [])


def _pad(c: Call) -> torch.Tensor:
    x, pads = c.tensor(0), c.numbers(1, "pads") or []
    axes = c.numbers(3) or list(range(x.dim()))
    begins, ends = [0] * x.dim(), [0] * x.dim()
    for place, axis in enumerate(axes):
        begins[int(axis)], ends[int(axis)] = pads[place], pads[place + len(axes)]
    if not any(begins) and not any(ends):
        return x
    around, mode = sides(begins, ends), c.get("mode", "constant")
    if mode == "constant":
        value = c.number(2) if c.has(2) else c.get("value", 0.0)
        return F.pad(x, around, value=float(value) if x.is_floating_point() else int(value))
    names = {"reflect": "reflect", "edge": "replicate", "wrap": "circular"}
    return F.pad(x, around + [0] * max(0, 2 * (x.dim() - 2) - len(around)), mode=names[mode])


def _concat(c: Call) -> torch.Tensor:
    return torch.cat([c.tensor(index) for index in range(len(c.values))], int(c.get("axis", 0)))


def _constant_of_shape(c: Call) -> torch.Tensor:
    value = c.get("value")
    fill = 0.0 if value is None else value.reshape(-1)[0].item()
    return torch.full(c.numbers(0) or [], fill)


def _depth_to_space(c: Call) -> torch.Tensor:
    x, block = c.tensor(0), int(c.get("blocksize"))
    if c.get("mode", "DCR") == "CRD":
        return F.pixel_shuffle(x, block)
    n, channels, height, width = x.shape
    x = x.reshape(n, block, block, channels // block**2, height, width).permute(0, 3, 4, 1, 5, 2)
    return x.reshape(n, channels // block**2, height * block, width * block)


def _space_to_depth(c: Call) -> torch.Tensor:
    x, block = c.tensor(0), int(c.get("blocksize"))
    n, channels, height, width = x.shape
    x = x.reshape(n, channels, height // block, block, width // block, block).permute(0, 3, 5, 1, 2, 4)
    return x.reshape(n, channels * block**2, height // block, width // block)


def _resize(c: Call) -> torch.Tensor:
    """Resize, and Upsample of opset 9; the ways of counting that torch has as well."""
    x, mode = c.tensor(0), c.get("mode", "nearest")
    upsample = c.op.kind == "Upsample" or c.opset < 11
    place = "asymmetric" if upsample else c.get("coordinate_transformation_mode", "half_pixel")
    scales = c.numbers(1 if upsample else 2, "scales")
    wanted = None if upsample else c.numbers(3)
    axes = c.get("axes")
    factors, size = _factors(c, x, scales or None, wanted or None, axes)
    spatial = x.dim() - 2
    if c.get("antialias", 0) or c.get("keep_aspect_ratio_policy", "stretch") != "stretch":
        raise c.refuse(Text("smooths, or keeps the aspect ratio"))
    given: dict[str, Any] = {"size": size} if size is not None else {"scale_factor": factors}
    if mode == "nearest":
        rounding = "floor" if upsample else c.get("nearest_mode", "round_prefer_floor")
        if (place, rounding) == ("half_pixel", "round_prefer_ceil"):
            return F.interpolate(x, mode="nearest-exact", **given)
        if not _is_torchs_nearest(place, rounding, factors):
            raise c.refuse(
                Text("picks neighbours by {place} and {rounding}", place=place, rounding=rounding),
                Text("Export it with nearest_mode floor."),
            )
        return F.interpolate(x, mode="nearest", **given)
    names = {("linear", 1): "linear", ("linear", 2): "bilinear", ("linear", 3): "trilinear", ("cubic", 2): "bicubic"}
    if (mode, spatial) not in names or place not in ("half_pixel", "pytorch_half_pixel", "align_corners"):
        raise c.refuse(
            Text("interpolates by {mode} with {place}", mode=mode, place=place),
            Text("Export it with half_pixel or align_corners."),
        )
    if mode == "cubic" and abs(float(c.get("cubic_coeff_a", -0.75)) + 0.75) > 1e-6:
        raise c.refuse(Text("has another cubic coefficient than -0.75"))
    return F.interpolate(x, mode=names[mode, spatial], align_corners=place == "align_corners", **given)


def _factors(
    c: Call, x: torch.Tensor, scales: Sequence[Any] | None, wanted: Sequence[Any] | None, axes: Sequence[int] | None
) -> tuple[list[float], list[int] | None]:
    """Scale of each spatial axis, and its size where the file gives sizes."""
    over = [axis % x.dim() for axis in axes] if axes else list(range(x.dim()))
    if wanted is not None:
        full = list(x.shape)
        for axis, size in zip(over, wanted, strict=True):
            full[axis] = size
        size = [int(n) for n in full[2:]]
        return [n / int(m) for n, m in zip(size, x.shape[2:], strict=True)], size
    if scales is None:
        raise c.refuse(Text("has neither sizes nor scales"), Text("Export it anew."))
    all_scales = [1.0] * x.dim()
    for axis, scale in zip(over, scales, strict=True):
        all_scales[axis] = float(scale)
    if all_scales[:2] != [1.0, 1.0]:
        raise c.refuse(Text("resizes the batch or the channels"))
    return all_scales[2:], None


def _is_torchs_nearest(place: str, rounding: str, factors: Sequence[float]) -> bool:
    """Whether neighbours are picked as torch does it: ``floor(i / scale)``."""
    whole = all(factor >= 1 and math.isclose(factor, round(factor)) for factor in factors)
    if place == "asymmetric":
        return rounding == "floor" or (rounding == "round_prefer_floor" and whole and max(factors) <= 2)
    return place in ("half_pixel", "pytorch_half_pixel") and whole and rounding.startswith("round_prefer")


def _top_k(c: Call) -> tuple[torch.Tensor, ...]:
    x, count = c.tensor(0), c.number(1, "k")
    values, indices = torch.topk(
        x, int(count), int(c.get("axis", -1)), bool(c.get("largest", 1)), bool(c.get("sorted", 1))
    )
    return values, indices


def _trilu(c: Call) -> torch.Tensor:
    diagonal = int(c.number(1)) if c.has(1) else 0
    return torch.triu(c.tensor(0), diagonal) if c.get("upper", 1) else torch.tril(c.tensor(0), diagonal)


def _dropout(c: Call) -> torch.Tensor:
    if c.known(2) and bool(c.values[2]):
        raise c.refuse(Text("is in training mode"), Text("Export the model in eval mode."))
    return c.tensor(0)


def _one_hot(c: Call) -> torch.Tensor:
    low, high = (item.item() for item in c.values[2].reshape(-1))
    axis = int(c.get("axis", -1))
    found = F.one_hot(c.tensor(0).long(), int(c.number(1)))
    found = found if axis in (-1, found.dim() - 1) else found.movedim(-1, axis)
    return found.to(as_tensor(c.values[2]).dtype) * (high - low) + low


def _range(c: Call) -> torch.Tensor:
    start, limit, delta = (c.operand(index) for index in range(3))
    return torch.arange(start, limit, delta)


MOVES: Mapping[str, Function] = {
    "Reshape": _reshape,
    "Flatten": _flatten,
    "Squeeze": _squeeze,
    "Unsqueeze": _unsqueeze,
    "Transpose": _transpose,
    "Slice": _slice,
    "Split": _split,
    "Gather": _gather,
    "GatherElements": lambda c: torch.gather(c.tensor(0), c.axis(0, c.tensor(0).dim()), c.tensor(1).long()),
    "GatherND": _gather_nd,
    "ScatterElements": _scatter_elements,
    "ScatterND": _scatter_nd,
    "Expand": _expand,
    "Tile": _tile,
    "Pad": _pad,
    "Concat": _concat,
    "Stack": lambda c: torch.stack([c.tensor(index) for index in range(len(c.values))], int(c.get("axis"))),
    "Where": lambda c: torch.where(c.tensor(0), c.operand(1), c.operand(2)),
    "ConstantOfShape": _constant_of_shape,
    "DepthToSpace": _depth_to_space,
    "SpaceToDepth": _space_to_depth,
    "Resize": _resize,
    "Upsample": _resize,
    "TopK": _top_k,
    "Trilu": _trilu,
    "OneHot": _one_hot,
    "Range": _range,
    "Identity": lambda c: c.tensor(0),
    "Dropout": _dropout,
    "Shape": lambda c: sizes(c.tensor(0).shape[slice(c.get("start", 0), c.get("end"))]),
    "Size": lambda c: sizes([c.tensor(0).numel()]).reshape(()),
}
