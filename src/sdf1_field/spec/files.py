"""Models by name or file: loaded, checked, and refused where a key has no effect."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from sdf1_field.errors import InputError
from sdf1_field.shipped import shipped_folder
from sdf1_field.spec.entries import CALL, CALLS, DEFAULTS, MODEL, is_shipped
from sdf1_field.spec.layers import default_paths, find_files, load_chain, overlay, with_keys
from sdf1_field.spec.mistakes import ALSO
from sdf1_field.spec.model import Model, checked
from sdf1_field.spec.reading import locate, parameters, setting_entries
from sdf1_field.spec.unread import Unread, unread_keys


def load_model(model: str | Path, *, settings: Iterable[str] = ()) -> Model:
    """Read, merge and check a model.

    Settings that several models share may have no effect in some of them: see `asked_model`.

    Parameters
    ----------
    model : str or pathlib.Path
        A shipped model's name, or the path of a model file (ends in ``.toml`` or has a slash).
    settings : iterable of str
        Overrides ``"dotted.path=value"``, later ones first in rank.

    Returns
    -------
    Model

    Raises
    ------
    InputError
        If the model is unknown or anything in it is wrong; the text says where, what, remedy.
    """
    return _load(model, settings)[0]


def _load(model: str | Path, settings: Iterable[str]) -> tuple[Model, set[str]]:
    """A model, and the paths in the settings, including those set to the value they had."""
    name, chain = load_chain(str(model), None, ())
    flat = parameters()
    named: set[str] = set()
    overlay(flat, chain)
    for text in settings:
        layer = with_keys(setting_entries(text), flat)
        overlay(flat, layer)
        named |= layer.keys()
    find_files(flat, named)
    return checked(name, flat), named


def asked_model(model: str | Path, *, settings: Iterable[str] = ()) -> Model:
    """Model as `load_model` gives it; an error if a key that the user sets has no effect.

    That holds for each setting and each key of the user's own model file, except in the file for
    mechanisms and the spread of donors, which a call may switch on, tables of a new name,
    inherited values, and keys that only a setting makes idle.

    Raises
    ------
    InputError
        As `load_model`, and if a key has no effect: its place and name, the reason, the remedy.
    """
    settings = tuple(settings)
    loaded, named = _load(model, settings)
    _, path, shown = locate(str(model))
    others = dict.fromkeys(named & loaded.entries.keys(), CALL)
    if path.parent.resolve() != shipped_folder("models").resolve():
        idle = _idle_in_file(str(model), shown, loaded, alone=not settings)
        others = dict.fromkeys(idle, shown) | others
    refuse_unread(loaded, others)
    return loaded


def _idle_in_file(model: str, shown: str, loaded: Model, *, alone: bool) -> frozenset[str]:
    """Keys of a model file without effect, with the call's settings and without them.

    A value whose source is another model is a copy, as `Model.save` makes it, and counts as
    inherited.
    """
    own = [
        path
        for path, entry in sorted(loaded.entries.items())
        if entry.where == shown
        and not (entry.source.startswith(MODEL) and entry.source != f"{MODEL}{loaded.name}")
        and (path in default_paths() or path.startswith("treatments."))
        and not path.startswith(("mechanisms.", "variation.donor."))
    ]
    idle = frozenset(key.path for key in unread_keys(loaded.spec, own))
    if not idle or alone:
        return idle
    try:
        unset = load_model(model).spec
    except InputError:
        return frozenset()
    return idle & {key.path for key in unread_keys(unset, idle)}


def refuse_unread(model: Model, others: Mapping[str, str] = MappingProxyType({})) -> None:
    """Raise if a key that the call sets, or one of ``others`` by place, has no effect.

    Raises
    ------
    InputError
        If there is such a key: its place and name, the reason, the remedy.
    """
    places = {p: CALL for p, entry in model.entries.items() if entry.where == CALL} | {**others}
    found: dict[tuple[str, str, str], list[str]] = {}
    for path, reason, remedy in unread_keys(model.spec, places):
        found.setdefault((places[path], reason, remedy), []).append(path)
    if found:
        raise InputError(
            ALSO.join(
                f"{where}: {', '.join(paths)}: {'acts' if len(paths) == 1 else 'act'} on nothing "
                f"in this model, since {reason}. {remedy}, or remove "
                f"{'it' if len(paths) == 1 else 'them'}."
                for (where, reason, remedy), paths in found.items()
            )
        )


def inherited_unread(model: Model) -> Iterator[tuple[str, Unread]]:
    """Keys set by model files that have no effect in a model.

    Mechanisms of shipped models are left out: other cells in the model may use them.

    Yields
    ------
    where : str
        The file that sets it.
    key : Unread
    """
    set_by_models = [
        path
        for path, entry in model.entries.items()
        if entry.where not in (DEFAULTS, *CALLS)
        and not (path.startswith("mechanisms.") and is_shipped(entry.where))
    ]
    for key in unread_keys(model.spec, sorted(set_by_models)):
        yield model.entries[key.path].where, key
