"""Names of timm's models; a package that stands in for timm has what is asked of it."""

from __future__ import annotations

import json
import sys
from types import ModuleType

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from qinspect.cli import options as words
from qinspect.engine.load import ModelSpec, load_model
from qinspect.engine.load.hugging_face import preparation_of
from qinspect.engine.problem import Problem
from qinspect.engine.progress import silent


def tiny():
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 5))
    net.pretrained_cfg = {
        "input_size": (3, 32, 32), "crop_pct": 0.875, "mean": (0.5, 0.4, 0.3), "std": (0.1, 0.2, 0.3),
        "interpolation": "bicubic",
    }  # fmt: skip
    return net


@pytest.fixture
def timm(monkeypatch):
    made = ModuleType("timm")
    made.__version__ = "1.0"
    made.list_models = lambda: ["tinynet_a", "resnet18"]
    made.is_model = lambda name: name in made.list_models()

    def create_model(name, pretrained):
        assert not pretrained  # nothing is fetched
        return tiny()

    made.create_model = create_model
    monkeypatch.setitem(sys.modules, "timm", made)
    return made


def test_a_name_is_a_model_with_given_weights_and_its_own_preparation(timm, tmp_path):
    net = tiny()
    save_file(net.state_dict(), tmp_path / "w.safetensors")
    model = load_model(ModelSpec("timm:tinynet_a", str(tmp_path / "w.safetensors")))
    x = torch.rand(3, 3, 32, 32)
    assert torch.equal(model.forward(x), net(x))
    assert model.name == "tinynet_a"
    assert model.graph.inputs[0].shape == (None, 3, 32, 32)
    assert model.preparation == {
        "mean": (0.5, 0.4, 0.3), "std": (0.1, 0.2, 0.3), "resize": 36, "interpolation": "bicubic",
    }  # fmt: skip


def test_weights_that_are_not_given_are_said_to_be_random(timm):
    assert any("weights are random" in note for note in load_model(ModelSpec("timm:tinynet_a")).notes)


def test_an_unknown_name_is_refused_with_those_that_are_near(timm):
    with pytest.raises(Problem, match="Did you mean tinynet_a"):
        load_model(ModelSpec("timm:tinynet_b"))


def test_a_package_that_is_missing_or_cannot_be_imported_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(Problem, match="timm"):
        load_model(ModelSpec("timm:resnet18"))


def test_the_model_s_own_preparation_is_the_data_s_default_and_words_win(timm, tmp_path):
    import argparse

    from PIL import Image

    Image.new("RGB", (40, 40)).save(tmp_path / "a.png")
    model = load_model(ModelSpec("timm:tinynet_a"))
    parser = argparse.ArgumentParser()
    words.data_options(parser, required=True)
    data = words.open_data_set(parser.parse_args(["--data", str(tmp_path)]), model, silent)
    assert (data.spec.resize, data.spec.interpolation, data.spec.mean) == (36, "bicubic", (0.5, 0.4, 0.3))
    given = ["--data", str(tmp_path), "--normalize", "none", "--resize", "33", "--interpolation", "nearest"]
    data = words.open_data_set(parser.parse_args(given), model, silent)
    assert (data.spec.resize, data.spec.interpolation, data.spec.mean) == (33, "nearest", None)


def test_a_hugging_face_folder_names_its_preparation(tmp_path):
    said = {"image_mean": [0.5] * 3, "image_std": [0.25] * 3, "size": {"shortest_edge": 256}, "resample": 3}
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(said))
    assert preparation_of(tmp_path) == {
        "mean": (0.5,) * 3, "std": (0.25,) * 3, "resize": 256, "interpolation": "bicubic",
    }  # fmt: skip
    said |= {"size": {"shortest_edge": 224}, "crop_pct": 0.875, "resample": 5}  # ConvNeXt; Pillow's HAMMING
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(said))
    assert preparation_of(tmp_path) == {"mean": (0.5,) * 3, "std": (0.25,) * 3, "resize": 256}
    (tmp_path / "preprocessor_config.json").write_text('{"sampling_rate": 16000, "do_normalize": true}')
    assert preparation_of(tmp_path) == {"rate": 16000}
    for broken in ("[]", "{", '{"resample": 99}', '{"image_mean": "x", "image_std": 3}',
                   '{"size": 224, "crop_pct": 0}'):  # fmt: skip
        (tmp_path / "preprocessor_config.json").write_text(broken)
        assert preparation_of(tmp_path) == {}
    (tmp_path / "tokenizer.json").write_text("{}")
    assert preparation_of(tmp_path) == {"tokenizer": str(tmp_path / "tokenizer.json")}
