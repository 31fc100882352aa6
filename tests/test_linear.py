"""The exact step of medium and unsaturated coat, against quadrature, other solvers and itself."""

import math
from dataclasses import replace

import numpy as np
import pytest
import scipy.integrate

from sdf1_field.grid import make_grid
from sdf1_field.migrasomes.emission import ExponentialDecay, LinearRamp, ParabolicCorrection
from sdf1_field.solvers import cosine, fipy, linear
from sdf1_field.solvers.cosine.tolerances import Tolerances
from sdf1_field.solvers.linear.arrow import arrow, on_grid
from sdf1_field.solvers.linear.moments import (
    integral_of_decay,
    integrals,
    response_to_decay,
    responses,
    responses_at,
)
from sdf1_field.sources import ChangingPart, Secretion, constant
from sdf1_field.transport import Coat, Transport

COAT = Coat(sites=6500.0, association_rate=1e-4, dissociation_rate=4e-4, loss_rate=1e-5)
FINE = Tolerances(relative=1e-4, absolute=1e-12, first_step=1e-3)
EXACT = Tolerances(relative=1e-10, absolute=1e-24, first_step=1e-3)
SIDE, FEW = 16, 6


def transport(**changes):
    return Transport(diffusivity=150.0, loss_rate=1e-4, coat=COAT, **changes)


def columns_of(equation, tolerances=FINE):
    extent = 10.0 * SIDE
    grid = make_grid(extent, extent, 200.0, spacing=10.0, floor_layer=10.0, layer_growth=1.15)
    return cosine.prepare(grid, equation, tolerances)


def fluxes(count, side=SIDE):
    """Rugged secretion far too weak to fill a coat, shape (side, side) each."""
    rng = np.random.default_rng(0)
    return [1e-6 * rng.random((side, side)) ** 20 for _ in range(count)]


def changing(begin, end):
    """Secretion with every law of time."""
    steady, ramp, swell, fading = fluxes(4)
    return Secretion(
        flux=steady,
        total=100.0 * steady.sum(),
        changing=(
            ChangingPart(ramp, 100.0 * ramp.sum(), LinearRamp(begin, end)),
            ChangingPart(swell, 100.0 * swell.sum(), ParabolicCorrection(begin, end, 1.0)),
            ChangingPart(fading, 100.0 * fading.sum(), ExponentialDecay(1e-3, begin)),
        ),
    )


def deviation(found, wanted):
    """Error of the deviation from the mean, and of the mean."""
    some, other = found - found.mean(), wanted - wanted.mean()
    return np.linalg.norm(some - other) / np.linalg.norm(other), found.mean() / wanted.mean() - 1


@pytest.mark.parametrize("x", [0.0, 1e-9, 0.3, 0.999, 1.001, 7.0, 300.0])
def test_responses_are_the_integrals_that_they_stand_for(x):
    def quadrature(function):
        points = [1.0 - 10.0 / x] if x > 20.0 else None
        return scipy.integrate.quad(function, 0.0, 1.0, points=points, epsabs=0, epsrel=1e-12)[0]

    at = np.array([x])
    for n, (ending, summed) in enumerate(zip(responses(at), integrals(at), strict=True)):
        wanted = quadrature(lambda t, n=n: math.exp(-x * (1 - t)) * t**n)
        assert ending[0] == pytest.approx(wanted, rel=1e-11)
        assert responses_at(x, math.exp(-x))[n] == pytest.approx(wanted, rel=1e-11)
        wanted = quadrature(lambda t, n=n: t**n * (-math.expm1(-x * (1 - t)) / x if x else 1 - t))
        assert summed[0] == pytest.approx(wanted, rel=1e-11)
    for decay in (0.2, 5.0):
        wanted = quadrature(lambda t, k=decay: math.exp(-x * (1 - t) - k * t))
        assert response_to_decay(at, decay)[0] == pytest.approx(wanted, rel=1e-11)
        wanted = quadrature(
            lambda t, k=decay: math.exp(-k * t) * (-math.expm1(-x * (1 - t)) / x if x else 1 - t)
        )
        assert integral_of_decay(at, decay)[0] == pytest.approx(wanted, rel=1e-10)


def test_eigenmodes_between_nodes_are_those_of_the_matrix():
    columns = columns_of(transport())
    system = arrow(columns)
    weights, resistance = columns.floor_weights, columns.half_layer
    kappa, shared = system.capture, system.weakening
    for p, q in ((0, 1), (3, 2), (15, 15)):
        n = len(weights)
        matrix = np.zeros((n + 1, n + 1))
        matrix[:n, :n] = np.diag(columns.rates + columns.lateral[p, q])
        matrix[:n, :n] += kappa / shared * np.outer(weights, weights)
        root = math.sqrt(kappa * COAT.dissociation_rate)
        matrix[n, :n] = matrix[:n, n] = -root / shared * weights
        matrix[n, n] = COAT.dissociation_rate / shared + COAT.loss_rate
        rates, vectors = np.linalg.eigh(matrix)
        gains = np.append(weights, resistance * root) / shared @ vectors
        found = np.exp(on_grid(system, system.modes.log_rates.T)[:, p, q])
        np.testing.assert_allclose(found, rates, rtol=1e-8)
        found = on_grid(system, system.modes.gains.T)[:, p, q]
        np.testing.assert_allclose(np.abs(found), np.abs(gains), rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("above", [{}, {"bath": 1e-7}, {"mixed": 800.0}])
def test_the_step_agrees_with_the_nonlinear_path_through_every_event(above):
    columns = columns_of(transport(**above))
    system = arrow(columns)
    found = linear.start(system, time=0.0, tolerances=FINE)
    wanted = cosine.start(columns, time=0.0, tolerances=FINE)
    amount = np.zeros((SIDE, SIDE))
    amount[5, 7] = 30.0
    for begin, end in ((0.0, 600.0), (600.0, 1500.0), (1500.0, 1510.0), (1510.0, 2400.0)):
        if begin == 600.0:
            found = linear.change_medium(system, found, tolerances=FINE)
            wanted = cosine.change_medium(columns, wanted, tolerances=FINE)
        if begin == 1500.0:
            found = linear.release(system, found, amount, tolerances=FINE)
            wanted = cosine.release(columns, wanted, amount, tolerances=FINE)
        if begin == 1510.0:
            found = linear.add(system, found, 1e-6, tolerances=FINE)
            wanted = cosine.add(columns, wanted, 1e-6, tolerances=FINE)
        secretion = changing(begin, end)
        found = linear.advance(system, found, secretion, end, tolerances=FINE)
        wanted = cosine.advance(columns, wanted, secretion, end, tolerances=FINE)
        for pair in (
            (linear.face(system, found), cosine.face(columns, wanted)),
            (linear.floor(system, found), cosine.floor(columns, wanted)),
            (found.bound, wanted.bound),
        ):
            assert np.abs(deviation(*pair)).max() < FINE.relative
        # The audit closes by itself: what was secreted is summed from the sources.
        secreted = secretion.released(begin, end) + (amount.sum() if begin == 1500.0 else 0.0)
        found = replace(found, ledger=found.ledger.book(secreted=secreted))
        inside = linear.in_medium(system, found), linear.on_coat(system, found)
        assert abs(found.ledger.imbalance(*inside)) < 1e-11
    for entry in ("degraded", "through_top", "removed", "added"):
        mine, other = getattr(found.ledger, entry), getattr(wanted.ledger, entry)
        assert mine == pytest.approx(other, rel=1e-4, abs=1e-9)
    np.testing.assert_allclose(
        linear.column(system, found), cosine.column(columns, wanted), rtol=2e-4
    )
    if above.get("mixed"):
        assert linear.reservoir(system, found) == pytest.approx(
            cosine.reservoir(columns, wanted), rel=1e-4
        )


def test_a_step_is_exact_whatever_its_length():
    columns = columns_of(transport())
    system = arrow(columns)
    secretion = changing(0.0, 4000.0)
    begin = linear.start(system, time=0.0, tolerances=FINE)
    once = linear.advance(system, begin, secretion, 4000.0, tolerances=FINE)
    state = begin
    for until in (1e-3, 1.0, 17.0, 30.0, 2500.0, 2501.0, 4000.0):
        state = linear.advance(system, state, secretion, until, tolerances=FINE)
    for many, one in ((state.face, once.face), (state.bound, once.bound)):
        assert np.abs(deviation(many, one)).max() < 1e-8
    assert state.ledger.degraded == pytest.approx(once.ledger.degraded, rel=1e-10)


def test_steady_secretion_comes_to_the_steady_state():
    equation = replace(transport(), coat=replace(COAT, sites=65.0))
    columns = columns_of(equation)
    system = arrow(columns)
    (flux,) = fluxes(1)
    state = linear.start(system, time=0.0, tolerances=FINE)
    state = linear.advance(system, state, constant(flux), 3e6, tolerances=FINE)
    wanted = cosine.steady(columns, flux, time=0.0, tolerances=FINE)
    # Few poles answer within a tenth of the tolerance; the coat is filled to about 1e-6.
    assert np.abs(deviation(state.face, wanted.face.concentration)).max() < 0.1 * FINE.relative
    assert np.abs(deviation(state.bound, wanted.bound)).max() < 0.1 * FINE.relative


def small_columns(equation):
    """Columns of a floor of few cells, in which every layer has its own pole."""
    extent = 10.0 * FEW
    grid = make_grid(extent, extent, 60.0, spacing=10.0, floor_layer=10.0, layer_growth=1.4)
    columns = cosine.prepare(grid, equation, EXACT)
    assert len(columns.rates) == grid.nz
    return columns


def through_every_event(solver, prepared, tolerances):
    """Face and coat after culture, after fresh medium, and after a burst."""
    steady, ramp, fading = fluxes(3, FEW)
    secretion = Secretion(
        flux=steady,
        total=100.0 * steady.sum(),
        changing=(
            ChangingPart(ramp, 100.0 * ramp.sum(), LinearRamp(0.0, 100.0)),
            ChangingPart(fading, 100.0 * fading.sum(), ExponentialDecay(1e-2, 0.0)),
        ),
    )
    burst = np.zeros((FEW, FEW))
    burst[2, 3] = 3e-3
    state, found = solver.start(prepared, time=0.0, tolerances=tolerances), []
    for until in (28.0, 56.0, 100.0):
        if until == 56.0:
            state = solver.change_medium(prepared, state, tolerances=tolerances)
        if until == 100.0:
            state = solver.release(prepared, state, burst, tolerances=tolerances)
        state = solver.advance(prepared, state, secretion, until, tolerances=tolerances)
        found += [solver.face(prepared, state), state.bound]
    return found


@pytest.mark.slow
def test_fipy_comes_to_the_same_through_every_event_as_its_steps_shorten():
    # Ligand that leaves the coat within the test, and lies longer over the floor.
    coat = replace(COAT, dissociation_rate=1e-2)
    columns = small_columns(Transport(diffusivity=30.0, loss_rate=1e-3, coat=coat))
    exact = through_every_event(linear, arrow(columns), EXACT)
    twins = []
    for step in (4.0, 2.0):
        # So far from full the equations are linear, and the first sweep of a step solves them.
        tolerances = replace(fipy.Tolerances(), time_step=step, relative=1.0)
        prepared = fipy.prepare(columns.grid, columns.transport, tolerances)
        twins.append(through_every_event(fipy, prepared, tolerances))
    for wanted, long, short in zip(exact, *twins, strict=True):
        first, second = deviation(long, wanted)[0], deviation(short, wanted)[0]
        # Backward Euler's error is of first order in the step; extrapolation takes it away.
        assert math.log2(first / second) == pytest.approx(fipy.ORDER, abs=0.05)
        assert second < 1e-2
        assert np.abs(deviation(2.0 * short - long, wanted)).max() < 0.05 * second


def test_steady_secretion_comes_to_the_steady_state_of_fipy_to_eight_digits():
    columns = small_columns(transport())
    system = arrow(columns)
    # So weak that the coat is filled to about 1e-10.
    flux = 1e-4 * fluxes(1, FEW)[0]
    state = linear.start(system, time=0.0, tolerances=EXACT)
    state = linear.advance(system, state, constant(flux), 3e6, tolerances=EXACT)
    assert 0.0 < state.fill < 1e-9
    tolerances = fipy.Tolerances(linear_solver="lu", linear_tolerance=1e-15, absolute=1e-24)
    prepared = fipy.prepare(columns.grid, columns.transport, tolerances)
    twin = fipy.steady(prepared, flux, time=0.0, tolerances=tolerances)
    wanted = cosine.steady(columns, flux, time=0.0, tolerances=EXACT)
    for solver, own, other in ((fipy, prepared, twin), (cosine, columns, wanted)):
        assert np.abs(deviation(state.face, solver.face(own, other))).max() < 1e-8
        assert np.abs(deviation(state.layer, solver.floor(own, other))).max() < 1e-8
        assert np.abs(deviation(state.bound, other.bound)).max() < 1e-8
        whole = linear.column(system, state), solver.column(own, other)
        assert np.abs(deviation(*whole)).max() < 1e-8


def test_a_state_knows_how_much_of_its_coat_was_ever_filled():
    system = arrow(columns_of(transport()))
    state = linear.start(system, time=0.0, tolerances=FINE)
    strong, nothing = (constant(np.full((SIDE, SIDE), rate)) for rate in (1e-3, 0.0))
    full = linear.advance(system, state, strong, 3600.0, tolerances=FINE)
    assert full.fill == full.bound.max() / COAT.sites
    assert full.fill > 1e-4
    empty = linear.advance(system, full, nothing, 1e6, tolerances=FINE)
    assert empty.bound.max() < 0.5 * full.bound.max()
    assert empty.fill == full.fill
