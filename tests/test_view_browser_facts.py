"""Curves, parameters and the pages of folders in a real browser."""

import pytest

from sdf1_field.analysis import fold_change_table
from sdf1_field.record import model_of, open_run
from sdf1_field.view.folder import folder_page
from sdf1_field.view.runs import runs_page
from test_view_browser import browser, show  # noqa: F401  # fixtures
from test_view_folder import calibrated, reproduced  # noqa: F401  # fixtures

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def run(tiny_run):
    with open_run(tiny_run) as opened:
        yield opened


@pytest.fixture(scope="module")
def page(show, run):  # noqa: F811
    return show(runs_page([run], ["run.nc"]), "facts")


def test_a_click_on_a_curve_shows_the_fold_change_of_analyse_then(page, run):
    page.click("#tab-curves")
    drawing = page.locator(".curve-drawing").first.bounding_box()
    page.mouse.click(drawing["x"] + drawing["width"] - 13, drawing["y"] + 100)
    table = {row["region"]: row for row in fold_change_table([run], [7200.0])}
    shown = page.locator(".curve").first.locator("li", has_text="MSC").first.inner_text()
    assert page.inner_text(".now").startswith("2 h")
    assert float(shown.split()[-1]) == pytest.approx(table["MSC"]["fold_change"], rel=5e-3)
    assert page.wrong == []


def test_one_button_shows_the_assumed_values_that_the_run_reads(page, run):
    page.click("#tab-parameters")
    page.click("text=Only assumed values")
    visible = page.locator("table.parameters tbody tr:visible .status")
    assert set(visible.all_inner_texts()) == {"assumed"}
    assumed = sum(entry.status == "assumed" for entry in model_of(run).entries.values())
    assert 0 < visible.count() < assumed
    page.fill("#parameter-filter", "under_bodies")
    keys = page.locator("table.parameters tbody tr:visible th").all_inner_texts()
    assert keys == ["ligand.ccl2.coat.under_bodies", "ligand.sdf1.coat.under_bodies"]


def test_a_claim_opens_its_experiment_and_small_chances_stay_pale(show, reproduced):  # noqa: F811
    page = show(folder_page(reproduced), "claims")
    page.select_option("label:has-text('Verdict') select", "direction only")
    page.click("button[aria-controls=claim-D13]")
    assert page.locator("svg.dots circle.dish").count() == 24
    swatch = page.locator("td.chance .chance-swatch").first
    assert swatch.inner_text() == "10 %"
    assert swatch.evaluate("(own) => own.style.background") == "rgb(227, 238, 249)"
    assert page.wrong == []


def test_a_calibrations_parameters_have_a_bar_each(show, calibrated):  # noqa: F811
    page = show(folder_page(calibrated), "calibration")
    page.click("#tab-parameters")
    assert page.locator("table svg.interval").count() == 2
    assert page.locator("table svg.interval path.shipped").count() == 2
    assert page.wrong == []
