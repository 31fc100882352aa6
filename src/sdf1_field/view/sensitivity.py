"""What a run's outcome depends on, as far as that has been recorded for its kind of experiment."""

import functools
import math
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sdf1_field.digits import number_text
from sdf1_field.shipped import shipped_folder
from sdf1_field.spec import Entry, Model, ModelSpec
from sdf1_field.units import duration_text, parse
from sdf1_field.view.differing import base_of, change_rows, read_entries, value_text
from sdf1_field.view.document import Part, Section, Table, listed
from sdf1_field.view.setting import cells_text
from sdf1_field.view.treatments import in_order, treatment_text

REGIONS = ("MSC", "migrasome network")
_CELLS, _STROMA, _MODEL = "kg1a", "msc", "coculture-kg1a"
"""Cell types of all records, and their model."""
_DECISIVE = 0.05
"""Least share of the variance at which a value is listed."""
_MOVING = math.log(1.1)
"""Least change of the logarithm of a fold change that is listed: a tenth, as two dishes differ."""
_SAME_DOSE = 1.01
_AT = 4.0 * 3600.0
"""When cells were counted for all records [s]."""
_ENOUGH = 40
"""Least number of cells in a view whose fold change is spoken of.

A quarter of the cells of the shipped dish are on its free surface at 4 h. Of 40 that is ten, by the
counting of which alone the fold change is uncertain by a third.
"""
_NAMED = 3
"""Calibrated values that are named."""
_FOLD_CHANGE = (
    "The fold change is the number of cells per area of MSC, or of the migrasome network, over "
    "that of the free surface: 1 means that cells do not gather."
)
_SHARE = (
    "a share is the part of the variance of the logarithm that is expected to be left when all "
    "other values are known"
)
_BASELINES = (
    "Each record was made in dishes of its own, whose stroma is not that of this run. Their fold "
    "changes therefore differ from this run's and from each other; the factors are what carries "
    "over."
)
_TITLE = "What the outcome depends on"
_NUMERICAL = "numerical:"
"""Beginning of the sources of grid, steps and tolerances."""


@dataclass(frozen=True)
class Change:
    """What a change of one piece of the model does to the numbers on MSC and on the network.

    Parameters
    ----------
    settings : mapping of str to float, str or bool
        The values in place of the shipped ones, by key.
    shipped, changed : tuple of two str
        Numbers without and with them.
    dishes : str
        In which they were recorded.
    """

    settings: Mapping[str, Any]
    shipped: tuple[str, str]
    changed: tuple[str, str]
    dishes: str

    @property
    def factors(self) -> tuple[float, float]:
        """Numbers with the change over those without."""
        on_msc, on_network = (
            float(new) / float(old) for old, new in zip(self.shipped, self.changed, strict=True)
        )
        return on_msc, on_network

    @property
    def size(self) -> float:
        """Larger change of the logarithm."""
        return max(abs(math.log(factor)) for factor in self.factors)

    def __str__(self) -> str:
        return ", ".join(f"{key}={value_text(value)}" for key, value in self.settings.items())


@dataclass(frozen=True)
class Recorded:
    """Records of one condition.

    Parameters
    ----------
    over : str
        Condition to whose fold change numbers are the ratio, such as ``control``; empty if they
        are of the fold change itself.
    shares : mapping of str to tuple of two float
        Total Sobol index by key: on MSC, on the network.
    single : tuple of Change
        Of one piece at a time.
    """

    over: str
    shares: Mapping[str, tuple[float, float]]
    single: tuple[Change, ...]


@functools.cache
def _records() -> Mapping[str, Any]:
    text = (shipped_folder("validation") / "sensitivity.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def covered(spec: ModelSpec) -> bool:
    """Whether a model's kind of experiment is one of which anything is recorded."""
    return _of_kind(spec) and spec.run.duration >= _AT and spec.cell_count >= _ENOUGH


def _of_kind(spec: ModelSpec) -> bool:
    """Whether cells and stroma are those of the records."""
    return (
        spec.follows_cells
        and spec.cells.type == _CELLS
        and spec.scene.stroma == _STROMA
        and spec.bears_stroma
        and spec.senses
        and spec.adheres
    )


def _matches(spec: ModelSpec, treatments: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a record's agents, doses and times are those of a model until cells are counted."""
    given = sorted(
        (name for name in spec.treatments if spec.treatments[name].start < _AT),
        key=lambda name: (spec.agent_of(name), spec.treatments[name].start),
    )
    wanted = sorted(treatments, key=lambda record: (record["agent"], record["start"]))
    return len(given) == len(wanted) and all(
        _is_given(spec, name, record) for name, record in zip(given, wanted, strict=True)
    )


def _is_given(spec: ModelSpec, name: str, record: Mapping[str, Any]) -> bool:
    """Whether a treatment is that of a record."""
    given = spec.treatments[name]
    stop = _AT if given.stop is None else min(given.stop, _AT)
    seen = (spec.agent_of(name), given.start, stop, given.preincubation)
    if seen != (record["agent"], record["start"], min(record.get("stop", _AT), _AT), 0.0):
        return False
    if "dose" not in record:
        return given.dose is None
    dose = parse(record["dose"], "concentration", molar_mass=spec.dosed_mass(name))
    return dose / _SAME_DOSE <= spec.dose(name) <= dose * _SAME_DOSE


def recorded(spec: ModelSpec) -> tuple[Recorded, ...]:
    """Records of a model's condition: of its fold changes, and of their ratios to others'."""
    if not covered(spec):
        return ()
    indices, singles = (
        [record for record in _records()[kind] if _matches(spec, record["treatments"])]
        for kind in ("index", "change")
    )
    return tuple(
        Recorded(
            over,
            _shares([record for record in indices if record["over"] == over]),
            tuple(
                Change(
                    record["settings"], tuple(record["shipped"]), tuple(record["changed"]),
                    record["dishes"],
                )
                for record in singles
                if record["over"] == over
            ),
        )
        for over in dict.fromkeys(record["over"] for record in (*indices, *singles))
    )  # fmt: skip


def _shares(indices: Sequence[Mapping[str, Any]]) -> dict[str, tuple[float, float]]:
    """Shares on MSC and on the network by key; of no record none."""
    by_region = {record["region"]: record["share"] for record in indices}
    if not by_region:
        return {}
    on_msc, on_network = (by_region[region] for region in REGIONS)
    return {key: (on_msc[key], on_network[key]) for key in on_msc}


def hangs_on(model: Model) -> Section:
    """Which values that were never measured the outcome depends on most."""
    spec, read = model.spec, read_entries(model)
    parts: list[Part] = [_counted(read)]
    records = recorded(spec)
    if not records:
        parts.append(_without(spec))
        return Section("depends", _TITLE, tuple(parts))
    parts += [_FOLD_CHANGE, *_strongest(spec, records, read), _BASELINES]
    for record in records:
        parts += _of_record(spec, record, read)
    parts.append(_caveat(model))
    known = {key for record in records for key in _keys(record)}
    lacking = [key for key in _unmeasured(read) if key not in known]
    parts.append(
        f"Of {len(lacking)} further assumed values that this run reads no such record exists, "
        "so nothing can be said about how much the outcome depends on them. They are marked "
        "'assumed' in the list of all parameters."
    )
    return Section("depends", _TITLE, tuple(parts))


def _strongest(
    spec: ModelSpec, records: Sequence[Recorded], read: Mapping[str, Entry]
) -> Iterator[str]:
    """The assumed and the calibrated value on which most has been seen to depend."""
    single = [
        (change, record.over)
        for record in records
        for change in _changes(record, read)
        if _status(change, read) == "assumed"
    ]
    if single:
        change, over = max(single, key=lambda item: item[0].size)
        now = listed(
            [f"{key} (now {value_text(read[key].value)})" for key in change.settings if key in read]
        )
        on_msc, on_network = _effects(change)
        yield (
            f"Of the assumed values of which anything is recorded, the outcome depends most on "
            f"{now}: with {change} in place of the shipped value the {_what(spec, over)} changes "
            f"by {on_msc} on MSC and {on_network} on the network."
        )
    shares = {
        key: max(share)
        for record in records
        for key, share in record.shares.items()
        if key in read and read[key].status == "calibrated"
    }
    if shares:
        top = sorted(shares, key=lambda key: -shares[key])[:_NAMED]
        yield (
            "Of the calibrated values, which are fitted and not measured, it depends most on "
            f"{listed(top)}."
        )


def _effects(change: Change) -> list[str]:
    """Factor and numbers of a change, on MSC and on the network."""
    return [
        f"× {number_text(factor, figures=2)} ({old} to {new})"
        for factor, old, new in zip(change.factors, change.shipped, change.changed, strict=True)
    ]


def _status(change: Change, read: Mapping[str, Entry]) -> str:
    """Statuses of the changed values that the run reads."""
    return listed(list(dict.fromkeys(read[key].status for key in change.settings if key in read)))


def _unmeasured(read: Mapping[str, Entry]) -> list[str]:
    """Assumed values that are no numerical choice."""
    return [
        path
        for path, entry in read.items()
        if entry.status == "assumed" and not entry.source.startswith(_NUMERICAL)
    ]


def _counted(read: Mapping[str, Entry]) -> str:
    by = {
        status: sum(entry.status == status for entry in read.values())
        for status in ("literature", "derived", "calibrated", "assumed", "model choice")
    }
    numerical = sum(
        e.status == "assumed" and e.source.startswith(_NUMERICAL) for e in read.values()
    )
    return (
        f"This run depends on {len(read)} values. By status: {by['literature']} from the "
        f"literature, {by['derived']} derived from it, {by['calibrated']} calibrated (fitted to "
        f"published claims), {by['assumed']} assumed (of which {numerical} numerical choices, such "
        f"as the grid's spacing), {by['model choice']} choices of the model or of the user."
    )


def _without(spec: ModelSpec) -> str:
    """Why there is no record."""
    kind = "this kind of experiment"
    if covered(spec):
        given = listed([treatment_text(spec, name).rstrip(".") for name in in_order(spec)] or [""])
        kind = (
            f"co-cultures with these treatments at these times ({given})"
            if given
            else ("co-cultures without a medium change at time 0")
        )
    elif _of_kind(spec) and spec.run.duration < _AT:
        kind = f"co-cultures that end before {duration_text(_AT)}"
    elif _of_kind(spec):
        kind = (
            f"so few cells ({spec.cell_count}): below {_ENOUGH} in the view a fold change is "
            "mostly chance"
        )
    elif spec.follows_cells and spec.bears_stroma:
        kind = f"{cells_text(spec)} on {spec.stroma.label}"
        if spec.cells.type == _CELLS and spec.scene.stroma == _STROMA:
            kind += " that sense nothing or adhere to nothing"
    elif spec.follows_cells:
        kind = "cells without stroma"
    elif spec.run.mode == "steady":
        kind = "steady states"
    elif spec.bears_stroma:
        kind = f"{spec.stroma.label} without haematopoietic cells"
    return (
        f"How much the outcome depends on each of them has not been recorded for {kind}. Records "
        f"exist for fold changes at {duration_text(_AT)} of KG-1a cells on MSC alone."
    )


def _what(spec: ModelSpec, over: str) -> str:
    """Of what a record's numbers are."""
    what = f"fold change at {duration_text(_AT)}"
    if not over:
        return what
    other = f"with {spec.agent[over].label}" if over in spec.agent else "of the untreated control"
    return f"ratio of the {what} to that {other}"


def _of_record(spec: ModelSpec, record: Recorded, read: Mapping[str, Entry]) -> Iterator[Part]:
    what = _what(spec, record.over)
    rows = [
        (key, value_text(read[key].value), read[key].status, *(f"{each:.2f}" for each in share))
        for key, share in sorted(record.shares.items(), key=lambda item: -max(item[1]))
        if key in read and max(share) >= _DECISIVE
    ]
    if rows:
        yield Table(
            ("key", "in this run", "status", "share, MSC", "share, network"),
            tuple(rows),
            f"Recorded shares (total Sobol indices) of the {what}: {len(record.shares)} values "
            f"were drawn from their whole intervals; {_SHARE}. Shares below {_DECISIVE:g} are left "
            "out.",
        )
    single = sorted(_changes(record, read), key=lambda change: -change.size)
    for dishes in dict.fromkeys(change.dishes for change in single):
        yield Table(
            ("changed alone", "status", "on MSC", "on the network"),
            tuple(
                (str(change), _status(change, read), *_effects(change))
                for change in single
                if change.dishes == dishes
            ),
            f"Recorded {what} in {dishes}. One piece of the model was changed and all else is as "
            "shipped; the factor is what the change does, in brackets are the numbers without and "
            "with it. Changes by less than a tenth are left out.",
        )


def _changes(record: Recorded, read: Mapping[str, Entry]) -> Iterator[Change]:
    """Changes that move the outcome, of keys that the run reads and has not so already."""
    for change in record.single:
        keys = [key for key in change.settings if key in read]
        already = all(read[key].value == change.settings[key] for key in keys)
        if not already and change.size >= _MOVING:
            yield change


def _keys(record: Recorded) -> set[str]:
    return {*record.shares, *(key for change in record.single for key in change.settings)}


def _caveat(model: Model) -> str:
    text = (
        "These records are of simulations: they tell how the model answers, not how cells do "
        "(validation/inference, validation/mechanisms)."
    )
    changed = [row[0] for row in change_rows(model)]
    base = base_of(model) or model.name
    if changed or not base.startswith(_MODEL):
        other = f"is of {model.name}" if not changed else f"differs in {listed(changed)}"
        text += (
            f" They are of the shipped model {_MODEL}; this run {other}, and may depend on its "
            "values in another way."
        )
    return text
