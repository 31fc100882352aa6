"""Tables in plain text; `digits` writes their numbers."""

from collections.abc import Sequence

import click


def print_table(rows: Sequence[tuple[str, ...]], header: tuple[str, ...] = ()) -> None:
    """Left-aligned columns; the last one is as long as it is."""
    lines = [header, *rows] if header else list(rows)
    widths = [max(len(line[n]) for line in lines) for n in range(len(lines[0]) - 1)]
    for line in lines:
        cells = [cell.ljust(width) for cell, width in zip(line, widths, strict=False)]
        click.echo("  ".join([*cells, line[-1]]).rstrip())


def dishes_text(number: int) -> str:
    """How many dishes, in words."""
    return "1 dish" if number == 1 else f"{number} dishes"


def bin_text(lower: float | None, upper: float | None) -> str:
    """A bin as a person writes it."""
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
