"""What a claim needs, and what suffices for it, by its chances in models with mechanisms off."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdf1_field.studies.mechanisms import ALONE, Row

Array = NDArray[np.float64]

LEAST, HALF = 0.2, 0.5
"""Limits of the verdicts: a chance, and a share of the whole model's chance."""
SURE = 0.95
"""Share of resampled draws in which a verdict must be the same."""
JOINT = "joint"
"""Column of the chance that one paper reports all joint claims."""
_RESAMPLES = 1000


@dataclass(frozen=True, eq=False)
class Matrix:
    """Chances that one virtual paper reports claims.

    Parameters
    ----------
    rows : tuple of Row
    columns : tuple of str
        Ids of claims, and `JOINT` where several are joint.
    chances : ndarray, shape (row, draw, column)
    folds : ndarray, shape (row, draw, 2)
        Logarithms of the first condition's fold changes on MSC and network at its first time.
    """

    rows: tuple[Row, ...]
    columns: tuple[str, ...]
    chances: Array
    folds: Array


def necessary(matrix: Matrix, row: int, column: int) -> bool:
    """Whether a claim needs what a row lacks.

    It does if the whole model reports the claim with a chance of at least 0.2, and without the
    mechanism the chance is at most half of that.
    """
    return bool(_lost(*_means(matrix, row, column)))


def hinders(matrix: Matrix, row: int, column: int) -> bool:
    """Whether without what a row lacks a claim's chance is at least 0.2, and at least doubled."""
    whole, own = _means(matrix, row, column)
    return bool(own >= LEAST and HALF * own >= whole)


def suffices(matrix: Matrix, row: int, column: int) -> bool:
    """Whether what a row leaves on suffices for a claim.

    It does if the row's chance is at least 0.2 and at least half of the whole model's, which is at
    least 0.2 as well.
    """
    return bool(_kept(*_means(matrix, row, column)))


def _lost(whole: Array, own: Array) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = (whole >= LEAST) & (own <= HALF * whole)
    return found


def _kept(whole: Array, own: Array) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = (whole >= LEAST) & (own >= LEAST) & (own >= HALF * whole)
    return found


def _means(matrix: Matrix, row: int, column: int) -> tuple[Array, Array]:
    """Mean chances of the whole model and of a row."""
    whole, own = matrix.chances[0, :, column], matrix.chances[row, :, column]
    return whole.mean(), own.mean()


def certainty(matrix: Matrix, row: int, column: int) -> float:
    """Share of resampled draws in which the verdict on a row and claim is the same.

    Draws are resampled with replacement, the same for both models; dishes are not. NaN with one
    draw.
    """
    number = matrix.chances.shape[1]
    if number < 2:
        return float("nan")
    picks = np.random.default_rng(1).integers(number, size=(_RESAMPLES, number))
    whole, own = (matrix.chances[n, :, column][picks].mean(axis=1) for n in (0, row))
    kind = matrix.rows[row].kind
    said = _kept(whole, own) if kind == ALONE else _lost(whole, own)
    verdict = (suffices if kind == ALONE else necessary)(matrix, row, column)
    return float((said == verdict).mean())
