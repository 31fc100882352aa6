"""A map of the floor: field, stroma and cells, which can be shown at one time after another."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import xarray as xr
from matplotlib.collections import LineCollection
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray

from sdf1_field.analysis import observation_index, observation_times
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
    draw_outline,
    fibre_courses,
    show_view,
    values_at,
)
from sdf1_field.figures.fields import FieldScale
from sdf1_field.figures.paper import pen
from sdf1_field.scene import Region
from sdf1_field.spec import ModelSpec

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

TRACK_LENGTH = 3600.0
"""How far back the tracks of many cells are drawn [s]."""
FEW_CELLS = 5
"""Up to so many cells are drawn with their whole tracks."""
NO_FIELD = "#8a8a8a"
CARRYING = "#E69FCC"
_DOT = 1.6
"""Area of the dot that a cell is on a floor too wide for outlines [points**2]."""
_DOT_WIDTH = 16.0
"""Width of a figure below which these dots are smaller [inch]."""
_SMALLEST, _SMALLEST_CARRYING = 1.0 / 200.0, 1.0 / 125.0
"""Diameters, over the view's extent, below which migrasomes would not be seen."""


def few_cells(run: xr.Dataset) -> bool:
    """Whether a run has so few cells that each is drawn with its history."""
    return bool(run.sizes.get("trajectory", 0) <= FEW_CELLS)


@dataclass(frozen=True)
class Cells:
    """Cells at a time, and their tracks until then.

    Parameters
    ----------
    x, y : ndarray, shape (cell,)
        Centres [um].
    held : ndarray of bool, shape (cell,)
    track_x, track_y : ndarray, shape (cell, time)
        Centres at the observations that are drawn [um], the last of them at the time.
    track_held : ndarray of bool, shape (cell, time)
    """

    x: Array
    y: Array
    held: Flags
    track_x: Array
    track_y: Array
    track_held: Flags

    @classmethod
    def at(cls, run: xr.Dataset, time: float) -> Self:
        """Cells of a run at a time at which they were observed [s]."""
        times, n = observation_times(run), observation_index(run, time)
        recent = times <= times[n]
        if not few_cells(run):
            recent &= times >= times[n] - TRACK_LENGTH
        first = int(np.argmax(recent))
        x, y, state = (run[f"cell_{name}"][:, first : n + 1].values for name in ("x", "y", "state"))
        return cls(x[:, -1], y[:, -1], state[:, -1] == 1, x, y, state == 1)

    def towards(self, later: "Cells", share: float) -> "Cells":
        """Cells on the straight way to their next observed places, after a share of the time.

        A cell is held in between if it is held at both observations.
        """
        x, y = (
            (1.0 - share) * before + share * after
            for before, after in ((self.x, later.x), (self.y, later.y))
        )
        held = self.held & later.held
        return Cells(
            x,
            y,
            held,
            np.column_stack([self.track_x, x]),
            np.column_stack([self.track_y, y]),
            np.column_stack([self.track_held, held]),
        )


@dataclass(frozen=True)
class Moment:
    """What a map shows: a frame of the floor, and cells if there are any by then."""

    frame: int
    time: float
    """[s]."""
    cells: Cells | None


class DishMap:
    """One map of a run's floor.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
    run : xarray.Dataset
    spec : ModelSpec
    view : View
    scale : FieldScale or None
        Of the field that the map shows.
    ligand : str or None
        Whose secreting migrasomes are marked.
    dots : bool
        Draw cells as dots, and nothing of the network, on a floor too wide for outlines.
    outlines : bool
        Draw outlines of bodies alone, and on so wide a floor not even these.
    """

    def __init__(
        self,
        axes: Any,
        run: xr.Dataset,
        spec: ModelSpec,
        view: View,
        scale: FieldScale | None,
        *,
        ligand: str | None = None,
        dots: bool = False,
        outlines: bool = False,
    ) -> None:
        self.axes, self.view, self.scale = axes, view, scale
        self.image: Any = None
        self._run, self._spec, self._ligand = run, spec, ligand
        self._dots, self._outlines = dots, outlines
        self._drawn: list[Any] = []
        self._frame: int | None = None
        axes.set_facecolor(NO_FIELD)

    def show(self, moment: Moment) -> None:
        """Show a time instead of the one before."""
        for artist in self._drawn:
            artist.remove()
        if self.scale is not None:
            if self._frame is None:
                self.image = self.scale.draw(self.axes, self._spec, moment.frame)
            elif self.image is not None and self._frame != moment.frame:
                self.image.set_data(self.scale.values(moment.frame))
        self._frame = moment.frame
        before = set(self.axes.get_children())
        self._draw(moment)
        show_view(self.axes, self.view)
        self._drawn = [each for each in self.axes.get_children() if each not in before]

    def _draw(self, moment: Moment) -> None:
        axes, run, frame, view = self.axes, self._run, moment.frame, self.view
        if self._outlines and self._dots:
            return
        if self._outlines:
            bodies = draw_bodies(axes, run, frame, view)
            bodies.set(facecolor="none", edgecolor="white", linewidth=pen(0.6))
            return
        if self._dots:
            draw_bodies(axes, run, frame, None).set(linewidth=0.0, rasterized=True)
            if moment.cells is not None:
                _draw_dots(axes, moment.cells)
            return
        _draw_stroma(axes, run, frame, self._ligand, view)
        if moment.cells is not None:
            _draw_cells(
                axes, moment.cells, self._spec.haematopoietic.diameter, view, few_cells(run)
            )


def _draw_dots(axes: Any, cells: Cells) -> None:
    smaller = min(1.0, axes.figure.figure.get_figwidth() / _DOT_WIDTH)
    for state, colour in ((False, CRAWLING), (True, HELD)):
        chosen = cells.held == state
        axes.scatter(
            cells.x[chosen], cells.y[chosen], s=_DOT * smaller**2, color=colour, linewidths=0.0,
            zorder=6,
            rasterized=True,
        )  # fmt: skip


def _draw_stroma(axes: Any, run: xr.Dataset, frame: int, ligand: str | None, view: View) -> None:
    draw_outline(axes, run, frame, view)
    draw_bodies(axes, run, frame, view)
    draw_fibres(axes, fibre_courses(run, frame, view)[0], NETWORK, 0.7)
    x, y, radius = (values_at(run, frame, f"migrasome_{name}") for name in ("x", "y", "radius"))
    carrying = np.zeros(len(x), dtype=bool)
    if ligand is not None:
        carrying = values_at(run, frame, f"migrasome_{ligand}_secretion_rate") > 0
    for chosen, colour, smallest in (
        (~carrying, NETWORK, _SMALLEST),
        (carrying, CARRYING, _SMALLEST_CARRYING),
    ):
        kept = chosen & view.reaches(x, y)
        size = np.maximum(2.0 * radius[kept], smallest * view.extent)
        draw_discs(axes, x[kept], y[kept], size).set(facecolor=colour, edgecolor="none", zorder=3)


def _draw_cells(axes: Any, cells: Cells, diameter: float, view: View, few: bool) -> None:
    seen = view.reaches(cells.x, cells.y)
    tracks = np.stack([cells.track_x[seen], cells.track_y[seen]], axis=-1)
    lines = LineCollection(list(tracks), zorder=5, capstyle="round", **track_style(few))
    axes.add_collection(lines)
    for state, colour in ((False, CRAWLING), (True, HELD)):
        if few:
            before = cells.track_held[seen] == state
            axes.plot(
                cells.track_x[seen][before], cells.track_y[seen][before], ls="none", marker="o",
                ms=pen(3.0), mfc=colour, mec="black", mew=pen(0.4), zorder=5.5,
            )  # fmt: skip
        chosen = seen & (cells.held == state)
        size = np.full(int(chosen.sum()), diameter)
        discs = draw_discs(axes, cells.x[chosen], cells.y[chosen], size)
        discs.set(facecolor=colour, edgecolor="black", linewidth=pen(0.5), zorder=6)


def track_style(few: bool) -> dict[str, Any]:
    """Style of tracks: white with a dark rim, which is seen on any colour."""
    width = pen(1.4 if few else 0.9)
    rim = withStroke(linewidth=width + pen(1.0), foreground="black")
    return {"color": CRAWLING, "linewidth": width, "path_effects": [rim]}


def map_legend(
    run: xr.Dataset, spec: ModelSpec, frame: int, view: View, ligand: str | None, with_cells: bool
) -> list[Any]:
    """Legend of a map; migrasomes are enlarged where most would be too small."""
    migrasomes = bool(np.isfinite(values_at(run, frame, "migrasome_x")).any())
    fibres = bool(np.isfinite(values_at(run, frame, "fibre_x")).any())
    network = bool((values_at(run, frame, "region") == Region.MIGRASOME_NETWORK).any())
    enlarged, carrying_enlarged = (
        " (enlarged)" * (smallest * view.extent > spec.scene.migrasome_diameter)
        for smallest in (_SMALLEST, _SMALLEST_CARRYING)
    )
    handles: list[Any] = []
    if body_count(run, frame):
        handles.append(
            Patch(facecolor=f"{BODY}55", edgecolor=BODY, label=f"{spec.stroma.label} body")
        )
    if fibres:
        label = f"fibre with migrasomes{enlarged}" if migrasomes else "fibre"
        handles.append(Line2D([], [], color=NETWORK, lw=1, marker="o", ms=pen(3), label=label))
    elif migrasomes:
        label = f"migrasome{enlarged}"
        handles.append(Line2D([], [], color=NETWORK, lw=0, marker="o", ms=pen(3), label=label))
    if network:
        handles.append(
            Line2D([], [], color=NETWORK, lw=1, ls="dotted", label="outline of the network")
        )
    if ligand is not None and migrasomes:
        label = f"migrasome secreting {spec.ligand[ligand].label}{carrying_enlarged}"
        handles.append(Line2D([], [], color=CARRYING, lw=0, marker="o", ms=pen(5), label=label))
    if with_cells:
        cell = spec.haematopoietic.label
        track = "its track, a dot a frame" if few_cells(run) else "its last hour's track"
        disc: dict[str, Any] = {"marker": "o", "mec": "black", "mew": pen(0.8), "ms": pen(6)}
        handles += [
            Line2D(
                [], [], mfc=CRAWLING, **disc, **track_style(few_cells(run)),
                label=f"{cell} cell, crawling, with {track}",
            ),
        ]  # fmt: skip
        if spec.adheres:
            handles.append(Line2D([], [], lw=0, mfc=HELD, **disc, label=f"{cell} cell, held"))
    return handles
