"""Tests of many experiments at once give the p of SciPy's, one experiment at a time."""

import math

import numpy as np
import pytest
from scipy import stats

from sdf1_field.claims import Sample, p_value
from sdf1_field.claims.pools import Samples, ratio
from sdf1_field.claims.significance import (
    average_ranks,
    chi_squared_yates,
    mann_whitney_u,
    paired_t,
    spearman,
    unpaired_t,
)
from sdf1_field.statistics import (
    chi_squared_yates_test,
    mann_whitney_u_test,
    paired_t_test,
    unpaired_t_test,
)

NAN = math.nan


def rows(seed, draws, size, *, whole=False, missing=0.2):
    """Values of experiments, some of them missing at the end or anywhere."""
    rng = np.random.default_rng(seed)
    values = (
        rng.poisson(4.0, (draws, size)).astype(float) if whole else rng.normal(size=(draws, size))
    )
    values[rng.random((draws, size)) < missing] = NAN
    return values


def known(row):
    return row[np.isfinite(row)]


def each(function, *sides):
    return [function(*(known(row) for row in pair)) for pair in zip(*sides, strict=True)]


def same(found, expected):
    assert np.allclose(found, expected, rtol=1e-9, atol=1e-12, equal_nan=True)


@pytest.mark.parametrize(("size", "other"), [(3, 3), (4, 7), (40, 25)])
def test_unpaired_t(size, other):
    a, b = rows(1, 60, size), 0.7 + 2.0 * rows(2, 60, other)
    same(unpaired_t(a, b, welch=False), each(unpaired_t_test, a, b))

    def welch(x, y):
        enough = min(len(x), len(y)) > 1
        return stats.ttest_ind(x, y, equal_var=False).pvalue if enough else NAN

    same(unpaired_t(a, b, welch=True), each(welch, a, b))


def test_a_t_test_without_variance_or_values_has_no_p():
    one, other = np.array([[1.0, 1.0, 1.0], [1.0, NAN, NAN]]), np.array([[2.0, 2.0, 2.0]] * 2)
    for welch in (False, True):
        assert np.isnan(unpaired_t(one, other, welch=welch)).all()
    assert np.isnan(paired_t(one, other)).all()


def test_paired_t_leaves_out_pairs_with_a_missing_value():
    a, b = rows(3, 50, 4), 0.5 + rows(4, 50, 4)
    both = np.isfinite(a) & np.isfinite(b)
    expected = [paired_t_test(x[k], y[k]) for x, y, k in zip(a, b, both, strict=True)]
    same(paired_t(a, b), expected)


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize(("size", "other"), [(3, 3), (5, 30), (30, 40)])
def test_mann_whitney_u(whole, size, other):
    a, b = rows(5, 40, size, whole=whole), rows(6, 40, other, whole=whole) + 0.3 * (not whole)
    same(mann_whitney_u(a, b), each(mann_whitney_u_test, a, b))


def test_mann_whitney_u_without_values_or_with_equal_ones_has_no_p():
    equal, nothing = np.ones((1, 3)), np.full((1, 3), NAN)
    assert np.isnan(mann_whitney_u(equal, equal)).all()
    assert np.isnan(mann_whitney_u(nothing, equal)).all()


def test_chi_squared():
    rng = np.random.default_rng(7)
    totals = rng.integers(0, 60, (2, 80))
    counts = rng.binomial(totals, [[0.5], [0.3]])
    a, b = (np.stack([c, t], axis=1).astype(float) for c, t in zip(counts, totals, strict=True))
    expected = [
        chi_squared_yates_test([x[0], y[0]], [x[1], y[1]])
        for x, y in zip(a.astype(int), b.astype(int), strict=True)
    ]
    same(chi_squared_yates(a, b), expected)


def test_spearman():
    a = rows(8, 30, 12, whole=True, missing=0.0)
    b = a + rows(9, 30, 12, missing=0.0) * 3.0
    a[:, 10:] = b[:, 10:] = NAN
    r, p = spearman(a, b)
    expected = [stats.spearmanr(x[:10], y[:10]) for x, y in zip(a, b, strict=True)]
    same(r, [one.statistic for one in expected])
    same(p, [one.pvalue for one in expected])
    assert np.isnan(spearman(a, np.ones_like(a))[0]).all()


def test_ranks_average_ties_and_skip_what_is_missing():
    ranks = average_ranks(np.array([[3.0, 1.0, NAN, 3.0, 2.0, 3.0]]))
    assert ranks[0, [0, 1, 3, 4, 5]].tolist() == [4.0, 1.0, 4.0, 2.0, 4.0]
    assert np.isnan(ranks[0, 2])


def test_the_unit_of_a_test_is_the_cell_or_the_dish():
    sample, reference = ([np.array(v, float) for v in both] for both in (
        ([5, 6, 7], [6, 7, 9, 9]), ([1, 2, 3], [2, 3, 4]),
    ))  # fmt: skip
    cells = p_value("Mann-Whitney U", sample, reference, Sample.CELLS)
    assert cells == pytest.approx(mann_whitney_u_test([1, 2, 3, 2, 3, 4], [5, 6, 7, 6, 7, 9, 9]))
    dishes = p_value("unpaired t", sample, reference, Sample.CELLS, over_dishes=True)
    assert dishes == pytest.approx(unpaired_t_test([2.0, 3.0], [6.0, 31.0 / 4.0]))
    shares = p_value(
        "chi-squared (Yates)", [np.array([3.0, 20.0])], [np.array([6.0, 20.0])], Sample.SHARE
    )
    assert shares == pytest.approx(chi_squared_yates_test([6, 3], [20, 20]))


def test_a_share_varies_by_its_odds():
    def varied(amount, total, factor):
        one = Samples(Sample.SHARE, np.array([[[amount, total]]]), 1)
        return one.varied(np.array([[factor]])).values[0, 0].tolist()

    assert varied(10.0, 40.0, 1.0) == [10.0, 40.0]
    assert varied(10.0, 40.0, 3.0) == [20.0, 40.0]
    assert varied(0.0, 40.0, 3.0) == [0.0, 40.0]
    assert varied(0.0, 0.0, 3.0) == [0.0, 0.0]


def test_a_quotient_by_nothing_is_missing():
    assert np.isnan(ratio(np.array([1.0, 0.0]), np.array([0.0, 0.0]))).all()
