"""Routes by which MSC release SDF-1 in co-culture, and the fold changes that follow."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from experiments import HOUR, Array, grow, number_text

from sdf1_field.analysis import (
    CargoCount,
    Census,
    count_cargo,
    take_census,
)
from sdf1_field.simulation import model_grid, regions_of, simulate
from sdf1_field.spec import load_model
from sdf1_field.statistics import student_interval

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

SCAN_SEED = 8000
KINDS: Mapping[str, tuple[str, ...]] = {
    "constant": ("mechanisms.cargo_kinetics=false",),
    "kinetics": (),
    "kinetics, bursts": ("mechanisms.bursts=true",),
}
FOLLOWED = "kinetics"
SCAN_TRANSPORTS = (0.01, 0.03, 0.1, 0.3, 1.0)
SCAN_LOADED = (0.13, 0.5, 1.0)
SCAN_DISHES = 3
SCAN_HOURS = (24, 28)
"""After seeding: the four hours of the co-culture, without haematopoietic cells."""


@dataclass(frozen=True)
class CoCultures:
    """All conditions of a seed and a kind of secretion; they share the MSC culture."""

    seed: int
    kind: str


@dataclass(frozen=True, eq=False)
class Seen:
    """A co-culture at one time: where cells are, and where SDF-1 is if it is followed."""

    census: Census
    cargo: CargoCount | None


def co_culture(dishes: CoCultures) -> dict[str, dict[int, Seen]]:
    """Simulate the conditions; censuses and cargo by condition and hour after cells were added."""
    settings = [*KINDS[dishes.kind], TRACKED]
    culture = shared_culture(CONDITIONS["control"][0], settings, dishes.seed)
    found: dict[str, dict[int, Seen]] = {}
    for name, (model_name, hours) in CONDITIONS.items():
        last = hours[-1]
        spec = load_model(
            model_name,
            settings=[*settings, f"run.duration={last} h", f"output.fields_from={last} h"],
        ).spec
        grid, radius = model_grid(spec), 0.5 * spec.haematopoietic.diameter
        wanted = {h * HOUR: h for h in (0, *hours)}
        found[name] = {}
        for snapshot in simulate(spec, seed=dishes.seed, resume_from=culture):
            if snapshot.cells is None or snapshot.time not in wanted:
                continue
            census = take_census(
                regions_of(spec, snapshot.scene, grid), grid, snapshot.cells.x, snapshot.cells.y,
                snapshot.cell_regions, radius=radius, time=snapshot.time,
            )  # fmt: skip
            cargo = None
            if spec.mechanisms.cargo_kinetics:
                cargo = count_cargo(
                    snapshot.scene, spec, "sdf1", time=snapshot.time, seed=dishes.seed
                )
            found[name][wanted[snapshot.time]] = Seen(census, cargo)
    return found


def mean_interval(values: Sequence[float]) -> str:
    """Mean and its 95 % interval by the t distribution over dishes."""
    mean, low, high = student_interval(values)
    if len(values) < 2:
        return number_text(mean)
    return f"{number_text(mean)} ({number_text(low)} to {number_text(high)})"


ROUTES = ("released_by_bodies", "released_by_fusion", "released_at_once")


def since(later: CargoCount, earlier: CargoCount) -> Array:
    """Released by each of `ROUTES` between two times, per MSC [molecules]."""
    return np.array([getattr(later, r) - getattr(earlier, r) for r in ROUTES]) / later.msc


def routes_table(controls: Sequence[Mapping[int, Seen]]) -> str:
    """SDF-1 by route in the control, over dishes, and D24."""
    rows = []
    for hour in CONDITIONS["control"][1]:
        released = []
        for seen in controls:
            earlier, later = seen[0].cargo, seen[hour].cargo
            assert earlier is not None
            assert later is not None
            released.append(since(later, earlier))
        each = np.array(released)
        network = each[:, 1] + each[:, 2]
        rows.append(
            [
                f"{hour} h",
                *[mean_interval(list(each[:, k])) for k in range(len(ROUTES))],
                mean_interval(list(network / each[:, 0])),
                "more" if (network > each[:, 0]).all() else "less",
            ]
        )
    header = [
        "since the cells were added", "by bodies", "by fusion in migrasomes",
        "at once by rupture or leak", "network over bodies", "network releases",
    ]  # fmt: skip
    return markdown(header, rows)


@dataclass(frozen=True)
class Scanned:
    """A point of the scan."""

    transport: float
    loaded: float


def scanned(point: Scanned) -> list[float]:
    """Network over bodies in the four hours, by dish."""
    settings = (
        TRACKED,
        f"traffic.transport_rate={point.transport} 1/h",
        f"stromal_type.msc.cargo.sdf1.loaded_fraction={point.loaded}",
    )
    found = []
    for seed in range(SCAN_SEED, SCAN_SEED + SCAN_DISHES):
        counts = grow(CONDITIONS["control"][0], settings, seed, SCAN_HOURS)
        bodies, fused, at_once = since(*(counts[h, "sdf1"] for h in reversed(SCAN_HOURS)))
        found.append(float((fused + at_once) / bodies))
    return found


def scan_table(workers: int) -> str:
    """From which transport rate and loaded fraction on the network releases more (D24)."""
    points = [Scanned(rate, share) for share in SCAN_LOADED for rate in SCAN_TRANSPORTS]
    found = iter(carried_out(scanned, points, workers, "coculture scan"))
    rows = [
        [f"{share:g}", *[mean_interval(next(found)) for _ in SCAN_TRANSPORTS]]
        for share in SCAN_LOADED
    ]
    header = ["loaded_fraction", *[f"transport_rate {rate:g} 1/h" for rate in SCAN_TRANSPORTS]]
    return markdown(header, rows)


def fold_table(found: Mapping[tuple[str, str], Sequence[Mapping[int, Seen]]]) -> str:
    """Fold changes by kind of secretion and condition."""
    rows = []
    for kind in KINDS:
        for name, (_, hours) in CONDITIONS.items():
            for hour in hours:
                own = [seen[hour].census for seen in found[kind, name]]
                p = ["", ""]
                if name in COMPARED:
                    other = found[kind, COMPARED[name]]
                    p = p_texts(own, [seen[hour].census for seen in other])
                rows.append([kind, name, f"{hour} h", *fold_texts(own), *p])
    header = ["secretion", "condition", "at", "MSC", "network", "p, MSC", "p, network"]
    return markdown(header, rows)


def coculture(arguments: argparse.Namespace) -> str:
    """Releases by route, D24, and the fold changes."""
    tasks = [
        CoCultures(seed, kind)
        for seed in range(FIRST_SEED, FIRST_SEED + arguments.dishes)
        for kind in KINDS
    ]
    each = carried_out(co_culture, tasks, arguments.workers, "coculture")
    found = {
        (kind, name): [
            one[name] for task, one in zip(tasks, each, strict=True) if task.kind == kind
        ]
        for kind in KINDS
        for name in CONDITIONS
    }
    notes = (
        f"KG-1a co-culture, {arguments.dishes} dishes a row, the same seeds in all rows (from "
        f"{FIRST_SEED} on, as deniz2023-networks/side_by_side.md); dishes of a kind share the MSC "
        f"culture until {SHARED_UNTIL.removeprefix('-')} before cells are added. SDF-1 of the "
        f"control with {FOLLOWED}, molecules per MSC, mean and 95 % interval over dishes:"
    )
    return (
        f"{notes}\n\n{routes_table(found[FOLLOWED, 'control'])}\n\n"
        "D24, network over bodies, from which values on: MSC alone, four hours from 24 h after "
        f"seeding on, {SCAN_DISHES} dishes each; above 1 the network releases more:\n\n"
        f"{scan_table(arguments.workers)}\n\nFold change of the density over that on free surface, "
        "mean ± S.D. over dishes; p of the unpaired t test against the control, or against IgG "
        "for anti-CD166. Constant: every body and every carrying migrasome secretes at a constant "
        "rate. Bursts: what a rupture frees goes at once, instead of evenly over the time between "
        f"two stops.\n\n{fold_table(found)}"
    )
