"""Layers with integer weights that hand on real numbers, in torch's kernels: dynamic, weight-only, embeddings."""

from __future__ import annotations

import contextlib
import importlib
from typing import Any

import pytest
import torch
from torch import nn

from qinspect.engine.backends.fx.export import export_fx
from qinspect.engine.backends.fx.runner import FxRunner
from qinspect.engine.graph.execute import Executor, outputs_of
from qinspect.engine.graph.recurrent import RECURRENT
from qinspect.engine.measure import measure
from qinspect.engine.plan import QuantPlan
from qinspect.engine.plan.qconfig import WEIGHT, TensorConfig
from qinspect.engine.plan.target import Target
from qinspect.engine.quantize import Quantization
from qinspect.engine.simulate import Simulation

SUPPORTED = torch.backends.quantized.supported_engines


@pytest.fixture(autouse=True)
def _no_monitor(monkeypatch):
    """torch's exporter shows progress with tqdm where that is installed, whose thread would stay."""
    with contextlib.suppress(ImportError):
        monkeypatch.setattr(importlib.import_module("tqdm").tqdm, "monitor_interval", 0)


class Tagger(nn.Module):
    """Embedding, both recurrent kinds and their cells, linear layers; input (N, 7), integers."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(20, 12)
        self.lstm = nn.LSTM(12, 10, num_layers=2, bidirectional=True, batch_first=True)
        self.gru = nn.GRU(20, 9, batch_first=True, bias=False)
        self.lstm_cell, self.gru_cell = nn.LSTMCell(9, 8), nn.GRUCell(8, 8)
        self.fc, self.out = nn.Linear(8, 8), nn.Linear(8, 4)

    def forward(self, tokens):
        x, _ = self.lstm(self.table(tokens))
        x, last = self.gru(x)
        hidden, _ = self.lstm_cell(x[:, -1] + last[-1])
        return self.out(torch.tanh(self.fc(self.gru_cell(hidden, hidden))))


@pytest.fixture
def tokens() -> torch.Tensor:
    return torch.randint(20, (6, 7), generator=torch.Generator().manual_seed(0))


@pytest.fixture
def graph(canonical, tokens) -> Any:
    return canonical(Tagger().requires_grad_(False), tokens, dynamic=True)


def dynamic_plan(target: Target, bits: int = 7) -> QuantPlan:
    return QuantPlan(target).with_default(WEIGHT, TensorConfig("uint8", bits=bits, dynamic=True))


@pytest.mark.parametrize("name", ["fx-x86", "fx-onednn", "fx-qnnpack", "eager-onednn"])
def test_every_dynamic_kernel_gives_what_the_simulation_says(graph, tokens, quantized, name):
    target = Target.parse(name)
    if target.engine not in SUPPORTED:
        pytest.skip(f"this torch has no engine {target.engine}")
    q: Quantization = quantized(graph, dynamic_plan(target, 8 if target.engine == "qnnpack" else 7), [(tokens,)])
    wanted = {layer.id for layer in q.graph.layers if layer.op in RECURRENT or layer.op == "linear"}
    assert q.dynamic == wanted
    assert not q.why_not
    runner = FxRunner(q)
    assert set(runner.kernels) == wanted
    with torch.no_grad():
        ours, theirs = runner.run((tokens,))[0], outputs_of(Simulation(q)((tokens,)))[0]
        plain = outputs_of(Executor(q.graph)((tokens,)))[0]
    error = float((theirs - plain).abs().max())
    assert error > 0
    # A value on the border of two steps may fall to the other one.
    assert float((ours - theirs).abs().max()) < 0.2 * error


def test_errors_of_recurrent_layers_are_those_of_what_they_hand_on_at_every_step(graph, tokens, quantized):
    q = quantized(graph, dynamic_plan(Target("fx", "onednn")), [(tokens,)])
    rows = measure(q, [(tokens,)]).layers
    static = quantized(graph, QuantPlan.preset(Target("fx", "onednn")), [(tokens,)])
    before = measure(static, [(tokens,)]).layers
    assert before["lstm:lstm"].exact
    for key in ("lstm:lstm", "gru:gru", "lstm_cell:lstm_cell", "gru_cell:gru_cell"):
        assert rows[key].local_sqnr_db is not None
        assert rows[key].cumulative_sqnr_db is not None
        assert 10 < rows[key].local_sqnr_db < 80
        assert before[key].local_sqnr_db is None
        assert before[key].cumulative_sqnr_db is not None or before[key].exact
    with torch.no_grad():
        layer = q.graph.by_id["lstm:lstm"]
        x = q.graph.params[q.graph.by_id["table:embedding"].roles["weight"]][tokens]
        lstm = nn.LSTM(12, 10, num_layers=2, bidirectional=True, batch_first=True)
        lstm.load_state_dict({role: q.graph.params[key] for role, key in layer.roles.items()})
        plain, coarse = lstm(x)[0], torch.func.functional_call(
            lstm, {role: q.weights[f"lstm:lstm/{role}"].fake_quantize(t) for role, t in lstm.named_parameters()
                   if role.startswith("weight")}, (x,)
        )[0]  # fmt: skip
    # With rounded weights alone the error is smaller, and of the same size.
    weights_alone = float((coarse - plain).square().mean())
    assert 0.1 * weights_alone < rows["lstm:lstm"].local_mse < 100 * weights_alone


@pytest.mark.parametrize("name", ["fx-onednn", "eager-onednn"])
def test_weights_alone_in_integers_and_quantized_rows_of_an_embedding(graph, tokens, quantized, name):
    target = Target.parse(name)
    if target.engine not in SUPPORTED:
        pytest.skip(f"this torch has no engine {target.engine}")
    rows = TensorConfig("uint8", granularity="per_channel")
    plan = QuantPlan(target).with_default(WEIGHT, None).with_layer("table:embedding", weight=rows, activation=None)
    q = quantized(graph, plan, [(tokens,)])
    assert q.weight_only == {"table:embedding", "fc:linear", "out:linear"}
    runner = FxRunner(q)
    assert runner.kernels == {
        "table:embedding": "quantized.embedding_byte",
        "fc:linear": "aten._weight_int8pack_mm",
        "out:linear": "aten._weight_int8pack_mm",
    }
    with torch.no_grad():
        ours, theirs = runner.run((tokens,))[0], outputs_of(Simulation(q)((tokens,)))[0]
        plain = outputs_of(Executor(q.graph)((tokens,)))[0]
    assert float((theirs - plain).abs().max()) > 1e-4
    assert torch.allclose(ours, theirs, atol=1e-5)


@pytest.mark.slow
def test_an_export_of_partly_integer_layers_is_bit_for_bit_what_was_measured(graph, tokens, quantized, tmp_path):
    if "onednn" not in SUPPORTED:
        pytest.skip("this torch has no engine onednn")
    rows = TensorConfig("uint8", granularity="per_channel")
    plan = dynamic_plan(Target("fx", "onednn")).with_layer("table:embedding", weight=rows, activation=None)
    plan = plan.with_layer("fc:linear", weight=WEIGHT, activation=None)
    q = quantized(graph, plan, [(tokens,)])
    report = export_fx(q, tmp_path / "out", [(tokens,)])
    assert report.problems == ()
    assert set(report.quantized) == set(q.asked)


@pytest.mark.parametrize(
    ("layer", "weight", "activation", "reason"),
    [
        ("lstm:lstm", WEIGHT, None, "weight alone"),
        ("lstm:lstm", WEIGHT.but(dtype="int4"), TensorConfig("uint8", bits=7, dynamic=True), "symmetric int8 weights"),
        ("gru_cell:gru_cell", WEIGHT, TensorConfig("uint8", dynamic=True), "7 bits"),
        ("lstm:lstm", WEIGHT, TensorConfig("uint8"), "no integer kernel for lstm"),
        ("table:embedding", WEIGHT, None, "affine uint8 rows"),
        ("fc:linear", WEIGHT.but(granularity="per_tensor"), None, "per channel"),
        ("fc:linear", TensorConfig("fp16"), None, "symmetric int8 weights per channel"),
    ],
)
def test_what_no_kernel_does_is_refused(graph, tokens, quantized, layer, weight, activation, reason):
    plan = QuantPlan(Target("fx", "onednn")).with_default(None, None).with_layer(layer, weight, activation)
    q = quantized(graph, plan, [(tokens,)])
    assert q.asked == {layer}
    assert not q.integer
    assert reason in q.why_not[layer]
