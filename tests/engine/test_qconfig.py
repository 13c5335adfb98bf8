"""Presets are what the libraries of those names use: the same grids and, on the same data, the same scales."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
import torch

from qinspect.engine.calibrate import tensor_stats
from qinspect.engine.plan.qconfig import PRESETS
from qinspect.engine.ranges import estimate_activation, estimate_weight


@pytest.mark.parametrize("engine", ["x86", "fbgemm", "onednn", "qnnpack"])
def test_presets_of_torchs_engines_are_torch_aos_default_qconfigs(engine):
    from torch.ao.quantization import get_default_qconfig

    theirs = get_default_qconfig(engine)
    weight, activation = theirs.weight(), theirs.activation()
    ours = PRESETS[engine]
    x = torch.randn(6, 40)
    weight(x)
    scale, zero = weight.calculate_qparams()
    params = estimate_weight(x, ours.weight, 0)
    assert np.array_equal(params.scale.reshape(-1), scale.numpy())
    assert np.array_equal(params.zero_point.reshape(-1), zero.numpy())
    assert type(activation).__name__ == "HistogramObserver"  # least squared error
    assert ours.activation.estimator == "mse"
    assert f"torch.q{ours.activation.dtype}" == str(activation.dtype)
    assert ours.activation.grid == (activation.quant_min, activation.quant_max)
    assert not ours.activation.symmetric
    assert activation.qscheme == torch.per_tensor_affine


def test_the_dynamic_preset_is_torch_aos_default_dynamic_qconfig():
    from torch.ao.quantization import default_dynamic_qconfig

    activation, weight = default_dynamic_qconfig.activation(), default_dynamic_qconfig.weight()
    ours = PRESETS["default-dynamic"]
    assert activation.is_dynamic
    assert ours.activation.dynamic
    assert (f"torch.q{ours.activation.dtype}", ours.activation.grid) == (
        str(activation.dtype),
        (activation.quant_min, activation.quant_max),
    )
    x = torch.randn(6, 40)
    weight(x)
    assert float(estimate_weight(x, ours.weight, 0).scale) == weight.calculate_qparams()[0].item()


def test_the_onnxruntime_preset_is_quantize_statics_default():
    from onnxruntime.quantization import CalibrationMethod, QuantType, quantize_static
    from onnxruntime.quantization.quant_utils import compute_scale_zp, get_qmin_qmax_for_qType

    defaults = {name: item.default for name, item in inspect.signature(quantize_static).parameters.items()}
    assert not defaults["per_channel"]
    assert not defaults["reduce_range"]
    assert defaults["calibrate_method"] == CalibrationMethod.MinMax
    assert defaults["activation_type"] == defaults["weight_type"] == QuantType.QInt8
    ours = PRESETS["onnxruntime"]
    x = torch.randn(6, 40) + 0.5
    # Weights are symmetric and activations are not, unless extra_options say otherwise.
    for symmetric, params in (
        (True, estimate_weight(x, ours.weight, 0)),
        (False, estimate_activation(tensor_stats(x), ours.activation)),
    ):
        qmin, qmax = get_qmin_qmax_for_qType(defaults["weight_type"].tensor_type, symmetric=symmetric)
        ends = (x.min().numpy(), x.max().numpy(), qmin, qmax)
        zero, scale = compute_scale_zp(*ends, symmetric=symmetric)
        assert float(params.scale) == pytest.approx(float(scale), rel=1e-6)
        assert int(params.zero_point) == int(zero)


def test_the_weight_only_presets_are_torchaos():
    torchao = pytest.importorskip("torchao.quantization.quant_primitives")
    x = torch.randn(6, 64)
    for preset, block, ends in (("weight-only", (1, 64), (-128, 127)), ("weight-only-int4", (1, 32), (-8, 7))):
        ours = PRESETS[preset]
        assert ours.activation is None
        scale, _ = torchao.choose_qparams_affine(x, torchao.MappingType.SYMMETRIC, block, torch.int8, *ends)
        assert np.allclose(estimate_weight(x, ours.weight, 0).scale.reshape(-1), scale.numpy().reshape(-1), rtol=1e-6)


def test_the_tensorrt_preset_is_symmetric_with_a_127th_of_the_range():
    ours = PRESETS["tensorrt"]
    x = torch.randn(6, 40)
    assert np.allclose(estimate_weight(x, ours.weight, 0).scale, x.abs().amax(1) / 127)
    params = estimate_activation(tensor_stats(x), ours.activation.but(estimator="minmax"))
    assert float(params.scale) == pytest.approx(float(x.abs().max()) / 127)
    assert int(params.zero_point) == 0
    assert (params.qmin, params.qmax) == (-128, 127)  # QuantizeLinear saturates there
    assert ours.activation.estimator == "entropy"
