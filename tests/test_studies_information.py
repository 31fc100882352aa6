"""The information of experiments against laws whose information is known."""

import math

import numpy as np
import pytest
from scipy import integrate, stats

from sdf1_field.studies.information import (
    Expected,
    effects,
    gain,
    judge,
    outcome_logs,
    probabilities,
    separation,
    without,
    without_noise,
)


def expected(centres, *, spread=0.0, noise=1.0, draws=60, size=1):
    """Laws whose draws lie evenly, as a normal distribution does, around centres."""
    places = stats.norm.ppf((np.arange(draws) + 0.5) / draws)
    rng = np.random.default_rng(1)
    offs = np.stack([rng.permutation(places) for _ in range(size)], axis=1) * spread
    covariance = noise**2 * np.eye(size)
    return Expected(
        tuple(offs + centre for centre in centres),
        (np.full(draws, 1.0 / draws),) * len(centres),
        (covariance,) * len(centres),
        (4.0 * covariance,) * len(centres),
    )


def bits(laws, prior=None):
    number = len(laws.means)
    even = np.full(number, 1.0 / number)
    return gain(judge(laws), even if prior is None else np.array(prior))


def two_normals(apart, deviation):
    """Information between one of two even laws and a normal outcome [bits]."""

    def density(y):
        own = stats.norm.pdf(y, 0.0, deviation)
        mixed = 0.5 * (own + stats.norm.pdf(y, apart, deviation))
        return 0.0 if own == 0.0 else own * math.log2(own / mixed)

    return integrate.quad(density, -9 * deviation, 9 * deviation, limit=200)[0]


def test_two_laws_without_spread_give_the_information_of_two_normals():
    for apart in (0.5, 2.0, 4.0):
        found = bits(expected((0.0, apart))).law.value
        assert found == pytest.approx(two_normals(apart, 1.0), abs=0.02)


def test_a_spread_of_parameters_adds_to_the_noise_of_laws():
    found = bits(expected((0.0, 4.0), spread=1.5))
    assert found.law.value == pytest.approx(two_normals(4.0, math.hypot(1.5, 1.0)), abs=0.03)


def test_laws_that_say_the_same_are_not_told_apart():
    found = bits(expected((1.0, 1.0, 1.0), spread=1.0, size=2))
    assert abs(found.law.value) < 0.03
    assert found.posterior.value == pytest.approx(1.0 / 3.0, abs=0.01)
    assert separation(judge(expected((1.0, 1.0))))[1, 0] == pytest.approx(0.5, abs=0.01)


def test_laws_far_apart_give_all_bits_that_the_prior_lacks():
    laws = expected((0.0, 40.0, 80.0, 120.0), spread=1.0)
    assert bits(laws).law.value == pytest.approx(2.0, abs=1e-3)
    assert bits(laws).posterior.value == pytest.approx(1.0, abs=1e-3)
    prior = (0.7, 0.1, 0.1, 0.1)
    entropy = -sum(p * math.log2(p) for p in prior)
    assert bits(laws, prior).law.value == pytest.approx(entropy, abs=1e-3)


def test_parameters_of_one_law_give_the_information_of_a_normal_channel():
    found = bits(expected((0.0, 50.0), spread=3.0, draws=200)).parameters.value
    assert found == pytest.approx(0.5 * math.log2(1.0 + 9.0), abs=0.08)


def test_few_draws_never_promise_more_than_many():
    few = [bits(expected((0.0, 2.0), spread=1.0, draws=n)).law.value for n in (4, 8, 100)]
    assert few[0] < few[2]
    assert few[1] < few[2]


def test_more_dishes_tell_more_and_intervals_hold_the_value():
    found = [bits(expected((0.0, 2.0), spread=0.3, noise=n)).law for n in (2.0, 1.0, 0.5)]
    assert found[0].value < found[1].value < found[2].value
    for one in found:
        assert one.interval[0] <= one.value <= one.interval[1]


def test_posteriors_are_calibrated_on_outcomes_of_the_laws():
    laws = expected((0.0, 1.0, 2.5), spread=0.7, draws=40)
    found = np.concatenate(
        [p.reshape(-1, 3) for p in judge(laws, outcomes=400).posterior(np.full(3, 1 / 3))]
    )
    truth = np.repeat(np.eye(3), 40 * 400, axis=0)
    for low in (0.1, 0.3, 0.5, 0.7):
        here = (found >= low) & (found < low + 0.2)
        assert truth[here].mean() == pytest.approx(found[here].mean(), abs=0.04)


def test_one_outcome_is_judged_by_all_draws():
    logs = outcome_logs(expected((0.0, 6.0)), np.array([[0.1], [5.9], [3.0]]))
    chances = probabilities(logs, np.array([0.5, 0.5]))
    assert chances[0, 0] > 0.99
    assert chances[1, 1] > 0.99
    assert chances[2] == pytest.approx([0.5, 0.5], abs=0.02)


def test_the_noise_of_replays_is_taken_out_of_the_spread_of_draws():
    rng = np.random.default_rng(4)
    true = rng.multivariate_normal([1.0, 2.0], [[2.0, 0.8], [0.8, 1.0]], size=4000)
    noise = np.array([[0.5, 0.2], [0.2, 0.9]])
    seen = true + rng.multivariate_normal([0.0, 0.0], noise, size=4000)
    found = without_noise(seen, np.full(4000, 1 / 4000), noise)
    assert found.mean(axis=0) == pytest.approx(seen.mean(axis=0))
    # Taken out along the axes of the spread that is seen.
    assert np.trace(np.cov(found.T)) == pytest.approx(3.0, rel=0.06)


def test_noise_larger_than_the_spread_leaves_no_spread():
    seen = np.random.default_rng(2).standard_normal((20, 1))
    found = without_noise(seen, np.full(20, 0.05), np.array([[50.0]]))
    assert found == pytest.approx(seen.mean())


def test_an_effect_is_in_standard_deviations_of_one_dish():
    found = effects(expected((0.0, 3.0), noise=1.0))
    assert found[1, 0, 0] == pytest.approx(1.5)
    assert found[0, 1, 0] == pytest.approx(-1.5)


def test_a_draw_that_weighs_twice_is_as_two_of_the_same():
    law = expected((0.0, 2.0), spread=1.0, draws=5)
    weights = np.array([2.0, 1.0, 1.0, 1.0, 1.0]) / 6.0
    once = Expected(law.means, (weights, weights), law.noise, law.one_dish)
    twice = Expected(
        tuple(np.vstack([means[:1], means]) for means in law.means),
        (np.full(6, 1.0 / 6.0),) * 2,
        law.noise,
        law.one_dish,
    )
    assert effects(once) == pytest.approx(effects(twice))
    # But a copy must not tell of the other: without it less is known.
    assert gain(judge(once), np.full(2, 0.5)).law.value < 1.0
    for n in range(2):
        left = without(once, n, 0)
        assert left.weights[n] == pytest.approx(np.full(4, 0.25))
        assert len(left.means[n]) == 4
