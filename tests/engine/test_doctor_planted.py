"""A fault planted in a small net or in its data is found by its rule, and the sound twin is not blamed."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from qinspect.engine.calibrate import calibrate
from qinspect.engine.doctor import diagnose, ranges
from qinspect.engine.fuse import fuse
from qinspect.engine.plan import QuantPlan
from qinspect.engine.plan.file import plan_from_json
from qinspect.engine.plan.qconfig import TensorConfig
from qinspect.engine.plan.target import Target
from qinspect.engine.quantize import quantize
from qinspect.engine.ranges import estimate_weight
from qinspect.engine.results import Analysis, Errors, LayerRow, OutputRow, Totals
from qinspect.engine.results.kernels import KernelCheck

ORT = QuantPlan.preset(Target())
MINMAX = ORT.with_default(activation=TensorConfig("uint8", estimator="minmax"))


@pytest.fixture
def examine(canonical):
    """``examine(net, x, plan)``: what the doctor says, by rule."""

    def run(net, x, plan=MINMAX, unseen=None, kernels=None, outputs=(), kl=0.001, local_mse=1.0):
        graph = fuse(canonical(net, x[:2]), plan).graph
        calibration = calibrate(graph, [(part,) for part in x.split(16)], share=1.0)
        quantization = quantize(graph, plan, calibration.tensors)
        rows = tuple(
            LayerRow(
                layer.id, layer.path, layer.op, tuple(i.id for i in layer.fused), None,
                layer.id in quantization.asked, layer.id in quantization.quantized,
                quantization.why_not.get(layer.id), None, layer.shape, layer.macs, 1,
                errors=Errors(local_mse=local_mse, estimated_kl=0.1), kernel=(kernels or {}).get(layer.id),
            )
            for layer in graph.layers
            if not layer.transparent
        )  # fmt: skip
        analysis = Analysis({}, {}, {}, {}, Totals(kl=kl), rows, (), outputs=tuple(outputs))
        other = None if unseen is None else calibrate(graph, [(part,) for part in unseen.split(16)], share=1.0).tensors
        return {f.rule: f for f in diagnose(analysis, plan, quantization, calibration, other)}

    return run


def edited(finding):
    return plan_from_json(finding.plan)


def image(*shape, seed=0):
    """Values that follow no textbook distribution."""
    x = torch.rand(*shape, generator=torch.Generator().manual_seed(seed))
    return (x**3 - 0.2) * torch.where(x > 0.5, 1.0, 0.4)


def test_a_range_ruled_by_outliers_is_to_be_clipped(examine):
    x = image(64, 8)
    net = nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 8))
    assert "outliers_rule_range" not in examine(net, x)
    with torch.no_grad():
        net[0].weight.copy_(torch.eye(8))
    with_outlier = x.repeat(40, 1)
    with_outlier[3, 2] = 300.0
    finding = examine(net, with_outlier)["outliers_rule_range"]
    assert finding.layers[0] == "0:linear"
    assert "to 30" in finding.evidence
    layer = next(o for o in edited(finding).overrides if o.pattern == "0:linear")
    assert layer.activation.estimator == "percentile"
    assert "outliers_rule_range" not in examine(net, with_outlier, edited(finding))


def test_an_estimator_that_cuts_what_matters_is_found(examine):
    x = image(640, 8)
    x[::40] *= 8  # every fortieth sample is loud
    net = nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 8))
    with torch.no_grad():
        net[0].weight.copy_(torch.eye(8))
    entropy = MINMAX.with_default(activation=MINMAX.default.activation.but(estimator="entropy"))
    finding = examine(net, x, entropy)["estimator_cuts"]
    assert "0:linear" in finding.layers
    assert finding.gain > 0
    assert {o.activation.estimator for o in edited(finding).overrides} == {"mse"}
    assert "estimator_cuts" not in examine(net, x, edited(finding))
    assert "estimator_cuts" not in examine(net, x)  # min-max cuts nothing
    chosen = MINMAX.with_default(activation=MINMAX.default.activation.but(estimator="percentile", percentile=90.0))
    assert "estimator_cuts" not in examine(net, x, chosen)  # the user cuts


def test_a_symmetric_grid_on_values_that_are_never_negative_is_found(examine):
    net, x = nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 4)), image(64, 8)
    symmetric = MINMAX.with_default(activation=TensorConfig("int8", symmetric=True))
    finding = examine(net, x, symmetric)["symmetric_on_nonnegative"]
    assert finding.layers == ("0:linear",)
    assert finding.gain > 0
    assert not edited(finding).overrides[0].activation.symmetric
    assert "symmetric_on_nonnegative" not in examine(net, x, edited(finding))
    assert "symmetric_on_nonnegative" not in examine(net, x)


def test_channels_of_very_different_size_under_one_scale_are_found(examine):
    net, x = nn.Sequential(nn.Conv2d(3, 16, 3)), image(32, 3, 8, 8)
    per_tensor = MINMAX.with_default(weight=TensorConfig("int8", symmetric=True))
    assert "weight_channel_spread" not in examine(net, x, per_tensor)
    with torch.no_grad():
        net[0].weight[3] *= 60
    finding = examine(net, x, per_tensor)["weight_channel_spread"]
    assert finding.layers == ("0:conv2d",)
    assert edited(finding).overrides[0].weight.granularity == "per_channel"
    assert "weight_channel_spread" not in examine(net, x, edited(finding))


def test_a_spread_that_folding_made_is_said_to_come_from_it(examine):
    net, x = nn.Sequential(nn.Conv2d(3, 16, 3), nn.BatchNorm2d(16)).eval(), image(32, 3, 8, 8)
    with torch.no_grad():
        net[1].weight[5] = 80.0
    finding = examine(net, x, MINMAX.with_default(weight=TensorConfig("int8", symmetric=True)))["weight_channel_spread"]
    assert "after folding" in finding.evidence


def test_where_the_target_takes_no_channels_the_neighbours_are_to_be_equalized(examine, monkeypatch):
    net, x = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 4, 3)), image(32, 3, 8, 8)
    with torch.no_grad():
        net[0].weight[3] *= 60
        net[0].bias[3] *= 60
        net[2].weight[:, 3] /= 60
    per_tensor = MINMAX.with_default(weight=TensorConfig("int8", symmetric=True))
    assert edited(examine(net, x, per_tensor)["weight_channel_spread"]).remedied("equalize") == ()

    class Coarse:
        @staticmethod
        def why_not(layer, config, target):
            return "one scale per weight" if config.weight and config.weight.granularity == "per_channel" else None

    monkeypatch.setattr(ranges, "table", lambda target: Coarse)
    finding = examine(net, x, per_tensor)["weight_channel_spread"]
    assert edited(finding).remedied("equalize") == ("0:conv2d", "2:conv2d")
    assert "1 pair" in finding.remedy


def test_all_values_that_are_cut_off_count_and_not_each_samples_largest_alone(examine):
    net, x, other = nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU()), image(32, 3, 16, 16), image(32, 3, 16, 16, seed=1)
    other[:, :, :8] = other[:, :, :8].clamp(-1, 1) * 4  # a third of all, none of them far from the next
    finding = examine(net, x, unseen=other, kl=0.2)["clipped_on_unseen"]
    assert "cutting them off is" in finding.evidence


@pytest.mark.parametrize(("larger", "estimator"), [(1.3, "minmax"), (6.0, "fixed")])
def test_the_range_that_calibration_saw_is_proposed_where_it_is_wide_enough(examine, larger, estimator):
    net, x = nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 4)), image(256, 8)
    tight = MINMAX.with_layer("2:linear", activation=TensorConfig("uint8", estimator="percentile", percentile=95.0))
    finding = examine(net, x, tight, unseen=larger * image(64, 8, seed=1), kl=0.2)["clipped_on_unseen"]
    assert next(o for o in edited(finding).overrides if o.pattern == "2:linear").activation.estimator == estimator


def test_a_tensor_that_other_samples_drive_out_of_its_range_is_found_with_a_wider_range(examine):
    net, x, other = nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 4)), image(64, 8), image(64, 8, seed=1)
    assert "clipped_on_unseen" not in examine(net, x)
    assert "clipped_on_unseen" not in examine(net, x, unseen=x, kl=0.2)
    other[5] *= 6
    finding = examine(net, x, unseen=other, kl=0.2)["clipped_on_unseen"]
    assert set(finding.layers) <= {"0:linear", "2:linear"}
    assert "beyond the range" in finding.evidence
    assert finding.severity == "warning"
    assert 0 < finding.gain <= 0.2
    wider = next(o for o in edited(finding).overrides if o.pattern == finding.layers[0]).activation
    assert wider.estimator == "fixed"
    low, high = wider.range
    tighter = MINMAX.with_layer("2:linear", activation=TensorConfig("uint8", estimator="percentile", percentile=95.0))
    assert "clipped_on_unseen" not in examine(net, x, tighter, unseen=x, kl=0.2)  # what is cut off there was chosen
    whole = edited(examine(net, x, tighter, unseen=2 * image(64, 8, seed=1), kl=0.2)["clipped_on_unseen"])
    assert next(o for o in whole.overrides if o.pattern == "2:linear").activation.estimator in ("minmax", "fixed")
    assert "clipped_on_unseen" not in examine(net, x, unseen=other)  # where nothing is lost
    assert low <= 0 <= high


def test_weights_that_are_stored_and_not_computed_in_integers_save_bytes_only(examine):
    net, x = nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 4)), image(64, 8)
    small = MINMAX.with_layer("0:linear", TensorConfig("int8", symmetric=True, granularity="per_channel"), None)
    assert examine(net, x, small)["stored_small"].layers == ("0:linear",)
    assert "stored_small" not in examine(net, x)


def test_what_a_bias_takes_from_the_error_of_a_weight_is_no_more_than_what_it_does_take(examine):
    """The gain is a lower bound: the input's channels have means of their own beside the common one."""
    net, x = nn.Sequential(nn.Linear(64, 64)), image(256, 64) + 1
    finding = examine(net, x, kl=0.2)["weights_rounded"]
    rounded = MINMAX.default.weight
    errors = estimate_weight(net[0].weight.detach(), rounded, 0).fake_quantize(net[0].weight.detach()) - net[0].weight
    effect = (x @ errors.T).detach()
    share = float((effect.mean(0) ** 2).mean() / (effect**2).mean())
    assert 0.5 * share < finding.gain / 0.1 <= 1.1 * share


def test_weights_that_cause_the_error_are_to_be_rounded_by_data(examine):
    net, x = nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 4)), image(64, 8)
    finding = examine(net, x, kl=0.2)["weights_rounded"]
    assert finding.gain > 0
    assert edited(finding).remedied("adaround") == finding.layers
    assert "weights_rounded" not in examine(net, x, edited(finding), kl=0.2)
    assert "weights_rounded" not in examine(net, x, kl=0.001)
    assert "weights_rounded" not in examine(net, x, kl=0.2, local_mse=1e-7)


class Joined(nn.Module):
    def __init__(self, factor):
        super().__init__()
        self.one, self.two, self.factor = nn.Linear(8, 8), nn.Linear(8, 8), factor
        with torch.no_grad():
            self.two.weight.copy_(self.one.weight * factor)
            self.two.bias.copy_(self.one.bias * factor)

    def forward(self, x):
        return torch.cat([self.one(x), self.two(x)], 1)


def test_a_concatenation_of_unequal_ranges_is_found(examine):
    assert "cat_unequal_ranges" not in examine(Joined(1.5), image(64, 8))
    finding = examine(Joined(30.0), image(64, 8))["cat_unequal_ranges"]
    assert finding.layers == (":cat",)
    assert "one:linear" in finding.evidence
    assert edited(finding).overrides[0].activation is None


def test_a_tensor_that_calibration_never_moved_is_an_error(examine):
    net = nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 4))
    assert "constant_tensors" not in examine(net, image(64, 8))
    with torch.no_grad():
        net[0].bias.fill_(-100.0)
    finding = examine(net, image(64, 8))["constant_tensors"]
    assert finding.severity == "error"
    assert "0:linear" in finding.layers


def test_channels_that_never_change_are_counted(examine):
    net, x = nn.Sequential(nn.Conv2d(3, 16, 3), nn.ReLU()), image(32, 3, 8, 8)
    with torch.no_grad():
        net[0].bias.fill_(1.0)
    assert "dead_channels" not in examine(net, x)
    with torch.no_grad():
        net[0].bias[[2, 7]] = -100.0
    finding = examine(net, x)["dead_channels"]
    assert finding.title == "2 channels of 1 layer never change"
    with torch.no_grad():
        net[0].bias[7] = 1.0
    assert examine(net, x)["dead_channels"].title == "1 channel of 1 layer never changes"


def test_one_sample_is_no_evidence_that_channels_never_change(examine):
    net = nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 4))
    with torch.no_grad():
        net[0].bias[2] = -100.0
    assert "dead_channels" not in examine(net, image(7, 8))
    assert "for all 8 calibration samples" in examine(net, image(8, 8))["dead_channels"].evidence


def test_a_grid_that_is_wider_than_its_values_by_itself_is_ruled_by_no_outlier(examine):
    net = nn.Sequential(nn.Linear(8, 8), nn.Sigmoid())
    with torch.no_grad():
        net[0].weight.mul_(0.01)
        net[0].bias.zero_()
    assert "outliers_rule_range" not in examine(net, image(64, 8))
    away = nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 4))  # far from 0, which every grid holds
    with torch.no_grad():
        away[0].weight.mul_(0.01)
        away[0].bias.fill_(10.0)
    assert "outliers_rule_range" not in examine(away, image(64, 8))


class Island(nn.Module):
    def __init__(self, between):
        super().__init__()
        self.one, self.between, self.two = nn.Linear(8, 8), between, nn.Linear(8, 4)

    def forward(self, x):
        return self.two(self.between(self.one(x)))


def test_float_between_integers_is_an_island_and_float_at_the_end_is_not(examine):
    x = image(64, 8)
    finding = examine(Island(nn.Softplus()), x)["float_islands"]
    assert finding.layers == ("between:softplus",)
    assert finding.evidence == "1 layer in float, 1 tensor taken out of the integers for them: between:softplus"
    assert finding.plan is None
    assert "float_islands" not in examine(Island(nn.ReLU()), x)
    assert "float_islands" not in examine(nn.Sequential(nn.Linear(8, 4), nn.Softplus()), x)


def test_of_an_island_one_of_whose_layers_stays_in_float_none_is_to_be_quantized(examine):
    between = nn.Sequential(nn.Softplus(), nn.MaxPool1d(3, 1, 1))
    finding = examine(Island(between), image(64, 2, 8))["float_islands"]
    assert finding.layers == ("between.0:softplus", "between.1:max_pool1d")
    assert finding.evidence.startswith("2 layers in float, 1 tensor taken out of the integers for them")
    assert finding.plan is None
    assert finding.remedy.endswith("this target keeps between.0:softplus in float.")


def test_an_island_that_the_user_made_can_be_quantized_again(examine):
    x = image(64, 8)
    plan = MINMAX.with_layer("between:linear", weight=None, activation=None)
    finding = examine(Island(nn.Linear(8, 8)), x, plan)["float_islands"]
    assert finding.remedy.startswith("The plan itself keeps them in float.")
    assert "float_islands" not in examine(Island(nn.Linear(8, 8)), x, edited(finding))


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.two, self.head = nn.Conv2d(2, 2, 1), nn.Conv2d(2, 2, 1), nn.Linear(2, 3)

    def forward(self, x):
        x = self.one(x)
        return self.head((x + self.two(x)).mean((2, 3)))


def test_what_stays_float_because_the_plan_keeps_its_reader_in_float_is_kept_by_it_too(examine):
    plan = MINMAX.with_layer(":mean", activation=None)
    finding = examine(Residual(), image(64, 2, 8, 8), plan)["float_islands"]
    assert finding.layers == (":add", ":mean")
    assert finding.remedy.startswith("The plan itself keeps them in float.")


def test_a_relu_that_the_kernel_leaves_out_is_an_error(examine):
    net, x = nn.Sequential(nn.Linear(8, 8), nn.ReLU()), image(64, 8)
    sound = KernelCheck(0, 1.0, 1.0)
    assert "relu_dropped" not in examine(net, x, kernels={"0:linear": sound})
    finding = examine(net, x, kernels={"0:linear": KernelCheck(0, 1.0, 1.0, below_zero=17)})["relu_dropped"]
    assert (finding.severity, finding.layers) == ("error", ("0:linear",))
    assert edited(finding).fusion("1:relu") is False


def test_validation_data_unlike_the_calibration_data_is_found(examine):
    net, x = nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 4)), image(64, 8)
    assert "calibration_unlike_validation" not in examine(net, x, unseen=image(64, 8, seed=1))
    assert "calibration_unlike_validation" not in examine(net, x)
    finding = examine(net, x, unseen=image(64, 8, seed=1) * 3 + 1)["calibration_unlike_validation"]
    assert "0:linear" in finding.layers


@pytest.mark.parametrize(("draw", "kind"), [(torch.randn, "normal"), (torch.rand, "uniform")])
def test_random_numbers_in_place_of_data_are_found(examine, draw, kind):
    net = nn.Sequential(nn.Conv2d(3, 4, 3))
    x = draw(64, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    assert kind in examine(net, x)["synthetic_calibration"].evidence
    assert "synthetic_calibration" not in examine(net, image(64, 3, 16, 16))


def test_an_output_whose_error_hides_behind_a_larger_scale_is_found(examine):
    net, x = nn.Sequential(nn.Linear(8, 8)), image(64, 8)
    large, small = OutputRow(0, (4,), 1e4, 1e-3, 30.0), OutputRow(1, (4,), 1.0, 0.2, 7.0)
    assert "output 1" in examine(net, x, outputs=[large, small])["output_hidden"].evidence
    alike = OutputRow(1, (4,), 1e4, 0.2, 7.0)
    assert "output_hidden" not in examine(net, x, outputs=[large, alike])
    assert "output_hidden" not in examine(net, x, outputs=[small])
