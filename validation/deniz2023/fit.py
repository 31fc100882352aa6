"""Fit the parameters that gather KG-1a and CD34+ cells to D11, D12, D13 and D17.

python validation/deniz2023/fit.py           # about 25 minutes on one core
python validation/deniz2023/fit.py --write   # and values into models/parameters.toml, and fit.md

The paper's text gives no values, so the aim is that one experiment of three dishes agrees with the
paper. The chance that it agrees with a statement follows from the means and the scatter of
simulated dishes; draws of the parameters are compared by the product of these chances over all
statements. No chance counts for more than `ENOUGH`, so that the fit does not aim beyond the paper.
The untreated cells of D20 may be used, but have no aim.
"""

import argparse
import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from chances import (
    AREA,
    CD34,
    DISHES,
    ENOUGH,
    FOLD,
    KG1A,
    PAPER,
    TRACKED,
    Key,
    Scatter,
    Values,
    chances,
    effect,
    says,
    scatter_of,
    score,
)
from parameters import (
    GATHERING,
    OF_CD34,
    Free,
    place,
    ranges,
    settings_of,
    start_of,
    value_at,
    values_of,
    write,
)
from scipy.stats import qmc, spearmanr

from sdf1_field.observations import Dish, observe

HOUR = 3600.0
RECORDED = "## Recorded\n\n"
"""Heading in fit.md after which the text is written by this script."""
COARSE = ("grid.spacing=10 um", "numerics.tolerance=0.02", "output.tracks_every=4 h")
"""Settings of the search."""
FINE = (
    "numerics.tolerance=0.02",
    "numerics.first_step=1 s",
    "numerics.culture_step=240 min",
    "output.tracks_every=4 h",
)
"""Settings of the check: the grid is the models' own."""

ALIKE = 0.1
"""Draws are accepted whose product is at least this share of the best's."""
TIE = 0.3
"""Loss of the score that a way back may cost; see fit.md."""
PRIOR = 4
"""Dishes' worth of confidence in the scatter that today's values give."""


NEAR = 0.25
"""Width of the second draws, as a share of the interval."""
FINALISTS = 4
BACK = (1.0, 0.5)
"""Ways back to where a parameter was that are tried, the whole first."""
SHORT = 4.0 * HOUR
"""Time until which draws are compared at first [s]."""
SEARCH = (701, 702, 703, 704)
"""Seeds, the same for every draw and condition; fewer dishes where many draws compete."""
FEW = 2
CHECK = 7100
"""First seed of the check, whose dishes are all independent."""
EXPERIMENTS = 12


def look(dish: Dish) -> dict[tuple[str, str, float], float]:
    """Fold changes and areas of a dish, by quantity, region and time [s]."""
    return {
        (reading.quantity, reading.of, reading.time): float(reading.values[0])
        for reading in observe(dish)
        if reading.quantity in (FOLD, AREA)
    }


def dishes_of(
    name: str, settings: Sequence[str], seeds: Sequence[int], times: Sequence[float]
) -> list[Dish]:
    """Dishes of a condition, donors in turn."""
    condition = PAPER.conditions[name]
    donors = [
        (f"variation.donor_number={1 + n % DISHES}",) if condition.donors else ()
        for n in range(len(seeds))
    ]
    return [
        Dish(condition.observation, condition.model, (*settings, *donor), seed, tuple(times))
        for seed, donor in zip(seeds, donors, strict=True)
    ]


class Bench:
    """Simulates draws, several dishes at a time, none twice."""

    def __init__(self, workers: int) -> None:
        self._pool = ProcessPoolExecutor(workers)
        self._seen: dict[Dish, dict[tuple[str, str, float], float]] = {}

    @property
    def count(self) -> int:
        """How many dishes have been simulated."""
        return len(self._seen)

    def values(
        self,
        draws: Sequence[Mapping[str, float]],
        names: Iterable[str],
        seeds: Sequence[int],
        *,
        until: float = math.inf,
        fidelity: Sequence[str] = COARSE,
    ) -> list[Values]:
        """Fold changes and areas of each draw's dishes, up to a time [s]."""
        plans = [
            {
                name: dishes_of(
                    name, (*fidelity, *settings_of(draw)), seeds,
                    [time for time in PAPER.conditions[name].times if time <= until],
                )
                for name in names
            }
            for draw in draws
        ]  # fmt: skip
        new = {d: None for plan in plans for dishes in plan.values() for d in dishes}
        missing = [dish for dish in new if dish not in self._seen]
        for n, (dish, seen) in enumerate(zip(missing, self._pool.map(look, missing), strict=True)):
            self._seen[dish] = seen
            print(f"\r{n + 1} of {len(missing)} dishes", end="", file=sys.stderr, flush=True)
        print(file=sys.stderr)
        return [
            {
                (name, *key): np.array([self._seen[dish][key] for dish in dishes])
                for name, dishes in plan.items()
                for key in self._seen[dishes[0]]
            }
            for plan in plans
        ]


def sobol(count: int, dimensions: int, seed: int) -> np.ndarray:
    """Scrambled Sobol points in the unit cube, shape (count, dimensions)."""
    points: np.ndarray = qmc.Sobol(dimensions, rng=seed).random(count)
    return points


@dataclass(frozen=True)
class Draw:
    """A point in the intervals, its score and its dishes."""

    point: tuple[float, ...]
    score: float
    values: Values


@dataclass(frozen=True)
class Plan:
    """Which parameters are searched for, in which conditions.

    Parameters
    ----------
    frees : tuple of Free
    conditions : tuple of str
    first, second : int
        Draws over all intervals, and near the best.
    seed : int
        Of the draws.
    until : float
        Time until which the first draws are compared [s].
    """

    frees: tuple[Free, ...]
    conditions: tuple[str, ...]
    first: int
    second: int
    seed: int
    until: float


@dataclass(frozen=True)
class Return:
    """A parameter's way back from the best draw, one after another.

    Parameters
    ----------
    path : str
    value : float
        Where to.
    gain : float
        Of score, against the best draw.
    """

    path: str
    value: float
    gain: float


@dataclass(frozen=True)
class Search:
    """Result of a search over some parameters.

    Parameters
    ----------
    plan : Plan
    first : tuple of Draw
        Over all intervals; the first of them is where the search began.
    second : tuple of Draw
        Near the best of the first.
    finalists : tuple of Draw
        The best of all, with more dishes.
    chosen : Draw
    returns : tuple of Return
    """

    plan: Plan
    first: tuple[Draw, ...]
    second: tuple[Draw, ...]
    finalists: tuple[Draw, ...]
    chosen: Draw
    returns: tuple[Return, ...]


PLANS = (
    Plan(GATHERING, KG1A, first=32, second=8, seed=1, until=SHORT),
    Plan(OF_CD34, CD34, first=8, second=0, seed=3, until=SHORT),
)
"""KG-1a cells first; CD34+ cells then have the shared parameters' fitted values."""


def search(
    bench: Bench, plan: Plan, prior: Scatter, kept: Mapping[str, float], beside: Values
) -> Search:
    """Find the values with the highest score.

    Of the best draw each parameter goes back to where the search began, or halfway there, if that
    costs nothing; those with the least influence first.

    Parameters
    ----------
    bench : Bench
    plan : Plan
    prior : mapping
        Scatter that is mixed with the draws' own.
    kept : mapping of str to float
        Values that stay; those of the plan's parameters among them are where it begins.
    beside : mapping
        Dishes of other conditions that statements name.
    """
    frees = plan.frees
    start = tuple(place(free, kept.get(free.path, free.start)) for free in frees)

    def tried(
        points: Iterable[Sequence[float]], seeds: Sequence[int], until: float = math.inf
    ) -> tuple[Draw, ...]:
        at = [tuple(float(where) for where in point) for point in points]
        draws = [{**kept, **values_of(frees, point)} for point in at]
        shown = bench.values(draws, plan.conditions, seeds, until=until)
        return tuple(
            Draw(point, score(values, prior, plan.conditions), values)
            for point, values in zip(at, ({**beside, **seen} for seen in shown), strict=True)
        )

    first = tried(
        [start, *sobol(plan.first, len(frees), plan.seed)], SEARCH[:FEW], until=plan.until
    )
    longer = tried(best_of(first), SEARCH[:FEW])
    offsets = NEAR * (sobol(plan.second, len(frees), plan.seed + 1) - 0.5)
    second = tried(np.clip(best_of(longer)[0] + offsets, 0.0, 1.0), SEARCH[:FEW])
    finalists = tried(best_of([*longer, *second]), SEARCH)
    chosen = max(finalists, key=lambda draw: draw.score)
    bar, returns = chosen.score - TIE, []
    for n in np.argsort(abs(influences(frees, first))):
        for back in BACK:
            point = list(chosen.point)
            point[n] += back * (start[n] - point[n])
            (nearer,) = tried([point], SEARCH)
            value = values_of(frees, nearer.point)[frees[n].path]
            returns.append(Return(frees[n].path, value, nearer.score - bar - TIE))
            if nearer.score >= bar:
                chosen = nearer
                break
    return Search(plan, first, second, finalists, chosen, tuple(returns))


def best_of(draws: Sequence[Draw]) -> list[tuple[float, ...]]:
    """Points of the best few."""
    return [d.point for d in sorted(draws, key=lambda draw: -draw.score)[:FINALISTS]]


def influences(frees: Sequence[Free], draws: Sequence[Draw]) -> np.ndarray:
    """Rank correlation of each parameter with the score over draws, shape (free,)."""
    scores = [draw.score for draw in draws]
    return np.array(
        [spearmanr([d.point[n] for d in draws], scores).statistic for n in range(len(frees))]
    )


def check(bench: Bench, values: Mapping[str, float]) -> Values:
    """Dishes of `EXPERIMENTS` experiments; no condition shares a dish with another."""
    number = DISHES * EXPERIMENTS
    together: dict[Key, np.ndarray] = {}
    for n, name in enumerate((*KG1A, *CD34)):
        seeds = range(CHECK + n * number, CHECK + (n + 1) * number)
        together |= bench.values([values], [name], seeds, fidelity=FINE)[0]
    return together


def experiment(values: Values, number: int) -> Values:
    """One experiment's dishes."""
    dishes = slice(DISHES * number, DISHES * (number + 1))
    return {key: seen[dishes] for key, seen in values.items()}


def return_table(search: Search) -> list[str]:
    """Cost of each parameter's way back, in score."""
    best = max(draw.score for draw in search.finalists)
    asked = chances(search.chosen.values, scatter_of(search.chosen.values, {}))
    most = sum(s.condition in search.plan.conditions for _, s in asked) * math.log(ENOUGH)
    return [
        f"\nThe best draw scores {best:.2f} of at most {most:.2f}; ways back, in turn:\n",
        "| parameter | back to | gain of score | |",
        "|---|---|---|---|",
        *(
            f"| `{way.path}` | {way.value:g} | {way.gain:+.2f} "
            f"| {'taken' if way.gain >= -TIE else ''} |"
            for way in search.returns
        ),
    ]


def statement_table(before: Values, after: Values, checked: Values, prior: Scatter) -> list[str]:
    """Chances before and after, and agreement of independent experiments."""
    lines = [
        "| claim | statement | wanted | chance before | fitted | effect in the check | said |",
        "|---|---|---|---|---|---|---|",
    ]
    was = chances(before, scatter_of(before, prior))
    now = chances(after, scatter_of(after, prior))
    experiments = [experiment(checked, number) for number in range(EXPERIMENTS)]
    for claim in PAPER.claims:
        for statement in claim.statements:
            effects = [effect(statement, e) for e in experiments]
            low, high = np.percentile(effects, [2.5, 97.5])
            said = sum(says(statement, e) for e in experiments)
            key = claim.id, statement
            lines.append(
                f"| {claim.id} | {statement.text} | {statement.expected()} | {was[key]:.2f} "
                f"| {now[key]:.2f} | {np.mean(effects):.2f} ({low:.2f} to {high:.2f}) "
                f"| {said} of {EXPERIMENTS} |"
            )
        said = sum(all(says(one, e) for one in claim.statements) for e in experiments)
        lines.append(f"| {claim.id} | all of it | | | | | {said} of {EXPERIMENTS} |")
    return lines


def parameter_table(search: Search, values: Mapping[str, float]) -> list[str]:
    """Fitted value of each parameter, and the values of accepted draws."""
    bar = max(draw.score for draw in search.first) + math.log(ALIKE)
    accepted = [draw for draw in search.first if draw.score >= bar]
    lines = [
        f"{len(accepted)} of {len(search.first)} draws accepted.\n",
        "| parameter | before | fitted | interval | accepted draws | rank correlation |",
        "|---|---|---|---|---|---|",
    ]
    told = influences(search.plan.frees, search.first)
    for n, free in enumerate(search.plan.frees):
        limits = ranges()[free.path]
        inside = [value_at(free, draw.point[n]) for draw in accepted]
        lines.append(
            f"| `{free.path}` [{limits.unit or '1'}] | {free.start:g} | {values[free.path]:g} "
            f"| {limits.low:g} to {limits.high:g} | {min(inside):g} to {max(inside):g} "
            f"| {told[n]:+.2f} |"
        )
    return lines


def main() -> None:
    """Fit, check, report, and write if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="Change models/parameters.toml.")
    parser.add_argument("--workers", type=int, default=1, help="Dishes at a time.")
    arguments = parser.parse_args()
    bench = Bench(arguments.workers)
    started = values_of(GATHERING, start_of(GATHERING))
    (kg1a,) = bench.values([started], KG1A, SEARCH)
    (cd34,) = bench.values([started | values_of(OF_CD34, start_of(OF_CD34))], CD34, SEARCH)
    scatter = scatter_of(kg1a, {})
    prior = {key: (variance, PRIOR) for key, (variance, _) in scatter.items()}
    first = search(bench, PLANS[0], prior, {}, {})
    led = values_of(GATHERING, first.chosen.point)
    second = search(bench, PLANS[1], prior, led, first.chosen.values)
    values = led | values_of(OF_CD34, second.chosen.point)
    searched = bench.count
    checked = check(bench, values)
    paths = observe(Dish("tracks", TRACKED, settings_of(values), CHECK, ()))[0].values
    report = [
        f"{searched} dishes in the search, of seeds {SEARCH[0]} to {SEARCH[-1]}; "
        f"{EXPERIMENTS} experiments in the check, of other seeds and on the models' own grid, "
        "every condition with dishes of its own. Relative scatter between dishes before the fit: "
        + ", ".join(f"{of} {v**0.5:.2f}" for (q, of), (v, _) in scatter.items() if q == FOLD)
        + f". KG-1a cells alone move {np.median(paths):.0f} um in 8 h (median).\n",
        "### What KG-1a cells are asked for (D11, D12, D13)\n",
        *parameter_table(first, values),
        *return_table(first),
        "\n### What CD34+ cells are asked for (D17)\n",
        *parameter_table(second, values),
        *return_table(second),
        "\n### What is said\n",
        *statement_table({**kg1a, **cd34}, second.chosen.values, checked, prior),
    ]
    text = "\n".join(report) + "\n"
    print(text)
    if arguments.write:
        write(values)
        record = Path(__file__).with_name("fit.md")
        written = record.read_text(encoding="utf-8").partition(RECORDED)[0]
        record.write_text(f"{written}{RECORDED}{text}", encoding="utf-8")


if __name__ == "__main__":
    main()
