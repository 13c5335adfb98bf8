"""A folder that measures the float and the int8 model on another device, with torch alone."""

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
from .fx.export import export_fx
from .kit import KIT_SAMPLES, try_kit, unequal, write_kit

README = """\
{name}, quantized for {target} by qinspect {version} with torch {torch}: a kit to measure it on another device.

bench.py        python bench.py: measures both models, end to end and per layer; writes bench.json
measure/        what bench.py runs
build.py        load() gives the int8 model, from the float one, its weights, and scales and zero points
model.py        load() gives the float model (BatchNorms folded)
weights.pt      the float weights: a state_dict, read with weights_only=True
samples.pt      a few inputs, and what the int8 model gave for them where it was exported
operators.json  which line of the models belongs to which layer
plan.json       what was asked for: qconfigs, fusions, target
qparams.json    scale and zero point of every value and weight
graph.json      the float model's layers as data: qinspect opens this folder as a model
verify.json     what came out when the int8 model was checked here

The other .py files say how a float layer becomes one of torch's int8 layers. Needs Python and torch, nothing else;
the same torch version and processor give the same bits. To see the figures beside the layers:

{back}"""


def export_torch_kit(
    quantization: Quantization,
    out: Path,
    samples: Batches,
    report: Report = silent,
    *,
    name: str = "model",
    score: Score | None = None,
    notes: Sequence[str] = (),
) -> ExportReport:
    """Write the folder of `fx.export.export_fx` with what measures it, and try it in a new process.

    Parameters are as for `export_fx`; `out` is the folder.

    Raises
    ------
    Problem
        Where the folder cannot be written, or the kit does not run.
    """
    need_samples(out, samples)
    with new_folder(out) as folder:
        verified = export_fx(
            quantization, folder, samples, part(report, 0, 0.8), name=name, score=score, notes=notes, operators=True
        )
        torch.save({"inputs": first_inputs(quantization, samples, KIT_SAMPLES)}, folder / "samples.pt")
        words = {"name": plain_text(name), "target": quantization.plan.target.name, "torch": torch.__version__}
        write_kit(folder, "operators", (), README, **words)
        others = ("torchao", "onnx", "onnxruntime", "qinspect")
        trial = try_kit(folder, "operators", others, part(report, 0.8, 1), keeps=True)
        problems = (*verified.problems, *unequal(trial))
        result = replace(verified, path=str(out), to="kit", verified=not problems, problems=problems)
        write_json(folder / "verify.json", result.to_json())
    report(1, 1, Text("done"))
    return result
