"""torch.export, with a dynamic batch where the model allows it."""

from __future__ import annotations

import re
import traceback
from pathlib import Path

import torch
from torch.export import Dim, ExportedProgram

from ..operators import TAKEN_APART
from ..problem import Problem
from ..source import ModelSpec

_HERE = str(Path(torch.__file__).parent)


def trace(
    module: torch.nn.Module, example: tuple[torch.Tensor, ...] | None, spec: ModelSpec, notes: list[str]
) -> tuple[ExportedProgram, bool]:
    """Export a module.

    Returns
    -------
    program, dynamic
        The program without in-place operators, and whether its batch may vary.

    Raises
    ------
    Problem
        Naming the line of the author's code that cannot be traced.
    """
    inputs = example_inputs(module, example, spec, notes)
    try:
        with torch.no_grad():
            module(*inputs)
    except Exception as error:
        shapes = ", ".join(str(tuple(t.shape)) for t in inputs)
        where = author_line(error) or spec.source
        raise Problem(
            where,
            f"a forward pass with input {shapes} raises {type(error).__name__}: {first_line(error)}",
            "Give the right --input-shape.",
        ) from error
    grown = tuple(torch.cat([t, t])[:2] if t.dim() and t.shape[0] == 1 else t for t in inputs)
    batch = Dim("batch")
    dynamic = tuple({0: batch} if t.dim() else None for t in grown)
    with torch.no_grad():
        try:
            program = torch.export.export(module, grown, dynamic_shapes=(dynamic,) if _variadic(module) else dynamic)
            return plain(program), True
        except Exception:
            try:
                program = torch.export.export(module, inputs)
                return plain(program), False
            except Exception as error:
                where = author_line(error) or spec.source
                raise Problem(
                    where,
                    f"torch.export cannot trace it: {first_line(error)}",
                    "Rewrite that line without Python control flow on tensor values, or leave the part out.",
                ) from error


def plain(program: ExportedProgram) -> ExportedProgram:
    """The program without in-place operators, and with those of `TAKEN_APART` as torch itself computes them."""
    known = torch.export.default_decompositions()
    apart = {}
    for name in TAKEN_APART:
        base, _, overload = name.partition(".")
        operator = getattr(getattr(torch.ops.aten, base), overload)
        apart[operator] = known[operator]
    return program.run_decompositions(apart)


def _variadic(module: torch.nn.Module) -> bool:
    import inspect

    kinds = [p.kind for p in inspect.signature(module.forward).parameters.values()]
    return kinds[:1] == [inspect.Parameter.VAR_POSITIONAL]


def example_inputs(
    module: torch.nn.Module, example: tuple[torch.Tensor, ...] | None, spec: ModelSpec, notes: list[str]
) -> tuple[torch.Tensor, ...]:
    """Inputs to trace with: from --input-shape, else the callable's, else the usual image."""
    generator = torch.Generator().manual_seed(0)
    if spec.input_shape:
        return tuple(torch.rand(shape, generator=generator) for shape in spec.input_shape)
    if example is not None:
        return example
    first = next((m for m in module.modules() if isinstance(m, torch.nn.Conv2d)), None)
    if first is not None and first.in_channels in (1, 3):
        shape = (1, first.in_channels, 224, 224)
        notes.append(f"Input shape {','.join(map(str, shape))} was assumed; --input-shape sets another.")
        return (torch.rand(shape, generator=generator),)
    raise Problem(spec.source, "the shape of its input is not known", "Give --input-shape, such as 1,3,224,224.")


def author_line(error: BaseException) -> str | None:
    """``file.py:line`` of the innermost line that is not torch's, from an error's traceback."""
    found = None
    text = str(error)
    for frame in traceback.extract_tb(error.__traceback__):
        if not frame.filename.startswith((_HERE, "<")) and not frame.filename.startswith(
            str(Path(__file__).parents[1])
        ):
            found = f"{frame.filename}:{frame.lineno}"
    # Errors of torch.export carry the author's line in their text when the traceback ends in torch.
    for name, line in re.findall(r'File "([^"]+)", line (\d+)', text):
        if not name.startswith((_HERE, "<")):
            found = f"{name}:{line}"
    return found


def first_line(error: BaseException) -> str:
    """The first line of an error's text that says something, cut to a sentence."""
    for line in str(error).splitlines():
        if line.strip():
            return line.strip().rstrip(".")[:300]
    return type(error).__name__
