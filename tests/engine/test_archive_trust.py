"""A hostile or damaged file is refused or read harmlessly: nothing that it holds is ever run."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import warnings
import zipfile

import numpy as np
import pytest
import torch
from torch import nn

from qinspect.engine.graph.execute import Executor
from qinspect.engine.load import ModelSpec, load_model, quiet
from qinspect.engine.problem import Problem


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.bn, self.fc = nn.Conv2d(1, 2, 3, padding=1, bias=False), nn.BatchNorm2d(2), nn.Linear(32, 3)
        self.scale = torch.ones(1)

    def forward(self, x):
        return self.fc(torch.relu(self.bn(self.conv(x))).reshape(x.shape[0], -1)) * self.scale


@pytest.fixture(scope="module")
def entries(tmp_path_factory):
    """The entries of a good file, by their names without the folder."""
    path = tmp_path_factory.mktemp("pt2") / "net.pt2"
    torch.manual_seed(0)
    with quiet():
        shapes = ({0: torch.export.Dim("batch")},)
        torch.export.save(torch.export.export(Net().eval(), (torch.rand(2, 1, 4, 4),), dynamic_shapes=shapes), path)
    with zipfile.ZipFile(path) as archive:
        return {name.partition("/")[2]: archive.read(name) for name in archive.namelist()}


MODEL = "models/model.json"
WEIGHTS = "data/weights/model_weights_config.json"
CONSTANTS = "data/constants/model_constants_config.json"


class Planted:
    """Code to plant, and whether it has run."""

    def __init__(self, path):
        self.path = path
        self.expression = f"open({str(path)!r}, 'w')"

    def pickle(self):
        path = self.path

        class Payload:
            def __reduce__(self):
                return open, (str(path), "w")

        buffer = io.BytesIO()
        torch.save(Payload(), buffer)
        return buffer.getvalue()

    @property
    def ran(self):
        return self.path.exists()


@pytest.fixture
def planted(tmp_path):
    code = Planted(tmp_path / "marker")
    yield code
    assert not code.ran, "code in the file has run"


def write(path, entries, folder="net", compress=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compress) as archive:
        for name, data in entries.items():
            archive.writestr(f"{folder}/{name}" if folder else name, data)
    return path


def edit(entries, name, change):
    data = json.loads(entries[name])
    change(data)
    return {**entries, name: json.dumps(data).encode()}


def swap(entries, pattern, replacement):
    """The model with every match in its JSON text replaced."""
    text, count = re.subn(pattern, lambda _: replacement, entries[MODEL].decode())
    assert count
    return {**entries, MODEL: text.encode()}


def load(path):
    return load_model(ModelSpec(str(path)))


def test_a_good_file_loads_with_a_free_batch_and_computes_the_same(tmp_path, entries):
    model = load(write(tmp_path / "a.pt2", entries))
    assert model.dynamic_batch
    assert [layer.op for layer in model.graph.layers if not layer.transparent] == [
        "conv2d",
        "batch_norm",
        "relu",
        "linear",
        "mul",
    ]
    torch.manual_seed(0)
    net, x = Net().eval(), torch.rand(5, 1, 4, 4)
    assert torch.equal(model.forward(x), net(x))
    assert torch.equal(Executor(model.graph)([x]), net(x))


def test_a_good_file_that_was_packed_again_loads(tmp_path, entries):
    assert load(write(tmp_path / "a.pt2", entries, folder="other", compress=zipfile.ZIP_DEFLATED)).graph.layers


# -- code ----------------------------------------------------------------------------------------


def pickled_inputs(e, code):
    return {**e, "data/sample_inputs/model.pt": code.pickle()}


def pickled_weight(e, code):
    e = {**e, "data/weights/weight_0": code.pickle()}
    return edit(e, WEIGHTS, lambda c: c["config"]["conv.weight"].update(use_pickle=True))


def pickled_constant(e, code):
    e = {**e, "data/constants/tensor_0": code.pickle()}
    return edit(e, CONSTANTS, lambda c: c["config"]["scale"].update(use_pickle=True))


def legacy_weights(e, code):
    return {**e, "data/weights/model.pt": code.pickle()}


def legacy_constants(e, code):
    return {**e, "data/constants/model.pt": code.pickle()}


def second_model(e, code):
    more = {name.replace("model", "mod-el"): data for name, data in e.items() if "model" in name.rpartition("/")[2]}
    more["models/mod-el.json"] = e[MODEL]
    more["data/weights/mod-el.pt"] = code.pickle()
    return {**e, **more}


def custom_object(e, code):
    def change(config):
        entry = dict(next(iter(config["config"].values())), path_name="custom_obj_0", use_pickle=True, tensor_meta=None)
        config["config"]["evil"] = entry

    return {**edit(e, CONSTANTS, change), "data/constants/custom_obj_0": code.pickle()}


def opaque_object(e, code):
    return {**e, "data/constants/opaque_obj_0": code.pickle()}


def shape_expression(e, code):
    return swap(e, r'"expr_str": "[^"]*"', f'"expr_str": {json.dumps(code.expression)}')


def shape_expression_behind_arithmetic(e, code):
    return swap(e, r'"expr_str": "[^"]*"', f'"expr_str": {json.dumps("2*s0 + " + code.expression)}')


def guard_code(e, code):
    return edit(e, MODEL, lambda m: m.update(guards_code=[code.expression]))


def input_name(e, code):
    name = json.dumps(f"x={code.expression}")
    return swap(swap(e, r'"name": "x"', f'"name": {name}'), r'"x": \{', f"{name}: {{")


def operator_name(e, code):
    name = json.dumps(f"relu={code.expression}#")
    return swap(swap(e, r'"name": "relu"', f'"name": {name}'), r'"relu": \{', f"{name}: {{")


def parameter_name(e, code):
    name = json.dumps(f'fc.w"), {code.expression}, getattr(self, "w')
    e = swap(e, r'"parameter_name": "fc\.weight"', f'"parameter_name": {name}')
    return {**e, WEIGHTS: e[WEIGHTS].replace(b'"fc.weight"', name.encode())}


def argument_name(e, code):
    return swap(e, r'"forward_arg_names": \["x"\]', f'"forward_arg_names": [{json.dumps("x=" + code.expression)}]')


def enumeration(e, code):
    module = code.path.parent / "planted_enumeration.py"
    module.write_text(code.expression)
    context = json.dumps(json.dumps({"__enum__": True, "fqn": "planted_enumeration:A", "name": "B"}))

    def change(model):
        for entry in model["graph_module"]["module_call_graph"]:
            if entry.get("signature"):
                entry["signature"]["in_spec"] = entry["signature"]["in_spec"].replace('"null"', context)

    return edit(e, MODEL, change)


def operator(target, *arguments):
    def make(e, code):
        def change(model):
            node = next(n for n in model["graph_module"]["graph"]["nodes"] if "relu" in n["target"])
            node["target"] = target
            if arguments:
                texts = [str(code.path) if a is ... else a for a in arguments]
                node["inputs"] = [
                    {"name": name, "arg": {kind: value}, "kind": 1}
                    for (name, kind), value in zip(
                        (("filename", "as_string"), ("shared", "as_bool"), ("size", "as_int")), texts, strict=False
                    )
                ]

        return edit(e, MODEL, change)

    make.__name__ = target
    return make


ATTACKS = [
    pickled_inputs,
    pickled_weight,
    pickled_constant,
    legacy_weights,
    legacy_constants,
    second_model,
    custom_object,
    opaque_object,
    shape_expression,
    shape_expression_behind_arithmetic,
    guard_code,
    input_name,
    operator_name,
    parameter_name,
    argument_name,
    enumeration,
    operator("torch.ops.aten.from_file.default", ..., True, 4),
    operator("torch.ops.aten.save.default", ...),
    operator("torch.ops.aten.save"),
    operator("torch.ops.higher_order.cond"),
    operator("torch.load"),
    operator("torch.hub.load"),
    operator("_operator.attrgetter"),
    operator("builtins.eval"),
    operator("os.system"),
]
HARMLESS = {pickled_inputs, guard_code}
"""What these plant is not needed: the rest of the file is read."""


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_code_in_a_pt2_file_is_never_run(tmp_path, monkeypatch, entries, planted, attack):
    monkeypatch.syspath_prepend(str(tmp_path))
    path = write(tmp_path / "evil.pt2", attack(dict(entries), planted))
    if attack in HARMLESS:
        model = load(path)
        assert model.forward(torch.rand(3, 1, 4, 4)).shape == (3, 3)
    else:
        with pytest.raises(Problem) as caught:
            load(path)
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)


# -- size and shape ------------------------------------------------------------------------------


def sized(sizes, strides=None):
    def change(config):
        meta = config["config"]["conv.weight"]["tensor_meta"]
        meta["sizes"] = [{"as_int": n} for n in sizes]
        meta["strides"] = [{"as_int": n} for n in strides or [0] * len(sizes)]

    return change


@pytest.mark.parametrize("sizes", [[10**12], [10**6, 10**6], [-1, 3], [2**62, 4]])
def test_a_tensor_of_an_absurd_size_is_refused(tmp_path, entries, sizes):
    with pytest.raises(Problem, match=r"claims the shape|cannot read it"):
        load(write(tmp_path / "a.pt2", edit(entries, WEIGHTS, sized(sizes))))


def test_a_tensor_that_reaches_beyond_its_bytes_is_refused(tmp_path, entries):
    with pytest.raises(Problem):
        load(write(tmp_path / "a.pt2", edit(entries, WEIGHTS, sized([2, 1, 3, 3], [9000, 9, 3, 1]))))


def test_a_weight_entry_with_another_path_is_refused(tmp_path, entries):
    for name in ("../weights/weight_1", "/etc/passwd", "weight_1/../weight_1", "evil"):
        change = lambda config, name=name: config["config"]["conv.weight"].update(path_name=name)  # noqa: E731
        with pytest.raises(Problem):
            load(write(tmp_path / "a.pt2", edit(entries, WEIGHTS, change)))


@pytest.mark.parametrize("name", ["../evil.json", "net/../../evil", "/net/evil"])
def test_a_path_that_leaves_the_folder_is_refused(tmp_path, entries, name):
    path = write(tmp_path / "a.pt2", entries)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(name, b"x")
    with pytest.raises(Problem, match=r"leaves its folder|more than one folder"):
        load(path)


def test_an_entry_that_is_there_twice_is_refused(tmp_path, entries):
    path = write(tmp_path / "a.pt2", entries)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr(f"net/{MODEL}", b"{}")
    with pytest.raises(Problem, match="twice"):
        load(path)


def test_a_file_that_unpacks_to_far_more_than_its_size_is_refused_before_it_is_unpacked(tmp_path, entries):
    path = tmp_path / "bomb.pt2"
    write(path, entries)
    with (
        zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive,
        archive.open("net/data/weights/weight_99", "w") as file,
    ):
        for _ in range(80):
            file.write(bytes(1 << 20))
    assert path.stat().st_size < 1 << 20
    with pytest.raises(Problem, match="far more than its size"):
        load(path)


def test_a_shape_expression_that_takes_forever_is_refused_at_once(tmp_path, entries):
    for text in (
        "9**9**9**9",
        "Pow(9, Pow(9, 99))",
        "1" * 5000 + "!",
        "Symbol('s0', " + "positive=True, " * 300,
        "2**99999",
    ):
        with pytest.raises(Problem, match="not arithmetic"):
            load(write(tmp_path / "a.pt2", swap(entries, r'"expr_str": "[^"]*"', f'"expr_str": {json.dumps(text)}')))


def test_entries_that_are_not_needed_are_not_read(tmp_path, entries, planted):
    more = {"extra/notes.txt": b"hello", "data/thumbnail.png": b"x", "data/weights/weight_7777": planted.pickle()}
    assert load(write(tmp_path / "a.pt2", {**entries, **more})).graph.layers


# -- damage --------------------------------------------------------------------------------------


@pytest.mark.parametrize("share", [0, 5, 30, 60, 90, 99])
def test_a_truncated_pt2_is_a_problem(tmp_path, entries, share):
    path = write(tmp_path / "a.pt2", entries)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * share // 100])
    with pytest.raises(Problem, match=r"a\.pt2"):
        load(path)


def loads_or_is_a_problem(path):
    """Any other exception fails the test."""
    with contextlib.suppress(Problem):
        load(path)


def test_flipped_bits_are_a_problem_or_harmless(tmp_path, entries):
    path = write(tmp_path / "a.pt2", entries)
    data = path.read_bytes()
    generator = np.random.default_rng(1)
    for place in generator.integers(0, len(data), 25):
        changed = bytearray(data)
        changed[place] ^= 1 << int(generator.integers(8))
        path.write_bytes(changed)
        loads_or_is_a_problem(path)


def test_flipped_bits_behind_a_right_checksum_are_a_problem_or_harmless(tmp_path, entries):
    generator = np.random.default_rng(2)
    for name in (MODEL, WEIGHTS):
        for place in generator.integers(0, len(entries[name]), 8):
            changed = bytearray(entries[name])
            changed[place] ^= 1 << int(generator.integers(7))
            loads_or_is_a_problem(write(tmp_path / "a.pt2", {**entries, name: bytes(changed)}))


@pytest.mark.parametrize("missing", [MODEL, WEIGHTS, CONSTANTS, "data/weights/weight_0", "archive_version"])
def test_a_file_without_a_part_is_a_problem(tmp_path, entries, missing):
    rest = {name: data for name, data in entries.items() if name != missing}
    with pytest.raises(Problem):
        load(write(tmp_path / "a.pt2", rest))


@pytest.mark.parametrize("content", [b"", b"\x00hello", b"PK\x03\x04", bytes(1000)])
def test_what_is_no_archive_is_a_problem(tmp_path, content):
    (tmp_path / "a.pt2").write_bytes(content)
    with pytest.raises(Problem, match=r"a\.pt2: is not a whole \.pt2 file"):
        load(tmp_path / "a.pt2")


# -- checkpoints ---------------------------------------------------------------------------------

CODE = "import torch\n\ndef net():\n    return torch.nn.Linear(3, 2), (torch.rand(2, 3),)\n"


@pytest.fixture
def source(tmp_path):
    (tmp_path / "net.py").write_text(CODE)
    return f"{tmp_path / 'net.py'}:net"


@pytest.mark.parametrize("suffix", [".pt", ".pth", ".bin", ".safetensors"])
def test_a_pickle_with_code_as_weights_is_refused_and_not_run(tmp_path, source, planted, suffix):
    path = tmp_path / f"weights{suffix}"
    path.write_bytes(planted.pickle())
    with pytest.raises(Problem, match=f"weights{suffix}"):
        load_model(ModelSpec(source, str(path)), allow_code=True)


def test_a_bare_pickle_as_weights_is_refused_and_not_run(tmp_path, source, planted):
    import pickle

    class Payload:
        def __reduce__(self):
            return os.mkdir, (str(planted.path),)

    path = tmp_path / "weights.pt"
    path.write_bytes(pickle.dumps(Payload()))
    with pytest.raises(Problem, match=r"weights\.pt"):
        load_model(ModelSpec(source, str(path)), allow_code=True)


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
@pytest.mark.parametrize("share", [0, 20, 70, 99])
def test_truncated_weights_are_a_problem(tmp_path, source, suffix, share):
    from safetensors.torch import save_file

    path = tmp_path / f"weights{suffix}"
    state = nn.Linear(3, 2).state_dict()
    save_file(state, path) if suffix == ".safetensors" else torch.save(state, path)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * share // 100])
    with pytest.raises(Problem, match="weights"):
        load_model(ModelSpec(source, str(path)), allow_code=True)


def test_python_code_is_not_run_without_permission(tmp_path, planted):
    (tmp_path / "net.py").write_text(f"{planted.expression}\n{CODE}")
    with pytest.raises(Problem, match="not allowed to run"):
        load_model(ModelSpec(f"{tmp_path / 'net.py'}:net"))
