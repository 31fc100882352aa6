"""Simulated experiments of Jiao et al. (2024): dishes, what is counted in them, and verdicts."""

import math
import multiprocessing
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdf1_field import migrasomes
from sdf1_field.analysis import CargoCount, count_cargo
from sdf1_field.random import Stream, generator
from sdf1_field.scene import NO_BODY
from sdf1_field.simulate import model_grid
from sdf1_field.spec import load_model
from sdf1_field.treatments import change_times, schedule

Array = NDArray[np.float64]

HOUR = 3600.0
LIGANDS = ("mcsf", "ccl2")
LABELS = {"mcsf": "M-CSF", "ccl2": "CCL2", "sdf1": "SDF-1"}
MODEL = "secretion-l929"
CONTROL = "control"
DISHES = 3
"""Dishes of an experiment."""
LARGE = ("dish.width=1.5 mm", "dish.length=1.5 mm")
"""Holds 340 L929, about 60 of them with migrasomes: enough to choose the paper's numbers from."""
PER_DISH = 34
"""Cells or migrasomes looked at in a dish: 102 in three, the paper's "> 100"."""
SECTIONED = 10
"""Cells of a dish that are cut for electron microscopy: 30 in three."""
FILMED = 51
"""Cells of a dish whose polarisation is measured: the paper's "> 50"."""
_CELLS, _MIGRASOMES, _SECTIONED, _FILMED = 1, 2, 3, 4
"""Which choice a random number is for."""


@dataclass(frozen=True)
class Culture:
    """One dish: model, settings, seed, and when it is looked at [h] after seeding."""

    model: str
    settings: tuple[str, ...]
    seed: int
    hours: tuple[float, ...]


Dish = Mapping[tuple[float, str], CargoCount]
"""What is counted in a dish, by hours after seeding and ligand."""


def grow(culture: Culture) -> dict[tuple[float, str], CargoCount]:
    """Grow a dish's networks, without fields and other cells, and count at the times asked for."""
    spec = load_model(culture.model, settings=culture.settings).spec
    plan, start = schedule(spec), -spec.run.culture
    looked_at = {start + hour * HOUR: hour for hour in culture.hours}
    until = max(looked_at)
    scene = migrasomes.seed_scene(
        spec, model_grid(spec), culture.seed, plan.perturbation(start), secretion_factor=1.0
    )
    counts = {}
    for stop in sorted({*(t for t in change_times(plan) if start < t < until), *looked_at}):
        scene, _ = migrasomes.advance(scene, stop)
        if stop in looked_at:
            for name in spec.followed_ligands:
                counts[looked_at[stop], name] = count_cargo(
                    scene, spec, name, time=stop, seed=culture.seed
                )
        scene = migrasomes.perturb(scene, spec, plan.perturbation(stop))
    return counts


def bearing(count: CargoCount) -> NDArray[np.intp]:
    """Numbers of the cells that have attached migrasomes."""
    return np.unique(count.owner[count.owner != NO_BODY])


@dataclass(frozen=True, eq=False)
class Experiment:
    """Dishes of one experiment by condition, and its number, which decides what is looked at."""

    number: int
    dishes: Mapping[str, Sequence[Dish]]

    def counts(self, condition: str, hour: float, ligand: str) -> list[CargoCount]:
        """Of a condition's dishes."""
        return [dish[hour, ligand] for dish in self.dishes[condition]]

    def chosen(self, values: NDArray[Any], most: int, dish: int, purpose: int) -> NDArray[Any]:
        """Some of the values at random; all if there are no more."""
        rng = generator(self.number, Stream.BOOTSTRAP, 10 * dish + purpose)
        return rng.permutation(values)[:most]

    def vesicles_per_migrasome(self, condition: str, hour: float) -> Array:
        """All carriers in some attached migrasomes of each dish."""
        found = []
        for n, dish in enumerate(self.dishes[condition]):
            summed = np.sum([dish[hour, name].vesicles for name in LIGANDS], axis=0)
            summed = summed[dish[hour, LIGANDS[0]].owner != NO_BODY]
            found.append(self.chosen(summed, PER_DISH, n, _MIGRASOMES))
        return np.concatenate(found).astype(float)

    def of_cells(
        self, condition: str, hour: float, measured: Callable[[Dish, NDArray[np.intp]], Array]
    ) -> Array:
        """A quantity of some cells with migrasomes of each dish."""
        found = []
        for n, dish in enumerate(self.dishes[condition]):
            cells = bearing(dish[hour, LIGANDS[0]])
            found.append(measured(dish, self.chosen(cells, PER_DISH, n, _CELLS)))
        return np.concatenate(found).astype(float)

    def vesicles_per_cell(self, condition: str, hour: float, ligands: Sequence[str]) -> Array:
        """Carriers in the migrasomes of some cells that have any."""
        return self.of_cells(
            condition,
            hour,
            lambda dish, cells: np.sum(
                [dish[hour, name].vesicles_per_cell[cells] for name in ligands], axis=0
            ),
        )

    def content_of_migrasomes(self, condition: str, hour: float, ligand: str) -> Array:
        """Mean content of a cell's migrasomes, for some cells that have any [molecules]."""

        def mean(dish: Dish, cells: NDArray[np.intp]) -> Array:
            count = dish[hour, ligand]
            return np.array([count.content[count.owner == cell].mean() for cell in cells])

        return self.of_cells(condition, hour, mean)

    def content_of_bodies(self, condition: str, hour: float, ligand: str) -> Array:
        """Content of the bodies of some cells that have migrasomes [molecules]."""
        return self.of_cells(
            condition, hour, lambda dish, cells: dish[hour, ligand].body_content[cells]
        )

    def sectioned(self, hour: float) -> tuple[Array, Array, Array]:
        """Distance, diameter and vesicles of the attached migrasomes of a few control cells."""
        distance, diameter, vesicles = [], [], []
        for n, dish in enumerate(self.dishes[CONTROL]):
            first = dish[hour, LIGANDS[0]]
            cells = self.chosen(bearing(first), SECTIONED, n, _SECTIONED)
            seen = np.isin(first.owner, cells)
            distance.append(first.distance[seen])
            diameter.append(first.diameter[seen])
            vesicles.append(np.sum([dish[hour, name].vesicles[seen] for name in LIGANDS], axis=0))
        return np.concatenate(distance), np.concatenate(diameter), np.concatenate(vesicles)

    def polarisation(self, condition: str, hour: float, *, migrating: bool) -> list[Array]:
        """Of some cells of each dish; of those that migrate, or of all."""
        found = []
        for n, count in enumerate(self.counts(condition, hour, LIGANDS[0])):
            cells = np.flatnonzero(count.migrating) if migrating else np.arange(count.msc)
            found.append(count.polarisation[self.chosen(cells, FILMED, n, _FILMED)])
        return found

    def pooled_content(self, condition: str, hour: float, ligand: str) -> tuple[float, float]:
        """Mean content of an attached migrasome and of a body, over all dishes [molecules]."""
        counts = self.counts(condition, hour, ligand)
        held = np.concatenate([count.content[count.owner != NO_BODY] for count in counts])
        bodies = np.concatenate([count.body_content for count in counts])
        return float(held.mean()), float(bodies.mean())

    @cached_property
    def noise(self) -> Array:
        """Errors of blots in units of their standard deviation, far more than are needed."""
        return generator(self.number, Stream.BOOTSTRAP, 9).standard_normal(4096)


def experiment(number: int, names: Sequence[str], dishes: Sequence[Dish]) -> Experiment:
    """Dishes in the order of the conditions' names."""
    return Experiment(
        number,
        {name: dishes[n * DISHES : (n + 1) * DISHES] for n, name in enumerate(names)},
    )


# Verdicts


def wilson(successes: int, total: int) -> tuple[float, float]:
    """95 % interval of a share (Wilson 1927, J. Am. Stat. Assoc. 22:209).

    Examples
    --------
    >>> low, high = wilson(15, 20)
    >>> round(low, 2), round(high, 2)
    (0.53, 0.89)
    """
    if total == 0:
        return 0.0, 1.0
    z, share = 1.959964, successes / total
    middle = share + z**2 / (2 * total)
    half = z * math.sqrt(share * (1 - share) / total + z**2 / (4 * total**2))
    low, high = (middle - half) / (1 + z**2 / total), (middle + half) / (1 + z**2 / total)
    return max(low, 0.0), min(high, 1.0)


def verdict(successes: int, total: int) -> str:
    """By whether a statement comes out in most experiments, as far as their number can tell."""
    low, high = wilson(successes, total)
    if low > 0.5:
        return "reproduced"
    return "not reproduced" if high < 0.5 else "undecided"


def spread_text(values: Sequence[float] | Array) -> str:
    """Mean, and the interval that holds 95 % of the values."""
    known = np.asarray(values, dtype=float)
    known = known[np.isfinite(known)]
    if len(known) == 0:
        return "-"
    low, high = np.quantile(known, [0.025, 0.975])
    return f"{number_text(float(known.mean()))} ({number_text(low)} to {number_text(high)})"


def share_text(successes: int, total: int) -> str:
    """Share with its interval."""
    low, high = wilson(successes, total)
    return f"{successes / total:.2f} ({low:.2f} to {high:.2f})" if total else "-"


def number_text(value: float) -> str:
    """Three digits."""
    if math.isnan(value):
        return "-"
    return f"{value:.0f}" if abs(value) >= 100.0 else f"{value:.3g}"


def carried_out(
    function: Callable[[Any], Any], tasks: Sequence[Any], workers: int, name: str
) -> list[Any]:
    """Results of tasks in their order, with progress on stderr."""
    context = multiprocessing.get_context("spawn")
    results = []
    with ProcessPoolExecutor(min(workers, len(tasks)), mp_context=context) as pool:
        for result in pool.map(function, tasks):
            results.append(result)
            if len(results) % max(1, len(tasks) // 20) == 0:
                print(f"{name}: {len(results)} of {len(tasks)}", file=sys.stderr, flush=True)
    return results


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
