"""What is kept apart though its place allows to fuse it: by the plan, or since the target has no kernel for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .backends.clips import CLIPS
from .backends.tables import table
from .graph import Layer, LayerGraph, Ref
from .graph.fold import CONSTANTS, MOVES
from .plan import FLOAT_OPS, QuantPlan
from .plan.qconfig import QConfig
from .text import Text

FOLDABLE = frozenset(
    {"conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "linear"}
)
CURVES = frozenset({"hardswish", "hardsigmoid", "silu", "gelu", "leaky_relu", "tanh"})
"""Activations that some target computes in the kernel of the layer before them."""

OF_ONE_ENGINE = frozenset({"leaky_relu", "tanh"})
"""Those that are no candidates but where a target has a kernel for them."""

NO_KERNEL = Text("unsupported by the backends")

Apart = Mapping[tuple[str, str], str]
"""Reasons by (id of the layer before, id of the layer that would be absorbed)."""


def kept_apart(graph: LayerGraph, plan: QuantPlan) -> dict[tuple[str, str], str]:
    """Why layers are not to be fused, as far as plan and target decide that.

    A layer is kept apart where an override of its own asks another type than for the layer before it.
    For an addition or a curve the target needs a kernel that does both (its table's ``absorbs`` says so);
    one that stays float where nobody asks otherwise (GELU) is taken in where only integer layers read it.
    What else a plan says of the layer before does not matter: what is fused to it follows it.

    Parameters
    ----------
    graph : LayerGraph
        Canonical.
    plan : QuantPlan
    """
    found: dict[tuple[str, str], str] = {}
    for part in graph.layers:
        if part.op not in CLIPS | CURVES | {"add"} or (part.op in CLIPS and not plan.overrides):
            continue
        for item in part.args[: 2 if part.op == "add" else 1]:
            for before in _hosts(graph, item):
                if part.op not in CLIPS and before.op not in FOLDABLE:
                    continue
                reason = None if part.op in CLIPS else _no_kernel(graph, part, before, plan)
                if reason := reason or _mismatch(part, before, plan):
                    found[before.id, part.id] = reason
    return found


def _hosts(graph: LayerGraph, item: Any) -> Iterator[Layer]:
    """Layers to which what reads a value may be fused: behind what moves values or may be folded into them."""
    while isinstance(item, Ref) and item.value in graph.producer:
        layer = graph.producer[item.value]
        constant = layer.op in CONSTANTS and len(layer.inputs) == 1
        if layer.op != "batch_norm" and not only_moves(layer):
            yield layer
            if not constant:
                return
        item = next((arg for arg in layer.args[:2] if isinstance(arg, Ref)), None)


def only_moves(layer: Layer) -> bool:
    """Whether a layer hands on the values of its first input, each once."""
    return layer.transparent and layer.target.split(".")[1] in MOVES and isinstance(layer.args[0], Ref)


def _no_kernel(graph: LayerGraph, part: Layer, before: Layer, plan: QuantPlan) -> str | None:
    absorbs = getattr(table(plan.target), "absorbs", None)
    if absorbs is None:
        return Text(
            "{no_kernel}: {one} and {other} are lowered as two layers",
            no_kernel=NO_KERNEL,
            one=before.op,
            other=part.op,
        )
    readers = graph.consumers.get(part.value, ())
    clip = readers[0] if len(readers) == 1 and readers[0].op in CLIPS else None
    if reason := absorbs(before, part, clip, plan.target):
        return Text("{no_kernel}: {reason}", no_kernel=NO_KERNEL, reason=reason)
    said = any(o.activation != "inherit" for o in plan.matching(part))
    if part.op in FLOAT_OPS and not said and not _read_in_integers(graph, part, plan):
        return Text("it stays float, and so does what reads it")
    return None


def _read_in_integers(graph: LayerGraph, layer: Layer, plan: QuantPlan) -> bool:
    """Whether all that reads a layer's value would run in integers by the plan's default."""
    if layer.value in graph.output_values:
        return False
    readers = graph.consumers.get(layer.value, ())
    return all(
        _read_in_integers(graph, reader, plan)
        if reader.transparent
        else reader.op not in FLOAT_OPS and table(plan.target).why_not(reader, plan.default, plan.target) is None
        for reader in readers
    )


def _mismatch(part: Layer, before: Layer, plan: QuantPlan) -> str | None:
    own = any(o.activation != "inherit" for o in plan.matching(part))
    if own and _type(plan.qconfig(part)) != _type(plan.qconfig(before)):
        return Text("qconfig mismatch: the plan asks another type for it than for {unit}", unit=before.id)
    return None


def _type(config: QConfig) -> tuple[str, int] | None:
    return None if config.activation is None else (config.activation.dtype, config.activation.bits)


def in_place_of(graph: LayerGraph, value: str, layer: Layer, addition: Layer) -> str | None:
    """Why a layer's kernel cannot write its sums over what is added to them, or None where it can.

    Kernels of convolution and addition do so: nobody may read that value, or a view of it, afterwards.
    Who read it before is known where the layer itself depends on them.

    Parameters
    ----------
    graph : LayerGraph
        Canonical.
    value : str
        What is added.
    layer, addition : Layer
    """
    origin = graph.origin(value)
    same = [name for name in (*graph.input_names, *graph.producer) if graph.origin(name) == origin]
    if any(name in graph.output_values for name in same):
        return Text("what is added is also an output of the model, and the kernel writes over it")
    readers = {r.id: r for name in same for r in graph.consumers.get(name, ()) if not r.transparent}
    del readers[addition.id]
    before: set[str] = set()
    todo = list(layer.inputs) if readers else []
    while todo:
        producer = graph.producer.get(todo.pop())
        if producer is not None and producer.id not in before:
            before.add(producer.id)
            todo += producer.inputs
    later = [layer_id for layer_id in readers if layer_id not in before]
    if not later:
        return None
    return Text("what is added is read by {reader} as well, and the kernel writes over it", reader=later[0])
