"""Table of cells on segmented pictures: densities and fold changes of dishes in groups."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from sdf1_field.analysis.census import Census, density_fold_change
from sdf1_field.analysis.fold_change import fold_change_table, region_rows
from sdf1_field.analysis.mask_census import (
    MeasuredDish,
    mask_census,
    mask_encounters,
    shipped_cell,
)
from sdf1_field.analysis.paths import Paths, paths_of, pieces
from sdf1_field.analysis.runs import observation_times
from sdf1_field.analysis.track_files import walk_of
from sdf1_field.analysis.values import ends_or_none
from sdf1_field.errors import InputError
from sdf1_field.interop.positions import from_corner
from sdf1_field.record import model_of
from sdf1_field.scene import REGION_LABELS, Region
from sdf1_field.statistics import poisson_ratio_interval
from sdf1_field.units import duration_text

Array = NDArray[np.float64]

_MINUTE = 60.0
_FEWEST_TRACKS = 10
"""Tracks with a piece over free surface that tell how fast cells are, at least."""


@dataclass(frozen=True)
class Walk:
    """What is known of cells for the encounter limit.

    Parameters
    ----------
    after : float
        Time since the cells were added [s].
    speed, persistence_time : float, optional
        Of all cells [um/s, s]; those of a dish's own tracks over free surface if not given.
    pieces, tracks : int
        Pieces of tracks over free surface that they come from, and the tracks that have one; 0 if
        they come from elsewhere.
    """

    after: float
    speed: float | None = None
    persistence_time: float | None = None
    pieces: int = 0
    tracks: int = 0


def measured_table(
    groups: Mapping[str, Sequence[MeasuredDish]],
    *,
    diameter: float | None = None,
    walk: Walk | None = None,
    predicted: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Areas, densities and fold changes of dishes, each group beside the first.

    Parameters
    ----------
    groups : mapping of str to sequence of MeasuredDish
        Independent dishes by the name of their group; the first group is the control.
    diameter : float, optional
        Of the cells [um]; that of the program's KG-1a cells if not given.
    walk : Walk, optional
        For the encounter limit, which is left out without.
    predicted : mapping, optional
        Of `predicted_rows`, for ``observed_over_predicted`` in the rows of MSC and network.

    Returns
    -------
    dict
        ``diameter_um``, ``after`` [s], ``predicted`` (None without) and ``groups``: each with its
        ``name``, ``dishes`` and ``regions``, which are rows as of `fold_change_table`; ``against``
        in the rows of all groups but the first compares dishes by the unpaired t test, and
        ``counting`` is the interval of one dish's fold change by `_counting`.

    Raises
    ------
    InputError
        If a file stands for two dishes, or nothing says how fast cells are.
    """
    _require_different([dish for dishes in groups.values() for dish in dishes])
    size, persistence = shipped_cell()
    size = size if diameter is None else diameter
    control: list[Census] | None = None
    control_name = next(iter(groups))
    result: dict[str, Any] = {
        "diameter_um": size,
        "after": None if walk is None else walk.after,
        "predicted": None if predicted is None else dict(predicted),
        "groups": [],
    }
    for name, dishes in groups.items():
        censuses = [mask_census(dish, radius=0.5 * size) for dish in dishes]
        walks = [None if walk is None else _walk_of(dish, walk, persistence) for dish in dishes]
        limit, at_least = _limit(dishes, walks)
        rows = region_rows(
            censuses, limit, controls=control,
            names=[dish.cells.name for dish in dishes],
            control_names=[dish.cells.name for dish in groups[control_name]],
        )  # fmt: skip
        for row, counting in zip(rows, _counting(rows, len(dishes)), strict=True):
            row["counting"] = counting
            del row["encounter_limit_note"]
            row["encounter_limit_at_least"] = None if row["encounter_limit"] is None else at_least
            if "against" in row:
                del row["against"]["paired_by"]
                row["against"]["control"] = control_name
        if predicted is not None:
            for row, other in zip(rows, predicted["regions"], strict=True):
                row["observed_over_predicted"] = _ratio(row["fold_change"], other["fold_change"])
        result["groups"].append(
            {
                "name": name,
                "dishes": [
                    _described(dish, census, own)
                    for dish, census, own in zip(dishes, censuses, walks, strict=True)
                ],
                "regions": rows,
            }
        )
        control = censuses if control is None else control
    return result


def predicted_rows(run: xr.Dataset, name: str, after: float | None) -> dict[str, Any]:
    """A run's dish as `measured_table` has observed ones, by the functions of `analyse`.

    Parameters
    ----------
    run : xarray.Dataset
    name : str
        Of the file.
    after : float or None
        Time [s], of which the nearest saved one is taken; the last without. It may be beyond the
        last by one interval between saved times.

    Returns
    -------
    dict
        ``run`` (the name), ``title``, ``treatment``, ``seed``, ``time`` [s], ``cells``,
        ``diameter_um`` and ``regions``: rows as of `fold_change_table`.

    Raises
    ------
    InputError
        If the run has no cells or no stroma, or does not come that far.
    """
    times, spec = observation_times(run), model_of(run).spec
    if after is not None and after > times[-1] + np.diff(times, prepend=times[0])[-1]:
        raise InputError(
            f"{name}: its cells are saved until {duration_text(float(times[-1]))}, and --after "
            f"{duration_text(after)} is later by more than an interval. Solve the model for "
            f"longer (--set run.duration='{duration_text(after)}'), or correct --after."
        )
    time = float(times[-1] if after is None else times[np.argmin(np.abs(times - after))])
    rows = fold_change_table([run], [time])
    for row, counting in zip(rows, _counting(rows, 1), strict=True):
        # One dish has no interval over dishes.
        del row["time"], row["interval"]
        row["counting"] = counting
    return {
        "run": name,
        "title": spec.title,
        "treatment": spec.treatment_label,
        "seed": int(run.attrs["seed"]),
        "time": time,
        "cells": run.sizes["trajectory"],
        "diameter_um": spec.haematopoietic.diameter,
        "regions": rows,
    }


def _counting(rows: Sequence[Mapping[str, Any]], dishes: int) -> list[list[float] | None]:
    """Counting intervals of one dish's fold changes, by region; None of several dishes.

    Cells are taken for independent, so that their numbers are Poisson counts; dishes differ by more
    than that.
    """
    free, result = rows[Region.FREE_SURFACE], []
    for row in rows:
        found = None
        if dishes == 1 and row is not free and row["fold_change"] is not None:
            areas = free["area_mm2"] / row["area_mm2"]
            low, high = poisson_ratio_interval(int(row["cells"]), int(free["cells"]))
            found = ends_or_none((areas * low, areas * high))
        result.append(found)
    return result


def _ratio(observed: float | None, predicted: float | None) -> float | None:
    return observed / predicted if observed is not None and predicted else None


def _require_different(dishes: Sequence[MeasuredDish]) -> None:
    names = [name for dish in dishes for name in (dish.mask.name, dish.cells.name)]
    for name in names:
        if names.count(name) > 1:
            raise InputError(
                f"{name}: is given twice, and dishes are taken for independent. Give each once."
            )


def _walk_of(dish: MeasuredDish, walk: Walk, usual: float) -> Walk:
    """Speed and persistence time of a dish's cells: as given, else of its tracks.

    Regions would hold the cells of the encounter limit, so only pieces of tracks over free surface
    tell how these wander: held cells stand still.
    """
    speed, persistence = walk.speed, walk.persistence_time
    name, found = dish.cells.name, walk
    if speed is None and dish.cells.tracks is None:
        raise InputError(
            f"{name}: has no tracks that tell how fast its cells are, which the "
            "encounter limit needs. Give --speed, such as '3 um/min', or omit --after."
        )
    if dish.cells.tracks is not None and (speed is None or persistence is None):
        free, tracks = _over_free_surface(dish)
        fitted = walk_of(free)[1] if tracks >= _FEWEST_TRACKS else None
        if speed is None and (fitted is None or fitted.speed is None):
            why = (
                f"only {tracks} of its tracks have two successive spots over free surface"
                if fitted is None
                else f"its tracks over free surface do not tell: {fitted.note}"
            )
            raise InputError(
                f"{name}: the encounter limit needs the speed of its cells, and {why}. Give "
                "--speed, such as '3 um/min', or omit --after."
            )
        if fitted is not None:
            speed = fitted.speed if speed is None else speed
            persistence = fitted.persistence_time if persistence is None else persistence
            found = replace(walk, pieces=free.count, tracks=tracks)
    return replace(
        found, speed=speed, persistence_time=usual if persistence is None else persistence
    )


def _over_free_surface(dish: MeasuredDish) -> tuple[Paths, int]:
    """Pieces of a dish's tracks over free surface of its mask, and the number of these tracks."""
    assert dish.cells.tracks is not None
    mask = dish.mask
    paths = paths_of(from_corner(dish.cells.tracks, mask.pixel_size))
    within = (paths.x >= 0.0) & (paths.x < mask.grid.width)
    within &= (paths.y >= 0.0) & (paths.y < mask.grid.length)
    free = mask.regions[mask.grid.index(paths.x, paths.y)] == Region.FREE_SURFACE
    return pieces(paths, within & free)


def _limit(dishes: Sequence[MeasuredDish], walks: Sequence[Walk | None]) -> tuple[Array, bool]:
    """Encounter limit of a group's dishes, a ratio of sums over dishes, shape (2,).

    Also whether it is a lower bound.
    """
    counts, areas, at_least = np.zeros(3), np.zeros(3), False
    for dish, walk in zip(dishes, walks, strict=True):
        if walk is None or walk.speed is None or walk.persistence_time is None:
            return np.full(2, np.nan), False
        found = mask_encounters(
            dish.mask, speed=walk.speed, persistence_time=walk.persistence_time,
            duration=walk.after,
        )  # fmt: skip
        counts += found.share * len(dish.cells.x)
        areas += found.areas
        at_least |= found.at_least
    return density_fold_change(counts, areas), at_least


def _described(dish: MeasuredDish, census: Census, walk: Walk | None) -> dict[str, Any]:
    mask, cells = dish.mask, dish.cells
    rows, columns = mask.regions.shape
    return {
        "mask": mask.name,
        "cells_file": cells.name,
        "cells_format": cells.format,
        "pixel_size_um": mask.pixel_size,
        "columns": columns,
        "rows": rows,
        "cells": len(cells.x),
        "counted_by": "table" if dish.by_table else "pixel",
        "regions": [
            {
                "region": REGION_LABELS[region],
                "labels": len(mask.instances.get(region, ())),
                "area_mm2": float(census.areas[region]) * 1e-6,
                "cells": int(census.counts[region]),
            }
            for region in Region
        ],
        "fold_change": [
            _plain(value) for value in density_fold_change(census.counts, census.areas)
        ],
        "speed_um_per_min": None if walk is None or walk.speed is None else _MINUTE * walk.speed,
        "persistence_min": (
            None
            if walk is None or walk.persistence_time is None
            else walk.persistence_time / _MINUTE
        ),
        "walk_pieces": None if walk is None or not walk.pieces else walk.pieces,
        "walk_tracks": None if walk is None or not walk.tracks else walk.tracks,
    }


def _plain(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
