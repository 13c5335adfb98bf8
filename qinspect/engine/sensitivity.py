"""What every layer's quantization noise does to the model's output, from a few backward passes.

The noise that layer i adds reaches the output as J_i δ_i. For a random output vector v with
E[v vᵀ] = I, E[(vᵀ J_i δ_i)²] = |J_i δ_i|²: the squared output error of every layer from one
gradient. With E[v vᵀ] = diag(p) − p pᵀ, p the softmax, half of it is the second-order (Fisher)
estimate of KL(float || quantized). Such a v is √p·g − p (√p·g summed) with a Gaussian g; a one-hot
sample of p minus p would do as well, but where the model is sure of its answer such samples are
nearly all 0, and the estimate rests on the rare other ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from .errors import logits
from .execute import Executor
from .graph import Layer
from .progress import Report, silent
from .quantize import Quantization
from .simulate import Simulation


@dataclass(frozen=True)
class Scores:
    """Estimated output error that each layer's own quantization causes.

    Parameters
    ----------
    mse : mapping of layer id to float
        Share of the output's power (each output normalized by its own), mean over outputs.
    kl : mapping of layer id to float
        Nats per sample; empty where the first output is no logits.
    samples : int
        Samples that it rests on.
    """

    mse: Mapping[str, float]
    kl: Mapping[str, float]
    samples: int


def score(
    variants: Mapping[str, Quantization],
    batches: Iterable[Sequence[torch.Tensor]],
    report: Report = silent,
    *,
    total: int = 0,
    draws: int = 1,
    only: frozenset[str] | None = None,
    seed: int = 0,
) -> dict[str, Scores]:
    """Estimate the effect of every layer's noise, for several plans on one graph at once.

    Parameters
    ----------
    variants : mapping of str to Quantization
        All on the same fused graph; gradients are computed once for all.
    batches : iterable of sequences of torch.Tensor
        Model inputs, batch first.
    report : Report
    total : int
        Number of samples to come, for the report.
    draws : int
        Random vectors per batch and kind.
    only : frozenset of str, optional
        Ids of the layers to score; all quantized ones otherwise.
    seed : int
        Of the random vectors.
    """
    graph = next(iter(variants.values())).graph
    plain = Executor(graph, channels_last=True)
    simulations = {name: Simulation(q, channels_last=True) for name, q in variants.items()}
    wanted = [
        layer
        for layer in graph.layers
        if not layer.transparent
        and (only is None or layer.id in only)
        and any(layer.id in q.rounding for q in variants.values())
    ]
    sums = {name: ({layer.id: 0.0 for layer in wanted}, {layer.id: 0.0 for layer in wanted}) for name in variants}
    generator = torch.Generator().manual_seed(seed)
    samples, has_kl = 0, False
    for inputs in batches:
        size = int(inputs[0].shape[0])
        report(samples, total or samples + size, "estimating the effect of every layer")
        values, tapped, outputs = _forward(plain, inputs, wanted)
        gaussian, fisher, by_kl = _gradients(outputs, tapped, wanted, draws, generator)
        has_kl = has_kl or by_kl
        with torch.no_grad():
            for index, layer in enumerate(wanted):
                report(samples + size * index / len(wanted), total or samples + size, "")
                for name, simulated in simulations.items():
                    if layer.id not in simulated.quantization.rounding:
                        continue
                    noise = simulated.run_layer(layer, values) - values[layer.value]
                    for kind, gradients in enumerate((gaussian, fisher)):
                        for gradient in gradients.get(layer.id, ()):
                            effect = _by_sample(gradient * noise, layer, size)
                            sums[name][kind][layer.id] += float((effect * effect).sum()) / draws
        samples += size
    return {
        name: Scores(
            {key: value / samples for key, value in mse.items()},
            {key: value / 2 / samples for key, value in kl.items()} if has_kl else {},
            samples,
        )
        for name, (mse, kl) in sums.items()
    }


def _by_sample(effect: torch.Tensor, layer: Layer, size: int) -> torch.Tensor:
    """Sum over all values of each sample, float64, shape (samples,).

    Where the samples are not on the first axis the sum is over all of them: since their random
    vectors are independent, its square has the same mean.
    """
    first = effect.shape[0] if effect.dim() else 0
    known = first == size or (layer.shape and first == size * layer.shape[0])
    return effect.reshape(size if known else 1, -1).sum(1).double()


def _forward(
    plain: Executor, inputs: Sequence[torch.Tensor], wanted: Sequence[Layer]
) -> tuple[dict[str, Any], dict[str, torch.Tensor], list[torch.Tensor]]:
    """Float values (detached), values that gradients are asked for, and the outputs."""
    graph = plain.graph
    needed = {layer.value for layer in wanted}
    kept = needed | {name for layer in wanted for name in layer.inputs}
    values: dict[str, Any] = {}
    for spec, tensor in zip(graph.inputs, inputs, strict=True):
        values[spec.name] = tensor.contiguous(memory_format=torch.channels_last) if tensor.dim() == 4 else tensor
    tapped: dict[str, torch.Tensor] = {}
    detached: dict[str, Any] = {name: value for name, value in values.items() if name in kept}
    with torch.enable_grad():
        for layer in graph.layers:
            value = plain.compute(layer, values)
            if layer.value in needed:
                if not value.requires_grad:
                    value = value.detach().requires_grad_()
                tapped[layer.id] = value
            values[layer.value] = value
            if layer.value in kept:
                detached[layer.value] = value.detach() if isinstance(value, torch.Tensor) else value
        outputs = [values[name] for name in graph.output_values]
    return detached, tapped, [o for o in outputs if isinstance(o, torch.Tensor) and o.requires_grad]


def _gradients(
    outputs: Sequence[torch.Tensor],
    tapped: Mapping[str, torch.Tensor],
    wanted: Sequence[Layer],
    draws: int,
    generator: torch.Generator,
) -> tuple[dict[str, list[torch.Tensor]], dict[str, list[torch.Tensor]], bool]:
    """Gradients by layer id: for random Gaussian vectors, and for ones with the Fisher matrix as covariance."""
    ids = [layer.id for layer in wanted if layer.id in tapped]
    tensors = [tapped[key] for key in ids]
    gaussian: dict[str, list[torch.Tensor]] = {key: [] for key in ids}
    fisher: dict[str, list[torch.Tensor]] = {key: [] for key in ids}
    if not tensors or not outputs:
        return gaussian, fisher, False
    first = logits(outputs)

    def pull(vectors: list[torch.Tensor], into: dict[str, list[torch.Tensor]], of: Sequence[torch.Tensor]) -> None:
        pulled = torch.autograd.grad(list(of), tensors, vectors, retain_graph=True, allow_unused=True)
        for key, gradient in zip(ids, pulled, strict=True):
            if gradient is not None:
                into[key].append(gradient)

    for _ in range(draws):
        vectors = []
        for output in outputs:
            power = float((output.detach().float() ** 2).sum()) / output.shape[0]
            noise = torch.randn(output.shape, generator=generator)
            vectors.append(noise / max(power * len(outputs), 1e-30) ** 0.5)
        pull(vectors, gaussian, outputs)
        if first is not None:
            p = torch.softmax(first.detach(), -1)
            noise = p.sqrt() * torch.randn(p.shape, generator=generator)
            pull([noise - p * noise.sum(-1, keepdim=True)], fisher, [first])
    return gaussian, fisher, first is not None


__all__ = ["Scores", "score"]
