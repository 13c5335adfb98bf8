"""Stored arrays and callables as data; a file never runs code."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from .data_spec import DataSpec, Labels, Picture
from .images import describe_normalization, standardize
from .load.callable import resolve
from .problem import Problem

CODE_BYTES = 4 << 30
SUFFIXES = (".npz", ".npy", ".safetensors", ".pt", ".pth")

Array = npt.NDArray[Any]


class ArraySamples:
    """Samples along the first axis of one array per model input.

    Parameters
    ----------
    where : str
        The file or callable, for messages.
    inputs : sequence of ndarray, each of shape (N, ...)
        Numbers; floats are finite.
    targets : ndarray, shape (N, ...) | None
        Class indices where it is int64 of shape (N,).
    """

    parts: tuple[str, ...] | None = None

    def __init__(self, where: str, inputs: Sequence[Array], targets: Array | None, spec: DataSpec) -> None:
        self.names = tuple(f"x[{i}]" for i in range(len(inputs[0])))
        self.targets = targets
        classes = targets is not None and targets.ndim == 1 and targets.dtype == np.int64
        self.labels: Labels | None = targets if classes else None
        self.key = _content_key([*inputs, *([] if targets is None else [targets])])
        self.preparation = describe_normalization(spec) or "as stored"
        self._where = where
        self._inputs = tuple(inputs)
        self._spec = spec

    def arrays(self, indices: Sequence[int]) -> tuple[Array, ...]:
        """The samples at `indices`: float32, or integers as they are stored."""
        return tuple(self._prepare(stored[np.asarray(indices, np.int64)]) for stored in self._inputs)

    def picture(self, index: int) -> Picture | None:
        """The sample as uint8 of shape (H, W, 3) where it looks like an image, stretched to its own range."""
        sample = np.asarray(self._inputs[0][index])
        if sample.ndim == 2:
            sample = sample[None] if self._spec.layout == "nchw" else sample[..., None]
        if sample.ndim != 3:
            return None
        if self._spec.layout == "nchw":
            sample = sample.transpose(1, 2, 0)
        if sample.shape[2] not in (1, 3):
            return None
        if self._spec.channels == "bgr":
            sample = sample[..., ::-1]
        if sample.dtype != np.uint8:
            values = sample.astype(np.float32)
            low, high = float(values.min()), float(values.max())
            sample = np.round((values - low) * (255 / (high - low or 1))).astype(np.uint8)
        return np.ascontiguousarray(np.broadcast_to(sample, (*sample.shape[:2], 3)))

    def _prepare(self, values: Array) -> Array:
        if self._spec.mean is None:
            kept = values.dtype.kind in "iub" or values.dtype == np.float32
            # The index above copied already; a second copy is only for the type.
            return np.ascontiguousarray(values if kept else values.astype(np.float32))
        scaled = values.astype(np.float32)
        if values.dtype == np.uint8:
            scaled /= np.float32(255)
        return standardize(scaled, self._spec)


def open_arrays(
    path: Path, spec: DataSpec, input_shape: tuple[int | None, ...] | None, input_names: Sequence[str] = ()
) -> ArraySamples:
    """Read ``.npz``, ``.npy``, ``.safetensors`` or ``.pt`` (without running code from it).

    A file of several arrays gives a model of several inputs: by the inputs' names, else x0, x1, ...;
    y is what a metric compares with.

    Raises
    ------
    Problem
        Where the file cannot be read so, or does not fit the model.
    """
    where = str(path)
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise Problem(where, "is no kind of data that is known", f"Use a folder of images or {', '.join(SUFFIXES)}.")
    try:
        stored = _read(path, suffix)
    except Exception as fault:  # each format's reader has exceptions of its own
        raise Problem(
            where,
            f"cannot be read as {suffix} of plain arrays ({_first_line(fault)})",
            "Write it again, e.g. with numpy.savez(file, x=..., y=...).",
        ) from fault
    inputs, labels = _pick(where, stored, input_names)
    return _checked(where, inputs, labels, spec, input_shape)


def open_callable(spec: DataSpec, input_shape: tuple[int | None, ...] | None, allow_code: bool) -> ArraySamples:
    """Call ``package.module:name`` or ``file.py:name`` and collect the batches that it returns.

    A batch is x or (x, y); x is an array or tensor, or a tuple of them for a model of several inputs.
    Reading stops when ``spec.samples`` are there.

    Raises
    ------
    Problem
        Where code may not run, the callable is missing or fails, or a batch is not understood.
    """
    where = spec.source
    if not allow_code:
        raise Problem(where, "is code, which may not run here", "Allow it, or give the data as a file.")
    try:
        collected, targets = _collect(where, resolve(where)(), spec.samples)
    except Problem:
        raise
    except Exception as fault:  # anything that the user's code raises
        raise Problem(where, f"failed ({type(fault).__name__}: {_first_line(fault)})", "Mend the callable.") from fault
    return _checked(where, collected, targets, spec, input_shape)


def _read(path: Path, suffix: str) -> Any:
    if suffix in (".npz", ".npy"):
        with path.open("rb") as file:  # of a damaged archive np.load would leave its own open
            stored = np.load(file, allow_pickle=False)
            return dict(stored) if suffix == ".npz" else stored
    if suffix == ".safetensors":
        from safetensors.torch import load_file

        return load_file(path)
    return torch.load(path, map_location="cpu", weights_only=True)


def _pick(where: str, stored: Any, input_names: Sequence[str]) -> tuple[list[Any], Any]:
    """The inputs and targets among what a file holds."""
    if isinstance(stored, list | tuple) and len(stored) == 2:
        return [stored[0]], stored[1]
    if not isinstance(stored, Mapping):
        return [stored], None
    if len(input_names) > 1:
        numbered = [f"x{i}" for i in range(len(input_names))]
        for names in (list(input_names), numbered):
            if set(names) <= set(stored):
                return [stored[name] for name in names], stored.get("y")
        raise Problem(
            where,
            f"does not hold {len(input_names)} inputs (it holds {', '.join(map(str, stored)) or 'nothing'})",
            f"Name the arrays {', '.join(input_names)}, or {', '.join(numbered)}.",
        )
    rest = [name for name in stored if name not in ("x", "y")]
    if "x" in stored:
        return [stored["x"]], stored.get("y")
    if len(rest) == 1:
        return [stored[rest[0]]], stored.get("y")
    raise Problem(
        where,
        f"has no array x (it holds {', '.join(map(str, stored)) or 'nothing'})",
        "Name the samples x and the labels y.",
    )


def _collect(where: str, batches: Any, samples: int | None) -> tuple[list[Array], Array | None]:
    columns: list[list[Array]] = []
    targets: list[Array] = []
    count = size = 0
    for batch in batches:
        x, y = batch if isinstance(batch, list | tuple) and len(batch) == 2 else (batch, None)
        inputs = [_array(where, value) for value in (x if isinstance(x, list | tuple) else [x])]
        if columns and len(columns) != len(inputs):
            raise Problem(where, "returns batches with different numbers of inputs", "Return the same in each.")
        columns = columns or [[] for _ in inputs]
        for column, value in zip(columns, inputs, strict=True):
            column.append(value)
            size += value.nbytes
        if y is not None:
            targets.append(np.atleast_1d(_array(where, y)))
        count += len(inputs[0]) if inputs[0].ndim else 0
        if samples is not None and count >= samples:
            break
        if size > CODE_BYTES:
            raise Problem(
                where,
                f"returned more than {CODE_BYTES >> 30} GiB",
                "Limit the number of samples (--samples).",
            )
    if not columns:
        raise Problem(where, "returned no batch", "Return an iterable of x or (x, y).")
    labels = np.concatenate(targets)[:samples] if targets else None
    return [np.concatenate(column)[:samples] for column in columns], labels


def _checked(
    where: str, inputs: Sequence[Any], labels: Any, spec: DataSpec, input_shape: tuple[int | None, ...] | None
) -> ArraySamples:
    if spec.resize is not None or spec.crop is not None:
        raise Problem(where, "holds arrays, which are not resized or cropped", "Leave out --resize and --crop.")
    arrays = [_array(where, value) for value in inputs]
    for array in arrays:
        if array.ndim == 0 or not len(array):
            raise Problem(where, f"holds no sample (x has shape {array.shape})", "Put samples along the first axis.")
        if len(array) != len(arrays[0]):
            raise Problem(
                where,
                f"has inputs of {len(arrays[0])} and {len(array)} samples",
                "Give each the same number.",
            )
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            sample = int(np.argwhere(~np.isfinite(array))[0][0])
            raise Problem(where, f"holds NaN or infinite values, first in x[{sample}]", "Remove these samples.")
    if input_shape is not None and not _fits(arrays[0].shape, input_shape):
        wanted = " × ".join("any" if n is None else str(n) for n in input_shape)
        got = " × ".join(str(n) for n in arrays[0].shape)
        raise Problem(
            where,
            f"x has shape {got}, but the model takes {wanted}",
            "Reshape x (its first axis counts the samples), or give the model's --input-shape.",
        )
    return ArraySamples(where, arrays, _targets(where, labels, len(arrays[0])), spec)


def _targets(where: str, stored: Any, count: int) -> Array | None:
    if stored is None:
        return None
    targets = _array(where, stored)
    if targets.ndim == 2 and targets.shape[1] == 1 and targets.dtype.kind in "iu":
        targets = targets[:, 0]
    if targets.ndim == 0 or len(targets) != count:
        found = len(targets) if targets.ndim else 1
        raise Problem(where, f"x has {count} samples and y has {found}", "Give one target per sample.")
    return targets.astype(np.int64) if targets.dtype.kind in "iu" else targets


def _array(where: str, value: Any) -> Array:
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu()
        # numpy has no bfloat16; every one of its values is a float32.
        value = (value.float() if value.dtype == torch.bfloat16 else value).numpy()
    array = np.asarray(value)
    if array.dtype.kind not in "fiub":
        raise Problem(where, f"holds {array.dtype}, not real numbers", "Store float32 or integers.")
    return array


def _fits(shape: Sequence[int], wanted: Sequence[int | None]) -> bool:
    """Whether samples of an array of this shape suit the model; the batch is free."""
    return len(shape) == len(wanted) and all(
        want is None or have == want for have, want in zip(shape[1:], wanted[1:], strict=True)
    )


def _content_key(arrays: Sequence[Array]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for array in arrays:
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).view(np.uint8).data)
    return digest.hexdigest()


def _first_line(fault: BaseException) -> str:
    return (str(fault).strip() or type(fault).__name__).splitlines()[0]
