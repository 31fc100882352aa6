"""Binding to the coat against the gradient of a source, and its time.

Spinosa et al. (2017, 10.1371/journal.pone.0187357; legend of Fig. 2 found) report of their model
that higher affinity to the matrix and higher secretion give a steeper gradient that takes longer to
form. Here a cluster of cells secretes at the middle of a floor under 0.5 mm of medium with a bath
above, by the program's solver, with the shipped coat and with affinities and secretion around it.
Sizes of their tissue are not in the legend.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sdf1_field.grid import make_grid
from sdf1_field.solvers import cosine
from sdf1_field.sources import constant
from sdf1_field.spec import load_model
from sdf1_field.transport import Coat, Transport
from sdf1_field.units import MOLECULES_PER_UM3_PER_NM

Array = NDArray[np.float64]

WIDTH, DEPTH, RADIUS, RATE = 1000.0, 500.0, 50.0, 100.0
"""Floor, medium and cluster [um], and its secretion [molecules/s]: 100 cells of about 1 each."""
NEAR, FAR = 100.0, 200.0
"""Distances from the middle between which the gradient is taken [um]."""
HOURS = np.array([0.1, 0.25, 0.5, *np.arange(1.0, 24.5, 1.0), *np.arange(28.0, 97.0, 4.0)])
FORMED = 0.9
"""Share of the gradient at the end at which it counts as formed."""


def course(coat: Coat | None, rate: float) -> tuple[Array, Array]:
    """Gradients of dissolved and of sensed ligand [nM/um] at `HOURS`, shape (time,) each."""
    spec = load_model("coculture-kg1a").spec
    ligand, share = spec.ligand["sdf1"], spec.receptor.cxcr4.coat_share
    grid = make_grid(WIDTH, WIDTH, DEPTH, spacing=20.0, floor_layer=20.0, layer_growth=1.2)
    tolerances = cosine.Tolerances(relative=1e-3)
    transport = Transport(ligand.diffusivity, ligand.loss_rate, coat, bath=0.0)
    prepared = cosine.prepare(grid, transport, tolerances)
    away = np.hypot(grid.x[None, :] - 0.5 * WIDTH, grid.y[:, None] - 0.5 * WIDTH)
    source = (away < RADIUS).astype(np.float64)
    source *= rate / (source.sum() * grid.dx * grid.dy)
    state = cosine.start(prepared, time=0.0, tolerances=tolerances)
    row, right = grid.ny // 2, grid.x > 0.5 * WIDTH
    r = away[row][right]
    dissolved, sensed = [], []
    for hour in HOURS:
        state = cosine.advance(
            prepared, state, constant(source), 3600.0 * hour, tolerances=tolerances
        )
        c = cosine.face(prepared, state)[row][right]
        bound = state.bound[row][right] if coat is not None else 0.0 * c
        for found, field in (
            (dissolved, c),
            (sensed, c + share * bound / MOLECULES_PER_UM3_PER_NM),
        ):
            near, far = np.interp([NEAR, FAR], r, field)
            found.append((near - far) / (FAR - NEAR))
    return np.array(dissolved), np.array(sensed)


def formed_after(gradient: Array) -> float:
    """Time from which the gradient stays above `FORMED` of its end [h]; `HOURS[0]` at least."""
    wanted = FORMED * gradient[-1]
    short = np.flatnonzero(gradient < wanted)
    if not short.size:
        return float(HOURS[0])
    n = short[-1]
    return float(np.interp(wanted, gradient[n : n + 2], HOURS[n : n + 2]))


def _formed_text(gradient: Array) -> str:
    after = formed_after(gradient)
    return f"{after:.2g}" if after > HOURS[0] else f"<= {after:.2g}"


def matrix(table: Callable[..., str]) -> str:
    """The section's text."""
    own = load_model("coculture-kg1a").spec.ligand["sdf1"].coat
    shipped = Coat(own.sites, own.association_rate, own.dissociation_rate, own.loss_rate)
    cases = [("none", None, RATE)]
    cases += [
        (f"{own.dissociation_rate / own.association_rate / factor:.2g}",
         replace(shipped, dissociation_rate=own.dissociation_rate / factor), RATE)
        for factor in (0.1, 1.0, 10.0)
    ]  # fmt: skip
    cases += [(f"{own.dissociation_rate / own.association_rate:.2g}", shipped, 10.0 * RATE)]
    rows = []
    for affinity, coat, rate in cases:
        dissolved, sensed = course(coat, rate)
        row = [affinity, f"{rate:g}"]
        for gradient in (dissolved, sensed):
            row += [f"{1e6 * gradient[-1]:.3g}", _formed_text(gradient)]
        rows.append(row)
    header = [
        "K_S of the coat [nM]", "secretion [molecules/s]", "dissolved [fM/um]", "formed after [h]",
        "dissolved and bound, as CXCR4 sees them [fM/um]", "formed after [h]",
    ]  # fmt: skip
    return (
        f"Gradients {NEAR:g} to {FAR:g} um from the middle of the source after {HOURS[-1]:g} h, "
        f"and from when on they stay above {FORMED:.0%} of it.\n\n{table(header, rows)}"
    )
