"""Forward through a graph and back with random vectors, noting what every rounding does to the output."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.linalg import hadamard
from torch.utils import _pytree as pytree

from ..classes import ClassAxis, Of, place_of
from ..errors import LEAST_PROBABILITY, logits
from ..graph import Layer
from ..graph.execute import Executor, samples_of
from ..progress import Report
from ..text import Text
from .noise import Noises, Way, rounded


class Draws(NamedTuple):
    """Random vectors of each sample.

    Parameters
    ----------
    mse, kl : int
        For the squared error and for the KL divergence; where there is none, all are for the squared error.
    """

    mse: int = 1
    kl: int = 2


RIVALS = 20
"""Classes next to an answer that may take its place."""

Gradients = list[list[torch.Tensor | None]]
"""By random vector, then by tensor of the value."""


@dataclass
class _Step:
    """One layer that was run: its inputs cut off from what made them, and its results."""

    layer: Layer
    values: dict[str, Any]
    result: Any


class Walk:
    """Of one portion: forward through the layers and back, gathering effects.

    Every layer's derivative is taken by itself, so that all random vectors come back together and
    a gradient is forgotten once its layer has been passed.

    Parameters
    ----------
    executor : Executor
        Of the float graph.
    noises : Noises
    draws : Draws
    generator : torch.Generator
    classes : ClassAxis
        How the first output is read.
    margins : bool
        Whether to follow the margin of every answer as well: by one more vector, which is not random.

    Attributes
    ----------
    effects : mapping of (layer id, way) to float64 array, shape (vectors, samples)
        v' J δ for every random vector v, and in the last row for the margin where that is followed; what
        the gradient did not reach does nothing to the output, and is missing.
    tops : int64 array, shape (samples, 1 + rivals) | None
        The answer and the classes that come next; None where margins are not followed.
    gaps : float64 array, shape (samples, rivals)
        By how much the answer's logit is larger than theirs.
    mixed : set of str
        Ids of layers whose effect on all samples is put down to the first.
    powers : list of float
        Of each output, summed over the samples; the vectors for the squared error are divided by it.
    """

    def __init__(
        self,
        executor: Executor,
        noises: Noises,
        draws: Draws,
        generator: torch.Generator,
        classes: ClassAxis = "flat",
        margins: bool = False,
    ) -> None:
        self.classes, self.margins = classes, margins
        self.tops: NDArray[np.int64] | None = None
        self.gaps = np.zeros((0, RIVALS))
        self.executor, self.noises, self.draws, self.generator = executor, noises, draws, generator
        self.graph = graph = executor.graph
        places = [i for i, layer in enumerate(graph.layers) if layer.id in noises.layers]
        self.first = min(places, default=len(graph.layers))
        self._made = {layer.value for layer in graph.layers[self.first :]}  # gradients go on from there
        self.effects: dict[tuple[str, Way], NDArray[np.float64]] = {}
        self.size = 0
        self.inputs: Sequence[torch.Tensor] = ()
        self._free_batch = bool(graph.inputs and graph.inputs[0].shape and graph.inputs[0].shape[0] is None)
        self.mixed: set[str] = set()
        self.powers: list[float] = []
        self.has_kl = False

    @property
    def vectors(self) -> int:
        """Number of a sample's vectors: for the squared error, then for the KL divergence, then the margin's."""
        return sum(self.draws) + (self.tops is not None)

    @property
    def squares(self) -> int:
        """How many of them are for the squared error."""
        return self.draws.mse if self.has_kl else sum(self.draws)

    def go(self, inputs: Sequence[torch.Tensor], report: Report) -> Self:
        """Forth and back.

        Parameters
        ----------
        inputs : sequence of torch.Tensor
            A portion, batch first.
        report : Report
        """
        self.inputs, self.size = inputs, samples_of(inputs)
        steps, outputs = self._forward(inputs)
        of = len(steps)
        gradients = self._seed(outputs)
        self._of_outputs(outputs, gradients)
        for place in reversed(range(len(steps))):
            report(of - place, of, Text("estimating the effect of every layer"))
            step = steps.pop()
            arrived = gradients.pop(step.layer.value, None)
            if arrived is None:
                continue
            passed = self._back(step, arrived)
            self._measure(step, arrived, passed)
            for name, back in passed.items():
                known = gradients.get(name)
                gradients[name] = back if known is None else _added(known, back)
        return self

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
                    result = self.executor.compute(layer, cut)
                steps.append(_Step(layer, cut, result))
                values[layer.value] = pytree.tree_map(_detached, result)
            for name in layer.inputs:
                if last[name] == place and name not in outputs:
                    del values[name]
        return steps, [values[name] for name in self.graph.output_values]

    def _seed(self, outputs: Sequence[Any]) -> dict[str, Gradients]:
        """Random vectors at the outputs: of signs, then ones with the Fisher matrix as covariance."""
        tensors = [o for o in outputs if isinstance(o, torch.Tensor) and o.is_floating_point()]
        self.powers = [float((o.double() ** 2).sum()) for o in tensors]
        place, _ = place_of(self.classes)
        first = logits(outputs, self.classes)
        self.has_kl = first is not None
        if self.margins and first is not None and first.shape[1] == 1:
            best, which = first[:, 0].double().topk(min(1 + RIVALS, first.shape[-1]), -1)
            self.tops, self.gaps = which.numpy(), (best[:, :1] - best[:, 1:]).numpy()
        seeds: dict[str, Gradients] = {}

        def put(name: str, vector: int, seed: torch.Tensor) -> None:
            at = seeds.setdefault(name, [[None] for _ in range(self.vectors)])[vector]
            at[0] = seed if at[0] is None else at[0] + seed

        index = 0
        for number, (name, output) in enumerate(zip(self.graph.output_values, outputs, strict=True)):
            if not isinstance(output, torch.Tensor) or not output.is_floating_point():
                continue
            for draw, noise in enumerate(self._signs_apart(output, self.squares)):
                put(name, draw, noise / max(self.powers[index] / self.size * len(self.powers), 1e-30) ** 0.5)
            if first is not None and number == place:
                for draw, vector in enumerate(self._of_softmax(first, output)):
                    put(name, self.draws.mse + draw, vector)
            if self.tops is not None and first is not None and number == place:
                which = torch.from_numpy(self.tops[:, :2])
                signs = torch.tensor([[1.0, -1.0]]).expand(len(which), 2)
                seed = torch.zeros(first.shape)[:, 0].scatter_(-1, which, signs)
                put(name, self.vectors - 1, self._through_log(seed, output))
            index += 1
        return seeds

    def _of_softmax(self, first: torch.Tensor, output: torch.Tensor) -> Iterator[torch.Tensor]:
        """Vectors with the Fisher matrix of each position's softmax as covariance, over their number."""
        p = torch.softmax(first, -1)
        _, axis = place_of(self.classes)
        # What each class adds to the KL divergence where the errors of all logits are independent and alike.
        weight = p * ((1 - p) ** 2 + (p * p).sum(-1, keepdim=True) - p * p)
        for signs in self._signs_apart(p, self.draws.kl, weight):
            noise = p.sqrt() * signs
            vector = (noise - p * noise.sum(-1, keepdim=True)) / first.shape[1] ** 0.5
            if axis == "flat" or axis is None:
                yield self._through_log(vector[:, 0], output)
            else:
                yield self._through_log(vector.reshape(output.movedim(axis, -1).shape).movedim(-1, axis), output)

    def _signs_apart(
        self, like: torch.Tensor, count: int, weight: torch.Tensor | None = None
    ) -> Iterator[torch.Tensor]:
        """Random signs, so many times, in which products of neighbours cancel out, or of the places that count most.

        The square of a vector of signs is unlike its mean by products of two places. From one vector to the next
        a place's signs follow a column of a Hadamard matrix: summed over the vectors, products of two columns vanish.

        Parameters
        ----------
        like : float tensor
            Whose shape they have; columns go by the last axis.
        count : int
        weight : float tensor of that shape, optional
            How much each place counts; those that count most have columns of their own.
        """
        size, places = 1 << (count - 1).bit_length(), like.shape[-1] if like.dim() else 1
        column = (torch.arange(places) % size).expand_as(like)
        if weight is not None:
            most = weight.topk(min(size, places), -1).indices
            column = column.clone().scatter_(-1, most, torch.arange(most.shape[-1]).expand_as(most))
        signs = torch.empty(like.shape).bernoulli_(0.5, generator=self.generator).mul_(2).sub_(1)
        for row in torch.from_numpy(hadamard(size, dtype=np.float32))[:count]:
            yield signs * row[column]

    def _through_log(self, seed: torch.Tensor, output: torch.Tensor) -> torch.Tensor:
        """A gradient at the logits as one at the output, which may be their softmax or the second one's probability."""
        if isinstance(self.classes, Of) and self.classes.sigmoid:
            second = output.reshape(-1)
            both = (
                seed[:, 1] / second.clamp_min(LEAST_PROBABILITY),
                seed[:, 0] / (1 - second).clamp_min(LEAST_PROBABILITY),
            )
            return (both[0] - both[1]).reshape(output.shape)
        if isinstance(self.classes, Of) and self.classes.probabilities:
            return seed / output.clamp_min(LEAST_PROBABILITY)
        return seed

    def _back(self, step: _Step, arrived: Gradients) -> dict[str, Gradients]:
        """Gradients at each of a layer's inputs that somebody asks for.

        Nobody does at an image, whose gradient is the dearest of all: ResNet-18's is a fifteenth of all multiply-adds.
        """
        results = [t for t in pytree.tree_leaves(step.result) if _real(t)]
        straight = _along_gradient(step)
        reads = {
            name: [t for t in pytree.tree_leaves(v) if _real(t)]
            for name, v in step.values.items()
            if name in self._made or (straight and self.noises.of_value(name, step.layer))
        }
        wanted = [t for tensors in reads.values() for t in tensors]
        passed: dict[str, Gradients] = {name: [] for name, tensors in reads.items() if tensors}
        for number, vector in enumerate(arrived):
            pairs = [(r, g) for r, g in zip(results, vector, strict=True) if g is not None and r.requires_grad]
            found: list[torch.Tensor | None] = [None] * len(wanted)
            if pairs and wanted:
                heads, vectors = zip(*pairs, strict=True)
                more = number + 1 < len(arrived)
                found = list(torch.autograd.grad(heads, wanted, vectors, retain_graph=more, allow_unused=True))
            for name in passed:
                passed[name].append([found.pop(0) for _ in reads[name]])
        return passed

    def _measure(self, step: _Step, arrived: Gradients, passed: Mapping[str, Gradients]) -> None:
        """What rounding a layer's weight and the values that it reads does."""
        layer, result = step.layer, pytree.tree_map(_detached, step.result)
        values = {name: pytree.tree_map(_detached, value) for name, value in step.values.items()}
        straight = _along_gradient(step)
        noisy = self.noises.layers.get(layer.id)
        if noisy is not None:
            for key in noisy.weights:
                change = self.noises.with_weight(layer, key, values).sub_(result)
                self._keep(layer.id, ("weight", key), arrived, [change], self._rows_of(layer.value, change))
            for key, simulation in noisy.recurrent.items():
                weighed = simulation.recurrent(layer, values, weights_only=True)
                whole = simulation.recurrent(layer, values)
                moved = [_samples_moved(layer, vector) for vector in arrived]
                for kind, changed, plain in (("weight", weighed, result), ("read", whole, weighed)):
                    now, before = (_samples_moved(layer, pytree.tree_leaves(each)) for each in (changed, plain))
                    changes = [a - b for a, b in zip(now, before, strict=True)]
                    self._keep(layer.id, (kind, key), moved, changes, self.size)
        for name, value in values.items():
            if not _real(value):
                continue
            for id, way, how in self.noises.of_value(name, layer):
                there = rounded(value, how)
                if straight:
                    self._keep(id, way, passed[name], [there.sub_(value)], self._rows_of(name, value))
                else:
                    change = self.executor.compute(layer, {**values, name: there}).sub_(result)
                    self._keep(id, way, arrived, [change], self._rows_of(layer.value, change))

    def _of_outputs(self, outputs: Sequence[Any], seeds: Mapping[str, Gradients]) -> None:
        """What rounding the model's outputs themselves does."""
        for name, value in dict(zip(self.graph.output_values, outputs, strict=True)).items():
            if name in seeds:
                for id, way, how in self.noises.of_value(name, None):
                    rows = self._rows_of(name, value)
                    self._keep(id, way, seeds[name], [rounded(value, how).sub_(value)], rows)

    def _keep(self, id: str, way: Way, gradients: Gradients, changes: Sequence[torch.Tensor], rows: int) -> None:
        """Add the products of a change of a value, of each of its tensors, with the gradients there to an effect."""
        if rows < self.size:
            self.mixed.add(id)
        effects = np.zeros((self.vectors, self.size))
        for place, change in enumerate(changes):
            flat = _rows(change, change, rows)
            for effect, gradient in zip(effects, gradients, strict=True):
                if (there := gradient[place]) is not None:
                    pairs = zip(_rows(there, change, rows), flat, strict=True)
                    effect[:rows] += [float(torch.dot(a, b)) for a, b in pairs]
        known = self.effects.get((id, way))
        self.effects[id, way] = effects if known is None else known + effects

    def _rows_of(self, name: str, value: torch.Tensor) -> int:
        """As many as there are samples where a value has them on its first axis, one after the other.

        Where not, the sum over all of them is put down to the first: since their random vectors are
        independent, its square has the same mean.
        """
        first = value.shape[0] if value.dim() else 0
        maker = self.graph.producer.get(name)
        if maker is None or not self._free_batch:
            samples_first = first == self.size
        else:
            samples_first = bool(maker.shape) and first == self.size * maker.shape[0]
        return self.size if samples_first else 1


_LINEAR = frozenset(
    {
        "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "linear",
        "add", "sub", "cat", "stack", "pad", "mean", "sum", "batch_norm", "interpolate",
        "avg_pool1d", "avg_pool2d", "avg_pool3d",
        "adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d",
    }
)  # fmt: skip
"""Operators whose result changes in proportion to each input."""


def _is_linear(layer: Layer) -> bool:
    """Whether noise in one of a layer's inputs passes along the gradient without loss."""
    return layer.transparent or (layer.op in _LINEAR and not layer.executed)


def _along_gradient(step: _Step) -> bool:
    """Whether the effect of noise in what a layer reads is taken from the gradient there, not from another run.

    So it is of layers that hand on several tensors, an LSTM say, as well.
    """
    return not _real(step.result) or _is_linear(step.layer)


def _real(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and value.is_floating_point()


def _detached(value: Any) -> Any:
    return value.detach() if isinstance(value, torch.Tensor) else value


def _samples_moved(layer: Layer, tensors: Sequence[torch.Tensor | None]) -> list[Any]:
    """What a recurrent layer hands on, or gradients there, with samples on the first axis; states have layers there."""
    cell = layer.op.endswith("_cell")
    return [
        tensor if tensor is None or cell or (place == 0 and layer.args[8]) else tensor.movedim(1, 0)
        for place, tensor in enumerate(tensors)
    ]


def _cut(value: Any) -> Any:
    return value.detach().requires_grad_() if _real(value) else value


def _added(one: Gradients, two: Gradients) -> Gradients:
    """Gradients of a value that several layers read."""
    return [
        [b if a is None else a if b is None else a + b for a, b in zip(first, second, strict=True)]
        for first, second in zip(one, two, strict=True)
    ]


def _rows(x: torch.Tensor, like: torch.Tensor, rows: int) -> torch.Tensor:
    """Values by row, in the order in which `like` has them in memory: no copy is made."""
    if like.dim() == 4 and like.is_contiguous(memory_format=torch.channels_last):
        x = x.permute(0, 2, 3, 1)
    return x.reshape(rows, -1)
