"""Tables and figures in one style for the cases of this folder."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator, StrMethodFormatter

# Okabe and Ito's palette, told apart by colour-blind readers; laws are drawn in black.
LAW = "black"
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00")
MARKERS = ("o", "s", "^", "D", "v")


def observed_orders(sizes: Sequence[float], errors: Sequence[float]) -> list[float]:
    """Order of convergence between neighbouring sizes of a step or cell, one fewer than sizes.

    Examples
    --------
    >>> observed_orders([4.0, 2.0, 1.0], [16.0, 4.0, 1.0])
    [2.0, 2.0]
    """
    h, e = np.asarray(sizes, dtype=float), np.abs(np.asarray(errors, dtype=float))
    orders: list[float] = (np.log(e[:-1] / e[1:]) / np.log(h[:-1] / h[1:])).tolist()
    return orders


def order_column(
    sizes: Sequence[float], errors: Sequence[float], noise: Sequence[float] | None = None
) -> list[str]:
    """Observed orders as text, one for each size; a dash where the noise hides an error.

    Parameters
    ----------
    sizes, errors : sequence of float
    noise : sequence of float, optional
        Standard errors; an error below three of them counts as hidden.
    """
    chance = [0.0] * len(errors) if noise is None else noise
    seen = [abs(e) > 3.0 * n for e, n in zip(errors, chance, strict=True)]
    orders = observed_orders(sizes, errors)
    return ["", *(f"{o:.2f}" if all(seen[k : k + 2]) else "–" for k, o in enumerate(orders))]


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Markdown table; floats with four significant digits, everything else as text."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(_cell(value) for value in line) + " |" for line in lines)


def write_table(
    path: Path,
    title: str,
    notes: str,
    header: Sequence[str],
    rows: Sequence[Sequence[object]],
    more: str = "",
) -> None:
    """Write title, notes, table and what follows it to a Markdown file, and print them."""
    parts = [f"# {title}", notes.strip(), table(header, rows), more.strip()]
    text = "\n\n".join(part for part in parts if part) + "\n"
    path.write_text(text, encoding="utf-8")
    print(text)


def figure(title: str, panels: int = 2) -> tuple[Figure, list[Any]]:
    """Figure with panels side by side, and its axes."""
    drawn = Figure(figsize=(4.6 * panels, 4.2), layout="constrained")
    drawn.suptitle(title, fontsize=11)
    axes = list(drawn.subplots(1, panels, squeeze=False)[0])
    for one in axes:
        one.spines[["top", "right"]].set_visible(False)
        one.tick_params(labelsize=9)
    return drawn, axes


def draw_errors(
    axes: Axes,
    sizes: Sequence[float],
    errors: Sequence[float],
    *,
    order: int,
    label: str,
    noise: Sequence[float] | None = None,
    series: int = 0,
) -> None:
    """Errors against sizes on logarithmic axes, with a line of an order through the largest.

    Parameters
    ----------
    axes : Axes
    sizes, errors : sequence of float
    order : int
        Slope of the dashed line.
    label : str
    noise : sequence of float, optional
        Standard errors, drawn as error bars.
    series : int
        Colour and marker.
    """
    h, e = np.asarray(sizes, dtype=float), np.abs(np.asarray(errors, dtype=float))
    colour, marker = COLOURS[series], MARKERS[series]
    axes.set(xscale="log", yscale="log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 3.0, 5.0)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.errorbar(h, e, yerr=noise, fmt=marker, color=colour, label=label, capsize=2, ms=5)
    largest = h.argmax()
    span = np.array([h.min(), h.max()])
    axes.plot(span, e[largest] * (span / h[largest]) ** order, "--", color=colour, lw=1)
    middle = np.sqrt(span.prod())
    axes.annotate(
        f"slope {order}",
        (middle, e[largest] * (middle / h[largest]) ** order),
        textcoords="offset points",
        xytext=(4, -12),
        fontsize=8,
        color=colour,
    )


def save(drawn: Figure, path: Path) -> None:
    """Write a figure; the file does not name the library that drew it."""
    drawn.savefig(path, dpi=150, metadata={"Software": None})


def _cell(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
