import math

import numpy as np
import pytest

from sdf1_field.analysis import (
    fit_persistent_walk,
    persistent_walk_law,
    square_displacements,
)
from sdf1_field.analysis.motion import mean_interval
from sdf1_field.analysis.tracks import (
    Tracks,
    clear_of_walls,
    even_frames,
    fitted_lags,
    net_displacements,
    path_lengths,
    pooled_tracks,
    shown_lags,
)

MINUTE, HOUR = 60.0, 3600.0
SPEED = 1.5 / MINUTE
PERSISTENCE = 5 * MINUTE
MOTILITY = 0.5 * SPEED**2 * PERSISTENCE


def walk(cells, duration, every, *, step, speed=SPEED, persistence=PERSISTENCE, seed=1):
    """Persistent walkers from the origin, moved in small steps along the mean of two headings."""
    rng = np.random.default_rng(seed)
    heading = 2 * math.pi * rng.random(cells)
    place = np.zeros((2, cells))
    frames = [place.copy()]
    between = round(every / step)
    spread = math.sqrt(2 * step / persistence)
    for n in range(1, round(duration / step) + 1):
        turned = heading + spread * rng.standard_normal(cells)
        place[0] += 0.5 * speed * step * (np.cos(heading) + np.cos(turned))
        place[1] += 0.5 * speed * step * (np.sin(heading) + np.sin(turned))
        heading = turned
        if n % between == 0:
            frames.append(place.copy())
    x, y = np.stack(frames, axis=-1)
    return Tracks(np.arange(x.shape[1]) * every, x, y)


def thinned(tracks, n):
    return Tracks(tracks.times[::n], tracks.x[:, ::n], tracks.y[:, ::n], tracks.walls)


def group(tracks, rows):
    return Tracks(tracks.times, tracks.x[rows], tracks.y[rows], tracks.walls)


def folded(place, extent):
    there = np.mod(place, 2 * extent)
    return np.where(there > extent, 2 * extent - there, there)


@pytest.fixture(scope="module")
def walkers():
    """Two hundred walkers over 8 h in frames of 15 s."""
    return walk(200, 8 * HOUR, 15.0, step=3.0)


def test_the_law_is_ballistic_below_persistence_and_diffusive_above():
    assert persistent_walk_law(1e-3, 2.0, 100.0) == pytest.approx(4e-6, rel=1e-5)
    late = persistent_walk_law(1e6, 2.0, 100.0)
    assert late == pytest.approx(4 * 200.0 * (1e6 - 100.0), rel=1e-12)


def test_the_law_bends_as_the_headings_forget():
    # The second derivative is twice the velocity's autocorrelation.
    t, h = np.array([10.0, 100.0, 400.0]), 0.05
    law = [persistent_walk_law(t + k * h, 2.0, 100.0) for k in (-1, 0, 1)]
    bend = (law[0] - 2 * law[1] + law[2]) / h**2
    assert bend == pytest.approx(2 * 4.0 * np.exp(-t / 100.0), rel=1e-4)


def test_the_law_is_smooth_where_its_series_takes_over():
    below, above = persistent_walk_law(np.array([0.99999e-2, 1.00001e-2]), 1.0, 100.0)
    assert above / below == pytest.approx((1.00001 / 0.99999) ** 2, rel=1e-7)


def test_path_is_the_sum_of_steps_and_net_the_way_between_its_ends():
    tracks = Tracks(np.array([0.0, 1, 2]), np.array([[0.0, 3, 3]]), np.array([[0.0, 4, -4]]))
    assert path_lengths(tracks) == pytest.approx([13.0])
    assert net_displacements(tracks) == pytest.approx([5.0])


@pytest.mark.parametrize(("times", "even"), [([0, 5, 10, 12], 3), ([0, 5, 10, 15], 4), ([0, 7], 2)])
def test_a_last_frame_that_comes_early_is_left_out(times, even):
    assert even_frames(np.array(times, dtype=float)) == even


def test_lags_go_to_a_tenth_and_to_a_quarter_of_the_track(walkers):
    for n, frames in ((1, 1920), (60, 32)):
        tracks = thinned(walkers, n)
        assert fitted_lags(tracks)[-1] == max(frames // 10, 3)
        assert shown_lags(tracks)[-1] == frames // 4
        assert fitted_lags(tracks)[0] == shown_lags(tracks)[0] == 1


def test_lags_of_a_short_recording_are_those_it_has():
    tracks = Tracks(np.array([0.0, 1, 2]), np.zeros((1, 3)), np.zeros((1, 3)))
    assert fitted_lags(tracks).tolist() == shown_lags(tracks).tolist() == [1, 2]


def test_square_displacements_follow_the_law(walkers):
    tracks = thinned(walkers, 4)
    squares = square_displacements(tracks, np.array([1, 5, 15, 40]))
    assert squares.lags == pytest.approx([60.0, 300.0, 900.0, 2400.0])
    law = persistent_walk_law(squares.lags, SPEED, PERSISTENCE)
    assert squares.mean == pytest.approx(law, rel=0.05)


@pytest.mark.parametrize(
    ("every", "speed_error", "persistence_error"),
    [(1, 0.005, 0.05), (4, 0.01, 0.06), (20, 0.03, 0.1), (60, 0.05, 0.15)],
)
def test_speed_and_persistence_are_found_whatever_the_frames(
    walkers, every, speed_error, persistence_error
):
    found = fit_persistent_walk(thinned(walkers, every))
    assert found.speed == pytest.approx(SPEED, rel=speed_error)
    assert found.persistence_time == pytest.approx(PERSISTENCE, rel=persistence_error)
    assert found.motility_coefficient == pytest.approx(MOTILITY, rel=0.1)
    low, high = found.persistence_interval
    assert low < found.persistence_time < high


@pytest.mark.parametrize(("every", "share"), [(1, 0.995), (4, 0.97), (20, 0.87), (60, 0.66)])
def test_the_speed_from_frame_to_frame_falls_with_their_interval(walkers, every, share):
    tracks = thinned(walkers, every)
    apparent = path_lengths(tracks).mean() / tracks.duration
    law = persistent_walk_law(tracks.interval, SPEED, PERSISTENCE)
    # Between the root of the mean square and that of a random walk, sqrt(pi / 4) of it.
    straight = math.sqrt(law) / tracks.interval
    assert math.sqrt(math.pi / 4) * straight < apparent < straight
    assert apparent < share * SPEED
    assert fit_persistent_walk(tracks).speed > apparent


def test_intervals_hold_the_truth_nineteen_times_in_twenty():
    everyone = walk(1600, 8 * HOUR, 15 * MINUTE, step=30.0, seed=2)
    held = np.zeros(3, dtype=int)
    for n in range(40):
        found = fit_persistent_walk(group(everyone, slice(40 * n, 40 * n + 40)))
        for k, (interval, truth) in enumerate(
            (
                (found.speed_interval, SPEED),
                (found.persistence_interval, PERSISTENCE),
                (found.motility_interval, MOTILITY),
            )
        ):
            held[k] += interval[0] < truth < interval[1]
    assert (held >= 34).all()
    assert held.sum() < 120


def test_persistence_far_below_the_interval_is_not_claimed():
    quick = walk(100, 8 * HOUR, 15 * MINUTE, step=5.0, persistence=20.0, seed=3)
    found = fit_persistent_walk(quick)
    assert found.speed is None
    assert found.persistence_time is None
    assert found.motility_coefficient == pytest.approx(0.5 * SPEED**2 * 20.0, rel=0.1)
    assert found.persistence_interval[0] == 0.0
    assert 20.0 < found.persistence_interval[1] < 5 * MINUTE
    assert "not resolved by frames every 15 min" in found.note


def test_persistence_below_the_interval_is_said_to_rest_on_successive_steps(walkers):
    assert "successive steps" in fit_persistent_walk(thinned(walkers, 60)).note
    assert fit_persistent_walk(thinned(walkers, 4)).note == ""


def test_cells_that_never_turn_have_a_speed_alone():
    angle = np.linspace(0.0, 6.0, 50)[:, None]
    times = np.arange(33) * 900.0
    found = fit_persistent_walk(
        Tracks(times, SPEED * times * np.cos(angle), SPEED * times * np.sin(angle))
    )
    assert found.speed == pytest.approx(SPEED, rel=1e-3)
    assert found.persistence_time is None
    assert found.motility_coefficient is None
    assert "hardly turn" in found.note


def test_mirror_walls_do_not_bias_the_walk():
    free = walk(2000, 8 * HOUR, 15 * MINUTE, step=30.0, seed=4)
    rng = np.random.default_rng(4)
    x = folded(free.x + 300.0 * rng.random((2000, 1)), 300.0)
    y = folded(free.y + 300.0 * rng.random((2000, 1)), 300.0)
    blind = fit_persistent_walk(Tracks(free.times, x, y))
    aware = fit_persistent_walk(Tracks(free.times, x, y, walls=(300.0, 300.0)))
    assert blind.motility_coefficient < 0.93 * MOTILITY
    assert blind.persistence_interval[1] < PERSISTENCE
    assert aware.motility_coefficient == pytest.approx(MOTILITY, rel=0.03)
    assert aware.persistence_time == pytest.approx(PERSISTENCE, rel=0.05)


def test_displacements_near_a_wall_are_left_out_in_both_directions():
    x, y = np.array([50.0, 29.0, 50.0, 171.0]), np.array([50.0, 50.0, 71.0, 50.0])
    square = np.full(4, 200.0)  # ten along each axis
    assert clear_of_walls(x, y, square, (200.0, 100.0)).tolist() == [True, False, False, False]


def test_a_view_too_small_for_its_cells_fits_no_walk(walkers):
    tracks = thinned(walkers, 60)
    small = Tracks(tracks.times, folded(tracks.x, 20.0), folded(tracks.y, 20.0), (20.0, 20.0))
    found = fit_persistent_walk(small)
    assert found.speed is None
    assert found.motility_coefficient is None
    assert "too small a view" in found.note


def test_cells_that_stand_still_fit_no_walk():
    found = fit_persistent_walk(Tracks(np.arange(9.0), np.ones((5, 9)), np.ones((5, 9))))
    assert found.motility_coefficient is None
    assert "nothing moves" in found.note


def test_one_cell_has_no_interval(walkers):
    found = fit_persistent_walk(group(thinned(walkers, 4), slice(1)))
    assert found.speed == pytest.approx(SPEED, rel=0.1)
    assert found.speed_interval is found.persistence_interval is found.motility_interval is None
    assert "one cell" in found.note
    assert mean_interval(np.array([1.0])) is None


def test_dishes_pool_as_cells(walkers):
    halves = [group(walkers, slice(80)), group(walkers, slice(80, 200))]
    both = pooled_tracks(halves)
    assert both.x.shape == walkers.x.shape
    assert path_lengths(both) == pytest.approx(path_lengths(walkers), rel=1e-12)
