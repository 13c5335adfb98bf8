"""Which columns of a table are a model's inputs, and what its fields hold."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ..data_spec import DataSpec, Labels, Samples
from ..problem import Problem
from ..text import Text, dimensions
from .audio import Audio
from .encoded import Encoded
from .images import Images, content_key
from .named import TARGETS, in_order, target_name
from .sniff import media_of
from .tables import Table, TableSamples
from .text import Texts, label_column


def open_tables(
    source: Path,
    paths: Sequence[tuple[Path, str]],
    spec: DataSpec,
    input_shape: tuple[int | None, ...] | None,
    input_names: Sequence[str],
    used: Callable[[int, Labels | None], Sequence[int]],
) -> Samples:
    """Look at the columns of a table, and read its labels.

    Columns that bear the inputs' names are the inputs. For a model of one input it is the one column that holds
    images, audio, lists or tensors; or all columns of numbers side by side; text where a tokenizer is named.

    Parameters
    ----------
    used : callable
        ``used(count, labels)`` are the rows that splits of so many samples hold.

    Raises
    ------
    Problem
        Where the table cannot be read, or which columns are meant is not clear.
    """
    where = str(source)
    table = Table(paths)
    if not table.rows:
        raise Problem(where, Text("holds no row"), Text("Give another table."))
    files = [path for path, _ in paths]
    label = target_name(table.columns, (), spec.label)
    if spec.label is not None and label is None:
        raise Problem(
            where,
            Text("has no column {label}", label=spec.label),
            Text("It has {columns}.", columns=", ".join(table.columns)),
        )
    labels, targets = label_column(where, [] if label is None else table.whole(label))
    table.expect(used(table.rows, labels))
    key = content_key(files, [path.name for path in files], None) + str(label)
    key = hashlib.blake2b(f"{key}{table.columns}".encode(), digest_size=16).hexdigest()
    chosen = _chosen(where, table, label, spec, input_shape, input_names)
    only = chosen[0][0] if len(chosen) == 1 and len(chosen[0]) == 1 else None
    if only is not None:
        column = _Column(where, table, only)
        names = tuple(f"row {i}" for i in range(table.rows))
        first, own = column.value(0), f"{key}{only}"
        if isinstance(first, str):
            return Texts(column.text, where, names, labels, targets, own, spec, input_shape, input_names)
        if (content := _bytes_of(first)) is not None:
            kind = media_of(content)
            if kind is None:
                raise Problem(
                    Text("{where}, column {column}", where=where, column=only),
                    Text("holds bytes that are no image or audio"),
                    Text("Choose others."),
                )
            encoded = Encoded(where, column.content, column.place, names, labels, targets, None, own)
            return (Images if kind == "image" else Audio)(encoded, spec, input_shape)
    alone = only is not None and _kind(table.columns[only]) == "scalar"
    wide = alone and input_shape is not None and len(input_shape) == 2
    samples = TableSamples(where, table, chosen, targets, spec, f"{key}{chosen}", wide)
    shape = samples.arrays([0])[0].shape
    if input_shape is not None and (
        len(shape) != len(input_shape)
        or any(want not in (None, have) for have, want in zip(shape[1:], input_shape[1:], strict=True))
    ):
        what = Text(
            "column {columns} has shape {shape} in each row", columns=", ".join(chosen[0]), shape=dimensions(shape[1:])
        )
        raise Problem(
            where,
            Text("{what}, but the model takes {wanted}", what=what, wanted=dimensions(input_shape)),
            Text("Give the model's --input-shape."),
        )
    return samples


class _Column:
    """Text, or encoded images or audio, row by row."""

    def __init__(self, where: str, table: Table, name: str) -> None:
        self._where, self._table, self._name = where, table, name

    def value(self, row: int) -> Any:
        return self._table.take([self._name], [row], lambda _, scalar: scalar.as_py())[self._name][0]

    def text(self, row: int) -> str:
        return str(self.value(row) or "")

    def content(self, row: int) -> io.BytesIO:
        found = _bytes_of(self.value(row))
        if found is None:
            raise Problem(self.place(row), Text("holds no bytes"), Text("Store the files' content in the table."))
        return io.BytesIO(found)

    def place(self, row: int) -> Text:
        """What a row is called in messages."""
        return Text("{where}, row {row}, column {column}", where=self._where, row=row, column=self._name)


def _bytes_of(field: Any) -> bytes | None:
    """Encoded content: plain bytes, or as Hugging Face's datasets store images and audio."""
    if isinstance(field, dict):
        field = field.get("bytes")
    return field if isinstance(field, bytes) else None


def _chosen(
    where: str,
    table: Table,
    label: str | None,
    spec: DataSpec,
    input_shape: tuple[int | None, ...] | None,
    input_names: Sequence[str],
) -> list[tuple[str, ...]]:
    """The columns of each input."""
    kinds = {name: _kind(type_) for name, type_ in table.columns.items() if name != label and name not in TARGETS}
    texts = [name for name, kind in kinds.items() if kind == "text"]
    if spec.tokenizer is not None and texts:
        if len(texts) > 1 and "text" not in texts:
            raise Problem(
                where,
                Text("has several columns of text ({texts})", texts=", ".join(texts)),
                Text("Name the right one text."),
            )
        return [("text" if "text" in texts else texts[0],)]
    named = in_order(kinds, input_names)
    if named is not None and all(kinds[name] != "other" for name in named):
        return [(name,) for name in named]
    if len(input_names) <= 1:
        for kind in ("media", "list"):
            found = [name for name, known in kinds.items() if known == kind]
            if len(found) == 1:
                return [(found[0],)]
        scalars = [name for name, kind in kinds.items() if kind == "scalar"]
        wide = input_shape is None or (len(input_shape) == 2 and input_shape[1] in (None, len(scalars)))
        if scalars and wide and "list" not in kinds.values() and "media" not in kinds.values():
            return [tuple(scalars)]
    listed_ = ", ".join(f"{name} ({type_})" for name, type_ in list(table.columns.items())[:20])
    wanted = ", ".join(input_names) or "x"
    if texts:
        tip = Text("Name the columns {wanted}, or give --tokenizer.", wanted=wanted)
    else:
        tip = Text("Name the columns {wanted}.", wanted=wanted)
    raise Problem(
        where, Text("does not say which columns the model takes; it has {columns}", columns=listed_[:500]), tip
    )


def _kind(type_: Any) -> str:
    """``scalar``, ``list`` (of numbers), ``media`` (encoded bytes), ``text`` or ``other``."""
    from pyarrow import types

    inner = type_
    if hasattr(inner, "storage_type"):
        inner = inner.storage_type
    if types.is_struct(inner):
        return "media" if any(inner.field(i).name == "bytes" for i in range(inner.num_fields)) else "other"
    if types.is_binary(inner) or types.is_large_binary(inner):
        return "media"
    if types.is_string(inner) or types.is_large_string(inner):
        return "text"
    depth = 0
    while types.is_list(inner) or types.is_large_list(inner) or types.is_fixed_size_list(inner):
        inner, depth = inner.value_type, depth + 1
    if not (types.is_integer(inner) or types.is_floating(inner) or types.is_boolean(inner)):
        return "other"
    return "list" if depth else "scalar"
