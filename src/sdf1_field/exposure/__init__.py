"""The floor as cells see it: smooth maps between grid points, and sources smaller than a cell."""

from sdf1_field.exposure.maps import Lens, lens, stimulus
from sdf1_field.exposure.sampling import Stimulus, SubgridField, no_stimulus, sample
from sdf1_field.exposure.subgrid import (
    WAVENUMBERS,
    SubgridBasis,
    Surroundings,
    advance,
    burst,
    subgrid_basis,
    subgrid_field,
    surroundings,
)

__all__ = [
    "WAVENUMBERS",
    "Lens",
    "Stimulus",
    "SubgridBasis",
    "SubgridField",
    "Surroundings",
    "advance",
    "burst",
    "lens",
    "no_stimulus",
    "sample",
    "stimulus",
    "subgrid_basis",
    "subgrid_field",
    "surroundings",
]
