"""Chemotactic index of crawling cells against the distance from the stroma."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from sdf1_field.analysis.dishes import require_cells_and_stroma
from sdf1_field.analysis.runs import cell_places, observation_times, run_tracks
from sdf1_field.analysis.space import DISTANCE_EDGES, OUTSIDE_EDGES, nearest_edge
from sdf1_field.analysis.stroma_runs import run_outlines
from sdf1_field.analysis.tracks import clear_of_walls
from sdf1_field.analysis.values import ends_or_none, or_none
from sdf1_field.record import model_of
from sdf1_field.scene import Region
from sdf1_field.statistics import percentile_interval, resample_counts

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Approach:
    """Advance towards the nearest edge, by distance; arrays of shape (bin,).

    Parameters
    ----------
    cells, steps : ndarray
        In the bin.
    advance : ndarray
        Mean displacement towards the edge in a step [um]; NaN without a step.
    index : ndarray
        Chemotactic index: displacement towards the edge over path length, in [-1, 1]; NaN
        without a step.
    interval : ndarray, shape (bin, 2)
        95 % bootstrap interval over cells; NaN for fewer than two cells.
    """

    cells: Array
    steps: Array
    advance: Array
    index: Array
    interval: Array


def approach(
    cell: NDArray[np.intp], distance: Array, advance: Array, way: Array, edges: Array
) -> Approach:
    """Chemotactic index against distance.

    The index of a bin is the sum of the steps' components towards the edge over the sum of their
    lengths. Steps between frames are straight and shorter than the path, so the index grows with
    the time between frames; the mean advance does not. Cells that are caught bias both a little: a
    cell that heads for the edge stops there, one that heads away goes on.

    Parameters
    ----------
    cell : ndarray of int, shape (step,)
        Number of the cell that makes the step.
    distance : ndarray, shape (step,)
        To the nearest edge at the step's begin [um].
    advance, way : ndarray, shape (step,)
        Displacement along the direction to that edge, and its length [um].
    edges : ndarray, shape (bin + 1,)
        [um].
    """
    bins = len(edges) - 1
    place = np.searchsorted(edges, distance, side="right") - 1
    within = (place >= 0) & (place < bins)
    names, number = np.unique(cell[within], return_inverse=True)
    key = number * bins + place[within]
    size = len(names) * bins

    def summed(values: Array | None) -> Array:
        total = np.bincount(key, weights=values, minlength=size).astype(float)
        return total.reshape(len(names), bins)

    advances, ways, steps = summed(advance[within]), summed(way[within]), summed(None)
    cells = (steps > 0).sum(axis=0).astype(float)
    interval = np.full((bins, 2), np.nan)
    if len(names):
        picked = resample_counts(len(names))
        several = cells > 1
        interval[several] = percentile_interval(
            _ratio(picked @ advances, picked @ ways)[:, several]
        )
    number_of_steps = steps.sum(axis=0)
    return Approach(
        cells,
        number_of_steps,
        _ratio(advances.sum(axis=0), number_of_steps),
        _ratio(advances.sum(axis=0), ways.sum(axis=0)),
        interval,
    )


def _ratio(numerator: Array, denominator: Array) -> Array:
    known = denominator > 0.0
    result: Array = np.where(known, numerator / np.where(known, denominator, 1.0), np.nan)
    return result


def approach_table(runs: Sequence[xr.Dataset]) -> list[dict[str, Any]]:
    """Chemotactic index of free crawling cells against distance from bodies and migrasomes.

    A step between two frames counts if the cell crawls on free surface at its begin, out of reach
    of the reflecting walls (`tracks.clear_of_walls`), which would turn it back towards the stroma.
    Cells that are caught bias the index near an edge even without attraction: compare with a run
    without sensing.

    Returns
    -------
    list of dict
        One row for each outline and bin: ``to_edge_of``, ``lower_um`` and ``upper_um`` (None:
        without end), ``cells``, ``steps``, ``velocity_um_per_min`` (mean advance over time,
        which the time between frames does not bias), ``index`` and its ``interval`` (95 % bootstrap
        over cells). The index is over straight steps between frames, which turning shortens: it
        grows with the time between frames and compares only runs with the same frames.
    """
    require_cells_and_stroma(runs)
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
        scenes = run_outlines(run, observation_times(run)[:-1])
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
    edges = np.array(OUTSIDE_EDGES)
    for kind, parts in collected.items():
        cell, distance, advance, way = (
            np.concatenate(column) for column in zip(*parts, strict=True)
        )
        found = approach(cell, distance, advance, way, edges)
        interval = float(np.diff(observation_times(runs[0])[:2])[0])
        rows += [
            {
                "to_edge_of": kind,
                "lower_um": or_none(edges[n]),
                "upper_um": or_none(edges[n + 1]),
                "cells": int(found.cells[n]),
                "steps": int(found.steps[n]),
                "velocity_um_per_min": or_none(60.0 * found.advance[n] / interval),
                "index": or_none(found.index[n]),
                "interval": ends_or_none(found.interval[n]),
            }
            for n in range(len(edges) - 1)
        ]
    return rows
