"""A dish to simulate and read, its model, and readings of it."""

import functools
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sdf1_field.claims import Reading
from sdf1_field.spec import ModelSpec, load_model


@dataclass(frozen=True)
class Dish:
    """One dish to simulate, and the observation to make of it.

    Parameters
    ----------
    observation : str
        A key of `OBSERVATIONS`.
    model : str
        Shipped name or file.
    settings : tuple of str
        ``KEY=VALUE`` each.
    seed : int
    times : tuple of float
        When it is read [s], rising; empty if the model's output settles it.
    saturating : frozenset of str
        Ligands whose coat has been found to fill; not part of a dish's identity.
    """

    observation: str
    model: str
    settings: tuple[str, ...]
    seed: int
    times: tuple[float, ...]
    saturating: frozenset[str] = field(default=frozenset(), repr=False, compare=False)


def model_of(dish: Dish, *further: str) -> ModelSpec:
    """Resolved model of a dish, with further settings; cached until `forget_models`."""
    return _resolved(dish.model, (*dish.settings, *further))


@functools.lru_cache(maxsize=256)
def _resolved(model: str, settings: tuple[str, ...]) -> ModelSpec:
    return load_model(model, settings=settings).spec


def forget_models() -> None:
    """Read model files again, since they may have changed."""
    _resolved.cache_clear()


def of_dish(quantity: str, time: float, value: float, of: str = "") -> Reading:
    """Reading of one number."""
    return Reading(quantity, time, np.array([value], dtype=np.float64), of)


def of_cells(quantity: str, time: float, values: NDArray[np.generic], of: str = "") -> Reading:
    """Reading of a number for each cell."""
    return Reading(quantity, time, np.asarray(values, dtype=np.float64), of)


def of_share(quantity: str, time: float, amount: float, total: float, of: str = "") -> Reading:
    """Reading of a share: the number of cells with the property, and of all cells."""
    return Reading(quantity, time, np.array([amount, total], dtype=np.float64), of)
