"""Ligand on the floor as a map's colours: dissolved or bound, its unit, and the scale's ends."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.colors import Normalize
from matplotlib.ticker import MaxNLocator, ScalarFormatter
from numpy.typing import NDArray

from sdf1_field.digits import number_text
from sdf1_field.errors import InputError
from sdf1_field.figures.drawing import bar_axes, is_flat, values_at
from sdf1_field.figures.paper import font_size, wrapped
from sdf1_field.record import field_unit
from sdf1_field.spec import ModelSpec
from sdf1_field.units import parse

Array = NDArray[np.float64]

DISSOLVED, BOUND, BOTH = "dissolved", "bound", "both"
FIELDS = (DISSOLVED, BOUND, BOTH)
_BRIGHTEST = 0.998
"""Share of places that the colours tell apart; the brightest few would hide the rest."""
_UNIFORM = 1e-2
"""Deviation over mean below which a map shows the deviation."""
_RANGE = re.compile(r"(?P<low>.+?)\s*(?:\.\.|…)\s*(?P<high>[^.].*)")
_NUMBER = re.compile(r"[+-]?[\d.]+(?:[eE][+-]?\d+)?")
_LEAST = 1e-12
"""Least range of a colour scale, in the unit of its field."""
_EXTENDED = {
    (False, False): "neither", (True, False): "min", (False, True): "max", (True, True): "both",
}  # fmt: skip
"""Ends of a colour bar beyond which there are darker, and brighter, places."""
_TICKS, _TICK_ROOM = 6, 0.06
"""Most marks of a colour bar, and the room that one needs, in inches per point of the text."""


@dataclass(frozen=True)
class Range:
    """Ends of a colour scale [nM], or of bound ligand [molecules/um**2].

    Parameters
    ----------
    text : str
        As a user wrote it.
    low, high : float
    bound : bool
        Whether it is of bound ligand.
    unit : str
        Of the higher end, as it is printed.
    size : float
        One of that unit in the unit of the ends.
    """

    text: str
    low: float
    high: float
    bound: bool
    unit: str
    size: float


def range_of(text: str, *, molar_mass: float | None = None) -> Range:
    """Ends of a colour scale from text such as ``0.5..2 pM``.

    Parameters
    ----------
    text : str
        Two numbers, the second with a unit: of a concentration, or of molecules per area.
    molar_mass : float, optional
        Of the ligand [kDa]; lets a concentration be given as mass per volume.

    Raises
    ------
    InputError
        If it is no range, has no unit, or does not rise from zero or more.

    Examples
    --------
    >>> range_of("0.5..2 nM")
    Range(text='0.5..2 nM', low=0.5, high=2.0, bound=False, unit='nM', size=1.0)
    """
    example = "Write it like '0.5..2 pM', or of bound ligand '0..4 molecules/um**2'."
    match = _RANGE.fullmatch(text.strip())
    if match is None:
        raise InputError(f"--range: '{text}' is not a range. {example}")
    low, high = match["low"], match["high"]
    if _NUMBER.fullmatch(high):
        raise InputError(f"--range: '{text}' has no unit. {example}")
    unit = _NUMBER.sub("", high, count=1).strip()
    if _NUMBER.fullmatch(low):
        low += f" {unit}"
    for dimension in ("concentration", "surface density"):
        mass = molar_mass if dimension == "concentration" else None
        try:
            least, most, size = (
                parse(end, dimension, molar_mass=mass) for end in (low, high, f"1 {unit}")
            )
        except ValueError:
            continue
        if not 0.0 <= least < most:
            raise InputError(
                f"--range: '{text}' does not rise from zero or more. Give the lower end first."
            )
        bound = dimension != "concentration"
        return Range(text, least, most, bound, _printed(unit), size)
    raise InputError(f"--range: '{text}' is not a range of concentration. {example}")


def _printed(unit: str) -> str:
    """A unit as pictures print it.

    Examples
    --------
    >>> _printed("molecules/um**2")
    'molecules/µm²'
    """
    for typed, printed in (("**2", "²"), ("^2", "²"), ("um", "µm"), ("ug", "µg"), ("uM", "µM")):
        unit = unit.replace(typed, printed)
    return unit


@dataclass(frozen=True)
class FloorField:
    """A ligand on the floor, dissolved or bound, in the unit in which it is printed.

    Parameters
    ----------
    variable : str
        Of the run file.
    name : str
        What and where it is.
    unit : str
        Printed.
    size : float
        One of that unit in the file's.
    ends : (float, float) or None
        Of the colour scale in that unit, if they are given.
    """

    variable: str
    name: str
    unit: str
    size: float
    ends: tuple[float, float] | None = None

    def values(self, run: xr.Dataset, frame: int) -> Array:
        """Field of a frame, shape (y, x); NaN outside of a round well."""
        values: Array = values_at(run, frame, self.variable).astype(float) / self.size
        return values


def floor_field(
    run: xr.Dataset, spec: ModelSpec, ligand: str, *, bound: bool, ranges: Sequence[Range] = ()
) -> FloorField:
    """A ligand's field, in the unit of the range of its kind if there is one."""
    label = spec.ligand[ligand].label
    if bound:
        variable, name = f"{ligand}_bound", f"{label} bound to the coat"
        unit, size = "molecules/µm²", 1.0
    else:
        variable, name = ligand, f"{label} in the medium at the floor"
        unit, size = field_unit(run, ligand)
    own = next((each for each in ranges if each.bound == bound), None)
    if own is None:
        return FloorField(variable, name, unit, size)
    ends = own.low / own.size, own.high / own.size
    return FloorField(variable, name, own.unit, own.size, ends)


def chosen_fields(
    run: xr.Dataset,
    spec: ModelSpec,
    ligand: str | None,
    field: str | None,
    ranges: Sequence[str],
) -> list[FloorField]:
    """Fields that a picture shows, the main one first; none of a run without ligand.

    Parameters
    ----------
    run : xarray.Dataset
    spec : ModelSpec
    ligand : str or None
        The first of the run if None.
    field : str or None
        One of `FIELDS`. If None, what cells steer by: the bound field first where they follow it,
        and the dissolved one too; otherwise the dissolved field alone.
    ranges : sequence of str

    Raises
    ------
    InputError
        If the run has no field, or a range is of none that is shown, or two are of one.
    """
    own = ligand or next(iter(spec.solved_ligands), None)
    if own is None:
        for option, given in (("--field", field), ("--range", ranges)):
            if given:
                raise InputError(f"{option}: the run has no field. Remove the option.")
        return []
    steered = spec.follows_cells and spec.mechanisms.haptotaxis and own in spec.sensed_ligands
    binds = f"{own}_bound" in run and not is_flat(values_at(run, -1, f"{own}_bound"))
    if field is None:
        field = BOTH if steered and binds else DISSOLVED
    kinds = {DISSOLVED: [False], BOUND: [True], BOTH: [True, False]}[field]
    if field == BOTH and not steered:
        kinds = [False, True]
    parsed = [range_of(text, molar_mass=spec.ligand[own].molar_mass) for text in ranges]
    for n, each in enumerate(parsed):
        what = "bound ligand" if each.bound else "dissolved ligand"
        if each.bound in [before.bound for before in parsed[:n]]:
            raise InputError(
                f"--range: '{each.text}' is a second range of {what}, and a picture has one. Omit "
                f"it or '{parsed[n - 1].text}'."
            )
        if each.bound not in kinds:
            raise InputError(
                f"--range: '{each.text}' is of {what}, which the picture does not show. Choose it "
                f"with --field {BOUND if each.bound else DISSOLVED} or {BOTH}."
            )
    return [floor_field(run, spec, own, bound=bound, ranges=parsed) for bound in kinds]


class FieldScale:
    """Colours of a field that hold for several frames.

    A nearly uniform field is shown as its difference from its mean in each frame, unless the
    scale's ends are given; of a uniform one `uniform` says so in words.

    Parameters
    ----------
    run : xarray.Dataset
    field : FloorField
    frames : sequence of int
        Frames for which the colour scale is made.
    """

    def __init__(self, run: xr.Dataset, field: FloorField, frames: Sequence[int]) -> None:
        self._run, self._field, self._deviates = run, field, False
        last = field.values(run, frames[-1])
        mean = f"{number_text(float(np.nanmean(last)))} {field.unit}"
        self.label, self.uniform = field.name, ""
        if all(is_flat(field.values(run, n)) for n in reversed(frames)):
            self.uniform = f"{field.name}: {mean} everywhere"
            return
        if field.ends is None and np.nanstd(last) < _UNIFORM * np.nanmean(last):
            self._deviates = True
            self.label = f"{field.name}, difference from its mean"
            if len(frames) == 1:
                self.label += f" of {mean}"
        quantiles = np.array(
            [np.nanquantile(self.values(n), [0.0, _BRIGHTEST, 1.0]) for n in frames]
        )
        self._darkest, self._brightest = float(quantiles[:, 0].min()), float(quantiles[:, 2].max())
        low, high = field.ends or (self._darkest, float(quantiles[:, 1].max()))
        self.norm = Normalize(low, high if high > low else low + max(abs(low), _LEAST))

    def values(self, frame: int) -> Array:
        """What is shown of a frame, shape (y, x)."""
        values = self._field.values(self._run, frame)
        return values - np.nanmean(values) if self._deviates else values

    def draw(self, axes: Any, spec: ModelSpec, frame: int) -> Any:
        """Image of a frame over a map's whole dish; None of a uniform field, which is named."""
        if self.uniform:
            axes.set_xlabel(self.uniform)
            return None
        return axes.imshow(
            self.values(frame),
            origin="lower",
            extent=(0.0, spec.dish.width, 0.0, spec.dish.length),
            cmap="cividis",
            norm=self.norm,
        )

    def draw_bar(self, image: Any, inches: float, location: str) -> None:
        """Colour bar along a side of an image's map of so many inches.

        Parameters
        ----------
        image : matplotlib.image.AxesImage
            From `draw`.
        inches : float
        location : str
            ``left``, ``right`` or ``bottom``.
        """
        ends = (self._darkest < image.norm.vmin, self._brightest > image.norm.vmax)
        formatter = ScalarFormatter(useMathText=True)
        formatter.set_powerlimits((-2, 3))
        bar = image.figure.colorbar(
            image,
            cax=bar_axes(image.axes, location),
            location=location,
            extend=_EXTENDED[ends],
            format=formatter,
            ticks=MaxNLocator(max(3, min(_TICKS, int(inches / (_TICK_ROOM * font_size()))))),
        )
        text = self.label
        if ends[1] and self._field.ends is None:
            text += f"; brightest {number_text(self._brightest)}"
        bar.set_label(wrapped(f"{text} [{self._field.unit}]", inches))
