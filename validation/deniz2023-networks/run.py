"""The KG-1a co-culture on placed, frozen and grown scenes, side by side; side_by_side.md.

python validation/deniz2023-networks/run.py   # README.md says how long it takes

Conditions of a seed share the MSC culture until any treatment begins, unlike the independent dishes
of `sdf1-field reproduce`: here they must differ in their scene alone.
"""

import argparse
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sdf1_field.analysis import (
    Census,
    NetworkCount,
    count_network,
    measures,
    take_census,
)
from sdf1_field.cells import adhesion_map
from sdf1_field.scene import Fate, Region
from sdf1_field.simulation import State, model_grid, regions_of, simulate
from sdf1_field.spec import ModelSpec, load_model

sys.path.append(str(Path(__file__).parents[1]))

from cocultures import (
    COMPARED,
    CONDITIONS,
    FIRST_SEED,
    SHARED_UNTIL,
    TRACKED,
    fold_texts,
    p_texts,
    shared_culture,
)
from recording import carried_out, markdown

Array = NDArray[np.float64]

HERE = Path(__file__).parent
HOUR = 3600.0
GIVEN_RATES = "mechanisms.cargo_kinetics=false"
"""So that scenes differ in their networks alone; effects of cargo are in jiao2024."""
MODES = ("placed", "frozen", "grown")
WITHOUT = {
    "grown, no uptake": "mechanisms.migrasome_uptake=false",
    "grown, fibres do not hold": "mechanisms.fibre_adhesion=false",
}


@dataclass(frozen=True)
class Variant:
    """A condition on a kind of scene."""

    name: str
    model: str
    settings: tuple[str, ...]
    hours: tuple[int, ...]


@dataclass(frozen=True)
class CoCultures:
    """Co-cultures of one seed; they share the culture until `SHARED_UNTIL` if it is grown."""

    seed: int
    variants: tuple[Variant, ...]
    shared: bool


@dataclass(frozen=True, eq=False)
class Seen:
    """Counts of a co-culture at one time.

    Parameters
    ----------
    census : Census
    count : NetworkCount
    internalised : int
        Migrasomes taken up until then.
    cd166, fibres : float
        CD166 relative to a body that a cell centred on the network touches, and the share of the
        network where it touches a fibre.
    """

    census: Census
    count: NetworkCount
    internalised: int
    cd166: float
    fibres: float


Dishes = dict[str, list[list[Seen]]]
"""Counts of each variant: by dish, then by time."""


def variant(mode: str, name: str, condition: str, *settings: str) -> Variant:
    """One of `CONDITIONS` on a scene of a mode, under a name of its own."""
    model, hours = CONDITIONS[condition]
    own = (f"scene.mode={mode}", GIVEN_RATES, *settings)
    return Variant(f"{name}: {condition}", model, own, hours)


def plan(seeds: range, settings: Sequence[str]) -> list[CoCultures]:
    """All co-cultures; frozen ones go on from the grown culture."""
    own = {mode: [variant(mode, mode, each, *settings) for each in CONDITIONS] for mode in MODES}
    without = [
        variant("grown", name, "control", setting, *settings) for name, setting in WITHOUT.items()
    ]
    living = (*own["grown"], *own["frozen"], *without)
    return [
        CoCultures(seed, tuple(variants), shared=shared)
        for variants, shared in ((living, True), (own["placed"], False))
        for seed in seeds
    ]


def co_culture(dishes: CoCultures) -> dict[str, list[Seen]]:
    """Simulate the co-cultures of a seed and count at the times asked for."""
    first = dishes.variants[0]
    culture = shared_culture(first.model, first.settings, dishes.seed) if dishes.shared else None
    found = {}
    for one in dishes.variants:
        last = one.hours[-1]
        settings = [
            *one.settings, TRACKED, f"run.duration={last} h", f"output.fields_from={last} h",
        ]  # fmt: skip
        spec = load_model(one.model, settings=settings).spec
        found[one.name] = watch(spec, dishes.seed, culture, one.hours)
    return found


def watch(spec: ModelSpec, seed: int, culture: State | None, hours: Sequence[int]) -> list[Seen]:
    """Count a co-culture at some times."""
    grid, radius = model_grid(spec), 0.5 * spec.haematopoietic.diameter
    seen = []
    for snapshot in simulate(spec, seed=seed, resume_from=culture):
        if snapshot.cells is None or snapshot.time not in [h * HOUR for h in hours]:
            continue
        scene, m = snapshot.scene, snapshot.scene.migrasomes
        regions = regions_of(spec, scene, grid)
        hold = adhesion_map(spec, scene, grid)
        network = np.nonzero(regions == Region.MIGRASOME_NETWORK)
        inside = grid.x[network[1]], grid.y[network[0]]
        internalised = (m.fate == Fate.IS_TAKEN_UP) & (m.end <= snapshot.time)
        seen.append(
            Seen(
                census=take_census(
                    regions,
                    grid,
                    snapshot.cells.x,
                    snapshot.cells.y,
                    snapshot.cell_regions,
                    radius=radius,
                    time=snapshot.time,
                ),
                count=count_network(scene, regions, grid, time=snapshot.time),
                internalised=int(np.count_nonzero(internalised)),
                cd166=float(hold.free("cd166", *inside).mean()) if network[0].size else math.nan,
                fibres=float(hold.free("fibre", *inside).mean()) if network[0].size else math.nan,
            )
        )
    return seen


def co_cultures(tasks: Sequence[CoCultures], workers: int) -> Dishes:
    """Simulate; dishes of a variant are in the order of their seeds."""
    dishes: Dishes = {}
    for found in carried_out(co_culture, tasks, workers, "co-cultures"):
        for name, seen in found.items():
            dishes.setdefault(name, []).append(seen)
    return dishes


def report(dishes: Dishes, number: int, settings: Sequence[str]) -> str:
    """Fold changes on each kind of scene, and the networks that cells meet there."""
    rows, networks_seen = [], []
    for mode in (*MODES, *WITHOUT):
        for name, (_, hours) in CONDITIONS.items():
            if f"{mode}: {name}" not in dishes:
                continue
            for n, hour in enumerate(hours):
                at = [seen[n] for seen in dishes[f"{mode}: {name}"]]
                censuses = [one.census for one in at]
                p = ["", ""]
                if name in COMPARED:
                    others = dishes[f"{mode}: {COMPARED[name]}"]
                    p = p_texts(censuses, [seen[n].census for seen in others])
                rows.append([mode, name, f"{hour} h", *fold_texts(censuses), *p])
                if name in ("control", "anti-CD166"):
                    networks_seen.append([mode, name, f"{hour} h", *network_texts(at)])
    beyond = f" Set beyond the models: {', '.join(settings)}." if settings else ""
    notes = (
        f"KG-1a co-culture, {number} dishes a row (seeds from {FIRST_SEED} on, the same "
        "in every row): fold change of the density over that on free surface, mean ± S.D. over "
        "dishes; p of the unpaired t test against the control, or against IgG for anti-CD166. "
        "Placed: the scene is drawn from distributions and stays. Frozen: grown for 24 h, then it "
        "stays. Grown: it goes on living. In all three bodies and migrasomes secrete at given "
        "rates. Frozen and grown dishes of a seed share the culture "
        f"until {SHARED_UNTIL.removeprefix('-')} before the cells are added.{beyond}"
    )
    header = ["scene", "condition", "at", "MSC", "network", "p, MSC", "p, network"]
    network_header = [
        "scene", "condition", "at", "MSC [% of area]", "network [% of area]",
        "attached [1/mm2]", "detached [1/mm2]", "CD166 touched on the network",
        "network where a fibre is touched [%]", "taken up, of all formed [%]",
    ]  # fmt: skip
    return (
        f"# Placed, frozen and grown scenes\n\n{notes}\n\n{markdown(header, rows)}\n\n"
        "What the cells find. CD166: mean over the network's area of what a cell centred there "
        "touches, relative to a body without antibody.\n\n"
        f"{markdown(network_header, networks_seen)}\n"
    )


def network_texts(at: Sequence[Seen]) -> list[str]:
    """Networks that cells meet, means over dishes."""
    found = measures([one.count for one in at])
    internalised, formed = (
        sum(one.internalised for one in at),
        sum(one.count.nucleated for one in at),
    )
    return [
        *[f"{100 * found[key].mean:.1f}" for key in ("msc_fraction", "network_fraction")],
        *[f"{found[key].mean:.0f}" for key in ("attached_per_mm2", "detached_per_mm2")],
        f"{np.mean([one.cd166 for one in at]):.2f}",
        f"{100 * np.mean([one.fibres for one in at]):.0f}",
        f"{100 * internalised / max(formed, 1):.1f}",
    ]


def main() -> None:
    """Simulate and write side_by_side.md."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dishes", type=int, default=3, help="Co-cultures of each condition.")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument(
        "--set", dest="settings", action="append", default=[], metavar="KEY=VALUE",
        help="To try things out; the table says so.",
    )  # fmt: skip
    arguments = parser.parse_args()
    seeds = range(FIRST_SEED, FIRST_SEED + arguments.dishes)
    dishes = co_cultures(plan(seeds, arguments.settings), arguments.workers)
    text = report(dishes, arguments.dishes, arguments.settings)
    (HERE / "side_by_side.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
