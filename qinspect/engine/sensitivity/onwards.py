"""A model's values, and its outputs when one of them is another: only what depends on it is run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from ..graph import Layer
from ..graph.execute import Executor


def every_value(model: Executor, inputs: Sequence[torch.Tensor]) -> dict[str, Any]:
    """All values of a model, by name.

    Parameters
    ----------
    model : Executor
        Or a simulation.
    inputs : sequence of torch.Tensor
        Batch first.
    """
    values: dict[str, Any] = {
        spec.name: t.contiguous(memory_format=torch.channels_last) if t.dim() == 4 else t
        for spec, t in zip(model.graph.inputs, inputs, strict=True)
    }
    for layer in model.graph.layers:
        values[layer.value] = model.run_layer(layer, values)
    return values


def outputs_from(layer: Layer, model: Executor, values: Mapping[str, Any], changed: Any) -> list[torch.Tensor]:
    """The outputs when a layer hands on something else.

    Parameters
    ----------
    layer : Layer
    model : Executor
        What runs the layers behind it.
    values : mapping
        All values of that model.
    changed : torch.Tensor or a nest of them
        In place of the layer's own.
    """
    now, others = {**values, layer.value: changed}, {layer.value}
    layers = iter(model.graph.layers)
    for before in layers:
        if before.id == layer.id:
            break
    for later in layers:
        if not others.isdisjoint(later.inputs):
            now[later.value] = model.run_layer(later, now)
            others.add(later.value)
    return [now[name] for name in model.graph.output_values]
