"""What each backend runs: tables of operators, types and fusions, cheap to import."""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING

from ..plan.target import Target

if TYPE_CHECKING:
    from ..graph import Layer
    from ..plan.qconfig import QConfig


def table(target: Target) -> ModuleType:
    """The table of a target: ``why_not(layer, qconfig, target)`` and ``grouping(layer)``."""
    if target.backend == "ort":
        from .ort import table as ort_table

        return ort_table
    if target.backend == "tensorrt":
        from .tensorrt import table as tensorrt_table

        return tensorrt_table
    if target.backend == "pt2e":
        from .pt2e import table as pt2e_table

        return pt2e_table
    from .fx import table as fx_table

    return fx_table


def float_kernel(layer: Layer, config: QConfig, target: Target) -> str | None:
    """Why a layer that the target rounds as asked is computed in float, or None where it is not.

    A table says so in a function of this name; one without it has no such kernels.
    """
    says = getattr(table(target), "float_kernel", None)
    return None if says is None else says(layer, config, target)


def hands_on_float(layer: Layer, target: Target) -> bool:
    """Whether a layer with a weight may read integers, sum them up, and hand on real numbers."""
    its = table(target)
    says = getattr(its, "hands_on_float", None)
    return getattr(its, "ROUNDS_FOR_READERS", False) or (says is not None and bool(says(layer)))
