"""Eigenvectors of the layers' exchange, and their projection on few poles (model reduction)."""

import math

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from sdf1_field.grid import Grid
from sdf1_field.transport import Transport

Array = NDArray[np.float64]

_INSTANT = 0.1
"""Weight of the error after an instantaneous flux, which soon decays at the floor."""
_SLOW = 1e-3
"""Share of the slowest exchange below which a column counts as well mixed."""
_SAME = 1e-10
"""Share of a direction outside the basis below which it is round-off."""
_SHIFTS = 120
"""Candidates for the projection's shifts, from the slowest rate to the fastest."""


def eigenvectors(h: Array, conductance: Array, outward: float) -> tuple[Array, Array]:
    """Rates and eigenvectors of diffusion between layers (finite volumes in z), bath at the top."""
    diagonal, beside = _exchange(h, conductance, outward)
    rates, vectors = scipy.linalg.eigh_tridiagonal(diagonal, beside)
    return np.maximum(rates, 0.0), vectors


def _exchange(h: Array, conductance: Array, outward: float) -> tuple[Array, Array]:
    """Diagonal and off-diagonal of the exchange, symmetrised by the root of the thickness."""
    exchange = np.zeros(len(h))
    exchange[:-1] += conductance
    exchange[1:] += conductance
    exchange[-1] += outward
    root = np.sqrt(h)
    return exchange / h, -conductance / (root[:-1] * root[1:])


def poles(
    grid: Grid, transport: Transport, lateral: Array, *, tolerance: float
) -> tuple[Array, Array]:
    """Rates and vectors of a projected column whose floor responds like that of the whole one.

    Galerkin projection on the rational Krylov space of ``(A + s)^-1 e_0``. Shifts s are added
    greedily, each where the response to a flux that grows with the rate s is worst, until that
    response, and the response in time to a constant and to an instantaneous flux, are within the
    tolerance at all rates and times of the modes.

    Parameters
    ----------
    grid : Grid
    transport : Transport
    lateral : ndarray, shape (ny, nx)
        ``D q**2 + loss`` of each mode [1/s].
    tolerance : float
        Greatest relative error of a response [1].

    Returns
    -------
    rates, vectors : ndarray, shape (pole,) and (nz, pole)
    """
    conductance, outward = transport.conductances(grid), transport.top_conductance(grid)
    rates, vectors = eigenvectors(grid.thickness, conductance, outward)
    weights = vectors[0]
    fades = lateral.ravel()[1:]
    slowest = float(fades.min()) if len(fades) else transport.loss_rate
    slowest = max(slowest, float(rates[rates > 0.0].min(initial=np.inf)) * _SLOW, 0.0)
    if grid.nz <= 2 or not math.isfinite(slowest):
        return rates, vectors
    fastest = float(rates[-1])
    shifts = np.geomspace(slowest, fastest, _SHIFTS)
    times = 1.0 / shifts
    whole = _answers(weights, rates, slowest, shifts, times)
    basis = np.zeros((grid.nz, 0))
    start = np.zeros(grid.nz)
    start[0] = 1.0
    direction = start
    while True:
        whole_length = float(np.linalg.norm(direction))
        for _ in range(2):
            direction = direction - basis @ (basis.T @ direction)
        length = float(np.linalg.norm(direction))
        if basis.shape[1] + 1 == grid.nz or length < _SAME * whole_length:
            return rates, vectors
        basis = np.column_stack([basis, direction / length])
        seen = vectors.T @ basis
        own, turn = np.linalg.eigh(seen.T @ (rates[:, None] * seen))
        own = np.maximum(own, 0.0)
        part = basis @ turn
        misses = [
            np.abs(a / b - 1.0)
            for a, b in zip(_answers(part[0], own, slowest, shifts, times), whole, strict=True)
        ]
        by_shift, to_constant, to_instant = (float(miss.max()) for miss in misses)
        if max(by_shift, to_constant, _INSTANT * to_instant) <= tolerance:
            return own, part
        shift = float(shifts[int(misses[0].argmax())])
        direction = vectors @ (weights / (rates + shift))


def _answers(
    weights: Array, rates: Array, fading: float, shifts: Array, times: Array
) -> tuple[Array, Array, Array]:
    """Response of the floor to a flux: by shift, and in time to a constant and an instant one."""
    square = weights**2
    by_shift = square @ (1.0 / (rates[:, None] + shifts))
    faded = np.exp(-(rates[:, None] + fading) * times)
    to_constant = square @ ((1.0 - faded) / (rates[:, None] + fading))
    return by_shift, to_constant, square @ faded
