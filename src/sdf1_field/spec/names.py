"""Synonyms of ligands, drugs, cells and models, and former names of keys."""

import difflib
import re
from collections.abc import Iterable, Mapping
from typing import Any

from sdf1_field.errors import InputError

LIGANDS = {
    **dict.fromkeys(("cxcl12", "cxcl12a", "cxcl12alpha", "sdf1a", "sdf1alpha"), "sdf1"),
    "mcp1": "ccl2",
    "csf1": "mcsf",
}
"""Synonyms of the shipped ligands, in lower-case letters and digits."""
AGENTS = {"plerixafor": "amd3100", "mozobil": "amd3100"} | LIGANDS
"""Synonyms of the shipped agents."""
CELL_TYPES = {"hspc": "cd34", "cd34hspc": "cd34", "hpc": "cd34"}
"""Synonyms of the shipped cell types."""

SYNONYMS: Mapping[str, Mapping[str, str]] = {
    "ligand": LIGANDS,
    "agent": AGENTS,
    "cell_type": CELL_TYPES,
    "stromal_type": {},
    "substrate": {},
}
"""Synonyms by section of a model that holds named tables."""
RENAMED = {
    "cell_type.*.own_noise": "cell_type.*.downstream_noise",
    "mechanisms.cxcr4_adhesion": "mechanisms.arrest",
}
"""Keys by their former names, which model files and run files may still have."""
GIVEN_UP = re.compile(
    r"cell_type\.[^.]+\.(cd166|vla4|cxcr4|fibre)_catch_rate"
    r"|adhesion\.(vcam1|integrin_ligand)_(msc|network)"
)
"""Keys of the adhesion law that was given up, which earlier run files have."""
_NAMED_BY_VALUE = {
    "receptor.cxcr4.ligand": "ligand",
    "output.ligands": "ligand",
    "cells.type": "cell_type",
    "scene.stroma": "stromal_type",
    "scene.substrate": "substrate",
}
"""Section that the names in a value belong to, by key."""


def plain(name: str) -> str:
    """A name in lower-case letters and digits.

    Examples
    --------
    >>> plain("SDF-1"), plain("KG-1a"), plain("anti_CD166")
    ('sdf1', 'kg1a', 'anticd166')
    """
    return re.sub(r"[^a-z0-9]", "", name.casefold().replace("α", "alpha"))


_LONGEST_NAME = 100
"""Characters by which a wrong name is compared with the known ones."""


def key_of(name: str, known: Iterable[str], synonyms: Mapping[str, str]) -> str:
    """Key of a name or synonym, or the name itself if it is neither.

    Parameters
    ----------
    name : str
        As a user writes it.
    known : iterable of str
        Keys; a name that is one of them is returned as it is.
    synonyms : mapping of str to str
        One of `SYNONYMS`.

    Examples
    --------
    >>> key_of("KG-1a", ["kg1a", "cd34"], {}), key_of("CXCL12", ["sdf1"], LIGANDS)
    ('kg1a', 'sdf1')
    """
    keys = list(known)
    if name in keys:
        return name
    own = plain(name)
    meant = {plain(key): key for key in keys}.get(own) or synonyms.get(own)
    return meant if meant in keys else name


def ligand_named(text: str, known: Mapping[str, str]) -> str:
    """Key of a ligand by its key, label or synonym, in any case.

    Parameters
    ----------
    text : str
        Such as ``"SDF-1"``, ``"CXCL12"`` or ``"sdf1"``.
    known : mapping of str to str
        Labels of the ligands that a run has, by key.

    Raises
    ------
    InputError
        If the run has no such ligand, with those it has.
    """
    key = key_of(text, known, LIGANDS)
    if key in known:
        return key
    for own, label in known.items():
        if plain(label) == plain(text):
            return own
    if not known:
        raise InputError(f"--ligand: the run has no field, so none of '{text}'. Remove the option.")
    listed = ", ".join(f"{own} ({label})" for own, label in known.items())
    raise InputError(f"--ligand: the run has no field of '{text}'. It has: {listed}.")


def keyed_path(path: str, known: Mapping[str, Iterable[str]]) -> str:
    """Path with synonyms replaced by keys.

    Parameters
    ----------
    path : str
        Dotted.
    known : mapping of str to iterable of str
        Names by section.
    """
    section, *rest = path.split(".")
    named = "agent" if section == "treatments" else section
    if named not in SYNONYMS or not rest:
        return path
    rest[0] = key_of(rest[0], known[named], SYNONYMS[named])
    if section == "stromal_type" and rest[1:2] == ["cargo"] and len(rest) > 2:
        rest[2] = key_of(rest[2], known["ligand"], LIGANDS)
    return ".".join([section, *rest])


def current_path(path: str) -> str:
    """Path with the present name of a renamed key.

    Examples
    --------
    >>> current_path("cell_type.kg1a.own_noise"), current_path("cell_type.kg1a.speed")
    ('cell_type.kg1a.downstream_noise', 'cell_type.kg1a.speed')
    """
    for former, name in RENAMED.items():
        found = re.fullmatch(re.escape(former).replace(r"\*", r"([^.]+)"), path)
        if found:
            return name.replace("*", found[1]) if found.groups() else name
    return path


def keyed_value(path: str, value: Any, known: Mapping[str, Iterable[str]]) -> Any:
    """Value with synonyms replaced by keys; arguments as of `keyed_path`."""
    section = _NAMED_BY_VALUE.get(path)
    if path.startswith("treatments.") and path.endswith(".agent"):
        section = "agent"
    if section is None:
        return value
    if isinstance(value, list):
        return [keyed_value(path, each, known) for each in value]
    return key_of(value, known[section], SYNONYMS[section]) if isinstance(value, str) else value


def unknown(
    name: str, known: Iterable[str], noun: str, labels: Mapping[str, str] | None = None
) -> str:
    """Message about an unknown name, with a suggestion."""
    return f"unknown {noun} '{name}'. {suggestion(name, known, labels)}"


def suggestion(name: str, known: Iterable[str], labels: Mapping[str, str] | None = None) -> str:
    """Suggestion of the known names closest to a wrong one, or a list of all of them.

    Parameters
    ----------
    name : str
    known : iterable of str
    labels : mapping of str to str, optional
        Labels by known name; one of them is suggested if no name is close.
    """
    names, name = sorted(known), name[:_LONGEST_NAME]
    close = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    if not close and labels:
        key_by_label = {plain(label): key for key, label in labels.items()}
        alike = difflib.get_close_matches(plain(name), key_by_label, n=1, cutoff=0.8)
        close = [key_by_label[label] for label in alike]
    if close:
        return "Did you mean " + " or ".join(f"'{c}'" for c in close) + "?"
    return "Known: " + ", ".join(names) + "."
