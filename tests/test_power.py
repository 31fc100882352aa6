"""Power of planned experiments: by drawn experiments, by the formula, and what is refused."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

from power_builders import (
    AREAS,
    REGIONS,
    comparison,
    counts_of,
    pool,
    readings_of,
    use_the_law,
)
from sdf1_field.api.powering import power
from sdf1_field.claims.chances import Agreeing, Drawn, chance
from sdf1_field.claims.significance import unpaired_t
from sdf1_field.cli import main
from sdf1_field.errors import InputError
from sdf1_field.studies import claim_power, power_draws
from sdf1_field.studies import compared as models
from sdf1_field.studies.compared import Side
from sdf1_field.studies.power import Planned, prior_variation
from sdf1_field.studies.replicates import Moments
from sdf1_field.studies.t_power import one_sample_power, two_sample_power

ONE = np.array(1.0)

# The t tests


@pytest.mark.parametrize(
    ("effect", "number", "power"),
    [
        # G*Power 3.1 manual and statsmodels' TTestIndPower().power(0.5, 64, 0.05).
        (0.5, 64, 0.8014596),
        # R's power.t.test(n = 20, delta = 1, sd = 1), as its documentation prints it.
        (1.0, 20, 0.8689528),
    ],
)
def test_power_of_student_s_test_is_that_of_other_programs(effect, number, power):
    found = two_sample_power(np.array(effect), (ONE, ONE), number, 0.05, welch=False)
    assert float(found) == pytest.approx(power, abs=1e-6)


@pytest.mark.parametrize("welch", [False, True])
@pytest.mark.parametrize("number", [2, 3, 6])
def test_unequal_variances_have_the_power_that_normal_samples_show(number, welch):
    rng = np.random.default_rng(2)
    own, other = 2.0 + 0.4 * rng.standard_normal((2, 20_000, number)) * [[[1.0]], [[2.5]]]
    other = other - 2.0
    share = float((unpaired_t(other, own, welch=welch) < 0.05).mean())
    found = two_sample_power(np.array(2.0), (np.array(0.4), ONE), number, 0.05, welch=welch)
    assert float(found) == pytest.approx(share, abs=4.0 * math.sqrt(0.25 / 20_000))


def test_quadrature_over_variances_meets_the_noncentral_t():
    almost = np.array(1.0 + 1e-12)
    for number in (2, 3, 8):
        for effect in (0.0, 1.0, 3.0):
            quadrature, exact = (
                float(two_sample_power(np.array(effect), (ONE, other), number, 0.05, welch=False))
                for other in (almost, ONE)
            )
            assert quadrature == pytest.approx(exact, abs=3e-4)


def test_without_a_difference_power_is_the_level():
    for alpha in (0.01, 0.05, 0.3):
        for welch in (False, True):
            found = two_sample_power(np.zeros(1), (np.ones(1), np.ones(1)), 40, alpha, welch=welch)
            assert found[0] == pytest.approx(alpha, abs=1e-6)
        assert one_sample_power(np.zeros(1), np.ones(1), 5, alpha)[0] == pytest.approx(alpha)
    sure = two_sample_power(np.array(1e3), (ONE, ONE), 3, 0.05, welch=False)
    assert float(sure) == 1.0


# Replicates


def test_moments_of_sums_of_views_are_those_of_fresh_dishes():
    rng = np.random.default_rng(3)
    one = comparison(1.0, dishes=4000, seed=4)
    for views in (1, 4):
        counts = counts_of(rng, (4000, views)).sum(axis=1)
        folds = (counts[:, 1] / AREAS[1]) / (counts[:, 2] / AREAS[2])
        moments = one.moments(views)[0]
        assert moments.mean == pytest.approx(folds.mean(), rel=0.015)
        assert moments.deviation == pytest.approx(folds.std(), rel=0.05)


def test_variation_has_its_coefficient():
    found = Moments(np.array(4.0), np.array(0.0)).varied(0.2, share=False)
    assert found.deviation / found.mean == pytest.approx(0.2)
    assert sum(weight for _, weight in prior_variation()) == pytest.approx(1.0)


# Both ways


@pytest.mark.parametrize(("test", "views"), [("student", 1), ("welch", 2), ("paired", 1)])
def test_formula_and_drawn_experiments_agree(test, views):
    one = comparison(0.6, dishes=64, test=test, variation=((0.1, 1.0),))
    found = one.power(4, views)
    assert found.by == "simulated"
    assert found.simulated.low < found.formula.value < found.simulated.high
    assert found.formula.low < found.simulated.value < found.formula.high


def test_draws_that_do_not_depend_on_dishes_have_nearly_the_binomial_interval():
    rng = np.random.default_rng(13)
    one = comparison(0.6)
    agree = (rng.random(4000) < 0.8).astype(float)
    for number in (6, 24):
        picks = {
            side: np.argsort(rng.random((4000, 48)), axis=1)[:, :number, None] for side in one.pools
        }
        drawn = Agreeing(Drawn(one.pools, picks), agree, 1.0)
        found, wide = (chance([drawn], of_draws=own) for own in (False, True))
        assert found.low < 0.8 < found.high
        assert found.high - found.low < 0.08
        assert wide.high - wide.low > found.high - found.low


def test_formula_is_the_power_of_experiments_with_fresh_dishes():
    rng = np.random.default_rng(5)
    one = comparison(0.6, of="MSC", dishes=3000, seed=6)
    folds = []
    for reduction in (0.6, 1.0):
        counts = counts_of(rng, (4000, 3, 1), reduction).sum(axis=2)
        folds.append((counts[..., 0] / AREAS[0]) / (counts[..., 2] / AREAS[2]))
    share = float((unpaired_t(folds[1], folds[0], welch=False) < 0.05).mean())
    (own, other) = one.moments(1)
    found = two_sample_power(
        own.mean - other.mean, (own.deviation, other.deviation), 3, 0.05, welch=False
    )
    assert float(found) == pytest.approx(share, abs=0.04)


def test_power_rises_with_replicates_and_views_and_falls_with_variation():
    one = comparison(0.7)
    assert one.formula(3, 1).value < one.formula(4, 1).value < one.formula(4, 2).value
    varied = comparison(0.7, variation=((0.3, 1.0),))
    assert varied.formula(4, 2).value < one.formula(4, 2).value


def test_experiments_that_pools_cannot_hold_have_the_formula():
    found = comparison(0.7).power(10, 4)
    assert (found.simulated, found.by) == (None, "formula")
    assert found.formula.low < found.answer.value < found.formula.high


def test_least_number_has_the_power_and_one_less_has_not():
    one = comparison(0.75, planned=Planned(variation=((0.15, 1.0),)))
    for views in (1, 4):
        least = one.least(views, 0.8)
        assert one.answer(least.number, views).value >= 0.8
        assert one.answer(least.number - 1, views).value < 0.8
        assert least.low <= least.number <= least.high
    # Dishes that are alike seem to differ a little, so that no number is surely too large.
    assert comparison(1.0, seed=8).least(4, 0.8).high is None


def test_a_sure_difference_has_an_interval_at_any_size():
    one = comparison(0.2, of="MSC", dishes=12, variation=prior_variation())
    for number in (2, 19, 50, 120):
        found = one.formula(number, 4)
        assert found.low <= found.value <= found.high
    assert one.least(4, 0.8).high <= 3


def test_pairs_of_one_dish_are_told_apart_better():
    rng = np.random.default_rng(7)
    dishes = np.exp(0.4 * rng.standard_normal((48, 1)))
    counts = [np.rint(dishes * [40.0 * r, 20.0 * r, 90.0]) for r in (0.6, 1.0)]
    noisy = [c + rng.poisson(2.0, c.shape) for c in counts]
    powers = {}
    for test in ("student", "paired"):
        one = comparison(0.6, test=test)
        for name, rows in zip(("first", "against"), noisy, strict=True):
            side = getattr(one, name)
            free = [[*row[:2], 90.0] for row in rows]
            object.__setattr__(side, "dishes", tuple(readings_of(row) for row in free))
        powers[test] = one.formula(4, 1).value
    assert powers["paired"] > powers["student"]


# The command


def call(*arguments):
    return CliRunner().invoke(main, ["power", *map(str, arguments)])


def refused(*arguments):
    """The one line of a call that is wrong."""
    result = call(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    (line,) = result.stderr.splitlines()
    return line.removeprefix("sdf1-field: ")


KG1A, AMD = "coculture-kg1a", "coculture-kg1a-amd3100-10um"
DOSE = "treatments.amd3100.dose"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((AMD,), "--against: missing"),
        ((AMD, "--against", KG1A, "--n", "1,3"), "--n: a t test needs two replicates"),
        ((AMD, "--against", KG1A, "--n", "three"), "--n: 'three' is no list of whole numbers"),
        ((AMD, "--against", KG1A, "--views", "0"), "--views: a replicate is the sum of one view"),
        ((AMD, "--against", KG1A, "--alpha", "1"), "--alpha: 1 is not between 0 and 1"),
        ((AMD, "--against", KG1A, "--power", "0"), "--power: 0 is not between 0 and 1"),
        ((AMD, "--against", KG1A, "--test", "anova"), "--test: unknown test 'anova'"),
        ((AMD, "--against", KG1A, "--variation", "20"), "--variation: 20 is no coefficient"),
        ((KG1A, "--against", KG1A), "--against: coculture-kg1a is the same model"),
        (
            (AMD, "--against", KG1A, "--set", f"{DOSE}=10 uM"),
            "--against: coculture-kg1a is the same model",
        ),
        ((KG1A, "--against", KG1A, "--with", f"{DOSE}=3"), f"--with: {DOSE}: 3 has no unit"),
        ((KG1A, "--against", KG1A, "--with", "cells.dose=3"), "--with: cells.dose: unknown key"),
        (
            (AMD, "--against", KG1A, "--with", "variation.donor.speed=0.3"),
            "--with: variation.donor.speed: acts on nothing",
        ),
        (
            (AMD, "--against", KG1A, "--set", "variation.donor.speed=0.3"),
            "--set: variation.donor.speed: acts on nothing",
        ),
        (
            (AMD, "--against", KG1A, "--quantity", "migrasomes formed"),
            f"--quantity: {AMD} cannot give 'migrasomes formed'",
        ),
        ((AMD, "--against", KG1A, "--quantity", "folds"), "--quantity: unknown quantity 'folds'"),
        (("deniz2023", "--claim", "D99"), "deniz2023: unknown claim 'D99'"),
        (("deniz2023", "--claim", "D13", "--against", KG1A), "--claim and --against"),
        (("deniz2023", "--claim", "D13", "--alpha", "0.05"), "--claim and --alpha"),
        (("deniz2023", "--claim", "D13", "--test", "welch"), "--claim and --test"),
        (("deniz2023", "--claim", "D13", "--draws", "16"), "--claim and --draws"),
        ((AMD, "--against", KG1A, "--draws", "16"), "--draws: are of a posterior"),
        (
            (AMD, "--against", KG1A, "--posterior", "recorded", "--test", "paired"),
            "--posterior and --test paired",
        ),
    ],
)
def test_what_is_wrong_is_said_in_a_line(arguments, words):
    assert refused(*arguments).startswith(words)


def test_a_folder_with_something_else_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    line = refused(AMD, "--against", KG1A, "-o", tmp_path, "--quiet")
    assert "holds something else than runs" in line


def test_a_time_that_is_none_is_refused_in_python_too():
    with pytest.raises(InputError, match=r"^at: "):
        power(AMD, KG1A, at="4 parsecs")


@pytest.fixture
def law(monkeypatch):
    """Simulated counts in place of dishes; the dishes that were asked for."""
    return use_the_law(monkeypatch)


def test_the_command_prints_and_keeps_power(law, tmp_path):
    folder = tmp_path / "own"
    result = call(
        KG1A, "--with", f"{DOSE}=3 uM", "--against", KG1A, "--n", "3,10", "--views", "1,4",
        "-o", folder, "--quiet",
    )  # fmt: skip
    assert (result.exit_code, result.stderr) == (0, "")
    assert f"first: {KG1A} {DOSE}=3 uM" in result.stdout
    assert "at least (80 %)" in result.stdout
    plain = json.loads((folder / "power.json").read_text())
    assert [one["of"] for one in plain["regions"]] == list(REGIONS[:2])
    powers = plain["regions"][0]["power"]
    assert [(one["views"], one["n"]) for one in powers] == [(1, 3), (1, 10), (4, 3), (4, 10)]
    assert [one["by"] for one in powers] == ["simulated", "simulated", "simulated", "formula"]
    assert plain["regions"][0]["ratio"]["value"] == pytest.approx(0.5, abs=0.06)
    lines = (folder / "power.csv").read_text().splitlines()
    assert len(lines) == 1 + 2 * 4
    assert (folder / "power.png").stat().st_size > 10_000
    assert {dish.times for dish in law} == {(4 * 3600.0,)}
    assert len({dish.seed for dish in law}) == len(law) == 96


@pytest.mark.usefixtures("law")
def test_a_folder_keeps_its_comparison(tmp_path):
    sizes = ("--n", "3", "--views", "1", "--dishes", "12")
    own = ("--against", KG1A, *sizes, "-o", tmp_path, "--quiet")
    assert call(AMD, *own).exit_code == 0
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    line = refused(KG1A, "--with", f"{DOSE}=3 uM", *own)
    assert "holds a power in which 'first' is coculture-kg1a-amd3100-10um, not" in line
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
    # Other sizes and tests of the same two models renew it.
    assert call(AMD, *own, "--test", "welch").exit_code == 0
    sides = Side(KG1A, (f"{DOSE}=3 uM",)), Side(AMD)
    assert models.folder_name(*sides, 2) == (f"power-{KG1A}-with-dose-3_uM-vs-{AMD}-seed2")


def test_paired_dishes_share_their_seeds(law, tmp_path):
    result = call(
        AMD, "--against", KG1A, "--test", "paired", "--n", "3", "--views", "1", "--dishes", "12",
        "-o", tmp_path / "own", "--quiet", "--json",
    )  # fmt: skip
    assert result.exit_code == 0
    assert json.loads(result.stdout)["test"] == "paired"
    assert [dish.seed for dish in law[:12]] == [dish.seed for dish in law[12:]]


def test_other_readings_are_compared_where_models_give_them():
    tracks = models.compared(
        Side("tracking-kg1a-sdf1"), Side("tracking-kg1a"), quantity="path length"
    )
    assert (tracks.observation, tracks.time) == ("tracks", None)
    grown = models.compared(
        Side("biogenesis-glass"), Side("biogenesis-laminin-111"), quantity="migrasomes formed"
    )
    assert grown.observation == "network"
    assert [read.of for read in grown.reads] == ["migration", "retraction"]


# Draws and claims


def test_power_over_draws_is_that_of_dishes_with_the_same_fold_changes():
    """Many replayed cells stand for dishes that hold fewer."""
    rng = np.random.default_rng(9)
    question = models.compared(Side(AMD), Side(KG1A))
    tables = []
    for _ in range(3):
        table = {}
        for name, reduction in (("first", 0.6), ("against", 1.0)):
            cells = sum(counts_of(rng, (200,), reduction) for _ in range(power_draws.DENSER))
            areas = np.tile(AREAS, (200, 1))
            # The order of regions is free surface, MSC, network.
            order = [2, 0, 1]
            table[name, question.time] = power_draws.Counted(cells[:, order], areas[:, order])
        tables.append(table)
    drawn = power_draws.of_region("network", question, tables, Planned())
    of_dishes = comparison(0.6, dishes=3000, seed=10)
    spread = drawn.power(4, 2)
    assert spread.low <= spread.median <= spread.high
    assert spread.median == pytest.approx(of_dishes.power_at(4, 2), abs=0.05)
    assert drawn.ratio().median == pytest.approx(0.6, abs=0.03)
    least = drawn.least(2, 0.8)
    assert drawn.power(least, 2).median >= 0.8 > drawn.power(least - 1, 2).median


def test_a_claim_is_reported_more_often_by_larger_experiments():
    rng = np.random.default_rng(11)
    paper = claim_power.asked_claims("deniz2023", ["D13", "D14"])
    assert paper.conditions["control"].times == (4 * 3600.0,)
    pools = {
        key: pool_at_4_h(key, counts_of(rng, (24,), reduction))
        for key, reduction in (("control", 1.0), ("amd3100_1um", 0.8), ("amd3100", 0.5))
    }
    found = claim_power.of_pools(paper, pools, numbers=(3, 6, 20), views=(1, 2), power=0.8)
    chances = {
        (one.claim, one.statement, one.asks, one.views, one.number): one.chance
        for one in found.sizes
    }
    whole = ("D13", "all of it", "as reported")
    assert chances[*whole, 1, 3].value < chances[*whole, 1, 6].value
    assert chances[*whole, 1, 3].value < chances[*whole, 2, 3].value
    assert chances[*whole, 1, 20] is None
    # D14 says that nothing is significant, and larger experiments find something.
    reported = "MSC: a reduction, not significant"
    asks = [a for claim, text, a, v, n in chances if (text, v, n) == (reported, 1, 3)]
    assert len(asks) == 2
    not_found, is_found = (chances["D14", reported, a, 1, 6].value for a in asks)
    assert not_found + is_found == pytest.approx(1.0, abs=0.1)
    least = {(one.claim, one.asks, one.views): one.number for one in found.least}
    assert 2 < least["D13", "as reported", 1] <= 12
    assert ("D14", "as reported", 1) not in least


def test_chances_of_claims_are_written(monkeypatch, tmp_path):
    rng = np.random.default_rng(12)
    pools = {
        key: pool_at_4_h(key, counts_of(rng, (12,), reduction))
        for key, reduction in (("control", 1.0), ("amd3100", 0.5))
    }
    monkeypatch.setattr(claim_power, "made", lambda *_, **__: ({}, ()))
    monkeypatch.setattr(claim_power, "pools_of", lambda *_: pools)
    result = call(
        "deniz2023", "--claim", "D13", "--n", "3,6", "--views", "1,4", "-o", tmp_path, "--quiet"
    )
    assert (result.exit_code, result.stderr) == (0, "")
    plain = json.loads((tmp_path / "power.json").read_text())
    assert (plain["paper"], plain["claims"], plain["seed"]) == ("deniz2023", ["D13"], 1)
    lines = (tmp_path / "power.csv").read_text().splitlines()
    assert lines[0] == "claim,statement,asks,views,n,chance,low,high"
    assert len(lines) == 1 + 3 * 2 * 2
    assert (tmp_path / "power.png").stat().st_size > 10_000
    # Four views of two replicates need more dishes, so that nothing was tried.
    least = {row[3]: row[4] for row in claim_power.least_rows(claims_of(paper_of("D13"), pools))}
    assert least["4"] == "-"
    assert "holds a power in which 'paper' is deniz2023" in refused(
        AMD, "--against", KG1A, "-o", tmp_path
    )


def paper_of(claim):
    return claim_power.asked_claims("deniz2023", [claim])


def claims_of(paper, pools):
    return claim_power.of_pools(paper, pools, numbers=(3,), views=(4,), power=0.8)


def pool_at_4_h(unit, counts):
    return replace(pool(unit, []), dishes=tuple(readings_of(row, 4 * 3600.0) for row in counts))
