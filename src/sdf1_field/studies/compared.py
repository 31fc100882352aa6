"""Two models to compare: checked, with the readings that tell them apart and the dishes to make."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sdf1_field.claims import Pool, Quantity, Reading
from sdf1_field.ensemble import Failure
from sdf1_field.ensemble.expecting import Expected, run_expected
from sdf1_field.errors import InputError, RunError
from sdf1_field.observations import OBSERVATIONS, Dish
from sdf1_field.observations.cells import FOLD_CHANGE
from sdf1_field.reproduce.experiments import seed_of
from sdf1_field.spec import Model, ModelSpec, asked_model, load_model, suggestion
from sdf1_field.spec.reading import setting_entries
from sdf1_field.spec.unread import unread_keys
from sdf1_field.studies.power import Comparison, Planned, Read
from sdf1_field.studies.t_power import PAIRED

USUAL_TIME = 4 * 3600.0
"""When cells are counted if nothing is said, as in the papers' experiments with treatments [s]."""
OWN_FACTORS_OFF = tuple(f"variation.dish.{key}=0" for key in ("secretion", "speed", "avidity"))
"""The variation between experiments takes their place."""
_WORDS = ("title", "description")
_SIDES = ("first", "against")
_CALL, _OWN = "--set", "--with"


@dataclass(frozen=True)
class Side:
    """A model and its settings.

    Parameters
    ----------
    model : str
        Shipped name, or a file.
    settings : tuple of str
        ``KEY=VALUE`` each.
    """

    model: str
    settings: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """Model with its settings."""
        return " ".join([self.model, *self.settings])


@dataclass(frozen=True)
class Compared:
    """Two models, and what their dishes are compared by.

    Parameters
    ----------
    first, against : Side
    observation : str
        Kind of observation of each dish.
    quantity : Quantity
    time : float or None
        When it is read [s]; None if the model's output says it.
    """

    first: Side
    against: Side
    observation: str
    quantity: Quantity
    time: float | None

    @property
    def reads(self) -> tuple[Read, ...]:
        """The quantity for each region or ligand."""
        return tuple(Read(self.quantity, of, self.time) for of in self.quantity.of or ("",))

    def dishes(self, number: int, *, seed: int, paired: bool) -> tuple[tuple[Dish, ...], ...]:
        """Dishes of both models; pairs have the same seed."""

        def of_side(name: str, side: Side) -> tuple[Dish, ...]:
            return tuple(
                Dish(
                    self.observation,
                    side.model,
                    (*OWN_FACTORS_OFF, *side.settings),
                    seed_of(seed, f"power/{'pair' if paired else name}", n),
                    () if self.time is None else (self.time,),
                )
                for n in range(number)
            )

        return of_side(_SIDES[0], self.first), of_side(_SIDES[1], self.against)

    def comparisons(
        self,
        dishes: tuple[tuple[Dish, ...], ...],
        readings: Mapping[Dish, Sequence[Reading]],
        planned: Planned,
    ) -> tuple[Comparison, ...]:
        """One for each of `reads`, of the dishes that did not fail.

        Raises
        ------
        RunError
            If hardly any dish of a model is left.
        InputError
            If the quantity does not exist in the dishes.
        """
        paired = planned.test == PAIRED
        kept = [[dish in readings for dish in side] for side in dishes]
        if paired:
            # A pair one of whose dishes failed is left out.
            kept = [[a and b for a, b in zip(*kept, strict=True)]] * 2
        pools = []
        for name, side, there in zip(_SIDES, dishes, kept, strict=True):
            left = tuple(readings[d] for d, here in zip(side, there, strict=True) if here)
            if len(left) < 2:
                raise RunError(f"{side[0].model}: all dishes failed. Check the model.")
            pools.append(Pool("pair" if paired else name, left))
        found = tuple(Comparison(pools[0], pools[1], read, planned) for read in self.reads)
        for one in found:
            self._require_numbers(one)
        return found

    def _require_numbers(self, comparison: Comparison) -> None:
        for side, moments in zip(_SIDES, comparison.moments(1), strict=True):
            if not (moments.mean == moments.mean and moments.deviation == moments.deviation):
                model = getattr(self, side).model
                of = f" of {comparison.read.of}" if comparison.read.of else ""
                raise InputError(
                    f"--quantity: '{self.quantity.name}'{of} does not exist in dishes of {model}, "
                    "since what it is relative to is empty. Choose another quantity."
                )


def compared(
    first: Side,
    against: Side,
    *,
    shared: Sequence[str] = (),
    quantity: str = FOLD_CHANGE,
    time: float | None = None,
) -> Compared:
    """Two models to compare, checked before any dish is made.

    Parameters
    ----------
    first, against : Side
    shared : sequence of str
        ``KEY=VALUE`` settings of both; each must have an effect in one of them.
    quantity : str
    time : float, optional
        When it is read [s]; if not given at 4 h, or at the end of a shorter run.

    Raises
    ------
    InputError
        If a model, a setting or the quantity is wrong, or both models are the same.
    """
    sides = tuple(Side(one.model, (*shared, *one.settings)) for one in (first, against))
    for one in sides:
        asked_model(one.model)
        load_model(one.model, settings=shared)
    try:
        models = tuple(load_model(one.model, settings=one.settings) for one in sides)
    except InputError as error:
        raise InputError(str(error).replace(_CALL, _OWN, 1)) from None
    _refuse_idle(models, shared, (first.settings, against.settings))
    specs = [model.spec for model in models]
    if _acting(specs[0]) == _acting(specs[1]):
        raise InputError(
            f"--against: {against.model} is the same model as {first.model} here, and differs in "
            "nothing that could be found. Name another, or set a key of one with --with."
        )
    observation = _observation(quantity, sides, specs)
    timed = OBSERVATIONS[observation].timed
    if time is not None and not timed:
        raise InputError(f"--at: '{quantity}' is of the whole run. Leave the option out.")
    if timed and time is None:
        time = min(USUAL_TIME, *(spec.run.duration for spec in specs))
        if observation not in {"cells", "time_lapse"}:
            time = min(spec.run.duration for spec in specs)
    if time is not None and not 0.0 < time < float("inf"):
        raise InputError("--at: dishes are read after 0 s. Give a later time.")
    found = OBSERVATIONS[observation].quantities[quantity]
    return Compared(sides[0], sides[1], observation, found, time)


def _acting(spec: ModelSpec) -> dict[str, object]:
    return {key: value for key, value in spec.model_dump().items() if key not in _WORDS}


def _refuse_idle(
    models: Sequence[Model], shared: Sequence[str], own: Sequence[Sequence[str]]
) -> None:
    """Raise for a setting that nothing reads: a shared one in neither model, others in theirs."""
    idle = []
    for model, settings in zip(models, own, strict=True):
        paths = _paths(model, (*shared, *settings))
        idle.append({key.path: key for key in unread_keys(model.spec, sorted(paths))})
    of_own = [_paths(model, settings) for model, settings in zip(models, own, strict=True)]
    everywhere = idle[0].keys() & idle[1].keys()
    for n, option in enumerate((_OWN, _CALL)):
        for path, key in idle[n].items():
            if path in of_own[n] or path in everywhere:
                where = option if path in of_own[n] else _CALL
                raise InputError(
                    f"{where}: {path}: acts on nothing in {models[n].name}, since {key.reason}. "
                    f"{key.remedy}, or remove it."
                )


def _paths(model: Model, settings: Sequence[str]) -> set[str]:
    """Dotted paths that settings set, in a model."""
    named = {path for text in settings for path in setting_entries(text)}
    return {p for p in model.entries if any(p == n or p.startswith(f"{n}.") for n in named)}


# What can be read


def _can_give(observation: str, spec: ModelSpec) -> bool:
    """Whether dishes of a model can be observed in a way."""
    match observation:
        case "cells" | "time_lapse":
            return spec.follows_cells and spec.bears_stroma
        case "tracks":
            return spec.follows_cells
        case "network":
            return spec.grows and spec.run.culture == 0.0 and not spec.follows_cells
        case _:
            return bool(spec.followed_ligands) and not spec.follows_cells


def _observation(quantity: str, sides: Sequence[Side], specs: Sequence[ModelSpec]) -> str:
    """The first kind of observation that reads a quantity in both models."""
    having = [name for name, one in OBSERVATIONS.items() if quantity in one.quantities]
    if not having:
        known = dict.fromkeys(q for one in OBSERVATIONS.values() for q in one.quantities)
        raise InputError(
            f"--quantity: unknown quantity '{quantity}'. {suggestion(quantity, list(known))}"
        )
    for name in having:
        if all(_can_give(name, spec) for spec in specs):
            return name
    for side, spec in zip(sides, specs, strict=True):
        if not any(_can_give(name, spec) for name in having):
            given = dict.fromkeys(
                q for name, one in OBSERVATIONS.items() if _can_give(name, spec)
                for q in one.quantities
            )  # fmt: skip
            remedy = f"It gives: {', '.join(given)}." if given else "Name another model."
            raise InputError(f"--quantity: {side.model} cannot give '{quantity}'. {remedy}")
    raise InputError(
        f"--quantity: '{quantity}' is read in other ways in {sides[0].model} and "
        f"{sides[1].model}. Name models of one kind of experiment."
    )


# Dishes


def made(
    dishes: Sequence[Dish],
    folder: Path,
    *,
    scheduler: str | None = None,
    workers: int | None = None,
    expected: Callable[[Expected], None] | None = None,
    progress: Callable[[int], None] | None = None,
) -> tuple[Mapping[Dish, tuple[Reading, ...]], tuple[Failure, ...]]:
    """Readings of dishes; those that a folder holds already are not made again.

    Parameters
    ----------
    dishes : sequence of Dish
    folder, scheduler, workers, expected, progress
        See `sdf1_field.ensemble.expecting.run_expected`.
    """
    ensemble = run_expected(
        dishes, folder, scheduler=scheduler, workers=workers, expected=expected, progress=progress
    )
    return ensemble.readings, ensemble.failures


def folder_name(first: Side, against: Side, seed: int) -> str:
    """Default name of the folder of a comparison."""
    own = [text.partition("=") for text in first.settings]
    names = [
        f"power-{Path(first.model).name.removesuffix('.toml')}",
        *(f"with-{key.rpartition('.')[2]}-{value}" for key, _, value in own),
        f"vs-{Path(against.model).name.removesuffix('.toml')}",
        f"seed{seed}",
    ]
    return re.sub(r"[^\w.+-]", "_", "-".join(names))
