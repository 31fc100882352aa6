"""Measures of paths with gaps and lengths of their own, against closed forms and a walk."""

import math

import numpy as np
import pytest

from sdf1_field.analysis import square_displacements
from sdf1_field.analysis.paths import (
    Paths,
    forward_migration,
    frame_speeds,
    lengths,
    mean_drift,
    mean_over_paths,
    net_directions,
    path_square_displacements,
    paths_of,
    pieces,
    pooled_mean,
    steps_of,
    straightness,
    turning_angles,
)
from sdf1_field.analysis.persistent_walk import fit_square_displacements
from sdf1_field.analysis.track_files import track_table, walk_of
from sdf1_field.analysis.tracks import Tracks, fitted_lags
from sdf1_field.errors import InputError
from sdf1_field.interop import read_tracks
from sdf1_field.interop.scales import Scale
from sdf1_field.interop.trackfile import make_track_file
from test_analysis_tracks import MOTILITY, PERSISTENCE, SPEED, walk
from track_builders import csv_text, spot, trackmate


def paths(*places, interval=60.0):
    """Paths from lists of frame, x and y."""
    rows = [(n, *place) for n, own in enumerate(places) for place in own]
    path, frame, x, y = np.array(rows, dtype=float).T
    return Paths(path.astype(np.int64), frame.astype(np.int64), x, y, interval)


def file_of(tracks):
    """Track file of evenly spaced tracks."""
    cells, frames = tracks.x.shape
    return make_track_file(
        "walk", "table", Scale(1.0, tracks.interval, None, ()),
        spot=np.arange(cells * frames), frame=np.tile(np.arange(frames), cells),
        x=tracks.x.ravel(), y=tracks.y.ravel(), track=np.repeat(np.arange(cells), frames),
    )  # fmt: skip


@pytest.fixture(scope="module")
def walkers():
    """Two hundred walkers over 4 h in frames of 1 min."""
    return walk(200, 4 * 3600.0, 60.0, step=3.0)


def test_speed_leaves_out_steps_over_gaps_and_path_length_does_not():
    own = paths([(0, 0, 0), (1, 3, 4), (3, 3, 10)], [(5, 0, 0), (7, 8, 0)])
    steps = steps_of(own)
    assert steps.plain.tolist() == [True, False, False]
    assert frame_speeds(own, steps)[0] == pytest.approx(5.0 / 60.0)
    assert np.isnan(frame_speeds(own, steps)[1])
    assert lengths(own, steps) == pytest.approx([11.0, 8.0])
    assert own.frames.tolist() == [3, 2]
    assert straightness(own, steps) == pytest.approx([math.hypot(3, 10) / 11.0, 1.0])


def test_turning_angles_are_between_successive_steps_without_gaps_or_rests():
    right = [(0, 0, 0), (1, 1, 0), (2, 1, 1), (3, 0, 1), (4, 0, 1), (5, -1, 1)]
    gap = [(0, 0, 0), (2, 1, 0), (3, 2, 0), (4, 2, -1)]
    path, angle = turning_angles(steps_of(paths(right, gap)))
    assert path.tolist() == [0, 0, 1]
    assert np.degrees(angle) == pytest.approx([90.0, 90.0, -90.0])


def test_forward_migration_is_net_over_path_along_and_across():
    own = paths([(0, 0, 0), (1, 3, 0), (2, 3, 4)], [(0, 0, 0), (1, 0, 0)])
    steps = steps_of(own)
    along, across = forward_migration(own, steps, 0.0)
    assert (along[0], across[0]) == pytest.approx((3 / 7, 4 / 7))
    assert np.isnan(along[1])
    up, left = forward_migration(own, steps, math.pi / 2)
    assert (up[0], left[0]) == pytest.approx((4 / 7, -3 / 7))
    assert net_directions(own) == pytest.approx([math.atan2(4, 3)])


def test_square_displacements_are_those_of_complete_tracks_where_nothing_is_missing(walkers):
    lags = np.array([1, 3, 10, 24])
    own = path_square_displacements(paths_of(file_of(walkers)), lags)
    whole = square_displacements(walkers, lags)
    assert own.lags.tolist() == whole.lags.tolist()
    assert own.counts.tolist() == whole.counts.tolist()
    assert own.sums == pytest.approx(whole.sums, rel=1e-12)


def test_square_displacements_over_gaps_and_ends_are_left_out():
    own = paths([(0, 0, 0), (2, 1, 0), (3, 3, 0)], [(1, 0, 0), (2, 0, 5)])
    squares = path_square_displacements(own, np.array([1, 2, 3]))
    assert squares.lags.tolist() == [60.0]
    assert squares.sums[:, 0].tolist() == [4.0, 25.0]
    one = path_square_displacements(paths([(0, 0, 0), (2, 1, 0), (3, 3, 0)]), np.array([1, 2, 3]))
    assert one.lags.tolist() == [60.0, 120.0, 180.0]
    assert one.sums.tolist() == [[4.0, 1.0, 9.0]]


def test_the_walk_is_found_again_in_tracks_with_gaps_of_unlike_lengths(walkers):
    rng = np.random.default_rng(2)
    cells, frames = walkers.x.shape
    seen = rng.random((cells, frames)) > 0.1
    last = rng.integers(frames // 2, frames, size=cells)
    seen &= np.arange(frames) < last[:, None]
    cell, frame = np.nonzero(seen)
    own = Paths(cell, frame, walkers.x[seen], walkers.y[seen], walkers.interval)
    _, found = walk_of(own)
    assert found.speed == pytest.approx(SPEED, rel=0.02)
    assert found.persistence_time == pytest.approx(PERSISTENCE, rel=0.08)
    assert found.motility_coefficient == pytest.approx(MOTILITY, rel=0.1)
    assert found.persistence_interval[0] < PERSISTENCE < found.persistence_interval[1]
    # Straight steps of a minute are shorter than the path by far more than the fit's error.
    apparent = np.nanmean(frame_speeds(own, steps_of(own)))
    assert apparent < 0.98 * SPEED


def test_the_fit_is_that_of_complete_tracks_where_nothing_is_missing(walkers):
    _, own = walk_of(paths_of(file_of(walkers)))
    squares = square_displacements(walkers, fitted_lags(walkers))
    whole = fit_square_displacements(squares, walkers.interval, exact=False)
    assert own.speed == pytest.approx(whole.speed, rel=1e-9)
    assert own.persistence_interval == pytest.approx(whole.persistence_interval, rel=1e-9)
    assert own.longest_lag == fitted_lags(walkers)[-1] * 60.0


@pytest.mark.parametrize("error", [0.0, 0.5, 1.0])
def test_speed_and_persistence_are_found_whatever_the_error_of_places(error):
    own = walk(200, 2 * 3600.0, 60.0, step=3.0, speed=2.5 / 60.0, persistence=240.0, seed=5)
    rng = np.random.default_rng(6)
    x, y = (place + error * rng.standard_normal(place.shape) for place in (own.x, own.y))
    _, found = walk_of(paths_of(file_of(Tracks(own.times, x, y))))
    assert found.speed == pytest.approx(2.5 / 60.0, rel=0.01)
    assert found.persistence_time == pytest.approx(240.0, rel=0.04)
    assert found.persistence_interval[0] < 240.0 < found.persistence_interval[1]
    assert found.localisation_error == pytest.approx(error, abs=0.07)
    low, high = found.localisation_interval
    assert low - 0.01 <= error <= high
    # Taken for exact, the same places give a persistence that its own interval excludes.
    if error:
        squares = square_displacements(Tracks(own.times, x, y), fitted_lags(own))
        blind = fit_square_displacements(squares, own.interval)
        assert blind.persistence_interval[1] < 0.8 * 240.0


def test_few_lags_say_that_the_error_of_places_stays():
    short = track_table(file_of(walk(30, 180.0, 60.0, step=3.0)))["tracks"]
    assert short["localisation_error_um"] is None
    assert any("errors of places are not taken off" in note for note in short["notes"])


def test_paths_are_cut_into_pieces_where_cells_leave():
    own = paths(
        [(n, n, 0) for n in range(6)], [(n, n, 1) for n in range(3)], [(0, 0, 2), (1, 1, 2)]
    )
    there = np.array([1, 1, 0, 1, 1, 1, 0, 0, 1, 1, 1], dtype=bool)
    cut, count = pieces(own, there)
    assert cut.path.tolist() == [0, 0, 1, 1, 1, 2, 2]
    assert cut.x.tolist() == [0.0, 1.0, 3.0, 4.0, 5.0, 0.0, 1.0]
    assert (cut.count, count) == (3, 2)
    assert pieces(own, np.zeros(11, dtype=bool))[0].count == 0


def test_a_common_drift_is_found_and_said_and_none_is_rarely_claimed():
    own = walk(60, 3600.0, 60.0, step=12.0, speed=2.5 / 60.0, persistence=240.0, seed=8)
    shift = 0.6 * np.arange(own.x.shape[1])
    table = track_table(file_of(Tracks(own.times, own.x, own.y + shift)))["tracks"]
    assert table["drift_um_per_min"] == pytest.approx(0.6, abs=0.15)
    assert table["drift_direction_deg"] == pytest.approx(90.0, abs=15.0)
    assert table["drift_p"] < 0.01
    assert any("the tracks drift together" in note for note in table["notes"])
    still = [walk(30, 1200.0, 60.0, step=12.0, seed=100 + n) for n in range(60)]
    each = [mean_drift(found, steps_of(found))[2] for found in map(paths_of, map(file_of, still))]
    assert sum(p < 0.05 for p in each) <= 8
    assert 0.35 < np.mean(each) < 0.65


def test_tracks_over_the_whole_film_may_hide_a_drift():
    own = walk(30, 1200.0, 60.0, step=12.0)
    whole = track_table(file_of(own))["tracks"]
    assert whole["whole_film_share"] == 1.0
    assert any("most tracks last the whole film" in note for note in whole["notes"])
    begin = np.arange(30)[:, None] % 2 * 10
    later = (np.arange(21) >= begin) & (np.arange(21) <= begin + 10)
    cell, frame = np.nonzero(later)
    short = make_track_file(
        "short", "table", Scale(1.0, 60.0, None, ()), spot=np.arange(len(cell)), frame=frame,
        x=own.x[later], y=own.y[later], track=cell,
    )  # fmt: skip
    halves = track_table(short)["tracks"]
    assert halves["whole_film_share"] == 0.0
    assert not any("whole film" in note for note in halves["notes"])


def test_means_have_intervals_over_paths():
    values = np.random.default_rng(7).normal(5.0, 1.0, 400)
    mean, (low, high) = mean_over_paths(np.append(values, np.nan))
    assert mean == pytest.approx(values.mean())
    assert high - low == pytest.approx(2 * 1.96 * values.std() / 20.0, rel=0.08)
    mean, ends = pooled_mean(np.array([3.0, 0.0]), np.array([2.0, 0.0]))
    assert (mean, np.isnan(ends).all()) == (1.5, True)
    assert np.isnan(pooled_mean(np.zeros(2), np.zeros(2))[0])


def drifting(seed, drift):
    """Track file of walkers that drift along y."""
    tracks = walk(60, 3600.0, 60.0, step=6.0, seed=seed)
    return file_of(type(tracks)(tracks.times, tracks.x, tracks.y + drift * tracks.times))


def test_drift_shows_along_its_axis_alone():
    table = track_table(drifting(3, 0.6 * SPEED), direction=90.0)["tracks"]
    assert table["forward_migration_interval"][0] > 0.2
    low, high = table["sideward_migration_interval"]
    assert low < 0.0 < high
    assert table["v_test_p"] < 1e-6
    assert table["net_direction_deg"] == pytest.approx(90.0, abs=15.0)
    away = track_table(drifting(3, 0.6 * SPEED), direction=270.0)["tracks"]
    assert away["v_test_p"] > 0.999
    assert away["forward_migration"] == pytest.approx(-table["forward_migration"])
    null = track_table(drifting(3, 0.0), direction=90.0)["tracks"]
    assert null["rayleigh_p"] > 0.05


def test_speeds_are_compared_with_those_of_the_control():
    slow = walk(40, 3600.0, 60.0, step=6.0, seed=8)
    fast = walk(50, 3600.0, 60.0, step=6.0, seed=9, speed=1.5 * SPEED)
    found = track_table(file_of(fast), file_of(slow))["comparison"]
    assert found["ratio_of_medians"] == pytest.approx(1.5, rel=0.05)
    assert found["interval"][0] < 1.5 < found["interval"][1]
    assert found["p"] < 1e-6
    assert track_table(file_of(slow), file_of(slow))["comparison"]["p"] == pytest.approx(1.0)


def test_unlike_frame_intervals_are_refused():
    one, other = (file_of(walk(5, 3600.0, every, step=6.0)) for every in (60.0, 120.0))
    with pytest.raises(InputError, match="frames of walk are 2 min apart, those of walk 1 min;"):
        track_table(one, other)


def test_branches_of_one_spot_are_left_out_and_said(written):
    rows = [(0, 0, 0, 1.0, 1.0), (1, 0, 1, 2.0, 2.0), (2, None, 1, 5.0, 5.0)]
    table = track_table(read_tracks(written(csv_text(rows))))["tracks"]
    assert (table["branches"], table["steps"], table["lone_spots"]) == (1, 1, 1)
    assert table["notes"][0] == "1 spot in no track left out"


def test_tracks_of_which_nothing_is_left_are_refused(written):
    spots = [spot(0, 0, 1.0, 1.0), spot(1, 1, 2.0, 2.0), spot(2, 1, 0.0, 0.0)]
    file = read_tracks(written(trackmate(spots, [[(0, 1), (0, 2)]])))
    with pytest.raises(InputError, match="no two linked spots are left"):
        track_table(file)
