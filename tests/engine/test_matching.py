"""Layers of two models are matched by identity, name, weights and neighbours, and the match says which."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from qinspect.engine.fuse import fuse
from qinspect.engine.graph import LayerGraph
from qinspect.engine.graph.matching import match
from qinspect.engine.graph.normalize import normalize
from qinspect.engine.load import quiet
from qinspect.engine.load.trace import trace
from qinspect.engine.plan import QuantPlan
from qinspect.engine.source import ModelSpec


class Net(nn.Module):
    def __init__(self, names=("first", "second", "third")):
        super().__init__()
        self.names = names
        for name in names:
            self.add_module(name, nn.Conv2d(4, 4, 1))
        self.fc = nn.Linear(4, 2)

    def forward(self, x):
        a = torch.relu(getattr(self, self.names[0])(x))
        b = getattr(self, self.names[1])(a)
        c = torch.tanh(getattr(self, self.names[2])(a))
        return self.fc((b * c + x).mean((2, 3)))


def graph(module) -> LayerGraph:
    with quiet():
        traced = trace(module.eval(), None, ModelSpec("net", None, ((2, 4, 3, 3),)), [])
    return fuse(normalize(traced.program), QuantPlan()).graph


@pytest.fixture(scope="module")
def original():
    torch.manual_seed(0)
    return Net()


@pytest.fixture(scope="module")
def one(original):
    return graph(original)


def renamed(original, noise=0.0):
    other = Net(("beta", "gamma", "alpha"))
    for old, new in zip(original.names, other.names, strict=True):
        state = getattr(original, old).state_dict()
        state = {key: value + noise * torch.randn_like(value) for key, value in state.items()}
        getattr(other, new).load_state_dict(state)
    other.fc.load_state_dict(original.fc.state_dict())
    return other


def test_equal_ids_are_identity_where_they_are_known_to_be_ours_and_names_elsewhere(one):
    for identified, by in ((True, "identity"), (False, "name")):
        found = match(one, one, identified)
        assert {item.by for item in found} == {by}
        assert [item.float_id for item in found] == [layer.id for layer in one.layers if not layer.transparent]
        assert all(item.float_id == item.other_id for item in found)


def test_a_model_wrapped_in_another_is_matched_by_the_ends_of_its_names(original, one):
    class Outer(nn.Module):
        def __init__(self, inner):
            super().__init__()
            self.model = inner

        def forward(self, x):
            return self.model(x)

    found = {item.float_id: item for item in match(one, graph(Outer(original)), True)}
    assert found["second:conv2d"].other_id == "model.second:conv2d"
    assert found["second:conv2d"].by == "name"


def test_layers_of_other_names_are_matched_by_their_weights_and_the_rest_by_its_neighbours(original, one):
    found = {item.float_id: item for item in match(one, graph(renamed(original, 1e-3)), True)}
    pairs = {"first:conv2d": "beta:conv2d", "second:conv2d": "gamma:conv2d", "third:conv2d": "alpha:conv2d"}
    for ours, theirs in pairs.items():
        assert (found[ours].other_id, found[ours].by) == (theirs, "weights")
    assert found["fc:linear"].by == "identity"


def test_layers_without_a_name_or_a_weight_in_common_are_matched_between_their_neighbours(original, one):
    other = renamed(original)
    for name in other.names:
        getattr(other, name).weight.data = torch.randn_like(getattr(other, name).weight)
    found = {item.float_id: item for item in match(one, graph(other), True)}
    # The first is told by its input; the two behind it look alike until their readers are known.
    assert (found["first:conv2d"].other_id, found["first:conv2d"].by) == ("beta:conv2d", "topology")
    assert (found["third:conv2d"].other_id, found["third:conv2d"].by) == ("alpha:conv2d", "topology")
    assert len({item.other_id for item in found.values()}) == len(found)


def test_layers_of_other_operators_or_shapes_are_never_matched(one):
    class Other(nn.Module):
        def __init__(self):
            super().__init__()
            self.first = nn.Conv2d(4, 6, 1)
            self.fc = nn.Linear(6, 2)

        def forward(self, x):
            return self.fc(torch.sigmoid(self.first(x)).mean((2, 3)))

    found = match(one, graph(Other()), True)
    assert {item.float_id for item in found} <= {"fc:linear", ":mean"}
