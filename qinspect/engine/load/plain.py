"""Exported programs as they are read on: without in-place operators, and in float32."""

from __future__ import annotations

import operator
from typing import Any

import torch
from torch.export import ExportedProgram
from torch.export.graph_signature import InputKind, OutputKind
from torch.fx import Graph, Node
from torch.fx.node import map_aggregate
from torch.utils._pytree import tree_map

from ..graph.operators import TAKEN_APART
from ..text import Text

IN_FLOAT32 = Text("Numbers in half or double precision are computed in float32 here.")
OTHER_FLOATS = frozenset({torch.float16, torch.bfloat16, torch.float64})

OWN_MEMORY = frozenset(
    {
        *(f"{kind}{n}d" for kind in ("conv", "conv_transpose") for n in (1, 2, 3)),
        *(f"{kind}_pool{n}d" for kind in ("max", "avg", "adaptive_avg") for n in (1, 2, 3)),
        *("linear", "matmul", "mm", "bmm", "addmm", "embedding", "scaled_dot_product_attention"),
        *("batch_norm", "layer_norm", "group_norm"),
        *("relu", "relu6", "hardtanh", "clamp", "leaky_relu", "prelu", "elu", "selu", "celu", "softplus", "mish"),
        *("sigmoid", "tanh", "silu", "gelu", "hardswish", "hardsigmoid", "softmax", "log_softmax"),
        *("add", "sub", "mul", "div", "neg", "pow", "sqrt", "exp", "mean", "sum", "cat", "stack"),
        *("upsample_nearest2d", "upsample_bilinear2d", "maximum", "minimum"),
    }
)
"""Operators that torch's decomposition leaves as they are, and whose result shares no memory with what they read."""

SHARING = frozenset(
    {
        *("permute", "transpose", "slice", "select", "unsqueeze", "squeeze", "view", "contiguous", "pixel_shuffle"),
        *("split", "split_with_sizes", "getitem", "dropout", "feature_dropout", "pad"),
    }
)
"""Left as they are as well; their result may be a view of what they read."""


def plain(program: ExportedProgram) -> ExportedProgram:
    """The program without in-place operators, and with those of `TAKEN_APART` as torch itself computes them."""
    if _rewritten(program):
        return program
    known = torch.export.default_decompositions()
    apart = {}
    for name in TAKEN_APART:
        base, _, overload = name.partition(".")
        operator = getattr(getattr(torch.ops.aten, base), overload)
        apart[operator] = known[operator]
    return program.run_decompositions(apart)


def in_float32(program: ExportedProgram) -> bool:
    """Have a program compute in float32 where its inputs are of half or double precision; whether they were.

    Data are float32, and so are all grids: nothing could be given to it otherwise.
    """
    read = set(program.graph_signature.user_inputs)
    if not any(_precision(node) in OTHER_FLOATS for node in program.graph.nodes if node.name in read):
        return False
    for node in program.graph.nodes:
        node.args, node.kwargs = map_aggregate((node.args, node.kwargs), _as_float32)
        if "val" in node.meta:
            node.meta["val"] = tree_map(_as_float32, node.meta["val"])
    for tensors in (program.state_dict, program.constants):
        for name, tensor in tensors.items():
            converted = _as_float32(tensor)
            if isinstance(tensor, torch.nn.Parameter):
                converted = torch.nn.Parameter(converted, requires_grad=False)
            tensors[name] = converted
    program.example_inputs = tree_map(_as_float32, program.example_inputs)
    return True


def _precision(node: Node) -> torch.dtype | None:
    value = node.meta.get("val")
    return value.dtype if isinstance(value, torch.Tensor) else None


def _as_float32(item: Any) -> Any:
    if isinstance(item, torch.Tensor) and item.dtype in OTHER_FLOATS:
        return item.float()
    return torch.float32 if isinstance(item, torch.dtype) and item in OTHER_FLOATS else item


def _rewritten(program: ExportedProgram) -> bool:
    """Make a simple program what `run_decompositions` would make of it; False where it is not simple.

    That runs the whole model again, operator by operator, and takes three times as long as exporting it. A
    convolutional net has only in-place operators in the way whose operand nobody else sees.
    """
    inputs = {spec.arg.name for spec in program.graph_signature.input_specs if spec.kind == InputKind.USER_INPUT}
    if any(spec.kind != OutputKind.USER_OUTPUT for spec in program.graph_signature.output_specs):
        return False
    graph = program.graph
    given = {node for node in graph.nodes if node.op == "placeholder" and node.name in inputs}
    depends = set(given)
    for node in graph.nodes:
        if node.op == "call_function":
            depends.add(node)
            if not _simple(node) or not any(item in depends for item in node.all_input_nodes):
                return False
        elif node.op not in ("placeholder", "output"):
            return False
    first = next((node for node in graph.nodes if node in given and node.meta["val"].dim()), None)
    resized = [node for node in graph.nodes if _name(node) in ("flatten", "sym_size")]
    if first is None or not all(_reads_batch_alone(node, first) for node in resized):
        return False
    for node in graph.nodes:
        if _name(node) == "batch_norm":
            node.args = (*node.args[:8], True)  # whether cuDNN may be used
        elif _in_place(node):
            operand = node.args[0]
            assert isinstance(operand, Node)
            node.target = getattr(getattr(torch.ops.aten, _name(node)), node.target._overloadname)
            operand.replace_all_uses_with(node, delete_user_cb=node.__lt__)
    _write_sizes(graph, first, resized)
    graph.eliminate_dead_code()
    return True


def _name(node: Node) -> str:
    """The operator's, without the mark of one that works in place."""
    if isinstance(node.target, torch._ops.OpOverload):
        return node.target._opname.removesuffix("_")
    return "getitem" if node.target is operator.getitem else ""


def _in_place(node: Node) -> bool:
    return isinstance(node.target, torch._ops.OpOverload) and node.target._opname.endswith("_")


def _simple(node: Node) -> bool:
    name = _name(node)
    if isinstance(node.target, torch._ops.OpOverload) and node.target.namespace != "aten":
        return False
    if name == "batch_norm" and (len(node.args) < 8 or node.args[5]):
        return False
    if name.endswith("dropout") and node.args[2]:
        return False
    if not _in_place(node):
        return name in OWN_MEMORY or name in SHARING or name in ("flatten", "sym_size")
    operand = node.args[0]
    if name not in OWN_MEMORY or not isinstance(operand, Node) or _name(operand) not in OWN_MEMORY:
        return False
    # What read the operand before must not hold on to its memory, and its type is to be the result's.
    before = [user for user in operand.users if user < node]
    kinds = {item.meta["val"].dtype for item in node.all_input_nodes if isinstance(item.meta.get("val"), torch.Tensor)}
    return len(kinds) == 1 and all(_name(user) in OWN_MEMORY or _name(user) == "sym_size" for user in before)


def _reads_batch_alone(node: Node, first: Node) -> bool:
    """Whether the only size that an operator is concerned with is the number of samples of the first input."""
    value, batch = node.args[0].meta["val"], first.meta["val"].shape[0]  # type: ignore[union-attr]
    if _name(node) == "sym_size":
        return not node.args[1] and str(value.shape[0]) == str(batch)
    made = node.meta["val"]
    sizes = [size for size in made.shape if isinstance(size, torch.SymInt)]
    viewed = made.dim() < value.dim() and value.is_contiguous()
    return bool(viewed) and (not sizes or (sizes == [made.shape[0]] and str(sizes[0]) == str(batch)))


def _write_sizes(graph: Graph, first: Node, resized: list[Node]) -> None:
    """Write the number of samples as torch's decomposition does: one node, of the first input."""
    size: Node | int = first.meta["val"].shape[0]
    if isinstance(size, torch.SymInt) and resized:
        last = [node for node in graph.nodes if node.op == "placeholder"][-1]
        with graph.inserting_after(last):
            size = graph.call_function(torch.ops.aten.sym_size.int, (first, 0))
        size.meta["val"] = first.meta["val"].shape[0]
    for node in resized:
        if _name(node) == "sym_size":
            node.replace_all_uses_with(size)  # type: ignore[arg-type]
        else:
            shape = [size if isinstance(n, torch.SymInt) else n for n in node.meta["val"].shape]
            node.target, node.args, node.kwargs = torch.ops.aten.view.default, (node.args[0], shape), {}
