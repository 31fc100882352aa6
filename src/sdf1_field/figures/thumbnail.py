"""A small picture of a run's floor at its end, for notebooks."""

import io
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.collections import LineCollection
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from PIL import Image

from sdf1_field.analysis import cell_places
from sdf1_field.digits import number_text
from sdf1_field.figures.drawing import (
    BODY,
    CRAWLING,
    HELD,
    NETWORK,
    View,
    body_count,
    draw_bodies,
    draw_discs,
    draw_fibres,
    fibre_courses,
    is_flat,
    show_view,
    values_at,
    whole_view,
)
from sdf1_field.record import field_unit, model_of
from sdf1_field.spec import ModelSpec
from sdf1_field.units import duration_text

_WIDTH = 2.7
"""Of the picture [inch]."""
_DOTS_PER_INCH = 150
_COLOURS = 256
"""Of the picture: a third of the bytes that it would have in all colours."""
_TALLEST = 1.5
"""Most of its length over its width; a longer floor is shown smaller."""
_BRIGHTEST = 0.998
"""Share of places that the colours tell apart."""
_GROUND, _TRACK = "#e8e8e8", "#808080"
_SMALLEST_CELL, _SMALLEST_MIGRASOME = 1.0 / 110.0, 1.0 / 220.0
"""Diameters over the floor's width, below which they would not be seen."""
_WIDEST, _PART = 4000.0, 1400.0
"""Extent of a floor above which its middle is shown, and the extent of that [um]."""
_MOST_TRACKS = 60
"""Of cells alone."""


@dataclass(frozen=True)
class Thumbnail:
    """A small picture, and what it shows.

    Parameters
    ----------
    png : bytes
    title : str
        When, and how large the floor is.
    field : str
        What its colours show; empty if they show nothing.
    keys : tuple of (str, str)
        Colour and name of what is drawn.
    """

    png: bytes
    title: str
    field: str
    keys: tuple[tuple[str, str], ...]


def thumbnail(run: xr.Dataset) -> Thumbnail | None:
    """Picture of a run's first ligand, stroma and cells at the end; None if it has none of them.

    Parameters
    ----------
    run : xarray.Dataset
        From `sdf1_field.record.open_run`.
    """
    spec, frame = model_of(run).spec, run.sizes["time"] - 1
    whole = whole_view(run, spec)
    view = _middle(whole) if max(whole.width, abs(whole.length)) > _WIDEST else whole
    height = _WIDTH * min(abs(view.length) / view.width, _TALLEST)
    figure = Figure(figsize=(_WIDTH, height))
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0), facecolor=_GROUND)
    show_view(axes, view)
    axes.spines[:].set_visible(False)
    field = _draw_field(axes, run, spec, frame)
    keys = _draw_stroma(axes, run, spec, frame, view)
    if "cell_time" in run:
        keys += _draw_cells(axes, run, spec, view, tracked=not keys)
    if not field and not keys:
        return None
    drawn, png = io.BytesIO(), io.BytesIO()
    figure.savefig(drawn, format="png", dpi=_DOTS_PER_INCH)
    few = Image.open(drawn).convert("RGB").quantize(_COLOURS)
    few.save(png, format="png", optimize=True)
    shown = f"{_when(run, spec)}, {_extent(view)}"
    if view is not whole:
        shown += f" in the middle of {_extent(whole)}"
    return Thumbnail(png.getvalue(), shown, field, tuple(keys))


def _middle(whole: View) -> View:
    """Middle of a large floor."""
    across, along = (0.5 * min(_PART, abs(extent)) for extent in (whole.width, whole.length))
    x, y = 0.5 * (whole.left + whole.right), 0.5 * (whole.low + whole.high)
    down = math.copysign(along, whole.length)
    return View(x - across, x + across, y - down, y + down)


def _extent(view: View) -> str:
    return f"{view.width / 1000.0:g} x {abs(view.length) / 1000.0:g} mm"


def _when(run: xr.Dataset, spec: ModelSpec) -> str:
    """Time of the picture, as a run counts it."""
    if spec.run.mode == "steady":
        return "steady state"
    return f"the floor at {duration_text(float(run['time'].values[-1]))}"


def _draw_field(axes: Any, run: xr.Dataset, spec: ModelSpec, frame: int) -> str:
    """First ligand over the floor, and what its colours are; empty if it varies nowhere."""
    ligand = next(iter(spec.solved_ligands), None)
    if ligand is None:
        return ""
    unit, size = field_unit(run, ligand)
    values = values_at(run, frame, ligand).astype(float) / size
    if is_flat(values):
        return ""
    low, high = np.nanquantile(values, [0.0, _BRIGHTEST])
    axes.imshow(
        values, origin="lower", extent=(0.0, spec.dish.width, 0.0, spec.dish.length),
        cmap="cividis", norm=Normalize(low, high),
    )  # fmt: skip
    ends = " to ".join(number_text(float(end)) for end in (low, high))
    return f"{spec.ligand[ligand].label} in the medium, {ends} {unit}, dark to bright"


def _draw_stroma(
    axes: Any, run: xr.Dataset, spec: ModelSpec, frame: int, view: View
) -> list[tuple[str, str]]:
    """Bodies, fibres and migrasomes; their colours and names."""
    keys = []
    courses, _ = fibre_courses(run, frame, view)
    if courses:
        draw_fibres(axes, courses, NETWORK, 0.5)
    x, y, radius = (values_at(run, frame, f"migrasome_{name}") for name in ("x", "y", "radius"))
    there = view.reaches(x, y)
    if there.any():
        least = _SMALLEST_MIGRASOME * view.width
        discs = draw_discs(axes, x[there], y[there], np.maximum(2.0 * radius[there], least))
        discs.set(facecolor=NETWORK, linewidth=0.0)
        keys.append((NETWORK, "fibres and migrasomes" if courses else "migrasomes"))
    elif courses:
        keys.append((NETWORK, "retraction fibres"))
    if body_count(run, frame):
        draw_bodies(axes, run, frame, view).set(linewidth=0.5)
        keys.append((BODY, spec.stroma.label))
    return keys


def _draw_cells(
    axes: Any, run: xr.Dataset, spec: ModelSpec, view: View, *, tracked: bool
) -> list[tuple[str, str]]:
    """Cells by whether they are held, with their tracks if wanted; their colours and names."""
    x, y = cell_places(run)
    held = run["cell_state"][:, -1].values == 1
    keys, label = [], spec.haematopoietic.label
    if tracked:
        tracks = np.stack([x, y], axis=-1)[:_MOST_TRACKS]
        axes.add_collection(LineCollection(list(tracks), colors=_TRACK, linewidths=0.6))
        keys.append((_TRACK, f"{len(tracks)} tracks"))
    here = view.reaches(x[:, -1], y[:, -1])
    x, y, held = x[here], y[here], held[here]
    size = max(spec.haematopoietic.diameter, _SMALLEST_CELL * view.width)
    for chosen, colour, state in ((~held, CRAWLING, "crawling"), (held, HELD, "held")):
        if chosen.any():
            discs = draw_discs(axes, x[chosen, -1], y[chosen, -1], np.full(chosen.sum(), size))
            discs.set(facecolor=colour, edgecolor="black", linewidth=0.3, zorder=6)
            keys.append((colour, f"{label} {state}"))
    return keys
