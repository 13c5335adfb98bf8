"""A file is what its content says; what holds no model is refused with what to do instead."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from qinspect.engine.load import load_model
from qinspect.engine.load.sniff import CLOSED, kind_of, model_in
from qinspect.engine.problem import Problem
from qinspect.engine.source import ModelSpec


@pytest.fixture
def files(tmp_path):
    net = nn.Sequential(nn.Linear(4, 3))
    paths = {name: tmp_path / f"{name}.model" for name in CLOSED}
    torch.jit.save(torch.jit.trace(net, torch.rand(1, 4)), paths["torchscript"])
    torch.save(net.state_dict(), paths["checkpoint"])
    paths["pickle"].write_bytes(pickle.dumps({"a": 1}))
    paths["tflite"].write_bytes(b"\x1c\x00\x00\x00TFL3" + bytes(40))
    paths["hdf5"].write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(40))
    paths["python"] = tmp_path / "net.py"
    paths["python"].write_text("def build(width): ...\n")
    with paths["arrays"].open("wb") as file:
        np.savez(file, x=np.zeros(3))
    paths["folder"].mkdir()
    paths["unknown"].write_bytes(b"\x00\x01hello")
    paths["text"] = tmp_path / "model.onnx"
    paths["text"].write_text("hello, this is no model, ë\n" * 40)
    paths["pointer"].write_text("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n")
    return paths


@pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")
@pytest.mark.parametrize("kind", sorted(CLOSED))
def test_what_holds_no_model_is_refused_by_what_it_is(files, kind):
    assert kind_of(files[kind]) == kind
    with pytest.raises(Problem) as found:
        load_model(ModelSpec(str(files[kind])))
    assert found.value.what == CLOSED[kind][0]
    assert found.value.remedy == CLOSED[kind][1]


def test_of_python_code_without_a_callable_those_that_could_be_it_are_named_and_nothing_runs(tmp_path):
    path = tmp_path / "net.py"
    path.write_text(
        "raise SystemExit\ndef unet(): ...\ndef scaled(width): ...\ndef wide(width=2, *, deep=1): ...\n"
        "def _own(): ...\n"
        "class Net(nn.Module):\n    def __init__(self, width=3): ...\n"
        "class Block(nn.Module):\n    def __init__(self, width): ...\nclass Data: ...\n"
    )
    with pytest.raises(Problem) as found:
        load_model(ModelSpec(str(path)))
    remedy = "Name the callable that returns the model, such as net.py:unet, net.py:wide, net.py:Net."
    assert found.value.remedy == remedy


def test_weights_alone_are_told_from_a_model_in_either_format(tmp_path):
    save_file({"w": torch.rand(3)}, tmp_path / "w.safetensors")
    assert kind_of(tmp_path / "w.safetensors") == "checkpoint"


def test_a_program_under_another_name_is_still_opened(tmp_path):
    program = torch.export.export(nn.Sequential(nn.Linear(4, 3)), (torch.rand(2, 4),))
    torch.export.save(program, tmp_path / "net.pt2")
    (tmp_path / "net.pt2").rename(tmp_path / "net.bin")
    assert [layer.op for layer in load_model(ModelSpec(str(tmp_path / "net.bin"))).graph.layers] == ["linear"]


def test_a_folder_with_one_model_file_is_that_model_and_with_several_says_so(tmp_path):
    folder = tmp_path / "exported"
    folder.mkdir()
    (folder / "plan.json").write_text("{}")
    with torch.no_grad():
        torch.export.save(torch.export.export(nn.Linear(4, 3), (torch.rand(1, 4),)), folder / "net.pt2")
    assert model_in(folder) == folder / "net.pt2"
    assert len(load_model(ModelSpec(str(folder))).graph.layers) == 1
    (folder / "other.onnx").write_bytes(b"")
    with pytest.raises(Problem, match=r"net\.pt2, other\.onnx"):
        load_model(ModelSpec(str(folder)))


def test_a_checkpoint_of_an_old_torch_is_weights_and_no_pickle(tmp_path):
    path = tmp_path / "old.pt"
    torch.save(nn.Linear(4, 3).state_dict(), path, _use_new_zipfile_serialization=False)
    assert kind_of(path) == "pickle"
    with pytest.raises(Problem) as found:
        load_model(ModelSpec(str(path)))
    assert found.value.what == CLOSED["checkpoint"][0]
