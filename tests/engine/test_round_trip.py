"""What was exported opens again: the same plan, the same grids, and none of its code runs."""

from __future__ import annotations

import dataclasses
import json
import shutil

import numpy as np
import pytest
import torch

from qinspect.engine.backends.fx.runner import FxRunner
from qinspect.engine.compare import compare
from qinspect.engine.data import DataSpec, open_data
from qinspect.engine.export import export
from qinspect.engine.graph.execute import outputs_of
from qinspect.engine.inspect import inspect
from qinspect.engine.job import calibrate_model, first_plan, fused_graph, known_grids, quantization_of
from qinspect.engine.load import ModelSpec, load_model
from qinspect.engine.plan import QuantPlan, Remedy
from qinspect.engine.plan.target import FX_ENGINES, Target
from qinspect.engine.problem import Problem
from qinspect.engine.quantize import Quantization, quantize

ENGINES = [name for name in ("onednn", *FX_ENGINES) if name in torch.backends.quantized.supported_engines]
TARGETS = {
    "fx": f"fx-{ENGINES[0]}" if ENGINES else "",
    "eager": f"eager-{ENGINES[0]}" if ENGINES else "",
    "pt2e": "pt2e",
    "onnx": "ort",
    "tensorrt": "tensorrt",
}


@pytest.fixture(scope="module")
def made(digits_model, tmp_path_factory):
    """``made(to)``: the quantization that was exported, the model that was opened again, and its place."""
    spec = ModelSpec(digits_model.source, str(digits_model.weights), (digits_model.input_shape,))
    model = load_model(spec, allow_code=True)
    data = open_data(DataSpec(source=str(digits_model.data), samples=120))
    folder = tmp_path_factory.mktemp("round trip")
    known: dict[str, tuple] = {}

    def make(to):
        if not TARGETS[to]:
            pytest.skip("this torch has no engine for integer kernels")
        if to not in known:
            # A layer in float and a fusion off: a plan that is not just its default.
            plan = first_plan(model.graph, Target.parse(TARGETS[to])).with_layer("project:conv2d", None, None)
            calibration = calibrate_model(model, data, plan)
            out = folder / {"onnx": "q.onnx", "tensorrt": "trt.onnx", "pt2e": "q.pt2"}.get(to, to)
            report = export(model, plan, calibration, data, to, out)
            assert report.problems == ()
            quantization = quantization_of(model, data, plan, calibration)
            known[to] = quantization, load_model(ModelSpec(str(out))), out
        return known[to]

    return make


def opened_again(model) -> Quantization:
    """The quantization that a file holds: no statistics, so every number is the file's."""
    plan = model.existing.plan
    graph = fused_graph(model, plan).graph
    return quantize(graph, plan, {}, known_grids(model, graph, plan))


@pytest.mark.parametrize("to", TARGETS)
def test_an_export_opens_with_the_same_plan_and_qparams(made, to):
    before, model, _ = made(to)
    assert model.existing.plan == before.plan
    assert model.existing.identified
    after = opened_again(model)
    assert after.asked == before.asked
    computes = {layer.id for layer in before.graph.layers if not layer.transparent}
    assert after.quantized & computes == before.quantized & computes
    assert after.why_not == before.why_not
    values = {layer.id: layer.value for layer in after.graph.layers}
    for layer in before.graph.layers:
        if layer.transparent:  # a size that is read off has no place in ONNX
            continue
        ours, theirs = before.values.get(layer.value), after.values.get(values[layer.id])
        assert (ours is None) == (theirs is None), layer.id
        if ours is not None:
            assert theirs.to_json() == ours.to_json(), layer.id
    for name in before.graph.input_names:
        assert after.values[name].to_json() == before.values[name].to_json()
    assert after.weights.keys() == before.weights.keys()
    for layer_id, params in before.weights.items():
        assert np.array_equal(after.weights[layer_id].scale, params.scale)
        assert np.array_equal(after.weights[layer_id].zero_point, params.zero_point)
        weight = before.graph.weight(before.graph.by_id[layer_id])
        assert np.array_equal(model.existing.integers[layer_id], params.quantize(weight).numpy())


@pytest.mark.parametrize("to", ["fx", "eager"])
def test_an_opened_folder_runs_in_the_same_kernels_to_the_same_bits(made, to):
    before, model, _ = made(to)
    x = torch.rand(5, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    ours, theirs = (FxRunner(q).run((x,)) for q in (before, opened_again(model)))
    assert torch.equal(ours[0], theirs[0])
    assert model.dynamic_batch
    assert torch.allclose(model.forward(x), FxRunner(before).run((x,))[0], atol=2)


def test_inspect_shows_the_grids_of_a_folder_and_how_often_each_whole_number_is_there(made):
    before, model, _ = made("fx")
    found = inspect(model)
    rows = {row.id: row for row in found.layers}
    assert rows["conv:conv2d"].quantized
    assert not rows["project:conv2d"].quantized
    assert rows["fc:linear"].activation["scale"] == float(before.values["fc:linear"].scale)
    about = found.model["existing"]
    assert (about["form"], about["producer"], about["holds_float"]) == ("FX", "qinspect", True)
    assert found.model["reference"] == "float model"
    histogram = about["weight_histograms"]["fc:linear"]
    whole = before.weights["fc:linear"].quantize(before.graph.weight(before.graph.by_id["fc:linear"])).numpy()
    counts = dict(zip(histogram["integers"], histogram["counts"], strict=True))
    assert counts == {n: int((whole == n).sum()) for n in np.unique(whole).tolist()}
    assert sum(histogram["real_counts"]) == whole.size
    real = before.weights["fc:linear"].dequantize(torch.from_numpy(whole))
    assert histogram["real_min"] == pytest.approx(float(real.min()))
    assert histogram["real_max"] == pytest.approx(float(real.max()))


def test_a_file_of_rounded_weights_says_that_figures_are_held_against_those(made):
    for to, holds_float in (("onnx", False), ("fx", True)):
        found = inspect(made(to)[1])
        assert found.model["reference"] == ("float model" if holds_float else "rounded weights")
        said = [note for note in found.notes if note.startswith("The file has its weights in integers only")]
        assert bool(said) is not holds_float


def test_remedies_that_are_in_the_numbers_are_not_applied_again(made):
    _, model, _ = made("fx")
    remedy = Remedy("bias_correction", ("fc:linear",))
    plan = model.existing.plan.with_remedy(remedy)
    existing = dataclasses.replace(model.existing, plan=plan)
    assert existing.plan_for(model.graph, plan.target) == model.existing.plan
    assert "bias_correction" in existing.done
    assert model.existing.done is None


# -- files that are not as they should be ------------------------------------------------------------


@pytest.fixture
def copied(made, tmp_path):
    return shutil.copytree(made("fx")[2], tmp_path / "copy")


def test_no_code_of_a_folder_runs(copied, tmp_path):
    for file in ("build.py", "model.py", "int8_layers.py"):
        (copied / file).write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\nraise SystemExit\n")
    assert load_model(ModelSpec(str(copied))).existing.plan is not None
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "target", ["os.system", "aten.from_file.default", "posix.system", "torch.load", "builtins.eval", "aten.nonsense.x"]
)
def test_operators_that_are_not_torchs_own_are_refused(copied, target):
    graph = json.loads((copied / "graph.json").read_text())
    graph["layers"][0]["target"] = target
    (copied / "graph.json").write_text(json.dumps(graph))
    with pytest.raises(Problem, match="operator"):
        load_model(ModelSpec(str(copied)))


@pytest.mark.parametrize("name", ["graph.json", "weights.pt", "qparams.json", "plan.json"])
@pytest.mark.parametrize("damage", ["missing", "cut", "other"])
def test_a_damaged_folder_is_refused_and_the_file_named(copied, name, damage):
    file = copied / name
    content = file.read_bytes()
    file.unlink()
    if damage == "cut":
        file.write_bytes(content[: len(content) // 2])
    elif damage == "other":
        file.write_text('{"version": 9}')
    with pytest.raises(Problem) as found:
        load_model(ModelSpec(str(copied)))
    wanted = str(copied) if (name, damage) == ("graph.json", "missing") else name
    assert wanted in found.value.where


@pytest.mark.parametrize(
    "edit",
    [
        lambda graph: graph["layers"].reverse(),
        lambda graph: graph["layers"].append(graph["layers"][0]),
        lambda graph: graph["layers"][0].pop("args"),
        lambda graph: graph["layers"][0]["args"].append({"device": "cuda"}),
        lambda graph: graph["layers"][0]["args"].append({"dtype": "load"}),
        lambda graph: next(iter(graph["tensors"].values())).update(shape=[7, 7]),
        lambda graph: next(iter(graph["tensors"].values())).update(name="nothing"),
    ],
)
def test_a_graph_that_does_not_hold_together_is_refused(copied, edit):
    graph = json.loads((copied / "graph.json").read_text())
    edit(graph)
    (copied / "graph.json").write_text(json.dumps(graph))
    with pytest.raises(Problem, match="not as the format says"):
        load_model(ModelSpec(str(copied)))


def test_an_edited_scale_is_the_one_that_is_shown(copied):
    q = json.loads((copied / "qparams.json").read_text())
    q["values"]["fc:linear"]["scale"] *= 2
    (copied / "qparams.json").write_text(json.dumps(q))
    again = opened_again(load_model(ModelSpec(str(copied))))
    assert float(again.values["fc:linear"].scale) == pytest.approx(q["values"]["fc:linear"]["scale"])


def test_a_plan_for_another_target_than_that_of_the_folder_is_quantized_anew(made, digits_model):
    _, model, _ = made("fx")
    data = open_data(DataSpec(source=str(digits_model.data), samples=120))
    plan: QuantPlan = first_plan(model.graph, Target())
    found = quantization_of(model, data, plan, calibrate_model(model, data, plan))
    assert "fc:linear" in found.quantized
    assert {params.dtype for params in found.values.values()} == {"uint8"}


BESIDE = """
import torch
from torch import nn

class Beside(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.two = nn.Conv2d(3, 3, 3, padding=1), nn.Conv2d(3, 3, 1)

    def forward(self, x):
        y = self.two(x)
        part = nn.functional.relu6(y[:, :, 1:]).mean((2, 3), True)
        return torch.cat([torch.relu(self.one(x) + x), y, part.expand_as(y)], 1)

def model():
    torch.manual_seed(0)
    return Beside()
"""


def test_a_relu_that_shares_its_grid_with_negative_values_opens_again(tmp_path):
    # ONNX has it as a Clip of integers, whose limits are scalars.
    (tmp_path / "beside.py").write_text(BESIDE)
    np.savez(tmp_path / "x.npz", x=np.random.default_rng(0).normal(size=(40, 3, 8, 8)).astype(np.float32))
    model = load_model(ModelSpec(f"{tmp_path / 'beside.py'}:model", None, ((1, 3, 8, 8),)), allow_code=True)
    data = open_data(DataSpec(source=str(tmp_path / "x.npz")))
    plan = first_plan(model.graph, Target())
    out = tmp_path / "q.onnx"
    assert export(model, plan, calibrate_model(model, data, plan), data, "onnx", out).problems == ()
    import onnx

    assert "Clip" in [node.op_type for node in onnx.load(out).graph.node]
    again = load_model(ModelSpec(str(out)))
    x = torch.randn(4, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    assert {layer.id for layer in again.graph.layers} == {layer.id for layer in model.graph.layers}
    (found,) = outputs_of(again.forward(x))
    assert float(found[:, :3].min()) == 0.0
    assert torch.allclose(found, model.forward(x), atol=0.1)


@pytest.mark.parametrize("to", ["onnx", "tensorrt"])
def test_layers_keep_their_ids_where_norms_and_clips_were_absorbed(tmp_path, to):
    (tmp_path / "net.py").write_text("""
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.up = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU6())
        self.across = nn.Sequential(nn.Conv2d(8, 8, 1, bias=False), nn.BatchNorm2d(8))
        self.down = nn.Sequential(nn.Conv2d(8, 4, 1, bias=False), nn.BatchNorm2d(4))
        self.pool = nn.AdaptiveAvgPool2d(1)

    def forward(self, x):
        x = self.up(x)
        return self.pool(self.down(x + self.across(x))).flatten(1)
""")
    np.savez(tmp_path / "d.npz", x=np.random.default_rng(0).random((40, 3, 8, 8), np.float32))
    model = load_model(ModelSpec(f"{tmp_path / 'net.py'}:Net", None, ((2, 3, 8, 8),)), allow_code=True)
    data = open_data(DataSpec(str(tmp_path / "d.npz")), model.graph.inputs[0].shape)
    plan = first_plan(model.graph, Target.parse(TARGETS[to]))
    export(model, plan, calibrate_model(model, data, plan), data, to, tmp_path / "q.onnx")
    wanted = {layer.id for layer in fused_graph(model, plan).graph.layers if not layer.transparent}
    assert {"across.0:conv2d", "down.0:conv2d"} <= wanted
    opened = load_model(ModelSpec(str(tmp_path / "q.onnx")))
    found = {layer.id for layer in fused_graph(opened, opened.existing.plan).graph.layers if not layer.transparent}
    assert found == wanted


SCALED = """
import torch
from torch import nn

class Scaled(nn.Module):
    def __init__(self):
        super().__init__()
        self.wide, self.back = nn.Linear(8, 16), nn.Linear(16, 8)
        self.gamma = nn.Parameter(torch.full((8,), 0.5))
        self.head = nn.Linear(8, 4)

    def forward(self, x):
        x = (x - x.mean(1, keepdim=True)) / torch.sqrt(x.pow(2).mean(1, keepdim=True) + 1e-6)
        return self.head(x + self.gamma * self.back(torch.relu(self.wide(x))))

def model():
    torch.manual_seed(0)
    return Scaled()
"""


@pytest.mark.parametrize("to", ["onnx", "tensorrt", "fx", "eager"])
def test_scaled_linear_layers_of_sequences_and_operators_with_a_number_open_again(tmp_path, to):
    # ConvNeXt's block: gamma is folded into the linear layer, whose value is then that of the product;
    # and torch takes the epsilon, a number, where its declaration has a tensor.
    if not TARGETS[to]:
        pytest.skip("this torch has no engine for integer kernels")
    (tmp_path / "scaled.py").write_text(SCALED)
    np.savez(tmp_path / "x.npz", x=np.random.default_rng(0).normal(size=(40, 5, 8)).astype(np.float32))
    model = load_model(ModelSpec(f"{tmp_path / 'scaled.py'}:model", None, ((2, 5, 8),)), allow_code=True)
    data = open_data(DataSpec(source=str(tmp_path / "x.npz")))
    plan = first_plan(model.graph, Target.parse(TARGETS[to]))
    calibration = calibrate_model(model, data, plan)
    out = tmp_path / ("q.onnx" if to in ("onnx", "tensorrt") else to)
    export(model, plan, calibration, data, to, out)
    before, after = quantization_of(model, data, plan, calibration), opened_again(load_model(ModelSpec(str(out))))
    assert "back:linear" in before.weights
    assert after.weights.keys() == before.weights.keys()
    assert after.asked == before.asked


PARTS = """
import torch
from torch import nn

class Parts(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc, self.out = nn.Linear(8, 8), nn.Linear(8, 4)

    def forward(self, x):
        y = self.fc(x)
        y = y * torch.rsqrt(y.pow(2).mean(1, keepdim=True) + 1.0)
        return nn.functional.normalize(y, dim=-1), self.out(y.masked_fill(y < 0, -2.0).max(1)[0])

def model():
    torch.manual_seed(0)
    return Parts()
"""


def test_norms_masks_and_maxima_are_the_same_layers_when_an_onnx_file_opens_again(tmp_path):
    (tmp_path / "parts.py").write_text(PARTS)
    np.savez(tmp_path / "x.npz", x=np.random.default_rng(0).normal(size=(40, 5, 8)).astype(np.float32))
    model = load_model(ModelSpec(f"{tmp_path / 'parts.py'}:model", None, ((2, 5, 8),)), allow_code=True)
    data = open_data(DataSpec(source=str(tmp_path / "x.npz")))
    plan = first_plan(model.graph, Target())
    assert export(model, plan, calibrate_model(model, data, plan), data, "onnx", tmp_path / "q.onnx").problems == ()
    again = load_model(ModelSpec(str(tmp_path / "q.onnx")))
    ids = [{layer.id for layer in opened.graph.layers if not layer.transparent} for opened in (model, again)]
    assert {":linalg_vector_norm", ":rsqrt", ":where", ":amax"} < ids[0]
    assert ids[1] == ids[0]


BAGS = """
import torch
from torch import nn

class Bags(nn.Module):
    def __init__(self):
        super().__init__()
        self.bags = nn.ModuleList(nn.EmbeddingBag(20, 6, mode=mode) for mode in ("sum", "mean", "max"))
        self.out = nn.Linear(18, 4)

    def forward(self, words):
        return self.out(torch.cat([bag(words) for bag in self.bags], 1))

def model():
    torch.manual_seed(0)
    return Bags(), torch.randint(0, 20, (2, 5))
"""


def test_embedding_bags_of_one_size_run_in_onnx_and_open_again(tmp_path):
    # torch's exporter makes a loop over the bags of them, which ONNX Runtime does not take beside another.
    (tmp_path / "bags.py").write_text(BAGS)
    np.savez(tmp_path / "x.npz", x=np.random.default_rng(0).integers(0, 20, (40, 5)))
    model = load_model(ModelSpec(f"{tmp_path / 'bags.py'}:model"), allow_code=True)
    data = open_data(DataSpec(source=str(tmp_path / "x.npz")))
    plan = first_plan(model.graph, Target())
    report = export(model, plan, calibrate_model(model, data, plan), data, "onnx", tmp_path / "q.onnx")
    assert (report.problems, report.equal_share) == ((), 1.0)
    again = load_model(ModelSpec(str(tmp_path / "q.onnx")))
    ids = [{layer.id for layer in opened.graph.layers if not layer.transparent} for opened in (model, again)]
    assert ids[1] == ids[0]
    words = torch.randint(0, 20, (7, 5), generator=torch.Generator().manual_seed(0))
    assert torch.allclose(outputs_of(again.forward(words))[0], model.forward(words), atol=0.05)


QKV = """
import torch
from torch import nn

class Qkv(nn.Module):
    def __init__(self):
        super().__init__()
        self.qkv, self.out = nn.Linear(8, 24), nn.Linear(8, 4)

    def forward(self, x):
        q, k, v = self.qkv(x).reshape(-1, 5, 3, 8).unbind(2)
        return self.out((q @ k.transpose(1, 2)).softmax(-1) @ v)

def model():
    torch.manual_seed(0)
    return Qkv()
"""


@pytest.mark.parametrize("to", ["onnx", "tensorrt"])
def test_of_a_value_that_is_taken_apart_the_same_parts_have_grids_when_it_opens_again(tmp_path, to):
    (tmp_path / "qkv.py").write_text(QKV)
    np.savez(tmp_path / "x.npz", x=np.random.default_rng(0).normal(size=(40, 5, 8)).astype(np.float32))
    model = load_model(ModelSpec(f"{tmp_path / 'qkv.py'}:model", None, ((2, 5, 8),)), allow_code=True)
    data = open_data(DataSpec(source=str(tmp_path / "x.npz")))
    plan = first_plan(model.graph, Target.parse(TARGETS[to]))
    calibration = calibrate_model(model, data, plan)
    assert export(model, plan, calibration, data, to, tmp_path / "q.onnx").problems == ()
    before = quantization_of(model, data, plan, calibration)
    after = opened_again(load_model(ModelSpec(str(tmp_path / "q.onnx"))))
    for name in ("qkv:linear", ":softmax", ":matmul", ":matmul#2"):
        assert (name in after.values) == (name in before.values), name
    assert after.asked == before.asked


STATES = """
import torch
from torch import nn

class States(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.norm = nn.Conv1d(6, 8, 1), nn.GroupNorm(2, 8, affine=False)
        self.gru, self.fc = nn.GRU(8, 8, batch_first=True), nn.Linear(8, 3)

    def forward(self, x, h):
        x = self.norm(self.conv(x)).transpose(1, 2)
        y, h = self.gru(x, h.transpose(0, 1).contiguous())
        return self.fc(y[:, -1]), h.transpose(0, 1)

def model():
    torch.manual_seed(0)
    return States(), (torch.randn(2, 6, 5), torch.randn(2, 1, 8))
"""


def test_a_recurrent_layer_with_two_results_and_a_norm_without_weights_are_one_layer_each_when_opened(tmp_path):
    (tmp_path / "states.py").write_text(STATES)
    rng = np.random.default_rng(0)
    x, h = rng.normal(size=(40, 6, 5)).astype(np.float32), rng.normal(size=(40, 1, 8)).astype(np.float32)
    np.savez(tmp_path / "x.npz", x=x, h=h)
    model = load_model(ModelSpec(f"{tmp_path / 'states.py'}:model"), allow_code=True)
    data = open_data(DataSpec(str(tmp_path / "x.npz")), (None, 6, 5), input_names=model.graph.input_names)
    plan = first_plan(model.graph, Target())
    export(model, plan, calibrate_model(model, data, plan), data, "onnx", tmp_path / "q.onnx")
    again = load_model(ModelSpec(str(tmp_path / "q.onnx")))
    ids = [{layer.id for layer in opened.graph.layers if not layer.transparent} for opened in (model, again)]
    assert ids[1] == ids[0]
    found = compare(model, again, data, timing=False)
    errors = {row.float_id: row.errors["sqnr_db"] for row in found.layers}
    # What it hands on lies in the file time first.
    assert errors["gru:gru"] > 20


PADDED = """
import torch
from torch import nn

class Padded(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.two = nn.Conv2d(3, 4, 1), nn.Conv2d(4, 4, 3)

    def forward(self, x):
        return self.two(nn.functional.pad(torch.relu(self.one(x)), (0, 1, 0, 1))).mean((2, 3))

def model():
    torch.manual_seed(0)
    return Padded()
"""


def test_a_padding_that_a_convolution_took_in_has_the_error_of_what_it_pads(tmp_path):
    (tmp_path / "padded.py").write_text(PADDED)
    np.savez(tmp_path / "x.npz", x=np.random.default_rng(0).normal(size=(40, 3, 8, 8)).astype(np.float32))
    model = load_model(ModelSpec(f"{tmp_path / 'padded.py'}:model", None, ((2, 3, 8, 8),)), allow_code=True)
    data = open_data(DataSpec(str(tmp_path / "x.npz")))
    plan = first_plan(model.graph, Target())
    export(model, plan, calibrate_model(model, data, plan), data, "onnx", tmp_path / "q.onnx")
    found = compare(model, load_model(ModelSpec(str(tmp_path / "q.onnx"))), data, timing=False)
    errors = {row.float_id: row.errors["sqnr_db"] for row in found.layers}
    assert errors[":pad"] == errors["one:conv2d"] > 20
