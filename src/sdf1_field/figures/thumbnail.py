"""A small picture of a run's floor at its end, for notebooks: a map of `dish_map`."""

import io
from dataclasses import dataclass

import xarray as xr
from matplotlib import rc_context
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from PIL import Image

from sdf1_field.digits import number_text
from sdf1_field.figures.dish_map import DishMap, map_legend
from sdf1_field.figures.drawing import View, whole_view
from sdf1_field.figures.fields import FieldScale, floor_field
from sdf1_field.figures.floor import middle_view, moment_at
from sdf1_field.record import model_of
from sdf1_field.spec import ModelSpec
from sdf1_field.units import duration_text

_WIDTH = 2.7
"""Of the picture [inch]."""
_DOTS_PER_INCH = 150
_TEXT = 4.0
"""Size of text by which a map has its pens: as much smaller than a screen's as the picture is."""
_COLOURS = 256
"""Of the picture: a third of the bytes that it would have in all colours."""
_TALLEST = 1.5
"""Most of its length over its width; a longer floor is shown smaller."""


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
    moment, ligand = moment_at(run, frame), next(iter(spec.solved_ligands), None)
    whole = whole_view(run, spec)
    view = middle_view(spec, whole) or whole
    scale = field = None
    if ligand is not None:
        field = floor_field(run, spec, ligand, bound=False)
        scale = FieldScale(run, field, [frame])
        scale = None if scale.uniform else scale
    handles = map_legend(run, spec, frame, view, ligand, moment.cells is not None)
    if scale is None and not handles:
        return None
    height = _WIDTH * min(abs(view.length) / view.width, _TALLEST)
    figure = Figure(figsize=(_WIDTH, height))
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    with rc_context({"font.size": _TEXT}):
        DishMap(axes, run, spec, view, scale, ligand=ligand).show(moment)
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    drawn, png = io.BytesIO(), io.BytesIO()
    figure.savefig(drawn, format="png", dpi=_DOTS_PER_INCH)
    few = Image.open(drawn).convert("RGB").quantize(_COLOURS)
    few.save(png, format="png", optimize=True)
    shown = f"{_when(run, spec)}, {_extent(view)}"
    if view is not whole:
        shown += f" in the middle of {_extent(whole)}"
    colours = ""
    if scale is not None and field is not None:
        ends = " to ".join(map(number_text, (scale.norm.vmin, scale.norm.vmax)))
        colours = f"{scale.label}, {ends} {field.unit}, dark to bright"
    return Thumbnail(png.getvalue(), shown, colours, tuple(map(_key, handles)))


def _key(handle: Patch | Line2D) -> tuple[str, str]:
    """Colour and name of an entry of a legend."""
    if isinstance(handle, Patch):
        return to_hex(handle.get_edgecolor()), str(handle.get_label())
    marked = handle.get_marker() != "None"
    colour = handle.get_markerfacecolor() if marked else handle.get_color()
    return to_hex(colour), str(handle.get_label())


def _extent(view: View) -> str:
    return f"{view.width / 1000.0:g} x {abs(view.length) / 1000.0:g} mm"


def _when(run: xr.Dataset, spec: ModelSpec) -> str:
    """Time of the picture, as a run counts it."""
    if spec.run.mode == "steady":
        return "steady state"
    return f"the floor at {duration_text(float(run['time'].values[-1]))}"
