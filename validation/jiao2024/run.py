"""Cargo of migrasomes, compared with Jiao et al. (2024) and Deniz et al. (2023).

python validation/jiao2024/run.py staining    # J7's bodies; table.md
python validation/jiao2024/run.py share       # share.png; table.md
python validation/jiao2024/run.py space       # table.md
python validation/jiao2024/run.py routes_d9   # d9.png; table.md
python validation/jiao2024/run.py coculture   # D24 and fold changes; table.md
python validation/jiao2024/run.py fields      # fields.png
python validation/jiao2024/run.py all         # README.md says how long each takes

A section replaces its own part of table.md and leaves the others. `sdf1-field reproduce jiao2024`
gives the claims' verdicts; the sections here show which assumptions these depend on.
"""

import argparse
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from calibration import space
from coculture import coculture
from experiments import (
    COLOURS,
    CONTROL,
    DISHES,
    HERE,
    HOUR,
    IMAGED,
    LABELS,
    LIGANDS,
    PAPER,
    SIGNIFICANT,
    Array,
    number_text,
    record,
)
from fields import fields
from matplotlib.figure import Figure
from share import share

from recording import carry_out_sections
from sdf1_field import migrasomes
from sdf1_field.observations import Dish, observe
from sdf1_field.observations.cargo import IN_BODIES
from sdf1_field.random import Stream, generator
from sdf1_field.reproduce import load_paper
from sdf1_field.simulation import stroma_alone
from sdf1_field.spec import load_model
from sdf1_field.statistics import unpaired_t_test

sys.path.append(str(Path(__file__).parents[1]))

from recording import carried_out, markdown

D9_SEED, STAINING_SEED = 7000, 9000
CULTURED = 24
"""Hours after which MSC are looked at (D9)."""
STAINING = (0.3, 0.6, 0.9, 1.2)
"""Further spread of a stained body's intensity, standard deviation of the logarithm."""


# The spread between stained bodies at which J7's rise in them is lost


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


# D9's two routes


LEAKS = (0.0, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5)
"""`biogenesis.leak_rate` over its interval [1/h]."""
D9_TRANSPORTS = (0.03, 0.1, 0.3, 1.0)
D9_DISHES = 4
D9 = 0.13
CHECKED = ((0.03, 0), (0.1, 4), (0.3, 4))
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
        ((_, scene),) = stroma_alone(spec, [start + CULTURED * HOUR], seed=seed)
        own = migrasomes.cargo_of(scene)["sdf1"]
        held = own.held[scene.migrasomes.present]
        share.append(-np.expm1(-held / own.vesicle_load))
    return float(np.concatenate(share).mean())


def routes_d9(arguments: argparse.Namespace) -> None:
    """D9: never loaded, or lost since."""
    routes = [Route(rate, leak, 1.0) for rate in D9_TRANSPORTS for leak in LEAKS]
    found = carried_out(carrying, routes, arguments.workers, "routes_d9")
    # The loading of a migrasome is independent of its later fate.
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


SECTIONS = {
    "staining": staining, "share": share, "space": space, "routes_d9": routes_d9,
    "coculture": lambda arguments: record("coculture", coculture(arguments)), "fields": fields,
}  # fmt: skip


if __name__ == "__main__":
    carry_out_sections(
        __doc__,
        SECTIONS,
        experiments={"type": int, "default": 20, "help": "Of staining."},
        draws={"type": int, "default": 256, "help": "Of the parameters' space."},
        write={"action": "store_true", "help": "Of space: change models/parameters.toml."},
        dishes={"type": int, "default": 3, "help": "Co-cultures of each condition."},
        workers={"type": int, "default": 2},
    )
