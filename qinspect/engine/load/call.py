"""How a model is called: its tensors in a row, and the arguments in which they are nested."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.export import ExportedProgram
from torch.export.graph_signature import ConstantArgument, InputKind
from torch.utils._pytree import SUPPORTED_NODES, TreeSpec, tree_flatten, tree_unflatten


@dataclass(frozen=True, eq=False)
class Call:
    """Positional and named arguments of one call of a model.

    Inside qinspect a model takes tensors in a row. Its author may have nested them in dictionaries,
    tuples and dataclasses, beside flags and None; that is kept here.

    Parameters
    ----------
    tensors : tuple of torch.Tensor
        In the order in which torch.export gives them; empty where only the nesting is known.
    others : tuple
        All leaves of the arguments; where a tensor stands, `TENSOR`.
    nesting : TreeSpec
        Of ``(args, kwargs)``.
    """

    tensors: tuple[torch.Tensor, ...]
    others: tuple[Any, ...]
    nesting: TreeSpec

    @classmethod
    def of(cls, args: Sequence[Any], kwargs: Mapping[str, Any] | None = None) -> Call:
        """The call ``model(*args, **kwargs)``."""
        leaves, nesting = tree_flatten((exportable(tuple(args)), exportable(dict(kwargs or {}))))
        tensors = tuple(leaf for leaf in leaves if isinstance(leaf, torch.Tensor))
        return cls(tensors, tuple(TENSOR if isinstance(leaf, torch.Tensor) else leaf for leaf in leaves), nesting)

    def arguments(self, tensors: Sequence[Any] | None = None) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """``args, kwargs`` with other tensors (or what else stands for them) in the same places."""
        given = iter(self.tensors if tensors is None else tensors)
        leaves = [next(given) if leaf is TENSOR else leaf for leaf in self.others]
        args, kwargs = tree_unflatten(leaves, self.nesting)
        return args, kwargs

    def but(self, tensors: Sequence[torch.Tensor]) -> Call:
        """The same call with other tensors."""
        return dataclasses.replace(self, tensors=tuple(tensors))

    @property
    def plain(self) -> bool:
        """Whether the model takes just its tensors, one after the other."""
        args, kwargs = self.arguments([TENSOR] * self.others.count(TENSOR))
        return not kwargs and all(item is TENSOR for item in args)

    def adapted(self, module: Callable[..., Any]) -> Callable[..., Any]:
        """The model as a function of its tensors in a row."""
        if self.plain:
            return module
        frame = self.but(())

        def forward(*tensors: torch.Tensor) -> Any:
            args, kwargs = frame.arguments(tensors)
            return module(*args, **kwargs)

        return forward


TENSOR = object()
"""Stands where a tensor is."""


def example_call(module: torch.nn.Module, example: Any) -> Call:
    """The call that an author's example inputs mean.

    Parameters
    ----------
    example : anything
        A call; a tensor; a tuple or list of the positional arguments; a dictionary, whose entries are named arguments
        where `forward` has parameters of these names, and else the one argument itself.
    """
    if isinstance(example, Call):
        return example
    example = exportable(example)
    if isinstance(example, dict):
        names = {
            name
            for name, parameter in inspect.signature(module.forward).parameters.items()
            if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
        }
        return Call.of((), example) if example.keys() <= names else Call.of((example,))
    if type(example) in (tuple, list):
        return Call.of(example)
    return Call.of((example,))


def exportable(tree: Any) -> Any:
    """Nested values with dictionaries for other mappings, and dataclasses made known to torch.export."""
    if isinstance(tree, torch.Tensor):
        return tree
    if dataclasses.is_dataclass(tree) and not isinstance(tree, type):
        if type(tree) not in SUPPORTED_NODES:
            torch.export.register_dataclass(type(tree))
        return tree
    if type(tree) in (tuple, list):
        return type(tree)(exportable(item) for item in tree)
    if isinstance(tree, Mapping) and type(tree) not in SUPPORTED_NODES:
        tree = dict(tree)
    return {key: exportable(item) for key, item in tree.items()} if type(tree) is dict else tree


def call_of(program: ExportedProgram) -> Call:
    """The call that a program was exported for, without its tensors."""
    specs = (spec.arg for spec in program.graph_signature.input_specs if spec.kind == InputKind.USER_INPUT)
    leaves = tuple(arg.value if isinstance(arg, ConstantArgument) else TENSOR for arg in specs)
    assert program.call_spec.in_spec is not None
    return Call((), leaves, program.call_spec.in_spec)
