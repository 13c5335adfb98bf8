"""Large weights stay in their file, mapped, and are the same numbers."""

from __future__ import annotations

import json
import sys
import zipfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from qinspect.engine.graph import memory
from qinspect.engine.load import ModelSpec, archive, load_model, quiet
from qinspect.engine.problem import Problem

NET = """
import torch
from torch import nn
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.one, self.two = nn.Linear(64, 32), nn.Linear(32, 64)
        self.register_buffer("scale", torch.rand(32))
        self.tied = nn.Linear(32, 64)
        self.tied.weight = self.two.weight
    def forward(self, x):
        y = torch.relu(self.one(x)) * self.scale
        return self.two(y) + self.tied(y)
def model():
    return Net(), torch.rand(1, 64)
"""


@pytest.fixture
def net(tmp_path):
    (tmp_path / "net.py").write_text(NET)
    from qinspect.engine.load.callable import resolve

    return resolve(f"{tmp_path / 'net.py'}:model")()


@pytest.fixture
def mapping(monkeypatch):
    monkeypatch.setattr(memory, "MAPPED_BYTES", 0)
    monkeypatch.setattr(archive, "_WORTH_MAPPING", 0)


def exported(path, net):
    batch = torch.export.Dim("batch")
    module, x = net
    with quiet():
        shapes = ({0: batch},)
        torch.export.save(torch.export.export(module.eval(), (torch.cat([x, x]),), dynamic_shapes=shapes), path)
    return path


def is_mapped(path):
    return str(path) in Path("/proc/self/maps").read_text()


linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks /proc what is mapped")


@linux
def test_a_large_pt2_file_is_mapped_and_is_the_same_model(tmp_path, net, monkeypatch, request):
    path = exported(tmp_path / "net.pt2", net)
    small = load_model(ModelSpec(str(path)))
    assert not is_mapped(path)
    request.getfixturevalue("mapping")
    large = load_model(ModelSpec(str(path)))
    assert is_mapped(path)
    assert large.digest == small.digest
    x = torch.rand(3, 64)
    assert torch.equal(large.forward(x), small.forward(x))


@linux
@pytest.mark.parametrize("suffix", ["safetensors", "pt"])
def test_a_large_checkpoint_is_mapped_and_gives_the_same_model(tmp_path, net, suffix, request):
    module, _ = net
    path = tmp_path / f"weights.{suffix}"
    state = {key: value.detach().clone() + 1 for key, value in module.state_dict().items()}
    save_file(state, path) if suffix == "safetensors" else torch.save(state, path)
    spec = ModelSpec(f"{tmp_path / 'net.py'}:model", str(path))
    small = load_model(spec, allow_code=True)
    request.getfixturevalue("mapping")
    large = load_model(spec, allow_code=True)
    assert is_mapped(path)
    x = torch.rand(3, 64)
    assert torch.equal(large.forward(x), small.forward(x))


def test_a_layout_that_leaves_its_entry_is_refused(tmp_path, net, mapping):
    path, spoilt = exported(tmp_path / "net.pt2", net), tmp_path / "spoilt.pt2"
    for change in ({"storage_offset": {"as_int": 10**6}}, {"strides": [{"as_int": 10**9}] * 2}):
        with zipfile.ZipFile(path) as old, zipfile.ZipFile(spoilt, "w") as new:
            for info in old.infolist():
                data = old.read(info)
                if info.filename.endswith("weights_config.json"):
                    config = json.loads(data)
                    config["config"]["one.weight"]["tensor_meta"] |= change
                    data = json.dumps(config).encode()
                new.writestr(info.filename, data)
        with pytest.raises(Problem, match=r"spoilt\.pt2"):
            load_model(ModelSpec(str(spoilt)))


def test_a_checkpoint_is_told_by_its_content(tmp_path):
    from qinspect.engine.load.callable import read_state

    save_file({"a": torch.ones(3)}, tmp_path / "weights.pt")
    assert read_state(tmp_path / "weights.pt").keys() == {"a"}
