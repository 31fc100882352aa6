"""Chemokines in stromal cells and their migrasomes, as in micrographs and blots."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sdf1_field.analysis.cargo import CargoCount, count_cargo
from sdf1_field.claims import Quantity, Reading, Sample
from sdf1_field.errors import InputError
from sdf1_field.observations.readings import Dish, model_of, of_cells, of_dish, of_share
from sdf1_field.random import Stream, generator
from sdf1_field.scene import NO_BODY
from sdf1_field.simulation import stroma_alone
from sdf1_field.variation import dish_factors

Array = NDArray[np.float64]

PER_DISH = 34
"""Cells or migrasomes counted in a dish: 102 in three, the "> 100" of Jiao et al. (2024)."""
SECTIONED = 10
"""Cells of a dish cut for electron microscopy: 30 in three, the number in Jiao et al. (2024)."""
FOLLOWED = 51
"""Cells of a dish whose polarisation is measured: the "> 50" of Jiao et al. (2024)."""
STAINED = 60
"""Migrasomes of a dish stained for cargo, as in Deniz et al. (2023), there of 10 cells."""
YOUNG, MATURE = 20.0 * 60.0, 2.0 * 3600.0
"""Migrasomes younger than the one are young, those at least as old as the other mature [s]."""

LIGANDS = ("sdf1", "ccl2", "mcsf")
ALL = "all"
_MIGRATING, _YOUNG, _MATURE = "migrating", "young", "mature"

PER_MIGRASOME = "vesicles per migrasome"
PER_CELL = "vesicles in a cell's migrasomes"
IN_MIGRASOMES, IN_BODIES = "content of migrasomes", "content of bodies"
MEAN_IN_MIGRASOMES, MEAN_IN_BODIES = "mean content of migrasomes", "mean content of bodies"
POLARISATION = "polarisation"
BLOTTED = "secreted over cellular"
THROUGH = "secreted through migrasomes"
ENRICHMENT = "enrichment"
DISTANCE = "distance of sectioned migrasomes"
SECTION_DIAMETER = "diameter of sectioned migrasomes"
SECTION_VESICLES = "vesicles in sectioned migrasomes"
CALCIUM = "calcium"
DIAMETER = "migrasome diameter"
WITH_CARGO = "migrasomes with cargo"

CARRIED = (
    Quantity(PER_MIGRASOME, "1", Sample.CELLS),
    Quantity(PER_CELL, "1", Sample.CELLS, (ALL, *LIGANDS)),
    Quantity(IN_MIGRASOMES, "1", Sample.CELLS, LIGANDS),
    Quantity(IN_BODIES, "1", Sample.CELLS, LIGANDS),
    Quantity(MEAN_IN_MIGRASOMES, "1", Sample.DISH, LIGANDS),
    Quantity(MEAN_IN_BODIES, "1", Sample.DISH, LIGANDS),
    Quantity(POLARISATION, "1", Sample.CELLS, (_MIGRATING, ALL)),
    Quantity(BLOTTED, "1", Sample.DISH, LIGANDS),
    Quantity(THROUGH, "1", Sample.SHARE, LIGANDS),
    Quantity(ENRICHMENT, "1", Sample.DISH, LIGANDS),
    Quantity(DISTANCE, "um", Sample.CELLS),
    Quantity(SECTION_DIAMETER, "um", Sample.CELLS),
    Quantity(SECTION_VESICLES, "1", Sample.CELLS),
    Quantity(CALCIUM, "1", Sample.CELLS, (_YOUNG, _MATURE)),
    Quantity(DIAMETER, "um", Sample.CELLS),
    Quantity(WITH_CARGO, "1", Sample.SHARE, LIGANDS),
)
"""Contents are numbers of molecules."""


def read_cargo(dish: Dish) -> tuple[Reading, ...]:
    """Grow a dish's stroma and read its cargo at the dish's times since seeding."""
    counts = count_dish(dish)
    readings: list[Reading] = []
    for time in dish.times:
        of_time = {ligand: count for (at, ligand), count in counts.items() if at == time}
        look = _Look(dish.seed, time, tuple(of_time.values()))
        readings += [*look.cells(), *look.migrasomes()]
        for count in of_time.values():
            readings += look.ligand(count)
    return tuple(readings)


def count_dish(dish: Dish) -> dict[tuple[float, str], CargoCount]:
    """Grow a dish's stroma alone, and count the cargo of each ligand that its model follows.

    Neither fields nor haematopoietic cells are simulated, so no migrasome is taken up.

    Returns
    -------
    dict of (float, str) to CargoCount
        By time since seeding [s] and ligand.

    Raises
    ------
    InputError
        If the model follows no cargo, or nothing is seeded before the first of the times.
    """
    spec = model_of(dish)
    if not spec.followed_ligands:
        raise InputError(
            f"{dish.model}: follows no cargo. Choose a grown scene with mechanisms.cargo_kinetics "
            "and one of its stroma's ligands in output.ligands, such as secretion-l929."
        )
    if not dish.times or min(dish.times) <= 0.0:
        raise InputError(
            f"{dish.model}: cargo is counted at times after seeding. Give some, above 0 s."
        )
    since_seeding = {time - spec.run.culture: time for time in dish.times}
    factor = dish_factors(spec, dish.seed).secretion
    return {
        (since_seeding[time], ligand): count_cargo(scene, spec, ligand, time=time, seed=dish.seed)
        for time, scene in stroma_alone(
            spec, list(since_seeding), seed=dish.seed, secretion_factor=factor
        )
        for ligand in spec.followed_ligands
    }


def bearing(count: CargoCount) -> NDArray[np.intp]:
    """Indices of the cells with attached migrasomes, sorted."""
    return np.unique(count.owner[count.owner != NO_BODY])


class _Choice(IntEnum):
    """Random choices; the number is part of the generator's key."""

    CELLS = 1
    MIGRASOMES = 2
    SECTIONED = 3
    FOLLOWED = 4
    STAINED = 5


@dataclass(frozen=True, eq=False)
class _Look:
    """Cells and migrasomes chosen in a dish, the same for every ligand."""

    seed: int
    time: float
    counts: Sequence[CargoCount]

    def chosen(self, choice: _Choice, among: NDArray[np.intp], most: int) -> NDArray[np.intp]:
        """At most a number of items at random."""
        return generator(self.seed, Stream.BOOTSTRAP, choice).permutation(among)[:most]

    @property
    def scene(self) -> CargoCount:
        """Count of the first ligand, for quantities that are the same in all."""
        return self.counts[0]

    @cached_property
    def attached(self) -> NDArray[np.intp]:
        return np.flatnonzero(self.scene.owner != NO_BODY)

    @cached_property
    def cells_looked_at(self) -> NDArray[np.intp]:
        return self.chosen(_Choice.CELLS, bearing(self.scene), PER_DISH)

    @cached_property
    def stained(self) -> NDArray[np.intp]:
        return self.chosen(_Choice.STAINED, np.arange(len(self.scene.owner)), STAINED)

    @cached_property
    def vesicles(self) -> NDArray[np.intp]:
        """Vesicles of all ligands in each migrasome."""
        total: NDArray[np.intp] = np.sum([count.vesicles for count in self.counts], axis=0)
        return total

    def cells(self) -> list[Reading]:
        """Readings of cells that do not depend on a ligand."""
        migrating, every = np.flatnonzero(self.scene.migrating), np.arange(self.scene.msc)
        carried = np.sum([count.vesicles_per_cell for count in self.counts], axis=0)
        return [
            of_cells(PER_CELL, self.time, carried[self.cells_looked_at], ALL),
            *(
                of_cells(
                    POLARISATION,
                    self.time,
                    self.scene.polarisation[self.chosen(_Choice.FOLLOWED, cells, FOLLOWED)],
                    of,
                )
                for of, cells in ((_MIGRATING, migrating), (ALL, every))
            ),
        ]

    def migrasomes(self) -> list[Reading]:
        """Readings of migrasomes that do not depend on a ligand."""
        scene = self.scene
        some = self.chosen(_Choice.MIGRASOMES, self.attached, PER_DISH)
        cut = self.chosen(_Choice.SECTIONED, bearing(scene), SECTIONED)
        sections = np.flatnonzero(np.isin(scene.owner, cut))
        young, mature = scene.age < YOUNG, scene.age >= MATURE
        return [
            of_cells(PER_MIGRASOME, self.time, self.vesicles[some]),
            of_cells(DISTANCE, self.time, scene.distance[sections]),
            of_cells(SECTION_DIAMETER, self.time, scene.diameter[sections]),
            of_cells(SECTION_VESICLES, self.time, self.vesicles[sections]),
            of_cells(CALCIUM, self.time, scene.calcium[young], _YOUNG),
            of_cells(CALCIUM, self.time, scene.calcium[mature], _MATURE),
            of_cells(DIAMETER, self.time, scene.diameter),
        ]

    def ligand(self, count: CargoCount) -> list[Reading]:
        """Readings of one ligand."""
        cells, name, time = self.cells_looked_at, count.ligand, self.time
        per_cell = np.array([count.content[count.owner == cell].mean() for cell in cells])
        seen = count.vesicles[self.stained]
        return [
            of_cells(PER_CELL, time, count.vesicles_per_cell[cells], name),
            of_cells(IN_MIGRASOMES, time, per_cell, name),
            of_cells(IN_BODIES, time, count.body_content[cells], name),
            of_dish(MEAN_IN_MIGRASOMES, time, _mean(count.content[self.attached]), name),
            of_dish(MEAN_IN_BODIES, time, _mean(count.body_content), name),
            of_dish(BLOTTED, time, count.secreted_to_content, name),
            of_share(THROUGH, time, count.through_migrasomes, count.secreted, name),
            of_dish(ENRICHMENT, time, count.enrichment, name),
            of_share(WITH_CARGO, time, float(np.count_nonzero(seen)), len(seen), name),
        ]


def _mean(values: Array) -> float:
    return float(values.mean()) if len(values) else math.nan
