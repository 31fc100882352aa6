"""Turning of headings: rotational diffusion, and bias up the signal.

``d phi = -(S / P) sin(phi - phi_signal) dt`` is solved exactly: ``tan(psi / 2)`` of the angle psi
to the signal decays with ``exp(-S t / P)``. Sine, cosine and exponential are written out, because
a loop over cells that calls a function of the mathematical library is not vectorised.
"""

import math

import numpy as np
from numpy.typing import NDArray

from sdf1_field.cells.workspace import DECAY, HEADING_X, HEADING_Y, NORMAL, SIGNAL_X, SIGNAL_Y
from sdf1_field.compiled import kernel

Array = NDArray[np.float64]

COMPLETE = 80.0
"""Exponent from which on turning is complete to round-off: ``exp(-80)`` is 2e-35."""
_PER_QUARTER = 2.0 / math.pi
_QUARTER = 1.57079632673412561417
"""The first 33 bits of pi / 2: its multiples below 2**20 have no round-off."""
_QUARTER_REST = 6.07710050650619224932e-11
"""The rest of pi / 2."""
_LOG_2, _LOG_2_REST = 6.93147180369123816490e-01, 1.90821492927058770002e-10
"""The first 33 bits of log 2, and the rest."""
_POWERS = tuple((float(2**n), 2.0 ** -(2**n)) for n in range(6, -1, -1))
"""Powers of two that sum up to any whole part of ``COMPLETE / log 2``, with 1/2 to each power."""
_EXPONENTIAL = tuple((-1.0) ** n / math.factorial(n) for n in range(14))
_SINE = tuple((-1.0) ** n / math.factorial(2 * n + 1) for n in range(1, 9))
_COSINE = tuple((-1.0) ** n / math.factorial(2 * n) for n in range(1, 10))
"""Taylor series; up to log(2) / 2 and pi / 4 they are truncated below a tenth of round-off."""


@kernel(inline=True)
def turn(hxs: Array, hys: Array, spread: float, work: Array) -> None:
    """New headings by Strang splitting: half a step of bias, rotational diffusion, half of bias.

    Old headings have the shape (cell,); ``work`` is read and gets the new ones, see `workspace`.
    ``spread`` is the standard deviation of the random rotation [rad].
    """
    for n in range(hxs.size):
        hx, hy = hxs[n], hys[n]
        ex, ey, decay = work[SIGNAL_X, n], work[SIGNAL_Y, n], work[DECAY, n]
        cosine, sine = turned(hx * ex + hy * ey, ex * hy - ey * hx, decay)
        across, along = _rotation(spread * work[NORMAL, n])
        cosine, sine = cosine * across - sine * along, cosine * along + sine * across
        cosine, sine = turned(cosine, sine, decay)
        hx, hy = cosine * ex - sine * ey, cosine * ey + sine * ex
        # Newton's step for 1 / sqrt(hx^2 + hy^2), which is 1 up to round-off.
        size = 1.5 - 0.5 * (hx * hx + hy * hy)
        work[HEADING_X, n], work[HEADING_Y, n] = hx * size, hy * size


@kernel(inline=True)
def turned(cosine: float, sine: float, decay: float) -> tuple[float, float]:
    """Cosine and sine of psi after ``tan(psi / 2)`` has decayed by a factor."""
    # tan(psi / 2) = sin / (1 + cos) = (1 - cos) / sin; the form without cancellation is taken.
    below = sine if cosine < 0.0 else 1.0 + cosine
    above = (1.0 - cosine if cosine < 0.0 else sine) * decay
    share = 1.0 / (below * below + above * above)
    new_cosine, new_sine = (below * below - above * above) * share, 2.0 * below * above * share
    unturned = decay == 1.0
    return cosine if unturned else new_cosine, sine if unturned else new_sine


@kernel(inline=True)
def decayed(exponent: float) -> float:
    """``exp(-exponent)`` from 0 to `COMPLETE`, to round-off, in arithmetic that vectorises."""
    halvings = float(math.floor(exponent / (_LOG_2 + _LOG_2_REST) + 0.5))
    rest = (exponent - halvings * _LOG_2) - halvings * _LOG_2_REST
    e0, e1, e2, e3, e4, e5, e6, e7, e8, e9, e10, e11, e12, e13 = _EXPONENTIAL
    value = e13
    for e in (e12, e11, e10, e9, e8, e7, e6, e5, e4, e3, e2, e1, e0):
        value = value * rest + e
    for many, left in _POWERS:
        value *= left if halvings >= many else 1.0
        halvings -= many if halvings >= many else 0.0
    return value


@kernel(inline=True)
def _rotation(angle: float) -> tuple[float, float]:
    """Cosine and sine of an angle, to round-off below 1e6, in arithmetic that vectorises."""
    quarters = math.floor(angle * _PER_QUARTER + 0.5)
    rest = (angle - quarters * _QUARTER) - quarters * _QUARTER_REST
    square = rest * rest
    s1, s2, s3, s4, s5, s6, s7, s8 = _SINE
    c1, c2, c3, c4, c5, c6, c7, c8, c9 = _COSINE
    sine = s8
    for s in (s7, s6, s5, s4, s3, s2, s1):
        sine = sine * square + s
    sine = rest + rest * (square * sine)
    cosine = c9
    for c in (c8, c7, c6, c5, c4, c3, c2, c1):
        cosine = cosine * square + c
    cosine = 1.0 + square * cosine
    halves = math.floor(0.5 * quarters)
    across = quarters - 2.0 * halves != 0.0
    sign = 1.0 - 2.0 * (halves - 2.0 * math.floor(0.5 * halves))
    # A quarter more turns (cos, sin) into (-sin, cos), two quarters change both signs.
    return sign * (-sine if across else cosine), sign * (cosine if across else sine)
