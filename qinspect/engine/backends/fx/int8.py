"""The fused graph in torch.ao's integer kernels.

The module is put together from torch.ao's own quantized modules and operators, node by node, not
by ``prepare_fx`` and ``convert_fx``: those decide again what the plan has decided (they fold
BatchNorms whose fusion is off, fall silent about what they do not know, crash on a PReLU that stays
float). Where both work they give the same bits; a test holds that.
"""

from __future__ import annotations

import contextlib
import warnings
from collections import ChainMap
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import fx, nn

from ...graph import Layer, Param, Ref
from ...graph import replace as replace_leaves
from ...graph.recurrent import RECURRENT, matrices, weight_name
from ...quantize import Quantization
from ..clips import CLIPS, clip_limits, whole_limits
from ..grouping import pads_zeros
from . import kernels as fx_kernels
from .lower import Info, Lazy, Writer
from .modules import Call


@contextlib.contextmanager
def engine(name: str) -> Iterator[None]:
    """Set torch's engine for quantized operators, and set it back.

    torch warns once that its quantized tensors are deprecated; that they are what is asked for
    is known here.
    """
    before = torch.backends.quantized.engine
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="torch.quantize_per_tensor", category=UserWarning)
        torch.backends.quantized.engine = name
        try:
            yield
        finally:
            torch.backends.quantized.engine = before


def int8_module(quantization: Quantization) -> tuple[fx.GraphModule, Info]:
    """The quantized model in torch's integer kernels, for its target's engine.

    Returns
    -------
    module : torch.fx.GraphModule
        Run it with the same engine set. Nodes are marked as in `float_module`;
        ``node.meta["kind"]`` is ``quantize``, ``dequantize``, ``int8`` or ``float``.
    info : Info
        Which kernel runs each layer.
    """
    with engine(quantization.plan.target.engine), torch.no_grad():
        return Int8Writer(quantization).write()


POINTWISE = ("sigmoid", "hardswish", "leaky_relu")
"""Operators of ``torch.ops.quantized`` that take input, scale and zero point."""

IN_FLOAT = frozenset({"roll", "index_select", "channel_shuffle"})
"""Transparent operators that torch has for float tensors only; going there and back is exact."""


class Int8Writer(Writer):
    """Writes a quantization as an fx graph of integer kernels."""

    def __init__(self, quantization: Quantization) -> None:
        super().__init__(quantization.graph)
        self.q = quantization
        self.info.q = quantization.qparams_json()
        self.integer: dict[str, fx.Node] = {}  # values that are quantized where they are read
        self.real: dict[str, Any] = {}  # values that are dequantized where they are read
        self.grown = dict(self.merges())  # id of a convolution -> the padding that goes into it
        self.info.merged = {pad.id: conv for conv, (pad, _, _) in self.grown.items()}

    def merges(self) -> Iterator[tuple[str, tuple[Layer, tuple[int, ...], tuple[int, ...]]]]:
        """Paddings that differ from side to side in front of depthwise convolutions.

        Without one of their own these run at a hundredth of the speed in fbgemm. Zeros in the
        kernel where the padding lacks make it even: measured 10 to 170 times faster, the same bits.
        """
        graph, q = self.layers, self.q
        off = {identity for identity, on in q.plan.fusions if not on}
        for layer in graph.layers:
            pad = graph.producer.get(layer.inputs[0]) if layer.inputs else None
            if pad is None or layer.op != "conv2d" or not pads_zeros(pad) or not {layer.id, pad.id} <= q.quantized:
                continue
            single = len(graph.consumers[pad.value]) == 1 and pad.value not in graph.output_values
            how = self.calls[layer.id]
            if single and how.is_module and pad.id not in off:
                found = _even(pad, how, q.plan.target.engine)
                if found is not None:
                    yield layer.id, (pad, *found)

    def layer(self, layer: Layer) -> None:
        if layer.id in self.q.dynamic | self.q.weight_only:
            self.partly_integer(layer)
            return
        if layer.id not in self.q.quantized:
            # A size can be read off either form.
            reads = self.nodes if layer.target == "aten.sym_size.int" else Lazy(lambda n: self.as_float(n, layer.id))
            self.float_layer(layer, reads)
            return
        reads = Lazy(lambda n: self.as_int8(n, layer.id))
        if layer.id in self.info.merged:
            first = layer.args[0].value
            self.integer[layer.value] = self.as_int8(first, layer.id)
            return
        if layer.transparent and layer.target.split(".")[1] in IN_FLOAT:
            self.there_and_back(layer)
            return
        self.int8_layer(layer, reads)

    def output(self, value: str) -> Any:
        return self.as_float(value, "")

    # -- borders ---------------------------------------------------------------------------------

    def point(self, value: str) -> tuple[float, int]:
        params = self.q.values[value]
        return float(params.scale), int(params.zero_point)

    def as_int8(self, value: str, owner: str) -> Any:
        if value not in self.integer:
            if self.q.at_origin(value) or value not in self.q.values:
                return self.nodes[value]
            self.integer[value] = self.quantize(self.nodes[value], value, owner)
        return self.integer[value]

    def quantize(self, node: Any, value: str, owner: str) -> fx.Node:
        args = (node, *self.point(value), torch.quint8)
        made = self.graph.create_node(
            "call_function", torch.quantize_per_tensor, args, name=self.name(f"{node.name}_q")
        )
        made.meta.update(qinspect=owner, kind="quantize", value=value, point=(1, value))
        return made

    def dequantize(self, node: Any, owner: str) -> fx.Node:
        made = self.graph.create_node("call_method", "dequantize", (node,), name=self.name(f"{node.name}_f"))
        made.meta.update(qinspect=owner, kind="dequantize")
        return made

    def as_float(self, value: str, owner: str) -> Any:
        producer = self.layers.producer.get(value)
        if not self.q.at_origin(value) or producer is None or not producer.dtype.startswith("float"):
            return self.nodes[value]
        if value not in self.real:
            self.real[value] = self.dequantize(self.nodes[value], owner)
        return self.real[value]

    def there_and_back(self, layer: Layer) -> None:
        reads = Lazy(lambda n: self.as_float(n, layer.id))
        node = self.emit(layer, self.calls[layer.id], reads, layer.id)
        self.hand_on(layer, self.quantize(node, layer.value, layer.id))

    # -- kernels ---------------------------------------------------------------------------------

    def int8_layer(self, layer: Layer, reads: Mapping[str, Any]) -> None:
        clip = next((part for part in layer.executed if part.op in CLIPS), None)
        low, high = (None, None) if clip is None else clip_limits(clip)
        # The kernels' own ReLU costs nothing.
        relu = low == 0 and (
            layer.op in ("linear", "add") or (layer.op.startswith("conv") and "transpose" not in layer.op)
        )
        node, kernel = self.kernel(layer, reads, relu)
        node.meta["kind"] = "int8"
        if clip is not None and not self.ends_clip(layer, relu):
            node = self.clamp(layer, node, self.called[clip.id], None if relu else low, high)
            kernel += " + clamp"
        self.hand_on(layer, node)
        self.info.kernels[layer.id] = kernel

    def clamp(self, layer: Layer, node: fx.Node, name: str, low: float | None, high: float | None) -> fx.Node:
        """Clip integers.

        qnnpack's clamp wants both limits, and takes channels_last values for contiguous ones: the
        channels come out mixed up.
        """
        limits: dict[str, Any] = {key: limit for key, limit in (("min", low), ("max", high)) if limit is not None}
        if self.q.plan.target.engine == "qnnpack":
            params = self.q.values[layer.value]
            ends = ((end - int(params.zero_point)) * float(params.scale) for end in (params.qmin, params.qmax))
            limits = {**dict(zip(("min", "max"), ends, strict=True)), **limits}
            node = self.graph.create_node("call_method", "contiguous", (node,), name=self.name(f"{name}_in"))
            node.meta.update(qinspect=layer.id, kind="int8")
        node = self.graph.create_node("call_function", torch.clamp, (node,), limits, name)
        node.meta.update(qinspect=layer.id, kind="int8")
        return node

    def ends_clip(self, layer: Layer, relu: bool) -> bool:
        """Whether the output's storage type, and a kernel's own ReLU, end where the clip behind a layer would cut."""
        params = self.q.values[layer.value]
        low, high = whole_limits(params, layer)
        return (relu or low == params.qmin) and high == params.qmax

    def kernel(self, layer: Layer, reads: Mapping[str, Any], relu: bool) -> tuple[fx.Node, str]:
        """The node that computes a layer, and the kernel's name."""
        how = self.calls[layer.id]
        if layer.op == "linear" or layer.op.startswith("conv"):
            return self.weighted(layer, how, reads, relu)
        point = self.point(layer.value)
        if layer.op == "prelu":
            made = fx_kernels.int8_prelu(how.module(self.layers.params), point)  # type: ignore[arg-type]
            text = f"int8_prelu(model.{self.called[layer.id]}, v[{layer.value!r}])"
            return self.module(layer, made, text, reads), "quantized.prelu"
        if layer.op in ("add", "mul"):
            name = f"{layer.op}_relu" if relu else layer.op
            args = tuple(reads[item.value] for item in layer.args[:2])
            return self.operator(layer, name, args, point), f"quantized.{name}"
        if layer.op in POINTWISE:
            middle = (layer.args[1], False) if layer.op == "leaky_relu" else ()
            args = (reads[layer.args[0].value], *middle)
            return self.operator(layer, layer.op, args, point), f"quantized.{layer.op}"
        if layer.op == "elu":
            node = self.operator(layer, "elu", (reads[layer.args[0].value],), point, (layer.args[1],))
            return node, "quantized.elu"
        if layer.op in ("relu6", "hardtanh", "clamp"):
            source = reads[layer.args[0].value]
            return self.clamp(layer, source, self.called[layer.id], *clip_limits(layer)), "quantized clamp"
        if layer.op == "cat":
            how = self.quantized_constants(layer, how)
        node = self.emit(layer, how, reads, layer.id, kind="int8")
        name = layer.target.split(".")[1] if "." in layer.target else layer.op
        if layer.op == "tanh" and point != (2 / 256, 128):
            # torch's kernel has the one grid.
            node = self.quantize(self.dequantize(node, layer.id), layer.value, layer.id)
        return node, f"quantized {name}"

    def operator(
        self, layer: Layer, name: str, before: tuple[Any, ...], point: tuple[float, int], after: tuple[Any, ...] = ()
    ) -> fx.Node:
        target = getattr(torch.ops.quantized, name)
        node = self.graph.create_node("call_function", target, (*before, *point, *after), name=self.called[layer.id])
        node.meta.update(qinspect=layer.id, kind="int8", point=(len(before), layer.value))
        return node

    def weighted(self, layer: Layer, how: Call, reads: Mapping[str, Any], relu: bool) -> tuple[fx.Node, str]:
        plain: Any = how.module(self.layers.params)
        source = layer.inputs[0]
        given = (plain, self.info.q["weights"][layer.id], self.point(source), self.point(layer.value))
        more: dict[str, Any] = {"relu": True} if relu else {}
        pad = None
        if layer.id in self.grown:
            pad, more["zeros"], more["padding"] = self.grown[layer.id]
        behind = layer.executed[0] if layer.executed and layer.executed[0].op not in CLIPS else None
        added: tuple[Any, ...] = ()
        if behind is not None and behind.op == "add":
            more["adds"] = True
            added = (reads[next(name for name in layer.inputs if name != source)],)
        elif behind is not None:
            more |= {"tanh": True} if behind.op == "tanh" else {"slope": behind.args[1]}
        maker = "int8_linear" if layer.op == "linear" else "int8_conv"
        made = getattr(fx_kernels, maker)(*given, **more)
        if pad is not None:
            self.info.kernels[pad.id] = f"inside quantized.{type(made).__name__}"
        points = f"w[{layer.id!r}], v[{source!r}], v[{layer.value!r}]"
        extra = "".join(f", {key}={item}" for key, item in more.items())
        text = f"{maker}(model.{self.called[layer.id]}, {points}{extra})"
        node = self.module(layer, made, text, reads)
        node.args = (*node.args, *added)
        return node, f"quantized.{type(made).__name__}"

    def partly_integer(self, layer: Layer) -> None:
        """A layer with integer weights that hands on real numbers; what it absorbed is computed in float behind it."""
        reads = Lazy(lambda n: self.as_float(n, layer.id))
        if layer.op in RECURRENT:
            node, kernel = self.recurrent(layer, reads)
        elif layer.op == "embedding":
            name, key = self.called[layer.id], layer.roles["weight"]
            made = fx_kernels.Int8Embedding(self.layers.params[key], self.info.q["weights"][layer.id])
            self.add_module(name, made, f"Int8Embedding({self.stored_in_float(key)}, w[{layer.id!r}])")
            node = self.graph.create_node("call_module", name, (reads[layer.args[1].value],), name=name)
            kernel = "quantized.embedding_byte"
        else:
            plain: Any = self.calls[layer.id].module(self.layers.params)
            weight, maker, extra = self.info.q["weights"][layer.id], "WeightOnlyLinear", {}
            kernel = "aten._weight_int8pack_mm"
            if layer.id in self.q.dynamic:
                maker, kernel = "DynamicLinear", "quantized.linear_dynamic"
                extra = {"reduce_range": True} if self.reduced(layer) else {}
            made = getattr(fx_kernels, maker)(plain, weight, **extra)
            named = "".join(f", {key}={item}" for key, item in extra.items())
            node = self.module(layer, made, f"{maker}(model.{self.called[layer.id]}, w[{layer.id!r}]{named})", reads)
        node.meta.update(qinspect=layer.id, kind="int8")
        local: ChainMap[str, Any] = ChainMap({layer.id: node}, reads)  # type: ignore[arg-type]
        local.update(dict.fromkeys(layer.folded, node))
        for part in layer.executed:
            node = self.emit(part, self.calls[part.id], local, layer.id)
            local[part.id] = node
        self.hand_on(layer, node)
        self.info.kernels[layer.id] = kernel

    def reduced(self, layer: Layer) -> bool:
        """Whether what a dynamic layer reads gets 7 bits."""
        config = self.q.configs[layer.id].activation
        return config is not None and config.bits == 7

    def recurrent(self, layer: Layer, reads: Mapping[str, Any]) -> tuple[fx.Node, str]:
        name, cell = self.called[layer.id], layer.op.endswith("_cell")
        q = {role: self.info.q["weights"][weight_name(layer, role)] for role in matrices(self.layers, layer)}
        tensors = {role: self.layers.params[key].detach() for role, key in layer.roles.items()}
        settings = {} if cell else {"layers": layer.args[4], "both": layer.args[7], "batch_first": layer.args[8]}
        made = fx_kernels.DynamicRecurrent(layer.op, tensors, q, self.reduced(layer), **settings)
        stored = ", ".join(f"{role!r}: {self.stored_in_float(key)}" for role, key in layer.roles.items())
        grids = ", ".join(f"{role!r}: w[{weight_name(layer, role)!r}]" for role in q)
        more = "".join(f", {key}={item}" for key, item in settings.items())
        text = f"DynamicRecurrent({layer.op!r}, {{{stored}}}, {{{grids}}}, {self.reduced(layer)}{more})"
        self.add_module(name, made, text)

        def leaf(item: Ref | Param) -> Any:
            return self.parameter(item, layer.id) if isinstance(item, Param) else reads[item.value]

        args = replace_leaves(layer.args[:2], leaf)
        node = self.graph.create_node("call_module", name, args, name=name)
        return node, f"quantized_{layer.op}{'_dynamic' if cell else ', dynamic'}"

    def stored_in_float(self, key: str) -> str:
        """How the float model has a stored tensor that is an argument of a function there."""
        return f"model.{self.kept[key]}"

    def module(self, layer: Layer, made: nn.Module, text: str, reads: Mapping[str, Any]) -> fx.Node:
        first = layer.args[0]
        name = self.called[layer.id]
        self.add_module(name, made, text)
        node = self.graph.create_node("call_module", name, (reads[first.value],), name=name)
        node.meta["qinspect"] = layer.id
        return node

    def quantized_constants(self, layer: Layer, how: Call) -> Call:
        """A stored tensor among what is joined is quantized as the rest is."""
        if not any(isinstance(item, Param) for item in layer.args[0]):
            return how
        items = []
        for item in layer.args[0]:
            if isinstance(item, Param):
                node = self.quantize(self.parameter(item, layer.id), layer.value, layer.id)
                del node.meta["value"]
                self.integer[f"stored {item.key} for {layer.id}"] = node
                item = Ref(f"stored {item.key} for {layer.id}")
            items.append(item)
        return Call((items, *how.args[1:]), target=how.target)


def _even(pad: Layer, how: Call, engine_name: str) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
    """Zeros around a depthwise kernel, and a padding of half its size, that stand for `pad`; None where none do."""
    settings, sides = how.settings, pad.args[1]
    inputs, outputs, size = settings[""]
    stride, own = settings.get("stride", 1), settings.get("padding", 0)
    if settings.get("groups", 1) != inputs or outputs != inputs or settings.get("dilation", 1) != 1 or own != 0:
        return None
    if not (isinstance(size, int) and size % 2 and isinstance(stride, int) and len(sides) == 4 and len(pad.shape) == 4):
        return None
    (left, right), (top, bottom) = sides[:2], sides[2:]
    # qnnpack is quick with 3x3 and 5x5 alone.
    for grown in range(size, 6 if engine_name == "qnnpack" else 10, 2):
        half = grown // 2
        zeros = []
        for axis, (before, after) in ((3, (left, right)), (2, (top, bottom))):
            front = half - before
            back = grown - size - front
            length = pad.shape[axis] - before - after  # of what is padded
            if before < 0 or after < 0 or front < 0 or back < 0:
                break
            if (length - 1) // stride != (length + before + after - size) // stride:
                break
            zeros += [front, back]
        if len(zeros) == 4:
            return tuple(zeros), (half, half)
    return None
