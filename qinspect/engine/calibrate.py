"""One streaming pass over the data: statistics of every tensor, in memory of bounded size."""

from __future__ import annotations

import io
import json
import math
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from .execute import Executor
from .files import write_atomically
from .graph import Layer, LayerGraph
from .problem import Problem
from .progress import Report, silent
from .statistics import BINS, Histogram, TensorStats, bin_exponent

SHARE = 0.125
"""Share of a tensor's values that its variance, zeros and histogram rest on."""

ALWAYS = 1 << 14
"""Tensors with no more values than this in a batch are taken whole."""


@dataclass(frozen=True)
class Calibration:
    """Statistics of every value that may be quantized.

    Parameters
    ----------
    tensors : mapping of value name to TensorStats
        Model inputs and every layer that is not transparent.
    samples : int
        Samples that went through.
    key : str
        Of model, data and split.
    seconds : float
        Wall time of the pass.
    forward_seconds : float | None
        Wall time of the user's own float model on the same batches, where that was measured.
    """

    tensors: Mapping[str, TensorStats]
    samples: int
    key: str = ""
    seconds: float = 0.0
    forward_seconds: float | None = None

    def merged(self, other: Calibration) -> Calibration:
        """Statistics of both parts; values that one part lacks are taken from the other."""
        tensors = dict(self.tensors)
        for name, stats in other.tensors.items():
            tensors[name] = tensors[name].merged(stats) if name in tensors else stats
        return replace(
            self, tensors=tensors, samples=self.samples + other.samples, seconds=self.seconds + other.seconds
        )

    def of(self, graph: LayerGraph) -> Calibration:
        """The statistics by the values' names in a graph, of which remedies may have scaled some."""
        if not graph.statistics:
            return self
        own = {value: self.tensors.get(name) for value, name in graph.statistics.items()}
        tensors = {name: stats for name, stats in {**self.tensors, **own}.items() if stats is not None}
        return replace(self, tensors=tensors)

    def save(self, path: Path) -> None:
        """Write an npz file: a header (JSON) and the arrays. The file is whole or not there."""
        write_atomically(path, self.to_bytes())

    def to_bytes(self) -> bytes:
        """The npz file's content."""
        header: dict[str, Any] = {
            "version": 1,
            "samples": self.samples,
            "key": self.key,
            "seconds": self.seconds,
            "forward_seconds": self.forward_seconds,
            "tensors": [],
        }
        arrays: dict[str, np.ndarray[Any, Any]] = {}
        for index, (name, stats) in enumerate(self.tensors.items()):
            header["tensors"].append(
                {
                    "name": name,
                    **{key: getattr(stats, key) for key in _SCALARS},
                    "exponent": stats.histogram.exponent,
                    "first": stats.histogram.first,
                }
            )
            for key in _ARRAYS:
                arrays[f"{index}.{key}"] = getattr(stats, key)
            arrays[f"{index}.counts"] = stats.histogram.counts
        arrays["header"] = np.frombuffer(json.dumps(header).encode(), np.uint8)
        out = io.BytesIO()
        np.savez_compressed(out, **arrays)  # type: ignore[arg-type]
        return out.getvalue()


_SCALARS = ("count", "min", "max", "mean", "nonfinite", "sampled", "sample_mean", "variance", "zeros")
_ARRAYS = ("channel_min", "channel_max", "batch_min", "batch_max")


def load_calibration(source: Path | bytes) -> Calibration:
    """Read what `Calibration.save` wrote.

    Raises
    ------
    Problem
        Naming the file, where it is damaged or of another kind.
    """
    where = str(source) if isinstance(source, Path) else "statistics"
    try:
        content = source.read_bytes() if isinstance(source, Path) else source
        with np.load(io.BytesIO(content), allow_pickle=False) as data:
            header = json.loads(data["header"].tobytes())
            if header["version"] != 1:
                raise Problem(where, f"has version {header['version']}", "Calibrate anew with this version.")
            tensors = {}
            for index, item in enumerate(header["tensors"]):
                histogram = Histogram(int(item["exponent"]), int(item["first"]), data[f"{index}.counts"])
                counts = histogram.counts
                if counts.ndim != 1 or len(counts) > BINS or counts.dtype != np.int64 or (counts < 0).any():
                    raise ValueError("histogram")
                tensors[str(item["name"])] = TensorStats(
                    **{key: item[key] for key in _SCALARS},
                    **{key: data[f"{index}.{key}"] for key in _ARRAYS},
                    histogram=histogram,
                )
            return Calibration(
                tensors, int(header["samples"]), str(header["key"]), float(header["seconds"]), header["forward_seconds"]
            )
    except FileNotFoundError:
        raise Problem(where, "no such file", "Check the path.") from None
    except Problem:
        raise
    except Exception as error:  # whatever a damaged archive makes zipfile, zlib, numpy and json raise
        what = " ".join(str(error).split())[:200] or type(error).__name__
        raise Problem(where, f"is not a statistics file ({what})", "Calibrate anew.") from error


def wanted_values(graph: LayerGraph) -> tuple[str, ...]:
    """Values that a plan may quantize: floating inputs, and outputs of layers that make new float values.

    Those are the ones that compute, and of the transparent ones those that read no float value: one of
    an LSTM's several results, a state of zeros, integers made float.
    """
    inputs = [spec.name for spec in graph.inputs if spec.dtype.startswith("float")]
    layers = [
        layer.value
        for layer in graph.layers
        if layer.dtype.startswith("float") and not (layer.transparent and graph.data(layer))
    ]
    return (*inputs, *layers)


def calibrate(
    graph: LayerGraph,
    batches: Iterable[Sequence[torch.Tensor]],
    report: Report = silent,
    *,
    total: int = 0,
    only: frozenset[str] | None = None,
    share: float = SHARE,
) -> Calibration:
    """Run the float graph over the data and gather statistics.

    Parameters
    ----------
    graph : LayerGraph
        Fused as the plan wants; values that its layers hand on are observed.
    batches : iterable of sequences of torch.Tensor
        Model inputs, batch first.
    report : Report
        Told after every layer; may raise Cancelled.
    total : int
        Number of samples to come, for the report.
    only : frozenset of str, optional
        Observe these values alone.
    share : float
        Share of the values that variance, zeros and histogram rest on.

    Returns
    -------
    Calibration
    """
    names = frozenset(wanted_values(graph)) if only is None else only
    watchers = {name: _Watcher(share) for name in wanted_values(graph) if name in names}
    executor = Executor(graph, channels_last=True)
    count = len(graph.layers)
    samples = 0
    began = time.perf_counter()
    with torch.inference_mode():
        for inputs in batches:
            size = int(inputs[0].shape[0]) if inputs[0].dim() else 1
            done = 0

            def watch(layer: Layer, value: torch.Tensor, size: int = size, before: int = samples) -> torch.Tensor:
                nonlocal done
                done += 1
                report(before + size * done / count, total or before + size, "calibrating")
                watcher = watchers.get(layer.value)
                if watcher is not None:
                    watcher.see(value)
                return value

            for spec, tensor in zip(graph.inputs, inputs, strict=True):
                if spec.name in watchers:
                    watchers[spec.name].see(tensor)
            executor(inputs, watch)
            samples += size
            report(samples, total or samples, "calibrating")
    if not samples:
        raise Problem("data", "there is no sample to calibrate on", "Give more samples or another split.")
    tensors = {name: watcher.stats() for name, watcher in watchers.items() if watcher.parts}
    return Calibration(tensors, samples, seconds=time.perf_counter() - began)


class _Watcher:
    """Statistics of one value, batch by batch."""

    def __init__(self, share: float) -> None:
        self.share = share
        self.parts = 0
        self._total: TensorStats | None = None
        self._batch_min: list[float] = []
        self._batch_max: list[float] = []

    def see(self, x: torch.Tensor) -> None:
        if not x.numel():
            return
        stats = tensor_stats(x, self.share)
        self.parts += 1
        self._batch_min.append(stats.min)
        self._batch_max.append(stats.max)
        self._total = stats if self._total is None else self._total.merged(stats)

    def stats(self) -> TensorStats:
        assert self._total is not None
        return replace(
            self._total,
            batch_min=np.array(self._batch_min, np.float32),
            batch_max=np.array(self._batch_max, np.float32),
        )


_NOTHING = np.empty(0, np.float32)


def tensor_stats(x: torch.Tensor, share: float = 1.0) -> TensorStats:
    """Statistics of one tensor.

    Parameters
    ----------
    x : torch.Tensor
        Floating, any shape but empty; channels are on axis 1, or the last of two or three axes.
    share : float
        Of the values that variance, zeros and histogram rest on.
    """
    if x.dtype in (torch.float16, torch.bfloat16):
        x = x.float()  # their sums overflow
    if x.dim() >= 2:
        axis = 1 if x.dim() > 3 or x.dim() == 2 else 2
        others = [i for i in range(x.dim()) if i != axis]
        channel_min, channel_max = torch.amin(x, others), torch.amax(x, others)
        ends = torch.stack([channel_min.amin(), channel_max.amax(), x.sum()]).tolist()
    else:
        channel_min = channel_max = torch.empty(0)
        ends = torch.stack([x.amin(), x.amax(), x.sum()]).tolist()
    low, high, total = ends
    flat = _in_memory_order(x)
    sample = flat[:: _stride(flat.numel(), share)].contiguous()
    nonfinite = 0
    if not (math.isfinite(low) and math.isfinite(high)):
        nonfinite = int((~torch.isfinite(x)).sum())
        sample = sample[torch.isfinite(sample)]
        finite = x[torch.isfinite(x)]
        total = float(finite.sum())
    if not math.isfinite(total):  # the sum has overflown, the values have not
        total = float((finite if nonfinite else x).double().sum())
    sampled = sample.numel()
    if not sampled:
        histogram = Histogram(0, 0, np.empty(0, np.int64))
        mean = variance = 0.0
        zeros = 0
    else:
        mean = float(sample.mean())
        centred = (sample - mean).flatten()
        variance = float(torch.dot(centred, centred)) / sampled
        if not math.isfinite(variance):
            wide = sample.double()
            mean, variance = float(wide.mean()), float(wide.var(correction=0))
        zeros = sampled - int(torch.count_nonzero(sample))
        ends_known = not nonfinite
        histogram = _histogram(sample, *((low, high) if ends_known else map(float, torch.aminmax(sample))))
    count = x.numel()
    return TensorStats(
        count,
        low,
        high,
        total / max(1, count - nonfinite),
        channel_min.float().numpy(),
        channel_max.float().numpy(),
        _NOTHING,
        _NOTHING,
        nonfinite,
        sampled,
        mean,
        variance,
        zeros,
        histogram,
    )


def _stride(count: int, share: float) -> int:
    """Distance between sampled values; without a common factor with any axis, so that all channels are met."""
    if count <= ALWAYS or share >= 1:
        return 1
    stride = max(2, int(1 / share))
    while math.gcd(stride, count) != 1:
        stride += 1
    return stride


def _in_memory_order(x: torch.Tensor) -> torch.Tensor:
    """All values as one axis, without copying where the tensor is dense in either layout."""
    if x.dim() == 4 and x.is_contiguous(memory_format=torch.channels_last):
        return x.permute(0, 2, 3, 1).reshape(-1)
    return x.reshape(-1)


def _histogram(sample: torch.Tensor, low: float, high: float) -> Histogram:
    exponent = bin_exponent(low, high)
    width = math.ldexp(1.0, exponent)
    first = math.floor(low / width)
    # A power of two of bins whose edges are multiples of the width: torch.histc then only scales.
    ends = first * width, (first + BINS) * width
    values = sample.float() if max(map(abs, ends)) < torch.finfo(torch.float32).max else sample.double()
    counts = torch.histc(values, BINS, *ends).numpy().astype(np.int64)
    used = math.floor(high / width) - first + 1
    spill = counts[used:].sum()  # a value that rounding put on the edge above its bin
    counts = counts[:used]
    counts[-1] += spill
    return Histogram(exponent, first, counts)
