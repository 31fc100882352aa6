"""Fibres and migrasomes of MSC grown without haematopoietic cells, counted at fixed times."""

import numpy as np
from numpy.typing import NDArray

from sdf1_field.analysis.network import NetworkCount, count_network
from sdf1_field.claims import Quantity, Reading, Sample
from sdf1_field.errors import InputError
from sdf1_field.observations.readings import Dish, model_of, of_cells, of_dish, of_share
from sdf1_field.scene import NO_BODY, Fate, Migrasomes, Origin
from sdf1_field.simulation import model_grid, regions_of, stroma_alone

WITH_FIBRES, WITH_MIGRASOMES = "MSC with fibres", "MSC with migrasomes"
BEARING = "fibre-bearing MSC with migrasomes"
BY_RETRACTION, BY_MIGRATION = "networks by retraction", "networks by migration"
PER_CELL = "migrasomes per cell"
ATTACHED, DETACHED = "attached migrasomes per mm2", "detached migrasomes per mm2"
FORMED, FREED = "migrasomes formed", "migrasomes freed"
CD166, ABOVE_BODY = "CD166 on migrasomes", "migrasomes with more CD166 than the body"
_ORIGINS = {Origin.MIGRATION: "migration", Origin.RETRACTION: "retraction"}

EARLY_AGE, MATURE_AGE = 20.0 * 60.0, 2.0 * 3600.0
"""Migrasomes younger than the one are early, those older than the other mature [s]."""
_AGES = {"early": (0.0, EARLY_AGE), "mature": (MATURE_AGE, np.inf), "all": (0.0, np.inf)}

NETWORK = (
    Quantity(WITH_FIBRES, "1", Sample.SHARE),
    Quantity(WITH_MIGRASOMES, "1", Sample.SHARE),
    Quantity(BEARING, "1", Sample.SHARE),
    Quantity(BY_RETRACTION, "1", Sample.SHARE),
    Quantity(BY_MIGRATION, "1", Sample.SHARE),
    Quantity(PER_CELL, "1", Sample.CELLS),
    Quantity(ATTACHED, "mm-2", Sample.DISH),
    Quantity(DETACHED, "mm-2", Sample.CELLS),
)
"""Quantities of the networks of any dish with MSC."""
GROWN = (
    *NETWORK,
    Quantity(FORMED, "1", Sample.DISH, tuple(_ORIGINS.values())),
    Quantity(FREED, "1", Sample.DISH, tuple(_ORIGINS.values())),
    Quantity(CD166, "1", Sample.CELLS, tuple(_AGES)),
    Quantity(ABOVE_BODY, "1", Sample.SHARE),
)


def read_network(dish: Dish) -> tuple[Reading, ...]:
    """Grow a dish's networks, and count them at its times since the MSC were seeded.

    Raises
    ------
    InputError
        If the model's MSC do not grow networks from time 0 on.
    """
    spec = model_of(dish)
    if not spec.grows or spec.run.culture > 0.0:
        raise InputError(
            f"{dish.model}: MSC are not seeded at time 0 to grow networks. Observe networks with "
            "scene.mode 'grown' and run.culture 0, as in biogenesis-fibronectin-5."
        )
    grid = model_grid(spec)
    readings: list[Reading] = []
    for time, scene in stroma_alone(spec, dish.times, seed=dish.seed):
        count = count_network(scene, regions_of(spec, scene, grid), grid, time=time)
        readings += [
            *network_readings(count),
            *_origins(scene.migrasomes, time),
            *_cd166(count, spec.adhesion.cd166_migrasome, scene.migrasomes),
        ]
    return tuple(readings)


def network_readings(count: NetworkCount) -> list[Reading]:
    """Readings of `NETWORK`."""
    by_migration = ((count.fibres > 0) & (2 * count.retracted < count.fibres)).sum()
    return [
        of_share(WITH_FIBRES, count.time, count.with_fibres, count.msc),
        of_share(WITH_MIGRASOMES, count.time, count.with_migrasomes, count.msc),
        of_share(BEARING, count.time, count.with_both, count.with_fibres),
        of_share(BY_RETRACTION, count.time, count.by_retraction, count.with_fibres),
        of_share(BY_MIGRATION, count.time, by_migration, count.with_fibres),
        of_cells(PER_CELL, count.time, count.per_cell),
        of_dish(ATTACHED, count.time, count.attached / count.area),
        of_cells(DETACHED, count.time, count.detached_per_mm2),
    ]


def _origins(m: Migrasomes, time: float) -> list[Reading]:
    """Migrasomes formed so far, and those that have lost their fibre, by the fibre's origin."""
    drifted = (m.end <= time) & (m.fate == Fate.DRIFTS_AWAY)
    freed = (m.body == NO_BODY) | drifted
    return [
        of_dish(quantity, time, (which & (m.origin == origin)).sum(), of)
        for quantity, which in ((FORMED, m.birth <= time), (FREED, freed))
        for origin, of in _ORIGINS.items()
    ]


def _cd166(count: NetworkCount, mature: float, m: Migrasomes) -> list[Reading]:
    """CD166 per area of the migrasomes present, relative to the body's.

    Parameters
    ----------
    count : NetworkCount
    mature : float
        CD166 per area of a mature migrasome, relative to the body's.
    m : Migrasomes
    """
    density: NDArray[np.float64] = mature * m.maturity[m.present]
    readings = [
        of_cells(CD166, count.time, density[(count.age >= least) & (count.age < most)], of)
        for of, (least, most) in _AGES.items()
    ]
    return [*readings, of_share(ABOVE_BODY, count.time, (density > 1.0).sum(), len(density))]
