"""Haematopoietic cells in a dish: counted in regions, or tracked."""

import numpy as np

from sdf1_field.analysis import (
    ENCOUNTER_REPEATS,
    density_fold_change,
    path_lengths,
    take_census,
    tracks_of,
)
from sdf1_field.errors import InputError
from sdf1_field.observations.readings import (
    Dish,
    Quantity,
    Reading,
    Sample,
    of_cells,
    of_dish,
)
from sdf1_field.scene import Region
from sdf1_field.simulate import encounter_limit, model_grid, regions_of, simulate, track_times
from sdf1_field.spec import load_model
from sdf1_field.units import duration_text

FOLD_CHANGE, BY_TOUCH, ENCOUNTER = "fold change", "fold change by touch", "encounter limit"
AREA, CELLS, PATH = "area covered", "cells", "path length"
_NAMES = {Region.MSC: "MSC", Region.MIGRASOME_NETWORK: "network"}
_REGIONS = tuple(_NAMES.values())

COUNTED = (
    Quantity(FOLD_CHANGE, "1", Sample.DISH, _REGIONS),
    Quantity(BY_TOUCH, "1", Sample.DISH, _REGIONS),
    Quantity(ENCOUNTER, "1", Sample.DISH, _REGIONS),
    Quantity(AREA, "1", Sample.DISH, _REGIONS),
    Quantity(CELLS, "1", Sample.DISH),
)
TRACKED = (Quantity(PATH, "um", Sample.CELLS),)


def read_counts(dish: Dish) -> tuple[Reading, ...]:
    """Count a dish's cells at its times; only fields that cells sense are solved."""
    last = dish.times[-1]
    frames = [
        "output.ligands=[]",
        f"run.duration={last!r} s",
        f"output.fields_from={last!r} s",
    ]
    spec = load_model(dish.model, settings=[*dish.settings, *frames]).spec
    grid = model_grid(spec)
    readings: list[Reading] = []
    areas = {}
    for state in simulate(spec, seed=dish.seed):
        if state.time not in dish.times or state.cells is None:
            continue
        regions = regions_of(spec, state.scene, grid)
        census = take_census(
            regions,
            grid,
            state.cells.x,
            state.cells.y,
            radius=0.5 * spec.haematopoietic.diameter,
            time=state.time,
        )
        areas[state.time] = census.areas
        fold = density_fold_change(census.counts, census.areas)
        touch = density_fold_change(census.touching, census.areas)
        readings.append(of_dish(CELLS, state.time, len(state.cells.x)))
        for n, region in enumerate(_NAMES):
            of = _NAMES[region]
            readings += [
                of_dish(FOLD_CHANGE, state.time, fold[n], of),
                of_dish(BY_TOUCH, state.time, touch[n], of),
                of_dish(AREA, state.time, census.areas[region] / census.areas.sum(), of),
            ]
    missing = sorted(set(dish.times) - set(areas))
    if missing:
        raise InputError(
            f"{dish.model}: no cells are observed at {duration_text(missing[0])}. Count at "
            "multiples of output.tracks_every."
        )
    limits = encounter_limit(
        spec, regions, list(dish.times), seed=dish.seed, repeats=ENCOUNTER_REPEATS
    )
    for time, counts in zip(dish.times, limits, strict=True):
        limit = density_fold_change(counts, areas[time])
        readings += [of_dish(ENCOUNTER, time, limit[n], of) for n, of in enumerate(_REGIONS)]
    return tuple(readings)


def read_tracks(dish: Dish) -> tuple[Reading, ...]:
    """Follow a dish's cells in the frames that its model saves; paths are sums of steps."""
    spec = load_model(dish.model, settings=[*dish.settings, "output.ligands=[]"]).spec
    frames = set(track_times(spec))
    seen = [
        (state.time, state.cells.x, state.cells.y)
        for state in simulate(spec, seed=dish.seed)
        if state.time in frames and state.cells is not None
    ]
    times, x, y = (np.array([frame[n] for frame in seen]) for n in range(3))
    walls = (spec.dish.width, spec.dish.length)
    tracks = tracks_of(times, x.T, y.T, walls, name=dish.model)
    return (of_cells(PATH, float(times[-1]), path_lengths(tracks)),)
