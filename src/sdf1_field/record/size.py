"""Upper estimates of a run file and of the memory that a run takes, told without running it."""

import math

from sdf1_field.migrasomes import ExpectedStroma, expected_stroma, secreting_share
from sdf1_field.migrasomes.fibres import VERTICES
from sdf1_field.record.variables import CARGO, field_kind, frame_times
from sdf1_field.simulation import model_grid, track_times
from sdf1_field.spec import ModelSpec

_PROGRAM_BYTES = 2e8
"""What the program and its libraries take before any field."""
_POLES, _POLES_A_DIGIT = 11.0, 3.0
"""Arrays of the floor's size in which the cosine solver keeps a ligand's medium at the default
tolerance, and how many more each digit takes."""
_DEFAULT_TOLERANCE = 5e-3
_NEAR_BYTES = 5000.0
"""Of the profiles around a migrasome that carries what is sensed."""
_IN_FLIGHT = 80
"""Arrays of the floor's size that a step, the cells and the recorder hold beside these, as measured
on the whole well."""
_FIPY_BYTES = 6500.0
"""What FiPy's mesh and matrices take per cell, with a coat, as measured with FiPy 4.0."""
_PACKED = 0.1
"""Most that compression leaves of regions and of the bodies' secretion, as measured at 5 um."""
_SPREAD_CELLS = 300.0
"""Floor cells over which a migrasome's secretion is spread, at most."""
_FILE_BYTES = 4e5
"""What a file takes before any value: the model, names, and where each frame lies."""
_LIFE_BYTES = 18.0
"""Of what a file says of a migrasome once: birth, end, fate and origin."""
_LOADED_BYTES = 1.0
"""Of what it says once of whether a migrasome takes a followed ligand."""
_OBSERVATION_BYTES = 26
"""Of a cell at one time: place, time, state and region."""


def _network_bytes(spec: ModelSpec, stroma: ExpectedStroma, vertices: float) -> float:
    """Fibres and migrasomes of a frame without padding [bytes]."""
    by_ligand = len(spec.solved_ligands) + len(spec.followed_ligands)
    return stroma.fibres * (16.0 * vertices + 5.0) + stroma.migrasomes * (
        8.0 * (5 + by_ligand) + 4.0
    )


def expected_content(spec: ModelSpec, *, packed: bool = False) -> float:
    """Upper estimate of a run's values in memory, or packed as its file has them [bytes]."""
    grid, stroma = model_grid(spec), expected_stroma(spec)
    floor_cells, ligands = float(grid.nx) * float(grid.ny), spec.solved_ligands
    followed = len(spec.followed_ligands)
    share = _PACKED if packed else 1.0
    # Where there is none outside a wall, regions are read as floats.
    frame = share * floor_cells * (4.0 if grid.round and not packed else 1.0)
    for name in ligands:
        carriers = secreting_share(spec, name) * stroma.migrasomes
        secreting = min(1.0, share + _SPREAD_CELLS * carriers / floor_cells)
        frame += floor_cells * (2 * int(field_kind(spec, name)[1]) + 8 * secreting)
        frame += 4 * floor_cells * spec.ligand[name].coat.uneven
    # Room for the longest fibre takes nothing in a file.
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
    """Upper estimates of a run file and of the memory its run takes [bytes]; takes none itself."""
    grid, stroma = model_grid(spec), expected_stroma(spec)
    floor_cells, ligands = float(grid.nx) * float(grid.ny), spec.solved_ligands
    file_size = _FILE_BYTES + expected_content(spec, packed=True)
    if spec.numerics.solver == "fipy":
        memory = _PROGRAM_BYTES + _FIPY_BYTES * floor_cells * grid.nz
    else:
        # The ligand that a step advances is there twice, before the step and after it.
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
