"""The clock of a movie: the time that a map shows, above the map, where it hides nothing."""

from typing import Any

from sdf1_field.figures.paper import font_size

_PLACE, _SIZE = (0.0, 1.01), 1.2
"""Place at a map, in its extents, and size over that of text."""


def draw_clock(axes: Any) -> Any:
    """Empty text above the left of a map, for `clock_text`."""
    return axes.text(
        *_PLACE, "", transform=axes.transAxes, ha="left", va="bottom",
        fontsize=_SIZE * font_size(),
    )  # fmt: skip


def clock_text(seconds: float) -> str:
    """Time as a clock shows it, all of the same form.

    Examples
    --------
    >>> clock_text(4500.0)
    '1 h 15 min'
    """
    hours, minutes = divmod(round(seconds / 60.0), 60)
    return f"{hours} h {minutes:02d} min"
