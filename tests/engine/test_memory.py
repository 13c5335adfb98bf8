"""Memory: predicted before a run, split where it is too little, and not growing with the data."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import numpy as np
import pytest
import torch

from qinspect.engine import calibrate as room
from qinspect.engine import feed, job, memory
from qinspect.engine.calibrate import calibrate
from qinspect.engine.data import DataSpec, open_data
from qinspect.engine.load import ModelSpec, load_model
from qinspect.engine.memory import Shortage, fitting_batch
from qinspect.engine.observe import Observer
from qinspect.engine.plan import QuantPlan
from qinspect.engine.problem import Problem
from qinspect.engine.statistics import BATCHES, SAMPLES

NO_MORE = "[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"


@pytest.fixture(scope="module")
def opened(tmp_path_factory, one_thread):
    folder = tmp_path_factory.mktemp("net")
    (folder / "net.py").write_text(
        "from torch import nn, rand, manual_seed\n"
        "def model():\n"
        "    manual_seed(0)\n"
        "    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 4, 3), nn.AdaptiveAvgPool2d(1),\n"
        "                        nn.Flatten())\n"
        "    return net, rand(1, 3, 12, 12)\n"
    )
    np.savez(folder / "d.npz", x=np.random.default_rng(0).random((64, 3, 12, 12), np.float32), y=np.arange(64) % 4)
    model = load_model(ModelSpec(f"{folder / 'net.py'}:model"), allow_code=True)
    return model, open_data(DataSpec(str(folder / "d.npz")), model.graph.inputs[0].shape)


def test_the_largest_number_of_values_at_the_same_time_is_that_of_a_run(opened):
    graph = opened[0].graph
    shapes = {layer.id: int(np.prod(layer.shape)) for layer in graph.layers}
    conv, relu = "0:conv2d", "1:relu"
    # The activation is copied to be counted; the number of samples is a value too.
    assert graph.live_values == shapes[conv] + 2 * shapes[relu] + 1


def test_a_batch_is_halved_until_half_of_what_is_free_holds_it(opened, monkeypatch):
    graph = opened[0].graph
    sample = graph.live_values * 4
    for free, size in ((None, 16), (sample * 32, 16), (sample * 31, 8), (sample * 5, 2), (0, 1)):
        monkeypatch.setattr(memory, "free_bytes", lambda free=free: free)
        assert fitting_batch(graph, 16) == size


def test_what_cannot_fit_is_refused_before_it_begins(opened, monkeypatch):
    model, data = opened
    monkeypatch.setattr(memory, "free_bytes", lambda: model.graph.live_values * 4 - 1)
    with pytest.raises(Problem, match="one sample needs about"):
        job.check_float(model, data)
    with pytest.raises(Problem, match="one sample needs about"):
        job.calibrate_model(model, data, QuantPlan())


def test_a_float_model_that_runs_out_of_memory_goes_through_in_halves(opened):
    model, data = opened

    def tight(x):
        if len(x) > 3:
            raise RuntimeError(NO_MORE)
        return model.forward(x)

    import dataclasses

    small = dataclasses.replace(model, forward=tight)
    (x,) = data.load(range(13))
    assert torch.allclose(feed.float_outputs(small, (x,))[0], model.forward(x), atol=1e-6)
    assert job.check_float(small, data).metric == job.check_float(model, data).metric

    def hopeless(x):
        raise RuntimeError(NO_MORE)

    with pytest.raises(Shortage, match="memory ran out"):
        feed.float_outputs(dataclasses.replace(model, forward=hopeless), (x,))
    with pytest.raises(Problem, match="something else"):
        feed.float_outputs(
            dataclasses.replace(model, forward=lambda x: (_ for _ in ()).throw(RuntimeError("something else"))), (x,)
        )


def test_statistics_of_a_batch_that_ran_out_of_memory_are_those_of_the_batch(opened, monkeypatch):
    model, data = opened
    batches = [data.load(range(start, start + 16)) for start in (0, 16, 32)]
    whole = calibrate(model.graph, batches, share=1.0)
    plain = room._observe
    failed = []

    def tight(executor, inputs, observers, *rest):
        plain(executor, inputs, observers, *rest)  # values have been counted when the memory runs out
        if len(inputs[0]) > 5:
            failed.append(len(inputs[0]))
            raise Shortage("layer", "memory ran out", "Close other programs.")

    monkeypatch.setattr(room, "_observe", tight)
    split = calibrate(model.graph, batches, share=1.0)
    assert failed == [16, 8] * 3
    for name, one in whole.tensors.items():
        two = split.tensors[name]
        assert (one.count, one.min, one.max, one.zeros) == (two.count, two.min, two.max, two.zeros)
        assert np.array_equal(one.batch_max, two.batch_max)
        assert np.array_equal(one.sample_min, two.sample_min)
        assert np.array_equal(one.histogram.counts, two.histogram.counts)
        assert one.mean == pytest.approx(two.mean, rel=1e-5, abs=1e-7)


def test_statistics_of_many_samples_take_no_more_room_than_of_some(one_thread):
    def size(samples):
        observer = Observer()
        generator = torch.Generator().manual_seed(0)
        for _ in range(samples // 4):
            observer.see(torch.rand(4, 3, generator=generator), 4)
            observer.end_batch()
        stats = observer.stats()
        lists = [*observer.by_batch, *observer.by_sample]
        return sum(map(len, lists)), stats.batch_min.size, stats.sample_min.size, stats.count

    some, many = size(20_000), size(60_000)
    assert some[3] * 3 == many[3]
    assert many[0] <= 2 * (2 * BATCHES + SAMPLES)
    assert (some[1:3], many[1:3]) == ((BATCHES, SAMPLES),) * 2


def test_a_run_in_a_process_with_little_memory_splits_its_batches_and_gives_the_same(opened, tmp_path):
    """A real limit of the operating system: eight samples do not fit, and the model's answers are the same."""
    resource = pytest.importorskip("resource", reason="limits of a process are set so on POSIX only")
    del resource
    script = textwrap.dedent("""
        import os, resource, torch
        torch.set_num_threads(1)
        from torch import nn
        from qinspect.engine import feed
        from types import SimpleNamespace
        torch.manual_seed(0)
        net = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 1, 3, padding=1)).eval()
        x = torch.rand(8, 1, 512, 512)
        model = SimpleNamespace(forward=net, dynamic_batch=True, spec=SimpleNamespace(source="net"))
        with torch.inference_mode():
            whole = feed.float_outputs(model, (x,))[0]
            used = int(open("/proc/self/statm").read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
            resource.setrlimit(resource.RLIMIT_AS, (used + 100 * 2**20,) * 2)
            try:
                net(x)
                print("fits")
            except RuntimeError as error:
                print("short")
            split = feed.float_outputs(model, (x,))[0]
        print(torch.allclose(whole, split, atol=1e-6))
    """)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=200)
    assert done.stdout.split() == ["short", "True"], done.stderr[-500:]
