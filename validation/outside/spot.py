"""Agarose spot with CXCL12: how long cells beside it can sense a gradient, and from which start.

Szatmary, Stuelten & Nossal (2014, 10.1039/C4RA08572H; abstract found) solved the diffusion from a
spot and report that, for the usual spot size, its life is longest if it begins at 30 times the
dissociation constant, and that CXCL12 gives a sensible gradient for 5 h. Size of the spot, D and
threshold are not in the abstract. Here D is the shipped one and the spot has 10 ul (recalled): a
cylinder 2.5 mm in radius and 0.5 mm high under 2 mm of medium, which the program's default solver
can be asked about, and a hemisphere under unbounded medium. Their exact fields, over the start C_0,
the cylinder's as its mean over the spot's height:

    cylinder    F(r, t) S(z, t),
                F = (1 / 2Dt) int_0^a exp(-(r^2 + p^2) / 4Dt) I_0(r p / 2Dt) p dp,
                S = (1 / 2) sum_n [erf((z_n + h) / 2 sqrt(Dt)) - erf((z_n - h) / 2 sqrt(Dt))],
                z_n = z - 2nH;
    hemisphere  (1 / 2) [erf((a - r) / 2 sqrt(Dt)) + erf((a + r) / 2 sqrt(Dt))]
                - sqrt(Dt / pi) / r [exp(-(a - r)^2 / 4Dt) - exp(-(a + r)^2 / 4Dt)].

References
----------
Crank (1975) The Mathematics of Diffusion, 3.3 (extended initial distributions).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf, i0e

from sdf1_field.cells import CellParameters, cell_parameters
from sdf1_field.grid import make_grid
from sdf1_field.pharmacology import (
    binding_noise,
    chemotactic_index,
    independent_samples,
    occupancy_difference,
    occupied_fraction,
    surface_receptors,
)
from sdf1_field.solvers import cosine
from sdf1_field.sources import constant
from sdf1_field.spec import load_model
from sdf1_field.transport import Transport
from sdf1_field.units import MOLECULES_PER_UM3_PER_NM
from sdf1_field.variation import DishFactors

Array = NDArray[np.float64]

RADIUS, THICKNESS, DEPTH, WIDTH = 2500.0, 500.0, 2000.0, 40000.0
"""Cylinder and medium [um]."""
HEMISPHERE = (1.5e10 / math.pi) ** (1.0 / 3.0)
"""Radius of 10 ul [um]."""
SPACING = 200.0
HOURS = np.array([*np.arange(0.25, 6.0, 0.25), *np.arange(6.0, 48.5, 0.5)])
STARTS = 10.0 ** np.arange(-1.0, 4.01, 0.25)
"""Concentration of the spot, over K_d."""
RECEPTORS_NEEDED, SLOPE_NEEDED, RATIO_NEEDED, INDEX_NEEDED = 10.0, 0.002, 0.004, 0.1


@dataclass(frozen=True, eq=False)
class Rim:
    """Field at the rim of a spot over that at its start, shape (time,).

    Parameters
    ----------
    value, slope : ndarray
        [1], [1/um], towards the spot.
    """

    value: Array
    slope: Array


def cylinder(r: Array, time: float, diffusivity: float) -> Array:
    """Field of the cylinder at radii [um] and a time [s], shape of ``r``."""
    p = (np.arange(4000) + 0.5) * RADIUS / 4000
    four = 4.0 * diffusivity * time
    kernel = np.exp(-((r[:, None] - p) ** 2) / four) * i0e(2.0 * r[:, None] * p / four)
    disc = (kernel * p).sum(axis=1) * (RADIUS / 4000) * 2.0 / four
    z, images = (np.arange(400) + 0.5) * THICKNESS / 400, np.arange(-8, 9)[:, None]
    high, low = (z + sign * THICKNESS - 2.0 * images * DEPTH for sign in (1.0, -1.0))
    slab = 0.5 * (erf(high / math.sqrt(four)) - erf(low / math.sqrt(four))).sum(axis=0).mean()
    return disc * slab


def hemisphere(r: Array, time: float, diffusivity: float) -> Array:
    """Field of the hemisphere on the floor; arguments as of `cylinder`."""
    spread = 2.0 * math.sqrt(diffusivity * time)
    near, far = (HEMISPHERE - r) / spread, (HEMISPHERE + r) / spread
    return 0.5 * (erf(near) + erf(far)) - spread / (2.0 * math.sqrt(math.pi) * r) * (
        np.exp(-(near**2)) - np.exp(-(far**2))
    )


def rim_of(field: Callable[[Array, float, float], Array], radius: float, diffusivity: float) -> Rim:
    """Field and slope at a spot's rim at `HOURS`."""
    step = 5.0
    r = radius + step * np.array([-1.0, 0.0, 1.0])
    values = np.array([field(r, 3600.0 * hour, diffusivity) for hour in HOURS])
    return Rim(values[:, 1], (values[:, 0] - values[:, 2]) / (2.0 * step))


def solver_errors(hours: Array, diffusivity: float) -> list[float]:
    """Largest error along a radius by the program's solver, over the largest value then."""
    grid = make_grid(
        WIDTH, WIDTH, DEPTH, spacing=SPACING, floor_layer=THICKNESS, layer_growth=1.0
    )  # the spot is the lowest layer
    tolerances = cosine.Tolerances(relative=1e-9)
    prepared = cosine.prepare(grid, Transport(diffusivity, 0.0), tolerances)
    x, y = grid.x - 0.5 * WIDTH, grid.y - 0.5 * WIDTH
    # The share of each cell that the disc covers, on 10 x 10 points of it.
    offsets = (np.arange(10) - 4.5) / 10 * grid.dx
    covered = np.mean(
        [np.hypot(x[None, :] + a, y[:, None] + b) < RADIUS for a in offsets for b in offsets],
        axis=0,
    )
    amount = covered * grid.dx * grid.dy * grid.thickness[0] * MOLECULES_PER_UM3_PER_NM
    state = cosine.start(prepared, time=0.0, tolerances=tolerances)
    state = cosine.release(prepared, state, amount, tolerances=tolerances)
    nothing, row = constant(np.zeros_like(amount)), grid.ny // 2
    errors = []
    for hour in hours:
        state = cosine.advance(prepared, state, nothing, 3600.0 * hour, tolerances=tolerances)
        law = cylinder(np.hypot(x, y[row]), 3600.0 * hour, diffusivity)
        errors.append(float(np.abs(cosine.floor(prepared, state)[row] - law).max() / law.max()))
    return errors


def sensing() -> CellParameters:
    """The shipped KG-1a cell's."""
    return cell_parameters(load_model("coculture-kg1a").spec, DishFactors(), competition=0.0)


def readouts(c: float, slope: float, cell: CellParameters) -> dict[str, float]:
    """What a cell at the rim makes of its field, by criterion.

    Parameters
    ----------
    c, slope : float
        [nM], [nM/um].
    cell : CellParameters
    """
    k, occupancy = cell.dissociation_constant, occupied_fraction(c, cell.dissociation_constant)
    surface = surface_receptors(
        cell.receptors, occupancy, cell.internalisation_rate / cell.recycling_rate
    )
    arm = 4.0 * cell.radius / (3.0 * math.pi)
    halves = occupancy_difference(2.0 * arm * slope, c + arm * slope, max(c - arm * slope, 0.0), k)
    samples = independent_samples(cell.integration_time, cell.dissociation_rate, occupancy)
    noise = binding_noise(surface, occupancy, samples, cell.downstream_noise)
    signal = 0.5 * surface * halves
    return {
        "10 receptors": signal / RECEPTORS_NEEDED,
        "0.002 nM/um": slope / SLOPE_NEEDED,
        "0.4 % across the cell": 2.0 * cell.radius * slope / c / RATIO_NEEDED,
        "index 0.1": float(chemotactic_index(signal / noise)) / INDEX_NEEDED,
    }


SOURCES = {
    "10 receptors": "found: Wang & Irvine 2013, threshold",
    "0.002 nM/um": "found: Spinosa 2017, legend of Fig. 5",
    "0.4 % across the cell": "found: Haessler 2011, dendritic cells; of the concentration",
    "index 0.1": "the program's law; 0.1 is chosen here",
}


def lives(field: Rim, cell: CellParameters) -> dict[str, Array]:
    """Last time at which each criterion is met [h], by the spot's start, shape (start,)."""
    found: dict[str, list[float]] = {name: [] for name in SOURCES}
    for start in STARTS * cell.dissociation_constant:
        met = dict.fromkeys(SOURCES, 0.0)
        for hour, value, slope in zip(HOURS, field.value, field.slope, strict=True):
            for name, ratio in readouts(start * value, start * slope, cell).items():
                if ratio >= 1.0:
                    met[name] = float(hour)
        for name, life in met.items():
            found[name].append(life)
    return {name: np.array(values) for name, values in found.items()}


def _starts_text(starts: Array) -> str:
    """Starts with the longest life [K_d]."""
    if starts.size == STARTS.size:
        return "any"
    return f"{starts[0]:.2g}" + (f" to {starts[-1]:.2g}" if len(starts) > 1 else "")


def spot(table: Callable[..., str]) -> str:
    """The section's text."""
    cell = sensing()
    diffusivity = load_model("coculture-kg1a").spec.ligand["sdf1"].diffusivity
    hours = np.array([1.0, 2.5, 5.0, 10.0, 24.0])
    errors = solver_errors(hours, diffusivity)
    fields = {
        "cylinder": rim_of(cylinder, RADIUS, diffusivity),
        "hemisphere": rim_of(hemisphere, HEMISPHERE, diffusivity),
    }
    at_30 = int(np.abs(np.log(STARTS / 30.0)).argmin())
    rows, course = [], []
    for shape, field in fields.items():
        for name, life in lives(field, cell).items():
            best = STARTS[life == life.max()]
            rows.append(
                [
                    shape,
                    name,
                    SOURCES[name],
                    f"{life[at_30]:g}",
                    f"{life.max():g}" + (" or more" if life.max() == HOURS[-1] else ""),
                    _starts_text(best),
                ]
            )
        for hour, error in zip(hours, errors, strict=True):
            n = int(np.abs(HOURS - hour).argmin())
            c, slope = (
                30.0 * cell.dissociation_constant * v[n] for v in (field.value, field.slope)
            )
            course.append(
                [
                    shape,
                    f"{hour:g}",
                    f"{field.value[n]:.4f}",
                    f"{1000 * field.slope[n]:.4f}",
                    f"{INDEX_NEEDED * readouts(c, slope, cell)['index 0.1']:.2f}",
                    f"{error:.1%}" if shape == "cylinder" else "",
                ]
            )
    lived = table(
        ["spot", "criterion at its rim", "source", "life at 30 K_d [h]", "longest life [h]",
         "start with it [K_d]"],
        rows,
    )  # fmt: skip
    seen = table(
        ["spot", "time [h]", "c / C_0 at the rim", "slope / C_0 [1/mm]", "index at 30 K_d",
         "error of the solver"],
        course,
    )  # fmt: skip
    return f"D {diffusivity:g} um2/s, K_d {cell.dissociation_constant:g} nM.\n\n{lived}\n\n{seen}"
