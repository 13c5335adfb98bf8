"""Export as readable Python: the quantized model from float model, plan and scales.

For torch's engines that is the folder of `fx.export`. For ONNX Runtime, TensorRT and PT2E it is the simulation,
layer by layer in torch alone, with the file of the model that it describes beside it.
"""

from __future__ import annotations

import sys
from collections import ChainMap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import fx

from ..files import write_json
from ..graph import Layer, Ref
from ..graph.execute import outputs_of
from ..process.child import run_in_child
from ..progress import Report, part, silent
from ..quantize import Quantization
from ..results.export import ExportReport
from ..simulate import Simulation
from ..text import Text
from . import simulation as simulate
from .clips import CLIPS, whole_limits
from .exported import Batches, Score, need_samples, new_folder, run_alone, summed_up, unlike_outputs
from .fx.code import plain_text, write_class
from .fx.export import example, export_fx, write_float
from .fx.lower import Info, Lazy, Writer
from .fx.text import imports
from .script_forms import FORMS, ModelFile
from .script_layers import OnGrid, fake_quantize, round_now
from .script_text import BUILD, CHECK, README


def export_script(
    quantization: Quantization,
    out: Path,
    samples: Batches,
    report: Report = silent,
    *,
    name: str = "model",
    score: Score | None = None,
    notes: Sequence[str] = (),
) -> ExportReport:
    """Write the folder, run it in a new process and compare; parameters as for `fx.export.export_fx`.

    Raises
    ------
    Problem
        Where the folder cannot be written, or what was written does not run.
    """
    if quantization.plan.target.backend in ("fx", "eager"):
        folder = export_fx(quantization, out, samples, report, name=name, score=score, notes=notes)
        return replace(folder, to="script")
    need_samples(out, samples)
    with new_folder(out) as place:
        work = _Work(quantization, name, place, samples)
        made: _Made = run_in_child(
            "qinspect.engine.backends.script:_write", work, part(report, 0, 0.6), what="export of a script"
        )
        found = run_alone(place, CHECK, samples, part(report, 0.6, 0.9))
        result = _compare(quantization, out, samples, made, found, score, notes)
        write_json(place / "verify.json", result.to_json())
    report(1, 1, Text("done"))
    return result


@dataclass(frozen=True)
class _Work:
    quantization: Quantization
    name: str
    folder: Path
    batches: Batches


@dataclass(frozen=True)
class _Made:
    simulated: list[list[torch.Tensor]]
    exact: list[list[torch.Tensor]]
    model: ModelFile


def _write(work: _Work, report: Report) -> _Made:
    """In a child process: write the folder, and run what it describes."""
    from ... import __version__

    q, form = work.quantization, FORMS[work.quantization.plan.target.backend]
    torch.set_num_threads(1)
    report(0, 4, Text("lowering to {target}", target=q.plan.target.title))
    model = form.write(q, work.folder / form.file, work.batches)
    report(1, 4, Text("writing"))
    write_float(work.folder, q, work.name)
    module, info = fake_module(q)
    code = write_class("QuantizedModel", "Float32 numbers on their grids.", module, info, ", model, v, w")
    inputs = ", ".join(example(spec) for spec in q.graph.inputs)
    text = BUILD.format(
        code=code, inputs=inputs, names=list(q.graph.input_names), outputs=list(model.outputs), file=form.file,
        by=form.by, more=form.more, warnings="import warnings\n" if "warnings." in form.session else "",
        session=form.session.replace("{inputs}", inputs), **imports(code),
    )  # fmt: skip
    (work.folder / "build.py").write_text(text, encoding="utf-8")
    layers = (Path(__file__).parent / "script_layers.py").read_text(encoding="utf-8")
    (work.folder / "layers.py").write_text(layers, encoding="utf-8")
    made_with = {"torch": torch.__version__, **model.versions}
    readme = README.format(
        name=plain_text(work.name), target=q.plan.target.title, version=__version__,
        made_with=" and ".join(f"{name} {version}" for name, version in made_with.items()),
        file=form.file, deployed=form.deployed, needs=form.needs,
        quantized=len(q.asked & model.kernels.keys()), asked=len(q.asked),
    )  # fmt: skip
    (work.folder / "README.txt").write_text(readme, encoding="utf-8")
    simulated, exact = [], []
    both = Simulation(q), simulate(q)
    with torch.no_grad():
        for done, batch in enumerate(work.batches):
            report(2 + 2 * done / len(work.batches), 4, Text("running"))
            simulated.append(outputs_of(both[0](batch)))
            exact.append(outputs_of(both[1](batch)))
    return _Made(simulated, exact, model)


def _compare(
    q: Quantization,
    out: Path,
    samples: Batches,
    made: _Made,
    found: Mapping[str, Any],
    score: Score | None,
    notes: Sequence[str],
) -> ExportReport:
    checked = made.model.checked
    problems = [] if checked is None else list(checked.problems)
    if found["others"]:
        problems.append(Text("it needs more than torch and onnxruntime: {others}", others=", ".join(found["others"])))
    for ours, theirs in zip(made.simulated, found["simulated"], strict=True):
        if not all(torch.equal(one, two) for one, two in zip(ours, theirs, strict=True)):
            problems.append(Text("build.py gives other numbers than the simulation"))
            break
    if checked is None:
        problems += unlike_outputs(found["outputs"], made.exact)
    versions = {"python": sys.version.split()[0], "torch": torch.__version__, **made.model.versions}
    result = summed_up(
        q, out, "script", samples, found["outputs"], made.exact, problems, made.model.kernels, made.model.nodes,
        versions, score, notes, None, FORMS[q.plan.target.backend].criterion,
    )  # fmt: skip
    if checked is None:
        return result
    return replace(
        result,
        build=checked.build,
        layer_equal_share=checked.layer_equal_share,
        layer_max_steps=checked.layer_max_steps,
        layers_compared=checked.layers_compared,
    )


def fake_module(quantization: Quantization) -> tuple[fx.GraphModule, Info]:
    """The simulation as an fx graph of float modules with fake quantization between them."""
    with torch.no_grad():
        return _FakeWriter(quantization).write()


class _FakeWriter(Writer):
    """Writes a quantization as `Simulation` runs it."""

    def __init__(self, quantization: Quantization) -> None:
        super().__init__(quantization.graph)
        self.q = quantization
        self.info.q = quantization.qparams_json()
        self.rounded: dict[str, fx.Node] = {}

    def layer(self, layer: Layer) -> None:
        if layer.id in self.q.dynamic | self.q.weight_only:
            self.partly(layer)
            return
        if layer.id not in self.q.quantized or layer.transparent:
            self.float_layer(layer, self.nodes)
            return
        reads = Lazy(lambda name: self.on_grid(name, layer.id))
        if layer.id in self.q.weights:
            node = self.weighted(layer, reads)
        else:
            node = self.emit(layer, self.calls[layer.id], reads, layer.id)
        local: ChainMap[str, Any] = ChainMap({}, reads)  # type: ignore[arg-type]
        made = [layer.id, *layer.folded]
        for inner in layer.executed:
            if inner.op in CLIPS and not self.ends_clip(layer):
                # Rounding before a clip and after it is as good as after it, and the runtime
                # makes an integer kernel only where it finds a quantizer right behind the layer.
                node = self.quantize(node, layer.value, layer.id)
            local.update(dict.fromkeys(made, node))
            node = self.emit(inner, self.calls[inner.id], local, layer.id)
            made.append(inner.id)
        node = self.quantize(node, layer.value, layer.id)
        self.hand_on(layer, node)

    def partly(self, layer: Layer) -> None:
        """A layer that hands on float values: its weight is rounded, and what it reads where it is dynamic."""
        reads: Any = self.nodes
        if layer.id in self.q.dynamic:
            reads = Lazy(lambda name: self.rounded_now(name, layer.id))
        if layer.id in self.q.weights:
            node = self.weighted(layer, reads)
        else:
            node = self.emit(layer, self.calls[layer.id], reads, layer.id)
        for inner in layer.executed:
            local = {**self.nodes, **dict.fromkeys((layer.id, *layer.folded), node)}
            node = self.emit(inner, self.calls[inner.id], local, layer.id)
        self.hand_on(layer, node)

    def rounded_now(self, value: str, owner: str) -> fx.Node:
        node = self.nodes[value]
        config = self.q.configs[owner].activation
        assert config is not None
        ends = () if config.grid == (0, 255) else config.grid
        made = self.graph.create_node("call_function", round_now, (node, *ends), name=self.name(f"{node.name}_now"))
        made.meta.update(qinspect=owner, kind="float")
        return made

    def ends_clip(self, layer: Layer) -> bool:
        """Whether the grid ends where the clip behind a layer cuts; without a grid there is nothing to round."""
        params = self.q.values.get(layer.value)
        return params is None or whole_limits(params, layer) == (params.qmin, params.qmax)

    def on_grid(self, value: str, owner: str) -> Any:
        if self.q.at_origin(value) or value not in self.q.values:
            return self.nodes[value]
        if value not in self.rounded:
            self.rounded[value] = self.quantize(self.nodes[value], value, owner)
        return self.rounded[value]

    def quantize(self, node: Any, value: str, owner: str) -> fx.Node:
        if value not in self.q.values:
            return node  # handed on in real numbers
        args = (node, self.info.q["values"][value])
        made = self.graph.create_node("call_function", fake_quantize, args, name=self.name(f"{node.name}_q"))
        made.meta.update(qinspect=owner, kind="quantize", grid=value)
        return made

    def weighted(self, layer: Layer, reads: Any) -> fx.Node:
        how, name = self.calls[layer.id], self.called[layer.id]
        source, first = layer.inputs[0], layer.args[0]
        assert isinstance(first, Ref)
        weight = self.info.q["weights"][layer.id]
        grid = None if self.q.bias_in_steps(layer) is None else self.info.q["values"][source]
        made = OnGrid(how.module(self.layers.params), weight, grid)
        text = "None" if grid is None else f"v[{source!r}]"
        self.add_module(name, made, f"OnGrid(model.{name}, w[{layer.id!r}], {text})")
        node = self.graph.create_node("call_module", name, (reads[first.value],), name=name)
        node.meta.update(qinspect=layer.id, kind="float")
        return node
