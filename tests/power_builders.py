"""Simulated dishes in place of models: cells spread over regions by area and fold change."""

from itertools import starmap

import numpy as np

from sdf1_field.claims import Pool, Reading
from sdf1_field.observations import OBSERVATIONS
from sdf1_field.studies import power_report
from sdf1_field.studies.power import Comparison, Planned, Read

CELLS, AREAS = 255, (0.11, 0.05, 0.84)
REGIONS = ("MSC", "network", "free surface")
FOLDS = (8.0, 4.0)
FOLD_CHANGE = OBSERVATIONS["cells"].quantities["fold change"]


def counts_of(rng, shape, reduction=1.0, spread=0.0):
    """Cells of dishes in the regions, shape (*shape, 3)."""
    folds = np.array([FOLDS[0] * reduction, FOLDS[1] * reduction, 1.0])
    weight = folds * AREAS * np.exp(spread * rng.standard_normal((*shape, 3)))
    return rng.multinomial(CELLS, weight / weight.sum(axis=-1, keepdims=True)).astype(float)


def readings_of(row, time=0.0):
    """Readings of one dish."""
    pairs = [
        pair
        for region, area, count in zip(REGIONS, AREAS, row, strict=True)
        for pair in (("cells in region", count, region), ("area of region", area, region))
    ]
    return tuple(starmap(lambda q, v, of: Reading(q, time, np.array([v]), of), pairs))


def pool(unit, counts):
    return Pool(unit, tuple(readings_of(row) for row in counts))


def comparison(reduction, *, of="network", dishes=48, seed=1, spread=0.0, planned=None, **test):
    """Control dishes against treated ones whose fold changes are reduced by a ratio."""
    rng = np.random.default_rng(seed)
    planned = planned or Planned(**test)
    units = ("pair", "pair") if planned.test == "paired" else ("treated", "control")
    first, against = (
        pool(unit, counts_of(rng, (dishes,), r, spread))
        for unit, r in zip(units, (reduction, 1.0), strict=True)
    )
    return Comparison(first, against, Read(FOLD_CHANGE, of, 0.0), planned)


def use_the_law(patch):
    """Let `power` ask this law in place of dishes; gives the dishes that are asked for."""
    asked = []

    def made(dishes, folder, *, progress=None, **_):
        folder.mkdir(exist_ok=True)
        asked.extend(dishes)
        found = {}
        for dish in dishes:
            treated = "amd3100" in dish.model or any("amd3100" in s for s in dish.settings)
            rng = np.random.default_rng([dish.seed, treated])
            (row,) = counts_of(rng, (1,), 0.5 if treated else 1.0)
            found[dish] = readings_of(row, dish.times[0])
        if progress is not None:
            progress(len(dishes))
        return found, ()

    patch.setattr(power_report, "made", made)
    return asked
