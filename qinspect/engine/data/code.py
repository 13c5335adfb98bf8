"""Callables as data: batches that the user's own Python code returns."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..data_spec import DataSpec
from ..graph.memory import Growth
from ..load.callable import resolve
from ..problem import Problem
from ..process.guest import Guest, Raised
from ..progress import Cancelled, Report, silent
from ..staged import scratch_folder
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
    apart: bool = False,
) -> ArraySamples:
    """Call ``package.module:name`` or ``file.py:name`` and collect the batches that it returns.

    More than fits well into memory goes into a temporary file, from which samples are read when asked for.

    A batch is x or (x, y); x is an array or tensor, or tuples and dictionaries of them for a model of several
    inputs, nested as the model takes them or by the inputs' names. A batch that is a dictionary may hold y
    (or labels) itself. Samples of different batches may have different shapes. Reading stops when
    ``spec.samples`` are there. With `apart` it runs in a process of its own, which `report` may end.

    Raises
    ------
    Problem
        Where code may not run, the callable is missing or fails, or a batch is not understood.
    """
    where = spec.source
    if not allow_code:
        raise Problem(where, Text("is code, which may not run here"), Text("Allow it, or give the data as a file."))
    try:
        last: list[Any] = [0, 1, Text("running {source}", source=where)]

        def told(*now: Any) -> None:
            last[:] = now
            report(*now)

        report(*last)
        made = _apart(where, input_names, lambda *_: report(*last)) if apart else _here(where, input_names)
        with contextlib.closing(made) as batches:  # no process and no folder outlive this, however it ends
            collected, targets = _collect(where, batches, spec.samples, told)
    except (Problem, Cancelled):
        raise
    except Exception as fault:  # anything that the user's code raises
        raised = Raised.of(fault)
        raise Problem(
            raised.line or where,
            Text("failed ({error}: {said})", error=raised.kind, said=raised.said),
            Text("Mend the callable."),
        ) from fault
    return checked(where, collected, targets, spec, input_shape)


MANY_BYTES = 4 << 30
MANY_SAMPLES = 200_000
"""What a callable that does not say how many batches it has may return unasked: it may have no end."""

Batch = tuple[list[Array], Array | None, int | None]
"""An array per input, of shape (samples, ...), what belongs to them, and of how many batches it is one, where said."""


Batches = Generator[Batch, None, None]


def _here(where: str, input_names: Sequence[str]) -> Batches:
    """The batches, where the callable runs in this process; one that keeps memory ends while some is left."""
    growth = Growth()
    returned = resolve(where)()
    total = None
    with contextlib.suppress(Exception):  # a generator has none, a loader of an iterable data set raises what it likes
        total = len(returned)
    for batch in returned:
        x, y = _parted(batch, input_names)
        inputs = [as_array(where, value) for value in given_for(where, x, input_names)]
        yield inputs, None if y is None else np.atleast_1d(as_array(where, y)), total
        growth.check(where)


def _apart(where: str, input_names: Sequence[str], report: Report) -> Batches:
    """The batches from a process of its own, which may be killed at any time."""
    remedy = Text("Run it by itself in Python: it must return, and leave the process alone.")
    guest = Guest(where, "qinspect.engine.data.code:Host", [where, list(input_names)], remedy, report, again=False)
    with contextlib.closing(guest), scratch_folder(room()[0]) as folder:
        while (found := guest.call("batch", str(folder), report=report)) is not None:
            count, targets, total = found
            inputs = [np.load(folder / f"{index}.npy", allow_pickle=False) for index in range(count)]
            yield inputs, np.load(folder / "y.npy", allow_pickle=False) if targets else None, total


class Host:
    """That process's side."""

    about: Mapping[str, Any] = {}

    def __init__(self, where: str, input_names: Sequence[str], report: Report) -> None:
        self._batches = _here(where, input_names)

    def batch(self, folder: str) -> tuple[int, bool, int | None] | None:
        """Write the next batch there; how many inputs it has, whether it has targets, and of how many it is one.

        None at the end.
        """
        for inputs, targets, total in self._batches:
            for index, array in enumerate(inputs):
                np.save(Path(folder, f"{index}.npy"), array, allow_pickle=False)
            if targets is not None:
                np.save(Path(folder, "y.npy"), targets, allow_pickle=False)
            return len(inputs), targets is not None, total
        return None


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


def _tell(report: Report, count: int, samples: int | None, number: int, total: int | None) -> None:
    """How far it is; what may have no end says from its first batch on that it can be limited."""
    if samples is not None:
        report(min(count, samples), samples, Text("{count} samples read", count=count))
    elif total is not None:
        report(min(number, total), max(total, 1), Text("{count} samples read", count=count))
    else:
        report(0, 1, Text("{count} samples read, of how many is not said (--samples sets a limit)", count=count))


def _collect(
    where: str, batches: Iterable[Batch], samples: int | None, report: Report
) -> tuple[list[Any], Array | None]:
    columns: list[Spool] = []
    targets: list[Array] = []
    count = size = 0
    limit: int | None = None
    for number, (inputs, y, total) in enumerate(batches, 1):
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
            targets.append(y)
        count += len(inputs[0]) if inputs[0].ndim else 0
        _tell(report, count, samples, number, total)
        if samples is not None and count >= samples:
            break
        if samples is None and total is None and (size > MANY_BYTES or count > MANY_SAMPLES):
            raise Problem(
                where,
                Text(
                    "returned {count} samples ({size} MB) and does not say how many there are: it may have no end",
                    count=count,
                    size=round(size / 1e6),
                ),
                Text("Say how many to read (--samples), or return what has a len(), such as a DataLoader."),
            )
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
