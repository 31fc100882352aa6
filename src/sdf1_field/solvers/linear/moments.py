"""Time integrals of a decaying amplitude under a source that is a polynomial or decays itself.

Over a step of length 1, with ``x`` the rate times the step: the response at its end to the source
``t**n`` is ``J_n``, and the response integrated over the step ``K_n``,

    J_n(x) = int_0^1 exp(-x (1 - t)) t**n dt,    K_n(x) = int_0^1 t**n (1 - exp(-x (1 - t))) / x dt.

For x < 1 both are summed as power series, elsewhere by their recursions, which are stable there.
"""

import numpy as np
from numpy.typing import NDArray

from sdf1_field.compiled import kernel

Array = NDArray[np.float64]

DEGREES = 3
"""Polynomials of degree 0, 1 and 2."""
_TERMS = 20
"""Of the series; at x = 1 the last is below 1e-17."""
_NEGLIGIBLE = 1e-18
"""Terms below it do not change a sum of 1/4 or more."""
_QUADRATURE_NODES = 40
_PLACES, _WEIGHTS = np.polynomial.legendre.leggauss(_QUADRATURE_NODES)
_PLACES, _WEIGHTS = 0.5 * (1.0 + _PLACES), 0.5 * _WEIGHTS
"""Gauss-Legendre quadrature on [0, 1]."""


def responses(x: Array) -> tuple[Array, ...]:
    """``J_0, J_1, J_2`` of x >= 0, shape (...) each."""
    low, high = np.minimum(x, 1.0), np.maximum(x, 1.0)
    found: list[Array] = []
    recursion = -np.expm1(-high) / high
    for n in range(DEGREES):
        if n > 0:
            recursion = (1.0 - n * recursion) / high
        found.append(np.where(x < 1.0, _series(low, 1.0 / (n + 1), n + 1), recursion))
    return tuple(found)


def integrals(x: Array) -> tuple[Array, ...]:
    """``K_0, K_1, K_2`` of x >= 0, shape (...) each."""
    low, high = np.minimum(x, 1.0), np.maximum(x, 1.0)
    return tuple(
        np.where(
            x < 1.0,
            _series(low, 1.0 / ((n + 1) * (n + 2)), n + 2),
            (1.0 / (n + 1) - response) / high,
        )
        for n, response in enumerate(responses(high))
    )


def _series(x: Array, first: float, divisor: int) -> Array:
    """Sum of terms from ``first`` on, each the one before times ``-x / (divisor + k)``."""
    term, total = np.full_like(x, first), np.zeros_like(x)
    for k in range(1, _TERMS):
        total += term
        term = term * (-x / (divisor + k))
    return total + term


def response_to_decay(x: Array, decay: float) -> Array:
    """Response at the end of the step to the source ``exp(-decay t)``, ``decay`` > 0."""
    result: Array = np.exp(-np.minimum(x, decay)) * responses(np.abs(x - decay))[0]
    return result


def integral_of_decay(x: Array, decay: float) -> Array:
    """Response to the source ``exp(-decay t)``, integrated over the step, ``decay`` > 0."""
    low, high = np.minimum(x, 1.0), np.maximum(x, 1.0)
    left = 1.0 - _PLACES
    quadrature = left * responses(low[..., None] * left)[0] * np.exp(-decay * _PLACES) @ _WEIGHTS
    released = responses(np.array(decay))[0]
    result: Array = np.where(
        x < 1.0, quadrature, (released - response_to_decay(high, decay)) / high
    )
    return result


@kernel(inline=True)
def responses_at(x: float, decay: float) -> tuple[float, float, float]:
    """`responses` of one number and its ``decay = exp(-x)``, compiled."""
    if x < 1.0:
        # Downwards the recursion shrinks an error.
        term, j2 = 1.0 / DEGREES, 0.0
        for k in range(1, _TERMS):
            j2 += term
            term *= -x / (DEGREES + k)
            if abs(term) < _NEGLIGIBLE:
                break
        j1 = 0.5 * (1.0 - x * (j2 + term))
        return 1.0 - x * j1, j1, j2 + term
    j0 = (1.0 - decay) / x
    j1 = (1.0 - j0) / x
    return j0, j1, (1.0 - 2.0 * j1) / x
