"""What a person sees of one sample as the model takes it: a picture, a curve, or a few words."""

from __future__ import annotations

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
    """

    picture: Picture | None
    curve: npt.NDArray[np.float32] | None
    words: str


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
        return Glimpse(picture, None, "")
    inputs = [array[0] for array in data.samples.arrays((index,))]
    words = joined([_described(values) for values in inputs])
    first = np.squeeze(inputs[0])
    if first.dtype.kind != "f":
        return Glimpse(None, None, words)
    if first.ndim == 1 and first.size >= LEAST_CURVE:
        return Glimpse(None, envelope(first), words)
    if first.ndim == 2 and min(first.shape) > 1:
        return Glimpse(_grey(first), None, words)
    return Glimpse(None, None, words)


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
