"""A named model: its checked values, and each value as written with its source."""

import copy
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sdf1_field.errors import InputError, plain, reason_of, refuse_existing, write_whole
from sdf1_field.spec.entries import (
    CALL,
    CALLS,
    MODEL,
    Entry,
    entries_of_mapping,
    file_name,
    flatten,
    is_shipped,
    nest,
)
from sdf1_field.spec.layers import find_files, load_chain, overlay, repeats, with_keys
from sdf1_field.spec.mistakes import checked_spec
from sdf1_field.spec.names import GIVEN_UP, current_path, suggestion
from sdf1_field.spec.reading import parameters
from sdf1_field.spec.saving import model_toml
from sdf1_field.spec.schema import ModelSpec
from sdf1_field.spec.showing import model_html, model_repr
from sdf1_field.spec.unread import unread_keys

_WORDS = ("title", "description")
"""Keys without effect on a run."""
_REFERENCE = "cell_type.kg1a."
"""Section of the cell type whose values a user's own type of an earlier run file is given."""


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
            a mapping is a section, and an empty one removes the section's contents.

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
        layer = with_keys(entries_of_mapping(values, "set"), flat)
        overlay(flat, layer)
        find_files(flat, layer)
        return checked(self.name, flat)

    @property
    def changed(self) -> Mapping[str, Any]:
        """Values by dotted path that differ from the shipped ones, without title and description.

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
        sources = {path: entry.table() for path, entry in self._own().items()}
        return copy.deepcopy({"name": self.name, **nest(self.entries), "sources": sources})

    @classmethod
    def from_dict(cls, table: Mapping[str, Any]) -> "Model":
        """Model from the result of `to_dict`, or from the sections of a model file.

        Parameters
        ----------
        table : mapping
            Values as in a model file, nested or by dotted path, with a ``title`` and perhaps
            ``extends``; missing keys are inherited from that model or the defaults. With
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
            raise InputError(f"from_dict: {table!r} is not a mapping. Give the result of to_dict.")
        values, complete = dict(table), "sources" in table
        sources, name = values.pop("sources", {}), values.pop("name", "model")
        extends = values.pop("extends", None)
        for key, text in (("name", name), ("extends", extends)):
            if text is not None and not isinstance(text, str):
                raise InputError(f"from_dict: {key}: {text!r} is not text. Put it in quotes.")
        flat = parameters()
        if extends is not None:
            overlay(flat, load_chain(extends, None, ())[1])
        written = with_keys(entries_of_mapping(values, "from_dict"), flat)
        known = dict(flat)
        try:
            known |= _from_tables(sources)
        except (AttributeError, KeyError, TypeError):
            raise InputError(
                "from_dict: sources: not as to_dict gives it. Remove the key."
            ) from None
        for path, entry in written.items():
            same = known.get(path)
            if same and repeats(entry, same):
                written[path] = same
        if complete:
            flat = written
        else:
            overlay(flat, written)
        find_files(flat)
        return checked(name, flat)

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
            # The source marks the value as a copy of a shipped one, not the file's own.
            entry = own[key]
            if is_shipped(entry.where) and not entry.source.startswith(MODEL):
                author = f"{MODEL}{Path(entry.where).stem}"
                own[key] = replace(entry, source=f"{author}: {entry.source}")
        file, text = Path(path), model_toml(own, idle)
        flat = parameters()
        overlay(flat, flatten(tomllib.loads(text), str(file), f"{MODEL}{file.stem}"))
        lacking = sorted(flat.keys() - self.entries.keys())
        if lacking:
            raise InputError(
                f"{file}: {lacking[0]}: this model lacks it, and a file would inherit its default. "
                "Keep the model's to_dict() as JSON instead."
            )
        if file.suffix != ".toml":
            raise InputError(f"{file}: not the name of a model file. Give one that ends in .toml.")
        refuse_existing(file, force=force)
        try:
            write_whole(file, text)
        except OSError as error:
            raise InputError(f"{file}: {reason_of(error)}. Check the path.") from None
        return file

    def __getitem__(self, path: str) -> Any:
        """Value at a dotted path as written, or a section's values as a mapping."""
        if path in self.entries:
            return copy.deepcopy(self.entries[path].value)
        section: Any = nest(self.entries)
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


def model_from_entries(name: str, tables: Mapping[str, Mapping[str, Any]]) -> Model:
    """Model from the tables that a run file recorded; the inverse of `entries_of`."""
    return checked(name, _from_tables(tables))


def _from_tables(tables: Mapping[str, Mapping[str, Any]]) -> dict[str, Entry]:
    kept = {path: table for path, table in tables.items() if not GIVEN_UP.fullmatch(path)}
    entries = {current_path(path): Entry.from_table(table) for path, table in kept.items()}
    if len(kept) == len(tables):
        return entries
    # A run under the former adhesion law is read with the present defaults for what it lacks.
    return _of_own_types(entries) | parameters() | entries


def _of_own_types(entries: Mapping[str, Entry]) -> dict[str, Entry]:
    """Present values of KG-1a cells for every cell type, as a user's own has no defaults."""
    kinds = {path.split(".")[1] for path in entries if path.startswith("cell_type.")}
    return {
        f"cell_type.{kind}.{path.removeprefix(_REFERENCE)}": entry
        for path, entry in parameters().items()
        if path.startswith(_REFERENCE)
        for kind in kinds
    }


def entries_of(model: Model) -> dict[str, dict[str, Any]]:
    """Plain tables of a model's entries by dotted path, without a user's folders, fit for JSON."""
    tables = {path: entry.table() for path, entry in sorted(model.entries.items())}
    for table in tables.values():
        table["where"] = file_name(table["where"])
        if not table["interval_source"]:
            del table["interval_source"]
    return tables


def checked(name: str, flat: Mapping[str, Entry]) -> Model:
    """Model of merged entries; raises as `checked_spec`."""
    for path, entry in flat.items():
        texts = [path, *(entry.value if isinstance(entry.value, list) else (entry.value,))]
        # A source may name a file whose name is not UTF-8; the run file writes its bytes out.
        source = entry.source.encode("utf-8", "replace").decode()
        if any(plain(text) != text for text in (*texts, source) if isinstance(text, str)):
            raise InputError(f"{entry.where}: {path}: holds control characters. Remove them.")
    spec = checked_spec(name, flat)
    settled = {
        path: replace(entry, where=CALL) if entry.where in CALLS else entry
        for path, entry in flat.items()
    }
    return Model(name, spec, settled)
