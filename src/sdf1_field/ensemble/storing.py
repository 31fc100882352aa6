"""The folder of an ensemble: one NetCDF file per finished dish, and one tidy table.

A file's name holds a digest of everything that its readings depend on, so that stored readings are
those that would be computed. It is made in memory, written under another name and renamed, so that
it is never incomplete.
"""

import contextlib
import csv
import functools
import hashlib
import io
import json
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import netCDF4
import numpy as np

import sdf1_field
from sdf1_field.claims import Quantity, Reading, Sample
from sdf1_field.ensemble.sources import source_digest
from sdf1_field.errors import (
    ASIDE,
    OWN_FOLDER,
    InputError,
    reason_of,
    remove,
    write_whole,
    written_aside,
)
from sdf1_field.locks import LOCKS, flock
from sdf1_field.observations import OBSERVATIONS, Dish
from sdf1_field.record.computer import Computer, computers_text, recorded_computers
from sdf1_field.record.layout import patterns, program, versions
from sdf1_field.spec import load_model

_RUNS, _TABLE = "runs", "runs.csv"
_DIGITS = 16
"""Hexadecimal digits of a digest: enough to tell all dishes apart."""
_OURS = re.compile(
    rf".+-seed-?\d+-[0-9a-f]{{{_DIGITS}}}\.nc({re.escape(ASIDE)})?|{OWN_FOLDER.pattern}"
)
_COLUMNS = (
    "model",
    "settings",
    "seed",
    "observation",
    "quantity",
    "of",
    "time_s",
    "unit",
    "n",
    "how_many",
    "mean",
    "deviation",
)
_SHARE = ("how many", "of how many")


@dataclass(frozen=True, eq=False)
class Simulated:
    """Readings of a dish, and the kind of computer that simulated it.

    Parameters
    ----------
    readings : tuple of Reading
    computer : mapping of str to str
        Empty if the dish was stored without it.
    """

    readings: tuple[Reading, ...]
    computer: Computer


@functools.cache
def _program_digest() -> str:
    """Digest of the sources and the libraries that a dish's readings depend on."""
    sources = source_digest(Path(sdf1_field.__file__).parent)
    return hashlib.sha256(f"{program()} {versions()}{sources}".encode()).hexdigest()


def model_digest(model: str, settings: tuple[str, ...]) -> str:
    """Digest of a resolved model, independent of its file's name, and of the program.

    Raises
    ------
    InputError
        If the model or a setting is wrong.
    """
    spec = load_model(model, settings=settings).spec
    resolved = json.dumps(spec.model_dump(), sort_keys=True, default=str)
    return hashlib.sha256(f"{_program_digest()}{resolved}{patterns(spec)}".encode()).hexdigest()


def run_digest(dish: Dish, model: str) -> str:
    """Digest of a dish, given that of its model."""
    return hashlib.sha256(f"{model}{dish!r}".encode()).hexdigest()[:_DIGITS]


def run_path(folder: Path, dish: Dish, digest: str) -> Path:
    """File of a dish's readings."""
    stem = run_stem(dish.model, dish.observation)
    return folder / _RUNS / f"{stem}-seed{dish.seed}-{digest}.nc"


def run_stem(model: str, observation: str) -> str:
    """Begin of the names of dishes' files, before their seed."""
    name = re.sub(r"[^\w.+-]", "_", Path(model).name.removesuffix(".toml"))
    return f"{name}-{observation}"


@contextlib.contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Create and lock a folder for this program; refused if it holds other files.

    Raises
    ------
    InputError
        Also if it cannot be written to, or if another program has locked it.
    """
    runs = folder / _RUNS
    try:
        foreign = folder.is_dir() and any(folder.iterdir()) and not runs.is_dir()
        if not foreign:
            runs.mkdir(parents=True, exist_ok=True)
            foreign = not all(_OURS.fullmatch(path.name) for path in runs.iterdir())
        if foreign:
            raise InputError(
                f"{folder}: holds something else than runs. Choose a new folder or an empty one."
            )
        if not (os.access(folder, os.W_OK) and os.access(runs, os.W_OK)):
            raise PermissionError(0, "permission denied")
        # Windows cannot open a folder.
        descriptor = os.open(runs if LOCKS else os.devnull, os.O_RDONLY)
    except OSError as error:
        raise InputError(
            f"{folder}: cannot be written to ({reason_of(error)}). Choose another folder."
        ) from None
    try:
        alone = lock(descriptor, folder)
        for left in runs.glob(f"*{ASIDE}") if alone else ():
            remove(left)
        yield
    finally:
        os.close(descriptor)


def lock(descriptor: int, place: Path) -> bool:
    """Lock an open file or folder; False where there are no locks.

    Raises
    ------
    InputError
        If another program has locked it.
    """
    try:
        flock(descriptor)
    except BlockingIOError:
        raise InputError(
            f"{place}: another program is writing to it. Wait for it, or choose another folder."
        ) from None
    except OSError:
        # Two programs then compute the same.
        return False
    return True


def _quantity(dish: Dish, reading: Reading) -> Quantity:
    return OBSERVATIONS[dish.observation].quantities[reading.quantity]


def _variable_name(reading: Reading) -> str:
    parts = (reading.quantity, reading.of, f"{reading.time!r}".removesuffix(".0") + "s")
    return re.sub(r"\W+", "_", " ".join(part for part in parts if part))


def write_run(path: Path, dish: Dish, digest: str, simulated: Simulated) -> None:
    """Store a dish's readings in one atomic step.

    Raises
    ------
    OSError
        If the disk is full, or the like.
    """
    with written_aside(path) as partial:
        partial.write_bytes(_netcdf(dish, digest, simulated))


def _netcdf(dish: Dish, digest: str, simulated: Simulated) -> bytes:
    """NetCDF file of readings, one variable each."""
    file = netCDF4.Dataset("run", "w", format="NETCDF4", memory=1)
    file.setncatts(
        {
            "Conventions": "CF-1.11",
            "title": f"Readings of one dish of {dish.model}",
            "source": program(),
            "model": dish.model,
            "settings": json.dumps(dish.settings),
            "seed": dish.seed,
            "observation": dish.observation,
            "digest": digest,
            "computed_on": computers_text([simulated.computer]),
        }
    )
    for order, reading in enumerate(simulated.readings):
        quantity, name = _quantity(dish, reading), _variable_name(reading)
        dimensions: tuple[str, ...] = ()
        if quantity.sample is Sample.SHARE:
            dimensions = ("share",)
            if "share" not in file.dimensions:
                file.createDimension("share", len(_SHARE))
                file.createVariable("share", str, ("share",))[:] = np.array(_SHARE, dtype=object)
        elif quantity.sample is Sample.CELLS:
            dimensions = (f"{name}_sample",)
            file.createDimension(dimensions[0], len(reading.values))
        variable = file.createVariable(name, "f8", dimensions)
        variable.setncatts(
            {
                "long_name": f"{reading.quantity} {reading.of}".strip(),
                "units": quantity.unit,
                "quantity": reading.quantity,
                "of": reading.of,
                "time": reading.time,
                "time_units": "s",
                "order": order,
            }
        )
        if reading.values.size:
            variable[...] = reading.values if dimensions else reading.values[0]
    return bytes(file.close())


_MOST_VALUES = 10**8
"""Of a reading."""


def read_run(path: Path, digest: str) -> Simulated | None:
    """A stored dish; None if it is not stored or cannot be read."""
    if not path.is_file():
        return None
    try:
        with netCDF4.Dataset(path) as file:
            file.set_auto_mask(False)
            if file.digest != digest:
                return None
            # NetCDF sorts the variables of a file made in memory by name.
            read = sorted(
                (v for v in file.variables.values() if "order" in v.ncattrs()),
                key=lambda v: int(v.order),
            )
            if any(v.size > _MOST_VALUES for v in read):
                return None
            readings = tuple(
                Reading(v.quantity, float(v.time), np.atleast_1d(v[...]), v.of) for v in read
            )
            computers = recorded_computers(file.__dict__.get("computed_on"))
            return Simulated(readings, computers[0] if computers else {})
    except Exception:
        # netCDF4 raises errors of many kinds; what cannot be read is simulated anew.
        return None


def table_rows(dish: Dish, readings: Sequence[Reading]) -> str:
    """A dish's lines in the table, one for each reading.

    ``n`` is the number of values: 1 for a dish, the number of cells, or the whole that a share is
    taken of; ``deviation`` is the standard deviation over cells.
    """
    lines = []
    for reading in readings:
        quantity, values = _quantity(dish, reading), reading.values
        how_many: float | str = ""
        mean: float | str = ""
        deviation: float | str = ""
        if quantity.sample is Sample.SHARE:
            how_many, n = (float(value) for value in values)
            mean = how_many / n if n else ""
        else:
            n = float(len(values))
            mean = float(values.mean()) if n else ""
            deviation = float(values.std(ddof=1)) if n > 1 else ""
        lines.append(
            (
                dish.model,
                "; ".join(dish.settings),
                dish.seed,
                dish.observation,
                reading.quantity,
                reading.of,
                _number(reading.time),
                quantity.unit,
                _number(n),
                _number(how_many),
                mean,
                deviation,
            )
        )
    return _csv(lines)


def _number(value: float | str) -> float | str:
    """Whole numbers as integers."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _csv(lines: Iterable[tuple[object, ...]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(lines)
    return text.getvalue()


def write_table(folder: Path, rows: Iterable[str]) -> None:
    """Write the whole table in one atomic step."""
    write_whole(folder / _TABLE, _csv([_COLUMNS]) + "".join(rows))


def append_rows(folder: Path, rows: str) -> None:
    """Append a dish to the table, which is rewritten in order at the end."""
    with (folder / _TABLE).open("a", encoding="utf-8") as table:
        table.write(rows)
