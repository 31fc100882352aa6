"""The stroma at one time as an immutable value: bodies, fibres, migrasomes."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdf1_field.scene.drawn import DrawnFloor

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
Indices = NDArray[np.intp]

NO_BODY = -1
"""Owner of a migrasome that is detached."""


class Origin(IntEnum):
    """Origin of the fibre that a migrasome grows on; the values are those in run files."""

    UNKNOWN = -1
    MIGRATION = 0
    RETRACTION = 1


class Fate(IntEnum):
    """Fate of a migrasome; the values are those in run files."""

    OUTLIVES_THE_RUN = 0
    RUPTURES = 1
    DRIFTS_AWAY = 2
    IS_TAKEN_UP = 3


@dataclass(frozen=True, eq=False)
class Bodies:
    """MSC bodies as ellipses; arrays of shape (body,)."""

    x: Array
    y: Array
    semi_major: Array
    semi_minor: Array
    angle: Array
    """Of the long axis against x [rad]."""
    blocked: Array
    """Share of the body's CD166 that is blocked [1]."""
    secretion: Mapping[str, Array]
    """Ligand to rate now [molecules/s]."""
    migrating: Flags
    """Whether it migrates; a placed body does not."""


@dataclass(frozen=True, eq=False)
class Fibres:
    """Retraction fibres present at a time, as polylines.

    Their number changes with time, and a row does not identify a fibre.

    Parameters
    ----------
    x, y : ndarray, shape (fibre, vertex)
        From the oldest end to the body [um], NaN past the end.
    body : ndarray, shape (fibre,)
        The body at its end; `NO_BODY` if that was removed.
    origin : ndarray, shape (fibre,)
        Values of `Origin`.
    """

    x: Array
    y: Array
    body: Indices
    origin: NDArray[np.int8]


@dataclass(frozen=True, eq=False)
class Migrasomes:
    """Migrasomes as discs, past and future ones included; arrays of shape (migrasome,).

    A migrasome keeps its number; those that form later have higher ones.
    """

    x: Array
    y: Array
    radius: Array
    body: Indices
    """The body of its fibre; `NO_BODY` once it is detached or the body was removed."""
    blocked: Array
    """Share of the migrasome's CD166 that is blocked [1]."""
    birth: Array
    end: Array
    """Times at which it appears and is gone [s]; infinite if never or not known yet."""
    present: Flags
    maturity: Array
    """Share of a mature migrasome's CD166 that has gathered [1]."""
    origin: NDArray[np.int8]
    """Values of `Origin`."""
    fate: NDArray[np.int8]
    """Values of `Fate`."""
    loaded: Mapping[str, Flags]
    """Ligand to whether a migrasome ever secretes it."""
    secretion: Mapping[str, Array]
    """Ligand to rate now [molecules/s]; 0 for migrasomes that are not present."""
    secretion_at_birth: Mapping[str, Array]
    """Ligand to rate at birth [molecules/s]; empty unless the scene is placed."""
    decay: Mapping[str, float]
    """Ligand to the rate at which secretion decays from birth on [1/s]; empty unless the scene is
    placed."""


@dataclass(frozen=True, eq=False)
class Growth:
    """State of a growing scene beyond its bodies, fibres and migrasomes.

    Parameters
    ----------
    seed : int
        The dish's.
    step : int
        Steps of growth taken so far; the counter of its random numbers.
    cells, strands, buds : ndarray of records, shape (body,), (fibre,), (migrasome,)
        See `sdf1_field.migrasomes.growth`; with the fibres that are too short to be visible.
    course : ndarray, shape (fibre, 2, vertex)
        Vertices of the fibres, x and y [um].
    constant : mapping of str to ndarray, shape (2,)
        By ligand the secretion of a migrasome that carries it [molecules/s] and the share of
        migrasomes that do [1], where cargo is not followed.
    cargo_kinetics : mapping of str to ndarray of records, shape (1,)
        By ligand the kinetics of its carriers now, where cargo is followed; a record of
        `sdf1_field.migrasomes.cargo.CARGO_KINETICS`.
    pools : ndarray, shape (ligand, body, 4)
        Content of the bodies [molecules], of removed ones the last; columns as in
        `sdf1_field.migrasomes.cargo`.
    held : ndarray, shape (migrasome, ligand, 4)
        Balance of the migrasomes [molecules]; likewise.
    followed : float
        Time to which cargo has been advanced [s].
    secretion_factor : float
        The dish's and donor's factor on every source [1].
    rates : ndarray of records, shape (1,)
        `sdf1_field.migrasomes.Rates` as they are now.
    """

    seed: int
    step: int
    cells: NDArray[Any]
    strands: NDArray[Any]
    course: Array
    buds: NDArray[Any]
    constant: Mapping[str, Array]
    cargo_kinetics: Mapping[str, NDArray[Any]]
    pools: Array
    held: Array
    followed: float
    secretion_factor: float
    rates: NDArray[Any]


@dataclass(frozen=True, eq=False)
class Scene:
    """The stroma at one time; without ``growth`` it has been placed or drawn, or is frozen.

    With ``drawn``, pixels decide which body or network is where: the ellipses of the bodies only
    have the moments of their pixels, and there are no fibres but the network's pixels.
    """

    bodies: Bodies
    fibres: Fibres
    migrasomes: Migrasomes
    growth: Growth | None = None
    drawn: DrawnFloor | None = None

    def block(self, fraction: float, *, since: float | None = None) -> "Scene":
        """Scene after an antibody has blocked a fraction of the CD166 that was still free.

        Parameters
        ----------
        fraction : float
        since : float, optional
            Block only migrasomes that have formed after this time [s]; if not given, all present
            migrasomes and the bodies.
        """
        if fraction == 0.0:
            return self
        bodies, migrasomes = self.bodies, self.migrasomes
        # Migrasomes that form later are not blocked.
        met = migrasomes.present
        if since is None:
            bodies = replace(bodies, blocked=1.0 - (1.0 - bodies.blocked) * (1.0 - fraction))
        else:
            met = met & (migrasomes.birth > since)
        blocked = 1.0 - (1.0 - migrasomes.blocked) * (1.0 - fraction * met)
        return replace(self, bodies=bodies, migrasomes=replace(migrasomes, blocked=blocked))
