"""Reading ``.onnx`` files without running anything that they hold.

An ONNX file is data, but it may name other files, claim tensors that nobody can hold, and nest
functions that unfold without end. All of that is checked before memory is taken.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import AttributeProto, TensorProto, helper, numpy_helper

from ...problem import Problem
from ...text import Text

MAX_FILE = 2 << 30
MAX_NODES = 200_000
MAX_EXAMPLE = 1 << 28
"""Values that the model's inputs may have for one sample."""

OLDEST_OPSET = 6
STANDARD = ("", "ai.onnx")
BITS = {TensorProto.INT4: 4, TensorProto.UINT4: 4}

Array = NDArray[Any]


@dataclass(frozen=True)
class Op:
    """One operator of an ONNX graph, as plain data.

    Parameters
    ----------
    kind : str
        ONNX operator; with ``domain::`` in front where it is not a standard one.
    name : str
        Of the node, else of its first output.
    inputs, outputs : tuple of str
        Tensor names; an input or output that is left out is empty.
    attributes : mapping
        Numbers, texts, lists, arrays; a subgraph is a `Body`.
    meta : mapping of str to str
        The node's metadata.
    """

    kind: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any] = field(default_factory=dict)
    meta: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Body:
    """A subgraph: what a branch of an ``If`` runs."""

    ops: tuple[Op, ...]
    arrays: Mapping[str, Array]
    outputs: tuple[str, ...]


@dataclass(frozen=True)
class Declared:
    """An input or output as the file declares it; a size that is free is its name, or None."""

    name: str
    shape: tuple[int | str | None, ...] | None
    dtype: str


@dataclass(frozen=True)
class OnnxFile:
    """What a file says, checked, with functions unfolded.

    Parameters
    ----------
    path : str
        For messages.
    opset : int
        Of the standard operators.
    ops : tuple of Op
        In the order in which they run.
    arrays : mapping of str to ndarray
        Stored tensors; external ones are mapped into memory, not read.
    inputs, outputs : tuple of Declared
    meta : mapping of str to str
        The model's metadata.
    producer : str
        The program that wrote it, where it says so.
    """

    path: str
    opset: int
    ops: tuple[Op, ...]
    arrays: Mapping[str, Array]
    inputs: tuple[Declared, ...]
    outputs: tuple[Declared, ...]
    meta: Mapping[str, str]
    producer: str


def read_onnx(path: Path) -> OnnxFile:
    """Read a file.

    Raises
    ------
    Problem
        Where it is damaged, leaves its folder, or claims what it does not hold.
    """
    where = str(path)
    try:
        if path.stat().st_size > MAX_FILE:
            raise Problem(
                where, Text("is larger than 2 GB"), Text("Keep its weights in an external data file beside it.")
            )
        model = onnx.ModelProto()
        model.ParseFromString(path.read_bytes())
    except FileNotFoundError:
        raise Problem(where, Text("no such file"), Text("Check the path.")) from None
    except OSError as error:
        raise Problem(
            where, Text("cannot be read ({reason})", reason=error.strerror), Text("Check the path and its permissions.")
        ) from error
    except Exception as error:  # protobuf's DecodeError has no public home
        raise Problem(
            where, Text("is not a whole ONNX file ({error})", error=type(error).__name__), Text("Export it anew.")
        ) from error
    if not model.graph.node and not model.graph.output:
        raise Problem(
            where, Text("holds no ONNX graph"), Text("Give a model that was saved by onnx.save or torch.onnx.export.")
        )
    try:
        return _Reader(path, model).run()
    except RecursionError:
        raise Problem(where, Text("nests functions too deeply"), Text("Export it anew.")) from None


class _Reader:
    def __init__(self, path: Path, model: onnx.ModelProto) -> None:
        self.path = path
        self.where = str(path)
        self.model = model
        self.functions = {(f.domain, f.name): f for f in model.functions}
        self.sizes: dict[tuple[str, str], int] = {}
        self.count = 0

    def _refuse(self, what: str, remedy: str = Text("Export it anew.")) -> Problem:
        return Problem(self.where, what, remedy)

    def run(self) -> OnnxFile:
        graph = self.model.graph
        opset = self._opset()
        self._count_nodes()
        if graph.sparse_initializer:
            raise self._refuse(Text("holds sparse tensors"), Text("Store them as dense ones."))
        arrays = {tensor.name: self._array(tensor) for tensor in graph.initializer}
        ops = tuple(self._ops(graph.node, {}))
        # Before version 4 of the format, stored tensors were declared as inputs as well.
        inputs = tuple(self._declared(item) for item in graph.input if item.name not in arrays)
        if untyped := next((item.name for item in inputs if item.dtype == "undefined"), None):
            raise self._refuse(Text("does not say the type of its input {untyped}", untyped=untyped))
        outputs = tuple(self._declared(item) for item in graph.output)
        meta = _properties(self.model)
        producer = " ".join(str(part) for part in (self.model.producer_name, self.model.producer_version) if part)
        return OnnxFile(self.where, opset, ops, arrays, inputs, outputs, meta, producer)

    def _opset(self) -> int:
        versions = [item.version for item in self.model.opset_import if item.domain in STANDARD]
        newest = int(onnx.defs.onnx_opset_version())
        opset = max(versions, default=newest)
        if opset < OLDEST_OPSET:
            raise self._refuse(
                Text("has opset {opset}, older than {oldest_opset}", opset=opset, oldest_opset=OLDEST_OPSET),
                Text("Bring it to a newer one with onnx.version_converter."),
            )
        if opset > newest:
            raise self._refuse(
                Text("has opset {opset}, newer than onnx {version} knows", opset=opset, version=onnx.__version__),
                Text("Install a newer onnx."),
            )
        return opset

    # -- nodes -----------------------------------------------------------------------------------

    def _count_nodes(self) -> None:
        """Refuse functions that call each other without end, or unfold to more nodes than can be."""
        open_now: set[tuple[str, str]] = set()

        def size(nodes: Iterable[onnx.NodeProto]) -> int:
            total = 0
            for node in nodes:
                total += 1
                key = (node.domain, node.op_type)
                if key in self.functions:
                    if key in open_now:
                        raise self._refuse(Text("the function {op_type} calls itself", op_type=node.op_type))
                    if key not in self.sizes:
                        open_now.add(key)
                        self.sizes[key] = size(self.functions[key].node)
                        open_now.discard(key)
                    total += self.sizes[key]
                for attribute in node.attribute:
                    if attribute.type == AttributeProto.GRAPH:
                        total += size(attribute.g.node)
                if total > MAX_NODES:
                    raise self._refuse(
                        Text("unfolds to more than {max_nodes:,} operators", max_nodes=MAX_NODES),
                        Text("Export a smaller part."),
                    )
            return total

        size(self.model.graph.node)

    def _ops(self, nodes: Iterable[onnx.NodeProto], given: Mapping[str, AttributeProto]) -> Iterable[Op]:
        for node in nodes:
            key = (node.domain, node.op_type)
            if key in self.functions:
                yield from self._call(node, self.functions[key], given)
                continue
            attributes = {}
            for item in node.attribute:
                source = given.get(item.ref_attr_name) if item.ref_attr_name else item
                if source is not None:
                    attributes[item.name] = self._attribute(source)
            kind = node.op_type if node.domain in STANDARD else f"{node.domain}::{node.op_type}"
            texts = (node.op_type, node.domain, node.name, *node.input, *node.output)
            if not node.output or not all(isinstance(text, str) for text in texts):
                raise self._refuse(Text("{kind} has no output, or names that are no text", kind=kind))
            name = node.name or next((output for output in node.output if output), node.op_type)
            meta = _properties(node)
            yield Op(kind, name, tuple(node.input), tuple(node.output), attributes, meta)

    def _call(
        self, node: onnx.NodeProto, function: onnx.FunctionProto, given: Mapping[str, AttributeProto]
    ) -> Iterable[Op]:
        """The operators of a function, its tensors renamed to the call's."""
        self.count += 1
        prefix = f"{node.name or node.op_type}.{self.count}/"
        own: dict[str, AttributeProto] = {item.name: item for item in function.attribute_proto}
        for item in node.attribute:
            source = given.get(item.ref_attr_name) if item.ref_attr_name else item
            if source is not None:
                own[item.name] = source
        names = {**dict.fromkeys(function.input, ""), **dict(zip(function.input, node.input, strict=False))}
        names.update(zip(function.output, node.output, strict=False))

        def renamed(name: str) -> str:
            return names.get(name, prefix + name) if name else ""

        for op in self._ops(function.node, own):
            yield replace(
                op,
                name=prefix + op.name,
                inputs=tuple(map(renamed, op.inputs)),
                outputs=tuple(map(renamed, op.outputs)),
            )

    def _attribute(self, item: AttributeProto) -> Any:
        if item.type == AttributeProto.TENSOR:
            return self._array(item.t)
        if item.type == AttributeProto.GRAPH:
            graph = item.g
            arrays = {tensor.name: self._array(tensor) for tensor in graph.initializer}
            return Body(tuple(self._ops(graph.node, {})), arrays, tuple(output.name for output in graph.output))
        if item.type in (
            AttributeProto.FLOAT,
            AttributeProto.INT,
            AttributeProto.STRING,
            AttributeProto.FLOATS,
            AttributeProto.INTS,
            AttributeProto.STRINGS,
        ):
            value = helper.get_attribute_value(item)
            if isinstance(value, bytes):
                return value.decode(errors="replace")
            return value if isinstance(value, (int, float)) else [_text(entry) for entry in value]
        return None  # types, sparse tensors: an operator that needs one is refused by name

    # -- tensors ---------------------------------------------------------------------------------

    def _array(self, tensor: TensorProto) -> Array:
        shape = tuple(tensor.dims)
        count = math.prod(shape)
        if any(size < 0 for size in shape):
            raise self._refuse(
                Text("the tensor {tensor} claims the shape {shape}", tensor=tensor.name, shape=list(shape))
            )
        if tensor.data_type == TensorProto.STRING or tensor.HasField("segment"):
            raise self._refuse(
                Text("the tensor {tensor} holds text or a segment", tensor=tensor.name), Text("Leave that part out.")
            )
        if tensor.data_location == TensorProto.EXTERNAL:
            return self._external(tensor, shape)
        typed = sum(
            len(getattr(tensor, name))
            for name in ("float_data", "int32_data", "int64_data", "double_data", "uint64_data")
        )
        held = 8 * len(tensor.raw_data) // BITS.get(tensor.data_type, 8) if tensor.HasField("raw_data") else 2 * typed
        if count > held:
            raise self._refuse(
                Text(
                    "the tensor {tensor} claims the shape {shape}, which its data cannot hold",
                    tensor=tensor.name,
                    shape=list(shape),
                )
            )
        try:
            return _plain(numpy_helper.to_array(tensor))
        except Exception as error:
            raise self._refuse(
                Text("the tensor {tensor} cannot be read ({error})", tensor=tensor.name, error=error)
            ) from error

    def _external(self, tensor: TensorProto, shape: Sequence[int]) -> Array:
        """A tensor in a file of the model's own folder, mapped into memory."""
        entries = {item.key: item.value for item in tensor.external_data}
        location = entries.get("location", "")
        folder = self.path.resolve().parent
        file = (folder / location).resolve()
        if not location or Path(location).is_absolute() or not file.is_relative_to(folder):
            raise self._refuse(
                Text(
                    "the tensor {tensor} lies in {location!r}, outside of the model's folder",
                    tensor=tensor.name,
                    location=location[:80],
                ),
                Text("Put the data file beside the model."),
            )
        if not file.is_file():
            raise self._refuse(
                Text("its data file {location!r} is missing", location=location[:80]),
                Text("Put it beside the model, under the name that the model has for it."),
            )
        try:
            offset, length = int(entries.get("offset") or 0), int(entries.get("length") or 0)
            dtype = np.dtype(helper.tensor_dtype_to_np_dtype(tensor.data_type))
        except (KeyError, ValueError, TypeError) as error:
            raise self._refuse(
                Text("the tensor {tensor} is not described ({error})", tensor=tensor.name, error=error)
            ) from error
        count = math.prod(shape)
        size = -(-count * BITS[tensor.data_type] // 8) if tensor.data_type in BITS else count * dtype.itemsize
        if offset < 0 or (length and length != size) or offset + size > file.stat().st_size:
            raise self._refuse(
                Text(
                    "the tensor {tensor} of shape {shape} is not in {location!r} whole",
                    tensor=tensor.name,
                    shape=list(shape),
                    location=location[:80],
                ),
                Text("Copy the model with its data file anew."),
            )
        if tensor.data_type in BITS:
            inline = TensorProto(dims=shape, data_type=tensor.data_type)
            with file.open("rb") as stream:
                stream.seek(offset)
                inline.raw_data = stream.read(size)
            return _plain(numpy_helper.to_array(inline))
        if not count:
            return _plain(np.zeros(shape, dtype))
        return _plain(np.memmap(file, dtype, "c", offset, tuple(shape)))

    def _declared(self, item: onnx.ValueInfoProto) -> Declared:
        kind = item.type.WhichOneof("value")
        if kind is None:
            return Declared(item.name, None, "undefined")
        if kind != "tensor_type":
            name = kind.removesuffix("_type")
            raise self._refuse(
                Text("{item} is no tensor ({name})", item=item.name, name=name),
                Text("Export the part that works on tensors."),
            )
        tensor = item.type.tensor_type
        try:
            dtype = np.dtype(helper.tensor_dtype_to_np_dtype(tensor.elem_type)).name
        except (KeyError, TypeError):
            dtype = "undefined"
        if dtype == "object":
            raise self._refuse(Text("{item} is text", item=item.name), Text("Export the part that works on tensors."))
        shape: list[int | str | None] = []
        for dim in tensor.shape.dim:
            fixed = dim.dim_value if dim.HasField("dim_value") and dim.dim_value > 0 else None
            shape.append(fixed if fixed is not None else dim.dim_param or None)
        return Declared(item.name, tuple(shape) if tensor.HasField("shape") else None, dtype)


def _properties(item: onnx.ModelProto | onnx.NodeProto) -> dict[str, str]:
    """Its metadata; what is no text there comes as bytes."""
    return {_text(each.key): _text(each.value) for each in item.metadata_props}


def _text(value: Any) -> Any:
    return value.decode(errors="replace") if isinstance(value, bytes) else value


def _plain(array: Array) -> Array:
    """Real numbers as float32; those of 8 bits and the whole ones as they are."""
    return array.astype(np.float32) if array.dtype.name in ("float16", "float64", "bfloat16") else array
