"""What a cell touches: which structures bear which ligand, on maps of their own grid."""

import math
from dataclasses import replace

import numpy as np
import pytest

from cell_builders import (
    CATCHING,
    bonds,
    crowd,
    floor,
    many_at,
    move,
    on_ellipse,
    standard_error,
    stroma,
)
from sdf1_field.analysis import density_fold_change
from sdf1_field.cells import (
    adhesion_map,
    cell_parameters,
)
from sdf1_field.cells.adhesion import BONDS
from sdf1_field.scene import NO_BODY, FloorRegions, body_under, nearest_fibre, place_scene
from sdf1_field.simulation import begin, model_grid, prepare
from sdf1_field.spec import load_model
from sdf1_field.variation import DishFactors

# What a cell touches


def held_by(*names):
    """Settings under which these bonds alone are on."""
    return [f"mechanisms.{bond}_adhesion={str(bond in names).lower()}" for bond in BONDS]


def map_of(scene, grid, *names):
    """Adhesion map of a scene for cells with these bonds, and its maps by name."""
    settings = (*held_by(*names), "adhesion.cd166_migrasome=3.0")
    spec = load_model("coculture-kg1a", settings=settings).spec
    found = adhesion_map(spec, scene, grid)
    return found, dict(zip(BONDS, np.moveaxis(found.ligands, -1, 0), strict=True))


BODY_FIBRE_MIGRASOME = stroma(
    bodies=on_ellipse(100.0, 100.0, 0.0), fibres=[([200.0, 350.0], [300.0, 300.0])],
    x=[300.0], y=[100.0], radius=2.0,
)  # fmt: skip


@pytest.mark.parametrize(
    ("bond", "body", "migrasome", "fibre"),
    [("cd166", 1.0, 3.0, 0.0), ("vla4", 1.0, 0.0, 0.0), ("fibre", 0.0, 0.0, 1.0)],
)
def test_each_bond_is_to_the_structures_that_bear_its_ligand(bond, body, migrasome, fibre):
    grid = floor(400.0, 400.0, 10.0)
    found, ligands = map_of(BODY_FIBRE_MIGRASOME, grid, bond)
    at = [(int(y / found.dy), int(x / found.dx)) for x, y in ((100, 100), (300, 100), (300, 300))]
    assert [ligands[bond][place] for place in at] == [body, migrasome, fibre]
    assert [found.contact[place] for place in at] == [d > 0.0 for d in (body, migrasome, fibre)]
    assert not any(ligands[other].any() for other in BONDS if other != bond)
    assert np.array_equal(found.contact > 0, ligands[bond] > 0.0)


def test_with_all_bonds_off_a_cell_touches_nothing():
    found, _ = map_of(BODY_FIBRE_MIGRASOME, floor(400.0, 400.0, 10.0))
    assert not found.contact.any()
    assert not found.ligands.any()


def test_antibodies_lower_the_density_of_cd166_alone_and_no_contact():
    grid = floor(400.0, 400.0, 10.0)
    free, of_free = map_of(BODY_FIBRE_MIGRASOME, grid, *BONDS)
    blocked, of_blocked = map_of(BODY_FIBRE_MIGRASOME.block(0.9), grid, *BONDS)
    assert np.array_equal(blocked.contact, free.contact)
    assert of_blocked["cd166"] == pytest.approx(0.1 * of_free["cd166"], rel=1e-6)
    for other in set(BONDS) - {"cd166"}:
        assert np.array_equal(of_blocked[other], of_free[other])
        assert of_blocked[other].any()


def test_blocked_cd166_lets_cells_go_sooner_and_catches_as_many():
    grid, scene = floor(400.0, 400.0, 10.0), BODY_FIBRE_MIGRASOME
    parameters = CATCHING._replace(bonds=bonds(cd166=2.0, vla4=1.0))
    on_body = many_at(100.0, 100.0, 20_000)
    caught, left = {}, {}
    for share in (0.0, 0.75):
        hold, _ = map_of(scene.block(share), grid, *BONDS)
        still = parameters._replace(speed=0.0)
        caught[share] = move(on_body, grid, still, 600.0, hold=hold).held
        releasing = still._replace(basal_arrest_rate=0.0, release_rate=0.02)
        after = move(replace(on_body, held=~on_body.held), grid, releasing, 100.0, hold=hold)
        left[share] = after.held.astype(float)
    assert np.array_equal(caught[0.0], caught[0.75])
    for share, held in left.items():
        law = math.exp(-100.0 * 0.02 * math.exp(-2.0 * (1.0 - share) - 1.0))
        assert abs(held.mean() - law) < 3.0 * standard_error(held), share


def test_the_dish_scales_the_rates_of_arrest_and_neither_bonds_nor_release():
    spec = load_model("coculture-kg1a").spec
    one, double = (
        cell_parameters(spec, DishFactors(avidity=avidity), competition=0.0)
        for avidity in (1.0, 2.0)
    )
    assert double.basal_arrest_rate == 2.0 * one.basal_arrest_rate > 0.0
    assert double.triggered_arrest_rate == 2.0 * one.triggered_arrest_rate > 0.0
    assert double == one._replace(
        basal_arrest_rate=double.basal_arrest_rate,
        triggered_arrest_rate=double.triggered_arrest_rate,
    )


@pytest.mark.parametrize(
    ("switch", "changed"),
    [
        ("arrest", {"triggered_arrest_rate": 0.0}),
        ("adaptation", {"adaptation_rate": 0.0}),
        ("trigger_noise", {"trigger_noise": 0.0}),
        ("cd166_adhesion", {"bonds": "cd166"}),
        ("vla4_adhesion", {"bonds": "vla4"}),
        ("fibre_adhesion", {"bonds": "fibre"}),
    ],
)
def test_each_switch_takes_its_own_piece_of_the_law_away_and_no_other(switch, changed):
    on = cell_parameters(load_model("coculture-kg1a").spec, DishFactors(), competition=0.0)
    off_spec = load_model("coculture-kg1a", settings=[f"mechanisms.{switch}=false"]).spec
    off = cell_parameters(off_spec, DishFactors(), competition=0.0)
    if "bonds" in changed:
        gone = list(BONDS).index(changed["bonds"])
        assert on.bonds[gone] > 0.0
        changed = {"bonds": tuple(0.0 if k == gone else b for k, b in enumerate(on.bonds))}
    assert off == on._replace(**changed)
    assert off != on


@pytest.mark.parametrize("mode", ["placed", "grown"])
def test_contacts_do_not_depend_on_the_grid_of_the_fields(tiny, mode):
    maps = []
    for spacing in (10.0, 5.0, 2.5):
        settings = [*tiny, f"grid.spacing={spacing} um", f"scene.mode={mode}"]
        spec = load_model("coculture-kg1a", settings=settings).spec
        state = begin(prepare(spec, 3), 3)
        maps.append(adhesion_map(spec, state.scene, model_grid(spec)))
    for one in maps[:-1]:
        assert (one.dx, one.dy) == (2.5, 2.5)
        assert np.array_equal(one.contact, maps[-1].contact)
        assert np.array_equal(one.ligands, maps[-1].ligands)
    assert maps[0].contact.any()


def test_the_touched_share_of_the_floor_is_that_of_the_outlines_within_a_percent(tiny):
    settings = [*tiny, "dish.width=600 um", "dish.length=600 um"]
    spec = load_model("coculture-kg1a", settings=settings).spec
    grid, scene = model_grid(spec), place_scene(spec, 2, secretion_factor=1.0)
    found = adhesion_map(spec, scene, grid)
    x, y = np.random.default_rng(3).random((2, 40_000)) * 600.0
    radius, m = 0.5 * spec.haematopoietic.diameter, scene.migrasomes
    touches = body_under(scene.bodies, x, y) != NO_BODY
    touches |= nearest_fibre(scene, x, y)[1] <= radius
    for one in np.flatnonzero(m.present):
        touches |= np.hypot(m.x[one] - x, m.y[one] - y) <= radius + m.radius[one]
    mapped = found.contact[(y / found.dy).astype(int), (x / found.dx).astype(int)] > 0
    # Paired: both at the same places, so that few differ by chance.
    assert 0.1 < touches.mean() < 0.9
    assert mapped.mean() == pytest.approx(touches.mean(), rel=0.01)
    assert (mapped != touches).mean() < 0.04


def test_the_fold_change_of_adhesion_alone_is_its_laws_on_every_grid_of_the_fields():
    settings = [
        *held_by("cd166"), "mechanisms.arrest=false", "mechanisms.crowding=false",
        "dish.width=600 um", "dish.length=600 um", "scene.network_fraction=0.0",
        "cell_type.kg1a.speed=20 um/s", "cell_type.kg1a.persistence_time=10 s",
        "cells.time_step=10 s", "cell_type.kg1a.basal_arrest_rate=0.01 1/s",
        "cell_type.kg1a.cd166_bonds=1.0",
        f"cell_type.kg1a.release_rate={0.0025 * math.e} 1/s",
    ]  # fmt: skip
    rng, folds = np.random.default_rng(4), []
    start = crowd(600.0 * rng.random(20_000), 600.0 * rng.random(20_000), 6.3 * rng.random(20_000))
    for spacing in (10.0, 5.0, 2.5):
        spec = load_model("null-kg1a", settings=[*settings, f"grid.spacing={spacing} um"]).spec
        grid, scene = model_grid(spec), place_scene(spec, 2, secretion_factor=1.0)
        cells = move(
            start, grid, cell_parameters(spec, DishFactors(), competition=0.0), 3000.0,
            hold=adhesion_map(spec, scene, grid), time_step=20.0,
        )  # fmt: skip
        regions = FloorRegions(scene, grid, 6.0)
        counts = np.bincount(regions.under(cells.x, cells.y), minlength=3)
        folds.append(density_fold_change(counts, regions.areas)[0])
    # Contacts are judged on a map of 2.5 um: cells held beyond an outline count as beside it.
    assert folds == pytest.approx([5.0] * 3, rel=0.06)
    assert max(folds) / min(folds) < 1.03
