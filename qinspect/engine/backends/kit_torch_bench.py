"""Measures the float and the int8 model of this folder on this device, end to end and per layer; needs torch alone.

    python bench.py [--runs 50] [--threads 1] [--batch 1]

Writes bench.json beside this file. Bring it back to where the models were exported:

    qinspect analyze MODEL --data DATA --plan plan.json --profile bench.json --out DIR
    qinspect search MODEL --data DATA --plan plan.json --profile bench.json --out DIR
"""

import argparse
import ast
import importlib.util
import inspect
import json
import os
import platform
import statistics
import sys
import textwrap
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import MethodType
from typing import Any

import torch
from torch import nn

HERE = Path(__file__).resolve().parent
WARM_UPS = 10
KINDS = ("float", "int8")
BORDER_SIZES = (1_000, 30_000, 300_000)


def built() -> Any:
    """The module that builds the int8 model, and knows the float one."""
    spec = importlib.util.spec_from_file_location("build", HERE / "build.py")
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


def host() -> dict[str, Any]:
    """What this device is."""
    cpu = platform.processor()
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith(("model name", "Model")):
                cpu = line.partition(":")[2].strip()
                break
    except OSError:
        pass
    return {
        "cpu": cpu or platform.machine(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "torch": torch.__version__,
    }


def keep_expected() -> None:
    """Write what the int8 model gives for the samples, to be compared with on other devices; done where it is made."""
    stored = torch.load(HERE / "samples.pt", weights_only=True)
    with torch.no_grad():
        stored["expected"] = leaves(built().load()(*stored["inputs"]))
    torch.save(stored, HERE / "samples.pt")


def main() -> int:
    words = argparse.ArgumentParser(description="Measures the float and the int8 model on this device.")
    words.add_argument("--runs", type=int, default=50)
    words.add_argument("--threads", type=int, default=1)
    words.add_argument("--batch", type=int, default=1)
    words.add_argument("--out", type=Path, default=HERE / "bench.json")
    given = words.parse_args()
    torch.set_num_threads(given.threads)
    stored = torch.load(HERE / "samples.pt", weights_only=True)
    names = json.loads((HERE / "operators.json").read_text(encoding="utf-8"))
    if names["batch"] is not None and given.batch != names["batch"]:
        print(f"the model's batch is {names['batch']}; --batch has no effect")
        given.batch = names["batch"]
    build = built()
    int8, plain = build.load(), build.beside("model").load()
    with torch.no_grad():
        outputs = leaves(int8(*stored["inputs"]))
        equal = sum(int((one == two).sum()) for one, two in zip(outputs, stored["expected"], strict=True))
        share = equal / sum(tensor.numel() for tensor in outputs)
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
        found: dict[str, Any] = {
            "bench": 1,
            "host": host(),
            "provider": build.ENGINE,
            "runs": given.runs,
            "threads": given.threads,
            "batch": given.batch,
            "equal_share": share,
            "plan": json.loads((HERE / "plan.json").read_text(encoding="utf-8")),
            "borders_us": borders(given.runs),
        }
    for kind in KINDS:
        us: dict[str, float] = {}
        for line, ns in watched[kind].ns.items():
            name = names[kind].get(line)
            if name is not None:
                us[name] = us.get(name, 0.0) + statistics.median(ns[-given.runs :]) / 1e3
        ordered = sorted(ms[kind])
        found[kind] = {
            "median_ms": statistics.median(ordered),
            "p90_ms": ordered[min(len(ordered) - 1, round(0.9 * (len(ordered) - 1)))],
            "ms": ms[kind],
            "operators_us": us,
        }
    given.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    float_ms, int8_ms = (found[kind]["median_ms"] for kind in KINDS)
    print(f"{found['host']['cpu']}, torch {torch.__version__}, engine {build.ENGINE}")
    print(f"float {float_ms:.3f} ms, int8 {int8_ms:.3f} ms, medians of {given.runs}: ratio {float_ms / int8_ms:.2f}")
    print(f"{share:.1%} of the output values are those of the computer that exported it")
    print(f"wrote {given.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
