"""What is shown of a sample says what the model is given."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qinspect.engine.data import DataSpec, class_folders, open_data
from qinspect.engine.data.glimpse import POINTS, envelope, glimpse, said, together, values_of


def opened(folder: Path, **arrays: np.ndarray):
    np.savez(folder / "x.npz", **arrays)
    return open_data(DataSpec(str(folder / "x.npz")), None, False, tuple(name for name in arrays if name != "y"))


def test_a_signal_is_a_curve_and_says_its_range(tmp_path):
    wave = np.sin(np.arange(4000, dtype=np.float32) / 7)
    seen = glimpse(opened(tmp_path, x=np.stack([wave[None]] * 4)), 2)
    assert seen.picture is None
    assert seen.curve.shape == (2, POINTS)
    assert seen.curve[0].min() == wave.min()
    assert seen.curve[1].max() == wave.max()
    assert seen.words.startswith("1 × 4000 float32 in -1 … 1")


def test_a_spectrogram_is_a_picture_in_grey(tmp_path):
    plane = np.zeros((4, 40, 300), np.float32)
    plane[:, 7] = 1
    seen = glimpse(opened(tmp_path, x=plane), 0)
    assert seen.picture.shape[0] == 40
    assert (seen.picture[7] == 255).all()
    assert (seen.picture[8] == 0).all()


def test_token_numbers_and_a_few_features_are_said(tmp_path):
    data = opened(tmp_path, ids=np.arange(40).reshape(4, 10), size=np.full((4, 2), 0.25, np.float32))
    assert glimpse(data, 1).words == "10 int64: 10 11 12 13 14 15 16 17 …, 2 float32: 0.25 0.25"


@given(st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=1000))
def test_no_peak_of_a_curve_is_lost(values):
    low, high = envelope(np.array(values, np.float32))
    assert low.min() == min(values)
    assert high.max() == max(values)
    assert (low <= high).all()


def test_pixels_that_nobody_has_divided_are_told_from_such_that_somebody_has(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (4, 3, 8, 8)).astype(np.float32)
    pixels[:, :, 0, 0], pixels[:, :, 0, 1] = 0, 255
    raw = glimpse(opened(tmp_path, x=pixels), 1).values
    assert (raw.low, raw.high) == (0, 255)
    assert raw.unscaled
    assert not glimpse(opened(tmp_path, x=pixels / 255), 1).values.unscaled
    assert not glimpse(opened(tmp_path, x=pixels - 127), 1).values.unscaled
    assert not values_of(pixels[:, 0, 0]).unscaled  # features may be of any size
    assert values_of(pixels.astype(np.int64)) is None
    assert said(raw).startswith("values 0 … 255, mean 1")


@given(st.lists(st.lists(st.floats(-1e3, 1e3, width=32), min_size=6, max_size=6), min_size=1, max_size=5))
def test_values_of_several_samples_are_those_of_all_their_numbers(rows):
    found = together([values_of(np.array(row, np.float32)) for row in rows])
    every = values_of(np.array(rows, np.float32))
    assert (found.low, found.high) == (every.low, every.high)
    assert found.mean == pytest.approx(every.mean, abs=1e-6)
    assert found.std == pytest.approx(every.std, abs=1e-3)


@pytest.mark.parametrize(
    ("folders", "names"),
    [
        (("b", "a"), ("a", "b")),
        (("3", "1"), ()),
        (("calibrate/b", "calibrate/a", "final/a", "final/b", "select/a"), ("a", "b")),
    ],
)
def test_classes_are_named_by_their_folders(tmp_path, folders, names):
    from PIL import Image

    for folder in folders:
        (tmp_path / folder).mkdir(parents=True)
        for number in range(2):
            Image.new("RGB", (8, 8)).save(tmp_path / folder / f"{number}.png")
    assert class_folders(open_data(DataSpec(str(tmp_path)))) == names
