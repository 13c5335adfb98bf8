"""Metrics equal scikit-learn's, and say what does not fit."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.metrics import jaccard_score, root_mean_squared_error, top_k_accuracy_score

from qinspect.engine.data import DataSpec, open_data
from qinspect.engine.intervals import statistic
from qinspect.engine.metric import METRICS, TOP1, Metric
from qinspect.engine.problem import Problem

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(("name", "k"), [("top-1", 1), ("top-5", 5)])
def test_top_k(name, k):
    logits, y = RNG.normal(size=(200, 12)).astype("f4"), RNG.integers(0, 12, 200)
    assert METRICS[name]([logits], y) == pytest.approx(top_k_accuracy_score(y, logits, k=k, labels=np.arange(12)))
    assert METRICS[name]([logits], None) is None


def test_mean_iou_leaves_out_classes_that_do_not_occur_and_pixels_without_a_class():
    logits = RNG.normal(size=(4, 5, 8, 8)).astype("f4")
    y = RNG.integers(0, 3, (4, 8, 8))
    y[0, :2] = -1
    known = y >= 0
    expected = jaccard_score(y[known], logits.argmax(1)[known], average="macro", labels=[0, 1, 2])
    assert METRICS["mean-iou"]([logits], y) == pytest.approx(expected)
    with pytest.raises(Problem, match="masks"):
        METRICS["mean-iou"]([logits], y[:, 0, 0])


def test_rmse_and_cosine():
    a, b = RNG.normal(size=(20, 6)), RNG.normal(size=(20, 6))
    assert METRICS["rmse"]([a], b) == pytest.approx(root_mean_squared_error(b.ravel(), a.ravel()))
    assert not METRICS["rmse"].higher_is_better
    expected = (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
    assert METRICS["cosine"]([a], b) == pytest.approx(expected.mean())
    with pytest.raises(Problem, match="do not fit"):
        METRICS["rmse"]([a], b[:3])


CASES = {
    "top-1": ((12, 4, 6, 5), (12, 6, 5)),
    "mean-iou": ((12, 4, 6, 5), (12, 6, 5)),
    "pixel-accuracy": ((12, 4, 6, 5), (12, 6, 5)),
    "token-accuracy": ((12, 9, 4), (12, 9)),
    "rmse": ((12, 4, 3), (12, 4, 3)),
}


@pytest.mark.parametrize("name", CASES)
def test_the_interval_of_a_loss_is_that_of_the_metric_itself_on_resamples_and_reads_the_outputs_once(name):
    shape, positions = CASES[name]
    before = RNG.normal(size=shape).astype("f4")
    after = before + 0.8 * RNG.normal(size=shape).astype("f4")
    if name == "rmse":
        y = RNG.normal(size=positions)
    else:
        y = RNG.integers(-1, 3, positions)
        y[:2] = 3  # a class that some resamples have not
        y[2] = -1
    metric, calls = METRICS[name], []
    sign = 1 if metric.higher_is_better else -1

    def lost(picked):
        return sign * (metric([before[picked]], y[picked]) - metric([after[picked]], y[picked]))

    found = metric.drop([before], [after], y, report=lambda *_: calls.append(1))
    expected = statistic(lost, 12, 200)
    assert (found.value, found.low, found.high) == pytest.approx((expected.value, expected.low, expected.high))
    assert len(calls) < 5  # a report before each resample was one for each reading


def test_top_1_says_nothing_of_targets_that_are_no_classes():
    assert TOP1([RNG.normal(size=(4, 3))], RNG.normal(size=(4, 3))) is None


def test_a_metric_of_the_users_gets_all_outputs_and_any_targets():
    seen = []

    def mine(outputs, targets):
        seen.append((len(outputs), targets.shape))
        return 0.5

    assert Metric("mine", mine)([np.zeros((4, 2)), np.zeros((4, 3))], np.zeros((4, 7))) == 0.5
    assert seen == [(2, (4, 7))]


def test_a_file_of_several_inputs_gives_them_by_name_or_number(tmp_path):
    tokens, mask = np.arange(12).reshape(4, 3), np.ones((4, 3), "f4")
    np.savez(tmp_path / "named.npz", mask=mask, tokens=tokens, y=np.arange(4))
    np.savez(tmp_path / "numbered.npz", x0=tokens, x1=mask)
    for name in ("named", "numbered"):
        data = open_data(DataSpec(str(tmp_path / f"{name}.npz")), (None, 3), input_names=("tokens", "mask"))
        one, two = data.load([1])
        assert one.tolist() == [[3, 4, 5]]
        assert two.tolist() == [[1, 1, 1]]
    with pytest.raises(Problem, match="Name the arrays a, b"):
        open_data(DataSpec(str(tmp_path / "named.npz")), (None, 3), input_names=("a", "b"))


def test_cosine_of_class_indices_is_refused_and_agreement_leaves_them_aside():
    outputs, labels = [np.ones((3, 4), np.float32)], np.array([5, 6, 7])
    with pytest.raises(Problem, match="do not fit"):
        METRICS["cosine"](outputs, labels)
    assert METRICS["agreement"](outputs, labels) is None


def test_a_metric_of_the_users_that_raises_is_named_with_what_it_was_given():
    def broken(outputs, targets):
        raise ZeroDivisionError("oops")

    said = r"metric broken: raises ZeroDivisionError \(oops\)\. It is given outputs of shape \(4, 2\) and y of shape"
    with pytest.raises(Problem, match=said):
        Metric("broken", broken)([np.zeros((4, 2))], np.arange(4))
    with pytest.raises(Problem, match="metric words: raises ValueError"):
        Metric("words", lambda outputs, targets: "good")([np.zeros((4, 2))], np.arange(4))


def test_a_metric_that_says_nothing_says_why():
    y = np.arange(4)
    assert "the data have no y" in METRICS["cosine"].silence(None, None)
    assert "mine gives nan" in Metric("mine").silence(y, 0.5, math.nan)
    said = TOP1.silence(np.zeros((4, 7)), None, shape=(None, 3))
    assert said.startswith("top-1 says nothing of outputs of shape any × 3 with y of shape 4 × 7: --metric names")
    assert TOP1.silence(None, None) is None
    assert METRICS["agreement"].silence(None, None) is METRICS["agreement"].silence(y, None) is None
    assert METRICS["rmse"].silence(y, 0.5, 0.25) is None


@pytest.mark.parametrize(
    ("y", "shape", "mend"),
    [
        (np.eye(3)[[0, 2, 1, 1]], (None, 3), "store the indices of the classes, y.argmax(1)"),
        (np.array([0.0, 2.0, 1.0, 1.0]), (None, 3), "store y.astype('int64')"),
        (np.zeros((4, 1, 8, 8), np.int64), (None, 3, 8, 8), "store y[:, 0]"),
        (np.array([0.5, -1.2, 3.0, 1.0]), (None, 1), "--metric rmse compares them"),
        (np.random.default_rng(0).normal(size=(4, 3)), (None, 3), "--metric rmse compares them"),
        (np.array([0.0, 7.0, 1.0, 1.0]), (None, 3), "--metric names another"),
    ],
)
def test_of_targets_in_another_form_it_is_said_what_to_store(y, shape, mend):
    assert mend in TOP1.silence(y, None, shape=shape)
