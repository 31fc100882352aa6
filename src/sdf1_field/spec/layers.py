"""Layers of a model: defaults, the models it extends, its own file, ``--set``."""

import functools
import math
import re
import warnings
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from sdf1_field.errors import InputError, Sdf1FieldWarning, require_file
from sdf1_field.spec.entries import BY_USER, CALLS, MODEL, Entry, flatten, is_shipped
from sdf1_field.spec.medium import PATTERN_FILES
from sdf1_field.spec.names import SYNONYMS, current_path, keyed_path, keyed_value
from sdf1_field.spec.reading import locate, parameters, read_toml
from sdf1_field.spec.schema import switch_value
from sdf1_field.spec.stroma import SCENE_FILES
from sdf1_field.units import parse

_SCENE_FILE = "scene.file"
FITTED = "drawn scene"
"""Beginning of the source of values that follow from the file of a drawn scene."""
_SAME = 1e-9
"""Relative difference of extents that are the same."""


def load_chain(
    model: str, beside: Path | None, seen: tuple[Path, ...]
) -> tuple[str, dict[str, Entry]]:
    """Name of a model, and the entries of its file over those of the models it extends."""
    name, path, shown = locate(model, beside)
    table = read_toml(path, shown)
    if path.resolve() in seen:
        raise InputError(f"{shown}: extends: circular. Remove extends from one of the models.")
    extends = table.pop("extends", None)
    if extends is not None and not (isinstance(extends, str) and extends.isprintable()):
        raise InputError(f"{shown}: extends: {extends!r} is not a model. Give one name or file.")
    flat: dict[str, Entry] = {}
    if extends is not None:
        _, flat = load_chain(extends, path.parent, (*seen, path.resolve()))
    overlay(flat, with_keys(flatten(table, shown, f"{MODEL}{name}"), flat))
    return name, flat


def overlay(base: dict[str, Entry], top: Mapping[str, Entry]) -> None:
    """Override ``base`` with ``top``, in place; an empty table clears the paths below it."""
    tables: dict[str, set[str]] = {}
    for path in base:
        for table in _tables_of(path):
            tables.setdefault(table, set()).add(path)
    for path, entry in top.items():
        for other in (*tables.pop(path, ()), *_tables_of(path)):
            base.pop(other, None)
        for table in _tables_of(path):
            tables.setdefault(table, set()).add(path)
        below = base.get(path)
        if below is not None and repeats(entry, below):
            continue
        if below is not None and below.interval is not None and entry.interval is None:
            entry = replace(
                entry,
                interval=below.interval,
                interval_source=below.interval_source or below.source,
            )
        base[path] = entry


def _tables_of(path: str) -> Iterator[str]:
    """Paths of the tables that hold a value."""
    keys = path.split(".")
    return (".".join(keys[:n]) for n in range(1, len(keys)))


def repeats(entry: Entry, below: Entry) -> bool:
    """Whether a user's entry repeats the value below it, which then keeps its source."""
    if is_shipped(entry.where) or str(entry.value).endswith(PATTERN_FILES + SCENE_FILES):
        return False  # the same file name in another folder is another file
    says_no_more = (entry.status, entry.interval) == ("model choice", None) and (
        entry.source == BY_USER or entry.source.startswith(MODEL)
    )
    return says_no_more and repr(entry.value) == repr(below.value)


def with_keys(layer: Mapping[str, Entry], below: Mapping[str, Entry]) -> dict[str, Entry]:
    """Entries with synonyms replaced by keys; see `sdf1_field.spec.names`.

    The name of a treatment that gives its agent is free.
    """
    layer = {_current(path, layer): entry for path, entry in layer.items()}
    here = {*below, *default_paths()}
    known = _names(here)
    keyed = {}
    for path, entry in layer.items():
        own = ".".join(path.split(".")[:2])
        free = path.startswith("treatments.") and (
            f"{own}.agent" in layer or any(p == own or p.startswith(f"{own}.") for p in below)
        )
        keyed[path if free else keyed_path(path, known)] = entry
    known = _names({*here, *keyed})
    return {
        path: replace(entry, value=switch_value(path, keyed_value(path, entry.value, known)))
        for path, entry in keyed.items()
    }


def _current(path: str, layer: Mapping[str, Entry]) -> str:
    """Path by its present name, with a warning if the layer has it by a former one."""
    name, where = current_path(path), layer[path].where
    if name != path:
        (section, _, former), leaf = path.rpartition("."), name.rpartition(".")[2]
        if name in layer:
            raise InputError(
                f"{where}: {section}: both {former} (the old name) and {leaf} are set. Remove "
                f"{former}."
            )
        warnings.warn(
            f"{where}: {path}: is called '{leaf}' now. Rename it.",
            Sdf1FieldWarning,
            stacklevel=2,
        )
    return name


def _names(paths: Iterable[str]) -> dict[str, set[str]]:
    """Names of tables by section that holds named tables."""
    names: dict[str, set[str]] = {section: set() for section in SYNONYMS}
    for path in paths:
        section, *rest = path.split(".")
        if section in names and rest:
            names[section].add(rest[0])
    return names


@functools.cache
def default_paths() -> frozenset[str]:
    """Paths that have a default."""
    return frozenset(parameters())


def find_files(flat: dict[str, Entry], named: Collection[str] = ()) -> None:
    """Replace, in place, names of coat patterns' and drawn scenes' files by full paths.

    A relative path starts at the model file that names it. The dish is fitted to a drawn scene.

    Parameters
    ----------
    flat : dict of str to Entry
    named : collection of str
        Paths that the call sets, if only to the value that they had.
    """
    for path, entry in flat.items():
        if re.fullmatch(r"ligand\.[^.]+\.coat\.pattern", path):
            suffixes: tuple[str, ...] = PATTERN_FILES
        elif path == _SCENE_FILE:
            suffixes = SCENE_FILES
        else:
            continue
        if not isinstance(entry.value, str) or not entry.value.endswith(suffixes):
            continue
        folder = Path() if entry.where in CALLS else Path(entry.where).parent
        file = folder / entry.value
        try:
            require_file(file)
            if suffixes is PATTERN_FILES:
                # Only where a pattern is named does NumPy load here.
                from sdf1_field.images import remembered_pattern

                remembered_pattern(file.resolve(), anew=True)
        except InputError as error:
            raise InputError(f"{entry.where}: {path}: {error}") from None
        flat[path] = replace(entry, value=str(file.resolve()))
    scene = flat.get(_SCENE_FILE)
    if scene is not None and str(scene.value).endswith(SCENE_FILES):
        _fit_to_scene(flat, scene, named)


def _fit_to_scene(flat: dict[str, Entry], scene: Entry, named: Collection[str]) -> None:
    """Give the dish a drawn scene's extent, and a mode that does not grow, unless the user has."""
    # The library that reads it loads only where there is a drawn scene.
    from sdf1_field.images import read_extent

    file = Path(scene.value)
    extent = read_extent(file)
    for path, size in (("dish.width", extent.width), ("dish.length", extent.length)):
        entry = flat.get(path)
        if entry is not None and (path in named or not _may_fit(entry)):
            if _is_length(entry.value, size):
                continue
            raise InputError(
                f"{entry.where}: {path}: '{entry.value}' is not the {size:.9g} um of {file.name}. "
                "Remove it: a drawn scene brings its extent."
            )
        flat[path] = Entry(f"{size:.12g} um", f"{FITTED} {file.name}", "derived", where=scene.where)
    mode = flat.get("scene.mode")
    if "scene.mode" not in named and (mode is None or _may_fit(mode)):
        flat["scene.mode"] = Entry("placed", f"{FITTED} {file.name}", "derived", where=scene.where)


def _may_fit(entry: Entry) -> bool:
    """Whether a value is not the user's own choice."""
    return is_shipped(entry.where) or entry.source.startswith(FITTED)


def _is_length(value: object, length: float) -> bool:
    """Whether text is a length [um]; what is none is left to the check of the whole model."""
    try:
        return math.isclose(parse(str(value), "length"), length, rel_tol=_SAME)
    except ValueError:
        return True
