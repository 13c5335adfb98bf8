"""Inputs to trace a model with: its author's own example, in the shapes that the user gave, or the usual image."""

from __future__ import annotations

import inspect
from itertools import combinations

import numpy as np
import torch
from torch import nn

from ..problem import Problem
from ..source import ModelSpec
from ..text import Text, counted, joined
from .call import Call, example_call

TRIED = 4
"""Of so many inputs it is tried which are integers; of more, only whether all are."""


def example_inputs(module: nn.Module, example: object, spec: ModelSpec, notes: list[str]) -> Call:
    """A call to trace: the callable's own example, in the shapes of --input-shape; else the usual image.

    Raises
    ------
    Problem
        Where there is neither an example nor a shape, or they do not go together.
    """
    generator = torch.Generator().manual_seed(0)
    shapes = spec.input_shape
    if example is not None:
        call = example_call(module, example)
        if shapes is None:
            return call
        if len(shapes) != len(call.tensors):
            what = Text(
                "gives {given}, the example inputs hold {held} of shapes {shapes}",
                given=counted(len(shapes), Text("shape")),
                held=counted(len(call.tensors), Text("tensor")),
                shapes=" and ".join(str(tuple(t.shape)) for t in call.tensors),
            )
            raise Problem("--input-shape", what, Text("Give --input-shape one for each tensor, joined by ;."))
        return call.but([_resized(t, shape, generator) for t, shape in zip(call.tensors, shapes, strict=True)])
    if shapes:
        return Call.of([torch.rand(shape, generator=generator) for shape in shapes])
    first = next((m for m in module.modules() if isinstance(m, nn.Conv2d)), None)
    if first is not None and first.in_channels in (1, 3) and len(taken(module)) < 2:
        shape = (1, first.in_channels, 224, 224)
        notes.append(
            Text("Input shape {shape} was assumed; --input-shape sets another.", shape=",".join(map(str, shape)))
        )
        return Call.of([torch.rand(shape, generator=generator)])
    raise Problem(spec.source, Text("the shape of its input is not known"), shape_remedy(module))


def shape_remedy(module: nn.Module, given: int = 0) -> Text:
    """What to say of a model whose input's shape is not known, or of which `given` shapes are not the right ones."""
    names, shape = taken(module), ",".join(map(str, _usual(module)))
    if len(names) > 1 and len(names) != given:
        return Text(
            "Give --input-shape, one for each of {names}, such as {shape!r}, "
            "or have the callable return (module, inputs).",
            names=joined(names),
            shape=";".join([shape] * len(names)),
        )
    if given:
        return Text("Give the right --input-shape.")
    return Text("Give --input-shape, such as {shape}, or have the callable return (module, inputs).", shape=shape)


def taken(module: nn.Module) -> tuple[str, ...]:
    """The names of what forward must be given."""
    try:
        parameters = inspect.signature(module.forward).parameters.values()
    except (TypeError, ValueError):
        return ()
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return tuple(p.name for p in parameters if p.kind in kinds and p.default is inspect.Parameter.empty)


def _usual(module: nn.Module) -> tuple[int, ...]:
    """A shape that would suit the model's first layer."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv1d):
            return (1, layer.in_channels, 16000)
        if isinstance(layer, nn.Conv2d):
            return (1, layer.in_channels, 224, 224)
        if isinstance(layer, nn.Conv3d):
            return (1, layer.in_channels, 16, 112, 112)
        if isinstance(layer, nn.Embedding | nn.EmbeddingBag):
            return (1, 128)
        if isinstance(layer, nn.LSTM | nn.GRU):
            return (1, 100, layer.input_size)
        if isinstance(layer, nn.Linear):
            return (1, layer.in_features)
    return (1, 3, 224, 224)


def in_whole_numbers(module: nn.Module, call: Call, error: Exception, notes: list[str]) -> Call | None:
    """The call with inputs in integers, where a model that looks them up has refused real ones.

    A shape does not say of what type an input is. What may be integers is taken as such: tokens and masks
    come so from a tokenizer.

    Parameters
    ----------
    call : Call
        Made of shapes alone.
    error : Exception
        What it raised.
    notes : list of str
        What was assumed is added.
    """
    if "indices" not in str(error):  # torch says so of tables and of indexing
        return None
    count = len(call.tensors)
    for many in range(count, 0, -1) if count <= TRIED else (count,):
        for chosen in combinations(range(count), many):
            tensors = [torch.ones(t.shape, dtype=torch.int64) if i in chosen else t for i, t in enumerate(call.tensors)]
            try:
                with torch.no_grad():
                    module(*(t.clone() for t in tensors))
            except Exception:  # whatever the author's code raises: those are not the integers
                continue
            names = taken(module)
            said = [names[i] if i < len(names) else str(i) for i in chosen]
            notes.append(
                Text(
                    "Inputs of integers, since the model looks them up: {names}. A callable that returns "
                    "(module, inputs) says otherwise.",
                    names=joined(said),
                )
            )
            return call.but(tensors)
    return None


def _resized(tensor: torch.Tensor, shape: tuple[int, ...], generator: torch.Generator) -> torch.Tensor:
    """An example in another shape: numbers that are looked up somewhere stay those of the author."""
    if tensor.is_floating_point() or not tensor.numel():
        return torch.rand(shape, generator=generator, dtype=tensor.dtype)
    return torch.from_numpy(np.resize(tensor.numpy(), shape))
