"""Fold changes on MSC and on the migrasome network over several dishes, and their tables."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from sdf1_field.analysis.census import ENRICHED, Census, density_fold_change
from sdf1_field.analysis.dishes import (
    pairs_by_donor,
    partners,
    require_another_dish,
    require_cells_and_stroma,
)
from sdf1_field.analysis.runs import (
    default_times,
    encounter_note,
    observation_times,
    pooled_encounter_limit,
    require_times,
    run_censuses,
    run_name,
)
from sdf1_field.analysis.values import ends_or_none, mean_and_deviation, or_none
from sdf1_field.scene import REGION_LABELS, Region
from sdf1_field.statistics import paired_t_test, percentile_interval, resamples, unpaired_t_test
from sdf1_field.units import MM2_PER_UM2

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class FoldChange:
    """Fold changes on MSC and on the network over several dishes; arrays of shape (2,).

    Parameters
    ----------
    pooled : ndarray
        Ratio of sums over dishes.
    interval : ndarray, shape (2, 2)
        Lower and upper ends of the 95 % bootstrap interval over dishes, per region; NaN for
        fewer than two dishes.
    mean, deviation : ndarray
        Mean and standard deviation of the dishes' own fold changes, as the papers report.
    each : ndarray, shape (dish, 2)
    """

    pooled: Array
    interval: Array
    mean: Array
    deviation: Array
    each: Array


def fold_changes(censuses: Sequence[Census], *, touching: bool = False) -> FoldChange:
    """Fold changes of dishes at one time.

    Parameters
    ----------
    censuses : sequence of Census
        One for each dish.
    touching : bool
        Count cells that touch a region instead of those centred on it.
    """
    counts = np.array([c.touching if touching else c.counts for c in censuses])
    areas = np.array([c.areas for c in censuses])
    each = density_fold_change(counts, areas)
    interval = np.full((2, 2), np.nan)
    if len(censuses) > 1:
        (picks,) = resamples(len(censuses))
        interval = percentile_interval(
            density_fold_change(counts[picks].sum(axis=1), areas[picks].sum(axis=1))
        )
    return FoldChange(
        pooled=density_fold_change(counts.sum(axis=0), areas.sum(axis=0)),
        interval=interval,
        mean=each.mean(axis=0),
        deviation=each.std(axis=0, ddof=1) if len(each) > 1 else np.full(2, np.nan),
        each=each,
    )


def fold_change_table(
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
        dishes), ``touching_fold_change`` and ``touching_uniform`` (of uniformly scattered cells, if
        all that touch were counted), ``encounter_limit`` (ratio of sums) and
        ``encounter_limit_note`` (`encounter_note`); with a control ``against``, a dict of the
        dishes' ``mean`` and ``deviation``, ``control_mean`` and ``control_deviation``,
        ``ratio_of_means``, ``test``, ``paired_by``, ``p`` and ``note`` (dishes without a fold
        change, which are left out of all of these). None where a value does not exist.

    Raises
    ------
    InputError
        If the runs are not independent dishes of one model, have no stroma, or lack a time; if
        the control is not of the same kind, its donors do not match, or only some seeds or donors
        are on both sides.
    """
    require_cells_and_stroma(runs)
    wanted = sorted(default_times(runs[0]) if times is None else times)
    paired_by = None
    if against:
        require_cells_and_stroma(against)
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
        controlled = [own[n] for own in controls] if against else None
        rows += [
            {"time": time, **row}
            for row in region_rows(
                censuses,
                limit,
                note=note,
                controls=controlled,
                paired_by=paired_by,
                names=[run_name(run) for run in runs],
                control_names=[run_name(run) for run in against],
            )
        ]
    return rows


def region_rows(
    censuses: Sequence[Census],
    limit: Array,
    *,
    note: str = "",
    controls: Sequence[Census] | None = None,
    paired_by: str | None = None,
    names: Sequence[str] = (),
    control_names: Sequence[str] = (),
) -> list[dict[str, Any]]:
    """Rows of `fold_change_table` for one time, without it.

    Parameters
    ----------
    censuses : sequence of Census
        One for each dish.
    limit : ndarray, shape (2,)
        Encounter limit; NaN where there is none.
    note : str
        About the limit.
    controls : sequence of Census, optional
        Of the control's dishes; in the same order as their partners if they are paired.
    paired_by : str, optional
        What pairs them; the test is an unpaired one without.
    names, control_names : sequence of str
        Of the dishes and of the control's, needed with it.
    """
    rows = []
    centred, touching = fold_changes(censuses), fold_changes(censuses, touching=True)
    control = None if controls is None else fold_changes(controls)
    uniform = density_fold_change(
        np.sum([c.touching_areas for c in censuses], axis=0),
        np.sum([c.areas for c in censuses], axis=0),
    )
    for region in Region:
        area = sum(float(c.areas[region]) for c in censuses) * MM2_PER_UM2
        count = sum(float(c.counts[region]) for c in censuses)
        row: dict[str, Any] = {
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
            row["fold_change"] = or_none(centred.pooled[k])
            row["touching_fold_change"] = or_none(touching.pooled[k])
            row["touching_uniform"] = or_none(uniform[k])
            row["encounter_limit"] = or_none(limit[k])
            row["interval"] = ends_or_none(centred.interval[k])
            if controls is not None and control is not None:
                lacking = [
                    *_lacking(censuses, names, region), *_lacking(controls, control_names, region)
                ]  # fmt: skip
                row["against"] = {
                    **_compared(centred.each[:, k], control.each[:, k], paired_by),
                    "note": "; ".join(lacking),
                }
        rows.append(row)
    return rows


def _lacking(censuses: Sequence[Census], names: Sequence[str], region: Region) -> list[str]:
    """Dishes that have no fold change in a region, and why."""
    return [
        f"{name}: "
        + (f"no {REGION_LABELS[region]}" if dish.areas[region] == 0 else "no cell on free surface")
        for dish, name in zip(censuses, names, strict=True)
        if not np.isfinite(density_fold_change(dish.counts, dish.areas)[ENRICHED.index(region)])
    ]


def _compared(treated: Array, control: Array, paired_by: str | None) -> dict[str, Any]:
    """Comparison of the dishes, or pairs of dishes, that have a fold change."""
    has, controls_have = np.isfinite(treated), np.isfinite(control)
    if paired_by is not None:
        has = controls_have = has & controls_have
    treated, control = treated[has], control[controls_have]
    test = unpaired_t_test if paired_by is None else paired_t_test
    sides = mean_and_deviation(treated), mean_and_deviation(control)
    means = [side["mean"] for side in sides]
    return {
        **sides[0],
        **{f"control_{key}": value for key, value in sides[1].items()},
        "ratio_of_means": or_none(means[0] / means[1])
        if means[0] is not None and means[1]
        else None,
        "test": "unpaired t" if paired_by is None else "paired t",
        "paired_by": paired_by,
        "p": or_none(test(list(control), list(treated))),
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
    require_cells_and_stroma(runs)
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
                    "fold_change": or_none(change.pooled[k]),
                    "interval": ends_or_none(change.interval[k]),
                    "encounter_limit": or_none(limit[k]),
                    "encounter_limit_note": note,
                }
            )
    return rows


def _encounter_note(runs: Sequence[xr.Dataset], last: float) -> str:
    """First note on the runs' encounter limits until a time [s]; empty if there is none."""
    return next(filter(None, (encounter_note(run, last) for run in runs)), "")
