"""fx graph modules as readable Python that depends on torch alone."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import fx

from ...problem import Problem
from ...text import Text
from ..script_layers import fake_quantize, round_now
from .lower import Info

NAMES: dict[Any, str] = {
    F.pad: "F.pad",
    fake_quantize: "fake_quantize",
    round_now: "round_now",
    torch.add: "torch.add",
    torch.cat: "torch.cat",
    torch.clamp: "torch.clamp",
    torch.flatten: "torch.flatten",
    torch.mean: "torch.mean",
    torch.mul: "torch.mul",
    torch.permute: "torch.permute",
    torch.quantize_per_tensor: "torch.quantize_per_tensor",
    torch.reshape: "torch.reshape",
    torch.transpose: "torch.transpose",
}

SIGNS = {operator.add: "+", operator.sub: "-", operator.mul: "*", operator.floordiv: "//", operator.truediv: "/"}


def write_class(name: str, text: str, module: fx.GraphModule, info: Info, arguments: str = "") -> str:
    """A module as a class: ``__init__`` makes the submodules, ``forward`` is one line per node.

    Parameters
    ----------
    name, text : str
        Of the class, and its docstring.
    module : torch.fx.GraphModule
        From `lower`.
    info : Info
        That came with it.
    arguments : str
        Further arguments of ``__init__``, such as ``, model, v, w``.
    """
    lines = [f"class {name}(nn.Module):", f'    """{text}"""', "", f"    def __init__(self{arguments}):"]
    lines.append("        super().__init__()")
    for attribute, made in info.made.items():
        # A layer that stays float in an int8 model is the float model's own.
        stored = bool(arguments) and made.startswith("nn.") and bool(module.get_submodule(attribute).state_dict())
        lines.append(f"        self.{attribute} = {f'model.{attribute}' if stored else made}")
    for buffer, tensor in module._buffers.items():
        if tensor is None:
            continue
        source = f"model.{buffer}" if arguments else f"torch.zeros({tuple(tensor.shape)!r}, dtype={tensor.dtype})"
        lines.append(f'        self.register_buffer("{buffer}", {source})')
    if arguments:
        lines.append("        self.v = v")
    inputs = ", ".join(node.name for node in module.graph.find_nodes(op="placeholder"))
    lines += ["", f"    def forward(self, {inputs}):"]
    if any("point" in node.meta or "grid" in node.meta for node in module.graph.nodes):
        lines.append("        v = self.v  # scales and zero points of the values")
    owner = ""
    for node in module.graph.nodes:
        if node.op == "placeholder":
            continue
        if node.op == "output":
            lines.append(f"        return {_value(node.args[0])}")
            continue
        line = f"        {node.name} = {expression(node)}"
        now = node.meta.get("qinspect", "")
        if now and now != owner and node.meta.get("kind") in ("float", "int8") and node.op != "get_attr":
            owner = now
            line += f"  # {plain_text(owner)}"
        lines.append(line)
    return "\n".join(lines) + "\n"


def plain_text(text: str) -> str:
    """Text that ends neither a comment nor a docstring: names may come from a file of someone else's."""
    return "".join(c if c.isprintable() and c not in '"\\{}' else "?" for c in text)


def expression(node: fx.Node) -> str:
    """What a node computes, as Python."""
    if node.op == "get_attr":
        return f"self.{node.target}"
    args = [_value(item) for item in node.args]
    if (point := node.meta.get("point")) is not None:
        index, value = point
        args[index : index + 2] = [f"*v[{value!r}]"]
    if (grid := node.meta.get("grid")) is not None:
        args[1] = f"v[{grid!r}]"
    named = [f"{key}={_value(item)}" for key, item in node.kwargs.items()]
    if node.op == "call_module":
        return f"self.{node.target}({', '.join([*args, *named])})"
    if node.op == "call_method":
        return f"{args[0]}.{node.target}({', '.join([*args[1:], *named])})"
    if node.target is operator.getitem:
        return f"{args[0]}[{args[1]}]"
    if node.target in SIGNS:
        return f"{args[0]} {SIGNS[node.target]} {args[1]}"
    assert callable(node.target)
    return f"{_function(node.target)}({', '.join([*args, *named])})"


def _function(target: Callable[..., Any]) -> str:
    if target in NAMES:
        return NAMES[target]
    if isinstance(target, (torch._ops.OpOverload, torch._ops.OpOverloadPacket)):
        return f"torch.ops.{target}"
    module, name = getattr(target, "__module__", ""), getattr(target, "__name__", "")
    if module in ("_operator", "operator"):
        return f"operator.{name}"
    if getattr(torch, name, None) is target:
        return f"torch.{name}"
    if getattr(math, name, None) is target:
        return f"math.{name}"
    raise Problem(
        str(target), Text("cannot be written as Python"), Text("Export to another format, or report this model.")
    )


def _value(item: Any) -> str:
    if isinstance(item, fx.Node):
        return item.name
    if isinstance(item, float) and not math.isfinite(item):
        return f'float("{item}")'
    if isinstance(item, torch.device):
        return f'torch.device("{item}")'
    if isinstance(item, list):
        return f"[{', '.join(map(_value, item))}]"
    if isinstance(item, tuple):
        return f"({', '.join(map(_value, item))}{',' if len(item) == 1 else ''})"
    if isinstance(item, dict):
        return "{" + ", ".join(f"{key!r}: {_value(value)}" for key, value in item.items()) + "}"
    return repr(item)
