"""Which picture suits a run, and whether it has anything to draw."""

from collections.abc import Sequence

import xarray as xr

from sdf1_field.analysis import has_stroma
from sdf1_field.errors import InputError
from sdf1_field.figures.drawing import is_flat, values_at
from sdf1_field.spec import ModelSpec


def kind_of(run: xr.Dataset, spec: ModelSpec, ligand: str | None) -> str:
    """Which picture suits a run: ``floor``, ``tracks``, ``network`` or ``cargo``."""
    with_cells, with_stroma = "cell_time" in run, has_stroma(run)
    if with_cells and not with_stroma and run.sizes["obs"] > 1:
        return "tracks"
    if with_stroma and not with_cells:
        if not spec.solved_ligands:
            return "network"
        made = f"{ligand or spec.solved_ligands[0]}_cargo_made"
        if made in run and run[made].notnull().any():
            return "cargo"
    return "floor"


def require_something(
    run: xr.Dataset, spec: ModelSpec, ligand: str | None, frames: Sequence[int]
) -> None:
    """Raise InputError if frames have neither cells nor stroma, nor a field that varies."""
    if "cell_time" in run or has_stroma(run):
        return
    field = ligand or next(iter(spec.solved_ligands), None)
    if field is None or all(is_flat(values_at(run, frame, field)) for frame in frames):
        flat = f"{spec.ligand[field].label} is the same everywhere" if field else "no field"
        raise InputError(
            f"{run.encoding.get('source', 'this run')}: has no cells, no {spec.stroma.label} "
            f"and no migrasomes to draw, and {flat}. `sdf1-field inspect` says what it holds."
        )
