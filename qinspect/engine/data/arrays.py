"""Stored arrays as data; a file never runs code."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..data_spec import DataSpec, Labels, Picture
from ..problem import Problem, WrongShape, line_of
from ..text import Text, dimensions
from .images import describe_normalization, standardize
from .named import flat, in_order, target_name
from .spooled import SpooledRows, SpooledSamples
from .stored import Array, Rows, in_pieces, read_stored

Column = Rows | Sequence[Array]
"""Samples of one input: along the first axis, or one by one where their shapes differ."""


class WrongTargets(Problem):
    """What belongs to the samples does not fit them, whatever model they are for."""


class ArraySamples:
    """Samples of one column per model input.

    Parameters
    ----------
    where : str
        The file or callable, for messages.
    inputs : sequence of Column, each of N samples
        Numbers.
    targets : ndarray, shape (N, ...) | None
        Class indices where it is int64 of shape (N,).
    key : str
        Changes whenever the content does.
    """

    parts: tuple[str, ...] | None = None

    def __init__(self, where: str, inputs: Sequence[Column], targets: Array | None, spec: DataSpec, key: str) -> None:
        self.names = tuple(f"x[{i}]" for i in range(len(inputs[0])))
        self.targets = targets
        classes = targets is not None and targets.ndim == 1 and targets.dtype == np.int64
        self.labels: Labels | None = targets if classes else None
        self.key = key
        self.preparation = describe_normalization(spec) or Text("as stored")
        self._where = where
        self._inputs = tuple(inputs)
        self._spec = spec

    def arrays(self, indices: Sequence[int]) -> tuple[Array, ...]:
        """The samples at `indices`: float32, or integers as they are stored."""
        return tuple(self._prepare(self._chosen(column, indices), indices) for column in self._inputs)

    def shape(self, index: int) -> tuple[tuple[int, ...], ...]:
        """Of one sample of each input."""
        return tuple(_shape(column, index) for column in self._inputs)

    def picture(self, index: int) -> Picture | None:
        """The sample as uint8 of shape (H, W, 3) where it looks like an image, stretched to its own range."""
        sample = self._first(index)
        if sample.ndim == 2:
            sample = sample[None] if self._spec.layout == "nchw" else sample[..., None]
        if sample.ndim != 3:
            return None
        if self._spec.layout == "nchw":
            sample = sample.transpose(1, 2, 0)
        if sample.shape[2] not in (1, 3) or min(sample.shape[:2]) == 1:
            return None
        if self._spec.channels == "bgr":
            sample = sample[..., ::-1]
        if sample.dtype != np.uint8:
            values = sample.astype(np.float32)
            low, high = float(values.min()), float(values.max())
            sample = np.round((values - low) * (255 / (high - low or 1))).astype(np.uint8)
        return np.ascontiguousarray(np.broadcast_to(sample, (*sample.shape[:2], 3)))

    def _first(self, index: int) -> Array:
        """A sample's first input, as it is stored."""
        return np.asarray(self._inputs[0][index])

    def _chosen(self, column: Column, indices: Sequence[int]) -> Array:
        if not isinstance(column, Sequence):
            return np.asarray(column[np.asarray(indices, np.int64)])
        samples = [column[index] for index in indices]
        if len({sample.shape for sample in samples}) > 1:
            raise Problem(
                self._where,
                Text(
                    "x[{index}] has shape {shape}, another sample of the same batch has not",
                    index=indices[0],
                    shape=samples[0].shape,
                ),
                Text("Give samples of one shape."),
            )
        return np.stack(samples)

    def _prepare(self, values: Array, indices: Sequence[int]) -> Array:
        values = native(values)
        if self._spec.mean is not None or not (values.dtype.kind in "iub" or values.dtype == np.float32):
            unit = self._spec.mean is not None and max(self._spec.mean) <= 1  # else they are of bytes as they are
            scale = np.float32(255) if unit and values.dtype == np.uint8 else None
            with np.errstate(over="ignore"):  # what is too large for float32 becomes infinite
                values = values.astype(np.float32)
            if scale is not None:
                values /= scale
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            raise _not_finite(self._where, indices[int(np.argwhere(~np.isfinite(values))[0][0])])
        # The index above copied already.
        return np.ascontiguousarray(values if self._spec.mean is None else standardize(values, self._spec))


def open_arrays(
    path: Path, kind: str, spec: DataSpec, input_shape: tuple[int | None, ...] | None, input_names: Sequence[str] = ()
) -> ArraySamples:
    """Read a file of arrays (without running code from it).

    A file of several arrays gives a model of several inputs: by the inputs' names, else x0, x1, ...;
    y (or labels) is what a metric compares with.

    Parameters
    ----------
    kind : str
        ``npz``, ``npy``, ``safetensors`` or ``pt``, by content.

    Raises
    ------
    Problem
        Where the file cannot be read so, or does not fit the model.
    """
    where = str(path)
    try:
        stored = read_stored(path, kind)
    except Exception as fault:  # each format's reader has exceptions of its own
        pickled = isinstance(fault, pickle.UnpicklingError)  # torch advises to let its code run
        said = Text("it holds more than tensors, or is not whole") if pickled else line_of(fault)
        raise Problem(
            where,
            Text("cannot be read as .{kind} of plain arrays ({said})", kind=kind, said=said),
            Text("Write it again, e.g. with numpy.savez(file, x=..., y=...)."),
        ) from fault
    inputs, labels = _pick(where, stored, input_names, spec.label)
    return checked(where, inputs, labels, spec, input_shape, path)


def _pick(where: str, stored: Any, input_names: Sequence[str], label: str | None) -> tuple[list[Any], Any]:
    """The inputs and targets among what a file holds."""
    if isinstance(stored, list | tuple) and len(stored) == 2:
        return given_for(where, stored[0], input_names), stored[1]
    if not isinstance(stored, Mapping):
        return [stored], None
    if isinstance(stored.get("x"), Mapping | list | tuple):
        return given_for(where, stored["x"], input_names), stored.get("y")
    arrays = flat(stored)
    if label is not None and label not in arrays:
        raise Problem(
            where, Text("has no array {label}", label=label), Text("It has {arrays}.", arrays=", ".join(arrays))
        )
    names = in_order(arrays, input_names) if len(input_names) > 1 or "x" not in arrays else ("x",)
    if names is None and len(input_names) > 1:
        raise _not_all(where, arrays, input_names)
    if not names:
        rest = [name for name in arrays if name != target_name(arrays, (), label)]
        names = tuple(rest) if len(rest) == 1 else None
    if names is None:
        raise Problem(
            where,
            Text("has no array x (it holds {arrays})", arrays=", ".join(arrays) or Text("nothing")),
            Text("Name the samples x and the labels y."),
        )
    target = target_name(arrays, names, label)
    return [arrays[name] for name in names], None if target is None else arrays[target]


def given_for(where: str, nested: Any, input_names: Sequence[str]) -> list[Any]:
    """What is given for the inputs: by name where it has names and they are known, else in its order."""
    leaves = flat(nested)
    if not isinstance(nested, Mapping) or not input_names:
        return list(leaves.values())
    names = in_order(leaves, input_names)
    if names is None:
        raise _not_all(where, leaves, input_names)
    return [leaves[name] for name in names]


def _not_all(where: str, stored: Mapping[str, Any], input_names: Sequence[str]) -> Problem:
    numbered = ", ".join(f"x{i}" for i in range(len(input_names)))
    inputs = (
        Text("{count} inputs", count=len(input_names))
        if len(input_names) > 1
        else Text("the input {name}", name=input_names[0])
    )
    return Problem(
        where,
        Text(
            "does not hold {inputs} (it holds {arrays})",
            inputs=inputs,
            arrays=", ".join(map(str, stored)) or Text("nothing"),
        ),
        Text("Name the arrays {names}, or {numbered}.", names=", ".join(input_names), numbered=numbered),
    )


def checked(
    where: str,
    inputs: Sequence[Any],
    labels: Any,
    spec: DataSpec,
    input_shape: tuple[int | None, ...] | None,
    path: Path | None = None,
) -> ArraySamples:
    """The samples, where they are numbers, as many for each input, and fit the model.

    Parameters
    ----------
    path : Path | None
        The file that they are in; of what is read from it only when asked for, size and time stand for the
        content.

    Raises
    ------
    Problem
    """
    if spec.resize is not None or spec.crop is not None:
        raise Problem(
            where, Text("holds arrays, which are not resized or cropped"), Text("Leave out --resize and --crop.")
        )
    columns = [_column(where, value) for value in inputs]
    _demand_samples(where, columns)
    digest = hashlib.blake2b(digest_size=16)
    for column in columns:
        _look_through(where, column, digest)
    first = columns[0]
    targets = _targets(where, labels, len(first))
    if input_shape is not None:
        _demand_fit(where, first, input_shape)
    if targets is not None:
        digest.update(f"{targets.dtype.str}{targets.shape}".encode() + np.ascontiguousarray(targets).tobytes())
    if path is not None and not all(isinstance(column, np.ndarray | list) for column in columns):
        status = path.stat()
        digest.update(f"{status.st_size}\0{status.st_mtime_ns}".encode())
    return ArraySamples(where, columns, targets, spec, digest.hexdigest())


def _demand_samples(where: str, columns: Sequence[Column]) -> None:
    """As many for each input."""
    for column in columns:
        if not isinstance(column, Sequence) and not (column.ndim and len(column)):
            raise Problem(
                where,
                Text("holds no sample (x has shape {shape})", shape=column.shape),
                Text("Put samples along the first axis."),
            )
        if len(column) != len(columns[0]):
            raise Problem(
                where,
                Text("has inputs of {count} and {other} samples", count=len(columns[0]), other=len(column)),
                Text("Give each the same number."),
            )


def _demand_fit(where: str, first: Column, wanted: Sequence[int | None]) -> None:
    """Samples of the shape that the model takes."""
    shapes = {(len(first), *_shape(first, i)) for i in range(len(first) if isinstance(first, Sequence) else 1)}
    for shape in shapes:
        if _fits(shape, wanted):
            continue
        what = Text(
            "holds x of shape {got}, but the model takes {wanted}", got=dimensions(shape), wanted=dimensions(wanted)
        )
        if len(shapes) > 1 or len(shape) != len(wanted):
            remedy = Text("Reshape x (its first axis counts the samples), or give the model's --input-shape.")
            raise Problem(where, what, remedy)
        one = 1, *shape[1:]
        remedy = Text(
            "Where the model takes these too, open it with --input-shape {shape}; else reshape x.",
            shape=",".join(map(str, one)),
        )
        raise WrongShape(where, what, remedy, one)


def _shape(column: Column, index: int) -> tuple[int, ...]:
    """Of one sample."""
    if isinstance(column, SpooledSamples):
        return column.shapes[index]
    return column[index].shape if isinstance(column, Sequence) else tuple(column.shape[1:])


def _column(where: str, value: Any) -> Column:
    if isinstance(value, SpooledSamples):
        _numbers(where, value.dtype)
        return value
    if isinstance(value, list):
        return [as_array(where, sample) for sample in value]
    if isinstance(value, np.ndarray | torch.Tensor) or not hasattr(value, "shape"):
        return as_array(where, value)
    _numbers(where, value.dtype)
    rows: Rows = value
    return rows


def _look_through(where: str, column: Column, digest: Any) -> None:
    """Add to the digest, and refuse what is not finite; what lies on the disk is looked at when it is read."""
    if isinstance(column, SpooledRows | SpooledSamples):
        shapes = column.shapes if isinstance(column, SpooledSamples) else column.shape
        digest.update(f"{column.dtype.str}{shapes}".encode() + column.digest)
        return
    if isinstance(column, Sequence):
        digest.update(b"".join(f"{sample.dtype.str}{sample.shape}".encode() for sample in column))
        for number, sample in enumerate(column):
            if sample.dtype.kind == "f" and not np.isfinite(sample).all():
                raise _not_finite(where, number)
            digest.update(np.ascontiguousarray(sample).tobytes())
        return
    digest.update(f"{column.dtype.str}{tuple(column.shape)}".encode())
    if not isinstance(column, np.ndarray):
        return
    for piece in in_pieces(column):
        values = column[piece]
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            raise _not_finite(where, piece.start + int(np.argwhere(~np.isfinite(values))[0][0]))
        digest.update(np.ascontiguousarray(values).view(np.uint8).data)


def _not_finite(where: str, sample: int) -> Problem:
    return Problem(
        where, Text("holds NaN or infinite values, first in x[{sample}]", sample=sample), Text("Remove these samples.")
    )


def _targets(where: str, stored: Any, count: int) -> Array | None:
    if stored is None:
        return None
    # A whole column of targets is needed for the splits, and is small beside the samples.
    whole = stored if isinstance(stored, np.ndarray | torch.Tensor) or not hasattr(stored, "shape") else None
    try:
        targets = as_array(where, stored[np.arange(len(stored))] if whole is None else whole)
    except Problem as problem:
        raise WrongTargets(f"{where}, y", problem.what, problem.remedy) from problem
    if targets.ndim == 2 and targets.shape[1] == 1 and targets.dtype.kind in "iu":
        targets = targets[:, 0]
    if targets.ndim == 0 or len(targets) != count:
        found = len(targets) if targets.ndim else 1
        raise WrongTargets(
            where,
            Text("x has {count} samples and y has {found}", count=count, found=found),
            Text("Give one target per sample."),
        )
    return targets.astype(np.int64) if targets.dtype.kind in "iu" else targets


def as_array(where: str, value: Any) -> Array:
    """Numbers as numpy has them.

    Raises
    ------
    Problem
        Where they are something else.
    """
    if isinstance(value, torch.Tensor):
        tensor = value.detach().cpu()
        try:
            # numpy has no bfloat16; every one of its values is a float32.
            value = (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy()
        except TypeError:
            raise _no_numbers(where, tensor.layout if tensor.is_sparse else tensor.dtype) from None
    array = np.asarray(value)
    _numbers(where, array.dtype)
    return native(array)


def native(array: Array) -> Array:
    """In this computer's own order of bytes, which is the only one that torch takes; most arrays are it."""
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def _numbers(where: str, dtype: np.dtype[Any]) -> None:
    if dtype.kind not in "fiub":
        raise _no_numbers(where, dtype)


def _no_numbers(where: str, kind: object) -> Problem:
    return Problem(where, Text("holds {dtype}, not real numbers", dtype=kind), Text("Store float32 or integers."))


def _fits(shape: Sequence[int], wanted: Sequence[int | None]) -> bool:
    """Whether samples of an array of this shape suit the model; the batch is free."""
    return len(shape) == len(wanted) and all(
        want is None or have == want for have, want in zip(shape[1:], wanted[1:], strict=True)
    )
