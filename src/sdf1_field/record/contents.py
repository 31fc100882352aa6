"""What a run file holds, made from the folder in which the run grew."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

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
from sdf1_field.scene.variables import Variable
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
    """Contents of a run that is complete, or of its last checkpoint."""
    tables = {
        name: rows_of(folder, name, kind, checkpoint.rows[name])
        for name, kind in start.tables.items()
    }
    sizes = {**start.sizes, "time": checkpoint.rows[FRAMES]}
    if OBSERVATIONS in sizes:
        sizes[OBSERVATIONS] = checkpoint.rows[OBSERVATIONS]
    for dim in LATE:
        numbers = [rows[dim] for rows in tables.values() if dim in (rows.dtype.names or ())]
        sizes[dim] = max(int(some.max(initial=-1)) + 1 for some in numbers)
    once = {**start.once, **checkpoint.once}
    sizes["migrasome"] = max(sizes["migrasome"], len(once["migrasome_birth"]))
    once |= {dim: np.arange(sizes[dim]) for dim in LATE}
    if not sizes.get(OBSERVATIONS):
        sizes.pop("trajectory", None)
    sizes = {dim: size for dim, size in sizes.items() if size or dim == "time"}
    # Other programs cannot decode times of which none is known.
    unknown = {"migrasome_end"} if np.isnan(once["migrasome_end"]).all() else set()
    variables = tuple(
        variable
        for name, variable in variables_of(spec).items()
        if set(variable.dims) <= set(sizes) and name not in unknown
    )
    own = {
        v.name: {**start.own.get(v.name, {}), **checkpoint.own.get(v.name, {})} for v in variables
    }
    return Contents(start.attributes, sizes, variables, own, once, tables)
