"""Arrays are given to a model of several inputs by name, or in an order that the names say."""

from __future__ import annotations

import pytest

from qinspect.engine.data.named import in_order


@pytest.mark.parametrize(
    ("arrays", "found"),
    [
        (("mask", "ids", "y"), ("ids", "mask")),
        (("x1", "x0"), ("x0", "x1")),
        (("arr_0", "arr_1", "y"), ("arr_0", "arr_1")),
        (("one", "two"), None),
        (("arr_0",), None),
    ],
)
def test_names_come_first_then_numbers_and_any_other_order_is_no_order(arrays, found):
    assert in_order(dict.fromkeys(arrays), ("ids", "mask")) == found
