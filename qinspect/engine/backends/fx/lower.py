"""The fused graph as an fx graph module of torch.nn modules and torch functions."""

from __future__ import annotations

import keyword
import re
from collections import ChainMap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import fx, nn

from ...graph import Layer, LayerGraph, Param, Ref
from ...graph import replace as replace_leaves
from .modules import Call, call


@dataclass
class Info:
    """What stands behind the names in a module.

    Parameters
    ----------
    made : dict of attribute to str
        The Python that makes each submodule.
    kernels : dict of layer id to str
        Layers that run in integers, and the kernel.
    merged : dict of layer id to layer id
        Paddings that are inside the layer behind them.
    q : dict
        Scales and zero points, as qparams.json has them.
    tensors : dict of tensor key to str
        Where the module's ``state_dict`` has each stored tensor of the graph.
    """

    made: dict[str, str] = field(default_factory=dict)
    kernels: dict[str, str] = field(default_factory=dict)
    merged: dict[str, str] = field(default_factory=dict)
    q: dict[str, Any] = field(default_factory=dict)
    tensors: dict[str, str] = field(default_factory=dict)


def float_module(graph: LayerGraph) -> fx.GraphModule:
    """The fused graph as canonical torch.nn modules and torch functions.

    Returns
    -------
    torch.fx.GraphModule
        In eval mode; ``node.meta["qinspect"]`` is the layer's id, ``node.meta["part"]`` that of what it
        absorbed where the node computes that, ``node.meta["value"]`` the name of the value where the
        node hands it on. Its outputs are bitwise `Executor`'s.
    """
    return Writer(graph).write()[0]


def float_module_with_info(graph: LayerGraph) -> tuple[fx.GraphModule, Info]:
    """`float_module`, with the Python that makes its submodules."""
    return Writer(graph).write()


class Writer:
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
        plain = re.sub(r"[^A-Za-z0-9_]", "_", wanted).strip("_") or "value"
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
            for role, param in how.tensors.items():
                self.info.tensors.setdefault(param.key, f"{name}.{role}")
            node = self.graph.create_node("call_module", name, args, kwargs, name)
        elif how.target is None:
            node = self.graph.create_node("call_method", how.name, args, kwargs, name)
        else:
            node = self.graph.create_node("call_function", how.target, args, kwargs, name)
        node.meta.update(qinspect=owner, part=part.id, kind=kind)
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
            self.info.tensors.setdefault(param.key, name)
        node = self.graph.create_node("get_attr", name, name=self.name(f"{name}_value"))
        node.meta.update(qinspect=owner, kind="float")
        return node


class Lazy(Mapping[str, Any]):
    """Values that are made when they are asked for."""

    def __init__(self, make: Any) -> None:
        self.make = make

    def __getitem__(self, name: str) -> Any:
        return self.make(name)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0
