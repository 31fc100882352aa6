"""The folder in which a run grows: values as they come, and a state from which it goes on.

Values are appended to tables, one file each. A checkpoint puts them on the disk and then replaces
one file, which holds the state and the number of rows that belong to it: however the program ends,
that file is whole, and rows beyond its numbers do not count.
"""

import contextlib
import json
import os
import shutil
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sdf1_field.errors import ASIDE, InputError, written_aside
from sdf1_field.record.paths import LOCK
from sdf1_field.record.states import load_arrays, load_beside, load_state, save_state
from sdf1_field.record.variables import LATE, variables_of
from sdf1_field.scene.variables import Variable, Written
from sdf1_field.simulation import State
from sdf1_field.spec import ModelSpec

FRAMES, OBSERVATIONS = "time", "obs"
"""Tables with a row for each frame, and for each observation of the cells. Those of fibres, of
their vertices and of migrasomes have a row for each that is there in a frame."""
START, STATE = "start.npz", "state.npz"
"""Files of the folder: what is known at the start, and the last checkpoint."""
_ROWS = ".rows"
_READ_BYTES = 1 << 20
"""Bytes of a table that are read at once for its checksum."""

Values = Mapping[str, NDArray[Any]]
"""Values by variable."""
Table = np.dtype[Any]
"""Type of a table's rows."""


def table_of(variable: Variable) -> str:
    """Name of the table that holds a variable; empty for one that is not written again and again.

    Examples
    --------
    >>> from sdf1_field.scene.variables import FIBRES, REGION
    >>> table_of(REGION), table_of(FIBRES[0])
    ('time', 'time-fibre-fibre_vertex')
    """
    if variable.written is Written.OBSERVATION:
        return OBSERVATIONS
    if variable.written is not Written.FRAME:
        return ""
    return "-".join(variable.dims) if LATE.intersection(variable.dims) else FRAMES


def tables_of(spec: ModelSpec, sizes: Mapping[str, int]) -> dict[str, Table]:
    """Tables of a run; rows of fibres, vertices and migrasomes begin with their numbers.

    Parameters
    ----------
    spec : ModelSpec
    sizes : mapping of str to int
        Of the dimensions that are known at the start.
    """
    columns: dict[str, list[Any]] = {}
    for variable in variables_of(spec).values():
        table, dims = table_of(variable), variable.dims
        if table in (FRAMES, OBSERVATIONS) and set(dims) <= set(sizes):
            shape = tuple(sizes[dim] for dim in dims if dim != table)
            columns.setdefault(table, []).append((variable.name, variable.dtype, shape))
        elif LATE.intersection(dims) and table:
            numbers = columns.setdefault(table, [(dim, "i4") for dim in dims])
            numbers.append((variable.name, variable.dtype))
    return {table: np.dtype(fields) for table, fields in columns.items()}


@dataclass(frozen=True, eq=False)
class Start:
    """What is known of a run at its start.

    Parameters
    ----------
    attributes : mapping of str to object
        Of the run file.
    sizes : mapping of str to int
        Of the dimensions that are known.
    own : mapping of str to mapping
        Further attributes by variable.
    once : mapping of str to ndarray
        Values by variable.
    tables : mapping of str to Table
    """

    attributes: Mapping[str, Any]
    sizes: Mapping[str, int]
    own: Mapping[str, Mapping[str, Any]]
    once: Values
    tables: Mapping[str, Table]

    def save(self, folder: Path) -> None:
        """Write it into a run's folder."""
        facts = {"attributes": self.attributes, "sizes": self.sizes, "own": self.own}
        arrays = {f"once.{name}": values for name, values in self.once.items()}
        arrays |= {f"rows.{name}": np.zeros(0, kind) for name, kind in self.tables.items()}
        arrays["facts"] = np.array(json.dumps(facts, default=int))
        partial = folder / f"{START}{ASIDE}"
        with written_aside(folder / START, partial), partial.open("wb") as stream:
            np.savez(stream, allow_pickle=False, **arrays)


def load_start(folder: Path) -> Start:
    """Start of a run, from its folder.

    Raises
    ------
    InputError
        If its file is missing or damaged.
    """
    try:
        arrays = load_arrays(folder / START)
        facts = json.loads(str(arrays["facts"]))
        attributes = dict(facts["attributes"])
        attributes["seed"] = np.int64(attributes["seed"])
        sizes = dict(facts["sizes"])
        whole = all(isinstance(size, int) and size >= 0 for size in sizes.values())
        if not whole or f"rows.{FRAMES}" not in arrays:
            raise _damaged(folder)
        return Start(
            attributes,
            sizes,
            _attributes_by_variable(facts["own"]),
            {k.removeprefix("once."): v for k, v in arrays.items() if k.startswith("once.")},
            {k.removeprefix("rows."): v.dtype for k, v in arrays.items() if k.startswith("rows.")},
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        raise _damaged(folder) from None


def _attributes_by_variable(own: Any) -> dict[str, dict[str, str | float]]:
    """Attributes of variables as they are; TypeError if they are none."""
    for attributes in own.values():
        if not all(isinstance(value, str | float) for value in attributes.values()):
            raise TypeError
    return dict(own)


class Rows(NamedTuple):
    """Number of a table's rows that are written, and the CRC-32 of their bytes."""

    number: int = 0
    checksum: int = 0


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """What a checkpoint holds beside the state.

    Parameters
    ----------
    written : mapping of str to Rows
        Of each table.
    once : mapping of str to ndarray
        Values by variable that change until the end.
    own : mapping of str to mapping
        Further attributes by variable.
    """

    written: Mapping[str, Rows]
    once: Values
    own: Mapping[str, Mapping[str, Any]]

    @property
    def rows(self) -> dict[str, int]:
        """Number of rows of each table."""
        return {name: table.number for name, table in self.written.items()}


def load_checkpoint(folder: Path, tables: Mapping[str, Table]) -> Checkpoint:
    """Last checkpoint of a run's folder, but for its state.

    Raises
    ------
    InputError
        If it is missing or damaged, or if tables lack rows of it or have other bytes.
    """
    beside = load_beside(folder / STATE)
    try:
        facts = json.loads(str(beside.pop("facts")))
        rows = {name: int(facts["rows"][name]) for name in tables}
        sizes = {name: (folder / f"{name}{_ROWS}").stat().st_size for name in tables}
        # Earlier versions stored none: their tables are taken as they are.
        stored = dict(facts.get("checksums", {}))
        own = _attributes_by_variable(facts["own"])
    except (OSError, KeyError, ValueError, TypeError, AttributeError, OverflowError):
        raise _damaged(folder) from None
    if any(not 0 <= rows[name] * tables[name].itemsize <= sizes[name] for name in tables):
        raise _damaged(folder)
    try:
        written = {
            name: Rows(rows[name], _checksum(folder, name, rows[name] * kind.itemsize))
            for name, kind in tables.items()
        }
    except OSError:
        raise _damaged(folder) from None
    for name, table in written.items():
        if stored.get(name, table.checksum) != table.checksum:
            raise _changed(folder, name)
    return Checkpoint(written, beside, own)


def _checksum(folder: Path, table: str, size: int) -> int:
    """CRC-32 of the first bytes of a table."""
    checksum = 0
    with (folder / f"{table}{_ROWS}").open("rb") as stream:
        while size > 0 and (part := stream.read(min(size, _READ_BYTES))):
            checksum = zlib.crc32(part, checksum)
            size -= len(part)
    return checksum


def rows_of(folder: Path, table: str, kind: Table, count: int) -> NDArray[Any]:
    """First rows of a table, read when they are used."""
    if not count:
        return np.zeros(0, kind)
    return np.memmap(folder / f"{table}{_ROWS}", kind, "r", shape=(count,))


class Journal:
    """The tables of a run that is being written.

    Parameters
    ----------
    folder : pathlib.Path
    spec : ModelSpec
    tables : mapping of str to Table
    written : mapping of str to Rows
        What to keep of each table; further rows are removed.
    """

    def __init__(
        self,
        folder: Path,
        spec: ModelSpec,
        tables: Mapping[str, Table],
        written: Mapping[str, Rows],
    ) -> None:
        self.folder = folder
        # Rows and checksum change in one step, between whose halves no interrupt can come.
        self.written = {name: written.get(name, Rows()) for name in tables}
        self._tables, self._variables = tables, variables_of(spec)
        self._streams: dict[str, BinaryIO] = {}
        for name, kind in tables.items():
            self._streams[name] = stream = (folder / f"{name}{_ROWS}").open("ab")
            stream.truncate(self.written[name].number * kind.itemsize)

    @property
    def rows(self) -> dict[str, int]:
        """Number of rows of each table."""
        return {name: table.number for name, table in self.written.items()}

    def __contains__(self, table: str) -> bool:
        return table in self._tables

    def columns(self, table: str) -> tuple[str, ...]:
        """Names of a table's columns."""
        return self._tables[table].names or ()

    def append(self, table: str, values: Mapping[str, Any]) -> None:
        """Append a row of `FRAMES` or `OBSERVATIONS`."""
        kind, parts = self._tables[table], []
        for name in self.columns(table):
            shape, value = kind[name].shape, values.get(name)
            value = np.broadcast_to(self._nothing(name) if value is None else value, shape)
            parts.append(np.ascontiguousarray(value, kind[name].base).reshape(-1).data.cast("B"))
        self._write(table, 1, parts)

    def extend(self, table: str, values: Mapping[str, Any]) -> None:
        """Append rows of another table, with their numbers."""
        numbered = self.columns(table)[1]
        rows = np.empty(len(values[numbered]), self._tables[table])
        for name in self.columns(table):
            rows[name] = values[name] if name in values else self._nothing(name)
        self._write(table, len(rows), [rows.tobytes()])

    def _write(self, table: str, number: int, parts: Iterable[bytes | memoryview]) -> None:
        """Write the bytes of some rows."""
        rows, checksum = self.written[table]
        for part in parts:
            self._streams[table].write(part)
            checksum = zlib.crc32(part, checksum)
        self.written[table] = Rows(rows + number, checksum)

    def _nothing(self, name: str) -> float:
        """Value that says that there is none."""
        absent = self._variables[name].absent
        return np.nan if absent is None else absent

    def commit(self, state: State, once: Values, own: Mapping[str, Mapping[str, Any]]) -> None:
        """Make a checkpoint of all that was appended."""
        for stream in self._streams.values():
            stream.flush()
            os.fsync(stream.fileno())
        checksums = {name: table.checksum for name, table in self.written.items()}
        facts = json.dumps({"rows": self.rows, "checksums": checksums, "own": own})
        save_state(self.folder / STATE, state, {**once, "facts": np.array(facts)})

    def complete(self, once: Values, own: Mapping[str, Mapping[str, Any]]) -> Checkpoint:
        """All that was appended, which can then be read.

        Raises
        ------
        InputError
            If the disk gives other bytes than were written.
        """
        for stream in self._streams.values():
            stream.flush()
        for name, table in self.written.items():
            size = table.number * self._tables[name].itemsize
            if _checksum(self.folder, name, size) != table.checksum:
                raise _changed(self.folder, name)
        return Checkpoint(self.written, once, own)

    def close(self) -> None:
        """Close the tables; what a full disk does not take is lost."""
        for stream in self._streams.values():
            with contextlib.suppress(OSError):
                stream.close()


def reopened(folder: Path, spec: ModelSpec, start: Start) -> tuple[Journal, Checkpoint, State]:
    """Tables, checkpoint and state from which an interrupted run goes on.

    Raises
    ------
    InputError
        If they are missing or damaged.
    """
    checkpoint = load_checkpoint(folder, start.tables)
    state = load_state(folder / STATE, spec.numerics.solver)
    return Journal(folder, spec, start.tables, checkpoint.written), checkpoint, state


def remove_journal(folder: Path) -> None:
    """Remove what a run has written into its folder, the state to which the rest belongs first."""
    (folder / STATE).unlink(missing_ok=True)
    for path in sorted(folder.iterdir()):
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != LOCK:
            path.unlink()


def _damaged(folder: Path) -> InputError:
    return InputError(f"{folder}: damaged. Start over with force.")


def _changed(folder: Path, table: str) -> InputError:
    return InputError(
        f"{folder}: damaged: {table}{_ROWS} has other bytes than were written. Start over with "
        "force."
    )
