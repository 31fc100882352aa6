"""The claims on cargo over the space of parameters that are not measured."""

import argparse
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
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
    SIGNIFICANT,
    Array,
    grow,
    number_text,
    record,
    share_text,
    spread_text,
)
from fit import BODIES, LOOKED_AT, MIGRASOMES, RISE, rate_paths, rises
from fit import SEEDS as FIT_SEEDS
from scipy import stats
from scipy.stats import qmc

from sdf1_field.claims import Claim, Pool, Statement, examine
from sdf1_field.observations import Dish, observe
from sdf1_field.observations.cargo import PER_DISH, bearing
from sdf1_field.reproduce import load_paper
from sdf1_field.spec import load_model

sys.path.append(str(Path(__file__).parents[1]))

from recording import carried_out, markdown

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
BOTH_LIGANDS = {
    "stromal_type.l929.vesicle_load": tuple(
        f"stromal_type.l929.cargo.{name}.vesicle_load" for name in LIGANDS
    )
}
DECADE = 10.0
"""Intervals as wide as this, or wider, are drawn over the logarithm."""
BLOCK = (2.0, LOOKED_AT / HOUR)
REFITS, REFIT_DISHES, REFIT_ERROR = 6, 1, 0.05
SPACE_CLAIMS = ("J1", "J2", "J3", "J4", "J5", "J6", "J9", "J10")
SPACE_CONDITIONS = (
    CONTROL, "bapta_am", "glpg0187", "tspan4_oe", "itgb1_kd", "myo5a_oe", "myo5a_ko", "snap23_kd",
)  # fmt: skip
"""VAMP2 and STX4 have SNAP23's factor."""
SPACE_TIMES = (BLOTTED * HOUR, IMAGED * HOUR)
BLOT_CLAIM = "J6"
CROWDED = 50
"""Migrasomes per cell beyond which a draw is left out: it would take as long as all others."""
ROOM = (0.7, 2.25)
"""Smallest and largest floor of a dish [mm**2]; between them it holds enough cells to choose."""
MARGIN = 1.3
"""Cells with migrasomes that a dish has for each that is looked at."""


@dataclass(frozen=True)
class Draw:
    """One draw of the parameters: settings by path, and the values [as drawn]."""

    number: int
    settings: tuple[str, ...]


@cache
def bounds(path: str) -> tuple[float, float, str]:
    """Interval of a parameter and its unit."""
    entries = load_model(MODEL).entries
    interval = entries[BOTH_LIGANDS.get(path, (path,))[0]].interval
    own = VARIED[path]
    if own is not None:
        return (*own, " h")
    assert interval is not None
    low, high = (str(bound).split(" ", 1) for bound in interval)
    return float(low[0]), float(high[0]), f" {low[1]}" if len(low) > 1 else ""


def drawn_values(number: int) -> Array:
    """Latin hypercube of the varied parameters, shape (draw, parameter)."""
    unit = qmc.LatinHypercube(len(VARIED), rng=np.random.default_rng(SPACE_SEED)).random(number)
    values = np.empty_like(unit)
    for k, path in enumerate(VARIED):
        low, high, _ = bounds(path)
        if low > 0.0 and high / low >= DECADE:
            values[:, k] = low * (high / low) ** unit[:, k]
        else:
            values[:, k] = low + (high - low) * unit[:, k]
    return values


def settings_of(values: Array) -> tuple[str, ...]:
    """``KEY=VALUE`` of one draw."""
    texts = []
    for path, value in zip(VARIED, values, strict=True):
        unit = bounds(path)[2]
        texts += [f"{p}={value:.6g}{unit}" for p in BOTH_LIGANDS.get(path, (path,))]
    return tuple(texts)


def refitted(settings: Sequence[str]) -> tuple[list[str], bool]:
    """Rates with which J7 comes out under other settings, and whether it does within 5 %.

    A rise less one is nearly proportional to its rate, so each rate is scaled by the ratio of
    the wanted rise to the present one.
    """
    spec = load_model(MODEL).spec
    rates = {
        rate_paths(name)[place]: HOUR * rate
        for name in LIGANDS
        for place, rate in (
            (MIGRASOMES, spec.stroma.cargo[name].fusion_rate),
            (BODIES, spec.stroma.cargo[name].body_release_rate),
        )
    }
    entries = load_model(MODEL).entries
    for turn in range(REFITS):
        known = [f"{path}={rate:.5g} 1/h" for path, rate in rates.items()]
        got = rises([*settings, *known], BLOCK, FIT_SEEDS[:REFIT_DISHES])
        missing = {
            rate_paths(name)[place]: (RISE[name][place], got[name][place])
            for name in LIGANDS
            for place in (MIGRASOMES, BODIES)
        }
        if all(abs(have / want - 1.0) < REFIT_ERROR for want, have in missing.values()):
            return known, True
        if turn == REFITS - 1:
            return known, False
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


def space_draw(draw: Draw) -> dict[str, Any] | None:
    """Effects and agreement of a draw's experiment; None if it has too many migrasomes."""
    first = SPACE_SEED + 10 * DISHES * draw.number
    trial = grow(MODEL, draw.settings, first, (IMAGED,))[IMAGED, LIGANDS[0]]
    if len(trial.content) > CROWDED * trial.msc:
        return None
    rates, reached = refitted(draw.settings)
    area = min(max(MARGIN * PER_DISH / max(len(bearing(trial)), 1), ROOM[0]), ROOM[1])
    size = [f"dish.{side}={math.sqrt(area):.3f} mm" for side in ("width", "length")]
    settings = (*draw.settings, *rates, *size)
    paper, pools = load_paper(PAPER), {}
    for n, name in enumerate(SPACE_CONDITIONS):
        c = paper.conditions[name]
        times = tuple(time for time in SPACE_TIMES if time in c.times)
        seeds = range(first + n * DISHES, first + (n + 1) * DISHES)
        dishes = (Dish(c.observation, c.model, settings, seed, times) for seed in seeds)
        pools[name] = Pool(name, tuple(observe(dish) for dish in dishes))
    found = [examine(one.statement, pools, size=one.variation) for one in asked()]
    return {
        "reached": reached,
        "fusion": float(rates[0].split("=")[1].split(" ")[0]),
        "per cell": len(trial.content) / trial.msc,
        "right": [
            one.statement.above < effect < one.statement.below
            for one, (effect, _, _) in zip(asked(), found, strict=True)
        ],
        "holds": [agrees for _, _, agrees in found],
        "effect": [effect for effect, _, _ in found],
    }


def space(arguments: argparse.Namespace) -> None:
    """Share of the parameters' space in which the claims hold."""
    values = drawn_values(arguments.draws)
    draws = [Draw(n, settings_of(row)) for n, row in enumerate(values)]
    found = carried_out(space_draw, draws, arguments.workers, "space")
    kept = [n for n, one in enumerate(found) if one is not None]
    fitted = [n for n in kept if found[n]["reached"]]
    each = asked()
    rows = []
    for k, one in enumerate(each):
        right = sum(found[n]["right"][k] for n in fitted)
        said = sum(found[n]["holds"][k] for n in fitted)
        text = f"{one.statement.text}; {one.statement.expected()}"
        if one.variation > 0.0:
            text += f", {100 * one.variation:.0f} % from dish to dish"
        rows.append(
            [
                one.claim.id, text, share_text(right, len(fitted)),
                share_text(said, len(fitted)) if one.tested else "",
                spread_text([found[n]["effect"][k] for n in fitted]),
                "; ".join(deciding(values[fitted], [found[n]["effect"][k] for n in fitted])),
            ]
        )  # fmt: skip
    for claim in SPACE_CLAIMS:
        own = [k for k, o in enumerate(each) if o.claim.id == claim and o.variation == 0.0]
        right = sum(all(found[n]["right"][k] for k in own) for n in fitted)
        said = sum(all(found[n]["holds"][k] for k in own) for n in fitted)
        rows.append(
            [
                claim, "all of it", share_text(right, len(fitted)),
                share_text(said, len(fitted)) if any(each[k].tested for k in own) else "", "", "",
            ]
        )  # fmt: skip
    header = ["claim", "statement", "right way", "with its test", "effect", "decided by"]
    per_cell = [found[n]["per cell"] for n in fitted]
    rates = [found[n]["fusion"] for n in fitted]
    notes = (
        f"{arguments.draws} draws of {len(VARIED)} parameters (Latin hypercube over their "
        "intervals, over the logarithm where these span a decade; migrasomes' lifetime 4 to 20 "
        f"h). {arguments.draws - len(kept)} have more than {CROWDED} migrasomes per cell and are "
        f"left out for what they cost. In {len(kept) - len(fitted)} of the others no rates of "
        "fusion and release within their intervals give J7 within 5 %. Shares are of the remaining "
        f"{len(fitted)}, with the rates refitted to J7 in each (M-CSF's fusion: "
        f"{spread_text(rates)} 1/h) and 95 % Wilson intervals; an experiment of {DISHES} dishes a "
        f"condition each. Migrasomes per cell: {spread_text(per_cell)}. Decided by: the two "
        "parameters with the largest rank correlation with the effect; those below "
        f"{chance_correlation(len(fitted)):.2f} chance gives as well (p = 0.05 for each)."
    )
    parameters = [
        [f"`{path}`", number_text(low), number_text(high), unit.strip()]
        for path, (low, high, unit) in ((path, bounds(path)) for path in VARIED)
    ]
    record(
        "space",
        f"{notes}\n\n{markdown(header, rows)}\n\n"
        f"{markdown(['parameter', 'from', 'to', 'unit'], parameters)}",
    )


def chance_correlation(number: int) -> float:
    """Rank correlation of so many draws that is different from 0 with p = 0.05."""
    t = stats.t.ppf(1.0 - 0.5 * SIGNIFICANT, number - 2)
    return float(t / math.sqrt(number - 2 + t**2))


def deciding(values: Array, effects: Sequence[float], most: int = 2) -> list[str]:
    """The parameters whose ranks go most with an effect's, and how far."""
    effect = np.array(effects)
    known = np.isfinite(effect)
    found = [
        (float(stats.spearmanr(values[known, k], effect[known]).statistic), path)
        for k, path in enumerate(VARIED)
    ]
    found.sort(key=lambda pair: -abs(pair[0]))
    return [f"{path.removeprefix('stromal_type.')} {rho:+.2f}" for rho, path in found[:most]]
