"""One pass gathers what the graph hands on, and the file gives it back."""

from __future__ import annotations

import dataclasses
import io
import zipfile

import numpy as np
import pytest
import torch
from torch import nn

from qinspect.engine.calibrate import Calibration, calibrate, load_calibration, memory_bytes, wanted_values
from qinspect.engine.calibrate.observe import Observer
from qinspect.engine.fuse import fuse
from qinspect.engine.graph.execute import Executor
from qinspect.engine.plan import QuantPlan
from qinspect.engine.problem import Problem
from qinspect.engine.progress import Cancelled


@pytest.fixture(scope="module")
def batches():
    generator = torch.Generator().manual_seed(0)
    return [(torch.randn(size, 3, 8, 8, generator=generator),) for size in (4, 4, 3)]


@pytest.fixture(scope="module")
def graph(trace_once):
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(144, 5))
    return fuse(trace_once(net, torch.rand(2, 3, 8, 8)), QuantPlan()).graph


def same(one, two, ignore=()):
    for field in dataclasses.fields(one):
        if field.name in ignore:
            continue
        a, b = getattr(one, field.name), getattr(two, field.name)
        if field.name == "histogram":
            assert (a.exponent, a.first) == (b.exponent, b.first)
            a, b = a.counts, b.counts
        np.testing.assert_allclose(a, b, rtol=1e-6, err_msg=field.name)


def test_every_value_that_may_be_quantized_is_seen_and_no_transparent_one(graph, batches):
    found = calibrate(graph, batches)
    assert found.samples == 11
    assert set(found.tensors) == set(wanted_values(graph)) == {"input", "2:relu", "4:linear"}
    values = [batch[0] for batch in batches]
    assert found.tensors["input"].max == torch.cat(values).max().item()
    assert found.tensors["input"].batch_max.tolist() == [v.max().item() for v in values]
    with torch.no_grad():
        logits = torch.cat([Executor(graph)([v]) for v in values])
    assert found.tensors["4:linear"].min == pytest.approx(logits.min().item(), abs=1e-5)
    assert found.tensors["4:linear"].mean == pytest.approx(logits.mean().item(), abs=1e-5)


def test_only_what_was_asked_for_is_observed(graph, batches):
    assert set(calibrate(graph, batches, only=frozenset({"2:relu"})).tensors) == {"2:relu"}


def test_calibrations_of_two_parts_merge_to_that_of_the_whole(graph, batches):
    whole = calibrate(graph, batches)
    merged = calibrate(graph, batches[:1]).merged(calibrate(graph, batches[1:]))
    assert merged.samples == whole.samples
    for name, stats in whole.tensors.items():
        same(merged.tensors[name], stats)


def test_a_dead_batch_before_a_live_one_does_not_disturb(graph, batches):
    dead = [(torch.full((4, 3, 8, 8), -0.0),)]
    found = calibrate(graph, dead + batches)
    assert found.tensors["input"].zeros == 4 * 3 * 64
    assert found.tensors["input"].histogram.counts.sum() == 15 * 3 * 64


def test_progress_grows_to_the_total_and_names_the_work(graph, batches):
    seen = []
    calibrate(graph, batches, lambda done, total, note: seen.append((done, total, note)), total=11)
    assert [done for done, _, _ in seen] == sorted(done for done, _, _ in seen)
    assert seen[-1] == (11, 11, "collecting statistics")
    assert len(seen) >= 3 * 4


def test_cancelling_in_the_middle_leaves_the_graph_as_it_was_and_the_next_run_whole(graph, batches):
    before = {key: tensor.clone() for key, tensor in graph.params.items()}
    calls = 0

    def stop(done, total, note=""):
        nonlocal calls
        calls += 1
        if calls == len(graph.layers) + 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        calibrate(graph, batches, stop)
    assert not torch.is_inference_mode_enabled()
    assert all(torch.equal(before[key], graph.params[key]) for key in before)
    assert calibrate(graph, batches).samples == 11


def stop_after(calls):
    """A report that raises Cancelled when it is called for that time."""
    left = [calls]

    def report(done, total, note=""):
        left[0] -= 1
        if left[0] <= 0:
            raise Cancelled

    return report


@pytest.mark.parametrize("calls", range(1, 19))
def test_cancelling_leaves_exactly_the_statistics_of_the_batches_seen_whole_and_the_pass_can_go_on(
    graph, batches, calls
):
    kept = []
    with pytest.raises(Cancelled):
        calibrate(graph, batches * 2, stop_after(calls), total=22, keep=kept.append)
    if calls <= 3:
        assert not kept, "no batch has been seen whole"
        return
    (part,) = kept
    whole = [4, 8, 11, 15, 19].index(part.samples) + 1
    assert whole == calls // 4
    expected = calibrate(graph, (batches * 2)[:whole])
    assert (part.planned, part.complete) == (22, False)
    for name, stats in expected.tensors.items():
        identical(part.tensors[name], stats)
    resumed = calibrate(graph, (batches * 2)[whole:], total=22, start=load_calibration(part.to_bytes()))
    assert (resumed.samples, resumed.complete) == (22, True)
    for name, stats in calibrate(graph, batches * 2).tensors.items():
        identical(resumed.tensors[name], stats)


def test_a_long_pass_hands_out_what_it_has_now_and_then(graph, batches, monkeypatch):
    monkeypatch.setattr("qinspect.engine.calibrate.KEEP_S", 0.0)
    kept = []
    calibrate(graph, batches * 2, total=22, keep=kept.append)
    assert [part.samples for part in kept] == [4, 8, 11, 15, 19, 22]
    assert [part.complete for part in kept] == [False] * 5 + [True]
    expected = calibrate(graph, (batches * 2)[:2])
    for name, stats in expected.tensors.items():
        identical(kept[1].tensors[name], stats)


def identical(one, two):
    for field in dataclasses.fields(one):
        a, b = getattr(one, field.name), getattr(two, field.name)
        if field.name == "histogram":
            assert (a.exponent, a.first) == (b.exponent, b.first)
            a, b = a.counts, b.counts
        np.testing.assert_array_equal(a, b, err_msg=field.name)


def test_portions_of_a_batch_give_the_statistics_of_the_batch(graph, batches, monkeypatch):
    whole = calibrate(graph, batches, share=1.0)
    monkeypatch.setattr("qinspect.engine.calibrate.portions", lambda graph, inputs: [(x,) for x in inputs[0].split(1)])
    parts = calibrate(graph, batches, share=1.0)
    same(parts.tensors["input"], whole.tensors["input"])
    for name, stats in whole.tensors.items():
        # Kernels add up in another order for other numbers of samples.
        assert parts.tensors[name].batch_max == pytest.approx(stats.batch_max, abs=1e-6)
        assert parts.tensors[name].variance == pytest.approx(stats.variance, rel=1e-5)


def test_ranges_of_every_sample_are_kept(graph, batches):
    x = torch.cat([batch[0] for batch in batches])
    found = calibrate(graph, batches)
    assert np.array_equal(found.tensors["input"].sample_min, x.amin((1, 2, 3)).numpy())
    assert np.array_equal(found.tensors["input"].sample_max, x.amax((1, 2, 3)).numpy())
    assert all(len(stats.sample_max) == 11 for stats in found.tensors.values())
    halves = calibrate(graph, batches[:1]).merged(calibrate(graph, batches[1:]))
    assert np.array_equal(halves.tensors["2:relu"].sample_max, found.tensors["2:relu"].sample_max)


def test_all_values_are_counted_on_request(trace_once):
    x = torch.randn(64, 3, 96, 96)
    graph = fuse(trace_once(nn.Conv2d(3, 8, 3), x[:2]), QuantPlan()).graph
    some, every = (calibrate(graph, [(x,)], share=share) for share in (0.125, 1.0))
    assert every.tensors["input"].sampled == every.tensors["input"].count == x.numel()
    assert some.tensors["input"].sampled < every.tensors["input"].sampled / 4
    assert (some.share, load_calibration(every.to_bytes()).share) == (0.125, 1.0)


@pytest.mark.parametrize("side", [8, 96])
def test_a_sample_counts_as_much_in_a_small_batch_as_in_a_large_one(side):
    x = torch.randn(16, 32, side, side)
    observer, seen = Observer(), []
    for piece in (x[:1], x[1:]):
        observer.see(piece, len(piece))
        seen.append(observer.sampled)
    assert seen[1] == pytest.approx(16 * seen[0], rel=0.01)
    assert (seen[0] == x[0].numel()) == (side == 8)


def test_the_memory_that_is_stated_does_not_depend_on_the_batch_beyond_a_portion(trace_once):
    net = nn.Sequential(nn.Conv2d(3, 64, 3, padding=1), nn.ReLU(), nn.Conv2d(64, 8, 3), nn.Flatten(), nn.LazyLinear(5))
    net(torch.rand(1, 3, 128, 128))
    graph = fuse(trace_once(net, torch.rand(2, 3, 128, 128)), QuantPlan()).graph
    one = 64 * 128 * 128 * 4
    small, large = memory_bytes(graph, 4), memory_bytes(graph, 64)
    fed = 4 * 3 * 128 * 128
    assert 2 * 4 * one < small < 4 * 4 * one
    assert large - small <= 60 * fed + 2**20


def test_no_sample_is_a_problem(graph):
    with pytest.raises(Problem, match="no sample"):
        calibrate(graph, [])


def test_data_of_a_wrong_shape_is_a_problem_that_names_the_layer(graph):
    with pytest.raises(Problem, match="0:conv2d: cannot run"):
        calibrate(graph, [(torch.zeros(2, 5, 8, 8),)])


def test_a_layer_with_several_results_does_not_ask_to_be_calibrated_again(canonical):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.lstm = nn.LSTM(4, 3, batch_first=True)

        def forward(self, x):
            return self.lstm(x)[0].relu() + x.max(1)[0].mean()

    x = torch.randn(2, 5, 4)
    graph = canonical(Net(), x)
    assert set(wanted_values(graph)) == set(calibrate(graph, [(x,)]).tensors)


def test_statistics_come_back_from_their_file_as_they_were(tmp_path, graph, batches):
    found = dataclasses.replace(calibrate(graph, batches), key="model-data", forward_seconds=0.5)
    found.save(tmp_path / "stats.npz")
    again = load_calibration(tmp_path / "stats.npz")
    assert (again.samples, again.key, again.seconds, again.forward_seconds) == (11, "model-data", found.seconds, 0.5)
    assert list(again.tensors) == list(found.tensors)
    for name, stats in found.tensors.items():
        same(again.tensors[name], stats)
    assert load_calibration(found.to_bytes()).samples == 11


def test_statistics_of_nan_and_constants_survive_the_file(canonical):
    graph = canonical(nn.ReLU(), torch.rand(2, 3))
    found = calibrate(graph, [(torch.tensor([[float("nan"), 0.0, 1.0]]),), (torch.zeros(2, 3),)])
    again = load_calibration(found.to_bytes())
    assert len(found.tensors) == 2
    for name, stats in found.tensors.items():
        assert again.tensors[name].nonfinite == stats.nonfinite == 1
        np.testing.assert_equal(again.tensors[name].min, stats.min)


def test_the_file_does_not_grow_with_the_values(graph):
    small = calibrate(graph, [(torch.randn(2, 3, 8, 8),)]).to_bytes()
    large = calibrate(graph, [(torch.randn(512, 3, 8, 8),)]).to_bytes()
    assert len(large) < 2 * len(small) + 10_000


@pytest.fixture(scope="module")
def content():
    stats = Calibration({}, 3, "key")
    return stats.to_bytes()


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(Problem, match="no such file"):
        load_calibration(tmp_path / "none.npz")


@pytest.mark.parametrize("share", [0, 10, 40, 80, 99])
def test_a_truncated_file_is_a_problem(tmp_path, graph, batches, share):
    whole = calibrate(graph, batches).to_bytes()
    path = tmp_path / "cut.npz"
    path.write_bytes(whole[: len(whole) * share // 100])
    with pytest.raises(Problem, match=r"cut\.npz"):
        load_calibration(path)


def test_flipped_bits_are_a_problem_or_harmless(graph, batches):
    right = calibrate(graph, batches[:1]).to_bytes()
    for place in np.random.default_rng(0).integers(0, len(right), 150):
        changed = bytearray(right)
        changed[place] ^= 16
        try:
            found = load_calibration(bytes(changed))
        except Problem:
            continue
        assert found.to_bytes() == right  # such as a bit of a date in the archive


def test_a_file_with_a_pickle_in_it_is_a_problem(tmp_path):
    np.savez(tmp_path / "x.npz", header=np.array([object()], dtype=object))
    with pytest.raises(Problem):
        load_calibration(tmp_path / "x.npz")


def test_a_file_of_a_later_version_is_refused_as_such(tmp_path, content):
    with np.load(io.BytesIO(content)) as data:
        header = data["header"].tobytes().replace(b'"version": 1', b'"version": 7')
    np.savez(tmp_path / "x.npz", header=np.frombuffer(header, np.uint8))
    with pytest.raises(Problem, match="version 7"):
        load_calibration(tmp_path / "x.npz")


def test_an_npz_of_something_else_is_refused(tmp_path):
    np.savez(tmp_path / "x.npz", x=np.zeros(3))
    with pytest.raises(Problem, match="not a statistics file"):
        load_calibration(tmp_path / "x.npz")
    with zipfile.ZipFile(tmp_path / "y.npz", "w") as archive:
        archive.writestr("header.npy", b"nonsense")
    with pytest.raises(Problem, match="not a statistics file"):
        load_calibration(tmp_path / "y.npz")


def test_memory_is_foreseen_where_a_convolution_s_weight_is_computed(canonical):
    class Computed(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.kernel = torch.nn.Parameter(torch.rand(4, 3, 3, 3))

        def forward(self, x):
            return torch.nn.functional.conv2d(x, self.kernel * x.mean())

    graph = canonical(Computed(), torch.rand(2, 3, 8, 8))
    assert memory_bytes(graph, 2) > 4 * 2 * 3 * 8 * 8
