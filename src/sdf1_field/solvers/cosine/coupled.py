"""One step of medium and coat, fully coupled: two implicit stages and the error estimate."""

import math
from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from sdf1_field.compiled import kernel
from sdf1_field.errors import RunError
from sdf1_field.solvers.cosine.columns import Columns
from sdf1_field.solvers.cosine.floor_law import FloorLaw, bound_after, law_over_step
from sdf1_field.solvers.cosine.floor_newton import FloorSolution, FloorValue, solve_floor
from sdf1_field.solvers.cosine.secreted import line_of
from sdf1_field.solvers.cosine.stages import (
    GAMMA,
    KAPPA,
    free_floor,
    responses,
    second_free_floor,
    two_stages,
)
from sdf1_field.solvers.cosine.state import CosineState, booked
from sdf1_field.solvers.cosine.step_error import CoatStep, error_over_tolerance
from sdf1_field.solvers.cosine.tolerances import NEWTON_SHARE, Tolerances
from sdf1_field.sources import Secretion
from sdf1_field.transport import Coat, Uptake
from sdf1_field.units import MOLECULES_PER_UM3_PER_NM

Array = NDArray[np.float64]

SMALLEST_STEP = 1e-9
"""[s]."""
SHRINK = 0.2
"""Least ratio of a shortened step to the rejected one."""


@dataclass(frozen=True, eq=False)
class _Trial:
    state: CosineState
    error: float


def coupled_step(
    columns: Columns,
    uptake: Uptake | None,
    state: CosineState,
    step: float,
    secretion: Secretion,
    tolerances: Tolerances,
) -> _Trial:
    """One step with coat or uptake; its error over the tolerance is NaN if it has no solution.

    Parameters
    ----------
    columns : Columns
    uptake : Uptake or None
        By cells on the floor.
    state : CosineState
        At the beginning.
    step : float
        [s].
    secretion : Secretion
    tolerances : Tolerances
    """
    mean, coat, scale = columns.mean, columns.coat, columns.mode_scale
    admittance, response_to_first = responses(columns, step)
    length = GAMMA * step
    begin, end = line_of(columns, secretion, state.time, state.time + step)
    source = begin + GAMMA * (end - begin) if end is not begin else begin
    once, twice = np.empty_like(source), np.empty_like(source)
    free_floor(
        state.amplitudes, columns.rates, columns.lateral, columns.floor_weights, length, once, twice
    )
    decay = 1.0 / (1.0 + length * (mean.rates + columns.transport.loss_rate))
    middle = decay * (state.mean + length * mean.forcing)
    once[0, 0] = scale * float(mean.floor_weights @ middle)
    try:
        first, law = _stage(
            coat, uptake, admittance, once, source, state.bound, length, state.face, tolerances
        )
        net_first = source - first.flux_modes
        middle = middle + decay * mean.floor_weights * (length * net_first[0, 0] / scale)
        bound_first = _bound_after(coat, law, state.bound, first, length)
        free = np.empty_like(once)
        second_free_floor(once, twice, response_to_first, net_first, free)
        last = decay * ((1.0 - KAPPA) * state.mean + KAPPA * middle + length * mean.forcing)
        free[0, 0] = scale * float(mean.floor_weights @ last)
        begun = state.bound
        if coat is not None:
            begun = (1.0 - KAPPA) * state.bound + KAPPA * bound_first
        second, law_second = _stage(
            coat,
            uptake,
            admittance,
            free,
            end,
            begun,
            length,
            _ahead(state.face, first),
            tolerances,
        )
    except RunError:
        if step <= SMALLEST_STEP / SHRINK:
            raise
        return _Trial(state, math.nan)
    net_second = end - second.flux_modes
    last = last + decay * mean.floor_weights * (length * net_second[0, 0] / scale)
    raw = last - state.mean - (middle - state.mean) / GAMMA
    bound = _bound_after(coat, law_second, begun, second, length)
    amplitudes, missed = np.empty_like(state.amplitudes), np.empty_like(once)
    two_stages(
        state.amplitudes,
        columns.rates,
        columns.lateral,
        columns.floor_weights,
        length,
        net_first,
        net_second,
        amplitudes,
        missed,
    )
    amplitudes[0, :, 0] = 0.0
    missed[0, 0] = scale * float(mean.floor_weights @ (decay * raw))
    _, ended_flux = secretion.line(state.time, state.time + step)
    layer = _layer_below(columns, second, ended_flux)
    ledger = booked(columns, state.ledger, step * ((1.0 - GAMMA) * middle + GAMMA * last), step)
    area = columns.cell_area * MOLECULES_PER_UM3_PER_NM
    if coat is not None and coat.loss_rate > 0.0:
        held = (1.0 - GAMMA) * float(bound_first.sum()) + GAMMA * float(bound.sum())
        ledger = ledger.book(degraded=coat.loss_rate * step * held * columns.cell_area)
    if uptake is not None:
        into_cells = (1.0 - GAMMA) * float(law.into_cells(first.concentration).sum())
        into_cells += GAMMA * float(law_second.into_cells(second.concentration).sum())
        ledger = ledger.book(taken_up=step * into_cells * area)
    error = error_over_tolerance(
        admittance,
        missed,
        first,
        second,
        None if coat is None else CoatStep(coat, law_second, state.bound, bound_first, bound),
        step,
        tolerances,
    )
    moved = CosineState(
        time=state.time + step,
        amplitudes=amplitudes,
        mean=last,
        bound=bound,
        step=state.step,
        ledger=ledger.with_minimum(float(layer.min())),
        layer=layer,
        face=FloorValue(second.concentration, second.modes),
    )
    return _Trial(moved, error)


def _stage(
    coat: Coat | None,
    uptake: Uptake | None,
    admittance: Array,
    free: Array,
    source: Array,
    begun: Array,
    length: float,
    guess: FloorValue,
    tolerances: Tolerances,
) -> tuple[FloorSolution, FloorLaw]:
    """Floor at the end of an implicit stage that began with ``begun`` bound, and its flux law."""
    law = law_over_step(coat, uptake, begun, length)
    solution = solve_floor(
        admittance,
        free,
        source,
        law,
        guess,
        tolerance=NEWTON_SHARE * tolerances.relative,
        absolute_tolerance=NEWTON_SHARE * tolerances.absolute,
    )
    return solution, law


def _layer_below(columns: Columns, solution: FloorSolution, secreted: Array) -> Array:
    """Concentration of the lowest layer below that at z = 0 [nM], by half a layer's resistance."""
    layer = np.empty_like(secreted)
    _half_layer_down(solution.concentration, secreted, solution.flux, columns.half_layer, layer)
    return layer


@kernel(parallel=True)
def _half_layer_down(
    face: Array, secreted: Array, flux: Array, resistance: float, layer: Array
) -> None:
    """Lowest layer from the value at z = 0.

    Parameters
    ----------
    face : ndarray, shape (ny, nx)
        Concentration at z = 0 [nM].
    secreted, flux : ndarray, shape (ny, nx)
        Secretion [molecules/(um**2 s)], and flux onto coat and into cells [nM um/s].
    resistance : float
        Of half a layer [s/um].
    layer : ndarray, shape (ny, nx)
        Overwritten [nM].
    """
    ny, nx = face.shape
    for p in numba.prange(ny):
        for q in range(nx):
            net = secreted[p, q] / MOLECULES_PER_UM3_PER_NM - flux[p, q]
            layer[p, q] = face[p, q] - resistance * net


def _ahead(begin: FloorValue, middle: FloorValue) -> FloorValue:
    """Floor at the end of a step, extrapolated linearly from its beginning and first stage."""
    share = 1.0 / GAMMA
    return FloorValue(
        begin.concentration + share * (middle.concentration - begin.concentration),
        begin.modes + share * (middle.modes - begin.modes),
    )


def _bound_after(
    coat: Coat | None, law: FloorLaw, begun: Array, solution: FloorSolution, length: float
) -> Array:
    """Bound ligand at the end of a stage [molecules/um**2]."""
    if coat is None:
        return begun
    flux = solution.flux
    if law.capacity.size > 1:
        flux = flux - law.into_cells(solution.concentration)
    return bound_after(coat, begun, flux, length)
