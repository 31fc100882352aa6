"""What a calibration found: free parameters against each other, and the chances of claims."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, StrMethodFormatter
from numpy.typing import NDArray

from sdf1_field.figures.panels import (
    BLUE,
    GREY,
    ORANGE,
    SMALL,
    VERMILION,
    figure_with_caption,
    plain,
)
from sdf1_field.statistics import weighted_correlations, weighted_quantiles

Array = NDArray[np.float64]

MOST = 8
"""Parameters of a corner plot."""
NARROW, TIED = 0.9, 0.4
"""A parameter is shown if its posterior is narrower than this part of the prior, or if its
correlation with another one is beyond the second."""
_BINS = 12
_LOW, _HIGH = 0.05, 0.95
_PANEL, _MARGIN = 1.25, 1.6
"""Size of a panel, and room for labels beside the panels [inch]."""
_BELOW = 1.1
"""Room for labels and caption [inch]."""
_BAR = 0.26
_LEVELS = (0.2, 0.5)
"""Limits of the verdicts."""
_DENSITY = LinearSegmentedColormap.from_list("density", ["white", BLUE])


@dataclass(frozen=True)
class Axis:
    """A parameter; its prior is even over its interval.

    Parameters
    ----------
    key : str
        Dotted path.
    unit : str
    low, high : float
        Ends of the interval.
    logarithmic : bool
        Whether the prior is even in the logarithm.
    """

    key: str
    unit: str
    low: float
    high: float
    logarithmic: bool

    def number(self, place: Array) -> Array:
        """Numbers at places from 0 to 1 of the interval."""
        if self.logarithmic:
            return np.asarray(self.low * (self.high / self.low) ** place)
        return np.asarray(self.low + place * (self.high - self.low))


@dataclass(frozen=True)
class Bars:
    """Chances that one paper reports a claim.

    Parameters
    ----------
    claim : str
        Its id.
    informs : bool
    prior, reported, explained : float
        By the prior, by the posterior of the other claims, and by that of all.
    verdict : str
    """

    claim: str
    informs: bool
    prior: float
    reported: float
    explained: float
    verdict: str


# Corner plot


def shown(points: Array, weights: Array) -> list[int]:
    """Parameters that a corner plot shows: the narrowest of those that are narrow or correlated.

    Parameters
    ----------
    points : ndarray, shape (point, parameter)
        Places in the intervals.
    weights : ndarray, shape (point,)
        They sum to 1.

    Returns
    -------
    list of int
        At most `MOST`, in the order of the parameters; the two narrowest if there are fewer.
    """
    number = points.shape[1]
    ends = np.array([weighted_quantiles(places, weights, (_LOW, _HIGH)) for places in points.T])
    widths = np.ptp(ends, axis=1) / (_HIGH - _LOW)
    correlated = np.abs(weighted_correlations(points, weights))
    np.fill_diagonal(correlated, 0.0)
    tied = correlated.max(axis=1) > TIED
    told = [k for k in np.argsort(widths) if widths[k] < NARROW or tied[k]]
    if len(told) < min(2, number):
        told = list(np.argsort(widths)[:2])
    return sorted(int(k) for k in told[:MOST])


def corner_figure(axes: Sequence[Axis], points: Array, weights: Array) -> Figure:
    """Free parameters of a posterior, each alone and in pairs.

    Parameters
    ----------
    axes : sequence of Axis
    points : ndarray, shape (point, parameter)
        Places in the intervals.
    weights : ndarray, shape (point,)
        They sum to 1.
    """
    chosen = shown(points, weights)
    number, names = len(chosen), labels([axes[k] for k in chosen])
    left_out = len(axes) - number
    size = 1.0 / float((weights**2).sum())
    caption = (
        f"Posterior of {number} of {len(axes)} free parameters, over the prior's intervals. "
        "Diagonal: density relative to the prior, which is the dashed line; vertical lines: "
        "median, and 5 and 95 %. Below: density of pairs, darker is denser; crosses: medians. "
        f"Effective size of the posterior: {size:.0f}. "
    )
    if left_out:
        caption += (
            f"Shown are at most {MOST}, the narrowest of those whose posterior is narrower than "
            f"{NARROW:g} of the prior or that have a correlation beyond {TIED:g} with another one; "
            f"left out: {left_out}."
        )
    extent = _PANEL * number + _MARGIN
    figure = figure_with_caption(max(extent, 5.0), extent + _BELOW, caption)
    grid = figure.subplots(number, number, squeeze=False)
    edges = np.linspace(0.0, 1.0, _BINS + 1)
    for row, k in enumerate(chosen):
        for column, m in enumerate(chosen):
            panel = grid[row, column]
            if column > row:
                panel.set_visible(False)
                continue
            if row == column:
                _draw_alone(panel, axes[k], points[:, k], weights, edges)
            else:
                _draw_pair(panel, (axes[m], axes[k]), points[:, [m, k]], weights, edges)
            _draw_axis(panel.xaxis, axes[m], names[column] if row == number - 1 else None)
            if row != column:
                _draw_axis(panel.yaxis, axes[k], names[row] if column == 0 else None)
    grid[-1, 0].get_figure().align_labels()
    return figure


def labels(axes: Sequence[Axis]) -> list[str]:
    """Names with units, in short lines; with the section where two would be the same.

    Examples
    --------
    >>> labels([Axis("cell_type.kg1a.speed", "um/min", 1.0, 2.0, logarithmic=True)])[0].splitlines()
    ['speed', '[µm/min]']
    """
    leaves = [axis.key.rpartition(".")[2] for axis in axes]
    found = []
    for axis, leaf in zip(axes, leaves, strict=True):
        section = axis.key.split(".")[-2] if leaves.count(leaf) > 1 else ""
        words = f"{section} {leaf}".strip().split("_")
        lines = [" ".join(words[n : n + 2]) for n in range(0, len(words), 2)]
        unit = plain(axis.unit).replace("um", "µm") or "1"
        found.append("\n".join([*lines, f"[{unit}]"]))
    return found


def _draw_alone(panel: Any, axis: Axis, places: Array, weights: Array, edges: Array) -> None:
    density, _ = np.histogram(places, edges, weights=weights, density=True)
    panel.stairs(density, axis.number(edges), fill=True, color=BLUE, alpha=0.75)
    panel.axhline(1.0, color="black", ls="--", lw=1)
    marks = axis.number(weighted_quantiles(places, weights, (_LOW, 0.5, _HIGH)))
    for mark, style in zip(marks, (":", "-", ":"), strict=True):
        panel.axvline(mark, color=VERMILION, ls=style, lw=1.4)
    panel.set(yticks=[], ylim=(0.0, 1.15 * max(1.0, float(density.max()))))
    panel.spines[["top", "right", "left"]].set_visible(False)


def _draw_pair(
    panel: Any, pair: tuple[Axis, Axis], places: Array, weights: Array, edges: Array
) -> None:
    density, _, _ = np.histogram2d(places[:, 0], places[:, 1], [edges, edges], weights=weights)
    across, along = (axis.number(edges) for axis in pair)
    panel.pcolormesh(across, along, density.T, cmap=_DENSITY, vmin=0.0, rasterized=True)
    medians = [
        axis.number(weighted_quantiles(own, weights, (0.5,)))
        for axis, own in zip(pair, places.T, strict=True)
    ]
    panel.plot(*medians, "+", color=VERMILION, ms=9, mew=1.6)


def _draw_axis(side: Any, axis: Axis, label: str | None) -> None:
    """Scale, limits, a few ticks, and a label at the outer panels."""
    across = side.axis_name == "x"
    scale = "log" if axis.logarithmic else "linear"
    panel = side.axes
    (panel.set_xscale if across else panel.set_yscale)(scale)
    (panel.set_xlim if across else panel.set_ylim)(axis.low, axis.high)
    if axis.logarithmic:
        decades = math.log10(axis.high / axis.low)
        side.set_major_locator(
            LogLocator(
                subs=(1.0,) if decades > 2 else (1.0, 3.0) if decades > 1 else (1, 2, 5), numticks=4
            )
        )
    else:
        side.set_major_locator(MaxNLocator(3))
    side.set_major_formatter(StrMethodFormatter("{x:g}"))
    side.set_minor_formatter(NullFormatter())
    panel.tick_params(axis="x" if across else "y", labelsize=SMALL - 1, which="both")
    if label is None:
        panel.tick_params(axis="x" if across else "y", labelbottom=False, labelleft=False)
    else:
        side.set_label_text(label, fontsize=SMALL)
        if across:
            panel.tick_params(axis="x", labelrotation=45)


# Claims


def chances_figure(rows: Sequence[Bars]) -> Figure:
    """Chance of each claim by the prior, as the other claims predict it, and by all of them."""
    figure = figure_with_caption(
        max(6.0, 1.2 * len(rows) + 2.5), 4.4,
        "Chance that one new virtual paper reports a claim: by the prior alone, as the other "
        "claims predict it, and by all claims that inform. Claims in brackets inform nothing, so "
        "that the latter two are the same. Dashed lines: limits of the verdicts.",
    )  # fmt: skip
    axes = figure.subplots()
    kinds = (
        ("prior", GREY, [row.prior for row in rows]),
        ("predicted from the others", BLUE, [row.reported for row in rows]),
        ("explained", ORANGE, [row.explained for row in rows]),
    )
    places = np.arange(len(rows))
    for n, (name, colour, heights) in enumerate(kinds):
        drawn = axes.bar(places + (n - 1) * _BAR, heights, _BAR, color=colour, label=name)
        axes.bar_label(drawn, list(map(_chance, heights)), fontsize=SMALL - 1, padding=1)
    for level in _LEVELS:
        axes.axhline(level, color="0.5", ls="--", lw=0.8, zorder=0)
    names = [row.claim if row.informs else f"({row.claim})" for row in rows]
    verdicts = [row.verdict.replace(", ", ",\n") for row in rows]
    axes.set_xticks(places, [f"{n}\n{v}" for n, v in zip(names, verdicts, strict=True)])
    axes.tick_params(labelsize=SMALL)
    axes.set(ylim=(0.0, 1.06))
    axes.set_ylabel("chance that one paper reports it", fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=SMALL, loc="lower left", bbox_to_anchor=(0, 1), ncols=3)
    return figure


def _chance(share: float) -> str:
    return "< 0.01" if 0.0 < share < 0.01 else f"{share:.2f}"
