"""A step without coat and uptake: exponential integration, exact for a flux linear in time."""

import functools
from dataclasses import replace

import numba
import numpy as np
from numpy.typing import NDArray

from sdf1_field.compiled import kernel
from sdf1_field.modes import inverse
from sdf1_field.solvers.cosine.columns import Columns
from sdf1_field.solvers.cosine.floor_newton import FloorValue
from sdf1_field.solvers.cosine.secreted import line_of
from sdf1_field.solvers.cosine.state import CosineState, booked
from sdf1_field.sources import Secretion
from sdf1_field.units import MOLECULES_PER_UM3_PER_NM

Array = NDArray[np.float64]

_SERIES_BELOW = 1e-2


def exact_step(
    columns: Columns, state: CosineState, secretion: Secretion, until: float
) -> CosineState:
    """State after a step under secretion linear in time, without coat and uptake.

    Parameters
    ----------
    columns : Columns
    state : CosineState
    secretion : Secretion
        Replaced by its least-squares straight line over the step.
    until : float
        End of the step [s].
    """
    step = until - state.time
    mean, scale = columns.mean, columns.mode_scale
    begin, end = line_of(columns, secretion, state.time, until)
    amplitudes, modes = np.empty_like(state.amplitudes), np.empty_like(begin)
    fading, gaining = _fadings(columns, step)
    fading_mean, phi1, phi2, phi3 = _fadings_of_mean(columns, step)
    _exponential(
        state.amplitudes,
        columns.rates,
        columns.lateral,
        fading,
        gaining,
        columns.floor_weights,
        step,
        begin,
        end,
        end is not begin,
        amplitudes,
        modes,
    )
    amplitudes[0, :, 0] = 0.0
    constant = mean.forcing + mean.floor_weights * (begin[0, 0] / scale)
    slope = mean.floor_weights * ((end[0, 0] - begin[0, 0]) / (scale * step))
    integral = phi1 * state.mean + phi2 * constant + phi3 * slope
    after = fading_mean * state.mean + phi1 * constant + phi2 * slope
    modes[0, 0] = scale * float(mean.floor_weights @ after)
    layer = inverse(modes)
    _, secreted = secretion.line(state.time, until)
    jump = columns.half_layer / MOLECULES_PER_UM3_PER_NM
    ledger = booked(columns, state.ledger, integral, step)
    return replace(
        state,
        time=until,
        amplitudes=amplitudes,
        mean=after,
        ledger=ledger.with_minimum(float(layer.min())),
        layer=layer,
        face=FloorValue(layer + jump * secreted, modes + columns.half_layer * end),
    )


@functools.lru_cache(maxsize=2)
def _fadings(columns: Columns, step: float) -> tuple[Array, Array]:
    """Factor by which lateral diffusion and loss damp each mode over a step, and 1 minus it."""
    exponent = -columns.lateral * step
    return np.exp(exponent), -np.expm1(exponent)


@functools.lru_cache(maxsize=4)
def _fadings_of_mean(columns: Columns, step: float) -> tuple[Array, Array, Array, Array]:
    """Decay of the mean's amplitudes over a step, and its integral once, twice and three times."""
    rate = columns.mean.rates + columns.transport.loss_rate
    return np.exp(-rate * step), _phi1(rate, step), _phi2(rate, step), _phi3(rate, step)


def _phi1(rate: Array, step: float) -> Array:
    """Integral of ``exp(-rate t)`` over the step."""
    x = rate * step
    safe = np.where(x > 0.0, x, 1.0)
    result: Array = step * np.where(x > 0.0, -np.expm1(-safe) / safe, 1.0)
    return result


def _phi2(rate: Array, step: float) -> Array:
    """Integral over the step of `_phi1` up to each time."""
    x = rate * step
    small = np.minimum(x, _SERIES_BELOW)
    safe = np.maximum(x, _SERIES_BELOW)
    series = 0.5 - small / 6 + small**2 / 24 - small**3 / 120 + small**4 / 720 - small**5 / 5040
    result: Array = step**2 * np.where(
        x < _SERIES_BELOW, series, (1.0 + np.expm1(-safe) / safe) / safe
    )
    return result


def _phi3(rate: Array, step: float) -> Array:
    """Integral over the step of `_phi2` up to each time."""
    x = rate * step
    small = np.minimum(x, _SERIES_BELOW)
    safe = np.maximum(x, _SERIES_BELOW)
    series = 1.0 / 6 - small / 24 + small**2 / 120 - small**3 / 720 + small**4 / 5040
    result: Array = step**3 * np.where(
        x < _SERIES_BELOW, series, (0.5 - (1.0 + np.expm1(-safe) / safe) / safe) / safe
    )
    return result


@kernel(parallel=True)
def _exponential(
    before: Array,
    rates: Array,
    lateral: Array,
    fading: Array,
    gaining: Array,
    weights: Array,
    step: float,
    begin: Array,
    end: Array,
    sloped: bool,
    after: Array,
    floor: Array,
) -> None:
    """Amplitudes after a step under a flux that is constant or linear in time, and their floor.

    Parameters
    ----------
    before : ndarray, shape (ny, pole, nx)
        Amplitudes at the beginning [nM um**1/2].
    rates, weights : ndarray, shape (pole,)
        [1/s], [um**-1/2].
    lateral : ndarray, shape (ny, nx)
        ``D q**2 + loss`` of each mode [1/s].
    fading, gaining : ndarray, shape (ny, nx)
        ``exp(-lateral step)``, and 1 minus it.
    step : float
        [s].
    begin, end : ndarray, shape (ny, nx)
        Modes of the flux at both ends [nM um/s].
    sloped : bool
        Whether they differ.
    after : ndarray, shape (ny, pole, nx)
        Overwritten: amplitudes at the end.
    floor : ndarray, shape (ny, nx)
        Overwritten: modes of the lowest layer's concentration at the end [nM].
    """
    ny, nz, nx = before.shape
    decays = np.exp(-rates * step)
    gains = -np.expm1(-rates * step)
    for p in numba.prange(ny):
        floor[p] = 0.0
        for m in range(nz):
            decay_m, gain_m, rate_m, weight = decays[m], gains[m], rates[m], weights[m]
            for q in range(nx):
                total = rate_m + lateral[p, q]
                # 1 - exp(-(a + b)) as a sum of positive terms, without cancellation.
                phi = (gain_m + decay_m * gaining[p, q]) / total if total > 0.0 else step
                a = before[p, m, q] * decay_m * fading[p, q] + weight * phi * begin[p, q]
                if sloped:
                    a += weight * _sloped(total, phi, step) * (end[p, q] - begin[p, q])
                after[p, m, q] = a
                floor[p, q] += weight * a


@kernel(inline=True)
def _sloped(total: float, phi: float, step: float) -> float:
    """Response to a flux that rises from 0 to 1 over the step, ``(step - phi) / (total step)``."""
    x = total * step
    if x < _SERIES_BELOW:
        return step * (0.5 - x / 6 + x**2 / 24 - x**3 / 120 + x**4 / 720)
    return (step - phi) / x
