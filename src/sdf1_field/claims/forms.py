"""The form of a claims file: the tables that it may have, their keys, and the values of these.

Each table is declared once. `Table` checks a file by it, and `schema` makes the JSON Schema of it,
so that both ask for the same.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn, TypeVar

from sdf1_field.claims.effects import STATISTICS, TESTS
from sdf1_field.claims.readings import Sample
from sdf1_field.claims.targets import Status
from sdf1_field.errors import InputError
from sdf1_field.spec import suggestion

SCHEMA = 1
"""Version of the form. A file without one is of version 1."""

T = TypeVar("T")


@dataclass(frozen=True)
class Kind:
    """A type of TOML value: in words, as an example, as a test, and as a JSON Schema."""

    words: str
    example: str
    fits: Callable[[Any], bool]
    schema: Mapping[str, Any]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_table(value: Any) -> bool:
    return isinstance(value, dict)


def _named(form: str) -> dict[str, Any]:
    """Schema of a table of tables of one form."""
    return {"type": "object", "additionalProperties": {"$ref": f"#/$defs/{form}"}}


def _list_of(form: str, **further: int) -> dict[str, Any]:
    return {"type": "array", "items": {"$ref": f"#/$defs/{form}"}, **further}


def _one_of(names: tuple[str, ...]) -> dict[str, Any]:
    return {"enum": list(names)}


TEXT = Kind("a string", "'...'", _is_text, {"type": "string"})
SAYS = Kind(
    "a string", "'...'", _is_text,
    {"type": "string",
     "description": "Needed, but for a claim that adds statements to an existing one of its id."},
)  # fmt: skip
STATISTIC = Kind("a string", "'mean'", _is_text, _one_of(tuple(STATISTICS)))
TEST = Kind("a string", "'unpaired t'", _is_text, _one_of(tuple(TESTS)))
ID = Kind(
    "a name for files, without slashes", "'MINE-1'",
    lambda v: isinstance(v, str) and bool(v.strip(". ")) and not {*"/\\\0"} & {*v},
    {"type": "string", "pattern": "^(?=[\\s\\S]*[^. ])[^/\\\\\\u0000]*$"},
)  # fmt: skip
FLAG = Kind("true or false", "true", lambda v: isinstance(v, bool), {"type": "boolean"})
COUNT = Kind(
    "a whole number, 1 or more", "3", lambda v: type(v) is int and v >= 1,
    {"type": "integer", "minimum": 1},
)  # fmt: skip
NUMBER = Kind("a finite number", "1.5", _is_number, {"type": "number"})
P = Kind(
    "above 0 and at most 1", "0.05", lambda v: _is_number(v) and 0.0 < v <= 1.0,
    {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
)  # fmt: skip
CHANCE = Kind(
    "a number from 0 to 1", "0.5", lambda v: _is_number(v) and 0.0 <= v <= 1.0,
    {"type": "number", "minimum": 0, "maximum": 1},
)  # fmt: skip
SIZE = Kind(
    "0 or more", "9400.0", lambda v: _is_number(v) and v >= 0.0, {"type": "number", "minimum": 0}
)
TEXTS = Kind(
    "a list of strings", "['...', '...']", _is_texts,
    {"type": "array", "items": {"type": "string"}},
)  # fmt: skip
ENDS = Kind(
    "a list of two finite numbers", "[0.8, 1.2]",
    lambda v: isinstance(v, list) and len(v) == 2 and all(map(_is_number, v)),
    {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2},
)  # fmt: skip
DISHES = Kind("'dishes'", "'dishes'", lambda v: v == "dishes", {"enum": ["dishes"]})
COUNTS = Kind(
    "a list of whole numbers that rise, 1 or more", "[1, 2, 4]",
    lambda v: (
        isinstance(v, list)
        and len(v) > 0
        and all(type(n) is int and n >= 1 for n in v)
        and v == sorted(set(v))
    ),
    {"type": "array", "items": {"type": "integer", "minimum": 1}, "minItems": 1,
     "uniqueItems": True},
)  # fmt: skip
STATUS = Kind(
    f"one of {', '.join(Status)}", f"'{Status.PREDICTED}'",
    lambda v: isinstance(v, str) and v in list(Status), _one_of(tuple(Status)),
)  # fmt: skip
SAMPLE = Kind(
    f"one of {', '.join(Sample)}", f"'{Sample.DISH}'",
    lambda v: isinstance(v, str) and v in list(Sample), _one_of(tuple(Sample)),
)  # fmt: skip


def _tables(form: str) -> Kind:
    return Kind("a table", "{ NAME = ... }", _is_table, _named(form))


def _list(form: str, **further: int) -> Kind:
    least = further.get("minItems", 0)
    words = "a list of one or more tables" if least else "a list of tables"
    return Kind(
        words, "[{ KEY = ... }]", lambda v: isinstance(v, list) and len(v) >= least,
        _list_of(form, **further),
    )  # fmt: skip


def _table(form: str) -> Kind:
    return Kind("a table", "{ NAME = ... }", _is_table, {"$ref": f"#/$defs/{form}"})


ANY = Kind("a value", "1", lambda _: True, {})
TABLE = Kind("a table", "{ NAME = ... }", _is_table, {"type": "object"})


@dataclass(frozen=True)
class Form:
    """The keys that a table has.

    Parameters
    ----------
    needed, further : mapping of str to Kind
        Keys that must be there, and that may be.
    each : Kind, optional
        Of all other keys, which are names; None if there are none.
    """

    needed: Mapping[str, Kind] = field(default_factory=dict)
    further: Mapping[str, Kind] = field(default_factory=dict)
    each: Kind | None = None


STATEMENT = Form(
    {"text": TEXT, "condition": TEXT, "quantity": TEXT},
    {
        "of": TEXT, "time": TEXT, "statistic": STATISTIC, "reference": TEXT, "reference_time": TEXT,
        "against": TEXT, "above": NUMBER, "below": NUMBER, "test": TEST, "over": DISHES,
        "p_below": P, "p_from": P, "p_printed": P, "value": NUMBER, "interval": ENDS,
        "digitised_by": TEXT,
    },
)  # fmt: skip
CLAIM = Form(
    {"id": ID, "statements": _list("statement", minItems=1)},
    {
        "says": SAYS, "status": STATUS, "source": TEXT, "test": TEXT, "null": FLAG,
        "by_construction": TEXTS, "detects": TEXT, "law_chosen_by": FLAG,
    },
)  # fmt: skip
CONDITION = Form(
    {"label": TEXT, "observation": TEXT},
    {
        "model": TEXT, "times": TEXTS, "settings": TEXTS, "replicates": COUNT, "donors": FLAG,
        "null": TEXT,
    },
)  # fmt: skip
CALIBRATION = Form(
    {"name": TEXT, "free": TEXTS},
    {"claims": TEXTS, "predicts": TEXTS, "half_dose": TEXTS, "half_dose_source": TEXT},
)
VIEWS = Form(each=COUNTS)
SETTINGS = Form(each=TEXTS)
PAPER = Form(
    {},
    {
        "citation": TEXT, "replicates": COUNT, "settings": _table("settings"),
        "views": _table("views"), "joint": TEXTS, "calibration": _list("calibration"),
        "condition": _tables("condition"), "claim": _list("claim"),
    },
)  # fmt: skip
DENSITY_RATIO = Form({"counts": TEXT, "areas": TEXT, "base": TEXT})
QUANTITY = Form(
    {"unit": TEXT, "sample": SAMPLE}, {"of": TEXTS, "density_ratio": _table("density_ratio")}
)
OBSERVATION = Form({"quantity": _tables("quantity")}, {"timed": FLAG})
FILE = Form(
    {}, {"schema": COUNT, "observation": _tables("observation")}, each=_table("paper")
)  # fmt: skip
FORMS: Mapping[str, Form] = {
    "paper": PAPER, "condition": CONDITION, "claim": CLAIM, "statement": STATEMENT,
    "views": VIEWS, "settings": SETTINGS, "calibration": CALIBRATION,
    "observation": OBSERVATION, "quantity": QUANTITY, "density_ratio": DENSITY_RATIO,
}  # fmt: skip
"""Tables within a file, by their names in the JSON Schema."""
LEFT_OUT = Form(
    {"explained": CHANCE, "direction": CHANCE, "reported": CHANCE, "prior": CHANCE, "size": SIZE}
)
"""Of a file of recorded predictions."""
NAMED = Form(each=TABLE)
"""Tables by name, such as conditions."""


class Table:
    """A TOML table of a form, and its place in the file.

    Parameters
    ----------
    where : str
        Begin of messages.
    table : object
    form : Form

    Raises
    ------
    InputError
        If it is no table, has a key that the form lacks, lacks one that it needs, or has a value
        of another kind.
    """

    def __init__(self, where: str, table: Any, form: Form) -> None:
        self.where = where
        if not isinstance(table, dict):
            raise InputError(
                f"{where}: must be a table, not {table!r}. Write it like {TABLE.example}."
            )
        self._table = table
        known = {**form.needed, **form.further}
        for key, value in table.items():
            kind = known.get(key, form.each)
            if kind is None:
                self.refuse(f"{key}: unknown key. Take it out.")
            if not kind.fits(value):
                self.refuse(
                    f"{key}: must be {kind.words}, not {value!r}. "
                    f"Write it like {key} = {kind.example}."
                )
        for key in form.needed:
            if key not in table:
                self.refuse(f"{key}: missing. Add it.")

    def __iter__(self) -> Iterator[str]:
        return iter(self._table)

    def __getitem__(self, key: str) -> Any:
        """Value of a key; None if it is not there."""
        return self._table.get(key)

    def refuse(self, reason: str) -> NoReturn:
        """Raise InputError for a reason with its remedy."""
        raise InputError(f"{self.where}: {reason}")

    def choice(self, what: str, name: str, known: Mapping[str, T]) -> T:
        """Value of a name that must be known."""
        if name not in known:
            self.refuse(f"unknown {what} '{name}'. {suggestion(name, list(known))}")
        return known[name]
