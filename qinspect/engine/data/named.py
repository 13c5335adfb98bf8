"""Arrays with names, in the order of a model's inputs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

TARGETS = ("y", "labels", "label")
"""What a metric compares with, under one of these names."""


def flat(tree: Any) -> dict[str, Any]:
    """The leaves of nested dictionaries, tuples and lists by name: keys joined with ``_``, as torch.export has them."""
    return dict(_leaves(tree, ()))


def _leaves(item: Any, path: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    # No function within a function: one that calls itself is a cycle, which would keep large arrays for long.
    if isinstance(item, Mapping):
        for key, inner in item.items():
            yield from _leaves(inner, (*path, str(key)))
    elif isinstance(item, list | tuple):
        for index, inner in enumerate(item):
            yield from _leaves(inner, (*path, str(index)))
    else:
        yield "_".join(path), item


def in_order(stored: Mapping[str, Any], input_names: Sequence[str]) -> tuple[str, ...] | None:
    """Which array is which input.

    Parameters
    ----------
    stored : mapping
        Arrays by name.
    input_names : sequence of str
        The model's inputs; of one that is nested, ``batch_image`` for ``batch["image"]``.

    Returns
    -------
    tuple of str | None
        Names in `stored`: those of the inputs, else the ends of them (``image``), else x0, x1, ..., else arr_0,
        arr_1, ...; None where some input has no array, or none is known.
    """
    plain = {_plain(name): name for name in stored}
    by_end = []
    for name in map(_plain, input_names):
        ends = [known for known in plain if name == known or name.endswith(f"_{known}")]
        by_end.append(max(ends, key=len, default=""))
    if by_end and all(by_end) and len(set(by_end)) == len(by_end):
        return tuple(plain[name] for name in by_end)
    # numpy.savez names what it is given without names arr_0, arr_1, ...: an order that somebody chose.
    for stem in ("x", "arr_"):
        numbered = tuple(f"{stem}{i}" for i in range(len(input_names)))
        if input_names and set(numbered) <= set(stored):
            return numbered
    return None


def target_name(stored: Mapping[str, Any], inputs: Sequence[str] = (), label: str | None = None) -> str | None:
    """The name of the array that a metric compares with: `label` where that is given; None where there is none."""
    known = TARGETS if label is None else (label,)
    return next((name for name in known if name in stored and name not in inputs), None)


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "_", str(name).lower())
