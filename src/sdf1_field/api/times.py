"""Times of calls, as text or in seconds."""

import math

from sdf1_field.errors import InputError
from sdf1_field.units import parse


def seconds_of(time: str | float) -> float:
    """Time [s] from text with a unit or a number of seconds; InputError if it is neither."""
    if not isinstance(time, str):
        try:
            value = float(time)
        except (TypeError, ValueError):
            value = math.nan
        if not math.isfinite(value):
            raise InputError(f"at: {time!r} is not a time. Give seconds, or text like '4 h'.")
        return value
    try:
        return parse(time, "time")
    except ValueError as error:
        raise InputError(f"at: {error}") from None
