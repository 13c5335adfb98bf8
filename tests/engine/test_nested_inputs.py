"""Models whose author nests the inputs, and results that are no single tensor."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from torch import nn

from qinspect.engine.data import DataSpec, open_data
from qinspect.engine.float_check import check_float
from qinspect.engine.graph.execute import Executor
from qinspect.engine.graph.normalize import normalize
from qinspect.engine.job import calibrate_model, first_plan
from qinspect.engine.load import ModelSpec, load_model, quiet
from qinspect.engine.load.call import Call, example_call
from qinspect.engine.load.trace import trace
from qinspect.engine.plan import Target
from qinspect.engine.problem import Problem

SOURCE = """
import dataclasses, torch
from torch import nn

@dataclasses.dataclass
class Out:
    logits: torch.Tensor
    hidden: torch.Tensor
    cache: object = None

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.head, self.side = nn.Conv2d(3, 4, 3), nn.Linear(4, 5), nn.Linear(2, 5)

    def forward(self, batch, scaled=False):
        hidden = torch.relu(self.conv(batch["image"])).mean((2, 3))
        return Out(self.head(hidden) + self.side(batch["extra"][1]), hidden)

def model():
    batch = {"image": torch.rand(1, 3, 8, 8), "extra": (torch.rand(1, 7), torch.rand(1, 2))}
    return Net(), (batch,)

def data():
    generator = torch.Generator().manual_seed(1)
    for _ in range(8):
        image, unused, extra = (torch.rand(5, *s, generator=generator) for s in ((3, 8, 8), (7,), (2,)))
        yield {"image": image, "extra": (unused, extra)}, torch.arange(5)
"""


@dataclasses.dataclass
class Pair:
    first: torch.Tensor
    second: torch.Tensor | None


class Sums(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(3, 4)

    def forward(self, x, pair: dict | Pair | None = None, *, factor=2.0, more=()):
        y = self.linear(x) * factor
        if pair is not None:
            y = y + (pair.first if isinstance(pair, Pair) else pair["first"])
        for item in more:
            y = y - item
        return {"y": y, "parts": [y[:, :1], None]}


@pytest.fixture
def net(tmp_path):
    path = tmp_path / "net.py"
    path.write_text(SOURCE)
    return path


def ones(*shape):
    return torch.rand(1, *shape)


@pytest.mark.parametrize(
    ("call", "names"),
    [
        (Call.of((ones(3),)), ["x"]),
        (Call.of((ones(3), {"first": ones(4)})), ["x", "pair_first"]),
        (Call.of((ones(3),), {"pair": Pair(ones(4), None), "factor": 3.0}), ["x", "pair_first"]),
        (Call.of((), {"more": (ones(4), ones(1)), "x": ones(3)}), ["more_0", "more_1", "x"]),
    ],
)
def test_the_layers_compute_what_the_model_does_however_its_inputs_are_nested(call, names):
    module = Sums().eval().requires_grad_(False)
    with quiet():
        traced = trace(module, call, ModelSpec("sums"), [])
        graph = normalize(traced.program)
    assert traced.dynamic
    assert [spec.name for spec in graph.inputs] == names
    given = [torch.rand(6, *t.shape[1:]) for t in call.tensors]
    ours, theirs = Executor(graph)(given), call.adapted(module)(*given)
    assert torch.equal(ours["y"], theirs["y"])
    assert torch.equal(ours["parts"][0], theirs["parts"][0])
    assert ours["parts"][1] is None


def test_flags_beside_the_tensors_keep_their_values():
    module = Sums().eval().requires_grad_(False)
    args, kwargs = Call.of((ones(3),), {"factor": 3.0}).arguments([torch.ones(2, 3)])
    assert kwargs == {"factor": 3.0}
    assert torch.equal(module(*args, **kwargs)["y"], module.linear(torch.ones(2, 3)) * 3)


def test_a_dictionary_is_named_arguments_where_the_model_has_such():
    module = Sums()
    assert example_call(module, {"x": ones(3)}).arguments()[1].keys() == {"x"}
    args, kwargs = example_call(module, {"image": ones(3)}).arguments()
    assert args[0].keys() == {"image"}
    assert not kwargs


def test_a_nested_model_is_calibrated_on_data_nested_alike(net):
    model = load_model(ModelSpec(f"{net}:model"), allow_code=True)
    assert [spec.name for spec in model.graph.inputs] == ["batch_image", "batch_extra_0", "batch_extra_1"]
    assert set(model.graph.outputs) == {"logits", "hidden"}
    data = open_data(
        DataSpec(f"{net}:data"), model.graph.inputs[0].shape, allow_code=True, input_names=model.graph.input_names
    )
    assert check_float(model, data).max_abs_delta == 0
    plan = first_plan(model.graph, Target())
    calibration = calibrate_model(model, data, plan)
    images = torch.cat([data.load([i])[0] for i in data.splits.calibrate])
    assert calibration.tensors["batch_image"].max == float(images.max())


def test_arrays_are_found_by_the_ends_of_the_inputs_names(net, tmp_path):
    rng = np.random.default_rng(0)
    arrays = {"1": rng.random((4, 2)), "image": rng.random((4, 3, 8, 8)), "extra_0": rng.random((4, 7))}
    np.savez(tmp_path / "d.npz", **arrays, labels=np.arange(4))
    names = ("batch_image", "batch_extra_0", "batch_extra_1")
    data = open_data(DataSpec(str(tmp_path / "d.npz")), (None, 3, 8, 8), input_names=names)
    assert [tuple(t.shape) for t in data.load([0, 1])] == [(2, 3, 8, 8), (2, 7), (2, 2)]
    assert data.labels.tolist() == [0, 1, 2, 3]
    torch.save(
        {"x": {"image": torch.ones(2, 3, 8, 8), "extra": [torch.ones(2, 7), torch.ones(2, 2)]}}, tmp_path / "d.pt"
    )
    nested = open_data(DataSpec(str(tmp_path / "d.pt")), (None, 3, 8, 8), input_names=names)
    assert len(nested.load([0])) == 3
    np.savez(tmp_path / "d.npz", image=arrays["image"])
    with pytest.raises(Problem, match="does not hold 3 inputs"):
        open_data(DataSpec(str(tmp_path / "d.npz")), (None, 3, 8, 8), input_names=names)


def test_an_exported_file_with_nested_inputs_runs_as_it_was_exported(net, tmp_path):
    from qinspect.engine.load.callable import resolve

    module, (batch,) = resolve(f"{net}:model")()
    module = module.eval()
    module.forward = lambda batch, forward=module.forward: forward(batch).logits
    with quiet():
        torch.export.save(torch.export.export(module, (batch,)), tmp_path / "net.pt2")
    model = load_model(ModelSpec(str(tmp_path / "net.pt2")))
    tensors = (batch["image"], *batch["extra"])
    assert torch.equal(model.forward(*tensors), module(batch))
    assert torch.equal(Executor(model.graph)(tensors), module(batch))


def test_input_shapes_replace_those_of_the_example(net):
    shapes = ((2, 3, 12, 12), (2, 7), (2, 2))
    model = load_model(ModelSpec(f"{net}:model", None, shapes), allow_code=True)
    assert model.graph.inputs[0].shape == (None, 3, 12, 12)
    with pytest.raises(Problem, match=r"gives 1 shape, the example inputs hold 3 tensors of shapes \("):
        load_model(ModelSpec(f"{net}:model", None, shapes[:1]), allow_code=True)
