"""Sound files as this program writes them, and what reads each."""

from __future__ import annotations

import contextlib
import functools
import json
import math
import shutil
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from tests.given_files import make_arrays, make_pt2, net


def make_plan(path: Path) -> None:
    from qinspect.engine.files import write_json
    from qinspect.engine.plan import QuantPlan, Remedy
    from qinspect.engine.plan.qconfig import TensorConfig
    from qinspect.engine.plan.target import Target

    plan = QuantPlan.preset(Target(threads=2)).with_layer("a:conv2d", weight=None, activation=TensorConfig("int8"))
    plan = plan.with_fusion("b:relu", False).with_remedy(Remedy("equalize", ("a", "b")))
    write_json(path, plan.to_json())


def read_plan_file(path: Path) -> Any:
    from qinspect.engine.plan.file import read_plan

    return read_plan(path)


def make_statistics(path: Path) -> None:
    import torch

    from qinspect.engine.calibrate import Calibration, tensor_stats

    tensors = {name: tensor_stats(torch.randn(4, 3, 8, 8)) for name in ("input", "a:conv2d")}
    Calibration(tensors, 4, "key", 1.0, 0.5).save(path)


def read_statistics(path: Path) -> Any:
    from qinspect.engine.calibrate import load_calibration

    return load_calibration(path)


def make_session(path: Path) -> None:
    from qinspect.engine.data_spec import DataSpec
    from qinspect.engine.plan import QuantPlan
    from qinspect.engine.plan.target import Target
    from qinspect.engine.results import (
        Analysis,
        CalibrationQuality,
        Errors,
        Finding,
        FusionRow,
        LayerRow,
        OutputRow,
        Totals,
    )
    from qinspect.engine.results.kernels import Boundary, KernelCheck, Latency, LatencySums
    from qinspect.engine.results.samples import Drift, SampleRow, WorstSample
    from qinspect.session import Run, Session, save_session

    plan = QuantPlan.preset(Target())
    row = LayerRow(
        "a:conv2d", "a", "conv2d", ("b:relu",), None, True, True, None, "n.py:3", (1, 8), 9, 5,
        {"dtype": "int8"}, {"dtype": "uint8", "scale": 0.5}, Errors(1.0), Latency(2.0, 1.0, 0.1),
        KernelCheck(2, 0.9, 1.0, True, {0: 9}),
    )  # fmt: skip
    analysis = Analysis(
        {"name": "net", "source": "n.pt2", "digest": "m", "weights": "w", "macs": 9, "parameters": 5,
         "versions": {"torch": "2.13.0"}},
        {"samples": 4, "source": "p", "calibrate": 2, "select": 1, "final": 1, "metric": "top-1", "preparation": "",
         "metric_unit": "share", "judged_by": "top-1", "judged_output": 0},
        {**plan.target.to_json(), "isa": "avx2"}, plan.to_json(), Totals(kl=0.1), (row,),
        (FusionRow("f", ("a", "b"), "conv+bn", "fused", None, 1e-6),),
        (Finding("rule", "title", "evidence", ("a",), "warning", None, "Do.", plan.to_json()),), ("a note",),
        (SampleRow(3, "a.png", 1, 0.1, 0.2, 1, 2),), (OutputRow(0, (10,), 1.0, 0.1, 10.0),),
        LatencySums(None, 50, 3.0, 2.0, 0, 1, (Boundary("input", "a:conv2d", 0.5),)),
        CalibrationQuality((2, 4), (0.5, 1.0), (0.2, 1.0), ("a:conv2d",), 2, False),
        (WorstSample(3, {"a:conv2d": 10.0}, "a:conv2d", 3.0),),
        Drift(("h",), (1,), 2, (9.0, None), (8.0, 7.0), (9.0, 9.0)),
    )  # fmt: skip
    run = Run("first", "m", "d", True, plan, analysis)
    model = {"source": "n.pt2", "weights": None, "input_shape": [[1, 3, 8, 8]], "free": [[2]]}
    save_session(Session(model, DataSpec("p", mean=(0.5,), std=(0.2,)).to_json(), plan, "d", (run,), b"npz"), path)


def read_session(path: Path) -> Any:
    from qinspect.engine.problem import Problem
    from qinspect.engine.report import report_html
    from qinspect.session import load_session, missing, session_title

    session_title(path)
    found = load_session(path)
    missing(found)
    for run in found.runs:
        assert run.key
        with contextlib.suppress(Problem):  # which names the report, and the file is open
            report_html(run.analysis)
    return found


def make_sweep(path: Path) -> None:
    from qinspect.engine.files import write_json
    from qinspect.engine.sensitivity.sweep import OutputFigures, Sweep

    row = OutputFigures(0.1, 10.0, 0.5, 0.9, 2.0, None, 1.0, None)
    write_json(path, Sweep({"a:conv2d": row, "b:linear": row}, {"a:conv2d": row}, 8, "key").to_json())


def read_sweep_file(path: Path) -> Any:
    from qinspect.engine.sensitivity.sweep import read_sweep

    found = read_sweep(path)
    return [math.isnan(row.mse or 0) for kind in (found.isolated, found.leave_one_out) for row in kind.values()]


# -- what devices measured -------------------------------------------------------------------------

OPERATORS = {"0:conv2d": 30.0, "3:flatten": 2.0, "4:linear": 9.0}


def make_bench(path: Path) -> None:
    from qinspect.engine.plan import QuantPlan

    times = {"median_ms": 3.0, "p90_ms": 3.5, "ms": [3.0, 3.5], "operators_us": OPERATORS}
    found = {
        "bench": 1, "host": {"cpu": "Cortex-A76", "cores": 4}, "provider": "CPU", "runs": 20, "threads": 2, "batch": 1,
        "equal_share": 0.99, "plan": QuantPlan().to_json(), "borders_us": {"quantize": [[192, 2.0], [1920, 9.0]]},
        "float": times, "int8": times,
    }  # fmt: skip
    path.write_text(json.dumps(found))


def make_ort_profile(path: Path) -> None:
    events = [{"cat": "Session", "name": "model_run", "dur": 50, "ts": 3, "args": {}}]
    events += [
        {"cat": "Node", "name": f"{name}_kernel_time", "dur": us + run, "ts": 5, "args": {"op_name": "QLinearConv"}}
        for run in (0, 1)
        for name, us in OPERATORS.items()
    ]
    path.write_text(json.dumps(events))


def make_trtexec(path: Path) -> None:
    rows = [
        {"name": name, "timeMs": us, "averageMs": us / 1e3, "medianMs": us / 1e3, "percentage": 9}
        for name, us in (*OPERATORS.items(), ("__myl_Fc", 4.0))
    ]
    path.write_text(json.dumps([{"count": 321}, *rows]))


def make_layer_info(path: Path) -> None:
    layers = [
        {"Name": "__myl_Fc", "LayerType": "kgen", "Metadata": "[ONNX Layer: 0:conv2d]\x1f[ONNX Layer: 4:linear]"},
        "0:conv2d + 2:relu",
    ]
    path.write_text(json.dumps({"Layers": layers, "Bindings": ["x", "output"]}))


@functools.cache
def fused_net() -> Any:
    import torch

    from qinspect.engine.fuse import fuse
    from qinspect.engine.graph.normalize import normalize
    from qinspect.engine.load import quiet
    from qinspect.engine.load.trace import trace
    from qinspect.engine.plan import QuantPlan
    from qinspect.engine.source import ModelSpec

    with quiet():
        traced = trace(net(), (torch.rand(2, 3, 8, 8),), ModelSpec("net"), [])
        return fuse(normalize(traced.program), QuantPlan()).graph


def _profile(path: Path, layer_info: Path | None = None) -> Any:
    from qinspect.engine.profiles import read_profile

    found = read_profile(path, fused_net(), layer_info)
    times = [*found.fp32_us.values(), *found.int8_us.values(), found.unknown_us, found.fp32_ms or 0, found.int8_ms or 0]
    times += [us for rows in found.borders.values() for _, us in rows]
    if not all(0 <= time < math.inf for time in times):
        raise ValueError(f"no times: {times}")
    return found


def read_profile_file(path: Path) -> Any:
    return _profile(path)


def read_layer_info(path: Path) -> Any:
    """Layer information with a sound profile, which lies where no reader looks."""
    beside = path.parent.parent / "profile.json"
    if not beside.exists():
        make_trtexec(beside)
    return _profile(beside, path)


# -- exported folders ------------------------------------------------------------------------------


@functools.cache
def _exported(to: str) -> dict[str, bytes]:
    """The files of a folder for torch.ao, really exported."""
    import torch

    from qinspect.engine.data import open_data
    from qinspect.engine.data_spec import DataSpec
    from qinspect.engine.export import export
    from qinspect.engine.job import calibrate_model, first_plan
    from qinspect.engine.load import load_model
    from qinspect.engine.plan.target import FX_ENGINES, Target
    from qinspect.engine.source import ModelSpec

    engine = next(name for name in ("onednn", *FX_ENGINES) if name in torch.backends.quantized.supported_engines)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_pt2(folder / "net.pt2")
        make_arrays(folder / "x.npy")
        model = load_model(ModelSpec(str(folder / "net.pt2")))
        data = open_data(DataSpec(str(folder / "x.npy")), model.graph.inputs[0].shape)
        plan = first_plan(model.graph, Target.parse(f"{to}-{engine}"))
        export(model, plan, calibrate_model(model, data, plan), data, to, folder / "out")
        return {file.name: file.read_bytes() for file in (folder / "out").iterdir() if file.is_file()}


def _open(source: Path) -> Any:
    from qinspect.engine.inspect import inspect
    from qinspect.engine.load import load_model
    from qinspect.engine.source import ModelSpec

    model = load_model(ModelSpec(str(source)))
    return inspect(model, None if model.existing is None else model.existing.plan)


def make_member(name: str) -> Any:
    def make(path: Path) -> None:
        path.write_bytes(_exported("fx")[name])

    return make


def read_member(name: str) -> Any:
    """A sound folder, beside where the file lies, with the file as this member."""

    def read(path: Path) -> Any:
        folder = path.parent.parent / f"{path.parent.name}-{path.name}"
        if not folder.exists():
            folder.mkdir()
            for member, content in _exported("fx").items():
                (folder / member).write_bytes(content)
            (folder / name).unlink()
            (folder / name).symlink_to(path.absolute())
        return _open(folder)

    return read


def make_folder(path: Path) -> None:
    """The whole folder as an archive, so that members can go, come and change their names."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in _exported("eager").items():
            archive.writestr(name, content)


def read_folder(path: Path) -> Any:
    folder = path.parent.parent / "unpacked"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            (folder / Path(info.filename).name[:99]).write_bytes(archive.read(info))
    return _open(folder)


# -- what torch itself writes ----------------------------------------------------------------------


def make_state_dict(path: Path) -> None:
    """Of a net that torch.ao converted."""
    import warnings

    import torch
    from torch import nn

    class Stubbed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.quant, self.net = torch.ao.quantization.QuantStub(), net()

        def forward(self, x: Any) -> Any:
            return self.net(self.quant(x))

    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        model = Stubbed().eval()
        model.qconfig = torch.ao.quantization.get_default_qconfig(torch.backends.quantized.engine)
        prepared = torch.ao.quantization.prepare(model)
        prepared(torch.rand(4, 3, 8, 8))
        torch.save(torch.ao.quantization.convert(prepared).state_dict(), path)


def make_torchscript(path: Path) -> None:
    import warnings

    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.trace(net(), torch.rand(2, 3, 8, 8)), path)


def read_whole(path: Path) -> Any:
    return _open(path)
