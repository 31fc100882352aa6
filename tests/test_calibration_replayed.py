import math

import numpy as np
import pytest

from sdf1_field import InputError
from sdf1_field.calibration.replayed import (
    Counted,
    counted,
    dish_variance,
    log_fold_change,
    replays_of,
    tables_of,
)
from sdf1_field.reproduce import load_paper
from sdf1_field.scene import Region

HOUR = 3600.0
SMALL = ("dish.width=400 um", "dish.length=400 um", "run.culture=6 h")
READS = [("control", HOUR), ("igg", HOUR), ("anti_cd166", HOUR), ("control", 2 * HOUR)]


@pytest.fixture(scope="module")
def replays():
    return replays_of(load_paper("deniz2023"), READS, settings=SMALL, seeds=(3, 4), denser=4)


@pytest.fixture(scope="module")
def tables(replays):
    return tables_of(replays, counted(replays, {}))


def test_all_conditions_are_counted_at_their_times_in_each_dish(tables):
    assert set(tables) == set(READS)
    for table in tables.values():
        assert table.cells.shape == table.areas.shape == (2, 3)
        assert table.areas.sum(axis=1) == pytest.approx([160_000.0, 160_000.0])
    cells = {int(table.cells[n].sum()) for table in tables.values() for n in range(2)}
    assert len(cells) == 1


def test_a_control_antibody_does_nothing_and_anti_cd166_something(tables):
    assert np.array_equal(tables["igg", HOUR].cells, tables["control", HOUR].cells)
    assert not np.array_equal(tables["anti_cd166", HOUR].cells, tables["control", HOUR].cells)


def test_the_order_in_which_numbers_are_asked_for_does_not_matter(replays):
    other = replays_of(load_paper("deniz2023"), READS[::-1], settings=SMALL, seeds=(3, 4), denser=4)
    assert other == replays


def test_values_move_the_cells(replays, tables):
    still = tables_of(replays, counted(replays, {"cell_type.kg1a.triggered_arrest_rate": "0 1/s"}))
    assert not np.array_equal(still["control", HOUR].cells, tables["control", HOUR].cells)


def test_a_parameter_on_which_the_stroma_depends_is_refused(replays):
    with pytest.raises(InputError, match="replay: biogenesis"):
        counted(replays, {"biogenesis.migrasome_lifetime": "5 h"})


def test_the_logarithm_of_a_fold_change_pools_dishes_and_has_poissons_variance():
    table = Counted(
        np.array([[80.0, 40.0, 10.0], [120.0, 60.0, 10.0]]),
        np.array([[8.0, 1.0, 0.5], [8.0, 1.0, 0.5]]),
    )
    log, variance = log_fold_change(table, Region.MSC)
    assert log == pytest.approx(math.log((100.5 / 2.0) / (200.5 / 16.0)))
    assert variance == pytest.approx(1.0 / 100.5 + 1.0 / 200.5)


def test_scatter_between_dishes_is_what_counting_does_not_explain():
    rng = np.random.default_rng(1)
    areas = np.tile([8.0, 1.0, 0.5], (4000, 1))
    factor = np.exp(0.3 * rng.standard_normal(4000))
    cells = np.stack(
        [rng.poisson(800, 4000), rng.poisson(300 * factor), rng.poisson(50, 4000)], axis=1
    ).astype(float)
    table = Counted(cells, areas)
    assert dish_variance(table, Region.MSC) == pytest.approx(0.09, rel=0.1)
    assert dish_variance(table, Region.MIGRASOME_NETWORK) == pytest.approx(0.0, abs=0.002)
