"""Independent dishes side by side, one process and one thread each."""

import multiprocessing
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdf1_field.analysis import (
    ENCOUNTER_REPEATS,
    Census,
    Tracks,
    take_census,
    tracks_of,
)
from sdf1_field.errors import InputError, RunError, Sdf1FieldError
from sdf1_field.scene import Region
from sdf1_field.simulate import encounter_limit, model_grid, regions_of, simulate, track_times
from sdf1_field.spec import load_model
from sdf1_field.units import duration_text

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Dish:
    """One dish to simulate: a model, settings, a seed, and when to count its cells.

    Parameters
    ----------
    model : str
        Shipped name or file.
    settings : tuple of str
        ``KEY=VALUE`` each.
    seed : int
    times : tuple of float
        When to count [s], rising; empty if cells are tracked instead, as the model's output says.
    """

    model: str
    settings: tuple[str, ...]
    seed: int
    times: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Counted:
    """What was counted in a dish, and in the encounter limit of the same scene.

    Parameters
    ----------
    censuses : tuple of Census
        At each of the dish's times.
    encounter : ndarray, shape (times, 3)
        Cells per `Region` if regions were perfectly sticky and attracted nothing.
    tracks : Tracks or None
        Of a dish whose cells are tracked instead.
    """

    censuses: tuple[Census, ...]
    encounter: Array
    tracks: Tracks | None = None


def count_dish(dish: Dish) -> Counted:
    """Simulate a dish and count or track its cells; only fields that cells sense are solved."""
    if not dish.times:
        return _track_dish(dish)
    last = dish.times[-1]
    frames = [
        "output.ligands=[]",
        f"run.duration={last!r} s",
        f"output.fields_from={last!r} s",
    ]
    spec = load_model(dish.model, settings=[*dish.settings, *frames]).spec
    grid = model_grid(spec)
    censuses = []
    for state in simulate(spec, seed=dish.seed):
        if state.time in dish.times and state.cells is not None:
            regions = regions_of(spec, state.scene, grid)
            censuses.append(
                take_census(
                    regions,
                    grid,
                    state.cells.x,
                    state.cells.y,
                    radius=0.5 * spec.haematopoietic.diameter,
                    time=state.time,
                )
            )
    if len(censuses) != len(dish.times):
        missing = sorted(set(dish.times) - {c.time for c in censuses})
        raise InputError(
            f"{dish.model}: no cells are observed at {duration_text(missing[0])}. Count at "
            "multiples of output.tracks_every."
        )
    return Counted(
        tuple(censuses),
        encounter_limit(spec, regions, list(dish.times), seed=dish.seed, repeats=ENCOUNTER_REPEATS),
    )


def _track_dish(dish: Dish) -> Counted:
    """Follow the cells of a dish in the frames that its model saves."""
    spec = load_model(dish.model, settings=[*dish.settings, "output.ligands=[]"]).spec
    frames = set(track_times(spec))
    seen = [
        (state.time, state.cells.x, state.cells.y)
        for state in simulate(spec, seed=dish.seed)
        if state.time in frames and state.cells is not None
    ]
    times, x, y = (np.array([frame[n] for frame in seen]) for n in range(3))
    walls = (spec.dish.width, spec.dish.length)
    tracks = tracks_of(times, x.T, y.T, walls, name=dish.model)
    return Counted((), np.empty((0, len(Region))), tracks)


def count_dishes(
    dishes: Sequence[Dish],
    *,
    workers: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> list[Counted]:
    """Simulate dishes on the machine's cores, in the given order whatever finishes first.

    Parameters
    ----------
    dishes : sequence of Dish
    workers : int, optional
        Processes; as many as there are cores if not given.
    progress : callable, optional
        Called with the number of dishes finished since the last call.

    Raises
    ------
    RunError
        If a dish fails; the text names it.
    """
    workers = min(workers or os.cpu_count() or 1, len(dishes))
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        waiting = {pool.submit(count_dish, dish): dish for dish in dishes}
        try:
            for done in as_completed(waiting):
                done.result()
                if progress is not None:
                    progress(1)
        except Sdf1FieldError as error:
            pool.shutdown(cancel_futures=True)
            dish = waiting[done]
            raise RunError(f"{dish.model}, seed {dish.seed}: {error}") from None
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
        return [future.result() for future in waiting]
