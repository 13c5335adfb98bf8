"""What one node of an exported program says of itself: operator, arguments, sizes, module, place in the source."""

from __future__ import annotations

import operator
import re
from pathlib import Path
from typing import Any

import torch
from torch.fx import Node

from .operators import CANONICAL, TRANSPARENT

_STANDS_IN = str(Path("engine", "load", "stand_in.py"))
_TORCH = str(Path(torch.__file__).parent)
_EVERYTHING = (1 << 63) - 1

MADE_OF = {
    "path": "qinspect.path",
    "source": "qinspect.source",
    "layer": "qinspect.layer",
    "tensor": "qinspect.tensor",
}
"""Keys of a node's custom metadata: module path, place in the source and layer id, where whoever made
the program knows them better than its trace does; and a name under which the node's value is asked for."""


def free_axes(value: Any) -> tuple[int, ...]:
    """Axes of a value that have another length for other inputs."""
    shape = value.shape if isinstance(value, torch.Tensor) else ()
    return tuple(axis for axis, size in enumerate(shape) if isinstance(size, torch.SymInt))


def rank(item: Any) -> int:
    """Number of axes of a node's value; 0 where it has none."""
    value = item.meta.get("val") if isinstance(item, Node) else None
    return value.dim() if isinstance(value, torch.Tensor) else 0


def hint(size: Any) -> int:
    """How long an axis is in the example; 1 where that depends on the values."""
    if not isinstance(size, torch.SymInt):
        return int(size)
    return 1 if size.node.hint is None else int(size.node.hint)


def follows(size: Any, batch: Any) -> bool:
    """Whether a size depends on the number of samples."""
    if not isinstance(size, torch.SymInt) or not isinstance(batch, torch.SymInt):
        return False
    return bool(size.node.expr.free_symbols & batch.node.expr.free_symbols)


def base_name(target: Any) -> str:
    """An operator without its overload: ``conv2d``."""
    if isinstance(target, torch._ops.OpOverload):
        return target._opname
    if target is operator.getitem:
        return "getitem"
    return f"sym_{getattr(target, '__name__', str(target))}"


def target_name(target: Any) -> str:
    """An operator whole: ``aten.conv2d.default``."""
    if isinstance(target, torch._ops.OpOverload):
        return str(target)
    module = getattr(target, "__module__", "")
    return f"{module}.{target.__name__}"


def positional(target: torch._ops.OpOverload, args: Any, kwargs: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """All arguments that may stand by position, defaults filled in, so that every reader finds them."""
    full = list(args)
    rest = dict(kwargs)
    for schema in target._schema.arguments[len(full) :]:
        if schema.kwarg_only:
            continue
        if schema.name in rest:
            full.append(rest.pop(schema.name))
        elif schema.has_default_value():
            full.append(schema.default_value)
        else:
            break
    return tuple(full), rest


def repeatable(target: Any) -> bool:
    """Whether an operator gives the same again: it draws nothing at random."""
    return isinstance(target, torch._ops.OpOverload) and torch.Tag.nondeterministic_seeded not in target.tags


def filling(node: Node, number: int | None) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
    """Arguments of `torch.full` for a tensor that has such numbers whatever the input is; None where its sizes vary."""
    value = node.meta["val"]
    number = node.args[-1] if number is None else number  # type: ignore[assignment]
    if not isinstance(number, int | float) or not all(isinstance(size, int) for size in value.shape):
        return None
    return (tuple(value.shape), number), {"dtype": value.dtype}


def keeps_all(node: Node, name: str, args: tuple[Any, ...]) -> bool:
    """Whether the operator hands on its input as it is: a whole slice, a cast to the same type."""
    if name == "slice":
        return args[2] in (0, None) and args[3] in (_EVERYTHING, None) and args[4] == 1
    return name in ("_to_copy", "to", "expand", "view", "reshape", "squeeze") and alike(node, node.args[0])


def alike(node: Node, source: Any) -> bool:
    """Whether two values are tensors of one type and shape."""
    value, before = node.meta.get("val"), source.meta.get("val") if isinstance(source, Node) else None
    if not isinstance(value, torch.Tensor) or not isinstance(before, torch.Tensor):
        return False
    return bool(before.dtype == value.dtype and tuple(map(str, before.shape)) == tuple(map(str, value.shape)))


def casts(node: Node) -> bool:
    """Whether a node rounds real numbers to another type."""
    value, source = node.meta.get("val"), node.args[0] if node.args else None
    before = source.meta.get("val") if isinstance(source, Node) else None
    if base_name(node.target) not in ("_to_copy", "to") or not isinstance(before, torch.Tensor):
        return False
    return isinstance(value, torch.Tensor) and before.is_floating_point() and before.dtype != value.dtype


def with_one_output(name: str, args: tuple[Any, ...]) -> tuple[str, tuple[Any, ...]]:
    """The operator, with its arguments, that gives just the first of several results."""
    if name == "_native_batch_norm_legit_no_training":
        x, weight, bias, mean, var, momentum, eps = args[:7]
        return "aten.batch_norm.default", (x, weight, bias, mean, var, False, momentum, eps, True)
    if name == "_native_batch_norm_legit_functional":  # in train mode; it counts on, elsewhere
        x, weight, bias, mean, var, training, momentum, eps = args[:8]
        stored = (None, None) if training else (mean, var)
        return "aten.batch_norm.default", (x, weight, bias, *stored, training, momentum, eps, True)
    if name == "_native_batch_norm_legit":  # of the batch, in train mode and without running statistics
        x, weight, bias, _, momentum, eps = args[:6]
        return "aten.batch_norm.default", (x, weight, bias, None, None, True, momentum, eps, True)
    if name == "native_layer_norm":
        return "aten.layer_norm.default", (*args[:5], False)
    if name == "native_group_norm":
        x, weight, bias, _, _, _, groups, eps = args[:8]
        return "aten.group_norm.default", (x, groups, weight, bias, eps, False)
    if name in ("max", "min"):
        x, axis, keepdim = args
        return f"aten.a{name}.default", (x, [axis], keepdim)
    return "aten.max_pool2d.default", args


def canonical_op(name: str, args: tuple[Any, ...]) -> str:
    """The canonical operator, of the closed list; ``other`` where there is none."""
    op = CANONICAL.get(name, name if name in TRANSPARENT else "other")
    if name in ("clamp", "clamp_min", "clamp_max", "hardtanh"):
        if name == "clamp_min":
            low, high = args[1], None
        elif name == "clamp_max":
            low, high = None, args[1]
        else:
            low, high = args[1], args[2]
        if low == 0 and high == 6:
            return "relu6"
        if low == 0 and high is None:
            return "relu"
    return op


def module_of(node: Node) -> tuple[str, int]:
    """The module path of a node, and which call of that module it is (from 1)."""
    path = custom(node, "path")
    if path is not None:
        return path, 1
    stack = node.meta.get("nn_module_stack") or {}
    if not stack:
        return "", 1
    key, entry = list(stack.items())[-1]
    if "_empty_nn_module_stack" in key:
        return "", 1
    path = str(entry[0])
    call = re.search(r"@(\d+)$", key)
    return re.sub(r"@\d+", "", path), int(call.group(1)) + 1 if call else 1


def custom(node: Node, key: str) -> str | None:
    """What whoever made the program wrote on a node, under a key of `MADE_OF`."""
    value = (node.meta.get("custom") or {}).get(MADE_OF[key])
    return value if isinstance(value, str) else None


def given_id(node: Node, label: str) -> str | None:
    """The layer id that whoever made the program gave a node, where it is one of this operator."""
    given = custom(node, "layer")
    return given if given is not None and re.fullmatch(rf"{label}(@\d+)?(#\d+)?", given.rpartition(":")[2]) else None


def source_of(node: Node) -> str | None:
    """``file.py:line`` of the innermost frame that is not torch's own."""
    found = custom(node, "source")
    if found is not None:
        return found
    for name, line in re.findall(r'File "([^"]+)", line (\d+)', node.meta.get("stack_trace") or ""):
        ours = name.endswith(_STANDS_IN)
        if not name.startswith((_TORCH, "torch/", "<")) and "/site-packages/torch/" not in name and not ours:
            found = f"{name}:{line}"
    return found
