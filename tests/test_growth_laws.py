"""Laws of a stroma that grows: persistent walks, retractions, rates of migrasomes."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from growth_builders import (
    ALWAYS_ON_THE_MOVE,
    AT_REST,
    HOUR,
    LASTING_FIBRES,
    LASTING_MIGRASOMES,
    MINUTE,
    NO_FIBRES,
    NO_MIGRASOMES,
    PERSISTENCE,
    SPEED,
    ellipse_of,
    grown,
    lengths,
    loads,
    model,
    network,
    on,
    seeded,
)
from sdf1_field import migrasomes
from sdf1_field.migrasomes import migration, rates_of
from sdf1_field.scene import NO_BODY, Fate, Origin
from sdf1_field.treatments import Perturbation, schedule

# How cells walk


WIDE = (
    "dish.width=20 mm",
    "dish.length=20 mm",
    "scene.msc_number=2000",
    "stromal_type.msc.body_area=50 um**2",
)


def squared_displacements(until, *settings, step=None):
    """Of cells that have met neither wall nor, but for a few, one another [um**2]."""
    spec = model(*WIDE, *ALWAYS_ON_THE_MOVE, *NO_FIBRES, *settings)
    if step is not None:
        # No model file may ask for steps longer than the persistence time.
        longer = spec.numerics.model_copy(update={"growth_step": step})
        spec = spec.model_copy(update={"numerics": longer})
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
    squares = squared_displacements(until, *PERSISTENT, "biogenesis.retraction_time=8 h", step=step)
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


# Migrasomes


@pytest.mark.slow
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
