"""A quantized .pt2 is loaded again safely, in a new process, and is what the simulation says."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from qinspect.engine.backends.cut import cut, write_cut
from qinspect.engine.backends.exported import Score
from qinspect.engine.backends.pt2e import export as pt2e_export
from qinspect.engine.backends.pt2e.export import export_pt2e
from qinspect.engine.backends.pt2e.nodes import operator_name
from qinspect.engine.backends.pt2e.tall import TALL, make_flat
from qinspect.engine.calibrate import calibrate
from qinspect.engine.fuse import fuse
from qinspect.engine.graph.execute import outputs_of
from qinspect.engine.graph.normalize import normalize
from qinspect.engine.load import ModelSpec, load_model, quiet
from qinspect.engine.load.archive import read_pt2
from qinspect.engine.plan import QuantPlan
from qinspect.engine.plan.qconfig import PRESETS
from qinspect.engine.plan.target import Target
from qinspect.engine.problem import Problem
from qinspect.engine.quantize import Quantization, quantize
from qinspect.engine.results.export import ExportReport
from qinspect.engine.simulate import Simulation


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU6())
        self.narrow, self.fc = nn.Conv2d(8, 4, 1), nn.Linear(4, 5)

    def forward(self, x):
        x = self.narrow(self.features(x))
        return F.gelu(self.fc(F.max_pool2d(x, 3, 2, ceil_mode=True).mean((2, 3))))


@pytest.fixture(scope="module")
def x() -> torch.Tensor:
    return torch.randn(5, 3, 8, 8, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def quantization(trace_once, one_thread, x) -> Quantization:
    torch.manual_seed(0)
    plan = QuantPlan.preset(Target("pt2e", "inductor"))
    fused = fuse(trace_once(Net(), x), plan).graph
    return quantize(fused, plan, calibrate(fused, [(x,)], share=1.0).tensors)


@pytest.fixture(scope="module")
def written(quantization, x, tmp_path_factory) -> tuple[Path, ExportReport]:
    out = tmp_path_factory.mktemp("pt2e") / "net.pt2"
    return out, export_pt2e(quantization, out, [(x,), (2 * x,)], score=Score(lambda outputs: float(len(outputs[0]))))


def test_the_file_is_verified_in_a_new_process_and_runs_with_any_batch(quantization, x, written):
    out, found = written
    assert found.problems == ()
    assert (found.verified, found.samples, found.metric, found.equal_share) == (True, 10, 10.0, 1.0)
    assert set(found.quantized) == quantization.asked & quantization.quantized >= {"features.0:conv2d", "fc:linear"}
    assert found.quantize_nodes == 5  # the input, two convolutions, a pooling, a mean; GELU takes float
    assert json.loads((out.parent / "net.verify.json").read_text()) == json.loads(json.dumps(found.to_json()))
    with quiet(), torch.no_grad():
        (ours,) = outputs_of(read_pt2(out).module(check_guards=False)(x[:3]))
    assert torch.equal(ours, outputs_of(Simulation(quantization)((x[:3],)))[0])
    assert found.size_bytes == out.stat().st_size


def test_the_note_names_what_opens_the_file_in_a_program_of_one_s_own(written):
    out, found = written
    note = next(note for note in found.notes if note.startswith("torch.export.load"))
    needed = re.search(r"after import ([\w.]+)", note)[1]
    for imported, opens in ((f"import {needed}", True), ("", False)):
        code = f"import torch\n{imported}\ntorch.export.load({str(out)!r}).module()(torch.rand(2, 3, 8, 8))"
        ran = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, check=False)
        assert (ran.returncode == 0) == opens, ran.stderr


def test_layers_keep_their_identity_in_the_file(written):
    with quiet():
        graph = normalize(read_pt2(written[0]))
    ids = {layer.id for layer in graph.layers}
    assert {"features.0:conv2d", "features.2:relu6", "narrow:conv2d", ":max_pool2d", "fc:linear", ":gelu"} <= ids
    assert graph.by_id["features.0:conv2d"].path == "features.0"
    assert "/qinspect/" not in (graph.by_id["fc:linear"].source or "")


def test_a_file_that_computes_something_else_is_not_called_verified(quantization, x, tmp_path, monkeypatch):
    def run(path: Path, *rest: object) -> dict:
        outputs = [[2 * y for y in outputs_of(Simulation(quantization)((x,)))]]
        return {"outputs": outputs, "layers": ["fc:linear"], "nodes": (1, 1)}

    monkeypatch.setattr(pt2e_export, "_run", run)
    monkeypatch.setattr(pt2e_export, "run_in_child", lambda name, work, *rest, **more: work.path.touch())
    found = export_pt2e(quantization, tmp_path / "net.pt2", [(x,)])
    assert not found.verified
    assert any("not what the simulation says" in text for text in found.problems)
    assert "features.0:conv2d: asked in integers, runs in float" in found.problems


def test_a_folder_is_refused(quantization, x, tmp_path):
    with pytest.raises(Problem, match="is a folder"):
        export_pt2e(quantization, tmp_path, [(x,)])


def test_one_layer_cut_out_is_a_program_that_gives_its_whole_numbers(quantization, x, tmp_path):
    values: dict[str, torch.Tensor] = {quantization.graph.input_names[0]: x}
    simulation = Simulation(quantization)
    with torch.no_grad():
        simulation((x,), lambda layer, value: values.setdefault(layer.value, value))
        for layer_id in ("features.0:conv2d", "fc:linear"):
            layer = quantization.graph.by_id[layer_id]
            inputs = tuple(simulation.read(name, values[name]) for name in layer.inputs)
            small = cut(quantization, layer, {name: tuple(values[name].shape) for name in layer.inputs})
            file, gives = write_cut(small, inputs, tmp_path)
            assert file == "layer.pt2"
            assert (tmp_path / file).is_file()
            wanted = values[layer.value]
            if quantization.at_origin(layer.value):
                wanted = quantization.values[layer.value].quantize(wanted)
                assert int((gives - wanted).abs().max()) <= 1
            else:
                assert torch.allclose(gives, wanted, rtol=1e-4, atol=1e-5)


def test_a_dynamic_program_is_verified_in_a_new_process_and_opens_with_its_plan(x, tmp_path):
    torch.manual_seed(0)
    plan = QuantPlan(Target("pt2e", "inductor"), PRESETS["default-dynamic"])
    net = nn.Sequential(nn.Flatten(), nn.Linear(192, 16), nn.ReLU(), nn.Linear(16, 4)).eval()
    with quiet():
        source = torch.export.export(net, (x,), dynamic_shapes=({0: torch.export.Dim("batch")},))
        fused = fuse(normalize(source.run_decompositions({})), plan).graph
    q = quantize(fused, plan, calibrate(fused, [(x,)]).tensors)
    out = tmp_path / "net.pt2"
    found = export_pt2e(q, out, [(x,)])
    assert found.problems == ()
    assert set(found.quantized) == {"1:linear", "3:linear"}
    assert (found.equal_share, found.quantize_nodes) == (1.0, 2)
    opened = load_model(ModelSpec(str(out)))
    assert opened.existing is not None
    assert opened.existing.plan == plan
    assert len(opened.existing.dynamic) == 2
    assert set(opened.existing.weights) == {"1:linear", "3:linear"}
    assert [layer.op for layer in opened.graph.layers if not layer.transparent] == ["linear", "relu", "linear"]


class OverTime(nn.Module):
    """Convolutions over time: strided, dilated by channel, before a sum; what comes last minds how many positions."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv1d(4, 8, 5, padding=2), nn.Conv1d(8, 8, 3, padding="same")
        self.third, self.point = nn.Conv1d(8, 8, 3, stride=2, dilation=2, groups=8), nn.Conv1d(8, 4, 1)

    def forward(self, x):
        x = torch.relu(self.first(x))
        x = F.hardswish(self.third(torch.relu(self.second(x)) + x))
        return self.point(x).flatten(1).square().cumsum(1)


@pytest.fixture(scope="module")
def over_time(trace_once, one_thread, tmp_path_factory) -> tuple[Quantization, Path, ExportReport]:
    torch.manual_seed(0)
    x, plan = torch.randn(4, 4, 21), QuantPlan.preset(Target("pt2e", "inductor"))
    fused = fuse(trace_once(OverTime(), x), plan).graph
    q = quantize(fused, plan, calibrate(fused, [(x,)], share=1.0).tensors)
    out = tmp_path_factory.mktemp("over-time") / "net.pt2"
    return q, out, export_pt2e(q, out, [(x,)])


def test_convolutions_over_time_are_themselves_again_when_the_file_is_opened(over_time):
    q, out, report = over_time
    assert report.problems == ()
    assert report.equal_share == 1.0
    opened = load_model(ModelSpec(str(out)))
    assert opened.existing is not None
    assert opened.existing.plan == q.plan
    for layer in (layer for layer in q.graph.layers if layer.op == "conv1d"):
        again = opened.graph.by_id[layer.id]
        assert (again.op, again.shape[1:]) == ("conv1d", layer.shape[1:])
        params, integers = opened.existing.weights[layer.id], opened.existing.integers[layer.id]
        assert torch.equal(torch.from_numpy(params.scale), torch.from_numpy(q.weights[layer.id].scale))
        weight = q.graph.weight(layer)
        assert weight is not None
        assert torch.equal(torch.from_numpy(integers).int(), q.weights[layer.id].quantize(weight.detach()).int())
    wanted = sorted(float(params.scale) for params in q.values.values())
    assert sorted(float(params.scale) for params in opened.existing.values.values()) == wanted


COMPILES = """
import sys, torch, torch.ao.quantization.fx._decomposed, torchao.quantization.pt2e.quantizer.x86_inductor_quantizer
import torch._inductor.config as inductor
from torch._inductor.utils import run_and_get_code
inductor.freezing, inductor.compile_threads = True, 1
module = torch.export.load(sys.argv[1]).module()
x = torch.load(sys.argv[2])
with torch.no_grad():
    found, code = run_and_get_code(torch.compile(module), x)
    assert torch.allclose(found, module(x), rtol=1e-3), (found - module(x)).abs().max()
print(sum(text.count("= torch.ops.onednn.qconv") for text in code))
"""


@pytest.mark.slow
def test_torch_alone_compiles_a_file_with_convolutions_over_time_to_integer_kernels(over_time, tmp_path):
    if not any(shutil.which(name) for name in ("g++", "clang++", "c++")):
        pytest.skip("inductor needs a C++ compiler")
    _, out, _ = over_time
    torch.save(torch.randn(4, 4, 21), tmp_path / "x.pt")
    command = [sys.executable, "-W", "ignore", "-c", COMPILES, str(out), str(tmp_path / "x.pt")]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert found.stdout.split() == ["4"], found.stderr[-2000:]


@pytest.mark.parametrize("spoilt", ["axis", "weight", "operator"])
def test_marks_of_height_that_do_not_fit_are_left_as_they_are(over_time, spoilt):
    _, out, _ = over_time
    with quiet():
        program = read_pt2(out)
    marked = [node for node in program.graph.nodes if (node.meta.get("custom") or {}).get(TALL)]
    if spoilt == "axis":
        node = next(node for node in marked if operator_name(node) == "squeeze")
        node.args = (node.args[0], 1)
    elif spoilt == "weight":
        target = next(key for key, tensor in program.state_dict.items() if tensor.dim() == 4)
        program.state_dict[target] = program.state_dict[target].squeeze(2)
    else:
        next(iter(program.graph.find_nodes(op="output"))).args[0][0].meta["custom"] = {TALL: "1"}
    before = str(program.graph)
    make_flat(program)
    assert str(program.graph) == before
