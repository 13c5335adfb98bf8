"""Export for torch: a folder from which the int8 model is rebuilt bit for bit, with torch alone.

A whole int8 module cannot be stored so that it loads safely; float code, weights, plan and scales can.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import fx

from ...files import write_json
from ...graph import TensorSpec
from ...graph.execute import outputs_of
from ...graph.graph_json import GRAPH
from ...graph.graph_json import to_json as graph_json
from ...kernels import compare
from ...process.child import run_in_child
from ...progress import Report, part, silent
from ...quantize import Quantization
from ...results.export import ExportReport
from ...text import Text
from .. import simulation as simulate
from ..exported import LAYERS, Batches, Score, need_samples, new_folder, run_alone, summed_up, unlike
from .code import plain_text, write_class
from .lower import float_module_with_info
from .runner import FxRunner
from .text import BUILD, CHECK, MODEL, README, imports

OPERATORS = "operators.json"
"""In a kit: which line of the models belongs to which layer."""

CRITERION = Text(
    "bit for bit the kernels that were measured: all outputs, and every integer of the first batch; {layers}; all "
    "layers that the plan asks for, and no reason speaks against, run in integers",
    layers=LAYERS,
)


@dataclass(frozen=True)
class _Work:
    quantization: Quantization
    name: str
    folder: Path
    batches: Batches
    operators: bool


@dataclass(frozen=True)
class _Made:
    """What the writing process knows: `names` are build.py's variables by value name, `own` by layer id."""

    outputs: list[list[torch.Tensor]]
    plain: list[torch.Tensor]
    integers: dict[str, torch.Tensor]
    names: dict[str, str]
    own: dict[str, str]
    merged: dict[str, str]
    kernels: dict[str, str]
    nodes: tuple[int, int]


def export_fx(
    quantization: Quantization,
    out: Path,
    samples: Batches,
    report: Report = silent,
    *,
    name: str = "model",
    score: Score | None = None,
    notes: Sequence[str] = (),
    operators: bool = False,
) -> ExportReport:
    """Write the folder, load it in a new process and compare.

    Parameters
    ----------
    quantization : Quantization
        For an fx or eager target.
    out : Path
        The folder; one that qinspect wrote before is replaced, any other is refused.
    samples : sequence of batches
        A batch is the tuple of the model's inputs. The first is compared value by value.
    report : Report
    name : str
        The model's, for the texts.
    score : Score, optional
        What the outputs over all samples are judged by.
    notes : sequence of str
        For the report.
    operators : bool
        Write `OPERATORS` as well.

    Raises
    ------
    Problem
        Where the folder cannot be written, or what was written does not run.
    """
    need_samples(out, samples)
    with new_folder(out) as folder:
        work = _Work(quantization, name, folder, samples, operators)
        made: _Made = run_in_child(
            "qinspect.engine.backends.fx.export:_write", work, part(report, 0, 0.4), what="export for torch"
        )
        found = run_alone(folder, CHECK, samples, part(report, 0.4, 0.7))
        result = _compare(
            quantization, out, samples, made, found, score, notes, part(report, 0.7, 1, Text("comparing"))
        )
        write_json(folder / "verify.json", result.to_json())
    report(1, 1, Text("done"))
    return result


# -- writing ---------------------------------------------------------------------------------------


def _write(work: _Work, report: Report) -> _Made:
    """In a child process: write the folder and run the model that it describes."""
    q = work.quantization
    report(0, 3, Text("lowering to torch's kernels"))
    runner = FxRunner(q)
    report(1, 3, Text("writing"))
    plain = write_float(work.folder, q, work.name)
    write_int8(work.folder, q, work.name, runner)
    if work.operators:
        lines = {"batch": q.graph.inputs[0].shape[0], "float": _lines(plain), "int8": _lines(runner.module)}
        write_json(work.folder / OPERATORS, lines)
    with torch.no_grad():
        outputs = []
        for done, batch in enumerate(work.batches):
            report(1 + done / len(work.batches), 3, Text("running"))
            outputs.append(runner.run(batch))
        integers = runner.integers(work.batches[0])
        floats = outputs_of(plain(*work.batches[0]))
    valued = [node for node in runner.module.graph.nodes if "value" in node.meta]
    names = {node.meta["value"]: node.name for node in valued}
    values = {layer.id: layer.value for layer in q.graph.layers}
    own = {n.meta["qinspect"]: n.name for n in valued if values.get(n.meta["qinspect"]) == n.meta["value"]}
    kinds = [node.meta.get("kind") for node in runner.module.graph.nodes]
    nodes = kinds.count("quantize"), kinds.count("dequantize")
    return _Made(outputs, floats, integers, names, own, dict(runner.info.merged), dict(runner.kernels), nodes)


def _lines(module: fx.GraphModule) -> dict[str, str]:
    """Whose the variables of a model's forward are: the layer's id, with what it does beside computing behind it."""
    found = {}
    for node in module.graph.nodes:
        owner, kind = node.meta.get("qinspect"), node.meta.get("kind")
        if owner:
            found[node.name] = owner if kind not in ("quantize", "dequantize") else f"{owner}/{kind}"
    return found


def write_float(folder: Path, q: Quantization, name: str) -> fx.GraphModule:
    """model.py, graph.json, weights.pt, plan.json and qparams.json; the float module."""
    from .... import __version__

    plain, info = float_module_with_info(q.graph)
    code = write_class("Model", "Float.", plain, info)
    text = MODEL.format(code=code, version=__version__, name=plain_text(name), **imports(code))
    (folder / "model.py").write_text(text, encoding="utf-8")
    write_json(folder / GRAPH, graph_json(q.graph, info.tensors))
    write_json(folder / "plan.json", q.plan.to_json())
    write_json(folder / "qparams.json", q.qparams_json())
    torch.save({key: _own(tensor) for key, tensor in plain.state_dict().items()}, folder / "weights.pt")
    return plain


@dataclass(frozen=True)
class _Form:
    """What build.py is made of.

    Parameters
    ----------
    model, text : str
        Name and docstring of its class.
    made : str
        The Python that makes the int8 model.
    helpers : mapping of str to tuple of str
        The files beside it, and the functions that it may take from each.
    """

    model: str
    text: str
    made: str
    helpers: Mapping[str, tuple[str, ...]]


_GIVEN = 'beside("model").load(folder), v, q["weights"]'

PARTLY = ("DynamicLinear", "DynamicRecurrent", "Int8Embedding", "WeightOnlyLinear")

FORMS = {
    "fx": _Form(
        "Int8Model",
        "torch's integer kernels, layer by layer.",
        f"Int8Model({_GIVEN}).eval()",
        {"int8_layers": ("int8_conv", "int8_linear", "int8_prelu", *PARTLY)},
    ),
    "eager": _Form(
        "EagerModel",
        "Float layers, and stubs where integers begin and end; torch.ao makes int8 layers of them.",
        f"to_int8(EagerModel({_GIVEN}))",
        {
            "int8_layers": ("rounded", "slope_grid", *PARTLY),
            "eager_layers": ("Between", "dequant_stub", "observed", "quant_stub", "to_int8"),
        },
    ),
}

SOURCES = {"int8_layers": "fx/kernels.py", "eager_layers": "eager/layers.py"}
"""Files of an export that go in as they are, and where they are here."""


def write_int8(folder: Path, q: Quantization, name: str, runner: FxRunner) -> None:
    """build.py, the files that it needs, and README.txt."""
    from .... import __version__

    form, engine = FORMS[q.plan.target.backend], q.plan.target.engine
    code = write_class(form.model, form.text, runner.module, runner.info, ", model, v, w")
    lines = []
    for file, functions in form.helpers.items():
        used = [function for function in functions if f"{function}(" in code + form.made]
        lines += [f'{file} = beside("{file}")', *(f"{function} = {file}.{function}" for function in used)]
        text = (Path(__file__).parents[1] / SOURCES[file]).read_text(encoding="utf-8")
        (folder / f"{file}.py").write_text(text, encoding="utf-8")
    inputs = ", ".join(example(spec) for spec in q.graph.inputs)
    text = BUILD.format(
        engine=engine, layers="\n".join(lines), code=code, made=form.made, inputs=inputs, **imports(code)
    )
    (folder / "build.py").write_text(text, encoding="utf-8")
    more = "eager_layers.py stubs, fused layers and observers for torch.ao's eager mode\n"
    text = README.format(
        name=plain_text(name), engine=engine, version=__version__, torch=torch.__version__,
        more=more if "eager_layers" in form.helpers else "",
        quantized=len(q.asked & set(runner.kernels)), asked=len(q.asked),
    )  # fmt: skip
    (folder / "README.txt").write_text(text, encoding="utf-8")


def _own(tensor: torch.Tensor) -> torch.Tensor:
    """The tensor without the rest of the memory that it is a view of."""
    tensor = tensor.detach().contiguous()
    return tensor if tensor.untyped_storage().nbytes() == tensor.nbytes else tensor.clone()


def example(spec: TensorSpec) -> str:
    size = spec.sized(1)
    if spec.dtype.startswith("float"):
        return f"torch.randn{size!r}"
    return f"torch.zeros({size!r}, dtype=torch.{spec.dtype})"


# -- verifying -------------------------------------------------------------------------------------


def _compare(
    q: Quantization,
    out: Path,
    samples: Batches,
    made: _Made,
    found: Mapping[str, Any],
    score: Score | None,
    notes: Sequence[str],
    report: Report,
) -> ExportReport:
    problems = []
    if found["others"]:
        problems.append(Text("it needs more than torch: {others}", others=", ".join(found["others"])))
    if not all(
        torch.equal(one, two)
        for ours, theirs in zip(made.outputs, found["outputs"], strict=True)
        for one, two in zip(ours, theirs, strict=True)
    ):
        problems.append(Text("its outputs are not bit for bit those of the kernels that were measured"))
    for value, whole in made.integers.items():
        if value not in made.names:
            continue  # a padding inside its convolution
        seen = found["integers"].get(made.names[value])
        if seen is None or not torch.equal(seen.to(torch.int32), whole):
            problems.append(
                Text("{value}: is not in integers in the new process", value=value)
                if seen is None
                else Text("{value}: differs in the new process", value=value)
            )
    for one, two in zip(made.plain, found["plain"], strict=True):
        if not torch.allclose(one, two, rtol=1e-4, atol=1e-5 * float(one.abs().max().clamp_min(1))):
            problems.append(Text("the float model in model.py gives other outputs"))
    really = tuple(
        layer.id for layer in q.graph.layers
        if layer.id in q.asked
        and (
            made.own.get(made.merged.get(layer.id, layer.id)) in found["integers"]
            # A dynamic or weight-only layer hands on real numbers; that it is the same one, the outputs say.
            or (layer.id in q.dynamic | q.weight_only and layer.id in made.kernels)
        )
    )  # fmt: skip
    simulation = simulate(q)
    simulated = []
    checks: dict[str, Any] = {}
    with torch.no_grad():
        # Bit for bit what the new process had, or the problem is named above.
        compare(simulation, made.integers, samples[0], checks)
        for done, batch in enumerate(samples):
            report(done, len(samples), "")
            simulated.append(outputs_of(simulation(batch)))
    layers = {layer_id: difference.check() for layer_id, difference in checks.items()}
    problems += unlike(layers)
    versions = {"python": sys.version.split()[0], "torch": torch.__version__}
    to = q.plan.target.backend
    return summed_up(
        q, out, to, samples, found["outputs"], simulated, problems, really, made.nodes, versions, score, notes,
        layers, CRITERION,
    )  # fmt: skip
