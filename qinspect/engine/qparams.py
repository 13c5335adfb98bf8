"""Scales and zero points, and the rounding that they stand for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from .plan.qconfig import DTYPES, FLOATS, TensorConfig

EPS = float(np.finfo(np.float32).eps)
"""Smallest scale, as in torch.ao's observers."""

MOST_AXES = 64
"""Of a torch tensor."""

FLOAT_TYPES: Mapping[str, torch.dtype] = {
    "fp16": torch.float16,
    "bf16": torch.bfloat16,
    "fp8_e4m3": torch.float8_e4m3fn,
    "fp8_e5m2": torch.float8_e5m2,
}


@dataclass(frozen=True)
class QParams:
    """The numbers that quantize one tensor: ``q = clamp(round(x / scale) + zero_point)``.

    For a float format: ``q = format(clamp(x / scale))``, and fp16 and bf16 have scale 1.

    Parameters
    ----------
    scale : float32 array, shape (), (channels,) or (channels, groups)
        Size of a step. Without an axis, any shape that broadcasts against the tensor (one scale per token).
    zero_point : int32 array, same shape
        The number that stands for 0.
    dtype : str
        Storage type.
    qmin, qmax : int
        Where rounding clips: the storage type's limits for activations (kernels saturate there,
        whatever the number of bits), the grid's for weights.
    axis : int | None
        The channel axis, None per tensor.
    bits : int
        Width of the grid that the range was spread over.
    group_size : int | None
        Values of one group, along the axis behind the channels of a two-dimensional weight; the
        last group may be smaller. None where there are no groups.
    """

    scale: NDArray[np.float32]
    zero_point: NDArray[np.int32]
    dtype: str
    qmin: int
    qmax: int
    axis: int | None = None
    bits: int = 8
    group_size: int | None = None

    def to_json(self) -> dict[str, Any]:
        """As qparams.json has it; float32 numbers are exact in JSON."""
        found = {
            "scale": self.scale.astype(float).tolist(),
            "zero_point": self.zero_point.tolist(),
            "dtype": self.dtype,
            "bits": self.bits,
            "qmin": self.qmin,
            "qmax": self.qmax,
            "axis": self.axis,
        }
        return found if self.group_size is None else {**found, "group_size": self.group_size}

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> QParams:
        """Read what `to_json` wrote.

        Raises
        ------
        KeyError, TypeError, ValueError
            Where it is something else.
        """
        with np.errstate(over="ignore"):  # what is beyond float32 is refused below
            scale, zero_point = np.asarray(data["scale"], np.float32), np.asarray(data["zero_point"], np.int32)
        dtype, axis, group_size = str(data["dtype"]), data["axis"], data.get("group_size")
        if dtype not in DTYPES and dtype not in FLOATS:
            raise ValueError(f"dtype {dtype!r} is not known")
        if scale.shape != zero_point.shape or not (np.isfinite(scale) & (scale > 0)).all():
            raise ValueError("a scale is no positive number, or there is not one for each zero point")
        qmin, qmax, bits = int(data["qmin"]), int(data["qmax"]), int(data["bits"])
        grid = -(2**31) <= qmin < qmax < 2**31 and 2 <= bits <= TensorConfig(dtype).width
        if dtype not in FLOATS and not grid:
            raise ValueError(f"no grid of {dtype} has {bits} bits from {qmin} to {qmax}")
        if (axis is not None and not 0 <= axis < MOST_AXES) or (group_size is not None and not 1 <= group_size < 2**31):
            raise ValueError(f"no tensor has an axis {axis}, or groups of {group_size} values")
        return QParams(
            scale,
            zero_point,
            dtype,
            qmin,
            qmax,
            None if axis is None else int(axis),
            bits,
            None if group_size is None else int(group_size),
        )

    def __post_init__(self) -> None:
        # Arithmetic on arrays without axes gives numpy scalars, which torch does not take.
        # And of arrays that may not be written, as those of a mapped file, it makes tensors with a warning.
        object.__setattr__(self, "scale", np.require(self.scale, np.float32, "W"))
        object.__setattr__(self, "zero_point", np.require(self.zero_point, np.int32, "W"))

    @property
    def is_float(self) -> bool:
        """Whether it is a float format, which has no integers."""
        return self.dtype in FLOATS

    @property
    def low(self) -> NDArray[np.float64]:
        """Smallest real number on the grid of `bits`."""
        return np.asarray((self._ends[0] - self.zero_point.astype(np.int64)) * self.scale.astype(np.float64))

    @property
    def high(self) -> NDArray[np.float64]:
        """Largest real number on the grid of `bits`."""
        return np.asarray((self._ends[1] - self.zero_point.astype(np.int64)) * self.scale.astype(np.float64))

    @property
    def _ends(self) -> tuple[int, int]:
        grid = TensorConfig(self.dtype, self.bits).grid
        return max(grid[0], self.qmin), min(grid[1], self.qmax)

    def quantize(self, x: torch.Tensor) -> torch.Tensor:
        """Integers (int32), same shape as `x`; of an integer type only."""
        scale, zero = self._tensors(x)
        # By the reciprocal, as torch's fake quantization does it: a tie may round the other way otherwise.
        return torch.clamp(torch.round(x * (1 / scale)) + zero, self.qmin, self.qmax).to(torch.int32)

    def dequantize(self, q: torch.Tensor) -> torch.Tensor:
        """Real numbers (float32) for whole ones."""
        scale, zero = self._tensors(q)
        return (q.to(torch.float32) - zero) * scale

    def fake_quantize(self, x: torch.Tensor, out: torch.Tensor | None = None) -> torch.Tensor:
        """`x` rounded to the grid or format, float32, same shape.

        Parameters
        ----------
        x : torch.Tensor
        out : torch.Tensor, optional
            May be overwritten, such as `x` itself: one step for the whole tensor needs no other room then.
        """
        if self.is_float:
            return self.to_format(x).to(x.dtype) * self._tensors(x)[0]
        if self.axis is None and not self.scale.ndim:
            # torch.fake_quantize_per_tensor_affine's arithmetic, bit for bit, at a twentieth of its time.
            zero = int(self.zero_point)
            steps = torch.mul(x, float(np.float32(1) / self.scale), out=out).round_()
            return steps.clamp_(self.qmin - zero, self.qmax - zero).mul_(float(self.scale))
        if self.axis is None or self.group_size is not None:
            return self.dequantize(self.quantize(x))
        return torch.fake_quantize_per_channel_affine(
            x, torch.from_numpy(self.scale), torch.from_numpy(self.zero_point), self.axis, self.qmin, self.qmax
        )

    def broadcast(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Scale and zero point (float32) of every value of `x`, in its shape."""
        scale, zero = self._tensors(x)
        return scale.expand(x.shape), zero.expand(x.shape)

    def to_format(self, x: torch.Tensor) -> torch.Tensor:
        """`x`, divided by the scale, in torch's own dtype of a float format, same shape."""
        kind = FLOAT_TYPES[self.dtype]
        if not TensorConfig(self.dtype).has_scale:
            return x.to(kind)
        largest = FLOATS[self.dtype][1]
        return torch.clamp(x / self._tensors(x)[0], -largest, largest).to(kind)

    def _tensors(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Scale and zero point (float32) in a shape that broadcasts against `x`."""
        scale, zero = torch.from_numpy(self.scale), torch.from_numpy(self.zero_point).to(torch.float32)
        if self.group_size is not None:
            return tuple(t.repeat_interleave(self.group_size, 1)[:, : x.shape[1]] for t in (scale, zero))  # type: ignore[return-value]
        if self.axis is None:
            return scale, zero
        shape = [1] * x.dim()
        shape[self.axis] = -1
        return scale.reshape(shape), zero.reshape(shape)


def from_range(
    low: NDArray[np.floating] | float, high: NDArray[np.floating] | float, config: TensorConfig, axis: int | None = None
) -> QParams:
    """Scale and zero point for a range, as torch.ao's observers compute them.

    Affine: ``scale = (max(high, 0) - min(low, 0)) / (qmax - qmin)``,
    ``zero_point = qmin - round(low / scale)``. Symmetric:
    ``scale = max(-low, high) / ((qmax - qmin) / 2)``, zero point in the middle. For fp8 the largest
    number of the format stands for `qmax`; fp16 and bf16 take the numbers as they are.
    """
    qmin, qmax = config.grid
    low32 = np.minimum(np.asarray(low, np.float32), np.float32(0))
    high32 = np.maximum(np.asarray(high, np.float32), np.float32(0))
    if not config.has_scale:
        scale, zero = np.asarray(1, np.float32), np.asarray(0, np.int32)
    elif config.symmetric:
        bound = np.maximum(-low32, high32)
        scale = np.maximum(bound / np.float32((qmax - qmin) / 2), np.float32(EPS))
        middle = 0 if qmin < 0 else (qmin + qmax + 1) // 2
        zero = np.full(scale.shape, middle, np.int32)
    else:
        with np.errstate(over="ignore"):
            span = high32 - low32
        steps = np.float32(qmax - qmin)
        # The widest range that float32 can hold is wider than its largest number.
        scale = np.where(np.isfinite(span), span / steps, high32 / steps - low32 / steps)
        scale = np.maximum(scale, np.float32(EPS))
        zero = np.clip(qmin - np.round(low32 / scale).astype(np.int64), qmin, qmax).astype(np.int32)
    return QParams(
        np.asarray(scale, np.float32), np.asarray(zero, np.int32), config.dtype, *config.storage, axis, config.bits
    )


def dynamic_qparams(x: torch.Tensor, config: TensorConfig) -> QParams:
    """Scale and zero point of a value for the range that it has now.

    Parameters
    ----------
    x : torch.Tensor
        Float, any shape.
    config : TensorConfig
        ``per_token`` gives every row of the last axis its own; the scale has a last axis of 1 then.
    """
    low, high = x.detach().float().aminmax(dim=-1, keepdim=True) if config.granularity == "per_token" else x.aminmax()
    low, high = (torch.nan_to_num(end.detach().float()) for end in (low, high))
    return from_range(low.numpy(), high.numpy(), config)


FIXED_OUTPUTS = {"sigmoid": (1 / 256, 0), "hardsigmoid": (1 / 256, 0), "softmax": (1 / 256, 0), "tanh": (2 / 256, 128)}
"""Scale and zero point (uint8) of operators whose output range is known."""


def fixed_output(op: str, config: TensorConfig) -> QParams | None:
    """qparams of an operator with a known output range, for 8-bit unsigned outputs; else None."""
    if op not in FIXED_OUTPUTS or config.dtype != "uint8" or config.estimator == "fixed":
        return None
    scale, zero = FIXED_OUTPUTS[op]
    return QParams(np.asarray(scale, np.float32), np.asarray(zero, np.int32), "uint8", 0, 255)
