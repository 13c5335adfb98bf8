"""What a remedy is estimated to cost at run time.

Importing this file does not import torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from PySide6.QtCore import QCoreApplication

from ..engine.plan.file import plan_from_json
from .panels.figures import micros

if TYPE_CHECKING:
    from ..engine.plan import QuantPlan
    from ..engine.results import Finding
    from .document import Document

SAME = 0.005
"""A change of the whole time by a smaller share than this is none that a measurement would show."""


FASTER = ("layer_slower",)
"""Rules whose remedy is for time alone."""


class Price(NamedTuple):
    """What a remedy does to the time of a forward pass, in words, and whether it makes it longer."""

    words: str = ""
    slower: bool = False


def price(document: Document, finding: Finding) -> Price:
    """What a finding's remedy does to the time of a forward pass; empty where that is not known."""
    if finding.plan is None:
        return Price()
    before, after = _ms(document, document.plan), _ms(document, plan_from_json(finding.plan))
    if before is None or after is None:
        return Price()
    change = micros(float(f"{abs(after - before) * 1e3:.2g}"))
    if abs(after - before) < SAME * before:
        return Price(QCoreApplication.translate("Findings", "as fast as now (estimated)"))
    if after > before:
        return Price(QCoreApplication.translate("Findings", "costs ≈ {0}").format(change), True)
    return Price(QCoreApplication.translate("Findings", "saves ≈ {0}").format(change))


def worthwhile(document: Document, finding: Finding) -> bool:
    """Whether a remedy is offered: one for time alone is not, where it costs time."""
    return finding.rule not in FASTER or not price(document, finding).slower


def _ms(document: Document, plan: QuantPlan) -> float | None:
    """The sum of what runs measured of the layers and borders that a plan has; None where one of them is not known."""
    if document.model is None or not document.timed():
        return None
    # They import torch, which opening the model did already.
    from ..engine.decide import decide
    from ..engine.job import fused_graph
    from ..engine.search.device import run_timings
    from ..engine.search.timings import plan_ms

    graph = fused_graph(document.model, plan).graph
    timings = run_timings(graph, plan, document.timed())
    return None if timings is None else plan_ms(graph, decide(graph, plan), timings, plan.target.batch)
