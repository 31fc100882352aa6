"""The validation of cargo reads what it says it reads."""

import importlib
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from sdf1_field.spec import load_model
from sdf1_field.statistics import wilson_interval

FOLDER = Path(__file__).parents[1] / "validation" / "jiao2024"
REPORTED = {"mcsf": (9.5, 1.29), "ccl2": (10.6, 1.28)}
"""J7 in the facts: in migrasomes and in bodies."""
SEEDS = (3900, 3901, 3902)


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch):
    """Import a file of the folder by its name, as its scripts do."""
    monkeypatch.syspath_prepend(str(FOLDER))

    def imported(name: str) -> ModuleType:
        return importlib.import_module(name)

    yield imported
    for path in FOLDER.glob("*.py"):
        sys.modules.pop(path.stem, None)


def test_the_fit_reads_j7_and_nothing_else(load):
    fit = load("fit")
    assert set(fit.CLAIMS) == {"J7"}
    assert fit.RISE == REPORTED


def test_blocked_fusion_raises_contents_as_reported_in_dishes_the_fit_never_saw(load):
    fit = load("fit")
    assert not set(SEEDS) & set(fit.SEEDS)
    # Dishes of three scatter by a fifth; twelve are known to about a twentieth.
    got = fit.rises([], (2.0, 12.0), range(3900, 3912))
    for ligand, wanted in REPORTED.items():
        assert got[ligand] == pytest.approx(wanted, rel=0.1)


def test_dishes_differ_in_chance_alone(load):
    experiments = load("experiments")
    settings = ("dish.width=0.3 mm", "variation.dish.secretion=0.5")
    made = [
        experiments.grow(experiments.MODEL, settings[:n], SEEDS[0], (10.0,))[10.0, "mcsf"].made
        for n in (1, 2)
    ]
    assert made[0] == made[1] > 0.0


def test_every_claim_of_the_space_is_asked_and_blots_a_second_time_with_errors(load):
    space = load("space")
    asked = space.asked()
    assert {one.claim.id for one in asked} == set(space.SPACE_CLAIMS)
    exact, erring = (
        [one.statement for one in asked if one.claim.id == "J6" and (one.variation > 0.0) == errs]
        for errs in (False, True)
    )
    assert exact == erring
    assert {one.condition for one in exact} == {"tspan4_oe", "itgb1_kd", "myo5a_oe", "myo5a_ko"}
    assert len({(one.claim.id, one.statement, one.variation) for one in asked}) == len(asked)


def test_draws_lie_in_their_intervals_and_the_first_stay_the_first(load):
    space = load("space")
    values = space.drawn_values(8)
    np.testing.assert_array_equal(space.drawn_values(4), values[:4])
    for k, path in enumerate([*space.VARIED, *space.OF_MSC]):
        low, high, _ = space.bounds(path)
        assert np.all((low <= values[:, k]) & (values[:, k] <= high))
    draw = space.draw_of(0, values[0])
    of_l929 = load_model(space.MODEL, settings=draw.settings).spec.traffic
    assert load_model(space.MSC_MODEL, settings=draw.of_msc).spec.traffic == of_l929


def test_slopes_of_a_rise_that_is_linear_in_its_rate(load):
    posterior = load("posterior")
    rate, time, factor = 0.9, 10.0, 1.0001
    before, after = (1.0 + k * time for k in (rate, rate * factor))
    (slope,) = posterior.slopes([before], [after], factor)
    assert slope == pytest.approx(rate * time / (1.0 + rate * time), rel=1e-3)


def test_a_draw_that_gives_the_rise_over_twice_the_rates_weighs_twice(load):
    posterior = load("posterior")
    slope = np.array([[0.8, 0.5], [0.4, 0.5], [0.8, 0.5]])
    weight = posterior.weights(slope, np.array([True, True, False]))
    np.testing.assert_allclose(weight, [1 / 3, 2 / 3, 0.0])
    assert posterior.effective_number(weight) == pytest.approx(1.8)
    with pytest.raises(ValueError, match="draw more"):
        posterior.weights(slope, np.zeros(3, dtype=bool))


def test_quantiles_of_weights_are_those_of_repeated_draws(load):
    posterior = load("posterior")
    values = np.random.default_rng(1).permutation(1001.0 * np.arange(1001))
    weight = np.full(1001, 1 / 1001)
    assert posterior.quantile(values, weight, 0.5) == pytest.approx(np.median(values))
    twice = np.where(values < np.median(values), 2.0, 1.0)
    repeated = np.repeat(values, twice.astype(int))
    got = posterior.quantile(values, twice / twice.sum(), 0.25)
    assert got == pytest.approx(np.quantile(repeated, 0.25), rel=5e-3)


def test_shares_of_alike_draws_have_wilsons_interval(load):
    posterior = load("posterior")
    low, high = wilson_interval(15, 20)
    holds = np.arange(20) < 15
    assert posterior.share_text(holds, np.full(20, 0.05)) == f"0.75 ({low:.2f} to {high:.2f})"


def test_j7_and_j9_alone_decide_the_posterior(load):
    calibration, space = load("calibration"), load("space")
    each = space.asked()
    rng = np.random.default_rng(2)
    number = 64
    values = space.drawn_values(number)
    rate = values[:, list(space.VARIED).index(calibration.TRANSPORT)]

    def found(others):
        draws = []
        for n in range(number):
            of_j9 = {"migrasome diameter": 2.0, "enrichment": rate[n] / 0.1}
            effect = [of_j9[o.statement.quantity] if o.claim.id == "J9" else others() for o in each]
            draws.append({"reached": n % 8 > 0, "slopes": [0.7, 0.7], "effect": effect})
        return calibration.Found(values, draws)

    weight = found(rng.standard_normal).under(*calibration.CONDITIONED_ON)
    np.testing.assert_array_equal(weight > 0.0, (rate > 0.1) & (np.arange(number) % 8 > 0))
    again = found(rng.standard_normal).under(*calibration.CONDITIONED_ON)
    np.testing.assert_array_equal(weight, again)
    stricter = found(rng.standard_normal).under(*calibration.CONDITIONED_ON, protein=3.0)
    np.testing.assert_array_equal(stricter > 0.0, (rate > 0.3) & (np.arange(number) % 8 > 0))
