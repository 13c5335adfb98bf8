"""Tracing past sub-modules that cannot be traced: for that time an operator stands in for each."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import torch
from torch.utils._pytree import tree_flatten, tree_unflatten

from ..opaque import Opaque, Slot
from ..source import ModelSpec
from .call import Call


def _fake(
    call: str, results: str, tensors: Sequence[torch.Tensor], sizes: Sequence[int | torch.SymInt]
) -> list[torch.Tensor]:
    """Empty tensors of the shapes that were seen, see `_size_rule`."""

    def size(rule: int | list[int]) -> Any:
        if isinstance(rule, int):
            return rule
        index, axis, times, over = rule
        return tensors[index].shape[axis] * times // over

    return [
        torch.empty([size(rule) for rule in item["shape"]], dtype=getattr(torch, item["dtype"]))
        for item in json.loads(results)
    ]


_LIBRARY = torch.library.Library("qinspect", "DEF")
_LIBRARY.define("opaque(str call, str results, Tensor[] tensors, SymInt[] sizes) -> Tensor[]")
torch.library.register_fake("qinspect::opaque", _fake, lib=_LIBRARY)


def modules_in(error: BaseException, module: torch.nn.Module) -> list[str]:
    """Paths of the sub-modules that were being called when an error was raised, innermost first."""
    paths = {id(part): path for path, part in module.named_modules() if path}
    found: list[str] = []
    seen: set[int] = set()
    chain: BaseException | None = error
    while chain is not None and id(chain) not in seen:
        seen.add(id(chain))
        trace: TracebackType | None = chain.__traceback__
        while trace is not None:
            if trace.tb_frame.f_code is torch.nn.Module._call_impl.__code__:
                found.append(paths.get(id(trace.tb_frame.f_locals["self"]), ""))
            trace = trace.tb_next
        chain = chain.__cause__ or chain.__context__
    return [path for path in dict.fromkeys(reversed(found)) if path]


@dataclass
class _Seen:
    """One call: shapes of its tensors, in and out, for each example batch.

    What it changes in place, by its place among the tensors that go in, counts as results that come last.
    """

    given: list[list[tuple[int, ...]]]
    made: list[list[tuple[int, ...]]]
    dtypes: list[str]
    result: Any
    changed: tuple[int, ...]


class StandIns:
    """Sub-modules whose place an operator takes while the model is traced.

    Parameters
    ----------
    module : torch.nn.Module
        The model.
    lines : mapping of path to str
        The sub-modules, and the line that stopped the tracing of each.
    batches : sequence of Call
        Calls with different batch sizes; results whose shapes do not follow the batch are refused.
    spec : ModelSpec

    Attributes
    ----------
    opaque : dict of call to Opaque
        After tracing: what each operator stands for.
    """

    def __init__(
        self,
        module: torch.nn.Module,
        lines: Mapping[str, str],
        batches: Sequence[Call],
        spec: ModelSpec,
    ) -> None:
        self.module, self.lines, self.spec = module, lines, spec
        self.seen: dict[str, list[_Seen]] = {path: [] for path in lines}
        self.opaque: dict[str, Opaque] = {}
        for count, batch in enumerate(batches):
            self._look(batch, count)

    def _look(self, batch: Call, count: int) -> None:
        """Run the model, and note what goes into and comes out of the sub-modules."""
        calls = dict.fromkeys(self.lines, 0)

        def noting(path: str, part: torch.nn.Module) -> Any:
            inner = part.forward

            def forward(*args: Any, **kwargs: Any) -> Any:
                inputs = _tensors((args, kwargs))
                given, before = [tuple(t.shape) for t in inputs], [t.clone() for t in inputs]
                result = inner(*args, **kwargs)
                at = calls[path]
                calls[path] += 1
                if count == 0:
                    changed = tuple(i for i, t in enumerate(inputs) if not torch.equal(t, before[i]))
                    self.seen[path].append(_Seen([given], [], [], result, changed))
                made = [*_tensors(result), *(inputs[i] for i in self.seen[path][at].changed)]
                shapes = [tuple(t.shape) for t in made]
                if count == 0:
                    self.seen[path][at].made = [shapes]
                    self.seen[path][at].dtypes = [str(t.dtype).removeprefix("torch.") for t in made]
                else:
                    self.seen[path][at].given.append(given)
                    self.seen[path][at].made.append(shapes)
                return result

            return forward

        with self._calling(noting), torch.no_grad():
            args, kwargs = batch.arguments([t.clone() for t in batch.tensors])
            self.module(*args, **kwargs)

    @contextlib.contextmanager
    def standing(self) -> Iterator[None]:
        """While it lasts, the sub-modules are operators."""
        self.opaque = {}
        with self._calling(self._forward):
            yield

    @contextlib.contextmanager
    def _calling(self, make: Callable[[str, torch.nn.Module], Any]) -> Iterator[None]:
        """While it lasts, calls of the sub-modules run ``make(path, module)``; TorchScript allows no hooks."""
        parts = {path: self.module.get_submodule(path) for path in self.lines}
        own = {path: part.__dict__.get("forward") for path, part in parts.items()}
        for path, part in parts.items():
            part.__dict__["forward"] = make(path, part)
        try:
            yield
        finally:
            for path, part in parts.items():
                del part.__dict__["forward"]
                if own[path] is not None:
                    part.__dict__["forward"] = own[path]

    def _forward(self, path: str, part: torch.nn.Module) -> Any:
        calls = 0

        def forward(*args: Any, **kwargs: Any) -> Any:
            nonlocal calls
            seen = self.seen[path][calls]
            calls += 1
            leaves, spec = tree_flatten((args, kwargs))
            tensors: list[torch.Tensor] = []
            sizes: list[Any] = []
            places: list[Any] = []
            for leaf in leaves:
                if isinstance(leaf, torch.Tensor):
                    places.append(Slot("tensor", len(tensors)))
                    tensors.append(leaf)
                elif isinstance(leaf, torch.SymInt):
                    places.append(Slot("size", len(sizes)))
                    sizes.append(leaf)
                else:
                    places.append(leaf)
            call = path if calls == 1 else f"{path}@{calls}"
            arguments = tree_unflatten(places, spec)
            self.opaque[call] = Opaque(path, self.lines[path], self.spec, part, arguments, seen.changed)
            made = torch.ops.qinspect.opaque(call, json.dumps(_results(seen)), tensors, sizes)
            whole, whole_spec = tree_flatten(seen.result)
            results = iter(made)
            made_again = tree_unflatten(
                [next(results) if isinstance(x, torch.Tensor) else x for x in whole], whole_spec
            )
            for index, after in zip(seen.changed, results, strict=True):
                tensors[index].copy_(after)
            return made_again

        return forward


def _tensors(tree: Any) -> list[torch.Tensor]:
    return [leaf for leaf in tree_flatten(tree)[0] if isinstance(leaf, torch.Tensor)]


def _results(seen: _Seen) -> list[dict[str, Any]]:
    """Shape rules and dtypes of all results."""
    if not seen.dtypes:
        raise ValueError("it returns no tensor")
    found = []
    for index, dtype in enumerate(seen.dtypes):
        shapes = [made[index] for made in seen.made if index < len(made)]
        if len({len(shape) for shape in shapes}) > 1:
            raise ValueError("its result has another number of axes in another run")
        shape = [_size_rule(sizes, seen.given) for sizes in zip(*shapes, strict=True)]
        found.append({"dtype": dtype, "shape": shape})
    return found


def _size_rule(sizes: tuple[int, ...], given: list[list[tuple[int, ...]]]) -> int | list[int]:
    """How long an axis is: a number, or ``[tensor, axis, times, over]`` for a part of one that goes in.

    Parameters
    ----------
    sizes : tuple of int
        The axis of the result, for each example batch.
    given : list
        For each batch the shapes of the tensors that go in.
    """
    if len(set(sizes)) == 1:
        return sizes[0]
    for index, shape in enumerate(given[0]):
        for axis in range(len(shape)):
            inner = [shapes[index][axis] for shapes in given]
            times, over = sizes[0], inner[0]
            if len(set(inner)) > 1 and all(n * over == m * times for n, m in zip(sizes, inner, strict=True)):
                return [index, axis, times // over, 1] if times % over == 0 else [index, axis, times, over]
    raise ValueError("the shape of its result depends on the values")
