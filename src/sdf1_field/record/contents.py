"""What a run file holds, made from the folder in which the run grew."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdf1_field.errors import InputError
from sdf1_field.record.journal import (
    FRAMES,
    OBSERVATIONS,
    Checkpoint,
    Start,
    Values,
    rows_of,
    table_of,
)
from sdf1_field.record.variables import LATE, variables_of
from sdf1_field.scene.variables import Variable, Written
from sdf1_field.spec import ModelSpec


@dataclass(frozen=True, eq=False)
class Contents:
    """Attributes, dimensions and values of a run, as far as it has come.

    Parameters
    ----------
    attributes : mapping of str to object
    sizes : mapping of str to int
        Lengths of dimensions; there is none of length 0 but ``time``.
    variables : tuple of Variable
    own : mapping of str to mapping
        Further attributes by variable.
    once : mapping of str to ndarray
        Values of variables that are written once.
    tables : mapping of str to ndarray
        Rows of all others.
    """

    attributes: Mapping[str, Any]
    sizes: Mapping[str, int]
    variables: tuple[Variable, ...]
    own: Mapping[str, Mapping[str, Any]]
    once: Values
    tables: Values

    def values(self, variable: Variable, part: slice) -> NDArray[Any]:
        """Values of a variable in a part of its first dimension."""
        name, table = variable.name, table_of(variable)
        if not table:
            return self.once[name][part].astype(variable.dtype, copy=False)
        rows = self.tables[table]
        if table == OBSERVATIONS:
            return rows[name].T[part]
        if table == FRAMES:
            return rows[name][part]
        first, end, _ = part.indices(self.sizes["time"])
        rows = rows[slice(*np.searchsorted(rows["time"], [first, end]))]
        nothing = np.nan if variable.absent is None else variable.absent
        shape = [end - first, *(self.sizes[dim] for dim in variable.dims[1:])]
        values = np.full(shape, nothing, dtype=variable.dtype)
        values[rows["time"] - first, *(rows[dim] for dim in variable.dims[1:])] = rows[name]
        return values

    def bytes_each(self, variable: Variable) -> int:
        """Size of a variable's values at one place of its first dimension."""
        sides = [self.sizes[dim] for dim in variable.dims[1:]]
        return np.dtype(variable.dtype).itemsize * math.prod(sides)


def contents_of(folder: Path, spec: ModelSpec, start: Start, checkpoint: Checkpoint) -> Contents:
    """Contents of a run that is complete, or of its last checkpoint.

    Raises
    ------
    InputError
        If values are missing, or more or fewer than there are frames, cells or migrasomes.
    """
    tables = {
        name: rows_of(folder, name, kind, checkpoint.rows[name])
        for name, kind in start.tables.items()
    }
    sizes = {**start.sizes, "time": checkpoint.rows[FRAMES]}
    if OBSERVATIONS in sizes:
        sizes[OBSERVATIONS] = checkpoint.rows[OBSERVATIONS]
    if FRAMES not in tables or (OBSERVATIONS in sizes) != (OBSERVATIONS in tables):
        raise _damaged(folder)
    once = {**start.once, **checkpoint.once}
    born = once.get("migrasome_birth")
    if born is None or born.ndim != 1 or "migrasome_end" not in once:
        raise _damaged(folder)
    for dim in LATE:
        numbers = [rows[dim] for rows in tables.values() if dim in (rows.dtype.names or ())]
        sizes[dim] = max((int(some.max(initial=-1)) + 1 for some in numbers), default=0)
        # Each number up to the highest has a row, and a migrasome a time of birth.
        if any(some.min(initial=0) < 0 for some in numbers) or sizes[dim] > max(
            [len(born), *(len(some) for some in numbers)]
        ):
            raise _damaged(folder)
    sizes["migrasome"] = max(sizes["migrasome"], len(born))
    once |= {dim: np.arange(sizes[dim]) for dim in LATE}
    if not sizes.get(OBSERVATIONS):
        sizes.pop("trajectory", None)
    sizes = {dim: size for dim, size in sizes.items() if size or dim == "time"}
    # Other programs cannot decode times of which none is known.
    ends = np.asarray(once["migrasome_end"], dtype="f8")
    unknown = {"migrasome_end"} if np.isnan(ends).all() else set()
    variables = tuple(
        variable
        for name, variable in variables_of(spec).items()
        if set(variable.dims) <= set(sizes) and name not in unknown
    )
    own = {
        v.name: {**start.own.get(v.name, {}), **checkpoint.own.get(v.name, {})} for v in variables
    }
    if not all(_is_there(variable, sizes, once, tables) for variable in variables):
        raise _damaged(folder)
    return Contents(start.attributes, sizes, variables, own, once, tables)


def require_start(folder: Path, spec: ModelSpec, start: Start) -> None:
    """Raise InputError unless a run's start has all values that do not change."""
    variables = [v for v in variables_of(spec).values() if v.written is Written.START]
    sizes = start.sizes
    if not all(_is_there(v, sizes, start.once, {}) for v in variables if set(v.dims) <= set(sizes)):
        raise _damaged(folder)


def _is_there(variable: Variable, sizes: Mapping[str, int], once: Values, tables: Values) -> bool:
    """Whether values of a variable are there, as many as its dimensions say."""
    name, table = variable.name, table_of(variable)
    shape = tuple(sizes[dim] for dim in variable.dims if dim != table)
    if not table:
        found = once.get(name)
        return found is not None and found.shape == shape and found.dtype.kind in "biuf"
    rows = tables.get(table)
    if rows is None or name not in (rows.dtype.names or ()):
        return False
    if table in (FRAMES, OBSERVATIONS):
        return rows.dtype[name].shape == shape
    # Rows of a frame that is not whole yet may follow.
    frames = rows["time"]
    return bool((frames[:1] >= 0).all() and (np.diff(frames) >= 0).all())


def _damaged(folder: Path) -> InputError:
    return InputError(f"{folder}: damaged. Start over with force.")
