"""Measures the float and the int8 program, compiled by inductor, kernel by kernel; needs torch and a C++ compiler."""

import json
import statistics
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.fx import Graph, GraphModule

from ..pt2e.inductor import DEQUANTIZE, QUANTIZE, Compiled, compile_program, has_compiler, in_batches, quiet
from ..pt2e.kernels import INTEGER, kernels_in, profiled, put_down, timed, with_sums
from ..pt2e.nodes import VALUE
from ..stopwatch import Stopwatch
from .common import KINDS, WARM_UPS, finish, host, refuse, settle_batch, words

BORDER_SIZES = (1_000, 30_000, 300_000)


def inputs_of(here: Path, batch: int) -> list[torch.Tensor]:
    """As many of the samples, over and over where there are fewer."""
    stored = torch.load(here / "samples.pt", weights_only=True)
    return [tensor[torch.arange(batch) % len(tensor)] for tensor in stored["inputs"]]


def program(here: Path, kind: str, batch: int, threads: int) -> Compiled:
    """One of the programs, compiled for a batch."""
    with quiet():
        module: Any = torch.export.load(here / f"{kind}.pt2").module(check_guards=False)
    return compile_program(module, inputs_of(here, batch), threads)


def layers_of(here: Path) -> dict[str, Any]:
    """What the kernels have to be told of the layers."""
    found: dict[str, Any] = json.loads((here / "layers.json").read_text(encoding="utf-8"))
    return found


def keep_expected(here: Path) -> None:
    """Write what the int8 program gives for the samples, done where it is made; other devices are compared with it."""
    stored = torch.load(here / "samples.pt", weights_only=True)
    batch = layers_of(here)["batch"] or 1
    torch.set_num_threads(1)
    stored["expected"] = in_batches(program(here, "int8", batch, 1), stored["inputs"], batch)
    torch.save(stored, here / "samples.pt")


def borders(threads: int, runs: int) -> dict[str, list[tuple[int, float]]]:
    """Median us of quantizing and of dequantizing, at several numbers of values."""
    found: dict[str, list[tuple[int, float]]] = {}
    for kind, operator in (("quantize", QUANTIZE), ("dequantize", DEQUANTIZE)):
        found[kind] = []
        for size in BORDER_SIZES:
            graph = Graph()
            node = graph.call_function(operator, (graph.placeholder("x"), 0.02, 3, 0, 255, torch.uint8))
            node.meta["custom"] = {VALUE: "x"}
            graph.output((node,))
            given = [torch.ones(1, size, dtype=torch.float32 if kind == "quantize" else torch.uint8)]
            alone = {kind: compile_program(GraphModule(nn.Module(), graph), given, threads)}
            laps = profiled(alone, {kind: kernels_in(alone[kind])}, given, WARM_UPS + runs, lambda done, of: None)[kind]
            if laps:
                found[kind].append((size, statistics.median(sum(lap) for lap in laps[-runs:])))
    return found


def main(here: Path) -> int:
    """Measure the kit in a folder."""
    given = words(here).parse_args()
    if not has_compiler():
        return refuse("inductor needs a C++ compiler, and none was found: install g++ or clang")
    torch.set_num_threads(given.threads)
    layers = layers_of(here)
    settle_batch(given, layers["batch"])
    programs = {kind: program(here, kind, given.batch, given.threads) for kind in KINDS}
    kernels = {kind: with_sums(kernels_in(programs[kind]), layers["weighted"], layers["read"]) for kind in KINDS}
    stored = torch.load(here / "samples.pt", weights_only=True)
    outputs = in_batches(programs["int8"], stored["inputs"], given.batch)
    equal = sum(int((one == two).sum()) for one, two in zip(outputs, stored["expected"], strict=True))
    x = [tensor.contiguous() for tensor in inputs_of(here, given.batch)]
    ms = timed(programs, x, WARM_UPS, given.runs, lambda done, of: None, Stopwatch(given.threads))
    laps = profiled(programs, kernels, x, given.runs, lambda done, of: None)
    put = {kind: put_down(kernels[kind] if laps[kind] else (), laps[kind], layers["readers"]) for kind in KINDS}
    us = {kind: {name: statistics.median(all_of) for name, all_of in put[kind].us.items()} for kind in KINDS}
    whole = [kernel.layers for kernel in kernels["int8"] if kernel.event.startswith(INTEGER)]
    integer = [layer for layer in layers["weighted"] if any(layer in computed for computed in whole)]
    about = {
        "host": host(torch=torch.__version__),
        "provider": "inductor",
        "integer_layers": integer,
        "inside": {kind: put[kind].inside for kind in KINDS},
        "borders_us": borders(given.threads, given.runs),
    }
    print(f"{len(integer)} of {len(layers['weighted'])} layers with int8 weights run in oneDNN's integer kernels")
    if missing := [kind for kind in KINDS if not us[kind]]:
        print(f"torch's profiler did not see all kernels of {' and '.join(missing)}: no times per layer")
    share = equal / sum(tensor.numel() for tensor in outputs)
    return finish(here, given, about, share, ms, us, f"torch {torch.__version__}, inductor")
