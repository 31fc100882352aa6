"""Observations of single dishes: the dish is simulated and the experimenter's quantities are read.

An observation takes a `Dish` and gives `Reading`s of its quantities. Claims are judged by these
readings only.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from sdf1_field.claims import Observable, Quantity, Reading
from sdf1_field.observations import cargo, cells, network, time_lapse
from sdf1_field.observations.readings import Dish, forget_models
from sdf1_field.simulation import rerun_if_coat_fills

__all__ = ["OBSERVATIONS", "Dish", "Observation", "forget_models", "observe", "read"]

_Read = Callable[[Dish], tuple[Reading, ...]]


@dataclass(frozen=True, kw_only=True)
class Observation(Observable):
    """One kind of observation of a dish.

    Parameters
    ----------
    read : callable
        Simulates a dish and reads it.
    quantities : mapping of str to Quantity
    timed : bool
        See `Observable`.
    """

    read: _Read


def _observation(
    read: _Read, quantities: tuple[Quantity, ...], *, timed: bool = True
) -> Observation:
    return Observation(read=read, quantities={q.name: q for q in quantities}, timed=timed)


OBSERVATIONS: Mapping[str, Observation] = {
    "cells": _observation(cells.read_counts, cells.COUNTED),
    "tracks": _observation(cells.read_tracks, cells.TRACKED, timed=False),
    "network": _observation(network.read_network, network.GROWN),
    "time_lapse": _observation(time_lapse.read_time_lapse, time_lapse.FOLLOWED),
    "cargo": _observation(cargo.read_cargo, cargo.CARRIED),
}
"""By their names in a targets file."""


def observe(dish: Dish) -> tuple[Reading, ...]:
    """Simulate a dish and read it.

    Raises
    ------
    InputError
        If its model, settings or times are wrong.
    RunError
        If the simulation fails.
    """
    forget_models()
    return read(dish)


def read(dish: Dish) -> tuple[Reading, ...]:
    """As `observe`, with cached model files."""
    reader = OBSERVATIONS[dish.observation].read
    return rerun_if_coat_fills(lambda ligands: reader(replace(dish, saturating=ligands)))
