"""What a person sees of one sample as the model takes it: a picture, a curve, or a few words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..data_spec import Picture
from ..text import Text, joined
from . import Dataset
from .text import Texts

POINTS = 256
"""Places along a curve; between two of them only the lowest and the highest value are kept."""
SIDE = 256
"""Longest side of the picture that is made of a plane of numbers."""
LEAST_CURVE = 12
NUMBERS = 8
LETTERS = 300


UNSCALED = 30.0
"""Values of a picture that are nowhere negative and reach so far were hardly meant to be fed so."""


@dataclass(frozen=True)
class Values:
    """What the numbers of a model's first input are.

    Parameters
    ----------
    low, high, mean, std : float
    pictures : bool
        Whether they are images: samples, channels, rows, columns (or with the channels last).
    """

    low: float
    high: float
    mean: float
    std: float
    pictures: bool = False

    @property
    def unscaled(self) -> bool:
        """Whether they look like pixels that nobody has divided by 255."""
        return self.pictures and self.low >= 0 and self.high > UNSCALED


def values_of(array: npt.NDArray[np.generic]) -> Values | None:
    """What the numbers of a batch are; None of integers, and where there are none."""
    if array.dtype.kind != "f" or not array.size:
        return None
    wide = array.astype(np.float64)
    pictures = array.ndim == 4 and bool({array.shape[1], array.shape[-1]} & {1, 3, 4})
    return Values(float(wide.min()), float(wide.max()), float(wide.mean()), float(wide.std()), pictures)


def together(parts: Sequence[Values]) -> Values | None:
    """The same of several batches of one size."""
    if not parts:
        return None
    low, high = min(one.low for one in parts), max(one.high for one in parts)
    mean = sum(one.mean for one in parts) / len(parts)
    power = sum(one.std**2 + one.mean**2 for one in parts) / len(parts)
    return Values(low, high, mean, max(0.0, power - mean**2) ** 0.5, parts[0].pictures)


@dataclass(frozen=True, eq=False)
class Glimpse:
    """One sample.

    Parameters
    ----------
    picture : ndarray of uint8, shape (H, W, 3) | None
        An image, or a plane of numbers as grey, stretched to its own range.
    curve : ndarray of float32, shape (2, n) | None
        Lowest and highest value at each of n places of a sequence of numbers.
    words : str
        The text, where the sample is one, else shape, type and range of each input.
    values : Values | None
        Of the first input, as the model gets it.
    """

    picture: Picture | None
    curve: npt.NDArray[np.float32] | None
    words: str
    values: Values | None = None


def glimpse(data: Dataset, index: int) -> Glimpse:
    """Look at one sample of a data set.

    Raises
    ------
    Problem
        Where it cannot be decoded.
    """
    if isinstance(data.samples, Texts):
        return Glimpse(None, None, data.samples.line(index)[:LETTERS])
    picture = data.picture(index)
    if picture is not None:
        values = values_of(data.load((index,))[0].numpy())
        words = "" if values is None else said(values)
        return Glimpse(picture, None, words, values)
    arrays = data.samples.arrays((index,))
    inputs, values = [array[0] for array in arrays], values_of(arrays[0])
    words = joined([_described(values) for values in inputs])
    first = np.squeeze(inputs[0])
    if first.dtype.kind != "f":
        return Glimpse(None, None, words)
    if first.ndim == 1 and first.size >= LEAST_CURVE:
        return Glimpse(None, envelope(first), words, values)
    if first.ndim == 2 and min(first.shape) > 1:
        return Glimpse(_grey(first), None, words, values)
    return Glimpse(None, None, words, values)


def said(values: Values) -> Text:
    """What the numbers are, in words."""
    numbers = {name: f"{getattr(values, name):.3g}" for name in ("low", "high", "mean", "std")}
    return Text("values {low} … {high}, mean {mean}, standard deviation {std}", **numbers)


def envelope(values: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
    """Lowest and highest of the values, shape (n,), in at most `POINTS` stretches of nearly equal length.

    Returns
    -------
    ndarray of float32, shape (2, min(n, POINTS))
    """
    edges = np.linspace(0, len(values), min(len(values), POINTS) + 1).astype(int)[:-1]
    return np.stack([np.minimum.reduceat(values, edges), np.maximum.reduceat(values, edges)]).astype(np.float32)


def _grey(plane: npt.NDArray[np.floating]) -> Picture:
    """A plane of numbers, shape (H, W), as a picture of at most SIDE × SIDE, its lowest value black."""
    rows, columns = (np.linspace(0, n - 1, min(n, SIDE)).astype(int) for n in plane.shape)
    values = plane[np.ix_(rows, columns)].astype(np.float32)
    low, high = float(values.min()), float(values.max())
    grey = np.round((values - low) * (255 / (high - low or 1))).astype(np.uint8)
    return np.ascontiguousarray(np.broadcast_to(grey[..., None], (*grey.shape, 3)))


def _described(values: npt.NDArray[np.generic]) -> str:
    shape = " × ".join(map(str, values.shape)) or "1"
    if values.size <= NUMBERS or values.dtype.kind in "iub":
        flat = values.reshape(-1)
        said = " ".join(f"{value:.4g}" if values.dtype.kind == "f" else str(value) for value in flat[:NUMBERS])
        more = " …" if values.size > NUMBERS else ""
        return Text("{shape} {dtype}: {values}", shape=shape, dtype=values.dtype.name, values=said + more)
    low, high = float(values.min()), float(values.max())
    ends = {"low": f"{low:.4g}", "high": f"{high:.4g}"}
    return Text("{shape} {dtype} in {low} … {high}", shape=shape, dtype=values.dtype.name, **ends)
