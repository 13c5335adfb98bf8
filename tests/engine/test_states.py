"""A state that is an input and an output: found, fed back, and its drift told from what one step adds."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from torch import nn

from qinspect.engine.analyze import analyze
from qinspect.engine.backends import simulation
from qinspect.engine.data import DataSpec, open_data
from qinspect.engine.errors import sqnr_db
from qinspect.engine.job import calibrate_model, first_plan, fused_graph, quantization_of
from qinspect.engine.load import ModelSpec, load_model
from qinspect.engine.plan.file import plan_from_json
from qinspect.engine.plan.target import Target
from qinspect.engine.progress import silent
from qinspect.engine.results import analysis_from_json
from qinspect.engine.states import LEAST_STEPS, drift, state_pairs

NET = """
import torch
from torch import nn


class Leaky(nn.Module):
    def __init__(self):
        super().__init__()
        self.read, self.keep, self.answer = nn.Linear(6, 12), nn.Linear(12, 12), nn.Linear(12, 4)

    def forward(self, x, state):
        state = torch.relu(self.read(x)) * 0.1 + self.keep(state)
        return self.answer(state), state


def model():
    torch.manual_seed(0)
    net = Leaky()
    with torch.no_grad():
        net.keep.weight.copy_(0.97 * torch.linalg.qr(torch.randn(12, 12))[0])
        net.keep.bias.zero_()
    return net.eval()
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("states")
    (folder / "leaky.py").write_text(NET)
    return folder


@pytest.fixture(scope="module")
def model(folder):
    spec = ModelSpec(f"{folder / 'leaky.py'}:model", input_shape=((1, 6), (1, 12)))
    return load_model(spec, allow_code=True)


def stream(folder, model, moving=True):
    """A data set whose samples bring the state that the float model has then, or always none."""
    x = np.random.default_rng(0).normal(size=(160, 6)).astype(np.float32)
    states = np.zeros((160, 12), np.float32)
    with torch.no_grad():
        state = torch.zeros(1, 12)
        for place in range(160 if moving else 0):
            states[place] = state[0]
            _, state = model.forward(torch.from_numpy(x[place : place + 1]), state)
    path = folder / f"stream{moving}.npz"
    np.savez(path, x=x, state=states)
    return open_data(DataSpec(str(path)), model.graph.inputs[0].shape, input_names=model.graph.input_names)


@pytest.fixture(scope="module")
def data(folder, model):
    return stream(folder, model)


@pytest.fixture(scope="module")
def quantization(model, data):
    plan = first_plan(model.graph, Target())
    return quantization_of(model, data, plan, calibrate_model(model, data, plan))


def test_the_state_is_the_input_that_is_like_an_output_behind_the_first(model):
    assert state_pairs(model.graph) == ((1, 1),)


@pytest.mark.parametrize("net", ["one input", "answers alone", "other shape", "two for one"])
def test_what_only_looks_like_a_state_is_none(canonical, net):
    class Net(nn.Module):
        def forward(self, x, *more):
            if net == "answers alone":
                return x + more[0]
            if net == "other shape":
                return x, more[0][:, 1:] * 2
            if net == "two for one":
                return x + more[1], more[0] * 2
            return x * 2, x + 1

    inputs = {"one input": 1, "two for one": 3}.get(net, 2)
    assert state_pairs(canonical(Net(), *(torch.randn(2, 5) for _ in range(inputs)))) == ()


def test_each_model_goes_on_from_its_own_state(quantization, model, data):
    found = drift(quantization, data, range(12), silent)
    assert (found.inputs, found.outputs, found.streams, found.steps) == (("state",), (1,), 1, 12)
    assert found.moving
    plain, quantized = data.load([0])[1], data.load([0])[1]
    graph, simulated = fused_graph(model, quantization.plan).graph, simulation(quantization)
    with torch.no_grad():
        for step in range(12):
            x = data.load([step])[0]
            fresh, _ = simulated((x, plain))
            answer, plain = model.forward(x, plain)
            other, quantized = simulated((x, quantized))
            for name, one, two in (
                ("output", answer, other),
                ("state", plain, quantized),
                ("fresh", answer, fresh),
            ):
                wanted = sqnr_db(float((one**2).sum()), float(((one - two) ** 2).sum()))
                assert getattr(found, f"{name}_sqnr_db")[step] == pytest.approx(wanted, abs=0.05)
    assert graph.inputs[1].name == "state"


def test_streams_run_beside_each_other_and_few_steps_say_nothing(quantization, data):
    found = drift(quantization, data, range(96), silent)
    assert (found.streams, found.steps) == (3, 32)
    assert drift(quantization, data, range(LEAST_STEPS - 1), silent) is None


def test_a_state_in_which_errors_add_up_is_a_finding_with_a_remedy_that_mends_it(model, data):
    plan = first_plan(model.graph, Target())
    coarse = plan.default.activation.but(bits=4)
    plan = plan.with_default(activation=coarse)
    calibration = calibrate_model(model, data, plan)
    found = analyze(model, data, plan, calibration, kernels=False, latency=False)
    (finding,) = [f for f in found.findings if f.rule == "state_drifts"]
    assert "state" in finding.title
    assert finding.layers
    assert any("fed back for" in note for note in found.notes)
    assert analysis_from_json(found.to_json()).drift == found.drift
    after = analyze(model, data, plan_from_json(finding.plan), calibration, kernels=False, latency=False)
    assert after.drift.output_sqnr_db[-1] > found.drift.output_sqnr_db[-1] + 1


def test_a_state_that_bears_its_integers_is_no_finding(model, data):
    plan = first_plan(model.graph, Target())
    wide = plan.default.activation.but(dtype="int16", bits=16)
    plan = dataclasses.replace(plan.with_default(activation=wide), overrides=())
    notes = set()
    found = analyze(
        model,
        data,
        plan,
        calibrate_model(model, data, plan),
        lambda done, total, note: notes.add(note),
        kernels=False,
        latency=False,
    )
    assert "feeding the state back" in notes  # so it can be cancelled
    assert found.drift is not None
    assert not {f.rule for f in found.findings} & {"state_drifts", "state_never_moves"}


def test_samples_that_all_bring_the_same_state_are_a_finding(folder, model):
    same = stream(folder, model, moving=False)
    plan = first_plan(model.graph, Target())
    found = analyze(model, same, plan, calibrate_model(model, same, plan), kernels=False, latency=False)
    assert "state_never_moves" in {f.rule for f in found.findings}
