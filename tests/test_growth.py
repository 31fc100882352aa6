"""A stroma that grows: fibres that stay behind, uptake, steps in time, antibodies, ruptures."""

import math
from dataclasses import replace

import numpy as np
import pytest

from conftest import bits
from growth_builders import (
    ALWAYS_ON_THE_MOVE,
    AT_REST,
    HOUR,
    LASTING_FIBRES,
    MINUTE,
    NO_FIBRES,
    NO_MIGRASOMES,
    SPEED,
    STEP,
    ellipse_of,
    grown,
    lengths,
    model,
    network,
    on,
    seeded,
)
from sdf1_field import migrasomes
from sdf1_field.migrasomes import rates_of
from sdf1_field.migrasomes.fibres import VERTICES
from sdf1_field.scene import Fate, Origin
from sdf1_field.simulation import model_grid
from sdf1_field.sources import secretion
from sdf1_field.treatments import Perturbation, schedule


@pytest.fixture(scope="module")
def day():
    """A stroma after 24 h, as the model has it."""
    spec = model("output.ligands=['sdf1']")
    return spec, seeded(spec), grown(seeded(spec), 24 * HOUR)


def test_an_msc_more_leaves_the_others_factors():
    few, many = (seeded(model(f"scene.msc_number={n}")).growth.cells for n in (40, 41))
    assert len(few) == 40
    for name in ("polarity", "migrating", "speed", "nucleation", "production", "semi_major"):
        assert np.array_equal(few[name], many[name][:-1]), name
        assert len(np.unique(few[name])) > 1


def test_msc_begin_with_the_models_own_factors():
    spec = model("scene.msc_number=2000", "scene.msc_density=1 1/mm**2", "dish.width=9 mm",
                 "dish.length=9 mm", "grid.spacing=100 um")  # fmt: skip
    cells = seeded(spec).growth.cells
    cell, rates = spec.stroma, rates_of(spec, schedule(spec).perturbation(0.0))
    for name, spread in (
        ("speed", cell.speed_variation),
        ("nucleation", cell.nucleation_variation),
        ("production", cell.production_variation),
    ):
        logs = np.log(cells[name])
        assert logs.mean() == pytest.approx(-0.5 * spread**2, abs=4 * spread / math.sqrt(2000))
        assert logs.std() == pytest.approx(spread, abs=4 * spread / math.sqrt(4000))
    share = rates.starting / (rates.starting + rates.stopping)
    error = 4 * math.sqrt(share * (1 - share) / 2000)
    assert cells["migrating"].mean() == pytest.approx(share, abs=error)
    assert abs(cells["polarity"].mean()) < 4 / math.sqrt(2000)
    kinds = np.array([cells[k] for k in ("polarity", "migrating", "speed", "nucleation")], float)
    correlations = np.corrcoef(kinds)[~np.eye(4, dtype=bool)]
    assert abs(correlations).max() < 4 / math.sqrt(2000)


def test_an_msc_more_leaves_the_fibres_and_migrasomes_of_those_it_does_not_meet():
    """Bundles, branches and migrasomes of a cell far from the new one have the numbers they had."""
    apart = ("dish.width=4 mm", "dish.length=4 mm", "grid.spacing=40 um")
    few, many = (grown(seeded(model(f"scene.msc_number={n}", *apart)), 30 * HOUR) for n in (30, 31))
    assert np.array_equal(few.bodies.x, many.bodies.x[:-1])
    assert len(many.migrasomes.x) > len(few.migrasomes.x)
    assert len(few.migrasomes.x) > 200
    for part in ("strands", "buds"):
        old, new = getattr(few.growth, part), getattr(many.growth, part)
        names = ("key",) if part == "strands" else ("key", "x", "y", "radius", "birth", "end")
        rows = [{tuple(row[name] for name in names) for row in some} for some in (old, new)]
        assert len(rows[0]) == len(old)
        assert rows[0] <= rows[1]


def test_every_fibre_and_migrasome_has_a_key_of_its_own(day):
    _, _, scene = day
    for records in (scene.growth.strands, scene.growth.buds):
        assert len(records) > 100
        assert len(np.unique(records["key"])) == len(records)


# Fibres


def ends(fibres):
    """Places where fibres meet their bodies [um]."""
    last = np.isfinite(fibres.x).sum(axis=1) - 1
    rows = np.arange(len(last))
    return fibres.x[rows, last], fibres.y[rows, last]


def test_a_fibre_ends_on_the_edge_of_its_body(day):
    for scene in (day[2], network()):
        seen = scene.growth.strands["grown"]
        last = scene.growth.strands["count"][seen] - 1
        x, y = scene.growth.course[seen, :, last].T
        assert len(x) > 100
        inside = (x >= 0.0) & (x <= 2240.0) & (y >= 0.0) & (y <= 2240.0)
        assert 0.8 < inside.mean() < 1.0
        end_x, end_y = ends(scene.fibres)
        np.testing.assert_array_equal((end_x == x) & (end_y == y), inside)
        assert (end_x.min() >= 0.0) & (end_y.max() <= 2240.0)
        assert ellipse_of(scene.bodies, scene.fibres.body, x, y) == pytest.approx(1.0, rel=1e-9)


def test_a_migrating_cell_has_its_fibres_behind_it():
    scene = network(
        "dish.width=20 mm",
        "dish.length=20 mm",
        "scene.msc_number=200",
        "scene.fibre_fan_angle=0.2",
        "stromal_type.msc.persistence_time=1000 h",
    )
    f, b, cells = scene.fibres, scene.bodies, scene.growth.cells
    ahead = cells["polarity"] * np.exp(1j * b.angle)
    for x, y in ((f.x[:, 0], f.y[:, 0]), ends(f)):
        behind = -(((x - b.x[f.body]) + 1j * (y - b.y[f.body])) / ahead[f.body]).real
        # But for a few whose cell has met a wall or another cell, and turned.
        assert np.mean(behind > 0.5 * b.semi_major[f.body]) > 0.97
    assert (f.origin == Origin.MIGRATION).all()


def test_the_way_between_tethers_is_the_spacing_over_the_anchors():
    # None is long enough to be gone once it is taken up again.
    settings = (
        "scene.fibres_per_network=1.0",
        "biogenesis.tether_spacing=50 um",
        "biogenesis.shortest_fibre=1 mm",
    )
    spec = model(*ALWAYS_ON_THE_MOVE, *settings)
    way = spec.stroma.speed * 16 * HOUR * len(network(*settings).bodies.x)
    expected = way / 50.0
    # Cells that meet others stand still for a step.
    found = len(network(*settings).growth.strands)
    assert 0.8 * expected < found < expected + 4 * math.sqrt(expected)


def test_a_fibre_is_no_longer_than_its_vertices_allow():
    settings = (
        "dish.width=20 mm",
        "dish.length=20 mm",
        "scene.msc_number=50",
        "stromal_type.msc.persistence_time=1000 h",
    )
    early, late = (lengths(network(*settings, hours=h).growth).max() for h in (8.0, 96.0))
    # A vertex is laid down at the end of the step in which the last is 5 um away.
    assert early < late <= (VERTICES - 1) * (5.0 + 2 * SPEED * STEP)
    assert late > 0.8 * (VERTICES - 2) * 5.0


def test_fibres_are_released_at_their_rate_over_the_strength_of_the_substrate():
    scene = network()
    there = len(scene.growth.strands)
    assert there > 400
    for strength, hours in ((1.0, 5.0), (1.0, 12.0), (2.0, 12.0)):
        spec = model(
            *AT_REST, *NO_FIBRES, *NO_MIGRASOMES, *LASTING_FIBRES,
            "biogenesis.fibre_release_rate=0.1 1/h",
            f"substrate.fibronectin_5.strength={strength}",
        )  # fmt: skip
        left = len(grown(on(scene, spec), (16.0 + hours) * HOUR).growth.strands)
        share = math.exp(-0.1 * hours / strength)
        error = math.sqrt(share * (1.0 - share) / there)
        assert left / there == pytest.approx(share, abs=4 * error), (strength, hours)


@pytest.mark.parametrize("strength", [1.0, 2.0])
def test_fibres_break_in_proportion_to_length_time_and_the_weakness_of_the_substrate(strength):
    scene = network()
    breakage, hours = 0.2, 16.0
    spec = model(
        *AT_REST, *NO_FIBRES, *NO_MIGRASOMES, *LASTING_FIBRES,
        f"biogenesis.fibre_breakage={breakage} 1/(um*h)",
        "biogenesis.breakage_doubling_time=16 h",
        f"substrate.fibronectin_5.strength={strength}",
    )  # fmt: skip
    after = grown(on(scene, spec), hours * HOUR + 5 * MINUTE).growth
    # After 16 h fibres break twice as often as at first.
    long = lengths(scene.growth)
    chance = -np.expm1(-2.0 * breakage / strength * long * 5 / 60)
    before = dict(zip(scene.growth.strands["key"], scene.growth.strands["first"], strict=True))
    same = {n for n, first in zip(after.strands["key"], after.strands["first"], strict=True)
            if before[n] == first}  # fmt: skip
    broken = np.array([n not in same for n in scene.growth.strands["key"]])
    for half in (long < np.median(long), long >= np.median(long)):
        expected = chance[half].sum()
        error = math.sqrt((chance * (1.0 - chance))[half].sum())
        assert broken[half].sum() == pytest.approx(expected, abs=4 * error)
        assert expected > 10 * error / 4


def test_fibres_branch_at_their_rate_along_what_is_laid_down():
    # Straight ahead: what has been laid down is not taken up and laid down again.
    straight = (
        "dish.width=20 mm",
        "dish.length=20 mm",
        "stromal_type.msc.persistence_time=1000 h",
    )
    plain = network(*straight).growth
    assert not plain.strands["branch"].any()
    growth = network(*straight, "biogenesis.branching=0.02 1/um").growth
    branch = growth.strands["branch"]
    laid = (growth.strands["first"] + growth.strands["count"] - 2)[~branch].sum()
    expected = -math.expm1(-0.02 * 5.0) * laid
    assert branch.sum() == pytest.approx(expected, abs=4 * math.sqrt(expected))


# Uptake


def test_a_migrasome_taken_up_is_gone_for_good_and_changes_no_body(day):
    _, _, scene = day
    internalised = np.flatnonzero(scene.migrasomes.present)[::3]
    until = 24.25 * HOUR
    with_loss = migrasomes.advance(scene, until, tuple(int(n) for n in internalised))
    m = with_loss.migrasomes
    lost = np.zeros(len(m.x), dtype=bool)
    lost[internalised] = True
    without = grown(scene, until)
    taken = m.fate == Fate.IS_TAKEN_UP
    # But for those that were gone before the end of the interval.
    assert (lost[taken]).all()
    assert taken.sum() > 0.9 * len(internalised) > 20
    assert (m.end[taken] == until).all()
    assert not m.present[lost].any()
    count = len(scene.migrasomes.x)
    kept = ~lost[:count]
    assert np.array_equal(m.present[:count][kept], without.migrasomes.present[:count][kept])
    much_later, other = grown(with_loss, 48 * HOUR), grown(without, 48 * HOUR)
    assert (much_later.migrasomes.fate[: len(m.x)][taken] == Fate.IS_TAKEN_UP).all()
    assert (much_later.migrasomes.end[: len(m.x)][taken] == until).all()
    assert not much_later.migrasomes.present[: len(m.x)][lost].any()
    assert bits(much_later.bodies) == bits(other.bodies)
    # Their room is taken by others.
    assert len(much_later.migrasomes.x) != len(other.migrasomes.x)


def test_uptake_of_a_migrasome_that_has_ended_changes_nothing(day):
    _, _, scene = day
    gone = tuple(int(n) for n in np.flatnonzero(~scene.migrasomes.present)[:10])
    assert gone
    assert bits(migrasomes.advance(scene, 25 * HOUR, gone)) == bits(grown(scene, 25 * HOUR))


# Time


@pytest.mark.parametrize("interval", [15 * MINUTE, 7 * MINUTE + 13.0, 5 * HOUR])
def test_a_scene_does_not_depend_on_the_times_at_which_it_was_saved(day, interval):
    _, scene, at_once = day
    time = 0.0
    while time < 24 * HOUR:
        time = min(time + interval, 24 * HOUR)
        scene = grown(scene, time)
    assert bits(scene) == bits(at_once)
    assert len(scene.migrasomes.x) > 10


def test_between_two_steps_nothing_happens_but_that_a_migrasome_comes_to_its_end(day):
    scene, now = day[2], 24 * HOUR
    while True:
        m = scene.migrasomes
        end, last = min((float(m.end[n]), n) for n in np.flatnonzero(m.present))
        if end < now + STEP:
            break
        now += STEP
        scene = grown(scene, now)
    assert now < end
    assert migrasomes.advance(scene, 0.5 * (now + end)) is scene
    after = grown(scene, end)
    assert np.flatnonzero(after.migrasomes.present != m.present).tolist() == [last]
    assert after.growth is scene.growth


def test_the_same_seed_grows_the_same_stroma_and_another_seed_another(day):
    spec, _, scene = day
    assert bits(grown(seeded(spec), 24 * HOUR)) == bits(scene)
    other = grown(seeded(spec, 2), 24 * HOUR)
    assert not np.isin(other.bodies.x, scene.bodies.x).any()
    assert len(other.migrasomes.x) != len(scene.migrasomes.x)


def test_a_scene_is_not_changed_by_what_it_becomes(day):
    _, _, scene = day
    before = bits(scene)
    internalised = (int(np.flatnonzero(scene.migrasomes.present)[0]),)
    migrasomes.advance(scene, 30 * HOUR, internalised)
    assert bits(scene) == before


def test_migrasomes_keep_their_numbers(day):
    _, _, scene = day
    later = grown(scene, 30 * HOUR).migrasomes
    m = scene.migrasomes
    assert len(later.x) > len(m.x)
    for name in ("x", "y", "birth", "origin"):
        assert np.array_equal(getattr(later, name)[: len(m.x)], getattr(m, name)), name
    rates, still = later.secretion["sdf1"][: len(m.x)], later.present[: len(m.x)]
    assert np.array_equal(rates[still], m.secretion["sdf1"][still])
    assert not rates[~still].any()
    assert (later.birth[len(m.x) :] > 24 * HOUR).all()


def test_who_carries_a_ligand_does_not_depend_on_which_others_are_solved():
    found = {
        ligands: grown(seeded(model(f"output.ligands={list(ligands)}")), 12 * HOUR)
        for ligands in ((), ("sdf1",), ("ccl2", "sdf1"))
    }
    alone, both = found["sdf1",], found["ccl2", "sdf1"]
    assert bits(found[()].fibres) == bits(both.fibres)
    assert np.array_equal(alone.migrasomes.secretion["sdf1"], both.migrasomes.secretion["sdf1"])
    sdf1, ccl2 = (both.migrasomes.loaded[name] for name in ("sdf1", "ccl2"))
    share, count = model().ligand["sdf1"].secretion.carrying_fraction, len(sdf1)
    assert sdf1.mean() == pytest.approx(share, abs=4 * math.sqrt(share * (1 - share) / count))
    assert abs(np.corrcoef(sdf1, ccl2)[0, 1]) < 4 / math.sqrt(count)


# Antibodies, frozen scenes, and ruptures


def test_an_antibody_that_is_washed_off_meets_what_has_formed_since_it_was_given(day):
    _, _, scene = day
    given, washed = 30 * HOUR, 34 * HOUR
    scene = grown(scene, given).block(0.9)
    old = len(scene.migrasomes.x)
    scene = grown(scene, washed).block(0.9, since=given)
    new = len(scene.migrasomes.x)
    blocked, present = scene.migrasomes.blocked, scene.migrasomes.present
    assert new > old + 20
    assert (blocked[:old][present[:old]] == 0.9).all()
    assert np.array_equal(blocked[old:], np.where(present[old:], 0.9, 0.0))
    assert not grown(scene, 38 * HOUR).migrasomes.blocked[new:].any()


def test_every_attached_migrasome_is_on_its_fibre(day):
    _, _, scene = day
    later = grown(scene, 48 * HOUR).growth
    seen = 0
    for strand, (x, y) in zip(later.strands, later.course, strict=True):
        place = (x + 1j * y)[: strand["count"]]
        begin, way = place[:-1], np.diff(place)
        bud = strand["head"]
        while bud >= 0:
            at = complex(later.buds["x"][bud], later.buds["y"][bud])
            square = np.maximum(np.abs(way) ** 2, 1e-300)
            along = np.clip(((at - begin) * way.conj()).real / square, 0.0, 1.0)
            if place.real.min() >= 0.0 and place.imag.min() >= 0.0 and abs(place).max() < 2240.0:
                assert np.abs(at - begin - along * way).min() < 1e-6
                seen += 1
            bud = later.buds["following"][bud]
    assert seen > 100


def test_migrasomes_that_form_after_an_antibody_are_free_of_it(day):
    _, _, scene = day
    blocked = scene.block(0.9)
    later = grown(blocked, 30 * HOUR)
    present, count = scene.migrasomes.present, len(scene.migrasomes.x)
    assert np.array_equal(later.migrasomes.blocked[:count], np.where(present, 0.9, 0.0))
    assert len(later.migrasomes.x) > count
    assert not later.migrasomes.blocked[count:].any()
    assert (later.bodies.blocked == 0.9).all()
    assert bits(replace(later, bodies=scene.bodies, migrasomes=scene.migrasomes)) == bits(
        replace(grown(scene, 30 * HOUR), bodies=scene.bodies, migrasomes=scene.migrasomes)
    )


def test_a_frozen_scene_stays_as_it_is(day):
    _, _, scene = day
    still = migrasomes.freeze(scene)
    assert migrasomes.advance(still, 96 * HOUR) is still
    assert not still.bodies.migrating.any()
    here, m = scene.migrasomes.present, still.migrasomes
    assert np.array_equal(m.present, here)
    assert (m.fate[here] == Fate.OUTLIVES_THE_RUN).all()
    assert (m.fate[~here] != Fate.OUTLIVES_THE_RUN).all()
    assert np.array_equal(m.end[~here], scene.migrasomes.end[~here])
    assert bits(still.fibres) == bits(scene.fibres)
    assert migrasomes.perturb(still, day[0], Perturbation(nucleation=3.0)) is still


def test_a_frozen_scenes_migrasomes_can_still_be_taken_up(day):
    still = migrasomes.freeze(day[2])
    targets = int(np.flatnonzero(still.migrasomes.present)[0])
    m = migrasomes.advance(still, 30 * HOUR, (targets,)).migrasomes
    assert (m.end[targets], m.fate[targets], m.present[targets]) == (
        30 * HOUR,
        Fate.IS_TAKEN_UP,
        False,
    )
    assert m.present.sum() == still.migrasomes.present.sum() - 1


def test_where_cargo_is_not_followed_a_rupture_lets_nothing_go_at_once(day):
    spec, scene, _ = day
    later = migrasomes.advance(scene, 48 * HOUR)
    m = later.migrasomes
    assert (~m.present & (m.fate == Fate.RUPTURES) & m.loaded["sdf1"]).any()
    emission = migrasomes.emission_between(scene, later, "sdf1", 24 * HOUR, 48 * HOUR)
    assert not emission.bursts.any()
    rate = spec.ligand["sdf1"].secretion.migrasome
    assert np.array_equal(m.secretion["sdf1"], np.where(m.loaded["sdf1"] & m.present, rate, 0.0))


def test_moving_bodies_secrete_all_that_they_do(day):
    spec, _, scene = day
    found = secretion(scene, model_grid(spec), "sdf1")
    m = scene.migrasomes
    expected = scene.bodies.secretion["sdf1"].sum() + m.secretion["sdf1"][m.present].sum()
    rate = found.released(24 * HOUR, 24 * HOUR + 1e-3) / 1e-3
    assert rate == pytest.approx(expected, rel=1e-5)
