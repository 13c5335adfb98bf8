"""The samples and outputs that quantization harms most come first, by figures computed elsewhere."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.special import rel_entr, softmax
from torch import nn

from qinspect.engine.data import DataSpec, open_data
from qinspect.engine.samples import largest_fall, output_rows, sample_rows


@pytest.fixture
def data(tmp_path):
    np.savez(tmp_path / "x.npz", x=np.zeros((6, 3), np.float32), y=np.arange(6) % 3)
    return open_data(DataSpec(str(tmp_path / "x.npz")))


def test_samples_are_ordered_by_kl_which_scipy_confirms(data):
    rng = np.random.default_rng(0)
    reference = rng.normal(size=(4, 5)).astype(np.float32)
    quantized = reference + np.array([0.01, 2, 0, 0.3], np.float32)[:, None] * rng.normal(size=(4, 5)).astype("f4")
    rows = sample_rows(data, (5, 1, 0, 3), [reference], [quantized])
    kl = rel_entr(softmax(reference, 1), softmax(quantized, 1)).sum(1)
    assert [row.index for row in rows] == [(5, 1, 0, 3)[i] for i in np.argsort(-kl)]
    assert [row.kl for row in rows] == pytest.approx(sorted(kl, reverse=True), abs=1e-6)
    assert rows[-1].mse == 0
    assert rows[-1].float_top == rows[-1].quantized_top
    assert {row.index: row.label for row in rows} == {5: 2, 1: 1, 0: 0, 3: 0}


def test_outputs_that_are_no_logits_are_ordered_by_their_mean_squared_error(data):
    reference = np.ones((3, 2, 4, 4), np.float32)
    quantized = reference + np.array([0, 0.5, 0.1], np.float32)[:, None, None, None]
    rows = sample_rows(data, (0, 1, 2), [reference], [quantized])
    assert [row.index for row in rows] == [1, 2, 0]
    assert [row.mse for row in rows] == pytest.approx([0.25, 0.01, 0])
    assert rows[0].kl is None


def test_an_output_without_a_sample_axis_has_no_worst_sample(data):
    assert sample_rows(data, (0, 1, 2), [np.ones((7, 2))], [np.ones((7, 2))]) == ()
    assert sample_rows(data, (0,), [np.array(1.0)], [np.array(1.0)]) == ()


def test_each_output_has_its_own_error_whatever_its_scale():
    large, small = np.full((2, 3), 100.0), np.full((2, 3), 0.1)
    one, two = output_rows([large, small], [large + 1, small + 0.1])
    assert one.mse == pytest.approx(1e-4)
    assert two.mse == pytest.approx(1)
    assert (one.sqnr_db, two.sqnr_db) == pytest.approx((40, 0))
    (exact,) = output_rows([np.zeros((2, 3))], [np.zeros((2, 3))])
    assert exact.mse is None


class Branches(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.two, self.last = nn.Linear(3, 4), nn.Linear(3, 4), nn.Linear(8, 2)

    def forward(self, x):
        return self.last(torch.cat([self.one(x), self.two(x).view(-1, 4)], 1))


def test_a_layer_that_joins_a_clean_and_a_noisy_value_is_not_to_blame_for_the_noisy_one(canonical):
    graph = canonical(Branches(), torch.zeros(2, 3))
    errors = {"one:linear": 52.0, "two:linear": 35.0, ":cat": 37.0, "last:linear": 33.0}
    assert largest_fall(graph, errors) == ("last:linear", 4.0)
    assert largest_fall(graph, {**errors, ":cat": 30.0}) == (":cat", 5.0)
    assert largest_fall(graph, {**errors, "last:linear": 40.0}) is None
    assert largest_fall(graph, {**errors, ":cat": None, "last:linear": None}) is None
