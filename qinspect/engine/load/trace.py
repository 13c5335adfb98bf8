"""torch.export, with a dynamic batch where the model allows it."""

from __future__ import annotations

import inspect
import linecache
import re
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch.export import Dim, ExportedProgram

from ..opaque import Opaque
from ..operators import TAKEN_APART
from ..problem import Problem
from ..source import ModelSpec
from .stand_in import StandIns, modules_in

_HERE = str(Path(torch.__file__).parent)


MOST_OPAQUE = 64
"""Sub-modules that are left out of the tracing, at most."""


@dataclass(frozen=True)
class Traced:
    """An exported model.

    Parameters
    ----------
    program : ExportedProgram
        Without in-place operators.
    dynamic : bool
        Whether its batch may vary.
    opaque : mapping of call to Opaque
        Sub-modules that could not be traced, for which the program has operators that stand for them.
    """

    program: ExportedProgram
    dynamic: bool
    opaque: Mapping[str, Opaque] = field(default_factory=dict)


def trace(
    module: torch.nn.Module, example: tuple[torch.Tensor, ...] | None, spec: ModelSpec, notes: list[str]
) -> Traced:
    """Export a module; where sub-modules alone are at fault, all but them.

    Parameters
    ----------
    notes : list of str
        What was assumed or left out is added.

    Raises
    ------
    Problem
        Naming the line of the author's code that cannot be traced, and what stands there.
    """
    inputs = example_inputs(module, example, spec, notes)
    try:
        with torch.no_grad():
            module(*(t.clone() for t in inputs))
    except Exception as error:
        shapes = ", ".join(str(tuple(t.shape)) for t in inputs)
        where = author_line(error) or spec.source
        raise Problem(
            where,
            f"a forward pass with input {shapes} raises {type(error).__name__}: {first_line(error)}",
            "Give the right --input-shape.",
        ) from error
    lines: dict[str, str] = {}
    reasons: list[str] = []
    first: Exception | None = None
    while True:
        try:
            traced = _export(module, inputs, lines, spec)
        except Exception as error:
            first = first or error
            inner = next((path for path in modules_in(error, module) if not _inside(path, lines)), None)
            if inner is None or len(lines) == MOST_OPAQUE:
                raise Problem(
                    author_line(first) or spec.source,
                    f"torch.export cannot trace it: {_construct(first)}",
                    "Rewrite that line without Python control flow on tensor values, or put it into a sub-module "
                    "of its own: that then stays float, and the rest is traced.",
                ) from first
            lines = {path: line for path, line in lines.items() if not path.startswith(f"{inner}.")}
            lines[inner] = author_line(error) or ""
            reasons.append(
                f"{inner} ({type(module.get_submodule(inner)).__name__}) is one float layer that runs its "
                f"author's code: torch.export stops at {lines[inner]}, {_construct(error)}"
            )
        else:
            notes += [reason for reason in reasons if reason.partition(" ")[0] in lines]
            return traced


def _inside(path: str, lines: Mapping[str, str]) -> bool:
    return any(path == known or path.startswith(f"{known}.") for known in lines)


def _export(
    module: torch.nn.Module, inputs: tuple[torch.Tensor, ...], lines: Mapping[str, str], spec: ModelSpec
) -> Traced:
    """Export with a free batch, else with that of the inputs; `lines` names the sub-modules to leave out."""
    grown = tuple(torch.cat([t, t])[:2] if t.dim() and t.shape[0] == 1 else t for t in inputs)
    batch = Dim("batch")
    dynamic = tuple({0: batch} if t.dim() else None for t in grown)
    shapes = (dynamic,) if _variadic(module) else dynamic
    with torch.no_grad():
        try:
            if not lines:
                return Traced(plain(torch.export.export(module, grown, dynamic_shapes=shapes)), True)
            more = tuple(torch.cat([t, t[:1]]) if t.dim() else t for t in grown)
            parts = StandIns(module, lines, (grown, more), spec)
            with parts.standing():
                program = plain(torch.export.export(module, grown, dynamic_shapes=shapes))
            return Traced(program, True, parts.opaque)
        except Exception:
            if not lines:
                return Traced(plain(torch.export.export(module, inputs)), False)
            parts = StandIns(module, lines, (inputs,), spec)
            with parts.standing():
                program = plain(torch.export.export(module, inputs))
            return Traced(program, False, parts.opaque)


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


def _construct(error: BaseException) -> str:
    """What torch says, and the code that stands where it stopped."""
    name, _, number = (author_line(error) or "").rpartition(":")
    code = linecache.getline(name, int(number)).strip() if number.isdigit() else ""
    said = first_line(error)
    return f"`{code}` ({said})" if code else said


def first_line(error: BaseException) -> str:
    """The first line of an error's text that says something, cut to a sentence."""
    for line in str(error).splitlines():
        if line.strip():
            return line.strip().rstrip(".")[:300]
    return type(error).__name__
