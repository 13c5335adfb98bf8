"""The float model's answers, as the page of the data shows them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from qinspect.engine.data import DataSpec, open_data
from qinspect.engine.float_check import check_float
from qinspect.engine.job import whole_batches
from qinspect.engine.load import ModelSpec, load_model
from qinspect.engine.problem import Problem


@pytest.mark.parametrize("ends", ["nn.Flatten()", "nn.Softmax(1)"])
def test_the_probability_of_an_answer_is_the_models_own_where_it_ends_in_a_softmax(tmp_path, ends):
    (tmp_path / "net.py").write_text(
        "from torch import nn, rand, manual_seed\n"
        "def model():\n"
        "    manual_seed(0)\n"
        f"    return nn.Sequential(nn.Linear(4, 3), {ends}), rand(1, 4)\n"
    )
    x = 5 * np.random.default_rng(0).standard_normal((12, 4)).astype(np.float32)
    np.savez(tmp_path / "d.npz", x=x)
    model = load_model(ModelSpec(f"{tmp_path / 'net.py'}:model"), allow_code=True)
    data = open_data(DataSpec(str(tmp_path / "d.npz")), model.graph.inputs[0].shape)
    torch.manual_seed(0)
    wanted = torch.softmax(torch.nn.Linear(4, 3)(torch.from_numpy(x)), 1).amax(1).detach()
    answers = check_float(model, data).predictions
    assert len(answers) == len(data.splits.final)
    for answer in answers:
        assert answer.probability == pytest.approx(float(wanted[answer.index]), abs=1e-5)


def test_of_one_sigmoid_the_answer_is_the_likelier_of_two_classes(tmp_path):
    (tmp_path / "net.py").write_text(
        "from torch import nn, rand, manual_seed\n"
        "def model():\n"
        "    manual_seed(0)\n"
        "    return nn.Sequential(nn.Linear(4, 1), nn.Sigmoid()), rand(1, 4)\n"
    )
    x = 5 * np.random.default_rng(0).standard_normal((12, 4)).astype(np.float32)
    np.savez(tmp_path / "d.npz", x=x, y=np.arange(12) % 2)
    model = load_model(ModelSpec(f"{tmp_path / 'net.py'}:model"), allow_code=True)
    data = open_data(DataSpec(str(tmp_path / "d.npz")), model.graph.inputs[0].shape)
    torch.manual_seed(0)
    second = torch.nn.Linear(4, 1)(torch.from_numpy(x)).sigmoid().detach()[:, 0]
    found = check_float(model, data)
    # Few are to report on: with labels, the others say as well whether the preparation is right.
    assert len(found.predictions) == found.samples == 12
    assert found.others == 12 - len(data.splits.final)
    assert {answer.top for answer in found.predictions} == {0, 1}
    for answer in found.predictions:
        likely = float(second[answer.index])
        assert answer.top == (likely > 0.5)
        assert answer.probability == pytest.approx(max(likely, 1 - likely), abs=1e-5)


def opened(tmp_path, outputs):
    (tmp_path / "net.py").write_text(
        "import torch\n"
        "class Net(torch.nn.Linear):\n"
        "    def forward(self, x):\n"
        "        y = super().forward(x)\n"
        f"        return y, {outputs}\n"
        "def model():\n"
        "    return Net(4, 3), torch.rand(2, 4)\n"
    )
    np.savez(tmp_path / "d.npz", x=np.random.default_rng(0).random((12, 4), np.float32))
    model = load_model(ModelSpec(f"{tmp_path / 'net.py'}:model"), allow_code=True)
    return model, open_data(DataSpec(str(tmp_path / "d.npz")))


@pytest.mark.parametrize("loss", ["y.mean()", "y.argmax()"])
def test_an_output_that_is_one_number_for_all_samples_is_refused_by_its_number(tmp_path, loss):
    with pytest.raises(Problem, match="its output 1 is one number for all samples"):
        check_float(*opened(tmp_path, loss))


@pytest.mark.parametrize("also", ["y[:, :0]", "y.shape[0]"])
def test_an_output_without_values_and_a_size_are_no_hindrance(tmp_path, also):
    assert check_float(*opened(tmp_path, also)).max_abs_delta == 0


def test_fewer_samples_than_the_batch_that_a_model_fixes_are_said_to_be_so(tmp_path):
    (tmp_path / "net.py").write_text(
        "import torch\n"
        "class Net(torch.nn.Linear):\n"
        "    def forward(self, x):\n"
        "        return super().forward(x).reshape(4, 3)\n"
        "def model():\n"
        "    return Net(4, 3), torch.rand(4, 4)\n"
    )
    np.savez(tmp_path / "d.npz", x=np.random.default_rng(0).random((12, 4), np.float32))
    model = load_model(ModelSpec(f"{tmp_path / 'net.py'}:model"), allow_code=True)
    data = open_data(DataSpec(str(tmp_path / "d.npz")))
    with pytest.raises(Problem, match="has 3 samples, fewer than the model's batch of 4"):
        check_float(model, data)
    assert whole_batches(model.graph, range(12), 2) == (0, 1, 2, 3)
    assert whole_batches(model.graph, range(12), 9) == tuple(range(8))
    assert whole_batches(model.graph, range(3), 9) == ()
