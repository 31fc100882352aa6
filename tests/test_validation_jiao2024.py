"""The validation of cargo reads what it says it reads, and its statements can fail."""

import importlib
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
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
    for name in ("fit", "experiments", "statements"):
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


def test_a_dish_s_blots_err_alike_in_every_look_and_otherwise_in_every_experiment(load):
    experiments, statements = load("experiments"), load("statements")

    def experiment(number):
        dishes = [
            experiments.grow(
                experiments.Culture(experiments.MODEL, ("dish.width=0.3 mm",), seed, (10.0,))
            )
            for seed in SEEDS
        ]
        return experiments.experiment(number, [experiments.CONTROL], dishes)

    first, other = experiment(0), experiment(1)
    exact = statements.ratios(first, experiments.CONTROL, 10, "mcsf")
    blotted = statements.ratios(first, experiments.CONTROL, 10, "mcsf", 0.1)
    np.testing.assert_array_equal(
        blotted, statements.ratios(first, experiments.CONTROL, 10, "mcsf", 0.1)
    )
    assert np.all(blotted != exact)
    np.testing.assert_allclose(blotted, exact, rtol=0.6)
    assert np.all(blotted != statements.ratios(other, experiments.CONTROL, 10, "mcsf", 0.1))


def test_a_statement_needs_its_direction_and_its_test(load):
    statements = load("statements")

    def statement(p: float, *, right: bool):
        return statements.Statement(
            "J0", "", "t", statements.PREDICTED, "", lambda _: 0.0, lambda _: right, lambda _: p,
            below=0.01,
        )  # fmt: skip

    assert statement(0.001, right=True).holds(None)
    assert not statement(0.02, right=True).holds(None)
    assert not statement(0.001, right=False).holds(None)
