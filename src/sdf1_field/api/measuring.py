"""Segmented pictures and the cells on them: read, measured and drawn."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sdf1_field.analysis import has_stroma
from sdf1_field.analysis.mask_census import MeasuredDish, shipped_cell
from sdf1_field.analysis.measured import Walk, measured_table, predicted_rows
from sdf1_field.analysis.run_pictures import run_mask, run_positions, square_pixel
from sdf1_field.api.options import quantity, quantity_or_none, regions_of, without_effect
from sdf1_field.errors import InputError, Sdf1FieldWarning
from sdf1_field.interop import Mask, Positions, read_positions
from sdf1_field.interop.masks import require_labels
from sdf1_field.record import open_run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Pair = tuple[str | Path, str | Path]


@dataclass(frozen=True)
class ReadingOptions:
    """How masks and cells are read where the files do not say it.

    Parameters
    ----------
    labels : str, optional
        Which labels of a mask are which region, such as ``"free=0,msc=1,network=2"`` or, if each
        body has a label, ``"free=0,msc=others"``; of outlines their names, such as
        ``"msc=MSC*,network=net*"``.
    pixel_size : str, optional
        Such as ``"0.65 um"``, for masks without a calibration.
    planes : mapping of str to int
        Plane along each axis of a mask besides y and x, such as ``{"T": 3}``, from 0.
    image_size : str, optional
        Columns and rows of a picture that was outlined in ImageJ, such as ``"1024x1024"``.
    frame : int, optional
        Of files of cells with several, from 0.
    frame_interval : str, optional
        Such as ``"2 min"``, for tracks without one.
    columns : mapping of str to str
        Names of a table's columns for ``x``, ``y``, ``frame``, ``track`` and ``time``.
    cells_in : str, optional
        ``"um"`` or ``"px"``, for tables whose columns name no unit.
    count_by : str
        ``"pixel"``: cells are in the region under their centre; ``"table"``: in that of the
        table's column ``region``.
    """

    labels: str | None = None
    pixel_size: str | None = None
    planes: Mapping[str, int] = field(default_factory=dict)
    image_size: str | None = None
    frame: int | None = None
    frame_interval: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    cells_in: str | None = None
    count_by: str = "pixel"


class Measured:
    """Dishes on segmented pictures, in groups.

    Parameters
    ----------
    groups : mapping of str to sequence of MeasuredDish
        By the name of the group; the first is the control.
    """

    def __init__(self, groups: Mapping[str, Sequence[MeasuredDish]]) -> None:
        self.groups = groups

    def __repr__(self) -> str:
        return f"<Measured: {', '.join(f'{len(d)} of {n}' for n, d in self.groups.items())}>"

    def table(
        self,
        *,
        diameter: str | None = None,
        after: str | None = None,
        speed: str | None = None,
        persistence: str | None = None,
        against: str | Path | None = None,
    ) -> dict[str, Any]:
        """Areas, densities and fold changes, as `sdf1-field measure --json`.

        Parameters
        ----------
        diameter : str, optional
            Of the cells, for those that touch a region; the program's KG-1a cells' if not given.
        after : str, optional
            Time since the cells were added, such as ``"4 h"``, for the encounter limit.
        speed, persistence : str, optional
            Of the cells, such as ``"3 um/min"`` and ``"5 min"``; those of their tracks over free
            surface if not given.
        against : str or pathlib.Path, optional
            Run file whose dish stands beside the observed ones, at the saved time nearest to
            ``after``, else the last.

        Raises
        ------
        InputError
            If a file stands for two dishes, a speed is missing or has no effect, or the run ends
            before ``after``.
        """
        walk = None
        if after is not None:
            walk = Walk(
                quantity("--after", after, "time"),
                quantity_or_none("--speed", speed, "speed"),
                quantity_or_none("--persistence", persistence, "time"),
            )
        for option, text in (("--speed", speed), ("--persistence", persistence)):
            if walk is None and text is not None:
                raise InputError(
                    f"{option}: is for the encounter limit, which needs the time since the cells "
                    "were added. Give --after, such as '4 h', too."
                )
        size = quantity_or_none("--diameter", diameter, "length")
        predicted = None
        if against is not None:
            with open_run(against, interrupted=True) as run:
                if not has_stroma(run):
                    raise InputError(
                        f"--against: {against} has no regions to set beside observed ones. Give a "
                        "run with a stroma."
                    )
                predicted = predicted_rows(run, str(against), None if walk is None else walk.after)
        return measured_table(self.groups, diameter=size, walk=walk, predicted=predicted)

    def plot(self, table: Mapping[str, Any] | None = None) -> "Figure":
        """Regions of each dish with their outlines, and its cells.

        Parameters
        ----------
        table : mapping, optional
            Of `table`. If it was made against a run, the run's dish and bars of the fold changes
            stand beside the observed ones.
        """
        from sdf1_field.figures.measured import plot_measured

        if table is None:
            return plot_measured(self.groups, diameter=shipped_cell()[0])
        dish = None
        if table["predicted"] is not None:
            with open_run(table["predicted"]["run"], interrupted=True) as run:
                time = table["predicted"]["time"]
                mask = run_mask(run, time, pixel=square_pixel(run))
                dish = MeasuredDish(mask, run_positions(run, time), by_table=True)
        return plot_measured(
            self.groups, diameter=table["diameter_um"], predicted=dish, table=table
        )


def measure(mask: str | Path, cells: str | Path, **reading: Any) -> Measured:
    """Cells of one dish on its segmented picture.

    Parameters
    ----------
    mask : str or pathlib.Path
        Labels in a TIFF file, or outlines of ImageJ (.roi, .zip).
    cells : str or pathlib.Path
        TrackMate's XML or CSV, a table with places, or points of ImageJ.
    **reading
        As of `ReadingOptions`.

    Raises
    ------
    InputError
        If a file cannot be read, has no calibration, or the two are of different pictures.
    """
    return measure_groups({"": [(mask, cells)]}, **reading)


def measure_groups(groups: Mapping[str, Sequence[Pair]], **reading: Any) -> Measured:
    """Cells of dishes in groups, the first of which is the control.

    Parameters
    ----------
    groups : mapping of str to sequence of pairs
        Mask and cells of each dish, by the name of its group.
    **reading
        As of `ReadingOptions`.

    Raises
    ------
    InputError
        As of `measure`, and if a calibration is given that no file needs, or a label is named
        of which no mask has a pixel.

    Warns
    -----
    Sdf1FieldWarning
        If cells are in other regions than their file names.
    """
    how = ReadingOptions(**reading)
    interval = quantity_or_none("--frame-interval", how.frame_interval, "time")
    if how.cells_in not in (None, "um", "px"):
        raise InputError(f"--cells-in: '{how.cells_in}' is no unit. Give um or px.")
    if how.count_by not in ("pixel", "table"):
        raise InputError(f"--count-by: '{how.count_by}' is neither. Give pixel or table.")
    read: dict[str, list[MeasuredDish]] = {}
    partial = sum(map(len, groups.values())) > 1
    masks: list[Mask] = []
    cells: list[Positions] = []
    for name, pairs in groups.items():
        for picture, places in pairs:
            masks.append(
                regions_of(
                    picture, how.labels, pixel_size=how.pixel_size, planes=how.planes,
                    image_size=how.image_size, partial=partial,
                )
            )  # fmt: skip
            cells.append(
                read_positions(
                    Path(places),
                    masks[-1],
                    frame=how.frame,
                    frame_interval=interval,
                    columns=how.columns,
                    unit=how.cells_in,
                    by_region=how.count_by == "table",
                )
            )
            dish = MeasuredDish(masks[-1], cells[-1], by_table=how.count_by == "table")
            _warn_of_shift(dish)
            read.setdefault(name, []).append(dish)
    if partial:
        require_labels(masks)
    if how.pixel_size is not None and not any(mask.asked for mask in masks):
        raise without_effect(masks[0].name, "--pixel-size")
    if interval is not None and all("frame_interval" in each.unused for each in cells):
        raise without_effect(cells[0].name, "--frame-interval")
    return Measured(read)


_FEW, _FEW_SHARE = 2, 0.02
"""Cells, and share of cells, that may be beside the region of their file: those at outlines."""


def _warn_of_shift(dish: MeasuredDish) -> None:
    """Warn if cells are in other regions than their file says, as in a shifted picture."""
    named, under = dish.cells.region, dish.under
    if named is None or dish.by_table:
        return
    beside, cells = int(np.count_nonzero(named != under)), len(under)
    if beside <= max(_FEW, _FEW_SHARE * cells):
        return
    likely = "both may be of unlike pictures or times, or the pixels coarse"
    if "TrackMate" in dish.cells.format:
        likely = (
            "TrackMate measures from the centre of a pixel, so both must have one: export a run's "
            f"cells with --pixel-size '{dish.mask.pixel_size:.6g} um'. Else {likely}"
        )
    warnings.warn(
        f"{dish.cells.name}: {beside} of {cells} cells are named in other regions than "
        f"{dish.mask.name} has under them; {likely}.",
        Sdf1FieldWarning,
        stacklevel=4,
    )
