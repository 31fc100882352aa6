"""A dish is what its model and seed make it, whatever grid the fields are solved on."""

import functools

import numpy as np
import pytest

from cell_builders import crowd
from conftest import bits
from sdf1_field import migrasomes
from sdf1_field.cells import seed_cells
from sdf1_field.cells.advection import advected
from sdf1_field.scene import NO_BODY, body_under, place_scene
from sdf1_field.simulation import begin, model_grid, prepare
from sdf1_field.sources import secretion
from sdf1_field.spec import load_model
from sdf1_field.variation import dish_factors

SPACINGS = (2.5, 5.0, 10.0, 20.0)
HOUR = 3600.0
VIEW = (
    "dish.width=420 um",
    "dish.length=330 um",
    "dish.height=100 um",
    "grid.floor_layer=20 um",
    "scene.msc_density=120 1/mm**2",
    "scene.network_fraction=1.0",
    "scene.fibre_length=200 um",
)
GROWTH = (
    "biogenesis.tether_spacing=20 um",
    "biogenesis.retraction_interval=3 h",
    "biogenesis.nucleation=0.01 1/(um*h)",
)


def model(mode, spacing, *settings):
    """Co-culture in a small view, full of bodies and fibres that meet each other and the walls."""
    of_mode = ("mechanisms.migrasome_uptake=false",) if mode == "placed" else GROWTH
    settings = (*VIEW, *of_mode, f"scene.mode={mode}", f"grid.spacing={spacing} um", *settings)
    return load_model("coculture-kg1a", settings=settings).spec


@functools.cache
def scene_on(mode, spacing, *settings):
    """The model's scene as a run begins, or as its cells are added if it is grown or frozen."""
    spec = model(mode, spacing, *settings)
    scene = begin(prepare(spec, 3), 3).scene
    if mode != "placed":
        scene = migrasomes.advance(scene, -spec.run.culture + 9 * HOUR)
    return migrasomes.freeze(scene) if mode == "frozen" else scene


def assert_same_bits(found, expected):
    found, expected = bits(found), bits(expected)
    assert found.keys() == expected.keys()
    assert [name for name in found if found[name] != expected[name]] == []


@pytest.mark.parametrize("mode", ["placed", "grown", "frozen"])
@pytest.mark.parametrize("spacing", [2.5, 10.0, 20.0])
def test_a_scene_has_the_same_bits_on_every_grid(mode, spacing):
    life = ("scene.migrasome_appearance=24 h", "scene.migrasome_lifetime=20 h")
    settings = life if mode == "placed" else ()
    scene, expected = (scene_on(mode, s, *settings) for s in (spacing, 5.0))
    assert len(scene.fibres.x) > 20
    assert np.count_nonzero(scene.migrasomes.loaded["sdf1"]) > 3
    assert_same_bits(scene, expected)


@pytest.mark.parametrize("mode", ["placed", "grown", "frozen"])
def test_a_scene_secretes_the_same_on_every_grid(mode):
    for ligand in ("sdf1", "ccl2"):
        totals, fluxes = [], []
        for spacing in SPACINGS:
            grid = model_grid(model(mode, spacing))
            source = secretion(scene_on(mode, spacing), grid, ligand)
            totals.append(source.total)
            fluxes.append(source.flux.sum() * grid.dx * grid.dy)
        assert totals[0] > 1.0
        assert len(set(totals)) == 1
        assert fluxes == pytest.approx(totals, rel=1e-12)


def test_the_whole_view_of_a_placed_coculture_is_the_same_on_every_grid():
    spec = {
        spacing: load_model(
            "coculture-kg1a", settings=["scene.mode=placed", f"grid.spacing={spacing} um"]
        ).spec
        for spacing in SPACINGS
    }
    found = []
    for spacing in SPACINGS:
        factor = dish_factors(spec[spacing], 1).secretion
        scene = place_scene(spec[spacing], 1, secretion_factor=factor)
        total = secretion(scene, model_grid(spec[spacing]), "sdf1").total
        found.append((len(scene.migrasomes.x), total))
    assert found[0][0] > 300
    assert len(set(found)) == 1


@pytest.mark.parametrize("spacing", [5.0, 20.0, 60.0])
def test_a_round_well_holds_the_same_scene_on_every_grid(spacing):
    settings = [
        "dish.width=2 mm",
        "dish.length=2 mm",
        "scene.detached_migrasome_density=20 1/mm**2",
    ]
    fine, coarse = (
        load_model("round-well", settings=[*settings, f"grid.spacing={s} um"]).spec
        for s in (10.0, spacing)
    )
    assert_same_bits(*(place_scene(spec, 1, secretion_factor=1.0) for spec in (coarse, fine)))


@pytest.mark.parametrize("crowding", ["true", "false"])
def test_cells_settle_on_the_same_places_on_every_grid(crowding):
    settings = ("cells.density=2500 1/mm**2", f"mechanisms.crowding={crowding}")
    settled = [seed_cells(model("grown", s, *settings), 3) for s in SPACINGS]
    assert len(settled[0].x) > 300
    for cells in settled[1:]:
        assert_same_bits(cells, settled[0])


def test_the_same_cells_are_carried_on_every_grid():
    before = scene_on("grown", 5.0)
    after = migrasomes.advance(before, -24 * HOUR + 11 * HOUR)
    rng = np.random.default_rng(4)
    x, y = rng.random((2, 4000)) * [[420.0], [330.0]]
    cells = crowd(x, y, np.zeros(4000), held=True)
    moved = [advected(cells, model_grid(model("grown", s)), before, after) for s in SPACINGS]
    for one in moved[1:]:
        assert_same_bits(one, moved[0])
    b = before.bodies
    under = body_under(b, x, y)
    away = (b.x != after.bodies.x) | (b.y != after.bodies.y) | (b.angle != after.bodies.angle)
    gone = (moved[0].x != x) | (moved[0].y != y)
    assert np.array_equal(gone, (under != NO_BODY) & away[under])
    assert 50 < np.count_nonzero(gone) < 2000
