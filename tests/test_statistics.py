import itertools
import math

import numpy as np
import pytest
from scipy import stats

from sdf1_field.statistics import (
    RESAMPLES,
    chi_squared_yates_test,
    mann_whitney_u_test,
    paired_t_test,
    percentile_interval,
    ratio_of_medians,
    rayleigh_test,
    resample_counts,
    resampled_sums,
    resamples,
    student_interval,
    unpaired_t_test,
    v_test,
    wilson_interval,
)


def test_unpaired_t_test_is_students():
    control, treated = [5.1, 6.4, 7.9, 4.4], [2.2, 3.1, 4.9]
    pooled = math.sqrt((3 * np.var(control, ddof=1) + 2 * np.var(treated, ddof=1)) / 5)
    t = (np.mean(control) - np.mean(treated)) / (pooled * math.sqrt(1 / 4 + 1 / 3))
    p = unpaired_t_test(control, treated)
    assert p == pytest.approx(stats.ttest_ind(control, treated).pvalue, rel=1e-12)
    assert p == pytest.approx(2 * stats.t.sf(t, 5), rel=1e-12)
    assert p == pytest.approx(unpaired_t_test(treated, control), rel=1e-12)


def test_without_any_scatter_or_with_one_dish_there_is_no_p():
    assert math.isnan(unpaired_t_test([1.0, 1.0], [2.0, 2.0]))
    assert math.isnan(unpaired_t_test([1.0], [2.0, 3.0]))


def test_scatter_in_one_condition_is_enough_for_a_p():
    p = unpaired_t_test([1.0, 1.0], [2.0, 2.1])
    assert p == pytest.approx(2 * stats.t.sf(1.05 / 0.05, 2), rel=1e-9)


def test_paired_t_test_is_students_on_differences():
    control, treated = [5.1, 6.4, 7.9, 4.4], [4.2, 6.1, 6.9, 3.0]
    difference = np.subtract(treated, control)
    t = difference.mean() / (difference.std(ddof=1) / 2.0)
    p = paired_t_test(control, treated)
    assert p == pytest.approx(2 * stats.t.sf(abs(t), 3), rel=1e-12)
    assert p == pytest.approx(stats.ttest_rel(control, treated).pvalue, rel=1e-12)


def test_pairs_find_what_donors_hide():
    control, treated = [2.0, 5.0, 9.0], [1.5, 4.4, 8.5]
    assert paired_t_test(control, treated) < 0.01
    assert unpaired_t_test(control, treated) > 0.8


def test_pairs_without_scatter_or_a_single_pair_have_no_p():
    assert math.isnan(paired_t_test([1.0, 2.0], [2.0, 3.0]))
    assert math.isnan(paired_t_test([1.0], [2.0]))


def test_mann_whitney_u_counts_how_many_arrangements_are_as_extreme():
    control, treated = [1.0, 2.5, 4.0, 5.5], [3.0, 6.0, 7.0, 8.0, 9.0]
    everything = sorted(control + treated)

    def u(values):
        return sum(a < b for a in values for b in everything if b not in values)

    middle = len(control) * len(treated) / 2
    extreme = [
        abs(u(chosen) - middle) >= abs(u(control) - middle)
        for chosen in itertools.combinations(everything, len(control))
    ]
    assert mann_whitney_u_test(control, treated) == pytest.approx(np.mean(extreme), rel=1e-12)


def test_mann_whitney_u_has_no_p_for_equal_values_or_an_empty_group():
    assert math.isnan(mann_whitney_u_test([2.0, 2.0], [2.0, 2.0, 2.0]))
    assert math.isnan(mann_whitney_u_test([], [1.0]))


def test_yates_draws_half_a_cell_from_every_difference():
    # 15 of 20 against 5 of 20: 10 expected of each, so that 5 - 1/2 is left of the difference.
    chi_squared = 4 * (5.0 - 0.5) ** 2 / 10.0
    p = chi_squared_yates_test([15, 5], [20, 20])
    assert p == pytest.approx(math.erfc(math.sqrt(chi_squared / 2)), rel=1e-12)
    assert p == pytest.approx(chi_squared_yates_test([5, 15], [20, 20]), rel=1e-12)


@pytest.mark.parametrize(
    ("successes", "totals"),
    [((12, 5), (20, 20)), ((80, 60), (158, 203)), ((1, 40), (3, 300)), ((7, 7), (15, 14))],
)
def test_chi_squared_with_yates_is_that_of_the_table(successes, totals):
    table = [(won, total - won) for won, total in zip(successes, totals, strict=True)]
    expected = stats.chi2_contingency(table, correction=True).pvalue
    assert chi_squared_yates_test(successes, totals) == pytest.approx(expected, rel=1e-12)


def test_shares_of_nothing_or_without_any_contrast_have_no_p():
    for successes, totals in (((0, 3), (0, 10)), ((0, 0), (9, 8)), ((9, 8), (9, 8))):
        assert math.isnan(chi_squared_yates_test(successes, totals))


def test_ratio_of_medians_is_as_uncertain_as_two_medians():
    rng = np.random.default_rng(5)
    control, treated = rng.normal(100.0, 10.0, 400), rng.normal(120.0, 10.0, 600)
    ratio, (low, high) = ratio_of_medians(control, treated)
    assert ratio == pytest.approx(1.2, abs=0.03)
    # A normal sample's median has 1.2533 times the error of its mean.
    error = 1.2533 * 1.2 * math.hypot(0.1 / math.sqrt(400), 10 / 120 / math.sqrt(600))
    assert high - low == pytest.approx(2 * 1.96 * error, rel=0.25)


def test_intervals_of_ratios_hold_the_truth_nineteen_times_in_twenty():
    rng = np.random.default_rng(6)
    held = 0
    for _ in range(60):
        control, treated = rng.normal(100.0, 20.0, 80), rng.normal(120.0, 20.0, 120)
        _, (low, high) = ratio_of_medians(control, treated)
        held += low < 1.2 < high
    assert 52 <= held < 60


def test_ratio_of_medians_has_no_interval_for_one_value_and_none_over_nothing():
    ratio, interval = ratio_of_medians(np.array([2.0, 4.0]), np.array([6.0]))
    assert ratio == pytest.approx(2.0)
    assert np.isnan(interval).all()
    assert math.isnan(ratio_of_medians(np.zeros(3), np.ones(3))[0])


def test_resamples_are_the_same_each_time_and_hold_each_unit_once_on_average():
    first, second = resamples(5, 7)
    assert (first.shape, second.shape) == ((RESAMPLES, 5), (RESAMPLES, 7))
    assert (first == resamples(5)[0]).all()
    counts = resample_counts(5)
    assert (counts.sum(axis=1) == 5).all()
    assert counts.mean(axis=0) == pytest.approx(np.ones(5), abs=0.1)
    assert np.bincount(first.ravel()) / RESAMPLES == pytest.approx(np.ones(5), abs=0.1)


@pytest.mark.parametrize("counted", [False, True])
def test_a_bootstrap_of_a_mean_is_as_wide_as_its_standard_error(counted):
    values = np.random.default_rng(3).normal(size=400)
    if counted:
        means = resample_counts(400) @ values / 400
    else:
        means = values[resamples(400)[0]].mean(axis=1)
    low, high = percentile_interval(means)
    assert high - low == pytest.approx(2 * 1.96 * values.std() / 20.0, rel=0.06)
    assert low < values.mean() < high


def test_an_interval_leaves_out_resamples_without_a_value_and_is_nan_where_none_has_one():
    values = np.array([[1.0, np.nan, 5.0], [np.nan, np.nan, 5.0], [3.0, np.nan, 5.0]])
    found = percentile_interval(values)
    assert found.shape == (3, 2)
    assert found[0] == pytest.approx([1.05, 2.95])
    assert np.isnan(found[1]).all()
    assert found[2] == pytest.approx([5.0, 5.0])


def test_wilsons_interval_is_where_the_score_test_stops_rejecting():
    low, high = wilson_interval(15, 20)
    for end in (low, high):
        score = abs(0.75 - end) / math.sqrt(end * (1.0 - end) / 20)
        assert score == pytest.approx(stats.norm.ppf(0.975), rel=1e-9)
    assert wilson_interval(0, 5)[0] == 0.0
    assert wilson_interval(5, 5)[1] == 1.0
    assert wilson_interval(0, 0) == (0.0, 1.0)


def test_students_interval_is_that_of_the_t_distribution():
    values = [1.0, 2.5, 4.0, 4.5]
    mean, low, high = student_interval(values)
    expected = stats.ttest_1samp(values, 0.0).confidence_interval()
    assert (mean, low, high) == pytest.approx((3.0, expected.low, expected.high), rel=1e-12)
    assert math.isnan(student_interval([2.0])[1])
    assert student_interval([2.0])[0] == 2.0
    assert np.isnan(student_interval([])).all()


@pytest.mark.parametrize("count", [5, 10, 40])
def test_tests_of_directions_reject_uniform_ones_as_often_as_they_say(count):
    drawn = 2.0 * math.pi * np.random.default_rng(4).random((4000, count))
    for test in (rayleigh_test, lambda angles: v_test(angles, 0.7)):
        p = np.array([test(angles) for angles in drawn])
        for level in (0.05, 0.5):
            error = math.sqrt(level * (1.0 - level) / len(p))
            assert np.mean(p < level) == pytest.approx(level, abs=4.0 * error + 0.1 * level)


def test_a_given_direction_makes_the_test_one_sided():
    gathered = np.random.default_rng(5).normal(0.5, 1.2, size=30)
    ahead, astern = v_test(gathered, 0.5), v_test(gathered, 0.5 + math.pi)
    assert ahead < rayleigh_test(gathered) < 0.01
    assert astern == pytest.approx(1.0 - ahead, abs=1e-9)
    # Neither axes nor directions at right angles show any preference.
    four = np.arange(4) * math.pi / 2
    assert rayleigh_test(four) == pytest.approx(1.0)
    assert v_test(four, 0.0) == pytest.approx(0.5)
    assert math.isnan(rayleigh_test([1.0]))
    assert math.isnan(v_test([1.0], 0.0))


def test_sums_over_resamples_of_many_units_are_as_wide_as_those_of_few():
    rng = np.random.default_rng(6)
    values = np.column_stack([rng.normal(3.0, 2.0, 6000), rng.exponential(1.0, 6000)])
    values[:, 1] += values[:, 0]
    found, exact = resampled_sums(values), resample_counts(6000) @ values
    assert found.shape == exact.shape
    assert found.mean(axis=0) == pytest.approx(exact.mean(axis=0), rel=1e-3)
    assert np.cov(found.T) == pytest.approx(np.cov(exact.T), rel=0.12)
    few = values[:20]
    assert resampled_sums(few).tolist() == (resample_counts(20) @ few).tolist()


def test_a_ratio_of_medians_is_the_same_however_many_resamples_are_held_at_a_time(monkeypatch):
    rng = np.random.default_rng(7)
    sides = rng.random(40), 2.0 * rng.random(30)
    whole = ratio_of_medians(*sides)
    monkeypatch.setattr("sdf1_field.statistics._AT_ONCE", 1000)
    assert ratio_of_medians(*sides) == whole
    assert whole[1][0] < whole[0] < whole[1][1]
