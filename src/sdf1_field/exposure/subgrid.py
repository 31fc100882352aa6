"""Sub-grid correction: the field of sources smaller than a cell of the grid.

On the grid a migrasome secretes as a Gaussian. The correction is the field of (disc minus
Gaussian), whose total is zero: it falls as the inverse cube of the distance, and the medium reaches
balance with it within a second. With the coat linearised about the grid's values at the migrasome,
its two-dimensional transforms at the wavenumber p obey

    Y c = s - j,   Y = D sqrt(p**2 + k / D),   j = kappa c - k_off' b,
    db/dt = j - k_b b,   kappa = k_on (B - b_0),   k_off' = k_off + k_on c_0

(b, B over the molecules in 1 nM). So b is followed by an ordinary differential equation at every
wavenumber, solved exactly over a step, and ``c = (s + k_off' b) / (Y + kappa)``. Divided by the
source's own transform both are smooth functions of ``p / (p + p_0)``: few wavenumbers hold them.
A source has rotational symmetry, so its field at a distance r is the inverse Hankel transform (of
order 0) of c(p), ``integral of p J0(p r) c(p) dp / (2 pi)``; it is linear in the kept values and
becomes a matrix that is computed once. Uptake by cells is neglected here.

A step, for the carriers of the sensed ligand::

    basis = subgrid_basis(grid, transport, cell_radius=6.0)              # once
    coated = np.zeros((len(x), WAVENUMBERS))                             # at the start
    around = surroundings(basis, x, y, concentration, bound)             # means over the step
    after = advance_coat(basis, around, coated, rate, step)
    after = burst_onto_coat(basis, around, after, amount)                # released at its end
    correction = subgrid_field(
        basis, around, 0.5 * (coated + after), x, y, radius, rate, coat_share=0.01
    )
"""

import functools
import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import j0, j1

from sdf1_field.exposure.sampling import SubgridField, no_subgrid_field
from sdf1_field.grid import Grid
from sdf1_field.modes import disc_transform
from sdf1_field.neighbours import MOST_BUCKETS, Buckets, make_buckets, sorted_places
from sdf1_field.sources import source_width
from sdf1_field.transport import Coat, Transport
from sdf1_field.units import MOLECULES_PER_UM3_PER_NM
from sdf1_field.walls import image_sources

Array = NDArray[np.float64]

WAVENUMBERS = 20
"""Wavenumbers that hold a source's coat: profiles are then good to 1e-3 of their peak on coats
with a hundredth to ten times the default sites."""
REACH, _LEAST_REACH = 12.0, 60.0
"""Distance beyond which the correction is left out, in widths of the Gaussian, and at least [um];
the slope left out there is at most 1 % of the source's own."""
_TAPERED = 0.5
"""Share of the reach beyond which the profile is tapered to 0."""
_FINEST, _NODE = 0.25, 0.5
"""Distance of a profile's nodes in widths of the Gaussian, and at most [um]."""
_MOST_NODES = 400
"""Of a profile: on grids coarser than 16 um nodes are farther apart."""
_LARGEST_WAVENUMBER = 64.0
"""Upper limit of the Hankel integral [1/um]."""
_BLUR = 0.08
"""Width of the Gaussian cutoff of the Hankel integral where `cell_radius` is 0 [um]."""
_PANEL = 8
"""Quadrature nodes per period of the Hankel integrand's fastest oscillation."""
_RADII = 2.0**0.25
"""Ratio of neighbouring migrasome radii that have a matrix; in between, it is interpolated."""
_SMALLEST_RADIUS = 0.05
"""Radius of the smallest migrasome that is resolved; smaller ones have its profile [um]."""


@dataclass(frozen=True)
class Scales:
    """Parameters of the inverse Hankel transform's matrices, besides a migrasome's radius.

    Parameters
    ----------
    cell_radius : float
        Of the disc under a cell over which it averages [um]; 0 for the value at a place.
    width : float
        Standard deviation of the Gaussian on the grid [um]; ``p_0`` is its inverse.
    diffusivity, loss_rate : float
        Of the medium [um**2/s], [1/s].
    """

    cell_radius: float
    width: float
    diffusivity: float
    loss_rate: float

    @property
    def reach(self) -> float:
        """Distance beyond which the correction is 0 [um]."""
        return max(REACH * self.width, _LEAST_REACH)

    @property
    def nodes(self) -> int:
        """Number of equidistant nodes from 0 to the reach."""
        spacing = max(min(_FINEST * self.width, _NODE), self.reach / _MOST_NODES)
        return math.ceil(self.reach / spacing) + 1

    @property
    def largest_wavenumber(self) -> float:
        """Upper limit of the Hankel integral [1/um], at most the largest that the nodes resolve."""
        return min(_LARGEST_WAVENUMBER, _LARGEST_WAVENUMBER * _NODE * self.nodes / self.reach)

    def admittance(self, wavenumber: Array) -> Array:
        """``Y`` of deep medium [um/s]."""
        root: Array = np.sqrt(wavenumber**2 + self.loss_rate / self.diffusivity)
        return self.diffusivity * root


@dataclass(frozen=True, eq=False)
class SubgridBasis:
    """Quantities that are the same for all sources on a floor.

    Parameters
    ----------
    grid : Grid
    coat : Coat or None
        None where nothing binds.
    scales : Scales
    admittance : ndarray, shape (WAVENUMBERS,)
        ``Y`` of the medium at the wavenumbers that are kept [um/s].
    """

    grid: Grid
    coat: Coat | None
    scales: Scales
    admittance: Array


class Surroundings(NamedTuple):
    """Coat linearised at each source; arrays of shape (source,).

    Parameters
    ----------
    uptake : ndarray
        ``kappa`` [um/s].
    release : ndarray
        ``k_off'`` [1/s].
    """

    uptake: Array
    release: Array


class SubgridSources(NamedTuple):
    """Sources of the correction over an interval; arrays of shape (source,) unless stated.

    Parameters
    ----------
    number : ndarray of int
        Number of each migrasome in the scene.
    x, y, radius : ndarray
        [um].
    rate : ndarray
        Secretion, its mean over the interval [molecules/s].
    around : Surroundings
    before, after : ndarray, shape (source, WAVENUMBERS)
        Transforms of the coat around each at both ends; see `advance_coat`.
    """

    number: NDArray[np.intp]
    x: Array
    y: Array
    radius: Array
    rate: Array
    around: Surroundings
    before: Array
    after: Array

    def chosen(self, which: NDArray[np.bool_]) -> "SubgridSources":
        """Some of the sources; ``which`` has the shape (source,)."""
        return SubgridSources(
            number=self.number[which],
            x=self.x[which],
            y=self.y[which],
            radius=self.radius[which],
            rate=self.rate[which],
            around=Surroundings(self.around.uptake[which], self.around.release[which]),
            before=self.before[which],
            after=self.after[which],
        )


def subgrid_basis(grid: Grid, transport: Transport, *, cell_radius: float) -> SubgridBasis:
    """Basis of the sources' profiles, once for a grid, an equation and a size of cells.

    Parameters
    ----------
    grid : Grid
    transport : Transport
    cell_radius : float
        [um], >= 0.
    """
    scales = Scales(cell_radius, source_width(grid), transport.diffusivity, transport.loss_rate)
    wavenumber = _chebyshev() / (1.0 - _chebyshev()) / scales.width
    return SubgridBasis(
        grid=grid,
        coat=transport.binding_coat,
        scales=scales,
        admittance=scales.admittance(wavenumber),
    )


def surroundings(
    basis: SubgridBasis, x: Array, y: Array, concentration: Array, bound: Array
) -> Surroundings:
    """Coat at each source, linearised about the grid's values there.

    Parameters
    ----------
    basis : SubgridBasis
    x, y : ndarray, shape (source,)
        [um].
    concentration, bound : ndarray, shape (ny, nx)
        At z = 0 [nM] and on the coat [molecules/um**2].
    """
    coat = basis.coat
    if coat is None:
        return Surroundings(np.zeros(len(x)), np.zeros(len(x)))
    here = basis.grid.index(x, y)
    sites = np.broadcast_to(np.asarray(coat.sites, dtype=float), bound.shape)[here]
    free = np.maximum(sites - np.maximum(bound[here], 0.0), 0.0)
    return Surroundings(
        coat.association_rate * free / MOLECULES_PER_UM3_PER_NM,
        coat.dissociation_rate + coat.association_rate * np.maximum(concentration[here], 0.0),
    )


def advance_coat(
    basis: SubgridBasis, around: Surroundings, coated: Array, rate: Array, step: float
) -> Array:
    """Transforms of the coat around the sources after a step, exactly for constant secretion.

    Parameters
    ----------
    basis : SubgridBasis
    around : Surroundings
    coated : ndarray, shape (source, WAVENUMBERS)
        Over that of the source's shape, as ``b`` over the molecules in 1 nM [nM um**3].
    rate : ndarray, shape (source,)
        Secretion, its mean over the step [molecules/s].
    step : float
        [s].
    """
    coat = basis.coat
    if coat is None or len(rate) == 0:
        return coated
    to_coat = around.uptake[:, None] / (basis.admittance + around.uptake[:, None])
    lost = around.release[:, None] * (1.0 - to_coat) + coat.loss_rate
    source = to_coat * (rate / MOLECULES_PER_UM3_PER_NM)[:, None]
    some = np.where(lost > 0.0, lost, 1.0)
    gained = np.where(lost > 0.0, -np.expm1(-some * step) / some, step)
    after: Array = coated * np.exp(-lost * step) + source * gained
    return after


def burst_onto_coat(
    basis: SubgridBasis, around: Surroundings, coated: Array, amount: Array
) -> Array:
    """Transforms of the coat after a release at once; arguments as of `advance_coat`.

    Parameters
    ----------
    amount : ndarray, shape (source,)
        [molecules].
    """
    to_coat = around.uptake[:, None] / (basis.admittance + around.uptake[:, None])
    after: Array = coated + to_coat * (amount / MOLECULES_PER_UM3_PER_NM)[:, None]
    return after


def subgrid_field(
    basis: SubgridBasis,
    around: Surroundings,
    coated: Array,
    x: Array,
    y: Array,
    radius: Array,
    rate: Array,
    *,
    coat_share: float,
    soluble_steers: bool = True,
    coat_steers: bool = True,
) -> SubgridField:
    """Profiles around the sources, with their mirror images behind the no-flux walls.

    Parameters
    ----------
    basis : SubgridBasis
    around : Surroundings
    coated : ndarray, shape (source, WAVENUMBERS)
    x, y, radius : ndarray, shape (source,)
        Of the migrasomes [um].
    rate : ndarray, shape (source,)
        Secretion [molecules/s].
    coat_share : float
        ``alpha``: share of bound ligand that receptors sense [1/um].
    soluble_steers, coat_steers : bool
        Whether cells follow the gradient of dissolved, and of bound ligand.
    """
    if len(x) == 0:
        return no_subgrid_field()
    source, x, y, buckets, begins = _placed(basis, x, y)
    uptake, release = (part[source, None] for part in around)
    attached = coated[source]
    dissolved = (rate[source, None] / MOLECULES_PER_UM3_PER_NM + release * attached) / (
        basis.admittance + uptake
    )
    attached *= coat_share
    profile = _profiles(basis, radius[source], dissolved + attached)
    if not (soluble_steers and coat_steers):
        steering = soluble_steers * dissolved + coat_steers * attached
        profile = np.concatenate([profile, _profiles(basis, radius[source], steering)], axis=2)
    return SubgridField(x, y, buckets, begins, basis.scales.reach, profile)


def correction_of(
    basis: SubgridBasis,
    sources: SubgridSources,
    *,
    coat_share: float,
    soluble_steers: bool = True,
    coat_steers: bool = True,
) -> SubgridField:
    """`subgrid_field` of sources over an interval, with the mean of their coats at both ends."""
    return subgrid_field(
        basis,
        sources.around,
        0.5 * (sources.before + sources.after),
        sources.x,
        sources.y,
        sources.radius,
        sources.rate,
        coat_share=coat_share,
        soluble_steers=soluble_steers,
        coat_steers=coat_steers,
    )


def source_profiles(basis: SubgridBasis, sources: SubgridSources) -> tuple[Array, Array]:
    """Profiles of dissolved and of bound ligand around sources, shape (source, node, 2) each.

    As of `SubgridField` without its mirror images, values [nM] and slopes [nM/um]; bound ligand as
    where receptors sense a share of 1/um of it.
    """
    attached = 0.5 * (sources.before + sources.after)
    uptake, release = (part[:, None] for part in sources.around)
    dissolved = (sources.rate[:, None] / MOLECULES_PER_UM3_PER_NM + release * attached) / (
        basis.admittance + uptake
    )
    return (
        _profiles(basis, sources.radius, dissolved),
        _profiles(basis, sources.radius, attached),
    )


def field_of_profiles(basis: SubgridBasis, x: Array, y: Array, profile: Array) -> SubgridField:
    """Field of sources with known profiles, and of their mirror images behind the no-flux walls.

    Parameters
    ----------
    basis : SubgridBasis
    x, y : ndarray, shape (source,)
        [um].
    profile : ndarray, shape (source, node, 2) or (source, node, 4)
        As of `SubgridField`.
    """
    if len(x) == 0:
        return no_subgrid_field()
    placed = _placed(basis, x, y)
    return SubgridField(
        placed.x, placed.y, placed.buckets, placed.begins, basis.scales.reach,
        profile[placed.source],
    )  # fmt: skip


class _Placed(NamedTuple):
    """Sources and their mirror images, sorted by bucket; arrays of shape (image,).

    Parameters
    ----------
    source : ndarray of int
        Number of each one's source.
    x, y : ndarray
        [um].
    buckets, begins
        As of `SubgridField`.
    """

    source: NDArray[np.intp]
    x: Array
    y: Array
    buckets: Buckets
    begins: NDArray[np.int64]


def _placed(basis: SubgridBasis, x: Array, y: Array) -> _Placed:
    grid, reach = basis.grid, basis.scales.reach
    source, x, y = image_sources(x, y, grid.width, grid.length, reach)
    buckets = make_buckets(0.0, 0.0, grid.width, grid.length, reach, MOST_BUCKETS)
    order, begins = sorted_places(buckets, x, y)
    return _Placed(source[order], x[order], y[order], buckets, begins)


def _profiles(basis: SubgridBasis, radius: Array, transform: Array) -> Array:
    """Inverse Hankel transform of ``transform`` times the source's own.

    Parameters
    ----------
    basis : SubgridBasis
    radius : ndarray, shape (source,)
        Of the migrasomes [um].
    transform : ndarray, shape (source, WAVENUMBERS)
        Over that of the source's shape [nM um**2].

    Returns
    -------
    ndarray, shape (source, node, 2)
        Values [nM] and slopes [nM/um] at the nodes.
    """
    place = np.log(np.maximum(radius, _SMALLEST_RADIUS)) / math.log(_RADII)
    lower = np.floor(place).astype(np.int64)
    upper_share = place - lower
    weighed = transform * basis.admittance
    both = np.concatenate(
        [(1.0 - upper_share)[:, None] * weighed, upper_share[:, None] * weighed], axis=1
    )
    result = np.empty((len(radius), 2 * basis.scales.nodes))
    for n in np.unique(lower):
        chosen = np.flatnonzero(lower == n)
        result[chosen] = both[chosen] @ _stacked_matrices(basis.scales, int(n))
    return result.reshape(len(radius), basis.scales.nodes, 2)


@functools.lru_cache(maxsize=64)
def _stacked_matrices(scales: Scales, size: int) -> Array:
    """Matrices for a radius class and the next larger, stacked, for interpolation in the radius."""
    return np.concatenate([_hankel_matrix(scales, size), _hankel_matrix(scales, size + 1)])


@functools.lru_cache(maxsize=64)
def _hankel_matrix(scales: Scales, size: int) -> Array:
    """Inverse Hankel transform, from the kept wavenumbers to values and slopes at the nodes.

    Its shape is (WAVENUMBERS, 2 nodes); the migrasome's radius is ``_RADII**size``.
    """
    wavenumber, shapes = _hankel_quadrature(scales)
    missing = disc_transform(wavenumber * _RADII**size)
    missing -= np.exp(-0.5 * (wavenumber * scales.width) ** 2)
    weights = missing[:, None] * _lagrange(wavenumber / (wavenumber + 1.0 / scales.width))
    matrix: Array = weights.T @ shapes
    return matrix


@functools.lru_cache(maxsize=2)
def _hankel_quadrature(scales: Scales) -> tuple[Array, Array]:
    """Quadrature of the inverse Hankel transform: wavenumbers, and their weights at the nodes.

    The weight for a value is ``p J0(p r) F(p) / (2 pi Y(p))``, with the transform ``F`` of the disc
    under a cell; it is tapered to 0 at the reach. The transform is multiplied by ``Y`` beforehand,
    so that it is finite at wavenumbers 0 and infinity.
    """
    reach = scales.reach
    r = np.linspace(0.0, reach, scales.nodes)
    largest = scales.largest_wavenumber
    panels = math.ceil(largest * (reach + scales.cell_radius) / (2.0 * math.pi))
    place, weight = np.polynomial.legendre.leggauss(_PANEL)
    length = largest / panels
    p = ((np.arange(panels)[:, None] + 0.5 * (1.0 + place)) * length).ravel()
    factor = np.tile(0.5 * length * weight, panels) * p / (2.0 * math.pi)
    factor *= disc_transform(p * scales.cell_radius) / scales.admittance(p)
    if scales.cell_radius == 0.0:
        factor *= np.exp(-0.5 * (p * _BLUR) ** 2)
    value = factor[:, None] * j0(p[:, None] * r)
    slope = -(factor * p)[:, None] * j1(p[:, None] * r)
    share = np.clip((r / reach - _TAPERED) / (1.0 - _TAPERED), 0.0, 1.0)
    kept = 1.0 - share**2 * (3.0 - 2.0 * share)
    falling = -6.0 * share * (1.0 - share) / ((1.0 - _TAPERED) * reach)
    shapes = np.stack([value * kept, slope * kept + value * falling], axis=-1)
    return p, shapes.reshape(len(p), -1)


def _chebyshev() -> Array:
    """Chebyshev's nodes between 0 and 1."""
    angle = (np.arange(WAVENUMBERS) + 0.5) * math.pi / WAVENUMBERS
    return 0.5 * (1.0 - np.cos(angle))


def _lagrange(place: Array) -> Array:
    """Lagrange's polynomials of `_chebyshev` at places, shape (place, WAVENUMBERS)."""
    angle = (np.arange(WAVENUMBERS) + 0.5) * math.pi / WAVENUMBERS
    terms = (-1.0) ** np.arange(WAVENUMBERS) * np.sin(angle) / (place[:, None] - _chebyshev())
    polynomials: Array = terms / terms.sum(axis=1, keepdims=True)
    return polynomials
