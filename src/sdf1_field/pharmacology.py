"""Binding of ligand, antagonists and antibodies to receptors: pure functions of concentrations."""

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdf1_field.compiled import kernel

Array = NDArray[np.float64]


def receptor_occupancy(
    concentration: ArrayLike,
    *,
    dissociation_constant: float,
    antagonist: float = 0.0,
    inhibition_constant: float = np.inf,
) -> Array:
    """Fraction of CXCR4 bound by ligand in the presence of a competitive antagonist.

    Gaddum's law, ``c / (c + K_d (1 + a / K_i))``: the antagonist raises the apparent
    ``K_d`` and leaves the maximum alone, so enough ligand restores full occupancy.

    Parameters
    ----------
    concentration : array_like, shape (...)
        Free ligand [nM], >= 0.
    dissociation_constant, antagonist, inhibition_constant : float
        ``K_d`` > 0, ``a`` >= 0 and ``K_i`` > 0 [nM].

    Returns
    -------
    ndarray, shape (...)
        Occupancy [1], in [0, 1).

    Raises
    ------
    ValueError
        If ``dissociation_constant`` or ``inhibition_constant`` is not positive.

    References
    ----------
    Gaddum (1937) J. Physiol. 89:7P.

    Examples
    --------
    >>> float(receptor_occupancy(4.5, dissociation_constant=4.5))
    0.5
    """
    if inhibition_constant <= 0.0:
        raise ValueError("the inhibition constant must be positive")
    apparent = apparent_dissociation_constant(
        dissociation_constant, competition=antagonist / inhibition_constant
    )
    bound: Array = np.asarray(occupied_fraction(np.asarray(concentration, dtype=float), apparent))
    return bound


def apparent_dissociation_constant(dissociation_constant: float, *, competition: float) -> float:
    """Gaddum's apparent ``K_d (1 + competition)`` [nM].

    Parameters
    ----------
    dissociation_constant : float
        > 0 [nM].
    competition : float
        Sum of ``a / K_i`` over the antagonists present [1].

    Raises
    ------
    ValueError
        If ``dissociation_constant`` is not positive.
    """
    if dissociation_constant <= 0.0:
        raise ValueError("the dissociation constant must be positive")
    return dissociation_constant * (1.0 + competition)


@kernel()
def occupied_fraction(concentration: Any, dissociation_constant: float) -> Any:
    """Occupied fraction ``c / (c + K)`` (Langmuir, Michaelis-Menten) of a number or an array.

    Parameters
    ----------
    concentration, dissociation_constant : float or ndarray, float
        ``c`` and ``K`` [nM].
    """
    return concentration / (concentration + dissociation_constant)


@kernel()
def occupancy_difference(
    difference: float, front: float, back: float, dissociation_constant: float
) -> float:
    """Occupancy at the front minus that at the back, ``K (f - b) / ((f + K)(b + K))``.

    The closed form avoids the cancellation of subtracting two nearly equal occupancies.

    Parameters
    ----------
    difference : float
        ``f - b``, or the part of it that steers the cell [nM].
    front, back : float
        Concentrations at the two ends [nM].
    dissociation_constant : float
        Apparent [nM].
    """
    k = dissociation_constant
    value: float = k * difference / ((front + k) * (back + k))
    return value


@kernel()
def surface_receptors(total: float, occupancy: float, internalisation_ratio: float) -> float:
    """Receptors left on the surface, ``R_T / (1 + (k_e / k_rec) theta)``: desensitisation.

    Steady state of recycling and internalisation, ``dR/dt = k_rec (R_T - R) - k_e theta R``.

    Parameters
    ----------
    total : float
        ``R_T``, on the surface and inside [receptors].
    occupancy : float
        ``theta`` [1].
    internalisation_ratio : float
        ``k_e / k_rec`` [1].
    """
    return total / (1.0 + internalisation_ratio * occupancy)


def uptake_kinetics(
    receptors: float,
    *,
    internalisation_rate: float,
    recycling_rate: float,
    dissociation_constant: float,
) -> tuple[float, float]:
    """Michaelis-Menten constants of the receptor-mediated uptake of a cell.

    Occupied receptors are internalised with their ligand and recycled without it. The uptake
    ``k_e theta R`` with ``R`` of `surface_receptors` is ``V c / (c + K_u)``, with
    ``V = k_e R_T / (1 + k_e / k_rec)`` and ``K_u = K_d / (1 + k_e / k_rec)``.

    Parameters
    ----------
    receptors : float
        ``R_T``, on the surface and inside.
    internalisation_rate, recycling_rate : float
        ``k_e`` and ``k_rec`` [1/s].
    dissociation_constant : float
        Apparent [nM].

    Returns
    -------
    rate, half_saturation : float
        ``V`` [molecules/s] and ``K_u`` [nM].
    """
    shared = 1.0 + internalisation_rate / recycling_rate
    return internalisation_rate * receptors / shared, dissociation_constant / shared


@kernel()
def binding_noise(
    receptors: float, occupancy: float, sampling: float, downstream_noise: float
) -> float:
    """Standard deviation of the front-back difference in occupied receptors.

    Two halves of ``R / 2`` independent receptors fluctuate with the variance
    ``R theta (1 - theta)`` in their difference, divided by the number of independent samples
    that the cell averages; the variance of noise downstream of the receptors adds to that.

    Parameters
    ----------
    receptors : float
        On the surface.
    occupancy : float
        Fraction occupied [1].
    sampling : float
        Independent samples within the integration time, >= 1 [1].
    downstream_noise : float
        Standard deviation of the noise downstream of the receptors [receptors].

    Returns
    -------
    float
        [receptors].
    """
    return math.sqrt(
        receptors * occupancy * (1.0 - occupancy) / sampling + downstream_noise * downstream_noise
    )


@kernel()
def independent_samples(
    integration_time: float, dissociation_rate: float, occupancy: float
) -> float:
    """Independent samples of the receptors within an integration time, ``1 + T / (2 tau)``.

    The state of a receptor is correlated over ``tau = (1 - theta) / k_off``, the relaxation
    time of ligand binding at occupancy ``theta``.

    Parameters
    ----------
    integration_time : float
        ``T`` [s].
    dissociation_rate : float
        ``k_off`` [1/s].
    occupancy : float
        ``theta`` [1], in [0, 1).

    Returns
    -------
    float
        >= 1 [1].

    References
    ----------
    Berg & Purcell (1977) Biophys. J. 20:193, 10.1016/S0006-3495(77)85544-6.
    """
    return 1.0 + 0.5 * integration_time * dissociation_rate / (1.0 - occupancy)


def chemotactic_index(signal_to_noise: ArrayLike) -> Array:
    """Mean cosine between heading and gradient of a cell that turns with strength SNR.

    The heading's stationary law is von Mises with concentration ``SNR``, so the index is
    ``I_1(SNR) / I_0(SNR)``: SNR / 2 far below the noise, 1 far above.

    Parameters
    ----------
    signal_to_noise : array_like, shape (...)
        >= 0 [1].

    Returns
    -------
    ndarray, shape (...)
        In [0, 1).

    Examples
    --------
    >>> chemotactic_index([0.0, 0.02]).round(4).tolist()
    [0.0, 0.01]
    """
    from scipy.special import ive

    snr = np.asarray(signal_to_noise, dtype=float)
    index: Array = ive(1, snr) / ive(0, snr)
    return index


def blocked_fraction(
    antibody: float, *, dissociation_constant: float, maximum: float = 1.0
) -> float:
    """Share of CD166 that an antibody covers at equilibrium, ``maximum a / (a + K)``.

    Parameters
    ----------
    antibody, dissociation_constant : float
        [nM], >= 0 and > 0.
    maximum : float
        1 for a blocking antibody, 0 for an isotype control.

    Examples
    --------
    >>> blocked_fraction(9.0, dissociation_constant=1.0)
    0.9
    """
    return maximum * antibody / (antibody + dissociation_constant)
