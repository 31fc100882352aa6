import numpy as np
import pytest

pytest.importorskip("sklearn")

from sdf1_field.calibration.importance import sample

ROUNDS = (2048, 2048, 2048, 2048)


def bump(points, place, width, axes):
    return np.exp(-0.5 * (((points[:, axes] - place) / width) ** 2).sum(axis=1))


def two_likelihoods(points):
    wide = bump(points, 0.5, 0.15, [0, 1])
    return {"both": wide * bump(points, 0.7, 0.06, [2, 3]), "first": wide}


@pytest.fixture(scope="module")
def found():
    return sample(two_likelihoods, ["both", "first"], 10, rounds=ROUNDS, seed=3)


def test_the_evidence_is_the_likelihoods_mean_over_the_cube(found):
    of_axis = np.sqrt(2.0 * np.pi) * np.array([0.15, 0.15, 0.06, 0.06])
    for name, exact in (("both", of_axis.prod()), ("first", of_axis[:2].prod())):
        evidence, error = found.evidence(name)
        assert error < 0.06 * exact
        assert abs(evidence - exact) < 4.0 * error + 0.002 * exact


def test_posterior_means_and_widths_are_exact_within_the_effective_size(found):
    weights = found.weights("both")
    size = found.effective_size("both")
    assert size > 1000.0
    mean = weights @ found.points
    spread = np.sqrt(weights @ (found.points - mean) ** 2)
    assert mean[[0, 1, 2, 3]] == pytest.approx([0.5, 0.5, 0.7, 0.7], abs=5 * 0.15 / np.sqrt(size))
    assert spread[[2, 3]] == pytest.approx([0.06, 0.06], rel=0.1)
    assert spread[4:] == pytest.approx(np.full(6, 1.0 / np.sqrt(12.0)), rel=0.06)


def test_prior_weights_average_to_one(found):
    assert found.prior.mean() == pytest.approx(1.0, abs=0.03)
    assert found.prior.max() <= 1.0 / 0.25 + 1e-9


def test_same_seed_same_points():
    one, other = (sample(two_likelihoods, ["both"], 4, rounds=(256, 256), seed=5) for _ in range(2))
    assert np.array_equal(one.points, other.points)
    assert not np.array_equal(
        one.points, sample(two_likelihoods, ["both"], 4, rounds=(256, 256), seed=6).points
    )


def test_where_nothing_agrees_the_evidence_is_0_and_the_effective_size_too():
    found = sample(
        lambda points: {"none": np.zeros(len(points))}, ["none"], 3, rounds=(64, 64), seed=1
    )
    assert found.evidence("none") == (0.0, 0.0)
    assert found.effective_size("none") == 0.0
    assert not found.weights("none").any()


def test_resampled_points_come_in_proportion_to_their_weights(found):
    numbers = found.resampled("both", 4000, seed=1)
    count = np.bincount(numbers, minlength=len(found.points))
    assert np.abs(count - 4000 * found.weights("both")).max() <= 1.0
