"""Migrasome networks against what Deniz et al. (2023) report of them, in experiments of their size.

python validation/deniz2023-networks/run.py networks   # D1-D8, D10; table.md and two figures
python validation/deniz2023-networks/run.py capture    # D21; table.md
python validation/deniz2023-networks/run.py uptake     # D22, D23; table.md
python validation/deniz2023-networks/run.py modes      # side_by_side.md
python validation/deniz2023-networks/run.py all        # README.md says how long each takes

A section replaces its own part of table.md and leaves the others. An experiment is three dishes; it
is repeated with other seeds, and each repetition's statements are judged by its own tests.
"""

import argparse
import math
import multiprocessing
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from sdf1_field import migrasomes
from sdf1_field.analysis import (
    Census,
    NetworkCount,
    chi_squared_yates_test,
    compare_networks,
    count_network,
    density_fold_change,
    mann_whitney_u_test,
    measures,
    p_text,
    take_census,
    unpaired_t_test,
)
from sdf1_field.cells import hold_of
from sdf1_field.random import Stream, generator
from sdf1_field.scene import NO_BODY, Fate, Origin, Region, Scene
from sdf1_field.simulate import State, model_grid, regions_of, simulate
from sdf1_field.spec import ModelSpec, load_model
from sdf1_field.treatments import schedule

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

HERE = Path(__file__).parent
HOUR = 3600.0
DAYS = (24, 48, 72)
DISHES = 3
"""Dishes of an experiment; each of a biogenesis model has about 200 MSC."""
FIRST_SEED = 1000
"""The fit grew other dishes."""
SIGNIFICANT, HIGHLY = 0.05, 0.001
RESAMPLES = 2000

REFERENCE, STRONGEST = "fibronectin-5", "poly-l-lysine"
SUBSTRATES = {
    "fibronectin-5": "fibronectin 5",
    "fibronectin-1": "fibronectin 1",
    "collagen-iv": "collagen IV",
    "laminin-111": "laminin-111",
    "laminin-411": "laminin-411",
    "laminin-511": "laminin-511",
    "laminin-521": "laminin-521",
    "poly-l-lysine": "poly-L-lysine",
    "glass": "glass",
}
ABOUT_HALF, ABOUT_THIRTY, OF_MSC = (0.40, 0.60), (0.25, 0.35), (0.25, 0.40)
"""What "about 50 %", "about 30 %" and "approximately 25-40 %" are read as."""
EARLY_AGE, MATURE_AGE = 20.0 * 60.0, 2.0 * HOUR
"""Migrasomes younger than the one are early, those older than the other mature [s]."""
NO_DETACHMENT = "biogenesis.detachment_rate=0 1/h"
GIVEN_RATES = "mechanisms.cargo_kinetics=false"
"""So that scenes differ in their networks alone; what cargo does is in jiao2024."""

FITTED, PREDICTED, PUT_IN = "fitted", "predicted", "put in"

COLOURS = ("#0072B2", "#E69F00", "#009E73", "#999999")
"""Okabe and Ito's palette, told apart by colour-blind readers."""


# Experiments that take no cells: MSC alone


@dataclass(frozen=True)
class Culture:
    """One dish of MSC alone: model, settings, seed, and when it is fixed [h]."""

    model: str
    settings: tuple[str, ...]
    seed: int
    hours: int


@dataclass(frozen=True, eq=False)
class Fixed:
    """What is counted in a dish when it is fixed.

    Parameters
    ----------
    count : NetworkCount
    nucleated, freed : ndarray of int, shape (2,)
        Migrasomes so far, and those that have lost their fibre, by `Origin`.
    cd166 : ndarray, shape (migrasome,)
        CD166 per area of those that are there, relative to the body's.
    """

    count: NetworkCount
    nucleated: NDArray[np.intp]
    freed: NDArray[np.intp]
    cd166: Array


def grow(culture: Culture) -> Fixed:
    """Grow a dish's networks and count them when it is fixed."""
    spec = load_model(culture.model, settings=culture.settings).spec
    grid, time = model_grid(spec), culture.hours * HOUR
    scene = migrasomes.seed_scene(
        spec, grid, culture.seed, schedule(spec).perturbation(0.0), secretion_factor=1.0
    )
    scene, _ = migrasomes.advance(scene, time)
    m = scene.migrasomes
    gone = m.end <= time
    freed = (m.body == NO_BODY) | (gone & (m.fate == Fate.DRIFTS_AWAY))
    return Fixed(
        count_network(scene, regions_of(spec, scene, grid), grid, time=time),
        nucleated=np.bincount(m.origin, minlength=2),
        freed=np.bincount(m.origin[freed], minlength=2),
        cd166=spec.adhesion.cd166_migrasome * m.maturity[m.present],
    )


@dataclass(frozen=True, eq=False)
class Experiment:
    """Dishes of one experiment: by substrate, by hours on fibronectin 5, without detachment."""

    substrates: Mapping[str, Sequence[Fixed]]
    days: Mapping[int, Sequence[Fixed]]
    unbroken: Sequence[Fixed]

    def counts(self, substrate: str) -> list[NetworkCount]:
        """Of a substrate's dishes at 24 h."""
        return [one.count for one in self.substrates[substrate]]

    def counts_at(self, hours: int) -> list[NetworkCount]:
        """Of the dishes on fibronectin 5 at a time."""
        return [one.count for one in self.days[hours]]

    def share(self, substrate: str, name: str) -> float:
        """One of the pooled measures of a substrate at 24 h."""
        return measures(self.counts(substrate))[name].pooled

    def p(self, substrate: str, name: str) -> float:
        """Of the test against fibronectin 5 on a quantity at 24 h."""
        tests = compare_networks(self.counts(substrate), self.counts(REFERENCE))
        return next(test.p for test in tests if test.quantity == name)


def culture_plan(number: int) -> list[Culture]:
    """All dishes of the number-th experiment; dishes are fixed, so each time has its own."""
    conditions: list[tuple[str, tuple[str, ...], int]] = [
        *[(f"biogenesis-{name}", (), DAYS[0]) for name in SUBSTRATES],
        *[(f"biogenesis-{REFERENCE}", (), hours) for hours in DAYS[1:]],
        (f"biogenesis-{REFERENCE}", (NO_DETACHMENT,), DAYS[-1]),
    ]
    first = FIRST_SEED + number * len(conditions) * DISHES
    return [
        Culture(model, settings, first + n * DISHES + dish, hours)
        for n, (model, settings, hours) in enumerate(conditions)
        for dish in range(DISHES)
    ]


def experiment_of(fixed: Sequence[Fixed]) -> Experiment:
    """The dishes of `culture_plan` by what they are for."""
    groups = [fixed[n : n + DISHES] for n in range(0, len(fixed), DISHES)]
    substrates = dict(zip(SUBSTRATES, groups, strict=False))
    later = groups[len(SUBSTRATES) :]
    days = {DAYS[0]: substrates[REFERENCE]} | dict(zip(DAYS[1:], later, strict=False))
    return Experiment(substrates, days, groups[-1])


# Statements about an experiment of MSC alone


@dataclass(frozen=True)
class Statement:
    """What is said of an experiment: how it is tested, and what came of it.

    Parameters
    ----------
    claim, text, test, status : str
    effect : callable
        Number that is reported of an experiment, in the words of ``measure``.
    holds : callable
        Whether an experiment says it, by its own test.
    measure : str
    """

    claim: str
    text: str
    test: str
    status: str
    measure: str
    effect: Callable[[Experiment], float]
    holds: Callable[[Experiment], bool]


CELLS_U, CELLS_CHI = "Mann-Whitney U, cells", "chi-squared (Yates), cells"
FIELDS_U = "Mann-Whitney U, fields (9 per dish)"
MSC_SHARE, FIBRES, BEARING = (
    "msc_with_migrasomes",
    "msc_with_fibres",
    "fibre_bearing_with_migrasomes",
)


def within(value: float, interval: tuple[float, float]) -> bool:
    """Whether a value lies in an interval."""
    return interval[0] <= value <= interval[1]


def of_time() -> list[Statement]:
    """D1 to D3: fibronectin 5 at 24, 48 and 72 h."""

    def share(e: Experiment, hours: int) -> float:
        return measures(e.counts_at(hours))[MSC_SHARE].pooled

    def per_cell(e: Experiment, hours: int) -> Array:
        return np.concatenate([c.per_cell for c in e.counts_at(hours)]).astype(float)

    def detached(e: Experiment, hours: int) -> float:
        return measures(e.counts_at(hours))["detached_per_mm2"].pooled

    def p_fields(e: Experiment, later: int, earlier: int) -> float:
        tests = compare_networks(e.counts_at(later), e.counts_at(earlier))
        return next(test.p for test in tests if test.quantity == "detached_per_mm2")

    def rises(e: Experiment, later: int, earlier: int) -> bool:
        more = detached(e, later) > detached(e, earlier)
        return more and p_fields(e, later, earlier) < HIGHLY

    first, middle, last = DAYS
    low, high = (f"{100 * bound:.0f}" for bound in OF_MSC)
    rows = [
        Statement(
            "D1", f"{low} to {high} % of MSC carry migrasomes at {hours} h", "none", FITTED,
            "share of MSC",
            lambda e, hours=hours: share(e, hours),
            lambda e, hours=hours: within(share(e, hours), OF_MSC),
        )
        for hours in DAYS
    ]  # fmt: skip
    rows += [
        Statement(
            "D1", "... at all three times", "none", FITTED, "largest less smallest share",
            lambda e: float(np.ptp([share(e, hours) for hours in DAYS])),
            lambda e: all(within(share(e, hours), OF_MSC) for hours in DAYS),
        ),
        Statement(
            "D2", f"the mean number of migrasomes per cell falls from {first} to {last} h", "none",
            FITTED, f"p, {CELLS_U}",
            lambda e: mann_whitney_u_test(per_cell(e, first), per_cell(e, last)),
            lambda e: per_cell(e, last).mean() < per_cell(e, first).mean(),
        ),
        Statement(
            "D2", f"migrasomes per cell fall from {first} to {last} h, p < 0.001", CELLS_U, FITTED,
            f"mean, {last} over {first} h",
            lambda e: float(per_cell(e, last).mean() / per_cell(e, first).mean()),
            lambda e: (
                per_cell(e, last).mean() < per_cell(e, first).mean()
                and mann_whitney_u_test(per_cell(e, first), per_cell(e, last)) < HIGHLY
            ),
        ),
    ]  # fmt: skip
    rows += [
        Statement(
            "D3", f"detached migrasomes per mm2 rise from {a} to {b} h, p < 0.001", FIELDS_U,
            FITTED, f"{b} over {a} h",
            lambda e, a=a, b=b: detached(e, b) / detached(e, a),
            lambda e, a=a, b=b: rises(e, b, a),
        )
        for a, b in ((first, middle), (middle, last), (first, last))
    ]  # fmt: skip
    rows.append(
        Statement(
            "D3", "... and are more at each time than before", FIELDS_U, FITTED,
            f"per mm2 at {last} h",
            lambda e: detached(e, last),
            lambda e: (
                detached(e, first) < detached(e, middle) < detached(e, last)
                and rises(e, last, first)
            ),
        )
    )  # fmt: skip
    return rows


def of_origin() -> list[Statement]:
    """D4 and D8: left by migration or by retraction."""

    def nucleated(e: Experiment, origin: Origin) -> float:
        return float(sum(one.nucleated[origin] for one in e.days[DAYS[-1]]))

    def freed(e: Experiment, origin: Origin) -> float:
        return float(sum(one.freed[origin] for one in e.unbroken))

    def by_migration(e: Experiment, substrate: str) -> float:
        counts = e.counts(substrate)
        most = sum(
            int(np.count_nonzero((c.fibres > 0) & (2 * c.retracted < c.fibres))) for c in counts
        )
        return most / max(sum(c.with_fibres for c in counts), 1)

    def by_retraction(e: Experiment, substrate: str) -> float:
        return e.share(substrate, "networks_by_retraction")

    names = {Origin.MIGRATION: "a migrating MSC left", Origin.RETRACTION: "a retraction left"}
    rows = [
        Statement(
            "D4", f"migrasomes form on fibres that {name}", "none", PUT_IN,
            f"formed by {DAYS[-1]} h",
            lambda e, origin=origin: nucleated(e, origin),
            lambda e, origin=origin: nucleated(e, origin) > 0,
        )
        for origin, name in names.items()
    ]  # fmt: skip
    rows += [
        Statement(
            "D4", "... and are freed when such fibres break (no other detachment)", "none",
            PUT_IN, f"freed by {DAYS[-1]} h, {name.removesuffix(' left')}",
            lambda e, origin=origin: freed(e, origin),
            lambda e, origin=origin: freed(e, origin) > 0,
        )
        for origin, name in names.items()
    ]  # fmt: skip
    return [
        *rows,
        Statement(
            "D8", "on poly-L-lysine most networks come from retraction", "none", PREDICTED,
            "share of fibre-bearing MSC",
            lambda e: by_retraction(e, STRONGEST),
            lambda e: by_retraction(e, STRONGEST) > 0.5,
        ),
        Statement(
            "D8", "on laminin-411 most networks come from migration", "none", PREDICTED,
            "share of fibre-bearing MSC",
            lambda e: by_migration(e, "laminin-411"),
            lambda e: by_migration(e, "laminin-411") > 0.5,
        ),
        Statement(
            "D8", "... a larger share from retraction on poly-L-lysine than on laminin-411",
            CELLS_CHI, PREDICTED, "difference of shares",
            lambda e: by_retraction(e, STRONGEST) - by_retraction(e, "laminin-411"),
            lambda e: (
                by_retraction(e, STRONGEST) > by_retraction(e, "laminin-411")
                and p_shares(e, STRONGEST, "laminin-411", "networks_by_retraction") < SIGNIFICANT
            ),
        ),
    ]  # fmt: skip


def p_shares(e: Experiment, one: str, other: str, name: str) -> float:
    """Of the chi-squared test with Yates' correction between two substrates at 24 h."""
    found = [measures(e.counts(substrate))[name] for substrate in (one, other)]
    return chi_squared_yates_test([round(m.amount) for m in found], [round(m.of) for m in found])


def of_substrate() -> list[Statement]:
    """D5 to D7: substrates at 24 h."""
    rows = [
        Statement(
            "D5", "about 50 % (40 to 60) of MSC have fibres on fibronectin 5", "none", FITTED,
            "share of MSC",
            lambda e: e.share(REFERENCE, FIBRES),
            lambda e: within(e.share(REFERENCE, FIBRES), ABOUT_HALF),
        )
    ]  # fmt: skip
    rows += [
        Statement(
            "D5", f"as many on {SUBSTRATES[name]}, p >= 0.05", CELLS_CHI, FITTED,
            "share of MSC",
            lambda e, name=name: e.share(name, FIBRES),
            lambda e, name=name: (
                within(e.share(name, FIBRES), ABOUT_HALF) and e.p(name, FIBRES) >= SIGNIFICANT
            ),
        )
        for name in ("fibronectin-1", "laminin-411", "laminin-511")
    ]  # fmt: skip
    for name in ("glass", "collagen-iv", "laminin-111", "laminin-521"):
        exact = name == "glass"
        amount = "about 30 % (25 to 35)" if exact else "fewer"
        rows.append(
            Statement(
                "D5", f"{amount} on {SUBSTRATES[name]}, p < 0.05", CELLS_CHI, FITTED,
                "share of MSC",
                lambda e, name=name: e.share(name, FIBRES),
                lambda e, name=name, exact=exact: (
                    e.share(name, FIBRES) < e.share(REFERENCE, FIBRES)
                    and e.p(name, FIBRES) < SIGNIFICANT
                    and (not exact or within(e.share(name, FIBRES), ABOUT_THIRTY))
                ),
            )
        )  # fmt: skip
    rows += [
        Statement(
            "D6", f"about half (40 to 60 %) of those with fibres on {SUBSTRATES[name]} carry "
            "migrasomes", "none", FITTED, "share of fibre-bearing MSC",
            lambda e, name=name: e.share(name, BEARING),
            lambda e, name=name: within(e.share(name, BEARING), ABOUT_HALF),
        )
        for name in ("fibronectin-5", "fibronectin-1", "laminin-111", "laminin-521", "glass")
    ]  # fmt: skip
    rows.append(
        Statement(
            "D6", "more on collagen IV than on fibronectin 5, p < 0.05", CELLS_CHI, FITTED,
            "share of fibre-bearing MSC",
            lambda e: e.share("collagen-iv", BEARING),
            lambda e: (
                e.share("collagen-iv", BEARING) > max(0.5, e.share(REFERENCE, BEARING))
                and e.p("collagen-iv", BEARING) < SIGNIFICANT
            ),
        )
    )  # fmt: skip
    rows += [
        Statement(
            "D6", f"more than half on {SUBSTRATES[name]}, fewer than on collagen IV", "none",
            FITTED, "share of fibre-bearing MSC",
            lambda e, name=name: e.share(name, BEARING),
            lambda e, name=name: 0.5 < e.share(name, BEARING) < e.share("collagen-iv", BEARING),
        )
        for name in ("laminin-411", "laminin-511")
    ]  # fmt: skip
    others = [name for name in SUBSTRATES if name != STRONGEST]
    rows.append(
        Statement(
            "D6", "on poly-L-lysine more than on fibronectin 5, p < 0.001, and than on any other",
            CELLS_CHI, FITTED, "share of fibre-bearing MSC",
            lambda e: e.share(STRONGEST, BEARING),
            lambda e: (
                e.p(STRONGEST, BEARING) < HIGHLY
                and e.share(STRONGEST, BEARING) > max(e.share(name, BEARING) for name in others)
            ),
        )
    )  # fmt: skip

    def per_cell(e: Experiment, name: str) -> Array:
        return np.concatenate([c.per_cell for c in e.counts(name)]).astype(float)

    def above(e: Experiment, name: str) -> bool:
        a, b = per_cell(e, STRONGEST), per_cell(e, name)
        return bool(np.median(a) > np.median(b)) and mann_whitney_u_test(b, a) < SIGNIFICANT

    rows += [
        Statement(
            "D7", f"more migrasomes per cell on poly-L-lysine than on {SUBSTRATES[name]}, "
            "p < 0.05", CELLS_U, FITTED, "ratio of medians",
            lambda e, name=name: float(
                np.median(per_cell(e, STRONGEST)) / np.median(per_cell(e, name))
            ),
            lambda e, name=name: above(e, name),
        )
        for name in others
    ]  # fmt: skip
    rows.append(
        Statement(
            "D7", "... than on every other substrate", CELLS_U, FITTED,
            "median on poly-L-lysine",
            lambda e: float(np.median(per_cell(e, STRONGEST))),
            lambda e: all(above(e, name) for name in others),
        )
    )  # fmt: skip
    return rows


def of_cd166() -> list[Statement]:
    """D10: CD166 on early and mature migrasomes against the body's, which is 1."""

    def on(e: Experiment, kept: Callable[[Array], Flags]) -> Array:
        dishes = e.substrates[REFERENCE]
        return np.concatenate([one.cd166[kept(one.count.age)] for one in dishes])

    def early(e: Experiment) -> Array:
        return on(e, lambda age: age < EARLY_AGE)

    def mature(e: Experiment) -> Array:
        return on(e, lambda age: age > MATURE_AGE)

    def everyone(e: Experiment) -> Array:
        return on(e, lambda age: age >= 0.0)

    return [
        Statement(
            "D10", "early migrasomes (younger than 20 min) have less than half the body's",
            "none", PUT_IN, "median",
            lambda e: float(np.median(early(e))),
            lambda e: bool(np.median(early(e)) < 0.5),
        ),
        Statement(
            "D10", "mature ones (older than 2 h) have more than the body, and than early ones, "
            "p < 0.001", "Mann-Whitney U, migrasomes", PUT_IN, "median",
            lambda e: float(np.median(mature(e))),
            lambda e: (
                bool(np.median(mature(e)) > 1.0)
                and mann_whitney_u_test(early(e), mature(e)) < HIGHLY
            ),
        ),
        Statement(
            "D10", "most of all migrasomes that are there have more than the body", "none",
            "follows", "share of migrasomes",
            lambda e: float(np.mean(everyone(e) > 1.0)),
            lambda e: bool(np.mean(everyone(e) > 1.0) > 0.5),
        ),
    ]  # fmt: skip


# Verdicts


def wilson(successes: int, total: int) -> tuple[float, float]:
    """95 % interval of a share.

    Examples
    --------
    >>> low, high = wilson(15, 20)
    >>> round(low, 2), round(high, 2)
    (0.53, 0.89)

    References
    ----------
    Wilson (1927) J. Am. Stat. Assoc. 22:209.
    """
    if total == 0:
        return 0.0, 1.0
    z, share = 1.959964, successes / total
    middle = share + z**2 / (2 * total)
    half = z * math.sqrt(share * (1 - share) / total + z**2 / (4 * total**2))
    low, high = (middle - half) / (1 + z**2 / total), (middle + half) / (1 + z**2 / total)
    return max(low, 0.0), min(high, 1.0)


def verdict(successes: int, total: int) -> str:
    """By whether the statement comes out in most experiments, as far as their number can tell."""
    low, high = wilson(successes, total)
    if low > 0.5:
        return "reproduced"
    return "not reproduced" if high < 0.5 else "undecided"


def judged(statements: Sequence[Statement], experiments: Sequence[Experiment]) -> list[list[str]]:
    """Rows of the table: each statement in all experiments."""
    rows = []
    for s in statements:
        effects = np.array([s.effect(e) for e in experiments])
        said = sum(bool(s.holds(e)) for e in experiments)
        rows.append(
            [
                s.claim, s.text, s.test, f"{s.measure}: {spread_text(effects)}",
                f"{said} of {len(experiments)}", verdict(said, len(experiments)), s.status,
            ]
        )  # fmt: skip
    return rows


def spread_text(values: Array) -> str:
    """Mean, and the interval that holds 95 % of the values."""
    low, high = np.quantile(values, [0.025, 0.975])
    return f"{number_text(float(values.mean()))} ({number_text(low)} to {number_text(high)})"


def number_text(value: float) -> str:
    """Three digits without an exponent."""
    if math.isnan(value):
        return "-"
    return f"{value:.0f}" if abs(value) >= 100.0 else f"{value:.3g}"


# Co-cultures


@dataclass(frozen=True)
class Treated:
    """A co-culture that begins as others of its seed do."""

    name: str
    model: str
    settings: tuple[str, ...]
    hours: tuple[int, ...]


@dataclass(frozen=True)
class CoCultures:
    """Co-cultures of one seed; they share the culture until `SHARED_UNTIL` if it is grown."""

    seed: int
    variants: tuple[Treated, ...]
    shared: bool


SHARED_UNTIL = "-2.5 h"
"""Before any treatment begins."""
TRACKED = "output.ligands=[]"


@dataclass(frozen=True, eq=False)
class Seen:
    """What is counted in a co-culture at one time.

    Parameters
    ----------
    census : Census
    count : NetworkCount
    cells : int
    eaten_attached, eaten_free : int
        Migrasomes taken up until then, by whether a fibre held them.
    cd166, fibres : float
        CD166 relative to a body that a cell centred on the network touches, and the share of the
        network where it touches a fibre.
    touching : ndarray of bool, shape (frame, cell)
        Whether a cell touched a migrasome in the frames until then.
    migrasomes : ndarray, shape (4, migrasome)
        Place, birth and end of all there have been.
    """

    census: Census
    count: NetworkCount
    cells: int
    eaten_attached: int
    eaten_free: int
    cd166: float
    fibres: float
    touching: Flags
    migrasomes: Array


def co_culture(dishes: CoCultures) -> dict[str, list[Seen]]:
    """Simulate the co-cultures of a seed and count at the times asked for."""
    first = dishes.variants[0]
    culture = shared_culture(first.model, first.settings, dishes.seed) if dishes.shared else None
    found = {}
    for variant in dishes.variants:
        last = variant.hours[-1]
        settings = [
            *variant.settings, TRACKED, f"run.duration={last} h", f"output.fields_from={last} h",
        ]  # fmt: skip
        spec = load_model(variant.model, settings=settings).spec
        found[variant.name] = watch(spec, dishes.seed, culture, variant.hours)
    return found


def shared_culture(model: str, settings: Sequence[str], seed: int) -> State:
    """State of the MSC culture before any treatment begins."""
    until = [TRACKED, f"output.fields_from={SHARED_UNTIL}"]
    spec = load_model(model, settings=[*settings, *until]).spec
    return next(simulate(spec, seed=seed))


def watch(spec: ModelSpec, seed: int, culture: State | None, hours: Sequence[int]) -> list[Seen]:
    """Count a co-culture at some times."""
    grid, radius = model_grid(spec), 0.5 * spec.haematopoietic.diameter
    seen, touching = [], []
    for state in simulate(spec, seed=seed, resume_from=culture):
        if state.cells is None:
            continue
        touching.append(touches(state, radius))
        if state.time not in [h * HOUR for h in hours]:
            continue
        scene, m = state.scene, state.scene.migrasomes
        regions = regions_of(spec, scene, grid)
        hold = hold_of(spec, scene, regions, grid)
        network = regions == Region.MIGRASOME_NETWORK
        eaten = (m.fate == Fate.IS_TAKEN_UP) & (m.end <= state.time)
        seen.append(
            Seen(
                census=take_census(
                    regions, grid, state.cells.x, state.cells.y, radius=radius, time=state.time
                ),
                count=count_network(scene, regions, grid, time=state.time),
                cells=len(state.cells.x),
                eaten_attached=int(np.count_nonzero(eaten & (m.body != NO_BODY))),
                eaten_free=int(np.count_nonzero(eaten & (m.body == NO_BODY))),
                cd166=float(hold.cd166[network].mean()) if network.any() else math.nan,
                fibres=float(hold.fibres[network].mean()) if network.any() else math.nan,
                touching=np.array(touching),
                migrasomes=np.array([m.x, m.y, m.birth, m.end]),
            )
        )
    return seen


def touches(state: State, radius: float) -> Flags:
    """Whether each cell touches a migrasome, shape (cell,)."""
    cells, m = state.cells, state.scene.migrasomes
    assert cells is not None
    x, y, reach = m.x[m.present], m.y[m.present], m.radius[m.present] + radius
    touching = np.zeros(len(cells.x), dtype=np.bool_)
    for n in range(len(cells.x)):
        touching[n] = bool(((x - cells.x[n]) ** 2 + (y - cells.y[n]) ** 2 < reach**2).any())
    return touching


# D21: films of one cell and one network


CAPTURE = "capture-single-migrasome"
FILM_HOURS = 12
NO_FIBRES, NO_SENSING = "fibres do not hold", "nothing steers"
FILMS: Mapping[str, tuple[str, ...]] = {
    "full model": (),
    NO_FIBRES: ("mechanisms.fibre_adhesion=false",),
    NO_SENSING: ("mechanisms.soluble_sensing=false", "mechanisms.haptotaxis=false"),
}


@dataclass(frozen=True, eq=False)
class Film:
    """One cell's frames, shape (frame,) each.

    Parameters
    ----------
    held, on_fibre : ndarray of bool
        Whether it is held, and whether it touches a fibre.
    cd166 : ndarray
        What it touches, relative to a body.
    approach : ndarray
        Way towards the nearest fibre until the next frame [um]; NaN in the last, while it is held
        or touches a fibre, and where there is none.
    fibres : ndarray of bool
        Whether there are any.
    """

    held: Flags
    on_fibre: Flags
    cd166: Array
    approach: Array
    fibres: Flags


def film(seed: int) -> dict[str, Film] | None:
    """The same cell and network in each of `FILMS`; None if the MSC has no network to film."""
    culture = shared_culture(CAPTURE, (), seed)
    if len(culture.scene.fibres.body) == 0:
        return None
    last = [TRACKED, f"run.duration={FILM_HOURS} h", f"output.fields_from={FILM_HOURS} h"]
    return {
        name: filmed(load_model(CAPTURE, settings=[*settings, *last]).spec, seed, culture)
        for name, settings in FILMS.items()
    }


def filmed(spec: ModelSpec, seed: int, culture: State) -> Film:
    """Frames of the model's only cell."""
    grid = model_grid(spec)
    places, directions, held, on_fibre, cd166 = [], [], [], [], []
    for state in simulate(spec, seed=seed, resume_from=culture):
        cells = state.cells
        if cells is None:
            continue
        hold = hold_of(spec, state.scene, regions_of(spec, state.scene, grid), grid)
        at = grid.index(cells.x[:1], cells.y[:1])
        towards, distance = nearest_fibre(state.scene, cells.x[0], cells.y[0])
        places.append((cells.x[0], cells.y[0]))
        directions.append(towards)
        held.append(bool(cells.held[0]))
        on_fibre.append(distance <= 0.5 * spec.haematopoietic.diameter)
        cd166.append(float(hold.cd166[at][0]))
    ways = np.diff(np.array(places), axis=0)
    approach = np.append((ways * np.array(directions)[:-1]).sum(axis=1), np.nan)
    stuck = np.array(held)
    moving = ~stuck & ~np.array(on_fibre)
    moving[:-1] &= ~stuck[1:]
    return Film(
        held=stuck,
        on_fibre=np.array(on_fibre),
        cd166=np.array(cd166),
        approach=np.where(moving, approach, np.nan),
        fibres=np.isfinite(np.array(directions)[:, 0]),
    )


def nearest_fibre(scene: Scene, x: float, y: float) -> tuple[tuple[float, float], float]:
    """Unit vector to the nearest place on a fibre, and its distance [um]; NaN if there is none."""
    fibre_x, fibre_y = scene.fibres.x, scene.fibres.y
    pieces = np.isfinite(fibre_x[:, 1:])
    if not pieces.any():
        return (math.nan, math.nan), math.nan
    begin_x, begin_y = fibre_x[:, :-1][pieces], fibre_y[:, :-1][pieces]
    way_x, way_y = fibre_x[:, 1:][pieces] - begin_x, fibre_y[:, 1:][pieces] - begin_y
    square = way_x**2 + way_y**2
    along = np.clip(
        ((x - begin_x) * way_x + (y - begin_y) * way_y) / np.where(square > 0.0, square, 1.0), 0, 1
    )
    off_x, off_y = begin_x + along * way_x - x, begin_y + along * way_y - y
    distances = np.hypot(off_x, off_y)
    n = int(np.argmin(distances))
    distance = max(float(distances[n]), 1e-9)
    return (float(off_x[n] / distance), float(off_y[n] / distance)), float(distances[n])


# Sections


def carried_out(
    function: Callable[[Any], Any], tasks: Sequence[Any], workers: int, name: str
) -> list[Any]:
    """Results of tasks in their order, with progress on stderr."""
    context = multiprocessing.get_context("spawn")
    results = []
    with ProcessPoolExecutor(min(workers, len(tasks)), mp_context=context) as pool:
        for result in pool.map(function, tasks):
            results.append(result)
            if len(results) % max(1, len(tasks) // 20) == 0:
                print(f"{name}: {len(results)} of {len(tasks)}", file=sys.stderr, flush=True)
    return results


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


TABLE = "# Networks of migrasomes: verdicts\n"
ORDER = ("networks", "capture", "uptake")


def record(name: str, text: str) -> None:
    """Put a section into table.md in the place of its predecessor."""
    path = HERE / "table.md"
    before = path.read_text(encoding="utf-8") if path.exists() else TABLE
    parts = {
        part.split("\n", 1)[0].strip(): part.split("\n", 1)[1].strip()
        for part in re.split(r"^## ", before, flags=re.MULTILINE)[1:]
    }
    parts[name] = text.strip()
    kept = [f"## {one}\n\n{parts[one]}\n" for one in ORDER if one in parts]
    path.write_text("\n".join([TABLE, *kept]), encoding="utf-8")
    print(text)


VERDICTS = ("claim", "statement", "test and unit", "effect", "comes out", "verdict", "status")


def networks(arguments: argparse.Namespace) -> None:
    """D1 to D8, and D10."""
    plans = [culture_plan(n) for n in range(arguments.experiments)]
    fixed = carried_out(
        grow, [one for plan in plans for one in plan], arguments.workers, "networks"
    )
    size = len(plans[0])
    experiments = [
        experiment_of(fixed[n * size : (n + 1) * size]) for n in range(arguments.experiments)
    ]
    rows = judged([*of_time(), *of_origin(), *of_substrate(), *of_cd166()], experiments)
    rows.sort(key=lambda row: int(row[0][1:]))
    msc = np.mean([one.count.msc for one in fixed])
    notes = (
        f"{arguments.experiments} experiments of {DISHES} dishes for each condition and time, "
        f"{msc:.0f} MSC in a dish, seeds from {FIRST_SEED} on. Effect: mean over the experiments, "
        "cells of an experiment's dishes pooled, and the interval that holds 95 % of them. Cells: "
        "all MSC for shares; MSC with attached migrasomes for migrasomes per cell. Verdict: "
        "whether the statement, with its test, comes out in most experiments (95 % Wilson "
        "interval above or below one half). Fitted: used in the fit. Put in: a rule of the model. "
        "Follows: from such a rule. Predicted: neither."
    )
    record("networks", f"{notes}\n\n{markdown(VERDICTS, rows)}")
    draw_days(experiments[0])
    draw_substrates(experiments[0])


def capture(arguments: argparse.Namespace) -> None:
    """D21: films of one cell and one network."""
    seeds = range(FIRST_SEED, FIRST_SEED + arguments.films)
    shot = carried_out(film, list(seeds), arguments.workers, "capture")
    films = [one for one in shot if one is not None]
    header = ["", *FILMS]
    columns = {name: [one[name] for one in films] for name in FILMS}
    away = {
        name: [one for one in those if one.fibres[0] and not one.on_fibre[0]]
        for name, those in columns.items()
    }
    reached = {name: [one for one in those if one.on_fibre.any()] for name, those in away.items()}
    first = {
        name: [one.cd166[n] for one in those if (n := captured(one)) is not None]
        for name, those in reached.items()
    }

    def shares(counts: Callable[[str], int], of: Callable[[str], int]) -> list[str]:
        return [share_text(counts(name), of(name)) for name in FILMS]

    approaches = {
        name: np.array([mean_of(one.approach) for one in those]) for name, those in columns.items()
    }
    rows = [
        ["films in which the cell begins away from fibres", *[f"{len(away[n])}" for n in FILMS]],
        ["of these: it comes to touch a fibre",
         *shares(lambda n: len(reached[n]), lambda n: len(away[n]))],
        ["of these: it is held while it touches one",
         *shares(lambda n: len(first[n]), lambda n: len(reached[n]))],
        ["of these: it touches no CD166 when first seen held",
         *shares(lambda n: sum(c == 0.0 for c in first[n]), lambda n: len(first[n]))],
        ["... less CD166 than a body has, or none",
         *shares(lambda n: sum(c < 1.0 for c in first[n]), lambda n: len(first[n]))],
        ["mean way of a crawling cell towards the nearest fibre in 15 min [um]",
         *[bootstrap_text(approaches[n]) for n in FILMS]],
        ["... less that of the same cell where nothing steers",
         *[bootstrap_text(approaches[n] - approaches[NO_SENSING]) for n in FILMS]],
    ]  # fmt: skip
    full, null = "full model", NO_SENSING
    gain = approaches[full] - approaches[null]
    low, high = bootstrap(gain)
    moves = "reproduced" if low > 0.0 else ("not reproduced" if high < 0.0 else "undecided")
    below = sum(c < 1.0 for c in first[full])
    below_without = sum(c < 1.0 for c in first[NO_FIBRES])
    held = "not reproduced" if len(reached[full]) > 0 else "undecided"
    if below > 0:
        held = "reproduced"
    without = len(reached[NO_FIBRES])
    p = chi_squared_yates_test([below, below_without], [len(reached[full]), without])
    more = below * without > below_without * len(reached[full])
    needs = "undecided"
    if p < SIGNIFICANT:
        needs = "reproduced" if more else "not reproduced"
    verdicts = [
        ["D21", "a cell comes to a network's fibres and is captured there where it touches less "
         "CD166 than on a body, or none (one film is enough: the paper shows one)", "none",
         f"{below} of {len(reached[full])} films with a touch", held, PUT_IN],
        ["D21", "fibres that hold cells make this more frequent", "chi-squared (Yates), films",
         f"{share_text(below, len(reached[full]))} against "
         f"{share_text(below_without, without)}; p {p_text(p)}", needs, PUT_IN],
        ["D21", "cells move toward the network: farther than where nothing steers",
         "95 % bootstrap interval, films", f"{bootstrap_text(gain)} um in 15 min", moves,
         PREDICTED],
    ]  # fmt: skip
    notes = (
        f"{len(films)} films of {FILM_HOURS} h, 15 min between frames, of one MSC 24 h after "
        f"seeding and one cell; {len(shot) - len(films)} more had no fibres "
        f"{SHARED_UNTIL.removeprefix('-')} before the cell was added, and were not made. "
        "The same networks and starting places in each column. Shares with 95 % Wilson "
        "intervals, ways with 95 % bootstrap intervals over films. A cell touches a fibre that is "
        "nearer than its radius."
    )
    judgement = markdown(("claim", "statement", "test and unit", "effect", "verdict", "status"),
                         verdicts)  # fmt: skip
    record("capture", f"{notes}\n\n{markdown(header, rows)}\n\n{judgement}")


def captured(one: Film) -> int | None:
    """First frame in which a cell that was away is held and touches a fibre."""
    frames = np.flatnonzero(one.held & one.on_fibre)
    return int(frames[0]) if len(frames) else None


def mean_of(values: Array) -> float:
    """Mean of what is known; NaN of nothing."""
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else math.nan


def bootstrap(values: Array) -> tuple[float, float]:
    """95 % interval of the mean of what is known."""
    known = values[np.isfinite(values)]
    if len(known) < 2:
        return math.nan, math.nan
    picks = generator(0, Stream.BOOTSTRAP).integers(len(known), size=(RESAMPLES, len(known)))
    low, high = np.quantile(known[picks].mean(axis=1), [0.025, 0.975])
    return float(low), float(high)


def bootstrap_text(values: Array) -> str:
    """Mean, its interval, and of how many."""
    low, high = bootstrap(values)
    known = int(np.isfinite(values).sum())
    return f"{mean_of(values):+.2f} ({low:+.2f} to {high:+.2f}; n = {known})"


def share_text(successes: int, total: int) -> str:
    """Share with its interval, and the numbers."""
    if total == 0:
        return "- (0 of 0)"
    low, high = wilson(successes, total)
    return f"{successes / total:.2f} ({low:.2f} to {high:.2f}; {successes} of {total})"


UPTAKE_OFF = "mechanisms.migrasome_uptake=false"
DRUGS = ("control", "AMD3100 10 uM", "SDF-1 100 ng/mL")
PROGENITORS = "CD34+"


def treated(mode: str, name: str, *settings: str) -> Treated:
    """One of `CONDITIONS` on a scene of a mode."""
    model, hours = CONDITIONS[name]
    return Treated(f"{mode}: {name}", model, (f"scene.mode={mode}", GIVEN_RATES, *settings), hours)


def uptake_plan(arguments: argparse.Namespace) -> list[CoCultures]:
    """Co-cultures that the section reads; those without uptake are of the first seed alone."""
    seeds = seeds_of(arguments)
    eating = tuple(treated("grown", name) for name in DRUGS)
    fasting = tuple(
        replace(treated("grown", name, UPTAKE_OFF), name=f"{NO_UPTAKE}: {name}", hours=(4,))
        for name in DRUGS
    )
    progenitors = (Treated(PROGENITORS, "coculture-cd34", (), (4,)),)
    return [
        *[
            CoCultures(seed, (*eating, *(fasting if seed == seeds[0] else ())), shared=True)
            for seed in seeds
        ],
        *[CoCultures(seed, progenitors, shared=True) for seed in seeds],
    ]


def seeds_of(arguments: argparse.Namespace) -> range:
    """Of the co-cultures."""
    return range(FIRST_SEED, FIRST_SEED + arguments.dishes)


def merged(plans: Sequence[CoCultures], settings: Sequence[str]) -> list[CoCultures]:
    """The same co-cultures, those together that share a culture, and none twice.

    Parameters
    ----------
    plans : sequence of CoCultures
    settings : sequence of str
        ``KEY=VALUE`` each, for all of them.
    """
    joint: dict[tuple[int, str], dict[str, Treated]] = {}
    for plan in plans:
        kind = plan.variants[0].name if plan.shared else "placed"
        key = (plan.seed, "grown" if kind.startswith("grown") else kind)
        joint.setdefault(key, {}).update(
            {
                variant.name: replace(variant, settings=(*variant.settings, *settings))
                for variant in plan.variants
            }
        )
    return [
        CoCultures(seed, tuple(variants.values()), shared=kind != "placed")
        for (seed, kind), variants in joint.items()
    ]


def beyond(arguments: argparse.Namespace) -> str:
    """What was set beyond the models, as a sentence."""
    settings = ", ".join(arguments.settings)
    return f" Set beyond the models: {settings}." if settings else ""


Dishes = dict[str, list[list[Seen]]]
"""What was seen of each condition: by dish, then by time."""


def co_cultures(plans: Sequence[CoCultures], arguments: argparse.Namespace) -> Dishes:
    """Simulate co-cultures; dishes of a condition are in the order of their seeds."""
    dishes: Dishes = {}
    for one in carried_out(
        co_culture, merged(plans, arguments.settings), arguments.workers, "co-cultures"
    ):
        for name, seen in one.items():
            dishes.setdefault(name, []).append(seen)
    return dishes


def uptake(arguments: argparse.Namespace, seen: Dishes) -> None:
    """D22 and D23: who takes up migrasomes, and whether drugs change them."""
    dishes = {name: [each[0] for each in seen[f"grown: {name}"]] for name in DRUGS}
    fasting = {name: seen[f"{NO_UPTAKE}: {name}"][0][0].migrasomes for name in DRUGS}
    dishes[PROGENITORS] = [each[0] for each in seen[PROGENITORS]]
    number = arguments.dishes
    shown = {"KG-1a": dishes["control"], PROGENITORS: dishes[PROGENITORS]}
    rows = []
    for name, own in shown.items():
        cells = sum(one.cells for one in own)
        touched = sum(int(one.touching.any(axis=0).sum()) for one in own)
        moved_on = sum(int(went_on(one.touching).sum()) for one in own)
        rows.append(
            [
                name, f"{cells}", share_text(touched, cells), share_text(moved_on, touched),
                *[eaten_text(own, kind) for kind in ("eaten_attached", "eaten_free")],
            ]
        )  # fmt: skip
    header = [
        "cells", "number", "touch a migrasome in a frame", "of these: touch none in a later frame",
        "attached ones taken up, per cell", "cell-free ones taken up, per cell",
    ]  # fmt: skip
    kg1a, cd34 = dishes["control"], dishes[PROGENITORS]
    attached, free = sum(d.eaten_attached for d in kg1a), sum(d.eaten_free for d in kg1a)
    none = sum(d.eaten_attached + d.eaten_free for d in cd34)
    on = sum(int(went_on(d.touching).sum()) for d in cd34)
    yes = {True: "reproduced", False: "not reproduced"}
    verdicts = [
        ["D22", "KG-1a cells take up attached and cell-free migrasomes", "none",
         f"{attached} and {free} in {number} dishes", yes[min(attached, free) > 0], PUT_IN],
        ["D22", "CD34+ cells touch migrasomes, take up none and move on", "none",
         f"{none} taken up; {on} cells went on", yes[none == 0 and on > 0], PUT_IN],
    ]  # fmt: skip
    drug_rows = []
    for name in DRUGS:
        own = dishes[name]
        counts = [one.count for one in own]
        found = measures(counts)
        p = compare_networks(counts, [one.count for one in dishes["control"]])
        tests = {test.quantity: test.p for test in p}
        same = np.array_equal(fasting[name], fasting["control"])
        eaten = sum(one.eaten_attached + one.eaten_free for one in own)
        drug_rows.append(
            [
                name,
                *[f"{found[key].mean:.3g} ± {found[key].deviation:.2g}" for key in DRUG_MEASURES],
                f"{eaten}", f"{tests['migrasomes_per_cell']:.2f}",
                f"{tests['detached_per_mm2']:.2f}", "yes" if same else "no",
            ]
        )  # fmt: skip
        if name != "control":
            unchanged = min(tests["migrasomes_per_cell"], tests["detached_per_mm2"]) >= SIGNIFICANT
            verdicts.append(
                ["D23", f"{name} does not change the migrasomes, p >= 0.05 in both tests",
                 f"{CELLS_U}; {FIELDS_U}",
                 f"the same without uptake: {'yes' if same else 'no'}", yes[unchanged], PUT_IN]
            )  # fmt: skip
    drug_header = [
        "in the medium", "migrasomes per cell", "attached per mm2", "detached per mm2", "taken up",
        "p, per cell", "p, detached", "bit for bit the control's migrasomes, without uptake",
    ]  # fmt: skip
    notes = (
        f"{number} dishes each, 4 h; the same seeds in all rows of a cell type. Shares of cells "
        "with 95 % Wilson intervals; per cell and per mm2: mean ± S.D. over dishes."
        f"{beyond(arguments)}"
    )
    judgement = markdown(("claim", "statement", "test and unit", "effect", "verdict", "status"),
                         verdicts)  # fmt: skip
    record(
        "uptake",
        f"{notes}\n\n{markdown(header, rows)}\n\n{markdown(drug_header, drug_rows)}\n\n{judgement}",
    )


DRUG_MEASURES = ("migrasomes_per_cell", "attached_per_mm2", "detached_per_mm2")


def went_on(touching: Flags) -> Flags:
    """Which cells touch a migrasome in a frame and none in some later one, shape (cell,)."""
    seen = np.logical_or.accumulate(touching, axis=0)
    gone: Flags = (seen & ~touching).any(axis=0)
    return gone


def eaten_text(dishes: Sequence[Seen], kind: str) -> str:
    """Migrasomes taken up per cell, mean and deviation over dishes."""
    each = np.array([getattr(one, kind) / one.cells for one in dishes])
    return f"{each.mean():.2f} ± {each.std(ddof=1):.2f}"


CONDITIONS = {
    "control": ("coculture-kg1a", (4, 12)),
    "AMD3100 10 uM": ("coculture-kg1a-amd3100-10um", (4,)),
    "SDF-1 100 ng/mL": ("coculture-kg1a-sdf1", (4,)),
    "IgG": ("coculture-kg1a-igg", (4,)),
    "anti-CD166": ("coculture-kg1a-anti-cd166", (4,)),
}
COMPARED = {"AMD3100 10 uM": "control", "SDF-1 100 ng/mL": "control", "anti-CD166": "IgG"}
MODES = ("placed", "frozen", "grown")
NO_UPTAKE = "no uptake"
WITHOUT = {
    "grown, no uptake": UPTAKE_OFF,
    "grown, fibres do not hold": "mechanisms.fibre_adhesion=false",
}


def modes_plan(arguments: argparse.Namespace) -> list[CoCultures]:
    """Co-cultures that the section reads."""
    own = {mode: tuple(treated(mode, name) for name in CONDITIONS) for mode in MODES}
    without = tuple(
        replace(treated("grown", "control", setting), name=f"{name}: control")
        for name, setting in WITHOUT.items()
    )
    living = (*own["grown"], *own["frozen"], *without)
    seeds = seeds_of(arguments)
    return [
        *[CoCultures(seed, living, shared=True) for seed in seeds],
        *[CoCultures(seed, own["placed"], shared=False) for seed in seeds],
    ]


def modes(arguments: argparse.Namespace, dishes: Dishes) -> None:
    """Fold changes of the KG-1a co-culture with placed, frozen and grown scenes."""
    rows, networks_seen = [], []
    for mode in (*MODES, *WITHOUT):
        for name, (_, hours) in CONDITIONS.items():
            if f"{mode}: {name}" not in dishes:
                continue
            for n, hour in enumerate(hours):
                at = [seen[n] for seen in dishes[f"{mode}: {name}"]]
                rows.append(
                    [mode, name, f"{hour} h", *fold_texts(at), *p_texts(dishes, mode, name)]
                )
                if name in ("control", "anti-CD166"):
                    networks_seen.append([mode, name, f"{hour} h", *network_texts(at)])
    notes = (
        f"KG-1a co-culture, {arguments.dishes} dishes a row (seeds from {FIRST_SEED} on, the same "
        "in every row): fold change of the density over that on free surface, mean ± S.D. over "
        "dishes; p of the unpaired t test against the control, or against IgG for anti-CD166. "
        "Placed: the scene is drawn from distributions and stays. Frozen: grown for 24 h, then it "
        "stays. Grown: it goes on living. In all three bodies and migrasomes secrete at given "
        "rates. Frozen and grown dishes of a seed share the culture "
        f"until {SHARED_UNTIL.removeprefix('-')} before the cells are added.{beyond(arguments)}"
    )
    header = ["scene", "condition", "at", "MSC", "network", "p, MSC", "p, network"]
    network_header = [
        "scene", "condition", "at", "MSC [% of area]", "network [% of area]",
        "attached [1/mm2]", "detached [1/mm2]", "CD166 touched on the network",
        "network where a fibre is touched [%]", "taken up, of all formed [%]",
    ]  # fmt: skip
    text = (
        f"# Placed, frozen and grown scenes\n\n{notes}\n\n{markdown(header, rows)}\n\n"
        "What the cells find. CD166: mean over the network's area of what a cell centred there "
        "touches, relative to a body without antibody.\n\n"
        f"{markdown(network_header, networks_seen)}\n"
    )
    (HERE / "side_by_side.md").write_text(text, encoding="utf-8")
    print(text)


def folds(at: Sequence[Seen]) -> Array:
    """Fold changes of dishes, shape (dish, 2)."""
    return np.array([density_fold_change(one.census.counts, one.census.areas) for one in at])


def fold_texts(at: Sequence[Seen]) -> list[str]:
    """Mean and deviation on MSC and on the network."""
    each = folds(at)
    return [f"{each[:, k].mean():.2f} ± {each[:, k].std(ddof=1):.2f}" for k in range(2)]


def p_texts(dishes: Dishes, mode: str, name: str) -> list[str]:
    """Of the unpaired t test at the first time, on MSC and on the network."""
    if name not in COMPARED:
        return ["", ""]
    own = folds([seen[0] for seen in dishes[f"{mode}: {name}"]])
    other = folds([seen[0] for seen in dishes[f"{mode}: {COMPARED[name]}"]])
    return [f"{unpaired_t_test(list(other[:, k]), list(own[:, k])):.2f}" for k in range(2)]


def network_texts(at: Sequence[Seen]) -> list[str]:
    """What cells find, means over dishes."""
    found = measures([one.count for one in at])
    eaten = sum(one.eaten_attached + one.eaten_free for one in at)
    formed = sum(one.count.nucleated for one in at)
    return [
        *[f"{100 * found[key].mean:.1f}" for key in ("msc_fraction", "network_fraction")],
        *[f"{found[key].mean:.0f}" for key in ("attached_per_mm2", "detached_per_mm2")],
        f"{np.mean([one.cd166 for one in at]):.2f}",
        f"{100 * np.mean([one.fibres for one in at]):.0f}",
        f"{100 * eaten / max(formed, 1):.1f}",
    ]


# Figures


def tidy(axes: Any) -> None:
    """The style of this folder's figures."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=9)


def boxes(axes: Any, groups: Sequence[Array], labels: Sequence[str], colour: str) -> None:
    """Boxes from the 25th to the 75th percentile, 95 % within the whiskers, a dot for each cell."""
    rng = generator(0, Stream.BOOTSTRAP, 1)
    for n, values in enumerate(groups):
        axes.plot(
            n + 1 + rng.uniform(-0.22, 0.22, len(values)), values, ".", color=colour, ms=4,
            alpha=0.45, mew=0, zorder=1,
        )  # fmt: skip
    axes.boxplot(
        list(groups), whis=(2.5, 97.5), showfliers=False, widths=0.55,
        medianprops={"color": "black", "lw": 1.8},
    )  # fmt: skip
    axes.set_yscale("log")
    axes.set_xticks(range(1, len(groups) + 1), labels)
    axes.set_ylabel("migrasomes per cell that has some", fontsize=9)
    axes.yaxis.set_major_formatter("{x:g}")


def bars(axes: Any, values: Sequence[Sequence[float]], colour: str) -> None:
    """Mean and standard deviation of dishes, and the dishes."""
    for n, each in enumerate(values):
        axes.bar(n, np.mean(each), color=colour, alpha=0.6, width=0.6)
        axes.errorbar(n, np.mean(each), yerr=np.std(each, ddof=1), color="black", capsize=3)
        axes.plot(n + np.linspace(-0.15, 0.15, len(each)), each, "o", color="black", ms=3.5)


def draw_days(e: Experiment) -> None:
    """As the paper's Fig. 1D and E, of one experiment."""
    drawn = Figure(figsize=(10.5, 3.8), layout="constrained")
    drawn.suptitle("Fibronectin 5 µg/cm², one simulated experiment of three dishes", fontsize=11)
    share, per_cell, detached = drawn.subplots(1, 3)
    labels = [f"{hours} h" for hours in DAYS]
    at = [e.counts_at(hours) for hours in DAYS]
    share.axhspan(*[100 * bound for bound in OF_MSC], color="0.9", zorder=0)
    share.text(2.45, 100 * OF_MSC[1] + 0.7, "reported: about 25–40 %", fontsize=8, ha="right")
    bars(share, [[100 * c.with_migrasomes / c.msc for c in counts] for counts in at], COLOURS[0])
    share.set(ylabel="MSC with migrasomes [%]", ylim=(0, 60))
    boxes(
        per_cell, [np.concatenate([c.per_cell for c in counts]) for counts in at], labels,
        COLOURS[1],
    )  # fmt: skip
    bars(detached, [[c.detached / c.area for c in counts] for counts in at], COLOURS[2])
    detached.set_ylabel("detached migrasomes per mm²", fontsize=9)
    for axes in (share, detached):
        axes.set_xticks(range(len(labels)), labels)
    for axes in (share, per_cell, detached):
        tidy(axes)
        axes.set_xlabel("in culture", fontsize=9)
    drawn.savefig(HERE / "days.png", dpi=150, metadata={"Software": None})


def draw_substrates(e: Experiment) -> None:
    """As the paper's Fig. 2, of one experiment."""
    drawn = Figure(figsize=(10.5, 4.6), layout="constrained")
    drawn.suptitle("Substrates at 24 h, one simulated experiment of three dishes", fontsize=11)
    stacked, per_cell = drawn.subplots(1, 2)
    labels = list(SUBSTRATES.values())
    for n, name in enumerate(SUBSTRATES):
        counts = e.counts(name)
        fibres = np.array([100 * c.with_fibres / c.msc for c in counts])
        both = np.array([100 * c.with_both / c.msc for c in counts])
        first = n == 0
        stacked.bar(
            n, both.mean(), color=COLOURS[0], label="fibres with migrasomes" if first else None
        )
        stacked.bar(
            n, (fibres - both).mean(), bottom=both.mean(), color=COLOURS[1], alpha=0.75,
            label="fibres only" if first else None,
        )  # fmt: skip
        stacked.errorbar(n, fibres.mean(), yerr=fibres.std(ddof=1), color="black", capsize=3)
        stacked.plot(n + np.linspace(-0.15, 0.15, len(fibres)), fibres, "o", color="black", ms=3)
    stacked.axhline(50, color="0.4", lw=0.8, ls="--", zorder=0)
    stacked.axhline(30, color="0.4", lw=0.8, ls=":", zorder=0)
    stacked.set_ylabel("MSC with retraction fibres [%]", fontsize=9)
    stacked.set_xticks(range(len(labels)), labels)
    stacked.set_ylim(0, 100)
    stacked.legend(fontsize=8, frameon=False, ncols=2, loc="upper left")
    boxes(
        per_cell,
        [np.concatenate([c.per_cell for c in e.counts(name)]) for name in SUBSTRATES],
        labels,
        COLOURS[2],
    )
    for axes in (stacked, per_cell):
        tidy(axes)
        for label in axes.get_xticklabels():
            label.set(rotation=40, ha="right", rotation_mode="anchor")
    drawn.savefig(HERE / "substrates.png", dpi=150, metadata={"Software": None})


ALONE = {"networks": networks, "capture": capture}
TOGETHER = {"uptake": (uptake_plan, uptake), "modes": (modes_plan, modes)}
"""Sections that read co-cultures, partly the same ones."""


def main() -> None:
    """Carry out the sections asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sections", nargs="+", choices=[*ALONE, *TOGETHER, "all"])
    parser.add_argument("--experiments", type=int, default=20, help="Of MSC alone.")
    parser.add_argument("--films", type=int, default=100, help="Of one cell and one network.")
    parser.add_argument("--dishes", type=int, default=3, help="Co-cultures of each condition.")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument(
        "--set", dest="settings", action="append", default=[], metavar="KEY=VALUE",
        help="For the co-cultures, to try things out; the tables say so.",
    )  # fmt: skip
    arguments = parser.parse_args()
    asked = set(arguments.sections)
    for name, section in ALONE.items():
        if asked & {name, "all"}:
            section(arguments)
    together = [pair for name, pair in TOGETHER.items() if asked & {name, "all"}]
    if together:
        plans = [one for plan, _ in together for one in plan(arguments)]
        dishes = co_cultures(plans, arguments)
        for _, section in together:
            section(arguments, dishes)


if __name__ == "__main__":
    main()
