"""Cells under a recorded exposure: the cell layer of a run alone, for any cells and their drugs.

A replay takes the steps of the loop (`sdf1_field.simulation.loop`) that move cells. A migrasome
that is taken up holds no cell any more and does not secrete, from the next stop on; what it had put
onto the coat stays and is lost as any other. What the replay leaves out is that the field on the
grid and the growth of the network do not lose it: `validation/replay` measures the difference.
"""

import functools
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdf1_field import cells as cell_layer
from sdf1_field import exposure
from sdf1_field.cells import Cells
from sdf1_field.errors import InputError
from sdf1_field.exposure import (
    WAVENUMBERS,
    Stimulus,
    SubgridBasis,
    SubgridSources,
    Weights,
    no_stimulus,
)
from sdf1_field.scene import Fate, FloorRegions, Region, RegionMap, Scene
from sdf1_field.simulation.dish import model_grid
from sdf1_field.simulation.recording import RecordedExposure, RecordedInterval
from sdf1_field.simulation.replayable import require_same_stroma
from sdf1_field.simulation.soundness import require_sound_cells
from sdf1_field.simulation.stops import track_times
from sdf1_field.simulation.threads import use_threads
from sdf1_field.spec import ModelSpec
from sdf1_field.treatments import Event, schedule
from sdf1_field.units import duration_text
from sdf1_field.variation import dish_factors

Array = NDArray[np.float64]
Floats = NDArray[np.floating[Any]]

KEPT_PROFILES = 64
"""Intervals whose sources' profiles are kept, those replayed last; a dish to 12 h has 50, of about
1 MB each. Replays of all models under one exposure before the next make use of it."""


@dataclass(frozen=True, eq=False)
class ReplayedCells:
    """Cells at a stop, and the stroma that they have left.

    Parameters
    ----------
    time : float
        [s].
    cells : Cells
    floor : FloorRegions
        Of the stroma without the migrasomes that these cells have taken up.
    """

    time: float
    cells: Cells
    floor: FloorRegions

    at_stop = True

    @property
    def scene(self) -> Scene:
        """Stroma without the migrasomes that these cells have taken up."""
        return self.floor.scene

    @property
    def regions(self) -> RegionMap:
        """Region of each floor cell, shape (ny, nx)."""
        return self.floor.regions

    @property
    def cell_regions(self) -> NDArray[np.uint8]:
        """Region under each cell's centre, shape (cell,)."""
        return self.floor.under(self.cells.x, self.cells.y)

    @property
    def counts(self) -> NDArray[np.int64]:
        """Cells by the region under their centre, shape (3,), in the order of `Region`."""
        return np.bincount(self.cell_regions, minlength=len(Region))[: len(Region)]

    @property
    def areas(self) -> Array:
        """Area of each region [um**2], shape (3,), in the order of `Region`."""
        return self.floor.areas


def replay_cells(
    recorded: RecordedExposure,
    spec: ModelSpec,
    *,
    seed: int | None = None,
    times: Sequence[float] | None = None,
) -> Iterator[ReplayedCells]:
    """Move a model's cells under a recorded exposure.

    With the recorded dish's own seed the cells take the same steps as in `simulate`, as long as no
    migrasome is taken up, but for round-off of the maps that are kept. Replays under one recorded
    exposure share its stroma and are not independent dishes.

    Parameters
    ----------
    recorded : RecordedExposure
    spec : ModelSpec
        It may differ from the recorded one in the cells' type, number and mechanisms, in adhesion
        and CXCR4, and in drugs that act on the cells or on CD166.
    seed : int, optional
        Of the cells' random numbers and of their factors of variation; the recorded dish's if not
        given.
    times : sequence of float, optional
        When cells are yielded, each a stop of the recording from 0 s on [s]; those at which the
        model saves its cells if not given.

    Yields
    ------
    ReplayedCells
        In the order of time.

    Raises
    ------
    InputError
        If the recorded exposure is not that of the model, or a time is not one of its stops.
    RunError
        If cells leave the walls or have no direction any more.
    """
    require_same_stroma(recorded, spec)
    own = recorded.seed if seed is None else seed
    asked = _asked_times(recorded, spec, times)
    grid, plan = model_grid(spec), schedule(spec)
    factors, weights = dish_factors(spec, own), exposure.weights_of(spec)
    cells = cell_layer.seed_cells(spec, own)
    taken: dict[int, float] = {}
    coats: dict[int, Array] = {}
    for number, time in enumerate(recorded.times):
        scene = scene_left(recorded.scenes[number], taken, plan.events, time)
        if time in asked:
            yield ReplayedCells(
                time, cells, FloorRegions(scene, grid, spec.scene.network_outline_margin)
            )
        if not asked or time >= asked[-1]:
            return
        until = recorded.times[number + 1]
        hold = cell_layer.adhesion_map(spec, scene, grid, recorded.contacts[number])
        seen = no_stimulus(grid)
        if spec.senses:
            with use_threads(1):
                seen, coats = stimulus_over(
                    recorded, recorded.intervals[number], weights, taken, coats
                )
        before = cells
        cells, internalised, _ = cell_layer.advance_with_uptake(
            cell_layer.detach_unsupported(cells, hold),
            grid,
            seen,
            hold,
            cell_layer.cell_parameters(spec, factors, competition=plan.competition(time)),
            scene,
            duration=until - time,
            time_step=spec.cells.time_step,
            seed=own,
        )
        after = recorded.scenes[number + 1]
        if after is not recorded.scenes[number]:
            cells = cell_layer.advected(cells, grid, scene, after)
        require_sound_cells(cells, grid, last=before)
        # A migrasome that is gone at the stop by itself has not been taken up.
        left = [one for one in internalised if after.migrasomes.present[one]]
        taken |= dict.fromkeys(left, until)
        if spec.senses:
            coats |= _coats_at_end(recorded.intervals[number].sources, left)


def stimulus_over(
    recorded: RecordedExposure,
    interval: RecordedInterval,
    weights: Weights,
    taken: Collection[int],
    coats: Mapping[int, Array],
) -> tuple[Stimulus, dict[int, Array]]:
    """Stimulus over an interval, and the coats around the migrasomes taken up at its end.

    Parameters
    ----------
    recorded : RecordedExposure
    interval : RecordedInterval
    weights : Weights
    taken : collection of int
        Numbers of the migrasomes taken up.
    coats : mapping of int to ndarray, shape (WAVENUMBERS,)
        The coat around each of them at the beginning, where it was recorded as a source.
    """
    basis, sources = recorded.basis, interval.sources
    assert basis is not None
    profile = exposure.mixed_profiles(*_profiles_of(interval, basis), weights)
    numbers = sources.number.tolist()
    gone = np.array([number in taken for number in numbers], dtype=np.bool_)
    if not gone.any():
        subgrid = exposure.field_of_profiles(basis, sources.x, sources.y, profile)
        return exposure.mixed_maps(interval.dissolved, interval.attached, weights, subgrid), {}
    own, none = sources.chosen(gone), np.zeros(WAVENUMBERS)
    before = np.stack([coats.get(number, none) for number in own.number.tolist()])
    silent = np.zeros(len(before))
    after = exposure.advance_coat(
        basis, own.around, before, silent, interval.until - interval.since
    )
    left = own._replace(rate=silent, before=before, after=after)
    profile[gone] = exposure.mixed_profiles(*exposure.source_profiles(basis, left), weights)
    subgrid = exposure.field_of_profiles(basis, sources.x, sources.y, profile)
    return (
        exposure.mixed_maps(interval.dissolved, interval.attached, weights, subgrid),
        dict(zip(own.number.tolist(), after, strict=True)),
    )


@functools.lru_cache(maxsize=KEPT_PROFILES)
def _profiles_of(interval: RecordedInterval, basis: SubgridBasis) -> tuple[Floats, Floats]:
    """`sdf1_field.exposure.source_profiles` of a recorded interval, in its maps' precision."""
    dtype = interval.dissolved.dtype
    dissolved, attached = exposure.source_profiles(basis, interval.sources)
    return dissolved.astype(dtype), attached.astype(dtype)


def _coats_at_end(sources: SubgridSources, taken: Sequence[int]) -> dict[int, Array]:
    """Coats around migrasomes at the end of an interval, of those that are sources."""
    row = {number: n for n, number in enumerate(sources.number.tolist())}
    return {number: sources.after[row[number]] for number in taken if number in row}


def scene_left(
    scene: Scene, taken: Mapping[int, float], events: Sequence[Event], time: float
) -> Scene:
    """Scene without the migrasomes taken up, and with the CD166 that antibodies have blocked.

    Parameters
    ----------
    scene : Scene
        As recorded.
    taken : mapping of int to float
        Number of each migrasome that has been taken up, and when [s].
    events : sequence of Event
        The model's own.
    time : float
        Of the scene [s].
    """
    if taken:
        m = scene.migrasomes
        numbers = np.fromiter(taken, dtype=np.intp)
        end, fate, present = m.end.copy(), m.fate.copy(), m.present.copy()
        end[numbers] = list(taken.values())
        fate[numbers] = Fate.IS_TAKEN_UP
        present[numbers] = False
        scene = replace(scene, migrasomes=replace(m, end=end, fate=fate, present=present))
    for event in events:
        if event.time <= time:
            scene = _blocked(scene, event.blocked, -np.inf, event.time)
            for since, blocked in event.blocked_since:
                scene = _blocked(scene, blocked, since, event.time)
    return scene


def _blocked(scene: Scene, fraction: float, since: float, until: float) -> Scene:
    """Scene after `Scene.block` at an earlier time ``until`` [s].

    ``since`` is minus infinity where the bodies and all migrasomes present were blocked.
    """
    if fraction == 0.0:
        return scene
    bodies, m = scene.bodies, scene.migrasomes
    if since == -np.inf:
        bodies = replace(bodies, blocked=1.0 - (1.0 - bodies.blocked) * (1.0 - fraction))
    met = (m.birth > since) & (m.birth <= until)
    blocked = 1.0 - (1.0 - m.blocked) * (1.0 - fraction * met)
    return replace(scene, bodies=bodies, migrasomes=replace(m, blocked=blocked))


def _asked_times(
    recorded: RecordedExposure, spec: ModelSpec, times: Sequence[float] | None
) -> list[float]:
    """Times at which cells are asked for; InputError if one is not a recorded stop."""
    if times is None:
        times = track_times(spec)
    for time in times:
        if time not in recorded.times:
            raise InputError(
                f"replay: {duration_text(time)} is not a stop of the recorded run. Ask for "
                f"multiples of numerics.coupling_step up to {duration_text(recorded.times[-1])}."
            )
    return sorted(times)
