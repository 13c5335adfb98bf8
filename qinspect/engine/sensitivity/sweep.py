"""What each layer's quantization does to the output, measured: one layer at a time, and all but one.

The estimates of `sensitivity` say it in a few forwards; here it is run. Values in front of a layer are
those of the float model (isolated) or of the whole quantized one (leave-one-out): both are run once for
a portion of the data, and for each layer only what lies behind it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray

from .. import typed
from ..classes import ClassAxis
from ..errors import OutputErrors
from ..files import demand_file
from ..graph import Layer
from ..graph.execute import Executor, one_after_the_other, portions, samples_of
from ..metric import Metric
from ..parallel import at_a_time, in_parallel
from ..problem import Problem
from ..progress import Report, part, silent
from ..quantize import Quantization
from ..simulate import Simulation
from ..text import Text
from .onwards import every_value, outputs_from

MEMORY_BYTES = 256 << 20
"""Room for the values of all portions at a time, of the float and of the quantized model together."""

FIRST = 4
"""Layers whose figures come first; each following group has twice as many."""


@dataclass(frozen=True)
class OutputFigures:
    """Errors at the model's output.

    Parameters
    ----------
    mse : float | None
        Share of the outputs' power, mean over the outputs.
    sqnr_db : float | None
        Of the same, dB; None where infinite.
    rmse_steps, cosine, max : float | None
        Of the first output: root mean square in steps of its grid (None where it has none), cosine,
        largest absolute difference.
    kl : float | None
        Nats, mean per sample.
    agreement, metric : float | None
        Share of samples with the float model's answer, and the metric; None where there is none.
    """

    mse: float | None
    sqnr_db: float | None
    rmse_steps: float | None
    cosine: float | None
    max: float | None
    kl: float | None
    agreement: float | None
    metric: float | None


@dataclass(frozen=True)
class Sweep:
    """Measured effects of single layers; plain data, so that a sweep can be saved and continued.

    Parameters
    ----------
    isolated : mapping of layer id to OutputFigures
        With this layer quantized alone.
    leave_one_out : mapping of layer id to OutputFigures
        With everything quantized but this layer.
    samples : int
        Samples that all of them rest on.
    key : str
        Of model, data, plan and samples.
    """

    isolated: Mapping[str, OutputFigures] = field(default_factory=dict)
    leave_one_out: Mapping[str, OutputFigures] = field(default_factory=dict)
    samples: int = 0
    key: str = ""

    def to_json(self) -> dict[str, Any]:
        """As sweep.json has it."""
        return {"version": 1, **asdict(self)}


def read_sweep(path: Path) -> Sweep:
    """Read a sweep.json.

    Raises
    ------
    Problem
        Naming the file, where it is damaged or of another kind.
    """
    demand_file(path)
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if data["version"] != 1:
            raise ValueError(f"version {data['version']}")
        kinds = (
            {id: typed.made(OutputFigures, row) for id, row in data[k].items()} for k in ("isolated", "leave_one_out")
        )
        isolated, leave_one_out = kinds
        return Sweep(isolated, leave_one_out, int(data["samples"]), str(data["key"]))
    except (OSError, KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError) as error:
        raise Problem(
            str(path), Text("is not what --exact has written ({error})", error=error), Text("Remove it.")
        ) from None


def sweep(
    quantization: Quantization,
    batches: Sequence[Sequence[torch.Tensor]],
    report: Report = silent,
    *,
    order: Iterable[str] = (),
    only: frozenset[str] | None = None,
    first: int | None = None,
    metric: Metric | None = None,
    targets: NDArray[Any] | None = None,
    known: Sweep | None = None,
    keep: Callable[[Sweep], None] | None = None,
    memory_bytes: int = MEMORY_BYTES,
    classes: ClassAxis = "flat",
) -> Sweep:
    """Measure every layer alone, and all layers but one.

    Parameters
    ----------
    quantization : Quantization
        Simulated as `Simulation` does it, without a runtime's own order of rounding.
    batches : sequence of sequences of torch.Tensor
        Model inputs, batch first; gone through once for each group of layers.
    report : Report
    order : iterable of str
        Layer ids, those first whose figures are wanted first; the others follow as they run.
    only : frozenset of str, optional
        Measure these layers alone.
    first : int, optional
        Layers whose figures come first together; None is `FIRST`.
    metric, targets
        Where both are given, the metric of every run.
    known : Sweep, optional
        Layers that were measured before on the same data, which are not measured again.
    keep : callable, optional
        Given all figures so far after each group of layers, and so before Cancelled leaves this function.
    memory_bytes : int
        Room for the values of a portion; with too little for one sample it is one sample.
    classes : ClassAxis
        How the first output is read.

    Returns
    -------
    Sweep
    """
    runs = _Runs(quantization, metric, targets, classes)
    found = known or Sweep()
    samples = sum(int(batch[0].shape[0]) for batch in batches)
    places = {id: place for place, id in enumerate(order)}
    left = [layer for layer in runs.layers if layer.id not in found.isolated and (only is None or layer.id in only)]
    left.sort(key=lambda layer: places.get(layer.id, len(places)))
    total, size = len(left), first or FIRST
    while left:
        group, left = left[:size], left[size:]
        done = total - len(left) - len(group)

        def inner(share: float, whole: float, note: str = "", done: int = done, size: int = len(group)) -> None:
            report(done + size * share / whole, total, Text("measuring one layer at a time"))

        isolated, leave_one_out = runs.run(group, batches, samples, inner, memory_bytes)
        found = replace(
            found,
            isolated={**found.isolated, **isolated},
            leave_one_out={**found.leave_one_out, **leave_one_out},
            samples=samples,
        )
        if keep is not None:
            keep(found)
        size *= 2
    return found


_KINDS = ("isolated", "leave_one_out")


class _Runs:
    """The float model and the simulation, to be run from any layer on."""

    def __init__(
        self, quantization: Quantization, metric: Metric | None, targets: NDArray[Any] | None, classes: ClassAxis
    ) -> None:
        self.q, self.classes = quantization, classes
        self.graph = quantization.graph
        self.metric = metric if targets is not None else None
        self.targets = targets
        self.plain = Executor(quantization.float_graph, channels_last=True)
        self.simulation = Simulation(quantization, channels_last=True)
        self.layers = [layer for layer in self.graph.layers if layer.id in quantization.rounding]

    def run(
        self,
        group: Sequence[Layer],
        batches: Sequence[Sequence[torch.Tensor]],
        samples: int,
        report: Report,
        memory_bytes: int,
    ) -> tuple[dict[str, OutputFigures], dict[str, OutputFigures]]:
        kinds = _KINDS
        errors = {(kind, layer.id): OutputErrors(self.classes) for kind in kinds for layer in group}
        outputs: dict[tuple[str, str], list[list[NDArray[Any]]]] = {key: [] for key in errors}
        room = memory_bytes // 2 // at_a_time()
        parts = (
            part
            for batch in batches
            # What a dynamic layer reads is rounded with the range that it has in the batch.
            for part in ([batch] if self.q.dynamic else portions(self.graph, batch, kept=room))
        )
        work = partial(self._portion, group)
        apart = not self.graph.opaque
        for by_layer in in_parallel(work, parts, samples_of, report, total=samples, apart=apart):
            for key, (of_portion, made) in by_layer.items():
                errors[key].include(of_portion)
                if made is not None:
                    outputs[key].append(made)
        last = part(report, 1, 1)
        figures = {key: self._figures(found, outputs[key], last) for key, found in errors.items()}
        isolated, leave_one_out = ({layer.id: figures[kind, layer.id] for layer in group} for kind in kinds)
        return isolated, leave_one_out

    def _portion(
        self, group: Sequence[Layer], inputs: Sequence[torch.Tensor], report: Report
    ) -> dict[tuple[str, str], tuple[OutputErrors, list[NDArray[Any]] | None]]:
        """Errors of a portion, with each layer of the group alone and with all but it; the outputs for the metric."""
        found = {}
        with torch.inference_mode():
            floats = every_value(self.plain, inputs)
            report(0, 1, "")
            quantized = every_value(self.simulation, inputs)
            reference = [floats[name] for name in self.graph.output_values]
            for number, layer in enumerate(group):
                report(number, len(group), "")
                alone = self.simulation.run_layer(layer, floats)
                but_one = self.plain.compute(layer, quantized)
                pairs = ((self.plain, floats, alone), (self.simulation, quantized, but_one))
                for kind, (model, values, changed) in zip(_KINDS, pairs, strict=True):
                    errors, made = OutputErrors(self.classes), outputs_from(layer, model, values, changed)
                    errors.add(reference, made)
                    kept = None if self.metric is None else [tensor.float().numpy() for tensor in made]
                    found[kind, layer.id] = errors, kept
        return found

    def _figures(self, errors: OutputErrors, outputs: list[list[NDArray[Any]]], report: Report) -> OutputFigures:
        first = errors.powers[0] if errors.powers else None
        params = self.q.values.get(self.graph.output_values[0]) if first is not None else None
        joined = one_after_the_other(outputs)
        return OutputFigures(
            errors.mse,
            errors.sqnr_db,
            None if first is None else first.rmse_steps(params),
            None if first is None else first.cosine,
            None if first is None else first.max,
            errors.mean_kl,
            errors.agreement,
            None if self.metric is None or not joined else self.metric(joined, self.targets, report),
        )


__all__ = ["OutputFigures", "Sweep", "read_sweep", "sweep"]
