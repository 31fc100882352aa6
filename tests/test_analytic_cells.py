"""Quick versions of the cases about cells in validation/analytic, with fewer cells."""

import math

import pytest
from validation.analytic import (
    adhesion_equilibrium,
    chemotactic_index,
    drift_diffusion,
    occupancy,
    persistent_walk,
)
from validation.analytic.report import observed_orders

CHANCE = 4.0
"""Standard errors beyond which a difference is taken for one."""


# Persistent random walk


def test_mean_squared_displacement_converges_to_fuerths_law_with_second_order_in_the_step():
    time, steps = 240.0, [240.0, 120.0, 60.0]
    runs = [persistent_walk.measure(time, step, 1_000_000) for step in steps]
    for run, step in zip(runs, steps, strict=True):
        own = persistent_walk.displacement_law(time, step)
        assert abs(run.value - own) < CHANCE * run.standard_error
    errors = [run.value / persistent_walk.displacement_law(time) - 1.0 for run in runs]
    assert observed_orders(steps, errors) == pytest.approx([2.0, 2.0], abs=0.25)
    assert -0.005 < errors[-1] < -0.003


def test_mean_squared_displacement_of_a_long_walk_is_that_of_speed_and_persistence_time():
    run = persistent_walk.measure(2400.0, 60.0, 100_000)
    own = persistent_walk.displacement_law(2400.0, 60.0)
    assert abs(run.value - own) < CHANCE * run.standard_error
    assert run.standard_error < 0.004 * own
    assert own == pytest.approx(2.0 * 0.025**2 * 300.0 * 2100.1, rel=0.003)


@pytest.mark.parametrize("step", [240.0, 30.0])
def test_velocity_autocorrelation_decays_with_the_persistence_time_whatever_the_step(step):
    run = persistent_walk.measure_velocity(300.0, step, 50_000)
    assert abs(run.value - 0.025**2 * math.exp(-1.0)) < CHANCE * run.standard_error
    assert run.standard_error < 0.02 * run.value


def test_mean_squared_velocity_is_the_speed_squared():
    run = persistent_walk.measure_velocity(2.0, 1.0, 50_000)
    assert abs(run.value - 0.025**2 * math.exp(-2.0 / 300.0)) < CHANCE * run.standard_error
    assert run.standard_error < 1e-4 * run.value


def test_walls_reflect_without_loss():
    times, modes = [600.0, 2400.0, 7200.0], [1, 2, 3]
    for (time, mode), run in persistent_walk.measure_walls(times, modes, 10_000).items():
        assert abs(run.value - persistent_walk.mode_law(time, mode)) < CHANCE * run.standard_error
        assert run.standard_error < 0.01


# Chemotactic index


@pytest.mark.parametrize(
    ("receptors", "signal", "cells"), [(2e3, 0.2, 80_000), (1e5, 1.0, 20_000), (2e4, 5.0, 10_000)]
)
def test_the_index_in_a_linear_gradient_is_that_of_the_signal_to_noise_ratio(
    receptors, signal, cells
):
    run = chemotactic_index.measure(
        receptors,
        chemotactic_index.slope_for(receptors, signal),
        30.0 / (1.0 + signal),
        cells,
        duration=2400.0 / (1.0 + 0.5 * signal),
    )
    assert run.signal == pytest.approx(signal, rel=0.01)
    law = chemotactic_index.index_law(run.signal)
    assert abs(run.value - law) < CHANCE * run.standard_error
    assert law > 10.0 * CHANCE * run.standard_error


@pytest.mark.parametrize("sign", [1, -1])
def test_cells_turn_up_and_not_down_a_gradient_in_x_and_in_y(sign):
    x, y = chemotactic_index.signal_of_program(2e4, sign * 0.02)
    assert sign * x > 0.5
    assert sign * y > 0.3
    run = chemotactic_index.measure(2e4, sign * 0.02, 60.0, 1000, duration=1200.0)
    assert run.value > 0.3


def test_the_signal_is_that_of_occupied_receptors_at_the_half_disc_centroids_over_their_noise():
    for slope in (1e-4, 0.02, 0.1):
        signals = chemotactic_index.signal_of_program(2e4, slope)
        by_hand = [
            chemotactic_index.signal_by_hand(2e4, slope) * part for part in chemotactic_index.ALONG
        ]
        assert signals == pytest.approx(by_hand, rel=1e-10)


def test_a_cell_feels_the_mean_of_its_half_discs_to_second_order_in_its_radius():
    slopes = [0.4, 0.2, 0.1, 0.05]
    in_x = chemotactic_index.ALONG[0]
    errors = [
        chemotactic_index.signal_of_program(2e4, slope)[0]
        / in_x
        / chemotactic_index.signal_over_half_discs(2e4, slope)
        - 1.0
        for slope in slopes
    ]
    assert observed_orders(slopes, errors) == pytest.approx([2.0, 2.0, 2.0], abs=0.1)
    assert abs(errors[-1]) < 5e-4


@pytest.mark.slow
def test_the_index_is_of_second_order_in_the_step():
    steps, slope = [240.0, 120.0, 60.0], chemotactic_index.slope_for(2e4, 3.0)
    runs = [
        chemotactic_index.measure(2e4, slope, step, 400_000, duration=720.0, from_law=True)
        for step in steps
    ]
    signal = runs[0].signal
    for run, step in zip(runs, steps, strict=True):
        own = chemotactic_index.index_in_steps(signal, step)
        assert abs(run.value - own) < CHANCE * run.standard_error
    law = chemotactic_index.index_law(signal)
    errors = [run.value - law for run in runs]
    assert observed_orders(steps[::2], errors[::2])[0] > 1.4
    assert 0.0 < errors[-1] < 0.004
    finer = [15.0, 7.5, 3.75]
    own_errors = [chemotactic_index.index_in_steps(signal, step) - law for step in finer]
    assert observed_orders(finer, own_errors) == pytest.approx([2.0, 2.0], abs=0.05)


# Drift and diffusion


@pytest.mark.parametrize("signal", [0.05, 1.0, 3.0])
def test_the_kinetic_equation_has_the_boltzmann_law_at_any_signal(signal):
    assert drift_diffusion.kinetic_exponent(signal) == pytest.approx(signal, rel=1e-9)


def test_the_drift_diffusion_limit_falls_short_by_an_eighth_of_the_signal_squared():
    signals = [0.5, 0.25, 0.125]
    short = [1.0 - drift_diffusion.limit_exponent(s) / s for s in signals]
    assert observed_orders(signals, short) == pytest.approx([2.0, 2.0], abs=0.05)
    assert short[-1] == pytest.approx(0.125**2 / 8.0, rel=0.01)


def test_cells_gather_up_a_ramp_as_the_kinetic_equation_says_and_more_than_its_limit():
    floor = drift_diffusion.ramp(2.0, 3.0)
    settling = drift_diffusion.settling_time(floor.grid.width)
    coarse, fine = (
        drift_diffusion.measure(floor, step, 8000, settling=settling, looks=4, seed=seed)
        for seed, step in enumerate((15.0, 7.5))
    )
    exponent, noise = drift_diffusion.extrapolated(coarse, fine)
    assert abs(exponent - 1.0) < CHANCE * noise
    assert exponent - drift_diffusion.limit_exponent(2.0) / 2.0 > 2.0 * CHANCE * noise


def test_where_cells_gather_is_of_first_order_in_the_step():
    floor, steps = drift_diffusion.bump(1.0, 8.0, 1000.0), [240.0, 60.0]
    settling = drift_diffusion.settling_time(1000.0)
    errors = [
        drift_diffusion.measure(floor, step, 40_000, settling=settling, looks=4).exponent - 1.0
        for step in steps
    ]
    assert observed_orders(steps, errors)[0] == pytest.approx(1.0, abs=0.4)
    assert -0.04 < errors[-1] < 0.0
    assert floor.potential[-1] > 2.5


# Adhesion


@pytest.mark.parametrize(
    ("triggered", "bonds", "ratio"),
    [(True, "cd166", 5.0), (False, "cd166, vla4", 0.5), (True, "none", 2.0)],
)
def test_adhesion_alone_enriches_bodies_by_one_plus_arrest_over_release(triggered, bonds, ratio):
    step = 16.0 / (1.0 + ratio)
    run = adhesion_equilibrium.measure(triggered, bonds, ratio, step, 6000)
    law = adhesion_equilibrium.fold_change_law(ratio)
    assert abs(run.fold_change - law) < CHANCE * run.standard_error
    assert run.standard_error < 0.02 * (1.0 + ratio)


@pytest.mark.parametrize("step", [20.0, 80.0, 160.0])
def test_adhesion_equilibrium_is_exact_in_steps_of_any_length(step):
    run = adhesion_equilibrium.measure(True, "cd166", 4.0, step, 40_000)
    assert abs(run.fold_change - 5.0) < CHANCE * run.standard_error
    assert run.standard_error < 0.04


def test_a_uniform_dose_arrests_cells_for_the_adaptation_time_and_then_no_more():
    times, rate = [150.0, 600.0, 3600.0], 2e-3
    shares = adhesion_equilibrium.measure_dosed(rate, times, 30.0, 20_000)
    for held, time in zip(shares, times, strict=True):
        law = adhesion_equilibrium.dosed_law(rate, time)
        assert abs(held.share - law) < CHANCE * held.standard_error
    # (1 + x_0)^(-k_4 tau) = 11^-0.6 are never caught; the trigger of 10 / 11 would catch all.
    assert adhesion_equilibrium.dosed_law(rate, 1e6) == pytest.approx(1.0 - 11.0**-0.6)
    assert shares[-1].share < 0.8


@pytest.mark.parametrize("everywhere", [True, False])
def test_held_share_relaxes_with_catch_rate_over_covered_floor_plus_release_rate(everywhere):
    times, ratio, step, cells = [40.0, 160.0, 640.0], 4.0, 2.0, 10_000
    shares, covered = adhesion_equilibrium.measure_held(
        ratio, times, step, cells, everywhere=everywhere
    )
    assert covered == pytest.approx(1.0 if everywhere else 0.1313, abs=0.001)
    for held, time in zip(shares, times, strict=True):
        own = adhesion_equilibrium.held_law(ratio, time, covered=covered, time_step=step)
        law = adhesion_equilibrium.held_law(ratio, time, covered=covered)
        assert abs(held.share - own) < CHANCE * held.standard_error
        assert own == pytest.approx(law, rel=0.01)


# Occupancy


@pytest.mark.parametrize(
    ("dose", "half"),
    [("0 nM", 4.5), ("651 nM", 9.0), ("1 uM", 11.4124424), ("5.028 ug/mL", 73.624424)],
)
def test_half_the_receptors_are_occupied_at_gaddums_apparent_constant(dose, half):
    assert occupancy.half_occupied(dose) == pytest.approx(half, rel=1e-8)


def test_dose_ratio_obeys_schilds_line_of_slope_one_through_the_inhibition_constant():
    line = occupancy.measure([("0.1 uM", 1e-7), ("1 uM", 1e-6), ("100 uM", 1e-4)])
    assert line.slope == pytest.approx(1.0, abs=1e-9)
    assert 10.0**-line.intercept == pytest.approx(651e-9, rel=1e-9)
    assert line.miss < 1e-9


@pytest.mark.parametrize(
    ("ligand", "antagonist", "expected"),
    [
        ("100 ng/mL", "0 nM", 0.7362686),
        ("100 ng/mL", "10 uM", 0.1457619),
        ("4.5 nM", "651 nM", 1 / 3),
    ],
)
def test_cells_in_a_whole_dish_read_the_occupancy_of_the_doses_in_its_model(
    ligand, antagonist, expected
):
    run = occupancy.measure_dish(ligand, antagonist)
    assert run.occupancy == pytest.approx(expected, rel=1e-6)


def test_hundred_nanograms_per_millilitre_are_12_56_nanomolar_of_0_602_molecules_each():
    run = occupancy.measure_dish("100 ng/mL", "0 nM")
    assert run.molecules_per_volume == pytest.approx(12.5628141 * 0.602214076, rel=1e-8)
