"""How one tensor, and one layer, is to be quantized."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..problem import Problem
from ..text import Text, one_of

DTYPES: Mapping[str, tuple[int, int]] = {
    "int4": (-8, 7),
    "uint4": (0, 15),
    "int8": (-128, 127),
    "uint8": (0, 255),
    "int16": (-32768, 32767),
    "uint16": (0, 65535),
}
"""Integer types and the smallest and largest number that each can store."""

FLOATS: Mapping[str, tuple[int, float]] = {
    "fp16": (16, 65504.0),
    "bf16": (16, 3.3895313892515355e38),
    "fp8_e4m3": (8, 448.0),
    "fp8_e5m2": (8, 57344.0),
}
"""Float formats, their width in bits and largest number. fp8_e4m3 is the one without infinities (``float8_e4m3fn``)."""

ALIASES: Mapping[str, str] = {"float16": "fp16", "bfloat16": "bf16"}

GRANULARITIES = ("per_tensor", "per_channel", "per_group", "per_token")
ESTIMATOR_TITLES: Mapping[str, Text] = {
    "minmax": Text("minmax"),
    "moving_average": Text("moving average"),
    "percentile": Text("percentile"),
    "mse": Text("mse"),
    "entropy": Text("entropy"),
    "fixed": Text("fixed"),
    "none": Text("none"),
}
ESTIMATORS = tuple(ESTIMATOR_TITLES)

LARGEST = 3.4e38
"""Ends of a range reach so far: about the largest number of float32."""


def _demand_known(name: str, value: Any, known: Sequence[str]) -> None:
    if value not in known:
        what = Text("unknown {name} {value!r}", name=name, value=value)
        raise Problem("qconfig", what, one_of(value, known))


@dataclass(frozen=True)
class TensorConfig:
    """How one tensor is quantized.

    What says nothing takes its default, so that two configurations that mean the same are equal:
    a float format has no zero point, fp16 and bf16 have no scale, a dynamic range no estimator.

    Parameters
    ----------
    dtype : str
        Storage type, a key of `DTYPES` or `FLOATS`.
    bits : int
        Width of the grid that the range is spread over; fewer than the storage type's leave
        headroom. 0 is all that the storage type has. What torch and onnxruntime both call
        ``reduce_range`` is 7: of torch's activations, of onnxruntime's weights.
    symmetric : bool
        Zero point in the middle of the grid.
    narrow : bool
        Leave out the smallest number, so that the grid is the same on both sides of 0
        (onnxruntime's and TensorRT's weights; torch's keep it).
    granularity : str
        ``per_tensor``; ``per_channel`` and ``per_group`` (of the input's features, along each
        output channel) for weights; ``per_token`` (every row of the last axis) for dynamic activations.
    estimator : str
        How the range is chosen from the statistics, one of `ESTIMATORS`. ``none`` is of layers that hand on real
        numbers: what they read is rounded; what they make, where nothing reads integers and a kernel can give such,
        is not.
    percentile : float
        Share of the values inside the range in percent, for ``percentile``.
    range : tuple of float | None
        Smallest and largest real number, for ``fixed``.
    dynamic : bool
        The range is that of the values at run time (activations).
    group_size : int
        Values with one scale, for ``per_group``.
    momentum : float
        Weight of each new batch, for ``moving_average`` (torch calls it ``averaging_constant``).
    """

    dtype: str = "uint8"
    bits: int = 0
    symmetric: bool = False
    narrow: bool = False
    granularity: str = "per_tensor"
    estimator: str = "minmax"
    percentile: float = 99.99
    range: tuple[float, float] | None = None
    dynamic: bool = False
    group_size: int = 32
    momentum: float = 0.01

    def __post_init__(self) -> None:
        self._settle("dtype", ALIASES.get(self.dtype, self.dtype))
        _demand_known("dtype", self.dtype, (*DTYPES, *FLOATS))
        if self.bits == 0 and self.bits is not False:
            self._settle("bits", self.width)
        _demand_known("granularity", self.granularity, GRANULARITIES)
        _demand_known("estimator", self.estimator, ESTIMATORS)
        self._check_numbers()
        if self.granularity == "per_token" and not self.dynamic:
            raise Problem("qconfig", Text("per_token ranges are known at run time only"), Text("Set dynamic: true."))
        if self.is_float:
            self._settle("symmetric", True)
            self._settle("narrow", False)
        if not self.has_scale:
            self._settle("granularity", "per_tensor")
            self._settle("dynamic", False)
        if self.dynamic or not self.has_scale:
            self._settle("estimator", "minmax")
            self._settle("range", None)

    def _check_numbers(self) -> None:
        least = self.width if self.is_float else 2
        if type(self.bits) is not int or not least <= self.bits <= self.width:
            raise Problem(
                "qconfig",
                Text("{bits} bits in {dtype}", bits=self.bits, dtype=self.dtype),
                Text("Use {least} to {width} bits.", least=least, width=self.width),
            )
        finite = self.range is None or all(abs(end) <= LARGEST for end in self.range)
        if not finite or (self.estimator == "fixed" and (self.range is None or not self.range[0] < self.range[1])):
            raise Problem(
                "qconfig", Text("a fixed range needs two numbers, the smaller first"), Text("Give range: [low, high].")
            )
        if not 50 < self.percentile <= 100:
            raise Problem(
                "qconfig",
                Text("percentile {percentile}", percentile=self.percentile),
                Text("Use a number above 50, up to 100."),
            )
        if not 0 < self.momentum <= 1:
            raise Problem(
                "qconfig", Text("momentum {momentum}", momentum=self.momentum), Text("Use a number above 0, up to 1.")
            )
        if type(self.group_size) is not int or self.group_size < 2:
            raise Problem(
                "qconfig",
                Text("group_size {group_size}", group_size=self.group_size),
                Text("Use a whole number from 2."),
            )

    def _settle(self, field: str, value: Any) -> None:
        object.__setattr__(self, field, value)

    @property
    def is_float(self) -> bool:
        """Whether values are rounded to a float format, not to integers."""
        return self.dtype in FLOATS

    @property
    def has_scale(self) -> bool:
        """Whether values are divided by a scale; fp16 and bf16 are wide enough without."""
        return self.dtype not in ("fp16", "bf16")

    @property
    def width(self) -> int:
        """Bits of the storage type."""
        if self.is_float:
            return FLOATS[self.dtype][0]
        low, high = DTYPES[self.dtype]
        return (high - low + 1).bit_length() - 1

    @property
    def storage(self) -> tuple[int, int]:
        """Smallest and largest number of the storage type."""
        if self.is_float:
            largest = int(FLOATS[self.dtype][1])
            return -largest, largest
        return DTYPES[self.dtype]

    @property
    def grid(self) -> tuple[int, int]:
        """Smallest and largest number of the grid that the range is spread over."""
        if self.is_float:
            return self.storage
        if DTYPES[self.dtype][0] == 0:
            return 0, 2**self.bits - 1
        low = -(2 ** (self.bits - 1))
        return low + self.narrow, -low - 1

    def to_json(self) -> dict[str, Any]:
        """Only what says something: a percentile only with its estimator, likewise a range."""
        found: dict[str, Any] = {name: getattr(self, name) for name in TensorConfig.__dataclass_fields__}
        if self.estimator != "percentile":
            del found["percentile"]
        if self.estimator != "fixed":
            del found["range"]
        if self.estimator != "moving_average":
            del found["momentum"]
        if self.granularity != "per_group":
            del found["group_size"]
        for flag in ("narrow", "dynamic"):
            if not found[flag]:
                del found[flag]
        if self.dynamic or not self.has_scale:
            del found["estimator"]
        if self.is_float:
            del found["bits"], found["symmetric"]
        if not self.has_scale:
            del found["granularity"]
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
            raise Problem(
                "qconfig",
                Text('expected an object or "float", found {found}', found=repr(data)),
                Text('Write "float", or an object such as {example}.', example=EXAMPLE),
            )
        known = set(TensorConfig.__dataclass_fields__)
        if unknown := set(data) - known:
            key = sorted(unknown)[0]
            raise Problem("qconfig", Text("unknown key {key!r}", key=key), one_of(key, sorted(known)))
        values = dict(data)
        for key, (kind, words) in _KINDS.items():
            if key in values and (not isinstance(values[key], kind) or (kind is int and values[key] is True)):
                raise Problem(
                    "qconfig",
                    Text("{key} is {value}", key=key, value=repr(values[key])),
                    Text("Write {kind}.", kind=words),
                )
        if values.get("range") is not None:
            try:
                low, high = (float(number) for number in values["range"])
            except (TypeError, ValueError):
                raise Problem(
                    "qconfig",
                    Text("{key} is {value}", key="range", value=repr(values["range"])),
                    Text("Give two numbers."),
                ) from None
            values["range"] = (low, high)
        try:
            return TensorConfig(**values)
        except TypeError:
            what = Text("a value has the wrong type")
            raise Problem("qconfig", what, Text("Write it as in {example}.", example=EXAMPLE)) from None

    def but(self, **changes: Any) -> TensorConfig:
        """A copy with some fields changed, and those that depend on them brought along.

        Another dtype takes all its bits, ``per_token`` is dynamic and a static range is not per token.
        """
        if changes.get("dtype", self.dtype) != self.dtype:
            changes.setdefault("bits", 0)
        if changes.get("granularity") == "per_token":
            changes.setdefault("dynamic", True)
        if changes.get("dynamic") is False and self.granularity == "per_token":
            changes.setdefault("granularity", "per_tensor")
        return replace(self, **changes)

    @property
    def text(self) -> str:
        """In words: type, scheme, granularity, and how the range is found."""
        if not self.has_scale:
            return self.dtype
        narrow = self.bits != self.width
        kind = Text("{dtype} ({bits} bit)", dtype=self.dtype, bits=self.bits) if narrow else self.dtype
        per = {
            "per_tensor": Text("per-tensor"),
            "per_channel": Text("per-channel"),
            "per_group": Text("per-group {size}", size=self.group_size),
            "per_token": Text("per-token"),
        }[self.granularity]
        how = {
            "percentile": f"{self.percentile:g} %",
            "moving_average": Text("moving average {momentum:g}", momentum=self.momentum),
        }.get(self.estimator, ESTIMATOR_TITLES[self.estimator])
        how = Text("dynamic") if self.dynamic else how
        if self.is_float:
            return Text("{kind} {per} {how}", kind=kind, per=per, how=how)
        scheme = Text("symmetric") if self.symmetric else Text("affine")
        return Text("{kind} {scheme} {per} {how}", kind=kind, scheme=scheme, per=per, how=how)

    def __str__(self) -> str:
        return str(self.text)


_FLAG, _WHOLE, _NUMBER = (bool, Text("true or false")), (int, Text("a whole number")), ((int, float), Text("a number"))
_KINDS: Mapping[str, tuple[Any, Text]] = {
    "symmetric": _FLAG,
    "narrow": _FLAG,
    "dynamic": _FLAG,
    "bits": _WHOLE,
    "group_size": _WHOLE,
    "percentile": _NUMBER,
    "momentum": _NUMBER,
}
"""Types of the fields that `TensorConfig.from_json` checks, with the words for them."""

EXAMPLE = '{"dtype": "int8", "symmetric": true, "granularity": "per_channel"}'


@dataclass(frozen=True)
class QConfig:
    """How a layer is quantized; None stands for float.

    Both are *static* quantization, a weight with a dynamic activation is *dynamic*, a weight alone
    *weight-only*.
    """

    weight: TensorConfig | None
    activation: TensorConfig | None

    @property
    def keeps_values_float(self) -> bool:
        """Whether a layer reads and hands on float values all the same: dynamic and weight-only."""
        return self.activation is None or self.activation.dynamic

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
    "qinspect": QConfig(WEIGHT.but(narrow=True), ACTIVATION),
    "onnxruntime": QConfig(WEIGHT.but(narrow=True, granularity="per_tensor"), TensorConfig("int8")),
    "x86": QConfig(WEIGHT, ACTIVATION.but(bits=7)),
    "fbgemm": QConfig(WEIGHT, ACTIVATION.but(bits=7)),
    "onednn": QConfig(WEIGHT, ACTIVATION),
    "qnnpack": QConfig(WEIGHT.but(granularity="per_tensor"), ACTIVATION),
    "tensorrt": QConfig(
        WEIGHT.but(narrow=True), TensorConfig("int8", symmetric=True, narrow=True, estimator="entropy")
    ),
    "default-dynamic": QConfig(WEIGHT.but(granularity="per_tensor"), TensorConfig("uint8", dynamic=True)),
    "weight-only": QConfig(WEIGHT, None),
    "weight-only-int4": QConfig(TensorConfig("int4", symmetric=True, granularity="per_group", group_size=32), None),
    "float": QConfig(None, None),
}
"""Configurations by the names that people know, with the values that the libraries use.

``qinspect`` is what the project begins with on ONNX Runtime; ``onnxruntime`` are the defaults of its
``quantize_static``; ``x86`` to ``qnnpack`` torch.ao's default qconfigs, whose HistogramObserver
minimizes the squared error as ``mse`` does; ``default-dynamic`` torch.ao's default dynamic qconfig;
``weight-only`` torchao's int8 weights with a scale for each output channel; ``tensorrt`` the entropy
calibrator's symmetric int8.
"""
