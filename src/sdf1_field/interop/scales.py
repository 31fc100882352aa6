"""Units of other programs' files in micrometres and seconds; files that were never calibrated."""

import re
from dataclasses import dataclass

from sdf1_field.errors import InputError

_LENGTHS = {
    "nm": 1e-3, "nanometer": 1e-3, "nanometre": 1e-3,
    "um": 1.0, "micron": 1.0, "micrometer": 1.0, "micrometre": 1.0,
    "mm": 1e3, "millimeter": 1e3, "millimetre": 1e3,
    "cm": 1e4, "centimeter": 1e4, "centimetre": 1e4,
    "m": 1e6, "meter": 1e6, "metre": 1e6,
}  # fmt: skip
"""Micrometres in a unit; `inch`, ImageJ's unit of pictures without a scale, is left out."""
_TIMES = {
    "ms": 1e-3, "msec": 1e-3, "millisecond": 1e-3,
    "s": 1.0, "sec": 1.0, "second": 1.0,
    "min": 60.0, "minute": 60.0,
    "h": 3600.0, "hr": 3600.0, "hour": 3600.0,
    "d": 86400.0, "day": 86400.0,
}  # fmt: skip
"""Seconds in a unit; `frame` is none."""
_SMALLEST, _LARGEST = 1e-6, 1e9
"""Between these are pixels [um] and times between frames [s] of any experiment."""
DEFAULT = 1.0
"""Width of a pixel, and time between frames, in ImageJ's pictures without a scale."""


@dataclass(frozen=True)
class Calibration:
    """What a user says about a file whose own calibration is missing.

    Parameters
    ----------
    pixel_size : float, optional
        [um].
    frame_interval : float, optional
        [s].
    """

    pixel_size: float | None = None
    frame_interval: float | None = None


@dataclass(frozen=True)
class Scale:
    """How a file's numbers become micrometres and seconds.

    Parameters
    ----------
    length : float
        [um] in the file's unit.
    interval : float
        Time between frames [s].
    pixel_size : float or None
        [um], if it is known from the file or, where that does not name it, from the user.
    unused : tuple of str
        Of `Calibration`, what was given although the file's numbers do not need it.
    """

    length: float
    interval: float
    pixel_size: float | None
    unused: tuple[str, ...]


def length_factor(unit: str) -> float | None:
    """Micrometres in a unit as other programs write it; None for pixels and unknown units.

    Examples
    --------
    >>> length_factor("microns"), length_factor("µm"), length_factor("pixel")
    (1.0, 1.0, None)
    """
    return _factor(unit, _LENGTHS)


def time_factor(unit: str) -> float | None:
    """Seconds in a unit as other programs write it; None for frames and unknown units.

    Examples
    --------
    >>> time_factor("min"), time_factor("Secs"), time_factor("frame")
    (60.0, 1.0, None)
    """
    return _factor(unit, _TIMES)


def _factor(unit: str, known: dict[str, float]) -> float | None:
    # ImageJ writes the micro sign of its own files as an escape.
    plain = re.sub(r"\\u00b5|[\u00b5\u03bc]", "u", unit.strip().lower())
    return known.get(plain, known.get(plain.removesuffix("s")))


def scale_of(
    name: str,
    *,
    length_unit: str,
    time_unit: str,
    interval: float | None,
    pixel_width: float | None,
    asked: Calibration,
) -> Scale:
    """Scale of a file, or the refusal of one that was never calibrated.

    A pixel of exactly 1 is ImageJ's default and stays when only the unit is typed in; so is a time
    of exactly 1 between frames where the pixel is such a one.

    Parameters
    ----------
    name : str
        Of the file, for messages.
    length_unit, time_unit : str
        As the file writes them; empty for none.
    interval : float or None
        Time between frames in its unit; None if it is not known.
    pixel_width : float or None
        In the file's unit; None if it is not known.
    asked : Calibration
        What the user says; it counts where the file says nothing.

    Raises
    ------
    InputError
        If lengths or times have no scale, with the options that give it.
    """
    missing, wanted, unused = [], [], []
    length, time = length_factor(length_unit), time_factor(time_unit)
    named = length_unit.strip() or "no unit"
    without_scale = length is None or pixel_width == DEFAULT
    pixel_size = None
    if not without_scale and length is not None:
        pixel_size = asked.pixel_size if pixel_width is None else pixel_width * length
        if asked.pixel_size is not None:
            unused.append("pixel_size")
    elif asked.pixel_size is not None:
        length = asked.pixel_size / (pixel_width or 1.0)
        pixel_size = asked.pixel_size
    else:
        missing.append(
            f"lengths are in {named}"
            if length is None
            else f"a pixel is exactly 1 {named}, ImageJ's default"
        )
        wanted.append("--pixel-size, such as '0.65 um'")
    guessed = without_scale and interval == DEFAULT
    if time is not None and interval is not None and not guessed:
        every = interval * time
        if asked.frame_interval is not None:
            unused.append("frame_interval")
    elif asked.frame_interval is not None:
        every = asked.frame_interval
    else:
        every = 0.0
        missing.append(
            f"frames are exactly 1 {time_unit.strip()} apart, the default"
            if time is not None and guessed
            else f"times are in {time_unit.strip() or 'no unit'}"
        )
        wanted.append("--frame-interval, such as '2 min'")
    if missing:
        raise InputError(
            f"{name}: not calibrated: {' and '.join(missing)}. Give {' and '.join(wanted)}."
        )
    assert length is not None
    if not all(_SMALLEST < value < _LARGEST for value in (length, every)):
        raise InputError(
            f"{name}: a pixel of {length:g} um and frames every {every:g} s are no calibration. "
            "Correct the file."
        )
    return Scale(length, every, pixel_size, tuple(unused))


def pixel_scale(
    name: str, *, unit: str, pixel_width: float | None, asked: float | None
) -> tuple[float, bool]:
    """Pixel of an image [um], and whether the user's was used, or the refusal of an image without.

    As in `scale_of`, a pixel of exactly 1 is ImageJ's default.

    Parameters
    ----------
    name : str
        Of the file, for messages.
    unit : str
        As the file writes it; empty for none.
    pixel_width : float or None
        In the file's unit; None if it is not known.
    asked : float or None
        What the user says [um]; it counts where the file says nothing.

    Raises
    ------
    InputError
        If the image has no scale, with the option that gives it.
    """
    length = length_factor(unit)
    if length is not None and pixel_width is not None and pixel_width != DEFAULT:
        size, used = pixel_width * length, False
    elif asked is not None:
        size, used = asked, True
    else:
        why = "its file names no pixel size"
        if length is not None and pixel_width is not None:
            why = f"a pixel is exactly 1 {unit.strip()}, ImageJ's default"
        elif pixel_width is not None and unit.strip():
            why = f"its pixel size is in {unit.strip()}"
        raise InputError(f"{name}: not calibrated: {why}. Give --pixel-size, such as '0.65 um'.")
    if not _SMALLEST < size < _LARGEST:
        raise InputError(
            f"{name}: a pixel of {size:g} um is no calibration. Correct it in the file."
        )
    return size, used
