"""Haematopoietic cells in a dish, counted in regions or tracked, and their uptake of migrasomes."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdf1_field import migrasomes
from sdf1_field.analysis.census import density_fold_change, take_census
from sdf1_field.analysis.encounter import encounter_fold_change, encounter_repeats
from sdf1_field.analysis.network import count_network
from sdf1_field.analysis.tracks import path_lengths, tracks_of
from sdf1_field.cells import touching_cells
from sdf1_field.claims import DensityRatio, Quantity, Reading, Sample
from sdf1_field.errors import InputError
from sdf1_field.observations.network import NETWORK, network_readings
from sdf1_field.observations.readings import Dish, model_of, of_cells, of_dish, of_share
from sdf1_field.scene import NO_BODY, Fate, Migrasomes, Region, Scene
from sdf1_field.simulation import (
    EncounterWalk,
    RecordedExposure,
    ReplayedCells,
    Snapshot,
    StickyFloor,
    begin_encounters,
    change_floor,
    model_grid,
    replay_cells,
    simulate,
    track_times,
)
from sdf1_field.spec import ModelSpec
from sdf1_field.units import duration_text

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

FOLD_CHANGE, BY_TOUCH, ENCOUNTER = "fold change", "fold change by touch", "encounter limit"
AREA, CELLS, PATH = "area covered", "cells", "path length"
IN_REGION, TOUCHING_REGION = "cells in region", "cells that touch region"
REGION_AREA = "area of region"
TAKEN_UP = "migrasomes taken up"
TOUCHING, MOVED_ON = "cells that touch a migrasome", "cells that touch and move on"
STAY = "time on migrasomes"
RELEASED = "SDF-1 released by the network over that by bodies"
NAMES = {Region.MSC: "MSC", Region.MIGRASOME_NETWORK: "network"}
_REGIONS = tuple(NAMES.values())
_FREE = "free surface"
_EVERYWHERE = {Region.FREE_SURFACE: _FREE, **NAMES}
_HELD = ("attached", "detached")
"""Whether a fibre held a migrasome until a cell took it up."""

COUNTED = (
    Quantity(FOLD_CHANGE, "1", Sample.DISH, _REGIONS, DensityRatio(IN_REGION, REGION_AREA, _FREE)),
    Quantity(
        BY_TOUCH, "1", Sample.DISH, _REGIONS, DensityRatio(TOUCHING_REGION, REGION_AREA, _FREE)
    ),
    Quantity(IN_REGION, "1", Sample.DISH, tuple(_EVERYWHERE.values())),
    Quantity(TOUCHING_REGION, "1", Sample.DISH, tuple(_EVERYWHERE.values())),
    Quantity(REGION_AREA, "um2", Sample.DISH, tuple(_EVERYWHERE.values())),
    Quantity(ENCOUNTER, "1", Sample.DISH, _REGIONS),
    Quantity(AREA, "1", Sample.DISH, _REGIONS),
    Quantity(CELLS, "1", Sample.DISH),
    *NETWORK,
    Quantity(TAKEN_UP, "1", Sample.DISH, _HELD),
    Quantity(TOUCHING, "1", Sample.SHARE),
    Quantity(MOVED_ON, "1", Sample.SHARE),
    Quantity(STAY, "s", Sample.CELLS),
    Quantity(RELEASED, "1", Sample.DISH),
)
TRACKED = (Quantity(PATH, "um", Sample.CELLS),)


def read_counts(dish: Dish, recorded: RecordedExposure | None = None) -> tuple[Reading, ...]:
    """Count a dish's cells and networks at its times; see `watched_model`.

    With a recorded exposure the cells are replayed under it, with the dish's seed; SDF-1 released
    is then not known.

    The walk of the encounter limit uses the regions of every coupling stop from 0 s on, as the
    model's own cells do; contact with migrasomes is read in every saved frame of the cells.
    """
    spec = watched_model(dish)
    seen = set(track_times(spec))
    grid, radius = model_grid(spec), 0.5 * spec.haematopoietic.diameter
    ligand = spec.receptor.cxcr4.ligand
    readings: list[Reading] = []
    counted: set[float] = set()
    before = None
    walk: EncounterWalk | None = None
    touched, moved_on = np.zeros((2, spec.cell_count), dtype=np.bool_)
    stays = _no_stays(spec.cell_count)
    for snapshot in _moments(dish, spec, recorded):
        if snapshot.cells is None:
            continue
        if before is None:
            before = _released(snapshot.scene, ligand)
        floor = StickyFloor(snapshot.time, snapshot.regions, snapshot.scene.bodies)
        if walk is None:
            walk = begin_encounters(spec, floor, seed=dish.seed, repeats=encounter_repeats(spec))
        elif snapshot.at_stop:
            walk = change_floor(walk, floor)
        if snapshot.time not in seen:
            continue
        touching = touching_cells(snapshot.cells, snapshot.scene, grid, radius)
        moved_on |= touched & ~touching
        touched |= touching
        stays = stays.after(touching, snapshot.time)
        if snapshot.time not in dish.times:
            continue
        census = take_census(
            *snapshot.floor.counted,
            snapshot.cells.x,
            snapshot.cells.y,
            snapshot.cell_regions,
            radius=radius,
            time=snapshot.time,
        )
        counted.add(snapshot.time)
        fold = density_fold_change(census.counts, census.areas)
        touch = density_fold_change(census.touching, census.areas)
        limit = encounter_fold_change(walk, snapshot.time)
        network, bodies = _released(snapshot.scene, ligand) - before
        readings += [
            of_dish(CELLS, snapshot.time, len(snapshot.cells.x)),
            *network_readings(
                count_network(snapshot.scene, *snapshot.floor.counted, time=snapshot.time)
            ),
            *_taken_up(snapshot.scene.migrasomes, snapshot.time),
            of_share(TOUCHING, snapshot.time, touched.sum(), len(touched)),
            of_share(MOVED_ON, snapshot.time, moved_on.sum(), touched.sum()),
            of_cells(STAY, snapshot.time, stays.means()),
            of_dish(RELEASED, snapshot.time, network / bodies if bodies > 0.0 else math.nan),
        ]
        for region, of in _EVERYWHERE.items():
            readings += [
                of_dish(IN_REGION, snapshot.time, census.counts[region], of),
                of_dish(TOUCHING_REGION, snapshot.time, census.touching[region], of),
                of_dish(REGION_AREA, snapshot.time, census.areas[region], of),
            ]
        for n, region in enumerate(NAMES):
            of = NAMES[region]
            readings += [
                of_dish(FOLD_CHANGE, snapshot.time, fold[n], of),
                of_dish(BY_TOUCH, snapshot.time, touch[n], of),
                of_dish(ENCOUNTER, snapshot.time, limit[n], of),
                of_dish(AREA, snapshot.time, census.areas[region] / census.areas.sum(), of),
            ]
    missing = sorted(set(dish.times) - counted)
    if missing:
        raise InputError(
            f"{dish.model}: no cells are observed at {duration_text(missing[0])}. Count at "
            "multiples of output.tracks_every."
        )
    return tuple(readings)


def _moments(
    dish: Dish, spec: ModelSpec, recorded: RecordedExposure | None
) -> Iterator[Snapshot] | Iterator[ReplayedCells]:
    """A simulated or replayed dish at every stop from 0 s on."""
    if recorded is None:
        return simulate(spec, seed=dish.seed, nonlinear=dish.saturating)
    stops = [time for time in recorded.times if time <= spec.run.duration]
    return replay_cells(recorded, spec, seed=dish.seed, times=stops)


def watched_model(dish: Dish) -> ModelSpec:
    """Model that ends at a dish's last time, with a frame at every coupling stop.

    Only fields that cells sense are solved; a frame at a stop adds no work.
    """
    step = model_of(dish).numerics.coupling_step
    frames = [
        "output.ligands=[]",
        f"run.duration={dish.times[-1]!r} s",
        "output.fields_from=0 s",
        f"output.fields_every={step!r} s",
    ]
    return model_of(dish, *frames)


def _taken_up(m: Migrasomes, time: float) -> list[Reading]:
    internalised = (m.fate == Fate.IS_TAKEN_UP) & (m.end <= time)
    free = m.body == NO_BODY
    return [
        of_dish(TAKEN_UP, time, (internalised & which).sum(), of)
        for of, which in zip(_HELD, (~free, free), strict=True)
    ]


@dataclass(frozen=True, eq=False)
class _Stays:
    """Contacts of each cell with migrasomes so far; arrays of shape (cell,).

    Parameters
    ----------
    time : float
        Of the last frame [s].
    touching : ndarray of bool
        In the last frame.
    number : ndarray
        Contacts, each of one or several successive frames.
    total : ndarray
        Their time [s].
    """

    time: float
    touching: Flags
    number: Array
    total: Array

    def after(self, touching: Flags, time: float) -> "_Stays":
        """With a further frame; a contact lasts from the frame before it is first seen."""
        passed = time - self.time if math.isfinite(self.time) else 0.0
        return _Stays(
            time,
            touching,
            self.number + (touching & ~self.touching),
            self.total + passed * touching,
        )

    def means(self) -> Array:
        """Mean time of a contact [s], of the cells that had one, shape (toucher,)."""
        some = self.number > 0
        means: Array = self.total[some] / self.number[some]
        return means


def _no_stays(cells: int) -> _Stays:
    return _Stays(math.nan, np.zeros(cells, dtype=np.bool_), np.zeros(cells), np.zeros(cells))


def _released(scene: Scene, ligand: str) -> Array:
    """Ligand released so far by migrasomes and by bodies [molecules], shape (2,).

    NaN where cargo is not followed.
    """
    own = migrasomes.cargo_of(scene).get(ligand)
    if own is None:
        return np.full(2, math.nan)
    return np.array([own.fused.sum() + own.leaked.sum(), own.released.sum()])


def read_tracks(dish: Dish) -> tuple[Reading, ...]:
    """Follow a dish's cells in the frames that its model saves; paths are sums of steps."""
    spec = model_of(dish, "output.ligands=[]")
    frames = set(track_times(spec))
    seen = [
        (snapshot.time, snapshot.cells.x, snapshot.cells.y)
        for snapshot in simulate(spec, seed=dish.seed, nonlinear=dish.saturating)
        if snapshot.time in frames and snapshot.cells is not None
    ]
    times, x, y = (np.array([frame[n] for frame in seen]) for n in range(3))
    walls = (spec.dish.width, spec.dish.length)
    tracks = tracks_of(times, x.T, y.T, walls, name=dish.model)
    return (of_cells(PATH, float(times[-1]), path_lengths(tracks)),)
