"""What each backend runs (tables, cheap to import) and how plans are lowered to it."""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING

from ..plan import Target

if TYPE_CHECKING:
    from ..graph import Layer
    from ..qconfig import QConfig
    from ..quantize import Quantization
    from ..simulate import Simulation


def table(target: Target) -> ModuleType:
    """The table of a target: ``why_not(layer, qconfig, target)`` and ``grouping(layer)``."""
    if target.backend == "ort":
        from . import ort_table

        return ort_table
    if target.backend == "tensorrt":
        from . import tensorrt_table

        return tensorrt_table
    from . import fx_table

    return fx_table


def float_kernel(layer: Layer, config: QConfig, target: Target) -> str | None:
    """Why a layer that the target rounds as asked is computed in float, or None where it is not.

    A table says so in a function of this name; one without it has no such kernels.
    """
    says = getattr(table(target), "float_kernel", None)
    return None if says is None else says(layer, config, target)


def not_run_here(target: Target) -> str | None:
    """Why this computer cannot run a target's kernels, or None where it can."""
    reason: str | None = getattr(table(target), "NOT_RUN_HERE", None)
    return reason


def simulation(quantization: Quantization, channels_last: bool = False) -> Simulation:
    """The simulation of a plan, in the target's own order of rounding where that is known.

    ONNX Runtime's kernels requantize sums in another order than plain fake quantization. Two values
    in a million come out one step apart, and through a deep net that grows; with its own order the
    simulation is bitwise what the runtime computes.
    """
    if quantization.plan.target.backend == "ort":
        from .ort_simulate import OrtSimulation

        return OrtSimulation(quantization, channels_last)
    from ..simulate import Simulation

    return Simulation(quantization, channels_last)
