"""The document: every edit undoable, results never shown for another plan than theirs."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qinspect.engine.intervals import Interval
from qinspect.engine.plan import REMEDIES, Remedy
from qinspect.engine.plan.file import plan_from_json
from qinspect.engine.plan.qconfig import PRESETS
from qinspect.engine.plan.target import Target
from qinspect.engine.problem import Problem
from qinspect.engine.progress import silent
from qinspect.gui import work
from qinspect.gui.document import Document
from qinspect.gui.panels.estimate import edit_line
from qinspect.gui.panels.steps import states


def test_an_edit_is_named_and_undo_brings_plan_and_results_back(document):
    before, run = document.plan, document.find()
    assert document.freshness == "exact"
    assert document.change(("conv:conv2d",), "weight", dtype="int4")
    assert document.undo_stack.undoText() == "weight int4 for conv:conv2d"
    config = document.qconfig("conv:conv2d").weight
    assert (config.dtype, config.bits) == ("int4", 4)
    assert document.freshness == "stale"
    assert document.find() is None
    assert document.shown is run
    document.undo_stack.undo()
    assert document.plan == before
    assert document.freshness == "exact"
    document.undo_stack.redo()
    assert document.freshness == "stale"


def test_an_edit_that_changes_nothing_leaves_no_trace(document):
    assert not document.edit("nothing", document.plan)
    assert document.undo_stack.count() == 0


def test_turning_a_spin_box_is_one_edit(document):
    before = document.plan
    for bits in (7, 6, 5):
        document.change(("conv:conv2d",), "activation", bits=bits)
    assert document.undo_stack.count() == 1
    document.undo_stack.undo()
    assert document.plan == before


def test_an_impossible_value_raises_and_changes_nothing(document):
    before = document.plan
    with pytest.raises(Problem, match="bits"):
        document.change(("conv:conv2d",), "weight", bits=12)
    assert document.plan == before
    assert document.undo_stack.count() == 0


def test_a_float_layer_becomes_quantized_with_the_defaults(document):
    document.make_float(("conv:conv2d",))
    assert document.qconfig("conv:conv2d").weight is None
    document.change(("conv:conv2d",), "weight", dtype="int8")
    assert document.qconfig("conv:conv2d").weight == document.plan.default.weight.but(dtype="int8")


def test_weights_are_edited_only_where_there_are_any(document):
    document.apply(("conv:conv2d", "pool:max_pool2d"), PRESETS["qnnpack"], "qnnpack")
    assert document.qconfig("conv:conv2d").weight.granularity == "per_tensor"
    assert not any(o.pattern == "pool:max_pool2d" and o.weight != "inherit" for o in document.plan.overrides)


def test_an_edit_of_all_layers_of_an_operator_wins_over_older_ones_by_id(document):
    document.make_float(("conv:conv2d",))
    document.apply_matching("op", "conv2d", PRESETS["qnnpack"], "qnnpack")
    for layer in ("conv:conv2d", "depthwise:conv2d", "project:conv2d"):
        assert document.qconfig(layer) == PRESETS["qnnpack"]


def test_a_fixed_range_goes_when_another_estimator_is_chosen(document):
    document.change(("conv:conv2d",), "activation", estimator="fixed", range=(-1.0, 1.0))
    assert document.qconfig("conv:conv2d").activation.range == (-1.0, 1.0)
    document.change(("conv:conv2d",), "activation", estimator="minmax")
    assert document.qconfig("conv:conv2d").activation.range is None


def with_costs(document):
    """The document with the effects of its plan's roundings, as `Questions` asks for them."""
    graph, costs = work.effects(document.model, document.data, document.plan, document.calibration, None, None, silent)
    document.set_costs(graph, costs)
    return costs


def test_an_edit_shows_its_estimate_at_once(document):
    assert document.estimate() is None
    with_costs(document)
    before, heard = document.estimate(), []
    document.results_changed.connect(lambda: heard.append(document.estimate()))
    assert before.known
    document.make_float((document.worst(),))
    (after,) = heard
    assert document.freshness == "stale"
    assert after.known
    assert after.kl < before.kl
    assert after.mse < before.mse
    assert after.bytes > before.bytes
    assert after.drop.low <= after.drop.value <= after.drop.high
    document.undo_stack.undo()
    assert document.estimate() == before


def test_a_grid_that_was_not_scored_yet_is_estimated_in_proportion_to_its_rounding_error(document):
    costs = with_costs(document)
    layer = document.worst()
    before = document.estimate()
    document.change((layer,), "activation", bits=4)
    after = document.estimate()
    assert after.scaled == len(after.missing) > 0
    assert after.kl > 3 * before.kl
    assert "Estimated" in edit_line(document)[0]
    graph, more = work.effects(document.model, document.data, document.plan, document.calibration, costs, None, silent)
    document.set_costs(graph, more)
    assert document.estimate().known
    assert after.kl / 3 < document.estimate().kl < 3 * after.kl  # few samples, two random vectors each


def test_the_estimate_of_a_range_that_cuts_values_off_says_that_it_is_rough(document):
    graph, costs = work.effects(document.model, document.data, document.plan, document.calibration, None, None, silent)
    document.set_costs(graph, costs)
    layer = document.worst()
    high = float(document.calibration.tensors[graph.by_id[layer].value].max)
    document.change((layer,), "activation", estimator="fixed", range=(0.0, high / 3))
    line, tip = edit_line(document)
    assert line.startswith("Roughly, as values are cut off: KL")
    assert "several times more or less" in tip


def test_what_would_change_the_roundings_has_no_estimate_before_it_is_scored(document, digits):
    with_costs(document)
    fused = next(row for row in digits.analysis.fusions if row.state == "fused")
    document.set_fusion(fused.id, False)
    assert document.estimate() is None
    document.undo_stack.undo()
    assert document.estimate() is not None
    document.set_calibration(digits.calibration)
    assert document.estimate() is None


def test_quick_figures_do_not_replace_exact_ones(document, digits):
    exact = document.find()
    document.add_run(document.plan, digits.analysis, exact=False)
    assert document.find() is exact
    assert document.freshness == "exact"


def test_the_target_changes_the_preset_with_it_and_back(document):
    before = document.plan
    document.set_target(Target("fx", "fbgemm"))
    assert document.plan.default == PRESETS["fbgemm"]
    document.undo_stack.undo()
    assert document.plan == before


def test_other_data_drops_the_confirmation_and_the_figures(document, digits):
    from qinspect.engine.progress import silent
    from qinspect.gui import work

    other = work.open_data({**digits.data_spec, "seed": 5}, digits.opened.model, False, silent)
    document.set_data(other.data)
    assert document.confirmed == ""
    assert document.calibration is None
    assert document.freshness == "stale"


LAYERS = ("conv:conv2d", "depthwise:conv2d", "project:conv2d", "fc:linear")
EDITS = st.lists(
    st.one_of(
        st.tuples(st.just("bits"), st.sampled_from(LAYERS), st.integers(4, 8)),
        st.tuples(st.just("estimator"), st.sampled_from(LAYERS), st.sampled_from(["minmax", "mse", "entropy"])),
        st.tuples(st.just("float"), st.sampled_from(LAYERS), st.just(0)),
        st.tuples(st.just("fusion"), st.sampled_from(LAYERS), st.booleans()),
        st.tuples(st.sampled_from(["adaround", "bias_correction"]), st.sampled_from(LAYERS), st.booleans()),
        st.tuples(st.just("undo"), st.just(""), st.integers(1, 3)),
        st.tuples(st.just("redo"), st.just(""), st.integers(1, 3)),
    ),
    max_size=25,
)


@given(EDITS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_sequence_of_edits_can_be_undone_and_redone(digits, edits):
    document = Document()
    document.set_model(digits.opened.model, digits.opened.inspected, digits.opened.plan)
    start = document.plan
    for kind, layer, value in edits:
        if kind == "bits":
            document.change((layer,), "activation", bits=value)
        elif kind == "estimator":
            document.change((layer,), "activation", estimator=value)
        elif kind == "float":
            document.make_float((layer,))
        elif kind == "fusion":
            document.set_fusion(layer, value)
        elif kind in REMEDIES:
            document.edit(kind, document.plan.with_remedies((Remedy(kind, (layer,)),), value))
        else:
            for _ in range(value):
                getattr(document.undo_stack, kind)()
    end = document.plan
    while document.undo_stack.canUndo():
        document.undo_stack.undo()
    assert document.plan == start
    while document.undo_stack.canRedo():
        document.undo_stack.redo()
    for plan in (document.plan, end):
        assert plan_from_json(plan.to_json()).fingerprint == plan.fingerprint


def reopened(document, digits, path):
    """What a new window has after the session was written and read again."""
    from qinspect.session import load_session, save_session

    save_session(document.session("layers", None), path)
    session = load_session(path)
    again = Document()
    again.set_model(digits.opened.model, digits.opened.inspected, session.plan)
    again.set_data(digits.data.data)
    again.restore(session)
    return again


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("bits"), st.sampled_from(LAYERS), st.integers(3, 8)),
        st.tuples(st.just("float"), st.sampled_from(LAYERS), st.just(0)),
        st.tuples(st.just("op"), st.just("conv2d"), st.sampled_from(["onednn", "fbgemm"])),
        st.tuples(st.sampled_from(["adaround", "bias_correction"]), st.sampled_from(LAYERS), st.booleans()),
        st.tuples(st.just("undo"), st.just(""), st.integers(1, 2)),
        st.tuples(st.just("redo"), st.just(""), st.integers(1, 2)),
        st.tuples(st.just("reopen"), st.just(""), st.just(0)),
    ),
    min_size=2,
    max_size=12,
)


@given(STEPS)
@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_after_any_edits_undo_and_reopening_the_figures_are_those_of_a_fresh_computation(digits, tmp_path, steps):
    from qinspect.engine.progress import silent
    from qinspect.gui import work

    def figures(plan):
        return work.analyze(digits.opened.model, digits.data.data, plan, digits.calibration, True, silent)

    document = Document()
    document.set_model(digits.opened.model, digits.opened.inspected, digits.opened.plan)
    document.set_data(digits.data.data)
    for kind, what, value in steps:
        if kind == "bits":
            document.change((what,), "activation", bits=value)
        elif kind == "float":
            document.make_float((what,))
        elif kind == "op":
            document.apply_matching("op", what, PRESETS[value], value)
        elif kind in REMEDIES:
            # What is in float has no rounding to remedy.
            wanted = value and document.qconfig(what).weight is not None
            document.edit(kind, document.plan.with_remedies((Remedy(kind, (what,)),), wanted))
        elif kind == "reopen":
            before = document.plan
            document = reopened(document, digits, tmp_path / "a.qinspect")
            assert document.plan.fingerprint == before.fingerprint
        else:
            for _ in range(value):
                getattr(document.undo_stack, kind)()
    document.add_run(document.plan, figures(document.plan), exact=False)
    shown = reopened(document, digits, tmp_path / "b.qinspect")
    assert shown.freshness == "quick"
    fresh = figures(plan_from_json(shown.plan.to_json()))
    found = shown.find().analysis
    for name in ("kl", "mse", "agreement", "quantized_metric"):
        assert getattr(found.totals, name) == pytest.approx(getattr(fresh.totals, name), rel=1e-9, nan_ok=True), name
    assert [row.activation for row in found.layers] == [row.activation for row in fresh.layers]
    shown.change(("fc:linear",), "activation", bits=2)
    assert shown.freshness == "stale"


def test_a_candidate_of_a_shared_group_edits_its_own_weight_and_its_leaders_activation(document):
    from qinspect.engine.search.candidates import Candidate

    config = document.qconfig("fc:linear")
    weight, activation = config.weight.but(bits=4), config.activation.but(bits=5)
    candidate = Candidate("both", weight, activation, 0.1, None, None, None, False, ":add", "fc:linear")
    conv = document.qconfig("conv:conv2d")
    assert document.take(candidate)
    assert document.plan.overrides[-1].pattern == ":add"
    assert document.qconfig("fc:linear").weight == weight
    assert document.qconfig("fc:linear").activation == config.activation
    assert document.qconfig(":add").activation == activation
    assert document.qconfig("conv:conv2d") == conv
    # The pool has no quantizer of its own: it shows what holds for it, and an edit of it reaches the leader.
    assert document.analysis.row("pool:max_pool2d").shares_with == ":add"
    assert document.qconfig("pool:max_pool2d").activation == activation
    document.change(("pool:max_pool2d",), "activation", bits=6)
    assert document.qconfig(":add").activation.bits == 6
    assert not any(override.pattern == "pool:max_pool2d" for override in document.plan.overrides)
    document.make_float(("pool:max_pool2d",))
    assert document.qconfig("pool:max_pool2d").activation is None
    assert document.qconfig(":add").activation.bits == 6


def test_an_edits_line_changes_the_measured_figures_as_the_estimates_change(document):
    from qinspect.gui.panels.estimate import estimate_line, explanation

    with_costs(document)
    before, totals = document.estimate(), document.shown.analysis.totals
    document.make_float((document.worst(),))
    after = document.estimate()
    expected = totals.kl * after.kl / before.kl
    assert f"KL {totals.kl:.3g} → {expected:.3g} nats" in estimate_line(totals, before, after)
    assert f"{before.kl:.3g} → {after.kl:.3g} nats" in explanation(before, after)
    assert f"KL {before.kl:.3g} → {after.kl:.3g} nats" in estimate_line(None, before, after)
    assert f"KL {after.kl:.3g} nats" in estimate_line(totals, None, after)
    assert "MSE" not in estimate_line(totals, before, after)  # where there are classes, the divergence says it
    # Answers change in proportion too: those of the select split beside others on the screen would mislead.
    totals = replace(totals, agreement=0.97, fp32_metric=0.9, quantized_metric=0.87)
    same = Interval(0.7, 0.6, 0.8), Interval(0.8, 0.7, 0.9)
    before, after = (replace(each, agreement=one, drop=None) for each, one in zip((before, after), same, strict=True))
    assert "agreement 97.0% → 98.0%" in estimate_line(totals, before, after)
    assert "agreement" not in estimate_line(replace(totals, agreement=1.0), before, after)
    assert "Agreement there 80.0%, 70.0 … 90.0." in explanation(before, after)
    before, after = (replace(each, drop=one) for each, one in zip((before, after), same[::-1], strict=True))
    assert "3.0 → 2.6 points lost" in estimate_line(totals, before, after)
    assert "lost" not in estimate_line(replace(totals, quantized_metric=0.92), before, after)
    assert "70.0 points lost there, 60.0 … 80.0." in explanation(before, after)


def test_new_figures_stand_beside_those_of_the_plan_before_the_edit_on_the_same_samples(document, digits):
    first = digits.analysis
    assert edit_line(document) == ("", "")
    document.make_float(("fc:linear",))
    document.change(("conv:conv2d",), "activation", bits=6)  # of the plan between the two there are no figures
    better = replace(first, totals=replace(first.totals, kl=0.001, agreement=1.0))
    better_plan = document.plan
    document.add_run(better_plan, better, exact=False)
    count, kl, same = len(first.samples), first.totals.kl, first.totals.agreement * 100
    expected = f"Measured on {count} samples: KL {kl:.3g} → 0.00100 nats · agreement {same:.1f}% → 100.0% · metric "
    assert edit_line(document)[0].startswith(expected)
    document.rename_run(document.runs[0], "another name")
    assert edit_line(document)[0].startswith(expected)
    # Others are not compared.
    document.change(("conv:conv2d",), "activation", bits=5)
    other = replace(better.samples[0], index=10**6)
    document.add_run(document.plan, replace(better, samples=(*better.samples[1:], other)), exact=False)
    line, _ = edit_line(document)
    assert line.startswith(f"Measured on {count} samples: KL 0.00100 nats · agreement 100.0% · metric ")
    # Fewer are compared with the same of the earlier run.
    few = better.samples[3:10][::-1]
    document.add_run(document.plan, replace(better, samples=few), exact=False)
    seen = sum(row.kl for row in few) / 7
    assert edit_line(document)[0].startswith(f"Measured on 7 samples: KL {seen:.3g} → 0.00100 nats · agreement ")
    for _ in range(3):
        document.undo_stack.undo()
    assert document.freshness == "exact"
    assert edit_line(document) == ("", "")
    # A session that ended before the figures of its last edit were there goes on with them.
    kept = replace(document.session("layers", None), runs=(document.runs[0],))
    document.restore(replace(kept, plan=better_plan))
    document.add_run(better_plan, better, exact=False)
    assert edit_line(document)[0].startswith(expected)


def test_an_export_that_is_not_verified_is_not_done(document):
    assert states(document)["export"] == "now"
    for verified, state in ((True, "done"), (False, "error")):
        document.exported = (document.plan.fingerprint, verified)
        assert states(document)["export"] == state
    document.make_float(("fc:linear",))
    assert states(document)["export"] == "now"


def test_the_same_plan_run_once_more_keeps_its_name(document, digits):
    document.rename_run(document.runs[0], "baseline")
    document.make_float(("fc:linear",))
    document.undo_stack.undo()
    document.add_run(document.plan, digits.analysis, exact=True)
    assert [run.name for run in document.runs] == ["baseline"]
    document.make_float(("fc:linear",))
    document.add_run(document.plan, digits.analysis, exact=True)
    assert [run.name for run in document.runs] == ["baseline", "2: float for fc:linear"]


def test_what_a_plan_changes_is_named_by_role_and_field(document):
    plan = document.plan
    asked = document.qconfig("conv:conv2d").activation
    narrower = plan.with_layer("conv:conv2d", activation=asked.but(estimator="minmax"))
    assert document.remedy_name(narrower) == "activation minmax for conv:conv2d"
    shares = plan.with_layer("conv:conv2d", activation=asked.but(estimator="percentile", percentile=99.5))
    assert document.remedy_name(shares) == "activation percentile 99.5% for conv:conv2d"
    both = narrower.with_layer("fc:linear", activation=asked.but(estimator="fixed", range=(0.0, 1.0)))
    assert document.remedy_name(both) == "activation for 2 layers"
    rounded = plan.with_remedies([Remedy("adaround", ("conv:conv2d",))], True)
    assert document.remedy_name(rounded) == "round by data"
    assert document.remedy_name(plan) == ""
