"""Steady states: secretion balances all losses."""

import functools
import math

import numpy as np
from numpy.typing import NDArray

from sdf1_field.errors import RunError
from sdf1_field.modes import forward, inverse
from sdf1_field.solvers.cosine.columns import Columns
from sdf1_field.solvers.cosine.floor_law import law_in_steady_state
from sdf1_field.solvers.cosine.floor_newton import FloorValue, solve_floor
from sdf1_field.solvers.cosine.state import CosineState
from sdf1_field.solvers.cosine.tolerances import NEWTON_SHARE, Tolerances
from sdf1_field.transport import (
    Ledger,
    Uptake,
    bound_in_steady_state,
    mean_admittance,
    steady_admittance,
)
from sdf1_field.units import MOLECULES_PER_UM3_PER_NM

Array = NDArray[np.float64]

_STEADY_TOLERANCE = 1e-12
"""Of the floor's iteration in steady state, where no time step limits the accuracy."""


def steady_floor(columns: Columns, flux: Array) -> Array:
    """Steady concentration of the lowest layer under constant secretion, without loss on the coat.

    One forward and one inverse transform; nothing above the floor is computed.

    Parameters
    ----------
    flux : ndarray, shape (ny, nx)
        [molecules/(um**2 s)].
    """
    modes = forward(flux)
    modes *= _steady_response(columns)
    modes[0, 0] += _bath_at_floor(columns) * columns.mode_scale
    return inverse(modes)


@functools.lru_cache(maxsize=2)
def _steady_response(columns: Columns) -> Array:
    """Lowest layer's steady response to each mode's secretion [nM um**2 s]."""
    response: Array = 1.0 / (MOLECULES_PER_UM3_PER_NM * _steady_admittance(columns))
    return response


def _steady_admittance(columns: Columns) -> Array:
    """Flux over concentration of the lowest layer in steady state [um/s], shape (ny, nx)."""
    value = steady_admittance(columns.grid, columns.transport, columns.lateral)
    value[0, 0] = mean_admittance(columns.grid, columns.transport)
    return value


def _bath_at_floor(columns: Columns) -> float:
    """Steady concentration of the lowest layer under a bath, without secretion [nM]."""
    mean = columns.mean
    if columns.transport.bath is None:
        return 0.0
    return float(mean.floor_weights @ (mean.forcing / (mean.rates + columns.transport.loss_rate)))


def steady(
    columns: Columns,
    flux: Array,
    *,
    time: float,
    uptake: Uptake | None = None,
    tolerances: Tolerances,
) -> CosineState:
    """Steady state under constant secretion; parameters of `sdf1_field.solvers.Solver.steady`.

    Raises
    ------
    RunError
        If nothing is lost anywhere, or the floor's iteration fails.
    """
    columns.transport.require_steady_state(uptake)
    mean, coat, half_layer = columns.mean, columns.coat, columns.half_layer
    admittance = _steady_admittance(columns)
    source = forward(flux / MOLECULES_PER_UM3_PER_NM)
    free = np.zeros_like(source)
    free[0, 0] = _bath_at_floor(columns) * columns.mode_scale
    if uptake is not None or (coat is not None and coat.loses):
        empty = np.zeros_like(source)
        try:
            solution = solve_floor(
                admittance / (1.0 + half_layer * admittance),
                free,
                source,
                law_in_steady_state(coat, uptake),
                FloorValue(empty, empty),
                tolerance=_STEADY_TOLERANCE,
                absolute_tolerance=NEWTON_SHARE * tolerances.absolute,
            )
        except RunError:
            raise RunError(
                "no steady state was found. Check whether the secreted ligand can be lost: a coat "
                "loses no more than its sites times its loss_rate."
            ) from None
        net = source - solution.flux_modes
        modes = solution.modes - half_layer * net
    else:
        net = source
        modes = free + net / admittance
    layer, face_modes = inverse(modes), modes + half_layer * net
    value = inverse(face_modes)
    bound = np.zeros_like(source)
    if coat is not None:
        bound = bound_in_steady_state(coat, value)
    fading = columns.rates[:, None] + columns.lateral[:, None, :]
    fading[0, :, 0] = math.inf
    amplitudes = columns.floor_weights[:, None] * net[:, None, :] / fading
    forcing = mean.forcing + mean.floor_weights * (net[0, 0] / columns.mode_scale)
    lost = mean.rates + columns.transport.loss_rate
    return CosineState(
        time=time,
        amplitudes=amplitudes,
        # Without loss in the medium the level follows from the floor's mean.
        mean=forcing / lost if lost.all() else _level(columns, forcing, lost, modes[0, 0]),
        bound=bound,
        step=tolerances.first_step,
        ledger=Ledger(),
        layer=layer,
        face=FloorValue(value, face_modes),
    )


def _level(columns: Columns, forcing: Array, lost: Array, mode: float) -> Array:
    """Amplitudes of the mean, the constant one from the floor's mean."""
    mean = columns.mean
    amplitudes = np.zeros_like(forcing)
    amplitudes[1:] = forcing[1:] / lost[1:]
    rest = mode / columns.mode_scale - float(mean.floor_weights @ amplitudes)
    amplitudes[0] = rest / mean.floor_weights[0]
    return amplitudes
