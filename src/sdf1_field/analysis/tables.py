"""The tables of `sdf1-field analyse`: rows of plain values, from one or several dishes."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from sdf1_field.analysis.cargo import (
    ROUTES,
    CargoCount,
    cargo_by_distance,
    cargo_measures,
    cargo_samples,
    compare_cargo,
    followed_ligands,
    last_followed,
    pooled_enrichment,
    require_cargo,
    run_cargo,
)
from sdf1_field.analysis.census import (
    ENRICHED,
    density_fold_change,
    fold_changes,
)
from sdf1_field.analysis.dishes import (
    Pairs,
    pairs_by_donor,
    pairs_by_seed,
    partners,
    require_another_dish,
    require_independent,
    require_one_experiment,
    require_other_donors,
)
from sdf1_field.analysis.fields import FIELD_EDGES, FloorProfile, floor_profile
from sdf1_field.analysis.network import (
    Measure,
    NetworkCount,
    SizeBin,
    compare_networks,
    diameter_by_age,
    diameter_by_distance,
    frame_at,
    measures,
    run_network,
)
from sdf1_field.analysis.residence import Episodes, constant_rate_dwell, dwell_time, episodes
from sdf1_field.analysis.runs import (
    cell_places,
    default_times,
    encounter_note,
    observation_index,
    observation_times,
    pooled_encounter_limit,
    require_stroma,
    require_times,
    run_censuses,
    run_name,
    run_tracks,
    scene_frames,
)
from sdf1_field.analysis.space import Outlines, approach, floor_lattice, in_bins, nearest_edge
from sdf1_field.analysis.tracks import (
    Tracks,
    clear_of_walls,
    fit_persistent_walk,
    mean_interval,
    net_displacements,
    path_lengths,
    persistent_walk_law,
    pooled_tracks,
    shown_lags,
    square_displacements,
)
from sdf1_field.errors import InputError
from sdf1_field.record import model_of
from sdf1_field.scene import REGION_LABELS, Fate, Region
from sdf1_field.simulation import model_grid
from sdf1_field.statistics import (
    mann_whitney_u_test,
    paired_t_test,
    percentile_interval,
    ratio_of_medians,
    resamples,
    unpaired_t_test,
    wilcoxon_signed_rank_test,
)
from sdf1_field.units import MM2_PER_UM2, duration_text

Array = NDArray[np.float64]

_BODY, _MIGRASOME = "MSC body", "migrasome"
_OUTSIDE = (0.0, 10.0, 20.0, 30.0, 40.0, 60.0, 80.0, 100.0, 150.0, 200.0, math.inf)
DISTANCE_EDGES = {
    _BODY: np.array([-math.inf, *_OUTSIDE]),
    _MIGRASOME: np.array([-math.inf, *_OUTSIDE[1:]]),
}
"""Bins of the distance from an edge [um]; below 0 is on a body, migrasomes are too small for it."""


def analyse_runs(
    runs: Sequence[xr.Dataset],
    times: Sequence[float] | None = None,
    *,
    against: Sequence[xr.Dataset] = (),
    paired: bool = False,
) -> list[dict[str, Any]]:
    """Table of densities and fold changes of one or several dishes.

    Parameters
    ----------
    runs : sequence of xarray.Dataset
        Dishes of one experiment.
    times : sequence of float, optional
        When to count [s]; the papers' 4 and 12 h where the runs have them.
    against : sequence of xarray.Dataset
        Dishes of a control experiment. With the same seeds as the runs they are compared seed by
        seed, else with the same donors donor by donor, since such dishes are not independent.
    paired : bool
        Compare donor by donor, one dish each, by `variation.donor_number`, and refuse all else.

    Returns
    -------
    list of dict
        One row for each time and region: ``time`` [s], ``region``, ``area_mm2``, ``cells``,
        ``density_per_mm2``, ``fold_change`` (ratio of sums), ``interval`` (95 % bootstrap over
        dishes), ``touching_fold_change`` and ``touching_uniform`` (what uniformly scattered cells
        would give if all that touch were counted), ``encounter_limit`` (ratio of sums) and
        ``encounter_limit_note`` (`encounter_note`); with a control ``against``, a dict of the
        dishes' ``mean`` and ``deviation``, ``control_mean`` and ``control_deviation``,
        ``ratio_of_means``, ``test``, ``paired_by`` and ``p``. None where a value does not exist.

    Raises
    ------
    InputError
        If the runs are not independent dishes of one model, have no stroma, or lack a time; if
        the control is not of the same kind, its donors do not match, or only some seeds or donors
        are on both sides.
    """
    _require_cells_and_stroma(runs)
    wanted = sorted(default_times(runs[0]) if times is None else times)
    paired_by = None
    if against:
        _require_cells_and_stroma(against)
        require_another_dish(runs, against)
        pairs = (pairs_by_donor if paired else partners)(runs, against)
        if pairs is not None:
            runs, against, paired_by = pairs.runs, pairs.control, pairs.by
    require_times([*runs, *against], wanted)
    note = _encounter_note(runs, wanted[-1])
    limits = pooled_encounter_limit(runs, wanted)
    taken = [run_censuses(run, wanted) for run in runs]
    controls = [run_censuses(run, wanted) for run in against]
    rows = []
    for n, (time, limit) in enumerate(zip(wanted, limits, strict=True)):
        censuses = [own[n] for own in taken]
        centred, touching = fold_changes(censuses), fold_changes(censuses, touching=True)
        control = fold_changes([own[n] for own in controls]) if against else None
        uniform = density_fold_change(
            np.sum([c.touching_areas for c in censuses], axis=0),
            np.sum([c.areas for c in censuses], axis=0),
        )
        for region in Region:
            area = sum(float(c.areas[region]) for c in censuses) * MM2_PER_UM2
            count = sum(float(c.counts[region]) for c in censuses)
            row: dict[str, Any] = {
                "time": time,
                "region": REGION_LABELS[region],
                "area_mm2": area,
                "cells": count,
                "density_per_mm2": count / area if area > 0 else None,
                "fold_change": 1.0 if count > 0 else None,
                "interval": None,
                "touching_fold_change": None,
                "touching_uniform": None,
                "encounter_limit": None,
                "encounter_limit_note": note,
            }
            if region in ENRICHED:
                k = ENRICHED.index(region)
                row["fold_change"] = _known(centred.pooled[k])
                row["touching_fold_change"] = _known(touching.pooled[k])
                row["touching_uniform"] = _known(uniform[k])
                row["encounter_limit"] = _known(limit[k])
                row["interval"] = _ends(centred.interval[k])
                if control is not None:
                    row["against"] = _compared(centred.each[:, k], control.each[:, k], paired_by)
            rows.append(row)
    return rows


def _encounter_note(runs: Sequence[xr.Dataset], last: float) -> str:
    """First note on the runs' encounter limits until a time [s]; empty if there is none."""
    return next(filter(None, (encounter_note(run, last) for run in runs)), "")


def _compared(treated: Array, control: Array, paired_by: str | None) -> dict[str, Any]:
    test = unpaired_t_test if paired_by is None else paired_t_test
    ratio = treated.mean() / control.mean() if control.mean() > 0 else math.nan
    return {
        "mean": _known(treated.mean()),
        "deviation": _known(treated.std(ddof=1)) if len(treated) > 1 else None,
        "control_mean": _known(control.mean()),
        "control_deviation": _known(control.std(ddof=1)) if len(control) > 1 else None,
        "ratio_of_means": _known(ratio),
        "test": "unpaired t" if paired_by is None else "paired t",
        "paired_by": paired_by,
        "p": _known(test(list(control), list(treated))),
    }


def course_table(runs: Sequence[xr.Dataset]) -> list[dict[str, Any]]:
    """Fold changes at every saved observation, all dishes pooled.

    Returns
    -------
    list of dict
        One row for each time and enriched region: ``time`` [s], ``region``, ``cells``,
        ``fold_change`` (ratio of sums), ``interval`` (95 % bootstrap over dishes; None for one),
        ``encounter_limit``, ``encounter_limit_note``.
    """
    _require_cells_and_stroma(runs)
    times = [float(t) for t in observation_times(runs[0])]
    note = _encounter_note(runs, times[-1])
    limits = pooled_encounter_limit(runs, times)
    taken = [run_censuses(run, times) for run in runs]
    rows = []
    for n, (time, limit) in enumerate(zip(times, limits, strict=True)):
        censuses = [own[n] for own in taken]
        change = fold_changes(censuses)
        for k, region in enumerate(ENRICHED):
            rows.append(
                {
                    "time": time,
                    "region": REGION_LABELS[region],
                    "cells": sum(float(c.counts[region]) for c in censuses),
                    "fold_change": _known(change.pooled[k]),
                    "interval": _ends(change.interval[k]),
                    "encounter_limit": _known(limit[k]),
                    "encounter_limit_note": note,
                }
            )
    return rows


def distance_table(
    runs: Sequence[xr.Dataset], times: Sequence[float] | None = None
) -> list[dict[str, Any]]:
    """Density of cells against distance from the nearest body, and from the nearest migrasome.

    Distances are to the exact outlines of the scene (ellipses, discs) in the view. The area of a
    bin is measured with the same distances on a fine lattice over the floor, so that a uniform
    scatter has the ratio 1 everywhere.

    Returns
    -------
    list of dict
        One row for each time, outline and bin: ``time`` [s], ``from_edge_of``, ``lower_um`` and
        ``upper_um`` (None: without end; below 0 is on a body), ``area_mm2``, ``cells``,
        ``density_per_mm2``, ``ratio`` to the density all over the floor, ``interval`` of the ratio
        (95 % bootstrap over dishes; None for one).
    """
    _require_cells_and_stroma(runs)
    wanted = sorted(default_times(runs[0]) if times is None else times)
    require_times(runs, wanted)
    scenes = [_scenes(run, wanted) for run in runs]
    lattices: dict[tuple[int, int, str], Array] = {}
    rows = []
    for n, time in enumerate(wanted):
        for kind, edges in DISTANCE_EDGES.items():
            area, count = [], []
            for dish, run in enumerate(runs):
                frame, outlines = scenes[dish][n]
                place_x, place_y, each = floor_lattice(model_grid(model_of(run).spec))
                key = (dish, frame, kind)
                if key not in lattices:
                    apart = nearest_edge(outlines[kind], place_x, place_y).distance
                    lattices[key] = each * in_bins(apart, edges)
                at = observation_index(run, time)
                x, y = (places[:, at] for places in cell_places(run))
                area.append(lattices[key])
                count.append(in_bins(nearest_edge(outlines[kind], x, y).distance, edges))
            if np.sum(area) > 0:
                rows += _density_rows(time, kind, edges, np.array(area), np.array(count))
    return rows


def _density_rows(
    time: float, kind: str, edges: Array, areas: Array, counts: Array
) -> list[dict[str, Any]]:
    """Rows of one time and outline from areas [um**2] and counts, shape (dish, bin)."""
    ratio = _density_ratio(areas[None], counts[None])[0]
    interval = np.full((len(ratio), 2), np.nan)
    if len(areas) > 1:
        (picks,) = resamples(len(areas))
        interval = percentile_interval(_density_ratio(areas[picks], counts[picks]))
    area, count = areas.sum(axis=0) * MM2_PER_UM2, counts.sum(axis=0)
    return [
        {
            "time": time,
            "from_edge_of": kind,
            "lower_um": _known(edges[n]),
            "upper_um": _known(edges[n + 1]),
            "area_mm2": float(area[n]),
            "cells": float(count[n]),
            "density_per_mm2": float(count[n] / area[n]) if area[n] > 0 else None,
            "ratio": _known(ratio[n]),
            "interval": _ends(interval[n]),
        }
        for n in range(len(ratio))
    ]


def _density_ratio(areas: Array, counts: Array) -> Array:
    """Density in each bin over that of all bins, summed over dishes, shape (set, bin)."""
    area, count = areas.sum(axis=1), counts.sum(axis=1)
    # A resample may hold only dishes without such an outline.
    total = area.sum(axis=1, keepdims=True)
    overall = count.sum(axis=1, keepdims=True) / np.where(total > 0, total, 1.0)
    known = (area > 0) & (overall > 0)
    result: Array = np.where(known, count / np.where(known, area * overall, 1.0), np.nan)
    return result


def _scenes(
    run: xr.Dataset, times: Sequence[float] | Array
) -> list[tuple[int, dict[str, Outlines]]]:
    """For each time [s] the frame that shows the scene, and its outlines by kind."""
    frames = scene_frames(run, times)
    made = {frame: _outlines(run, frame) for frame in set(frames)}
    return [(frame, made[frame]) for frame in frames]


def _outlines(run: xr.Dataset, frame: int) -> dict[str, Outlines]:
    def at(name: str) -> Array:
        values: Array = run[name][frame].values
        return values

    body, migrasome = np.isfinite(at("body_x")), np.isfinite(at("migrasome_x"))
    radius = at("migrasome_radius")[migrasome]
    return {
        _BODY: Outlines(
            at("body_x")[body],
            at("body_y")[body],
            at("body_semi_major")[body],
            at("body_semi_minor")[body],
            at("body_angle")[body],
        ),
        _MIGRASOME: Outlines(
            at("migrasome_x")[migrasome],
            at("migrasome_y")[migrasome],
            radius,
            radius,
            np.zeros_like(radius),
        ),
    }


def dwell_table(runs: Sequence[xr.Dataset]) -> list[dict[str, Any]]:
    """How long cells stay over each region.

    Returns
    -------
    list of dict
        One row for each region: ``region``, ``share_of_time`` (of all cells' frames),
        ``episodes``, ``cut`` (of these, going on at the recording's end), ``unseen_begin`` (left
        out, since they began before the recording), ``constant_rate_dwell`` (mean stay if cells
        leave at a constant rate, corrected for the time between frames [s]; None if not resolved
        or if nobody leaves), ``mean_dwell`` and ``median_dwell`` [s] by Kaplan and Meier,
        uncorrected, ``interval`` of the mean (95 % bootstrap over cells), ``restricted``
        (whether the mean is a lower bound: some outlast the longest stay seen).
    """
    _require_cells_and_stroma(runs)
    for run in runs:
        if len(observation_times(run)) < 2:
            raise InputError(
                f"{run_name(run)}: shows its cells only once, so no stay. Set output.tracks_every "
                "below the tracked time."
            )
        cell_places(run)  # refuses cells that are nowhere, whose region is no region
    rows = []
    for region in Region:
        found, over, seen, first = [], 0, 0, 0
        for run in runs:
            regions, times = run["cell_region"].values, observation_times(run)
            own = episodes(regions, times, region, from_start=bool(times[0] == 0.0))
            found.append(Episodes(own.cell + first, own.duration, own.ended, own.unseen_begin))
            first += len(regions)
            over, seen = over + int((regions == region).sum()), seen + regions.size
        stays = Episodes(
            np.concatenate([f.cell for f in found]),
            np.concatenate([f.duration for f in found]),
            np.concatenate([f.ended for f in found]),
            sum(f.unseen_begin for f in found),
        )
        dwell = dwell_time(stays)
        interval = float(times[1] - times[0])
        rows.append(
            {
                "region": REGION_LABELS[region],
                "share_of_time": over / seen,
                "episodes": len(stays.duration),
                "cut": int((~stays.ended).sum()),
                "unseen_begin": stays.unseen_begin,
                "constant_rate_dwell": _known(constant_rate_dwell(stays, interval)),
                "mean_dwell": _known(dwell.mean),
                "interval": _ends(dwell.interval),
                "median_dwell": _known(dwell.median),
                "restricted": dwell.restricted,
            }
        )
    return rows


def approach_table(runs: Sequence[xr.Dataset]) -> list[dict[str, Any]]:
    """Chemotactic index of free crawling cells against distance from bodies and migrasomes.

    A step between two frames counts if the cell crawls on free surface at its begin, out of reach
    of the mirror walls, which would turn it back towards the stroma. Cells that are caught bias
    the index near an edge even without attraction: compare with a run without sensing.

    Returns
    -------
    list of dict
        One row for each outline and bin: ``to_edge_of``, ``lower_um`` and ``upper_um`` (None:
        without end), ``cells``, ``steps``, ``velocity_um_per_min`` (mean advance over time,
        which the time between frames does not bias), ``index`` and its ``interval`` (95 % bootstrap
        over cells). The index is over straight steps between frames, which turning shortens: it
        grows with the time between frames and compares only runs with the same frames.
    """
    _require_cells_and_stroma(runs)
    for run in runs:
        run_tracks(run)  # refuses a run with one frame
    collected: dict[str, list[tuple[NDArray[np.intp], Array, Array, Array]]] = {}
    first = 0
    for run in runs:
        x, y = cell_places(run)
        step_x, step_y = np.diff(x), np.diff(y)
        free = run["cell_region"].values[:, :-1] == Region.FREE_SURFACE
        free &= run["cell_state"].values[:, :-1] == 0
        dish = model_of(run).spec.dish
        walls = (dish.width, dish.length)
        scenes = _scenes(run, observation_times(run)[:-1])
        frames = np.array([frame for frame, _ in scenes])
        for frame, outlines in dict(scenes).items():
            cell, at = np.nonzero(free & (frames == frame)[None, :])
            dx, dy = step_x[cell, at], step_y[cell, at]
            clear = clear_of_walls(x[cell, at], y[cell, at], dx**2 + dy**2, walls)
            cell, at, dx, dy = cell[clear], at[clear], dx[clear], dy[clear]
            for kind in DISTANCE_EDGES:
                if not len(outlines[kind].x):
                    continue
                near = nearest_edge(outlines[kind], x[cell, at], y[cell, at])
                advance = dx * near.toward_x + dy * near.toward_y
                collected.setdefault(kind, []).append(
                    (cell + first, near.distance, advance, np.hypot(dx, dy))
                )
        first += len(x)
    rows = []
    edges = np.array(_OUTSIDE)
    for kind, parts in collected.items():
        cell, distance, advance, way = (
            np.concatenate(column) for column in zip(*parts, strict=True)
        )
        found = approach(cell, distance, advance, way, edges)
        interval = float(np.diff(observation_times(runs[0])[:2])[0])
        rows += [
            {
                "to_edge_of": kind,
                "lower_um": _known(edges[n]),
                "upper_um": _known(edges[n + 1]),
                "cells": int(found.cells[n]),
                "steps": int(found.steps[n]),
                "velocity_um_per_min": _known(60.0 * found.advance[n] / interval),
                "index": _known(found.index[n]),
                "interval": _ends(found.interval[n]),
            }
            for n in range(len(edges) - 1)
        ]
    return rows


def motion_table(runs: Sequence[xr.Dataset], against: Sequence[xr.Dataset] = ()) -> dict[str, Any]:
    """How the cells of one or several dishes move, and how their paths compare with a control's.

    Returns
    -------
    dict
        ``runs`` and ``control`` (None without): ``label``, ``dishes``, ``cells``, ``tracked_time``
        and ``interval`` between frames [s], ``path_um`` (mean, median, deviation over cells),
        ``net_displacement_um`` and ``straightness`` (net over path; means over cells),
        ``apparent_speed_um_per_min`` (path over time) and its ``..._interval``,
        ``speed_um_per_min``, ``persistence_min`` and ``motility_um2_per_min`` of the fitted
        persistent walk with their intervals, ``fitted_to`` [s], ``held_share`` of the frames,
        ``note``, and ``msd``, rows of ``lag`` [s], ``msd_um2`` and ``fitted_um2``.
        ``comparison`` (None without control): see `path_comparison`.

    Raises
    ------
    InputError
        If the runs are not different dishes of one model or have a single frame; if the control
        was tracked for another time or in other frames; if only some seeds are on both sides, if
        dishes of one seed have other numbers of cells or other donors, or if dishes of other seeds
        are of one donor.
    """
    require_one_experiment(runs)
    pairs = None
    if against:
        require_one_experiment(against)
        require_another_dish(runs, against)
        pairs = pairs_by_seed(runs, against)
        if pairs is None:
            # Of one donor with other seeds, cells share the donor's factors and are no partners.
            require_other_donors(runs, against)
        else:
            _require_as_many_cells(pairs)
            runs, against = pairs.runs, pairs.control
    tracks = pooled_tracks([run_tracks(run) for run in runs])
    result: dict[str, Any] = {
        "runs": _motion(runs, tracks),
        "control": None,
        "comparison": None,
    }
    if against:
        control = pooled_tracks([run_tracks(run) for run in against])
        _require_same_frames(runs, tracks, against, control)
        result["control"] = _motion(against, control)
        result["comparison"] = path_comparison(
            control, tracks, paired_by=None if pairs is None else pairs.by
        )
    return result


def path_comparison(
    control: Tracks, treated: Tracks, *, paired_by: str | None = None
) -> dict[str, Any]:
    """Test on the path lengths of cells, and the ratio of their medians.

    The Mann-Whitney U test as in the paper, which takes cells for independent. In dishes of one
    seed they are not: cells of the same number start at the same place and draw the same turns, so
    that their paths go together. Such cells are partners, and Wilcoxon's signed-rank test is on
    their differences, which leave out the factor on speed that a dish's cells share.

    Parameters
    ----------
    control, treated : Tracks
        Partners in the same order if they are paired.
    paired_by : str, optional
        What makes two cells of the same number partners: ``seed``.

    Returns
    -------
    dict
        ``ratio_of_medians``, its ``interval`` (95 % bootstrap over cells, or over pairs),
        ``test``, ``paired_by``, ``p`` and ``unit``.
    """
    paths, paired = (path_lengths(control), path_lengths(treated)), paired_by is not None
    ratio, interval = ratio_of_medians(*paths, paired=paired)
    test = wilcoxon_signed_rank_test if paired else mann_whitney_u_test
    return {
        "ratio_of_medians": _known(ratio),
        "interval": _ends(interval),
        "test": "Wilcoxon signed-rank" if paired else "Mann-Whitney U",
        "paired_by": paired_by,
        "p": _known(test(*paths)),
        "unit": "cells",
    }


def _require_as_many_cells(pairs: Pairs) -> None:
    for run, control in zip(pairs.runs, pairs.control, strict=True):
        own, other = run.sizes["trajectory"], control.sizes["trajectory"]
        if own != other:
            raise InputError(
                f"control: {run_name(run)} and {run_name(control)} are of one seed and have "
                f"{own} and {other} cells, which are neither pairs nor independent. Solve one side "
                "with another seed."
            )


def _require_same_frames(
    runs: Sequence[xr.Dataset],
    tracks: Tracks,
    against: Sequence[xr.Dataset],
    control: Tracks,
) -> None:
    for what, own, other in (
        ("tracked for", tracks.duration, control.duration),
        ("seen every", tracks.interval, control.interval),
    ):
        if not math.isclose(own, other):
            raise InputError(
                f"control: cells of {run_name(against[0])} are {what} {duration_text(other)}, "
                f"those of {run_name(runs[0])} {duration_text(own)}; path lengths depend on it. "
                "Give runs with the same frames."
            )


def _motion(runs: Sequence[xr.Dataset], tracks: Tracks) -> dict[str, Any]:
    spec = model_of(runs[0]).spec
    path, net = path_lengths(tracks), net_displacements(tracks)
    speeds = path / tracks.duration * 60.0
    straight = net[path > 0] / path[path > 0]
    frames = len(tracks.times)
    held = float(np.mean([(run["cell_state"].values[:, :frames] == 1).mean() for run in runs]))
    walk = fit_persistent_walk(tracks)
    notes = [walk.note] if walk.note else []
    if held > 0:
        notes.append("held cells are among them: speeds are of crawling and held cells together")
    squares = square_displacements(tracks, shown_lags(tracks))
    fitted: Array = np.full(len(squares.lags), np.nan)
    if walk.speed is not None and walk.persistence_time is not None:
        fitted = persistent_walk_law(squares.lags, walk.speed, walk.persistence_time)
    per_minute = 60.0

    def scaled(interval: tuple[float, float] | None, factor: float) -> list[float] | None:
        return None if interval is None else [factor * end for end in interval]

    def converted(value: float | None, factor: float) -> float | None:
        return None if value is None else factor * value

    return {
        "label": f"{spec.haematopoietic.label} cells, {spec.treatment_label}",
        "dishes": len(runs),
        "cells": len(path),
        "tracked_time": tracks.duration,
        "interval": tracks.interval,
        "path_um": {
            "mean": float(path.mean()),
            "median": float(np.median(path)),
            "deviation": float(path.std(ddof=1)) if len(path) > 1 else None,
        },
        "net_displacement_um": float(net.mean()),
        "straightness": float(straight.mean()) if len(straight) else None,
        "apparent_speed_um_per_min": float(speeds.mean()),
        "apparent_speed_interval": scaled(mean_interval(speeds), 1.0),
        "speed_um_per_min": converted(walk.speed, per_minute),
        "speed_interval": scaled(walk.speed_interval, per_minute),
        "persistence_min": converted(walk.persistence_time, 1.0 / per_minute),
        "persistence_interval": scaled(walk.persistence_interval, 1.0 / per_minute),
        "motility_um2_per_min": converted(walk.motility_coefficient, per_minute),
        "motility_interval": scaled(walk.motility_interval, per_minute),
        "fitted_to": walk.longest_lag,
        "held_share": held,
        "note": "; ".join(notes),
        "msd": [
            {"lag": float(lag), "msd_um2": float(value), "fitted_um2": _known(law)}
            for lag, value, law in zip(squares.lags, squares.mean, fitted, strict=True)
        ],
    }


def _require_same_culture(run: xr.Dataset, control: xr.Dataset) -> None:
    """Raise InputError if the same time is not as long after seeding in both."""
    own, other = (model_of(one).spec.run.culture for one in (run, control))
    if own != other:
        raise InputError(
            f"control: time 0 is {duration_text(own)} after seeding in {run_name(run)} and "
            f"{duration_text(other)} in {run_name(control)}, so networks of one time are not as "
            "old. Compare runs of the same run.culture."
        )


def network_table(
    runs: Sequence[xr.Dataset],
    times: Sequence[float] | None = None,
    *,
    against: Sequence[xr.Dataset] = (),
) -> list[dict[str, Any]]:
    """What an experimenter counts of MSC, retraction fibres and migrasomes.

    Returns
    -------
    list of dict
        One for each time, the last if not told otherwise: ``time`` [s], ``runs`` and ``control``
        (None without), each with counts, shares, densities, ``migrasomes_per_cell``,
        ``diameter_um`` also ``by_age`` and ``by_distance``, ``area_fractions`` and the ``fates`` so
        far; ``tests``, a list of comparisons (None without control).

    Raises
    ------
    InputError
        If the runs are not different dishes of one model, have no MSC, or lack a time; the same of
        the control; if a seed or a donor is on both sides.
    """
    require_one_experiment(runs)
    if against:
        require_one_experiment(against)
        require_another_dish(runs, against)
        require_independent(runs, against)
        _require_same_culture(runs[0], against[0])
    wanted = [float(runs[0]["time"].values[-1])] if times is None else sorted(times)
    _require_frames([*runs, *against], wanted)
    rows = []
    for time in wanted:
        counts = [run_network(run, time) for run in runs]
        control = [run_network(run, time) for run in against]
        rows.append(
            {
                "time": time,
                "runs": _network(counts),
                "control": _network(control) if control else None,
                "tests": [
                    {
                        "quantity": found.quantity,
                        "runs": _known(found.treated),
                        "control": _known(found.control),
                        "test": found.test,
                        "unit": found.unit,
                        "p": _known(found.p),
                    }
                    for found in compare_networks(counts, control)
                ]
                if control
                else None,
            }
        )
    return rows


def _network(counts: Sequence[NetworkCount]) -> dict[str, Any]:
    found = measures(counts)
    per_cell = np.concatenate([count.per_cell for count in counts])
    quartiles = np.quantile(per_cell, [0.25, 0.75]) if len(per_cell) else (math.nan, math.nan)
    fates = np.sum([count.fates for count in counts], axis=0)

    def counted(name: str, **keys: str) -> dict[str, Any]:
        measure = found[name]
        amounts = {key: round(getattr(measure, of)) for key, of in keys.items()}
        return amounts | _over_dishes(measure)

    def share(name: str) -> dict[str, Any]:
        return counted(name, count="amount", of="of")

    return {
        "dishes": len(counts),
        "area_mm2": sum(count.area for count in counts),
        "msc": sum(count.msc for count in counts),
        "msc_with_fibres": share("msc_with_fibres"),
        "msc_with_migrasomes": share("msc_with_migrasomes"),
        "fibre_bearing_with_migrasomes": share("fibre_bearing_with_migrasomes"),
        "networks_by_retraction": share("networks_by_retraction"),
        "migrasomes_per_cell": counted("migrasomes_per_cell", cells="of")
        | {
            "median": float(np.median(per_cell)) if len(per_cell) else None,
            "quartiles": _ends(quartiles),
        },
        "attached_per_mm2": counted("attached_per_mm2", count="amount"),
        "detached_per_mm2": counted("detached_per_mm2", count="amount"),
        "diameter_um": counted("diameter_um", count="of"),
        "area_fractions": {
            key: _over_dishes(found[f"{key}_fraction"])
            for key in ("msc", "network", "free_surface")
        },
        "fates": {
            "nucleated": sum(count.nucleated for count in counts),
            "ruptured": int(fates[Fate.RUPTURES]),
            "drifted_away": int(fates[Fate.DRIFTS_AWAY]),
            "taken_up": int(fates[Fate.IS_TAKEN_UP]),
        },
        "by_age": _sizes(diameter_by_age(counts), "min", 1.0 / 60.0),
        "by_distance": _sizes(diameter_by_distance(counts), "um", 1.0),
    }


def _over_dishes(measure: Measure) -> dict[str, float | None]:
    return {
        "pooled": _known(measure.pooled),
        "mean": _known(measure.mean),
        "deviation": _known(measure.deviation),
    }


def _sizes(bins: Sequence[SizeBin], unit: str, factor: float) -> list[dict[str, Any]]:
    """Rows of diameters [um] by bins, whose ends are given in a unit."""
    return [
        {
            f"lower_{unit}": factor * own.lower,
            f"upper_{unit}": _known(factor * own.upper),
            "migrasomes": own.migrasomes,
            "mean_um": _known(own.mean),
            "deviation_um": _known(own.deviation),
        }
        for own in bins
    ]


def cargo_table(
    runs: Sequence[xr.Dataset],
    times: Sequence[float] | None = None,
    *,
    against: Sequence[xr.Dataset] = (),
) -> list[dict[str, Any]]:
    """Where stromal cells' chemokines are, and which way they have left.

    Returns
    -------
    list of dict
        One for each time, the last if not told otherwise, and each followed ligand: ``time`` [s],
        ``ligand``, ``label``, ``cells`` (the stromal cells' label), ``runs`` and ``control`` (None
        without), each with the ``balance`` of all that was made, the ``routes`` of what was
        secreted, ratios and shares over dishes, contents, vesicles and polarisation over cells or
        migrasomes, and ``by_distance``; ``tests``, a list of comparisons (None without control).

    Raises
    ------
    InputError
        If the runs are not different dishes of one model, follow no cargo, or lack a time; the
        same of the control; if a seed or a donor is on both sides.
    """
    require_one_experiment(runs)
    if against:
        require_one_experiment(against)
        require_another_dish(runs, against)
        require_independent(runs, against)
        _require_same_culture(runs[0], against[0])
    spec, ligands = model_of(runs[0]).spec, followed_ligands(runs[0])
    for run in (*runs, *against):
        for ligand in ligands:
            require_cargo(run, ligand)
    wanted = [last_followed(runs[0])] if times is None else sorted(times)
    _require_frames([*runs, *against], wanted)
    rows = []
    for time in wanted:
        for ligand in ligands:
            counts = [run_cargo(run, time, ligand) for run in runs]
            control = [run_cargo(run, time, ligand) for run in against]
            rows.append(
                {
                    "time": time,
                    "ligand": ligand,
                    "label": spec.ligand[ligand].label,
                    "cells": spec.stroma.label,
                    "runs": _cargo(counts),
                    "control": _cargo(control) if control else None,
                    "tests": [
                        {
                            "quantity": found.quantity,
                            "runs": _known(found.treated),
                            "control": _known(found.control),
                            "ratio_of_means": _known(found.ratio),
                            "test": "unpaired t",
                            "unit": found.unit,
                            "p": _known(found.p),
                        }
                        for found in compare_cargo(counts, control)
                    ]
                    if control
                    else None,
                }
            )
    return rows


def _cargo(counts: Sequence[CargoCount]) -> dict[str, Any]:
    found = cargo_measures(counts)
    cells = sum(count.msc for count in counts)
    enrichment = np.array([count.enrichment for count in counts])

    def amounts(names: Sequence[str], of: str) -> dict[str, dict[str, float | None]]:
        """Molecules in all dishes, per cell, and as a share of another amount."""
        total = sum(getattr(count, of) for count in counts)
        rows = {}
        for name in names:
            own = sum(getattr(count, name) for count in counts)
            rows[name] = {
                "molecules": own,
                "per_cell": own / cells if cells else None,
                "share": own / total if total > 0.0 else None,
            }
        return rows

    def sample(quantity: str) -> dict[str, Any]:
        values = cargo_samples(counts, quantity)
        return {"count": len(values)} | _mean_and_deviation(values)

    with_cargo = found["with_cargo"]
    return {
        "dishes": len(counts),
        "msc": cells,
        "migrasomes": sum(len(count.content) for count in counts),
        "balance": amounts(
            ("made", "in_bodies", "in_migrasomes", "secreted", "carried_off"), "made"
        ),
        "routes": amounts(ROUTES, "secreted"),
        "secreted_to_content": _over_dishes(found["secreted_to_content"]),
        "share_through_migrasomes": _over_dishes(found["share_through_migrasomes"]),
        "with_cargo": {"count": round(with_cargo.amount), "of": round(with_cargo.of)}
        | _over_dishes(with_cargo),
        "enrichment": {"pooled": _known(pooled_enrichment(counts))}
        | _mean_and_deviation(enrichment),
        **{
            name: sample(name)
            for name in (
                "vesicles_per_migrasome",
                "content_per_migrasome",
                "vesicles_per_cell",
                "content_per_body",
                "polarisation",
                "polarisation_migrating",
                "polarisation_resting",
            )
        },
        "by_distance": [
            {
                "lower_um": own.lower,
                "upper_um": _known(own.upper),
                "migrasomes": len(own.vesicles),
                "vesicles": _mean_and_deviation(own.vesicles),
                "diameter_um": _mean_and_deviation(own.diameter),
            }
            for own in cargo_by_distance(counts)
        ],
    }


def _mean_and_deviation(values: Array) -> dict[str, float | None]:
    """Mean and standard deviation of values, None where they do not exist."""
    return {
        "mean": _known(values.mean()) if len(values) else None,
        "deviation": _known(values.std(ddof=1)) if len(values) > 1 else None,
    }


def field_table(
    runs: Sequence[xr.Dataset],
    times: Sequence[float] | None = None,
    *,
    against: Sequence[xr.Dataset] = (),
) -> list[dict[str, Any]]:
    """Concentration on the floor under bodies and around bodies and migrasomes.

    Returns
    -------
    list of dict
        One row for each time, the last if not told otherwise, each ligand and each place: ``time``
        [s], ``ligand``, ``label``, ``place`` (``under a body``, ``around``, ``whole floor`` or
        ``highest``), ``lower_um`` and ``upper_um`` of the distance from the nearest body or
        migrasome (None where there is none, or without end), ``area_mm2`` of all dishes, and
        concentrations [nM]: ``mean`` over dishes and their ``deviation``; with a control
        ``control_mean``, ``control_deviation`` and ``ratio_of_means``, None without.

    Raises
    ------
    InputError
        If the runs are not different dishes of one model, or have no stroma or no field at a time;
        the same of the control.
    """
    groups = [runs, against] if against else [runs]
    for group in groups:
        require_one_experiment(group)
        require_stroma(group)
        if not model_of(group[0]).spec.solved_ligands:
            raise InputError(
                f"{run_name(group[0])}: holds no field. Solve the model with output.ligands, such "
                "as ['ccl2']."
            )
    if against:
        require_another_dish(runs, against)
        _require_same_culture(runs[0], against[0])
    spec = model_of(runs[0]).spec
    for ligand in spec.solved_ligands:
        for run in against:
            if ligand not in run:
                raise InputError(
                    f"control: {run_name(run)} has no field of {spec.ligand[ligand].label}. Add "
                    f"{ligand} to its output.ligands and solve it again."
                )
    wanted = [float(runs[0]["time"].values[-1])] if times is None else sorted(times)
    _require_frames([*runs, *against], wanted)
    rows = []
    for time in wanted:
        profiles = [[_profiles(run, time, spec.solved_ligands) for run in g] for g in groups]
        for ligand in spec.solved_ligands:
            own = [[dish[ligand] for dish in group] for group in profiles]
            rows += [
                {"time": time, "ligand": ligand, "label": spec.ligand[ligand].label} | row
                for row in _field_rows(own)
            ]
    return rows


def _profiles(run: xr.Dataset, time: float, ligands: Sequence[str]) -> dict[str, FloorProfile]:
    """Profile of each ligand in a run at a time [s]."""
    frame, grid = frame_at(run, time), model_grid(model_of(run).spec)
    outlines = _outlines(run, frame)
    return {
        name: floor_profile(
            run[name][frame].values.astype(float), grid, outlines[_BODY], outlines[_MIGRASOME]
        )
        for name in ligands
    }


def _field_rows(groups: Sequence[Sequence[FloorProfile]]) -> list[dict[str, Any]]:
    """Rows of one time and ligand, from the dishes and, if there are any, the control's."""
    runs = groups[0]
    area = np.sum([profile.area for profile in runs], axis=0) * MM2_PER_UM2
    around = [
        (
            "under a body" if n == 0 else "around",
            _known(FIELD_EDGES[n]),
            _known(FIELD_EDGES[n + 1]) if n else None,
            float(area[n]),
            [np.array([profile.concentration[n] for profile in group]) for group in groups],
        )
        for n in range(len(area))
    ]
    everywhere = [
        (
            place,
            None,
            None,
            float(area.sum()),
            [np.array([getattr(profile, key) for profile in group]) for group in groups],
        )
        for place, key in (("whole floor", "mean"), ("highest", "maximum"))
    ]
    rows = []
    for place, lower, upper, of, values in (*around, *everywhere):
        own, other = (
            _mean_and_deviation(v[np.isfinite(v)])
            for v in (values[0], values[1] if len(values) > 1 else np.zeros(0))
        )
        ratio = None
        if own["mean"] is not None and other["mean"] is not None and other["mean"] > 0.0:
            ratio = own["mean"] / other["mean"]
        rows.append(
            {
                "place": place,
                "lower_um": lower,
                "upper_um": upper,
                "area_mm2": of,
                **own,
                "control_mean": other["mean"],
                "control_deviation": other["deviation"],
                "ratio_of_means": ratio,
            }
        )
    return rows


def _require_frames(runs: Sequence[xr.Dataset], times: Sequence[float]) -> None:
    """Raise InputError, before anything is counted, if a floor was not saved at one of times."""
    for run in runs:
        for time in times:
            frame_at(run, time)


def _require_cells_and_stroma(runs: Sequence[xr.Dataset]) -> None:
    """Raise InputError unless the runs are dishes of one experiment with cells and stroma."""
    for run in runs:
        observation_times(run)
    require_one_experiment(runs)
    require_stroma(runs)


def _known(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _ends(interval: Array | tuple[float, float]) -> list[float] | None:
    low, high = float(interval[0]), float(interval[1])
    return [low, high] if math.isfinite(low) and math.isfinite(high) else None
