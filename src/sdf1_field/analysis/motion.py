"""Paths, speed and persistence of the cells of several dishes, beside those of a control."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from sdf1_field.analysis.dishes import (
    Pairs,
    pairs_by_seed,
    require_another_dish,
    require_one_experiment,
    require_other_donors,
)
from sdf1_field.analysis.persistent_walk import fit_persistent_walk
from sdf1_field.analysis.runs import run_name, run_tracks
from sdf1_field.analysis.tracks import (
    Tracks,
    net_displacements,
    path_lengths,
    pooled_tracks,
    shown_lags,
    square_displacements,
)
from sdf1_field.analysis.values import ends_or_none, or_none
from sdf1_field.errors import InputError
from sdf1_field.record import model_of
from sdf1_field.statistics import (
    mann_whitney_u_test,
    percentile_interval,
    ratio_of_medians,
    resamples,
    wilcoxon_signed_rank_test,
)
from sdf1_field.units import duration_text

Array = NDArray[np.float64]


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
    fitted = walk.square_displacement(squares.lags)
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
            {"lag": float(lag), "msd_um2": float(value), "fitted_um2": or_none(law)}
            for lag, value, law in zip(squares.lags, squares.mean, fitted, strict=True)
        ],
    }


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
        Why two cells of the same number are partners: ``seed``.

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
        "ratio_of_medians": or_none(ratio),
        "interval": ends_or_none(interval),
        "test": "Wilcoxon signed-rank" if paired else "Mann-Whitney U",
        "paired_by": paired_by,
        "p": or_none(test(*paths)),
        "unit": "cells",
    }


def mean_interval(values: Array) -> tuple[float, float] | None:
    """95 % bootstrap interval of a mean over cells; None for one."""
    if len(values) < 2:
        return None
    (picks,) = resamples(len(values))
    low, high = percentile_interval(values[picks].mean(axis=1))
    return float(low), float(high)
