"""A sub-module that cannot be traced is one float layer, and the rest of the model is analysed."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from qinspect.engine.analyze import analyze
from qinspect.engine.backends import simulation
from qinspect.engine.data import DataSpec, open_data
from qinspect.engine.export import export
from qinspect.engine.fuse import fuse
from qinspect.engine.graph.execute import Executor, outputs_of
from qinspect.engine.graph.memory import Shortage
from qinspect.engine.graph.normalize import normalize
from qinspect.engine.job import calibrate_model, first_plan
from qinspect.engine.kernels import KernelWork, run_kernels
from qinspect.engine.load import ModelSpec, load_model, quiet
from qinspect.engine.load.trace import trace
from qinspect.engine.plan import QuantPlan
from qinspect.engine.plan.target import Target
from qinspect.engine.problem import Problem
from qinspect.engine.quantize import quantize

NET = """\
import torch
from torch import nn


class Gate(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.two = nn.Conv2d(4, 4, 1), nn.Conv2d(4, 4, 3, padding=1)
        self.register_buffer("shift", torch.full((4, 1, 1), 0.25))

    def forward(self, x, scale=1.0, *, also):
        x += self.shift  # the caller sees it, as it would
        y = self.one(x) * scale
        if y.flatten()[0] > 0:
            y = self.two(y)
        return {"y": y.view(x.size(0), -1, 8, 8), "mean": y.mean((2, 3)), "also": also}


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.gate = nn.Conv2d(4, 4, 1), Gate()

    def forward(self, x):
        x = self.conv(x)
        made = self.gate(x, 0.5, also=3)
        return made["y"] * made["mean"][:, :, None, None] + x


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3, padding=1)
        self.block = Block()
        self.fc = nn.Linear(4, 5)

    def forward(self, x):
        x = self.block(self.block(self.stem(x)))
        return self.fc(x.relu().mean((2, 3)))


def model():
    return Net()
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("opaque")
    (folder / "net.py").write_text(NET)
    draw = np.random.default_rng(0)
    np.savez(folder / "data.npz", x=draw.random((24, 3, 8, 8), dtype=np.float32), y=draw.integers(0, 5, 24))
    return folder


@pytest.fixture(scope="module")
def model(folder, one_thread):
    torch.manual_seed(0)
    return load_model(ModelSpec(f"{folder / 'net.py'}:model", None, ((1, 3, 8, 8),)), allow_code=True)


@pytest.fixture(scope="module")
def data(folder):
    return open_data(DataSpec(str(folder / "data.npz")), (None, 3, 8, 8))


def test_the_sub_module_is_one_float_layer_and_the_rest_is_traced(model, folder):
    shown = [(layer.id, layer.op) for layer in model.graph.layers if not layer.transparent]
    assert shown == [
        ("stem:conv2d", "conv2d"),
        ("block.conv:conv2d", "conv2d"),
        ("block.gate:opaque", "other"),
        ("block:mul", "mul"),
        ("block:add", "add"),
        ("block.conv:conv2d@2", "conv2d"),
        ("block.gate:opaque@2", "other"),
        ("block:mul@2", "mul"),
        ("block:add@2", "add"),
        (":relu", "relu"),
        (":mean", "mean"),
        ("fc:linear", "linear"),
    ]
    assert model.dynamic_batch


def test_the_line_and_the_construct_that_stopped_the_tracing_are_said(model, folder):
    line = next(i for i, text in enumerate(NET.splitlines(), 1) if "if y" in text)
    (note,) = [note for note in model.notes if "block.gate" in note]
    assert f"{folder / 'net.py'}:{line}" in note
    assert "`if y.flatten()[0] > 0:`" in note
    assert model.graph.by_id["block.gate:opaque"].source == f"{folder / 'net.py'}:{line}"


def test_its_weights_are_stored_tensors_of_the_graph(model):
    layer = model.graph.by_id["block.gate:opaque"]
    assert set(layer.roles) == {"one.weight", "one.bias", "two.weight", "two.bias", "shift"}
    assert torch.equal(model.graph.params[layer.roles["shift"]], torch.full((4, 1, 1), 0.25))


@pytest.mark.parametrize("batch", [1, 2, 3])
def test_the_canonical_graph_computes_what_the_model_does(batch, model):
    for seed in range(4):  # both ways through the gate
        x = torch.rand(batch, 3, 8, 8, generator=torch.Generator().manual_seed(seed)) - 0.5
        with torch.no_grad():
            assert torch.equal(Executor(model.graph)([x.clone()]), model.forward(x))


def test_the_module_is_as_it_was_after_the_tracing(model):
    assert "forward" not in vars(model.forward.block.gate)


def test_what_cannot_run_it_says_so_and_the_simulation_is_given_all_the_same(model, data):
    plan = first_plan(model.graph, Target())
    found = analyze(model, data, plan, calibrate_model(model, data, plan), layer_samples=4)
    assert found.totals.sqnr_db > 20
    assert found.totals.kernel_metric is None
    assert found.row("block.conv:conv2d").quantized
    assert found.row("block.gate:opaque").errors.local_sqnr_db is None
    (note,) = [note for note in found.notes if "cannot hold Python code" in note]
    assert note.startswith("No kernels of ONNX Runtime were run: block.gate:opaque and 1 more")


@pytest.mark.parametrize("to", ["onnx", "script"])
def test_an_export_is_refused_naming_the_layer(to, model, data, tmp_path):
    plan = first_plan(model.graph, Target())
    with pytest.raises(Problem, match=r"block.gate:opaque.*cannot hold"):
        export(model, plan, calibrate_model(model, data, plan), data, to, tmp_path / "out")


def test_fx_kernels_run_around_it_in_a_child_process_that_makes_the_module_again(model, data):
    if "onednn" not in torch.backends.quantized.supported_engines:
        pytest.skip("torch has no onednn here")
    plan = QuantPlan.preset(Target("fx", "onednn"))
    graph = fuse(model.graph, plan).graph
    quantization = quantize(graph, plan, calibrate_model(model, data, plan).tensors)
    figures = run_kernels(KernelWork(quantization, None, data.spec, (0,), (0, 1, 2, 3), 4, timing=False))
    assert {"stem:conv2d", "block.conv:conv2d", "fc:linear"} <= set(figures.kernels)
    with torch.inference_mode():
        wanted = outputs_of(simulation(quantization)(data.load([0, 1, 2, 3])))[0]
    step = float(quantization.values["fc:linear"].scale)
    assert np.abs(figures.outputs[0] - wanted.numpy()).max() <= 1.01 * step


class Outer(torch.nn.Module):
    """The method of a sub-module that is called is not its forward."""

    def __init__(self):
        super().__init__()
        self.inner = Inner()

    def forward(self, x):
        return self.inner.half(x) + 1


class Inner(torch.nn.Module):
    def half(self, x):
        return x / 2 if x.sum() > 0 else x


class Whole(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.outer = Outer()

    def forward(self, x):
        return self.outer(x.relu()).tanh()


def test_the_smallest_module_that_was_called_is_taken(canonical):
    graph = canonical(Whole(), torch.rand(2, 4))
    assert [layer.id for layer in graph.layers] == [":relu", "outer:opaque", ":tanh"]
    x = torch.rand(3, 4) - 0.5
    assert torch.equal(Executor(graph)([x]), Whole()(x))


class Ragged(torch.nn.Module):
    def forward(self, x):
        return x[x > 0.5]


class OverRagged(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.ragged = Ragged()

    def forward(self, x):
        picked = self.ragged(x)
        if picked.shape[0] > 3:
            return picked[:3] + 1
        return x.flatten()[:3]


def test_where_the_model_itself_is_at_fault_the_line_and_its_text_are_named():
    with (
        quiet(),
        pytest.raises(Problem, match=r"test_opaque.py:\d+: torch.export cannot trace it: `if picked.shape\[0\] > 3:`"),
    ):
        trace(OverRagged(), (torch.rand(2, 4),), ModelSpec("module"), [])


def test_kernels_in_a_child_process_refuse_what_they_cannot_hold(model, data):
    plan = first_plan(model.graph, Target())
    calibration = calibrate_model(model, data, plan)
    graph = fuse(model.graph, plan).graph
    work = KernelWork(quantize(graph, plan, calibration.tensors), None, data.spec, (0,), (0,), 1, timing=False)
    with pytest.raises(Problem, match="ONNX cannot hold Python code"):
        run_kernels(work)


class Switch(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(8, 8)

    def forward(self, x):
        x = self.fc(x)
        return torch.cond(x.sum() > 0, lambda y: y.relu(), lambda y: -y, (x,))


def test_torch_cond_in_a_sub_module_is_one_float_layer_and_the_rest_is_traced():
    net = nn.Sequential(nn.Linear(8, 8), Switch(), nn.Linear(8, 3)).eval()
    notes: list[str] = []
    with quiet():
        traced = trace(net, (torch.randn(1, 8),), ModelSpec("net"), notes)
        graph = normalize(traced.program, traced.opaque)
    assert [layer.id for layer in graph.layers] == ["0:linear", "1:opaque", "2:linear"]
    assert "1 (Switch) is one float layer" in notes[0]
    assert "torch.cond runs code of its own" in notes[0]
    assert graph.by_id["1:opaque"].source == notes[0].partition("stops at ")[2].partition(",")[0]
    with torch.no_grad(), quiet():
        for x in (torch.randn(3, 8, generator=torch.Generator().manual_seed(seed)) for seed in range(4)):
            assert torch.equal(outputs_of(Executor(graph)((x,)))[0], net(x))


def test_what_was_left_out_is_said_whatever_the_author_calls_it():
    notes: list[str] = []
    with quiet():
        net = nn.Sequential()
        net.add_module("my gate", Switch())
        trace(net.eval(), (torch.randn(1, 8),), ModelSpec("net"), notes)
    assert [note.startswith("my gate (Switch) is one float layer") for note in notes] == [True]


@pytest.mark.parametrize("name", ["torch.cond", "torch.while_loop"])
def test_an_operator_that_runs_others_is_named_with_its_line(name):
    class Repeat(nn.Module):
        def forward(self, x):
            from torch._higher_order_ops.while_loop import while_loop

            return while_loop(lambda i, y: i < 3, lambda i, y: (i + 1, y / 2), (torch.zeros((), dtype=torch.long), x))

    net = Switch() if name == "torch.cond" else Repeat()
    with pytest.raises(Problem) as raised, quiet():
        trace(net.eval(), (torch.randn(2, 8),), ModelSpec("net"), [])
    said = str(raised.value)
    assert f"({name} runs code of its own" in said
    assert said.startswith(f"{__file__}:")
    assert "input-shape" not in said
    assert "sub-module of its own" in said


def test_a_module_that_torch_ao_has_quantized_is_named():
    with quiet():
        net = nn.Sequential(
            nn.Linear(8, 8), torch.ao.quantization.quantize_dynamic(nn.Sequential(nn.Linear(8, 8)), {nn.Linear})
        )
    with pytest.raises(Problem, match=r"^1\.0: is quantized by torch\.ao already.*the float model"), quiet():
        trace(net.eval(), (torch.randn(2, 8),), ModelSpec("net"), [])


def test_what_its_code_raises_is_said_with_its_line_and_running_out_of_memory_splits_the_batch(model):
    (opaque, *_) = (layer.args[0] for layer in model.graph.layers if layer.op == "other")
    graph = model.graph

    def raising(error):
        def forward(*_, **__):
            raise error

        line = forward.__code__.co_firstlineno + 1
        opaque.module.forward = forward
        try:
            with torch.inference_mode(), pytest.raises(Problem) as found:
                Executor(graph)((torch.rand(2, 3, 8, 8),))
        finally:
            del opaque.module.forward
        return line, found.value

    line, said = raising(IndexError("no such thing\nand more"))
    assert f"test_opaque.py:{line}): the author's code raises IndexError: no such thing. " in str(said)
    assert str(said).startswith("block.gate (")
    _, said = raising(RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"))
    assert isinstance(said, Shortage)
    assert "Does the code of block.gate" in said.remedy
