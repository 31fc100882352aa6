"""The floor's nonlinear Robin condition as a flux law: exchange with the coat, uptake by cells."""

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from sdf1_field.compiled import kernel
from sdf1_field.transport import Coat, Uptake
from sdf1_field.units import MOLECULES_PER_UM3_PER_NM

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class FloorLaw:
    """Flux out of the medium at each place of the floor, as a function of the concentration there.

    The coat's part (Langmuir binding) is ``(k_on (S - b) c - k_off b) / (base + taking c)`` in
    molar units, the cells' part (Michaelis-Menten uptake) ``U c / (c + K_u)``. Both are increasing
    and concave; below zero both continue along their tangent at zero, so that no Newton step
    reaches a pole.

    Parameters
    ----------
    sites, bound : ndarray, shape (ny, nx), or (1, 1) if the same everywhere
        ``S`` and ``b`` [molecules/um**2].
    association_rate, dissociation_rate : float
        [1/(nM s)], [1/s].
    base, taking : float
        [1], [1/nM].
    capacity : ndarray, shape (ny, nx), or (1, 1) without cells
        ``U`` [molecules/(um**2 s)].
    half_saturation : float
        ``K_u`` [nM].
    """

    sites: Array
    bound: Array
    association_rate: float
    dissociation_rate: float
    base: float
    taking: float
    capacity: Array
    half_saturation: float

    def evaluate(self, concentration: Array, flux: Array, slope: Array) -> tuple[float, float]:
        """Fill in flux and slope; return the least and the greatest slope [um/s].

        Parameters
        ----------
        concentration : ndarray, shape (ny, nx)
            [nM].
        flux, slope : ndarray, shape (ny, nx)
            Overwritten [nM um/s], [um/s].
        """
        _flux_and_slope(concentration, *self._places(), self._numbers(), flux, slope)
        return float(slope.min()), float(slope.max())

    def along(
        self, concentration: Array, flux: Array, moved: Array, middle: float
    ) -> tuple[Array, Array, Array]:
        """Concentration after a move, the linearised flux there, and the law's departure from it.

        Parameters
        ----------
        concentration, flux, moved : ndarray, shape (ny, nx)
            Before the move [nM], [nM um/s], and the move [nM].
        middle : float
            The line's slope [um/s].
        """
        after, line = concentration + moved, flux + middle * moved
        bend, slope = np.empty_like(flux), np.empty_like(flux)
        _flux_and_slope(after, *self._places(), self._numbers(), bend, slope)
        bend -= line
        return after, line, bend

    def _places(self) -> tuple[Array, Array, Array]:
        return self.sites, self.bound, self.capacity

    def _numbers(self) -> tuple[float, float, float, float, float]:
        return (
            self.association_rate / MOLECULES_PER_UM3_PER_NM,
            self.dissociation_rate / MOLECULES_PER_UM3_PER_NM,
            self.base,
            self.taking,
            self.half_saturation,
        )

    def slope_in_bound(self, concentration: float) -> float:
        """By how much the flux falls with each bound molecule [nM um**3/s].

        Parameters
        ----------
        concentration : float
            [nM].
        """
        association, dissociation, base, taking, _ = self._numbers()
        positive = max(concentration, 0.0)
        return (association * positive + dissociation) / (base + taking * positive)

    def into_cells(self, concentration: Array) -> Array:
        """The cells' part of the flux [nM um/s]."""
        if self.capacity.size == 1:
            return np.zeros_like(concentration)
        return Uptake(self.capacity, self.half_saturation).flux(concentration)[0]


def law_over_step(coat: Coat | None, uptake: Uptake | None, bound: Array, step: float) -> FloorLaw:
    """Law over an implicit (backward Euler) step, flux and concentration being those at its end.

    The coat's amount at the end, ``b' = (b + step j) / (1 + step k_b)``, is eliminated from
    ``j = k_on c (B - b') - k_off b'``.

    Parameters
    ----------
    coat : Coat or None
    uptake : Uptake or None
    bound : ndarray, shape (ny, nx)
        At the beginning of the step [molecules/um**2].
    step : float
        [s].
    """
    if coat is None:
        return FloorLaw(_NOTHING, _NOTHING, 0.0, 0.0, 1.0, 0.0, *_uptake_terms(uptake))
    kept = 1.0 + step * coat.loss_rate
    return FloorLaw(
        np.atleast_2d(np.asarray(coat.sites, dtype=float)) * kept,
        bound,
        coat.association_rate,
        coat.dissociation_rate,
        kept + step * coat.dissociation_rate,
        step * coat.association_rate,
        *_uptake_terms(uptake),
    )


def law_in_steady_state(coat: Coat | None, uptake: Uptake | None) -> FloorLaw:
    """Law in steady state, where binding balances loss on the coat, ``j = k_b b``."""
    if coat is None or not coat.loses:
        return FloorLaw(_NOTHING, _NOTHING, 0.0, 0.0, 1.0, 0.0, *_uptake_terms(uptake))
    return FloorLaw(
        np.atleast_2d(np.asarray(coat.sites, dtype=float)) * coat.loss_rate,
        _NOTHING,
        coat.association_rate,
        0.0,
        coat.dissociation_rate + coat.loss_rate,
        coat.association_rate,
        *_uptake_terms(uptake),
    )


_NOTHING = np.zeros((1, 1))


def _uptake_terms(uptake: Uptake | None) -> tuple[Array, float]:
    return (_NOTHING, 1.0) if uptake is None else (uptake.capacity, uptake.half_saturation)


@kernel(parallel=True)
def _flux_and_slope(
    c: Array,
    sites: Array,
    bound: Array,
    capacity: Array,
    numbers: tuple[float, float, float, float, float],
    flux: Array,
    slope: Array,
) -> None:
    """Flux and slope everywhere.

    Parameters
    ----------
    c : ndarray, shape (ny, nx)
        Concentration [nM].
    sites, bound, capacity : ndarray, shape (ny, nx) or (1, 1)
        As of `FloorLaw`.
    numbers : tuple of float
        Association and dissociation rate in molar units, ``base``, ``taking`` and
        ``half_saturation`` of `FloorLaw`.
    flux, slope : ndarray, shape (ny, nx)
        Overwritten [nM um/s], [um/s].
    """
    association, dissociation, base, taking, half_saturation = numbers
    ny, nx = c.shape
    patterned, filled, cells = sites.size > 1, bound.size > 1, capacity.size > 1
    for p in numba.prange(ny):
        for q in range(nx):
            positive = max(c[p, q], 0.0)
            b = bound[p, q] if filled else bound[0, 0]
            room = association * ((sites[p, q] if patterned else sites[0, 0]) - b)
            reciprocal = 1.0 / (base + taking * positive)
            f = (room * positive - dissociation * b) * reciprocal
            d = (room - taking * f) * reciprocal
            if cells:
                reciprocal = 1.0 / (positive + half_saturation)
                taken = capacity[p, q] / MOLECULES_PER_UM3_PER_NM * reciprocal
                f += taken * positive
                d += taken * half_saturation * reciprocal
            flux[p, q] = f + d * (c[p, q] - positive)
            slope[p, q] = d


def bound_after(coat: Coat, bound: Array, flux: Array, step: float) -> Array:
    """Coat-bound ligand after a backward Euler step.

    Parameters
    ----------
    coat : Coat
    bound : ndarray, shape (ny, nx)
        At the beginning [molecules/um**2].
    flux : ndarray, shape (ny, nx)
        Onto the coat at the end [nM um/s].
    step : float
        [s].
    """
    kept = 1.0 / (1.0 + step * coat.loss_rate)
    after: Array = flux * (step * MOLECULES_PER_UM3_PER_NM * kept)
    after += bound if kept == 1.0 else bound * kept
    return after
