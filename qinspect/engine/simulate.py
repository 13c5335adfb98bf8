"""Fake quantization on the canonical graph: what the integer model computes, in float32."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from .graph import Layer, Param, refs, replace
from .graph.execute import NEW, Executor
from .graph.recurrent import RECURRENT, matrices, run_rounded, weight_name
from .plan.qconfig import TensorConfig
from .qparams import dynamic_qparams
from .quantize import Quantization


def quantized_params(quantization: Quantization) -> dict[str, torch.Tensor]:
    """Weights on their grids, and biases on the grid ``input scale * weight scale`` (int32), as kernels have them.

    Targets that add biases in float keep them as they are.

    Returns
    -------
    dict
        By ``layer id/role``: a stored tensor that several layers use differs between them.
    """
    graph = quantization.graph
    found: dict[str, torch.Tensor] = {}
    for layer in graph.layers:
        for role, matrix in matrices(graph, layer).items() if layer.op in RECURRENT else ():
            name = weight_name(layer, role)
            if name in quantization.weights:
                found[name] = quantization.weights[name].fake_quantize(matrix.detach())
        params = quantization.weights.get(layer.id)
        weight = graph.weight(layer)
        if params is None or weight is None:
            continue
        found[f"{layer.id}/weight"] = params.fake_quantize(weight.detach())
        if (bias := quantization.bias_in_steps(layer)) is not None:
            whole, step = bias
            found[f"{layer.id}/bias"] = (whole * step).to(weight.dtype)
    return found


class Simulation(Executor):
    """The quantized model, simulated.

    Values are float32 numbers that lie on their grids. A value made by a float layer is rounded
    where a quantized layer reads it, and only there. What a dynamic layer reads is rounded with the
    range that it has in this batch.

    Parameters
    ----------
    quantization : Quantization
    channels_last : bool
        As for `Executor`.
    own : mapping, optional
        `own` of another simulation of the same, whose rounded weights are used again.
    """

    def __init__(
        self,
        quantization: Quantization,
        channels_last: bool = False,
        own: Mapping[str, torch.Tensor] | None = None,
    ) -> None:
        super().__init__(quantization.graph, channels_last=channels_last)
        self.quantization = quantization
        self.own = quantized_params(quantization) if own is None else dict(own)
        if channels_last:
            for key, tensor in self.own.items():
                if tensor.dim() == 4:
                    self.own[key] = tensor.contiguous(memory_format=torch.channels_last)
        self._of_layer = {
            layer.id: {
                layer.roles[role]: self.own[f"{layer.id}/{role}"]
                for role in ("weight", "bias")
                if f"{layer.id}/{role}" in self.own
            }
            for layer in quantization.graph.layers
        }

    def run_layer(self, layer: Layer, values: Mapping[str, Any]) -> Any:
        """One layer with its own quantization, on given inputs.

        Parameters
        ----------
        layer : Layer
            Of the fused graph.
        values : mapping of value name to tensor
            Its inputs; those that are not on their grid yet are rounded first where the layer
            is quantized.

        Returns
        -------
        torch.Tensor
            The value, on its grid where the layer is quantized.
        """
        if layer.op in RECURRENT and layer.id in self.quantization.dynamic:
            return self.recurrent(layer, values)
        result = self.compute(layer, self.as_read(layer, values))
        return self.round(layer, result, its_own=layer.op in NEW) if self._on_grid(layer) else result

    def recurrent(self, layer: Layer, values: Mapping[str, Any], weights_only: bool = False) -> Any:
        """A recurrent layer, whose state is rounded at every step, or nothing but whose weights are."""
        config = self.quantization.configs[layer.id].activation
        assert config is not None
        args = replace(
            layer.args, lambda leaf: self.params[leaf.key] if isinstance(leaf, Param) else values[leaf.value]
        )
        stored = {role: self.own.get(weight_name(layer, role), self.params[key]) for role, key in layer.roles.items()}
        return run_rounded(layer, args, stored, lambda x: x if weights_only else self.round_now(x, config))

    def as_read(self, layer: Layer, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """A layer's inputs as it gets them."""
        if layer.id in self.quantization.dynamic:
            return self.rounded_now(layer, values)
        return {name: self.read(name, values[name]) for name in layer.inputs} if self._on_grid(layer) else values

    def _on_grid(self, layer: Layer) -> bool:
        return layer.id in self.quantization.quantized and not layer.transparent

    def read(self, name: str, value: Any) -> Any:
        """A value as a quantized layer gets it: rounded here where it was not rounded where it was made."""
        params = self.quantization.values.get(name)
        if params is None or not isinstance(value, torch.Tensor) or not value.is_floating_point():
            return value
        return value if self.quantization.at_origin(name) else params.fake_quantize(value)

    def rounded_now(self, layer: Layer, values: Mapping[str, Any]) -> dict[str, Any]:
        """What a dynamic layer reads, rounded with the range that it has now; what its activation reads is not."""
        config = self.quantization.configs[layer.id].activation
        assert config is not None
        view = dict(values)
        for ref in refs(layer.args):
            value = values.get(ref.value)
            if isinstance(value, torch.Tensor) and value.is_floating_point():
                view[ref.value] = self.round_now(value, config)
        return view

    def round_now(self, value: torch.Tensor, config: TensorConfig) -> torch.Tensor:
        """A value rounded with the range that it has now."""
        return dynamic_qparams(value, config).fake_quantize(value)

    def round(self, layer: Layer, value: torch.Tensor, its_own: bool = False) -> torch.Tensor:
        """A layer's value on its output grid, in the same memory where nobody else reads it as it was."""
        params = self.quantization.values.get(layer.value)
        return (
            value
            if params is None
            else params.fake_quantize(value, value if its_own and not value.requires_grad else None)
        )

    def compute(
        self,
        layer: Layer,
        values: Mapping[str, Any],
        parts: int | None = None,
        swapped: Mapping[str, torch.Tensor] | None = None,
    ) -> Any:
        return super().compute(layer, values, parts, self._of_layer[layer.id] if swapped is None else swapped)
