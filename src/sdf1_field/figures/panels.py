"""Panels of the papers' figures: bars of experiments and boxes of cells, with the papers' tests.

Bars are means over simulated experiments that share no dish, dots the dishes of a single one; an
experiment has as many dishes as the paper's. Tests are those of the first experiment.
"""

import math
import re
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import StrMethodFormatter
from numpy.typing import NDArray

from sdf1_field.analysis import SAME_TIME
from sdf1_field.claims import Reading, Sample, p_value
from sdf1_field.statistics import p_text

Array = NDArray[np.float64]
Experiment = Sequence[Sequence[Reading]]
"""Readings of an experiment's dishes of one condition."""
Virtual = Mapping[str, Sequence[Experiment]]
"""Experiments by condition."""

HOUR, PERCENT = 3600.0, 100.0
GREY, ORANGE, BLUE, VERMILION, PURPLE = "#999999", "#E69F00", "#0072B2", "#D55E00", "#CC79A7"
"""Of Okabe and Ito's palette, told apart by colour-blind readers."""
WIDE, NARROW, BESIDE = 0.66, 0.36, 0.4
"""Widths of single bars and of those of a pair, and how far these are apart."""
FILLED = 0.75
LEVEL: dict[str, Any] = {"color": "black", "ls": (0, (2, 1)), "lw": 2}
REFERENCE: dict[str, Any] = {"color": VERMILION, "ls": "--", "lw": 1, "zorder": 1}
SMALL, LETTERS_PER_INCH = 8.0, 15.5
"""Small text [points], and how many of its letters are in a line."""
_MEDIUM, _PAD = 9.0, 0.07
"""Text [points], and room around panels [inch]."""
_LEVELS = {"***": 0.001, "**": 0.01, "*": 0.05}
_INTERVAL, _BOX_WHISKERS = (0.025, 0.975), (2.5, 97.5)
_SPREAD = 0.36
"""Part of a bar's or box's width, to either side, over which dots are spread."""
_GOLDEN = 0.5 * (math.sqrt(5.0) - 1.0)
_HEADROOM, _MARK_HEIGHT = 1.16, 0.11
"""Height of an axis over the highest value, and of a line of marks in heights of an axis."""
_ABOVE_DOTS = 0.15
"""Room for a mark above boxes, in heights of the boxes below it."""
_UPRIGHT, _LABEL = 5, 13
"""Most labels that are not slanted, and letters in a line of one."""


@dataclass(frozen=True)
class Look:
    """A quantity as a panel shows it; at the last time it was read if none [s] is given."""

    quantity: str
    of: str = ""
    time: float | None = None
    scale: float = 1.0
    share: bool = False


# Numbers of dishes and cells


def _values(dish: Sequence[Reading], look: Look) -> Array:
    """One dish's values of a quantity, shape (n,); empty if it was not read."""
    found = [r for r in dish if r.quantity == look.quantity and r.of == look.of]
    last = max((r.time for r in found), default=math.nan)
    time = last if look.time is None else look.time
    return np.concatenate([[], *(r.values for r in found if abs(r.time - time) <= SAME_TIME)])


def numbers_of(experiment: Experiment, look: Look) -> Array:
    """Each dish's mean, or its share, shape (dish,); NaN where there is none."""
    numbers = []
    for dish in experiment:
        values = _values(dish, look)
        if look.share:
            some = len(values) > 0 and values[1] > 0
            numbers.append(values[0] / values[1] if some else math.nan)
        else:
            numbers.append(mean_of(values))
    return look.scale * np.array(numbers, dtype=np.float64)


def cells_of(experiment: Experiment, look: Look) -> Array:
    """Values of all dishes' cells, shape (cell,)."""
    values = [_values(dish, look) for dish in experiment]
    return look.scale * _finite(np.concatenate([[], *values]))


def mean_of(values: Sequence[float] | Array) -> float:
    """Mean of the finite values; NaN without any."""
    some = _finite(np.asarray(values, dtype=np.float64))
    return float(some.mean()) if len(some) else math.nan


def _finite(values: Array) -> Array:
    """The finite values."""
    return values[np.isfinite(values)]


# The papers' tests


@dataclass(frozen=True)
class PaperTest:
    """A test of `claims.TESTS`, so that a figure has the p of the verdicts.

    Parameters
    ----------
    name : str
    over_dishes : bool
        Take a dish's mean as one value, instead of each cell's.
    """

    name: str
    over_dishes: bool = False

    def p(self, control: Experiment, treated: Experiment, look: Look) -> float:
        """Two-sided p of a quantity; NaN where it does not exist."""
        sample, reference = ([_values(dish, look) for dish in e] for e in (treated, control))
        kind = Sample.SHARE if look.share else Sample.CELLS
        return p_value(self.name, sample, reference, kind, over_dishes=self.over_dishes)


UNPAIRED_T = PaperTest("unpaired t", over_dishes=True)
PAIRED_T = PaperTest("paired t", over_dishes=True)
T_OF_CELLS, U_OF_CELLS = PaperTest("unpaired t"), PaperTest("Mann-Whitney U")
CHI_SQUARED = PaperTest("chi-squared (Yates)")


def stars(p: float) -> str:
    """Significance as the papers print it; empty if nothing was tested.

    Examples
    --------
    >>> stars(0.0004), stars(0.03), stars(0.2), stars(float("nan"))
    ('***', '*', 'n.s.', '')
    """
    if math.isnan(p):
        return ""
    return next((text for text, level in _LEVELS.items() if p < level), "n.s.")


def stars_and_p(p: float) -> str:
    """Significance, and p in a second line.

    Examples
    --------
    >>> stars_and_p(0.0712).splitlines(), stars_and_p(1e-5).splitlines()
    (['n.s.', 'p = 0.071'], ['***', 'p < 0.001'])
    """
    return "" if math.isnan(p) else f"{stars(p)}\n{p_said(p)}"


def p_said(p: float | None) -> str:
    """A p with its sign, as all figures print it; a dash if nothing was tested.

    Examples
    --------
    >>> p_said(0.0712), p_said(1e-5), p_said(None)
    ('p = 0.071', 'p < 0.001', 'p -')
    """
    text = p_text(p)
    sign = "" if text == "-" else "< " if text.startswith("<") else "= "
    return f"p {sign}{text.removeprefix('<')}"


# Panels


def figure_with_caption(width: float, height: float, *caption: str) -> Figure:
    """Empty figure [inch] with a caption below."""
    figure = Figure(figsize=(width, height), layout=ConstrainedLayoutEngine(h_pad=_PAD))
    text = textwrap.fill(" ".join(caption), int(LETTERS_PER_INCH * width), break_on_hyphens=False)
    figure.supxlabel(text, x=0.01, ha="left", fontsize=SMALL, color="0.25")
    return figure


def style(axes: Any, letter: str, title: str, ylabel: str) -> None:
    """Panel's letter, title and axis."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=_MEDIUM, labelleft=True)
    axes.set_title(letter, loc="left", fontweight="bold", fontsize=12)
    axes.set_title(title, fontsize=10)
    axes.set_ylabel(ylabel, fontsize=_MEDIUM)


def draw_ticks(axes: Any, labels: Sequence[str]) -> None:
    """Labels below bars or boxes at 0, 1, 2, and on; slanted if there are many."""
    many = len(labels) > _UPRIGHT
    axes.set_xticks(range(len(labels)), [label if many else _wrapped(label) for label in labels])
    axes.set_xlim(-0.6, len(labels) - 0.4)
    for label in axes.get_xticklabels() if many else ():
        label.set(rotation=40, ha="right", rotation_mode="anchor")


def _wrapped(label: str) -> str:
    """A label in short lines, broken behind commas first, and not between number and unit.

    Examples
    --------
    >>> _wrapped("CD34⁺ (24 h), SDF-1 100 ng/mL").splitlines()
    ['CD34⁺ (24 h),', 'SDF-1', '100 ng/mL']
    >>> _wrapped("SNAP23 knock-down").splitlines()
    ['SNAP23', 'knock-down']
    """
    lines = []
    for part in label.replace(", ", ",\n").splitlines():
        whole = re.sub(r"(?<![\w-])(\d+) (?=\D)", "\\1\u00a0", part)
        lines += textwrap.wrap(whole, _LABEL, break_on_hyphens=False, break_long_words=False)
    return "\n".join(lines).replace("\u00a0", " ")


def draw_bar(
    axes: Any, place: float, experiments: Sequence[Array], colour: str, *, width: float = WIDE
) -> float:
    """Mean of experiments with the range of single ones, and the first one's dishes.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
    place : float
    experiments : sequence of ndarray, shape (dish,)
        Numbers of each experiment's dishes.
    colour : str
    width : float

    Returns
    -------
    float
        Where bar, whisker and dots end; NaN if there are none.
    """
    means = _finite(np.array([mean_of(numbers) for numbers in experiments], dtype=np.float64))
    if not len(means):
        return math.nan
    height = float(means.mean())
    low, high = np.quantile(means, _INTERVAL)
    axes.bar(place, height, width, color=colour, alpha=FILLED)
    if len(means) > 1:
        reach = np.maximum([[height - low], [high - height]], 0.0)
        axes.errorbar(place, height, yerr=reach, color="black", capsize=4, lw=1.2)
    dots = experiments[0]
    axes.plot(
        place + dot_places(len(dots), width), dots, "o", color="white", mec="black", mew=0.9,
        ms=4.5, zorder=5,
    )  # fmt: skip
    return float(max(height, high, *_finite(dots)))


def dot_places(count: int, width: float = WIDE) -> Array:
    """Where dots of dishes stand from the middle of a bar, shape (count,)."""
    return width * _SPREAD * (np.linspace(-1.0, 1.0, count) if count > 1 else np.zeros(count))


def draw_level(axes: Any, place: float, value: float) -> None:
    """Line across a bar of a pair; none if there is no value."""
    if math.isfinite(value):
        axes.hlines(value, place - 0.5 * NARROW, place + 0.5 * NARROW, **LEVEL)


def draw_marks(
    axes: Any, places: Sequence[float], tops: Sequence[float], marks: Sequence[str]
) -> None:
    """Marks above bars, which begin at 0, and room for them."""
    lines = max((len(mark.splitlines()) for mark in marks), default=0)
    highest = max((top for top in tops if top > 0.0), default=0.0)
    if highest > 0.0:
        axes.set_ylim(0.0, max(axes.get_ylim()[1], highest * (_HEADROOM + _MARK_HEIGHT * lines)))
    for place, top, mark in zip(places, tops, marks, strict=True):
        if mark and math.isfinite(top):
            axes.annotate(
                mark, (place, top), xytext=(0, 5), textcoords="offset points", ha="center",
                va="bottom", fontsize=SMALL,
            )  # fmt: skip


def draw_bars(
    axes: Any,
    virtual: Virtual,
    colours: Mapping[str, str],
    look: Look,
    *,
    test: PaperTest | None = None,
    mark: Callable[[float], str] = stars_and_p,
) -> None:
    """Bars of the coloured conditions, and marks of a test against the first of them."""
    own = next(iter(colours))
    tops, marks = [], []
    for n, (name, colour) in enumerate(colours.items()):
        numbers = [numbers_of(experiment, look) for experiment in virtual[name]]
        tops.append(draw_bar(axes, n, numbers, colour))
        p = math.nan
        if test is not None and name != own:
            p = test.p(virtual[own][0], virtual[name][0], look)
        marks.append(mark(p))
    draw_marks(axes, range(len(tops)), tops, marks)


def draw_boxes(
    axes: Any,
    virtual: Virtual,
    colours: Mapping[str, str],
    look: Look,
    *,
    test: PaperTest,
    reference: str | None = None,
    scale: str = "linear",
) -> None:
    """Boxes of the coloured conditions' cells, and stars of a test against one, else the first.

    Boxes are the quartiles of all experiments' cells, whiskers hold 95 % of them, and dots are
    cells of the first experiment.
    """
    own = reference or next(iter(colours))
    axes.set_yscale(scale)
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    for n, (name, colour) in enumerate(colours.items()):
        cells = np.concatenate([cells_of(experiment, look) for experiment in virtual[name]])
        if not len(cells):
            continue
        dots = cells_of(virtual[name][0], look)
        spread = 2.0 * WIDE * _SPREAD * ((_GOLDEN * np.arange(len(dots))) % 1.0 - 0.5)
        axes.plot(n + spread, dots, ".", color=colour, ms=4, alpha=0.5, mew=0, zorder=1)
        axes.boxplot(
            [cells], positions=[n], whis=_BOX_WHISKERS, showfliers=False, widths=WIDE,
            manage_ticks=False, medianprops={"color": "black", "lw": 1.8},
        )  # fmt: skip
        p = math.nan if name == own else test.p(virtual[own][0], virtual[name][0], look)
        axes.annotate(
            stars(p), (n, 0.99), xycoords=("data", "axes fraction"), ha="center", va="top",
            fontsize=SMALL,
        )  # fmt: skip
    _leave_room(axes, 0.0 if scale != "log" else axes.get_ylim()[0])


def _leave_room(axes: Any, low: float) -> None:
    """Extend an axis, in panels that share it too, to make room for a mark above a height."""
    shared = axes.get_shared_y_axes().get_siblings(axes)
    high = max((each.dataLim.y1 for each in shared if each.dataLim.y1 > low), default=low + 1.0)
    scale = axes.yaxis.get_transform()
    ends = scale.transform([low, high])
    axes.set_ylim(low, scale.inverted().transform(ends[1] + _ABOVE_DOTS * np.ptp(ends)))


# Words


def plain(label: str) -> str:
    """A label with superscripts and Greek letters.

    Examples
    --------
    >>> plain("CD34+ (24 h), AMD3100 10 uM"), plain("fibronectin 5 ug/cm2")
    ('CD34⁺ (24 h), AMD3100 10 µM', 'fibronectin 5 µg/cm²')
    """
    for written, read in (
        ("ug/", "µg/"),
        (" uM", " µM"),
        (" um ", " µm "),
        ("CD34+", "CD34⁺"),
        ("m2", "m²"),
    ):
        label = label.replace(written, read)
    return label


def said_of_bars(virtual: Virtual, names: Sequence[str]) -> str:
    """Caption of bars, whiskers and dots."""
    count = max(len(virtual[name]) for name in names)
    if count < 2:
        return "Bars: means of the one simulated experiment; dots: its dishes."
    return (
        f"Bars: means of {count} simulated experiments; whiskers: 95 % of single experiments; "
        "dots: dishes of the first one."
    )


def said_of_boxes(virtual: Virtual, names: Sequence[str]) -> str:
    """Caption of boxes, whiskers and dots."""
    count = max(len(virtual[name]) for name in names)
    whose = f"{count} simulated experiments" if count > 1 else "the one simulated experiment"
    dots = "cells of the first one" if count > 1 else "the cells"
    return (
        f"Boxes: quartiles and median of the cells of {whose}, whiskers: 95 % of them; "
        f"dots: {dots}."
    )
