"""What a file had quantized before it was opened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from .apart import FOLDABLE
from .backends.clips import CLIPS
from .backends.grouping import PASSING
from .backends.tables import hands_on_float, table
from .graph import Layer, LayerGraph
from .graph.matching import readers, sources
from .plan import QuantPlan
from .plan.qconfig import DTYPES, LARGEST, QConfig, TensorConfig
from .plan.target import Target
from .qparams import QParams
from .text import Text, listed

TABLE = "state_dict"
"""Form of what has layers and no graph between them."""


@dataclass(frozen=True)
class Ran:
    """What does a layer's work in the graph that a runtime made of a file.

    Parameters
    ----------
    operator : str
        The integer kernel, with what is computed in float behind it: ``QLinearConv + Relu``; else the float operator.
    integer : bool
        Whether the layer's own work (of a convolution its sums) is done with integers.
    """

    operator: str
    integer: bool


def run_in_float(kernels: Mapping[str, Ran]) -> str | None:
    """What is to be said of layers that a file has in integers and ONNX Runtime computes in float."""
    floats = [layer_id for layer_id, ran in kernels.items() if not ran.integer]
    if not floats:
        return None
    return Text(
        "On this computer ONNX Runtime computes in float, between dequantizers and quantizers, {count} of the {all} "
        "layers that the file has in integers: {layers}.",
        count=len(floats),
        all=len(kernels),
        layers=listed(floats),
    )


@dataclass(frozen=True, eq=False)
class Existing:
    """Grids and stored integers of a model that was quantized already.

    Parameters
    ----------
    form : str
        How the file writes it: ``QDQ``, ``QOperator``, ``dynamic``, or several of them; ``PT2E``; ``FX``,
        ``eager`` or ``script`` of a folder of this program's own; `TABLE`.
    producer : str
        The program that wrote the file, empty where it does not say so.
    values : mapping of value name to QParams
        Values (of the canonical graph, before any fusion) that are quantized in the file.
    weights : mapping of layer id to QParams
        Of layers whose weight is stored in integers.
    integers : mapping of layer id to ndarray
        Those numbers, in the shape of the layer's weight.
    dynamic : frozenset of str
        Values that the file quantizes with the range that they have at run time.
    plan : QuantPlan | None
        The plan that the file was made with, where it carries one.
    restored : tuple of str
        Ids of clips (ReLU, ReLU6) that the file leaves to the ends of a grid, and that the float
        graph has again.
    tensors : mapping of value name to str
        The file's tensor that holds a value: in integers where it is among `values`.
    identified : bool
        Whether its layers carry the ids that this program gave them.
    rounded : bool
        Whether the graph's weights are the stored integers times their steps; else they are float
        ones, which the grids are for.
    """

    form: str
    producer: str
    values: Mapping[str, QParams]
    weights: Mapping[str, QParams]
    integers: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    dynamic: frozenset[str] = frozenset()
    plan: QuantPlan | None = None
    restored: tuple[str, ...] = ()
    tensors: Mapping[str, str] = field(default_factory=dict)
    identified: bool = False
    rounded: bool = True

    def plan_for(self, graph: LayerGraph, target: Target, fusions: tuple[tuple[str, bool], ...] = ()) -> QuantPlan:
        """The plan that says what the file does.

        Parameters
        ----------
        graph : LayerGraph
            Fused.
        target : Target
            Of the plan, where the file does not carry one of its own.
        fusions : tuple, optional
            What the graph was fused with, as `QuantPlan.fusions` has it.
        """
        if self.plan is not None:
            # What remedies did to the numbers is in them.
            return replace(self.plan, remedies=())
        plan = QuantPlan(target, QConfig(None, None), fusions=fusions)
        for layer in graph.layers:
            if layer.transparent or not self.is_quantized(layer):
                continue
            weight, activation = self.weights.get(layer.id), self.activation(layer)
            source = self._handing_on_float(graph, layer)
            at_end = layer.value in map(graph.origin, graph.output_values)
            if at_end and not hands_on_float(layer, target):
                source = None  # the target would round it
            if layer.inputs and layer.inputs[0] in self.dynamic:
                config: TensorConfig | None = TensorConfig("uint8", dynamic=True)
            elif activation is not None:
                config = config_of(activation)
                # A damaged file may have a grid that reaches beyond all numbers.
                low, high = (float(np.clip(end, -LARGEST, LARGEST)) for end in (activation.low, activation.high))
                config = config.but(estimator="fixed", range=(low, high))
            else:
                config = None if source is None else config_of(source)
                if config is not None and at_end:
                    config = config.but(estimator="none")
            plan = plan.with_layer(layer.id, None if weight is None else config_of(weight), config)
        return plan

    def apart(self, graph: LayerGraph) -> tuple[str, ...]:
        """Ids of the layers that the file does not fuse: it rounds what they read on a grid that is not their own.

        Clips are not among them, whose grid is that of what they clip.

        Parameters
        ----------
        graph : LayerGraph
            With all fusions.
        """
        found = []
        for layer in graph.layers:
            for inner in layer.fused:
                if inner.op in CLIPS:
                    continue
                grids = [self.values[name] for name in inner.inputs if name not in layer.inputs and name in self.values]
                own = self.values.get(inner.value)
                if own is not None and any(own.to_json() != grid.to_json() for grid in grids):
                    found.append(inner.id)
        return tuple(found)

    def _handing_on_float(self, graph: LayerGraph, layer: Layer) -> QParams | None:
        """The grid that a layer reads which multiplies integers and hands on float to float layers alone.

        Not to ask for its value would be to keep only its weight in integers.
        """
        if layer.id not in self.weights or layer.op not in FOLDABLE or not layer.inputs:
            return None
        name = layer.inputs[0]
        if any(self.is_quantized(graph.by_id[reader]) for reader in readers(graph, layer) if reader in graph.by_id):
            return None
        return self.values.get(name, self.values.get(graph.origin(name)))

    def given(self, graph: LayerGraph, plan: QuantPlan) -> Given:
        """The file's own grids for what a plan still asks as the file's plan does.

        Parameters
        ----------
        graph : LayerGraph
            Fused as the plan wants.
        plan : QuantPlan
        """
        own = self.plan_for(graph, plan.target)
        values, weights = {}, {}
        for layer in graph.layers:
            asked, had = plan.qconfig(layer), own.qconfig(layer)
            if layer.value in self.values and asked.activation == had.activation:
                values[layer.value] = self.values[layer.value]
            if layer.id in self.weights and asked.weight == had.weight:
                weights[layer.id] = self.weights[layer.id]
        # An input has no configuration of its own: those that read it decide.
        inputs = {
            name: self.values[name]
            for name in graph.input_names
            if name in self.values
            and all(plan.qconfig(r).activation == own.qconfig(r).activation for r in graph.consumers.get(name, ()))
        }
        return Given({**values, **inputs}, weights)

    def activation(self, layer: Layer) -> QParams | None:
        """The grid of the value that a layer hands on."""
        return self.values.get(layer.value)

    def is_quantized(self, layer: Layer) -> bool:
        """Whether a layer's weight is stored in integers; of others, whether it works between two grids.

        Of a table, which does not say what a layer reads, whether it hands on integers.
        """
        if self.form == TABLE:
            return layer.id in self.weights or layer.value in self.values
        if layer.id in self.weights or layer.op in FOLDABLE:
            return layer.id in self.weights
        return layer.value in self.values and any(name in self.values for name in layer.inputs)

    def rounded_layers(self, graph: LayerGraph) -> frozenset[str]:
        """Layers that are quantized, counted as an analysis counts them.

        What only moves the model's input about, such as a padding before the first layer, is float there: whoever
        reads it rounds it, wherever the file has its quantizer.
        """
        abilities, given = table(Target()), set(graph.input_names)
        found = set()
        for layer in graph.layers:
            data = graph.data(layer)
            moves = layer.transparent or (self.form != TABLE and abilities.grouping(layer) == PASSING)
            if moves and data and given.issuperset(data):
                given.add(layer.value)
            elif not layer.transparent and self.is_quantized(layer):
                found.add(layer.id)
        return frozenset(found)

    def _is_static(self, layer: Layer | None) -> bool:
        return layer is not None and self.is_quantized(layer) and not self.dynamic.intersection(layer.inputs)

    def float_islands(self, graph: LayerGraph) -> tuple[tuple[str, ...], ...]:
        """Groups of neighbouring float layers that read from quantized ones and are read by quantized ones.

        A layer that quantizes what it reads while it runs, and gives float, is no border.

        Parameters
        ----------
        graph : LayerGraph
            Fused or not.

        Returns
        -------
        tuple of tuple of str
            Layer ids of each island, in execution order.
        """
        group: dict[str, int] = {}  # float layer -> its island
        members: dict[int, list[Layer]] = {}
        for layer in graph.layers:
            if layer.transparent or self.is_quantized(layer):
                continue
            touching = {group[p] for p in sources(graph, layer) if p in group}
            number = min(touching, default=len(group))
            for other in sorted(touching - {number}):
                for item in members.pop(other):
                    group[item.id] = number
                    members[number].append(item)
            group[layer.id] = number
            members.setdefault(number, []).append(layer)
        found = []
        for island in members.values():
            inside = {layer.id for layer in island}
            before = {p for layer in island for p in sources(graph, layer)} - inside
            behind = {r for layer in island for r in readers(graph, layer)} - inside
            if any(map(self._is_static, map(graph.by_id.get, before))) and any(
                map(self._is_static, map(graph.by_id.get, behind))
            ):
                order = [layer.id for layer in graph.layers if layer.id in inside]
                found.append(tuple(order))
        return tuple(found)

    def weight_histogram(self, layer_id: str) -> WeightHistogram | None:
        """How often each whole number stands in a layer's weight; None where it is not stored so."""
        whole = self.integers.get(layer_id)
        if whole is None:
            return None
        params = self.weights[layer_id]
        numbers, counts = np.unique(whole.astype(np.int64), return_counts=True)
        try:
            real = params.dequantize(torch.from_numpy(whole.astype(np.int32))).numpy()
        except RuntimeError:  # scales of another shape than the weight: someone else's file
            return WeightHistogram(layer_id, params, numbers, counts)
        edges = np.histogram_bin_edges(real, REAL_BINS) if real.size else np.zeros(0)
        return WeightHistogram(layer_id, params, numbers, counts, edges, np.histogram(real, edges)[0])

    @property
    def for_onnxruntime(self) -> bool:
        """Whether it is a file for ONNX Runtime: what that makes of one for TensorRT is not what TensorRT does."""
        return bool(self.tensors) and (self.plan is None or self.plan.target.backend != "tensorrt")

    @property
    def done(self) -> str | None:
        """What the plan's remedies, which are in the numbers already, are; None without any."""
        if self.plan is None or not self.plan.remedies:
            return None
        kinds = ", ".join(sorted({remedy.kind for remedy in self.plan.remedies}))
        return Text(
            "The remedies of the plan that made it ({kinds}) are in its numbers, and are not applied again.",
            kinds=kinds,
        )

    @property
    def holds_float(self) -> bool:
        """Whether the file has the float weights too."""
        return not (self.rounded and self.weights)

    @property
    def reference(self) -> str:
        """What figures of the float graph mean, where it is that of a quantized file."""
        if self.holds_float:
            return Text("Figures are held against the float weights that are stored beside the scales.")
        return Text(
            "The file has its weights in integers only: figures are held against those weights in float, and "
            "what rounding them cost is in none. qinspect compare holds the file against the float model."
        )

    def to_json(self, graph: LayerGraph) -> dict[str, Any]:
        """As ``inspect --json`` has it, beside the rows of the layers."""
        rounded = self.rounded_layers(graph)
        return {
            "form": self.form,
            "producer": self.producer,
            "quantized": [layer.id for layer in graph.layers if layer.id in rounded],
            "float_islands": [list(island) for island in self.float_islands(graph)],
            "restored": list(self.restored),
            "holds_float": self.holds_float,
            "plan": None if self.plan is None else self.plan.to_json(),
        }


@dataclass(frozen=True, eq=False)
class Given:
    """Grids that are known and need no statistics: of values by name, of weights by layer id."""

    values: Mapping[str, QParams] = field(default_factory=dict)
    weights: Mapping[str, QParams] = field(default_factory=dict)


def config_of(params: QParams) -> TensorConfig:
    """The configuration that a grid is one of; the estimator that found it is not known."""
    low, high = DTYPES.get(params.dtype, (0, 0))
    middle = 0 if low < 0 else (low + high + 1) // 2
    granularity = "per_group" if params.group_size else "per_tensor" if params.axis is None else "per_channel"
    return TensorConfig(
        params.dtype,
        symmetric=bool((params.zero_point == middle).all()),
        granularity=granularity,
        group_size=params.group_size or 32,
    )


REAL_BINS = 64
"""Bins of a histogram of real numbers."""


@dataclass(frozen=True, eq=False)
class WeightHistogram:
    """Integers of a stored weight.

    Parameters
    ----------
    layer : str
        Id.
    params : QParams
        What a step is in real numbers; one for each channel or group where its scale is an array.
    numbers : ndarray of int64, shape (n,)
        Those that occur, ascending.
    counts : ndarray of int64, shape (n,)
    edges : ndarray of float64, shape (bins + 1,)
        Bins of the real numbers that they stand for; empty where those are not known.
    real_counts : ndarray of int64, shape (bins,)
    """

    layer: str
    params: QParams
    numbers: NDArray[np.int64]
    counts: NDArray[np.int64]
    edges: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    real_counts: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))

    def to_json(self) -> dict[str, Any]:
        """Counts by whole number, and by bin of the real numbers, which all are equally wide."""
        return {
            "dtype": self.params.dtype,
            "integers": self.numbers.tolist(),
            "counts": self.counts.tolist(),
            "real_min": float(self.edges[0]) if self.edges.size else None,
            "real_max": float(self.edges[-1]) if self.edges.size else None,
            "real_counts": self.real_counts.tolist(),
        }
