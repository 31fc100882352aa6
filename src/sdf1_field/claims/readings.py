"""Readings of quantities in dishes: the only thing of a dish that claims are judged by."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from sdf1_field.errors import InputError

Array = NDArray[np.float64]


class Sample(StrEnum):
    """The unit that a quantity has one value for."""

    DISH = "dish"
    CELLS = "cells"
    """Cells, or migrasomes, or fields of view: the unit of the paper's test."""
    SHARE = "share"
    """Two values: the number of cells with a property, and the number of all cells."""


@dataclass(frozen=True)
class Quantity:
    """A quantity that is read in a dish.

    Parameters
    ----------
    name : str
        As claims and tables call it.
    unit : str
        In the spelling of UDUNITS; 1 for ratios and counts.
    sample : Sample
    of : tuple of str
        Regions or ligands that it is read for; empty if there is only one reading.
    """

    name: str
    unit: str
    sample: Sample
    of: tuple[str, ...] = ()


@dataclass(frozen=True)
class Observable:
    """The quantities that one kind of observation reads.

    Parameters
    ----------
    quantities : mapping of str to Quantity
        By their names.
    timed : bool
        Whether a condition must say when its dishes are read; else the model's output says it.
    """

    quantities: Mapping[str, Quantity]
    timed: bool = True


@dataclass(frozen=True, eq=False)
class Reading:
    """A quantity as read in one dish at one time.

    Parameters
    ----------
    quantity : str
    time : float
        Since the start that the observation counts from [s].
    values : ndarray of float, shape (n,)
        One for a dish, one for each cell, or two for a share: cells with the property, all cells.
    of : str
        Region or ligand; empty if the quantity has only one reading.
    """

    quantity: str
    time: float
    values: Array
    of: str = ""


@dataclass(frozen=True, eq=False)
class DishRead:
    """Readings of one dish, and the random numbers of its variation from other dishes.

    Parameters
    ----------
    values : mapping
        By quantity and region or ligand: arrays by time [s].
    normal : mapping
        By quantity and region or ligand: a standard normal number, the same at all times.
    """

    values: Mapping[tuple[str, str], Mapping[float, Array]]
    normal: Mapping[tuple[str, str], float]

    def at(self, quantity: str, of: str, time: float | None, kind: Sample, spread: float) -> Array:
        """Values of a quantity, varied log-normally from dish to dish.

        Parameters
        ----------
        quantity, of : str
        time : float or None
            [s]; a quantity that is read once has the same values at every time.
        kind : Sample
        spread : float
            Standard deviation of the factor's logarithm.

        Raises
        ------
        InputError
            If the dish has no such reading.
        """
        try:
            times = self.values[quantity, of]
            found = next(iter(times.values())) if len(times) == 1 else times[time]  # type: ignore[index]
        except KeyError:
            raise InputError(
                f"'{quantity}'{f' of {of}' if of else ''} is not read in a dish that a claim "
                "names. Choose another quantity, or another model."
            ) from None
        if spread == 0.0:
            return found
        return scaled(found, kind, math.exp(spread * self.normal[quantity, of]))


def scaled(values: Array, kind: Sample, factor: float) -> Array:
    """Values of a dish that differs from the simulated one by a factor.

    Numbers are multiplied. Of a share the odds are multiplied, and the count is rounded to the
    nearest whole number.

    Parameters
    ----------
    values : ndarray, shape (n,)
    kind : Sample
    factor : float
        Above 0.
    """
    if kind is not Sample.SHARE:
        return values * factor
    amount, total = values
    odds = factor * amount
    whole = total - amount + odds
    if not whole > 0.0:
        return values
    return np.array([np.rint(total * odds / whole), total])
