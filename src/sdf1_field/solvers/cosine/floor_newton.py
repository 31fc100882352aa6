"""Newton-Krylov iteration for the floor: medium and flux law coupled implicitly.

Over an implicit stage, or in steady state, the medium is reduced to its floor: each cosine mode of
the concentration at z = 0 obeys ``Y (c - free) = s - f(c)`` with the medium's admittance ``Y`` (its
Dirichlet-to-Neumann map, see `sdf1_field.transport`), the value ``free`` that the floor would take
without any flux, the secretion ``s`` and the flux law ``f`` (`FloorLaw`).
"""

import math
from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from sdf1_field.compiled import kernel
from sdf1_field.errors import RunError
from sdf1_field.modes import forward, inverse
from sdf1_field.solvers.cosine.floor_law import FloorLaw

Array = NDArray[np.float64]

_NEWTON_LIMIT = 50
_KRYLOV_LIMIT = 300
_KRYLOV_TOLERANCE = 1e-3
_KRYLOV_SHARE = 0.3
"""Tolerance of the conjugate gradients, as a share of Newton's."""
_ROUGH = 0.1
"""Relative tolerance of `linear_response`, whose result is an estimate."""
_UNIFORM_SLOPE = 1e-3
"""Relative spread of the law's slope below which it counts as uniform."""


@dataclass(frozen=True, eq=False)
class FloorValue:
    """Floor concentration [nM], shape (ny, nx), in space and as cosine modes."""

    concentration: Array
    modes: Array


@dataclass(frozen=True, eq=False)
class FloorSolution(FloorValue):
    """Floor value, and the flux out of the medium there.

    Parameters
    ----------
    flux, flux_modes : ndarray, shape (ny, nx)
        [nM um/s].
    slope : ndarray, shape (ny, nx)
        Of the flux law in the concentration [um/s].
    middle : float
        Middle of its least and greatest value [um/s].
    uniform : bool
        Whether it is nearly the same everywhere.
    """

    flux: Array
    flux_modes: Array
    slope: Array
    middle: float
    uniform: bool


def solve_floor(
    admittance: Array,
    free: Array,
    source: Array,
    law: FloorLaw,
    guess: FloorValue,
    *,
    tolerance: float,
    absolute_tolerance: float,
) -> FloorSolution:
    """Floor concentration that satisfies ``Y (c - free) + law(c) = source``.

    Newton's method in the cosine basis. Its linear systems are solved by conjugate gradients,
    preconditioned with one slope for all places (diagonal in the modes), the middle of the law's
    least and greatest slope; where the slope is nearly uniform that preconditioner is the solution.
    Converged when the correction that the residual still asks for under the middle slope is below
    the tolerance, both in the mean and in the deviation from the mean; where the slope is uneven
    the error may be several times that.

    Parameters
    ----------
    admittance : ndarray, shape (ny, nx)
        ``Y`` of each mode [um/s], >= 0.
    free, source : ndarray, shape (ny, nx)
        Modes of the value without flux [nM] and of the secretion [nM um/s].
    law : FloorLaw
    guess : FloorValue
        Where to start.
    tolerance : float
        Relative.
    absolute_tolerance : float
        [nM].

    Raises
    ------
    RunError
        If the iteration does not converge.
    """
    concentration, modes = guess.concentration, guess.modes
    # An orthonormal transform multiplies a constant by the root of the number of cells.
    root = math.sqrt(modes.size)
    absolute = absolute_tolerance * root
    residual, correction = np.empty_like(modes), np.empty_like(modes)
    flux, slope = np.empty_like(modes), np.empty_like(modes)
    rows = np.empty((modes.shape[0], 2))
    low, high = law.evaluate(concentration, flux, slope)
    flux_modes = forward(flux)
    for turn in range(_NEWTON_LIMIT + 1):
        middle = 0.5 * (low + high)
        uniform = high - low <= _UNIFORM_SLOPE * (low + high)
        _residual(admittance, free, source, flux_modes, modes, middle, residual, correction, rows)
        moves, size = _column_sums(rows)
        if not math.isfinite(moves):
            break
        mean_limit = tolerance * abs(float(modes[0, 0])) + absolute
        deviation_limit = tolerance * math.sqrt(size) + absolute
        # The guess itself is never returned: its flux may belong to another time.
        if turn > 0 and abs(correction[0, 0]) <= mean_limit and moves <= deviation_limit**2:
            return FloorSolution(concentration, modes, flux, flux_modes, slope, middle, uniform)
        if not uniform:
            correction = _conjugate_gradients(
                admittance, slope, residual, correction, middle,
                enough=_KRYLOV_SHARE * min(mean_limit, deviation_limit),
            )  # fmt: skip
        moved = inverse(correction)
        if uniform:
            # Where the law is nearly linear its linearised flux is known in both spaces.
            after, line, bend = law.along(concentration, flux, moved, middle)
            mean_left = abs(float(bend.sum())) / root / (float(admittance[0, 0]) + low)
            if (
                mean_left <= mean_limit
                and float(np.vdot(bend, bend)) <= (deviation_limit * low) ** 2
            ):
                return FloorSolution(
                    after, modes + correction, line, flux_modes + middle * correction,
                    slope, middle, uniform,
                )  # fmt: skip
        modes = modes + correction
        concentration = concentration + moved
        low, high = law.evaluate(concentration, flux, slope)
        flux_modes = forward(flux)
    raise RunError(
        f"the floor's coupling with coat and cells did not converge in {_NEWTON_LIMIT} "
        "iterations. Lower numerics.first_step and numerics.coupling_step, or "
        "coat.association_rate."
    )


def linear_response(admittance: Array, floor: FloorSolution, driven: Array) -> Array:
    """Small change of a floor's modes [nM] under a small change of the flux into it.

    Parameters
    ----------
    admittance : ndarray, shape (ny, nx)
        [um/s].
    floor : FloorSolution
    driven : ndarray, shape (ny, nx)
        Modes of the flux [nM um/s].
    """
    response: Array = driven / (admittance + floor.middle)
    if floor.uniform:
        return response
    enough = _ROUGH * math.sqrt(float(np.vdot(response, response)))
    return _conjugate_gradients(
        admittance, floor.slope, driven, response, floor.middle, enough=enough
    )


@kernel(parallel=True)
def _residual(
    admittance: Array,
    free: Array,
    source: Array,
    flux_modes: Array,
    modes: Array,
    middle: float,
    residual: Array,
    correction: Array,
    rows: Array,
) -> None:
    """Residual, the correction under the middle slope, and sums of squares by row.

    The sums are those of the correction and of the modes, without the (0, 0) mode, the mean.

    Parameters
    ----------
    admittance, free, source : ndarray, shape (ny, nx)
        As of `solve_floor`.
    flux_modes, modes : ndarray, shape (ny, nx)
        Modes of the law's flux [nM um/s] and of the concentration [nM].
    middle : float
        Middle of the law's least and greatest slope [um/s].
    residual, correction : ndarray, shape (ny, nx)
        Overwritten [nM um/s], [nM].
    rows : ndarray, shape (ny, 2)
        Overwritten: sums of squares over each row.
    """
    ny, nx = modes.shape
    for p in numba.prange(ny):
        moves, size = 0.0, 0.0
        for q in range(nx):
            y, value = admittance[p, q], modes[p, q]
            left = source[p, q] - flux_modes[p, q] - y * (value - free[p, q])
            move = left / (y + middle)
            residual[p, q] = left
            correction[p, q] = move
            moves += move * move
            size += value * value
        if p == 0:
            moves -= correction[0, 0] ** 2
            size -= modes[0, 0] ** 2
        rows[p, 0] = moves
        rows[p, 1] = size


def _conjugate_gradients(
    admittance: Array,
    slope: Array,
    residual: Array,
    first: Array,
    middle: float,
    *,
    enough: float,
) -> Array:
    """Solve ``(Y + slope) correction = residual``, preconditioned with the middle slope.

    Parameters
    ----------
    first : ndarray, shape (ny, nx)
        ``residual / (Y + middle)``.
    enough : float
        Norm below which the remaining correction, under the middle slope, is left out.
    """
    direction = first.copy()
    preconditioned = direction
    correction, rest = np.zeros_like(residual), residual.copy()
    product = float(np.vdot(rest, direction))
    goal = _KRYLOV_TOLERANCE**2 * product
    preconditioner = 1.0 / (admittance + middle)
    for _ in range(_KRYLOV_LIMIT):
        if product <= goal or float(np.vdot(preconditioned, preconditioned)) <= enough**2:
            return correction
        image = admittance * direction + forward(slope * inverse(direction))
        length = product / float(np.vdot(direction, image))
        correction += length * direction
        rest -= length * image
        preconditioned = preconditioner * rest
        previous, product = product, float(np.vdot(rest, preconditioned))
        direction *= product / previous
        direction += preconditioned
    raise RunError(
        f"the floor's linear solve did not converge in {_KRYLOV_LIMIT} iterations. "
        "Lower numerics.coupling_step or make the coat more even."
    )


@kernel()
def _column_sums(rows: Array) -> tuple[float, float]:
    """Sums of two columns, from the first row to the last."""
    first, second = 0.0, 0.0
    for p in range(rows.shape[0]):
        first += rows[p, 0]
        second += rows[p, 1]
    return first, second
