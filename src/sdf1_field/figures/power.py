"""Power of planned experiments against their size."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullFormatter, NullLocator, StrMethodFormatter

from sdf1_field.figures.panels import (
    BLUE,
    ORANGE,
    PURPLE,
    REFERENCE,
    SMALL,
    VERMILION,
    figure_with_caption,
    plain,
    style,
)

_COLOURS = (BLUE, ORANGE, VERMILION, PURPLE)
_MARKERS = ("o", "s", "^", "D")
_PANEL, _HEIGHT = 3.6, 4.3
"""Width of a panel, and height of the figure [inch]."""
_TICKS = (2, 3, 4, 6, 8, 10, 15, 20, 30, 50, 100, 200, 500, 1000)


@dataclass(frozen=True)
class PowerCurve:
    """Power against the number of replicates, for one number of views.

    Parameters
    ----------
    views : int
    numbers : sequence of int
        Replicates in each group.
    power, low, high : sequence of float
        With the ends of its interval, which may be NaN.
    simulated : sequence of bool
        Whether each is counted in drawn experiments, and not by the formula.
    """

    views: int
    numbers: Sequence[int]
    power: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]
    simulated: Sequence[bool]


@dataclass(frozen=True)
class PowerPanel:
    """Curves of one region.

    Parameters
    ----------
    title : str
    curves : sequence of PowerCurve
    """

    title: str
    curves: Sequence[PowerCurve]


def power_figure(panels: Sequence[PowerPanel], target: float, title: str, caption: str) -> Figure:
    """Power against the number of replicates; a panel for each region, a curve for each view.

    Parameters
    ----------
    panels : sequence of PowerPanel
    target : float
        Power that is marked.
    title : str
        What is compared.
    caption : str
    """
    figure = figure_with_caption(
        max(5.5, _PANEL * len(panels) + 0.6), _HEIGHT, caption,
        "Filled: counted in drawn experiments; open: by the formula. Bands: 95 % intervals over "
        f"simulated dishes. Dashed: {100.0 * target:.0f} %.",
    )  # fmt: skip
    figure.suptitle(plain(title), fontsize=10)
    grid = figure.subplots(1, len(panels), squeeze=False, sharey=True)[0]
    for letter, axes, panel in zip("ABCDEFGHIJ", grid, panels, strict=False):
        style(axes, letter, panel.title, "power" if letter == "A" else "")
        for n, curve in enumerate(panel.curves):
            colour, marker = _COLOURS[n % len(_COLOURS)], _MARKERS[n % len(_MARKERS)]
            if all(map(math.isfinite, (*curve.low, *curve.high))):
                # The two ways differ, so that a band of both would show a step that is none.
                for way in (True, False):
                    axes.fill_between(
                        curve.numbers, curve.low, curve.high, color=colour, alpha=0.18, lw=0.0,
                        where=[one is way for one in curve.simulated],
                    )  # fmt: skip
            label = "1 view" if curve.views == 1 else f"{curve.views} views"
            axes.plot(curve.numbers, curve.power, color=colour, lw=1.4, label=label)
            for x, y, filled in zip(curve.numbers, curve.power, curve.simulated, strict=True):
                axes.plot(
                    [x], [y], marker, color=colour, mfc=colour if filled else "white", ms=5,
                    clip_on=False, zorder=3,
                )  # fmt: skip
        axes.axhline(target, **REFERENCE)
        numbers = sorted({n for curve in panel.curves for n in curve.numbers})
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(FixedLocator([n for n in _TICKS if n <= numbers[-1]]))
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set(ylim=(0.0, 1.03), xlim=(0.93 * numbers[0], 1.07 * numbers[-1]))
        axes.set_xlabel("n, replicates in each group", fontsize=9)
    handles, labels = grid[0].get_legend_handles_labels()
    grid[0].legend(
        handles, labels, title="each the sum of", frameon=False, fontsize=SMALL,
        title_fontsize=SMALL, loc="lower right",
    )  # fmt: skip
    return figure
