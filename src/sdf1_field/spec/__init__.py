"""The model file as a checked value.

A model is the defaults in ``models/parameters.toml``, then the files it extends, then the file
itself, then ``--set``; all are flattened to dotted paths, merged (`files`), and checked against
the `schema`. Quantities carry units in the files and are canonical floats here.
"""

from sdf1_field.spec.files import (
    Entry,
    Model,
    entries_of,
    load_model,
    model_from_entries,
    parameters,
)
from sdf1_field.spec.schema import (
    PATTERN_FILES,
    STATUSES,
    Biogenesis,
    Coat,
    Factors,
    ModelSpec,
    Numerics,
    SceneSection,
    Treatment,
    suggestion,
    unknown,
)
from sdf1_field.spec.showing import facts_html
from sdf1_field.spec.template import model_file_text, write_model_file

__all__ = [
    "PATTERN_FILES",
    "STATUSES",
    "Biogenesis",
    "Coat",
    "Entry",
    "Factors",
    "Model",
    "ModelSpec",
    "Numerics",
    "SceneSection",
    "Treatment",
    "entries_of",
    "facts_html",
    "load_model",
    "model_file_text",
    "model_from_entries",
    "parameters",
    "suggestion",
    "unknown",
    "write_model_file",
]
