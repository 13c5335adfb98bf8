"""What cannot become layers though torch.export takes it: code inside operators, and modules that are quantized."""

from __future__ import annotations

import re

import torch
from torch.export import ExportedProgram
from torch.fx import GraphModule, Node
from torch.utils._pytree import tree_flatten

NAMES = {"while_loop": "torch.while_loop", "map_impl": "map", "flex_attention": "flex_attention"}
"""What authors write, by the operator that it becomes, where that is not torch's own name."""


class Nested(Exception):
    """An operator that runs code of its own, such as torch.cond, stands in a program.

    Attributes
    ----------
    paths : list of str
        The sub-modules that it was called in, innermost first.
    """

    def __init__(self, node: Node) -> None:
        name = str(getattr(node.target, "_name", None) or getattr(node.target, "__name__", node.target))
        said = f"{NAMES.get(name, f'torch.{name}')} runs code of its own, which is no layer"
        # The author's frames in the form in which torch.export's own errors have them.
        frames = re.findall(r'File "[^"]+", line \d+', node.meta.get("stack_trace") or "")
        super().__init__("\n".join([said, *frames]))
        stack = (node.meta.get("nn_module_stack") or {}).values()
        self.paths = [path for path, _ in reversed(list(stack)) if path]


def refuse_nested(program: ExportedProgram) -> ExportedProgram:
    """The program, where none of its operators runs another.

    Raises
    ------
    Nested
    """
    module = program.graph_module
    inner = {
        node
        for node in module.graph.find_nodes(op="get_attr")
        if isinstance(getattr(module, str(node.target), None), GraphModule)
    }
    for node in module.graph.nodes:
        if node.op == "call_function" and any(leaf in inner for leaf in tree_flatten((node.args, node.kwargs))[0]):
            raise Nested(node)
    return program


def quantized_module(module: torch.nn.Module) -> str | None:
    """Path of the first sub-module that torch.ao has quantized, or None."""
    places = ((path, type(part).__module__) for path, part in module.named_modules())
    return next(
        (path for path, place in places
         if place.startswith("torch.ao.nn.") and ".quantized" in place and ".reference" not in place), None
    )  # fmt: skip
