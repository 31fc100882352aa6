"""What users say in words about the files that they give: quantities, planes, pictures."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from sdf1_field.errors import InputError
from sdf1_field.interop import Mask, image_size_of, read_regions
from sdf1_field.units import bounded, parse


def setting_texts(settings: Mapping[str, Any] | None) -> tuple[str, ...]:
    """``KEY=VALUE`` texts of values by dotted path.

    Examples
    --------
    >>> setting_texts({"cells.density": "330 1/mm**2", "mechanisms.bursts": True})
    ('cells.density=330 1/mm**2', 'mechanisms.bursts=true')
    """
    return tuple(f"{key}={value_text(value)}" for key, value in (settings or {}).items())


def value_text(value: Any) -> str:
    """A value as a setting has it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def quantity(option: str, text: str, dimension: str) -> float:
    """Positive value of an option, in the program's unit; InputError if it is none."""
    try:
        value = bounded(parse(text, dimension), text, dimension)
    except ValueError as error:
        raise InputError(f"{option}: {error}") from None
    if not value > 0.0:
        raise InputError(f"{option}: '{text}' is out of range. Give more than zero.")
    return value


def quantity_or_none(option: str, text: str | None, dimension: str) -> float | None:
    """`quantity` of an option that may not be given."""
    return None if text is None else quantity(option, text, dimension)


def planes_of(texts: Sequence[str]) -> dict[str, int]:
    """Planes from texts such as ``T=3,Z=0``.

    Raises
    ------
    InputError
        If one names no axis and plane.

    Examples
    --------
    >>> planes_of(["T=3,Z=0"])
    {'T': 3, 'Z': 0}
    """
    planes = {}
    for part in (part.strip() for text in texts for part in text.split(",")):
        axis, equals, number = (piece.strip() for piece in part.partition("="))
        if len(axis) != 1 or not equals or not number.isdecimal():
            raise InputError(
                f"--plane: '{part}' names no plane. Write AXIS=N with the axis' letter in the file "
                "and N from 0, such as T=3."
            )
        planes[axis.upper()] = int(number)
    return planes


def regions_of(
    path: str | Path,
    labels: str | None,
    *,
    pixel_size: str | None = None,
    planes: Mapping[str, int] | None = None,
    image_size: str | None = None,
    bodies: bool = False,
    partial: bool = False,
) -> Mask:
    """`read_regions` with the pixel and the picture's size as users write them.

    Labels of pixels, up to four bytes each, are kept only where ``bodies`` are told apart by them.
    A ``partial`` mask may lack some of the labels, for `interop.masks.require_labels`.
    """
    mask = read_regions(
        Path(path), labels, pixel_size=quantity_or_none("--pixel-size", pixel_size, "length"),
        planes=planes, image_size=None if image_size is None else image_size_of(image_size),
        partial=partial,
    )  # fmt: skip
    return mask if bodies else replace(mask, picture=None)


def without_effect(name: str | Path, option: str) -> InputError:
    """The refusal of a calibration for a file that has one."""
    return InputError(
        f"{name}: has a calibration of its own, so {option} has no effect. Omit it; if the file is "
        "wrong, correct it where it was made."
    )
