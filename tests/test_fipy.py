"""The FiPy solver against the cosine solver, its declared order, its audit, and round wells."""

import math
from dataclasses import replace

import numpy as np
import pytest

from sdf1_field.errors import InputError, RunError
from sdf1_field.grid import Grid, make_grid
from sdf1_field.migrasomes.emission import ExponentialDecay
from sdf1_field.record import content_digest, open_run, partial_path, solve
from sdf1_field.simulation import simulate
from sdf1_field.solvers import cosine, fipy
from sdf1_field.sources import ChangingPart, Secretion, constant
from sdf1_field.spec import load_model
from sdf1_field.transport import Coat, Transport, Uptake
from sdf1_field.units import MOLECULES_PER_UM3_PER_NM

COAT = Coat(sites=6500.0, association_rate=2.16e-3, dissociation_rate=8.6e-3, loss_rate=1e-5)
BARE = Transport(diffusivity=150.0, loss_rate=1e-4)
COATED = Transport(diffusivity=150.0, loss_rate=3e-5, coat=COAT)
GRID = make_grid(120.0, 80.0, 200.0, spacing=10.0, floor_layer=5.0, layer_growth=1.4)
SECRETION = np.random.default_rng(1).random((GRID.ny, GRID.nx)) * 1e-4
SECRETED = constant(SECRETION, GRID.dx * GRID.dy)
FINE = cosine.Tolerances(relative=1e-7, absolute=1e-15, first_step=1e-2)
TIGHT = fipy.Tolerances()
EXACT = fipy.Tolerances(linear_solver="lu", linear_tolerance=1e-15)
DOSE = 12.6
STRIPED = replace(COAT, sites=np.where(GRID.x // 30.0 % 2.0 == 0.0, 6500.0, 0.0) * np.ones((8, 1)))


def absorbing(seed, capacity, half_saturation=0.5):
    """Cells at ten random places, each with a capacity [molecules/s]."""
    places = np.random.default_rng(seed).random((2, 10)) * [[GRID.width], [GRID.length]]
    amount = GRID.deposit(*places, np.full(10, capacity))
    return Uptake(amount / (GRID.dx * GRID.dy), half_saturation)


CELLS = absorbing(2, 20.0)


def deviation(values):
    return values - values.mean()


def apart(first, second):
    return np.abs(first - second).max() / max(np.abs(second).max(), 1e-300)


@pytest.mark.parametrize(
    ("transport", "uptake", "strength"),
    [
        (BARE, None, 1.0),
        (Transport(diffusivity=150.0, loss_rate=0.0, bath=0.0), None, 1.0),
        (Transport(diffusivity=150.0, loss_rate=1e-4, bath=1e-3), None, 1.0),
        (COATED, None, 1.0),
        (Transport(diffusivity=150.0, loss_rate=3e-5, coat=COAT, bath=DOSE), None, 1.0),
        (replace(COATED, coat=STRIPED), None, 1.0),
        (replace(COATED, coat=STRIPED), None, 1e5),
        (BARE, CELLS, 1.0),
        (BARE, CELLS, 1e4),
        (replace(BARE, mixed=300.0), None, 1.0),
        (replace(COATED, coat=STRIPED, mixed=300.0), CELLS, 1e3),
    ],
    ids=[
        "loss", "bath", "loss and bath", "coat", "saturated coat", "stripes", "full stripes",
        "cells", "sated cells", "mixed above", "stripes, cells, mixed above",
    ],
)  # fmt: skip
def test_both_solvers_have_the_same_steady_state(transport, uptake, strength):
    columns, volumes = (m.prepare(GRID, transport, t) for m, t in ((cosine, FINE), (fipy, EXACT)))
    flux = strength * SECRETION
    exact = cosine.steady(columns, flux, time=0.0, uptake=uptake, tolerances=FINE)
    own = fipy.steady(volumes, flux, time=0.0, uptake=uptake, tolerances=EXACT)
    assert apart(fipy.column(volumes, own), cosine.column(columns, exact)) < 1e-8
    assert apart(own.bound, exact.bound) <= 1e-8
    # What cells climb is a hundred-thousandth of a dose, and agrees as well.
    for value in ("floor", "face"):
        one, other = getattr(fipy, value)(volumes, own), getattr(cosine, value)(columns, exact)
        assert apart(deviation(one), deviation(other)) < 1e-8, value
    assert fipy.reservoir(volumes, own) == pytest.approx(
        cosine.reservoir(columns, exact), rel=1e-8, nan_ok=True
    )


def test_a_sated_steady_coat_is_nearly_full_and_needs_few_sweeps(monkeypatch):
    monkeypatch.setattr("sdf1_field.solvers.fipy.system._SWEEP_LIMIT", 8)
    volumes = fipy.prepare(GRID, replace(COATED, coat=STRIPED), EXACT)
    for strength in (1e4, 1e5, 1e6):
        state = fipy.steady(volumes, strength * SECRETION, time=0.0, uptake=CELLS, tolerances=EXACT)
    assert 0.998 < state.bound.max() / 6500.0 < 1.0
    assert (state.bound[STRIPED.sites == 0.0] == 0.0).all()


@pytest.mark.parametrize("linear_solver", ["cg", "bicgstab", "lu"])
def test_every_linear_solver_reaches_the_same_field(linear_solver):
    columns = cosine.prepare(GRID, BARE, FINE)
    exact = cosine.floor(
        columns, cosine.steady(columns, SECRETION, time=0.0, uptake=CELLS, tolerances=FINE)
    )
    tolerances = fipy.Tolerances(linear_solver=linear_solver)
    volumes = fipy.prepare(GRID, BARE, tolerances)
    own = fipy.steady(volumes, SECRETION, time=0.0, uptake=CELLS, tolerances=tolerances)
    assert apart(deviation(own.medium[0]), deviation(exact)) < 1e-8


FADING = Secretion(
    flux=SECRETION,
    total=float(SECRETION.sum()) * GRID.dx * GRID.dy,
    changing=(
        ChangingPart(
            flux=10.0 * SECRETION[::-1],
            total=10.0 * float(SECRETION.sum()) * GRID.dx * GRID.dy,
            law=ExponentialDecay(rate=0.005, since=-10.0),
        ),
    ),
)
SPAN = 300.0


def run(solver, transport, tolerances, *, secretion=SECRETED, dose=0.0, change=False, cells=0.0):
    """Face, coat, mixed medium, and what is missing from the books, after 300 s.

    Half-way, absorbing cells move, and the medium is changed.
    """
    prepared = solver.prepare(GRID, transport, tolerances)
    state = solver.start(prepared, time=0.0, tolerances=tolerances)
    state = solver.add(prepared, state, dose, tolerances=tolerances)
    for until, seed in ((0.5 * SPAN, 2), (SPAN, 3)):
        state = solver.advance(
            prepared,
            state,
            secretion,
            until,
            uptake=absorbing(seed, cells) if cells else None,
            tolerances=tolerances,
        )
        if change and until < SPAN:
            state = solver.change_medium(prepared, state, tolerances=tolerances)
    books = state.ledger.book(secreted=secretion.released(0.0, SPAN))
    held = solver.in_medium(prepared, state), solver.on_coat(prepared, state)
    assert abs(books.imbalance(*held)) < 1e-9
    assert (books.taken_up > 0.0) == (cells > 0.0)
    return (
        solver.face(prepared, state),
        state.bound,
        np.atleast_1d(solver.reservoir(prepared, state)),
    )


def missed(values, exact):
    """Relative root of the mean square."""
    return np.linalg.norm(values - exact) / max(np.linalg.norm(exact), 1e-30)


SLOW = pytest.mark.slow
STRIPES = replace(COATED, coat=STRIPED)
MIXED = replace(COATED, coat=None, mixed=300.0)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("transport", "events", "largest"),
    [
        (BARE, {}, 2e-3),
        pytest.param(COATED, {}, 0.03, marks=SLOW),
        pytest.param(COATED, {"dose": DOSE}, 0.03, marks=SLOW),
        pytest.param(STRIPES, {"secretion": FADING}, 0.03, marks=SLOW),
        (STRIPES, {"cells": 20.0}, 0.03),
        pytest.param(STRIPES, {"cells": 2e3, "dose": DOSE, "change": True}, 0.1, marks=SLOW),
        (MIXED, {"dose": DOSE, "change": True}, 0.1),
        pytest.param(
            replace(STRIPES, mixed=300.0),
            {"cells": 2e3, "dose": DOSE, "secretion": FADING},
            0.03,
            marks=SLOW,
        ),
    ],
    ids=[
        "bare", "coat", "saturated coat", "stripes, fading", "stripes, cells",
        "stripes, dose, cells, medium change", "mixed above", "all",
    ],
)  # fmt: skip
def test_transients_of_both_solvers_meet_with_first_order_in_the_step(transport, events, largest):
    near = cosine.Tolerances(relative=1e-4, absolute=1e-13, first_step=1e-2)
    exact = run(cosine, transport, near, **events)
    errors = []
    for time_step in (30.0, 15.0):
        own = run(fipy, transport, fipy.Tolerances(time_step=time_step), **events)
        errors.append([missed(*pair) for pair in zip(own, exact, strict=True)])
    coarse, fine = np.array(errors)
    measured = [True, transport.coat is not None, transport.mixed is not None]
    assert (coarse[measured] < largest).all()
    orders = np.log2(coarse[measured] / fine[measured])
    assert orders == pytest.approx(fipy.ORDER, abs=0.1)


def test_one_step_of_any_length_releases_what_fading_sources_do():
    closed = Transport(diffusivity=150.0, loss_rate=0.0, mixed=300.0)
    tolerances = fipy.Tolerances(time_step=1e4)
    volumes = fipy.prepare(GRID, closed, tolerances)
    state = fipy.start(volumes, time=0.0, tolerances=tolerances)
    state = fipy.advance(volumes, state, FADING, 600.0, tolerances=tolerances)
    expected = FADING.released(0.0, 600.0)
    assert fipy.in_medium(volumes, state) == pytest.approx(expected, rel=1e-9)


def test_the_mixed_medium_is_dosed_and_changed_with_the_rest():
    volumes = fipy.prepare(GRID, MIXED, TIGHT)
    state = fipy.start(volumes, time=0.0, tolerances=TIGHT)
    state = fipy.add(volumes, state, DOSE, tolerances=TIGHT)
    everything = DOSE * 120.0 * 80.0 * 500.0 * MOLECULES_PER_UM3_PER_NM
    assert fipy.in_medium(volumes, state) == pytest.approx(everything, rel=1e-12)
    assert state.ledger.added == pytest.approx(everything, rel=1e-12)
    assert fipy.reservoir(volumes, state) == DOSE
    assert fipy.column(volumes, state).shape == (GRID.nz, GRID.ny, GRID.nx)
    state = fipy.change_medium(volumes, state, tolerances=TIGHT)
    assert state.ledger.removed == pytest.approx(everything, rel=1e-12)
    assert fipy.in_medium(volumes, state) == fipy.reservoir(volumes, state) == 0.0
    assert math.isnan(fipy.start(fipy.prepare(GRID, BARE, TIGHT), time=0.0, tolerances=TIGHT)
                      .reservoir)  # fmt: skip


# Against the equations themselves, integrated as ordinary ones


TINY = Grid(
    width=40.0, length=30.0, nx=4, ny=3, z_edges=np.array([0.0, 5.0, 12.0, 22.0, 40.0, 70.0])
)


def integrated(transport, secretion, uptake, dose, until):
    """Medium, coat, mixed medium and what cells took up [molecules], by error-controlled steps."""
    from scipy.integrate import solve_ivp
    from scipy.optimize import brentq

    grid, coat, nu = TINY, transport.coat, MOLECULES_PER_UM3_PER_NM
    shape, h, diffusivity = (grid.nz, grid.ny, grid.nx), grid.thickness, transport.diffusivity
    cells, places = grid.nz * grid.ny * grid.nx, grid.ny * grid.nx
    resistance = 0.5 * h[0] / diffusivity

    def floor_fluxes(layer, bound, secreted):
        """Flux onto the coat and into cells of one place [molecules/(um2 s)]."""

        def fluxes(at_face, sites, held, capacity):
            onto = coat.association_rate * at_face * (sites - held)
            onto -= coat.dissociation_rate * held
            return onto, capacity * at_face / (at_face + uptake.half_saturation)

        onto, into = np.zeros(places), np.zeros(places)
        for n, (c, b, s, sites, capacity) in enumerate(
            zip(layer, bound, secreted, coat.sites.ravel(), uptake.capacity.ravel(), strict=True)
        ):

            def missing(f, c=c, b=b, s=s, sites=sites, capacity=capacity):
                return f - c - resistance / nu * (s - sum(fluxes(f, sites, b, capacity)))

            root = brentq(missing, -1e-6, 1e3, xtol=1e-15, rtol=1e-14)
            onto[n], into[n] = fluxes(root, sites, b, capacity)
        return onto, into

    def change(time, values):
        c, bound, above = values[:cells].reshape(shape), values[cells:-2], values[-2]
        gain = -transport.loss_rate * c
        for axis, apart in enumerate((np.diff(grid.z), grid.dy, grid.dx)):
            wide = np.reshape(apart, (-1, 1, 1)) if axis == 0 else apart
            flow = diffusivity * np.diff(c, axis=axis) / wide
            size = {0: h[:, None, None], 1: grid.dy, 2: grid.dx}[axis]
            before = [(0, 0)] * 3
            before[axis] = (0, 1)
            after = [(0, 0)] * 3
            after[axis] = (1, 0)
            gain += (np.pad(flow, before) - np.pad(flow, after)) / size
        secreted = secretion.at(time).ravel()
        onto, into = floor_fluxes(c[0].ravel(), bound, secreted)
        gain[0] += ((secreted - onto - into) / (h[0] * nu)).reshape(shape[1:])
        up = 2.0 * diffusivity / h[-1] * (c[-1] - above)
        gain[-1] -= up / h[-1]
        return np.concatenate([
            gain.ravel(),
            onto - coat.loss_rate * bound,
            [up.mean() / transport.mixed - transport.loss_rate * above],
            [into.sum() * grid.dx * grid.dy],
        ])  # fmt: skip

    start = np.concatenate([np.full(cells, dose), np.zeros(places), [dose, 0.0]])
    found = solve_ivp(change, (0.0, until), start, method="BDF", rtol=1e-7, atol=1e-9)
    values = found.y[:, -1]
    return values[:cells].reshape(shape), values[cells:-2], values[-2], values[-1]


@pytest.mark.parametrize("dose", [0.0, DOSE])
@pytest.mark.slow
def test_patterned_coat_uptake_and_mixed_medium_follow_their_equations_to_first_order(dose):
    rng = np.random.default_rng(3)
    shape = (TINY.ny, TINY.nx)
    sites = np.where(rng.random(shape) < 0.4, 0.0, 6500.0 * rng.random(shape))
    transport = Transport(150.0, 1e-3, Coat(sites, 2.16e-3, 8.6e-3, 1e-4), mixed=200.0)
    uptake = Uptake(np.where(rng.random(shape) < 0.5, 0.0, 3.0 * rng.random(shape)), 0.5)
    fading = ChangingPart(2.0 * rng.random(shape), 0.0, ExponentialDecay(0.025, since=-10.0))
    secretion = Secretion(flux=0.1 * rng.random(shape), total=0.0, changing=(fading,))
    exact = integrated(transport, secretion, uptake, dose, 60.0)
    errors = []
    for steps in (10, 20):
        tolerances = fipy.Tolerances(time_step=60.0 / steps)
        volumes = fipy.prepare(TINY, transport, tolerances)
        state = fipy.start(volumes, time=0.0, tolerances=tolerances)
        state = fipy.add(volumes, state, dose, tolerances=tolerances)
        state = fipy.advance(volumes, state, secretion, 60.0, uptake=uptake, tolerances=tolerances)
        own = state.medium, state.bound.ravel(), state.reservoir, state.ledger.taken_up
        errors.append([missed(*map(np.ravel, pair)) for pair in zip(own, exact, strict=True)])
    coarse, fine = np.array(errors)
    assert (fine < 0.03).all()
    *orders, taken = np.log2(coarse / fine)
    assert orders == pytest.approx([fipy.ORDER] * 3, abs=0.07)
    # At first cells are sated or starved, and the sum over few steps is short of its order.
    assert taken > 0.7


def test_a_release_adds_what_it_says():
    volumes = fipy.prepare(GRID, BARE, TIGHT)
    amount = np.zeros((GRID.ny, GRID.nx))
    amount[2, 3] = 1e4
    state = fipy.start(volumes, time=0.0, tolerances=TIGHT)
    state = fipy.release(volumes, state, amount, tolerances=TIGHT)
    assert fipy.in_medium(volumes, state) == pytest.approx(1e4, rel=1e-12)
    assert np.count_nonzero(state.medium) == 1


# Round wells


ROUND = make_grid(
    400.0, 400.0, 100.0, spacing=20.0, floor_layer=10.0, layer_growth=1.5, round_well=True
)


def test_a_round_grid_has_the_area_of_the_circle():
    fine = make_grid(
        400.0, 400.0, 100.0, spacing=2.0, floor_layer=10.0, layer_growth=1.5, round_well=True
    )
    assert fine.area == pytest.approx(math.pi * 200.0**2, rel=1e-3)


def test_a_round_well_keeps_all_ligand_inside_its_wall():
    volumes = fipy.prepare(ROUND, COATED, TIGHT)
    secretion = np.zeros((ROUND.ny, ROUND.nx))
    secretion[10, 3] = 1e-3
    state = fipy.start(volumes, time=0.0, tolerances=TIGHT)
    state = fipy.advance(volumes, state, constant(secretion), 600.0, tolerances=TIGHT)
    assert (state.medium[:, ~ROUND.inside] == 0.0).all()
    assert (state.bound[~ROUND.inside] == 0.0).all()
    books = state.ledger.book(secreted=1e-3 * volumes.cell_area * 600.0)
    held = fipy.in_medium(volumes, state), fipy.on_coat(volumes, state)
    assert abs(books.imbalance(*held)) < 1e-9


def test_the_wall_of_a_round_well_reflects():
    # Evenly secreted ligand that is lost in the medium is even, unless the wall let it out.
    volumes = fipy.prepare(ROUND, BARE, TIGHT)
    even = np.where(ROUND.inside, 1e-4, 0.0)
    state = fipy.steady(volumes, even, time=0.0, tolerances=TIGHT)
    for layer in state.medium:
        inside = layer[ROUND.inside]
        assert np.ptp(inside) < 1e-9 * inside.mean()
    expected = 1e-4 / (BARE.loss_rate * ROUND.height * MOLECULES_PER_UM3_PER_NM)
    column = (state.medium[:, 10, 10] * ROUND.thickness).sum() / ROUND.height
    assert column == pytest.approx(expected, rel=1e-9)


def test_a_disc_in_a_round_well_makes_the_field_of_modified_bessel_functions():
    # Thin medium: c'' + c'/r - c/m^2 = -s/(D H) around a secreting inner disc, mirrored at R.
    from scipy.special import iv, kv

    radius, inner, loss, height = 200.0, 100.0, 5e-2, 5.0
    length = math.sqrt(150.0 / loss)
    errors = []
    for spacing in (16.0, 8.0, 4.0):
        grid = make_grid(
            400.0, 400.0, height, spacing=spacing, floor_layer=height, layer_growth=1.0,
            round_well=True,
        )  # fmt: skip
        apart = np.hypot(grid.x[None, :] - radius, grid.y[:, None] - radius)
        secretion = np.where(apart <= inner, 1e-4, 0.0)
        volumes = fipy.prepare(grid, Transport(diffusivity=150.0, loss_rate=loss), TIGHT)
        state = fipy.steady(volumes, secretion, time=0.0, tolerances=TIGHT)
        far = 1e-4 / (loss * height * MOLECULES_PER_UM3_PER_NM)
        a, w, edge = inner / length, apart / length, radius / length
        mirrored = kv(1, a) - iv(1, a) * kv(1, edge) / iv(1, edge)
        within = far * (1.0 - a * mirrored * iv(0, w))
        beyond = far * a * iv(1, a) * (kv(0, w) + iv(0, w) * kv(1, edge) / iv(1, edge))
        exact = np.where(apart <= inner, within, beyond)
        difference = (state.medium[0] - exact)[grid.inside]
        errors.append(math.sqrt((difference**2).mean()) / far)
    # A staircase of a wall and of a source: first order at best.
    assert errors[-1] < 0.01
    assert errors[0] / errors[-1] > 2.5


ROUND_MODEL = (
    "run.mode=steady",
    "treatments={}",
    "dish.shape=round",
    "dish.width=1 mm",
    "dish.length=1 mm",
    "dish.height=200 um",
    "grid.spacing=50 um",
    "cells.density=0 1/mm**2",
    "scene.mode=placed",
    "scene.network_fraction=1.0",
    "output.ligands=['sdf1']",
)


def test_a_round_run_is_filled_outside_and_its_sources_are_all_inside(tmp_path):
    model = load_model("coculture-kg1a", settings=[*ROUND_MODEL, "numerics.solver=fipy"])
    solve(model, tmp_path / "round.nc")
    with open_run(tmp_path / "round.nc") as run:
        outside = (run["x"] - 500.0) ** 2 + (run["y"] - 500.0) ** 2 > 500.0**2
        for name in ("sdf1", "sdf1_bound", "sdf1_secretion", "region"):
            assert (run[name][0].isnull() == outside).all(), name
        rates = run["body_sdf1_secretion_rate"].sum() + run["migrasome_sdf1_secretion_rate"].sum()
        assert float(run["sdf1_secretion"].sum()) * 50.0**2 == pytest.approx(float(rates), rel=1e-9)
        assert float(run["sdf1"].min()) > 0.0
        for kind in ("body", "migrasome"):
            apart = np.hypot(run[f"{kind}_x"] - 500.0, run[f"{kind}_y"] - 500.0)
            assert float(apart.max()) <= 500.0, kind


# Whole runs

SHORT = (
    "dish.width=120 um",
    "dish.length=120 um",
    "dish.height=60 um",
    "grid.spacing=20 um",
    "grid.floor_layer=10 um",
    "run.culture=10 min",
    "run.duration=10 min",
    "output.fields_every=5 min",
    "output.ligands=['sdf1']",
    "cells.density=600 1/mm**2",
    "scene.msc_density=100 1/mm**2",
)


@pytest.mark.slow
def test_treated_runs_of_both_solvers_agree_within_the_time_step():
    floors = {}
    for solver in ("cosine", "fipy"):
        settings = [*SHORT, f"numerics.solver={solver}", "numerics.fipy.time_step=15 s"]
        spec = load_model("coculture-kg1a-sdf1-amd3100", settings=settings).spec
        *_, last = simulate(spec, seed=1)
        field = last.fields["sdf1"]
        floors[solver] = np.array([field.bound.mean(), field.bound.std(), field.ledger.removed])
        assert field.ledger.secreted > 0.0
    assert floors["fipy"] == pytest.approx(floors["cosine"], rel=1.5e-2)


@pytest.mark.slow
def test_fipy_gives_the_same_bits_with_one_and_two_threads(tmp_path):
    model = load_model("coculture-kg1a", settings=[*SHORT, "numerics.solver=fipy"])
    digests = set()
    for threads in (1, 2):
        path = tmp_path / f"{threads}.nc"
        solve(model, path, threads=threads)
        with open_run(path) as run:
            digests.add(content_digest(run))
    assert len(digests) == 1


@pytest.mark.slow
def test_an_interrupted_fipy_run_goes_on_with_the_same_bits(tmp_path):
    model = load_model("coculture-kg1a", settings=[*SHORT, "numerics.solver=fipy"])

    def stop(time):
        if time >= 300.0:
            raise KeyboardInterrupt

    solve(model, tmp_path / "whole.nc")
    with pytest.raises(KeyboardInterrupt):
        solve(model, tmp_path / "cut.nc", progress=stop)
    assert partial_path(tmp_path / "cut.nc").exists()
    solve(model, tmp_path / "cut.nc", resume=True)
    with open_run(tmp_path / "whole.nc") as whole, open_run(tmp_path / "cut.nc") as cut:
        assert content_digest(whole) == content_digest(cut)


# Refusals


def test_the_cosine_solver_refuses_a_round_well():
    with pytest.raises(RunError, match="no cosine modes"):
        cosine.prepare(ROUND, BARE, FINE)
    with pytest.raises(InputError, match=r"dish\.shape: the cosine solver needs a rectangle"):
        load_model("coculture-kg1a", settings=ROUND_MODEL)


def test_cells_in_a_round_well_are_refused():
    settings = [*ROUND_MODEL, "numerics.solver=fipy", "cells.density=130 1/mm**2"]
    with pytest.raises(InputError, match="round well has fields alone"):
        load_model("coculture-kg1a", settings=settings)


def test_conjugate_gradients_are_refused_where_a_coat_makes_the_system_unsymmetric():
    settings = ["numerics.solver=fipy", "numerics.fipy.linear_solver=cg"]
    with pytest.raises(InputError, match="'cg' needs a symmetric system"):
        load_model("coculture-kg1a", settings=settings)
    load_model("coculture-kg1a", settings=[*settings, "ligand.sdf1.coat.sites=0 sites/um**2",
                                           "ligand.ccl2.coat.sites=0 sites/um**2"])  # fmt: skip


def test_a_linear_solve_that_does_not_converge_is_an_error_with_a_remedy():
    volumes = fipy.prepare(GRID, BARE, TIGHT)
    with pytest.raises(RunError, match=r"numerics\.fipy\.linear_tolerance"):
        fipy.steady(
            volumes, SECRETION, time=0.0, tolerances=fipy.Tolerances(linear_tolerance=1e-300)
        )


def test_more_secretion_than_cells_can_take_up_has_no_steady_state():
    closed = Transport(diffusivity=150.0, loss_rate=0.0)
    volumes = fipy.prepare(GRID, closed, TIGHT)
    few = absorbing(2, 0.9 * SECRETED.total / 10.0)
    with pytest.raises(RunError, match="whether cells can take up as much"):
        fipy.steady(volumes, SECRETION, time=0.0, uptake=few, tolerances=TIGHT)
    enough = absorbing(2, 1.1 * SECRETED.total / 10.0)
    state = fipy.steady(volumes, SECRETION, time=0.0, uptake=enough, tolerances=EXACT)
    taken = enough.flux(state.face)[0].sum() * MOLECULES_PER_UM3_PER_NM * volumes.cell_area
    assert taken == pytest.approx(SECRETED.total, rel=1e-8)


def test_secretion_beyond_all_numbers_is_an_error_with_a_remedy():
    volumes = fipy.prepare(GRID, BARE, TIGHT)
    state = fipy.start(volumes, time=0.0, tolerances=TIGHT)
    with pytest.raises(RunError, match="no longer finite"):
        fipy.advance(volumes, state, constant(SECRETION * np.inf), 60.0, tolerances=TIGHT)
