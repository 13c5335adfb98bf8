"""ONNX's LSTM, GRU and RNN as torch's, their gates put into torch's order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from ...backends.onnx.cells import KINDS
from ...backends.onnx.naming import LAYER
from ...text import Text
from .call import Call, Function

GATES = {"LSTM": (0, 2, 3, 1), "GRU": (1, 0, 2), "RNN": (0,)}
"""Where each of torch's gates (LSTM: i f g o, GRU: r z n) is among ONNX's (i o f c; z r h)."""

ACTIVATIONS = {"LSTM": ["sigmoid", "tanh", "tanh"], "GRU": ["sigmoid", "tanh"], "RNN": ["tanh"]}


def _reordered(stored: torch.Tensor, order: tuple[int, ...]) -> torch.Tensor:
    parts = stored.chunk(len(order), 0)
    return torch.cat([parts[index] for index in order], 0)


def _recurrent(kind: str) -> Function:
    def run(c: Call) -> tuple[Any, ...]:
        x, w, r = c.tensor(0), c.tensor(1), c.tensor(2)
        directions, hidden, order = w.shape[0], int(c.get("hidden_size", r.shape[-1])), GATES[kind]
        rnn: tuple[Any, Any] = (torch.rnn_tanh, torch.rnn_tanh_cell)
        if _is_relu(c, kind, directions):
            rnn = torch.rnn_relu, torch.rnn_relu_cell
        _refuse_unknown(c, kind, x.shape[0])
        weights: list[torch.Tensor] = []
        for index in range(directions):
            weights += [_reordered(w[index], order), _reordered(r[index], order)]
            if c.has(3):
                weights += [_reordered(part, order) for part in c.tensor(3)[index].chunk(2, 0)]
        places = (5, 6) if kind == "LSTM" else (5,)
        state = [c.tensor(i) if c.has(i) else torch.zeros(directions, x.shape[1], hidden) for i in places]
        whole, cell = {"LSTM": (torch.lstm, torch.lstm_cell), "GRU": (torch.gru, torch.gru_cell), "RNN": rnn}[kind]
        if _is_cell(c) and directions == 1 and x.shape[0] == 1:
            before = [part.squeeze(0) for part in state]
            made = cell(x.squeeze(0), before if kind == "LSTM" else before[0], *weights)
            step = made if isinstance(made, tuple) else (made,)
            return (step[0][None, None], *(part[None] for part in step))
        settings = (weights, c.has(3), 1, 0.0, False, directions == 2, False)
        found = whole(x, state if kind == "LSTM" else state[0], *settings)
        # torch puts the directions side by side in the last axis, ONNX on an axis of their own.
        y = found[0].unflatten(-1, (directions, hidden)).transpose(1, 2) if directions == 2 else found[0].unsqueeze(1)
        return (y, *found[1:])

    return run


def _is_relu(c: Call, kind: str, directions: int) -> bool:
    """Whether an RNN clips its sums in place of taking their tanh."""
    named = [name.lower() for name in c.get("activations", ACTIVATIONS[kind] * directions)]
    relu = kind == "RNN" and named == ["relu"] * directions
    if (named != ACTIVATIONS[kind] * directions and not relu) or c.get("clip") is not None:
        raise c.refuse(Text("has activations or a clip that torch's has not"))
    return relu


def _refuse_unknown(c: Call, kind: str, length: Any) -> None:
    """Refuse what torch's operator cannot do."""
    if c.get("layout", 0) or c.has(7) or c.get("input_forget", 0) or c.get("direction", "forward") == "reverse":
        raise c.refuse(Text("runs backwards, batch first, with peepholes or with coupled gates"))
    if kind == "GRU" and not c.get("linear_before_reset", 0):
        raise c.refuse(Text("resets before its product, which torch's does not"))
    if c.has(4) and not _whole(c, length):
        raise c.refuse(Text("takes sequences of several lengths"))


def _is_cell(c: Call) -> bool:
    """Whether an export of this program wrote a cell as a sequence of one step."""
    return c.op.meta.get(LAYER, "").rpartition(":")[2].startswith(tuple(KINDS))


def _whole(c: Call, length: Any) -> bool:
    return c.known(4) and isinstance(length, int) and all(int(n) == length for n in c.values[4])


RECURRENT: Mapping[str, Function] = {kind: _recurrent(kind) for kind in GATES}
