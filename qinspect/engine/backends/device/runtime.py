"""Measures float.onnx and int8.onnx in onnxruntime; needs onnxruntime and numpy alone."""

import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from .common import KINDS, WARM_UPS, finish, host, settle_batch, words

BORDERS = "borders.onnx"


def session(here: Path, kind: str, threads: int, provider: str, profile: str = "") -> Any:
    """One of the models, ready to run."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    if profile:
        options.enable_profiling = True
        options.profile_file_prefix = profile
    return onnxruntime.InferenceSession(str(here / f"{kind}.onnx"), options, providers=[provider])


Feeds = dict[str, dict[str, Any]]
"""The inputs of each model, by name: the quantized one may take integers."""


def given_to(one: Any, samples: dict[str, Any]) -> dict[str, Any]:
    """Real numbers as a model takes them: rounded where it takes whole ones, which its metadata says."""
    grids = json.loads(one.get_modelmeta().custom_metadata_map.get("qinspect.io", "{}"))
    found = {}
    for name, array in samples.items():
        grid = grids.get(name)
        if grid is not None:
            ends = np.iinfo(grid["dtype"])
            whole = np.rint(array / np.float32(grid["scale"])) + grid["zero_point"]
            array = np.clip(whole, ends.min, ends.max).astype(grid["dtype"])
        found[name] = array
    return found


def whole(here: Path, feeds: Feeds, threads: int, provider: str, runs: int) -> dict[str, list[float]]:
    """ms of every run, float and int8 by turns."""
    sessions = {kind: session(here, kind, threads, provider) for kind in KINDS}
    found: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for index in range(WARM_UPS + runs):
        for kind, one in sessions.items():
            start = time.perf_counter()
            one.run(None, feeds[kind])
            if index >= WARM_UPS:
                found[kind].append((time.perf_counter() - start) * 1e3)
    return found


def operators(here: Path, feeds: Feeds, threads: int, provider: str, runs: int) -> dict[str, dict[str, float]]:
    """Median µs of every operator by its name, from runs with the profiler."""
    found: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        sessions = {kind: session(here, kind, threads, provider, str(Path(folder) / kind)) for kind in KINDS}
        for _ in range(WARM_UPS + runs):
            for kind, one in sessions.items():
                one.run(None, feeds[kind])
        for kind, one in sessions.items():
            times: dict[str, list[float]] = {}
            for event in json.loads(Path(one.end_profiling()).read_text(encoding="utf-8")):
                if event.get("cat") == "Node" and event["name"].endswith("_kernel_time"):
                    times.setdefault(event["name"][: -len("_kernel_time")], []).append(float(event["dur"]))
            found[kind] = {name: float(np.median(all_of[-runs:])) for name, all_of in times.items()}
    return found


def borders(here: Path, threads: int, provider: str, runs: int) -> dict[str, list[tuple[int, float]]]:
    """Median µs of quantizing and of dequantizing, at several numbers of values."""
    with tempfile.TemporaryDirectory() as folder:
        one = session(here, "borders", threads, provider, str(Path(folder) / "borders"))
        types = {"tensor(float)": np.float32, "tensor(uint8)": np.uint8}
        feed = {item.name: np.ones(item.shape, types[item.type]) for item in one.get_inputs()}
        for _ in range(WARM_UPS + runs):
            one.run(None, feed)
        times: dict[str, list[float]] = {}
        for event in json.loads(Path(one.end_profiling()).read_text(encoding="utf-8")):
            if event.get("cat") == "Node" and event["name"].endswith("_kernel_time"):
                times.setdefault(event["name"][: -len("_kernel_time")], []).append(float(event["dur"]))
    found: dict[str, list[tuple[int, float]]] = {}
    for name, all_of in times.items():
        kind, _, count = name.partition("_")
        found.setdefault(kind, []).append((int(count), float(np.median(all_of[-runs:]))))
    return {kind: sorted(rows) for kind, rows in found.items()}


def main(here: Path) -> int:
    """Measure the kit in a folder."""
    command = words(here)
    command.add_argument("--provider", default="CPUExecutionProvider", choices=onnxruntime.get_available_providers())
    given = command.parse_args()
    with np.load(here / "inputs.npz", allow_pickle=False) as stored:
        samples = {name: stored[name] for name in stored.files}
    with np.load(here / "expected.npz", allow_pickle=False) as stored:
        expected = {name: stored[name] for name in stored.files}
    one = session(here, "int8", given.threads, given.provider)
    settle_batch(given, one.get_inputs()[0].shape[0])
    feed = {name: np.resize(array, (given.batch, *array.shape[1:])) for name, array in samples.items()}
    feeds = {"float": feed, "int8": given_to(one, feed)}
    names = [output.name for output in one.get_outputs()]
    outputs = dict(zip(names, one.run(names, given_to(one, samples)), strict=True))
    equal = sum(int((outputs[name] == expected[name]).sum()) for name in names)
    how = (given.threads, given.provider, given.runs)
    ms, us = whole(here, feeds, *how), operators(here, feeds, *how)
    about = {"host": host(numpy=np.__version__, onnxruntime=onnxruntime.__version__), "provider": given.provider}
    if (here / BORDERS).exists():
        about["borders_us"] = borders(here, *how)
    share = equal / sum(expected[name].size for name in names)
    return finish(here, given, about, share, ms, us, f"onnxruntime {onnxruntime.__version__}, {given.provider}")
