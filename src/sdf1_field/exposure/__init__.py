"""Exposure: the concentrations and gradients that cells can sense on the floor.

The grid response turns fields on the grid into smooth maps; the sub-grid correction adds the field
of migrasomes, which are smaller than a cell of the grid.
"""

from sdf1_field.exposure.maps import GridResponse, grid_response, stimulus
from sdf1_field.exposure.sampling import Stimulus, SubgridField, no_stimulus, sample
from sdf1_field.exposure.sensing import (
    Exposure,
    FaceValues,
    Sensed,
    SensingSetup,
    advance,
    begin,
    burst,
    keep_share,
    sensing_setup,
    stimulus_of,
)
from sdf1_field.exposure.separate import (
    Weights,
    mixed_maps,
    mixed_profiles,
    separate_maps,
    weights_of,
)
from sdf1_field.exposure.subgrid import (
    WAVENUMBERS,
    SubgridBasis,
    SubgridSources,
    Surroundings,
    advance_coat,
    burst_onto_coat,
    correction_of,
    field_of_profiles,
    source_profiles,
    subgrid_basis,
    subgrid_field,
    surroundings,
)

__all__ = [
    "WAVENUMBERS",
    "Exposure",
    "FaceValues",
    "GridResponse",
    "Sensed",
    "SensingSetup",
    "Stimulus",
    "SubgridBasis",
    "SubgridField",
    "SubgridSources",
    "Surroundings",
    "Weights",
    "advance",
    "advance_coat",
    "begin",
    "burst",
    "burst_onto_coat",
    "correction_of",
    "field_of_profiles",
    "grid_response",
    "keep_share",
    "mixed_maps",
    "mixed_profiles",
    "no_stimulus",
    "sample",
    "sensing_setup",
    "separate_maps",
    "source_profiles",
    "stimulus",
    "stimulus_of",
    "subgrid_basis",
    "subgrid_field",
    "surroundings",
    "weights_of",
]
