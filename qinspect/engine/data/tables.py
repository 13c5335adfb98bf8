"""Parquet, Arrow and CSV tables: columns are the model's inputs, encoded images, audio, text, and labels."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt

from ..data_spec import DataSpec
from ..problem import Problem, line_of
from ..text import Text
from .arrays import ArraySamples
from .images import listed
from .sniff import delimiter
from .unpacked import Unpacked

SUFFIXES = {".parquet", ".arrow", ".feather"}
KINDS = ("parquet", "arrow", "csv")

CACHE_BYTES = 256 << 20
"""Of row groups that are kept unpacked. What has to leave is written to a temporary file, and a row group that alone
is larger goes there piece by piece."""

STREAM_BYTES = 16 << 20
"""Of one such piece, and of a piece of a CSV table."""

MOST_LABELS = 1 << 26
"""Rows, at most: their labels are all needed for the splits."""


@dataclass(frozen=True)
class _Piece:
    """A row group of a Parquet file, or a record batch of an Arrow or CSV file."""

    path: Path
    number: int
    start: int
    rows: int
    size: int  # bytes when it is unpacked, as the file says


class Table:
    """The rows of one or several files; few row groups at a time are in memory, and each is unpacked once.

    Parameters
    ----------
    paths : sequence of (Path, str)
        Files, and which of `KINDS` each is; their columns are the same.

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
            for number, (rows, size) in enumerate(sizes):
                self._pieces.append(_Piece(path, number, start, rows, size))
                start += rows
        self.rows = start
        self._expected: npt.NDArray[np.int64] = np.arange(start)
        self._starts = np.array([piece.start for piece in self._pieces], np.int64)
        self._kept: OrderedDict[tuple[int, tuple[str, ...]], Any] = OrderedDict()
        self._kept_bytes = 0
        self._unpacked: dict[tuple[str, ...], Unpacked] = {}
        self._lock = Lock()  # images are decoded in threads

    def expect(self, rows: Sequence[int]) -> None:
        """Say which rows will be asked for; others are read as well, but not kept for long."""
        self._expected = np.unique(np.asarray(rows, np.int64))

    def _layout(self, path: Path) -> tuple[Any, list[tuple[int, int]]]:
        """The schema, and of each row group the rows and the size in bytes."""
        if self._kinds[path] == "parquet":
            from pyarrow import parquet

            with parquet.ParquetFile(path) as file:
                groups = [file.metadata.row_group(i) for i in range(file.metadata.num_row_groups)]
                return file.schema_arrow, [(group.num_rows, group.total_byte_size) for group in groups]
        with self._arrow(path) as (schema, batches):
            return schema, [(batch.num_rows, 0) for batch in batches]

    def _arrow(self, path: Path) -> AbstractContextManager[tuple[Any, Iterator[Any]]]:
        return _csv(self._pa, path) if self._kinds[path] == "csv" else _ArrowFile(self._pa, path)

    def take(
        self, columns: Sequence[str], indices: Sequence[int], read: Callable[[str, Any], Any]
    ) -> dict[str, list[Any]]:
        """Values of some columns at some rows.

        Parameters
        ----------
        read : callable
            ``read(column, scalar)`` makes something of a pyarrow scalar that does not refer to it: a scalar keeps
            its whole row group in memory.
        """
        names = tuple(columns)
        found: dict[str, list[Any]] = {name: [] for name in names}
        for index in indices:
            with self._lock:
                rows, at = self._rows(names, index)
            for name in names:
                found[name].append(read(name, rows.column(name)[at]))
        return found

    def _rows(self, names: tuple[str, ...], index: int) -> tuple[Any, int]:
        """Some rows with this one among them, and where it is in them."""
        unpacked = self._unpacked.setdefault(names, Unpacked(self._pa))
        which = int(np.searchsorted(self._starts, index, "right")) - 1
        piece = self._pieces[which]
        if index not in unpacked and piece.size > CACHE_BYTES and index in self._expected_of(piece):
            self._guarded(piece.path, self._stream, piece, names, unpacked)
        if index in unpacked:
            return self._guarded(piece.path, unpacked.row, index), 0
        return self._piece(which, names), index - piece.start

    def _expected_of(self, piece: _Piece) -> npt.NDArray[np.int64]:
        first, last = np.searchsorted(self._expected, (piece.start, piece.start + piece.rows))
        return self._expected[first:last]

    def _stream(self, piece: _Piece, columns: tuple[str, ...], unpacked: Unpacked) -> None:
        """Unpack a row group that is too large to be in memory as a whole."""
        from pyarrow import parquet

        wanted, start = self._expected_of(piece), piece.start
        count = max(1, min(4096, STREAM_BYTES * piece.rows // piece.size))
        with parquet.ParquetFile(piece.path, pre_buffer=False, buffer_size=1 << 20) as file:
            for batch in file.iter_batches(count, row_groups=[piece.number], columns=list(columns), use_threads=False):
                made = self._pa.Table.from_batches([batch])
                made.validate(full=True)
                first, last = np.searchsorted(wanted, (start, start + made.num_rows))
                if not unpacked.add(made, start, wanted[first:last].tolist()):
                    return
                start += made.num_rows

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
            (gone, names), rows = self._kept.popitem(last=False)
            self._kept_bytes -= rows.nbytes
            left = self._pieces[gone]
            self._unpacked[names].add(rows, left.start, self._expected_of(left).tolist())
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
                Text("cannot be read as a table ({said})", said=line_of(fault, 200)),
                Text("Write it again."),
            ) from fault


@contextmanager
def _csv(pa: Any, path: Path) -> Iterator[tuple[Any, Iterator[Any]]]:
    """Schema and record batches of a table in text form, whose first line names the columns."""
    from pyarrow import csv

    with path.open("rb") as file:
        start = file.read(1 << 16)
        file.seek(0)
        reader = csv.open_csv(
            file,
            csv.ReadOptions(use_threads=False, block_size=STREAM_BYTES),
            csv.ParseOptions(delimiter=delimiter(path, start) or ",", newlines_in_values=True),
        )
        if any(field.type == pa.binary() for field in reader.schema):
            raise Problem(str(path), Text("is not written in UTF-8"), Text("Save it as UTF-8."))
        yield reader.schema, iter(reader)


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
    wide : bool
        Whether the model takes a row of numbers, of which a single scalar column is one.
    """

    def __init__(
        self,
        where: str,
        table: Table,
        inputs: Sequence[tuple[str, ...]],
        targets: npt.NDArray[Any] | None,
        spec: DataSpec,
        key: str,
        wide: bool = False,
    ) -> None:
        self._table, self._columns, self._wide = table, tuple(inputs), wide
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

    def _first(self, index: int) -> npt.NDArray[Any]:
        return self._values([index])[0][0]

    def _values(self, indices: Sequence[int]) -> list[list[npt.NDArray[Any]]]:
        taken = self._table.take(self._needed, indices, partial(_number, self._where))
        found = []
        for names in self._columns:
            columns = [taken[name] for name in names]
            side_by_side = len(names) > 1 or self._wide
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
    """The numbers in one field, copied; shape () for a scalar."""
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
    return np.array(found, np.int64 if found.dtype.kind in "iu" and found.dtype != np.uint8 else None)


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
