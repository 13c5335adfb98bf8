"""What was exported is a model again: it is analyzed and compared by what it computes."""

from __future__ import annotations

import json

import pytest
import torch

from qinspect.cli import main
from qinspect.engine.errors import kl_divergence, sqnr_db


@pytest.fixture
def exported(digits_model, tmp_path, capsys):
    def run(kind, name):
        model = [digits_model.source, "--weights", str(digits_model.weights)]
        data = ["--data", str(digits_model.data), "--samples", "120"]
        first = ["analyze", *model, *data, "--no-latency", "--out", str(tmp_path / "first")]
        assert main(first) == 0
        plan = ["--plan", str(tmp_path / "first" / "plan.json")]
        assert main(["export", *model, *data, *plan, "--to", kind, "--out", str(tmp_path / name)]) == 0
        capsys.readouterr()
        return tmp_path / name, model, data

    return run


def test_our_own_onnx_file_is_analyzed_in_its_kernels_without_a_word_from_torch(exported, tmp_path, capsys):
    path, _, data = exported("onnx", "q.onnx")
    assert main(["analyze", str(path), *data, "--no-latency", "--out", str(tmp_path / "again")]) == 0
    assert capsys.readouterr().err == ""
    found = json.loads((tmp_path / "again" / "analysis.json").read_text())["totals"]
    assert found["kernel_agreement"] is not None
    assert found["kl"] == pytest.approx(found["kernel_kl"], abs=1e-3)


def test_a_quantized_pt2_is_compared_as_the_program_that_it_holds(exported, tmp_path):
    path, model, data = exported("pt2e", "q.pt2")
    assert main(["compare", model[0], str(path), *model[1:], *data, "--out", str(tmp_path / "c")]) == 0
    found = json.loads((tmp_path / "c" / "compare.json").read_text())["totals"]

    from qinspect.engine.data import open_data
    from qinspect.engine.data_spec import DataSpec
    from qinspect.engine.load import ModelSpec, load_model, quiet
    from qinspect.engine.load.archive import read_pt2

    opened = open_data(DataSpec(data[1], samples=120), (None, 1, 8, 8))
    (x,) = opened.load(opened.splits.final)
    plain = load_model(ModelSpec(model[0], model[2], ((1, 1, 8, 8),)), allow_code=True)
    with torch.no_grad(), quiet():
        f, q = plain.forward(x), read_pt2(path).module(check_guards=False)(x)
    assert found["kl"] == pytest.approx(float(kl_divergence(f, q).mean()), rel=1e-3)
    noise = float(((q - f) ** 2).sum())
    assert found["sqnr_db"] == pytest.approx(sqnr_db(float((f**2).sum()), noise), abs=0.01)


def test_the_folder_of_an_exported_file_is_inspected_and_compared_as_the_file(exported, tmp_path, capsys):
    folder, model, data = exported("onnx", "folder")
    assert main(["inspect", str(folder)]) == 0
    assert "is not known" not in capsys.readouterr().out
    assert main(["compare", model[0], str(folder), *model[1:], *data, "--out", str(tmp_path / "c")]) == 0
    assert json.loads((tmp_path / "c" / "compare.json").read_text())["runtime"] == "onnxruntime"


def test_our_own_onnx_file_is_exported_for_tensorrt_with_grids_that_suit_it(exported, tmp_path, capsys):
    path, _, data = exported("onnx", "q.onnx")
    plan = ["--plan", str(tmp_path / "first" / "plan.json"), "--target", "tensorrt"]
    out = tmp_path / "trt.onnx"
    assert main(["export", str(path), *data, *plan, "--to", "tensorrt", "--out", str(out)]) == 0, capsys.readouterr()
    import onnx

    zeros = [t for t in onnx.load(out).graph.initializer if t.name.endswith("zero_point")]
    assert {t.data_type for t in zeros} == {onnx.TensorProto.INT8}
