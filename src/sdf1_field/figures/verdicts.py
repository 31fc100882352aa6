"""Verdicts on a paper's claims with their chances, as a table of colours and signs."""

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from sdf1_field.claims import (
    DIRECTION_ONLY,
    NOT_REPRODUCED,
    REPRODUCED,
    UNDECIDED,
    VACUOUS,
)
from sdf1_field.figures.panels import BLUE, LETTERS_PER_INCH, ORANGE, SMALL, plain

Ends = tuple[float, float, float]
"""A chance with the ends of its interval, which are NaN if there is none."""


@dataclass(frozen=True)
class VerdictRow:
    """A claim's row.

    Parameters
    ----------
    id, says : str
    verdict : str
    chance, null : tuple of float or None
        That a virtual paper reports it, and that one of the null model does; None if unknown.
    """

    id: str
    says: str
    verdict: str
    chance: Ends | None
    null: Ends | None


_VERDICTS = {
    REPRODUCED: ("✓", BLUE, "white"),
    DIRECTION_ONLY: ("→", "#9CC9E6", "black"),
    UNDECIDED: ("?", "#F2F2F2", "black"),
    NOT_REPRODUCED: ("✗", ORANGE, "black"),
    VACUOUS: ("∅", "#D9D9D9", "black"),
}
"""Sign, colour and ink."""
_MARGIN, _LINE = 0.12, 0.145
"""Space around a row's words, and height of a line of them [inch]."""
_ID, _LETTERS = 0.5, 64
"""Width of the ids [inch], and letters in a line of words."""
_COLUMN, _AXIS, _GAP = 1.35, 2.6, 0.15
"""Width of the verdicts and of the axis of chances, and room between them [inch]."""
_ABOVE, _BELOW = 0.6, 0.9
"""Room for the axis, and for the legend [inch]."""
_NUMBERS = (
    "Dots: chance that one virtual paper reports the claim, with its 95 % interval;\n"
    "open diamonds: the same in a model without the mechanisms that the claim is about."
)


def verdict_figure(rows: Sequence[VerdictRow]) -> Figure:
    """Verdicts on claims, and the chances that virtual papers report them."""
    words = [textwrap.wrap(plain(row.says), _LETTERS) for row in rows]
    heights = [_MARGIN + _LINE * max(len(lines), 1) for lines in words]
    ends = np.concatenate([[0.0], np.cumsum(heights)])
    left = _ID + _LETTERS / LETTERS_PER_INCH + _MARGIN
    down = float(ends[-1])
    width = left + _COLUMN + _GAP + _AXIS + 0.3
    height = down + _ABOVE + _BELOW
    figure = Figure(figsize=(width, height))
    bottom, tall = _BELOW / height, down / height
    signs = figure.add_axes((left / width, bottom, _COLUMN / width, tall))
    chances = figure.add_axes(((left + _COLUMN + _GAP) / width, bottom, _AXIS / width, tall))
    for row, lines, top, end in zip(rows, words, ends[:-1], ends[1:], strict=True):
        middle = 0.5 * (top + end)
        signs.text(0.08 - left, middle, row.id, fontsize=SMALL, fontweight="bold", va="center")
        signs.text(_ID - left, middle, "\n".join(lines), fontsize=SMALL, va="center")
        sign, colour, ink = _VERDICTS[row.verdict]
        signs.barh(middle, _COLUMN, end - top, color=colour, ec="white", lw=1.5)
        signs.text(
            0.06 * _COLUMN, middle, f"{sign} {row.verdict}", color=ink, fontsize=SMALL, va="center"
        )
        _draw_chance(chances, middle, row.chance, {"marker": "o", "color": "black", "ms": 4})
        _draw_chance(
            chances, middle + 0.35 * _LINE, row.null,
            {"marker": "D", "color": "0.45", "mfc": "white", "ms": 3.5},
        )  # fmt: skip
    for axes, right in ((signs, _COLUMN), (chances, 1.0)):
        axes.set(xlim=(0.0, right), ylim=(down, 0.0), yticks=[])
        axes.xaxis.set(label_position="top", ticks_position="top")
        axes.tick_params(length=0, labelsize=SMALL)
        axes.spines[:].set_visible(False)
    signs.set_xticks([])
    chances.set_xticks([0.0, 0.25, 0.5, 0.75, 1.0], ["0", "0.25", "0.5", "0.75", "1"])
    chances.grid(axis="x", color="0.9", lw=0.8)
    chances.set_axisbelow(True)
    chances.set_xlabel("chance that one paper reports it", fontsize=SMALL)
    figure.legend(
        handles=[
            Patch(facecolor=colour, edgecolor="0.6", label=f"{sign} {verdict}")
            for verdict, (sign, colour, _) in _VERDICTS.items()
        ],
        loc="lower left", bbox_to_anchor=(0.0, 0.38 / height), ncols=len(_VERDICTS),
        frameon=False, fontsize=9,
    )  # fmt: skip
    figure.text(0.1 / width, 0.1 / height, _NUMBERS, fontsize=SMALL, color="0.25")
    return figure


def _draw_chance(axes: Any, place: float, chance: Ends | None, style: dict[str, Any]) -> None:
    """A chance and its interval; nothing if it is not known."""
    if chance is None or not math.isfinite(chance[0]):
        return
    value, low, high = chance
    if math.isfinite(low):
        axes.hlines(place, low, high, color=style["color"], lw=1.2)
    axes.plot([value], [place], ls="", clip_on=False, zorder=3, **style)
