"""From a source (file or callable) to a model whose layers are known."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import io
import logging
import warnings
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from ..existing import TABLE, Existing
from ..files import demand_file
from ..graph import LayerGraph
from ..graph.execute import Executor
from ..graph.normalize import normalize
from ..problem import Problem, line_of
from ..progress import Report, silent
from ..source import TIMM, ModelSpec, is_callable
from ..text import Text
from .archive import read_pt2
from .call import call_of
from .callable import build
from .plain import IN_FLOAT32, in_float32
from .pt2_quantized import existing_of, strip
from .sniff import CLOSED, holds_tensors, kind_of, model_in, refusal
from .timm_names import build_timm
from .trace import Traced, trace

__all__ = ["Model", "ModelSpec", "check_runs", "is_callable", "load_model"]


@dataclass(frozen=True, eq=False)
class Model:
    """A float model that was opened.

    Parameters
    ----------
    spec : ModelSpec
        Where it came from.
    name : str
        For people.
    digest : str
        Of graph and weights; results are keyed by it.
    graph : LayerGraph
        Canonical, nothing fused yet.
    forward : callable
        The user's model in eval mode: ``forward(*inputs) -> outputs``, with the tensors of `graph.inputs`
        in a row, however its author nests them.
    dynamic_batch : bool
        Whether any number of samples can go through at once.
    notes : tuple of str
        What was assumed or left out on the way.
    existing : Existing | None
        What was quantized in the file already; None where nothing was.
    preparation : mapping
        Fields of a `DataSpec` that its author names for it: the data's defaults.

    Notes
    -----
    Of a quantized model's state_dict the graph has no inputs: it is a table, see `check_runs`.
    """

    spec: ModelSpec
    name: str
    digest: str
    graph: LayerGraph
    forward: Callable[..., Any]
    dynamic_batch: bool
    notes: tuple[str, ...] = ()
    existing: Existing | None = None
    preparation: Mapping[str, Any] = field(default_factory=dict)


def warm(idle: Callable[[], bool]) -> None:
    """Make the first model open as fast as the next: most of torch.export is imported when it is used.

    Parameters
    ----------
    idle : callable
        Whether there is nothing else to do yet.
    """
    if idle():
        with quiet():
            torch.export.export(torch.nn.Linear(1, 1), (torch.zeros(2, 1),)).run_decompositions({})


def check_runs(model: Model) -> None:
    """Refuse to run what is a table of layers and no graph.

    Raises
    ------
    Problem
    """
    if model.existing is not None and model.existing.form == TABLE:
        raise Problem(
            model.spec.source,
            Text("is a state_dict: layers, and not how they are connected, so it cannot be run"),
            Text("Give the model that it belongs to; inspect and compare show what is in it."),
        )


def load_model(spec: ModelSpec, report: Report = silent, allow_code: bool = False) -> Model:
    """Open a model, trace it and bring it into canonical form.

    Parameters
    ----------
    spec : ModelSpec
        The source and what else is needed to open it.
    report : Report
        Told of the steps.
    allow_code : bool
        Whether the user allowed Python code named in the source to run.

    Raises
    ------
    Problem
        Naming the file, tensor or line at fault.
    """
    report(0, 4, Text("reading the model"))
    spec = _file_of(spec)
    notes: list[str] = []
    preparation: dict[str, Any] = {}
    with quiet():
        if is_callable(spec.source):
            if not allow_code:
                raise Problem(
                    spec.source, Text("is Python code, which was not allowed to run"), Text("Allow it first.")
                )
            graph, forward, dynamic, existing = _open_module(*build(spec), spec, notes, report)
        else:
            graph, forward, dynamic, existing = _open_file(spec, notes, report, preparation)
    table = existing is not None and existing.form == TABLE
    if not graph.layers or not (graph.inputs or table):
        raise Problem(
            spec.source, Text("takes no tensor, or computes nothing"), Text("Give a model with inputs and layers.")
        )
    _check_weights(graph, spec)
    if not dynamic and not table:
        notes.append(Text("The batch size is fixed by the model: samples run in batches of that size."))
    report(4, 4, Text("done"))
    return Model(
        spec,
        _name(spec.source),
        _digest(graph),
        graph,
        forward,
        dynamic,
        tuple(notes),
        existing,
        preparation,
    )


def _file_of(spec: ModelSpec) -> ModelSpec:
    """With the model file in place of the folder that holds it: later on that is opened again by its name."""
    if spec.source.startswith(TIMM) or is_callable(spec.source):
        return spec
    path = Path(spec.source)
    found = model_in(path)
    return spec if found is path else dataclasses.replace(spec, source=str(found))


def _name(source: str) -> str:
    """What a model is called: by its file, and by its callable where that is not just ``model``."""
    if source.startswith(TIMM):
        return source.removeprefix(TIMM)
    if not is_callable(source):
        return Path(source).stem
    place, _, called = source.rpartition(":")
    place = Path(place).stem if "/" in place or place.endswith(".py") else place
    return place if called == "model" else f"{place}.{called}"


_Opened = tuple[LayerGraph, Callable[..., Any], bool, Existing | None]
"""The layers, the float model, whether its batch may vary, and what was quantized already."""


def _open_module(module: torch.nn.Module, example: Any, spec: ModelSpec, notes: list[str], report: Report) -> _Opened:
    report(1, 4, Text("tracing"))
    traced = trace(module, example, spec, notes)
    report(2, 4, Text("finding the layers"))
    return _layers(traced, spec, notes), traced.call.adapted(module), traced.dynamic, None


def _open_file(spec: ModelSpec, notes: list[str], report: Report, preparation: dict[str, Any]) -> _Opened:
    """What a file is, its content says; its name only where it is too damaged to say anything."""
    if spec.source.startswith(TIMM):
        return _open_module(*build_timm(spec, notes, preparation), spec, notes, report)
    path = Path(spec.source)
    if spec.source.endswith(".py:") and (code := Path(spec.source[:-1])).is_file():
        raise refusal(code, "python")
    if not path.is_dir():
        demand_file(path)
    kind = kind_of(path)
    if kind == "pickle" and holds_tensors(path):
        raise refusal(path, "checkpoint")
    if kind in CLOSED and not (kind == "checkpoint" and zipfile.is_zipfile(path)):
        raise refusal(path, kind)
    if spec.weights:
        raise Problem(spec.weights, Text("a model file brings its own weights"), Text("Leave --weights out."))
    if kind == "onnx":
        from .onnx.trace import open_onnx

        report(1, 4, Text("following its operators"))
        opened = open_onnx(path, spec, notes)
        return opened.graph, _running(opened.graph), opened.dynamic_batch, opened.existing
    if kind == "hugging_face":
        from .hugging_face import build_folder, preparation_of

        preparation.update(preparation_of(path))
        return _open_module(
            *build_folder(path, spec, notes), dataclasses.replace(spec, input_shape=None), notes, report
        )
    if kind == "checkpoint":  # of a quantized model it has more than weights
        from .state_dict import open_state_dict

        report(2, 4, Text("reading the layers"))
        graph, existing = open_state_dict(path, notes)
        return graph, _running(graph), False, existing
    if kind == "export":
        from .folder import open_folder

        report(2, 4, Text("finding the layers"))
        graph, existing = open_folder(path)
        free = bool(graph.inputs) and graph.inputs[0].shape[:1] == (None,)
        return graph, _running(graph), free, existing
    return _open_program(path, spec, notes, report)


def _open_program(path: Path, spec: ModelSpec, notes: list[str], report: Report) -> _Opened:
    """A ``.pt2`` file, float or quantized."""
    program = read_pt2(path)
    if in_float32(program):
        notes.append(IN_FLOAT32)
    dynamic = any(
        isinstance(size, torch.SymInt)
        for node in program.graph.nodes
        if node.op == "placeholder" and isinstance(node.meta.get("val"), torch.Tensor)
        for size in node.meta["val"].shape[:1]
    )
    report(2, 4, Text("finding the layers"))
    try:
        grids = strip(program)
    except Problem:
        raise
    except Exception as error:  # the file is someone else's: its quantizers may have any arguments
        what = Text(
            "its quantizers cannot be read ({error}: {said})",
            error=type(error).__name__,
            said=line_of(error),
        )
        raise Problem(spec.source, what, Text("Export it anew.")) from error
    tensors: dict[str, Any] = {}
    call = call_of(program)
    graph = _layers(Traced(program, call, dynamic), spec, notes, tensors)
    forward = _running(graph) if grids else call.adapted(program.module(check_guards=False))
    return graph, forward, dynamic, existing_of(path, graph, tensors, grids)


def _layers(traced: Traced, spec: ModelSpec, notes: list[str], tensors: dict[str, Any] | None = None) -> LayerGraph:
    try:
        return normalize(traced.program, traced.opaque, tensors, notes)
    except Problem:
        raise
    except Exception as error:
        what = Text(
            "its operators cannot be brought into layers ({error}: {said})",
            error=type(error).__name__,
            said=line_of(error),
        )
        raise Problem(spec.source, what, Text("Export a smaller part of it; this is a gap in qinspect.")) from error


def _running(graph: LayerGraph) -> Callable[..., Any]:
    """The layers themselves as the float model, where there is no other that torch runs."""
    executor = Executor(graph)

    def forward(*inputs: torch.Tensor) -> Any:
        with torch.no_grad():
            return executor(inputs)

    return forward


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep torch.export's own talk (pages on stderr where it fails) from the user."""
    loggers = [logging.getLogger(name) for name in ("torch", "torch._export", "torch.export", "torch._dynamo")]
    levels = [logger.level for logger in loggers]
    with contextlib.redirect_stderr(io.StringIO()), warnings.catch_warnings():
        # torch 2.13 warns of its own use of LeafSpec while it copies the specification.
        warnings.filterwarnings("ignore", message=".*LeafSpec.*", category=FutureWarning)
        warnings.filterwarnings("ignore", category=UserWarning, module=r"torch(\.|$)")
        warnings.filterwarnings("ignore", message=".*were assigned during export.*", category=UserWarning)  # LSTMs
        for logger in loggers:
            logger.setLevel(logging.CRITICAL)
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)


def _check_weights(graph: LayerGraph, spec: ModelSpec) -> None:
    for key, tensor in graph.params.items():
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            bad = int((~torch.isfinite(tensor)).sum())
            raise Problem(
                spec.weights or spec.source,
                Text("the tensor {key} holds {bad} NaN or infinite values", key=key, bad=bad),
                Text("Give a checkpoint that was saved before training diverged."),
            )


def _digest(graph: LayerGraph) -> str:
    digest = hashlib.sha256()
    for layer in graph.layers:
        digest.update(repr((layer.id, layer.target, layer.args, dict(layer.kwargs))).encode())
    for key in sorted(graph.params):
        tensor = graph.params[key].detach().contiguous()
        digest.update(f"{key}{tuple(tensor.shape)}{tensor.dtype}".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data if tensor.numel() else b"")
    return digest.hexdigest()[:24]
