"""Writes the snapshots of a run into its file."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import netCDF4
import numpy as np
from numpy.typing import NDArray

from sdf1_field.record.layout import add_late
from sdf1_field.record.variables import frame_times
from sdf1_field.scene import Fate, Migrasomes, Scene
from sdf1_field.scene.variables import BODIES, FIBRES, MIGRASOMES, Written
from sdf1_field.simulation import Snapshot, track_times
from sdf1_field.spec import ModelSpec

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

    def append(self, snapshot: Snapshot) -> None:
        """Write the variables that are due at a snapshot's time."""
        self.last = snapshot
        if snapshot.time in self._frames:
            self._append_fields(self._frames[snapshot.time], snapshot)
        if "cell_time" in self.file.variables and snapshot.time in self._observations:
            assert snapshot.cells is not None
            n = self._observations[snapshot.time]
            for name, values in (
                ("time", snapshot.time),
                ("x", snapshot.cells.x),
                ("y", snapshot.cells.y),
                ("state", snapshot.cells.held.astype(np.int8)),
                ("region", snapshot.cell_regions.astype(np.int8)),
            ):
                self.file[f"cell_{name}"][:, n] = values

    def _append_fields(self, n: int, snapshot: Snapshot) -> None:
        file = self.file
        file["time"][n] = snapshot.time
        file["region"][n] = snapshot.regions.astype(np.int8)
        for name, ligand in snapshot.ligands.items():
            file[name][n] = ligand.floor
            file[f"{name}_bound"][n] = ligand.bound
            file[f"{name}_secretion"][n] = ligand.secretion
            if ligand.sites is not None:
                file[f"{name}_sites"][n] = ligand.sites
            if ligand.reservoir is not None:
                file[f"{name}_reservoir"][n] = ligand.reservoir
            file[f"{name}_minimum"][n] = ligand.minimum
            for entry, mass in ligand.masses.items():
                file[f"{name}_mass_{entry}"][n] = mass
            for entry, amount in ligand.cargo_balance().items():
                file[f"{name}_cargo_{entry}"][n] = amount
        if len(snapshot.scene.bodies.x):
            for name, values in body_columns(snapshot).items():
                file[name][n] = values
        self.kept[n] = fibre_columns(snapshot.scene) | migrasome_columns(snapshot, self.spec)

    def finish(self) -> None:
        """Write fibres and migrasomes, with the ends and fates that are known by now."""
        assert self.last is not None
        write_late(self.file, self.spec, self.kept, self.last.scene)
        for name, ligand in self.last.ligands.items() if self.last.fields is not None else ():
            if ligand.filled is not None:
                self.file[f"{name}_bound"].coat_taken_as_unsaturated = np.int8(1)
                self.file[f"{name}_bound"].largest_share_of_sites_filled = ligand.filled


def body_columns(snapshot: Snapshot) -> Columns:
    """Variables of bodies."""
    columns: Columns = {v.name: getattr(snapshot.scene.bodies, v.key) for v in BODIES}
    for name, ligand in snapshot.ligands.items():
        columns[f"body_{name}_secretion_rate"] = ligand.body_rates
        if ligand.cargo is not None:
            columns[f"body_{name}_cargo"] = ligand.cargo.front + ligand.cargo.rear
            columns[f"body_{name}_rear_cargo"] = ligand.cargo.rear
    return columns


def fibre_columns(scene: Scene) -> Columns:
    """Variables of the fibres that are there, up to the end of the longest course."""
    fibres = scene.fibres
    vertices = int(np.isfinite(fibres.x).sum(axis=1).max(initial=0))
    columns: Columns = {v.name: getattr(fibres, v.key) for v in FIBRES}
    columns |= {f"fibre_{axis}": getattr(fibres, axis)[:, :vertices].copy() for axis in ("x", "y")}
    return columns | {"fibre": np.arange(len(fibres.body))}


def migrasome_columns(snapshot: Snapshot, spec: ModelSpec) -> Columns:
    """Variables of the migrasomes that are there, and their numbers."""
    m = snapshot.scene.migrasomes
    there = m.present
    columns: Columns = {
        v.name: getattr(m, v.key)[there] for v in MIGRASOMES if v.written is Written.FRAME
    }
    for name, ligand in snapshot.ligands.items():
        columns[f"migrasome_{name}_secretion_rate"] = ligand.migrasome_rates[there]
        if name in spec.followed_ligands:
            held = np.full(len(there), np.nan) if ligand.cargo is None else ligand.cargo.held
            columns[f"migrasome_{name}_cargo"] = held[there]
    return columns | {"migrasome": np.flatnonzero(there)}


def migrasome_lives(scene: Scene, spec: ModelSpec) -> Columns:
    """Variables that a migrasome has once, of all that there ever were."""
    m = _within_run(scene.migrasomes, spec.run.duration)
    columns: Columns = {v.name: getattr(m, v.key) for v in MIGRASOMES if v.written is Written.END}
    for name in spec.followed_ligands:
        columns[f"migrasome_{name}_loaded"] = m.loaded[name].astype(np.int8)
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
            file[name][:] = once[name]
            continue
        rows = [sizes[dim] for dim in variable.dims[1:]]
        nothing = np.nan if variable.absent is None else variable.absent
        for n, columns in kept.items():
            values = np.full(rows, nothing, dtype=variable.dtype)
            own, numbers = columns[name], columns[variable.dims[1]]
            if own.ndim == 1:
                values[numbers] = own
            else:
                values[numbers, : own.shape[1]] = own
            file[name][n] = values
