"""The state of a field at a time: start, events that act at once, and readings."""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sdf1_field.solvers.fipy.tolerances import Tolerances
from sdf1_field.solvers.fipy.volumes import Volumes
from sdf1_field.transport import Ledger
from sdf1_field.units import MOLECULES_PER_UM3_PER_NM

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class FipyState:
    """State of a field at a time.

    Parameters
    ----------
    time : float
        [s].
    medium : ndarray, shape (nz, ny, nx)
        [nM]; zero outside a round well.
    bound : ndarray, shape (ny, nx)
        On the coat [molecules/um**2].
    ledger : Ledger
    face : ndarray, shape (ny, nx)
        At z = 0 [nM].
    reservoir : float
        In the mixed medium above the grid [nM]; NaN without.
    """

    time: float
    medium: Array
    bound: Array
    ledger: Ledger
    face: Array
    reservoir: float


def start(volumes: Volumes, *, time: float, tolerances: Tolerances) -> FipyState:
    """Medium without ligand (but for a bath's, which is everywhere) over an empty coat."""
    grid = volumes.grid
    empty = FipyState(
        time=time,
        medium=np.zeros((grid.nz, grid.ny, grid.nx)),
        bound=np.zeros((grid.ny, grid.nx)),
        ledger=Ledger(),
        face=np.zeros((grid.ny, grid.nx)),
        reservoir=math.nan if volumes.transport.mixed is None else 0.0,
    )
    bath = volumes.transport.bath
    if bath:
        empty = add(volumes, empty, bath, tolerances=tolerances)
        return replace(empty, ledger=replace(empty.ledger, minimum=bath))
    return empty


def add(
    volumes: Volumes, state: FipyState, concentration: float, *, tolerances: Tolerances
) -> FipyState:
    """State after ligand is mixed into the whole medium; see `sdf1_field.solvers.Solver.add`."""
    del tolerances
    grid = volumes.grid
    depth = grid.height + volumes.mixed
    return replace(
        state,
        medium=state.medium + concentration * grid.inside,
        face=state.face + concentration * grid.inside,
        reservoir=state.reservoir + concentration,
        ledger=state.ledger.book(
            added=concentration * grid.area * depth * MOLECULES_PER_UM3_PER_NM
        ),
    )


def release(
    volumes: Volumes, state: FipyState, amount: Array, *, tolerances: Tolerances
) -> FipyState:
    """State after ligand is released at once; see `sdf1_field.solvers.Solver.release`."""
    del tolerances
    volume = volumes.cell_area * float(volumes.grid.thickness[0])
    gain = amount / (volume * MOLECULES_PER_UM3_PER_NM)
    medium = state.medium.copy()
    medium[0] += gain
    return replace(state, medium=medium, face=state.face + gain)


def change_medium(volumes: Volumes, state: FipyState, *, tolerances: Tolerances) -> FipyState:
    """State after fresh medium replaces the old."""
    fresh = replace(
        state,
        medium=np.zeros_like(state.medium),
        face=np.zeros_like(state.face),
        reservoir=0.0 * state.reservoir,
        ledger=state.ledger.book(removed=in_medium(volumes, state)),
    )
    return add(volumes, fresh, volumes.transport.bath or 0.0, tolerances=tolerances)


def in_medium(volumes: Volumes, state: FipyState) -> float:
    """Ligand dissolved [molecules], in the mixed medium too."""
    layers = state.medium.sum(axis=(1, 2)) * volumes.grid.thickness
    held = float(layers.sum()) * volumes.cell_area
    if volumes.mixed:
        held += state.reservoir * volumes.grid.area * volumes.mixed
    return held * MOLECULES_PER_UM3_PER_NM


def on_coat(volumes: Volumes, state: FipyState) -> float:
    """Ligand bound [molecules]."""
    return float(state.bound.sum()) * volumes.cell_area


def floor(volumes: Volumes, state: FipyState) -> Array:
    """Concentration in the lowest layer [nM], shape (ny, nx)."""
    del volumes
    layer: Array = state.medium[0]
    return layer


def face(volumes: Volumes, state: FipyState) -> Array:
    """Concentration at z = 0 [nM], shape (ny, nx).

    An event changes it by as much as the lowest layer; the next step restores its balance.
    """
    del volumes
    return state.face


def reservoir(volumes: Volumes, state: FipyState) -> float:
    """Concentration of the mixed medium above the grid [nM]; NaN without."""
    del volumes
    return state.reservoir


def column(volumes: Volumes, state: FipyState) -> Array:
    """Concentration in every cell of the grid [nM], shape (nz, ny, nx)."""
    del volumes
    return state.medium
