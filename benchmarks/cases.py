"""Every case: what is run, how often, and in which table it is a row."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.measure import Result
from benchmarks.problems import (
    LINEAR_COAT,
    SATURATING_COAT,
    CoatedProblem,
    flat,
    transient,
)

Array = NDArray[np.float64]

TOLERANCES = (1e-2, 1e-4, 1e-5, 1e-6, 1e-9)
"""Of P1 with this program."""
MAIN_TOLERANCE = 1e-4
"""The one whose floor is good to 1e-6, and that others are compared with."""
COATS: dict[str, tuple[CoatedProblem, tuple[float, float], float]] = {
    "linear": (LINEAR_COAT, (1e-2, 1.5e-4), 1.5e-6),
    "saturating": (SATURATING_COAT, (5e-4, 8e-5), 8e-7),
}
"""Problem, tolerances, and that of the reference.

The first tolerance leaves an error of 1e-5 at the end, the second at every stop.
"""
FLOOR_SIDES = (100, 200, 500, 1000, 2000, 2800)
QUICK_SIDES = (20, 30)
CELL_COUNTS = (1_000, 10_000, 100_000, 1_000_000)
QUICK_COUNTS = (100, 300)
STROMA = (200, 1_000, 3_000)
QUICK_STROMA = (5, 10)
"""MSC that grow networks."""
FLAT_STEP = 15.0
"""Of FiPy's backward Euler in P3 [s]."""
UNSATURATED = "sdf1-field, as unsaturated: exact in time"
SCRIPT = "NumPy and SciPy script, cosine modes"
BIOFVM = "BioFVM of PhysiCell 1.14.2"
RECORDED = "2026-11-29, CPU time of one thread, -O3 -march=native"
BIOFVM_STEPS: dict[float, tuple[tuple[float, ...], float, float]] = {
    0.6: ((26.0, 26.5), 1.5e-1, 1.7e-2),
    6.0: ((2.65,), 4e-1, 4e-2),
}
"""By step [s], the first its default: times [s], error of the floor, worst stop and end."""
_WELL_THREADS = 2
_ALL_OWN = ("machine", "ensemble", "networks", "cells", "growth")
TINY_DISH = ("dish.width=300 um", "dish.length=300 um", "run.culture=1 h", "run.duration=1 h")


@dataclass(frozen=True)
class Setting:
    """What all cases of a run share.

    Parameters
    ----------
    quick : bool
        Whether the problems are tiny, to try everything out.
    references : Path
        Folder with the solutions to compare with.
    """

    quick: bool
    references: Path

    def load(self, name: str) -> dict[str, Array]:
        """Reference solutions of that name."""
        with np.load(self.references / f"{name}.npz") as arrays:
            return {key: arrays[key] for key in arrays}


@dataclass(frozen=True)
class Case:
    """One row.

    Parameters
    ----------
    group : str
        Table.
    who : str
        Program, and how it was asked.
    run : callable or None
        Setting to result; None for what was recorded on another day.
    repeats : int
        Processes, one run each.
    main : bool
        Whether the other rows of its table are compared with it.
    recorded : tuple of Result
        What was recorded then.
    """

    group: str
    who: str
    run: Callable[[Setting], Result] | None
    repeats: int = 3
    main: bool = False
    recorded: tuple[Result, ...] = ()

    @property
    def name(self) -> str:
        """Unique."""
        return f"{self.group}: {self.who}"

    @property
    def own(self) -> bool:
        """Whether it is this program that runs."""
        return self.who.startswith("sdf1-field") or self.group in _ALL_OWN


def _machine(setting: Setting) -> Result:
    from benchmarks import machine

    return machine.measure(quick=setting.quick)


def _own_transient(setting: Setting, tolerance: float) -> Result:
    from benchmarks import ours

    floors = setting.load("P1")["floors"]
    return ours.transient(transient(quick=setting.quick), tolerance, floors)


def _own_coated(setting: Setting, kind: str, tolerance: float) -> Result:
    from benchmarks import ours

    floors = setting.load(f"coat-{kind}")["floors"]
    return ours.transient(transient(quick=setting.quick), tolerance, floors, COATS[kind][0])


def _own_unsaturated(setting: Setting) -> Result:
    from benchmarks import ours

    coated, _, _ = COATS["linear"]
    problem, floors = transient(quick=setting.quick), setting.load("coat-linear")["floors"]
    return ours.transient(problem, MAIN_TOLERANCE, floors, coated, exact=True)


def _own_steady(setting: Setting) -> Result:
    from benchmarks import ours

    return ours.steady(transient(quick=setting.quick), setting.load("P2")["field"][0])


def _own_flat(setting: Setting) -> Result:
    from benchmarks import ours

    floors = setting.load("P3")["floors"]
    return ours.transient(flat(quick=setting.quick), MAIN_TOLERANCE, floors)


def _fipy(setting: Setting, name: str) -> Result:
    from benchmarks import peers

    exact, quick = setting.load(name), setting.quick
    if name == "P2":
        return peers.fipy_steady(transient(quick=quick), exact["field"])
    problem = transient(quick=quick) if name == "P1" else flat(quick=quick)
    step = peers.FIPY_STEP if name == "P1" else FLAT_STEP
    return peers.fipy_transient(problem, step, exact["field"], exact["floors"])


def _pypde(setting: Setting, name: str) -> Result:
    from benchmarks import peers

    exact, quick = setting.load(name), setting.quick
    if name == "P2":
        return peers.pypde_steady(transient(quick=quick), exact["field"])
    problem = transient(quick=quick) if name == "P1" else flat(quick=quick)
    return peers.pypde_transient(problem, exact["field"], exact["floors"])


def _devito(setting: Setting) -> Result:
    from benchmarks import peers

    exact = setting.load("P1")
    return peers.devito_transient(transient(quick=setting.quick), exact["field"], exact["floors"])


def _spectral(setting: Setting) -> Result:
    from benchmarks import spectral

    return spectral.transient(transient(quick=setting.quick), setting.load("P1")["floors"])


def _biofvm(step: float) -> Case:
    """Row of BioFVM on the full P1, from a recorded trial."""
    times, worst, end = BIOFVM_STEPS[step]
    errors = {"floor, worst stop": worst, "floor, end": end}
    facts = {"recorded, not run here": RECORDED}
    return Case(
        "P1",
        f"{BIOFVM}, step {step:g} s",
        None,
        recorded=tuple(Result(seconds=t, errors=errors, facts=facts) for t in times),
    )


def _coculture(setting: Setting, mode: str) -> Result:
    from benchmarks import ours

    settings = (f"scene.mode={mode}", *(TINY_DISH if setting.quick else ()))
    return ours.whole_run(ours.MODEL, settings, before=True)


def _well(setting: Setting, model: str) -> Result:
    from benchmarks import ours

    return ours.whole_run(model, TINY_DISH if setting.quick else (), threads=_WELL_THREADS)


def _dish(setting: Setting) -> Result:
    from benchmarks import ours

    return ours.dish(TINY_DISH[:3] if setting.quick else ())


def _networks(setting: Setting, count: int) -> Result:
    del setting
    from benchmarks import ours

    return ours.networks(count)


def _floor_step(setting: Setting, side: int, coated: CoatedProblem | None) -> Result:
    del setting
    from benchmarks import ours

    return ours.floor_step(side, coated)


def _walk(setting: Setting, who: str, count: int) -> Result:
    from benchmarks import walks

    return walks.walk(who, count, quick=setting.quick)


def _everything(setting: Setting, count: int, density: float) -> Result:
    del setting
    from benchmarks import ours

    return ours.cells_with_everything(count, density)


def cases(*, quick: bool) -> list[Case]:
    """All cases, in the order of their tables."""
    sides, counts = (QUICK_SIDES, QUICK_COUNTS) if quick else (FLOOR_SIDES, CELL_COUNTS)
    most = counts[-1]
    many = counts[-2]
    listed = [Case("machine", "bandwidth and transforms", _machine, 1)]
    for tolerance in TOLERANCES:
        own = partial(_own_transient, tolerance=tolerance)
        main = tolerance == MAIN_TOLERANCE
        listed.append(Case("P1", f"sdf1-field, tolerance {tolerance:g}", own, main=main))
    listed += [
        Case("P1", "FiPy", partial(_fipy, name="P1"), 2),
        Case("P1", "py-pde", partial(_pypde, name="P1"), 2),
        Case("P1", "Devito", _devito, 3),
        Case("P1", SCRIPT, _spectral),
        *([] if quick else (_biofvm(step) for step in BIOFVM_STEPS)),
    ]
    listed.append(Case("coat", UNSATURATED, _own_unsaturated))
    for kind, (_, tolerances, _) in COATS.items():
        for tolerance in tolerances:
            own = partial(_own_coated, kind=kind, tolerance=tolerance)
            who = f"sdf1-field, {kind}, tolerance {tolerance:g}"
            listed.append(Case("coat", who, own))
    listed += [
        Case("P2", "sdf1-field", _own_steady, main=True),
        Case("P2", "FiPy", partial(_fipy, name="P2"), 2),
        Case("P2", "py-pde", partial(_pypde, name="P2"), 1),
        Case("P3", "sdf1-field", _own_flat, main=True),
        Case("P3", "FiPy", partial(_fipy, name="P3"), 1),
        Case("P3", "py-pde", partial(_pypde, name="P3"), 1),
        Case("P4", "sdf1-field", partial(_walk, who="ours", count=most), main=True),
        Case("P4", "Numba, as written by hand", partial(_walk, who="numba", count=most), 2),
        Case("P4", "NumPy", partial(_walk, who="numpy", count=most), 2),
        *(
            Case(
                "coculture",
                f"sdf1-field solve coculture-kg1a, {mode}",
                partial(_coculture, mode=mode),
            )
            for mode in ("grown", "placed")
        ),
        Case("ensemble", "KG-1a, 4 h", _dish),
        *(
            Case("networks", f"{count} MSC, 72 h", partial(_networks, count=count), 2)
            for count in (QUICK_STROMA if quick else STROMA)
        ),
    ]
    listed += [
        Case(
            "cells",
            f"{many} cells, {1e6 * density:g}/mm²",
            partial(_everything, count=many, density=density),
            2,
        )
        for density in (130e-6, 1000e-6)
    ]
    for side in sides:
        for label, coat in (("bare", None), ("coated", LINEAR_COAT)):
            step = partial(_floor_step, side=side, coated=coat)
            listed.append(Case("growth", f"{label} floor, {side}²", step, 1))
    listed += [
        Case("growth", f"bare walk, {count}", partial(_walk, who="ours", count=count), 1)
        for count in counts
    ]
    listed += [
        Case(
            "growth",
            f"all mechanisms, {count}",
            partial(_everything, count=count, density=1000e-6),
            1,
        )
        for count in counts
    ]
    listed += [
        Case("well", f"sdf1-field solve {model}", partial(_well, model=model), 1) for model in WELLS
    ]
    return listed


WELLS = ("whole-well-grown-kg1a", "whole-well-kg1a")
GROUPS = (
    "machine", "P1", "coat", "P2", "P3", "P4", "coculture", "ensemble", "networks", "cells",
    "growth", "well",
)  # fmt: skip
LEFT_OUT = ("well",)
"""Groups that are run only where they are named: they take as long as all others."""


def write_references(group: str, setting: Setting) -> None:
    """Solutions that a group's cases compare with."""
    quick, folder = setting.quick, setting.references
    if group == "P1":
        problem = transient(quick=quick)
        np.savez(folder / "P1.npz", floors=problem.exact_floors(), field=problem.exact_field())
    elif group == "P2":
        np.savez(folder / "P2.npz", field=transient(quick=quick).exact_steady_field())
    elif group == "P3":
        problem = flat(quick=quick)
        np.savez(folder / "P3.npz", floors=problem.exact_floors(), field=problem.exact_field())
    elif group == "coat":
        from benchmarks import ours

        for kind, (coated, _, tolerance) in COATS.items():
            floors = ours.reference_floors(transient(quick=quick), coated, tolerance)
            np.savez(folder / f"coat-{kind}.npz", floors=floors)
