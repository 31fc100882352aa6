import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from conftest import FOLLOWED, make_migrasomes
from sdf1_field.analysis import cargo_table, count_cargo, holds_cargo
from sdf1_field.analysis.cargo_summary import (
    cargo_by_distance,
    cargo_measures,
    cargo_samples,
    compare_cargo,
    pooled_enrichment,
)
from sdf1_field.analysis.stroma_runs import run_cargo
from sdf1_field.errors import InputError
from sdf1_field.migrasomes.bodies import WALKER
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
from sdf1_field.migrasomes.fibres import STRAND, VERTICES
from sdf1_field.migrasomes.laws import RATES, cargo_kinetics_of
from sdf1_field.migrasomes.nucleation import BUD
from sdf1_field.record import model_of, open_run
from sdf1_field.scene import NO_BODY, Bodies, Fate, Fibres, Growth, Scene
from sdf1_field.simulation import simulate
from sdf1_field.spec import Perturbation, load_model

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
        make_migrasomes(
            mx,
            np.full(len(m), 100.0),
            0.5 * diameter,
            body=owner.astype(np.intp),
            birth=birth,
            end=np.where(ended, time - HOUR, np.inf),
            present=~ended,
            fate=np.where(ended, Fate.RUPTURES, Fate.OUTLIVES_THE_RUN).astype(np.int8),
            loaded=dict.fromkeys(ligands, takes),
        ),
        Growth(
            seed=1,
            step=0,
            cells=np.zeros(len(x), dtype=WALKER),
            strands=np.zeros(0, dtype=STRAND),
            course=np.zeros((0, 2, VERTICES)),
            buds=np.zeros(len(m), dtype=BUD),
            constant={},
            cargo_kinetics={
                name: cargo_kinetics_of(spec, name, Perturbation(), secretion_factor=1.0)
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


# Several dishes

OTHER = count(
    make_scene(
        [(100.0, 60.0, 40.0, 350.0, True)],
        [(135.0, 3.0, 0, 0.0, 5000.0, 45.0, True), (600.0, 2.0, NO_BODY, 0.0, 0.0, 0.0, True)],
    ),
    seed=2,
)


def test_pooled_ratios_weigh_molecules_and_means_weigh_dishes():
    found = cargo_measures([COUNT, OTHER])
    ratio = found["secreted_to_content"]
    assert ratio.pooled == pytest.approx((150 + 395) / (180 + 100))
    assert ratio.mean == pytest.approx((150 / 180 + 395 / 100) / 2)
    assert ratio.deviation == pytest.approx(np.std([150 / 180, 3.95], ddof=1))
    share = found["share_through_migrasomes"]
    assert share.pooled == pytest.approx((90 + 45) / 545)
    assert share.mean == pytest.approx((90 / 150 + 45 / 395) / 2)
    some = [np.count_nonzero(one.vesicles) for one in (COUNT, OTHER)]
    assert some[0] >= 2
    assert found["with_cargo"].pooled == sum(some) / 6
    assert found["with_cargo"].mean == pytest.approx((some[0] / 4 + some[1] / 2) / 2)


def test_pooled_enrichment_is_of_all_volumes_together():
    spheres = math.pi / 6 * (8 + 8 + 1 + 64 + 27 + 8)
    bodies = 4 * SPEC.stroma.body_volume
    expected = (6500 / spheres) / (280 / bodies)
    assert pooled_enrichment([COUNT, OTHER]) == pytest.approx(expected)


def test_samples_are_of_units_of_all_dishes_that_have_it():
    both = [COUNT, OTHER]
    assert cargo_samples(both, "content_per_migrasome").tolist() == [800, 400, 300, 0, 5000, 0]
    assert cargo_samples(both, "content_per_body").tolist() == [80, 100, 0, 100]
    np.testing.assert_allclose(cargo_samples(both, "polarisation"), [0.5, 0.0, -0.2])
    np.testing.assert_allclose(cargo_samples(both, "polarisation_migrating"), [0.5, -0.2])
    assert cargo_samples(both, "polarisation_resting").tolist() == [0.0]
    assert len(cargo_samples(both, "secreted_to_content")) == 2


def test_attached_migrasomes_fall_into_the_bins_of_distance():
    bins = cargo_by_distance([COUNT, OTHER])
    assert [len(own.vesicles) for own in bins] == [2, 0, 2, 0, 0]
    assert bins[0].diameter.tolist() == [2.0, 1.0]
    assert bins[0].vesicles.tolist() == [COUNT.vesicles[0], COUNT.vesicles[2]]
    assert bins[2].diameter.tolist() == [2.0, 3.0]
    assert (bins[2].lower, bins[2].upper, bins[4].upper) == (20.0, 40.0, math.inf)


def dish(seed, factor):
    """Count of a dish of ten cells, each with a migrasome, that hold about so much."""
    rng = np.random.default_rng(seed)
    bodies = [
        (100.0 * n, *(factor * rng.uniform(50, 100, 2)), rng.uniform(10, 40), n % 2 == 0)
        for n in range(10)
    ]
    migrasomes = [
        (100.0 * n + 15.0, 2.0, n, 0.0, factor * rng.uniform(100, 900), 5.0, True)
        for n in range(10)
    ]
    return count(make_scene(bodies, migrasomes), seed=seed)


def test_comparisons_are_unpaired_t_tests_over_migrasomes_cells_and_dishes():
    treated, control = [dish(1, 2.0), dish(2, 2.0)], [dish(3, 1.0), dish(4, 1.0), dish(5, 1.0)]
    found = {test.quantity: test for test in compare_cargo(treated, control)}
    assert {test.quantity: test.unit for test in found.values()} == {
        "vesicles_per_migrasome": "migrasomes",
        "content_per_migrasome": "migrasomes",
        "vesicles_per_cell": "cells",
        "content_per_body": "cells",
        "polarisation": "cells",
        "polarisation_migrating": "cells",
        "polarisation_resting": "cells",
        "secreted_to_content": "dishes",
    }

    def expected(values):
        groups = [np.concatenate([values(one) for one in group]) for group in (treated, control)]
        return stats.ttest_ind(*groups).pvalue, groups[0].mean() / groups[1].mean()

    for quantity, values in {
        "vesicles_per_migrasome": lambda c: c.vesicles,
        "content_per_migrasome": lambda c: c.content,
        "vesicles_per_cell": lambda c: c.vesicles_per_cell,
        "content_per_body": lambda c: c.body_content,
        "polarisation_migrating": lambda c: c.polarisation[c.migrating],
        "secreted_to_content": lambda c: [c.secreted / c.in_bodies],
    }.items():
        p, ratio = expected(values)
        assert found[quantity].p == pytest.approx(p, rel=1e-6), quantity
        if quantity != "polarisation_migrating":
            assert found[quantity].ratio == pytest.approx(ratio)
    assert found["content_per_body"].p < 1e-3


def test_one_dish_on_a_side_is_no_test_over_dishes():
    found = {test.quantity: test for test in compare_cargo([dish(1, 2.0)], [dish(2, 1.0)])}
    assert math.isnan(found["secreted_to_content"].p)
    assert not math.isnan(found["content_per_migrasome"].p)


def test_bare_cells_have_nothing_to_compare():
    bare = [count(make_scene([(100.0, 1.0, 1.0, 0.0, True)], []))]
    found = {test.quantity: test for test in compare_cargo(bare, bare)}
    assert all(math.isnan(test.p) for test in found.values())
    assert math.isnan(found["vesicles_per_migrasome"].treated)
    assert found["content_per_body"].treated == 2.0
    assert math.isnan(found["polarisation"].ratio)


# Run files

GROWN = (*FOLLOWED, "biogenesis.migrasome_lifetime=2 h")


@pytest.fixture
def grown(solved):
    """Function that opens a run of L929 that follows their cargo for 6 h."""
    return lambda *settings, seed=1: open_run(
        solved("secretion-l929", *GROWN, *settings, seed=seed)
    )


def test_a_run_is_counted_as_its_stroma_in_memory_is(grown):
    with grown() as run:
        model = model_of(run)
        states = {s.time: s.scene for s in simulate(model.spec, seed=1) if s.scene is not None}
        for hours in (3, 6):
            time = hours * HOUR
            for ligand in ("mcsf", "ccl2"):
                found = run_cargo(run, time, ligand)
                expected = count_cargo(states[time], model.spec, ligand, time=time, seed=1)
                for key, values in vars(expected).items():
                    np.testing.assert_array_equal(getattr(found, key), values, err_msg=key)
        assert len(found.content) > 10
        assert found.released_by_fusion > 0.0
        assert found.released_at_once > 0.0


def test_a_run_without_what_is_asked_for_is_refused(grown, solved):
    with open_run(solved("coculture-kg1a", "mechanisms.cargo_kinetics=false")) as placed:
        assert not holds_cargo(placed)
        with pytest.raises(InputError, match=r"follows no cargo\. Solve a grown scene with"):
            run_cargo(placed, 0.0, "sdf1")
    with grown() as run:
        assert holds_cargo(run)
        with pytest.raises(InputError, match=r"follows mcsf and ccl2, not sdf1\. Choose one of"):
            run_cargo(run, 6 * HOUR, "sdf1")
        with pytest.raises(InputError, match="not saved at 4 h; it was from 0 s to 6 h every 3 h"):
            run_cargo(run, 4 * HOUR, "mcsf")
        older = run.drop_vars("migrasome_mcsf_cargo")
        with pytest.raises(InputError, match="holds no migrasome_mcsf_cargo, since an earlier"):
            run_cargo(older, 6 * HOUR, "mcsf")


def test_a_frozen_scene_is_counted_until_it_is_frozen(grown):
    frozen = grown("scene.mode=frozen", "run.culture=3 h", "output.fields_from=-3 h")
    with frozen as run:
        (row, _) = cargo_table([run])
        assert row["time"] < 0.0
        assert row["runs"]["balance"]["made"]["molecules"] > 0.0
        with pytest.raises(InputError, match="does not follow cargo at 6 h, since its scene is"):
            cargo_table([run], [6 * HOUR])


def test_a_frozen_scene_saved_from_its_freezing_on_has_no_cargo_to_count(grown):
    with grown("scene.mode=frozen", "run.culture=2 h") as run:
        assert not holds_cargo(run)
        with pytest.raises(InputError, match=r"Solve it with an earlier output\.fields_from"):
            cargo_table([run])


def test_the_table_pools_dishes_and_is_of_the_last_time_unless_told_otherwise(grown):
    with grown() as one, grown(seed=2) as two:
        rows = cargo_table([one, two])
        assert [(row["time"], row["ligand"]) for row in rows] == [
            (6 * HOUR, "mcsf"), (6 * HOUR, "ccl2"),
        ]  # fmt: skip
        assert cargo_table([one, two], [6 * HOUR, 3 * HOUR])[2:] == rows
        counts = [run_cargo(run, 6 * HOUR, "mcsf") for run in (one, two)]
        own, made = rows[0]["runs"], counts[0].made + counts[1].made
        assert own["balance"]["made"] == {
            "molecules": made, "per_cell": made / own["msc"], "share": 1.0,
        }  # fmt: skip
        parts = ("in_bodies", "in_migrasomes", "secreted", "carried_off")
        assert sum(own["balance"][key]["share"] for key in parts) == pytest.approx(1.0, rel=1e-12)
        assert sum(way["share"] for way in own["routes"].values()) == pytest.approx(1.0)
        held = np.concatenate([one.content for one in counts])
        assert own["content_per_migrasome"] == {
            "count": len(held), "mean": held.mean(), "deviation": held.std(ddof=1),
        }  # fmt: skip
        (row, _) = cargo_table([one], against=[two])
        assert row["control"]["msc"] == counts[1].msc
        assert row["runs"]["secreted_to_content"]["deviation"] is None
