"""A run as pictures of one time after another, for a movie."""

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import numpy as np
import xarray as xr
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from sdf1_field.analysis import observation_times
from sdf1_field.analysis.runs import SAME_TIME, frame_before, run_name
from sdf1_field.errors import InputError
from sdf1_field.figures.choosing import kind_of, require_something
from sdf1_field.figures.dish_map import Cells, Moment
from sdf1_field.figures.drawing import values_at
from sdf1_field.figures.floor import DishFigure, Shown
from sdf1_field.figures.network import NetworkFigure
from sdf1_field.figures.paper import Page
from sdf1_field.record import model_of
from sdf1_field.spec import ModelSpec
from sdf1_field.units import duration_text

Array = NDArray[np.float64]
Pixels = NDArray[np.uint8]

NARROWEST, WIDEST = 320, 3840
"""Widths in which the labels can be read, and that players show [pixel]."""
_STEPS = 4
"""Pictures for each interval between two observations if cells are interpolated."""


class _Drawn(Protocol):
    """A figure that can show one time after another."""

    figure: Figure

    def show(self, moment: Moment, note: str = "") -> None: ...


class Reel:
    """Pictures of a run at its saved times, all with the same size, colours and layout.

    Parameters
    ----------
    run : xarray.Dataset
    shown : Shown
    start, stop : float or None
        First and last time [s]; all that are saved if None.
    every : float or None
        Between two pictures [s]; every saved time if None.
    width : int
        [pixel]; made even.
    interpolate : bool
        Show cells on straight lines between their observations too, and say so in the picture; no
        observation may then be left out by ``every``.

    Raises
    ------
    InputError
        If the run is steady, nothing was saved at one of these times, fewer than two are left, or
        there is nothing to draw.
    """

    def __init__(
        self,
        run: xr.Dataset,
        shown: Shown,
        *,
        start: float | None = None,
        stop: float | None = None,
        every: float | None = None,
        width: int,
        interpolate: bool = False,
    ) -> None:
        if not NARROWEST <= width <= WIDEST:
            raise InputError(
                f"--width: {width} pixels are out of range. Give {NARROWEST} to {WIDEST}."
            )
        spec = model_of(run).spec
        if spec.run.mode == "steady":
            raise InputError(
                f"{run_name(run)}: a steady state does not change. Draw it with `sdf1-field plot`."
            )
        self._run = run
        times = _chosen(run, start, stop, every)
        self.uneven = len(times) > 2 and bool(np.ptp(np.diff(times)) > SAME_TIME)
        self._note = ""
        if interpolate:
            times, apart = _divided(run, times)
            self._note = f"cells interpolated between observations {duration_text(apart)} apart"
        self._times = times
        with Page().styled():
            self._drawn = self._figure(spec, shown)
            self._drawn.show(self._moment(float(times[0])), self._note)
            self._canvas: Any = FigureCanvasAgg(self._drawn.figure)
            self._fit(width)

    def __len__(self) -> int:
        return len(self._times)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the pictures [pixel]."""
        across, along = self._canvas.get_width_height()
        return across, along

    def __iter__(self) -> Iterator[Pixels]:
        for time in self._times:
            with Page().styled():
                self._drawn.show(self._moment(float(time)), self._note)
                self._canvas.draw()
            yield np.asarray(self._canvas.buffer_rgba())[..., :3].copy()

    def _figure(self, spec: ModelSpec, shown: Shown) -> _Drawn:
        run = self._run
        kind = kind_of(run, spec, shown.ligand)
        if kind == "network":
            shown.refuse(("--field", "--range"), "the run has no field")
            shown.refuse(("--inset",), "the run's movie is a magnified window already")
            return NetworkFigure(run, spec, _frames(run, self._times))
        if kind == "tracks":
            shown.refuse(("--field", "--range"), "nothing secretes in this run")
        require_something(run, spec, shown.ligand, _frames(run, self._times))
        moments = [self._moment(float(time)) for time in self._times[[0, -1]]]
        frames = _frames(run, self._times)
        drawn = DishFigure(run, spec, shown, Page(), moments, frames=frames, clock=True)
        ligand = next(iter(spec.solved_ligands), None)
        if kind == "tracks" and not any(ligand and values_at(run, n, ligand).any() for n in frames):
            # Where there is no ligand at all, the map does not say that it is 0 everywhere.
            drawn.maps[0].axes.set_xlabel("")
        return drawn

    def _fit(self, width: int) -> None:
        """Give the figure its size in pixels, both even for players, and freeze its layout."""
        figure = self._drawn.figure
        across, along = figure.get_size_inches()
        pixels = [2 * round(0.5 * each) for each in (width, width * along / across)]
        figure.set_dpi(pixels[0] / across)
        figure.set_size_inches(across, pixels[1] / figure.dpi)
        self._canvas.draw()
        figure.set_layout_engine("none")

    def _moment(self, time: float) -> Moment:
        """A time of the run, with cells from there or on their way to the next observation."""
        run, cells = self._run, None
        if "cell_time" in run and time >= 0.0:
            observed = observation_times(run)
            n = int(np.searchsorted(observed, time + SAME_TIME)) - 1
            if n >= 0:
                cells = Cells.at(run, float(observed[n]))
                between = time - observed[n] > SAME_TIME and n + 1 < len(observed)
                if self._note and between:
                    share = (time - observed[n]) / (observed[n + 1] - observed[n])
                    cells = cells.towards(Cells.at(run, float(observed[n + 1])), float(share))
        return Moment(frame_before(run, time), time, cells)


def _chosen(run: xr.Dataset, start: float | None, stop: float | None, every: float | None) -> Array:
    """Saved times within limits and at an interval [s].

    If cells are observed more often than the floor is saved, times of both are shown.
    """
    saved = run["time"].values
    if "cell_time" in run:
        saved = np.concatenate([saved, observation_times(run)])
    saved = np.sort(saved)
    saved = saved[np.append(True, np.diff(saved) > SAME_TIME)]
    first, last = (
        float(saved[default]) if time is None else _saved(run, saved, option, time)
        for option, time, default in (("--from", start, 0), ("--to", stop, -1))
    )
    if first >= last and len(saved) > 1:
        raise InputError(
            f"--from: {duration_text(first)} is not before {duration_text(last)}, where the movie "
            "ends. Give an earlier time."
        )
    if every is None:
        times: Array = saved[(saved >= first) & (saved <= last)]
    elif every > 0.0:
        count = int((last - first + SAME_TIME) / every) + 1
        times = np.array(
            [
                _saved(run, saved, "--every", first + n * every)
                for n in range(min(count, len(saved)))
            ]
        )
    else:
        raise InputError("--every: is not more than zero. Give a time like '30 min'.")
    if len(times) < 2:
        raise InputError(
            f"{run_name(run)}: one picture makes no movie. Draw it with `sdf1-field plot`, or "
            "choose more times."
        )
    return times


def _saved(run: xr.Dataset, saved: Array, option: str, time: float) -> float:
    """Saved time that is meant; InputError if there is none."""
    nearest = float(saved[np.argmin(np.abs(saved - time))])
    if abs(nearest - time) > SAME_TIME:
        steps = np.unique(np.round(np.diff(saved), 6))
        often = f" every {duration_text(float(steps[0]))}" if len(steps) == 1 else ""
        raise InputError(
            f"{option}: {run_name(run)} has nothing saved at {duration_text(time)}; it has from "
            f"{duration_text(float(saved[0]))} to {duration_text(float(saved[-1]))}{often}."
        )
    return nearest


def _divided(run: xr.Dataset, times: Array) -> tuple[Array, float]:
    """Times with others between the observations of cells, and how far apart these are [s].

    Raises
    ------
    InputError
        If fewer than two observations are shown, or some that lie between others are not.
    """
    observed = observation_times(run) if "cell_time" in run else np.zeros(0)
    seen = observed[(observed >= times[0] - SAME_TIME) & (observed <= times[-1] + SAME_TIME)]
    if len(seen) < 2:
        raise InputError(
            "--interpolate: fewer than two observations of cells are shown. Remove the option."
        )
    if np.any(np.abs(seen[:, None] - times).min(axis=1) > SAME_TIME):
        raise InputError(
            f"--every: leaves out observations, which are {duration_text(float(seen[1] - seen[0]))}"
            " apart, and between which --interpolate moves cells. Remove one of the options."
        )
    shares = np.arange(1, _STEPS) / _STEPS
    between = (seen[:-1, None] + shares * np.diff(seen)[:, None]).ravel()
    united = np.sort(np.concatenate([times, between]))
    kept: Array = united[np.append(True, np.diff(united) > SAME_TIME)]
    return kept, float(np.diff(seen).max())


def _frames(run: xr.Dataset, times: Sequence[float] | Array) -> list[int]:
    """Frames of the floor that are shown."""
    return sorted({frame_before(run, float(time)) for time in times})
