"""One streaming pass over the data: statistics of every tensor, in memory of bounded size."""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..files import demand_file, write_atomically
from ..graph import Layer, LayerGraph
from ..graph.execute import Executor, portions, samples_of
from ..graph.memory import VALUE_BYTES, Shortage, fixed_batch, ran_out
from ..parallel import at_a_time, in_parallel
from ..problem import Problem
from ..progress import Cancelled, Report, silent
from ..statistics import BINS, Histogram, TensorStats
from ..text import Text
from .observe import SHARE, Observer
from .observe import tensor_stats as tensor_stats


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
    planned : int
        Samples that were to go through; more than `samples` where the pass was stopped.
    share : float
        Share of the values that variance, zeros and histogram rest on.
    """

    tensors: Mapping[str, TensorStats]
    samples: int
    key: str = ""
    seconds: float = 0.0
    forward_seconds: float | None = None
    planned: int = 0
    share: float = SHARE

    @property
    def complete(self) -> bool:
        """Whether all samples that were to go through did."""
        return self.samples >= self.planned

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
            "planned": self.planned,
            "share": self.share,
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


KEEP_S = 15.0
"""What a long pass has is handed out at this interval, so that a process that is killed loses little."""

_SCALARS = ("count", "min", "max", "mean", "nonfinite", "sampled", "sample_mean", "variance", "zeros")
_ARRAYS = ("channel_min", "channel_max", "batch_min", "batch_max", "sample_min", "sample_max")


def load_calibration(source: Path | bytes) -> Calibration:
    """Read what `Calibration.save` wrote.

    Raises
    ------
    Problem
        Naming the file, where it is damaged or of another kind.
    """
    where = str(source) if isinstance(source, Path) else Text("statistics")
    if isinstance(source, Path):
        demand_file(source)
    try:
        content = source.read_bytes() if isinstance(source, Path) else source
        if content[:2] != b"PK":
            raise Problem(where, Text("is not a statistics file"), Text("Give what qinspect calibrate wrote."))
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if (damaged := archive.testzip()) is not None:  # numpy does not read so far that this would show
                raise ValueError(damaged)
        with np.load(io.BytesIO(content), allow_pickle=False) as data:
            header = json.loads(data["header"].tobytes())
            if header["version"] != 1:
                raise Problem(
                    where,
                    Text("has version {version}", version=header["version"]),
                    Text("Calibrate anew with this version."),
                )
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
                tensors,
                int(header["samples"]),
                str(header["key"]),
                float(header["seconds"]),
                header["forward_seconds"],
                int(header["planned"]),
                float(header["share"]),
            )
    except Problem:
        raise
    except Exception as error:  # whatever a damaged archive makes zipfile, zlib, numpy and json raise
        what = " ".join(str(error).split())[:200] or type(error).__name__
        raise Problem(where, Text("is not a statistics file ({what})", what=what), Text("Calibrate anew.")) from error


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
    start: Calibration | None = None,
    keep: Callable[[Calibration], None] | None = None,
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
        Number of samples to come, for the report; with what `start` has seen already.
    only : frozenset of str, optional
        Observe these values alone.
    share : float
        Share of the values that variance, zeros and histogram rest on; 1 is all of them.
    start : Calibration, optional
        Statistics of the batches before, which these are to be added to.
    keep : callable, optional
        Given the statistics of the batches that were seen whole, every `KEEP_S` and when the report
        raises Cancelled; as `start` they let the pass go on with the next batch.

    Returns
    -------
    Calibration
    """
    names = [name for name in wanted_values(graph) if only is None or name in only]
    executor = Executor(graph, channels_last=True)
    tensors = {} if start is None else {name: start.tensors[name] for name in names if name in start.tensors}
    samples = 0 if start is None else start.samples
    before = 0.0 if start is None else start.seconds
    began = kept = time.perf_counter()

    def found() -> Calibration:
        return Calibration(
            {name: tensors[name] for name in names if name in tensors},
            samples,
            "" if start is None else start.key,
            before + time.perf_counter() - began,
            planned=max(total, samples),
            share=share,
        )

    def run(piece: _Piece, report: Report) -> tuple[_Piece, dict[str, TensorStats]]:
        with torch.inference_mode():
            return piece, _statistics(executor, piece, names, share, report)

    def each(piece: _Piece) -> int:
        return VALUE_BYTES * graph.live_values * samples_of(piece.portions[0])

    pieces = (piece for batch in batches for piece in _pieces(graph, batch))
    of_batch: dict[str, TensorStats] = {}
    try:
        for piece, stats in in_parallel(
            run,
            pieces,
            lambda piece: piece.size,
            report,
            before=samples,
            total=total,
            each=each,
            apart=not graph.opaque,
        ):
            for name, of_piece in stats.items():
                of_batch[name] = of_batch[name].beside(of_piece) if name in of_batch else of_piece
            if not piece.last:
                continue
            for name, whole in of_batch.items():
                tensors[name] = tensors[name].merged(whole) if name in tensors else whole
            of_batch = {}
            samples += piece.of
            if keep is not None and time.perf_counter() - kept > KEEP_S:
                keep(found())
                kept = time.perf_counter()
    except Cancelled:
        if keep is not None and samples:
            keep(found())
        raise
    if not samples:
        raise Problem(
            Text("data"), Text("there is no sample to calibrate on"), Text("Give more samples or another split.")
        )
    return found()


@dataclass(frozen=True)
class _Piece:
    """Some portions of a batch: their samples and those of the whole, and whether they are its last ones."""

    portions: Sequence[Sequence[torch.Tensor]]
    size: float
    of: int
    last: bool


def _pieces(graph: LayerGraph, batch: Sequence[torch.Tensor]) -> Iterator[_Piece]:
    """A batch in as many pieces as are worked on at a time; its portions do not depend on their number."""
    size = samples_of(batch)
    parts = portions(graph, batch)
    ends = [len(parts) * i // at_a_time() for i in range(at_a_time() + 1)]
    for start, end in pairwise(sorted(set(ends))):
        yield _Piece(parts[start:end], size * (end - start) / len(parts), size, end == len(parts))


def _statistics(
    executor: Executor, piece: _Piece, names: Sequence[str], share: float, report: Report
) -> dict[str, TensorStats]:
    """Of one piece; in smaller portions where memory runs out."""
    parts = piece.portions
    while True:
        observers = {name: Observer(share) for name in names}
        try:
            for number, part in enumerate(parts):
                _observe(executor, part, observers, report, number, len(parts))
        except (Shortage, RuntimeError, MemoryError) as error:
            if not isinstance(error, Shortage) and not ran_out(error):
                raise
            most = len(parts[0][0]) // 2 if parts[0][0].dim() else 0
            smaller = [part for whole in parts for part in portions(executor.graph, whole, most=most)]
            if len(smaller) == len(parts):
                raise
            parts = smaller  # values of this piece have been counted already: it begins anew
        else:
            stats = {name: observer.stats() for name, observer in observers.items()}
            return {name: of_value for name, of_value in stats.items() if of_value is not None}


def _observe(
    executor: Executor,
    inputs: Sequence[torch.Tensor],
    observers: Mapping[str, Observer],
    report: Report,
    number: int,
    of: int,
) -> None:
    """One portion of a piece."""
    graph = executor.graph
    samples = samples_of(inputs)
    done = 0

    def see(layer: Layer, value: torch.Tensor) -> torch.Tensor:
        nonlocal done
        done += 1
        report(number + done / len(graph.layers), of, Text("collecting statistics"))
        observer = observers.get(layer.value)
        if observer is not None:
            observer.see(value, samples)
        return value

    for spec, tensor in zip(graph.inputs, inputs, strict=True):
        if spec.name in observers:
            observers[spec.name].see(tensor, samples)
    executor(inputs, see)


def memory_bytes(graph: LayerGraph, batch: int) -> int:
    """Largest memory that a calibration takes beside the model, estimated from the shapes before it runs.

    Parameters
    ----------
    graph : LayerGraph
        Fused as the plan wants.
    batch : int
        Samples of a batch.

    Returns
    -------
    int
        Bytes: the values that live at the same time for one portion of a batch, the batch itself, the
        statistics, and the graph's parameters once more in the layout that is fast.
    """
    inputs = [torch.empty(spec.sized(batch), device="meta") for spec in graph.inputs]
    portion = max(len(part[0]) for part in portions(graph, inputs)) if inputs and inputs[0].dim() else 1
    if fixed_batch(graph) is not None:
        portion = 1  # what lives is known for the whole batch
    portion *= at_a_time(VALUE_BYTES * graph.live_values * portion)
    fed = sum(tensor.numel() for tensor in inputs)
    stored = [layer.roles["weight"] for layer in graph.layers if layer.op == "conv2d" and "weight" in layer.roles]
    weights = sum(graph.params[key].numel() for key in stored)
    statistics = len(wanted_values(graph)) * 2 * BINS * 8
    return VALUE_BYTES * (graph.live_values * portion + fed + weights) + statistics
