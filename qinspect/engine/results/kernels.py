"""What the kernels of a target took and gave, layer by layer: plain data of an analysis."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Latency:
    """Median time of one layer, µs, of what really ran; `spread_us` is the int8 interquartile range.

    `low` and `high` are the lower and the upper quartile. `fp32_in` and `int8_in` are the id of the layer
    whose time has this one's in it, where the runtime fused them: then this one has none of its own.
    """

    fp32_us: float | None = None
    int8_us: float | None = None
    spread_us: float | None = None
    fp32_in: str | None = None
    int8_in: str | None = None
    fp32_low_us: float | None = None
    fp32_high_us: float | None = None
    int8_low_us: float | None = None
    int8_high_us: float | None = None

    @property
    def apart(self) -> bool:
        """Whether the two medians differ by more than the measurement spreads: the quartiles do not overlap."""
        if self.fp32_us is None or self.int8_us is None:
            return False
        first, second = (self.fp32_low_us, self.fp32_high_us), (self.int8_low_us, self.int8_high_us)
        if None in first or None in second:  # of another device
            return self.int8_us != self.fp32_us
        return bool(second[0] > first[1] or first[0] > second[1])  # type: ignore[operator]

    @property
    def slower(self) -> bool:
        """Whether int8 takes longer than float: by more than a tenth, and by more than the measurement spreads."""
        return self.apart and (self.int8_us or 0.0) > 1.1 * (self.fp32_us or 0.0)


@dataclass(frozen=True)
class Boundary:
    """Quantizers and dequantizers between two layers (or a model's input or output), median, µs.

    Their time is part of the time of the layer that needs them.
    """

    source: str
    reader: str
    us: float


@dataclass(frozen=True)
class LatencySums:
    """How the layers' times and the whole's go together.

    Parameters
    ----------
    device : str | None
        Where they were measured; None is this computer.
    runs : int
        Interleaved runs of each model.
    fp32_layers_us, int8_layers_us : float | None
        Sum of the layers' times, what belongs to none of them included. It is not the end-to-end
        time (`Totals.fp32_ms`, `Totals.int8_ms`): a profiler costs time, and so does what runs
        between the layers.
    fp32_outliers, int8_outliers : int | None
        End-to-end runs that lie more than three interquartile ranges above the upper quartile; the
        medians hardly feel them.
    boundaries : tuple of Boundary
        What the borders between float and integers cost, the dearest first.
    """

    device: str | None = None
    runs: int = 0
    fp32_layers_us: float | None = None
    int8_layers_us: float | None = None
    fp32_outliers: int | None = None
    int8_outliers: int | None = None
    boundaries: tuple[Boundary, ...] = ()


@dataclass(frozen=True)
class KernelCheck:
    """The integer kernel's output against the simulation, both fed the kernel's own input.

    Parameters
    ----------
    max_steps : int
        Largest difference in steps of the output's grid; of a layer that hands on real numbers (dynamic,
        weight-only, or read by float layers alone) in steps of an 8-bit grid over their range.
    equal_share : float
        Share of the values that are equal.
    within_one : float
        Share of the values that differ by one step at most.
    saturated : bool
        The difference is that of a kernel whose intermediate sums overflow.
    histogram : mapping of int to int
        Number of values by difference in steps (kernel minus simulation), clipped to ±128.
    below_zero : int
        Values below 0 that the kernel handed on although a ReLU is fused into the layer.
    pairs : tuple of (int, int)
        Simulation and kernel at some of the values, in steps of the same grid (of real numbers counted from the
        smallest one): a share drawn evenly, and those that are farthest apart.
    """

    max_steps: int
    equal_share: float
    within_one: float
    saturated: bool = False
    histogram: dict[int, int] = field(default_factory=dict)
    below_zero: int = 0
    pairs: tuple[tuple[int, int], ...] = ()
