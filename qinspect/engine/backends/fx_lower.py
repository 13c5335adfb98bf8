"""torch.ao's integer kernels: the fused graph as fx graph modules, float and int8.

The int8 module is put together from torch.ao's own quantized modules and operators, node by node,
not by ``prepare_fx`` and ``convert_fx``: those decide again what the plan has decided (they fold
BatchNorms whose fusion is off, fall silent about what they do not know and crash on a PReLU
that stays float). Where both work they give the same bits; a test holds that.
"""

from __future__ import annotations

import contextlib
import keyword
import re
import warnings
from collections import ChainMap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import fx, nn

from ..graph import Layer, LayerGraph, Param, Ref
from ..graph import replace as replace_leaves
from ..quantize import Quantization
from ..ranges import QParams
from . import fx_kernels
from .fx_modules import Call, call, clip_limits


@dataclass
class Info:
    """What stands behind the names in a module.

    Parameters
    ----------
    made : dict of attribute to str
        The Python that makes each submodule.
    kernels : dict of layer id to str
        Layers that run in integers, and the kernel.
    q : dict
        Scales and zero points, as qparams.json has them.
    """

    made: dict[str, str] = field(default_factory=dict)
    kernels: dict[str, str] = field(default_factory=dict)
    q: dict[str, Any] = field(default_factory=dict)


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


def qparams_json(quantization: Quantization) -> dict[str, Any]:
    """Scales and zero points of all values and weights, as qparams.json has them."""

    def one(params: QParams) -> dict[str, Any]:
        return {
            "scale": params.scale.astype(float).tolist(),
            "zero_point": params.zero_point.tolist(),
            "dtype": params.dtype,
            "bits": params.bits,
            "qmin": params.qmin,
            "qmax": params.qmax,
            "axis": params.axis,
        }

    return {
        "version": 1,
        "values": {name: one(params) for name, params in quantization.values.items()},
        "weights": {name: one(params) for name, params in quantization.weights.items()},
    }


def float_module(graph: LayerGraph) -> fx.GraphModule:
    """The fused graph as canonical torch.nn modules and torch functions.

    Returns
    -------
    torch.fx.GraphModule
        In eval mode; ``node.meta["qinspect"]`` is the layer's id, ``node.meta["value"]`` the
        name of the value where the node hands it on. Its outputs are bitwise `Executor`'s.
    """
    return _Writer(graph).write()[0]


def float_module_with_info(graph: LayerGraph) -> tuple[fx.GraphModule, Info]:
    """`float_module`, with the Python that makes its submodules."""
    return _Writer(graph).write()


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
        return _Int8Writer(quantization).write()


class _Writer:
    """Writes a layer graph as an fx graph."""

    def __init__(self, graph: LayerGraph) -> None:
        self.layers = graph
        self.root = nn.Module()
        self.graph = fx.Graph()
        self.info = Info()
        self.nodes: dict[str, Any] = {}  # value name -> node
        self.names: set[str] = {"self", "nn", "torch", "F", "v", "w", "model", "operator"}
        self.stored: dict[str, str] = {}  # key of a stored tensor -> attribute
        self.inputs = {spec.name: self.name(spec.name) for spec in graph.inputs}
        # Named beforehand, so that a layer has one name in the float and in the int8 module.
        self.calls = {part.id: call(part, graph.params) for part in self.parts()}
        self.called = {part.id: self.layer_name(part) for part in self.parts()}
        self.kept = {key: self.name(key) for key in graph.params}

    def parts(self) -> Iterator[Layer]:
        """All layers that are computed, absorbed ones included."""
        for layer in self.layers.layers:
            yield from (layer, *layer.executed)

    def write(self) -> tuple[fx.GraphModule, Info]:
        for spec in self.layers.inputs:
            node = self.graph.placeholder(self.inputs[spec.name])
            node.meta.update(qinspect="", value=spec.name, kind="float")
            self.nodes[spec.name] = node
        for layer in self.layers.layers:
            self.layer(layer)
        self.graph.output(
            replace_leaves(
                self.layers.outputs,
                lambda leaf: self.parameter(leaf, "") if isinstance(leaf, Param) else self.output(leaf.value),
            )
        )
        module = fx.GraphModule(self.root, self.graph)
        return module.eval(), self.info

    # -- names -----------------------------------------------------------------------------------

    def name(self, wanted: str) -> str:
        """A Python name that is not taken."""
        plain = re.sub(r"\W", "_", wanted).strip("_") or "value"
        if plain[0].isdigit() or keyword.iskeyword(plain):
            plain = f"_{plain}" if plain[0].isdigit() else f"{plain}_"
        if hasattr(nn.Module, plain):
            plain += "_"
        found, count = plain, 1
        while found in self.names:
            count += 1
            found = f"{plain}_{count}"
        self.names.add(found)
        return found

    def layer_name(self, layer: Layer) -> str:
        head, _, op = layer.id.rpartition(":")
        return self.name(head if self.calls[layer.id].is_module and head else f"{head}_{op}")

    # -- nodes -----------------------------------------------------------------------------------

    def output(self, value: str) -> Any:
        return self.nodes[value]

    def layer(self, layer: Layer) -> None:
        self.float_layer(layer, self.nodes)

    def float_layer(self, layer: Layer, values: Mapping[str, Any]) -> None:
        """A layer with all that it absorbed, in float."""
        local: ChainMap[str, Any] = ChainMap({}, values)  # type: ignore[arg-type]
        node: Any = None
        for part in (layer, *layer.executed):
            node = self.emit(part, self.calls[part.id], local, layer.id)
            local[part.id] = node
            local.update(dict.fromkeys(layer.folded, node))
        self.hand_on(layer, node)

    def hand_on(self, layer: Layer, node: fx.Node) -> None:
        node.meta["value"] = layer.value
        self.nodes[layer.value] = node

    def emit(self, part: Layer, how: Call, values: Mapping[str, Any], owner: str, kind: str = "float") -> fx.Node:
        """One module, function or method call."""

        def leaf(item: Ref | Param) -> Any:
            return self.parameter(item, owner) if isinstance(item, Param) else values[item.value]

        args, kwargs = replace_leaves((how.args, dict(how.kwargs)), leaf)
        name = self.called[part.id]
        if how.is_module:
            self.add_module(name, how.module(self.layers.params), how.text())
            node = self.graph.create_node("call_module", name, args, kwargs, name)
        elif how.target is None:
            node = self.graph.create_node("call_method", how.name, args, kwargs, name)
        else:
            node = self.graph.create_node("call_function", how.target, args, kwargs, name)
        node.meta.update(qinspect=owner, kind=kind)
        return node

    def add_module(self, name: str, module: nn.Module, text: str) -> None:
        self.root.add_module(name, module)
        self.info.made[name] = text

    def parameter(self, param: Param, owner: str) -> fx.Node:
        """A stored tensor that is an argument itself."""
        name = self.stored.get(param.key)
        if name is None:
            name = self.stored[param.key] = self.kept[param.key]
            self.root.register_buffer(name, self.layers.params[param.key].detach())
        node = self.graph.create_node("get_attr", name, name=self.name(f"{name}_value"))
        node.meta.update(qinspect=owner, kind="float")
        return node


POINTWISE = {
    "sigmoid": lambda layer: ("sigmoid", ()),
    "hardswish": lambda layer: ("hardswish", ()),
    "leaky_relu": lambda layer: ("leaky_relu", (layer.args[1], False)),
}
"""Operators of ``torch.ops.quantized`` and what they take between input and scale."""

IN_FLOAT = frozenset({"roll", "index_select", "channel_shuffle"})
"""Transparent operators that torch has for float tensors only; going there and back is exact."""


class _Int8Writer(_Writer):
    """Writes a quantization as an fx graph of integer kernels."""

    def __init__(self, quantization: Quantization) -> None:
        super().__init__(quantization.graph)
        self.q = quantization
        self.info.q = qparams_json(quantization)
        self.integer: dict[str, fx.Node] = {}  # values that are quantized where they are read
        self.real: dict[str, Any] = {}  # values that are dequantized where they are read

    def layer(self, layer: Layer) -> None:
        if layer.id not in self.q.quantized:
            # A size can be read off either form.
            reads = self.nodes if layer.target == "aten.sym_size.int" else _Lazy(lambda n: self.as_float(n, layer.id))
            self.float_layer(layer, reads)
            return
        reads = _Lazy(lambda n: self.as_int8(n, layer.id))
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

    def as_float(self, value: str, owner: str) -> Any:
        producer = self.layers.producer.get(value)
        if not self.q.at_origin(value) or producer is None or not producer.dtype.startswith("float"):
            return self.nodes[value]
        if value not in self.real:
            node = self.nodes[value]
            made = self.graph.create_node("call_method", "dequantize", (node,), name=self.name(f"{node.name}_f"))
            made.meta.update(qinspect=owner, kind="dequantize")
            self.real[value] = made
        return self.real[value]

    def there_and_back(self, layer: Layer) -> None:
        reads = _Lazy(lambda n: self.as_float(n, layer.id))
        node = self.emit(layer, self.calls[layer.id], reads, layer.id)
        self.hand_on(layer, self.quantize(node, layer.value, layer.id))

    # -- kernels ---------------------------------------------------------------------------------

    def int8_layer(self, layer: Layer, reads: Mapping[str, Any]) -> None:
        limits = [clip_limits(part) for part in layer.executed]
        lows = [low for low, _ in limits if low is not None]
        low = max(lows) if lows else None
        highs = [high for _, high in limits if high is not None]
        high = min(highs) if highs else None
        # The kernels' own ReLU costs nothing.
        relu = low == 0 and (
            layer.op in ("linear", "add") or (layer.op.startswith("conv") and "transpose" not in layer.op)
        )
        node, kernel = self.kernel(layer, reads, relu)
        node.meta["kind"] = "int8"
        if not (relu or self.clips(layer, low, top=False)) or not self.clips(layer, high, top=True):
            given = {key: limit for key, limit in (("min", low), ("max", high)) if limit is not None}
            name = self.called[layer.executed[-1].id]
            node = self.graph.create_node("call_function", torch.clamp, (node,), given, name)
            node.meta.update(qinspect=layer.id, kind="int8")
            kernel += " + clamp"
        self.hand_on(layer, node)
        self.info.kernels[layer.id] = kernel

    def clips(self, layer: Layer, limit: float | None, top: bool) -> bool:
        """Whether the output's storage type ends where the limit would cut."""
        params = self.q.values[layer.value]
        if limit is None:
            return True
        whole = int(params.quantize(torch.tensor(limit)))
        return whole >= params.qmax if top else whole <= params.qmin

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
            name, middle = POINTWISE[layer.op](layer)
            return self.operator(layer, name, (reads[layer.args[0].value], *middle), point), f"quantized.{name}"
        if layer.op == "elu":
            node = self.operator(layer, "elu", (reads[layer.args[0].value],), point, (layer.args[1],))
            return node, "quantized.elu"
        if layer.op == "cat":
            how = self.quantized_constants(layer, how)
        node = self.emit(layer, how, reads, layer.id, kind="int8")
        name = layer.target.split(".")[1] if "." in layer.target else layer.op
        if layer.op == "tanh" and point != (2 / 256, 128):
            # torch's kernel has the one grid.
            real = self.graph.create_node("call_method", "dequantize", (node,), name=self.name(f"{node.name}_f"))
            real.meta.update(qinspect=layer.id, kind="dequantize")
            node = self.quantize(real, layer.value, layer.id)
        return node, f"quantized {name}"

    def operator(
        self, layer: Layer, name: str, before: tuple[Any, ...], point: tuple[float, int], after: tuple[Any, ...] = ()
    ) -> fx.Node:
        target = getattr(torch.ops.quantized, name)
        node = self.graph.create_node(
            "call_function", target, (*before, *point, *after), name=self.called[layer.id]
        )
        node.meta.update(qinspect=layer.id, kind="int8", point=(len(before), layer.value))
        return node

    def weighted(self, layer: Layer, how: Call, reads: Mapping[str, Any], relu: bool) -> tuple[fx.Node, str]:
        plain: Any = how.module(self.layers.params)
        source = layer.inputs[0]
        make = fx_kernels.int8_linear if layer.op == "linear" else fx_kernels.int8_conv
        made = make(plain, self.info.q["weights"][layer.id], self.point(source), self.point(layer.value), relu)
        clip = ", relu=True" if relu else ""
        text = f"{make.__name__}(model.{self.called[layer.id]}, w[{layer.id!r}], v[{source!r}], v[{layer.value!r}]{clip})"
        return self.module(layer, made, text, reads), f"quantized.{type(made).__name__}"

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


class _Lazy(Mapping[str, Any]):
    """Values that are made when they are asked for."""

    def __init__(self, make: Any) -> None:
        self.make = make

    def __getitem__(self, name: str) -> Any:
        return self.make(name)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0

