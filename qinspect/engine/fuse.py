"""Folding and fusing, with a ledger of every candidate."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch

from .apart import CURVES, FOLDABLE, NO_KERNEL, OF_ONE_ENGINE, Apart, in_place_of, kept_apart, only_moves
from .backends.clips import CLIPS, has_constant_limits
from .backends.grouping import pads_zeros
from .graph import Layer, LayerGraph, Param, Ref
from .graph import replace as replace_leaves
from .graph.fold import CONSTANTS, by_channel, fold_batch_norm, fold_into_next, followed, scale_and_shift
from .plan import QuantPlan
from .results import FusionRow
from .text import Text


@dataclass(frozen=True)
class Fused:
    """A graph whose layers have absorbed others, and the ledger of all candidates.

    Parameters
    ----------
    graph : LayerGraph
    rows : tuple of FusionRow
    stands_for : mapping of layer id to (str, str)
        Of every layer that absorbed others: a value of the graph before, and the value here that
        equals it up to rounding.
    """

    graph: LayerGraph
    rows: tuple[FusionRow, ...]
    stands_for: Mapping[str, tuple[str, str]] = field(default_factory=dict)


def fuse(graph: LayerGraph, plan: QuantPlan, apart: Apart | None = None) -> Fused:
    """Fold BatchNorms and paddings, fuse activations and additions, as the plan wants.

    Patterns: (pad +) (batch_norm +) conv/linear (+ batch_norm) (+ relu, relu6, hardtanh, clamp), and
    mul, div, add, sub with stored numbers by channel in a batch_norm's place behind a layer, and
    add + the last; where the target has a kernel for it also conv/linear (+ batch_norm) + add (+ clip)
    and + a curve (hardswish, gelu, ...). Between them there may be operators that only move values. A
    BatchNorm goes into the layer before it where it can, else into the one after it. A candidate's
    identity is the id of the layer that would be absorbed.

    Parameters
    ----------
    graph : LayerGraph
        Canonical.
    plan : QuantPlan
        Its ``fusions`` say what is off.
    apart : mapping, optional
        What plan and target keep apart, from `kept_apart`, where it is known already.

    Returns
    -------
    Fused
        The graph computes the same up to rounding; its new weights are computed in float64.
    """
    off = frozenset(identity for identity, on in plan.fusions if not on)
    return _Fuser(graph, off, kept_apart(graph, plan) if apart is None else apart).run()


class _Fuser:
    def __init__(self, graph: LayerGraph, off: frozenset[str], apart: Apart) -> None:
        self.graph = graph
        self.off = off
        self.apart = apart
        self.params = dict(graph.params)
        self.units: dict[str, Layer] = {}  # by the value they hand on, in execution order
        self.rows: list[FusionRow] = []
        self.renamed: dict[str, str] = {}  # value of an absorbed layer -> the value that stands for it
        self.coming: dict[str, tuple[Layer, int]] = {}  # layer id -> BatchNorm that goes into it, and `repeat`
        self.stands_for: dict[str, tuple[str, str]] = {}
        self.statistics = dict(graph.statistics)
        self.order = {layer.id: index for index, layer in enumerate(graph.layers)}
        self.reads = Counter(name for layer in graph.layers for name in layer.inputs)

    def run(self) -> Fused:
        for layer in self.graph.layers:
            layer = self._current(layer)
            if layer.op in FOLDABLE:
                layer = self._take_padding(self._take_norm(layer))
            elif layer.op == "batch_norm":
                if self._fold_norm(layer):
                    continue
            elif layer.op in CLIPS:
                if self._absorb_clip(layer):
                    continue
            elif layer.op in CURVES:
                if self._absorb_curve(layer):
                    continue
            elif layer.op in CONSTANTS and (
                self._fold_constant(layer) or (layer.op == "add" and self._absorb_add(layer))
            ):
                continue
            self.units[layer.value] = layer
        outputs = replace_leaves(self.graph.outputs, self._leaf)
        graph = replace(
            self.graph,
            layers=tuple(self.units.values()),
            outputs=outputs,
            params=self.params,
            statistics=self.statistics,
        )
        for unit in graph.layers:
            if unit.fused:
                self.stands_for.setdefault(unit.id, (unit.value, unit.value))
        return Fused(graph.pruned(), tuple(self.rows), self.stands_for)

    # -- names -----------------------------------------------------------------------------------

    def _leaf(self, leaf: Ref | Param) -> Ref | Param:
        return Ref(self.renamed.get(leaf.value, leaf.value)) if isinstance(leaf, Ref) else leaf

    def _current(self, layer: Layer) -> Layer:
        """A layer that reads what stands for absorbed layers."""
        if not any(name in self.renamed for name in layer.inputs):
            return layer
        return replace(
            layer, args=replace_leaves(layer.args, self._leaf), kwargs=replace_leaves(dict(layer.kwargs), self._leaf)
        )

    # -- what may be absorbed --------------------------------------------------------------------

    def _behind(self, layer: Layer, argument: int = 0) -> tuple[Layer | None, list[Layer], list[str]]:
        """What computes a layer's input.

        Returns
        -------
        unit : Layer | None
        moves : list of Layer
            Between the two, the nearest to `layer` first.
        names : list of str
            Values from the one to the other, under their names in the graph before.
        """
        first, original = layer.args[argument], self.graph.by_id[layer.id].args[argument]
        if not isinstance(first, Ref):
            return None, [], []
        names, moves, value = [original.value], [], first.value
        unit = self.units.get(value)
        while unit is not None and only_moves(unit):
            moves.append(unit)
            names.append(value)
            value = unit.args[0].value
            unit = self.units.get(value)
        return unit, moves, [*names, value]

    def _free(self, names: Sequence[str], reader: Layer, what: str = Text("its input")) -> str | None:
        """Why values between two layers cannot disappear, or None."""
        for value in names:
            if value in self.graph.output_values:
                return Text("{what} is also an output of the model", what=what)
            if self.reads[value] > 1:
                others = [item.id for item in self.graph.consumers[value] if item.id != reader.id]
                return Text("{what} is also read by {others}", what=what, others=others[0])
        return None

    def _note(self, layer: Layer, unit: Layer | None, reason: str | None) -> bool:
        """Write the ledger's row; True where the fusion is to be done."""
        state = "blocked" if reason else "off" if layer.id in self.off else "fused"
        chain = [layer] if unit is None else [unit, *unit.fused, layer]
        chain.sort(key=lambda item: self.order[item.id])
        pattern = "+".join(item.op for item in chain)
        self.rows.append(FusionRow(layer.id, tuple(item.id for item in chain), pattern, state, reason))
        return state == "fused"

    def _absorb(self, unit: Layer, moves: Sequence[Layer], part: Layer, grown: Layer) -> None:
        """Put a grown unit in its old place in the order, under its new value.

        Behind operators that move values `part` was computed on moved values; it is now computed
        before them, and what they make stands for it.
        """
        old = unit.value
        self.units = {
            (grown.value if name == old else name): (grown if name == old else other)
            for name, other in self.units.items()
        }
        self.stands_for.pop(unit.id, None)
        if moves:
            first = moves[-1]
            self.units[first.value] = replace(first, args=(Ref(grown.value), *first.args[1:]))
            self.renamed[part.value] = moves[0].value
            self.stands_for[unit.id] = (part.value, moves[0].value)
            # The channels of what calibration sees under this name are those before the move.
            self.statistics[grown.value] = f"{part.id} before {first.id}"

    def _param(self, layer: Layer, role: str) -> torch.Tensor | None:
        return self.params[layer.roles[role]] if role in layer.roles else None

    def _scale_and_shift(self, norm: Layer) -> tuple[torch.Tensor, torch.Tensor]:
        mean, var = (self.params[norm.roles[role]] for role in ("running_mean", "running_var"))
        return scale_and_shift(self._param(norm, "weight"), self._param(norm, "bias"), mean, var, norm.args[7])

    def _with_weights(self, unit: Layer, norm: Layer, weight: torch.Tensor, bias: torch.Tensor) -> Layer:
        roles = {"weight": f"{unit.id}.weight+{norm.id}", "bias": f"{unit.id}.bias+{norm.id}"}
        self.params[roles["weight"]], self.params[roles["bias"]] = weight, bias
        args = (unit.args[0], Param(roles["weight"]), Param(roles["bias"]), *unit.args[3:])
        return replace(unit, args=args, roles=roles)

    # -- BatchNorm -------------------------------------------------------------------------------

    def _fold_norm(self, norm: Layer) -> bool:
        """Fold into the layer before, else leave word for the layer after."""
        unit, moves, names = self._behind(norm)
        reason = self._no_statistics(norm) or self._not_into(norm, unit, moves, names)
        if reason is None and unit is not None:
            if not self._note(norm, unit, None):
                return False
            transposed = unit.op.startswith("conv_transpose")
            weight, bias = fold_batch_norm(
                self.params[unit.roles["weight"]],
                self._param(unit, "bias"),
                *self._scale_and_shift(norm),
                axis=int(transposed),
                groups=unit.args[6] if transposed else 1,
            )
            grown = self._with_weights(unit, norm, weight, bias)
            grown = replace(grown, fused=(*unit.fused, norm), folded=(*unit.folded, norm.id))
            self._absorb(unit, moves, norm, grown)
            return True
        after, repeat, hindrance = self._after(norm)
        if hindrance is None and after is not None and self._no_statistics(norm) is None:
            if not self._note(norm, after, None):
                return False
            self.coming[after.id] = (norm, repeat)
            self.renamed[norm.value] = norm.args[0].value
            return True
        self._note(norm, unit, f"{reason}; {hindrance}" if hindrance else reason)
        return False

    def _no_statistics(self, norm: Layer) -> str | None:
        if norm.args[5]:
            return Text("it is in train mode, its statistics change with every batch")
        if not isinstance(norm.args[0], Ref) or not {"running_mean", "running_var"} <= set(norm.roles):
            return Text("it has no stored statistics")
        if any(norm.args[1 + i] is not None and role not in norm.roles for i, role in enumerate(("weight", "bias"))):
            return Text("its parameters are computed at run time")
        return None

    def _not_into(self, norm: Layer, unit: Layer | None, moves: Sequence[Layer], names: Sequence[str]) -> str | None:
        """Why a BatchNorm cannot go into the layer before it, or None."""
        if unit is None or unit.op not in FOLDABLE:
            before = Text("the model's input") if unit is None else unit.id
            return Text("what comes before it is no convolution or linear layer ({before})", before=before)
        if unit.executed:
            return Text("{between} stands between it and {unit}", between=unit.executed[-1].id, unit=unit.id)
        if reason := _computed_weight(unit):
            return reason
        place: tuple[int, int] | None = (_channel_axis(unit), 1)
        before_move = unit
        for move in reversed(moves):
            place = None if place is None else followed(move, before_move, *place)
            before_move = move
        if place != (1, 1):
            what = Text("the linear layer's outputs") if unit.op == "linear" else Text("the convolution's channels")
            return Text("it normalizes another axis than {what}", what=what)
        return self._free(names, norm)

    def _after(self, norm: Layer) -> tuple[Layer | None, int, str | None]:
        """The layer after a BatchNorm that could take it, how its channels repeat there, or why it cannot."""
        here, place = self.graph.by_id[norm.id], (1, 1)
        while True:
            readers = self.graph.consumers.get(here.value, ())
            if not readers or (readers[0].op not in FOLDABLE and not only_moves(readers[0])):
                return None, 1, None
            after = readers[0]
            if reason := self._free([here.value], after, Text("its result")):
                return None, 1, reason
            if after.op in FOLDABLE:
                break
            moved = followed(after, here, *place)
            if moved is None:
                return None, 1, Text("{after} mixes its channels with another axis", after=after.id)
            here, place = after, moved
        if after.args[0] != Ref(here.value):
            return None, 1, Text("it makes the weight of {after}", after=after.id)
        rank = len(here.shape)
        if place[0] != (rank - 1 if after.op == "linear" else 1) or (after.op != "linear" and place[1] != 1):
            return None, 1, Text("{after} adds up another axis than its channels", after=after.id)
        return after, place[1], _computed_weight(after) or _border(after, self.params)

    def _take_norm(self, layer: Layer) -> Layer:
        """Take in the BatchNorm that left word."""
        if layer.id not in self.coming:
            return layer
        norm, repeat = self.coming[layer.id]
        transposed = layer.op.startswith("conv_transpose")
        weight, bias = fold_into_next(
            self.params[layer.roles["weight"]],
            self._param(layer, "bias"),
            *self._scale_and_shift(norm),
            axis=0 if transposed else 1,
            groups=1 if layer.op == "linear" else layer.args[6],
            repeat=repeat,
        )
        grown = self._with_weights(layer, norm, weight, bias)
        return replace(grown, fused=(norm,), folded=(norm.id,), before=(norm.id,))

    def _fold_constant(self, layer: Layer) -> bool:
        """Fold a multiplication by, or an addition of, stored numbers: what became of a BatchNorm that was frozen."""
        argument = next((i for i, item in enumerate(layer.args[:2]) if isinstance(item, Ref)), 0)
        unit, moves, names = self._behind(layer, argument)
        if unit is None or unit.op not in FOLDABLE or moves or "weight" not in unit.roles:
            return False
        transposed = unit.op.startswith("conv_transpose")
        weight, groups = self.params[unit.roles["weight"]], unit.args[6] if transposed else 1
        channels = weight.shape[1] * groups if transposed else weight.shape[0]
        found = by_channel(layer, unit, _channel_axis(unit), channels, self.params)
        if found is None:
            return False
        reason = _computed_weight(unit) or self._free(names, layer)
        if unit.executed:
            reason = Text("{between} stands between it and {unit}", between=unit.executed[-1].id, unit=unit.id)
        if not self._note(layer, unit, reason):
            return False
        folded = fold_batch_norm(weight, self._param(unit, "bias"), *found[1:], axis=int(transposed), groups=groups)
        grown = self._with_weights(unit, layer, *folded)
        self._absorb(unit, (), layer, replace(grown, fused=(*unit.fused, layer), folded=(*unit.folded, layer.id)))
        return True

    # -- clips, curves, additions and paddings -----------------------------------------------------

    def _absorb_clip(self, clip: Layer) -> bool:
        unit, moves, names = self._behind(clip)
        if unit is None or unit.op not in FOLDABLE | {"add", "batch_norm"}:
            return False
        if unit.op == "batch_norm":
            self._note(clip, unit, Text("{unit} before it is not folded", unit=unit.id))
            return False
        last = unit.executed[-1] if unit.executed else unit
        reason: str | None = None
        if last is not unit and last.op != "add":
            reason = Text("{between} stands between it and {unit}", between=last.id, unit=unit.id)
        elif not has_constant_limits(clip):
            reason = Text("its limits are tensors, not numbers")
        else:
            reason = self.apart.get((last.id, clip.id)) or self._free(names, clip)
        if not self._note(clip, unit, reason):
            return False
        self._put_behind(unit, moves, clip)
        return True

    def _absorb_curve(self, curve: Layer) -> bool:
        unit, moves, names = self._behind(curve)
        if unit is None or unit.op not in FOLDABLE or unit.executed or self._free(names, curve) is not None:
            return False
        reason = self.apart.get((unit.id, curve.id))
        if curve.op in OF_ONE_ENGINE and reason is not None and reason.startswith(NO_KERNEL):
            return False
        if not self._note(curve, unit, reason):
            return False
        self._put_behind(unit, moves, curve)
        return True

    def _put_behind(self, unit: Layer, moves: Sequence[Layer], part: Layer) -> None:
        """Absorb what treats every value alike."""
        moved = replace(part, args=(Ref(unit.value), *part.args[1:])) if moves else part
        self._absorb(unit, moves, part, replace(unit, fused=(*unit.fused, moved)))

    def _absorb_add(self, add: Layer) -> bool:
        """Fuse an addition to one of the layers that it reads, the later one where both would do."""
        found: list[tuple[str | None, Layer]] = []
        for argument in range(2 if len(add.inputs) == 2 else 0):
            unit, moves, names = self._behind(add, argument)
            if unit is not None and unit.op in FOLDABLE and not unit.executed and self._free(names, add) is None:
                found.append((self._not_summed(add, argument, unit, moves), unit))
        if not found:
            return False
        reason, unit = max(found, key=lambda item: (item[0] is None, self.order[item[1].id]))
        if not self._note(add, unit, reason):
            return False
        del self.units[unit.value]
        grown = replace(unit, fused=(*unit.fused, add))
        self.units[grown.value] = grown  # behind what it adds
        self.stands_for.pop(unit.id, None)
        return True

    def _not_summed(self, add: Layer, argument: int, unit: Layer, moves: Sequence[Layer]) -> str | None:
        """Why a layer's kernel cannot add the other argument, or None where it can."""
        if reason := self.apart.get((unit.id, add.id)):
            return reason
        if moves:
            return Text("{between} stands between it and {unit}", between=moves[0].id, unit=unit.id)
        own = self.graph.by_id[add.id]
        value = own.args[1 - argument].value
        maker = self.graph.producer.get(value)
        shape = maker.shape if maker is not None else next(s.shape for s in self.graph.inputs if s.name == value)
        if own.kwargs.get("alpha", 1) != 1 or tuple(shape[1:]) != tuple(unit.shape[1:]):
            return Text("it scales or repeats what is added")
        if add.args[1 - argument].value in unit.inputs:
            return Text("what is added is also the input of {unit}, and the kernel writes over it", unit=unit.id)
        return in_place_of(self.graph, value, self.graph.by_id[unit.id], own)

    def _take_padding(self, conv: Layer) -> Layer:
        first = conv.args[0]
        value = first.value if isinstance(first, Ref) else ""
        unit = self.units.get(value)
        if unit is None or unit.op != "pad" or conv.op == "linear":
            return conv
        spatial = int(conv.op[-2])
        sides = unit.args[1]
        reason: str | None = None
        if not pads_zeros(unit):
            reason = Text("it does not pad with zeros")
        elif conv.op.startswith("conv_transpose") or not conv.target.endswith(".default"):
            reason = Text("{conv} has no padding of this kind", conv=conv.id)
        elif not all(isinstance(n, int) and n >= 0 for n in sides) or len(sides) > 2 * spatial:
            reason = Text("it crops, or pads another axis than the convolution's")
        elif any(sides[2 * i] != sides[2 * i + 1] for i in range(len(sides) // 2)):
            reason = Text("it pads one side more than the other")
        else:
            reason = self._free([value], conv)
        if not self._note(unit, conv, reason):
            return conv
        added = [0] * spatial
        for i in range(len(sides) // 2):  # F.pad counts axes from the last
            added[spatial - 1 - i] = sides[2 * i]
        padding = list(conv.args[4]) * (spatial if len(conv.args[4]) == 1 else 1)
        args = (unit.args[0], *conv.args[1:4], [p + a for p, a in zip(padding, added, strict=True)], *conv.args[5:])
        del self.units[value]
        return replace(
            conv,
            args=args,
            fused=(unit, *conv.fused),
            folded=(unit.id, *conv.folded),
            before=(unit.id, *conv.before),
        )


def _channel_axis(unit: Layer) -> int:
    """Where a convolution's or linear layer's output channels stand."""
    if unit.op == "linear":
        return len(unit.shape) - 1
    return len(unit.shape) - 1 - int(unit.op[-2])


def _computed_weight(layer: Layer) -> str | None:
    if "weight" not in layer.roles or (layer.args[2] is not None and "bias" not in layer.roles):
        return Text("the weight of {layer} is computed at run time", layer=layer.id)
    return None


def _border(layer: Layer, params: Mapping[str, torch.Tensor]) -> str | None:
    """Why not all outputs of a layer add up products with all its weights, or None where they do."""
    if layer.op == "linear":
        return None
    if len(layer.shape) != int(layer.op[-2]) + 2:
        return Text("{layer} has no batch", layer=layer.id)
    if layer.op.startswith("conv_transpose"):
        stride, _, output_padding, _, _ = layer.args[3:8]
        alone = max(params[layer.roles["weight"]].shape[2:]) == 1
        if alone and set(stride) == {1} and set(output_padding) == {0}:
            return None
        return Text("the outputs of {layer} add up different numbers of products", layer=layer.id)
    if layer.args[4] == "valid" or (not isinstance(layer.args[4], str) and set(layer.args[4]) == {0}):
        return None
    if layer.args[4] == "same" and max(params[layer.roles["weight"]].shape[2:]) == 1:
        return None
    return Text("{layer} pads with zeros, which have not been normalized", layer=layer.id)
