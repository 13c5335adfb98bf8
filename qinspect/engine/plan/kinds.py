"""What can be exported, and for which targets; imports nothing that takes long."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ..problem import Problem
from ..text import Text
from .target import TARGETS, Target

KINDS = ("onnx", "tensorrt", "kit", "fx", "eager", "pt2e", "script", "plan")
"""What can be written: a QDQ model for ONNX Runtime or TensorRT, a folder that measures it on another device, a
folder for torch.ao's FX or eager mode, a quantized .pt2, a script, plan and qparams as JSON."""

BACKENDS: Mapping[str, tuple[str, ...]] = {
    "onnx": ("ort",),
    "tensorrt": ("tensorrt",),
    "fx": ("fx",),
    "eager": ("eager",),
    "pt2e": ("pt2e",),
}
"""Kinds that not every backend can run, and those that can."""

ONNX_KINDS = ("onnx", "tensorrt", "kit")
"""Kinds that hold ONNX files, whose opset can be chosen, and what they take and give; a kit for torch holds none."""


def holds_onnx(to: str, target: Target) -> bool:
    """Whether what is written for a target has ONNX files in it."""
    return to in ONNX_KINDS and target.backend in ("ort", "tensorrt")


ENDINGS = {"onnx": ".onnx", "tensorrt": ".onnx", "pt2e": ".pt2"}
"""Of the file that a kind is; the others are folders, as these are where `out` has no such ending."""

FILES = (".onnx", ".pt2", ".pt", ".pth", ".pkl", ".bin", ".ckpt", ".safetensors", ".tflite", ".engine", ".py")
"""Endings that nobody gives a folder, and that mean a file of another kind where they do not suit."""


def misnamed(to: str, out: Path) -> Problem | None:
    """Why an export cannot have a name: its ending is that of another kind of file. None where it can."""
    ending = ENDINGS.get(to)
    if out.suffix.lower() not in FILES or out.suffix == ending or out.is_dir():
        return None
    if ending is None:
        what = Text("is the name of a file, and an export to {to} is a folder", to=to)
        return Problem(str(out), what, Text("Leave the ending out."))
    what = Text("is not how a file for {to} is called", to=to)
    return Problem(str(out), what, Text("Give a name that ends in {ending}, or that of a folder.", ending=ending))


def targets_for(to: str) -> tuple[str, ...]:
    """Names of the targets that can run what `to` names."""
    return tuple(name for name in TARGETS if to not in BACKENDS or name.partition("-")[0] in BACKENDS[to])


def refused(to: str, target: Target) -> Problem | None:
    """Why a plan for a target cannot be exported to `to`, or None where it can."""
    if target.backend in BACKENDS.get(to, (target.backend,)):
        return None
    return Problem(
        Text("export to {to}", to=to),
        Text("the plan is for {target}", target=target.name),
        Text("Set the target to one of {needed}.", needed=", ".join(targets_for(to))),
    )
