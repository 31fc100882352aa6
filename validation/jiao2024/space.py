"""Draws over the space of unmeasured parameters: rates fitted to J7, and experiments."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from coculture import SCAN_HOURS, since
from experiments import (
    BLOT_ERROR,
    BLOTTED,
    CONTROL,
    DISHES,
    HOUR,
    IMAGED,
    LIGANDS,
    MODEL,
    PAPER,
    Array,
    grow,
)
from fit import BODIES, LOOKED_AT, MIGRASOMES, RISE, rate_paths, rises
from fit import SEEDS as FIT_SEEDS
from posterior import slopes
from scipy.stats import qmc

from sdf1_field.claims import Claim, Pool, Statement, examine
from sdf1_field.observations import Dish, observe
from sdf1_field.observations.cargo import PER_DISH, bearing
from sdf1_field.reproduce import load_paper
from sdf1_field.spec import load_model

SPACE_SEED = 6000

LIFETIME = "biogenesis.migrasome_lifetime"
VARIED: Mapping[str, tuple[float, float] | None] = {
    "traffic.exchange_time": None,
    "traffic.polarised_share": None,
    "traffic.transport_rate": None,
    "traffic.transport_reach": None,
    "traffic.transport_fading_time": None,
    "traffic.calcium_time": None,
    "traffic.detached_fusion": None,
    LIFETIME: (4.0, 20.0),
    "biogenesis.tether_spacing": None,
    "biogenesis.nucleation": None,
    "stromal_type.l929.speed": None,
    "stromal_type.l929.body_volume": None,
    "stromal_type.l929.vesicle_load": None,
    "agent.myo5a_oe.factor": None,
    "agent.myo5a_ko.factor": None,
    "agent.snap23_kd.factor": None,
    "agent.tspan4_oe.factor": None,
    "agent.itgb1_kd.factor": None,
}
"""Parameters drawn over their interval in parameters.toml, or over that given here [h]."""
OF_MSC: Mapping[str, tuple[float, float] | None] = {
    "biogenesis.leak_rate": None,
    "stromal_type.msc.cargo.sdf1.loaded_fraction": None,
}
"""Further ones that only D9 and D24 depend on: migrasomes of L929 do not leak."""
BOTH_LIGANDS = {
    "stromal_type.l929.vesicle_load": tuple(
        f"stromal_type.l929.cargo.{name}.vesicle_load" for name in LIGANDS
    )
}
DECADE = 10.0
"""Intervals as wide as this, or wider, are drawn over the logarithm."""
BLOCK = (2.0, LOOKED_AT / HOUR)
REFITS, REFIT_DISHES, REFIT_ERROR = 6, 1, 0.05
FIRST_RATES = {"mcsf": (4.98, 0.0296), "ccl2": (5.95, 0.0286)}
"""Where fits begin, not the shipped values, on which the draws must not depend [1/h]."""
FASTER = 1.1
"""Factor on fusion rates by which slopes are found."""
SPACE_CLAIMS = ("J1", "J2", "J3", "J4", "J5", "J6", "J9", "J10")
SPACE_CONDITIONS = (
    CONTROL, "bapta_am", "glpg0187", "tspan4_oe", "itgb1_kd", "myo5a_oe", "myo5a_ko", "snap23_kd",
)  # fmt: skip
"""VAMP2 and STX4 have SNAP23's factor."""
SPACE_TIMES = (BLOTTED * HOUR, IMAGED * HOUR)
BLOT_CLAIM = "J6"
TRIAL_AREA = 0.5
"""Floor of the dish that shows how many cells have migrasomes [mm**2]."""
ROOM = (0.45, 2.25)
"""Smallest and largest floor of a dish [mm**2]; between them it holds enough cells to choose."""
MARGIN = 1.3
"""Cells with migrasomes that a dish has for each that is looked at."""
MSC_MODEL, MSC_PAPER, IN_MIGRASOMES_CLAIM, NETWORK_CLAIM = (
    "coculture-kg1a",
    "deniz2023",
    "D9",
    "D24",
)


@dataclass(frozen=True)
class Draw:
    """One draw of the parameters: settings by path, and the values [as drawn]."""

    number: int
    settings: tuple[str, ...]
    of_msc: tuple[str, ...]


@cache
def bounds(path: str) -> tuple[float, float, str]:
    """Interval of a parameter and its unit."""
    entries = load_model(MODEL).entries
    interval = entries[BOTH_LIGANDS.get(path, (path,))[0]].interval
    own = {**VARIED, **OF_MSC}[path]
    if own is not None:
        return (*own, " h")
    assert interval is not None
    low, high = (str(bound).split(" ", 1) for bound in interval)
    return float(low[0]), float(high[0]), f" {low[1]}" if len(low) > 1 else ""


def drawn_values(number: int) -> Array:
    """Sobol's sequence over the varied parameters, shape (draw, parameter)."""
    paths = [*VARIED, *OF_MSC]
    unit = qmc.Sobol(len(paths), rng=np.random.default_rng(SPACE_SEED)).random(number)
    values = np.empty_like(unit)
    for k, path in enumerate(paths):
        low, high, _ = bounds(path)
        if low > 0.0 and high / low >= DECADE:
            values[:, k] = low * (high / low) ** unit[:, k]
        else:
            values[:, k] = low + (high - low) * unit[:, k]
    return values


def draw_of(number: int, values: Array) -> Draw:
    """Settings of one draw.

    MSC share the traffic and the load of a vesicle; their networks are those fitted to D1 to D7.
    """
    drawn = dict(zip([*VARIED, *OF_MSC], values, strict=True))
    text = {path: f"{value:.6g}{bounds(path)[2]}" for path, value in drawn.items()}
    own = [f"{p}={text[path]}" for path in VARIED for p in BOTH_LIGANDS.get(path, (path,))]
    shared = [path for path in VARIED if path.startswith("traffic.")]
    of_msc = [f"{path}={text[path]}" for path in (*shared, *OF_MSC)]
    load = text["stromal_type.l929.vesicle_load"]
    of_msc.append(f"stromal_type.msc.cargo.sdf1.vesicle_load={load}")
    return Draw(number, tuple(own), tuple(of_msc))


@dataclass(frozen=True)
class Refit:
    """Rates with which J7 comes out under other settings.

    Parameters
    ----------
    rates : mapping of str to float
        By path [1/h].
    reached : bool
        Whether J7's rises come out within 5 %.
    rises : mapping
        As `fit.rises` gives them.
    """

    rates: Mapping[str, float]
    reached: bool
    rises: Mapping[str, tuple[float, float]]

    def settings(self, factor: float = 1.0) -> list[str]:
        """``KEY=VALUE`` of the rates, those of fusion in migrasomes times a factor."""
        fusion = {rate_paths(name)[MIGRASOMES] for name in LIGANDS}
        return [
            f"{path}={rate * (factor if path in fusion else 1.0):.5g} 1/h"
            for path, rate in self.rates.items()
        ]


def refitted(settings: Sequence[str]) -> Refit:
    """Fit the rates to J7 under other settings.

    A rise less one is nearly proportional to its rate, so each rate is scaled by the ratio of
    the wanted rise to the present one.
    """
    rates = {
        rate_paths(name)[place]: rate
        for name, first in FIRST_RATES.items()
        for place, rate in zip((MIGRASOMES, BODIES), first, strict=True)
    }
    entries = load_model(MODEL).entries
    for turn in range(REFITS):
        known = Refit(dict(rates), False, {}).settings()
        got = rises([*settings, *known], BLOCK, FIT_SEEDS[:REFIT_DISHES])
        missing = {
            rate_paths(name)[place]: (RISE[name][place], got[name][place])
            for name in LIGANDS
            for place in (MIGRASOMES, BODIES)
        }
        if all(abs(have / want - 1.0) < REFIT_ERROR for want, have in missing.values()):
            return Refit(rates, True, got)
        if turn == REFITS - 1:
            return Refit(rates, False, got)
        for path, (want, have) in missing.items():
            interval = entries[path].interval
            assert interval is not None
            low, high = (float(str(bound).split(" ")[0]) for bound in interval)
            scale = (want - 1.0) / max(have - 1.0, 0.05)
            rates[path] = min(max(rates[path] * scale, low), high)
    raise AssertionError


@dataclass(frozen=True)
class Asked:
    """A statement asked of every draw, and how far readings vary from dish to dish."""

    claim: Claim
    statement: Statement
    variation: float = 0.0

    @property
    def tested(self) -> bool:
        """Whether there is a test."""
        return self.statement.test is not None


def asked() -> list[Asked]:
    """Statements of the claims on conditions and times that draws have; blots also with errors."""
    paper = load_paper(PAPER)
    found = []
    for claim in paper.only(SPACE_CLAIMS).claims:
        own = [
            statement
            for statement in claim.statements
            if statement.condition in SPACE_CONDITIONS and statement.time in SPACE_TIMES
        ]
        found += [Asked(claim, statement) for statement in own]
        if claim.id == BLOT_CLAIM:
            found += [Asked(claim, statement, BLOT_ERROR) for statement in own]
    return found


def square(area: float) -> list[str]:
    """Settings of a square dish [mm**2]."""
    return [f"dish.{side}={math.sqrt(area):.3f} mm" for side in ("width", "length")]


def space_draw(draw: Draw) -> dict[str, Any]:
    """Effects and agreement of a draw's experiments."""
    first = SPACE_SEED + 10 * DISHES * draw.number
    trial = grow(MODEL, [*draw.settings, *square(TRIAL_AREA)], first, (IMAGED,))
    count = trial[IMAGED, LIGANDS[0]]
    wanted = MARGIN * PER_DISH * TRIAL_AREA / max(len(bearing(count)), 1)
    settings = [*draw.settings, *square(min(max(wanted, ROOM[0]), ROOM[1]))]
    fit = refitted(settings)
    faster = rises([*settings, *fit.settings(FASTER)], BLOCK, FIT_SEEDS[:REFIT_DISHES])
    paper, pools = load_paper(PAPER), {}
    for n, name in enumerate(SPACE_CONDITIONS):
        c = paper.conditions[name]
        times = tuple(time for time in SPACE_TIMES if time in c.times)
        seeds = range(first + n * DISHES, first + (n + 1) * DISHES)
        every = (*settings, *fit.settings())
        dishes = (Dish(c.observation, c.model, every, seed, times) for seed in seeds)
        pools[name] = Pool(name, tuple(observe(dish) for dish in dishes))
    found = [examine(one.statement, pools, size=one.variation) for one in asked()]
    return {
        "reached": fit.reached,
        "fusion": fit.rates[rate_paths(LIGANDS[0])[MIGRASOMES]],
        "slopes": slopes(
            *([got[name][MIGRASOMES] for name in LIGANDS] for got in (fit.rises, faster)), FASTER
        ).tolist(),
        "per cell": len(count.content) / count.msc,
        "right": [
            one.statement.above < effect < one.statement.below
            for one, (effect, _, _) in zip(asked(), found, strict=True)
        ],
        "holds": [agrees for _, _, agrees in found],
        "effect": [effect for effect, _, _ in found],
        **of_msc(draw, fit, first),
    }


def of_msc(draw: Draw, fit: Refit, first: int) -> dict[str, float]:
    """D9's share and D24's ratio, in MSC with a draw's traffic and CCL2's rates in L929."""
    rates = [
        f"stromal_type.msc.cargo.sdf1.{key}={fit.rates[path]:.5g} 1/h"
        for key, path in zip(("fusion_rate", "body_release_rate"), rate_paths("ccl2"), strict=True)
    ]
    ratios, carrying = [], []
    for seed in range(first, first + DISHES):
        counts = grow(MSC_MODEL, [*draw.of_msc, *rates], seed, SCAN_HOURS)
        earlier, later = (counts[hour, "sdf1"] for hour in SCAN_HOURS)
        bodies, fused, at_once = since(later, earlier)
        ratios.append((fused + at_once) / bodies)
        carrying.append(earlier.with_cargo)
    return {NETWORK_CLAIM: float(np.mean(ratios)), IN_MIGRASOMES_CLAIM: float(np.mean(carrying))}
