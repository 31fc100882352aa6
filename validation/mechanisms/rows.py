"""What media.py and replayed.py change, row by row of their tables."""

CELL = "cell_type.kg1a."
CONTROL, SDF1 = "coculture-kg1a", "coculture-kg1a-sdf1"

MEDIA_DISHES = 12
STILL = {CONTROL: "still", SDF1: "SDF-1 100 ng/mL, still"}
MEDIA: dict[str, tuple[str, tuple[str, ...]]] = {
    "still": (CONTROL, ()),
    "mixed above 300 um": (CONTROL, ("dish.mixed_above=300 um",)),
    "mixed above 100 um": (CONTROL, ("dish.mixed_above=100 um",)),
    "SDF-1 100 ng/mL, still": (SDF1, ()),
    "SDF-1 100 ng/mL, mixed above 300 um": (SDF1, ("dish.mixed_above=300 um",)),
    "SDF-1 100 ng/mL, mixed above 100 um": (SDF1, ("dish.mixed_above=100 um",)),
    "still, no coat under MSC": (CONTROL, ("ligand.sdf1.coat.under_bodies=0.0",)),
}
"""Model and settings of each row of media.md."""

PIECES_SEEDS = tuple(range(8001, 8011))
"""Of the recorded dishes."""
PIECES: dict[str, dict[str, str | float | bool]] = {
    "the model": {},
    "no adaptation": {"mechanisms.adaptation": False},
    "no noise in the trigger": {"mechanisms.trigger_noise": False},
    "no arrest by CXCR4": {"mechanisms.arrest": False},
    "no arrest without a trigger (κ0 = 0)": {f"{CELL}basal_arrest_rate": "0 1/s"},
    "no bonds to CD166": {f"{CELL}cd166_bonds": 0.0},
    "no bonds to VCAM-1": {f"{CELL}vla4_bonds": 0.0},
    "no bonds to fibres": {f"{CELL}fibre_bonds": 0.0},
    "no steering": {"mechanisms.soluble_sensing": False, "mechanisms.haptotaxis": False},
    "no chemokinesis": {"mechanisms.chemokinesis": False},
    "no SDF-1 from migrasomes": {},
    "no migrasome is taken up": {"mechanisms.migrasome_uptake": False},
    **{f"exponent of the trigger {h:g}": {f"{CELL}trigger_exponent": h} for h in (1.0, 3.0, 4.0)},
}
"""Changes of cells of each row of replayed.md."""
STROMA = {"no SDF-1 from migrasomes": ("stromal_type.msc.cargo.sdf1.loaded_fraction=0.0",)}
"""Settings with which dishes are recorded anew."""
