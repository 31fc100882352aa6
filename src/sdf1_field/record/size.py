"""Upper estimates of the size of a run file and of a run's memory, from the model alone."""

import math

from sdf1_field.migrasomes import ExpectedStroma, expected_stroma, secreting_share
from sdf1_field.migrasomes.fibres import VERTICES
from sdf1_field.record.variables import field_kind, frame_times
from sdf1_field.scene.variables import CARGO
from sdf1_field.simulation import model_grid, track_times
from sdf1_field.spec import ModelSpec

_PROGRAM_BYTES = 2e8
"""Memory of the program and its libraries without any field."""
_POLES, _POLES_A_DIGIT = 11.0, 3.0
"""Arrays of the floor's size that the cosine solver keeps for a ligand's medium at the default
tolerance, and the number added by each further digit."""
_DEFAULT_TOLERANCE = 5e-3
_NEAR_BYTES = 5000.0
"""Of the sub-grid profiles around a migrasome that carries the sensed ligand."""
_IN_FLIGHT = 80
"""Further arrays of the floor's size held by a step, the cells and the recorder, as measured on the
whole well."""
_FIPY_BYTES = 6500.0
"""Memory of FiPy's mesh and matrices per cell, with a coat, as measured with FiPy 4.0."""
_PACKED = 0.1
"""Largest compressed share of regions and of the bodies' secretion, as measured at 5 um."""
_SPREAD_CELLS = 300.0
"""Largest number of floor cells over which a migrasome's secretion is spread."""
_FILE_BYTES = 4e5
"""Size of a file without values: the model, names and the index of frames."""
_LIFE_BYTES = 22.0
"""Of a migrasome's birth, end, fate and origin, and its number."""
_LOADED_BYTES = 1.0
"""Of the flag of a migrasome that takes carriers of a followed ligand."""
_OBSERVATION_BYTES = 26
"""Of a cell at one time: place, time, state and region."""


def _network_bytes(spec: ModelSpec, stroma: ExpectedStroma, vertices: float) -> float:
    """Fibres and migrasomes of a frame without padding [bytes]."""
    by_ligand = len(spec.solved_ligands) + len(spec.followed_ligands)
    return stroma.fibres * (16.0 * vertices + 5.0) + stroma.migrasomes * (
        8.0 * (5 + by_ligand) + 4.0
    )


def expected_content(spec: ModelSpec, *, packed: bool = False) -> float:
    """Upper estimate of the values of a run in memory, or compressed as in its file [bytes]."""
    grid, stroma = model_grid(spec), expected_stroma(spec)
    floor_cells, ligands = float(grid.nx) * float(grid.ny), spec.solved_ligands
    followed = len(spec.followed_ligands)
    share = _PACKED if packed else 1.0
    # xarray reads regions with a fill value as floats.
    frame = share * floor_cells * (4.0 if grid.round and not packed else 1.0)
    for name in ligands:
        carriers = secreting_share(spec, name) * stroma.migrasomes
        secreting = min(1.0, share + _SPREAD_CELLS * carriers / floor_cells)
        frame += floor_cells * (2 * int(field_kind(spec, name)[1]) + 8 * secreting)
        frame += 4 * floor_cells * spec.ligand[name].coat.uneven
    # Padding to the longest fibre is compressed away in a file.
    vertices = VERTICES if spec.grows and not packed else stroma.vertices
    frame += _network_bytes(spec, stroma, vertices)
    frame += (8.0 * (6 + len(ligands) + 2 * followed) + 1.0) * stroma.bodies
    frame += 8.0 * len(CARGO) * followed
    content = len(frame_times(spec)) * frame
    content += (_LIFE_BYTES + _LOADED_BYTES * followed) * stroma.migrasomes_ever
    if spec.run.mode != "steady":
        content += len(track_times(spec)) * spec.cell_count * _OBSERVATION_BYTES
    return content


def expected_size(spec: ModelSpec) -> tuple[float, float]:
    """Upper estimates of the size of a run file and of the memory of its run [bytes]."""
    grid, stroma = model_grid(spec), expected_stroma(spec)
    floor_cells, ligands = float(grid.nx) * float(grid.ny), spec.solved_ligands
    file_size = _FILE_BYTES + expected_content(spec, packed=True)
    if spec.numerics.solver == "fipy":
        memory = _PROGRAM_BYTES + _FIPY_BYTES * floor_cells * grid.nz
    else:
        # The ligand that a step advances is held twice, before the step and after it.
        digits = math.log10(_DEFAULT_TOLERANCE / spec.numerics.tolerance)
        poles = min(_POLES + _POLES_A_DIGIT * max(digits, 0.0), float(grid.nz))
        arrays = poles * (len(ligands) + 1) + _IN_FLIGHT
        memory = _PROGRAM_BYTES + 8.0 * floor_cells * arrays
    # They are kept until the end, each row with its number.
    network = _network_bytes(spec, stroma, stroma.vertices)
    network += 8.0 * (stroma.fibres + stroma.migrasomes)
    memory += len(frame_times(spec)) * network
    for name in spec.sensed_ligands:
        carried = secreting_share(spec, name) * stroma.migrasomes_ever
        memory += _NEAR_BYTES * carried
    return file_size, memory
