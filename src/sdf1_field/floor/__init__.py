"""The floor as cells see it: smooth maps between grid points, and sources smaller than a cell."""

from sdf1_field.floor.maps import Lens, lens, stimulus
from sdf1_field.floor.near import (
    WAVENUMBERS,
    NearBasis,
    Surroundings,
    advance,
    burst,
    near_basis,
    near_field,
    surroundings,
)
from sdf1_field.floor.sampling import NearField, Stimulus, no_stimulus, sample

__all__ = [
    "WAVENUMBERS",
    "Lens",
    "NearBasis",
    "NearField",
    "Stimulus",
    "Surroundings",
    "advance",
    "burst",
    "lens",
    "near_basis",
    "near_field",
    "no_stimulus",
    "sample",
    "stimulus",
    "surroundings",
]
