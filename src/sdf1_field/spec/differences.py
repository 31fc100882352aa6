"""Values of a model that differ from the shipped ones, and values outside their intervals."""

import json
import textwrap
import warnings
from pathlib import Path
from typing import Any, NamedTuple

from sdf1_field.errors import InputError, Sdf1FieldWarning
from sdf1_field.spec.doubts import doubtful_steps
from sdf1_field.spec.entries import CALL, DEFAULTS, Entry, file_name
from sdf1_field.spec.layers import FITTED
from sdf1_field.spec.model import Model
from sdf1_field.spec.reading import parameters
from sdf1_field.spec.schema import dimension_of
from sdf1_field.units import parse


class Change(NamedTuple):
    """A value that differs from the shipped one: dotted path, value as written, source."""

    path: str
    value: Any
    source: str

    @property
    def setting(self) -> str:
        """Such as ``treatments.amd3100.dose=10 uM``."""
        value = self.value if isinstance(self.value, str) else json.dumps(self.value)
        return f"{self.path}={' '.join(value.split())}"

    @property
    def text(self) -> str:
        """Such as ``treatments.amd3100.dose=10 uM (set by the user)``."""
        return f"{self.setting} ({self.source})"


def changes(model: Model) -> tuple[Change, ...]:
    """`Model.changed` with the source of each value: the call, or a file by its name.

    Parameters
    ----------
    model : Model
        Also one that a run file has recorded, which gives the same.

    Returns
    -------
    tuple of Change
        By path.
    """
    return tuple(
        Change(path, value, _author(model.entries[path]))
        for path, value in sorted(model.changed.items())
    )


def _author(entry: Entry) -> str:
    return entry.source if entry.where == CALL else file_name(entry.where)


def changes_text(model: Model) -> str:
    """`changes` in one line; empty without any."""
    return "; ".join(one.text for one in changes(model))


def brief_changes(model: Model, *, width: int) -> str:
    """`changes` up to a width in characters, and the number of the others.

    Files are named without their folders, and what a drawn scene brings is left out.
    """
    settings = [
        one._replace(value=Path(one.value).name).setting
        if isinstance(one.value, str) and Path(one.value).is_absolute()
        else one.setting
        for one in changes(model)
        if not one.source.startswith(FITTED)
    ]
    shown = [textwrap.shorten(settings[0], width, placeholder=" ...")] if settings else []
    for setting in settings[1:]:
        if len("; ".join([*shown, setting])) > width:
            break
        shown.append(setting)
    more = len(settings) - len(shown)
    return "; ".join([*shown, f"and {more} more"] if more else shown)


class Outside(NamedTuple):
    """A value outside its plausible interval.

    Parameters
    ----------
    path, where : str
        Its dotted path, and the file or option that sets it.
    value : str or float
        As written.
    interval : tuple of two str or float
        As written.
    source : str
        Of the interval.
    """

    path: str
    where: str
    value: str | float
    interval: tuple[str | float, str | float]
    source: str

    @property
    def text(self) -> str:
        """One line: where, what, the interval and its source."""
        low, high = self.interval
        return (
            f"{self.where}: {self.path}: {self.value} is outside its interval, {low} to {high} "
            f"({' '.join(self.source.split())})."
        )


def outside_intervals(model: Model) -> tuple[Outside, ...]:
    """Values of a model outside their intervals.

    The interval is the value's own, or inherited from the value that it replaces. A number density
    of zero is never outside.

    Parameters
    ----------
    model : Model

    Returns
    -------
    tuple of Outside
        By path.

    Raises
    ------
    InputError
        If an interval is not of the kind of its value.
    """
    return tuple(
        Outside(path, entry.where, entry.value, entry.interval, _source(path, entry))
        for path, entry in sorted(model.entries.items())
        if entry.where != DEFAULTS
        and entry.interval is not None
        and _is_outside(model, path, entry)
    )


def _source(path: str, entry: Entry) -> str:
    if entry.interval_source:
        return entry.interval_source
    default = parameters().get(path)
    return default.source if default and default.interval == entry.interval else entry.source


def _is_outside(model: Model, path: str, entry: Entry) -> bool:
    assert entry.interval is not None
    if isinstance(entry.value, bool):
        return False
    dimension = dimension_of(path)
    section, name, *_ = path.split(".")
    mass = model.spec.dosed_mass(name) if section == "treatments" else None
    try:
        value, low, high = (
            float(each) if dimension is None else parse(str(each), dimension, molar_mass=mass)
            for each in (entry.value, *entry.interval)
        )
    except ValueError as error:
        raise InputError(
            f"{entry.where}: {path}.interval: {error}"
            if dimension
            else f"{entry.where}: {path}.interval: needs numbers. Correct it or remove it."
        ) from None
    none = dimension == "number density" and value == 0.0
    return not (none or low <= value <= high)


def warn_of_intervals(model: Model, *, strict: bool, caller: int = 1) -> None:
    """Warn of values outside their intervals and of steps too long for the run or its cells.

    Parameters
    ----------
    model : Model
    strict : bool
    caller : int
        Number of calls up to the line that the warning names.

    Raises
    ------
    InputError
        If there is anything to warn of and ``strict`` is set.
    """
    texts = [outside.text for outside in outside_intervals(model)]
    texts += doubtful_steps(model)
    if strict and texts:
        raise InputError(f"{' Also '.join(texts)} Choose values within, or omit strict.")
    for text in texts:
        warnings.warn(text, Sdf1FieldWarning, stacklevel=caller + 1)
