"""The space of free parameters: their intervals, and points of the unit cube in it."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdf1_field.errors import InputError
from sdf1_field.spec import Model, read_toml, suggestion

Array = NDArray[np.float64]

_DIGITS = 4
"""Significant digits of a value: finer than any data here can tell apart."""


@dataclass(frozen=True)
class Free:
    """A free parameter; its prior is even over its interval.

    Parameters
    ----------
    key : str
        Dotted path in a model.
    low, high : float
        Ends of the interval.
    unit : str
        Of both; empty for numbers.
    """

    key: str
    low: float
    high: float
    unit: str

    @property
    def logarithmic(self) -> bool:
        """Whether the prior is even in the logarithm: unless the interval begins at 0."""
        return self.low > 0.0

    def number(self, place: Array) -> Array:
        """Numbers at places from 0 to 1 of the interval, in the parameter's unit."""
        if self.logarithmic:
            return self.low * (self.high / self.low) ** np.asarray(place)
        return self.low + np.asarray(place) * (self.high - self.low)

    def place(self, number: float) -> float:
        """Place of a number: 0 at the interval's low end and 1 at its high one."""
        if self.logarithmic:
            return math.log(number / self.low) / math.log(self.high / self.low)
        return (number - self.low) / (self.high - self.low)

    def setting(self, place: float) -> str | float:
        """Value at a place, as a model takes it."""
        number = float(f"{float(self.number(np.array(place))):.{_DIGITS}g}")
        return f"{number:g} {self.unit}" if self.unit else number


@dataclass(frozen=True)
class Space:
    """Free parameters, in the order of a point's coordinates."""

    free: tuple[Free, ...]

    def __len__(self) -> int:
        return len(self.free)

    @property
    def keys(self) -> tuple[str, ...]:
        """Dotted paths."""
        return tuple(one.key for one in self.free)

    def settings(self, point: Sequence[float] | Array) -> dict[str, str | float]:
        """Values at a point of the unit cube, by key."""
        return {one.key: one.setting(x) for one, x in zip(self.free, point, strict=True)}

    def point(self, model: Model) -> Array:
        """Point of a model's own values; outside of the cube where an interval excludes one.

        Raises
        ------
        InputError
            If one of them has no place, as 0 has none on a logarithmic scale.
        """
        places = []
        for one in self.free:
            number, _ = _number(model.entries[one.key].value)
            if one.logarithmic and number <= 0.0:
                raise InputError(
                    f"{model.name}: {one.key}: {model.entries[one.key].value} has no place on a "
                    "logarithmic scale. Begin its interval at 0 with --prior."
                )
            places.append(one.place(number))
        return np.array(places)


def make_space(model: Model, keys: Sequence[str], prior: Mapping[str, Any] | None = None) -> Space:
    """Space of a model's parameters, over their intervals in it or over those given.

    Parameters
    ----------
    model : Model
        Whose entries have the keys.
    keys : sequence of str
    prior : mapping of str to sequence of two, optional
        Other intervals: numbers, or text with a unit.

    Raises
    ------
    InputError
        If a key is unknown or has no interval, or if an interval is not one.
    """
    given = dict(prior or {})
    for key in (*keys, *given):
        if key not in model.entries:
            raise InputError(f"{key}: no such parameter. {suggestion(key, list(model.entries))}")
    for key in given:
        if key not in keys:
            raise InputError(f"--prior: {key}: it is not free. Add it to --free, or leave it out.")
    free = []
    for key in keys:
        ends = given.get(key, model.entries[key].interval)
        if ends is None:
            raise InputError(
                f"{key}: it has no interval. Give one with --prior, or do not set it free."
            )
        free.append(_free(model, key, ends))
    return Space(tuple(free))


def _free(model: Model, key: str, ends: Sequence[Any]) -> Free:
    where = f"{key}: the interval {list(ends)!r}"
    (low, unit), (high, other) = (_number(end) for end in ends)
    if unit != other:
        raise InputError(f"{where} has two units. Write both ends in {unit or other}.")
    if not (math.isfinite(low) and low < high):
        raise InputError(f"{where} does not rise. Write the lower end first.")
    for end in ends:
        model.set({key: end})
    return Free(key, low, high, unit)


def _number(value: Any) -> tuple[float, str]:
    """Number and unit of a value in a model."""
    if isinstance(value, bool | list) or value is None:
        raise InputError(f"{value!r} is not a number. Choose a parameter that is one.")
    text, _, unit = str(value).partition(" ")
    try:
        return float(text), unit
    except ValueError:
        raise InputError(f"{value!r} is not a number with a unit. Write it like '5 um'.") from None


def load_prior(path: Path) -> dict[str, Any]:
    """Intervals in a TOML file, by dotted path.

    Raises
    ------
    InputError
        If the file cannot be read, or an entry is not a list of two ends.
    """
    found = dict(_leaves(read_toml(path, str(path), "Check --prior.")))
    for key, ends in found.items():
        if not (isinstance(ends, list) and len(ends) == 2):
            raise InputError(
                f"{path}: {key}: {ends!r} is not an interval. Write it like [1, 10], or "
                '["1 um", "10 um"].'
            )
    return found


def _leaves(table: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{path}{key}.")
        else:
            yield f"{path}{key}", value
