"""Memory: predicted before a run, split where it is too little, and not growing with the data."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import numpy as np
import pytest
import torch

from qinspect.engine import calibrate as room
from qinspect.engine import feed, float_check, job
from qinspect.engine.calibrate import calibrate
from qinspect.engine.calibrate.observe import Observer
from qinspect.engine.data import DataSpec, open_data
from qinspect.engine.graph import memory
from qinspect.engine.graph.memory import Growth, Shortage, fitting_batch, in_units
from qinspect.engine.load import ModelSpec, load_model
from qinspect.engine.load.own_process import load_apart
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


@pytest.mark.parametrize(
    ("count", "text"),
    [(300, "1 kB"), (34_000, "33 kB"), (3_400_000, "3.2 MB"), (943 * 2**20, "943 MB"), (22 * 2**30, "22 GB")],
)
def test_memory_is_said_in_a_unit_that_suits_it(count, text):
    assert in_units(count) == text


def test_what_cannot_fit_is_refused_before_it_begins(opened, monkeypatch):
    model, data = opened
    monkeypatch.setattr(memory, "free_bytes", lambda: model.graph.live_values * 4 - 1)
    with pytest.raises(Problem, match="one sample needs about"):
        float_check.check_float(model, data)
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
    assert float_check.check_float(small, data).metric == float_check.check_float(model, data).metric

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
        generator = torch.Generator().manual_seed(0)
        stats = None
        for _ in range(samples // 4):
            observer = Observer()
            observer.see(torch.rand(4, 3, generator=generator), 4)
            stats = observer.stats() if stats is None else stats.merged(observer.stats())
        return stats.batch_min.size, stats.sample_min.size, stats.count

    some, many = size(20_000), size(60_000)
    assert some[2] * 3 == many[2]
    assert (some[:2], many[:2]) == ((BATCHES, SAMPLES),) * 2


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


def test_fewer_decoded_pictures_are_kept_where_memory_is_short(tmp_path, monkeypatch):
    from PIL import Image

    from qinspect.engine.data import images

    rng = np.random.default_rng(0)
    for index in range(40):
        Image.fromarray(rng.integers(0, 255, (16, 16, 3), np.uint8)).save(tmp_path / f"{index:02}.png")
    decoded = []
    usual = images.Images._decode_file
    monkeypatch.setattr(images.Images, "_decode_file", lambda self, index: decoded.append(index) or usual(self, index))
    for free, again in ((None, 0), (8 * 10 * 16 * 16 * 3, 40)):
        monkeypatch.setattr(images, "free_bytes", lambda free=free: free)
        data = open_data(DataSpec(str(tmp_path)), (None, 3, 16, 16))
        for _ in range(2):
            before = len(decoded)
            for start in range(0, 40, 2):
                data.load([start, start + 1])
        assert len(decoded) - before == again


@pytest.mark.parametrize("limit", ["RLIMIT_AS", "RLIMIT_DATA"])
def test_what_is_free_is_what_the_process_may_still_take(limit):
    pytest.importorskip("resource", reason="limits of a process are set so on POSIX only")
    script = textwrap.dedent(f"""
        import resource
        from qinspect.engine.graph.memory import free_bytes
        key = {{"RLIMIT_AS": "VmSize:", "RLIMIT_DATA": "VmData:"}}["{limit}"]
        used = next(int(line.split()[1]) * 1024 for line in open("/proc/self/status") if line.startswith(key))
        resource.setrlimit(resource.{limit}, (used + 300 * 2**20,) * 2)
        before = free_bytes()
        taken = bytearray(200 * 2**20)
        print(round(before / 2**20, -1), round(free_bytes() / 2**20, -1))
    """)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=200)
    before, after = map(float, done.stdout.split())
    assert 250 <= before <= 310, done.stderr
    assert 60 <= after <= 110


def test_trials_read_again_what_is_too_large_to_keep_and_find_the_same(digits_model, monkeypatch):
    from qinspect.engine.data import DataSpec, open_data
    from qinspect.engine.job import calibrate_model, first_plan, fused_graph
    from qinspect.engine.load import ModelSpec, load_model
    from qinspect.engine.metric import TOP1
    from qinspect.engine.plan.target import Target
    from qinspect.engine.search import trials

    model = load_model(ModelSpec(digits_model.source, str(digits_model.weights), ((1, 1, 8, 8),)), allow_code=True)
    data = open_data(DataSpec(str(digits_model.data), samples=120), model.graph.inputs[0].shape)
    plan = first_plan(model.graph, Target())
    stats = calibrate_model(model, data, plan).tensors
    found = []
    for most in (trials.KEPT_BYTES, 100):
        monkeypatch.setattr(trials, "KEPT_BYTES", most)
        made = trials.Trials(fused_graph(model, plan).graph, stats, data, "select", data.splits.select, TOP1)
        found.append(made.verify(plan))
        assert bool(made._inputs) == (most > 100)
    assert found[0] == found[1]


def test_an_export_is_verified_on_as_many_samples_as_memory_holds_at_once(digits_model, monkeypatch, tmp_path):
    from qinspect.engine import export
    from qinspect.engine.data import DataSpec, open_data
    from qinspect.engine.job import calibrate_model, first_plan
    from qinspect.engine.load import ModelSpec, load_model
    from qinspect.engine.plan.target import Target

    model = load_model(ModelSpec(digits_model.source, str(digits_model.weights), ((1, 1, 8, 8),)), allow_code=True)
    data = open_data(DataSpec(str(digits_model.data), samples=160), model.graph.inputs[0].shape)
    plan = first_plan(model.graph, Target())
    monkeypatch.setattr(export, "SAMPLES_BYTES", 20 * 8 * 8 * 4)
    found = export.export(model, plan, calibrate_model(model, data, plan), data, "onnx", tmp_path / "net.onnx")
    assert len(data.splits.final) == 40
    assert found.samples == 20


GB = 1 << 30


@pytest.mark.parametrize(
    ("taken", "free", "remaining", "noticed"),
    [
        ([1 + n for n in range(15)], [15 - n for n in range(15)], None, 15),
        ([1 + 4 * n for n in range(4)], [16 - 4 * n for n in range(4)], 9, 4),
        ([1 + n for n in range(15)], [15 - n for n in range(15)], 0, None),  # what is left does for what is left
        ([1, 14, 14, 14, 14], [14, 1, 1, 1, 1], None, None),  # what every batch takes
        ([1, 2, 3, 3, 3], [4, 3, 2, 2, 2], None, None),  # and what was read to be kept
        ([1 + n / 100 for n in range(15)], [15 - n for n in range(15)], None, None),  # of others
    ],
)
def test_memory_that_is_kept_is_noticed_while_some_is_left(monkeypatch, taken, free, remaining, noticed):
    growth, said, count = Growth(), None, 0
    for mine, left in zip(taken, free, strict=True):
        count += 1
        monkeypatch.setattr(memory, "_resident", lambda mine=mine: int(mine * GB))
        monkeypatch.setattr(memory, "free_bytes", lambda left=left: int(left * GB))
        try:
            growth.check("net.py:net", remaining)
        except Problem as problem:
            said = problem
            break
    assert (None if said is None else count) == noticed
    if said is not None:
        assert f"after {count} batches" in said.what
        assert said.where == "net.py:net"


LEAKS = """
import resource
from pathlib import Path
import torch

kept = []

class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(1, 4, 3)

    def forward(self, x):
        if not torch.compiler.is_compiling():
            kept.append(torch.ones(16 << 20))
        return self.conv(x)

def net():
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + (1 << 30), -1))
    return Net()
"""


@pytest.fixture
def leaks(tmp_path):
    (tmp_path / "net.py").write_text(LEAKS)
    np.savez(tmp_path / "d.npz", x=np.random.default_rng(0).random((2000, 1, 8, 8), np.float32))
    return tmp_path


@pytest.mark.skipif(sys.platform != "linux", reason="what a process has in memory is read where Linux says it")
def test_a_model_that_keeps_its_activations_is_stopped_and_told_so(leaks):
    words = ["--input-shape", "1,1,8,8", "--data", str(leaks / "d.npz"), "--out", str(leaks / "s.npz")]
    command = [sys.executable, "-m", "qinspect", "calibrate", f"{leaks / 'net.py'}:net", *words]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert ended.returncode == 1
    assert f"{leaks / 'net.py'}:net: after " in ended.stderr
    assert "MB more memory is taken than after two" in ended.stderr
    assert "keep tensors, in a list say?" in ended.stderr


KEEPING = """
import numpy as np

kept = []

def batches():
    for _ in range(40):
        kept.append(np.ones(16 << 20, np.float32))
        yield np.ones((2, 1, 8, 8), np.float32)
"""


def test_data_whose_code_keeps_memory_end_while_some_is_left(tmp_path, monkeypatch):
    (tmp_path / "d.py").write_text(KEEPING)
    begun = memory._resident()
    monkeypatch.setattr(memory, "free_bytes", lambda: (1 << 30) - (memory._resident() - begun))
    with pytest.raises(Problem, match="more memory is taken than after two") as found:
        open_data(DataSpec(f"{tmp_path / 'd.py'}:batches"), allow_code=True)
    assert found.value.where.endswith("d.py:batches")


@pytest.mark.skipif(sys.platform != "linux", reason="what a process has in memory is read where Linux says it")
def test_a_process_of_its_own_that_keeps_memory_is_ended(leaks):
    model = load_apart(ModelSpec(f"{leaks / 'net.py'}:net", input_shape=((1, 1, 8, 8),)))

    def run():
        for _ in range(30):
            model.forward(torch.rand(1, 1, 8, 8))

    with pytest.raises(Problem, match="more memory is taken than after two"):
        run()
    assert model.forward._guest.process.poll() is not None
    assert model.forward(torch.rand(1, 1, 8, 8))[0].shape == (1, 4, 6, 6)  # of another


@pytest.mark.skipif(sys.platform != "linux", reason="limits the memory of a process")
def test_a_process_of_its_own_that_ran_out_of_memory_is_ended_and_its_code_suspected(leaks):
    code = (leaks / "net.py").read_text()
    (leaks / "fast.py").write_text(code.replace("16 << 20", "96 << 20"))
    model = load_apart(ModelSpec(f"{leaks / 'fast.py'}:net", input_shape=((1, 1, 8, 8),)))

    def run():
        for _ in range(3):
            feed.float_outputs(model, (torch.rand(1, 1, 8, 8),))

    with pytest.raises(Shortage, match=r"fast\.py:net: memory ran out .*Does its code keep tensors") as found:
        run()
    assert "--input-shape" in found.value.remedy
    assert model.forward._guest.process.poll() is not None


@pytest.mark.parametrize(
    ("forward", "said"),
    [
        (
            "x.expand(1 << 20, *x.shape[1:]).repeat(64, 64, 64, 64)",
            "net.py:8: a forward pass with input (1, 1, 8, 8) needs more memory than there is (at once: 4194304 GB)",
        ),
        ("[][0]", "net.py:8: a forward pass with input (1, 1, 8, 8) raises IndexError"),
    ],
)
def test_a_forward_pass_that_memory_does_not_hold_says_so(tmp_path, forward, said):
    (tmp_path / "net.py").write_text(
        f"from torch import nn\n\nclass Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        f"        self.conv = nn.Conv2d(1, 4, 3)\n    def forward(self, x):\n        {forward}\n"
        "        return self.conv(x)\n"
    )
    with pytest.raises(Problem) as raised:
        load_model(ModelSpec(f"{tmp_path / 'net.py'}:Net", input_shape=((1, 1, 8, 8),)), allow_code=True)
    assert said in str(raised.value)
    assert "alloc_cpu" not in str(raised.value)


def test_a_callable_that_memory_does_not_hold_says_so(tmp_path):
    (tmp_path / "net.py").write_text("import torch\ndef net():\n    return torch.nn.Linear(1 << 25, 1 << 25)\n")
    with pytest.raises(
        Problem, match=r"net.py:net: calling it needs more memory than there is \(at once: 4194304 GB\)"
    ):
        load_model(ModelSpec(f"{tmp_path / 'net.py'}:net", input_shape=((1, 8),)), allow_code=True)
