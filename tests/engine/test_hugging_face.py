"""Folders that transformers wrote open offline; none of their own code runs."""

from __future__ import annotations

import json

import pytest
import torch

from qinspect.engine.load import load_model
from qinspect.engine.problem import Problem
from qinspect.engine.source import ModelSpec

transformers = pytest.importorskip("transformers", reason="the package transformers is optional")


@pytest.fixture(scope="module")
def bert(tmp_path_factory, one_thread):
    torch.manual_seed(0)
    config = transformers.BertConfig(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32, vocab_size=50,
        max_position_embeddings=24,
    )  # fmt: skip
    model = transformers.BertForSequenceClassification(config).eval()
    folder = tmp_path_factory.mktemp("bert")
    model.save_pretrained(folder)
    return folder, model


def copy(folder, to):
    to.mkdir()
    for item in folder.iterdir():
        (to / item.name).write_bytes(item.read_bytes())
    return to


def change(folder, **settings):
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **settings}))


def test_a_folder_opens_with_its_weights_and_answers_as_the_library_does(bert):
    folder, model = bert
    opened = load_model(ModelSpec(str(folder)))
    assert [(spec.name, spec.shape) for spec in opened.graph.inputs] == [
        ("input_ids", (None, 24)),
        ("attention_mask", (None, 24)),
    ]
    tokens = torch.randint(0, 50, (3, 24))
    mask = torch.ones_like(tokens)
    with torch.no_grad():
        torch.testing.assert_close(opened.forward(tokens, mask), model(tokens, mask).logits)
    assert sum(layer.op == "linear" for layer in opened.graph.layers) == 8
    assert any("BertForSequenceClassification" in note for note in opened.notes)


def test_code_of_the_folders_own_is_refused_and_does_not_run(bert, tmp_path):
    folder = copy(bert[0], tmp_path / "evil")
    (folder / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    change(folder, auto_map={"AutoModel": "evil.Net"})
    with pytest.raises(Problem, match="Python code of its own"):
        load_model(ModelSpec(str(folder)))
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("name", ["os", "system", "Nowhere", "", "PreTrainedModel.x", "BertConfig"])
def test_an_architecture_that_is_no_model_is_refused(bert, tmp_path, name):
    folder = copy(bert[0], tmp_path / "b")
    change(folder, architectures=[name])
    with pytest.raises(Problem, match="architecture"):
        load_model(ModelSpec(str(folder)))


def test_weights_outside_the_folder_are_refused(bert, tmp_path):
    folder = copy(bert[0], tmp_path / "b")
    (folder / "model.safetensors").unlink()
    index = {"metadata": {}, "weight_map": {"a": "../bert/model.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(Problem, match="no file of this folder"):
        load_model(ModelSpec(str(folder)))


def test_pickled_and_missing_weights_are_refused(bert, tmp_path):
    folder = copy(bert[0], tmp_path / "b")
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(Problem, match=r"no model\.safetensors"):
        load_model(ModelSpec(str(folder)))
    from safetensors.torch import load_file, save_file

    state = load_file(folder / "pytorch_model.bin")
    save_file({k: v for k, v in state.items() if "query" not in k}, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(Problem, match=r"no weights for .*query"):
        load_model(ModelSpec(str(folder)))


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b'{"architectures": 3}', b"\xff\xfe"])
def test_a_damaged_configuration_is_named(bert, tmp_path, content):
    folder = copy(bert[0], tmp_path / "b")
    (folder / "config.json").write_bytes(content)
    with pytest.raises(Problem, match=r"config\.json"):
        load_model(ModelSpec(str(folder)))
