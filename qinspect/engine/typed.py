"""Dataclasses from JSON, each value of the kind that its field is annotated with."""

from __future__ import annotations

import dataclasses
import functools
import numbers
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

T = TypeVar("T")
NUMBERS = {float: numbers.Real, int: numbers.Integral}
"""What numpy's are of as well."""


def made(kind: type[T], data: Any) -> T:
    """A dataclass of what `json.loads` gave: lists become tuples, and keys of objects what they are annotated with.

    Fields that are not there take their defaults.

    Raises
    ------
    TypeError
        Naming the field whose value is of another kind, is unknown, or is missing.
    """
    if not isinstance(data, Mapping):
        raise TypeError(f"{kind.__name__} is {type(data).__name__}, and no object")
    readers = _readers(typing.cast("typing.Hashable", kind))
    values = {}
    for name, value in data.items():
        if name not in readers:
            raise TypeError(f"{kind.__name__}.{str(name)[:80]} is not known")
        try:
            values[name] = readers[name](value)
        except _Unlike as unlike:
            raise TypeError(f"{kind.__name__}.{name} is {unlike}") from None
    return kind(**values)


class _Unlike(Exception):
    """A value of another kind; says of which."""


@functools.cache
def _readers(kind: Any) -> dict[str, Callable[[Any], Any]]:
    hints = typing.get_type_hints(kind)
    return {field.name: _reader(hints[field.name]) for field in dataclasses.fields(kind)}


def _reader(hint: Any) -> Callable[[Any], Any]:
    """What makes a value of a type of it, or raises `_Unlike`."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        (rest,) = (item for item in inner if item is not type(None))
        given = _reader(rest)
        return lambda value: None if value is None else given(value)
    if origin is tuple:
        return _tuple_reader(inner)
    if origin is dict:
        key, item = (_reader(part) for part in inner)
        whole = inner[0] is int  # which JSON writes as a text

        def of_dict(value: Any) -> Any:
            if not isinstance(value, Mapping):
                raise _Unlike(type(value).__name__)
            try:
                return {key(int(name) if whole else name): item(part) for name, part in value.items()}
            except ValueError:
                raise _Unlike("str") from None

        return of_dict
    if hint is Any:
        return lambda value: value
    if dataclasses.is_dataclass(hint):
        return lambda value: made(typing.cast("type[Any]", hint), value)
    wanted = NUMBERS.get(hint, hint)

    def plain(value: Any) -> Any:
        if not isinstance(value, wanted) or (isinstance(value, bool) and hint is not bool):
            raise _Unlike(type(value).__name__)
        return value

    return plain


def _tuple_reader(inner: tuple[Any, ...]) -> Callable[[Any], Any]:
    endless = inner[-1] is Ellipsis
    readers = [_reader(part) for part in inner if part is not Ellipsis]

    def of_tuple(value: Any) -> Any:
        if not isinstance(value, (list, tuple)) or not (endless or len(value) == len(readers)):
            raise _Unlike(type(value).__name__)
        parts = readers * len(value) if endless else readers
        return tuple(read(part) for read, part in zip(parts, value, strict=True))

    return of_tuple
