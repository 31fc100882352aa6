"""Readouts of conditions under laws and draws, by replay in a few recorded dishes."""

import functools
import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import sdf1_field
from sdf1_field.ensemble.sources import source_digest
from sdf1_field.ensemble.storing import model_digest
from sdf1_field.ensemble.tasks import run_tasks
from sdf1_field.simulation import RecordedExposure, record_exposure
from sdf1_field.simulation.replayable import may_share
from sdf1_field.spec import Model, load_model
from sdf1_field.studies.candidates import Candidate, Condition, Readout
from sdf1_field.studies.readouts import components, read

Array = NDArray[np.float64]
Values = Mapping[str, str | float]
"""A draw: values of parameters by key."""

_NO_CROWDING = "mechanisms.crowding=false"
"""Cells are replayed more densely than they were seeded, for less noise."""
_KEPT = 16
"""Recorded dishes that a process keeps; one of 12 h has 55 MB."""


class Watched(NamedTuple):
    """A condition, and all that is read of it.

    Parameters
    ----------
    condition : Condition
    readouts : tuple of Readout
    """

    condition: Condition
    readouts: tuple[Readout, ...]

    @property
    def last(self) -> float:
        """When it is last read [s]."""
        return max(readout.times[-1] for readout in self.readouts)


class Law(NamedTuple):
    """A mechanism, and parameters that the paper's claims leave it.

    Parameters
    ----------
    name : str
    settings : tuple of str
        ``KEY=VALUE`` each.
    draws : tuple of Values
        Of the posterior, no two the same.
    weights : tuple of float
        Of the draws; they sum to 1.
    """

    name: str
    settings: tuple[str, ...]
    draws: tuple[Values, ...]
    weights: tuple[float, ...]


@dataclass(frozen=True)
class Replaying:
    """How cells are replayed.

    Parameters
    ----------
    seeds : tuple of int
        Of the recorded dishes.
    denser : int
        Cells in a replay, over those of a view.
    own_cells : int, optional
        Added to a dish's seed for its cells, so that they are others than in other replays there.
    """

    seeds: tuple[int, ...]
    denser: int
    own_cells: int = 0


@dataclass(frozen=True, eq=False)
class Seen:
    """Readouts of one condition under one law.

    Parameters
    ----------
    values : ndarray, shape (draw, dish, number)
    counting : ndarray, shape (draw, number, number)
        Their covariance by counting in a view, the mean over dishes.
    """

    values: Array
    counting: Array


@dataclass(frozen=True, eq=False)
class Outcomes:
    """All that was replayed.

    Parameters
    ----------
    watched : mapping of str to Watched
        By the condition's name.
    seen : mapping of (str, str) to Seen
        By condition and law.
    """

    watched: Mapping[str, Watched]
    seen: Mapping[tuple[str, str], Seen]

    def part(self, condition: str, law: str, readout: Readout) -> Seen:
        """The numbers of one readout."""
        whole, place = self.seen[condition, law], 0
        for one in self.watched[condition].readouts:
            width = len(components(one))
            if one == readout:
                own = slice(place, place + width)
                return Seen(whole.values[:, :, own], whole.counting[:, own, own])
            place += width
        raise KeyError(readout.label)


def watched_conditions(candidates: Iterable[Candidate]) -> tuple[Watched, ...]:
    """Conditions with all readouts of all candidates, those read longest first.

    Of conditions on the same stroma a later one is replayed under an earlier one's exposure.
    """
    conditions: dict[str, Condition] = {}
    readouts: dict[str, dict[Readout, None]] = {}
    for candidate in candidates:
        for condition in candidate.conditions:
            conditions[condition.name] = condition
            readouts.setdefault(condition.name, {}).update(dict.fromkeys(candidate.readouts))
    found = [Watched(conditions[name], tuple(own)) for name, own in readouts.items()]
    return tuple(sorted(found, key=lambda one: -one.last))


def replayed(
    known: Sequence[Watched],
    names: Iterable[str],
    laws: Sequence[Law],
    replaying: Replaying,
    store: Path,
    *,
    scheduler: str | None = None,
    workers: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> Outcomes:
    """Readouts of conditions under all laws; what a file holds already is not replayed again.

    Parameters
    ----------
    known : sequence of Watched
        Of `watched_conditions`.
    names : iterable of str
        Conditions that are wanted.
    laws : sequence of Law
    replaying : Replaying
    store : pathlib.Path
        Of `sdf1_field.ensemble.tasks.run_tasks`, as are the other arguments.

    Raises
    ------
    InputError
        If stroma or fields depend on a parameter, or a readout is no number.
    RunError
        If a replay fails; finished ones are kept.
    """
    wanted = set(names)
    sources = source_digest(Path(sdf1_field.__file__).parent, (__name__,))
    tasks: dict[str, tuple[Any, ...]] = {}
    places: dict[str, tuple[str, str]] = {}
    for number, one in enumerate(known):
        if one.condition.name not in wanted:
            continue
        sharing = known[: number + 1]
        models = [model_digest(w.condition.model, w.condition.settings) for w in sharing]
        spans = [w.last for w in sharing]
        for law in laws:
            asked = (models, spans, one.readouts, law.settings, law.draws, replaying, sources)
            key = hashlib.sha256(repr(asked).encode()).hexdigest()[:20]
            tasks[key] = (tuple(sharing), law, replaying)
            places[key] = one.condition.name, law.name
    stored = run_tasks(
        observed, tasks, store, scheduler=scheduler, workers=workers, progress=progress
    )
    return Outcomes(
        {one.condition.name: one for one in known if one.condition.name in wanted},
        {place: _seen(stored[key]) for key, place in places.items()},
    )


def observed(
    sharing: tuple[Watched, ...], law: Law, replaying: Replaying
) -> list[list[tuple[list[float], list[list[float]]]]]:
    """Readouts of the last of some conditions under a law.

    Parameters
    ----------
    sharing : tuple of Watched
        The condition, after those whose exposures it may share.
    law : Law
    replaying : Replaying

    Returns
    -------
    list
        For each draw and dish, values and their covariance; see
        `sdf1_field.studies.readouts.read`. Plain, so that it can be stored as text.
    """
    own = sharing[-1]
    model = _model(own)
    view = model.spec.cell_count
    density = replaying.denser * model.spec.cells.density * 1e6
    dense = model.set({"cells.density": f"{density!r} 1/mm**2"}).set(_pairs(law.settings))
    found: list[list[tuple[list[float], list[list[float]]]]] = [[] for _ in law.draws]
    # All draws in a dish before the next: replays share what was made of its exposure.
    for seed in replaying.seeds:
        recorded = _recorded(sharing, seed)
        for n, draw in enumerate(law.draws):
            values, covariance = read(
                recorded, dense.set(draw).spec, own.readouts,
                seed=seed + replaying.own_cells, view=view,
            )  # fmt: skip
            found[n].append((values.tolist(), covariance.tolist()))
    return found


def _seen(stored: Sequence[Sequence[tuple[list[float], list[list[float]]]]]) -> Seen:
    return Seen(
        np.array([[values for values, _ in draw] for draw in stored]),
        np.array([[covariance for _, covariance in draw] for draw in stored]).mean(axis=1),
    )


def _pairs(settings: Iterable[str]) -> dict[str, str]:
    pairs = (setting.partition("=") for setting in settings)
    return {key.strip(): value.strip() for key, _, value in pairs}


@functools.lru_cache(maxsize=64)
def _model(watched: Watched) -> Model:
    """A condition's model, run until it is last read."""
    condition = watched.condition
    own = (_NO_CROWDING, f"run.duration={watched.last!r} s")
    return load_model(condition.model, settings=(*condition.settings, *own))


@functools.lru_cache(maxsize=_KEPT)
def _exposure(watched: Watched, seed: int) -> RecordedExposure:
    return record_exposure(_model(watched).spec, seed)


def _recorded(sharing: tuple[Watched, ...], seed: int) -> RecordedExposure:
    """Exposure of the first condition on the same stroma, under the same field, as the last."""
    own = _model(sharing[-1]).spec
    first = next(one for one in sharing if may_share(own, _model(one).spec, seed))
    return _exposure(first, seed)
