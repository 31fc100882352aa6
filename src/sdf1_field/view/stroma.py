"""Stroma of runs for the page: bodies, fibres, migrasomes, regions and drawn floors."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from sdf1_field.analysis.runs import frame_regions, run_drawn
from sdf1_field.figures.drawing import MOST_PIXELS
from sdf1_field.images import FREE, NETWORK
from sdf1_field.record import model_of
from sdf1_field.scene.variables import ABSENT
from sdf1_field.view.arrays import Blocks
from sdf1_field.view.codec import LinearScale, LogScale, Scale
from sdf1_field.view.thinning import middles

Array = NDArray[np.float64]
Scales = dict[tuple[str, str], LogScale]
"""Scale of a quantity by its key and by what has it: bodies or migrasomes."""

_PLACE_STEP, _FIBRE_STEP = 0.02, 0.25
"""Steps of places, and of fibres' vertices [um]."""
_TURN = 2.0 * np.pi
"""A full turn of a body's angle [rad]."""
_FREE_PIXEL, _NETWORK_PIXEL, _FIRST_BODY = 0, 1, 2
"""Codes of a drawn floor's pixels; a body's is its number and `_FIRST_BODY`."""


def framed(run: xr.Dataset, name: str, frames: Sequence[int]) -> tuple[Array, list[int]]:
    """A variable in some frames, without those that repeat the one before.

    Returns
    -------
    ndarray, shape (kept, ...)
        NaN for what an integer lacks.
    list of int
        Which of them each frame is.
    """
    kept: list[Array] = []
    which = []
    for frame in frames:
        values = run[name][frame].values
        values = values if values.dtype.kind == "f" else np.where(values == ABSENT, np.nan, values)
        if not kept or not np.array_equal(values, kept[-1], equal_nan=True):
            kept.append(values.astype(np.float64))
        which.append(len(kept) - 1)
    return np.stack(kept), which


def described_stroma(
    run: xr.Dataset, frames: Sequence[int], blocks: Blocks, scales: Scales
) -> dict[str, Any]:
    """Bodies, fibres and migrasomes as the page reads them, those that the run has.

    Parameters
    ----------
    run : xarray.Dataset
    frames : sequence of int
    blocks : Blocks
        The arrays are added to it.
    scales : mapping of tuple of str to LogScale
        Of quantities, as `quantity_scales` returns them.
    """
    spec = model_of(run).spec
    reach = max(spec.dish.width, spec.dish.length)
    place = place_scale(run)
    told: dict[str, Any] = {}

    def add(name: str, scale: Scale) -> dict[str, Any]:
        values, which = framed(run, name, frames)
        if scale is turned:
            values = np.mod(values, _TURN)
        return blocks.add(scale.codes(values), scale) | {"which": which}

    turned = LinearScale.of(0.0, _TURN)
    if np.isfinite(run["body_x"].values).any():
        told["bodies"] = {axis: add(f"body_{axis}", place) for axis in ("x", "y")}
        for axis in ("semi_major", "semi_minor"):
            told["bodies"][axis] = add(f"body_{axis}", LinearScale.of(0.0, reach))
        told["bodies"]["angle"] = add("body_angle", turned)
    if any(np.isfinite(run["fibre_x"][frame].values).any() for frame in frames):
        told["fibres"] = {axis: _courses(run, axis, frames, blocks) for axis in ("x", "y")}
    if np.isfinite(run["migrasome_x"].values).any():
        told["migrasomes"] = {axis: add(f"migrasome_{axis}", place) for axis in ("x", "y")}
        largest = float(np.nanmax(run["migrasome_radius"].values))
        told["migrasomes"]["radius"] = add("migrasome_radius", LinearScale.of(0.0, largest, 8))
    for kind in ("bodies", "migrasomes"):
        if kind not in told:
            continue
        told[kind]["quantities"] = {
            key: add(quantity_name(kind, key), scale)
            for (key, own), scale in scales.items()
            if own == kind and quantity_name(kind, key) in run
        }
    return told


def place_scale(run: xr.Dataset, finest: float = _PLACE_STEP) -> LinearScale:
    """Scale of places on a run's floor [um], in steps of at least ``finest``."""
    dish = model_of(run).spec.dish
    coarse = LinearScale.of(0.0, max(dish.width, dish.length))
    return LinearScale(0.0, max(finest, coarse.step))


def _courses(run: xr.Dataset, axis: str, frames: Sequence[int], blocks: Blocks) -> dict[str, Any]:
    """Courses of fibres along an axis, each vertex as the way from the one before.

    A course's last vertex is repeated to the end of its row; a row without a fibre has the code of
    what is missing throughout.
    """
    scale = place_scale(run, _FIBRE_STEP)
    values, which = framed(run, f"fibre_{axis}", frames)
    codes = scale.codes(values)
    for vertex in range(1, codes.shape[-1]):
        ended = codes[..., vertex] == scale.missing
        codes[..., vertex][ended] = codes[..., vertex - 1][ended]
    ways = codes.copy()
    ways[..., 1:] -= codes[..., :-1]
    return blocks.add(ways, scale) | {"which": which, "ways": True}


def quantity_name(kind: str, key: str) -> str:
    """Variable of a quantity, such as ``sdf1_cargo``, of bodies or migrasomes."""
    return f"{'body' if kind == 'bodies' else 'migrasome'}_{key}"


def quantities(runs: Sequence[xr.Dataset]) -> tuple[list[dict[str, Any]], Scales]:
    """What migrasomes and bodies hold and secrete in some runs, and its scales.

    Returns
    -------
    list of dict
        ``key``, ``label``, ``unit``, and ``scales`` by kind, as the page reads them. Bodies hold so
        much more than migrasomes that one scale for both would hide most of these.
    dict of tuple of str to LogScale
    """
    found: dict[str, dict[str, Any]] = {}
    ends: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for run in runs:
        spec = model_of(run).spec
        for ligand in spec.solved_ligands:
            label = spec.ligand[ligand].label
            for key, text, unit in (
                (f"{ligand}_secretion_rate", f"{label} secretion", "molecules/s"),
                (f"{ligand}_cargo", f"{label} cargo", "molecules"),
            ):
                for kind in ("migrasomes", "bodies"):
                    name = quantity_name(kind, key)
                    values = run[name].values if name in run else np.empty(0)
                    seen = values[np.isfinite(values) & (values > 0.0)]
                    if seen.size:
                        found[key] = {"key": key, "label": text, "unit": unit, "scales": {}}
                        ends.setdefault((key, kind), []).append(
                            (float(seen.min()), float(seen.max()))
                        )
    scales: Scales = {}
    for (key, kind), own in ends.items():
        scales[key, kind] = LogScale.of(min(low for low, _ in own), max(high for _, high in own))
        found[key]["scales"][kind] = scales[key, kind].described()
    return list(found.values()), scales


def described_regions(
    run: xr.Dataset, frames: Sequence[int], step: int, blocks: Blocks, report: Callable[[], None]
) -> dict[str, Any]:
    """Region of every floor cell, or of those in the middle of ``step`` by ``step`` of them."""
    chosen = np.ix_(middles(run.sizes["y"], step), middles(run.sizes["x"], step))
    maps = []
    for frame in frames:
        maps.append(frame_regions(run, frame)[chosen])
        report()
    return blocks.add(np.stack(maps))


def described_pixels(run: xr.Dataset, blocks: Blocks) -> dict[str, Any] | None:
    """Pixels of a drawn floor, thinned out to what is drawn; None for another floor."""
    drawn = run_drawn(run)
    if drawn is None:
        return None
    step = -(-max(drawn.pixels.shape) // MOST_PIXELS)
    rows, columns = (middles(length, step) for length in drawn.pixels.shape)
    pixels = drawn.pixels[np.ix_(rows, columns)].astype(np.int64)
    codes = np.where(
        pixels == FREE,
        _FREE_PIXEL,
        np.where(pixels == NETWORK, _NETWORK_PIXEL, pixels + _FIRST_BODY),
    )
    return blocks.add(codes[None].astype(np.uint16)) | {"first_body": _FIRST_BODY}
