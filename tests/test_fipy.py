"""The FiPy solver against the cosine solver, its declared order, its audit, and round wells."""

import math

import numpy as np
import pytest

from sdf1_field.errors import InputError, RunError
from sdf1_field.grid import make_grid
from sdf1_field.record import content_digest, open_run, partial_path, solve
from sdf1_field.simulate import simulate
from sdf1_field.solvers import cosine, fipy
from sdf1_field.spec import load_model
from sdf1_field.transport import Coat, Transport
from sdf1_field.units import MOLECULES_PER_UM3_PER_NM

COAT = Coat(sites=6500.0, association_rate=2.16e-3, dissociation_rate=8.6e-3, loss_rate=1e-5)
BARE = Transport(diffusivity=150.0, loss_rate=1e-4)
COATED = Transport(diffusivity=150.0, loss_rate=3e-5, coat=COAT)
GRID = make_grid(120.0, 80.0, 200.0, spacing=10.0, floor_layer=5.0, layer_growth=1.4)
SECRETION = np.random.default_rng(1).random((GRID.ny, GRID.nx)) * 1e-4
FINE = cosine.Tolerances(relative=1e-5, absolute=1e-13, first_step=1e-2)
TIGHT = fipy.Tolerances()
EXACT = fipy.Tolerances(linear_solver="lu", linear_tolerance=1e-15)
DOSE = 12.6


def deviation(values):
    return values - values.mean()


@pytest.mark.parametrize(
    "transport",
    [
        BARE,
        Transport(diffusivity=150.0, loss_rate=0.0, bath=0.0),
        Transport(diffusivity=150.0, loss_rate=1e-4, bath=1e-3),
        COATED,
        Transport(diffusivity=150.0, loss_rate=3e-5, coat=COAT, bath=DOSE),
    ],
    ids=["loss", "bath", "loss and bath", "coat", "saturated coat"],
)
def test_both_solvers_have_the_same_steady_state(transport):
    columns, volumes = cosine.prepare(GRID, transport), fipy.prepare(GRID, transport)
    exact = cosine.steady(columns, SECRETION, time=0.0, tolerances=FINE)
    own = fipy.steady(volumes, SECRETION, time=0.0, tolerances=EXACT)
    expected = cosine.column(columns, exact)
    assert np.abs(own.medium - expected).max() < 1e-8 * expected.max()
    assert np.abs(own.bound - exact.bound).max() <= 1e-8 * exact.bound.max()
    # What cells climb is a hundred-thousandth of a dose, and agrees as well.
    floor = expected[0]
    assert deviation(own.medium[0] - floor).std() < 1e-8 * deviation(floor).std()


@pytest.mark.parametrize("linear_solver", ["cg", "bicgstab", "lu"])
def test_every_linear_solver_reaches_the_same_field(linear_solver):
    columns, volumes = cosine.prepare(GRID, BARE), fipy.prepare(GRID, BARE)
    exact = cosine.steady(columns, SECRETION, time=0.0, tolerances=FINE).floor.concentration
    tolerances = fipy.Tolerances(linear_solver=linear_solver)
    own = fipy.steady(volumes, SECRETION, time=0.0, tolerances=tolerances)
    assert np.abs(deviation(own.medium[0] - exact)).max() < 1e-8 * np.abs(deviation(exact)).max()


def both(transport, dose, time_step):
    """Both solvers' floor, coat and state 300 s after a dose under constant secretion."""
    columns, volumes = cosine.prepare(GRID, transport), fipy.prepare(GRID, transport)
    exact = cosine.start(columns, time=0.0, tolerances=FINE)
    exact = cosine.add(columns, exact, dose, tolerances=FINE)
    exact = cosine.advance(columns, exact, SECRETION, 300.0, tolerances=FINE)
    steps = fipy.Tolerances(time_step=time_step)
    own = fipy.start(volumes, time=0.0, tolerances=steps)
    own = fipy.add(volumes, own, dose, tolerances=steps)
    own = fipy.advance(volumes, own, SECRETION, 300.0, tolerances=steps)
    return exact, own


@pytest.mark.parametrize(
    ("transport", "dose", "largest"),
    [(BARE, 0.0, 2e-3), (COATED, 0.0, 0.03), (COATED, DOSE, 0.03)],
    ids=["bare", "coat", "saturated coat"],
)
def test_transients_of_both_solvers_meet_with_first_order_in_the_step(transport, dose, largest):
    errors = []
    for time_step in (30.0, 15.0):
        exact, own = both(transport, dose, time_step)
        floor = exact.floor.concentration
        errors.append(
            (
                abs(own.medium[0].mean() - floor.mean()) / floor.mean(),
                deviation(own.bound - exact.bound).std() / max(deviation(exact.bound).std(), 1e-30),
            )
        )
    coarse, fine = np.array(errors)
    measured = [0] if transport.coat is None else [0, 1]
    assert (coarse[measured] < largest).all()
    orders = np.log2(coarse[measured] / fine[measured])
    assert orders == pytest.approx(fipy.ORDER, abs=0.1)


def test_the_fipy_audit_closes_with_dose_medium_change_bath_and_both_losses():
    transport = Transport(diffusivity=150.0, loss_rate=1e-3, coat=COAT, bath=0.1)
    volumes = fipy.prepare(GRID, transport)
    state = fipy.start(volumes, time=-60.0, tolerances=TIGHT)
    state = fipy.advance(volumes, state, SECRETION, 0.0, tolerances=TIGHT)
    before = fipy.on_coat(volumes, state)
    state = fipy.change_medium(volumes, state, tolerances=TIGHT)
    assert fipy.on_coat(volumes, state) == before > 0.0
    state = fipy.add(volumes, state, DOSE, tolerances=TIGHT)
    state = fipy.advance(volumes, state, SECRETION, 60.0, tolerances=TIGHT)
    secreted = SECRETION.sum() * volumes.cell_area * 120.0
    books = state.ledger.book(secreted=secreted)
    assert min(books.degraded, books.through_top, books.removed) > 0.0
    held = fipy.in_medium(volumes, state), fipy.on_coat(volumes, state)
    assert abs(books.imbalance(*held)) < 1e-9


def test_a_release_adds_what_it_says():
    volumes = fipy.prepare(GRID, BARE)
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
    volumes = fipy.prepare(ROUND, COATED)
    secretion = np.zeros((ROUND.ny, ROUND.nx))
    secretion[10, 3] = 1e-3
    state = fipy.start(volumes, time=0.0, tolerances=TIGHT)
    state = fipy.advance(volumes, state, secretion, 600.0, tolerances=TIGHT)
    assert (state.medium[:, ~ROUND.inside] == 0.0).all()
    assert (state.bound[~ROUND.inside] == 0.0).all()
    books = state.ledger.book(secreted=1e-3 * volumes.cell_area * 600.0)
    held = fipy.in_medium(volumes, state), fipy.on_coat(volumes, state)
    assert abs(books.imbalance(*held)) < 1e-9


def test_the_wall_of_a_round_well_reflects():
    # Evenly secreted ligand that is lost in the medium is even, unless the wall let it out.
    volumes = fipy.prepare(ROUND, BARE)
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
        volumes = fipy.prepare(grid, Transport(diffusivity=150.0, loss_rate=loss))
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
    "dish.width=100 um",
    "dish.length=100 um",
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


def test_fipy_gives_the_same_bits_with_one_and_two_threads(tmp_path):
    model = load_model("coculture-kg1a", settings=[*SHORT, "numerics.solver=fipy"])
    digests = set()
    for threads in (1, 2):
        path = tmp_path / f"{threads}.nc"
        solve(model, path, threads=threads)
        with open_run(path) as run:
            digests.add(content_digest(run))
    assert len(digests) == 1


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
        cosine.prepare(ROUND, BARE)
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
    volumes = fipy.prepare(GRID, BARE)
    with pytest.raises(RunError, match=r"numerics\.fipy\.linear_tolerance"):
        fipy.steady(
            volumes, SECRETION, time=0.0, tolerances=fipy.Tolerances(linear_tolerance=1e-300)
        )


def test_secretion_beyond_all_numbers_is_an_error_with_a_remedy():
    volumes = fipy.prepare(GRID, BARE)
    state = fipy.start(volumes, time=0.0, tolerances=TIGHT)
    with pytest.raises(RunError, match="no longer finite"):
        fipy.advance(volumes, state, SECRETION * np.inf, 60.0, tolerances=TIGHT)
