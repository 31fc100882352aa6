"""Fold changes over values of a key, with the half effect of a dose, and heat maps of two keys."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure
from numpy.typing import NDArray

from sdf1_field.digits import half_text, number_text
from sdf1_field.figures.fold_changes import FOLD
from sdf1_field.figures.groups import (
    NEUTRAL,
    Sheet,
    font_size,
    label_height,
    line_height,
    make_sheet,
    panel_width,
    text_width,
    title_panel,
)
from sdf1_field.figures.panels import BLUE, GREY, VERMILION
from sdf1_field.figures.paper import Page
from sdf1_field.units import duration_text

Array = NDArray[np.float64]
Row = Mapping[str, Any]

_PROPORTION, _CELL = 0.75, 2.2
"""Height of a curve's panel over its width, and of a heat map's row in sizes of text."""
_DECADE = 10.0
"""Ratio of the largest to the least dose above 0 from which on the axis is logarithmic."""
_ZERO = 0.5
"""Decades of dose 0 below the least other dose."""
_SPREAD = 0.012
"""Shift of neighbouring dots, as a share of the axis."""
_DARK = 0.55
"""Share of the colour scale below which numbers on it are white."""
_SLANT = 40


@dataclass(frozen=True)
class Swept:
    """A key's values on an axis.

    Parameters
    ----------
    label : str
        Key with its unit.
    values : sequence of str
        As written.
    numbers : sequence of float or None
        None for words.
    """

    label: str
    values: Sequence[str]
    numbers: Sequence[float] | None

    @property
    def logarithmic(self) -> bool:
        """Whether doses span decades; 0 has a place of its own then."""
        if self.numbers is None or min(self.numbers) < 0.0:
            return False
        positive = [value for value in self.numbers if value > 0.0]
        return max(positive) >= _DECADE * min(positive)

    def places(self) -> Array:
        """Place of each value on its axis, which is drawn in decades if it is logarithmic."""
        if self.numbers is None:
            return np.arange(len(self.values), dtype=float)
        own = np.array(self.numbers, dtype=float)
        if not self.logarithmic:
            return own
        least = math.log10(own[own > 0.0].min())
        with np.errstate(divide="ignore"):
            return np.where(own > 0.0, np.log10(own), least - _ZERO)


def curve_figure(
    swept: Swept,
    rows: Sequence[Row],
    curves: Sequence[Row],
    dots: Mapping[tuple[float, str], Array],
    *,
    heading: str,
    matched: bool,
    page: Page | None = None,
) -> Figure:
    """Means over dishes with intervals, each dish, and the fitted curve of each time and region.

    Parameters
    ----------
    swept : Swept
    rows : sequence of mapping
        Of ``summary.csv``, in the order of the values.
    curves : sequence of mapping
        Of ``curves`` in ``sweep.json``.
    dots : mapping of (float, str) to ndarray, shape (value, dish)
        Fold changes by time [s] and region.
    heading : str
    matched : bool
        Whether dishes of the same number share their seed.
    page : Page, optional
        A screen if not given.
    """
    page = page or Page()
    with page.styled():
        columns = 1 if page.one_column else 2
        dishes = max(len(of[0]) for of in dots.values())
        sheet = make_sheet(
            page, len(dots), columns=columns, height=_PROPORTION * panel_width(page, columns),
            heading=heading,
            caption=[
                f"Dots: {dishes} dishes of each value"
                + (", the same seeds for all values." if matched else "."),
                "Points and bars: mean and 95 % interval over dishes (Student's t).",
                _said_of_curves(curves),
                "Dotted: as on free surface.",
            ],
        )  # fmt: skip
        for n, ((at, region), own) in enumerate(dots.items()):
            axes = sheet.panels[n]
            of_panel = [r for r in rows if (r["time_s"], r["region"]) == (at, region)]
            fitted = next((c for c in curves if (c["time_s"], c["region"]) == (at, region)), None)
            _draw_curve(axes, swept, of_panel, fitted, own)
            title_panel(axes, sheet, f"{region}, {duration_text(at)}")
            axes.set_xlabel(swept.label)
            if n % columns == 0:
                label_height(axes, sheet, FOLD)
        return sheet.figure


def _said_of_curves(curves: Sequence[Row]) -> str:
    if not any(curve["half"] for curve in curves):
        return ""
    names = {curve["constant"] for curve in curves if curve["constant"]}
    constant = f" Thin line: {_symbol(names.pop())}." if names else ""
    return (
        "Line: Hill's curve; dashed: dose of the half effect, shaded its 95 % interval (bootstrap "
        f"over dishes).{constant}"
    )


def typeset(unit: str) -> str:
    """Unit with the sign of micro.

    Examples
    --------
    >>> typeset("uM"), typeset("ng/mL")
    ('µM', 'ng/mL')
    """
    return f"µ{unit[1:]}" if re.match(r"u[A-Za-z]", unit) else unit


def _symbol(name: str) -> str:
    """Constant with its index below the line."""
    first, _, index = name.partition("_")
    return f"${first}_\\mathrm{{{index}}}$"


def _draw_curve(
    axes: Any, swept: Swept, rows: Sequence[Row], curve: Row | None, dots: Array
) -> None:
    places = swept.places()
    width = float(np.ptp(places)) or 1.0
    side = min(dots.shape[1], 5)
    shifts = _SPREAD * width * (np.arange(dots.shape[1]) % side - 0.5 * (side - 1))
    for place, own in zip(places, dots, strict=True):
        axes.plot(
            place + shifts, own, ls="", marker="o", ms=0.3 * font_size(), mfc=GREY, mec="none",
            alpha=0.6, zorder=2,
        )  # fmt: skip
    means, low, high = (
        np.array([row[key] for row in rows], dtype=float) for key in ("mean", "low", "high")
    )
    axes.errorbar(
        places, means, [means - np.fmax(low, 0.0), high - means], color=BLUE, ls="", marker="o",
        ms=0.55 * font_size(), capsize=2.0, lw=1.2, zorder=4,
    )  # fmt: skip
    if curve is not None and curve["line"]:
        _draw_half(axes, swept, curve, places)
    axes.axhline(1.0, **NEUTRAL)
    axes.set_ylim(bottom=0.0)
    axes.margins(x=0.04)
    _ticks(axes, swept, places)


def _draw_half(axes: Any, swept: Swept, curve: Row, places: Array) -> None:
    """Fitted curve, half dose with its interval, and the agent's constant."""
    scale = np.log10 if swept.logarithmic else np.asarray
    doses, fitted = scale(np.array(curve["line"])[:, 0]), np.array(curve["line"])[:, 1]
    axes.plot(doses, fitted, color=BLUE, lw=1.2, zorder=3)
    if not curve["few"]:
        low = doses[0] if curve["low"] is None else scale(curve["low"])
        high = doses[-1] if curve["high"] is None else scale(curve["high"])
        axes.axvspan(low, high, color=VERMILION, alpha=0.15, lw=0.0, zorder=0)
    half = scale(curve["half"])
    axes.axvline(half, color=VERMILION, lw=1.0, ls="--", zorder=1)
    word = "IC50" if curve["falls"] else "EC50"
    unit = typeset(curve["unit"])
    half_line, _, interval = half_text({**curve, "unit": unit}).partition(" (")
    texts = [f"{word} {half_line}", f"({interval}"]
    constant = curve["constant"]
    if constant and places.min() <= scale(curve["constant_value"]) <= places.max():
        axes.axvline(scale(curve["constant_value"]), color="0.3", lw=0.7, zorder=1)
    if constant:
        value = number_text(curve["constant_value"], figures=2)
        texts.append(f"{_symbol(constant)} {value} {unit}")
    axes.text(
        0.98 if curve["falls"] else 0.02, 0.97, "\n".join(texts), transform=axes.transAxes,
        ha="right" if curve["falls"] else "left", va="top", linespacing=1.3, zorder=5,
        bbox={"fc": "white", "ec": "none", "alpha": 0.8, "pad": 1.5},
    )  # fmt: skip


def _ticks(axes: Any, swept: Swept, places: Array) -> None:
    """Marks at decades and at dose 0, at each word, or as Matplotlib sets them."""
    if swept.numbers is None:
        axes.set_xticks(places, swept.values)
    elif swept.logarithmic:
        positive = places[np.array(swept.numbers) > 0.0]
        decades = np.arange(math.ceil(positive.min() - 1e-9), positive.max() + 1e-9)
        marks = {float(n): f"{10.0**n:g}" for n in decades}
        if len(positive) < len(places):
            marks |= {float(places.min()): "0"}
        axes.set_xticks(list(marks), list(marks.values()))
        minor = [n + math.log10(k) for n in range(-12, 13) for k in range(2, 10)]
        axes.set_xticks([m for m in minor if positive.min() <= m <= positive.max()], minor=True)


def grid_figure(
    swept: Sequence[Swept],
    means: Mapping[tuple[float, str], Array],
    *,
    heading: str,
    dishes: int,
    page: Page | None = None,
) -> Figure:
    """Mean fold change of each pair of values as a heat map, of each time and region.

    Parameters
    ----------
    swept : sequence of Swept
        The key across, and that upwards.
    means : mapping of (float, str) to ndarray, shape (value, value)
        By time [s] and region; the first key's values first.
    heading : str
    dishes : int
        Of each pair.
    page : Page, optional
        A screen if not given.
    """
    page = page or Page()
    across, up = swept
    with page.styled():
        columns = 1 if page.one_column else 2
        room = panel_width(page, columns) / len(across.values)
        size = font_size()
        slanted = max(text_width(value, size) for value in across.values) > room
        sheet = make_sheet(
            page, len(means), columns=columns,
            height=max(_CELL * size * len(up.values), 0.4 * panel_width(page, columns)),
            below=3.0 * line_height() if slanted else 0.0, heading=heading,
            caption=[f"Fold change against free surface, mean of {dishes} dishes of each pair."],
        )  # fmt: skip
        for n, ((at, region), own) in enumerate(means.items()):
            axes = sheet.panels[n]
            _draw_grid(axes, sheet, own, across, up, slanted=slanted)
            title_panel(axes, sheet, f"{region}, {duration_text(at)}")
            axes.set_xlabel(across.label)
            if n % columns == 0:
                label_height(axes, sheet, up.label)
        return sheet.figure


def _draw_grid(
    axes: Any, sheet: Sheet, means: Array, across: Swept, up: Swept, *, slanted: bool
) -> None:
    shown = means.T
    highest = float(np.nanmax(shown)) if np.isfinite(shown).any() else 1.0
    colours = colormaps["cividis"]
    axes.imshow(shown, origin="lower", aspect="auto", cmap=colours, vmin=0.0, vmax=highest)
    fits = max(text_width("00.0", font_size()), 1.0) * len(across.values) < sheet.width
    for row, values in enumerate(shown):
        for column, value in enumerate(values):
            if fits and np.isfinite(value):
                ink = "white" if value < _DARK * highest else "black"
                axes.text(
                    column, row, number_text(value, figures=2), ha="center", va="center", color=ink
                )
    axes.set_xticks(range(len(across.values)), across.values)
    axes.set_yticks(range(len(up.values)), up.values)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    for label in axes.get_xticklabels() if slanted else ():
        label.set(rotation=_SLANT, ha="right", rotation_mode="anchor")
