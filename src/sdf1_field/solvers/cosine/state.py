"""The state of a field at a time: start, events that act at once, and readings."""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sdf1_field.modes import forward, inverse
from sdf1_field.solvers.cosine.columns import Columns
from sdf1_field.solvers.cosine.floor_newton import FloorValue
from sdf1_field.solvers.cosine.tolerances import Tolerances
from sdf1_field.transport import Ledger
from sdf1_field.units import MOLECULES_PER_UM3_PER_NM

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class CosineState:
    """State of a field at a time, as amplitudes of modes and poles.

    Parameters
    ----------
    time : float
        [s].
    amplitudes : ndarray, shape (ny, pole, nx)
        Of pole m in floor mode (p, q), at [p, m, q]; zero in mode (0, 0).
    mean : ndarray, shape (n,)
        Amplitudes of the floor's mean [nM um**1/2].
    bound : ndarray, shape (ny, nx)
        On the coat [molecules/um**2].
    step : float
        Step that the error control tries next [s].
    ledger : Ledger
    layer : ndarray, shape (ny, nx)
        Concentration in the lowest layer [nM].
    face : FloorValue
        At z = 0.
    """

    time: float
    amplitudes: Array
    mean: Array
    bound: Array
    step: float
    ledger: Ledger
    layer: Array
    face: FloorValue


def start(columns: Columns, *, time: float, tolerances: Tolerances) -> CosineState:
    """Medium without ligand (but for a bath's, which is everywhere) over an empty coat."""
    grid = columns.grid
    empty = np.zeros((grid.ny, grid.nx))
    state = CosineState(
        time=time,
        amplitudes=np.zeros((grid.ny, len(columns.rates), grid.nx)),
        mean=np.zeros(len(columns.mean.rates)),
        bound=empty,
        step=tolerances.first_step,
        ledger=Ledger(),
        layer=empty,
        face=FloorValue(empty, empty),
    )
    bath = columns.transport.bath
    if bath:
        state = add(columns, state, bath, tolerances=tolerances)
        state = replace(state, ledger=replace(state.ledger, minimum=bath))
    return state


def add(
    columns: Columns, state: CosineState, concentration: float, *, tolerances: Tolerances
) -> CosineState:
    """State after ligand is mixed into the whole medium; see `sdf1_field.solvers.Solver.add`."""
    mean = columns.mean
    modes = state.face.modes.copy()
    modes[0, 0] += concentration * columns.mode_scale
    volume = columns.grid.area * float(mean.thickness.sum())
    return replace(
        state,
        mean=state.mean + concentration * (mean.vectors.T @ np.sqrt(mean.thickness)),
        layer=state.layer + concentration,
        face=FloorValue(state.face.concentration + concentration, modes),
        step=tolerances.first_step,
        ledger=state.ledger.book(added=concentration * volume * MOLECULES_PER_UM3_PER_NM),
    )


def release(
    columns: Columns, state: CosineState, amount: Array, *, tolerances: Tolerances
) -> CosineState:
    """State after ligand is released at once; see `sdf1_field.solvers.Solver.release`."""
    gain = amount / (columns.cell_area * MOLECULES_PER_UM3_PER_NM)
    modes = forward(gain)
    mean = state.mean + columns.mean.floor_weights * (modes[0, 0] / columns.mode_scale)
    layer = gain / float(columns.grid.thickness[0])
    layer_modes = modes / float(columns.grid.thickness[0])
    modes[0, 0] = 0.0
    amplitudes = state.amplitudes + columns.floor_weights[None, :, None] * modes[:, None, :]
    return replace(
        state,
        amplitudes=amplitudes,
        mean=mean,
        layer=state.layer + layer,
        face=FloorValue(state.face.concentration + layer, state.face.modes + layer_modes),
        step=tolerances.first_step,
    )


def change_medium(columns: Columns, state: CosineState, *, tolerances: Tolerances) -> CosineState:
    """State after fresh medium replaces the old."""
    empty = np.zeros_like(state.bound)
    fresh = replace(
        state,
        amplitudes=np.zeros_like(state.amplitudes),
        mean=np.zeros_like(state.mean),
        layer=empty,
        face=FloorValue(empty, empty),
        step=tolerances.first_step,
        ledger=state.ledger.book(removed=in_medium(columns, state)),
    )
    return add(columns, fresh, columns.transport.bath or 0.0, tolerances=tolerances)


def in_medium(columns: Columns, state: CosineState) -> float:
    """Ligand dissolved [molecules], in the mixed medium too."""
    return float(columns.mean.content @ state.mean) * columns.grid.area * MOLECULES_PER_UM3_PER_NM


def on_coat(columns: Columns, state: CosineState) -> float:
    """Ligand bound [molecules], summed in space."""
    return float(state.bound.sum()) * columns.cell_area


def floor(columns: Columns, state: CosineState) -> Array:
    """Concentration in the lowest layer [nM], shape (ny, nx)."""
    del columns
    return state.layer


def face(columns: Columns, state: CosineState) -> Array:
    """Concentration at z = 0 [nM], shape (ny, nx)."""
    del columns
    return state.face.concentration


def reservoir(columns: Columns, state: CosineState) -> float:
    """Concentration of the mixed medium above the grid [nM]; NaN without one."""
    if columns.transport.mixed is None:
        return math.nan
    return float(columns.mean.top_weights @ state.mean)


def column(columns: Columns, state: CosineState) -> Array:
    """Concentration everywhere in the grid [nM], shape (nz, ny, nx).

    Off the floor the few poles represent it less accurately than there.
    """
    grid, mean = columns.grid, columns.mean
    layers = np.einsum("im,pmq->ipq", columns.vectors, state.amplitudes)
    layers /= np.sqrt(grid.thickness)[:, None, None]
    profile = (mean.vectors @ state.mean / np.sqrt(mean.thickness))[: grid.nz]
    return np.stack([inverse(layer) for layer in layers]) + profile[:, None, None]


def booked(columns: Columns, ledger: Ledger, integral: Array, step: float) -> Ledger:
    """Ledger after a step.

    Parameters
    ----------
    columns : Columns
    ledger : Ledger
        Before the step.
    integral : ndarray, shape (n,)
        Time integral of the mean's amplitudes over the step [nM um**1/2 s].
    step : float
        [s].
    """
    mean, area = columns.mean, columns.grid.area * MOLECULES_PER_UM3_PER_NM
    degraded = columns.transport.loss_rate * float(mean.content @ integral)
    outflow = mean.top_conductance * (
        float(mean.top_weights @ integral) - step * (columns.transport.bath or 0.0)
    )
    return ledger.book(degraded=degraded * area, through_top=outflow * area)
