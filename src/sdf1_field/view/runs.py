"""Run files to one page: which can stand side by side, how much of them, and the page's data."""

from collections.abc import Callable, Sequence
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
from sdf1_field.figures.drawing import region_label
from sdf1_field.record import model_of
from sdf1_field.scene import OUTSIDE, Region
from sdf1_field.spec import changes_text
from sdf1_field.units import bytes_text
from sdf1_field.view.arrays import Blocks
from sdf1_field.view.assembly import assemble_page
from sdf1_field.view.cells import described_cells
from sdf1_field.view.facts import run_facts
from sdf1_field.view.fields import FieldKind, described_fields, field_kinds, is_flat, read_field
from sdf1_field.view.stroma import (
    described_pixels,
    described_regions,
    described_stroma,
    quantities,
)

COLOURS = "cividis"
"""Colour map of fields, which colour-blind readers see as others do."""
CARGO_COLOURS = "RdPu_r"
"""Colour map of what migrasomes hold or secrete, told apart from `COLOURS` by its hue."""
_SHADES = 256
SIZE = 20e6
"""Largest page unless another size is asked for [bytes]."""
MOST_RUNS = 6
"""Most runs on one page; more would be too small to see."""
_BYTES_PER_PLACE = 0.2
"""Of a field's value in the page, before base64; measured on co-cultures."""
_COARSEST = 128
"""Places along a side of a field that thinning leaves at least."""
_BASE64 = 4.0 / 3.0
_TEXT_SHARE = 0.25
"""Of the size, for all but the fields."""

Report = Callable[[str, int, int], None]


def _silent(_what: str, _done: int, _total: int) -> None:
    """Report nothing."""


@dataclass(frozen=True)
class Shown:
    """How much of a run the page has.

    Parameters
    ----------
    frames : tuple of int
        Frames of the file.
    step : int
        Places of the grid in x and y that are one on the page.
    """

    frames: tuple[int, ...]
    step: int


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
        Of the page at most [bytes]; larger ones have coarser fields and fewer frames, and say so.
    report : callable
        Called with what is read, and how much of it is done and will be.

    Raises
    ------
    InputError
        If there is nothing to draw, if the runs cannot stand side by side, or if the page is larger
        than ``size`` however little of the fields it has.
    """
    require_together(runs)
    paths = paths or [None] * len(runs)
    shown = planned(runs, size)
    while True:
        page = _page(runs, names, paths, shown, report)
        if len(page.encode()) <= size:
            return page
        fewer = coarser(runs, shown)
        if fewer == shown:
            raise InputError(
                f"size: the page takes {bytes_text(len(page.encode()))}, however little of the "
                "fields it has. Allow a larger one."
            )
        shown = fewer


def require_together(runs: Sequence[xr.Dataset]) -> None:
    """Raise InputError unless some runs can be drawn, and stand side by side in step."""
    if len(runs) > MOST_RUNS:
        raise InputError(
            f"{len(runs)} runs are too many to see side by side. Give up to {MOST_RUNS}."
        )
    for run in runs:
        spec = model_of(run).spec
        fields = (run[name] for ligand in spec.solved_ligands for name in (ligand,))
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
                f"{run_name(run)}: is timed {own}, and {run_name(runs[0])} {first}, so they are "
                "not in step. View them one by one."
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


def colour_table(name: str) -> list[list[int]]:
    """Red, green and blue of a colour map of Matplotlib from its begin to its end, 0 to 255."""
    shades = mpl.colormaps[name](np.linspace(0.0, 1.0, _SHADES), bytes=True)
    table: list[list[int]] = shades[:, :3].tolist()
    return table


def planned(runs: Sequence[xr.Dataset], size: float) -> list[Shown]:
    """How much of each run a page of a size [bytes] is expected to hold."""
    shown = [Shown(tuple(range(run.sizes["time"])), 1) for run in runs]
    while _expected(runs, shown) > size * (1.0 - _TEXT_SHARE):
        fewer = coarser(runs, shown)
        if fewer == shown:
            break
        shown = fewer
    return shown


def _expected(runs: Sequence[xr.Dataset], shown: Sequence[Shown]) -> float:
    """Size of the fields of runs in a page [bytes]."""
    places = sum(
        len(own.frames) * (run.sizes["x"] // own.step) * (run.sizes["y"] // own.step)
        * 2 * len(model_of(run).spec.solved_ligands)
        for run, own in zip(runs, shown, strict=True)
    )  # fmt: skip
    return places * _BYTES_PER_PLACE * _BASE64


def coarser(runs: Sequence[xr.Dataset], shown: Sequence[Shown]) -> list[Shown]:
    """Coarser grids where they are still fine, else every other frame; the same if neither is."""
    largest = max(
        max(run.sizes["x"], run.sizes["y"]) / own.step
        for run, own in zip(runs, shown, strict=True)
    )
    if largest >= 2 * _COARSEST:
        return [
            Shown(own.frames, own.step + 1)
            if max(run.sizes["x"], run.sizes["y"]) / own.step > 0.9 * largest
            else own
            for run, own in zip(runs, shown, strict=True)
        ]
    # The last frame is kept: runs are judged by their end.
    return [Shown(own.frames[::-1][::2][::-1], own.step) for own in shown]


def _page(
    runs: Sequence[xr.Dataset],
    names: Sequence[str],
    paths: Sequence[Path | None],
    shown: Sequence[Shown],
    report: Report,
) -> str:
    blocks = Blocks()
    kinds = field_kinds(runs)
    total = sum(
        len(own.frames) * (1 + 2 * len(model_of(run).spec.solved_ligands))
        for run, own in zip(runs, shown, strict=True)
    ) + sum(run.sizes.get("obs", 0) for run in runs)
    done = 0

    def advance() -> None:
        nonlocal done
        done += 1
        report("frames read", done, total)

    read: dict[str, dict[int, Any]] = {kind.key: {} for kind in kinds}
    for n, (run, own) in enumerate(zip(runs, shown, strict=True)):
        for kind in kinds:
            if kind.key in run:
                read[kind.key][n] = read_field(run, kind, own.frames, own.step, advance)
    fields, arrays = described_fields(kinds, read, blocks)
    del read
    found = quantities(runs)
    told = []
    for n, (run, own) in enumerate(zip(runs, shown, strict=True)):
        told.append(
            _described_run(run, names[n], own, blocks, {q["key"]: q["scale"] for q in found}, advance)
            | {
                "facts": run_facts(run, paths[n]),
                "fields": {
                    field["key"]: array[str(n)]
                    for field, array in zip(fields, arrays, strict=True)
                    if str(n) in array
                },
            }
        )
    titles = dict.fromkeys(one["title"] for one in told)
    return assemble_page(
        " | ".join(titles),
        {
            "program": f"sdf1-field {__version__}",
            "clock": clock_of(runs[0])[0],
            "steady": model_of(runs[0]).spec.run.mode == "steady",
            "runs": told,
            "fields": fields,
            "quantities": [q | {"scale": q["scale"].described()} for q in found],
            "colours": colour_table(COLOURS),
            "cargo_colours": colour_table(CARGO_COLOURS),
        },
        blocks=blocks.blocks,
    )


def _described_run(
    run: xr.Dataset,
    name: str,
    shown: Shown,
    blocks: Blocks,
    scales: dict[str, Any],
    advance: Callable[[], None],
) -> dict[str, Any]:
    """One run but for its fields, as the page reads it; see `sdf1_field.view`."""
    model = model_of(run)
    spec = model.spec
    _, offset = clock_of(run)
    times = [float(time) + offset for time in run["time"].values[list(shown.frames)]]
    told: dict[str, Any] = {
        "name": name,
        "title": spec.title,
        "model": model.name,
        "seed": int(run.attrs["seed"]),
        "treatment": spec.treatment_label,
        "changed": changes_text(model),
        "dish": {
            "width": spec.dish.width, "length": spec.dish.length,
            "round": spec.dish.shape == "round", "down": spec.drawn,
        },
        "offset": offset,
        "frames": times,
        "grid": [run.sizes["x"], run.sizes["y"]],
        "step": shown.step,
        "regions": described_regions(run, shown.frames, shown.step, blocks, advance)
        | {"labels": [region_label(region, spec) for region in Region], "outside": OUTSIDE},
        "has_stroma": has_stroma(run),
        "stroma": described_stroma(run, shown.frames, blocks, scales),
        "stroma_label": spec.stroma.label,
        "notes": list(_notes(run, name, shown)),
    }  # fmt: skip
    pixels = described_pixels(run, blocks)
    if pixels is not None:
        told["pixels"] = pixels
    if "cell_time" in run:
        told["observations"] = [float(time) + offset for time in observation_times(run)]
        told["cells"] = described_cells(run, blocks, advance) | {
            "label": spec.haematopoietic.label, "diameter": spec.haematopoietic.diameter,
        }  # fmt: skip
    return told


def _notes(run: xr.Dataset, name: str, shown: Shown) -> Sequence[str]:
    """Sentences about what of a run the page does not have."""
    notes = []
    if name.endswith(".partial"):
        notes.append("The run was interrupted; what it had computed until then is shown.")
    nx, ny = run.sizes["x"], run.sizes["y"]
    if shown.step > 1:
        notes.append(
            f"Fields are thinned out: means over {shown.step} x {shown.step} of the run's "
            f"{nx} x {ny} places, and regions at their middles."
        )
    if len(shown.frames) < run.sizes["time"]:
        notes.append(
            f"Frames are thinned out: {len(shown.frames)} of the run's {run.sizes['time']}."
        )
    return notes
