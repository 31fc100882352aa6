"""Concentration on the floor against the distance to the stroma."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from sdf1_field.analysis.dishes import (
    require_another_dish,
    require_one_experiment,
    require_same_culture,
)
from sdf1_field.analysis.network import BODY_DISTANCE_EDGES
from sdf1_field.analysis.runs import require_stroma, run_name
from sdf1_field.analysis.space import (
    BODY,
    MIGRASOME,
    Edges,
    floor_lattice,
    nearest_edge,
)
from sdf1_field.analysis.stroma_runs import frame_at, frame_outlines, require_frames
from sdf1_field.analysis.values import mean_and_deviation, or_none
from sdf1_field.errors import InputError
from sdf1_field.grid import Grid
from sdf1_field.record import model_of
from sdf1_field.simulation import model_grid
from sdf1_field.units import MM2_PER_UM2

Array = NDArray[np.float64]

FIELD_EDGES = np.concatenate([[-math.inf], BODY_DISTANCE_EDGES])
"""Bins of a place's distance from the nearest body or migrasome [um]; below 0 is under a body."""


@dataclass(frozen=True, eq=False)
class FloorProfile:
    """One dish's concentration in each of the bins between `FIELD_EDGES`.

    Parameters
    ----------
    area : ndarray, shape (bin,)
        [um**2].
    concentration : ndarray, shape (bin,)
        Mean over the area [nM]; NaN where there is none.
    mean, maximum : float
        Over the whole floor [nM].
    """

    area: Array
    concentration: Array
    mean: float
    maximum: float


def floor_profile(
    concentration: Array, grid: Grid, bodies: Edges, migrasomes: Edges
) -> FloorProfile:
    """Mean concentration under bodies and in bins of distance around the stroma.

    Distances are measured on a fine lattice over the floor; a place has the concentration of its
    cell. Migrasomes are too small for a bin of their own: on one, the distance is 0.

    Parameters
    ----------
    concentration : ndarray, shape (ny, nx)
        In the lowest layer of the medium [nM].
    grid : Grid
    bodies, migrasomes : Outlines or DrawnOutlines
    """
    x, y, each = floor_lattice(grid)
    row, column = grid.index(x, y)
    within = grid.inside[row, column]
    x, y, value = x[within], y[within], concentration[row, column][within]
    to_body, to_migrasome = (nearest_edge(edges, x, y).distance for edges in (bodies, migrasomes))
    around = np.maximum(np.minimum(to_body, to_migrasome), 0.0)
    distance = np.where(to_body < 0.0, to_body, around)
    own = [
        value[(distance >= lower) & (distance < upper)]
        for lower, upper in itertools.pairwise(FIELD_EDGES)
    ]
    everywhere = concentration[grid.inside]
    return FloorProfile(
        area=np.array([each * len(values) for values in own]),
        concentration=np.array([values.mean() if len(values) else np.nan for values in own]),
        mean=float(everywhere.mean()),
        maximum=float(everywhere.max()),
    )


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
        require_same_culture(runs[0], against[0])
    spec = model_of(runs[0]).spec
    for ligand in spec.solved_ligands:
        for run in against:
            if ligand not in run:
                raise InputError(
                    f"control: {run_name(run)} has no field of {spec.ligand[ligand].label}. Add "
                    f"{ligand} to its output.ligands and solve it again."
                )
    wanted = [float(runs[0]["time"].values[-1])] if times is None else sorted(times)
    require_frames([*runs, *against], wanted)
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
    outlines = frame_outlines(run, frame)
    return {
        name: floor_profile(
            run[name][frame].values.astype(float), grid, outlines[BODY], outlines[MIGRASOME]
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
            or_none(FIELD_EDGES[n]),
            or_none(FIELD_EDGES[n + 1]) if n else None,
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
            mean_and_deviation(v[np.isfinite(v)])
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
