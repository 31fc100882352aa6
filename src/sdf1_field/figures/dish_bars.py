"""Panels of groups of dishes as papers draw them: a dot for each dish, mean ± S.D., and p."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, StrMethodFormatter
from numpy.typing import NDArray

from sdf1_field.figures.groups import (
    LIMIT,
    NEUTRAL,
    Look,
    Sheet,
    fitting_columns,
    font_size,
    label_height,
    line_height,
    make_sheet,
    panel_width,
    text_width,
    title_panel,
    wrapped,
)
from sdf1_field.figures.panels import FILLED, WIDE, stars_and_p
from sdf1_field.figures.paper import THINNEST, Page

Array = NDArray[np.float64]

_LOWEST, _TALLEST = 85.0, 120.0
"""Heights of a panel, which is as high as it is wide between them [points]."""
_NARROWEST, _SLIMMEST = 70.0, 3.5
"""Widths of a panel [points], and of a bar in sizes of text, at least."""
_SLANT, _LONGEST = 40.0, 13.0
"""Of labels that have no room [degrees], and width of a line of one in sizes of text."""
_DOT, _APART, _CANDIDATES = 0.55, 1.15, 8
"""Diameter of dots in sizes of text, their distance in diameters, and places tried in one."""
_WIDEST_MARK = "p < 0.001"
_BESIDE, _ALONE = 0.6, 1.2
"""Between the middle of the outer bars and the panel's sides, and so of a single bar."""
_OVER, _ROOM = 4.0, 0.06
"""Between a bar and its mark [points], and above bars without marks, as a share of the height."""
_TICKS = 5
"""Intervals between the numbers of an axis at most."""
_STEPS = (1, 2, 2.5, 5, 10)
"""Between the numbers of an axis, times a power of ten."""
_LEVEL = 1.4
"""Width of the lines across bars [points]."""


@dataclass(frozen=True)
class Bar:
    """Dishes of one group in a panel.

    Parameters
    ----------
    values : ndarray, shape (dish,)
        NaN for a dish that has none.
    p : float
        Against the control; NaN without a test.
    level : float
        Of the line across the bar; NaN for none.
    """

    values: Array
    p: float = math.nan
    level: float = math.nan

    @property
    def there(self) -> Array:
        """Values of the dishes that have one."""
        return self.values[np.isfinite(self.values)]

    @property
    def deviation(self) -> float:
        """Standard deviation over dishes; NaN for fewer than two."""
        return float(self.there.std(ddof=1)) if len(self.there) > 1 else math.nan

    @property
    def top(self) -> float:
        """Where bar, dots and whisker end; 0 without any."""
        ends = [0.0, *self.there]
        if len(self.there) > 1:
            ends.append(float(self.there.mean()) + self.deviation)
        return float(max(ends))

    def mark_at(self, height: float) -> float:
        """Where a mark of a height begins: above the dots, and not across the line."""
        crossed = math.isfinite(self.level) and self.top <= self.level <= self.top + height
        return self.level if crossed else self.top


@dataclass(frozen=True)
class Panel:
    """A quantity in all groups.

    Parameters
    ----------
    title, label : str
        Above, and of the axis; that of the panel to the left is not repeated.
    bars : sequence of Bar
        In the order of groups.
    alike : str
        Panels with the same text have one scale.
    neutral : float, optional
        Value without any effect, which has a dotted line.
    """

    title: str
    label: str
    bars: Sequence[Bar]
    alike: str = ""
    neutral: float | None = None


def bar_figure(
    page: Page,
    looks: Sequence[Look],
    panels: Sequence[Panel],
    *,
    caption: Sequence[str],
    heading: str,
    joined: bool = False,
) -> Figure:
    """Panels of groups with a caption.

    Parameters
    ----------
    page : Page
    looks : sequence of Look
    panels : sequence of Panel
    caption : sequence of str
        Its sentences; empty ones are left out.
    heading : str
    joined : bool
        Whether dishes of two groups are partners in their order, with lines between them.
    """
    needed = max(_NARROWEST, len(looks) * _SLIMMEST * font_size())
    columns = fitting_columns(page, len(panels), needed)
    slot = panel_width(page, columns) / len(looks)
    sheet = make_sheet(
        page, len(panels), columns=columns, caption=caption, heading=heading,
        height=min(max(_LOWEST, slot * len(looks)), _TALLEST),
        below=_names_height(looks, slot) + _titles_height(panels, page, columns),
    )  # fmt: skip
    highest: dict[str, float] = {}
    for n, panel in enumerate(panels):
        key, top = panel.alike or str(n), _highest(panel, sheet)
        highest[key] = max(highest.get(key, 0.0), top)
    for n, (panel, axes) in enumerate(zip(panels, sheet.panels, strict=True)):
        title_panel(axes, sheet, panel.title)
        if n % columns == 0 or panels[n - 1].label != panel.label:
            label_height(axes, sheet, panel.label)
        _name_groups(axes, looks, slot)
        axes.set_ylim(0.0, highest[panel.alike or str(n)] or 1.0)
        axes.yaxis.set_major_locator(MaxNLocator(_TICKS, steps=_STEPS))
        axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,g}"))
        if panel.neutral is not None:
            axes.axhline(panel.neutral, **NEUTRAL)
        for place, (look, bar) in enumerate(zip(looks, panel.bars, strict=True)):
            _draw_bar(axes, place, look, bar)
        _draw_marks(axes, panel.bars, sheet)
        _draw_dots(axes, looks, panel.bars, sheet, joined=joined)
    return sheet.figure


def _draw_bar(axes: Any, place: float, look: Look, bar: Bar) -> None:
    """Mean and S.D. of a group's dishes, and the line across them."""
    if len(bar.there):
        mean, thin = float(bar.there.mean()), mpl.rcParams["axes.linewidth"]
        axes.bar(place, mean, WIDE, facecolor=look.colour, alpha=FILLED, lw=0.0, zorder=2)
        if len(bar.there) > 1:
            axes.errorbar(
                place, mean, bar.deviation, color="black", zorder=4, lw=thin, capthick=thin,
                capsize=0.35 * font_size(),
            )  # fmt: skip
    if math.isfinite(bar.level):
        axes.hlines(bar.level, place - 0.5, place + 0.5, lw=_LEVEL, zorder=3, **LIMIT)


def _draw_dots(
    axes: Any, looks: Sequence[Look], bars: Sequence[Bar], sheet: Sheet, *, joined: bool
) -> None:
    """A dot for each dish, beside each other where they would overlap; limits are final."""
    diameter = _DOT * font_size()
    low, high = axes.get_ylim()
    slot = sheet.width / np.ptp(axes.get_xlim())
    places = []
    for place, (look, bar) in enumerate(zip(looks, bars, strict=True)):
        there = np.isfinite(bar.values)
        heights = (bar.there - low) / (high - low) * sheet.height
        beside = np.full(len(there), math.nan)
        beside[there] = place + swarm(heights, _APART * diameter, 0.5 * WIDE * slot) / slot
        places.append(beside)
        axes.plot(
            beside[there], bar.there, ls="", marker=look.marker, ms=diameter, mfc="white",
            mec="black", mew=max(THINNEST, 0.09 * diameter), zorder=6,
        )  # fmt: skip
    if joined:
        axes.plot(
            np.array(places), np.array([bar.values for bar in bars]), color="0.3", lw=THINNEST,
            zorder=5,
        )  # fmt: skip


def swarm(heights: Array, diameter: float, reach: float) -> Array:
    """Offsets to the side with which dots do not overlap, as near to the middle as can be.

    Parameters
    ----------
    heights : ndarray, shape (dot,)
    diameter : float
        In the unit of heights.
    reach : float
        Offsets are no larger; dots that have no room within overlap.

    Returns
    -------
    ndarray, shape (dot,)

    Examples
    --------
    >>> swarm(np.array([0.0, 0.1, 5.0]), 1.0, 3.0).tolist()
    [0.0, 1.0, 0.0]
    """
    steps = np.arange(1, int(_CANDIDATES * reach / diameter) + 1) * diameter / _CANDIDATES
    tried = np.concatenate([[0.0], np.column_stack([steps, -steps]).ravel()])
    offsets, placed = np.zeros(len(heights)), np.zeros(len(heights), dtype=np.bool_)
    for dot in np.argsort(heights, kind="stable"):
        beside = tried[:, None] - offsets[placed]
        apart = np.hypot(beside, heights[dot] - heights[placed]).min(axis=1, initial=math.inf)
        free = np.flatnonzero(apart >= diameter)
        offsets[dot] = tried[free[0] if len(free) else np.argmax(apart)]
        placed[dot] = True
    return offsets


# Text


def _flat(bars: Sequence[Bar], sheet: Sheet) -> bool:
    """Whether marks have room beside each other, and between the bars beside theirs."""
    marked = [place for place, bar in enumerate(bars) if math.isfinite(bar.p)]
    apart = min((b - a for a, b in itertools.pairwise(marked)), default=len(bars))
    room = min(apart, 2.0 - WIDE) * sheet.width / len(bars)
    return room >= text_width(_WIDEST_MARK, font_size())


def _mark_height(bars: Sequence[Bar], sheet: Sheet) -> float:
    """Height of marks with the room below them, as a share of a panel's."""
    upright = text_width(f"*** {_WIDEST_MARK}", font_size())
    return ((2.0 * line_height() if _flat(bars, sheet) else upright) + _OVER) / sheet.height


def _highest(panel: Panel, sheet: Sheet) -> float:
    """End of a panel's axis, with room for marks."""
    top = float(
        np.nanmax([panel.neutral or 0.0, *(end for b in panel.bars for end in (b.top, b.level))])
    )
    top /= 1.0 - _ROOM
    height = _mark_height(panel.bars, sheet)
    marked = [bar for bar in panel.bars if math.isfinite(bar.p)]
    for bar in marked:
        top = max(top, bar.top / (1.0 - height))
    for bar in marked:
        top = max(top, bar.mark_at(height * top) / (1.0 - height))
    return top


def _draw_marks(axes: Any, bars: Sequence[Bar], sheet: Sheet) -> None:
    """Significance and p above bars that were tested; upwards if they have no room."""
    flat, height = _flat(bars, sheet), _mark_height(bars, sheet) * axes.get_ylim()[1]
    for place, bar in enumerate(bars):
        mark = stars_and_p(bar.p)
        if mark:
            axes.annotate(
                mark if flat else mark.replace("\n", " "), (place, bar.mark_at(height)),
                xytext=(0, _OVER), textcoords="offset points", ha="center", va="bottom",
                zorder=7, linespacing=1.1, rotation=0 if flat else 90,
            )  # fmt: skip


def _titles_height(panels: Sequence[Panel], page: Page, columns: int) -> float:
    """Height of titles beyond a single line [points]."""
    width = panel_width(page, columns)
    lines = max(len(wrapped(panel.title, width, font_size())) for panel in panels)
    return (lines - 1) * line_height()


def _name_lines(looks: Sequence[Look], slot: float) -> tuple[list[list[str]], bool]:
    """Lines of groups' names, and whether they are slanted since they are wider than a slot."""
    size = font_size()
    lines = [wrapped(look.name, slot, size) for look in looks]
    if all(text_width(line, size) <= slot for own in lines for line in own):
        return lines, False
    longest = _LONGEST * size
    return [wrapped(look.name, longest, size, whole_words=False) for look in looks], True


def _name_groups(axes: Any, looks: Sequence[Look], slot: float) -> None:
    """Names of groups below their bars."""
    lines, slanted = _name_lines(looks, slot)
    axes.set_xticks(range(len(looks)), ["\n".join(own) for own in lines])
    beside = _BESIDE if len(looks) > 1 else _ALONE
    axes.set_xlim(-beside, len(looks) - 1.0 + beside)
    axes.tick_params(axis="x", length=0)
    for label in axes.get_xticklabels() if slanted else ():
        label.set(rotation=_SLANT, ha="right", rotation_mode="anchor")


def _names_height(looks: Sequence[Look], slot: float) -> float:
    """Height of the groups' names beyond a single line [points]."""
    lines, slanted = _name_lines(looks, slot)
    if not slanted:
        return (max(map(len, lines)) - 1) * line_height()
    longest = max(text_width(line, font_size()) for own in lines for line in own)
    return longest * math.sin(math.radians(_SLANT)) + (max(map(len, lines)) - 1) * line_height()
