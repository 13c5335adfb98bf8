"""What a worker does: open what the client has opened, and one share of the work."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch

from ... import __version__
from ..analyze import sweep_samples
from ..calibrate import calibrate, load_calibration
from ..classes import class_axis
from ..data import Dataset, batches, open_data
from ..data_spec import DataSpec
from ..job import batch_size, fed, fused_graph, measured_batch, quantization_of
from ..load import Model, load_model
from ..metric import metric_of
from ..plan import QuantPlan
from ..plan.file import plan_from_json
from ..problem import Problem
from ..quantize import Quantization
from ..sensitivity.sweep import sweep
from ..source import ModelSpec, is_callable
from ..text import Text

_opening = threading.Lock()
"""A worker with several threads opens a model once."""


@dataclass(frozen=True)
class Work:
    """What all shares have in common; goes to the workers as JSON.

    Parameters
    ----------
    model, data, plan : mapping
        A `ModelSpec`, `DataSpec` and `QuantPlan` as JSON; paths are absolute.
    model_digest, data_digest : str
        Of what the client has opened under these names.
    metric : str | None
        As it was named; a callable runs on the workers.
    output : int | None
        The output that is judged.
    version, torch : str
        Of the client's qinspect and torch: others may compute something else.
    """

    model: dict[str, Any]
    data: dict[str, Any]
    plan: dict[str, Any]
    model_digest: str
    data_digest: str
    metric: str | None = None
    output: int | None = None
    version: str = __version__
    torch: str = str(torch.__version__)

    def text(self) -> str:
        return json.dumps(asdict(self), sort_keys=True)


def work_of(model: Model, data: Dataset, plan: QuantPlan, metric: str | None = None, output: int | None = None) -> Work:
    """What is to be worked on, as the workers are told."""
    spec, source = model.spec.to_json(), data.spec.to_json()
    spec["source"], source["source"] = _absolute(spec["source"]), _absolute(source["source"])
    for given, key in ((spec, "weights"), (source, "tokenizer")):
        given[key] = None if given[key] is None else _absolute(given[key])
    named = None if metric is None else _absolute(metric)
    return Work(spec, source, plan.to_json(), model.digest, data.digest, named, output)


def _absolute(source: str) -> str:
    """A path that means the same in another folder; names of packages stay as they are."""
    path, colon, name = source.rpartition(":") if is_callable(source) else (source, "", "")
    there = Path(path).expanduser()
    return f"{there.absolute()}{colon}{name}" if there.exists() else source


def gather(work: str, indices: Sequence[int], values: Sequence[str], share: float) -> bytes:
    """Statistics of these values over these samples, which are whole batches; as `Calibration.to_bytes`."""
    model, data, plan = _opened(work)
    graph = fused_graph(model, plan).graph
    feed = fed(batches(data, indices, batch_size(graph)))
    return calibrate(graph, feed, only=frozenset(values), share=share).to_bytes()


def measure(work: str, statistics: bytes, layers: Sequence[str]) -> str:
    """The exact errors of these layers, as `Sweep.to_json`."""
    _, data, _ = _opened(work)
    quantization = _quantization(work, statistics)
    chosen = sweep_samples(quantization.graph, data)
    said = json.loads(work)
    metric = replace(_metric(said["metric"]), output=said["output"])
    found = sweep(
        quantization,
        [inputs for inputs, _ in batches(data, chosen, measured_batch(quantization))],
        only=frozenset(layers),
        first=len(layers),
        metric=metric,
        targets=None if data.targets is None else data.targets[list(chosen)],
        classes=class_axis(quantization.graph, data, metric),
    )
    return json.dumps(found.to_json())


def _opened(work: str) -> tuple[Model, Dataset, QuantPlan]:
    with _opening:
        return _open(work)


@lru_cache(maxsize=2)
def _open(text: str) -> tuple[Model, Dataset, QuantPlan]:
    work = Work(**json.loads(text))
    for name, theirs, ours in (("qinspect", work.version, __version__), ("torch", work.torch, str(torch.__version__))):
        if theirs != ours:
            what = Text("has {name} {ours}, not {theirs}", name=name, ours=ours, theirs=theirs)
            raise Problem(_here(), what, Text("Install the same on all workers."))
    # Who named a source with a colon on the command line, and this cluster beside it, has allowed both.
    model = load_model(ModelSpec.from_json(work.model), allow_code=True)
    graph = model.graph
    data = open_data(
        DataSpec.from_json(work.data), graph.inputs[0].shape, allow_code=True, input_names=graph.input_names
    )
    for name, same in (
        (work.model["source"], work.model_digest == model.digest),
        (work.data["source"], work.data_digest == data.digest),
    ):
        if not same:
            remedy = Text("Give the same files to all workers; random weights differ: give --weights.")
            raise Problem(_here(), Text("has something else under the name {name}", name=name), remedy)
    return model, data, plan_from_json(work.plan)


_metric = lru_cache(maxsize=2)(metric_of)
"""One of the user's has a process of its own: it stays from share to share."""


@lru_cache(maxsize=2)
def _quantization(work: str, statistics: bytes) -> Quantization:
    model, data, plan = _opened(work)
    return quantization_of(model, data, plan, load_calibration(statistics))


def _here() -> Text:
    from distributed import get_worker

    return Text("worker {address}", address=get_worker().address)
