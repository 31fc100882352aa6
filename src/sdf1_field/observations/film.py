"""Films of one cell beside one MSC's network."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdf1_field.cells import hold_of
from sdf1_field.errors import InputError
from sdf1_field.observations.cells import watched_model
from sdf1_field.observations.readings import Dish, Quantity, Reading, Sample, of_dish, of_share
from sdf1_field.scene import Scene
from sdf1_field.simulate import model_grid, regions_of, simulate

Array = NDArray[np.float64]

REACHED, CAPTURED = "cells that come to a fibre", "captured on a fibre"
APPROACH = "way towards the nearest fibre"

FILMED = (
    Quantity(REACHED, "1", Sample.SHARE),
    Quantity(CAPTURED, "1", Sample.SHARE),
    Quantity(APPROACH, "um", Sample.DISH),
)


@dataclass(frozen=True)
class _Frame:
    """The cell in a frame; ``cd166`` that it touches, relative to a body, if held on a fibre."""

    time: float
    x: float
    y: float
    held: bool
    on_fibre: bool
    cd166: float
    towards: tuple[float, float]


def read_film(dish: Dish) -> tuple[Reading, ...]:
    """Film the model's only cell until the dish's times.

    A film of an MSC without fibres, or of a cell that begins on one, is of nothing.

    Raises
    ------
    InputError
        If the model has another number of cells.
    """
    spec = watched_model(dish)
    if spec.cell_count != 1:
        raise InputError(
            f"{dish.model}: has {spec.cell_count} cells. Film one, as in capture-single-migrasome."
        )
    grid, radius = model_grid(spec), 0.5 * spec.haematopoietic.diameter
    film: list[_Frame] = []
    for state in simulate(spec, seed=dish.seed):
        if state.cells is None:
            continue
        x, y, held = float(state.cells.x[0]), float(state.cells.y[0]), bool(state.cells.held[0])
        towards, distance = nearest_fibre(state.scene, x, y)
        on_fibre = distance <= radius
        if not film and (on_fibre or math.isinf(distance)):
            break
        cd166 = math.nan
        if held and on_fibre:
            hold = hold_of(spec, state.scene, regions_of(spec, state.scene, grid), grid)
            cd166 = float(hold.cd166[grid.index(state.cells.x, state.cells.y)][0])
        film.append(_Frame(state.time, x, y, held, on_fibre, cd166, towards))
    return tuple(
        reading
        for time in dish.times
        for reading in _readings([frame for frame in film if frame.time <= time], time)
    )


def _readings(film: Sequence[_Frame], time: float) -> list[Reading]:
    touched = any(frame.on_fibre for frame in film)
    first = next((frame for frame in film if frame.held and frame.on_fibre), None)
    captured = first is not None and first.cd166 < 1.0
    return [
        of_share(REACHED, time, touched, bool(film)),
        of_share(CAPTURED, time, captured, bool(film)),
        of_dish(APPROACH, time, _approach(film)),
    ]


def _approach(film: Sequence[_Frame]) -> float:
    """Mean way between two frames towards the fibre nearest in the first [um].

    While the cell is held, or touches a fibre, it is not on its way; NaN if it never is.
    """
    ways = [
        (later.x - here.x) * here.towards[0] + (later.y - here.y) * here.towards[1]
        for here, later in itertools.pairwise(film)
        if not (here.held or later.held or here.on_fibre)
    ]
    known = [way for way in ways if math.isfinite(way)]
    return float(np.mean(known)) if known else math.nan


def nearest_fibre(scene: Scene, x: float, y: float) -> tuple[tuple[float, float], float]:
    """Unit vector to the nearest place on a fibre, and its distance [um].

    NaN on a fibre's line itself, and, at an infinite distance, if there is none.
    """
    fibre_x, fibre_y = scene.fibres.x, scene.fibres.y
    pieces = np.isfinite(fibre_x[:, 1:])
    if not pieces.any():
        return (math.nan, math.nan), math.inf
    begin = np.array([fibre_x[:, :-1][pieces], fibre_y[:, :-1][pieces]])
    piece = np.array([fibre_x[:, 1:][pieces], fibre_y[:, 1:][pieces]]) - begin
    place = np.array([[x], [y]])
    square = (piece**2).sum(axis=0)
    along = ((place - begin) * piece).sum(axis=0) / np.where(square > 0.0, square, 1.0)
    off = begin + np.clip(along, 0.0, 1.0) * piece - place
    distances = np.hypot(*off)
    n = int(np.argmin(distances))
    distance = float(distances[n])
    if distance == 0.0:
        return (math.nan, math.nan), 0.0
    return (float(off[0, n]) / distance, float(off[1, n]) / distance), distance
