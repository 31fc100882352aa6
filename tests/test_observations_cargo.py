"""Readings of cargo are of the dish, and what claims say of them is in them."""

import numpy as np
import pytest

from sdf1_field.claims import Sample
from sdf1_field.errors import InputError
from sdf1_field.observations import OBSERVATIONS, Dish, observe
from sdf1_field.observations.cargo import PER_DISH, SECTIONED, STAINED, bearing, count_dish
from sdf1_field.scene import NO_BODY

HOUR = 3600.0
TIMES = (10 * HOUR, 12 * HOUR)
SMALL = Dish("cargo", "secretion-l929", ("dish.width=0.6 mm", "dish.length=0.6 mm"), 11, TIMES)
WIDE = Dish("cargo", "secretion-l929", (), 11, TIMES[1:])
"""Holds more cells and migrasomes than are looked at."""
MSC = Dish("cargo", "coculture-kg1a", (), 11, (24 * HOUR,))


def read(dish: Dish):
    """Values by quantity, of and time."""
    return {(r.quantity, r.of, r.time): r.values for r in observe(dish)}


@pytest.fixture(scope="module")
def small():
    return read(SMALL), count_dish(SMALL)


@pytest.fixture(scope="module")
def wide():
    return read(WIDE), count_dish(WIDE)


def test_a_dish_is_read_alike_again_and_each_thing_once(small):
    again = observe(SMALL)
    assert len(again) == len(small[0])
    for reading in again:
        values = small[0][reading.quantity, reading.of, reading.time]
        np.testing.assert_array_equal(reading.values, values)


@pytest.mark.parametrize("dish", [SMALL, MSC], ids=["L929", "MSC"])
def test_every_reading_is_of_a_quantity_that_is_declared(dish):
    declared = OBSERVATIONS["cargo"].quantities
    sizes = {Sample.DISH: 1, Sample.SHARE: 2}
    for reading in observe(dish):
        quantity = declared[reading.quantity]
        assert reading.of in quantity.of or not (reading.of or quantity.of)
        assert len(reading.values) == sizes.get(quantity.sample, len(reading.values))


def test_what_is_looked_at_is_in_the_dish_and_no_more_than_there_is(small):
    got, counts = small
    for time in TIMES:
        count = counts[time, "mcsf"]
        attached, cells = np.count_nonzero(count.owner != NO_BODY), len(bearing(count))
        assert len(got["vesicles per migrasome", "", time]) == min(attached, PER_DISH)
        assert len(got["vesicles in a cell's migrasomes", "all", time]) == min(cells, PER_DISH)
        assert len(got["content of bodies", "mcsf", time]) == min(cells, PER_DISH)
        assert set(got["content of bodies", "mcsf", time]) <= set(count.body_content)
        _, looked_at = got["migrasomes with cargo", "mcsf", time]
        assert looked_at == min(len(count.owner), STAINED)


def test_of_many_the_papers_numbers_are_looked_at(wide):
    got, counts = wide
    count = counts[TIMES[1], "mcsf"]
    assert len(bearing(count)) > PER_DISH
    assert len(got["content of bodies", "mcsf", TIMES[1]]) == PER_DISH
    assert got["migrasomes with cargo", "ccl2", TIMES[1]][1] == STAINED


def test_sections_show_whole_cells_migrasomes_in_one_order(wide):
    got, counts = wide
    time = TIMES[1]
    first, second = (counts[time, ligand] for ligand in ("mcsf", "ccl2"))
    rows = zip(first.distance, first.diameter, first.vesicles + second.vesicles, strict=True)
    owners = dict(zip(rows, first.owner, strict=True))
    seen = list(
        zip(
            got["distance of sectioned migrasomes", "", time],
            got["diameter of sectioned migrasomes", "", time],
            got["vesicles in sectioned migrasomes", "", time],
            strict=True,
        )
    )
    cells = {owners[row] for row in seen}
    assert NO_BODY not in cells
    assert len(cells) == SECTIONED
    assert len(seen) == np.count_nonzero(np.isin(first.owner, list(cells)))


def test_vesicles_of_a_cell_are_those_of_its_ligands(small):
    got, counts = small
    per_cell = {of: got["vesicles in a cell's migrasomes", of, TIMES[0]] for of in ("mcsf", "ccl2")}
    every = got["vesicles in a cell's migrasomes", "all", TIMES[0]]
    assert every.sum() > 0
    np.testing.assert_array_equal(per_cell["mcsf"] + per_cell["ccl2"], every)
    some = set(counts[TIMES[0], "mcsf"].vesicles_per_cell)
    assert set(per_cell["mcsf"]) <= some


@pytest.mark.parametrize("ligand", ["mcsf", "ccl2"])
def test_dishes_are_pooled_from_all_that_is_counted(small, ligand):
    got, counts = small
    time = TIMES[1]
    count = counts[time, ligand]
    held = count.content[count.owner != NO_BODY].mean()
    assert got["mean content of migrasomes", ligand, time] == held
    assert got["mean content of bodies", ligand, time] * count.msc == pytest.approx(count.in_bodies)
    through, secreted = got["secreted through migrasomes", ligand, time]
    assert through == count.released_by_fusion + count.released_at_once
    # The sum in another order.
    assert secreted == pytest.approx(through + count.released_by_bodies, rel=1e-14)
    assert got["secreted over cellular", ligand, time] == secreted / count.in_bodies


def test_young_and_mature_migrasomes_are_told_apart_by_age(wide):
    got, counts = wide
    count = counts[TIMES[1], "mcsf"]
    assert len(got["calcium", "young", TIMES[1]]) == np.count_nonzero(count.age < 20 * 60)
    assert len(got["calcium", "mature", TIMES[1]]) == np.count_nonzero(count.age >= 2 * HOUR)


def test_dishes_differ_in_what_they_make_as_the_model_says():
    def bodies(spread: float) -> float:
        settings = (*SMALL.settings, f"variation.dish.secretion={spread}")
        dish = Dish("cargo", SMALL.model, settings, 11, TIMES[:1])
        return float(read(dish)["mean content of bodies", "mcsf", TIMES[0]][0])

    logarithm = np.log(bodies(0.1) / bodies(0.0))
    assert abs(logarithm) > 1e-3
    assert np.log(bodies(0.3) / bodies(0.0)) == pytest.approx(3.0 * logarithm)


@pytest.mark.parametrize(
    ("model", "times", "said"),
    [("tracking-kg1a", TIMES, "follows no cargo"), ("secretion-l929", (), "above 0 s"),
     ("secretion-l929", (0.0,), "above 0 s")],
)  # fmt: skip
def test_a_dish_without_cargo_or_times_is_refused(model, times, said):
    with pytest.raises(InputError, match=said):
        observe(Dish("cargo", model, (), 1, times))
