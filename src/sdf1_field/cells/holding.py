"""What holds cells: regions, CD166 and fibres that they touch; caught and let go at rates."""

import math
from dataclasses import replace
from typing import NamedTuple

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


class Hold(NamedTuple):
    """What catches cells, shape (ny, nx) each, relative to an untreated MSC body.

    Parameters
    ----------
    cd166 : ndarray
        Free CD166 a cell centred there touches.
    vcam1 : ndarray
        VCAM-1 under the cell's centre.
    integrin_ligand : ndarray
        What integrins bind that occupied CXCR4 has switched on.
    fibres : ndarray
        Whether a cell centred there touches a retraction fibre: 1 or 0. What fibres hold cells
        by is not CD166, which they hardly bear, and no antibody against it blocks them.
    """

    cd166: Array
    vcam1: Array
    integrin_ligand: Array
    fibres: Array


def hold_of(spec: ModelSpec, scene: Scene, regions: RegionMap, grid: Grid) -> Hold:
    """What catches the model's cells on a scene."""
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


def sticky(behaving: CellParameters, regions: RegionMap) -> tuple[CellParameters, Hold]:
    """The encounter limit: caught at once where a region is, kept there, attracted by nothing."""
    limit = behaving._replace(
        receptors=0.0,
        chemokinesis_gain=0.0,
        cd166_catch_rate=math.inf,
        vla4_catch_rate=0.0,
        cxcr4_catch_rate=0.0,
        fibre_catch_rate=0.0,
        release_rate=0.0,
    )
    reached = (regions != Region.FREE_SURFACE).astype(float)
    nothing = np.zeros_like(reached)
    return limit, Hold(cd166=reached, vcam1=nothing, integrin_ligand=nothing, fibres=nothing)


def let_go(cells: Cells, grid: Grid, hold: Hold, behaving: CellParameters) -> Cells:
    """Cells after the stroma has changed: those crawl again that nothing can hold any more.

    Occupied CXCR4 is taken to be able to hold wherever there is a ligand of its integrins.

    Parameters
    ----------
    cells : Cells
    grid : Grid
    hold : Hold
        What catches cells now.
    behaving : CellParameters

    Returns
    -------
    Cells
        The same object if nobody is let go.
    """
    held = np.flatnonzero(cells.held)
    place = grid.index(cells.x[held], cells.y[held])
    holds = np.zeros(len(held), dtype=np.bool_)
    for rate, what in (
        (behaving.cd166_catch_rate, hold.cd166),
        (behaving.vla4_catch_rate, hold.vcam1),
        (behaving.cxcr4_catch_rate, hold.integrin_ligand),
        (behaving.fibre_catch_rate, hold.fibres),
    ):
        if rate > 0.0:
            holds |= what[place] > 0.0
    if holds.all():
        return cells
    still = cells.held.copy()
    still[held[~holds]] = False
    return replace(cells, held=still)


@kernel(inline=True)
def catch_and_let_go(
    xs: Array,
    ys: Array,
    stuck: NDArray[np.bool_],
    work: Array,
    hold: Hold,
    behaving: CellParameters,
    dx: float,
    dy: float,
    step: float,
) -> None:
    """Catch cells and let them go, by what they touch where they are now."""
    rows, columns = hold.cd166.shape
    # Looked up apart, so that one cell's memory is awaited while the others' is asked for.
    for n in range(xs.size):
        row, column = clamped_index(ys[n] / dy, rows), clamped_index(xs[n] / dx, columns)
        rate = 0.0
        if behaving.cd166_catch_rate > 0.0:
            touched = hold.cd166[row, column]
            # The encounter limit's rate is infinite; times nothing it is still nothing.
            rate += behaving.cd166_catch_rate * touched if touched > 0.0 else 0.0
        if behaving.vla4_catch_rate > 0.0:
            rate += behaving.vla4_catch_rate * hold.vcam1[row, column]
        if behaving.cxcr4_catch_rate > 0.0:
            rate += (
                behaving.cxcr4_catch_rate * work[OCCUPIED, n] * hold.integrin_ligand[row, column]
            )
        if behaving.fibre_catch_rate > 0.0:
            rate += behaving.fibre_catch_rate * hold.fibres[row, column]
        work[CATCH, n] = rate
    for n in range(xs.size):
        stuck[n] = _held_after(
            stuck[n], work[CHANCE, n], work[CATCH, n], behaving.release_rate, step
        )


@kernel(inline=True)
def _held_after(held: bool, chance: float, catch: float, release: float, step: float) -> bool:
    """State after a step of a two-state Markov chain, by a uniform number.

    ``P(caught) = k / (k + l) (1 - exp(-(k + l) t))`` of a crawling cell, with the rates k of
    catching and l of letting go, and ``P(let go)`` of a held one with l for k in front.
    """
    leaving = release if held else catch
    # No probability exceeds its rate times the step: most chances need no exponential.
    if chance >= leaving * step:
        return held
    total = catch + release
    share = leaving / total if total < math.inf else (0.0 if held else 1.0)
    changes = chance < share * -math.expm1(-total * step)
    return not changes if held else changes
