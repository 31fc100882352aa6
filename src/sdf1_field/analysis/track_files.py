"""Table of the tracks in a file, beside those of a control."""

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdf1_field.analysis.guidance import Followers
from sdf1_field.analysis.paths import (
    Paths,
    forward_migration,
    frame_speeds,
    mean_drift,
    mean_over_paths,
    net_directions,
    path_square_displacements,
    paths_of,
    pooled_mean,
    steps_of,
    straightness,
    sums_by,
    turning_angles,
)
from sdf1_field.analysis.persistent_walk import (
    LAGS_OF_ERROR,
    PersistentWalk,
    fit_square_displacements,
)
from sdf1_field.analysis.tracks import SquareDisplacements, Tracks, fitted_lags, shown_lags
from sdf1_field.analysis.values import ends_or_none, or_none
from sdf1_field.errors import InputError
from sdf1_field.interop import TrackFile
from sdf1_field.statistics import (
    mann_whitney_u_test,
    ratio_of_medians,
    rayleigh_test,
    v_test,
)
from sdf1_field.units import duration_text

Array = NDArray[np.float64]

_SAME = 0.01
"""Relative difference of frame intervals that are alike."""
_MINUTE = 60.0
_CLEAR = 0.01
"""P below which a drift is clear."""
_WHOLE, _MOST = 0.9, 0.5
"""Share of the film that a track lasts to be as long as it, and share of tracks that are most."""
_KEPT = 2
"""Walks that are kept: of tracks and of their control."""


def track_table(
    file: TrackFile,
    against: TrackFile | None = None,
    *,
    direction: float = 0.0,
    guided: Sequence[Followers] = (),
) -> dict[str, Any]:
    """How the cells of a track file move, and how their speeds compare with a control's.

    Tracks are cut at splits and merges; what is measured are the branches of two spots or more.

    Parameters
    ----------
    file : TrackFile
    against : TrackFile, optional
        Control, in frames of the same interval.
    direction : float
        For forward migration, the angle from x towards y [degree].
    guided : sequence of Followers
        The file's paths with what they may follow.

    Returns
    -------
    dict
        ``tracks`` and ``control`` (None without): counts of the file, ``interval`` [s], measures
        with their intervals over branches (each ``NAME_interval``), ``msd`` and ``notes``.
        ``comparison`` (None without control): `ratio_of_medians` of the branches' speeds from
        frame to frame, its interval, and the Mann-Whitney U test.

    Raises
    ------
    InputError
        If the frame intervals are unlike.
    """
    result: dict[str, Any] = {
        "direction_deg": float(direction),
        "tracks": _measured(file, math.radians(direction)),
        "control": None,
        "comparison": None,
    }
    if against is not None:
        if not math.isclose(file.interval, against.interval, rel_tol=_SAME):
            raise InputError(
                f"control: frames of {against.name} are {duration_text(against.interval)} apart, "
                f"those of {file.name} {duration_text(file.interval)}; speed from frame to frame "
                "depends on it. Give files with the same frame interval, or leave out frames of "
                "one."
            )
        result["control"] = _measured(against, math.radians(direction))
        result["comparison"] = _compared(against, file)
    result["guidance"] = [each.score for each in guided]
    return result


@lru_cache(maxsize=_KEPT)
def walk_of(paths: Paths) -> tuple[SquareDisplacements, PersistentWalk]:
    """Mean square displacements to show, and the persistent walk fitted to the shorter lags.

    Lags go to a quarter of the median path; those of the fit to a tenth, four at least, for the
    error of places is fitted too. The last ones are kept, as in `paths_of`.
    """
    # A track as long as the median path, of which only the times count.
    steps = int(np.median(paths.frames))
    nowhere = np.zeros((0, steps + 1))
    median = Tracks(np.linspace(0.0, steps * paths.interval, steps + 1), nowhere, nowhere)
    shown, fitted = (
        path_square_displacements(paths, lags)
        for lags in (shown_lags(median), fitted_lags(median, LAGS_OF_ERROR))
    )
    return shown, fit_square_displacements(fitted, paths.interval, exact=False)


def _speeds(file: TrackFile) -> Array:
    """Speed from frame to frame of each branch that has one [um/s]."""
    paths = paths_of(file)
    speeds = frame_speeds(paths, steps_of(paths))
    return speeds[np.isfinite(speeds)]


def _compared(control: TrackFile, treated: TrackFile) -> dict[str, Any]:
    speeds = _speeds(control), _speeds(treated)
    ratio, interval = ratio_of_medians(*speeds)
    return {
        "quantity": "frame_speed_um_per_min",
        "ratio_of_medians": or_none(ratio),
        "interval": ends_or_none(interval),
        "test": "Mann-Whitney U",
        "p": or_none(mann_whitney_u_test(*speeds)),
        "unit": "tracks",
        "note": "tracks of one dish are not independent experiments",
    }


def _measured(file: TrackFile, direction: float) -> dict[str, Any]:
    paths = paths_of(file)
    steps = steps_of(paths)
    speeds = frame_speeds(paths, steps)
    along, across = forward_migration(paths, steps, direction)
    of_turn, angles = turning_angles(steps)

    def over_turns(values: Array) -> tuple[float, tuple[float, float]]:
        sums = sums_by(of_turn, values, paths.count)
        return pooled_mean(sums, sums_by(of_turn, np.ones(len(values)), paths.count))

    headings = net_directions(paths)
    sums = np.cos(headings).sum(), np.sin(headings).sum()
    squares, walk = walk_of(paths)
    fitted = walk.square_displacement(squares.lags)
    finite = speeds[np.isfinite(speeds)]
    result: dict[str, Any] = {
        "file": file.name,
        "format": file.format,
        "spots": len(file.spot),
        "tracks": file.tracks,
        "splits": file.splits,
        "merges": file.merges,
        "gaps": file.gaps,
        "lone_spots": file.lone,
        "hidden_spots": file.left_out.hidden,
        "tracks_left_out": file.left_out.tracks,
        "branches": paths.count,
        "steps": int(np.count_nonzero(steps.plain)),
        "frames": int(file.frame.max()) + 1,
        "interval": file.interval,
        "median_duration": float(np.median(paths.frames)) * file.interval,
        "median_frame_speed_um_per_min": or_none(
            _MINUTE * float(np.median(finite)) if len(finite) else math.nan
        ),
    }
    for name, (mean, ends), factor in (
        ("frame_speed_um_per_min", mean_over_paths(speeds), _MINUTE),
        ("straightness", mean_over_paths(straightness(paths, steps)), 1.0),
        ("turning_cosine", over_turns(np.cos(angles)), 1.0),
        ("turning_angle_deg", over_turns(np.abs(np.degrees(angles))), 1.0),
        ("forward_migration", mean_over_paths(along), 1.0),
        ("sideward_migration", mean_over_paths(across), 1.0),
    ):
        result[name] = or_none(factor * mean)
        result[f"{name}_interval"] = ends_or_none((factor * ends[0], factor * ends[1]))
    for name, value, between, factor in (
        ("speed_um_per_min", walk.speed, walk.speed_interval, _MINUTE),
        ("persistence_min", walk.persistence_time, walk.persistence_interval, 1.0 / _MINUTE),
        ("motility_um2_per_min", walk.motility_coefficient, walk.motility_interval, _MINUTE),
        ("localisation_error_um", walk.localisation_error, walk.localisation_interval, 1.0),
    ):
        result[name] = None if value is None else factor * value
        result[f"{name}_interval"] = (
            None if between is None else [factor * between[0], factor * between[1]]
        )
    drift_x, drift_y, drift_p = mean_drift(paths, steps)
    whole = float(np.mean(paths.frames >= _WHOLE * np.ptp(file.frame)))
    return result | {
        "fitted_to": walk.longest_lag,
        "drift_um_per_min": or_none(_MINUTE * math.hypot(drift_x, drift_y)),
        "drift_direction_deg": or_none(math.degrees(math.atan2(drift_y, drift_x))),
        "drift_p": or_none(drift_p),
        "whole_film_share": whole,
        "net_direction_deg": or_none(
            math.degrees(math.atan2(sums[1], sums[0])) if len(headings) else math.nan
        ),
        "resultant_length": or_none(
            math.hypot(*sums) / len(headings) if len(headings) else math.nan
        ),
        "rayleigh_p": or_none(rayleigh_test(headings)),
        "v_test_p": or_none(v_test(headings, direction)),
        "msd": [
            {"lag": float(lag), "msd_um2": float(value), "fitted_um2": or_none(law)}
            for lag, value, law in zip(squares.lags, squares.mean, fitted, strict=True)
        ],
        "notes": [*_notes(file, paths, walk), *_drift_notes(drift_p, whole)],
    }


def _notes(file: TrackFile, paths: Paths, walk: PersistentWalk) -> list[str]:
    """What was left out or cut, and what the sampling does not resolve, in words."""
    notes, left_out = [], file.left_out
    if left_out.depth:
        notes.append("the file is three-dimensional: z is left out, so all is as seen from above")
    if left_out.tracks:
        notes.append(
            f"{_number(left_out.tracks, 'track')} outside the file's filter "
            f"({_number(left_out.spots, 'spot')}) are left out"
        )
    if left_out.hidden:
        notes.append(f"{_number(left_out.hidden, 'hidden spot')} left out")
    if file.lone:
        notes.append(f"{_number(file.lone, 'spot')} in no track left out")
    if file.splits or file.merges:
        whole = len(file.spot) - file.lone - len(paths.path)
        short = f"; {_number(whole, 'branch', 'es')} of one spot left out" if whole else ""
        cuts = [
            _number(count, noun)
            for count, noun in ((file.splits, "split"), (file.merges, "merge"))
            if count
        ]
        notes.append(
            f"tracks are cut at {' and '.join(cuts)}, into {_number(paths.count, 'branch', 'es')}, "
            f"which are taken for independent{short}"
        )
    if file.gaps:
        notes.append(
            f"{_number(file.gaps, 'step')} over a gap left out of speed from frame to frame and "
            "of turning angles; path lengths are straight there"
        )
    if walk.longest_lag and walk.localisation_error is None:
        notes.append(
            "errors of places are not taken off the corrected speed: tracks are too short to tell "
            "them from motion"
        )
    return notes + ([walk.note] if walk.note else [])


def _drift_notes(p: float, whole: float) -> list[str]:
    """What a common drift, seen or unseen, does to tests of directions, in words."""
    notes = []
    if p < _CLEAR:
        notes.append(
            "the tracks drift together: if that is the stage or the medium, Rayleigh's test, the V "
            "test and rotated tracks take it for a direction of the cells; correct the drift "
            "before tracking"
        )
    elif whole > _MOST:
        notes.append(
            "most tracks last the whole film: a drift too small to be clear here adds up along "
            "them, and tests of directions may take it for a direction of the cells"
        )
    return notes


def _number(count: int, noun: str, plural: str = "s") -> str:
    return f"{count:,} {noun}{'' if count == 1 else plural}"
