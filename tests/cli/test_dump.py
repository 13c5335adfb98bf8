"""``qinspect dump``: a layer's integers can be recomputed from the files alone, and the cut model reruns it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import onnxruntime
import pytest
import torch
import torch.nn.functional as F

from qinspect.cli import main
from qinspect.engine.plan import QuantPlan
from qinspect.engine.plan.qconfig import TensorConfig
from qinspect.engine.plan.target import Target


@pytest.fixture(autouse=True)
def _quick(one_thread):
    """torch on one thread."""


@pytest.fixture
def digits(digits_model):
    model = [digits_model.source, "--weights", str(digits_model.weights), "--input-shape", "1,1,8,8"]
    return [*model, "--data", str(digits_model.data), "--samples", "60"]


def write(path, plan):
    path.write_text(json.dumps(plan.to_json()))
    return str(path)


def dumped(words, out):
    assert main([*words, "--out", str(out)]) == 0
    with np.load(out / "tensors.npz") as stored:
        return json.loads((out / "layer.json").read_text()), {name: stored[name] for name in stored.files}


def test_the_sums_and_the_output_can_be_recomputed_from_the_files(digits, tmp_path, capsys):
    plan = write(tmp_path / "plan.json", QuantPlan.preset(Target()))
    words = ["dump", *digits, "--plan", plan, "--layer", "depthwise_bn:batch_norm"]  # it is in the convolution
    begun, _ = dumped([word for word in words if word not in ("--plan", plan)], tmp_path / "begun")
    assert begun["weight"]["dtype"] == "int8"  # without a plan it is the one that analyze begins with
    capsys.readouterr()
    layer, t = dumped(words, tmp_path / "out")
    assert "depthwise:conv2d: QLinearConv: 8 samples, 100.00% of the values equal" in capsys.readouterr().out
    assert layer["layer"]["id"] == "depthwise:conv2d"
    assert len(layer["samples"]) == len(t["input_0"]) == 8
    assert (t["input_0"].dtype, t["weight"].dtype, t["bias"].dtype) == (np.uint8, np.int8, np.int32)
    assert (t["accumulator"].dtype, layer["accumulator"]["fits_int32"]) == (np.int32, True)
    (source,) = layer["inputs"]
    x = torch.from_numpy(t["input_0"].astype(np.int64) - source["zero_point"]).double()
    bias = torch.from_numpy(t["bias"].astype(np.float64))
    sums = F.conv2d(x, torch.from_numpy(t["weight"].astype(np.float64)), bias, padding=1, groups=16)
    np.testing.assert_array_equal(sums.numpy(), t["accumulator"])
    scale = np.asarray(layer["weight"]["scale"])[:, None, None] * source["scale"]
    real = np.clip(sums.numpy() * scale, 0, 6)
    out = layer["output"]
    expected = np.clip(np.rint(real / out["scale"]) + out["zero_point"], out["qmin"], out["qmax"])
    np.testing.assert_array_equal(t["output_exact"], expected)
    np.testing.assert_array_equal(t["output_kernel"], t["output_simulation"])
    assert layer["difference"]["equal_share"] == 1.0
    assert layer["difference"]["worst"] is None


def test_the_cut_model_gives_the_kernels_output_in_onnxruntime_alone(digits, tmp_path):
    plan = write(tmp_path / "plan.json", QuantPlan.preset(Target()))
    for name in (":add", "fc:linear"):
        layer, t = dumped(["dump", *digits, "--plan", plan, "--layer", name], tmp_path / "out")
        opened = onnxruntime.InferenceSession(tmp_path / "out" / "layer.onnx", providers=["CPUExecutionProvider"])
        feed = {item.name: t[f"input_{index}"] for index, item in enumerate(opened.get_inputs())}
        assert set(feed) == {item["value"] for item in layer["inputs"]}
        np.testing.assert_array_equal(opened.run(None, feed)[0], t["output_kernel"])
        assert layer["model"] == {"file": "layer.onnx", "equal_share": 1.0}
        assert layer["layer"]["id"] in (tmp_path / "out" / "README.txt").read_text()


def test_where_no_kernel_runs_here_the_simulation_is_dumped_and_that_is_said(digits, tmp_path):
    plan = write(tmp_path / "plan.json", QuantPlan.preset(Target.parse("tensorrt")))
    words = ["dump", *digits, "--plan", plan, "--layer", ":add"]
    layer, t = dumped(words, tmp_path / "out")
    assert "output_kernel" not in t
    assert layer["kernel"] is None
    assert layer["difference"] is None
    assert "NVIDIA GPU" in layer["why_no_kernel"]
    assert [item["dtype"] for item in layer["inputs"]] == ["float32", "int8"]  # the convolution's sums, and the rest
    assert layer["model"]["equal_share"] == 1.0


def test_a_bias_that_the_target_adds_as_a_real_number_is_one_in_the_files(digits, tmp_path):
    plan = write(tmp_path / "plan.json", QuantPlan.preset(Target.parse("tensorrt")))
    layer, t = dumped(["dump", *digits, "--plan", plan, "--layer", "depthwise:conv2d"], tmp_path / "out")
    assert layer["bias"] == {"tensor": "bias", "dtype": "float32"}
    x, weight = (torch.from_numpy(t[name].astype(np.float64)) for name in ("input_0", "weight"))  # zero points are 0
    sums = F.conv2d(x, weight, padding=1, groups=16)
    np.testing.assert_array_equal(sums.numpy(), t["accumulator"])
    scale = np.asarray(layer["weight"]["scale"])[:, None, None] * layer["inputs"][0]["scale"]
    real = np.clip(sums.numpy() * scale + t["bias"][:, None, None], 0, 6)
    np.testing.assert_array_equal(t["output_exact"], np.clip(np.rint(real / layer["output"]["scale"]), -128, 127))


@pytest.mark.skipif("onednn" not in torch.backends.quantized.supported_engines, reason="no engine onednn")
def test_a_layer_of_an_eager_model_is_a_folder_that_gives_the_same(digits, tmp_path):
    plan = write(tmp_path / "plan.json", QuantPlan.preset(Target.parse("eager-onednn")))
    layer, t = dumped(["dump", *digits, "--plan", plan, "--layer", "depthwise"], tmp_path / "out")
    assert layer["layer"]["id"] == "depthwise:conv2d"  # a module that is one layer can be named by its path
    assert layer["model"] == {"file": "layer", "equal_share": 1.0}
    assert "EagerModel" in (tmp_path / "out" / "layer" / "build.py").read_text()
    np.testing.assert_array_equal(t["output_kernel"], t["output_simulation"])


BLOCK = """\
import torch
from torch import nn
import torch.nn.functional as F


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.two, self.norm = nn.Linear(16, 24), nn.Linear(24, 16), nn.LayerNorm(16)

    def forward(self, x):
        return self.norm(self.two(F.relu(self.one(x))) + x)


def model():
    torch.manual_seed(0)
    return Block()
"""


@pytest.mark.slow
@pytest.mark.parametrize("target", ["ort", "pt2e"])
def test_of_a_layer_that_hands_on_real_numbers_the_kernels_are_written(target, tmp_path, capsys):
    if target == "pt2e" and not any(shutil.which(name) for name in ("g++", "clang++", "c++")):
        pytest.skip("inductor needs a C++ compiler")
    (tmp_path / "net.py").write_text(BLOCK)
    np.savez(tmp_path / "x.npz", x=np.random.default_rng(0).standard_normal((40, 5, 16), np.float32))
    # Three at a time: the last of the eight are filled up.
    plan = QuantPlan.preset(replace(Target.parse(target), batch=3))
    words = ["dump", f"{tmp_path / 'net.py'}:model", "--data", str(tmp_path / "x.npz"), "--input-shape", "1,5,16"]
    words += ["--plan", write(tmp_path / "plan.json", plan), "--layer"]
    layer, t = dumped([*words, "one:linear"], tmp_path / "out")
    assert t["output_kernel"].dtype == np.uint8
    hidden = t["output_kernel"]
    layer, t = dumped([*words, "two:linear"], tmp_path / "out")
    np.testing.assert_array_equal(t["input_0"], hidden)
    assert t["output_kernel"].dtype == np.float32
    scale = np.asarray(layer["weight"]["scale"]) * layer["inputs"][0]["scale"]
    np.testing.assert_allclose(t["output_kernel"], t["accumulator"] * scale, rtol=1e-4, atol=1e-5)
    assert layer["difference"]["equal_share"] == 1.0
    assert layer["model"]["equal_share"] == 1.0
    assert "100.00% of the values equal the simulation" in capsys.readouterr().out


RESIDUAL = """\
import torch
from torch import nn
import torch.nn.functional as F


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.one, self.two, self.last = (
            nn.LayerNorm(16), nn.Linear(16, 24), nn.Linear(24, 16), nn.LayerNorm(16)
        )

    def forward(self, x):
        x = self.first(x)
        return self.last(self.two(F.relu(self.one(x))) + x)


def model():
    torch.manual_seed(0)
    return Block()
"""


@pytest.mark.slow
def test_what_a_kernel_adds_in_the_same_call_is_written_beside_its_output(tmp_path):
    if not any(shutil.which(name) for name in ("g++", "clang++", "c++")):
        pytest.skip("inductor needs a C++ compiler")
    (tmp_path / "net.py").write_text(RESIDUAL)
    np.savez(tmp_path / "x.npz", x=np.random.default_rng(0).standard_normal((40, 5, 16), np.float32))
    words = ["dump", f"{tmp_path / 'net.py'}:model", "--data", str(tmp_path / "x.npz"), "--input-shape", "1,5,16"]
    layer, t = dumped([*words, "--target", "pt2e", "--layer", "two:linear"], tmp_path / "out")
    scale = np.asarray(layer["weight"]["scale"]) * layer["inputs"][0]["scale"]
    given = t["accumulator"] * scale + t["added"]
    np.testing.assert_allclose(t["output_kernel"], given, rtol=1e-4, atol=1e-5)
    assert layer["difference"]["equal_share"] == 1.0
    assert layer["model"]["equal_share"] == 1.0
    assert "what was added" in (tmp_path / "out" / "README.txt").read_text()


SATURATING = """\
import torch
from torch import nn


class Depthwise(nn.Module):
    def __init__(self):
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.conv = nn.Conv2d(64, 64, 3, padding=1, groups=64)
        with torch.no_grad():
            # Neighbouring products of one sign add up to more than 16 bits hold.
            self.conv.weight.copy_(0.5 + 0.5 * torch.rand(self.conv.weight.shape, generator=generator))

    def forward(self, x):
        return self.conv(x)


def model():
    return Depthwise()
"""


@pytest.mark.skipif("fbgemm" not in torch.backends.quantized.supported_engines, reason="no engine fbgemm")
def test_a_saturating_depthwise_kernel_is_shown_and_rerun_from_the_folder(tmp_path, capsys):
    (tmp_path / "net.py").write_text(SATURATING)
    x = torch.rand(24, 64, 8, 8, generator=torch.Generator().manual_seed(1)).numpy()
    np.savez(tmp_path / "x.npz", x=x)
    plan = QuantPlan.preset(Target.parse("fx-fbgemm")).with_default(activation=TensorConfig("uint8"))
    words = ["dump", f"{tmp_path / 'net.py'}:model", "--data", str(tmp_path / "x.npz"), "--layer", "conv:conv2d"]
    out = tmp_path / "out"
    layer, t = dumped([*words, "--plan", write(tmp_path / "plan.json", plan)], out)
    if layer["difference"]["max_steps"] <= 1:
        pytest.skip("this processor's fbgemm does not saturate")
    difference = t["output_kernel"].astype(int) - t["output_simulation"]
    assert layer["difference"]["max_steps"] == np.abs(difference).max() > 10
    assert layer["difference"]["equal_share"] == (difference == 0).mean() < 0.99
    worst = layer["difference"]["worst"]
    assert difference[tuple(worst["index"])] == worst["kernel"] - worst["simulation"]
    assert worst["accumulator"] == t["accumulator"][tuple(worst["index"])]
    # The simulation is what the exact sums give.
    assert np.abs(t["output_exact"].astype(int) - t["output_simulation"]).max() <= 1
    assert layer["model"]["equal_share"] == 1.0
    assert "apart" in capsys.readouterr().out
    # A vendor, with torch and numpy alone.
    code = f"""
import sys, numpy, torch
sys.path.insert(0, {str(out / "layer")!r})
torch.set_num_threads(1)
from build import load
t = numpy.load({str(out / "tensors.npz")!r})
q = {json.dumps(layer["inputs"][0]).replace("null", "None")}
o = {json.dumps(layer["output"]).replace("null", "None")}
x = (torch.from_numpy(t["input_0"].astype("float32")) - q["zero_point"]) * q["scale"]
with torch.no_grad():
    y = load()(x)
whole = torch.round(y / o["scale"]) + o["zero_point"]
assert numpy.array_equal(whole.numpy(), t["output_kernel"]), "another result"
assert not any(name.startswith(("qinspect", "onnx")) for name in sys.modules)
"""
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr


def test_an_id_that_is_not_there_is_answered_with_the_nearest(digits, tmp_path, capsys):
    floats = QuantPlan.preset(Target()).with_layer("fc:linear", weight=None, activation=None)
    plan = write(tmp_path / "plan.json", floats)
    words = ["dump", *digits, "--plan", plan, "--out", str(tmp_path / "out")]
    assert main([*words, "--layer", "depthwise.conv2d"]) == 1
    said = capsys.readouterr().err
    assert "--layer depthwise.conv2d: this model has no such layer. The nearest are depthwise:conv2d" in said
    assert main([*words, "--layer", "fc:linear"]) == 1
    assert "fc:linear: computes no integers on ort: the plan leaves it in float" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
