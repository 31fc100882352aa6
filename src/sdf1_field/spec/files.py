"""Model files: read, extended, overridden, checked; every value with where it comes from."""

import copy
import functools
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel, ValidationError

from sdf1_field.errors import InputError
from sdf1_field.shipped import model_names, shipped_folder
from sdf1_field.spec.agents import Treatment
from sdf1_field.spec.checks import Problem
from sdf1_field.spec.checks import problems as complaints
from sdf1_field.spec.medium import PATTERN_FILES
from sdf1_field.spec.names import SYNONYMS, key_of, keyed_path, keyed_value, suggestion, unknown
from sdf1_field.spec.quantities import STATUSES
from sdf1_field.spec.saving import model_toml
from sdf1_field.spec.schema import ModelSpec
from sdf1_field.spec.showing import model_html, model_repr
from sdf1_field.spec.unread import Unread, unread_keys

DEFAULTS = "models/parameters.toml"
"""Where a default is from."""
CALL, BY_USER = "--set", "set by the user"
"""Place and source of the values that a call itself sets, on the command line or in Python."""
_CALLS = (CALL, "set", "from_dict")
"""The same place as messages name it; a checked model has the first alone."""
_MODEL = "model "
"""Begin of the source of what a model's file sets and says no source of."""
_WORDS = ("title", "description")
"""Of a model, which change nothing in it."""


@dataclass(frozen=True)
class Entry:
    """One value of a model as written, and where it comes from."""

    value: Any
    source: str
    status: str
    interval: tuple[str | float, str | float] | None = None
    where: str = DEFAULTS
    interval_source: str = ""
    """Of an interval that is inherited while the value is not."""


@dataclass(frozen=True, repr=False)
class Model:
    """A named model, checked and immutable.

    Parameters
    ----------
    name : str
    spec : ModelSpec
        The values in canonical units.
    entries : mapping of str to Entry
        By dotted path, each value as written, and where it comes from.

    Examples
    --------
    >>> from sdf1_field.spec import load_model
    >>> model = load_model("coculture-kg1a").set({"run.duration": "4 h"})
    >>> model["run.duration"], model.spec.run.duration
    ('4 h', 14400.0)
    >>> Model.from_dict(model.to_dict()) == model
    True
    """

    name: str
    spec: ModelSpec
    entries: Mapping[str, Entry]

    def set(self, values: Mapping[str, Any]) -> "Model":
        """Model with some values replaced.

        Parameters
        ----------
        values : mapping
            By dotted path, as in a model file: text with a unit, a number, True or False, a list;
            a mapping is a section, and an empty one takes away what is in it.

        Returns
        -------
        Model
            A new one; this one stays as it is.

        Raises
        ------
        InputError
            If a key is unknown or a value wrong; the text says where, what, remedy.
        """
        flat = dict(self.entries)
        _overlay(flat, _with_keys(_written(values, "set"), flat))
        _find_patterns(flat)
        return _checked(self.name, flat)

    @property
    def changed(self) -> Mapping[str, Any]:
        """Values by dotted path that are not as shipped, but for title and description.

        Of a user's own model file these are its own keys and those of the user's files it extends.
        """
        return {
            path: entry.value
            for path, entry in self.entries.items()
            if not is_shipped(entry.where) and path not in _WORDS
        }

    def to_dict(self) -> dict[str, Any]:
        """Nested plain values with units, as a model file has them; fit for JSON.

        Two keys are added: ``name``, and ``sources`` with the source, status and interval of
        values that are not the defaults.
        """
        sources = {
            path: {**vars(entry), "interval": list(entry.interval) if entry.interval else None}
            for path, entry in self._own().items()
        }
        return copy.deepcopy({"name": self.name, **_nest(self.entries), "sources": sources})

    @classmethod
    def from_dict(cls, table: Mapping[str, Any]) -> "Model":
        """Model from what `to_dict` gave, or from the sections of a model file.

        Parameters
        ----------
        table : mapping
            Values as in a model file, nested or by dotted path, with a ``title`` and perhaps
            ``extends``; what is not there is inherited from that model or the defaults. With
            ``sources``, as `to_dict` gives it, nothing is inherited. ``name`` is the model's.

        Returns
        -------
        Model

        Raises
        ------
        InputError
            If anything in it is wrong; the text says where, what, remedy.
        """
        if not isinstance(table, Mapping):
            raise InputError(f"from_dict: {table!r} is not a mapping. Give what to_dict gave.")
        values, complete = dict(table), "sources" in table
        sources, name = values.pop("sources", {}), values.pop("name", "model")
        extends = values.pop("extends", None)
        for key, text in (("name", name), ("extends", extends)):
            if text is not None and not isinstance(text, str):
                raise InputError(f"from_dict: {key}: {text!r} is not text. Put it in quotes.")
        flat = parameters()
        if extends is not None:
            _overlay(flat, _load_chain(extends, None, ())[1])
        written = _with_keys(_written(values, "from_dict"), flat)
        known = dict(flat)
        try:
            known |= _recorded(sources)
        except (AttributeError, KeyError, TypeError):
            raise InputError(
                "from_dict: sources: not as to_dict gives it. Leave the key away."
            ) from None
        for path, entry in written.items():
            same = known.get(path)
            if same and _repeats(entry, same):
                written[path] = same
        if complete:
            flat = written
        else:
            _overlay(flat, written)
        _find_patterns(flat)
        return _checked(name, flat)

    def _own(self) -> dict[str, Entry]:
        """Entries that are not the defaults."""
        defaults = parameters()
        return {path: e for path, e in self.entries.items() if e != defaults.get(path)}

    def save(self, path: str | Path, *, force: bool = False) -> Path:
        """Write a model file, which `load_model` and the command line read.

        Parameters
        ----------
        path : str or pathlib.Path
            Ends in ``.toml``; the file's name is the model's when it is read.
        force : bool
            Replace an existing file.

        Returns
        -------
        pathlib.Path
            The file.

        Raises
        ------
        InputError
            If the file exists or cannot be written, or if the model lacks defaults that a file
            would inherit.
        """
        own = self._own()
        idle = {key.path for key in unread_keys(self.spec, own)}
        for key in idle:
            # In the file a copy of a shipped value is told from a value of its own.
            entry = own[key]
            if is_shipped(entry.where) and not entry.source.startswith(_MODEL):
                author = f"{_MODEL}{Path(entry.where).stem}"
                own[key] = replace(entry, source=f"{author}: {entry.source}")
        file, text = Path(path), model_toml(own, idle)
        flat = parameters()
        _overlay(flat, _flatten(tomllib.loads(text), str(file), f"{_MODEL}{file.stem}"))
        lacking = sorted(flat.keys() - self.entries.keys())
        if lacking:
            raise InputError(
                f"{file}: {lacking[0]}: this model lacks it, and a file would inherit its default. "
                "Keep the model's to_dict() as JSON instead."
            )
        if file.suffix != ".toml":
            raise InputError(f"{file}: not the name of a model file. Give one that ends in .toml.")
        if file.exists() and not force:
            raise InputError(
                f"{file}: exists already. Choose another name, or replace it with force."
            )
        try:
            file.write_text(text, encoding="utf-8")
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise InputError(f"{file}: {reason}. Check the path.") from None
        return file

    def __getitem__(self, path: str) -> Any:
        """Value at a dotted path as written, or a section's values as a mapping."""
        if path in self.entries:
            return copy.deepcopy(self.entries[path].value)
        section: Any = _nest(self.entries)
        *parents, leaf = str(path).split(".")
        for key in (*parents, leaf):
            if not isinstance(section, dict) or key not in section:
                near = suggestion(str(path), self.entries)
                raise InputError(f"{self.name}: {path}: there is no such value. {near}")
            section = section[key]
        return copy.deepcopy(section)

    def __repr__(self) -> str:
        return model_repr(self)

    def _repr_html_(self) -> str:
        return model_html(self)


_TABLE_KEYS = {"value", "source", "status", "interval"}


_KEY = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")


def _written(values: Any, where: str, prefix: str = "") -> dict[str, Entry]:
    """Entries of a mapping from Python, nested or by dotted path, as `_flatten` makes of a file."""
    if not isinstance(values, Mapping):
        raise InputError(
            f"{where}: {values!r} is not a mapping. Write it like {{'run.duration': '4 h'}}."
        )
    flat: dict[str, Entry] = {}
    for key, value in values.items():
        if not (isinstance(key, str) and all(key.split("."))):
            raise InputError(
                f"{where}: {prefix}{key!r} is not a key. Write it like 'treatments.amd3100.dose'."
            )
        path = f"{prefix}{key}"
        if isinstance(value, Mapping) and value and "value" not in value:
            flat |= _written(value, where, f"{path}.")
            continue
        if isinstance(value, Mapping):
            plain = {k: _plain_value(v, f"{where}: {path}.{k}") for k, v in value.items()}
        else:
            plain = _plain_value(value, f"{where}: {path}")
        head, point, leaf = path.rpartition(".")
        flat |= _flatten({leaf: plain}, where, BY_USER, f"{head}{point}")
    return flat


def _plain_value(value: Any, place: str) -> Any:
    """Value from Python as TOML would give it."""
    if hasattr(value, "item") and getattr(value, "ndim", None) == 0:
        value = value.item()  # a NumPy number
    if isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, list | tuple):
        return [_plain_value(each, place) for each in value]
    raise InputError(
        f"{place}: {value!r} is not a value. Give text with a unit, such as '10 uM', a number, "
        "True or False, or a list."
    )


def _flatten(
    table: Mapping[str, Any], where: str, author: str, prefix: str = ""
) -> dict[str, Entry]:
    """Dotted path to entry; a table with the key ``value`` is one entry."""
    flat: dict[str, Entry] = {}
    for key, value in table.items():
        path = f"{prefix}{key}"
        if not key or "." in key:
            raise InputError(f"{where}: {path}: '{key}' is not a key. Write it without quotes.")
        if not isinstance(value, dict):
            flat[path] = Entry(value, author, "model choice", where=where)
        elif "value" not in value:
            if not value:
                flat[path] = Entry({}, author, "model choice", where=where)
            flat |= _flatten(value, where, author, f"{path}.")
        else:
            extra = sorted(set(value) - _TABLE_KEYS)
            if extra:
                raise InputError(
                    f"{where}: {path}.{extra[0]}: unknown key. {suggestion(extra[0], _TABLE_KEYS)}"
                )
            status = value.get("status", "model choice")
            if status not in (*STATUSES, "model choice"):
                text = unknown(str(status), STATUSES, "status")
                raise InputError(f"{where}: {path}.status: {text}")
            interval = value.get("interval")
            if interval is not None and not _are_ends(interval):
                raise InputError(
                    f"{where}: {path}.interval: {interval!r} is not two values. "
                    "Write it like ['1 um', '2 um']."
                )
            flat[path] = Entry(
                value["value"],
                str(value.get("source", author)),
                status,
                (interval[0], interval[1]) if interval else None,
                where,
            )
    return flat


def _are_ends(interval: Any) -> bool:
    """Whether a value is a list of two texts or numbers."""
    return (
        isinstance(interval, list)
        and len(interval) == 2
        and all(isinstance(end, str | int | float) for end in interval)
    )


def _read_toml(path: Path, shown: str) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8-sig")
        return dict(_parsed(text))
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{shown}: {_syntax_hint(text, str(error))}") from None
    except RecursionError:
        raise InputError(
            f"{shown}: lists or tables are nested too deep. Close a bracket earlier."
        ) from None
    except UnicodeDecodeError:
        raise InputError(f"{shown}: not a text file. Give a model file in TOML.") from None
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InputError(f"{shown}: {reason}. Check the path.") from None


_SMART_QUOTES = "“”„‟‘’‚«»"
"""Quotation marks that TOML does not have."""
_BARE_QUANTITY = re.compile(r"([\w.-]+)\s*=\s*([+-]?\.?\d[\w.+-]*\s*[A-Za-zµμ/][^,\"'}#]*)")
"""A value with a unit and without quotation marks, and its key."""


def _syntax_hint(text: str, reason: str) -> str:
    """What is wrong with a text that is not TOML, by the line at which reading stopped."""
    found = re.search(r"\(at line (\d+)", reason)
    number = int(found[1]) if found else len(text.splitlines())
    line = text.splitlines()[number - 1] if text.strip() else ""
    smart = next((c for c in line if c in _SMART_QUOTES), None)
    if smart is not None:
        return f"line {number}: {smart} is no quotation mark of TOML. Write \" or '."
    bare = _BARE_QUANTITY.search(line)
    if bare is not None:
        return (
            f"line {number}: {bare[1]}: a value with a unit is text. Write it like "
            f'{bare[1]} = "{bare[2].strip()}".'
        )
    return f"not a TOML file: {reason}."


@functools.cache
def _parsed(text: str) -> Mapping[str, Any]:
    """What a TOML text says; every dish of an ensemble asks for the same ones."""
    return tomllib.loads(text)


def _locate(model: str, beside: Path | None = None) -> tuple[str, Path, str]:
    """Name, path and shown place of a shipped name or a file."""
    if model.endswith(".toml") or "/" in model:
        path = Path(model)
        if beside is not None:
            path = beside / model
            if not path.resolve().is_relative_to(beside.resolve()):
                raise InputError(
                    f"{beside}: extends: '{model}' is outside the folder. "
                    "Use a shipped model's name or a file beside this one."
                )
        return path.name.removesuffix(".toml"), path, str(path)
    names = model_names()
    model = key_of(model, names, {})
    if model not in names:
        raise InputError(f"{unknown(model, names, 'model')} `sdf1-field list` shows them all.")
    return model, shipped_folder("models") / f"{model}.toml", f"models/{model}.toml"


def _load_chain(
    model: str, beside: Path | None, seen: tuple[Path, ...]
) -> tuple[str, dict[str, Entry]]:
    name, path, shown = _locate(model, beside)
    if path.resolve() in seen:
        raise InputError(f"{shown}: extends: a circle of models. Let the first one extend nothing.")
    table = _read_toml(path, shown)
    extends = table.pop("extends", None)
    if extends is not None and not (isinstance(extends, str) and extends.isprintable()):
        raise InputError(f"{shown}: extends: {extends!r} is not a model. Give one name or file.")
    flat: dict[str, Entry] = {}
    if extends is not None:
        _, flat = _load_chain(extends, path.parent, (*seen, path.resolve()))
    _overlay(flat, _with_keys(_flatten(table, shown, f"{_MODEL}{name}"), flat))
    return name, flat


def _overlay(base: dict[str, Entry], top: Mapping[str, Entry]) -> None:
    """Let ``top`` override ``base``; an empty table clears what is below it."""
    for path, entry in top.items():
        for other in [p for p in base if p.startswith(f"{path}.") or path.startswith(f"{p}.")]:
            del base[other]
        below = base.get(path)
        if below is not None and _repeats(entry, below):
            continue
        if below is not None and below.interval is not None and entry.interval is None:
            entry = replace(
                entry,
                interval=below.interval,
                interval_source=below.interval_source or below.source,
            )
        base[path] = entry


def _repeats(entry: Entry, below: Entry) -> bool:
    """Whether a user sets a value to what it is already, so that its source still holds."""
    if is_shipped(entry.where) or str(entry.value).endswith(PATTERN_FILES):
        return False  # the same name is another picture in another folder
    says_no_more = (entry.status, entry.interval) == ("model choice", None) and (
        entry.source == BY_USER or entry.source.startswith(_MODEL)
    )
    return says_no_more and repr(entry.value) == repr(below.value)


def _with_keys(layer: Mapping[str, Entry], below: Mapping[str, Entry]) -> dict[str, Entry]:
    """Entries under the keys of what they name; see `sdf1_field.spec.names`.

    A treatment that says its agent may have any name.
    """
    here = {*below, *_default_paths()}
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
        path: replace(entry, value=keyed_value(path, entry.value, known))
        for path, entry in keyed.items()
    }


def _names(paths: Iterable[str]) -> dict[str, set[str]]:
    """Names of the tables in every section that holds such."""
    names: dict[str, set[str]] = {section: set() for section in SYNONYMS}
    for path in paths:
        section, *rest = path.split(".")
        if section in names and rest:
            names[section].add(rest[0])
    return names


@functools.cache
def _default_paths() -> frozenset[str]:
    return frozenset(parameters())


def _nest(flat: Mapping[str, Entry]) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for path, entry in flat.items():
        *parents, leaf = path.split(".")
        table = nested
        for key in parents:
            table = table.setdefault(key, {})
        table[leaf] = entry.value
    return nested


def _setting(text: str) -> dict[str, Entry]:
    """Entries of one ``KEY=VALUE``; a value that is not TOML is taken as text."""
    key, sign, value = text.partition("=")
    key = key.strip()
    if not sign or not _KEY.fullmatch(key):
        raise InputError(
            f"--set {text}: not KEY=VALUE. Write it like --set 'treatments.amd3100.dose=10 uM'."
        )
    value = value.strip().strip(_SMART_QUOTES)
    try:
        parsed = tomllib.loads(f"value = {value}")["value"]
    except (tomllib.TOMLDecodeError, RecursionError):
        parsed = value
    head, point, leaf = key.rpartition(".")
    return _flatten({leaf: parsed}, CALL, BY_USER, f"{head}{point}")


def parameters() -> dict[str, Entry]:
    """Every default in ``models/parameters.toml`` by dotted path."""
    path = shipped_folder("models") / "parameters.toml"
    return _flatten(_read_toml(path, DEFAULTS), DEFAULTS, "")


def load_model(model: str | Path, *, settings: Iterable[str] = ()) -> Model:
    """Read, merge and check a model.

    Settings that several models share may act on nothing in some of them: see `asked_model`.

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
    """A model, and the paths that the settings name, also those that they leave as they were."""
    name, chain = _load_chain(str(model), None, ())
    flat = parameters()
    named: set[str] = set()
    _overlay(flat, chain)
    for text in settings:
        layer = _with_keys(_setting(text), flat)
        _overlay(flat, layer)
        named |= layer.keys()
    _find_patterns(flat)
    return _checked(name, flat), named


def asked_model(model: str | Path, *, settings: Iterable[str] = ()) -> Model:
    """Model as a person asks for it; as `load_model`, but nothing may act on nothing.

    Each setting, and each key of a person's own model file, has to be read in the model. Not at
    fault in a file are mechanisms and the spread of donors, which a call may switch on, tables of
    a new name, what it inherits, and what its own model reads and a setting leaves out.

    Raises
    ------
    InputError
        As `load_model`, and if a key acts on nothing: where, what, why, remedy.
    """
    settings = tuple(settings)
    loaded, named = _load(model, settings)
    _, path, shown = _locate(str(model))
    others = dict.fromkeys(named & loaded.entries.keys(), CALL)
    if path.parent.resolve() != shipped_folder("models").resolve():
        idle = _idle_in_file(str(model), shown, loaded, alone=not settings)
        others = dict.fromkeys(idle, shown) | others
    refuse_unread(loaded, others)
    return loaded


def _idle_in_file(model: str, shown: str, loaded: Model, *, alone: bool) -> frozenset[str]:
    """Keys of a model file that nothing reads, whatever the call sets.

    A value whose source is another model is a copy, as `Model.save` makes it, and counts as
    inherited.
    """
    own = [
        path
        for path, entry in sorted(loaded.entries.items())
        if entry.where == shown
        and not (entry.source.startswith(_MODEL) and entry.source != f"{_MODEL}{loaded.name}")
        and (path in _default_paths() or path.startswith("treatments."))
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
    """Refuse what a call sets if it acts on nothing in a model, and other keys by their place.

    Raises
    ------
    InputError
        If there is such a key: where, what, why, remedy.
    """
    places = {p: CALL for p, entry in model.entries.items() if entry.where == CALL} | {**others}
    found: dict[tuple[str, str, str], list[str]] = {}
    for path, reason, remedy in unread_keys(model.spec, places):
        found.setdefault((places[path], reason, remedy), []).append(path)
    if found:
        raise InputError(
            _ALSO.join(
                f"{where}: {', '.join(paths)}: {'acts' if len(paths) == 1 else 'act'} on nothing "
                f"in this model, since {reason}. {remedy}, or remove "
                f"{'it' if len(paths) == 1 else 'them'}."
                for (where, reason, remedy), paths in found.items()
            )
        )


def inherited_unread(model: Model) -> Iterator[tuple[str, Unread]]:
    """Keys that models set, not the defaults, and that nothing reads in a model.

    Without the mechanisms of shipped models, which are there for other cells to use.

    Yields
    ------
    where : str
        The file that sets it.
    key : Unread
    """
    set_by_models = [
        path
        for path, entry in model.entries.items()
        if entry.where not in (DEFAULTS, *_CALLS)
        and not (path.startswith("mechanisms.") and is_shipped(entry.where))
    ]
    for key in unread_keys(model.spec, sorted(set_by_models)):
        yield model.entries[key.path].where, key


def _find_patterns(flat: dict[str, Entry]) -> None:
    """Give the full path of every coat's pattern that is a file beside the one that names it."""
    for path, entry in flat.items():
        named = re.fullmatch(r"ligand\.[^.]+\.coat\.pattern", path) and isinstance(entry.value, str)
        if not named or not entry.value.endswith(PATTERN_FILES):
            continue
        folder = Path() if entry.where in _CALLS else Path(entry.where).parent
        file = folder / entry.value
        if not file.is_file():
            raise InputError(f"{entry.where}: {path}: {file}: no such file. Check the path.")
        flat[path] = replace(entry, value=str(file.resolve()))


def model_from_entries(name: str, entries: Mapping[str, Mapping[str, Any]]) -> Model:
    """Model from what a run file recorded; the inverse of `entries_of`."""
    return _checked(name, _recorded(entries))


def _recorded(entries: Mapping[str, Mapping[str, Any]]) -> dict[str, Entry]:
    """Entries from plain tables of them."""
    return {
        path: Entry(
            e["value"],
            e["source"],
            e["status"],
            tuple(e["interval"]) if e.get("interval") else None,
            e["where"],
            e.get("interval_source", ""),
        )
        for path, e in entries.items()
    }


def entries_of(model: Model) -> dict[str, dict[str, Any]]:
    """Plain tables of a model's entries, fit for JSON."""
    return {
        path: {
            "value": e.value,
            "source": e.source,
            "status": e.status,
            "interval": list(e.interval) if e.interval else None,
            "where": file_name(e.where),
            **({"interval_source": e.interval_source} if e.interval_source else {}),
        }
        for path, e in sorted(model.entries.items())
    }


def file_name(where: str) -> str:
    """Place of a value without a user's folders, which are no part of what a run is."""
    return where if is_shipped(where) else Path(where).name


def _checked(name: str, flat: Mapping[str, Entry]) -> Model:
    try:
        spec = ModelSpec.model_validate(_nest(flat))
    except ValidationError as error:
        raise InputError(_first_problem(error, flat, name)) from None
    problems = dict.fromkeys(_blamed(problem, flat, name) for problem in complaints(spec))
    if problems:
        raise InputError(_ALSO.join(problems))
    settled = {
        path: replace(entry, where=CALL) if entry.where in _CALLS else entry
        for path, entry in flat.items()
    }
    return Model(name, spec, settled)


_ALSO = " Also "
"""Between one mistake and the next, which share a line."""


def _blamed(problem: Problem, flat: Mapping[str, Entry], name: str) -> str:
    """Line about a problem; of keys that collide, the one that was set last is at fault."""
    texts = {problem.path: problem.text, **problem.instead}
    path = max(texts, key=lambda p: _rank(_where(p, flat, name)))
    return f"{_where(path, flat, name)}: {path}: {texts[path]}"


def _rank(where: str) -> int:
    """How late a value is set: by default, a shipped model, a user's file, the call."""
    if where in _CALLS:
        return 3
    return 2 if not is_shipped(where) else int(where != DEFAULTS)


def is_shipped(where: str) -> bool:
    """Whether a value is from a file that comes with the program."""
    return where in _shipped_files()


@functools.cache
def _shipped_files() -> frozenset[str]:
    return frozenset({DEFAULTS, *(f"models/{name}.toml" for name in model_names())})


def _where(path: str, flat: Mapping[str, Entry], name: str) -> str:
    """Whose line is at fault: the file or option that wrote the nearest entry."""
    if path in flat:
        return flat[path].where
    below = [e.where for p, e in flat.items() if p.startswith(f"{path}.")]
    foreign = [w for w in below if w != DEFAULTS]
    if foreign or below:
        return (foreign or below)[-1]
    parent = path.rpartition(".")[0]
    return _where(parent, flat, name) if parent else name


def _first_problem(error: ValidationError, flat: Mapping[str, Entry], name: str) -> str:
    """One line for the first error; unknown keys first, since they explain missing ones."""
    problems = sorted(error.errors(), key=lambda e: e["type"] != "extra_forbidden")
    first = problems[0]
    location = tuple(str(part) for part in first["loc"])
    path = ".".join(location)
    where = _where(path, flat, name)
    if first["type"] == "extra_forbidden":
        siblings = _keys_at(location[:-1])
        full = next((p for p in flat if p.startswith(f"{path}.")), path)
        meant = [p for p in flat if p.endswith(f".{full}")][:3]
        if not meant and path in Treatment.model_fields:
            meant = [f"treatments.amd3100.{path}"]
        if meant:
            either = " or ".join(f"'{name}'" for name in meant)
            return f"{where}: {path}: unknown key. Did you mean {either}?"
        return f"{where}: {path}: unknown key. {suggestion(location[-1], siblings)}"
    if first["type"] == "missing":
        return f"{where}: {path}: missing. Set it."
    if first["type"] == "value_error":
        return f"{where}: {path}: {str(first['msg']).removeprefix('Value error, ')}"
    shown = repr(first["input"])
    if isinstance(first["input"], bool):
        shown = str(first["input"]).lower()
    remedy = _REMEDIES.get(first["type"])
    if remedy is None:
        remedy = f"is out of range: it {str(first['msg']).removeprefix('Input ')}."
    if location[-1] == "dose":
        remedy = "has no unit. Write it like '10 uM' or '100 ng/mL'."
    return f"{where}: {path}: {shown} {remedy}"


_REMEDIES = {
    "model_type": "is not a table. Write its keys under a header of that name.",
    "model_attributes_type": "is not a table. Write its keys under a header of that name.",
    "dict_type": "is not a table. Write its keys under a header of that name.",
    "tuple_type": 'is not a list. Write it like ["sdf1"].',
    "bool_parsing": "is not a switch. Write true or false.",
    "bool_type": "is not a switch. Write true or false.",
    "string_type": "is not text. Put it in quotes.",
    "int_type": "is not a whole number. Write it without quotes, point or unit.",
    "float_type": "is not a number. Write it without quotes and without a unit.",
}
"""What a value of the wrong kind is, and what to write instead."""


def _keys_at(location: tuple[str, ...]) -> list[str]:
    """Keys the schema knows at a place; names of shipped tables where the keys are free."""
    section: Any = ModelSpec
    for part in location:
        if (
            isinstance(section, type)
            and issubclass(section, BaseModel)
            and part in section.model_fields
        ):
            annotation = section.model_fields[part].annotation
            arguments = getattr(annotation, "__args__", ())
            section = arguments[-1] if arguments else annotation
            if getattr(annotation, "__origin__", None) is dict:
                section = {"of": section}
        elif isinstance(section, dict):
            section = section["of"]
        else:
            return []
    return (
        list(section.model_fields)
        if isinstance(section, type) and issubclass(section, BaseModel)
        else []
    )
