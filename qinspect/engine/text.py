"""English for people that remembers what it was made of, so that a window can say it in another language."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

MOST = 500
"""Characters of what an exception says that stand in a sentence."""


class Text(str):
    """An English text with its template and values: ``Text("{count} layers are slower", count=3)``.

    It is its English in every respect: it compares, sorts, prints and is written to JSON as that str.
    Only who wants another language looks at its parts.

    Parameters
    ----------
    template : str
        A literal with the places of `str.format`; translations are found by it.
    **values : object
        What stands in the places. A Text among them is translated too, and so is what has one of
        itself as ``text``; whatever else is neither a str nor a number is kept as the str of it, of an
        exception no more than `MOST`: what a damaged file makes others raise may quote all of it.

    Attributes
    ----------
    template : str
    values : mapping of str to str, int, float or None
    """

    template: str
    values: Mapping[str, Any]

    def __new__(cls, template: str, /, **values: object) -> Text:
        values = {name: _in_short(value) for name, value in values.items()}
        return remade(template.format(**values), template, {name: _plain(value) for name, value in values.items()})

    def __reduce__(self) -> tuple[Any, ...]:
        return remade, (str(self), self.template, self.values)


def remade(english: str, template: str, values: Mapping[str, Any]) -> Text:
    """A Text whose English is known already; nothing is formatted."""
    made = str.__new__(Text, english)
    made.template, made.values = template, values
    return made


@dataclass(frozen=True)
class Language:
    """A language that pages are written in.

    Parameters
    ----------
    code : str
        As HTML has it, such as ``en`` or ``zh-CN``.
    say : callable
        A text, most often a `Text`, in this language.
    """

    code: str = "en"
    say: Callable[[str], str] = str


ENGLISH = Language()


def _in_short(value: object) -> object:
    """An exception as one line; all else, and what has a Text of its own, as it is."""
    if not isinstance(value, BaseException) or isinstance(getattr(value, "text", None), Text):
        return value
    line = " ".join(str(value).split())
    return line if len(line) <= MOST else f"{line[:MOST].rpartition(' ')[0] or line[:MOST]} …"


def _plain(value: Any) -> Any:
    if isinstance(text := getattr(value, "text", None), Text):
        return text
    if value is None or isinstance(value, (str, int, float)):
        return value
    return value.item() if hasattr(value, "item") and getattr(value, "size", 1) == 1 else str(value)


def joined(texts: Sequence[str]) -> str:
    """One after the other with commas; empty where there are none."""
    return reduce(lambda so_far, text: Text("{so_far}, {text}", so_far=so_far, text=text), texts) if texts else ""


def listed(names: Sequence[str], most: int = 3) -> str:
    """The first few names, and how many more there are."""
    first = ", ".join(names[:most])
    return Text("{names} and {more} more", names=first, more=len(names) - most) if len(names) > most else first


def dimensions(sizes: Iterable[int | None]) -> str:
    """A shape such as ``any × 3 × 224``; what is None is free."""
    return " × ".join("any" if size is None else str(size) for size in sizes)


def counted(number: int, noun: str) -> Text:
    """``1 layer``, ``2 layers`` from ``Text("layer")``."""
    if number == 1:
        return Text("{number} {noun}", number=number, noun=noun)
    return Text("{number} {noun}s", number=number, noun=noun)


def percent(share: float) -> str:
    """A share with one decimal, and with more where that would make all of nearly all."""
    digits = next((digits for digits in range(1, 12) if float(f"{share:.{digits + 2}f}") < 1 or share >= 1), 12)
    return f"{share:.{digits}%}"


def parts_of(text: str) -> Any:
    """A text as JSON that keeps its parts; a plain str is itself."""
    if not isinstance(text, Text):
        return text
    values = {name: parts_of(value) if isinstance(value, str) else value for name, value in text.values.items()}
    return {"text": str(text), "template": text.template, "values": values}


def from_parts(data: Any) -> str:
    """What `parts_of` wrote.

    Raises
    ------
    KeyError, TypeError, AttributeError
        Where it is something else.
    """
    if not isinstance(data, dict):
        return str(data)
    values = {
        name: from_parts(value) if isinstance(value, (str, dict)) else value for name, value in data["values"].items()
    }
    return remade(str(data["text"]), str(data["template"]), values)


def texts_in(tree: Any) -> list[Any]:
    """The parts of every different Text in lists, tuples and values of dicts: what plain JSON of the tree loses."""
    found: dict[str, Any] = {}

    def look(item: Any) -> None:
        if isinstance(item, Text):
            found.setdefault(item, item)
        elif isinstance(item, Mapping):
            for value in item.values():
                look(value)
        elif isinstance(item, (list, tuple)):
            for value in item:
                look(value)

    look(tree)
    return [parts_of(text) for text in found.values()]


def with_texts(tree: Any, parts: Sequence[Any]) -> Any:
    """The tree as it was before it was written as plain JSON, given its `texts_in`."""
    texts = {str(text): text for text in map(from_parts, parts)}

    def put(item: Any) -> Any:
        if isinstance(item, str):
            return texts.get(item, item)
        if isinstance(item, dict):
            return {key: put(value) for key, value in item.items()}
        if isinstance(item, list):
            return [put(value) for value in item]
        return item

    return put(tree) if texts else tree


def one_of(found: object, known: Sequence[str]) -> Text:
    """What could have been meant by a word that is not known, and what is known. Files may hold anything as a word."""
    near = difflib.get_close_matches(str(found), known, 1)
    every = ", ".join(known)
    if near:
        return Text("Did you mean {near}? Known are {known}.", near=near[0], known=every)
    return Text("Known are {known}.", known=every)
