"""Shared by figures of groups of dishes: looks of groups, panels with a caption, and its words."""

import contextlib
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
import xarray as xr
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.textpath import text_to_path

from sdf1_field.errors import InputError
from sdf1_field.figures.drawing import BODY, NETWORK, POINTS_PER_INCH
from sdf1_field.figures.panels import BLUE, ORANGE, PURPLE, VERMILION
from sdf1_field.figures.paper import Page

Groups = Mapping[str, Sequence[xr.Dataset]]
"""Dishes of each group, by its name; the first group is the control."""

_COLOURS = ("#7F7F7F", ORANGE, BLUE, VERMILION, PURPLE, NETWORK, BODY)
"""Of the control, and of other groups, from Okabe and Ito's palette."""
_MARKERS = "os^DvPX*"
"""Told apart without colours; their number shares no factor with that of colours."""
_INK = 0.75
"""Brightness of a group's lines, as a share of that of its areas."""
_BAND, _MARKED = 0.22, 8
"""Opacity of bands, and markers of a line."""
_LINES = 0.3
"""Part of a panel that a legend leaves to lines at least."""
LIMIT: dict[str, Any] = {"color": "black", "ls": (0, (2.5, 1.2))}
"""Line of the encounter limit."""
NEUTRAL: dict[str, Any] = {"color": "0.55", "lw": 0.8, "ls": ":", "zorder": 1}
"""Line of what would be without any effect."""
_TALLEST = 230.0
"""Height of a panel at most [points]."""
_SCREEN = 9.0
"""Width of a figure on a screen [inch]."""
_EDGE = 0.01
"""Free at the left and right side of a figure, as a share of its width."""
_LINE = 1.35
"""Distance between lines of text, in sizes of text."""
_BESIDE = 46.0
"""Room for numbers and words beside a panel [points]."""


@dataclass(frozen=True)
class Look:
    """How a group is drawn.

    Parameters
    ----------
    name : str
        As text that Matplotlib does not take for mathematics.
    colour, ink : str
        Of areas, and of lines, which have to be darker.
    marker : str
    dishes : int
    """

    name: str
    colour: str
    ink: str
    marker: str
    dishes: int


def looks_of(groups: Groups) -> list[Look]:
    """Looks of groups in their order."""
    return [
        Look(
            name.replace("$", r"\$"), colour := _COLOURS[n % len(_COLOURS)], _darker(colour),
            _MARKERS[n % len(_MARKERS)], len(runs),
        )
        for n, (name, runs) in enumerate(groups.items())
    ]  # fmt: skip


def _darker(colour: str) -> str:
    red, green, blue = (_INK * part for part in to_rgb(colour))
    return to_hex((red, green, blue))


@contextlib.contextmanager
def naming(name: str) -> Iterator[None]:
    """Let an InputError say which group was compared with the control."""
    try:
        yield
    except InputError as error:
        raise InputError(f"group {name}: {error}") from None


# Text


def font_size() -> float:
    """Of text on the page that is drawn for [points]."""
    return float(mpl.rcParams["font.size"])


def line_height() -> float:
    """Distance between lines of text [points]."""
    return _LINE * font_size()


def text_width(text: str, size: float) -> float:
    """Width of a line in the page's font [points]."""
    font = FontProperties(size=size)
    width, _, _ = text_to_path.get_text_width_height_descent(text, font, ismath=False)
    return float(width)


def wrapped(text: str, width: float, size: float, *, whole_words: bool = True) -> list[str]:
    """Lines of a text that are no wider than a width [points], but for single whole words.

    A number stays with its unit, and p with its number.

    Examples
    --------
    >>> wrapped("AMD3100 10 µM", 1.0, 7.0)
    ['AMD3100', '10 µM']
    """
    text = re.sub(r"(?<![\w-])(\d+) (?=[^\W\d])", "\\1\u00a0", text)
    text = re.sub(r"\bp ([=<]) (?=\d)", "p\u00a0\\1\u00a0", text)
    lines: list[str] = []
    words = text.split(" ")
    if not whole_words:
        words = [part for word in words for part in _broken(word, width, size)]
    for word in words:
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and text_width(longer, size) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return [line.replace("\u00a0", " ") for line in lines]


def _broken(word: str, width: float, size: float) -> list[str]:
    """Parts of a word that are no wider than a width [points], or single letters."""
    parts = [""]
    for letter in word:
        if parts[-1] and text_width(parts[-1] + letter, size) > width:
            parts.append("")
        parts[-1] += letter
    return parts


# Panels


@dataclass(frozen=True)
class Sheet:
    """A figure of panels with a caption below.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    panels : list of matplotlib.axes.Axes
        In the order in which they are read.
    columns : int
        Panels in a row.
    width, height : float
        Of a panel without its labels, roughly [points].
    """

    figure: Figure
    panels: list[Any]
    columns: int
    width: float
    height: float


def panel_width(page: Page, columns: int) -> float:
    """Width of one of several panels in a row without its labels, roughly [points]."""
    return POINTS_PER_INCH * page.size(_SCREEN, 1.0)[0] / columns - _BESIDE


def fitting_columns(page: Page, count: int, needed: float) -> int:
    """Panels in a row that are each so wide [points], with as many in each row as can be.

    One panel in a row may be narrower.
    """
    most = next(n for n in range(count, 0, -1) if n == 1 or panel_width(page, n) >= needed)
    return math.ceil(count / math.ceil(count / most))


def make_sheet(
    page: Page,
    count: int,
    *,
    columns: int,
    height: float,
    caption: Sequence[str],
    heading: str,
    below: float = 0.0,
) -> Sheet:
    """Empty figure of panels, with heading and caption.

    Parameters
    ----------
    page : Page
    count : int
        Number of panels.
    columns : int
        Panels in a row.
    height : float
        Of a panel [points]; it is limited, so that a single panel fits on a page.
    caption : sequence of str
        Its sentences; empty ones are left out.
    heading : str
        For screens; a journal prints none.
    below : float
        Room for labels below a panel beyond one line of ticks and one of a label [points].
    """
    size, height = font_size(), min(height, _TALLEST)
    rows = math.ceil(count / columns)
    inches = page.size(_SCREEN, 1.0)[0]
    lines = wrapped(
        " ".join(filter(None, caption)), 0.97 * POINTS_PER_INCH * inches, size, whole_words=False
    )
    title = "" if page.printed else heading
    text = len(lines) + 2 * bool(title or page.panel) + 3.5 * rows
    points = rows * (height + below) + line_height() * text
    engine = ConstrainedLayoutEngine(rect=(_EDGE, 0.0, 1.0 - 2.0 * _EDGE, 1.0))
    figure = Figure(figsize=(inches, points / POINTS_PER_INCH), layout=engine)
    panels = figure.subplots(rows, columns, squeeze=False).ravel().tolist()
    for spare in panels[count:]:
        spare.set_axis_off()
    for axes in panels[:count]:
        axes.spines[["top", "right"]].set_visible(False)
    if title or page.panel:
        page.head(figure, title)
    figure.supxlabel("\n".join(lines), x=0.01, ha="left", fontsize=size, color="0.2")
    return Sheet(figure, panels[:count], columns, panel_width(page, columns), height)


def title_panel(axes: Any, sheet: Sheet, title: str) -> None:
    """Title above a panel, in lines that are no wider than it."""
    axes.set_title("\n".join(wrapped(title, sheet.width, font_size())))


def label_height(axes: Any, sheet: Sheet, label: str) -> None:
    """Label of a panel's upright axis, in lines that are no longer than it."""
    axes.set_ylabel("\n".join(wrapped(label, sheet.height, font_size())))


# Lines with intervals


def draw_band(
    axes: Any,
    look: Look,
    x: Any,
    values: Sequence[float | None],
    intervals: Sequence[Sequence[float] | None],
    *,
    every: int | None = None,
) -> None:
    """Line of a group with markers, and the band of its interval where it has one.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
    look : Look
    x : ndarray, shape (point,)
    values : sequence of float or None
    intervals : sequence of pairs or None
    every : int, optional
        Points per marker; about eight markers in all if not given.
    """
    ends = np.array([(math.nan, math.nan) if own is None else own for own in intervals])
    if np.isfinite(ends).any():
        axes.fill_between(x, *ends.T, color=look.colour, alpha=_BAND, lw=0.0, zorder=2)
    axes.plot(
        x, np.array(values, dtype=float), color=look.ink, marker=look.marker, zorder=4,
        ms=0.6 * font_size(), mfc="white", mew=0.8, lw=1.2,
        markevery=markers_of(x) if every is None else every,
    )  # fmt: skip


def markers_of(x: Any) -> tuple[int, int]:
    """First point of a line with a marker, and points from one to the next: about eight in all."""
    every = max(len(x) // _MARKED, 1)
    return every - 1, every


def draw_names(sheet: Sheet, looks: Sequence[Look]) -> None:
    """Legend of groups in the first panel, whose axis is made longer so that no line is hidden."""
    size = font_size()
    lines = [wrapped(look.name, 0.7 * sheet.width, size, whole_words=False) for look in looks]
    handles = [
        Line2D(
            [], [], color=look.ink, marker=look.marker, ms=0.6 * size, mfc="white", mew=0.8, lw=1.2,
            # Legends leave out labels that begin with an underscore.
            label=" " * look.name.startswith("_") + "\n".join(own),
        )
        for look, own in zip(looks, lines, strict=True)
    ]  # fmt: skip
    share = sum(map(len, lines)) * line_height() / sheet.height
    axes = sheet.panels[0]
    axes.legend(handles=handles, loc="upper left", frameon=False, borderaxespad=0.1)
    axes.set_ylim(top=axes.get_ylim()[1] / max(1.0 - share, _LINES))


def said_of_bands(looks: Sequence[Look], lines: str) -> str:
    """Caption of lines and bands."""
    return " ".join(
        filter(
            None,
            [
                f"Lines: {lines} ({said_of_numbers(looks)}).",
                "Bands: 95 % bootstrap interval over dishes (percentiles)."
                if any(look.dishes > 1 for look in looks)
                else "",
                said_of_single(looks, "no interval"),
            ],
        )
    )


# Words


def said_of_numbers(looks: Sequence[Look]) -> str:
    """Number of dishes of each group.

    Examples
    --------
    >>> said_of_numbers([Look("control", "0.5", "0.4", "o", 1), Look("drug", "0.2", "0.1", "s", 3)])
    'control: 1 dish, drug: 3 dishes'
    """
    numbers = ("1 dish" if look.dishes == 1 else f"{look.dishes} dishes" for look in looks)
    return ", ".join(f"{look.name}: {n}" for look, n in zip(looks, numbers, strict=True))


def said_of_dots(looks: Sequence[Look]) -> str:
    """Dots and bars of groups, and the whiskers that those of several dishes have.

    Examples
    --------
    >>> said_of_dots([Look("control", "0.5", "0.4", "o", 1)])
    'Dots and bars: dishes (control: 1 dish).'
    """
    if all(look.dishes == 1 for look in looks):
        return f"Dots and bars: dishes ({said_of_numbers(looks)})."
    return f"Dots: dishes ({said_of_numbers(looks)}); bars and whiskers: mean ± S.D. of dishes."


def said_of_single(looks: Sequence[Look], lacks: str) -> str:
    """Which groups have a single dish, and what is therefore not drawn; empty if none has."""
    single = [look.name for look in looks if look.dishes == 1]
    if len(single) == len(looks) > 1:
        return f"One dish in each group, so {lacks}."
    return f"One dish of {' and of '.join(single)}, so {lacks}." if single else ""


def said_of_tests(tests: Mapping[str, str], control: str) -> str:
    """Tests of groups against the control; empty without any.

    Parameters
    ----------
    tests : mapping of str to str
        By group, of those that were tested.
    control : str

    Examples
    --------
    >>> said_of_tests({"AMD3100": "unpaired t test over dishes"}, "control")
    'Above: p against control, unpaired t test over dishes, two-sided.'
    """
    if not tests:
        return ""
    names = list(dict.fromkeys(tests.values()))
    said = names[0]
    if len(names) > 1:
        said = "; ".join(
            f"{' and '.join(own for own in tests if tests[own] == name)}: {name}" for name in names
        )
    several = ", not corrected for several comparisons" if len(tests) > 1 else ""
    return f"Above: p against {control}, {said}, two-sided{several}."
