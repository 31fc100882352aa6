"""Both solvers on the same volumes, side by side: steady, transient, saturated, washed, round.

    dc/dt = D lap(c) - k c,   -D dc/dz = s - j,   db/dt = j - k_b b,   j = k_on c (B - b) - k_off b

The cosine solver takes error-controlled steps of second order (exact ones without a coat), the
FiPy solver backward Euler's, with the coat in its own coupled form. They share grid, equation and
sources, and no numerics.
"""

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
import numpy as np
from threadpoolctl import threadpool_limits

from sdf1_field.grid import make_grid
from sdf1_field.scene import place_scene
from sdf1_field.simulate import model_grid, prepare, simulate
from sdf1_field.solvers import cosine, fipy
from sdf1_field.sources import secretion
from sdf1_field.spec import load_model
from sdf1_field.transport import Coat, Transport

HERE = Path(__file__).parent
VIEW = (
    "dish.width=300 um",
    "dish.length=300 um",
    "dish.height=500 um",
    "grid.spacing=10 um",
    "grid.layer_growth=1.3",
    "scene.msc_density=60 1/mm**2",
    "scene.network_fraction=1.0",
)
DOSE = 12.56
STEPS = (60.0, 30.0, 15.0)
SPAN = 600.0
FINE = cosine.Tolerances(relative=1e-4, absolute=1e-13, first_step=0.1)
TIGHT = fipy.Tolerances(linear_solver="lu", linear_tolerance=1e-15)
Row = tuple[str, ...]


def view() -> tuple[Any, Any, Transport]:
    """Grid, secretion [molecules/(um2 s)] and equation of a small view of the co-culture."""
    spec = load_model("coculture-kg1a", settings=VIEW).spec
    grid = model_grid(spec)
    scene = place_scene(spec, grid, 1, secretion_factor=1.0)
    transport = prepare(spec, 1).prepared["sdf1"].transport
    return grid, secretion(scene, grid, "sdf1").flux, transport


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """What some work gives, and how long it took [s]."""
    begin = time.perf_counter()
    value = work()
    return value, time.perf_counter() - begin


def differences(first: Any, second: Any) -> tuple[float, float, float]:
    """Of the floor's mean, of its deviation from the mean, and of the coat, each relative.

    The deviation is what cells climb; where the floor is as good as even it means nothing.
    """
    a, b = first.floor.concentration, second.medium[0]
    apart, size = (a - b) - (a - b).mean(), a - a.mean()
    bound = np.abs(first.bound - second.bound).max() / max(np.abs(first.bound).max(), 1e-300)
    return abs(a.mean() - b.mean()) / a.mean(), apart.std() / size.std(), bound


def steady_cases() -> list[Row]:
    """Steady states: nothing but the linear solve and the sweeps can differ."""
    grid, flux, coated = view()
    coat = coated.coat
    assert isinstance(coat, Coat)
    bare = Transport(coated.diffusivity, coated.loss_rate)
    rows = []
    for name, transport in (
        ("no coat", bare),
        ("no coat, bath of 1 pM", Transport(bare.diffusivity, bare.loss_rate, bath=1e-3)),
        ("coat that loses ligand", coated),
        (
            "coat saturated from a bath of 12.56 nM",
            Transport(bare.diffusivity, bare.loss_rate, coat, bath=DOSE),
        ),
    ):
        columns, volumes = cosine.prepare(grid, transport), fipy.prepare(grid, transport)
        a, quick = timed(lambda c=columns: cosine.steady(c, flux, time=0.0, tolerances=FINE))
        b, slow = timed(lambda v=volumes: fipy.steady(v, flux, time=0.0, tolerances=TIGHT))
        mean, deviation, bound = differences(a, b)
        rows.append((name, f"{mean:.0e}", f"{deviation:.0e}", _bound(bound, transport),
                     f"{1e3 * quick:.0f} ms", f"{slow:.2f} s"))  # fmt: skip
    return rows


def _bound(value: float, transport: Transport) -> str:
    return f"{value:.0e}" if transport.coat else "-"


def transient_cases() -> list[Row]:
    """Ten minutes: what is left between them falls with FiPy's step."""
    grid, flux, coated = view()
    bare = Transport(coated.diffusivity, coated.loss_rate)

    def run(solver: Any, prepared: Any, tolerances: Any, case: str) -> Any:
        state = solver.start(prepared, time=0.0, tolerances=tolerances)
        if case == "saturated":
            state = solver.add(prepared, state, DOSE, tolerances=tolerances)
        state = solver.advance(prepared, state, flux, 0.5 * SPAN, tolerances=tolerances)
        if case == "medium change":
            state = solver.change_medium(prepared, state, tolerances=tolerances)
        return solver.advance(prepared, state, flux, SPAN, tolerances=tolerances)

    rows = []
    for name, transport, case in (
        ("no coat", bare, ""),
        ("coat", coated, ""),
        ("coat under a dose of 12.56 nM", coated, "saturated"),
        ("coat, medium changed half-way", coated, "medium change"),
    ):
        columns, volumes = cosine.prepare(grid, transport), fipy.prepare(grid, transport)
        a, quick = timed(lambda c=columns, k=case: run(cosine, c, FINE, k))
        before: tuple[float, ...] | None = None
        for step in STEPS:
            tolerances = fipy.Tolerances(time_step=step)
            b, slow = timed(lambda v=volumes, t=tolerances, k=case: run(fipy, v, t, k))
            errors = differences(a, b)
            rows.append((name, f"{step:g} s",
                         *(_with_order(n, errors, before, transport) for n in range(3)),
                         f"{quick:.2f} s", f"{slow:.1f} s"))  # fmt: skip
            before = errors
    return rows


def _with_order(
    n: int, errors: tuple[float, ...], before: tuple[float, ...] | None, transport: Transport
) -> str:
    if n == 2 and transport.coat is None:
        return "-"
    order = f" ({math.log2(before[n] / errors[n]):.2f})" if before else ""
    return f"{errors[n]:.1e}{order}"


def treated_cases() -> list[Row]:
    """Whole runs with cells and treatments: half an hour of culture, an hour of co-culture."""
    rows = []
    settings = [
        *VIEW, "run.culture=30 min", "run.duration=60 min", "output.ligands=['sdf1']",
        "output.fields_every=30 min", "output.fields_from=60 min", "output.tracks_every=60 min",
        "cells.density=500 1/mm**2",
    ]  # fmt: skip
    for model in ("coculture-kg1a", "coculture-kg1a-sdf1-amd3100", "coculture-kg1a-anti-cd166"):
        ends, walls = {}, {}
        choice = [*settings]
        if model.endswith("anti-cd166"):
            choice.append("treatments.anti_cd166.start=-30 min")
        for solver in ("cosine", "fipy"):
            own = [*choice, f"numerics.solver={solver}", "numerics.fipy.time_step=30 s"]
            spec = load_model(model, settings=own).spec
            states, walls[solver] = timed(lambda s=spec: list(simulate(s, seed=1)))
            ends[solver] = states[-1]
        a, b = ends["cosine"], ends["fipy"]
        first, second = a.fields["sdf1"], b.fields["sdf1"]
        mean, deviation, bound = differences(first, second)
        moved = np.hypot(a.cells.x - b.cells.x, a.cells.y - b.cells.y)
        same = f"{np.median(moved):.1g} um, {100 * (a.cells.held == b.cells.held).mean():.0f} %"
        rows.append((model, f"{mean:.1e}", f"{deviation:.1e}", f"{bound:.1e}", same,
                     f"{walls['cosine']:.1f} s", f"{walls['fipy']:.0f} s"))  # fmt: skip
    return rows


def round_cases() -> list[Row]:
    """A round well against a square of the same area and against a mirrored view.

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
            prepared = solver.prepare(grid, coated)
            tolerances = solver.Tolerances()
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


def table(header: Row, rows: list[Row]) -> str:
    """Markdown."""
    lines = [header, tuple("---" for _ in header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def main() -> None:
    """Write table.md."""
    grid, flux, coated = view()
    columns = cosine.prepare(grid, coated)
    warm = cosine.start(columns, time=0.0, tolerances=FINE)
    cosine.advance(columns, warm, flux, 1.0, tolerances=FINE)
    text = f"""# Both solvers side by side

`python validation/solvers/run.py`; a view of {grid.width:g} x {grid.length:g} x {grid.height:g} um
in {grid.nx} x {grid.ny} x {grid.nz} cells with the co-culture's MSC, networks and parameters.
Differences are relative: of the floor's mean, of its deviation from the mean (what cells climb),
and of the coat's largest value. Wall times are of one run on one thread; the first
of its kind has a kernel to compile.

## Steady states

FiPy's linear solver is `lu` here: an iterative one stops at a residual relative to all there is,
and under a dose the deviation is a hundred-thousandth of it.

{table(("case", "mean", "deviation", "coat", "cosine", "fipy"), steady_cases())}

## Ten minutes, against FiPy's time step

In brackets the observed order in the step; backward Euler's is 1. Without a coat the deviation is
all but steady after ten minutes, so that its small rest falls faster.

{table(("case", "step", "mean", "deviation", "coat", "cosine", "fipy"), transient_cases())}

## Whole runs with cells and treatments

30 min of culture, medium change, 60 min with 45 cells; FiPy's step 30 s. *Cells*: median distance
between the same cell in both runs at the end, and how many are held, or crawl, in both.

{table(("model", "mean", "deviation", "coat", "cells", "cosine", "fipy"), treated_cases())}

## A round well against a square of its area

A source in the middle hardly knows the shape of the wall: the rim agrees within 1 %, the middle
within 3 %, where coarse cells cut the patch differently; evenly secreted ligand is even in both.
A 1-mm well, 300 um of medium, 25-um
cells, one molecule a second in all: from a patch of 100 um radius in the middle, or evenly; the
square has the area of the well's cells. Steady floor in the middle and along the rim [pM];
molecules held by medium and coat.

{table(("source", "dish", "area mm2", "middle", "rim", "held", "wall"), round_cases())}
"""
    (HERE / "table.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    numba.set_num_threads(1)
    with threadpool_limits(1):
        main()
