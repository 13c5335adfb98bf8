"""Small changes of ONNX models."""

from __future__ import annotations

import onnx


def copied(model: onnx.ModelProto) -> onnx.ModelProto:
    """A model that may be changed without the other."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    return copy


def drop_unread(model: onnx.ModelProto) -> None:
    """Take out stored tensors that no operator reads and no output hands on: onnxruntime warns of each."""
    read = {name for node in model.graph.node for name in node.input} | {item.name for item in model.graph.output}
    stored = [tensor for tensor in model.graph.initializer if tensor.name in read]
    del model.graph.initializer[:]
    model.graph.initializer.extend(stored)


def set_property(model: onnx.ModelProto, key: str, value: str) -> None:
    """Set one entry of a model's metadata, and keep the others."""
    properties = {item.key: item.value for item in model.metadata_props}
    onnx.helper.set_model_props(model, {**properties, key: value})
