"""Half doses: by the trigger itself, of a space's points, and in a calibration's report."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import brentq

from calibration_builders import FREE as DECIDING
from calibration_builders import SIZES, use_the_law
from sdf1_field.calibration import asking, findings, report
from sdf1_field.calibration.doses import half_dose, half_doses
from sdf1_field.calibration.inference import ALL, at_doses
from sdf1_field.calibration.space import make_space
from sdf1_field.pharmacology import activation, occupied_fraction
from sdf1_field.spec import load_model

RECEPTORS, HALF = "cell_type.kg1a.receptors", "cell_type.kg1a.half_trigger"


@pytest.mark.parametrize("exponent", [1.0, 2.0, 4.0])
@pytest.mark.parametrize(("receptors", "half"), [(500.0, 1000.0), (3000.0, 130.0), (5e4, 10.0)])
def test_half_of_the_triggers_maximum_is_reached_at_the_half_dose(receptors, half, exponent):
    def trigger(dose):
        return activation(receptors * occupied_fraction(dose, 4.5), half, exponent)

    wanted = 0.5 * activation(receptors, half, exponent)
    searched = brentq(lambda dose: trigger(dose) - wanted, 1e-9, 1e4, xtol=1e-14, rtol=1e-12)
    found = half_dose(*(np.array([x]) for x in (receptors, half, exponent, 4.5)))
    assert found[0] == pytest.approx(searched, rel=1e-8)


def test_half_doses_of_points_are_those_of_models_with_their_values():
    model = load_model("coculture-kg1a")
    space = make_space(
        model, (HALF, "cell_type.kg1a.speed", "receptor.cxcr4.dissociation_constant")
    )
    points = np.array([[0.2, 0.5, 0.9], [0.8, 0.5, 0.1]])
    for point, found in zip(points, half_doses(space, model, points), strict=True):
        spec = load_model(
            "coculture-kg1a", settings=[f"{k}={v}" for k, v in space.settings(point).items()]
        ).spec
        cell = spec.haematopoietic
        own = (cell.receptors, cell.half_trigger, cell.trigger_exponent)
        own = (*own, spec.receptor.cxcr4.dissociation_constant)
        exact = half_dose(*(np.array([x]) for x in own))[0]
        assert found == pytest.approx(exact, rel=2e-3)


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        use_the_law(patch)
        _, question = asking.asked("deniz2023", free=(*DECIDING, RECEPTORS, HALF))
        return asking.answered(question, tmp_path_factory.mktemp("doses"), SIZES, workers=1)


def test_points_with_other_half_doses_have_no_weight_at_published_ones(found):
    question, weighted = found.question, found.weighted
    dose = half_doses(question.space, question.shipped, weighted.points)
    low, high = question.half_dose
    inside = (low <= dose) & (dose <= high)
    assert 0.0 < inside.mean() < 1.0
    assert not weighted.likelihood[at_doses(ALL)][~inside].any()
    assert np.array_equal(
        weighted.likelihood[at_doses(ALL)][inside], weighted.likelihood[ALL][inside]
    )


def test_the_report_says_how_much_lies_at_published_doses(found):
    own = findings.doses(found)
    assert own.published == pytest.approx((10.0, 300.0))
    # The law of the test does not depend on receptors or half trigger.
    assert own.prior_share == pytest.approx(0.111, abs=0.02)
    assert own.posterior_share == pytest.approx(own.prior_share, abs=0.05)
    assert own.evidence == pytest.approx(found.weighted.evidence(ALL)[0], rel=0.3)
    assert "10 to 300 ng/mL" in report.dose_line(found)
    assert report.as_json(found)["half_dose"]["published"] == pytest.approx([10.0, 300.0])


def test_a_calibration_without_published_doses_says_nothing_of_them(found):
    without = replace(found, question=replace(found.question, half_dose=None))
    assert report.dose_line(without) == ""
    assert report.as_json(without)["half_dose"] is None


def test_half_doses_that_no_free_parameter_decides_are_not_asked_for():
    _, question = asking.asked("deniz2023", free=("cell_type.kg1a.cd166_bonds",))
    assert question.half_dose is None
