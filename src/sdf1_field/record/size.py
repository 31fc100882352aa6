"""Upper estimates of the size of a run file and of a run's memory, from the model alone."""

import math
from pathlib import Path

import numpy as np

from sdf1_field.grid import divided
from sdf1_field.images import read_extent
from sdf1_field.migrasomes import expected_stroma, secreting_share
from sdf1_field.migrasomes.fibres import VERTICES
from sdf1_field.record.variables import sizes_of, variables_of
from sdf1_field.simulation import model_grid
from sdf1_field.simulation.saturation import unsaturated_until
from sdf1_field.spec import BOND_NAMES, ModelSpec

_PROGRAM_BYTES = 2e8
"""Memory of the program and its libraries without any field."""
_POLES, _POLES_A_DIGIT = 11.0, 3.0
"""Arrays of the floor's size that the cosine solver keeps for a ligand's medium at the default
tolerance, and the number added by each further digit."""
_DEFAULT_TOLERANCE = 5e-3
_UNSATURATED = 10.0
"""Arrays of the floor's size that the linear solver keeps for a ligand and its secretion, before a
step and after it."""
_NEAR_BYTES = 5000.0
"""Of the sub-grid profiles around a migrasome that carries the sensed ligand."""
_IN_FLIGHT, _IN_FLIGHT_UNSATURATED = 80, 35
"""Further arrays of the floor's size held by a step, the cells and the recorder, as measured on the
whole well; fewer where the coats of all ligands are taken as unsaturated."""
_HOLDS = 2
"""Adhesion maps held at a time, of the scene before a stop and after it."""
_FIPY_BYTES = 6500.0
"""Memory of FiPy's mesh and matrices per cell, with a coat, as measured with FiPy 4.0."""
_PACKED = 0.15
"""Largest compressed share of regions and of the bodies' secretion, as measured at 5 um."""
_SPREAD_CELLS = 300.0
"""Largest number of floor cells over which a migrasome's secretion is spread."""
_DRAWN_BYTES = 8.0
"""Memory of a pixel of a drawn scene: its body, and a map of the floor made from it."""
_FILE_BYTES = 4e5
"""Size of a file without values: the model, names and the index of frames."""


def _bytes_by_variable(spec: ModelSpec, *, packed: bool) -> dict[str, float]:
    """Upper estimate of each variable's values in memory, or in the file with even compression."""
    stroma = expected_stroma(spec)
    lengths: dict[str, float] = {
        **sizes_of(spec),
        "body": stroma.bodies,
        "fibre": stroma.fibres,
        # Padding to the longest fibre is compressed away in a file.
        "fibre_vertex": VERTICES if spec.grows and not packed else stroma.vertices,
    }
    if spec.drawn:
        extent = read_extent(Path(spec.scene.file))
        lengths |= {"pixel_y": extent.rows, "pixel_x": extent.columns}
    found = {}
    for name, variable in variables_of(spec).items():
        size = np.dtype(variable.dtype).itemsize
        if variable.absent is not None and not packed:
            size = max(4, 2 * size)  # xarray reads integers with a fill value as floats
        frames = variable.dims[0] == "time"
        lengths["migrasome"] = stroma.migrasomes if frames else stroma.migrasomes_ever
        found[name] = size * math.prod(float(lengths[dim]) for dim in variable.dims)
    return found


def expected_content(spec: ModelSpec, *, packed: bool = False) -> float:
    """Upper estimate of the values of a run in memory, or compressed as in its file [bytes]."""
    sizes = _bytes_by_variable(spec, packed=packed)
    if packed:
        grid, migrasomes = model_grid(spec), expected_stroma(spec).migrasomes
        spread = _SPREAD_CELLS * migrasomes / float(grid.nx) / float(grid.ny)
        for name in ("region", "pixel_body"):
            if name in sizes:
                sizes[name] *= _PACKED
        for name in spec.solved_ligands:
            share = _PACKED + spread * secreting_share(spec, name)
            sizes[f"{name}_secretion"] *= min(1.0, share)
    return sum(sizes.values())


def expected_size(spec: ModelSpec) -> tuple[float, float]:
    """Upper estimates of the size of a run file and of the memory of its run [bytes]."""
    grid, stroma = model_grid(spec), expected_stroma(spec)
    floor_cells, ligands = float(grid.nx) * float(grid.ny), spec.solved_ligands
    file_size = _FILE_BYTES + expected_content(spec, packed=True)
    if spec.numerics.solver == "fipy":
        memory = _PROGRAM_BYTES + _FIPY_BYTES * floor_cells * grid.nz
    elif all(unsaturated_until(spec, name, 1.0) == math.inf for name in ligands):
        arrays = _UNSATURATED * len(ligands) + _IN_FLIGHT_UNSATURATED
        memory = _PROGRAM_BYTES + 8.0 * floor_cells * arrays
    else:
        # The ligand that a step advances is held twice, before the step and after it.
        digits = math.log10(_DEFAULT_TOLERANCE / spec.numerics.tolerance)
        poles = min(_POLES + _POLES_A_DIGIT * max(digits, 0.0), float(grid.nz))
        arrays = poles * (len(ligands) + 1) + _IN_FLIGHT
        memory = _PROGRAM_BYTES + 8.0 * floor_cells * arrays
    if spec.drawn:
        extent = read_extent(Path(spec.scene.file))
        memory += _DRAWN_BYTES * extent.rows * extent.columns
    if spec.follows_cells:
        fine = divided(grid, spec.numerics.contact_spacing)
        of_place = np.dtype(np.uint8).itemsize + len(BOND_NAMES) * np.dtype(np.float32).itemsize
        memory += _HOLDS * of_place * float(fine.nx) * float(fine.ny)
    for name in spec.sensed_ligands:
        carried = secreting_share(spec, name) * stroma.migrasomes_ever
        memory += _NEAR_BYTES * carried
    return file_size, memory
