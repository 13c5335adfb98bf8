"""What every layer's quantization noise does to the model's output, from a few backward passes.

The noise that layer i adds reaches the output as J_i δ_i. For a random output vector v with
E[v vᵀ] = I, E[(vᵀ J_i δ_i)²] = |J_i δ_i|²: the squared output error of every layer from one
gradient. With E[v vᵀ] = diag(p) − p pᵀ, p the softmax, half of it is the second-order (Fisher)
estimate of KL(float || quantized). Such a v is √p·g − p (√p·g summed) with a Gaussian g; a one-hot
sample of p minus p would do as well, but where the model is sure of its answer such samples are
nearly all 0, and the estimate rests on the rare other ones.

To first order a layer's noise is the sum of what rounding its inputs (where they are rounded when
read), its weight and its output adds. Each is followed for itself, per sample and once for all
plans that have it in common; a plan's effect is the square of the sum. So another candidate costs
the rounding that only it has, and no gradient.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils import _pytree as pytree

from .errors import logits
from .execute import Executor, portions
from .graph import Layer, LayerGraph, refs
from .progress import Report, silent
from .qconfig import TensorConfig
from .qparams import QParams, dynamic_qparams
from .quantize import Quantization

KEPT_BYTES = 128 << 20
"""Values of all layers of a portion, which are kept until the gradients have come back to them."""


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
    weight_kl, weight_mse : mapping of layer id to float
        What rounding the weight alone adds; the rest is the activations'.
    kl_error, mse_error : float | None
        Standard error of the sums over the layers.
    together_kl, together_mse : float | None
        The same noises added before they are squared: what they do together to first order, where
        they lean the same way or cancel out.
    """

    mse: Mapping[str, float]
    kl: Mapping[str, float]
    samples: int
    weight_kl: Mapping[str, float] = dataclasses.field(default_factory=dict)
    weight_mse: Mapping[str, float] = dataclasses.field(default_factory=dict)
    kl_error: float | None = None
    mse_error: float | None = None
    together_kl: float | None = None
    together_mse: float | None = None


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
        Random vectors per sample and kind.
    only : frozenset of str, optional
        Ids of the layers to score; all quantized ones otherwise.
    seed : int
        Of the random vectors.
    """
    graph = next(iter(variants.values())).graph
    noises = _Noises(graph, variants, only)
    walk = _Walk(graph, noises, draws, torch.Generator().manual_seed(seed))
    samples = 0
    with torch.no_grad():
        for batch in batches:
            for inputs in portions(graph, batch, kept=KEPT_BYTES):
                size = int(inputs[0].shape[0]) if inputs[0].dim() else 1
                walk.add(inputs, size, report, samples, total or samples + size)
                samples += size
    return {name: walk.scores(name, samples) for name in variants}


@dataclass(frozen=True)
class _Layer:
    """The distinct ways in which one layer is rounded, and which of them each plan uses.

    `used` has a plan's ways: ``(kind, key)``, the kind being ``read`` (a key names the input as well,
    and what is rounded at run time has its qconfig), ``weight`` or ``output``.
    """

    layer: Layer
    reads: dict[tuple[str, Hashable], QParams | TensorConfig]
    weights: dict[Hashable, torch.Tensor]
    outputs: dict[Hashable, QParams]
    used: dict[str, tuple[tuple[str, Hashable], ...]]


class _Noises:
    """What every layer's rounding adds to float values."""

    def __init__(self, graph: LayerGraph, variants: Mapping[str, Quantization], only: frozenset[str] | None) -> None:
        self.executor = Executor(graph, channels_last=True)
        self.layers: dict[str, _Layer] = {}
        for layer in graph.layers:
            if layer.transparent or (only is not None and layer.id not in only):
                continue
            found = _Layer(layer, {}, {}, {}, {})
            for name, q in variants.items():
                if layer.id in q.rounding:
                    found.used[name] = self._enter(found, q)
            if found.used:
                self.layers[layer.id] = found

    def _enter(self, into: _Layer, q: Quantization) -> tuple[tuple[str, Hashable], ...]:
        layer = into.layer
        used: list[tuple[str, Hashable]] = []
        for name, params in _read(layer, q).items():
            read = (name, params if isinstance(params, TensorConfig) else _key(params))
            into.reads[read] = params
            used.append(("read", read))
        weight = q.graph.weight(layer)
        if layer.id in q.weights and weight is not None:
            key = _key(q.weights[layer.id])
            if key not in into.weights:
                noise = q.weights[layer.id].fake_quantize(weight.detach()) - weight.detach()
                if noise.dim() == 4:
                    noise = noise.contiguous(memory_format=torch.channels_last)
                into.weights[key] = noise
            used.append(("weight", key))
        if layer.value in q.values and layer.id in q.quantized:
            key = _key(q.values[layer.value])
            into.outputs[key] = q.values[layer.value]
            used.append(("output", key))
        return tuple(used)

    def of_weight(self, layer: Layer, noise: torch.Tensor, values: Mapping[str, Any]) -> torch.Tensor:
        """What a change of the weight changes of the operator's own result (which is linear in it)."""
        params = self.executor.params
        swapped = {layer.roles["weight"]: noise}
        if "bias" in layer.roles:
            swapped[layer.roles["bias"]] = torch.zeros_like(params[layer.roles["bias"]])
        kept = {key: params[key] for key in swapped}
        params.update(swapped)
        try:
            result: torch.Tensor = self.executor.stages(layer, values, 1)[0]
            return result
        finally:
            params.update(kept)


def _read(layer: Layer, q: Quantization) -> dict[str, QParams | TensorConfig]:
    """How the inputs that a layer itself rounds are rounded."""
    if layer.id in q.dynamic:
        config = q.configs[layer.id].activation
        assert config is not None
        return {ref.value: config for ref in refs(layer.args)}
    if layer.id in q.weight_only:
        return {}
    return {name: q.values[name] for name in layer.inputs if name in q.values and not q.at_origin(name)}


def _key(params: QParams) -> Hashable:
    """Equal for equal numbers."""
    fields = (getattr(params, field.name) for field in dataclasses.fields(params))
    return tuple((f.shape, f.tobytes()) if isinstance(f, np.ndarray) else f for f in fields)


Gradients = list[list[torch.Tensor | None]]
"""By random vector, then by tensor of the value."""


@dataclass
class _Step:
    """One layer that was run: its inputs cut off from what made them, and its results."""

    layer: Layer
    values: dict[str, Any]
    own: Any
    result: Any


class _Walk:
    """Forward through the layers and back, portion by portion, gathering effects.

    Every layer's derivative is taken by itself, so that all random vectors come back together and
    a gradient is forgotten once its layer has been passed.
    """

    def __init__(self, graph: LayerGraph, noises: _Noises, draws: int, generator: torch.Generator) -> None:
        self.graph, self.noises, self.draws, self.generator = graph, noises, draws, generator
        self.executor = Executor(graph, channels_last=True)
        places = [i for i, layer in enumerate(graph.layers) if layer.id in noises.layers]
        self.first = min(places, default=len(graph.layers))
        self.effects: dict[tuple[str, tuple[str, Hashable]], list[NDArray[np.float64]]] = {}
        self.powers: list[float] = []  # per output: of the first portion, by which its vectors are divided
        self.power_sums: list[float] = []
        self.has_kl = False

    def add(self, inputs: Sequence[torch.Tensor], size: int, report: Report, before: int, total: int) -> None:
        """One portion, forth and back."""
        steps, outputs = self._forward(inputs)
        gradients = self._seed(outputs, size)
        for place in reversed(range(len(steps))):
            report(before + size * (1 - place / len(steps)), total, "estimating the effect of every layer")
            step = steps.pop()
            arrived = gradients.pop(step.layer.value, None)
            if arrived is None:
                continue
            inner, passed = self._back(step, arrived)
            if step.layer.id in self.noises.layers:
                self._measure(step, arrived, inner, passed, size)
            for name, back in passed.items():
                known = gradients.get(name)
                gradients[name] = back if known is None else _added(known, back)

    def _forward(self, inputs: Sequence[torch.Tensor]) -> tuple[list[_Step], list[Any]]:
        values: dict[str, Any] = {}
        for spec, tensor in zip(self.graph.inputs, inputs, strict=True):
            values[spec.name] = tensor.contiguous(memory_format=torch.channels_last) if tensor.dim() == 4 else tensor
        steps: list[_Step] = []
        outputs = set(self.graph.output_values)
        last = {name: i for i, layer in enumerate(self.graph.layers) for name in layer.inputs}
        for place, layer in enumerate(self.graph.layers):
            read = {name: values[name] for name in layer.inputs}
            if place < self.first:
                values[layer.value] = self.executor.compute(layer, read)
            else:
                cut = {name: pytree.tree_map(_cut, value) for name, value in read.items()}
                with torch.enable_grad():
                    stages = self.executor.stages(layer, cut)
                steps.append(_Step(layer, cut, stages[0], stages[-1]))
                values[layer.value] = pytree.tree_map(_detached, stages[-1])
            for name in layer.inputs:
                if last[name] == place and name not in outputs:
                    del values[name]
        return steps, [values[name] for name in self.graph.output_values]

    def _seed(self, outputs: Sequence[Any], size: int) -> dict[str, Gradients]:
        """Random vectors at the outputs: Gaussian ones, then ones with the Fisher matrix as covariance."""
        tensors = [o for o in outputs if isinstance(o, torch.Tensor) and o.is_floating_point()]
        powers = [float((o.double() ** 2).sum()) for o in tensors]
        if not self.powers:
            self.powers = [power / size for power in powers]
            self.power_sums = [0.0] * len(powers)
        self.power_sums = [a + b for a, b in zip(self.power_sums, powers, strict=True)]
        first = logits(tensors)
        self.has_kl = first is not None
        seeds: dict[str, Gradients] = {}
        kinds = 1 + self.has_kl

        def put(name: str, vector: int, seed: torch.Tensor) -> None:
            at = seeds.setdefault(name, [[None] for _ in range(kinds * self.draws)])[vector]
            at[0] = seed if at[0] is None else at[0] + seed

        index = 0
        for name, output in zip(self.graph.output_values, outputs, strict=True):
            if not isinstance(output, torch.Tensor) or not output.is_floating_point():
                continue
            for draw in range(self.draws):
                noise = torch.randn(output.shape, generator=self.generator)
                put(name, draw, noise / max(self.powers[index] * len(self.powers), 1e-30) ** 0.5)
                if first is not None and index == 0:
                    p = torch.softmax(first, -1)
                    noise = p.sqrt() * torch.randn(p.shape, generator=self.generator)
                    put(name, self.draws + draw, noise - p * noise.sum(-1, keepdim=True))
            index += 1
        return seeds

    def _back(self, step: _Step, arrived: Gradients) -> tuple[list[torch.Tensor | None], dict[str, Gradients]]:
        """Gradients at the layer's own operator's result, and at each of its inputs."""
        results = [t for t in pytree.tree_leaves(step.result) if _real(t)]
        reads = {name: [t for t in pytree.tree_leaves(v) if _real(t)] for name, v in step.values.items()}
        wanted = [t for tensors in reads.values() for t in tensors]
        noisy = self.noises.layers.get(step.layer.id)
        own = noisy is not None and bool(noisy.weights) and step.own is not step.result
        inner: list[torch.Tensor | None] = []
        passed: dict[str, Gradients] = {name: [] for name, tensors in reads.items() if tensors}
        for number, vector in enumerate(arrived):
            pairs = [(r, g) for r, g in zip(results, vector, strict=True) if g is not None and r.requires_grad]
            targets = [step.own, *wanted] if own else wanted
            found: list[torch.Tensor | None] = [None] * len(targets)
            if pairs and targets:
                heads, vectors = zip(*pairs, strict=True)
                more = number + 1 < len(arrived)
                found = list(torch.autograd.grad(heads, targets, vectors, retain_graph=more, allow_unused=True))
            inner.append(found.pop(0) if own else vector[0])
            for name in passed:
                passed[name].append([found.pop(0) for _ in reads[name]])
        return inner, passed

    def _measure(
        self,
        step: _Step,
        arrived: Gradients,
        inner: list[torch.Tensor | None],
        passed: Mapping[str, Gradients],
        size: int,
    ) -> None:
        noisy = self.noises.layers[step.layer.id]
        layer = step.layer
        if not isinstance(step.result, torch.Tensor):
            return
        result = step.result.detach()
        for key, params in noisy.outputs.items():
            self._keep(layer, ("output", key), params.fake_quantize(result) - result, [v[0] for v in arrived], size)
        for key, weight in noisy.weights.items():
            values = {name: pytree.tree_map(_detached, value) for name, value in step.values.items()}
            self._keep(layer, ("weight", key), self.noises.of_weight(layer, weight, values), inner, size)
        for read, how in noisy.reads.items():
            value = step.values[read[0]]
            if _real(value):
                value = value.detach()
                params = dynamic_qparams(value, how) if isinstance(how, TensorConfig) else how
                noise = params.fake_quantize(value) - value
                self._keep(layer, ("read", read), noise, [v[0] for v in passed[read[0]]], size)

    def _keep(
        self,
        layer: Layer,
        way: tuple[str, Hashable],
        noise: torch.Tensor,
        gradients: Sequence[torch.Tensor | None],
        size: int,
    ) -> None:
        rows = [np.zeros(size) if g is None else _by_sample(g, noise, layer, size) for g in gradients]
        self.effects.setdefault((layer.id, way), []).append(np.stack(rows))

    def scores(self, name: str, samples: int) -> Scores:
        """Of one plan."""
        effects = {key: np.concatenate(parts, 1) for key, parts in self.effects.items()}
        used = {id: noisy.used[name] for id, noisy in self.noises.layers.items() if name in noisy.used}
        zero = np.zeros((self.draws * (1 + self.has_kl), samples))
        whole = {id: sum((effects.get((id, key), zero) for key in keys), zero) for id, keys in used.items()}
        weight = {
            id: sum((effects.get((id, key), zero) for key in keys if key[0] == "weight"), zero)
            for id, keys in used.items()
        }
        # The vectors were divided by the first portion's power; what is asked for is the share of all.
        shares = [first * samples / total for first, total in zip(self.powers, self.power_sums, strict=True) if total]
        correction = sum(shares) / len(shares) if shares else 1.0
        mse = {id: effect[: self.draws] ** 2 * correction for id, effect in whole.items()}
        kl = {id: effect[self.draws :] ** 2 / 2 for id, effect in whole.items() if self.has_kl}
        together = sum(whole.values(), zero)
        return Scores(
            {id: float(values.mean()) for id, values in mse.items()},
            {id: float(values.mean()) for id, values in kl.items()},
            samples,
            {id: float((weight[id][self.draws :] ** 2).mean()) / 2 for id in kl},
            {id: float((weight[id][: self.draws] ** 2).mean()) * correction for id in mse},
            _standard_error(kl),
            _standard_error(mse),
            float((together[self.draws :] ** 2).mean()) / 2 if kl else None,
            float((together[: self.draws] ** 2).mean()) * correction if mse else None,
        )


def _standard_error(of_layers: Mapping[str, NDArray[np.float64]]) -> float | None:
    """Of the mean over samples of the sum over layers; samples differ, and so do their random vectors."""
    if not of_layers:
        return None
    sums = sum(of_layers.values(), np.zeros(1)).mean(0)
    return float(sums.std(ddof=1) / len(sums) ** 0.5) if len(sums) > 1 else None


def _real(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and value.is_floating_point()


def _detached(value: Any) -> Any:
    return value.detach() if isinstance(value, torch.Tensor) else value


def _cut(value: Any) -> Any:
    return value.detach().requires_grad_() if _real(value) else value


def _added(one: Gradients, two: Gradients) -> Gradients:
    """Gradients of a value that several layers read."""
    return [
        [b if a is None else a if b is None else a + b for a, b in zip(first, second, strict=True)]
        for first, second in zip(one, two, strict=True)
    ]


def _by_sample(gradient: torch.Tensor, noise: torch.Tensor, layer: Layer, size: int) -> NDArray[np.float64]:
    """Sum of the products over all values of each sample, shape (samples,).

    Where the samples are not on the first axis the sum over all of them is put down to the first:
    since their random vectors are independent, its square has the same mean.
    """
    first = noise.shape[0] if noise.dim() else 0
    known = first == size or (layer.shape and first == size * layer.shape[0])
    rows = _flat(gradient, noise, size if known else 1)
    others = _flat(noise, noise, size if known else 1)
    found = np.zeros(size)
    found[: len(rows)] = [float(torch.dot(a, b)) for a, b in zip(rows, others, strict=True)]
    return found


def _flat(x: torch.Tensor, like: torch.Tensor, rows: int) -> torch.Tensor:
    """Values by row, in the order in which `like` has them in memory: no copy is made."""
    if like.dim() == 4 and like.is_contiguous(memory_format=torch.channels_last):
        x = x.permute(0, 2, 3, 1)
    return x.reshape(rows, -1)


__all__ = ["Scores", "score"]
