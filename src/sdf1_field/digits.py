"""Numbers as text, rounded to the digits that their error supports."""

import math
from collections.abc import Mapping, Sequence
from decimal import Context, Decimal
from typing import Any

MISSING = "-"
"""Text of a missing value."""
_FIGURES, _ERROR_FIGURES = 3, 2
"""Significant figures of a value without an error, and of an error."""
_PLAIN = (Decimal("1e-3"), Decimal("1e9"))
"""Numbers from the first to below the second are written without an exponent."""
_NOISE = 1e-4
"""Relative error below which a value is written as if it had none."""
_NARROW = 0.1
"""Least error of a value in an interval, as a share of half the interval's width."""
_EXACT = Context(prec=60)


def number_text(value: float | None, factor: float = 1.0, *, figures: int = _FIGURES) -> str:
    """A value times a factor with three (or ``figures``) significant figures; a dash if missing.

    Examples
    --------
    >>> number_text(502.59), number_text(0.0001234), number_text(8572593.0), number_text(None)
    ('503', '1.23e-4', '8,570,000', '-')
    """
    if value is None or not math.isfinite(value):
        return MISSING
    (text,) = _texts([factor * value], _place(factor * value, figures))
    return text


def count_text(count: int, noun: str) -> str:
    """A number with its noun.

    Examples
    --------
    >>> count_text(1, "cell"), count_text(2695, "spot")
    ('1 cell', '2,695 spots')
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def spread_text(mean: float | None, deviation: float | None = None, factor: float = 1.0) -> str:
    """A mean and its standard deviation times a factor, to two figures of the deviation.

    Examples
    --------
    >>> spread_text(144.2, 213.0), spread_text(7.3712, 0.9981), spread_text(0.5)
    ('140 ± 210', '7.4 ± 1.0', '0.500')
    """
    if mean is None or deviation is None or not math.isfinite(mean + deviation):
        return number_text(mean, factor)
    values = [factor * mean, factor * deviation]
    return " ± ".join(_texts(values, _error_place(values[0], abs(values[1]))))


def interval_text(value: float | None, ends: Sequence[float] | None, factor: float = 1.0) -> str:
    """A value and its interval times a factor, to two figures of the value's error.

    The error is the distance from the nearer end of the interval, and at least a tenth of half the
    interval's width.

    Examples
    --------
    >>> interval_text(22330.0, (14502.0, 30158.0)), interval_text(0.156, (0.0291, 0.282))
    ('22,300 (14,500 to 30,200)', '0.16 (0.03 to 0.28)')
    >>> interval_text(0.875, (0.332, 2.31)), interval_text(2.9999995, (2.9999994, 2.9999996))
    ('0.88 (0.33 to 2.31)', '3.00 (3.00 to 3.00)')
    """
    if value is None or ends is None or not all(map(math.isfinite, (value, *ends))):
        return number_text(value, factor)
    low, high = sorted(factor * end for end in ends)
    half = 0.5 * high - 0.5 * low
    nearer = min(factor * value - low, high - factor * value)
    place = _error_place(factor * value, max(nearer, _NARROW * half))
    shown, *between = _texts([factor * value, low, high], place)
    return f"{shown} ({' to '.join(between)})"


def _error_place(value: float, error: float) -> int:
    """Power of ten of the last figure of a value with an error."""
    if error <= _NOISE * abs(value):
        return _place(value, _FIGURES)
    return _place(error, _ERROR_FIGURES)


def _place(value: float, figures: int) -> int:
    """Power of ten of the last of ``figures`` significant figures."""
    if value == 0.0:
        return 0
    return int(f"{value:.{figures - 1}e}".partition("e")[2]) + 1 - figures


def _texts(values: Sequence[float], place: int) -> list[str]:
    """Values rounded to one power of ten, and written with a common exponent if they need one."""
    rounded = [
        Decimal(value).quantize(Decimal((0, (1,), place)), context=_EXACT) for value in values
    ]
    largest = max(abs(number) for number in rounded)
    plain = largest == 0 or _PLAIN[0] <= largest < _PLAIN[1]
    exponent = 0 if plain else largest.adjusted()
    end = "" if plain else f"e{exponent}"
    shifted = (number.scaleb(-exponent) for number in rounded)
    # A zero after rounding is written without a sign.
    return [f"{(n if n else abs(n)):,f}{end}" for n in shifted]


def half_text(curve: Mapping[str, Any]) -> str:
    """Dose of the half effect with its unit and interval, of a row of a sweep's curves.

    Examples
    --------
    >>> half_text({"half": 0.98, "low": None, "high": 1.7, "unit": "uM", "few": False})
    '0.98 uM (below all doses to 1.7)'
    """
    low, high = (
        word if curve[end] is None else number_text(curve[end], figures=2)
        for end, word in (("low", "below all doses"), ("high", "above all doses"))
    )
    half = f"{number_text(curve['half'], figures=2)} {curve['unit']}".rstrip()
    return f"{half} (no interval: few dishes)" if curve.get("few") else f"{half} ({low} to {high})"


def share_text(share: float) -> str:
    """A chance to two decimals.

    Examples
    --------
    >>> share_text(0.432), share_text(0.0003), share_text(0.999), share_text(float("nan"))
    ('0.43', '< 0.01', '> 0.99', '-')
    """
    if math.isnan(share):
        return "-"
    if 0.0 < share < 0.01:
        return "< 0.01"
    return "> 0.99" if 0.99 < share < 1.0 else f"{share:.2f}"
