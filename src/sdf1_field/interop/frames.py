"""Frames from times that are evenly spaced."""

import numpy as np
from numpy.typing import NDArray

from sdf1_field.errors import InputError
from sdf1_field.interop.trackfile import Array, Whole

UNEVEN = 0.1
"""Largest deviation of a time from its frame's, as a share of the interval."""

_MOST = 1e6
"""Frames in a row that a recording may miss."""


def frames_of_times(name: str, time: Array, remedy: str) -> tuple[Whole, float | None]:
    """Frames, from 0, and the time between them; None for a single one.

    Parameters
    ----------
    name : str
        Of the file, for the message.
    time : ndarray, shape (spot,)
        Finite, in any order and unit; times of one frame are equal.
    remedy : str
        What to do if they are not evenly spaced.

    Raises
    ------
    InputError
        If they are not evenly spaced; whole intervals may be missing.
    """
    seen, frame_of = np.unique(time, return_inverse=True)
    steps = np.diff(seen)
    if not len(steps):
        return np.zeros(len(time), dtype=np.int64), None
    usual = float(np.median(steps[steps < 1.5 * steps.min()]))
    passed = np.round(steps / usual)
    uneven = np.flatnonzero(
        (np.abs(steps / usual - passed) > UNEVEN) | (passed < 1) | (passed > _MOST)
    )
    if len(uneven):
        at = uneven[0]
        raise InputError(
            f"{name}: times {seen[at]:g} and {seen[at + 1]:g} are {steps[at]:g} apart, most are "
            f"{usual:g}: frames are not evenly spaced. {remedy}"
        )
    frames = np.concatenate([[0], np.cumsum(passed)]).astype(np.int64)
    return frames[frame_of], float(f"{(seen[-1] - seen[0]) / frames[-1]:.12g}")


def exact_interval(frame: Whole, time: NDArray[np.float64], interval: float) -> float:
    """The interval whose multiples are all times, if one is near; else it to twelve figures."""
    second: list[float] = time[frame == 1][:1].tolist()
    for found in (*second, *(float(f"{interval:.{figures}g}") for figures in range(6, 18))):
        if np.array_equal(frame * found, time):
            return found
    return float(f"{interval:.12g}")
