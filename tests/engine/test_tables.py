"""Parquet and Arrow tables as data."""

from __future__ import annotations

import io
import pickle

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image

from qinspect.engine.data import DataSpec, batches, open_data
from qinspect.engine.data.tables import Table
from qinspect.engine.problem import Problem

ROWS = 23


def write(path, table, rows_in_group=5):
    if path.suffix == ".parquet":
        pq.write_table(table, path, row_group_size=rows_in_group)
    elif path.suffix == ".feather":
        with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
            writer.write_table(table, max_chunksize=rows_in_group)
    else:  # as Hugging Face's datasets cache them
        with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, table.schema) as writer:
            writer.write_table(table, max_chunksize=rows_in_group)
    return path


@pytest.fixture(params=["parquet", "arrow", "feather"])
def path(request, tmp_path):
    return tmp_path / f"t.{request.param}"


def png(value, mode="RGB", side=8):
    out = io.BytesIO()
    Image.new(mode, (side, side), value if mode == "L" else (value,) * 3).save(out, "PNG")
    return out.getvalue()


def test_lists_in_columns_with_the_inputs_names_are_the_inputs(path):
    ids = np.arange(ROWS * 4).reshape(ROWS, 4)
    table = pa.table(
        {
            "id": [f"row-{i}" for i in range(ROWS)],
            "label": pa.array(np.arange(ROWS) % 3, pa.int32()),
            "attention_mask": pa.array([[1] * 4] * ROWS, pa.list_(pa.int8())),
            "input_ids": pa.array(ids.tolist(), pa.list_(pa.int32(), 4)),
        }
    )
    data = open_data(DataSpec(str(write(path, table))), (None, 4), input_names=("input_ids", "attention_mask"))
    chosen = [22, 0, 7]
    first, mask = data.load(chosen)
    assert torch.equal(first, torch.from_numpy(ids[chosen]))
    assert (mask.dtype, mask.tolist()) == (torch.int64, [[1] * 4] * 3)
    assert data.labels.tolist() == [i % 3 for i in range(ROWS)]


def test_tensors_lists_of_lists_and_scalars_side_by_side(path):
    rng = np.random.default_rng(0)
    x = rng.random((ROWS, 3, 4, 5)).astype(np.float32)
    nested = pa.table({"pixels": x.tolist(), "y": rng.random(ROWS)})
    data = open_data(DataSpec(str(write(path, nested))), (None, 3, 4, 5))
    assert np.array_equal(data.load([4, 21])[0].numpy(), x[[4, 21]])
    assert data.labels is None
    assert data.targets.shape == (ROWS,)

    tensors = pa.table({"pixels": pa.FixedShapeTensorArray.from_numpy_ndarray(x)})
    assert np.array_equal(open_data(DataSpec(str(write(path, tensors)))).load([4, 21])[0].numpy(), x[[4, 21]])

    flat = pa.table({"a": x[:, 0, 0, 0], "b": x[:, 0, 0, 1], "label": ["cat", "dog"] * 11 + ["cat"]})
    data = open_data(DataSpec(str(write(path, flat))), (None, 2))
    assert np.array_equal(data.load([4])[0].numpy(), x[4:5, 0, 0, :2])
    assert data.labels.tolist()[:3] == [0, 1, 0]


def test_images_as_hugging_face_stores_them_are_prepared_as_files_are(path, tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    contents = [png(10 * i) for i in range(ROWS)]
    for i, content in enumerate(contents):
        (folder / f"{i:02}.png").write_bytes(content)
    table = pa.table({"image": [{"bytes": c, "path": None} for c in contents], "label": list(range(ROWS))})
    write(path, table)
    mean = {"mean": (0.5,), "std": (0.25,)}
    of_table = open_data(DataSpec(str(path), **mean), (None, 3, 6, 6))
    of_files = open_data(DataSpec(str(folder), **mean), (None, 3, 6, 6))
    assert torch.equal(of_table.load(range(ROWS))[0], of_files.load(range(ROWS))[0])
    assert np.array_equal(of_table.picture(3), of_files.picture(3))
    assert of_table.labels.tolist() == list(range(ROWS))


def test_a_folder_of_tables_is_one_data_set(tmp_path):
    for part in range(3):
        write(
            tmp_path / f"train-{part}.parquet", pa.table({"x": [[float(part), i] for i in range(4)], "y": [part] * 4})
        )
    data = open_data(DataSpec(str(tmp_path)), (None, 2))
    assert len(data) == 12
    assert data.load([0, 5, 11])[0].tolist() == [[0, 0], [1, 1], [2, 3]]
    assert data.labels.tolist() == [0] * 4 + [1] * 4 + [2] * 4
    write(tmp_path / "zz.parquet", pa.table({"other": [1]}))
    with pytest.raises(Problem, match="has other columns"):
        open_data(DataSpec(str(tmp_path)), (None, 2))


def test_only_the_row_groups_that_are_asked_for_are_read(tmp_path, monkeypatch):
    path = write(
        tmp_path / "t.parquet", pa.table({"x": [[float(i)] for i in range(100)], "unused": ["x" * 50] * 100}), 10
    )
    read = []
    plain = Table._read
    monkeypatch.setattr(
        Table, "_read", lambda self, piece, columns: read.append((piece.number, columns)) or plain(self, piece, columns)
    )
    data = open_data(DataSpec(str(path)), (None, 1))
    read.clear()
    data.load([11, 19, 95])
    data.load([12])
    assert read == [(1, ("x",)), (9, ("x",))]


def test_rows_of_other_lengths_come_in_batches_of_their_own(path):
    write(path, pa.table({"x": [[1.0] * n for n in (2, 2, 3, 3, 3, 2)]}))
    data = open_data(DataSpec(str(path)), (None, None))
    assert [tuple(x.shape) for (x,), _ in batches(data, range(6), 4)] == [(2, 2), (2, 3), (1, 3), (1, 2)]
    with pytest.raises(Problem, match="another row of the same batch"):
        data.load([0, 2])


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        ({"a": [[1.0]], "b": [[2.0]]}, "does not say which columns"),
        ({"x": ["text"]}, "does not say which columns"),
        ({"x": [b"no image"]}, "no image or audio"),
        ({"x": [None, [1.0]]}, "no numbers|no array"),
        ({"x": pa.array([], pa.list_(pa.float32()))}, "holds no row"),
        ({"x": [[1.0], [2.0]], "y": [None, 1]}, "no label for 1 of 2"),
        ({"x": [[float("nan")]]}, "NaN"),
        ({"x": [[1.0, 2.0, 3.0]]}, "shape 3 in each row, but the model takes any × 2"),
    ],
)
def test_tables_that_do_not_suit_are_refused(path, columns, says):
    write(path, pa.table(columns))
    with pytest.raises(Problem, match=says) as caught:
        open_data(DataSpec(str(path)), (None, 2)).load([0])
    assert path.name in caught.value.where


def test_a_label_column_may_be_named(path):
    write(path, pa.table({"x": [[1.0], [2.0]], "species": ["b", "a"]}))
    assert open_data(DataSpec(str(path), label="species")).labels.tolist() == [1, 0]
    with pytest.raises(Problem, match="has no column genus"):
        open_data(DataSpec(str(path), label="genus"))


def test_a_pickle_in_a_table_does_not_run(path, tmp_path):
    class Bomb:
        def __reduce__(self):
            return (tmp_path / "ran").touch, ()

    payload = pickle.dumps(Bomb())
    field = pa.field(
        "x",
        pa.list_(pa.float32()),
        metadata={"ARROW:extension:name": "arrow.py_extension_type", "ARROW:extension:metadata": payload},
    )
    schema = pa.schema([field, pa.field("raw", pa.binary())], metadata={"pandas": payload, "huggingface": payload})
    write(path, pa.table([pa.array([[1.0], [2.0]], pa.list_(pa.float32())), pa.array([payload] * 2)], schema=schema))
    data = open_data(DataSpec(str(path)), (None, 1), input_names=("x",))
    data.load([0, 1])
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("name", ["x", "anything"])
def test_a_single_column_of_numbers_suits_a_model_of_one_feature(path, name):
    x = np.random.default_rng(0).random(ROWS).astype(np.float32)
    data = open_data(DataSpec(str(write(path, pa.table({name: x, "label": [0, 1] * 11 + [0]})))), (None, 1), ("x",))
    assert np.array_equal(data.load([4, 21])[0].numpy(), x[[4, 21], None])
    assert data.labels.tolist()[:3] == [0, 1, 0]
    with pytest.raises(
        Problem, match=r"shape 1 in each row, but the model takes any × 2|which columns the model takes"
    ):
        open_data(DataSpec(str(path)), (None, 2), ("x",))


def test_a_missing_package_is_named_with_the_extra_that_brings_it(path, monkeypatch):
    write(path, pa.table({"x": [[1.0]]}))
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(Problem, match=r"pip install qinspect\[tables\]"):
        open_data(DataSpec(str(path)))


class TestCsv:
    @pytest.mark.parametrize(("name", "mark"), [("t.csv", ","), ("t.csv", ";"), ("t.tsv", "\t")])
    def test_columns_of_numbers_side_by_side_are_the_input_and_one_the_labels(self, tmp_path, name, mark):
        rows = np.random.default_rng(0).normal(size=(ROWS, 3)).round(6)
        lines = [mark.join(("a", "b", "c", "label"))]
        lines += [mark.join([*map(str, row), str(i % 3)]) for i, row in enumerate(rows)]
        (tmp_path / name).write_text("\n".join(lines) + "\n")
        data = open_data(DataSpec(str(tmp_path / name)), (None, 3))
        assert data.labels.tolist() == [i % 3 for i in range(ROWS)]
        np.testing.assert_allclose(data.load([22, 0])[0].numpy(), rows[[22, 0]].astype(np.float32))

    def test_a_large_one_is_read_piece_by_piece(self, tmp_path, monkeypatch):
        monkeypatch.setattr("qinspect.engine.data.tables.STREAM_BYTES", 4096)
        (tmp_path / "t.csv").write_text("x,z,label\n" + "".join(f"{i}.5,0,{i % 2}\n" for i in range(3000)))
        table = Table([(tmp_path / "t.csv", "csv")])
        assert (table.rows, len(table._pieces) > 3) == (3000, True)
        data = open_data(DataSpec(str(tmp_path / "t.csv")), (None, 2))
        assert data.load([2999, 0, 1500])[0][:, 0].tolist() == [2999.5, 0.5, 1500.5]

    @pytest.mark.parametrize(
        ("content", "says"),
        [
            (b"x,z,label\n1,1,0\n2\n", "cannot be read as a table"),
            (b"x,z,label\n1,1,0\n,1,1\n", "empty field"),
            (b"x,label\n", "holds no row"),
            (b"x,z,label\n1,\xff\xfe,0\n", "is not written in UTF-8"),
        ],
    )
    def test_a_damaged_one_is_refused_with_a_reason(self, tmp_path, content, says):
        (tmp_path / "t.csv").write_bytes(content)
        with pytest.raises(Problem, match=says):
            open_data(DataSpec(str(tmp_path / "t.csv")), (None, 2)).load([0, 1])
