"""Plans that a search has tried, and which to try beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..plan import QuantPlan
from ..progress import Report, part
from ..text import Text
from .choices import Space
from .choose import unbeaten
from .front import Choices, Selection, loss_and_cost, neighbours
from .pareto import Verified
from .seeds import extended
from .timings import Timed
from .trials import Trials

DEVIATES = 1.3
"""Where a verified loss is so many times the estimated one, or less than its inverse, neighbours are tried."""

NEIGHBOURS = 4
"""Neighbours of one point that are tried."""

REPAIRS = 20
"""Neighbours that are tried in all; twice as many where the number of layers is the objective."""

COUNTS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32)
"""Numbers of layers in float that are asked for where their number is the objective."""


@dataclass
class Tried:
    """A plan of the pool.

    Parameters
    ----------
    selection : Selection
    plan : QuantPlan
    loss, cost : float
        Estimated.
    verified : Verified
    timed : Timed | None
    """

    selection: Selection
    plan: QuantPlan
    loss: float
    cost: float
    verified: Verified
    timed: Timed | None = None


class Pool:
    """The plans that were simulated, by what they select.

    Parameters
    ----------
    space : Space
    choices : Choices
    trials : Trials
        That simulate them.
    """

    def __init__(self, space: Space, choices: Choices, trials: Trials) -> None:
        self.space, self.choices, self.trials = space, choices, trials
        self.tried: dict[Selection, Tried] = {}

    @property
    def as_given(self) -> Selection:
        """What changes nothing of the plan that the search began with."""
        return (0,) * len(self.choices.units)

    @property
    def given(self) -> Tried:
        """The plan that the search began with."""
        return self.tried[self.as_given]

    def quantizes(self, selection: Selection) -> bool:
        """Whether anything is left that runs in integers."""
        pairs = zip(self.choices.units, selection, strict=True)
        return any(unit.options[index].config is not None for unit, index in pairs)

    def front(self) -> list[Tried]:
        """The plans that no other beats in both, the cheapest first."""
        return unbeaten(list(self.tried.values()), lambda t: t.cost, lambda t: t.verified.loss)

    def add(self, selections: Sequence[Selection], report: Report, note: Text) -> None:
        """Simulate the plans of selections that are new.

        Parameters
        ----------
        selections : sequence of Selection
        report : Report
        note : Text
            What is being done, in words.
        """
        new = [s for s in dict.fromkeys(selections) if s not in self.tried]
        for index, selection in enumerate(new):
            words = Text(
                "{note}: plan {number} of {all} on {samples} samples",
                note=note,
                number=index + 1,
                all=len(new),
                samples=len(self.trials.samples),
            )
            plan = self.space.select(self.choices, selection)
            verified = self.trials.verify(plan, part(report, index / len(new), (index + 1) / len(new), words))
            loss, cost = loss_and_cost(self.choices, selection)
            self.tried[selection] = Tried(selection, plan, loss, cost, verified)

    def by_rank(self, base: Selection, order: Sequence[int], counts: Sequence[int] = COUNTS) -> list[Selection]:
        """A selection with the next units of a ranking in float too, up to each number of layers."""
        found = [extended(self.choices, base, order, count) for count in counts if order]
        return [selection for selection in found if self.quantizes(selection)]

    def go_on(self, order: Sequence[int], report: Report) -> None:
        """From the best plan with few layers in float to those with more, by a ranking."""
        for count in COUNTS if order else ():
            within = [item for item in self.tried.values() if item.cost <= count]
            best = min(within, key=lambda item: item.verified.loss)
            self.add(self.by_rank(best.selection, order, (count,)), report, Text("verifying"))

    def repair(self, report: Report, few_and_large: bool) -> None:
        """Where a verified loss is unlike its estimate, or a dearer plan is worse, try what lies beside.

        Parameters
        ----------
        report : Report
        few_and_large : bool
            Whether steps are so (whole layers are counted): then the front is worth a look, too.
        """
        front = {id(item) for item in self.front()}
        doubtful = [
            item
            for item in self.tried.values()
            if id(item) not in front or not 1 / DEVIATES < (item.verified.loss + 1e-12) / (item.loss + 1e-12) < DEVIATES
        ]
        if few_and_large:
            doubtful += [item for item in self.front() if item not in doubtful]
        left = REPAIRS * (2 if few_and_large else 1)
        for index, item in enumerate(doubtful):
            cheaper = [other.selection for other in self.front() if other.cost < item.cost][-1:]
            tries = [s for s in beside(self.choices, item.selection, cheaper) if s not in self.tried]
            tries = [s for s in tries if self.quantizes(s)][: min(NEIGHBOURS, left)]
            self.add(tries, part(report, index / len(doubtful), (index + 1) / len(doubtful)), Text("repairing"))
            left -= len(tries)


def beside(choices: Choices, selection: Selection, others: Sequence[Selection] = ()) -> list[Selection]:
    """Neighbours of a selection (and of others) that are not dearer than it, the least estimated loss first."""
    _, limit = loss_and_cost(choices, selection)
    near = dict.fromkeys(item for base in (selection, *others) for item in neighbours(choices, base))
    scored = [(*loss_and_cost(choices, item), item) for item in near]
    return [item for _, cost, item in sorted(scored) if cost <= limit * (1 + 1e-9)]
