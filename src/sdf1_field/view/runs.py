"""Run files to one page: which can stand side by side, and the page's data."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import xarray as xr

from sdf1_field import __version__
from sdf1_field.analysis import has_stroma, observation_times
from sdf1_field.analysis.runs import run_name
from sdf1_field.errors import InputError
from sdf1_field.figures.drawing import is_flat, region_label
from sdf1_field.record import model_of
from sdf1_field.scene import OUTSIDE, Region
from sdf1_field.spec import brief_changes
from sdf1_field.view.arrays import Blocks
from sdf1_field.view.assembly import assemble_page, safe_json
from sdf1_field.view.cells import described_cells
from sdf1_field.view.facts import run_facts
from sdf1_field.view.fields import described_fields, field_kinds, read_field
from sdf1_field.view.stroma import (
    Scales,
    described_pixels,
    described_regions,
    described_stroma,
    quantities,
)
from sdf1_field.view.thinning import BYTES_PER_PLACE, every, grid_steps, thinning_notes

COLOURS, CARGO_COLOURS = "cividis", "RdPu_r"
"""Colour maps of fields, which colour-blind readers see as others do, and of what migrasomes hold,
told apart by its hue."""
_CHANGED = 90
"""Characters of the changes from the shipped model."""
_SHADES = 256
SIZE = 20e6
"""Largest page unless another size is asked for [bytes]."""
MOST_RUNS = 6
"""Most runs on one page; more would be too small to see."""

Report = Callable[[str, int, int], None]
"""Called with what is counted, how many are done and how many there will be."""


def _silent(_counted: str, _done: int, _total: int) -> None:
    """Report nothing."""


def runs_page(
    runs: Sequence[xr.Dataset],
    names: Sequence[str],
    *,
    paths: Sequence[Path | None] | None = None,
    size: float = SIZE,
    report: Report = _silent,
) -> str:
    """One HTML page that shows runs side by side.

    Parameters
    ----------
    runs : sequence of xarray.Dataset
        From `sdf1_field.record.open_run`.
    names : sequence of str
        Of the runs, such as their files'.
    paths : sequence of pathlib.Path or None, optional
        Their files.
    size : float
        Of the page at most [bytes]: larger runs have coarser fields, then fewer frames, and the
        page says so.
    report : callable
        Called as frames are read.

    Raises
    ------
    InputError
        If there is nothing to draw, if the runs cannot stand side by side, or if the page is larger
        than ``size`` however little of them it has.
    """
    require_together(runs)
    found, scales = quantities(runs)
    facts = []
    for n, (run, path) in enumerate(zip(runs, paths or [None] * len(runs), strict=True)):
        report("runs described", n, len(runs))
        facts.append(run_facts(run, path))
    common = {
        "program": f"sdf1-field {__version__}",
        "clock": clock_of(runs[0])[0],
        "steady": model_of(runs[0]).spec.run.mode == "steady",
        "quantities": found,
        "colours": _colour_table(COLOURS),
        "cargo_colours": _colour_table(CARGO_COLOURS),
    }
    moving = Blocks("c")
    cells = [_described_cells(run, moving, report) for run in runs]
    for frames in _fewer_and_fewer(runs):
        stroma = Blocks("s")
        told = [
            _described_run(run, name, own, stroma, scales)
            for run, name, own in zip(runs, names, frames, strict=True)
        ]
        text = len(assemble_page("", told + cells + facts + [common]).encode())
        room = size - text - moving.size - stroma.size
        maps = _fitting_maps(runs, frames, room, report)
        if maps is not None:
            break
    else:
        raise InputError(
            f"size: {size / 1e6:g} MB are too few for the page, however little of the runs it "
            "has. Allow more."
        )
    for n, (run, own) in enumerate(zip(runs, told, strict=True)):
        own |= (
            cells[n]
            | maps.of_runs[n]
            | {
                "facts": facts[n],
                "notes": own["notes"] + thinning_notes(run, frames[n], maps.steps[n]),
            }
        )
    return assemble_page(
        " | ".join(dict.fromkeys(one["title"] for one in told)),
        common | {"runs": told, "fields": maps.fields},
        blocks=moving.blocks | stroma.blocks | maps.blocks.blocks,
    )


@dataclass(frozen=True)
class Maps:
    """Fields and regions of some runs.

    Parameters
    ----------
    fields : list of dict
        As of `described_fields`.
    of_runs : list of dict
        What the page reads of each run.
    steps : list of int
        Places of each run's grid in x and y that are one.
    blocks : Blocks
    """

    fields: list[dict[str, Any]]
    of_runs: list[dict[str, Any]]
    steps: list[int]
    blocks: Blocks


def _fewer_and_fewer(runs: Sequence[xr.Dataset]) -> Iterator[list[tuple[int, ...]]]:
    """Frames of the runs: all, every other, every fourth, until each has one."""
    step, longest = 1, max(run.sizes["time"] for run in runs)
    while True:
        yield [every(run.sizes["time"], step) for run in runs]
        if step >= longest:
            return
        step *= 2


def _fitting_maps(
    runs: Sequence[xr.Dataset], frames: Sequence[Sequence[int]], room: float, report: Report
) -> Maps | None:
    """Fields and regions as fine as fits into so many bytes; None if the coarsest do not."""
    share = BYTES_PER_PLACE
    for steps, values in grid_steps(runs, frames):
        if values * share > room:
            continue
        maps = _described_maps(runs, frames, steps, report)
        if maps.blocks.size + len(safe_json([maps.fields, maps.of_runs])) <= room:
            return maps
        share = maps.blocks.size / values
    return None


def _described_maps(
    runs: Sequence[xr.Dataset],
    frames: Sequence[Sequence[int]],
    steps: list[int],
    report: Report,
) -> Maps:
    blocks, kinds = Blocks("f"), field_kinds(runs)
    total = sum(
        len(own) * (1 + sum(kind.key in run for kind in kinds))
        for run, own in zip(runs, frames, strict=True)
    )
    advance = _counter("floors", total, report)
    read: dict[str, dict[int, Any]] = {kind.key: {} for kind in kinds}
    of_runs: list[dict[str, Any]] = []
    for n, (run, own) in enumerate(zip(runs, frames, strict=True)):
        for kind in kinds:
            if kind.key in run:
                read[kind.key][n] = read_field(run, kind, own, steps[n], advance)
        of_runs.append(
            {
                "step": steps[n],
                "regions": described_regions(run, own, steps[n], blocks, advance)
                | {
                    "labels": [region_label(region, model_of(run).spec) for region in Region],
                    "outside": OUTSIDE,
                },
            }
        )
    fields, arrays = described_fields(kinds, read, blocks)
    for n, told in enumerate(of_runs):
        told["fields"] = {
            field["key"]: array[n]
            for field, array in zip(fields, arrays, strict=True)
            if n in array
        }
    return Maps(fields, of_runs, steps, blocks)


def _counter(counted: str, total: int, report: Report) -> Callable[[], None]:
    """Function to call whenever one more is done."""
    done = 0

    def advance() -> None:
        nonlocal done
        done += 1
        report(counted, done, total)

    return advance


def require_together(runs: Sequence[xr.Dataset]) -> None:
    """Raise InputError unless some runs can be drawn, and stand side by side in step."""
    if len(runs) > MOST_RUNS:
        raise InputError(
            f"{len(runs)} runs are too many to see side by side. Give up to {MOST_RUNS}."
        )
    for run in runs:
        spec = model_of(run).spec
        fields = (run[ligand] for ligand in spec.solved_ligands)
        if "cell_time" in run or has_stroma(run):
            continue
        if all(is_flat(frame.values) for field in fields for frame in field):
            raise InputError(
                f"{run_name(run)}: has no cells, no {spec.stroma.label} and no uneven field, so "
                "there is nothing to see. Use `sdf1-field inspect`."
            )
    first = clock_of(runs[0])[0]
    for run in runs[1:]:
        own = clock_of(run)[0]
        if own != first:
            raise InputError(
                f"{run_name(run)}: its time is {own}, and that of {run_name(runs[0])} {first}, so "
                "they cannot be in step. View them one by one."
            )


def clock_of(run: xr.Dataset) -> tuple[str, float]:
    """Origin of a run's clock in words, and what is added to its times [s]."""
    spec = model_of(run).spec
    if spec.run.mode == "steady":
        return "in steady state", 0.0
    if "cell_time" in run:
        return "after the cells were added", 0.0
    if has_stroma(run):
        return "after seeding", spec.run.culture
    return "after the start", spec.run.culture


def _colour_table(name: str) -> list[list[int]]:
    """Red, green and blue of a colour map of Matplotlib from its begin to its end, 0 to 255."""
    shades = mpl.colormaps[name](np.linspace(0.0, 1.0, _SHADES), bytes=True)
    table: list[list[int]] = shades[:, :3].tolist()
    return table


def _described_run(
    run: xr.Dataset,
    name: str,
    frames: Sequence[int],
    blocks: Blocks,
    scales: Scales,
) -> dict[str, Any]:
    """One run but for its cells, fields and regions, as the page reads it."""
    model = model_of(run)
    spec = model.spec
    _, offset = clock_of(run)
    interrupted = "The run was interrupted; it is shown as far as it had come."
    told: dict[str, Any] = {
        "name": name,
        "title": spec.title,
        "seed": int(run.attrs["seed"]),
        "treatment": spec.treatment_label,
        "changed": brief_changes(model, width=_CHANGED),
        "dish": {
            "width": spec.dish.width, "length": spec.dish.length,
            "round": spec.dish.shape == "round", "down": spec.drawn,
        },
        "offset": offset,
        "frames": [float(time) + offset for time in run["time"].values[list(frames)]],
        "grid": [run.sizes["x"], run.sizes["y"]],
        "has_stroma": has_stroma(run),
        "stroma": described_stroma(run, frames, blocks, scales),
        "stroma_label": spec.stroma.label,
        "notes": [interrupted] * name.endswith(".partial"),
    }  # fmt: skip
    pixels = described_pixels(run, blocks)
    if pixels is not None:
        told["pixels"] = pixels
    return told


def _described_cells(run: xr.Dataset, blocks: Blocks, report: Report) -> dict[str, Any]:
    """Cells of a run and the times at which they were saved, if it has any."""
    if "cell_time" not in run:
        return {}
    spec, times = model_of(run).spec, observation_times(run)
    _, offset = clock_of(run)
    advance = _counter("observations of cells", len(times), report)
    return {
        "observations": [float(time) + offset for time in times],
        "cells": described_cells(run, blocks, advance)
        | {"label": spec.haematopoietic.label, "diameter": spec.haematopoietic.diameter},
    }
