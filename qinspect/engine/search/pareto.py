"""What a search found: plain data, as pareto.json and the window show it. Figures not measured are None."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from ..files import write_json
from ..intervals import Interval
from ..plan import QuantPlan
from ..staged import staged_file

Objective = Literal["latency", "size", "layers"]
"""What is to be small: the time of a forward pass, the stored tensors, or the number of layers left in float."""

Kind = Literal["drop", "kl", "ms"]


@dataclass(frozen=True)
class Constraint:
    """What the user asks for.

    Parameters
    ----------
    kind : str
        ``drop`` of the metric (without a metric of y, of the agreement with the float model), ``kl`` or ``ms``.
    limit : float
        Fraction (or the metric's own unit), nats, or milliseconds.
    """

    kind: Kind
    limit: float


@dataclass(frozen=True)
class Verified:
    """A plan simulated on samples.

    Parameters
    ----------
    split : str
        ``select``, that plans are chosen on, or ``final``.
    samples : int
    kl : Interval | None
        KL(fp32 || int8), nats, mean per sample; None where the first output is no logits.
    mse : float | None
        Of the outputs, each normalized by its own float power.
    agreement : Interval | None
        Share of samples with the float model's answer.
    fp32_metric, metric : float | None
        Of the float and of the simulated model; None without y that the metric is of.
    drop : Interval | None
        By how much the metric is worse than in float, paired; without a metric of y by how much the
        agreement is below 1.
    """

    split: str
    samples: int
    kl: Interval | None
    mse: float | None
    agreement: Interval | None
    fp32_metric: float | None
    metric: float | None
    drop: Interval | None

    def of_float(self) -> Verified:
        """What the float model does on the same samples: by definition it loses nothing."""
        none, all_ = Interval(0.0, 0.0, 0.0), Interval(1.0, 1.0, 1.0)
        return Verified(
            self.split,
            self.samples,
            None if self.kl is None else none,
            None if self.mse is None else 0.0,
            None if self.agreement is None else all_,
            self.fp32_metric,
            self.fp32_metric,
            None if self.drop is None else none,
        )

    @property
    def loss(self) -> float:
        """What the search makes small: KL, or MSE where there is none."""
        return self.kl.value if self.kl is not None else (self.mse or 0.0)

    def to_json(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, value in asdict(self).items():
            if name in ("kl", "agreement", "drop"):
                found[name] = None if value is None else value["value"]
                found[f"{name}_interval"] = None if value is None else [value["low"], value["high"]]
            else:
                found[name] = value
        return found


@dataclass(frozen=True)
class Point:
    """One plan.

    Parameters
    ----------
    plan : QuantPlan
    float_layers : tuple of str
        Ids of the layers that the search left in float and the plan it started from did not.
    changed : tuple of (str, str)
        Other layers that it changed: id, and what is different.
    estimated_kl, estimated_mse, estimated_ms : float | None
        Sums of what was scored and timed layer by layer.
    bytes : int
        Size of the stored tensors.
    select, final : Verified | None
    fp32_ms, int8_ms : float | None
        Measured beside each other; `timings.FASTEST` percentile of the runs.
    all_float : bool
        Whether it is the float model itself: nothing is quantized, nothing is lost, and its time is that
        of the float model.
    """

    plan: QuantPlan
    float_layers: tuple[str, ...]
    changed: tuple[tuple[str, str], ...]
    estimated_kl: float | None
    estimated_mse: float | None
    estimated_ms: float | None
    bytes: int
    select: Verified | None = None
    final: Verified | None = None
    fp32_ms: float | None = None
    int8_ms: float | None = None
    all_float: bool = False

    @property
    def ms(self) -> float | None:
        """Its time, measured or else estimated."""
        return self.estimated_ms if self.int8_ms is None else self.int8_ms

    def to_json(self) -> dict[str, Any]:
        """All but the plan, which is a file of its own."""
        return {
            "all_float": self.all_float,
            "float_layers": list(self.float_layers),
            "changed": [{"id": key, "what": what} for key, what in self.changed],
            "estimated_kl": self.estimated_kl,
            "estimated_mse": self.estimated_mse,
            "estimated_ms": self.estimated_ms,
            "bytes": self.bytes,
            "fp32_ms": self.fp32_ms,
            "int8_ms": self.int8_ms,
            "select": None if self.select is None else self.select.to_json(),
            "final": None if self.final is None else self.final.to_json(),
        }


@dataclass(frozen=True)
class Pareto:
    """What a search found.

    Parameters
    ----------
    model, data, target : dict
        As in analysis.json.
    objective : str
    constraint : Constraint | None
    start : Point
        The plan that the search started from, as it was given.
    points : tuple of Point
        From the cheapest to the most exact, the float model among them; none is both slower (larger) and
        worse than another, but for a plan that is nearest to the limit or keeps it in spite of that.
    chosen : int
        Index of the point that was chosen, or of the nearest where the constraint is not met.
    met : bool
        Whether the chosen point meets the constraint, as far as the samples can tell.
    why : str
        Why it was chosen, or why the constraint is not met, one line.
    timing_error : float | None
        Largest relative error of the time estimates on plans that were measured.
    verified : int
        Plans that were simulated on the way.
    notes : tuple of str
    search_s : float
        Wall time, s.
    drop_unit : str
        Of a drop as people read it: ``points`` (of a share, which is a fraction in the figures), or the
        metric's own unit, as in the figures.
    targets : tuple of str
        Names of the targets, where several were searched on: each point's plan is for one of them.
    """

    model: dict[str, Any]
    data: dict[str, Any]
    target: dict[str, Any]
    objective: Objective
    constraint: Constraint | None
    start: Point
    points: tuple[Point, ...]
    chosen: int
    met: bool
    why: str
    timing_error: float | None = None
    verified: int = 0
    notes: tuple[str, ...] = ()
    search_s: float = 0.0
    drop_unit: str = "points"
    targets: tuple[str, ...] = ()

    @property
    def best(self) -> Point:
        """The point that was chosen."""
        return self.points[self.chosen]

    def file(self, index: int) -> str:
        """Name of a point's plan file."""
        return f"plan-{index + 1:02d}.json"

    def to_json(self) -> dict[str, Any]:
        """As pareto.json, version 1."""
        rows = [
            {
                "plan": self.file(index),
                "target": point.plan.target.name,
                "chosen": index == self.chosen,
                **point.to_json(),
            }
            for index, point in enumerate(self.points)
        ]
        base = self.best.final or self.best.select
        return {
            "version": 1,
            "model": self.model,
            "data": self.data,
            "target": self.target,
            "targets": list(self.targets or (self.best.plan.target.name,)),
            "objective": self.objective,
            "constraint": None if self.constraint is None else asdict(self.constraint),
            "baseline": {
                "fp32_metric": None if base is None else base.fp32_metric,
                "fp32_ms": self.best.fp32_ms,
            },
            "start": self.start.to_json(),
            "points": rows,
            "chosen": self.file(self.chosen),
            "met": self.met,
            "why": self.why,
            "timing_error": self.timing_error,
            "verified_plans": self.verified,
            "notes": list(self.notes),
            "search_s": self.search_s,
        }


def write_pareto(found: Pareto, out: Path) -> None:
    """Write ``pareto.json``, a plan per point, and ``plan.json``, the chosen one.

    Raises
    ------
    Problem
        Where the folder cannot be written.
    """
    with staged_file(out / "pareto.json") as file:
        for index, point in enumerate(found.points):
            write_json(file.with_name(found.file(index)), point.plan.to_json())
        write_json(file.with_name("plan.json"), found.best.plan.to_json())
        write_json(file, found.to_json())
