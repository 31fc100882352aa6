"""Numbers that are none: no kernel reads beyond its arrays, and no run goes on with them."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sdf1_field.errors import RunError, Sdf1FieldWarning
from sdf1_field.exposure import Exposure
from sdf1_field.record import open_run, partial_path, solve
from sdf1_field.scene import place_scene
from sdf1_field.simulation import begin, prepare, simulate, soundness
from sdf1_field.solvers import cosine, linear
from sdf1_field.spec import load_model

WRONG_PLACES = """
import json
from dataclasses import replace

import numpy as np

from conftest import TINY
from sdf1_field.analysis.space import Outlines, nearest_edge
from sdf1_field.cells import (
    Cells,
    adhesion_map,
    advance,
    advance_with_uptake,
    advected,
    cell_parameters,
    detach_unsupported,
)
from sdf1_field.exposure.sampling import SubgridField, Stimulus, coefficients
from sdf1_field.migrasomes import advance as grow_on
from sdf1_field.neighbours import Buckets
from sdf1_field.scene import body_under, place_scene, region_map, touched_fibres
from sdf1_field.simulation import begin, model_grid, prepare
from sdf1_field.spec import load_model
from sdf1_field.variation import dish_factors

WRONG = np.array([np.nan, np.inf, -np.inf, 1e300, -1e300, 1e19, -5.0, 1e4])
spec = load_model("coculture-kg1a", settings=[*TINY, "mechanisms.crowding=true"]).spec
grid, scene = model_grid(spec), place_scene(spec, 1, secretion_factor=1.0)
x, y = (v.ravel() for v in np.meshgrid(WRONG, WRONG))
found = {}

rows, columns = grid.index(x, y)
found["index"] = [int(rows.min()), int(rows.max()), int(columns.min()), int(columns.max())]
outside = np.isfinite(x) & np.isfinite(y)
one = np.ones(len(x))
found["spread"] = float(np.nansum(grid.spread(x[6:8], x[6:8], one[:2], 12.0)))
grid.deposit(x, y, one)
grid.spread(x, y, one, 12.0)
grid.spread(x[6:8], x[6:8], one[:2], 1e300)
grid.spread(x[6:8], x[6:8], one[:2], np.nan)

# A floor with sources of their own profile, for cells that see, crowd, catch and swallow.
subgrid = SubgridField(
    np.array([50.0, 250.0]), np.array([50.0, 250.0]),
    Buckets(0.0, 0.0, 2.0 / grid.width, 2.0 / grid.length, 2, 2), np.array([0, 1, 1, 1, 2]), 30.0,
    np.ones((2, 40, 2)),
)
flat = coefficients(np.ones((grid.ny, grid.nx)))
seen = Stimulus(flat, flat, False, subgrid._replace(profile=np.ones((2, 40, 4))))
hold = adhesion_map(spec, scene, grid)
for crowding in (True, False):
    factors = dish_factors(spec, 1)
    parameters = cell_parameters(spec, factors, competition=0.0)._replace(crowding=crowding)
    cells = Cells(x, y, one, 0.0 * one, x, y, x, np.arange(len(x)) % 2 == 0, 0)
    for wild in (parameters, parameters._replace(speed=np.inf), parameters._replace(radius=np.nan)):
        advance(cells, grid, seen, hold, wild, duration=60.0, time_step=5.0, seed=1)
    advance_with_uptake(
        cells, grid, seen, hold, parameters._replace(migrasome_uptake_rate=1.0), scene,
        duration=60.0, time_step=5.0, seed=1,
    )
    detach_unsupported(cells, hold)

# A stroma whose parts are nowhere.
def somewhere(values):
    return np.resize(WRONG, len(values))

lost = replace(
    scene,
    bodies=replace(
        scene.bodies, x=somewhere(scene.bodies.x), semi_major=somewhere(scene.bodies.x) ** 2
    ),
    migrasomes=replace(
        scene.migrasomes,
        x=somewhere(scene.migrasomes.x),
        radius=somewhere(scene.migrasomes.x)[::-1].copy(),
    ),
    fibres=replace(scene.fibres, x=np.resize(WRONG, scene.fibres.x.shape)),
)
region_map(lost, grid, outline_margin=3.0)
adhesion_map(spec, lost, grid)
touched_fibres(lost, grid, reach=6.0)
body_under(lost.bodies, x, y)
advected(cells, grid, scene, lost)
outlines = Outlines(*(np.full(20, v) + np.arange(20) for v in (50.0, 60.0, 9.0, 5.0, 0.0)))
found["edges"] = nearest_edge(outlines, np.append(x, 150.0), np.append(y, 60.0)).distance[-1]
found["edge"] = nearest_edge(outlines, np.array([150.0]), np.array([60.0])).distance[0]

growing = load_model("coculture-kg1a", settings=[*TINY, "scene.mode=grown"]).spec
grown = begin(prepare(growing, 1), 1).scene
for name in ("x", "y", "semi_major", "heading"):
    walkers = grown.growth.cells.copy()
    walkers[name] = somewhere(walkers[name])
    grow_on(replace(grown, growth=replace(grown.growth, cells=walkers)), 0.0)
print(json.dumps(found))
"""


def in_a_process(script):
    """What a script prints as JSON; a crash of its interpreter fails the test, not the tests."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script],
        cwd=Path(__file__).parent, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.slow
def test_no_kernel_reads_or_writes_beyond_its_arrays_wherever_things_are():
    found = in_a_process(WRONG_PLACES)
    assert found["index"] == [0, 29, 0, 29]
    assert found["spread"] == pytest.approx(2.0, rel=1e-12)
    assert found["edges"] == pytest.approx(found["edge"], rel=1e-12)


WILD_MODELS = """
import json

from conftest import TINY
from sdf1_field.errors import RunError
from sdf1_field.simulation import simulate
from sdf1_field.spec import load_model

# Set past the schema, whose bounds refuse such values.
spec = load_model("coculture-kg1a", settings=[*TINY, "run.duration=30 min"]).spec

def cell_type(**values):
    kind = spec.cells.type
    return {"cell_type": {**spec.cell_type, kind: spec.cell_type[kind].model_copy(update=values)}}

def receptor(**values):
    changed = spec.receptor.cxcr4.model_copy(update=values)
    return {"receptor": spec.receptor.model_copy(update={"cxcr4": changed})}

said = []
for update in (
    cell_type(persistence_time=1e-40),
    cell_type(persistence_time=60.0 * 4e-100),
    receptor(coat_share=1e160),
):
    try:
        said.append([len(list(simulate(spec.model_copy(update=update), seed=1)))])
    except RunError as error:
        said.append(str(error))
print(json.dumps(said))
"""


@pytest.fixture(scope="module")
def wild():
    return in_a_process(WILD_MODELS)


@pytest.mark.parametrize(
    ("case", "key"), [(0, "persistence"), (1, "persistence"), (2, "coat_share")]
)
def test_cells_that_lose_their_way_end_the_run_with_time_place_quantity_and_key(wild, case, key):
    assert isinstance(wild[case], str), wild[case]
    time, place, rest = wild[case].split(": ", 2)
    assert time.startswith("t = ")
    assert 0.0 < float(time.removeprefix("t = ").removesuffix(" s")) <= 900.0
    assert place.startswith("haematopoietic cell ")
    x, y = (float(part.split(" = ")[1].removesuffix(" um")) for part in place.split(", ")[1:])
    assert 0.0 <= x <= 300.0
    assert 0.0 <= y <= 300.0
    assert rest.startswith("is not inside the walls")
    assert key in rest


# States that no dish can be in


@pytest.fixture(scope="module")
def dish():
    """Setting, grid and last state of a short co-culture."""
    from conftest import TINY

    spec = load_model("coculture-kg1a", settings=[*TINY, "run.duration=15 min"]).spec
    *_, last = simulate(spec, seed=1)
    return prepare(spec, 1), last.stop


def require_sound(prepared, state, *, numerics=None, **options):
    soundness.require_sound(
        state, prepared.grid, prepared.solvers, prepared.equations,
        numerics or prepared.spec.numerics, **options,
    )  # fmt: skip


def refusal(prepared, state, **options):
    with pytest.raises(RunError) as caught:
        require_sound(prepared, state, **options)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


def spoilt(values, at, value):
    values = np.array(values)
    values[at] = value
    return values


def with_field(state, **changes):
    return replace(state, fields={**state.fields, "sdf1": replace(state.fields["sdf1"], **changes)})


def test_what_a_run_reaches_is_sound(dish):
    prepared, state = dish
    require_sound(prepared, state)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(
    ("part", "quantity"), [("layer", "concentration"), ("bound", "bound ligand")]
)
def test_a_field_that_is_not_finite_is_refused_with_its_ligand_place_and_quantity(
    dish, part, quantity, value
):
    prepared, state = dish
    values = spoilt(getattr(state.fields["sdf1"], part), (3, 7), value)
    text = refusal(prepared, with_field(state, **{part: values}))
    assert text.startswith(f"t = 900 s: ligand sdf1, x = 75 um, y = 35 um: {quantity} is not")


@pytest.mark.parametrize(
    ("tolerance", "share", "sound"),
    [
        (5e-3, 1e-6, True),
        (5e-3, 9e-3, True),
        (5e-3, 2e-2, False),
        (0.1, 0.15, True),
        (0.1, 0.25, False),
        (1e-6, 1e-3, False),
    ],
)
def test_a_concentration_may_be_below_zero_by_twice_the_tolerance_of_the_largest(
    dish, tolerance, share, sound
):
    prepared, state = dish
    numerics = prepared.spec.numerics.model_copy(update={"tolerance": tolerance})
    layer = state.fields["sdf1"].layer
    changed = with_field(state, layer=spoilt(layer, (3, 7), -share * layer.max()))
    if sound:
        require_sound(prepared, changed, numerics=numerics)
    else:
        text = refusal(prepared, changed, numerics=numerics)
        assert "x = 75 um, y = 35 um: concentration -" in text
        assert "is below zero. Lower numerics.tolerance or grid.spacing." in text


@pytest.mark.parametrize(("least", "sound"), [(-0.9e-9, True), (-1.1e-9, False)])
def test_a_field_of_nothing_may_be_below_zero_by_the_absolute_tolerance(dish, least, sound):
    prepared, state = dish
    assert prepared.spec.numerics.absolute_tolerance == 1e-9
    field = state.fields["sdf1"]
    changed = with_field(state, bound=spoilt(0.0 * field.bound, (3, 7), least))
    # Without the books, from which the coat is missing now.
    if sound:
        require_sound(prepared, changed, steady=True)
    else:
        assert "bound ligand -1.1e-09 is below zero" in refusal(prepared, changed, steady=True)
    # A field that is negative everywhere has no largest value to be measured by.
    negative = with_field(state, bound=0.0 * field.bound - 1e-3)
    assert "bound ligand -0.001 is below zero" in refusal(prepared, negative, steady=True)


@pytest.mark.parametrize(
    ("linear", "sweep", "share"),
    [
        (1e-10, 1e-8, 1.01e-5),
        (1e-12, 1e-12, 1e-6),
        (1e-5, 1e-8, 1.001e-2),
        (1e-10, 1e-5, 1.00001e-2),
        (1e-3, 1e-8, 0.1),
    ],
)
def test_fipy_may_err_by_what_its_linear_solves_and_sweeps_leave(dish, linear, sweep, share):
    numerics = dish[0].spec.numerics
    own = numerics.fipy.model_copy(update={"linear_tolerance": linear, "sweep_tolerance": sweep})
    # The cosine solver's tolerance is not read.
    allowed = soundness.allowance(
        numerics.model_copy(update={"solver": "fipy", "fipy": own, "tolerance": 1e-8})
    )
    assert (allowed.below, allowed.missing) == pytest.approx((share, share), rel=1e-9)
    remedy = "Lower numerics.fipy.linear_tolerance or numerics.fipy.sweep_tolerance."
    assert (allowed.below_remedy, allowed.missing_remedy) == (remedy, remedy)
    of_cosine = soundness.allowance(numerics)
    assert "fipy" not in of_cosine.below_remedy + of_cosine.missing_remedy


@pytest.mark.slow
def test_a_loose_fipy_run_is_allowed_what_is_missing_from_its_books(tiny):
    settings = [*tiny, "numerics.solver='fipy'", "numerics.fipy.linear_tolerance=1e-4",
                "run.culture=10 min", "run.duration=10 min"]  # fmt: skip
    spec = load_model("coculture-kg1a", settings=settings).spec
    prepared = prepare(spec, 1)
    *_, last = simulate(spec, seed=1)
    field, solver = last.fields["sdf1"], prepared.solvers["sdf1"]
    missing = field.ledger.imbalance(
        solver.in_medium(prepared.equations["sdf1"], field),
        solver.on_coat(prepared.equations["sdf1"], field),
    )
    # More than is allowed at the default tolerance.
    assert 1.01e-5 < abs(missing) < 1e-2
    lost = replace(field, ledger=field.ledger.book(degraded=0.2 * field.ledger.secreted))
    changed = replace(last.stop, fields={**last.fields, "sdf1": lost})
    assert refusal(prepared, changed).endswith(
        "audit. Lower numerics.fipy.linear_tolerance or numerics.fipy.sweep_tolerance."
    )


@pytest.mark.parametrize(("share", "sound"), [(1e-8, True), (1e-5, False), (np.nan, False)])
def test_molecules_missing_from_the_books_are_refused(dish, share, sound):
    prepared, state = dish
    ledger = state.fields["sdf1"].ledger
    changed = with_field(state, ledger=ledger.book(degraded=share * ledger.secreted))
    if sound:
        require_sound(prepared, changed)
    else:
        text = refusal(prepared, changed)
        assert text.startswith("t = 900 s: ligand sdf1, whole dish: ")
        assert "missing from the mass audit" in text
        # Of a steady state no books are kept.
        require_sound(prepared, changed, steady=True)


@pytest.mark.parametrize(
    ("part", "value", "found"),
    [
        ("x", np.nan, "is not inside the walls"),
        ("x", 300.1, "is not inside the walls"),
        ("y", -0.1, "is not inside the walls"),
        ("heading_x", 3.0, "has no direction"),
        ("heading_y", np.nan, "has no direction"),
        ("heading_y", 1e200, "has no direction"),
    ],
)
def test_a_cell_that_is_nowhere_is_refused_with_its_number_and_where_it_was(
    dish, part, value, found
):
    prepared, state = dish
    last = state.cells
    cells = replace(last, **{part: spoilt(getattr(last, part), 4, value)})
    text = refusal(prepared, replace(state, cells=cells), last=state)
    place = f"x = {last.x[4]:.6g} um, y = {last.y[4]:.6g} um"
    assert text.startswith(f"t = 900 s: haematopoietic cell 4, {place}: {found}")
    assert "(1 of 30 are wrong)" in text


@pytest.mark.parametrize(
    ("group", "part", "at", "value", "what"),
    [
        ("bodies", "x", 1, np.nan, "MSC 1"),
        ("bodies", "semi_minor", 1, np.inf, "MSC 1"),
        ("bodies", "angle", 1, np.nan, "MSC 1"),
        ("migrasomes", "y", 2, 301.0, "migrasome 2"),
        ("migrasomes", "radius", 2, np.nan, "migrasome 2"),
        ("fibres", "x", (3, 2), -1.0, "fibre 3"),
        ("fibres", "y", (3, 0), np.nan, "fibre 3"),
    ],
)
def test_a_stroma_beyond_the_walls_or_without_a_size_is_refused(dish, group, part, at, value, what):
    prepared, state = dish
    parts = getattr(state.scene, group)
    changed = replace(parts, **{part: spoilt(getattr(parts, part), at, value)})
    text = refusal(prepared, replace(state, scene=replace(state.scene, **{group: changed})))
    assert text.startswith(f"t = 900 s: {what}, x = ")


@pytest.mark.parametrize(
    ("x", "y", "inside"),
    [(10.0, 150.0, True), (150.0, 300.0, True), (40.0, 40.0, False), (256.5, 256.5, False)],
)
def test_a_round_well_ends_at_its_circle(dish, x, y, inside):
    prepared, state = dish
    grid = replace(prepared.grid, round=True)
    # All in the middle, but for one in a corner of the square around the well.
    middle = 150.0 + 0.0 * state.cells.x
    cells = replace(state.cells, x=spoilt(middle, 4, x), y=spoilt(middle, 4, y))
    if inside:
        soundness.require_sound_cells(cells, grid)
    else:
        with pytest.raises(RunError, match=r"cell 4, x = .* is not inside the walls"):
            soundness.require_sound_cells(cells, grid)
        soundness.require_sound_cells(cells, prepared.grid)


def test_the_coat_around_migrasomes_is_looked_at(dish):
    prepared, state = dish
    coated = spoilt(np.zeros((5, 20)), (2, 3), np.nan)
    text = refusal(prepared, replace(state, exposure=Exposure(coated)))
    assert text.startswith("t = 900 s: source 2: the coat around the migrasome is not finite")


def test_a_stroma_without_cells_is_sound():
    from conftest import TINY

    spec = load_model("coculture-kg1a", settings=[*TINY, "scene.msc_density=0 1/mm**2"]).spec
    prepared = prepare(spec, 1)
    assert len(place_scene(spec, 1, secretion_factor=1.0).bodies.x) == 0
    require_sound(prepared, begin(prepared, 1))


# Runs that break


def break_from(monkeypatch, time, **changes):
    """Let the solver give a field with something wrong from a time on."""
    whole = linear.advance

    def broken(prepared, state, secretion, until, **options):
        after = whole(prepared, state, secretion, until, **options)
        if until < time:
            return after
        parts = {part: change(getattr(after, part)) for part, change in changes.items()}
        return replace(after, **parts)

    monkeypatch.setattr(linear, "advance", broken)


def test_a_run_that_breaks_keeps_what_it_had_and_says_up_to_when(tiny, tmp_path, monkeypatch):
    path = tmp_path / "run.nc"
    model = load_model("coculture-kg1a", settings=tiny)
    break_from(monkeypatch, 3600.0, layer=lambda values: spoilt(values, (3, 7), np.nan))
    with pytest.raises(
        RunError,
        match=r"t = 3600 s: ligand sdf1, x = 75 um, y = 35 um: concentration is not finite\. .*"
        r"run\.nc\.partial, good up to 45 min; start over with force\.",
    ):
        solve(model, path, seed=1)
    assert [p.name for p in tmp_path.iterdir()] == ["run.nc.partial"]
    with pytest.warns(Sdf1FieldWarning, match="interrupted at 45 min"):
        shown = open_run(partial_path(path), interrupted=True)
    with shown as kept:
        assert kept["cell_time"].values.max() == 2700.0
        assert np.isfinite(kept["cell_x"].values).all()
    monkeypatch.undo()
    solve(model, path, seed=1, force=True)
    with open_run(path) as run:
        assert run["time"].values[-1] == 7200.0
    assert [p.name for p in tmp_path.iterdir()] == ["run.nc"]


def test_a_run_that_breaks_before_its_first_output_leaves_nothing(tiny, tmp_path, monkeypatch):
    break_from(monkeypatch, -1e9, layer=lambda values: spoilt(values, (0, 0), np.nan))
    with pytest.raises(RunError, match=r"t = .*concentration is not finite") as caught:
        solve(load_model("coculture-kg1a", settings=tiny), tmp_path / "run.nc", seed=1)
    assert "partial" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_steady_state_below_zero_is_refused(tiny, steady_model, monkeypatch):
    whole = cosine.steady

    def broken(*arguments, **options):
        state = whole(*arguments, **options)
        return replace(state, layer=spoilt(state.layer, (3, 7), -state.layer.max()))

    monkeypatch.setattr(cosine, "steady", broken)
    with pytest.raises(RunError, match=r"x = 75 um, y = 35 um: concentration -.* is below zero"):
        list(simulate(load_model(str(steady_model), settings=tiny).spec, seed=1))
