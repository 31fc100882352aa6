"""A paragraph for the methods of a paper, with the numbers of the run, in the past tense."""

import re
from collections.abc import Callable, Container, Iterator, Sequence
from typing import Any

import xarray as xr

from sdf1_field.digits import count_text
from sdf1_field.spec import Model, ModelSpec, changes
from sdf1_field.units import duration_text
from sdf1_field.view.differing import base_of, is_own, read_entries
from sdf1_field.view.document import in_micro, listed
from sdf1_field.view.mechanisms import acting
from sdf1_field.view.setting import (
    bodies_in,
    cells_text,
    labels,
    sources,
    span_text,
    view_text,
)
from sdf1_field.view.treatments import in_order, treatment_text

Numbers = Callable[[str], str]
"""Text of the value of a key, with its unit and a star if it is calibrated."""

_STAR = "*"
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_SOLVERS = {"cosine": "in cosine modes along the floor", "fipy": "with FiPy"}


def quantity_text(value: Any) -> str:
    """A value as papers write it.

    Examples
    --------
    >>> quantity_text("1.448e-05 1/s"), quantity_text("150 um**2/s"), quantity_text(33590.0)
    ('1.448 × 10⁻⁵ s⁻¹', '150 µm²/s', '33,590')
    >>> quantity_text("0.0039 1/(um*h)")
    '0.0039 µm⁻¹ h⁻¹'
    """
    number, _, unit = str(value).partition(" ")
    try:
        number = f"{float(number):,.15g}"
    except ValueError:
        return in_micro(str(value))
    mantissa, _, exponent = number.partition("e")
    if exponent:
        number = f"{mantissa} × 10{str(int(exponent)).translate(_RAISED)}"
    if per := re.fullmatch(r"1/\(?([\w*]+)\)?", unit):
        powers = [part.partition("^") for part in per[1].replace("**", "^").split("*")]
        unit = " ".join(f"{name}{f'-{power or 1}'.translate(_RAISED)}" for name, _, power in powers)
    unit = re.sub(r"\*\*(\d)", lambda power: power[1].translate(_RAISED), unit)
    unit = re.sub(r"\bu(?=m)", "µ", unit)
    return f"{number} {unit}".strip()


def paragraph(run: xr.Dataset, model: Model, *, papers: Sequence[str], libraries: str) -> str:
    """The paragraph.

    Parameters
    ----------
    run : xarray.Dataset
    model : Model
    papers : sequence of str
        Marks of the references from which values are, such as ``"[2]"``.
    libraries : str
        With their versions.
    """
    spec, read = model.spec, read_entries(model)

    def number(key: str) -> str:
        entry = model.entries[key]
        return quantity_text(entry.value) + _STAR * (entry.status == "calibrated")

    sentences = [
        _program(run, model),
        *_stroma(run, spec, number),
        *_secretion(spec, number, read.keys()),
        *_fields(run, spec, number),
        *_cells(run, spec, number),
        *_sensing(spec, number),
        *_adhesion(spec, number),
        *(treatment_text(spec, name) for name in in_order(spec)),
    ]
    uncalibrated = len(sentences)
    if any(_STAR in sentence for sentence in sentences[1:]):
        sentences.append("Numbers with an asterisk are calibrated, not measured.")
    claims = "its claims" if len(papers) == 1 else "their claims"
    fitted = f" or calibrated to {claims}" if len(sentences) > uncalibrated else ""
    cited = f", some of them from {listed(papers)}{fitted}," if papers else ""
    sentences.append(
        f"All values{cited} are in the run file with unit, source and status; libraries: "
        f"{libraries}."
    )
    return " ".join(sentences)


def _program(run: xr.Dataset, model: Model) -> str:
    base = base_of(model)
    which = f"the model {model.name}"
    if is_own(model):
        which = f"a model of our own ({model.name}" + (f", which extends {base})" if base else ")")
    text = f"Simulations were run with {run.attrs['source']} [1], {which}, seed {run.attrs['seed']}"
    changed = [change.setting for change in changes(model)]
    return f"{text}, with these values changed: {'; '.join(changed)}." if changed else f"{text}."


def _place(spec: ModelSpec) -> str:
    """The dish, with its height if anything in the model reads it."""
    medium = f"{1e-3 * spec.dish.height:.3g} mm of medium" if spec.solved_ligands else ""
    if spec.dish.shape == "round":
        return f"a round well of {view_text(spec)}" + (f" ({medium})" if medium else "")
    about = ", ".join(filter(None, ("reflecting side walls", medium)))
    return f"a view of {view_text(spec)} ({about})"


def _stroma(run: xr.Dataset, spec: ModelSpec, number: Numbers) -> Iterator[str]:
    """How the stroma came about, and for how long it was simulated."""
    bodies = f"{bodies_in(run):,} {spec.stroma.label}"
    were = "was" if bodies_in(run) == 1 else "were"
    length = f"for {span_text(run, spec)}"
    if spec.run.mode == "steady":
        length = "in the steady state, in which secretion equals loss"
    if spec.follows_cells:
        length = f"for {duration_text(spec.run.culture)} before the cells were added"
    if spec.drawn:
        yield (
            f"Bodies and networks of {spec.stroma.label} were those of the image of a dish, in "
            f"{_place(spec)}, and did not change."
        )
    elif spec.grows:
        kind = f"stromal_type.{spec.scene.stroma}"
        substrate = in_micro(spec.substrate[spec.scene.substrate].label)
        after = ""
        if spec.follows_cells:
            frozen = spec.scene.mode == "frozen"
            after = " and then did not change" if frozen else " and from then to the end"
        yield (
            f"{bodies} on {substrate} {were} simulated in {_place(spec)} {length}{after}. "
            f"{spec.stroma.label} migrated (speed {number(f'{kind}.speed')}, persistence time "
            f"{number(f'{kind}.persistence_time')}) and left retraction fibres where their rear "
            f"stayed attached (every {number('biogenesis.tether_spacing')} of path on average) "
            f"and where resting cells retracted (every {number('biogenesis.retraction_interval')})."
        )
        yield (
            f"Migrasomes formed on fibres at {number('biogenesis.nucleation')}, grew to a mean "
            f"diameter of {number('scene.migrasome_diameter')}, detached and ruptured (mean "
            f"lifetime {number('biogenesis.migrasome_lifetime')})."
        )
    elif spec.bears_stroma:
        networks = ""
        if spec.bears_networks:
            networks = (
                f", a share of {number('scene.network_fraction')} of them with a network of "
                "retraction fibres and migrasomes,"
            )
        yield (
            f"{bodies}{networks} {were} placed at random in {_place(spec)} and did not move"
            f"{'' if spec.follows_cells else f'; they were simulated {length}'}."
        )
    elif spec.bears_migrasomes:
        migrasomes = count_text(run.sizes.get("migrasome", 0), "migrasome")
        yield f"{migrasomes} were placed at random in {_place(spec)}, and simulated {length}."
    elif not spec.follows_cells:
        yield f"{_place(spec).capitalize()} without cells was simulated {length}."


def _secretion(spec: ModelSpec, number: Numbers, read: Container[str]) -> Iterator[str]:
    if not (spec.solved_ligands and sources(spec)):
        return
    followed = spec.followed_ligands
    if followed:
        rates = []
        for name in followed:
            cargo = f"stromal_type.{spec.scene.stroma}.cargo.{name}"
            rates.append(
                f"{spec.ligand[name].label} {number(f'{cargo}.production')}, "
                f"{number(f'{cargo}.body_release_rate')} and {number(f'{cargo}.fusion_rate')}"
            )
        burst = "; a rupture released the content at once" if spec.mechanisms.bursts else ""
        yield (
            f"Each body made {labels(spec, followed)} in vesicles, which fused with its membrane "
            f"or were transported into migrasomes (at {number('traffic.transport_rate')} beside "
            "the body) and fused there (production, and rates of fusion in bodies and in mature "
            f"migrasomes: {'; '.join(rates)}){burst}."
        )
    for name in spec.solved_ligands:
        if name in followed:
            continue
        key = f"ligand.{name}.secretion"
        carrying = ""
        if spec.ligand[name].secretion.carrying_fraction < 1.0:
            carrying = f" (of a share of {number(f'{key}.carrying_fraction')} of them)"
        given = [
            text
            for source, text in (
                ("msc_body", f"{number(f'{key}.msc_body')} from a body"),
                ("migrasome", f"{number(f'{key}.migrasome')} from a migrasome{carrying}"),
            )
            if f"{key}.{source}" in read
        ]
        if given:
            yield f"{spec.ligand[name].label} was secreted at given rates: {listed(given)}."


def _fields(run: xr.Dataset, spec: ModelSpec, number: Numbers) -> Iterator[str]:
    if not spec.solved_ligands:
        return
    each = []
    for name in spec.solved_ligands:
        key = f"ligand.{name}"
        text = f"D = {number(f'{key}.diffusivity')}, loss rate {number(f'{key}.loss_rate')}"
        if spec.ligand[name].coat.binds:
            text += f", {number(f'{key}.coat.sites')} on the coat"
        several = len(spec.solved_ligands) > 1
        each.append(f"{spec.ligand[name].label}: {text}" if several else text)
    coat = any(spec.ligand[name].coat.binds for name in spec.solved_ligands)
    processes = ["diffusion", "loss", *(["reversible binding to the coated floor"] if coat else [])]
    tolerance = ""
    if spec.numerics.solver != "fipy":
        tolerance = f", relative tolerance {spec.numerics.tolerance:g}"
    yield (
        f"{listed(processes).capitalize()} of {labels(spec, spec.solved_ligands)} "
        f"({'; '.join(each)}) were solved by finite volumes {_SOLVERS[spec.numerics.solver]} "
        f"(spacing {spec.grid.spacing:g} µm, {count_text(run.sizes['z'], 'layer')}{tolerance})."
    )


def _cells(run: xr.Dataset, spec: ModelSpec, number: Numbers) -> Iterator[str]:
    count = run.sizes.get("trajectory", 0)
    if not count:
        # The run was interrupted before they were added.
        return
    kind = f"cell_type.{spec.cells.type}"
    among = "" if spec.bears_migrasomes or spec.bears_stroma else f" of {_place(spec)}"
    exchanged = ""
    if spec.senses:
        exchanged = (
            f", fields and cells exchanged every {duration_text(spec.numerics.coupling_step)}"
        )
    through = "; they did not pass through each other" if "crowding" in acting(spec) else ""
    verb = "was" if count == 1 else "were"
    yield (
        f"At time 0, {cells_text(spec, count)} ({number('cells.density')}) "
        f"{verb} placed at random on the floor{among} and followed for {span_text(run, spec)} in "
        f"a persistent random walk (speed {number(f'{kind}.speed')}, persistence time "
        f"{number(f'{kind}.persistence_time')}; steps of {duration_text(spec.cells.time_step)}"
        f"{exchanged}){through}."
    )


def _sensing(spec: ModelSpec, number: Numbers) -> Iterator[str]:
    """Receptors, steering and chemokinesis, if any of them acts."""
    acts, kind = acting(spec), f"cell_type.{spec.cells.type}"
    label = spec.ligand[spec.receptor.cxcr4.ligand].label
    gradients = {"soluble_sensing": "dissolved", "haptotaxis": "coat-bound"}
    steering = [text for name, text in gradients.items() if name in acts]
    does = []
    if steering:
        does.append(
            f"turned up the gradient of {listed(steering)} {label} in proportion to the "
            "signal-to-noise ratio of occupied receptors at front and rear"
        )
    if "chemokinesis" in acts:
        gain = number(f"{kind}.chemokinesis_gain")
        does.append(f"crawled faster with occupancy (at full occupancy by a share of {gain})")
    if "uptake" in acts:
        does.append(f"took up {label}")
    if does or "arrest" in acts:
        yield (
            f"Cells sensed {label} by CXCR4 ({number(f'{kind}.receptors')} receptors a cell, K_d "
            f"{number('receptor.cxcr4.dissociation_constant')}, internalised when occupied at "
            f"{number(f'{kind}.internalisation_rate')} and recycled at "
            f"{number(f'{kind}.recycling_rate')})" + (f"; they {listed(does)}." if does else ".")
        )


def _adhesion(spec: ModelSpec, number: Numbers) -> Iterator[str]:
    """Arrest, bonds and uptake of migrasomes, if they act."""
    acts, kind = acting(spec), f"cell_type.{spec.cells.type}"
    if spec.adheres:
        caught = number(f"{kind}.basal_arrest_rate")
        if "arrest" in acts:
            caught += (
                f" plus up to {number(f'{kind}.triggered_arrest_rate')} triggered by a rise in "
                f"occupied receptors (half at {number(f'{kind}.half_trigger')} receptors, Hill "
                f"exponent {number(f'{kind}.trigger_exponent')}"
            )
            if "adaptation" in acts:
                caught += f", adaptation time {number(f'{kind}.adaptation_time')}"
            caught += ")"
        bonds = {
            "cd166_adhesion": ("cd166_bonds", "to CD166 of bodies and mature migrasomes"),
            "vla4_adhesion": ("vla4_bonds", "of VLA-4 to VCAM-1 of bodies"),
            "fibre_adhesion": ("fibre_bonds", "to retraction fibres"),
        }
        bound = [
            f"{number(f'{kind}.{key}')} {where}"
            for mechanism, (key, where) in bonds.items()
            if mechanism in acts
        ]
        held = f", lowered by a factor e for each bond ({listed(bound)})" if bound else ""
        yield (
            f"A cell that touched stroma was caught at a rate of {caught} and let go at "
            f"{number(f'{kind}.release_rate')}{held}."
        )
    if "migrasome_uptake" in acts and spec.haematopoietic.migrasome_uptake_rate > 0.0:
        rate = number(f"{kind}.migrasome_uptake_rate")
        yield f"Each migrasome that a cell touched was taken up at a rate of {rate}."
