"""Local data sets: what the user named becomes samples, three disjoint splits and batches."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby, islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ..data_spec import SPLITS, DataSpec, Labels, Picture, Samples, parse_normalize
from ..files import demand_file
from ..problem import Problem
from ..progress import Report, silent
from ..text import Text, joined
from .arrays import open_arrays
from .audio import SUFFIXES as AUDIO
from .audio import open_audio
from .code import open_callable
from .columns import open_tables
from .images import SUFFIXES as IMAGES
from .images import listed, open_images
from .sniff import BY_SUFFIX, kind_of_data
from .tables import KINDS, tables_in
from .tables import SUFFIXES as TABLES
from .text import open_text

__all__ = [
    "DataSpec",
    "Dataset",
    "Splits",
    "batches",
    "class_folders",
    "kind_of_source",
    "open_data",
    "parse_normalize",
    "split_samples",
]

ENOUGH_CALIBRATE = 128
ENOUGH_FINAL = 64
A_LOOK = 2_000
"""Files of a folder that tell of what kind it is, where only a quick look is taken."""


@dataclass(frozen=True)
class Splits:
    """Disjoint sample indices; a prefix of each is spread evenly over the labels too.

    Parameters
    ----------
    calibrate, select, final : tuple of int
        What ranges are measured on, what a search chooses on, what is reported on.
    warning : str | None
        Why figures that rest on these splits are to be taken with care.
    """

    calibrate: tuple[int, ...]
    select: tuple[int, ...]
    final: tuple[int, ...]
    warning: str | None


@dataclass(frozen=True, eq=False)
class Dataset:
    """Samples as the model takes them; immutable, decodes when asked.

    Parameters
    ----------
    spec : DataSpec
        What the user asked for.
    names : tuple of str
        One per sample: the image's path below the folder, or ``x[12]``.
    labels : ndarray of int64, shape (len,) | None
        Class indices, None where the source has none.
    targets : ndarray, shape (len, ...) | None
        What a metric compares the outputs with: the labels where there are some, else what the source
        has in their place (masks, numbers); None where it has nothing.
    splits : Splits
        Indices into the samples; those that ``spec.samples`` left out are in none.
    digest : str
        Equal for equal content prepared in the same way, wherever it lies.
    preparation : str
        What is done to a sample before the model sees it, in words.
    """

    spec: DataSpec
    names: tuple[str, ...]
    labels: Labels | None
    targets: npt.NDArray[Any] | None
    splits: Splits
    digest: str
    preparation: str
    samples: Samples = field(repr=False)

    def __len__(self) -> int:
        return len(self.names)

    def alike(self, indices: Sequence[int]) -> tuple[int, ...]:
        """Those of them that have the first one's shape, so that they can be stacked."""
        shape = self.samples.shape
        return tuple(index for index in indices if shape(index) == shape(indices[0]))

    def load(self, indices: Sequence[int]) -> tuple[torch.Tensor, ...]:
        """The samples at `indices`, stacked, one tensor per model input.

        Returns
        -------
        tuple of Tensor, each of shape (len(indices), ...)
            float32, unless the source stores integers and nothing normalizes them.

        Raises
        ------
        Problem
            Where an image cannot be decoded.
        """
        return tuple(torch.from_numpy(array) for array in self.samples.arrays(indices))

    def picture(self, index: int) -> Picture | None:
        """The sample as the model sees it, before normalization.

        Returns
        -------
        ndarray of uint8, shape (H, W, 3) | None
            Always red, green, blue. None where the sample is no image.
        """
        return self.samples.picture(index)


def open_data(
    spec: DataSpec,
    input_shape: tuple[int | None, ...] | None = None,
    allow_code: bool = False,
    input_names: Sequence[str] = (),
    report: Report = silent,
    apart: bool = False,
) -> Dataset:
    """Look at a source and divide its samples; images are decoded later.

    Parameters
    ----------
    spec : DataSpec
        What the user asked for.
    input_shape : tuple of int or None | None
        The model's input with its batch dimension; None where a dimension is free.
    allow_code : bool
        Whether a callable may run. Data files never run code.
    input_names : sequence of str
        The model's inputs: arrays of a file that bear these names are given in this order.
    report : Report
        Told of the batches that a callable returns; may raise Cancelled.
    apart : bool
        Whether a callable runs in a process of its own: where it hangs, `report` ends it.

    Raises
    ------
    Problem
        Where the source is missing, empty, unreadable, or does not fit the model.
    """
    path = Path(spec.source).expanduser()
    samples: Samples
    try:
        if path.is_dir():
            samples = _open_folder(path, spec, input_shape, input_names)
        elif path.exists():
            demand_file(path)
            samples = _open_file(path, spec, input_shape, input_names)
        elif ":" in spec.source and spec.source.rpartition(":")[2].isidentifier():
            samples = open_callable(spec, input_shape, allow_code, input_names, report, apart)
        else:
            raise Problem(spec.source, Text("is not there"), Text("Check the path to the data."))
    except OSError as fault:
        raise Problem(
            str(fault.filename or spec.source),
            Text("cannot be read ({reason})", reason=fault.strerror),
            Text("Check the path to the data."),
        ) from fault
    splits = split_samples(len(samples.names), samples.labels, spec, samples.parts)
    content = json.dumps([samples.key, samples.preparation, spec.preparation], sort_keys=True)
    digest = hashlib.blake2b(content.encode(), digest_size=16).hexdigest()
    return Dataset(spec, samples.names, samples.labels, samples.targets, splits, digest, samples.preparation, samples)


def kind_of_source(source: str) -> str:
    """``images``, ``audio``, ``table``, ``text`` or ``arrays``: a quick look at what is named; empty where nothing is.

    A callable gives arrays. Of a folder the first `A_LOOK` files are looked at by their names alone.
    """
    path = Path(source).expanduser()
    try:
        if source and path.is_dir():
            files = (name for _, _, names in os.walk(path) for name in names if not name.startswith("."))
            seen = {Path(name).suffix.lower() for name in islice(files, A_LOOK)}
            if seen & TABLES:
                return "table"
            return "images" if seen & IMAGES else "audio" if seen & AUDIO else ""
        if path.is_file():
            kind = kind_of_data(path)
            if kind in KINDS:
                return "table"
            return {"image": "images", "unknown": ""}.get(kind, kind if kind in ("text", "audio") else "arrays")
    except OSError:
        return ""
    return "arrays" if ":" in source and source.rpartition(":")[2].isidentifier() else ""


def _open_folder(
    folder: Path, spec: DataSpec, input_shape: tuple[int | None, ...] | None, input_names: Sequence[str]
) -> Samples:
    """What lies in a folder: tables, or audio files, else images."""
    if tables := tables_in(folder):
        return open_tables(folder, tables, spec, input_shape, input_names, partial(_used, spec))
    if listed(folder, AUDIO) and not listed(folder, IMAGES):
        return open_audio(folder, spec, input_shape)
    return open_images(folder, spec, input_shape)


def _open_file(
    path: Path, spec: DataSpec, input_shape: tuple[int | None, ...] | None, input_names: Sequence[str]
) -> Samples:
    kind = kind_of_data(path)
    if kind in KINDS:
        return open_tables(path, [(path, kind)], spec, input_shape, input_names, partial(_used, spec))
    if kind == "text":
        return open_text(path, spec, input_shape, input_names)
    if kind in ("image", "audio"):
        raise Problem(str(path), Text("is one {kind} file", kind=kind), Text("Give the folder that it lies in."))
    if kind == "unknown":
        raise Problem(
            str(path),
            Text("is no kind of data that is known"),
            Text("Use a folder of images or {suffixes}.", suffixes=", ".join(BY_SUFFIX)),
        )
    return open_arrays(path, kind, spec, input_shape, input_names)


def _used(spec: DataSpec, count: int, labels: Labels | None) -> tuple[int, ...]:
    splits = split_samples(count, labels, spec)
    return (*splits.calibrate, *splits.select, *splits.final)


def batches(
    data: Dataset, indices: Sequence[int], size: int
) -> Iterator[tuple[tuple[torch.Tensor, ...], Labels | None]]:
    """Model inputs and labels, `size` samples at a time.

    The last batch may be smaller, and so is one before a sample of another shape: samples keep their order.
    """
    for start in range(0, len(indices), size):
        for _, alike in groupby(indices[start : start + size], key=data.samples.shape):
            chosen = list(alike)
            yield data.load(chosen), None if data.labels is None else data.labels[chosen]


def class_folders(data: Dataset) -> tuple[str, ...]:
    """Names of the classes, by index, where sub-folders name them; empty where they are numbers or say nothing."""
    if data.labels is None:
        return ()
    found: dict[int, str] = {}
    for name, label in zip(data.names, data.labels, strict=True):
        folders = name.split("/")[:-1]
        below = folders[1:] if len(folders) > 1 and folders[0] in SPLITS else folders
        found.setdefault(int(label), below[0] if below else "")
    names = tuple(found.get(label, "") for label in range(len(found)))
    return () if "" in names or all(name.isdecimal() for name in names) else names


def split_samples(count: int, labels: Labels | None, spec: DataSpec, parts: Sequence[str] | None = None) -> Splits:
    """Divide samples into calibrate, select and final, by label, seeded.

    Parameters
    ----------
    count : int
        Number of samples.
    labels : ndarray of int64, shape (count,) | None
        Each label is divided in the same proportion.
    spec : DataSpec
        Its `samples`, `split` and `seed` count.
    parts : sequence of str, length count | None
        The split of each sample where the source fixes it; the shares are not used then.
    """
    order = _spread(np.arange(count), labels, spec.seed)
    wanted = min(spec.samples or count, count)
    pieces: list[npt.NDArray[np.int64]]
    if parts is None:
        chosen = _spread(np.sort(order[:wanted]), labels, spec.seed + 1)
        sizes = _apportion(wanted, spec.split)
        pieces = np.split(chosen, np.cumsum(sizes)[:-1])
    else:
        given = np.asarray(parts)
        groups = [order[given[order] == name] for name in SPLITS]
        sizes = _apportion(wanted, [len(group) for group in groups])
        pieces = [group[:size] for group, size in zip(groups, sizes, strict=True)]
    calibrate, select, final = (tuple(int(i) for i in piece) for piece in pieces)
    return Splits(calibrate, select, final, _warning(len(calibrate), len(select), len(final)))


def _spread(indices: npt.NDArray[np.int64], labels: Labels | None, seed: int) -> npt.NDArray[np.int64]:
    """A seeded order of which every stretch holds the labels in nearly the same proportion."""
    rng = np.random.default_rng(seed)
    shuffled = rng.permutation(indices)
    if labels is None:
        return shuffled
    # A sample's place is its rank within its label as a fraction; ties are broken at random.
    place = np.empty(len(shuffled))
    for label in np.unique(labels[shuffled]):
        members = np.flatnonzero(labels[shuffled] == label)
        place[members] = (np.arange(len(members)) + rng.random()) / len(members)
    return shuffled[np.argsort(place, kind="stable")]


def _apportion(total: int, shares: Sequence[float]) -> list[int]:
    """Integers in the proportion of `shares`; none that has a share goes empty if that can be."""
    weights = np.asarray(shares, float) / sum(shares)
    sizes = np.floor(weights * total).astype(int)
    for i in np.argsort(sizes - weights * total, kind="stable")[: total - int(sizes.sum())]:
        sizes[i] += 1
    # Calibrating comes before reporting, reporting before choosing.
    for i in (0, 2, 1):
        if weights[i] > 0 and sizes[i] == 0 and sizes.max() > 1:
            sizes[int(sizes.argmax())] -= 1
            sizes[i] += 1
    return [int(size) for size in sizes]


def _warning(calibrate: int, select: int, final: int) -> str | None:
    few = []
    if calibrate < ENOUGH_CALIBRATE:
        few.append(
            Text(
                "{calibrate} to calibrate on ({usual} are usual)",
                calibrate=calibrate,
                usual=ENOUGH_CALIBRATE,
            )
        )
    if not select:
        few.append(Text("none for a search to choose on"))
    if final < ENOUGH_FINAL:
        few.append(
            Text("{final} to report on ({usual} are usual)", final=final, usual=ENOUGH_FINAL)
            if final
            else Text("none to report on")
        )
    return Text("Few samples: {few}.", few=joined(few)) if few else None
