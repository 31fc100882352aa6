from sdf1_field.migrasomes.cargo import Cargo, cargo_of
from sdf1_field.migrasomes.detachment import NO_MIGRASOME
from sdf1_field.migrasomes.emission import Emission, emission_between, rates_now
from sdf1_field.migrasomes.evolution import (
    advance,
    appearance_and_rupture_times,
    freeze,
    perturb,
    remove_bodies,
)
from sdf1_field.migrasomes.expected import ExpectedStroma, expected_stroma, secreting_share
from sdf1_field.migrasomes.fibres import VERTICES
from sdf1_field.migrasomes.laws import Rates, migration, rates_of
from sdf1_field.migrasomes.seeding import seed_scene

__all__ = [
    "NO_MIGRASOME",
    "VERTICES",
    "Cargo",
    "Emission",
    "ExpectedStroma",
    "Rates",
    "advance",
    "appearance_and_rupture_times",
    "cargo_of",
    "emission_between",
    "expected_stroma",
    "freeze",
    "migration",
    "perturb",
    "rates_now",
    "rates_of",
    "remove_bodies",
    "secreting_share",
    "seed_scene",
]
