"""Values of a run against the shipped ones: changed, without effect, and outside their interval."""

import functools
import json
from collections.abc import Iterator, Mapping
from typing import Any

from sdf1_field.digits import count_text
from sdf1_field.errors import Sdf1FieldError
from sdf1_field.shipped import model_names
from sdf1_field.spec import Entry, Model, changes, load_model, outside_intervals, parameters
from sdf1_field.spec.entries import CALL, is_shipped
from sdf1_field.spec.unread import Unread, unread_keys
from sdf1_field.view.document import Section, Table

NONE = "none"
"""Text of an empty value, and of one that the shipped model does not have."""
_LISTED = 3
"""Keys that are named of each reason for which keys have no effect."""
WORDS = ("title", "description")
"""Keys without effect on a run, for people."""
_NO_TREATMENT, _NOT_GIVEN = "no treatment gives ", "no treatment gives their agent"


def value_text(value: Any) -> str:
    """A value as a model file has it, without the quotes of a text."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return " ".join(text.split()) or NONE


@functools.lru_cache(maxsize=8)
def _shipped(name: str) -> Model:
    return load_model(name)


def base_of(model: Model) -> str | None:
    """Shipped model that a run's model is, or that it extends; None if there is none."""
    places = {entry.where for entry in model.entries.values() if is_shipped(entry.where)}
    own = {place.removeprefix("models/").removesuffix(".toml") for place in places} - {"parameters"}
    names = [name for name in model_names() if name in own]
    by_call = all(e.where == CALL or is_shipped(e.where) for e in model.entries.values())
    if by_call and model.name in model_names():
        return model.name
    for name in names:
        chain = {entry.where for entry in _shipped(name).entries.values()}
        if places <= chain:
            return name
    return None


def is_own(model: Model) -> bool:
    """Whether a run's model is from a file of the user's, not shipped."""
    return any(
        entry.where != CALL and not is_shipped(entry.where) for entry in model.entries.values()
    )


def shipped_values(model: Model) -> Mapping[str, Entry]:
    """Values that a run's model would have unchanged, by path."""
    base = base_of(model)
    try:
        return parameters() if base is None else _shipped(base).entries
    except Sdf1FieldError:
        return {}


def change_rows(model: Model) -> list[tuple[str, str, str, str]]:
    """Key, value, shipped value, and who set it, of each changed value."""
    shipped = shipped_values(model)
    return [
        (
            one.path,
            value_text(one.value),
            value_text(shipped[one.path].value) if one.path in shipped else NONE,
            one.source,
        )
        for one in changes(model)
    ]


def changed(model: Model) -> Section:
    """What differs from the shipped model."""
    base, rows = base_of(model), change_rows(model)
    parts: list[str | Table] = []
    if is_own(model):
        parts.append(
            f"The model {model.name} is a file of the user's own. "
            + (
                f"It builds on the shipped model {base}."
                if base
                else "It builds on the shipped defaults alone."
            )
        )
    if rows:
        header = ("key", "in this run", "shipped", "set by")
        parts.append(Table(header, tuple(rows), f"{count_text(len(rows), 'value')} differ:"))
        if len(rows) == 1:
            parts[-1] = Table(header, tuple(rows), "1 value differs:")
    else:
        parts.append(f"Nothing: the run is of the shipped model {model.name}, as it is.")
    newer = list(_newer(model))
    if newer:
        parts.append(
            Table(
                ("key", "in this run", "shipped now"),
                tuple(newer),
                "The program that explains this run ships other values of these keys than the "
                "program that made it did:",
            )
        )
    return Section("changed", "What differs from the shipped model", tuple(parts))


def _newer(model: Model) -> Iterator[tuple[str, str, str]]:
    """Values that the run reads, were not changed, and differ from those shipped now."""
    shipped = shipped_values(model)
    for path, entry in sorted(read_entries(model).items()):
        now = shipped.get(path)
        if is_shipped(entry.where) and now and now.value != entry.value:
            yield path, value_text(entry.value), value_text(now.value)


def unread_by_reason(model: Model) -> dict[str, list[str]]:
    """Keys without effect in a run, by reason; those of agents that are not given have one."""
    found: dict[str, list[str]] = {}
    for key in unread_keys(model.spec, sorted(set(model.entries) - set(WORDS))):
        reason = _NOT_GIVEN if key.reason.startswith(_NO_TREATMENT) else key.reason
        found.setdefault(reason, []).append(key.path)
    return found


def read_entries(model: Model) -> dict[str, Entry]:
    """Values that a run depends on, by path."""
    idle = {path for paths in unread_by_reason(model).values() for path in paths}
    return {
        path: entry
        for path, entry in model.entries.items()
        if path not in idle and path not in WORDS
    }


def unread(model: Model) -> Section:
    """Keys that had no effect: first those that the user set, then all by their reason."""
    own: list[Unread] = list(unread_keys(model.spec, sorted(model.changed)))
    parts: list[str | Table] = []
    if own:
        parts.append(
            Table(
                ("key", "without effect since", "to give it one"),
                tuple((key.path, key.reason, key.remedy) for key in own),
                "Of the changed values these had no effect on the run:",
            )
        )
    elif model.changed:
        parts.append("The run reads every changed value.")
    found = unread_by_reason(model)
    rows = tuple(
        (reason, f"{len(paths)}", _some(paths))
        for reason, paths in sorted(found.items(), key=lambda item: -len(item[1]))
    )
    total = sum(len(paths) for paths in found.values())
    if rows:
        parts.append(
            Table(
                ("without effect since", "values", "such as"),
                rows,
                f"Of the model's {len(model.entries) - len(WORDS)} values {total} had no effect: "
                "whatever they are, the run is the same.",
            )
        )
    return Section("unread", "Values without effect", tuple(parts))


def _some(paths: list[str]) -> str:
    more = "" if len(paths) <= _LISTED else ", ..."
    return ", ".join(paths[:_LISTED]) + more


def outside_rows(model: Model) -> list[tuple[str, str, str, str]]:
    """Key, value, interval and its source, of each value outside its interval."""
    try:
        found = outside_intervals(model)
    except Sdf1FieldError:
        return []
    return [
        (
            one.path,
            value_text(one.value),
            f"{one.interval[0]} to {one.interval[1]}",
            value_text(one.source),
        )
        for one in found
    ]


def outside(model: Model) -> Section:
    """Values outside their interval of plausible values."""
    rows = outside_rows(model)
    part: str | Table = (
        Table(
            ("key", "in this run", "interval", "source of the interval"),
            tuple(rows),
            "These values lie outside their interval, the range that is plausible by what is "
            "known:",
        )
        if rows
        else "None: every value lies within its interval, the range that is plausible by what is "
        "known."
    )
    return Section("outside", "Values outside their interval", (part,))
