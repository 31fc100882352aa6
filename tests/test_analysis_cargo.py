import math
from dataclasses import replace

import numpy as np
import pytest

from sdf1_field.analysis import count_cargo
from sdf1_field.errors import InputError
from sdf1_field.migrasomes.cargo import (
    CARRIED_OFF,
    FRONT,
    FUSED,
    HELD,
    LEAKED,
    MADE,
    REAR,
    RELEASED,
)
from sdf1_field.migrasomes.growth import BUD, STRAND, VERTICES, WALKER
from sdf1_field.migrasomes.laws import RATES, carriage_of
from sdf1_field.scene import NO_BODY, Bodies, Fate, Fibres, Growth, Migrasomes, Origin, Scene
from sdf1_field.spec import load_model
from sdf1_field.treatments import Perturbation

HOUR = 3600.0
TIME = 12 * HOUR
SPEC = load_model("secretion-l929").spec
LOAD = SPEC.stroma.cargo["mcsf"].vesicle_load


def make_scene(bodies, migrasomes, *, spec=SPEC, time=TIME, gone=()):
    """Scene that follows M-CSF and CCL2, of which there is half as much.

    Parameters
    ----------
    bodies : sequence of (x, front, rear, released, migrating)
        Circles of 10 um around (x, 100).
    migrasomes : sequence of (x, diameter, body, birth, held, fused, loaded)
    gone : sequence of (fused, leaked, carried_off)
        Of migrasomes that are there no more.
    """
    x, front, rear, released, migrating = np.array(bodies, dtype=float).reshape(-1, 5).T
    m = [*migrasomes, *[(0.0, 1.0, NO_BODY, 0.0, 0.0, own[0], True) for own in gone]]
    mx, diameter, owner, birth, held, fused, loaded = np.array(m, dtype=float).reshape(-1, 7).T
    ended = np.arange(len(m)) >= len(migrasomes)
    left = np.array([(0.0, 0.0)] * len(migrasomes) + [own[1:] for own in gone]).reshape(-1, 2)
    pools, holds = np.zeros((2, len(x), 4)), np.zeros((len(m), 2, 4))
    in_all = held.sum() + fused.sum() + left.sum()
    for k, share in enumerate((1.0, 0.5)):
        pools[k, :, FRONT], pools[k, :, REAR] = share * front, share * rear
        pools[k, :, RELEASED] = share * released
        pools[k, :, MADE] = share * (front + rear + released)
        pools[k, :1, MADE] += share * in_all
        holds[:, k, HELD], holds[:, k, FUSED] = share * held, share * fused
        holds[:, k, LEAKED], holds[:, k, CARRIED_OFF] = share * left.T
    takes = loaded > 0.0
    zeros, ligands = np.zeros(len(x)), ("mcsf", "ccl2")
    return Scene(
        Bodies(x, zeros + 100.0, zeros + 10.0, zeros + 10.0, zeros, zeros, {}, migrating > 0.0),
        Fibres(np.zeros((0, 2)), np.zeros((0, 2)), np.zeros(0, np.intp), np.zeros(0, np.int8)),
        Migrasomes(
            x=mx,
            y=np.full(len(m), 100.0),
            radius=0.5 * diameter,
            body=owner.astype(np.intp),
            blocked=np.zeros(len(m)),
            birth=birth,
            end=np.where(ended, time - HOUR, np.inf),
            present=~ended,
            maturity=np.ones(len(m)),
            origin=np.full(len(m), Origin.MIGRATION, dtype=np.int8),
            fate=np.where(ended, Fate.RUPTURES, Fate.OUTLIVES_THE_RUN).astype(np.int8),
            secretion={},
            loaded=dict.fromkeys(ligands, takes),
            fading={},
        ),
        Growth(
            seed=1,
            step=0,
            cells=np.zeros(len(x), dtype=WALKER),
            strands=np.zeros(0, dtype=STRAND),
            course=np.zeros((0, 2, VERTICES)),
            buds=np.zeros(len(m), dtype=BUD),
            fibres=0,
            constant={},
            carriage={
                name: carriage_of(spec, name, Perturbation(), secretion_factor=1.0)
                for name in ligands
            },
            pools=pools,
            held=holds,
            followed=time,
            secretion_factor=1.0,
            rates=np.zeros(1, dtype=RATES),
        ),
    )


BODIES = [
    (100.0, 20.0, 60.0, 30.0, True),
    (300.0, 50.0, 50.0, 20.0, False),
    (500.0, 0.0, 0.0, 10.0, False),
]
MIGRASOMES = [
    (115.0, 2.0, 0, 11.5 * HOUR, 800.0, 5.0, True),
    (135.0, 2.0, 0, 11.0 * HOUR, 400.0, 10.0, True),
    (305.0, 1.0, 1, 0.0, 300.0, 15.0, True),
    (700.0, 4.0, NO_BODY, 6.0 * HOUR, 0.0, 0.0, False),
]
GONE = [(20.0, 40.0, 0.0), (0.0, 0.0, 25.0)]
SCENE = make_scene(BODIES, MIGRASOMES, gone=GONE)


def count(scene=SCENE, ligand="mcsf", *, time=TIME, seed=1):
    return count_cargo(scene, SPEC, ligand, time=time, seed=seed)


COUNT = count()


def test_cargo_is_counted_where_it_is_and_by_the_way_it_left():
    assert (COUNT.made, COUNT.in_bodies, COUNT.in_migrasomes) == (1855.0, 180.0, 1500.0)
    assert COUNT.released_by_bodies == 60.0
    assert (COUNT.released_by_fusion, COUNT.released_at_once, COUNT.carried_off) == (50, 40, 25)
    assert COUNT.secreted == 150.0
    assert COUNT.secreted_to_content == pytest.approx(150 / 180)
    assert COUNT.share_through_migrasomes == pytest.approx(90 / 150)
    assert count(ligand="ccl2").in_migrasomes == 750.0


def test_all_that_was_made_is_somewhere():
    places = COUNT.in_bodies + COUNT.in_migrasomes + COUNT.secreted + COUNT.carried_off
    assert places == pytest.approx(COUNT.made, rel=1e-12)


def test_bodies_are_polarised_by_what_is_in_their_rear():
    assert COUNT.body_content.tolist() == [80.0, 100.0, 0.0]
    assert COUNT.rear_share.tolist()[:2] == [0.75, 0.5]
    assert COUNT.polarisation.tolist()[:2] == [0.5, 0.0]
    assert math.isnan(COUNT.polarisation[2])
    assert COUNT.migrating.tolist() == [True, False, False]


def test_migrasomes_that_are_there_have_content_age_and_distance():
    assert COUNT.content.tolist() == [800.0, 400.0, 300.0, 0.0]
    assert COUNT.diameter.tolist() == [2.0, 2.0, 1.0, 4.0]
    np.testing.assert_allclose(COUNT.distance, [5.0, 25.0, 0.0, np.nan])
    np.testing.assert_allclose(COUNT.age / HOUR, [0.5, 1.0, 12.0, 6.0])
    assert COUNT.owner.tolist() == [0, 0, 1, NO_BODY]
    assert COUNT.loaded.tolist() == [True, True, True, False]
    assert COUNT.content_per_migrasome == 375.0


def test_calcium_matures_in_its_own_time():
    assert SPEC.traffic.calcium_time == 0.5 * HOUR
    np.testing.assert_allclose(COUNT.calcium, 1.0 - np.exp([-1.0, -2.0, -24.0, -12.0]))


def test_enrichment_compares_molecules_per_volume():
    spheres = math.pi / 6 * (8 + 8 + 1 + 64)
    body = SPEC.stroma.body_volume
    assert COUNT.enrichment == pytest.approx((1500 / spheres) / (180 / (3 * body)))


def test_vesicles_are_whole_and_drawn_once_for_a_dish_a_ligand_and_a_time():
    assert COUNT.vesicles.dtype == np.intp
    assert COUNT.vesicles[3] == 0
    np.testing.assert_array_equal(count().vesicles, COUNT.vesicles)
    many = make_scene(BODIES, MIGRASOMES[:1] * 100)
    drawn = count(many).vesicles.tolist()
    others = [count(many, seed=2), count(many, time=TIME + 60.0)]
    assert all(other.vesicles.tolist() != drawn for other in others)
    alike = replace(many, growth=replace(many.growth, held=many.growth.held[:, ::-1]))
    assert count(alike, "ccl2").content.tolist() == count(many).content.tolist()
    assert count(alike, "ccl2").vesicles.tolist() != drawn


def test_vesicles_have_the_mean_and_the_variance_of_a_poisson_distribution():
    held, n = 2.5 * LOAD, 20_000
    drawn = count(make_scene(BODIES, [(115.0, 2.0, 0, 0.0, held, 0.0, True)] * n)).vesicles
    assert drawn.mean() == pytest.approx(2.5, abs=4 * math.sqrt(2.5 / n))
    assert drawn.var() == pytest.approx(2.5, rel=0.05)


def test_vesicles_of_a_cell_are_those_in_its_attached_migrasomes():
    own = COUNT.vesicles
    assert COUNT.vesicles_per_cell.tolist() == [own[0] + own[1], own[2], 0]
    assert COUNT.vesicles_per_migrasome == own.sum() / 4
    assert COUNT.with_cargo == np.count_nonzero(own) / 4


def test_bare_cells_have_no_ratios_of_migrasomes():
    bare = count(make_scene([(100.0, 1.0, 1.0, 0.0, True)], []))
    assert bare.secreted_to_content == 0.0
    for value in (
        bare.share_through_migrasomes,
        bare.with_cargo,
        bare.vesicles_per_migrasome,
        bare.content_per_migrasome,
        bare.enrichment,
    ):
        assert math.isnan(value)
    assert bare.vesicles_per_cell.tolist() == [0]


def test_a_scene_that_follows_no_such_ligand_is_refused():
    with pytest.raises(InputError, match="scene: follows mcsf and ccl2, not sdf1"):
        count(ligand="sdf1")
    with pytest.raises(InputError, match="scene: follows no cargo, not mcsf"):
        count(replace(SCENE, growth=None))
