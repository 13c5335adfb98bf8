"""What a model is fed: indices that its embeddings have, and what is said where its own code raises."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from qinspect.engine import feed, float_check, job
from qinspect.engine.data import DataSpec, open_data
from qinspect.engine.graph.execute import Executor
from qinspect.engine.load import ModelSpec, load_model
from qinspect.engine.plan import QuantPlan
from qinspect.engine.problem import Problem

TAGGER = """\
import torch
from torch import nn

class Tagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(20, 8)
        self.head = nn.Linear(8, 3)

    def forward(self, tokens):
        return self.head(self.words(tokens)).mean(1)

def model():
    return Tagger(), (torch.zeros(1, 5, dtype=torch.long),)
"""


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tagger")
    (folder / "net.py").write_text(TAGGER)
    tokens = np.arange(200).reshape(40, 5) % 20
    np.savez(folder / "good.npz", x=tokens)
    tokens[7, 3] = 20
    np.savez(folder / "bad.npz", x=tokens)
    model = load_model(ModelSpec(f"{folder}/net.py:model"), allow_code=True)
    return model, folder


def splits(data, **wanted):
    none = {"calibrate": (), "select": (), "final": ()}
    return dataclasses.replace(data, splits=dataclasses.replace(data.splits, **{**none, **wanted}))


@pytest.mark.parametrize("split", ["calibrate", "final"])
def test_an_index_that_an_embedding_does_not_have_names_sample_input_and_range(opened, split):
    model, folder = opened
    data = splits(open_data(DataSpec(str(folder / "bad.npz"))), **{split: tuple(range(40))})
    said = r"x\[7\] holds 20 in tokens, but words:embedding has 20 rows\. Give indices from 0 to 19"
    with pytest.raises(Problem, match=said):
        float_check.check_float(model, data) if split == "final" else job.calibrate_model(model, data, QuantPlan())
    if split == "calibrate":
        with pytest.raises(Problem, match=said):
            float_check.forward_seconds(model, data)


def test_indices_that_are_all_there_go_through(opened):
    model, folder = opened
    data = splits(open_data(DataSpec(str(folder / "good.npz"))), final=tuple(range(40)))
    assert float_check.check_float(model, data).samples == 40


def test_the_graph_alone_says_which_range_an_embedding_has(opened):
    model, _ = opened
    with pytest.raises(Problem, match=r"words:embedding: its table has 20 rows.* from -1 to 3\. Give indices"):
        Executor(model.graph)([torch.tensor([[0, 1, 2, 3, -1]])])


def test_what_the_users_model_raises_names_the_first_sample_that_it_raises_for(opened):
    model, _ = opened

    def picky(tokens):
        if bool((tokens > 15).any()):
            raise KeyError("no such word")
        return model.forward(tokens)

    mine = dataclasses.replace(model, forward=picky)
    tokens = torch.tensor([[1] * 5, [2] * 5, [16] * 5])
    line = picky.__code__.co_firstlineno + 2
    said = rf"test_feed\.py:{line}: the float model raises KeyError \('no such word'\) for c\."
    with pytest.raises(Problem, match=said):
        feed.float_outputs(mine, (tokens,), ["a", "b", "c"])
    with pytest.raises(Problem, match=r"raises KeyError.*\(3, 5\) int64"):
        feed.float_outputs(mine, (tokens,))
