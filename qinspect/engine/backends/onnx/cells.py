"""torch's cells as ONNX's LSTM, GRU and RNN over a sequence of one step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper

from ...graph import Layer, LayerGraph

Array = NDArray[Any]

KINDS = {"lstm_cell": "LSTM", "gru_cell": "GRU", "rnn_cell": "RNN"}
"""Operators by canonical one."""

GATES = {"LSTM": (0, 3, 1, 2), "GRU": (1, 0, 2), "RNN": (0,)}
"""Where each of ONNX's gates (i o f c; z r h) is among torch's (i f g o; r z n)."""


def one_step(
    graph: LayerGraph,
    layer: Layer,
    inputs: Sequence[str],
    outputs: Sequence[str],
    constant: Callable[[Array, str], str],
) -> list[onnx.NodeProto]:
    """The operators of a cell: a recurrent one, and around it what adds and takes off the axes that a cell has not.

    Parameters
    ----------
    graph : LayerGraph
    layer : Layer
        One of `KINDS`.
    inputs : sequence of str
        Tensors of the input (N, in), the hidden state (N, hidden) and, of an LSTM's, the cell state.
    outputs : sequence of str
        Tensors of the next states.
    constant : callable
        Stores an array under a name, and gives that name back.
    """
    kind = KINDS[layer.op]
    weights = {role: graph.params[key].detach().numpy() for role, key in layer.roles.items()}
    stored = [
        constant(_reordered(weights[role], kind)[None], f"{layer.id}/{name}")
        for role, name in (("weight_ih", "W"), ("weight_hh", "R"))
    ]
    if "bias_ih" in weights:
        both = np.concatenate([_reordered(weights[role], kind) for role in ("bias_ih", "bias_hh")])
        stored.append(constant(both[None], f"{layer.id}/B"))
    settings: dict[str, Any] = {"hidden_size": weights["weight_hh"].shape[1]}
    if kind == "GRU":
        settings["linear_before_reset"] = 1
    if layer.target.startswith("aten.rnn_relu"):
        settings["activations"] = ["Relu"]
    first = constant(np.array([0], np.int64), f"{layer.id}/axis")
    states = ["h", "c"][: len(outputs)]
    read = [f"{layer.id}/{name}" for name in ("x", *states)]
    made = [f"{layer.id}/{name}" for name in ("all", *(f"last {state}" for state in states))]
    nodes = [helper.make_node("Unsqueeze", [name, first], [one], one) for name, one in zip(inputs, read, strict=True)]
    biased = stored if len(stored) == 3 else [*stored, ""]
    nodes.append(helper.make_node(kind, [read[0], *biased, "", *read[1:]], made, layer.id, **settings))
    nodes += [
        helper.make_node("Squeeze", [name, first], [one], f"{name}/flat")
        for name, one in zip(made[1:], outputs, strict=True)
    ]
    return nodes


def _reordered(weight: Array, kind: str) -> Array:
    parts = np.split(weight, len(GATES[kind]))
    return np.concatenate([parts[gate] for gate in GATES[kind]])
