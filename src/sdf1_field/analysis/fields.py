"""Concentration on the floor against the distance to the stroma."""

import itertools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdf1_field.analysis.network import BODY_DISTANCE_EDGES
from sdf1_field.analysis.space import Outlines, floor_lattice, nearest_edge
from sdf1_field.grid import Grid

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
    concentration: Array, grid: Grid, bodies: Outlines, migrasomes: Outlines
) -> FloorProfile:
    """Mean concentration under bodies and in bins of distance around the stroma.

    Distances are measured on a fine lattice over the floor; a place has the concentration of its
    cell. Migrasomes are too small for a bin of their own: on one, the distance is 0.

    Parameters
    ----------
    concentration : ndarray, shape (ny, nx)
        In the lowest layer of the medium [nM].
    grid : Grid
    bodies, migrasomes : Outlines
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
