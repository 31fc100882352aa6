"""Variables of a run file: coordinates, ligands, cells and, declared with the scene, the stroma."""

from collections.abc import Iterator
from dataclasses import replace

from sdf1_field.scene import OUTSIDE, Region
from sdf1_field.scene.variables import (
    BODIES,
    CARGO,
    CONTENTS,
    DRAWN,
    FIBRES,
    FOLLOWED,
    MIGRASOMES,
    REGION,
    SECONDS,
    SECRETION_RATES,
    Condition,
    Variable,
    Written,
    flags_of,
)
from sdf1_field.simulation import field_times, model_grid, track_times
from sdf1_field.spec import ModelSpec

MASSES = {
    "secreted": "secreted so far",
    "added": "added by treatments so far, and by a bath at the start",
    "in_medium": "dissolved in the medium",
    "bound": "bound to the coat",
    "degraded": "degraded in the medium and on the coat so far",
    "through_top": "left through the top so far",
    "removed": "removed with the medium so far",
    "taken_up": "taken up by cells so far",
}
"""Entries of a ligand's mass audit."""
LATE = frozenset({"fibre", "fibre_vertex", "migrasome"})
"""Dimensions whose lengths are known only at the end of a run."""
OF_SCENE = LATE | {"body"}
"""Dimensions that are absent, with all their variables, from a run without any of these."""

_FLOOR = ("time", "y", "x")
_TIME = ("time",)
_TRACKS = ("trajectory", "obs")
OUTSIDE_WALL = OUTSIDE - 256
"""Fill value of regions outside the wall of a round well: `OUTSIDE` as a signed byte."""

COORDINATES = (
    Variable(
        "time", "f8", _TIME, SECONDS, "time; 0 (the epoch) is when haematopoietic cells are added, "
        "or without any the end of the culture", key="time", attributes={"axis": "T"},
    ),
    *(
        Variable(
            axis, "f8", (axis,), "um", f"{axis} of cell centres on the floor", Written.START
        )
        for axis in ("x", "y")
    ),
    Variable(
        "z", "f8", ("z",), "um", "height of layer centres above the floor", Written.START,
        attributes={"positive": "up", "bounds": "z_bounds"},
    ),
    Variable("z_bounds", "f8", ("z", "bounds"), "", "faces of the layers", Written.START),
    Variable(
        "body", "i4", ("body",), "", "number of the stromal body", Written.START, since=2
    ),
    Variable(
        "fibre", "i4", ("fibre",), "", "row of retraction fibres; one may hold different fibres in "
        "different frames", Written.END, since=2,
    ),
    Variable(
        "fibre_vertex", "i4", ("fibre_vertex",), "", "vertex along a retraction fibre, from its "
        "oldest end to the body", Written.END, since=2,
    ),
    Variable(
        "migrasome", "i4", ("migrasome",), "", "number of the migrasome, by birth", Written.END,
        since=2,
    ),
    Variable(
        "trajectory", "i4", ("trajectory",), "", "haematopoietic cell", Written.START,
        attributes={"cf_role": "trajectory_id"},
    ),
)  # fmt: skip

LIGAND = (
    Variable(
        "{ligand}", "f4", _FLOOR, "nmol L-1", "{label} in the lowest layer of the medium",
        key="floor", precise=True,
    ),
    Variable(
        "{ligand}_bound", "f4", _FLOOR, "um-2", "{label} molecules bound to the coat per area",
        key="bound", precise=True,
    ),
    Variable(
        "{ligand}_secretion", "f8", _FLOOR, "um-2 s-1",
        "{label} molecules secreted per area and time", key="secretion",
    ),
    Variable(
        "{ligand}_sites", "f4", _FLOOR, "um-2", "sites for {label} on the coat per area",
        key="sites",
        only=Condition(
            "a coat that is patterned or shielded by bodies",
            lambda spec, ligand: spec.ligand[ligand].coat.uneven,
        ),
    ),
    Variable(
        "{ligand}_reservoir", "f8", _TIME, "nmol L-1", "{label} in the mixed medium above the grid",
        key="reservoir",
        only=Condition("`dish.mixed_above`", lambda spec, _: spec.dish.mixed_above > 0.0),
    ),
    Variable(
        "{ligand}_minimum", "f8", _TIME, "nmol L-1",
        "lowest {label} at the floor so far; below zero by the solver's error", key="minimum",
    ),
    *(
        Variable(
            f"{{ligand}}_mass_{entry}", "f8", _TIME, "1", f"{{label}} molecules {meaning}",
            key=f"masses.{entry}",
        )
        for entry, meaning in MASSES.items()
    ),
    *SECRETION_RATES,
)  # fmt: skip

CARGO_BALANCE = (
    *CONTENTS,
    *(
        Variable(
            f"{{ligand}}_cargo_{entry}", "f8", _TIME, "1", f"{{label}} molecules {meaning}",
            key=f"cargo.{key}", only=FOLLOWED,
        )
        for entry, (key, meaning) in CARGO.items()
    ),
)  # fmt: skip

STROMA = (REGION, *BODIES, *FIBRES, *MIGRASOMES)

CELLS = (
    Variable(
        "cell_time", "f8", _TRACKS, SECONDS, "time of observation", Written.OBSERVATION, key="time"
    ),
    *(
        Variable(
            f"cell_{axis}", "f8", _TRACKS, "um", f"{axis} of the cell's centre",
            Written.OBSERVATION, key=f"cells.{axis}",
        )
        for axis in ("x", "y")
    ),
    Variable(
        "cell_state", "i1", _TRACKS, "", "whether the cell crawls or is held", Written.OBSERVATION,
        key="cells.held", flags={0: "crawling", 1: "held"},
    ),
    Variable(
        "cell_surface_receptors", "f4", _TRACKS, "1", "CXCR4 on the cell's surface",
        Written.OBSERVATION, key="cells.surface", since=3,
    ),
    Variable(
        "cell_adapted_receptors", "f4", _TRACKS, "1",
        "occupied CXCR4 to which the cell's signalling has adapted", Written.OBSERVATION,
        key="cells.adapted", since=3,
    ),
    Variable(
        "cell_region", "i1", _TRACKS, "", "region under the cell's centre", Written.OBSERVATION,
        key="cell_regions", flags=flags_of(Region),
    ),
)  # fmt: skip


def field_kind(spec: ModelSpec, name: str) -> str:
    """Type of a ligand's floor fields in the file.

    A dose of nanomolar under signals of femtomolar needs the digits of a double.
    """
    dosed = spec.ligand[name].bath_concentration > 0 and spec.dish.top == "bath"
    given = [spec.agent_of(t) for t in spec.treatments]
    dosed = dosed or any(name in (one, spec.agent[one].ligand) for one in given)
    return "f8" if dosed else "f4"


def frame_times(spec: ModelSpec) -> list[float]:
    """Times of a run's frames [s]."""
    return [0.0] if spec.run.mode == "steady" else field_times(spec)


def observed(spec: ModelSpec) -> bool:
    """Whether a run has cells to observe."""
    return spec.run.mode != "steady" and spec.cell_count > 0


def sizes_of(spec: ModelSpec) -> dict[str, int]:
    """Lengths of the dimensions that the model decides; ``time`` is that of a complete run."""
    grid = model_grid(spec)
    sizes = {
        "time": len(frame_times(spec)),
        "x": grid.nx,
        "y": grid.ny,
        "z": grid.nz,
        "bounds": 2,
    }
    if observed(spec):
        sizes |= {"trajectory": spec.cell_count, "obs": len(track_times(spec))}
    return sizes


def variables_of(spec: ModelSpec) -> dict[str, Variable]:
    """Variables that a model's run file may hold, by name; see `OF_SCENE` for those it may lack."""
    return {variable.name: variable for variable in _declared(spec)}


def _declared(spec: ModelSpec) -> Iterator[Variable]:
    for variable in COORDINATES:
        if variable.name != "trajectory" or observed(spec):
            yield variable
    for name in spec.solved_ligands:
        for variable in (*LIGAND, *CARGO_BALANCE):
            if variable.only is not None and not variable.only.met(spec, name):
                continue
            own = variable.named(ligand=name, label=spec.ligand[name].label)
            if variable.precise:
                own = replace(own, dtype=field_kind(spec, name))
            if variable in CONTENTS and not variable.flags:
                load = spec.stroma.cargo[name].vesicle_load
                own = replace(own, attributes={"molecules_per_vesicle": load})
            yield own
    for variable in STROMA:
        outside = variable is REGION and spec.dish.shape == "round"
        own = variable.named(stroma=spec.stroma.label)
        yield replace(own, absent=OUTSIDE_WALL) if outside else own
    if spec.drawn:
        yield from (variable.named(stroma=spec.stroma.label) for variable in DRAWN)
    if observed(spec):
        yield from CELLS
