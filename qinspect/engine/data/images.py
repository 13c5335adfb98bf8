"""Images: which files lie in a folder, and how one becomes what the model sees."""

from __future__ import annotations

import hashlib
import os
import warnings
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from ..data_spec import SPLITS, DataSpec, Labels, Picture, of_unit_range
from ..graph.memory import free_bytes
from ..problem import Problem
from ..text import Text, counted, dimensions, joined
from .encoded import Encoded

SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".bmp"}
CACHE_BYTES = 512 << 20
"""Decoded images that are kept, at most; where memory is short, an eighth of what is free."""
RESAMPLING = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
    "box": Image.Resampling.BOX,
}


class Images:
    """Encoded images, from files or from a table.

    Parameters
    ----------
    encoded : Encoded
    spec : DataSpec
    input_shape : tuple of int or None | None
        The model's input, with its batch.
    """

    def __init__(
        self,
        encoded: Encoded,
        spec: DataSpec,
        input_shape: tuple[int | None, ...] | None,
    ) -> None:
        self.names, self.labels, self.targets = encoded.names, encoded.labels, encoded.targets
        self.parts, self.key = encoded.parts, encoded.key
        spec = of_unit_range(spec)
        self._encoded, self._spec, where = encoded, spec, encoded.where
        # Height and width that the model wants (None: as the images are), the short side to which an image is
        # scaled first, and whether the model takes one channel.
        self._size, self._short_side, self._grey = _geometry(where, spec, input_shape)
        grey = self._grey
        # What each of the 256 levels becomes, per channel: one look-up instead of three passes over floats.
        grid = np.arange(256, dtype=np.float32)[:, None] / np.float32(255)
        self._levels = standardize(np.repeat(grid, 1 if grey else 3, axis=1), spec).T.copy()
        # A size that the model's input asked for is met already by images that have it.
        self._keep_fitting = spec.resize is None and spec.crop is None
        self.preparation = self._describe()
        height, width = self._size or (512, 512)
        # Every look at a plan runs the same samples again, and decoding costs more than a small model.
        free = free_bytes()
        room = CACHE_BYTES if free is None else min(CACHE_BYTES, free // 8)
        self._decode = lru_cache(maxsize=max(1, room // (height * width * 3)))(self._decode_file)

    def arrays(self, indices: Sequence[int]) -> tuple[npt.NDArray[Any], ...]:
        """The images at `indices`, normalized and stacked: one array, float32."""
        if len(indices) > 2:
            with ThreadPoolExecutor(max_workers=min(4, os.cpu_count() or 1)) as pool:
                pictures = list(pool.map(self._decode, indices))
        else:
            pictures = [self._decode(index) for index in indices]
        for index, picture in zip(indices, pictures, strict=True):
            if picture.shape != pictures[0].shape:
                raise Problem(
                    self._encoded.place(index),
                    Text("is {size} where another image is {other}", size=_size(picture), other=_size(pictures[0])),
                    Text("Set a crop, so that all images get one size."),
                )
        height, width = pictures[0].shape[:2] if pictures else self._size or (0, 0)
        count, channels = len(pictures), len(self._levels)
        if self._spec.layout == "nchw":
            planes = stacked = np.empty((count, channels, height, width), np.float32)
        else:
            stacked = np.empty((count, height, width, channels), np.float32)
            planes = stacked.transpose(0, 3, 1, 2)
        for i, picture in enumerate(pictures):
            for c, levels in enumerate(self._levels):
                source = 2 - c if self._spec.channels == "bgr" and channels == 3 else c
                planes[i, c] = levels[picture[..., source]]
        return (stacked,)

    def shape(self, index: int) -> tuple[int, ...]:
        """Height and width as the model gets them."""
        return self._size or self._decode(index).shape[:2]

    def picture(self, index: int) -> Picture:
        """The image scaled and cropped: uint8, shape (H, W, 3), red, green, blue."""
        return self._decode(index)

    def _decode_file(self, index: int) -> Picture:
        place = self._encoded.place(index)
        try:
            with warnings.catch_warnings():
                # Pillow warns of broken EXIF blocks and odd palettes in files that it reads well.
                warnings.simplefilter("ignore")
                with Image.open(self._encoded.open(index)) as opened:
                    image = _to_rgb(ImageOps.exif_transpose(opened))
        except FileNotFoundError:
            raise Problem(place, Text("has gone since the folder was read"), Text("Open the data again.")) from None
        except Problem:
            raise
        except Exception as fault:  # Pillow's plug-ins raise what they like on a broken file
            raise Problem(
                place, Text("cannot be decoded as an image ({fault})", fault=fault), Text("Remove or replace the file.")
            ) from fault
        if self._grey:
            image = image.convert("L").convert("RGB")
        if self._size is not None and not (self._keep_fitting and image.size == self._size[::-1]):
            image = self._crop(self._scale(image), place)
        picture = np.asarray(image)
        picture.flags.writeable = False
        return picture

    def _scale(self, image: Image.Image) -> Image.Image:
        assert self._size is not None
        if self._short_side is None:
            return image
        width, height = image.size
        rows, columns = self._size
        # For a square crop this is "short side"; for another one, what covers it in the same proportion.
        factor = self._short_side / min(rows, columns)
        scale = max(rows * factor / height, columns * factor / width)
        # Truncated, as torchvision does it, so that published accuracies come out.
        target = (int(width * scale + 1e-6), int(height * scale + 1e-6))
        return image.resize(target, RESAMPLING[self._spec.interpolation])

    def _crop(self, image: Image.Image, place: str) -> Image.Image:
        assert self._size is not None
        rows, columns = self._size
        width, height = image.size
        if rows > height or columns > width:
            raise Problem(
                place,
                Text(
                    "is {height} × {width} after scaling, smaller than the crop of {rows} × {columns}",
                    height=height,
                    width=width,
                    rows=rows,
                    columns=columns,
                ),
                Text("Set a larger resize or a smaller crop."),
            )
        left, top = round((width - columns) / 2), round((height - rows) / 2)
        return image.crop((left, top, left + columns, top + rows))

    def _describe(self) -> str:
        words: list[str] = []
        if self._size is not None:
            rows, columns = self._size
            if self._short_side is not None:
                words.append(
                    Text(
                        "short side {short_side} px ({interpolation})",
                        short_side=self._short_side,
                        interpolation=self._spec.interpolation,
                    )
                )
            words.append(Text("centre crop {rows} × {columns} px", rows=rows, columns=columns))
            if self._keep_fitting:
                words.append(Text("images of that size unchanged"))
        words.append(Text("grey") if self._grey else self._spec.channels.upper())
        words.append(describe_normalization(self._spec) or Text("scaled to 0..1"))
        return joined([*words, self._spec.layout.upper()])


def standardize(values: npt.NDArray[np.float32], spec: DataSpec) -> npt.NDArray[np.float32]:
    """(values - mean) / std, per channel along the axis that the layout names; in place."""
    if spec.mean is None or spec.std is None:
        return values
    axis = 1 if spec.layout == "nchw" else values.ndim - 1
    channels = values.shape[axis]
    if len(spec.mean) not in (1, channels):
        raise Problem(
            Text("data option normalize"),
            Text(
                "has {count} values for {channels}",
                count=len(spec.mean),
                channels=counted(channels, Text("channel")),
            ),
            Text("Give one, or one per channel."),
        )
    shape = [1] * values.ndim
    shape[axis] = -1
    values -= np.asarray(spec.mean, np.float32).reshape(shape)
    values /= np.asarray(spec.std, np.float32).reshape(shape)
    return values


def describe_normalization(spec: DataSpec) -> str:
    """In words; empty where nothing is subtracted or divided."""
    if spec.mean is None or spec.std is None:
        return ""
    mean, std = (", ".join(f"{value:.4g}" for value in values) for values in (spec.mean, spec.std))
    return Text("minus ({mean}), divided by ({std})", mean=mean, std=std)


def open_images(folder: Path, spec: DataSpec, input_shape: tuple[int | None, ...] | None) -> Images:
    """List the images below `folder`; none is decoded.

    Raises
    ------
    Problem
        Where there is none, labels are unclear, or the model does not take images.
    """
    found = listed(folder, SUFFIXES)
    if not found:
        raise Problem(
            str(folder),
            Text("holds no image"),
            Text(
                "Choose a folder with {suffixes} files.",
                suffixes=", ".join(sorted(suffix[1:] for suffix in SUFFIXES)),
            ),
        )
    labels, parts = classes_of(folder, found)
    names = tuple(path.relative_to(folder).as_posix() for path in found)
    key = content_key(found, names, labels)
    encoded = Encoded(
        str(folder), found.__getitem__, lambda index: str(found[index]), names, labels, labels, parts, key
    )
    return Images(encoded, spec, input_shape)


def listed(folder: Path, suffixes: Collection[str]) -> list[Path]:
    """The files below a folder, in the order of their names, hidden ones left out."""

    def walk(below: Path) -> Iterator[Path]:
        for path in sorted(below.iterdir()):
            if path.name.startswith("."):
                continue
            if path.is_dir():
                yield from walk(path)
            elif path.suffix.lower() in suffixes:
                yield path

    return list(walk(folder))


def classes_of(folder: Path, found: Sequence[Path]) -> tuple[Labels | None, tuple[str, ...] | None]:
    """Class indices by sub-folder, and the splits where the outermost folders are named so."""
    inside = [path.relative_to(folder).parts for path in found]
    tops = {parts[0] for parts in inside if len(parts) > 1}
    parts: tuple[str, ...] | None = None
    if {"calibrate", "final"} <= tops <= set(SPLITS) and all(len(path) > 1 for path in inside):
        parts = tuple(path[0] for path in inside)
        inside = [path[1:] for path in inside]
    return _label(folder, inside), parts


def _label(folder: Path, inside: Sequence[tuple[str, ...]]) -> Labels | None:
    loose = sum(len(path) == 1 for path in inside)
    if loose == len(inside):
        return None
    if loose:
        raise Problem(
            str(folder),
            Text(
                "holds {loose} files beside sub-folders of such files, so it is unclear whether these are labels",
                loose=loose,
            ),
            Text("Put every file into a class folder, or none."),
        )
    classes = sorted({path[0] for path in inside})
    if all(name.isdecimal() for name in classes):
        return np.array([int(path[0]) for path in inside], np.int64)
    index = {name: i for i, name in enumerate(classes)}
    return np.array([index[path[0]] for path in inside], np.int64)


def _geometry(
    where: str, spec: DataSpec, input_shape: tuple[int | None, ...] | None
) -> tuple[tuple[int, int] | None, int | None, bool]:
    """Crop (height, width), short side and whether the model takes grey images."""
    size = None if spec.crop is None else (spec.crop, spec.crop)
    grey = False
    if input_shape is not None:
        if len(input_shape) != 4:
            raise Problem(
                where,
                Text("holds images, but the model takes {shape}", shape=dimensions(input_shape)),
                Text("Give the data as an .npz with an array x."),
            )
        channels, rows, columns = input_shape[1:] if spec.layout == "nchw" else (input_shape[3], *input_shape[1:3])
        if channels not in (None, 1, 3):
            raise Problem(
                where,
                Text("holds images of 3 channels, but the model takes {shape}", shape=dimensions(input_shape)),
                Text("Check --layout (now {layout}), or give the data as an .npz with an array x.", layout=spec.layout),
            )
        grey = channels == 1
        if size is None and rows is not None and columns is not None:
            size = (rows, columns)
        elif size is not None and (rows or size[0], columns or size[1]) != size:
            raise Problem(
                Text("data option crop"),
                Text("{crop} does not fit the model's input {shape}", crop=spec.crop, shape=dimensions(input_shape)),
                Text("Use {rows}, or leave it out.", rows=rows),
            )
    if size is None and spec.resize is not None:
        size = (spec.resize, spec.resize)
    short_side = spec.resize
    if size is not None and short_side is None:
        short_side = round(min(size) * 256 / 224)
    return size, short_side, grey


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        values = np.asarray(image, np.float64)
        # Pillow would clip these to 255; a 16-bit grey image is to keep its shades.
        return Image.fromarray(np.clip(values / 257 + 0.5, 0, 255).astype(np.uint8)).convert("RGB")
    return image.convert("RGB")


def content_key(files: Sequence[Path], names: Sequence[str], labels: Labels | None) -> str:
    """Of names, sizes and times of files, and their labels."""
    digest = hashlib.blake2b(digest_size=16)
    for path, name in zip(files, names, strict=True):
        status = path.stat()
        digest.update(f"{name}\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
    digest.update(b"" if labels is None else labels.tobytes())
    return digest.hexdigest()


def _size(picture: Picture) -> str:
    return dimensions(picture.shape[:2])
