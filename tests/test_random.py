import itertools
import math
import subprocess
import sys

import numba
import numpy as np
import pytest
from scipy.special import erfc, ndtri
from scipy.stats import poisson

from sdf1_field.random import Stream, generator, name_key
from sdf1_field.random.kernels import (
    draw,
    draw_all,
    draws,
    exponential_quantile,
    normal_quantile,
    philox,
    poisson_quantile,
    subkey,
    subkeys,
)


@numba.njit
def _draws(seed, stream, entities, steps):
    numbers = np.empty((entities * steps, 2))
    for entity in range(entities):
        for step in range(steps):
            numbers[entity * steps + step] = draw(seed, stream, entity, step)
    return numbers


@pytest.mark.parametrize(
    ("counter", "key", "block"),
    [
        (
            (0, 0, 0, 0),
            (0, 0),
            (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8),
        ),
        (
            (0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF),
            (0xFFFFFFFF, 0xFFFFFFFF),
            (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD),
        ),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            (0xA4093822, 0x299F31D0),
            (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
        ),
    ],
)
def test_philox_gives_the_known_answers_of_random123(counter, key, block):
    words = philox(*(np.uint64(word) for word in counter + key))
    assert tuple(int(word) for word in words) == block


def test_a_draw_is_the_normal_quantile_of_52_bits_of_its_block_and_a_uniform_of_32_others():
    seed, entity, step = 2**32 * 5 + 7, 11, 13
    block = philox(*(np.uint64(word) for word in (step, entity, int(Stream.MOTION), 0, 7, 5)))
    w = [int(word) for word in block]
    normal, uniform = draw(seed, int(Stream.MOTION), entity, step)
    bits = (w[0] * 2**32 + w[1]) // 2**12
    assert normal == pytest.approx(ndtri((bits + 0.5) / 2**52), rel=1e-14)
    assert uniform == (w[2] + 0.5) / 2**32


def test_the_normal_quantile_is_that_of_scipy_to_round_off_tails_included():
    tail = 10.0 ** -np.linspace(0.31, 300.0, 5000)
    middle = np.linspace(0.0005, 0.9995, 5000)
    for probability in (tail, middle, 1.0 - tail[tail > 1e-12]):
        expected = ndtri(probability)
        found = np.array([normal_quantile(p) for p in probability])
        assert np.abs(found / expected - 1.0).max() < 1e-14
    assert normal_quantile(0.5) == 0.0


def test_the_normal_quantile_is_monotone_across_its_ranges():
    near_centre = 0.075 + np.arange(-200, 200) * 2.0**-50
    near_tail = math.exp(-25.0) * (1.0 + np.arange(-200, 200) * 2.0**-48)
    for probability in (near_centre, near_tail):
        steps = np.diff([normal_quantile(p) for p in probability])
        assert (steps >= -4e-15).all()


def test_many_draws_are_the_same_as_each_alone():
    entities = np.array([5, 2**31 + 3, 0, 77] * 40)
    normals, uniforms, others = np.empty((3, 160))
    draw_all(2**40 + 9, int(Stream.MOTION), entities, 12, normals, uniforms, others, True)
    for entity, *numbers in zip(entities, normals, uniforms, strict=True):
        assert draw(2**40 + 9, int(Stream.MOTION), int(entity), 12) == tuple(numbers)
    assert len(set(others)) == 4
    assert not set(others) & set(normals)


@numba.njit
def _sums(seed, blocks, which):
    """Of one of the two kinds of normals: sums of powers 1 to 8, numbers beyond 1 to 5 each way."""
    entities, uniforms = np.arange(1000), np.empty(1000)
    normals, others = np.empty(1000), np.empty(1000)
    sums, beyond = np.zeros(9), np.zeros((2, 6))
    for step in range(blocks):
        draw_all(seed, 5, entities, step, normals, uniforms, others, which)
        for normal in others if which else normals:
            power = 1.0
            for k in range(1, 9):
                power *= normal
                sums[k] += power
            for k in range(1, 6):
                beyond[0, k] += normal > k
                beyond[1, k] += normal < -k
    return sums, beyond


@pytest.mark.parametrize("which", [False, True], ids=["of 52 bits", "of 32 bits"])
@pytest.mark.slow
def test_ten_million_normals_have_gaussian_moments_and_tails(which):
    count = 10_000_000
    sums, beyond = _sums(3, count // 1000, which)
    moments = {0: 1, 2: 1, 4: 3, 6: 15, 8: 105, 10: 945, 12: 10395, 14: 135135, 16: 2027025}
    for power in range(1, 9):
        law, square = moments.get(power, 0), moments[2 * power]
        error = 4.0 * math.sqrt((square - law**2) / count)
        assert sums[power] / count == pytest.approx(law, abs=error), power
    for k in range(1, 6):
        expected = 0.5 * count * erfc(k / math.sqrt(2.0))
        for side in beyond[:, k]:
            assert abs(side - expected) < 4.0 * math.sqrt(expected) + 1.0, k
    assert beyond[:, 4].sum() > 500


def test_draws_have_the_moments_of_normal_and_uniform_laws():
    numbers = _draws(1, int(Stream.MOTION), 400, 500)
    count = len(numbers)
    normal, uniform = numbers[:, 0], numbers[:, 1]
    # Mean of x**p has the variance (E x**2p - (E x**p)**2) / count; four standard errors.
    for power, mean, variance in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)):
        error = 4.0 * math.sqrt(variance / count)
        assert np.mean(normal**power) == pytest.approx(mean, abs=error)
    assert uniform.min() > 0.0
    assert uniform.max() < 1.0
    assert uniform.mean() == pytest.approx(0.5, abs=4 / math.sqrt(12 * count))
    assert uniform.var() == pytest.approx(1 / 12, abs=4 / math.sqrt(180 * count))


def test_numbers_of_a_draw_and_of_neighbouring_draws_do_not_correlate():
    entities, steps = 300, 300
    numbers = _draws(3, int(Stream.MOTION), entities, steps).reshape(entities, steps, 2)
    pairs = {
        "within a draw": (numbers[..., 0], numbers[..., 1]),
        "next step": (numbers[:, 1:, 0], numbers[:, :-1, 0]),
        "next entity": (numbers[1:, :, 0], numbers[:-1, :, 0]),
        "uniform at the next step": (numbers[:, 1:, 1], numbers[:, :-1, 1]),
        "uniform of the next entity": (numbers[1:, :, 1], numbers[:-1, :, 1]),
    }
    for what, (a, b) in pairs.items():
        r = np.corrcoef(a.ravel(), b.ravel())[0, 1]
        assert abs(r) < 4.0 / math.sqrt(a.size), what


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((1, Stream.MOTION), (2, Stream.MOTION)),
        ((1, Stream.MOTION), (1 + 2**32, Stream.MOTION)),
        ((1, Stream.MOTION), (1, Stream.ENCOUNTER)),
    ],
)
def test_kernels_draws_of_other_seeds_and_streams_are_independent(one, other):
    a = _draws(one[0], int(one[1]), 100, 100)
    b = _draws(other[0], int(other[1]), 100, 100)
    assert not np.any(a[:, 1] == b[:, 1])
    assert abs(np.corrcoef(a[:, 0], b[:, 0])[0, 1]) < 4.0 / math.sqrt(len(a))


def test_a_draw_depends_on_nothing_drawn_before():
    first = draw(5, int(Stream.MOTION), 2, 9)
    _draws(6, int(Stream.MOTION), 3, 3)
    assert draw(5, int(Stream.MOTION), 2, 9) == first


def test_many_entities_draw_what_each_draws_with_its_own_key():
    keys, entities = np.array([5, 2**62 + 1, 0])[:, None], np.array([[4, 0, 2**31, 9]])
    normals, uniforms = draws(keys, Stream.FIBRE, entities, 3)
    assert normals.shape == uniforms.shape == (3, 4)
    for i, j in itertools.product(range(3), range(4)):
        expected = draw(int(keys[i, 0]), int(Stream.FIBRE), int(entities[0, j]), 3)
        assert (normals[i, j], uniforms[i, j]) == expected
    of_all = draws(7, Stream.FIBRE, entities[0], 3)
    assert of_all[0][1] == draw(7, int(Stream.FIBRE), 0, 3)[0]


def test_keys_of_entities_differ_and_are_keys_of_independent_numbers():
    keys = subkeys(1, Stream.FIBRE, np.arange(20_000))
    assert keys[17] == subkey(1, int(Stream.FIBRE), 17)
    assert keys.min() >= 0
    assert len(np.unique(keys)) == len(keys)
    # Evenly over 63 bits, so that no part of a key tells the entity.
    for part in (keys / 2.0**63, (keys % 2**31) / 2.0**31):
        assert part.mean() == pytest.approx(0.5, abs=4 / math.sqrt(12 * len(keys)))
        steps = np.corrcoef(part[1:], part[:-1])[0, 1]
        assert abs(steps) < 4 / math.sqrt(len(keys))
    others = (subkeys(2, Stream.FIBRE, np.arange(20_000)), subkeys(1, Stream.CARGO, np.arange(9)))
    assert not np.isin(np.concatenate(others), keys).any()
    normals, uniforms = draws(keys, Stream.FIBRE, 0, 0)
    assert normals.mean() == pytest.approx(0.0, abs=4 / math.sqrt(len(keys)))
    assert normals.var() == pytest.approx(1.0, abs=4 * math.sqrt(2 / len(keys)))
    assert uniforms.mean() == pytest.approx(0.5, abs=4 / math.sqrt(12 * len(keys)))
    for numbers in (normals, uniforms):
        assert abs(np.corrcoef(numbers[1:], numbers[:-1])[0, 1]) < 4 / math.sqrt(len(keys))


def test_generators_repeat_for_one_purpose_and_differ_for_every_other():
    seeds = (0, 1, 2, 1 + 2 * 2**32, 2**63 - 1)
    firsts = {}
    for seed, stream, entity in itertools.product(seeds, Stream, (0, 1, 3)):
        value = generator(seed, stream, entity).random()
        assert value == generator(seed, stream, entity).random()
        firsts.setdefault(value, []).append((seed, stream.name, entity))
    assert [same for same in firsts.values() if len(same) > 1] == []


def test_generators_of_two_streams_are_uncorrelated():
    a = generator(1, Stream.SCENE).standard_normal(10_000)
    b = generator(1, Stream.VARIATION).standard_normal(10_000)
    assert abs(np.corrcoef(a, b)[0, 1]) < 4.0 / math.sqrt(len(a))


def test_streams_and_their_generators_need_no_numba():
    program = (
        "import sys; from sdf1_field.random import Stream, generator, name_key; "
        "print(generator(1, Stream.BOOTSTRAP).integers(100), name_key('sdf1'), "
        "'numba' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    assert done.stdout.split() == [
        str(generator(1, Stream.BOOTSTRAP).integers(100)), str(name_key("sdf1")), "False",
    ]  # fmt: skip


@pytest.mark.parametrize("mean", [0.0, 0.3, 4.0, 40.0])
def test_quantiles_of_a_poisson_number_are_those_of_scipy(mean):
    probabilities = (np.arange(1000) + 0.5) / 1000
    found = [poisson_quantile(mean, probability) for probability in probabilities]
    assert found == list(poisson(mean).ppf(probabilities).astype(int))


def test_a_waiting_time_has_the_exponential_survival_function_and_never_ends_at_rate_0():
    for survival in (1e-9, 0.3, 0.999):
        time = exponential_quantile(0.25, survival)
        assert math.exp(-0.25 * time) == pytest.approx(survival, rel=1e-12)
    assert exponential_quantile(0.0, 0.5) == math.inf
