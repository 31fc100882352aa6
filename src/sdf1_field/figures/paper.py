"""What a figure is drawn for: a screen, or a journal's page at its final size."""

import contextlib
import functools
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findSystemFonts, fontManager

from sdf1_field.errors import InputError
from sdf1_field.units import parse

MM_PER_INCH = 25.4
COLUMN, PAGE = 85.0, 180.0
"""Widths of one and of two columns of most journals [mm]."""
NARROWEST, WIDEST = 60.0, 400.0
"""Widths in which text of 7 points has room, and that are still a page [mm]."""
_ONE_COLUMN = 120.0
"""Width below which panels stand below each other instead of side by side [mm]."""
_PANEL = re.compile(r"[A-Za-z]\d?")
_FONTS = ("Arial", "Helvetica", "Liberation Sans")
"""Fonts that journals ask for, and one like them, in order of preference."""
_LAST_FONT = "DejaVu Sans"
"""Comes with Matplotlib; also for letters that the others lack."""
_FONT_FILES = re.compile(r"(arial|helvetica|liberationsans)(bd|bi|i|-\w+)?\.(ttf|otf|ttc)", re.I)
"""Names of the files of `_FONTS`."""
_LETTER, _TEXT = 9.0, 7.0
"""Sizes of a panel's letter and of text on a journal's page [points]."""
THINNEST = 0.5
"""Least width of a line that a journal prints [points]."""
_LETTER_ROOM = 1.6
"""Room for a panel's letter beside the heading, in sizes of the letter."""

_LETTER_WIDTH = 0.53
"""Mean width of a letter over the size of the text; of DejaVu Sans, the widest of the fonts."""

_EDITABLE: dict[str, Any] = {
    "pdf.fonttype": 42,
    "ps.fonttype": 42,
    "svg.fonttype": "none",
    # Otherwise identifiers differ from one writing to the next.
    "svg.hashsalt": "sdf1-field",
}
"""Text stays text in vector formats."""
_SCREEN: dict[str, Any] = {
    "font.size": 10.0,
    "figure.titlesize": 11.0,
    "axes.titlesize": 10.5,
    "legend.fontsize": 8.5,
    "savefig.dpi": 150.0,
}
_JOURNAL: dict[str, Any] = {
    "font.size": _TEXT,
    "figure.titlesize": 7.5,
    "axes.titlesize": 7.5,
    "axes.labelsize": _TEXT,
    "xtick.labelsize": _TEXT,
    "ytick.labelsize": _TEXT,
    "legend.fontsize": _TEXT,
    "mathtext.default": "regular",
    "axes.linewidth": 0.6,
    "axes.titlepad": 3.0,
    "axes.labelpad": 2.0,
    "lines.linewidth": 1.0,
    "patch.linewidth": THINNEST,
    "grid.linewidth": THINNEST,
    "legend.handlelength": 1.6,
    "legend.handletextpad": 0.5,
    "legend.labelspacing": 0.3,
    "legend.columnspacing": 1.2,
    "legend.borderaxespad": 0.2,
    "figure.constrained_layout.h_pad": 0.02,
    "figure.constrained_layout.w_pad": 0.02,
    "savefig.dpi": 300.0,
} | {
    f"{axis}tick.{kind}.{what}": value
    for axis in "xy"
    for kind, size in (("major", 2.5), ("minor", 1.5))
    for what, value in (("width", THINNEST), ("size", size), ("pad", 2.0))
}


@dataclass(frozen=True)
class Page:
    """Final width of a figure and its letter among the panels of a larger one.

    Parameters
    ----------
    width : float, optional
        [mm]; a size for screens if not given.
    panel : str, optional
        One letter, and a digit if need be.

    Raises
    ------
    InputError
        If the width has no room for text, or the panel is no letter.
    """

    width: float | None = None
    panel: str | None = None

    def __post_init__(self) -> None:
        if self.width is not None and not NARROWEST <= self.width <= WIDEST:
            raise InputError(
                f"--width: {self.width:g} mm is out of range. Give {NARROWEST:g} to {WIDEST:g} mm; "
                f"most journals print {COLUMN:g} or {PAGE:g} mm."
            )
        if self.panel is not None and not _PANEL.fullmatch(self.panel):
            raise InputError(f"--panel: '{self.panel}' is not a panel's letter. Give one, like A.")

    @classmethod
    def of(cls, width: str | float | None = None, panel: str | None = None) -> Self:
        """Page from a width with a unit, or in millimetres, and a letter.

        Examples
        --------
        >>> Page.of("8.5 cm", "A")
        Page(width=85.0, panel='A')
        """
        if isinstance(width, str):
            try:
                width = round(parse(width, "length") * 1e-3, 6)
            except ValueError:
                raise InputError(
                    f"--width: '{width}' is not a width. Write it like '{PAGE:g} mm'."
                ) from None
        return cls(width, panel)

    @property
    def printed(self) -> bool:
        """Whether the figure has a final size, and so the text and lines of a journal."""
        return self.width is not None

    @property
    def one_column(self) -> bool:
        """Whether panels have to stand below each other."""
        return self.width is not None and self.width < _ONE_COLUMN

    def size(self, width: float, height: float) -> tuple[float, float]:
        """Extents [inch] of a figure that has these on a screen, in the same proportion."""
        if self.width is None:
            return width, height
        return self.width / MM_PER_INCH, self.width / MM_PER_INCH * height / width

    @contextlib.contextmanager
    def styled(self) -> Iterator[None]:
        """Text sizes, line widths and fonts for drawing and for saving.

        Artists that name no size of text have the page's: draw within this context.
        """
        style: Any = _EDITABLE | _SCREEN
        if self.printed:
            style |= _JOURNAL | {"font.family": [*_journal_fonts(), _LAST_FONT]}
        with mpl.rc_context(style):
            yield

    def head(self, figure: Figure, text: str) -> None:
        """Heading of a figure at its top left, behind the panel's letter if it has one."""
        room = 0.01
        if self.panel is not None:
            size = _LETTER if self.printed else 1.4 * mpl.rcParams["font.size"]
            inches = _LETTER_ROOM * len(self.panel) * size / 72.0
            room = inches / figure.get_figwidth()
            figure.text(
                0.005, 0.995, self.panel, fontsize=size, fontweight="bold", ha="left", va="top"
            )
        size = font_size("figure.titlesize")
        inches = (1.0 - room) * figure.get_figwidth()
        lines = [_broken_at_commas(line, inches, size) for line in text.splitlines()]
        # The layout keeps the letter's line free even without text.
        figure.suptitle("\n".join(lines) or " ", x=room, ha="left")


@functools.cache
def _journal_fonts() -> list[str]:
    """Fonts of `_FONTS` that this computer has.

    Matplotlib's list of fonts may be older than a font that was installed since, so that the files
    are looked for where none is in the list.
    """
    if not set(_FONTS) & set(fontManager.get_font_names()):
        for file in findSystemFonts():
            if _FONT_FILES.fullmatch(Path(file).name):
                with contextlib.suppress(OSError, RuntimeError):
                    fontManager.addfont(file)
    known = set(fontManager.get_font_names())
    return [name for name in _FONTS if name in known]


def _broken_at_commas(text: str, inches: float, size: float) -> str:
    """`wrapped` text in which lines end with a comma where that takes no more lines."""
    plain = wrapped(text, inches, size)
    parts, lines = text.split(", "), [""]
    for n, part in enumerate(parts):
        own = part + ", " * (n < len(parts) - 1)
        if lines[-1] and "\n" in wrapped(lines[-1] + own, inches, size):
            lines.append("")
        lines[-1] += own
    broken = "\n".join(wrapped(line, inches, size) for line in lines)
    return plain if broken.count("\n") > plain.count("\n") else broken


def font_size(name: str = "font.size") -> float:
    """Size of one kind of text on the page that is drawn [points]."""
    style: Any = mpl.rcParams
    return float(FontProperties(size=style[name]).get_size_in_points())


def pen(points: float) -> float:
    """Width of a line [points] of a width on a screen, on the page that is drawn."""
    return float(max(THINNEST, points * font_size() / _SCREEN["font.size"]))


def wrapped(text: str, inches: float, size: float | None = None) -> str:
    """Text in lines that are no longer than so many inches, at a size [points], else the page's."""
    letters = int(72.0 * inches / (_LETTER_WIDTH * (size or font_size())))
    return textwrap.fill(text, max(letters, 1), break_long_words=False, break_on_hyphens=False)
