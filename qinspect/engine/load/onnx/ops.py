"""What each ONNX operator computes, as torch functions: products, norms, activations, arithmetic.

The functions are those that a PyTorch author would have written, so that tracing them gives the
same layers. Convolutions and pooling are in `windows`, operators that move values in `moves`, recurrent ones in
`recurrent`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from ...text import Text
from .call import Call, Function, as_tensor, element_type

# -- products ------------------------------------------------------------------------------------


def _gemm(c: Call) -> torch.Tensor:
    a, b = c.tensor(0), c.tensor(1)
    alpha, beta = float(c.get("alpha", 1.0)), float(c.get("beta", 1.0))
    if c.get("transA", 0):
        a = a.t()
    bias = c.optional(2)
    if bias is not None and c.known(2) and bias.numel() == b.shape[0 if c.get("transB", 0) else 1]:
        bias = bias.reshape(-1) if bias.dim() != 1 else bias
    vector = bias is None or (bias.dim() == 1 and bias.shape[0] == b.shape[0 if c.get("transB", 0) else 1])
    if alpha == 1 and beta == 1 and vector:
        return F.linear(a, b if c.get("transB", 0) else b.t(), bias)
    y = torch.matmul(a, b.t() if c.get("transB", 0) else b)
    y = y if alpha == 1 else y * alpha
    return y if bias is None else y + (bias if beta == 1 else bias * beta)


def _matmul(c: Call) -> torch.Tensor:
    a, b = c.tensor(0), c.tensor(1)
    if c.known(1) and b.dim() == 2 and a.dim() >= 2:
        return F.linear(a, b.t())
    return torch.matmul(a, b)


def _linear(c: Call) -> torch.Tensor:
    """MatMul with a stored matrix and the addition of a stored vector, see `onnx_rewrite`."""
    return F.linear(c.tensor(0), c.tensor(1).t(), c.tensor(2))


def _rows(c: Call) -> torch.Tensor:
    """A linear layer of all but the last axis, see `rewrite`; of rows that are cut otherwise, between reshapes."""
    x, weight, bias = c.tensor(0), c.tensor(1), c.optional(2)
    if x.shape[-1] == weight.shape[1]:
        return F.linear(x, weight, bias)
    return F.linear(x.reshape(-1, weight.shape[1]), weight, bias).reshape([int(n) for n in c.get("shape")])


def _attention(c: Call) -> torch.Tensor:
    """Attention in parts, see `written_out`."""
    query, scale = c.tensor(0), float(c.get("scale"))
    usual = abs(scale * query.shape[-1] ** 0.5 - 1) < 1e-5
    return F.scaled_dot_product_attention(
        query,
        c.tensor(1),
        c.tensor(2),
        c.optional(3),
        is_causal=bool(c.get("causal", 0)),
        scale=None if usual else scale,
    )


# -- norms ---------------------------------------------------------------------------------------


def _batch_norm(c: Call) -> torch.Tensor:
    if c.get("training_mode", 0):
        raise c.refuse(Text("is in training mode"), Text("Export the model in eval mode."))
    x, weight, bias, mean, var = (c.tensor(index) for index in range(5))
    return F.batch_norm(
        x, mean, var, weight, bias, False, 1 - float(c.get("momentum", 0.9)), float(c.get("epsilon", 1e-5))
    )


def _layer_norm(c: Call) -> torch.Tensor:
    x = c.tensor(0)
    shape = list(x.shape[c.axis(-1, x.dim()) :])
    return F.layer_norm(x, shape, c.tensor(1), c.optional(2), float(c.get("epsilon", 1e-5)))


def _rms_norm(c: Call) -> torch.Tensor:
    x = c.tensor(0)
    return F.rms_norm(x, list(x.shape[c.axis(-1, x.dim()) :]), c.tensor(1), float(c.get("epsilon", 1e-5)))


def _written_out(c: Call) -> torch.Tensor:
    """RMSNorm or LayerNorm that a file writes out, see `written_out`; along an axis that is not the last, as it is."""
    x, axis, epsilon = c.tensor(0), int(c.get("axis")) % c.tensor(0).dim(), float(c.get("epsilon"))
    centred = c.op.kind == "Deviation"
    if axis == x.dim() - 1 and c.tensor(1).shape == x.shape[-1:]:
        if not centred:
            return F.rms_norm(x, list(x.shape[-1:]), c.tensor(1), epsilon)
        if c.tensor(2).shape == x.shape[-1:]:
            return F.layer_norm(x, list(x.shape[-1:]), c.tensor(1), c.tensor(2), epsilon)
    y = x - x.mean(axis, keepdim=True) if centred else x
    y = y / torch.sqrt(y.square().mean(axis, keepdim=True) + epsilon) * c.tensor(1)
    return y + c.tensor(2) if centred else y


def _groups(c: Call) -> torch.Tensor:
    weight, bias = (c.tensor(index).reshape(-1) if c.has(index) else None for index in (1, 2))
    return F.group_norm(c.tensor(0), int(c.get("num_groups")), weight, bias, float(c.get("epsilon")))


def _instance_norm(c: Call) -> torch.Tensor:
    return F.instance_norm(c.tensor(0), None, None, c.tensor(1), c.tensor(2), True, 0.1, float(c.get("epsilon", 1e-5)))


def _group_norm(c: Call) -> torch.Tensor:
    x, weight, bias, groups = c.tensor(0), c.tensor(1), c.tensor(2), int(c.get("num_groups"))
    if weight.shape[0] == groups != x.shape[1]:  # opset 18 scaled each group
        weight, bias = (item.repeat_interleave(x.shape[1] // groups) for item in (weight, bias))
    return F.group_norm(x, groups, weight, bias, float(c.get("epsilon", 1e-5)))


def _lp_normalization(c: Call) -> torch.Tensor:
    return F.normalize(c.tensor(0), float(c.get("p", 2)), int(c.get("axis", -1)))


def _lrn(c: Call) -> torch.Tensor:
    return F.local_response_norm(
        c.tensor(0),
        int(c.get("size")),
        float(c.get("alpha", 1e-4)),
        float(c.get("beta", 0.75)),
        float(c.get("bias", 1.0)),
    )


# -- activations ---------------------------------------------------------------------------------


def _clip(c: Call) -> torch.Tensor:
    x = c.tensor(0)
    if (c.has(1) and not c.known(1)) or (c.has(2) and not c.known(2)):
        return torch.clamp(x, c.optional(1), c.optional(2))
    low, high = c.number(1, "min"), c.number(2, "max")
    if x.is_floating_point():
        # Exporters write the ends of the type where there is no limit.
        low = None if low is None or low <= -3.4e38 else float(low)
        high = None if high is None or high >= 3.4e38 else float(high)
    if low is None and high is None:
        return x
    return F.relu(x) if low == 0 and high is None else torch.clamp(x, low, high)


def _prelu(c: Call) -> torch.Tensor:
    x, slope = c.tensor(0), c.tensor(1)
    channels = x.shape[1] if x.dim() > 1 else 1
    along = (1,) * (x.dim() - slope.dim()) + tuple(slope.shape)  # as it is broadcast: torch writes (1, C, 1, 1)
    per_channel = slope.numel() == 1 or (x.dim() > 1 and along == (1, channels, *(1 for _ in x.shape[2:])))
    if per_channel or (slope.shape == (channels,) and (x.dim() == 2 or c.opset < 7)):
        return F.prelu(x, slope.reshape(-1) if slope.dim() != 1 else slope)
    return torch.where(x < 0, x * slope, x)


def _hard_sigmoid(c: Call) -> torch.Tensor:
    x, alpha, beta = c.tensor(0), float(c.get("alpha", 0.2)), float(c.get("beta", 0.5))
    if abs(alpha - 1 / 6) < 1e-6 and beta == 0.5:
        return F.hardsigmoid(x)
    return torch.clamp(x * alpha + beta, 0.0, 1.0)


def _selu(c: Call) -> torch.Tensor:
    alpha, gamma = float(c.get("alpha", 1.67326319)), float(c.get("gamma", 1.05070102))
    if abs(alpha - 1.67326319) < 1e-5 and abs(gamma - 1.05070102) < 1e-5:
        return F.selu(c.tensor(0))
    return F.elu(c.tensor(0), alpha) * gamma


def _thresholded_relu(c: Call) -> torch.Tensor:
    return F.threshold(c.tensor(0), float(c.get("alpha", 1.0)), 0.0)


def _gelu(c: Call) -> torch.Tensor:
    return F.gelu(c.tensor(0), approximate=c.get("approximate", "none"))


def _softmax(function: Callable[..., torch.Tensor]) -> Function:
    def run(c: Call) -> torch.Tensor:
        x = c.tensor(0)
        if c.opset >= 13:
            return function(x, c.axis(-1, x.dim()))
        axis = c.axis(1, x.dim())
        if axis == x.dim() - 1:
            return function(x, axis)
        return function(x.flatten(axis), -1).reshape(x.shape)  # over all axes from this one on

    return run


def _shrink(c: Call) -> torch.Tensor:
    x, bias, limit = c.tensor(0), float(c.get("bias", 0.0)), float(c.get("lambd", 0.5))
    return torch.where(x < -limit, x + bias, torch.where(x > limit, x - bias, torch.zeros_like(x)))


# -- arithmetic ----------------------------------------------------------------------------------


def _binary(function: Callable[..., torch.Tensor]) -> Function:
    def run(c: Call) -> torch.Tensor:
        one, two = c.operand(0), c.operand(1)
        axis = c.get("axis")
        if axis is not None and isinstance(one, torch.Tensor) and isinstance(two, torch.Tensor):
            # Before opset 7 the second tensor's axes began at this one of the first's.
            two = two.reshape(*two.shape, *[1] * (one.dim() - int(axis) - two.dim()))
        return (
            function(one, two)
            if isinstance(one, torch.Tensor) or isinstance(two, torch.Tensor)
            else function(c.tensor(0), two)
        )

    return run


def _divide(one: Any, two: Any) -> torch.Tensor:
    whole = all(
        not (item.is_floating_point() if isinstance(item, torch.Tensor) else isinstance(item, float))
        for item in (one, two)
    )
    return torch.div(one, two, rounding_mode="trunc") if whole else torch.div(one, two)


def _modulo(c: Call) -> torch.Tensor:
    function = torch.fmod if c.get("fmod", 0) else torch.remainder
    return function(c.tensor(0), c.operand(1))


def _several(function: Callable[..., torch.Tensor], mean: bool = False) -> Function:
    def run(c: Call) -> torch.Tensor:
        total = c.tensor(0)
        for index in range(1, len(c.values)):
            total = function(total, c.tensor(index))
        return total / len(c.values) if mean else total

    return run


def _unary(function: Callable[..., torch.Tensor], **settings: tuple[str, float]) -> Function:
    """A function of one tensor; `settings` are its keywords: the attribute and its default."""

    def run(c: Call) -> torch.Tensor:
        keywords = {name: float(c.get(attribute, default)) for name, (attribute, default) in settings.items()}
        return function(c.tensor(0), **keywords)

    return run


def _reduce(function: Callable[..., torch.Tensor]) -> Function:
    def run(c: Call) -> torch.Tensor:
        x, axes, keep = c.tensor(0), c.numbers(1, "axes"), bool(c.get("keepdims", 1))
        if not axes:
            if c.get("noop_with_empty_axes", 0):
                return x
            axes = list(range(x.dim()))
        return function(x, [int(axis) for axis in axes], keep)

    return run


def _product(x: torch.Tensor, axes: Sequence[int], keep: bool) -> torch.Tensor:
    for axis in sorted((axis % x.dim() for axis in axes), reverse=True):
        x = x.prod(axis, keepdim=keep)
    return x


def _arg(function: Callable[..., torch.Tensor]) -> Function:
    def run(c: Call) -> torch.Tensor:
        if c.get("select_last_index", 0):
            raise c.refuse(Text("takes the last of equal values"))
        return function(c.tensor(0), int(c.get("axis", 0)), bool(c.get("keepdims", 1)))

    return run


def _cast(c: Call) -> torch.Tensor:
    dtype = as_tensor(np.empty(0, element_type(c.get("to")))).dtype
    return c.tensor(0).to(dtype)


def _cumsum(c: Call) -> torch.Tensor:
    if c.get("exclusive", 0) or c.get("reverse", 0):
        raise c.refuse(Text("runs backwards or leaves out the element itself"))
    return torch.cumsum(c.tensor(0), int(c.number(1)))


def _bit_shift(c: Call) -> torch.Tensor:
    shift = torch.bitwise_left_shift if c.get("direction") == "LEFT" else torch.bitwise_right_shift
    return shift(c.tensor(0), c.tensor(1))


def _quick_gelu(c: Call) -> torch.Tensor:
    x, alpha = c.tensor(0), float(c.get("alpha", 1.702))
    return F.silu(x) if alpha == 1 else x * torch.sigmoid(x * alpha)


ARITHMETIC: Mapping[str, Function] = {
    "Gemm": _gemm,
    "MatMul": _matmul,
    "Linear": _linear,
    "Rows": _rows,
    "Attention": _attention,
    "Einsum": lambda c: torch.einsum(c.get("equation"), *(c.tensor(i) for i in range(len(c.values)))),
    "BatchNormalization": _batch_norm,
    "LayerNormalization": _layer_norm,
    "RMSNormalization": _rms_norm,
    "RootMeanSquare": _written_out,
    "Deviation": _written_out,
    "Groups": _groups,
    "InstanceNormalization": _instance_norm,
    "GroupNormalization": _group_norm,
    "LpNormalization": _lp_normalization,
    "LRN": _lrn,
    "Relu": _unary(F.relu),
    "Clip": _clip,
    "LeakyRelu": _unary(F.leaky_relu, negative_slope=("alpha", 0.01)),
    "PRelu": _prelu,
    "EmbeddingBag": lambda c: F.embedding_bag(
        c.tensor(1), c.tensor(0), mode=("sum", "mean", "max")[int(c.get("mode"))]
    ),
    "Glu": lambda c: F.glu(c.tensor(0), int(c.get("axis"))),
    "Elu": _unary(F.elu, alpha=("alpha", 1.0)),
    "Celu": _unary(F.celu, alpha=("alpha", 1.0)),
    "Selu": _selu,
    "ThresholdedRelu": _thresholded_relu,
    "Softplus": _unary(F.softplus),
    "Softsign": _unary(F.softsign),
    "Mish": _unary(F.mish),
    "HardSigmoid": _hard_sigmoid,
    "HardSwish": _unary(F.hardswish),
    "Silu": _unary(F.silu),
    "Gelu": _gelu,
    "com.microsoft::Gelu": _unary(F.gelu),
    "com.microsoft::QuickGelu": _quick_gelu,
    "Sigmoid": _unary(torch.sigmoid),
    "Tanh": _unary(torch.tanh),
    "Softmax": _softmax(F.softmax),
    "LogSoftmax": _softmax(F.log_softmax),
    "Shrink": _shrink,
    "Add": _binary(torch.add),
    "Sub": _binary(torch.sub),
    "Mul": _binary(torch.mul),
    "Div": _binary(_divide),
    "Pow": _binary(torch.pow),
    "Mod": _modulo,
    "Min": _several(torch.minimum),
    "Max": _several(torch.maximum),
    "Sum": _several(torch.add),
    "Mean": _several(torch.add, mean=True),
    "Equal": _binary(torch.eq),
    "Greater": _binary(torch.gt),
    "GreaterOrEqual": _binary(torch.ge),
    "Less": _binary(torch.lt),
    "LessOrEqual": _binary(torch.le),
    "And": _binary(torch.logical_and),
    "Or": _binary(torch.logical_or),
    "Xor": _binary(torch.logical_xor),
    "Not": _unary(torch.logical_not),
    "BitShift": _bit_shift,
    "Abs": _unary(torch.abs),
    "Neg": _unary(torch.neg),
    "Exp": _unary(torch.exp),
    "Log": _unary(torch.log),
    "Sqrt": _unary(torch.sqrt),
    "Reciprocal": _unary(torch.reciprocal),
    "Floor": _unary(torch.floor),
    "Ceil": _unary(torch.ceil),
    "Round": _unary(torch.round),
    "Sign": _unary(torch.sign),
    "Erf": _unary(torch.erf),
    "Sin": _unary(torch.sin),
    "Cos": _unary(torch.cos),
    "Rsqrt": _unary(torch.rsqrt),
    "Tan": _unary(torch.tan),
    "Asin": _unary(torch.asin),
    "Acos": _unary(torch.acos),
    "Atan": _unary(torch.atan),
    "Sinh": _unary(torch.sinh),
    "Cosh": _unary(torch.cosh),
    "Asinh": _unary(torch.asinh),
    "Acosh": _unary(torch.acosh),
    "Atanh": _unary(torch.atanh),
    "IsNaN": _unary(torch.isnan),
    "IsInf": _unary(torch.isinf),
    "ReduceMean": _reduce(lambda x, axes, keep: x.mean(axes, keepdim=keep)),
    "ReduceSum": _reduce(lambda x, axes, keep: x.sum(axes, keepdim=keep)),
    "ReduceMax": _reduce(lambda x, axes, keep: x.amax(axes, keepdim=keep)),
    "ReduceMin": _reduce(lambda x, axes, keep: x.amin(axes, keepdim=keep)),
    "ReduceProd": _reduce(_product),
    "ReduceL1": _reduce(lambda x, axes, keep: x.abs().sum(axes, keepdim=keep)),
    "ReduceL2": _reduce(lambda x, axes, keep: torch.linalg.vector_norm(x.float(), 2, axes, keep)),
    "ReduceSumSquare": _reduce(lambda x, axes, keep: x.square().sum(axes, keepdim=keep)),
    "ReduceLogSum": _reduce(lambda x, axes, keep: x.sum(axes, keepdim=keep).log()),
    "ReduceLogSumExp": _reduce(lambda x, axes, keep: torch.logsumexp(x, axes, keepdim=keep)),
    "ArgMax": _arg(torch.argmax),
    "ArgMin": _arg(torch.argmin),
    "Cast": _cast,
    "CastLike": lambda c: c.tensor(0).to(c.tensor(1).dtype),
    "CumSum": _cumsum,
}
