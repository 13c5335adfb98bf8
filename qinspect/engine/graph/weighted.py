"""What is particular to operators with weights: products that are linear layers, roles, multiply-adds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from . import Param, Ref

SMALL_PRODUCT = 400
"""Below so many multiply-adds torch computes a batched product in another order of additions than a linear layer."""

Shape = tuple[int, ...]


def as_linear(name: str, args: Sequence[Any], params: dict[str, torch.Tensor], shape: Shape) -> tuple[Any, ...] | None:
    """Arguments of the linear layer that a product with a stored matrix is, bit for bit; None where it is none.

    Parameters
    ----------
    name : str
        ``mm``, ``matmul``, ``addmm`` or ``bmm``; others are none.
    args : sequence
        The product's arguments.
    params : dict
        Stored tensors; the transposed matrix is added.
    shape : tuple of int
        Of the product for one sample.
    """
    bias = None
    if name in ("mm", "matmul", "bmm"):
        x, weight = args[:2]
    elif name == "addmm" and isinstance(args[0], Param) and params[args[0].key].dim() == 1:
        bias, x, weight = args[:3]
    else:
        return None
    if not (isinstance(x, Ref) and isinstance(weight, Param)):
        return None
    matrix = params[weight.key]
    if name == "bmm" and matrix.shape[0] == 1 and math.prod(shape) * matrix.shape[1] >= SMALL_PRODUCT:
        matrix = matrix[0]
    if matrix.dim() != 2 or not matrix.is_floating_point():
        return None
    key = f"{weight.key}.T"
    params[key] = matrix.t()
    return x, Param(key), bias


def as_convolution(args: Sequence[Any], axes: int) -> tuple[str, str, tuple[Any, ...]]:
    """Op, target and arguments of the convolution that ``aten.convolution`` is, as core ATen programs have it.

    Parameters
    ----------
    args : sequence
        Input, weight, bias, stride, padding, dilation, transposed, output_padding, groups.
    axes : int
        Number of spatial axes.
    """
    x, weight, bias, stride, padding, dilation, transposed, output_padding, groups = args[:9]
    if not transposed:
        op = f"conv{axes}d"
        return op, f"aten.{op}.default", (x, weight, bias, stride, padding, dilation, groups)
    op = f"conv_transpose{axes}d"
    overload = "default" if axes == 1 else "input"
    return op, f"aten.{op}.{overload}", (x, weight, bias, stride, padding, output_padding, groups, dilation)


def numbered_padding(op: str, target: str, args: tuple[Any, ...], kernel: Shape) -> tuple[str, tuple[Any, ...]]:
    """Target and arguments of a convolution whose padding has a name: numbers where both sides are padded alike.

    Parameters
    ----------
    op, target : str
        Such as ``conv2d`` and ``aten.conv2d.padding``.
    args : tuple
        Input, weight, bias, stride, padding, dilation, groups.
    kernel : tuple of int
        Its spatial sizes.
    """
    dilation = [*args[5]] * (len(kernel) if len(args[5]) == 1 else 1)
    total = [step * (size - 1) for step, size in zip(dilation, kernel, strict=True)]
    if args[4] == "valid":
        total = [0] * len(kernel)
    if any(number % 2 for number in total):
        return target, args
    return f"aten.{op}.default", (*args[:4], [number // 2 for number in total], *args[5:])


def recurrent_roles(args: Sequence[Any]) -> dict[str, Any]:
    """Weights of an LSTM, GRU or RNN under the names that torch.nn gives them: ``weight_ih_l0``, ...

    Parameters
    ----------
    args : sequence
        Of ``aten.lstm.input`` and its kind: input, state, weights, has_biases, layers, dropout, train, both ways.
    """
    weights, biased, count, both = args[2], args[3], args[4], args[7]
    if not isinstance(weights, (tuple, list)):
        return {}  # a packed sequence
    each = len(weights) // (count * (2 if both else 1))
    names = ["weight_ih", "weight_hh", *(("bias_ih", "bias_hh") if biased else ())]
    names = [*names, "weight_hr"][:each] if each > len(names) else names[:each]
    ends = [f"_l{layer}{way}" for layer in range(count) for way in (("", "_reverse") if both else ("",))]
    return dict(zip((name + end for end in ends for name in names), weights, strict=True))


def multiply_adds(op: str, shape: Shape, operands: Sequence[Shape], weights: Mapping[str, torch.Tensor]) -> int:
    """Multiply-adds for one sample.

    Parameters
    ----------
    op : str
        Canonical.
    shape : tuple of int
        Of the output for one sample.
    operands : sequence of shapes
        Of the tensors that it reads, stored ones included, in the order of its arguments.
    weights : mapping of role to torch.Tensor
    """
    size = math.prod(shape)
    if op in ("linear", "conv1d", "conv2d", "conv3d") or op.startswith("conv_transpose"):
        # A weight that is computed at run time is the second operand.
        weight = tuple(weights["weight"].shape) if "weight" in weights else operands[1]
        return (math.prod(operands[0]) if op.startswith("conv_transpose") else size) * math.prod(weight[1:])
    if op == "matmul" and len(operands) >= 2:
        return size * operands[-2][-1]
    if op == "scaled_dot_product_attention" and len(operands) >= 3:  # a mask may be the fourth
        query, key = operands[:2]
        return (math.prod(query) + size) * key[-2]
    if op in ("lstm", "gru", "rnn", "lstm_cell", "gru_cell", "rnn_cell"):
        matrices = sum(tensor.numel() for role, tensor in weights.items() if role.startswith("weight"))
        steps = math.prod(operands[0][:-1]) if operands else 0
        return steps * matrices
    return 0
