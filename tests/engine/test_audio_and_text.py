"""Audio files and text as data."""

from __future__ import annotations

import json
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile
import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import TemplateProcessing

from qinspect.engine.data import DataSpec, batches, kind_of_source, open_data
from qinspect.engine.problem import Problem

RATE = 8000


def tone(path, hertz, seconds=0.5, rate=RATE, channels=1):
    time = np.arange(int(seconds * rate)) / rate
    wave = 0.5 * np.sin(2 * np.pi * hertz * time)
    path.parent.mkdir(exist_ok=True)
    soundfile.write(path, np.stack([wave] + [np.zeros_like(wave)] * (channels - 1), 1), rate)
    return wave


class TestAudio:
    def test_class_folders_are_labels_and_waves_are_on_minus_one_to_one(self, tmp_path):
        waves = {name: tone(tmp_path / name / "a.wav", hertz) for name, hertz in (("low", 200), ("high", 900))}
        data = open_data(DataSpec(str(tmp_path)), (None, RATE // 2))
        assert data.labels.tolist() == [0, 1]
        assert data.names == ("high/a.wav", "low/a.wav")
        (x,) = data.load([0, 1])
        assert np.abs(x[0].numpy() - waves["high"]).max() < 2**-15
        assert np.abs(x[1].numpy() - waves["low"]).max() < 2**-15

    @pytest.mark.parametrize("suffix", ["wav", "flac", "ogg"])
    def test_another_rate_is_resampled_and_channels_are_averaged(self, tmp_path, suffix):
        tone(tmp_path / f"a.{suffix}", 440, seconds=1, rate=44100, channels=2)
        data = open_data(DataSpec(str(tmp_path), rate=RATE), (None, 1, RATE))
        (x,) = data.load([0])
        assert x.shape == (1, 1, RATE)
        spectrum = np.abs(np.fft.rfft(x[0, 0].numpy()))
        assert spectrum.argmax() == 440
        middle = x[0, 0, 1000:-1000].abs().max()
        assert 0.23 < middle < 0.27  # half of one channel, and silence in the other

    def test_a_length_cuts_the_end_off_or_adds_silence(self, tmp_path):
        long, short = tone(tmp_path / "a.wav", 100, 1.0), tone(tmp_path / "b.wav", 100, 0.1)
        data = open_data(DataSpec(str(tmp_path), rate=RATE, seconds=0.5))
        (x,) = data.load([0, 1])
        assert x.shape == (2, RATE // 2)
        assert np.abs(x[0].numpy() - long[: RATE // 2]).max() < 2**-15
        assert torch.count_nonzero(x[1, len(short) :]) == 0

    def test_files_of_other_lengths_come_in_batches_of_their_own(self, tmp_path):
        for name, seconds in (("a", 0.2), ("b", 0.2), ("c", 0.3)):
            tone(tmp_path / f"{name}.wav", 100, seconds)
        data = open_data(DataSpec(str(tmp_path)), (None, None))
        assert [tuple(x.shape) for (x,), _ in batches(data, range(3), 8)] == [(2, 1600), (1, 2400)]

    def test_a_column_of_a_table_is_decoded_as_a_file_is(self, tmp_path):
        tone(tmp_path / "files" / "a.flac", 300)
        content = (tmp_path / "files" / "a.flac").read_bytes()
        pq.write_table(pa.table({"audio": [{"bytes": content, "path": "a.flac"}]}), tmp_path / "t.parquet")
        of_table, of_file = (
            open_data(DataSpec(str(tmp_path / "t.parquet"))),
            open_data(DataSpec(str(tmp_path / "files"))),
        )
        assert torch.equal(of_table.load([0])[0], of_file.load([0])[0])

    @pytest.mark.parametrize(
        ("make", "spec", "shape", "says"),
        [
            (lambda p: p.write_bytes(b"RIFF1234WAVEnothing"), {}, None, "cannot be decoded as audio"),
            (lambda p: tone(p, 9, rate=16000), {}, None, "Set --rate"),
            (lambda p: tone(p, 9), {}, (None, 80, 3000), "one channel, but the model takes any × 80 × 3000"),
            (lambda p: tone(p, 9), {"seconds": 1.0}, None, "without a rate"),
            (lambda p: tone(p, 9), {"seconds": 1.0, "rate": RATE}, (None, 4000), "8000 samples, the model takes 4000"),
            (lambda p: tone(p, 9, seconds=0), {}, None, "holds no sample"),
            (lambda p: tone(p, 9, seconds=0.1), {}, None, "samples where another file has"),
        ],
    )
    def test_what_does_not_suit_is_named(self, tmp_path, make, spec, shape, says):
        tone(tmp_path / "a.wav", 100)
        make(tmp_path / "b.wav")
        with pytest.raises(Problem, match=says):
            open_data(DataSpec(str(tmp_path), **spec), shape).load([0, 1])

    def test_a_missing_package_is_named_with_the_extra_that_brings_it(self, tmp_path, monkeypatch):
        tone(tmp_path / "a.wav", 100)
        monkeypatch.setitem(sys.modules, "soundfile", None)
        with pytest.raises(Problem, match=r"pip install qinspect\[audio\]"):
            open_data(DataSpec(str(tmp_path)))


@pytest.fixture
def tokenizer(tmp_path):
    words = ["[PAD]", "[UNK]", "[CLS]", "good", "bad", "film", "a", "very"]
    made = Tokenizer(WordLevel({word: i for i, word in enumerate(words)}, "[UNK]"))
    made.pre_tokenizer = Whitespace()
    made.post_processor = TemplateProcessing(single="[CLS] $A", special_tokens=[("[CLS]", 2)])
    made.save(str(tmp_path / "tokenizer.json"))
    return str(tmp_path / "tokenizer.json")


class TestText:
    def test_a_line_is_a_sample_cut_off_and_filled_up_to_what_the_model_takes(self, tmp_path, tokenizer):
        (tmp_path / "d.txt").write_text("good film\n\na very very very bad film\n")
        spec = DataSpec(str(tmp_path / "d.txt"), tokenizer=tokenizer)
        data = open_data(spec, (None, 5), input_names=("input_ids", "attention_mask"))
        ids, mask = data.load([0, 1])
        assert ids.tolist() == [[2, 3, 5, 0, 0], [2, 6, 7, 7, 7]]
        assert mask.tolist() == [[1, 1, 1, 0, 0], [1] * 5]
        assert data.names == ("line 1", "line 3")
        assert data.labels is None

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])  # with a mark of its encoding, as on Windows
    def test_json_lines_have_labels(self, tmp_path, tokenizer, encoding):
        lines = [{"text": "good film", "label": "pos"}, {"label": "neg", "text": "bad"}]
        (tmp_path / "d.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding=encoding)
        data = open_data(DataSpec(str(tmp_path / "d.jsonl"), tokenizer=tokenizer, max_length=2))
        assert data.labels.tolist() == [1, 0]
        assert data.load([0])[0].tolist() == [[2, 3]]

    def test_what_would_be_read_with_its_keys_and_labels_as_words_is_refused(self, tmp_path, tokenizer):
        (tmp_path / "d.jsonl").write_text('{"sentence": "a film", "label": 1}\n')
        with pytest.raises(Problem, match="has sentence, label"):
            open_data(DataSpec(str(tmp_path / "d.jsonl"), tokenizer=tokenizer), (None, 6))

    @pytest.mark.parametrize(
        ("name", "content"),
        [
            ("d.csv", 'text,label\ngood film,1\n"bad,\nfilm",0\n'),
            ("d.csv", 'label;text\n1;good film\n0;"bad,\nfilm"\n'),
            ("d.tsv", 'text\tlabel\ngood film\t1\n"bad\nfilm"\t0\n'),
        ],
    )
    def test_a_column_of_a_csv_table_is_text_and_another_the_labels(self, tmp_path, tokenizer, name, content):
        (tmp_path / name).write_text(content)
        assert kind_of_source(str(tmp_path / name)) == "table"
        data = open_data(DataSpec(str(tmp_path / name), tokenizer=tokenizer), (None, 6))
        assert data.labels.tolist() == [1, 0]
        first, second = data.load([0, 1])[0].tolist()
        assert first[:2] == [2, 3]
        assert (second[1], len(second)) == (4, 6)

    @pytest.mark.parametrize(("name", "content"), [("d.csv", "a film\na a\n"), ("d.txt", "{a film\na, a\n")])
    def test_plain_lines_are_text_whatever_the_name_says(self, tmp_path, tokenizer, name, content):
        (tmp_path / name).write_text(content)
        assert len(open_data(DataSpec(str(tmp_path / name), tokenizer=tokenizer), (None, 6))) == 2

    def test_texts_of_other_lengths_come_in_batches_of_their_own(self, tmp_path, tokenizer):
        (tmp_path / "d.txt").write_text("good\nbad\ngood film\n")
        data = open_data(DataSpec(str(tmp_path / "d.txt"), tokenizer=tokenizer), (None, None))
        assert [x.tolist() for (x,), _ in batches(data, range(3), 8)] == [[[2, 3], [2, 4]], [[2, 3, 5]]]

    def test_a_column_of_a_table_is_text_where_a_tokenizer_is_named(self, tmp_path, tokenizer):
        pq.write_table(pa.table({"id": ["0", "1"], "text": ["good", "bad"], "label": [1, 0]}), tmp_path / "t.parquet")
        data = open_data(DataSpec(str(tmp_path / "t.parquet"), tokenizer=tokenizer))
        assert data.load([1])[0].tolist() == [[2, 4]]
        assert data.labels.tolist() == [1, 0]

    def test_a_tokenizer_counts_by_what_is_in_it_and_not_by_where_it_lies(self, tmp_path, tokenizer, monkeypatch):
        (tmp_path / "d.txt").write_text("good\n")
        monkeypatch.chdir(tmp_path)
        specs = [DataSpec("d.txt", tokenizer=given) for given in (tokenizer, "tokenizer.json", ".")]
        assert len({open_data(spec).digest for spec in specs}) == 1

    def test_another_tokenizer_makes_another_data_set(self, tmp_path, tokenizer):
        (tmp_path / "d.txt").write_text("good\n")
        one = open_data(DataSpec(str(tmp_path / "d.txt"), tokenizer=tokenizer)).digest
        changed = json.loads((tmp_path / "tokenizer.json").read_text())
        changed["post_processor"] = None
        (tmp_path / "tokenizer.json").write_text(json.dumps(changed))
        assert open_data(DataSpec(str(tmp_path / "d.txt"), tokenizer=tokenizer)).digest != one

    @pytest.mark.parametrize(
        ("text", "spec", "shape", "names", "says"),
        [
            ("good", {"tokenizer": None}, None, (), "needs the model's tokenizer"),
            ("good", {"tokenizer": "none.json"}, None, (), "none.json: no such file"),
            ("\n \n", {}, None, (), "holds no text"),
            ('{"text": "a"}\n{"text": 5}', {}, None, (), "d.txt, line 2: is not JSON with a text"),
            ('{"text": "a", "label": 1}\n{"text": "b"}', {}, None, (), "no label for 1 of 2"),
            ("good", {}, (None, 3, 8, 8), (), "text, but the model takes any × 3 × 8 × 8"),
            ("good", {"max_length": 4}, (None, 8), (), '4 is not the 8.* --input-shape "1,4"'),
            ("good", {}, None, ("pixels", "input_ids", "position_ids"), "the model takes pixels"),
        ],
    )
    def test_what_does_not_suit_is_named(self, tmp_path, tokenizer, text, spec, shape, names, says):
        (tmp_path / "d.txt").write_text(text)
        with pytest.raises(Problem, match=says):
            open_data(DataSpec(str(tmp_path / "d.txt"), **{"tokenizer": tokenizer, **spec}), shape, input_names=names)

    def test_a_file_that_is_no_tokenizer_is_refused(self, tmp_path, tokenizer):
        (tmp_path / "d.txt").write_text("good")
        (tmp_path / "tokenizer.json").write_text('{"model": 5}')
        with pytest.raises(Problem, match="is not a tokenizer file"):
            open_data(DataSpec(str(tmp_path / "d.txt"), tokenizer=tokenizer))

    def test_a_missing_package_is_named_with_the_extra_that_brings_it(self, tmp_path, tokenizer, monkeypatch):
        (tmp_path / "d.txt").write_text("good")
        monkeypatch.setitem(sys.modules, "tokenizers", None)
        with pytest.raises(Problem, match=r"pip install qinspect\[text\]"):
            open_data(DataSpec(str(tmp_path / "d.txt"), tokenizer=tokenizer))


def test_what_a_file_is_its_content_says(tmp_path):
    from qinspect.engine.data.sniff import kind_of_data

    np.save(tmp_path / "a.npy", np.ones(3))
    np.savez(tmp_path / "b.npz", x=np.ones(3))
    torch.save({"x": torch.ones(3)}, tmp_path / "c.pt")
    pq.write_table(pa.table({"x": [1]}), tmp_path / "d.parquet")
    tone(tmp_path / "e.wav", 100)
    (tmp_path / "f.txt").write_text("grüß")
    for path, kind in zip(sorted(tmp_path.iterdir()), ("npy", "npz", "pt", "parquet", "audio", "text"), strict=True):
        other = path.rename(tmp_path / "renamed.csv")
        assert kind_of_data(other) == kind
        other.unlink()
