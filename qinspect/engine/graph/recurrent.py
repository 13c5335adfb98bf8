"""LSTM and GRU, and their cells, with rounded weights and with what they read rounded at run time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F

from . import Layer, LayerGraph

RECURRENT = frozenset({"lstm", "gru", "lstm_cell", "gru_cell"})
"""Layers with several weights, which read their own state."""

Rounding = Callable[[torch.Tensor], torch.Tensor]


def matrices(graph: LayerGraph, layer: Layer) -> dict[str, torch.Tensor]:
    """The weights of a recurrent layer by role: ``weight_ih_l0``, ``weight_hh_l0``, ...; without biases."""
    return {role: graph.params[key] for role, key in layer.roles.items() if role.startswith("weight")}


def weight_name(layer: Layer, role: str) -> str:
    """Under which name the grid of one of a recurrent layer's weights stands, beside those of other layers by id."""
    return f"{layer.id}/{role}"


def run_rounded(layer: Layer, args: Sequence[Any], weights: Mapping[str, torch.Tensor], rounded: Rounding) -> Any:
    """What a recurrent layer hands on, as torch's dynamic kernels compute it.

    The input is rounded with the range of the whole sequence, the state at every step with the range that
    it has then; sums, gates and states are float.

    Parameters
    ----------
    layer : Layer
    args : sequence
        The operator's arguments, tensors in the places of `Ref` and `Param`; weights are not looked at.
    weights : mapping of role to torch.Tensor
        Biases included.
    rounded : callable
        Rounds a tensor with the range that it has.
    """
    states = tuple(args[1]) if layer.op.startswith("lstm") else (args[1],)
    if layer.op.endswith("_cell"):
        sums = F.linear(rounded(args[0]), weights["weight_ih"], weights.get("bias_ih"))
        step = _step(layer.op, sums, states, weights["weight_hh"], weights.get("bias_hh"), rounded)
        return step if layer.op == "lstm_cell" else step[0]
    x, count, both, batch_first = args[0], args[4], args[7], args[8]
    x = x.transpose(0, 1) if batch_first else x
    last: list[tuple[torch.Tensor, ...]] = []
    for index in range(count):
        sides = []
        for way in ("", "_reverse") if both else ("",):
            end = f"_l{index}{way}"
            w_hh, b_hh = weights[f"weight_hh{end}"], weights.get(f"bias_hh{end}")
            state = tuple(s[len(last)] for s in states)
            sums = F.linear(rounded(x), weights[f"weight_ih{end}"], weights.get(f"bias_ih{end}"))
            made: list[torch.Tensor] = []
            for place in reversed(range(len(sums))) if way else range(len(sums)):
                state = _step(layer.op, sums[place], state, w_hh, b_hh, rounded)
                made.append(state[0])
            sides.append(torch.stack(made[::-1] if way else made))
            last.append(state)
        x = torch.cat(sides, -1)
    out = x.transpose(0, 1) if batch_first else x
    return (out, *(torch.stack(parts) for parts in zip(*last, strict=True)))


def _step(
    op: str,
    sums: torch.Tensor,
    state: tuple[torch.Tensor, ...],
    weight: torch.Tensor,
    bias: torch.Tensor | None,
    rounded: Rounding,
) -> tuple[torch.Tensor, ...]:
    """The next state from the products with the input (gates i f g o of an LSTM, r z n of a GRU) and the last state."""
    hidden = F.linear(rounded(state[0]), weight, bias)
    if op.startswith("lstm"):
        i, f, g, o = (sums + hidden).chunk(4, -1)
        cell = torch.sigmoid(f) * state[1] + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(cell), cell
    one, two = sums.chunk(3, -1), hidden.chunk(3, -1)
    reset, update = torch.sigmoid(one[0] + two[0]), torch.sigmoid(one[1] + two[1])
    new = torch.tanh(one[2] + reset * two[2])
    return ((state[0] - new) * update + new,)
