"""Programs compiled by inductor, and what the code that it generates computes in integers; with torch alone.

A bench kit takes this file along: it imports no others of ours but `nodes`.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

import torch
import torch.ao.quantization.fx._decomposed  # registers the operators of quantized programs
from torch.fx import Graph, GraphModule, Node
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from .nodes import VALUE, WEIGHTED, layer_of, operator_name

QUANTIZE = torch.ops.quantized_decomposed.quantize_per_tensor.default
DEQUANTIZE = torch.ops.quantized_decomposed.dequantize_per_tensor.default
DEQUANTIZE_NOW = torch.ops.quantized_decomposed.dequantize_per_tensor.tensor
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
    owners : mapping of str to str
        Layer id by the name that a node has there; of quantizers and dequantizers the layer whose
        value they round, empty for a model input's.
    loops : mapping of str to tuple of str
        Names of the nodes in each loop of C++, by the loop's name.
    modes : list of TorchDispatchMode
        Entered while it runs. From outside torch.compile does not allow any.
    """

    call: Callable[..., Any]
    code: str
    quantizers: Mapping[str, str]
    owners: Mapping[str, str]
    loops: Mapping[str, tuple[str, ...]]
    modes: list[TorchDispatchMode] = field(default_factory=list)


def has_compiler() -> bool:
    """Whether there is a C++ compiler that inductor can call."""
    return any(shutil.which(name) for name in ("c++", "g++", "clang++", "cl"))


def compile_program(module: GraphModule, inputs: Sequence[torch.Tensor], threads: int) -> Compiled:
    """A program compiled for inputs of these shapes, its stored tensors frozen into it.

    Parameters
    ----------
    module : torch.fx.GraphModule
        Of ATen operators, with or without quantizers.
    threads : int
        The code is generated for as many, and must be run with as many.

    Raises
    ------
    Exception
        Of torch's own kinds, where inductor fails.
    """
    import torch._inductor.config
    from torch._inductor.codegen.cpp import CppScheduling
    from torch._inductor.compile_fx import compile_fx
    from torch._inductor.graph import GraphLowering
    from torch._inductor.utils import get_kernel_metadata
    from torch._inductor.virtualized import V

    module = with_sums_apart(with_own_dequantizers(module))
    names: dict[str, str] = {}
    owners: dict[str, str] = {}
    loops: dict[str, tuple[str, ...]] = {}
    modes: list[TorchDispatchMode] = []

    def backend(graph: GraphModule, example: list[torch.Tensor]) -> Any:
        # Dynamo names the nodes anew; their order stays.
        ours = [node for node in module.graph.nodes if node.target is QUANTIZE]
        theirs = [node for node in graph.graph.nodes if node.target is QUANTIZE]
        for one, two in zip(ours, theirs, strict=True):
            assert one.args[1:] == two.args[1:]
            names[two.name] = one.meta["custom"][VALUE]
        owners.update(_owners(module, graph))
        inner: Any = compile_fx(graph, example)

        def run(*given: Any) -> Any:
            if not modes:
                return inner(*given)
            with contextlib.ExitStack() as entered:
                for mode in modes:
                    entered.enter_context(mode)
                return inner(*given)

        return run

    comment: Any = CppScheduling.codegen_comment

    def noted(self: Any, nodes: Any, kernel_name: str | None = None) -> None:
        if kernel_name is not None:
            said = SOURCES.search(get_kernel_metadata(nodes, V.graph.wrapper_code)[0])
            loops[kernel_name] = names_in(said.group(1)) if said else ()
        comment(self, nodes, kernel_name)

    # The profiler is told of loops of C++ by the code itself; operators of torch's always say when they run.
    settings = {"freezing": True, "cpp.threads": threads, "cpp.enable_kernel_profile": True}
    code: list[str] = []
    with quiet(), torch.no_grad(), torch._inductor.config.patch(settings):
        call = torch.compile(module, backend=backend, fullgraph=True, dynamic=False)
        # torch's own run_and_get_code resets dynamo: programs compiled before would silently be compiled
        # again at their next call, without freezing, and so without integer kernels.
        with (
            mock.patch.object(GraphLowering, "save_output_code", code.append),
            mock.patch.object(CppScheduling, "codegen_comment", noted),
        ):
            call(*inputs)
    return Compiled(call, "\n".join(code), names, owners, loops, modes)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """torch's and torchao's own deprecations, of which they are full, are not the user's."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextlib.contextmanager
def as_compiled() -> Iterator[None]:
    """While it lasts, programs run as they were compiled, or not at all.

    Compiled again without a word, for what torch takes for another kind of input (one made in inference mode, say),
    they would run without freezing, and so without integer kernels.
    """
    with torch.inference_mode(False), torch.no_grad(), torch.compiler.set_stance("fail_on_recompile"):
        yield


def in_batches(program: Compiled, inputs: Sequence[torch.Tensor], batch: int) -> list[torch.Tensor]:
    """Run a program on any number of samples; the last batch is filled up with copies of its last sample."""
    parts: list[list[torch.Tensor]] = []
    with as_compiled():
        for start in range(0, inputs[0].shape[0], batch):
            # Tensors made in inference mode are others to torch.compile.
            given = [x[start : start + batch].clone() for x in inputs]
            missing = batch - given[0].shape[0]
            if missing:
                given = [torch.cat([x, x[-1:].expand(missing, *x.shape[1:])]) for x in given]
            results = tree_leaves(program.call(*(x.contiguous() for x in given)))
            parts.append([result[: batch - missing] for result in results])
    return [torch.cat(same) for same in zip(*parts, strict=True)]


def with_own_dequantizers(module: GraphModule) -> GraphModule:
    """The same program with a dequantizer for each linear layer that reads a value.

    Where linear layers, with views of more than two axes between, share one with others, inductor's
    patterns find none of them, and they run in float without a word. So that equal ones are not made
    one again they differ in the largest whole number, which a dequantizer does not look at.
    """
    graph = Graph()
    graph.output(graph.graph_copy(module.graph, {}))
    graph.set_codegen(module.graph._codegen)  # how the program takes its inputs and gives its outputs
    number = 0
    for node in [n for n in graph.nodes if n.target in (DEQUANTIZE, DEQUANTIZE_NOW)]:
        for user in list(node.users):
            if operator_name(user) == "linear":
                number += 1
                with graph.inserting_before(user):
                    again = graph.node_copy(node)
                again.args = (*again.args[:4], int(str(again.args[4])) + number, *again.args[5:])
                user.replace_input_with(node, again)
        if not node.users:
            graph.erase_node(node)
    return GraphModule(module, graph)


CURVES = ("relu", "hardtanh", "clamp", "gelu", "hardswish", "silu")
"""What inductor puts into the call of the convolution or linear layer before it."""


VIEWS = (
    "view", "reshape", "permute", "transpose", "squeeze", "unsqueeze", "slice", "select", "alias", "flatten", "expand"
)  # fmt: skip


def with_sums_apart(module: GraphModule) -> GraphModule:
    """The same program with ``a - (-b)`` for ``a + b`` where one call for sums and the addition would go wrong.

    Behind a curve: torchao's pattern finds the call that has taken in the curve already, and stops with an
    AssertionError. With an input of the model: the call writes the sum over it. Both forms are the same number.
    """
    graph = Graph()
    graph.output(graph.graph_copy(module.graph, {}))
    graph.set_codegen(module.graph._codegen)
    for node in list(graph.find_nodes(op="call_function", target=torch.ops.aten.add.Tensor)):
        pair = [item for item in node.args[:2] if isinstance(item, Node)]
        apart = any(_behind_weight(item) or _viewed(item).op == "placeholder" for item in pair)
        if len(pair) < 2 or not apart or node.kwargs.get("alpha", 1) != 1:
            continue
        with graph.inserting_before(node):
            turned = graph.call_function(torch.ops.aten.neg.default, (pair[1],))
            result = graph.call_function(torch.ops.aten.sub.Tensor, (pair[0], turned))
        turned.meta, result.meta = dict(node.meta), dict(node.meta)
        node.replace_all_uses_with(result)
        graph.erase_node(node)
    return GraphModule(module, graph)


def _behind_weight(node: Node) -> bool:
    source = node.args[0] if node.args else None
    return operator_name(node) in CURVES and isinstance(source, Node) and operator_name(source) in WEIGHTED


def _viewed(node: Node) -> Node:
    """What a node is a view of."""
    while operator_name(node) in VIEWS and isinstance(node.args[0], Node):
        node = node.args[0]
    return node


def _owners(module: GraphModule, graph: GraphModule) -> dict[str, str]:
    """Layers by the names that dynamo gave their nodes, which keep their order; as far as it left their number."""
    ours, theirs = (defaultdict[Any, list[Node]](list), defaultdict[Any, list[Node]](list))
    for found, nodes in ((ours, module.graph.nodes), (theirs, graph.graph.nodes)):
        for node in nodes:
            if node.op == "call_function":
                found[node.target].append(node)
    pairs = [pair for target in theirs if len(ours[target]) == len(theirs[target])
             for pair in zip(ours[target], theirs[target], strict=True)]  # fmt: skip
    return {two.name: layer_of(one) or "" for one, two in pairs}


def names_in(text: str) -> tuple[str, ...]:
    """The names in a list that stands in a comment of generated code."""
    return tuple(name.strip() for name in text.split(",") if name.strip())
