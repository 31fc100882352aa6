"""Both solvers on the same volumes, side by side: steady, transient, treated, round.

    dc/dt = D lap(c) - k c,   -D dc/dz = s - j - u,   db/dt = j - k_b b
    j = k_on c (B - b) - k_off b,   u = U c / (c + K_u)

with B patterned, U in moving cells, s fading, and the medium far above mixed. The cosine solver
takes error-controlled steps of second order (exact ones without coat and cells), the FiPy solver
backward Euler's, with the floor in its own coupled form. They share grid, equation and sources,
and no numerics.
"""

import math
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from sdf1_field.grid import Grid, make_grid
from sdf1_field.migrasomes.emission import ExponentialDecay
from sdf1_field.scene import place_scene
from sdf1_field.simulation import model_grid, prepare, simulate
from sdf1_field.solvers import cosine, fipy
from sdf1_field.sources import ChangingPart, Secretion, secretion
from sdf1_field.spec import load_model
from sdf1_field.transport import Coat, Transport, Uptake

sys.path.append(str(Path(__file__).parents[1]))

from recording import markdown

Array = NDArray[np.float64]

HERE = Path(__file__).parent
VIEW = (
    "dish.width=200 um",
    "dish.length=200 um",
    "dish.height=400 um",
    "grid.spacing=10 um",
    "grid.layer_growth=1.5",
    "scene.mode=placed",
    "scene.msc_density=100 1/mm**2",
    "scene.network_fraction=1.0",
    "mechanisms.fibre_adhesion=false",
    "mechanisms.migrasome_uptake=false",
)
DOSE = 12.56
STEPS = (60.0, 30.0, 15.0)
SPAN = 600.0
STRIPE = 50.0
"""Width of stripes with and without coat [um]."""
CELLS = 200
HALF_SATURATION = 0.5
"""Of the cells' uptake [nM]."""
FINE = cosine.Tolerances(relative=1e-4, absolute=1e-13, first_step=0.1)
STEADY = cosine.Tolerances(relative=1e-6, absolute=1e-15)
TIGHT = fipy.Tolerances(linear_solver="lu", linear_tolerance=1e-15)
Row = tuple[str, ...]


@dataclass(frozen=True)
class Case:
    """Problem that both solvers solve.

    Parameters
    ----------
    strength : float
        Of the sources, relative to the co-culture's.
    capacity : float
        Of each of the absorbing cells [molecules/s]; no cells if 0.
    dose : float
        Added at the start [nM].
    change : bool
        Whether the medium is changed half-way, and dosed anew.
    fading : float
        Rate at which as much again fades [1/s].
    shallow : bool
        Whether only the lowest 100 of 400 um are not mixed.
    """

    name: str
    transport: Transport
    strength: float = 1.0
    capacity: float = 0.0
    dose: float = 0.0
    change: bool = False
    fading: float = 0.0
    shallow: bool = False


def view() -> tuple[Grid, Array, Transport]:
    """Grid, secretion [molecules/(um2 s)] and equation of a small view of the co-culture."""
    spec = load_model("coculture-kg1a", settings=VIEW).spec
    grid = model_grid(spec)
    scene = place_scene(spec, 1, secretion_factor=1.0)
    transport = prepare(spec, 1).equations["sdf1"].transport
    return grid, secretion(scene, grid, "sdf1").flux, transport


def equations(grid: Grid, coated: Transport) -> dict[str, Transport]:
    """The view's equation with one coat or another, and with mixed medium."""
    coat = coated.coat
    assert isinstance(coat, Coat)
    bare = replace(coated, coat=None)
    sites = np.where(grid.x // STRIPE % 2.0 == 0.0, coat.sites, 0.0) * np.ones((grid.ny, 1))
    striped = replace(coated, coat=replace(coat, sites=sites))
    return {
        "bare": bare,
        "coated": coated,
        "striped": striped,
        "mixed": replace(bare, mixed=300.0),
        "mixed striped": replace(striped, mixed=300.0),
    }


def absorbing(grid: Grid, capacity: float, seed: int) -> Uptake | None:
    """Cells at random places, each with a capacity [molecules/s]."""
    if capacity == 0.0:
        return None
    places = np.random.default_rng(seed).random((2, CELLS)) * [[grid.width], [grid.length]]
    amount = grid.deposit(*places, np.full(CELLS, capacity))
    return Uptake(amount / (grid.dx * grid.dy), HALF_SATURATION)


def shallow(grid: Grid) -> Grid:
    """The view up to 100 um."""
    return make_grid(grid.width, grid.length, 100.0, spacing=grid.dx, floor_layer=5.0,
                     layer_growth=1.5)  # fmt: skip


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """Result of a call, and its wall time [s]."""
    begin = time.perf_counter()
    value = work()
    return value, time.perf_counter() - begin


@dataclass(frozen=True)
class Seen:
    """Result of a solver.

    Parameters
    ----------
    face, bound : ndarray, shape (ny, nx)
        At z = 0 [nM], and on the coat [molecules/um**2].
    above : float
        In the mixed medium [nM].
    taken, missing : float
        Share of the secretion and doses that cells took up, and that the books do not account for.
    """

    face: Array
    bound: Array
    above: float
    taken: float = 0.0
    missing: float = 0.0


def seen(solver: Any, prepared: Any, state: Any, secreted: float = 0.0) -> Seen:
    """Concentrations, coat and ledger of a state."""
    books = state.ledger.book(secreted=secreted)
    came = books.secreted + books.added
    held = solver.in_medium(prepared, state), solver.on_coat(prepared, state)
    return Seen(
        solver.face(prepared, state),
        state.bound,
        solver.reservoir(prepared, state),
        books.taken_up / came if came else 0.0,
        books.imbalance(*held),
    )


def differences(first: Seen, second: Seen) -> list[float]:
    """Of the floor's mean and deviation from it, the coat and the mixed medium, each relative.

    The deviation is the gradient that cells follow; on a nearly even floor it has no meaning. NaN
    where there is no coat or mixed medium.
    """
    a, b = first.face, second.face
    apart, size = (a - b) - (a - b).mean(), a - a.mean()
    most = float(np.abs(first.bound).max())
    bound = float(np.abs(first.bound - second.bound).max()) / most if most else math.nan
    return [
        abs(a.mean() - b.mean()) / a.mean(),
        apart.std() / size.std(),
        bound,
        abs(first.above - second.above) / first.above,
    ]


def written(value: float, digits: int = 0) -> str:
    """Number, or a dash for none."""
    return "-" if math.isnan(value) else f"{value:.{digits}e}"


def steady_cases() -> list[Row]:
    """Steady states: nothing but the linear solve and the sweeps can differ."""
    grid, flux, coated = view()
    given = equations(grid, coated)
    bare, striped = given["bare"], given["striped"]
    cases = (
        Case("no coat", bare),
        Case("no coat, bath of 1 pM", replace(bare, bath=1e-3)),
        Case("coat that loses ligand", coated),
        Case("coat saturated from a bath of 12.56 nM", replace(coated, bath=DOSE)),
        Case("striped coat", striped),
        Case("striped coat, nearly full at strong sources", striped, strength=3e4),
        Case("200 absorbing cells, far from sated", bare, capacity=50.0),
        Case("200 absorbing cells under a bath of 12.56 nM, sated", replace(bare, bath=DOSE),
             capacity=500.0),
        Case("striped coat and cells under that bath", replace(striped, bath=DOSE),
             capacity=500.0),
        Case("mixed above 100 um", given["mixed"], shallow=True),
        Case("mixed above 100 um, striped coat, cells", given["mixed striped"], strength=1e3,
             capacity=500.0, shallow=True),
    )  # fmt: skip
    rows = []
    for case in cases:
        on = shallow(grid) if case.shallow else grid
        uptake = absorbing(grid, case.capacity, 1)
        found, walls = [], []
        for solver, tolerances in ((cosine, STEADY), (fipy, TIGHT)):
            prepared = solver.prepare(on, case.transport, tolerances)
            state, wall = timed(
                lambda s=solver, p=prepared, t=tolerances, f=case.strength * flux, u=uptake: (
                    s.steady(p, f, time=0.0, uptake=u, tolerances=t)
                )
            )
            found.append(seen(solver, prepared, state))
            walls.append(wall)
        errors = [written(value) for value in differences(*found)]
        rows.append((case.name, *errors, _fullest(case, found[0]), f"{1e3 * walls[0]:.0f} ms",
                     f"{walls[1]:.2f} s"))  # fmt: skip
    return rows


def _fullest(case: Case, found: Seen) -> str:
    coat = case.transport.coat
    return "-" if coat is None else f"{(found.bound.max() / np.max(coat.sites)):.3g}"


def transient_cases() -> list[Row]:
    """Ten minutes: the difference falls with FiPy's step."""
    grid, flux, coated = view()
    given = equations(grid, coated)
    bare, striped = given["bare"], given["striped"]
    cases = (
        Case("no coat", bare),
        Case("coat", coated),
        Case("coat under a dose of 12.56 nM", coated, dose=DOSE),
        Case("coat, medium changed half-way", coated, change=True),
        Case("striped coat, fading sources", striped, fading=1.0 / 300.0),
        Case("striped coat, nearly full at strong sources under a dose", striped, strength=3e5,
             dose=DOSE),
        Case("200 moving, absorbing cells, far from sated", bare, capacity=50.0),
        Case("200 such cells, sated by a dose, on stripes", striped, capacity=5000.0, dose=DOSE),
        Case("mixed above 100 um, dosed, medium changed", given["mixed"], dose=DOSE, change=True,
             shallow=True),
        Case("mixed, stripes, cells, fading, dose, medium changed", given["mixed striped"],
             capacity=500.0, dose=DOSE, change=True, fading=1.0 / 300.0, shallow=True),
    )  # fmt: skip
    rows: list[Row] = []
    for case in cases:
        on = shallow(grid) if case.shallow else grid
        exact, quick = timed(lambda c=case, g=on: ten_minutes(cosine, FINE, c, g, flux))
        before: list[float] | None = None
        for step in STEPS:
            tolerances = fipy.Tolerances(time_step=step)
            own, slow = timed(lambda c=case, g=on, t=tolerances: ten_minutes(fipy, t, c, g, flux))
            errors = differences(exact, own)
            rows.append((case.name, f"{step:g} s",
                         *(_with_order(n, errors, before) for n in range(4)),
                         _fullest(case, exact), f"{100.0 * exact.taken:.2g} %",
                         f"{abs(own.missing):.0e}", f"{quick:.2f} s", f"{slow:.1f} s"))  # fmt: skip
            before = errors
    return rows


def ten_minutes(solver: Any, tolerances: Any, case: Case, grid: Grid, flux: Array) -> Seen:
    """Field after ten minutes; half-way the cells move."""
    area, constant = grid.dx * grid.dy, case.strength * flux
    parts: tuple[ChangingPart, ...] = ()
    total = float(constant.sum()) * area
    if case.fading:
        parts = (ChangingPart(constant, total, ExponentialDecay(case.fading, since=0.0)),)
    given = Secretion(flux=constant, total=total, changing=parts)
    prepared = solver.prepare(grid, case.transport, tolerances)
    state = solver.start(prepared, time=0.0, tolerances=tolerances)
    state = solver.add(prepared, state, case.dose, tolerances=tolerances)
    for n, until in enumerate((0.5 * SPAN, SPAN)):
        uptake = absorbing(grid, case.capacity, n)
        state = solver.advance(prepared, state, given, until, uptake=uptake, tolerances=tolerances)
        if case.change and until < SPAN:
            state = solver.change_medium(prepared, state, tolerances=tolerances)
            state = solver.add(prepared, state, case.dose, tolerances=tolerances)
    return seen(solver, prepared, state, given.released(0.0, SPAN))


def _with_order(n: int, errors: list[float], before: list[float] | None) -> str:
    if before is None or math.isnan(errors[n]):
        return written(errors[n], 1)
    return f"{written(errors[n], 1)} ({math.log2(before[n] / errors[n]):.2f})"


def treated_cases() -> list[Row]:
    """Whole runs with cells and treatments: half an hour of culture, an hour of co-culture."""
    rows = []
    settings = [
        *VIEW, "run.culture=30 min", "run.duration=60 min", "output.ligands=['sdf1']",
        "output.fields_every=30 min", "output.fields_from=60 min", "output.tracks_every=60 min",
        "cells.density=1000 1/mm**2",
    ]  # fmt: skip
    for model in ("coculture-kg1a", "coculture-kg1a-sdf1-amd3100", "coculture-kg1a-anti-cd166"):
        ends, found, walls = {}, [], {}
        choice = [*settings]
        if model.endswith("anti-cd166"):
            choice.append("treatments.anti_cd166.start=-30 min")
        for solver in ("cosine", "fipy"):
            own = [*choice, f"numerics.solver={solver}", "numerics.fipy.time_step=30 s"]
            spec = load_model(model, settings=own).spec
            states, walls[solver] = timed(lambda s=spec: list(simulate(s, seed=1)))
            ends[solver] = states[-1]
            last, own = states[-1], states[-1].here.prepared
            found.append(seen(own.solvers["sdf1"], own.equations["sdf1"], last.fields["sdf1"]))
        a, b = ends["cosine"], ends["fipy"]
        mean, deviation, bound, _ = differences(*found)
        moved = np.hypot(a.cells.x - b.cells.x, a.cells.y - b.cells.y)
        same = f"{np.median(moved):.1g} um, {100 * (a.cells.held == b.cells.held).mean():.0f} %"
        rows.append((model, f"{mean:.1e}", f"{deviation:.1e}", f"{bound:.1e}", same,
                     f"{walls['cosine']:.1f} s", f"{walls['fipy']:.0f} s"))  # fmt: skip
    return rows


def round_cases() -> list[Row]:
    """A round well against a square of the same area and against a view between no-flux walls.

    One source patch in the middle, secreting as much in each; then an even one, which knows no
    wall.
    """
    diameter, coated = 1000.0, view()[2]
    well = make_grid(
        diameter, diameter, 300.0, spacing=25.0, floor_layer=5.0, layer_growth=1.5, round_well=True
    )
    side = math.sqrt(well.area)
    rows = []
    for even in (False, True):
        for name, extent, solver in (
            ("round well, fipy", diameter, fipy),
            ("square of its area, fipy", side, fipy),
            ("square of its area, cosine", side, cosine),
        ):
            grid = make_grid(
                extent, extent, 300.0, spacing=25.0, floor_layer=5.0, layer_growth=1.5,
                round_well=name.startswith("round"),
            )  # fmt: skip
            x, y = grid.x[None, :] - 0.5 * extent, grid.y[:, None] - 0.5 * extent
            apart = np.hypot(x, y)
            where = grid.inside if even else grid.inside & (apart <= 100.0)
            flux = np.where(where, 1.0 / (where.sum() * grid.dx * grid.dy), 0.0)
            tolerances = solver.Tolerances()
            prepared = solver.prepare(grid, coated, tolerances)
            state, wall = timed(
                lambda s=solver, p=prepared, f=flux, t=tolerances: s.steady(
                    p, f, time=0.0, tolerances=t
                )
            )
            floor = solver.floor(prepared, state)
            rim = grid.inside & (apart > 0.45 * extent)
            held = solver.in_medium(prepared, state) + solver.on_coat(prepared, state)
            middle, edge = 1e3 * floor[apart < 40.0].mean(), 1e3 * floor[rim].mean()
            rows.append(("even" if even else "middle", name, f"{grid.area / 1e6:.4f}",
                         f"{middle:.4f}", f"{edge:.4f}", f"{held:.4e}",
                         f"{wall:.2f} s"))  # fmt: skip
    return rows


def main() -> None:
    """Write table.md."""
    grid, flux, coated = view()
    cells = Case("once, as kernels are compiled", coated, capacity=50.0)
    ten_minutes(cosine, cosine.Tolerances(relative=1e-2), cells, grid, flux)
    text = f"""# Both solvers side by side

`python validation/solvers/run.py`; a view of {grid.width:g} x {grid.length:g} x {grid.height:g} um
in {grid.nx} x {grid.ny} x {grid.nz} cells with the co-culture's MSC, networks and parameters.
Differences are relative: of the floor's mean, of its deviation from the mean (what cells climb),
and of the coat's largest value. Wall times are of one run on one thread; the first
of its kind has a kernel to compile.

## Steady states

FiPy's linear solver is `lu` here: an iterative one stops at a residual relative to all there is,
and under a dose the deviation is a hundred-thousandth of it. *Full*: the coat's fullest place.
Stripes, half of them without sites, are {STRIPE:g} um wide; cells take up
ligand with K_u = {HALF_SATURATION:g} nM, far from sated at up to 50 molecules a second each, under
a dose or a bath at up to 500 or 5000; mixed medium fills 300 um above 100 um of still medium.

{markdown(("case", "mean", "deviation", "coat", "mixed", "full", "cosine", "fipy"), steady_cases())}

## Ten minutes, against FiPy's time step

In brackets the observed order in the step; backward Euler's is 1. Without a coat the deviation is
all but steady after ten minutes, so that its small rest falls faster, to the cosine solver's
tolerance. Cells move to new places
half-way; after a medium change the dose is given again; fading sources secrete twice as much at
first, and as much more fades in 300 s. *Taken*: by cells, of all that came in. *Missing*: from
FiPy's books.

{
        markdown(
            (
                "case",
                "step",
                "mean",
                "deviation",
                "coat",
                "mixed",
                "full",
                "taken",
                "missing",
                "cosine",
                "fipy",
            ),
            transient_cases(),
        )
    }

## Whole runs with cells and treatments

30 min of culture, medium change, 60 min with 40 cells; FiPy's step 30 s. *Cells*: median distance
between the same cell in both runs at the end, and how many are held, or crawl, in both.

{markdown(("model", "mean", "deviation", "coat", "cells", "cosine", "fipy"), treated_cases())}

## A round well against a square of its area

A source in the middle hardly knows the shape of the wall: the rim agrees within 1 %, the middle
within 3 %, where coarse cells cut the patch differently; evenly secreted ligand is even in both.
A 1-mm well, 300 um of medium, 25-um
cells, one molecule a second in all: from a patch of 100 um radius in the middle, or evenly; the
square has the area of the well's cells. Steady floor in the middle and along the rim [pM];
molecules held by medium and coat.

{markdown(("source", "dish", "area mm2", "middle", "rim", "held", "wall"), round_cases())}
"""
    (HERE / "table.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    numba.set_num_threads(1)
    with threadpool_limits(1):
        main()
