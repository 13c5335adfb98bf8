"""Texts that remember what they were made of."""

from __future__ import annotations

import copy
import json
import pickle
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qinspect.engine.problem import Problem
from qinspect.engine.process.child import run_in_child
from qinspect.engine.text import Text, counted, from_parts, joined, parts_of, percent, texts_in, with_texts


def test_a_text_is_its_english():
    text = Text("{layer} saturates in {share:.0%}", layer="conv", share=0.25)
    assert text == "conv saturates in 25%"
    assert hash(text) == hash("conv saturates in 25%")
    assert f"{text}!" == "conv saturates in 25%!"
    assert json.dumps([text]) == '["conv saturates in 25%"]'
    assert type(str(text)) is str


def test_nearly_all_is_not_said_to_be_all():
    assert [percent(share) for share in (0, 0.05, 0.9994, 1)] == ["0.0%", "5.0%", "99.9%", "100.0%"]
    # Of MobileNetV2's 13th depthwise convolution on fbgemm, whose sums saturate.
    assert percent(0.9999977855725624) == "99.9998%"
    assert percent(1 - 1e-9) == "99.9999999%"


def test_values_are_plain_numbers_and_strs_whatever_was_given():
    text = Text("{size} of {value:.1f} and {shape}", size=np.int64(3), value=np.float32(0.5), shape=(1, 2))
    assert text == "3 of 0.5 and (1, 2)"
    assert text.values == {"size": 3, "value": 0.5, "shape": "(1, 2)"}
    assert type(text.values["size"]) is int


def test_what_an_exception_quotes_is_cut_and_stands_on_one_line():
    """zipfile quotes the whole header of a damaged member, json and others their input."""
    text = Text("is not whole ({error})", error=ValueError("bad\nheader " + "x y " * 2000))
    assert text.startswith("is not whole (bad header x y")
    assert text.endswith(" …)")
    assert len(text) < 540
    assert text.values["error"] in text
    problem = Problem("net.pt2", "is strange", "Export it anew.")
    assert Text("{problem}", problem=problem) == str(problem)


@dataclass(frozen=True)
class Holder:
    title: str


@pytest.mark.parametrize(
    "again",
    [
        copy.deepcopy,
        lambda text: pickle.loads(pickle.dumps(text)),
        lambda text: asdict(Holder(text))["title"],
        lambda text: from_parts(json.loads(json.dumps(parts_of(text)))),
    ],
    ids=["copied", "pickled", "in a dataclass", "through JSON"],
)
def test_a_text_keeps_its_parts(again):
    text = again(Text("{where}: {what}", where="x", what=Text("{count} steps", count=3)))
    assert text == "x: 3 steps"
    assert text.template == "{where}: {what}"
    assert text.values["what"].template == "{count} steps"
    assert text.values["what"].values == {"count": 3}


def test_joined_texts_stay_texts():
    whole = joined([Text("one"), "two", Text("three")])
    assert whole == "one, two, three"
    assert whole.values["text"].template == "three"
    assert joined([]) == ""


def test_things_are_counted_in_singular_and_plural():
    assert counted(1, Text("layer")) == "1 layer"
    assert counted(2, Text("layer")) == "2 layers"


plain = st.text(max_size=8) | st.integers() | st.floats(allow_nan=False) | st.none()
texts = st.recursive(
    st.builds(lambda value: Text("of {value}", value=value), plain),
    lambda inner: st.builds(lambda one, two: Text("{one} and {two}", one=one, two=two), inner, inner | plain),
    max_leaves=4,
)


@given(st.recursive(texts | plain, lambda i: st.lists(i, max_size=3) | st.dictionaries(st.text(max_size=4), i)))
def test_a_tree_gets_its_texts_back_after_plain_json(tree):
    kept = json.loads(json.dumps(texts_in(tree)))
    found = with_texts(json.loads(json.dumps(tree)), kept)
    assert found == tree
    assert texts_in(found) == texts_in(tree)


def told(work, report):
    """The child's side of the test below."""
    report(1, 2, Text("sample {number}", number=work))
    time.sleep(0.3)
    raise Problem("x", Text("is {number}", number=work), Text("Leave it."))


def test_notes_and_problems_of_a_child_process_keep_their_parts(monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path, str(Path(__file__).parent)])
    notes = []
    with pytest.raises(Problem) as caught:
        run_in_child("test_text:told", 7, lambda done, total, note: notes.append(note))
    assert caught.value.what.values == {"number": 7}
    assert str(caught.value) == "x: is 7. Leave it."
    assert any(note.template == "sample {number}" for note in notes)
