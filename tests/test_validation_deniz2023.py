"""The fit of what gathers cells reads what it says it reads, moves what it may, and can fail."""

import importlib
import math
import sys
import tomllib
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from sdf1_field.spec import load_model

FOLDER = Path(__file__).parents[1] / "validation" / "deniz2023"


@pytest.fixture
def fit(monkeypatch: pytest.MonkeyPatch):
    """The script and the modules beside it, as one namespace."""
    monkeypatch.syspath_prepend(str(FOLDER))
    names = ("recording", "parameters", "chances", "fit")
    importlib.import_module("fit")
    parts = {name: sys.modules[name] for name in names}
    yield SimpleNamespace(
        **parts, **{k: v for one in parts.values() for k, v in vars(one).items() if k not in parts}
    )
    for name in names:
        sys.modules.pop(name, None)


def test_the_fit_reads_what_may_be_fitted_and_nothing_else(fit: SimpleNamespace):
    assert set(fit.CLAIMS) == {"D11", "D12", "D13", "D17"}
    assert {claim.id for claim in fit.PAPER.claims} == set(fit.CLAIMS)
    assert all(claim.fitted for claim in fit.PAPER.claims)


def test_the_only_treatment_that_the_fit_sees_is_amd3100_at_10_um_for_4_h(fit: SimpleNamespace):
    simulated = {*fit.KG1A, *fit.CD34}
    read = {
        condition
        for claim in fit.PAPER.claims
        for s in claim.statements
        for condition in (s.condition, s.reference)
        if condition is not None
    }
    assert read == simulated == {name for plan in fit.PLANS for name in plan.conditions}
    for name in simulated:
        model = load_model(fit.PAPER.conditions[name].model)
        given = set(model.spec.treatments) - {"medium_change"}
        assert given == ({"amd3100"} if name == "amd3100" else set()), name
    amd3100 = fit.PAPER.conditions["amd3100"]
    assert amd3100.model == "coculture-kg1a-amd3100-10um"
    assert amd3100.times == (4.0 * 3600.0,)
    assert set(load_model(fit.TRACKED).spec.treatments) <= {"medium_change"}


def test_draws_stay_inside_the_intervals_of_what_nobody_has_measured(fit: SimpleNamespace):
    for frees in (fit.GATHERING, fit.OF_CD34):
        corners = (np.zeros(len(frees)), np.ones(len(frees)), np.array(fit.start_of(frees)))
        for point in corners:
            for path, value in fit.values_of(frees, point).items():
                assert fit.ranges()[path].low <= value <= fit.ranges()[path].high, path
        start = fit.values_of(frees, fit.start_of(frees))
        assert all(start[free.path] == free.start for free in frees)


def shown(fit: SimpleNamespace, ratio: float, deviations: np.ndarray) -> dict:
    """Dishes of a control and a treated condition, shape (2, dish), by their ratio and scatter."""
    control = ("control", fit.FOLD, "MSC", 4.0 * 3600.0)
    treated = ("amd3100", fit.FOLD, "MSC", 4.0 * 3600.0)
    return {
        control: 4.0 * (1.0 + deviations[0]),
        treated: 4.0 * ratio * (1.0 + deviations[1]),
    }


@pytest.mark.parametrize("ratio", [1.0, 0.7, 0.4, 1.5])
def test_chances_are_the_shares_of_experiments_that_say_it(fit: SimpleNamespace, ratio: float):
    (claim,) = (c for c in fit.PAPER.claims if c.id == "D13")
    (statement,) = (s for s in claim.statements if s.of == "MSC")
    scatter, number = 0.2, 3 * 1000
    normal = np.random.default_rng(11).standard_normal((2, number))
    dishes = shown(fit, ratio, scatter * normal)
    said = [
        fit.says(statement, {key: values[n : n + 3] for key, values in dishes.items()})
        for n in range(0, number, 3)
    ]
    known = {(fit.FOLD, "MSC"): (scatter**2, 100)}
    # The noncentral t is of conditions that scatter alike, these do in proportion to their means.
    assert fit.chance(statement, dishes, known) == pytest.approx(np.mean(said), abs=0.05)


def test_nothing_is_rewarded_beyond_what_the_paper_saw(fit: SimpleNamespace):
    prior = {(fit.FOLD, "MSC"): (0.01, 4)}
    even = 0.1 * np.array([[-1.0, 0.0, 1.0], [0.0, 1.0, -1.0]])
    scores = [fit.score(shown(fit, ratio, even), prior, fit.KG1A) for ratio in (1.0, 0.8, 0.2, 0.1)]
    assert scores[0] < scores[1] < scores[2] == scores[3]
    # The control's fold change above 1, and the treated one's below the control's.
    assert scores[3] == pytest.approx(2.0 * math.log(fit.ENOUGH))


def test_only_what_moved_is_written_and_all_else_stays(
    fit: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    before = fit.recording.PARAMETERS.read_text(encoding="utf-8")
    copy = tmp_path / "parameters.toml"
    copy.write_text(before, encoding="utf-8")
    monkeypatch.setattr(fit.recording, "PARAMETERS", copy)
    present = fit.known_values()
    fit.write(present)
    assert copy.read_text(encoding="utf-8") == before
    path = "cell_type.kg1a.release_rate"
    fit.write({**present, path: 2e-4})
    after = copy.read_text(encoding="utf-8")
    old, new = before.splitlines(), after.splitlines()
    changed = [n for n, line in enumerate(new) if line != old[n]]
    at = new.index(f"[{path}]")
    assert len(new) == len(old)
    assert set(changed) <= {at + 1, at + 2, at + 3}
    assert new[at + 1 : at + 3] == ['value = "0.0002 1/s"', 'status = "calibrated"']
    assert tomllib.loads(after)["cell_type"]["kg1a"]["release_rate"]["source"].startswith("fitted")
