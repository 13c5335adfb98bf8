"""Rows of a table that have been unpacked once, in a temporary file from which each is read alone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from .spooled import TemporaryArrays, room


class Unpacked:
    """Samples come in random order: without this, each would unpack the row group that it lies in.

    Parameters
    ----------
    pa : module
        pyarrow.
    """

    def __init__(self, pa: Any) -> None:
        self._pa = pa
        self._places: dict[int, tuple[int, int]] = {}  # where a row's message begins, and its length
        self._file: TemporaryArrays | None = None
        self._schema: Any = None
        self._end = self._limit = 0
        self._full = False

    def __contains__(self, row: int) -> bool:
        return row in self._places

    def row(self, row: int) -> Any:
        """A record batch of this row, which is there."""
        assert self._file is not None
        start, length = self._places[row]
        content = np.empty(length, np.uint8)
        self._file.read(start, content)
        return self._pa.ipc.read_record_batch(self._pa.py_buffer(content), self._schema)

    def add(self, table: Any, start: int, wanted: Iterable[int]) -> bool:
        """Keep rows.

        Parameters
        ----------
        table : pyarrow.Table
            Of one chunk per column.
        start : int
            The number of its first row.
        wanted : iterable of int
            Numbers of the rows to keep, all of them in it.

        Returns
        -------
        bool
            False where the disk has no room, or rows refer to something outside of them: they are read again then.
        """
        # The words of a dictionary are not in the rows.
        if self._full or any("dictionary<" in str(field.type) for field in table.schema):
            return False
        try:
            if self._file is None:
                folder, self._limit = room()
                self._file = TemporaryArrays(folder)
                self._schema = table.schema
            for number in wanted:
                if number in self._places:
                    continue
                message = table.slice(number - start, 1).combine_chunks().to_batches()[0].serialize()
                if self._end + message.size > self._limit:
                    raise OSError
                self._file.append(np.frombuffer(message, np.uint8))
                self._places[number] = self._end, message.size
                self._end += message.size
        except OSError:
            self._full = True
        return not self._full
