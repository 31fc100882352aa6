"""The equations of a ligand in the dish, the law of the floor, and the mass audit.

    dc/dt = D lap(c) - k c                              in the medium
    -D dc/dz = s - j                                    on the floor
    db/dt = j - k_b b,  j = k_on c (B - b) - k_off b    on the coat

A solver reduces the medium to what the floor feels of it: over a step, or in steady state, each
cosine mode of the floor obeys ``Y (c - free) = s - j`` with an admittance ``Y`` and the value
``free`` that the floor would take by itself. `solve_floor` couples that with the coat.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from sdf1_field.compiled import kernel
from sdf1_field.errors import RunError
from sdf1_field.units import MOLECULES_PER_UM3_PER_NM

Array = NDArray[np.float64]

_NEWTON_LIMIT = 50
_KRYLOV_LIMIT = 300
_KRYLOV_TOLERANCE = 1e-3
_UNIFORM_SLOPE = 1e-3
"""Relative spread of the coat's slope below which its mean is as good as Newton's matrix."""


@dataclass(frozen=True)
class Coat:
    """Langmuir coat on the floor.

    Parameters
    ----------
    sites : float
        ``B`` [molecules/um**2].
    association_rate : float
        ``k_on`` [1/(nM s)].
    dissociation_rate, loss_rate : float
        ``k_off`` and ``k_b`` [1/s].
    """

    sites: float
    association_rate: float
    dissociation_rate: float
    loss_rate: float


@dataclass(frozen=True)
class Transport:
    """The equation of one ligand as a value.

    Parameters
    ----------
    diffusivity : float
        ``D`` [um**2/s].
    loss_rate : float
        ``k`` [1/s].
    coat : Coat or None
        None where nothing binds.
    bath : float or None
        Concentration held at the top [nM]; None for a closed top.
    """

    diffusivity: float
    loss_rate: float
    coat: Coat | None = None
    bath: float | None = None

    def require_steady_state(self) -> None:
        """Raise unless something is lost somewhere.

        Raises
        ------
        RunError
            If every wall is closed and nothing is lost.
        """
        lost = self.loss_rate > 0 or (
            self.coat is not None
            and self.coat.sites * self.coat.association_rate * self.coat.loss_rate > 0
        )
        if self.bath is None and not lost:
            raise RunError(
                "no steady state, since every wall is closed and nothing is lost. "
                "Set loss_rate, open the top, or ask for a transient."
            )


@dataclass(frozen=True)
class Ledger:
    """What has come and gone since the start [molecules], and the lowest floor value seen [nM]."""

    secreted: float = 0.0
    added: float = 0.0
    degraded: float = 0.0
    through_top: float = 0.0
    removed: float = 0.0
    taken_up: float = 0.0
    minimum: float = 0.0

    def book(self, **amounts: float) -> "Ledger":
        """Ledger with amounts [molecules] added to the named entries."""
        return replace(self, **{key: getattr(self, key) + value for key, value in amounts.items()})

    def imbalance(self, in_medium: float, bound: float) -> float:
        """What is missing from the books, relative to all that came in.

        Parameters
        ----------
        in_medium, bound : float
            Held now [molecules].

        Returns
        -------
        float
            (secreted + added - in medium - bound - degraded - through the top - removed
            - taken up) / (secreted + added + any net inflow through the top); 0 if nothing
            came in.
        """
        came = self.secreted + self.added + max(-self.through_top, 0.0)
        gone = self.degraded + self.through_top + self.removed + self.taken_up
        missing = self.secreted + self.added - gone - in_medium - bound
        return missing / came if came > 0 else 0.0


def forward(values: Array) -> Array:
    """Orthonormal type-II cosine transform of a floor array, shape (ny, nx)."""
    return np.asarray(scipy.fft.dctn(values, type=2, norm="ortho"))


def inverse(modes: Array) -> Array:
    """Inverse of `forward`."""
    return np.asarray(scipy.fft.idctn(modes, type=2, norm="ortho"))


FloorLaw = Callable[[Array], tuple[Array, Array]]
"""Floor concentration [nM] to flux into the coat [nM um/s] and its slope [um/s]."""


def coat_over_step(coat: Coat, bound: Array, step: float) -> FloorLaw:
    """Implicit law of the coat over a step at whose end flux and concentration are taken.

    Eliminates ``b' = (b + step j) / (1 + step k_b)`` from ``j = k_on c (B - b') - k_off b'``.

    Parameters
    ----------
    coat : Coat
    bound : ndarray, shape (ny, nx)
        At the beginning of the step [molecules/um**2].
    step : float
        [s].
    """
    sites = coat.sites / MOLECULES_PER_UM3_PER_NM
    before = bound / MOLECULES_PER_UM3_PER_NM
    kept = 1.0 + step * coat.loss_rate

    def law(c: Array) -> tuple[Array, Array]:
        flux, slope = np.empty_like(c), np.empty_like(c)
        _implicit_law(
            c,
            coat.association_rate * (sites * kept - before),
            coat.dissociation_rate * before,
            kept + step * coat.dissociation_rate,
            step * coat.association_rate,
            flux,
            slope,
        )
        return flux, slope

    return law


@kernel()
def _implicit_law(
    c: Array, room: Array, release: Array, base: float, taking: float, flux: Array, slope: Array
) -> None:
    """Flux and slope; below zero along the tangent, so that no Newton step can reach the pole."""
    for p in range(c.shape[0]):
        for q in range(c.shape[1]):
            positive = max(c[p, q], 0.0)
            denominator = base + taking * positive
            f = (room[p, q] * positive - release[p, q]) / denominator
            d = (room[p, q] - taking * f) / denominator
            flux[p, q] = f + d * (c[p, q] - positive)
            slope[p, q] = d


def bound_after(coat: Coat, bound: Array, flux: Array, step: float) -> Array:
    """Coat-bound ligand [molecules/um**2] after a step under the flux [nM um/s] of its end."""
    after: Array = (bound + step * MOLECULES_PER_UM3_PER_NM * flux) / (1.0 + step * coat.loss_rate)
    return after


def coat_in_steady_state(coat: Coat) -> FloorLaw:
    """Law of a coat in steady state: what it takes up is what it loses, ``j = k_b b``."""
    sites = coat.sites / MOLECULES_PER_UM3_PER_NM
    leaving = coat.dissociation_rate + coat.loss_rate

    def law(c: Array) -> tuple[Array, Array]:
        positive = np.maximum(c, 0.0)
        denominator = leaving + coat.association_rate * positive
        flux = coat.loss_rate * sites * coat.association_rate * positive / denominator
        slope = coat.loss_rate * sites * coat.association_rate * leaving / denominator**2
        return flux + slope * (c - positive), slope

    return law


def bound_in_steady_state(coat: Coat, concentration: Array) -> Array:
    """Coat-bound ligand [molecules/um**2] in steady state with a concentration [nM]."""
    taking = coat.association_rate * concentration
    bound: Array = coat.sites * taking / (taking + coat.dissociation_rate + coat.loss_rate)
    return bound


@dataclass(frozen=True, eq=False)
class FloorValue:
    """Floor concentration [nM], shape (ny, nx), in space and as cosine modes."""

    concentration: Array
    modes: Array


@dataclass(frozen=True, eq=False)
class FloorSolution(FloorValue):
    """Floor value with the flux into the coat [nM um/s] that goes with it."""

    flux: Array
    flux_modes: Array


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

    Newton's method in the cosine basis. The middle of the coat's slopes is treated exactly for
    every mode; what is left is handled by conjugate gradients, and skipped where the slope is as
    good as uniform. Converged when what the residual would still move, in the mean and in the
    deviation from the mean, is each below the tolerance.

    Parameters
    ----------
    admittance : ndarray, shape (ny, nx)
        ``Y`` of each mode [um/s], >= 0.
    free, source : ndarray, shape (ny, nx)
        Modes of the value without flux [nM] and of the secretion [nM um/s].
    law : FloorLaw
        Increasing and concave in the concentration.
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
    offset = admittance * free + source
    # An orthonormal transform multiplies a constant by the root of the number of cells.
    absolute = absolute_tolerance * math.sqrt(modes.size)
    flux, slope = law(concentration)
    flux_modes = forward(flux)
    residual = offset - flux_modes - admittance * modes
    for _ in range(_NEWTON_LIMIT):
        correction = _newton_step(admittance, slope, residual)
        modes = modes + correction
        concentration = concentration + inverse(correction)
        flux, slope = law(concentration)
        flux_modes = forward(flux)
        residual = offset - flux_modes - admittance * modes
        left = residual / (admittance + 0.5 * (float(slope.min()) + float(slope.max())))
        mean_left, deviation_left = _mean_and_deviation(left)
        mean, deviation = _mean_and_deviation(modes)
        if not math.isfinite(deviation_left + mean_left):
            break
        if (
            mean_left <= tolerance * mean + absolute
            and deviation_left <= tolerance * deviation + absolute
        ):
            return FloorSolution(concentration, modes, flux, flux_modes)
    raise RunError(
        f"the floor's coupling with the coat did not converge in {_NEWTON_LIMIT} iterations. "
        "Lower numerics.first_step and numerics.coupling_step, or coat.association_rate."
    )


def _mean_and_deviation(modes: Array) -> tuple[float, float]:
    """Size of the (0, 0) mode and of all others together."""
    first = float(modes[0, 0])
    flat = modes.reshape(-1)[1:]
    return abs(first), math.sqrt(float(np.einsum("i,i->", flat, flat)))


def _newton_step(admittance: Array, slope: Array, residual: Array) -> Array:
    """Solve ``(Y + slope) correction = residual`` by preconditioned conjugate gradients."""
    low, high = float(slope.min()), float(slope.max())
    preconditioner = 1.0 / (admittance + 0.5 * (low + high))
    correction = preconditioner * residual
    if high - low <= _UNIFORM_SLOPE * (low + high):
        return correction
    correction = np.zeros_like(residual)
    rest = residual.copy()
    preconditioned = preconditioner * rest
    direction = preconditioned.copy()
    product = float(np.vdot(rest, preconditioned))
    goal = _KRYLOV_TOLERANCE**2 * product
    for _ in range(_KRYLOV_LIMIT):
        if product <= goal:
            return correction
        image = admittance * direction + forward(slope * inverse(direction))
        length = product / float(np.vdot(direction, image))
        correction += length * direction
        rest -= length * image
        preconditioned = preconditioner * rest
        previous, product = product, float(np.vdot(rest, preconditioned))
        direction = preconditioned + (product / previous) * direction
    raise RunError(
        f"the floor's linear solve did not converge in {_KRYLOV_LIMIT} iterations. "
        "Lower numerics.coupling_step or make the coat more even."
    )
