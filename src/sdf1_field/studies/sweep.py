"""Sweeps: fold changes over values of one key of a model, or over a grid of two.

Every dish is one of the ensemble engine, so that a sweep goes on where it was stopped. With
matched seeds, the dishes of all values share their stroma and the places of cells, and a ratio of
two values scatters less than between independent dishes.
"""

import contextlib
import itertools
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdf1_field.claims import Reading
from sdf1_field.ensemble import Failure
from sdf1_field.ensemble.expecting import Expected, run_expected
from sdf1_field.errors import InputError
from sdf1_field.observations import Dish
from sdf1_field.observations.cells import FOLD_CHANGE, IN_REGION, NAMES, REGION_AREA
from sdf1_field.reproduce.experiments import seed_of
from sdf1_field.simulation import track_times
from sdf1_field.spec import ModelSpec, asked_model, load_model
from sdf1_field.studies.factors import Over, number_and_unit
from sdf1_field.units import duration_text

Array = NDArray[np.float64]

USUAL_TIMES = (4 * 3600.0, 12 * 3600.0)
"""When cells are counted if nothing is said: the papers' times, as in `analyse` [s]."""
REGIONS = ("free surface", *NAMES.values())
ENRICHED = tuple(NAMES.values())
_DECIDED = ("run.seed", "run.duration", "output", "title", "description")
"""Keys, or sections, that a sweep sets itself or that counts do not depend on."""
_FIGURES = 12
_MOST = 400
"""Combinations of values, each of which is a model to check."""


@dataclass(frozen=True)
class Factor:
    """A swept key.

    Parameters
    ----------
    key : str
    values : tuple of str
        As written.
    numbers : tuple of float or None
        In `unit`; None if values are words or switches.
    unit : str
        That of the first value other than zero; empty without one.
    scale : float
        Size of the unit in the program's own.
    """

    key: str
    values: tuple[str, ...]
    numbers: tuple[float, ...] | None
    unit: str
    scale: float


@dataclass(frozen=True)
class Question:
    """A sweep that can be run: checked, with everything that its dishes depend on.

    Parameters
    ----------
    model : str
        Name or file.
    settings : tuple of str
        Of all dishes.
    factors : tuple of Factor
        One, or two for a grid.
    dishes : int
        Of each value, or each pair of values.
    times : tuple of float
        When cells are counted [s].
    seed : int
        Every dish's own is drawn from it.
    matched : bool
        Whether dishes of the same number have the same seed for all values.
    reference : tuple of int
        Number of the value, of each factor, that ratios are to.
    """

    model: str
    settings: tuple[str, ...]
    factors: tuple[Factor, ...]
    dishes: int
    times: tuple[float, ...]
    seed: int
    matched: bool
    reference: tuple[int, ...]

    @property
    def points(self) -> list[tuple[int, ...]]:
        """Numbers of values, of each factor, for all combinations."""
        return list(itertools.product(*(range(len(f.values)) for f in self.factors)))

    def settings_at(self, point: tuple[int, ...]) -> tuple[str, ...]:
        """Settings of a combination, those of the sweep last."""
        own = (f"{f.key}={f.values[n]}" for f, n in zip(self.factors, point, strict=True))
        return (*self.settings, *own)

    def dish(self, point: tuple[int, ...], number: int) -> Dish:
        """One dish; the first dishes of many are those of few."""
        settings = self.settings_at(point)
        name = "sweep" if self.matched else "; ".join(settings)
        return Dish("cells", self.model, settings, seed_of(self.seed, name, number), self.times)

    def spec_at(self, point: tuple[int, ...]) -> ModelSpec:
        """Resolved model of a combination."""
        return load_model(self.model, settings=self.settings_at(point)).spec

    @property
    def all_dishes(self) -> list[Dish]:
        """Number by number, so that an unfinished sweep has something of each value."""
        return [self.dish(p, n) for n in range(self.dishes) for p in self.points]


def ask(
    model: str,
    over: Sequence[Over],
    *,
    dishes: int,
    settings: Sequence[str] = (),
    times: Sequence[float] = (),
    seed: int = 1,
    independent: bool = False,
    reference: Sequence[str] = (),
) -> Question:
    """Check a sweep before anything is simulated.

    Parameters
    ----------
    model : str
        Name or file.
    over : sequence of Over
        One or two, of different keys.
    dishes : int
        Of each value, at least 2.
    settings : sequence of str
        ``KEY=VALUE`` for all dishes.
    times : sequence of float
        When cells are counted [s]; 4 and 12 h where the model has them, else its end.
    seed : int
    independent : bool
        Give every dish a seed of its own.
    reference : sequence of str
        Value that ratios are to, of each key; a key's first if not given.

    Raises
    ------
    InputError
        If a key is unknown or without effect, a value is wrong or there twice, nothing gathers in
        the model, or it has no cells at a time.
    """
    if dishes < 2:
        raise InputError("--dishes: an interval needs two or more. Give at least 2.")
    for one in over:
        if any(one.key == own or one.key.startswith(f"{own}.") for own in _DECIDED):
            raise InputError(
                f"--over {one.key}: acts on no count of cells. Times are those of --at, seeds "
                "those of --seed."
            )
    combinations = math.prod(len(one.values) for one in over)
    if combinations > _MOST:
        raise InputError(
            f"--over: the values make {combinations} combinations. Give {_MOST} at most."
        )
    specs = _resolved(model, over, tuple(settings))
    factors = tuple(_factor(one, n, specs) for n, one in enumerate(over))
    question = Question(
        model, tuple(settings), factors, dishes, tuple(sorted(set(times))), seed,
        not independent, tuple(_reference(f, reference) for f in factors),
    )  # fmt: skip
    _require_known_references(factors, reference)
    return Question(**{**vars(question), "times": _times(model, specs, question.times)})


def _resolved(
    model: str, over: Sequence[Over], settings: tuple[str, ...]
) -> dict[tuple[int, ...], ModelSpec]:
    """Models of all combinations; InputError if one is wrong, or if a key acts in none of them."""
    found: dict[tuple[int, ...], ModelSpec] = {}
    idle: list[InputError] = []
    for point in itertools.product(*(range(len(one.values)) for one in over)):
        own = (*settings, *(o.settings[n] for o, n in zip(over, point, strict=True)))
        with _naming(over):
            found[point] = load_model(model, settings=own).spec
        try:
            with _naming(over):
                asked_model(model, settings=own)
        except InputError as error:
            idle.append(error)
    if len(idle) == len(found):
        raise idle[0]
    for point, spec in found.items():
        if not (spec.cell_count > 0 and (spec.bears_stroma or spec.bears_migrasomes)):
            raise InputError(
                f"{model}: has no cells that could gather on stroma"
                f"{_at(over, point)}. A sweep shows fold changes; choose a co-culture, such as "
                "coculture-kg1a."
            )
    return found


@contextlib.contextmanager
def _naming(over: Sequence[Over]) -> Iterator[None]:
    """Let errors about settings that the sweep gives name its option."""
    try:
        yield
    except InputError as error:
        text = str(error)
        if any(re.search(rf"--set:? {re.escape(one.key)}\b", text) for one in over):
            raise InputError(text.replace("--set", "--over", 1)) from None
        raise


def _at(over: Sequence[Over], point: tuple[int, ...]) -> str:
    """Combination as an addition to a sentence, if it is not the only one."""
    own = ", ".join(o.settings[n] for o, n in zip(over, point, strict=True))
    return f" at {own}" if own else ""


def _value_at(spec: ModelSpec, key: str) -> Any:
    """Canonical value of a key; of a dose [nM]."""
    first, *rest = key.split(".")
    if first == "treatments" and rest[-1] == "dose":
        return spec.dose(rest[0])
    at: Any = spec
    for name in (first, *rest):
        at = at[name] if isinstance(at, Mapping) else getattr(at, name)
    return at


def _factor(over: Over, place: int, specs: Mapping[tuple[int, ...], ModelSpec]) -> Factor:
    """Values of a key with their numbers; InputError if two of them are the same."""
    first = {point[place]: spec for point, spec in reversed(list(specs.items()))}
    canonical = [_value_at(first[n], over.key) for n in range(len(over.values))]
    for n, value in enumerate(canonical):
        same = next((m for m in range(n) if _equal(canonical[m], value)), None)
        if same is not None:
            raise InputError(
                f"--over {over.key}: {over.values[same]} and {over.values[n]} are the same. Give "
                "each value once."
            )
    if not all(isinstance(v, int | float) and not isinstance(v, bool) for v in canonical):
        return Factor(over.key, over.values, None, "", 1.0)
    largest = max(range(len(canonical)), key=lambda n: abs(canonical[n]))
    written = next((n for n, value in enumerate(canonical) if value), largest)
    try:
        number, unit = number_and_unit(over.values[written])
    except ValueError:
        raise InputError(
            f"--over {over.key}: '{over.values[written]}' does not begin with a plain number. "
            "Write it like '10 uM'."
        ) from None
    scale = canonical[written] / number if number else 1.0
    numbers = tuple(float(f"{value / scale:.{_FIGURES}g}") for value in canonical)
    return Factor(over.key, over.values, numbers, unit, scale)


def _equal(one: Any, other: Any) -> bool:
    numbers = isinstance(one, int | float) and isinstance(other, int | float)
    return math.isclose(one, other, rel_tol=1e-9) if numbers else bool(one == other)


def _reference(factor: Factor, asked: Sequence[str]) -> int:
    wanted = [value.strip() for value in asked]
    return next((n for n, value in enumerate(factor.values) if value in wanted), 0)


def _require_known_references(factors: Sequence[Factor], asked: Sequence[str]) -> None:
    known = [value for factor in factors for value in factor.values]
    for value in asked:
        if value.strip() not in known:
            raise InputError(
                f"--reference: '{value}' is not a value of the sweep. They are: {', '.join(known)}."
            )


def _times(
    model: str, specs: Mapping[tuple[int, ...], ModelSpec], asked: tuple[float, ...]
) -> tuple[float, ...]:
    """Times at which all combinations have counted cells [s]."""
    seen = set.intersection(*(set(track_times(spec)) for spec in specs.values()))
    seen = {at for at in seen if at > 0.0}
    for at in asked:
        if at not in seen:
            last = duration_text(max(seen)) if seen else "none"
            raise InputError(
                f"--at: {duration_text(at)}: {model} has no cells counted then. Give multiples of "
                f"output.tracks_every after 0 h, up to {last}."
            )
    if not seen:
        raise InputError(f"{model}: no time is common to all values. Give --at.")
    return asked or tuple(at for at in USUAL_TIMES if at in seen) or (max(seen),)


@dataclass(frozen=True, eq=False)
class Sweep:
    """Counts of all dishes of a sweep.

    Parameters
    ----------
    question : Question
    cells, areas, folds : ndarray, shape (point, dish, time, region)
        Cells, area [um**2] and fold change in the order of `REGIONS`; NaN for dishes that failed.
    seeds : ndarray of int, shape (point, dish)
    failures : tuple of Failure
    seconds : float
        Of one dish on one core, as measured; NaN if it was not.
    """

    question: Question
    cells: Array
    areas: Array
    folds: Array
    seeds: NDArray[np.int64]
    failures: tuple[Failure, ...]
    seconds: float = math.nan


def run_sweep(
    question: Question,
    folder: Path,
    *,
    scheduler: str | None = None,
    workers: int | None = None,
    seconds: float = math.nan,
    expected: Callable[[Expected], None] | None = None,
    progress: Callable[[int], None] | None = None,
) -> Sweep:
    """Simulate the dishes that a folder does not hold yet.

    Parameters
    ----------
    question : Question
    folder : pathlib.Path
    scheduler, workers, seconds, expected, progress
        See `sdf1_field.ensemble.expecting.run_expected`.

    Raises
    ------
    InputError, RunError, KeyboardInterrupt
        As of `ensemble.run_dishes`; finished dishes are kept.
    """
    each = seconds

    def measured(cost: Expected) -> None:
        nonlocal each
        each = cost.each
        if expected is not None:
            expected(cost)

    ensemble = run_expected(
        question.all_dishes, folder, scheduler=scheduler, workers=workers, seconds=seconds,
        expected=measured, progress=progress,
    )  # fmt: skip
    return _counted(question, ensemble.readings, ensemble.failures, each)


def _counted(
    question: Question,
    readings: Mapping[Dish, Sequence[Reading]],
    failures: tuple[Failure, ...],
    seconds: float,
) -> Sweep:
    points, times = question.points, question.times
    shape = (len(points), question.dishes, len(times), len(REGIONS))
    found = {name: np.full(shape, np.nan) for name in (IN_REGION, REGION_AREA, FOLD_CHANGE)}
    seeds = np.zeros(shape[:2], dtype=np.int64)
    when = {at: n for n, at in enumerate(times)}
    where = {name: n for n, name in enumerate(REGIONS)}
    for p, point in enumerate(points):
        for d in range(question.dishes):
            dish = question.dish(point, d)
            seeds[p, d] = dish.seed
            for one in readings.get(dish, ()):
                if one.quantity in found and one.time in when:
                    found[one.quantity][p, d, when[one.time], where[one.of]] = one.values[0]
    # By definition, where there are cells to compare with.
    free = found[IN_REGION][..., 0]
    found[FOLD_CHANGE][..., 0] = np.where(free > 0.0, 1.0, np.nan)
    return Sweep(
        question, found[IN_REGION], found[REGION_AREA], found[FOLD_CHANGE], seeds, failures, seconds
    )
