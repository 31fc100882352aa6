"""Chances of claims with mechanisms taken away, as a table that is shaded by chance."""

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from sdf1_field.digits import share_text
from sdf1_field.figures.panels import LETTERS_PER_INCH, SMALL, plain
from sdf1_field.figures.verdicts import chance_colour, ink_on


@dataclass(frozen=True)
class Shaded:
    """One element of the table.

    Parameters
    ----------
    chance, low, high : float
        Mean over draws, and 5 and 95 % of them; the last two are NaN with one draw.
    framed : bool
        Whether the claim needs what the row lacks, or what the row has suffices.
    """

    chance: float
    low: float
    high: float
    framed: bool


@dataclass(frozen=True)
class ShadedRow:
    """A row, and whether a gap goes before it."""

    name: str
    elements: Sequence[Shaded]
    gap: bool


_COLUMN, _LINE, _GAP = 0.92, 0.36, 0.12
"""Width of a column, height of a row, and of a gap between kinds of rows [inch]."""
_ABOVE, _MARGIN, _LETTER = 0.35, 0.12, 0.072
"""Room above the rows, around all, and for a letter of a row's name [inch]."""
_NOTE = "Shading and number: chance that one paper of the original's size reports the claim{over}."
_OVER = ", mean over draws of the parameters; small: 5 to 95 % of draws"
_FRAME = (
    "Framed: without it the claim is lost (upper rows), or it suffices alone (lower rows), by the "
    "rules of the table."
)


def ablation_figure(
    columns: Sequence[str], rows: Sequence[ShadedRow], says: Sequence[str]
) -> Figure:
    """Claims in columns, and models with mechanisms off in rows.

    Parameters
    ----------
    columns : sequence of str
        Names of the claims.
    rows : sequence of ShadedRow
    says : sequence of str
        Lines that say what the claims are, for below.
    """
    several = any(math.isfinite(one.low) for row in rows for one in row.elements)
    left = _MARGIN + _LETTER * max(len(row.name) for row in rows)
    width = left + _COLUMN * len(columns) + _MARGIN
    letters = int(LETTERS_PER_INCH * (width - 2 * _MARGIN))
    texts = [*map(plain, says), f"{_NOTE.format(over=_OVER if several else '')} {_FRAME}"]
    note = [line for text in texts for line in textwrap.wrap(text, letters)]
    below = 0.25 + 0.16 * len(note)
    tall = _LINE * len(rows) + _GAP * sum(row.gap for row in rows)
    height = _ABOVE + tall + below
    figure = Figure(figsize=(width, height))
    axes = figure.add_axes((0.0, below / height, 1.0, (height - below) / height))
    axes.set(xlim=(0.0, width), ylim=(_ABOVE + tall, 0.0))
    axes.set_axis_off()
    for n, name in enumerate(columns):
        place = left + _COLUMN * (n + 0.5)
        axes.text(place, 0.6 * _ABOVE, name, ha="center", va="center", fontweight="bold")
    top = _ABOVE
    for row in rows:
        top += _GAP * row.gap
        middle = top + 0.5 * _LINE
        axes.text(left - 0.08, middle, plain(row.name), ha="right", va="center", fontsize=9)
        for n, one in enumerate(row.elements):
            colour = chance_colour(one.chance)
            x = left + _COLUMN * n
            axes.add_patch(Rectangle((x, top), _COLUMN, _LINE, fc=colour, ec="white", lw=1.5))
            if one.framed:
                axes.add_patch(
                    Rectangle(
                        (x + 0.03, top + 0.03), _COLUMN - 0.06, _LINE - 0.06, fc="none",
                        ec="#E69F00", lw=2.0, zorder=3,
                    )
                )  # fmt: skip
            ink = ink_on(colour)
            axes.text(
                x + 0.5 * _COLUMN, middle - 0.055 * several, share_text(one.chance), ha="center",
                va="center", color=ink, fontsize=9,
            )  # fmt: skip
            if several:
                ends = f"{share_text(one.low)}–{share_text(one.high)}"
                axes.text(
                    x + 0.5 * _COLUMN, middle + 0.085, ends,
                    ha="center", va="center", color=ink, fontsize=6.5,
                )  # fmt: skip
        top += _LINE
    figure.text(
        _MARGIN / width, (below - 0.12) / height, "\n".join(note), fontsize=SMALL, color="0.25",
        va="top", linespacing=1.3,
    )  # fmt: skip
    return figure
