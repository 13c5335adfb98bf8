"""From runs to the times of layers, of the borders between them, and of the whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from .backends.runner import Timing
from .profiles import DeviceTimes
from .results.kernels import Boundary, Latency, LatencySums

FAR_OUT = 3.0
"""A run is an outlier that lies so many interquartile ranges above the upper quartile (Tukey's far-out values)."""


def layer_latencies(timing: Timing) -> dict[str, Latency]:
    """Median times of the layers that were timed, and which ones the runtime fused into another."""
    found = {}
    for layer in {**timing.fp32_us, **timing.int8_us, **timing.fp32_in, **timing.int8_in}:
        if not layer:
            continue
        fp32, int8 = timing.fp32_us.get(layer), timing.int8_us.get(layer)
        found[layer] = Latency(
            _median(fp32),
            _median(int8),
            float(np.subtract(*np.percentile(int8, [75, 25]))) if int8 else None,
            timing.fp32_in.get(layer) or None,
            timing.int8_in.get(layer) or None,
            *_quartiles(fp32),
            *_quartiles(int8),
        )
    return found


def latency_sums(timing: Timing) -> LatencySums:
    """The layers' sum beside the whole, what the borders cost, and the runs that lie far out."""
    boundaries = [
        Boundary(source, reader, float(np.median(times))) for (source, reader), times in timing.boundaries.items()
    ]
    return LatencySums(
        runs=len(timing.int8_ms),
        fp32_layers_us=_sum(timing.fp32_us),
        int8_layers_us=_sum(timing.int8_us),
        fp32_outliers=outliers(timing.fp32_ms),
        int8_outliers=outliers(timing.int8_ms),
        boundaries=tuple(sorted(boundaries, key=lambda item: -item.us)),
    )


def outliers(times: Sequence[float]) -> int:
    """Number of runs that took far longer than the others."""
    if len(times) < 4:
        return 0
    lower, upper = np.percentile(times, [25, 75])
    return int((np.asarray(times) > upper + FAR_OUT * (upper - lower)).sum())


def device_latencies(times: DeviceTimes) -> dict[str, Latency]:
    """The same of what another device measured; it gives no spread."""
    layers = {**times.fp32_us, **times.int8_us, **times.fp32_in, **times.int8_in}
    return {
        layer: Latency(
            times.fp32_us.get(layer),
            times.int8_us.get(layer),
            None,
            times.fp32_in.get(layer),
            times.int8_in.get(layer),
        )
        for layer in layers
        if layer
    }


def device_sums(times: DeviceTimes) -> LatencySums:
    """The same of what another device measured."""
    return LatencySums(
        device=times.device,
        runs=times.runs,
        fp32_layers_us=sum(times.fp32_us.values()) if times.fp32_us else None,
        int8_layers_us=sum(times.int8_us.values(), times.unknown_us) if times.int8_us else None,
    )


def _quartiles(times: Sequence[float] | None) -> tuple[float, float] | tuple[None, None]:
    if not times:
        return None, None
    low, high = np.percentile(times, [25, 75])
    return float(low), float(high)


def _median(times: Sequence[float] | None) -> float | None:
    return float(np.median(times)) if times else None


def _sum(us: Mapping[str, Sequence[float]]) -> float | None:
    return sum(float(np.median(times)) for times in us.values() if times) if us else None
