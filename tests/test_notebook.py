"""Runs show themselves in a notebook: a small picture and a table."""

import base64
import io
import re
from unittest.mock import Mock

import pytest
from matplotlib.image import imread

import sdf1_field as sf
from sdf1_field.errors import InputError, Sdf1FieldWarning
from sdf1_field.figures import floor
from sdf1_field.figures import thumbnail as pictures

BARE = ("cells.density=0 1/mm**2", "scene.msc_density=0 1/mm**2")
SMALL_ENOUGH = 250_000
"""Bytes of a run's HTML."""


def picture_in(html):
    """Pixels of the picture in a run's HTML."""
    data = re.search(r'src="data:image/png;base64,([^"]+)"', html)[1]
    return imread(io.BytesIO(base64.b64decode(data)), format="png")


def test_a_run_shows_a_small_picture_of_its_floor_beside_its_facts(tiny_run):
    with sf.open_run(tiny_run) as run:
        html = run._repr_html_()
        assert run._repr_html_() is html
    pixels = picture_in(html)
    assert pixels.shape[:2] == (405, 405)
    assert pixels[..., :3].std() > 0.05
    assert "the floor at 2 h, 0.3 x 0.3 mm" in html
    assert "SDF-1 in the medium at the floor, " in html
    assert "</span> MSC body</span>" in html
    assert "<th>seed</th><td>1</td>" in html
    assert len(html) < SMALL_ENOUGH


def test_a_run_without_anything_to_draw_shows_its_facts_alone(solved):
    with sf.open_run(solved("null-kg1a", *BARE)) as run:
        html = run._repr_html_()
    assert "<img" not in html
    assert "<th>model</th><td>null-kg1a</td>" in html


@pytest.mark.parametrize("error", [InputError("no model"), KeyError("body_x"), OSError("gone")])
def test_a_run_that_cannot_be_drawn_shows_its_facts_alone(tiny_run, monkeypatch, error):
    monkeypatch.setattr(pictures, "thumbnail", Mock(side_effect=error))
    with sf.open_run(tiny_run) as run:
        html = run._repr_html_()
    assert "<img" not in html
    assert "<th>seed</th><td>1</td>" in html


def test_a_fault_of_the_picture_warns_once_and_leaves_the_facts(tiny_run, monkeypatch):
    monkeypatch.setattr(pictures, "thumbnail", Mock(side_effect=RuntimeError("no font")))
    with sf.open_run(tiny_run) as run:
        with pytest.warns(Sdf1FieldWarning, match="RuntimeError: no font"):
            html = run._repr_html_()
        assert run._repr_html_() is html
    assert "<th>seed</th><td>1</td>" in html


def test_a_large_floor_shows_its_middle_in_the_same_scale(tiny_run, monkeypatch):
    monkeypatch.setattr(floor, "_WIDEST", 200.0)
    monkeypatch.setattr(floor, "_VIEW", 100.0)
    with sf.open_run(tiny_run) as run:
        assert "0.1 x 0.1 mm in the middle of 0.3 x 0.3 mm" in run._repr_html_()


def test_dishes_show_a_table_and_the_fold_changes_that_they_have_together(solved, tiny_run):
    with sf.Runs([tiny_run, solved(seed=2)]) as runs:
        html = runs._repr_html_()
        pooled = runs.fold_change().set_index("region")["fold_change"]
    assert "<b>2 dishes</b>" in html
    assert html.count(str(tiny_run)) == 1
    row = re.search(r"<td>2 h</td><td>MSC</td>(?:<td>[^<]*</td>){2}<td>([\d.]+) \(", html)
    assert float(row[1]) == pytest.approx(pooled["MSC"], rel=0.05)


def test_dishes_without_fold_changes_are_a_table_alone(tiny_run):
    with sf.Runs([tiny_run, tiny_run]) as runs:
        html = runs._repr_html_()
    assert "Fold changes" not in html
    assert html.count("<tr>") == 3
