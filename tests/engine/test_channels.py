"""Values counted channel by channel, against numpy's histograms of the same values."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from qinspect.engine.calibrate.channels import BINS, channel_values
from qinspect.engine.graph.execute import Executor


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 5, 3)
        self.fc = nn.Linear(4, 6)

    def forward(self, x):
        return self.fc(self.conv(x).mean(3)[:, :, :4])


@pytest.fixture
def graph(canonical):
    torch.manual_seed(0)
    return canonical(Net(), torch.randn(2, 3, 8, 8))


@pytest.mark.parametrize(("layer_id", "axis"), [("conv:conv2d", 1), ("fc:linear", 2)])
def test_counts_are_those_of_numpy_for_every_channel(graph, layer_id, axis):
    batches = [(torch.randn(4, 3, 8, 8),), (torch.randn(2, 3, 8, 8),)]
    seen = []
    for batch in batches:
        Executor(graph)(batch, lambda layer, x: (seen.append(x) if layer.id == layer_id else None, x)[1])
    values = np.concatenate([x.detach().numpy() for x in seen])
    low, high = float(values.min()), float(values.max())
    found = channel_values(graph, layer_id, batches, low, high)
    assert found is not None
    assert found.samples == 6
    rows = np.moveaxis(values, axis, 0).reshape(values.shape[axis], -1)
    expected = np.stack([np.histogram(row, BINS, (low, high))[0] for row in rows])
    # A value on an edge may fall to either side in float32.
    assert np.abs(np.cumsum(found.counts - expected, 1)).max() <= 1
    assert found.counts.sum(1).tolist() == [rows.shape[1]] * len(rows)


def test_values_beyond_the_ends_are_in_the_outermost_bins_and_what_is_not_finite_is_nowhere(canonical):
    graph = canonical(nn.Sequential(nn.ReLU()), torch.randn(2, 2))
    batch = torch.tensor([[5.0, 0.1], [float("nan"), float("inf")], [0.9, 0.5]])
    found = channel_values(graph, graph.layers[0].id, [(batch,)], 0.2, 0.8)
    assert found is not None
    assert found.counts[:, [0, -1]].tolist() == [[0, 2], [1, 0]]
    assert found.counts.sum(1).tolist() == [2, 2]


def test_what_has_no_channels_has_no_counts(canonical):
    class Total(nn.Module):
        def forward(self, x):
            return x.relu().sum()

    graph = canonical(Total(), torch.randn(2, 3))
    assert channel_values(graph, graph.layers[-1].id, [(torch.randn(2, 3),)], 0.0, 1.0) is None
