"""Findings about a state that is fed back."""

from __future__ import annotations

from ..results import Finding
from ..results.samples import Drift
from ..text import Text, joined
from .case import Case, in_float

DRIFTS_DB = 3.0
"""An output that ends so far below what one step adds by itself has the state's error in it."""

FINE_DB = 30.0
"""An error of a thousandth of the power is none to speak of."""


def state_drifts(case: Case) -> list[Finding]:
    """Errors add up in a state that is fed back."""
    drift = case.analysis.drift
    if drift is None:
        return []
    last, fresh = _end(drift.output_sqnr_db), _end(drift.fresh_sqnr_db)
    if last is None or fresh is None or fresh - last < DRIFTS_DB or last > FINE_DB:
        return []
    graph = case.quantization.graph
    ends = list(case.layers_of(graph.origin(graph.output_values[place]) for place in drift.outputs))
    # A state that is made in float is rounded all the same where integers read it.
    ends += [layer.id for layer in graph.layers if {graph.origin(name) for name in layer.inputs} & set(drift.inputs)]
    layers = tuple(id for id in dict.fromkeys(ends) if (row := case.row_of.get(id)) is not None and row.quantized)
    return [
        Finding(
            "state_drifts",
            Text("Errors add up in the state: {states}", states=joined(drift.inputs)),
            Text(
                "fed back for {steps} steps the outputs end at {last:.1f} dB; with the float model's state at every "
                "step they have {fresh:.1f} dB",
                steps=drift.steps,
                last=last,
                fresh=fresh,
            ),
            layers,
            "warning",
            None,
            Text("Keep the layers that make and read the state in float, or give them more bits.")
            if layers
            else Text(
                "Those that make and read the state are float already: keep more layers in front of it in float."
            ),
            in_float(case.plan, layers).to_json() if layers else None,
        )
    ]


def state_never_moves(case: Case) -> list[Finding]:
    """Samples that all bring the same state show the first step of a model, and no other."""
    drift = case.analysis.drift
    if drift is None or drift.moving:
        return []
    return [
        Finding(
            "state_never_moves",
            Text("All samples bring the same state: {states}", states=joined(drift.inputs)),
            Text("ranges, errors and estimates are those of a first step"),
            (),
            "warning",
            None,
            Text("Give samples of later steps: as its state what the float model handed on before."),
        )
    ]


def _end(values: tuple[float | None, ...]) -> float | None:
    """Mean over the last quarter; None where something there is exact."""
    last = values[-max(1, len(values) // 4) :]
    known = [value for value in last if value is not None]
    return sum(known) / len(known) if known and len(known) == len(last) else None


def said(drift: Drift) -> Text:
    """The whole drift in one line."""

    def figure(value: float | None) -> str:
        return "∞" if value is None else f"{value:.1f}"

    return Text(
        "State {states} fed back for {steps} steps, simulated beside float: outputs {first} dB at the first step, "
        "{last} dB at the last ones ({fresh} dB with the float model's state), the state {state} dB.",
        states=joined(drift.inputs),
        steps=drift.steps,
        first=figure(drift.output_sqnr_db[0]),
        last=figure(_end(drift.output_sqnr_db)),
        fresh=figure(_end(drift.fresh_sqnr_db)),
        state=figure(_end(drift.state_sqnr_db)),
    )
