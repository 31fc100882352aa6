import math

import numpy as np
import pytest

from sdf1_field.analysis import dwell_table
from sdf1_field.analysis.residence import (
    Episodes,
    constant_rate_dwell,
    dwell_time,
    episodes,
)
from sdf1_field.record import open_run

MINUTE, HOUR = 60.0, 3600.0
TIMES = np.arange(6) * 900.0


def stays(durations, ended, cells=None):
    count = len(durations)
    cells = np.arange(count) if cells is None else np.array(cells)
    return Episodes(cells, np.array(durations, dtype=float), np.array(ended, dtype=bool), 0)


def test_episodes_are_runs_of_frames_over_one_region():
    regions = np.array([[0, 1, 1, 0, 1, 1], [2, 2, 2, 2, 2, 2], [1, 0, 0, 0, 0, 1]])
    found = episodes(regions, TIMES, 1, from_start=True)
    assert found.cell.tolist() == [0, 0, 2, 2]
    assert found.duration.tolist() == [1800.0, 900.0, 900.0, 0.0]
    assert found.ended.tolist() == [True, False, True, False]
    assert found.unseen_begin == 0


def test_a_stay_that_began_before_the_recording_is_left_out():
    regions = np.array([[1, 1, 0, 1, 0, 0], [1, 1, 1, 1, 1, 1]])
    found = episodes(regions, TIMES, 1, from_start=False)
    assert found.cell.tolist() == [0]
    assert found.duration.tolist() == [900.0]
    assert found.unseen_begin == 2


def test_uneven_frames_count_by_their_times():
    found = episodes(
        np.array([[0, 1, 1, 0]]), np.array([0.0, 10.0, 25.0, 27.0]), 1, from_start=True
    )
    assert found.duration.tolist() == [17.0]


def test_kaplan_and_meier_by_hand():
    # Four stays: left after 1 and 3, cut at 2 and 4. Survival 3/4 after 1, 3/8 after 3.
    found = dwell_time(stays([1, 2, 3, 4], [True, False, True, False]))
    assert found.mean == pytest.approx(1 * 1 + 2 * 0.75 + 1 * 0.375, rel=1e-12)
    assert found.median == 3.0
    assert found.restricted


def test_without_cuts_mean_and_median_are_plain():
    durations = [5.0, 1.0, 3.0, 8.0, 2.0]
    found = dwell_time(stays(durations, [True] * 5))
    assert found.mean == pytest.approx(np.mean(durations), rel=1e-12)
    assert found.median == 3.0
    assert not found.restricted
    assert found.interval[0] < found.mean < found.interval[1]


def test_stays_that_nobody_ended_have_no_median_and_a_lower_bound():
    found = dwell_time(stays([4.0, 4.0, 4.0], [False] * 3))
    assert (found.mean, found.restricted) == (4.0, True)
    assert math.isnan(found.median)


def test_no_stay_no_dwell_time_and_one_cell_no_interval():
    assert math.isnan(dwell_time(stays([], [])).mean)
    assert np.isnan(dwell_time(stays([3.0, 5.0], [True, True], cells=[0, 0])).interval).all()


def test_the_recordings_end_does_not_shorten_stays():
    """Cells come and go at constant rates and are seen every minute for 6 h."""
    rng = np.random.default_rng(7)
    cells, frames, hour = 400, np.arange(361) * MINUTE, HOUR
    over = np.zeros((cells, len(frames)), dtype=int)
    for cell in range(cells):
        time, inside = 0.0, False
        while time < frames[-1]:
            until = time + rng.exponential(1.5 * hour if inside else hour)
            if inside:
                over[cell, (frames >= time) & (frames < until)] = 1
            time, inside = until, not inside
    found = episodes(over, frames, 1, from_start=True)
    dwell = dwell_time(found)
    plain = found.duration[found.ended].mean()
    # Up to the longest stay seen, the area under exp(-t / 1.5 h).
    longest = found.duration.max()
    expected = 1.5 * hour * (1.0 - math.exp(-longest / (1.5 * hour)))
    assert plain < 0.85 * expected
    assert dwell.mean == pytest.approx(expected, rel=0.06)
    assert dwell.interval[0] < expected < dwell.interval[1]
    assert dwell.median == pytest.approx(1.5 * hour * math.log(2.0), rel=0.1)


@pytest.mark.slow
@pytest.mark.parametrize(
    "mean", [450.0, *(pytest.param(m, marks=pytest.mark.slow) for m in (900.0, 3600.0))]
)
def test_stays_as_short_as_frames_are_told_by_the_rate_of_leaving(mean):
    # Cells that stay once, for exponential times, seen every 900 s from a random moment on.
    rng = np.random.default_rng(3)
    count, interval, frames = 40_000, 900.0, 60
    arrive = rng.random(count) * 10 * interval
    leave = arrive + rng.exponential(mean, count)
    times = np.arange(frames) * interval
    over = (times[None] >= arrive[:, None]) & (times[None] < leave[:, None])
    stays = episodes(over.astype(np.int8), times, 1, from_start=True)
    assert constant_rate_dwell(stays, interval) == pytest.approx(mean, rel=0.03)
    # Counted from frame to frame alone, stays come out too long.
    assert dwell_time(stays).mean > 1.1 * mean


def test_stays_are_those_of_the_recorded_regions(tiny_run):
    with open_run(tiny_run) as run:
        rows = dwell_table([run])
        regions = run["cell_region"].values
    assert [row["region"] for row in rows] == ["free surface", "MSC", "migrasome network"]
    assert sum(row["share_of_time"] for row in rows) == pytest.approx(1.0, rel=1e-12)
    for region, row in enumerate(rows):
        over = regions == region
        begins = over[:, 0].sum() + (over[:, 1:] & ~over[:, :-1]).sum()
        assert row["episodes"] == begins
        assert row["cut"] == over[:, -1].sum()
        assert row["unseen_begin"] == 0
    assert sum(row["cut"] for row in rows) == 30


def test_stays_from_before_the_recording_are_left_out(solved):
    with open_run(solved("coculture-kg1a", "output.tracks_from=1 h")) as run:
        rows = dwell_table([run])
        first = run["cell_region"].values[:, 0]
    assert [row["unseen_begin"] for row in rows] == np.bincount(first, minlength=3).tolist()
