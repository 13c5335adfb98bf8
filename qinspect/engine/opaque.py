"""Sub-modules that cannot be traced: one float layer each, which runs its author's code."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils._pytree import tree_flatten, tree_unflatten

from .graph.memory import ran_out
from .problem import Problem, line_of
from .source import ModelSpec, is_callable
from .text import Text


@dataclass(frozen=True, slots=True)
class Slot:
    """Where a tensor or a size stands among a call's arguments."""

    kind: str
    index: int


@dataclass(frozen=True, eq=False)
class Opaque:
    """One call of a sub-module that cannot be traced.

    Its parameters and buffers are stored tensors of the graph, so that they are seen, counted and
    part of the model's digest; the module lends its code alone.

    Parameters
    ----------
    path : str
        The sub-module's path in the model.
    line : str
        ``file.py:line`` that stopped the tracing.
    spec : ModelSpec
        The model that it is part of; in another process the module is made again from it.
    module : torch.nn.Module
    arguments : tuple
        Positional and named arguments as the author passes them, with `Slot` for tensors and sizes.
    changed : tuple of int
        Tensors among those that go in that it changes in place: they come out as further results.
    """

    path: str
    line: str
    spec: ModelSpec
    module: torch.nn.Module
    arguments: tuple[tuple[Any, ...], Mapping[str, Any]]
    changed: tuple[int, ...] = ()

    @property
    def __name__(self) -> str:  # torch.fx asks for it
        return "opaque"

    def __repr__(self) -> str:
        return f"Opaque({self.path!r}, {type(self.module).__qualname__}, {self.arguments})"

    def __str__(self) -> str:
        return self.path

    def __call__(
        self, params: Mapping[str, torch.Tensor], tensors: Sequence[torch.Tensor], sizes: Sequence[int]
    ) -> Any:
        """Run the author's code.

        Parameters
        ----------
        params : mapping of name to torch.Tensor
            The module's parameters and buffers.
        tensors : sequence of torch.Tensor
            Copied before they are handed over: the code may change them, or want them contiguous.
        sizes : sequence of int

        Returns
        -------
        torch.Tensor or list of torch.Tensor
            The one tensor that it returns, or all, those that it changed last.
        """
        given: dict[str, list[Any]] = {
            "tensor": [t.clone(memory_format=torch.contiguous_format) for t in tensors],
            "size": list(sizes),
        }
        leaves, spec = tree_flatten(self.arguments)
        leaves = [given[leaf.kind][leaf.index] if isinstance(leaf, Slot) else leaf for leaf in leaves]
        args, kwargs = tree_unflatten(leaves, spec)
        try:
            if isinstance(self.module, torch.jit.ScriptModule):  # it takes no other parameters than its own
                result = self.module(*args, **kwargs)
            else:
                result = torch.func.functional_call(self.module, dict(params), args, kwargs, strict=True)
        except Exception as error:
            if ran_out(error):  # in smaller batches there may be enough
                raise
            from .load.trace import author_line

            raise Problem(
                " ".join(filter(None, (self.path, f"({line})" if (line := author_line(error)) else ""))),
                Text("the author's code raises {error}: {said}", error=type(error).__name__, said=line_of(error, 200)),
                Text("Does the data have the model's input shape?"),
            ) from error
        found = [leaf for leaf in tree_flatten(result)[0] if isinstance(leaf, torch.Tensor)]
        found += [given["tensor"][index] for index in self.changed]
        return found[0] if len(found) == 1 else found

    def __reduce__(self) -> tuple[Any, ...]:
        if is_callable(self.spec.source):
            return _again, (self.path, self.line, self.spec, self.arguments, self.changed)
        return Opaque, (self.path, self.line, self.spec, self.module, self.arguments, self.changed)


def run(opaque: Opaque, params: Mapping[str, torch.Tensor], tensors: Sequence[torch.Tensor], sizes: Any) -> Any:
    """What an opaque layer computes; its target names this function."""
    return opaque(params, tensors, sizes)


def _again(path: str, line: str, spec: ModelSpec, arguments: Any, changed: tuple[int, ...]) -> Opaque:
    """Make the module again, in a process of the user's that was given the permission to run its code."""
    from .load.callable import build

    module = _made.get(spec) or build(spec)[0]
    if _once:
        _made[spec] = module
    return Opaque(path, line, spec, module.get_submodule(path), arguments, changed)


_made: dict[ModelSpec, torch.nn.Module] = {}
_once = False


@contextlib.contextmanager
def made_once() -> Iterator[None]:
    """All opaque layers of a model that are read in here share one module."""
    global _once
    _once = True
    try:
        yield
    finally:
        _once = False
        _made.clear()
