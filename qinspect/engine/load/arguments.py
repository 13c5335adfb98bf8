"""Whether the arguments that a file has for an operator are such as the operator takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from ..graph import Layer, Param, Ref
from ..graph.execute import function

NAMED = (torch.dtype, torch.layout, torch.memory_format)
"""Integers by torch's declaration, which go by name."""

KINDS: Mapping[str, Any] = {
    "int": (int, *NAMED),
    "float": (int, float),
    "number": (int, float),
    "bool": bool,
    "Tensor": (),
}


def check_arguments(layer: Layer) -> None:
    """Hold a layer's arguments against the declaration of its operator.

    Raises
    ------
    ValueError
        Where one is missing, of another kind, or not known to the operator.
    """
    schema = getattr(function(layer.target), "_schema", None)
    if schema is None:
        return
    rest = dict(layer.kwargs)
    takes_numbers = torch._C._should_allow_numbers_as_tensors(schema.name.partition("::")[2])
    for index, argument in enumerate(schema.arguments):
        if index < len(layer.args):
            value = layer.args[index]
        elif argument.name in rest:
            value = rest.pop(argument.name)
        elif argument.has_default_value():
            continue
        else:
            raise ValueError(f"{layer.id} has no {argument.name}")
        kind = str(argument.type)
        if not _fits(kind, value) and not (kind == "Tensor" and takes_numbers and _fits("number", value)):
            raise ValueError(f"{layer.id}: its {argument.name} is no {argument.type}")
    if rest or len(layer.args) > len(schema.arguments):
        raise ValueError(f"{layer.id} has arguments that {layer.target} does not know")


def _fits(kind: str, value: Any) -> bool:
    """Whether a value is of a kind as torch's declarations name it; of a kind that no file holds, anything is."""
    if kind.startswith("Optional["):
        return value is None or _fits(kind[9:-1], value)
    if kind.startswith("List["):
        inner = kind[5:-1]
        several = isinstance(value, (list, tuple)) and all(_fits(inner, part) for part in value)
        return several or (inner in ("int", "float", "bool") and _fits(inner, value))
    if isinstance(value, (Ref, Param)):
        return kind in ("Tensor", "int", "float", "number")  # a size is a value, too
    return isinstance(value, KINDS.get(kind, object)) and not (type(value) is int and abs(value) >= 2**63)
