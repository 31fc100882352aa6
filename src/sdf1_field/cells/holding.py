"""Adhesion: catch by CD166, VCAM-1, integrin ligands and fibres, and release, at given rates."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sdf1_field.cells.parameters import CellParameters
from sdf1_field.cells.state import Cells
from sdf1_field.cells.workspace import CATCH, CHANCE, OCCUPIED
from sdf1_field.compiled import kernel
from sdf1_field.grid import Grid, clamped_index
from sdf1_field.scene import Region, RegionMap, Scene, touched_cd166, touched_fibres
from sdf1_field.spec import ModelSpec

Array = NDArray[np.float64]

BONDS: Mapping[str, str] = {
    "cd166_catch_rate": "cd166",
    "vla4_catch_rate": "vcam1",
    "cxcr4_catch_rate": "integrin_ligand",
    "fibre_catch_rate": "fibres",
}
"""Each bond's rate in `CellParameters`, and the map of `Hold` that it acts on."""


class Hold(NamedTuple):
    """Adhesion maps, shape (ny, nx) each; densities relative to an untreated MSC body.

    Parameters
    ----------
    cd166 : ndarray
        Free CD166 touched by a cell centred there [1].
    vcam1 : ndarray
        VCAM-1 under the cell's centre [1].
    integrin_ligand : ndarray
        Ligand under the cell's centre of the integrins that occupied CXCR4 activates [1].
    fibres : ndarray
        1 where a cell centred there touches a retraction fibre, else 0. Adhesion to fibres is not
        by CD166, which fibres hardly bear, and is not blocked by antibodies against it.
    """

    cd166: Array
    vcam1: Array
    integrin_ligand: Array
    fibres: Array


def hold_of(spec: ModelSpec, scene: Scene, regions: RegionMap, grid: Grid) -> Hold:
    """Adhesion maps of a scene for the model's cells."""
    reach = 0.5 * spec.haematopoietic.diameter
    integrin, vcam1, fibres = (np.zeros((grid.ny, grid.nx)) for _ in range(3))
    for region, ligand, vcam in (
        (Region.MSC, spec.adhesion.integrin_ligand_msc, spec.adhesion.vcam1_msc),
        (
            Region.MIGRASOME_NETWORK,
            spec.adhesion.integrin_ligand_network,
            spec.adhesion.vcam1_network,
        ),
    ):
        integrin[regions == region] = ligand
        vcam1[regions == region] = vcam
    if spec.mechanisms.fibre_adhesion:
        fibres = touched_fibres(scene, grid, reach=reach)
    return Hold(
        cd166=touched_cd166(
            scene,
            grid,
            reach=reach,
            migrasome_density=spec.adhesion.cd166_migrasome,
        ),
        vcam1=vcam1,
        integrin_ligand=integrin,
        fibres=fibres,
    )


def sticky(parameters: CellParameters, regions: RegionMap) -> tuple[CellParameters, Hold]:
    """Parameters and maps of the encounter limit.

    Cells are caught at once on bodies and networks, never let go, and sense nothing.
    """
    rates: dict[str, Any] = dict.fromkeys(BONDS, 0.0) | {"cd166_catch_rate": math.inf}
    limit = parameters._replace(
        receptors=0.0,
        chemokinesis_gain=0.0,
        release_rate=0.0,
        migrasome_uptake_rate=0.0,
        **rates,
    )
    reached = (regions != Region.FREE_SURFACE).astype(float)
    nothing = np.zeros_like(reached)
    maps = dict.fromkeys(BONDS.values(), nothing) | {"cd166": reached}
    return limit, Hold(**maps)


def adhesion_changes(parameters: CellParameters) -> bool:
    """Whether any rate of catch or release is positive; otherwise held cells stay held."""
    return any(getattr(parameters, rate) > 0.0 for rate in (*BONDS, "release_rate"))


def let_go(cells: Cells, grid: Grid, hold: Hold, parameters: CellParameters) -> Cells:
    """Cells after the stroma has changed: held cells that touch nothing adhesive crawl again.

    A ligand of the integrins that CXCR4 activates counts as adhesive at any occupancy.

    Parameters
    ----------
    cells : Cells
    grid : Grid
    hold : Hold
        After the change.
    parameters : CellParameters

    Returns
    -------
    Cells
        The same object if no cell is let go.
    """
    held = np.flatnonzero(cells.held)
    place = grid.index(cells.x[held], cells.y[held])
    holds = np.zeros(len(held), dtype=np.bool_)
    for rate, density in BONDS.items():
        if getattr(parameters, rate) > 0.0:
            holds |= getattr(hold, density)[place] > 0.0
    if holds.all():
        return cells
    still = cells.held.copy()
    still[held[~holds]] = False
    return replace(cells, held=still)


@kernel()
def catch_and_let_go(
    xs: Array,
    ys: Array,
    stuck: NDArray[np.bool_],
    work: Array,
    hold: Hold,
    parameters: CellParameters,
    dx: float,
    dy: float,
    step: float,
) -> None:
    """Catch cells and let them go over a step, at the rates of their present places.

    Parameters
    ----------
    xs, ys : ndarray, shape (cell,)
        Centres of the block's cells [um].
    stuck : ndarray, shape (cell,)
        Whether each is held; changed.
    work : ndarray, shape (ROWS, cells of a block)
        See `workspace`; chance and occupied receptors are read.
    hold : Hold
    parameters : CellParameters
    dx, dy : float
        Spacing of the maps [um].
    step : float
        [s].
    """
    rows, columns = hold.cd166.shape
    # A loop of its own, so that the memory accesses of several cells overlap.
    for n in range(xs.size):
        row, column = clamped_index(ys[n] / dy, rows), clamped_index(xs[n] / dx, columns)
        rate = 0.0
        if parameters.cd166_catch_rate > 0.0:
            touched = hold.cd166[row, column]
            # The encounter limit's rate is infinite, and inf times 0 is not a number.
            rate += parameters.cd166_catch_rate * touched if touched > 0.0 else 0.0
        if parameters.vla4_catch_rate > 0.0:
            rate += parameters.vla4_catch_rate * hold.vcam1[row, column]
        if parameters.cxcr4_catch_rate > 0.0:
            rate += (
                parameters.cxcr4_catch_rate * work[OCCUPIED, n] * hold.integrin_ligand[row, column]
            )
        if parameters.fibre_catch_rate > 0.0:
            rate += parameters.fibre_catch_rate * hold.fibres[row, column]
        work[CATCH, n] = rate
    for n in range(xs.size):
        stuck[n] = _held_after(
            stuck[n], work[CHANCE, n], work[CATCH, n], parameters.release_rate, step
        )


@kernel(inline=True)
def _held_after(held: bool, chance: float, catch: float, release: float, step: float) -> bool:
    """Whether a cell is held after a step of a two-state Markov chain, by a uniform random number.

    A crawling cell is caught with probability ``k / (k + l) (1 - exp(-(k + l) t))``, where k is the
    catch rate and l the release rate (adhesion and detachment); a held cell is released with
    probability ``l / (k + l) (1 - exp(-(k + l) t))``.
    """
    leaving = release if held else catch
    # The probability is at most the rate times the step: most draws need no exponential.
    if chance >= leaving * step:
        return held
    total = catch + release
    share = leaving / total if total < math.inf else (0.0 if held else 1.0)
    changes = chance < share * -math.expm1(-total * step)
    return not changes if held else changes
