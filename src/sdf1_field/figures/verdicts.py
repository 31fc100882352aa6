"""Verdicts on a paper's claims, as a table of colours and signs."""

import math
import textwrap
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from sdf1_field.figures.panels import BLUE, LETTERS_PER_INCH, ORANGE, PERCENT, SMALL, plain

VerdictRow = tuple[str, str, Sequence[tuple[str, float, float | None]]]
"""A claim's id and words; at each variation its verdict, the share of experiments that agree, and
the null model's share if there is a null model."""

_VERDICTS = {
    "reproduced": ("✓", BLUE, "white"),
    "undecided": ("?", "#F2F2F2", "black"),
    "not reproduced": ("✗", ORANGE, "black"),
}
"""Sign, colour and ink; in grey the colours are dark, white and medium."""
_MARGIN, _LINE, _COLUMN = 0.12, 0.145, 1.25
"""Space around a row's words, height of a line of them, and width of a column [inch]."""
_ID, _LETTERS = 0.5, 64
"""Width of the ids [inch], and letters in a line of words."""
_ABOVE, _BELOW = 0.6, 0.75
"""Room for the variations, and for the legend [inch]."""
_NUMBERS = (
    "Numbers: share of experiments that agree with the paper; null: the same in a model without "
    "the mechanisms that the claim is about."
)


def verdict_figure(
    rows: Sequence[VerdictRow], variations: Sequence[float] = (0.0, 0.1, 0.2, 0.3)
) -> Figure:
    """Verdicts on claims at several variations between dishes.

    Parameters
    ----------
    rows : sequence of VerdictRow
        As many verdicts in each as there are variations.
    variations : sequence of float
        Dish-to-dish variation [1].
    """
    words = [textwrap.wrap(plain(text), _LETTERS) for _, text, _ in rows]
    heights = [_MARGIN + _LINE * max(len(lines), 1) for lines in words]
    ends = np.concatenate([[0.0], np.cumsum(heights)])
    left = _ID + _LETTERS / LETTERS_PER_INCH + _MARGIN
    across, down = _COLUMN * len(variations), float(ends[-1])
    width, height = left + across + 0.15, down + _ABOVE + _BELOW
    figure = Figure(figsize=(width, height))
    axes = figure.add_axes((left / width, _BELOW / height, across / width, down / height))
    for (name, _, verdicts), lines, top, end in zip(rows, words, ends[:-1], ends[1:], strict=True):
        middle = 0.5 * (top + end)
        axes.text(0.08 - left, middle, name, fontsize=SMALL, fontweight="bold", va="center")
        axes.text(_ID - left, middle, "\n".join(lines), fontsize=SMALL, va="center")
        for n, (verdict, share, null) in enumerate(verdicts):
            sign, colour, ink = _VERDICTS[verdict]
            axes.barh(
                middle, _COLUMN, end - top, left=n * _COLUMN, color=colour, ec="white", lw=1.5
            )
            own = f"{sign} {_percent(share)}"
            axes.text((n + 0.08) * _COLUMN, middle, own, color=ink, fontsize=9, va="center")
            if null is not None:
                axes.text(
                    (n + 0.95) * _COLUMN, middle, f"null {_percent(null)}", color=ink,
                    fontsize=6.5, va="center", ha="right",
                )  # fmt: skip
    axes.set(xlim=(0.0, across), ylim=(down, 0.0), yticks=[])
    axes.xaxis.set(label_position="top", ticks_position="top")
    middles = _COLUMN * (np.arange(len(variations)) + 0.5)
    axes.set_xticks(middles, [_percent(variation) for variation in variations])
    axes.tick_params(length=0, labelsize=9)
    axes.set_xlabel("dish-to-dish variation", fontsize=9)
    axes.spines[:].set_visible(False)
    figure.legend(
        handles=[
            Patch(facecolor=colour, edgecolor="0.6", label=f"{sign} {verdict}")
            for verdict, (sign, colour, _) in _VERDICTS.items()
        ],
        loc="lower left", bbox_to_anchor=(0.0, 0.22 / height), ncols=3, frameon=False, fontsize=9,
    )  # fmt: skip
    figure.text(0.1 / width, 0.1 / height, _NUMBERS, fontsize=SMALL, color="0.25")
    return figure


def _percent(share: float) -> str:
    """A share in per cent.

    Examples
    --------
    >>> _percent(0.846), _percent(float("nan"))
    ('85 %', '–')
    """
    return f"{PERCENT * share:.0f} %" if math.isfinite(share) else "–"
