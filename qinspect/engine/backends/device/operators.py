"""Measures the float and the int8 model of torch's own kernels, operator by operator; needs torch alone."""

import ast
import importlib.util
import inspect
import json
import statistics
import textwrap
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import MethodType
from typing import Any

import torch
from torch import nn

from .common import KINDS, WARM_UPS, finish, host, settle_batch, words

BORDER_SIZES = (1_000, 30_000, 300_000)


def built(here: Path) -> Any:
    """The module that builds the int8 model, and knows the float one."""
    spec = importlib.util.spec_from_file_location("build", here / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def leaves(outputs: Any) -> list[torch.Tensor]:
    """The tensors in a model's result."""
    return [leaf for leaf in torch.utils._pytree.tree_leaves(outputs) if isinstance(leaf, torch.Tensor)]


def milliseconds(model: Callable[..., Any], x: Sequence[Any]) -> float:
    """How long one run takes."""
    start = time.perf_counter_ns()
    model(*x)
    return (time.perf_counter_ns() - start) / 1e6


def faster_layout(model: nn.Module, x: Sequence[torch.Tensor]) -> tuple[nn.Module, list[torch.Tensor]]:
    """The float model and its inputs in the layout in which it is faster here."""
    plain = list(x)
    if not any(tensor.dim() == 4 for tensor in x):
        return model, plain
    moved = [t.contiguous(memory_format=torch.channels_last) if t.dim() == 4 else t for t in x]
    before = statistics.median(milliseconds(model, plain) for _ in range(6))
    lay(model, torch.channels_last)
    if statistics.median(milliseconds(model, moved) for _ in range(6)) < before:
        return model, moved
    lay(model, torch.contiguous_format)
    return model, plain


def lay(model: nn.Module, layout: torch.memory_format) -> None:
    """Move what a model stores of four axes; ``Module.to`` would try the same with five, and raise."""
    for stored in (*model.parameters(), *model.buffers()):
        if stored.dim() == 4:
            stored.data = stored.data.contiguous(memory_format=layout)


class Watched:
    """A model of one line for each operator, run line by line with a clock."""

    def __init__(self, model: nn.Module) -> None:
        code: Any = type(model).forward
        tree = ast.parse(textwrap.dedent(inspect.getsource(code)))
        function = tree.body[0]
        assert isinstance(function, ast.FunctionDef)
        lines: list[ast.stmt] = []
        for line in function.body:
            lines.append(line)
            if isinstance(line, ast.Assign) and isinstance(line.targets[0], ast.Name):
                lines += ast.parse(f"_tick({line.targets[0].id!r})").body
        function.body = lines
        names = {**code.__globals__, "_tick": self.tick}
        exec(compile(ast.fix_missing_locations(tree), "forward", "exec"), names)
        self.run = MethodType(names["forward"], model)
        self.ns: dict[str, list[int]] = {}
        self.last = 0

    def tick(self, name: str) -> None:
        """A line is done."""
        self.ns.setdefault(name, []).append(time.perf_counter_ns() - self.last)
        self.last = time.perf_counter_ns()

    def __call__(self, *x: torch.Tensor) -> Any:
        self.last = time.perf_counter_ns()
        return self.run(*x)


def borders(runs: int) -> dict[str, list[tuple[int, float]]]:
    """Median us of quantizing and of dequantizing, at several numbers of values."""
    found: dict[str, list[tuple[int, float]]] = {"quantize": [], "dequantize": []}
    for size in BORDER_SIZES:
        real = torch.ones(1, size)
        whole = torch.quantize_per_tensor(real, 0.02, 3, torch.quint8)
        calls: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
            "quantize": (torch.quantize_per_tensor, (real, 0.02, 3, torch.quint8)),
            "dequantize": (torch.dequantize, (whole,)),
        }
        for kind, (call, given) in calls.items():
            us = [1e3 * milliseconds(call, given) for _ in range(WARM_UPS + runs)]
            found[kind].append((size, statistics.median(us[WARM_UPS:])))
    return found


def keep_expected(here: Path) -> None:
    """Write what the int8 model gives for the samples, to be compared with on other devices; done where it is made."""
    stored = torch.load(here / "samples.pt", weights_only=True)
    with torch.no_grad():
        stored["expected"] = leaves(built(here).load()(*stored["inputs"]))
    torch.save(stored, here / "samples.pt")


def main(here: Path) -> int:
    """Measure the kit in a folder."""
    given = words(here).parse_args()
    torch.set_num_threads(given.threads)
    stored = torch.load(here / "samples.pt", weights_only=True)
    names = json.loads((here / "operators.json").read_text(encoding="utf-8"))
    settle_batch(given, names["batch"])
    build = built(here)
    int8, plain = build.load(), build.beside("model").load()
    with torch.no_grad():
        outputs = leaves(int8(*stored["inputs"]))
        equal = sum(int((one == two).sum()) for one, two in zip(outputs, stored["expected"], strict=True))
        x = [tensor[torch.arange(given.batch) % len(tensor)] for tensor in stored["inputs"]]
        models = {"float": faster_layout(plain, x), "int8": (int8, x)}
        ms: dict[str, list[float]] = {kind: [] for kind in KINDS}
        watched = {kind: Watched(models[kind][0]) for kind in KINDS}
        for run in range(WARM_UPS + given.runs):
            for kind, (model, inputs) in models.items():
                model(*inputs)  # the other model's weights are in the cache
                took = milliseconds(model, inputs)
                watched[kind](*inputs)
                if run >= WARM_UPS:
                    ms[kind].append(took)
        about = {"host": host(torch=torch.__version__), "provider": build.ENGINE, "borders_us": borders(given.runs)}
    us: dict[str, dict[str, float]] = {kind: {} for kind in KINDS}
    for kind in KINDS:
        for line, ns in watched[kind].ns.items():
            name = names[kind].get(line)
            if name is not None:
                us[kind][name] = us[kind].get(name, 0.0) + statistics.median(ns[-given.runs :]) / 1e3
    share = equal / sum(tensor.numel() for tensor in outputs)
    return finish(here, given, about, share, ms, us, f"torch {torch.__version__}, engine {build.ENGINE}")
