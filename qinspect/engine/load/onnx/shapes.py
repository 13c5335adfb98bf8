"""A shape to trace each input of an ONNX file with, and the axes that stay free."""

from __future__ import annotations

import math

from ...problem import Problem
from ...source import ModelSpec
from ...text import Text, counted
from .file import MAX_EXAMPLE, Declared, OnnxFile


def example_shapes(file: OnnxFile, spec: ModelSpec, notes: list[str]) -> tuple[list[list[int]], list[set[int]]]:
    """A shape for every input, and which of its axes are the free batch (empty: it is fixed)."""
    given = _given_shapes(file, spec)
    symbols: dict[str, int] = {}
    shapes: list[list[int]] = []
    free: list[set[int]] = []
    first = file.inputs[0].shape if file.inputs else None
    batch = first[0] if first and not isinstance(first[0], int) else 0
    for index, item in enumerate(file.inputs):
        own = None if given is None else given[index]
        declared = item.shape if item.shape is not None else None if own is None else (None, *own[1:])
        if declared is None or (own is not None and len(own) != len(declared)):
            what = Text("is of no declared rank") if declared is None else Text("has {count} axes", count=len(declared))
            raise Problem(f"{file.path}, {item.name}", what, Text("Give --input-shape with a size for each axis."))
        axes = {
            axis
            for axis, size in enumerate(declared)
            if batch != 0 and not isinstance(size, int) and (axis == 0 or (size is not None and size == batch))
        }
        shape = []
        for axis, size in enumerate(declared):
            wanted = None if own is None else own[axis]
            if axis in axes:
                shape.append(2)
            elif isinstance(size, int):
                if wanted is not None and wanted != size:
                    raise Problem(
                        "--input-shape",
                        Text(
                            "says {wanted} for axis {axis} of {item}, the file {size}",
                            wanted=wanted,
                            axis=axis,
                            item=item.name,
                            size=size,
                        ),
                        Text("Leave it out."),
                    )
                shape.append(size)
            else:
                shape.append(_free_size(file, item, axis, wanted, symbols, notes))
        if math.prod(shape) > MAX_EXAMPLE:
            raise Problem(
                f"{file.path}, {item.name}",
                Text("claims the absurd shape {shape}", shape=shape),
                Text("Export it anew."),
            )
        shapes.append(shape)
        free.append(axes)
    return shapes, free if batch != 0 else []


def _given_shapes(file: OnnxFile, spec: ModelSpec) -> list[tuple[int, ...]] | None:
    """The user's shapes, one for each input; a single number has none, and need not be given one."""
    if spec.input_shape is None:
        return None
    if len(spec.input_shape) == len(file.inputs):
        return list(spec.input_shape)
    with_axes = [item for item in file.inputs if item.shape != ()]
    if len(spec.input_shape) != len(with_axes):
        ranks = ", ".join(f"{item.name} ({_rank(item)})" for item in file.inputs)
        what = Text(
            "gives {given}, the model takes {taken}: {inputs}",
            given=counted(len(spec.input_shape), Text("shape")),
            taken=len(file.inputs),
            inputs=ranks,
        )
        raise Problem("--input-shape", what, Text("Give one for each input, joined by ;, and nothing for a number."))
    rest = iter(spec.input_shape)
    return [() if item.shape == () else next(rest) for item in file.inputs]


def _rank(item: Declared) -> str:
    if item.shape is None:
        return Text("any number of axes")
    return (
        counted(len(item.shape), Text("axis")) if len(item.shape) == 1 else Text("{count} axes", count=len(item.shape))
    )


def _free_size(
    file: OnnxFile, item: Declared, axis: int, wanted: int | None, symbols: dict[str, int], notes: list[str]
) -> int:
    """A size for an axis that is free and no batch."""
    assert item.shape is not None or wanted is not None
    size = item.shape[axis] if item.shape is not None else None
    name = size if isinstance(size, str) else ""
    if wanted is None:
        wanted = symbols.get(name) if name else None
    if wanted is None and item.shape is not None and len(item.shape) == 4 and item.shape[1] in (1, 3) and axis > 1:
        wanted = 224
        text = Text("The file leaves height and width free: 224 was assumed; --input-shape sets others.")
        if text not in notes:
            notes.append(text)
    if wanted is None:
        raise Problem(
            f"{file.path}, {item.name}",
            Text("the size of axis {axis} ({name}) is free", axis=axis, name=name)
            if name
            else Text("the size of axis {axis} is free", axis=axis),
            Text("Give --input-shape, such as 1,3,224,224; shapes of several inputs are joined by ;"),
        )
    if name:
        symbols[name] = wanted
    return wanted
