"""Files of arrays: small ones are read whole, of large ones the samples that are asked for."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch

from ..files import content_offset, load_tensors
from ..problem import Problem
from ..text import Text

WHOLE_BYTES = 256 << 20
"""Files up to this size are read whole: what is in memory does not change, nor vanish, while it is used."""

UNPACKED_BYTES = 8 << 30
"""What a compressed file may unpack to: it cannot be read in parts."""

Array = npt.NDArray[Any]


class Rows(Protocol):
    """Samples along a first axis: an array, or the part of a file that holds one."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def dtype(self) -> np.dtype[Any]: ...

    @property
    def ndim(self) -> int: ...

    def __len__(self) -> int: ...

    def __getitem__(self, indices: Any) -> Any: ...


class OnDisk:
    """What all kinds of rows on disk have in common."""

    shape: tuple[int, ...]

    @property
    def ndim(self) -> int:
        return len(self.shape)

    def __len__(self) -> int:
        return self.shape[0]


@dataclass(frozen=True)
class RowsOnDisk(OnDisk):
    """Rows of a C-ordered array inside a file.

    They are read, not mapped: where the file is cut short meanwhile, reading says so, and a mapping
    would kill the process.

    Parameters
    ----------
    path : Path
    offset : int
        Of the first value, in bytes.
    shape : tuple of int
    dtype : numpy.dtype
    """

    path: Path
    offset: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    def __getitem__(self, indices: Any) -> Array:
        chosen = np.atleast_1d(np.asarray(indices, np.int64))
        rows = np.empty((len(chosen), *self.shape[1:]), self.dtype)
        size = rows[:1].nbytes
        try:
            with self.path.open("rb", buffering=0) as file:
                for number, index in enumerate(chosen):
                    file.seek(self.offset + int(index) * size)
                    # A stretch of one row, not the row: of a single axis that would be a copied number.
                    if file.readinto(rows[number : number + 1].reshape(-1).view(np.uint8).data) != size:
                        raise EOFError
        except (OSError, EOFError) as fault:
            raise Problem(
                str(self.path), Text("has changed since it was opened"), Text("Open the data again.")
            ) from fault
        return rows if np.ndim(indices) else rows[0]


@dataclass(frozen=True)
class SafetensorsRows(OnDisk):
    """Rows of a tensor of a safetensors file, as float32 where numpy has no such type."""

    path: Path
    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    def __getitem__(self, indices: Any) -> Array:
        from safetensors import safe_open

        try:
            with safe_open(self.path, framework="pt") as file:
                stored = file.get_slice(self.name)
                rows = [stored[int(i) : int(i) + 1] for i in np.atleast_1d(np.asarray(indices, np.int64))]
        except Exception as fault:
            raise Problem(
                str(self.path), Text("has changed since it was opened"), Text("Open the data again.")
            ) from fault
        whole = torch.cat(rows) if rows else torch.empty((0, *self.shape[1:]))
        found = (whole.float() if whole.dtype == torch.bfloat16 else whole).numpy()
        return found if np.ndim(indices) else found[0]


def read_stored(path: Path, kind: str) -> Any:
    """What a file holds: an array, arrays by name, or what a ``.pt`` has; nothing in it runs.

    Parameters
    ----------
    path : Path
    kind : str
        ``npy``, ``npz``, ``safetensors`` or ``pt``.

    Raises
    ------
    Exception
        Whatever the format's reader has for a file that is not whole.
    """
    large = path.stat().st_size > WHOLE_BYTES
    if kind == "npy":
        return _npy(path, large)
    if kind == "npz":
        return _npz(path, large)
    if kind == "safetensors":
        return _safetensors(path, large)
    return load_tensors(path, mapped=large)


def _npy(path: Path, large: bool) -> Rows:
    with path.open("rb") as file:
        if not large:
            return np.asarray(np.load(file, allow_pickle=False))
        shape, order, dtype = _header(file)
        return _rows(path, file.tell(), shape, order, dtype)


def _header(file: Any) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = np.lib.format.read_magic(file)
    reader = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, order, dtype = reader(file)
    return tuple(shape), bool(order), dtype


def _rows(path: Path, offset: int, shape: tuple[int, ...], fortran: bool, dtype: np.dtype[Any]) -> Rows:
    if fortran and len(shape) > 1:
        raise ValueError("it is stored column by column, so that no sample can be read alone")
    if dtype.hasobject:
        raise ValueError("it holds Python objects")
    if offset + math.prod(shape) * dtype.itemsize > path.stat().st_size:
        raise ValueError("it is cut short")
    return RowsOnDisk(path, offset, shape, dtype)


def _npz(path: Path, large: bool) -> Mapping[str, Rows]:
    found: dict[str, Rows] = {}
    with path.open("rb") as file, zipfile.ZipFile(file) as archive:
        entries = archive.infolist()
        unpacked = sum(info.file_size for info in entries)
        if unpacked > UNPACKED_BYTES and any(info.compress_type != zipfile.ZIP_STORED for info in entries):
            raise ValueError(f"it unpacks to {unpacked / 2**30:.0f} GiB, and what is compressed is unpacked whole")
        for info in entries:
            name = info.filename.removesuffix(".npy")
            with archive.open(info) as member:
                if large and info.compress_type == zipfile.ZIP_STORED:
                    shape, order, dtype = _header(member)
                    found[name] = _rows(path, content_offset(path, info) + member.tell(), shape, order, dtype)
                    continue
                shape, _, dtype = _header(member)
                if member.tell() + math.prod(shape) * dtype.itemsize > info.file_size:
                    raise ValueError(f"{name} claims the shape {shape}, which is more than the file holds")
            with archive.open(info) as member:
                found[name] = np.lib.format.read_array(member, allow_pickle=False)
    return found


_SAFETENSORS = {"F64": "f8", "F32": "f4", "F16": "f2", "BF16": "f4", "I64": "i8", "I32": "i4", "I16": "i2"}
_SAFETENSORS |= {"I8": "i1", "U8": "u1", "BOOL": "?"}


def _safetensors(path: Path, large: bool) -> Mapping[str, Any]:
    from safetensors import safe_open

    found: dict[str, Any] = {}
    with safe_open(path, framework="pt") as file:
        for name in file.keys():  # noqa: SIM118  it is no dictionary
            stored = file.get_slice(name)
            dtype = _SAFETENSORS.get(stored.get_dtype())
            shape = tuple(stored.get_shape())
            if large and dtype is not None and shape:
                found[name] = SafetensorsRows(path, name, shape, np.dtype(dtype))
            else:
                found[name] = file.get_tensor(name).clone()
    return found


PIECE_BYTES = 16 << 20
"""So much of an array is looked at in one go."""


def in_pieces(rows: Rows) -> Sequence[slice]:
    """Stretches of the first axis of about `PIECE_BYTES`."""
    row = max(1, math.prod(rows.shape[1:]) * rows.dtype.itemsize)
    step = max(1, PIECE_BYTES // row)
    return [slice(start, min(len(rows), start + step)) for start in range(0, len(rows), step)]
