"""The bundled demo is a real model on real photographs."""

import re
from collections import Counter

import pytest
import torch
from safetensors.torch import load_file

from qinspect.engine.data import DataSpec, open_data, parse_normalize
from qinspect.engine.load.callable import resolve
from qinspect.resources import resource


def test_the_float_model_names_what_the_photographs_show(one_thread):
    net = resolve(f"{resource('demo/mobilenet_v2.py')}:model")()
    missing, unexpected = net.load_state_dict(load_file(resource("demo/mobilenet_v2.safetensors")), strict=False)
    assert not unexpected
    assert all(key.endswith("num_batches_tracked") for key in missing)
    mean, std = parse_normalize("imagenet")
    spec = DataSpec(str(resource("demo/photos")), mean=mean, std=std)
    data = open_data(spec, (None, 3, 224, 224))
    classes = resource("demo/classes.txt").read_text().splitlines()
    assert len(classes) == 1000
    shown = {"dogs": "cocker spaniel", "coffee": "espresso", "cameraman": "tripod", "mountains": "alp"}
    for photograph, name in shown.items():
        chosen = [i for i in data.splits.final if data.names[i].startswith(f"final/{photograph}_")]
        with torch.no_grad():
            guesses = net.eval()(data.load(chosen)[0]).argmax(1).tolist()
        assert Counter(classes[guess] for guess in guesses).most_common(1)[0][0] == name


def test_every_photograph_has_its_licence_named():
    named = set(re.findall(r"`photos/(\w+/\w+)_\*\.jpg` \| \S", resource("demo/LICENSES.md").read_text()))
    there = {f"{p.parent.name}/{p.stem.rsplit('_', 1)[0]}" for p in resource("demo/photos").rglob("*.jpg")}
    assert there == named


def test_the_demo_stays_small():
    assert sum(path.stat().st_size for path in resource("demo").rglob("*") if path.is_file()) < 12e6


def test_a_resource_that_is_not_there_is_named():
    with pytest.raises(FileNotFoundError, match="no/such"):
        resource("no/such")
