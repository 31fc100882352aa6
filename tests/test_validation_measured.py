"""A rendered dish is segmented and measured as it is; what misses and moved outlines do."""

import importlib
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from scipy import ndimage
from scipy.spatial import cKDTree

from sdf1_field.analysis.run_pictures import run_mask, run_positions
from sdf1_field.analysis.runs import run_scene
from sdf1_field.analysis.space import BODY, MIGRASOME, nearest_edge
from sdf1_field.analysis.stroma_runs import run_outlines
from sdf1_field.record import model_of, open_run
from sdf1_field.scene import FloorRegions, Region

FOLDER = Path(__file__).parents[1] / "validation" / "measured"
TIME = 7200.0
REACH = 2.0
"""Distance [um] from an outline beyond which a cell counts for one region only."""
DENSE = ("cells.density=1000 1/mm**2",)


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch):
    """Import a file of the folder by its name, as its scripts do."""
    monkeypatch.syspath_prepend(str(FOLDER))

    def imported(name: str) -> ModuleType:
        return importlib.import_module(name)

    yield imported
    for path in FOLDER.glob("*.py"):
        sys.modules.pop(path.stem, None)


@pytest.fixture
def dish(solved, load):
    """Run, its exact mask and cells, and what thresholds find in its images."""
    microscope = load("microscope")
    with open_run(solved("coculture-kg1a", *DENSE)) as run:
        spec = model_of(run).spec
        images = microscope.take_images(run, TIME, seed=1)
        found = microscope.segment(images)
        places = microscope.detect(images, diameter=spec.haematopoietic.diameter)
        yield run, run_mask(run, TIME, pixel=microscope.PIXEL), found, places


def test_images_have_photons_of_bodies_fibres_and_cells(solved, load):
    microscope = load("microscope")
    with open_run(solved("coculture-kg1a", *DENSE)) as run:
        images = microscope.take_images(run, TIME, seed=1)
        mask = run_mask(run, TIME, pixel=microscope.PIXEL)
    inside = ndimage.binary_erosion(mask.regions == Region.MSC, iterations=5)
    dark = images.bodies[mask.regions == Region.FREE_SURFACE]
    assert np.median(dark) == microscope.BACKGROUND
    # Shot noise: the variance is the mean.
    bright = images.bodies[inside]
    mean = microscope.BACKGROUND + microscope.SIGNAL
    assert bright.mean() == pytest.approx(mean, rel=0.01)
    assert bright.var() == pytest.approx(mean, rel=0.05)


def test_thresholds_find_every_cell_within_a_pixel_but_those_that_touch(dish, load):
    run, _, _, (x, y) = dish
    pixel = load("microscope").PIXEL
    own = run_positions(run, TIME)
    apart, nearest = cKDTree(np.c_[x, y]).query(np.c_[own.x, own.y])
    alone = cKDTree(np.c_[own.x, own.y]).query(np.c_[own.x, own.y], k=2)[0][:, 1]
    size = model_of(run).spec.haematopoietic.diameter
    inside = (np.minimum(own.x, own.y) > size) & (np.maximum(own.x, own.y) < 300.0 - size)
    single = (alone > size) & inside
    assert single.sum() > 40
    assert apart[single].max() < pixel
    assert len(np.unique(nearest[single])) == single.sum()
    assert abs(len(x) - len(own.x)) <= 0.03 * len(own.x)


def test_segmented_regions_differ_only_beside_outlines(dish):
    run, exact, found, _ = dish
    ((_, outlines),) = run_outlines(run, [TIME])
    bodies = outlines[BODY]
    row, column = np.nonzero((found == Region.MSC) != (exact.regions == Region.MSC))
    x, y = exact.grid.x[column], exact.grid.y[row]
    assert np.abs(nearest_edge(bodies, x, y).distance).max() < 1.5
    areas = [np.bincount(own.ravel(), minlength=3) for own in (exact.regions, found)]
    assert areas[1][Region.MSC] == pytest.approx(areas[0][Region.MSC], rel=0.01)
    assert areas[1][Region.MIGRASOME_NETWORK] == pytest.approx(
        areas[0][Region.MIGRASOME_NETWORK], rel=0.1
    )
    assert len(outlines[MIGRASOME].x) > 0


def test_what_is_measured_in_images_is_explained_by_cells_beside_outlines(dish, load, tmp_path):
    run, exact, found, (x, y) = dish
    script, own = load("run"), run_positions(run, TIME)
    true = script.fold_changes(tmp_path, exact.regions, exact.pixel_size, own.x, own.y)
    seen = script.fold_changes(tmp_path, found, exact.pixel_size, x, y)
    spec = model_of(run).spec
    regions = FloorRegions(
        run_scene(run, len(run["time"]) - 1), exact.grid, spec.scene.network_outline_margin
    )
    near = np.zeros(len(own.x), dtype=bool)
    for turn in np.linspace(0.0, 2.0 * np.pi, 16, endpoint=False):
        off_x, off_y = own.x + REACH * np.cos(turn), own.y + REACH * np.sin(turn)
        within = (np.minimum(off_x, off_y) >= 0.0) & (np.maximum(off_x, off_y) < 300.0)
        near[within] |= regions.under(off_x[within], off_y[within]) != own.region[within]
    apart, match = cKDTree(np.c_[x, y]).query(np.c_[own.x, own.y])
    under = found[exact.grid.index(x, y)]
    # Cells far from outlines count for their region, whatever thresholds find.
    clear = ~near & (apart < REACH)
    np.testing.assert_array_equal(under[match[clear]], own.region[clear])
    assert clear.sum() > 0.5 * len(own.x)
    before = exact.regions[exact.grid.index(own.x, own.y)]
    changed = np.count_nonzero(under[match] != before) + abs(len(x) - len(own.x))
    counts = np.bincount(before, minlength=3)
    areas = [np.bincount(mask.ravel(), minlength=3) for mask in (exact.regions, found)]
    drawn = np.abs(np.log(areas[1] / areas[0]))
    for k, region in enumerate((Region.MSC, Region.MIGRASOME_NETWORK)):
        fewest = min(counts[region], counts[0])
        explained = 2.0 * np.log1p(changed / (fewest - changed)) + drawn[region] + drawn[0]
        assert abs(np.log(seen[k] / true[k])) <= explained
    assert changed <= 0.1 * len(own.x)


def test_misses_and_outlines_change_fold_changes_as_the_table_says(solved, load, tmp_path):
    script = load("run")
    script.TIME, script.DRAWS = TIME, 4
    with open_run(solved("coculture-kg1a", *DENSE)) as run:
        found = dict(script.measured(run, tmp_path, seed=1))
    assert set(script.ROWS) < set(found)
    exact = found["exact mask"]
    (line,) = [
        row for row in script.table([found]) if row.startswith("| 5 % of the cells over MSC missed")
    ]
    assert found["missed over MSC"][0] == pytest.approx(0.95 * exact[0], rel=0.03)
    assert found["missed over MSC"][1] == exact[1]
    assert f"{found['missed over MSC'][0] / exact[0]:.2f}" in line
    assert np.log(found["missed anywhere"] / exact) == pytest.approx([0.0, 0.0], abs=0.1)
    assert found["missed over stroma"] == pytest.approx(0.95 * exact, rel=0.05)


def test_outlines_are_moved_by_distances(load):
    drawn = load("run").drawn
    regions = np.zeros((60, 60), dtype=np.uint8)
    regions[20:40, 10:30] = Region.MSC
    regions[20:40, 30:50] = Region.MIGRASOME_NETWORK
    middle = 30
    for msc, network, ends in (
        (0.0, 0.0, (10, 30, 50)),
        (4.0, 0.0, (6, 34, 50)),
        (-4.0, 0.0, (14, 26, 50)),
        (0.0, 4.0, (10, 30, 54)),
        (0.0, -4.0, (10, 30, 46)),
    ):
        row = drawn(regions, 1.0, msc, network)[middle]
        bodies = np.flatnonzero(row == Region.MSC)
        networks = np.flatnonzero(row == Region.MIGRASOME_NETWORK)
        assert (bodies[0], bodies[-1] + 1, networks[-1] + 1) == ends


def test_otsus_threshold_parts_two_peaks_between_them(load):
    rng = np.random.default_rng(1)
    values = np.concatenate([rng.normal(20.0, 2.0, 9000), rng.normal(200.0, 15.0, 1000)])
    threshold = load("microscope").otsu(values)
    assert np.count_nonzero(values > threshold) == 1000


@pytest.mark.slow
def test_the_sizes_of_masks_and_tracks_are_those_recorded(load, tmp_path):
    sizes = load("sizes")
    found = sizes.measured(tmp_path, 128, 2000)
    assert set(found) == set(sizes.COMMANDS)
    assert all(cost.peak > 5e7 and cost.cpu > 0.0 for cost in found.values())
    recorded = (FOLDER / "sizes.md").read_text(encoding="utf-8")
    assert f"{sizes.SIDE:,} x {sizes.SIDE:,} pixels" in recorded
    assert f"{sizes.SPOTS:,} spots" in recorded
    for name in sizes.COMMANDS:
        assert f"\n| {name} |" in recorded


def test_the_page_has_the_recorded_numbers():
    page = (FOLDER.parents[1] / "docs" / "howto" / "measure.md").read_text(encoding="utf-8")
    recorded = {
        cells[1].strip(): [cell.split()[0] for cell in cells[3:5]]
        for cells in (
            line.split("|")
            for line in (FOLDER / "table.md").read_text(encoding="utf-8").splitlines()
        )
        if len(cells) == 6 and "(" in cells[3]
    }
    section = page.partition("## What misses and outlines do")[2].partition("\n## ")[0]
    shown = [line.split("|") for line in section.splitlines() if line.startswith("| ")][1:]
    assert len(shown) >= 6
    for _, text, msc, network, _ in shown:
        assert recorded[text.strip()] == [msc.strip(), network.strip()]
