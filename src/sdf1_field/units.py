"""Conversion of text with units to canonical floats: micrometre, second, nanomolar, molecules.

Canonical units are those of `DIMENSIONS`; nothing else in the program converts units.
"""

import functools
import math
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pint

MOLECULES_PER_UM3_PER_NM = 0.602214076
"""Molecules per cubic micrometre in 1 nM (exact, SI 2019)."""

MM2_PER_UM2 = 1e-6

DIMENSIONS: dict[str, tuple[str, str]] = {
    "length": ("um", "5 um"),
    "time": ("s", "15 min"),
    "area": ("um**2", "3000 um**2"),
    "volume": ("um**3", "2000 um**3"),
    "diffusivity": ("um**2/s", "150 um**2/s"),
    "speed": ("um/s", "2 um/min"),
    "rate": ("1/s", "1e-4 1/s"),
    "concentration": ("nM", "4.5 nM"),
    "association rate": ("1/(nM*s)", "2e6 1/(M*s)"),
    "surface density": ("molecule/um**2", "5000 molecules/um**2"),
    "secretion rate": ("molecule/s", "0.5 molecules/s"),
    "number density": ("1/um**2", "130 1/mm**2"),
    "line density": ("1/um", "0.1 1/um"),
    "rate per length": ("1/(um*s)", "0.01 1/(um*h)"),
    "molar mass": ("kDa", "7.96 kDa"),
}
"""Dimension: its canonical unit and an example of how to write it."""

BOUNDS: dict[str, tuple[float, float]] = {
    "length": (1e-4, 1e10),  # an atom; 10 km, which stands for never met
    "time": (1e-6, 1e30),  # `instant` keeps microseconds; what stands for never
    "area": (1e-8, 1e12),  # an atom's; a square metre
    "volume": (1e-12, 1e18),  # an atom's; a cubic metre
    "diffusivity": (1e-9, 1e9),  # a solid's; a hundred times a gas's
    "speed": (1e-9, 1e6),  # a micrometre in thirty years; a metre a second
    "rate": (1e-15, 1e9),  # once in thirty million years; faster than molecules part
    "concentration": (1e-20, 1e11),  # one molecule in 170 cubic metres; twice pure water's
    "association rate": (1e-15, 1e3),  # a hundred times what diffusion allows
    "surface density": (1e-12, 1e8),  # one molecule a square metre; ten full layers of atoms
    "secretion rate": (1e-9, 1e9),  # one in thirty years; a cell's whole protein in a second
    "number density": (1e-13, 1e2),  # one in ten square metres; side by side at 100 nm
    "line density": (1e-9, 1e4),  # one a kilometre; one an atom
    "rate per length": (1e-18, 1e6),
    "molar mass": (1e-3, 1e9),  # hydrogen; heavier than any virus
}
"""Least nonzero and largest magnitude of a value of each dimension, in canonical units.

Physical limits, many decades beyond any cell; plausible values are each parameter's own interval.
"""

_SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹⁻"
"""Superscript digits and minus of a typeset exponent."""
_NUMBER = re.compile(
    r"\s*(?P<number>[+−-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+−-]?\d+)?)"
    rf"(?:\s*[×·]\s*10(?P<exponent>⁻?[{_SUPERSCRIPTS[:-1]}]+))?"
    r"\s*(?P<unit>.*?)\s*\Z"
)
"""A number, with a typeset power of ten if any, and the rest as its unit."""
_UNIT = re.compile(r"[A-Za-zµμ\d\s*/^().-]+")
_POWER = re.compile(r"(?<=[A-Za-zµμ])([+-]?\d+)(?![\d.])")
"""An exponent that follows its unit, as in "um-2" or "mm2"."""
_TYPOGRAPHY = str.maketrans(f"{_SUPERSCRIPTS}−·×", "0123456789--**")
"""Typeset exponents, minus and products, and their plain forms."""
_UNREASONABLE = re.compile(r"\d{3}|(\*\*|\^)[^*/^\s]*(\*\*|\^)")
_LONGEST = 200
"""Characters of a quantity."""
_PER_MOLE = "[mass] / [substance]"

_FACTORS: dict[str, dict[str, float]] = {
    "length": {"nm": 0.001, "um": 1.0, "mm": 1000.0, "cm": 10000.0},
    "time": {"ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0},
    "area": {"um**2": 1.0, "mm**2": 1000000.0000000001},
    "volume": {"um**3": 1.0},
    "diffusivity": {"um**2/s": 1.0},
    "speed": {"um/s": 1.0, "um/min": 0.016666666666666666, "um/h": 0.0002777777777777778},
    "rate": {"1/s": 1.0, "1/min": 0.016666666666666666, "1/h": 0.0002777777777777778},
    "concentration": {"pM": 0.0009999999999999998, "nM": 1.0, "uM": 999.9999999999999},
    "association rate": {"1/(M*s)": 1e-09, "1/(nM*s)": 1.0},
    "surface density": {"sites/um**2": 1.0, "molecule/um**2": 1.0, "molecules/um**2": 1.0},
    "secretion rate": {"molecule/s": 1.0, "molecules/s": 1.0},
    "number density": {"1/um**2": 1.0, "1/mm**2": 1e-06},
    "line density": {"1/um": 1.0},
    "rate per length": {"1/(um*s)": 1.0, "1/(um*h)": 0.0002777777777777778},
    "molar mass": {"kDa": 1.0, "g/mol": 0.001},
}
"""Canonical value of one of the units that model files use most, by dimension, to Pint's last bit:
loading Pint takes longer than checking a model."""
_MASS_FACTORS = {"ng/mL": 1.0, "ug/mL": 999.9999999999999, "mg/mL": 999999.9999999999}
"""Concentration [nM] of a unit of mass per volume at a molar mass of 1 kDa, likewise."""


@functools.cache
def _registry() -> "pint.UnitRegistry[Any]":
    import pint

    registry: pint.UnitRegistry[Any] = pint.UnitRegistry()
    registry.define("@alias particle = site")
    registry.define("cell = [cells]")
    return registry


def _split(text: str) -> "tuple[float, pint.Unit]":
    """Number and unit of ``text``; ValueError, with a remedy if any, if either cannot be read."""
    match = _NUMBER.match(text)
    if match is None:
        raise ValueError
    number, exponent, unit = match.groups()
    if unit.startswith(tuple(_SUPERSCRIPTS)) or (exponent is not None and "e" in number.lower()):
        raise ValueError("Write a power of ten like '1e3'.")
    number, unit = number.translate(_TYPOGRAPHY), unit.translate(_TYPOGRAPHY)
    if exponent is not None:
        number += f"e{exponent.translate(_TYPOGRAPHY)}"
    if not _UNIT.fullmatch(unit) or _UNREASONABLE.search(unit):
        raise ValueError
    unit = f"1{unit}" if unit.startswith("/") else unit
    unit = _POWER.sub(r"**\1", unit)
    try:
        return float(number), _registry().Unit(unit)
    except Exception as error:  # pint raises a dozen kinds, tokenizer errors among them
        raise ValueError from error


@functools.lru_cache(maxsize=4096)
def parse(text: str, dimension: str, *, molar_mass: float | None = None) -> float:
    """Canonical value of a text with a unit.

    Parameters
    ----------
    text : str
        Such as ``"150 um**2/s"``.
    dimension : str
        A key of `DIMENSIONS`.
    molar_mass : float, optional
        [kDa]; lets a concentration be given as mass per volume.

    Returns
    -------
    float
        In the dimension's canonical unit.

    Raises
    ------
    ValueError
        If the text has no unit, an unknown one, one of another dimension, or no finite value.

    Examples
    --------
    >>> round(parse("1 mm", "length"), 6)
    1000.0
    >>> round(parse("100 ng/mL", "concentration", molar_mass=7.96), 3)
    12.563
    """
    example = DIMENSIONS[dimension][1]
    if len(text) > _LONGEST:
        raise ValueError(f"'{text}' is longer than any {dimension}. Write it like '{example}'.")
    known = _known_value(text, dimension, molar_mass)
    if known is not None:
        return known
    try:
        return _converted(text, dimension, molar_mass)
    except ValueError:
        raise
    except Exception:  # pint refuses sums of logarithms and offsets by a dozen kinds
        raise ValueError(_wrong(text, dimension)) from None


def _wrong(text: str, dimension: str) -> str:
    article = "an" if dimension[0] in "aeiou" else "a"
    return f"'{text}' is not {article} {dimension}. Write it like '{DIMENSIONS[dimension][1]}'."


def _converted(text: str, dimension: str, molar_mass: float | None) -> float:
    """Canonical value of a text whose unit Pint knows."""
    canonical, example = DIMENSIONS[dimension]
    try:
        number, unit = _split(text)
    except ValueError as error:
        raise ValueError(f"{_wrong(text, dimension)} {error}".rstrip()) from None
    quantity = _registry().Quantity(number, unit)
    if dimension == "number density" and quantity.check("[cells] / [length] ** 2"):
        canonical = "cell/um**2"
    if dimension == "molar mass" and quantity.check(_PER_MOLE):
        canonical = "kg/mol"
    if dimension == "concentration" and quantity.check("[mass] / [volume]"):
        if molar_mass is None:
            raise ValueError(
                f"'{text}' needs a molar mass to become a concentration. Write it like '{example}'."
            )
        quantity = quantity / _registry().Quantity(molar_mass, "kg/mol")
    if not quantity.is_compatible_with(canonical):
        meant = _other_case(text, canonical)
        raise ValueError(
            f"'{text}' is not {'an' if dimension[0] in 'aeiou' else 'a'} {dimension}. Did you mean "
            f"'{meant}'?"
            if meant
            else _wrong(text, dimension)
        )
    value = float(quantity.to(canonical).magnitude)
    if not math.isfinite(value):
        raise ValueError(f"'{text}' is too large. Write it like '{example}'.")
    return value


def _known_value(text: str, dimension: str, molar_mass: float | None) -> float | None:
    """Value of a finite number with a unit of the tables; None if Pint has to be asked."""
    match = _NUMBER.match(text)
    if match is None or match["exponent"] is not None or not match["number"].isascii():
        return None
    value, unit = float(match["number"]), match["unit"]
    if unit in _FACTORS[dimension]:
        value *= _FACTORS[dimension][unit]
    elif dimension == "concentration" and unit in _MASS_FACTORS and molar_mass is not None:
        value = value / molar_mass * _MASS_FACTORS[unit]
    else:
        return None
    return value if math.isfinite(value) else None


def _other_case(text: str, canonical: str) -> str | None:
    """The text with its final m (metre) and M (molar) swapped, if that fits the unit."""
    if not text.endswith(("m", "M")):
        return None
    other = text[:-1] + ("M" if text.endswith("m") else "m")
    try:
        number, unit = _split(other)
    except ValueError:
        return None
    return other if _registry().Quantity(number, unit).is_compatible_with(canonical) else None


def bounded(value: float, text: str, dimension: str, *, most: float | None = None) -> float:
    """A value within `BOUNDS`.

    Parameters
    ----------
    value : float
        Canonical.
    text : str
        The value as written by the user.
    dimension : str
        A key of `DIMENSIONS`.
    most : float, optional
        A lower upper bound.

    Raises
    ------
    ValueError
        If the value is outside the bounds and not zero.
    """
    (low, high), unit = BOUNDS[dimension], DIMENSIONS[dimension][0]
    high = high if most is None else most
    noun = f"{'an' if dimension[0] in 'aeiou' else 'a'} {dimension}"
    if value != 0.0 and abs(value) < low:
        raise ValueError(f"'{text}' is too small for {noun}. Write at least '{low:g} {unit}'.")
    if abs(value) > high:
        raise ValueError(f"'{text}' is too large for {noun}. Write at most '{high:g} {unit}'.")
    return value


_READABLE = 0.1
"""Numbers below this are written in the next smaller unit."""
_MOLAR = (("nM", 1.0), ("pM", 1e-3), ("fM", 1e-6))


def molar_unit(concentration: float) -> tuple[str, float]:
    """Unit in which to write a concentration [nM], and its size [nM].

    Examples
    --------
    >>> molar_unit(2.0), molar_unit(0.01), molar_unit(0.0)
    (('nM', 1.0), ('pM', 0.001), ('fM', 1e-06))
    """
    suit = (unit for unit in _MOLAR if concentration >= _READABLE * unit[1])
    return next(suit, _MOLAR[-1])


def instant(seconds: float) -> float:
    """Time rounded to the microsecond, so that equal times compare equal [s].

    Examples
    --------
    >>> instant(5 * 3960.0000000000005) == instant(22 * 900.0)
    True
    """
    return round(seconds, 6) + 0.0  # no minus zero


def duration_text(seconds: float) -> str:
    """Seconds as text in hours, minutes or seconds.

    Examples
    --------
    >>> duration_text(-7200.0), duration_text(900.0), duration_text(45.0)
    ('-2 h', '15 min', '45 s')
    """
    for unit, size in (("h", 3600.0), ("min", 60.0)):
        if seconds and seconds % size == 0:
            return f"{seconds / size:g} {unit}"
    return f"{seconds:g} s"


def bytes_text(size: float) -> str:
    """Bytes as text in megabytes or gigabytes.

    Examples
    --------
    >>> bytes_text(1.2e6), bytes_text(3.61e9)
    ('2 MB', '3.6 GB')
    """
    return f"{size / 1e9:,.1f} GB" if size >= 1e9 else f"{math.ceil(size / 1e6)} MB"
