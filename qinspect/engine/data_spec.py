"""What the user says about the data, and what every kind of source provides."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from .problem import Problem
from .text import Text, one_of
from .typed import made

SPLITS = ("calibrate", "select", "final")
INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "lanczos", "box")
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))

Labels = npt.NDArray[np.int64]
Picture = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class DataSpec:
    """What the user says about the data; plain and JSON-able.

    Parameters
    ----------
    source : str
        A folder of images or of audio files, a ``.npz``, ``.npy``, ``.safetensors`` or ``.pt`` file, a Parquet or
        Arrow table (or a folder of them), a file of text, or a callable as ``package.module:name`` or
        ``file.py:name``.
    samples : int | None
        At most so many samples are used, chosen by `seed` and evenly over the labels.
    split : tuple of float
        Shares of calibrate, select and final; any scale.
    seed : int
        Decides which samples go where.
    resize : int | None
        Short side in pixels to which an image is scaled. None: crop * 256 / 224.
    crop : int | None
        Side in pixels of the square cut from the centre. None: the model's height and width.
    interpolation : str
        One of `INTERPOLATIONS`; with antialiasing, as Pillow does it.
    mean, std : tuple of float | None
        Per channel in the order of `channels`, on the scale where white is 1.
        None: images on 0..1, arrays as they are stored.
    channels : str
        ``rgb`` or ``bgr``: the order that the model wants.
    layout : str
        ``nchw`` or ``nhwc``: what the model wants; arrays are stored so already.
    rate : int | None
        Samples per second to which audio is brought. None: as the files are.
    seconds : float | None
        Length of audio: longer files lose their end, shorter ones get silence. None: what the model takes,
        or as the files are.
    tokenizer : str | None
        ``tokenizer.json`` of a text model, or the folder that holds it.
    max_length : int | None
        Tokens of a text at most. None: what the model takes, or as the texts are.
    label : str | None
        The column or array that a metric compares with. None: ``y``, ``labels`` or ``label``.
    """

    source: str
    samples: int | None = None
    split: tuple[float, float, float] = (50, 25, 25)
    seed: int = 0
    resize: int | None = None
    crop: int | None = None
    interpolation: str = "bilinear"
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    channels: str = "rgb"
    layout: str = "nchw"
    rate: int | None = None
    seconds: float | None = None
    tokenizer: str | None = None
    max_length: int | None = None
    label: str | None = None

    def __post_init__(self) -> None:
        def demand(holds: bool, option: str, what: str, remedy: str) -> None:
            if not holds:
                raise Problem(Text("data option {option}", option=option), what, remedy)

        for name in ("samples", "resize", "crop", "rate", "max_length"):
            value = getattr(self, name)
            demand(
                value is None or value >= 1,
                name,
                Text("{value} is not a number of at least 1", value=value),
                Text("Give a larger one."),
            )
        demand(
            self.seconds is None or 0 < self.seconds < np.inf,
            "seconds",
            Text("{seconds} is not a length", seconds=self.seconds),
            Text("Give a number above 0."),
        )
        shares = self.split
        demand(
            len(shares) == 3 and min(shares) >= 0 and shares[0] > 0 and np.isfinite(sum(shares)),
            "split",
            Text(
                "{shares} is not three shares of which the first is above 0",
                shares="/".join(f"{part:g}" for part in shares),
            ),
            Text("Write it as 50/25/25."),
        )
        for name, allowed in (
            ("interpolation", INTERPOLATIONS),
            ("channels", ("rgb", "bgr")),
            ("layout", ("nchw", "nhwc")),
        ):
            value = getattr(self, name)
            demand(
                value in allowed,
                name,
                Text("{value!r} is not known", value=value),
                one_of(value, allowed),
            )
        demand(
            (self.mean is None) == (self.std is None) and len(self.mean or ()) == len(self.std or ()),
            "normalize",
            Text("mean and std do not have the same number of values"),
            Text("Give one of each per channel."),
        )
        demand(min(self.std or (1.0,)) > 0, "normalize", Text("a std is not above 0"), Text("Give positive values."))

    @property
    def preparation(self) -> dict[str, Any]:
        """What the samples and their splits depend on beside the content of the source, as JSON.

        Where the files lie is left out: the content of the source, and of the tokenizer, is what counts. A number is
        written in one way, however it was given. Fields that came later are left out where they say nothing, so that
        what was known of older data sets is still known.
        """
        later = ("rate", "seconds", "max_length", "label")
        stored = self.to_json()
        for key in ("split", "mean", "std"):
            stored[key] = None if stored[key] is None else [float(value) for value in stored[key]]
        stored["seconds"] = None if self.seconds is None else float(self.seconds)
        wanted = (key for key in stored if key not in ("source", "tokenizer"))
        return {key: stored[key] for key in wanted if key not in later or stored[key] is not None}

    def to_json(self) -> dict[str, Any]:
        """All fields, with lists for tuples."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> DataSpec:
        """The inverse of `to_json`; fields that are not there take their defaults.

        Raises
        ------
        Problem
            Where a field is unknown, its value of another kind, or makes no sense.
        """
        unknown = sorted(set(stored) - {f.name for f in fields(cls)})
        if unknown or "source" not in stored:
            what = Text("does not know {unknown}", unknown=", ".join(unknown)) if unknown else Text("has no source")
            raise Problem(Text("data settings"), what, Text("Choose the data again."))
        try:
            return made(cls, stored)
        except TypeError as error:
            what = Text("not as the format says ({error})", error=error)
            raise Problem(Text("data settings"), what, Text("Choose the data again.")) from error


def parse_normalize(text: str) -> tuple[tuple[float, ...] | None, tuple[float, ...] | None]:
    """Mean and std from ``imagenet``, ``none`` or ``MEAN/STD`` with commas between the channels.

    ``(x-127)/128`` is another way to write ``127/128``. As for pixels, see `of_unit_range`.

    Raises
    ------
    Problem
        Where the text is none of these.
    """
    if text == "imagenet":
        return IMAGENET
    if text == "none":
        return None, None
    formula = re.fullmatch(r"\(x-(.+)\)/(.+)", re.sub(r"\s", "", text.lower()).replace("\N{MINUS SIGN}", "-"))
    parts = formula.groups() if formula else text.split("/")
    try:
        mean, std = (tuple(float(value) for value in part.split(",")) for part in parts)
    except ValueError:
        raise Problem(
            f"--normalize {text}",
            Text("is not imagenet, none or MEAN/STD"),
            Text("Write it as 0.485,0.456,0.406/0.229,0.224,0.225, or for pixels of 0 to 255 as (x-127)/128."),
        ) from None
    return mean, std


def of_unit_range(spec: DataSpec) -> DataSpec:
    """Mean and std of pixels between 0 and 255 as those of pixels between 0 and 1.

    A mean above 1, which no pixel between 0 and 1 reaches, says that they are of 0 to 255.
    """
    if spec.mean is None or spec.std is None or max(spec.mean) <= 1:
        return spec
    return replace(spec, mean=tuple(value / 255 for value in spec.mean), std=tuple(value / 255 for value in spec.std))


def parse_split(text: str, where: str = "split") -> tuple[float, float, float]:
    """Three shares from ``50/25/25``; they add up to 100 or to 1.

    Raises
    ------
    Problem
        Where the text is none of these; it names `where`.
    """
    try:
        shares = tuple(float(part) for part in text.split("/"))
    except ValueError:
        shares = ()
    if len(shares) != 3:
        raise Problem(where, Text("{text!r} is not three shares", text=text), Text("Write it as 50/25/25."))
    total = sum(shares)
    if not (abs(total - 100) <= 0.5 or abs(total - 1) <= 0.005):
        raise Problem(
            where,
            Text("{text!r} adds up to {total}, not to 100", text=text, total=f"{total:g}"),
            Text("Give shares in percent, such as 50/25/25."),
        )
    return shares[0], shares[1], shares[2]


class Samples(Protocol):
    """What a kind of source provides; `data` makes a `Dataset` of it."""

    names: tuple[str, ...]
    labels: Labels | None  # class indices
    targets: npt.NDArray[Any] | None  # what a metric compares with: the labels, or masks, numbers ...
    parts: tuple[str, ...] | None  # the split that each sample is in, where the source says so
    key: str  # changes whenever the content does
    preparation: str

    def arrays(self, indices: Sequence[int]) -> tuple[npt.NDArray[Any], ...]: ...

    def shape(self, index: int) -> Any: ...  # equal for samples that can be stacked

    def picture(self, index: int) -> Picture | None: ...
