from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq

from sdf1_field.pharmacology import (
    apparent_dissociation_constant,
    binding_noise,
    blocked_fraction,
    chemotactic_index,
    independent_samples,
    occupancy_difference,
    occupied_fraction,
    receptor_occupancy,
    surface_receptors,
)

K_D, K_I = 4.5, 651.0

positive = st.floats(min_value=1e-3, max_value=1e5)


@given(positive, positive, st.floats(min_value=0.0, max_value=1e6), positive)
def test_occupancy_obeys_gaddums_law(c, k_d, a, k_i):
    exact = Fraction(c) / (Fraction(c) + Fraction(k_d) * (1 + Fraction(a) / Fraction(k_i)))
    occupancy = receptor_occupancy(
        c, dissociation_constant=k_d, antagonist=a, inhibition_constant=k_i
    )
    assert float(occupancy) == pytest.approx(float(exact), rel=1e-14)


@given(st.lists(st.floats(min_value=0.0, max_value=1e4), min_size=2), positive)
def test_occupancy_never_falls_with_concentration_and_stays_below_one(concentrations, k_d):
    occupancy = receptor_occupancy(sorted(concentrations), dissociation_constant=k_d)
    assert (np.diff(occupancy) >= 0.0).all()
    assert occupancy[0] >= 0.0
    assert occupancy[-1] < 1.0


@pytest.mark.parametrize("antagonist", [0.0, 100.0, 651.0, 1000.0, 10_000.0])
def test_an_antagonist_shifts_the_half_maximum_by_schilds_factor(antagonist):
    def above_half(log_concentration):
        occupancy = receptor_occupancy(
            10.0**log_concentration,
            dissociation_constant=K_D,
            antagonist=antagonist,
            inhibition_constant=K_I,
        )
        return float(occupancy) - 0.5

    half_maximum = 10.0 ** brentq(above_half, -3.0, 6.0, xtol=1e-13)
    assert half_maximum / K_D == pytest.approx(1.0 + antagonist / K_I, rel=1e-10)


def test_enough_ligand_overcomes_any_antagonist():
    occupancy = receptor_occupancy(
        [K_D * 1e8], dissociation_constant=K_D, antagonist=1e4, inhibition_constant=K_I
    )
    # 1 - theta = (1 + a/K_i) / (1e8 + 1 + a/K_i)
    assert 1.0 - occupancy[0] == pytest.approx(1.636e-7, rel=1e-3)


@pytest.mark.parametrize(
    ("k_d", "k_i", "which"),
    [
        (0.0, 1.0, "dissociation"),
        (-1.0, 1.0, "dissociation"),
        (1.0, 0.0, "inhibition"),
        (1.0, -2.0, "inhibition"),
    ],
)
def test_constants_that_are_not_positive_are_refused(k_d, k_i, which):
    with pytest.raises(ValueError, match=f"^the {which} constant must be positive$"):
        receptor_occupancy(1.0, dissociation_constant=k_d, antagonist=1.0, inhibition_constant=k_i)


@pytest.mark.parametrize("k_d", [0.0, -4.5])
def test_an_apparent_constant_needs_a_positive_one(k_d):
    with pytest.raises(ValueError, match=r"^the dissociation constant must be positive$"):
        apparent_dissociation_constant(k_d, competition=1.0)


def test_antagonists_add_up_in_the_apparent_constant():
    competition = 1000.0 / 651.0 + 3.0 / 2.0
    exact = Fraction(K_D) * (1 + Fraction(1000, 651) + Fraction(3, 2))
    apparent = apparent_dissociation_constant(K_D, competition=competition)
    assert apparent == pytest.approx(float(exact), rel=1e-15)
    assert apparent_dissociation_constant(K_D, competition=0.0) == K_D


@given(st.floats(min_value=0.0, max_value=1e4), positive)
def test_occupied_fraction_is_langmuirs_of_a_number_and_of_an_array(c, k):
    exact = float(Fraction(c) / (Fraction(c) + Fraction(k)))
    assert occupied_fraction(c, k) == pytest.approx(exact, rel=1e-15)
    assert occupied_fraction(np.array([c, k]), k) == pytest.approx([exact, 0.5], rel=1e-15)


@pytest.mark.parametrize("signal", [1e-5, 1e-4, 2e-4])
def test_the_difference_keeps_its_digits_on_top_of_a_uniform_dose(signal):
    back, exact_k = 12.6, Fraction(K_D)
    front = back + signal
    difference = Fraction(front) - Fraction(back)
    exact = Fraction(front) / (Fraction(front) + exact_k) - Fraction(back) / (
        Fraction(back) + exact_k
    )
    closed = occupancy_difference(float(difference), front, back, K_D)
    subtracted = front / (front + K_D) - back / (back + K_D)
    assert abs(Fraction(closed) / exact - 1) < 1e-15
    assert abs(Fraction(subtracted) / exact - 1) > 1e-12


def test_the_difference_changes_sign_with_front_and_back():
    assert occupancy_difference(0.3, 1.3, 1.0, K_D) == -occupancy_difference(-0.3, 1.0, 1.3, K_D)
    assert occupancy_difference(0.0, 12.6, 12.6, K_D) == 0.0


def test_a_uniform_dose_weakens_the_signal_of_a_given_gradient():
    alone = occupancy_difference(1e-4, 0.05 + 1e-4, 0.05, K_D)
    with_dose = occupancy_difference(1e-4, 12.65 + 1e-4, 12.65, K_D)
    # (K + 0.05)**2 / (K + 12.65)**2 to first order in the gradient
    assert with_dose / alone == pytest.approx((4.55 / 17.15) ** 2, rel=1e-4)


@pytest.mark.parametrize("occupancy", [0.0, 0.3, 1.0])
def test_surface_receptors_balance_recycling_and_internalisation(occupancy):
    total, k_e, k_rec = 2e4, 0.79, 0.04
    surface = surface_receptors(total, occupancy, k_e / k_rec)
    assert k_rec * (total - surface) == pytest.approx(k_e * occupancy * surface, rel=1e-12)
    assert surface <= total


def test_binding_noise_is_that_of_two_independent_halves():
    rng = np.random.default_rng(7)
    receptors, occupancy, own = 400, 0.3, 5.0
    samples = 200_000
    front, back = rng.binomial(receptors // 2, occupancy, size=(2, samples))
    seen = front - back + own * rng.standard_normal(samples)
    expected = binding_noise(float(receptors), occupancy, 1.0, own)
    # The standard deviation of a sample scatters by sigma / sqrt(2 n); four of that.
    assert seen.std() == pytest.approx(expected, rel=4 / np.sqrt(2 * samples))


def test_averaging_quarters_the_binding_noise_at_sixteen_looks_but_not_the_cells_own():
    assert binding_noise(1e4, 0.2, 16.0, 0.0) == pytest.approx(10.0, rel=1e-14)
    assert binding_noise(1e4, 0.0, 16.0, 7.0) == 7.0


@pytest.mark.parametrize("occupancy", [0.0, 0.4, 0.9])
def test_looks_grow_with_the_integration_time_over_twice_the_relaxation_time(occupancy):
    k_off, time = 0.01, 600.0
    # Relaxation at c = K theta / (1 - theta): k_on c + k_off = k_off / (1 - theta).
    relaxation = (1.0 - occupancy) / k_off
    samples = independent_samples(time, k_off, occupancy)
    assert samples - 1.0 == pytest.approx(time / (2.0 * relaxation), rel=1e-12)


@pytest.mark.parametrize("snr", [0.0, 1e-3, 0.1, 1.0, 5.0, 30.0, 400.0])
def test_the_chemotactic_index_is_the_mean_cosine_of_the_von_mises_law(snr):
    # The trapezium rule converges faster than any power on periodic functions.
    angle = 2.0 * np.pi * np.arange(512) / 512
    weight = np.exp(snr * (np.cos(angle) - 1.0))
    mean_cosine = (weight * np.cos(angle)).sum() / weight.sum()
    assert float(chemotactic_index(snr)) == pytest.approx(mean_cosine, rel=1e-12, abs=1e-15)


def test_the_chemotactic_index_rises_from_half_the_ratio_to_one():
    assert float(chemotactic_index(1e-6)) == pytest.approx(5e-7, rel=1e-9)
    assert 1.0 - float(chemotactic_index(1e4)) == pytest.approx(0.5e-4, rel=1e-3)
    assert 1.0 - float(chemotactic_index(1e6)) == pytest.approx(0.5e-6, rel=1e-3)
    index = chemotactic_index(np.linspace(0.0, 50.0, 400))
    assert (np.diff(index) > 0.0).all()


def test_an_antibody_at_its_dissociation_constant_blocks_half_of_its_maximum():
    assert blocked_fraction(2.5, dissociation_constant=2.5) == 0.5
    assert blocked_fraction(2.5, dissociation_constant=2.5, maximum=0.8) == pytest.approx(0.4)
    assert blocked_fraction(0.0, dissociation_constant=2.5) == 0.0
    assert blocked_fraction(1e9, dissociation_constant=2.5, maximum=0.0) == 0.0


def test_five_micrograms_of_antibody_per_millilitre_block_97_per_cent_at_1_nanomolar():
    # 5 ug/mL of 150 kDa is 100/3 nM.
    assert blocked_fraction(100 / 3, dissociation_constant=1.0) == pytest.approx(100 / 103)
