"""Batches that the user's code returns: in memory while they are few, in a file without a name when they are many."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import weakref
from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import IO, Any, overload

import numpy as np

from ..problem import Problem
from ..text import Text
from .stored import Array, OnDisk, Rows

MOST_BYTES = 64 << 30
"""A callable that never ends is not to fill the disk."""


class TemporaryArrays:
    """Arrays one after the other in a file, which goes with this object.

    Parameters
    ----------
    folder : Path
    """

    def __init__(self, folder: Path) -> None:
        self._file: IO[bytes] = tempfile.TemporaryFile(prefix="qinspect-", dir=folder)  # noqa: SIM115
        self._lock = Lock()  # batches are prepared in threads
        weakref.finalize(self, self._file.close)

    def append(self, data: Array) -> None:
        with self._lock:
            self._file.seek(0, os.SEEK_END)
            self._file.write(np.ascontiguousarray(data).reshape(-1).view(np.uint8).data)

    def read(self, offset: int, into: Array) -> None:
        with self._lock:
            self._file.seek(offset)
            self._file.readinto(into.reshape(-1).view(np.uint8).data)  # type: ignore[attr-defined]


class SpooledRows(OnDisk):
    """Samples of one shape in such a file.

    Parameters
    ----------
    file : TemporaryArrays
    shape : tuple of int
        Samples first.
    dtype : numpy.dtype
    digest : bytes
        Of what was written.
    """

    def __init__(self, file: TemporaryArrays, shape: tuple[int, ...], dtype: np.dtype[Any], digest: bytes) -> None:
        self._file, self.shape, self.dtype, self.digest = file, shape, dtype, digest

    def __getitem__(self, indices: Any) -> Array:
        chosen = np.atleast_1d(np.asarray(indices, np.int64))
        rows = np.empty((len(chosen), *self.shape[1:]), self.dtype)
        for number, index in enumerate(chosen):
            self._file.read(int(index) * rows[:1].nbytes, rows[number : number + 1])
        return rows if np.ndim(indices) else np.asarray(rows[0])


class SpooledSamples(Sequence[Array]):
    """Samples of different shapes in such a file.

    Parameters
    ----------
    file : TemporaryArrays
    offsets : sequence of int
        Where each begins, in bytes.
    shapes : sequence of tuple of int
        Of each.
    dtype : numpy.dtype
    digest : bytes
        Of what was written.
    """

    def __init__(
        self,
        file: TemporaryArrays,
        offsets: Sequence[int],
        shapes: Sequence[tuple[int, ...]],
        dtype: np.dtype[Any],
        digest: bytes,
    ) -> None:
        self._file, self._offsets, self.shapes, self.dtype, self.digest = file, offsets, shapes, dtype, digest

    def __len__(self) -> int:
        return len(self.shapes)

    @overload
    def __getitem__(self, index: int) -> Array: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Array]: ...
    def __getitem__(self, index: int | slice) -> Array | Sequence[Array]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        sample = np.empty(self.shapes[index], self.dtype)
        self._file.read(self._offsets[index], sample)
        return sample


class Spool:
    """One input's batches, as they come.

    Parameters
    ----------
    where : str
        The callable, for messages.
    """

    def __init__(self, where: str) -> None:
        self._where = where
        self._kept: list[Array] = []
        self._file: TemporaryArrays | None = None
        self._shapes: list[tuple[int, ...]] = []
        self._digest = hashlib.blake2b(digest_size=16)

    def add(self, batch: Array) -> None:
        """Take the next batch, of shape (samples, ...).

        Raises
        ------
        Problem
            Where the disk is full, it holds no samples, or is of another type than those before: whole and real
            numbers, or any two in a file.
        """
        if not batch.ndim:
            what = Text("returns a single number where samples are expected")
            raise Problem(self._where, what, Text("Return tensors or arrays of shape (samples, ...), and no lists."))
        if self._file is None:
            if self._kept and batch.dtype.kind != self._kept[0].dtype.kind:
                raise self._two_types(self._kept[0].dtype, batch.dtype)
            self._kept.append(batch)
        else:
            self._write(batch)

    def to_disk(self, folder: Path) -> None:
        """Write what is there into a file, and all that comes from now on."""
        if self._file is not None:
            return
        kept, self._kept = self._kept, []
        self._dtype = kept[0].dtype
        try:
            self._file = TemporaryArrays(folder)
        except OSError as fault:
            raise self._no_room(folder, fault) from fault
        self._folder = folder
        for batch in kept:
            self._write(batch)

    def _write(self, batch: Array) -> None:
        assert self._file is not None
        if batch.dtype != self._dtype:
            raise self._two_types(self._dtype, batch.dtype)
        try:
            self._file.append(batch)
        except OSError as fault:
            raise self._no_room(self._folder, fault) from fault
        self._digest.update(np.ascontiguousarray(batch).reshape(-1).view(np.uint8).data)
        self._shapes += [batch.shape[1:]] * len(batch)

    def _two_types(self, one: np.dtype[Any], other: np.dtype[Any]) -> Problem:
        what = Text("returns batches of {one} and of {other}", one=one, other=other)
        return Problem(self._where, what, Text("Return the same in each."))

    def _no_room(self, folder: Path, fault: OSError) -> Problem:
        return Problem(
            self._where,
            Text(
                "returned more than fits into memory, and {folder} cannot hold it ({reason})",
                folder=folder,
                reason=fault.strerror,
            ),
            Text("Make room, set TMPDIR to another folder, or limit the number of samples (--samples)."),
        )

    def column(self) -> Rows | Sequence[Array]:
        """All samples: an array, or rows in the file; where their shapes differ, a sequence of them."""
        if self._file is None:
            if len({batch.shape[1:] for batch in self._kept}) == 1:
                return np.concatenate(self._kept)
            return [sample for batch in self._kept for sample in batch]
        digest = self._digest.digest()
        if len(set(self._shapes)) == 1:
            return SpooledRows(self._file, (len(self._shapes), *self._shapes[0]), self._dtype, digest)
        sizes = [int(np.prod(shape, dtype=np.int64)) * self._dtype.itemsize for shape in self._shapes]
        offsets = [0, *np.cumsum(sizes)[:-1].tolist()]
        return SpooledSamples(self._file, offsets, self._shapes, self._dtype, digest)


def room() -> tuple[Path, int]:
    """A folder on a disk for large files that last as long as the process, and how many bytes they may take."""
    # Where nothing is said, /tmp may be memory; /var/tmp is a disk by the standard of file systems.
    disk = Path("/var/tmp")
    said = any(name in os.environ for name in ("TMPDIR", "TEMP", "TMP"))
    folder = disk if not said and os.access(disk, os.W_OK) else Path(tempfile.gettempdir())
    return folder, min(MOST_BYTES, shutil.disk_usage(folder).free // 2)
