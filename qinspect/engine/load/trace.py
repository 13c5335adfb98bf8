"""torch.export, with a dynamic batch where the model allows it."""

from __future__ import annotations

import contextlib
import linecache
import re
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch.export import Dim, ExportedProgram, ShapesCollection

from ..graph import memory
from ..opaque import Opaque
from ..problem import Problem, line_of
from ..source import ModelSpec
from ..text import Text
from .batch_axis import fixing_lines, lengths_free
from .call import Call, exportable
from .example import example_inputs, in_whole_numbers, shape_remedy
from .nested import Nested, quantized_module, refuse_nested
from .plain import IN_FLOAT32, OTHER_FLOATS, plain
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
    call : Call
        Of the example that it was traced with.
    dynamic : bool
        Whether its batch may vary.
    opaque : mapping of call to Opaque
        Sub-modules that could not be traced, for which the program has operators that stand for them.
    fixed_by : str
        ``file.py:line`` that fixes the batch, where that is known.
    """

    program: ExportedProgram
    call: Call
    dynamic: bool
    opaque: Mapping[str, Opaque] = field(default_factory=dict)
    fixed_by: str = ""


def trace(module: torch.nn.Module, example: Any, spec: ModelSpec, notes: list[str]) -> Traced:
    """Export a module; where sub-modules alone are at fault, all but them.

    Parameters
    ----------
    example : anything
        What `example_call` understands; None where there is none.
    notes : list of str
        What was assumed or left out is added.

    Raises
    ------
    Problem
        Naming the line of the author's code that cannot be traced, and what stands there.
    """
    with _buffers_kept(module):
        return _trace(module, example, spec, notes)


@contextlib.contextmanager
def _buffers_kept(module: torch.nn.Module) -> Iterator[None]:
    """Afterwards the buffers are what they were: example passes must not count."""
    parts = [part for part in module.modules() if not isinstance(part, torch.jit.ScriptModule)]
    held = [(part, name, b, b.clone()) for part in parts for name, b in part._buffers.items() if b is not None]
    try:
        yield
    finally:
        for part, name, buffer, before in held:
            if not torch.equal(buffer, before):
                buffer.copy_(before)
            part._buffers[name] = buffer


def _trace(module: torch.nn.Module, example: Any, spec: ModelSpec, notes: list[str]) -> Traced:
    if isinstance(module, torch.jit.ScriptModule):
        raise Problem(
            spec.source,
            Text("is TorchScript, which torch.export does not trace"),
            Text("Give the nn.Module that it was made of."),
        )
    call = example_inputs(module, example, spec, notes)
    own = {parameter.dtype for parameter in module.parameters()}
    if not own & OTHER_FLOATS and any(tensor.dtype in OTHER_FLOATS for tensor in call.tensors):
        notes.append(IN_FLOAT32)
        call = call.but([t.float() if t.dtype in OTHER_FLOATS else t for t in call.tensors])
    try:
        made = _called(module, call)
    except Exception as error:
        numbers = None if example is not None else in_whole_numbers(module, call, error, notes)
        if numbers is None:
            raise _no_pass(module, call, error, spec) from error
        call, made = numbers, _called(module, numbers)
    exportable(made)  # torch.export is to know its dataclasses
    return _export_most(module, call, spec, notes)


def _export_most(module: torch.nn.Module, call: Call, spec: ModelSpec, notes: list[str]) -> Traced:
    """Export all but the sub-modules that cannot be traced, the innermost of which are left out one after the other."""
    lines: dict[str, str] = {}  # of each that is left out, the line that stopped torch.export
    reasons: dict[str, Text] = {}
    for path, part in module.named_modules():
        if isinstance(part, torch.jit.ScriptModule) and not _inside(path, lines):
            lines[path] = ""
            reasons[path] = Text(
                "{inner} is one float layer: it is TorchScript, which torch.export does not trace", inner=path
            )
    first: Exception | None = None
    while True:
        try:
            traced = _export(module, call, lines, spec)
        except Exception as error:
            first = first or error
            within = error.paths if isinstance(error, Nested) else modules_in(error, module)
            inner = next((path for path in within if not _inside(path, lines)), None)
            if inner is None and (whole := quantized_module(module)) is not None:
                raise Problem(
                    whole or spec.source,
                    Text("is quantized by torch.ao already, which torch.export does not trace"),
                    Text("Give the float model that it was made of; a saved state_dict of this one opens as a table."),
                ) from first
            if inner is None or len(lines) == MOST_OPAQUE:
                raise _untraceable(first, spec) from first
            lines = {path: line for path, line in lines.items() if not path.startswith(f"{inner}.")}
            lines[inner] = author_line(error) or ""
            reasons[inner] = Text(
                "{inner} ({kind}) is one float layer that runs its author's code: torch.export stops at {line}, {said}",
                inner=inner,
                kind=type(module.get_submodule(inner)).__name__,
                line=lines[inner],
                said=_construct(error),
            )
        else:
            notes += [reason for path, reason in reasons.items() if path in lines]
            if traced.fixed_by:
                line = traced.fixed_by
                notes.append(Text("{line} fixes the batch size: `{code}`", line=line, code=_code_at(line)))
            return traced


def _untraceable(error: Exception, spec: ModelSpec) -> Problem:
    remedy = Text(
        "Rewrite that line without Python control flow on tensor values, or put it into a "
        "sub-module of its own: that then stays float, and the rest is traced."
    )
    if isinstance(error, Nested):
        remedy = Text("Put that line into a sub-module of its own: that then stays float, and the rest is traced.")
    what = Text("torch.export cannot trace it: {said}", said=_construct(error))
    return Problem(author_line(error) or spec.source, what, remedy)


def _called(module: torch.nn.Module, call: Call) -> Any:
    args, kwargs = call.arguments([t.clone() for t in call.tensors])
    with torch.no_grad():
        return module(*args, **kwargs)


TYPES = Text("The model is float32 here: see to the types of its example inputs, and of what its code makes.")
_OF_TYPES = re.compile(r"\bdtypes?\b|\bscalar type\b|\btype \(.+\) and \w+ type \(")
"""How torch says that types do not go together."""


def _no_pass(module: torch.nn.Module, call: Call, error: Exception, spec: ModelSpec) -> Problem:
    shapes = ", ".join(str(tuple(t.shape)) for t in call.tensors)
    where = author_line(error) or spec.source
    if memory.ran_out(error):
        return Problem(
            where,
            Text(
                "a forward pass with input {shapes} needs more memory than there is (at once: {wanted})",
                shapes=shapes,
                wanted=memory.wanted(error),
            ),
            Text("Close other programs, or open the model with a smaller --input-shape."),
        )
    return Problem(
        where,
        Text(
            "a forward pass with input {shapes} raises {error}: {said}",
            shapes=shapes,
            error=type(error).__name__,
            said=line_of(error),
        ),
        TYPES if _OF_TYPES.search(str(error)) else shape_remedy(module, len(call.tensors)),
    )


def _inside(path: str, lines: Mapping[str, str]) -> bool:
    return any(path == known or path.startswith(f"{known}.") for known in lines)


def _export(module: torch.nn.Module, call: Call, lines: Mapping[str, str], spec: ModelSpec) -> Traced:
    """Export with a free batch, else with that of the inputs; `lines` names the sub-modules to leave out."""
    grown = call.but([torch.cat([t, t])[:2] if t.dim() and t.shape[0] == 1 else t for t in call.tensors])
    batch = Dim("batch")
    shapes = ShapesCollection()
    free = (*spec.free, *((),) * len(grown.tensors))
    for tensor, axes in zip(grown.tensors, free, strict=False):
        if tensor.dim():
            shapes[tensor] = {0: batch} | {axis: Dim.AUTO for axis in axes if 0 < axis < tensor.dim()}

    def exported(examples: tuple[Call, ...], dynamic_shapes: Any) -> tuple[ExportedProgram, Mapping[str, Opaque]]:
        parts = StandIns(module, lines, examples, spec) if lines else None
        args, kwargs = examples[0].arguments()
        with parts.standing() if parts else contextlib.nullcontext(), lengths_free():
            program = torch.export.export(module, args, kwargs, dynamic_shapes=dynamic_shapes)
            return refuse_nested(plain(program)), parts.opaque if parts else {}

    with torch.no_grad(), fixing_lines() as fixing:
        try:
            more = grown.but([torch.cat([t, t[:1]]) if t.dim() else t for t in grown.tensors])
            program, opaque = exported((grown, more), shapes)
            return Traced(program, call, True, opaque)
        except Exception:
            program, opaque = exported((call,), None)
            return Traced(program, call, False, opaque, fixing[0] if fixing else "")


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
    code = _code_at(author_line(error) or "")
    said = line_of(error)
    return f"`{code}` ({said})" if code else said


def _code_at(line: str) -> str:
    """The code of a ``file.py:line``."""
    name, _, number = line.rpartition(":")
    return linecache.getline(name, int(number)).strip() if number.isdigit() else ""
