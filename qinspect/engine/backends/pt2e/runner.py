"""A plan quantized with PT2E, compiled by inductor, looked into and timed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch

from ...progress import Report, part, silent
from ...quantize import Quantization
from ...text import Text
from ..runner import WARM_UPS, Call, Timing, threads_set
from ..stopwatch import Stopwatch
from .calls import Listener
from .compiler import compiled, need_compiler
from .inductor import Compiled, in_batches
from .kernels import INTEGER, Kernel, profiled, timed
from .lower import examples, exported, lower, owned_module, taps
from .profile import layer_times, layers_kernels
from .table import WEIGHTED
from .tall import HEIGHT

LOOP = "C++ loop"
"""Written by inductor: reads integers, computes in registers, rounds; neighbours share one."""


class Pt2eRunner:
    """A plan in inductor's code; lives in a child process.

    Compiling takes from half a minute to some minutes, and inductor keeps what it compiled on the
    disk. The code is for one batch size, the target's; more samples are run one batch after another.

    Parameters
    ----------
    quantization : Quantization
        For target ``pt2e``.
    threads : int
        What the code is generated for.

    Attributes
    ----------
    kernels : mapping of layer id to str
        Layers that run in integers, and by which kernel: convolutions and linear layers as counted
        in the generated code, all others are `LOOP`.

    Raises
    ------
    Problem
        Where there is no compiler, or inductor fails.
    """

    def __init__(self, quantization: Quantization, threads: int = 1, report: Report = silent) -> None:
        need_compiler()
        self.quantization = quantization
        self.threads = threads
        report(0, 2, Text("quantizing with PT2E"))
        self.lowered = lower(quantization)
        fixed = quantization.graph.inputs[0].shape[0]
        self.batch = quantization.plan.target.batch if fixed is None else fixed
        report(1, 2, Text("compiling the int8 model with inductor, which takes minutes for a large one"))
        self._whole = self._compiled(self.lowered.module)
        self.kernels: Mapping[str, str] = kernels_of(quantization, self._whole)
        self._tapped: Compiled | None = None

    def _compiled(self, module: torch.fx.GraphModule) -> Compiled:
        with torch.inference_mode(False), threads_set(self.threads):
            return compiled(module, examples(self.quantization.graph, self.batch), self.threads)

    def run(self, inputs: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """Outputs of the integer model, float32."""
        return self._in_batches(self._whole, inputs)

    def integers(self, inputs: Sequence[torch.Tensor]) -> dict[str, torch.Tensor]:
        """The integers (int32) that the kernels handed on, by value name.

        They are further outputs of a second compiled program; where asking for them changed what
        runs a layer, they are left out.
        """
        names = list(self.lowered.quantizers)
        if not names:
            return {}
        if self._tapped is None:
            self._tapped = self._compiled(taps(self.lowered))
        again = kernels_of(self.quantization, self._tapped)
        found = self._in_batches(self._tapped, inputs)[-len(names) :]
        lost = {
            layer.value for layer in self.quantization.graph.layers if self.kernels.get(layer.id) != again.get(layer.id)
        }
        return {name: tensor.to(torch.int32) for name, tensor in zip(names, found, strict=True) if name not in lost}

    def reals(self, inputs: Sequence[torch.Tensor]) -> dict[str, torch.Tensor]:
        """Nothing: to hand out what lies between the calls would take the sums apart that one call computes."""
        return {}

    def calls(self, inputs: Sequence[torch.Tensor]) -> dict[str, list[Call]]:
        """What every call of oneDNN's integer kernels read and gave while the program itself ran, by layer id.

        Filled-up batches come whole: the copies of the last sample are as good as others here.
        """
        listener = Listener()
        self._whole.modes.append(listener)
        try:
            self.run(inputs)
        finally:
            self._whole.modes.remove(listener)
        every = layers_kernels(self.quantization.graph, self.quantization.weights, self._whole)
        kernels = [kernel for kernel in every if kernel.event.startswith(INTEGER)]
        rounds = len(listener.calls) // max(1, len(kernels))
        found: dict[str, list[Call]] = {}
        for kernel, (event, call) in zip(kernels * rounds, listener.calls, strict=True):
            assert kernel.event == event
            if (layer := whose(kernel, self.quantization)) is not None:
                flat = call.without(HEIGHT) if self.quantization.graph.by_id[layer].op == "conv1d" else call
                found.setdefault(layer, []).append(flat)
        return found

    def _in_batches(self, program: Compiled, inputs: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        with threads_set(self.threads):
            return in_batches(program, inputs, self.batch)

    def time(self, inputs: Sequence[torch.Tensor], threads: int, runs: int, report: Report) -> Timing:
        """Time the float model, compiled likewise, against the int8 one: 10 warm-ups, then `runs` interleaved runs.

        Kernels are timed in runs of their own, under torch's profiler, and put down to layers: a loop of
        C++ is often several layers' (`profile.layer_times`).
        """
        report(0, 1, Text("compiling the float model with inductor"))
        graph = self.quantization.float_graph
        plain = self._compiled(exported(graph, owned_module(graph)).module(check_guards=False))
        given = [x[: self.batch].contiguous() for x in inputs]
        programs = {"fp32": plain, "int8": self._whole}
        every, weights = self.quantization.graph, self.quantization.weights
        kernels = {name: layers_kernels(every, weights, program) for name, program in programs.items()}
        timing, each = part(report, 0.5, 0.8, Text("timing")), part(report, 0.8, 1, Text("timing layers"))
        watch = Stopwatch(threads)
        with threads_set(threads):
            ms = timed(programs, given, WARM_UPS, runs, lambda done, of: timing(done, of, ""), watch)
            laps = profiled(programs, kernels, given, runs, lambda done, of: each(done, of, ""))
        fp32, int8 = (layer_times(self.quantization.graph, kernels[name], laps[name]) for name in programs)
        return Timing(ms["fp32"], ms["int8"], fp32.us, int8.us, int8.boundaries, fp32.inside, int8.inside, watch.waited)


def whose(kernel: Kernel, quantization: Quantization) -> str | None:
    """The layer with a weight in integers whose sums a kernel computes."""
    mine = [layer_id for layer_id in kernel.layers if layer_id in quantization.weights]
    return mine[-1] if mine else None


def kernels_of(quantization: Quantization, program: Compiled) -> dict[str, str]:
    """Which layers run in integers, convolutions and linear layers as the generated code has them."""
    found: dict[str, str] = {}
    for kernel in layers_kernels(quantization.graph, quantization.weights, program):
        if kernel.event.startswith(INTEGER) and (owner := whose(kernel, quantization)) is not None:
            found[owner] = kernel.event.replace("::", ".")
    for layer in quantization.graph.layers:
        if layer.id in quantization.quantized and not layer.transparent and layer.op not in WEIGHTED:
            found[layer.id] = LOOP
    return found
