"""Fields of runs for the page: in the units that are printed, on one scale over time and runs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from sdf1_field.figures.drawing import is_flat
from sdf1_field.record import field_unit, model_of
from sdf1_field.view.arrays import Blocks
from sdf1_field.view.codec import FIRST, LogScale

Array = NDArray[np.float64]
Floats = NDArray[Any]

DARKEST, BRIGHTEST = 0.001, 0.998
"""Shares of places whose values the ends of the colours stand for; the extremes would hide the
rest."""
_BOUND_UNIT = "molecules/µm²"


@dataclass(frozen=True)
class FieldKind:
    """A field that some of the runs have.

    Parameters
    ----------
    key : str
        Variable of the run file.
    label, short : str
        Names in sentences and on buttons.
    unit : str
    size : float
        Of the unit, in that of the file.
    """

    key: str
    label: str
    short: str
    unit: str
    size: float


def field_kinds(runs: Sequence[xr.Dataset]) -> list[FieldKind]:
    """Fields of some runs, dissolved and bound; each in one unit for all runs.

    It is that of the run with the least of a ligand, since a dose elsewhere would hide the rest.
    """
    kinds: dict[str, FieldKind] = {}
    for run in runs:
        spec = model_of(run).spec
        for ligand in spec.solved_ligands:
            name = spec.ligand[ligand].label
            unit, size = min(
                (field_unit(own, ligand) for own in runs if _holds_any(own, ligand)),
                key=lambda found: found[1],
                default=field_unit(run, ligand),
            )
            if ligand not in kinds:
                kinds[ligand] = FieldKind(
                    ligand, f"{name} dissolved, at the floor", f"{name} dissolved", unit, size
                )
            kinds[f"{ligand}_bound"] = FieldKind(
                f"{ligand}_bound", f"{name} bound to the coat", f"{name} bound", _BOUND_UNIT, 1.0
            )
    return list(kinds.values())


def _holds_any(run: xr.Dataset, ligand: str) -> bool:
    """Whether there is any of a ligand at a run's end."""
    return ligand in run and bool(np.nanmax(run[ligand][-1].values) > 0.0)


def coarse_means(values: Floats, step: int) -> Floats:
    """Means over squares of ``step`` by ``step`` places, shape (row, column), NaN left out.

    The last squares of a row or column may be cut by the edge.
    """
    if step == 1:
        return values
    known = np.isfinite(values)
    sums = _square_sums(np.where(known, values, 0.0), step)
    counts = _square_sums(known, step)
    means: Floats = np.where(counts > 0, sums / np.maximum(counts, 1.0), np.nan)
    return means.astype(values.dtype)


def _square_sums(values: Floats, step: int) -> Array:
    rows, columns = (np.arange(0, length, step) for length in values.shape)
    along = np.add.reduceat(values.astype(np.float64), rows, axis=0)
    sums: Array = np.add.reduceat(along, columns, axis=1)
    return sums


def read_field(
    run: xr.Dataset, kind: FieldKind, frames: Sequence[int], step: int, report: Callable[[], None]
) -> Floats:
    """A field in its unit in some frames, shape (frame, row, column), thinned by `coarse_means`."""
    read = []
    for frame in frames:
        read.append(coarse_means(run[kind.key][frame].values, step) / kind.size)
        report()
    return np.stack(read)


def is_flat_throughout(values: Floats) -> bool:
    """Whether a field is the same all over the floor in each frame."""
    return all(is_flat(frame) for frame in values)


def common_scale(fields: Sequence[Floats]) -> LogScale:
    """Logarithmic scale of a field in all runs."""
    ends = []
    for values in fields:
        seen = values[np.isfinite(values) & (values > 0.0)]
        if seen.size:
            ends.append((float(seen.min()), float(seen.max())))
    if not ends:
        return LogScale.of(1.0, 0.0)
    return LogScale.of(min(low for low, _ in ends), max(high for _, high in ends))


def colour_ends(codes: Sequence[NDArray[np.uint8]], scale: LogScale) -> tuple[int, int]:
    """Codes at which the colours begin and end, but for the darkest and brightest few places."""
    counts = sum(
        (np.bincount(one.ravel(), minlength=256) for one in codes), np.zeros(256, dtype=np.int64)
    )[: scale.top + 1]
    shares = np.cumsum(counts) / max(int(counts.sum()), 1)
    low, high = (int(np.searchsorted(shares, share)) for share in (DARKEST, BRIGHTEST))
    low = max(low, FIRST)
    return low, max(min(high, scale.top), low + 1)


def _ends_of_frame(codes: NDArray[np.uint8], scale: LogScale) -> tuple[int, int]:
    """`colour_ends` of a frame; twice its largest code if all of it is below the scale."""
    largest = int(np.max(codes, where=codes != scale.missing, initial=0))
    return colour_ends([codes], scale) if largest >= FIRST else (largest, largest)


def described_fields(
    kinds: Sequence[FieldKind], read: Mapping[str, Mapping[int, Floats]], blocks: Blocks
) -> tuple[list[dict[str, Any]], list[dict[int, Any]]]:
    """Fields as the page reads them.

    Parameters
    ----------
    kinds : sequence of FieldKind
    read : mapping of str to mapping of int to ndarray
        Of each kind's key, the values of each run by its number.
    blocks : Blocks
        The arrays are added to it.

    Returns
    -------
    list of dict
        One for each field, with its scale.
    list of dict
        One for each field, with the array of each run by its number and ``ends``, the codes
        between which the colours of each frame lie, or with ``flat``, its value in each frame,
        where it is the same all over the floor.
    """
    told, arrays = [], []
    for kind in kinds:
        own = read[kind.key]
        if not any(np.any(values > 0.0) for values in own.values()) and kind.key.endswith("_bound"):
            continue
        uneven = {n: values for n, values in own.items() if not is_flat_throughout(values)}
        scale = common_scale(list((uneven or own).values()))
        codes = {n: scale.codes(values) for n, values in uneven.items()}
        low, high = colour_ends(list(codes.values()), scale) if codes else (FIRST, FIRST + 1)
        told.append(
            {
                "key": kind.key, "label": kind.label, "short": kind.short, "unit": kind.unit,
                "scale": scale.described(), "colours": [low, high], "even": not uneven,
            }
        )  # fmt: skip
        arrays.append(
            {
                n: blocks.add(codes[n])
                | {"ends": [_ends_of_frame(frame, scale) for frame in codes[n]]}
                if n in codes
                else {"flat": [float(np.nanmean(frame)) for frame in values]}
                for n, values in own.items()
            }
        )
    return told, arrays
