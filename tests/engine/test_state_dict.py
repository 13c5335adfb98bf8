"""State dictionaries of torch.ao's quantized models: tables of layers, scales and integers."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from torch import nn

from qinspect.cli import main
from qinspect.engine.inspect import inspect
from qinspect.engine.job import opening_plan
from qinspect.engine.load import ModelSpec, check_runs, load_model
from qinspect.engine.plan.qconfig import LARGEST
from qinspect.engine.plan.target import Target
from qinspect.engine.problem import Problem

ENGINES = [name for name in ("fbgemm", "onednn", "qnnpack") if name in torch.backends.quantized.supported_engines]
pytestmark = [
    pytest.mark.skipif(not ENGINES, reason="this torch has no engine for integer kernels"),
    pytest.mark.filterwarnings("ignore"),
]


class Net(nn.Module):
    """Input (N, 1, 8, 8)."""

    def __init__(self) -> None:
        super().__init__()
        self.quant, self.dequant = torch.ao.quantization.QuantStub(), torch.ao.quantization.DeQuantStub()
        self.conv, self.relu = nn.Conv2d(1, 6, 3), nn.ReLU()
        self.add = torch.ao.nn.quantized.FloatFunctional()
        self.fc = nn.Linear(216, 10)

    def forward(self, x):
        x = self.relu(self.conv(self.quant(x)))
        return self.dequant(self.fc(self.add.add(x, x).flatten(1)))


@pytest.fixture(scope="module")
def converted():
    """A net that torch.ao's eager mode converted, and its float one."""
    before = torch.backends.quantized.engine
    torch.backends.quantized.engine = ENGINES[0]
    try:
        with warnings.catch_warnings(), torch.random.fork_rng(), torch.no_grad():
            warnings.simplefilter("ignore")
            torch.manual_seed(0)
            net = Net().eval()
            state = {key: value.clone() for key, value in net.state_dict().items()}
            net = torch.ao.quantization.fuse_modules(net, [["conv", "relu"]])
            net.qconfig = torch.ao.quantization.get_default_qconfig(ENGINES[0])
            prepared = torch.ao.quantization.prepare(net)
            prepared(torch.rand(8, 1, 8, 8))
            yield torch.ao.quantization.convert(prepared), state
    finally:
        torch.backends.quantized.engine = before


@pytest.fixture(scope="module")
def path(converted, tmp_path_factory):
    file = tmp_path_factory.mktemp("state") / "int8.pt"
    torch.save(converted[0].state_dict(), file)
    return file


def test_layers_scales_and_whole_numbers_are_those_of_the_modules(converted, path):
    net, _ = converted
    model = load_model(ModelSpec(str(path)))
    existing = model.existing
    assert [layer.id for layer in model.graph.layers] == ["conv:conv2d", "add:other", "fc:linear", "quant:other"] or {
        layer.id for layer in model.graph.layers
    } == {"conv:conv2d", "add:other", "fc:linear", "quant:other"}
    for layer_id, module in (("conv:conv2d", net.conv), ("fc:linear", net.fc)):
        weight = module.weight()
        assert np.array_equal(existing.integers[layer_id], weight.int_repr().numpy())
        assert torch.equal(model.graph.weight(model.graph.by_id[layer_id]), weight.dequantize())
        assert torch.equal(model.graph.bias(model.graph.by_id[layer_id]), module.bias())
        grid = existing.values[layer_id]
        assert float(grid.scale) == pytest.approx(module.scale)
        assert int(grid.zero_point) == module.zero_point
    assert float(existing.values["add:other"].scale) == pytest.approx(net.add.scale)
    assert float(existing.values["quant:other"].scale) == pytest.approx(float(net.quant.scale))


def test_graph_mode_and_dynamic_models_have_their_tables_too(tmp_path):
    before = torch.backends.quantized.engine
    torch.backends.quantized.engine = ENGINES[0]
    try:
        with torch.no_grad():
            from torch.ao.quantization import get_default_qconfig_mapping, quantize_dynamic
            from torch.ao.quantization.quantize_fx import convert_fx, prepare_fx

            net = nn.Sequential(nn.Conv1d(2, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(24, 3)).eval()
            x = torch.rand(4, 2, 8)
            prepared = prepare_fx(net, get_default_qconfig_mapping(ENGINES[0]), (x,))
            prepared(x)
            torch.save({"epoch": 3, "state_dict": convert_fx(prepared).state_dict()}, tmp_path / "fx.pt")
            torch.save(quantize_dynamic(net, {nn.Linear}).state_dict(), tmp_path / "dynamic.pth")
    finally:
        torch.backends.quantized.engine = before
    graph = load_model(ModelSpec(str(tmp_path / "fx.pt")))
    assert {"0:conv1d", "3:linear"} <= {layer.id for layer in graph.graph.layers}
    assert len(graph.existing.values) >= 3  # the input's too
    dynamic = load_model(ModelSpec(str(tmp_path / "dynamic.pth")))
    assert list(dynamic.existing.weights) == ["3:linear"]
    assert dynamic.existing.values == {}


def test_inspect_lists_it_and_nothing_else_can_be_done_with_it(path, tmp_path, capsys):
    found = inspect(load_model(ModelSpec(str(path))))
    rows = {row.id: row for row in found.layers}
    assert rows["conv:conv2d"].weight["dtype"] == "int8"
    assert rows["add:other"].quantized
    assert found.model["existing"]["weight_histograms"]["fc:linear"]["counts"]
    with pytest.raises(Problem, match="is a state_dict"):
        check_runs(load_model(ModelSpec(str(path))))
    assert main(["inspect", str(path)]) == 0
    assert "weight int8" in capsys.readouterr().out
    np.save(tmp_path / "x.npy", np.zeros((8, 1, 8, 8), np.float32))
    words = ["analyze", str(path), "--data", str(tmp_path / "x.npy"), "--out", str(tmp_path / "out")]
    assert main(words) == 1
    assert "is a state_dict" in capsys.readouterr().err


def test_a_grid_beyond_all_numbers_opens_as_the_widest_one(converted, tmp_path):
    state = dict(converted[0].state_dict())
    key = next(key for key in state if key.endswith("conv.scale"))
    # A scale that float32 has no number for is none; a zero point may be anything.
    for scale, zero, widest in ((3e38, 0, True), (1e-60, 0, False), (0.01, 100 - 2**31, False)):
        numbers = {
            key: torch.tensor(scale, dtype=torch.float64),
            key.replace("scale", "zero_point"): torch.tensor(zero),
        }
        torch.save({**state, **numbers}, tmp_path / "spoilt.pt")
        model = load_model(ModelSpec(str(tmp_path / "spoilt.pt")))
        plan = opening_plan(model, Target())
        found = plan.qconfig(model.graph.by_id["conv:conv2d"]).activation
        assert (found is not None and found.range is not None and found.range[1] == LARGEST) is widest


def test_weights_are_compared_with_those_of_the_float_model(converted, path, tmp_path, capsys):
    net, state = converted
    code = tmp_path / "net.py"
    code.write_text(
        "import torch\nfrom torch import nn\n\n\nclass Net(nn.Module):\n"
        "    def __init__(self):\n        super().__init__()\n"
        "        self.conv, self.relu, self.fc = nn.Conv2d(1, 6, 3), nn.ReLU(), nn.Linear(216, 10)\n\n"
        "    def forward(self, x):\n        x = self.relu(self.conv(x))\n        return self.fc((x + x).flatten(1))\n"
    )
    torch.save(state, tmp_path / "float.pt")
    words = ["compare", f"{code}:Net", str(path), "--weights", str(tmp_path / "float.pt")]
    words += ["--input-shape", "2,1,8,8", "--out", str(tmp_path / "out")]
    assert main(words) == 0, capsys.readouterr().err
    import json

    found = json.loads((tmp_path / "out" / "compare.json").read_text())
    rows = {row["float_id"]: row for row in found["layers"]}
    assert found["totals"]["samples"] == 0
    assert rows["conv:conv2d"]["quantized_id"] == "conv:conv2d"
    before, after = state["conv.weight"].double(), net.conv.weight().dequantize().double()
    wanted = 10 * float(torch.log10((before**2).sum() / ((before - after) ** 2).sum()))
    assert rows["conv:conv2d"]["weight_sqnr_db"] == pytest.approx(wanted, abs=1e-6)
    assert "state_dict" in (tmp_path / "out" / "compare.html").read_text()


def test_a_plain_checkpoint_is_still_refused_as_one(tmp_path):
    torch.save(nn.Linear(3, 2).state_dict(), tmp_path / "plain.pt")
    with pytest.raises(Problem, match="holds weights without the model"):
        load_model(ModelSpec(str(tmp_path / "plain.pt")))


def test_pickled_code_in_a_state_dict_does_not_run(tmp_path):
    class Planted:
        def __reduce__(self):
            return open, (str(tmp_path / "ran"), "w")

    torch.save({"conv.weight": Planted()}, tmp_path / "planted.pt")
    with pytest.raises(Problem, match="opening it would run its code"):
        load_model(ModelSpec(str(tmp_path / "planted.pt")))
    assert not (tmp_path / "ran").exists()
