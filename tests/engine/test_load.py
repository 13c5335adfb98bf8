"""Models are opened from where the user says, and what does not fit is named."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from qinspect.engine.inspect import notes_of
from qinspect.engine.load import ModelSpec, is_callable, load_model
from qinspect.engine.plan import QuantPlan
from qinspect.engine.problem import Problem
from qinspect.engine.source import parse_shape

CODE = """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 2, 1)
        self.drop = nn.Dropout(0.5)

    def forward(self, x):
        return self.drop(self.conv(x))


def net():
    return Net()


def with_example():
    return Net(), (torch.rand(1, 3, 4, 4),)


def with_tensor():
    return Net(), torch.rand(1, 3, 4, 4)


def flat():
    return nn.Linear(4, 2)


class Token(nn.Module):
    def __init__(self):
        super().__init__()
        self.token, self.out = nn.Parameter(torch.zeros(1, 4)), nn.Linear(8, 2)

    def forward(self, x):
        return self.out(torch.cat([self.token.expand(len(x), -1), x.view(len(x), -1)], 1))


class Fixed(nn.Module):
    def __init__(self, how):
        super().__init__()
        self.out, self.how = nn.Linear(4, 2), how

    def forward(self, x):
        if self.how == "number":
            x = x.reshape(int(x.shape[0]), -1)  # number
        elif self.how == "loop":
            x = torch.stack([x[i] for i in range(x.shape[0])])  # loop
        elif self.how == "view":
            x = x.view(2, -1)  # view
        elif x.shape[0] == 2:  # question
            x = x + 1
        return self.out(x.flatten(1))


def wave():
    return nn.Sequential(nn.Conv1d(2, 4, 3), nn.ReLU())


class Words(nn.Module):
    def __init__(self, scaled):
        super().__init__()
        self.words, self.out, self.scaled = nn.Embedding(9, 4), nn.Linear(4, 2), scaled

    def forward(self, ids, mask, temperature=1.0):
        y = self.out(self.words(ids)).mean(1)
        return y * nn.functional.linear(mask, torch.ones(2, 5)) if self.scaled else y * mask.sum(1, keepdim=True)


def words():
    return Words(False)


def scaled_words():
    return Words(True)


def lacks_input():
    class Nothing(nn.Module):
        def forward(self):
            return torch.ones(1)

    return Nothing(), ()


def raises():
    raise ValueError("no licence")


def needs_arguments(size):
    return nn.Linear(size, 2)


def gives_text():
    return "model"


def half():
    return Net().half(), (torch.rand(1, 3, 4, 4),)


number = 3
instance = Net()
"""


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "net.py"
    path.write_text(CODE)
    return lambda name: f"{path}:{name}"


def load(source, weights=None, shape=((2, 3, 4, 4),)):
    return load_model(ModelSpec(source, weights and str(weights), shape), allow_code=True)


@pytest.mark.parametrize("name", ["Net", "net", "instance", "half"])
def test_a_class_a_function_or_an_instance_gives_the_model_in_eval_mode_and_float32(source, name):
    model = load(source(name))
    assert [layer.op for layer in model.graph.layers] == ["conv2d"]
    assert model.graph.layers[0].dtype == "float32"
    assert not model.forward.training
    assert model.dynamic_batch
    assert model.name == f"net.{name}"


def test_the_length_of_a_tensor_does_not_fix_the_batch(source):
    model = load(source("Token"), shape=((1, 2, 2),))
    assert model.dynamic_batch
    assert model.forward(torch.rand(5, 2, 2)).shape == (5, 2)
    assert len.__module__ == "builtins"


@pytest.mark.parametrize("how", ["number", "loop", "view", "question"])
def test_the_line_that_fixes_the_batch_is_named(tmp_path, how):
    path = tmp_path / "net.py"
    path.write_text(CODE + f"\n\ndef fixed():\n    return Fixed({how!r})\n")
    model = load_model(ModelSpec(f"{path}:fixed", None, ((2, 2, 2),)), allow_code=True)
    assert not model.dynamic_batch
    code = next(line.strip() for line in CODE.splitlines() if line.endswith(f"# {how}"))
    number = next(i for i, line in enumerate(CODE.splitlines(), 1) if line.endswith(f"# {how}"))
    assert f"{path}:{number} fixes the batch size: `{code}`" in model.notes


@pytest.mark.parametrize("name", ["with_example", "with_tensor"])
def test_the_callables_example_gives_the_shape(source, name):
    assert load(source(name), shape=None).graph.inputs[0].shape == (None, 3, 4, 4)


def test_the_shape_on_the_command_line_wins_over_the_example(source):
    assert load(source("with_example"), shape=((1, 3, 6, 6),)).graph.inputs[0].shape == (None, 3, 6, 6)


def test_an_image_model_without_a_shape_gets_the_usual_one_and_says_so(source):
    model = load(source("net"), shape=None)
    assert model.graph.inputs[0].shape == (None, 3, 224, 224)
    assert any("was assumed" in note for note in model.notes)


def test_a_module_of_a_package_is_found_by_its_name():
    model = load("torch.nn:ReLU", shape=((2, 3),))
    assert [layer.op for layer in model.graph.layers] == ["relu"]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("wave", "such as 1,2,16000, or"),
        ("flat", "such as 1,4, or"),
        ("words", "one for each of ids, mask, such as '1,128;1,128', or"),
    ],
)
def test_what_is_said_of_a_shape_that_is_not_known_suits_the_model(source, name, says):
    with pytest.raises(Problem) as caught:
        load(source(name), shape=None)
    assert says in caught.value.remedy


def test_fewer_shapes_than_inputs_are_answered_with_their_names(source):
    with pytest.raises(Problem, match="one for each of ids, mask"):
        load(source("words"), shape=((1, 5),))


@pytest.mark.parametrize(("name", "types"), [("words", ["int64", "int64"]), ("scaled_words", ["int64", "float32"])])
def test_inputs_that_are_looked_up_are_whole_numbers_where_a_shape_alone_is_given(source, name, types):
    model = load(source(name), shape=((1, 5), (1, 5)))
    assert [given.dtype for given in model.graph.inputs] == types
    (note,) = [note for note in model.notes if "integers" in note]
    assert ("ids, mask" in note) == (types[1] == "int64")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("missing", "there is no 'missing'"),
        ("raises", "raises ValueError: no licence. Call it in Python first"),
        ("needs_arguments", "It must work without arguments."),
        ("gives_text", "returned str"),
        ("number", "is not callable"),
        ("flat", "--input-shape"),
        ("lacks_input", "takes no tensor"),
    ],
)
def test_a_callable_that_gives_no_model_is_named_with_what_is_wrong(source, name, says):
    with pytest.raises(Problem) as caught:
        load(source(name), shape=None)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_callable_that_raises_is_named_by_the_line_that_does(source, tmp_path):
    with pytest.raises(Problem) as caught:
        load(source("raises"), shape=None)
    line = CODE.splitlines().index('    raise ValueError("no licence")') + 1
    assert caught.value.where == f"{tmp_path / 'net.py'}:{line}"
    assert caught.value.what.startswith(f"calling {source('raises')} raises")


def test_a_wrong_input_shape_names_the_line_and_the_shape(source, tmp_path):
    with pytest.raises(Problem) as caught:
        load(source("net"), shape=((2, 5, 4, 4),))
    assert caught.value.where == f"{tmp_path / 'net.py'}:13"
    assert "(2, 5, 4, 4)" in caught.value.what
    assert "--input-shape" in caught.value.remedy


@pytest.mark.parametrize(
    ("where", "says"),
    [
        ("missing.py:net", "no such file"),
        ("no_such_package.module:net", "ModuleNotFoundError"),
        ("missing.pt2", "no such file"),
        ("missing.onnx", "no such file"),
        ("weights.safetensors", "no such file"),
    ],
)
def test_a_source_that_is_not_there_is_named(tmp_path, monkeypatch, where, says):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Problem, match=says) as caught:
        load(where)
    assert caught.value.where == where.partition(":")[0]


@pytest.mark.parametrize(
    ("where", "remedy"),
    [
        ("needy.py:net", "Install it beside qinspect"),
        ("needy.inner:net", "Install it beside qinspect"),
        ("needy.nothing:net", "Is the package installed here?"),
    ],
)
def test_of_code_that_wants_what_is_not_installed_that_is_said(tmp_path, monkeypatch, where, remedy):
    (tmp_path / "needy").mkdir()
    (tmp_path / "needy/__init__.py").write_text("")
    for file in ("needy.py", "needy/inner.py"):
        (tmp_path / file).write_text("import a_library_that_is_not_there\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(Problem, match="ModuleNotFoundError") as caught:
        load(where)
    assert caught.value.remedy.startswith(remedy)


def test_a_module_beside_which_one_stands_is_to_be_named_by_its_path(tmp_path, monkeypatch):
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner/alone.py").write_text("")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Problem, match="ModuleNotFoundError") as caught:
        load("inner.alone:net")
    assert caught.value.remedy == "A file is named by its path: inner/alone.py:net."


def test_a_file_with_a_syntax_error_is_named_and_leaves_no_module_behind(tmp_path):
    import sys

    (tmp_path / "bad.py").write_text("def net(:\n")
    before = set(sys.modules)
    with pytest.raises(Problem, match="SyntaxError"):
        load(f"{tmp_path / 'bad.py'}:net")
    assert not [name for name in set(sys.modules) - before if name.startswith("qinspect_source")]


# -- weights -------------------------------------------------------------------------------------


def state():
    torch.manual_seed(7)
    return {f"conv.{key}": value for key, value in nn.Conv2d(3, 2, 1).state_dict().items()}


def save(path, tensors):
    save_file(tensors, path) if path.suffix == ".safetensors" else torch.save(tensors, path)
    return path


@pytest.mark.parametrize(
    "wrap",
    [
        lambda s: s,
        lambda s: {"state_dict": s, "epoch": 3},
        lambda s: {"module." + k: v for k, v in s.items()},
        lambda s: {"module._orig_mod." + k: v for k, v in s.items()},
    ],
)
@pytest.mark.parametrize("suffix", [".pt", ".pth"])
def test_checkpoints_are_found_under_their_usual_names(source, tmp_path, suffix, wrap):
    model = load(source("net"), save(tmp_path / f"w{suffix}", wrap(state())))
    assert torch.equal(model.graph.params["conv.weight"], state()["conv.weight"])


def test_safetensors_are_loaded(source, tmp_path):
    model = load(source("net"), save(tmp_path / "w.safetensors", state()))
    assert torch.equal(model.graph.params["conv.bias"], state()["conv.bias"])


@pytest.mark.parametrize("suffixes", [(".pt", ".safetensors"), (".safetensors", ".pt")])
def test_weights_are_what_their_content_says_whatever_their_name_ends_in(source, tmp_path, suffixes):
    written, called = suffixes
    path = save(tmp_path / f"w{written}", state()).rename(tmp_path / f"w{called}")
    assert torch.equal(load(source("net"), path).graph.params["conv.bias"], state()["conv.bias"])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda s: {k: v for k, v in s.items() if "bias" not in k}, "has no conv.bias"),
        (lambda s: {**s, "head.weight": torch.zeros(1)}, "head.weight"),
        (lambda s: {**s, "conv.weight": torch.zeros(2, 3, 3, 3)}, r"\(2, 3, 3, 3\)"),
        (lambda s: {**s, "conv.weight": s["conv.weight"] * float("nan")}, "conv.weight holds 6 NaN"),
    ],
)
def test_weights_that_do_not_fit_are_named(source, tmp_path, change, says):
    with pytest.raises(Problem, match=says) as caught:
        load(source("net"), save(tmp_path / "w.safetensors", change(state())))
    assert caught.value.where == str(tmp_path / "w.safetensors")


TIED = """
import torch


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.table, self.head = torch.nn.Embedding(9, 4), torch.nn.Linear(4, 9, bias=False)
        self.head.weight = self.table.weight

    def forward(self, x):
        return self.head(self.table(x).mean(1))


def model():
    return Net(), torch.zeros(2, 3, dtype=torch.int64)
"""


@pytest.mark.parametrize("large", [False, True])
def test_of_weights_that_are_one_a_file_may_hold_one_alone(tmp_path, monkeypatch, large):
    monkeypatch.setattr("qinspect.engine.graph.memory.MAPPED_BYTES", 1 if large else 1 << 28)
    (tmp_path / "net.py").write_text(TIED)
    table = torch.rand(9, 4)
    save_file({"table.weight": table}, tmp_path / "w.safetensors")  # as safetensors.torch.save_model writes it
    graph = load(f"{tmp_path / 'net.py'}:model", tmp_path / "w.safetensors", None).graph
    (head,) = (layer for layer in graph.layers if layer.op == "linear")
    assert torch.equal(graph.weight(head), table)


def test_missing_weights_are_named(source, tmp_path):
    with pytest.raises(Problem, match="no such file"):
        load(source("net"), tmp_path / "none.safetensors")


@pytest.mark.parametrize("held", [torch.zeros(3), {0: torch.zeros(3)}])
def test_tensors_without_names_are_no_checkpoint(source, tmp_path, held):
    with pytest.raises(Problem, match="not a state_dict"):
        load(source("net"), save(tmp_path / "w.pt", held))


# -- identity ------------------------------------------------------------------------------------


def test_the_digest_depends_on_weights_and_graph_and_on_nothing_else(source, tmp_path):
    one = load(source("net"), save(tmp_path / "a.pt", state()))
    again = load(source("with_example"), save(tmp_path / "b.safetensors", state()))
    other = load(source("net"), save(tmp_path / "c.pt", {k: v + 1 for k, v in state().items()}))
    assert one.digest == again.digest
    assert one.digest != other.digest


def test_a_file_gives_its_model_the_name_whatever_folder_it_lies_in(source, tmp_path):
    folder = tmp_path / "a:b, c"  # such as C: of Windows
    folder.mkdir()
    torch.export.save(torch.export.export(torch.nn.Linear(2, 2), (torch.zeros(1, 2),)), folder / "my net.pt2")
    assert load(str(folder / "my net.pt2")).name == "my net"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("net.py:make", True),
        ("a.b:make", True),
        ("/x/net.py:make", True),
        ("model.pt2", False),
        ("C:/x/model.pt2", False),
        ("a/b:c", False),
        ("net.py:make()", False),
    ],
)
def test_only_a_name_behind_a_colon_is_code(source, expected):
    assert is_callable(source) is expected


def test_shapes_are_read_and_slips_refused():
    assert parse_shape("1,3,8,8") == ((1, 3, 8, 8),)
    assert parse_shape("1,3;1,4") == ((1, 3), (1, 4))
    assert parse_shape("1,576;2,1,128;") == ((1, 576), (2, 1, 128), ())  # the last is a number
    for text in ("", "1,,3", "a", "1,0", "1,-3", ";"):
        with pytest.raises(Problem, match="is not a shape"):
            parse_shape(text)


def test_random_numbers_that_a_model_draws_are_said_and_those_of_training_are_not(tmp_path):
    (tmp_path / "net.py").write_text(
        "import torch\nfrom torch import nn\n"
        "class Net(nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.fc, self.drop = nn.Linear(4, 4), nn.Dropout(0.5)\n"
        "    def forward(self, x):\n"
        "        x = self.drop(self.fc(x))\n"
        "        return x + torch.randn_like(x) if self.noisy else x\n"
        "def model(noisy=True):\n"
        "    net = Net()\n"
        "    net.noisy = noisy\n"
        "    return net\n"
        "def calm():\n"
        "    return model(False)\n"
    )
    for name, said in (("model", True), ("calm", False)):
        model = load_model(ModelSpec(f"{tmp_path / 'net.py'}:{name}", None, ((1, 4),)), allow_code=True)
        assert any(":randn_like: random numbers" in note for note in notes_of(model, QuantPlan())) == said
