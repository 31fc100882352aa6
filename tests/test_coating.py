"""Where ligand can bind: patterns, pictures, bodies."""

import numpy as np
import pytest

from sdf1_field.coating import binding_sites
from sdf1_field.errors import InputError
from sdf1_field.grid import make_grid
from sdf1_field.scene import cells_under_bodies, place_scene
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


def test_an_array_is_averaged_over_the_cells(tmp_path):
    rng = np.random.default_rng(0)
    fine = rng.random((40, 90))
    np.save(tmp_path / "fine.npy", fine)
    sites, _, _ = coated(f"ligand.sdf1.coat.pattern={tmp_path / 'fine.npy'}")
    blocks = fine.reshape(20, 2, 30, 3).mean(axis=(1, 3))
    assert sites == pytest.approx(SITES * blocks)
    np.save(tmp_path / "coarse.npy", np.array([[1.0, 0.25]]))
    sites, _, _ = coated(f"ligand.sdf1.coat.pattern={tmp_path / 'coarse.npy'}")
    assert sites.mean() == pytest.approx(0.625 * SITES)


@pytest.mark.parametrize("kind", ["bool", "int64", "uint8", "uint16", "float32"])
def test_a_mask_is_a_mask_whatever_its_type(tmp_path, kind):
    brightest = {"uint8": 255, "uint16": 65535}.get(kind, 1)
    np.save(tmp_path / "mask.npy", np.array([[0, brightest]]).astype(kind))
    sites, _, grid = coated(f"ligand.sdf1.coat.pattern={tmp_path / 'mask.npy'}")
    assert sites == pytest.approx(np.where(grid.x[None, :] > 150.0, SITES, 0.0) + 0.0 * sites)


@pytest.mark.parametrize(
    ("values", "text"),
    [
        (np.array([[0.0, 1.5]]), "from 0"),
        (np.array([[0.0, np.nan]]), "from 0"),
        (np.zeros(5), "not a flat picture"),
        (np.zeros((2, 2), dtype=complex), "cannot be read as a pattern"),
    ],
)
def test_what_is_no_pattern_is_refused(tmp_path, values, text):
    np.save(tmp_path / "wrong.npy", values)
    with pytest.raises(InputError, match=text):
        coated(f"ligand.sdf1.coat.pattern={tmp_path / 'wrong.npy'}")


@pytest.mark.parametrize("name", ["wrong.npy", "wrong.png"])
def test_a_file_that_is_no_picture_is_refused(tmp_path, name):
    (tmp_path / name).write_text("no picture")
    with pytest.raises(InputError, match="cannot be read as a pattern"):
        coated(f"ligand.sdf1.coat.pattern={tmp_path / name}")


def test_a_pattern_lies_beside_the_file_that_names_it(tmp_path, monkeypatch):
    np.save(tmp_path / "half.npy", np.array([[1.0, 0.0]]))
    model = tmp_path / "mine.toml"
    model.write_text(
        'extends = "coculture-kg1a"\n[ligand.sdf1.coat]\npattern = "half.npy"\n', encoding="utf-8"
    )
    monkeypatch.chdir("/")
    assert load_model(str(model)).spec.ligand["sdf1"].coat.pattern == str(tmp_path / "half.npy")
