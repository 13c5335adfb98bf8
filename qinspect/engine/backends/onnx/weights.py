"""How weights are stored in ONNX: as integers, in groups, in small float formats."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from ...plan.qconfig import DTYPES
from ...qparams import QParams

STORAGE: dict[str, Any] = {
    **{name: getattr(np, name) for name in DTYPES if "4" not in name},
    "int4": ml_dtypes.int4,
    "uint4": ml_dtypes.uint4,
    "fp16": np.float16,
    "bf16": ml_dtypes.bfloat16,
    "fp8_e4m3": ml_dtypes.float8_e4m3fn,
    "fp8_e5m2": ml_dtypes.float8_e5m2,
}
"""numpy's type of each storage type."""


def whole_numbers(weight: Any, params: QParams) -> NDArray[Any]:
    """A weight in its storage type: integers, or a float format's, divided by the scale."""
    if params.is_float:
        return np.asarray(params.to_format(weight.detach()).float().numpy().astype(STORAGE[params.dtype]))
    return np.asarray(params.quantize(weight.detach()).numpy()).astype(STORAGE[params.dtype])


def blocks(
    weight: Any, params: QParams
) -> tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.uint8] | None, int]:
    """A linear layer's weight as MatMulNBits takes it.

    Parameters
    ----------
    weight : torch.Tensor
        Shape (outputs, inputs).
    params : QParams
        Of a type in `ort.table.LOW_BITS`.

    Returns
    -------
    packed : uint8 array, shape (outputs, blocks, block size * bits / 8)
        Two numbers of 4 bits in a byte, the first in the low half.
    scale : float32 array, shape (outputs, blocks)
    zero_point : uint8 array | None
        Packed like the weight; None where it is the middle of the range, which is meant without one.
    size : int
        Of a block.
    """
    bits = 4 if params.dtype.endswith("4") else 8
    shift = 0 if params.dtype.startswith("u") else 2 ** (bits - 1)
    outputs, inputs = weight.shape
    size = params.group_size or next(n for n in (128, 64, 32, 16) if n <= inputs or n == 16)
    count = -(-inputs // size)
    whole = params.quantize(weight.detach()).numpy() + shift
    whole = np.pad(whole, ((0, 0), (0, count * size - inputs))).astype(np.uint8).reshape(outputs, count, size)

    def each(array: NDArray[Any]) -> NDArray[Any]:
        array = array if params.group_size else array.reshape(-1, 1)
        return np.ascontiguousarray(np.broadcast_to(array, (outputs, count)))

    zero = (each(params.zero_point) + shift).astype(np.uint8)
    middle = bool((zero == 2 ** (bits - 1)).all())
    if bits == 4:
        whole, zero = _packed(whole), _packed(np.pad(zero, ((0, 0), (0, count % 2))))
    return whole, each(params.scale).astype(np.float32), None if middle else zero, size


def _packed(numbers: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(numbers[..., 0::2] | (numbers[..., 1::2] << 4), np.uint8)
