"""Parquet and Arrow tables: columns are the model's inputs, encoded images, audio, text, and labels."""

from __future__ import annotations

import hashlib
import io
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt

from ..data_spec import DataSpec, Samples
from ..problem import Problem
from ..text import Text
from .arrays import ArraySamples, line_of
from .audio import Audio
from .images import Images, content_key, listed
from .named import TARGETS, in_order, target_name
from .sniff import media_of
from .text import Texts, label_column

SUFFIXES = {".parquet", ".arrow", ".feather"}
CACHE_BYTES = 256 << 20
"""Of row groups that are kept unpacked."""

MOST_LABELS = 1 << 26
"""Rows, at most: their labels are all needed for the splits."""


@dataclass(frozen=True)
class _Piece:
    """A row group of a Parquet file, or a record batch of an Arrow file."""

    path: Path
    number: int
    start: int
    rows: int


class Table:
    """The rows of one or several files; a row group at a time is in memory.

    Parameters
    ----------
    paths : sequence of (Path, str)
        Files, and ``parquet`` or ``arrow`` for each; their columns are the same.

    Attributes
    ----------
    columns : dict of name to pyarrow.DataType
    rows : int
    """

    def __init__(self, paths: Sequence[tuple[Path, str]]) -> None:
        self._pa = _pyarrow(str(paths[0][0]))
        self._kinds = dict(paths)
        self._pieces: list[_Piece] = []
        self.columns: dict[str, Any] = {}
        start = 0
        for path, _ in paths:
            schema, sizes = self._guarded(path, self._layout, path)
            columns = {field.name: field.type for field in schema}
            if self.columns and columns != self.columns:
                raise Problem(
                    str(path),
                    Text("has other columns than {other}", other=paths[0][0].name),
                    Text("Give tables of one kind."),
                )
            self.columns = columns
            for number, rows in enumerate(sizes):
                self._pieces.append(_Piece(path, number, start, rows))
                start += rows
        self.rows = start
        self._starts = np.array([piece.start for piece in self._pieces], np.int64)
        self._kept: OrderedDict[tuple[int, tuple[str, ...]], Any] = OrderedDict()
        self._kept_bytes = 0
        self._lock = Lock()  # images are decoded in threads

    def _layout(self, path: Path) -> tuple[Any, list[int]]:
        if self._kinds[path] == "parquet":
            from pyarrow import parquet

            with parquet.ParquetFile(path) as file:
                groups = [file.metadata.row_group(i).num_rows for i in range(file.metadata.num_row_groups)]
                return file.schema_arrow, groups
        with self._arrow(path) as (schema, batches):
            return schema, [batch.num_rows for batch in batches]

    def _arrow(self, path: Path) -> _ArrowFile:
        return _ArrowFile(self._pa, path)

    def take(self, columns: Sequence[str], indices: Sequence[int]) -> dict[str, list[Any]]:
        """Values of some columns at some rows, as pyarrow scalars."""
        found: dict[str, list[Any]] = {name: [] for name in columns}
        for index in indices:
            which = int(np.searchsorted(self._starts, index, "right")) - 1
            with self._lock:
                piece = self._piece(which, tuple(columns))
            for name in columns:
                found[name].append(piece.column(name)[index - self._pieces[which].start])
        return found

    def whole(self, column: str) -> list[Any]:
        """All values of a column as Python has them; read piece by piece."""
        values: list[Any] = []
        if self.rows > MOST_LABELS:
            raise Problem(
                str(self._pieces[0].path),
                Text("has {rows} rows", rows=self.rows),
                Text("Give at most {most}.", most=MOST_LABELS),
            )
        for piece in self._pieces:
            values += self._guarded(piece.path, lambda at=piece: self._read(at, (column,)).column(column).to_pylist())
        return values

    def _piece(self, which: int, columns: tuple[str, ...]) -> Any:
        key = (which, columns)
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        piece = self._pieces[which]
        made = self._guarded(piece.path, self._read, piece, columns)
        self._kept[key] = made
        self._kept_bytes += made.nbytes
        while self._kept_bytes > CACHE_BYTES and len(self._kept) > 1:
            self._kept_bytes -= self._kept.popitem(last=False)[1].nbytes
        return made

    def _read(self, piece: _Piece, columns: tuple[str, ...]) -> Any:
        if self._kinds[piece.path] == "parquet":
            from pyarrow import parquet

            with parquet.ParquetFile(piece.path) as file:
                made = file.read_row_group(piece.number, columns=list(columns)).combine_chunks()
        else:
            with self._arrow(piece.path) as (_, batches):
                batch = next(item for number, item in enumerate(batches) if number == piece.number)
                made = self._pa.Table.from_batches([batch.select(list(columns))])
        # Lengths and places inside a file may be anything; the library checks them only when told to.
        made.validate(full=True)
        if made.num_rows != piece.rows:
            raise ValueError("it has changed since it was opened")
        return made

    def _guarded(self, path: Path, work: Any, *given: Any) -> Any:
        try:
            return work(*given)
        except Problem:
            raise
        except FileNotFoundError:
            raise Problem(str(path), Text("has gone since it was opened"), Text("Open the data again.")) from None
        except Exception as fault:  # whatever a damaged file makes the library raise
            raise Problem(
                str(path),
                Text("cannot be read as a table ({said})", said=line_of(fault)[:200]),
                Text("Write it again."),
            ) from fault


class _ArrowFile:
    """Schema and record batches of an Arrow file or stream; the batches are read one after the other."""

    def __init__(self, pa: Any, path: Path) -> None:
        self._pa, self._path = pa, path

    def __enter__(self) -> tuple[Any, Any]:
        self._file = self._pa.memory_map(str(self._path))  # what is not asked for is not read
        try:
            start = self._file.read(6)
            self._file.seek(0)
            if start == b"ARROW1":
                reader = self._pa.ipc.open_file(self._file)
                return reader.schema, (reader.get_batch(i) for i in range(reader.num_record_batches))
            reader = self._pa.ipc.open_stream(self._file)
            return reader.schema, iter(reader)
        except BaseException:
            self._file.close()
            raise

    def __exit__(self, *error: object) -> None:
        self._file.close()


class TableSamples(ArraySamples):
    """Rows of a table whose columns hold numbers: scalars, lists, lists of lists or tensors.

    Parameters
    ----------
    inputs : sequence of tuple of str
        The columns of each input; several scalar ones side by side are one input.
    """

    def __init__(
        self,
        where: str,
        table: Table,
        inputs: Sequence[tuple[str, ...]],
        targets: npt.NDArray[Any] | None,
        spec: DataSpec,
        key: str,
    ) -> None:
        self._table, self._columns = table, tuple(inputs)
        self._needed = tuple(name for names in inputs for name in names)
        super().__init__(where, [np.empty((table.rows, 0))], targets, spec, key)
        self.names = tuple(f"row {i}" for i in range(table.rows))

    def arrays(self, indices: Sequence[int]) -> tuple[npt.NDArray[Any], ...]:
        return tuple(self._prepare(self._stacked(values, indices), indices) for values in self._values(indices))

    def shape(self, index: int) -> tuple[tuple[int, ...], ...]:
        if not any(self._varies(name) for name in self._needed):
            return ()
        return tuple(values[0].shape for values in self._values([index]))

    def _varies(self, name: str) -> bool:
        return "list<" in str(self._table.columns[name]).replace("fixed_size_list<", "")

    def picture(self, index: int) -> Any:
        self._inputs = (self._values([index])[0],)
        return super().picture(0)

    def _values(self, indices: Sequence[int]) -> list[list[npt.NDArray[Any]]]:
        taken = self._table.take(self._needed, indices)
        found = []
        for names in self._columns:
            columns = [[_number(self._where, name, value) for value in taken[name]] for name in names]
            side_by_side = len(names) > 1
            found.append([np.stack(row) for row in zip(*columns, strict=True)] if side_by_side else columns[0])
        return found

    def _stacked(self, values: list[npt.NDArray[Any]], indices: Sequence[int]) -> npt.NDArray[Any]:
        if len({value.shape for value in values}) > 1:
            raise Problem(
                self._where,
                Text(
                    "row {index} has shape {shape}, another row of the same batch has not",
                    index=indices[0],
                    shape=values[0].shape,
                ),
                Text("Give rows of one shape."),
            )
        return np.stack(values)


def _number(where: str, column: str, value: Any) -> npt.NDArray[Any]:
    """The numbers in one field; shape () for a scalar."""
    try:
        if hasattr(value, "to_numpy"):  # a tensor
            found = value.to_numpy()
        else:
            inner = getattr(value, "values", None)
            flat = inner is not None and not str(inner.type).startswith(("list", "large_list", "fixed_size_list"))
            found = inner.to_numpy(zero_copy_only=False) if flat and inner is not None else np.asarray(value.as_py())
    except (ValueError, TypeError) as fault:
        raise Problem(
            Text("{where}, column {column}", where=where, column=column),
            Text("holds no array of numbers ({said})", said=line_of(fault)),
            Text("Choose another column."),
        ) from fault
    if found.dtype.kind not in "fiub":
        raise Problem(
            Text("{where}, column {column}", where=where, column=column),
            Text("holds an empty field, or no numbers"),
            Text("Remove such rows."),
        )
    # Tables keep token numbers in the narrowest type; models take int64.
    return np.asarray(found, np.int64 if found.dtype.kind in "iu" and found.dtype != np.uint8 else None)


def _pyarrow(where: str) -> Any:
    try:
        import pyarrow
    except ImportError as fault:
        raise Problem(
            where, Text("is a table, which needs the package pyarrow"), Text("pip install qinspect[tables].")
        ) from fault
    return pyarrow


def tables_in(folder: Path) -> list[tuple[Path, str]]:
    """The tables below a folder, as Hugging Face's datasets write them."""
    return [(path, "parquet" if path.suffix == ".parquet" else "arrow") for path in listed(folder, SUFFIXES)]


def open_tables(
    source: Path,
    paths: Sequence[tuple[Path, str]],
    spec: DataSpec,
    input_shape: tuple[int | None, ...] | None,
    input_names: Sequence[str],
) -> Samples:
    """Look at the columns of a table, and read its labels.

    Columns that bear the inputs' names are the inputs. For a model of one input it is the one column that holds
    images, audio, lists or tensors; or all columns of numbers side by side; text where a tokenizer is named.

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
    key = content_key(files, [path.name for path in files], None) + str(label)
    key = hashlib.blake2b(f"{key}{table.columns}".encode(), digest_size=16).hexdigest()
    chosen = _chosen(where, table, label, spec, input_shape, input_names)
    if len(chosen) == 1 and len(chosen[0]) == 1:
        name = chosen[0][0]
        field = table.take([name], [0])[name][0].as_py()
        places = _Places(where, name)
        names = tuple(f"row {i}" for i in range(table.rows))
        key = f"{key}{name}"
        if isinstance(field, str):
            text = _TextField(table, name)
            return Texts(text, where, names, labels, targets, key, spec, input_shape, input_names)
        content = _bytes_of(field)
        if content is not None:
            kind = media_of(content)
            if kind is None:
                raise Problem(
                    Text("{where}, column {column}", where=where, column=name),
                    Text("holds bytes that are no image or audio"),
                    Text("Choose others."),
                )
            made = Images if kind == "image" else Audio
            encoded = _Field(table, name, places)
            return made(encoded, where, places, names, labels, targets, None, key, spec, input_shape)
    samples = TableSamples(where, table, chosen, targets, spec, f"{key}{chosen}")
    shape = samples.arrays([0])[0].shape
    if input_shape is not None and (
        len(shape) != len(input_shape)
        or any(want not in (None, have) for have, want in zip(shape[1:], input_shape[1:], strict=True))
    ):
        wanted = " × ".join("any" if n is None else str(n) for n in input_shape)
        what = Text(
            "column {columns} has shape {shape} in each row",
            columns=", ".join(chosen[0]),
            shape=" × ".join(map(str, shape[1:])),
        )
        raise Problem(
            where,
            Text("{what}, but the model takes {wanted}", what=what, wanted=wanted),
            Text("Give the model's --input-shape."),
        )
    return samples


class _Field:
    """Encoded bytes of one column."""

    def __init__(self, table: Table, name: str, places: _Places) -> None:
        self._table, self._name, self._places = table, name, places

    def __call__(self, index: int) -> io.BytesIO:
        content = _bytes_of(self._table.take([self._name], [index])[self._name][0].as_py())
        if content is None:
            raise Problem(self._places[index], Text("holds no bytes"), Text("Store the files' content in the table."))
        return io.BytesIO(content)


class _TextField:
    """Text of one column."""

    def __init__(self, table: Table, name: str) -> None:
        self._table, self._name = table, name

    def __call__(self, index: int) -> str:
        return str(self._table.take([self._name], [index])[self._name][0].as_py() or "")


class _Places(Sequence[str]):
    """What each row is called in messages."""

    def __init__(self, where: str, column: str) -> None:
        self._where, self._column = where, column

    def __getitem__(self, index: Any) -> Any:
        return Text("{where}, row {row}, column {column}", where=self._where, row=index, column=self._column)

    def __len__(self) -> int:
        return 0


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
