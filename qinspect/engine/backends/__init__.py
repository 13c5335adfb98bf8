"""Backends: tables of what each runs, lowerings, exports; here what a target can run, and its simulation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..plan.target import Target
from ..problem import Problem
from ..text import Text, listed
from .tables import table

if TYPE_CHECKING:
    from ..graph import LayerGraph
    from ..quantize import Quantization
    from ..simulate import Simulation


def refuse_opaque(graph: LayerGraph, where: str) -> Problem | None:
    """Why what holds operators alone cannot hold a graph, or None where it can."""
    if not graph.opaque:
        return None
    return Problem(
        listed([layer.id for layer in graph.opaque], 1),
        Text("{where} cannot hold Python code of the model's author, which could not be traced", where=where),
        Text("Rewrite the line at which the tracing stopped; as it is, fx targets alone can run the model."),
    )


def not_run_here(target: Target, graph: LayerGraph | None = None) -> str | None:
    """Why a target's kernels cannot be run for a graph on this computer, or None where they can.

    A table whose ``RUNS_PYTHON`` is true runs the code of a sub-module that could not be traced.
    """
    reason: str | None = getattr(table(target), "NOT_RUN_HERE", None)
    if reason is None and graph is not None and not getattr(table(target), "RUNS_PYTHON", False):
        refused = refuse_opaque(graph, target.title)
        reason = None if refused is None else f"{refused.where}: {refused.what}"
    return reason


def simulation(quantization: Quantization, channels_last: bool = False) -> Simulation:
    """The simulation of a plan, in the target's own order of rounding where that is known.

    ONNX Runtime's and torch's kernels requantize sums in other orders than plain fake quantization. Two
    values in a million come out one step apart, and through a deep net that grows; with its own order the
    simulation is bitwise what the runtime computes.
    """
    if quantization.plan.target.backend == "ort":
        from .ort.simulate import OrtSimulation

        return OrtSimulation(quantization, channels_last)
    if quantization.plan.target.backend in ("fx", "eager"):
        from .fx.simulate import TorchSimulation

        return TorchSimulation(quantization, channels_last)
    from ..simulate import Simulation

    return Simulation(quantization, channels_last)
