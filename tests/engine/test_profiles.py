"""What devices measured comes back by layer, whatever the runtime named its operators."""

from __future__ import annotations

import json

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from qinspect.engine.fuse import fuse
from qinspect.engine.plan import QuantPlan
from qinspect.engine.problem import Problem
from qinspect.engine.profiles import by_layer, read_profile, read_trtexec
from qinspect.engine.search.device import device_timings


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem, self.bn = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)
        self.body, self.fc = nn.Conv2d(4, 4, 1), nn.Linear(4, 2)

    def forward(self, x):
        x = F.relu(self.bn(self.stem(x)))
        return self.fc((self.body(x) + x).mean((2, 3)))


@pytest.fixture
def graph(canonical):
    return fuse(canonical(Net(), torch.randn(2, 3, 8, 8)), QuantPlan()).graph


def write(path, data):
    path.write_text(json.dumps(data))
    return path


TRTEXEC = [
    {"count": 321},
    {"name": "x/quantize", "timeMs": 3.2, "averageMs": 0.011, "medianMs": 0.010, "percentage": 4},
    {"name": "stem:conv2d + stem:conv2d/Relu1", "timeMs": 9.0, "averageMs": 0.031, "medianMs": 0.030, "percentage": 10},
    {"name": "Reformatting CopyNode for Input Tensor 0 to body:conv2d + :add", "averageMs": 0.005, "medianMs": 0.005},
    {"name": "body:conv2d + :add", "timeMs": 6.0, "averageMs": 0.02, "medianMs": 0.02, "percentage": 8},
    {"name": "__myl_MeanFc_0", "timeMs": 6.0, "averageMs": 0.04, "medianMs": 0.04, "percentage": 8},
]
LAYERS = {
    "Layers": [
        {"Name": "__myl_MeanFc_0", "LayerType": "kgen", "Metadata": "[ONNX Layer: :mean]\x1f[ONNX Layer: fc:linear]"},
        {"Name": "stem:conv2d + stem:conv2d/Relu1", "LayerType": "CaskConvolution", "Metadata": ""},
    ],
    "Bindings": ["x", "output"],
}


def test_fused_names_are_taken_apart_and_the_time_is_the_weighted_layers(graph):
    found = read_trtexec(TRTEXEC, LAYERS, graph)
    assert found.runs == 321
    assert found.int8_us == pytest.approx({"stem:conv2d": 40.0, "body:conv2d": 25.0, "fc:linear": 40.0})
    assert found.int8_in == {":add": "body:conv2d", ":mean": "fc:linear"}
    assert found.fp32_us == {}
    assert found.unknown_us == 0


def test_without_layer_information_invented_names_belong_to_no_layer(graph):
    found = read_trtexec(TRTEXEC, None, graph)
    assert "fc:linear" not in found.int8_us
    assert found.unknown_us == pytest.approx(40.0)


def test_averages_serve_where_an_older_trtexec_has_no_medians(graph):
    old = [{key: value for key, value in item.items() if key != "medianMs"} for item in TRTEXEC]
    assert read_trtexec(old, None, graph).int8_us["body:conv2d"] == pytest.approx(25.0)


def test_a_layer_whose_name_begins_anothers_is_not_taken_for_it(graph):
    assert by_layer(graph, [("stem:conv2d#2", 1.0), ("body:conv2d/weight/dequantize", 2.0)]).us == {"body:conv2d": 2.0}


def test_the_kinds_of_files_are_told_apart_by_content(graph, tmp_path):
    trt = read_profile(write(tmp_path / "a.json", TRTEXEC), graph, write(tmp_path / "i.json", LAYERS))
    assert trt.device == "TensorRT"
    events = [
        {"cat": "Session", "name": "model_run", "dur": 50},
        *(
            {"cat": "Node", "name": f"{name}_kernel_time", "dur": us + run}
            for run in (0, 1, 2)
            for name, us in (("stem:conv2d_nchwc", 10), ("body:conv2d", 20), ("fc:linear", 4), ("ReorderOutput_7", 2))
        ),
    ]
    ort = read_profile(write(tmp_path / "b.json", events), graph)
    assert ort.runs == 3
    assert ort.int8_us == {"stem:conv2d": 11.0, "body:conv2d": 21.0, "fc:linear": 5.0}
    assert ort.int8_in == {":add": "body:conv2d", ":mean": "body:conv2d"}
    assert ort.unknown_us == 3.0


def test_what_ends_the_model_and_curves_with_names_of_the_runtimes_own_are_of_their_layers(canonical, tmp_path):
    net = nn.Sequential(nn.Linear(4, 8), nn.GELU(), nn.Linear(8, 8), nn.GELU(), nn.Linear(8, 2))
    graph = fuse(canonical(net, torch.randn(2, 4)), QuantPlan()).graph
    times = {"0:linear_quant": 9, "Gelu": 4, "2:linear": 9, "Gelu_token_0": 5, "4:linear": 7, "output/dequantize": 2}
    events = [{"cat": "Node", "name": f"{name}_kernel_time", "dur": us} for name, us in times.items()]
    found = read_profile(write(tmp_path / "a.json", events), graph)
    assert found.int8_us == {"0:linear": 9, "1:gelu": 4, "2:linear": 9, "3:gelu": 5, "4:linear": 9}
    assert found.unknown_us == 0
    # Of one alone it is not known which of the two it is.
    found = read_profile(write(tmp_path / "b.json", [e for e in events if "token" not in e["name"]]), graph)
    assert "1:gelu" not in found.int8_us
    assert found.unknown_us == 4


BENCH = {
    "bench": 1,
    "host": {"cpu": "Cortex-A76"},
    "runs": 20,
    "threads": 2,
    "batch": 1,
    "float": {"median_ms": 3.0, "p90_ms": 3.5, "ms": [3.0], "operators_us": {"stem:conv2d": 30.0, "body:conv2d": 9.0}},
    "int8": {"median_ms": 1.0, "p90_ms": 1.2, "ms": [1.0], "operators_us": {"stem:conv2d": 12.0, ":add": 3.0}},
}


def test_the_kits_figures_have_both_models_and_the_device(graph, tmp_path):
    found = read_profile(write(tmp_path / "bench.json", BENCH), graph)
    assert (found.device, found.threads, found.batch, found.runs) == ("Cortex-A76", 2, 1, 20)
    assert (found.fp32_ms, found.int8_ms, found.fp32_p90_ms, found.int8_p90_ms) == (3.0, 1.0, 3.5, 1.2)
    assert found.fp32_us == {"stem:conv2d": 30.0, "body:conv2d": 9.0}
    assert found.int8_us == {"stem:conv2d": 12.0, ":add": 3.0}


def test_layers_that_inductor_computes_inside_others_are_those_that_the_kit_says(graph, tmp_path):
    """Behind a kernel's name stand all layers that it recomputes: the last of them is what it is for."""
    none = {"stem:conv2d": ":add", "body:conv2d": ":add", "gone:add": ":add"}
    data = {**BENCH, "inside": {"float": {}, "int8": none}}
    found = read_profile(write(tmp_path / "bench.json", data), graph)
    assert found.int8_us == {"stem:conv2d": 12.0, ":add": 3.0}
    assert (found.int8_in, found.fp32_in) == ({"body:conv2d": ":add"}, {})


def test_a_kit_whose_profiler_saw_no_layer_still_says_how_long_the_models_took(graph, tmp_path):
    none = {kind: {**BENCH[kind], "operators_us": {}} for kind in ("float", "int8")}
    found = read_profile(write(tmp_path / "bench.json", {**BENCH, **none}), graph)
    assert (found.fp32_ms, found.int8_ms, dict(found.int8_us)) == (3.0, 1.0, {})
    with pytest.raises(Problem, match="of whole models only, none of layers"):
        device_timings(graph, QuantPlan(), found)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"layers": []}, "is no profile that is known"),
        ([{"count": 3}, {"name": "other", "averageMs": 1}], "none of its operators has a name of this model's layers"),
        ({"bench": 1}, "is no profile that is known"),
        ({**BENCH, "int8": {**BENCH["int8"], "operators_us": {"other": 1.0}}}, "none of its operators has a name"),
        ([{"name": "stem:conv2d", "averageMs": None}], "is no profile that is known"),
        ([{"name": "stem:conv2d", "averageMs": -1.0}], "-1000.0 is no time"),
        ({**BENCH, "float": {**BENCH["float"], "p90_ms": float("nan")}}, "nan is no time"),
    ],
)
def test_other_files_are_refused_with_what_to_give(graph, tmp_path, data, said):
    path = write(tmp_path / "x.json", data)
    with pytest.raises(Problem, match=said):
        read_profile(path, graph)
    (tmp_path / "y.json").write_text("{")
    with pytest.raises(Problem, match="is not JSON"):
        read_profile(tmp_path / "y.json", graph)
    with pytest.raises(Problem, match="no such file"):
        read_profile(tmp_path / "z.json", graph)
