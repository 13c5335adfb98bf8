"""The fused graph in torch.ao's eager mode: a float module with stubs, prepared and converted by torch.ao itself.

Which scale goes where is the plan's: every observer holds its scale and zero point already, so nothing
is calibrated again. The int8 layers that torch.ao makes are those of FX graph mode.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import fx, nn

from ...graph import Layer
from ...quantize import Quantization
from ..fx import kernels as fx_kernels
from ..fx.int8 import POINTWISE, Int8Writer, engine
from ..fx.lower import Info
from ..fx.modules import Call
from . import layers as eager_layers


def eager_module(quantization: Quantization) -> tuple[fx.GraphModule, Info]:
    """The quantized model as torch.ao's eager mode makes it, for the target's engine.

    Returns
    -------
    module, info
        As `fx.int8.int8_module`'s.
    """
    with engine(quantization.plan.target.engine), torch.no_grad():
        module, info = _EagerWriter(quantization).write()
        eager_layers.to_int8(module)
        return module, info


class _EagerWriter(Int8Writer):
    """Writes a float module of layers that ``prepare`` and ``convert`` make int8 ones of."""

    def quantize(self, node: Any, value: str, owner: str) -> fx.Node:
        name = self.name(f"{node.name}_q")
        self.add_module(name, eager_layers.quant_stub(self.point(value)), f"quant_stub(v[{value!r}])")
        made = self.graph.create_node("call_module", name, (node,), name=name)
        made.meta.update(qinspect=owner, kind="quantize", value=value)
        return made

    def dequantize(self, node: Any, owner: str) -> fx.Node:
        name = self.name(f"{node.name}_f")
        self.add_module(name, eager_layers.dequant_stub(), "dequant_stub()")
        made = self.graph.create_node("call_module", name, (node,), name=name)
        made.meta.update(qinspect=owner, kind="dequantize")
        return made

    def kernel(self, layer: Layer, reads: Mapping[str, Any], relu: bool) -> tuple[fx.Node, str]:
        how, point = self.calls[layer.id], self.point(layer.value)
        name, out = self.called[layer.id], f"v[{layer.value!r}]"
        if layer.op in ("add", "mul"):
            kind = f"{layer.op}_relu" if relu else layer.op
            self.add_module(name, eager_layers.Between(kind, point), f"Between({kind!r}, {out})")
            node = self.graph.create_node("call_module", name, tuple(reads[a.value] for a in layer.args[:2]), name=name)
            node.meta["qinspect"] = layer.id
            return node, f"quantized.{kind}"
        if layer.op == "prelu":
            plain: Any = how.module(self.layers.params)
            made = eager_layers.observed(plain, point, fx_kernels.slope_grid(plain.weight))
            text = f"observed(model.{name}, {out}, slope_grid(model.{name}.weight))"
            return self.module(layer, made, text, reads), "quantized.prelu"
        if layer.op in (*POINTWISE, "elu"):
            made = eager_layers.observed(how.module(self.layers.params), point)
            node = self.module(layer, made, f"observed({how.text()}, {out})", reads)
            if layer.op == "sigmoid" and point != (1 / 256, 0):
                # Eager mode's kernel has the one grid, and a cat wants the one that all its inputs share.
                node = self.quantize(self.dequantize(node, layer.id), layer.value, layer.id)
            return node, f"quantized.{layer.op}"
        return super().kernel(layer, reads, relu)

    def weighted(self, layer: Layer, how: Call, reads: Mapping[str, Any], relu: bool) -> tuple[fx.Node, str]:
        plain: Any = how.module(self.layers.params)
        source, q = layer.inputs[0], self.info.q["weights"][layer.id]
        extra = ""
        if layer.id in self.grown:
            pad, zeros, padding = self.grown[layer.id]
            inner = fx_kernels.rounded(plain, q, self.point(source), zeros, padding)
            extra = f", zeros={zeros}, padding={padding}"
        else:
            inner = fx_kernels.rounded(plain, q, self.point(source))
        made = eager_layers.observed(inner, self.point(layer.value), q, relu)
        name = self.called[layer.id]
        weight = f"w[{layer.id!r}]"
        text = f"observed(rounded(model.{name}, {weight}, v[{source!r}]{extra}), v[{layer.value!r}], {weight}"
        text += ", relu=True)" if relu else ")"
        kernel = f"quantized.{_int8_name(plain, relu)}"
        if layer.id in self.grown:
            self.info.kernels[pad.id] = f"inside {kernel}"
        return self.module(layer, made, text, reads), kernel


def _int8_name(layer: nn.Module, relu: bool) -> str:
    """Name of torch's int8 class for a float layer."""
    if isinstance(layer, nn.Linear):
        return "LinearReLU" if relu else "Linear"
    made: Any = fx_kernels.CONVOLUTIONS[type(layer), relu]
    return str(made.__name__)
