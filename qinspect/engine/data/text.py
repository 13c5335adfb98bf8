"""Text: lines of a file or a column of a table become token numbers, with a tokenizer file of Hugging Face's."""

from __future__ import annotations

import hashlib
import json
from array import array
from codecs import BOM_UTF8
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..data_spec import DataSpec, Labels
from ..files import demand_file
from ..problem import Problem
from ..text import Text, dimensions, joined, listed
from .named import TARGETS

MAX_TOKENIZER_BYTES = 256 << 20
CACHED = 4096
"""Texts whose tokens are kept."""

PARTS = ("input_ids", "attention_mask", "token_type_ids")
"""What a tokenizer has for a model, by the ends of its inputs' names."""


class Texts:
    """Texts as a model takes them: token numbers, and what belongs to them.

    Parameters
    ----------
    text : callable
        ``text(index)``.
    where : str
        For messages.
    names : tuple of str
    labels, targets : ndarray | None
    key : str
        Changes whenever the content does.
    spec : DataSpec
        Its `tokenizer` and `max_length` count.
    input_shape : tuple of int or None | None
        Of the model's first input: (batch, tokens).
    input_names : sequence of str
        `PARTS` are known by the ends of the names; of other names the first is the token numbers, the second
        the attention mask.
    """

    parts: tuple[str, ...] | None = None

    def __init__(
        self,
        text: Callable[[int], str],
        where: str,
        names: tuple[str, ...],
        labels: Labels | None,
        targets: npt.NDArray[Any] | None,
        key: str,
        spec: DataSpec,
        input_shape: tuple[int | None, ...] | None,
        input_names: Sequence[str],
    ) -> None:
        self.names, self.labels, self.targets = names, labels, targets
        self._text, self._where = text, where
        self._tokenizer, self._padding, digest = _tokenizer(where, spec)
        self.key = f"{key}{digest}"
        self._wanted = _wanted(where, input_names)
        if input_shape is not None and len(input_shape) != 2:
            raise Problem(
                where,
                Text("holds text, but the model takes {shape}", shape=dimensions(input_shape)),
                Text("Give the data as an .npz with an array x."),
            )
        fixed = None if input_shape is None else input_shape[1]
        if spec.max_length is not None and fixed not in (None, spec.max_length):
            raise Problem(
                Text("data option max_length"),
                Text("{max_length} is not the {fixed} that the model takes", max_length=spec.max_length, fixed=fixed),
                Text(
                    'Leave it out, or open the model with --input-shape "{shape}".',
                    shape=";".join([f"1,{spec.max_length}"] * max(1, len(input_names))),
                ),
            )
        self._fixed, self._most = fixed, fixed or spec.max_length
        self.preparation = joined(
            [
                Text("tokens"),
                Text("cut off at {most}", most=self._most) if self._most else Text("whole texts"),
                Text("filled up to {fixed}", fixed=fixed) if fixed else Text("each as long as it is"),
            ]
        )
        self._encode = lru_cache(maxsize=CACHED)(self._encode_text)

    def arrays(self, indices: Sequence[int]) -> tuple[npt.NDArray[Any], ...]:
        """int64, each of shape (N, T): T is what the model takes, else the longest of them."""
        rows = [self._encode(index) for index in indices]
        length = self._fixed or max(len(ids) for ids, _ in rows)
        made = {part: np.zeros((len(rows), length), np.int64) for part in PARTS}
        made["input_ids"][:] = self._padding
        for row, (ids, types) in enumerate(rows):
            made["input_ids"][row, : len(ids)] = ids
            made["attention_mask"][row, : len(ids)] = 1
            made["token_type_ids"][row, : len(ids)] = types
        return tuple(made[part] for part in self._wanted)

    def shape(self, index: int) -> int:
        """Number of tokens. Without an attention mask a model would read the filling, so lengths must be equal."""
        return self._fixed or len(self._encode(index)[0])

    def picture(self, index: int) -> None:
        return None

    def line(self, index: int) -> str:
        """The text itself."""
        return self._text(index)

    def _encode_text(self, index: int) -> tuple[list[int], list[int]]:
        text = self._text(index)
        try:
            found = self._tokenizer.encode(text)
        except Exception as fault:
            raise Problem(
                f"{self._where}, {self.names[index]}",
                Text("cannot be tokenized ({said})", said=_line(fault)),
                Text("Is it text?"),
            ) from fault
        if not found.ids:
            raise Problem(f"{self._where}, {self.names[index]}", Text("has no token"), Text("Remove empty texts."))
        return found.ids[: self._most], found.type_ids[: self._most]


def _wanted(where: str, input_names: Sequence[str]) -> tuple[str, ...]:
    names = list(input_names) or ["input_ids"]
    found = [next((part for part in PARTS if name.endswith(part)), None) for name in names]
    if None in found:
        found = list(PARTS[: len(names)]) if len(names) <= 2 else found
    if None in found or len(set(found)) < len(found):
        raise Problem(
            where,
            Text("gives token numbers and an attention mask, the model takes {names}", names=", ".join(names)),
            Text("Give the data as an .npz with an array per input."),
        )
    return tuple(part for part in found if part is not None)


def _tokenizer(where: str, spec: DataSpec) -> tuple[Any, int, str]:
    """The tokenizer, the number that fills up, and a digest of its file. Nothing in the file is code."""
    if spec.tokenizer is None:
        raise Problem(
            where,
            Text("is text, which needs the model's tokenizer"),
            Text("Give --tokenizer tokenizer.json, or token numbers as an .npz."),
        )
    path = Path(spec.tokenizer).expanduser()
    path = path / "tokenizer.json" if path.is_dir() else path
    demand_file(path)
    try:
        if path.stat().st_size > MAX_TOKENIZER_BYTES:
            raise ValueError("it is too large")
        content = path.read_bytes()
    except (OSError, ValueError) as fault:
        raise Problem(
            str(path), Text("cannot be read ({said})", said=_line(fault)), Text("Give the model's tokenizer.json.")
        ) from fault
    try:
        import tokenizers
    except ImportError as fault:
        raise Problem(
            where, Text("is text, which needs the package tokenizers"), Text("pip install qinspect[text].")
        ) from fault
    try:
        made: Any = tokenizers.Tokenizer.from_buffer(content)
        padding = made.padding
        made.no_padding()
        if spec.max_length is not None:
            made.enable_truncation(spec.max_length)
        else:
            made.no_truncation()
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as fault:  # a panic of its Rust code is no Exception
        raise Problem(
            str(path),
            Text("is not a tokenizer file ({said})", said=_line(fault)),
            Text("Give the tokenizer.json of the model's folder."),
        ) from fault
    filling = (
        padding["pad_id"]
        if padding
        else next((number for word in ("[PAD]", "<pad>") if (number := made.token_to_id(word)) is not None), 0)
    )
    return made, int(filling), hashlib.blake2b(content, digest_size=16).hexdigest()


def open_text(
    path: Path, spec: DataSpec, input_shape: tuple[int | None, ...] | None, input_names: Sequence[str]
) -> Texts:
    """A text on each line, or JSON on each line with ``text`` and perhaps a label.

    Only the places of the lines are kept in memory.

    Raises
    ------
    Problem
        Naming the line at fault.
    """
    where = str(path)
    offsets, targets, key = _lines(path, spec.label)
    as_json = targets is not None
    names = tuple(f"line {number}" for number in offsets[1::2])

    def text(index: int) -> str:
        try:
            with path.open("rb") as file:
                file.seek(offsets[2 * index])
                line = file.readline().decode("utf-8", "replace").strip()
            return str(_entry(line)["text"]) if as_json else line
        except (OSError, ValueError, KeyError, TypeError) as fault:
            raise Problem(where, Text("has changed since it was opened"), Text("Open the data again.")) from fault

    labels, found = label_column(where, [] if targets is None else targets)
    return Texts(text, where, names, labels, found, key, spec, input_shape, input_names)


def _lines(path: Path, label: str | None) -> tuple[array[int], list[Any] | None, str]:
    """Where each line that is not empty begins and its number, one after the other; labels of JSON lines; a digest."""
    offsets: array[int] = array("q")
    targets: list[Any] | None = None
    digest = hashlib.blake2b(digest_size=16)
    try:
        with path.open("rb") as file:
            if file.read(len(BOM_UTF8)) != BOM_UTF8:
                file.seek(0)
            place = file.tell()
            for number, line in enumerate(file, 1):
                digest.update(line)
                start, place = place, place + len(line)
                text = line.decode("utf-8", "replace").strip()
                if not text:
                    continue
                if not offsets:
                    _demand_lines(path, text)
                    targets = [] if text.startswith("{") and '"text"' in text else None
                if targets is not None:
                    try:
                        entry = _entry(text)
                    except (ValueError, KeyError, TypeError, RecursionError) as fault:
                        raise Problem(
                            Text("{path}, line {number}", path=path, number=number),
                            Text("is not JSON with a text ({said})", said=_line(fault)),
                            Text('Write {{"text": ..., "label": ...}} on each line.'),
                        ) from fault
                    keys = (label,) if label else TARGETS
                    targets.append(next((entry[key] for key in keys if key in entry), None))
                offsets.extend((start, number))
    except OSError as fault:
        raise Problem(
            str(path), Text("cannot be read ({reason})", reason=fault.strerror), Text("Check the path.")
        ) from fault
    if not offsets:
        raise Problem(str(path), Text("holds no text"), Text("Put one on each line."))
    return offsets, targets, digest.hexdigest()


def _demand_lines(path: Path, first: str) -> None:
    """Refuse what would be read as plain lines, its keys and labels among the words."""
    if first.startswith("{") and '"text"' not in first:
        try:
            keys = list(json.loads(first))
        except (ValueError, RecursionError):
            return  # text that begins so
        raise Problem(
            Text("{path}, line {number}", path=path, number=1),
            Text("is JSON without a text (it has {keys})", keys=listed(keys)),
            Text('Write {{"text": ..., "label": ...}} on each line.'),
        )


def _entry(line: str) -> dict[str, Any]:
    entry = json.loads(line)
    if not isinstance(entry, dict) or not isinstance(entry.get("text"), str):
        raise TypeError("it has no text")
    return entry


def label_column(where: str, found: Sequence[Any]) -> tuple[Labels | None, npt.NDArray[Any] | None]:
    """Class indices and targets of a column of labels: numbers as they are, words in sorted order.

    Raises
    ------
    Problem
        Where some samples have a label and some have none, or they are neither.
    """
    missing = sum(value is None for value in found)
    if missing == len(found):
        return None, None
    if missing:
        raise Problem(
            where,
            Text("has no label for {missing} of {count} samples", missing=missing, count=len(found)),
            Text("Give one for each, or none."),
        )
    if all(isinstance(value, str) for value in found):
        order = {word: index for index, word in enumerate(sorted(set(found)))}
        labels = np.array([order[word] for word in found], np.int64)
        return labels, labels
    try:
        targets = np.asarray(found)
    except (ValueError, OverflowError):
        targets = np.asarray(None)
    if targets.dtype.kind not in "iufb" or len(targets) != len(found):
        raise Problem(
            where, Text("has labels that are neither numbers nor words"), Text("Write 0, 1, ... or the classes' names.")
        )
    if targets.dtype.kind in "iu" and targets.ndim == 1:
        labels = targets.astype(np.int64)
        return labels, labels
    return None, targets


def _line(fault: BaseException) -> str:
    return (" ".join(str(fault).split()) or type(fault).__name__)[:200]
