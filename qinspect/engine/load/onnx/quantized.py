"""From a quantized ONNX file to the float file behind it, and what was quantized in it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto

from ...backends.onnx.naming import LAYER
from ...plan.qconfig import DTYPES
from ...problem import Problem
from ...qparams import QParams
from ...text import Text
from .file import OnnxFile, Op
from .grids import FP8, dequantized, dtype_of, own_clips, own_grids, quantized
from .qoperator import QOPERATORS, Arrays, taken_apart

Array = NDArray[Any]

QUANTIZE = frozenset({"QuantizeLinear", "com.microsoft::QuantizeLinear"})
DEQUANTIZE = frozenset({"DequantizeLinear", "com.microsoft::DequantizeLinear"})

MAY_BE_NEGATIVE = frozenset({"Conv", "ConvTranspose", "Gemm", "MatMul", "Linear", "Add", "Sub", "BatchNormalization"})
"""What makes negative numbers, so that a grid that begins at 0 stands for a ReLU that was left out."""


@dataclass
class Marks:
    """What was quantized, by tensor name of the float file.

    Parameters
    ----------
    values : dict of str to QParams
        Tensors that are computed.
    weights : dict of str to (QParams, ndarray)
        Stored tensors, with their integers.
    dynamic : set of str
        Tensors that are quantized with the range that they have at run time.
    whole : dict of str to str
        The tensor of the file that holds the integers of each of `values`.
    clips : list of str
        Tensors made by clips that the file leaves to a grid.
    form : str
        See `existing.Existing`.
    inputs : dict of str to QParams
        Inputs that the file takes in integers.
    """

    values: dict[str, QParams] = field(default_factory=dict)
    weights: dict[str, tuple[QParams, Array]] = field(default_factory=dict)
    dynamic: set[str] = field(default_factory=set)
    whole: dict[str, str] = field(default_factory=dict)
    clips: list[str] = field(default_factory=list)
    form: str = ""
    inputs: dict[str, QParams] = field(default_factory=dict)


def stripped(file: OnnxFile) -> tuple[OnnxFile, Marks]:
    """Take all quantizers and dequantizers out of a file.

    Integers become the real ones that they stand for; what works on integers works on
    those. A ReLU or ReLU6 that whoever quantized the model left to the end of a grid is put back.

    Parameters
    ----------
    file : OnnxFile
        Its constants among its stored tensors.

    Returns
    -------
    file, marks
        The same file and no marks where nothing is quantized in it.

    Raises
    ------
    Problem
        Where a scale is not stored.
    """
    return _Stripper(file).run()


class _Stripper:
    def __init__(self, file: OnnxFile) -> None:
        self.file = file
        self.where = file.path
        self.arrays: Arrays = dict(file.arrays)
        self.ops: list[Op] = []
        self.real: dict[str, str] = {}  # tensor -> the one that has its real numbers
        self.grids: dict[str, QParams] = {}  # tensor of integers -> its grid
        self.marks = Marks()
        self.clips = own_clips(file.meta)
        self.outputs = {item.name for item in file.outputs}
        self.read: dict[tuple[Any, ...], str] = {}  # what a dequantizer of a stored tensor reads -> what it gives
        self.same: dict[str, str] = {}  # tensor -> the one that is equal
        self.skipped: set[str] = set()  # first outputs of operators that went into others

    def _refuse(self, op: Op, what: str, remedy: str = Text("Export it anew.")) -> Problem:
        return Problem(f"{self.where}, {op.name}", what, remedy)

    def run(self) -> tuple[OnnxFile, Marks]:
        kinds = {op.kind for op in self.file.ops}
        forms = {
            "QDQ": bool(kinds & DEQUANTIZE),
            "QOperator": bool(kinds & QOPERATORS.keys()),
            "dynamic": bool(kinds & {"DynamicQuantizeLinear", "com.microsoft::DynamicQuantizeMatMul"}),
        }
        self.marks.form = ", ".join(name for name, is_there in forms.items() if is_there)
        if not self.marks.form:
            return self.file, self.marks
        ops = tuple(taken_apart(self.file.ops, self.arrays, self.where))
        self.readers: dict[str, list[Op]] = {}
        for op in ops:
            for name in op.inputs:
                self.readers.setdefault(name, []).append(op)
        self.made = {name: op for op in ops for name in op.outputs}
        self._integer_inputs()
        for op in ops:
            if op.outputs[0] in self.skipped:
                continue
            if any(name in self.same for name in op.inputs):
                op = replace(op, inputs=tuple(self.same.get(name, name) for name in op.inputs))
            self._take(op)
        made = {name for op in self.ops for name in op.outputs}
        for name in sorted(self.outputs - made):
            if name in self.real:
                self.ops.append(Op("Identity", name, (self.real[name],), (name,)))
        inputs = tuple(
            replace(item, dtype="float32") if item.name in self.marks.inputs else item for item in self.file.inputs
        )
        outputs = tuple(
            replace(item, dtype="float32") if item.name in self.real else item for item in self.file.outputs
        )
        return replace(self.file, ops=tuple(self.ops), arrays=self.arrays, inputs=inputs, outputs=outputs), self.marks

    def _take(self, op: Op) -> None:
        if op.kind in QUANTIZE:
            self._quantize(op)
        elif op.kind in DEQUANTIZE:
            self._dequantize(op)
        elif op.kind == "DynamicQuantizeLinear":
            self._dynamic(op)
        elif op.kind == "Transpose" and op.inputs[0] in self.marks.weights:
            self._transpose(op)
        elif (reader := self._dequantizer_of_rows(op)) is not None:
            self._look_up(op, reader)
        else:
            self._keep(op)

    def _integer_inputs(self) -> None:
        """Inputs that this program's own export takes in integers."""
        for name, grid in own_grids(self.file.meta).items():
            if any(item.name == name for item in self.file.inputs):
                self.marks.inputs[name] = self.marks.values[name] = self.grids[name] = grid
                self.real[name] = name

    # -- quantizers --------------------------------------------------------------------------------

    def _quantize(self, op: Op) -> None:
        source, output = self.real.get(op.inputs[0], op.inputs[0]), op.outputs[0]
        dtype = "uint8" if len(op.inputs) < 3 or not op.inputs[2] else ""
        params = self._params(op, dtype)
        if source in self.arrays:
            self.arrays[output] = quantized(self.arrays[source], self._scales(op), op, params)
            return
        named = source
        if named not in self.marks.values:
            source = self._with_clip(op, source, params)
            self.marks.values[source], self.marks.whole[source] = params, output
            if source != named:
                # Whoever read the tensor itself reads the clipped one: nobody else did.
                self.real[named] = source
        self.real[output], self.grids[output] = source, params

    def _dequantize(self, op: Op) -> None:
        name, output = op.inputs[0], op.outputs[0]
        if name in self.real:  # on the grid of its quantizer
            self.real[output] = self.real[name]
        elif name in self.arrays:
            whole = self.arrays[name]
            read = (*op.inputs, *sorted(op.attributes.items()))
            if (first := self.read.setdefault(read, output)) != output and output not in self.outputs:
                self.same[output] = first  # another call of a shared module
                return
            params = self._params(op, dtype_of(whole.dtype, op), whole.shape)
            self.arrays[output] = dequantized(whole, self._scales(op), op)
            if whole.dtype != np.int32:
                self.marks.weights[output] = params, whole
        elif any(item.name == name for item in self.file.inputs):
            params = self._params(op, "")
            self.marks.inputs[name] = self.marks.values[name] = params
            self.real[name] = self.real[output] = name
            self.grids[name] = params
        else:
            what = Text("{kind} reads {name!r}, whose integers are computed without a grid", kind=op.kind, name=name)
            raise self._refuse(op, what, Text("Export it with QuantizeLinear."))

    def _dequantizer_of_rows(self, op: Op) -> Op | None:
        """What dequantizes the rows that are looked up in a table of integers; None where nothing does."""
        table = self.arrays.get(op.inputs[0]) if op.kind == "Gather" else None
        if table is None or table.dtype.kind not in "iu" or table.dtype.itemsize > 2 or op.outputs[0] in self.outputs:
            return None
        readers = self.readers.get(op.outputs[0], [])
        alike = {(reader.kind in DEQUANTIZE, *reader.inputs[1:]) for reader in readers}
        if len(alike) != 1 or not next(iter(alike))[0]:
            return None
        # A scale for each row or column would have to be looked up as well.
        return readers[0] if self._scales(readers[0])[0].size == 1 else None

    def _look_up(self, op: Op, reader: Op) -> None:
        """Rows of a table of integers, dequantized behind: rows of the real table, which are on its grid."""
        table, found = f"{op.outputs[0]}/table", reader.outputs[0]
        self._dequantize(replace(reader, inputs=(op.inputs[0], *reader.inputs[1:]), outputs=(table,)))
        self.ops.append(replace(op, inputs=(self.same.get(table, table), *op.inputs[1:]), outputs=(found,)))
        params = self._params(reader, "")
        self.real[op.outputs[0]] = found
        self.grids[op.outputs[0]] = self.marks.values[found] = params
        self.marks.whole[found] = op.outputs[0]

    def _dynamic(self, op: Op) -> None:
        """The scale is that of the values at run time: the real numbers stand for the whole ones."""
        source = self.real.get(op.inputs[0], op.inputs[0])
        self.marks.dynamic.add(source)
        self.real[op.outputs[0]] = source
        for name, number in zip(op.outputs[1:], (np.float32(1), np.uint8(0)), strict=False):
            self.arrays[name] = np.asarray(number)

    def _keep(self, op: Op) -> None:
        """A float operator, or one that moves, picks or clips integers: it does so with real ones."""
        grid = next((self.grids[name] for name in op.inputs if name in self.grids), None)
        if op.kind in ("MatMulInteger", "ConvInteger"):
            op = self._product(op)
        inputs = []
        for index, name in enumerate(op.inputs):
            if grid is not None and index > 0 and name in self.arrays and op.kind in ("Clip", "Pad", "Min", "Max"):
                inputs.append(self._bound(op, name, index, grid))
            else:
                inputs.append(self.real.get(name, name))
        own = op.kind == "Clip" and LAYER in op.meta and op.outputs[0] in self.clips
        if own:
            inputs = [inputs[0], *self._limits(op.outputs[0], *self.clips[op.outputs[0]][0][1])]
        self.ops.append(replace(op, inputs=tuple(inputs)))
        if grid is not None and op.inputs[0] in self.grids and op.kind not in ("Shape", "Size"):
            for name in op.outputs:
                real = name
                for value, (low, high) in self.clips.get(name, ())[own:]:
                    real = self._clip(op, real, low, high, value)
                self.real[name], self.grids[name] = real, grid
                self.marks.values[name] = self.marks.values[real] = grid
                self.marks.whole[name] = self.marks.whole[real] = name

    def _bound(self, op: Op, name: str, index: int, grid: QParams) -> str:
        """A limit or filler in integers, as a real number."""
        if op.kind == "Pad" and index != 2:
            return name
        made = f"{op.outputs[0]}/input{index}"
        whole = self.arrays[name].astype(np.float32)
        if op.kind == "Clip" and whole.size == 1 and float(whole.reshape(())) == (grid.qmin, grid.qmax)[index - 1]:
            return ""  # an end of the grid is no limit
        self.arrays[made] = np.asarray((whole - grid.zero_point) * grid.scale, np.float32)
        return made

    def _product(self, op: Op) -> Op:
        """A product of integers without scales: a float product with the weight's integers.

        Its result is multiplied with both scales behind it, of which the input's is 1 here.
        """
        kind = "MatMul" if op.kind == "MatMulInteger" else "Conv"
        weight = self.arrays.get(op.inputs[1])
        if weight is None or op.inputs[0] not in self.real:
            what = Text("{kind} multiplies tensors that are not a stored one and a quantized one", kind=op.kind)
            raise self._refuse(op, what, Text("Export it with static quantization."))
        name, behind = f"{op.outputs[0]}/weight", self._scale_behind(op.outputs[0])
        scale, output = behind or (None, op.outputs[0])
        names = (op.inputs[1], f"{name}/scale", *op.inputs[3:4])
        self.arrays[names[1]] = np.ones((), np.float32) if scale is None else scale
        axis = weight.ndim - 1 if kind == "MatMul" else 0
        self._dequantize(replace(op, inputs=names, outputs=(name,), attributes={"axis": axis}))
        inputs: tuple[str, ...] = (op.inputs[0], name)
        bias = self._bias_behind(output, weight.shape[0]) if kind == "Conv" and behind is not None else None
        if bias is not None:
            inputs, output = (*inputs, bias[0]), bias[1]
        return replace(op, kind=kind, inputs=inputs, outputs=(output,))

    def _scale_behind(self, name: str) -> tuple[Array, str] | None:
        """The weight's scale where a product is cast and multiplied with it, and what that gives; the rest goes."""
        cast = self._only_reader(name, "Cast")
        scaled = None if cast is None else self._only_reader(cast.outputs[0], "Mul")
        if cast is None or scaled is None:
            return None
        other = scaled.inputs[1] if scaled.inputs[0] == cast.outputs[0] else scaled.inputs[0]
        both = self.made.get(other)
        if both is None or both.kind != "Mul":
            return None
        stored = [self.arrays[item] for item in both.inputs if item in self.arrays]
        scales = [item for item in stored if item.size > 1 or float(item.reshape(-1)[0]) != 1.0]
        if len(stored) != 2 or len(scales) > 1:
            return None
        self.skipped |= {both.outputs[0], cast.outputs[0], scaled.outputs[0]}
        self.ops = [item for item in self.ops if item.outputs != both.outputs]
        scale = scales[0].astype(np.float32) if scales else np.ones(1, np.float32)
        return scale, scaled.outputs[0]

    def _bias_behind(self, name: str, channels: int) -> tuple[str, str] | None:
        """The stored bias that is added to a convolution's channels, and what that gives; the addition goes."""
        add = self._only_reader(name, "Add")
        if add is None or name in self.outputs:
            return None
        other = add.inputs[1] if add.inputs[0] == name else add.inputs[0]
        made = self.made.get(other)
        source = made.inputs[0] if made is not None and made.kind == "Reshape" else other
        stored = self.arrays.get(source)
        if stored is None or stored.size != channels or (source == other and stored.shape[1:2] != (channels,)):
            return None
        self.skipped.add(add.outputs[0])
        bias = f"{name}/bias"
        self.arrays[bias] = stored.reshape(-1)
        return bias, add.outputs[0]

    def _only_reader(self, name: str, kind: str) -> Op | None:
        readers = self.readers.get(name, [])
        return readers[0] if len(readers) == 1 and readers[0].kind == kind else None

    def _transpose(self, op: Op) -> None:
        params, whole = self.marks.weights[op.inputs[0]]
        order = list(op.attributes.get("perm") or reversed(range(whole.ndim)))
        self.arrays[op.outputs[0]] = np.transpose(self.arrays[op.inputs[0]], order)
        axis = None if params.axis is None else order.index(params.axis)
        if params.group_size is None:
            self.marks.weights[op.outputs[0]] = replace(params, axis=axis), np.transpose(whole, order)

    # -- clips ---------------------------------------------------------------------------------------

    def _with_clip(self, op: Op, source: str, params: QParams) -> str:
        """The tensor behind the clips that a grid stands for, which are put back; else the tensor itself."""
        whole = op.outputs[0]
        if whole in self.clips:
            for value, (low, high) in self.clips[whole]:
                source = self._clip(op, source, low, high, value)
            return source
        producer = next((item for item in reversed(self.ops) if source in item.outputs), None)
        if producer is None or LAYER in producer.meta or producer.kind not in MAY_BE_NEGATIVE:
            return source
        if producer.kind == "Add" and sum(map(self._least, producer.inputs)) >= 0:
            return source  # 1 + erf(x) of a GELU begins at 0 by itself
        readers = self.readers.get(op.inputs[0], [])
        if params.axis is not None or float(params.low) != 0 or op.inputs[0] in self.outputs:
            return source
        if any(item.kind not in QUANTIZE for item in readers):
            return source
        step = float(params.scale)
        return self._clip(producer, source, 0.0, 6.0 if abs(float(params.high) - 6) <= step else None, None)

    def _least(self, name: str) -> float:
        """What a tensor's numbers are not below, minus infinity where nothing says so."""
        if name in self.arrays:
            array = self.arrays[name]
            return float(array.min()) if array.size else -np.inf
        kind = next((op.kind for op in reversed(self.ops) if name in op.outputs), "")
        return {"Erf": -1.0, "Tanh": -1.0, "Sigmoid": 0.0, "Softmax": 0.0}.get(kind, -np.inf)

    def _clip(self, op: Op, source: str, low: float | None, high: float | None, value: str | None) -> str:
        output = f"{source}/clipped" if value is None else f"{value}/restored"
        inputs = [source, *self._limits(output, low, high)]
        meta = {key: text for key, text in op.meta.items() if key != LAYER} if value is None else {LAYER: value}
        self.ops.append(Op("Clip", op.name, tuple(inputs), (output,), {}, meta))
        self.marks.clips.append(output)
        return output

    def _limits(self, output: str, low: float | None, high: float | None) -> list[str]:
        """Names of a clip's limits, which are stored; empty where there is none."""
        found = []
        for side, bound in (("low", low), ("high", high)):
            found.append("" if bound is None else f"{output}/{side}")
            if bound is not None:
                self.arrays[f"{output}/{side}"] = np.asarray(np.float32(bound))
        return found

    # -- grids ---------------------------------------------------------------------------------------

    def _scales(self, op: Op) -> tuple[Array, Array]:
        """Scale and zero point, stored."""
        for name in op.inputs[1:3]:
            if name and name not in self.arrays:
                what = Text("{kind} has a scale or zero point that is computed at run time", kind=op.kind)
                raise self._refuse(op, what, Text("Export it with static quantization."))
        scale = self.arrays[op.inputs[1]]
        if len(op.inputs) > 2 and op.inputs[2]:
            zero = self.arrays[op.inputs[2]]
        else:
            zero = np.zeros(scale.shape, np.uint8)
        if zero.size != scale.size and zero.size != 1:
            raise self._refuse(op, Text("its scale and zero point differ in shape"))
        return scale, zero

    def _params(self, op: Op, dtype: str, shape: tuple[int, ...] = ()) -> QParams:
        block = int(op.attributes.get("block_size", 0))
        scale, zero = self._scales(op)
        if not dtype and op.attributes.get("output_dtype"):
            dtype = TensorProto.DataType.Name(int(op.attributes["output_dtype"])).lower()
        dtype = dtype or dtype_of(zero.dtype, op)
        if dtype not in DTYPES and dtype not in FP8.values() and dtype != "int32":
            raise self._refuse(op, Text("quantizes to {dtype}, which is not known", dtype=dtype))
        low, high = DTYPES.get(dtype, (0, 0))
        bits = 8 if dtype not in DTYPES else (high - low + 1).bit_length() - 1
        whole = np.broadcast_to(zero.astype(np.float32).astype(np.int32), scale.shape)
        real = scale.astype(np.float32)
        if block:
            # Blocks along the axis of the inputs: (out, groups) whatever way the matrix lies.
            turned = int(op.attributes.get("axis", 1)) % 2 == 0
            real, whole = (real.T, whole.T) if turned else (real, whole)
            return QParams(real, whole, dtype, low, high, 1 if turned else 0, bits, block)
        axis = int(op.attributes.get("axis", 1))
        axis = axis % len(shape) if shape else axis
        # A single number is for all, be it in a list or not, unless it is said to be of the one channel that there is.
        of_channel = scale.ndim == 1 and "axis" in op.attributes and axis < len(shape) and shape[axis] == 1
        if scale.size == 1 and not of_channel:
            return QParams(real.reshape(()), whole.reshape(()), dtype, low, high, None, bits)
        return QParams(real.reshape(-1), whole.reshape(-1), dtype, low, high, axis, bits)


def weight_of(op: Op, marks: Marks) -> tuple[QParams, Array] | None:
    """Grid and integers of an operator's weight, as the canonical layer has it: outputs first."""
    found = marks.weights.get(op.inputs[0 if op.kind == "Gather" else 1]) if len(op.inputs) > 1 else None
    if found is None:
        return None
    params, whole = found
    if op.kind in ("MatMul", "Linear") or (op.kind == "Gemm" and not op.attributes.get("transB", 0)):
        if whole.ndim != 2:
            return None
        axis = None if params.axis is None else 1 - params.axis
        return replace(params, axis=axis), whole.T
    return params, whole
