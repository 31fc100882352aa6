"""Fit what gathers KG-1a and CD34+ cells to what may be fitted: D11, D12, D13 and D17.

python validation/deniz2023/fit.py           # about 25 minutes on one core
python validation/deniz2023/fit.py --write   # and values into models/parameters.toml, and fit.md

The paper's text gives no values. What is asked for is that one experiment of three dishes says what
the paper says: each statement's chance to be said follows from the means and the scatter of
simulated dishes, and draws of the parameters compete by the product over all statements. No
chance counts for more than `ENOUGH`: nothing is asked for beyond what the paper saw. Of D20 the
untreated cells may be read, which move; they are asked for nothing.
"""

import argparse
import functools
import math
import re
import sys
import tomllib
from collections.abc import Container, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.stats import nct, norm, qmc, spearmanr, t

from sdf1_field.observations import Dish, Sample, observe
from sdf1_field.reproduce.statistics import STATISTICS, p_value
from sdf1_field.reproduce.targets import Statement, load_paper

HOUR = 3600.0
CLAIMS = ("D11", "D12", "D13", "D17")
"""What is read, and nothing else; of D20 what may be fitted asks for nothing."""
RECORDED = "## Recorded\n\n"
"""What comes after it in fit.md is written anew; what stands before it is not."""
PARAMETERS = Path(__file__).parents[2] / "models" / "parameters.toml"
COARSE = ("grid.spacing=10 um", "numerics.tolerance=0.02", "output.tracks_every=4 h")
"""Settings of the search."""
FINE = (
    "numerics.tolerance=0.02",
    "numerics.first_step=1 s",
    "numerics.culture_step=240 min",
    "output.tracks_every=4 h",
)
"""Settings of the check: the grid is the models' own."""

DISHES = 3
"""In one of the paper's experiments."""
ENOUGH = 0.8
"""Chance from which on a statement counts as said: the power that experiments are planned for."""
LEAST = 1e-6
"""Chance below which draws are equally bad."""
ALIKE = 0.1
"""Draws are accepted whose product is at least this share of the best's."""
TIE = 0.3
"""Loss of the score that a way back may cost; see fit.md."""
PRIOR = 4
"""Dishes' worth of confidence in the scatter that today's values give."""


PAPER = load_paper("deniz2023").only(CLAIMS)
KG1A, CD34 = ("control", "amd3100"), ("cd34", "cd34_48h")
"""Conditions of `PAPER` that are simulated."""
TRACKED = "tracking-kg1a"

FOLD, AREA = "fold change", "area covered"
Key = tuple[str, str, str, float]
"""Condition, quantity, region and time [s]."""
Values = Mapping[Key, np.ndarray]
"""One number for each dish."""


def own(statement: Statement) -> Key:
    """Key of the mean that a statement is of."""
    assert statement.time is not None
    return statement.condition, statement.quantity, statement.of, statement.time


def other(statement: Statement) -> Key | None:
    """Key of what it is compared with, if with anything."""
    if statement.reference is None or statement.reference_time is None:
        return None
    return statement.reference, statement.quantity, statement.of, statement.reference_time


@dataclass(frozen=True)
class Free:
    """A parameter that may move.

    Parameters
    ----------
    path : str
    start : float
        Before the fit, in the unit of models/parameters.toml; the fit begins here, whatever that
        file has by now.
    known : str
        What is known of it otherwise.
    logarithmic : bool
        Whether draws are even in the logarithm; not where the interval begins at zero.
    """

    path: str
    start: float
    known: str
    logarithmic: bool = True


GATHERING = (
    Free(
        "receptor.cxcr4.coat_share", 0.01,
        "unmeasured, identifiable only as a product with coat.sites over its "
        "dissociation constant",
    ),
    Free("cell_type.kg1a.downstream_noise", 10.0,
        "about 10 bound receptors' difference is needed (Wang & Irvine 2013, 10.1039/c3ib20249f)",
    ),
    Free("cell_type.kg1a.recycling_rate", 0.04,
        "fetal MSC have 0.04 (Pelekanos 2014, 10.1186/1471-2121-15-15); unmeasured in KG-1a",
    ),
    Free("cell_type.kg1a.cxcr4_catch_rate", 3e-3,
        "with every receptor occupied and none internalised; unmeasured",
        logarithmic=False,
    ),
    Free("cell_type.kg1a.cd166_catch_rate", 3e-3, "unmeasured"),
    Free("cell_type.kg1a.fibre_catch_rate", 3e-4,
        "a KG-1a cell is captured by fibres, on which CD166 is barely found (Deniz 2023, Fig. 5H; "
        "D21): the molecule is unknown and the rate unmeasured",
    ),
    Free("cell_type.kg1a.release_rate", 3e-4,
        "unmeasured; single CD166 bonds last seconds, many hold longer (Hassan 2004, "
        "10.1002/eji.200424856)",
    ),
    Free(
        "cell_type.kg1a.migrasome_uptake_rate", 1e-3,
        "unmeasured; KG-1a take up migrasomes that they meet (Deniz 2023, Fig. 5K, S7; "
        "D22)",
    ),
)  # fmt: skip
"""What gathers KG-1a cells, by D12 and D13."""
OF_CD34 = (
    Free(
        "cell_type.cd34.cxcr4_catch_rate", 3e-3,
        "with every receptor occupied and none internalised; unmeasured",
        logarithmic=False,
    ),
    Free(
        "cell_type.cd34.recycling_rate", 0.04,
        "fetal MSC have 0.04 (Pelekanos 2014, 10.1186/1471-2121-15-15); unmeasured in CD34+ cells",
    ),
    Free(
        "cell_type.cd34.downstream_noise", 10.0,
        "about 10 bound receptors' difference is needed (Wang & Irvine 2013, 10.1039/c3ib20249f)",
    ),
)  # fmt: skip
"""In what CD34+ cells may differ from KG-1a, by D17."""

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


@dataclass(frozen=True)
class Range:
    """Where a parameter may go, and its unit."""

    low: float
    high: float
    unit: str


@functools.cache
def ranges() -> Mapping[str, Range]:
    """Intervals of the free parameters, by models/parameters.toml."""
    table = tomllib.loads(PARAMETERS.read_text(encoding="utf-8"))
    found = {}
    for path in (free.path for free in (*GATHERING, *OF_CD34)):
        entry = functools.reduce(lambda node, key: node[key], path.split("."), table)
        low, high = (str(limit).partition(" ") for limit in entry["interval"])
        found[path] = Range(float(low[0]), float(high[0]), low[2])
    return found


def place(free: Free, value: float) -> float:
    """Where in its interval a value lies, 0 to 1."""
    own = ranges()[free.path]
    if free.logarithmic:
        return math.log(value / own.low) / math.log(own.high / own.low)
    return (value - own.low) / (own.high - own.low)


def value_at(free: Free, where: float) -> float:
    """Value at a place in the interval, to three digits."""
    own = ranges()[free.path]
    if free.logarithmic:
        value = own.low * (own.high / own.low) ** where
    else:
        value = own.low + where * (own.high - own.low)
    return min(max(float(f"{value:.3g}"), own.low), own.high)


def start_of(frees: Sequence[Free]) -> tuple[float, ...]:
    """Places of the values before the fit."""
    return tuple(place(free, free.start) for free in frees)


def values_of(frees: Sequence[Free], point: Sequence[float]) -> dict[str, float]:
    """Values of the parameters at a point."""
    return {
        free.path: free.start if where == was else value_at(free, where)
        for free, where, was in zip(frees, point, start_of(frees), strict=True)
    }


def settings_of(values: Mapping[str, float]) -> tuple[str, ...]:
    """As ``KEY=VALUE``."""
    return tuple(
        f"{path}={value!r} {ranges()[path].unit}".strip() for path, value in values.items()
    )


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
        """What each draw's dishes show, up to a time [s]."""
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


Scatter = Mapping[tuple[str, str], tuple[float, int]]
"""Relative variance between dishes and its degrees of freedom, by quantity and region."""


def scatter_of(values: Values, prior: Scatter) -> Scatter:
    """Relative variance of dishes, all conditions together, mixed with a prior."""
    found: dict[tuple[str, str], tuple[float, int]] = dict(prior)
    for (_, quantity, of, _), dishes in values.items():
        variance, freedom = found.get((quantity, of), (0.0, 0))
        own = len(dishes) - 1
        relative = float(np.var(dishes, ddof=1) / np.mean(dishes) ** 2)
        found[quantity, of] = (
            (variance * freedom + relative * own) / (freedom + own),
            freedom + own,
        )
    return found


def chance(statement: Statement, values: Values, scatter: Scatter) -> float:
    """Chance that an experiment of `DISHES` dishes of each condition says a statement.

    Means are taken as normal, with the dishes' scatter; t as noncentral.
    """
    compared = other(statement)
    mean = float(values[own(statement)].mean())
    against = 0.0 if compared is None else float(values[compared].mean())
    relative = math.sqrt(scatter[statement.quantity, statement.of][0] / DISHES)
    if not (0.0 < mean < math.inf and math.isfinite(against)):
        return LEAST
    if statement.test is None:
        reached = []
        for limit in (statement.above, statement.below):
            times = 1.0 if compared is None else against
            wide = relative * math.hypot(mean, 0.0 if compared is None else limit * against)
            far = (mean - limit * times) / wide if math.isfinite(limit) else -math.inf * limit
            reached.append(float(norm.cdf(far)))
        return reached[0] - reached[1]
    freedom = DISHES - 1 if statement.test == "paired t" else 2 * (DISHES - 1)
    shift = (mean - against) / (relative * math.hypot(mean, against))
    critical = float(t.isf(0.5 * (statement.p_below or statement.p_from or 1.0), freedom))
    lower = float(nct.cdf(-critical, freedom, shift))
    upper = float(nct.sf(critical, freedom, shift))
    if statement.p_from is not None:
        return 1.0 - lower - upper
    return lower if statement.below < math.inf else upper


def chances(values: Values, scatter: Scatter) -> dict[tuple[str, Statement], float]:
    """Chance of every statement that the values can tell."""
    return {
        (claim.id, statement): chance(statement, values, scatter)
        for claim in PAPER.claims
        for statement in claim.statements
        if own(statement) in values and (other(statement) is None or other(statement) in values)
    }


def score(values: Values, prior: Scatter, conditions: Container[str]) -> float:
    """Logarithm of the product of chances, none of which counts for more than `ENOUGH`.

    Of the statements on some conditions, the others being what they are compared with.
    """
    said = chances(values, scatter_of(values, prior))
    return sum(
        math.log(min(max(value, LEAST), ENOUGH))
        for (_, statement), value in said.items()
        if statement.condition in conditions
    )


def sobol(count: int, dimensions: int, seed: int) -> np.ndarray:
    """Scrambled Sobol points in the unit cube, shape (count, dimensions)."""
    points: np.ndarray = qmc.Sobol(dimensions, rng=seed).random(count)
    return points


@dataclass(frozen=True)
class Draw:
    """A point in the intervals, and what its dishes show."""

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
    """What a search over some parameters has found.

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
"""KG-1a cells first; CD34+ cells then have what both share."""


def search(
    bench: Bench, plan: Plan, prior: Scatter, kept: Mapping[str, float], beside: Values
) -> Search:
    """Find the values by which most is said.

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
        What other conditions show, of which statements speak too.
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


def effect(statement: Statement, values: Values) -> float:
    """An experiment's effect, by the statement's statistic."""
    found: float = STATISTICS[statement.statistic].effect(*samples(statement, values))
    return found


def samples(statement: Statement, values: Values) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Dishes of a statement's condition and of its reference, the same where there is none."""
    compared = other(statement) or own(statement)
    return list(values[own(statement)][:, None]), list(values[compared][:, None])


def says(statement: Statement, values: Values) -> bool:
    """Whether one experiment's dishes say a statement, with the paper's test."""
    if not statement.above < effect(statement, values) < statement.below:
        return False
    if statement.test is None:
        return True
    p = p_value(statement.test, *samples(statement, values), Sample.DISH)
    return p < (statement.p_below or math.inf) and p >= (statement.p_from or 0.0)


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


def known_values() -> dict[str, float]:
    """Values that models/parameters.toml has now."""
    text = PARAMETERS.read_text(encoding="utf-8")
    table = tomllib.loads(text)
    return {
        path: float(
            str(functools.reduce(lambda n, k: n[k], path.split("."), table)["value"]).split(" ")[0]
        )
        for path in ranges()
    }


def sources() -> dict[str, str]:
    """What models/parameters.toml says of values that the fit has moved."""
    found = {}
    for free in GATHERING:
        found[free.path] = f"fitted to D12 and D13 (validation/deniz2023/fit.md); {free.known}"
    for free in OF_CD34:
        found[free.path] = f"fitted to D17 (validation/deniz2023/fit.md); {free.known}"
    return found


def write(values: Mapping[str, float]) -> None:
    """Put values that the fit has moved into models/parameters.toml, and where they come from."""
    text, present, told = PARAMETERS.read_text(encoding="utf-8"), known_values(), sources()
    for path, value in values.items():
        if value == present[path]:
            continue
        unit = ranges()[path].unit
        shown = f'"{value:g} {unit}"' if unit else repr(value)
        pattern = rf"(\[{re.escape(path)}\]\nvalue = ).*\nstatus = .*\nsource = .*"
        entry = f'{shown}\nstatus = "calibrated"\nsource = "{told[path]}"'
        match = re.search(pattern, text)
        if match is None:
            sys.exit(f"{PARAMETERS}: no parameter {path}")
        text = text[: match.start()] + match[1] + entry + text[match.end() :]
    PARAMETERS.write_text(text, encoding="utf-8")


def return_table(search: Search) -> list[str]:
    """What each parameter's way back costs."""
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
    """Chances before and after, and what independent experiments say."""
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
    """Where each parameter went, and what the draws tell of it."""
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
