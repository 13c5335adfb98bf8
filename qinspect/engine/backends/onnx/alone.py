"""Runs ONNX models in a process of their own, with onnxruntime and numpy alone.

``python alone.py FOLDER``: the folder holds ``work.json``, ``{"runs": [{"model", "inputs", "outputs",
"optimized", "optimize"}], "threads": n}`` with file names in the folder (or whole paths), and inputs as npz files whose
arrays are called ``batch/name``. Outputs are written in the same way, the graphs that really ran as ONNX where they are
asked for (with all weights), and versions to ``found.json``.
"""

import io
import json
import platform
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime


def run(folder: Path, work: dict[str, Any], threads: int) -> None:
    """Run one model on all batches and write its outputs and its optimized graph."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    if work["optimized"]:
        options.optimized_model_filepath = str(folder / work["optimized"])
    if not work["optimize"]:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(folder / work["model"], options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    found: dict[str, Any] = {}
    with np.load(folder / work["inputs"], allow_pickle=False) as stored:
        batches: dict[str, list[str]] = {}
        for key in stored.files:
            batches.setdefault(key.partition("/")[0], []).append(key)
        for batch, keys in batches.items():
            feed = {key.partition("/")[2]: stored[key] for key in keys}
            for name, array in zip(names, session.run(names, feed), strict=True):
                found[f"{batch}/{name}"] = array
    write_arrays(folder / work["outputs"], found)


def write_arrays(path: Path, arrays: dict[str, Any]) -> None:
    """Write an npz file: its names may hold any character, which keyword arguments may not."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as file:
        for name, array in arrays.items():
            buffer = io.BytesIO()
            np.lib.format.write_array(buffer, np.asanyarray(array), allow_pickle=False)
            file.writestr(f"{name}.npy", buffer.getvalue())


def main(folder: Path) -> int:
    work = json.loads((folder / "work.json").read_text(encoding="utf-8"))
    for item in work["runs"]:
        run(folder, item, work["threads"])
    found = {
        "versions": {
            "python": platform.python_version(),
            "onnxruntime": onnxruntime.__version__,
            "numpy": np.__version__,
        },
        "others": sorted({"torch", "onnx", "qinspect"} & set(sys.modules)),
    }
    (folder / "found.json").write_text(json.dumps(found), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
