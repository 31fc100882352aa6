"""Exposure of cells to the ligand that CXCR4 binds: grid response plus sub-grid correction.

The exposure's own state is the coat around the migrasomes that carry the ligand, as far as the grid
cannot resolve it. Between two times it is advanced under the mean of the face values at both ends,
and cells sense the same mean (first order in the interval).
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sdf1_field.exposure.maps import GridResponse, grid_response, stimulus
from sdf1_field.exposure.sampling import Stimulus
from sdf1_field.exposure.subgrid import (
    WAVENUMBERS,
    SubgridBasis,
    SubgridSources,
    Surroundings,
    advance_coat,
    burst_onto_coat,
    correction_of,
    subgrid_basis,
    surroundings,
)
from sdf1_field.grid import Grid
from sdf1_field.migrasomes import Emission
from sdf1_field.scene import Scene
from sdf1_field.spec import ModelSpec
from sdf1_field.transport import Transport

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class SensingSetup:
    """Constants of the exposure in a run.

    Parameters
    ----------
    spec : ModelSpec
    grid : Grid
    ligand : str
        The one that CXCR4 binds.
    radius : float
        Of the disc under a cell over which it averages [um].
    response : GridResponse
    """

    spec: ModelSpec
    grid: Grid
    ligand: str
    radius: float
    response: GridResponse


@dataclass(frozen=True, eq=False)
class Exposure:
    """State of the exposure at a time.

    Parameters
    ----------
    coated : ndarray, shape (source, WAVENUMBERS)
        Transforms of the coat around the migrasomes that ever carry the ligand, in the order of
        their numbers; see `sdf1_field.exposure.subgrid`.
    """

    coated: Array


class FaceValues(NamedTuple):
    """Ligand on the floor at a time.

    Parameters
    ----------
    concentration, bound : ndarray, shape (ny, nx)
        At z = 0 [nM] and on the coat [molecules/um**2].
    """

    concentration: Array
    bound: Array


class Sensed(NamedTuple):
    """Ligand on the floor over an interval, of which receptors sense a part.

    Parameters
    ----------
    mean : FaceValues
        On the grid, over the interval.
    basis : SubgridBasis
    sources : SubgridSources
        Migrasomes that ever carry the ligand.
    """

    mean: FaceValues
    basis: SubgridBasis
    sources: SubgridSources


def sensing_setup(spec: ModelSpec, grid: Grid, transport: Transport) -> SensingSetup:
    """Setup for the one ligand that a model's cells sense.

    Parameters
    ----------
    spec : ModelSpec
    grid : Grid
    transport : Transport
        Of that ligand.
    """
    (ligand,) = spec.sensed_ligands
    radius = 0.5 * spec.haematopoietic.diameter
    response = grid_response(grid, transport, cell_radius=radius)
    return SensingSetup(spec, grid, ligand, radius, response)


def begin(setup: SensingSetup | None, scene: Scene) -> Exposure:
    """Exposure on an empty coat; without sources where nothing is sensed."""
    count = 0 if setup is None else len(_carriers(scene, setup.ligand))
    return Exposure(np.zeros((count, WAVENUMBERS)))


def advance(
    setup: SensingSetup,
    transport: Transport,
    exposure: Exposure,
    before: FaceValues,
    after: FaceValues,
    emission: Emission,
    *,
    discontinuous: bool,
) -> tuple[Exposure, Sensed]:
    """Exposure at the end of an interval, and the ligand throughout it.

    Parameters
    ----------
    setup : SensingSetup
    transport : Transport
        Of the ligand, the coat's sites those of the scene.
    exposure : Exposure
        At the beginning.
    before, after : FaceValues
        At both ends.
    emission : Emission
        Of the ligand in between.
    discontinuous : bool
        Whether the floor has changed at once at the beginning; the concentration is then that of
        the end alone.
    """
    concentration = after.concentration
    if not discontinuous:
        concentration = 0.5 * (before.concentration + concentration)
    mean = FaceValues(concentration, 0.5 * (before.bound + after.bound))
    m, own = emission.after.migrasomes, _carriers(emission.after, setup.ligand)
    rate = emission.migrasomes.mean[own]
    basis, around = _around(setup, transport, emission.after, mean)
    held = _with_new(exposure.coated, len(own))
    coated = advance_coat(basis, around, held, rate, emission.until - emission.since)
    sources = SubgridSources(own, m.x[own], m.y[own], m.radius[own], rate, around, held, coated)
    return Exposure(coated), Sensed(mean, basis, sources)


def stimulus_of(setup: SensingSetup, sensed: Sensed) -> Stimulus:
    """Stimulus of the model's cells over an interval."""
    on = setup.spec.mechanisms
    correction = correction_of(
        sensed.basis,
        sensed.sources,
        coat_share=setup.spec.receptor.cxcr4.coat_share,
        soluble_steers=on.soluble_sensing,
        coat_steers=on.haptotaxis,
    )
    return stimulus(
        setup.spec,
        setup.response,
        sensed.mean.concentration,
        sensed.mean.bound,
        correction,
        patterned=setup.spec.ligand[setup.ligand].coat.uneven,
    )


def burst(
    setup: SensingSetup,
    transport: Transport,
    exposure: Exposure,
    values: FaceValues,
    emission: Emission,
) -> Exposure:
    """Exposure after the bursts of an emission.

    Parameters
    ----------
    setup, transport, exposure
        As of `advance`.
    values : FaceValues
        After the bursts.
    emission : Emission
    """
    own = _carriers(emission.after, setup.ligand)
    basis, around = _around(setup, transport, emission.after, values)
    held = _with_new(exposure.coated, len(own))
    return Exposure(burst_onto_coat(basis, around, held, emission.bursts[own]))


def keep_share(exposure: Exposure, share: float) -> Exposure:
    """Exposure of which a share of the coat around each migrasome is left [1]."""
    return Exposure(share * exposure.coated)


def _around(
    setup: SensingSetup, transport: Transport, scene: Scene, values: FaceValues
) -> tuple[SubgridBasis, Surroundings]:
    m, own = scene.migrasomes, _carriers(scene, setup.ligand)
    basis = subgrid_basis(setup.grid, transport, cell_radius=setup.radius)
    return basis, surroundings(basis, m.x[own], m.y[own], values.concentration, values.bound)


def _carriers(scene: Scene, ligand: str) -> NDArray[np.intp]:
    """Numbers of the migrasomes that ever carry a ligand."""
    loaded = scene.migrasomes.loaded.get(ligand)
    return np.zeros(0, dtype=np.intp) if loaded is None else np.flatnonzero(loaded)


def _with_new(coated: Array, count: int) -> Array:
    """Coat around migrasomes, with an empty one around those that have formed since."""
    held = np.zeros((count, WAVENUMBERS))
    held[: len(coated)] = coated
    return held
