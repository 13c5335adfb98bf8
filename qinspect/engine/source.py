"""What names a model."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .problem import Problem
from .text import Text
from .typed import made

TIMM = "timm:"
"""Before the name of one of the package timm's models."""


@dataclass(frozen=True)
class ModelSpec:
    """Where a model comes from.

    Parameters
    ----------
    source : str
        ``file.pt2``, ``file.onnx``, ``timm:name``, ``file.py:callable`` or ``package.module:callable``.
    weights : str | None
        Checkpoint for a callable's module: ``.safetensors``, ``.pt`` or ``.pth``.
    input_shape : tuple of tuple of int | None
        One shape per input, batch first; None takes what the callable gives.
    free : tuple of tuple of int
        Per input the axes behind the batch that may have other lengths than in `input_shape`.
    """

    source: str
    weights: str | None = None
    input_shape: tuple[tuple[int, ...], ...] | None = None
    free: tuple[tuple[int, ...], ...] = ()

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> ModelSpec:
        try:
            return made(
                ModelSpec, {key: data[key] for key in ModelSpec.__dataclass_fields__ if data.get(key) is not None}
            )
        except TypeError as error:
            raise Problem(
                Text("model"), Text("not as the format says ({error})", error=error), Text("Open the model anew.")
            ) from error


def is_callable(source: str) -> bool:
    """Whether a source names Python code: ``package.module:callable`` or ``file.py:callable``."""
    head, colon, tail = source.rpartition(":")
    if source.startswith(TIMM):  # an installed package's model, as a folder of transformers is
        return False
    return bool(colon) and tail.isidentifier() and (head.endswith(".py") or bool(re.fullmatch(r"[\w.]+", head)))


def callables_in(path: Path) -> list[str]:
    """Functions and modules that a Python file defines and that can be called without arguments; nothing is run."""
    try:
        with path.open("rb") as file:
            tree = ast.parse(file.read(1 << 20))
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    functions, classes = [], []
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and not _wants(node.args, 0):
            functions.append(node.name)
        elif isinstance(node, ast.ClassDef) and any(ast.unparse(base).endswith("Module") for base in node.bases):
            begins = [n for n in node.body if isinstance(n, ast.FunctionDef) and n.name == "__init__"]
            if not any(_wants(begin.args, 1) for begin in begins):
                classes.append(node.name)
    return [name for name in (*functions, *classes) if not name.startswith("_")]


def _wants(arguments: ast.arguments, given: int) -> bool:
    """Whether more arguments are needed than the first ones."""
    needed = len(arguments.posonlyargs) + len(arguments.args) - len(arguments.defaults)
    return needed > given or None in arguments.kw_defaults


def free_axes(text: str) -> tuple[tuple[int, ...], ...]:
    """Axes that a shape marks as free: 2 and 3 of ``1,3,~224,~224``; empty where there is none."""
    found = tuple(
        tuple(axis for axis, n in enumerate(part.split(",")) if axis and n.strip().startswith("~"))
        for part in text.split(";")
    )
    return found if any(found) else ()


def parse_shape(text: str) -> tuple[tuple[int, ...], ...]:
    """``1,3,224,224``, or several joined by ``;``; of ``~224`` the number alone, see `free_axes`.

    Of several an empty one is that of a single number: ``1,576;2,1,128;`` are three.
    """
    parts = text.split(";")
    try:
        shapes = tuple(
            tuple(int(n.strip().removeprefix("~")) for n in part.split(",")) if part.strip() or len(parts) == 1 else ()
            for part in parts
        )
    except ValueError:
        shapes = ()
    if not any(shapes) or any(min(shape, default=1) < 1 for shape in shapes):
        raise Problem(
            "--input-shape", Text("{text!r} is not a shape", text=text), Text("Give numbers such as 1,3,224,224.")
        )
    return shapes
