"""Layers with one quantizer are known as a group, whose leader's qconfig holds, and nothing else silently."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from qinspect.engine.decide import decide
from qinspect.engine.existing import Existing
from qinspect.engine.fuse import fuse
from qinspect.engine.groups import leader_of, ranged, shared_groups, unheard, unshared
from qinspect.engine.plan import Override, QuantPlan
from qinspect.engine.plan.qconfig import TensorConfig
from qinspect.engine.plan.target import Target
from qinspect.engine.qparams import QParams

PLAN = QuantPlan.preset(Target())
IMAGE = torch.randn(4, 3, 8, 8, generator=torch.Generator().manual_seed(2))
WIDE = TensorConfig("uint8", estimator="percentile", percentile=99.0)


class Net(nn.Module):
    """Two branches put together, a pooling, an average, a linear layer."""

    def __init__(self):
        super().__init__()
        self.left, self.right = nn.Conv2d(3, 4, 1), nn.Conv2d(3, 4, 1)
        self.last = nn.Conv2d(8, 4, 1)
        self.fc = nn.Linear(4, 3)

    def forward(self, x):
        x = torch.cat([self.left(x), self.right(x)], 1)
        x = F.max_pool2d(x, 2)
        return self.fc(F.adaptive_avg_pool2d(self.last(x), 1).flatten(1))


@pytest.fixture
def net(canonical):
    return canonical(Net(), IMAGE)


def groups_of(graph, plan=PLAN):
    fused = fuse(graph, plan).graph
    return fused, shared_groups(fused, decide(fused, plan))


def test_pools_and_concatenations_are_grouped_with_what_they_read(net):
    _, groups = groups_of(net)
    assert [(group.leader, group.layers) for group in groups] == [
        ("left:conv2d", ("left:conv2d", "right:conv2d", ":cat", ":max_pool2d")),
        ("last:conv2d", ("last:conv2d", ":adaptive_avg_pool2d")),
    ]
    assert leader_of(groups, ":max_pool2d") == "left:conv2d"
    assert leader_of(groups, "fc:linear") == "fc:linear"


def test_the_leaders_qconfig_holds_for_all_and_a_members_is_said_to_have_no_effect(net, quantized):
    plan = PLAN.with_layer("right:conv2d", activation=WIDE)
    fused, groups = groups_of(net, plan)
    (note,) = unheard(plan, fused, groups)
    assert note.startswith("right:conv2d shares the quantizer of left:conv2d")
    before, after = (quantized(net, p, [(IMAGE,)]) for p in (PLAN, plan))
    assert all(np.array_equal(after.values[name].scale, p.scale) for name, p in before.values.items())

    plan = PLAN.with_layer(leader_of(groups, "right:conv2d"), activation=WIDE)
    fused, groups = groups_of(net, plan)
    assert unheard(plan, fused, groups) == ()
    q = quantized(net, plan, [(IMAGE,)])
    scales = {float(q.values[value].scale) for value in ("left:conv2d", "right:conv2d", ":cat", ":max_pool2d")}
    assert scales != {float(before.values[":cat"].scale)}
    assert len(scales) == 1


def test_a_pattern_over_the_whole_group_is_heard(net):
    plan = PLAN.with_override(Override("path", "*", activation=WIDE))
    fused, groups = groups_of(net, plan)
    assert unheard(plan, fused, groups) == ()


def test_a_member_that_stays_float_is_no_member(net):
    _, groups = groups_of(net, PLAN.with_layer(":cat", None, None).with_layer(":max_pool2d", None, None))
    assert [group.leader for group in groups] == ["last:conv2d"]


def test_where_the_first_value_is_float_its_first_reader_leads(canonical, quantized):
    graph = canonical(nn.Sequential(nn.AvgPool2d(2), nn.Conv2d(3, 2, 1)), IMAGE)
    _, groups = groups_of(graph)
    assert groups == ()  # the pooling shares with the input, which is no layer
    plan = PLAN.with_layer("0:avg_pool2d", activation=WIDE)
    before, after = (quantized(graph, p, [(IMAGE,)]) for p in (PLAN, plan))
    assert float(before.values["0:avg_pool2d"].scale) != float(after.values["0:avg_pool2d"].scale)


def test_an_override_of_what_is_fused_is_said_to_have_no_effect(canonical):
    graph = canonical(nn.Sequential(nn.Conv2d(3, 2, 1), nn.ReLU()), IMAGE)
    plan = PLAN.with_override(Override("op", "relu", activation=WIDE))
    fused, groups = groups_of(graph, plan)
    assert unheard(plan, fused, groups) == (
        "The override for op 'relu' has no effect: 1:relu is fused into 0:conv2d, whose qconfig holds.",
    )
    apart = plan.with_fusion("1:relu", False)
    assert not any("is fused" in note for note in unheard(apart, *groups_of(graph, apart)))


def test_a_groups_moving_average_is_of_its_values_together_whichever_comes_first(net, quantized):
    """As if the concatenation alone had been observed, batch by batch."""
    moving = TensorConfig("uint8", estimator="moving_average", momentum=0.3)
    plan = PLAN.with_override(Override("path", "*", activation=moving))
    batches = [(IMAGE * scale,) for scale in (1, 3, 0.5, 2)]
    found = quantized(net, plan, batches).values[":cat"]
    ends = None
    with torch.no_grad():
        for (image,) in batches:
            left, right = (
                F.conv2d(image, net.params[f"{n}.weight"], net.params[f"{n}.bias"]) for n in ("left", "right")
            )
            whole = torch.cat([left, right])
            batch = np.array([whole.min(), whole.max()], np.float32)
            ends = batch if ends is None else ends + np.float32(0.3) * (batch - ends)
    assert ends is not None
    assert float(found.scale) == pytest.approx((ends[1] - ends[0]) / 255, rel=1e-6)


def test_grids_of_their_own_that_a_file_has_where_one_is_shared_here_are_said_once(net):
    fused, groups = groups_of(net)
    plan = PLAN.with_layer("right:conv2d", activation=WIDE)
    one, two = (QParams(np.float32(scale), np.int32(7), "uint8", 0, 255) for scale in (0.1, 0.2))
    values = {fused.by_id[name].value: one for name in ("left:conv2d", "right:conv2d", ":cat", ":max_pool2d")}
    decisions = decide(fused, plan)
    same = Existing("QDQ", "", values, {}, plan=plan)
    assert unshared(None, fused, plan, decisions) == unshared(same, fused, plan, decisions) == ()
    apart = Existing("QDQ", "", {**values, fused.by_id["right:conv2d"].value: two}, {}, plan=plan)
    (said,) = unshared(apart, fused, plan, decisions)
    assert "that of left:conv2d." in said
    assert unheard(plan, fused, groups)
    assert not unheard(plan, fused, groups, apart)
    assert unheard(plan.with_layer(":cat", activation=WIDE), fused, groups, apart)


@pytest.mark.parametrize(("target", "layer", "rounded"), [
    ("fx-onednn", "fc:linear", True), ("ort", "fc:linear", False), ("ort", "last:conv2d", True),
])  # fmt: skip
def test_real_numbers_that_a_plan_wants_where_whole_ones_are_handed_on_are_rounded_by_min_max_and_that_is_said(
    net, quantized, target, layer, rounded
):
    plan = QuantPlan.preset(Target.parse(target)).with_layer(layer, activation=WIDE.but(estimator="none"))
    found = quantized(net, plan, [(IMAGE,)])
    shown = found.configs[layer].activation.estimator
    assert (layer in found.quantized, found.graph.by_id[layer].value in found.values) == (True, rounded)
    said = ranged(found.graph, plan, decide(found.graph, plan))
    if rounded:
        assert shown == "minmax"
        assert [layer in note for note in said] == [True]
    else:
        assert (shown, said) == ("none", ())
