"""Networks of several dishes: pooled counts, sizes of migrasomes, tests against a control."""

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from sdf1_field.analysis.dishes import require_comparable_stroma
from sdf1_field.analysis.network import (
    AGE_EDGES,
    BODY_DISTANCE_EDGES,
    NetworkCount,
)
from sdf1_field.analysis.stroma_runs import require_frames, run_network
from sdf1_field.analysis.values import (
    Comparison,
    Measure,
    compare_samples,
    ends_or_none,
    measure_values,
    or_none,
    over_dishes,
)
from sdf1_field.scene import Fate, Region
from sdf1_field.statistics import chi_squared_yates_test, mann_whitney_u_test
from sdf1_field.units import MM2_PER_UM2

Array = NDArray[np.float64]


def _of_region(region: Region) -> Callable[[NetworkCount], tuple[float, float]]:
    return lambda c: (float(c.areas[region]) * MM2_PER_UM2, c.area)


MEASURES: Mapping[str, Callable[[NetworkCount], tuple[float, float]]] = {
    "msc_with_fibres": lambda c: (c.with_fibres, c.msc),
    "msc_with_migrasomes": lambda c: (c.with_migrasomes, c.msc),
    "fibre_bearing_with_migrasomes": lambda c: (c.with_both, c.with_fibres),
    "networks_by_retraction": lambda c: (c.by_retraction, c.with_fibres),
    "migrasomes_per_cell": lambda c: (c.attached, c.with_migrasomes),
    "attached_per_mm2": lambda c: (c.attached, c.area),
    "detached_per_mm2": lambda c: (c.detached, c.area),
    "diameter_um": lambda c: (float(c.diameter.sum()), len(c.diameter)),
    "free_surface_fraction": _of_region(Region.FREE_SURFACE),
    "msc_fraction": _of_region(Region.MSC),
    "network_fraction": _of_region(Region.MIGRASOME_NETWORK),
}
"""Numerator and denominator of each ratio, counted in one dish."""


def measures(counts: Sequence[NetworkCount]) -> dict[str, Measure]:
    """Each of `MEASURES`, the dishes pooled, and over the dishes."""
    return {
        name: over_dishes([counted(count) for count in counts])
        for name, counted in MEASURES.items()
    }


@dataclass(frozen=True)
class SizeBin:
    """Diameters of the migrasomes in a bin of age or distance.

    Parameters
    ----------
    lower, upper : float
        The bin, without its upper end.
    migrasomes : int
    mean, deviation : float
        Of their diameters, and its standard deviation [um]; NaN for none, or one.
    """

    lower: float
    upper: float
    migrasomes: int
    mean: float
    deviation: float


def diameter_by_age(counts: Sequence[NetworkCount]) -> list[SizeBin]:
    """Diameters against age [s], all dishes' migrasomes together."""
    return _binned(counts, [count.age for count in counts], AGE_EDGES)


def diameter_by_distance(counts: Sequence[NetworkCount]) -> list[SizeBin]:
    """Diameters of attached migrasomes against distance from their body's edge [um]."""
    return _binned(counts, [count.distance for count in counts], BODY_DISTANCE_EDGES)


def _binned(counts: Sequence[NetworkCount], values: Sequence[Array], edges: Array) -> list[SizeBin]:
    value = np.concatenate(values)
    diameter = np.concatenate([count.diameter for count in counts])
    bins = []
    for lower, upper in itertools.pairwise(edges):
        own = diameter[(value >= lower) & (value < upper)]
        bins.append(
            SizeBin(
                float(lower),
                float(upper),
                len(own),
                float(own.mean()) if len(own) else math.nan,
                float(own.std(ddof=1)) if len(own) > 1 else math.nan,
            )
        )
    return bins


_SHARES = (
    "msc_with_fibres",
    "msc_with_migrasomes",
    "fibre_bearing_with_migrasomes",
    "networks_by_retraction",
)


_CHI_SQUARED, _MANN_WHITNEY = "chi-squared with Yates' correction", "Mann-Whitney U"


def compare_networks(
    treated: Sequence[NetworkCount], control: Sequence[NetworkCount]
) -> list[Comparison]:
    """Tests on networks against a control's, cells and fields of all dishes pooled.

    Shares of cells by the chi-squared test with Yates' correction; migrasomes per cell, over cells
    that have some and over all, and detached migrasomes per area, over fields, by the Mann-Whitney
    U test.
    """
    own, other = measures(treated), measures(control)
    return [
        *[
            Comparison(
                quantity=name,
                test=_CHI_SQUARED,
                unit="cells",
                treated=own[name].pooled,
                control=other[name].pooled,
                p=chi_squared_yates_test(
                    [round(own[name].amount), round(other[name].amount)],
                    [round(own[name].of), round(other[name].of)],
                ),
            )
            for name in _SHARES
        ],
        _u_test("migrasomes_per_cell", "cells", treated, control, lambda c: c.per_cell),
        _u_test("migrasomes_per_msc", "cells", treated, control, lambda c: c.migrasomes),
        _u_test("detached_per_mm2", "fields", treated, control, lambda c: c.detached_per_mm2),
    ]


def _u_test(
    quantity: str,
    unit: str,
    treated: Sequence[NetworkCount],
    control: Sequence[NetworkCount],
    values: Callable[[NetworkCount], NDArray[Any]],
) -> Comparison:
    own, other = (
        np.concatenate([values(count) for count in counts]).astype(float)
        for counts in (treated, control)
    )
    return compare_samples(
        quantity, own, other, test=_MANN_WHITNEY, unit=unit, p_of=mann_whitney_u_test
    )


def network_table(
    runs: Sequence[xr.Dataset],
    times: Sequence[float] | None = None,
    *,
    against: Sequence[xr.Dataset] = (),
) -> list[dict[str, Any]]:
    """Counts of MSC, retraction fibres and migrasomes, as in microscopy.

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
    require_comparable_stroma(runs, against)
    wanted = [float(runs[0]["time"].values[-1])] if times is None else sorted(times)
    require_frames([*runs, *against], wanted)
    rows = []
    for time in wanted:
        counts = [run_network(run, time) for run in runs]
        control = [run_network(run, time) for run in against]
        rows.append(
            {
                "time": time,
                "runs": _network(counts),
                "control": _network(control) if control else None,
                "tests": [found.row() for found in compare_networks(counts, control)]
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
        return amounts | measure_values(measure)

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
            "quartiles": ends_or_none(quartiles),
        },
        "attached_per_mm2": counted("attached_per_mm2", count="amount"),
        "detached_per_mm2": counted("detached_per_mm2", count="amount"),
        "diameter_um": counted("diameter_um", count="of"),
        "area_fractions": {
            key: measure_values(found[f"{key}_fraction"])
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


def _sizes(bins: Sequence[SizeBin], unit: str, factor: float) -> list[dict[str, Any]]:
    """Rows of diameters [um] by bins; ``factor`` converts the ends of bins to ``unit``."""
    return [
        {
            f"lower_{unit}": factor * own.lower,
            f"upper_{unit}": or_none(factor * own.upper),
            "migrasomes": own.migrasomes,
            "mean_um": or_none(own.mean),
            "deviation_um": or_none(own.deviation),
        }
        for own in bins
    ]
