"""Cells and stroma read back from a run file: observations, censuses and the encounter limit."""

import weakref
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from sdf1_field.analysis.census import (
    Census,
    Survey,
    count_cells,
    density_fold_change,
)
from sdf1_field.analysis.encounter import encounter_counts, encounter_repeats
from sdf1_field.analysis.mask_census import survey_mask
from sdf1_field.analysis.tracks import Tracks, tracks_of
from sdf1_field.errors import InputError
from sdf1_field.grid import Grid
from sdf1_field.record import model_of
from sdf1_field.scene import (
    OUTSIDE,
    Bodies,
    DrawnFloor,
    Fibres,
    Migrasomes,
    Region,
    RegionMap,
    Scene,
    pixel_regions,
)
from sdf1_field.scene.variables import ABSENT, BODIES, FIBRES, MIGRASOMES, Variable
from sdf1_field.simulation import StickyFloor, model_grid
from sdf1_field.units import duration_text

Array = NDArray[np.float64]

SAME_TIME = 0.5
"""Times closer than this are the same observation [s]."""
_FLOORS: dict[int, DrawnFloor] = {}
"""Pixels of runs in use, by their identity, with the trees that are built on them."""
_BODIES = tuple(variable.name for variable in BODIES)
_SCENE = (
    "region",
    *(f"body_{key}" for key in ("x", "y", "semi_major", "semi_minor", "angle")),
    *(f"migrasome_{key}" for key in ("x", "y", "radius")),
)


def run_name(run: xr.Dataset) -> str:
    """File a run was opened from, for messages."""
    return str(run.encoding.get("source", "this run"))


def observation_times(run: xr.Dataset) -> Array:
    """Times at which the cells of a run were saved [s].

    Raises
    ------
    InputError
        If the run has no cells.
    """
    if "cell_time" not in run:
        raise InputError(
            f"{run_name(run)}: has no cells to analyse. Solve a transient model with cells."
        )
    times: Array = run["cell_time"].values[0]
    return times


def cell_places(run: xr.Dataset) -> tuple[Array, Array]:
    """Centres of a run's cells at all times in x and y [um], shape (cell, time) each.

    Raises
    ------
    InputError
        If the run has no cells, or if a cell's place is not finite at some time.
    """
    times, x, y = observation_times(run), run["cell_x"].values, run["cell_y"].values
    lost = ~(np.isfinite(x) & np.isfinite(y))
    if lost.any():
        first = int(np.argmax(lost.any(axis=0)))
        raise InputError(
            f"{run_name(run)}: {np.count_nonzero(lost[:, first])} of {len(x)} cells have no place "
            f"at {duration_text(float(times[first]))}. Solve the model again; a run with such "
            "cells is not sound."
        )
    return x, y


def observation_index(run: xr.Dataset, time: float) -> int:
    """Index of the observation of cells at a time.

    Raises
    ------
    InputError
        If the run has no cells, or none at that time.
    """
    times = observation_times(run)
    nearest = int(np.argmin(np.abs(times - time)))
    if abs(times[nearest] - time) > SAME_TIME:
        raise InputError(
            f"{run_name(run)}: no cells were saved at {duration_text(time)}; they were from "
            f"{duration_text(times[0])} to {duration_text(times[-1])} every "
            f"{duration_text(float(times[1] - times[0]) if len(times) > 1 else 0.0)}. "
            "Choose one of these times."
        )
    return nearest


def require_times(runs: Sequence[xr.Dataset], times: Sequence[float]) -> None:
    """Raise InputError if a run has no observation of cells at one of several times."""
    for run in runs:
        for time in times:
            observation_index(run, time)


def default_times(run: xr.Dataset) -> list[float]:
    """The papers' 4 and 12 h where the run has them, else its last time [s]."""
    times = observation_times(run)
    wanted = [t for t in (4 * 3600.0, 12 * 3600.0) if np.any(np.abs(times - t) < SAME_TIME)]
    return wanted or [float(times[-1])]


def require_variables(run: xr.Dataset, *names: str) -> None:
    """Raise InputError if a run lacks a variable that files of today have."""
    missing = set(names) - set(run)
    if missing:
        raise InputError(
            f"{run_name(run)}: holds no {min(missing)}, since an earlier version made it. Solve "
            "the model again."
        )


def run_bodies(run: xr.Dataset, frame: int) -> Bodies:
    """MSC bodies of a run as they were in a frame, without secretion.

    Raises
    ------
    InputError
        If an earlier version made the run.
    """
    there = np.isfinite(_values(run, frame, BODIES, "x"))
    return Bodies(**_columns(run, frame, BODIES, there), secretion={})


def run_scene(run: xr.Dataset, frame: int) -> Scene:
    """Stroma of a run as it was in a frame; without secretion, and without its growth.

    Raises
    ------
    InputError
        If an earlier version made the run.
    """
    fibres = _columns(run, frame, FIBRES, _values(run, frame, FIBRES, "body") != ABSENT)
    migrasomes = _columns(run, frame, MIGRASOMES, np.s_[:])
    end = migrasomes.pop("end")
    return Scene(
        run_bodies(run, frame),
        Fibres(**fibres),
        Migrasomes(
            **migrasomes,
            end=np.where(np.isfinite(end), end, np.inf),
            present=np.isfinite(migrasomes["x"]),
            secretion={},
            loaded={},
            secretion_at_birth={},
            decay={},
        ),
        drawn=run_drawn(run, frame),
    )


def run_drawn(run: xr.Dataset, frame: int = -1) -> DrawnFloor | None:
    """Pixels of a run's floor in a frame; None unless its scene was drawn from an image."""
    if not model_of(run).spec.drawn:
        return None
    if id(run) not in _FLOORS:
        require_variables(run, "pixel_body")
        x = run["pixel_x"].values
        pixels = run["pixel_body"].values.astype(np.int32)
        _FLOORS[id(run)] = DrawnFloor(pixels, 2.0 * float(x[0]))
        weakref.finalize(run, _FLOORS.pop, id(run), None)
    floor = _FLOORS[id(run)]
    return floor if np.isfinite(run["body_x"][frame].values).any() else floor.without_bodies


def _columns(
    run: xr.Dataset, frame: int, variables: Iterable[Variable], rows: Any
) -> dict[str, NDArray[Any]]:
    """Some rows of variables in a frame by their names in memory."""
    variables = tuple(variables)
    return {v.key: _values(run, frame, variables, v.key)[rows] for v in variables}


def _values(run: xr.Dataset, frame: int, variables: Iterable[Variable], key: str) -> NDArray[Any]:
    """A variable in a frame, in the type that it has in memory."""
    variable = next(v for v in variables if v.key == key)
    require_variables(run, variable.name)
    values = run[variable.name]
    found: NDArray[Any] = (values[frame] if "time" in variable.dims else values).values
    if variable.absent is not None and found.dtype.kind == "f":
        # xarray shows a fill value as NaN.
        found = np.where(np.isfinite(found), found, variable.absent)
    return found.astype(variable.memory or variable.dtype)


def frame_before(run: xr.Dataset, time: float) -> int:
    """Index of the last frame at or before a time [s]; the first if there is none."""
    return max(int(np.searchsorted(run["time"].values, time + SAME_TIME)) - 1, 0)


def frame_regions(run: xr.Dataset, frame: int) -> RegionMap:
    """`Region` of each floor cell of a run in a frame, shape (ny, nx); `OUTSIDE` beyond a wall."""
    regions = run["region"][frame].values
    if regions.dtype.kind == "f":
        regions = np.where(np.isfinite(regions), regions, OUTSIDE)
    found: RegionMap = regions.astype(np.uint8)
    return found


def counted_regions(run: xr.Dataset, frame: int) -> tuple[RegionMap, Grid]:
    """Regions by which a run's cells are counted, and their grid: `FloorRegions.counted`."""
    grid, drawn = model_grid(model_of(run).spec), run_drawn(run, frame)
    return (frame_regions(run, frame), grid) if drawn is None else pixel_regions(drawn, grid)


def has_stroma(run: xr.Dataset) -> bool:
    """Whether a run has any MSC or migrasome network."""
    stroma = (Region.MSC, Region.MIGRASOME_NETWORK)
    # The stroma is placed before the first frame, so one frame is nearly always enough.
    return any(bool(np.isin(frame.values, stroma).any()) for frame in run["region"])


def require_stroma(runs: Sequence[xr.Dataset]) -> None:
    """Raise InputError if none of some runs has a stroma."""
    if any(map(has_stroma, runs)):
        return
    label = model_of(runs[0]).spec.stroma.label
    if "cell_time" in runs[0]:
        found = f"has no {label} and no migrasomes, which this table is about. Choose motion"
    else:
        found = f"has no cells, no {label} and no migrasomes to analyse. Use `sdf1-field inspect`"
    raise InputError(
        f"{run_name(runs[0])}: {found}, or solve a model with scene.msc_density above 0."
    )


def scene_frames(run: xr.Dataset, times: Sequence[float] | Array) -> list[int]:
    """For each time [s] the first frame that shows the same bodies, migrasomes and regions.

    For a stroma that does not change this is one frame for all times.
    """
    count = run.sizes["time"]
    changed = np.zeros(count, dtype=np.bool_)
    for name in _SCENE:
        before = run[name][0].values
        for n in range(1, count):
            values = run[name][n].values
            changed[n] |= not np.array_equal(values, before, equal_nan=values.dtype.kind == "f")
            before = values
    first = np.maximum.accumulate(np.where(changed, np.arange(count), 0))
    return [int(first[frame_before(run, float(time))]) for time in times]


def run_censuses(run: xr.Dataset, times: Sequence[float]) -> list[Census]:
    """Censuses of a run's cells at some times [s].

    Raises
    ------
    InputError
        If the run has no cells at one of these times.
    """
    spec = model_of(run).spec
    chosen = [observation_index(run, time) for time in times]
    x, y = cell_places(run)
    under = run["cell_region"].values
    surveys: dict[int, Survey] = {}
    censuses = []
    for n, frame, time in zip(chosen, scene_frames(run, times), times, strict=True):
        if frame not in surveys:
            surveys[frame] = survey_mask(
                *counted_regions(run, frame), radius=0.5 * spec.haematopoietic.diameter
            )
        censuses.append(count_cells(surveys[frame], x[:, n], y[:, n], under[:, n], time=time))
    return censuses


def run_census(run: xr.Dataset, time: float) -> Census:
    """Census of a run's cells at a time [s].

    Raises
    ------
    InputError
        If the run has no cells at that time.
    """
    (census,) = run_censuses(run, [time])
    return census


def run_encounters(run: xr.Dataset, times: Sequence[float]) -> tuple[Array, Array]:
    """Encounter limit of a run: cells in each `Region` if stroma were sticky without attraction.

    The regions of each saved frame hold until the next one, and those of the first before it; see
    `encounter_note`.

    Parameters
    ----------
    run : xarray.Dataset
    times : sequence of float
        Of observations, rising [s].

    Returns
    -------
    counts : ndarray, shape (len(times), 3)
        Cells, the mean of repetitions.
    areas : ndarray, shape (len(times), 3)
        [um**2].

    Raises
    ------
    InputError
        If the run has no cells at one of these times.
    """
    spec, observed = model_of(run).spec, observation_times(run)
    exact = [float(observed[observation_index(run, time)]) for time in times]
    return encounter_counts(
        spec,
        _floors(run, exact[-1]),
        exact,
        seed=int(run.attrs["seed"]),
        repeats=encounter_repeats(spec),
    )


def run_encounter_limit(run: xr.Dataset, times: Sequence[float]) -> Array:
    """Fold changes of `run_encounters`, shape (len(times), 2); NaN where a region is missing."""
    return pooled_encounter_limit([run], times)


def pooled_encounter_limit(runs: Sequence[xr.Dataset], times: Sequence[float]) -> Array:
    """Encounter limit of several dishes; like their fold change, a ratio of sums over dishes.

    Parameters
    ----------
    runs : sequence of xarray.Dataset
        Dishes of one experiment.
    times : sequence of float
        Of observations, rising [s].

    Returns
    -------
    ndarray, shape (len(times), 2)
        On MSC and on the network; NaN where no dish has the region or no cell is on free surface.

    Raises
    ------
    InputError
        If a run has no cells at one of these times.
    """
    each = [run_encounters(run, times) for run in runs]
    counts, areas = (np.sum([dish[n] for dish in each], axis=0) for n in range(2))
    return density_fold_change(counts, areas)


def _floors(run: xr.Dataset, last: float) -> Iterator[StickyFloor]:
    """Sticky floor of a run from 0 s to a time [s], frame by frame."""
    times = run["time"].values
    require_variables(run, *_BODIES)
    # Bodies of all frames fit into memory; reading them one by one would take longer than the walk.
    bodies = run[list(_BODIES)].load()
    for n in range(frame_before(run, 0.0), frame_before(run, last) + 1):
        yield StickyFloor(float(times[n]), frame_regions(run, n), run_bodies(bodies, n))


def encounter_note(run: xr.Dataset, last: float) -> str:
    """Warning that a walk until a time [s] used older regions than the model; else empty.

    It does where regions change while frames are farther apart than coupling stops.
    """
    if not _regions_change(run, last):
        return ""
    times, step = run["time"].values, model_of(run).spec.numerics.coupling_step
    first = float(times[frame_before(run, 0.0)])
    begins = [max(first, 0.0), *times[(times > 0.0) & (times < last)], last]
    apart = float(np.diff(begins).max())
    notes = []
    if first > SAME_TIME:
        notes.append(f"before {duration_text(first)} regions are those at {duration_text(first)}")
    if apart > step + SAME_TIME:
        notes.append(
            f"each frame's regions hold until the next, up to {duration_text(apart)} later; the "
            f"model's change every {duration_text(step)}"
        )
    if not notes:
        return ""
    return f"encounter limit: {'; '.join(notes)}. Save more frames with output.fields_every."


def _regions_change(run: xr.Dataset, last: float) -> bool:
    """Whether the regions change after 0 h and before a time [s]."""
    lives = np.concatenate([run[f"migrasome_{name}"].values for name in ("birth", "end")])
    changes = np.any((lives > 0.0) & (lives < last))
    return model_of(run).spec.scene.mode == "grown" or bool(changes)


def run_tracks(run: xr.Dataset) -> Tracks:
    """Tracks of a run's cells over its evenly spaced frames.

    Raises
    ------
    InputError
        If the run has no cells, or only one frame of them.
    """
    times, dish = observation_times(run), model_of(run).spec.dish
    x, y = cell_places(run)
    return tracks_of(times, x, y, (dish.width, dish.length), name=run_name(run))
