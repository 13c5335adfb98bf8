"""What exceptions of other libraries become in a sentence."""

from __future__ import annotations

from qinspect.engine.problem import line_of


def test_a_line_has_no_colours_and_no_cut_words():
    error = ValueError("\n\x1b[1mdo those steps only\x1b[0m if you trust the source of the checkpoint.\nMore.")
    assert line_of(error) == "do those steps only if you trust the source of the checkpoint"
    assert line_of(error, 60) == "do those steps only if you trust the source of the …"


def test_an_exception_that_says_nothing_is_named():
    assert line_of(KeyError()) == "KeyError"
    assert line_of(ValueError(" \n ")) == "ValueError"
