"""Tracks against directions: to a region of a mask, up a gradient; and tracks that follow none."""

import math

import numpy as np
import pytest

from sdf1_field.analysis import approach_table
from sdf1_field.analysis.chemotaxis import approach
from sdf1_field.analysis.guidance import Followers, followed, guidance
from sdf1_field.analysis.guides import Guide, gradient_guide, region_guides
from sdf1_field.analysis.paths import Paths, paths_of, steps_of
from sdf1_field.analysis.space import BODY, nearest_edge
from sdf1_field.analysis.stroma_runs import frame_outlines
from sdf1_field.api.exporting import run_track_file
from sdf1_field.errors import InputError
from sdf1_field.interop import parse_labels
from sdf1_field.interop.masks import make_mask
from sdf1_field.record import open_run, solve
from sdf1_field.spec import load_model
from test_analysis_paths import paths

WIDTH = 400.0


def mask_of(picture, *, size=2.0, labels="free=0,msc=1"):
    return make_mask("mask.tif", np.asarray(picture, dtype=np.uint8), parse_labels(labels), size)


@pytest.fixture(scope="module")
def block():
    """Guide to a body of 20 um x 20 um in the middle of a picture of 400 um."""
    picture = np.zeros((200, 200), dtype=np.uint8)
    picture[95:105, 95:105] = 1
    (guide,) = region_guides(mask_of(picture))
    return guide


def centre(x, y, _):
    """Up the gradient of a source in the middle."""
    distance = np.hypot(x - 0.5 * WIDTH, y - 0.5 * WIDTH)
    distance = np.where(distance > 0.0, distance, np.nan)
    return (0.5 * WIDTH - x) / distance, (0.5 * WIDTH - y) / distance


SOURCE = Guide(
    "source", "none", WIDTH, WIDTH, (-np.inf, np.inf), centre, "without a gradient", False
)


def inner(rng, cells):
    """Places so far inside that no walker comes to a wall."""
    return rng.uniform(0.25 * WIDTH, 0.75 * WIDTH, cells)


def walkers(rng, x, y, *, steps=25, length=4.0, turning=0.4, pull=0.0):
    """Paths of persistent walkers whose heading a source pulls."""
    heading = rng.uniform(0.0, 2 * math.pi, len(x))
    places_x, places_y = [x], [y]
    for _ in range(steps):
        way_x, way_y = centre(places_x[-1], places_y[-1], None)
        pulled_x, pulled_y = np.cos(heading) + pull * way_x, np.sin(heading) + pull * way_y
        heading = np.arctan2(pulled_y, pulled_x) + turning * rng.standard_normal(len(x))
        places_x.append(places_x[-1] + length * np.cos(heading))
        places_y.append(places_y[-1] + length * np.sin(heading))
    cells, frames = len(x), steps + 1
    return Paths(
        np.repeat(np.arange(cells), frames), np.tile(np.arange(frames), cells),
        np.array(places_x).T.ravel(), np.array(places_y).T.ravel(), 60.0,
    )  # fmt: skip


def test_a_region_is_approached_at_its_nearest_pixel(block):
    x, y = np.array([100.0, 200.0, 300.0, 100.0]), np.array([199.0, 100.0, 200.0, 100.0])
    way_x, way_y = block.ways(x, y, np.zeros(4))
    assert way_x[0] == pytest.approx(1.0)
    assert (abs(way_x[1]) < 0.02, way_y[1] > 0.99) == (True, True)
    assert way_x[2] == pytest.approx(-1.0, abs=1e-4)
    # The pixel at the body's corner has its centre at 191 um.
    assert (way_x[3], way_y[3]) == pytest.approx((math.sqrt(0.5), math.sqrt(0.5)))
    assert np.isnan(block.ways(np.array([200.0]), np.array([200.0]), np.zeros(1))[0]).all()


def test_steps_straight_to_a_region_have_the_index_one_and_away_minus_one(block):
    there = [(n, 100.0 + 5.0 * n, 191.0) for n in range(10)]
    back = [(n, 145.0 - 5.0 * n, 209.0) for n in range(10)]
    score = guidance(Followers(paths(there, there, there), block))
    assert (score["index"], score["mean_cosine"]) == pytest.approx((1.0, 1.0))
    assert (score["forward_migration"], score["straightness"]) == pytest.approx((1.0, 1.0))
    assert (score["steps"], score["paths"], score["reached"]) == (27, 3, 0)
    assert score["step_angles"][0] == {"angle_deg": 0.0, "share": 1.0}
    away = guidance(Followers(paths(back, back), block))
    assert away["index"] == pytest.approx(-1.0)
    assert {r["angle_deg"]: r["share"] for r in away["step_angles"]}[180.0] == 1.0
    assert away["v_test_p"] > 0.9


def test_long_steps_weigh_more_in_the_index_and_not_in_the_mean_cosine(block):
    forwards = [(0, 100.0, 191.0), (1, 130.0, 191.0)]
    backwards = [(0, 100.0, 191.0), (1, 90.0, 191.0)]
    score = guidance(Followers(paths(forwards, backwards), block))
    assert score["index"] == pytest.approx(0.5)
    assert score["mean_cosine"] == pytest.approx(0.0, abs=1e-9)


def test_cells_in_the_region_count_when_they_have_left_it_and_not_in_tests_over_tracks(block):
    leaves = [(0, 200.0, 199.0), (1, 220.0, 199.0), (2, 240.0, 199.0)]
    enters = [(0, 160.0, 199.0), (1, 180.0, 199.0), (2, 200.0, 199.0), (3, 201.0, 199.0)]
    rests = [(0, 200.0, 200.0), (1, 200.0, 200.0)]
    score = guidance(Followers(paths(leaves, enters, rests), block))
    # One step away from the region outside of it, and two towards it.
    assert (score["steps"], score["steps_left_out"]) == (3, 3)
    assert score["index"] == pytest.approx((20.0 + 20.0 - 20.0) / 60.0)
    assert (score["paths"], score["paths_left_out"], score["reached"]) == (1, 2, 1)
    assert score["forward_migration"] == pytest.approx(1.0)
    assert score["notes"] == [
        "MSC: 2 of 3 tracks begin in MSC; their steps outside count, and the tests over tracks "
        "leave them out"
    ]
    with pytest.raises(InputError, match="all steps of the tracks begin in MSC, where there is no"):
        guidance(Followers(paths(rests), block))


def test_steps_over_gaps_do_not_count(block):
    gap = [(0, 100.0, 191.0), (2, 120.0, 191.0), (3, 110.0, 191.0)]
    score = guidance(Followers(paths(gap), block))
    assert (score["steps"], score["index"]) == (1, pytest.approx(-1.0))


def test_cells_that_are_pulled_are_told_from_those_that_wander():
    rng = np.random.default_rng(1)
    x, y = inner(rng, 60), inner(rng, 60)
    pulled = guidance(Followers(walkers(rng, x, y, pull=0.3), SOURCE))
    assert pulled["index_interval"][0] > 0.1
    assert pulled["rotation_p"] == 1 / 200
    assert pulled["v_test_p"] < 1e-6
    assert pulled["reached"] is None
    wandering = guidance(Followers(walkers(rng, x, y), SOURCE))
    assert wandering["rotation_p"] > 0.05
    assert wandering["v_test_p"] > 0.05


@pytest.mark.slow
def test_persistence_makes_no_significance():
    # Long straight runs: the steps of a cell are nearly one observation, not forty.
    rng, low = np.random.default_rng(2), {"rotation_p": 0, "v_test_p": 0}
    for _ in range(40):
        x, y = inner(rng, 25), inner(rng, 25)
        score = guidance(Followers(walkers(rng, x, y, turning=0.05), SOURCE))
        for key in low:
            low[key] += score[key] <= 0.2
    # Eight of forty are expected; 16 or more come with a chance of 0.3 %.
    assert 1 <= low["rotation_p"] <= 15
    assert 1 <= low["v_test_p"] <= 15


def test_cells_that_start_at_the_source_are_compared_with_others_that_do():
    # They can only go away: the index is below 0 without any repulsion.
    rng = np.random.default_rng(3)
    x, y = (rng.normal(0.5 * WIDTH, 5.0, 60) for _ in range(2))
    score = guidance(Followers(walkers(rng, x, y, steps=20), SOURCE))
    assert score["index"] < -0.4
    assert score["rotated_index"] == pytest.approx(score["index"], abs=0.1)
    assert 0.02 < score["rotation_p"] < 0.98


# Gradients of runs


def with_field(run, concentration, bound=0.0):
    """Run with other fields, functions of time, y and x."""
    shape = run["sdf1"].shape
    time, y, x = np.meshgrid(run["time"], run["y"], run["x"], indexing="ij")
    return run.assign(
        sdf1=(run["sdf1"].dims, concentration(time, y, x)),
        sdf1_bound=(run["sdf1"].dims, np.full(shape, bound)),
    )


def ways_at(guide, x, y, time):
    found = guide.ways(*(np.array([value], dtype=float) for value in (x, y, time)))
    return tuple(float(each[0]) for each in found)


def test_the_gradient_is_that_at_the_place_and_time(tiny_run):
    with open_run(tiny_run) as run:
        last = float(run["time"][-1])

        # From along x to along y, linearly in time.
        def turning(time, y, x):
            return 1.0 + 0.01 * (x * (1.0 - time / last) + y * time / last)

        guide = gradient_guide(with_field(run.load(), turning))
        peak = gradient_guide(with_field(run, lambda _, y, x: np.exp(-np.hypot(x - 90, y - 150))))
    assert guide.name == "higher SDF-1"
    assert ways_at(guide, 150.0, 150.0, 0.0) == pytest.approx((1.0, 0.0))
    assert ways_at(guide, 100.0, 200.0, last) == pytest.approx((0.0, 1.0))
    middle = ways_at(guide, 33.0, 77.0, 0.5 * last)
    assert middle == pytest.approx((math.sqrt(0.5), math.sqrt(0.5)), abs=1e-6)
    assert ways_at(peak, 150.0, 150.0, 0.0)[0] == pytest.approx(-1.0)
    assert guide.span[1] == pytest.approx(last, abs=1.0)


def test_cells_follow_what_their_mechanisms_let_them_sense(solved):
    off = ("mechanisms.soluble_sensing=false",)
    for settings, followed_way in (((), (-1.0, 0.0)), (off, (0.0, 1.0))):
        with open_run(solved("coculture-kg1a", *settings)) as run:
            changed = with_field(run.load(), lambda _, __, x: 500.0 - x)
            up = np.broadcast_to(run["y"].values[:, None], run["sdf1"].shape)
            changed = changed.assign(sdf1_bound=(run["sdf1"].dims, 1e-3 * up))
            way = ways_at(gradient_guide(changed), 150.0, 150.0, 0.0)
        assert way == pytest.approx(followed_way, abs=0.01)


def test_runs_without_a_gradient_are_refused(tiny_run):
    with open_run(tiny_run) as run:
        run = run.load()
        uniform = with_field(run, lambda _, __, x: 1.0 + 1e-8 * x)
        for changed, ligand, says in (
            (uniform, None, "SDF-1 has no gradient anywhere. Give a run that has one."),
            (run, "ccl5", "holds no field of ccl5; it holds sdf1, ccl2. Choose one with --ligand"),
            (run.isel(time=[0]), None, "the field was saved once, and tracks last. Save more"),
        ):
            with pytest.raises(InputError, match=says.replace(".", r"\.")):
                gradient_guide(changed, ligand)


def test_steps_off_the_floor_or_at_other_times_are_counted_and_all_of_them_refused(tiny_run):
    with open_run(tiny_run) as run:
        guide = gradient_guide(run)
    last = guide.span[1]
    inside = [(n, 150.0 + n, 150.0) for n in range(4)]
    leaving = [(0, 298.0, 150.0), (1, 299.0, 150.0), (2, 301.0, 150.0), (3, 302.0, 150.0)]
    score = guidance(Followers(paths(inside, leaving), guide))
    assert score["notes"] == [
        "higher SDF-1: 1 of 6 steps begin outside of its floor and do not count"
    ]
    late = guidance(Followers(paths(inside), guide, last - 90.0))
    assert late["notes"] == ["higher SDF-1: 1 of 3 steps begin at other times and do not count"]
    for own, start, says in (
        (
            paths([(0, 400.0, 1.0), (1, 401.0, 1.0)]),
            0.0,
            "no track is on its floor of 300 um x 300",
        ),
        (paths(inside), last + 60.0, "has fields from 0 s to 2 h, and no track is there then"),
    ):
        with pytest.raises(InputError, match=says):
            guidance(Followers(own, guide, start))


LONELY = (
    "scene.msc_density=12 1/mm**2",
    "scene.network_fraction=0.0",
    "mechanisms.arrest=false",
    "mechanisms.cd166_adhesion=false",
    "mechanisms.vla4_adhesion=false",
    "mechanisms.fibre_adhesion=false",
    "output.tracks_every=1 min",
)
"""One body that attracts cells and does not hold them."""


def test_the_score_of_a_run_is_that_of_its_own_analysis(solved):
    with open_run(solved("coculture-kg1a", *LONELY)) as run:
        file, table = run_track_file(run), approach_table([run])
        own = paths_of(file)
        mask = make_mask(
            "mask", run["region"].values[0].astype(np.uint8), parse_labels("free=0,msc=1"), 10.0
        )
        outlines = frame_outlines(run, 0)[BODY]
        up = Followers(own, gradient_guide(run))
        to_body = Followers(own, *region_guides(mask))
    begin = steps_of(own).begin
    near = nearest_edge(outlines, own.x[begin], own.y[begin])
    outside = near.distance > 10.0
    dx, dy = np.diff(own.x)[begin], np.diff(own.y)[begin]
    advance = dx * near.toward_x + dy * near.toward_y
    edges = np.array([-math.inf, math.inf])
    found = approach(
        own.path[begin][outside], near.distance[outside], advance[outside],
        np.hypot(dx, dy)[outside], edges,
    )  # fmt: skip
    # The mask's pixels of 10 um stand for the outline.
    assert followed(to_body).index == pytest.approx(found.index[0], abs=0.03)
    # Around one body the gradient leads to it, and this is what its analysis measures.
    score = guidance(up)
    assert score["index"] == pytest.approx(found.index[0], abs=0.06)
    assert score["index_interval"][0] > 0.0
    rows = [r for r in table if r["to_edge_of"] == BODY and r["index"] is not None]
    advances = sum(r["velocity_um_per_min"] * r["steps"] for r in rows)
    pooled = advances / sum(r["velocity_um_per_min"] * r["steps"] / r["index"] for r in rows)
    assert score["index_interval"][0] < pooled < score["index_interval"][1]


def test_a_steady_field_counts_at_all_times(steady_model, tiny, tmp_path):
    settings = [s for s in tiny if not s.startswith(("run.", "cells.", "mechanisms."))]
    solve(load_model(steady_model, settings=settings), tmp_path / "steady.nc")
    with open_run(tmp_path / "steady.nc") as run:
        guide = gradient_guide(run)
        ccl2 = gradient_guide(run, "ccl2")
    assert ways_at(guide, 100.0, 120.0, 0.0) == ways_at(guide, 100.0, 120.0, 1e6)
    assert math.hypot(*ways_at(guide, 100.0, 120.0, 0.0)) == pytest.approx(1.0)
    assert ccl2.name == "higher CCL2"


ROUND = (
    "dish.shape=round", "numerics.solver=fipy", "cells.density=0 1/mm**2", "grid.spacing=30 um",
    "run.culture=2 min", "run.duration=4 min", "output.fields_every=2 min",
)  # fmt: skip


@pytest.mark.slow
def test_there_is_no_direction_outside_of_a_round_well(solved):
    with open_run(solved("coculture-kg1a", *ROUND)) as run:
        guide = gradient_guide(run)
    time = guide.span[1]
    assert np.isnan(ways_at(guide, 5.0, 5.0, time)).all()
    x, y = (values.ravel() for values in np.meshgrid(*2 * [np.linspace(60.0, 240.0, 30)]))
    way_x, way_y = guide.ways(x, y, np.full(len(x), time))
    assert np.hypot(way_x, way_y) == pytest.approx(np.ones(len(x)))
