"""Walk of the encounter limit: cells over sticky regions, which sense nothing and are held by any.

Cells walk from 0 s on as the model's do, over the regions as these change. The result is one walk:
it does not depend on the times at which its cells are asked for.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sdf1_field import cells as cell_layer
from sdf1_field.cells import AdhesionMap, CellArrays, CellParameters, Cells
from sdf1_field.exposure import no_stimulus
from sdf1_field.grid import Grid
from sdf1_field.random import Stream, generator
from sdf1_field.scene import Bodies, Region, RegionMap
from sdf1_field.simulation.dish import model_grid
from sdf1_field.spec import ModelSpec
from sdf1_field.variation import dish_factors

_ROUND_OFF = 1e-9
"""Share of a step by which a time may miss a whole number of steps."""
_PER_CELL = CellArrays._fields
"""Fields of `Cells` with one element per cell."""


@dataclass(frozen=True, eq=False)
class StickyFloor:
    """Regions that hold cells, and the bodies that advect held cells, from a time on.

    Parameters
    ----------
    time : float
        [s].
    regions : ndarray of uint8, shape (ny, nx)
        Values of `Region`.
    bodies : Bodies
        In the same order on every floor of a walk.
    """

    time: float
    regions: RegionMap
    bodies: Bodies

    def same_as(self, other: "StickyFloor") -> bool:
        """Whether regions and bodies are those of another floor."""
        own, its = self.bodies, other.bodies
        return (
            np.array_equal(self.regions, other.regions)
            and np.array_equal(own.x, its.x)
            and np.array_equal(own.y, its.y)
            and np.array_equal(own.angle, its.angle)
        )


@dataclass(frozen=True, eq=False)
class EncounterWalk:
    """Repetitions of the walk after the same number of steps of ``cells.time_step``.

    Parameters
    ----------
    grid : Grid
    time_step : float
        [s].
    parameters : CellParameters
    floor : StickyFloor
        The current one.
    hold : AdhesionMap
    seeds : tuple of int
        Of the repetitions' random numbers.
    cells : Cells
        Of all repetitions, one after the other.
    """

    grid: Grid
    time_step: float
    parameters: CellParameters
    floor: StickyFloor
    hold: AdhesionMap
    seeds: tuple[int, ...]
    cells: Cells


def begin_encounters(
    spec: ModelSpec, floor: StickyFloor, *, seed: int, repeats: int
) -> EncounterWalk:
    """Walk at 0 s: cells settle as in the model, and those over a region are held.

    Parameters
    ----------
    spec : ModelSpec
        Speed, persistence, crowding, time step and number of the cells are taken from it.
    floor : StickyFloor
        At 0 s.
    seed : int
        The dish's; each repetition has places and random numbers of its own.
    repeats : int
        Independent repetitions to average.
    """
    grid = model_grid(spec)
    parameters, hold = cell_layer.sticky(
        cell_layer.cell_parameters(spec, dish_factors(spec, seed), competition=0.0),
        floor.regions,
        grid,
    )
    seeds = tuple(
        int(generator(seed, Stream.ENCOUNTER, repeat).integers(2**63)) for repeat in range(repeats)
    )
    return EncounterWalk(
        grid=grid,
        time_step=spec.cells.time_step,
        parameters=parameters,
        floor=floor,
        hold=hold,
        seeds=seeds,
        cells=_held_where_sticky(
            _joined([cell_layer.seed_cells(spec, own) for own in seeds]), grid, floor.regions
        ),
    )


def walk_on(walk: EncounterWalk, time: float) -> EncounterWalk:
    """Walk after all whole steps until a time [s], over the floor as it is."""
    missing = int(time / walk.time_step + _ROUND_OFF) - walk.cells.steps
    cells = walk.cells
    # Only durations of 2**n steps, divided by 2**n, give the step to the last bit, so that the walk
    # does not depend on how many steps are taken at once.
    for power in range(max(missing, 0).bit_length()):
        if missing >> power & 1:
            cells = _moved(walk, cells, 2**power * walk.time_step)
    return replace(walk, cells=cells)


def change_floor(walk: EncounterWalk, floor: StickyFloor) -> EncounterWalk:
    """Walk on a changed floor, from the step on in which the change falls.

    As in the model, a held cell is advected with the body under it and released as soon as no
    region is under it. A cell is held once a region is under it.
    """
    walk = walk_on(walk, floor.time)
    if floor.same_as(walk.floor):
        return replace(walk, floor=floor)
    _, hold = cell_layer.sticky(walk.parameters, floor.regions, walk.grid)
    cells = cell_layer.advected_with(walk.cells, walk.grid, walk.floor.bodies, floor.bodies)
    cells = _held_where_sticky(cells, walk.grid, floor.regions)
    return replace(walk, floor=floor, hold=hold, cells=cells)


def cells_at(walk: EncounterWalk, time: float) -> Cells:
    """Cells of all repetitions at a time [s], not before the walk's last step.

    The part of a step from the last whole one to that time is not part of the walk.
    """
    walk = walk_on(walk, time)
    left = time - walk.cells.steps * walk.time_step
    return _moved(walk, walk.cells, left) if left > _ROUND_OFF * walk.time_step else walk.cells


def _moved(walk: EncounterWalk, cells: Cells, duration: float) -> Cells:
    """Cells of all repetitions after a while [s] over a walk's floor."""
    return _joined(
        [
            cell_layer.advance(
                one,
                walk.grid,
                no_stimulus(walk.grid),
                walk.hold,
                walk.parameters,
                duration=duration,
                time_step=walk.time_step,
                seed=seed,
                stream=Stream.ENCOUNTER,
            )
            for one, seed in zip(_apart(cells, len(walk.seeds)), walk.seeds, strict=True)
        ]
    )


def _apart(cells: Cells, repeats: int) -> list[Cells]:
    """Cells of each repetition, shape (cell,) each, from all of them, shape (repeats * cell,)."""
    columns = [np.split(getattr(cells, name), repeats) for name in _PER_CELL]
    repetitions: list[dict[str, Any]] = [
        dict(zip(_PER_CELL, each, strict=True)) for each in zip(*columns, strict=True)
    ]
    return [replace(cells, **each) for each in repetitions]


def _joined(repetitions: Sequence[Cells]) -> Cells:
    """Cells of all repetitions, shape (repeats * cell,), one repetition after the other."""
    columns: dict[str, Any] = {
        name: np.concatenate([getattr(cells, name) for cells in repetitions]) for name in _PER_CELL
    }
    return replace(repetitions[0], **columns)


def _held_where_sticky(cells: Cells, grid: Grid, regions: RegionMap) -> Cells:
    return replace(cells, held=regions[grid.index(cells.x, cells.y)] != Region.FREE_SURFACE)
