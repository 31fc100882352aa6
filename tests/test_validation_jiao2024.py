"""The validation of cargo reads what it says it reads."""

import importlib
import sys
from pathlib import Path
from types import ModuleType

import pytest

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
    for name in ("fit", "experiments", "coculture", "run", "share", "space", "fields"):
        sys.modules.pop(name, None)


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
