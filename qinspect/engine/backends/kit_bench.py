"""Measures float.onnx and int8.onnx on this device, end to end and per layer; needs onnxruntime and numpy alone.

    python bench.py [--runs 50] [--threads 1] [--batch 1] [--provider CPUExecutionProvider]

Writes bench.json beside this file. Bring it back to where the models were exported:

    qinspect analyze MODEL --data DATA --plan plan.json --profile bench.json --out DIR
    qinspect search MODEL --data DATA --plan plan.json --profile bench.json --out DIR
"""

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

HERE = Path(__file__).resolve().parent
WARM_UPS = 10
KINDS = ("float", "int8")
BORDERS = "borders.onnx"


def session(kind: str, threads: int, provider: str, profile: str = "") -> Any:
    """One of the models, ready to run."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    if profile:
        options.enable_profiling = True
        options.profile_file_prefix = profile
    return onnxruntime.InferenceSession(str(HERE / f"{kind}.onnx"), options, providers=[provider])


Feeds = dict[str, dict[str, Any]]
"""The inputs of each model, by name: the quantized one may take whole numbers."""


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


def whole(feeds: Feeds, threads: int, provider: str, runs: int) -> dict[str, list[float]]:
    """ms of every run, float and int8 by turns."""
    sessions = {kind: session(kind, threads, provider) for kind in KINDS}
    found: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for index in range(WARM_UPS + runs):
        for kind, one in sessions.items():
            start = time.perf_counter()
            one.run(None, feeds[kind])
            if index >= WARM_UPS:
                found[kind].append((time.perf_counter() - start) * 1e3)
    return found


def operators(feeds: Feeds, threads: int, provider: str, runs: int) -> dict[str, dict[str, float]]:
    """Median µs of every operator by its name, from runs with the profiler."""
    found: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        sessions = {kind: session(kind, threads, provider, str(Path(folder) / kind)) for kind in KINDS}
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


def borders(threads: int, provider: str, runs: int) -> dict[str, list[tuple[int, float]]]:
    """Median µs of quantizing and of dequantizing, at several numbers of values."""
    with tempfile.TemporaryDirectory() as folder:
        one = session("borders", threads, provider, str(Path(folder) / "borders"))
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


def host() -> dict[str, Any]:
    """What this device is."""
    cpu = platform.processor()
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith(("model name", "Model")):
                cpu = line.partition(":")[2].strip()
                break
    except OSError:
        pass
    return {
        "cpu": cpu or platform.machine(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "numpy": np.__version__,
        "onnxruntime": onnxruntime.__version__,
    }


def main() -> int:
    words = argparse.ArgumentParser(description="Measures float.onnx and int8.onnx on this device.")
    words.add_argument("--runs", type=int, default=50)
    words.add_argument("--threads", type=int, default=1)
    words.add_argument("--batch", type=int, default=1)
    words.add_argument("--provider", default="CPUExecutionProvider", choices=onnxruntime.get_available_providers())
    words.add_argument("--out", type=Path, default=HERE / "bench.json")
    given = words.parse_args()
    with np.load(HERE / "inputs.npz", allow_pickle=False) as stored:
        samples = {name: stored[name] for name in stored.files}
    with np.load(HERE / "expected.npz", allow_pickle=False) as stored:
        expected = {name: stored[name] for name in stored.files}
    fixed = session("int8", given.threads, given.provider).get_inputs()[0].shape[0]
    if isinstance(fixed, int) and given.batch != fixed:
        print(f"the model's batch is {fixed}; --batch has no effect")
        given.batch = fixed
    feed = {name: np.resize(array, (given.batch, *array.shape[1:])) for name, array in samples.items()}
    one = session("int8", given.threads, given.provider)
    feeds = {"float": feed, "int8": given_to(one, feed)}
    names = [output.name for output in one.get_outputs()]
    outputs = dict(zip(names, one.run(names, given_to(one, samples)), strict=True))
    equal = sum(int((outputs[name] == expected[name]).sum()) for name in names)
    share = equal / sum(expected[name].size for name in names)
    ms = whole(feeds, given.threads, given.provider, given.runs)
    us = operators(feeds, given.threads, given.provider, given.runs)
    found: dict[str, Any] = {
        "bench": 1,
        "host": host(),
        "provider": given.provider,
        "runs": given.runs,
        "threads": given.threads,
        "batch": given.batch,
        "equal_share": share,
        "plan": json.loads((HERE / "plan.json").read_text(encoding="utf-8")),
    }
    if (HERE / BORDERS).exists():
        found["borders_us"] = borders(given.threads, given.provider, given.runs)
    for kind in KINDS:
        found[kind] = {
            "median_ms": float(np.median(ms[kind])),
            "p90_ms": float(np.percentile(ms[kind], 90)),
            "ms": ms[kind],
            "operators_us": us[kind],
        }
    given.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    float_ms, int8_ms = (found[kind]["median_ms"] for kind in KINDS)
    print(f"{found['host']['cpu']}, onnxruntime {onnxruntime.__version__}, {given.provider}")
    print(f"float {float_ms:.3f} ms, int8 {int8_ms:.3f} ms, medians of {given.runs}: ratio {float_ms / int8_ms:.2f}")
    print(f"{share:.1%} of the output values are those of the computer that exported it")
    print(f"wrote {given.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
