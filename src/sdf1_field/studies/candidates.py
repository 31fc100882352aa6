"""Candidate experiments: conditions, what is compared, its readouts and its dishes, as data."""

import functools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from sdf1_field.errors import InputError
from sdf1_field.shipped import model_names, shipped_folder
from sdf1_field.spec import ModelSpec, load_model, read_toml, suggestion
from sdf1_field.units import duration_text, parse

FOLD_CHANGE, DISTANCE = "fold change", "density against distance"
DWELL, APPROACH = "dwell time", "approach bias"
READOUTS = (FOLD_CHANGE, DISTANCE, DWELL, APPROACH)
"""What can be read from cells: counted at each of its times, the first; from pictures until its
only time, the others."""
MSC, NETWORK = "MSC", "network"
REGIONS = (MSC, NETWORK)
EXPERIMENTS, VIEWS = 3, 2
"""Experiments of a condition, and views of each, unless a candidate says otherwise."""
LEAST_EXPERIMENTS = 2
SHIPPED = "candidates.toml"

T = TypeVar("T")


@dataclass(frozen=True)
class Readout:
    """One way to read cells.

    Parameters
    ----------
    what : str
        One of `READOUTS`.
    of : tuple of str
        Of `REGIONS`; empty where a readout is of free cells.
    times : tuple of float
        When cells are counted, or until when they are followed [s], rising.
    """

    what: str
    of: tuple[str, ...]
    times: tuple[float, ...]

    @property
    def label(self) -> str:
        """Name in tables."""
        times = [duration_text(time) for time in self.times]
        until = "at" if self.what in (FOLD_CHANGE, DISTANCE) else "until"
        of = f" on {' and '.join(self.of)}" if self.of else ""
        return f"{self.what}{of} {until} {', '.join(times)}"


@dataclass(frozen=True)
class Condition:
    """Dishes that are treated alike.

    Parameters
    ----------
    name, label, model : str
    settings : tuple of str
        ``KEY=VALUE`` each.
    """

    name: str
    label: str
    model: str
    settings: tuple[str, ...]


@dataclass(frozen=True)
class Candidate:
    """An experiment that could be done.

    Parameters
    ----------
    id, title, why : str
    conditions : tuple of Condition
        One whose readouts are taken as they are, or two, of which the first is compared with the
        second.
    readouts : tuple of Readout
    experiments, views : int
        Experiments of each condition, a dish each, and views of each dish.
    """

    id: str
    title: str
    why: str
    conditions: tuple[Condition, ...]
    readouts: tuple[Readout, ...]
    experiments: int = EXPERIMENTS
    views: int = VIEWS
    file: str = field(default=SHIPPED, compare=False)

    @property
    def dishes(self) -> int:
        """Of all conditions: one for each experiment, in which several views are counted."""
        return len(self.conditions) * self.experiments


def load_candidates(own: Path | None = None) -> dict[str, Candidate]:
    """Shipped candidates, then those of a user's file, by id.

    Parameters
    ----------
    own : pathlib.Path, optional
        Its candidates may compare shipped conditions too.

    Raises
    ------
    InputError
        If an entry is wrong, or a model cannot give what a candidate reads.
    """
    shipped = shipped_folder("validation") / SHIPPED
    conditions: dict[str, Condition] = {}
    found: dict[str, Candidate] = {}
    for path in [shipped] if own is None else [shipped, own]:
        table = read_toml(path, str(path), "Check --candidates.")
        for key in table:
            _known(path.name, key, ("settings", "condition", "candidate"), "key")
        common = tuple(_take(table, "settings", _TEXTS, path.name, ()))
        for name, entry in _tables(table, "condition", path.name):
            where = f"{path.name}: condition.{name}"
            if name in conditions:
                raise InputError(f"{where}: is known already. Choose another name.")
            conditions[name] = _condition(where, name, entry, common, path)
        for name, entry in _tables(table, "candidate", path.name):
            where = f"{path.name}: candidate.{name}"
            if name in found:
                raise InputError(f"{where}: is known already. Choose another name.")
            found[name] = _candidate(where, name, entry, conditions, path.name)
    if own is not None and not any(one.file == own.name for one in found.values()):
        raise InputError(f"{own}: holds no candidate. Write one like [candidate.mine].")
    return found


def _condition(
    where: str, name: str, table: Mapping[str, Any], common: tuple[str, ...], path: Path
) -> Condition:
    for key in table:
        _known(where, key, ("label", "model", "settings"), "key")
    model = _take(table, "model", _TEXT, where)
    if model not in model_names():
        beside = path.parent / model
        if not (model.endswith(".toml") and beside.is_file()):
            raise InputError(
                f"{where}.model: unknown '{model}'. {suggestion(model, model_names())}"
            )
        model = str(beside)
    own = tuple(_take(table, "settings", _TEXTS, where, ()))
    condition = Condition(
        name, _take(table, "label", _TEXT, where, name), model, (*common, *own)
    )  # fmt: skip
    try:
        spec_of(condition)
    except InputError as error:
        raise InputError(f"{where}: {error}") from None
    return condition


def _candidate(
    where: str, name: str, table: Mapping[str, Any], known: Mapping[str, Condition], file: str
) -> Candidate:
    for key in table:
        keys = ("title", "why", "compare", "readouts", "experiments", "views")
        _known(where, key, keys, "key")
    compared = _take(table, "compare", _TEXTS, where)
    if len(compared) not in (1, 2) or len(set(compared)) < len(compared):
        raise InputError(
            f"{where}.compare: {compared!r} is not one condition, or two that differ. Write it "
            "like ['mine', 'control']."
        )
    for one in compared:
        _known(f"{where}.compare", one, known, "condition")
    conditions = tuple(known[one] for one in compared)
    entries = _take(table, "readouts", _ENTRIES, where)
    readouts = tuple(_readout(f"{where}.readouts", entry) for entry in entries)
    experiments = _take(table, "experiments", _COUNT, where, EXPERIMENTS)
    require_experiments(f"{where}.experiments", experiments)
    for condition in conditions:
        for readout in readouts:
            _require_readable(where, condition, readout)
    return Candidate(
        name,
        _take(table, "title", _TEXT, where),
        _take(table, "why", _TEXT, where, ""),
        conditions,
        readouts,
        experiments,
        _take(table, "views", _COUNT, where, VIEWS),
        file,
    )


def require_experiments(where: str, number: int) -> None:
    """Raise InputError for fewer experiments than show any scatter."""
    if number < LEAST_EXPERIMENTS:
        raise InputError(
            f"{where}: {number} shows no scatter between experiments. Plan "
            f"{LEAST_EXPERIMENTS} or more."
        )


def _readout(where: str, table: Mapping[str, Any]) -> Readout:
    for key in table:
        _known(where, key, ("what", "of", "times"), "key")
    what = _take(table, "what", _TEXT, where)
    _known(where, what, READOUTS, "readout")
    regional = what in (FOLD_CHANGE, DWELL)
    of = tuple(_take(table, "of", _TEXTS, where, REGIONS if regional else ()))
    if regional and not of:
        raise InputError(f"{where}.of: names no region. Write it like ['MSC', 'network'].")
    for one in of:
        _known(f"{where}.of", one, REGIONS, "region")
    if of and not regional:
        raise InputError(f"{where}: {what} is of free cells and takes no 'of'. Take it out.")
    times = []
    for text in _take(table, "times", _TEXTS, where):
        try:
            times.append(parse(text, "time"))
        except ValueError as error:
            raise InputError(f"{where}.times: {error}") from None
    if not times or times != sorted(set(times)) or times[0] <= 0.0:
        raise InputError(
            f"{where}.times: do not rise from above 0. Write them like ['1 h', '4 h']."
        )
    if what != FOLD_CHANGE and len(times) > 1:
        raise InputError(f"{where}.times: {what} has one time. Give each time its own readout.")
    return Readout(what, of, tuple(times))


def _require_readable(where: str, condition: Condition, readout: Readout) -> None:
    """Raise InputError if a condition's model cannot give a readout."""
    spec = spec_of(condition, readout.times[-1])
    lacking = _lacking(spec, readout)
    if lacking is not None:
        raise InputError(
            f"{where}: {readout.what} cannot be read of condition '{condition.name}': {lacking}"
        )


def _lacking(spec: ModelSpec, readout: Readout) -> str | None:
    """Reason why a model cannot give a readout, with the remedy; None if it can."""
    if not spec.follows_cells:
        return "its model has no cells that move. Choose a co-culture."
    if spec.mechanisms.uptake:
        return (
            "its cells take up the ligand, so that they cannot be replayed. Switch "
            "mechanisms.uptake off."
        )
    if MSC in readout.of and not spec.shows_bodies:
        return "its model has no MSC bodies. Leave MSC out of 'of'."
    if NETWORK in readout.of and not spec.bears_migrasomes:
        return "its model has no migrasome network. Leave network out of 'of'."
    if readout.what in (DISTANCE, APPROACH) and not spec.bears_networks:
        return "its model has no fibres to measure from. Choose another readout."
    step = spec.numerics.coupling_step
    for time in readout.times:
        if abs(time / step - round(time / step)) > 1e-9:
            return (
                f"{duration_text(time)} is no multiple of numerics.coupling_step, "
                f"{duration_text(step)}. Choose one."
            )
    return None


@functools.lru_cache(maxsize=256)
def spec_of(condition: Condition, duration: float | None = None) -> ModelSpec:
    """A condition's model, perhaps run for another time [s]."""
    length = () if duration is None else (f"run.duration={duration!r} s",)
    return load_model(condition.model, settings=(*condition.settings, *length)).spec


# Reading of tables


_TEXT: tuple[str, Callable[[Any], bool]] = ("a string", lambda v: isinstance(v, str))
_TEXTS: tuple[str, Callable[[Any], bool]] = (
    "a list of strings",
    lambda v: isinstance(v, list) and all(isinstance(one, str) for one in v),
)
_COUNT: tuple[str, Callable[[Any], bool]] = (
    "a whole number, 1 or more",
    lambda v: type(v) is int and v >= 1,
)
_ENTRIES: tuple[str, Callable[[Any], bool]] = (
    "a list of tables, such as [{ what = 'fold change', times = ['4 h'] }]",
    lambda v: isinstance(v, list) and len(v) > 0 and all(isinstance(one, dict) for one in v),
)


def _take(
    table: Mapping[str, Any],
    key: str,
    kind: tuple[str, Callable[[Any], bool]],
    where: str,
    default: Any = None,
) -> Any:
    words, fits = kind
    if key not in table:
        if default is None:
            raise InputError(f"{where}: {key} is missing. Add {words}.")
        return default
    if not fits(table[key]):
        raise InputError(f"{where}.{key}: {table[key]!r} is not {words}.")
    return table[key]


def _tables(
    table: Mapping[str, Any], key: str, where: str
) -> Iterable[tuple[str, Mapping[str, Any]]]:
    """Named tables within one."""
    entries = table.get(key, {})
    if not isinstance(entries, dict):
        raise InputError(f"{where}: {key} is not a table. Write it like [{key}.mine].")
    for name, entry in entries.items():
        if not isinstance(entry, dict):
            raise InputError(f"{where}: {key}.{name} is not a table. Write it like [{key}.{name}].")
        yield name, entry


def _known(where: str, name: str, known: Iterable[str], noun: str) -> None:
    if name not in (names := list(known)):
        raise InputError(f"{where}: unknown {noun} '{name}'. {suggestion(name, names)}")
