"""What all exports share: their place on the disk, the new process that runs them, and the figures."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ... import __version__
from ..classes import ClassAxis
from ..errors import OutputErrors
from ..graph.execute import Executor, outputs_of
from ..problem import Problem
from ..process.child import how_it_ended
from ..progress import Report
from ..quantize import Quantization
from ..results.export import ExportReport
from ..results.kernels import KernelCheck
from ..staged import scratch_folder, staged_folder
from ..text import Text

Batches = Sequence[Sequence[torch.Tensor]]
"""What an export is verified on: each batch is the tuple of the model's inputs."""


@dataclass(frozen=True)
class Score:
    """What an export's outputs are judged by.

    Parameters
    ----------
    metric : callable
        Of the outputs over all samples.
    classes : ClassAxis
        How the judged output is read.
    """

    metric: Callable[[Sequence[torch.Tensor]], float | None]
    classes: ClassAxis = "flat"


# -- the place ---------------------------------------------------------------------------------------


@contextlib.contextmanager
def new_folder(out: Path) -> Iterator[Path]:
    """A folder to write into, which becomes `out` when the block ends without an exception.

    One that qinspect wrote before (it holds ``verify.json``) is replaced, any other refused.

    Raises
    ------
    Problem
        Where the place is taken or cannot be written.
    """
    if out.is_file():
        raise Problem(str(out), Text("is a file"), Text("Give a folder that does not exist yet."))
    if out.is_dir() and any(out.iterdir()) and not (out / "verify.json").is_file():
        raise Problem(
            str(out), Text("holds files that are not an export"), Text("Give a folder that does not exist yet.")
        )
    with staged_folder(out) as folder:
        yield folder


def need_samples(out: Path, samples: Batches) -> None:
    """Refuse to export what cannot be verified."""
    if not samples:
        raise Problem(str(out), Text("there is no sample to verify the export with"), Text("Open data first."))


def first_inputs(q: Quantization, samples: Batches, count: int) -> list[torch.Tensor]:
    """The first few samples, of batches of one shape; a whole batch where the model's is fixed."""
    first = samples[0]
    if not all(spec.shape and spec.shape[0] is None for spec in q.graph.inputs):
        return [tensor.detach().clone() for tensor in first]
    shapes = [tensor.shape[1:] for tensor in first]
    alike = [batch for batch in samples[:count] if [tensor.shape[1:] for tensor in batch] == shapes]
    return [torch.cat(parts)[:count].detach().clone() for parts in zip(*alike, strict=True)]


# -- the new process ---------------------------------------------------------------------------------


def run_python(arguments: Sequence[str], folder: Path, report: Report, what: str) -> None:
    """Run Python with these arguments in a new process, in a folder.

    Raises
    ------
    Problem
        For `what`, with the last line that it wrote, where it fails.
    """
    with open(folder / "stderr", "w+b") as errors:
        child = subprocess.Popen(
            [sys.executable, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=errors,
            stderr=errors,
            cwd=folder,
        )
        try:
            while child.poll() is None:
                report(0, 1, Text("loading it in a new process"))
                time.sleep(0.05)
        finally:
            child.kill()
            child.wait()
        errors.seek(0)
        said = errors.read().decode(errors="replace").strip().splitlines()
    if child.returncode != 0:
        why = how_it_ended(child.returncode, said)
        raise Problem(
            what,
            Text("a new process with what was written {why}", why=why),
            Text("Choose another target, or report this."),
        )


def run_alone(folder: Path, code: str, samples: Batches, report: Report) -> Mapping[str, Any]:
    """Run code on an exported folder in a new process that sees installed packages only; what it saved.

    The code gets the folder and a place to work in; that holds ``given.pt`` (``batches``, ``threads``),
    and it leaves ``found.pt`` there, tensors and plain data alone.

    Raises
    ------
    Problem
        Where it fails, with its last line.
    """
    with scratch_folder() as work:
        torch.save({"batches": [tuple(batch) for batch in samples], "threads": 1}, work / "given.pt")
        run_python(["-I", "-B", "-c", code, str(folder), str(work)], work, report, "export")
        result: Mapping[str, Any] = torch.load(work / "found.pt", weights_only=True)
    return result


# -- the figures -------------------------------------------------------------------------------------


def summed_up(
    q: Quantization,
    out: Path,
    to: str,
    samples: Batches,
    outputs: Sequence[Sequence[torch.Tensor]],
    simulated: Sequence[Sequence[torch.Tensor]],
    problems: Sequence[str],
    really: Collection[str],
    nodes: tuple[int, int],
    versions: Mapping[str, str],
    score: Score | None,
    notes: Sequence[str] = (),
    checks: Mapping[str, KernelCheck] | None = None,
    criterion: str = "",
) -> ExportReport:
    """The report on an export that has been run.

    Parameters
    ----------
    outputs, simulated : sequence of lists of torch.Tensor
        Of the exported model and of the simulation, by batch.
    problems : sequence of str
        What was found wrong so far; layers that run in float without a reason are added here.
    really : collection of str
        Ids of layers that run in integers.
    nodes : tuple of int
        Number of quantizers and dequantizers.
    checks : mapping of layer id to KernelCheck, optional
        Of the integer layers that could be compared with the simulation.
    criterion : str
        What it takes to have no problems, for the report.
    """
    ours = [torch.cat(parts) for parts in zip(*outputs, strict=True)]
    theirs = [torch.cat(parts) for parts in zip(*simulated, strict=True)]
    asked = tuple(layer.id for layer in q.graph.layers if layer.id in q.asked)
    found = list(problems)
    if not all(bool(torch.isfinite(tensor).all()) for tensor in ours):
        found.append(Text("its outputs are not finite"))
    unasked = [layer for layer in asked if layer not in really and layer not in q.why_not]
    found += [Text("{layer}: asked in integers, runs in float", layer=layer) for layer in unasked]
    if not asked:
        said = Text(
            "nothing in it is quantized: {target} has kernels for none of what the plan asks, or it asks for nothing",
            target=q.plan.target.title,
        )
        notes = (*notes, said)
    checks = checks or {}
    counts = [(check.histogram.get(0, 0), sum(check.histogram.values())) for check in checks.values()]
    total = sum(whole for _, whole in counts)
    plain = Executor(q.float_graph)
    with torch.inference_mode():
        parts = [outputs_of(plain(batch)) for batch in samples]
    wanted = [torch.cat(each) for each in zip(*parts, strict=True)]
    classes: ClassAxis = "flat" if score is None else score.classes
    against_float, against_simulation = likeness(ours, wanted, classes), likeness(ours, theirs, classes)
    values = sum(t.numel() for t in theirs)
    return ExportReport(
        str(out),
        to,
        not found,
        tuple(found),
        sum(int(batch[0].shape[0]) for batch in samples),
        against_simulation.agreement,
        sum(int((a == b).sum()) for a, b in zip(ours, theirs, strict=True)) / max(1, values),
        None if against_simulation.exact else against_simulation.sqnr_db,
        None if score is None else score.metric(ours),
        asked,
        tuple(layer for layer in asked if layer in really),
        *nodes,
        {**versions, "qinspect": __version__},
        tuple(notes),
        kl=against_simulation.mean_kl,
        layer_equal_share=sum(equal for equal, _ in counts) / total if total else None,
        layer_max_steps=max((check.max_steps for check in checks.values()), default=None),
        layers_compared=len(checks),
        criterion=criterion,
        refused={layer: q.why_not[layer] for layer in asked if layer in q.why_not and layer not in really},
        float_agreement=against_float.agreement,
        float_kl=against_float.mean_kl,
        float_sqnr_db=None if against_float.exact else against_float.sqnr_db,
    )


WITHIN_ONE = 0.999
"""Share of a layer's values that must be within one step of the simulation."""

LAYERS = Text(
    "at least {share:.1%} of the values of every integer layer, fed the kernel's own input, are within one step of "
    "the simulation",
    share=WITHIN_ONE,
)
"""The criterion that `unlike` holds layers to."""


def unlike(checks: Mapping[str, KernelCheck]) -> list[Text]:
    """Layers whose integers are not those of the simulation, in words."""
    return [
        Text(
            "{layer}: {share:.1f} % of its values are up to {max_steps} steps from the simulation",
            layer=layer,
            share=100 * (1 - check.within_one),
            max_steps=check.max_steps,
        )
        for layer, check in checks.items()
        if check.within_one < WITHIN_ONE
    ]


def likeness(ours: Sequence[torch.Tensor], theirs: Sequence[torch.Tensor], classes: ClassAxis = "flat") -> OutputErrors:
    """Errors of an export's outputs against others, as every analysis has them."""
    errors = OutputErrors(classes)
    errors.add(theirs, ours)
    return errors


LEAST_SQNR_DB = 20.0
"""Of the outputs against the simulation. Sums in another order round a few values differently, and through a
deep net that grows; a single wrong scale is far below."""


def unlike_outputs(outputs: Sequence[Sequence[torch.Tensor]], simulated: Sequence[Sequence[torch.Tensor]]) -> list[str]:
    """Outputs, by batch, that are not those of the simulation, in words."""
    found: list[str] = []
    pairs = zip(zip(*outputs, strict=True), zip(*simulated, strict=True), strict=True)
    for number, (ours, theirs) in enumerate(pairs, 1):
        one, two = torch.cat(ours), torch.cat(theirs)
        if torch.equal(one, two):
            continue
        alike = (one == two) & ~two.isfinite()  # what a mask makes infinite in both
        sqnr_db = likeness([one.masked_fill(alike, 0)], [two.masked_fill(alike, 0)]).sqnr_db
        if sqnr_db is None:
            found.append(
                Text(
                    "output {number} is not what the simulation says (they differ by NaN or infinity, or one is all 0)",
                    number=number,
                )
            )
        elif sqnr_db < LEAST_SQNR_DB:
            found.append(
                Text(
                    "output {number} is not what the simulation says (SQNR {sqnr_db:.1f} dB)",
                    number=number,
                    sqnr_db=sqnr_db,
                )
            )
    return found
