"""Folding and fusing, with a ledger of every candidate."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch

from .graph import Layer, LayerGraph, Param, Ref
from .plan import QuantPlan
from .results import FusionRow

FOLDABLE = frozenset(
    {"conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "linear"}
)
CLIPS = frozenset({"relu", "relu6", "hardtanh", "clamp"})


@dataclass(frozen=True)
class Fused:
    """A graph whose layers have absorbed others, and the ledger of all candidates."""

    graph: LayerGraph
    rows: tuple[FusionRow, ...]


def fuse(graph: LayerGraph, plan: QuantPlan) -> Fused:
    """Fold BatchNorms and paddings, fuse activations that clip, as the plan wants.

    Patterns: (pad +) conv/linear (+ batch_norm) (+ relu, relu6, hardtanh, clamp), add + the same.
    A candidate's identity is the id of the layer that would be absorbed.

    Parameters
    ----------
    graph : LayerGraph
        Canonical.
    plan : QuantPlan
        Its ``fusions`` say what is off.

    Returns
    -------
    Fused
        The graph computes the same up to rounding; its new weights are computed in float64.
    """
    return _Fuser(graph, plan).run()


class _Fuser:
    def __init__(self, graph: LayerGraph, plan: QuantPlan) -> None:
        self.graph = graph
        self.off = {identity for identity, on in plan.fusions if not on}
        self.params = dict(graph.params)
        self.units: dict[str, Layer] = {}  # by the value they hand on, in execution order
        self.rows: list[FusionRow] = []
        self.refs: dict[str, int] = {}
        for layer in graph.layers:
            for name in layer.inputs:
                self.refs[name] = self.refs.get(name, 0) + 1

    def run(self) -> Fused:
        for layer in self.graph.layers:
            if layer.op in FOLDABLE:
                layer = self._take_padding(layer)
            elif layer.op == "batch_norm":
                if self._fold_norm(layer):
                    continue
            elif layer.op in CLIPS and self._absorb_clip(layer):
                continue
            self.units[layer.value] = layer
        layers = tuple(self.units.values())
        used = {leaf.key for layer in layers for part in (layer, *layer.executed) for leaf in _params(part)}
        used |= {leaf.key for leaf in _tree_params(self.graph.outputs)}
        params = {key: tensor for key, tensor in self.params.items() if key in used}
        graph = LayerGraph(self.graph.inputs, layers, self.graph.outputs, params)
        return Fused(graph, tuple(self.rows))

    # -- what may be absorbed --------------------------------------------------------------------

    def _source(self, layer: Layer) -> tuple[str, Layer | None]:
        first = layer.args[0]
        name = first.value if isinstance(first, Ref) else ""
        return name, self.units.get(name)

    def _free(self, value: str, reader: Layer) -> str | None:
        """Why the value cannot disappear, or None."""
        if value in self.graph.output_values:
            return "its input is also an output of the model"
        if self.refs.get(value, 0) > 1:
            others = [item.id for item in self.graph.consumers[value] if item.id != reader.id]
            return f"its input is also read by {others[0]}" if others else "its input is read twice"
        return None

    def _note(self, layer: Layer, unit: Layer | None, reason: str | None, front: bool = False) -> bool:
        """Write the ledger's row; True where the fusion is to be done."""
        state = "blocked" if reason else "off" if layer.id in self.off else "fused"
        if unit is None:
            chain = [layer]
        else:
            chain = [layer, unit] if front else [*_chain(unit), layer]
        pattern = "+".join(item.op for item in chain)
        self.rows.append(FusionRow(layer.id, tuple(item.id for item in chain), pattern, state, reason))
        return state == "fused"

    def _fold_norm(self, norm: Layer) -> bool:
        value, unit = self._source(norm)
        reason: str | None = None
        if unit is None or unit.op not in FOLDABLE:
            before = "the model's input" if unit is None else unit.id
            reason = f"what comes before it is no convolution or linear layer ({before})"
        elif unit.executed:
            reason = f"{unit.executed[-1].id} stands between it and {unit.id}"
        elif norm.args[5]:
            reason = "it is in train mode, its statistics change with every batch"
        elif "weight" not in unit.roles or (unit.args[2] is not None and "bias" not in unit.roles):
            reason = f"the weight of {unit.id} is computed at run time"
        elif not {"running_mean", "running_var"} <= set(norm.roles):
            reason = "it has no stored statistics"
        elif unit.op == "linear" and len(unit.shape) != 2:
            reason = "it normalizes another axis than the linear layer's outputs"
        else:
            reason = self._free(value, norm)
        if not self._note(norm, unit, reason):
            return False
        assert unit is not None
        weight, bias = fold_batch_norm(
            self.params[unit.roles["weight"]],
            self.params[unit.roles["bias"]] if "bias" in unit.roles else None,
            *(self._param(norm, role) for role in ("weight", "bias", "running_mean", "running_var")),
            eps=norm.args[7],
            axis=1 if unit.op.startswith("conv_transpose") else 0,
            groups=unit.args[6] if unit.op.startswith("conv_transpose") else 1,
        )
        roles = {"weight": f"{unit.id}.weight+{norm.id}", "bias": f"{unit.id}.bias+{norm.id}"}
        self.params[roles["weight"]], self.params[roles["bias"]] = weight, bias
        args = (unit.args[0], Param(roles["weight"]), Param(roles["bias"]), *unit.args[3:])
        self._swap(
            value, replace(unit, args=args, roles=roles, fused=(*unit.fused, norm), folded=(*unit.folded, norm.id))
        )
        return True

    def _param(self, layer: Layer, role: str) -> torch.Tensor | None:
        return self.params[layer.roles[role]] if role in layer.roles else None

    def _absorb_clip(self, clip: Layer) -> bool:
        value, unit = self._source(clip)
        if unit is None or unit.op not in FOLDABLE | {"add", "batch_norm"}:
            return False
        if unit.op == "batch_norm":
            self._note(clip, unit, f"{unit.id} before it is not folded")
            return False
        reason: str | None = None
        if unit.executed:
            reason = f"{unit.executed[-1].id} stands between it and {unit.id}"
        elif any(isinstance(item, Ref) for item in clip.args[1:]):
            reason = "its limits are computed at run time"
        else:
            reason = self._free(value, clip)
        if not self._note(clip, unit, reason):
            return False
        self._swap(value, replace(unit, fused=(*unit.fused, clip)))
        return True

    def _take_padding(self, conv: Layer) -> Layer:
        value, unit = self._source(conv)
        if unit is None or unit.op != "pad" or conv.op == "linear":
            return conv
        spatial = int(conv.op[-2])
        sides, constant = unit.args[1], (unit.args[3] if unit.target == "aten.pad.default" else unit.args[2])
        mode = unit.args[2] if unit.target == "aten.pad.default" else "constant"
        reason: str | None = None
        if (
            not unit.target.startswith(("aten.pad.", "aten.constant_pad_nd."))
            or mode != "constant"
            or constant not in (None, 0, 0.0)
        ):
            reason = "it does not pad with zeros"
        elif conv.op.startswith("conv_transpose") or not conv.target.endswith(".default"):
            reason = f"{conv.id} has no padding of this kind"
        elif not all(isinstance(n, int) and n >= 0 for n in sides) or len(sides) > 2 * spatial:
            reason = "it crops, or pads another axis than the convolution's"
        elif any(sides[2 * i] != sides[2 * i + 1] for i in range(len(sides) // 2)):
            reason = "it pads one side more than the other"
        else:
            reason = self._free(value, conv)
        if not self._note(unit, conv, reason, front=True):
            return conv
        added = [0] * spatial
        for i in range(len(sides) // 2):  # F.pad counts axes from the last
            added[spatial - 1 - i] = sides[2 * i]
        padding = list(conv.args[4]) * (spatial if len(conv.args[4]) == 1 else 1)
        args = (unit.args[0], *conv.args[1:4], [p + a for p, a in zip(padding, added, strict=True)], *conv.args[5:])
        del self.units[value]
        return replace(conv, args=args, fused=(unit,), folded=(unit.id,), before=(unit.id,))

    def _swap(self, value: str, unit: Layer) -> None:
        """Put a grown unit in its old place in the order, under its new value."""
        self.units = {
            (unit.value if name == value else name): (unit if name == value else old)
            for name, old in self.units.items()
        }


def fold_batch_norm(
    weight: torch.Tensor,
    bias: torch.Tensor | None,
    gamma: torch.Tensor | None,
    beta: torch.Tensor | None,
    mean: torch.Tensor | None,
    var: torch.Tensor | None,
    *,
    eps: float,
    axis: int = 0,
    groups: int = 1,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Fold a BatchNorm into the layer before it.

    ``W'_k = gamma_k W_k / sqrt(var_k + eps)`` and
    ``b'_k = beta_k + gamma_k (b_k - mean_k) / sqrt(var_k + eps)``, per output channel k
    (Jacob et al. 2018, section 3.2), computed in float64.

    Parameters
    ----------
    weight : torch.Tensor
        Output channels on `axis`; for transposed convolutions shape (in, out / groups, ...).
    bias, gamma, beta, mean, var : torch.Tensor | None
        Shape (out,); None stands for 0, 1, 0, 0 and 1.
    eps : float
        The BatchNorm's.
    axis, groups : int
        1 and the number of groups for transposed convolutions.

    Returns
    -------
    weight, bias
        In the dtype of `weight`.
    """
    channels = weight.shape[axis] * (groups if axis == 1 else 1)
    ones = torch.ones(channels, dtype=torch.float64)
    zeros = torch.zeros(channels, dtype=torch.float64)
    factor = (ones if gamma is None else gamma.double()) / torch.sqrt((ones if var is None else var.double()) + eps)
    if axis == 0:
        folded = weight.double() * factor.reshape(-1, *[1] * (weight.dim() - 1))
    else:
        grouped = weight.double().reshape(groups, weight.shape[0] // groups, *weight.shape[1:])
        folded = (grouped * factor.reshape(groups, 1, -1, *[1] * (weight.dim() - 2))).reshape(weight.shape)
    shifted = (zeros if bias is None else bias.double()) - (zeros if mean is None else mean.double())
    new_bias = (zeros if beta is None else beta.double()) + factor * shifted
    return folded.to(weight.dtype), new_bias.to(weight.dtype)


def _chain(unit: Layer) -> list[Layer]:
    """A layer with all that it absorbed, in the order in which they stood."""
    front = [layer for layer in unit.fused if layer.id in unit.before]
    return [*front, unit, *(layer for layer in unit.fused if layer.id not in unit.before)]


def _params(layer: Layer) -> list[Param]:
    return _tree_params((layer.args, dict(layer.kwargs)))


def _tree_params(tree: Any) -> list[Param]:
    if isinstance(tree, Param):
        return [tree]
    items = tree.values() if isinstance(tree, dict) else tree if isinstance(tree, (tuple, list)) else ()
    return [leaf for item in items for leaf in _tree_params(item)]
