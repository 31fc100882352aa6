"""Quick versions of the cases about fields in validation/analytic: size and order of the error."""

import functools

import numpy as np
import pytest
from validation.analytic import burst, coated_slab, disc_source, point_source
from validation.analytic.report import observed_orders

from sdf1_field.solvers import cosine, fipy

EXACT = cosine.Tolerances(relative=1e-13)
# Nothing binds where this is used.
FIPY = fipy.Tolerances(linear_solver="cg")


def orders(sizes, errors):
    return np.array(observed_orders(sizes, errors))


def trickling(relative):
    return cosine.Tolerances(relative=relative, absolute=coated_slab.SMALL, first_step=0.01)


# --- point source -------------------------------------------------------------------------


law = functools.cache(point_source.law)


@pytest.mark.parametrize(
    ("solver", "tolerances", "cells", "error"),
    [(cosine, EXACT, 121, 0.006), (fipy, FIPY, 45, 0.04)],
    ids=["cosine", "fipy"],
)
def test_source_on_the_floor_fills_half_a_space(solver, tolerances, cells, error):
    strength, _ = law(solver, cells, tolerances)
    assert strength == pytest.approx(1.0, abs=error)


@pytest.mark.parametrize(
    ("solver", "tolerances", "cells", "error"),
    [(cosine, EXACT, 121, 0.002), (fipy, FIPY, 45, 0.013)],
    ids=["cosine", "fipy"],
)
def test_loss_screens_a_source_over_the_root_of_diffusivity_over_loss(
    solver, tolerances, cells, error
):
    _, length = law(solver, cells, tolerances)
    assert length == pytest.approx(1.0, abs=error)


@pytest.mark.slow
@pytest.mark.parametrize("top", ["closed", "bath"])
def test_point_source_among_mirrors_is_second_order_in_cell_size(top):
    counts = (15, 45, 135)
    errors = [point_source.measure(cosine, n, EXACT, top=top) for n in counts]
    assert orders([1 / n for n in counts], errors) == pytest.approx(2.0, abs=0.05)
    assert errors[-1] < 7e-4


@pytest.mark.slow
@pytest.mark.parametrize("top", ["closed", "bath"])
def test_point_source_with_fipy_is_second_order_in_cell_size(top):
    counts = (15, 45)
    errors = [point_source.measure(fipy, n, FIPY, top=top) for n in counts]
    assert orders([1 / n for n in counts], errors) == pytest.approx(2.0, abs=0.05)
    assert errors[-1] < 6e-3


# --- disc ---------------------------------------------------------------------------------


def test_hankel_integral_has_the_closed_form_on_the_axis():
    # Mean of the closed form over a layer of 4 um.
    nodes, weights = np.polynomial.legendre.leggauss(12)
    mean = 0.5 * weights @ disc_source.on_axis(2.0 * (1.0 + nodes))
    assert disc_source.hankel(np.zeros(1), 4.0, finest=80.0) == pytest.approx(mean, rel=1e-7)


def test_middle_of_a_disc_has_the_closed_form_of_concentration():
    assert disc_source.measure_centre(cosine, 91, EXACT) == pytest.approx(1.0, abs=2e-3)


@pytest.mark.slow
def test_disc_source_is_second_order_in_cell_size_away_from_its_rim():
    # Fine grids: what the rim does to the rest dies out slowly.
    counts = (105, 165, 225)
    errors = [disc_source.measure(cosine, n, EXACT) for n in counts]
    away = [e.away for e in errors]
    assert orders([1 / n for n in counts], away) == pytest.approx(2.0, abs=0.1)
    assert away[-1] < 5e-5
    assert errors[-1].rim < 6e-5


def test_disc_source_with_fipy_is_as_near_its_law_as_with_cosine():
    found, expected = (
        disc_source.measure(solver, 15, tolerances)
        for solver, tolerances in ((fipy, FIPY), (cosine, EXACT))
    )
    assert found.centre == pytest.approx(expected.centre, rel=1e-4)
    assert found.centre < 4e-3
    assert found.away < 6e-3


# --- burst --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("solver", "tolerances"), [(cosine, EXACT), (fipy, FIPY)], ids=["cosine", "fipy"]
)
def test_nanomolar_of_a_released_amount_is_avogadros_number(solver, tolerances):
    assert burst.left(solver, 15, 0.0, tolerances) == pytest.approx(1.0, rel=1e-12)


def test_released_ligand_decays_exponentially():
    assert burst.left(cosine, 15, 20.0, EXACT) == pytest.approx(1.0, rel=1e-12)


def test_released_ligand_spreads_by_two_diffusivity_times_time():
    assert burst.spread(cosine, 45, 0.5, EXACT) == pytest.approx(1.0, rel=1e-8)


def test_burst_among_mirrors_is_second_order_in_cell_size_and_exact_in_time():
    counts = (15, 45, 135)
    errors = [burst.measure(cosine, n, EXACT) for n in counts]
    total = [e.total for e in errors]
    assert orders([1 / n for n in counts], total) == pytest.approx(2.0, abs=0.07)
    assert errors[-1].total < 8e-4
    assert max(e.in_time for e in errors) < 1e-11


@pytest.mark.slow
def test_burst_with_fipy_is_first_order_in_time():
    steps = (0.1, 0.05)
    errors = [
        burst.measure(fipy, 15, fipy.Tolerances(time_step=step, linear_solver="cg")).in_time
        for step in steps
    ]
    assert orders(steps, errors) == pytest.approx(fipy.ORDER, abs=0.06)
    assert errors[-1] < 0.04


# --- slab over a coat ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("solver", "tolerances"),
    [
        (cosine, trickling(1e-2)),
        (fipy, fipy.Tolerances(time_step=5.0, absolute=1e-14, linear_solver="lu")),
    ],
    ids=["cosine", "fipy"],
)
def test_what_the_coat_takes_is_missing_from_the_medium(solver, tolerances):
    assert coated_slab.found_again(solver, 25, 20.0, tolerances) == pytest.approx(1.0, rel=1e-8)


def test_medium_and_linear_coat_follow_their_two_equations_to_second_order_in_cell_size():
    counts = (25, 50, 100)
    errors = [coated_slab.measure(cosine, n, trickling(1e-5)) for n in counts]
    for part in ("medium", "bound"):
        found = [getattr(e, part) for e in errors]
        assert orders([1 / n for n in counts], found) == pytest.approx(2.0, abs=0.05)
        assert found[-1] < 1.3e-4


def test_error_in_time_over_a_coat_goes_with_the_tolerance():
    # The tolerance bounds the square of the step: order one in it is order two in the step.
    shares = (2e-3, 2e-4, 2e-5)
    errors = [coated_slab.measure_in_time(cosine, 50, trickling(share)) for share in shares]
    for part in ("medium", "bound"):
        found = [getattr(e, part) for e in errors]
        assert orders(shares, found) == pytest.approx(1.0, abs=0.15)
        assert all(error < 0.2 * share for error, share in zip(found, shares, strict=True))


@pytest.mark.slow
def test_medium_and_linear_coat_with_fipy_follow_their_equations_to_first_order_in_time():
    steps = (60.0, 30.0)
    errors = [
        coated_slab.measure_in_time(
            fipy,
            25,
            fipy.Tolerances(time_step=step, absolute=coated_slab.SMALL, linear_solver="lu"),
        )
        for step in steps
    ]
    for part in ("medium", "bound"):
        found = [getattr(e, part) for e in errors]
        assert orders(steps, found) == pytest.approx(fipy.ORDER, abs=0.03)
        assert found[-1] < 0.013


def test_fast_coat_retards_diffusion_by_one_plus_sites_over_half_saturation_and_height():
    assert coated_slab.retardation() == pytest.approx(11.38, abs=0.005)
    speeds = (4.0, 16.0, 64.0)
    apart = [coated_slab.measure_retardation(cosine, 100, s, trickling(1e-3)) for s in speeds]
    assert orders([1 / s for s in speeds], apart) == pytest.approx(1.0, abs=0.05)
    assert apart[-1] < 1.2e-3


def test_front_over_a_coat_that_fills_is_where_sites_and_gradient_hold_what_came_in():
    widths = (10.0, 5.0, 2.5)
    rough = cosine.Tolerances(relative=1e-3)
    fronts = [coated_slab.measure_front(cosine, width, rough) for width in widths]
    assert orders(widths, [f.miss for f in fronts]) == pytest.approx(1.0, abs=0.02)
    assert fronts[-1].miss < 4.1e-3
    lag = -coated_slab.front_shape(0.5)
    assert [f.lag for f in fronts] == pytest.approx([lag] * 3, abs=2e-3)


def test_width_of_the_front_goes_with_the_root_of_one_over_association_rate():
    assert coated_slab.front_shape(0.1) - coated_slab.front_shape(0.9) == pytest.approx(3.447416)
    rough = cosine.Tolerances(relative=1e-3)
    fronts = [coated_slab.measure_front(cosine, width, rough) for width in (10.0, 5.0)]
    assert [front.width for front in fronts] == pytest.approx([3.447416] * 2, rel=3e-3)


@pytest.mark.slow
def test_front_with_fipy_nears_its_width_and_place_with_shorter_steps():
    long, short = (
        coated_slab.measure_front(fipy, 10.0, fipy.Tolerances(time_step=step, linear_solver="lu"))
        for step in (480.0, 240.0)
    )
    assert 2 * short.width - long.width == pytest.approx(3.447, abs=0.03)
    assert 2 * short.lag - long.lag == pytest.approx(0.161, abs=0.01)
