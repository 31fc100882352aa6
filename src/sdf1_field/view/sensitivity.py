"""What a run's outcome depends on, as far as that has been recorded for its kind of experiment."""

import functools
import math
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sdf1_field.shipped import shipped_folder
from sdf1_field.spec import Entry, Model, ModelSpec
from sdf1_field.units import parse
from sdf1_field.view.differing import base_of, change_rows, read_entries, value_text
from sdf1_field.view.document import Part, Section, Table, listed
from sdf1_field.view.setting import cells_text

REGIONS = ("MSC", "migrasome network")
_CELLS, _STROMA, _MODEL = "kg1a", "msc", "coculture-kg1a"
"""Cell types of all records, and their model."""
_DECISIVE = 0.05
"""Least share of the variance at which a value is listed."""
_MOVING = math.log(1.1)
"""Least change of the logarithm of a fold change that is listed: a tenth, as two dishes differ."""
_SAME_DOSE = 1.01
_NAMED = 3
"""Calibrated values that are named."""
_FOLD_CHANGE = (
    "The fold change is the number of cells per area of MSC, or of the migrasome network, over "
    "that of the free surface: 1 means that cells do not gather."
)
_NUMERICAL = "numerical:"
"""Beginning of the sources of grid, steps and tolerances."""


@dataclass(frozen=True)
class Recorded:
    """Records of one condition.

    Parameters
    ----------
    over : bool
        Whether numbers are of the ratio to the fold change of the control.
    shares : mapping of str to tuple of two float
        Total Sobol index by key: on MSC, on the network.
    single : tuple of mapping
        Changes of one piece at a time.
    """

    over: bool
    shares: Mapping[str, tuple[float, float]]
    single: tuple[Mapping[str, Any], ...]


@functools.cache
def _records() -> Mapping[str, Any]:
    text = (shipped_folder("validation") / "sensitivity.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def doses_of(spec: ModelSpec) -> dict[str, float]:
    """Doses of the agents of a model that have one [nM]; 0 for genetic changes."""
    return {
        spec.agent_of(name): spec.dose(name)
        for name in spec.treatments
        if spec.agent[spec.agent_of(name)].acts_on != "medium_change"
    }


def covered(spec: ModelSpec) -> bool:
    """Whether a model's kind of experiment is one of which anything is recorded."""
    return (
        spec.follows_cells
        and spec.cells.type == _CELLS
        and spec.scene.stroma == _STROMA
        and spec.bears_stroma
        and spec.senses
        and spec.adheres
    )


def _matches(spec: ModelSpec, treatments: Mapping[str, str]) -> bool:
    """Whether a record's agents and doses are those of a model."""
    doses = doses_of(spec)
    if doses.keys() != treatments.keys():
        return False
    for agent, text in treatments.items():
        dose = _dose(spec, agent, text)
        if not dose / _SAME_DOSE <= doses[agent] <= dose * _SAME_DOSE:
            return False
    return True


def _dose(spec: ModelSpec, agent: str, text: str) -> float:
    name = next(name for name in spec.treatments if spec.agent_of(name) == agent)
    return parse(text, "concentration", molar_mass=spec.dosed_mass(name))


def recorded(spec: ModelSpec) -> tuple[Recorded, ...]:
    """Records of a model's condition: of its fold changes, and of their ratio to the control's."""
    if not covered(spec):
        return ()
    found = []
    for over in (False, True):
        indices = [
            one
            for one in _records()["index"]
            if bool(one["over"]) is over and _matches(spec, one["treatments"])
        ]
        by_region = {one["region"]: one["share"] for one in indices}
        shares = {
            key: (by_region[REGIONS[0]][key], by_region[REGIONS[1]][key])
            for key in (by_region[REGIONS[0]] if by_region else ())
        }
        single = tuple(
            one
            for one in _records()["change"]
            if bool(one["over"]) is over and _matches(spec, one["treatments"])
        )
        if shares or single:
            found.append(Recorded(over, shares, single))
    return tuple(found)


def hangs_on(model: Model) -> Section:
    """Which values that were never measured the outcome depends on most."""
    spec, read = model.spec, read_entries(model)
    parts: list[Part] = [_counted(read)]
    found = recorded(spec)
    if not found:
        parts.append(_without(spec))
    if found:
        parts += [_FOLD_CHANGE, *_strongest(found, read)]
    for record in found:
        parts += _of_record(record, read)
    if found:
        parts.append(_caveat(model))
        known = {key for record in found for key in _keys(record)}
        lacking = sorted(key for key in _unmeasured(read) if key not in known)
        parts.append(
            f"Of {len(lacking)} further assumed values that this run reads no such record exists, "
            "so nothing can be said about how much the outcome depends on them. They are marked "
            "'assumed' in the list of all parameters."
        )
    return Section("depends", "What the outcome depends on", tuple(parts))


def _strongest(found: Sequence[Recorded], read: Mapping[str, Entry]) -> Iterator[str]:
    """The assumed and the calibrated value on which most has been seen to depend."""
    single = [
        (size, row, record.over)
        for record in found
        for size, row, _ in _changes(record, read)
        if row[1] == "assumed"
    ]
    if single:
        _, (setting, _, msc, network), over = max(single)
        key, _, value = setting.partition("=")
        yield (
            "Of the assumed values of which anything is recorded, the outcome depends most on "
            f"{key} (now {value_text(read[key].value)}): {value} in place of the shipped value "
            f"takes the {_what(over)} from {msc} on MSC, and from {network} on the network."
        )
    shares = {
        key: max(share)
        for record in found
        for key, share in record.shares.items()
        if key in read and read[key].status == "calibrated"
    }
    if shares:
        top = sorted(shares, key=lambda key: -shares[key])[:_NAMED]
        yield (
            "Of the calibrated values, which are fitted and not measured, it depends most on "
            f"{listed(top)}."
        )


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
        given = listed([spec.agent[name].label for name in doses_of(spec)])
        kind = f"co-cultures with {given} at this dose"
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
        "exist for fold changes at 4 h of KG-1a cells on MSC alone."
    )


def _what(over: bool) -> str:
    if over:
        return "ratio of the fold change at 4 h to that of the control"
    return "fold change at 4 h"


def _of_record(record: Recorded, read: Mapping[str, Entry]) -> Iterator[Part]:
    what = _what(record.over)
    shares = sorted(
        ((key, share) for key, share in record.shares.items() if key in read),
        key=lambda item: -max(item[1]),
    )
    if shares:
        rows = tuple(
            (
                key, value_text(read[key].value), read[key].status, *(f"{one:.2f}" for one in share)
            )
            for key, share in shares
            if max(share) >= _DECISIVE
        )  # fmt: skip
        yield Table(
            ("key", "in this run", "status", "share, MSC", "share, network"),
            rows,
            f"Recorded shares (total Sobol indices) of the {what}: {len(record.shares)} values "
            "were drawn from their whole intervals; a share is what would be left of the variance "
            "of the logarithm if all values but this one were known. Shares below "
            f"{_DECISIVE:g} are left out.",
        )
    single = sorted(_changes(record, read), key=lambda item: -item[0])
    for dishes in dict.fromkeys(dishes for _, _, dishes in single):
        yield Table(
            ("changed alone", "status", "on MSC", "on the network"),
            tuple(row for _, row, own in single if own == dishes),
            f"Recorded {what} in {dishes}, with one piece of the model changed and all else as "
            "shipped: from the number without that change to the one with it. Changes by less "
            "than a tenth are left out.",
        )


def _changes(
    record: Recorded, read: Mapping[str, Entry]
) -> Iterator[tuple[float, tuple[str, ...], str]]:
    """Sizes of changes of keys that the run reads, with their rows and the dishes."""
    for one in record.single:
        keys = [key for key in one["settings"] if key in read]
        if all(read[key].value == one["settings"][key] for key in keys):
            continue
        size = max(
            abs(math.log(float(new) / float(old)))
            for old, new in zip(one["shipped"], one["changed"], strict=True)
        )
        if size < _MOVING:
            continue
        settings = ", ".join(f"{key}={value_text(value)}" for key, value in one["settings"].items())
        yield (
            size,
            (
                settings,
                listed(list(dict.fromkeys(read[key].status for key in keys))),
                *(
                    f"{old} to {new}"
                    for old, new in zip(one["shipped"], one["changed"], strict=True)
                ),
            ),
            one["dishes"],
        )


def _keys(record: Recorded) -> set[str]:
    return {*record.shares, *(key for one in record.single for key in one["settings"])}


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
