"""Entries checked against the schema; a mistake in one line: where, what, remedy."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from sdf1_field.errors import InputError
from sdf1_field.spec.agents import Treatment
from sdf1_field.spec.checks import Problem, problems
from sdf1_field.spec.entries import CALLS, DEFAULTS, Entry, is_shipped, nest
from sdf1_field.spec.names import GIVEN_UP, suggestion
from sdf1_field.spec.schema import ModelSpec

ALSO = " Also "
"""Separates mistakes that share a line."""
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
"""By the kind of error that pydantic reports: what is wrong, and the remedy."""


def checked_spec(name: str, flat: Mapping[str, Entry]) -> ModelSpec:
    """Values of a model in canonical units.

    Parameters
    ----------
    name : str
        Of the model, for messages about keys that no file sets.
    flat : mapping of str to Entry
        By dotted path.

    Raises
    ------
    InputError
        If a key or value is wrong, or values contradict each other; one line.
    """
    try:
        spec = ModelSpec.model_validate(nest(flat))
    except ValidationError as error:
        raise InputError(_first_mistake(error, flat, name)) from None
    mistakes = dict.fromkeys(_message(problem, flat, name) for problem in problems(spec))
    if mistakes:
        raise InputError(ALSO.join(mistakes))
    return spec


def _message(problem: Problem, flat: Mapping[str, Entry], name: str) -> str:
    """Line about a problem; of contradicting keys it names the one that was set last."""
    texts = {problem.path: problem.text, **problem.instead}
    path = max(texts, key=lambda p: _rank(_where(p, flat, name)))
    return f"{_where(path, flat, name)}: {path}: {texts[path]}"


def _rank(where: str) -> int:
    """Rank of a place: 0 the defaults, 1 a shipped model, 2 a user's file, 3 the call."""
    if where in CALLS:
        return 3
    return 2 if not is_shipped(where) else int(where != DEFAULTS)


def _where(path: str, flat: Mapping[str, Entry], name: str) -> str:
    """File or option that set a path, or else the nearest path below or above it."""
    if path in flat:
        return flat[path].where
    below = [e.where for p, e in flat.items() if p.startswith(f"{path}.")]
    foreign = [w for w in below if w != DEFAULTS]
    if foreign or below:
        return (foreign or below)[-1]
    parent = path.rpartition(".")[0]
    return _where(parent, flat, name) if parent else name


def _first_mistake(error: ValidationError, flat: Mapping[str, Entry], name: str) -> str:
    """One line for the first error; unknown keys first, since a missing key may be misspelt."""
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
        if GIVEN_UP.fullmatch(full):
            return (
                f"{where}: {full}: no longer a key, since rates of catching do not add. Set "
                "triggered_arrest_rate, release_rate and the bonds of the cell type instead."
            )
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


def _keys_at(location: tuple[str, ...]) -> list[str]:
    """Keys of the section at a place in the schema."""
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
