"""Operators that the project does not write to ONNX itself, taken from torch's exporter."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import logging
import warnings
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import onnx
import torch
from onnx import inliner

from ...graph import LayerGraph
from ...graph.execute import Executor
from ...problem import NotWritten
from ...text import Text
from .naming import OPSET, Shape, stored_names
from .sequences import without_sequences

FUNCTIONS = [("", name) for name in ("CastLike", "CenterCropPad", "GroupNormalization", "HardSwish", "Mish")]
"""Operators that onnxruntime takes apart itself, and forgets whose they are."""


class Foreign:
    """The graph as torch's exporter writes it, from which single layers are copied.

    Every tensor value is made an output of the export, so that each has its own name there and
    the operators that lie between two values are known.

    Parameters
    ----------
    graph : LayerGraph
        Fused.
    shapes : mapping of value name to shape
        Of all tensor values.
    """

    def __init__(self, graph: LayerGraph, shapes: dict[str, Shape]) -> None:
        self.graph = graph
        self.shapes = shapes
        self.values = [layer.value for layer in graph.layers if layer.value in shapes]
        model = _export(graph, shapes, self.values)
        self.stored: dict[str, onnx.TensorProto] = {}
        names = stored_names(graph)
        self._keys = {f"t{index}": names[key] for index, key in enumerate(graph.params)}
        self._initializers = {tensor.name: tensor for tensor in model.graph.initializer}
        self._order = list(model.graph.node)
        self._producer = {name: index for index, node in enumerate(self._order) for name in node.output}
        self._own = {name: name for name in graph.input_names} | {f"v{i}": value for i, value in enumerate(self.values)}

    def nodes(self, value: str, tensors: Mapping[str, str]) -> list[onnx.NodeProto]:
        """The operators that compute one value from others.

        Parameters
        ----------
        value : str
            A value of the graph.
        tensors : mapping of value name to tensor name
            Of all values in the model that they are copied into.
        """
        place = self.values.index(value)
        start = f"v{place}"
        # What comes later is not there yet: of a cell, the output h is computed from c, which is read after it.
        ready = {*self.graph.input_names, *self.values[:place], value}
        wanted, pending = set(), [start]
        while pending:
            name = pending.pop()
            if name in self._producer and (name == start or self._own.get(name) not in ready):
                index = self._producer[name]
                if index not in wanted:
                    wanted.add(index)
                    pending.extend(item for item in self._order[index].input if item)
        return [self._copy(self._order[index], value, tensors, ready) for index in sorted(wanted)]

    def _copy(
        self, node: onnx.NodeProto, value: str, tensors: Mapping[str, str], ready: Collection[str]
    ) -> onnx.NodeProto:
        prefix = f"{value}/"

        def name(old: str) -> str:
            if not old:
                return ""
            if self._own.get(old) in ready:
                return tensors[self._own[old]]
            if old in self._initializers:
                new = self._keys.get(old, prefix + old)
                tensor = onnx.TensorProto()
                tensor.CopyFrom(self._initializers[old])
                tensor.name = new
                self.stored[new] = tensor
                return new
            return prefix + old

        copy = onnx.NodeProto()
        copy.CopyFrom(node)
        del copy.metadata_props[:]
        copy.doc_string = ""
        copy.name = prefix + (node.name or node.output[0])
        copy.input[:] = [name(item) for item in node.input]
        # One operator may make several values (an LSTM's); each has a copy, of which the runtime keeps one.
        copy.output[:] = [name(item) if self._own.get(item, value) == value else prefix + item for item in node.output]
        return copy


class _Net(torch.nn.Module):
    """The graph as a module that returns every tensor value."""

    def __init__(self, graph: LayerGraph, values: list[str]) -> None:
        super().__init__()
        self.graph = graph
        self.wanted = frozenset(values)
        self.keys = list(graph.params)
        for index, key in enumerate(self.keys):
            self.register_buffer(f"t{index}", graph.params[key].detach())

    def forward(self, *inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        layers = tuple(
            dataclasses.replace(layer, target=ATTENTION) if layer.op == "scaled_dot_product_attention" else layer
            for layer in self.graph.layers
        )
        graph = dataclasses.replace(self.graph, layers=layers)
        executor = Executor(graph, {key: getattr(self, f"t{i}") for i, key in enumerate(self.keys)})
        found: list[torch.Tensor] = []

        def keep(layer: Any, value: torch.Tensor) -> torch.Tensor:
            found.append(value)
            return value

        executor(inputs, keep)
        return tuple(found)


ATTENTION = f"{__name__}.attention"


def attention(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, *others: Any, **named: Any) -> torch.Tensor:
    """``scaled_dot_product_attention`` of four axes, which torch's exporter alone takes; a mask spreads over more."""
    more = max(0, 4 - query.dim())
    lifted = (x[(None,) * more] for x in (query, key, value)) if more else (query, key, value)
    found = torch.nn.functional.scaled_dot_product_attention(*lifted, *others, **named)
    return found[(0,) * more] if more else found


def _export(graph: LayerGraph, shapes: Mapping[str, Shape], values: list[str]) -> onnx.ModelProto:
    sizes = [spec.sized(2) for spec in graph.inputs]
    dtypes = [getattr(torch, spec.dtype) for spec in graph.inputs]
    inputs = tuple(torch.zeros(size, dtype=dtype) for size, dtype in zip(sizes, dtypes, strict=True))
    batch = torch.export.Dim("batch")
    dynamic = tuple(
        {i: torch.export.Dim.AUTO if i else batch for i, n in enumerate(spec.shape) if n is None}
        for spec in graph.inputs
    )
    names = {f"v{i}" for i in range(len(values))}
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        with _silence(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch warns of its own doing: LeafSpec, loops made of LSTMs
            program = torch.onnx.export(
                _Net(graph, values).eval(),
                inputs,
                dynamo=True,
                dynamic_shapes=(dynamic,),
                opset_version=OPSET,
                optimize=False,
                verbose=False,
                input_names=list(graph.input_names),
                output_names=[f"v{i}" for i in range(len(values))],
            )
    except Exception as error:
        cause: BaseException = error
        while cause.__cause__ is not None:  # the innermost names the operator
            cause = cause.__cause__
        line = next((line.strip() for line in str(cause).splitlines() if line.strip()), type(cause).__name__)
        line = line.partition(" Failure message")[0][:300].rstrip(".")
        what = Text("torch cannot write this model as ONNX: {line}", line=line)
        raise NotWritten(Text("ONNX export"), what, Text("Use an FX target.")) from error
    finally:
        logger.setLevel(level)
    assert program is not None
    model = without_sequences(_taken_apart(program.model_proto))
    if len(names - {output.name for output in model.graph.output}):
        raise NotWritten(Text("ONNX export"), Text("values got lost in torch's exporter"), Text("Use an FX target."))
    return model


def _taken_apart(model: onnx.ModelProto) -> onnx.ModelProto:
    try:
        return inliner.inline_selected_functions(model, FUNCTIONS, inline_schema_functions=True)
    except RuntimeError:  # onnx knows no types inside of a loop (an embedding bag's), on which CastLike's form depends
        return inliner.inline_selected_functions(model, FUNCTIONS[1:], inline_schema_functions=True)


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Keep the exporter's own talk from the user."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield
