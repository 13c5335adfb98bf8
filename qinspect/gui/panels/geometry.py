"""What a layer is before anything is quantized: kernel, stride, groups, channels, shape, size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QCoreApplication

if TYPE_CHECKING:
    from ...engine.graph import Layer, LayerGraph

translate = QCoreApplication.translate

FORWARD = ("stride", "padding", "dilation", "groups")
TRANSPOSED = ("stride", "padding", "output_padding", "groups", "dilation")
"""A convolution's arguments behind input, weight and bias."""


def geometry(layer: Layer, graph: LayerGraph) -> str:
    """A layer in one line: ``3×3 · stride 2 · padding 1 · 3 → 32 · N×32×112×112 · 864 parameters · …``.

    Parameters
    ----------
    layer : Layer
        Of the canonical graph, before fusion.
    graph : LayerGraph
        That it is of; its stored tensors say how large kernels are.
    """
    parts = []
    weight = graph.params.get(layer.roles.get("weight", ""))
    if layer.op.startswith("conv") and weight is not None and weight.ndim > 2:
        transposed = "transpose" in layer.op
        given = dict(zip(TRANSPOSED if transposed else FORWARD, layer.args[3:], strict=False))
        groups = int(given.get("groups", 1))
        one, two = int(weight.shape[0]), int(weight.shape[1]) * groups
        parts += [_sizes(weight.shape[2:]), *_unusual(given), f"{one} → {two}" if transposed else f"{two} → {one}"]
    elif layer.op == "linear" and weight is not None:
        parts.append(f"{int(weight.shape[1])} → {int(weight.shape[0])}")
    if layer.shape:
        parts.append("×".join("N" if axis in layer.free[:1] else str(n) for axis, n in enumerate(layer.shape)))
    stored = sum(int(graph.params[key].numel()) for key in layer.roles.values() if key in graph.params)
    if stored:
        parts.append(translate("Geometry", "{0} parameters").format(_short(stored)))
    if layer.macs:
        parts.append(translate("Geometry", "{0} multiply-adds").format(_short(layer.macs)))
    return " · ".join(parts)


def _unusual(given: dict[str, Any]) -> list[str]:
    """Arguments that are not what they are where nothing is said."""
    words = {
        "stride": (1, translate("Geometry", "stride {0}")),
        "padding": (0, translate("Geometry", "padding {0}")),
        "dilation": (1, translate("Geometry", "dilation {0}")),
        "groups": (1, translate("Geometry", "groups {0}")),
    }
    found = []
    for name, (usual, text) in words.items():
        value = given.get(name, usual)
        each = list(value) if isinstance(value, (list, tuple)) else [value]
        if any(item != usual for item in each):
            found.append(text.format(str(each[0]) if len(set(each)) == 1 else _sizes(each)))
    return found


def _sizes(sizes: Sequence[Any]) -> str:
    return "×".join(str(size) for size in sizes)


def _short(number: int) -> str:
    """Three digits and a unit: 864, 3.54 M."""
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if number >= size:
            return f"{number / size:.3g} {unit}"
    return str(number)
