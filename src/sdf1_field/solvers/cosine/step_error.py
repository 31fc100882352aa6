"""Error estimate of a step, over its tolerance.

The raw estimate is the difference ``e`` from the embedded first-order result ``y + step f(y_1)``.
For what reacts within the step it is as large as any jump of the secretion, however long the step,
while the method damps that jump. It is therefore damped by the matrix of a stage once more,
``(1 + GAMMA step A) error = e``, which leaves alone what changes slowly.

References
----------
Hairer & Wanner (1996) Solving Ordinary Differential Equations II, section IV.8.
"""

import math
from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from sdf1_field.compiled import kernel
from sdf1_field.modes import forward
from sdf1_field.solvers.cosine.floor_law import FloorLaw
from sdf1_field.solvers.cosine.floor_newton import FloorSolution, linear_response
from sdf1_field.solvers.cosine.stages import GAMMA, KAPPA
from sdf1_field.solvers.cosine.tolerances import Tolerances
from sdf1_field.transport import Coat
from sdf1_field.units import MOLECULES_PER_UM3_PER_NM

Array = NDArray[np.float64]

_FILLING = 1.0
"""Time within which the gain of a coat counts as small, even of an almost empty one [s]."""


@dataclass(frozen=True, eq=False)
class CoatStep:
    """A coat over a step: its amount at the beginning and after each stage, and its law.

    Parameters
    ----------
    coat : Coat
    law : FloorLaw
        Of the second stage.
    before, middle, after : ndarray, shape (ny, nx)
        [molecules/um**2].
    """

    coat: Coat
    law: FloorLaw
    before: Array
    middle: Array
    after: Array


def error_over_tolerance(
    admittance: Array,
    missed: Array,
    first: FloorSolution,
    second: FloorSolution,
    coat: CoatStep | None,
    step: float,
    tolerances: Tolerances,
) -> float:
    """Error over tolerance of the mean or of the deviation from it, whichever is larger.

    Parameters
    ----------
    admittance : ndarray, shape (ny, nx)
        Of a stage [um/s].
    missed : ndarray, shape (ny, nx)
        Modes of the raw estimate, in the lowest layer at the end of a stage without flux [nM].
    first, second : FloorSolution
        Of the stages.
    coat : CoatStep or None
    step : float
        [s].
    tolerances : Tolerances
    """
    root, length = math.sqrt(missed.size), GAMMA * step
    on_coat, returned, gain, kept = missed, 0.0, 0.0, 1.0
    if coat is not None:
        kept = 1.0 / (1.0 + length * coat.coat.loss_rate)
        gain = length * MOLECULES_PER_UM3_PER_NM
        returned = coat.law.slope_in_bound(float(second.modes[0, 0]) / root)
        on_coat = _raw_on_coat(coat, first, second, gain * kept, kept)
    at_floor = missed
    if not second.uniform:
        at_floor = linear_response(admittance, second, admittance * missed + returned * on_coat)
    rows, means = np.empty((len(missed), 3)), np.empty(2)
    _damp(
        admittance, missed, on_coat, second.modes, second.uniform, at_floor,
        (returned, second.middle, gain, kept), means, rows,
    )  # fmt: skip
    floor, bound, size = (math.sqrt(max(float(total), 0.0)) for total in rows.sum(axis=0))
    limit, absolute = tolerances.first_order, tolerances.absolute * root
    error = max(
        abs(float(means[0])) / (limit * abs(float(second.modes[0, 0])) + absolute),
        floor / (limit * size + absolute),
    )
    if coat is None:
        return error
    origin, gained = float(coat.after[0, 0]), float(coat.after[0, 0] - coat.before[0, 0])
    rows = np.empty((len(missed), 4))
    _size_and_gain(coat.before, coat.after, origin, gained, rows)
    a1, a2, g1, g2 = (float(total) / missed.size for total in rows.sum(axis=0))
    # A coat that has just begun to fill is measured against its gain in the near future.
    later = tolerances.relative * max(_FILLING / step - 1.0, 0.0)
    # The loss of what was there, which is not in the fluxes.
    lost = (kept * length * coat.coat.loss_rate) ** 2
    for missing, held, grown in (
        (abs(float(means[1])) / root, abs(a1 + origin), abs(g1 + gained)),
        (bound / root, _spread(a1, a2), _spread(g1, g2)),
    ):
        allowed = limit * held + later * grown + tolerances.absolute
        error = max(error, (missing + lost * held) / allowed)
    return error


def _raw_on_coat(
    coat: CoatStep, first: FloorSolution, second: FloorSolution, gain: float, kept: float
) -> Array:
    """Modes of the raw estimate on the coat [molecules/um**2], shape (ny, nx).

    Parameters
    ----------
    coat : CoatStep
    first, second : FloorSolution
    gain : float
        What a flux of 1 nM um/s leaves on the coat in a stage [molecules/um**2].
    kept : float
        Share of the bound ligand that is not lost in a stage [1].
    """
    if coat.law.capacity.size > 1:
        return forward(coat.after - coat.before - (coat.middle - coat.before) / GAMMA)
    raw: Array = first.flux_modes * (KAPPA * kept - 1.0 / GAMMA)
    raw += second.flux_modes
    raw *= gain
    return raw


def _spread(mean: float, mean_square: float) -> float:
    return math.sqrt(max(mean_square - mean**2, 0.0))


@kernel(parallel=True)
def _damp(
    admittance: Array,
    missed: Array,
    on_coat: Array,
    modes: Array,
    uniform: bool,
    at_floor: Array,
    numbers: tuple[float, float, float, float],
    means: Array,
    rows: Array,
) -> None:
    """Damp the raw estimate: its means, and sums of squares by row beside the mean.

    Parameters
    ----------
    admittance, missed : ndarray, shape (ny, nx)
        As of `error_over_tolerance`.
    on_coat : ndarray, shape (ny, nx)
        Of `_raw_on_coat`.
    modes : ndarray, shape (ny, nx)
        Of the floor [nM].
    uniform : bool
        Whether the law's slope is; otherwise ``at_floor`` is given.
    at_floor : ndarray, shape (ny, nx)
        Damped estimate at the floor [nM].
    numbers : tuple of float
        Slope of the flux in the bound ligand and in the concentration, and the last two parameters
        of `_raw_on_coat`.
    means : ndarray, shape (2,)
        Overwritten: modes (0, 0) of the estimate at the floor and on the coat.
    rows : ndarray, shape (ny, 3)
        Overwritten: of the estimate at the floor and on the coat, and of ``modes``.
    """
    returned, middle, gain, kept = numbers
    ny, nx = missed.shape
    for p in numba.prange(ny):
        floor2, coat2, size2 = 0.0, 0.0, 0.0
        for q in range(nx):
            y, raw = admittance[p, q], on_coat[p, q]
            floor = at_floor[p, q]
            if uniform:
                floor = (y * missed[p, q] + returned * raw) / (y + middle)
            bound = (raw + gain * y * (missed[p, q] - floor)) * kept
            if p == 0 and q == 0:
                means[0], means[1] = floor, bound
            else:
                floor2 += floor * floor
                coat2 += bound * bound
                size2 += modes[p, q] * modes[p, q]
        rows[p, 0], rows[p, 1], rows[p, 2] = floor2, coat2, size2


@kernel(parallel=True)
def _size_and_gain(before: Array, after: Array, origin: float, gained: float, rows: Array) -> None:
    """Sums by row of the bound ligand and of its gain, and of their squares.

    Parameters
    ----------
    before, after : ndarray, shape (ny, nx)
        As of `CoatStep`.
    origin, gained : float
        Subtracted from amount and gain, against cancellation.
    rows : ndarray, shape (ny, 4)
        Overwritten.
    """
    ny, nx = after.shape
    for p in numba.prange(ny):
        a1, a2, g1, g2 = 0.0, 0.0, 0.0, 0.0
        for q in range(nx):
            a, g = after[p, q] - origin, after[p, q] - before[p, q] - gained
            a1 += a
            a2 += a * a
            g1 += g
            g2 += g * g
        rows[p, 0], rows[p, 1] = a1, a2
        rows[p, 2], rows[p, 3] = g1, g2
