"""Chances as the page of a folder shows them: colour, ink and text."""

import math
from typing import Any

from sdf1_field.figures.verdicts import chance_colour, ink_on, percent_text


def shaded(chance: float | None) -> dict[str, Any] | None:
    """A chance with its colour, ink and text; None if it is not known."""
    if chance is None or not math.isfinite(chance):
        return None
    colour = chance_colour(chance)
    return {"value": chance, "text": percent_text(chance), "colour": colour, "ink": ink_on(colour)}


def scale() -> list[dict[str, Any]]:
    """Colours from never to always, for a legend."""
    return [one for n in range(0, 11, 2) if (one := shaded(n / 10.0)) is not None]
