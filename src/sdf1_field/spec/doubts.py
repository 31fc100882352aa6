"""Time steps that are valid, but hardly what was meant."""

from collections.abc import Iterator

from sdf1_field.spec.entries import DEFAULTS
from sdf1_field.spec.model import Model
from sdf1_field.units import duration_text

_ONE, _NONE = "there is one step", "the scene does not grow"
_ENDS = "only the first and the last time are saved"


def doubtful_steps(model: Model) -> Iterator[str]:
    """One line, where, what, remedy, for each step that is too long for the run or its cells."""
    if model.spec.run.mode != "steady":
        yield from _beyond_the_run(model)
        yield from _jumps(model)


def _beyond_the_run(model: Model) -> Iterator[str]:
    """One line for each step that a file or call sets longer than the time that it divides.

    Defaults are left out: in a short run they are one step, which is what they should be.
    """
    spec = model.spec
    run, culture, numerics, output = spec.run.duration, spec.run.culture, spec.numerics, spec.output
    for path, step, divided, outcome in (
        ("cells.time_step", spec.cells.time_step, run, _ONE),
        ("numerics.coupling_step", numerics.coupling_step, run, _ONE),
        ("numerics.culture_step", numerics.culture_step, culture, _ONE),
        ("numerics.growth_step", numerics.growth_step, culture + run, _NONE),
        ("numerics.fipy.time_step", numerics.fipy.time_step, culture + run, _ONE),
        ("output.fields_every", output.fields_every, run - output.fields_from, _ENDS),
        ("output.tracks_every", output.tracks_every, run - output.tracks_from, _ENDS),
    ):
        entry = model.entries.get(path)
        if entry is not None and entry.where != DEFAULTS and step > divided > 0.0:
            yield (
                f"{entry.where}: {path}: {duration_text(step)} is longer than the "
                f"{duration_text(divided)} that it divides, so that {outcome}. Shorten it."
            )


def _jumps(model: Model) -> Iterator[str]:
    """A step in which a cell moves farther than it is wide, where there is anything to touch."""
    spec, on, cell = model.spec, model.spec.mechanisms, model.spec.haematopoietic
    adhesion = on.cd166_adhesion or on.vla4_adhesion or on.fibre_adhesion or on.arrest
    touches = spec.cell_count > 0 and (adhesion or on.crowding or on.migrasome_uptake)
    step, type_path = spec.cells.time_step, f"cell_type.{spec.cells.type}"
    if not touches or cell.speed * step <= cell.diameter:
        return
    paths = (f"{type_path}.speed", f"{type_path}.diameter", "cells.time_step")
    own = [path for path in paths if model.entries[path].where != DEFAULTS]
    path = own[0] if own else paths[-1]
    yield (
        f"{model.entries[path].where}: {path}: a cell moves {cell.speed * step:.4g} um in a step "
        f"of {duration_text(step)}, more than its diameter, {cell.diameter:g} um, and jumps over "
        "what it would touch. Shorten cells.time_step."
    )
