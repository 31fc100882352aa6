"""What one dish shows: readings of quantities, the only thing that statistics see of a dish."""

import functools
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from sdf1_field.spec import ModelSpec, load_model

Array = NDArray[np.float64]


class Sample(StrEnum):
    """What a quantity's values are, one each."""

    DISH = "dish"
    CELLS = "cells"
    """Or migrasomes, or fields of view: whatever a paper's test counts as one."""
    SHARE = "share"
    """How many had it, and of how many."""


@dataclass(frozen=True)
class Quantity:
    """Something that is read in a dish.

    Parameters
    ----------
    name : str
        In a biologist's words, as claims and tables have it.
    unit : str
        In UDUNITS' spelling; 1 for ratios and counts.
    sample : Sample
    of : tuple of str
        Regions or ligands that it is read of; empty if there is nothing to choose.
    """

    name: str
    unit: str
    sample: Sample
    of: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Reading:
    """A quantity as read in one dish at one time.

    Parameters
    ----------
    quantity : str
    time : float
        [s], in the sense of the observation.
    values : ndarray of float, shape (n,)
        One for a dish, one for each cell, or two for a share: how many had it, and of how many.
    of : str
        Region or ligand; empty if there is nothing to choose.
    """

    quantity: str
    time: float
    values: Array
    of: str = ""


@dataclass(frozen=True)
class Dish:
    """One dish to simulate, and what to read in it.

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
        When [s], rising; empty if the model's output says when.
    """

    observation: str
    model: str
    settings: tuple[str, ...]
    seed: int
    times: tuple[float, ...]


def model_of(dish: Dish, *further: str) -> ModelSpec:
    """Settled model of a dish, with further settings; read once until `forget_models`."""
    return _settled(dish.model, (*dish.settings, *further))


@functools.lru_cache(maxsize=256)
def _settled(model: str, settings: tuple[str, ...]) -> ModelSpec:
    return load_model(model, settings=settings).spec


def forget_models() -> None:
    """Read model files anew, which may have changed."""
    _settled.cache_clear()


def of_dish(quantity: str, time: float, value: float, of: str = "") -> Reading:
    """Reading of one number."""
    return Reading(quantity, time, np.array([value], dtype=np.float64), of)


def of_cells(quantity: str, time: float, values: NDArray[np.generic], of: str = "") -> Reading:
    """Reading of a number for each cell."""
    return Reading(quantity, time, np.asarray(values, dtype=np.float64), of)


def of_share(quantity: str, time: float, amount: float, total: float, of: str = "") -> Reading:
    """Reading of a share: how many of how many."""
    return Reading(quantity, time, np.array([amount, total], dtype=np.float64), of)
