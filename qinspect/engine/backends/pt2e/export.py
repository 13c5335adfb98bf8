"""Export as a quantized ``.pt2``: torchao's reference program, which loads safely and inductor compiles."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from ...files import write_json
from ...graph.execute import outputs_of
from ...problem import Problem
from ...process.child import run_in_child
from ...progress import Report, part, silent
from ...quantize import Quantization
from ...results.export import ExportReport
from ...staged import scratch_folder, staged_file
from ...text import Text
from .. import simulation as simulate
from ..exported import Batches, Score, need_samples, run_python, summed_up, unlike_outputs

PLAN = "qinspect_plan.json"
"""Name of the plan inside the archive."""

CRITERION = Text(
    "each output has an SQNR of at least 20 dB against the simulation; all layers that the plan asks for, and no "
    "reason speaks against, stand between quantizers"
)

INDUCTOR = Text("what inductor makes of it is counted by qinspect analyze --target pt2e, not here")
LOADED = Text("torch.export.load opens it after import torch.ao.quantization.fx._decomposed, or import torchao")


@dataclass(frozen=True)
class Work:
    """A quantization for target pt2e, and the files to be written: its program, and the float one."""

    quantization: Quantization
    path: Path
    plain: Path | None = None


def export_pt2e(
    quantization: Quantization,
    out: Path,
    samples: Batches,
    report: Report = silent,
    *,
    score: Score | None = None,
    notes: Sequence[str] = (),
    plain: Path | None = None,
) -> ExportReport:
    """Write the program, load it in a new process, run it and compare.

    It is loaded as any foreign file is, by `load.archive.read_pt2`, which runs no code of the file's.
    What was found is also written beside it, as ``<name>.verify.json``.

    Parameters
    ----------
    quantization : Quantization
        For target pt2e.
    out : Path
        ``*.pt2``; it and the report beside it are replaced when it is verified, or not at all.
    samples : sequence of batches
        A batch is the tuple of the model's inputs.
    report : Report
    score : Score, optional
        What the outputs over all samples are judged by.
    notes : sequence of str
        For the report.
    plain : Path, optional
        Where the float program is to be written as well.

    Raises
    ------
    Problem
        Where the file cannot be written, or what was written does not run.
    """
    need_samples(out, samples)
    if out.is_dir():
        raise Problem(str(out), Text("is a folder"), Text("Give the name of a file, such as model.pt2."))
    with staged_file(out) as file:
        run_in_child(
            "qinspect.engine.backends.pt2e.export:write",
            Work(quantization, file, plain),
            part(report, 0, 0.4),
            what="export as .pt2",
        )
        with scratch_folder() as folder:
            found = _run(file, folder, samples, part(report, 0.4, 0.8))
        result = _compare(quantization, out, samples, found, score, notes, part(report, 0.8, 1, Text("comparing")))
        result = replace(result, size_bytes=file.stat().st_size)
        write_json(file.with_name(f"{out.stem}.verify.json"), result.to_json())
    report(1, 1, Text("done"))
    return result


def write(work: Work, report: Report) -> None:
    """In a child process: quantize with PT2E, and write the program."""
    from .inductor import quiet
    from .lower import exported, lower, owned_module

    report(0, 2, Text("quantizing with PT2E"))
    program = exported(work.quantization.graph, lower(work.quantization).module)
    report(1, 2, Text("writing"))
    plan = json.dumps(work.quantization.plan.to_json())
    with quiet():
        torch.export.save(program, work.path, extra_files={PLAN: plan})
        if work.plain is not None:
            graph = work.quantization.float_graph
            torch.export.save(exported(graph, owned_module(graph)), work.plain)


def _run(path: Path, folder: Path, samples: Batches, report: Report) -> Mapping[str, Any]:
    """Load the file in a new process and run it; what that saved."""
    torch.save({"batches": [tuple(batch) for batch in samples]}, folder / "given.pt")
    here = str(Path(__file__).parents[4])
    code = f"import sys; sys.path.insert(0, {here!r})\nfrom {__name__} import main\nmain(*sys.argv[1:])"
    run_python(["-B", "-c", code, str(path), str(folder)], folder, report, "export")
    found: Mapping[str, Any] = torch.load(folder / "found.pt", weights_only=True)
    return found


def main(path: str, folder: str) -> None:
    """In the new process: load a file safely, run it, and save what came out."""
    from ...load import quiet
    from ...load.archive import read_pt2
    from .nodes import described

    torch.set_num_threads(1)
    with quiet():
        program = read_pt2(Path(path))
    given = torch.load(Path(folder) / "given.pt", weights_only=True)
    module = program.module(check_guards=False)
    with torch.no_grad():
        outputs = [outputs_of(module(*batch)) for batch in given["batches"]]
    said = described(program.graph)
    nodes = (said.quantize_nodes, said.dequantize_nodes)
    torch.save({"outputs": outputs, "layers": sorted(said.layers), "nodes": nodes}, Path(folder) / "found.pt")


def _compare(
    q: Quantization,
    out: Path,
    samples: Batches,
    found: Mapping[str, Any],
    score: Score | None,
    notes: Sequence[str],
    report: Report,
) -> ExportReport:
    simulation = simulate(q)
    simulated = []
    with torch.no_grad():
        for done, batch in enumerate(samples):
            report(done, len(samples), "")
            simulated.append(outputs_of(simulation(batch)))
    problems = unlike_outputs(found["outputs"], simulated)
    versions = {"python": sys.version.split()[0], "torch": torch.__version__}
    return summed_up(
        q, out, "pt2e", samples, found["outputs"], simulated, problems, found["layers"], tuple(found["nodes"]),
        versions, score, (*notes, INDUCTOR, LOADED), None, CRITERION,
    )  # fmt: skip
