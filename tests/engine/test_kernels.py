"""Kernels held against the simulation, apart from any runtime."""

from __future__ import annotations

import pytest

from qinspect.engine.kernels import DRAWN, _evenly


@pytest.mark.parametrize("length", [1, 2, DRAWN, DRAWN + 1, 2**24 + 3, 16 * 96 * 112 * 112])
def test_places_of_a_row_are_within_it_and_reach_both_ends(length):
    """MobileNetV2's widest tensor at batch 16 has 19 million values, more than float32 counts."""
    places = _evenly(length, DRAWN)
    assert len(places) == min(length, DRAWN)
    assert (int(places[0]), int(places[-1])) == (0, length - 1)
    assert len(places.unique()) == len(places)
