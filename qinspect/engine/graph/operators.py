"""Which ATen operator is which canonical one, and what that means."""

from __future__ import annotations

from collections.abc import Mapping

CANONICAL: Mapping[str, str] = {
    "conv1d": "conv1d",
    "conv2d": "conv2d",
    "conv3d": "conv3d",
    "conv_transpose1d": "conv_transpose1d",
    "conv_transpose2d": "conv_transpose2d",
    "conv_transpose3d": "conv_transpose3d",
    "linear": "linear",
    "addmm": "matmul",
    "mm": "matmul",
    "bmm": "matmul",
    "baddbmm": "matmul",
    "addbmm": "matmul",
    "mv": "matmul",
    "dot": "matmul",
    "matmul": "matmul",
    "einsum": "einsum",
    "embedding": "embedding",
    "embedding_bag": "embedding_bag",
    "bilinear": "bilinear",
    "lstm": "lstm",
    "gru": "gru",
    "rnn_tanh": "rnn",
    "rnn_relu": "rnn",
    "lstm_cell": "lstm_cell",
    "gru_cell": "gru_cell",
    "rnn_tanh_cell": "rnn_cell",
    "rnn_relu_cell": "rnn_cell",
    "batch_norm": "batch_norm",
    "_native_batch_norm_legit": "batch_norm",
    "_native_batch_norm_legit_no_training": "batch_norm",
    "_native_batch_norm_legit_functional": "batch_norm",
    "layer_norm": "layer_norm",
    "native_layer_norm": "layer_norm",
    "group_norm": "group_norm",
    "native_group_norm": "group_norm",
    "instance_norm": "instance_norm",
    "rms_norm": "rms_norm",
    "scaled_dot_product_attention": "scaled_dot_product_attention",
    "relu": "relu",
    "relu6": "relu6",
    "hardtanh": "hardtanh",
    "clamp": "clamp",
    "clamp_min": "clamp",
    "clamp_max": "clamp",
    "leaky_relu": "leaky_relu",
    "rrelu": "leaky_relu",
    "prelu": "prelu",
    "_prelu_kernel": "prelu",
    "elu": "elu",
    "selu": "selu",
    "celu": "celu",
    "softplus": "softplus",
    "mish": "mish",
    "log_sigmoid": "logsigmoid",
    "threshold": "threshold",
    "glu": "glu",
    "hardswish": "hardswish",
    "hardsigmoid": "hardsigmoid",
    "sigmoid": "sigmoid",
    "tanh": "tanh",
    "silu": "silu",
    "gelu": "gelu",
    "softmax": "softmax",
    "_softmax": "softmax",
    "log_softmax": "log_softmax",
    "_log_softmax": "log_softmax",
    "max_pool1d": "max_pool1d",
    "max_pool2d": "max_pool2d",
    "max_pool3d": "max_pool3d",
    "max_pool2d_with_indices": "max_pool2d",
    "avg_pool1d": "avg_pool1d",
    "avg_pool2d": "avg_pool2d",
    "avg_pool3d": "avg_pool3d",
    "adaptive_avg_pool1d": "adaptive_avg_pool1d",
    "adaptive_avg_pool2d": "adaptive_avg_pool2d",
    "adaptive_avg_pool3d": "adaptive_avg_pool3d",
    "adaptive_max_pool1d": "adaptive_max_pool1d",
    "adaptive_max_pool2d": "adaptive_max_pool2d",
    "adaptive_max_pool3d": "adaptive_max_pool3d",
    "mean": "mean",
    "add": "add",
    "sub": "sub",
    "rsub": "sub",
    "mul": "mul",
    "div": "div",
    "cat": "cat",
    "concat": "cat",
    "stack": "stack",
    "pad": "pad",
    "constant_pad_nd": "pad",
    **{f"{kind}_pad{n}d": "pad" for kind in ("reflection", "replication") for n in (1, 2, 3)},
    **{f"{kind}{n}d": "interpolate" for kind in ("upsample_nearest", "_upsample_nearest_exact") for n in (1, 2, 3)},
    "upsample_linear1d": "interpolate",
    "upsample_bilinear2d": "interpolate",
    "_upsample_bilinear2d_aa": "interpolate",
    "upsample_bicubic2d": "interpolate",
    "_upsample_bicubic2d_aa": "interpolate",
    "upsample_trilinear3d": "interpolate",
}
"""ATen base name to canonical op; what is not here (and not `TRANSPARENT`) is ``other``."""

FIRST_OF_SEVERAL = frozenset(
    {
        "_native_batch_norm_legit",
        "_native_batch_norm_legit_no_training",
        "_native_batch_norm_legit_functional",
        "max_pool2d_with_indices",
        "native_layer_norm",
        "native_group_norm",
    }
)
"""They have several results, of which programs that are only read hardly ever use more than the first."""

LARGEST = frozenset({"aten.max.dim", "aten.min.dim"})
"""They give the largest (smallest) values along an axis, and where these are."""

TRANSPARENT = frozenset(
    {
        "view",
        "reshape",
        "_unsafe_view",
        "transpose",
        "permute",
        "t",
        "flatten",
        "unflatten",
        "squeeze",
        "unsqueeze",
        "expand",
        "expand_as",
        "slice",
        "narrow",
        "split",
        "split_with_sizes",
        "unsafe_split",
        "unsafe_split_with_sizes",
        "chunk",
        "select",
        "unbind",
        "pixel_shuffle",
        "pixel_unshuffle",
        "channel_shuffle",
        "native_channel_shuffle",
        "movedim",
        "swapaxes",
        "flip",
        "roll",
        "repeat",
        "repeat_interleave",
        "unfold",
        "diagonal",
        "index",
        "sym_size",
        "sym_numel",
        "getitem",
        "mul_symbolic",
        "index_select",
        "_to_copy",
        "to",
        "contiguous",
    }
)
"""They move or rename values and compute nothing."""

CREATED = frozenset({"zeros", "ones", "full", "empty", "eye", "arange", "scalar_tensor"})
"""They make tensors from sizes alone, such as the state with which an LSTM begins: no layers for people."""

FILLED = {"new_zeros": 0, "zeros_like": 0, "new_ones": 1, "ones_like": 1, "new_full": None, "full_like": None}
"""Of a tensor they read type and sizes alone, and fill one like it with that, or with their last argument (None)."""

TAKEN_APART = (
    "einsum.default",
    "tensordot.default",
    "inner.default",
    "tile.default",
    "hstack.default",
    "vstack.default",
    "dstack.default",
    "column_stack.default",
    "fliplr.default",
    "flipud.default",
    "rot90.default",
    "type_as.default",
)
"""Operators that torch itself computes as a few others of those above, and so are those to begin with."""

IDENTITIES = frozenset({"clone", "alias", "detach", "lift_fresh_copy", "dropout", "feature_dropout", "contiguous"})
"""They hand on their input unchanged in a program that is only read."""

ROLES: Mapping[str, tuple[tuple[int, str], ...]] = {
    **dict.fromkeys(
        ("conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "linear"),
        ((1, "weight"), (2, "bias")),
    ),
    "batch_norm": ((1, "weight"), (2, "bias"), (3, "running_mean"), (4, "running_var")),
    "prelu": ((1, "weight"),),
    "embedding": ((0, "weight"),),
    "layer_norm": ((2, "weight"), (3, "bias")),
    "group_norm": ((2, "weight"), (3, "bias")),
    "instance_norm": ((1, "weight"), (2, "bias"), (3, "running_mean"), (4, "running_var")),
    "rms_norm": ((2, "weight"),),
    "bilinear": ((2, "weight"), (3, "bias")),
    "embedding_bag": ((0, "weight"),),
    **dict.fromkeys(
        ("lstm_cell", "gru_cell", "rnn_cell"),
        ((2, "weight_ih"), (3, "weight_hh"), (4, "bias_ih"), (5, "bias_hh")),
    ),
}
"""Position of each stored tensor among the arguments, by canonical op."""

ACTIVATIONS = frozenset(
    {
        "relu",
        "relu6",
        "hardtanh",
        "clamp",
        "leaky_relu",
        "prelu",
        "elu",
        "hardswish",
        "hardsigmoid",
        "sigmoid",
        "tanh",
        "silu",
        "gelu",
    }
)
