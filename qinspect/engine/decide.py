"""Which layers run in integers under a plan, and which values share one grid: before any scale is computed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from .backends.grouping import PASSING, SHARED
from .backends.tables import float_kernel, table
from .graph import Layer, LayerGraph
from .graph.recurrent import RECURRENT
from .plan import QuantPlan
from .plan.qconfig import QConfig, TensorConfig
from .plan.target import first_qconfig
from .text import Text

WEIGHTED = frozenset(
    {"conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "linear"}
)
"""Layers with a weight that is quantized beside the activations."""

EMBEDDINGS = frozenset({"embedding", "embedding_bag"})
"""Layers that pick rows of a table: their weight can be stored in integers, and that is all."""

MATRIX_PRODUCTS = frozenset({"matmul"})
"""Layers whose two inputs are both rounded at run time where they are dynamic."""

TOGETHER = frozenset({"cat", "stack"})
"""Layers that put values beside one another."""

PARTING = frozenset({"split", "split_with_sizes", "chunk", "unbind"})
"""Layers whose value is several tensors, which one layer each takes out."""

WHOLE = frozenset({"bool", "uint8", "int8", "int16", "int32", "int64"})
"""Tensors that have no scale and need none."""

UNREAD = Text("nothing behind it reads integers")
"""Why a layer without a weight stays float where values are rounded for their readers."""

FLOAT_INPUT = Text("its input is float")
"""Why a layer that only passes values on is not quantized."""

NEVER_ASKED = frozenset(
    {
        "batch_norm", "embedding", "embedding_bag", "lstm", "gru", "rnn", "lstm_cell", "gru_cell", "rnn_cell",
        "einsum", "other",
    }
)  # fmt: skip
"""Layers that a default qconfig does not mean; an override by id still asks for them."""


@dataclass(frozen=True)
class Decisions:
    """What runs in integers under a plan, before any scale is computed; fields as in `Quantization`.

    Parameters
    ----------
    configs : mapping of layer id to QConfig
        What holds for each layer: what the plan asks, and where that is no range (``none``) for a value that has to
        be rounded, the one that it is rounded with.
    asked : frozenset of str
        Without layers for which the target has no integer kernel and which no override names; `why_not` has these
        too.
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
    work = _Decider(graph, plan)
    asked = work.decide()
    wanted = work.wanted()
    grids = {}
    for names in work.members(wanted).values():
        leader = work.leader(names, wanted)
        grids.update(dict.fromkeys(names, (leader, wanted[leader])))
    for layer in graph.layers:
        config = work.configs[layer.id]
        if config.activation is not None and config.activation.estimator == "none" and layer.value in grids:
            work.configs[layer.id] = replace(config, activation=grids[layer.value][1])
    whole = frozenset(work.quantized - work.why_not.keys())
    work.why_not.update(mixed(graph, whole, {name: config.dtype for name, (_, config) in grids.items()}))
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


def mixed(graph: LayerGraph, integer: frozenset[str], dtypes: Mapping[str, str]) -> dict[str, str]:
    """Why layers between grids of 8 and of 16 bits are computed in float, by id.

    Parameters
    ----------
    integer : frozenset of str
        Ids of the layers that an integer kernel would run.
    dtypes : mapping of value name to str
        Storage types of the values that are rounded.
    """
    found: dict[str, str] = {}
    for layer in graph.layers:
        if layer.id not in integer:
            continue
        kinds = {dtypes[name] for name in (*graph.data(layer), layer.value) if name in dtypes}
        if len({TensorConfig(kind).width for kind in kinds}) > 1:
            found[layer.id] = Text("no integer kernel takes {kinds} together", kinds=" and ".join(sorted(kinds)))
    return found


def is_asked(layer: Layer, plan: QuantPlan, config: QConfig | None = None) -> bool:
    """Whether a plan wants a layer quantized.

    A dynamic qconfig means layers with a weight, recurrent ones among them, and products of matrices,
    weight-only those with one weight. `config` is the plan's for the layer, where it is at hand.
    What the target's table says does not count here: `decide` takes out what a default cannot mean.
    """
    recurrent = layer.op in RECURRENT
    if layer.transparent or not layer.inputs or not (recurrent or layer.dtype.startswith("float")):
        return False
    config = config or plan.qconfig(layer)
    stores = layer.op in WEIGHTED | EMBEDDINGS or recurrent
    if config.activation is None and (config.weight is None or not stores):
        return False
    if (layer.op in WEIGHTED or recurrent) and config.weight is None:
        return False
    if recurrent and config.activation is not None and config.activation.dynamic:
        return True
    if layer.op in NEVER_ASKED or (config.keeps_values_float and layer.op not in WEIGHTED | MATRIX_PRODUCTS):
        return any(o.kind == "id" and o.pattern == layer.id for o in plan.overrides)
    return True


class _Decider:
    def __init__(self, graph: LayerGraph, plan: QuantPlan) -> None:
        self.graph, self.plan = graph, plan
        self.table = table(plan.target)
        self.configs = plan.qconfigs(graph.layers)
        self.why_not: dict[str, str] = {}
        self.quantized: set[str] = set()
        self.passing: set[str] = set()
        self.dynamic: set[str] = set()
        self.weight_only: set[str] = set()
        self.group: dict[str, str] = {}  # value -> the value whose qparams it uses
        self.real: set[str] = set()  # values that quantized layers hand on in float
        self.left: set[str] = set()  # layers that a default does not mean, since they cannot run in integers

    def decide(self) -> frozenset[str]:
        """Fill `quantized`, `passing`, `why_not` and `group`; ids of the layers asked for."""
        asked = frozenset(layer.id for layer in self.graph.layers if is_asked(layer, self.plan, self.configs[layer.id]))
        for layer in self.graph.layers:
            self._decide(layer, asked)
        if getattr(self.table, "ROUNDS_FOR_READERS", False):
            self._round_for_readers(asked)
        else:
            self._leave_unread(asked)
        for layer in self.graph.layers:
            self._share(layer)
        return asked - self.left

    def _decide(self, layer: Layer, asked: frozenset[str]) -> None:
        if layer.transparent:
            if self._data_quantized(layer) and layer.dtype.startswith("float"):
                self.quantized.add(layer.id)
                self.passing.add(layer.id)
            return
        if layer.id not in asked:
            return
        config = self.configs[layer.id]
        reason = self.table.why_not(layer, config, self.plan.target)
        if layer.op not in EMBEDDINGS and any(self.graph.dtypes[name] in WHOLE for name in layer.inputs):
            reason = reason or Text("one of its inputs is a tensor of integers already")
        kind = self.table.grouping(layer)
        if reason is None and kind == PASSING and not self._data_quantized(layer):
            reason = FLOAT_INPUT
        if reason is not None:
            if self._left_alone(layer):
                self.left.add(layer.id)
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

    def _leave_unread(self, asked: frozenset[str]) -> None:
        """Leave in float what no integer kernel reads.

        A layer with a weight hands on its sums as real numbers, where its kernel can. One without is computed in
        float, unless it makes fewer values of integers, as poolings do, or the plan names it. What only moves
        or clips values is what its input is. What the model hands on is rounded by the layer that makes it, unless
        that one reads real numbers and has no weight.
        """
        read: set[str] = set()
        handed_on = set(self.graph.output_values)
        hands_on_float = getattr(self.table, "hands_on_float", lambda _: False)
        for layer in reversed(self.graph.layers):
            if layer.id not in self.quantized:
                continue
            data, is_read = self.graph.data(layer), layer.value in read
            moves = layer.transparent or self.table.grouping(layer) == PASSING
            if layer.op in WEIGHTED:
                needed = is_read or self._is_fixed(layer) or (layer.value in handed_on and not self._is_real(layer))
                if not needed and hands_on_float(layer):
                    self.real.add(layer.value)
            elif layer.op == "pad" and not is_read and layer.value not in handed_on and not self._is_fixed(layer):
                # Unlike other movers, it is no integer kernel where what reads it is float.
                self._drop(layer, UNREAD, asked)
                continue
            elif moves and not is_read:
                handed_on.update(data if layer.value in handed_on else ())
                continue
            elif not is_read and not self._rounds_unread(layer, layer.value in handed_on):
                self._drop(layer, UNREAD, asked)
                continue
            read.update(data)
        self._pass_on_float(asked)

    def _pass_on_float(self, asked: frozenset[str]) -> None:
        """Leave in float what only passes on a value that is float."""
        for layer in self.graph.layers:
            if layer.id in self.passing and not self._data_quantized(layer):
                self._drop(layer, FLOAT_INPUT, asked)

    def _rounds_unread(self, layer: Layer, handed_on: bool) -> bool:
        """Whether a layer without a weight, which no integer kernel reads, is computed in integers all the same."""
        if self.plan.names(layer) or self._is_fixed(layer):
            return True
        made = [self._made_quantized(name) for name in self.graph.data(layer)]
        if handed_on:
            # What only puts values together gains nothing where one of them is float, and a detector's scores would
            # be rounded on the grid of its boxes.
            return all(made) if layer.op in TOGETHER else any(made)
        return all(made) and layer.op != "cat" and self.table.grouping(layer) == SHARED

    def _is_fixed(self, layer: Layer) -> bool:
        """Whether the plan has a range for just this value: whoever sets one wants it rounded."""
        config = self.configs[layer.id].activation
        return config is not None and config.estimator == "fixed"

    def _is_real(self, layer: Layer) -> bool:
        """Whether the plan wants no range for just this value."""
        config = self.configs[layer.id].activation
        return config is not None and config.estimator == "none"

    def _drop(self, layer: Layer, reason: str, asked: frozenset[str]) -> None:
        """Compute a layer in float after all."""
        self.quantized.discard(layer.id)
        self.passing.discard(layer.id)
        if layer.id in asked:
            self.why_not[layer.id] = reason
            if not self.plan.names(layer):
                self.left.add(layer.id)

    def _left_alone(self, layer: Layer) -> bool:
        """Whether a static default does not mean a refused layer: its target runs it with its own preset neither.

        Where another qconfig would run the plan asks for the wrong one, and that is to be said.
        """
        config, first = self.configs[layer.id], first_qconfig(self.plan.target)
        if config.keeps_values_float or self.plan.names(layer):
            return False
        refused = self.table.why_not(layer, first, self.plan.target) is not None
        return refused or self.table.why_not(layer, config, self.plan.target) is None

    def _round_for_readers(self, asked: frozenset[str]) -> None:
        """Leave values in float that no quantized layer reads, or that an addition behind a weighted layer takes in.

        The addition is fused to the last weighted layer right before it that nothing else reads,
        whose sums it takes as they are; what it adds to them is rounded.
        """
        order = {layer.value: i for i, layer in enumerate(self.graph.layers)}
        for layer in reversed(self.graph.layers):
            if layer.id not in self.quantized:
                continue
            readers = [reader.id in self.quantized for reader in self.graph.consumers.get(layer.value, ())]
            # Where parts of a value are read in float, each of the others is rounded for itself.
            if not (all(readers) if layer.op in PARTING else any(readers)):
                if layer.op in WEIGHTED:
                    self.real.add(layer.value)
                    continue
                self._drop(layer, UNREAD, asked)
            elif layer.op == "add" and len(layer.inputs) == 2:
                alone = [name for name in layer.inputs if self._fuses_with_reader(name)]
                self.real.update(sorted(alone, key=order.__getitem__)[-1:])
        self._pass_on_float(asked)

    def _fuses_with_reader(self, value: str) -> bool:
        producer = self.graph.producer.get(value)
        if producer is None or producer.id not in self.quantized or producer.op not in WEIGHTED or producer.executed:
            return False
        return len(self.graph.consumers[value]) == 1 and value not in self.graph.output_values

    def _data_quantized(self, layer: Layer) -> bool:
        data = self.graph.data(layer)
        return bool(data) and all(self._made_quantized(name) and name not in self.real for name in data)

    # -- groups of values with the same qparams ----------------------------------------------------

    def _share(self, layer: Layer) -> None:
        """Put what a layer reads and hands on into one group, where it has one quantizer for both."""
        if layer.id not in self.quantized:
            return
        if layer.transparent:
            self._join(layer.value, layer.inputs[0])
        elif self.table.grouping(layer) in (SHARED, PASSING):
            for name in self.graph.data(layer):
                if not self._rescales(layer, name):
                    self._join(layer.value, name)

    def _rescales(self, layer: Layer, value: str) -> bool:
        """Whether a layer reads one grid and hands on another: the plan has a range for just each, and they differ.

        What is rounded where it is read has a range of its own by `_for_read`.
        """
        if self.table.grouping(layer) != SHARED or not getattr(self.table, "RESCALES", False):
            return False
        maker = self.graph.producer.get(self._root(value))
        if not self._is_fixed(layer) or maker is None or maker.id not in self.quantized:
            return self._is_fixed(layer)
        return self._is_fixed(maker) and self.configs[maker.id].activation != self.configs[layer.id].activation

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
                    wanted.setdefault(name, self._for_read(name, config))
            if layer.transparent or self.table.grouping(layer) == PASSING:
                wanted.setdefault(layer.value, wanted[layer.inputs[0]])
            elif config is not None and layer.value not in self.real:
                # No kernel hands on real numbers here, or another layer reads it; min-max cuts nothing off.
                no_range = config.estimator == "none"
                wanted[layer.value] = config.but(estimator="minmax", range=None) if no_range else config
        return wanted

    def _for_read(self, name: str, config: TensorConfig) -> TensorConfig:
        """What holds for a value that a layer reads, where nothing else rounds it.

        A layer's estimator is for what it hands on: what a layer in float has made for it, and in any case where the
        range is fixed or none, is estimated as the default says. (A depthwise convolution's values, cut off as
        was best for the sums of the convolution that reads them, cost MobileNetV2 0.04 nats.) Only a model input,
        which has no layer of its own, is estimated as its first reader says.
        """
        if config.estimator not in ("fixed", "none") and self.graph.origin(name) not in self.graph.producer:
            return config
        usual = self.plan.default.activation
        if usual is None or usual.estimator in ("fixed", "none"):
            return config.but(estimator="minmax", range=None)
        return config.but(estimator=usual.estimator, range=None, percentile=usual.percentile, momentum=usual.momentum)

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

    def _made_quantized(self, value: str) -> bool:
        producer = self.graph.producer.get(value)
        return producer is not None and producer.id in self.quantized
