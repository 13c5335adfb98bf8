"""What is an answer, at the end of a network or at every pixel and token."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.special import rel_entr, softmax
from torch import nn

from qinspect.engine.classes import Of, axis_for, class_axis, class_count, judged, judged_note, named_output
from qinspect.engine.data import DataSpec, open_data
from qinspect.engine.errors import OutputErrors
from qinspect.engine.fuse import fuse
from qinspect.engine.measure import measure
from qinspect.engine.metric import METRICS, TOP1, Metric
from qinspect.engine.plan import QuantPlan
from qinspect.engine.problem import Problem
from qinspect.engine.samples import sample_rows
from qinspect.engine.sensitivity.estimate import Draws, score
from qinspect.engine.sensitivity.sweep import sweep


@pytest.mark.parametrize(
    ("shape", "positions", "axis"),
    [
        ((1, 5, 8, 9), (8, 9), 1),
        ((1, 8, 9, 5), (8, 9), 3),
        ((1, 7, 5), (7,), 2),
        ((1, 5, 7), (7,), 1),
        ((1, 7, 7), (7,), 2),
        ((1, 5, None, None), (8, 9), 1),
        ((1, 5, 8, 9), (8,), None),
        ((1, 5, 8, 9), (4, 4), None),
        ((1, 5), (), None),
    ],
)
def test_the_axis_of_the_classes_is_the_one_that_y_leaves(shape, positions, axis):
    assert axis_for(len(shape), positions, shape) == axis


@pytest.fixture
def pixels(canonical):
    return fuse(canonical(nn.Sequential(nn.Conv2d(3, 6, 3, padding=1), nn.ReLU(), nn.Conv2d(6, 4, 1)),
                          torch.randn(2, 3, 5, 5)), QuantPlan()).graph  # fmt: skip


def opened(tmp_path, **arrays):
    np.savez(tmp_path / "x.npz", x=np.zeros((6, 3, 5, 5), np.float32), **arrays)
    return open_data(DataSpec(str(tmp_path / "x.npz")))


def test_masks_or_a_metric_of_pixels_make_an_output_logits(pixels, tmp_path):
    masks = opened(tmp_path, y=np.zeros((6, 5, 5), np.int64))
    assert class_axis(pixels, masks, TOP1) == 1
    assert class_axis(pixels, opened(tmp_path), TOP1) == "flat"  # which such an output has not
    assert class_axis(pixels, opened(tmp_path), METRICS["pixel-accuracy"]) == 1
    assert class_axis(pixels, opened(tmp_path, y=np.zeros((6, 4), np.float32)), TOP1) is None
    assert class_axis(pixels, masks, METRICS["rmse"]) is None
    assert class_axis(pixels, opened(tmp_path, y=np.zeros(6, np.int64)), TOP1) == "flat"


def test_the_number_of_classes_is_that_of_their_axis(pixels, tmp_path):
    assert class_count(pixels, class_axis(pixels, opened(tmp_path, y=np.zeros((6, 5, 5), np.int64)), TOP1)) == 4
    assert class_count(pixels, class_axis(pixels, opened(tmp_path), TOP1)) is None
    assert class_count(pixels, Of(0, "flat", sigmoid=True)) == 2


@pytest.mark.parametrize("axis", [1, -1])
def test_kl_and_agreement_are_means_over_the_positions(axis):
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 3, 4, 6)).astype("f4")  # (samples, positions, classes)
    found = OutputErrors(axis)
    found.add(*([torch.from_numpy(np.moveaxis(x, -1, axis))] for x in (a, b)))
    kl = rel_entr(softmax(a.astype("f8"), -1), softmax(b.astype("f8"), -1)).sum(-1).mean(1)
    assert found.kl[0] == pytest.approx(kl)
    same = a.argmax(-1) == b.argmax(-1)
    assert found.agreement == pytest.approx(same.mean())
    low, high = found.agreement_interval.low, found.agreement_interval.high
    assert low <= same.mean() <= high
    assert found.kl_interval.low < kl.mean() < found.kl_interval.high


def test_answers_of_whole_samples_have_wilsons_interval():
    found = OutputErrors()
    reference = torch.eye(8)
    found.add([reference], [reference])
    interval = found.agreement_interval
    assert (interval.value, interval.high) == (1.0, 1.0)
    assert 0.6 < interval.low < 0.7


def test_estimates_of_pixels_agree_with_layers_run_alone(pixels, quantized):
    x = torch.randn(48, 3, 5, 5, generator=torch.Generator().manual_seed(1))
    q = quantized(pixels, QuantPlan().with_default(activation=QuantPlan().default.activation.but(bits=5)), [(x,)])
    found = score({"p": q}, [(x,)], draws=Draws(30, 60), classes=1)["p"]
    exact = sweep(q, [(x,)], classes=1)
    for key, figures in exact.isolated.items():
        assert found.kl[key] == pytest.approx(figures.kl, rel=0.35)
    assert score({"p": q}, [(x,)])["p"].kl == {}
    assert measure(q, [(x,)], layer_samples=0, classes=1).outputs.mean_kl > 0


def test_accuracy_at_positions_leaves_out_those_without_a_class():
    rng = np.random.default_rng(0)
    logits, y = rng.normal(size=(5, 4, 6, 7)).astype("f4"), rng.integers(-1, 4, (5, 6, 7))
    expected = (logits.argmax(1) == y)[y >= 0].mean()
    assert METRICS["pixel-accuracy"]([logits], y) == pytest.approx(expected)
    assert TOP1([logits], y) == pytest.approx(expected)
    tokens = np.moveaxis(logits[:, :, 0], 1, -1)
    assert METRICS["token-accuracy"]([tokens], y[:, 0]) == pytest.approx(TOP1([tokens], y[:, 0]))
    assert np.isnan(TOP1([logits], np.full_like(y, -1)))


def test_a_drop_has_an_interval_that_holds_it_and_a_slow_metric_none():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 4, (20, 5, 5))
    before = np.eye(4, dtype="f4")[y].transpose(0, 3, 1, 2)
    after = before + rng.normal(size=before.shape).astype("f4")
    found = TOP1.drop([before], [after], y)
    assert found.low < found.value < found.high
    assert found.value == pytest.approx(1 - (after.argmax(1) == y).mean())
    mine = Metric("mine", lambda one, targets: float((np.asarray(one).argmax(1) == np.asarray(targets)).mean()))
    slow = mine.drop([before], [after], y, seconds=0)
    assert slow.value == pytest.approx(found.value)
    assert (slow.low, slow.high) == (-np.inf, np.inf)
    assert TOP1.drop([before], [after], y, seconds=0) == found  # its resamples are sums
    assert TOP1.drop([before], [after], None) is None


def test_a_sample_of_pixels_has_its_share_of_answers_that_stayed(tmp_path):
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 3, 4, 5, 5)).astype("f4")
    rows = sample_rows(opened(tmp_path), (0, 1, 2), [a], [b], 1)
    same = (a.argmax(1) == b.argmax(1)).mean((1, 2))
    assert {row.index: row.agreement for row in rows} == pytest.approx(dict(enumerate(same)))
    assert [row.kl for row in rows] == sorted((row.kl for row in rows), reverse=True)
    assert rows[0].float_top is None


class Detector(nn.Module):
    """Boxes first, classes second, as detectors have them."""

    def __init__(self, named: bool = False):
        super().__init__()
        self.named = named
        self.body = nn.Sequential(nn.Conv2d(3, 6, 3), nn.ReLU(), nn.Flatten())
        self.box, self.kind, self.more = nn.Linear(54, 4), nn.Linear(54, 2), nn.Linear(54, 9)

    def forward(self, x):
        x = self.body(x)
        found = {"box": self.box(x), "kind": self.kind(x), "more": self.more(x)}
        return found if self.named else tuple(found.values())


@pytest.fixture
def detector(canonical):
    return fuse(canonical(Detector().eval(), torch.randn(2, 3, 5, 5)), QuantPlan()).graph


def test_the_output_that_fits_the_labels_is_judged(detector, tmp_path):
    two = opened(tmp_path, y=np.array([0, 1] * 3))
    assert judged(TOP1, detector, two).output == 1
    assert class_axis(detector, two, TOP1) == Of(1, "flat")
    assert judged(TOP1, detector, opened(tmp_path, y=np.array([0, 3] * 3))).output == 0
    assert judged(TOP1, detector, opened(tmp_path, y=np.array([0, 5] * 3))).output == 2
    assert judged(TOP1, detector, opened(tmp_path)).output == 0
    assert judged(METRICS["rmse"], detector, two).output == 0


def test_without_labels_numbers_of_classes_are_not_judged_where_there_are_real_numbers(canonical, tmp_path):
    class Answers(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(5, 4)

        def forward(self, x):
            logits = self.fc(x)
            return logits.argmax(1), logits

    graph = canonical(Answers(), torch.randn(2, 5))
    assert judged(TOP1, graph, None).output == 1
    assert class_axis(graph, None, TOP1) == Of(1, "flat")


def test_an_output_may_be_named_by_number_or_key(canonical, detector):
    named = canonical(Detector(named=True).eval(), torch.randn(2, 3, 5, 5))
    assert [named_output(named, word) for word in ("2", "kind", "box")] == [2, 1, 0]
    with pytest.raises(Problem, match=r"no output 'boxes'.* 0 box \(N × 4\), 1 kind \(N × 2\), 2 more \(N × 9\)"):
        named_output(named, "boxes")
    assert "Of 3 outputs, number 0 (N × 4) is judged" in judged_note(TOP1, detector)


def test_metric_agreement_and_divergence_are_of_the_judged_output(detector, quantized, tmp_path):
    batches = [(torch.randn(6, 3, 5, 5),)]
    q = quantized(detector, QuantPlan(), batches)
    labels = np.array([0, 1] * 3)
    data = opened(tmp_path, y=labels)
    metric = judged(TOP1, detector, data)
    kept = []
    classes = class_axis(detector, data, metric)
    found = measure(q, batches, collect=lambda f, s: kept.append((f, s)), classes=classes)
    ((reference, simulated),) = kept
    p, r = (softmax(tensors[1].numpy().astype(np.float64), -1) for tensors in (reference, simulated))
    assert found.outputs.mean_kl == pytest.approx(rel_entr(p, r).sum(-1).mean(), rel=1e-6)
    before, after = ([tensor.numpy() for tensor in tensors] for tensors in (reference, simulated))
    assert metric(before, labels) == (before[1].argmax(1) == labels).mean()
    assert metric.drop(before, after, labels).value == metric(before, labels) - metric(after, labels)
    rows = sample_rows(data, range(6), before, after, classes)
    assert {row.float_top for row in rows} <= {0, 1}
    estimated = sum(score({"p": q}, batches, draws=Draws(200, 400), classes=classes)["p"].kl.values())
    assert estimated == pytest.approx(found.outputs.mean_kl, rel=1.0)


def ending_in(canonical, last):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(12, 20), nn.ReLU(), nn.Linear(20, 5), last).eval()
    return fuse(canonical(net, torch.randn(2, 12)), QuantPlan()).graph


def test_a_model_that_ends_in_a_softmax_gives_probabilities(canonical):
    assert class_axis(ending_in(canonical, nn.Softmax(1)), None, TOP1) == Of(0, "flat", True)
    assert class_axis(ending_in(canonical, nn.Softmax(-1)), None, TOP1) == Of(0, "flat", True)
    assert class_axis(ending_in(canonical, nn.Softmax(0)), None, TOP1) == "flat"
    assert class_axis(ending_in(canonical, nn.LogSoftmax(1)), None, TOP1) == "flat"  # whose softmax is the same
    assert class_axis(ending_in(canonical, nn.Softmax(1)), None, METRICS["rmse"]) is None


def test_kl_of_probabilities_is_that_of_the_distributions_themselves():
    one, other = (torch.softmax(torch.randn(9, 5, generator=torch.Generator().manual_seed(n)), 1) for n in (0, 1))
    errors = OutputErrors(Of(0, "flat", True))
    errors.add([one], [other])
    exact = rel_entr(one.double().numpy(), other.double().numpy()).sum(1).mean()
    assert errors.mean_kl == pytest.approx(exact, rel=1e-4)
    assert errors.agreement == (one.argmax(1) == other.argmax(1)).double().mean()


def test_kl_is_estimated_through_a_softmax_at_the_end(canonical, quantized):
    x = torch.randn(48, 12, generator=torch.Generator().manual_seed(1))
    graph = ending_in(canonical, nn.Softmax(1))
    q = quantized(graph, QuantPlan().with_default(activation=QuantPlan().default.activation.but(bits=5)), [(x,)])
    classes = class_axis(graph, None, TOP1)
    found, exact = score({"p": q}, [(x,)], draws=Draws(30, 60), classes=classes)["p"], sweep(q, [(x,)], classes=classes)
    assert set(found.kl) >= {"0:linear", "2:linear"}
    for key, figures in exact.isolated.items():
        assert found.kl[key] == pytest.approx(figures.kl, rel=0.35), key


class Mean(nn.Module):
    """Over one position, as silero-vad ends."""

    def forward(self, x):
        return x.mean(1)


def speech_net(canonical, shape="column"):
    torch.manual_seed(0)
    last = {"column": [], "flat": [nn.Flatten(0)], "mean of one": [nn.Unflatten(1, (1, -1)), Mean()]}[shape]
    net = nn.Sequential(nn.Linear(12, 20), nn.ReLU(), nn.Linear(20, 1), nn.Sigmoid(), *last).eval()
    return fuse(canonical(net, torch.randn(2, 12)), QuantPlan()).graph


@pytest.mark.parametrize("shape", ["column", "flat", "mean of one"])
def test_a_model_that_ends_in_one_sigmoid_gives_the_second_of_two_classes(canonical, shape):
    graph = speech_net(canonical, shape)
    assert class_axis(graph, None, TOP1) == Of(0, "flat", sigmoid=True)
    assert class_axis(graph, None, METRICS["rmse"]) is None
    of_five = nn.Sequential(nn.Sigmoid(), nn.Flatten(0), nn.Unflatten(0, (-1, 1)))
    for last in (nn.Sigmoid(), of_five):  # no one's second class, one below the other neither
        assert class_axis(ending_in(canonical, last), None, TOP1) == "flat"


@pytest.mark.parametrize("columns", [(40, 1), (40,)])
def test_agreement_kl_and_metric_of_one_probability_are_those_of_both_classes(canonical, columns):
    draw = torch.Generator().manual_seed(0)
    one, other = (torch.rand(columns, generator=draw) for _ in range(2))
    errors = OutputErrors(Of(0, "flat", sigmoid=True))
    errors.add([one], [other])
    p, q = (t.double().numpy().reshape(-1) for t in (one, other))
    assert errors.mean_kl == pytest.approx((rel_entr(p, q) + rel_entr(1 - p, 1 - q)).mean(), rel=1e-4)
    assert errors.agreement == pytest.approx(((p > 0.5) == (q > 0.5)).mean())
    y = (p > 0.4).astype(np.int64)
    metric = judged(TOP1, speech_net(canonical), None)
    assert metric([one.numpy()], y) == pytest.approx(((p > 0.5) == y).mean())
    assert metric([one.numpy()], y.reshape(-1, 1).astype(np.float32)) == metric([one.numpy()], y)
    drop = metric.drop([one.numpy()], [other.numpy()], y.reshape(-1, 1))
    assert drop.value == pytest.approx(((p > 0.5) == y).mean() - ((q > 0.5) == y).mean())
    with pytest.raises(Problem, match="labels"):
        metric([one.numpy()], y + 1)


def test_kl_is_estimated_through_a_sigmoid_at_the_end(canonical, quantized):
    x = torch.randn(48, 12, generator=torch.Generator().manual_seed(1))
    graph = speech_net(canonical)
    q = quantized(graph, QuantPlan().with_default(activation=QuantPlan().default.activation.but(bits=5)), [(x,)])
    classes = class_axis(graph, None, TOP1)
    found = score({"p": q}, [(x,)], draws=Draws(30, 60), classes=classes, margins=True)["p"]
    exact = sweep(q, [(x,)], classes=classes)
    assert set(found.kl) >= {"0:linear", "2:linear"}
    for key, figures in exact.isolated.items():
        assert found.kl[key] == pytest.approx(figures.kl, rel=0.35), key


class Ending(nn.Module):
    """A small encoder of 5 tokens whose output is made in one of several ways."""

    def __init__(self, how):
        super().__init__()
        self.inner, self.norm = nn.Linear(6, 8), nn.LayerNorm(8)
        self.head, self.conv, self.how = nn.Linear(8, 4), nn.Conv1d(6, 8, 1), how

    def forward(self, x):
        tokens = self.norm(torch.relu(self.inner(x)))
        mask = (x.amax(-1, keepdim=True) > 0).float()
        return {
            "mean of tokens": lambda: tokens.mean(1),
            "first token": lambda: tokens[:, 0],
            "length one": lambda: nn.functional.normalize(self.head(tokens.mean(1))),
            "masked mean": lambda: (tokens * mask).sum(1) / mask.sum(1).clamp(min=1e-9),
            "pooler": lambda: torch.tanh(self.head(tokens[:, 0])),
            "linear": lambda: self.head(tokens.mean(1)),
            "mean of logits": lambda: self.head(tokens).mean(1),
            "pooled convolution": lambda: torch.relu(self.conv(x.transpose(1, 2))).mean(-1),
            "temperature": lambda: self.head(tokens[:, 0]) / 0.7,
            "written softmax": lambda: self.head(tokens[:, 0]).exp() / self.head(tokens[:, 0]).exp().sum(1, True),
        }[self.how]()


@pytest.mark.parametrize("how", ["mean of tokens", "first token", "length one", "masked mean", "pooler"])
def test_without_labels_an_embedding_is_judged_by_its_cosine_and_not_by_its_largest_number(canonical, how, tmp_path):
    torch.manual_seed(0)
    graph = canonical(Ending(how), torch.randn(2, 5, 6))
    assert class_axis(graph, opened(tmp_path), TOP1) is None
    assert class_axis(fuse(graph, QuantPlan()).graph, None, TOP1) is None
    assert class_axis(graph, opened(tmp_path), METRICS["agreement"]) == "flat"  # who says so
    assert class_axis(graph, opened(tmp_path, y=np.zeros(6, np.int64)), TOP1) == "flat"
    errors = OutputErrors(class_axis(graph, None, TOP1))
    one, two = torch.randn(7, 8), torch.randn(7, 8)
    errors.add([one[:4]], [two[:4]])
    errors.add([one[4:]], [two[4:]])
    assert errors.cosine == pytest.approx(float(torch.cosine_similarity(one, two).mean()), abs=1e-6)
    assert errors.agreement is None
    assert errors.mean_kl is None


@pytest.mark.parametrize("how", ["linear", "mean of logits", "pooled convolution", "temperature", "written softmax"])
def test_scores_of_classes_are_no_embedding(canonical, how, tmp_path):
    graph = canonical(Ending(how), torch.randn(2, 5, 6))
    assert class_axis(graph, opened(tmp_path), TOP1) == "flat"
