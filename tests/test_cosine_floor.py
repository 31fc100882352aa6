"""The flux law of the floor and its Newton-Krylov iteration."""

import numpy as np
import pytest

from sdf1_field.errors import RunError
from sdf1_field.modes import forward, inverse
from sdf1_field.solvers.cosine.floor_law import bound_after, law_in_steady_state, law_over_step
from sdf1_field.solvers.cosine.floor_newton import FloorValue, solve_floor
from sdf1_field.transport import Coat, Uptake
from sdf1_field.units import MOLECULES_PER_UM3_PER_NM


def at(law, concentration):
    """Flux and slope of a law."""
    flux, slope = np.empty_like(concentration), np.empty_like(concentration)
    low, high = law.evaluate(concentration, flux, slope)
    assert (low, high) == (slope.min(), slope.max())
    return flux, slope


COAT = Coat(sites=5000.0, association_rate=2e-3, dissociation_rate=8e-3, loss_rate=1e-4)
CELLS = Uptake(capacity=np.full((1, 1), 3.0), half_saturation=0.7)


def test_coat_law_satisfies_the_implicit_langmuir_balance():
    bound = np.array([[0.0, 100.0, 4000.0]])
    concentration = np.array([[1e-4, 0.5, 12.6]])
    flux, _ = at(law_over_step(COAT, None, bound, 30.0), concentration)
    after = bound_after(COAT, bound, flux, 30.0)
    exchanged = (
        COAT.association_rate * concentration * (COAT.sites - after)
        - COAT.dissociation_rate * after
    )
    assert flux * MOLECULES_PER_UM3_PER_NM == pytest.approx(exchanged, rel=1e-12)
    assert after - bound == pytest.approx(30.0 * (exchanged - COAT.loss_rate * after), rel=1e-9)


@pytest.mark.parametrize(
    "law",
    [
        law_over_step(COAT, None, np.full((1, 1), 50.0), 300.0),
        law_in_steady_state(COAT, None),
        law_over_step(None, CELLS, np.zeros((1, 1)), 300.0),
        law_over_step(COAT, CELLS, np.full((1, 1), 50.0), 300.0),
    ],
)
def test_slope_of_the_coat_law_is_its_derivative(law):
    c, step = np.array([[0.3]]), 1e-6
    derivative = (at(law, c + step)[0] - at(law, c - step)[0]) / (2 * step)
    assert at(law, c)[1] == pytest.approx(derivative, rel=1e-7)


def test_coat_law_goes_on_straight_below_zero():
    law = law_over_step(COAT, None, np.zeros((1, 1)), 300.0)
    at_zero, slope = at(law, np.zeros((1, 1)))
    far_below, same = at(law, np.full((1, 1), -100.0))
    assert same == slope
    assert far_below == pytest.approx(at_zero - 100.0 * slope)


def _random_floor(seed, shape=(12, 10)):
    rng = np.random.default_rng(seed)
    admittance = 0.05 + rng.random(shape) * 10.0
    return admittance, rng


def test_floor_equation_is_solved_where_the_coat_is_as_uneven_as_can_be():
    # Half of the coat is full, the other empty: the mean slope alone is a poor matrix.
    admittance, rng = _random_floor(1)
    bound = np.where(rng.random((12, 10)) < 0.5, 0.0, COAT.sites)
    source = forward(rng.random((12, 10)))
    law = law_over_step(COAT, None, bound, 600.0)
    zero = FloorValue(np.zeros((12, 10)), np.zeros((12, 10)))
    found = solve_floor(
        admittance, zero.modes, source, law, zero, tolerance=1e-12, absolute_tolerance=1e-15
    )
    flux, slope = at(law, found.concentration)
    residual = admittance * forward(found.concentration) + forward(flux) - source
    assert slope.max() / slope.min() > 2
    assert np.linalg.norm(residual) < 1e-11 * np.linalg.norm(source)


def test_floor_equation_converges_for_steps_where_fixed_point_iteration_diverges():
    # Gain of the plain iteration, slope over admittance, is far above one.
    shape = (8, 8)
    admittance = np.full(shape, 0.3)
    law = law_over_step(COAT, None, np.zeros(shape), 60.0)
    source = forward(np.random.default_rng(2).random(shape) * 1e-4)
    zero = FloorValue(np.zeros(shape), np.zeros(shape))
    assert (at(law, zero.concentration)[1] / admittance).min() > 5
    found = solve_floor(
        admittance, zero.modes, source, law, zero, tolerance=1e-12, absolute_tolerance=0.0
    )
    expected = inverse(source) / (admittance + at(law, zero.concentration)[1])
    assert found.concentration == pytest.approx(expected, rel=1e-3)


def test_floor_equation_that_has_no_number_for_an_answer_says_what_to_change():
    shape = (4, 4)
    nan = FloorValue(np.full(shape, np.nan), np.full(shape, np.nan))
    law = law_over_step(COAT, None, np.zeros(shape), 1.0)
    with pytest.raises(RunError, match="Lower numerics"):
        solve_floor(
            np.ones(shape), nan.modes, nan.modes, law, nan, tolerance=1e-6, absolute_tolerance=1e-9
        )
