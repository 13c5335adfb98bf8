"""From an ONNX file to the canonical layer graph, by tracing its operators as torch functions."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.export import Dim
from torch.fx import traceback

from ...backends.onnx.naming import LAYER, PLAN
from ...backends.ort.table import as_asked
from ...existing import Existing
from ...graph import Layer, LayerGraph, Param, Ref, TensorSpec
from ...graph import replace as replace_leaves
from ...graph.nodes import MADE_OF
from ...graph.normalize import normalize
from ...plan import QuantPlan
from ...plan.file import plan_from_json
from ...problem import Problem, line_of
from ...qparams import QParams
from ...source import ModelSpec
from ...text import Text
from ..plain import IN_FLOAT32, plain
from .call import KNOWN, Call, Function, as_tensor, is_small
from .copies import without_copies
from .file import Body, Declared, OnnxFile, Op, read_onnx
from .grids import own_signed
from .moves import MOVES
from .names import origins
from .ops import ARITHMETIC
from .pads import with_pads
from .quantized import Marks, stripped, weight_of
from .recurrent import RECURRENT
from .rewrite import constant, merged, with_constants
from .shapes import example_shapes
from .windows import WINDOWS

Array = NDArray[Any]

TABLE: Mapping[str, Function] = {**WINDOWS, **ARITHMETIC, **MOVES, **RECURRENT}

MAX_VALUE = 1 << 31
"""Numbers that one layer may hand on for one sample."""


@dataclass(frozen=True)
class Opened:
    """What a file became.

    Parameters
    ----------
    graph : LayerGraph
    dynamic_batch : bool
        Whether any number of samples can go through at once.
    existing : Existing | None
        What was quantized in it, None where nothing was.
    """

    graph: LayerGraph
    dynamic_batch: bool
    existing: Existing | None


def open_onnx(path: Path, spec: ModelSpec, notes: list[str]) -> Opened:
    """Read an ONNX model.

    Parameters
    ----------
    path : Path
    spec : ModelSpec
        Its input shape says the sizes that the file leaves free.
    notes : list of str
        What was assumed is added.

    Raises
    ------
    Problem
        Naming the operator that cannot be followed.
    """
    file, marks = read_float(path)
    if any(item.dtype in ("float16", "bfloat16", "float64") for item in (*file.inputs, *file.outputs)):
        notes.append(IN_FLOAT32)
    shapes, free = example_shapes(file, spec, notes)
    if marks.inputs:
        notes.append(
            Text(
                "The file takes integers for {inputs}; here it takes what they stand for.",
                inputs=", ".join(marks.inputs),
            )
        )
    if marks.clips:
        notes.append(
            Text(
                "{count} ReLU or ReLU6, which the file leaves to the ends of a grid, are layers again here.",
                count=len(marks.clips),
            )
        )
    program = _Program(file, marks)
    if free:
        try:
            return program.opened(*_graph(program, shapes, free), True)
        except Exception:  # whatever stops it may be the free batch: it is tried with one sample
            notes.append(Text("The file's batch is free, but some operator in it works for one sample only."))
            shapes = [[1 if axis in free[i] else n for axis, n in enumerate(s)] for i, s in enumerate(shapes)]
    return program.opened(*_graph(program, shapes, []), False)


def read_float(path: Path) -> tuple[OnnxFile, Marks]:
    """What a file says, with real numbers throughout, and what was quantized in it.

    Raises
    ------
    Problem
        Also where a damaged file parses, but does not hold together.
    """
    try:
        file, marks = stripped(without_copies(with_constants(read_onnx(path))))
        return merged(with_pads(file, marks.values), marks.values), marks
    except (TypeError, ValueError, LookupError, AttributeError, RecursionError) as error:
        what = Text("does not hold together ({error}: {said})", error=type(error).__name__, said=line_of(error))
        raise Problem(str(path), what, Text("Export it anew.")) from error


class _Program(torch.nn.Module):
    """The file's operators, one after the other."""

    def __init__(self, file: OnnxFile, marks: Marks) -> None:
        super().__init__()
        self.file = file
        self.marks = marks
        self.weighted = {op.outputs[0]: found for op in file.ops if (found := weight_of(op, marks)) is not None}
        self.asked = {name for op in file.ops for name in op.outputs} if marks.form else set()
        self.stored_names: dict[str, str] = {}  # buffer -> tensor name
        self.buffer_names: dict[str, str] = {}
        for index, (name, array) in enumerate(file.arrays.items()):
            self.buffer_names[name], self.stored_names[f"t{index}"] = f"t{index}", name
            self.register_buffer(f"t{index}", as_tensor(array))
        self.notes = {op.outputs[0]: made_of for op, made_of in zip(file.ops, origins(file), strict=True)}

    def forward(self, *inputs: torch.Tensor) -> dict[str, Any]:
        values: dict[str, Any] = dict(self.file.arrays)
        values.update(zip((item.name for item in self.file.inputs), inputs, strict=True))
        with traceback.preserve_node_meta():
            self._run(self.file.ops, values)
            found = {}
            for item in self.file.outputs:
                if item.name not in values:
                    raise Problem(
                        f"{self.file.path}, {item.name}",
                        Text("is an output that nothing makes"),
                        Text("Export it anew."),
                    )
                value = values[item.name]
                found[item.name] = value if isinstance(value, torch.Tensor) else self._stored(item.name, value)
        return found

    def _run(self, ops: Sequence[Op], values: dict[str, Any]) -> None:
        for op in ops:
            with traceback.annotate(self.notes.get(op.outputs[0] if op.outputs else "", {})):
                made = self._compute(op, values)
            for name, value in zip(op.outputs, made, strict=False):
                if name in self.asked and isinstance(value, torch.Tensor):
                    # Normalizing takes this copy away and says whose value it was.
                    with traceback.annotate({MADE_OF["tensor"]: name}):
                        value = torch.ops.aten.alias.default(value)
                if name:
                    values[name] = value

    def opened(self, graph: LayerGraph, tensors: Mapping[str, Any], dynamic: bool) -> Opened:
        """The graph with what was quantized in the file, by layer and value."""
        if not self.marks.form:
            return Opened(graph, dynamic, None)
        names = {name: found.value for name, found in tensors.items() if isinstance(found, Ref)}
        names.update((item.name, item.name) for item in self.file.inputs)
        layers = {name: graph.by_id.get(value) for name, value in names.items()}
        weights, integers = {}, {}
        for name, (params, whole) in self.weighted.items():
            layer = layers.get(name)
            if layer is not None and graph.weight(layer) is not None:
                weights[layer.id], integers[layer.id] = params, whole
        read = {value: self.marks.whole.get(name, name) for name, value in names.items()}
        existing = Existing(
            self.marks.form,
            self.file.producer,
            self._grids(names),
            weights,
            integers,
            frozenset(names[name] for name in self.marks.dynamic if name in names),
            _own_plan(self.file),
            tuple(names[name] for name in self.marks.clips if name in names),
            read,
            any(LAYER in op.meta for op in self.file.ops),
        )
        return Opened(graph, dynamic, existing)

    def _grids(self, names: Mapping[str, str]) -> dict[str, QParams]:
        """Grids by value; those that this program's export stores with other integers are as they were asked."""
        signed, whole = own_signed(self.file.meta), self.marks.whole
        shifted = {whole.get(name) for name, value in names.items() if value in signed} - {None}
        return {
            names[name]: as_asked(params) if names[name] in signed or whole.get(name) in shifted else params
            for name, params in self.marks.values.items()
            if name in names
        }

    def _compute(self, op: Op, values: dict[str, Any]) -> Sequence[Any]:
        where = f"{self.file.path}, {op.name}"
        known = constant(op)
        if known is not None:
            return [known]
        missing = next((name for name in op.inputs if name and name not in values), None)
        if missing is not None:
            raise Problem(
                where,
                Text("{kind} reads {missing!r}, which nothing makes", kind=op.kind, missing=missing),
                Text("Export it anew."),
            )
        call = Call(
            op, [values[name] if name else None for name in op.inputs], self.file.opset, self.file.path, self._stored
        )
        if op.kind == "If":
            return self._branch(call, values)
        function = TABLE.get(op.kind)
        if function is None:
            raise Problem(
                where, Text("there is no way to run {kind} here", kind=op.kind), Text("Export the model without it.")
            )
        try:
            at_once = KNOWN.get(op.kind)
            if at_once is not None and all(
                v is None or (isinstance(v, np.ndarray) and is_small(v)) for v in call.values
            ):
                result: Any = at_once(call)
                if result is not None:
                    return [result]
            result = function(call)
        except Problem:
            raise
        except Exception as error:
            raise Problem(
                where,
                Text("{kind} cannot be followed ({said})", kind=op.kind, said=line_of(error)),
                Text("Export it anew."),
            ) from error
        return result if isinstance(result, tuple) else [result]

    def _branch(self, call: Call, values: dict[str, Any]) -> Sequence[Any]:
        """The branch of an ``If`` whose condition is known."""
        if not call.known(0):
            raise call.refuse(Text("depends on the data"), Text("Export the model without control flow."))
        body = call.get("then_branch" if bool(np.asarray(call.values[0]).reshape(-1)[0]) else "else_branch")
        if not isinstance(body, Body):
            raise call.refuse(Text("lacks a branch"), Text("Export it anew."))
        inner = {**values, **body.arrays}
        self._run(body.ops, inner)
        return [inner[name] for name in body.outputs]

    def _stored(self, name: str, value: Array) -> torch.Tensor:
        buffer = self.buffer_names.get(name)
        if buffer is not None and value is self.file.arrays[name]:
            return getattr(self, buffer)
        if value.dtype == object:
            flat = [torch.scalar_tensor(item, dtype=torch.int64) for item in value.reshape(-1)]
            return torch.stack(flat).reshape(value.shape) if flat else torch.zeros(value.shape, dtype=torch.int64)
        return as_tensor(value)


# -- names ---------------------------------------------------------------------------------------


def _own_plan(file: OnnxFile) -> QuantPlan | None:
    """The plan that an export of this program carries."""
    try:
        return plan_from_json(json.loads(file.meta[PLAN])) if PLAN in file.meta else None
    except (Problem, ValueError, RecursionError):
        return None


# -- tracing -------------------------------------------------------------------------------------


def _graph(
    program: _Program, shapes: Sequence[Sequence[int]], free: Sequence[set[int]]
) -> tuple[LayerGraph, Mapping[str, Any]]:
    """The layers, and what became of the tensors that the program asked for."""
    file = program.file
    example = tuple(
        torch.zeros(shape, dtype=as_tensor(np.empty(0, np.dtype(_input_type(item)))).dtype)
        for shape, item in zip(shapes, file.inputs, strict=True)
    )
    tensors: dict[str, Any] = {}
    batch = Dim("batch")
    dynamic = tuple(dict.fromkeys(axes, batch) or None for axes in free) if free else None
    try:
        with torch.no_grad():
            traced = torch.export.export(program, example, dynamic_shapes=None if dynamic is None else (dynamic,))
            graph = _renamed(normalize(plain(traced), tensors=tensors), program)
    except Problem as problem:
        if problem.where.startswith(file.path):
            raise
        raise Problem(f"{file.path}, {problem.where}", problem.what, problem.remedy) from problem
    except Exception as error:
        raise Problem(
            file.path,
            Text("torch cannot follow it ({said})", said=line_of(error)),
            Text("Export it anew."),
        ) from error
    for layer in graph.layers:
        if math.prod(layer.shape) > MAX_VALUE:
            raise Problem(
                f"{file.path}, {layer.id}",
                Text("claims the absurd shape {shape}", shape=layer.shape),
                Text("Export it anew."),
            )
    return graph, tensors


def _input_type(item: Declared) -> str:
    return "float32" if item.dtype in ("float16", "bfloat16", "float64") else item.dtype


def _renamed(graph: LayerGraph, program: _Program) -> LayerGraph:
    """Inputs and stored tensors under the names that they have in the file."""
    inputs = {spec.name: item.name for spec, item in zip(graph.inputs, program.file.inputs, strict=True)}
    keys = {key: program.stored_names.get(key, key) for key in graph.params}

    def leaf(item: Ref | Param) -> Ref | Param:
        return Param(keys[item.key]) if isinstance(item, Param) else Ref(inputs.get(item.value, item.value))

    def layer(item: Layer) -> Layer:
        return replace(
            item,
            args=replace_leaves(item.args, leaf),
            kwargs=replace_leaves(dict(item.kwargs), leaf),
            roles={role: keys[key] for role, key in item.roles.items()},
        )

    return LayerGraph(
        tuple(TensorSpec(inputs[spec.name], spec.shape, spec.dtype) for spec in graph.inputs),
        tuple(map(layer, graph.layers)),
        replace_leaves(graph.outputs, leaf),
        {keys[key]: tensor for key, tensor in graph.params.items()},
    )
