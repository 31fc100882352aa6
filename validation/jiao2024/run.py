"""Cargo of migrasomes against what Jiao et al. (2024), and Deniz et al. (2023), report of it.

python validation/jiao2024/run.py staining    # J7's bodies; table.md
python validation/jiao2024/run.py share       # share.png; table.md
python validation/jiao2024/run.py space       # table.md
python validation/jiao2024/run.py routes_d9   # d9.png; table.md
python validation/jiao2024/run.py coculture   # D24 and fold changes; table.md
python validation/jiao2024/run.py fields      # fields.png
python validation/jiao2024/run.py all         # README.md says how long each takes

A section replaces its own part of table.md and leaves the others. What the claims' verdicts are,
`sdf1-field reproduce jiao2024` says; here is asked what they hang on.
"""

import argparse
import math
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from coculture import coculture
from experiments import (
    CONTROL,
    DISHES,
    HOUR,
    LABELS,
    LIGANDS,
    MODEL,
    Array,
    carried_out,
    grow,
    markdown,
    model_name,
    number_text,
    share_text,
    spread_text,
)
from fit import BODIES, LOOKED_AT, MIGRASOMES, RISE, rate_paths, rises
from fit import SEEDS as FIT_SEEDS
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from scipy import stats
from scipy.stats import qmc

from sdf1_field import migrasomes
from sdf1_field.analysis import unpaired_t_test
from sdf1_field.figures.drawing import (
    BODY,
    NETWORK,
    View,
    draw_bodies,
    draw_discs,
    draw_fibres,
    draw_scale_bar,
    fibre_courses,
    values_at,
)
from sdf1_field.observations import Dish, observe
from sdf1_field.observations.cargo import IN_BODIES, PER_DISH, bearing
from sdf1_field.random import Stream, generator
from sdf1_field.record import open_run, solve
from sdf1_field.reproduce import Claim, Statement, load_paper
from sdf1_field.reproduce.verdicts import dish_read, say
from sdf1_field.spec import load_model
from sdf1_field.treatments import schedule

HERE = Path(__file__).parent
PAPER = "jiao2024"
SHARE_SEED, SPACE_SEED, D9_SEED, FIELD_SEED, STAINING_SEED = 5000, 6000, 7000, 3000, 9000
SECRETION = {
    "tspan4-oe": True, "itgb1-kd": False, "myo5a-oe": True, "myo5a-ko": False,
}  # fmt: skip
"""Whether a perturbation raises the ratio of secreted to cellular cargo (J6)."""
SIGNIFICANT, VERY = 0.05, 0.01
IMAGED, BLOTTED = 12, 10
"""Cells are looked at, and the medium is collected [h]."""
CULTURED = 24
"""Hours after which MSC are looked at (D9)."""
STAINING = (0.3, 0.6, 0.9, 1.2)
"""Further spread of a stained body's intensity, standard deviation of the logarithm."""
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")
"""Okabe and Ito's palette, told apart by colour-blind readers."""

TABLE = "# Cargo of migrasomes: verdicts\n"
ORDER = ("claims", "staining", "share", "space", "routes_d9", "coculture")


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


# How far stained bodies must differ before J7's rise in them is lost


def stained(number: int) -> dict[str, list[Array]]:
    """Contents of bodies in the number-th experiment: by ligand, of the control and BAPTA-AM."""
    paper = load_paper(PAPER)
    found: dict[str, list[Array]] = {ligand: [] for ligand in LIGANDS}
    for k, name in enumerate((CONTROL, "bapta_am")):
        c = paper.conditions[name]
        dishes = [
            observe(
                Dish(
                    c.observation, c.model, c.settings,
                    STAINING_SEED + (2 * number + k) * DISHES + n, (IMAGED * HOUR,),
                )
            )
            for n in range(DISHES)
        ]  # fmt: skip
        for ligand in LIGANDS:
            bodies = [
                reading.values
                for dish in dishes
                for reading in dish
                if (reading.quantity, reading.of) == (IN_BODIES, ligand)
            ]
            found[ligand].append(np.concatenate(bodies))
    return found


def staining(arguments: argparse.Namespace) -> None:
    """J7's bodies with a further spread between stained cells."""
    number = arguments.experiments
    experiments = carried_out(stained, range(number), arguments.workers, "staining")
    rows = []
    for ligand in LIGANDS:
        row = [LABELS[ligand]]
        for spread in (0.0, *STAINING):
            rng = generator(STAINING_SEED, Stream.BOOTSTRAP)
            p = [
                unpaired_t_test(
                    *(
                        list(own * np.exp(spread * rng.standard_normal(len(own))))
                        for own in e[ligand]
                    )
                )
                for e in experiments
            ]
            row.append(f"{sum(one >= SIGNIFICANT for one in p)} of {number}")
        rows.append(row)
    header = ["J7, bodies", "0", *[f"{spread:g}" for spread in STAINING]]
    record(
        "staining",
        "In how many experiments the rise in bodies is not significant (p >= 0.05, t, cells), if "
        "staining and cells spread further (standard deviation of the logarithm; what cells make "
        f"has 0.3 already):\n\n{markdown(header, rows)}",
    )


# How much of all secretion goes through migrasomes


TRANSPORTS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
"""Over its interval [1/h]."""
NETWORKS: Mapping[str, tuple[str, ...]] = {
    "fewer fibres": ("biogenesis.tether_spacing=433 um",),
    "default": (),
    "more fibres": ("biogenesis.tether_spacing=40 um",),
    "and more migrasomes": (
        "biogenesis.tether_spacing=40 um",
        "biogenesis.nucleation=0.015 1/(um*h)",
    ),
    "still more": (
        "biogenesis.tether_spacing=20 um",
        "biogenesis.nucleation=0.03 1/(um*h)",
    ),
}
"""From MSC's spacing of tethers to the end of what is assumed possible."""
HALF_HOURS = tuple(0.5 * n for n in range(2 * IMAGED + 1))
BLOT_ERROR = 0.1
POWER_DRAWS = 4000


@dataclass(frozen=True)
class Point:
    """A transport rate and a network."""

    network: str
    transport: float


def share_dishes(point: Point) -> dict[str, float]:
    """What is measured at a point, over three dishes."""
    settings = (*NETWORKS[point.network], f"traffic.transport_rate={point.transport} 1/h")
    seeds = range(SHARE_SEED, SHARE_SEED + DISHES)
    control = [grow(MODEL, settings, seed, HALF_HOURS[1:]) for seed in seeds]
    found: dict[str, float] = {}
    last = [dish[IMAGED, "mcsf"] for dish in control]
    found["per cell"] = sum(len(c.content) for c in last) / sum(c.msc for c in last)
    for ligand in LIGANDS:
        baseline = [0.0] + [
            sum(dish[hour, ligand].in_migrasomes for dish in control)
            / sum(dish[hour, ligand].in_bodies for dish in control)
            for hour in HALF_HOURS[1:]
        ]
        found[f"{ligand} baseline"] = float(np.mean([0.5 * (a + b) for a, b in pairwise(baseline)]))
        at = [dish[IMAGED, ligand] for dish in control]
        found[f"{ligand} share"] = sum(c.through_migrasomes for c in at) / sum(
            c.secreted for c in at
        )
        found[f"{ligand} enrichment"] = float(np.mean([c.enrichment for c in at]))
    own = [dish[BLOTTED, "mcsf"].secreted_to_content for dish in control]
    for name in SECRETION:
        treated = [
            grow(model_name(name), settings, seed, (BLOTTED,))[BLOTTED, "mcsf"].secreted_to_content
            for seed in seeds
        ]
        found[name] = float(np.mean(treated) / np.mean(own))
    return found


def power(effect: float, *, rises: bool) -> float:
    """Share of blots, three against three, that show an effect with p < 0.01 the right way."""
    if (effect > 1.0) != rises:
        return 0.0
    noise = generator(SHARE_SEED, Stream.BOOTSTRAP, 7).standard_normal((POWER_DRAWS, 2, DISHES, 2))
    blots = np.exp(np.log1p(BLOT_ERROR) * (noise[..., 0] - noise[..., 1]))
    treated, own = effect * blots[:, 0], blots[:, 1]
    found = stats.ttest_ind(treated, own, axis=1)
    return float(np.mean((found.pvalue < VERY) & ((found.statistic > 0.0) == rises)))


def share(arguments: argparse.Namespace) -> None:
    """What share of all secretion goes through migrasomes, and how far that is known."""
    points = [Point(network, rate) for network in NETWORKS for rate in TRANSPORTS]
    found = carried_out(share_dishes, points, arguments.workers, "share")
    rows = []
    for point, one in zip(points, found, strict=True):
        powers = [power(one[name], rises=up) for name, up in SECRETION.items()]
        rows.append(
            [
                point.network, f"{point.transport:g}", number_text(one["per cell"]),
                number_text(one["mcsf baseline"]), number_text(one["mcsf share"]),
                number_text(one["mcsf enrichment"]),
                *[
                    f"{number_text(one[name])} ({seen:.2f})"
                    for name, seen in zip(SECRETION, powers, strict=True)
                ],
            ]
        )  # fmt: skip
    header = [
        "network", "transport_rate [1/h]", "migrasomes per cell", "baseline", "share",
        "enrichment", *[f"J6, {name.upper()}" for name in SECRETION],
    ]  # fmt: skip
    fusion, release, half = law(load_model(MODEL).spec)
    notes = (
        f"M-CSF, {DISHES} dishes a row, {IMAGED} h. Baseline: content of all migrasomes over that "
        "of all bodies, mean over the time. Share: of all that is secreted, what migrasomes let "
        "go. Enrichment: per volume, at the end (J9 asks for more than 1). J6: treated over "
        f"control at {BLOTTED} h, and in brackets the share of blots, three against three with "
        f"{100 * BLOT_ERROR:.0f} % error each, that show it with p < 0.01. The rates of fusion "
        f"and release are those fitted to J7 on the default network. With k_f = {fusion:.3g} and "
        f"k_b = {release:.3g} 1/h, k_f r / (k_f r + k_b) is one half at a baseline r = "
        f"{half:.2g}: J10 asks for more."
    )
    record("share", f"{notes}\n\n{markdown(header, rows)}")
    draw_share(points, found)


def law(spec: Any) -> tuple[float, float, float]:
    """Rates of fusion and of a body's release [1/h], and the baseline at which they are equal."""
    own = spec.stroma.cargo["mcsf"]
    fusion, release = own.fusion_rate * HOUR, own.body_release_rate * HOUR
    return fusion, release, release / fusion


def draw_share(points: Sequence[Point], found: Sequence[Mapping[str, float]]) -> None:
    """Share against baseline: the law as a line, simulated points, and what the claims ask for."""
    fusion, release, half = law(load_model(MODEL).spec)
    drawn = Figure(figsize=(8.6, 5.4), layout="constrained")
    axes = drawn.subplots()
    axes.set_xscale("log")
    baseline = np.geomspace(3e-5, 1.0, 400)
    axes.plot(
        baseline, 100 * fusion * baseline / (fusion * baseline + release), color="0.35", lw=1.4,
        label="$k_f r / (k_f r + k_b)$, mature migrasomes", zorder=1,
    )  # fmt: skip
    markers = ("o", "s", "^", "D", "v")
    for n, (network, colour) in enumerate(zip(NETWORKS, COLOURS, strict=False)):
        for point, one in zip(points, found, strict=True):
            if point.network != network:
                continue
            enriched = one["mcsf enrichment"] > 1.0
            axes.plot(
                one["mcsf baseline"], 100 * one["mcsf share"], markers[n], ms=8, color=colour,
                mfc=colour if enriched else "white", mew=1.6, zorder=3,
            )  # fmt: skip
            seen = sum(power(one[name], rises=up) > 0.5 for name, up in SECRETION.items())
            if seen:
                axes.annotate(
                    f"{seen}", (one["mcsf baseline"], 100 * one["mcsf share"]), xytext=(8, -4),
                    textcoords="offset points", fontsize=8,
                )  # fmt: skip
        per_cell = np.mean(
            [one["per cell"] for point, one in zip(points, found, strict=True)
             if point.network == network]
        )  # fmt: skip
        axes.plot(
            [], [], markers[n], ms=7, color=colour, mfc="white", mew=1.6,
            label=f"{network}: {per_cell:.2g} migrasomes per cell",
        )  # fmt: skip
    axes.plot([], [], "o", ms=7, color="0.4", label="filled: enriched over the body (J9)")
    axes.axhline(50, color="0.6", lw=0.9, ls="--", zorder=0)
    axes.axvline(half, color="0.6", lw=0.9, ls=":", zorder=0)
    axes.text(4e-5, 51.5, "J10: more than half", fontsize=8.5, color="0.3")
    axes.text(half * 1.06, 97, f"r = {half:.2g}", fontsize=8.5, color="0.3", va="top")
    axes.set(
        xlim=(3e-5, 1.0), ylim=(-3, 100),
        xlabel="baseline r: content of all migrasomes of a cell / of its body",
        ylabel="secreted through migrasomes [%]",
    )  # fmt: skip
    axes.set_title(
        "M-CSF in L929, transport_rate 0.001 to 1 1/h from left to right.\n"
        "Number beside a point: how many of J6's four effects three blots would show",
        fontsize=10, loc="left",
    )  # fmt: skip
    axes.legend(fontsize=8.5, frameon=False, loc="center left", bbox_to_anchor=(0.0, 0.72))
    axes.spines[["top", "right"]].set_visible(False)
    drawn.savefig(HERE / "share.png", dpi=150, metadata={"Software": None})


# The space of what nobody has measured


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
"""What is drawn: over its interval in parameters.toml, or over that given here [h]."""
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

    A rise less one is nearly proportional to its rate; so each rate is scaled by what is missing.
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
    """What a draw's experiment says; None if it has too many migrasomes."""
    first = SPACE_SEED + 10 * DISHES * draw.number
    trial = grow(MODEL, draw.settings, first, (IMAGED,))[IMAGED, LIGANDS[0]]
    if len(trial.content) > CROWDED * trial.msc:
        return None
    rates, reached = refitted(draw.settings)
    area = min(max(MARGIN * PER_DISH / max(len(bearing(trial)), 1), ROOM[0]), ROOM[1])
    size = [f"dish.{side}={math.sqrt(area):.3f} mm" for side in ("width", "length")]
    settings = (*draw.settings, *rates, *size)
    paper, read = load_paper(PAPER), {}
    for n, name in enumerate(SPACE_CONDITIONS):
        c = paper.conditions[name]
        times = tuple(time for time in SPACE_TIMES if time in c.times)
        seeds = range(first + n * DISHES, first + (n + 1) * DISHES)
        read[name] = [
            dish_read(observe(Dish(c.observation, c.model, settings, seed, times)), seed)
            for seed in seeds
        ]
    said = [say(paper, one.statement, read, one.variation) for one in asked()]
    return {
        "reached": reached,
        "fusion": float(rates[0].split("=")[1].split(" ")[0]),
        "per cell": len(trial.content) / trial.msc,
        "right": [
            one.statement.above < what.effect < one.statement.below
            for one, what in zip(asked(), said, strict=True)
        ],
        "holds": [what.agrees for what in said],
        "effect": [what.effect for what in said],
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


# D9's two routes


LEAKS = (0.0, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5)
"""`biogenesis.leak_rate` over its interval [1/h]."""
D9_TRANSPORTS = (0.01, 0.03, 0.1, 1.0)
D9_DISHES = 4
D9 = 0.13
CHECKED = ((0.03, 0), (0.03, -1), (0.1, 4))
"""Transport rates, and which of the pairs found there is simulated again."""


@dataclass(frozen=True)
class Route:
    """Rates [1/h] and the share of migrasomes that carriers go into."""

    transport: float
    leak: float
    loaded: float


def carrying(route: Route) -> float:
    """Expected share of migrasomes of MSC that hold a vesicle of SDF-1 at 24 h."""
    spec = load_model(
        "coculture-kg1a",
        settings=[
            f"traffic.transport_rate={route.transport} 1/h",
            f"biogenesis.leak_rate={route.leak} 1/h",
            f"stromal_type.msc.cargo.sdf1.loaded_fraction={route.loaded}",
        ],
    ).spec
    start = -spec.run.culture
    share = []
    for seed in range(D9_SEED, D9_SEED + D9_DISHES):
        scene = migrasomes.seed_scene(
            spec, seed, schedule(spec).perturbation(start), secretion_factor=1.0
        )
        scene = migrasomes.advance(scene, start + CULTURED * HOUR)
        own = migrasomes.cargo_of(scene)["sdf1"]
        held = own.held[scene.migrasomes.present]
        share.append(-np.expm1(-held / own.vesicle_load))
    return float(np.concatenate(share).mean())


def routes_d9(arguments: argparse.Namespace) -> None:
    """D9: never loaded, or lost since."""
    routes = [Route(rate, leak, 1.0) for rate in D9_TRANSPORTS for leak in LEAKS]
    found = carried_out(carrying, routes, arguments.workers, "routes_d9")
    # Whether a migrasome is loaded does not depend on what becomes of it.
    needed = {
        rate: [
            D9 / one if one >= D9 else math.nan
            for route, one in zip(routes, found, strict=True)
            if route.transport == rate
        ]
        for rate in D9_TRANSPORTS
    }
    rows = [
        [
            f"{rate:g}",
            *[f"{number_text(n)}" for n in needed[rate]],
        ]
        for rate in D9_TRANSPORTS
    ]
    checks = []
    for rate, which in CHECKED:
        pairs = [(leak, n) for leak, n in zip(LEAKS, needed[rate], strict=True) if n == n]
        leak, loaded = pairs[which] if -len(pairs) <= which < len(pairs) else (math.nan, math.nan)
        if loaded == loaded:
            again = carrying(Route(rate, leak, loaded))
            checks.append(
                f"transport_rate {rate:g}, leak_rate {leak:g}, loaded_fraction "
                f"{loaded:.3g}: {100 * again:.1f} %"
            )
    full = [
        [f"{rate:g}", *[f"{100 * one:.1f}" for r, one in zip(routes, found, strict=True)
                        if r.transport == rate]]
        for rate in D9_TRANSPORTS
    ]  # fmt: skip
    header = ["transport_rate [1/h]", *[f"leak {leak:g} 1/h" for leak in LEAKS]]
    notes = (
        f"MSC of coculture-kg1a, {CULTURED} h after seeding, {D9_DISHES} dishes. Share of "
        "migrasomes that hold a vesicle of SDF-1 or more [%], if carriers go into all of them "
        "(`loaded_fraction` 1):"
    )
    record(
        "routes_d9",
        f"{notes}\n\n{markdown(header, full)}\n\nThe `loaded_fraction` with which it is 13 %; - "
        f"where even 1 gives less:\n\n{markdown(header, rows)}\n\nSimulated with such pairs: "
        f"{'; '.join(checks)}.",
    )
    draw_d9(needed)


def draw_d9(needed: Mapping[float, Sequence[float]]) -> None:
    """Pairs of the two parameters that give 13 %."""
    drawn = Figure(figsize=(6.2, 4.2), layout="constrained")
    axes = drawn.subplots()
    for (rate, values), colour, marker in zip(needed.items(), COLOURS, "os^D", strict=False):
        axes.plot(LEAKS, values, marker=marker, color=colour, label=f"transport_rate {rate:g} 1/h")
    spec = load_model("coculture-kg1a").spec
    leak, loaded = spec.biogenesis.leak_rate * HOUR, spec.stroma.cargo["sdf1"].loaded_fraction
    axes.plot(leak, loaded, "*", ms=13, color="black", zorder=5)
    axes.annotate(
        "the models", (leak, loaded), xytext=(8, 2), textcoords="offset points", fontsize=8.5
    )
    axes.set(
        xlabel="leak_rate [1/h]: lost since", ylabel="loaded_fraction: ever loaded",
        ylim=(0.0, 1.1),
    )  # fmt: skip
    axes.set_title("SDF-1 seen in 13 % of migrasomes at 24 h (D9)", fontsize=10, loc="left")
    axes.legend(fontsize=8.5, frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    drawn.savefig(HERE / "d9.png", dpi=150, metadata={"Software": None})


# Fields


SHOWN = (CONTROL, "tspan4-oe", "myo5a-ko", "bapta-am")
NAMES = {
    CONTROL: "wild type", "tspan4-oe": "TSPAN4 over-expression", "myo5a-ko": "MYO5A knock-out",
    "bapta-am": "BAPTA-AM from 2 h on",
}  # fmt: skip
WINDOW = 300.0
"""Width of what is shown of a dish [um]."""
SMALLEST = 3.0
"""Diameter that a migrasome is drawn with at least [um]."""
SHOWN_SHARE = (0.005, 0.997)
"""Share of all places that are darker than the darkest and than the brightest colour."""
DISH = 1000.0
"""Width of the dish [um]."""


def fields(arguments: argparse.Namespace) -> None:
    """CCL2 and M-CSF at the floor around migrating L929."""
    del arguments
    with tempfile.TemporaryDirectory() as folder:
        runs = {}
        for condition in SHOWN:
            path = Path(folder) / f"{condition}.nc"
            settings = [f"run.duration={IMAGED} h", f"output.fields_from={IMAGED} h"]
            solve(load_model(model_name(condition), settings=settings), path, seed=FIELD_SEED)
            runs[condition] = open_run(path).load()
    view = liveliest(runs[CONTROL])
    drawn = Figure(figsize=(13.2, 7.2), layout="constrained")
    panels = drawn.subplots(2, len(SHOWN))
    for row, ligand in zip(panels, ("ccl2", "mcsf"), strict=True):
        maps = {name: run[ligand][-1].values.astype(float) for name, run in runs.items()}
        means = {name: float(each.mean()) for name, each in maps.items()}
        values = np.concatenate([(each - means[name]).ravel() for name, each in maps.items()])
        colours = Normalize(*(float(v) for v in np.quantile(values, SHOWN_SHARE)))
        for axes, (condition, run) in zip(row, runs.items(), strict=True):
            image = axes.imshow(
                maps[condition] - means[condition], origin="lower", cmap="cividis", norm=colours,
                extent=(0.0, DISH, 0.0, DISH),
            )  # fmt: skip
            draw_fibres(axes, fibre_courses(run, -1, view)[0], NETWORK, 0.9)
            draw_bodies(axes, run, -1, view).set(facecolor="none", edgecolor=BODY)
            x, y, radius = (values_at(run, -1, f"migrasome_{k}") for k in ("x", "y", "radius"))
            there = np.isfinite(x)
            draw_discs(axes, x[there], y[there], np.maximum(2 * radius[there], SMALLEST)).set(
                facecolor="#E69FCC", edgecolor="none", zorder=4
            )
            axes.set(xlim=(view.left, view.right), ylim=(view.low, view.high), xticks=[], yticks=[])
            axes.set_title(f"{NAMES[condition]}\nmean {means[condition]:.3g} nM", fontsize=9)
        draw_scale_bar(row[0], view)
        row[0].set_ylabel(f"{LABELS[ligand]} at the floor", fontsize=10)
        drawn.colorbar(image, ax=list(row), shrink=0.85, extend="both").set_label(
            "difference from the dish's mean [nM]", fontsize=9
        )
    drawn.suptitle(
        f"L929 {IMAGED} h after seeding, dish of seed {FIELD_SEED}: bodies blue, fibres green, "
        f"migrasomes pink (enlarged to {SMALLEST:g} µm)", fontsize=10.5,
    )  # fmt: skip
    drawn.savefig(HERE / "fields.png", dpi=150, metadata={"Software": None})


def liveliest(run: Any) -> View:
    """The part of a dish with most migrasomes."""
    x, y = (run[f"migrasome_{axis}"][-1].values for axis in ("x", "y"))
    best = max(
        (
            (float(np.count_nonzero((abs(x - a) < WINDOW / 2) & (abs(y - b) < WINDOW / 2))), a, b)
            for a in np.arange(WINDOW / 2, DISH, WINDOW / 6)
            for b in np.arange(WINDOW / 2, DISH, WINDOW / 6)
            if max(a, b) + WINDOW / 2 <= DISH
        ),
    )
    _, a, b = best
    return View(a - WINDOW / 2, a + WINDOW / 2, b - WINDOW / 2, b + WINDOW / 2)


SECTIONS = {
    "staining": staining, "share": share, "space": space, "routes_d9": routes_d9,
    "coculture": lambda arguments: record("coculture", coculture(arguments)), "fields": fields,
}  # fmt: skip


def main() -> None:
    """Carry out the sections asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sections", nargs="+", choices=[*SECTIONS, "all"])
    parser.add_argument("--experiments", type=int, default=20, help="Of staining.")
    parser.add_argument("--draws", type=int, default=150, help="Of the parameters' space.")
    parser.add_argument("--dishes", type=int, default=3, help="Co-cultures of each condition.")
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    for name, section in SECTIONS.items():
        if {name, "all"} & set(arguments.sections):
            section(arguments)


if __name__ == "__main__":
    main()
