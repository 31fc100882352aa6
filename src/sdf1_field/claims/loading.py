"""Conditions and claims of a paper, read from the shipped targets and a user's own file.

Each table is read with the type of every key, then checked against the models, conditions,
quantities, statistics and tests that it names. Recorded leave-one-out predictions are read beside
the shipped targets.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Generic, NoReturn, TypeVar

from sdf1_field.claims.effects import OF_CELLS, OF_SHARES, STATISTICS, TESTS
from sdf1_field.claims.readings import Observable, Quantity, Sample
from sdf1_field.claims.targets import (
    INFINITY,
    Calibration,
    Claim,
    Condition,
    LeaveOneOut,
    Paper,
    Statement,
    Status,
)
from sdf1_field.errors import InputError
from sdf1_field.shipped import model_names, shipped_folder
from sdf1_field.spec import load_model, read_toml, suggestion
from sdf1_field.units import parse

Observables = Mapping[str, Observable]
"""Kinds of observation, by their names in a targets file."""

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True)
class _Kind(Generic[T_co]):
    """A type of TOML value: in words, as an example, and as a test."""

    words: str
    example: str
    fits: Callable[[Any], bool]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


_TEXT: _Kind[str] = _Kind("a string", "'...'", lambda v: isinstance(v, str))
_ID: _Kind[str] = _Kind(
    "a name for files, without slashes", "'MINE-1'",
    lambda v: isinstance(v, str) and bool(v.strip(". ")) and not {*"/\\\0"} & {*v},
)  # fmt: skip
_FLAG: _Kind[bool] = _Kind("true or false", "true", lambda v: isinstance(v, bool))
_COUNT: _Kind[int] = _Kind("a whole number, 1 or more", "3", lambda v: type(v) is int and v >= 1)
_NUMBER: _Kind[float] = _Kind("a finite number", "1.5", _is_number)
_P: _Kind[float] = _Kind(
    "above 0 and at most 1", "0.05", lambda v: _is_number(v) and 0.0 < v <= 1.0
)
_CHANCE: _Kind[float] = _Kind(
    "a number from 0 to 1", "0.5", lambda v: _is_number(v) and 0.0 <= v <= 1.0
)
_SIZE: _Kind[float] = _Kind("0 or more", "9400.0", lambda v: _is_number(v) and v >= 0.0)
_TEXTS: _Kind[list[str]] = _Kind("a list of strings", "['...', '...']", _is_texts)
_ENDS: _Kind[list[float]] = _Kind(
    "a list of two finite numbers",
    "[0.8, 1.2]",
    lambda v: isinstance(v, list) and len(v) == 2 and all(map(_is_number, v)),
)
_DISHES: _Kind[str] = _Kind("'dishes'", "'dishes'", lambda v: v == "dishes")
_COUNTS: _Kind[list[int]] = _Kind(
    "a list of whole numbers that rise, 1 or more",
    "[1, 2, 4]",
    lambda v: (
        isinstance(v, list)
        and len(v) > 0
        and all(type(n) is int and n >= 1 for n in v)
        and v == sorted(set(v))
    ),
)
_STATUS: _Kind[str] = _Kind(
    f"one of {', '.join(Status)}", f"'{Status.PREDICTED}'", lambda v: v in list(Status)
)
_TABLE: _Kind[dict[str, Any]] = _Kind("a table", "{ NAME = ... }", lambda v: isinstance(v, dict))
_TABLES: _Kind[list[Any]] = _Kind(
    "a list of tables", "[{ KEY = ... }]", lambda v: isinstance(v, list)
)
_FILLED: _Kind[list[Any]] = _Kind(
    "a list of one or more tables", "[{ KEY = ... }]", lambda v: isinstance(v, list) and len(v) > 0
)


class _Table:
    """A TOML table, its place in the file, and the keys that it may have."""

    def __init__(self, where: str, table: Any, keys: tuple[str, ...] | None = None) -> None:
        self.where = where
        if not isinstance(table, dict):
            raise InputError(
                f"{where}: must be a table, not {table!r}. Write it like {_TABLE.example}."
            )
        self._table = table
        for key in table:
            if keys is not None and key not in keys:
                self.refuse(f"{key}: unknown key. Take it out.")

    def __iter__(self) -> Iterator[str]:
        return iter(self._table)

    def refuse(self, reason: str) -> NoReturn:
        """Raise InputError for a reason with its remedy."""
        raise InputError(f"{self.where}: {reason}")

    def take(self, key: str, kind: _Kind[T]) -> T:
        """Value of a key that must be there."""
        found = self.given(key, kind)
        if found is None:
            self.refuse(f"{key}: missing. Add it.")
        return found

    def given(self, key: str, kind: _Kind[T]) -> T | None:
        """Value of a key, or None if it is not there."""
        value: Any = self._table.get(key)
        if value is not None and not kind.fits(value):
            self.refuse(
                f"{key}: must be {kind.words}, not {value!r}. Write it like {key} = {kind.example}."
            )
        return value  # type: ignore[no-any-return]

    def choice(self, what: str, name: str, known: Mapping[str, T]) -> T:
        """Value of a name that must be known."""
        if name not in known:
            self.refuse(f"unknown {what} '{name}'. {suggestion(name, list(known))}")
        return known[name]


@dataclass(frozen=True)
class _Source:
    """One paper's part of a targets file.

    Parameters
    ----------
    where : str
        File and paper.
    table : _Table
    common : _Common
    """

    where: str
    table: _Table
    common: "_Common"


@dataclass(frozen=True)
class _Common:
    """What conditions of a paper share, by kind of observation.

    Parameters
    ----------
    settings : mapping of str to list of str
        ``KEY=VALUE``.
    views : mapping of str to list of int
        Numbers of views that a replicate may be the sum of.
    replicates : int
    """

    settings: Mapping[str, list[str]]
    views: Mapping[str, list[int]]
    replicates: int

    def with_those_of(self, other: "_Common") -> "_Common":
        """Settings of both, and the other's views and replicates where it has some."""
        settings = {key: [*own, *other.settings[key]] for key, own in self.settings.items()}
        return _Common(settings, {**self.views, **other.views}, other.replicates)


_PAPER = (
    "citation", "replicates", "settings", "views", "joint", "calibration", "condition", "claim",
)  # fmt: skip
_CALIBRATION = ("name", "claims", "predicts", "free", "half_dose", "half_dose_source")
_CONDITION = ("label", "model", "observation", "times", "settings", "replicates", "donors", "null")
_CLAIM = (
    "id", "says", "status", "source", "test", "null", "by_construction", "statements", "detects",
    "law_chosen_by",
)  # fmt: skip
_LEFT_OUT = ("explained", "direction", "reported", "prior", "size")
_STATEMENT = (
    "text", "condition", "quantity", "of", "time", "statistic", "reference", "reference_time",
    "against", "above", "below", "test", "over", "p_below", "p_from", "p_printed", "value",
    "interval", "digitised_by",
)  # fmt: skip


def load_paper(name: str, observations: Observables, *, targets: Path | None = None) -> Paper:
    """Conditions and claims of a paper, with those that a user adds.

    Parameters
    ----------
    name : str
    observations : mapping of str to Observable
        Kinds of observation that conditions may name.
    targets : Path, optional
        File in the form of the shipped one. Its conditions and claims are added; a claim that is
        there already gets further statements, which give the ``value`` of a figure, its
        ``interval`` and ``digitised_by``.

    Raises
    ------
    InputError
        If the paper is unknown, or its claims name something that does not exist.
    """
    shipped = shipped_folder("validation") / "targets.toml"
    papers = read_toml(shipped, str(shipped), "Reinstall sdf1-field.")
    if name not in papers:
        raise InputError(f"unknown paper '{name}'. Known: {', '.join(sorted(papers))}.")
    own = _source(shipped.name, name, papers[name], observations)
    citation = own.table.given("citation", _TEXT) or ""
    joint = tuple(own.table.given("joint", _TEXTS) or ())
    paper = _added(Paper(name, citation, {}, (), joint), own, own.common, observations)
    for one in joint:
        own.table.choice("claim", one, {claim.id: claim for claim in paper.claims})
    known = {claim.id: claim for claim in paper.claims}
    paper = replace(
        paper,
        calibrations=tuple(
            _calibration(_Table(f"{own.where}.calibration.{n}", table, _CALIBRATION), known)
            for n, table in enumerate(own.table.given("calibration", _TABLES) or [])
        ),
    )
    paper = with_predictions(paper, shipped.with_name("predictions.toml"), papers)
    if targets is None:
        return paper
    further = read_toml(targets, str(targets), "Check --targets.")
    for other in further:
        if other not in papers:
            raise InputError(
                f"{targets}: unknown paper '{other}'. Known: {', '.join(sorted(papers))}."
            )
    more = _source(str(targets), name, further.get(name, {}), observations, own.common.replicates)
    for key in ("citation", "joint", "calibration"):
        if key in more.table:
            raise InputError(f"{more.where}: {key}: the shipped one holds. Leave it out.")
    whole = _added(paper, more, own.common.with_those_of(more.common), observations)
    for key, condition in whole.conditions.items():
        if key in paper.conditions:
            continue
        try:
            load_model(condition.model, settings=condition.settings)
        except InputError as error:
            reason = str(error).removeprefix("--set: ")
            raise InputError(f"{targets}: {name}.condition.{key}: {reason}") from None
    return whole


def with_predictions(paper: Paper, path: Path, papers: Iterable[str]) -> Paper:
    """The paper with the leave-one-out predictions of its claims that a file records.

    Parameters
    ----------
    paper : Paper
    path : Path
        TOML, with a table for each claim.
    papers : iterable of str
        Names of all papers that the file may have tables for.

    Raises
    ------
    InputError
        If a paper, a claim or a key is unknown, a key is missing, or a number is not a chance.
    """
    recorded = _Table(str(path), read_toml(path, str(path), "Reinstall sdf1-field."))
    known = {one: one for one in papers}
    for name in recorded:
        recorded.choice("paper", name, known)
    own = _Table(f"{path}: {paper.name}", recorded.given(paper.name, _TABLE) or {})
    claims = {claim.id: claim for claim in paper.claims}
    for one in own:
        claim = own.choice("claim", one, claims)
        table = _Table(f"{own.where}: {one}", own.take(one, _TABLE), _LEFT_OUT)
        left_out = LeaveOneOut(
            explained=table.take("explained", _CHANCE),
            direction=table.take("direction", _CHANCE),
            reported=table.take("reported", _CHANCE),
            prior=table.take("prior", _CHANCE),
            size=table.take("size", _SIZE),
        )
        claims[one] = replace(claim, left_out=left_out)
    return replace(paper, claims=tuple(claims.values()))


def _source(
    file: str, name: str, table: Any, observations: Observables, replicates: int = 1
) -> _Source:
    own = _Table(f"{file}: {name}", table, _PAPER)

    def by_observation(key: str, kind: _Kind[T]) -> dict[str, T]:
        given = _Table(f"{own.where}.{key}", own.given(key, _TABLE) or {})
        for one in given:
            given.choice("observation", one, observations)
        return {one: given.take(one, kind) for one in given}

    settings = {key: list[str]() for key in observations} | by_observation("settings", _TEXTS)
    common = _Common(
        settings,
        by_observation("views", _COUNTS),
        own.given("replicates", _COUNT) or replicates,
    )
    return _Source(own.where, own, common)


def _added(base: Paper, own: _Source, common: _Common, observations: Observables) -> Paper:
    """The base with a file's conditions and claims."""
    conditions = dict(base.conditions)
    for key, table in (own.table.given("condition", _TABLE) or {}).items():
        one = _Table(f"{own.where}.condition.{key}", table, _CONDITION)
        if key in conditions:
            one.refuse("exists already. Give it another name.")
        conditions[key] = _condition(one, common, observations)
    for key, condition in conditions.items():
        if condition.null is not None:
            place = _Table(f"{own.where}.condition.{key}", {})
            place.choice("condition", condition.null, conditions)
    if len({(c.replicates, c.views) for c in conditions.values() if c.donors}) > 1:
        own.table.refuse(
            "conditions with donors differ in replicates or views, so none can be paired. "
            "Give them the same."
        )
    claims = {claim.id: claim for claim in base.claims}
    for n, table in enumerate(own.table.given("claim", _TABLES) or []):
        one = _Table(f"{own.where}.claim.{n}", table, _CLAIM)
        one.where = f"{own.where}: {one.take('id', _TEXT)}"
        claim = _claim(one, conditions, observations)
        before = claims.get(claim.id)
        if before is not None:
            if any(s.value is None for s in claim.statements):
                one.refuse(
                    "exists already. Further statements need a value, an interval and "
                    "digitised_by; a claim of your own needs another id."
                )
            # What is recorded is about the claim without what a user has read.
            both = (*before.statements, *claim.statements)
            claim = replace(before, statements=both, left_out=None)
        elif not claim.says:
            one.refuse("says: missing. Add it.")
        claims[claim.id] = claim
    for claim in claims.values():
        if claim.detects:
            own.table.choice("claim", claim.detects, claims)
        for key in claim.conditions if claim.against_null else ():
            if conditions[key].null is None:
                own.table.refuse(
                    f"{claim.id}: condition '{key}' has no null. Give it one, or write "
                    "null = false in the claim."
                )
    return replace(base, conditions=conditions, claims=tuple(claims.values()))


def _calibration(own: _Table, known: Mapping[str, Claim]) -> Calibration:
    claims, predicts = (tuple(own.given(key, _TEXTS) or ()) for key in ("claims", "predicts"))
    for one in (*claims, *predicts):
        own.choice("claim", one, known)
    doses = tuple(own.given("half_dose", _TEXTS) or ())
    if len(doses) not in {0, 2}:
        own.refuse('half_dose: needs two ends. Write it like ["10 ng/mL", "300 ng/mL"].')
    return Calibration(
        own.take("name", _TEXT), claims, predicts, tuple(own.take("free", _TEXTS)), doses
    )


def _condition(own: _Table, common: _Common, observations: Observables) -> Condition:
    name, model = own.take("observation", _TEXT), own.take("model", _TEXT)
    observation = own.choice("observation", name, observations)
    if model not in model_names() and not Path(model).is_file():
        own.refuse(f"unknown model '{model}'. {suggestion(model, model_names())}")
    try:
        times = tuple(parse(t, "time") for t in own.given("times", _TEXTS) or ())
    except ValueError as error:
        own.refuse(f"times: {error}")
    if not times and observation.timed:
        own.refuse("times: missing. Say when dishes are read.")
    if list(times) != sorted(set(times)):
        own.refuse("times: they do not rise. Sort them.")
    return Condition(
        label=own.take("label", _TEXT),
        model=model,
        observation=name,
        times=times,
        settings=(*common.settings[name], *(own.given("settings", _TEXTS) or ())),
        replicates=own.given("replicates", _COUNT) or common.replicates,
        views=tuple(common.views.get(name, (1,))),
        donors=own.given("donors", _FLAG) or False,
        null=own.given("null", _TEXT),
    )


def _claim(own: _Table, conditions: Mapping[str, Condition], observations: Observables) -> Claim:
    null = own.given("null", _FLAG)
    return Claim(
        id=own.take("id", _ID),
        says=own.given("says", _TEXT) or "",
        source=own.given("source", _TEXT) or "",
        test=own.given("test", _TEXT) or "",
        status=Status(own.given("status", _STATUS) or Status.PREDICTED),
        against_null=null is None or null,
        by_construction=tuple(own.given("by_construction", _TEXTS) or ()),
        statements=tuple(
            _statement(
                _Table(f"{own.where}: statement {n}", table, _STATEMENT), conditions, observations
            )
            for n, table in enumerate(own.take("statements", _FILLED), start=1)
        ),
        detects=own.given("detects", _TEXT) or "",
        law_chosen_by=own.given("law_chosen_by", _FLAG) or False,
    )


def _statement(
    own: _Table, conditions: Mapping[str, Condition], observations: Observables
) -> Statement:
    name, quantity_name = own.take("condition", _TEXT), own.take("quantity", _TEXT)
    reference = own.given("reference", _TEXT)
    condition = own.choice("condition", name, conditions)
    there = condition if reference is None else own.choice("condition", reference, conditions)
    statistic_name, test = own.given("statistic", _TEXT) or "mean", own.given("test", _TEXT)
    statistic = own.choice("statistic", statistic_name, STATISTICS)
    if test is not None:
        own.choice("test", test, TESTS)
    of, against = own.given("of", _TEXT) or "", own.given("against", _TEXT)
    quantity = _quantity(own, quantity_name, condition, observations)
    if of not in (quantity.of or ("",)):
        own.refuse(f"of '{of}' of {quantity_name}. Known: {', '.join(quantity.of)}.")
    if against is not None:
        second = _quantity(own, against, condition, observations)
        if of not in (second.of or ("",)):
            own.refuse(f"against '{against}': it is not of '{of}'. Take another.")
    time_text, reference_text = own.given("time", _TEXT), own.given("reference_time", _TEXT)
    alone = reference is None and reference_text is None
    above, below, value = _expected(own, alone=alone and against is None)
    time, reference_time = _time(own, time_text, condition), None
    if statistic.compares or not alone:
        reference = reference or name
        _quantity(own, quantity_name, there, observations)
        if reference_text is None and time_text is not None and time in there.times:
            reference_text = time_text
        reference_time = _time(own, reference_text, there)
        if (reference, reference_time) == (name, time):
            own.refuse("nothing to compare with. Add a reference.")
    if statistic_name == "rank correlation" and against is None:
        own.refuse("a rank correlation of one quantity. Add against.")
    if quantity.sample not in statistic.samples:
        fitting = [key for key, one in STATISTICS.items() if quantity.sample in one.samples]
        own.refuse(
            f"statistic '{statistic_name}' of {quantity_name}, which is read by "
            f"{quantity.sample}. Use one of: {', '.join(fitting)}."
        )
    over_dishes = own.given("over", _DISHES) is not None
    is_share = quantity.sample is Sample.SHARE
    by_dish = over_dishes or quantity.sample is not Sample.CELLS
    if (
        (test in OF_SHARES and (not is_share or over_dishes))
        or (test in OF_CELLS and (against is None or over_dishes))
        or (test == "paired t" and not by_dish)
    ):
        own.refuse(f"test '{test}' of {quantity_name}. Take another, or other units.")
    return Statement(
        text=own.take("text", _TEXT),
        condition=name,
        quantity=quantity_name,
        of=of,
        sample=quantity.sample,
        time=time,
        statistic=statistic_name,
        reference=reference,
        reference_time=reference_time,
        against=against,
        above=above,
        below=below,
        test=test,
        over_dishes=over_dishes,
        p_below=own.given("p_below", _P),
        p_from=own.given("p_from", _P),
        density_ratio=quantity.density_ratio,
        p_printed=own.given("p_printed", _P),
        value=value,
        digitised_by=own.given("digitised_by", _TEXT),
    )


def _expected(own: _Table, *, alone: bool) -> tuple[float, float, float | None]:
    """Bounds of a statement's effect, and the value read from a figure.

    Parameters
    ----------
    own : _Table
    alone : bool
        Whether the statement compares nothing.

    Raises
    ------
    InputError
        If the statement asks for nothing, or for something impossible.
    """
    above, below = own.given("above", _NUMBER), own.given("below", _NUMBER)
    if above is not None and below is not None and not above < below:
        own.refuse(
            f"nothing is above {above:g} and below {below:g}. Give above a value less than below."
        )
    test, value = own.given("test", _TEXT), own.given("value", _NUMBER)
    asks_p = any(own.given(key, _P) is not None for key in ("p_below", "p_from"))
    if asks_p and test is None:
        own.refuse(f"a p without a test. Name it: {', '.join(TESTS)}.")
    if test is not None and not asks_p:
        own.refuse("a test that must give nothing. Add p_below or p_from.")
    if not asks_p and above is None and below is None and value is None:
        own.refuse("it asks for nothing. Add above, below, or a test and its p.")
    if test is not None and alone:
        own.refuse(f"test '{test}' with nothing to compare. Add a reference.")
    ends = own.given("interval", _ENDS)
    if value is not None:
        if ends is None or own.given("digitised_by", _TEXT) is None:
            own.refuse("a value needs interval and digitised_by. Add them.")
        if not ends[0] < ends[1]:
            own.refuse("interval: its lower end comes first. Turn it round.")
        if not ends[0] <= value <= ends[1]:
            own.refuse(f"the value {value:g} lies outside of its interval.")
        above, below = ends
    return -INFINITY if above is None else above, INFINITY if below is None else below, value


def _quantity(own: _Table, name: str, condition: Condition, observations: Observables) -> Quantity:
    return own.choice("quantity", name, observations[condition.observation].quantities)


def _time(own: _Table, text: str | None, condition: Condition) -> float | None:
    """Time of a reading [s], the condition's last if none is given."""
    if not condition.times:
        return None
    if text is None:
        return condition.times[-1]
    try:
        time = parse(text, "time")
    except ValueError as error:
        own.refuse(str(error))
    if time not in condition.times:
        own.refuse(f"{condition.label} is not read at {text}. Add it to its times.")
    return time
