"""What the integer kernels really compute and how long they take, beside the simulation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from .backends import simulation as simulate
from .backends.runner import Call, Runner, Timing
from .data import DataSpec, batches, open_data
from .graph import Layer
from .graph.execute import one_after_the_other, outputs_of
from .process.child import run_in_child
from .progress import Report, part, silent
from .quantize import Quantization
from .results.kernels import KernelCheck
from .simulate import Simulation
from .text import Text

DRAWN, FARTHEST = 96, 32
"""Values of a layer that are kept with their simulation: drawn evenly, and those that are farthest from it."""

RUNS = 50
"""Interleaved timed runs of the float and of the integer model."""


@dataclass(frozen=True)
class KernelWork:
    """What the child needs.

    Parameters
    ----------
    quantization : Quantization
    float_onnx : bytes | None
        The float model for ONNX Runtime; None for other backends.
    data : DataSpec
        Opened again in the child, by the permission already given.
    check : tuple of int
        Samples whose values are compared with the simulation, layer by layer.
    final : tuple of int
        Samples to run whole.
    batch : int
        Samples at a time for both.
    timing : bool
        Whether to measure latency.
    """

    quantization: Quantization
    float_onnx: bytes | None
    data: DataSpec
    check: tuple[int, ...]
    final: tuple[int, ...]
    batch: int
    timing: bool = True
    runs: int = RUNS


@dataclass(frozen=True)
class KernelFigures:
    """What the child found.

    Parameters
    ----------
    kernels : mapping of layer id to str
        Layers that run in integers, and the kernel's name.
    checks : mapping of layer id to KernelCheck
    outputs : list of float32 arrays
        Every output over the final samples, concatenated.
    timing : Timing | None
    """

    kernels: Mapping[str, str]
    checks: Mapping[str, KernelCheck]
    outputs: list[NDArray[np.float32]]
    timing: Timing | None


def run_kernels(work: KernelWork, report: Report = silent) -> KernelFigures:
    """Lower the plan to its target and run it, in a child process.

    Raises
    ------
    Problem
        Where lowering fails or the child dies.
    """
    target = work.quantization.plan.target
    result: KernelFigures = run_in_child(
        "qinspect.engine.kernels:_work",
        work,
        report,
        what=f"target {target.title}",
        as_deployed=work.timing and target.threads > 1,
    )
    return result


def make_runner(quantization: Quantization, float_onnx: bytes | None, report: Report = silent) -> Runner:
    """The plan lowered to its target, ready to run."""
    target = quantization.plan.target
    if target.backend == "ort":
        from .backends.onnx.export import float_model
        from .backends.ort.runner import OrtRunner

        return OrtRunner(quantization, float_onnx or float_model(quantization.float_graph), target.threads)
    if target.backend == "pt2e":
        from .backends.pt2e.runner import Pt2eRunner

        return Pt2eRunner(quantization, target.threads, report)
    from .backends.fx.runner import FxRunner

    return FxRunner(quantization, target.threads)


def _work(work: KernelWork, report: Report) -> KernelFigures:
    report(0, 1, Text("lowering to {target}", target=work.quantization.plan.target.title))
    runner = make_runner(work.quantization, work.float_onnx, part(report, 0, 0.25))
    data = open_data(
        work.data,
        work.quantization.graph.inputs[0].shape,
        allow_code=True,
        input_names=work.quantization.graph.input_names,
    )
    checks: dict[str, _Difference] = {}
    simulation = simulate(work.quantization, channels_last=True)
    looking = part(report, 0.25, 0.5, Text("comparing kernels with the simulation"))
    with torch.inference_mode():
        done = 0  # samples of different shapes come in smaller batches
        for inputs, _ in batches(data, work.check, work.batch):
            looking(done, max(1, len(work.check)), "")
            done += len(inputs[0])
            compare(simulation, runner.integers(inputs), inputs, checks, runner.reals(inputs), runner.calls(inputs))
        del simulation  # and the weights that it has rounded
        outputs: list[list[NDArray[np.float32]]] = []
        running = part(report, 0.5, 0.58, Text("running the integer model"))
        done = 0
        for inputs, _ in batches(data, work.final, work.batch):
            running(done, max(1, len(work.final)), "")
            done += len(inputs[0])
            outputs.append([o.float().numpy() for o in outputs_of(runner.run(inputs))])
    timing = None
    if work.timing:
        target = work.quantization.plan.target
        sample = data.alike(work.check or work.final)
        indices = [sample[i % len(sample)] for i in range(target.batch)]
        timing = runner.time(
            data.load(indices), target.threads, work.runs, part(report, 0.58, 1, Text("measuring latency"))
        )
    joined = one_after_the_other(outputs) if outputs else []
    return KernelFigures(dict(runner.kernels), {key: found.check() for key, found in checks.items()}, joined, timing)


@dataclass
class _Difference:
    """Kernel minus simulation, in steps of the output's grid, over all samples so far."""

    counts: NDArray[np.int64] = field(default_factory=lambda: np.zeros(257, np.int64))
    largest: int = 0
    overflows: bool = False
    below_zero: int = 0
    drawn: list[NDArray[np.int64]] = field(default_factory=list)
    farthest: NDArray[np.int64] = field(default_factory=lambda: np.zeros((0, 2), np.int64))

    def add(self, steps: torch.Tensor, simulated: torch.Tensor) -> None:
        """Count differences, and keep some of the values with what was simulated: integers, of one shape."""
        if not steps.numel():
            return
        steps, simulated = steps.flatten().to(torch.int64), simulated.flatten()
        away = steps.abs()
        largest = int(away.max())
        self.largest = max(self.largest, largest)
        self.counts += torch.bincount(steps.clamp(-128, 128) + 128, minlength=257).numpy()

        def pairs(places: torch.Tensor) -> NDArray[np.int64]:
            one = simulated[places].to(torch.int64)
            return torch.stack((one, one + steps[places]), 1).numpy()

        self.drawn.append(pairs(_evenly(len(steps), DRAWN)))
        if largest:
            both = np.concatenate((self.farthest, pairs(away.topk(min(FARTHEST, len(away))).indices)))
            self.farthest = both[np.argsort(-np.abs(both[:, 1] - both[:, 0]), kind="stable")[:FARTHEST]]

    def check(self) -> KernelCheck:
        total = int(self.counts.sum())
        steps = np.arange(-128, 129)
        drawn = np.concatenate(self.drawn) if self.drawn else self.farthest
        kept = np.concatenate((drawn[_evenly(len(drawn), DRAWN).numpy()], self.farthest))
        return KernelCheck(
            self.largest,
            float(self.counts[128] / total) if total else 1.0,
            float(self.counts[127:130].sum() / total) if total else 1.0,
            self.overflows and self.largest > 2,
            {int(step): int(n) for step, n in zip(steps, self.counts, strict=True) if n},
            self.below_zero,
            tuple(sorted({(one, two) for one, two in kept.tolist()})),
        )


def _evenly(length: int, count: int) -> torch.Tensor:
    """At most so many places of a row, equally far apart."""
    count = min(count, length)  # In integers: float32 rounds beyond the end from 2 ** 24 on.
    return torch.arange(count) * (length - 1) // max(1, count - 1)


def compare(
    simulation: Simulation,
    integers: Mapping[str, torch.Tensor],
    inputs: Sequence[torch.Tensor],
    found: dict[str, Any],
    reals: Mapping[str, torch.Tensor] | None = None,
    calls: Mapping[str, Sequence[Call]] | None = None,
) -> None:
    """Feed every integer layer's simulation the kernel's own input, and compare the outputs.

    Parameters
    ----------
    simulation : Simulation
    integers : mapping of value name to int32 tensor
        What the kernels handed on.
    inputs : sequence of torch.Tensor
        The model's inputs.
    found : dict of layer id to difference
        Added to.
    reals : mapping of value name to float tensor, optional
        What layers handed on in float. Those that an integer kernel made are compared as well, in steps of an
        8-bit grid over the range that the simulation has.
    calls : mapping of layer id to calls of its kernel, optional
        Compared in the same way where `integers` has not what the layer hands on.
    """
    q = simulation.quantization
    floats = {**(reals or {}), **dict(zip(q.graph.input_names, inputs, strict=True))}
    partly = q.giving_real | (q.integer & (q.dynamic | q.weight_only))
    for layer in q.graph.layers:
        if layer.value not in integers and layer.id in (calls or {}):
            entry = found.setdefault(layer.id, _Difference(overflows=_may_overflow(q, layer)))
            for call in (calls or {})[layer.id]:
                entry.add(*_steps_of_call(simulation, layer, call))
            continue
        real = (reals or {}).get(layer.value) if layer.id in partly else None
        if layer.transparent or (real is None and (layer.id not in q.quantized or layer.value not in integers)):
            continue
        values: dict[str, Any] = {}
        for name in layer.inputs:
            value = _value(simulation, name, integers, floats)
            if value is None:
                break
            values[name] = value
        else:
            entry = found.setdefault(layer.id, _Difference(overflows=_may_overflow(q, layer)))
            if real is not None:
                entry.add(*steps_of_range(real, simulation.run_layer(layer, values)))
                continue
            params = q.values[layer.value]
            expected = params.quantize(simulation.run_layer(layer, values))
            entry.add(integers[layer.value].reshape(expected.shape) - expected, expected)
            if any(part.op in ("relu", "relu6") for part in layer.executed):
                entry.below_zero += int((integers[layer.value] < int(params.zero_point)).sum())


def _steps_of_call(simulation: Simulation, layer: Layer, call: Call) -> tuple[torch.Tensor, torch.Tensor]:
    """What a call gave less what the simulation makes of that which it read, and the latter, in steps.

    The operator alone is the simulation's: what is added to its sums, and the curve behind them, are the call's,
    which may compute more than the layer, or less.
    """
    expected = sums = simulation.compute(layer, {layer.inputs[0]: call.source}, 1)
    if call.added is not None:
        expected = expected + call.added
    if call.curve is not None:
        expected = call.curve(expected)
    if not call.result.is_floating_point():
        simulated = simulation.quantization.values[layer.value].quantize(expected)
        return call.result.to(torch.int32) - simulated, simulated
    return steps_of_range(call.result, expected, sums)


def steps_of_range(
    got: torch.Tensor, expected: torch.Tensor, of: torch.Tensor | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Differences of real numbers in steps of an 8-bit grid over the range of those that are expected, or `of` others,
    and the latter in the same steps from the smallest on.
    """
    of = expected if of is None else of
    step = (of.max() - of.min()).double() / 255 if of.numel() else torch.tensor(1.0)
    step = step.clamp(min=torch.finfo(torch.float32).eps)
    apart = (got.reshape(expected.shape).double() - expected.double()) / step
    place = (expected.double() - (of.min().double() if of.numel() else 0.0)) / step
    return _whole(apart), _whole(place)


def _whole(steps: torch.Tensor) -> torch.Tensor:
    return steps.nan_to_num(nan=128, posinf=128, neginf=-128).clamp(-(2**30), 2**30).round().to(torch.int64)


def _value(
    simulation: Simulation, name: str, integers: Mapping[str, torch.Tensor], floats: Mapping[str, torch.Tensor]
) -> Any:
    """A value as the kernel got it, real numbers (or a size); None where it is not known.

    Where it has no integers of its own, through transparent layers and those that hand on real numbers.
    """
    q = simulation.quantization
    if name in integers:
        return q.values[name].dequantize(integers[name])
    if name in floats:
        return floats[name]
    producer = q.graph.producer.get(name)
    if producer is None:
        return None
    hands_on_real = producer.id in q.quantized and not q.at_origin(name)
    if not (producer.transparent or hands_on_real):
        return None
    inner = {value: _value(simulation, value, integers, floats) for value in producer.inputs}
    if any(value is None for value in inner.values()):
        return None
    return simulation.run_layer(producer, inner)


def _may_overflow(q: Quantization, layer: Layer) -> bool:
    """Whether two neighbouring products may exceed 16 bits, which some kernels add in 16 bits.

    Without VNNI instructions uint8 × int8 products are added in pairs to a saturating int16.
    """
    weights, source = q.weights.get(layer.id), q.input_scale(layer)
    weight = q.graph.weight(layer)
    if weights is None or source is None or weight is None:
        return False
    largest = int(weights.quantize(weight.detach()).abs().max())
    # Signed activations are stored with 128 added, so the largest number is the width of the type.
    return 2 * largest * (source.qmax - source.qmin) > 32767
