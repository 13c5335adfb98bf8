"""Samples that are encoded files, wherever they lie: in a folder or in a column of a table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy.typing as npt

from ..data_spec import Labels


@dataclass(frozen=True)
class Encoded:
    """Encoded samples.

    Parameters
    ----------
    where : str
        The source as a whole, for messages.
    open : callable
        ``open(index)`` is the sample's file, or an open one.
    place : callable
        ``place(index)`` is what a sample is called in messages.
    names : tuple of str
        What they are called in tables.
    labels : ndarray of int64 | None
        Class index of each.
    targets : ndarray | None
        What a metric compares with.
    parts : tuple of str | None
        The split of each, where sub-folders say so.
    key : str
        Changes whenever the content does.
    """

    where: str
    open: Callable[[int], Path | BinaryIO]
    place: Callable[[int], str]
    names: tuple[str, ...]
    labels: Labels | None
    targets: npt.NDArray[Any] | None
    parts: tuple[str, ...] | None
    key: str
