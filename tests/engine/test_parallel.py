"""Portions on several threads: the same results in the same order, and an end when it is asked for."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from qinspect.engine import parallel
from qinspect.engine.calibrate import calibrate
from qinspect.engine.fuse import fuse
from qinspect.engine.measure import measure
from qinspect.engine.parallel import at_a_time, in_parallel
from qinspect.engine.plan import QuantPlan
from qinspect.engine.progress import Cancelled
from qinspect.engine.quantize import quantize
from qinspect.engine.sensitivity.estimate import score
from qinspect.engine.sensitivity.sweep import sweep


@pytest.fixture
def threads():
    """Sets torch's number of threads, and sets it back."""
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


def slowest_first(number, report):
    time.sleep(0.02 if number % 3 == 0 else 0.001)
    report(1, 2, "half")
    return number


def one(portion):
    return 1.0


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 12), st.integers(1, 4))
def test_results_come_in_the_order_of_the_portions(count, using):
    before = torch.get_num_threads()
    torch.set_num_threads(using)
    try:
        assert list(in_parallel(slowest_first, range(count), one)) == list(range(count))
        assert torch.get_num_threads() == using
    finally:
        torch.set_num_threads(before)


def test_two_portions_are_worked_on_at_the_same_time_with_the_threads_shared_out(threads):
    threads(4)
    meeting = threading.Barrier(4, timeout=30)

    def work(number, report):
        meeting.wait()
        return threading.get_ident(), torch.get_num_threads()

    found = list(in_parallel(work, range(4), one))
    assert len({ident for ident, _ in found}) == 4
    assert {own for _, own in found} == {1}
    assert torch.get_num_threads() == 4
    later = []
    thread = threading.Thread(target=lambda: later.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    assert later == [4], "nor does a thread that begins later have fewer"


def test_one_portion_has_all_threads_and_the_callers_own(threads):
    threads(2)
    (found,) = in_parallel(lambda number, report: (threading.get_ident(), torch.get_num_threads()), range(1), one)
    assert found == (threading.get_ident(), 2)


def test_so_many_at_a_time_as_half_of_the_free_memory_holds(threads, monkeypatch):
    threads(4)
    monkeypatch.setattr(parallel, "free_bytes", lambda: 1000)
    assert [at_a_time(each) for each in (0, 100, 200, 500, 5000)] == [4, 4, 2, 1, 1]
    threads(2)
    assert at_a_time(100) == 2
    idents = set(in_parallel(lambda n, report: threading.get_ident(), range(5), one, each=lambda n: 300))
    assert idents == {threading.get_ident()}


def test_what_may_not_run_beside_itself_does_not(threads):
    threads(2)
    idents = set(in_parallel(lambda n, report: threading.get_ident(), range(5), one, apart=False))
    assert idents == {threading.get_ident()}


@pytest.mark.parametrize("using", [1, 3])
def test_progress_grows_to_the_total_and_is_told_by_one_thread_at_a_time(threads, using):
    threads(using)
    seen, inside = [], []

    def report(done, total, note):
        inside.append(1)
        assert len(inside) == 1
        time.sleep(0.001)
        inside.pop()
        seen.append((done, total, note))

    list(in_parallel(slowest_first, range(7), lambda number: 2.0, report, before=3.0, total=17.0))
    assert [done for done, _, _ in seen] == sorted(done for done, _, _ in seen)
    assert seen[-1] == (17.0, 17.0, "half")


@pytest.mark.parametrize("using", [1, 3])
def test_what_the_report_raises_ends_all_portions_and_no_thread_is_left(threads, using):
    threads(using)
    asked = threading.Event()
    begun = []

    def report(done, total, note):
        if asked.is_set():
            raise Cancelled

    def work(number, report):
        begun.append(number)
        if number == 2:
            asked.set()
        for _ in range(2000):
            report(0, 1, "")
            if number < 2:
                break
            time.sleep(0.005)
        return number

    before = threading.active_count()
    with pytest.raises(Cancelled):
        list(in_parallel(work, range(100), one, report))
    assert len(begun) < 10
    assert threading.active_count() == before


@pytest.mark.parametrize("using", [1, 2])
def test_cancelled_at_its_very_end_a_portion_is_kept_and_no_other_follows(threads, using):
    threads(using)
    calls, kept = [], []

    def report(done, total, note):
        calls.append(done)
        if done == 1:
            raise Cancelled

    with pytest.raises(Cancelled):
        kept.extend(in_parallel(lambda number, report: number, [7], one, report))
    assert kept == [7]


@pytest.mark.parametrize("using", [1, 2])
def test_an_error_of_one_portion_reaches_the_caller(threads, using):
    threads(using)

    def work(number, report):
        if number == 3:
            raise ZeroDivisionError("three")
        return number

    got = []
    with pytest.raises(ZeroDivisionError, match="three"):
        got.extend(in_parallel(work, range(20), one))
    assert got == [0, 1, 2]
    assert torch.get_num_threads() == using


def test_a_reader_that_leaves_early_ends_the_work(threads):
    threads(2)
    begun = []
    results = in_parallel(lambda number, report: begun.append(number), range(1000), one)
    next(results)
    results.close()
    assert len(begun) < 20
    assert torch.get_num_threads() == 2


@pytest.fixture(scope="module")
def net(trace_once):
    torch.manual_seed(0)
    body = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1),
        nn.BatchNorm2d(8),
        nn.ReLU6(),
        nn.Conv2d(8, 8, 3, groups=8),
        nn.ReLU(),
        nn.Flatten(),
    )
    model = nn.Sequential(body, nn.Linear(8 * 36, 5)).eval()
    return fuse(trace_once(model, torch.rand(2, 3, 8, 8)), QuantPlan()).graph


def test_figures_do_not_depend_on_the_number_of_threads(net, threads, monkeypatch):
    """Every pass over the data: statistics, errors, estimates and the exact sweep."""
    generator = torch.Generator().manual_seed(1)
    batches = [(torch.randn(size, 3, 8, 8, generator=generator),) for size in (6, 5, 1)]

    def small(graph, batch, *args, **kwargs):
        return list(zip(*(tensor.split(2) for tensor in batch), strict=True))

    for room in ("calibrate", "measure", "sensitivity.estimate", "sensitivity.sweep"):
        monkeypatch.setattr(f"qinspect.engine.{room}.portions", small)
    found = []
    for using in (1, 2, 4):
        threads(using)
        statistics = calibrate(net, batches)
        q = quantize(net, QuantPlan(), statistics.tensors)
        measured = measure(q, batches, layer_samples=8)
        found.append((statistics, measured, score({"p": q}, batches, margins=True)["p"], sweep(q, batches)))
    first = found[0]
    for statistics, measured, scores, swept in found[1:]:
        assert statistics.samples == 12
        for name, stats in first[0].tensors.items():
            other = statistics.tensors[name]
            assert (stats.count, stats.min, stats.max, stats.zeros) == (other.count, other.min, other.max, other.zeros)
            assert other.mean == pytest.approx(stats.mean, rel=1e-6, abs=1e-9)
            for key in ("sample_min", "batch_max", "channel_min"):
                np.testing.assert_array_equal(getattr(other, key), getattr(stats, key))
            np.testing.assert_array_equal(other.histogram.counts, stats.histogram.counts)
        assert measured.layers == first[1].layers
        assert measured.outputs.mean_kl == first[1].outputs.mean_kl
        assert (scores.mse, scores.kl) == (first[2].mse, first[2].kl)
        assert scores.answers.shifts.keys() == first[2].answers.shifts.keys()
        assert swept == first[3]


def passes(graph, batches):
    """Every pass over the data, by name; each is given a report."""
    q = quantize(graph, QuantPlan(), calibrate(graph, batches).tensors)
    return {
        "calibrate": lambda report: calibrate(graph, batches, report),
        "measure": lambda report: measure(q, batches, report),
        "score": lambda report: score({"p": q}, batches, report),
        "sweep": lambda report: sweep(q, batches, report),
    }


@pytest.mark.parametrize("name", ["calibrate", "measure", "score", "sweep"])
def test_every_pass_over_the_data_works_on_several_batches_at_a_time(net, threads, monkeypatch, name):
    threads(2)
    run = passes(net, [(torch.randn(4, 3, 8, 8),) for _ in range(6)])[name]
    heard, own = set(), threading.get_ident()

    def hear(done, total, note=""):
        heard.add(threading.get_ident())
        if len(heard - {own}) < 2:
            time.sleep(0.01)  # on a busy machine one thread would have done all before the other one began

    run(hear)
    assert len(heard - {own}) >= 2
    heard.clear()
    if name != "sweep":  # whose portions are the smaller for it
        monkeypatch.setattr(parallel, "free_bytes", lambda: 1)
        run(lambda done, total, note="": heard.add(threading.get_ident()))
        assert heard == {threading.get_ident()}, "there is no memory for two"


@pytest.mark.parametrize("name", ["calibrate", "measure", "score", "sweep"])
def test_code_of_the_users_inside_a_graph_is_run_by_one_thread(net, threads, monkeypatch, name):
    threads(2)
    run = passes(net, [(torch.randn(4, 3, 8, 8),) for _ in range(6)])[name]
    monkeypatch.setattr(type(net), "opaque", property(lambda graph: graph.layers[:1]))
    heard = set()
    run(lambda done, total, note="": heard.add(threading.get_ident()))
    assert heard == {threading.get_ident()}
