"""Run files held against what is declared: structure when opened, values when they are read.

Any value may be damaged or made up. What is read of a variable is checked at once, so that no
analysis meets a region or place that does not exist, and opening a file does not read all of it.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import netCDF4
import numpy as np
import xarray as xr
from numpy.typing import NDArray
from xarray.backends import BackendArray, NetCDF4DataStore
from xarray.core import indexing

from sdf1_field.errors import InputError
from sdf1_field.record.layout import Layout, attributes_of
from sdf1_field.scene import NO_BODY
from sdf1_field.scene.variables import SECONDS, Variable

if TYPE_CHECKING:
    from sdf1_field.spec import ModelSpec

_LARGEST: Final = 1e25
"""Magnitude of a value; there are 1e16 molecules in 2 mL at 10 uM."""
_LATEST: Final = 1e12
"""Magnitude of a time [s]."""
_COMPRESSED: Final = 2000.0
"""Bytes that a byte of a file stands for at most: zlib makes 1030 of one."""
_SLACK: Final = 1e-6
"""By how much of a dish's side a place is outside for rounding alone."""
_OWNERS: Final = ("migrasome_body", "fibre_body")
"""Variables that hold numbers of bodies."""
_REMEDY: Final = "The file is damaged, or was changed. Solve the model again."


@dataclass(frozen=True, eq=False)
class _Allowed:
    """Values that a variable may have.

    Parameters
    ----------
    low, high : float
    gaps : bool
        Whether NaN, or the fill value, stands for what is absent.
    """

    low: float
    high: float
    gaps: bool = True

    def wrong(self, values: NDArray[Any]) -> float | None:
        """A value that is not allowed; None if there is none."""
        if not values.size:
            return None
        bad = ~((values >= self.low) & (values <= self.high))
        if self.gaps and values.dtype.kind == "f":
            bad &= ~np.isnan(values)
        return float(values[bad].flat[0]) if bad.any() else None


def _allowed(variable: Variable, spec: "ModelSpec", sizes: Mapping[Any, int]) -> _Allowed:
    """Values that a variable of a model's run may have."""
    name = variable.name
    if variable.flags:
        return _Allowed(min(variable.flags), max(variable.flags))
    if name in _OWNERS:
        return _Allowed(NO_BODY, sizes.get("body", 0) - 1)
    if name in ("cell_x", "cell_y"):
        side = spec.dish.width if name == "cell_x" else spec.dish.length
        return _Allowed(-_SLACK * side, (1.0 + _SLACK) * side, gaps=False)
    if variable.unit == SECONDS:
        return _Allowed(-_LATEST, _LATEST)
    return _Allowed(-_LARGEST, _LARGEST)


@dataclass(eq=False)
class _Checked(BackendArray):
    """Values of a variable, checked as they are read.

    Parameters
    ----------
    path : pathlib.Path
    name : str
    stored : xarray.Variable
        Reads from the file.
    allowed : _Allowed
    """

    path: Path
    name: str
    stored: xr.Variable
    allowed: _Allowed
    shape: tuple[int, ...] = field(init=False)
    dtype: np.dtype[Any] = field(init=False)

    def __post_init__(self) -> None:
        self.shape, self.dtype = self.stored.shape, self.stored.dtype

    def __getitem__(self, key: Any) -> Any:
        return indexing.explicit_indexing_adapter(
            key, self.shape, indexing.IndexingSupport.OUTER, self._read
        )

    def _read(self, key: Any) -> NDArray[Any]:
        try:
            values = np.asarray(self.stored[key].values)
        except (OSError, RuntimeError) as error:
            raise InputError(
                f"{self.path}: {self.name}: damaged ({error}). Solve the model again."
            ) from None
        wrong = self.allowed.wrong(values)
        if wrong is not None:
            raise InputError(
                f"{self.path}: {self.name}: holds {wrong:g}, which no run does. {_REMEDY}"
            )
        return values


def opened(path: Path) -> xr.Dataset:
    """A run file as it is, with values read when they are used; it is refused if none can be so.

    Raises
    ------
    InputError
        If it declares more values than fit into it.
    Exception
        Of many kinds, if it cannot be read.
    """
    file = netCDF4.Dataset(path)
    try:
        _require_room(path, file)
        store: Any = NetCDF4DataStore
        run = xr.open_dataset(store(file), decode_times=False, cache=False)
    except BaseException:
        file.close()
        raise
    run.encoding["source"] = str(path)
    return run


def checked(path: Path, run: xr.Dataset, layout: Layout, spec: "ModelSpec") -> xr.Dataset:
    """A run whose values are checked as they are read; it closes the file of the one given.

    Parameters
    ----------
    path : pathlib.Path
    run : xarray.Dataset
        Opened without a cache, and with the variables of its layout.
    layout : Layout
    spec : ModelSpec

    Raises
    ------
    InputError
        If a variable has another type or unit than declared.
    """
    made: dict[str, xr.Variable] = {}
    for name, stored in run.variables.items():
        variable = layout.variables.get(str(name))
        if variable is None or str(name) in run.indexes:
            made[str(name)] = stored
            continue
        _require_declared(path, variable, stored)
        reads = _Checked(path, str(name), stored, _allowed(variable, spec, run.sizes))
        # As `open_dataset` wraps what it reads: kept in memory once it is read.
        kept: Any = indexing
        data = kept.MemoryCachedArray(kept.CopyOnWriteArray(kept.LazilyIndexedArray(reads)))
        made[str(name)] = xr.Variable(
            stored.dims, data, stored.attrs, stored.encoding, fastpath=True
        )
    coordinates = {name: run.coords[name] for name in run.coords}
    own = xr.Dataset(
        {name: one for name, one in made.items() if name not in coordinates},
        coordinates | {n: made[n] for n in made if n in coordinates and n not in run.indexes},
        run.attrs,
    )
    own.encoding = run.encoding
    own.set_close(run.close)
    return own


def _require_room(path: Path, file: netCDF4.Dataset) -> None:
    """Raise InputError if a file declares more values than can be in it."""
    most = _COMPRESSED * path.stat().st_size
    for name, stored in file.variables.items():
        size = math.prod(stored.shape) * getattr(stored.dtype, "itemsize", 1)
        if size > most:
            raise InputError(
                f"{path}: {name}: declares {size / 1e9:,.1f} GB, which cannot be in a "
                f"file of {path.stat().st_size:,} bytes. {_REMEDY}"
            )


def _require_declared(path: Path, variable: Variable, stored: xr.Variable) -> None:
    """Raise InputError if a variable has another type, unit or flags than declared."""
    found = np.dtype(stored.encoding.get("dtype", stored.dtype))
    expected, what = np.dtype(variable.dtype), ""
    if (found.kind, found.itemsize > 1) != (expected.kind, expected.itemsize > 1):
        what = f"is of type {found.name}, not {expected.name}"
    declared = attributes_of(variable)
    for key in ("units", "flag_values", "flag_meanings"):
        own = stored.attrs.get(key, stored.encoding.get(key))
        if key in declared and not np.array_equal(np.asarray(own), np.asarray(declared[key])):
            what = f"has {own} as {key}, not {declared[key]}"
    scaled = [
        key for key in ("scale_factor", "add_offset", "missing_value") if key in stored.encoding
    ]
    if scaled:
        what = f"has {scaled[0]}, which no run has"
    if what:
        raise InputError(f"{path}: {variable.name}: {what}. {_REMEDY}")


def require_coordinates(path: Path, run: xr.Dataset, spec: "ModelSpec") -> None:
    """Raise InputError unless times rise, and places are those of the model's grid.

    Parameters
    ----------
    path : pathlib.Path
    run : xarray.Dataset
    spec : ModelSpec
    """
    for name in ("time", "x", "y", "z"):
        values = run[name].values
        if not (np.isfinite(values).all() and np.all(np.diff(values) > 0.0)):
            raise InputError(f"{path}: {name}: its values do not rise. {_REMEDY}")
    sides = {"time": _LATEST, "x": spec.dish.width, "y": spec.dish.length, "z": spec.dish.height}
    for name, side in sides.items():
        values = run[name].values
        low = -_LATEST if name == "time" else 0.0
        if values.size and not (values[0] >= low and values[-1] <= side):
            raise InputError(f"{path}: {name}: is not within the dish of the model. {_REMEDY}")


def require_undamaged(run: xr.Dataset) -> None:
    """Read everything of a run: checksums, which HDF5 compares, and every value.

    Raises
    ------
    InputError
        Which variables cannot be read, or hold what no run does.
    """
    found: dict[str, InputError] = {}
    for name in sorted(str(name) for name in run.variables):
        values = run[name]
        try:
            # One frame after the other, and parts, which are not kept: all may not fit into memory.
            for part in values if values.ndim > 2 else (values[...],):
                np.asarray(part)
        except InputError as error:
            found[name] = error
    if found:
        first, *others = found
        more = f" Damaged as well: {', '.join(others)}." if others else ""
        raise InputError(f"{found[first]}{more}")
