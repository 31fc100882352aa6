"""Laws of cargo in a stroma that grows: pathways, times at which it is asked for, treatments."""

import functools
import json
import math

import numpy as np
import pytest

from conftest import bits
from sdf1_field import migrasomes
from sdf1_field.migrasomes import cargo_of, emission_between, perturb, rates_of, seed_scene
from sdf1_field.migrasomes.cargo import (
    CARGO_KINETICS,
)
from sdf1_field.migrasomes.laws import cargo_kinetics_of
from sdf1_field.scene import NO_BODY, Fate
from sdf1_field.spec import Perturbation, load_model
from sdf1_field.treatments import schedule, treatment_times

MINUTE, HOUR = 60.0, 3600.0
STEP = 5 * MINUTE

# A stroma that grows


CROWDED = (
    "dish.width=250 um",
    "dish.length=250 um",
    "grid.spacing=25 um",
    "scene.msc_number=8",
    "scene.fibres_per_network=3.0",
    "stromal_type.l929.nucleation_variation=0.0",
    "biogenesis.tether_spacing=20 um",
    "biogenesis.retraction_interval=3 h",
    "biogenesis.nucleation=0.02 1/(um*h)",
    "biogenesis.detachment_rate=0.1 1/h",
    "biogenesis.drift_rate=0.2 1/h",
    "biogenesis.leak_rate=0.05 1/h",
)
"""Few cells with many migrasomes, which go every way there is."""
PERTURBED = (
    "bapta-am", "glpg0187", "itgb1-kd", "myo5a-ko", "myo5a-oe", "snap23-kd", "stx4-kd",
    "tspan4-oe", "vamp2-kd",
)  # fmt: skip


@functools.cache
def model(*settings, name="secretion-l929"):
    return load_model(name, settings=[*CROWDED, *settings]).spec


def seeded(spec, seed=1):
    return seed_scene(spec, seed, schedule(spec).perturbation(0.0), secretion_factor=1.0)


def course_of(spec, times, *, uptake_at=(), seed=1):
    """Scene at some times under the model's treatments, and molecules released at once by ligand.

    At some of them the first migrasomes there are taken up.
    """
    plan, scene = schedule(spec), seeded(spec, seed)
    scenes, at_once, last = [], dict.fromkeys(spec.followed_ligands, 0.0), 0.0
    for time in sorted({*times, *(t for t in treatment_times(plan) if t <= max(times))}):
        before, scene = scene, migrasomes.advance(scene, time)
        for name in at_once:
            emission = emission_between(before, scene, name, last, time)
            at_once[name] += emission.bursts.sum()
        last = time
        if time in uptake_at:
            targets = np.flatnonzero(scene.migrasomes.present)[:5]
            scene = migrasomes.advance(scene, time, [int(m) for m in targets])
        if time in treatment_times(plan):
            scene = perturb(scene, spec, plan.perturbation(time))
        if time in times:
            scenes.append(scene)
    return scenes, at_once


def grown(scene, until):
    return migrasomes.advance(scene, until)


def routes(found):
    """Where the molecules are that were made, and how they went."""
    return {
        "in_bodies": found.front.sum() + found.rear.sum(),
        "in_migrasomes": found.held.sum(),
        "by_bodies": found.released.sum(),
        "by_fusion": found.fused.sum(),
        "at_once": found.leaked.sum(),
        "carried_off": found.carried_off.sum(),
    }


@pytest.fixture(scope="module")
def half_a_day():
    """Untreated L929 after 12 h."""
    return grown(seeded(model()), 12 * HOUR)


@pytest.mark.parametrize("name", ["secretion-l929", *(f"secretion-l929-{p}" for p in PERTURBED)])
def test_every_molecule_made_is_somewhere_or_has_gone_one_way(name):
    times = [HOUR * t for t in (1.0, 2.5, 4.003, 7.0, 11.11, 16.0)]
    scenes, at_once = course_of(model(name=name), times, uptake_at=times[2:5])
    for scene in scenes:
        for ligand, found in cargo_of(scene).items():
            where = routes(found)
            assert sum(where.values()) == pytest.approx(found.made.sum(), rel=1e-10), ligand
    for ligand in ("mcsf", "ccl2"):
        # Few migrasomes are left at last where hardly any form.
        assert cargo_of(scenes[1])[ligand].held.sum() > 0.0
        found = cargo_of(scenes[-1])[ligand]
        for way in ("in_bodies", "by_bodies", "by_fusion", "at_once", "carried_off"):
            assert routes(found)[way] > 0.0, way
        assert at_once[ligand] == pytest.approx(found.leaked.sum(), rel=1e-12)
    fates = scenes[-1].migrasomes.fate[~scenes[-1].migrasomes.present]
    assert set(fates) == {Fate.RUPTURES, Fate.DRIFTS_AWAY, Fate.IS_TAKEN_UP}
    gone = ~scenes[-1].migrasomes.present
    assert not cargo_of(scenes[-1])["mcsf"].held[gone].any()


@pytest.mark.parametrize(("name", "left"), [("", 1.0), ("-vamp2-kd", 0.3), ("-bapta-am", 1.0)])
def test_a_body_begins_with_what_it_holds_when_left_alone_with_its_own_genes(name, left):
    settings = ("treatments.bapta_am.start=0 h",) if name == "-bapta-am" else ()
    spec = model(*settings, name=f"secretion-l929{name}")
    own = spec.stroma.cargo["mcsf"]
    scene = seeded(spec)
    found = cargo_of(scene)["mcsf"]
    made = own.production * scene.growth.cells["production"]
    assert found.front + found.rear == pytest.approx(made / (left * own.body_release_rate))
    assert np.array_equal(found.made, found.front + found.rear)
    if name != "-bapta-am":
        assert scene.bodies.secretion["mcsf"] == pytest.approx(made, rel=1e-12)


def test_a_ligand_that_the_stroma_does_not_make_is_not_secreted():
    settings = ("scene.stroma=l929", "dish.width=300 um", "dish.length=300 um")
    for ligands, followed in (([], set()), (["ccl2"], {"ccl2"})):
        spec = load_model(
            "coculture-kg1a", settings=(*settings, f"output.ligands={json.dumps(ligands)}")
        ).spec
        scene = seeded(spec)
        assert set(cargo_of(scene)) == followed
        assert not scene.bodies.secretion["sdf1"].any()


@pytest.mark.parametrize("rate", ["10 1/h", "500 1/h"])
def test_no_body_gives_more_than_it_has_however_fast_migrasomes_draw(rate):
    spec = model(f"traffic.transport_rate={rate}", *CROWDED)
    scene = grown(seeded(spec), 10 * HOUR)
    for found in cargo_of(scene).values():
        assert (found.rear >= 0.0).all()
        assert (found.front >= 0.0).all()
        assert sum(routes(found).values()) == pytest.approx(found.made.sum(), rel=1e-10)


def test_ruptures_and_leaks_are_told_with_what_they_let_go(half_a_day):
    later = migrasomes.advance(half_a_day, 14 * HOUR)
    buds = later.growth.buds
    kinds = set()
    for ligand, found in cargo_of(later).items():
        known = cargo_of(half_a_day)[ligand].leaked
        gained = found.leaked.copy()
        gained[: len(known)] -= known
        emission = emission_between(half_a_day, later, ligand, 12 * HOUR, 14 * HOUR)
        assert np.array_equal(emission.bursts, gained)
        own = np.flatnonzero(gained)
        assert len(own) > 3
        for m in own:
            leaks = buds["leaking"][m] < buds["end"][m]
            assert 12 * HOUR < (buds["leaking"] if leaks else buds["end"])[m] <= 14 * HOUR
            assert leaks or buds["fate"][m] == Fate.RUPTURES
            kinds.add(bool(leaks))
    assert kinds == {True, False}


def test_a_migrasome_taken_up_removes_its_cargo(half_a_day):
    m = half_a_day.migrasomes
    held = cargo_of(half_a_day)["mcsf"].held
    targets = int(np.flatnonzero(m.present & (held > 0.0))[0])
    now = migrasomes.advance(half_a_day, 12 * HOUR, (targets,))
    for ligand, found in cargo_of(now).items():
        before = cargo_of(half_a_day)[ligand]
        assert found.carried_off[targets] == before.held[targets] > 0.0
        assert found.held[targets] == 0.0
        assert now.migrasomes.secretion[ligand][targets] == 0.0
        assert found.held.sum() == pytest.approx(
            before.held.sum() - before.held[targets], rel=1e-12
        )
    later = cargo_of(grown(now, 13 * HOUR))["mcsf"]
    assert (later.held[targets], later.carried_off[targets]) == (0.0, held[targets])
    assert later.fused[targets] == cargo_of(half_a_day)["mcsf"].fused[targets]


def test_secretion_is_the_content_times_the_rate_of_fusion(half_a_day):
    spec = model()
    for ligand, found in cargo_of(half_a_day).items():
        own = spec.stroma.cargo[ligand]
        assert half_a_day.bodies.secretion[ligand] == pytest.approx(
            own.body_release_rate * (found.front + found.rear), rel=1e-12
        )
        age = 12 * HOUR - half_a_day.migrasomes.birth
        ripe = -np.expm1(-age / spec.traffic.calcium_time)
        ripe[half_a_day.migrasomes.body == NO_BODY] *= spec.traffic.detached_fusion
        assert half_a_day.migrasomes.secretion[ligand] == pytest.approx(
            own.fusion_rate * ripe * found.held, rel=1e-12
        )


def test_migrasomes_that_are_not_loaded_stay_empty_and_the_others_do_not():
    spec = model("stromal_type.l929.cargo.ccl2.loaded_fraction=0.4")
    scene = grown(seeded(spec), 12 * HOUR)
    found = cargo_of(scene)["ccl2"]
    ever = found.held + found.fused + found.leaked + found.carried_off
    # Those that formed in the last step have had no time.
    older = scene.migrasomes.birth < 12 * HOUR
    assert np.array_equal(ever[older] > 0.0, found.loaded[older])
    count = older.sum()
    assert found.loaded[older].mean() == pytest.approx(0.4, abs=3 * math.sqrt(0.24 / count))
    assert cargo_of(scene)["mcsf"].loaded.all()


# When it is asked for


@pytest.mark.parametrize("interval", [STEP, 3 * STEP, 5 * HOUR])
def test_contents_do_not_depend_on_when_they_are_asked_for_at_ends_of_steps(half_a_day, interval):
    first = scene = seeded(model())
    time, let_go = 0.0, {name: np.zeros(len(half_a_day.migrasomes.x)) for name in ("mcsf", "ccl2")}
    while time < 12 * HOUR:
        until = min(time + interval, 12 * HOUR)
        before, scene = scene, migrasomes.advance(scene, until)
        for name, amounts in let_go.items():
            bursts = emission_between(before, scene, name, time, until).bursts
            amounts[: len(bursts)] += bursts
        time = until
    assert bits(scene) == bits(half_a_day)
    for name, amounts in let_go.items():
        at_once = emission_between(first, half_a_day, name, 0.0, 12 * HOUR).bursts
        assert at_once.sum() > 0.0
        assert amounts == pytest.approx(at_once, rel=1e-12)


def parted(parts, hours=12.0):
    """L929 whose every step is asked for in equal parts."""
    scene = seeded(model())
    for n in range(round(hours * HOUR / STEP)):
        for part in range(1, parts):
            scene = grown(scene, n * STEP + part * STEP / parts)
        scene = grown(scene, (n + 1) * STEP)
    return cargo_of(scene)["mcsf"]


def test_contents_are_of_second_order_in_the_step_though_migrasomes_end_within_it():
    exact, errors = parted(32), []
    ways = ("front", "rear", "held", "fused", "leaked", "carried_off")
    for parts in (1, 2, 4):
        found = parted(parts)
        errors.append([abs(getattr(found, w).sum() - getattr(exact, w).sum()) for w in ways])
    share = np.array(errors[0]) / [getattr(exact, way).sum() for way in ways]
    # Of the trapezoid's own error, of the fastest rate there is.
    fastest = max(model().stroma.cargo["mcsf"].fusion_rate, 1.0 / model().traffic.exchange_time)
    assert (share < (fastest * STEP) ** 2 / 12.0).all(), share
    orders = np.log2(np.divide(errors[0], errors[2])) / 2.0
    assert orders == pytest.approx(np.full(len(ways), 2.0), abs=0.1)


def test_contents_asked_for_between_two_steps_are_nearly_the_same():
    spec = model("scene.msc_number=32", "dish.width=500 um", "dish.length=500 um")
    scene, half_a_day = seeded(spec), grown(seeded(spec), 12 * HOUR)
    for time in np.arange(0.0, 12 * HOUR, 7 * MINUTE + 13.0)[1:]:
        scene = grown(scene, float(time))
    scene = grown(scene, 12 * HOUR)
    assert np.array_equal(scene.growth.buds["end"], half_a_day.growth.buds["end"])
    for ligand, found in cargo_of(scene).items():
        at_once = cargo_of(half_a_day)[ligand]
        assert found.made == pytest.approx(at_once.made, rel=1e-12)
        for name in ("front", "rear", "released", "held", "fused", "leaked", "carried_off"):
            one, other = getattr(found, name).sum(), getattr(at_once, name).sum()
            assert one == pytest.approx(other, rel=1e-3), name
        assert sum(routes(found).values()) == pytest.approx(found.made.sum(), rel=1e-10)


def test_asking_for_the_same_time_again_changes_nothing(half_a_day):
    assert migrasomes.advance(half_a_day, 12 * HOUR) is half_a_day


def test_a_scene_is_not_changed_by_advancing_its_cargo(half_a_day):
    before = bits(half_a_day)
    migrasomes.advance(half_a_day, 12 * HOUR + 100.0)
    migrasomes.advance(half_a_day, 15 * HOUR, (0, 1, 2))
    perturb(half_a_day, model(), Perturbation(fusion=0.1))
    assert bits(half_a_day) == before


def test_networks_do_not_depend_on_their_cargo(half_a_day):
    without = model("mechanisms.cargo_kinetics=false", "mechanisms.bursts=false")
    scene = grown(seeded(without), 12 * HOUR)
    assert cargo_of(scene) == {}
    for name in ("cells", "strands", "course", "buds"):
        one, other = (bits(getattr(s.growth, name)) for s in (scene, half_a_day))
        assert one == other, name
    for group in ("bodies", "fibres", "migrasomes"):
        one, other = bits(getattr(scene, group)), bits(getattr(half_a_day, group))
        for key in one:
            if not any(part in key for part in ("secretion", "loaded")):
                assert one[key] == other[key], (group, key)


def test_a_ligands_cargo_does_not_depend_on_which_others_are_followed(half_a_day):
    alone = grown(seeded(model("output.ligands=['ccl2']")), 12 * HOUR)
    assert list(cargo_of(alone)) == ["ccl2"]
    assert bits(cargo_of(alone)["ccl2"]) == bits(cargo_of(half_a_day)["ccl2"])


def test_other_seeds_have_other_contents(half_a_day):
    other = cargo_of(grown(seeded(model(), 2), 12 * HOUR))["mcsf"]
    assert not np.isin(other.rear, cargo_of(half_a_day)["mcsf"].rear).any()


def test_a_frozen_scene_follows_nothing_any_more_and_goes_on_secreting(half_a_day):
    still = migrasomes.freeze(half_a_day)
    assert cargo_of(still) == {}
    for group in ("bodies", "migrasomes"):
        one, other = getattr(still, group).secretion, getattr(half_a_day, group).secretion
        for ligand in ("mcsf", "ccl2"):
            assert np.array_equal(one[ligand], other[ligand])
    assert migrasomes.advance(still, 16 * HOUR) is still
    emission = emission_between(still, still, "mcsf", 12 * HOUR, 16 * HOUR)
    assert emission.mean_rate == pytest.approx(
        sum(getattr(still, g).secretion["mcsf"].sum() for g in ("bodies", "migrasomes"))
    )


# Perturbations


CALCIUM_LEFT = 0.16 / (0.16 + 10.0)
"""K_d / (K_d + dose) of BAPTA-AM 10 uM."""
BLOCKED = 10_000.0 / (10_000.0 + 7.7)
"""dose / (dose + K_d) of GLPG0187 10 uM."""


@pytest.mark.parametrize(
    ("treatment", "changed"),
    [
        ("bapta-am", {"fusion": CALCIUM_LEFT, "body_release": CALCIUM_LEFT}),
        ("glpg0187", {}),
        ("itgb1-kd", {}),
        ("myo5a-ko", {"transport": 0.2}),
        ("myo5a-oe", {"transport": 2.0}),
        ("snap23-kd", {"fusion": 0.3, "body_release": 0.3}),
        ("stx4-kd", {"fusion": 0.3, "body_release": 0.3}),
        ("tspan4-oe", {}),
        ("vamp2-kd", {"fusion": 0.3, "body_release": 0.3}),
    ],
)
def test_a_perturbation_changes_its_own_step_of_the_cargo_and_no_other(treatment, changed):
    spec = model(name=f"secretion-l929-{treatment}")
    acting = schedule(spec).perturbation(3 * HOUR)
    for ligand in ("mcsf", "ccl2"):
        before, after = (
            cargo_kinetics_of(spec, ligand, p, secretion_factor=1.3)[0]
            for p in (Perturbation(), acting)
        )
        found = {name: after[name] / before[name] for name in CARGO_KINETICS.names
                 if after[name] != before[name]}  # fmt: skip
        assert found == pytest.approx(changed, rel=1e-9)


@pytest.mark.parametrize(
    ("treatment", "changed"),
    [
        ("bapta-am", {}),
        ("itgb1-kd", {"nucleation": 0.3}),
        ("myo5a-ko", {}),
        ("myo5a-oe", {}),
        ("snap23-kd", {}),
        ("stx4-kd", {}),
        ("tspan4-oe", {"nucleation": 3.0}),
        ("vamp2-kd", {}),
    ],
)
def test_a_perturbation_of_cargo_leaves_networks_alone_and_one_of_networks_changes_its_rate(
    treatment, changed
):
    spec = model(name=f"secretion-l929-{treatment}")
    before = rates_of(spec, Perturbation())._asdict()
    acting = rates_of(spec, schedule(spec).perturbation(3 * HOUR))._asdict()
    found = {name: acting[name] / rate for name, rate in before.items() if acting[name] != rate}
    assert found == pytest.approx(changed, rel=1e-12)


def test_glpg0187_acts_on_the_anchors_alone():
    spec = model(name="secretion-l929-glpg0187")
    substrate = spec.substrate["fibronectin_5"]
    left = substrate.anchors * (1.0 - substrate.integrin_share * BLOCKED)
    fewer = model(f"substrate.fibronectin_5.anchors={left!r}")
    acting = rates_of(spec, schedule(spec).perturbation(3 * HOUR))
    assert acting == pytest.approx(rates_of(fewer, Perturbation()), rel=1e-9)


def test_glpg0187_takes_the_polarisation_away_as_far_as_it_stops_cells():
    # Without fibres, as transport empties the rear.
    settings = (
        "dish.width=1 mm", "dish.length=1 mm", "scene.msc_number=100",
        "biogenesis.tether_spacing=1e9 um", "biogenesis.retraction_interval=1e9 h",
    )  # fmt: skip
    indices, migrating = {}, {}
    for treatment, *more in (
        ("",), ("-glpg0187",), ("-glpg0187", "substrate.fibronectin_5.integrin_share=1.0"),
    ):  # fmt: skip
        spec = model(*settings, *more, name=f"secretion-l929{treatment}")
        for hours, scene in zip((2, 12), course_of(spec, [2 * HOUR, 12 * HOUR])[0], strict=True):
            found, key = cargo_of(scene)["mcsf"], (treatment, len(more), hours)
            indices[key] = ((found.rear - found.front) / (found.rear + found.front)).mean()
            migrating[key] = scene.bodies.migrating.mean()
    assert indices["-glpg0187", 0, 2] == pytest.approx(indices["", 0, 2], rel=1e-12)
    gain = 2.0 * model().traffic.polarised_share - 1.0
    for key, index in indices.items():
        assert index == pytest.approx(gain * migrating[key], abs=0.03), key
    assert indices["", 0, 12] > 0.25
    # A twentieth of the anchors is none of integrins'.
    assert indices["-glpg0187", 0, 12] < 0.25 * indices["", 0, 12]
    assert abs(indices["-glpg0187", 1, 12]) < 0.02


def test_bapta_leaves_of_all_fusion_what_calcium_is_left_and_cargo_gathers(half_a_day):
    spec = model(name="secretion-l929-bapta-am")
    acting = schedule(spec).perturbation(3 * HOUR)
    treated = perturb(half_a_day, spec, acting)
    for ligand in ("mcsf", "ccl2"):
        for group in ("bodies", "migrasomes"):
            before, now = (getattr(s, group).secretion[ligand] for s in (half_a_day, treated))
            assert now == pytest.approx(CALCIUM_LEFT * before, rel=1e-9)
        assert bits(cargo_of(treated)[ligand]) == bits(cargo_of(half_a_day)[ligand])
    after, untreated = (cargo_of(grown(s, 16 * HOUR))["mcsf"] for s in (treated, half_a_day))
    before = cargo_of(half_a_day)["mcsf"]
    made = after.made.sum() - before.made.sum()
    assert made == pytest.approx(untreated.made.sum() - before.made.sum(), rel=1e-12)
    assert after.released.sum() - before.released.sum() < 0.03 * made
    assert after.held.sum() > 3.0 * untreated.held.sum()


def test_each_knock_down_of_fusion_does_the_same_to_what_is_released():
    released = {
        name: cargo_of(course_of(model(name=f"secretion-l929-{name}"), [4 * HOUR])[0][0])["mcsf"]
        for name in ("vamp2-kd", "stx4-kd", "snap23-kd")
    }
    first = released.pop("vamp2-kd")
    for other in released.values():
        assert bits(other) == bits(first)


# What migrasomes are without a body


@pytest.mark.parametrize("share", [0.0, 0.4])
def test_a_detached_migrasome_gains_nothing_and_fuses_at_its_share_of_the_rate(share):
    scene = grown(seeded(model(f"traffic.detached_fusion={share}")), 12 * HOUR)
    m, found = scene.migrasomes, cargo_of(scene)["mcsf"]
    later = grown(scene, 12 * HOUR + STEP)
    now, count = cargo_of(later)["mcsf"], len(m.x)
    still = m.present & (m.body == NO_BODY) & (found.held > 0.0)
    still &= later.migrasomes.present[:count] & (now.held[:count] > 0.0)
    assert still.sum() > 10
    gone = now.fused[:count][still] - found.fused[still]
    assert now.held[:count][still] + gone == pytest.approx(found.held[still], rel=1e-12)
    age = 12 * HOUR + 0.5 * STEP - m.birth[still]
    ripe = -np.expm1(-age / model().traffic.calcium_time)
    rate = share * model().stroma.cargo["mcsf"].fusion_rate * ripe
    half = 0.5 * rate * STEP
    assert gone == pytest.approx(found.held[still] * 2.0 * half / (1.0 + half), rel=1e-9)
    secreted = scene.migrasomes.secretion["mcsf"][still]
    ripe = -np.expm1(-(12 * HOUR - m.birth[still]) / model().traffic.calcium_time)
    rate = share * model().stroma.cargo["mcsf"].fusion_rate * ripe
    assert secreted == pytest.approx(rate * found.held[still], rel=1e-9)
