"""Recurrent layers stay float and whole; what stands around them runs in the targets' integer kernels."""

from __future__ import annotations

import contextlib
import importlib

import onnx
import pytest
import torch
from torch import nn

from qinspect.engine.backends import simulation
from qinspect.engine.calibrate import calibrate
from qinspect.engine.fuse import fuse
from qinspect.engine.graph.execute import Executor, outputs_of
from qinspect.engine.plan import QuantPlan
from qinspect.engine.plan.target import Target
from qinspect.engine.quantize import quantize


class Sequence(nn.Module):
    """Convolution, LSTM, GRU whose last state is used too, and a cell."""

    def __init__(self):
        super().__init__()
        self.conv, self.norm = nn.Conv1d(8, 16, 3, padding=1), nn.BatchNorm1d(16)
        self.lstm = nn.LSTM(16, 12, batch_first=True)
        self.gru = nn.GRU(12, 10, batch_first=True)
        self.cell = nn.LSTMCell(10, 6)
        self.fc = nn.Linear(6, 4)

    def forward(self, x):
        x = self.norm(self.conv(x)).relu().transpose(1, 2)
        x, _ = self.lstm(x)
        x, state = self.gru(x)
        hidden, _ = self.cell(x[:, -1] + state[-1])
        return self.fc(hidden)


@pytest.fixture(autouse=True)
def _no_monitor(monkeypatch):
    """torch's exporter shows progress with tqdm where that is installed, whose thread would stay."""
    with contextlib.suppress(ImportError):
        monkeypatch.setattr(importlib.import_module("tqdm").tqdm, "monitor_interval", 0)


@pytest.mark.parametrize("target", [Target(), Target("fx", "onednn")], ids=lambda target: target.name)
def test_kernels_around_recurrent_layers_equal_the_simulation(target, canonical):
    if target.backend == "fx" and target.engine not in torch.backends.quantized.supported_engines:
        pytest.skip(f"torch has no engine {target.engine} here")
    net = Sequence().eval().requires_grad_(False)
    graph = canonical(net, torch.randn(2, 8, 20), dynamic=True)
    x = torch.randn(6, 8, 20)
    plan = QuantPlan.preset(target)
    fused = fuse(graph, plan).graph
    shown = [layer.op for layer in fused.layers if not layer.transparent]
    assert shown == ["conv1d", "lstm", "gru", "add", "lstm_cell", "linear"]
    quantization = quantize(fused, plan, calibrate(fused, [(x,)], share=1.0).tensors)
    if target.backend == "ort":
        from qinspect.engine.backends.onnx.export import float_model
        from qinspect.engine.backends.ort.runner import OrtRunner

        runner = OrtRunner(quantization, float_model(fused), 1)
    else:
        from qinspect.engine.backends.fx.runner import FxRunner

        runner = FxRunner(quantization)
    # Only float layers read the sum.
    assert {"conv:conv1d", "fc:linear"} <= set(runner.kernels)
    assert not {"lstm:lstm", "gru:gru", "cell:lstm_cell"} & set(runner.kernels)
    with torch.inference_mode():
        assert torch.equal(Executor(graph)([x]), net(x))
        wanted = outputs_of(simulation(quantization)([x]))[0]
        # The runtimes' own LSTM rounds otherwise than torch's, which may tip a value over to its neighbour.
        step = float(quantization.values["fc:linear"].scale)
        assert float((runner.run([x])[0] - wanted).abs().max()) <= 2.001 * step


class Stepwise(nn.Module):
    """One step of a cell whose whole state is handed on, as streaming models have it (silero-vad)."""

    def __init__(self):
        super().__init__()
        self.read, self.cell, self.fc = nn.Linear(8, 10), nn.LSTMCell(10, 6), nn.Linear(6, 1)

    def forward(self, x, state):
        hidden, memory = self.cell(self.read(x).relu(), (state[:, 0], state[:, 1]))
        return self.fc(hidden.relu()), hidden, memory


def test_a_cell_is_one_lstm_in_onnx_and_is_the_same_layer_again_when_the_file_is_opened(tmp_path):
    from qinspect.engine.backends.onnx.export import float_model
    from qinspect.engine.backends.ort.export import write_model
    from qinspect.engine.backends.ort.runner import OrtRunner
    from qinspect.engine.graph.normalize import normalize
    from qinspect.engine.load import ModelSpec, load_model, quiet

    net = Stepwise().eval().requires_grad_(False)
    given = torch.randn(5, 8), torch.randn(5, 2, 6)
    batch = torch.export.Dim("batch")
    plan = QuantPlan.preset(Target())
    with quiet():
        program = torch.export.export(net, given, dynamic_shapes=({0: batch}, {0: batch}))
        fused = fuse(normalize(program.run_decompositions({})), plan).graph
    before = quantize(fused, plan, calibrate(fused, [given], share=1.0).tensors)
    runner = OrtRunner(before, float_model(fused), 1)
    assert "fc:linear" in runner.kernels
    answers = runner.run(given)
    with torch.inference_mode():
        for one, two in zip(answers, net(*given), strict=True):
            assert float((one - two).abs().max()) < 0.1
    kinds = [node.op_type for node in onnx.load_from_string(runner.model_bytes).graph.node]
    assert kinds.count("LSTM") == 1
    assert not {"Sigmoid", "Tanh", "Split"} & set(kinds)
    write_model(tmp_path / "cell.onnx", onnx.load_from_string(runner.model_bytes), before, "float")
    opened = load_model(ModelSpec(str(tmp_path / "cell.onnx")))
    with torch.inference_mode():
        for one, two in zip(outputs_of(Executor(opened.graph)(given)), net(*given), strict=True):
            assert float((one - two).abs().max()) < 0.1
    layers = fuse(opened.graph, plan).graph
    assert [(layer.id, layer.op) for layer in layers.layers if not layer.transparent] == [
        (layer.id, layer.op) for layer in fused.layers if not layer.transparent
    ]
    cell = layers.by_id["cell:lstm_cell"]
    for role, tensor in net.cell.named_parameters():
        assert torch.equal(layers.params[cell.roles[role]], tensor)
    again = quantize(layers, plan, {}, opened.existing.given(layers, plan))
    assert again.asked == before.asked
    assert again.why_not == before.why_not
    # The linear layer has one channel: its grid is still one for each.
    params = again.weights["fc:linear"]
    assert params.scale.shape == (1,)
    assert (params.axis, params.scale, params.zero_point) == (0, before.weights["fc:linear"].scale, [0])


@pytest.mark.parametrize(("kind", "operator"), [("GRUCell", "GRU"), ("RNNCell", "RNN"), ("relu", "RNN")])
def test_a_cell_is_one_operator_in_the_file_and_the_same_layer_when_it_opens(kind, operator, canonical, tmp_path):
    from qinspect.engine.backends.onnx.export import float_model
    from qinspect.engine.backends.ort.runner import session
    from qinspect.engine.load import ModelSpec, load_model

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            named = {"nonlinearity": "relu"} if kind == "relu" else {}
            self.cell = getattr(nn, "RNNCell" if kind == "relu" else kind)(10, 6, **named)
            self.fc = nn.Linear(6, 3)

        def forward(self, x):
            state = x[:, 0, :6]
            for step in range(2):
                state = self.cell(x[:, step], state)
            return self.fc(state), state

    net = Net().eval().requires_grad_(False)
    given = (torch.randn(3, 2, 10),)
    graph = canonical(net, *given, dynamic=True)
    path = tmp_path / "net.onnx"
    path.write_bytes(float_model(graph))
    kinds = [node.op_type for node in onnx.load(path).graph.node]
    assert kinds.count(operator) == 2
    assert not {"Sigmoid", "Tanh", "Relu"} & set(kinds)
    opened = load_model(ModelSpec(str(path)))
    shown, theirs = ([layer.id for layer in g.layers if not layer.transparent] for g in (graph, opened.graph))
    assert shown == theirs
    runtime = session(path.read_bytes(), 1)
    feed = {item.name: x.numpy() for item, x in zip(runtime.get_inputs(), given, strict=True)}
    with torch.inference_mode():
        for one, two, three in zip(
            net(*given), runtime.run(None, feed), outputs_of(Executor(opened.graph)(given)), strict=True
        ):
            torch.testing.assert_close(torch.from_numpy(two), one)
            torch.testing.assert_close(three, one)


@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize("levels", [1, 2])
@pytest.mark.parametrize("both", [False, True])
@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
def test_a_recurrent_layer_is_one_operator_for_each_level_in_the_file(
    kind, both, levels, batch_first, canonical, tmp_path
):
    from qinspect.engine.backends.onnx.export import float_model
    from qinspect.engine.backends.ort.runner import session
    from qinspect.engine.load import ModelSpec, load_model

    named = {"nonlinearity": "relu"} if kind == "RNN" and both else {}
    more = {"num_layers": levels, "bidirectional": both, "batch_first": batch_first, "bias": not both}

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.r = getattr(nn, kind)(6, 8, **more, **named)

        def forward(self, x):
            y, last = self.r(x if batch_first else x.transpose(0, 1))
            last = sum(last) if kind == "LSTM" else last
            return (y if batch_first else y.transpose(0, 1)), last.transpose(0, 1)

    net = Net().eval().requires_grad_(False)
    x = torch.randn(3, 5, 6)
    graph = canonical(net, x, dynamic=True)
    path = tmp_path / "net.onnx"
    path.write_bytes(float_model(graph))
    kinds = [node.op_type for node in onnx.load(path).graph.node]
    assert kinds.count(kind) == levels
    assert not {"Sigmoid", "Tanh", "Relu", "MatMul", "Gemm", "Split"} & set(kinds)
    opened = load_model(ModelSpec(str(path)))
    assert [layer.op for layer in opened.graph.layers].count(kind.lower()) == levels
    runtime = session(path.read_bytes(), 1)
    with torch.inference_mode():
        answers = net(x)
        for one, two, three in zip(
            answers, runtime.run(None, {runtime.get_inputs()[0].name: x.numpy()}),
            outputs_of(Executor(opened.graph)([x])), strict=True,
        ):  # fmt: skip
            torch.testing.assert_close(torch.from_numpy(two), one)
            torch.testing.assert_close(three, one)


def test_what_torchs_exporter_takes_out_of_a_sequence_is_one_split(canonical):
    from qinspect.engine.backends.onnx.export import shapes
    from qinspect.engine.backends.onnx.foreign import Foreign

    graph = canonical(nn.GRUCell(10, 6).eval().requires_grad_(False), torch.randn(2, 10), dynamic=True)
    cell = next(layer for layer in graph.layers if layer.op == "gru_cell")
    nodes = Foreign(graph, shapes(graph)).nodes(
        cell.value, {layer.value: layer.value for layer in graph.layers} | {name: name for name in graph.input_names}
    )
    kinds = [node.op_type for node in nodes]
    assert "Split" in kinds  # neither TensorRT nor this program's own loader has sequences
    assert not any("Sequence" in kind for kind in kinds)


def test_a_cell_is_compared_by_the_state_that_is_read(tmp_path):
    import numpy as np

    from qinspect.engine.backends.onnx.export import float_model
    from qinspect.engine.backends.ort.export import write_model
    from qinspect.engine.backends.ort.runner import OrtRunner
    from qinspect.engine.compare import compare
    from qinspect.engine.data import DataSpec, open_data
    from qinspect.engine.load import ModelSpec, load_model, quiet

    net = Stepwise().eval().requires_grad_(False)
    given = torch.randn(12, 8), torch.randn(12, 2, 6)
    batch = torch.export.Dim("batch")
    with quiet():
        program = torch.export.export(net, given, dynamic_shapes=({0: batch}, {0: batch}))
        torch.export.save(program, tmp_path / "float.pt2")
    model = load_model(ModelSpec(str(tmp_path / "float.pt2")))
    plan = QuantPlan.preset(Target())
    fused = fuse(model.graph, plan).graph
    quantization = quantize(fused, plan, calibrate(fused, [given], share=1.0).tensors)
    runner = OrtRunner(quantization, float_model(fused), 1)
    write_model(tmp_path / "q.onnx", onnx.load_from_string(runner.model_bytes), quantization, "float")
    np.savez(tmp_path / "data.npz", **dict(zip(model.graph.input_names, (x.numpy() for x in given), strict=True)))
    data = open_data(
        DataSpec(str(tmp_path / "data.npz")), model.graph.inputs[0].shape, input_names=model.graph.input_names
    )
    found = compare(model, load_model(ModelSpec(str(tmp_path / "q.onnx"))), data, timing=False)
    row = next(row for row in found.layers if row.op == "lstm_cell")
    samples = data.load(list(data.splits.final))
    hidden = torch.from_numpy(runner.run(samples)[1].numpy())
    with torch.inference_mode():
        wanted = net(*samples)[1]
    noise = float((hidden - wanted).double().square().mean())
    assert noise > 0
    assert row.errors["mse"] == pytest.approx(noise, rel=1e-3)
