import math

import numpy as np
import pytest

from sdf1_field.analysis import approach_table
from sdf1_field.analysis.chemotaxis import approach
from sdf1_field.analysis.space import Outlines, nearest_edge
from sdf1_field.record import open_run

EDGES = np.array([0.0, 10.0, 20.0, math.inf])


def steps(rng, cells, each, *, drift=0.0):
    """Steps of length 10 whose direction has a mean cosine with the way to the edge."""
    angle = (
        rng.vonmises(0.0, drift, cells * each)
        if drift
        else rng.uniform(-3.14159, 3.14159, cells * each)
    )
    return (
        np.repeat(np.arange(cells), each),
        rng.uniform(0.0, 10.0, cells * each),
        10.0 * np.cos(angle),
        np.full(cells * each, 10.0),
    )


def test_the_index_is_one_towards_and_minus_one_away():
    cell, way = np.array([0, 1, 0, 1]), np.ones(4)
    found = approach(cell, np.array([5.0, 5, 15, 15]), np.array([1.0, 1, -1, -1]), way, EDGES)
    assert found.index[:2].tolist() == [1.0, -1.0]
    assert found.cells.tolist() == [2, 2, 0]
    assert found.steps.tolist() == [2, 2, 0]
    assert np.isnan(found.index[2])
    assert np.isnan(found.interval[2]).all()


def test_the_index_is_the_mean_cosine_of_equal_steps():
    from scipy import special

    found = approach(*steps(np.random.default_rng(4), 200, 30, drift=0.5), EDGES)
    expected = special.i1(0.5) / special.i0(0.5)
    assert found.index[0] == pytest.approx(expected, abs=0.03)
    assert found.interval[0, 0] < expected < found.interval[0, 1]


def test_wandering_cells_have_no_index_within_their_interval():
    rng = np.random.default_rng(5)
    held = 0
    for _ in range(30):
        found = approach(*steps(rng, 40, 10), EDGES)
        held += found.interval[0, 0] < 0.0 < found.interval[0, 1]
    assert held >= 25


def test_the_interval_is_over_cells_not_over_steps():
    # Every cell repeats its own step twenty times: forty steps say no more than two cells.
    rng = np.random.default_rng(6)
    own = np.cos(rng.uniform(0.0, 2 * math.pi, 100))
    cell = np.repeat(np.arange(100), 20)
    found = approach(cell, np.full(2000, 5.0), np.repeat(own, 20), np.ones(2000), EDGES)
    error = own.std(ddof=1) / math.sqrt(100)
    assert np.ptp(found.interval[0]) == pytest.approx(2 * 1.96 * error, rel=0.1)
    assert found.index[0] == pytest.approx(own.mean(), rel=1e-12)


def test_long_steps_weigh_more():
    found = approach(
        np.array([0, 1]),
        np.array([5.0, 5.0]),
        np.array([30.0, -10.0]),
        np.array([30.0, 10.0]),
        EDGES,
    )
    assert found.index[0] == pytest.approx(0.5)


def test_cells_that_stand_still_have_no_chemotactic_index():
    found = approach(
        np.array([0, 1, 1]), np.array([5.0, 5.0, 5.0]), np.zeros(3), np.zeros(3), np.array([0.0, 9])
    )
    assert found.cells[0] == 2
    assert found.steps[0] == 3
    assert np.isnan(found.index[0])
    assert np.isnan(found.interval[0]).all()


def test_only_steps_of_free_crawling_cells_away_from_walls_count(tiny_run):
    with open_run(tiny_run) as run:
        rows = approach_table([run])
        x, y = run["cell_x"].values, run["cell_y"].values
        free = (run["cell_region"].values == 0) & (run["cell_state"].values == 0)
    free = free[:, :-1]
    square = (np.diff(x) ** 2 + np.diff(y) ** 2)[free]
    reach = 3 * math.sqrt(0.5 * square.mean())
    begin_x, begin_y = x[:, :-1][free], y[:, :-1][free]
    inner = (np.abs(begin_x - 150.0) <= 150.0 - reach) & (np.abs(begin_y - 150.0) <= 150.0 - reach)
    for kind in ("MSC body", "migrasome"):
        # A cell on free surface by the grid may be on a body by its outline.
        counted = sum(row["steps"] for row in rows if row["to_edge_of"] == kind)
        assert 0.95 * inner.sum() <= counted <= inner.sum()
        assert 0 < counted < free.sum()


def test_cells_drawn_straight_to_the_bodies_have_the_index_one(tiny_run):

    with open_run(tiny_run) as run:
        run = run.load()
        there = np.isfinite(run["body_x"].values[-1])
        names = ("x", "y", "semi_major", "semi_minor", "angle")
        bodies = Outlines(*(run[f"body_{n}"].values[-1][there] for n in names))
        near = nearest_edge(bodies, run["cell_x"].values[:, 0], run["cell_y"].values[:, 0])
        frames = np.arange(run.sizes["obs"]) / run.sizes["obs"]
        way = np.maximum(near.distance, 0.0)[:, None] * frames
        drawn = run.assign(
            cell_x=(run["cell_x"].dims, run["cell_x"].values[:, :1] + way * near.toward_x[:, None]),
            cell_y=(run["cell_y"].dims, run["cell_y"].values[:, :1] + way * near.toward_y[:, None]),
            cell_region=run["cell_region"] * 0,
            cell_state=run["cell_state"] * 0,
        )
        rows = approach_table([drawn])
    known = [r["index"] for r in rows if r["to_edge_of"] == "MSC body" and r["index"] is not None]
    assert len(known) >= 3
    assert known == pytest.approx(np.ones(len(known)), abs=1e-6)
