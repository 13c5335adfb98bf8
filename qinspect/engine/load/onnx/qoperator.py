"""Operators that compute in integers, taken apart into dequantizers, a float operator and a quantizer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...problem import Problem
from ...text import Text
from .file import Op

Array = NDArray[Any]
Arrays = dict[str, Array]


class Parts:
    """Writes what stands for one operator.

    Parameters
    ----------
    op : Op
    arrays : dict
        Stored tensors; new ones are added.
    where : str
        The file, for messages.
    """

    def __init__(self, op: Op, arrays: Arrays, where: str) -> None:
        self.op = op
        self.arrays = arrays
        self.where = where
        self.ops: list[Op] = []

    def stored(self, index: int) -> Array:
        """A stored input, such as a scale.

        Raises
        ------
        Problem
            Where it is computed at run time.
        """
        name = self.op.inputs[index] if index < len(self.op.inputs) else ""
        if name not in self.arrays:
            what = Text("{kind} has a scale that is computed at run time", kind=self.op.kind)
            raise Problem(f"{self.where}, {self.op.name}", what, Text("Export it with static quantization."))
        return self.arrays[name]

    def add(self, kind: str, inputs: tuple[str, ...], suffix: str, **attributes: Any) -> str:
        output = f"{self.op.outputs[0]}/{suffix}"
        self.ops.append(replace(self.op, kind=kind, inputs=inputs, outputs=(output,), attributes=attributes))
        return output

    def real(self, index: int, axis: int = 1) -> str:
        """The real numbers of an input that is followed by its scale and zero point."""
        return self.add("DequantizeLinear", self.op.inputs[index : index + 3], f"real{index}", axis=axis)

    def bias(self, index: int, source: int, weight: int) -> str:
        """A bias in steps of ``input scale * weight scale``; empty where there is none."""
        name = self.op.inputs[index] if index < len(self.op.inputs) else ""
        if not name:
            return ""
        step = self.stored(source).astype(np.float32) * self.stored(weight).astype(np.float32)
        made = f"{self.op.outputs[0]}/bias"
        self.arrays[made] = (self.stored(index).astype(np.float64) * step.reshape(-1)).astype(np.float32)
        return made

    def end(self, kind: str, inputs: tuple[str, ...], scale: int, attributes: Mapping[str, Any] | None = None) -> None:
        """The float operator, and the quantizer behind it (none where its scale is left out)."""
        made = self.op.attributes if attributes is None else attributes
        inputs = inputs if inputs[-1] else inputs[:-1]
        has_scale = scale < len(self.op.inputs) and self.op.inputs[scale]
        output = self.op.outputs[0]
        real = f"{output}/real" if has_scale else output
        self.ops.append(replace(self.op, kind=kind, inputs=inputs, outputs=(real,), attributes=made))
        if has_scale:
            grid = self.op.inputs[scale : scale + 2]
            self.ops.append(
                replace(self.op, kind="QuantizeLinear", inputs=(real, *grid), outputs=(output,), attributes={})
            )


def _conv(p: Parts) -> None:
    p.end("Conv", (p.real(0), p.real(3, axis=0), p.bias(8, 1, 4)), 6)


def _matmul(p: Parts) -> None:
    p.end("MatMul", (p.real(0), p.real(3)), 6)


def _gemm(p: Parts) -> None:
    transposed = bool(p.op.attributes.get("transB", 0))
    p.end("Gemm", (p.real(0), p.real(3, axis=0 if transposed else 1), p.bias(6, 1, 4)), 7)


def _two(kind: str) -> Callable[[Parts], None]:
    return lambda p: p.end(kind, (p.real(0), p.real(3)), 6)


def _one(kind: str) -> Callable[[Parts], None]:
    def write(p: Parts) -> None:
        if p.op.attributes.get("channels_last", 0):
            raise Problem(
                f"{p.where}, {p.op.name}",
                Text("{kind} is laid out for one computer's runtime (channels last)", kind=p.op.kind),
                Text("Give the file before onnxruntime optimized it."),
            )
        p.end(kind, (p.real(0),), 3)

    return write


def _concat(p: Parts) -> None:
    inputs = tuple(p.real(index) for index in range(2, len(p.op.inputs), 3))
    p.end("Concat", inputs, 0)


def _where(p: Parts) -> None:
    p.end("Where", (p.op.inputs[0], p.real(1), p.real(4)), 7)


def _dynamic_matmul(p: Parts) -> None:
    """A, B, B's scale, B's zero point, bias: A is quantized with the range that it has at run time."""
    weight = p.add("DequantizeLinear", p.op.inputs[1:4], "weight", axis=1)
    source = p.add("DynamicQuantizeLinear", p.op.inputs[:1], "source")
    bias = p.op.inputs[4] if len(p.op.inputs) > 4 else ""
    p.end("Linear" if bias else "MatMul", (source, weight, bias), 99, {})


def _n_bits(p: Parts) -> None:
    """A product with a weight of few bits in blocks, packed (rows, blocks, bytes)."""
    columns, rows = int(p.op.attributes["K"]), int(p.op.attributes["N"])
    bits, size = int(p.op.attributes.get("bits", 4)), int(p.op.attributes["block_size"])
    packed, scales = p.stored(1), p.stored(2)
    blocks = -(-columns // size)
    if bits not in (4, 8) or packed.size != rows * blocks * size * bits // 8 or scales.size != rows * blocks:
        raise Problem(
            f"{p.where}, {p.op.name}",
            Text("its {bits}-bit weight is not as K and N say", bits=bits),
            Text("Export it anew."),
        )
    whole = packed.reshape(rows, blocks, -1).astype(np.uint8)
    zero = np.full((rows, blocks), 1 << (bits - 1), np.uint8)
    if len(p.op.inputs) > 3 and p.op.inputs[3]:
        zero = _unpacked(p.stored(3).reshape(rows, -1).astype(np.uint8), bits)[:, :blocks]
    whole = _unpacked(whole.reshape(rows, -1), bits).reshape(rows, -1)[:, :columns]
    stem = f"{p.op.outputs[0]}/weight"
    # As DequantizeLinear has it: blocks along the first axis of a (K, N) matrix.
    p.arrays[f"{stem}/quantized"], p.arrays[f"{stem}/scale"] = whole.T, scales.reshape(rows, blocks).T
    p.arrays[f"{stem}/zero_point"] = zero.T
    names = tuple(f"{stem}/{part}" for part in ("quantized", "scale", "zero_point"))
    weight = p.add("DequantizeLinear", names, "weight", axis=0, block_size=size, bits=bits)
    bias = p.op.inputs[5] if len(p.op.inputs) > 5 else ""
    p.end("Linear" if bias else "MatMul", (p.op.inputs[0], weight, bias), 99, {})


def _unpacked(numbers: Array, bits: int) -> Array:
    """Bytes as numbers of so many bits, the lower ones first, along the last axis."""
    if bits == 8:
        return numbers
    return np.stack([numbers & 15, numbers >> 4], -1).reshape(*numbers.shape[:-1], -1)


QOPERATORS: Mapping[str, Callable[[Parts], None]] = {
    "QLinearConv": _conv,
    "QLinearMatMul": _matmul,
    "com.microsoft::QGemm": _gemm,
    "com.microsoft::QLinearConv": _conv,
    "com.microsoft::QLinearAdd": _two("Add"),
    "com.microsoft::QLinearMul": _two("Mul"),
    "com.microsoft::QLinearLeakyRelu": _one("LeakyRelu"),
    "com.microsoft::QLinearSigmoid": _one("Sigmoid"),
    "com.microsoft::QLinearSoftmax": _one("Softmax"),
    "com.microsoft::QLinearAveragePool": _one("AveragePool"),
    "com.microsoft::QLinearGlobalAveragePool": _one("GlobalAveragePool"),
    "com.microsoft::QLinearReduceMean": _one("ReduceMean"),
    "com.microsoft::QLinearConcat": _concat,
    "com.microsoft::QLinearWhere": _where,
    "com.microsoft::DynamicQuantizeMatMul": _dynamic_matmul,
    "com.microsoft::MatMulNBits": _n_bits,
}


def taken_apart(ops: tuple[Op, ...], arrays: Arrays, where: str) -> Iterator[Op]:
    """The operators with those of `QOPERATORS` taken apart; `arrays` gets what they need."""
    for op in ops:
        write = QOPERATORS.get(op.kind)
        if write is None:
            yield op
            continue
        parts = Parts(op, arrays, where)
        try:
            write(parts)
        except (KeyError, ValueError, IndexError) as error:
            raise Problem(
                f"{where}, {op.name}",
                Text("{kind} is not whole ({error})", kind=op.kind, error=error),
                Text("Export it anew."),
            ) from error
        yield from parts.ops
