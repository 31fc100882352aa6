"""Adapting receptors trigger arrest: states of the cells, quadrature, noise, and their limits."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad, solve_ivp
from scipy.special import roots_hermitenorm

from cell_builders import (
    CATCHING,
    HOUR,
    SENSING,
    all_over,
    crowd,
    floor,
    many_at,
    move,
    seen_by_cells,
    standard_error,
    touching,
)
from sdf1_field.cells import cell_parameters
from sdf1_field.cells.arrest import mean_trigger
from sdf1_field.pharmacology import (
    activation,
    adaptation_after,
    binding_noise,
    independent_samples,
    relaxation_rate,
    surface_after,
    surface_receptors,
)
from sdf1_field.spec import load_model
from sdf1_field.variation import DishFactors

TOTAL, K_REC, TAU = 2e4, 0.04 / 60.0, 300.0
"""Receptors, rate of recycling [1/s], adaptation time [s]."""
RESTING = CATCHING._replace(
    speed=0.0, receptors=TOTAL, recycling_rate=K_REC, adaptation_rate=1.0 / TAU,
    half_trigger=100.0, basal_arrest_rate=0.0, triggered_arrest_rate=0.01,
)  # fmt: skip
"""Cells that rest, and whose surface receptors stay: none is internalised."""
GRID = floor(2000.0, 2000.0, 100.0)


def uniform(occupancy):
    """A uniform ligand that occupies a share of the receptors."""
    concentration = RESTING.dissociation_constant * occupancy / (1.0 - occupancy)
    return seen_by_cells(np.full((GRID.ny, GRID.nx), concentration))


def on_touching_floor(cells, parameters, duration, occupancy, **options):
    """Cells after some time on a floor that they touch everywhere, in a uniform ligand."""
    seen, hold = uniform(occupancy), options.pop("hold", all_over(GRID))
    return move(cells, GRID, parameters, duration, seen=seen, hold=hold, **options)


def resting(count, **states):
    return many_at(1000.0, 1000.0, count, **{"surface": TOTAL, **states})


def solved(surface, adapted, occupancy, k_e, w, times):
    """Surface receptors and adapted level at some times, by integration."""

    def change(_, state):
        r, s = state
        return K_REC * (TOTAL - r) - k_e * occupancy * r, w * (occupancy * r - s)

    return solve_ivp(
        change, (0.0, times[-1]), [surface, adapted], t_eval=times, rtol=1e-11, atol=1e-8,
        method="DOP853",
    ).y  # fmt: skip


# Adaptation


def test_after_a_step_of_ligand_signalling_adapts_with_its_time_constant():
    for time in (30.0, 300.0, 900.0, 2400.0):
        cells = on_touching_floor(resting(3), RESTING, time, 0.25)
        assert cells.adapted == pytest.approx([0.25 * TOTAL * -math.expm1(-time / TAU)] * 3)
        assert cells.surface.tolist() == [TOTAL] * 3


@pytest.mark.parametrize("time_step", [7.0, 30.0, 600.0])
@pytest.mark.parametrize("occupancy", [0.05, 0.9])
def test_receptors_and_adapted_level_are_exact_in_steps_of_any_length(occupancy, time_step):
    k_e = 0.14 / 60.0
    parameters = RESTING._replace(internalisation_rate=k_e)
    cells, times = resting(1, surface=1.5e4, adapted=300.0), np.array([600.0, 1200.0, 3600.0])
    exact = solved(1.5e4, 300.0, occupancy, k_e, 1.0 / TAU, times)
    at = 0.0
    for time, (surface, adapted) in zip(times, exact.T, strict=True):
        cells = on_touching_floor(cells, parameters, time - at, occupancy, time_step=time_step)
        at = time
        assert cells.surface[0] == pytest.approx(surface, rel=1e-8)
        assert cells.adapted[0] == pytest.approx(adapted, rel=1e-8)


@given(
    occupancy=st.floats(0.0, 1.0), k_e=st.floats(1e-4, 1e-2), w=st.floats(1e-4, 1e-1),
    time=st.floats(1.0, 1e4), surface=st.floats(100.0, TOTAL), adapted=st.floats(0.0, TOTAL),
)  # fmt: skip
def test_the_closed_form_of_adaptation_is_the_integral_of_its_equations(
    occupancy, k_e, w, time, surface, adapted
):
    rate = relaxation_rate(K_REC, k_e, occupancy)
    fast, slow = math.exp(-rate * time), math.exp(-w * time)
    exact = solved(surface, adapted, occupancy, k_e, w, np.array([time]))[:, 0]
    found = (
        surface_after(surface, TOTAL, K_REC, rate, fast),
        adaptation_after(adapted, surface, occupancy, TOTAL, K_REC, rate, w, time, fast, slow),
    )
    assert found == pytest.approx(tuple(exact), rel=1e-6, abs=1e-6 * TOTAL)


@pytest.mark.parametrize("off", [0.0, 1e-12, -1e-9, 1e-6, -1e-4, 9.9e-4, -1.01e-3, 1e-2])
def test_adaptation_at_nearly_the_rate_of_the_receptors_loses_no_digits(off):
    occupancy, k_e, time = 0.5, 2e-3, 400.0
    rate = relaxation_rate(K_REC, k_e, occupancy)
    w = rate + off / time
    # Of two nearly equal exponentials, the divided difference by quadrature.
    shared = quad(lambda u: math.exp(-rate * u - w * (time - u)), 0.0, time, epsabs=1e-13)[0]
    fast, slow = math.exp(-rate * time), math.exp(-w * time)
    steady = TOTAL * K_REC / rate
    exact = occupancy * (steady * (1.0 - slow) + (1e4 - steady) * w * shared) + 700.0 * slow
    found = adaptation_after(700.0, 1e4, occupancy, TOTAL, K_REC, rate, w, time, fast, slow)
    assert found == pytest.approx(exact, rel=1e-11)


def test_receptors_settle_where_recycling_balances_internalisation_and_signalling_follows():
    parameters = RESTING._replace(internalisation_rate=0.14 / 60.0)
    cells = on_touching_floor(resting(1), parameters, 10 * HOUR, 0.5)
    steady = surface_receptors(TOTAL, 0.5, 0.14 / 0.04)
    assert cells.surface[0] == pytest.approx(steady, rel=1e-9)
    assert cells.adapted[0] == pytest.approx(0.5 * steady, rel=1e-9)


def test_without_adaptation_the_level_stays_where_it_was():
    cells = on_touching_floor(
        resting(2, adapted=40.0), RESTING._replace(adaptation_rate=0.0), HOUR, 0.5
    )
    assert cells.adapted.tolist() == [40.0, 40.0]


# Trigger


@given(st.floats(-1e4, 1e4), st.floats(-1e4, 1e4), st.floats(1.0, 1e3), st.floats(0.5, 8.0))
def test_the_trigger_is_a_rising_share_that_is_half_at_its_half_and_0_below_0(a, b, half, exponent):
    low, high = (activation(x, half, exponent) for x in sorted((a, b)))
    assert 0.0 <= low <= high <= 1.0
    assert activation(half, half, exponent) == pytest.approx(0.5, rel=1e-14)
    assert activation(-abs(a), half, exponent) == 0.0


@pytest.mark.parametrize(("exponent", "share"), [(1.0, 0.75), (2.0, 0.9), (4.0, 81.0 / 82.0)])
def test_the_trigger_is_hills_function_of_the_signal_over_its_half(exponent, share):
    assert activation(300.0, 100.0, exponent) == pytest.approx(share, rel=1e-14)


def by_quadrature(parameters, surface, adapted, occupancy, noise, step):
    """Mean trigger over a step, and the signals at times within it."""
    rate = relaxation_rate(K_REC, parameters.internalisation_rate, occupancy)

    def signal(time):
        fast, slow = math.exp(-rate * time), math.exp(-parameters.adaptation_rate * time)
        level = adaptation_after(
            adapted, surface, occupancy, TOTAL, K_REC, rate, parameters.adaptation_rate, time,
            fast, slow,
        )  # fmt: skip
        return occupancy * surface_after(surface, TOTAL, K_REC, rate, fast) + noise - level

    def trigger(time):
        return activation(signal(time), parameters.half_trigger, parameters.trigger_exponent)

    signals = [signal(time) for time in np.linspace(0.0, step, 20)]
    return quad(trigger, 0.0, step, limit=400, epsabs=1e-9)[0] / step, signals


@given(
    occupancy=st.floats(1e-3, 0.95), exponent=st.sampled_from([1.0, 2.0, 3.0]),
    half=st.floats(100.0, 1000.0), ahead=st.floats(-500.0, 500.0), noise=st.floats(-100.0, 100.0),
)  # fmt: skip
def test_three_nodes_give_the_mean_trigger_of_a_step_to_2e_3_and_to_6e_2_where_it_sets_in(
    occupancy, exponent, half, ahead, noise
):
    parameters = RESTING._replace(
        internalisation_rate=0.14 / 60.0, half_trigger=half, trigger_exponent=exponent
    )
    surface = surface_receptors(TOTAL, occupancy, 3.5)
    adapted = max(occupancy * surface - ahead, 0.0)
    exact, signals = by_quadrature(parameters, surface, adapted, occupancy, noise, 30.0)
    found = mean_trigger(parameters, surface, adapted, occupancy, noise, 30.0)
    sets_in = min(signals) < 0.0 < max(signals)
    assert found == pytest.approx(exact, abs=6e-2 if sets_in else 2e-3)


@given(
    st.floats(1e-3, 0.9), st.floats(0.0, 5e3), st.floats(0.0, 500.0), st.floats(1.0, 300.0),
    st.floats(0.0, 200.0),
)  # fmt: skip
def test_more_occupied_receptors_trigger_more_and_a_higher_adapted_level_less(
    occupancy, adapted, more, step, noise
):
    def trigger(occupancy, adapted, noise):
        return mean_trigger(RESTING, TOTAL, adapted, occupancy, noise, step)

    base = trigger(occupancy, adapted, noise)
    assert trigger(occupancy + 0.05, adapted, noise) >= base - 1e-12
    assert trigger(occupancy, adapted + more, noise) <= base + 1e-12
    assert trigger(occupancy, adapted, noise + more) >= base - 1e-12


# Uniform ligand


def caught_law(parameters, occupancy, duration, adapted=0.0):
    """Share caught of resting cells without noise whose receptors all stay on the surface."""
    jump = occupancy * TOTAL - adapted
    trigger = quad(
        lambda t: activation(
            jump * math.exp(-t * parameters.adaptation_rate),
            parameters.half_trigger, parameters.trigger_exponent,
        ),
        0.0, duration, limit=200,
    )[0]  # fmt: skip
    return -math.expm1(-parameters.triggered_arrest_rate * trigger)


@pytest.mark.parametrize("duration", [300.0, 1200.0, 6000.0])
def test_a_uniform_dose_triggers_for_a_time_that_adaptation_sets(duration):
    parameters = RESTING._replace(triggered_arrest_rate=2e-3, half_trigger=1000.0)
    held = on_touching_floor(resting(20_000), parameters, duration, 0.2).held.astype(float)
    assert abs(held.mean() - caught_law(parameters, 0.2, duration)) < 3.0 * standard_error(held)


def test_a_uniform_dose_catches_all_cells_without_adaptation_and_few_more_once_adapted():
    parameters = RESTING._replace(triggered_arrest_rate=2e-3, half_trigger=1000.0)
    whole = caught_law(parameters, 0.2, 6000.0)
    # Five adaptation times after the jump of 4000 receptors, 27 of them are left as signal.
    assert whole - caught_law(parameters, 0.2, 1500.0) < 0.01
    adapting = on_touching_floor(resting(2000), parameters, 6000.0, 0.2).held
    lasting = on_touching_floor(
        resting(2000), parameters._replace(adaptation_rate=0.0), 6000.0, 0.2
    ).held
    assert 0.4 < adapting.mean() < 0.8
    assert lasting.mean() > 0.999


def test_adapted_cells_are_not_caught_by_the_ligand_that_they_are_adapted_to():
    cells = resting(1000, adapted=0.2 * TOTAL)
    caught = RESTING._replace(triggered_arrest_rate=1.0)
    assert not on_touching_floor(cells, caught, HOUR, 0.2).held.any()
    assert on_touching_floor(cells, caught, 600.0, 0.25).held.all()


def test_a_fall_in_occupied_receptors_catches_no_cell_until_signalling_has_followed():
    caught = RESTING._replace(triggered_arrest_rate=1.0, half_trigger=10.0)
    cells = on_touching_floor(resting(300, adapted=5000.0), caught, HOUR, 0.05)
    assert not cells.held.any()
    assert cells.adapted == pytest.approx(1000.0 + 4000.0 * math.exp(-12.0), rel=1e-9)
    # Where the level was 5000, 1500 occupied receptors would trigger nothing; at 1000 they do.
    assert not on_touching_floor(resting(300, adapted=5000.0), caught, 60.0, 0.075).held.any()
    assert on_touching_floor(cells, caught, 60.0, 0.075).held.all()


def test_internalised_receptors_trigger_no_arrest():
    """Cells without surface receptors are not caught; those with all of them are."""
    parameters = RESTING._replace(recycling_rate=1e-12, triggered_arrest_rate=1.0)
    inside, outside = (
        on_touching_floor(resting(100, surface=r), parameters, 120.0, 0.2).held
        for r in (0.0, TOTAL)
    )
    assert not inside.any()
    assert outside.all()


# Noise


NOISY = RESTING._replace(trigger_noise=1.0, integration_time=60.0)


def noise_after(steps, time_step, seed=1):
    start = np.random.default_rng(5).standard_normal(20_000)
    cells = resting(20_000, noise=start, adapted=0.2 * TOTAL)
    after = on_touching_floor(
        cells, NOISY, steps * time_step, 0.2, time_step=time_step, seed=seed
    ).noise
    return start, after


@pytest.mark.parametrize(("steps", "time_step"), [(1, 30.0), (4, 15.0), (2, 60.0), (20, 30.0)])
def test_trigger_noise_has_variance_1_and_is_correlated_over_the_integration_time(steps, time_step):
    start, after = noise_after(steps, time_step)
    assert after.var() == pytest.approx(1.0, abs=4.0 * math.sqrt(2.0 / 20_000))
    assert abs(after.mean()) < 4.0 / math.sqrt(20_000)
    law = math.exp(-steps * time_step / 60.0)
    assert np.corrcoef(start, after)[0, 1] == pytest.approx(law, abs=4.0 / math.sqrt(20_000))


def test_the_triggers_noise_is_independent_of_turning_and_of_other_cells():
    _, after = noise_after(1, 300.0)
    cells = on_touching_floor(resting(20_000), NOISY, 300.0, 0.2, time_step=300.0)
    bound = 4.0 / math.sqrt(20_000)
    for other in (cells.heading_x, cells.heading_y, np.roll(after, 1)):
        assert abs(np.corrcoef(after, other)[0, 1]) < bound


@pytest.mark.parametrize("occupancy", [0.0, 0.2])
def test_noise_alone_arrests_adapted_cells_at_the_rate_of_its_standard_deviation(occupancy):
    # Noise that lasts: of each cell one value, drawn from the normal distribution.
    noise = np.random.default_rng(7).standard_normal(20_000)
    parameters = NOISY._replace(
        integration_time=1e9, dissociation_rate=1e-12, half_trigger=50.0, downstream_noise=30.0,
        triggered_arrest_rate=5e-3,
    )  # fmt: skip
    cells = resting(20_000, noise=noise, adapted=occupancy * TOTAL)
    held = on_touching_floor(cells, parameters, 300.0, occupancy).held.astype(float)
    looks = independent_samples(1e9, 1e-12, occupancy)
    sigma = binding_noise(TOTAL, occupancy, looks, 30.0)
    z, weight = roots_hermitenorm(120)
    trigger = np.array([activation(sigma * one, 50.0, 2.0) for one in z])
    law = (weight * -np.expm1(-5e-3 * 300.0 * trigger)).sum() / weight.sum()
    assert abs(held.mean() - law) < 3.5 * standard_error(held)
    assert law > 0.1
    still = parameters._replace(trigger_noise=0.0)
    assert not on_touching_floor(cells, still, 300.0, occupancy).held.any()


def test_steering_has_the_same_noise_with_the_triggers_noise_on_and_off():
    cells = crowd(np.full(500, 1000.0), np.full(500, 1000.0), np.linspace(0.0, 6.0, 500))
    seen = seen_by_cells(4.0 + np.sin(GRID.x / 300.0) * np.ones((GRID.ny, 1)))
    with_noise, without = (
        move(cells, GRID, SENSING._replace(trigger_noise=on, adheres=True, speed=0.03), HOUR,
             seen=seen, hold=touching(GRID, np.zeros((GRID.ny, GRID.nx))))
        for on in (1.0, 0.0)
    )  # fmt: skip
    assert np.array_equal(with_noise.heading_x, without.heading_x)
    assert np.array_equal(with_noise.surface, without.surface)
    assert not np.array_equal(with_noise.noise, without.noise)


# Switches


def test_with_arrest_off_cells_are_caught_at_the_basal_rate_whatever_the_ligand():
    settings = ["mechanisms.arrest=false", "cell_type.kg1a.basal_arrest_rate=1e-3 1/s"]
    spec = load_model("coculture-kg1a", settings=settings).spec
    parameters = cell_parameters(spec, DishFactors(), competition=0.0)._replace(
        release_rate=0.0, speed=0.0, crowding=False
    )
    for occupancy in (0.0, 0.5):
        held = on_touching_floor(resting(10_000), parameters, 600.0, occupancy).held.astype(float)
        assert abs(held.mean() - -math.expm1(-0.6)) < 3.0 * standard_error(held)


def test_an_antagonist_that_no_ligand_overcomes_leaves_noise_and_the_basal_rate():
    spec = load_model("coculture-kg1a", settings=["mechanisms.trigger_noise=false"]).spec
    free, antagonised = (
        cell_parameters(spec, DishFactors(), competition=competition)._replace(
            release_rate=0.0, speed=0.0, crowding=False
        )
        for competition in (0.0, 1e9)
    )
    basal = antagonised.basal_arrest_rate
    held = on_touching_floor(resting(20_000), antagonised, HOUR, 0.5).held.astype(float)
    assert abs(held.mean() - -math.expm1(-basal * HOUR)) < 3.5 * standard_error(held)
    assert on_touching_floor(resting(300), free, HOUR, 0.5).held.all()
