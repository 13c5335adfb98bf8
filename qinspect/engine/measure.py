"""Float and simulated model side by side: the errors of every layer's value, and of the outputs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from .backends import simulation as simulate
from .classes import ClassAxis
from .errors import Noise, OutputErrors, Power
from .graph import Layer
from .graph.execute import NEW, Executor, outputs_of, portions, samples_of
from .graph.memory import VALUE_BYTES
from .graph.recurrent import RECURRENT
from .parallel import in_parallel
from .progress import Cancelled, Report, silent
from .qparams import QParams
from .quantize import Quantization
from .results import Errors
from .simulate import Simulation
from .text import Text


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
    partly: Callable[[Measured], None] | None = None,
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
    partly : callable, optional
        Given what there is of the samples so far, where it is cancelled.

    Returns
    -------
    Measured
        Layers' errors by id.
    """
    graph = quantization.graph
    plain = Executor(quantization.float_graph, channels_last=True)
    simulation = simulate(quantization, channels_last=True)
    # On float input a layer is to show its own rounding alone, not its input's: no integers go in.
    alone = Simulation(quantization, channels_last=True, own=simulation.own)
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

    def rows() -> dict[str, Errors]:
        return {
            layer.id: of_layers[layer.id].errors(quantization.values.get(layer.value))
            for layer in graph.layers
            if layer.id in of_layers and of_layers[layer.id].cumulative.count
        }

    def each(piece: _Piece) -> int:
        return 3 * VALUE_BYTES * graph.live_values * piece.size  # float, quantized, and a layer by itself

    try:
        for size, reference, quantized, powers in in_parallel(
            run, pieces(), lambda piece: piece.size, report, total=total, each=each, apart=not graph.opaque
        ):
            found.add(outputs_of(reference), outputs_of(quantized))
            if collect is not None:
                collect(outputs_of(reference), outputs_of(quantized))
            for id, of_piece in powers.items():
                of_layers[id].include(of_piece)
            samples += size
    except Cancelled:
        if partly is not None and samples:
            partly(Measured(rows(), found, samples))
        raise
    return Measured(rows(), found, samples)


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
