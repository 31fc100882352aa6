"""Maps that cells sample, from the fields on the grid."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdf1_field.exposure.sampling import PADDING, Stimulus, SubgridField
from sdf1_field.grid import Grid
from sdf1_field.modes import disc_transform, forward, inverse, spline_symbol
from sdf1_field.spec import ModelSpec
from sdf1_field.transport import Transport, steady_admittance
from sdf1_field.units import MOLECULES_PER_UM3_PER_NM

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class GridResponse:
    """Response of a cell to the floor's cosine modes.

    Parameters
    ----------
    factors : ndarray, shape (ny, nx)
        From the modes of values at cell centres to those of spline coefficients.
    plain : ndarray, shape (ny, nx)
        The same for a pattern of the coat itself, which is not a response of the medium.
    """

    factors: Array
    plain: Array


def grid_response(grid: Grid, transport: Transport, *, cell_radius: float) -> GridResponse:
    """Mean over the disc under a cell, without the dispersion of the finite volumes.

    The response is the product of the disc's transform, of the finite volumes' admittance at z = 0
    over the exact one, and of the inverse of the splines' own transform. The second is exact in
    steady state of medium and coat. It differs from 1 on the scale of a few grid cells alone, and
    there medium and coat reach steady state within seconds and minutes.

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
    symbol_x, symbol_y = spline_symbol(grid.nx), spline_symbol(grid.ny)
    factors = disc_transform(wavenumber * cell_radius) / (symbol_y[:, None] * symbol_x[None, :])
    return GridResponse(factors * _transfer(grid, transport, wavenumber), factors)


def _transfer(grid: Grid, transport: Transport, wavenumber: Array) -> Array:
    """Steady admittance of the finite volumes at z = 0 over that of the medium; 1 for the mean."""
    diffusivity = transport.diffusivity
    fixed = transport.top_conductance(grid) > 0.0
    lateral = diffusivity * grid.laplacian_eigenvalues() + transport.loss_rate
    ladder = steady_admittance(grid, transport, lateral)
    solved = ladder / (1.0 + transport.floor_resistance(grid) * ladder)
    root = np.sqrt(wavenumber**2 + transport.loss_rate / diffusivity)
    level = np.tanh(root * grid.height)
    exact = diffusivity * (root / np.where(level > 0.0, level, 1.0) if fixed else root * level)
    solved[0, 0] = exact[0, 0] = 1.0
    ratio: Array = solved / exact
    return ratio


def stimulus(
    spec: ModelSpec,
    response: GridResponse,
    concentration: Array,
    bound: Array,
    subgrid: SubgridField,
    *,
    patterned: bool = False,
) -> Stimulus:
    """Dissolved and coat-bound ligand as CXCR4 senses it.

    Parameters
    ----------
    spec : ModelSpec
    response : GridResponse
    concentration, bound : ndarray, shape (ny, nx)
        At z = 0 [nM] and on the coat [molecules/um**2], at cell centres.
    subgrid : SubgridField
        Made for the model's mechanisms.
    patterned : bool
        Whether the coat has a pattern of its own.
    """
    on = spec.mechanisms
    share = spec.receptor.cxcr4.coat_share / MOLECULES_PER_UM3_PER_NM
    if patterned:
        dissolved = coefficients_of(response.factors, concentration)
        attached = coefficients_of(response.plain, share * bound)
        visible = dissolved + attached
    else:
        visible = coefficients_of(response.factors, concentration + share * bound)
    if on.soluble_sensing and on.haptotaxis:
        return Stimulus(visible, visible, True, subgrid)
    steering = np.zeros_like(visible)
    if on.soluble_sensing:
        steering = dissolved if patterned else coefficients_of(response.factors, concentration)
    if on.haptotaxis:
        steering = attached if patterned else coefficients_of(response.factors, share * bound)
    return Stimulus(visible, steering, False, subgrid)


def coefficients_of(factors: Array, values: Array) -> Array:
    """Spline coefficients of the values at cell centres under a response, padded."""
    modes = forward(values)
    modes *= factors
    return np.pad(inverse(modes, overwrite=True), PADDING, mode="symmetric")
