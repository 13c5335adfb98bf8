"""Float layers made ready for torch.ao's eager mode: stubs, fused modules, and observers that know already.

Depends on torch alone: this file goes as it is into every export for eager mode.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.ao.nn import intrinsic
from torch.ao.nn.quantized import FloatFunctional
from torch.ao.quantization import DeQuantStub, QConfig, QuantStub, convert, prepare
from torch.ao.quantization.observer import ObserverBase

FUSED: dict[type[nn.Module], Any] = {
    nn.Conv1d: intrinsic.ConvReLU1d,
    nn.Conv2d: intrinsic.ConvReLU2d,
    nn.Conv3d: intrinsic.ConvReLU3d,
    nn.Linear: intrinsic.LinearReLU,
}

DTYPES = {"int8": torch.qint8, "uint8": torch.quint8}


class FixedObserver(ObserverBase):
    """Gives the scale and zero point that it was made with, per tensor or per channel, and observes nothing."""

    def __init__(self, scale: Any, zero_point: Any, dtype: str = "uint8", axis: int | None = None) -> None:
        super().__init__(dtype=DTYPES[dtype])
        self.scale = torch.atleast_1d(torch.tensor(scale, dtype=torch.float32))
        self.zero_point = torch.atleast_1d(torch.tensor(zero_point, dtype=torch.int64))
        limits = torch.iinfo(DTYPES[dtype])
        self.quant_min, self.quant_max = limits.min, limits.max
        self.ch_axis = axis
        self.qscheme = torch.per_tensor_affine if axis is None else torch.per_channel_affine

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x

    def calculate_qparams(self, **kwargs: Any) -> tuple[torch.Tensor, torch.Tensor]:
        return self.scale, self.zero_point


def observed(
    layer: nn.Module, out: tuple[float, int], weight: dict[str, Any] | None = None, relu: bool = False
) -> nn.Module:
    """A float layer that ``convert`` makes an int8 one of.

    Parameters
    ----------
    layer : nn.Module
        Float.
    out : tuple of float, int
        Scale and zero point of the output.
    weight : dict
        ``scale``, ``zero_point``, ``dtype`` and ``axis`` of the weight.
    relu : bool
        Whether a ReLU is fused into it.
    """
    made = FUSED[type(layer)](layer, nn.ReLU()) if relu else layer
    grid: dict[str, Any] = {"scale": 1.0, "zero_point": 0, "dtype": "int8"}
    grid.update({key: item for key, item in (weight or {}).items() if key in ("scale", "zero_point", "dtype", "axis")})
    made.qconfig = QConfig(
        activation=FixedObserver.with_args(scale=out[0], zero_point=out[1]), weight=FixedObserver.with_args(**grid)
    )
    return made.eval()


class Between(nn.Module):
    """An addition or a product of two activations: ``add``, ``add_relu`` or ``mul``."""

    def __init__(self, name: str, out: tuple[float, int]) -> None:
        super().__init__()
        self.name = name
        self.functional = observed(FloatFunctional(), out)

    def forward(self, one: torch.Tensor, two: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = getattr(self.functional, self.name)(one, two)
        return result


def quant_stub(point: tuple[float, int]) -> nn.Module:
    """Where real numbers become whole ones."""
    return observed(QuantStub(), point)


def dequant_stub() -> nn.Module:
    """Where integers become real ones."""
    return observed(DeQuantStub(), (1.0, 0))


def to_int8(model: nn.Module) -> nn.Module:
    """``prepare`` and ``convert`` a model of such layers, for the engine that is set; it is changed itself."""
    if not any(getattr(layer, "qconfig", None) for layer in model.modules()):
        return model.eval()  # nothing to convert, of which prepare would warn
    converted: nn.Module = convert(prepare(model.eval(), inplace=True), inplace=True)
    return converted
