"""What a lowered model can do, in the child process that runs it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import torch

from ..progress import Report

WARM_UPS = 10
"""Runs before those that are timed."""


@dataclass(frozen=True)
class Timing:
    """Times of interleaved runs of the float and the integer model, in the same runtime.

    Parameters
    ----------
    fp32_ms, int8_ms : list of float
        One per run, end to end, ms, see `Stopwatch`.
    fp32_us, int8_us : mapping of layer id to list of float
        One per run, µs; absorbed layers' time is in the layer that absorbed them. What belongs
        to no layer (quantize and dequantize at the borders) is under the id of the layer that
        needs it where that is known, else under ``""``.
    boundaries : mapping of (str, str) to list of float
        µs per run of the quantizers and dequantizers of the integer model by what they stand
        between: the layer, or model input, that they read, and the layer, or output, that reads
        them. These times are in `int8_us` too.
    fp32_in, int8_in : mapping of layer id to layer id
        Layers that the runtime fused into another, whose time has theirs in it.
    waited : float
        Share of the time in which other programs had the processor, 0 to 1.
    """

    fp32_ms: list[float]
    int8_ms: list[float]
    fp32_us: Mapping[str, list[float]] = field(default_factory=dict)
    int8_us: Mapping[str, list[float]] = field(default_factory=dict)
    boundaries: Mapping[tuple[str, str], list[float]] = field(default_factory=dict)
    fp32_in: Mapping[str, str] = field(default_factory=dict)
    int8_in: Mapping[str, str] = field(default_factory=dict)
    waited: float = 0.0


@dataclass(frozen=True)
class LayerTimes:
    """Times of one model's layers, as `Timing` has them.

    Parameters
    ----------
    us : mapping of layer id to list of float
        µs in each run; under an empty id what belongs to none.
    boundaries : mapping of (str, str) to list of float
        µs in each run of what stands between two layers, or an input or output; part of `us` as well.
    inside : mapping of layer id to layer id
        Layers whose time is in that of another.
    """

    us: Mapping[str, list[float]] = field(default_factory=dict)
    boundaries: Mapping[tuple[str, str], list[float]] = field(default_factory=dict)
    inside: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Call:
    """What one call of an integer kernel read and gave.

    Parameters
    ----------
    source : torch.Tensor
        The real numbers, float32, that the integers it read stand for.
    result : torch.Tensor
        As it was handed on: float32, or integers of the value's grid.
    added : torch.Tensor | None
        Real numbers that it added to its sums.
    curve : callable | None
        What it applied to its sums then.
    """

    source: torch.Tensor
    result: torch.Tensor
    added: torch.Tensor | None = None
    curve: Callable[[torch.Tensor], torch.Tensor] | None = None

    def without(self, axis: int) -> Call:
        """The same call without an axis of length 1 that the layer's values have not."""
        added = None if self.added is None else self.added.squeeze(axis)
        return replace(self, source=self.source.squeeze(axis), result=self.result.squeeze(axis), added=added)


class Runner(Protocol):
    """A plan lowered to one backend, ready to run. Lives in a child process that may be killed."""

    kernels: Mapping[str, str]
    """Id of every layer that really runs in integers, and the kernel's name."""

    def run(self, inputs: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """Outputs of the integer model, float32."""
        ...

    def integers(self, inputs: Sequence[torch.Tensor]) -> dict[str, torch.Tensor]:
        """The integers (int32) that the kernels handed on, by value name.

        Holds every value that is quantized at its origin, and those that are quantized where
        a quantized layer reads them (model inputs among them).
        """
        ...

    def reals(self, inputs: Sequence[torch.Tensor]) -> dict[str, torch.Tensor]:
        """What layers handed on in float, by value name, as far as it can be read without changing what runs.

        Needed for layers that an integer kernel computes and whose value is on no grid, and of what they read.
        """
        ...

    def calls(self, inputs: Sequence[torch.Tensor]) -> dict[str, list[Call]]:
        """The calls of integer kernels, by layer id, where values by name do not tell what they read and gave."""
        ...

    def time(self, inputs: Sequence[torch.Tensor], threads: int, runs: int, report: Report) -> Timing:
        """Time float against integers: 10 warm-ups, then `runs` interleaved runs of each."""
        ...


@contextlib.contextmanager
def threads_set(count: int) -> Iterator[None]:
    """torch's number of threads, for a while."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
