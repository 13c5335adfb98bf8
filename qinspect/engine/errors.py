"""How far quantized values are from float ones, and outputs from outputs: sums, and what follows from them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray

from . import intervals
from .classes import ClassAxis, Of, place_of
from .intervals import Interval
from .qparams import QParams


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
    powers : list of Power
        Of each output of real numbers; of all, where none is.
    cosines : list of arrays
        Of each sample's vector with the float one, where the judged output is (samples, features) and no classes.
    """

    classes: ClassAxis = "flat"
    powers: list[Power] = field(default_factory=list)
    cosines: list[NDArray[np.float64]] = field(default_factory=list)
    kl: list[NDArray[np.float64]] = field(default_factory=list)
    agree: list[NDArray[np.float64]] = field(default_factory=list)

    def add(self, reference: Sequence[torch.Tensor], quantized: Sequence[torch.Tensor]) -> None:
        # The distance of two class indices says nothing, and would outweigh all else.
        real = [i for i, f in enumerate(reference) if f.is_floating_point()] or range(len(reference))
        if not self.powers:
            self.powers = [Power() for _ in real]
        for power, i in zip(self.powers, real, strict=True):
            power.add(reference[i], quantized[i])
        first, second = logits(reference, self.classes), logits(quantized, self.classes)
        if first is None or second is None:
            place, _ = place_of(self.classes)
            f, q = (outputs[place] if place < len(outputs) else None for outputs in (reference, quantized))
            if f is not None and q is not None and f.is_floating_point() and f.dim() == 2 and f.shape[1] > 1:
                self.cosines.append(torch.cosine_similarity(f.double(), q.double(), -1).numpy())
            return
        self.kl.append(kl_divergence(first, second).numpy())
        self.agree.append(agreement(first, second))

    def include(self, other: OutputErrors) -> None:
        """Sums over the samples of both, these first."""
        if not self.powers:
            self.powers = [Power() for _ in other.powers]
        for power, more in zip(self.powers, other.powers, strict=True):
            power.include(more)
        self.cosines += other.cosines
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
    def cosine(self) -> float | None:
        return float(np.concatenate(self.cosines).mean()) if self.cosines else None

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
