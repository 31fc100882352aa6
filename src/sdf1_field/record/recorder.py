"""Writes each snapshot of a run into its NetCDF file."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import netCDF4
import numpy as np
from numpy.typing import NDArray

from sdf1_field.record.layout import add_late
from sdf1_field.record.variables import (
    CARGO_BALANCE,
    CELLS,
    COORDINATES,
    LATE,
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

Columns = dict[str, NDArray[Any]]
"""Values by variable; over fibres or migrasomes only of those present, with their numbers."""


@dataclass(eq=False)
class Recorder:
    """An open run file.

    Field frames go to the file as they come. Fibres and migrasomes are kept in memory, those of
    each frame alone, until their final numbers are known.

    Parameters
    ----------
    file : netCDF4.Dataset
    spec : ModelSpec
    kept : dict of int to Columns
        Fibres and migrasomes by frame.
    """

    file: netCDF4.Dataset
    spec: ModelSpec
    kept: dict[int, Columns] = field(default_factory=dict)
    last: Snapshot | None = None

    def __post_init__(self) -> None:
        self._frames = {time: n for n, time in enumerate(frame_times(self.spec))}
        self._observations = {time: n for n, time in enumerate(track_times(self.spec))}

    def begin(self, unsaturated_until: Mapping[str, float]) -> None:
        """Note in a new file until when coats are taken as unsaturated [s], if not to the end."""
        for name, time in unsaturated_until.items():
            if math.isfinite(time):
                self.file[f"{name}_bound"].taken_as_unsaturated_until = duration_text(time)

    def append(self, snapshot: Snapshot) -> None:
        """Write the variables that are due at a snapshot's time."""
        self.last = snapshot
        if snapshot.time in self._frames:
            self._append_fields(self._frames[snapshot.time], snapshot)
        if "cell_time" in self.file.variables and snapshot.time in self._observations:
            n = self._observations[snapshot.time]
            for variable in CELLS:
                self._put(variable.name, np.s_[:, n], value_of(snapshot, variable))

    def _append_fields(self, n: int, snapshot: Snapshot) -> None:
        rows = rows_there(snapshot.scene)
        vertices = int(np.isfinite(snapshot.scene.fibres.x).sum(axis=1).max(initial=0))
        self.kept[n] = dict(rows)
        for variable, value in frame_values(snapshot):
            if LATE.intersection(variable.dims):
                there = rows[variable.dims[1]]
                self.kept[n][variable.name] = (
                    value[there] if value.ndim == 1 else value[there, :vertices]
                )
            elif variable.name in self.file.variables:
                self._put(variable.name, n, value)

    def _put(self, name: str, place: Any, value: Any) -> None:
        target = self.file[name]
        target[place] = np.asarray(value, dtype=target.dtype)

    def finish(self) -> None:
        """Write fibres and migrasomes, with the ends and fates that are known by now."""
        assert self.last is not None
        write_late(self.file, self.spec, self.kept, self.last.scene)
        for name, ligand in self.last.ligands.items() if self.last.fields is not None else ():
            if ligand.filled is not None and ligand.unsaturated_until == math.inf:
                self.file[f"{name}_bound"].largest_share_of_sites_filled = ligand.filled


def frame_values(snapshot: Snapshot) -> Iterator[tuple[Variable, Any]]:
    """Variables that are written each frame, with their values where there are any."""
    scene = snapshot.scene
    for source, variables in (
        (snapshot, (*COORDINATES, REGION)),
        (scene.bodies, BODIES),
        (scene.fibres, FIBRES),
        (scene.migrasomes, MIGRASOMES),
    ):
        for variable in variables:
            if variable.written is Written.FRAME:
                yield variable, value_of(source, variable)
    for name, ligand in snapshot.ligands.items():
        for variable in (*LIGAND, *CARGO_BALANCE):
            if variable.written is Written.FRAME:
                value = value_of(ligand, variable)
                if value is not None:
                    yield variable.named(ligand=name), value


def value_of(source: object, variable: Variable) -> Any:
    """Value of a variable in memory; None if there is none."""
    value: Any = source
    for part in variable.key.split("."):
        if value is None:
            return None
        value = value[part] if isinstance(value, Mapping) else getattr(value, part)
    return np.sum(value) if variable.dims == ("time",) and value is not None else value


def rows_there(scene: Scene) -> Columns:
    """Numbers of the fibres and migrasomes that are there."""
    return {
        "fibre": np.arange(len(scene.fibres.body)),
        "migrasome": np.flatnonzero(scene.migrasomes.present),
    }


def migrasome_lives(scene: Scene, spec: ModelSpec) -> Columns:
    """Variables that a migrasome has once, of all that there ever were."""
    m = _within_run(scene.migrasomes, spec.run.duration)
    columns: Columns = {v.name: value_of(m, v) for v in MIGRASOMES if v.written is Written.END}
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


def write_late(
    file: netCDF4.Dataset, spec: ModelSpec, kept: Mapping[int, Columns], scene: Scene
) -> None:
    """Write fibres and migrasomes into dimensions as long as there ever were any.

    Parameters
    ----------
    file : netCDF4.Dataset
    spec : ModelSpec
    kept : mapping of int to Columns
        By frame.
    scene : Scene
        The last one.
    """
    courses = [columns["fibre_x"].shape for columns in kept.values()]
    sizes = {
        "fibre": max((fibres for fibres, _ in courses), default=0),
        "fibre_vertex": max((vertices for _, vertices in courses), default=0),
        "migrasome": len(scene.migrasomes.x),
    }
    once = {name: np.arange(size) for name, size in sizes.items()}
    once |= migrasome_lives(scene, spec)
    # Other programs cannot decode times of which none is known.
    unknown = {"migrasome_end"} if np.isnan(once["migrasome_end"]).all() else set()
    for variable in add_late(file, spec, sizes, leave_out=unknown):
        name = variable.name
        if variable.written is Written.END:
            file[name][:] = once[name].astype(variable.dtype)
            continue
        rows = [sizes[dim] for dim in variable.dims[1:]]
        nothing = np.nan if variable.absent is None else variable.absent
        for n, columns in kept.items():
            values = np.full(rows, nothing, dtype=variable.dtype)
            # Cargo is not followed in the frames of a frozen scene.
            own, numbers = columns.get(name), columns[variable.dims[1]]
            if own is None:
                pass
            elif own.ndim == 1:
                values[numbers] = own
            else:
                values[numbers, : own.shape[1]] = own
            file[name][n] = values
