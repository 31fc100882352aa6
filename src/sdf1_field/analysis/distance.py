"""Density of cells against the distance from the stroma."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from sdf1_field.analysis.dishes import require_cells_and_stroma
from sdf1_field.analysis.runs import cell_places, default_times, observation_index, require_times
from sdf1_field.analysis.space import (
    DISTANCE_EDGES,
    floor_lattice,
    in_bins,
    nearest_edge,
)
from sdf1_field.analysis.stroma_runs import run_outlines
from sdf1_field.analysis.values import ends_or_none, or_none
from sdf1_field.record import model_of
from sdf1_field.simulation import model_grid
from sdf1_field.statistics import percentile_interval, resamples
from sdf1_field.units import MM2_PER_UM2

Array = NDArray[np.float64]


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
    require_cells_and_stroma(runs)
    wanted = sorted(default_times(runs[0]) if times is None else times)
    require_times(runs, wanted)
    scenes = [run_outlines(run, wanted) for run in runs]
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
            "lower_um": or_none(edges[n]),
            "upper_um": or_none(edges[n + 1]),
            "area_mm2": float(area[n]),
            "cells": float(count[n]),
            "density_per_mm2": float(count[n] / area[n]) if area[n] > 0 else None,
            "ratio": or_none(ratio[n]),
            "interval": ends_or_none(interval[n]),
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
