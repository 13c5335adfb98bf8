"""How one tensor, and one layer, is to be quantized."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from .problem import Problem

DTYPES: Mapping[str, tuple[int, int]] = {
    "int4": (-8, 7),
    "int8": (-128, 127),
    "uint8": (0, 255),
    "int16": (-32768, 32767),
    "uint16": (0, 65535),
}
"""Integer types and the smallest and largest number that each can store."""

GRANULARITIES = ("per_tensor", "per_channel")
ESTIMATORS = ("minmax", "percentile", "mse", "entropy", "fixed")


@dataclass(frozen=True)
class TensorConfig:
    """How one tensor is quantized.

    Parameters
    ----------
    dtype : str
        Storage type, a key of `DTYPES`.
    bits : int
        Width of the grid that the range is spread over; fewer than the storage type's leave
        headroom (torch calls 7 bits for activations ``reduce_range``).
    symmetric : bool
        Zero point in the middle of the grid.
    narrow : bool
        Leave out the smallest number, so that the grid is the same on both sides of 0
        (onnxruntime's and TensorRT's weights; torch's keep it).
    granularity : str
        ``per_tensor`` or ``per_channel``; the latter for weights.
    estimator : str
        How the range is chosen from the statistics, one of `ESTIMATORS`.
    percentile : float
        Share of the values inside the range in percent, for ``percentile``.
    range : tuple of float | None
        Smallest and largest real number, for ``fixed``.
    """

    dtype: str = "uint8"
    bits: int = 8
    symmetric: bool = False
    narrow: bool = False
    granularity: str = "per_tensor"
    estimator: str = "minmax"
    percentile: float = 99.99
    range: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if self.dtype not in DTYPES:
            raise Problem("qconfig", f"unknown dtype {self.dtype!r}", f"Use one of {', '.join(DTYPES)}.")
        low, high = DTYPES[self.dtype]
        width = (high - low + 1).bit_length() - 1
        if not isinstance(self.bits, int) or not 2 <= self.bits <= width:
            raise Problem("qconfig", f"{self.bits} bits in {self.dtype}", f"Use 2 to {width} bits.")
        if self.granularity not in GRANULARITIES:
            raise Problem(
                "qconfig", f"unknown granularity {self.granularity!r}", f"Use one of {', '.join(GRANULARITIES)}."
            )
        if self.estimator not in ESTIMATORS:
            raise Problem("qconfig", f"unknown estimator {self.estimator!r}", f"Use one of {', '.join(ESTIMATORS)}.")
        finite = self.range is None or all(abs(end) < 3.4e38 for end in self.range)
        if not finite or (self.estimator == "fixed" and (self.range is None or not self.range[0] < self.range[1])):
            raise Problem("qconfig", "a fixed range needs two numbers, the smaller first", "Give range: [low, high].")
        if not 50 < self.percentile <= 100:
            raise Problem("qconfig", f"percentile {self.percentile}", "Use a number above 50, up to 100.")

    @property
    def storage(self) -> tuple[int, int]:
        """Smallest and largest number of the storage type."""
        return DTYPES[self.dtype]

    @property
    def grid(self) -> tuple[int, int]:
        """Smallest and largest number of the grid that the range is spread over."""
        if DTYPES[self.dtype][0] == 0:
            return 0, 2**self.bits - 1
        low = -(2 ** (self.bits - 1))
        return low + self.narrow, -low - 1

    def to_json(self) -> dict[str, Any]:
        """Only what says something: a percentile only with its estimator, likewise a range."""
        found = asdict(self)
        if self.estimator != "percentile":
            del found["percentile"]
        if self.estimator != "fixed":
            del found["range"]
        if not self.narrow:
            del found["narrow"]
        return found

    @staticmethod
    def from_json(data: Any) -> TensorConfig:
        """Read what `to_json` wrote.

        Raises
        ------
        Problem
            Where a key or a value is not known.
        """
        if not isinstance(data, Mapping):
            raise Problem("qconfig", f'expected an object or "float", found {data!r}', "See the plan format.")
        known = set(TensorConfig.__dataclass_fields__)
        if unknown := set(data) - known:
            raise Problem("qconfig", f"unknown key {sorted(unknown)[0]!r}", f"Known are {', '.join(sorted(known))}.")
        values = dict(data)
        for key, kind in (("symmetric", bool), ("narrow", bool), ("bits", int), ("percentile", (int, float))):
            if key in values and (not isinstance(values[key], kind) or (kind is int and values[key] is True)):
                raise Problem("qconfig", f"{key} is {values[key]!r}", "Its type is wrong; see the plan format.")
        if values.get("range") is not None:
            try:
                low, high = (float(number) for number in values["range"])
            except (TypeError, ValueError):
                raise Problem("qconfig", f"range is {values['range']!r}", "Give two numbers.") from None
            values["range"] = (low, high)
        try:
            return TensorConfig(**values)
        except TypeError:
            raise Problem("qconfig", "a value has the wrong type", "See the plan format.") from None

    def but(self, **changes: Any) -> TensorConfig:
        """A copy with some fields changed."""
        return replace(self, **changes)

    def __str__(self) -> str:
        width = "" if self.bits == (self.storage[1] - self.storage[0] + 1).bit_length() - 1 else f" ({self.bits} bit)"
        scheme = "symmetric" if self.symmetric else "affine"
        how = {"percentile": f"{self.percentile:g} %"}.get(self.estimator, self.estimator)
        return f"{self.dtype}{width} {scheme} {self.granularity.replace('_', '-')} {how}"


@dataclass(frozen=True)
class QConfig:
    """How a layer is quantized; None stands for float."""

    weight: TensorConfig | None
    activation: TensorConfig | None

    def to_json(self) -> dict[str, Any]:
        return {"weight": config_json(self.weight), "activation": config_json(self.activation)}


def config_json(config: TensorConfig | None) -> Any:
    """A configuration as plan.json has it: an object, or ``"float"``."""
    return "float" if config is None else config.to_json()


def config_from_json(data: Any) -> TensorConfig | None:
    """Read what `config_json` wrote."""
    return None if data == "float" else TensorConfig.from_json(data)


ACTIVATION = TensorConfig(dtype="uint8", estimator="mse")
WEIGHT = TensorConfig(dtype="int8", symmetric=True, granularity="per_channel")

PRESETS: Mapping[str, QConfig] = {
    "onnxruntime": QConfig(WEIGHT.but(narrow=True), ACTIVATION),
    "x86": QConfig(WEIGHT, ACTIVATION.but(bits=7)),
    "fbgemm": QConfig(WEIGHT, ACTIVATION.but(bits=7)),
    "onednn": QConfig(WEIGHT, ACTIVATION),
    "qnnpack": QConfig(WEIGHT.but(granularity="per_tensor"), ACTIVATION),
    "tensorrt": QConfig(WEIGHT.but(narrow=True), TensorConfig("int8", symmetric=True, estimator="entropy")),
    "float": QConfig(None, None),
}
"""Configurations by the names that people know. Grids are those of the library; the activation
range is estimated by MSE where the library leaves the observer open."""
