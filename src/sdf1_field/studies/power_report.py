"""What was found of an experiment's power: asked, computed, and as plain tables."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sdf1_field.calibration.draws import Draws
from sdf1_field.claims import Interval
from sdf1_field.digits import interval_text, number_text, share_text
from sdf1_field.ensemble import Failure
from sdf1_field.ensemble.expecting import Expected
from sdf1_field.errors import InputError
from sdf1_field.judging.tables import chance_text
from sdf1_field.studies.compared import Compared, made
from sdf1_field.studies.power import (
    DISHES,
    EXPERIMENTS,
    LEVEL,
    MOST,
    NUMBERS,
    POWER,
    VIEWS,
    Least,
    Planned,
    Power,
    prior_variation,
)
from sdf1_field.studies.power_draws import DrawnPower, Spread, drawn_power
from sdf1_field.studies.t_power import PAIRED, STUDENT, TESTS, WELCH


@dataclass(frozen=True)
class Asked:
    """An experiment to plan.

    Parameters
    ----------
    compared : Compared
    planned : Planned
    variation : float or None
        Coefficient of variation between experiments; None for that of papers.
    numbers, views : tuple of int
        Replicates in each group, and views in each replicate.
    power : float
        Of which the least number of replicates is sought.
    dishes : int
        Of each model.
    seed : int
    """

    compared: Compared
    planned: Planned
    variation: float | None
    numbers: tuple[int, ...]
    views: tuple[int, ...]
    power: float
    dishes: int
    seed: int


@dataclass(frozen=True, eq=False)
class RegionFound:
    """Power on one region, or for one ligand.

    Parameters
    ----------
    of : str
        Empty if the quantity has only one reading.
    first, against, ratio : Interval
        Numbers of both models' dishes, and their quotient.
    powers : tuple of Power
    least : tuple of Least
    drawn : DrawnPower or None
        Over the draws of a posterior.
    """

    of: str
    first: Interval
    against: Interval
    ratio: Interval
    powers: tuple[Power, ...]
    least: tuple[Least, ...]
    drawn: DrawnPower | None


@dataclass(frozen=True, eq=False)
class PowerFound:
    """Power of a planned experiment.

    Parameters
    ----------
    asked : Asked
    regions : tuple of RegionFound
    failures : tuple of Failure
    draws : int
        Of a posterior; 0 without.
    source : str
        Of the draws.
    """

    asked: Asked
    regions: tuple[RegionFound, ...]
    failures: tuple[Failure, ...]
    draws: int = 0
    source: str = ""


def asked(
    compared: Compared,
    *,
    numbers: Sequence[int] = NUMBERS,
    views: Sequence[int] = VIEWS,
    alpha: float = LEVEL,
    test: str = TESTS[0],
    power: float = POWER,
    variation: float | None = None,
    dishes: int = DISHES,
    seed: int = 1,
) -> Asked:
    """An experiment to plan, checked.

    Raises
    ------
    InputError
        If a number is out of its range.
    """
    require_sizes(numbers, views, power)
    if not 0.0 < alpha < 1.0:
        raise InputError(f"--alpha: {alpha:g} is not between 0 and 1. Write it like 0.05.")
    if variation is not None and not 0.0 <= variation <= 1.0:
        raise InputError(
            f"--variation: {variation:g} is no coefficient of variation from 0 to 1. Write 0.15 "
            "for 15 %."
        )
    if test not in TESTS:
        raise InputError(f"--test: unknown test '{test}'. Known: {', '.join(TESTS)}.")
    if dishes < 2:
        raise InputError("--dishes: the scatter of one dish is unknown. Give 2 or more.")
    weights = prior_variation() if variation is None else ((variation, 1.0),)
    return Asked(
        compared, Planned(test, alpha, weights), variation, tuple(sorted(set(numbers))),
        tuple(sorted(set(views))), power, dishes, seed,
    )  # fmt: skip


def require_sizes(numbers: Sequence[int], views: Sequence[int], power: float) -> None:
    """Refuse numbers of replicates and views, or a power, that no experiment can have.

    Raises
    ------
    InputError
        If one is out of its range.
    """
    if min(numbers, default=0) < 2:
        raise InputError("--n: a t test needs two replicates in each group. Give 2 or more.")
    if min(views, default=0) < 1:
        raise InputError("--views: a replicate is the sum of one view or more. Give 1 or more.")
    if max((*numbers, *views)) > MOST:
        raise InputError(f"--n and --views: more than {MOST} are not simulated. Give fewer.")
    if not 0.0 < power < 1.0:
        raise InputError(f"--power: {power:g} is not between 0 and 1. Write it like 0.8.")


def answered(
    question: Asked,
    folder: Path,
    *,
    draws: Draws | None = None,
    scheduler: str | None = None,
    workers: int | None = None,
    expected: Callable[[Expected], None] | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> PowerFound:
    """Make the dishes that a folder does not hold, and find the power.

    Parameters
    ----------
    question : Asked
    folder : pathlib.Path
    draws : Draws, optional
        Of a posterior.
    scheduler, workers
        See `sdf1_field.ensemble.run_dishes`.
    expected : callable, optional
        See `sdf1_field.studies.compared.made`.
    progress : callable, optional
        Called with what is counted, how many are done and how many there will be.
    """
    compared, planned = question.compared, question.planned
    sides = compared.dishes(question.dishes, seed=question.seed, paired=planned.test == PAIRED)
    dishes = [dish for side in sides for dish in side]
    readings, failures = made(
        dishes, folder, scheduler=scheduler, workers=workers, expected=expected,
        progress=_counting(progress, "dishes", len(dishes)),
    )  # fmt: skip
    comparisons = compared.comparisons(sides, readings, planned)
    drawn: tuple[DrawnPower | None, ...] = (None,) * len(comparisons)
    if draws is not None:
        drawn = drawn_power(
            compared, draws.settings, draws.law, planned, folder, scheduler=scheduler,
            workers=workers, progress=_counting(progress, "draws", len(draws.settings)),
        )  # fmt: skip
    regions = []
    for one, over_draws in zip(comparisons, drawn, strict=True):
        first, against, ratio = one.effect()
        regions.append(
            RegionFound(
                one.read.of, first, against, ratio,
                tuple(one.power(n, v) for v in question.views for n in question.numbers),
                tuple(one.least(v, question.power) for v in question.views),
                over_draws,
            )
        )  # fmt: skip
    number, source = (len(draws.settings), draws.source) if draws is not None else (0, "")
    return PowerFound(question, tuple(regions), failures, number, source)


def _counting(
    progress: Callable[[str, int, int], None] | None, what: str, total: int
) -> Callable[[int], None] | None:
    if progress is None:
        return None
    done = 0

    def more(number: int) -> None:
        nonlocal done
        done += number
        progress(what, done, total)

    return more


# Tables

EFFECTS = ("on", "first", "against", "ratio")
POWERS = ("on", "views", "n", "power (95 %)", "by", "formula")
LEAST = ("on", "views", "at least", "from its interval")
_POSTERIOR = "over draws (5 to 95 %)"


def _spread_text(spread: Spread) -> str:
    return chance_text(Interval(spread.median, spread.low, spread.high))


def effect_rows(found: PowerFound) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Header and rows: the numbers that both groups are expected to have."""
    header = EFFECTS + ((_POSTERIOR,) if found.draws else ())
    rows: list[tuple[str, ...]] = []
    for one in found.regions:
        row: tuple[str, ...] = (
            one.of or found.asked.compared.quantity.name,
            *(_with_ends(part) for part in (one.first, one.against, one.ratio)),
        )
        if one.drawn is not None:
            own = one.drawn.ratio()
            row += (interval_text(own.median, (own.low, own.high)),)
        rows.append(row)
    return header, rows


def _with_ends(part: Interval) -> str:
    if not math.isfinite(part.low):
        return number_text(part.value)
    return interval_text(part.value, (part.low, part.high))


def power_rows(found: PowerFound) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Header and rows: power at every number of replicates and views."""
    header = POWERS + ((_POSTERIOR,) if found.draws else ())
    rows: list[tuple[str, ...]] = []
    for one in found.regions:
        for power in one.powers:
            row: tuple[str, ...] = (
                one.of or found.asked.compared.quantity.name, f"{power.views}", f"{power.number}",
                chance_text(power.answer), power.by, share_text(power.formula.value),
            )  # fmt: skip
            if one.drawn is not None:
                row += (_spread_text(one.drawn.power(power.number, power.views)),)
            rows.append(row)
    return header, rows


def least_rows(found: PowerFound) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Header and rows: the least number of replicates with the power asked for."""
    header = LEAST + (("median over draws",) if found.draws else ())
    rows: list[tuple[str, ...]] = []
    for one in found.regions:
        for least in one.least:
            row: tuple[str, ...] = (
                one.of or found.asked.compared.quantity.name,
                f"{least.views}",
                f"n = {_number(least.number)}",
                f"{_number(least.low)} to {_number(least.high)}",
            )
            if one.drawn is not None:
                row += (_number(one.drawn.least(least.views, found.asked.power)),)
            rows.append(row)
    return header, rows


def _number(number: int | None) -> str:
    return f"> {MOST}" if number is None else f"{number}"


def test_text(test: str) -> str:
    """A test in words."""
    return {STUDENT: "Student's t test", WELCH: "Welch's t test", PAIRED: "the paired t test"}[test]


def notes(found: PowerFound) -> str:
    """What the tables rest on, in words."""
    ask = found.asked
    variation = (
        "beyond their dishes experiments vary as those of papers are taken to (half-normal prior, "
        "scale 15 %)"
        if ask.variation is None
        else f"beyond their dishes experiments vary by {100.0 * ask.variation:g} %"
    )
    text = (
        f"Power: the chance that {test_text(ask.planned.test)} of n against n replicates, "
        f"two-sided at {ask.planned.alpha:g}, finds the difference; a replicate is the sum of so "
        f"many simulated views; {variation}. Intervals are over {ask.dishes} simulated dishes of "
        "each model. "
        f"Simulated: counted in {EXPERIMENTS:,} experiments that are drawn from these dishes; "
        "formula: from the mean and scatter of single dishes, where experiments are too "
        "large to be drawn; it "
        "takes replicates for normal, and is up to 0.03 too low where they are skewed."
    )
    if found.draws:
        text += f" Draws: {found.draws} of the posterior ({found.source}), by the formula."
    return text


# Plain values


def plain_question(ask: Asked) -> dict[str, Any]:
    """Plain values of what is asked, fit for JSON."""
    compared = ask.compared
    return {
        "first": {"model": compared.first.model, "settings": list(compared.first.settings)},
        "against": {"model": compared.against.model, "settings": list(compared.against.settings)},
        "quantity": compared.quantity.name,
        "unit": compared.quantity.unit,
        "time": compared.time,
        "test": ask.planned.test,
        "alpha": ask.planned.alpha,
        "variation": [{"size": size, "weight": w} for size, w in ask.planned.variation],
        "dishes": ask.dishes,
        "seed": ask.seed,
        "target": ask.power,
    }


def as_json(found: PowerFound) -> dict[str, Any]:
    """Plain values, fit for JSON."""
    ask = found.asked
    return {
        **plain_question(ask),
        "draws": found.draws,
        "draws_from": found.source or None,
        "regions": [
            {
                "of": one.of or None,
                "first": _plain(one.first),
                "against": _plain(one.against),
                "ratio": _plain(one.ratio),
                "ratio_over_draws": None if one.drawn is None else _spread(one.drawn.ratio()),
                "power": [
                    {
                        "n": power.number,
                        "views": power.views,
                        "by": power.by,
                        "answer": _plain(power.answer),
                        "simulated": None if power.simulated is None else _plain(power.simulated),
                        "formula": _plain(power.formula),
                        "over_draws": None
                        if one.drawn is None
                        else _spread(one.drawn.power(power.number, power.views)),
                    }
                    for power in one.powers
                ],
                "least": [
                    {
                        "views": least.views,
                        "n": least.number,
                        "interval": [least.low, least.high],
                        "over_draws": None
                        if one.drawn is None
                        else one.drawn.least(least.views, ask.power),
                    }
                    for least in one.least
                ],
            }
            for one in found.regions
        ],
    }


def _plain(value: Interval) -> dict[str, Any]:
    ends = [value.low, value.high]
    return {
        "value": value.value if math.isfinite(value.value) else None,
        "interval": ends if all(map(math.isfinite, ends)) else None,
    }


def _spread(spread: Spread) -> dict[str, float]:
    return {"median": spread.median, "low": spread.low, "high": spread.high}
