"""How wrong quantization makes every layer's value, and the model's output."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray

from . import intervals
from .backends import simulation as simulate
from .classes import ClassAxis, Of, place_of
from .graph import Layer
from .graph.execute import NEW, Executor, outputs_of, portions, samples_of
from .graph.memory import VALUE_BYTES
from .graph.recurrent import RECURRENT
from .intervals import Interval
from .parallel import in_parallel
from .progress import Report, silent
from .qparams import QParams
from .quantize import Quantization
from .results import Errors
from .simulate import Simulation
from .text import Text


def sqnr_db(signal: float, noise: float) -> float | None:
    """``10 log10(signal / noise)`` of two powers, dB; None where it is infinite, or one of them is 0 or no number."""
    if not (0 < noise < math.inf and 0 < signal < math.inf):
        return None
    return 10 * math.log10(signal / noise)


CHUNK = 1 << 16
"""So many values at a time stay in the processor's cache while they are looked at several times."""


@dataclass
class Noise:
    """Sums over all values of a tensor: squares of the float ones, and of what the quantized ones differ by."""

    signal: float = 0.0
    noise: float = 0.0

    def add(self, f: torch.Tensor, q: torch.Tensor) -> None:
        for a, _, _, noise in _chunks(f, q):
            self.signal += float(torch.dot(a, a))
            self.noise += noise

    def include(self, other: Self) -> None:
        """Sums over the values of both."""
        self.signal += other.signal
        self.noise += other.noise

    @property
    def sqnr_db(self) -> float | None:
        return sqnr_db(self.signal, self.noise)


@dataclass
class Power(Noise):
    """Besides: squares of the quantized values, their products with the float ones, and the largest difference."""

    quantized: float = 0.0
    product: float = 0.0
    count: int = 0
    max: float = 0.0

    def add(self, f: torch.Tensor, q: torch.Tensor) -> None:
        for a, b, d, noise in _chunks(f, q):
            signal, quantized = float(torch.dot(a, a)), float(torch.dot(b, b))
            self.signal += signal
            self.quantized += quantized
            self.noise += noise
            self.product += (signal + quantized - noise) / 2  # (b - a)² = a² + b² - 2ab
            self.count += len(a)
            self.max = float(np.maximum(self.max, max(abs(float(end)) for end in torch.aminmax(d))))

    def include(self, other: Self) -> None:
        super().include(other)
        self.quantized += other.quantized
        self.product += other.product
        self.count += other.count
        self.max = float(np.maximum(self.max, other.max))

    @property
    def mse(self) -> float | None:
        return self.noise / self.count if self.count else None

    def rmse_steps(self, params: QParams | None) -> float | None:
        """Root mean square in steps of a grid; None where there is none with one step for all."""
        if self.mse is None or params is None or params.is_float or params.scale.ndim:
            return None
        return math.sqrt(self.mse) / float(params.scale)

    @property
    def cosine(self) -> float | None:
        power = math.sqrt(self.signal * self.quantized)
        return self.product / power if power else None


def _chunks(f: torch.Tensor, q: torch.Tensor) -> Iterator[tuple[torch.Tensor, torch.Tensor, torch.Tensor, float]]:
    """Float values, quantized ones, their difference, which is valid until the next chunk is asked for, and its power.

    What is the same infinity in both (a mask's) does not differ, and counts as 0.
    """
    f, q = _flat(f.float(), f), _flat(q.float(), f)
    difference = torch.empty(min(CHUNK, len(f)))
    for a, b in zip(f.split(CHUNK), q.split(CHUNK), strict=True):
        if not len(a):
            continue
        d = torch.sub(b, a, out=difference[: len(a)])
        noise = float(torch.dot(d, d))
        if math.isnan(noise):
            same = a.isinf() & (a == b)
            a, b, d = (x.masked_fill(same, 0) for x in (a, b, d))
            noise = float(torch.dot(d, d))
        yield a, b, d, noise


def _flat(x: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """All values as one axis, in the order in which `like` has them in memory."""
    if like.dim() == 4 and like.is_contiguous(memory_format=torch.channels_last):
        x = x.permute(0, 2, 3, 1)
    return x.reshape(-1)


@dataclass
class OutputErrors:
    """What quantization does to the model's outputs, summed over batches.

    Parameters
    ----------
    classes : ClassAxis
        How the judged output is read: its arg max over the classes is the answer, its softmax (or what
        a model that ends in a softmax gives) the distribution of KL(float || quantized). Of an output
        with classes at every position a sample's figures are means over its positions.
    """

    classes: ClassAxis = "flat"
    powers: list[Power] = field(default_factory=list)
    kl: list[NDArray[np.float64]] = field(default_factory=list)
    agree: list[NDArray[np.float64]] = field(default_factory=list)

    def add(self, reference: Sequence[torch.Tensor], quantized: Sequence[torch.Tensor]) -> None:
        if not self.powers:
            self.powers = [Power() for _ in reference]
        for power, f, q in zip(self.powers, reference, quantized, strict=True):
            power.add(f, q)
        first, second = logits(reference, self.classes), logits(quantized, self.classes)
        if first is None or second is None:
            return
        self.kl.append(kl_divergence(first, second).numpy())
        self.agree.append(agreement(first, second))

    def include(self, other: OutputErrors) -> None:
        """Sums over the samples of both, these first."""
        if not self.powers:
            self.powers = [Power() for _ in other.powers]
        for power, more in zip(self.powers, other.powers, strict=True):
            power.include(more)
        self.kl += other.kl
        self.agree += other.agree

    @property
    def mse(self) -> float | None:
        """Noise over float power, mean over the outputs."""
        shares = [power.noise / power.signal for power in self.powers if power.signal]
        return sum(shares) / len(shares) if shares else None

    @property
    def sqnr_db(self) -> float | None:
        return None if self.mse is None else sqnr_db(1.0, self.mse)

    @property
    def exact(self) -> bool:
        """Whether all outputs are equal, of which the SQNR is infinite."""
        return bool(self.powers) and all(power.count and power.noise == 0 for power in self.powers)

    @property
    def mean_kl(self) -> float | None:
        return float(np.concatenate(self.kl).mean()) if self.kl else None

    @property
    def kl_interval(self) -> Interval | None:
        return intervals.mean(np.concatenate(self.kl)) if self.kl else None

    @property
    def agreement(self) -> float | None:
        return float(np.concatenate(self.agree).mean()) if self.agree else None

    @property
    def agreement_interval(self) -> Interval | None:
        """Wilson's where every sample has one answer, else that of a mean over samples."""
        if not self.agree:
            return None
        shares = np.concatenate(self.agree)
        if np.isin(shares, (0, 1)).all():
            return intervals.share(int(shares.sum()), len(shares))
        return intervals.mean(shares)


LEAST_PROBABILITY = float(torch.finfo(torch.float32).eps)
"""What a model's own softmax gives less than counts as this: a grid's zero has no logarithm."""


def logits(outputs: Sequence[torch.Tensor], classes: ClassAxis = "flat") -> torch.Tensor | None:
    """The judged output as float32 (samples, positions, classes) where it can be read so, else None.

    Of an output (samples, classes) there is one position. Probabilities give their logarithm, whose softmax
    they are; one probability gives those of both classes.
    """
    place, axis = place_of(classes)
    if axis is None or place >= len(outputs) or not outputs[place].is_floating_point():
        return None
    first = outputs[place].float()
    if isinstance(classes, Of) and classes.sigmoid:
        second = first.reshape(-1, 1)
        return torch.stack([1 - second, second], -1).clamp_min(LEAST_PROBABILITY).log()
    if isinstance(classes, Of) and classes.probabilities:
        first = first.clamp_min(LEAST_PROBABILITY).log()
    if axis == "flat":
        return first[:, None] if first.dim() == 2 and first.shape[-1] > 1 else None
    if first.dim() < 2 or not -first.dim() <= axis < first.dim() or first.shape[axis] < 2:
        return None
    last = first.movedim(axis, -1)
    return last.reshape(len(last), -1, last.shape[-1])


def kl_divergence(reference: torch.Tensor, quantized: torch.Tensor) -> torch.Tensor:
    """KL(softmax(reference) || softmax(quantized)), nats, per sample.

    Parameters
    ----------
    reference, quantized : torch.Tensor
        Logits, shape (samples, classes) or (samples, positions, classes); of several positions the mean.

    Returns
    -------
    torch.Tensor
        float64, shape (samples,).
    """
    p = torch.log_softmax(reference.double(), -1)
    q = torch.log_softmax(quantized.double(), -1)
    found = (p.exp() * (p - q)).sum(-1).clamp_min(0)
    return found if found.dim() == 1 else found.mean(1)


def agreement(reference: torch.Tensor, quantized: torch.Tensor) -> NDArray[np.float64]:
    """Share of a sample's positions with the same answer, shape (samples,); 0 or 1 where there is one.

    Parameters
    ----------
    reference, quantized : torch.Tensor
        Logits, shape (samples, positions, classes).
    """
    same = (reference.argmax(-1) == quantized.argmax(-1)).double()
    return np.asarray(same.mean(1).numpy())


@dataclass(frozen=True)
class Measured:
    """Errors of every layer and of the outputs."""

    layers: Mapping[str, Errors]
    outputs: OutputErrors
    samples: int


def measure(
    quantization: Quantization,
    batches: Iterable[Sequence[torch.Tensor]],
    report: Report = silent,
    *,
    total: int = 0,
    layer_samples: int | None = None,
    collect: Callable[[Sequence[torch.Tensor], Sequence[torch.Tensor]], None] | None = None,
    classes: ClassAxis = "flat",
) -> Measured:
    """Run float and simulated model side by side.

    *Local* is a layer with its own quantization on float input; *cumulative* has everything
    before it quantized as well.

    Parameters
    ----------
    quantization : Quantization
    batches : iterable of sequences of torch.Tensor
        Model inputs, batch first.
    report : Report
    total : int
        Number of samples to come, for the report.
    layer_samples : int, optional
        Measure layers on the first so many samples only, the outputs on all (two thirds of the cost).
    collect : callable, optional
        Called with the float and the simulated outputs of every batch.
    classes : ClassAxis
        How the first output is read.

    Returns
    -------
    Measured
        Layers' errors by id.
    """
    graph = quantization.graph
    plain = Executor(quantization.float_graph, channels_last=True)
    simulation = simulate(quantization, channels_last=True)
    # On float input a layer is to show its own rounding alone, not its input's: no integers go in.
    alone = Simulation(quantization, channels_last=True)
    found = OutputErrors(classes)
    of_layers = {layer.id: _LayerPowers() for layer in graph.layers if not layer.transparent}

    def pieces() -> Iterator[_Piece]:
        seen = 0
        for batch in batches:
            # The range of a dynamic layer's input is that of the batch.
            for inputs in [batch] if quantization.dynamic else portions(graph, batch):
                size = samples_of(inputs)
                yield _Piece(inputs, size, layer_samples is None or seen < layer_samples)
                seen += size

    def run(piece: _Piece, report: Report) -> tuple[int, Any, Any, Mapping[str, _LayerPowers]]:
        with torch.inference_mode():
            if piece.layers:
                return piece.size, *_side_by_side(plain, simulation, alone, piece.inputs, report)
            report(0, 1, Text("simulating"))
            reference = plain(piece.inputs)
            report(0.5, 1, Text("simulating"))
            return piece.size, reference, simulation(piece.inputs), {}

    samples = 0

    def each(piece: _Piece) -> int:
        return 3 * VALUE_BYTES * graph.live_values * piece.size  # float, quantized, and a layer by itself

    for size, reference, quantized, powers in in_parallel(
        run, pieces(), lambda piece: piece.size, report, total=total, each=each, apart=not graph.opaque
    ):
        found.add(outputs_of(reference), outputs_of(quantized))
        if collect is not None:
            collect(outputs_of(reference), outputs_of(quantized))
        for id, of_piece in powers.items():
            of_layers[id].include(of_piece)
        samples += size
    rows = {
        layer.id: of_layers[layer.id].errors(quantization.values.get(layer.value))
        for layer in graph.layers
        if layer.id in of_layers and of_layers[layer.id].cumulative.count
    }
    return Measured(rows, found, samples)


@dataclass(frozen=True)
class _Piece:
    """Samples that go through together, and whether the layers are measured on them."""

    inputs: Sequence[torch.Tensor]
    size: int
    layers: bool


@dataclass
class _LayerPowers:
    """Of one layer's value: its own rounding on float input (by part), and with all before it quantized."""

    local: Power = field(default_factory=Power)
    weight: Noise = field(default_factory=Noise)
    activation: Noise = field(default_factory=Noise)
    cumulative: Power = field(default_factory=Power)

    def include(self, other: _LayerPowers) -> None:
        """Sums over the samples of both."""
        self.local.include(other.local)
        self.weight.include(other.weight)
        self.activation.include(other.activation)
        self.cumulative.include(other.cumulative)

    def errors(self, params: QParams | None) -> Errors:
        local, cumulative = self.local, self.cumulative
        return Errors(
            local_sqnr_db=local.sqnr_db,
            cumulative_sqnr_db=cumulative.sqnr_db,
            local_mse=local.mse,
            cumulative_mse=cumulative.mse,
            local_cosine=local.cosine,
            cumulative_cosine=cumulative.cosine,
            exact=cumulative.count > 0 and cumulative.noise == 0,
            local_rmse_steps=local.rmse_steps(params),
            cumulative_rmse_steps=cumulative.rmse_steps(params),
            local_max=local.max if local.count else None,
            cumulative_max=cumulative.max,
            local_weight_sqnr_db=self.weight.sqnr_db,
            local_activation_sqnr_db=self.activation.sqnr_db,
        )


def first_of(value: Any) -> Any:
    """The first of an operator's several results: of a recurrent layer what it hands on at every step."""
    return value[0] if isinstance(value, tuple) and value else value


def _add_own(
    powers: _LayerPowers, plain: Executor, alone: Simulation, layer: Layer, floats: Mapping[str, Any], f: Any
) -> None:
    """A layer's own rounding on float input, and that of its weights and of its activation apart."""
    q, first = alone.quantization, first_of(f)
    if layer.id not in q.weights:
        powers.local.add(first, first_of(alone.run_layer(layer, floats)))
        if layer.op not in RECURRENT:
            powers.activation.include(powers.local)
        return
    read = alone.as_read(layer, floats)
    # Where what it reads was rounded already, where that was made, nothing is to be computed twice.
    as_it_is = all(read[name] is floats[name] for name in layer.inputs)
    by_weight = alone.compute(layer, floats)
    both, coarse = (by_weight, f) if as_it_is else (alone.compute(layer, read), plain.compute(layer, read))
    integer = layer.id in q.quantized
    powers.weight.add(first, by_weight)
    powers.local.add(first, alone.round(layer, both, its_own=layer.op in NEW) if integer else both)
    powers.activation.add(first, alone.round(layer, coarse) if integer else coarse)


def _side_by_side(
    plain: Executor,
    simulation: Simulation,
    alone: Simulation,
    inputs: Sequence[torch.Tensor],
    report: Report,
) -> tuple[Any, Any, Mapping[str, _LayerPowers]]:
    """One piece through both models, layer by layer, so that no activation is kept longer than needed."""
    graph, q = simulation.graph, simulation.quantization
    of_layers = {layer.id: _LayerPowers() for layer in graph.layers if not layer.transparent}
    last = {name: index for index, layer in enumerate(graph.layers) for name in layer.inputs}
    ours = {
        spec.name: t.contiguous(memory_format=torch.channels_last) if t.dim() == 4 else t
        for spec, t in zip(graph.inputs, inputs, strict=True)
    }
    floats: dict[str, Any] = dict(ours)
    quantized: dict[str, Any] = dict(ours)
    for index, layer in enumerate(graph.layers):
        f = plain.compute(layer, floats)
        measured = simulation.run_layer(layer, quantized)
        first = first_of(f)
        if layer.id in of_layers and isinstance(first, torch.Tensor) and first.is_floating_point():
            powers = of_layers[layer.id]
            powers.cumulative.add(first, first_of(measured))
            if layer.id in q.rounding:
                _add_own(powers, plain, alone, layer, floats, f)
        floats[layer.value], quantized[layer.value] = f, measured
        for name in layer.inputs:
            if last[name] == index and name not in graph.output_values:
                floats.pop(name, None)
                quantized.pop(name, None)
        report(index + 1, len(graph.layers), Text("measuring errors"))
    return [floats[n] for n in graph.output_values], [quantized[n] for n in graph.output_values], of_layers
