import json
import re
import shutil
from base64 import b64decode
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from conftest import FOLLOWED, TRACKED
from sdf1_field.analysis import cell_places
from sdf1_field.analysis.runs import frame_regions
from sdf1_field.api.runs import Runs
from sdf1_field.api.runs import open_run as opened
from sdf1_field.cli import main
from sdf1_field.errors import InputError
from sdf1_field.record import field_unit, open_run, solve
from sdf1_field.spec import load_model
from sdf1_field.view.arrays import Blocks
from sdf1_field.view.assembly import assemble_page, safe_json
from sdf1_field.view.codec import FINEST, FIRST, LinearScale, LogScale, decoded, encoded
from sdf1_field.view.fields import coarse_means, field_kinds, read_field
from sdf1_field.view.runs import runs_page
from sdf1_field.view.stroma import described_regions

EVIL = "</title></script><script>alert(1)</script>"


class Page:
    """What a page holds, read as the browser reads it."""

    def __init__(self, text):
        self.text = text
        self.data = json.loads(re.search(r'id="data">(.*?)</script>', text, re.DOTALL)[1])
        self.run = self.data["runs"][0]
        self.blocks = {
            found[1]: b64decode(found[2])
            for found in re.finditer(r'id="block-(\w+)">([^<]*)</script>', text)
        }

    def codes(self, told):
        return decoded(self.blocks[told["block"]], tuple(told["shape"]), told["bits"])

    def field(self, key):
        field = next(one for one in self.data["fields"] if one["key"] == key)
        scale = {name: field["scale"][name] for name in ("low", "step", "top", "missing")}
        return LogScale(**scale).values(self.codes(self.run["fields"][key])), field

    def linear(self, told):
        scale = LinearScale(told["scale"]["low"], told["scale"]["step"], told["bits"])
        return scale.values(self.codes(told))


@pytest.fixture(scope="module")
def run(tiny_run):
    with open_run(tiny_run) as dataset:
        yield dataset


@pytest.fixture(scope="module")
def page(run):
    return Page(runs_page([run], ["run.nc"]))


@settings(max_examples=30)
@given(
    st.sampled_from([np.uint8, np.uint16]).flatmap(
        lambda kind: arrays.arrays(kind, arrays.array_shapes(min_dims=2, max_dims=3, min_side=0))
    )
)
def test_blocks_have_the_same_codes_when_they_are_read_again(codes):
    again = decoded(encoded(codes), codes.shape, 8 * codes.dtype.itemsize)
    assert again.dtype == codes.dtype
    np.testing.assert_array_equal(again, codes)


@settings(max_examples=50)
@given(st.floats(1e-9, 1e6), st.floats(0.0, 3.9), st.lists(st.floats(0.0, 1.0), max_size=9))
def test_a_logarithmic_scale_is_within_half_a_step_of_every_value_in_its_range(low, span, shares):
    high = low * 10.0**span
    scale = LogScale.of(low, high)
    values = low * 10.0 ** (span * np.array([0.0, 1.0, *shares]))
    off = np.abs(np.log10(scale.values(scale.codes(values)) / values))
    assert off.max() <= 0.5 * scale.step * (1.0 + 1e-6) + 1e-12
    assert scale.step <= max(FINEST, span / 252)


def test_zero_below_the_range_and_missing_have_codes_of_their_own():
    scale = LogScale.of(1e-9, 1.0)
    found = scale.values(scale.codes([0.0, -1.0, 1e-6, 1.0, np.nan]))
    np.testing.assert_array_equal(found[:2], 0.0)
    assert found[2] == pytest.approx(scale.low * 10.0**-scale.step)
    assert found[3] == pytest.approx(1.0)
    assert np.isnan(found[4])


@pytest.mark.parametrize("step", [2, 3, 4, 7])
def test_thinned_regions_lie_on_the_places_of_thinned_fields(run, step):
    blocks = Blocks("f")
    told = described_regions(run, [0], step, blocks, lambda: None)
    found = decoded(blocks.blocks[told["block"]], tuple(told["shape"]), told["bits"])
    (kind,) = (one for one in field_kinds([run]) if one.key == "sdf1")
    assert found.shape == read_field(run, kind, [0], step, lambda: None).shape
    whole, last = frame_regions(run, 0), run.sizes["x"] - 1
    for row, column in ((0, 0), (1, 2), (found.shape[1] - 1, found.shape[2] - 1)):
        y, x = (min(at * step + step // 2, last) for at in (row, column))
        assert found[0, row, column] == whole[y, x]


def test_migrasomes_have_a_scale_of_their_own_and_zero_is_not_what_is_below_it(run):
    filled = run.load().copy(deep=True)
    cargo = filled["migrasome_sdf1_secretion_rate"]
    values = np.where(np.isfinite(cargo.values), 1e-3, np.nan)
    values[:, 0] = 0.0
    cargo.values[:] = values
    page = Page(runs_page([filled], ["run.nc"]))
    (quantity,) = (o for o in page.data["quantities"] if o["key"] == "sdf1_secretion_rate")
    bodies, migrasomes = (quantity["scales"][kind] for kind in ("bodies", "migrasomes"))
    assert bodies["low"] > migrasomes["low"] == pytest.approx(1e-3)
    codes = page.codes(page.run["stroma"]["migrasomes"]["quantities"]["sdf1_secretion_rate"])
    assert (codes[:, 0] == 0).all()
    assert set(np.unique(codes[:, 1:])) <= {FIRST, migrasomes["missing"]}


def test_a_floor_without_a_ligand_has_no_place_on_its_scale(run):
    empty = run.load().copy(deep=True)
    empty["sdf1"][0] = 0.0
    page = Page(runs_page([empty], ["run.nc"]))
    ends = page.run["fields"]["sdf1"]["ends"]
    assert ends[0] == [0, 0]
    assert ends[-1][0] >= FIRST


def test_coarse_fields_keep_the_mean_and_leave_out_what_lies_outside_a_well():
    values = np.arange(35.0).reshape(5, 7)
    means = coarse_means(values, 2)
    assert means.shape == (3, 4)
    assert means[0, 0] == pytest.approx(values[:2, :2].mean())
    assert means[2, 3] == values[4, 6]
    values[0, :2] = np.nan
    values[:2, 2:4] = np.nan
    means = coarse_means(values, 2)
    assert means[0, 0] == pytest.approx(values[1, :2].mean())
    assert np.isnan(means[0, 1])


@pytest.mark.parametrize("key", ["sdf1", "sdf1_bound", "ccl2"])
def test_fields_of_the_page_are_those_of_the_file_within_the_stated_step(page, run, key):
    found, field = page.field(key)
    size = 1.0 if key.endswith("bound") else field_unit(run, key)[1]
    values = run[key].values / size
    seen = values >= field["scale"]["low"]
    off = np.abs(np.log10(found[seen] / values[seen]))
    assert seen.any()
    assert off.max() <= 0.51 * field["scale"]["step"]
    if not key.endswith("bound"):
        assert field["unit"] == field_unit(run, key)[0]


def test_places_and_states_of_cells_are_those_of_the_file(page, run):
    cells = page.run["cells"]
    x, y = cell_places(run)
    for axis, places in (("x", x), ("y", y)):
        assert np.abs(page.linear(cells[axis]) - places.T).max() <= 0.01
    np.testing.assert_array_equal(page.codes(cells["held"]), run["cell_state"].values.T)
    np.testing.assert_array_equal(page.codes(cells["region"]), run["cell_region"].values.T)


def test_every_held_cell_touches_a_structure_that_holds_it(page):
    cells = page.run["cells"]
    held = page.codes(cells["held"]) == 1
    assert held.any()
    assert (page.codes(cells["touches"])[held] > 0).all()


def test_stroma_of_the_page_is_that_of_the_file(page, run):
    bodies, migrasomes = (page.run["stroma"][kind] for kind in ("bodies", "migrasomes"))
    for told, name in ((bodies["x"], "body_x"), (migrasomes["y"], "migrasome_y")):
        values = run[name].values
        np.testing.assert_allclose(page.linear(told)[told["which"]], values, atol=0.02)
    fibres = page.run["stroma"]["fibres"]["x"]
    courses = np.cumsum(page.codes(fibres), axis=-1, dtype=np.uint16)[fibres["which"]]
    values = run["fibre_x"].values
    there = np.isfinite(values)
    np.testing.assert_allclose((courses * fibres["scale"]["step"])[there], values[there], atol=0.13)


def test_a_stroma_that_does_not_change_is_stored_once(page, run):
    told = page.run["stroma"]["bodies"]["x"]
    assert run.sizes["time"] > 1
    assert told["shape"][0] == 1
    assert told["which"] == [0] * run.sizes["time"]


def test_the_page_asks_for_nothing_and_forbids_to_ask(page):
    assert "default-src 'none'" in page.text
    written = re.sub(r"<script type=.*?</script>", "", page.text, flags=re.DOTALL)
    links = set(re.findall(r"https?://[^\s\"'`)]+", written))
    assert links <= {"http://www.w3.org/2000/svg"}


def test_a_title_with_a_script_stays_text(run):
    evil = run.assign_attrs(model=run.attrs["model"].replace(run.attrs["title"], EVIL))
    text = runs_page([evil], [EVIL])
    assert EVIL not in text
    assert "&lt;script&gt;alert(1)" in text
    assert Page(text).run["title"] == EVIL
    assert "<" not in safe_json({"<": EVIL})


def test_a_title_cannot_name_a_part_of_the_page():
    assert "%%DATA%%" in assemble_page("%%DATA%%", {})


def test_a_page_is_thinned_out_to_its_size_and_says_so(run, page):
    size = len(page.text) - 0.6 * sum(len(block) for block in page.blocks.values())
    thin = Page(runs_page([run], ["run.nc"], size=size))
    assert len(thin.text.encode()) <= size
    assert any("Thinned out" in note for note in thin.run["notes"])
    assert page.run["notes"] == []
    assert thin.run["frames"][-1] == page.run["frames"][-1]
    with pytest.raises(InputError, match=r"size: 0\.001 MB are too few"):
        runs_page([run], ["run.nc"], size=1e3)


def test_an_interrupted_run_is_named_as_that(run):
    notes = Page(runs_page([run], ["run.nc.partial"])).run["notes"]
    assert any("interrupted" in note for note in notes)


@pytest.mark.filterwarnings("ignore")
def test_the_folder_of_an_interrupted_run_has_a_page_named_like_the_run(tiny_null, tmp_path):
    path = tmp_path / "run.nc"

    def stop(time):
        if time >= 0.0:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        solve(load_model("null-kg1a", settings=tiny_null), path, seed=1, progress=stop)
    done = CliRunner().invoke(main, ["view", f"{path}.partial", "--quiet"])
    assert done.exit_code == 0, done.output
    notes = Page((tmp_path / "run.html").read_text(encoding="utf-8")).run["notes"]
    assert any("interrupted" in note for note in notes)


def test_runs_side_by_side_have_one_scale_and_their_own_times(run, solved):
    with open_run(solved("coculture-kg1a", *TRACKED)) as tracked:
        both = Page(runs_page([run, tracked], ["a.nc", "b.nc"]))
    assert [one["name"] for one in both.data["runs"]] == ["a.nc", "b.nc"]
    assert both.data["clock"] == "after the cells were added"
    assert "stroma" in both.data["runs"][0]
    assert both.data["runs"][1]["stroma"] == {}
    assert "touches" not in both.data["runs"][1]["cells"]


def test_runs_that_are_not_in_step_are_refused(run, solved):
    grown = solved("secretion-l929", *FOLLOWED)
    with open_run(grown) as stroma, pytest.raises(InputError, match="cannot be in step"):
        runs_page([run, stroma], ["a.nc", "b.nc"])


def test_a_run_with_nothing_to_see_is_refused(solved):
    with open_run(solved("coculture-kg1a", *TRACKED)) as tracked:
        empty = tracked.drop_dims(["trajectory", "obs"])
        with pytest.raises(InputError, match="nothing to see"):
            runs_page([empty], ["a.nc"])


def _answer(*words):
    return CliRunner().invoke(main, ["view", *map(str, words)], catch_exceptions=False)


def test_the_command_writes_beside_the_run_and_replaces_only_when_told(tiny_run, tmp_path):
    page = tmp_path / "out.html"
    assert _answer(tiny_run, "-o", page).exit_code == 0
    before = page.read_text(encoding="utf-8")
    again = _answer(tiny_run, "-o", page)
    assert again.exit_code == 2
    assert "exists already" in again.output
    assert page.read_text(encoding="utf-8") == before
    assert [p.name for p in tmp_path.iterdir()] == ["out.html"]


@pytest.mark.parametrize(
    ("name", "said"),
    [("run.png", "not the name of a page"), ("there/run.html", "there is no folder")],
)
def test_a_page_that_cannot_be_written_is_refused_before_anything_is_read(name, said, tmp_path):
    answer = _answer(tmp_path / "nothing.nc", "-o", tmp_path / name)
    assert answer.exit_code == 2
    assert said in answer.output
    assert answer.output.count("\n") == 1


def test_a_truncated_run_is_refused_in_one_line(tiny_run, tmp_path):
    damaged = tmp_path / "damaged.nc"
    damaged.write_bytes(tiny_run.read_bytes()[:20000])
    answer = _answer(damaged)
    assert answer.exit_code == 2
    assert "damaged or incomplete" in answer.output
    assert list(tmp_path.iterdir()) == [damaged]


def test_a_run_shows_itself_in_a_notebook_without_its_rights(tiny_run, tmp_path):
    with opened(tiny_run) as run:
        view = run.view()
        html = view._repr_html_()
        assert 'sandbox="allow-scripts"' in html
        assert "<script" not in html
        assert "MB" in repr(view)
        with pytest.raises(InputError, match="is given twice"):
            Runs([run, run]).view(tmp_path / "two.html")
        folder = tmp_path / "other"
        folder.mkdir()
        again = shutil.copy(tiny_run, folder)
        with opened(again) as other:
            Runs([run, other]).view(tmp_path / "two.html")
        names = [one["name"] for one in Page((tmp_path / "two.html").read_text()).data["runs"]]
        assert names == [f"{path.parent.name}/{path.name}" for path in (tiny_run, Path(again))]


@pytest.mark.parametrize("size", ["nan", "inf"])
def test_a_size_that_is_none_is_refused(size, tiny_run, tmp_path):
    answer = _answer(tiny_run, "-o", tmp_path / "out.html", "--size", size)
    assert answer.exit_code == 2
    assert "is not the size of a page" in answer.output
