"""Folders that this program exported for torch: the float graph, the plan, and every scale; none of their code runs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch

from ..existing import Existing
from ..files import demand_file, read_json
from ..graph import LayerGraph
from ..graph.graph_json import GRAPH, from_json
from ..plan import QuantPlan
from ..plan.file import read_plan
from ..problem import Problem
from ..qparams import QParams
from ..text import Text
from .archive import check_target
from .arguments import check_arguments

GRIDS = "qparams.json"

REMEDY = Text("Export it anew.")


def open_folder(path: Path) -> tuple[LayerGraph, Existing]:
    """Open an export for FX or eager mode, or a script.

    Parameters
    ----------
    path : Path
        With ``graph.json``, ``weights.pt``, ``qparams.json`` and ``plan.json``.

    Returns
    -------
    graph, existing
        The float graph, BatchNorms folded, and the grids that the plan's layers have.

    Raises
    ------
    Problem
        Naming the file that is missing, damaged, or would run what is not torch's own.
    """
    plan = read_plan(path / "plan.json")
    data = read_json(path / GRAPH, REMEDY)
    tensors = _tensors(path / "weights.pt")
    try:
        graph = from_json(data, tensors)
        renamed = {str(name): str(now) for name, now in data["renamed"].items()}
    except (KeyError, TypeError, ValueError, AttributeError, RuntimeError, OverflowError, RecursionError) as error:
        what = Text("not as the format says ({error})", error=error)
        raise Problem(str(path / GRAPH), what, REMEDY) from error
    for target in {layer.target for layer in graph.layers}:
        named = target.startswith(("aten.", "quantized_decomposed."))
        check_target(str(path / GRAPH), f"torch.ops.{target}" if named else target)
    try:
        for layer in graph.layers:
            check_arguments(layer)
    except ValueError as error:
        what = Text("not as the format says ({error})", error=error)
        raise Problem(str(path / GRAPH), what, REMEDY) from error
    values, weights = _grids(path / GRIDS, renamed)
    return graph, _existing(path / GRIDS, graph, plan, values, weights)


def _tensors(path: Path) -> Mapping[str, torch.Tensor]:
    demand_file(path)
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise Problem(str(path), error.strerror or Text("cannot be read"), REMEDY) from error
    except Exception as error:  # whatever a damaged archive makes torch raise
        what = Text("cannot be read as plain tensors ({line})", line=type(error).__name__)
        raise Problem(str(path), what, REMEDY) from error
    if not isinstance(found, dict) or not all(isinstance(item, torch.Tensor) for item in found.values()):
        raise Problem(str(path), Text("is not a state_dict"), REMEDY)
    return found


def _grids(path: Path, renamed: Mapping[str, str]) -> tuple[dict[str, QParams], dict[str, QParams]]:
    """Grids of values and of weights."""
    data = read_json(path, REMEDY)
    try:
        values = {renamed.get(name, str(name)): QParams.from_json(item) for name, item in data["values"].items()}
        weights = {str(name): QParams.from_json(item) for name, item in data["weights"].items()}
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError) as error:
        what = Text("not as the format says ({error})", error=error)
        raise Problem(str(path), what, REMEDY) from error
    return values, weights


def _existing(
    path: Path, graph: LayerGraph, plan: QuantPlan, values: Mapping[str, QParams], weights: Mapping[str, QParams]
) -> Existing:
    integers = {}
    for layer_id, params in weights.items():
        layer = graph.by_id.get(layer_id)
        weight = None if layer is None else graph.weight(layer)
        if weight is not None and not params.is_float:
            try:
                integers[layer_id] = params.quantize(weight.detach()).numpy().astype(params.dtype)
            except (RuntimeError, TypeError, ValueError, IndexError, OverflowError) as error:
                shape = tuple(weight.shape)
                what = Text(
                    "the scales of {layer} do not suit its weight of shape {shape}", layer=layer_id, shape=shape
                )
                raise Problem(str(path), what, REMEDY) from error
    form = {"fx": "FX", "eager": "eager"}.get(plan.target.backend, "script")
    return Existing(form, "qinspect", values, weights, integers, plan=plan, identified=True, rounded=False)
