"""Models of the package timm, by name: ``timm:mobilenetv3_small_100``, offline."""

from __future__ import annotations

import difflib
import os
from pathlib import Path
from typing import Any

import torch

from ..problem import Problem
from ..source import TIMM, ModelSpec
from ..text import Text
from .callable import load_weights


def build_timm(spec: ModelSpec, notes: list[str], preparation: dict[str, Any]) -> tuple[torch.nn.Module, Any]:
    """The model in eval mode and float32, and an example of the size that its weights were trained for.

    Nothing is fetched: the weights are those of ``spec.weights``.

    Parameters
    ----------
    notes : list of str
        What was assumed is added.
    preparation : dict
        Filled with the data options that the package names for this model.

    Raises
    ------
    Problem
        Where the package is missing or cannot be imported, or knows no such model.
    """
    name = spec.source.removeprefix(TIMM)
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    try:
        import timm
    except Exception as error:  # a torchvision that does not suit torch raises RuntimeError while it is imported
        if isinstance(error, ModuleNotFoundError) and error.name == "timm":
            raise Problem(spec.source, Text("needs the package timm"), Text("pip install qinspect[timm].")) from error
        line = " ".join(str(error).split())[:200]
        raise Problem(
            spec.source,
            Text("timm cannot be imported ({line})", line=line),
            Text("It needs a torchvision that suits this torch; else give the model as file.py:callable."),
        ) from error
    if not timm.is_model(name):
        near = difflib.get_close_matches(name, timm.list_models(), 3)
        remedy = Text("Did you mean {names}?", names=", ".join(near)) if near else Text("timm.list_models() has all.")
        raise Problem(spec.source, Text("timm knows no such model"), remedy)
    module: torch.nn.Module = timm.create_model(name, pretrained=False)
    if spec.weights:
        load_weights(module, Path(spec.weights))
    else:
        notes.append(Text("The weights are random: --weights names a checkpoint; nothing is fetched."))
    config: Any = getattr(module, "pretrained_cfg", None) or {}
    preparation.update(_preparation(config))
    size = tuple(config.get("input_size") or (3, 224, 224))
    notes.append(Text("{name} of timm {version}, in float32.", name=name, version=timm.__version__))
    return module.eval().float().requires_grad_(False), torch.rand(2, *size)


def _preparation(config: Any) -> dict[str, Any]:
    """Data options of a configuration as timm has it: `crop_pct` is the crop over the resized image."""
    found: dict[str, Any] = {}
    if config.get("mean") and config.get("std"):
        found |= {"mean": tuple(map(float, config["mean"])), "std": tuple(map(float, config["std"]))}
    if config.get("input_size") and config.get("crop_pct"):
        found["resize"] = int(config["input_size"][-1] / config["crop_pct"])
    if config.get("interpolation") in ("nearest", "bilinear", "bicubic", "lanczos", "box"):
        found["interpolation"] = config["interpolation"]
    return found
