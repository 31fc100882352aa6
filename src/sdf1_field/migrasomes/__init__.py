"""Evolution of the stroma: its cells, their retraction fibres, and the migrasomes on these."""

from sdf1_field import lazy_names

_HOMES = {
    "Cargo": "cargo",
    "cargo_of": "cargo",
    "NO_MIGRASOME": "detachment",
    "Emission": "emission",
    "emission_between": "emission",
    "rates_now": "emission",
    "advance": "evolution",
    "appearance_and_rupture_times": "evolution",
    "freeze": "evolution",
    "perturb": "evolution",
    "remove_bodies": "evolution",
    "ExpectedStroma": "expected",
    "expected_stroma": "expected",
    "secreting_share": "expected",
    "VERTICES": "fibres",
    "Rates": "laws",
    "migration": "laws",
    "rates_of": "laws",
    "seed_scene": "seeding",
}
__all__ = [*_HOMES]
__getattr__, __dir__ = lazy_names(__name__, _HOMES)
