"""What each backend runs (tables, cheap to import) and how plans are lowered to it."""

from __future__ import annotations

from types import ModuleType

from ..plan import Target


def table(target: Target) -> ModuleType:
    """The table of a target: ``why_not(layer, qconfig, target)`` and ``grouping(layer)``."""
    if target.backend == "ort":
        from . import ort_table

        return ort_table
    from . import fx_table

    return fx_table
