"""Readings of quantities in dishes: the only thing of a dish that claims are judged by."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Sample(StrEnum):
    """The unit that a quantity has one value for."""

    DISH = "dish"
    CELLS = "cells"
    """Cells, or migrasomes, or fields of view: the unit of the paper's test."""
    SHARE = "share"
    """Two values: the number of cells with a property, and the number of all cells."""


@dataclass(frozen=True)
class DensityRatio:
    """Quantities whose sums over views give a density relative to that of a base region.

    Parameters
    ----------
    counts, areas : str
        Quantities with one value for each region: cells, and area in any one unit.
    base : str
        Region that densities are relative to.
    """

    counts: str
    areas: str
    base: str


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
    density_ratio : DensityRatio or None
        How several views give one value, if it is not the mean of theirs.
    """

    name: str
    unit: str
    sample: Sample
    of: tuple[str, ...] = ()
    density_ratio: DensityRatio | None = None


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
