"""Audio: which files lie in a folder, and how one becomes a waveform of the model's rate and length."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from os import cpu_count
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..data_spec import DataSpec
from ..problem import Problem
from ..text import Text, dimensions, joined
from .encoded import Encoded
from .images import classes_of, content_key, describe_normalization, listed, standardize

SUFFIXES = {".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aiff", ".aif", ".au", ".w64", ".caf"}
CACHE_BYTES = 256 << 20
MOST_VALUES = 1 << 28
"""Values of one file, at most: an hour of 16 bits at 48 kHz has 170 million."""


class Audio:
    """Encoded audio, from files or from a table; one channel (the mean of all), float32 on -1..1.

    Parameters are those of `Images`.
    """

    def __init__(
        self,
        encoded: Encoded,
        spec: DataSpec,
        input_shape: tuple[int | None, ...] | None,
    ) -> None:
        _libraries(encoded.where)
        self.names, self.labels, self.targets = encoded.names, encoded.labels, encoded.targets
        self.parts, self.key = encoded.parts, encoded.key
        self._encoded, self._spec, where = encoded, spec, encoded.where
        shape = (None, None) if input_shape is None else input_shape
        if len(shape) not in (2, 3) or (len(shape) == 3 and shape[self._axis] not in (1, None)):
            raise Problem(
                where,
                Text("holds audio of one channel, but the model takes {wanted}", wanted=dimensions(shape)),
                Text("Give the features that it takes as an .npz with an array x."),
            )
        self._with_channel = len(shape) == 3
        time = shape[1] if len(shape) == 2 else shape[2 if self._axis == 1 else 1]
        self._length = time
        if spec.seconds is not None:
            if spec.rate is None:
                raise Problem(
                    Text("data option seconds"), Text("says a length without a rate"), Text("Give --rate as well.")
                )
            self._length = round(spec.seconds * spec.rate)
            if time not in (None, self._length):
                raise Problem(
                    Text("data option seconds"),
                    Text(
                        "{seconds:g} s at {rate} Hz are {length} samples, the model takes {time}",
                        seconds=spec.seconds,
                        rate=spec.rate,
                        length=self._length,
                        time=time,
                    ),
                    Text("Leave it out."),
                )
        self.preparation = self._describe()
        room = self._length or 16_000 * 10
        self._decode = lru_cache(maxsize=max(1, CACHE_BYTES // (4 * room)))(self._decode_file)
        self._rate = spec.rate

    @property
    def _axis(self) -> int:
        return 1 if self._spec.layout == "nchw" else 2

    def arrays(self, indices: Sequence[int]) -> tuple[npt.NDArray[Any], ...]:
        """The waveforms at `indices`, stacked: shape (N, T), or with an axis of one channel as the model takes it."""
        with ThreadPoolExecutor(max_workers=min(4, cpu_count() or 1)) as pool:
            waves = list(pool.map(self._decode, indices))
        for index, wave in zip(indices, waves, strict=True):
            if wave.shape != waves[0].shape:
                raise Problem(
                    self._encoded.place(index),
                    Text("has {count} samples where another file has {other}", count=len(wave), other=len(waves[0])),
                    Text("Set --seconds, so that all get one length."),
                )
        stacked = np.stack(waves)
        if self._with_channel:
            stacked = np.expand_dims(stacked, self._axis)
        return (standardize(stacked, self._spec),)

    def shape(self, index: int) -> int:
        """Number of samples as the model gets them."""
        return self._length or len(self._decode(index))

    def picture(self, index: int) -> None:
        return None

    def _decode_file(self, index: int) -> npt.NDArray[np.float32]:
        soundfile, soxr = _libraries(self._encoded.place(index))
        place = self._encoded.place(index)
        try:
            with soundfile.SoundFile(self._encoded.open(index)) as file:
                if file.frames * file.channels > MOST_VALUES:
                    raise Problem(place, Text("is longer than an hour, or says so"), Text("Cut it into pieces."))
                rate = file.samplerate
                wave = file.read(dtype="float32", always_2d=True).mean(1, dtype=np.float32)
        except Problem:
            raise
        except FileNotFoundError:
            raise Problem(place, Text("has gone since the folder was read"), Text("Open the data again.")) from None
        except Exception as fault:  # whatever a broken file makes the library raise
            line = " ".join(str(fault).split())[:200]
            raise Problem(
                place, Text("cannot be decoded as audio ({line})", line=line), Text("Remove or replace the file.")
            ) from fault
        if not len(wave) or not np.isfinite(wave).all():
            what = Text("holds NaN or infinite values") if len(wave) else Text("holds no sample")
            raise Problem(place, what, Text("Remove or replace the file."))
        if self._rate is None:
            self._rate = rate
        if self._spec.rate is not None and rate != self._spec.rate:
            wave = soxr.resample(wave, rate, self._spec.rate, "HQ").astype(np.float32)
        elif rate != self._rate:
            raise Problem(
                place,
                Text("has {rate} Hz where another file has {other} Hz", rate=rate, other=self._rate),
                Text("Set --rate."),
            )
        if self._length is not None:
            wave = np.pad(wave[: self._length], (0, max(0, self._length - len(wave))))
        wave.flags.writeable = False
        return wave

    def _describe(self) -> str:
        spec = self._spec
        words = [
            Text("{rate} Hz (soxr HQ)", rate=spec.rate) if spec.rate else Text("the files' own rate"),
            Text("one channel (mean)"),
        ]
        if self._length is not None:
            words.append(Text("{length} samples (the end cut off, or silence added)", length=self._length))
        return joined([*words, describe_normalization(spec) or Text("on -1..1")])


def _libraries(where: str) -> tuple[Any, Any]:
    try:
        import soundfile
        import soxr
    except (ImportError, OSError) as fault:  # OSError: there is no libsndfile
        raise Problem(
            where,
            Text("holds audio, which needs the packages soundfile and soxr"),
            Text("pip install qinspect[audio]."),
        ) from fault
    return soundfile, soxr


def open_audio(folder: Path, spec: DataSpec, input_shape: tuple[int | None, ...] | None) -> Audio:
    """List the audio files below `folder`; class sub-folders are labels, and none is decoded.

    Raises
    ------
    Problem
        Where labels are unclear, the packages are missing, or the model takes no waveform.
    """
    found = listed(folder, SUFFIXES)
    labels, parts = classes_of(folder, found)
    names = tuple(path.relative_to(folder).as_posix() for path in found)
    key = content_key(found, names, labels)
    encoded = Encoded(
        str(folder), found.__getitem__, lambda index: str(found[index]), names, labels, labels, parts, key
    )
    return Audio(encoded, spec, input_shape)
