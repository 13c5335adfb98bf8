"""Local data sets: what lies on the disk becomes exactly the tensors that the model is to see."""

from __future__ import annotations

import dataclasses
import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from qinspect.engine.data import (
    DataSpec,
    batches,
    open_data,
    parse_normalize,
    split_samples,
)
from qinspect.engine.problem import Problem


def save_image(path: Path, height: int = 40, width: int = 60, value: int | None = None) -> Path:
    """A picture whose red grows to the right and green downwards, or one flat colour."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.zeros((height, width, 3), np.uint8)
    if value is None:
        pixels[..., 0] = np.linspace(0, 250, width).astype(np.uint8)
        pixels[..., 1] = np.linspace(0, 250, height).astype(np.uint8)[:, None]
    else:
        pixels[:] = value
    Image.fromarray(pixels).save(path)
    return path


def save_npz(path: Path, count: int = 40, labels: bool = True) -> Path:
    x = np.random.default_rng(0).normal(size=(count, 3, 4, 5)).astype(np.float32)
    np.savez(path, x=x, **({"y": np.arange(count) % 4} if labels else {}))
    return path


class TestFolders:
    def test_class_folders_named_by_numbers_are_class_indices(self, tmp_path):
        for name in ("7", "12"):
            save_image(tmp_path / name / "a.png")
        data = open_data(DataSpec(str(tmp_path)))
        assert dict(zip(data.names, data.labels.tolist(), strict=True)) == {"12/a.png": 12, "7/a.png": 7}

    def test_class_folders_named_by_words_count_in_sorted_order(self, tmp_path):
        for name in ("dog", "cat", "10"):
            save_image(tmp_path / name / "a.png")
        data = open_data(DataSpec(str(tmp_path)))
        assert dict(zip(data.names, data.labels.tolist(), strict=True)) == {
            "10/a.png": 0,
            "cat/a.png": 1,
            "dog/a.png": 2,
        }

    def test_a_flat_folder_has_no_labels_and_other_files_are_passed_over(self, tmp_path):
        save_image(tmp_path / "b.png")
        save_image(tmp_path / "a.JPG")
        save_image(tmp_path / ".hidden.png")
        (tmp_path / "LICENSES.md").write_text("CC0")
        data = open_data(DataSpec(str(tmp_path)))
        assert data.names == ("a.JPG", "b.png")
        assert data.labels is None
        assert next(batches(data, [0], 1))[1] is None

    def test_folders_named_after_the_splits_fix_the_splits(self, tmp_path):
        for part, count in (("calibrate", 5), ("select", 3), ("final", 4)):
            for i in range(count):
                save_image(tmp_path / part / f"{i}.png")
        data = open_data(DataSpec(str(tmp_path)))
        assert data.labels is None
        for part, count in (("calibrate", 5), ("select", 3), ("final", 4)):
            members = getattr(data.splits, part)
            assert len(members) == count
            assert all(data.names[i].startswith(part) for i in members)

    def test_split_folders_may_hold_class_folders_and_a_class_keeps_its_index_in_all(self, tmp_path):
        for name in ("calibrate/cat", "calibrate/dog", "final/dog"):
            save_image(tmp_path / name / "a.png")
        data = open_data(DataSpec(str(tmp_path)))
        assert dict(zip(data.names, data.labels.tolist(), strict=True)) == {
            "calibrate/cat/a.png": 0,
            "calibrate/dog/a.png": 1,
            "final/dog/a.png": 1,
        }
        assert data.splits.select == ()
        assert "none for a search" in data.splits.warning

    def test_a_folder_that_only_looks_like_splits_is_taken_as_classes(self, tmp_path):
        for name in ("calibrate", "final", "other"):
            save_image(tmp_path / name / "a.png")
        assert open_data(DataSpec(str(tmp_path))).labels is not None

    def test_a_moved_folder_keeps_its_digest_and_a_changed_file_does_not(self, tmp_path):
        save_image(tmp_path / "one" / "a.png")
        before = open_data(DataSpec(str(tmp_path / "one"))).digest
        (tmp_path / "one").rename(tmp_path / "two")
        assert open_data(DataSpec(str(tmp_path / "two"))).digest == before
        save_image(tmp_path / "two" / "a.png", value=3)
        assert open_data(DataSpec(str(tmp_path / "two"))).digest != before

    def test_the_digest_changes_with_the_preprocessing(self, tmp_path):
        save_image(tmp_path / "a.png")
        digests = {
            open_data(spec, (1, 3, 16, 16)).digest
            for spec in (
                DataSpec(str(tmp_path)),
                DataSpec(str(tmp_path), interpolation="nearest"),
                DataSpec(str(tmp_path), channels="bgr"),
                DataSpec(str(tmp_path), seed=1),
            )
        }
        digests.add(open_data(DataSpec(str(tmp_path)), (1, 3, 8, 8)).digest)
        assert len(digests) == 5

    def test_how_a_number_is_written_changes_no_digest(self, tmp_path):
        path = str(save_npz(tmp_path / "d.npz"))
        whole = DataSpec(path, split=(50, 25, 25), mean=(0,), std=(1,))
        floats = dataclasses.replace(whole, split=(50.0, 25.0, 25.0), mean=(0.0,), std=(1.0,))
        assert open_data(whole).digest == open_data(floats).digest


class TestImages:
    def test_size_comes_from_the_model_where_nothing_is_asked(self, tmp_path):
        save_image(tmp_path / "a.png", 100, 200)
        data = open_data(DataSpec(str(tmp_path)), (None, 3, 28, 28))
        (x,) = data.load([0])
        assert x.shape == (1, 3, 28, 28)
        assert x.dtype == torch.float32
        assert "short side 32 px" in data.preparation
        # The centre of a 64 × 32 picture: red runs over the middle 28 of 64 columns.
        red = data.picture(0)[..., 0]
        assert red[14, 0] == pytest.approx(250 * 18.5 / 64, abs=3)
        assert red[14, 27] == pytest.approx(250 * 45.5 / 64, abs=3)

    def test_images_that_have_the_model_s_size_are_not_touched(self, tmp_path):
        save_image(tmp_path / "a.png", 32, 32)
        data = open_data(DataSpec(str(tmp_path)), (None, 3, 32, 32))
        assert (data.picture(0) == np.asarray(Image.open(tmp_path / "a.png"))).all()
        asked = open_data(DataSpec(str(tmp_path), resize=40, crop=32), (None, 3, 32, 32))
        assert (asked.picture(0) != data.picture(0)).any()

    def test_a_model_that_is_not_square_gets_its_shape(self, tmp_path):
        save_image(tmp_path / "a.png", 300, 100)
        save_image(tmp_path / "b.png", 100, 300)
        (x,) = open_data(DataSpec(str(tmp_path)), (1, 3, 20, 44)).load([0, 1])
        assert x.shape == (2, 3, 20, 44)

    def test_normalization_is_mean_and_std_on_0_to_1(self, tmp_path):
        save_image(tmp_path / "a.png", value=255)
        mean, std = parse_normalize("0.5,0.25,0/0.5,0.25,2")
        (x,) = open_data(DataSpec(str(tmp_path), mean=mean, std=std)).load([0])
        assert x[0, :, 0, 0].tolist() == [1.0, 3.0, 0.5]

    @pytest.mark.parametrize("text", ["(x-127)/128", "(x − 127) / 128", "127/128", "127,127,127/128,128,128"])
    def test_a_mean_above_1_is_of_pixels_between_0_and_255(self, tmp_path, text):
        save_image(tmp_path / "a.png", value=255)
        mean, std = parse_normalize(text)
        (x,) = open_data(DataSpec(str(tmp_path), mean=mean, std=std)).load([0])
        assert torch.allclose(x, torch.ones_like(x))
        np.savez(tmp_path / "x.npz", x=np.full((2, 3, 4, 4), 255, np.uint8))
        (x,) = open_data(DataSpec(str(tmp_path / "x.npz"), mean=mean, std=std)).load([0])
        assert torch.allclose(x, torch.ones_like(x))

    def test_bgr_swaps_what_the_model_sees_but_not_the_picture(self, tmp_path):
        save_image(tmp_path / "a.png")
        data = open_data(DataSpec(str(tmp_path), channels="bgr"))
        picture = data.picture(0)
        assert picture[0, -1].tolist() == [250, 0, 0]
        assert torch.equal(data.load([0])[0][0, 2], torch.from_numpy(picture[..., 0].copy()) / 255)

    def test_nhwc_puts_channels_last(self, tmp_path):
        save_image(tmp_path / "a.png")
        spec = DataSpec(str(tmp_path), layout="nhwc")
        assert open_data(spec, (1, 16, 24, 3)).load([0])[0].shape == (1, 16, 24, 3)

    def test_a_model_of_one_channel_gets_grey(self, tmp_path):
        save_image(tmp_path / "a.png", value=51)
        (x,) = open_data(DataSpec(str(tmp_path)), (1, 1, 16, 16)).load([0])
        assert x.shape == (1, 1, 16, 16)
        assert torch.allclose(x, torch.tensor(0.2))

    def test_exif_orientation_is_honoured(self, tmp_path):
        picture = Image.fromarray(np.zeros((10, 30, 3), np.uint8))
        exif = picture.getexif()
        exif[0x0112] = 6  # turned by 90 degrees
        picture.save(tmp_path / "a.jpg", exif=exif)
        assert open_data(DataSpec(str(tmp_path))).picture(0).shape == (30, 10, 3)

    @pytest.mark.parametrize("mode", ["L", "LA", "P", "RGBA", "1", "I;16", "CMYK"])
    def test_every_colour_mode_becomes_rgb(self, tmp_path, mode):
        suffix = "jpg" if mode == "CMYK" else "png"
        grey = Image.fromarray(np.full((8, 8), 255, np.uint8))
        image = Image.fromarray(np.full((8, 8), 65535, np.uint16)) if mode == "I;16" else grey.convert(mode)
        image.save(tmp_path / f"a.{suffix}")
        picture = open_data(DataSpec(str(tmp_path))).picture(0)
        assert picture.shape == (8, 8, 3)
        assert (picture >= 250).all()

    @pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "bmp"])
    def test_the_usual_formats_are_read(self, tmp_path, suffix):
        save_image(tmp_path / f"a.{suffix}", value=200)
        assert open_data(DataSpec(str(tmp_path))).picture(0).mean() == pytest.approx(200, abs=2)

    def test_threads_keep_the_order(self, tmp_path):
        for i in range(30):
            save_image(tmp_path / f"{i:02}.png", value=i)
        (x,) = open_data(DataSpec(str(tmp_path))).load(list(range(29, -1, -1)))
        assert (x[:, 0, 0, 0] * 255).round().tolist() == list(range(29, -1, -1))


class TestArrays:
    def test_npz_gives_x_and_labels_as_they_are(self, tmp_path):
        data = open_data(DataSpec(str(save_npz(tmp_path / "d.npz"))), (None, 3, 4, 5))
        stored = np.load(tmp_path / "d.npz")
        assert len(data) == 40
        assert (data.load([3, 1])[0].numpy() == stored["x"][[3, 1]]).all()
        assert data.labels.dtype == np.int64
        (x,), y = list(batches(data, range(40), 16))[-1]
        assert x.shape == (8, 3, 4, 5)
        assert y.tolist() == [0, 1, 2, 3] * 2

    @pytest.mark.parametrize("suffix", ["npy", "safetensors", "pt"])
    def test_other_formats_hold_the_same_samples(self, tmp_path, suffix):
        from safetensors.torch import save_file

        x, y, path = torch.randn(6, 2), torch.arange(6), tmp_path / f"d.{suffix}"
        if suffix == "npy":
            np.save(path, x.numpy())
        elif suffix == "pt":
            torch.save({"x": x, "y": y}, path)
        else:
            save_file({"x": x, "y": y}, path)
        data = open_data(DataSpec(str(path)), (1, 2))
        assert torch.equal(data.load(range(6))[0], x)
        assert data.labels is None if suffix == "npy" else data.labels.tolist() == y.tolist()
        if suffix != "npy":  # a file is what its content says
            other = path.rename(tmp_path / ("d.pt" if suffix == "safetensors" else "d.safetensors"))
            assert torch.equal(open_data(DataSpec(str(other)), (1, 2)).load(range(6))[0], x)

    @pytest.mark.parametrize(
        ("stored", "loaded"),
        [
            ("float64", torch.float32),
            ("float16", torch.float32),
            ("int64", torch.int64),
            ("uint8", torch.uint8),
            (">i8", torch.int64),  # as another computer stored them
            (">f4", torch.float32),
        ],
    )
    def test_integers_stay_integers_and_floats_become_float32(self, tmp_path, stored, loaded):
        np.save(tmp_path / "d.npy", np.ones((4, 3), stored))
        (x,) = open_data(DataSpec(str(tmp_path / "d.npy"))).load([0])
        assert x.dtype == loaded
        assert (x == 1).all()

    def test_what_a_metric_compares_with_is_in_the_computer_s_own_order_of_bytes(self, tmp_path):
        np.savez(tmp_path / "d.npz", x=np.ones((4, 3)), y=np.ones((4, 2), ">f8"))
        assert (torch.from_numpy(open_data(DataSpec(str(tmp_path / "d.npz"))).targets) == 1).all()

    def test_normalizing_uint8_arrays_scales_them_first(self, tmp_path):
        np.save(tmp_path / "d.npy", np.full((2, 1, 2, 2), 255, np.uint8))
        (x,) = open_data(DataSpec(str(tmp_path / "d.npy"), mean=(0.5,), std=(0.25,))).load([0])
        assert (x == 2).all()

    def test_image_like_arrays_have_a_picture_and_others_have_none(self, tmp_path):
        np.save(tmp_path / "d.npy", np.random.default_rng(0).random((2, 1, 5, 6)))
        picture = open_data(DataSpec(str(tmp_path / "d.npy"))).picture(1)
        assert picture.shape == (5, 6, 3)
        assert (picture.min(), picture.max()) == (0, 255)
        np.save(tmp_path / "e.npy", np.ones((2, 7)))
        assert open_data(DataSpec(str(tmp_path / "e.npy"))).picture(0) is None

    def test_equal_arrays_have_equal_digests(self, tmp_path):
        one, two = save_npz(tmp_path / "one.npz"), save_npz(tmp_path / "two.npz")
        assert open_data(DataSpec(str(one))).digest == open_data(DataSpec(str(two))).digest
        assert open_data(DataSpec(str(save_npz(one, 39)))).digest != open_data(DataSpec(str(two))).digest


class TestCallables:
    SOURCE = "import numpy, torch\ndef data():\n    for i in range(4):\n        yield "

    def test_batches_of_a_callable_are_joined(self, tmp_path):
        (tmp_path / "d.py").write_text(self.SOURCE + "torch.full((5, 2), float(i)), torch.full((5,), i)\n")
        data = open_data(DataSpec(f"{tmp_path / 'd.py'}:data"), (None, 2), allow_code=True)
        assert len(data) == 20
        assert data.load([7])[0].tolist() == [[1.0, 1.0]]
        assert data.labels.tolist() == np.repeat(range(4), 5).tolist()

    def test_an_endless_callable_stops_at_the_number_of_samples(self, tmp_path):
        (tmp_path / "d.py").write_text(
            "import itertools as i, numpy\ndef data():\n    return (numpy.ones((5, 2)) for _ in i.count())\n"
        )
        spec = DataSpec(f"{tmp_path / 'd.py'}:data", samples=12)
        assert len(open_data(spec, allow_code=True)) == 12

    def test_code_does_not_run_unless_allowed(self, tmp_path):
        (tmp_path / "d.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\ndata = list\n")
        with pytest.raises(Problem, match="may not run"):
            open_data(DataSpec(f"{tmp_path / 'd.py'}:data"))
        assert not (tmp_path / "ran").exists()

    @pytest.mark.parametrize(
        ("body", "message"),
        [
            ("def data(): return []", "returned no batch"),
            ("def data(): raise OSError('disk gone')", "disk gone"),
            ("other = 1", "data"),
            ("def data(): return ['text']", "not real numbers"),
        ],
    )
    def test_a_callable_that_fails_is_named(self, tmp_path, body, message):
        (tmp_path / "d.py").write_text(body)
        with pytest.raises(Problem, match=message) as caught:
            open_data(DataSpec(f"{tmp_path / 'd.py'}:data"), allow_code=True)
        assert "d.py" in caught.value.where


class TestSplits:
    @settings(max_examples=60, deadline=None)
    @given(
        count=st.integers(1, 300),
        classes=st.integers(0, 12),
        samples=st.none() | st.integers(1, 400),
        split=st.tuples(st.integers(1, 60), st.integers(0, 60), st.integers(0, 60)),
        seed=st.integers(0, 5),
    )
    def test_splits_are_disjoint_seeded_and_in_proportion(self, count, classes, samples, split, seed):
        labels = np.random.default_rng(seed).integers(0, classes, count) if classes else None
        spec = DataSpec("x", samples=samples, split=split, seed=seed)
        splits = split_samples(count, labels, spec)
        assert splits == split_samples(count, labels, spec)
        parts = [splits.calibrate, splits.select, splits.final]
        together = [i for part in parts for i in part]
        assert len(set(together)) == len(together) == min(count, samples or count)
        assert set(together) <= set(range(count))
        for part, share in zip(parts, split, strict=True):
            # One for rounding, up to two lent so that no split with a share goes empty.
            assert abs(len(part) - len(together) * share / sum(split)) <= 3

    def test_every_label_is_divided_in_the_same_proportion(self):
        labels = np.repeat([0, 1, 2], [200, 40, 8])
        splits = split_samples(248, labels, DataSpec("x"))
        for part, share in ((splits.calibrate, 0.5), (splits.select, 0.25), (splits.final, 0.25)):
            counts = np.bincount(labels[list(part)], minlength=3)
            assert np.abs(counts - np.array([200, 40, 8]) * share).max() <= 2
        beginning = np.bincount(labels[list(splits.calibrate[:31])], minlength=3)
        assert np.abs(beginning - np.array([25, 5, 1])).max() <= 2

    def test_another_seed_chooses_other_samples(self):
        one, two = (split_samples(100, None, DataSpec("x", samples=40, seed=seed)) for seed in (0, 1))
        assert set(one.calibrate) != set(two.calibrate)

    def test_fewer_samples_keep_the_splits_that_folders_fix(self):
        parts = ["calibrate"] * 40 + ["select"] * 20 + ["final"] * 20
        splits = split_samples(80, None, DataSpec("x", samples=8), parts)
        assert [len(p) for p in (splits.calibrate, splits.select, splits.final)] == [4, 2, 2]
        assert max(splits.calibrate) < 40 <= min(splits.select)

    def test_few_samples_come_with_a_warning_and_many_without(self):
        assert "64 to calibrate on" in split_samples(128, None, DataSpec("x")).warning
        assert split_samples(1000, None, DataSpec("x")).warning is None


class TestProblems:
    """Bad input names the file, says what is wrong and what to do."""

    def expect(self, spec: DataSpec, *words: str, shape: tuple[int | None, ...] | None = None) -> None:
        with pytest.raises(Problem) as caught:
            open_data(spec, shape).load([0])
        for word in words:
            assert word in str(caught.value)

    def test_a_missing_source(self, tmp_path):
        self.expect(DataSpec(str(tmp_path / "none")), "none", "is not there")

    def test_an_empty_folder(self, tmp_path):
        self.expect(DataSpec(str(tmp_path)), str(tmp_path), "holds no image", "jpg")

    def test_a_broken_image(self, tmp_path):
        (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
        self.expect(DataSpec(str(tmp_path)), "a.png", "cannot be decoded")

    def test_a_truncated_image(self, tmp_path):
        whole = save_image(tmp_path / "a.jpg", 200, 200).read_bytes()
        (tmp_path / "a.jpg").write_bytes(whole[: len(whole) // 2])
        self.expect(DataSpec(str(tmp_path)), "a.jpg", "cannot be decoded")

    def test_images_of_different_sizes_without_a_crop(self, tmp_path):
        save_image(tmp_path / "a.png", 10, 10)
        save_image(tmp_path / "b.png", 10, 12)
        with pytest.raises(Problem, match="10 × 12 where another image is 10 × 10"):
            open_data(DataSpec(str(tmp_path))).load([0, 1])

    def test_images_beside_class_folders(self, tmp_path):
        save_image(tmp_path / "a.png")
        save_image(tmp_path / "cat" / "b.png")
        self.expect(DataSpec(str(tmp_path)), "beside sub-folders")

    def test_images_for_a_model_that_takes_none(self, tmp_path):
        save_image(tmp_path / "a.png")
        self.expect(DataSpec(str(tmp_path)), "holds images", "any × 128", shape=(None, 128))
        self.expect(DataSpec(str(tmp_path)), "1 × 16 × 16 × 3", "--layout", shape=(1, 16, 16, 3))

    def test_a_crop_that_the_model_cannot_take(self, tmp_path):
        save_image(tmp_path / "a.png")
        self.expect(DataSpec(str(tmp_path), crop=20), "20 does not fit", "16", shape=(1, 3, 16, 16))

    def test_a_crop_larger_than_the_image(self, tmp_path):
        save_image(tmp_path / "a.png", 10, 10)
        self.expect(DataSpec(str(tmp_path), resize=10, crop=12), "a.png", "smaller than the crop")

    def test_a_mean_for_another_number_of_channels(self, tmp_path):
        save_image(tmp_path / "a.png")
        self.expect(DataSpec(str(tmp_path), mean=(0, 0), std=(1, 1)), "2 values for 3 channels")

    def test_arrays_that_do_not_fit_the_model(self, tmp_path):
        self.expect(
            DataSpec(str(save_npz(tmp_path / "d.npz"))),
            "40 × 3 × 4 × 5", "any × 3 × 8 × 8",
            shape=(None, 3, 8, 8),
        )  # fmt: skip

    def test_labels_of_another_number(self, tmp_path):
        np.savez(tmp_path / "d.npz", x=np.ones((4, 2)), y=np.arange(5))
        self.expect(DataSpec(str(tmp_path / "d.npz")), "x has 4 samples and y has 5")

    def test_labels_that_are_no_class_indices(self, tmp_path):
        np.savez(tmp_path / "d.npz", x=np.ones((4, 2)), y=np.ones((4, 10), np.float32))
        data = open_data(DataSpec(str(tmp_path / "d.npz")))
        assert data.labels is None
        assert data.targets.shape == (4, 10)

    def test_nan_in_the_data(self, tmp_path):
        x = np.ones((4, 2))
        x[2, 1] = np.nan
        np.save(tmp_path / "d.npy", x)
        self.expect(DataSpec(str(tmp_path / "d.npy")), "d.npy", "NaN", "x[2]")

    def test_text_instead_of_numbers(self, tmp_path):
        np.save(tmp_path / "d.npy", np.array(["a", "b"]))
        self.expect(DataSpec(str(tmp_path / "d.npy")), "not real numbers")

    @pytest.mark.parametrize("kind", ["float8", "sparse"])
    def test_tensors_that_hold_other_than_plain_numbers(self, tmp_path, kind):
        x = torch.rand(4, 3)
        torch.save(x.to(torch.float8_e4m3fn) if kind == "float8" else x.to_sparse(), tmp_path / "d.pt")
        self.expect(DataSpec(str(tmp_path / "d.pt")), f"holds torch.{kind}", "float32 or integers")

    def test_a_link_to_a_file_that_has_gone_is_named(self, tmp_path):
        (tmp_path / "a.png").symlink_to(tmp_path / "gone.png")
        self.expect(DataSpec(str(tmp_path)), "a.png: cannot be read", "Check the path")

    def test_no_samples(self, tmp_path):
        np.save(tmp_path / "d.npy", np.ones((0, 3)))
        self.expect(DataSpec(str(tmp_path / "d.npy")), "holds no sample")

    def test_an_npz_without_x(self, tmp_path):
        np.savez(tmp_path / "d.npz", a=np.ones(3), b=np.ones(3))
        self.expect(DataSpec(str(tmp_path / "d.npz")), "no array x", "a, b")

    def test_resizing_arrays(self, tmp_path):
        self.expect(DataSpec(str(save_npz(tmp_path / "d.npz")), crop=4), "not resized")

    def test_a_file_of_an_unknown_kind(self, tmp_path):
        (tmp_path / "d.bin").write_bytes(b"\0\1\2")
        self.expect(DataSpec(str(tmp_path / "d.bin")), "d.bin", ".npz")

    @pytest.mark.parametrize("suffix", ["npz", "npy", "safetensors", "pt"])
    def test_a_file_that_is_not_what_its_name_says(self, tmp_path, suffix):
        (tmp_path / f"d.{suffix}").write_bytes(b"nothing of the kind")
        self.expect(DataSpec(str(tmp_path / f"d.{suffix}")), f"d.{suffix}", "cannot be read")

    @pytest.mark.parametrize("suffix", ["npy", "pt"])
    def test_a_file_that_carries_code_is_refused_and_nothing_runs(self, tmp_path, suffix):
        class Bomb:
            def __reduce__(self):
                return Path.touch, (tmp_path / "ran",)

        path = tmp_path / f"d.{suffix}"
        if suffix == "npy":
            np.save(path, np.array([Bomb()], object), allow_pickle=True)
        else:
            path.write_bytes(pickle.dumps(Bomb()))
        self.expect(DataSpec(str(path)), "cannot be read" if suffix == "npy" else "it holds more than tensors")
        assert not (tmp_path / "ran").exists()

    @pytest.mark.parametrize(
        "wrong",
        [
            {"samples": 0},
            {"split": (0, 50, 50)},
            {"split": (50, 50)},
            {"interpolation": "magic"},
            {"channels": "grb"},
            {"layout": "chwn"},
            {"mean": (0.5,)},
            {"mean": (0.5,), "std": (0.0,)},
            {"crop": -1},
        ],
    )
    def test_options_that_make_no_sense(self, wrong):
        with pytest.raises(Problem, match="data option"):
            DataSpec("x", **wrong)

    def test_a_normalization_that_cannot_be_read(self):
        with pytest.raises(Problem, match="MEAN/STD"):
            parse_normalize("half")


def test_a_spec_survives_json():
    spec = DataSpec("photos", samples=7, mean=(0.1, 0.2, 0.3), std=(1, 2, 3), crop=96)
    assert DataSpec.from_json(json.loads(json.dumps(spec.to_json()))) == spec
    with pytest.raises(Problem, match="does not know colour"):
        DataSpec.from_json({**spec.to_json(), "colour": 1})


def test_a_data_set_cannot_be_changed(tmp_path):
    data = open_data(DataSpec(str(save_npz(tmp_path / "d.npz"))))
    with pytest.raises(dataclasses.FrozenInstanceError):
        data.digest = "other"


def test_the_demo_s_photographs_are_split_by_photograph():
    from qinspect.resources import resource

    data = open_data(DataSpec(str(resource("demo/photos"))), (None, 3, 224, 224))
    photographs = [
        {data.names[i].split("/")[-1].rsplit("_", 1)[0] for i in part}
        for part in (data.splits.calibrate, data.splits.select, data.splits.final)
    ]
    assert (len(data.splits.calibrate), len(data.splits.select), len(data.splits.final)) == (96, 42, 64)
    assert sum(map(len, photographs)) == len(set.union(*photographs))
    assert data.load(data.splits.final[:2])[0].shape == (2, 3, 224, 224)
