"""A plan as a program quantized with PT2E: torchao puts the quantizers where the plan has them, and nowhere else."""

from __future__ import annotations

import dataclasses
import math
import operator
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.fx.traceback
import torch.nn.functional as functional
from torch import fx, nn
from torch.export import Dim, ExportedProgram
from torch.fx import GraphModule, Node

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from torchao.quantization.pt2e import ObserverBase
    from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e
    from torchao.quantization.pt2e.quantizer import QuantizationAnnotation, QuantizationSpec, Quantizer

from ...graph import Layer, LayerGraph
from ...graph.nodes import MADE_OF
from ...qparams import EPS, QParams
from ...quantize import Quantization
from ...simulate import quantized_params
from ..fx.lower import float_module
from .inductor import DEQUANTIZE, DEQUANTIZE_NOW, QUANTIZE, quiet
from .nodes import OWNER, VALUE, layer_of, weight_node
from .tall import make_tall

BATCH_NORM = torch.ops.aten.batch_norm.default
CHOOSE = torch.ops.quantized_decomposed.choose_qparams.tensor
QUANTIZE_NOW = torch.ops.quantized_decomposed.quantize_per_tensor.tensor


@dataclass(frozen=True)
class Lowered:
    """A plan in ATen operators with quantizers and dequantizers: torchao's reference form.

    Parameters
    ----------
    module : torch.fx.GraphModule
        As ``convert_pt2e`` made it; nodes carry the ids of their layers.
    quantizers : mapping of value name to torch.fx.Node
        What hands on each value's integers.
    """

    module: GraphModule
    quantizers: Mapping[str, Node]


class FixedPerChannelObserver(ObserverBase):  # type: ignore[misc]
    """Holds a scale and a zero point, per tensor or per channel, and observes nothing.

    torchao hands the channel axis on only to a class with PerChannel in its name.
    """

    def __init__(self, params: QParams, dtype: torch.dtype, **kwargs: Any) -> None:
        super().__init__(dtype=dtype)
        self.quant_min, self.quant_max = params.qmin, params.qmax
        self.ch_axis = params.axis
        self.qscheme = torch.per_tensor_affine if params.axis is None else torch.per_channel_symmetric
        self.register_buffer("scale", torch.from_numpy(params.scale.reshape(-1).copy()))
        self.register_buffer("zero_point", torch.from_numpy(params.zero_point.reshape(-1).copy()).to(torch.int64))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x

    def calculate_qparams(self) -> tuple[torch.Tensor, torch.Tensor]:
        scale, zero_point = self.scale, self.zero_point
        assert isinstance(scale, torch.Tensor)
        assert isinstance(zero_point, torch.Tensor)
        return scale.detach(), zero_point.detach()


class PlanQuantizer(Quantizer):  # type: ignore[misc]
    """Annotates an exported program node by node as a plan says."""

    def __init__(self, quantization: Quantization) -> None:
        super().__init__()
        self.q = quantization
        self.specs: dict[tuple[Any, ...], QuantizationSpec] = {}

    def annotate(self, model: GraphModule) -> GraphModule:
        nodes = values_of(model, self.q.graph)
        for layer in self.q.graph.layers:
            if layer.id not in self.q.quantized | self.q.dynamic:
                continue
            own = [node for node in model.graph.nodes if layer_of(node) == layer.id]
            last = nodes[layer.value]
            for node in own:
                edges = {}
                for source in node.all_input_nodes:
                    name = next((n for n in layer.inputs if nodes.get(n) is source), None)
                    # What is rounded at its origin is rounded once, for all that read it.
                    reads = name is not None and layer.id in self.q.quantized and not layer.transparent
                    reads = reads and name in self.q.values
                    if reads and not self.q.at_origin(str(name)):
                        edges[source] = self.spec(self.q.values[str(name)], torch.uint8)
                weight = weight_node(node) if layer.id in self.q.weights else None
                if weight is not None:
                    edges[weight] = self.spec(by_channel(self.q.weights[layer.id], self.channels(layer)), torch.int8)
                rounds = node is last and layer.value in self.q.values
                output = self.spec(self.q.values[layer.value], torch.uint8) if rounds else None
                if edges or output is not None:
                    node.meta["quantization_annotation"] = QuantizationAnnotation(
                        input_qspec_map=edges, output_qspec=output, _annotated=True
                    )
        return model

    def channels(self, layer: Layer) -> int:
        weight = self.q.graph.weight(layer)
        assert weight is not None
        return weight.shape[0]

    def validate(self, model: GraphModule) -> None:
        """Every weight that the plan has in integers must have been found."""
        found = {layer_of(n) for n in model.graph.nodes if weight_node(n) is not None}
        missing = set(self.q.weights) - found
        assert not missing, missing

    def spec(self, params: QParams, dtype: torch.dtype) -> QuantizationSpec:
        """One object for the same numbers: torchao shares the quantizers of equal specs."""
        key = (params.scale.tobytes(), params.zero_point.tobytes(), params.qmin, params.qmax, params.axis, dtype)
        if key not in self.specs:
            self.specs[key] = QuantizationSpec(
                dtype,
                FixedPerChannelObserver.with_args(params=params, dtype=dtype),
                params.qmin,
                params.qmax,
                torch.per_tensor_affine if params.axis is None else torch.per_channel_symmetric,
                params.axis,
            )
        return self.specs[key]


def by_channel(params: QParams, channels: int) -> QParams:
    """The same grid once for each channel of a weight: inductor leaves weights with one scale for all in float."""
    if params.axis is not None:
        return params
    scale = np.full(channels, params.scale, np.float32)
    return dataclasses.replace(params, scale=scale, zero_point=np.full(channels, params.zero_point, np.int32), axis=0)


def lower(quantization: Quantization) -> Lowered:
    """The fused graph in ATen operators, quantized by torchao as the plan says.

    torchao folds every BatchNorm that it sees behind a convolution, so it is not shown those whose
    folding is off.
    """
    module = exported(quantization.graph, prepared_module(quantization)).module(check_guards=False)
    _swap(module, BATCH_NORM, unseen_batch_norm)
    with torch.no_grad(), quiet():
        converted: GraphModule = convert_pt2e(prepare_pt2e(module, PlanQuantizer(quantization)))
    _swap(converted, unseen_batch_norm, BATCH_NORM)
    _round_at_run_time(converted, quantization)
    _drop_unread(converted)
    quantizers = _name_quantizers(converted, quantization)
    squeezed = make_tall(converted, quantization.weights)
    return Lowered(converted, {name: squeezed.get(node, node) for name, node in quantizers.items()})


def _drop_unread(module: GraphModule) -> None:
    """Take out the float weights that torchao keeps beside the integers and nothing reads: most of a file."""
    read = {node.target for node in module.graph.find_nodes(op="get_attr")}
    stored = (*module.named_parameters(remove_duplicate=False), *module.named_buffers(remove_duplicate=False))
    for name in [name for name, _ in stored if name not in read]:
        place, _, attribute = name.rpartition(".")
        delattr(module.get_submodule(place), attribute)


def _round_at_run_time(module: GraphModule, quantization: Quantization) -> None:
    """Round what dynamic layers read with the range that it has then, once for all that read the same value."""
    rounded: dict[Node, tuple[Node, ...]] = {}

    def call(target: Any, owner: str, *args: Any) -> Node:
        made = module.graph.call_function(target, args)
        made.meta["custom"] = {OWNER: owner}
        return made

    for node in list(module.graph.nodes):
        owner = layer_of(node)
        if owner not in quantization.dynamic or weight_node(node) is None:
            continue
        source: Any = node.args[0]
        config = quantization.configs[owner].activation
        assert config is not None
        low, high = config.grid
        maker = layer_of(source) or ""  # whose value is rounded, as `_name_quantizers` says it of others
        with module.graph.inserting_before(node):
            if source not in rounded:
                found = call(CHOOSE, "", source, low, high, EPS, torch.uint8)
                scale, zero_point = (call(operator.getitem, "", found, index) for index in (0, 1))
                whole = call(QUANTIZE_NOW, maker, source, scale, zero_point, low, high, torch.uint8)
                rounded[source] = (whole, scale, zero_point)
            real = call(DEQUANTIZE_NOW, maker, *rounded[source], low, high, torch.uint8)
        node.replace_input_with(source, real)
    module.recompile()


def unseen_batch_norm(*args: Any) -> torch.Tensor:
    """A BatchNorm that torchao does not know as one."""
    return BATCH_NORM(*args)


def _swap(module: GraphModule, one: Any, two: Any) -> None:
    for node in module.graph.find_nodes(op="call_function", target=one):
        node.target = two
    module.recompile()


def owned_module(graph: LayerGraph) -> GraphModule:
    """The float module, whose nodes say whose they are in a form that tracing keeps."""
    module = float_module(graph)
    for node in module.graph.nodes:
        layer_id = node.meta.get("qinspect", "")
        node.meta["custom"] = {OWNER: layer_id, **_origin(graph, node.meta.get("part", layer_id))}
    return module


def prepared_module(quantization: Quantization) -> GraphModule:
    """The float module, written so that torchao and inductor leave it as it is.

    Biases are on the grid of the int32 sums, as the simulation has them. A max pooling with
    ``ceil_mode`` pads for itself.
    """
    module = owned_module(quantization.graph)
    own = quantized_params(quantization)
    for node in list(module.graph.nodes):
        layer_id = node.meta.get("qinspect", "")
        child: Any = module.get_submodule(str(node.target)) if node.op == "call_module" else None
        if layer_id in quantization.weights and getattr(child, "weight", None) is not None:
            # A weight that several layers share is quantized for each of them.
            child.weight = nn.Parameter(child.weight.detach().clone(), requires_grad=False)
            if f"{layer_id}/bias" in own:
                child.bias = nn.Parameter(own[f"{layer_id}/bias"], requires_grad=False)
        elif isinstance(child, nn.MaxPool2d) and child.ceil_mode:
            # Inductor's pattern for a pooling between quantizers loses ceil_mode, and with it the last row.
            child.ceil_mode = False
            layer = quantization.graph.by_id[layer_id]
            pads = _pads_of_ceil_mode(child, _shape(quantization.graph, layer.inputs[0]), layer.shape)
            with module.graph.inserting_before(node):
                padded = module.graph.call_function(functional.pad, (node.args[0], pads), {"value": -math.inf})
            padded.meta["custom"] = node.meta["custom"]
            node.args = (padded,)
    module.recompile()
    return module


def _origin(graph: LayerGraph, layer_id: str) -> dict[str, str]:
    """Identity of a layer, as whoever opens the program reads it."""
    layer = graph.by_id.get(layer_id)
    if layer is None:
        return {}
    place = {} if layer.source is None else {MADE_OF["source"]: layer.source}
    return {MADE_OF["layer"]: layer.id, MADE_OF["path"]: layer.path, **place}


def _shape(graph: LayerGraph, value: str) -> tuple[int | None, ...]:
    if value in graph.producer:
        return graph.producer[value].shape
    return next(spec.shape for spec in graph.inputs if spec.name == value)


def _pads_of_ceil_mode(
    pool: nn.MaxPool2d, source: tuple[int | None, ...], out: tuple[int, ...]
) -> tuple[int, int, int, int]:
    """What to add on the right and below so that a pooling without ``ceil_mode`` gives as many outputs."""
    added = []
    for axis in (-1, -2):
        size, step, pad, apart = (
            n if isinstance(n, int) else n[axis] for n in (pool.kernel_size, pool.stride, pool.padding, pool.dilation)
        )
        length = source[axis]
        assert length is not None
        added.append(max(0, (out[axis] - 1) * step + apart * (size - 1) + 1 - 2 * pad - length))
    return (0, added[0], 0, added[1])


def exported(graph: LayerGraph, module: nn.Module) -> ExportedProgram:
    """A module of this graph's layers exported, with its batch free where the graph's is."""
    batch = Dim("batch")
    shapes = tuple(
        {i: Dim.AUTO if i else batch for i, n in enumerate(spec.shape) if n is None} for spec in graph.inputs
    )
    with torch.no_grad(), quiet(), torch.fx.traceback.preserve_node_meta():
        program = torch.export.export(module, examples(graph, 2), dynamic_shapes=shapes)
    for node in program.graph.nodes:
        custom = node.meta.get("custom") or {}
        node.meta["custom"] = {key: text for key, text in custom.items() if key.startswith("qinspect.")}
        node.meta.pop("stack_trace", None)
        node.meta.pop("nn_module_stack", None)
    _own_items(program, graph)
    return program


def _own_items(program: ExportedProgram, graph: LayerGraph) -> None:
    """Items of an operator with several results are traced with it; they are layers of their own."""
    for layer in graph.layers:
        if layer.op != "getitem":
            continue
        for node in program.graph.nodes:
            if (
                node.target is operator.getitem
                and node.args[1] == layer.args[1]
                and (layer_of(node.args[0]) == graph.producer[layer.inputs[0]].id)
            ):
                node.meta["custom"] = {OWNER: layer.id, **_origin(graph, layer.id)}


def examples(graph: LayerGraph, batch: int) -> tuple[torch.Tensor, ...]:
    """Inputs of the right shapes and types, zeros; `batch` samples where that is free."""
    return tuple(torch.zeros(spec.sized(batch), dtype=getattr(torch, spec.dtype)) for spec in graph.inputs)


def values_of(model: GraphModule, graph: LayerGraph) -> dict[str, Node]:
    """The node that hands on each value of a graph: a placeholder, or the last node of the value's layer."""
    found: dict[str, Node] = dict(zip(graph.input_names, model.graph.find_nodes(op="placeholder"), strict=True))
    names = {layer.id: layer.value for layer in graph.layers}
    for node in model.graph.nodes:
        if node.op == "call_function" and (owner := layer_of(node)) in names:
            found[names[str(owner)]] = node
    return found


def _name_quantizers(module: GraphModule, quantization: Quantization) -> dict[str, Node]:
    """Write whose they are on quantizers and dequantizers; by value, its quantizer."""
    producers = {node: name for name, node in values_of(module, quantization.graph).items()}
    owners = {layer.value: layer.id for layer in quantization.graph.layers}
    found: dict[str, Node] = {}
    for node in module.graph.nodes:
        if node.target is QUANTIZE:
            name = producers[node.args[0]]
            found[name] = node
        elif node.target is DEQUANTIZE:
            name = node.args[0].meta["custom"][VALUE]
        else:
            continue
        node.meta["custom"] = {OWNER: owners.get(name, ""), VALUE: name}
    return found


def taps(lowered: Lowered) -> GraphModule:
    """The same program, with the integers of every value as further outputs, in the order of `quantizers`."""
    graph = fx.Graph()
    copies: dict[Node, Node] = {}
    output = graph.graph_copy(lowered.module.graph, copies)
    graph.output((output, tuple(copies[node] for node in lowered.quantizers.values())))
    return GraphModule(lowered.module, graph)
