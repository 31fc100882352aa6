"""Steps longer than what they divide: valid, but not what was asked for."""

from collections.abc import Iterator

from sdf1_field.spec.entries import DEFAULTS
from sdf1_field.spec.model import Model
from sdf1_field.units import duration_text

_ONE, _NONE = "there is one step", "the scene does not grow"
_ENDS = "only the first and the last time are saved"


def steps_beyond_the_run(model: Model) -> Iterator[str]:
    """One line for each step that a file or call sets longer than the time that it divides.

    Defaults are left out: in a short run they are one step, which is what they should be.
    """
    spec = model.spec
    if spec.run.mode == "steady":
        return
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
