"""Keys that have no effect in a model.

Each `Rule` lists keys and the condition of a model under which no part of a run depends on them. A
test changes the keys and compares the runs bit for bit.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from sdf1_field.spec.haematopoietic import BOND_NAMES
from sdf1_field.spec.schema import ModelSpec


class Rule(NamedTuple):
    """Keys without effect in some models.

    Parameters
    ----------
    holds : callable
        Whether a model is one of them.
    keys : str
        Dotted paths or beginnings of them, between blanks; ``*`` stands for any name.
    reason : str
        Property of the model, to follow "since".
    remedy : str
        Change to the model that gives the keys an effect.
    """

    holds: Callable[[ModelSpec], bool]
    keys: str
    reason: str
    remedy: str


class Unread(NamedTuple):
    """A key that has no effect in a model, the reason, and the remedy."""

    path: str
    reason: str
    remedy: str


def _steers(spec: ModelSpec) -> bool:
    return spec.follows_cells and (spec.mechanisms.soluble_sensing or spec.mechanisms.haptotaxis)


def _bears_sources(spec: ModelSpec) -> bool:
    return spec.bears_stroma or spec.bears_migrasomes


_PLACED_FIBRES = """
    scene.retracting_fraction scene.fibre_length scene.fibre_length_variation scene.fibre_wander
    scene.fibre_segment scene.migrasome_spacing"""
_PLACED_NETWORK = f"scene.network_fraction {_PLACED_FIBRES}"
_FIBRES_OF_NETWORKS = "scene.fibres_per_network scene.fibre_fan_angle"
_MIGRASOMES = """
    scene.migrasome_diameter scene.migrasome_diameter_variation scene.migrasome_appearance
    scene.migrasome_lifetime scene.network_outline_margin"""
_GROWTH_OF_BODIES = """
    stromal_type.*.speed stromal_type.*.speed_variation stromal_type.*.persistence_time
    stromal_type.*.alignment_time stromal_type.*.nucleation_variation"""
_BONDS = " ".join(f"cell_type.*.{bond}_bonds" for bond in BOND_NAMES)
_HOLDS = " ".join(f"{bond}_adhesion" for bond in BOND_NAMES)
_TOUCH_NOTHING = "cells touch nothing that could hold them"
_HOLD = "Set one of mechanisms.cd166_adhesion, vla4_adhesion and fibre_adhesion to true"
_CARGO = "traffic stromal_type.*.cargo stromal_type.*.production_variation"
_GROW, _CELLS = "Set scene.mode to 'grown'", "Set cells.density above 0"
_SOLVE = "Add a ligand to output.ligands"
_NETWORKS = "Set scene.network_fraction above 0"

RULES: tuple[Rule, ...] = (
    Rule(
        lambda s: s.run.mode == "steady",
        """run.culture run.duration cells.time_step output.fields_every output.fields_from
        output.tracks_every output.tracks_from numerics.first_step numerics.linear_coat
        numerics.coupling_step
        numerics.settling_time numerics.fipy.time_step""",
        "a steady state has neither times nor cells",
        "Set run.mode to 'transient'",
    ),
    Rule(
        lambda s: s.numerics.solver != "fipy",
        "numerics.fipy",
        "the fields are not solved by FiPy",
        "Set numerics.solver to 'fipy'",
    ),
    Rule(
        lambda s: s.numerics.solver == "fipy",
        "numerics.tolerance numerics.first_step numerics.linear_coat",
        "the fields are solved by FiPy",
        "Set keys of numerics.fipy instead, or numerics.solver to 'cosine'",
    ),
    Rule(
        lambda s: not s.solved_ligands,
        """numerics.tolerance numerics.absolute_tolerance numerics.first_step numerics.linear_coat
        numerics.fipy
        variation.dish.secretion dish.height dish.mixed_above grid.floor_layer
        grid.layer_growth""",
        "no ligand is solved",
        _SOLVE,
    ),
    # Scenes.
    Rule(
        lambda s: s.grows,
        f"{_PLACED_NETWORK} scene.migrasome_appearance scene.migrasome_lifetime",
        "networks of a grown scene form by biogenesis",
        "Set a key of biogenesis instead, or scene.mode to 'placed'",
    ),
    Rule(
        lambda s: not s.grows,
        f"""biogenesis scene.substrate substrate numerics.growth_step numerics.culture_step
        {_GROWTH_OF_BODIES}""",
        "a placed scene does not grow",
        _GROW,
    ),
    Rule(
        lambda s: s.drawn,
        f"""scene.msc_density scene.msc_number {_PLACED_NETWORK} {_FIBRES_OF_NETWORKS}
        scene.detached_migrasome_density
        stromal_type.*.body_area stromal_type.*.body_area_variation
        stromal_type.*.body_aspect_ratio""",
        "bodies and networks are those of scene.file",
        "Remove scene.file",
    ),
    Rule(
        lambda s: s.drawn and not s.adheres,
        "scene.network_outline_margin",
        "no cell adheres, and the outlines of networks are those of scene.file",
        "Set mechanisms.arrest and a mechanism that holds cells, or remove scene.file",
    ),
    Rule(
        lambda s: not s.drawn,
        "scene.network_migrasome_density",
        "the scene is not drawn from an image",
        "Set scene.file",
    ),
    Rule(
        lambda s: s.run.culture == 0.0,
        "numerics.culture_step",
        "there is no culture before the cells",
        "Set run.culture above 0",
    ),
    Rule(
        lambda s: not s.followed_ligands,
        f"{_CARGO} stromal_type.*.body_volume",
        "no ligand has cargo kinetics",
        "Set scene.mode to 'grown', mechanisms.cargo_kinetics to true, and output.ligands to what "
        "the stroma makes",
    ),
    Rule(
        lambda s: s.scene.msc_number > 0,
        "scene.msc_density",
        "scene.msc_number sets the number of bodies",
        "Set scene.msc_number to another number, or to 0",
    ),
    Rule(
        lambda s: not s.bears_stroma,
        f"""{_PLACED_NETWORK} {_FIBRES_OF_NETWORKS} biogenesis {_GROWTH_OF_BODIES} {_CARGO}
        stromal_type.*.body_area stromal_type.*.body_area_variation
        stromal_type.*.body_aspect_ratio ligand.*.secretion.msc_body""",
        "there is no stroma",
        "Set scene.msc_density above 0",
    ),
    Rule(
        lambda s: not _bears_sources(s),
        f"""{_MIGRASOMES} adhesion ligand.*.secretion variation.dish.secretion
        variation.donor.secretion""",
        "there are neither stroma nor migrasomes",
        "Set scene.msc_density above 0",
    ),
    Rule(
        lambda s: not s.bears_networks,
        f"{_PLACED_FIBRES} {_FIBRES_OF_NETWORKS} cell_type.*.fibre_bonds",
        "there are no networks",
        _NETWORKS,
    ),
    Rule(
        lambda s: not s.bears_migrasomes,
        f"""{_MIGRASOMES} ligand.*.secretion.migrasome ligand.*.secretion.migrasome_decay
        ligand.*.secretion.carrying_fraction adhesion.cd166_migrasome
        cell_type.*.migrasome_uptake_rate""",
        "there are no migrasomes",
        _NETWORKS,
    ),
    # Cells.
    Rule(
        lambda s: not s.follows_cells,
        """cell_type cells.time_step output.tracks_every output.tracks_from variation.dish.speed
        variation.dish.avidity variation.donor.speed variation.donor.avidity
        numerics.contact_spacing""",
        "there are no haematopoietic cells",
        _CELLS,
    ),
    Rule(
        lambda s: not s.senses,
        """receptor.cxcr4.dissociation_constant receptor.cxcr4.dissociation_rate
        receptor.cxcr4.coat_share cell_type.*.receptors cell_type.*.internalisation_rate
        cell_type.*.recycling_rate""",
        "no cell senses a ligand",
        "Set a mechanism that senses, such as mechanisms.haptotaxis, to true",
    ),
    Rule(
        lambda s: not s.ligand[s.receptor.cxcr4.ligand].coat.binds,
        "receptor.cxcr4.coat_share",
        "the ligand of CXCR4 does not bind to the coat",
        "Set that ligand's coat.sites and coat.association_rate above 0",
    ),
    Rule(
        lambda s: not _steers(s) and not (s.triggers and s.mechanisms.trigger_noise),
        """receptor.cxcr4.dissociation_rate cell_type.*.integration_time
        cell_type.*.downstream_noise""",
        "no cell follows a gradient, and no noise triggers arrest",
        "Set mechanisms.soluble_sensing or mechanisms.haptotaxis to true",
    ),
    *(
        Rule(
            lambda s, switch=switch: not getattr(s.mechanisms, switch),  # type: ignore[misc]
            f"cell_type.*.{key}",
            f"mechanisms.{switch} is off",
            f"Set mechanisms.{switch} to true",
        )
        for switch, key in (
            ("arrest", "triggered_arrest_rate"),
            ("chemokinesis", "chemokinesis_gain"),
            ("migrasome_uptake", "migrasome_uptake_rate"),
            *((f"{bond}_adhesion", f"{bond}_bonds") for bond in BOND_NAMES),
        )
    ),
    Rule(
        lambda s: not s.triggers,
        """cell_type.*.adaptation_time cell_type.*.half_trigger cell_type.*.trigger_exponent""",
        "SDF-1 triggers no arrest",
        "Set mechanisms.arrest and one of mechanisms.cd166_adhesion, vla4_adhesion and "
        "fibre_adhesion to true",
    ),
    Rule(
        lambda s: not s.mechanisms.adaptation,
        "cell_type.*.adaptation_time",
        "mechanisms.adaptation is off",
        "Set mechanisms.adaptation to true",
    ),
    Rule(
        # Stained networks of a culture that begins at 0 h are read by its CD166 too.
        lambda s: not (s.adheres and s.bears("cd166")) and not (s.grows and s.run.culture == 0.0),
        "adhesion.cd166_migrasome",
        "no cell is held by CD166",
        "Set mechanisms.cd166_adhesion to true and the cells' cd166_bonds above 0",
    ),
    Rule(
        lambda s: not s.touches,
        "cell_type.*.basal_arrest_rate cell_type.*.triggered_arrest_rate",
        _TOUCH_NOTHING,
        _HOLD,
    ),
    Rule(
        lambda s: not s.adheres,
        f"""cell_type.*.release_rate {_BONDS} numerics.contact_spacing variation.dish.avidity
        variation.donor.avidity""",
        "no cell adheres",
        "Set mechanisms.arrest and a mechanism that holds cells, such as "
        "mechanisms.cd166_adhesion, to true",
    ),
    *(
        Rule(
            lambda s, bond=bond: not s.bears(bond),  # type: ignore[misc]
            f"cell_type.*.{bond}_bonds",
            "nothing in the view bears its ligand",
            "Set scene.msc_density above 0",
        )
        for bond in BOND_NAMES
    ),
    Rule(
        lambda s: s.variation.donor_number == 0,
        "variation.donor",
        "donor 0 is the median one",
        "Set variation.donor_number above 0",
    ),
    Rule(
        lambda s: s.run.mode == "steady" and s.cell_count > 0,
        "cells.density",
        "a steady state has no cells",
        "Set run.mode to 'transient'",
    ),
)
"""Conditions of a model, each with the keys that it leaves unread."""


def unread_keys(spec: ModelSpec, paths: Iterable[str]) -> Iterator[Unread]:
    """Keys, among those given, that have no effect in the model.

    Parameters
    ----------
    spec : ModelSpec
        Checked.
    paths : iterable of str
        Dotted paths of keys.

    Yields
    ------
    Unread
        In the order of the paths.
    """
    rules = [rule[1:] for rule in RULES if rule.holds(spec)]
    rules += [*_of_names(spec), *_of_ligands(spec), *_of_agents(spec), *_of_mechanisms(spec)]
    patterns = [(_pattern(key), why) for keys, *why in rules for key in keys.split()]
    for path in paths:
        for pattern, (reason, remedy) in patterns:
            if pattern.match(path):
                yield Unread(path, reason, remedy)
                break


def _pattern(key: str) -> re.Pattern[str]:
    """Matches the key itself and all below it."""
    return re.compile(re.escape(key).replace(r"\*", r"[^.]+") + r"(\.|$)")


_Found = Iterator[tuple[str, str, str]]
"""Keys, reason and remedy as of a `Rule`."""


def _of_names(spec: ModelSpec) -> _Found:
    """Tables of types and substrates other than the chosen one."""
    for section, known, chosen, by in (
        ("cell_type", spec.cell_type, spec.cells.type, "cells.type"),
        ("stromal_type", spec.stromal_type, spec.scene.stroma, "scene.stroma"),
        ("substrate", spec.substrate, spec.scene.substrate, "scene.substrate"),
    ):
        for name in known:
            if name != chosen:
                yield f"{section}.{name}", f"{by} is '{chosen}'", f"Set {by} to '{name}'"


def _of_ligands(spec: ModelSpec) -> _Found:
    """Ligands that are not solved, and their coat and secretion."""
    for name, ligand in spec.ligand.items():
        at, cargo = f"ligand.{name}", f"stromal_type.{spec.scene.stroma}.cargo.{name}"
        if name not in spec.solved_ligands:
            yield at, f"{name} is not solved", f"Add {name} to output.ligands"
        if spec.dish.top != "bath":
            yield f"{at}.bath_concentration", "dish.top is closed", "Set dish.top to 'bath'"
        if not ligand.coat.binds:
            other = "association_rate" if ligand.coat.sites == 0.0 else "sites"
            yield (
                f"{at}.coat.dissociation_rate {at}.coat.loss_rate {at}.coat.{other} "
                f"{at}.coat.pattern {at}.coat.stripe_width {at}.coat.under_bodies",
                f"{name} does not bind to the coat",
                f"Set {at}.coat.sites and {at}.coat.association_rate above 0",
            )
        if ligand.coat.pattern != "stripes":
            yield (
                f"{at}.coat.stripe_width",
                f"the coat's pattern is {ligand.coat.pattern}",
                f"Set {at}.coat.pattern to 'stripes'",
            )
        if spec.grows and spec.mechanisms.cargo_kinetics:
            yield (
                f"{at}.secretion.msc_body {at}.secretion.migrasome "
                f"{at}.secretion.carrying_fraction",
                "mechanisms.cargo_kinetics determines how bodies and migrasomes secrete",
                f"Set {cargo} instead, or mechanisms.cargo_kinetics to false",
            )
        if name in spec.stroma.cargo and name not in spec.followed_ligands:
            yield cargo, f"{name} is not solved", f"Add {name} to output.ligands"


def _of_agents(spec: ModelSpec) -> _Found:
    """Agents that no treatment gives, and treatments whose agent has no effect."""
    given = {spec.agent_of(name) for name in spec.treatments}
    if "integrins" not in {spec.agent[name].acts_on for name in given}:
        yield (
            f"substrate.{spec.scene.substrate}.integrin_share",
            "no treatment blocks integrins",
            "Add a treatment whose agent acts on integrins",
        )
    for name in spec.agent:
        if name not in given:
            yield f"agent.{name}", f"no treatment gives {name}", f"Add treatments.{name}"
    for name in spec.treatments:
        agent = spec.agent_of(name)
        idle = spec.agent[agent].action.idle(spec, agent)
        if idle is not None:
            yield f"treatments.{name}", *idle


def _of_mechanisms(spec: ModelSpec) -> _Found:
    """Mechanisms that are on without anything to act on; setting one to false is never idle."""
    cells = f"arrest {_HOLDS} crowding migrasome_uptake uptake"
    cell, at = spec.haematopoietic, f"cell_type.{spec.cells.type}"
    conditions = [
        (not spec.follows_cells, cells, "there are no haematopoietic cells", _CELLS),
        *(
            (
                getattr(cell, strength) == 0.0 and not _solves(spec, key),
                key,
                f"{at}.{strength} is 0",
                f"Set {at}.{strength} above 0",
            )
            for key, strength in (
                ("chemokinesis", "chemokinesis_gain"),
                ("arrest", "triggered_arrest_rate"),
                ("migrasome_uptake", "migrasome_uptake_rate"),
            )
        ),
        (not spec.touches and not _solves(spec, "arrest"), "arrest", _TOUCH_NOTHING, _HOLD),
        (
            not spec.adheres,
            _HOLDS,
            "no cell is caught",
            f"Set mechanisms.arrest to true, or {at}.basal_arrest_rate above 0",
        ),
        (
            not spec.triggers,
            "adaptation trigger_noise",
            "SDF-1 triggers no arrest",
            "Set mechanisms.arrest to true, and a mechanism that holds cells",
        ),
        (not spec.bears_networks, "fibre_adhesion", "there are no networks", _NETWORKS),
        (not spec.bears_migrasomes, "migrasome_uptake", "there are no migrasomes", _NETWORKS),
        (not spec.grows, "cargo_kinetics", "a placed scene does not grow", _GROW),
        (not spec.solved_ligands, "cargo_kinetics bursts", "no ligand is solved", _SOLVE),
    ]
    for holds, keys, reason, remedy in conditions:
        on = [f"mechanisms.{key}" for key in keys.split() if getattr(spec.mechanisms, key)]
        if holds:
            yield " ".join(on), reason, remedy


def _solves(spec: ModelSpec, mechanism: str) -> bool:
    """Whether a ligand is solved only because of a mechanism."""
    off = spec.mechanisms.model_copy(update={mechanism: False})
    return spec.model_copy(update={"mechanisms": off}).solved_ligands != spec.solved_ligands
