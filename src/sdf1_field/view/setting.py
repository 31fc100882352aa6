"""What was simulated, in sentences: cells, stroma, dish, chemokines, treatments."""

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from sdf1_field.digits import count_text
from sdf1_field.scene import NO_BODY
from sdf1_field.spec import ModelSpec
from sdf1_field.units import MM2_PER_UM2, duration_text
from sdf1_field.view.document import Section, in_micro, listed
from sdf1_field.view.treatments import moment_text, treatments

CELLS = {
    "kg1a": "a line of human leukaemia cells",
    "cd34": "haematopoietic stem and progenitor cells of donors",
}
"""What the shipped cell types are."""
STROMAL = {"msc": "mesenchymal stromal cells", "l929": "a line of mouse fibroblasts"}
"""What the shipped stromal types are."""
_CELLS_ALREADY = ("HSPC", "cells")
"""Ends of labels that say that they are cells."""


def reached(run: xr.Dataset) -> float:
    """Last time of which a run file holds anything [s]."""
    times = [float(run["time"].values[-1])]
    if "cell_time" in run:
        times.append(float(np.nanmax(run["cell_time"].values[0])))
    return max(times)


def is_interrupted(run: xr.Dataset, spec: ModelSpec) -> bool:
    """Whether a run was stopped before its end."""
    return spec.run.mode != "steady" and reached(run) < spec.run.duration - 1.0


def span_text(run: xr.Dataset, spec: ModelSpec) -> str:
    """How long a run is, such as ``12 h``, or ``75 min of 12 h`` if it was interrupted."""
    whole = duration_text(spec.run.duration)
    return f"{duration_text(reached(run))} of {whole}" if is_interrupted(run, spec) else whole


def bodies_in(run: xr.Dataset) -> int:
    """Number of stromal bodies in the view."""
    return run.sizes.get("body", 0)


def view_text(spec: ModelSpec) -> str:
    """Size of the view, such as ``1.4 x 1.4 mm``."""
    width, length = 1e-3 * spec.dish.width, 1e-3 * spec.dish.length
    if spec.dish.shape == "round":
        return f"{width:.3g} mm in diameter"
    return f"{width:.3g} × {length:.3g} mm"


def view_area(spec: ModelSpec) -> float:
    """Area of the view [mm2]."""
    rectangle = spec.dish.width * spec.dish.length * MM2_PER_UM2
    return 0.25 * math.pi * rectangle if spec.dish.shape == "round" else rectangle


def labels(spec: ModelSpec, ligands: tuple[str, ...]) -> str:
    """Labels of ligands as a sentence lists them."""
    return listed([spec.ligand[name].label for name in ligands])


def sources(spec: ModelSpec) -> bool:
    """Whether there is anything that secretes."""
    return spec.bears_stroma or spec.bears_migrasomes


def setting(run: xr.Dataset, spec: ModelSpec) -> Section:
    """What was simulated."""
    parts = [_subject(run, spec), _dish(spec), *_stroma(run, spec), _chemokines(run, spec)]
    parts += treatments(spec)
    if spec.run.mode != "steady":
        parts.append(_saved(run))
    if is_interrupted(run, spec):
        parts.append(
            f"The run was interrupted at {span_text(run, spec)}: what is said of its outcome holds "
            "until then."
        )
    return Section("setting", "What was simulated", tuple(parts))


def cells_text(spec: ModelSpec, number: int | None = None) -> str:
    """Haematopoietic cells with their number, such as ``255 KG-1a cells``."""
    label = spec.haematopoietic.label
    if label.endswith(_CELLS_ALREADY):
        return label if number is None else f"{number:,} {label}"
    return f"{label} cells" if number is None else count_text(number, f"{label} cell")


def _called(label: str, known: str) -> str:
    return f"{label} ({known})" if known else label


def _subject(run: xr.Dataset, spec: ModelSpec) -> str:
    """Who was in the dish, and for how long."""
    bodies, label = bodies_in(run), spec.stroma.label
    stroma = f"{bodies:,} {_called(label, STROMAL.get(spec.scene.stroma, ''))}"
    number = cells_text(spec, run.sizes.get("trajectory", 0))
    cells = _called(number, CELLS.get(spec.cells.type, ""))
    were = "was" if run.sizes.get("trajectory", 0) == 1 else "were"
    long = span_text(run, spec)
    steady = spec.run.mode == "steady"
    if spec.follows_cells:
        where = f"among {stroma}" if bodies else "without stromal cells"
        if not bodies and spec.bears_migrasomes:
            where = "among migrasomes that lie on the floor, without stromal cells"
        return (
            f"{cells} {were} followed for {long} {where}. Time 0 is the moment at which they are "
            "added."
        )
    whose = f"of {stroma}" if bodies else "of a floor without stromal cells"
    if spec.bears_migrasomes and not bodies:
        whose = "of migrasomes that lie on the floor, without stromal cells"
    if steady:
        return (
            f"The steady state {whose} was solved: the concentrations at which secretion and "
            "losses are equal. Nothing moves and nothing changes with time; there are no "
            "haematopoietic cells."
        )
    begin = " Time 0 is the moment of seeding." if spec.grows and spec.run.culture == 0 else ""
    span = f"for {long}" if not spec.run.culture else f"until {long}"
    if bodies:
        return f"A culture {whose} was simulated {span}, without haematopoietic cells.{begin}"
    if spec.bears_migrasomes:
        migrasomes = count_text(run.sizes.get("migrasome", 0), "migrasome")
        return f"{migrasomes} on a floor were simulated {span}, without cells of any kind."
    return f"The medium over a floor was simulated {span}, without cells of any kind."


def _dish(spec: ModelSpec) -> str:
    height = f"{1e-3 * spec.dish.height:.3g} mm of medium"
    if spec.dish.shape == "round":
        text = f"The dish is a whole round well, {view_text(spec)}, under {height}."
    else:
        text = (
            f"The view is {view_text(spec)} of a dish's floor ({view_area(spec):.3g} mm²) under "
            f"{height}; its side walls reflect, as if the surroundings looked the same."
        )
    if spec.dish.top == "bath":
        text += " The top is held at a fixed concentration (bath)."
    if spec.dish.mixed_above > 0.0:
        text += f" Above {spec.dish.mixed_above:g} µm the medium is well mixed."
    return text


def _stroma(run: xr.Dataset, spec: ModelSpec) -> Iterator[str]:
    label = spec.stroma.label
    if not sources(spec):
        return
    vesicles = "migrasomes (vesicles of 0.5 to 3 µm, which fill with chemokine and secrete it)"
    if spec.drawn:
        yield (
            f"Bodies and networks are those of the scene file {Path(spec.scene.file).name}, drawn "
            "from the image of a dish, and stay as they are."
        )
    elif spec.grows:
        substrate = in_micro(spec.substrate[spec.scene.substrate].label)
        before = (
            f" They are cultured for {duration_text(spec.run.culture)} before time 0."
            if spec.run.culture
            else ""
        )
        frozen = (
            " At time 0 bodies and networks freeze and stay as they are."
            if spec.scene.mode == "frozen"
            else ""
        )
        yield (
            f"{label} migrate on {substrate} and leave retraction fibres (thin tubes of membrane) "
            f"behind, on which {vesicles} form, grow, detach and rupture.{before}{frozen}"
        )
    elif spec.bears_stroma:
        network = f", with networks of retraction fibres and {vesicles} around a share of them"
        yield (
            f"Bodies of {label} are placed at random{network if spec.bears_networks else ''}; "
            "they do not move."
        )
    else:
        yield f"The {vesicles} are placed at random; they do not move."
    if spec.bears_networks:
        yield _at_the_end(run)


def _at_the_end(run: xr.Dataset) -> str:
    """Fibres and migrasomes of the last frame."""
    owner = run["migrasome_body"][-1].values if "migrasome_body" in run else np.array([])
    fibres = run["fibre_body"][-1].values if "fibre_body" in run else np.array([])
    there, apart = np.isfinite(owner), owner == NO_BODY
    counts = [
        count_text(int(np.isfinite(fibres).sum()), "retraction fibre"),
        count_text(int((there & ~apart).sum()), "attached migrasome"),
        f"{int(apart.sum()):,} detached",
    ]
    return f"In the last frame saved there are {listed(counts)}."


def _chemokines(run: xr.Dataset, spec: ModelSpec) -> str:
    if not spec.solved_ligands:
        return "No chemokine was computed: nothing in this model reads one."
    names = labels(spec, spec.solved_ligands)
    coated = tuple(name for name in spec.solved_ligands if spec.ligand[name].coat.binds)
    text = f"{names} {'was' if len(spec.solved_ligands) == 1 else 'were'} computed in the medium"
    if coated:
        which = labels(spec, coated) if coated != spec.solved_ligands else "it"
        binds = f"{which} binds" if len(coated) == 1 else "they bind"
        text += f" and on the coat of the floor, to which {binds} reversibly"
    text += (
        f": finite volumes of {spec.grid.spacing:g} µm along the floor in {run.sizes['z']} layers."
    )
    if spec.follows_cells and sources(spec) and spec.senses:
        ligand = spec.ligand[spec.receptor.cxcr4.ligand].label
        text += f" Cells sense {ligand} by their receptor CXCR4; they sense nothing else."
    return text


def _saved(run: xr.Dataset) -> str:
    """Of which times the file holds fields and cells."""
    text = f"The file holds the floor {_times(run['time'].values)}"
    if "cell_time" in run:
        text += f", and the cells {_times(run['cell_time'].values[0])}"
    return f"{text}."


def _times(times: NDArray[np.float64]) -> str:
    known = times[np.isfinite(times)]
    if not len(known):
        return "at no time"
    if len(known) == 1:
        return f"once, at {moment_text(float(known[0]))}"
    first, last = (moment_text(float(time)) for time in known[[0, -1]])
    return f"at {len(known)} times from {first} to {last}"
