"""Verdicts on a paper's claims, as a table of signs that is shaded by the claims' chances."""

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure

from sdf1_field.claims import (
    DIRECTION_ONLY,
    NOT_REPRODUCED,
    REPRODUCED,
    UNDECIDED,
    VACUOUS,
)
from sdf1_field.figures.panels import LETTERS_PER_INCH, SMALL, plain

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


_SIGNS = {
    REPRODUCED: "✓", DIRECTION_ONLY: "→", UNDECIDED: "?", NOT_REPRODUCED: "✗", VACUOUS: "∅",
}  # fmt: skip
_SCALE = "Blues"
"""From white to dark blue, so that it reads in grey and by colour-blind readers alike."""
_BRIGHT = 0.4
"""Brightness of a ground below which ink is white."""
_GREYS = (0.299, 0.587, 0.114)
"""Part of red, green and blue in the brightness of a colour."""
_STEPS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
"""Chances in the legend."""
_MARGIN, _LINE = 0.12, 0.145
"""Space around a row's words, and height of a line of them [inch]."""
_ID, _LETTERS = 0.5, 64
"""Width of the ids [inch], and letters in a line of words."""
_NUMBER, _COLUMN, _AXIS, _GAP = 0.55, 1.9, 2.6, 0.15
"""Width of the numbers of verdicts, of verdicts, of the axis, and between the last two [inch]."""
_ABOVE, _BELOW, _SWATCH = 0.6, 1.55, 0.55
"""Room for the axis, and for the legend, and width of one of its colours [inch]."""
_SHADING = (
    "Shading: the chance that one paper of the original's size reports the claim, by the model."
)
_NOTES = (
    "Signs are verdicts: ✓ the effect, with a chance well above that without the mechanism; → the "
    "effect, without such a chance; ? undecided; ✗ not reproduced; ∅ no significant effect, as "
    "reported, but the same experiments do not find the one that the paper found either. Hatched: "
    "no chance is known.",
    "Dots: the chance with its 95 % interval; open diamonds: the same in a model without the "
    "mechanisms that the claim is about.",
)


def chance_colour(chance: float) -> str:
    """Colour of a chance [1], from white for never to dark blue for always; grey for NaN.

    Examples
    --------
    >>> chance_colour(0.0), chance_colour(0.1), chance_colour(1.0), chance_colour(math.nan)
    ('#f7fbff', '#e3eef9', '#08306b', '#f2f2f2')
    """
    return to_hex(colormaps[_SCALE](chance)) if math.isfinite(chance) else "#f2f2f2"


def ink_on(colour: str) -> str:
    """Black or white, whichever is read on a colour.

    Examples
    --------
    >>> ink_on(chance_colour(0.1)), ink_on(chance_colour(0.9))
    ('black', 'white')
    """
    return "white" if float(np.dot(to_rgb(colour), _GREYS)) < _BRIGHT else "black"


def percent_text(chance: float) -> str:
    """Text of a chance [1].

    Examples
    --------
    >>> percent_text(0.104), percent_text(0.0003), percent_text(0.999), percent_text(math.nan)
    ('10 %', '< 1 %', '> 99 %', '-')
    """
    if not math.isfinite(chance):
        return "-"
    if 0.0 < chance < 0.01:
        return "< 1 %"
    return "> 99 %" if 0.99 < chance < 1.0 else f"{100.0 * chance:.0f} %"


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
        chance = math.nan if row.chance is None else row.chance[0]
        colour = chance_colour(chance)
        signs.barh(
            middle, _COLUMN, end - top, color=colour, ec="0.75", lw=0.6,
            hatch="" if math.isfinite(chance) else "///",
        )  # fmt: skip
        ink: dict[str, Any] = {"color": ink_on(colour), "fontsize": SMALL, "va": "center"}
        signs.text(_NUMBER, middle, percent_text(chance), ha="right", fontweight="bold", **ink)
        signs.text(_NUMBER + _MARGIN, middle, f"{_SIGNS[row.verdict]} {row.verdict}", **ink)
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
    _draw_legend(figure, width, height)
    return figure


def _draw_legend(figure: Figure, width: float, height: float) -> None:
    """Colours of some chances below the rows, and what signs, shading and dots mean."""
    figure.text(0.1 / width, 1.28 / height, _SHADING, fontsize=SMALL, va="center")
    below = figure.add_axes(
        (0.1 / width, 0.95 / height, _SWATCH * len(_STEPS) / width, 0.2 / height)
    )
    for n, step in enumerate(_STEPS):
        colour = chance_colour(step)
        below.barh(0.0, 1.0, left=n, color=colour, ec="0.75", lw=0.6)
        below.text(
            n + 0.5, 0.0, percent_text(step), color=ink_on(colour), fontsize=SMALL, ha="center",
            va="center",
        )  # fmt: skip
    below.set(xlim=(0.0, len(_STEPS)), ylim=(-0.4, 0.4))
    below.set_axis_off()
    notes = [line for note in _NOTES for line in textwrap.wrap(note, int(LETTERS_PER_INCH * width))]
    figure.text(
        0.1 / width, 0.82 / height, "\n".join(notes), fontsize=SMALL, color="0.25", va="top",
        linespacing=1.3,
    )  # fmt: skip


def _draw_chance(axes: Any, place: float, chance: Ends | None, style: dict[str, Any]) -> None:
    """A chance and its interval; nothing if it is not known."""
    if chance is None or not math.isfinite(chance[0]):
        return
    value, low, high = chance
    if math.isfinite(low):
        axes.hlines(place, low, high, color=style["color"], lw=1.2)
    axes.plot([value], [place], ls="", clip_on=False, zorder=3, **style)
