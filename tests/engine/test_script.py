"""The script for ONNX Runtime: the simulation in torch alone, and the model that it describes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from qinspect.engine.backends.script import export_script
from qinspect.engine.calibrate import calibrate
from qinspect.engine.fuse import fuse
from qinspect.engine.graph.normalize import normalize
from qinspect.engine.load import quiet
from qinspect.engine.plan import QuantPlan
from qinspect.engine.plan.target import Target
from qinspect.engine.quantize import Quantization, quantize
from qinspect.engine.simulate import Simulation


class Net(nn.Module):
    """Input (N, 3, 12, 12)."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.bn = nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8)
        self.depthwise = nn.Conv2d(8, 8, 3, stride=2, groups=8)
        self.side, self.fc = nn.Conv2d(8, 8, 1), nn.Linear(16, 4)

    def forward(self, x):
        x = F.relu6(self.bn(self.stem(x)))
        x = F.relu(self.depthwise(F.pad(x, (0, 1, 0, 1))))
        x = torch.cat([F.silu(self.side(x)), F.relu(x + x)], 1)
        return self.fc(F.adaptive_avg_pool2d(F.max_pool2d(x, 2), 1).flatten(1))


@pytest.fixture(scope="module")
def x() -> torch.Tensor:
    return torch.randn(6, 3, 12, 12, generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="module")
def quantization(x: torch.Tensor, one_thread: None) -> Quantization:
    with torch.random.fork_rng(), quiet(), torch.no_grad():
        torch.manual_seed(0)
        program = torch.export.export(Net().eval(), (x,), dynamic_shapes=({0: torch.export.Dim("batch")},))
        plan = QuantPlan.preset(Target())
        fused = fuse(normalize(program.run_decompositions({})), plan).graph
        return quantize(fused, plan, calibrate(fused, [(x,)]).tensors)


@pytest.fixture(scope="module")
def exported(quantization: Quantization, x: torch.Tensor, tmp_path_factory: pytest.TempPathFactory):
    out = tmp_path_factory.mktemp("export") / "net"
    return out, export_script(quantization, out, [(x[:4],), (x[4:],)], name="net")


def test_the_script_is_verified(exported, quantization):
    out, report = exported
    assert report.problems == ()
    assert report.verified
    assert report.to == "script"
    assert set(report.quantized) == quantization.asked & quantization.quantized
    assert report.agreement == 1
    assert sorted(path.name for path in out.iterdir()) == [
        "README.txt", "build.py", "graph.json", "layers.py", "model.onnx", "model.py", "plan.json", "qparams.json",
        "verify.json", "weights.pt",
    ]  # fmt: skip


def test_the_script_simulates_bit_for_bit_and_writes_a_model_that_runs_in_integers(
    exported, quantization, x, tmp_path: Path
):
    out, _ = exported
    torch.save(x, tmp_path / "x.pt")
    code = f"""
import sys, torch
sys.path.insert(0, {str(out)!r})
torch.set_num_threads(1)
from build import load, session, write_onnx
x = torch.load("x.pt")
with torch.no_grad():
    y = load()(x)
assert "onnxruntime" not in sys.modules and "qinspect" not in sys.modules
write_onnx("new.onnx")
torch.save([y, session()(x)[0], session("new.onnx")(x)[0]], "y.pt")
"""
    done = subprocess.run([sys.executable, "-I", "-B", "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    ours, kernel, again = torch.load(tmp_path / "y.pt")
    assert torch.equal(ours, Simulation(quantization)((x,)))
    step = float(quantization.values["fc:linear"].scale)
    assert float((kernel - ours).abs().max()) < 2.5 * step
    assert float((again - ours).abs().max()) < 2.5 * step

    import onnx
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.optimized_model_filepath = str(tmp_path / "optimized.onnx")
    onnxruntime.InferenceSession(str(tmp_path / "new.onnx"), options, providers=["CPUExecutionProvider"])
    kinds = [node.op_type for node in onnx.load(tmp_path / "optimized.onnx").graph.node]
    assert kinds.count("QLinearConv") == 3
    assert kinds.count("QGemm") == 1


class Cell(nn.Module):
    """What torch's older exporter cannot follow; input (N, 8)."""

    def __init__(self) -> None:
        super().__init__()
        self.read, self.cell, self.fc = nn.Conv1d(1, 10, 10), nn.LSTMCell(10, 6), nn.Linear(6, 2)

    def forward(self, x):
        x = F.pad(x, (0, 2), "reflect").unsqueeze(1)
        return self.fc(self.cell(self.read(x).squeeze(-1))[0].relu())


def test_what_torchs_exporter_cannot_write_anew_is_said_in_one_line_and_the_model_that_is_there_runs(
    canonical, quantized, tmp_path: Path
):
    x = torch.randn(6, 8)
    q = quantized(canonical(Cell(), x, dynamic=True), QuantPlan.preset(Target()), [(x,)])
    assert export_script(q, tmp_path / "net", [(x,)], name="net").problems == ()
    code = f"""
import sys, torch
sys.path.insert(0, {str(tmp_path / "net")!r})
from build import session, write_onnx
assert session()(torch.randn(2, 8))[0].shape == (2, 2)
write_onnx("new.onnx")
"""
    done = subprocess.run([sys.executable, "-I", "-B", "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1
    assert [line[:31] for line in done.stderr.splitlines()] == ["torch's exporter cannot write t"]


class Rows(nn.Module):
    """Linear layers with and without an activation, and a product; input (N, 5, 40)."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Linear(40, 16), nn.Linear(40, 16, bias=False)
        self.head = nn.Linear(5, 3)

    def forward(self, x):
        return self.head(F.relu(self.one(x)) @ self.two(x).transpose(1, 2))


@pytest.mark.parametrize("weight", [{"dtype": "int8"}, {"dtype": "fp8_e4m3"}, "weight-only-int4", "default-dynamic"])
def test_weight_only_and_dynamic_plans_have_a_script_too(weight, canonical, quantized, tmp_path):
    from qinspect.engine.plan.qconfig import PRESETS, QConfig, TensorConfig

    preset = PRESETS[weight] if isinstance(weight, str) else QConfig(TensorConfig(**weight), None)
    plan = QuantPlan.preset(Target()).with_default(preset.weight, preset.activation)
    x = torch.randn(6, 5, 40)
    q = quantized(canonical(Rows().eval(), x), plan, [(x,)])
    assert q.rounding
    report = export_script(q, tmp_path / "rows", [(x[:4],), (x[4:],)], name="rows")
    assert report.problems == ()
    assert report.verified


@pytest.mark.parametrize(("target", "file"), [("tensorrt", "model.onnx"), ("pt2e", "model.pt2")])
def test_a_script_is_for_the_plans_own_target(target, file, x, canonical, quantized, tmp_path):
    plan = QuantPlan.preset(Target.parse(target))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        graph = canonical(Net().eval(), x)
    q = quantized(graph, plan, [(x,)])
    report = export_script(q, tmp_path / "net", [(x[:4],), (x[4:],)], name="net")
    assert report.problems == ()
    assert report.verified
    assert len(report.quantized) > 5
    assert set(report.quantized) == q.asked & q.quantized
    assert report.sqnr_db is None or report.sqnr_db > 40
    assert (report.quantize_nodes or 0) > 3
    assert (tmp_path / "net" / file).is_file()
    assert f"quantized for {q.plan.target.title}" in (tmp_path / "net" / "README.txt").read_text()
    torch.save(x, tmp_path / "x.pt")
    code = f"""
import sys, torch
sys.path.insert(0, {str(tmp_path / "net")!r})
torch.set_num_threads(1)
from build import load, session
x = torch.load("x.pt")
with torch.no_grad():
    y = load()(x)
assert not {{"onnxruntime", "qinspect", "torchao"}} & set(sys.modules)
torch.save([y, session()(x)[0]], "y.pt")
assert not {{"qinspect", "torchao"}} & set(sys.modules)
"""
    done = subprocess.run([sys.executable, "-I", "-B", "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    ours, run = torch.load(tmp_path / "y.pt")
    assert torch.equal(ours, Simulation(q)((x,)))
    assert float((ours - run).abs().max()) < 0.02 * float(ours.abs().max())
    tried = subprocess.run(
        [sys.executable, "-I", "-B", str(tmp_path / "net" / "build.py")], capture_output=True, text=True
    )
    assert "largest difference" in tried.stdout, tried.stderr


def test_a_tensorrt_scripts_model_is_held_against_the_simulation_layer_by_layer(
    x, canonical, quantized, tmp_path, monkeypatch
):
    """Through MobileNetV2 sums in another order grow to 18 dB at the output, though every layer is right."""
    from qinspect.engine.backends import script

    monkeypatch.setattr(script, "unlike_outputs", lambda *_: ["unlike at the output"])
    q = quantized(canonical(Net().eval(), x), QuantPlan.preset(Target.parse("tensorrt")), [(x,)])
    report = export_script(q, tmp_path / "net", [(x[:4],), (x[4:],)], name="net")
    assert report.problems == ()
    assert report.layers_compared > 3
    assert report.build.startswith("trtexec --onnx=model.onnx")
    assert (tmp_path / "net" / "model.trtexec.sh").is_file()


def test_dynamic_plans_have_a_script_for_inductor_too(canonical, quantized, tmp_path):
    from qinspect.engine.plan.qconfig import TensorConfig

    dynamic = TensorConfig("uint8", dynamic=True)
    plan = QuantPlan.preset(Target.parse("pt2e")).with_default(TensorConfig("int8", symmetric=True), dynamic)
    x = torch.randn(6, 5, 40)
    q = quantized(canonical(Rows().eval(), x), plan, [(x,)])
    assert q.dynamic
    report = export_script(q, tmp_path / "rows", [(x[:4],), (x[4:],)], name="rows")
    assert report.problems == ()
