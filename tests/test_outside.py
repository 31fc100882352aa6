"""Cases outside the two papers: their files load, their models check, and cheap ones are judged."""

import importlib
import re
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from sdf1_field.claims import NOT_REPRODUCED
from sdf1_field.observations import Dish
from sdf1_field.spec import load_model

FOLDER = Path(__file__).parents[1] / "validation" / "outside"
NAMES = sorted(path.stem for path in FOLDER.glob("claims/*.toml"))
BARE = "ligand.sdf1.coat.sites=0 sites/um**2"


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch):
    """Import a file of the folder by its name, as its scripts do."""
    monkeypatch.syspath_prepend(str(FOLDER))

    def imported(name: str) -> ModuleType:
        return importlib.import_module(name)

    yield imported
    for path in FOLDER.glob("*.py"):
        sys.modules.pop(path.stem, None)


def read_one(readings, observation, model, settings, time, seed=3):
    """Readings of a dish by quantity."""
    path = str(FOLDER / "models" / f"{model}.toml")
    found = readings.read_dish(Dish(observation, path, tuple(settings), seed, (time,)))
    return {reading.quantity: reading.values for reading in found}


@pytest.mark.parametrize("name", NAMES)
def test_a_claims_file_says_where_each_result_was_found_and_its_models_check(load, name):
    paper = load("cases").load_case(name)
    assert paper.claims
    assert all(claim.source.startswith(("found:", "recalled:")) for claim in paper.claims)
    for condition in paper.conditions.values():
        load_model(condition.model, settings=condition.settings)


def cells_of(line):
    """Cells of a line of a Markdown table."""
    return [cell.strip() for cell in line.strip().strip("|").split(" | ")]


def effects_in(text):
    """Effects with their intervals, and half of the last digit of each number."""
    number = r"([-−]?\d+(?:\.\d+)?)"
    found = re.findall(rf"{number}(?: %)? \({number} to {number}\)", text)
    return [
        [(float(n.replace("−", "-")), 0.5 * 10.0 ** -len(n.partition(".")[2])) for n in one]
        for one in found
    ]


def same_effect(shown, recorded):
    """Whether rounded numbers are those recorded, as they are, in percent, or as a fall."""
    for factor in (1.0, 100.0, -1.0, -100.0):
        of = recorded if factor > 0.0 else [recorded[0], recorded[2], recorded[1]]
        pairs = zip(shown, of, strict=True)
        if all(abs(a - factor * b) <= 1.01 * (e + abs(factor) * d) for (a, e), (b, d) in pairs):
            return True
    return False


def test_effects_and_verdicts_of_the_page_are_those_of_the_record():
    record, effects = {}, []
    for line in (FOLDER / "table.md").read_text(encoding="utf-8").splitlines():
        cells = cells_of(line)
        if re.match(r"[A-Z]\d: ", cells[0]):
            effects = []
            record[cells[0][:2]] = cells[-1], effects
        if len(cells) > 6:
            effects += effects_in(cells[-4])
    page = (FOLDER.parents[1] / "docs" / "outside.md").read_text(encoding="utf-8")
    rows = [cells_of(line) for line in page.splitlines() if re.match(r"\|[^|]*\| [A-Z]\d \|", line)]
    assert {row[1] for row in rows} == set(record)
    for _, claim, *_, gives, says in rows:
        verdict, effects = record[claim]
        assert says.strip("*").startswith(verdict), claim
        for shown in effects_in(gives):
            assert any(same_effect(shown, one) for one in effects), (claim, shown, effects)


def test_no_case_is_one_of_the_papers_that_inform_the_model():
    assert not {"deniz2023", "jiao2024"} & set(NAMES)


def test_no_cell_is_held_off_the_stroma_so_the_motile_share_on_fibronectin_is_not_reproduced(load):
    cases = load("cases")
    paper = cases.load_case("pilarski1999")
    paper = replace(paper, claims=paper.claims[:1])
    dishes = cases.planned_dishes(paper, 6)
    (motile,) = cases.judge(paper, 6, cases.read_all(dishes))
    assert motile.statements[0].effect.low > 0.8
    assert motile.verdict == NOT_REPRODUCED


def test_cells_that_are_never_let_go_stay_where_they_are(load):
    load("cases").draw_floor()
    readings = load("readings")
    settings = [
        "treatments.sdf1_precoat={dose='100 ng/mL'}",
        "cell_type.cd34.release_rate=0 1/s",
        "cell_type.cd34.triggered_arrest_rate=0.3 1/s",
    ]
    held = read_one(readings, "floor", "adhesive-floor", settings, 600.0)
    count, of = held[readings.ADHERENT]
    assert count == of
    assert held[readings.STATIONARY][0] > 0.95 * of
    assert held[readings.MOTILE][0] == 0
    free = read_one(readings, "floor", "fibronectin-floor", [], 600.0)
    assert free[readings.ADHERENT][0] == 0
    assert free[readings.MOTILE][0] > 0.5 * of


def test_cells_go_up_the_gradient_of_the_chamber_and_nowhere_without_sensing(load):
    readings = load("readings")
    blind = [BARE, "mechanisms.soluble_sensing=false", "mechanisms.haptotaxis=false"]
    up, none = (
        read_one(readings, "chamber", "gradient-chamber", settings, 3600.0)[readings.FORWARD]
        for settings in ([BARE], blind)
    )
    noise = none.std() / np.sqrt(len(none))
    assert up.mean() > 5.0 * noise
    assert abs(none.mean()) < 4.0 * noise


def test_the_coat_of_the_chamber_is_in_equilibrium(load):
    readings = load("readings")
    spec = load_model(str(FOLDER / "models" / "gradient-chamber.toml")).spec
    c, bound = readings.sensed_in_chamber(spec, readings.model_grid(spec))
    coat = spec.ligand["sdf1"].coat
    b = bound * readings.MOLECULES_PER_UM3_PER_NM / spec.receptor.cxcr4.coat_share
    flux = coat.association_rate * c * (coat.sites - b) - coat.dissociation_rate * b
    np.testing.assert_allclose(flux, 0.0, atol=1e-12 * coat.sites)
    assert c.mean() == pytest.approx(4.5, rel=1e-12)


def test_spots_keep_their_amount_and_become_a_point(load):
    spot = load("spot")
    r, time, diffusivity = np.linspace(5.0, 6e4, 300), 3e5, 150.0
    ball, disc = (field(r, time, diffusivity) for field in (spot.hemisphere, spot.cylinder))
    volumes = (
        np.trapezoid(ball * 2.0 * np.pi * r**2, r),
        np.trapezoid(disc * 2.0 * np.pi * r, r) * spot.DEPTH,
    )
    assert volumes == pytest.approx((1e10, np.pi * spot.RADIUS**2 * spot.THICKNESS), rel=1e-3)
    spread = 4.0 * diffusivity * time
    point = 2e10 * np.exp(-(r**2) / spread) / (np.pi * spread) ** 1.5
    np.testing.assert_allclose(ball[r < 5e3], point[r < 5e3], rtol=2e-2)


def test_the_solver_has_the_spot_s_exact_field_after_hours(load, monkeypatch):
    spot = load("spot")
    monkeypatch.setattr(spot, "WIDTH", 16000.0)
    monkeypatch.setattr(spot, "SPACING", 500.0)
    assert max(spot.solver_errors(np.array([2.5, 5.0]), 150.0)) < 0.03


def test_a_gradient_is_formed_when_it_stays_near_its_end(load):
    matrix = load("matrix")
    rising = np.minimum(1.0, matrix.HOURS / 10.0)
    assert matrix.formed_after(rising) == pytest.approx(9.0)
    assert matrix.formed_after(np.where(matrix.HOURS < 2.0, 1.0, rising)) == pytest.approx(9.0)
    assert matrix.formed_after(np.ones_like(rising)) == matrix.HOURS[0]


def test_draws_of_the_posterior_are_models(load):
    drawn = load("tables").posterior_draws()[0]
    assert any(setting.startswith("cell_type.cd34.release_rate=") for setting in drawn)
    load_model(str(FOLDER / "models" / "gradient-chamber.toml"), settings=drawn)
