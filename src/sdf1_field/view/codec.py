"""Numbers as small integers, differenced in time and deflated, for the page and back.

`page/codec.js` is the inverse in the browser, `decoded` and the scales' ``values`` here.
"""

import math
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
Codes = NDArray[np.uint8] | NDArray[np.uint16]

FIRST = 2
"""Code of the smallest number of a logarithmic scale."""
FINEST = 0.008
"""Step of a logarithmic scale [decades], unless its range is too narrow or too wide for it."""
_FEWEST = 64
"""Levels that a narrow range has at least, by a finer step."""
_DECADES = 4.0
"""Range below the largest value that a logarithmic scale has at most [decades]."""
_SAME = 1e-9
"""Steps closer than this to a whole number are that number."""
_LEVEL = 6
"""Of zlib; 9 takes ten times as long and saves 4 % of fields."""


@dataclass(frozen=True)
class LogScale:
    """Positive numbers as ``low * 10**(step * (code - FIRST))``; 0 is none, 1 below the range.

    Parameters
    ----------
    low : float
        Of code `FIRST`.
    step : float
        Between two codes [decades].
    top : int
        Code of the largest number.
    """

    low: float
    step: float
    top: int
    missing: int = 255

    @classmethod
    def of(cls, smallest: float, largest: float) -> "LogScale":
        """Scale from the smallest to the largest positive number, as far as its range may be wide.

        Examples
        --------
        >>> LogScale.of(1.0, 100.0)
        LogScale(low=1.0, step=0.008, top=252, missing=255)
        """
        if not largest > 0.0:
            return cls(1.0, FINEST, FIRST)
        span = min(math.log10(largest / smallest), _DECADES)
        levels = cls.missing - 1 - FIRST
        step = max(span / levels, min(FINEST, span / _FEWEST)) or FINEST
        above = min(math.ceil(span / step - _SAME), levels)
        return cls(largest * 10.0 ** (-step * above), step, above + FIRST)

    def codes(self, values: ArrayLike) -> NDArray[np.uint8]:
        """Code of each number; NaN is missing, and what is above the range has the largest code."""
        given = np.asarray(values, dtype=np.float64)
        known = np.isfinite(given)
        seen = known & (given > 0.0)
        levels = np.zeros(given.shape)
        steps = np.round(np.log10(given[seen] / self.low) / self.step)
        levels[seen] = np.clip(steps + FIRST, FIRST - 1, self.top)
        levels[~known] = self.missing
        return levels.astype(np.uint8)

    def values(self, codes: Codes) -> Array:
        """Number of each code; a step below the range for all below it, NaN where it is missing."""
        found = self.low * 10.0 ** (self.step * (codes.astype(np.float64) - FIRST))
        found = np.where(codes == 0, 0.0, found)
        return np.where(codes == self.missing, np.nan, found)

    def described(self) -> dict[str, Any]:
        """The scale as the page reads it."""
        return {
            "kind": "log", "low": self.low, "step": self.step, "top": self.top,
            "missing": self.missing, "first": FIRST,
        }  # fmt: skip


@dataclass(frozen=True)
class LinearScale:
    """Numbers as ``low + step * code``; the largest code that its type holds is missing.

    Parameters
    ----------
    low, step : float
    bits : int
        8 or 16.
    """

    low: float
    step: float
    bits: int = 16

    @classmethod
    def of(cls, low: float, high: float, bits: int = 16) -> "LinearScale":
        """Scale whose codes cover a range."""
        return cls(low, ((high - low) or 1.0) / (2**bits - 2), bits)

    @property
    def missing(self) -> int:
        """Code of NaN."""
        return int(2**self.bits - 1)

    def codes(self, values: ArrayLike) -> Codes:
        """Code of each number; NaN is missing."""
        given = np.asarray(values, dtype=np.float64)
        known = np.isfinite(given)
        levels = np.full(given.shape, float(self.missing))
        levels[known] = np.clip(
            np.round((given[known] - self.low) / self.step), 0.0, self.missing - 1.0
        )
        narrow: Codes = levels.astype(np.uint8) if self.bits == 8 else levels.astype(np.uint16)
        return narrow

    def values(self, codes: Codes) -> Array:
        """Number of each code; NaN where it is missing."""
        found = self.low + self.step * codes.astype(np.float64)
        return np.where(codes == self.missing, np.nan, found)

    def described(self) -> dict[str, Any]:
        """The scale as the page reads it."""
        return {"kind": "linear", "low": self.low, "step": self.step, "missing": self.missing}


Scale = LogScale | LinearScale


def encoded(codes: Codes) -> bytes:
    """Deflated differences of codes along their first axis, modulo their range.

    Those of two bytes are split into planes, low bytes first.

    Parameters
    ----------
    codes : ndarray of uint8 or uint16, shape (frame, ...)
    """
    change = codes.copy()
    change[1:] -= codes[:-1]
    if codes.dtype == np.uint16:
        planes = change.astype("<u2").reshape(-1).view(np.uint8).reshape(-1, 2).T
        return zlib.compress(np.ascontiguousarray(planes).tobytes(), _LEVEL)
    return zlib.compress(change.tobytes(), _LEVEL)


def decoded(block: bytes, shape: tuple[int, ...], bits: int) -> Codes:
    """Inverse of `encoded`.

    Parameters
    ----------
    block : bytes
    shape : tuple of int
        Of the codes.
    bits : int
        8 or 16.
    """
    flat = np.frombuffer(zlib.decompress(block), dtype=np.uint8)
    if bits == 16:
        pairs = np.ascontiguousarray(flat.reshape(2, -1).T).view("<u2").reshape(shape)
        wide: NDArray[np.uint16] = np.cumsum(pairs, axis=0, dtype=np.uint16)
        return wide
    narrow: NDArray[np.uint8] = np.cumsum(flat.reshape(shape), axis=0, dtype=np.uint8)
    return narrow
