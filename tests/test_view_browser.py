"""The page of a run in a real browser, from its file and without a network."""

import re
import shutil

import numpy as np
import pytest

from conftest import TRACKED
from sdf1_field.api.runs import open_run as open_files
from sdf1_field.record import field_unit, open_run
from sdf1_field.view.fields import coarse_means
from sdf1_field.view.runs import runs_page

pytestmark = pytest.mark.browser

sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")

_CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "chrome")
_OPTIONS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
EVIL = "</title></script><script>document.title = 'run by the title'</script>"


@pytest.fixture(scope="module")
def browser():
    """One browser for all tests; its own of Playwright where the system has none."""
    with sync_api.sync_playwright() as playwright:
        found = next(filter(None, map(shutil.which, _CHROMIUM)), None)
        try:
            started = playwright.chromium.launch(executable_path=found, args=list(_OPTIONS))
        except sync_api.Error as error:
            pytest.skip(f"no Chromium: {str(error).splitlines()[0]}")
        yield started
        started.close()


@pytest.fixture(scope="module")
def show(browser, tmp_path_factory):
    """Function that opens a page's text from a file, offline, and collects what goes wrong."""
    folder = tmp_path_factory.mktemp("pages")
    contexts = []

    def opened(text, name="run", **wishes):
        file = folder / f"{name}.html"
        file.write_text(text, encoding="utf-8")
        context = browser.new_context(offline=True, **wishes)
        contexts.append(context)
        page = context.new_page()
        page.wrong = []
        page.on("console", lambda said: page.wrong.append(said.text))
        page.on("pageerror", lambda error: page.wrong.append(str(error)))
        page.on(
            "request",
            lambda asked: asked.url.startswith("file:") or page.wrong.append(asked.url),
        )
        page.goto(file.as_uri())
        page.wait_for_selector("html[data-ready]")
        return page

    yield opened
    for context in contexts:
        context.close()


@pytest.fixture(scope="module")
def run(tiny_run):
    with open_run(tiny_run) as dataset:
        yield dataset


@pytest.fixture(scope="module")
def page(show, run):
    return show(runs_page([run], ["run.nc"]))


@pytest.fixture(autouse=True)
def _nothing_goes_wrong(page):
    yield
    assert page.wrong == []


_DRAWN = "new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))"


def _until(page, condition):
    """Wait for a condition; the page's policy forbids Playwright's own way to wait."""
    assert page.evaluate(
        f"""async () => {{
          for (let n = 0; n < 200 && !({condition}); n += 1) await {_DRAWN};
          return {condition};
        }}"""
    )


def _picture(page):
    page.evaluate(_DRAWN)
    return page.evaluate("document.querySelector('canvas').toDataURL()")


def _at(page, x, y):
    """Place on the screen of a place on the floor [um]."""
    return page.evaluate(
        """([x, y]) => {
          const panel = viewer.panels[0], box = panel.canvas.getBoundingClientRect();
          const view = panel.transform();
          return [box.left + view.placeX(x) / panel.ratio, box.top + view.placeY(y) / panel.ratio];
        }""",
        [float(x), float(y)],
    )


def test_the_slider_moves_cells_and_says_the_time(page):
    page.keyboard.press("Home")
    before = _picture(page)
    page.locator("#time").fill("5")
    assert _picture(page) != before
    assert page.locator(".clock").inner_text() == "75 min after the cells were added"
    assert page.locator("#time").get_attribute("aria-valuetext").startswith("75 min")
    assert "cells" in page.locator("canvas").get_attribute("aria-label")


def test_keys_step_and_play(page):
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("Home")
    assert page.evaluate("viewer.state.time") == 0.0
    page.keyboard.press("ArrowRight")
    assert page.evaluate("viewer.state.time") == page.evaluate("viewer.times[1]")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Space")
    _until(page, "viewer.state.time > 0")
    page.keyboard.press("Space")
    assert page.locator(".play").get_attribute("aria-pressed") == "false"
    page.keyboard.press("End")
    assert page.evaluate("viewer.state.time === viewer.times[viewer.times.length - 1]")


@pytest.mark.parametrize("layer", ["regions", "bodies", "fibres", "migrasomes", "cells"])
def test_each_layer_switches(page, layer):
    before = _picture(page)
    box = page.locator(f"[data-layer={layer}] input")
    box.click()
    assert _picture(page) != before
    box.click()
    assert _picture(page) == before


@pytest.mark.parametrize("key", ["sdf1", "sdf1_bound", "ccl2", ""])
def test_each_field_is_drawn(page, key):
    page.locator("input[name=field][value='sdf1']").check()
    before = _picture(page)
    page.locator(f"input[name=field][value='{key}']").check()
    assert (_picture(page) != before) == (key != "sdf1")
    page.locator("input[name=field][value='sdf1']").check()


def test_values_under_the_pointer_are_those_of_the_file(page, run):
    page.keyboard.press("End")
    unit, size = field_unit(run, "sdf1")
    step = page.evaluate("viewer.data.fields[0].scale.step")
    for row, column in ((3, 4), (15, 20), (27, 8)):
        x, y = (float(run[axis].values[at]) for axis, at in (("x", column), ("y", row)))
        page.mouse.move(*_at(page, x, y))
        shown = re.search(rf"SDF-1 dissolved ([\d.]+) {unit}", page.locator(".tip").inner_text())
        value = float(run["sdf1"].values[-1, row, column]) / size
        assert abs(np.log10(float(shown[1]) / value)) <= 0.5 * step + 0.003


def test_a_clicked_cell_shows_its_number_and_its_states(page, run):
    page.keyboard.press("End")
    x, y = (run[f"cell_{axis}"].values[:, -1] for axis in ("x", "y"))
    apart = np.hypot(x[:, None] - x, y[:, None] - y) + 1e9 * np.eye(len(x))
    lone = int(np.argmax(apart.min(axis=1)))
    page.mouse.click(*_at(page, x[lone], y[lone]))
    assert page.evaluate("viewer.state.cell") == {"run": 0, "number": lone}
    rows = page.locator(".cell-table tbody tr")
    assert rows.count() == run.sizes["obs"]
    state = "held" if run["cell_state"].values[lone, -1] else "crawling"
    assert rows.last.locator("td").first.inner_text() == state
    assert page.locator(".cell-now").inner_text().startswith(f"Cell {lone} at 2 h: {state} over ")


def test_a_cell_is_found_by_its_number_and_an_unknown_one_named(page):
    page.locator("#cell-number").fill("7")
    page.get_by_role("button", name="Show", exact=True).click()
    assert page.evaluate("viewer.state.cell.number") == 7
    page.locator("#cell-number").fill("100000")
    page.locator("#cell-number").press("Enter")
    assert "no cell 100000" in page.locator(".cell-now").inner_text()
    assert page.evaluate("viewer.state.cell") is None


def test_values_are_read_out_without_a_mouse(page):
    page.locator("canvas").focus()
    page.keyboard.press("Shift+ArrowRight")
    assert "SDF-1 dissolved" in page.locator("#announcement").inner_text()
    assert "SDF-1 dissolved" in page.locator(".readout").inner_text()
    page.keyboard.press("Escape")


def test_zoom_by_keys_and_wheel_keeps_the_place_under_the_pointer(page):
    page.mouse.move(*_at(page, 100.0, 200.0))
    before = _at(page, 100.0, 200.0)
    page.mouse.wheel(0, -400)
    _until(page, "viewer.view.zoom > 1.5")
    assert _at(page, 100.0, 200.0) == pytest.approx(before, abs=1.0)
    page.keyboard.press("0")
    assert page.evaluate("viewer.view.zoom") == 1


def test_the_page_prints_all_of_its_parts(page):
    assert page.pdf()[:5] == b"%PDF-"
    page.emulate_media(media="print")
    assert not page.locator(".dock").is_visible()
    page.emulate_media(media="screen")


def test_dark_and_light_follow_the_system_and_the_switch(page):
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)
    page.emulate_media(color_scheme="dark")
    dark = page.evaluate(ground)
    assert dark != light
    page.locator(".theme").click()
    assert page.evaluate(ground) == light
    page.evaluate("delete document.documentElement.dataset.theme")
    page.emulate_media(color_scheme="light")


def test_a_narrow_window_needs_no_sideways_scrolling(page):
    size = page.viewport_size
    page.set_viewport_size({"width": 360, "height": 740})
    _until(page, "document.documentElement.scrollWidth <= 360")
    assert page.locator("canvas").bounding_box()["width"] > 300
    page.set_viewport_size(size)


@pytest.mark.parametrize("size", [(1280, 720), (1400, 900)])
def test_dish_and_slider_are_seen_together(page, size):
    before = page.viewport_size
    page.set_viewport_size({"width": size[0], "height": size[1]})
    _until(page, "viewer.panels[0].canvas.width > 0")
    page.evaluate("window.scrollTo(0, 0)")
    dish, slider = page.locator("canvas").bounding_box(), page.locator("#time").bounding_box()
    assert dish["height"] > 0.5 * size[1]
    assert dish["y"] + dish["height"] <= slider["y"]
    assert slider["y"] + slider["height"] <= size[1]
    page.set_viewport_size(before)


def test_values_of_a_thinned_floor_are_those_of_its_places(show, run, monkeypatch):
    step, side = 4, run.sizes["x"]
    assert 0 < side % step <= step // 2
    monkeypatch.setattr("sdf1_field.view.runs.grid_steps", lambda *_: [([step], 1)])
    thin = show(runs_page([run], ["run.nc"]), "thin")
    means = coarse_means(run["sdf1"].values[-1], step) / field_unit(run, "sdf1")[1]
    across = run["x"].values
    for row, column in ((1, 2), (5, 1), (len(means) - 1, 3)):
        x, y = (float(across[min(at * step + 1, side - 1)]) for at in (column, row))
        shown = thin.evaluate(
            "([x, y]) => viewer.runs[0].fieldValue('sdf1', viewer.state.time, x, y)", [x, y]
        )
        assert shown == pytest.approx(means[row, column], rel=0.02)
    assert thin.wrong == []


def test_two_runs_play_in_step_and_one_says_that_it_has_ended(show, run, solved):
    longer = solved("coculture-kg1a", *TRACKED, "run.duration=3 h")
    with open_run(longer) as tracked:
        both = show(runs_page([run, tracked], [EVIL, "b.nc"]), "both")
    clocks = both.locator(".panel-clock").all_inner_texts()
    assert [text.split(" after")[0] for text in clocks] == ["3 h", "3 h"]
    assert "has ended at 2 h" in clocks[0]
    assert both.locator(".panel-name").first.inner_text() == EVIL
    assert both.title() != "run by the title"
    assert both.wrong == []


def test_a_notebook_shows_the_page_apart_from_its_own(browser, tiny_run, tmp_path):
    with open_files(tiny_run) as run:
        html = run.view()._repr_html_()
    file = tmp_path / "notebook.html"
    file.write_text(f"<!DOCTYPE html><p>cell</p>{html}", encoding="utf-8")
    context = browser.new_context(offline=True)
    notebook = context.new_page()
    notebook.goto(file.as_uri())
    frame = notebook.frame_locator("iframe")
    frame.locator("html[data-ready]").wait_for()
    assert frame.locator("canvas").bounding_box()["width"] > 200
    assert frame.locator("html").evaluate("window.origin") == "null"
    context.close()
