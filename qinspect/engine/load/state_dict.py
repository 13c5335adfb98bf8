"""State dictionaries of torch.ao's quantized models, as tables: layers with their scales, and no graph between them."""

from __future__ import annotations

import pickle
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ..existing import TABLE, Existing
from ..files import load_tensors
from ..graph import Layer, LayerGraph, Param
from ..problem import Problem, line_of
from ..qparams import QParams
from ..text import Text
from .sniff import refusal

NESTED = ("state_dict", "model_state_dict", "model")
"""Keys under which checkpoints keep the state_dict."""

TARGETS = {
    "linear": "aten.linear.default",
    "conv1d": "aten.conv1d.default",
    "conv2d": "aten.conv2d.default",
    "conv3d": "aten.conv3d.default",
    "conv_transpose1d": "aten.conv_transpose1d.default",
    "conv_transpose2d": "aten.conv_transpose2d.input",
    "conv_transpose3d": "aten.conv_transpose3d.input",
    "embedding": "aten.embedding.default",
}

_GRAPH_MODE = re.compile(r"(?P<node>.+)_scale_(?P<index>\d+)")
"""How FX graph mode names the scale of what an operator without a module hands on."""


def open_state_dict(path: Path, notes: list[str]) -> tuple[LayerGraph, Existing]:
    """Read the layers of a state_dict that ``convert`` or ``convert_fx`` left.

    A state_dict does not say how layers are connected, and not all of what they are: the operator
    is told by the weight's axes, and 8-bit activations are unsigned in torch.ao's kernels.

    Parameters
    ----------
    path : Path
        Read with ``weights_only=True``.
    notes : list of str
        What was assumed is added.

    Returns
    -------
    graph, existing
        Layers without inputs, the weights as the real numbers that they stand for.

    Raises
    ------
    Problem
        Where it cannot be read so, or holds nothing that is quantized.
    """
    try:
        stored = load_tensors(path)
    except pickle.UnpicklingError as error:
        raise refusal(path, "pickle") from error
    except Exception as error:  # whatever a damaged or hostile file makes torch raise
        line = line_of(error, 150)
        what = Text("cannot be read as plain tensors ({line})", line=line)
        raise Problem(str(path), what, Text("Save model.state_dict().")) from error
    while isinstance(stored, Mapping) and (inner := next((k for k in NESTED if k in stored), None)) is not None:
        stored = stored[inner]
    weights = dict(_weights(stored)) if isinstance(stored, Mapping) else {}
    if not weights:
        raise refusal(path, "checkpoint")
    try:
        table = _Table(stored, weights)
        found = table.graph(), table.existing()
    except (RuntimeError, TypeError, ValueError, OverflowError) as error:  # scales that stand for no numbers
        line = line_of(error, 150)
        what = Text("cannot be read as plain tensors ({line})", line=line)
        raise Problem(str(path), what, Text("Save model.state_dict().")) from error
    notes.append(
        Text(
            "A state_dict has no graph: its layers are listed in the order of the file, and nothing can be run. "
            "Operators are told by the shapes of their weights; activations are taken for unsigned 8-bit ones."
        )
    )
    return found


def _weights(stored: Mapping[Any, Any]) -> Iterator[tuple[str, tuple[torch.Tensor, torch.Tensor | None]]]:
    """Quantized tensors by the path of their module, each with the bias that is packed with it."""
    for key, item in stored.items():
        path = str(key)
        for ending in ("._packed_params._packed_params", "._packed_params._packed_weight", ".weight", ".param"):
            path = path.removesuffix(ending)
        found = list(_tensors(item))
        whole = [tensor for tensor in found if tensor.is_quantized]
        for index, tensor in enumerate(whole):
            rest = [other for other in found if not other.is_quantized and other.numel() == _channels(tensor)]
            bias = rest[0] if len(whole) == 1 and rest else stored.get(f"{path}.bias")
            name = path if len(whole) == 1 else f"{path}.{index}"
            yield name, (tensor, bias if isinstance(bias, torch.Tensor) else None)


def _tensors(item: Any, depth: int = 0) -> Iterator[torch.Tensor]:
    if isinstance(item, torch.Tensor):
        # A hostile file may claim a shape that its bytes do not hold.
        if item.numel() * item.element_size() <= item.untyped_storage().nbytes():
            yield item
    elif isinstance(item, (tuple, list)) and depth < 8:
        for part in item:
            yield from _tensors(part, depth + 1)


def _channels(tensor: torch.Tensor) -> int:
    return tensor.shape[0] if tensor.dim() else 1


class _Table:
    def __init__(
        self, stored: Mapping[Any, Any], weights: Mapping[str, tuple[torch.Tensor, torch.Tensor | None]]
    ) -> None:
        self.weights = weights
        # A dynamic layer has the scale that its class begins with, and rounds nothing with it.
        unset = (1.0, 0)
        self.grids = {
            path: grid
            for path, grid in _grids(stored)
            if path not in weights or (float(grid.scale), int(grid.zero_point)) != unset
        }
        self.order = list(dict.fromkeys([*weights, *self.grids]))
        keys = [str(key) for key in stored]
        place = {name: next((i for i, key in enumerate(keys) if key.startswith(name)), 0) for name in self.order}
        self.order.sort(key=place.__getitem__)
        self.ids = {path: f"{path}:{self.op(path)}" for path in self.order}

    def op(self, path: str) -> str:
        if path not in self.weights:
            return "other"
        weight = self.weights[path][0]
        if weight.dtype in (torch.quint8, torch.quint4x2):
            return "embedding"
        axis = _axis(weight)
        kind = {3: "1d", 4: "2d", 5: "3d"}.get(weight.dim())
        if kind is None:
            return "linear" if weight.dim() == 2 else "other"
        return f"conv_transpose{kind}" if axis == 1 else f"conv{kind}"

    def graph(self) -> LayerGraph:
        params, layers = {}, []
        for path in self.order:
            op = self.op(path)
            roles = {}
            if path in self.weights:
                weight, bias = self.weights[path]
                roles["weight"] = f"{path}.weight"
                params[roles["weight"]] = weight.dequantize()
                if bias is not None:
                    roles["bias"] = f"{path}.bias"
                    params[roles["bias"]] = bias
            args = tuple(Param(key) for key in roles.values())
            layers.append(Layer(self.ids[path], path, op, TARGETS.get(op, "qinspect.unknown"), args, roles=roles))
        return LayerGraph((), tuple(layers), (), params)

    def existing(self) -> Existing:
        weights, integers = {}, {}
        for path, (tensor, _) in self.weights.items():
            weights[self.ids[path]] = _params(tensor)
            integers[self.ids[path]] = _whole(tensor)
        values = {self.ids[path]: grid for path, grid in self.grids.items()}
        return Existing(TABLE, "", values, weights, integers)


def _grids(stored: Mapping[Any, Any]) -> Iterator[tuple[str, QParams]]:
    """Scale and zero point of what each module (or operator, in graph mode) hands on."""
    for key, item in stored.items():
        name = str(key)
        if name.endswith(".scale"):
            path = name.removesuffix(".scale")
            zero = stored.get(f"{path}.zero_point")
        elif match := _GRAPH_MODE.fullmatch(name):
            path = match["node"]
            zero = stored.get(f"{path}_zero_point_{match['index']}")
        else:
            continue
        numbers = [n for n in (item, zero) if isinstance(n, torch.Tensor) and n.numel() == 1 and not n.is_quantized]
        if len(numbers) < 2 or not 0 < float(numbers[0].float()) < float("inf"):
            continue
        scale, zero_point = (n.reshape(()) for n in numbers)
        yield path, QParams(scale.float().numpy(), zero_point.int().numpy(), "uint8", 0, 255)


def _axis(tensor: torch.Tensor) -> int | None:
    return tensor.q_per_channel_axis() if "per_channel" in str(tensor.qscheme()) else None


def _params(tensor: torch.Tensor) -> QParams:
    dtype = {torch.qint8: "int8", torch.quint8: "uint8", torch.quint4x2: "uint4"}.get(tensor.dtype, "int32")
    low, high = {"int8": (-128, 127), "uint8": (0, 255), "uint4": (0, 15)}.get(dtype, (-(2**31), 2**31 - 1))
    axis = _axis(tensor)
    if axis is None:
        return QParams(np.asarray(tensor.q_scale()), np.asarray(tensor.q_zero_point()), dtype, low, high)
    scales, zeros = tensor.q_per_channel_scales(), tensor.q_per_channel_zero_points()
    return QParams(scales.numpy(), zeros.round().numpy(), dtype, low, high, axis)


def _whole(tensor: torch.Tensor) -> NDArray[Any]:
    found: NDArray[Any] = tensor.int_repr().numpy()
    return found
