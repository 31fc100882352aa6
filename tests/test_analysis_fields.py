import math

import numpy as np
import pytest

from sdf1_field.analysis import field_table
from sdf1_field.analysis.fields import floor_profile
from sdf1_field.analysis.space import Outlines
from sdf1_field.errors import InputError
from sdf1_field.grid import make_grid
from sdf1_field.record import open_run

SIDE = 800.0
GRID = make_grid(SIDE, SIDE, 100.0, spacing=5.0, floor_layer=10.0, layer_growth=1.2)
X, Y, RADIUS = 250.7, 249.1, 100.0
AWAY = np.hypot(GRID.x[None, :] - X, GRID.y[:, None] - Y)
"""Of each floor cell from a body's centre [um]."""


def discs(*places):
    x, y, radius = np.array(places, dtype=float).reshape(-1, 3).T
    return Outlines(x, y, radius, radius, np.zeros(len(x)))


BODY = discs((X, Y, RADIUS))


def test_places_are_under_a_body_or_in_rings_around_it():
    found = floor_profile(AWAY, GRID, BODY, discs())
    radii = np.array([0.0, 100.0, 110.0, 120.0, 140.0, 180.0])
    np.testing.assert_allclose(found.area[:5], math.pi * np.diff(radii**2), rtol=0.02)
    assert found.area.sum() == pytest.approx(SIDE**2)
    rings = 2 / 3 * np.diff(radii**3) / np.diff(radii**2)
    np.testing.assert_allclose(found.concentration[:5], rings, rtol=0.01)


def test_a_migrasome_is_the_middle_of_its_own_rings_unless_under_a_body():
    alone = floor_profile(AWAY, GRID, BODY, discs())
    near = floor_profile(AWAY, GRID, BODY, discs((601.3, 603.1, 50)))
    gained = (near.area - alone.area)[:5]
    assert gained[0] == 0.0
    rings = np.diff(np.array([0.0, 60.0, 70.0, 90.0, 130.0]) ** 2)
    np.testing.assert_allclose(gained[1:], math.pi * rings, rtol=0.02)
    below = floor_profile(AWAY, GRID, BODY, discs((X, Y, 1)))
    np.testing.assert_array_equal(below.area, alone.area)


def test_the_floors_mean_is_that_of_the_places_by_area():
    found = floor_profile(AWAY, GRID, BODY, discs((600, 600, 1)))
    assert found.mean == pytest.approx(AWAY.mean())
    assert found.maximum == AWAY.max()
    weighed = (found.area * found.concentration).sum() / found.area.sum()
    assert weighed == pytest.approx(found.mean, rel=1e-12)


def test_a_place_that_is_not_there_has_no_concentration():
    found = floor_profile(AWAY, GRID, discs(), discs((X, Y, RADIUS)))
    assert found.area[0] == 0.0
    assert math.isnan(found.concentration[0])
    assert found.concentration[1] == pytest.approx(2 / 3 * 110, rel=0.01)


def test_beyond_the_wall_of_a_round_well_is_no_floor():
    well = make_grid(
        SIDE, SIDE, 100.0, spacing=5.0, floor_layer=10.0, layer_growth=1.2, round_well=True
    )
    field = np.where(well.inside, 3.0, np.nan)
    found = floor_profile(field, well, discs((400, 400, 20)), discs())
    assert (found.mean, found.maximum) == (3.0, 3.0)
    assert found.area.sum() == pytest.approx(well.area)
    np.testing.assert_allclose(found.concentration, 3.0)


def test_the_table_averages_dishes_and_divides_means(solved):
    with open_run(solved(seed=1)) as one, open_run(solved(seed=2)) as two:
        control = one.copy().assign_attrs(seed=9)
        table = field_table([one, two], against=[control])
        rows = [row for row in table if row["ligand"] == "sdf1"]
        assert [(row["place"], row["lower_um"], row["upper_um"]) for row in rows] == [
            ("under a body", None, None),
            ("around", 0.0, 10.0),
            ("around", 10.0, 20.0),
            ("around", 20.0, 40.0),
            ("around", 40.0, 80.0),
            ("around", 80.0, None),
            ("whole floor", None, None),
            ("highest", None, None),
        ]
        floor, highest = rows[-2:]
        means = [float(run["sdf1"][-1].values.astype(float).mean()) for run in (one, two)]
        assert floor["mean"] == pytest.approx(np.mean(means))
        assert floor["deviation"] == pytest.approx(np.std(means, ddof=1))
        assert (floor["control_mean"], floor["control_deviation"]) == (
            pytest.approx(means[0]),
            None,
        )
        assert floor["ratio_of_means"] == pytest.approx(np.mean(means) / means[0])
        assert highest["mean"] == pytest.approx(
            np.mean([float(run["sdf1"][-1].values.max()) for run in (one, two)])
        )
        last = float(one["time"].values[-1])
        assert {row["time"] for row in table} == {last}
        first = field_table([one], [last, 0.0])
        assert [row["time"] for row in first] == sorted(row["time"] for row in first)
        assert all(row["control_mean"] is None for row in first)


def test_a_field_needs_a_stroma_and_a_saved_time(solved):
    alone = solved("coculture-kg1a", "scene.msc_density=0 1/mm**2", "scene.network_fraction=0.0")
    with open_run(alone) as run, pytest.raises(InputError, match="no MSC and no migrasomes, which"):
        field_table([run])
    with open_run(solved("null-kg1a")) as run, pytest.raises(InputError, match="holds no field"):
        field_table([run])
    with open_run(solved()) as run, pytest.raises(InputError, match="not saved at 10 min"):
        field_table([run], [600.0])
