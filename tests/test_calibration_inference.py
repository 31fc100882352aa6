import dataclasses

import numpy as np
import pytest

pytest.importorskip("sklearn")

from sdf1_field import InputError
from sdf1_field.calibration import design
from sdf1_field.calibration.inference import (
    ALL,
    QUICK,
    Read,
    _there,
    ask,
    infer,
    predictions,
)
from sdf1_field.calibration.replayed import Replays
from sdf1_field.claims.targets import INFINITY
from sdf1_field.reproduce import load_paper

BLOCKED = "agent.amd3100.inhibition_constant"
DOSED = "receptor.cxcr4.coat_share"
BONDS = "cell_type.kg1a.cd166_bonds"
SIZES = dataclasses.replace(QUICK, even=64, wave=16, powers=(1.0,), rounds=(2048, 2048), draws=200)
AREAS = [8.0e5, 1.1e5, 0.5e5]
CALLS = []


def analytic(replays: Replays, values):
    """AMD3100 acts by its inhibition constant alone, SDF-1 by the share of the coat alone."""
    CALLS.append(values)
    blocked = np.log(float(str(values[BLOCKED]).split()[0]) / 50.0) / np.log(14.0)
    dosed = np.log10(float(str(values[DOSED]).split()[0])) / 4.0 + 1.0
    ratio = {"amd3100": np.exp(-1.6 * blocked), "sdf1": np.exp(-1.6 * dosed)}
    found = []
    for condition in replays.conditions:
        times = []
        for _ in condition.times:
            folds = np.array([1.0, 9.0, 5.0]) * ratio.get(condition.key, 1.0) ** np.array([0, 1, 1])
            share = folds * AREAS / np.sum(folds * AREAS)
            times.append([[*(1e5 * share), *AREAS]] * len(replays.seeds))
        found.append(times)
    return found


@pytest.fixture(scope="module")
def paper():
    return load_paper("deniz2023")


def asked(paper, claims=("D13", "D15"), **others):
    stage = dataclasses.replace(
        paper.calibrations[0], claims=claims, predicts=(), free=(BLOCKED, DOSED, BONDS)
    )
    return ask(paper, stage, **others)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("points")


@pytest.fixture(scope="module")
def found(paper, folder):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(design, "counted", analytic)
        return infer(asked(paper), folder, SIZES, workers=1)


@pytest.mark.slow
def test_a_posterior_holds_the_values_that_make_the_claims(found):
    weighted = found.weighted
    mean = weighted.weights(ALL) @ weighted.points
    assert mean[0] > 0.6
    assert mean[1] > 0.6
    assert mean[2] == pytest.approx(0.5, abs=0.06)
    assert weighted.effective_size(ALL) > 200.0


def test_a_claim_that_the_others_do_not_inform_is_predicted_as_by_the_prior(found):
    for one in predictions(found):
        assert one.reported == pytest.approx(one.prior, abs=0.05)
        assert one.explained > one.reported + 0.1
        assert one.size > 200.0


def test_the_evidence_is_the_mean_over_an_even_grid(found):
    place = (np.arange(40) + 0.5) / 40
    grid = np.array([(x, y, 0.5) for x in place for y in place])
    agree = found.papers.agree(*found.emulator.predict(grid))
    exact = (agree["D13"] & agree["D15"]).mean()
    evidence, error = found.weighted.evidence(ALL)
    assert abs(evidence - exact) < 4.0 * error + 0.02 * exact


def test_directions_are_those_of_reductions_and_of_stated_intervals(found, paper):
    claim = next(c for c in paper.claims if c.id == "D13")
    [statement, *_] = claim.statements
    cases = {
        "reduced": statement,
        "near": dataclasses.replace(statement, above=0.85, below=0.95),
        "raised": dataclasses.replace(statement, above=1.0, below=INFINITY),
    }
    claims = {
        name: dataclasses.replace(claim, id=name, statements=(one,)) for name, one in cases.items()
    }
    question = dataclasses.replace(
        found.question, paper=dataclasses.replace(paper, claims=tuple(claims.values())),
        claims=(), predicts=tuple(cases),
    )  # fmt: skip
    mean, error = found.emulator.predict(found.simulated.points)
    there = _there(question, dataclasses.replace(found.papers, claims=claims), mean, error)
    treated, control = (
        found.papers.reads.index(Read(key, statement.of, statement.time))
        for key in ("amd3100", "control")
    )
    ratio = np.exp(mean[:, treated] - mean[:, control])
    for name, low, high in (("reduced", 0.0, 0.8), ("near", 0.85, 0.95), ("raised", 1.0, np.inf)):
        inside, outside = (low < ratio) & (ratio < high), (ratio < low) | (ratio > high)
        assert inside.any() == (name != "raised")
        assert (there[name][inside] >= 0.5).all()
        assert (there[name][outside] <= 0.5).all()


def test_the_emulator_gives_back_what_was_replayed(found):
    mean, _ = found.emulator.predict(found.simulated.points)
    assert np.abs(mean - found.simulated.logs).max() < 0.05


def test_points_are_replayed_once_and_the_same_command_gives_the_same(
    found, paper, folder, monkeypatch
):
    monkeypatch.setattr(design, "counted", analytic)
    CALLS.clear()
    again = infer(asked(paper), folder, SIZES, workers=1)
    assert not CALLS
    assert np.array_equal(again.weighted.points, found.weighted.points)
    assert np.array_equal(again.weighted.likelihood[ALL], found.weighted.likelihood[ALL])


def test_claims_that_no_point_reports_are_refused(paper, monkeypatch, tmp_path):
    monkeypatch.setattr(design, "counted", analytic)
    with pytest.raises(InputError, match="reports all claims but one"):
        infer(asked(paper, ("D16", "D17", "D19")), tmp_path, SIZES, workers=1)


def test_another_law_is_asked_of_all_models(paper):
    question = asked(paper, law=("mechanisms.adaptation=false",))
    assert not question.shipped.spec.mechanisms.adaptation


def test_a_claim_that_no_fold_change_tells_is_refused(paper):
    with pytest.raises(InputError, match="D11: statement 1"):
        asked(paper, ("D11",))
