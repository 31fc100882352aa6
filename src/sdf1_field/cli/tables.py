"""Tables in plain text, and how their numbers are written."""

import math
from collections.abc import Sequence

import click

_MANY = 1000.0
"""From here on a number is shown without decimals."""
_GIGA = 1e9


def print_table(rows: Sequence[tuple[str, ...]], header: tuple[str, ...] = ()) -> None:
    """Left-aligned columns; the last one is as long as it is."""
    lines = [header, *rows] if header else list(rows)
    widths = [max(len(line[n]) for line in lines) for n in range(len(lines[0]) - 1)]
    for line in lines:
        cells = [cell.ljust(width) for cell, width in zip(line, widths, strict=False)]
        click.echo("  ".join([*cells, line[-1]]).rstrip())


def bytes_text(size: float) -> str:
    """A size of memory or of a file [bytes], rounded up to a MB below a GB."""
    return f"{size / 1e9:,.1f} GB" if size >= _GIGA else f"{math.ceil(size / 1e6)} MB"


def dishes_text(number: int) -> str:
    """How many dishes, in words."""
    return "1 dish" if number == 1 else f"{number} dishes"


def figures_text(mean: float | None, deviation: float | None = None, factor: float = 1.0) -> str:
    """Three figures of a mean times a factor, and two of its deviation."""
    if mean is None:
        return "-"

    def text(value: float, figures: int) -> str:
        large = abs(value) >= _MANY
        return f"{value:,.0f}" if large else f"{value:#.{figures}g}".rstrip(".")

    shown = text(factor * mean, 3)
    return shown + ("" if deviation is None else f" ± {text(factor * deviation, 2)}")


def number_text(value: float | None) -> str:
    """Two decimals, or a dash for what there is not."""
    return "-" if value is None else f"{value:.2f}"


def spread_text(mean: float | None, deviation: float | None) -> str:
    """A mean and its deviation, if it has one."""
    return number_text(mean) + ("" if deviation is None else f" ± {deviation:.2f}")


def interval_text(ends: list[float] | None) -> str:
    """An interval in brackets after its value, or nothing."""
    return "" if ends is None else f" ({ends[0]:.2f}-{ends[1]:.2f})"


def bin_text(lower: float | None, upper: float | None) -> str:
    """A bin as a person writes it."""
    if lower is None:
        return "on it" if upper == 0 else f"below {upper:g}"
    return f"above {lower:g}" if upper is None else f"{lower:g}-{upper:g}"
