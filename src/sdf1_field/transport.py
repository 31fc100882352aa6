"""The reaction-diffusion equation of a ligand, its boundary conditions, and the mass audit.

    dc/dt = D lap(c) - k c                              in the medium
    -D dc/dz = s - j(c, b) - u(c)                       on the floor, z = 0
    db/dt = j - k_b b,  j = k_on c (B - b) - k_off b    on the coat (Langmuir kinetics)
    u = U c / (c + K_u)                                 into cells (Michaelis-Menten kinetics)

Boundary conditions:

* side walls: reflecting, that is no-flux (homogeneous Neumann);
* top: no-flux, or a bath that holds the concentration (Dirichlet), or a well-mixed layer of medium
  above the grid with one concentration of its own;
* floor: the flux depends on the concentration there (a nonlinear Robin condition): secretion in,
  exchange with the coat and uptake by cells out.

The ``c`` of the floor is that at z = 0. From the mean of the lowest layer it differs by the flux
times half that layer's resistance, ``c = c_layer + h / (2 D) (s - j - u)``.

In cosine modes the medium is reduced to its floor by an admittance ``Y`` for each mode, flux over
concentration (the Dirichlet-to-Neumann map): ``Y (c - free) = s - j - u``.

Everything here is a value or a pure function; `sdf1_field.solvers` integrates the equation.
"""

import functools
import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sdf1_field.errors import RunError
from sdf1_field.grid import Grid
from sdf1_field.units import MOLECULES_PER_UM3_PER_NM

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Coat:
    """Binding sites on the floor with Langmuir kinetics.

    Parameters
    ----------
    sites : float or ndarray, shape (ny, nx)
        ``B`` [molecules/um**2]; an array where the coat is patterned.
    association_rate : float
        ``k_on`` [1/(nM s)].
    dissociation_rate, loss_rate : float
        ``k_off`` and ``k_b`` [1/s].
    """

    sites: float | Array
    association_rate: float
    dissociation_rate: float
    loss_rate: float

    @functools.cached_property
    def binds(self) -> bool:
        """Whether anything can bind anywhere."""
        return self.association_rate > 0.0 and bool(np.any(np.asarray(self.sites) > 0.0))

    @property
    def loses(self) -> bool:
        """Whether bound ligand is lost."""
        return self.binds and self.loss_rate > 0.0


@dataclass(frozen=True, eq=False)
class Uptake:
    """Uptake by cells on the floor with Michaelis-Menten kinetics, ``u = U c / (c + K_u)``.

    Parameters
    ----------
    capacity : ndarray, shape (ny, nx)
        ``U`` [molecules/(um**2 s)].
    half_saturation : float
        ``K_u`` [nM], > 0.
    """

    capacity: Array
    half_saturation: float

    def flux(self, concentration: Array) -> tuple[Array, Array]:
        """Flux into cells [nM um/s] and its slope in the concentration [um/s].

        Below zero the flux continues along its tangent at zero.
        """
        capacity = self.capacity / MOLECULES_PER_UM3_PER_NM
        positive = np.maximum(concentration, 0.0)
        room = positive + self.half_saturation
        slope: Array = capacity * self.half_saturation / room**2
        flux: Array = capacity * positive / room + slope * (concentration - positive)
        return flux, slope


@dataclass(frozen=True, eq=False)
class Transport:
    """The equation of one ligand and its boundary conditions.

    Parameters
    ----------
    diffusivity : float
        ``D`` [um**2/s].
    loss_rate : float
        ``k`` [1/s].
    coat : Coat or None
        None without a coat.
    bath : float or None
        Concentration held at the top [nM] (Dirichlet); None for a no-flux top.
    mixed : float or None
        Height of well-mixed medium above the grid [um], which has one concentration; None
        without. Its own top is no-flux.
    """

    diffusivity: float
    loss_rate: float
    coat: Coat | None = None
    bath: float | None = None
    mixed: float | None = None

    @property
    def binding_coat(self) -> Coat | None:
        """The coat if anything can bind to it, else None."""
        return self.coat if self.coat is not None and self.coat.binds else None

    def conductances(self, grid: Grid) -> Array:
        """Diffusive conductance between the centres of neighbouring layers, shape (nz - 1,) [um/s].

        Examples
        --------
        Layers of 10 um at 100 um**2/s:

        >>> from sdf1_field.grid import make_grid
        >>> box = make_grid(10, 10, 30, spacing=10, floor_layer=10, layer_growth=1)
        >>> Transport(100.0, 0.0).conductances(box)
        array([10., 10.])
        """
        return np.asarray(self.diffusivity / np.diff(grid.z))

    def top_conductance(self, grid: Grid) -> float:
        """Conductance from the top layer's centre to a bath or mixed medium [um/s].

        Both meet the grid at the top layer's upper face, half a layer away; 0 for a no-flux top.
        """
        if self.bath is None and self.mixed is None:
            return 0.0
        return 2.0 * self.diffusivity / float(grid.thickness[-1])

    def floor_resistance(self, grid: Grid) -> float:
        """Resistance between z = 0 and the mean of the lowest layer, ``h / (2 D)`` [s/um]."""
        return 0.5 * float(grid.thickness[0]) / self.diffusivity

    def require_steady_state(self, uptake: Uptake | None = None) -> None:
        """Raise unless ligand is lost somewhere.

        Raises
        ------
        RunError
            If every wall is closed and nothing is lost.
        """
        lost = self.loss_rate > 0 or (self.coat is not None and self.coat.loses)
        lost = lost or (uptake is not None and bool((uptake.capacity > 0.0).any()))
        if self.bath is None and not lost:
            raise RunError(
                "no steady state, since every wall is closed and nothing is lost. "
                "Set loss_rate, open the top, or ask for a transient."
            )


def steady_admittance(grid: Grid, transport: Transport, lateral: Array) -> Array:
    """Admittance of the lowest layer in steady state, flux over concentration, of every mode.

    Layers are added from the top down as conductances in series and in parallel,
    ``Y_i = L dz_i + 1 / (1 / g_i + 1 / Y_{i+1})`` with the conductance ``g_i`` to the layer above.
    A bath and mixed medium both act on a mode other than the mean as a value held at zero; for the
    (0, 0) mode, which mixed medium does follow, see `mean_admittance`.

    Parameters
    ----------
    grid : Grid
    transport : Transport
    lateral : ndarray, shape (ny, nx)
        ``L = D q**2 + k`` of each mode [1/s].

    Returns
    -------
    ndarray, shape (ny, nx)
        [um/s].
    """
    top = lateral * grid.thickness[-1] + transport.top_conductance(grid)
    return _add_layers_below(top, grid, transport, lateral)


def mean_admittance(grid: Grid, transport: Transport) -> float:
    """Steady admittance of the (0, 0) mode, to which a bath or mixed medium is connected [um/s]."""
    above = transport.top_conductance(grid)
    if transport.mixed is not None:
        lost = transport.loss_rate * transport.mixed
        above = lost * above / (lost + above)
    lateral = np.full((1, 1), transport.loss_rate)
    top = lateral * grid.thickness[-1] + above
    return float(_add_layers_below(top, grid, transport, lateral)[0, 0])


def _add_layers_below(top: Array, grid: Grid, transport: Transport, lateral: Array) -> Array:
    """Admittance of the lowest layer from that of the top layer."""
    admittance, conductance = top, transport.conductances(grid)
    for i in range(grid.nz - 2, -1, -1):
        coupled = admittance * conductance[i] / (conductance[i] + admittance)
        admittance = lateral * grid.thickness[i] + coupled
    return admittance


def bound_in_steady_state(coat: Coat, concentration: Array) -> Array:
    """Bound ligand [molecules/um**2] in steady state with a concentration [nM] at the floor.

    Langmuir's isotherm with loss, ``b = B k_on c / (k_on c + k_off + k_b)``.
    """
    taking = coat.association_rate * concentration
    bound: Array = coat.sites * taking / (taking + coat.dissociation_rate + coat.loss_rate)
    return bound


def bound_after_incubation(
    coat: Coat, bound: Array, concentration: float, duration: float
) -> tuple[Array, float]:
    """Ligand on a coat that was kept in a stirred solution in excess, which it does not deplete.

    Langmuir's kinetics at a constant concentration, ``b(t) = b_s + (b(0) - b_s) exp(-t / tau)``
    with ``1 / tau = k_on c + k_off + k_b`` and the steady state ``b_s`` of
    `bound_in_steady_state`.

    Parameters
    ----------
    coat : Coat
    bound : ndarray, shape (ny, nx)
        Before [molecules/um**2].
    concentration : float
        Of the solution [nM].
    duration : float
        [s]; infinite for the steady state.

    Returns
    -------
    bound : ndarray, shape (ny, nx)
        After [molecules/um**2].
    left : float
        Share that is left of any difference from the steady state [1].
    """
    rate = coat.association_rate * concentration + coat.dissociation_rate + coat.loss_rate
    if rate == 0.0:
        return bound, 1.0
    left = math.exp(-rate * duration)
    steady = bound_in_steady_state(coat, np.full_like(bound, concentration))
    return steady + (bound - steady) * left, left


@dataclass(frozen=True)
class Ledger:
    """Mass audit since the start [molecules], and the lowest floor concentration so far [nM]."""

    secreted: float = 0.0
    added: float = 0.0
    degraded: float = 0.0
    through_top: float = 0.0
    removed: float = 0.0
    taken_up: float = 0.0
    minimum: float = 0.0

    @property
    def sums(self) -> dict[str, float]:
        """Entries of the mass audit [molecules]: all but the minimum."""
        return {key: value for key, value in vars(self).items() if key != "minimum"}

    def book(self, **amounts: float) -> "Ledger":
        """Ledger with amounts [molecules] added to the named entries."""
        return replace(self, **{key: getattr(self, key) + value for key, value in amounts.items()})

    def with_minimum(self, concentration: float) -> "Ledger":
        """Ledger whose minimum is no higher than a floor concentration [nM]."""
        return replace(self, minimum=min(self.minimum, concentration))

    def imbalance(self, in_medium: float, bound: float) -> float:
        """Ligand missing from the balance, relative to all that came in.

        Parameters
        ----------
        in_medium, bound : float
            Held now [molecules].

        Returns
        -------
        float
            (secreted + added - in medium - bound - degraded - through the top - removed
            - taken up) / (secreted + added + any net inflow through the top); 0 if nothing
            came in.
        """
        came = self.secreted + self.added + max(-self.through_top, 0.0)
        gone = self.degraded + self.through_top + self.removed + self.taken_up
        missing = self.secreted + self.added - gone - in_medium - bound
        return missing / came if came > 0 else 0.0
