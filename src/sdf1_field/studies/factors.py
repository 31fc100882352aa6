"""What a sweep varies: a key of the model and its values, as users write them.

NumPy is not needed here, so that errors in a call are quick.
"""

import itertools
import math
import re
from dataclasses import dataclass

from sdf1_field.errors import InputError

_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_RANGE = re.compile(
    rf"(?P<low>{_NUMBER})(?P<its>[^.:]*)\.\.(?P<high>{_NUMBER})(?P<unit>[^:]*):"
    r"(?P<spacing>log|lin):(?P<number>\d{1,6})"
)
_VALUE = re.compile(rf"({_NUMBER})\s*(.*)")
MOST = 100
"""Values of one key."""
_FIGURES = 3
"""Of the values between the ends of a range, at least."""
_ROUNDED = 0.01
"""Rounding of such a value at most, as a share of the step to it."""
_LIKE = "0.03..30 uM:log:7"


@dataclass(frozen=True)
class Over:
    """A key and its values, as ``--over`` gives them.

    Parameters
    ----------
    key : str
        Dotted path.
    values : tuple of str
        As of a setting.
    """

    key: str
    values: tuple[str, ...]

    @property
    def settings(self) -> tuple[str, ...]:
        """``KEY=VALUE`` for each value."""
        return tuple(f"{self.key}={value}" for value in self.values)


def read_over(text: str) -> Over:
    """Key and values of a text such as ``treatments.amd3100.dose=0 uM,0.03..30 uM:log:7``.

    Raises
    ------
    InputError
        If the text has no key, fewer than two values, a value twice, or a range that is none.

    Examples
    --------
    >>> read_over("cells.density=100..400 1/mm**2:lin:4").values
    ('100 1/mm**2', '200 1/mm**2', '300 1/mm**2', '400 1/mm**2')
    >>> read_over("treatments.amd3100.dose=0 uM,0.1..10 uM:log:3").settings[-1]
    'treatments.amd3100.dose=10 uM'
    """
    key, equals, rest = (part.strip() for part in text.partition("="))
    if not (key and equals):
        raise InputError(
            f"--over: '{text}' names no key and values. Write it like "
            "--over 'treatments.amd3100.dose=0 uM,1 uM,10 uM'."
        )
    values: list[str] = []
    for part in (part.strip() for part in rest.split(",")):
        if not part:
            raise InputError(f"--over {key}: has an empty value. Write V1,V2,... without gaps.")
        values += _of_range(key, part) if ".." in part else [part]
    twice = next((value for value in values if values.count(value) > 1), None)
    if twice is not None:
        raise InputError(f"--over {key}: {twice} is there twice. Give each value once.")
    if len(values) < 2:
        raise InputError(f"--over {key}: has one value only. Give two or more, or set it by --set.")
    if len(values) > MOST:
        raise InputError(f"--over {key}: has {len(values)} values. Give {MOST} at most.")
    return Over(key, tuple(values))


def require_different_keys(over: tuple[Over, ...]) -> None:
    """Raise InputError unless there are one or two keys, each named once."""
    keys = [one.key for one in over]
    if len(keys) == 2 and keys[0] == keys[1]:
        raise InputError(
            f"--over {keys[0]}: is there twice. Write all of its values in one, --over KEY=V1,V2."
        )
    if not 1 <= len(keys) <= 2:
        raise InputError(
            f"--over: is there {len(keys)} times. Give one key for a curve, two for a grid; set "
            "others by --set."
        )


def number_and_unit(value: str) -> tuple[float, str]:
    """Number and unit of a value as written; ValueError if it does not begin with a number.

    Examples
    --------
    >>> number_and_unit("0.1 uM")
    (0.1, 'uM')
    """
    found = _VALUE.fullmatch(value.strip())
    if found is None:
        raise ValueError(value)
    return float(found[1]), found[2]


def _of_range(key: str, text: str) -> list[str]:
    """Values of a range; its ends are as written, those between have as few figures as they can."""
    found = _RANGE.fullmatch(text)
    if found is None:
        raise InputError(
            f"--over {key}: '{text}' is not a range. Write it like {_LIKE}, or with lin for equal "
            "steps."
        )
    number, own, unit = int(found["number"]), found["its"].strip(), found["unit"].strip()
    low, high = float(found["low"]), float(found["high"])
    if own not in ("", unit):
        raise InputError(f"--over {key}: '{text}' has two units. Write it like {_LIKE}.")
    if not 2 <= number <= MOST:
        raise InputError(f"--over {key}: '{text}' has {number} values. Give 2 to {MOST}.")
    if not low < high:
        raise InputError(f"--over {key}: '{text}' does not rise. Write the lower end first.")
    logarithmic = found["spacing"] == "log"
    if logarithmic and low <= 0.0:
        raise InputError(
            f"--over {key}: '{text}' has no logarithmic steps from {found['low']}. Begin above 0, "
            f"and add 0 as a value: 0 uM,{_LIKE}."
        )
    shares = [n / (number - 1) for n in range(1, number - 1)]
    between = [
        low * (high / low) ** share if logarithmic else low + (high - low) * share
        for share in shares
    ]
    if not all(map(math.isfinite, between)):
        raise InputError(f"--over {key}: '{text}' is too wide. Choose nearer ends.")
    steps = [after - before for before, after in itertools.pairwise([low, *between, high])]
    texts: list[str] = []
    for figures in range(_FIGURES, 18):
        texts = [f"{value:.{figures}g}" for value in between]
        rounded = [abs(float(own) - value) for own, value in zip(texts, between, strict=True)]
        if all(off <= _ROUNDED * step for off, step in zip(rounded, steps, strict=False)):
            break
    texts = [found["low"], *texts, found["high"]]
    return [f"{one} {unit}".rstrip() for one in texts]
