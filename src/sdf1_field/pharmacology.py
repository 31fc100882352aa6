"""Binding of ligand, antagonists and antibodies to receptors: pure functions of concentrations."""

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdf1_field.compiled import kernel

Array = NDArray[np.float64]

_NEARLY_EQUAL = 1e-3
"""Difference of two exponents below which a divided difference is taken from its series; the
error of either form is below 1e-12 there."""


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


@kernel()
def relaxation_rate(recycling_rate: float, internalisation_rate: float, occupancy: float) -> float:
    """Rate at which surface receptors approach `surface_receptors`, ``k_rec + k_e theta`` [1/s]."""
    return recycling_rate + internalisation_rate * occupancy


@kernel()
def surface_after(
    surface: float, total: float, recycling_rate: float, rate: float, decay: float
) -> float:
    """Surface receptors after some time at a constant occupancy, exactly.

    Solution of ``dR/dt = k_rec (R_T - R) - k_e theta R``.

    Parameters
    ----------
    surface : float
        ``R`` at the beginning [receptors].
    total : float
        ``R_T``, on the surface and inside [receptors].
    recycling_rate : float
        ``k_rec`` > 0 [1/s].
    rate : float
        Of `relaxation_rate` [1/s].
    decay : float
        ``exp(-rate t)`` [1].
    """
    steady = total * recycling_rate / rate
    return steady + (surface - steady) * decay


@kernel()
def adaptation_after(
    adapted: float,
    surface: float,
    occupancy: float,
    total: float,
    recycling_rate: float,
    rate: float,
    adaptation_rate: float,
    time: float,
    fast: float,
    slow: float,
) -> float:
    """Level to which signalling has adapted after some time at a constant occupancy, exactly.

    Solution of ``ds/dt = w (theta R - s)``, with ``R`` of `surface_after`.

    Parameters
    ----------
    adapted : float
        ``s`` at the beginning [receptors].
    surface, total, recycling_rate, rate
        As of `surface_after`.
    occupancy : float
        ``theta`` [1].
    adaptation_rate : float
        ``w``, 0 without adaptation [1/s].
    time : float
        ``t`` [s].
    fast, slow : float
        ``exp(-rate t)`` and ``exp(-w t)`` [1].
    """
    steady = total * recycling_rate / rate
    gap = (adaptation_rate - rate) * time
    # (exp(-rate t) - exp(-w t)) / (w - rate), by its series where the two rates nearly meet.
    if abs(gap) < _NEARLY_EQUAL:
        shared = slow * time * (1.0 + gap * (0.5 + gap * (1.0 / 6.0 + gap / 24.0)))
    else:
        shared = (fast - slow) / (adaptation_rate - rate)
    return (
        occupancy * steady * (1.0 - slow)
        + adapted * slow
        + occupancy * (surface - steady) * adaptation_rate * shared
    )


@kernel()
def activation(signal: float, half: float, exponent: float) -> float:
    """Hill function ``x^h / (1 + x^h)`` of ``x = signal / half``; 0 below a signal of 0.

    Parameters
    ----------
    signal, half : float
        [receptors]; ``half`` > 0 gives 1/2.
    exponent : float
        ``h`` > 0 [1].
    """
    if not signal > 0.0:
        return 0.0
    x = signal / half
    power = x * x if exponent == 2.0 else x**exponent
    return power / (1.0 + power) if power < math.inf else 1.0


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
