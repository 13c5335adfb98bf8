"""Running a plan in torch's integer kernels (FX graph mode or eager mode), and timing it against float."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from time import perf_counter_ns
from typing import Any

import torch
import torch.nn.functional as F
from torch import fx

from ...graph import LayerGraph
from ...graph.execute import outputs_of
from ...progress import Report
from ...quantize import Quantization
from ...text import Text
from ..eager.lower import eager_module
from ..runner import WARM_UPS, Call, Timing, threads_set
from ..stopwatch import Stopwatch
from .int8 import engine, int8_module
from .lower import float_module

Watch = Callable[[fx.Node, Any, int], None]
"""Given a node, its result and the ns that it took."""


class FxRunner:
    """A plan in torch's integer kernels; lives in a child process.

    Parameters
    ----------
    quantization : Quantization
        Its plan's target names the engine.
    threads : int
        What `run` and `integers` use.

    Attributes
    ----------
    kernels : mapping of layer id to str
        Layers that run in integers, and by which kernel.
    channels_last : bool | None
        After `time`: whether the float model was faster, and so was timed, in channels_last.
    """

    def __init__(self, quantization: Quantization, threads: int = 1) -> None:
        self.quantization = quantization
        self.threads = threads
        self.engine = quantization.plan.target.engine
        lower = eager_module if quantization.plan.target.backend == "eager" else int8_module
        self.module, self.info = lower(quantization)
        self.kernels: Mapping[str, str] = self.info.kernels
        self.channels_last: bool | None = None

    def run(self, inputs: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """Outputs of the integer model, float32."""
        with engine(self.engine), threads_set(self.threads), torch.no_grad():
            return outputs_of(self.module(*inputs))

    def values(self, inputs: Sequence[torch.Tensor]) -> dict[str, torch.Tensor]:
        """What layers handed on, by value name: quantized tensors where the kernels work on such, else real ones.

        Of a value that is rounded where it is read, what is read.
        """
        found: dict[str, torch.Tensor] = {}

        def watch(node: fx.Node, result: Any, _ns: int) -> None:
            name = node.meta.get("value")
            if name is not None and isinstance(result, torch.Tensor):
                # A kernel behind it may write its own sums into the same memory.
                found[name] = result.clone()

        with engine(self.engine), threads_set(self.threads), torch.no_grad():
            _Steps(self.module).run(inputs, watch)
        return found

    def integers(self, inputs: Sequence[torch.Tensor]) -> dict[str, torch.Tensor]:
        """The integers (int32) that the kernels handed on, by value name."""
        seen = self.values(inputs)
        found = {name: item.int_repr().to(torch.int32) for name, item in seen.items() if item.is_quantized}
        for layer in self.quantization.graph.layers:
            source = layer.inputs[0] if layer.inputs else ""
            if layer.id in self.info.merged and source in found:
                # The convolution pads for itself; this is what it sees.
                zero = int(self.quantization.values[layer.value].zero_point)
                found[layer.value] = F.pad(found[source], layer.args[1], value=zero)
        return found

    def reals(self, inputs: Sequence[torch.Tensor]) -> dict[str, torch.Tensor]:
        """What layers handed on in float, by value name."""
        seen = self.values(inputs)
        return {name: item for name, item in seen.items() if not item.is_quantized and item.is_floating_point()}

    def calls(self, inputs: Sequence[torch.Tensor]) -> dict[str, list[Call]]:
        """None: `integers` and `reals` tell all."""
        return {}

    def time(self, inputs: Sequence[torch.Tensor], threads: int, runs: int, report: Report) -> Timing:
        """Time float against integers: 10 warm-ups, then `runs` interleaved runs of each.

        The float model has its BatchNorms folded and is timed in the memory layout, contiguous or
        channels_last, that is the faster here. Layers are timed in runs of their own, interleaved
        with the others: looking at every layer makes a run slower.
        """
        plain = float_module(self.quantization.graph)
        with engine(self.engine), threads_set(threads), torch.no_grad():
            plain, given = self._faster_layout(plain, list(inputs))
            steps = _Steps(plain), _Steps(self.module)
            graph = self.quantization.graph
            fp32, int8 = _Laps(graph), _Laps(graph)
            total, watch = WARM_UPS + runs, Stopwatch(threads)
            for run in range(total):
                report(run, total, Text("timing"))
                for laps, module, step, x in (
                    (fp32, plain, steps[0], given), (int8, self.module, steps[1], inputs)
                ):  # fmt: skip
                    module(*x)  # the other model's weights are in the cache
                    whole = watch.ms(partial(module, *x))
                    laps.begin()
                    step.run(x, laps.watch)
                    if run >= WARM_UPS:
                        laps.keep(whole)
            report(total, total, Text("timing"))
        int8.us.update({layer_id: [0.0] * runs for layer_id in self.info.merged})
        inside = dict(self.info.merged)
        return Timing(fp32.whole_ms, int8.whole_ms, fp32.us, int8.us, int8.crossed_us, {}, inside, watch.waited)

    def _faster_layout(
        self, plain: fx.GraphModule, inputs: list[torch.Tensor]
    ) -> tuple[fx.GraphModule, list[torch.Tensor]]:
        if not any(layer.op == "conv2d" for layer in self.quantization.graph.layers):
            self.channels_last = False
            return plain, inputs
        other = float_module(self.quantization.graph)
        for stored in (*other.parameters(), *other.buffers()):  # Module.to would try the same with five axes, and raise
            if stored.dim() == 4:
                stored.data = stored.data.contiguous(memory_format=torch.channels_last)
        moved = [x.contiguous(memory_format=torch.channels_last) if x.dim() == 4 else x for x in inputs]
        times: tuple[list[int], list[int]] = ([], [])
        for _ in range(6):
            for found, module, x in ((times[0], plain, inputs), (times[1], other, moved)):
                start = perf_counter_ns()
                module(*x)
                found.append(perf_counter_ns() - start)
        self.channels_last = statistics.median(times[1][1:]) < statistics.median(times[0][1:])
        return (other, moved) if self.channels_last else (plain, inputs)


class _Laps:
    """Times of one model's runs."""

    def __init__(self, graph: LayerGraph) -> None:
        self.graph = graph
        self.whole_ms: list[float] = []
        self.us: dict[str, list[float]] = defaultdict(list)
        self.crossed_us: dict[tuple[str, str], list[float]] = defaultdict(list)
        self.begin()

    def begin(self) -> None:
        self.lap: dict[str, int] = defaultdict(int)
        self.crossed: dict[tuple[str, str], int] = defaultdict(int)

    def watch(self, node: fx.Node, result: Any, ns: int) -> None:
        owner = node.meta.get("qinspect", "")
        self.lap[owner] += ns
        if node.meta.get("kind") in ("quantize", "dequantize"):
            value = node.all_input_nodes[0].meta.get("value", "") if node.all_input_nodes else ""
            producer = self.graph.producer.get(value)
            self.crossed[producer.id if producer else value, owner or "output"] += ns

    def keep(self, whole_ms: float) -> None:
        self.whole_ms.append(whole_ms)
        for owner, ns in self.lap.items():
            self.us[owner].append(ns / 1e3)
        for between, ns in self.crossed.items():
            self.crossed_us[between].append(ns / 1e3)


class _Steps:
    """A graph module node by node, as `torch.fx.Interpreter` runs it, but with the clock at the call alone."""

    def __init__(self, module: fx.GraphModule) -> None:
        self.module = module
        self.steps: list[tuple[fx.Node, Callable[..., Any] | None, tuple[fx.Node, ...]]] = []
        last: dict[fx.Node, fx.Node] = {}
        for node in module.graph.nodes:
            for source in node.all_input_nodes:
                last[source] = node
        for node in module.graph.nodes:
            dead = tuple(source for source in node.all_input_nodes if last[source] is node)
            self.steps.append((node, self._callable(node), dead))

    def _callable(self, node: fx.Node) -> Callable[..., Any] | None:
        if node.op == "call_module":
            return self.module.get_submodule(str(node.target))
        if node.op == "call_method":
            method: Callable[..., Any] = getattr(torch.Tensor, str(node.target))
            return method
        return node.target if callable(node.target) else None

    def run(self, inputs: Sequence[torch.Tensor], watch: Watch) -> Any:
        values: dict[fx.Node, Any] = {}
        given = iter(inputs)
        for node, target, dead in self.steps:
            if node.op == "placeholder":
                values[node] = next(given)
                continue
            if node.op == "get_attr":
                values[node] = getattr(self.module, str(node.target))
                continue
            args = fx.node.map_arg(node.args, values.__getitem__)
            if node.op == "output":
                return args[0]
            kwargs = fx.node.map_arg(node.kwargs, values.__getitem__)
            assert target is not None
            start = perf_counter_ns()
            result = target(*args, **kwargs)
            ns = perf_counter_ns() - start
            values[node] = result
            watch(node, result, ns)
            for source in dead:
                del values[source]
        return None
