"""torch's LSTMCell as ONNX's LSTM over a sequence of one step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper

from ...graph import Layer, LayerGraph

Array = NDArray[Any]

GATES = (0, 3, 1, 2)
"""Where each of ONNX's gates (i o f c) is among torch's (i f g o)."""


def lstm_cell(
    graph: LayerGraph,
    layer: Layer,
    inputs: Sequence[str],
    outputs: Sequence[str],
    constant: Callable[[Array, str], str],
) -> list[onnx.NodeProto]:
    """The operators of a cell: one LSTM, and before and behind it what adds and takes off the axes that a cell has not.

    Parameters
    ----------
    graph : LayerGraph
    layer : Layer
        ``lstm_cell``.
    inputs : sequence of str
        Tensors of the input (N, in), the hidden and the cell state (N, hidden).
    outputs : sequence of str
        Tensors of the next two states.
    constant : callable
        Stores an array under a name, and gives that name back.
    """
    weights = {role: graph.params[key].detach().numpy() for role, key in layer.roles.items()}
    hidden = weights["weight_hh"].shape[1]
    stored = [
        constant(_reordered(weights[role])[None], f"{layer.id}/{name}")
        for role, name in (("weight_ih", "W"), ("weight_hh", "R"))
    ]
    if "bias_ih" in weights:
        both = np.concatenate([_reordered(weights[role]) for role in ("bias_ih", "bias_hh")])
        stored.append(constant(both[None], f"{layer.id}/B"))
    first = constant(np.array([0], np.int64), f"{layer.id}/axis")
    names = [f"{layer.id}/{name}" for name in ("x", "h", "c", "all", "last h", "last c")]
    nodes = [
        helper.make_node("Unsqueeze", [name, first], [made], made) for name, made in zip(inputs, names[:3], strict=True)
    ]
    biased = stored if len(stored) == 3 else [*stored, ""]
    nodes.append(
        helper.make_node("LSTM", [names[0], *biased, "", *names[1:3]], names[3:], layer.id, hidden_size=hidden)
    )
    nodes += [
        helper.make_node("Squeeze", [name, first], [made], f"{name}/flat")
        for name, made in zip(names[4:], outputs, strict=True)
    ]
    return nodes


def _reordered(weight: Array) -> Array:
    parts = np.split(weight, len(GATES))
    return np.concatenate([parts[gate] for gate in GATES])
