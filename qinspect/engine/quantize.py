"""From a fused graph, a plan and statistics to the numbers that are needed: qparams."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from .backends import float_kernel, table
from .backends.grouping import OWN, PASSING, SHARED
from .existing import Given
from .graph import Layer, LayerGraph, Ref
from .plan import QuantPlan
from .problem import Problem
from .qconfig import QConfig, TensorConfig
from .qparams import QParams, fixed_output
from .ranges import estimate_activation, estimate_weight
from .statistics import TensorStats

WEIGHTED = frozenset(
    {"conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "linear"}
)
"""Layers with a weight that is quantized beside the activations."""

MATRIX_PRODUCTS = frozenset({"matmul"})
"""Layers whose two inputs are both rounded at run time where they are dynamic."""

WHOLE = frozenset({"bool", "uint8", "int8", "int16", "int32", "int64"})
"""Tensors that have no scale and need none."""

UNREAD = "nothing behind it reads integers"
"""Why a layer without a weight stays float where values are rounded for their readers."""

FLOAT_INPUT = "its input is float"
"""Why a layer that only passes values on is not quantized."""

NEVER_ASKED = frozenset(
    {
        "batch_norm", "embedding", "embedding_bag", "lstm", "gru", "rnn", "lstm_cell", "gru_cell", "rnn_cell",
        "einsum", "other",
    }
)  # fmt: skip
"""Layers that a default qconfig does not mean; an override by id still asks for them."""


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
        in `quantized`, `dynamic` or `weight_only`) rounded as asked, and computed in float.
    values : mapping of value name to QParams
        Every value that is quantized somewhere: at its origin, where its layer is in
        `quantized`, else where a quantized layer reads it. A layer in `quantized` whose value is
        not here computes in integers and hands on real numbers.
    weights : mapping of layer id to QParams
        Of quantized, dynamic and weight-only layers with a weight.
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


def _of_integers(weight: QParams | None, source: QParams | None) -> bool:
    """Whether products of a weight and an input have one step for each output channel."""
    return not any(params is None or params.is_float or params.group_size for params in (weight, source))


@dataclass(frozen=True)
class Decisions:
    """What runs in integers under a plan, before any scale is computed; fields as in `Quantization`.

    Parameters
    ----------
    grids : mapping of value name to (value name, TensorConfig)
        Every value that is rounded somewhere: the value that leads the group that it shares its
        qparams with (often itself), and the configuration that holds for the group.
    """

    configs: Mapping[str, QConfig]
    asked: frozenset[str]
    quantized: frozenset[str]
    passing: frozenset[str]
    dynamic: frozenset[str]
    weight_only: frozenset[str]
    why_not: Mapping[str, str]
    grids: Mapping[str, tuple[str, TensorConfig]]

    @cached_property
    def integer(self) -> frozenset[str]:
        """Ids of the layers that an integer kernel is to run."""
        return (self.quantized | self.dynamic | self.weight_only) - self.why_not.keys()


def decide(graph: LayerGraph, plan: QuantPlan) -> Decisions:
    """Decide which layers run in integers; needs no statistics and takes microseconds a layer."""
    work = _Quantizer(graph, plan, {})
    asked = work.decide()
    wanted = work.wanted()
    grids = {}
    for names in work.members(wanted).values():
        leader = work.leader(names, wanted)
        grids.update(dict.fromkeys(names, (leader, wanted[leader])))
    return Decisions(
        work.configs,
        asked,
        frozenset(work.quantized),
        frozenset(work.passing),
        frozenset(work.dynamic),
        frozenset(work.weight_only),
        work.why_not,
        grids,
    )


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
    return _Quantizer(graph, plan, stats, given).run()


def is_asked(layer: Layer, plan: QuantPlan, config: QConfig | None = None) -> bool:
    """Whether a plan wants a layer quantized.

    A dynamic qconfig means layers with a weight and products of matrices, weight-only those with a weight.
    `config` is the plan's for the layer, where it is at hand.
    """
    if layer.transparent or not layer.inputs or not layer.dtype.startswith("float"):
        return False
    config = config or plan.qconfig(layer)
    if config.activation is None and (config.weight is None or layer.op not in WEIGHTED):
        return False
    if layer.op in WEIGHTED and config.weight is None:
        return False
    if layer.op in NEVER_ASKED or (config.keeps_values_float and layer.op not in WEIGHTED | MATRIX_PRODUCTS):
        return any(o.kind == "id" and o.pattern == layer.id for o in plan.overrides)
    return True


class _Quantizer:
    def __init__(
        self, graph: LayerGraph, plan: QuantPlan, stats: Mapping[str, TensorStats], given: Given | None = None
    ) -> None:
        self.graph, self.plan, self.stats, self.given = graph, plan, stats, given or Given()
        self.table = table(plan.target)
        self.configs = plan.qconfigs(graph.layers)
        self.why_not: dict[str, str] = {}
        self.quantized: set[str] = set()
        self.passing: set[str] = set()
        self.dynamic: set[str] = set()
        self.weight_only: set[str] = set()
        self.group: dict[str, str] = {}  # value -> the value whose qparams it uses
        self.real: set[str] = set()  # values that quantized layers hand on in float

    def run(self) -> Quantization:
        asked = self.decide()
        values = self._values()
        self._find_mixed(values)
        weights = {}
        for layer in self.graph.layers:
            config = self.configs[layer.id].weight
            rounds = layer.id in self.quantized | self.dynamic | self.weight_only
            if rounds and layer.op in WEIGHTED and config is not None:
                weight = self.graph.weight(layer)
                assert weight is not None
                axis = 1 if layer.op.startswith("conv_transpose") else 0
                known = self.given.weights.get(layer.id)
                found = known or self._with_room_for_bias(layer, estimate_weight(weight, config, axis), values)
                weights[layer.id] = found
        return Quantization(
            self.graph,
            self.plan,
            self.configs,
            asked,
            frozenset(self.quantized),
            frozenset(self.passing),
            self.why_not,
            values,
            weights,
            frozenset(self.dynamic),
            frozenset(self.weight_only),
        )

    def decide(self) -> frozenset[str]:
        """Fill `quantized`, `passing`, `why_not` and `group`; ids of the layers asked for."""
        asked = frozenset(layer.id for layer in self.graph.layers if is_asked(layer, self.plan, self.configs[layer.id]))
        for layer in self.graph.layers:
            self._decide(layer, asked)
        if getattr(self.table, "ROUNDS_FOR_READERS", False):
            self._round_for_readers(asked)
        return asked

    def _with_room_for_bias(self, layer: Layer, params: QParams, values: Mapping[str, QParams]) -> QParams:
        """Widen the steps of channels whose bias would not fit into the kernel's 32-bit sums.

        A dead channel's weights are nearly 0, and its bias is none the less stored in steps of
        ``input scale * weight scale``. Half of the range stays free for the sum itself.
        """
        bias, source = self.graph.bias(layer), values.get(layer.inputs[0])
        if bias is None or source is None or not getattr(self.table, "BIAS_IS_INT32", False):
            return params
        if layer.id not in self.quantized or not _of_integers(params, source):
            return params
        size = np.abs(bias.detach().double().numpy())
        least = (size if params.axis is not None else size.max()) / (2.0**30 * float(source.scale))
        return replace(params, scale=np.asarray(np.maximum(params.scale, least), np.float32))

    def _decide(self, layer: Layer, asked: frozenset[str]) -> None:
        if layer.transparent:
            if self._data_quantized(layer) and layer.dtype.startswith("float"):
                self.quantized.add(layer.id)
                self.passing.add(layer.id)
                self._join(layer.value, layer.inputs[0])
            return
        if layer.id not in asked:
            return
        config = self.configs[layer.id]
        reason = self.table.why_not(layer, config, self.plan.target)
        if any(self.graph.dtypes[name] in WHOLE for name in layer.inputs):
            reason = reason or "one of its inputs is a tensor of whole numbers already"
        kind = self.table.grouping(layer)
        if reason is None and kind == PASSING and not self._data_quantized(layer):
            reason = FLOAT_INPUT
        if reason is not None:
            self.why_not[layer.id] = reason
            return
        if in_float := float_kernel(layer, config, self.plan.target):
            self.why_not[layer.id] = in_float
        if config.keeps_values_float:
            (self.weight_only if config.activation is None else self.dynamic).add(layer.id)
            return
        self.quantized.add(layer.id)
        if kind == PASSING:
            self.passing.add(layer.id)
        if kind in (SHARED, PASSING):
            for name in self.graph.data(layer):
                self._join(layer.value, name)

    def _round_for_readers(self, asked: frozenset[str]) -> None:
        """Leave values in float that no quantized layer reads, or that an addition behind a weighted layer takes in.

        The addition is fused to the last weighted layer right before it that nothing else reads,
        whose sums it takes as they are; what it adds to them is rounded.
        """
        order = {layer.value: i for i, layer in enumerate(self.graph.layers)}
        for layer in reversed(self.graph.layers):
            if layer.id not in self.quantized:
                continue
            if not any(reader.id in self.quantized for reader in self.graph.consumers.get(layer.value, ())):
                if layer.op in WEIGHTED:
                    self.real.add(layer.value)
                    continue
                self.quantized.discard(layer.id)
                self.passing.discard(layer.id)
                if layer.id in asked:
                    self.why_not[layer.id] = UNREAD
            elif layer.op == "add" and len(layer.inputs) == 2:
                alone = [name for name in layer.inputs if self._fuses_with_reader(name)]
                self.real.update(sorted(alone, key=order.__getitem__)[-1:])

    def _fuses_with_reader(self, value: str) -> bool:
        producer = self.graph.producer.get(value)
        if producer is None or producer.id not in self.quantized or producer.op not in WEIGHTED or producer.executed:
            return False
        return len(self.graph.consumers[value]) == 1 and value not in self.graph.output_values

    def _find_mixed(self, values: Mapping[str, QParams]) -> None:
        """Layers between grids of 8 and of 16 bits are computed in float: no kernel takes both."""
        for layer in self.graph.layers:
            if layer.id not in self.quantized or layer.id in self.why_not:
                continue
            kinds = {values[name].dtype for name in (*self.graph.data(layer), layer.value) if name in values}
            if len({TensorConfig(kind).width for kind in kinds}) > 1:
                self.why_not[layer.id] = f"no integer kernel takes {' and '.join(sorted(kinds))} together"

    def _data_quantized(self, layer: Layer) -> bool:
        data = self.graph.data(layer)
        return bool(data) and all(
            n in self.graph.producer and self.graph.producer[n].id in self.quantized for n in data
        )

    # -- groups of values with the same qparams ----------------------------------------------------

    def _root(self, value: str) -> str:
        while (parent := self.group.get(value, value)) != value:
            value = parent
        return value

    def _join(self, one: str, two: str) -> None:
        first, second = self._root(one), self._root(two)
        if first != second:
            # The earlier value leads, so that its layer's configuration holds for the group.
            order = {layer.value: i for i, layer in enumerate(self.graph.layers)}
            if order.get(first, -1) > order.get(second, -1):
                first, second = second, first
            self.group[second] = first

    def wanted(self) -> dict[str, TensorConfig]:
        """Every value that is rounded somewhere, with the configuration that its reader or maker has."""
        wanted: dict[str, TensorConfig] = {}
        for layer in self.graph.layers:
            if layer.id not in self.quantized:
                continue
            config = self.configs[layer.id].activation
            reads = () if layer.transparent else self.graph.data(layer)
            for name in reads:
                if config is not None and not self._made_quantized(name):
                    wanted.setdefault(name, config)
            if layer.transparent or self.table.grouping(layer) == PASSING:
                wanted.setdefault(layer.value, wanted[layer.inputs[0]])
            elif config is not None and layer.value not in self.real:
                wanted[layer.value] = config
        return wanted

    def members(self, wanted: Mapping[str, TensorConfig]) -> dict[str, list[str]]:
        """Values that share their qparams, by the value that the group stands under."""
        members: dict[str, list[str]] = {}
        for name in wanted:
            members.setdefault(self._root(name), []).append(name)
        return members

    def leader(self, names: Sequence[str], wanted: Mapping[str, TensorConfig]) -> str:
        """The value of a group whose configuration holds for all."""
        root = self._root(names[0])
        return root if root in wanted else names[0]

    def _values(self) -> dict[str, QParams]:
        wanted = self.wanted()
        found: dict[str, QParams] = {}
        for names in self.members(wanted).values():
            leader = self.leader(names, wanted)
            # A file may have grids of their own where this target shares one: the leader's holds.
            given = [self.given.values[name] for name in (leader, *names) if name in self.given.values]
            params = given[0] if given else self._params(leader, names, wanted[leader])
            found.update(dict.fromkeys(names, params))
        return found

    def _made_quantized(self, value: str) -> bool:
        producer = self.graph.producer.get(value)
        return producer is not None and producer.id in self.quantized

    def _params(self, leader: str, names: list[str], config: TensorConfig) -> QParams:
        producer = self.graph.producer.get(leader)
        alone = all(name == leader or self._derived(name, names) for name in names)
        if producer is not None and producer.id in self.quantized and not producer.executed and alone:
            fixed = fixed_output(producer.op, config)
            if fixed is not None:
                return fixed
        # Values that others of the group were made of by averaging, picking or reshaping add nothing.
        own = [n for n in names if not self._derived(n, names)] or [leader]
        stats = self._stats(own[0])
        for name in own[1:]:
            stats = stats.merged(self._stats(name))
        return estimate_activation(stats, config)

    def _derived(self, value: str, names: list[str]) -> bool:
        producer = self.graph.producer.get(value)
        if producer is None or producer.id not in self.quantized:
            return False
        kind = PASSING if producer.transparent else self.table.grouping(producer)
        clips = producer.op in ("relu", "relu6", "hardtanh")
        return kind != OWN and not clips and all(n in names for n in self.graph.data(producer))

    def _stats(self, value: str) -> TensorStats:
        name = value
        while self.graph.statistics.get(name, name) not in self.stats:
            producer = self.graph.producer.get(name)
            if producer is None or not producer.transparent:
                raise Problem(value, "was not seen in calibration", "Calibrate again with this model and plan.")
            first = producer.args[0]
            name = first.value if isinstance(first, Ref) else producer.inputs[0]
        return self.stats[self.graph.statistics.get(name, name)]
