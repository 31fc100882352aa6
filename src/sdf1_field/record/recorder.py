"""Writes each snapshot of a run into its NetCDF file."""

import math
from collections.abc import Collection, Iterator, Mapping
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

_WAITING_BYTES = 16 * 2**20
"""Values that wait in memory at most, and values of fibres or migrasomes written in one call."""


@dataclass(eq=False)
class Recorder:
    """An open run file.

    Values wait in memory until they are many or until `write_waiting`, and those of several frames
    are written together: a call of the library costs as much as compressing some kilobytes. Fibres
    and migrasomes are kept until their final numbers are known, those of each frame alone.

    Parameters
    ----------
    file : netCDF4.Dataset
    spec : ModelSpec
    kept : dict of int to Columns
        Fibres and migrasomes by frame.
    last : Snapshot or None
        The latest that was appended.
    """

    file: netCDF4.Dataset
    spec: ModelSpec
    kept: dict[int, Columns] = field(default_factory=dict)
    last: Snapshot | None = None

    def __post_init__(self) -> None:
        self._frames = {time: n for n, time in enumerate(frame_times(self.spec))}
        self._observations = {time: n for n, time in enumerate(track_times(self.spec))}
        # By variable, and there by number of the frame or observation.
        self._waiting: dict[str, dict[int, NDArray[Any]]] = {}
        self._waiting_bytes = 0

    def begin(self, unsaturated_until: Mapping[str, float], *, filled: Collection[str]) -> None:
        """Note in a new file how coats are taken.

        Parameters
        ----------
        unsaturated_until : mapping of str to float
            By ligand, time until which its coat is taken as unsaturated [s].
        filled : collection of str
            Ligands for which the run was begun anew, since their coat filled.
        """
        for name in filled:
            self.file[f"{name}_bound"].begun_anew = "the coat filled while taken as unsaturated"
        for name, time in unsaturated_until.items():
            if math.isfinite(time):
                self.file[f"{name}_bound"].taken_as_unsaturated_until = duration_text(time)

    def append(self, snapshot: Snapshot) -> None:
        """Take the variables that are due at a snapshot's time."""
        self.last = snapshot
        if snapshot.time in self._frames:
            self._append_frame(self._frames[snapshot.time], snapshot)
        if "cell_time" in self.file.variables and snapshot.time in self._observations:
            for variable in CELLS:
                # The time is one for all cells.
                value = np.broadcast_to(value_of(snapshot, variable), self.spec.cell_count)
                self._wait(variable.name, self._observations[snapshot.time], value)

    def _append_frame(self, n: int, snapshot: Snapshot) -> None:
        rows = rows_there(snapshot.scene)
        vertices = int(np.isfinite(snapshot.scene.fibres.x).sum(axis=1).max(initial=0))
        columns = dict(rows)
        for name, dims, value in frame_values(snapshot):
            if LATE.intersection(dims):
                there = rows[dims[1]]
                columns[name] = value[there] if value.ndim == 1 else value[there, :vertices]
            elif name in self.file.variables:
                self._wait(name, n, value)
        self.kept[n] = columns

    def _wait(self, name: str, n: int, value: Any) -> None:
        # A copy: what it was computed from need not be kept.
        own = np.array(value, dtype=self.file.variables[name].dtype)
        self._waiting.setdefault(name, {})[n] = own
        self._waiting_bytes += own.nbytes
        if self._waiting_bytes > _WAITING_BYTES:
            self._write(max(self._waiting, key=self._bytes_of))

    def _bytes_of(self, name: str) -> int:
        values = self._waiting[name]
        return len(values) * next(iter(values.values())).nbytes

    def _write(self, name: str) -> None:
        """Write a variable's waiting values; if that fails or is interrupted they wait on."""
        numbers, values = zip(*self._waiting[name].items(), strict=True)
        target, frames = self.file.variables[name], slice(numbers[0], numbers[-1] + 1)
        assert len(values) == frames.stop - frames.start, f"{name}: frames are missing"
        if target.dimensions[0] == "time":
            target[frames] = np.stack(values)
        else:
            target[:, frames] = np.stack(values, axis=1)
        self._waiting_bytes -= self._bytes_of(name)
        del self._waiting[name]

    def write_waiting(self) -> None:
        """Write all values that wait."""
        for name in tuple(self._waiting):
            self._write(name)

    def close(self) -> None:
        """Write what waits and close the file, unless it is closed."""
        if self.file.isopen():
            self.write_waiting()
            self.file.close()

    def finish(self) -> None:
        """Write all that is left, with the ends and fates of migrasomes that are known by now."""
        assert self.last is not None
        self.write_waiting()
        write_late(self.file, self.spec, self.kept, self.last.scene)
        for name, ligand in self.last.ligands.items() if self.last.fields is not None else ():
            if ligand.filled is not None and ligand.unsaturated_until == math.inf:
                self.file[f"{name}_bound"].largest_share_of_sites_filled = ligand.filled


def frame_values(snapshot: Snapshot) -> Iterator[tuple[str, tuple[str, ...], Any]]:
    """Name, dimensions and value of each variable of a frame, where there is a value."""
    scene = snapshot.scene
    for source, variables in (
        (snapshot, (*COORDINATES, REGION)),
        (scene.bodies, BODIES),
        (scene.fibres, FIBRES),
        (scene.migrasomes, MIGRASOMES),
    ):
        for variable in variables:
            if variable.written is Written.FRAME:
                yield variable.name, variable.dims, value_of(source, variable)
    for name, ligand in snapshot.ligands.items():
        for variable in (*LIGAND, *CARGO_BALANCE):
            if variable.written is Written.FRAME:
                value = value_of(ligand, variable)
                if value is not None:
                    yield variable.name.format(ligand=name), variable.dims, value


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
        for first, values in _by_frames(variable, [sizes[dim] for dim in variable.dims[1:]], kept):
            file[name][first : first + len(values)] = values


def _by_frames(
    variable: Variable, rows: list[int], kept: Mapping[int, Columns]
) -> Iterator[tuple[int, NDArray[Any]]]:
    """Values of a fibres' or migrasomes' variable in all rows, in blocks of frames.

    Yields
    ------
    first : int
        Number of the block's first frame.
    values : ndarray, shape (frame, *rows)
    """
    nothing = np.nan if variable.absent is None else variable.absent
    bytes_each = np.dtype(variable.dtype).itemsize * math.prod(rows)
    at_once = max(1, _WAITING_BYTES // bytes_each)
    numbers = sorted(kept)
    for start in range(0, len(numbers), at_once):
        block = numbers[start : start + at_once]
        assert len(block) == block[-1] + 1 - block[0], f"{variable.name}: frames are missing"
        values = np.full([len(block), *rows], nothing, dtype=variable.dtype)
        for frame, n in zip(values, block, strict=True):
            # Cargo is not followed in the frames of a frozen scene.
            own, there = kept[n].get(variable.name), kept[n][variable.dims[1]]
            if own is None:
                pass
            elif own.ndim == 1:
                frame[there] = own
            else:
                frame[there, : own.shape[1]] = own
        yield block[0], values
