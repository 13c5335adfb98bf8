"""Models, examples and data in other numbers than float32: they are taken in it, or it is said what to change."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from qinspect.engine.data import open_data
from qinspect.engine.data_spec import DataSpec
from qinspect.engine.graph.execute import outputs_of
from qinspect.engine.job import check_fits
from qinspect.engine.load import ModelSpec, load_model, quiet
from qinspect.engine.problem import Problem

OTHERS = [torch.float16, torch.bfloat16, torch.float64]
IN_FLOAT32 = "are computed in float32 here"


class Net(nn.Module):
    """With numbers of its own, and its types written into the code."""

    def __init__(self, dtype):
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.norm, self.fc = nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Linear(144, 10)
        self.register_buffer("scale", torch.tensor([0.5, 2.0]).repeat(5))
        self.to(dtype).eval()

    def forward(self, x):
        y = self.fc(torch.relu(self.norm(self.conv(x))).flatten(1))
        return (y.double() * self.scale.double()).to(x.dtype) + torch.full((10,), 0.25, dtype=x.dtype)


def x(count=2):
    return torch.from_numpy(np.random.default_rng(0).random((count, 1, 8, 8), np.float32))


@pytest.mark.parametrize("dtype", OTHERS, ids=str)
def test_a_file_in_half_or_double_precision_is_computed_in_float32(dtype, tmp_path):
    net, path = Net(dtype), tmp_path / "net.pt2"
    with quiet():
        batch = {0: torch.export.Dim("batch")}
        torch.export.save(torch.export.export(net, (x().to(dtype),), dynamic_shapes=(batch,)), path)
    model = load_model(ModelSpec(str(path)))
    assert [spec.dtype for spec in model.graph.inputs] == ["float32"]
    assert not [layer.id for layer in model.graph.layers if layer.dtype in ("float16", "bfloat16", "float64")]
    assert any(IN_FLOAT32 in note for note in model.notes)
    np.savez(tmp_path / "d.npz", x=x(8).numpy())
    data = open_data(DataSpec(str(tmp_path / "d.npz")))
    check_fits(model, data)
    with torch.no_grad():
        got, wanted = model.forward(*data.load(range(8))), net(x(8).to(dtype)).float()
    assert torch.allclose(outputs_of(got)[0], wanted, atol=0.05 if dtype != torch.float64 else 1e-5)


CODE = """
import torch
from torch import nn

def net(kind, example):
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.Flatten()).to(kind), (torch.ones(1, 1, 8, 8).to(example),)

def half():
    return net(torch.float16, torch.float16)

def double_example():
    return net(torch.float32, torch.float64)

def whole_example():
    return net(torch.float32, torch.int64)

class Doubles(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(8, 2)

    def forward(self, x):
        return self.fc(x.double())

def doubles():
    return Doubles(), torch.rand(1, 8)
"""


@pytest.fixture
def code(tmp_path):
    (tmp_path / "net.py").write_text(CODE)
    return f"{tmp_path / 'net.py'}"


@pytest.mark.parametrize("name", ["half", "double_example"])
def test_an_example_is_taken_in_float32_as_the_model_is(code, name):
    model = load_model(ModelSpec(f"{code}:{name}"), allow_code=True)
    assert [spec.dtype for spec in model.graph.inputs] == ["float32"]
    assert any(IN_FLOAT32 in note for note in model.notes)


@pytest.mark.parametrize("name", ["whole_example", "doubles"])
def test_of_types_that_do_not_go_together_that_is_said_and_not_another_shape_asked_for(code, name):
    with pytest.raises(Problem, match="a forward pass with input") as found:
        load_model(ModelSpec(f"{code}:{name}"), allow_code=True)
    assert "The model is float32 here: see to the types" in found.value.remedy


@pytest.mark.parametrize(
    ("dtype", "says"),
    [
        ("uint8", "its samples are uint8, the model's input x is float32. Store them as float32, or give --normalize"),
        ("int64", "its samples are int64"),
        ("bool", "its samples are bool"),
    ],
)
def test_data_of_another_type_are_named_with_what_to_store(code, tmp_path, dtype, says):
    model = load_model(ModelSpec(f"{code}:half"), allow_code=True)
    np.savez(tmp_path / "d.npz", x=x(8).numpy().astype(dtype))
    data = open_data(DataSpec(str(tmp_path / "d.npz")))
    with pytest.raises(Problem, match=r"d\.npz: its samples are") as found:
        check_fits(model, data)
    assert says in str(found.value).replace("input input", "input x")
