import math

import numpy as np
import pytest

from conftest import scattered
from sdf1_field.analysis import distance_table
from sdf1_field.record import open_run


def test_every_cell_and_all_the_floor_are_at_some_distance(tiny_run):
    with open_run(tiny_run) as run:
        rows = distance_table([run], [0.0, 7200.0])
        bodies = np.isfinite(run["body_x"].values[0]).sum()
    for time in (0.0, 7200.0):
        for kind in ("MSC body", "migrasome"):
            own = [r for r in rows if (r["time"], r["from_edge_of"]) == (time, kind)]
            assert sum(r["cells"] for r in own) == 30
            assert sum(r["area_mm2"] for r in own) == pytest.approx(0.09, rel=1e-12)
            assert [r["lower_um"] for r in own][1:] == [r["upper_um"] for r in own][:-1]
    on_it = rows[0]
    assert (on_it["lower_um"], on_it["upper_um"]) == (None, 0.0)
    # Ellipses of the scene, less what reaches over the walls.
    assert 0.3 * bodies * 3000e-6 < on_it["area_mm2"] < 1.5 * bodies * 3000e-6


def test_a_uniform_scatter_is_as_dense_at_any_distance(tiny_run):
    many = 50_000
    with open_run(tiny_run) as run:
        uniform = scattered(run, many, seed=12)
        rows = distance_table([uniform])
    counted = [row for row in rows if row["cells"] > 0]
    assert len(counted) > 10
    for row in counted:
        # Counting noise, and half a lattice point along the bin's edges.
        error = 1 / math.sqrt(row["cells"]) + 0.01
        assert row["ratio"] == pytest.approx(1.0, abs=4 * error)
    assert sum(row["cells"] for row in counted) == 2 * many


def test_a_scene_without_migrasomes_has_no_distance_from_them(solved):
    with open_run(solved("coculture-kg1a", "scene.network_fraction=0.0")) as run:
        rows = distance_table([run])
    assert {row["from_edge_of"] for row in rows} == {"MSC body"}
