"""Programs compiled by inductor, and what the code that it generates computes in integers."""

from __future__ import annotations

import platform
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from unittest import mock

import torch
from torch.fx import GraphModule

from ...problem import Problem
from ...text import Text
from .lower import QUANTIZE, quiet
from .nodes import VALUE

INTEGER_CALL = re.compile(r"= torch\.ops\.onednn\.(qconv\w*|qlinear\w*)\.(?:default|tensor|binary\w*)\(")
SOURCES = re.compile(r"# Topologically Sorted Source Nodes: \[([^\]]*)\]")


@dataclass(frozen=True)
class Compiled:
    """A program compiled by inductor for one shape of inputs.

    Parameters
    ----------
    call : callable
        Runs it.
    code : str
        What inductor generated.
    quantizers : mapping of str to str
        Value name by the name that a quantizer's node has in that code.
    """

    call: Callable[..., Any]
    code: str
    quantizers: Mapping[str, str]


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
    if not any(shutil.which(name) for name in ("c++", "g++", "clang++", "cl")):
        raise Problem(Text("target pt2e"), Text("inductor needs a C++ compiler, and none was found"), REMEDY)


REMEDY = Text("Install g++ or clang on an x86 computer, or choose fx-onednn; the export does not need it.")


def compiled(module: GraphModule, inputs: Sequence[torch.Tensor], threads: int) -> Compiled:
    """A program compiled for inputs of these shapes, its stored tensors frozen into it.

    Parameters
    ----------
    module : torch.fx.GraphModule
        Of ATen operators, with or without quantizers.
    threads : int
        The code is generated for as many, and must be run with as many.

    Raises
    ------
    Problem
        Where inductor fails.
    """
    import torch._inductor.config
    from torch._inductor.compile_fx import compile_fx
    from torch._inductor.graph import GraphLowering

    with quiet():
        # Registers the patterns that make integer kernels of quantizers and convolutions.
        import torchao.quantization.pt2e.quantizer.x86_inductor_quantizer  # noqa: F401

    names: dict[str, str] = {}

    def backend(graph: GraphModule, example: list[torch.Tensor]) -> Any:
        # Dynamo names the nodes anew; their order stays.
        ours = [node for node in module.graph.nodes if node.target is QUANTIZE]
        theirs = [node for node in graph.graph.nodes if node.target is QUANTIZE]
        for one, two in zip(ours, theirs, strict=True):
            assert one.args[1:] == two.args[1:]
            names[two.name] = one.meta["custom"][VALUE]
        return compile_fx(graph, example)

    settings = {"freezing": True, "cpp.threads": threads}
    code: list[str] = []
    try:
        with quiet(), torch.no_grad(), torch._inductor.config.patch(settings):
            call = torch.compile(module, backend=backend, fullgraph=True, dynamic=False)
            # torch's own run_and_get_code resets dynamo: programs compiled before would silently be compiled
            # again at their next call, without freezing, and so without integer kernels.
            with mock.patch.object(GraphLowering, "save_output_code", code.append):
                call(*inputs)
    except Exception as error:  # torch wraps what went wrong in classes of its own, at several places
        line = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
        raise Problem(
            Text("target pt2e"), Text("inductor cannot compile the model: {line}", line=line[:300]), REMEDY
        ) from error
    return Compiled(call, "\n".join(code), names)


def integer_calls(code: str, quantizers: Mapping[str, str]) -> list[tuple[str, str]]:
    """The calls of integer kernels in generated code, in order.

    Parameters
    ----------
    code : str
    quantizers : mapping of str to str
        Value name by node name.

    Returns
    -------
    list of (kernel, value)
        oneDNN's operator, and the name of the value that it hands on: inductor writes the
        quantizer behind a convolution into the convolution. Empty where the code does not say.
    """
    found: list[tuple[str, str]] = []
    sources: list[str] = []
    for line in code.splitlines():
        if (said := SOURCES.search(line)) is not None:
            sources = [name.strip() for name in said.group(1).split(",")]
        elif (call := INTEGER_CALL.search(line)) is not None:
            mine = [quantizers[name] for name in sources if name in quantizers]
            found.append((f"onednn.{call.group(1)}", mine[-1] if mine and "torch.uint8" in line else ""))
            sources = []
        elif " = " in line:
            sources = []
    return found
