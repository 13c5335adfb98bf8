"""From a fused graph, a plan and statistics to the numbers that are needed: qparams."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import torch

from .backends.grouping import OWN, PASSING
from .backends.tables import table
from .decide import EMBEDDINGS, WEIGHTED, Decisions, decide, mixed
from .existing import Given
from .graph import Layer, LayerGraph, Ref
from .graph.recurrent import RECURRENT, matrices, weight_name
from .plan import QuantPlan
from .plan.qconfig import QConfig, TensorConfig
from .problem import Problem
from .qparams import QParams, fixed_output
from .ranges import estimate_activation, estimate_weight
from .statistics import TensorStats
from .text import Text


@dataclass(frozen=True)
class Quantization:
    """A fused graph with all numbers that its simulation and its lowerings need.

    Parameters
    ----------
    graph : LayerGraph
        Fused.
    plan : QuantPlan
        What was asked.
    configs : mapping of layer id to QConfig
        What the plan asks of each layer.
    asked : frozenset of str
        Ids of the layers that the plan wants quantized.
    quantized : frozenset of str
        Ids of the layers whose values lie on grids (passing ones included).
    passing : frozenset of str
        Those of `quantized` that pick or move values on the grid and round nothing themselves.
    dynamic : frozenset of str
        Ids of the layers that round what they read, with the range it has then, and hand on float values.
    weight_only : frozenset of str
        Ids of the layers whose weight alone is rounded.
    why_not : mapping of layer id to str
        For layers that were asked and that no integer kernel runs: they are float, or (where they are
        in `quantized`, `dynamic` or `weight_only`) rounded as asked, and computed in float. Also for those
        that a default would mean if the target had an integer kernel for them; they are not in `asked`.
    values : mapping of value name to QParams
        Every value that is quantized somewhere: at its origin, where its layer is in
        `quantized`, else where a quantized layer reads it. A layer in `quantized` whose value is
        not here computes in integers and hands on real numbers.
    weights : mapping of layer id to QParams
        Of quantized, dynamic and weight-only layers with a weight; of recurrent layers, which have
        several, by `recurrent.weight_name`.
    reference : LayerGraph | None
        The float graph, where remedies changed stored numbers of `graph`; None where it is `graph` itself.
    """

    graph: LayerGraph
    plan: QuantPlan
    configs: Mapping[str, QConfig]
    asked: frozenset[str]
    quantized: frozenset[str]
    passing: frozenset[str]
    why_not: Mapping[str, str]
    values: Mapping[str, QParams]
    weights: Mapping[str, QParams]
    dynamic: frozenset[str] = frozenset()
    weight_only: frozenset[str] = frozenset()
    reference: LayerGraph | None = None

    @property
    def float_graph(self) -> LayerGraph:
        """What the quantized model is held against."""
        return self.reference or self.graph

    @property
    def rounding(self) -> frozenset[str]:
        """Ids of the layers that round something themselves, and so add an error of their own."""
        return (self.quantized - self.passing) | self.dynamic | self.weight_only

    @property
    def integer(self) -> frozenset[str]:
        """Ids of the layers that an integer kernel is to run."""
        return (self.quantized | self.dynamic | self.weight_only) - self.why_not.keys()

    def sums_integers(self, layer: Layer) -> bool:
        """Whether a layer adds up products of integers, and its bias in steps of ``input scale * weight scale``."""
        weight, source = self.weights.get(layer.id), self.input_scale(layer)
        return layer.id in self.quantized and _of_integers(weight, source)

    def bias_in_steps(self, layer: Layer) -> tuple[torch.Tensor, torch.Tensor] | None:
        """A layer's bias as kernels add it to their int32 sums; None where it has none, or adds it as a real number.

        Returns
        -------
        whole : torch.Tensor
            Integers, float64, shape (channels,).
        step : torch.Tensor
            ``input scale * weight scale``, float64, shape () or (channels,).
        """
        bias, source = self.graph.bias(layer), self.input_scale(layer)
        if bias is None or source is None or not self.sums_integers(layer):
            return None
        if getattr(table(self.plan.target), "BIAS_IS_FLOAT", False):
            return None
        step = torch.from_numpy(self.weights[layer.id].scale).double() * float(source.scale)
        return torch.clamp(torch.round(bias.detach().double() / step), -(2**31), 2**31 - 1), step

    @property
    def giving_real(self) -> frozenset[str]:
        """Ids of the layers that an integer kernel runs, and whose values are on no grid."""
        return frozenset(
            layer.id for layer in self.graph.layers if layer.id in self.integer and layer.value not in self.values
        )

    @property
    def decisions(self) -> Decisions:
        """What runs in integers, without the numbers and without the groups."""
        sets = (self.asked, self.quantized, self.passing, self.dynamic, self.weight_only)
        return Decisions(self.configs, *sets, self.why_not, {})

    def at_origin(self, value: str) -> bool:
        """Whether a value is quantized where it is made (else where it is read)."""
        producer = self.graph.producer.get(value)
        return producer is not None and producer.id in self.quantized and value in self.values

    def qparams_json(self) -> dict[str, Any]:
        """Scales and zero points of all values and weights, as qparams.json has them."""
        return {
            "version": 1,
            "values": {name: params.to_json() for name, params in self.values.items()},
            "weights": {name: params.to_json() for name, params in self.weights.items()},
        }

    def input_scale(self, layer: Layer) -> QParams | None:
        """qparams of a layer's first input."""
        return self.values.get(layer.inputs[0]) if layer.inputs else None


_KNOWN: WeakKeyDictionary[LayerGraph, dict[tuple[str, TensorConfig], QParams]] = WeakKeyDictionary()
"""Grids of weights, which a graph never changes: a search asks for the same ones for every plan, and those of least
squared error take a tenth of a second for MobileNetV2."""


def _of_integers(weight: QParams | None, source: QParams | None) -> bool:
    """Whether products of a weight and an input have one step for each output channel."""
    return not any(params is None or params.is_float or params.group_size for params in (weight, source))


def quantize(
    graph: LayerGraph, plan: QuantPlan, stats: Mapping[str, TensorStats], given: Given | None = None
) -> Quantization:
    """Decide which layers run in integers, and compute every scale and zero point.

    Parameters
    ----------
    graph : LayerGraph
        Fused as the plan wants.
    plan : QuantPlan
        Its target's table says what can run.
    stats : mapping of value name to TensorStats
        From calibration.
    given : Given, optional
        Grids that are taken as they are, those of a file that was quantized already.

    Raises
    ------
    Problem
        Where statistics that are needed are missing.
    """
    decided, given = decide(graph, plan), given or Given()
    values = _values(graph, plan, decided, stats, given)
    weights = {}
    for layer in graph.layers:
        config = decided.configs[layer.id].weight
        rounds = layer.id in decided.quantized | decided.dynamic | decided.weight_only
        if rounds and layer.op in WEIGHTED | EMBEDDINGS and config is not None:
            weights[layer.id] = given.weights.get(layer.id) or _weight(graph, layer, config, values, decided, plan)
        elif rounds and layer.op in RECURRENT and config is not None:
            for role, matrix in matrices(graph, layer).items():
                weights[weight_name(layer, role)] = estimate_weight(matrix, config, 0)
    whole = decided.quantized - decided.why_not.keys()  # known grids may have other types than the plan
    return Quantization(
        graph,
        plan,
        decided.configs,
        decided.asked,
        decided.quantized,
        decided.passing,
        {**decided.why_not, **mixed(graph, whole, {name: params.dtype for name, params in values.items()})},
        values,
        weights,
        decided.dynamic,
        decided.weight_only,
    )


def _weight(
    graph: LayerGraph,
    layer: Layer,
    config: TensorConfig,
    values: Mapping[str, QParams],
    decided: Decisions,
    plan: QuantPlan,
) -> QParams:
    """qparams of a layer's weight.

    The steps of channels whose bias would not fit into the kernel's 32-bit sums are widened: a dead
    channel's weights are nearly 0, and its bias is none the less stored in steps of
    ``input scale * weight scale``. Half of the range stays free for the sum itself.
    """
    known = _KNOWN.setdefault(graph, {})
    if (layer.id, config) not in known:
        weight = graph.weight(layer)
        assert weight is not None
        known[layer.id, config] = estimate_weight(weight, config, 1 if layer.op.startswith("conv_transpose") else 0)
    params = known[layer.id, config]
    bias, source = graph.bias(layer), values.get(layer.inputs[0])
    if bias is None or source is None or not getattr(table(plan.target), "BIAS_IS_INT32", False):
        return params
    if layer.id not in decided.quantized or not _of_integers(params, source):
        return params
    size = np.abs(bias.detach().double().numpy())
    least = (size if params.axis is not None else size.max()) / (2.0**30 * float(source.scale))
    return replace(params, scale=np.asarray(np.maximum(params.scale, least), np.float32))


def _values(
    graph: LayerGraph, plan: QuantPlan, decided: Decisions, stats: Mapping[str, TensorStats], given: Given
) -> dict[str, QParams]:
    """qparams of every value that is rounded somewhere."""
    groups: dict[str, list[str]] = {}
    for name, (leader, _) in decided.grids.items():
        groups.setdefault(leader, []).append(name)
    found: dict[str, QParams] = {}
    shares = _Sharing(graph, plan, decided)
    for leader, names in groups.items():
        # A file may have grids of their own where this target shares one: the leader's holds.
        known = [given.values[name] for name in (leader, *names) if name in given.values]
        config = decided.grids[leader][1]
        params = known[0] if known else shares.fixed(leader, names, config)
        if params is None:
            # Values that others of the group were made of by averaging, picking or reshaping add nothing.
            own = [name for name in names if not shares.derived(name, names)] or [leader]
            seen = _stats(graph, stats, own[0])
            for name in own[1:]:
                seen = seen.beside(_stats(graph, stats, name))
            if not seen.count - seen.nonfinite:
                raise Problem(
                    leader,
                    Text("its values were all NaN or infinite during calibration"),
                    Text("Find the first layer whose values are so: the float model is broken there, or the data is."),
                )
            params = estimate_activation(seen, config)
        found.update(dict.fromkeys(names, params))
    return found


@dataclass(frozen=True)
class _Sharing:
    """How the values of a group with one grid come from each other."""

    graph: LayerGraph
    plan: QuantPlan
    decided: Decisions

    def fixed(self, leader: str, names: Sequence[str], config: TensorConfig) -> QParams | None:
        """The grid that the leader's operator gives by itself (a sigmoid's), where all others only pass it on."""
        producer = self.graph.producer.get(leader)
        if producer is None or producer.id not in self.decided.quantized or producer.executed:
            return None
        alone = all(name == leader or self.derived(name, names) for name in names)
        return fixed_output(producer.op, config) if alone else None

    def derived(self, value: str, names: Sequence[str]) -> bool:
        """Whether a value is made of others of the group, within their range."""
        producer = self.graph.producer.get(value)
        if producer is None or producer.id not in self.decided.quantized:
            return False
        kind = PASSING if producer.transparent else table(self.plan.target).grouping(producer)
        clips = producer.op in ("relu", "relu6", "hardtanh")
        return kind != OWN and not clips and all(n in names for n in self.graph.data(producer))


def _stats(graph: LayerGraph, stats: Mapping[str, TensorStats], value: str) -> TensorStats:
    """Statistics of a value, or of that which it is a view of."""
    name = value
    while graph.statistics.get(name, name) not in stats:
        producer = graph.producer.get(name)
        if producer is None or not producer.transparent:
            raise Problem(value, Text("was not seen in calibration"), Text("Calibrate again with this model and plan."))
        first = producer.args[0]
        name = first.value if isinstance(first, Ref) else producer.inputs[0]
    return stats[graph.statistics.get(name, name)]
