"""Dataclasses from JSON have values of the kinds that their fields say, or are refused by the field's name."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field

import numpy as np
import pytest

from qinspect.engine.typed import made


@dataclass(frozen=True)
class Inner:
    at: float | None = None


@dataclass(frozen=True)
class Outer:
    name: str
    inner: Inner = Inner()
    several: tuple[Inner, ...] = ()
    pair: tuple[int, float] | None = None
    counts: dict[int, int] = field(default_factory=dict)
    free: dict[str, object] = field(default_factory=dict)
    flag: bool = False


def test_what_was_written_is_read_back_with_tuples_and_whole_number_keys():
    whole = Outer("a", Inner(1.5), (Inner(), Inner(2)), (3, 0.5), {-1: 4}, {"x": [1]}, True)
    assert made(Outer, json.loads(json.dumps(asdict(whole)))) == whole
    assert made(Outer, {"name": "a", "pair": [np.int64(1), np.float32(2)]}).pair == (1, 2.0)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ([], "Outer is list"),
        ({"name": 3}, "Outer.name is int"),
        ({"name": "a", "inner": {"at": "1"}}, "Inner.at is str"),
        ({"name": "a", "inner": {"at": True}}, "Inner.at is bool"),
        ({"name": "a", "several": {}}, "Outer.several is dict"),
        ({"name": "a", "several": [1]}, "Inner is int"),
        ({"name": "a", "pair": [1, 2, 3]}, "Outer.pair is list"),
        ({"name": "a", "pair": [1.5, 2]}, "Outer.pair is float"),
        ({"name": "a", "counts": {"x": 1}}, "Outer.counts is str"),
        ({"name": "a", "flag": 1}, "Outer.flag is int"),
        ({"name": "a", "more": 1}, "Outer.more is not known"),
        ({}, "name"),
    ],
)
def test_a_value_of_another_kind_is_refused_by_its_field(data, said):
    with pytest.raises(TypeError, match=said):
        made(Outer, data)
