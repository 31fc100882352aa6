"""How well tracks follow a direction: to a region of a mask, or up a simulated gradient."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdf1_field.analysis.guides import Guide
from sdf1_field.analysis.paths import (
    Paths,
    Steps,
    Whole,
    lengths,
    mean_over_paths,
    pooled_mean,
    steps_of,
    straightness,
    sums_by,
)
from sdf1_field.analysis.values import ends_or_none, or_none
from sdf1_field.errors import InputError
from sdf1_field.random import Stream, generator
from sdf1_field.statistics import rayleigh_test, v_test
from sdf1_field.units import duration_text

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

SECTORS = 18
"""Of the histogram of angles; the first is centred on the direction."""
_ROTATIONS = 199
"""Of the tracks at random, for the index of tracks that follow nothing."""


@dataclass(frozen=True, eq=False)
class Followers:
    """Paths on the floor of a guide.

    Parameters
    ----------
    paths : Paths
        Places from the corner of the floor.
    guide : Guide
    start : float
        Time of frame 0 [s].
    """

    paths: Paths
    guide: Guide
    start: float = 0.0

    @cached_property
    def steps(self) -> Steps:
        """Steps of the paths."""
        return steps_of(self.paths)

    @cached_property
    def time(self) -> Array:
        """Time of each place [s]."""
        return np.asarray(self.start + self.paths.frame * self.paths.interval, dtype=np.float64)

    @cached_property
    def on_floor(self) -> Flags:
        """Which places are on the floor."""
        x, y, guide = self.paths.x, self.paths.y, self.guide
        own = (x >= 0.0) & (x <= guide.width) & (y >= 0.0) & (y <= guide.length)
        return np.asarray(own)

    @cached_property
    def in_time(self) -> Flags:
        """Which places are within the times of the guide."""
        first, last = self.guide.span
        return np.asarray((self.time >= first) & (self.time <= last))

    @cached_property
    def counted(self) -> NDArray[np.intp]:
        """Where steps begin that are from frame to frame, on the floor and within the times."""
        begin = self.steps.begin[self.steps.plain]
        return begin[(self.on_floor & self.in_time)[begin]]

    @cached_property
    def score(self) -> dict[str, Any]:
        """Scores, as of `guidance`."""
        return guidance(self)

    def ways(self, at: NDArray[np.intp], x: Array, y: Array) -> tuple[Array, Array]:
        """Directions at x, y [um], at the times of the places numbered ``at``."""
        guide = self.guide
        x, y = np.clip(x, 0.0, guide.width), np.clip(y, 0.0, guide.length)
        return guide.ways(x, y, np.clip(self.time[at], *guide.span))

    def rotated(self, angle: Array) -> tuple[Array, Array]:
        """All places after a rotation of each path around its first place [rad], [um]."""
        first, _ = self.paths.ends()
        path, x, y = self.paths.path, self.paths.x, self.paths.y
        off_x, off_y = x - x[first][path], y - y[first][path]
        cosine, sine = np.cos(angle)[path], np.sin(angle)[path]
        return (
            x[first][path] + cosine * off_x - sine * off_y,
            y[first][path] + sine * off_x + cosine * off_y,
        )


@dataclass(frozen=True, eq=False)
class Followed:
    """Steps from frame to frame against a guide's direction where they begin.

    Parameters
    ----------
    path : ndarray of int, shape (step,)
        Number of the path.
    along, across, length : ndarray, shape (step,)
        Components along the direction and to one side of it, and length [um].
    """

    path: Whole
    along: Array
    across: Array
    length: Array

    @property
    def index(self) -> float:
        """Way along the direction over way, in [-1, 1]; NaN without any way."""
        way = float(self.length.sum())
        return float(self.along.sum()) / way if way > 0.0 else math.nan


def followed(own: Followers, x: Array | None = None, y: Array | None = None) -> Followed:
    """Steps that begin where the guide has a direction.

    Parameters
    ----------
    own : Followers
    x, y : ndarray, shape (place,), optional
        Places instead of the paths' own, reflected at the floor's walls [um].
    """
    x, y = own.paths.x if x is None else x, own.paths.y if y is None else y
    at, guide = own.counted, own.guide
    place_x, sign_x = _reflected(x[at], guide.width)
    place_y, sign_y = _reflected(y[at], guide.length)
    dx, dy = sign_x * (x[at + 1] - x[at]), sign_y * (y[at + 1] - y[at])
    way_x, way_y = own.ways(at, place_x, place_y)
    there = np.isfinite(way_x)
    dx, dy, way_x, way_y = dx[there], dy[there], way_x[there], way_y[there]
    return Followed(
        own.paths.path[at][there], dx * way_x + dy * way_y, dy * way_x - dx * way_y,
        np.hypot(dx, dy),
    )  # fmt: skip


def guidance(own: Followers) -> dict[str, Any]:
    """Scores of paths against a guide's directions.

    Steps count from one frame to the next, if they begin where there is a direction; those of a
    path need no common direction, so the index is over steps and its interval over paths. Tests of
    directions take paths for independent: each has one angle, that of its net displacement against
    the direction at its first place. Cells that begin where there is none, such as in the region,
    have no such angle.

    Paths rotated at random around their first places, each as a whole, keep their persistence, the
    places of the cells and the shape of the regions, and follow nothing: the p of the rotations is
    the share of them, the observed one among them, whose index is as high (one-sided). Rotated
    places beyond a wall are reflected.

    Parameters
    ----------
    own : Followers

    Returns
    -------
    dict
        The object of `sdf1-field tracks --json` for a guide.

    Raises
    ------
    InputError
        If no step begins where there is a direction.
    """
    paths, steps, guide = own.paths, own.steps, own.guide
    found = followed(own)
    if not len(found.path):
        raise InputError(_nowhere(own))
    moved = found.length > 0.0
    cosine = found.along[moved] / found.length[moved]
    sector = np.arctan2(found.across[moved], found.along[moved]) * (SECTORS / (2.0 * math.pi))
    counts = np.bincount(np.round(sector).astype(np.int64) % SECTORS, minlength=SECTORS)
    turned = _rotated_indices(own)
    first, _ = paths.ends()
    net_x, net_y = paths.net()
    way_x, way_y = own.ways(first, paths.x[first], paths.y[first])
    known = np.isfinite(way_x) & (own.on_floor & own.in_time)[first]
    along, across = net_x * way_x + net_y * way_y, net_y * way_x - net_x * way_y
    angled = known & ((net_x != 0.0) | (net_y != 0.0))
    angles = np.arctan2(across[angled], along[angled])
    whole = lengths(paths, steps)
    forward = np.where(known & (whole > 0.0), along / np.where(whole > 0.0, whole, 1.0), np.nan)
    result: dict[str, Any] = {
        "towards": guide.name,
        "source": guide.source,
        "paths": int(np.count_nonzero(known)),
        "paths_left_out": int(np.count_nonzero(~known)),
        "reached": _reached(own, known) if guide.approached else None,
        "steps": len(found.path),
        "steps_left_out": int(np.count_nonzero(steps.plain)) - len(found.path),
    }
    for name, (mean, ends) in {
        "index": _over_steps(found.path, found.along, found.length, paths.count),
        "mean_cosine": _over_steps(found.path[moved], cosine, np.ones(len(cosine)), paths.count),
        "forward_migration": mean_over_paths(forward),
        "straightness": mean_over_paths(np.where(known, straightness(paths, steps), np.nan)),
    }.items():
        result[name] = or_none(mean)
        result[f"{name}_interval"] = ends_or_none(ends)
    resultant = np.array([np.cos(angles).sum(), np.sin(angles).sum()])
    observed = found.index
    return result | {
        "rotated_index": or_none(float(turned.mean()) if len(turned) else math.nan),
        "rotation_p": or_none(
            (1 + np.count_nonzero(turned >= observed)) / (1 + len(turned))
            if len(turned) and math.isfinite(observed)
            else math.nan
        ),
        "rotations": len(turned),
        "resultant_length": or_none(
            float(np.hypot(*resultant)) / len(angles) if len(angles) else math.nan
        ),
        "rayleigh_p": or_none(rayleigh_test(angles)),
        "v_test_p": or_none(v_test(angles, 0.0)),
        "step_angles": [
            {
                "angle_deg": 360.0 * (n if n <= SECTORS // 2 else n - SECTORS) / SECTORS,
                "share": or_none(float(count) / len(cosine) if len(cosine) else math.nan),
            }
            for n, count in enumerate(counts.tolist())
        ],
        "notes": _notes(own, known),
    }


def _reflected(place: Array, extent: float) -> tuple[Array, Array]:
    """Places beyond walls, reflected, and the sign of a step's component there."""
    turn = np.mod(place, 2.0 * extent)
    back = turn > extent
    return np.where(back, 2.0 * extent - turn, turn), np.where(back, -1.0, 1.0)


def _rotated_indices(own: Followers) -> Array:
    """Indices of paths rotated at random around their first places."""
    rng = generator(0, Stream.BOOTSTRAP)
    angles = (rng.uniform(0.0, 2.0 * math.pi, own.paths.count) for _ in range(_ROTATIONS))
    indices = np.array([followed(own, *own.rotated(angle)).index for angle in angles])
    return np.asarray(indices[np.isfinite(indices)], dtype=np.float64)


def _over_steps(
    path: Whole, values: Array, weights: Array, count: int
) -> tuple[float, tuple[float, float]]:
    return pooled_mean(sums_by(path, values, count), sums_by(path, weights, count))


def _reached(own: Followers, known: Flags) -> int:
    """Number of the paths known that come to a place without a direction: into the region."""
    way_x, _ = own.ways(np.arange(len(own.paths.x)), own.paths.x, own.paths.y)
    inside = sums_by(own.paths.path, np.isnan(way_x).astype(float), own.paths.count) > 0.0
    return int(np.count_nonzero(known & inside))


def _notes(own: Followers, known: Flags) -> list[str]:
    """Paths and steps that do not count, in words."""
    begin, name = own.steps.begin[own.steps.plain], own.guide.name
    notes = []
    for flags, where in ((own.on_floor, "outside of its floor"), (own.in_time, "at other times")):
        lost = np.count_nonzero(~flags[begin])
        if lost:
            notes.append(f"{name}: {lost:,} of {len(begin):,} steps begin {where} and do not count")
    first, _ = own.paths.ends()
    without = np.count_nonzero(~known & (own.on_floor & own.in_time)[first])
    if without:
        notes.append(
            f"{name}: {without:,} of {own.paths.count:,} tracks begin {own.guide.without}; their "
            "steps outside count, and the tests over tracks leave them out"
        )
    return notes


def _nowhere(own: Followers) -> str:
    """Message for paths of which no step has a direction."""
    guide = own.guide
    if not own.on_floor.any():
        return (
            f"{guide.source}: no track is on its floor of {guide.width:g} um x {guide.length:g} "
            "um. Give tracks with places from its corner."
        )
    if not (own.on_floor & own.in_time).any():
        first, last = (duration_text(round(end)) for end in guide.span)
        return (
            f"{guide.source}: has fields from {first} to {last}, and no track is there then. Give "
            "the time of the tracks' first frame with --start."
        )
    return (
        f"{guide.source}: all steps of the tracks begin {guide.without}, where there is no "
        "direction. Give tracks of cells outside."
    )
