"""A BatchNorm folded into the layer before or after it: the formulas, and where channels go in between."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch

from . import Layer, Param, Ref

MOVES = frozenset(
    {
        "view", "reshape", "_unsafe_view", "flatten", "unflatten", "squeeze", "unsqueeze", "transpose", "permute", "t",
        "swapaxes",
    }
)  # fmt: skip
"""Operators that give the same values, each once, in another shape or order."""


def scale_and_shift(
    gamma: torch.Tensor | None, beta: torch.Tensor | None, mean: torch.Tensor, var: torch.Tensor, eps: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """What a BatchNorm does to each channel: ``y = scale x + shift``.

    ``scale = gamma / sqrt(var + eps)`` and ``shift = beta - scale mean`` (Jacob et al. 2018, section 3.2).

    Parameters
    ----------
    gamma, beta : torch.Tensor | None
        Shape (channels,); None stands for 1 and 0.
    mean, var : torch.Tensor
        Shape (channels,).
    eps : float

    Returns
    -------
    scale, shift
        float64, shape (channels,).
    """
    deviation = torch.sqrt(var.double() + eps)
    scale = 1 / deviation if gamma is None else gamma.double() / deviation
    return scale, (0 if beta is None else beta.double()) - scale * mean.double()


def fold_batch_norm(
    weight: torch.Tensor,
    bias: torch.Tensor | None,
    scale: torch.Tensor,
    shift: torch.Tensor,
    *,
    axis: int = 0,
    groups: int = 1,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Fold a BatchNorm into the layer before it.

    ``W'_k = scale_k W_k`` and ``b'_k = scale_k b_k + shift_k``, per output channel k, computed in float64.

    Parameters
    ----------
    weight : torch.Tensor
        Output channels on `axis`; for transposed convolutions shape (in, out / groups, ...).
    bias : torch.Tensor | None
        Shape (out,).
    scale, shift : torch.Tensor
        float64, shape (out,), see `scale_and_shift`.
    axis, groups : int
        1 and the number of groups for transposed convolutions.

    Returns
    -------
    weight, bias
        In the dtype of `weight`.
    """
    if axis == 0:
        folded = weight.double() * scale.reshape(-1, *[1] * (weight.dim() - 1))
    else:
        grouped = weight.double().reshape(groups, weight.shape[0] // groups, *weight.shape[1:])
        folded = (grouped * scale.reshape(groups, 1, -1, *[1] * (weight.dim() - 2))).reshape(weight.shape)
    new_bias = shift if bias is None else scale * bias.double() + shift
    return folded.to(weight.dtype), new_bias.to(weight.dtype)


def fold_into_next(
    weight: torch.Tensor,
    bias: torch.Tensor | None,
    scale: torch.Tensor,
    shift: torch.Tensor,
    *,
    axis: int = 1,
    groups: int = 1,
    repeat: int = 1,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Fold a BatchNorm into the layer after it, exactly where all its inputs are the BatchNorm's outputs.

    ``W'[:, c] = W[:, c] scale_c`` and ``b' = b + sum_c W[:, c] shift_c``, per input channel c, computed in float64.
    Zeros that the layer pads with have not been through the BatchNorm: there it is not exact.

    Parameters
    ----------
    weight : torch.Tensor
        Input channels of a group on `axis`; for transposed convolutions shape (in, out / groups, 1, ...).
    bias : torch.Tensor | None
        Shape (out,).
    scale, shift : torch.Tensor
        float64, shape (channels,), see `scale_and_shift`.
    axis, groups : int
        0 for transposed convolutions.
    repeat : int
        How many inputs that follow each other come of one channel: a linear layer behind a flatten.

    Returns
    -------
    weight, bias
        In the dtype of `weight`.
    """
    inner = weight.shape[0] // groups if axis == 0 else weight.shape[1]  # input channels of a group
    outer = weight.shape[1] if axis == 0 else weight.shape[0] // groups
    factor, summand = (item.repeat_interleave(repeat).reshape(groups, inner) for item in (scale, shift))
    if axis == 0:
        grouped = weight.double().reshape(groups, inner, outer, -1)
        folded = grouped * factor[:, :, None, None]
        added = torch.einsum("giok,gi->go", grouped, summand)
    else:
        grouped = weight.double().reshape(groups, outer, inner, -1)
        folded = grouped * factor[:, None, :, None]
        added = torch.einsum("goik,gi->go", grouped, summand)
    new_bias = added.flatten() if bias is None else bias.double() + added.flatten()
    return folded.reshape(weight.shape).to(weight.dtype), new_bias.to(weight.dtype)


CONSTANTS = frozenset({"mul", "div", "add", "sub"})
"""Operators that, with stored numbers, do to each channel what a BatchNorm does; a frozen one is made of them."""


def by_channel(
    layer: Layer, before: Layer, axis: int, channels: int, params: Mapping[str, torch.Tensor]
) -> tuple[int, torch.Tensor, torch.Tensor] | None:
    """What a multiplication by, or an addition of, stored numbers does to the channels of the layer before it.

    Parameters
    ----------
    layer : Layer
        Of `CONSTANTS`.
    before : Layer
        What computes the value that it reads.
    axis, channels : int
        Where `before` has its output channels, and how many.
    params : mapping of key to torch.Tensor

    Returns
    -------
    (int, torch.Tensor, torch.Tensor) | None
        Which argument the value is, factors and summands, float64 of shape (channels,); None where it does
        something else.
    """
    places = [index for index, item in enumerate(layer.args[:2]) if isinstance(item, Ref)]
    if (
        len(places) != 1
        or not layer.target.startswith(f"aten.{layer.op}.")
        or dict(layer.kwargs) not in ({}, {"alpha": 1})
    ):
        return None
    place = places[0]
    other = layer.args[1 - place]
    if (place and layer.op in ("div", "sub")) or (layer.shape, layer.dtype) != (before.shape, before.dtype):
        return None
    if isinstance(other, Param):
        tensor = params[other.key]
        if not tensor.is_floating_point() or tensor.dim() > len(before.shape):
            return None
        shape = (*(1,) * (len(before.shape) - tensor.dim()), *tensor.shape)
        if shape[axis] not in (1, channels) or math.prod(shape) != shape[axis]:
            return None
        values = tensor.detach().double().reshape(-1).expand(channels)
    elif isinstance(other, (int, float)) and layer.op in ("mul", "div"):
        values = torch.full((channels,), float(other), dtype=torch.float64)
    else:
        return None
    if layer.op in ("add", "sub"):
        return place, torch.ones_like(values), values if layer.op == "add" else -values
    if layer.op == "div":
        values = 1 / values
    return (place, values, torch.zeros_like(values)) if bool(torch.isfinite(values).all()) else None


def followed(move: Layer, before: Layer, axis: int, repeat: int) -> tuple[int, int] | None:
    """Where the channels stand behind an operator that moves values.

    Parameters
    ----------
    move : Layer
        One of `MOVES`.
    before : Layer
        It makes what `move` reads.
    axis, repeat : int
        Channels stand on this axis of what is read, each so many times in a row.

    Returns
    -------
    axis, repeat
        The same for what it makes; None where channels and other axes, or the batch, come to lie on one.
    """
    shape, name = before.shape, move.target.split(".")[1]
    if name == "permute":
        return [n % len(shape) for n in move.args[1]].index(axis), repeat
    if name in ("transpose", "t", "swapaxes"):
        one, two = (0, 1) if name == "t" else (n % len(shape) for n in move.args[1:3])
        return {one: two, two: one}.get(axis, axis) if len(shape) > 1 else axis, repeat
    if any(place >= axis for place in before.free):
        return None
    # Row by row the values are the same: what begins with the channels must end the new shape too.
    block = math.prod(shape[axis:])
    for place, size in enumerate(move.shape):
        if any(free >= place for free in move.free):
            continue
        if math.prod(move.shape[place:]) == block and size and size % shape[axis] == 0:
            return place, repeat * (size // shape[axis])
    return None
