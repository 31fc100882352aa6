"""Where ligand can bind: patterns, pictures, bodies."""

import numpy as np
import pytest

from sdf1_field.grid import make_grid
from sdf1_field.scene import cells_under_bodies, place_scene
from sdf1_field.sources import binding_sites
from sdf1_field.spec import load_model

SMALL = ("dish.width=300 um", "dish.length=200 um", "grid.spacing=10 um")
SITES = 6500.0


def coated(*settings, grid=None):
    spec = load_model("coculture-kg1a", settings=("scene.mode=placed", *SMALL, *settings)).spec
    grid = grid or make_grid(300, 200, 100, spacing=10, floor_layer=5, layer_growth=1.2)
    scene = place_scene(spec, 1, secretion_factor=1.0)
    return binding_sites(spec.ligand["sdf1"].coat, scene, grid), scene, grid


def test_an_even_coat_is_one_number():
    assert coated()[0] == SITES


def test_stripes_are_as_wide_as_asked_and_begin_coated():
    sites, _, _ = coated("ligand.sdf1.coat.pattern=stripes", "ligand.sdf1.coat.stripe_width=25 um")
    # 25 um are two cells and a half.
    expected = [1, 1, 0.5, 0, 0, 1, 1, 0.5, 0, 0]
    assert sites[0, :10] / SITES == pytest.approx(expected, abs=1e-12)
    assert (sites == sites[0]).all()
    assert sites.mean() == pytest.approx(0.5 * SITES)


def test_no_coat_under_a_body_and_the_whole_of_it_beside():
    sites, scene, grid = coated("ligand.sdf1.coat.under_bodies=0.0")
    under = np.zeros((grid.ny, grid.nx), dtype=bool)
    under.reshape(-1)[cells_under_bodies(scene, grid)[0]] = True
    assert 0 < under.sum() < under.size
    assert (sites[under] == 0.0).all()
    assert (sites[~under] == SITES).all()


def test_a_picture_spans_the_floor_from_its_top_row_at_the_far_wall(tmp_path):
    picture = np.zeros((4, 6, 3), dtype=np.uint8)
    picture[0, :3] = 255
    from matplotlib.image import imsave

    imsave(tmp_path / "corner.png", picture)
    sites, _, grid = coated(f"ligand.sdf1.coat.pattern={tmp_path / 'corner.png'}")
    bright = (grid.y[:, None] > 150.0) & (grid.x[None, :] < 150.0)
    assert sites == pytest.approx(np.where(bright, SITES, 0.0))


def test_an_array_lies_over_the_floor_from_its_first_row_at_the_near_wall(tmp_path):
    fine = np.random.default_rng(0).random((40, 90))
    np.save(tmp_path / "fine.npy", fine)
    sites, _, _ = coated(f"ligand.sdf1.coat.pattern={tmp_path / 'fine.npy'}")
    assert sites == pytest.approx(SITES * fine.reshape(20, 2, 30, 3).mean(axis=(1, 3)))


def test_a_pattern_lies_beside_the_file_that_names_it(tmp_path, monkeypatch):
    np.save(tmp_path / "half.npy", np.array([[1.0, 0.0]]))
    model = tmp_path / "mine.toml"
    model.write_text(
        'extends = "coculture-kg1a"\n[ligand.sdf1.coat]\npattern = "half.npy"\n', encoding="utf-8"
    )
    monkeypatch.chdir("/")
    assert load_model(str(model)).spec.ligand["sdf1"].coat.pattern == str(tmp_path / "half.npy")
