"""Exposure: the concentrations and gradients that cells can sense on the floor.

The grid response turns fields on the grid into smooth maps; the sub-grid correction adds the field
of migrasomes, which are smaller than a cell of the grid.
"""

from sdf1_field.exposure.maps import GridResponse, grid_response, stimulus
from sdf1_field.exposure.sampling import Stimulus, SubgridField, no_stimulus, sample
from sdf1_field.exposure.sensing import (
    Exposure,
    FaceValues,
    SensingSetup,
    advance,
    begin,
    burst,
    sensing_setup,
)
from sdf1_field.exposure.subgrid import (
    WAVENUMBERS,
    SubgridBasis,
    Surroundings,
    advance_coat,
    burst_onto_coat,
    subgrid_basis,
    subgrid_field,
    surroundings,
)

__all__ = [
    "WAVENUMBERS",
    "Exposure",
    "FaceValues",
    "GridResponse",
    "SensingSetup",
    "Stimulus",
    "SubgridBasis",
    "SubgridField",
    "Surroundings",
    "advance",
    "advance_coat",
    "begin",
    "burst",
    "burst_onto_coat",
    "grid_response",
    "no_stimulus",
    "sample",
    "sensing_setup",
    "stimulus",
    "subgrid_basis",
    "subgrid_field",
    "surroundings",
]
