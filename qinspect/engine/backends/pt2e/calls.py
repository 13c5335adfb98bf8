"""What oneDNN's integer kernels read and hand on while a compiled program runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from ..runner import Call


class Listener(TorchDispatchMode):
    """While it lasts, every call of oneDNN's integer kernels is noted.

    Nothing else changes: the program runs as without it. What a call reads and gives is copied, since inductor
    writes over what nothing reads any more, and sums are written over what is added to them.

    Attributes
    ----------
    calls : list of (str, Call)
        The event's name, as `kernels.Kernel` has it, and the call, in order.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.calls: list[tuple[str, Call]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func.namespace != "onednn" or not func._opname.startswith(("qconv", "qlinear")) or "prepack" in func._opname:
            return func(*args, **(kwargs or {}))
        given = {argument.name: value for argument, value in zip(func._schema.arguments, args, strict=False)}
        given |= kwargs or {}
        source = _real(given["qx"], given["x_scale"], given["x_zero_point"])
        added = None
        if "binary" in func._overloadname:
            accumulates = "qaccum" in given
            addend = given["qaccum" if accumulates else "other"]
            scale, zero = ("accum_scale", "accum_zero_point") if accumulates else ("other_scale", "other_zp")
            added = _real(addend, given[scale], given[zero])
        result = func(*args, **(kwargs or {}))
        self.calls.append((f"onednn::{func._opname}", Call(source, result.clone(), added, _curve(given))))
        return result


def _real(numbers: torch.Tensor, scale: Any, zero_point: Any) -> torch.Tensor:
    """The real numbers, float32, that whole ones stand for; a copy of what is real already."""
    if numbers.is_floating_point():
        return numbers.clone().float()
    return (numbers.to(torch.int32) - zero_point).float() * scale


def _curve(given: dict[str, Any]) -> Callable[[torch.Tensor], torch.Tensor] | None:
    """What a call applies to its sums, by the names that oneDNN's kernels have for it."""
    keys = ("unary_attr", "unary_post_op", "attr", "post_op_name")
    name = next((given[key] for key in keys if given.get(key) is not None), "none")
    lists = ("unary_scalars", "unary_post_op_args", "scalars", "post_op_args")
    numbers: Sequence[Any] = next((given[key] for key in lists if given.get(key) is not None), ())
    kinds = ("unary_algorithm", "unary_post_op_algorithm", "algorithm", "post_op_algorithm")
    kind = next((given[key] for key in kinds if given.get(key)), "none")
    known: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
        "relu": F.relu,
        "hardtanh": lambda x: x.clamp(*numbers),
        "gelu": lambda x: F.gelu(x, approximate=kind),
        "hardswish": F.hardswish,
        "swish": F.silu,
    }
    return None if name == "none" else known[name]
