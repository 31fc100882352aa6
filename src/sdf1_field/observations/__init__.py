"""Dishes simulated and read, one at a time: what an experimenter would note of each.

An observation is a way to look at a dish. It takes a `Dish` and gives `Reading`s of its
quantities; everything that is said of experiments is said of readings.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sdf1_field.observations import cargo, cells, network, time_lapse
from sdf1_field.observations.readings import Dish, Quantity, Reading, Sample, forget_models

__all__ = [
    "OBSERVATIONS", "Dish", "Observation", "Quantity", "Reading", "Sample", "forget_models",
    "observe", "read",
]  # fmt: skip


@dataclass(frozen=True)
class Observation:
    """A way to look at a dish.

    Parameters
    ----------
    read : callable
        Simulates a dish and reads it.
    quantities : mapping of str to Quantity
        What it reads.
    """

    read: Callable[[Dish], tuple[Reading, ...]]
    quantities: Mapping[str, Quantity]


def _observation(
    read: Callable[[Dish], tuple[Reading, ...]], quantities: tuple[Quantity, ...]
) -> Observation:
    return Observation(read, {quantity.name: quantity for quantity in quantities})


OBSERVATIONS: Mapping[str, Observation] = {
    "cells": _observation(cells.read_counts, cells.COUNTED),
    "tracks": _observation(cells.read_tracks, cells.TRACKED),
    "network": _observation(network.read_network, network.GROWN),
    "film": _observation(time_lapse.read_film, time_lapse.FILMED),
    "cargo": _observation(cargo.read_cargo, cargo.CARRIED),
}
"""By what a targets file calls them."""


def observe(dish: Dish) -> tuple[Reading, ...]:
    """Simulate a dish and read it.

    Raises
    ------
    InputError
        If its model, settings or times cannot be.
    RunError
        If the simulation fails.
    """
    forget_models()
    return read(dish)


def read(dish: Dish) -> tuple[Reading, ...]:
    """As `observe`, with model files as they were when a dish of theirs was last observed."""
    return OBSERVATIONS[dish.observation].read(dish)
