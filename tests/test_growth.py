"""Laws of a stroma that grows: walks, fibres that stay behind, migrasomes that come and go."""

import functools
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import bits
from sdf1_field import migrasomes
from sdf1_field.migrasomes import migration, perturb, rates_of, seed_scene
from sdf1_field.migrasomes.fibres import VERTICES
from sdf1_field.scene import NO_BODY, Fate, Origin
from sdf1_field.simulation import model_grid
from sdf1_field.sources import secretion
from sdf1_field.spec import load_model
from sdf1_field.treatments import Perturbation, schedule

MINUTE, HOUR = 60.0, 3600.0
STEP = 5 * MINUTE
NEVER = "1e9 h"

# Settings that isolate one law.
NO_FIBRES = ("biogenesis.tether_spacing=1e9 um", f"biogenesis.retraction_interval={NEVER}")
NO_MIGRASOMES = ("biogenesis.nucleation=0 1/(um*h)",)
AT_REST = ("biogenesis.migrating_share=0.0",)
ALWAYS_ON_THE_MOVE = (
    "biogenesis.migrating_share=1.0",
    "biogenesis.optimal_adhesion=1.0",
    "substrate.fibronectin_5.anchors=1.0",
    "substrate.fibronectin_5.strength=1.0",
    "stromal_type.msc.speed_variation=0.0",
)
LASTING_FIBRES = (
    "biogenesis.fibre_breakage=0 1/(um*h)",
    "biogenesis.fibre_release_rate=0 1/h",
    "biogenesis.branching=0 1/um",
)
LASTING_MIGRASOMES = (
    f"biogenesis.migrasome_lifetime={NEVER}",
    "biogenesis.detachment_rate=0 1/h",
    "stromal_type.msc.nucleation_variation=0.0",
)


def model(*settings):
    settings = ("grid.spacing=20 um", "numerics.growth_step=5 min", *settings)
    return load_model("biogenesis-fibronectin-5", settings=settings).spec


def seeded(spec, seed=1):
    start = -spec.run.culture
    return seed_scene(spec, seed, schedule(spec).perturbation(start), secretion_factor=1.0)


def grown(scene, until):
    return migrasomes.advance(scene, until)


def on(scene, spec, perturbation=None):
    """The scene as it goes on under another model's rates."""
    return perturb(scene, spec, perturbation or Perturbation())


def lengths(growth):
    """Of every fibre, those too short to be seen among them [um]."""
    found = []
    for strand, (x, y) in zip(growth.strands, growth.course, strict=True):
        count = strand["count"]
        found.append(np.hypot(np.diff(x[:count]), np.diff(y[:count])).sum())
    return np.array(found)


def loads(growth):
    """Migrasomes on every fibre."""
    counts = []
    for head in growth.strands["head"]:
        count, m = 0, head
        while m >= 0:
            count, m = count + 1, growth.buds["following"][m]
        counts.append(count)
    return np.array(counts)


# Some fibres on each of some cells, whatever the model's own numbers are.
NETWORK = (
    *ALWAYS_ON_THE_MOVE,
    *LASTING_FIBRES,
    *LASTING_MIGRASOMES,
    *NO_MIGRASOMES,
    "scene.msc_number=60",
    "scene.fibres_per_network=3.0",
    "biogenesis.anchor_spacing=5 um",
    "biogenesis.tether_spacing=60 um",
    "stromal_type.msc.speed=20 um/h",
    "stromal_type.msc.persistence_time=2 h",
)


@functools.cache
def network(*settings, hours=16.0, seed=3):
    """MSC that have gone about on lasting fibres without migrasomes, and then come to rest."""
    walked = grown(seeded(model(*NETWORK, *settings), seed), hours * HOUR - STEP)
    return grown(on(walked, model(*NETWORK, *settings, *AT_REST)), hours * HOUR)


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


# How cells walk


WIDE = (
    "dish.width=20 mm",
    "dish.length=20 mm",
    "scene.msc_number=2000",
    "stromal_type.msc.body_area=50 um**2",
)
SPEED, PERSISTENCE = 20.0 / HOUR, 2 * HOUR


def squared_displacements(until, *settings):
    """Of cells that have met neither wall nor, but for a few, one another [um**2]."""
    spec = model(*WIDE, *ALWAYS_ON_THE_MOVE, *NO_FIBRES, *settings)
    assert (spec.stroma.speed, spec.stroma.persistence_time) == (SPEED, PERSISTENCE)
    before = seeded(spec)
    after = grown(before, until)
    b, a = before.bodies, after.bodies
    reach = SPEED * until
    away = (np.abs(b.x - 10_000.0) < 10_000.0 - reach) & (np.abs(b.y - 10_000.0) < 10_000.0 - reach)
    assert away.sum() > 1500
    return ((a.x - b.x) ** 2 + (a.y - b.y) ** 2)[away]


def law(until):
    """Mean squared displacement of a persistent random walk [um**2]."""
    decay = -math.expm1(-until / PERSISTENCE)
    return 2.0 * SPEED**2 * PERSISTENCE * (until - PERSISTENCE * decay)


def law_of_steps(until, step):
    """The same of a walk in straight steps, whose headings forget each other as fast."""
    count = round(until / step)
    apart = np.arange(1, count)
    forgotten = math.exp(-step / PERSISTENCE) ** apart
    return (SPEED * step) ** 2 * (count + 2.0 * ((count - apart) * forgotten).sum())


PERSISTENT = (
    f"stromal_type.msc.speed={SPEED * HOUR} um/h",
    "stromal_type.msc.persistence_time=2 h",
)


@pytest.mark.parametrize("hours", [1.0, 4.0, 12.0])
def test_mean_squared_displacement_of_msc_is_that_of_a_persistent_random_walk(hours):
    squares = squared_displacements(hours * HOUR, *PERSISTENT)
    error = squares.std() / math.sqrt(len(squares))
    assert squares.mean() == pytest.approx(law(hours * HOUR), abs=4 * error + 0.01 * law(HOUR))
    # Neither straight ahead nor without memory.
    straight, erratic = (SPEED * hours * HOUR) ** 2, 2.0 * SPEED**2 * PERSISTENCE * hours * HOUR
    assert abs(squares.mean() - straight) > 4 * error
    assert abs(squares.mean() - erratic) > 4 * error


def test_steps_longer_than_the_persistence_lengthen_the_walk_as_straight_steps_do():
    step, until = 4 * PERSISTENCE, 24 * HOUR
    squares = squared_displacements(
        until, *PERSISTENT, "numerics.growth_step=8 h", "biogenesis.retraction_time=8 h"
    )
    error = squares.std() / math.sqrt(len(squares))
    assert squares.mean() == pytest.approx(law_of_steps(until, step), abs=4 * error)
    assert squares.mean() > law(until) + 10 * error
    assert law_of_steps(until, 5 * MINUTE) == pytest.approx(law(until), rel=1e-3)


def test_the_share_of_msc_that_migrate_goes_to_its_best_times_what_the_adhesion_allows():
    few = ("dish.width=20 mm", "dish.length=20 mm", "scene.msc_number=1500", *NO_FIBRES)
    resting = seeded(model(*few, *AT_REST))
    assert not resting.bodies.migrating.any()
    # Four times the adhesion on which cells migrate best leaves 0.64 of it.
    settings = (
        "biogenesis.migrating_share=0.5",
        "biogenesis.resting_time=1 h",
        "biogenesis.optimal_adhesion=1.0",
        "substrate.fibronectin_5.anchors=2.0",
        "substrate.fibronectin_5.strength=2.0",
    )
    moving = on(resting, model(*few, *settings))
    share = 0.5 * 0.64
    for hours in (0.25, 20.0):
        expected = share * -math.expm1(-hours / share)
        error = math.sqrt(expected * (1.0 - expected) / 1500)
        found = grown(moving, hours * HOUR).bodies.migrating.mean()
        assert found == pytest.approx(expected, abs=4 * error + 0.005), hours


@given(st.floats(1e-6, 1e6), st.floats(1e-3, 1e3))
def test_cells_migrate_best_on_the_optimal_adhesion_and_alike_on_either_side(ratio, optimal):
    there = migration(ratio * optimal, optimal=optimal)
    assert 0.0 < there <= 1.0
    assert there == pytest.approx(migration(optimal / ratio, optimal=optimal), rel=1e-9)
    assert (there == pytest.approx(1.0, abs=1e-12)) == (abs(math.log(ratio)) < 2.1e-6)


CROWDED = ("dish.width=1 mm", "dish.length=1 mm", *ALWAYS_ON_THE_MOVE, *NO_FIBRES)


@pytest.mark.parametrize("spread", [0.0, 0.3])
def test_msc_stay_inside_the_walls_and_come_no_nearer_than_they_are_wide(spread):
    spec = model(
        *CROWDED,
        "scene.msc_number=120",
        f"stromal_type.msc.body_area_variation={spread}",
        "stromal_type.msc.persistence_time=20 h",
    )
    scene = seeded(spec)
    wide = np.sqrt(scene.bodies.semi_major * scene.bodies.semi_minor)
    pairs = np.triu_indices(len(wide), 1)
    together = (wide[:, None] + wide)[pairs]

    def apart(bodies):
        return np.hypot(bodies.x[:, None] - bodies.x, bodies.y[:, None] - bodies.y)[pairs]

    before = apart(scene.bodies)
    nearest = np.inf
    for n in range(1, 289):
        scene = grown(scene, n * 5 * MINUTE)
        b = scene.bodies
        assert 0.0 <= b.x.min() <= b.x.max() <= 1000.0
        assert 0.0 <= b.y.min() <= b.y.max() <= 1000.0
        # Ellipses end to end may have been placed nearer than circles of their area would be.
        distance = apart(b)
        assert (distance >= np.minimum(together, before) - 1e-9).all()
        nearest = min(nearest, (distance / together).min())
        before = distance
    assert nearest < 1.05


# Retractions


def test_all_that_cells_much_longer_than_a_view_leave_behind_is_inside_it():
    spec = model(
        "dish.width=3 mm", "dish.length=300 um", "scene.msc_density=300 1/mm**2",
        "run.culture=12 h",
    )  # fmt: skip
    # A model refuses so narrow a dish.
    spec = spec.model_copy(update={"dish": spec.dish.model_copy(update={"length": 30.0})})
    scene = migrasomes.advance(seeded(spec), 0.0)
    bodies, m, fibres = scene.bodies, scene.migrasomes, scene.fibres
    # Edges lie beyond the image of the far wall.
    assert (bodies.y + bodies.semi_major * np.abs(np.sin(bodies.angle))).max() > 60.0
    assert len(m.x) > 50
    for x, y in ((bodies.x, bodies.y), (m.x, m.y), (fibres.x, fibres.y)):
        there = np.isfinite(x)
        assert ((x[there] >= 0.0) & (x[there] <= 3000.0)).all()
        assert ((y[there] >= 0.0) & (y[there] <= 30.0)).all()


def test_a_retracting_cell_draws_in_its_share_of_area_and_leaves_fibres_all_around():
    spec = model(
        *AT_REST,
        *LASTING_FIBRES,
        *NO_MIGRASOMES,
        "biogenesis.retraction_interval=0.1 s",
        "biogenesis.retracted_share=0.6",
        "biogenesis.retraction_time=1 h",
        "scene.fibres_per_network=8.0",
    )
    before, after = seeded(spec), grown(seeded(spec), HOUR)
    area = before.bodies.semi_major * before.bodies.semi_minor
    assert after.bodies.semi_major * after.bodies.semi_minor == pytest.approx(0.4 * area)
    f, owner = after.fibres, after.fibres.body
    assert (f.origin == Origin.RETRACTION).all()
    assert len(owner) > 5 * len(area)
    # A fibre is reflected where it is seen, not where it grows.
    begins = after.growth.course[after.growth.strands["grown"]][:, :, 0]
    assert ellipse_of(before.bodies, owner, *begins.T) == pytest.approx(1.0)
    # The edges of 0.6 of the area less are this far apart along the axes.
    shrunk = 1.0 - math.sqrt(0.4)
    length = lengths(after.growth)[after.growth.strands["grown"]]
    assert length.max() <= shrunk * before.bodies.semi_major.max() * (1 + 1e-9)
    around = np.arctan2(f.y[:, 0] - after.bodies.y[owner], f.x[:, 0] - after.bodies.x[owner])
    quarters = np.histogram(around, bins=4, range=(-math.pi, math.pi))[0] / len(around)
    assert quarters.min() > 0.2


def ellipse_of(bodies, owner, x, y):
    """Where places are on their body's ellipse: 1 on its boundary."""
    turned = (x - bodies.x[owner]) + 1j * (y - bodies.y[owner])
    turned = turned * np.exp(-1j * bodies.angle[owner])
    return (turned.real / bodies.semi_major[owner]) ** 2 + (
        turned.imag / bodies.semi_minor[owner]
    ) ** 2


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


# Migrasomes


def test_migrasomes_on_a_fibre_keep_their_distance_and_fill_it_as_cars_park():
    scene = network()
    spacing = 4.0
    spec = model(
        *AT_REST, *NO_FIBRES, *LASTING_FIBRES, *LASTING_MIGRASOMES,
        "biogenesis.nucleation=1000 1/(um*h)",
        f"biogenesis.migrasome_spacing={spacing} um",
        "biogenesis.junction_length=0 um",
    )  # fmt: skip
    growth = grown(on(scene, spec), 48 * HOUR).growth
    filled = []
    for strand, (x, y) in zip(growth.strands, growth.course, strict=True):
        places, bud = [], strand["head"]
        while bud >= 0:
            places.append(complex(growth.buds["x"][bud], growth.buds["y"][bud]))
            bud = growth.buds["following"][bud]
        apart = np.abs(np.subtract.outer(places, places))
        assert (apart[~np.eye(len(places), dtype=bool)] >= spacing).all()
        way = abs(np.diff((x + 1j * y)[: strand["count"]]))
        if way.sum() > 15 * spacing and strand["grown"]:
            filled.append(len(places) * spacing / (way.sum() + spacing))
    # Renyi's parking constant; bends bring places nearer to each other than along the fibre.
    assert len(filled) > 20
    assert np.mean(filled) == pytest.approx(0.7476, abs=0.06)


@pytest.mark.parametrize(
    ("treatment", "factor"), [(None, 1.0), ("tspan4_oe", 3.0), ("itgb1_kd", 0.3)]
)
def test_a_change_of_genes_multiplies_the_rate_at_which_migrasomes_form(treatment, factor):
    scene = network()
    settings = [] if treatment is None else [f"treatments.{treatment}={{}}"]
    nucleation = 0.05
    spec = model(
        *AT_REST, *NO_FIBRES, *LASTING_FIBRES, *LASTING_MIGRASOMES, *settings,
        f"biogenesis.nucleation={nucleation} 1/(um*h)",
        "biogenesis.junction_length=0 um",
        "biogenesis.migrasome_spacing=1e-4 um",
        f"agent.{treatment or 'tspan4_oe'}.factor={factor}",
    )  # fmt: skip
    first = grown(on(scene, spec, schedule(spec).perturbation(0.0)), 16 * HOUR + 5 * MINUTE)
    long = lengths(scene.growth)[scene.growth.strands["grown"]]
    expected = factor * nucleation * long.sum() * 5 / 60
    found = len(first.migrasomes.x)
    assert found == pytest.approx(expected, abs=4 * math.sqrt(expected))
    assert found > 20


def test_migrasomes_form_all_along_a_fibre_and_on_its_owner():
    scene = network()
    spec = model(
        *AT_REST, *NO_FIBRES, *LASTING_FIBRES, *LASTING_MIGRASOMES,
        "biogenesis.nucleation=2 1/(um*h)", "biogenesis.junction_length=0 um",
    )  # fmt: skip
    full = grown(on(scene, spec), 20 * HOUR)
    growth, m = full.growth, full.migrasomes
    shares = []
    for strand, (x, y) in zip(growth.strands, growth.course, strict=True):
        place = x + 1j * y
        bud = strand["head"]
        course = place[: strand["count"]]
        long = abs(np.diff(course)).sum()
        across, along_it = course.real, course.imag
        if min(across.min(), along_it.min()) < 0.0 or max(across.max(), along_it.max()) > 2240.0:
            continue
        while bud >= 0:
            assert m.body[bud] == strand["owner"]
            k = growth.buds["vertex"][bud] - strand["first"]
            along = abs(m.x[bud] + 1j * m.y[bud] - place[k])
            rest = abs(m.x[bud] + 1j * m.y[bud] - place[k + 1])
            assert along + rest == pytest.approx(abs(place[k + 1] - place[k]), abs=1e-9)
            shares.append((abs(np.diff(place[: k + 1])).sum() + along) / long)
            bud = growth.buds["following"][bud]
    # Evenly spread numbers in [0, 1]: mean 1/2, variance 1/12.
    assert len(shares) > 1000
    assert np.mean(shares) == pytest.approx(0.5, abs=4 / math.sqrt(12 * len(shares)))
    assert np.mean(np.square(shares)) == pytest.approx(1 / 3, abs=0.04)


def shifted(spec_settings, dose="1 uM", substrate="fibronectin_5"):
    return model(*spec_settings, f"treatments.glpg0187.dose={dose}", f"scene.substrate={substrate}")


def test_glpg0187_stops_migration_on_fibronectin_and_not_on_poly_l_lysine():
    open_dish = ("dish.width=20 mm", "dish.length=20 mm", "scene.msc_number=300", *NO_FIBRES)
    went = {}
    for substrate in ("fibronectin_5", "poly_l_lysine"):
        untreated = model(*open_dish, f"scene.substrate={substrate}")
        for spec in (untreated, shifted(open_dish, substrate=substrate)):
            before = seeded(spec)
            after = grown(before, 24 * HOUR).bodies
            squares = (after.x - before.bodies.x) ** 2 + (after.y - before.bodies.y) ** 2
            went[substrate, bool(spec.treatments)] = squares.mean()
    assert went["fibronectin_5", True] < 0.1 * went["fibronectin_5", False]
    assert went["poly_l_lysine", True] > 0.5 * went["poly_l_lysine", False]
    assert went["fibronectin_5", False] > 1000.0


def test_an_integrin_blocker_removes_their_share_of_the_anchors():
    spec = model("substrate.fibronectin_5.integrin_share=0.9")
    free, half = (rates_of(spec, Perturbation(blocked_integrins=b)) for b in (0.0, 0.5))
    assert half.tethering == pytest.approx(0.55 * free.tethering)
    assert half.retraction == pytest.approx(0.55 * free.retraction)
    # How long fibres last is a matter of each anchor's strength.
    assert (half.breakage, half.nucleation) == (free.breakage, free.nucleation)
    best = migration(0.55 * spec.substrate["fibronectin_5"].anchors
                     * spec.substrate["fibronectin_5"].strength,
                     optimal=spec.biogenesis.optimal_adhesion)  # fmt: skip
    assert half.speed == pytest.approx(best * spec.stroma.speed)


def test_migrasomes_grow_and_mature_with_their_age():
    settings = (
        *LASTING_MIGRASOMES, *LASTING_FIBRES, *AT_REST, *NO_FIBRES,
        "biogenesis.nucleation=1 1/(um*h)",
        "biogenesis.growth_time=40 min", "biogenesis.cd166_gathering_time=30 min",
        "biogenesis.early_diameter=0.5 um", "scene.migrasome_diameter=2 um",
        "scene.migrasome_diameter_variation=0.3",
    )  # fmt: skip
    scene = on(network(), model(*settings))
    now = 17 * HOUR
    young, old = grown(scene, now).migrasomes, grown(scene, 60 * HOUR).migrasomes
    count = len(young.x)
    assert count > 500
    age = now - young.birth
    assert (age.min(), age.max()) == (0.0, 55 * MINUTE)
    # 43 h later those of the first hour have their final size.
    final = old.radius[:count]
    shown = final - (final - 0.25) * np.exp(-age / (40 * MINUTE))
    assert young.radius == pytest.approx(shown, rel=1e-9)
    assert young.radius[age == 0.0] == pytest.approx(0.25)
    assert young.maturity == pytest.approx((1.0 - np.exp(-age / (30 * MINUTE))) ** 2, abs=1e-12)
    assert old.maturity[:count] == pytest.approx(1.0, abs=1e-9)
    # A log-normal number's relative variance is exp(spread^2) - 1.
    error = 4 * math.sqrt(math.expm1(0.3**2) / count)
    assert 2 * final.mean() == pytest.approx(2.0, rel=error)


@pytest.fixture(scope="module")
def short_lived():
    """Migrasomes of 3 h in the mean, on fibres that last."""
    spec = model(
        *LASTING_FIBRES, *LASTING_MIGRASOMES, *AT_REST, *NO_FIBRES,
        "biogenesis.nucleation=0.2 1/(um*h)", "biogenesis.migrasome_lifetime=3 h",
    )  # fmt: skip
    return grown(on(network(), spec), 40 * HOUR)


def test_lives_of_migrasomes_are_exponential_about_their_mean(short_lived):
    m = short_lived.migrasomes
    life, count = (m.end - m.birth) / HOUR, len(m.x)
    assert count > 1000
    assert life.mean() == pytest.approx(3.0, abs=4 * 3.0 / math.sqrt(count))
    assert np.mean(life > 3.0) == pytest.approx(math.exp(-1), abs=2 / math.sqrt(count))
    assert np.array_equal(m.present, m.end > 40 * HOUR)
    assert (m.fate == Fate.RUPTURES).all()


def test_those_that_are_gone_make_room_for_others(short_lived):
    growth = short_lived.growth
    load = loads(growth)
    assert load.sum() == short_lived.migrasomes.present.sum()
    assert short_lived.migrasomes.present.mean() < 0.3


DETACHING = (
    *LASTING_FIBRES, *LASTING_MIGRASOMES, *AT_REST, *NO_FIBRES,
    "biogenesis.nucleation=1 1/(um*h)", "biogenesis.detachment_rate=1 1/h",
    "biogenesis.retention=3.0",
)  # fmt: skip


def test_of_detached_migrasomes_the_odds_to_stay_are_those_of_retention():
    for strength, odds in ((1.0, 3.0), (2.0, 6.0)):
        spec = model(
            *DETACHING, "biogenesis.drift_rate=0 1/h",
            f"substrate.fibronectin_5.strength={strength}",
        )  # fmt: skip
        m = grown(on(network(), spec), 24 * HOUR).migrasomes
        free = m.body == NO_BODY
        stays = m.present[free].mean()
        share = odds / (1.0 + odds)
        error = math.sqrt(share * (1.0 - share) / free.sum())
        assert free.sum() > 500
        assert stays == pytest.approx(share, abs=4 * error)
        gone = free & ~m.present
        assert (m.fate[gone] == Fate.DRIFTS_AWAY).all()
        assert m.present[~free].all()


def test_detached_migrasomes_drift_away_at_their_rate():
    spec = model(*DETACHING, "biogenesis.drift_rate=0.5 1/h", "biogenesis.retention=1e9")
    scene = grown(on(network(), spec), 30 * HOUR)
    m, buds = scene.migrasomes, scene.growth.buds
    free = m.body == NO_BODY
    # It detaches at the first step after its time.
    stay = (m.end - buds["detaching"])[free] / HOUR
    assert free.sum() > 500
    assert stay.mean() == pytest.approx(2.0 + 2.5 / 60, abs=4 * 2.0 / math.sqrt(free.sum()))
    assert np.median(stay) == pytest.approx(2.0 * math.log(2.0), rel=0.15)


def test_a_broken_fibre_detaches_the_migrasomes_of_the_lost_part():
    spec = model(
        *AT_REST, *NO_FIBRES, *LASTING_FIBRES, *LASTING_MIGRASOMES,
        "biogenesis.nucleation=1 1/(um*h)", "biogenesis.retention=1e9",
        "biogenesis.drift_rate=0 1/h",
    )  # fmt: skip
    whole = grown(on(network(), spec), 20 * HOUR)
    breaking = model(
        *AT_REST, *NO_FIBRES, *LASTING_FIBRES, *LASTING_MIGRASOMES, *NO_MIGRASOMES,
        "biogenesis.fibre_breakage=0.001 1/(um*h)", "biogenesis.retention=1e9",
        "biogenesis.drift_rate=0 1/h",
    )  # fmt: skip
    broken = grown(on(whole, breaking), 22 * HOUR)
    assert (whole.migrasomes.body != NO_BODY).all()
    m = broken.migrasomes
    assert m.present.all()
    free = m.body == NO_BODY
    assert 0.1 < free.mean() < 0.9
    assert loads(broken.growth).sum() == np.count_nonzero(~free)
    # Nothing that is left behind moves.
    assert np.array_equal(m.x, whole.migrasomes.x)


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
