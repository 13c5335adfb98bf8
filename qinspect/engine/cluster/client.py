"""The client's side: shares are handed out, and what comes back is put together in their order."""

from __future__ import annotations

import contextlib
import json
import logging
import math
import time
import warnings
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..analyze import sweep_key, sweep_samples
from ..calibrate import KEEP_S, Calibration, load_calibration
from ..data import Dataset
from ..graph import LayerGraph
from ..job import Gather, batch_size, quantization_of
from ..load import Model
from ..metric import TOP1, Metric
from ..plan import QuantPlan
from ..problem import Problem
from ..progress import Cancelled, Report, silent
from ..sensitivity.sweep import FIRST, OutputFigures, Sweep
from ..text import Text
from . import work as at_worker
from .work import Work

CONNECT_S = 10.0
"""A scheduler that does not answer within this time is not there."""

PATIENCE_S = 60.0
"""So long a cluster may be without any worker, or without its scheduler."""

ROUNDS = 4
"""Every thread of the workers gets about so many shares, so that none waits long for the last one."""

MOST_BATCHES = 8
"""Of one share: what is lost with a worker is little."""

MOST_LAYERS = 16
"""Of one share of the sweep. What lies before them is run once for a share, so one layer each would be waste."""


@contextlib.contextmanager
def connected(address: str) -> Iterator[Any]:
    """A dask client of an existing scheduler.

    Parameters
    ----------
    address : str
        ``tcp://HOST:PORT``, or another of dask's.

    Raises
    ------
    Problem
        Where dask.distributed is not installed, or nothing answers there.
    """
    try:
        from distributed import Client
    except ImportError:
        remedy = Text("pip install 'qinspect[cluster]'.")
        raise Problem("--cluster", Text("dask.distributed is not installed"), remedy) from None
    # What goes wrong is said once, in our words.
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            client = Client(address, timeout=CONNECT_S, set_as_default=False)
    except (OSError, ValueError) as error:  # TimeoutError is an OSError
        what = Text("no scheduler answers ({error})", error=_line(error))
        raise Problem(Text("cluster {address}", address=address), what, Text("Is it running there?")) from error
    try:
        yield client
    finally:
        with contextlib.suppress(Exception):  # what was wanted of it is here, or its loss has been told
            client.close(timeout=2)


def gather_on(client: Any, work: Work) -> Gather:
    """A calibration pass that the workers run: what `calibrate_model` takes in place of one in this process.

    Every share is a run of whole batches, and their statistics are merged in the order of the data: extremes (of
    tensors, channels, batches and samples) and counts are bitwise those of one process with the same torch,
    instruction set and number of threads; means and variances may differ in the last bits of a float64.
    """

    def gather(
        graph: LayerGraph,
        data: Dataset,
        indices: Sequence[int],
        report: Report,
        *,
        total: int,
        only: frozenset[str],
        share: float,
        start: Calibration | None,
        keep: Callable[[Calibration], None] | None,
    ) -> Calibration:
        began = kept_at = time.monotonic()
        size = batch_size(graph)
        threads = _threads(client, report)
        length = size * max(1, min(MOST_BATCHES, math.ceil(len(indices) / size) // (threads * ROUNDS)))
        shares = [list(indices[place : place + length]) for place in range(0, len(indices), length)]
        text, values = work.text(), sorted(only)
        before = 0 if start is None else start.samples
        found, waiting = start, {}

        def tell() -> None:
            done = before if found is None else found.samples
            report(done, total, Text("calibrating on {threads} threads of the cluster", threads=threads))

        def whole() -> Calibration | None:
            seconds = (0.0 if start is None else start.seconds) + time.monotonic() - began
            return found and replace(found, seconds=seconds, planned=max(total, found.samples), share=share)

        tasks = [(text, part, values, share) for part in shares]
        results = _run(client, at_worker.gather, tasks)
        try:
            for place, result in results:
                if result is not None:
                    waiting[place] = load_calibration(result)
                    while waiting and (following := _next(before, found, length)) in waiting:
                        part = waiting.pop(following)
                        found = part if found is None else found.merged(part)
                        tell()
                tell()
                if keep is not None and found is not None and time.monotonic() - kept_at > KEEP_S:
                    keep(whole() or found)
                    kept_at = time.monotonic()
        except Cancelled:
            kept = whole()
            if keep is not None and kept is not None:
                keep(kept)
            raise
        finally:
            results.close()
        made = whole()
        if made is None:
            what = Text("there is no sample to calibrate on")
            raise Problem("data", what, Text("Give more samples or another split."))
        return made

    return gather


def _next(before: int, found: Calibration | None, length: int) -> int:
    """The share that follows what has been merged."""
    return (0 if found is None else found.samples - before) // length


def sweep_on(
    client: Any,
    work: Work,
    model: Model,
    data: Dataset,
    plan: QuantPlan,
    calibration: Calibration,
    report: Report = silent,
    *,
    metric: Metric = TOP1,
    known: Sweep | None = None,
    keep: Callable[[Sweep], None] | None = None,
) -> Sweep:
    """Measure every layer alone, and all layers but one, on the workers.

    Parameters
    ----------
    client, work, model, data, plan
    calibration : Calibration
        Of every value of the plan's graph; the workers quantize by it themselves.
    report : Report
    metric : Metric
        That of `work`, with the output that is judged.
    known : Sweep, optional
        Figures of before, which are not measured again where they are of the same.
    keep : callable, optional
        Given all figures so far after each share.

    Returns
    -------
    Sweep
        What `analyze` measures for its `exact`, and takes as `swept`; each layer's figures are those of one process.
    """
    quantization = quantization_of(model, data, plan, calibration, report)
    key = sweep_key(model, data, plan, len(sweep_samples(quantization.graph, data)), metric)
    found = known if known is not None and known.key == key else Sweep(key=key)
    wanted = quantization.rounding - found.isolated.keys()
    layers = [layer.id for layer in quantization.graph.layers if layer.id in wanted]
    if not layers:
        return found
    threads = _threads(client, report)
    length = max(FIRST, min(MOST_LAYERS, math.ceil(len(layers) / (threads * ROUNDS))))
    shares = [layers[place : place + length] for place in range(0, len(layers), length)]
    # As a task of its own it is sent once to a worker, and made again where the one that held it is lost.
    statistics = client.submit(bytes, calibration.to_bytes(), pure=False)
    done = 0
    note = Text("measuring one layer at a time on {threads} threads of the cluster", threads=threads)
    results = _run(client, at_worker.measure, [(work.text(), statistics, part) for part in shares])
    try:
        for _, result in results:
            if result is not None:
                part = json.loads(result)
                rows = {kind: _figures(part[kind]) for kind in ("isolated", "leave_one_out")}
                done += len(rows["isolated"])
                found = replace(
                    found,
                    isolated={**found.isolated, **rows["isolated"]},
                    leave_one_out={**found.leave_one_out, **rows["leave_one_out"]},
                    samples=int(part["samples"]),
                )
                if keep is not None:
                    keep(found)
            report(done, len(layers), note)
    finally:
        results.close()
    return found


def _figures(rows: Mapping[str, Mapping[str, Any]]) -> dict[str, OutputFigures]:
    return {id: OutputFigures(**row) for id, row in rows.items()}


def _threads(client: Any, report: Report) -> int:
    """Threads of all workers; waits a while for the first worker."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        with _told(client):
            threads = sum(client.nthreads().values())
        if threads:
            return threads
        if time.monotonic() > deadline:
            raise Problem(_name(client), Text("has no worker"), Text("Start some with dask worker."))
        report(0, 1, Text("waiting for a worker of the cluster"))
        time.sleep(0.1)


def _run(client: Any, function: Callable[..., Any], tasks: Sequence[tuple[Any, ...]]) -> Generator[tuple[int, Any]]:
    """Results as they come, with their task's place; ``(-1, None)`` ten times a second in between.

    dask hands the shares of a lost worker to the others. What has not been begun is taken back when this ends early.

    Raises
    ------
    Problem
        A worker's own; that a share took down every worker that it was given to; that all workers
        or the scheduler have gone.
    """
    pending = {
        place: client.submit(function, *task, pure=False, key=f"qinspect-{function.__name__}-{place}-{time.time_ns()}")
        for place, task in enumerate(tasks)
    }
    seen = time.monotonic()
    try:
        while pending:
            for place, future in list(pending.items()):
                if future.status == "pending":
                    continue
                if future.status != "finished":
                    raise _failure(client, future)
                del pending[place]
                with _told(client):
                    result = future.result()
                future.release()
                seen = time.monotonic()
                yield place, result
            if time.monotonic() - seen > PATIENCE_S:
                # A share may take longer than that: it counts only if there is nobody who works on it.
                with _told(client):
                    workers = client.nthreads()
                if not workers:
                    what = Text("has lost all its workers")
                    raise Problem(_name(client), what, Text("Start some, and run it again."))
                seen = time.monotonic()
            yield -1, None
            time.sleep(0.1)
    finally:
        if pending:
            with contextlib.suppress(Exception):  # the scheduler may be what is lost
                client.cancel(list(pending.values()), force=True)


@contextlib.contextmanager
def _told(client: Any) -> Iterator[None]:
    """What goes wrong between here and the scheduler is a Problem."""
    try:
        yield
    except Problem:
        raise
    except Exception as error:
        what = Text("does not answer any more ({error})", error=_line(error))
        raise Problem(_name(client), what, Text("Is its scheduler running?")) from error


def _failure(client: Any, future: Any) -> Problem:
    """Why a share was not done."""
    if future.status != "error":
        return Problem(_name(client), Text("has lost its scheduler"), Text("Start it, and run this again."))
    error = future.exception()
    if isinstance(error, Problem):
        return error
    if type(error).__name__ == "KilledWorker":
        what = Text("a share of the work took down every worker that it was given to")
        return Problem(_name(client), what, Text("Give the workers more memory, or look into their logs."))
    what = Text("a worker failed ({error})", error=f"{type(error).__name__}: {_line(error)}")
    return Problem(_name(client), what, Text("Is the same qinspect installed on all workers?"))


def _name(client: Any) -> Text:
    return Text("cluster {address}", address=client.scheduler.address if client.scheduler else "")


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
