"""Models whose cells may be replayed under a recorded exposure: those of the same stroma."""

import functools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sdf1_field.errors import InputError
from sdf1_field.simulation.recording import RecordedExposure
from sdf1_field.spec import ModelSpec, Perturbation
from sdf1_field.treatments import schedule, treatment_times
from sdf1_field.units import duration_text
from sdf1_field.variation import dish_factors

_DECIDED_BY_CELLS = (
    "title",
    "description",
    "run.seed",
    "run.duration",
    "cell_type",
    "cells",
    "receptor.cxcr4",
    "adhesion",
    "mechanisms",
    "agent",
    "treatments",
    "variation",
    "output",
)
"""Sections of a model, or keys, that may differ between recording and replay."""
_OF_THE_STROMA = (
    "receptor.cxcr4.ligand",
    "mechanisms.uptake",
    "mechanisms.cargo_kinetics",
    "mechanisms.bursts",
)
"""Keys within these on which stroma and fields depend."""


def may_differ(key: str) -> bool:
    """Whether a key's value may be another in a replay than in the recorded run."""
    return _within(key, _DECIDED_BY_CELLS) and not _within(key, _OF_THE_STROMA)


def may_share(spec: ModelSpec, other: ModelSpec, seed: int) -> bool:
    """Whether a model's cells may surely be replayed in a dish that is recorded of another model.

    Of models whose treatments begin at other times only the recording can tell; they may not.

    Parameters
    ----------
    spec, other : ModelSpec
    seed : int
        Of the dish.
    """
    times, known = (set(treatment_times(schedule(one))) for one in (spec, other))
    return (
        not any(_differences(spec, other, seed))
        and _on_the_stroma(spec) == _on_the_stroma(other)
        and spec.senses <= other.senses
        and spec.run.duration <= other.run.duration
        and times <= known | {0.0}
    )


def require_same_stroma(recorded: RecordedExposure, spec: ModelSpec) -> None:
    """Raise InputError if stroma or fields of a model differ from the recorded ones."""
    if spec is recorded.spec:
        return
    for path, own, its in _differences(spec, recorded.spec, recorded.seed):
        raise InputError(
            f"replay: {path}: {own} is not {its}, on which the recorded exposure depends. Record "
            "it with this value."
        )
    if _on_the_stroma(spec) != _on_the_stroma(recorded.spec):
        raise InputError(
            "replay: treatments: the medium, a ligand or the stroma is treated otherwise than in "
            "the recorded run. Record it with these treatments."
        )
    if spec.senses and recorded.basis is None:
        raise InputError(
            "replay: the cells sense a ligand, and the recorded model has no cells that do. Record "
            "it with cells.density above 0 and a mechanism that senses, such as "
            "mechanisms.haptotaxis."
        )
    if spec.run.duration > recorded.times[-1]:
        raise InputError(
            f"replay: run.duration: {duration_text(spec.run.duration)} is longer than the "
            f"recorded {duration_text(recorded.times[-1])}. Record a longer run."
        )
    for time in treatment_times(schedule(spec)):
        known = recorded.discontinuities if time > 0.0 else recorded.stops
        if recorded.stops[0] <= time <= recorded.times[-1] and time not in known:
            raise InputError(
                f"replay: treatments: one begins or ends at {duration_text(time)}, where the "
                "recorded run does not stop. Record it with this treatment."
            )


def _differences(
    spec: ModelSpec, other: ModelSpec, seed: int
) -> Iterator[tuple[str, object, object]]:
    """Path and both values of each value that differs and that stroma and fields depend on."""
    for section in ModelSpec.model_fields:
        if getattr(spec, section) == getattr(other, section) or section in _DECIDED_BY_CELLS:
            continue
        own, its = (_flat({section: one.model_dump()[section]}) for one in (spec, other))
        for path in sorted({*own, *its}):
            if not _within(path, _DECIDED_BY_CELLS) and own.get(path) != its.get(path):
                yield path, own.get(path), its.get(path)
    of_both = [_of_the_stroma(one, seed) for one in (spec, other)]
    for path, value in of_both[0].items():
        if value != of_both[1][path]:
            yield path, value, of_both[1][path]


def _of_the_stroma(spec: ModelSpec, seed: int) -> dict[str, object]:
    """Values that stroma and fields depend on, in sections that cells decide otherwise."""
    return {
        **{path: functools.reduce(getattr, path.split("."), spec) for path in _OF_THE_STROMA},
        "the cells' diameter": spec.haematopoietic.diameter,
        "variation (factor on secretion)": dish_factors(spec, seed).secretion,
    }


def _on_the_stroma(spec: ModelSpec) -> tuple[object, ...]:
    """What treatments do to medium, ligands and stroma."""
    plan = schedule(spec)
    return (
        [
            (e.time, e.coated, e.medium_change, e.bodies_removed, e.added)
            for e in plan.events
            if e.medium_change or e.bodies_removed or e.added
        ],
        [
            (e.start, e.stop, e.effect.perturbation)
            for e in plan.lasting
            if e.effect.perturbation != Perturbation()
        ],
    )


def _within(path: str, sections: Sequence[str]) -> bool:
    return any(path == one or path.startswith(f"{one}.") for one in sections)


def _flat(table: Mapping[str, Any], path: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in table.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{path}{key}.")
        else:
            flat[f"{path}{key}"] = value
    return flat
