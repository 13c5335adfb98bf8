"""TensorRT's rules for networks with Q/DQ layers, for computers that have no TensorRT."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator

import numpy as np
import onnx
from onnx import numpy_helper

from ...text import Text
from ..onnx.naming import LAYER, metadata
from ..onnx.opset import opset_of
from ..onnx.qdq import ABSORBED, MOVES
from .qdq import WEIGHTED

READS_INTEGERS = frozenset({*WEIGHTED, "Add", "Mul", "MaxPool", "AveragePool", "GlobalAveragePool", "Concat"})
"""Operators that TensorRT runs in integers between dequantizers and a quantizer."""

FUSED = frozenset({"Relu", "Clip", "BatchNormalization", "LeakyRelu", "Sigmoid", "HardSwish", "HardSigmoid"})
"""What must follow a weighted layer without a quantizer between, so that it is fused to it."""

OPSETS = range(13, 20)
"""Opsets in which TensorRT 8.6 and 10 read int8 networks."""


def check_tensorrt(model: onnx.ModelProto, floats: Collection[str] = ()) -> list[str]:
    """What TensorRT would refuse in a model with Q/DQ, or run in another way than meant.

    Parameters
    ----------
    model : onnx.ModelProto
    floats : collection of str
        Ids of layers that are meant to be computed in float, whatever they read.

    Returns
    -------
    list of str
        One line per breach, beginning with the node's name.

    Notes
    -----
    The rules are of NVIDIA's documentation: int8 symmetric with zero point 0; activations per
    tensor, weights per tensor or per output channel; all inputs of a weighted operator quantized or
    none; biases not quantized; no quantizer between a weighted operator and what is fused to it; no
    operator on bare integers; opsets 13 to 19.
    """
    return list(_Rules(model, floats).breaches())


class _Rules:
    def __init__(self, model: onnx.ModelProto, floats: Collection[str] = ()) -> None:
        self.model = model
        self.floats = floats
        self.arrays = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
        self.makes = {name: node for node in model.graph.node for name in node.output}
        self.reads: dict[str, list[onnx.NodeProto]] = {}
        for node in model.graph.node:
            for name in node.input:
                self.reads.setdefault(name, []).append(node)

    def breaches(self) -> Iterator[str]:
        opset = opset_of(self.model)
        if opset not in OPSETS:
            yield Text(
                "model: opset {opset}; TensorRT's int8 networks are of opsets {first} to {last}",
                opset=opset,
                first=OPSETS[0],
                last=OPSETS[-1],
            )
        for node in self.model.graph.node:
            if node.op_type in ("QuantizeLinear", "DequantizeLinear"):
                yield from self._grid(node)
                yield from self._between(node)
            elif node.op_type in WEIGHTED:
                yield from self._weighted(node)
            else:
                yield from self._bare(node)

    def _grid(self, node: onnx.NodeProto) -> Iterator[str]:
        scale, zero = self.arrays.get(node.input[1]), self.arrays.get(node.input[2]) if len(node.input) > 2 else None
        if scale is None:
            yield Text("{node}: its scale is not a constant", node=node.name)
            return
        if not (scale > 0).all():
            yield Text("{node}: a scale is not above 0", node=node.name)
        if zero is None or zero.dtype != np.int8:
            yield Text("{node}: its type is not int8", node=node.name)
        elif zero.any():
            yield Text(
                "{node}: zero point {zero_point}, where TensorRT wants 0",
                node=node.name,
                zero_point=int(np.abs(zero).max()),
            )
        if scale.size > 1 and node.input[0] not in self.arrays:
            yield Text("{node}: an activation is quantized per channel", node=node.name)

    def _between(self, node: onnx.NodeProto) -> Iterator[str]:
        """A quantizer whose integers go nowhere but into what should have been fused before it."""
        if node.op_type == "DequantizeLinear":
            source = self.makes.get(node.input[0])
            if source is not None and source.op_type != "QuantizeLinear":
                yield Text(
                    "{node}: dequantizes what {op_type} {source} computes on bare integers",
                    node=node.name,
                    op_type=source.op_type,
                    source=source.name,
                )
            return
        source = self.makes.get(node.input[0])
        real = [name for reader in self.reads.get(node.output[0], []) for name in reader.output]
        behind = [reader for name in real for reader in self.reads.get(name, [])]
        if source is None or source.op_type not in WEIGHTED or not behind:
            return
        # A fusion that is switched off makes two layers of them, and then the quantizer keeps them apart.
        if all(r.op_type in FUSED and metadata(r, LAYER) in ("", metadata(source, LAYER)) for r in behind):
            yield Text(
                "{node}: stands between {source} and {behind}, which would be fused",
                node=node.name,
                source=source.name,
                behind=behind[0].name,
            )

    def _weighted(self, node: onnx.NodeProto) -> Iterator[str]:
        operands = [self.dequantized(name) for name in node.input[:2]]
        if any(operands) and not all(operands) and metadata(node, LAYER) not in self.floats:
            which = Text("activation") if operands[1] else Text("weight")
            yield Text("{node}: its {which} is not quantized, the other operand is", node=node.name, which=which)
        if len(node.input) > 2 and self.dequantized(node.input[2]):
            yield Text("{node}: its bias is quantized", node=node.name)
        dequantizer = self.makes.get(node.input[1])
        if dequantizer is None or dequantizer.op_type != "DequantizeLinear":
            return
        weight, scale = self.arrays.get(dequantizer.input[0]), self.arrays.get(dequantizer.input[1])
        if weight is None or scale is None or scale.size == 1:
            return
        axis = next((a.i for a in dequantizer.attribute if a.name == "axis"), 1)
        transposed = any(a.name == "transB" and a.i for a in node.attribute)
        wanted = 1 if node.op_type == "Gemm" and not transposed else WEIGHTED[node.op_type]
        if axis % weight.ndim != wanted % weight.ndim:
            yield Text(
                "{node}: its weight is quantized along axis {axis}, TensorRT wants axis {wanted}",
                node=node.name,
                axis=axis,
                wanted=wanted,
            )
        if weight.dtype != np.int8:
            yield Text("{node}: its weight is stored as {dtype}", node=node.name, dtype=weight.dtype)

    def _bare(self, node: onnx.NodeProto) -> Iterator[str]:
        for name in node.input:
            source = self.makes.get(name)
            if source is not None and source.op_type == "QuantizeLinear":
                yield Text("{node}: reads bare integers; TensorRT wants a DequantizeLinear before it", node=node.name)

    def dequantized(self, name: str) -> bool:
        """Whether a tensor comes from a dequantizer, by way of operators that only move values."""
        node = self.makes.get(name)
        while node is not None and node.op_type in MOVES:
            node = self.makes.get(node.input[0])
        return node is not None and node.op_type == "DequantizeLinear"


def integer_layers(model: onnx.ModelProto) -> dict[str, str]:
    """Layers whose operator stands behind dequantizers, and that operator: what TensorRT is to run in integers."""
    found: dict[str, str] = {}
    rules = _Rules(model)
    for node in model.graph.node:
        layer = metadata(node, LAYER)
        data = [name for name in node.input[:2] if name and name not in rules.arrays]
        if layer and node.op_type in READS_INTEGERS | FUSED and data and any(map(rules.dequantized, data)):
            found.setdefault(layer, node.op_type)
    absorbed: dict[str, str] = json.loads(metadata(model, ABSORBED) or "{}")
    found.update({pad: f"in {found[conv]}" for pad, conv in absorbed.items() if conv in found})
    return found
