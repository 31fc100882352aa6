"""Cosine modes, and the transforms of a spline and a disc."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.interpolate import BSpline
from scipy.special import j0

from sdf1_field.grid import make_grid
from sdf1_field.modes import (
    disc_transform,
    forward,
    inverse,
    spline_coefficients,
    spline_symbol,
    transform_threads,
)

VALUES = np.random.default_rng(3).random((12, 10))


def test_transform_is_orthonormal_and_inverted():
    assert inverse(forward(VALUES)) == pytest.approx(VALUES, rel=1e-13)
    assert np.sum(forward(VALUES) ** 2) == pytest.approx(np.sum(VALUES**2))


def test_modes_diagonalise_the_laplacian_between_reflecting_walls():
    grid = make_grid(100, 60, 50, spacing=10, floor_layer=5, layer_growth=1.2)
    values = VALUES[: grid.ny, : grid.nx]
    padded = np.pad(values, 1, mode="symmetric")
    laplacian = (padded[2:, 1:-1] - 2 * values + padded[:-2, 1:-1]) / grid.dy**2
    laplacian += (padded[1:-1, 2:] - 2 * values + padded[1:-1, :-2]) / grid.dx**2
    assert forward(laplacian) == pytest.approx(
        -grid.laplacian_eigenvalues() * forward(values), abs=1e-13
    )


def test_spline_through_the_values_has_them_at_the_centres():
    coefficients = spline_coefficients(VALUES)
    left, middle, right = BSpline.basis_element(np.arange(-2.0, 3.0))([-1.0, 0.0, 1.0])
    padded = np.pad(coefficients, ((1, 1), (0, 0)), mode="symmetric")
    at_centres = left * padded[:-2] + middle * padded[1:-1] + right * padded[2:]
    assert at_centres == pytest.approx(VALUES, rel=1e-12)
    assert (spline_coefficients(np.full((5, 2), 0.1)) == 0.1).all()
    assert spline_symbol(7)[0] == 1.0


@pytest.mark.parametrize("argument", [0.0, 1e-4, 0.7, 9.0])
def test_disc_transform_is_the_mean_of_plane_waves_over_a_disc(argument):
    mean = quad(lambda r: 2.0 * r * j0(argument * r), 0.0, 1.0)[0]
    assert disc_transform(np.array(argument)) == pytest.approx(mean, rel=1e-10)


def test_threads_do_not_change_a_bit():
    with transform_threads(2):
        many = forward(np.tile(VALUES, (8, 8)))
    assert (many == forward(np.tile(VALUES, (8, 8)))).all()
