"""Callables as data: batches that the user's own Python code returns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..data_spec import DataSpec
from ..load.callable import resolve
from ..problem import Problem, line_of
from ..progress import Cancelled, Report, silent
from ..text import Text
from . import stored
from .arrays import ArraySamples, as_array, checked, given_for
from .named import flat, in_order, target_name
from .spooled import Spool, room
from .stored import Array


def open_callable(
    spec: DataSpec,
    input_shape: tuple[int | None, ...] | None,
    allow_code: bool,
    input_names: Sequence[str] = (),
    report: Report = silent,
) -> ArraySamples:
    """Call ``package.module:name`` or ``file.py:name`` and collect the batches that it returns.

    More than fits well into memory goes into a temporary file, from which samples are read when asked for.

    A batch is x or (x, y); x is an array or tensor, or tuples and dictionaries of them for a model of several
    inputs, nested as the model takes them or by the inputs' names. A batch that is a dictionary may hold y
    (or labels) itself. Samples of different batches may have different shapes. Reading stops when
    ``spec.samples`` are there.

    Raises
    ------
    Problem
        Where code may not run, the callable is missing or fails, or a batch is not understood.
    """
    where = spec.source
    if not allow_code:
        raise Problem(where, Text("is code, which may not run here"), Text("Allow it, or give the data as a file."))
    try:
        collected, targets = _collect(where, resolve(where)(), spec.samples, input_names, report)
    except (Problem, Cancelled):
        raise
    except Exception as fault:  # anything that the user's code raises
        raise Problem(
            where,
            Text("failed ({error}: {said})", error=type(fault).__name__, said=line_of(fault)),
            Text("Mend the callable."),
        ) from fault
    return checked(where, collected, targets, spec, input_shape)


def _parted(batch: Any, input_names: Sequence[str]) -> tuple[Any, Any]:
    """Inputs and targets of a batch."""
    if isinstance(batch, list | tuple) and len(batch) == 2:
        return batch[0], batch[1]
    if not isinstance(batch, Mapping):
        return batch, None
    if "x" in batch and "x" not in input_names:
        return batch["x"], batch.get("y")
    target = target_name(batch, in_order(flat(batch), input_names) or ())
    return {name: item for name, item in batch.items() if name != target}, batch.get(target)


def _collect(
    where: str, batches: Any, samples: int | None, input_names: Sequence[str], report: Report
) -> tuple[list[Any], Array | None]:
    columns: list[Spool] = []
    targets: list[Array] = []
    count = size = 0
    limit: int | None = None
    for batch in batches:
        x, y = _parted(batch, input_names)
        inputs = [as_array(where, value) for value in given_for(where, x, input_names)]
        if columns and len(columns) != len(inputs):
            raise Problem(
                where, Text("returns batches with different numbers of inputs"), Text("Return the same in each.")
            )
        columns = columns or [Spool(where) for _ in inputs]
        for column, value in zip(columns, inputs, strict=True):
            wanted = value if samples is None or not value.ndim else value[: samples - count]
            column.add(wanted)
            size += wanted.nbytes
        if y is not None:
            targets.append(np.atleast_1d(as_array(where, y)))
        count += len(inputs[0]) if inputs[0].ndim else 0
        done, total = (0, 1) if samples is None else (min(count, samples), samples)
        report(done, total, Text("{count} samples read", count=count))
        if samples is not None and count >= samples:
            break
        if size > stored.WHOLE_BYTES and limit is None:
            folder, limit = room()
            for column in columns:
                column.to_disk(folder)
        if limit is not None and size > limit:
            raise Problem(
                where,
                Text("returned more than {limit} GiB", limit=round(limit / 2**30, 1)),
                Text("Limit the number of samples (--samples)."),
            )
    if not columns:
        raise Problem(where, Text("returned no batch"), Text("Return an iterable of x or (x, y)."))
    labels = np.concatenate(targets)[:samples] if targets else None
    return [column.column() for column in columns], labels
