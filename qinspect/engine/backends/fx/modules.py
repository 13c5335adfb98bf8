"""Layers of the canonical graph as torch.nn modules and torch functions."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from ...graph import OPAQUE, Layer, Param, Ref, refs
from ...graph.execute import function
from ..clips import clip_limits, has_constant_limits


@dataclass(frozen=True)
class Call:
    """How one layer is written down: a module, a function or a method of its first argument.

    Parameters
    ----------
    name : str
        Class in ``torch.nn`` where it is a module, method where it is a method; else empty.
    settings : mapping
        What the module is made with; positional ones are under ``""``.
    tensors : mapping of str to Param
        The module's parameters and buffers.
    target : callable | None
        The function.
    args, kwargs
        What is passed when it runs, with `Ref` and `Param` in it.
    """

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    tensors: Mapping[str, Param] = field(default_factory=dict)
    target: Callable[..., Any] | None = None

    @property
    def is_module(self) -> bool:
        return self.target is None and bool(self.name) and self.name[0].isupper()

    def text(self) -> str:
        """The module's constructor as Python."""
        given = [_literal(item) for item in self.settings.get("", ())]
        given += [f"{key}={_literal(item)}" for key, item in self.settings.items() if key]
        return f"nn.{self.name}({', '.join(given)})"

    def module(self, params: Mapping[str, torch.Tensor]) -> nn.Module:
        """The module, in eval mode, holding the stored tensors themselves."""
        given = {key: item for key, item in self.settings.items() if key}
        if self.tensors:
            given["device"] = "meta"  # nothing is drawn at random only to be thrown away
        made: nn.Module = getattr(nn, self.name)(*self.settings.get("", ()), **given)
        for role, param in self.tensors.items():
            tensor = params[param.key].detach()
            if self.name == "PReLU":
                tensor = tensor.flatten()
            if role in made._buffers:
                made._buffers[role] = tensor
            else:
                made._parameters[role] = nn.Parameter(tensor, requires_grad=False)
        if "num_batches_tracked" in made._buffers:
            made._buffers["num_batches_tracked"] = torch.zeros((), dtype=torch.long)
        return made.eval()


def _literal(item: Any) -> str:
    return f'float("{item}")' if isinstance(item, float) and not math.isfinite(item) else repr(item)


def call(layer: Layer, params: Mapping[str, torch.Tensor]) -> Call:
    """How a layer (without what it absorbed) is written down.

    Where there is no exact counterpart, it is the ATen operator itself.
    """
    if layer.target == OPAQUE:
        return Call(layer.args[1:], target=layer.args[0])
    make = _MAKERS.get(layer.op) or _MAKERS.get(layer.target.split(".")[1] if "." in layer.target else "")
    found = None if make is None else make(layer, params)
    if found is not None and any(True for _ in refs(found.settings)):
        found = None  # a size that is computed at run time
    return found or Call(layer.args, layer.kwargs, target=function(layer.target))


def _sizes(value: Any, count: int) -> Any:
    """One number where all are the same, else a tuple: as people write it."""
    if isinstance(value, (str, int)):
        return value
    found = tuple(value) * (count if len(value) == 1 else 1)
    return found[0] if len(set(found)) == 1 else found


def _settings(*positional: Any, **named: tuple[Any, Any]) -> dict[str, Any]:
    """Settings that differ from torch's default, which stands second."""
    return {"": positional, **{key: value for key, (value, default) in named.items() if value != default}}


def _stored(layer: Layer, *roles: str) -> dict[str, Param]:
    return {role: Param(layer.roles[role]) for role in roles if role in layer.roles}


def _conv(layer: Layer, params: Mapping[str, torch.Tensor]) -> Call | None:
    if "weight" not in layer.roles or (layer.args[2] is not None and "bias" not in layer.roles):
        return None
    weight = params[layer.roles["weight"]]
    count = int(layer.op[-2])
    transposed = layer.op.startswith("conv_transpose")
    if transposed:
        stride, padding, output_padding, groups, dilation = layer.args[3:8]
    else:
        (stride, padding, dilation, groups), output_padding = layer.args[3:7], 0
    inputs, outputs = weight.shape[0], weight.shape[1] * groups
    if not transposed:
        inputs, outputs = weight.shape[1] * groups, weight.shape[0]
    settings = _settings(
        inputs,
        outputs,
        _sizes(tuple(weight.shape[2:]), count),
        stride=(_sizes(stride, count), 1),
        padding=(_sizes(padding, count), 0),
        output_padding=(_sizes(output_padding, count), 0),
        dilation=(_sizes(dilation, count), 1),
        groups=(groups, 1),
        bias=("bias" in layer.roles, True),
    )
    name = f"ConvTranspose{count}d" if transposed else f"Conv{count}d"
    return Call((layer.args[0],), name=name, settings=settings, tensors=_stored(layer, "weight", "bias"))


def _linear(layer: Layer, params: Mapping[str, torch.Tensor]) -> Call | None:
    if "weight" not in layer.roles or (layer.args[2] is not None and "bias" not in layer.roles):
        return None
    outputs, inputs = params[layer.roles["weight"]].shape
    settings = _settings(inputs, outputs, bias=("bias" in layer.roles, True))
    return Call((layer.args[0],), name="Linear", settings=settings, tensors=_stored(layer, "weight", "bias"))


def _batch_norm(layer: Layer, params: Mapping[str, torch.Tensor]) -> Call | None:
    wanted = ("weight", "bias", "running_mean", "running_var")
    if layer.args[5] or set(wanted) - set(layer.roles) or not 2 <= len(layer.shape) <= 5:
        return None
    size = params[layer.roles["running_mean"]].shape[0]
    name = f"BatchNorm{max(1, len(layer.shape) - 2)}d"
    settings = _settings(size, eps=(layer.args[7], 1e-5))
    return Call((layer.args[0],), name=name, settings=settings, tensors=_stored(layer, *wanted))


def _layer_norm(layer: Layer, params: Mapping[str, torch.Tensor]) -> Call | None:
    if len(layer.args) < 5 or {"weight", "bias"} - set(layer.roles):
        return None
    settings = _settings(tuple(layer.args[1]), eps=(layer.args[4], 1e-5))
    return Call((layer.args[0],), name="LayerNorm", settings=settings, tensors=_stored(layer, "weight", "bias"))


def _prelu(layer: Layer, params: Mapping[str, torch.Tensor]) -> Call | None:
    if "weight" not in layer.roles:
        return None
    weight = params[layer.roles["weight"]]
    # A slope per channel stands on axis 1; decomposed, it has the shape (channels, 1, ...).
    if weight.dim() > 1 and not (weight.dim() == len(layer.shape) - 1 and weight.shape[0] == weight.numel()):
        return None
    return Call((layer.args[0],), name="PReLU", settings=_settings(weight.numel()), tensors=_stored(layer, "weight"))


def _hardtanh(layer: Layer, params: Mapping[str, torch.Tensor]) -> Call | None:
    low, high = clip_limits(layer)
    return Call((layer.args[0],), name="Hardtanh", settings=_settings(low, high))


def _clamp(layer: Layer, params: Mapping[str, torch.Tensor]) -> Call | None:
    if not has_constant_limits(layer) or not layer.dtype.startswith("float"):
        return None  # of integers, limits that are real ones would make real numbers
    low, high = clip_limits(layer)
    given = {key: item for key, item in (("min", low), ("max", high)) if item is not None}
    return Call((layer.args[0],), given, target=torch.clamp)


def _plain(name: str) -> Callable[[Layer, Mapping[str, torch.Tensor]], Call | None]:
    return lambda layer, params: Call((layer.args[0],), name=name)


def _leaky_relu(layer: Layer, params: Mapping[str, torch.Tensor]) -> Call | None:
    return Call((layer.args[0],), name="LeakyReLU", settings=_settings(layer.args[1]))


def _elu(layer: Layer, params: Mapping[str, torch.Tensor]) -> Call | None:
    if tuple(layer.args[2:4]) not in ((), (1,), (1, 1)):
        return None
    return Call((layer.args[0],), name="ELU", settings=_settings(alpha=(layer.args[1], 1)))


def _gelu(layer: Layer, params: Mapping[str, torch.Tensor]) -> Call | None:
    settings = _settings(approximate=(layer.kwargs.get("approximate", "none"), "none"))
    return Call((layer.args[0],), name="GELU", settings=settings)


def _softmax(layer: Layer, params: Mapping[str, torch.Tensor]) -> Call | None:
    if len(layer.args) > 2 and layer.args[2] not in (None, False):
        return None
    return Call((layer.args[0],), name="Softmax", settings={"dim": layer.args[1]})


def _max_pool(layer: Layer, params: Mapping[str, torch.Tensor]) -> Call | None:
    count = int(layer.op[-2])
    if layer.target.split(".")[1] != layer.op or count == 3:
        return None
    given: list[Any] = [*layer.args[1:], *((1,), [], 0, 1, False)[len(layer.args) - 1 :]]
    kernel, stride, padding, dilation, ceil = given
    size = _sizes(kernel, count)
    settings = _settings(
        size,
        stride=(_sizes(stride, count) if stride else size, size),
        padding=(_sizes(padding, count), 0),
        dilation=(_sizes(dilation, count), 1),
        ceil_mode=(ceil, False),
    )
    return Call((layer.args[0],), name=f"MaxPool{count}d", settings=settings)


def _avg_pool(layer: Layer, params: Mapping[str, torch.Tensor]) -> Call | None:
    count = int(layer.op[-2])
    if count == 1 or layer.target.split(".")[1] != layer.op:
        return None
    given: list[Any] = [*layer.args[1:], *((1,), [], 0, False, True, None)[len(layer.args) - 1 :]]
    kernel, stride, padding, ceil, counted, divisor = given
    size = _sizes(kernel, count)
    settings = _settings(
        size,
        stride=(_sizes(stride, count) if stride else size, size),
        padding=(_sizes(padding, count), 0),
        ceil_mode=(ceil, False),
        count_include_pad=(counted, True),
        divisor_override=(divisor, None),
    )
    return Call((layer.args[0],), name=f"AvgPool{count}d", settings=settings)


def _adaptive_avg_pool(layer: Layer, params: Mapping[str, torch.Tensor]) -> Call | None:
    count = int(layer.op[-2])
    size = layer.args[1]
    if layer.target.split(".")[1] != layer.op or any(isinstance(n, Ref) for n in size):
        return None
    return Call((layer.args[0],), name=f"AdaptiveAvgPool{count}d", settings=_settings(_sizes(size, count)))


def _mean(layer: Layer, params: Mapping[str, torch.Tensor]) -> Call | None:
    if layer.target != "aten.mean.dim" or layer.kwargs.get("dtype") is not None:
        return None
    return Call((layer.args[0], layer.args[1]), {"keepdim": True} if layer.args[2] else {}, target=torch.mean)


def _binary(target: Callable[..., Any]) -> Callable[[Layer, Mapping[str, torch.Tensor]], Call | None]:
    def make(layer: Layer, params: Mapping[str, torch.Tensor]) -> Call | None:
        if layer.kwargs.get("alpha", 1) != 1 or not all(isinstance(a, (Ref, Param)) for a in layer.args):
            return None
        return Call(tuple(layer.args), target=target)

    return make


def _cat(layer: Layer, params: Mapping[str, torch.Tensor]) -> Call | None:
    return Call((layer.args[0], layer.args[1] if len(layer.args) > 1 else 0), target=torch.cat)


def _pad(layer: Layer, params: Mapping[str, torch.Tensor]) -> Call | None:
    if layer.target == "aten.pad.default" and layer.args[2] == "constant":
        value = layer.args[3]
    elif layer.target == "aten.constant_pad_nd.default":
        value = layer.args[2]
    else:
        return None
    return Call((layer.args[0], layer.args[1]), {"value": value} if value else {}, target=F.pad)


def _reshape(layer: Layer, params: Mapping[str, torch.Tensor]) -> Call | None:
    # reshape, since a view of channels_last values may not exist.
    return None if layer.target.endswith(".dtype") else Call(layer.args[:2], target=torch.reshape)


def _flatten(layer: Layer, params: Mapping[str, torch.Tensor]) -> Call | None:
    return Call(layer.args[:2] if layer.args[2] == -1 else layer.args, target=torch.flatten)


def _size(layer: Layer, params: Mapping[str, torch.Tensor]) -> Call | None:
    return Call(layer.args, name="size") if layer.target == "aten.sym_size.int" else None


def _getitem(layer: Layer, params: Mapping[str, torch.Tensor]) -> Call | None:
    return Call(layer.args, target=operator.getitem)


def _torch(target: Callable[..., Any]) -> Callable[[Layer, Mapping[str, torch.Tensor]], Call | None]:
    return lambda layer, params: Call(layer.args, layer.kwargs, target=target)


_MAKERS: dict[str, Callable[[Layer, Mapping[str, torch.Tensor]], Call | None]] = {
    **{f"{kind}{n}d": _conv for kind in ("conv", "conv_transpose") for n in (1, 2, 3)},
    **{f"max_pool{n}d": _max_pool for n in (1, 2, 3)},
    **{f"avg_pool{n}d": _avg_pool for n in (1, 2, 3)},
    **{f"adaptive_avg_pool{n}d": _adaptive_avg_pool for n in (1, 2, 3)},
    "linear": _linear,
    "batch_norm": _batch_norm,
    "layer_norm": _layer_norm,
    "prelu": _prelu,
    "relu": _plain("ReLU"),
    "relu6": _plain("ReLU6"),
    "hardtanh": _hardtanh,
    "clamp": _clamp,
    "hardswish": _plain("Hardswish"),
    "hardsigmoid": _plain("Hardsigmoid"),
    "sigmoid": _plain("Sigmoid"),
    "tanh": _plain("Tanh"),
    "silu": _plain("SiLU"),
    "leaky_relu": _leaky_relu,
    "elu": _elu,
    "gelu": _gelu,
    "softmax": _softmax,
    "mean": _mean,
    "add": _binary(torch.add),
    "mul": _binary(torch.mul),
    "cat": _cat,
    "pad": _pad,
    "view": _reshape,
    "_unsafe_view": _reshape,
    "reshape": _reshape,
    "flatten": _flatten,
    "sym_size": _size,
    "getitem": _getitem,
    "transpose": _torch(torch.transpose),
    "permute": _torch(torch.permute),
}
