"""Dose-response: Hill's curve through the means of dishes, and the dose of its half effect.

``y(x) = end + (start - end) / (1 + (x / x_half)^h)`` is fitted to the means over dishes by least
squares of relative errors. For given ``x_half`` and ``h`` both plateaus follow linearly (variable
projection; Golub & Pereyra 2003 Inverse Problems 19:R1), so that a grid of these two finds the
best fit of the data and of every resample of the dishes. No half effect is given where the doses
do not show one.
"""

import itertools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdf1_field.claims.chances import LEAST_UNITS
from sdf1_field.digits import number_text
from sdf1_field.simulation.threads import use_threads
from sdf1_field.statistics import percentile_interval, resamples
from sdf1_field.studies.ratios import ratio_of_means

Array = NDArray[np.float64]

FEWEST = 5
"""Values of a fit, 0 included: one more than it has parameters."""
_STEEPNESS = np.geomspace(0.4, 4.0, 21)
_PER_DECADE = 12
"""Half doses of the grid; the best is moved between them by a parabola."""
_BEYOND = 10.0
"""Factor by which the grid reaches beyond the doses on either side."""
_FLOOR = 0.05
"""Least mean of a value, as a share of the largest, in its weight."""
_SINGULAR = 1e-9


@dataclass(frozen=True)
class Response:
    """Half effect of a dose, or why there is none.

    Parameters
    ----------
    half : float or None
        Dose of the half effect, in the doses' unit; None if the doses do not show it.
    low, high : float or None
        Ends of its 95 % bootstrap interval over dishes; None where it reaches beyond the lowest or
        the highest dose, and with too few dishes.
    steepness : float or None
        Hill's exponent h [1].
    start, end : float or None
        Plateaus of the fold change at no dose and at any dose.
    falls : bool
        Whether the response falls with the dose.
    monotone : bool
        Whether from no dose to a higher one the response goes against the whole by more than its
        scatter.
    reason : str
        Why there is no half effect; empty if there is one.
    few : bool
        Whether dishes are too few for an interval, less than
        `sdf1_field.claims.chances.LEAST_UNITS` at a dose.
    """

    half: float | None
    low: float | None
    high: float | None
    steepness: float | None
    start: float | None
    end: float | None
    falls: bool
    monotone: bool
    reason: str
    few: bool = False

    def at(self, doses: Array) -> Array:
        """Fitted response [1]; requires a half effect."""
        assert self.half is not None
        assert self.steepness is not None
        assert self.start is not None
        assert self.end is not None
        return self.end + (self.start - self.end) * _without(doses, self.half, self.steepness)


def fit_response(doses: Array, values: Array, *, matched: bool, unit: str = "") -> Response:
    """Dose of the half effect on the means of dishes.

    Parameters
    ----------
    doses : ndarray, shape (dose,)
        All different, >= 0.
    values : ndarray, shape (dose, dish)
        Fold changes; NaN for a dish without one.
    matched : bool
        Whether dishes of the same number belong together, which the bootstrap then draws together.
    unit : str
        Of the doses, in reasons.
    """
    order = np.argsort(doses)
    x, y = doses[order], values[order]
    if matched:
        y = y[:, np.isfinite(y).all(axis=0)]
    positive = x[x > 0.0]
    if len(x) < FEWEST or len(positive) < FEWEST - 1 or min(map(_count, y), default=0) < 2:
        return _none(y, f"fewer than {FEWEST} doses, or dishes, to fit a curve to")
    if not all(one.mean() > 0.0 for one in map(_known, y)):
        return _none(y, "the fold change is 0 at a dose")
    (overall, ends), against = _compared(y[0], y[-1], matched), _way_back(y, matched)
    falls = overall < 1.0
    if against is not None:
        text = " to ".join(number_text(x[n]) for n in against)
        back = "rises" if falls else "falls"
        return _none(
            y, f"not monotone: it {back} again from {text} {unit}".rstrip(), monotone=False
        )
    if not (ends[1] < 1.0 or ends[0] > 1.0):
        return _none(y, "the highest dose has no effect beyond the scatter of dishes")
    means = np.array([_known(one).mean() for one in y])
    with use_threads(1):
        fitted = _fitted(x, means[None, :], means)
        again, _, starts, finals = _fitted(x, _resampled(y, matched), means)
    half, steepness, start, end = (float(one[0]) for one in fitted)
    if not positive[0] <= half <= positive[-1]:
        side = "below the lowest" if half < positive[0] else "above the highest"
        dose = positive[0] if half < positive[0] else positive[-1]
        return _none(y, f"half effect {side} dose of {number_text(float(dose))} {unit}".rstrip())
    if min(map(_count, y)) < LEAST_UNITS:
        return Response(half, None, None, steepness, start, end, falls, True, "", few=True)
    # A resample whose effect has the other sign has no half effect at any dose.
    again = np.where((starts > finals) == (start > end), again, np.inf)
    low, high = (math.exp(one) for one in percentile_interval(np.log(again)))
    shown = low >= positive[0], high <= positive[-1]
    if not any(shown):
        return _none(y, "the doses do not determine a half effect")
    return Response(
        half, low if shown[0] else None, high if shown[1] else None, steepness, start, end,
        falls, True, "",
    )  # fmt: skip


def _known(values: Array) -> Array:
    return values[np.isfinite(values)]


def _count(values: Array) -> int:
    return int(np.isfinite(values).sum())


def _none(y: Array, reason: str, *, monotone: bool = True) -> Response:
    first, last = (float(np.nanmean(one)) if _count(one) else math.nan for one in (y[0], y[-1]))
    return Response(None, None, None, None, None, None, last < first, monotone, reason)


def _compared(
    control: Array, treated: Array, matched: bool, confidence: float = 0.95
) -> tuple[float, tuple[float, float]]:
    return ratio_of_means(_known(control), _known(treated), paired=matched, confidence=confidence)


def _way_back(y: Array, matched: bool) -> tuple[int, int] | None:
    """Doses between which the response goes back the most, if beyond its scatter between any two.

    The level of each pair of doses is divided by their number (Bonferroni).
    """
    falls = _known(y[-1]).mean() < _known(y[0]).mean()
    pairs = list(itertools.combinations(range(len(y)), 2))
    back: dict[tuple[int, int], float] = {}
    for pair in pairs:
        own, other = (y[n] for n in pair)
        ratio, (low, high) = _compared(own, other, matched, 1.0 - 0.05 / len(pairs))
        if low > 1.0 if falls else high < 1.0:
            back[pair] = abs(math.log(ratio))
    return max(back, key=back.__getitem__, default=None)


def _resampled(y: Array, matched: bool) -> Array:
    """Means over dishes in bootstrap resamples, shape (resample, dose)."""
    if matched:
        (picks,) = resamples(y.shape[1])
        return np.asarray(y[:, picks].mean(axis=2).T)
    own = [_known(one) for one in y]
    picked = resamples(*(len(one) for one in own))
    return np.stack([one[p].mean(axis=1) for one, p in zip(own, picked, strict=True)], axis=1)


def _without(doses: Array, half: float | Array, steepness: float) -> Array:
    """Share of the response without any effect, ``1 / (1 + (x / x_half)^h)``."""
    share: Array = 1.0 / (1.0 + (doses / half) ** steepness)
    return share


def _fitted(x: Array, means: Array, weighing: Array) -> tuple[Array, Array, Array, Array]:
    """Half dose, exponent and plateaus that fit best, of each row of means.

    Parameters
    ----------
    x : ndarray, shape (dose,)
    means : ndarray, shape (row, dose)
    weighing : ndarray, shape (dose,)
        Means whose relative errors are alike.

    Returns
    -------
    tuple of ndarray, shape (row,)
        Plateaus are not negative.
    """
    weights = np.maximum(weighing, _FLOOR * weighing.max()) ** -2.0
    positive = x[x > 0.0]
    begin, finish = np.log([positive[0] / _BEYOND, positive[-1] * _BEYOND])
    count = math.ceil((finish - begin) / math.log(10.0) * _PER_DECADE) + 1
    halves = np.linspace(begin, finish, count)
    best = [np.full(len(means), np.inf), *np.zeros((4, len(means)))]
    for steepness in _STEEPNESS:
        left = _without(x, np.exp(halves)[:, None], steepness)
        error, starts, ends = _projected(left, means, weights)
        rows, chosen = np.arange(len(means)), np.argmin(error, axis=1)
        inner = np.clip(chosen, 1, count - 2)
        below, here, above = (error[rows, inner + step] for step in (-1, 0, 1))
        with np.errstate(invalid="ignore", divide="ignore"):
            moved = 0.5 * (below - above) / (below - 2.0 * here + above)
        moved = np.where((chosen == inner) & np.isfinite(moved), moved, 0.0)
        half = np.exp(halves[chosen] + np.clip(moved, -0.5, 0.5) * (halves[1] - halves[0]))
        own = error[rows, chosen]
        better = own < best[0]
        new = (own, half, np.full(len(means), steepness), starts[rows, chosen], ends[rows, chosen])
        best = [np.where(better, one, old) for one, old in zip(new, best, strict=True)]
    return best[1], best[2], best[3], best[4]


def _projected(left: Array, means: Array, weights: Array) -> tuple[Array, Array, Array]:
    """Squared error and plateaus for each row of means and each curve, shape (row, curve).

    Parameters
    ----------
    left : ndarray, shape (curve, dose)
        Share of the response without effect.
    means : ndarray, shape (row, dose)
    weights : ndarray, shape (dose,)
    """
    gone = 1.0 - left
    aa, ab, bb = (
        (one * other) @ weights for one, other in ((left, left), (left, gone), (gone, gone))
    )
    ya, yb = means @ (left * weights).T, means @ (gone * weights).T
    determinant = aa * bb - ab**2
    regular = determinant > _SINGULAR * aa * bb
    safe = np.where(regular, determinant, 1.0)
    start, end = (ya * bb - yb * ab) / safe, (yb * aa - ya * ab) / safe
    start = np.where(end < 0.0, ya / aa, start)
    end = np.where(end < 0.0, 0.0, end)
    end = np.where(start < 0.0, yb / bb, end)
    start = np.where(start < 0.0, 0.0, start)
    square = (means**2) @ weights
    error = (
        square[:, None] - 2.0 * (start * ya + end * yb)
        + start**2 * aa + 2.0 * start * end * ab + end**2 * bb
    )  # fmt: skip
    return np.where(regular, error, np.inf), start, end
