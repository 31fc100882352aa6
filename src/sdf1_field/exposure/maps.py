"""From the fields on the grid to the maps that cells sample."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdf1_field.exposure.sampling import PADDING, Stimulus, SubgridField
from sdf1_field.exposure.subgrid import disc_transform
from sdf1_field.grid import Grid
from sdf1_field.spec import ModelSpec
from sdf1_field.transport import Transport, forward, inverse, steady_admittance
from sdf1_field.units import MOLECULES_PER_UM3_PER_NM

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Lens:
    """How a cell sees the floor's cosine modes.

    Parameters
    ----------
    factors : ndarray, shape (ny, nx)
        From the modes of values at cell centres to those of spline coefficients.
    plain : ndarray, shape (ny, nx)
        The same for what is a pattern of its own, not an answer of the medium.
    """

    factors: Array
    plain: Array


def lens(grid: Grid, transport: Transport, *, cell_radius: float) -> Lens:
    """Mean over the disc under a cell, without the dispersion of the finite volumes.

    The product of the disc's transform, of the finite volumes' admittance at z = 0 over the exact
    one, and of the inverse of the splines' own transform. The second is exact for a medium that is
    in balance with its sources and a coat in balance with the medium: on the scale of a few cells
    of the grid, where alone it differs from 1, they are within seconds and minutes.

    Parameters
    ----------
    grid : Grid
    transport : Transport
    cell_radius : float
        [um], >= 0; 0 for the value at a place.
    """
    qx = math.pi * np.arange(grid.nx) / grid.width
    qy = math.pi * np.arange(grid.ny) / grid.length
    wavenumber = np.hypot(qy[:, None], qx[None, :])
    symbol_x, symbol_y = _symbol(grid.nx), _symbol(grid.ny)
    factors = disc_transform(wavenumber * cell_radius) / (symbol_y[:, None] * symbol_x[None, :])
    return Lens(factors * _transfer(grid, transport, wavenumber), factors)


def _symbol(count: int) -> Array:
    """What a cosine mode of spline coefficients is at the centres."""
    symbol: Array = (2.0 + np.cos(math.pi * np.arange(count) / count)) / 3.0
    return symbol


def _transfer(grid: Grid, transport: Transport, wavenumber: Array) -> Array:
    """Steady admittance of the finite volumes at z = 0 over that of the medium; 1 for the mean."""
    diffusivity = transport.diffusivity
    fixed = transport.bath is not None or transport.mixed is not None
    lateral = diffusivity * grid.laplacian_eigenvalues() + transport.loss_rate
    ladder = steady_admittance(grid, transport, lateral)
    solved = ladder / (1.0 + 0.5 * grid.thickness[0] / diffusivity * ladder)
    root = np.sqrt(wavenumber**2 + transport.loss_rate / diffusivity)
    level = np.tanh(root * grid.height)
    exact = diffusivity * (root / np.where(level > 0.0, level, 1.0) if fixed else root * level)
    solved[0, 0] = exact[0, 0] = 1.0
    ratio: Array = solved / exact
    return ratio


def stimulus(
    spec: ModelSpec,
    through: Lens,
    concentration: Array,
    bound: Array,
    near: SubgridField,
    *,
    patterned: bool = False,
) -> Stimulus:
    """What CXCR4 sees of dissolved and coat-bound SDF-1.

    Parameters
    ----------
    spec : ModelSpec
    through : Lens
    concentration, bound : ndarray, shape (ny, nx)
        At z = 0 [nM] and on the coat [molecules/um**2], at cell centres.
    near : SubgridField
        Made with what the model's mechanisms follow.
    patterned : bool
        Whether the coat has a pattern of its own.
    """
    on = spec.mechanisms
    share = spec.receptor.cxcr4.coat_share / MOLECULES_PER_UM3_PER_NM
    if patterned:
        dissolved = _coefficients(through.factors, concentration)
        attached = _coefficients(through.plain, share * bound)
        visible = dissolved + attached
    else:
        visible = _coefficients(through.factors, concentration + share * bound)
    if on.soluble_sensing and on.haptotaxis:
        return Stimulus(visible, visible, True, near)
    steering = np.zeros_like(visible)
    if on.soluble_sensing:
        steering = dissolved if patterned else _coefficients(through.factors, concentration)
    if on.haptotaxis:
        steering = attached if patterned else _coefficients(through.factors, share * bound)
    return Stimulus(visible, steering, False, near)


def _coefficients(factors: Array, values: Array) -> Array:
    """Spline coefficients of values at cell centres as a cell sees them, padded."""
    modes = forward(values)
    modes *= factors
    return np.pad(inverse(modes), PADDING, mode="symmetric")
