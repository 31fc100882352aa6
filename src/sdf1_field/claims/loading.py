"""Conditions and claims of a paper, read from the shipped targets and a user's own file.

Each table is read with the type of every key, then checked against the models, conditions,
quantities, statistics and tests that it names. Recorded leave-one-out predictions are read beside
the shipped targets.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sdf1_field.claims import forms
from sdf1_field.claims.effects import OF_CELLS, OF_SHARES, STATISTICS, TESTS
from sdf1_field.claims.forms import Table
from sdf1_field.claims.readings import DensityRatio, Observable, Quantity, Sample
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


@dataclass(frozen=True)
class _Source:
    """One paper's part of a targets file.

    Parameters
    ----------
    where : str
        File and paper.
    table : Table
    common : _Common
    """

    where: str
    table: Table
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


def load_paper(name: str, observations: Observables, *, targets: Path | None = None) -> Paper:
    """Conditions and claims of a paper that can be simulated, with those that a user adds.

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
    papers, _ = _file(shipped, shipped.name, "Reinstall sdf1-field.")
    if name not in papers:
        raise InputError(_unknown_paper(name, papers))
    own = _source(shipped.name, name, papers[name], observations)
    paper = _paper(own, name, observations)
    _require_models(own, paper)
    known = {claim.id: claim for claim in paper.claims}
    paper = replace(
        paper,
        calibrations=tuple(
            _calibration(Table(f"{own.where}.calibration.{n}", table, forms.CALIBRATION), known)
            for n, table in enumerate(own.table["calibration"] or [])
        ),
    )
    paper = with_predictions(paper, shipped.with_name("predictions.toml"), papers)
    if targets is None:
        return paper
    further, _ = _file(targets, str(targets), "Check --targets.")
    for other in further:
        if other not in papers:
            raise InputError(f"{targets}: {_unknown_paper(other, papers)}")
    more = _source(str(targets), name, further.get(name, {}), observations, own.common.replicates)
    for key in ("citation", "joint", "calibration"):
        if key in more.table:
            raise InputError(f"{more.where}: {key}: the shipped one holds. Leave it out.")
    whole = _added(paper, more, own.common.with_those_of(more.common), observations)
    _require_models(more, whole)
    for key, condition in whole.conditions.items():
        if key in paper.conditions:
            continue
        try:
            load_model(condition.model, settings=condition.settings)
        except InputError as error:
            reason = str(error).removeprefix("--set: ")
            raise InputError(f"{targets}: {name}.condition.{key}: {reason}") from None
    return whole


def load_claims(claims: str, *, paper: str | None = None) -> tuple[Paper, Observables]:
    """Conditions and claims for readings from any program: conditions need no model.

    Parameters
    ----------
    claims : str
        A claims file, which ends in ``.toml`` or has a slash, or the name of a shipped paper.
    paper : str, optional
        Which of the file's papers; it may be left out if there is one.

    Returns
    -------
    paper : Paper
    observations : mapping of str to Observable
        Quantities that readings may be of, by kind of observation: those that the file declares,
        or the shipped ones if it declares none.

    Raises
    ------
    InputError
        If the file or a name is wrong.
    """
    shipped = shipped_folder("validation") / "targets.toml"
    papers, observations = _file(shipped, shipped.name, "Reinstall sdf1-field.")
    shown, name = shipped.name, claims
    if claims.endswith(".toml") or "/" in claims:
        shown = claims
        papers, declared = _file(Path(claims), claims, "Check the path.")
        observations = declared or observations
        if not papers:
            raise InputError(f"{claims}: has no paper. Add a table [NAME] with its claims.")
        if paper is None and len(papers) > 1:
            raise InputError(
                f"{claims}: has several papers: {', '.join(papers)}. Choose one with --paper."
            )
        name = next(iter(papers)) if paper is None else paper
        if name not in papers:
            raise InputError(f"{claims}: {_unknown_paper(name, papers)}")
    elif paper is not None:
        raise InputError(f"--paper: '{claims}' is the name of one paper. Leave it out.")
    elif claims not in papers:
        raise InputError(f"{_unknown_paper(claims, papers)} A file's name ends in .toml.")
    own = _source(shown, name, papers[name], observations)
    whole = _paper(own, name, observations)
    if not whole.claims:
        own.table.refuse("no claims. Add [[claim]] tables.")
    return whole, observations


def _unknown_paper(name: str, papers: Iterable[str]) -> str:
    return f"unknown paper '{name}'. Known: {', '.join(sorted(papers))}."


def _file(path: Path, shown: str, remedy: str) -> tuple[dict[str, Any], dict[str, Observable]]:
    """Papers of a claims file as tables, and the observations that it declares.

    Raises
    ------
    InputError
        If the file is of a later version, or an observation is wrong.
    """
    tables = read_toml(path, shown, remedy)
    version = tables.get("schema", forms.SCHEMA)
    if type(version) is int and version > forms.SCHEMA:
        raise InputError(
            f"{shown}: schema: version {version} is later than {forms.SCHEMA}, which this program "
            "reads. Install a newer one."
        )
    file = Table(shown, tables, forms.FILE)
    given = Table(f"{shown}: observation", file["observation"] or {}, forms.NAMED)
    observations = {
        one: _observable(Table(f"{given.where}.{one}", given[one], forms.OBSERVATION))
        for one in given
    }
    return {key: file[key] for key in file if key not in forms.FILE.further}, observations


def _observable(own: Table) -> Observable:
    given = Table(f"{own.where}.quantity", own["quantity"], forms.NAMED)
    quantities: dict[str, Quantity] = {}
    for name in given:
        table = Table(f"{given.where}.{name}", given[name], forms.QUANTITY)
        ratio = table["density_ratio"]
        quantities[name] = Quantity(
            name, table["unit"], Sample(table["sample"]), tuple(table["of"] or ()),
            None if ratio is None else _density_ratio(f"{table.where}.density_ratio", ratio),
        )  # fmt: skip
    for name, quantity in quantities.items():
        if quantity.density_ratio is not None:
            place = Table(f"{given.where}.{name}.density_ratio", {}, forms.NAMED)
            _require_parts(place, quantity, quantity.density_ratio, quantities)
    timed = own["timed"]
    return Observable(quantities, timed=timed is None or timed)


def _density_ratio(where: str, table: Any) -> DensityRatio:
    own = Table(where, table, forms.DENSITY_RATIO)
    return DensityRatio(own["counts"], own["areas"], own["base"])


def _require_parts(
    place: Table, quantity: Quantity, ratio: DensityRatio, known: Mapping[str, Quantity]
) -> None:
    """Refuse a density ratio of quantities that are not read for all of its regions."""
    if quantity.sample is not Sample.DISH:
        place.refuse("only a quantity with sample = 'dish' has one. Take it out.")
    for name in (ratio.counts, ratio.areas):
        part = place.choice("quantity", name, known)
        if part.sample is not Sample.DISH:
            place.refuse(f"'{name}' is read by {part.sample}. Take one that is read by dish.")
        for region in (ratio.base, *quantity.of):
            if region not in part.of:
                place.refuse(f"'{name}' is not of '{region}'. Add it to its of.")


def _paper(own: _Source, name: str, observations: Observables) -> Paper:
    """A file's own paper, without calibrations and predictions."""
    joint = tuple(own.table["joint"] or ())
    base = Paper(name, own.table["citation"] or "", {}, (), joint)
    paper = _added(base, own, own.common, observations)
    for one in joint:
        own.table.choice("claim", one, {claim.id: claim for claim in paper.claims})
    return paper


def _require_models(own: _Source, paper: Paper) -> None:
    """Refuse conditions of a file without a known model."""
    for key in own.table["condition"] or {}:
        model, where = paper.conditions[key].model, f"{own.where}.condition.{key}"
        if not model:
            raise InputError(f"{where}: model: missing. Add it.")
        if model not in model_names() and not Path(model).is_file():
            raise InputError(
                f"{where}: unknown model '{model}'. {suggestion(model, model_names())}"
            )


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
    recorded = Table(str(path), read_toml(path, str(path), "Reinstall sdf1-field."), forms.NAMED)
    known = {one: one for one in papers}
    for name in recorded:
        recorded.choice("paper", name, known)
    own = Table(f"{path}: {paper.name}", recorded[paper.name] or {}, forms.NAMED)
    claims = {claim.id: claim for claim in paper.claims}
    for one in own:
        claim = own.choice("claim", one, claims)
        table = Table(f"{own.where}: {one}", own[one], forms.LEFT_OUT)
        left_out = LeaveOneOut(**{key: table[key] for key in forms.LEFT_OUT.needed})
        claims[one] = replace(claim, left_out=left_out)
    return replace(paper, claims=tuple(claims.values()))


def _source(
    file: str, name: str, table: Any, observations: Observables, replicates: int = 1
) -> _Source:
    own = Table(f"{file}: {name}", table, forms.PAPER)

    def by_observation(key: str, form: forms.Form) -> dict[str, Any]:
        given = Table(f"{own.where}.{key}", own[key] or {}, form)
        for one in given:
            given.choice("observation", one, observations)
        return {one: given[one] for one in given}

    common = _Common(
        {key: list[str]() for key in observations} | by_observation("settings", forms.SETTINGS),
        by_observation("views", forms.VIEWS),
        own["replicates"] or replicates,
    )
    return _Source(own.where, own, common)


def _added(base: Paper, own: _Source, common: _Common, observations: Observables) -> Paper:
    """The base with a file's conditions and claims."""
    conditions = dict(base.conditions)
    for key, table in (own.table["condition"] or {}).items():
        one = Table(f"{own.where}.condition.{key}", table, forms.CONDITION)
        if key in conditions:
            one.refuse("exists already. Give it another name.")
        conditions[key] = _condition(one, common, observations)
    for key, condition in conditions.items():
        if condition.null is not None:
            place = Table(f"{own.where}.condition.{key}", {}, forms.NAMED)
            place.choice("condition", condition.null, conditions)
    if len({(c.replicates, c.views) for c in conditions.values() if c.donors}) > 1:
        own.table.refuse(
            "conditions with donors differ in replicates or views, so none can be paired. "
            "Give them the same."
        )
    claims = {claim.id: claim for claim in base.claims}
    for n, table in enumerate(own.table["claim"] or []):
        one = Table(f"{own.where}.claim.{n}", table, forms.CLAIM)
        one.where = f"{own.where}: {one['id']}"
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


def _calibration(own: Table, known: Mapping[str, Claim]) -> Calibration:
    claims, predicts = (tuple(own[key] or ()) for key in ("claims", "predicts"))
    for one in (*claims, *predicts):
        own.choice("claim", one, known)
    doses = tuple(own["half_dose"] or ())
    if len(doses) not in {0, 2}:
        own.refuse('half_dose: needs two ends. Write it like ["10 ng/mL", "300 ng/mL"].')
    return Calibration(own["name"], claims, predicts, tuple(own["free"]), doses)


def _condition(own: Table, common: _Common, observations: Observables) -> Condition:
    name = own["observation"]
    observation = own.choice("observation", name, observations)
    try:
        times = tuple(parse(t, "time") for t in own["times"] or ())
    except ValueError as error:
        own.refuse(f"times: {error}")
    if not times and observation.timed:
        own.refuse("times: missing. Say when dishes are read.")
    if list(times) != sorted(set(times)):
        own.refuse("times: they do not rise. Sort them.")
    return Condition(
        label=own["label"],
        model=own["model"] or "",
        observation=name,
        times=times,
        settings=(*common.settings[name], *(own["settings"] or ())),
        replicates=own["replicates"] or common.replicates,
        views=tuple(common.views.get(name, (1,))),
        donors=own["donors"] or False,
        null=own["null"],
    )


def _claim(own: Table, conditions: Mapping[str, Condition], observations: Observables) -> Claim:
    null = own["null"]
    return Claim(
        id=own["id"],
        says=own["says"] or "",
        source=own["source"] or "",
        test=own["test"] or "",
        status=Status(own["status"] or Status.PREDICTED),
        against_null=null is None or null,
        by_construction=tuple(own["by_construction"] or ()),
        statements=tuple(
            _statement(
                Table(f"{own.where}: statement {n}", table, forms.STATEMENT),
                conditions,
                observations,
            )
            for n, table in enumerate(own["statements"], start=1)
        ),
        detects=own["detects"] or "",
        law_chosen_by=own["law_chosen_by"] or False,
    )


def _statement(
    own: Table, conditions: Mapping[str, Condition], observations: Observables
) -> Statement:
    name, quantity_name = own["condition"], own["quantity"]
    reference = own["reference"]
    condition = own.choice("condition", name, conditions)
    there = condition if reference is None else own.choice("condition", reference, conditions)
    statistic_name, test = own["statistic"] or "mean", own["test"]
    statistic = own.choice("statistic", statistic_name, STATISTICS)
    if test is not None:
        own.choice("test", test, TESTS)
    of, against = own["of"] or "", own["against"]
    quantity = _quantity(own, quantity_name, condition, observations)
    if of not in (quantity.of or ("",)):
        own.refuse(f"of '{of}' of {quantity_name}. Known: {', '.join(quantity.of)}.")
    if against is not None:
        second = _quantity(own, against, condition, observations)
        if of not in (second.of or ("",)):
            own.refuse(f"against '{against}': it is not of '{of}'. Take another.")
    time_text, reference_text = own["time"], own["reference_time"]
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
    over_dishes = own["over"] is not None
    is_share = quantity.sample is Sample.SHARE
    by_dish = over_dishes or quantity.sample is not Sample.CELLS
    if (
        (test in OF_SHARES and (not is_share or over_dishes))
        or (test in OF_CELLS and (against is None or over_dishes))
        or (test == "paired t" and not by_dish)
    ):
        own.refuse(f"test '{test}' of {quantity_name}. Take another, or other units.")
    return Statement(
        text=own["text"],
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
        p_below=own["p_below"],
        p_from=own["p_from"],
        density_ratio=quantity.density_ratio,
        p_printed=own["p_printed"],
        value=value,
        digitised_by=own["digitised_by"],
    )


def _expected(own: Table, *, alone: bool) -> tuple[float, float, float | None]:
    """Bounds of a statement's effect, and the value read from a figure.

    Parameters
    ----------
    own : Table
    alone : bool
        Whether the statement compares nothing.

    Raises
    ------
    InputError
        If the statement asks for nothing, or for something impossible.
    """
    above, below = own["above"], own["below"]
    if above is not None and below is not None and not above < below:
        own.refuse(
            f"nothing is above {above:g} and below {below:g}. Give above a value less than below."
        )
    test, value = own["test"], own["value"]
    asks_p = any(own[key] is not None for key in ("p_below", "p_from"))
    if asks_p and test is None:
        own.refuse(f"a p without a test. Name it: {', '.join(TESTS)}.")
    if test is not None and not asks_p:
        own.refuse("a test that must give nothing. Add p_below or p_from.")
    if not asks_p and above is None and below is None and value is None:
        own.refuse("it asks for nothing. Add above, below, or a test and its p.")
    if test is not None and alone:
        own.refuse(f"test '{test}' with nothing to compare. Add a reference.")
    ends = own["interval"]
    if value is not None:
        if ends is None or own["digitised_by"] is None:
            own.refuse("a value needs interval and digitised_by. Add them.")
        if not ends[0] < ends[1]:
            own.refuse("interval: its lower end comes first. Turn it round.")
        if not ends[0] <= value <= ends[1]:
            own.refuse(f"the value {value:g} lies outside of its interval.")
        above, below = ends
    return -INFINITY if above is None else above, INFINITY if below is None else below, value


def _quantity(own: Table, name: str, condition: Condition, observations: Observables) -> Quantity:
    return own.choice("quantity", name, observations[condition.observation].quantities)


def _time(own: Table, text: str | None, condition: Condition) -> float | None:
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
