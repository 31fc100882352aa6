import math

import numpy as np
import pytest

from sdf1_field.spec import load_model
from sdf1_field.variation import DishFactors, dish_factors

FACTORS = ("secretion", "speed", "avidity")
SEEDS = range(1, 2001)


def _spec(*, dish=0.0, donor=0.0, number=0):
    settings = [f"variation.dish.{name}={dish}" for name in FACTORS]
    settings += [f"variation.donor.{name}={donor}" for name in FACTORS]
    return load_model(
        "coculture-kg1a", settings=[*settings, f"variation.donor_number={number}"]
    ).spec


def _logarithms(spec, seeds):
    factors = [dish_factors(spec, seed) for seed in seeds]
    return np.log([[getattr(f, name) for name in FACTORS] for f in factors])


def test_without_variation_every_factor_is_exactly_one():
    assert {dish_factors(_spec(), seed) for seed in range(1, 20)} == {DishFactors(1.0, 1.0, 1.0)}


def test_dishes_scatter_around_a_median_of_one_with_the_asked_spread():
    sigma = 0.3
    logarithms = _logarithms(_spec(dish=sigma), SEEDS)
    count = len(SEEDS)
    # A normal sample's median scatters by sigma sqrt(pi / 2n), its deviation by sigma / sqrt(2n).
    median_error = 4 * sigma * math.sqrt(math.pi / (2 * count))
    assert np.median(logarithms, axis=0) == pytest.approx(np.zeros(3), abs=median_error)
    assert logarithms.std(axis=0) == pytest.approx([sigma] * 3, rel=4 / math.sqrt(2 * count))


def test_secretion_speed_and_avidity_vary_independently():
    correlation = np.corrcoef(_logarithms(_spec(dish=0.3), SEEDS).T)
    assert np.abs(correlation - np.eye(3)).max() < 4 / math.sqrt(len(SEEDS))


def test_dishes_of_one_donor_share_the_donors_factor():
    factors = {dish_factors(_spec(donor=0.5, number=3), seed) for seed in range(1, 20)}
    assert len(factors) == 1
    (shared,) = factors
    assert shared.secretion != 1.0


def test_donor_zero_is_the_median_one():
    median = dish_factors(_spec(donor=0.5, number=0), 7)
    assert [getattr(median, name) for name in FACTORS] == [1.0, 1.0, 1.0]
    assert dish_factors(_spec(dish=0.1, donor=0.5, number=0), 7) == dish_factors(_spec(dish=0.1), 7)


def test_donors_differ_by_the_asked_spread():
    numbers = range(1, 41)
    logarithms = np.vstack([_logarithms(_spec(donor=0.5, number=n), [1]) for n in numbers])
    assert len(set(logarithms[:, 0])) == len(numbers)
    # 120 independent normal numbers in all.
    assert logarithms.std() == pytest.approx(0.5, rel=4 / math.sqrt(2 * logarithms.size))


def test_a_dish_is_its_donors_factor_times_its_own():
    both = dish_factors(_spec(dish=0.1, donor=0.5, number=3), 7)
    dish = dish_factors(_spec(dish=0.1), 7)
    donor = dish_factors(_spec(donor=0.5, number=3), 99)
    for name in FACTORS:
        product = getattr(dish, name) * getattr(donor, name)
        assert getattr(both, name) == pytest.approx(product, rel=1e-14)


def test_dish_and_donor_of_the_same_number_are_not_the_same_draw():
    dish, donor = dish_factors(_spec(dish=0.5), 3), dish_factors(_spec(donor=0.5, number=3), 3)
    assert dish.secretion != donor.secretion


def test_the_same_seed_gives_the_same_factors():
    spec = _spec(dish=0.1, donor=0.2, number=2)
    assert dish_factors(spec, 5) == dish_factors(spec, 5)
    assert dish_factors(spec, 5) != dish_factors(spec, 6)
