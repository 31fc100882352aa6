"""The model file as a checked value.

A model is the defaults in ``models/parameters.toml``, then the files it extends, then the file
itself, then ``--set``; `reading` flattens each to `entries` by dotted path, `layers` merges them,
and `mistakes` checks them against the `schema` and the `checks` between values. A `model` is the
result, `files` loads it by name or path. `agents` holds the actions of drugs, antibodies and
genetic changes, `unread` the keys without effect in a model, `differences` the values that a user
changed or that are implausible, `names` synonyms and former keys. Quantities carry units in the
files and are canonical floats here.
"""

from sdf1_field.spec.agents import Effect, Perturbation, Treatment
from sdf1_field.spec.differences import (
    brief_changes,
    changes,
    changes_text,
    outside_intervals,
    warn_of_intervals,
)
from sdf1_field.spec.entries import Entry
from sdf1_field.spec.files import asked_model, inherited_unread, load_model, refuse_unread
from sdf1_field.spec.haematopoietic import BOND_NAMES, Adhesion
from sdf1_field.spec.medium import PATTERN_FILES, Coat
from sdf1_field.spec.model import Model, entries_of, model_from_entries
from sdf1_field.spec.names import ligand_named, suggestion, unknown
from sdf1_field.spec.quantities import STATUSES
from sdf1_field.spec.reading import parameters, read_toml
from sdf1_field.spec.schema import Factors, ModelSpec, Numerics
from sdf1_field.spec.showing import facts_html
from sdf1_field.spec.stroma import SCENE_FILES, SceneSection
from sdf1_field.spec.template import model_file_text, write_model_file

__all__ = [
    "BOND_NAMES",
    "PATTERN_FILES",
    "SCENE_FILES",
    "STATUSES",
    "Adhesion",
    "Coat",
    "Effect",
    "Entry",
    "Factors",
    "Model",
    "ModelSpec",
    "Numerics",
    "Perturbation",
    "SceneSection",
    "Treatment",
    "asked_model",
    "brief_changes",
    "changes",
    "changes_text",
    "entries_of",
    "facts_html",
    "inherited_unread",
    "ligand_named",
    "load_model",
    "model_file_text",
    "model_from_entries",
    "outside_intervals",
    "parameters",
    "read_toml",
    "refuse_unread",
    "suggestion",
    "unknown",
    "warn_of_intervals",
    "write_model_file",
]
