"""Estimates of plans without a run, and the matrix of a layer's configurations."""

from __future__ import annotations

import dataclasses
import time

import numpy as np
import pytest
import torch
from torch import nn

from qinspect.engine.calibrate import calibrate
from qinspect.engine.data import DataSpec, open_data
from qinspect.engine.decide import decide
from qinspect.engine.errors import sqnr_db
from qinspect.engine.fuse import fuse
from qinspect.engine.graph import Ref
from qinspect.engine.graph.execute import Executor
from qinspect.engine.plan import QuantPlan
from qinspect.engine.plan.qconfig import QConfig, TensorConfig
from qinspect.engine.ranges import estimate_activation, estimate_weight, from_range, rounding_parts
from qinspect.engine.search.costs import Costs, Effect, Rounding, roundings
from qinspect.engine.search.timings import Border, Timings
from qinspect.engine.search.whatif import counted, estimate_plan, value_matrix, weight_matrix


@pytest.fixture
def chain(canonical):
    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(128, 4))
    return fuse(canonical(net, torch.randn(2, 3, 8, 8)), QuantPlan()).graph


def known(graph, plan, kl=0.5, mse=0.25):
    return Costs(dict.fromkeys(roundings(graph, decide(graph, plan)), Effect(kl, mse)))


def test_an_estimate_is_the_sum_of_the_effects_of_what_is_rounded(chain):
    plan = QuantPlan()
    costs = known(chain, plan)
    found = estimate_plan(chain, plan, costs)
    assert found.known
    assert (found.kl, found.mse) == (7 * 0.5, 7 * 0.25)  # three weights, their values, the input
    less = estimate_plan(chain, plan.with_layer("5:linear", None, None), costs)
    assert (less.kl, less.mse) == (5 * 0.5, 5 * 0.25)
    assert (found.float_layers, less.float_layers) == (0, 1)
    assert less.bytes > found.bytes


def test_what_is_not_scored_yet_is_named_and_nothing_is_made_up(chain):
    plan = QuantPlan()
    costs = known(chain, plan)
    weight = plan.default.weight.but(granularity="per_tensor")
    found = estimate_plan(chain, plan.with_layer("2:conv2d", weight), costs)
    assert not found.known
    assert (found.kl, found.mse, found.ms) == (None, None, None)
    assert found.missing == (Rounding("weight", "2:conv2d", weight),)


def test_a_grid_that_was_not_scored_is_scaled_by_its_rounding_error_where_statistics_are_given(chain):
    plan = QuantPlan()
    stats = calibrate(chain, [(torch.randn(64, 3, 8, 8),)]).tensors
    costs = known(chain, plan)
    four = plan.default.weight.but(bits=4, dtype="int4")
    found = estimate_plan(chain, plan.with_layer("2:conv2d", four), costs, stats)
    weight = chain.weight(chain.by_id["2:conv2d"])
    power = {
        config: float(((estimate_weight(weight, config, 0).fake_quantize(weight) - weight) ** 2).mean())
        for config in (plan.default.weight, four)
    }
    ratio = power[four] / power[plan.default.weight]
    assert ratio > 50
    assert found.kl == pytest.approx(6 * 0.5 + 0.5 * ratio)
    assert found.scaled == 1
    assert found.missing == (Rounding("weight", "2:conv2d", four),)
    assert not found.known


def test_an_estimate_is_called_rough_where_most_of_an_error_is_that_of_values_cut_off(chain):
    plan = QuantPlan()
    x = torch.randn(256, 3, 8, 8)
    stats = calibrate(chain, [(x,)]).tensors
    layer = chain.by_id["0:conv2d"]
    high = float(stats[layer.value].max)
    costs = known(chain, plan)

    def estimated(share):
        fixed = plan.default.activation.but(estimator="fixed", range=(0.0, high * share))
        return estimate_plan(chain, plan.with_layer(layer.id, activation=fixed), costs, stats)

    assert [(estimated(share).scaled, estimated(share).cut) for share in (1.2, 0.5)] == [(1, 0), (1, 1)]
    parts = rounding_parts(stats[layer.value], from_range(0.0, high * 0.5, plan.default.activation))
    values = torch.relu(nn.functional.conv2d(x, chain.weight(layer), chain.bias(layer)))
    cut = ((values - values.clamp(max=high * 0.5)) ** 2).mean()
    assert parts[1] == pytest.approx(float(cut), rel=0.1)
    assert parts[0] < parts[1]


def test_nothing_is_scaled_from_a_tensor_of_which_nothing_was_scored(chain):
    stats = calibrate(chain, [(torch.randn(64, 3, 8, 8),)]).tensors
    found = estimate_plan(chain, QuantPlan(), Costs(), stats)
    assert (found.kl, found.mse, found.scaled) == (None, None, 0)


def test_outputs_without_logits_have_an_estimated_mse_only(chain):
    found = estimate_plan(chain, QuantPlan(), known(chain, QuantPlan(), kl=None))
    assert found.kl is None
    assert found.mse == 7 * 0.25
    assert found.known


def test_the_time_is_that_of_the_layers_and_of_the_borders(chain):
    plan = QuantPlan()
    kernel = "uint8, int8"
    layers = {}
    for index, key in enumerate(("0:conv2d", "2:conv2d", "5:linear")):
        layers[key, "float"], layers[key, kernel] = 1000.0 * (index + 1), 100.0 * (index + 1)
    timings = Timings(layers, Border(10.0, 1e6), Border(20.0, 2e6), 6.0, 0.6)
    costs = Costs(timings=timings)
    sizes = {"x": 3 * 64, "0": 8 * 36, "2": 8 * 16, "5": 4}
    everything = estimate_plan(chain, plan, costs)
    assert everything.ms == pytest.approx((600 + 10 + sizes["x"] + 20 + 2 * sizes["5"]) / 1e3)
    middle = estimate_plan(chain, plan.with_layer("2:conv2d", None, None), costs)
    inner = 20 + 2 * sizes["0"] + 10 + sizes["2"]
    assert middle.ms == pytest.approx((100 + 2000 + 300 + 10 + sizes["x"] + inner + 20 + 2 * sizes["5"]) / 1e3)
    assert estimate_plan(chain, plan.with_default(None, None), costs).ms == pytest.approx(6.0)


def test_a_kernel_that_was_never_timed_has_no_estimated_time(chain):
    timings = Timings({("0:conv2d", "float"): 1.0}, Border(), Border(), 1.0, 1.0)
    assert estimate_plan(chain, QuantPlan(), Costs(timings=timings)).ms is None


def test_each_cell_of_the_weight_matrix_is_the_sqnr_of_a_separate_rounding(chain):
    layer = chain.by_id["2:conv2d"]
    weight = chain.weight(layer).detach()
    cells = weight_matrix(chain, QuantPlan(), layer)
    assert sum(cell.current for cell in cells) == 1
    assert {cell.config.dtype for cell in cells} >= {"int8", "int4", "uint8"}
    for cell in cells:
        noise = estimate_weight(weight, cell.config, 0).fake_quantize(weight) - weight
        assert cell.sqnr_db == pytest.approx(sqnr_db(float((weight**2).sum()), float((noise**2).sum())), abs=1e-3)
    affine = [cell for cell in cells if not cell.config.symmetric and cell.config.granularity == "per_channel"]
    assert affine
    assert all("symmetric" in cell.why_not for cell in affine)


def test_each_cell_of_the_value_matrix_equals_a_separate_run_to_half_a_decibel(chain):
    torch.manual_seed(3)
    x = torch.randn(64, 3, 8, 8)
    stats = calibrate(chain, [(x,)], share=1.0).tensors
    for key in ("0:conv2d", "2:conv2d", "5:linear"):
        layer = chain.by_id[key]
        seen = {}
        with torch.no_grad():
            Executor(chain)((x,), lambda made, value, seen=seen: seen.setdefault(made.value, value))
        exact = seen[layer.value]
        cells = value_matrix(QuantPlan(), layer, stats)
        assert len(cells) >= 24
        for cell in cells:
            noise = estimate_activation(stats[layer.value], cell.config).fake_quantize(exact) - exact
            run = sqnr_db(float((exact**2).sum()), float((noise**2).sum()))
            assert cell.sqnr_db == pytest.approx(run, abs=0.5), (key, str(cell.config))


def test_the_time_of_an_estimate_grows_with_the_layers_and_not_with_their_square(chain):
    """Milliseconds for 500 layers: every override tried on every layer would be the square."""
    one = chain.by_id["5:linear"]

    def prepared(count):
        layers = []
        for index in range(count):
            source = Ref(layers[-1].id if layers else chain.input_names[0])
            layers.append(dataclasses.replace(one, id=f"{index}:linear", path=str(index), args=(source, *one.args[1:])))
        graph = dataclasses.replace(chain, layers=tuple(layers), outputs=Ref(layers[-1].id))
        edited = QuantPlan().with_layers({layer.id: QConfig(None, None) for layer in graph.layers[::2]})
        return graph, edited, known(graph, QuantPlan())

    def seconds(case):
        began = time.process_time()
        assert estimate_plan(*case).known
        return time.process_time() - began

    few, many = prepared(100), prepared(800)
    once = [(seconds(few), seconds(many)) for _ in range(5)]
    assert min(b for _, b in once) < 24 * min(a for a, _ in once)


def test_many_qconfigs_at_once_are_what_each_layer_is_asked(chain):
    plan = (
        QuantPlan().with_layer("0:conv2d", weight=None).with_layers({"2:conv2d": QConfig(TensorConfig("int8"), None)})
    )
    assert plan.qconfigs(chain.layers) == {layer.id: plan.qconfig(layer) for layer in chain.layers}


def test_cells_that_rest_on_values_cut_off_are_rough_where_not_all_were_counted(chain):
    """Without them a cell is a separate rounding to half a decibel, whatever share of the values was counted."""
    torch.manual_seed(0)
    x = torch.randn(16, 3, 8, 8) * (1 + 20 * (torch.rand(16, 3, 8, 8) > 0.999))
    layer = chain.by_id["0:conv2d"]
    whole = calibrate(chain, [(x,)], share=1.0).tensors
    stats = {**whole, layer.value: dataclasses.replace(whole[layer.value], sampled=whole[layer.value].sampled // 8)}
    rough = {cell.config: cell.rough for cell in value_matrix(QuantPlan(), layer, stats)}
    assert not any(cell.rough for cell in value_matrix(QuantPlan(), layer, whole))
    assert not any(is_rough for config, is_rough in rough.items() if config.estimator == "minmax")
    assert any(is_rough for config, is_rough in rough.items() if config.estimator == "entropy")


def test_rough_cells_are_a_separate_rounding_to_half_a_decibel_once_all_that_is_cut_off_was_counted(
    canonical, tmp_path
):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(40, 3, 48, 48)).astype(np.float32)
    x *= 1 + 30 * (rng.random((40, 3, 48, 48)) > 0.9999)  # few values of much power
    np.save(tmp_path / "x.npy", x)
    data = open_data(DataSpec(str(tmp_path / "x.npy")))
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 4, 1))
    graph = fuse(canonical(net, torch.from_numpy(x[:2])), QuantPlan()).graph
    inputs = torch.from_numpy(x[list(data.splits.calibrate)])
    stats = calibrate(graph, [(inputs,)]).tensors
    layer = graph.by_id["0:conv2d"]
    seen = stats[layer.value]
    assert seen.sampled < seen.count
    rough = value_matrix(QuantPlan(), layer, stats)
    assert any(cell.rough for cell in rough)
    exact = {}
    with torch.no_grad():
        Executor(graph)((inputs,), lambda made, value: exact.setdefault(made.value, value))
    value = exact[layer.value].double()
    far = 0
    for before, cell in zip(rough, counted(rough, graph, layer, seen, data), strict=True):
        noise = estimate_activation(seen, cell.config).fake_quantize(value.float()) - value
        run = sqnr_db(float((value**2).sum()), float((noise**2).sum()))
        assert not cell.rough
        assert cell.sqnr_db == pytest.approx(run, abs=0.5), str(cell.config)
        far += abs(before.sqnr_db - run) > 0.5
    assert far  # as they were they are not
