"""Programs compiled by inductor, where that can be done."""

from __future__ import annotations

import platform
import sys
from collections.abc import Sequence

import torch
from torch.fx import GraphModule

from ...problem import Problem
from ...text import Text
from .inductor import Compiled, compile_program, has_compiler, quiet


def need_compiler() -> None:
    """Refuse to compile where that cannot work.

    Raises
    ------
    Problem
    """
    if platform.machine().lower() not in ("x86_64", "amd64"):
        raise Problem(
            Text("target pt2e"),
            Text("inductor's integer kernels are for x86, this is {machine}", machine=platform.machine()),
            REMEDY,
        )
    if not has_compiler():
        raise Problem(Text("target pt2e"), Text("inductor needs a C++ compiler, and none was found"), REMEDY)
    if getattr(sys, "frozen", False):
        what = Text("inductor needs Python's and torch's headers, which this application does not bring")
        raise Problem(Text("target pt2e"), what, Text("Install qinspect with pip for it, or choose fx-onednn."))


REMEDY = Text("Install g++ or clang on an x86 computer, or choose fx-onednn; the export as .pt2 does not need it.")


def compiled(module: GraphModule, inputs: Sequence[torch.Tensor], threads: int) -> Compiled:
    """`inductor.compile_program`, with the patterns of torchao.

    Raises
    ------
    Problem
        Where inductor fails.
    """
    with quiet():
        # Registers the patterns that make integer kernels of quantizers and convolutions.
        import torchao.quantization.pt2e.quantizer.x86_inductor_quantizer  # noqa: F401
    try:
        return compile_program(module, inputs, threads)
    except Exception as error:  # torch wraps what went wrong in classes of its own, at several places
        line = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
        raise Problem(
            Text("target pt2e"),
            Text("inductor cannot compile the model: {line}", line=line[:300]),
            Text("Choose fx-onednn, or leave the layers in float that it stops at; the export does not need inductor."),
        ) from error
