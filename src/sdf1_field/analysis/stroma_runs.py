"""Stroma as saved in a run file at a time: its outlines, networks and cargo.

`network` and `cargo` count a scene, and `space` measures distances from outlines; they know no run
files.
"""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from sdf1_field.analysis.cargo import CargoCount, cargo_count
from sdf1_field.analysis.network import NetworkCount, count_network
from sdf1_field.analysis.runs import (
    SAME_TIME,
    counted_regions,
    frame_before,
    run_drawn,
    run_name,
    run_scene,
    scene_frames,
)
from sdf1_field.analysis.space import BODY, MIGRASOME, DrawnOutlines, Edges, Outlines
from sdf1_field.errors import InputError
from sdf1_field.record import model_of
from sdf1_field.scene.variables import CARGO
from sdf1_field.units import duration_text

Array = NDArray[np.float64]


def frame_at(run: xr.Dataset, time: float | None) -> int:
    """Index of the frame in which a run's floor was saved at a time [s]; the last without one.

    Raises
    ------
    InputError
        If nothing was saved at that time.
    """
    times = run["time"].values
    if time is None:
        return len(times) - 1
    frame = frame_before(run, time)
    if abs(times[frame] - time) > SAME_TIME:
        first, last = duration_text(float(times[0])), duration_text(float(times[-1]))
        every = duration_text(float(times[1] - times[0]) if len(times) > 1 else 0.0)
        raise InputError(
            f"{run_name(run)}: the floor was not saved at {duration_text(time)}; it was from "
            f"{first} to {last} every {every}. Choose one of these times."
        )
    return frame


def require_frames(runs: Sequence[xr.Dataset], times: Sequence[float]) -> None:
    """Raise InputError, before anything is counted, if a floor was not saved at one of times."""
    for run in runs:
        for time in times:
            frame_at(run, time)


def run_outlines(
    run: xr.Dataset, times: Sequence[float] | Array
) -> list[tuple[int, dict[str, Edges]]]:
    """For each time [s] the frame that shows the scene, and its outlines by kind."""
    frames = scene_frames(run, times)
    made = {frame: frame_outlines(run, frame) for frame in set(frames)}
    return [(frame, made[frame]) for frame in frames]


def frame_outlines(run: xr.Dataset, frame: int) -> dict[str, Edges]:
    """Outlines of a run's bodies and migrasomes in a frame."""

    def at(name: str) -> Array:
        values: Array = run[name][frame].values
        return values

    drawn = run_drawn(run, frame)
    body, migrasome = np.isfinite(at("body_x")), np.isfinite(at("migrasome_x"))
    radius = at("migrasome_radius")[migrasome]
    ellipses = ("x", "y", "semi_major", "semi_minor", "angle")
    return {
        BODY: (
            DrawnOutlines(drawn)
            if drawn is not None and body.any()
            else Outlines(*(at(f"body_{name}")[body] for name in ellipses))
        ),
        MIGRASOME: Outlines(
            at("migrasome_x")[migrasome],
            at("migrasome_y")[migrasome],
            radius,
            radius,
            np.zeros_like(radius),
        ),
    }


def has_msc(run: xr.Dataset) -> bool:
    """Whether there is any MSC in a run."""
    return bool(np.isfinite(run["body_x"][0].values).any())


def run_network(run: xr.Dataset, time: float) -> NetworkCount:
    """Count a run's MSC, fibres and migrasomes at a time [s].

    Raises
    ------
    InputError
        If the run has no MSC, or was not saved at that time.
    """
    frame = frame_at(run, time)
    if not np.isfinite(run["body_x"][frame].values).any():
        spec, when = model_of(run).spec, ""
        remedy = "Solve a model with scene.msc_density above 0"
        if has_msc(run) or (spec.bears_stroma and not spec.shows_bodies):
            when = f" at {duration_text(time)}"
            remedy = "Its bodies were removed: ask for a time before, saved with output.fields_from"
        raise InputError(
            f"{run_name(run)}: has no {spec.stroma.label}{when}, whose networks could be counted. "
            f"{remedy}."
        )
    return count_network(
        run_scene(run, frame),
        *counted_regions(run, frame),
        time=float(run["time"].values[frame]),
    )


def run_cargo(run: xr.Dataset, time: float, ligand: str) -> CargoCount:
    """Count a ligand's cargo in a run at a time [s].

    Raises
    ------
    InputError
        If the run does not follow the ligand, or not at that time, or was not saved then.
    """
    require_cargo(run, ligand)
    frame, spec = frame_at(run, time), model_of(run).spec
    saved = float(run["time"].values[frame])
    totals = {name: float(run[f"{ligand}_cargo_{name}"].values[frame]) for name in CARGO}
    content = run[f"body_{ligand}_cargo"][frame].values
    bodies = np.isfinite(run["body_x"][frame].values)
    if not (np.isfinite(list(totals.values())).all() and np.isfinite(content[bodies]).all()):
        raise InputError(
            f"{run_name(run)}: does not follow cargo at {duration_text(saved)}, since its scene is "
            "frozen by then. Choose an earlier time, or solve the model with scene.mode 'grown'."
        )
    scene = run_scene(run, frame)
    here = scene.migrasomes.present
    held = run[f"migrasome_{ligand}_cargo"]
    return cargo_count(
        scene,
        spec,
        ligand,
        time=saved,
        seed=int(run.attrs["seed"]),
        body_content=content[bodies],
        rear=run[f"body_{ligand}_rear_cargo"][frame].values[bodies],
        content=held[frame].values[here],
        loaded=run[f"migrasome_{ligand}_loaded"].values[here] == 1,
        vesicle_load=float(held.attrs["molecules_per_vesicle"]),
        totals=totals,
    )


def followed_ligands(run: xr.Dataset) -> tuple[str, ...]:
    """Ligands with cargo kinetics in a run.

    Raises
    ------
    InputError
        If there is none.
    """
    followed = model_of(run).spec.followed_ligands
    if not followed:
        raise InputError(
            f"{run_name(run)}: follows no cargo. Solve a grown scene with "
            "mechanisms.cargo_kinetics=true, such as secretion-l929."
        )
    return followed


def last_followed(run: xr.Dataset) -> float:
    """Last time at which a run's cargo was saved [s].

    Raises
    ------
    InputError
        If the run follows none, or its scene had been frozen before the first frame.
    """
    ligand = followed_ligands(run)[0]
    require_cargo(run, ligand)
    known = np.isfinite(run[f"{ligand}_cargo_made"].values)
    if not known.any():
        raise InputError(
            f"{run_name(run)}: holds no frame of the culture, after which a frozen scene's cargo "
            "is not followed. Solve it with an earlier output.fields_from."
        )
    return float(run["time"].values[known][-1])


def holds_cargo(run: xr.Dataset) -> bool:
    """Whether a run's file has the cargo of a ligand at any time."""
    return any(
        name in run and bool(np.isfinite(run[name].values).any())
        for name in (f"{ligand}_cargo_made" for ligand in model_of(run).spec.followed_ligands)
    )


def require_cargo(run: xr.Dataset, ligand: str) -> None:
    """Raise InputError unless a ligand's cargo is in a run's file."""
    followed = followed_ligands(run)
    if ligand not in followed:
        raise InputError(
            f"{run_name(run)}: follows {' and '.join(followed)}, not {ligand}. Choose one of "
            "these, or add it to output.ligands and solve the model again."
        )
    names = {f"{ligand}_cargo_{name}" for name in CARGO} | {
        f"body_{ligand}_cargo",
        f"body_{ligand}_rear_cargo",
        f"migrasome_{ligand}_cargo",
        f"migrasome_{ligand}_loaded",
    }
    missing = names - set(run)
    if missing:
        raise InputError(
            f"{run_name(run)}: holds no {min(missing)}, since an earlier version made it. Solve "
            "the model again."
        )
