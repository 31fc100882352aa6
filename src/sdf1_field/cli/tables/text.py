"""Tables in plain text; `digits` writes their numbers."""

import math
import shutil
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sdf1_field.cli.printing import say
from sdf1_field.digits import number_text
from sdf1_field.errors import cut

_GAP = "  "
"""Between two columns."""
_NARROWEST = 24
"""Characters of a last column that is broken into lines."""


@dataclass(frozen=True)
class Shown:
    """Facts about the runs of a table that printers need beside its values.

    Parameters
    ----------
    dishes, controls : int
        How many runs there are, and how many of the control.
    stroma : str
        The stromal cells' label, such as MSC.
    units : mapping of str to tuple
        Unit and its size [nM] of each ligand's concentrations.
    drawn : bool
        Whether bodies are pixels of an image.
    """

    dishes: int
    controls: int
    stroma: str
    units: Mapping[str, tuple[str, float]]
    drawn: bool = False

    @property
    def over_dishes(self) -> str:
        """Remark on intervals, if there are several dishes."""
        return "" if self.dishes == 1 else " with 95 % interval over dishes"


def print_table(rows: Sequence[tuple[str, ...]], header: tuple[str, ...] = ()) -> None:
    """Left-aligned columns; the last one is as long as it is, but on a terminal goes on below."""
    lines = [tuple(map(cut, line)) for line in ([header, *rows] if header else rows)]
    widths = [max(len(line[n]) for line in lines) for n in range(len(lines[0]) - 1)]
    start = sum(widths) + len(_GAP) * len(widths)
    room = (terminal_width() or math.inf) - start
    for line in lines:
        cells = [cell.ljust(width) for cell, width in zip(line, widths, strict=False)]
        last, below = line[-1], []
        if len(last) > room >= _NARROWEST:
            last, *below = textwrap.wrap(
                last, int(room), break_long_words=False, break_on_hyphens=False
            )
        say(_GAP.join([*cells, last]).rstrip())
        for part in below:
            say(" " * start + part)


def terminal_width() -> int | None:
    """Columns of the terminal that the program prints to; None for a file or pipe."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def print_lacking(rows: Sequence[Mapping[str, Any]]) -> None:
    """Dishes without a fold change, which a comparison of dishes leaves out."""
    for note in dict.fromkeys(
        f"on {row['region']}, {row['against']['note']}" for row in rows if row["against"]["note"]
    ):
        say(f"no fold change {note}: left out of mean, S.D. and p")


def print_rows(table: Any, _: Shown) -> None:
    """Columns of a table that has no printer of its own, under the keys of its rows."""
    rows = [dict(_flat(row)) for row in (table if isinstance(table, list) else [table])]
    keys = tuple(dict.fromkeys(key for row in rows for key in row))
    print_table([tuple(row.get(key, "-") for key in keys) for row in rows], keys)


def _flat(row: Mapping[str, Any], within: str = "") -> Iterator[tuple[str, str]]:
    """Values of a row as text by dotted key."""
    for key, value in row.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{within}{key}.")
        else:
            number = value is None or isinstance(value, float)
            yield within + key, number_text(value) if number else str(value)


def dishes_text(number: int) -> str:
    """Number of dishes with its noun."""
    return "1 dish" if number == 1 else f"{number} dishes"


def bin_text(lower: float | None, upper: float | None) -> str:
    """Text of a bin, such as 10-20."""
    if lower is None:
        return "on it" if upper == 0 else f"below {upper:g}"
    return f"above {lower:g}" if upper is None else f"{lower:g}-{upper:g}"


def region_text(region: str, stroma: str) -> str:
    """Name of a region, or of an outline, after the stromal cells' label instead of MSC.

    Examples
    --------
    >>> region_text("MSC body", "L929"), region_text("free surface", "L929")
    ('L929 body', 'free surface')
    """
    return region.replace("MSC", stroma)


def groups_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """Values of the runs, and of the control if there is one, by their titles."""
    return {name: row[name] for name in ("runs", "control") if row[name] is not None}
