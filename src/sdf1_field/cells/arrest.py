"""Arrest and hold: adapting CXCR4 triggers the catch, bonds decide how long a cell stays.

Over a step the occupancy is constant; surface receptors, adapted level and noise are advanced
exactly, and the catch rate is the mean over the step.
"""

import math

import numpy as np
from numpy.typing import NDArray

from sdf1_field.cells.adhesion import AdhesionMap
from sdf1_field.cells.parameters import CellParameters
from sdf1_field.cells.turning import COMPLETE, decayed
from sdf1_field.cells.workspace import (
    ADAPTED,
    CHANCE,
    NOISE,
    OCCUPANCY,
    SIGMA,
    SURFACE,
    TRIGGER_NORMAL,
)
from sdf1_field.compiled import kernel
from sdf1_field.grid import clamped_index
from sdf1_field.pharmacology import (
    activation,
    adaptation_after,
    relaxation_rate,
    surface_after,
    surface_receptors,
)

Array = NDArray[np.float64]

_NODES = (0.5 - 0.5 * math.sqrt(0.6), 0.5, 0.5 + 0.5 * math.sqrt(0.6))
_WEIGHTS = (5.0 / 18.0, 8.0 / 18.0, 5.0 / 18.0)
"""Gauss-Legendre quadrature on (0, 1): exact for polynomials of degree 5."""


@kernel(inline=True)
def correlate_noise(state: Array, work: Array, decay: float) -> None:
    """Advance each cell's noise in place: correlated over the integration time, variance 1.

    ``state`` is the block's part of the state, see `workspace`; ``decay`` is the correlation
    over a step.
    """
    fresh = math.sqrt(1.0 - decay * decay)
    for n in range(state.shape[1]):
        state[NOISE, n] = decay * state[NOISE, n] + fresh * work[TRIGGER_NORMAL, n]


@kernel(inline=True)
def adapt(parameters: CellParameters, state: Array, work: Array, step: float) -> None:
    """Advance surface receptors and adapted level in place by a step [s] at a constant occupancy.

    ``state`` is the block's part of the state, see `workspace`.
    """
    slow = math.exp(-parameters.adaptation_rate * step)
    for n in range(state.shape[1]):
        occupancy, surface = work[OCCUPANCY, n], state[SURFACE, n]
        rate = relaxation_rate(
            parameters.recycling_rate, parameters.internalisation_rate, occupancy
        )
        fast = decayed(min(rate * step, COMPLETE))
        state[ADAPTED, n] = adaptation_after(
            state[ADAPTED, n], surface, occupancy, parameters.receptors,
            parameters.recycling_rate, rate, parameters.adaptation_rate, step, fast, slow,
        )  # fmt: skip
        state[SURFACE, n] = surface_after(
            surface, parameters.receptors, parameters.recycling_rate, rate, fast
        )


@kernel()
def mean_trigger(
    parameters: CellParameters,
    surface: float,
    adapted: float,
    occupancy: float,
    noise: float,
    step: float,
) -> float:
    """Mean over a step of the trigger of arrest, between 0 and 1.

    Parameters
    ----------
    parameters : CellParameters
    surface, adapted : float
        Surface receptors and adapted level at the beginning [receptors].
    occupancy : float
        Throughout the step [1].
    noise : float
        Added to the occupied receptors throughout the step [receptors].
    step : float
        [s].
    """
    rate = relaxation_rate(parameters.recycling_rate, parameters.internalisation_rate, occupancy)
    mean = 0.0
    for k in range(len(_NODES)):
        time = _NODES[k] * step
        fast, slow = math.exp(-rate * time), math.exp(-parameters.adaptation_rate * time)
        level = adaptation_after(
            adapted, surface, occupancy, parameters.receptors, parameters.recycling_rate, rate,
            parameters.adaptation_rate, time, fast, slow,
        )  # fmt: skip
        occupied = occupancy * surface_after(
            surface, parameters.receptors, parameters.recycling_rate, rate, fast
        )
        mean += _WEIGHTS[k] * activation(
            occupied + noise - level, parameters.half_trigger, parameters.trigger_exponent
        )
    return mean


@kernel()
def catch_and_let_go(
    xs: Array,
    ys: Array,
    stuck: NDArray[np.bool_],
    state: Array,
    work: Array,
    hold: AdhesionMap,
    parameters: CellParameters,
    step: float,
) -> None:
    """Catch cells and let them go over a step, at the rates of their present places.

    Parameters
    ----------
    xs, ys : ndarray, shape (cell,)
        Centres of the block's cells [um].
    stuck : ndarray, shape (cell,)
        Whether each is held; changed.
    state, work : ndarray
        See `workspace`; read.
    hold : AdhesionMap
    parameters : CellParameters
    step : float
        [s].
    """
    rows, columns = hold.contact.shape
    for n in range(xs.size):
        row, column = clamped_index(ys[n] / hold.dy, rows), clamped_index(xs[n] / hold.dx, columns)
        if hold.contact[row, column] == 0:
            stuck[n] = False
            continue
        chance, noise = work[CHANCE, n], parameters.trigger_noise * state[NOISE, n] * work[SIGMA, n]
        surface, adapted, occupancy = state[SURFACE, n], state[ADAPTED, n], work[OCCUPANCY, n]
        # The probability is at most the rate times the step: most draws decide without the mean
        # trigger, and without the exponential, which is below 1 / (1 + x + x^2 / 2).
        if not stuck[n]:
            most = parameters.basal_arrest_rate + parameters.triggered_arrest_rate * (
                greatest_trigger(parameters, surface, adapted, occupancy, noise)
            )
            if chance >= most * step:
                continue
        touched = 0.0
        for k in range(len(parameters.bonds)):
            touched += parameters.bonds[k] * hold.ligands[row, column, k]
        most = parameters.release_rate / (1.0 + touched * (1.0 + 0.5 * touched))
        if stuck[n] and chance >= most * step:
            continue
        release = parameters.release_rate * math.exp(-touched)
        catch = parameters.basal_arrest_rate
        if parameters.triggered_arrest_rate > 0.0:
            catch += parameters.triggered_arrest_rate * mean_trigger(
                parameters, surface, adapted, occupancy, noise, step
            )
        stuck[n] = bound_after(stuck[n], chance, catch, release, step)


@kernel(inline=True)
def greatest_trigger(
    parameters: CellParameters, surface: float, adapted: float, occupancy: float, noise: float
) -> float:
    """Bound on the trigger at any time with a constant occupancy; arguments as of `mean_trigger`.

    Surface receptors stay between where they are and their steady state, and the adapted level
    between where it is and the fewest occupied receptors.
    """
    if parameters.triggered_arrest_rate == 0.0:
        return 0.0
    steady = surface_receptors(
        parameters.receptors,
        occupancy,
        parameters.internalisation_rate / parameters.recycling_rate,
    )
    level = min(adapted, occupancy * min(surface, steady))
    signal = occupancy * max(surface, steady) + noise - level
    return activation(signal, parameters.half_trigger, parameters.trigger_exponent)


@kernel(inline=True)
def bound_after(held: bool, chance: float, catch: float, release: float, step: float) -> bool:
    """Whether a cell is held after a step of a two-state Markov chain, by a uniform random number.

    A crawling cell is caught with probability ``k / (k + l) (1 - exp(-(k + l) t))``, where k is the
    catch rate and l the release rate (adhesion and detachment); a held cell is released with
    probability ``l / (k + l) (1 - exp(-(k + l) t))``.
    """
    leaving, total = release if held else catch, catch + release
    if total == 0.0:
        return held
    share = leaving / total if total < math.inf else (0.0 if held else 1.0)
    changes = chance < share * -math.expm1(-total * step)
    return not changes if held else changes
