"""A plan is a value: edits make new ones, a file gives the same one back, slips are refused."""

from __future__ import annotations

import json
import re
import textwrap
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qinspect.engine.graph import Layer, LayerGraph
from qinspect.engine.plan import REMEDIES, Override, QuantPlan, check_override
from qinspect.engine.plan.file import plan_from_json, read_plan
from qinspect.engine.plan.qconfig import (
    ALIASES,
    DTYPES,
    ESTIMATORS,
    FLOATS,
    GRANULARITIES,
    PRESETS,
    QConfig,
    TensorConfig,
)
from qinspect.engine.plan.target import TARGETS, Target, host_isa
from qinspect.engine.problem import Problem
from qinspect.resources import resource

QUICK = settings(max_examples=60, deadline=None)


@st.composite
def configs(draw):
    dtype = draw(st.sampled_from([*DTYPES, *FLOATS, *ALIASES]))
    width = TensorConfig(dtype).width
    a, b = sorted(draw(st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)).filter(lambda ends: ends[0] != ends[1])))
    granularity = draw(st.sampled_from(GRANULARITIES))
    return TensorConfig(
        dtype,
        draw(st.integers(2, width)) if dtype in DTYPES else 0,
        draw(st.booleans()),
        draw(st.booleans()),
        granularity,
        draw(st.sampled_from(ESTIMATORS)),
        draw(st.floats(50.5, 100)),
        (a, b),
        granularity == "per_token" or draw(st.booleans()),
        draw(st.integers(2, 256)),
        draw(st.floats(1e-4, 1)),
    )


@QUICK
@given(config=configs())
def test_a_configuration_comes_back_from_json_meaning_the_same(config):
    again = TensorConfig.from_json(json.loads(json.dumps(config.to_json())))
    assert again.to_json() == config.to_json()
    assert str(again) == str(config)
    assert again.but(**config.to_json()) == again


@pytest.mark.parametrize(
    ("text", "config"),
    [
        ('{"dtype": "float16"}', TensorConfig("fp16")),
        ('{"dtype": "bf16"}', TensorConfig("bfloat16", estimator="mse", symmetric=True)),
        ('{"dtype": "int4", "symmetric": true, "granularity": "per_group", "group_size": 64}',
         TensorConfig("int4", 4, True, granularity="per_group", group_size=64)),
        ('{"dtype": "uint8", "dynamic": true, "estimator": "mse"}', TensorConfig(dynamic=True)),
        ('{"dtype": "uint8", "bits": 8, "symmetric": false, "granularity": "per_tensor", "estimator": "mse"}',
         TensorConfig(estimator="mse")),
    ],
)  # fmt: skip
def test_configurations_are_written_as_people_write_them(text, config):
    assert TensorConfig.from_json(json.loads(text)) == config


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"granularity": "per_token"}, "run time"),
        ({"granularity": "per_group", "group_size": 1}, "group_size"),
        ({"estimator": "moving_average", "momentum": 0.0}, "momentum"),
        ({"dtype": "fp16", "bits": 8}, "bits in fp16"),
        ({"dtype": "int4", "bits": 8}, "bits in int4"),
        ({"dtype": "fp12"}, "unknown dtype"),
        ({"dynamic": 1}, "dynamic"),
        ({"group_size": True}, "group_size"),
    ],
)
def test_a_configuration_that_makes_no_sense_is_refused(fields, says):
    with pytest.raises(Problem, match=says):
        TensorConfig.from_json({"dtype": "uint8", **fields})


def test_a_change_brings_along_what_depends_on_it():
    config = TensorConfig("uint8", bits=7)
    assert config.but(dtype="int4").bits == 4
    assert config.but(dtype="uint8").bits == 7
    assert config.but(granularity="per_token").dynamic
    assert config.but(granularity="per_token").but(dynamic=False).granularity == "per_tensor"


choice = st.none() | configs()
edit = st.just("inherit") | choice
overrides = st.builds(Override, st.sampled_from(["id", "path", "op"]), st.text(min_size=1, max_size=8), edit, edit)
plans = st.builds(
    QuantPlan,
    st.builds(Target.parse, st.sampled_from(TARGETS), threads=st.integers(1, 64), batch=st.integers(1, 64)),
    st.builds(QConfig, choice, choice),
    st.lists(overrides, max_size=3).map(tuple),
    st.lists(st.tuples(st.text(max_size=8), st.booleans()), max_size=3).map(tuple),
)


@QUICK
@given(plan=plans)
def test_a_plan_comes_back_from_json_saying_the_same(plan):
    again = plan_from_json(json.loads(json.dumps(plan.to_json(), allow_nan=False)))
    assert again.to_json() == plan.to_json()
    assert again.fingerprint == plan.fingerprint
    assert again.fusions == plan.fusions
    assert [o.kind for o in again.overrides] == [o.kind for o in plan.overrides]


@QUICK
@given(one=plans, two=plans)
def test_fingerprints_are_equal_exactly_where_plans_say_the_same(one, two):
    assert (one.fingerprint == two.fingerprint) == (one.to_json() == two.to_json())


def test_a_fingerprint_does_not_depend_on_the_process_that_makes_it():
    plan = QuantPlan(Target(isa="avx2")).with_layer("a:conv2d", weight=None).with_fusion("b:relu", False)
    assert plan.fingerprint == "b7201e3cc836c24d"


def layer(identity, op="conv2d"):
    return Layer(identity, identity.partition(":")[0], op, f"aten.{op}.default", ())


LAYERS = tuple(
    layer(i, op)
    for i, op in (
        ("a.b:conv2d", "conv2d"),
        ("a.c:linear", "linear"),
        ("ab:conv2d", "conv2d"),
        ("n:layer_norm", "layer_norm"),
    )
)
GRAPH = LayerGraph((), LAYERS, (), {})
FLOAT = QConfig(None, None)
EIGHT = TensorConfig()


def asked(plan):
    """Which layers are quantized by the plan."""
    return [item.id for item in LAYERS if plan.qconfig(item) != FLOAT]


def test_norms_stay_float_unless_an_override_says_otherwise():
    plan = QuantPlan()
    assert asked(plan) == ["a.b:conv2d", "a.c:linear", "ab:conv2d"]
    assert plan.with_layer("n:layer_norm", activation=EIGHT).qconfig(LAYERS[3]) == QConfig(None, EIGHT)


@pytest.mark.parametrize(
    ("kind", "pattern", "hit"),
    [
        ("id", "a.b:conv2d", ["a.b:conv2d"]),
        ("id", "a.*", ["a.b:conv2d", "a.c:linear"]),
        ("id", "*:conv?d", ["a.b:conv2d", "ab:conv2d"]),
        ("id", "a.b", []),
        ("op", "conv2d", ["a.b:conv2d", "ab:conv2d"]),
        ("op", "conv*", ["a.b:conv2d", "ab:conv2d"]),
        ("op", "conv", []),
        ("path", "a", ["a.b:conv2d", "a.c:linear"]),
        ("path", "a*", ["a.b:conv2d", "a.c:linear", "ab:conv2d"]),
        ("path", "a.?", ["a.b:conv2d", "a.c:linear"]),
        ("path", "nowhere", []),
    ],
)
def test_an_override_matches_by_id_operator_or_module_path(kind, pattern, hit):
    override = Override(kind, pattern, None, None)
    plan = QuantPlan().with_override(override)
    assert sorted({"a.b:conv2d", "a.c:linear", "ab:conv2d"} - set(asked(plan))) == hit
    assert plan.unmatched(GRAPH) == (() if hit else (override,))


def test_a_later_override_wins_and_leaves_alone_what_it_does_not_name():
    four = EIGHT.but(bits=4)
    plan = QuantPlan().with_override(Override("op", "conv2d", None, four)).with_layer("ab:conv2d", activation=EIGHT)
    assert plan.qconfig(LAYERS[0]) == QConfig(None, four)
    assert plan.qconfig(LAYERS[2]) == QConfig(None, EIGHT)


def test_editing_a_layer_twice_merges_the_two():
    plan = QuantPlan().with_layer("x", weight=None).with_layer("y", weight=None).with_layer("x", activation=EIGHT)
    assert plan.overrides == (Override("id", "y", None), Override("id", "x", None, EIGHT))


EDITED = tuple(layer(f"{name}:conv2d") for name in ("a", "a.b", "c"))
OVERRIDES = st.builds(
    Override,
    st.just("id"),
    st.sampled_from([one.id for one in EDITED]),
    st.sampled_from(("inherit", None, PRESETS["x86"].weight)),
    st.sampled_from(("inherit", None, PRESETS["x86"].activation)),
) | st.builds(Override, st.just("path"), st.sampled_from(("a", "c*")), st.just(None))


def test_the_order_in_which_fusions_are_switched_off_makes_no_other_plan():
    one = QuantPlan().with_fusion("a:relu", False).with_fusion("b:relu", False)
    two = QuantPlan().with_fusion("b:relu", False).with_fusion("a:relu", False)
    assert one == two
    assert one.fingerprint == two.fingerprint


@QUICK
@given(st.lists(OVERRIDES, max_size=6), st.lists(OVERRIDES, max_size=6))
def test_many_overrides_at_once_are_the_same_as_one_after_the_other(before, after):
    start = QuantPlan()
    for override in before:
        start = start.with_override(override)
    plan = start
    for override in after:
        plan = plan.with_override(override)
    assert start.with_overrides(after) == plan
    for one in EDITED:
        assert plan.matching(one) == [override for override in plan.overrides if override.matches(one)]
    for one in EDITED[:2]:
        plan = plan.without_layers((one.id,))
    assert start.with_overrides(after).without_layers(one.id for one in EDITED[:2]) == plan


def test_taking_an_override_away_gives_the_plan_before_it():
    before = QuantPlan()
    after = before.with_layer("x", weight=None)
    assert after != before
    assert after.without_layers(("x",)) == before
    assert after.without_layers(("y",)) == after
    assert before.overrides == ()


def test_a_fusion_is_on_until_switched_off_and_switching_it_on_again_leaves_no_trace():
    plan = QuantPlan()
    off = plan.with_fusion("a", False)
    assert plan.fusion("a")
    assert not off.fusion("a")
    assert off.with_fusion("a", False) == off
    assert off.with_fusion("a", True) == plan


def test_a_default_that_was_the_targets_preset_follows_the_target():
    plan = QuantPlan.preset(Target())
    fbgemm = Target("fx", "fbgemm")
    assert plan.with_target(fbgemm).default == PRESETS["fbgemm"]
    own = plan.with_default(activation=EIGHT.but(bits=5))
    assert own.with_target(fbgemm).default == own.default


GOOD = QuantPlan(Target(isa="avx2")).with_layer("x", weight=None, activation=EIGHT).with_fusion("y", False).to_json()


def broken(change):
    data = json.loads(json.dumps(GOOD))
    change(data)
    return data


def put(*path, value):
    def change(data):
        for key in path[:-1]:
            data = data[key]
        data[path[-1]] = value

    return change


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (put("version", value=2), "version 1"),
        (put("overides", value=[]), "'overides'"),
        (put("target", "thread", value=2), "'thread'"),
        (put("target", "backend", value="tpu"), "unknown target"),
        (put("target", "threads", value=0), "threads"),
        (put("target", "threads", value=1.5), "threads"),
        (put("target", "threads", value="2"), "threads"),
        (put("default", "weights", value="float"), "'weights'"),
        (put("default", "weight", "dtype", value="int9"), "'int9'"),
        (put("default", "weight", "dtyp", value="int8"), "'dtyp'"),
        (put("default", "weight", "bits", value=9), "9 bits"),
        (put("default", "weight", "bits", value=True), "bits"),
        (put("default", "weight", "symmetric", value="no"), "symmetric"),
        (put("default", "weight", "estimator", value=["mse"]), "unknown estimator"),
        (put("default", "weight", value=None), "None"),
        (put("default", "activation", "percentile", value=float("nan")), "percentile"),
        (put("default", "activation", "range", value=[0]), "range"),
        (put("default", "activation", "range", value=[0, float("inf")]), "range"),
        (put("default", "activation", "estimator", value="fixed"), "range"),
        (put("overrides", 0, "wieght", value="float"), "'wieght'"),
        (put("overrides", 0, "match", value={"name": "x"}), "match"),
        (put("overrides", 0, "match", value={"id": "x", "op": "y"}), "match"),
        (put("overrides", 0, "match", value={}), "match"),
        (put("overrides", 0, "weight", value={"dtype": "int9"}), "override 1, weight"),
        (put("overrides", value=3), "overrides is 3"),
        (put("overrides", value=["x"]), "override 1"),
        (put("target", value=3), "target"),
        (put("target", "engine", value=3), "engine is 3"),
        (put("remedies", value=[{"kind": True, "layers": ["x"]}]), "True"),
        (put("target", value="tpu"), "'tpu"),
        (put("default", value="int8"), "default"),
        (put("fusions", 0, "on", value="false"), "false"),
        (put("fusions", 0, "of", value=True), "'of'"),
    ],
)
def test_a_slip_in_a_plan_is_refused_and_named(change, says):
    with pytest.raises(Problem) as caught:
        plan_from_json(broken(change))
    assert says in str(caught.value)


def test_by_hand_the_version_and_what_is_meant_is_enough():
    assert plan_from_json({"version": 1}) == QuantPlan.preset(Target())
    assert plan_from_json({"version": 1, "target": "fx-qnnpack"}) == QuantPlan.preset(Target("fx", "qnnpack"))
    assert plan_from_json({"version": 1, "target": {"backend": "pt2e", "threads": 2}}).target.threads == 2
    plan = plan_from_json({"version": 1, "default": {"activation": "float"}})
    assert plan.default == replace(QuantPlan.preset(Target()).default, activation=None)


@pytest.mark.parametrize("data", [None, [], "plan", 1, {}])
def test_what_is_no_plan_is_refused(data):
    with pytest.raises(Problem, match="version 1 plan"):
        plan_from_json(data)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b'{"version": 2}'])
def test_a_file_that_is_no_plan_is_refused_by_its_name(tmp_path, content):
    path = tmp_path / "my plan.json"
    path.write_bytes(content)
    with pytest.raises(Problem) as caught:
        read_plan(path)
    assert str(path) in caught.value.where


@pytest.mark.parametrize("name", [".", "missing.json"])
def test_a_plan_that_cannot_be_read_is_refused_by_its_name(tmp_path, name):
    with pytest.raises(Problem) as caught:
        read_plan(tmp_path / name)
    assert str(tmp_path / name) == caught.value.where


@pytest.mark.parametrize(
    ("target", "isa", "weight", "activation"),
    [
        ("ort", "avx2", 7, 8),
        ("ort", "avx512", 7, 8),
        ("ort", "avx512-vnni", 8, 8),
        ("ort", "avx2-vnni", 8, 8),
        ("ort", "arm", 8, 8),
        ("fx-onednn", "avx2", 8, 7),
        ("fx-onednn", "avx512-vnni", 8, 8),
        ("fx-x86", "avx512", 8, 7),
        ("fx-fbgemm", "avx512-vnni", 8, 7),
        ("fx-qnnpack", "avx2", 8, 8),
    ],
)
def test_the_instruction_set_of_the_target_sets_the_bits_of_the_first_plan(target, isa, weight, activation):
    from qinspect.engine.job import first_plan

    plan = first_plan(GRAPH, Target.parse(target, isa=isa))
    assert (plan.default.weight.bits, plan.default.activation.bits) == (weight, activation)
    assert not any("overflow" in note for note in plan.warnings())
    # Another instruction set takes its own bits, unless somebody chose them.
    assert plan.with_target(Target.parse("ort", isa="arm")).default == PRESETS["qinspect"]
    chosen = plan.with_default(activation=EIGHT.but(bits=6))
    assert chosen.with_target(Target.parse("ort", isa="avx2")).default.activation.bits == 6


@pytest.mark.parametrize(("target", "says"), [("ort", "7 bits for weights"), ("fx-onednn", "7 bits for activations")])
def test_eight_bits_where_kernels_saturate_are_warned_of(target, says):
    plan = QuantPlan.preset(Target.parse(target, isa="avx512-vnni"))
    assert not any("overflow" in note for note in plan.warnings())
    narrow = QuantPlan.preset(Target.parse(target, isa="avx2"))
    eight = replace(plan, target=narrow.target)
    assert any(says in note for note in eight.warnings())
    later = narrow.with_layer("a.b:conv2d", *(PRESETS["qinspect"].weight, PRESETS["qinspect"].activation))
    assert any(says in note for note in later.warnings())
    assert not any("overflow" in note for note in eight.with_default(weight=TensorConfig("uint8")).warnings())


def test_figures_of_another_computer_are_said_to_be_this_ones():
    other = "arm" if host_isa() != "arm" else "avx2"
    assert any(host_isa() in note for note in QuantPlan.preset(Target(isa=other)).warnings())
    assert QuantPlan.preset(Target(isa=host_isa())).warnings() == QuantPlan.preset(Target()).warnings()


def test_an_unknown_instruction_set_is_refused():
    with pytest.raises(Problem, match="unknown instruction set"):
        Target(isa="mmx")


@pytest.mark.parametrize(
    ("override", "near"),
    [
        (Override("id", "a.b:conv3d"), "a.b:conv2d"),
        (Override("path", "a.d"), "a.b"),
        (Override("op", "convd2"), "conv2d"),
        (Override("op", "zzz"), "qinspect inspect"),
    ],
)
def test_an_override_that_matches_nothing_is_refused_with_what_is_near(override, near):
    with pytest.raises(Problem, match="no layer of the model") as caught:
        check_override(GRAPH, override)
    assert near in caught.value.remedy
    check_override(GRAPH, Override("path", "a.*"))


def test_a_plan_with_a_mark_of_its_encoding_is_read(tmp_path):
    (tmp_path / "plan.json").write_text('{"version": 1, "target": "fx-onednn"}', encoding="utf-8-sig")
    assert read_plan(tmp_path / "plan.json").target.name == "fx-onednn"


def test_a_file_that_is_no_text_is_said_to_be_none(tmp_path):
    (tmp_path / "plan.json").write_bytes(b"\x80\xff\x00")
    with pytest.raises(Problem, match=r"plan\.json: is no text, so no plan"):
        read_plan(tmp_path / "plan.json")


@pytest.mark.parametrize(("name", "title"), [("ort", "ONNX Runtime"), ("fx-onednn", "FX onednn"), ("pt2e", "PT2E")])
def test_a_target_has_a_name_to_type_and_one_to_read(name, title):
    assert (Target.parse(name).name, Target.parse(name).title) == (name, title)
    assert all(Target.parse(known).title for known in TARGETS)


@pytest.mark.parametrize("page", ["plan-file.md", "zh_CN/plan-file.md"])
def test_the_page_of_the_plan_file_names_every_key_and_value_and_its_example_is_a_plan(page):
    text = resource(f"help/{page}").read_text(encoding="utf-8")
    example = textwrap.dedent("\n".join(line for line in text.splitlines() if line.startswith("    ")))
    plan = plan_from_json(json.loads(example))
    assert len(plan.overrides) == 3
    assert plan.fusions
    names = {*TensorConfig.__dataclass_fields__, *DTYPES, *FLOATS, *GRANULARITIES, *ESTIMATORS, *REMEDIES}
    assert {name for name in names if f"`{name}`" not in text and f'"{name}"' not in text} == set()


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ("flaot", "found 'flaot'. Write \"float\", or an object such as"),
        ({"dtype": "int8", "granularity": "per_chanel"}, "Did you mean per_channel?"),
        ({"dtype": "int8", "symetric": True}, "Did you mean symmetric?"),
        ({"dtype": "int8", "bits": "8"}, "Write a whole number"),
        ({"dtype": "xyz"}, "Known are int4, uint4"),
    ],
)
def test_a_slip_is_told_from_what_it_was_meant_to_be(config, says):
    with pytest.raises(Problem, match=re.escape(says)):
        plan_from_json({"version": 1, "overrides": [{"match": {"op": "linear"}, "weight": config}]})
