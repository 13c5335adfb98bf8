"""torch's recurrent layers, and their cells over a sequence of one step, as ONNX's LSTM, GRU and RNN."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper

from ...graph import Layer, LayerGraph

Array = NDArray[Any]

KINDS = {"lstm_cell": "LSTM", "gru_cell": "GRU", "rnn_cell": "RNN"}
SEQUENCES = {"lstm": "LSTM", "gru": "GRU", "rnn": "RNN"}
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
    stored = [constant(array, f"{layer.id}/{name}") for name, array in _stored([weights], kind).items()]
    settings = _settings(layer, kind, weights["weight_hh"].shape[1])
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


def sequence(
    graph: LayerGraph,
    layer: Layer,
    inputs: Sequence[str],
    outputs: Sequence[str],
    constant: Callable[[Array, str], str],
) -> list[onnx.NodeProto]:
    """The operators of a recurrent layer: one recurrent one for each level, whose directions are two axes in ONNX.

    Parameters
    ----------
    graph : LayerGraph
    layer : Layer
        One of `SEQUENCES`.
    inputs : sequence of str
        Tensors of the sequence and of the first states (levels times directions, N, hidden).
    outputs : sequence of str
        Tensors of the sequence of hidden states and of the last states.
    constant : callable
        Stores an array under a name, and gives that name back.
    """
    kind = SEQUENCES[layer.op]
    count, both, batch_first = layer.args[4], layer.args[7], layer.args[8]
    weights = {role: graph.params[key].detach().numpy() for role, key in layer.roles.items()}
    ways = ("", "_reverse") if both else ("",)
    nodes: list[onnx.NodeProto] = []

    def node(op: str, read: Sequence[str], made: Sequence[str], **attributes: Any) -> None:
        nodes.append(helper.make_node(op, read, made, made[0], **attributes))

    x = inputs[0]
    if batch_first:
        node("Transpose", [x], [f"{layer.id}/x"], perm=[1, 0, 2])
        x = f"{layer.id}/x"
    last: list[list[str]] = []
    for level in range(count):
        stem = f"{layer.id}/l{level}"
        ends = [f"_l{level}{way}" for way in ways]
        parts = [{role.removesuffix(end): weights[role] for role in weights if role.endswith(end)} for end in ends]
        stored = [constant(array, f"{stem}/{name}") for name, array in _stored(parts, kind).items()]
        settings = _settings(layer, kind, parts[0]["weight_hh"].shape[1], len(ways))
        states = list(inputs[1:])
        if count > 1:
            bounds = [np.array([number], np.int64) for number in (level * len(ways), (level + 1) * len(ways), 0)]
            names = [
                constant(array, f"{stem}/{end}") for array, end in zip(bounds, ("from", "to", "axis"), strict=True)
            ]
            states = [f"{stem}/{name}" for name in ("h", "c")[: len(states)]]
            for state, made in zip(inputs[1:], states, strict=True):
                node("Slice", [state, *names], [made])
        last.append([f"{stem}/last {name}" for name in ("h", "c")[: len(states)]] if count > 1 else list(outputs[1:]))
        biased = stored if len(stored) == 3 else [*stored, ""]
        nodes.append(
            helper.make_node(kind, [x, *biased, "", *states], [f"{stem}/all", *last[-1]], f"{stem}/{kind}", **settings)
        )
        end = level == count - 1
        made = outputs[0] if end and not batch_first else f"{stem}/value"
        if both:  # torch has the directions side by side
            node("Transpose", [f"{stem}/all"], [f"{stem}/turned"], perm=[0, 2, 1, 3])
            node("Reshape", [f"{stem}/turned", constant(np.array([0, 0, -1], np.int64), f"{stem}/shape")], [made])
        else:
            node("Squeeze", [f"{stem}/all", constant(np.array([1], np.int64), f"{stem}/direction")], [made])
        x = made
    if batch_first:
        node("Transpose", [x], [outputs[0]], perm=[1, 0, 2])
    if count > 1:
        for place, output in enumerate(outputs[1:]):
            node("Concat", [names[place] for names in last], [output], axis=0)
    return nodes


def _stored(parts: Sequence[Mapping[str, Array]], kind: str) -> dict[str, Array]:
    """ONNX's W, R and (where there are biases) B, of one direction or both."""
    found = {
        name: np.stack([_reordered(part[role], kind) for part in parts])
        for role, name in (("weight_ih", "W"), ("weight_hh", "R"))
    }
    if "bias_ih" in parts[0]:
        both = ("bias_ih", "bias_hh")
        found["B"] = np.stack([np.concatenate([_reordered(part[role], kind) for role in both]) for part in parts])
    return found


def _settings(layer: Layer, kind: str, hidden: int, directions: int = 1) -> dict[str, Any]:
    """An operator's attributes."""
    settings: dict[str, Any] = {"hidden_size": hidden}
    if kind == "GRU":
        settings["linear_before_reset"] = 1
    if layer.target.startswith("aten.rnn_relu"):
        settings["activations"] = ["Relu"] * directions
    if directions == 2:
        settings["direction"] = "bidirectional"
    return settings


def _reordered(weight: Array, kind: str) -> Array:
    parts = np.split(weight, len(GATES[kind]))
    return np.concatenate([parts[gate] for gate in GATES[kind]])
