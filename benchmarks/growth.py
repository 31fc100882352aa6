"""Cost over size: how it grows, as a figure and as exponents."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.cases import Case

CURVES = {
    "bare floor": ("floor", "#0072B2", "o"),
    "coated floor": ("floor", "#D55E00", "s"),
    "bare walk": ("cells", "#0072B2", "o"),
    "all mechanisms": ("cells", "#D55E00", "s"),
}
"""Panel, colour (Okabe and Ito's), and marker."""
PANELS = {"floor": "floor cells", "cells": "haematopoietic cells"}


def curves(
    recorded: dict[str, Any], chosen: Sequence[Case]
) -> dict[str, tuple[list[float], list[float]]]:
    """Sizes and times of a step [s] by curve, without what failed."""
    found: dict[str, tuple[list[float], list[float]]] = {}
    for case in chosen:
        if case.group != "growth":
            continue
        curve = case.who.partition(",")[0]
        for result in recorded["results"][case.name]:
            if "failed" in result:
                continue
            facts = result["facts"]
            size = float(facts["side"] ** 2 if "side" in facts else facts["cells"])
            seconds = result["seconds"] * (1.0 if "side" in facts else size)
            sizes, times = found.setdefault(curve, ([], []))
            sizes.append(size)
            times.append(seconds)
    return found


def exponent(sizes: Sequence[float], times: Sequence[float]) -> float:
    """Slope of the straight line through the logarithms."""
    if len(set(sizes)) < 2:
        return math.nan
    return float(np.polyfit(np.log(sizes), np.log(times), 1)[0])


def draw(recorded: dict[str, Any], chosen: Sequence[Case], path: Path) -> dict[str, float]:
    """Write the figure; return the exponents by curve."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    found = curves(recorded, chosen)
    figure, axes = pyplot.subplots(1, 2, figsize=(9.0, 4.0), layout="constrained")
    for ax, (panel, label) in zip(axes, PANELS.items(), strict=True):
        for curve, (where, colour, marker) in CURVES.items():
            if where != panel or curve not in found:
                continue
            sizes, times = found[curve]
            slope = exponent(sizes, times)
            text = f"{curve}: exponent {slope:.2f}"
            ax.loglog(sizes, times, marker=marker, color=colour, label=text, markersize=5)
            guide = np.array([min(sizes), max(sizes)])
            ax.loglog(guide, times[-1] * guide / sizes[-1], color="0.6", linewidth=0.8, zorder=0)
        ax.set_xlabel(f"number of {label}")
        ax.set_ylabel("time of one step (s)")
        ax.grid(visible=True, which="major", color="0.92")
        ax.plot([], [], color="0.6", linewidth=0.8, label="slope 1")
        ax.legend(frameon=False, fontsize=8)
    figure.savefig(path, dpi=150)
    pyplot.close(figure)
    return {curve: exponent(*points) for curve, points in found.items()}
