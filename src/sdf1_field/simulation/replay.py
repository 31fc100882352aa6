"""Cells under a recorded exposure: the cell layer of a run alone, for any cells and their drugs.

A replay takes the steps of the loop (`sdf1_field.simulation.loop`) that move cells. A migrasome
that is taken up holds no cell any more and does not secrete, from the next stop on; what it had put
onto the coat stays and is lost as any other. What the replay leaves out is that the field on the
grid and the growth of the network do not lose it: `validation/replay` measures the difference.
"""

import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdf1_field import cells as cell_layer
from sdf1_field import exposure
from sdf1_field.cells import Cells
from sdf1_field.errors import InputError
from sdf1_field.exposure import Stimulus, SubgridSources, no_stimulus
from sdf1_field.grid import Grid
from sdf1_field.scene import Fate, Region, RegionMap, Scene, region_areas, region_map
from sdf1_field.simulation.contacts import adhesion_of
from sdf1_field.simulation.dish import model_grid
from sdf1_field.simulation.recording import RecordedExposure, RecordedInterval
from sdf1_field.simulation.stops import track_times
from sdf1_field.simulation.threads import use_threads
from sdf1_field.spec import ModelSpec
from sdf1_field.treatments import Event, schedule, treatment_times
from sdf1_field.units import duration_text
from sdf1_field.variation import dish_factors

Array = NDArray[np.float64]

_DECIDED_BY_CELLS = (
    "title",
    "description",
    "run.seed",
    "run.duration",
    "cell_type",
    "cells",
    "receptor.cxcr4",
    "adhesion",
    "mechanisms",
    "agent",
    "treatments",
    "variation",
    "output",
)
"""Sections of a model, or keys, that may differ between recording and replay."""
_OF_THE_STROMA = (
    "receptor.cxcr4.ligand",
    "mechanisms.uptake",
    "mechanisms.cargo_kinetics",
    "mechanisms.bursts",
)
"""Keys within these on which stroma and fields depend."""


@dataclass(frozen=True, eq=False)
class ReplayedCells:
    """Cells at a stop, and the stroma that they have left.

    Parameters
    ----------
    time : float
        [s].
    cells : Cells
    scene : Scene
        Without the migrasomes that these cells have taken up.
    grid : Grid
    outline_margin : float
        Of the regions [um].
    """

    time: float
    cells: Cells
    scene: Scene
    grid: Grid
    outline_margin: float

    at_stop = True

    @functools.cached_property
    def regions(self) -> RegionMap:
        """Region under each floor cell, shape (ny, nx)."""
        return region_map(self.scene, self.grid, outline_margin=self.outline_margin)

    @property
    def counts(self) -> NDArray[np.int64]:
        """Cells by the region under their centre, shape (3,), in the order of `Region`."""
        under = self.regions[self.grid.index(self.cells.x, self.cells.y)]
        return np.bincount(under, minlength=len(Region))[: len(Region)]

    @property
    def areas(self) -> Array:
        """Area of each region [um**2], shape (3,), in the order of `Region`."""
        return region_areas(self.regions, self.grid.dx * self.grid.dy)


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
    """
    _require_same_stroma(recorded, spec)
    own = recorded.seed if seed is None else seed
    asked = _asked_times(recorded, spec, times)
    grid, plan = model_grid(spec), schedule(spec)
    factors = dish_factors(spec, own)
    cells = cell_layer.seed_cells(spec, own)
    taken: dict[int, float] = {}
    coats: dict[int, Array] = {}
    for number, time in enumerate(recorded.times):
        scene = scene_left(recorded.scenes[number], taken, plan.events, time)
        if time in asked:
            yield ReplayedCells(time, cells, scene, grid, spec.scene.network_outline_margin)
        if time >= asked[-1]:
            return
        until = recorded.times[number + 1]
        hold = adhesion_of(spec, scene, recorded.contacts[number], recorded.contact_grid)
        seen = no_stimulus(grid)
        if spec.sensed_ligands:
            with use_threads(1):
                seen, coats = _stimulus(recorded, recorded.intervals[number], spec, coats)
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
        # A migrasome that is gone at the stop by itself has not been taken up.
        left = [one for one in internalised if after.migrasomes.present[one]]
        taken |= dict.fromkeys(left, until)
        if spec.sensed_ligands:
            coats |= _coats_at_end(recorded.intervals[number].sources, left)


def _stimulus(
    recorded: RecordedExposure,
    interval: RecordedInterval,
    spec: ModelSpec,
    coats: Mapping[int, Array],
) -> tuple[Stimulus, dict[int, Array]]:
    """Stimulus over an interval, and the coats around the migrasomes taken up at its end.

    Parameters
    ----------
    recorded : RecordedExposure
    interval : RecordedInterval
    spec : ModelSpec
    coats : mapping of int to ndarray, shape (WAVENUMBERS,)
        By number, those around the migrasomes taken up at the beginning.
    """
    assert recorded.basis is not None
    on, sources = spec.mechanisms, interval.sources
    gone = np.flatnonzero([number in coats for number in sources.number.tolist()])
    later = dict(coats)
    if len(gone) > 0:
        numbers = sources.number[gone].tolist()
        mask = np.zeros(len(sources.number), dtype=np.bool_)
        mask[gone] = True
        own = sources.chosen(mask)
        before = np.stack([coats[number] for number in numbers])
        after = exposure.advance_coat(
            recorded.basis, own.around, before, np.zeros(len(gone)), interval.until - interval.since
        )
        later |= dict(zip(numbers, after, strict=True))
        sources = sources._replace(
            rate=_replaced(sources.rate, gone, np.zeros(len(gone))),
            before=_replaced(sources.before, gone, before),
            after=_replaced(sources.after, gone, after),
        )
    correction = exposure.correction_of(
        recorded.basis,
        sources,
        coat_share=spec.receptor.cxcr4.coat_share,
        soluble_steers=on.soluble_sensing,
        coat_steers=on.haptotaxis,
    )
    return exposure.mixed_maps(spec, interval.dissolved, interval.attached, correction), later


def _coats_at_end(sources: SubgridSources, taken: Sequence[int]) -> dict[int, Array]:
    """Coats around migrasomes at the end of an interval, of those that are sources."""
    row = {number: n for n, number in enumerate(sources.number.tolist())}
    return {number: sources.after[row[number]] for number in taken if number in row}


def _replaced(values: Array, where: NDArray[np.intp], by: Array) -> Array:
    changed = values.copy()
    changed[where] = by
    return changed


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


def _require_same_stroma(recorded: RecordedExposure, spec: ModelSpec) -> None:
    """Raise InputError if stroma or fields of a model differ from the recorded ones."""
    if spec is recorded.spec:
        return
    own, its = (_of_the_stroma(each, recorded.seed) for each in (spec, recorded.spec))
    for path in sorted({*own, *its}):
        if own.get(path) != its.get(path):
            raise InputError(
                f"replay: {path}: {own.get(path)} is not {its.get(path)}, which the recorded "
                "exposure depends on. Record it with this value."
            )
    if spec.sensed_ligands and recorded.basis is None:
        raise InputError(
            "replay: the cells sense a ligand, and those of the recorded model sense none. Record "
            "it with a mechanism that senses, such as mechanisms.haptotaxis."
        )
    if spec.run.duration > recorded.times[-1]:
        raise InputError(
            f"replay: run.duration: {duration_text(spec.run.duration)} is longer than the "
            f"recorded {duration_text(recorded.times[-1])}. Record a longer run."
        )
    for time in treatment_times(schedule(spec)):
        known = recorded.discontinuities if time > 0.0 else recorded.stops
        if recorded.stops[0] <= time <= recorded.times[-1] and time not in known:
            raise InputError(
                f"replay: treatments: one begins or ends at {duration_text(time)}, where the "
                "recorded run does not stop. Record it with this treatment."
            )


def _of_the_stroma(spec: ModelSpec, seed: int) -> dict[str, Any]:
    """Values on which stroma and fields depend, by dotted path; treatments by what they do."""
    values = {
        path: value
        for path, value in _flat(spec.model_dump()).items()
        if _within(path, _OF_THE_STROMA) or not _within(path, _DECIDED_BY_CELLS)
    }
    plan = schedule(spec)
    values["variation (factor on secretion)"] = dish_factors(spec, seed).secretion
    values["cell_type.*.diameter"] = spec.haematopoietic.diameter
    values["treatments"] = (
        tuple(
            (e.time, e.medium_change, e.added) for e in plan.events if e.medium_change or e.added
        ),
        tuple(
            (e.start, e.stop, e.effect.perturbation)
            for e in plan.lasting
            if e.effect.perturbation != type(e.effect.perturbation)()
        ),
    )
    return values


def _within(path: str, sections: Sequence[str]) -> bool:
    return any(path == one or path.startswith(f"{one}.") for one in sections)


def _flat(table: Mapping[str, Any], path: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in table.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{path}{key}.")
        else:
            flat[f"{path}{key}"] = value
    return flat
