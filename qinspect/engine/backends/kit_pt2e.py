"""A folder that measures the float and the int8 program, compiled by inductor on another device, with torch alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from ..files import write_json
from ..progress import Report, part, silent
from ..quantize import Quantization
from ..results.export import ExportReport
from ..text import Text
from .exported import Batches, Score, first_inputs, need_samples, new_folder
from .fx.code import plain_text
from .kit import KIT_SAMPLES, try_kit, unequal, write_kit
from .pt2e.compiler import need_compiler
from .pt2e.export import INDUCTOR, export_pt2e
from .pt2e.profile import readers, sums_read

README = """\
{name}, quantized for PT2E by qinspect {version} with torch {torch}: a kit to measure it on another device.

bench.py     python bench.py: compiles both programs with inductor, measures them end to end and, where torch's
             profiler says, per layer; writes bench.json
measure/     what bench.py runs
float.pt2    the float program (BatchNorms folded), as torch.export.save wrote it
int8.pt2     the quantized program
samples.pt   a few inputs, and what the int8 program gave for them where it was exported
layers.json  which layers have int8 weights, and which layers read which
plan.json    what was asked for: qconfigs, fusions, target
verify.json  what came out when the int8 program was checked here

Needs Python, torch {torch} and a C++ compiler (g++ or clang), nothing else. Inductor calls integer kernels on x86
alone; bench.py says how many it found. To see the figures beside the layers:

{back}"""

PARTS = ("pt2e/nodes.py", "pt2e/inductor.py", "pt2e/kernels.py", "stopwatch.py")


def export_pt2e_kit(
    quantization: Quantization,
    out: Path,
    samples: Batches,
    report: Report = silent,
    *,
    name: str = "model",
    score: Score | None = None,
    notes: Sequence[str] = (),
) -> ExportReport:
    """Write the folder, verify the quantized program, and try the kit in a new process.

    Parameters are as for `pt2e.export.export_pt2e`; `out` is the folder.

    Raises
    ------
    Problem
        Where there is no compiler to try it with, the folder cannot be written, or the kit does not run.
    """
    need_samples(out, samples)
    need_compiler()
    graph = quantization.graph
    with new_folder(out) as folder:
        file = folder / "int8.pt2"
        verified = export_pt2e(
            quantization, file, samples, part(report, 0, 0.5), score=score, notes=notes, plain=folder / "float.pt2"
        )
        file.with_name("int8.verify.json").unlink()
        torch.save({"inputs": first_inputs(quantization, samples, KIT_SAMPLES)}, folder / "samples.pt")
        weighted = [layer.id for layer in graph.layers if layer.id in quantization.weights]
        layers = {
            "batch": graph.inputs[0].shape[0],
            "weighted": weighted,
            "read": sums_read(graph, weighted),
            "readers": readers(graph),
        }
        write_json(folder / "layers.json", layers)
        write_json(folder / "plan.json", quantization.plan.to_json())
        write_kit(folder, "compiled", PARTS, README, name=plain_text(name), torch=torch.__version__)
        others = ("torchao", "onnx", "onnxruntime", "qinspect")
        trial = try_kit(folder, "compiled", others, part(report, 0.5, 1), keeps=True)
        problems = (*verified.problems, *unequal(trial))
        counted = Text(
            "compiled here, {found} of {asked} layers with int8 weights run in oneDNN's integer kernels",
            found=len(trial["integer_layers"]),
            asked=len(weighted),
        )
        said = (*(note for note in verified.notes if note != INDUCTOR), counted)
        result = replace(verified, path=str(out), to="kit", verified=not problems, problems=problems, notes=said)
        write_json(folder / "verify.json", result.to_json())
    report(1, 1, Text("done"))
    return result
