"""The two implicit Runge-Kutta stages of a step: amplitudes, and their floor.

A stage of length ``h = GAMMA step`` multiplies an amplitude by ``d = 1 / (1 + h (rate + lateral))``
and adds ``d w h`` times the flux of its end. Amplitudes are in nM um**1/2, fluxes in nM um/s.
"""

import functools
import math

import numba
import numpy as np
from numpy.typing import NDArray

from sdf1_field.compiled import kernel
from sdf1_field.solvers.cosine.columns import Columns

Array = NDArray[np.float64]

ORDER = 2
"""Declared order in the step, with coat or uptake; without them a step is exact."""
GAMMA = 1.0 - math.sqrt(0.5)
KAPPA = (1.0 - GAMMA) / GAMMA
"""The second stage starts from ``(1 - kappa) y + kappa y_1``."""


@functools.lru_cache(maxsize=2)
def responses(columns: Columns, step: float) -> tuple[Array, Array]:
    """Admittance at z = 0 over a stage, and the second stage's response to the first one's flux.

    Parameters
    ----------
    columns : Columns
    step : float
        [s].

    Returns
    -------
    admittance, response : ndarray, shape (ny, nx)
        [um/s], [s/um].
    """
    length = GAMMA * step
    response = np.empty((2, *columns.lateral.shape))
    _respond(columns.rates, columns.lateral, columns.floor_weights, length, response)
    mean = columns.mean
    decay = 1.0 / (1.0 + length * (mean.rates + columns.transport.loss_rate))
    response[0, 0, 0] = float(mean.floor_weights**2 @ decay) * length
    response[1, 0, 0] = float(mean.floor_weights**2 @ decay**2) * length
    return 1.0 / (response[0] + columns.half_layer), response[1]


@kernel(parallel=True)
def _respond(rates: Array, lateral: Array, weights: Array, length: float, response: Array) -> None:
    """Sums over poles of ``w**2 length d`` and ``w**2 length d**2`` [s/um].

    Parameters
    ----------
    rates, lateral, weights, length
        As of `two_stages`.
    response : ndarray, shape (2, ny, nx)
        Overwritten.
    """
    ny, nx = lateral.shape
    for p in numba.prange(ny):
        response[0, p] = 0.0
        response[1, p] = 0.0
        for m in range(rates.size):
            gain = weights[m] * weights[m] * length
            for q in range(nx):
                decay = 1.0 / (1.0 + length * (rates[m] + lateral[p, q]))
                response[0, p, q] += gain * decay
                response[1, p, q] += gain * decay * decay


@kernel(parallel=True)
def free_floor(
    before: Array,
    rates: Array,
    lateral: Array,
    weights: Array,
    length: float,
    once: Array,
    twice: Array,
) -> None:
    """Floor of the amplitudes after one and after two stages without flux.

    Parameters
    ----------
    before, rates, lateral, weights, length
        As of `two_stages`.
    once, twice : ndarray, shape (ny, nx)
        Overwritten: modes of the lowest layer's concentration [nM].
    """
    ny, nz, nx = before.shape
    for p in numba.prange(ny):
        once[p] = 0.0
        twice[p] = 0.0
        for m in range(nz):
            for q in range(nx):
                decay = 1.0 / (1.0 + length * (rates[m] + lateral[p, q]))
                a = weights[m] * decay * before[p, m, q]
                once[p, q] += a
                twice[p, q] += decay * a


@kernel(parallel=True)
def second_free_floor(once: Array, twice: Array, response: Array, net: Array, free: Array) -> None:
    """Floor at the end of the second stage without its own flux.

    Parameters
    ----------
    once, twice : ndarray, shape (ny, nx)
        Of `free_floor` [nM].
    response : ndarray, shape (ny, nx)
        Second result of `responses` [s/um].
    net : ndarray, shape (ny, nx)
        Modes of the flux into the medium in the first stage [nM um/s].
    free : ndarray, shape (ny, nx)
        Overwritten [nM].
    """
    for p in numba.prange(once.shape[0]):
        for q in range(once.shape[1]):
            again = twice[p, q] + response[p, q] * net[p, q]
            free[p, q] = (1.0 - KAPPA) * once[p, q] + KAPPA * again


@kernel(parallel=True)
def two_stages(
    before: Array,
    rates: Array,
    lateral: Array,
    weights: Array,
    length: float,
    first: Array,
    second: Array,
    after: Array,
    missed: Array,
) -> None:
    """Amplitudes after both stages under their fluxes, and the raw error estimate at the floor.

    Parameters
    ----------
    before : ndarray, shape (ny, pole, nx)
        Amplitudes at the beginning of the step [nM um**1/2].
    rates : ndarray, shape (pole,)
        [1/s].
    lateral : ndarray, shape (ny, nx)
        ``D q**2 + loss`` of each mode [1/s].
    weights : ndarray, shape (pole,)
        ``w`` [um**-1/2].
    length : float
        Of a stage [s].
    first, second : ndarray, shape (ny, nx)
        Modes of the flux into the medium in each stage [nM um/s].
    after : ndarray, shape (ny, pole, nx)
        Overwritten: amplitudes at the end of the step.
    missed : ndarray, shape (ny, nx)
        Overwritten: modes of the raw estimate, see `step_error`, in the lowest layer at the end
        of a stage without flux [nM].
    """
    ny, nz, nx = before.shape
    for p in numba.prange(ny):
        missed[p] = 0.0
        for m in range(nz):
            gain = weights[m] * length
            for q in range(nx):
                decay = 1.0 / (1.0 + length * (rates[m] + lateral[p, q]))
                a = before[p, m, q]
                middle = decay * (a + gain * first[p, q])
                start = (1.0 - KAPPA) * a + KAPPA * middle
                end = decay * (start + gain * second[p, q])
                after[p, m, q] = end
                missed[p, q] += weights[m] * decay * (end - a - (middle - a) / GAMMA)
