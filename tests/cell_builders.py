"""Floors, cells and stroma that the tests of the cells share."""

import math

import numpy as np

from conftest import make_migrasomes
from sdf1_field.cells import (
    AdhesionMap,
    CellParameters,
    Cells,
    advance,
    signal_to_noise,
)
from sdf1_field.cells.adhesion import BONDS
from sdf1_field.exposure.sampling import Stimulus, coefficients, no_stimulus, no_subgrid_field
from sdf1_field.grid import make_grid
from sdf1_field.scene import (
    NO_BODY,
    Bodies,
    Fibres,
    Origin,
    Scene,
)

HOUR = 3600.0
WANDERER = CellParameters(
    radius=6.0,
    speed=0.025,
    persistence_time=300.0,
    receptors=0.0,
    internalisation_rate=0.0,
    recycling_rate=1.0,
    integration_time=60.0,
    downstream_noise=10.0,
    dissociation_constant=4.5,
    dissociation_rate=0.01,
    chemokinesis_gain=0.0,
    adaptation_rate=0.0,
    trigger_noise=0.0,
    half_trigger=100.0,
    trigger_exponent=2.0,
    basal_arrest_rate=0.0,
    triggered_arrest_rate=0.0,
    release_rate=0.0,
    bonds=(0.0,) * len(BONDS),
    adheres=False,
    migrasome_uptake_rate=0.0,
    crowding=False,
)
STRAIGHT = WANDERER._replace(persistence_time=math.inf)
SENSING = WANDERER._replace(receptors=20_000.0, internalisation_rate=2.0, speed=1e-4)
"""Its surface receptors reach their steady state within seconds."""
CATCHING = WANDERER._replace(adheres=True, basal_arrest_rate=1e-3)


def floor(width, length, spacing):
    return make_grid(width, length, 100.0, spacing=spacing, floor_layer=50.0, layer_growth=1.0)


def nothing(grid):
    return touching(grid, np.zeros((grid.ny, grid.nx)))


def all_over(grid):
    return touching(grid, cd166=1.0, vla4=1.0, fibre=1.0)


def touching(grid, contact=1.0, **densities):
    """Contact with a structure, and densities of its ligands: numbers or maps on the grid."""
    ligands = np.zeros((grid.ny, grid.nx, len(BONDS)), dtype=np.float32)
    for name, density in densities.items():
        ligands[..., list(BONDS).index(name)] = density
    touched = np.broadcast_to(np.asarray(contact), (grid.ny, grid.nx)).astype(np.uint8)
    return AdhesionMap(touched, ligands, grid.dx, grid.dy)


def bonds(**strengths):
    return tuple(strengths.get(name, 0.0) for name in BONDS)


def crowd(x, y, angle, *, surface=20_000.0, adapted=0.0, noise=0.0, held=False):
    x, y, angle = (np.atleast_1d(np.asarray(v, dtype=float)) for v in (x, y, angle))
    own = (np.broadcast_to(v, x.shape).astype(float) for v in (surface, adapted, noise))
    is_held = np.broadcast_to(held, x.shape).astype(np.bool_)
    return Cells(x, y, np.cos(angle), np.sin(angle), *own, is_held, 0)


def many_at(x, y, count, seed=0, **others):
    angle = 2.0 * math.pi * np.random.default_rng(seed).random(count)
    return crowd(np.full(count, x), np.full(count, y), angle, **others)


def move(cells, grid, parameters, duration, *, seen=None, hold=None, time_step=30.0, seed=1):
    return advance(
        cells,
        grid,
        no_stimulus(grid) if seen is None else seen,
        nothing(grid) if hold is None else hold,
        parameters,
        duration=duration,
        time_step=time_step,
        seed=seed,
    )


def standard_error(values):
    return values.std(ddof=1) / math.sqrt(len(values))


def seen_by_cells(visible, steering=None):
    """A floor with these values at cell centres; all that is visible steers unless told."""
    alike = steering is None
    visible = coefficients(visible)
    return Stimulus(
        visible, visible if alike else coefficients(steering), alike, no_subgrid_field()
    )


def ramp(grid, *, base, slope):
    """Coefficients of a map that rises along x, without reflection: straight up to the walls."""
    x = grid.dx * (np.arange(-2, grid.nx + 2) + 0.5)
    return np.tile(base + slope * (x - grid.width / 2), (grid.ny + 4, 1))


def gradient(grid, *, base, slope):
    values = ramp(grid, base=base, slope=slope)
    return Stimulus(values, values, True, no_subgrid_field())


def signal(grid, seen, parameters, x, y):
    return signal_to_noise(seen, parameters, x, y, grid.dx, grid.dy)


def on_ellipse(x, y, angle, *, area=math.pi * 40.0 * 20.0):
    """One body or several, twice as long as wide."""
    x, y, angle = (np.atleast_1d(np.asarray(v, dtype=float)) for v in (x, y, angle))
    short = np.full(len(x), math.sqrt(area / (2.0 * math.pi)))
    return Bodies(
        x=x, y=y, semi_major=2.0 * short, semi_minor=short, angle=angle,
        blocked=np.zeros(len(x)), secretion={}, migrating=np.ones(len(x), dtype=np.bool_),
    )  # fmt: skip


def stroma(*, bodies=None, fibres=(), x=(), y=(), radius=1.0, present=True):
    """A scene of bodies, straight fibres, and migrasomes of one radius or several."""
    count = len(x)
    courses = np.array(fibres, dtype=float).reshape(-1, 2, 2)
    return Scene(
        bodies=on_ellipse([], [], []) if bodies is None else bodies,
        fibres=Fibres(
            courses[:, 0], courses[:, 1], np.full(len(courses), NO_BODY),
            np.full(len(courses), Origin.MIGRATION, dtype=np.int8),
        ),
        migrasomes=make_migrasomes(
            np.array(x, dtype=float), np.array(y, dtype=float),
            np.broadcast_to(np.asarray(radius, dtype=float), count).copy(),
            body=np.full(count, NO_BODY), birth=np.zeros(count),
            present=np.broadcast_to(present, count).copy(),
            origin=np.full(count, Origin.UNKNOWN, dtype=np.int8),
        ),
    )  # fmt: skip


def in_frame(cells, bodies, n=0):
    """Places and headings relative to a body's centre and long axis."""
    cosine, sine = math.cos(bodies.angle[n]), math.sin(bodies.angle[n])
    x, y = cells.x - bodies.x[n], cells.y - bodies.y[n]
    hx, hy = cells.heading_x, cells.heading_y
    return np.array(
        [
            x * cosine + y * sine, y * cosine - x * sine,
            hx * cosine + hy * sine, hy * cosine - hx * sine,
        ]
    )  # fmt: skip


def on_a_lattice(side, apart):
    places = apart * (np.arange(side) + 0.5)
    return np.tile(places, side), np.repeat(places, side)
