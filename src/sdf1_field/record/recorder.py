"""Appends the snapshots of a run to the folder in which it grows."""

import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdf1_field.record.journal import FRAMES, OBSERVATIONS, Journal
from sdf1_field.record.variables import (
    CARGO_BALANCE,
    CELLS,
    COORDINATES,
    LIGAND,
    frame_times,
)
from sdf1_field.scene import Fate, Migrasomes, Scene
from sdf1_field.scene.variables import (
    BODIES,
    CONTENTS,
    FIBRES,
    MIGRASOMES,
    REGION,
    Variable,
    Written,
)
from sdf1_field.simulation import Snapshot, track_times
from sdf1_field.spec import ModelSpec
from sdf1_field.units import duration_text


@dataclass(eq=False)
class Recorder:
    """Takes from each snapshot the values that are due, unless the folder holds them already.

    Parameters
    ----------
    journal : Journal
    spec : ModelSpec
    once : mapping of str to ndarray
        Values by variable that change until the end.
    own : mapping of str to mapping
        Further attributes by variable.
    """

    journal: Journal
    spec: ModelSpec
    once: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    own: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._frames = {time: n for n, time in enumerate(frame_times(self.spec))}
        self._observations = {time: n for n, time in enumerate(track_times(self.spec))}

    def append(self, snapshot: Snapshot) -> None:
        """Take the variables that are due at a snapshot's time."""
        frame, observation = (
            times.get(snapshot.time) for times in (self._frames, self._observations)
        )
        if frame is not None and frame == self.journal.rows[FRAMES]:
            self._append_frame(frame, snapshot)
        if OBSERVATIONS in self.journal and observation == self.journal.rows[OBSERVATIONS]:
            values = {variable.name: value_of(snapshot, variable) for variable in CELLS}
            self.journal.append(OBSERVATIONS, values)

    def _append_frame(self, n: int, snapshot: Snapshot) -> None:
        values = {name: value for name, value in frame_values(snapshot) if value is not None}
        self.once = migrasome_lives(snapshot.scene, self.spec)
        self.own = {
            f"{name}_bound": {"largest_share_of_sites_filled": ligand.filled}
            for name, ligand in snapshot.ligands.items()
            if ligand.filled is not None and ligand.unsaturated_until == math.inf
        }
        fibres, migrasomes = numbers_there(snapshot.scene)
        course = np.nonzero(np.isfinite(values["fibre_x"]))
        for table, numbers in (
            ("time-fibre", {"fibre": fibres}),
            ("time-fibre-fibre_vertex", dict(zip(("fibre", "fibre_vertex"), course, strict=True))),
            ("time-migrasome", {"migrasome": migrasomes}),
        ):
            at = tuple(numbers.values())
            numbered = {"time": n, **numbers}
            columns = [name for name in self.journal.columns(table) if name in values]
            there = {name: values[name][at] for name in columns if name not in numbered}
            self.journal.extend(table, numbered | there)
        # Last, so that a frame that is there is whole.
        self.journal.append(FRAMES, values)


def coats_at_start(
    unsaturated_until: Mapping[str, float], filled: Collection[str]
) -> dict[str, dict[str, str]]:
    """Attributes, by variable, of how coats are taken.

    Parameters
    ----------
    unsaturated_until : mapping of str to float
        By ligand, time until which its coat is taken as unsaturated [s].
    filled : collection of str
        Ligands for which the run was begun anew, since their coat filled.
    """
    own: dict[str, dict[str, str]] = {f"{name}_bound": {} for name in unsaturated_until}
    for name in filled:
        own[f"{name}_bound"]["begun_anew"] = "the coat filled while taken as unsaturated"
    for name, time in unsaturated_until.items():
        if math.isfinite(time):
            own[f"{name}_bound"]["taken_as_unsaturated_until"] = duration_text(time)
    return own


def frame_values(snapshot: Snapshot) -> Iterator[tuple[str, Any]]:
    """Name and value of each variable of a frame; None where there is no value."""
    scene = snapshot.scene
    for source, variables in (
        (snapshot, (*COORDINATES, REGION)),
        (scene.bodies, BODIES),
        (scene.fibres, FIBRES),
        (scene.migrasomes, MIGRASOMES),
    ):
        for variable in variables:
            if variable.written is Written.FRAME:
                yield variable.name, _of_bodies(variable, value_of(source, variable))
    for name, ligand in snapshot.ligands.items():
        for variable in (*LIGAND, *CARGO_BALANCE):
            if variable.written is Written.FRAME:
                value = _of_bodies(variable, value_of(ligand, variable))
                yield variable.name.format(ligand=name), value


def _of_bodies(variable: Variable, value: Any) -> Any:
    """A variable's value, None where it is of bodies and these were removed."""
    return None if "body" in variable.dims and np.size(value) == 0 else value


def value_of(source: object, variable: Variable) -> Any:
    """Value of a variable in memory; None if there is none."""
    value: Any = source
    for part in variable.key.split("."):
        if value is None:
            return None
        value = value[part] if isinstance(value, Mapping) else getattr(value, part)
    return np.sum(value) if variable.dims == ("time",) and value is not None else value


def numbers_there(scene: Scene) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Numbers of the fibres and migrasomes that are there."""
    return np.arange(len(scene.fibres.body)), np.flatnonzero(scene.migrasomes.present)


def migrasome_lives(scene: Scene, spec: ModelSpec) -> dict[str, NDArray[Any]]:
    """Variables that a migrasome has once, of all that there ever were."""
    m = _within_run(scene.migrasomes, spec.run.duration)
    columns = {v.name: value_of(m, v) for v in MIGRASOMES if v.written is Written.END}
    for variable in CONTENTS:
        if variable.written is Written.END:
            for name in spec.followed_ligands:
                columns[variable.named(ligand=name).name] = value_of(m, variable)[name]
    return columns


def _within_run(migrasomes: Migrasomes, duration: float) -> Migrasomes:
    """Migrasomes with the ends and fates that they meet before a run is over."""
    gone = migrasomes.end <= duration
    return replace(
        migrasomes,
        end=np.where(gone, migrasomes.end, np.nan),
        fate=np.where(gone, migrasomes.fate, np.int8(Fate.OUTLIVES_THE_RUN)),
    )
