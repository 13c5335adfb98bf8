"""What ONNX's convolutions and pooling compute, as torch functions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F

from ...backends.onnx.naming import LAYER
from ...text import Text
from .call import Call, Function


def _pads(c: Call, x: torch.Tensor, kernel: Sequence[int]) -> tuple[list[int], list[int]]:
    """Padding of the spatial axes at their beginnings and ends."""
    spatial = len(kernel)
    auto = c.get("auto_pad", "NOTSET")
    if auto in ("SAME_UPPER", "SAME_LOWER"):
        strides, dilations = c.get("strides", [1] * spatial), c.get("dilations", [1] * spatial)
        begins, ends = [], []
        for size, k, s, d in zip(x.shape[2:], kernel, strides, dilations, strict=True):
            total = max((-(-size // s) - 1) * s + (k - 1) * d + 1 - size, 0)
            small = total // 2
            begins.append(small if auto == "SAME_UPPER" else total - small)
            ends.append(total - small if auto == "SAME_UPPER" else small)
        return begins, ends
    pads = c.get("pads", [0] * (2 * spatial)) if auto == "NOTSET" else [0] * (2 * spatial)
    if len(pads) != 2 * spatial:
        raise c.refuse(
            Text("has {count} paddings for {spatial} axes", count=len(pads), spatial=spatial), Text("Export it anew.")
        )
    return list(pads[:spatial]), list(pads[spatial:])


def sides(begins: Sequence[Any], ends: Sequence[Any]) -> list[Any]:
    """Padding as torch has it: from the last axis to the first, each beginning and end."""
    found = [n for pair in zip(reversed(begins), reversed(ends), strict=True) for n in pair]
    while len(found) > 2 and not found[-1] and not found[-2]:
        del found[-2:]
    return found


def _conv(c: Call) -> torch.Tensor:
    x, weight, bias = c.tensor(0), c.tensor(1), c.optional(2)
    spatial = weight.dim() - 2
    function = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}.get(spatial)
    if function is None:
        raise c.refuse(Text("has a weight of {dim} axes", dim=weight.dim()))
    begins, ends = _pads(c, x, weight.shape[2:])
    padding = begins
    if begins != ends:
        x, padding = F.pad(x, sides(begins, ends)), [0] * spatial
    ones = [1] * spatial
    return function(x, weight, bias, c.get("strides", ones), padding, c.get("dilations", ones), int(c.get("group", 1)))


def _conv_transpose(c: Call) -> torch.Tensor:
    x, weight, bias = c.tensor(0), c.tensor(1), c.optional(2)
    spatial = weight.dim() - 2
    function = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}.get(spatial)
    if function is None:
        raise c.refuse(Text("has a weight of {dim} axes", dim=weight.dim()))
    ones = [1] * spatial
    strides, dilations = c.get("strides", ones), c.get("dilations", ones)
    extra, group = c.get("output_padding", [0] * spatial), int(c.get("group", 1))
    wanted, auto = c.get("output_shape"), c.get("auto_pad", "NOTSET")
    if wanted is None and auto in ("SAME_UPPER", "SAME_LOWER"):
        wanted = [int(n) * s for n, s in zip(x.shape[2:], strides, strict=True)]
    if wanted is None:
        begins, ends = _pads(c, x, weight.shape[2:])
    else:
        full = [
            (n - 1) * s + o + (k - 1) * d + 1
            for n, s, o, k, d in zip(x.shape[2:], strides, extra, weight.shape[2:], dilations, strict=True)
        ]
        total = [n - m for n, m in zip(full, wanted[-spatial:], strict=True)]
        small = [n // 2 for n in total]
        large = [n - m for n, m in zip(total, small, strict=True)]
        begins, ends = (small, large) if auto == "SAME_UPPER" else (large, small)
    if begins == ends and min(begins) >= 0:
        return function(x, weight, bias, strides, begins, extra, group, dilations)
    y = function(x, weight, bias, strides, [0] * spatial, extra, group, dilations)
    return F.pad(y, sides([-n for n in begins], [-n for n in ends]))


def _max_pool(c: Call) -> torch.Tensor:
    x, kernel = c.tensor(0), list(c.get("kernel_shape"))
    function = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}.get(len(kernel))
    if function is None:
        raise c.refuse(Text("pools over other than 1 to 3 axes"))
    begins, ends = _pads(c, x, kernel)
    padding = begins
    if begins != ends or any(p > k // 2 for p, k in zip(begins, kernel, strict=True)):
        x, padding = F.pad(x, sides(begins, ends), value=-math.inf), [0] * len(kernel)
    ones = [1] * len(kernel)
    strides, dilations = c.get("strides", ones), c.get("dilations", ones)
    return function(x, kernel, strides, padding, dilations, bool(c.get("ceil_mode", 0)))


def _average_pool(c: Call) -> torch.Tensor:
    x, kernel = c.tensor(0), list(c.get("kernel_shape"))
    function = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}.get(len(kernel))
    if function is None or any(d != 1 for d in c.get("dilations", [1])):
        raise c.refuse(Text("is dilated, or pools over other than 1 to 3 axes"))
    begins, ends = _pads(c, x, kernel)
    strides, ceil = c.get("strides", [1] * len(kernel)), bool(c.get("ceil_mode", 0))
    include = bool(c.get("count_include_pad", 0))
    if begins == ends and all(p <= k // 2 for p, k in zip(begins, kernel, strict=True)):
        return function(x, kernel, strides, begins, ceil, include)
    around = sides(begins, ends)
    pooled = function(F.pad(x, around), kernel, strides, [0] * len(kernel), ceil)
    if include:
        return pooled
    ones = F.pad(torch.ones_like(x[:1, :1]), around)
    return pooled / function(ones, kernel, strides, [0] * len(kernel), ceil)


def _global_average_pool(c: Call) -> torch.Tensor:
    x = c.tensor(0)
    functions = {3: F.adaptive_avg_pool1d, 4: F.adaptive_avg_pool2d, 5: F.adaptive_avg_pool3d}
    mean = c.op.meta.get(LAYER, "").rpartition(":")[2].startswith("mean")  # an export of this program wrote one so
    if mean or x.dim() not in functions:
        return x.mean(list(range(2, x.dim())), keepdim=True)
    return functions[x.dim()](x, 1)


def _global_max_pool(c: Call) -> torch.Tensor:
    x = c.tensor(0)
    return x.amax(list(range(2, x.dim())), keepdim=True)


WINDOWS: Mapping[str, Function] = {
    "Conv": _conv,
    "ConvTranspose": _conv_transpose,
    "MaxPool": _max_pool,
    "AveragePool": _average_pool,
    "GlobalAveragePool": _global_average_pool,
    "GlobalMaxPool": _global_max_pool,
}
"""By the name of the operator."""
