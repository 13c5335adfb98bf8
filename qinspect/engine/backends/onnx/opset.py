"""Which opset a model is written in, and the oldest ONNX Runtime that reads it."""

from __future__ import annotations

from collections.abc import Mapping

import onnx
from onnx import helper, numpy_helper

from ...problem import Problem
from ...text import Text
from .curves import with_gelu
from .naming import LAYER, OPSET, metadata
from .protos import copied, drop_unread

OPSETS = range(13, 22)
"""Opsets that can be asked for: QuantizeLinear takes an axis from 13 on, and 16 and 4 bits from 21 on."""

IR_VERSIONS: Mapping[int, int] = {13: 7, 14: 7, 15: 8, 16: 8, 17: 8, 18: 8, 19: 9, 20: 9, 21: 10}
"""The file format's version that came with each opset: older runtimes refuse later ones."""

ONNXRUNTIMES: Mapping[int, str] = {
    13: "1.6",
    14: "1.8",
    15: "1.9",
    16: "1.11",
    17: "1.12",
    18: "1.14",
    19: "1.16",
    20: "1.17",
    21: "1.18",
}
"""The first ONNX Runtime that runs a QDQ model in each opset: its table of compatibility, but for 19, where 1.15
has no QuantizeLinear. Seen with 1.15 to 1.18; earlier ones are the table's word."""

TWENTY_ONE = frozenset(
    {
        onnx.TensorProto.INT16,
        onnx.TensorProto.UINT16,
        onnx.TensorProto.INT4,
        onnx.TensorProto.UINT4,
        onnx.TensorProto.FLOAT8E4M3FN,
        onnx.TensorProto.FLOAT8E5M2,
    }
)
"""Types that QuantizeLinear, DequantizeLinear and Cast take from opset 21 on (float8: 19)."""


def opset_of(model: onnx.ModelProto) -> int:
    """The version of the standard operators that a model is written in."""
    return next((int(item.version) for item in model.opset_import if item.domain in ("", "ai.onnx")), 0)


def lowest_onnxruntime(model: onnx.ModelProto) -> str | None:
    """The first version of ONNX Runtime that reads a model with this opset and file format."""
    least = opset_of(model)
    own = {node.op_type for node in model.graph.node if node.domain == "com.microsoft"}
    if "MatMulNBits" in own:
        least = max(least, 20)  # ONNX Runtime 1.17 brought both.
    if "QuickGelu" in own:
        least = max(least, 17)  # 1.12
    opsets = [opset for opset in OPSETS if opset >= least and IR_VERSIONS[opset] >= model.ir_version]
    return ONNXRUNTIMES[opsets[0]] if opsets else None


def needed_opset(model: onnx.ModelProto) -> int:
    """The lowest opset whose QuantizeLinear and DequantizeLinear can do what the model's do."""
    types = {tensor.name: tensor.data_type for tensor in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type in ("QuantizeLinear", "DequantizeLinear", "Cast"):
            blocked = any(attribute.name == "block_size" and attribute.i for attribute in node.attribute)
            if blocked or any(types.get(name) in TWENTY_ONE for name in node.input):
                return 21
    return OPSETS[0]


def with_opset(model: onnx.ModelProto, wanted: int | None = None) -> onnx.ModelProto:
    """The model in another opset, in the oldest file format that goes with it.

    Parameters
    ----------
    model : onnx.ModelProto
        Written in opset `naming.OPSET`, its quantizers in any.
    wanted : int | None
        One of `OPSETS`; None is the one that the model is written in, or the lowest above that it needs.

    Raises
    ------
    Problem
        Where the plan needs a later opset, or an operator is not in the one asked for.
    """
    least = needed_opset(model)
    opset = max(OPSET, least) if wanted is None else wanted
    if opset not in OPSETS:
        raise Problem(
            "--opset",
            Text("{opset} is not supported", opset=opset),
            Text("Give one from {first} to {last}.", first=OPSETS[0], last=OPSETS[-1]),
        )
    if opset < least:
        what = Text("16-bit, 4-bit and grouped quantizers are in ONNX from opset 21 on")
        raise Problem(
            "--opset",
            Text("{opset} is too low for this plan: {what}", opset=opset, what=what),
            Text("Give --opset {least}, or 8 bits.", least=least),
        )
    copy = copied(model)
    if opset < 18:
        _reduce_by_attribute(copy)
        _without_what_came_with_18(copy)
    if opset >= 20:
        with_gelu(copy)
    _check_operators(copy, opset)
    others = [item for item in copy.opset_import if item.domain not in ("", "ai.onnx")]
    del copy.opset_import[:]
    copy.opset_import.extend([helper.make_opsetid("", opset), *others])
    copy.ir_version = IR_VERSIONS[opset]
    return copy


def _reduce_by_attribute(model: onnx.ModelProto) -> None:
    """Before opset 18 all reductions but the sum have their axes as an attribute."""
    stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    made: dict[str, onnx.NodeProto] = {}
    for node in model.graph.node:
        if node.op_type == "Constant" and node.attribute[0].name == "value":
            stored[node.output[0]] = numpy_helper.to_array(node.attribute[0].t)
        elif node.op_type == "Reshape" and node.input[0] in stored:  # of a single axis
            stored[node.output[0]] = stored[node.input[0]].reshape(-1)
        else:
            continue
        made[node.output[0]] = node
    axes_of: set[str] = set()
    for node in model.graph.node:
        if node.op_type.startswith("Reduce") and node.op_type != "ReduceSum" and len(node.input) == 2:
            if node.input[1] not in stored:
                raise Problem(
                    metadata(node, LAYER), Text("reduces over axes known at run time"), Text("Give --opset 18.")
                )
            axes = [int(axis) for axis in stored[node.input[1]].reshape(-1)]
            axes_of.add(node.input[1])
            del node.input[1:]
            kept = [a for a in node.attribute if a.name != "noop_with_empty_axes"]
            del node.attribute[:]
            node.attribute.extend(kept)
            node.attribute.append(helper.make_attribute("axes", axes))
    drop_unread(model)
    used = {name for node in model.graph.node for name in node.input}
    for name in axes_of & made.keys() - used:
        model.graph.node.remove(made[name])


def _without_what_came_with_18(model: onnx.ModelProto) -> None:
    """Leave out what says no more than was meant before: the number of equal parts, the usual way to resize."""
    for node in model.graph.node:
        said = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
        if node.op_type == "Split" and len(node.input) == 1:
            usual = {"num_outputs"}
        elif node.op_type == "Resize":
            meant = {"antialias": 0, "keep_aspect_ratio_policy": b"stretch"}
            usual = {name for name, value in meant.items() if said.get(name) == value}
        else:
            continue
        kept = [attribute for attribute in node.attribute if attribute.name not in usual]
        del node.attribute[:]
        node.attribute.extend(kept)


def _check_operators(model: onnx.ModelProto, opset: int) -> None:
    for node in model.graph.node:
        if node.domain:  # the runtime's own
            continue
        try:
            schema = onnx.defs.get_schema(node.op_type, opset, "")
        except onnx.defs.SchemaError:
            first = _first_opset(node.op_type)
            where = metadata(node, LAYER) or node.name
            what = Text("{op_type} is not in opset {opset}", op_type=node.op_type, opset=opset)
            raise Problem(
                where, what, Text("Give --opset {first}.", first=first) if first else Text("Choose another target.")
            ) from None
        known = set(schema.attributes)
        unknown = [attribute.name for attribute in node.attribute if attribute.name not in known]
        if unknown or len(node.input) > schema.max_input:
            what = Text(
                "{op_type} is used in a way that opset {opset} does not know", op_type=node.op_type, opset=opset
            )
            raise Problem(metadata(node, LAYER) or node.name, what, Text("Give --opset {opset}.", opset=OPSET))


def _first_opset(op: str) -> int | None:
    for opset in OPSETS:
        try:
            onnx.defs.get_schema(op, opset, "")
        except onnx.defs.SchemaError:
            continue
        return opset
    return None
