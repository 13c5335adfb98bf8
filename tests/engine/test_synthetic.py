"""Inputs made of statistics: distributed as calibration saw them, and the same every time."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from qinspect.engine.calibrate import calibrate, tensor_stats
from qinspect.engine.problem import Problem
from qinspect.engine.synthetic import synthetic_inputs


@pytest.fixture
def graph(canonical):
    return canonical(nn.Conv2d(3, 4, 3), torch.randn(2, 3, 9, 9), dynamic=True)


def pictures() -> torch.Tensor:
    generator = torch.Generator().manual_seed(5)
    x = torch.randn(400, 3, 9, 9, generator=generator)
    x[:, 1] = x[:, 1].abs() * 0.25 + 2  # this channel has a range of its own
    return x


def test_values_follow_the_histogram_and_stay_in_their_channels_range(graph):
    x = pictures()
    stats = {graph.inputs[0].name: tensor_stats(x)}
    made = torch.cat([inputs[0] for inputs in synthetic_inputs(graph, stats, 200, 50)])
    assert made.shape == (200, 3, 9, 9)
    assert made.dtype == torch.float32
    known = stats[graph.inputs[0].name]
    assert (made.amin((0, 2, 3)).numpy() >= known.channel_min).all()
    assert (made.amax((0, 2, 3)).numpy() <= known.channel_max).all()
    # Where no channel range cuts, quantiles are the data's own.
    flat, drawn = x.flatten().double(), made[:, 0].flatten().double()
    inside = (flat > -2) & (flat < float(known.channel_max[0]))
    for share in (0.1, 0.3):
        assert abs(float(torch.quantile(drawn, share) - torch.quantile(flat[inside], share))) < 0.25


def test_the_same_seed_gives_the_same_inputs_and_another_others(graph):
    stats = {graph.inputs[0].name: tensor_stats(pictures())}
    one, two, other = (synthetic_inputs(graph, stats, 5, 2, seed)[0][0] for seed in (0, 0, 1))
    assert torch.equal(one, two)
    assert not torch.equal(one, other)


def test_whole_batches_are_made_and_pictures_are_not_noise_alone(graph):
    stats = {graph.inputs[0].name: tensor_stats(pictures())}
    made = synthetic_inputs(graph, stats, 5, 4)
    assert [len(inputs[0]) for inputs in made] == [4, 4]
    noisy, _, _, smooth = (float((x[:, :, 1:] == x[:, :, :-1]).double().mean()) for x in made[0][0])
    assert noisy < 0.1
    assert smooth > 0.7


class Words(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.table, self.out = nn.Embedding(7, 4), nn.Linear(4, 2)

    def forward(self, ids, gate):
        return self.out(self.table(ids)) * gate


def test_what_an_embedding_looks_up_is_a_row_of_it(canonical):
    ids, gate = torch.randint(0, 7, (2, 5)), torch.rand(2, 5, 1)
    graph = canonical(Words(), ids, gate)
    stats = calibrate(graph, [(ids, gate)]).tensors
    found, opened = synthetic_inputs(graph, stats, 40, 40)[0]
    assert found.dtype == torch.int64
    assert set(np.unique(found.numpy())) == set(range(7))
    assert float(opened.min()) >= float(gate.min())
    assert float(opened.max()) <= float(gate.max())


def test_an_input_of_which_nothing_is_known_is_named(canonical):
    graph = canonical(nn.Linear(3, 2), torch.randn(2, 3))
    with pytest.raises(Problem, match="statistics say nothing of its values"):
        synthetic_inputs(graph, {}, 4, 2)
