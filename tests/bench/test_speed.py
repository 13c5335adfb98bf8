"""Speed as ratios, each measured in one run against the same work done plainly.

Run ``python -m pytest -m bench -s tests/bench``; the table goes to tests/bench/README.md.
"""

from __future__ import annotations

import dataclasses
import statistics
import time
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch

from qinspect import demo
from qinspect.engine.calibrate import calibrate
from qinspect.engine.data import batches, open_data
from qinspect.engine.job import first_plan, fused_graph
from qinspect.engine.load import load_model
from qinspect.engine.plan import Target
from qinspect.engine.quantize import quantize
from qinspect.engine.ranges import estimate_activation
from qinspect.engine.sensitivity import score
from qinspect.engine.simulate import Simulation

pytestmark = [pytest.mark.bench, pytest.mark.timeout(1800)]


def ratio(ours: Callable[[], Any], plain: Callable[[], Any], runs: int = 3) -> float:
    """Median of ours over median of plain, interleaved, after one warm-up of each."""
    ours(), plain()
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(runs):
        for which, call in enumerate((ours, plain)):
            began = time.perf_counter()
            call()
            times[which].append(time.perf_counter() - began)
    return statistics.median(times[0]) / statistics.median(times[1])


@pytest.fixture(scope="module")
def mobilenet():
    model = load_model(demo.model_spec(), allow_code=True)
    return model, open_data(demo.data_spec(), model.graph.inputs[0].shape)


@pytest.fixture(params=[1, 2])
def threads(request):
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def _prepared(model, batch, observer):
    """The same module with torch.ao's observers, as its users calibrate."""
    from torch.ao.quantization import QConfig, QConfigMapping, default_per_channel_weight_observer
    from torch.ao.quantization.quantize_fx import prepare_fx

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        qconfig = QConfig(activation=observer, weight=default_per_channel_weight_observer)
        return prepare_fx(model.forward, QConfigMapping().set_global(qconfig), (batch,))


@pytest.mark.parametrize("size", [8, 32])
def test_calibration_against_a_plain_forward_and_torch_ao(mobilenet, threads, size):
    from torch.ao.quantization import HistogramObserver, MinMaxObserver

    model, data = mobilenet
    feed = [inputs for inputs, _ in batches(data, data.splits.calibrate[:32], size)]
    graph = fused_graph(model, first_plan(model.graph, Target())).graph

    def forward(module: Any) -> None:
        with torch.inference_mode():
            for inputs in feed:
                module(*inputs)

    plain = lambda: forward(model.forward)  # noqa: E731
    ours = ratio(lambda: calibrate(graph, feed), plain)
    line = f"calibration, batch {size}, {threads} thread(s): qinspect {ours:.2f} plain forwards"
    for name, observer in (("MinMaxObserver", MinMaxObserver), ("HistogramObserver", HistogramObserver)):
        prepared = _prepared(model, feed[0][0], observer)
        line += f", torch.ao FX {name} {ratio(lambda module=prepared: forward(module), plain, runs=1):.2f}"
    print(line)
    assert ours < 1.6


def test_simulation_estimators_and_scores_against_a_plain_forward(mobilenet, threads):
    model, data = mobilenet
    feed = [inputs for inputs, _ in batches(data, data.splits.calibrate[:32], 16)]
    plan = first_plan(model.graph, Target())
    graph = fused_graph(model, plan).graph
    stats = calibrate(graph, feed).tensors
    quantization = quantize(graph, plan, stats)
    simulation = Simulation(quantization, channels_last=True)

    def plain() -> None:
        with torch.inference_mode():
            for inputs in feed:
                model.forward(*inputs)

    def simulate() -> None:
        with torch.inference_mode():
            for inputs in feed:
                simulation(inputs)

    assert plan.default.activation is not None
    configs = [plan.default.activation.but(estimator=name) for name in ("minmax", "percentile", "mse", "entropy")]
    print(f"simulating a plan, {threads} thread(s): {ratio(simulate, plain):.2f} plain forwards")
    for config in configs:
        every = ratio(lambda c=config: [estimate_activation(s, c) for s in stats.values()], plain)
        what = f"estimator {config.estimator}, all {len(stats)} tensors, {threads} thread(s)"
        print(f"{what}: {every:.4f} plain forwards")
    scored = ratio(lambda: score({"plan": quantization}, feed), plain, runs=3)
    print(f"estimating every layer's effect, {threads} thread(s): {scored:.2f} plain forwards")
    assert dataclasses.is_dataclass(quantization)
