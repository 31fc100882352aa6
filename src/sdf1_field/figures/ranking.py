"""Candidate experiments, ranked by the information that a dish of them is expected to give."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from sdf1_field.figures.panels import BLUE, ORANGE, PURPLE, SMALL, VERMILION, figure_with_caption

_TITLE = 46
"""Characters of a line of a candidate's title."""
_STYLES = {
    "fold change": (BLUE, "o"),
    "density against distance": (ORANGE, "s"),
    "dwell time": (VERMILION, "D"),
    "approach bias": (PURPLE, "^"),
}


@dataclass(frozen=True)
class Row:
    """A candidate.

    Parameters
    ----------
    id, title : str
    dishes : int
    bits : float
        By its best readout.
    interval : tuple of float
    readout : str
        The best one.
    others : sequence of (str, float)
        Other readouts and their bits.
    """

    id: str
    title: str
    dishes: int
    bits: float
    interval: tuple[float, float]
    readout: str
    others: Sequence[tuple[str, float]]


def ranking_figure(rows: Sequence[Row], *, most: float, laws: int) -> Figure:
    """Bits a dish and bits in all of candidates, the best on top.

    Parameters
    ----------
    rows : sequence of Row
    most : float
        Bits that it takes to know the law.
    laws : int
        Number of laws.
    """
    figure = figure_with_caption(
        10.5, 1.9 + 0.46 * len(rows),
        f"Expected information about which of {laws} laws holds, by each candidate's best readout; "
        "bars: 95 % intervals over posterior draws. Pale: the candidate's other readouts. Dishes: "
        f"conditions x experiments x views. To know the law takes {most:.2f} bits.",
    )  # fmt: skip
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=(1, 1))
    places = np.arange(len(rows))
    for place, row in zip(places, rows, strict=True):
        colour, marker = _STYLES[row.readout]
        for axes, divisor in ((left, row.dishes), (right, 1)):
            axes.plot(
                [end / divisor for end in row.interval], [place, place], color=colour, lw=2,
                solid_capstyle="butt",
            )  # fmt: skip
            for name, bits in row.others:
                other, shape = _STYLES[name]
                axes.plot(bits / divisor, place, shape, color=other, ms=5, alpha=0.35, mew=0)
            axes.plot(row.bits / divisor, place, marker, color=colour, ms=7, mec="white")
        right.annotate(
            f"{row.dishes} dishes", (1.0, place), xycoords=("axes fraction", "data"),
            xytext=(4, 0), textcoords="offset points", va="center", fontsize=SMALL,
        )  # fmt: skip
    left.set_yticks(places, [textwrap.fill(row.title, _TITLE) for row in rows])
    left.set_ylim(len(rows) - 0.4, -0.6)
    for axes, label in ((left, "bits about the law for a dish"), (right, "bits in all")):
        axes.axvline(0.0, color="0.5", lw=0.8)
        axes.set_xlabel(label, fontsize=9)
        axes.tick_params(labelsize=SMALL)
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="y", color="0.92", lw=0.8)
        axes.set_axisbelow(True)
    used = {name for row in rows for name in (row.readout, *(name for name, _ in row.others))}
    figure.legend(
        handles=[
            Line2D([], [], color=colour, marker=marker, ls="", label=name)
            for name, (colour, marker) in _STYLES.items()
            if name in used
        ],
        loc="outside upper center", ncols=len(used), frameon=False, fontsize=SMALL,
    )  # fmt: skip
    return figure
