"""Virtual papers from emulated fold changes, against closed cases, direct simulation and pools."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from sdf1_field.calibration.papers import Read, make_papers, poisson_like, reads_of
from sdf1_field.claims import Claim, DensityRatio, Paper, Pool, Reading, Sample, Statement, Status
from sdf1_field.claims.targets import INFINITY, Condition
from sdf1_field.claims.virtual import SIZES, OpenChoices, Virtual, chance_of, prior_weights
from sdf1_field.errors import InputError
from sdf1_field.reproduce import load_paper

HOUR = 3600.0
FLOOR = (0.84, 0.11, 0.05)
CELLS = 255.0
MANY = 1e9
REGIONS = ("MSC", "network")
RATIO = DensityRatio("cells in region", "area of region", "free surface")
CONTROL = (8.0, 4.0)


# Papers made up: fold changes on MSC and network at 4 and 12 h


def condition(name, **changes):
    base = Condition(
        name, "coculture-kg1a", "cells", (4 * HOUR, 12 * HOUR), (), 3, (1, 2, 4), False, None
    )
    return replace(base, **changes)


def statement(**changes):
    base = Statement(
        text="", condition="treated", quantity="fold change", of="MSC", sample=Sample.DISH,
        time=4 * HOUR, statistic="ratio of means", reference="control", reference_time=4 * HOUR,
        against=None, above=-INFINITY, below=1.0, test="unpaired t", over_dishes=False,
        p_below=0.05, p_from=None, density_ratio=RATIO,
    )  # fmt: skip
    return replace(base, **changes)


def alone(**changes):
    base = statement(
        condition="control", statistic="mean", reference=None, reference_time=None,
        below=INFINITY, test=None, p_below=None,
    )  # fmt: skip
    return replace(base, **changes)


def claim(name, *statements):
    return Claim(name, "", "", "", Status.CALIBRATED, False, (), statements)


def both(name, **changes):
    return claim(name, *(statement(of=region, **changes) for region in REGIONS))


def paper(*claims, **changes):
    names = ("control", "treated", "other", "other control")
    return Paper("made-up", "", {name: condition(name, **changes) for name in names}, claims)


def one_weight(*, views=1, size=0.0, welch=False):
    grid = np.zeros((1, len(SIZES), 2))
    grid[0, SIZES.index(size), int(welch)] = 1.0
    return OpenChoices((views,), grid)


def papers_of(known, *, scatter=0.0, weights=None, cells=CELLS, reads=None, **further):
    ids = [claim.id for claim in known.claims]
    reads = reads_of(known, ids) if reads is None else reads
    return make_papers(
        known,
        ids,
        reads,
        floor=dict.fromkeys(known.conditions, FLOOR),
        scatter=np.full(len(reads), scatter),
        weights=one_weight() if weights is None else weights,
        cells=cells,
        **further,
    )


def emulated(papers, ratios=(), *, sd=0.0):
    """One point: the control's fold changes, times a condition's ratio; and standard errors."""
    found = [
        np.log(CONTROL[REGIONS.index(r.region)] * dict(ratios).get(r.condition, 1.0))
        for r in papers.reads
    ]
    mean = np.array([found])
    return mean, np.full(mean.shape, sd)


def share(papers, name, ratios=(), **further):
    return papers.agree(*emulated(papers, ratios, **further))[name].mean()


# Counts


@pytest.mark.parametrize(
    ("mean", "apart"), [(1.0, 0.021), (2.0, 0.015), (5.0, 0.005), (12.0, 0.003), (200.0, 0.003)]
)
def test_counts_are_distributed_nearly_as_poissons(mean, apart):
    quantiles = stats.norm.ppf((np.arange(400_000) + 0.5) / 400_000)
    counts = poisson_like(np.full(quantiles.shape, np.cbrt(mean)), quantiles)
    assert counts.min() >= 0.0
    below = [(counts <= k + 0.5).mean() for k in range(400)]
    assert np.abs(below - stats.poisson.cdf(np.arange(400), mean)).max() < apart
    if mean >= 5.0:
        assert counts.mean() == pytest.approx(mean, rel=0.005)
        assert counts.var() == pytest.approx(mean, rel=0.04)
        assert stats.skew(counts) == pytest.approx(mean**-0.5, rel=0.06)


def test_cells_settle_by_area_and_fold_change():
    known = paper(claim("X", alone(above=7.99, below=8.01), alone(of="network", above=3.99)))
    below = paper(claim("X", alone(of="network", below=3.99)))
    assert share(papers_of(known, cells=MANY), "X") == 1.0
    assert share(papers_of(below, cells=MANY), "X") == 0.0


# Closed cases


def test_papers_of_many_cells_report_an_effect_without_exception():
    papers = papers_of(paper(both("X")), cells=MANY)
    assert share(papers, "X", {"treated": 0.9}) == 1.0
    assert share(papers, "X", {"treated": 1.1}) == 0.0


def test_effects_of_papers_with_many_cells_are_those_of_the_point():
    known = paper(both("X"), claim("Y", alone()))
    papers = papers_of(known, cells=MANY, draws=7)
    statements = [s for one in known.claims for s in one.statements]
    points = [emulated(papers, {"treated": ratio})[0] for ratio in (0.5, 0.9, 2.0)]
    mean = np.concatenate(points)
    effects = papers.effects(mean, np.zeros(mean.shape), statements)
    assert effects.shape == (3, 7, 3)
    np.testing.assert_allclose(effects[:, :, 0].T, [[0.5, 0.9, 2.0]] * 7, rtol=1e-3)
    np.testing.assert_allclose(effects[:, :, 2], CONTROL[0], rtol=1e-3)


def test_true_effects_have_the_emulators_error_and_no_experiments():
    other = statement(statistic="difference of means", below=INFINITY, test=None, p_below=None)
    papers = papers_of(paper(claim("X", statement(), other)), cells=20.0, draws=4000)
    mean, exact = emulated(papers, {"treated": 0.5})
    statements = papers.claims["X"].statements
    effects = papers.true_effects(mean, exact, statements)
    np.testing.assert_allclose(effects[0, :, 0], 0.5)
    np.testing.assert_allclose(effects[0, :, 1], -0.5 * CONTROL[0])
    uncertain = np.log(papers.true_effects(mean, np.full(mean.shape, 0.1), statements)[0, :, 0])
    assert uncertain.std() == pytest.approx(0.1 * np.sqrt(2.0), rel=0.05)


def test_the_emulators_error_is_that_of_the_point_and_not_of_a_dish():
    papers = papers_of(paper(claim("X", alone(above=8.0))), cells=MANY, draws=20000)
    mean, sd = emulated(papers, {"control": np.exp(0.1)}, sd=0.2)
    assert papers.agree(mean, sd)["X"].mean() == pytest.approx(stats.norm.cdf(0.5), abs=0.01)
    # Dishes' scatter is averaged over three.
    scattered = papers_of(
        paper(claim("X", alone(statistic="median", above=8.0))),
        cells=MANY, draws=20000, scatter=0.2,
    )  # fmt: skip
    one = stats.norm.cdf(0.5)
    two_of_three = one**2 * (3 - 2 * one)
    mean, sd = emulated(scattered, {"control": np.exp(0.1)})
    assert scattered.agree(mean, sd)["X"].mean() == pytest.approx(two_of_three, abs=0.01)


def test_scatter_of_a_dish_is_the_same_at_all_times():
    grows = alone(of="MSC", above=1.0)
    grows = replace(
        grows, time=12 * HOUR, statistic="ratio of means", reference="control",
        reference_time=4 * HOUR,
    )  # fmt: skip
    papers = papers_of(
        paper(claim("X", grows)), cells=MANY, scatter=0.5, weights=one_weight(size=0.3)
    )
    mean, sd = emulated(papers)
    mean += [[0.001 * (read.time > 4 * HOUR) for read in papers.reads]]
    assert papers.agree(mean, sd)["X"].all()


def test_views_shrink_scatter_where_a_condition_has_a_choice():
    def deviates(drawn, **changes):
        known = paper(claim("X", alone(above=8.0 * np.exp(0.2))), **changes)
        papers = papers_of(
            known, cells=MANY, scatter=0.2, draws=20000, weights=one_weight(views=drawn)
        )
        return share(papers, "X")

    assert deviates(4, replicates=1) == pytest.approx(stats.norm.sf(2.0), abs=0.004)
    assert deviates(4, replicates=1, views=(1,)) == pytest.approx(stats.norm.sf(1.0), abs=0.01)


def test_donors_are_the_same_in_all_their_conditions():
    def found(donors, test):
        known = paper(both("X", test=test), donors=donors)
        return share(
            papers_of(known, cells=MANY, scatter=0.02, donor_scatter=np.full(4, 0.25)),
            "X",
            {"treated": 0.8},
        )

    assert found(True, "paired t") > 0.5
    assert found(True, "unpaired t") < 0.15
    assert found(False, "unpaired t") == 1.0  # Without donors there is no scatter of theirs.


def test_a_value_read_from_a_figure_is_its_interval():
    known = paper(claim("X", alone(above=6.0, below=8.0, value=7.0, digitised_by="us")))
    papers = papers_of(known, cells=MANY)
    assert share(papers, "X", {"control": 7.5 / 8.0}) == 1.0
    assert share(papers, "X", {"control": 8.5 / 8.0}) == 0.0


# Against direct simulation with Poisson's counts


def simulated(rng, folds, *, number, views=1, scatter=0.0, size=0.0):
    """Fold changes of three replicates on both regions, shape (region, paper, replicate)."""
    shape = (2, number, 3)
    own = np.array(folds)[:, None, None] * np.exp(
        scatter / np.sqrt(views) * rng.standard_normal(shape)
    )
    weights = np.concatenate([np.ones((1, number, 3)), own]) * np.array(FLOOR)[:, None, None]
    counts = rng.poisson(CELLS * views * weights / weights.sum(axis=0))
    densities = counts / np.array(FLOOR)[:, None, None]
    factor = np.exp(np.sqrt(np.log1p(size**2)) * rng.standard_normal(shape))
    return densities[1:] / densities[0] * factor


def reduced(control, treated, *, welch):
    """Whether each region's fold change is reduced with p < 0.05, shape (region, paper)."""
    variances = [side.var(axis=2, ddof=1) / 3 for side in (control, treated)]
    error = sum(variances)
    freedom = 2 * error**2 / sum(v**2 for v in variances) if welch else 4.0
    t = (treated.mean(axis=2) - control.mean(axis=2)) / np.sqrt(error)
    p = 2 * stats.t.sf(np.abs(t), freedom)
    return (treated.mean(axis=2) < control.mean(axis=2)) & (p < 0.05)


@pytest.mark.parametrize(("views", "welch"), [(1, False), (1, True), (4, False)])
def test_equal_conditions_are_told_apart_as_often_as_chance_does(views, welch):
    number = 40_000
    rng = np.random.default_rng(5)
    sides = [simulated(rng, CONTROL, number=number, views=views) for _ in range(2)]
    direct = reduced(*sides, welch=welch).mean(axis=1)
    known = paper(claim("MSC", statement()), claim("network", statement(of="network")))
    papers = papers_of(known, draws=number, weights=one_weight(views=views, welch=welch))
    found = papers.agree(*emulated(papers))
    error = np.sqrt(2 * 0.025 / number)
    for name, chance in zip(REGIONS, direct, strict=True):
        assert found[name].mean() == pytest.approx(chance, abs=3 * error)
        assert found[name].mean() == pytest.approx(0.025, abs=0.014)


@pytest.mark.parametrize(
    ("ratio", "views", "scatter", "size", "welch"),
    [
        (0.55, 1, 0.0, 0.0, False),
        (0.55, 1, 0.0, 0.0, True),
        (0.55, 2, 0.1, 0.15, True),
        (0.75, 4, 0.1, 0.0, False),
        (0.3, 1, 0.2, 0.3, False),
    ],
)
def test_an_effect_is_found_as_often_as_in_direct_simulation(ratio, views, scatter, size, welch):
    number = 20_000
    rng = np.random.default_rng(6)
    sides = [
        simulated(
            rng, np.array(CONTROL) * r, number=number, views=views, scatter=scatter, size=size
        )
        for r in (1.0, ratio)
    ]
    direct = reduced(*sides, welch=welch).all(axis=0).mean()
    papers = papers_of(
        paper(both("X")),
        draws=number,
        scatter=scatter,
        weights=one_weight(views=views, size=size, welch=welch),
    )
    assert 0.1 < direct < 0.95
    assert share(papers, "X", {"treated": ratio}) == pytest.approx(direct, abs=0.02)


def pool(rng, name, ratio, *, dishes, scatter):
    """Dishes with a given number of cells, as the simulator's."""
    folds = np.array([1.0, *CONTROL]) * [1.0, ratio, ratio]
    weights = folds * FLOOR * np.exp([0.0, scatter, scatter] * rng.standard_normal((dishes, 3)))
    counts = rng.multinomial(int(CELLS), weights / weights.sum(axis=1, keepdims=True))
    regions = ("free surface", *REGIONS)
    read = tuple(
        tuple(
            Reading(quantity, 4 * HOUR, np.array([value], dtype=float), region)
            for region, area, count in zip(regions, FLOOR, row, strict=True)
            for quantity, value in ((RATIO.counts, count), (RATIO.areas, area))
        )
        for row in counts
    )
    return Pool(name, read)


@pytest.mark.slow
@pytest.mark.parametrize("ratio", [0.5, 0.7])
def test_chances_are_those_of_pools_of_such_dishes(ratio):
    rng = np.random.default_rng(7)
    known, views = paper(both("X")), (1, 2, 4)
    pools = {
        name: pool(rng, name, r, dishes=1500, scatter=0.1)
        for name, r in (("control", 1.0), ("treated", ratio))
    }
    virtual = Virtual(known, pools, views)
    judged = [virtual.judged(known.claims[0], v) for v in views]
    weights = prior_weights(views)
    expected = chance_of(weights, [(one.drawn, one.all_hold) for one in judged]).averaged
    papers = papers_of(known, draws=20_000, scatter=0.1, weights=weights)
    assert expected.high - expected.low < 0.1
    assert share(papers, "X", {"treated": ratio}) == pytest.approx(expected.value, abs=0.03)


# Draws


def test_what_the_paper_leaves_open_comes_in_proportion_to_its_weights():
    weights = prior_weights((1, 2, 4))
    papers = papers_of(paper(both("X")), weights=weights, draws=500)
    assert papers.welch.sum() == pytest.approx(250, abs=30)
    many = papers_of(paper(both("X")), weights=weights, draws=100_000)
    assert many.welch.mean() == pytest.approx(0.5, abs=0.001)


def points(papers, number):
    rng = np.random.default_rng(8)
    mean, _ = emulated(papers, {"treated": 0.6, "other": 0.6})
    return mean + 0.3 * rng.standard_normal((number, mean.size)), np.full((number, mean.size), 0.1)


def triple():
    return paper(
        both("first"),
        both("second", condition="other"),
        both("apart", condition="other", reference="other control"),
    )


def test_points_are_judged_alike_in_any_order_and_company():
    papers = papers_of(triple(), weights=prior_weights((1, 2, 4)))
    mean, sd = points(papers, 75)
    found = papers.agree(mean, sd)
    again = papers_of(triple(), weights=prior_weights((1, 2, 4))).agree(mean[::-1], sd[::-1])
    for name, agrees in found.items():
        assert agrees.shape == (75, 500)
        assert 0.1 < agrees.mean() < 0.9
        assert np.array_equal(agrees, again[name][::-1])
        assert np.array_equal(agrees[40:41], papers.agree(mean[40:41], sd[40:41])[name])
    other = papers_of(triple(), weights=prior_weights((1, 2, 4)), seed=2).agree(mean, sd)
    assert not np.array_equal(found["first"], other["first"])


def test_numbers_have_any_order_and_other_claims_change_nothing():
    papers = papers_of(triple())
    mean, sd = points(papers, 5)
    turned = papers_of(triple(), reads=papers.reads[::-1])
    single = papers_of(paper(both("first")))
    columns = [papers.reads.index(read) for read in single.reads]
    expected = papers.agree(mean, sd)["first"]
    assert np.array_equal(turned.agree(mean[:, ::-1], sd[:, ::-1])["first"], expected)
    assert np.array_equal(single.agree(mean[:, columns], sd[:, columns])["first"], expected)


def test_claims_with_one_control_hold_together():
    papers = papers_of(triple(), draws=8000)
    mean, sd = emulated(papers, {"treated": 0.55, "other": 0.55})
    found = papers.agree(mean, sd)
    first, second = (found[name][0] for name in ("first", "second"))
    assert np.corrcoef(first, second)[0, 1] > 0.15
    assert abs(np.corrcoef(first, found["apart"][0])[0, 1]) < 0.04
    joint = (first & second).mean()
    assert joint > 1.1 * first.mean() * second.mean()


@pytest.mark.parametrize("statistic", ["ratio of medians", "difference of means"])
@pytest.mark.parametrize("test", ["unpaired t", "paired t", "Mann-Whitney U"])
def test_other_statistics_and_tests_are_judged(statistic, test):
    # Three against three values never have p below 0.05 in the Mann-Whitney U test.
    bound = 0.0 if statistic == "difference of means" else 1.0
    known = paper(both("X", statistic=statistic, test=test, below=bound, p_below=0.11))
    assert share(papers_of(known, cells=MANY), "X", {"treated": 0.5}) == 1.0


# The shipped targets


GATHERING = ("D12", "D13", "D15", "D16", "D17")


def test_claims_of_the_paper_need_eight_moments():
    reads = reads_of(load_paper("deniz2023"), GATHERING)
    assert len(reads) == len(set(reads)) == 16
    assert Read("control", "network", 12 * HOUR) in reads
    assert {read.time for read in reads if read.condition != "control"} == {4 * HOUR}


@pytest.mark.parametrize("name", [*GATHERING, "D14", "D18", "D19"])
def test_claims_of_the_paper_are_judged(name):
    known = load_paper("deniz2023").only((name,))
    known = replace(known, claims=tuple(c for c in known.claims if c.id == name))
    papers = papers_of(known, weights=prior_weights((1, 2, 4)))
    mean = np.array(
        [[1.0 + (r.time > 4 * HOUR) + (r.condition == "control") for r in papers.reads]]
    )
    assert papers.agree(mean, np.zeros(mean.shape))[name].shape == (1, 500)


# Wrong input


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("D11", "deniz2023: D11: statement 1: it is of 'area covered', which"),
        ("D20", "deniz2023: D20: statement 1: it is of 'path length', which"),
        ("D99", "deniz2023: unknown claim 'D99'. "),
    ],
)
def test_a_claim_that_fold_changes_do_not_tell_is_refused(name, message):
    with pytest.raises(InputError) as raised:
        reads_of(load_paper("deniz2023"), ["D12", name])
    assert str(raised.value).startswith(message)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"statistic": "total"}, "it asks for the statistic 'total'"),
        ({"statistic": "rank correlation", "against": "x"}, "the statistic 'rank correlation'"),
        ({"test": "Spearman"}, "it asks for the test 'Spearman'"),
        ({"of": "elsewhere"}, "it is of 'elsewhere'"),
        ({"sample": Sample.CELLS}, "it is of 'fold change'"),
        ({"time": None}, "it names no time"),
    ],
)
def test_a_statement_that_fold_changes_do_not_tell_is_refused(changes, reason):
    known = paper(claim("X", statement(), statement(**changes)))
    with pytest.raises(InputError, match=rf"^made-up: X: statement 2: .*{reason}"):
        reads_of(known, ["X"])


def test_what_is_missing_is_named():
    known = paper(both("X"))
    reads = reads_of(known, ["X"])
    with pytest.raises(InputError, match=r"'control' on network at 14400 s is needed and missing"):
        papers_of(known, reads=reads[:-1])
    with pytest.raises(InputError, match=r"made-up: 'treated' needs areas of free surface"):
        make_papers(
            known, ["X"], reads, floor={"control": FLOOR}, scatter=np.zeros(4),
            weights=one_weight(), cells=CELLS,
        )  # fmt: skip
    papers = papers_of(known)
    with pytest.raises(ValueError, match="Give them 4 and 4 columns"):
        papers.agree(np.zeros((1, 3)), np.zeros((1, 3)))
    with pytest.raises(ValueError, match="scatter"):
        papers_of(known, scatter=-0.1)
