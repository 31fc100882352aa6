"""Words, tables, draws, model file and pictures of a calibration, from a law of fold changes."""

import importlib.util
import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from PIL import Image

from calibration_builders import FREE, SIZES, use_the_law

pytest.importorskip("sklearn")

from sdf1_field.calibration import asking, findings, report, saving
from sdf1_field.calibration.importance import Weighted
from sdf1_field.calibration.inference import ALL, Prediction, predictions
from sdf1_field.claims.targets import LeaveOneOut
from sdf1_field.figures.corner import MOST, Axis, Bars, chances_figure, labels, shown
from sdf1_field.spec import asked_model
from sdf1_field.statistics import weighted_correlations

LAW = ("mechanisms.adaptation=false",)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("calibrated")


@pytest.fixture(scope="module")
def found(folder):
    """Three parameters, inferred from D12, D13, D15 and D16 by the law."""
    with pytest.MonkeyPatch.context() as patch:
        use_the_law(patch)
        _, question = asking.asked("deniz2023", free=FREE)
        return asking.answered(question, folder, SIZES, workers=1)


@pytest.fixture(scope="module")
def written(found, folder):
    saving.write_calibration(found, folder, SIZES)
    return folder


def weighted_as(found, points, likelihood, prior=None):
    """The same question, with points and likelihoods of the test's own."""
    prior = np.ones(len(points)) if prior is None else prior
    return replace(found, weighted=Weighted(points, prior, likelihood))


# Verdicts


@pytest.mark.parametrize(
    ("reported", "prior", "explained", "size", "verdict"),
    [
        (0.5, 0.25, 0.9, 200.0, findings.PREDICTED),
        (0.5, 0.26, 0.9, 200.0, findings.COMPATIBLE),
        (0.9, 0.5, 0.9, 200.0, findings.EXPECTED),
        (0.4, 0.6, 0.9, 200.0, findings.COMPATIBLE),
        (0.2, 0.1, 0.9, 200.0, findings.COMPATIBLE),
        (0.19, 0.1, 0.9, 200.0, findings.EXPLAINED),
        (0.19, 0.1, 0.19, 200.0, findings.NOT_EXPLAINED),
        (0.9, 0.1, 0.9, 199.9, findings.UNDECIDED),
    ],
)
def test_verdicts_change_at_the_limits_of_the_rules(reported, prior, explained, size, verdict):
    one = Prediction("X", explained, 1.0, reported, prior, size)
    assert findings.verdict_of(one, informs=True) == verdict


def test_what_the_law_was_chosen_by_is_retrodicted_and_its_other_verdicts_stay():
    seen = [
        findings.verdict_of(
            Prediction("X", 0.9, 1.0, reported, 0.1, size), informs=True, law_chosen_by=True
        )
        for reported, size in ((0.6, 500.0), (0.4, 500.0), (0.1, 500.0), (0.6, 100.0))
    ]
    assert seen == [
        findings.RETRODICTED,
        findings.COMPATIBLE,
        findings.EXPLAINED,
        findings.UNDECIDED,
    ]


def test_what_informs_nothing_is_never_called_explained():
    one = Prediction("X", 0.19, 1.0, 0.19, 0.1, 500.0)
    assert findings.verdict_of(one, informs=False) == findings.NOT_EXPLAINED


def test_the_verdict_of_a_claim_knows_whether_the_law_was_chosen_by_it(found):
    """Every point reports each claim with 0.6; the prior lies where nothing is reported."""
    half = np.arange(1000) < 500
    own = {name: np.where(half, 0.6, 0.0) for name in found.weighted.likelihood}
    own = weighted_as(found, np.full((1000, 3), 0.5), own)
    verdicts = {one.prediction.claim: one.verdict for one in findings.judged(own)}
    assert (verdicts["D13"], verdicts["D15"]) == (findings.PREDICTED, findings.RETRODICTED)


# Numbers


def test_the_space_that_holds_claims_is_weighted_by_the_prior(found):
    points = np.full((4, 3), 0.5)
    says = {f"says {one}": np.array([0.3, 0.3, 0.0, 1.0]) for one in found.question.judged}
    says["says D13"] = np.array([1.0, 0.29, 1.0, 0.0])
    own = weighted_as(found, points, {**says, ALL: np.ones(4)}, np.array([4.0, 2.0, 1.0, 1.0]))
    shares = {one.claims: one.share for one in findings.held(own)}
    assert shares["D12",] == pytest.approx(7 / 8)
    assert shares["D13",] == pytest.approx(5 / 8)
    assert shares["D12", "D13", "D15", "D16"] == pytest.approx(4 / 8)


def test_a_posterior_like_the_prior_has_width_1_and_half_an_interval_half_of_it(found):
    points = np.random.default_rng(1).random((200_000, 3))
    own = weighted_as(found, points, {ALL: (points[:, 1] < 0.5).astype(float)})
    constant, rate, bonds = findings.parameters(own)
    assert (constant.width, bonds.width) == pytest.approx((1.0, 1.0), abs=0.01)
    assert rate.width == pytest.approx(0.5, abs=0.01)
    # A quarter of a logarithmic interval from 0.003 to 0.3, a half of one from 0 to 5.
    assert rate.median == pytest.approx(0.003 * 100.0**0.25, rel=0.02)
    assert bonds.median == pytest.approx(2.5, rel=0.02)
    assert rate.high == pytest.approx(0.003 * 100.0**0.475, rel=0.02)


def test_the_best_point_is_where_most_papers_report_all_claims(found):
    points = np.array([[0.1, 0.2, 0.3], [0.4, 0.5, 0.6], [0.7, 0.8, 0.9]])
    own = weighted_as(found, points, {ALL: np.array([0.2, 0.4, 0.1])})
    assert [one.best for one in findings.parameters(own)] == pytest.approx(
        [50.0 * 14.0**0.4, 0.003 * 100.0**0.5, 3.0]
    )


def test_products_are_listed_as_correlations(found):
    points = np.random.default_rng(2).random((20_000, 3))
    ridge = np.exp(-0.5 * ((points[:, 0] + points[:, 1] - 1.0) / 0.1) ** 2)
    own = weighted_as(found, points, {ALL: ridge})
    (one,) = findings.correlations(own)
    assert (one.key, one.other) == FREE[:2]
    assert one.value == pytest.approx(-0.92, abs=0.04)


def test_weighted_correlations_are_those_of_repeated_points():
    points = np.random.default_rng(3).random((50, 3))
    times = np.random.default_rng(4).integers(1, 5, 50)
    found = weighted_correlations(points, times / times.sum())
    assert found == pytest.approx(np.corrcoef(np.repeat(points, times, axis=0).T))
    assert weighted_correlations(np.ones((3, 2)), np.full(3, 1 / 3)).tolist() == [[0, 0], [0, 0]]


def test_a_small_posterior_is_warned_of_and_a_tiny_one_has_no_quantiles(found):
    points = np.random.default_rng(5).random((100, 3))
    ones = dict.fromkeys(found.weighted.likelihood, np.ones(100))
    small = weighted_as(found, points, ones)
    assert "100, is below 200" in report.warning_line(small)
    assert report.warning_line(found) == ""
    assert {one.verdict for one in findings.judged(small)} == {findings.UNDECIDED}
    few = ones | {ALL: (np.arange(100) < 2).astype(float)}
    tiny = weighted_as(found, points, few)
    assert "no quantiles and no correlations" in report.warning_line(tiny)
    # Two points are perfectly correlated.
    assert findings.correlations(tiny) == []
    assert all(row[2:5] == ("-", "-", "-") for row in report.parameter_rows(tiny))
    plain = report.as_json(tiny)
    assert {one["median"] for one in plain["parameters"]} == {None}
    json.dumps(plain, allow_nan=False)


def test_where_no_point_holds_a_claim_the_share_has_a_limit(found):
    points = np.full((1000, 3), 0.5)
    says = {f"says {one}": np.zeros(1000) for one in found.question.judged}
    says["says D12"] = np.ones(1000)
    own = weighted_as(found, points, {**says, ALL: np.ones(1000)})
    rows = dict(report.held_rows(own))
    assert (rows["D12"], rows["D13"]) == ("> 0.997", "< 0.003")


# Files


def test_the_page_and_the_plain_values_say_the_same(found, written):
    page = (written / "table.md").read_text(encoding="utf-8")
    plain = json.loads((written / "calibration.json").read_text(encoding="utf-8"))
    assert [one["id"] for one in plain["claims"]] == ["D12", "D13", "D15", "D16", "D14"]
    for one in plain["claims"]:
        role = "informs" if one["informs"] else "predicted"
        seen = "yes" if one["law_chosen_by"] else "no"
        assert f"| {one['id']} | {role} | {seen} | " in page
        assert f"| {one['effective_size']:.0f} | {one['verdict']} |" in page
    assert [one["id"] for one in plain["claims"] if one["law_chosen_by"]] == ["D15"]
    assert plain["informed_by"] == "D14"
    assert "informed by the p that D14 prints" in page
    assert sum(point["weight"] for point in plain["grid"]) == pytest.approx(1.0)
    assert [one["key"] for one in plain["parameters"]] == list(FREE)
    assert plain["effective_size"] == found.weighted.effective_size(ALL)


def test_draws_open_with_xarray_by_their_groups_in_the_parameters_units(found, written):
    with xr.open_dataset(written / "posterior.nc", group="posterior") as opened:
        draws = opened.load()
    assert draws.sizes == {"chain": 1, "draw": saving.DRAWS}
    assert list(draws.data_vars) == list(FREE)
    assert [draws[key].attrs["units"] for key in FREE] == ["nM", "1/s", "1"]
    assert draws.attrs["claims"] == "D12, D13, D15, D16"
    assert draws.attrs["effective_size"] == pytest.approx(found.weighted.effective_size(ALL))
    rows = {one.free.key: one for one in findings.parameters(found)}
    for key in FREE:
        assert float(draws[key].median()) == pytest.approx(rows[key].median, rel=0.05)
    with xr.open_dataset(written / "posterior.nc", group="prior") as prior:
        assert float(prior[FREE[2]].mean()) == pytest.approx(2.5, rel=0.05)
    with xr.open_dataset(written / "posterior.nc", group="sample_stats") as stats:
        assert stats["lp"].dims == ("chain", "draw")
        assert float(stats["lp"].max()) == pytest.approx(
            np.log(found.weighted.likelihood[ALL].max()), abs=0.05
        )


def test_the_model_file_has_the_best_points_values_and_passes_check(found, written):
    model = asked_model(written / "model.toml")
    best = found.question.space.settings(findings.best_point(found))
    for key, value in best.items():
        entry = model.entries[key]
        assert (entry.value, entry.status) == (value, "calibrated")
        assert "by D12, D13, D15, D16" in entry.source
        assert entry.interval
    assert model.spec.title.endswith("calibrated on D12, D13, D15, D16")
    with_drug = asked_model(written / "model.toml", settings=["treatments.amd3100.dose=10 uM"])
    assert with_drug.spec.agent["amd3100"].inhibition_constant == pytest.approx(
        float(str(best[FREE[0]]).split()[0])
    )


def test_a_law_and_an_interval_of_ones_own_stand_in_the_model_file(found, tmp_path):
    _, question = asking.asked(
        "deniz2023",
        free=[*FREE, "cell_type.kg1a.adaptation_time"],
        prior={FREE[2]: [1.0, 8.0]},
        law=LAW,
    )
    points = np.full((3, 4), 0.9)
    own = replace(weighted_as(found, points, {ALL: np.ones(3)}), question=question)
    path = tmp_path / "own.toml"
    path.write_text(saving.model_text(own), encoding="utf-8")
    model = asked_model(path)
    assert not model.spec.mechanisms.adaptation
    assert model.entries[FREE[2]].interval == (1, 8)
    assert model.entries[FREE[1]].interval_source
    # Nothing adapts, so nothing reads it; a model that extends this one may.
    assert model.entries["cell_type.kg1a.adaptation_time"].status == "calibrated"


@pytest.mark.parametrize(
    ("asked", "model"),
    [
        ({}, "coculture-kg1a"),
        ({"claims": ["D13"]}, "coculture-kg1a"),
        ({"claims": ["D16"]}, "coculture-kg1a"),
        ({"stage": "cd34"}, "coculture-cd34"),
    ],
)
def test_the_model_file_extends_the_untreated_co_culture(asked, model):
    _, question = asking.asked("deniz2023", **asked)
    assert saving.base_condition(question).model == model


def test_the_paragraph_on_methods_has_the_numbers(found, written):
    text = " ".join((written / "methods.txt").read_text(encoding="utf-8").split())
    assert f"replayed at {len(found.simulated.points)} parameter points" in text
    assert "deniz2023 reports (D12, D13, D15, D16)" in text
    assert "the share of 100 virtual papers" in text
    assert f"effective sample size {found.weighted.effective_size(ALL):.0f}" in text
    assert "weighted by the p that D14 prints" in text
    assert "3 parameters" in text
    assert "2 in the logarithm" in text


def test_the_record_of_the_inference_is_what_other_claims_predict(found, monkeypatch, tmp_path):
    folder = Path(__file__).parents[1] / "validation"
    monkeypatch.setattr(sys, "path", [*sys.path])
    spec = importlib.util.spec_from_file_location("run_inference", folder / "inference" / "run.py")
    run = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(run)
    written = {}
    monkeypatch.setattr(run, "HERE", tmp_path)
    monkeypatch.setattr(run, "recorded", lambda _: found)
    monkeypatch.setattr(run, "write_predictions", lambda *given: written.update([given]))
    monkeypatch.setattr(run, "PICTURE", tmp_path / "corner.png")
    run.record(None)
    assert written.keys() == {"deniz2023"}
    assert {claim: LeaveOneOut(**own) for claim, own in written["deniz2023"].items()} == {
        p.claim: LeaveOneOut(p.explained, p.direction, p.reported, p.prior, p.size)
        for p in predictions(found)
    }
    assert "| D14 | " in (tmp_path / "table.md").read_text(encoding="utf-8")


# Pictures


def test_pictures_are_drawn(written):
    for name in ("corner", "claims"):
        with Image.open(written / "figures" / f"{name}.png") as picture:
            assert min(picture.size) > 500


def test_a_corner_plot_shows_the_narrowest_and_the_correlated_parameters():
    points = np.random.default_rng(6).random((20_000, 17))
    weights = np.exp(-(((points[:, 3] + points[:, 9] - 1.0) / 0.1) ** 2))
    assert shown(points, weights / weights.sum()) == [3, 9]
    weights *= np.exp(-(((points[:, 5] - 0.5) / 0.2) ** 2))
    assert shown(points, weights / weights.sum()) == [3, 5, 9]
    weights = np.exp(-np.square((points[:, :12] - 0.5) / 0.4).sum(axis=1))
    assert len(shown(points, weights / weights.sum())) == MOST
    assert len(shown(points, np.full(20_000, 1 / 20_000))) == 2


def test_labels_name_the_section_where_two_would_be_the_same():
    same = [
        Axis(f"cell_type.{name}.receptors", "", 1.0, 2.0, logarithmic=True)
        for name in ("kg1a", "cd34")
    ]
    assert labels(same) == ["kg1a receptors\n[1]", "cd34 receptors\n[1]"]


def test_bars_carry_their_chances_and_verdicts():
    figure = chances_figure([Bars("D13", True, 0.001, 0.4, 0.8, "compatible")])
    (axes,) = figure.axes
    assert [bar.get_height() for bar in axes.patches] == [0.001, 0.4, 0.8]
    assert {"< 0.01", "0.40", "0.80"} <= {text.get_text() for text in axes.texts}
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["D13\ncompatible"]
