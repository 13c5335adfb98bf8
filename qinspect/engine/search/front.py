"""Which layers to leave in float, and what else to change: an integer program over all layers at once.

Every decision is a choice of one option for a unit of layers; what a choice adds to the loss and to the
cost is known. A value that crosses from integers to float or back costs time, and is rounded though its
maker is float: variables on the borders account for both. With loss and cost both sums, the plan with
the least loss for a given cost (or the reverse) is a mixed-integer linear program, which HiGHS solves
exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_array

from ..plan.qconfig import QConfig


@dataclass(frozen=True)
class Option:
    """One thing that a unit may be.

    Parameters
    ----------
    config : QConfig | None
        None is float.
    what : str
        The difference from the plan in question, in words; empty where there is none.
    loss, cost : float
        What it adds, without its borders.
    """

    config: QConfig | None
    what: str
    loss: float
    cost: float


@dataclass(frozen=True)
class Unit:
    """Layers that are decided together.

    Parameters
    ----------
    id : str
        Of the layer that leads.
    layers : tuple of str
        All of them: with what shares its quantizer, such as the pooling behind it.
    options : tuple of Option
        The first is what the plan in question has.
    whole : bool
        Whether it hands on integers where it is not float.
    unread : float | None
        What it costs where none of its readers takes integers: it is float then whatever is chosen, and loses
        nothing. None where it rounds all the same.
    """

    id: str
    layers: tuple[str, ...]
    options: tuple[Option, ...]
    whole: bool = True
    unread: float | None = None


@dataclass(frozen=True)
class Crossing:
    """A value between layers.

    Parameters
    ----------
    maker : int | None
        Index of the unit that makes it; None is float for good.
    readers : tuple of int | None
        Indices of the units that read it; None is a reader that is float for good, or the model's output.
    loss : float
        Of rounding it where a quantized unit reads it and its maker is float.
    quantize, dequantize : float
        Cost of either: of the first once, of the second for each float reader.
    """

    maker: int | None
    readers: tuple[int | None, ...]
    loss: float
    quantize: float
    dequantize: float


@dataclass(frozen=True)
class Choices:
    """All that can be decided; units stand before those that read them."""

    units: tuple[Unit, ...]
    crossings: tuple[Crossing, ...]

    @cached_property
    def readers(self) -> tuple[frozenset[int], ...]:
        """Of each unit the others that read it and may be in integers."""
        found: list[set[int]] = [set() for _ in self.units]
        for crossing in self.crossings:
            if crossing.maker is not None:
                found[crossing.maker].update(r for r in crossing.readers if r is not None and self.units[r].whole)
        return tuple(map(frozenset, found))


Selection = tuple[int, ...]
"""For each unit the index of its option."""


def loss_and_cost(choices: Choices, selection: Selection) -> tuple[float, float]:
    """What a selection adds up to, borders included."""
    chosen = [unit.options[index] for unit, index in zip(choices.units, selection, strict=True)]
    whole = [o.config is not None and unit.whole for o, unit in zip(chosen, choices.units, strict=True)]
    loss = cost = 0.0
    for index in reversed(range(len(chosen))):
        unread = choices.units[index].unread
        if unread is not None and whole[index] and not any(whole[reader] for reader in choices.readers[index]):
            whole[index] = False
            cost += unread
        else:
            loss, cost = loss + chosen[index].loss, cost + chosen[index].cost
    for crossing in choices.crossings:
        made = crossing.maker is not None and whole[crossing.maker]
        readers = [reader is not None and whole[reader] for reader in crossing.readers]
        if not made and any(readers):
            loss, cost = loss + crossing.loss, cost + crossing.quantize
        if made:
            cost += crossing.dequantize * (len(readers) - sum(readers))
    return loss, cost


def least_cost(choices: Choices, loss_limit: float) -> Selection | None:
    """The cheapest selection whose loss is no more than a limit; None where there is none."""
    return _solve(choices, "cost", loss_limit)


def least_loss(choices: Choices, cost_limit: float) -> Selection | None:
    """The selection with the least loss among those that cost no more than a limit; None where there is none."""
    return _solve(choices, "loss", cost_limit)


def cheapest(choices: Choices) -> Selection:
    """The selection that costs least of all."""
    found = _solve(choices, "cost", None)
    assert found is not None  # nothing constrains it
    return found


def _solve(choices: Choices, minimize: str, limit: float | None) -> Selection | None:
    """HiGHS on the integer program: binaries for the options, variables from 0 for the borders."""
    columns: list[tuple[float, float]] = []  # loss and cost of each variable
    first: list[int] = []
    rows: list[dict[int, float]] = []
    low: list[float] = []
    high: list[float] = []

    def add_row(row: dict[int, float], least: float, most: float) -> None:
        rows.append(row)
        low.append(least)
        high.append(most)

    for unit in choices.units:
        first.append(len(columns))
        columns += [(option.loss, option.cost) for option in unit.options]
        if unit.unread is not None and unit.whole:
            columns.append((0.0, unit.unread))
        add_row(dict.fromkeys(range(first[-1], len(columns)), 1.0), 1, 1)
    binaries = len(columns)

    def wholes(index: int | None) -> dict[int, float]:
        """The options of a unit that hand on integers: their sum is 1 or 0."""
        if index is None or not choices.units[index].whole:
            return {}
        options = choices.units[index].options
        return {first[index] + i: 1.0 for i, option in enumerate(options) if option.config is not None}

    for row, most in _where_unread(choices, first, wholes):
        add_row(row, -np.inf, most)
    for crossing in choices.crossings:
        made = wholes(crossing.maker)
        border: int | None = None
        for reader in crossing.readers:
            read = wholes(reader)
            if read and (crossing.loss or crossing.quantize):
                if border is None:
                    border = len(columns)
                    columns.append((crossing.loss, crossing.quantize))
                # border >= read - made
                add_row({border: 1.0, **{k: -v for k, v in read.items()}, **made}, 0, np.inf)
            if made and crossing.dequantize:
                back = len(columns)
                columns.append((0.0, crossing.dequantize))
                # back >= made - read
                add_row({back: 1.0, **{k: -v for k, v in made.items()}, **read}, 0, np.inf)
    values = np.asarray(columns)
    loss_scale, cost_scale = (max(float(np.abs(values[:binaries, i]).sum()), 1e-30) for i in (0, 1))
    aim, other = (0, 1) if minimize == "loss" else (1, 0)
    scale = (loss_scale, cost_scale)
    # Of equals in what is minimized, the one that is better in the other.
    objective = values[:, aim] / scale[aim] + 1e-6 * values[:, other] / scale[other]
    if limit is not None:
        row = {i: float(v) for i, v in enumerate(values[:, other] / scale[other]) if v}
        add_row(row, -np.inf, limit / scale[other] + 1e-9)
    entries = [(i, j, v) for i, row in enumerate(rows) for j, v in row.items()]
    index_i, index_j, data = zip(*entries, strict=True)
    matrix = coo_array((data, (index_i, index_j)), shape=(len(rows), len(columns))).tocsr()
    upper = np.ones(len(columns))
    integrality = np.zeros(len(columns))
    integrality[:binaries] = 1
    found = milp(
        objective,
        integrality=integrality,
        bounds=Bounds(0, upper),
        constraints=LinearConstraint(matrix, np.asarray(low), np.asarray(high)),
        options={"time_limit": 20.0, "mip_rel_gap": 1e-4},
    )
    if found.x is None:
        return None
    picked = (found.x[start : start + len(unit.options)] for start, unit in zip(first, choices.units, strict=True))
    return tuple(int(np.argmax(x)) if x.max() > 0.5 else 0 for x in picked)  # none where it is unread


def _where_unread(
    choices: Choices, first: Sequence[int], wholes: Callable[[int | None], dict[int, float]]
) -> Iterator[tuple[dict[int, float], float]]:
    """Rows and what they are at most: a unit that is float where it is unread is so there, and only there."""
    for index, unit in enumerate(choices.units):
        if unit.unread is None or not unit.whole:
            continue
        readers = [wholes(reader) for reader in sorted(choices.readers[index])]
        for read in readers:
            yield {first[index] + len(unit.options): 1.0, **read}, 1
        yield {**wholes(index), **{k: -v for read in readers for k, v in read.items()}}, 0


SHARES = (1.0, 0.8, 0.6, 0.45, 0.32, 0.22, 0.15, 0.1, 0.06, 0.03, 0.015, 0.006, 0.002, 0.0005, 0.0)
"""Of the cheapest selection's loss: where the front is asked for."""


def sweep(choices: Choices, budgets: Sequence[float] = ()) -> list[Selection]:
    """Selections along the front, the cheapest first.

    Parameters
    ----------
    choices : Choices
    budgets : sequence of float
        Costs at which the least loss is asked for; without any, the front is asked for at shares of
        the cheapest selection's loss.
    """
    found = [cheapest(choices)]
    most, _ = loss_and_cost(choices, found[0])
    solved = [least_loss(choices, budget) for budget in budgets]
    solved = solved or [least_cost(choices, share * most) for share in SHARES]
    found += [selection for selection in solved if selection is not None]
    return list(dict.fromkeys(found))


def neighbours(choices: Choices, selection: Selection, units: Sequence[int] | None = None) -> list[Selection]:
    """Selections with one unit changed, and those with one made float while another is made whole again."""
    found: list[Selection] = []
    chosen = range(len(choices.units)) if units is None else units

    def changed(base: Selection, unit: int, option: int) -> Selection:
        return (*base[:unit], option, *base[unit + 1 :])

    floats = [i for i in chosen if choices.units[i].options[selection[i]].config is None]
    wholes = [i for i in chosen if i not in floats]
    to_float = {i: _float_option(choices.units[i]) for i in wholes}
    for i in chosen:
        found += [changed(selection, i, option) for option in range(len(choices.units[i].options))]
    for i in floats:
        for j in wholes:
            option = to_float[j]
            if option is not None:
                found += [changed(changed(selection, i, back), j, option) for back in _whole_options(choices.units[i])]
    return [item for item in dict.fromkeys(found) if item != selection]


def _float_option(unit: Unit) -> int | None:
    return next((i for i, option in enumerate(unit.options) if option.config is None), None)


def _whole_options(unit: Unit) -> list[int]:
    """The option of integers that loses least; none where the target has no kernel for the unit."""
    whole = [(option.loss, i) for i, option in enumerate(unit.options) if option.config is not None]
    return [min(whole)[1]] if whole else []
