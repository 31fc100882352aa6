"""Checks between the values of a model, each valid by itself."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sdf1_field.spec.agents import Action, Treatment
from sdf1_field.spec.medium import PATTERN_FILES, PATTERNS
from sdf1_field.spec.names import unknown
from sdf1_field.spec.quantities import MOST_THINGS
from sdf1_field.spec.schema import ModelSpec
from sdf1_field.spec.stroma import SCENE_FILES
from sdf1_field.units import duration_text, instant

_MOST_STEPS = 1e7
"""Most steps of one kind in a run."""
_MOST_GRID_CELLS = 10**13
"""Most cells of the floor's grid; fewer may still exceed a machine's memory."""
_FEWEST_ACROSS = 10
"""Fewest grid cells across a round well that resolve its wall."""


@dataclass(frozen=True)
class Problem:
    """A contradiction between values of a model that are valid each by itself.

    Parameters
    ----------
    path : str
        Dotted path of the value to change.
    text : str
        The mistake and the remedy; follows the place and the path in the message.
    instead : mapping of str to str
        Text by the other paths in the contradiction; the message is about the path that was
        set last.
    """

    path: str
    text: str
    instead: Mapping[str, str] = field(default_factory=dict)


def _sizes(spec: ModelSpec) -> Iterable[Problem]:
    """Numbers of steps, cells and migrasomes too large to compute."""
    span = spec.run.culture + spec.run.duration
    for path, interval in (
        ("output.fields_every", spec.output.fields_every),
        ("output.tracks_every", spec.output.tracks_every),
        ("numerics.coupling_step", spec.numerics.coupling_step),
        ("numerics.culture_step", spec.numerics.culture_step),
        ("numerics.growth_step", spec.numerics.growth_step),
        ("cells.time_step", spec.cells.time_step),
        ("numerics.fipy.time_step", spec.numerics.fipy.time_step),
    ):
        idle = path.startswith("numerics.fipy.") and spec.numerics.solver != "fipy"
        if span / interval > _MOST_STEPS and not idle:
            steps = f"{span / interval:.3g}"
            of_run = (
                f"makes {steps} steps of {path}, which are too many. Shorten it, or make those "
                "longer."
            )
            yield Problem(
                path,
                f"{steps} steps are too many. Make them longer or the run shorter.",
                {"run.duration": of_run, "run.culture": of_run},
            )
    area = spec.dish.width * spec.dish.length
    counts = {
        f"{section}.{key}": getattr(getattr(spec, section), key) * area
        for section, key in (
            ("cells", "density"),
            ("scene", "msc_density"),
            ("scene", "detached_migrasome_density"),
        )
    }
    counts["grid.spacing"] = area / spec.grid.spacing**2
    for path, count in counts.items():
        most, remedy = (MOST_THINGS, "Lower it")
        if path == "grid.spacing":
            most, remedy = (_MOST_GRID_CELLS, "Raise it")
        if not count <= most:
            of_dish = f"makes {count:.3g} of {path}, which is too many. Make the dish smaller."
            yield Problem(
                path,
                f"makes {count:.3g} of them, which is too many. {remedy} or make the dish smaller.",
                {"dish.width": of_dish, "dish.length": of_dish},
            )


def _round_well(spec: ModelSpec) -> Iterable[Problem]:
    """A round well: FiPy mesh, fields without cells."""
    if spec.dish.shape != "round":
        return
    if spec.drawn:
        yield Problem(
            "dish.shape",
            "the scene's image is a rectangle. Set it to 'rectangle', or remove scene.file.",
            {"scene.file": "an image is a rectangle. Set dish.shape to 'rectangle'."},
        )
    if spec.dish.length != spec.dish.width:
        text = "a round well is as long as wide. Give its diameter twice."
        yield Problem("dish.length", text, {"dish.width": text})
    if spec.dish.width < _FEWEST_ACROSS * spec.grid.spacing:
        yield Problem(
            "grid.spacing",
            f"a round well takes at least {_FEWEST_ACROSS} cells across. Lower it.",
            {"dish.width": f"is less than {_FEWEST_ACROSS} times grid.spacing. Raise it."},
        )
    if spec.numerics.solver != "fipy":
        yield Problem(
            "dish.shape",
            f"the {spec.numerics.solver} solver needs a rectangle's walls. Set "
            "numerics.solver to 'fipy', or use --solver fipy.",
        )
    if spec.cell_count > 0:
        yield Problem(
            "dish.shape",
            "cells move in a rectangle only, a round well has fields alone. Set cells.density "
            "to '0 1/mm**2'.",
        )


def _view(spec: ModelSpec) -> Iterable[Problem]:
    """A view smaller than a grid cell or a biological cell."""
    for key in ("width", "length"):
        extent = getattr(spec.dish, key)
        if extent < spec.grid.spacing:
            yield Problem(
                f"dish.{key}",
                f"{extent:g} um is less than one cell of the grid, {spec.grid.spacing:g} um. "
                f"Raise dish.{key} or lower grid.spacing.",
                {
                    "grid.spacing": f"{spec.grid.spacing:g} um is more than dish.{key}, "
                    f"{extent:g} um. Lower it, or raise that."
                },
            )
            continue
        for path, noun, across in _bodies(spec):
            if extent < across:
                yield Problem(
                    f"dish.{key}",
                    f"{extent:g} um is less than one {noun}, {across:g} um. Raise dish.{key}.",
                    {path: f"makes a {noun} of {across:g} um, which dish.{key}, {extent:g} um, "
                    "does not hold. Lower it, or raise that."},
                )  # fmt: skip


def _bodies(spec: ModelSpec) -> Iterable[tuple[str, str, float]]:
    """Cells in the view: key of their size, name, and size [um]."""
    if spec.cell_count > 0:
        path = f"cell_type.{spec.cells.type}.diameter"
        yield path, "haematopoietic cell", spec.haematopoietic.diameter
    if spec.grows and spec.bears_stroma:
        cell = spec.stroma
        longest = 2.0 * math.sqrt(cell.body_area * cell.body_aspect_ratio / math.pi)
        yield f"stromal_type.{spec.scene.stroma}.body_area", f"{cell.label} body", longest


def _mixed_medium(spec: ModelSpec) -> Iterable[Problem]:
    """Well-mixed medium above a height: room for it, and no bath besides."""
    if spec.dish.mixed_above == 0.0:
        return
    if spec.dish.mixed_above >= spec.dish.height:
        yield Problem(
            "dish.mixed_above",
            f"{spec.dish.mixed_above:g} um leaves nothing to mix below dish.height, "
            f"{spec.dish.height:g} um. Lower it, or set it to '0 um' for still medium.",
            {"dish.height": f"{spec.dish.height:g} um is not above dish.mixed_above, "
            f"{spec.dish.mixed_above:g} um. Raise it, or lower that."},
        )  # fmt: skip
    if spec.dish.top == "bath":
        yield Problem(
            "dish.mixed_above",
            "a bath already holds the top's concentration. Set dish.top to 'closed', or "
            "dish.mixed_above to '0 um'.",
        )


def _bursts(spec: ModelSpec) -> Iterable[Problem]:
    """Bursts of migrasomes that do not rupture, or whose content at rupture is undefined."""
    if not spec.mechanisms.bursts:
        return
    if spec.grows and not spec.mechanisms.cargo_kinetics:
        yield Problem(
            "mechanisms.bursts",
            "the amount left in a migrasome of a grown scene is not known while its secretion is "
            "constant. Set mechanisms.cargo_kinetics to true.",
        )
    if spec.grows:
        return
    if spec.scene.migrasome_lifetime == 0.0:
        yield Problem(
            "mechanisms.bursts",
            "no migrasome ever ruptures. Set scene.migrasome_lifetime, such as '400 min'.",
        )
    for name in spec.solved_ligands:
        if spec.ligand[name].secretion.migrasome_decay == 0.0:
            yield Problem(
                "mechanisms.bursts",
                f"the amount of {name} left in a migrasome is not known while its secretion stays "
                f"as it is. Set ligand.{name}.secretion.migrasome_decay, such as '2e-4 1/s'.",
            )


def _steady_state(spec: ModelSpec) -> Iterable[Problem]:
    """A steady state: nothing that depends on time, and a loss of ligand."""
    if spec.run.mode != "steady":
        return
    remedy = "in a steady state nothing changes with time. Set it to"
    for key in ("migrasome_appearance", "migrasome_lifetime"):
        if getattr(spec.scene, key) > 0.0:
            yield Problem(f"scene.{key}", f"{remedy} '0 h'.")
    for name in spec.solved_ligands:
        if spec.ligand[name].secretion.migrasome_decay > 0.0:
            yield Problem(f"ligand.{name}.secretion.migrasome_decay", f"{remedy} '0 1/s'.")
    if spec.mechanisms.uptake:
        yield Problem("mechanisms.uptake", "a steady state has no cells. Set it to false.")
    if spec.treatments:
        yield Problem(
            f"treatments.{next(iter(spec.treatments))}",
            "a steady model has no time for treatments. Remove them or set run.mode to "
            "'transient'.",
        )
    for name in spec.solved_ligands:
        if spec.dish.top == "closed" and not spec.ligand[name].loses:
            yield Problem(
                f"ligand.{name}",
                "no steady state, since every wall is closed and nothing is lost. Set loss_rate, "
                "open the top, or ask for a transient.",
            )


def _growth(spec: ModelSpec) -> Iterable[Problem]:
    """A grown scene: time and room for growth."""
    if not spec.grows:
        return
    if spec.scene.file.endswith(SCENE_FILES):
        text = "a scene from an image does not grow. Set scene.mode to 'placed', or"
        yield Problem(
            "scene.mode", f"{text} remove scene.file.",
            {"scene.file": f"{text} remove this."},
        )  # fmt: skip
    if spec.run.mode == "steady":
        yield Problem(
            "scene.mode",
            f"a {spec.scene.mode} scene changes with time, a steady state does not. "
            "Set it to 'placed'.",
        )
    if spec.scene.mode == "frozen" and spec.run.culture == 0.0:
        yield Problem(
            "scene.mode",
            "nothing grows before the cells are added, when a frozen scene stops. Give "
            "run.culture some time, or set it to 'grown'.",
        )
    if spec.dish.shape == "round":
        yield Problem("scene.mode", "MSC migrate in a rectangle only. Set it to 'placed'.")
    if spec.scene.detached_migrasome_density > 0.0:
        yield Problem(
            "scene.detached_migrasome_density",
            "in a grown scene migrasomes detach by themselves. Set it to '0 1/mm**2', or "
            "scene.mode to 'placed'.",
        )
    if spec.biogenesis.early_diameter > spec.scene.migrasome_diameter:
        yield Problem(
            "scene.migrasome_diameter",
            "is smaller than biogenesis.early_diameter, from which migrasomes grow. Raise it, "
            "or lower that.",
            {"biogenesis.early_diameter": "is larger than scene.migrasome_diameter, to which "
            "migrasomes grow. Lower it, or raise that."},
        )  # fmt: skip
    retraction = spec.biogenesis.retraction_time
    if spec.numerics.growth_step > retraction:
        yield Problem(
            "numerics.growth_step",
            f"{duration_text(spec.numerics.growth_step)} is longer than a retraction, "
            f"{duration_text(retraction)}. Lower it.",
            {"biogenesis.retraction_time": f"{duration_text(retraction)} is shorter than "
            f"numerics.growth_step, {duration_text(spec.numerics.growth_step)}. Raise it, or "
            "lower that."},
        )  # fmt: skip
    for name in spec.solved_ligands:
        if spec.ligand[name].coat.under_bodies < 1.0:
            yield Problem(
                f"ligand.{name}.coat.under_bodies",
                "bodies of a grown scene move, and ligand bound under them would be lost. "
                "Set it to 1.0, or scene.mode to 'placed'.",
            )


def _cargo(spec: ModelSpec) -> Iterable[Problem]:
    """Cargo kinetics of ligands that the stroma makes."""
    if spec.grows:
        for name in spec.solved_ligands:
            if spec.ligand[name].secretion.migrasome_decay > 0.0:
                yield Problem(
                    f"ligand.{name}.secretion.migrasome_decay",
                    "in a grown scene mechanisms.cargo_kinetics determines how migrasomes fill and "
                    "empty. Set it to '0 1/s', or scene.mode to 'placed'.",
                )
    if not (spec.grows and spec.mechanisms.cargo_kinetics):
        return
    for name in spec.stroma.cargo:
        if name not in spec.ligand:
            path = f"stromal_type.{spec.scene.stroma}.cargo.{name}"
            yield Problem(path, _unknown(name, spec.ligand, "ligand"))
    for name in spec.output.ligands:
        if name not in spec.stroma.cargo:
            made = ", ".join(spec.ligand[k].label for k in spec.stroma.cargo if k in spec.ligand)
            yield Problem(
                "output.ligands",
                f"{spec.stroma.label} cells make no {spec.ligand[name].label}, but "
                f"{made or 'nothing'}. Remove {name}, or give "
                f"stromal_type.{spec.scene.stroma}.cargo.{name}.",
            )


def _patterns(spec: ModelSpec) -> Iterable[Problem]:
    """Coat patterns that are neither a known name nor a file."""
    for name, ligand in spec.ligand.items():
        pattern = ligand.coat.pattern
        if pattern not in PATTERNS and not pattern.endswith(PATTERN_FILES):
            yield Problem(
                f"ligand.{name}.coat.pattern",
                f"{unknown(pattern, PATTERNS, 'pattern')} Or give an image or array: a file "
                f"that ends in {', '.join(PATTERN_FILES)}.",
            )


def _drawn(spec: ModelSpec) -> Iterable[Problem]:
    """A drawn scene that is no such file."""
    if spec.drawn and not spec.scene.file.endswith(SCENE_FILES):
        yield Problem(
            "scene.file",
            f"'{spec.scene.file}' is no file of a drawn scene, whose name ends in "
            f"{', '.join(SCENE_FILES)}. Make one with `sdf1-field scene`.",
        )


def _linear_solver(spec: ModelSpec) -> Iterable[Problem]:
    """Conjugate gradients with a non-symmetric system."""
    if spec.numerics.solver != "fipy" or spec.numerics.fipy.linear_solver != "cg":
        return
    for name in spec.solved_ligands:
        if spec.ligand[name].coat.binds:
            yield Problem(
                "numerics.fipy.linear_solver",
                f"'cg' needs a symmetric system, and {name} binds to the floor. Choose "
                "'bicgstab' or 'lu'.",
            )


def _times(spec: ModelSpec) -> Iterable[Problem]:
    """Times outside the run; if the run's length was set last, one message about the length."""
    begin, end = 0.0 - spec.run.culture, spec.run.duration
    times = {"output.fields_from": (spec.output.fields_from, begin)}
    times["output.tracks_from"] = (spec.output.tracks_from, 0.0)
    for name, treatment in spec.treatments.items():
        times[f"treatments.{name}.start"] = (treatment.start, begin)
        if treatment.stop is not None:
            times[f"treatments.{name}.stop"] = (treatment.stop, begin)
    late = {p: at for p, (at, _) in times.items() if at > end}
    early = {p: at for p, (at, first) in times.items() if at < first}
    kept = [times[p][0] for p in times if p.startswith("treatments.") and p not in late | early]
    last, first_kept = max([0.0, *kept]), min([0.0, *kept])
    stops = {path: end for path in late if path.endswith(".stop")}
    late = _drawn_in(late, last, 0.5 * (last + end)) | stops
    early = _drawn_in(early, first_kept, begin)
    for outside, key, length in (
        (late, "run.duration", end), (early, "run.culture", -begin)
    ):  # fmt: skip
        listed = ", ".join(f"{path} {duration_text(times[path][0])}" for path in outside)
        pasted = " ".join(
            f"--set {path}='{duration_text(within)}'" for path, within in outside.items()
        )
        together = f"{duration_text(length)} leaves out {listed}. Make it longer, or add {pasted}."
        for path in outside:
            at, first = times[path]
            yield Problem(path, _outside(at, first, end), {key: together})


def _unknown(name: str, tables: Mapping[str, Any], noun: str) -> str:
    """Message about a name that a model has no table for; each table has a label."""
    return unknown(name, tables, noun, {key: table.label for key, table in tables.items()})


def _names(spec: ModelSpec) -> Iterable[Problem]:
    """Names that the model has no table for."""
    chosen: list[tuple[str, str, Mapping[str, Any], str]] = [
        ("cells.type", spec.cells.type, spec.cell_type, "cell type"),
        ("receptor.cxcr4.ligand", spec.receptor.cxcr4.ligand, spec.ligand, "ligand"),
        *(("output.ligands", name, spec.ligand, "ligand") for name in spec.output.ligands),
        ("scene.stroma", spec.scene.stroma, spec.stromal_type, "stromal type"),
        ("scene.substrate", spec.scene.substrate, spec.substrate, "substrate"),
    ]
    for path, name, known, noun in chosen:
        if name not in known:
            yield Problem(path, _unknown(name, known, noun))


def _treatments(spec: ModelSpec) -> Iterable[Problem]:
    """Agents, doses and times of treatments."""
    for name, treatment in spec.treatments.items():
        path, agent_name = f"treatments.{name}", spec.agent_of(name)
        if agent_name not in spec.agent:
            yield Problem(path, _unknown(agent_name, spec.agent, "agent"))
            continue
        agent = spec.agent[agent_name]
        ligand = agent_name if agent.acts_on == "added_ligand" else agent.ligand
        if ligand is not None and ligand not in spec.ligand:
            yield Problem(path, _unknown(ligand, spec.ligand, "ligand"))
            continue
        try:
            spec.dose(name)
        except ValueError as error:
            yield Problem(f"{path}.dose", str(error))
        if agent.target is not None and agent.target not in spec.stroma.expresses:
            yield Problem(
                path,
                f"{agent.label} acts on {agent.target}, which {spec.stroma.label} cells lack. "
                f"They have {', '.join(spec.stroma.expresses) or 'no target'}. Remove it, or "
                "choose another scene.stroma.",
            )
        lacking = agent.action.lacks(spec, agent_name)
        if lacking is not None:
            yield Problem(path, f"{agent.label} {lacking}")
        if treatment.preincubation > 0.0 and not agent.action.on_cells:
            yield Problem(
                f"{path}.preincubation",
                f"{agent.label} does not act on haematopoietic cells, which alone are "
                "preincubated. Remove it.",
            )
        if treatment.incubation is not None and agent.acts_on != "coat":
            yield Problem(
                f"{path}.incubation",
                f"{agent.label} is no pre-coat, which alone is incubated on the floor. Remove it.",
            )
        yield from _treatment_times(spec, path, treatment, agent.action)


def _treatment_times(
    spec: ModelSpec, path: str, treatment: Treatment, action: Action
) -> Iterable[Problem]:
    """Start and stop of a treatment that its action or the scene rules out."""
    if action.on_stroma and action.lasts == "present" and spec.scene.mode == "frozen":
        for key, value in (("start", treatment.start), ("stop", treatment.stop)):
            if value is not None and value >= 0.0 and (key, value) != ("stop", 0.0):
                yield Problem(
                    f"{path}.{key}",
                    "a frozen scene does not grow from 0 h on, when the cells are added. Give "
                    f"an earlier {key}, or set scene.mode to 'grown'.",
                )
    removed = spec.agent[spec.agent_of(path.split(".")[1])].acts_on == "bodies"
    if removed and spec.grows and treatment.start <= -spec.run.culture:
        yield Problem(
            f"{path}.start",
            f"a scene that grows has no network yet at {duration_text(treatment.start)}. Give a "
            "later start, or set run.culture above 0.",
        )
    if removed and spec.drawn and treatment.start > 0.0:
        yield Problem(
            f"{path}.start",
            "the bodies of scene.file are removed before the cells are added. Give '0 h' or an "
            "earlier start.",
        )
    if removed and spec.scene.mode == "frozen" and treatment.start > 0.0:
        yield Problem(
            f"{path}.start",
            "a frozen scene follows no cargo from 0 h on. Give '0 h' or an earlier start, or set "
            "scene.mode to 'grown'.",
        )
    if action.lasts == "genetic":
        for key in ("start", "stop"):
            if key in treatment.model_fields_set:
                yield Problem(
                    f"{path}.{key}",
                    "a genetic change lasts from the beginning to the end. Remove it.",
                )
    if treatment.stop is None:
        return
    if action.lasts == "moment":
        yield Problem(
            f"{path}.stop",
            "has no stop: a medium change is over at once, added ligand leaves with the next "
            "medium change, a pre-coat is washed off at its start, bodies "
            "are removed for good. Remove it.",
        )
    elif treatment.stop <= treatment.start:
        yield Problem(
            f"{path}.stop",
            f"{duration_text(treatment.stop)} is not after the start, "
            f"{duration_text(treatment.start)}. Give a later stop.",
        )


def _drawn_in(times: Mapping[str, float], kept: float, end: float) -> dict[str, float]:
    """Times outside the run scaled to lie between ``kept``, the last time within it, and ``end``.

    The map is linear, so that order and ratios of distances stay.
    """
    if not times:
        return {}
    farthest = max(times.values(), key=lambda time: abs(time - kept))
    share = (end - kept) / (farthest - kept)
    return {path: instant(kept + share * (time - kept)) for path, time in times.items()}


def _outside(value: float, begin: float, end: float) -> str:
    return (
        f"{duration_text(value)} is outside the run, which lasts from {duration_text(begin)} to "
        f"{duration_text(end)} (0 is the end of run.culture). "
        "Choose a time within it."
    )


def _walks(spec: ModelSpec) -> Iterable[Problem]:
    """Time steps that do not resolve the walk of cells or MSC, or the cells' adaptation."""
    if spec.run.mode == "steady":
        return
    path, cell, step = f"cell_type.{spec.cells.type}", spec.haematopoietic, spec.cells.time_step
    if spec.cell_count > 0:
        yield from _persistence("cells.time_step", step, path, cell.persistence_time)
    if spec.triggers and spec.mechanisms.adaptation:
        time = cell.adaptation_time
        yield from _unresolved("cells.time_step", step, f"{path}.adaptation_time", time)
    if spec.grows and spec.bears_stroma:
        path, step = f"stromal_type.{spec.scene.stroma}", spec.numerics.growth_step
        yield from _persistence("numerics.growth_step", step, path, spec.stroma.persistence_time)


def _persistence(path: str, step: float, walker: str, time: float) -> Iterable[Problem]:
    """A step h longer than a persistence time P: random motility grows by (h / 2P) coth(h / 2P)."""
    if step <= time:
        return
    share = 0.5 * step / time
    why = f", and would make random motility {share / math.tanh(share):.2g} times as large"
    yield from _unresolved(path, step, f"{walker}.persistence_time", time, why)


def _unresolved(
    path: str, step: float, timed: str, time: float, why: str = ""
) -> Iterable[Problem]:
    """A step longer than a time that it has to resolve."""
    if step <= time:
        return
    yield Problem(
        path,
        f"{duration_text(step)} does not resolve {timed}, {duration_text(time)}{why}. Make it no "
        "longer than that.",
        {timed: f"{duration_text(time)} is shorter than {path}, {duration_text(step)}{why}. "
         "Shorten that."},
    )  # fmt: skip


CHECKS: tuple[Callable[[ModelSpec], Iterable[Problem]], ...] = (
    _growth,
    _sizes,
    _times,
    _view,
    _mixed_medium,
    _patterns,
    _drawn,
    _bursts,
    _cargo,
    _round_well,
    _linear_solver,
    _treatments,
    _walks,
    _steady_state,
)
"""Each yields the problems of one subject in a model whose names are all known."""


def problems(spec: ModelSpec) -> Iterable[Problem]:
    """Contradictions between the values of a model, each valid by itself.

    Unknown names come first and alone, since the other checks look them up.
    """
    unknown_names = list(_names(spec))
    yield from unknown_names
    if not unknown_names:
        for check in CHECKS:
            yield from check(spec)
