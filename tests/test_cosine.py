"""The cosine solver against exact solutions, independent discretisations, and its own promises."""

import math
from dataclasses import replace

import numpy as np
import pytest
import scipy.fft
import scipy.integrate
import scipy.sparse
import scipy.sparse.linalg

from sdf1_field.errors import RunError
from sdf1_field.grid import make_grid
from sdf1_field.migrasomes.emission import ExponentialDecay
from sdf1_field.solvers import cosine
from sdf1_field.solvers.cosine import Tolerances
from sdf1_field.solvers.cosine.coupled import coupled_step
from sdf1_field.sources import ChangingPart, constant
from sdf1_field.transport import Coat, Transport, Uptake
from sdf1_field.units import MOLECULES_PER_UM3_PER_NM

COAT = Coat(sites=5000.0, association_rate=2e-3, dissociation_rate=8e-3, loss_rate=1e-5)
FULL = Tolerances(relative=1e-13)
"""Keeps every layer."""
SHARP = Tolerances(relative=1e-7, absolute=1e-14)
FINE = Tolerances(relative=1e-5, absolute=1e-13, first_step=0.1)


def small_grid(growth=1.3):
    return make_grid(120, 100, 90, spacing=10, floor_layer=6, layer_growth=growth)


def random_secretion(grid, seed=0):
    return np.random.default_rng(seed).random((grid.ny, grid.nx)) * 1e-3


def deviation(values):
    return values - values.mean()


def rms(values):
    return float(np.sqrt(np.mean(values**2)))


def finite_volume_matrix(grid, diffusivity, loss_rate, bath=False):
    """The same finite volumes assembled face by face, as a sparse matrix on (z, y, x)."""

    def exchange(faces, sizes):
        n = len(sizes)
        rows = scipy.sparse.lil_matrix((n, n))
        for i in range(n - 1):
            for a, b in ((i, i + 1), (i + 1, i)):
                rows[a, a] -= faces[i] / sizes[a]
                rows[a, b] += faces[i] / sizes[a]
        return rows

    z = exchange(diffusivity / np.diff(grid.z), grid.thickness)
    if bath:
        z[-1, -1] -= 2 * diffusivity / grid.thickness[-1] ** 2
    y = exchange(np.full(grid.ny - 1, diffusivity / grid.dy), np.full(grid.ny, grid.dy))
    x = exchange(np.full(grid.nx - 1, diffusivity / grid.dx), np.full(grid.nx, grid.dx))
    eye = scipy.sparse.identity
    lap = (
        scipy.sparse.kron(z, eye(grid.ny * grid.nx))
        + scipy.sparse.kron(eye(grid.nz), scipy.sparse.kron(y, eye(grid.nx)))
        + scipy.sparse.kron(eye(grid.nz * grid.ny), x)
    )
    return (lap - loss_rate * eye(grid.nz * grid.ny * grid.nx)).tocsc()


def floor_source(grid, secretion):
    rate = np.zeros((grid.nz, grid.ny, grid.nx))
    rate[0] = secretion / MOLECULES_PER_UM3_PER_NM / grid.thickness[0]
    return rate.ravel()


# --- steady state -------------------------------------------------------------------------


def test_steady_state_matches_the_exact_cosine_solution_to_round_off():
    grid = make_grid(640, 600, 400, spacing=10, floor_layer=10, layer_growth=1.0)
    transport = Transport(150.0, 1e-4)
    secretion = random_secretion(grid)
    columns = cosine.prepare(grid, transport, FULL)
    state = cosine.steady(columns, secretion, time=0.0, tolerances=Tolerances())
    # Diagonalised in all three directions, which shares nothing with the ladder.
    eigenvalues = 1e-4 + sum(
        np.expand_dims(150.0 * (2 / d * np.sin(0.5 * np.pi * np.arange(n) / n)) ** 2, axes)
        for n, d, axes in (
            (grid.nz, 10.0, (1, 2)), (grid.ny, grid.dy, (0, 2)), (grid.nx, grid.dx, (0, 1)),
        )
    )  # fmt: skip
    rate = floor_source(grid, secretion).reshape(grid.nz, grid.ny, grid.nx)
    exact = scipy.fft.idctn(scipy.fft.dctn(rate, norm="ortho") / eigenvalues, norm="ortho")
    assert np.abs(state.layer / exact[0] - 1).max() < 1e-12
    assert np.abs(cosine.column(columns, state) / exact - 1).max() < 1e-12


def test_secretion_equals_loss_in_steady_state():
    grid = small_grid()
    columns = cosine.prepare(grid, Transport(150.0, 1e-4, COAT), FULL)
    secretion = random_secretion(grid)
    state = cosine.steady(columns, secretion, time=0.0, tolerances=FINE)
    lost = 1e-4 * cosine.in_medium(columns, state) + 1e-5 * cosine.on_coat(columns, state)
    assert lost == pytest.approx(secretion.sum() * grid.dx * grid.dy, rel=1e-9)


def test_steady_state_with_bath_and_stretched_layers_matches_a_sparse_solve():
    grid = small_grid()
    secretion = random_secretion(grid)
    columns = cosine.prepare(grid, Transport(150.0, 1e-3, bath=0.7), FULL)
    state = cosine.steady(columns, secretion, time=0.0, tolerances=Tolerances())
    rate = floor_source(grid, secretion).reshape(grid.nz, -1)
    rate[-1] += 2 * 150.0 / grid.thickness[-1] ** 2 * 0.7
    matrix = finite_volume_matrix(grid, 150.0, 1e-3, bath=True)
    exact = scipy.sparse.linalg.spsolve(matrix, -rate.ravel())
    assert cosine.column(columns, state).ravel() == pytest.approx(exact, rel=1e-10)


def test_loss_on_the_coat_alone_makes_a_steady_state():
    grid = small_grid()
    columns = cosine.prepare(grid, Transport(150.0, 0.0, COAT), FULL)
    secretion = np.full((grid.ny, grid.nx), 1e-6)
    state = cosine.steady(columns, secretion, time=0.0, tolerances=FINE)
    # Few sites are taken: the coat adds k_on B k_b / (k_off + k_b) to the floor.
    added = 2e-3 * 5000 * 1e-5 / (8e-3 + 1e-5)
    assert cosine.face(columns, state) == pytest.approx(1e-6 / added, rel=1e-4)
    assert state.bound * 1e-5 == pytest.approx(1e-6, rel=1e-9)


def test_steady_state_without_loss_is_an_error_that_says_what_to_do():
    grid = small_grid()
    columns = cosine.prepare(grid, Transport(150.0, 0.0), FULL)
    with pytest.raises(RunError, match="Set loss_rate, open the top, or ask for a transient"):
        cosine.steady(columns, random_secretion(grid), time=0.0, tolerances=Tolerances())


def around_a_point_source(diffusivity, loss):
    """Distances from a source of 3 molecules/s, floor, and ``q / (2 pi D r)`` there."""
    grid = make_grid(2410, 2410, 1500, spacing=10, floor_layer=5, layer_growth=1.15)
    columns = cosine.prepare(grid, Transport(diffusivity, loss), FULL)
    centre = np.array([1205.0])
    secretion = grid.deposit(centre, centre, np.array([3.0])) / (grid.dx * grid.dy)
    state = cosine.steady(columns, secretion, time=0.0, tolerances=Tolerances())
    row, distance = state.layer[grid.ny // 2], grid.x - 1205.0
    away = distance > 0
    plain = 3.0 / (2 * np.pi * diffusivity * distance[away]) / MOLECULES_PER_UM3_PER_NM
    return distance[away], row[away], plain


def test_point_source_falls_as_the_screened_law_away_from_walls():
    distance, row, plain = around_a_point_source(150.0, 1e-3)
    exact = plain * np.exp(-distance * math.sqrt(1e-3 / 150.0))
    near = (distance >= 40) & (distance <= 300)
    assert np.abs(row[near] / exact[near] - 1).max() < 0.015
    two, four = (np.flatnonzero(distance == d)[0] for d in (20.0, 40.0))
    assert row[two] / row[four] == pytest.approx(exact[two] / exact[four], rel=0.1)


def test_point_source_falls_as_one_over_distance_where_loss_is_weak():
    distance, row, plain = around_a_point_source(150.0, 3e-4)
    near = (distance >= 40) & (distance <= 120)
    # 1 - r / length <= exp(-r / length) <= 1, and what the cells' size does to the law.
    screening = distance[near] * math.sqrt(3e-4 / 150.0)
    ratio = row[near] / plain[near]
    assert (ratio < 1.0 + 0.015).all()
    assert (ratio > 1.0 - screening - 0.015).all()
    assert screening[0] < 0.06


def cosine_problem_error(n):
    """Largest error of the floor's cell means for one cosine mode of secretion."""
    width, height, diffusivity, loss = 400.0, 200.0, 100.0, 1e-3
    grid = make_grid(
        width, width, height, spacing=width / n, floor_layer=height / n, layer_growth=1.0
    )
    q = np.pi / width
    shape = np.cos(q * grid.x) * np.sinc(q * grid.dx / (2 * np.pi))
    secretion = MOLECULES_PER_UM3_PER_NM * (1.0 + np.broadcast_to(shape, (n, n)))
    columns = cosine.prepare(grid, Transport(diffusivity, loss), FULL)
    state = cosine.steady(columns, secretion, time=0.0, tolerances=Tolerances())

    def mean_over_lowest_layer(wave):
        decay, top = math.sqrt(wave**2 + loss / diffusivity), grid.thickness[0]
        integral = (math.sinh(decay * height) - math.sinh(decay * (height - top))) / decay
        return integral / top / (diffusivity * decay * math.sinh(decay * height))

    exact = mean_over_lowest_layer(0.0) + shape * mean_over_lowest_layer(q)
    return np.abs(state.layer - exact).max() / exact.max()


def test_steady_field_is_second_order_in_cell_size():
    errors = [cosine_problem_error(n) for n in (16, 32, 64)]
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    assert orders == pytest.approx(2.0, abs=0.05)
    assert errors[-1] < 2e-5


# --- transient ----------------------------------------------------------------------------


def test_medium_without_coat_is_exact_whatever_the_step():
    grid = small_grid()
    columns = cosine.prepare(grid, Transport(150.0, 1e-4), FULL)
    secretion = random_secretion(grid)
    begin = cosine.start(columns, time=0.0, tolerances=Tolerances())
    at_once = cosine.advance(columns, begin, constant(secretion), 600.0, tolerances=Tolerances())
    stepwise = begin
    for n in range(100):
        stepwise = cosine.advance(
            columns, stepwise, constant(secretion), 6.0 * (n + 1), tolerances=Tolerances()
        )
    assert at_once.layer == pytest.approx(stepwise.layer, rel=1e-12)
    matrix = finite_volume_matrix(grid, 150.0, 1e-4)
    source = floor_source(grid, secretion)
    steady = scipy.sparse.linalg.spsolve(matrix, -source)
    exact = steady + scipy.sparse.linalg.expm_multiply(matrix * 600.0, -steady)
    assert cosine.column(columns, at_once).ravel() == pytest.approx(exact, rel=1e-9)


def independent(grid, transport, secretion, uptake, dose, until):
    """Medium, coat, mixed medium and what cells took, by a general integrator in real space."""
    matrix = finite_volume_matrix(
        grid, transport.diffusivity, transport.loss_rate, bath=transport.mixed is not None
    )
    floor_cells, area = grid.nx * grid.ny, grid.dx * grid.dy
    medium = grid.nz * floor_cells
    coat = transport.coat or Coat(0.0, 0.0, 0.0, 0.0)
    sites = np.broadcast_to(np.asarray(coat.sites), (grid.ny, grid.nx)).ravel()
    half = 0.5 * grid.thickness[0] / transport.diffusivity
    to_top = 2.0 * transport.diffusivity / grid.thickness[-1]

    def face_of(layer, bound, secreted):
        """Concentration at z = 0, found by bisection: the flux out of the medium rises with it."""
        low, high = np.full_like(layer, -1.0), np.full_like(layer, 100.0)
        for _ in range(60):
            face = 0.5 * (low + high)
            balance = face - layer - half * (secreted - outward(face, bound)[0])
            low, high = np.where(balance < 0, face, low), np.where(balance < 0, high, face)
        return face

    def outward(face, bound):
        caught = coat.association_rate * face * (sites - bound) - coat.dissociation_rate * bound
        taken = np.zeros_like(face)
        if uptake is not None:
            taken = uptake.capacity.ravel() * face / (face + uptake.half_saturation)
        return (caught + taken) / MOLECULES_PER_UM3_PER_NM, caught, taken

    def change(time, y):
        c, b, mixed = y[:medium], y[medium : medium + floor_cells], y[-2]
        secreted = secretion.at(time).ravel() / MOLECULES_PER_UM3_PER_NM
        flux, caught, taken = outward(face_of(c[:floor_cells], b, secreted), b)
        rate = matrix @ c
        rate[:floor_cells] += (secreted - flux) / grid.thickness[0]
        up = 0.0
        if transport.mixed is not None:
            rate[-floor_cells:] += to_top * mixed / grid.thickness[-1]
            up = to_top * (c[-floor_cells:].mean() - mixed) / transport.mixed
            up -= transport.loss_rate * mixed
        return np.concatenate([rate, caught - coat.loss_rate * b, [up, taken.sum() * area]])

    begin = np.concatenate([np.full(medium, dose), np.zeros(floor_cells), [dose, 0.0]])
    y = scipy.integrate.solve_ivp(
        change, (0.0, until), begin, method="LSODA", rtol=1e-9, atol=1e-12
    ).y[:, -1]
    return y[:floor_cells], y[medium : medium + floor_cells], y[-2], y[-1]


SLOW = pytest.mark.slow
STRIPED = replace(COAT, sites=np.where(np.arange(4) % 2, 5000.0, 0.0) * np.ones((3, 1)))
ABSORBING = Uptake(np.where(np.arange(12).reshape(3, 4) % 5, 0.0, 2.0), half_saturation=0.5)


@pytest.mark.parametrize(
    ("transport", "uptake", "fades"),
    [
        (Transport(150.0, 1e-4, COAT), None, False),
        pytest.param(Transport(150.0, 1e-4, STRIPED), None, False, marks=SLOW),
        pytest.param(Transport(150.0, 1e-4), ABSORBING, False, marks=SLOW),
        pytest.param(Transport(150.0, 1e-4, STRIPED), ABSORBING, True, marks=SLOW),
        pytest.param(Transport(150.0, 1e-3, COAT, mixed=200.0), None, True, marks=SLOW),
        (Transport(150.0, 1e-3, mixed=200.0), None, True),
    ],
    ids=["coat", "striped", "cells", "striped, cells, fading", "mixed, coat, fading", "mixed"],
)
def test_transient_matches_an_independent_integrator(transport, uptake, fades):
    grid = make_grid(40, 30, 60, spacing=10, floor_layer=6, layer_growth=1.6)
    columns = cosine.prepare(grid, transport, FULL)
    secretion = constant(random_secretion(grid) * 10)
    if fades:
        part = random_secretion(grid, 1) * 30
        total = part.sum() * grid.dx * grid.dy
        law = ExponentialDecay(rate=5e-3, since=-100.0)
        secretion = replace(secretion, changing=(ChangingPart(part, total, law),))
    tolerances = Tolerances(relative=3e-6, absolute=1e-12, first_step=0.1)
    state = cosine.start(columns, time=0.0, tolerances=tolerances)
    state = cosine.add(columns, state, 12.6, tolerances=tolerances)
    state = cosine.advance(columns, state, secretion, 1000.0, uptake=uptake, tolerances=tolerances)
    c, b, mixed, taken = independent(grid, transport, secretion, uptake, 12.6, 1000.0)
    assert state.layer.ravel() == pytest.approx(c, rel=1e-5)
    assert state.bound.ravel() == pytest.approx(b, rel=1e-5)
    error = deviation(state.layer.ravel()) - deviation(c)
    assert rms(error) < 2e-5 * rms(deviation(c))
    assert state.ledger.taken_up == pytest.approx(taken, rel=1e-5)
    if transport.mixed is not None:
        assert cosine.reservoir(columns, state) == pytest.approx(mixed, rel=1e-5)
    area = grid.dx * grid.dy
    secreted = secretion.flux.sum() * area * 1000.0
    secreted += secretion.released(0.0, 1000.0) - secretion.total * 1000.0
    ledger = state.ledger.book(secreted=secreted)
    in_medium, bound = cosine.in_medium(columns, state), cosine.on_coat(columns, state)
    assert abs(ledger.imbalance(in_medium, bound)) < 1e-10


@pytest.mark.slow
@pytest.mark.parametrize("dose", [0.0, 12.6])
@pytest.mark.parametrize(
    ("transport", "uptake"),
    [
        (Transport(150.0, 1e-4, COAT), None),
        pytest.param(Transport(150.0, 1e-4, STRIPED), ABSORBING, marks=SLOW),
        (Transport(150.0, 1e-3, COAT, mixed=200.0), None),
    ],
    ids=["coat", "stripes and cells", "mixed"],
)
def test_the_tolerance_is_the_error_made(transport, uptake, dose):
    grid = make_grid(40, 30, 60, spacing=10, floor_layer=6, layer_growth=1.6)
    secretion = constant(random_secretion(grid) * 10)

    def run(tolerance):
        """Floor and coat at times after a start and after a medium change."""
        own = Tolerances(relative=tolerance, absolute=1e-9 * tolerance)
        columns = cosine.prepare(grid, transport, own)
        state = cosine.add(
            columns, cosine.start(columns, time=0.0, tolerances=own), dose, tolerances=own
        )
        values = []
        for until in (6.0, 60.0, 600.0, 606.0, 660.0, 1200.0):
            if until == 606.0:
                state = cosine.change_medium(columns, state, tolerances=own)
            state = cosine.advance(columns, state, secretion, until, uptake=uptake, tolerances=own)
            values += [state.layer, state.bound]
        return values

    exact = run(2e-6)
    for tolerance in (1e-2, 2e-4):
        for found, wanted in zip(run(tolerance), exact, strict=True):
            assert abs(found.mean() - wanted.mean()) <= tolerance * wanted.mean()
            assert rms(deviation(found) - deviation(wanted)) <= tolerance * rms(deviation(wanted))


def test_a_jump_of_the_sources_costs_few_steps_and_no_accuracy(monkeypatch):
    # One of two sources falls silent, as a migrasome that is eaten.
    grid = make_grid(300, 300, 500, spacing=5, floor_layer=2, layer_growth=1.3)
    columns = cosine.prepare(grid, Transport(150.0, 3e-5, COAT), FULL)
    places = np.array([60.0, 210.0]), np.array([90.0, 240.0])
    both, one = (
        constant(grid.deposit(*places, np.array([1.0, rate])) / (grid.dx * grid.dy))
        for rate in (0.3, 0.0)
    )
    errors = []

    def counted(*args):
        trial = coupled_step(*args)
        errors.append(trial.error)
        return trial

    def run(tolerances):
        state = cosine.start(columns, time=0.0, tolerances=tolerances)
        state = cosine.advance(columns, state, both, 7200.0, tolerances=tolerances)
        errors.clear()
        return cosine.advance(columns, state, one, 8100.0, tolerances=tolerances)

    monkeypatch.setattr(cosine.stepping, "coupled_step", counted)
    exact = run(Tolerances(relative=5e-5, absolute=1e-13))
    rough = run(Tolerances(relative=5e-3, absolute=1e-11))
    assert sum(error > 1.0 for error in errors) <= 2
    assert len(errors) <= 12
    for found, wanted in ((rough.layer, exact.layer), (rough.bound, exact.bound)):
        assert abs(found.mean() - wanted.mean()) <= 5e-3 * wanted.mean()
        assert rms(deviation(found) - deviation(wanted)) <= 5e-3 * rms(deviation(wanted))


def fixed_steps(columns, state, secretion, until, count):
    """Steps of one length, without error control."""
    step = (until - state.time) / count
    steadily = constant(secretion)
    for _ in range(count):
        trial = coupled_step(columns, None, state, step, steadily, SHARP)
        assert math.isfinite(trial.error)
        state = trial.state
    return state


@pytest.mark.parametrize("dose", [0.0, 12.6])
def test_observed_order_in_time_is_the_declared_one_with_the_coat(dose):
    grid = make_grid(300, 300, 300, spacing=30, floor_layer=30, layer_growth=1.2)
    columns = cosine.prepare(grid, Transport(150.0, 1e-4, COAT), FULL)
    secretion = random_secretion(grid)
    begin = cosine.start(columns, time=0.0, tolerances=FINE)
    begin = cosine.add(columns, begin, dose, tolerances=FINE)
    begin = fixed_steps(columns, begin, secretion, 60.0, 60)
    reference = fixed_steps(columns, begin, secretion, 660.0, 2048)
    runs = [fixed_steps(columns, begin, secretion, 660.0, n) for n in (64, 128, 256)]
    for quantity in (lambda s: s.layer, lambda s: s.bound):
        exact = quantity(reference)
        for part in (np.mean, deviation):
            errors = [rms(part(quantity(r)) - part(exact)) / rms(part(exact)) for r in runs]
            orders = np.log2(np.array(errors[:-1]) / errors[1:])
            assert orders == pytest.approx(cosine.ORDER, abs=0.05)
            assert errors[-1] < 1e-5


@pytest.mark.parametrize("dose", [0.0, 12.6])
def test_tolerance_holds_for_the_deviation_under_a_dose_and_after_a_medium_change(dose):
    # Signals of femtomolar on a dose of nanomolar: the error is that of the signal.
    grid = make_grid(300, 300, 500, spacing=15, floor_layer=5, layer_growth=1.3)
    columns = cosine.prepare(grid, Transport(150.0, 3e-5, COAT), FULL)
    places = np.array([60.0, 210.0]), np.array([90.0, 240.0])
    secretion = grid.deposit(*places, np.array([0.5, 0.5])) / (grid.dx * grid.dy)

    def run(tolerances):
        state = cosine.start(columns, time=-7200.0, tolerances=tolerances)
        state = cosine.advance(columns, state, constant(secretion), 0.0, tolerances=tolerances)
        state = cosine.change_medium(columns, state, tolerances=tolerances)
        state = cosine.add(columns, state, dose, tolerances=tolerances)
        return cosine.advance(columns, state, constant(secretion), 3600.0, tolerances=tolerances)

    rough = run(Tolerances(relative=1e-2, absolute=1e-9, first_step=1.0))
    exact = run(Tolerances(relative=1e-5, absolute=1e-13, first_step=0.1))
    for a, b in (
        (rough.layer, exact.layer),
        (rough.bound, exact.bound),
    ):
        assert rms(deviation(a) - deviation(b)) < 2e-3 * rms(deviation(b))
        assert a.mean() == pytest.approx(b.mean(), rel=2e-3)
    if dose:
        assert rms(deviation(exact.layer)) < 1e-4 * exact.layer.mean()


def test_steps_land_exactly_on_the_asked_time():
    grid = small_grid()
    columns = cosine.prepare(grid, Transport(150.0, 1e-4, COAT), FULL)
    state = cosine.start(columns, time=0.1, tolerances=FINE)
    for until in (0.3, 7.7, 1234.5678):
        state = cosine.advance(
            columns, state, constant(random_secretion(grid)), until, tolerances=FINE
        )
        assert state.time == until


@pytest.mark.slow
def test_transient_ends_in_the_steady_state():
    grid = small_grid()
    columns = cosine.prepare(grid, Transport(150.0, 1e-2, COAT), FULL)
    secretion = random_secretion(grid)
    tolerances = Tolerances(relative=1e-4, absolute=1e-12, first_step=1.0)
    state = cosine.start(columns, time=0.0, tolerances=tolerances)
    state = cosine.advance(columns, state, constant(secretion), 3e7, tolerances=tolerances)
    steady = cosine.steady(columns, secretion, time=0.0, tolerances=tolerances)
    assert state.layer == pytest.approx(steady.layer, rel=1e-6)
    assert state.bound == pytest.approx(steady.bound, rel=1e-6)


# --- audit and invariants -----------------------------------------------------------------


@pytest.mark.parametrize("coat", [None, COAT])
@pytest.mark.parametrize("bath", [None, 0.3])
def test_audit_closes_through_dose_medium_change_and_all_losses(coat, bath):
    grid = small_grid()
    columns = cosine.prepare(grid, Transport(150.0, 1e-4, coat, bath), FULL)
    secretion = random_secretion(grid)
    rough = Tolerances(relative=1e-2)
    state = cosine.start(columns, time=0.0, tolerances=rough)
    for until in (100.0, 5000.0):
        state = cosine.advance(columns, state, constant(secretion), until, tolerances=rough)
    state = cosine.change_medium(columns, state, tolerances=rough)
    state = cosine.add(columns, state, 12.6, tolerances=rough)
    state = cosine.advance(columns, state, constant(secretion), 50_000.0, tolerances=rough)
    # Everything summed in space, not from the (0, 0) mode; secretion from its own rate.
    volume = grid.dx * grid.dy * grid.thickness[:, None, None] * MOLECULES_PER_UM3_PER_NM
    in_medium = float((cosine.column(columns, state) * volume).sum())
    bound = float(state.bound.sum()) * grid.dx * grid.dy
    ledger = state.ledger.book(secreted=secretion.sum() * grid.dx * grid.dy * 50_000.0)
    assert abs(ledger.imbalance(in_medium, bound)) < 1e-10
    assert in_medium == pytest.approx(cosine.in_medium(columns, state), rel=1e-12)
    assert min(ledger.degraded, ledger.removed) > 0
    assert (ledger.through_top != 0) == (bath is not None)


def test_uniform_ligand_stays_uniform_and_whole_for_days_under_a_closed_top():
    grid = make_grid(300, 300, 2000, spacing=30, floor_layer=5, layer_growth=1.3)
    columns = cosine.prepare(grid, Transport(150.0, 0.0), FULL)
    state = cosine.start(columns, time=0.0, tolerances=Tolerances())
    state = cosine.add(columns, state, 12.6, tolerances=Tolerances())
    nothing = np.zeros((grid.ny, grid.nx))
    for day in range(1, 4):
        state = cosine.advance(
            columns, state, constant(nothing), 86_400.0 * day, tolerances=Tolerances()
        )
    assert cosine.column(columns, state) == pytest.approx(12.6, rel=1e-13)


def test_bath_concentration_is_kept_where_nothing_else_happens():
    grid = small_grid()
    columns = cosine.prepare(grid, Transport(150.0, 0.0, bath=0.4), FULL)
    state = cosine.start(columns, time=0.0, tolerances=Tolerances())
    nothing = np.zeros((grid.ny, grid.nx))
    state = cosine.advance(columns, state, constant(nothing), 86_400.0, tolerances=Tolerances())
    assert cosine.column(columns, state) == pytest.approx(0.4, rel=1e-12)


def test_medium_change_removes_what_is_dissolved_and_leaves_the_coat():
    grid = small_grid()
    columns = cosine.prepare(grid, Transport(150.0, 1e-4, COAT), FULL)
    state = cosine.start(columns, time=0.0, tolerances=FINE)
    state = cosine.advance(
        columns, state, constant(random_secretion(grid)), 3600.0, tolerances=FINE
    )
    changed = cosine.change_medium(columns, state, tolerances=FINE)
    assert np.array_equal(changed.bound, state.bound)
    assert not changed.layer.any()
    assert changed.ledger.removed == pytest.approx(cosine.in_medium(columns, state))


@pytest.mark.parametrize("coat", [None, COAT])
def test_medium_change_under_a_bath_leaves_the_baths_concentration_and_closed_books(coat):
    grid = small_grid()
    columns = cosine.prepare(grid, Transport(150.0, 1e-4, coat, 0.3), FULL)
    secretion = random_secretion(grid)
    state = cosine.start(columns, time=0.0, tolerances=Tolerances())
    state = cosine.add(columns, state, 5.0, tolerances=Tolerances())
    state = cosine.advance(columns, state, constant(secretion), 10.0, tolerances=Tolerances())
    assert np.abs(cosine.column(columns, state) - 0.3).max() > 0.1
    changed = cosine.change_medium(columns, state, tolerances=Tolerances())
    assert cosine.column(columns, changed) == pytest.approx(0.3, rel=1e-12)
    assert changed.layer == pytest.approx(0.3, rel=1e-12)
    assert np.array_equal(changed.bound, state.bound)
    assert changed.ledger.removed == pytest.approx(cosine.in_medium(columns, state), rel=1e-12)
    volume = grid.area * grid.height * MOLECULES_PER_UM3_PER_NM
    ledger = changed.ledger.book(secreted=secretion.sum() * grid.dx * grid.dy * 10.0)
    bound = float(changed.bound.sum()) * grid.dx * grid.dy
    assert abs(ledger.imbalance(0.3 * volume, bound)) < 1e-10


def test_bound_ligand_feeds_the_fresh_medium():
    grid = small_grid()
    columns = cosine.prepare(grid, Transport(150.0, 0.0, COAT), FULL)
    state = cosine.start(columns, time=0.0, tolerances=FINE)
    state = cosine.advance(
        columns, state, constant(random_secretion(grid)), 3600.0, tolerances=FINE
    )
    state = cosine.change_medium(columns, state, tolerances=FINE)
    nothing = np.zeros((grid.ny, grid.nx))
    later = cosine.advance(columns, state, constant(nothing), 7200.0, tolerances=FINE)
    released = cosine.on_coat(columns, state) - cosine.on_coat(columns, later)
    gained = cosine.in_medium(columns, later) + later.ledger.degraded - state.ledger.degraded
    assert released > 0
    assert gained == pytest.approx(released, rel=1e-9)


def test_concentration_does_not_go_below_zero_by_more_than_the_tolerance():
    grid = make_grid(400, 400, 400, spacing=10, floor_layer=5, layer_growth=1.2)
    columns = cosine.prepare(grid, Transport(150.0, 0.0, COAT), FULL)
    secretion = grid.deposit(*np.full((2, 1), 200.0), np.array([100.0])) / (grid.dx * grid.dy)
    rough = Tolerances(relative=1e-2)
    state = cosine.start(columns, time=0.0, tolerances=rough)
    state = cosine.advance(columns, state, constant(secretion), 3600.0, tolerances=rough)
    assert state.ledger.minimum > -1e-2 * rms(deviation(state.layer))


@pytest.mark.parametrize("coat", [None, COAT])
@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_secretion_that_is_not_finite_stops_the_run_with_time_and_place(coat, value):
    grid = small_grid()
    columns = cosine.prepare(grid, Transport(150.0, 1e-4, coat), FULL)
    state = cosine.start(columns, time=0.0, tolerances=Tolerances())
    state = cosine.advance(
        columns, state, constant(random_secretion(grid)), 60.0, tolerances=Tolerances()
    )
    secretion = random_secretion(grid)
    secretion[2, 3] = value
    expected = r"^t = 60 s, x = 35 um, y = 25 um: the secretion is too large or no number\. Check"
    with pytest.raises(RunError, match=expected):
        cosine.advance(columns, state, constant(secretion), 90.0, tolerances=Tolerances())


def test_state_is_not_changed_by_advancing_it():
    grid = small_grid()
    columns = cosine.prepare(grid, Transport(150.0, 1e-4, COAT), FULL)
    begin = cosine.start(columns, time=0.0, tolerances=FINE)
    begin = cosine.advance(columns, begin, constant(random_secretion(grid)), 60.0, tolerances=FINE)
    kept = replace(begin, amplitudes=begin.amplitudes.copy(), bound=begin.bound.copy())
    cosine.advance(columns, begin, constant(random_secretion(grid, 1)), 600.0, tolerances=FINE)
    assert np.array_equal(begin.amplitudes, kept.amplitudes)
    assert np.array_equal(begin.bound, kept.bound)
