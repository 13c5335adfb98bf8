"""The exported .onnx file is verified in a process of its own, and a wrong one is called wrong."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import onnx
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from qinspect.engine.backends.exported import Score
from qinspect.engine.backends.onnx.export import float_model
from qinspect.engine.backends.onnx.qdq import quantized_model
from qinspect.engine.backends.ort import export as ort_export
from qinspect.engine.backends.ort.export import export_onnx
from qinspect.engine.calibrate import calibrate
from qinspect.engine.fuse import fuse
from qinspect.engine.graph.execute import Executor, outputs_of
from qinspect.engine.graph.normalize import normalize
from qinspect.engine.load import ModelSpec, load_model, quiet
from qinspect.engine.plan import QuantPlan
from qinspect.engine.plan.target import Target
from qinspect.engine.problem import Problem
from qinspect.engine.progress import Cancelled
from qinspect.engine.quantize import Quantization, quantize

PLAN = QuantPlan.preset(Target())


class Net(nn.Module):
    """Input (N, 3, 12, 12)."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.bn = nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8)
        self.depthwise = nn.Conv2d(8, 8, 3, stride=2, groups=8)
        self.fc = nn.Linear(8, 4)

    def forward(self, x):
        x = F.relu6(self.bn(self.stem(x)))
        x = F.hardswish(self.depthwise(F.pad(x, (0, 1, 0, 1))))
        return self.fc(x.mean((2, 3)))


@pytest.fixture(scope="module")
def samples() -> list[tuple[torch.Tensor]]:
    generator = torch.Generator().manual_seed(0)
    return [(torch.randn(4, 3, 12, 12, generator=generator),), (torch.randn(3, 3, 12, 12, generator=generator),)]


@pytest.fixture(scope="module")
def quantization(samples: list[tuple[torch.Tensor]]) -> Quantization:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        net = Net().eval()
    with quiet(), torch.no_grad():
        program = torch.export.export(net, samples[0], dynamic_shapes=({0: torch.export.Dim("batch")},))
        fused = fuse(normalize(program.run_decompositions({})), PLAN).graph
        return quantize(fused, PLAN, calibrate(fused, samples).tensors)


def test_an_export_is_verified_and_what_was_found_lies_beside_it(quantization, samples, tmp_path):
    out = tmp_path / "net.onnx"
    told: list[float] = []
    found = export_onnx(
        quantization,
        out,
        samples,
        lambda done, total, note: told.append(done / total),
        score=Score(lambda outputs: len(outputs[0])),
    )
    assert found.verified, found.problems
    assert found.problems == ()
    assert found.samples == found.metric == 7
    assert set(found.asked) == set(found.quantized)
    assert set(quantization.why_not) == {":hardswish"}
    assert found.sqnr_db is None or found.sqnr_db > 30
    assert found.equal_share is not None
    assert found.equal_share > 0.9
    counts = [node.op_type for node in onnx.load(out).graph.node]
    assert found.quantize_nodes == counts.count("QuantizeLinear") == 6
    assert found.dequantize_nodes == counts.count("DequantizeLinear")
    assert {"onnx", "onnxruntime", "numpy", "opset", "qinspect"} <= found.versions.keys()
    beside = json.loads((tmp_path / "net.verify.json").read_text())
    assert beside["version"] == 1
    assert beside["verified"] is True
    assert sorted(path.name for path in tmp_path.iterdir()) == ["net.onnx", "net.verify.json"]
    assert told == sorted(told)
    assert told[-1] == 1


class Detector(nn.Module):
    """A dictionary of outputs, one of them a pair; input (N, 3, 12, 12)."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two, self.box = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3), nn.Conv2d(4, 4, 1)

    def forward(self, x):
        x = F.silu(self.one(x))
        y = self.two(x)
        return {"scores": torch.sigmoid(y), "boxes": self.box(y).exp(), "feat": (x, y)}


@pytest.mark.parametrize("io", ["float", "int8"])
def test_outputs_have_their_keys_and_all_that_have_a_grid_are_whole_numbers_where_that_is_asked(
    samples, canonical, quantized, tmp_path, io
):
    q = quantized(canonical(Detector().eval(), samples[0][0]), PLAN, samples)
    out = tmp_path / "net.onnx"
    found = export_onnx(q, out, samples, io=io)
    assert found.verified, found.problems
    assert 15 < found.float_sqnr_db < 70
    outputs = {item.name: item.type.tensor_type.elem_type for item in onnx.load(out).graph.output}
    assert list(outputs) == ["scores", "boxes", "feat_0", "feat_1"]
    whole = {name for name, kind in outputs.items() if kind == onnx.TensorProto.UINT8}
    beside = json.loads((tmp_path / "net.verify.json").read_text())
    if io == "float":
        assert whole == set() == set(beside["io"])
        return
    assert whole == {"scores", "feat_0", "feat_1"}  # of an exponential there is no integer kernel
    assert set(beside["io"]) == whole | {"x"}
    assert beside["io"]["scores"] == {"scale": 1 / 256, "zero_point": 0, "dtype": "uint8"}
    assert any(note.startswith("boxes: ") for note in beside["notes"])
    again = load_model(ModelSpec(str(out)))
    with torch.no_grad():
        given = outputs_of(Executor(again.graph)(samples[0]))
        wanted = outputs_of(Executor(q.float_graph)(samples[0]))
    for one, two in zip(given, wanted, strict=True):
        torch.testing.assert_close(one, two, atol=0.1, rtol=0.1)


def test_the_file_runs_with_onnxruntime_alone(quantization, samples, tmp_path):
    out = tmp_path / "net.onnx"
    export_onnx(quantization, out, samples)
    code = (
        "import sys, numpy, onnxruntime\n"
        f"session = onnxruntime.InferenceSession({str(out)!r})\n"
        "for batch in (1, 5):\n"
        "    (found,) = session.run(['output'], {'x': numpy.zeros((batch, 3, 12, 12), 'float32')})\n"
        "    assert found.shape == (batch, 4)\n"
        "assert not {'torch', 'onnx', 'qinspect'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path)


def broken(kind: str):
    """A lowering with a mistake."""

    def make(before: bytes, quantization: Quantization) -> bytes:
        model = onnx.load_from_string(quantized_model(before, quantization))
        if kind == "weight":
            for tensor in model.graph.initializer:
                if tensor.name == "stem:conv2d/weight/quantized":
                    array = onnx.numpy_helper.to_array(tensor)
                    tensor.CopyFrom(onnx.numpy_helper.from_array(array // 2, tensor.name))
        if kind == "float layer":
            (node,) = (node for node in model.graph.node if node.op_type == "HardSigmoid")
            node.op_type = "Sigmoid"
            del node.attribute[:]
        if kind == "float":
            index, quantizer = next(
                (i, n) for i, n in enumerate(model.graph.node) if n.name == "depthwise:conv2d/quantize"
            )
            node = onnx.helper.make_node("Identity", [quantizer.input[0]], ["copy"], "copy")
            model.graph.node.insert(index, node)
            model.graph.node.insert(index + 1, onnx.helper.make_node("Tanh", ["copy"], ["real"], "real"))
            model.graph.node[index + 2].input[0] = "real"
        return model.SerializeToString()

    return make


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("weight", "stem:conv2d: .* steps from the simulation"),
        ("float", "depthwise:conv2d: asked in integers, runs in float"),
        ("float layer", ":hardswish: in float, it gives other numbers"),
    ],
)
def test_an_export_that_does_not_match_is_not_called_verified(quantization, samples, tmp_path, monkeypatch, kind, said):
    monkeypatch.setattr(ort_export, "quantized_model", broken(kind))
    found = export_onnx(quantization, tmp_path / "net.onnx", samples)
    assert not found.verified
    assert any(re.search(said, problem) for problem in found.problems), found.problems
    assert json.loads((tmp_path / "net.verify.json").read_text())["verified"] is False


def test_a_file_that_does_not_run_is_a_problem_that_names_it(quantization, samples, tmp_path, monkeypatch):
    def make(before: bytes, quantization: Quantization) -> bytes:
        model = onnx.load_from_string(quantized_model(before, quantization))
        model.graph.node[-1].op_type = "Concat"  # without an axis
        return model.SerializeToString()

    monkeypatch.setattr(ort_export, "quantized_model", make)
    with pytest.raises(Problem, match=r"net\.onnx: a new process with what was written stopped"):
        export_onnx(quantization, tmp_path / "net.onnx", samples)


def test_bad_places_and_no_samples_are_refused(quantization, samples, tmp_path):
    with pytest.raises(Problem, match="no sample"):
        export_onnx(quantization, tmp_path / "net.onnx", [])
    with pytest.raises(Problem, match="is a folder"):
        export_onnx(quantization, tmp_path, samples)


def test_cancelling_stops_the_other_process_and_leaves_the_file_of_before(quantization, samples, tmp_path):
    def report(done: float, total: float, note: str) -> None:
        if "new process" in note:
            raise Cancelled

    for left in ([], ["net.onnx", "net.verify.json"]):
        for name in left:
            (tmp_path / name).write_text("of before")
        with pytest.raises(Cancelled):
            export_onnx(quantization, tmp_path / "net.onnx", samples, report)
        assert sorted(path.name for path in tmp_path.iterdir()) == left
    assert (tmp_path / "net.onnx").read_text() == "of before"


def test_a_float_plan_exports_too(quantization, samples, tmp_path):
    plan = PLAN.with_default(None, None)
    graph = quantization.graph
    plain = quantize(graph, plan, {})
    found = export_onnx(replace(plain, plan=plan), tmp_path / "net.onnx", samples, float_bytes=float_model(graph))
    assert found.verified, found.problems
    assert (found.quantize_nodes, found.dequantize_nodes, found.asked) == (0, 0, ())
    assert found.sqnr_db is None or found.sqnr_db > 100
    assert Path(found.path) == tmp_path / "net.onnx"


class LogOfRounded(nn.Module):
    """The logarithm of a sigmoid, which a grid of 256 steps takes to 0; input (N, 4)."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 3)
        self.fc.weight.data.mul_(20)

    def forward(self, x):
        return torch.log(torch.sigmoid(self.fc(x)))


def test_an_export_whose_outputs_are_infinite_is_written_with_that_as_its_problem(canonical, quantized, tmp_path):
    samples = [(torch.randn(8, 4),)]
    plan = PLAN.with_layer(":sigmoid", activation=PLAN.default.activation)
    q = quantized(canonical(LogOfRounded(), *samples[0]), plan, samples)
    found = export_onnx(q, tmp_path / "net.onnx", samples)
    assert "its outputs are not finite" in found.problems
    stored = json.loads((tmp_path / "net.verify.json").read_text())
    assert (stored["verified"], stored["kl"]) == (False, None)
