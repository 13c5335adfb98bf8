"""What keeps a model's batch free while it is traced, and which line of its code does not."""

from __future__ import annotations

import builtins
import contextlib
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

NOT_THE_AUTHORS = (str(Path(torch.__file__).parent), str(Path(__file__).parents[2]), "<")
"""Where files begin that are torch's or this program's, or none."""


@contextlib.contextmanager
def lengths_free() -> Iterator[None]:
    """``len(x)`` of a tensor is ``x.shape[0]``: Python makes a plain number of it, which fixes the batch."""
    plainly = builtins.len

    def length(of: Any) -> Any:
        return of.shape[0] if isinstance(of, torch.Tensor) and of.dim() else plainly(of)

    builtins.len = length
    try:
        yield
    finally:
        builtins.len = plainly


@contextlib.contextmanager
def fixing_lines() -> Iterator[list[str]]:
    """Gather ``file.py:line`` of what makes a plain number of a first axis; torch only says that something did."""
    from torch.fx.experimental.symbolic_shapes import ShapeEnv  # with sympy, a quarter of a second

    found: list[str] = []
    replace = ShapeEnv._set_replacement

    def watch(shapes: Any, symbol: Any, by: Any, why: str) -> None:
        if by.is_number and any(source.name.endswith("[0]") for source in shapes.var_to_sources.get(symbol, ())):
            frames = [f for f in traceback.extract_stack() if not f.filename.startswith(NOT_THE_AUTHORS)]
            found.extend(f"{f.filename}:{f.lineno}" for f in frames[-1:])
        replace(shapes, symbol, by, why)

    ShapeEnv._set_replacement = watch  # type: ignore[method-assign, assignment]
    try:
        yield found
    finally:
        ShapeEnv._set_replacement = replace  # type: ignore[method-assign]
