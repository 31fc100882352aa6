"""What papers report, as data: conditions that were compared, and claims made of statements."""

import math
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sdf1_field.errors import InputError
from sdf1_field.observations import OBSERVATIONS, Quantity, Sample
from sdf1_field.reproduce.statistics import OF_CELLS, OF_SHARES, STATISTICS, TESTS
from sdf1_field.shipped import model_names, shipped_folder
from sdf1_field.spec import load_model, suggestion
from sdf1_field.units import parse

P = Annotated[float, Field(gt=0.0, le=1.0)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _Statement(_Strict):
    text: str
    condition: str
    quantity: str
    of: str = ""
    time: str | None = None
    statistic: str = "mean"
    reference: str | None = None
    reference_time: str | None = None
    against: str | None = None
    above: float | None = None
    below: float | None = None
    test: str | None = None
    over: Literal["dishes"] | None = None
    p_below: P | None = None
    p_from: P | None = None
    value: float | None = None
    interval: Annotated[list[float], Field(min_length=2, max_length=2)] | None = None
    digitised_by: str | None = None


class _Condition(_Strict):
    label: str
    model: str
    observation: str
    times: list[str] = []
    settings: list[str] = []
    donors: bool = False
    dishes: Annotated[int, Field(ge=1)] | None = None
    null: str | None = None


class _Claim(_Strict):
    id: str
    says: str = ""
    fitted: bool = False
    source: str = ""
    test: str = ""
    null: bool = True
    put_in: list[str] = []
    statements: Annotated[list[_Statement], Field(min_length=1)]


class _Paper(_Strict):
    citation: str = ""
    dishes: Annotated[int, Field(ge=1)] | None = None
    settings: dict[str, list[str]] = {}
    quick: dict[str, list[str]] = {}
    condition: dict[str, _Condition] = {}
    claim: list[_Claim] = []


@dataclass(frozen=True)
class Condition:
    """One of a paper's conditions.

    Parameters
    ----------
    label, model, observation : str
        What a reader calls it; shipped name or file; a key of `OBSERVATIONS`.
    times : tuple of float
        When dishes are read [s].
    settings : tuple of str
        ``KEY=VALUE`` each.
    dishes : int
        In one experiment.
    donors : bool
        Whether the dishes are of the experiment's donors, the same in all such conditions.
    null : str or None
        Condition that takes its place where nothing is in the model that claims speak of.
    """

    label: str
    model: str
    observation: str
    times: tuple[float, ...]
    settings: tuple[str, ...]
    dishes: int
    donors: bool
    null: str | None


@dataclass(frozen=True)
class Statement:
    """One number that a claim speaks of, where it must lie, and by which test.

    Parameters
    ----------
    text : str
        What it is about, beside the claim's own words.
    condition, reference : str
        Of the paper; the reference is None where there is nothing to compare with.
    quantity, of : str
        What is read, and of which region or ligand.
    time, reference_time : float or None
        When [s]; None for quantities that are read once.
    statistic, test : str
        Keys of `STATISTICS` and `TESTS`; no test is None.
    against : str or None
        Second quantity of the same cells, of a rank correlation.
    over_dishes : bool
        Whether the test takes a dish's mean as one value, instead of each cell's.
    above, below : float
        Open interval in which the effect must lie; infinite where a side is open.
    p_below, p_from : float or None
        What the test must give.
    value, digitised_by
        Of a figure, by a user; the interval is then ``above`` to ``below``.
    """

    text: str
    condition: str
    quantity: str
    of: str
    time: float | None
    statistic: str
    reference: str | None
    reference_time: float | None
    against: str | None
    above: float
    below: float
    test: str | None
    over_dishes: bool
    p_below: float | None
    p_from: float | None
    value: float | None = None
    digitised_by: str | None = None

    @property
    def directed(self) -> bool:
        """Whether the effect must lie somewhere."""
        return self.above > -float("inf") or self.below < float("inf")

    def expected(self) -> str:
        """Where effect and p must lie, in words.

        Examples
        --------
        "below 1, p < 0.05"
        """
        low, high = self.above > -float("inf"), self.below < float("inf")
        parts = []
        if low and high:
            parts.append(f"{self.above:g} to {self.below:g}")
        elif low or high:
            parts.append(f"above {self.above:g}" if low else f"below {self.below:g}")
        if self.p_below is not None:
            parts.append(f"p < {self.p_below:g}")
        if self.p_from is not None:
            parts.append(f"p >= {self.p_from:g}")
        return ", ".join(parts)


@dataclass(frozen=True)
class Claim:
    """One thing a paper reports: all of its statements together.

    Parameters
    ----------
    id, says, source, test : str
        The test in the paper's words; empty if it names none.
    fitted : bool
        Whether parameters may be, and were, fitted to it; else it is predicted.
    against_null : bool
        Whether chance alone could make an experiment say it, so that the null model is asked.
    put_in : tuple of str
        Parameters and rules of which (part of) what it says is a direct consequence.
    statements : tuple of Statement
    """

    id: str
    says: str
    source: str
    test: str
    fitted: bool
    against_null: bool
    put_in: tuple[str, ...]
    statements: tuple[Statement, ...]


@dataclass(frozen=True)
class Paper:
    """A paper's conditions and claims."""

    name: str
    citation: str
    conditions: Mapping[str, Condition]
    claims: tuple[Claim, ...]

    def only(self, ids: tuple[str, ...]) -> "Paper":
        """The paper with some of its claims.

        Raises
        ------
        InputError
            If one of them is unknown.
        """
        known = [claim.id for claim in self.claims]
        for one in ids:
            if one not in known:
                raise InputError(f"{self.name}: unknown claim '{one}'. {suggestion(one, known)}")
        return replace(self, claims=tuple(c for c in self.claims if c.id in ids))


def load_paper(name: str, *, targets: Path | None = None, quick: bool = False) -> Paper:
    """Conditions and claims of a paper, with what a user adds.

    Parameters
    ----------
    name : str
    targets : Path, optional
        File in the form of the shipped one. Its conditions and claims are added; a claim that is
        there already gets further statements, which give the ``value`` of a figure, its
        ``interval`` and ``digitised_by``.
    quick : bool
        With the coarser numbers that the paper's targets have for a quick look.

    Raises
    ------
    InputError
        If the paper is unknown, or its claims name what does not exist.
    """
    shipped = shipped_folder("validation") / "targets.toml"
    papers = _read(shipped)
    if name not in papers:
        raise InputError(f"unknown paper '{name}'. Known: {', '.join(sorted(papers))}.")
    own = _parsed(shipped.name, name, papers[name])
    settings = {
        key: [*own.settings.get(key, ()), *(own.quick.get(key, ()) if quick else ())]
        for key in OBSERVATIONS
    }
    paper = _paper(shipped.name, name, own, Paper(name, own.citation, {}, ()), settings, own.dishes)
    if targets is None:
        return paper
    further = _read(targets)
    for other in further:
        if other not in papers:
            raise InputError(
                f"{targets}: unknown paper '{other}'. Known: {', '.join(sorted(papers))}."
            )
    added = _parsed(str(targets), name, further.get(name, {}))
    if added.citation or added.quick:
        raise InputError(
            f"{targets}: {name}: citation and quick are the shipped ones. Leave them out."
        )
    both = {key: [*settings[key], *added.settings.get(key, ())] for key in OBSERVATIONS}
    whole = _paper(str(targets), name, added, paper, both, own.dishes)
    for key in added.condition:
        condition = whole.conditions[key]
        try:
            load_model(condition.model, settings=condition.settings)
        except InputError as error:
            reason = str(error).removeprefix("--set: ")
            raise InputError(f"{targets}: {name}.condition.{key}: {reason}") from None
    return whole


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InputError(f"{path}: {reason}. Check --targets.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: {error}. Mend the TOML.") from None


def _parsed(file: str, name: str, table: Any) -> _Paper:
    try:
        return _Paper.model_validate(table)
    except ValidationError as error:
        problems = sorted(error.errors(), key=lambda e: e["type"] != "extra_forbidden")
        first = problems[0]
        at = ".".join(str(part) for part in (name, *first["loc"]))
        if first["type"] == "extra_forbidden":
            raise InputError(f"{file}: {at}: unknown key. Take it out.") from None
        if first["type"] == "missing":
            raise InputError(f"{file}: {at}: missing. Add it.") from None
        raise InputError(
            f"{file}: {at}: {first['input']!r} will not do: {first['msg'].lower()}. Mend it."
        ) from None


def _paper(
    file: str,
    name: str,
    own: _Paper,
    base: Paper,
    settings: Mapping[str, list[str]],
    dishes: int | None,
) -> Paper:
    """The base with what a file says of the paper."""
    conditions = dict(base.conditions)
    for key in (*own.settings, *own.quick):
        if key not in OBSERVATIONS:
            raise _unknown(f"{file}: {name}.settings", "observation", key, OBSERVATIONS)
    for key, c in own.condition.items():
        where = f"{file}: {name}.condition.{key}"
        if key in conditions:
            raise InputError(f"{where}: exists already. Give it another name.")
        conditions[key] = _condition(where, c, own.dishes or dishes or 1, settings)
    for key, condition in conditions.items():
        if condition.null is not None and condition.null not in conditions:
            raise _unknown(
                f"{file}: {name}.condition.{key}", "condition", condition.null, conditions
            )
    if len({condition.dishes for condition in conditions.values() if condition.donors}) > 1:
        raise InputError(
            f"{file}: {name}: conditions with donors differ in their number of dishes, so none "
            "can be paired. Give them the same."
        )
    claims = {claim.id: claim for claim in base.claims}
    for one in own.claim:
        where = f"{file}: {name}: {one.id}"
        statements = tuple(
            _statement(f"{where}: statement {n}", s, conditions)
            for n, s in enumerate(one.statements, start=1)
        )
        if one.id in claims:
            if any(s.value is None for s in statements):
                raise InputError(
                    f"{where}: exists already. Further statements need a value, an interval and "
                    "digitised_by; a claim of your own needs another id."
                )
            before = claims[one.id]
            claims[one.id] = replace(before, statements=(*before.statements, *statements))
            continue
        claims[one.id] = Claim(
            id=one.id,
            says=one.says,
            source=one.source,
            test=one.test,
            fitted=one.fitted,
            against_null=one.null,
            put_in=tuple(one.put_in),
            statements=statements,
        )
    for claim in claims.values():
        if claim.against_null:
            for key in _conditions_of(claim):
                if conditions[key].null is None:
                    raise InputError(
                        f"{file}: {name}: {claim.id}: condition '{key}' has no null. Give it one, "
                        "or write null = false in the claim."
                    )
    return Paper(name, base.citation, conditions, tuple(claims.values()))


def _conditions_of(claim: Claim) -> Iterator[str]:
    for s in claim.statements:
        yield s.condition
        if s.reference is not None:
            yield s.reference


def _condition(
    where: str, c: _Condition, dishes: int, settings: Mapping[str, list[str]]
) -> Condition:
    if c.observation not in OBSERVATIONS:
        raise _unknown(where, "observation", c.observation, OBSERVATIONS)
    if c.model not in model_names() and not Path(c.model).is_file():
        raise InputError(
            f"{where}: unknown model '{c.model}'. {suggestion(c.model, model_names())}"
        )
    try:
        times = tuple(parse(t, "time") for t in c.times)
    except ValueError as error:
        raise InputError(f"{where}: times: {error}") from None
    if not times and c.observation != "tracks":
        raise InputError(f"{where}: times: missing. Say when dishes are read.")
    if list(times) != sorted(set(times)):
        raise InputError(f"{where}: times: they do not rise. Sort them.")
    return Condition(
        label=c.label,
        model=c.model,
        observation=c.observation,
        times=times,
        settings=(*settings.get(c.observation, ()), *c.settings),
        dishes=c.dishes or dishes,
        donors=c.donors,
        null=c.null,
    )


def _unknown(where: str, what: str, name: str, known: Mapping[str, Any]) -> InputError:
    return InputError(f"{where}: unknown {what} '{name}'. {suggestion(name, list(known))}")


def _statement(where: str, s: _Statement, conditions: Mapping[str, Condition]) -> Statement:
    for key in (s.condition, s.reference):
        if key is not None and key not in conditions:
            raise _unknown(where, "condition", key, conditions)
    if s.statistic not in STATISTICS:
        raise _unknown(where, "statistic", s.statistic, STATISTICS)
    if s.test is not None and s.test not in TESTS:
        raise _unknown(where, "test", s.test, TESTS)
    condition = conditions[s.condition]
    quantity = _quantity(where, s.quantity, condition)
    if s.of not in (quantity.of or ("",)):
        raise InputError(f"{where}: of '{s.of}' of {s.quantity}. Known: {', '.join(quantity.of)}.")
    if s.against is not None and s.of not in (_quantity(where, s.against, condition).of or ("",)):
        raise InputError(f"{where}: against '{s.against}': it is not of '{s.of}'. Take another.")
    _check_expected(where, s)
    time = _time(where, s.time, condition)
    reference, reference_time = s.reference, None
    statistic = STATISTICS[s.statistic]
    if statistic.compares or s.reference is not None or s.reference_time is not None:
        reference = s.reference or s.condition
        there = conditions[reference]
        _quantity(where, s.quantity, there)
        wanted = s.reference_time
        if wanted is None and s.time is not None and time in there.times:
            wanted = s.time
        reference_time = _time(where, wanted, there)
        if (reference, reference_time) == (s.condition, time):
            raise InputError(f"{where}: nothing to compare with. Add a reference.")
    if s.statistic == "rank correlation" and s.against is None:
        raise InputError(f"{where}: a rank correlation of one quantity. Add against.")
    if quantity.sample not in statistic.samples:
        fitting = [name for name, one in STATISTICS.items() if quantity.sample in one.samples]
        raise InputError(
            f"{where}: statistic '{s.statistic}' of {s.quantity}, which is read by "
            f"{quantity.sample}. Use one of: {', '.join(fitting)}."
        )
    by_dish = s.over is not None or quantity.sample is not Sample.CELLS
    if s.test is not None and (
        (s.test in OF_SHARES and (quantity.sample is not Sample.SHARE or s.over is not None))
        or (s.test in OF_CELLS and (s.against is None or s.over is not None))
        or (s.test == "paired t" and not by_dish)
    ):
        raise InputError(f"{where}: test '{s.test}' of {s.quantity}. Take another, or other units.")
    above, below = s.above, s.below
    if s.value is not None:
        if s.interval is None or s.digitised_by is None:
            raise InputError(f"{where}: a value needs interval and digitised_by. Add them.")
        if not s.interval[0] < s.interval[1]:
            raise InputError(f"{where}: interval: its lower end comes first. Turn it round.")
        if not s.interval[0] <= s.value <= s.interval[1]:
            raise InputError(f"{where}: the value {s.value:g} lies outside of its interval.")
        above, below = s.interval
    return Statement(
        text=s.text,
        condition=s.condition,
        quantity=s.quantity,
        of=s.of,
        time=time,
        statistic=s.statistic,
        reference=reference,
        reference_time=reference_time,
        against=s.against,
        above=-float("inf") if above is None else above,
        below=float("inf") if below is None else below,
        test=s.test,
        over_dishes=s.over is not None,
        p_below=s.p_below,
        p_from=s.p_from,
        value=s.value,
        digitised_by=s.digitised_by,
    )


def _check_expected(where: str, s: _Statement) -> None:
    """Refuse a statement that asks for nothing, or for what cannot be."""
    for bound in (s.above, s.below, s.value, *(s.interval or ())):
        if bound is not None and not math.isfinite(bound):
            raise InputError(f"{where}: {bound} is no bound. Leave it out.")
    if s.above is not None and s.below is not None and not s.above < s.below:
        raise InputError(f"{where}: nothing is above {s.above:g} and below {s.below:g}. Mend them.")
    asks_p = s.p_below is not None or s.p_from is not None
    if asks_p and s.test is None:
        raise InputError(f"{where}: a p without a test. Name it: {', '.join(TESTS)}.")
    if s.test is not None and not asks_p:
        raise InputError(f"{where}: a test that must give nothing. Add p_below or p_from.")
    if not asks_p and s.above is None and s.below is None and s.value is None:
        raise InputError(f"{where}: it asks for nothing. Add above, below, or a test and its p.")
    alone = s.reference is None and s.reference_time is None
    if s.test is not None and s.against is None and alone:
        raise InputError(f"{where}: test '{s.test}' with nothing to compare. Add a reference.")


def _quantity(where: str, name: str, condition: Condition) -> Quantity:
    known = OBSERVATIONS[condition.observation].quantities
    if name not in known:
        raise _unknown(where, "quantity", name, known)
    return known[name]


def _time(where: str, text: str | None, condition: Condition) -> float | None:
    if not condition.times:
        return None
    if text is None:
        return condition.times[-1]
    try:
        time = parse(text, "time")
    except ValueError as error:
        raise InputError(f"{where}: {error}") from None
    if time not in condition.times:
        raise InputError(f"{where}: {condition.label} is not read at {text}. Add it to its times.")
    return time
