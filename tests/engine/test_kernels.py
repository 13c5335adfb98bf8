"""Kernels held against the simulation, apart from any runtime."""

from __future__ import annotations

import pytest
import torch

from qinspect.engine.kernels import DRAWN, _Difference, _evenly


@pytest.mark.parametrize("length", [1, 2, DRAWN, DRAWN + 1, 2**24 + 3, 16 * 96 * 112 * 112])
def test_places_of_a_row_are_within_it_and_reach_both_ends(length):
    """MobileNetV2's widest tensor at batch 16 has 19 million values, more than float32 counts."""
    places = _evenly(length, DRAWN)
    assert len(places) == min(length, DRAWN)
    assert (int(places[0]), int(places[-1])) == (0, length - 1)
    assert len(places.unique()) == len(places)


def test_a_layer_of_which_one_value_was_seen_is_checked():
    found = _Difference()
    found.add(torch.tensor([2]), torch.tensor([7]))
    check = found.check()
    assert (check.max_steps, check.equal_share, check.pairs) == (2, 0.0, ((7, 9),))
    found = _Difference()
    found.add(torch.tensor(0), torch.tensor(7))  # a scalar
    assert found.check().pairs == ((7, 7),)
