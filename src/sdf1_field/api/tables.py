"""The tables of `sdf1-field analyse` and of `Run.table`, by name."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sdf1_field.errors import InputError

if TYPE_CHECKING:
    import xarray as xr


@dataclass(frozen=True)
class Table:
    """What a table shows, needs and allows.

    Parameters
    ----------
    help : str
        For the option --show.
    cells, stroma : bool
        Whether runs need haematopoietic cells, and a stroma.
    at_times, compared, by_donor : bool
        Whether it is of single times, has a comparison with a control, and one donor by donor.
    flat : bool
        Whether it is a list of rows without lists of objects in them, as --csv needs.
    """

    help: str
    cells: bool = True
    stroma: bool = True
    at_times: bool = False
    compared: bool = False
    by_donor: bool = False
    flat: bool = False


TABLES: Mapping[str, Table] = {
    "fold-change": Table(
        "cells per region (default with MSC)",
        at_times=True, compared=True, by_donor=True, flat=True,
    ),
    "course": Table("fold change over time", flat=True),
    "distance": Table(
        "density against distance from bodies and migrasomes", at_times=True, flat=True
    ),
    "dwell": Table("how long cells stay", flat=True),
    "approach": Table("chemotactic index against distance", flat=True),
    "motion": Table(
        "paths, speed, persistence (default without MSC)", stroma=False, compared=True
    ),
    "network": Table(
        "MSC with fibres and migrasomes, fates and sizes of migrasomes (default without "
        "haematopoietic cells)",
        cells=False, at_times=True, compared=True,
    ),
    "cargo": Table(
        "chemokines in cells and migrasomes, and which way they were secreted (default without "
        "haematopoietic cells if cargo is followed)",
        cells=False, at_times=True, compared=True,
    ),
    "field": Table(
        "concentration on the floor under and around bodies and migrasomes",
        cells=False, at_times=True, compared=True, flat=True,
    ),
}  # fmt: skip
"""By their names after --show."""


def table_functions() -> Mapping[str, Callable[..., Any]]:
    """Functions that make `TABLES`, loaded on call, so that `--help` needs no NumPy.

    Each takes the runs, and ``times``, ``against`` and ``paired`` where its `Table` says so.
    """
    from sdf1_field.analysis.cargo_summary import cargo_table
    from sdf1_field.analysis.chemotaxis import approach_table
    from sdf1_field.analysis.distance import distance_table
    from sdf1_field.analysis.fields import field_table
    from sdf1_field.analysis.fold_change import course_table, fold_change_table
    from sdf1_field.analysis.motion import motion_table
    from sdf1_field.analysis.network_summary import network_table
    from sdf1_field.analysis.residence import dwell_table

    return {
        "fold-change": fold_change_table,
        "course": course_table,
        "distance": distance_table,
        "dwell": dwell_table,
        "approach": approach_table,
        "motion": motion_table,
        "network": network_table,
        "cargo": cargo_table,
        "field": field_table,
    }


def usual_table(runs: Sequence["xr.Dataset"]) -> str:
    """Name of the default table of some runs, by whether they have cells, stroma and cargo."""
    from sdf1_field.analysis import has_msc, has_stroma, holds_cargo

    if any("cell_time" in run for run in runs):
        return "fold-change" if any(map(has_stroma, runs)) else "motion"
    if any(map(has_msc, runs)):
        return "cargo" if all(map(holds_cargo, runs)) else "network"
    return "field"


def make_table(
    name: str,
    runs: Sequence["xr.Dataset"],
    times: Sequence[float] | None = None,
    *,
    against: Sequence["xr.Dataset"] = (),
    paired: bool = False,
) -> Any:
    """Table of runs, as plain values; see the functions of `sdf1_field.analysis`.

    Parameters
    ----------
    name : str
        One of `TABLES`.
    runs : sequence of xarray.Dataset
        Dishes of one experiment.
    times : sequence of float, optional
        When [s], for those of single times.
    against : sequence of xarray.Dataset
        Dishes of the control, for those with a comparison.
    paired : bool
        Compare fold changes donor by donor.

    Raises
    ------
    InputError
        If there is no such table, if it has no times or comparison, or if the runs do not hold its
        subject.
    """
    from sdf1_field import analysis

    times = None if times is None else list(dict.fromkeys(times))
    _require_sense(name, at=times is not None, against=bool(against), paired=paired)
    table = TABLES[name]
    if table.stroma:
        for group in (runs, against):
            if group:
                analysis.require_stroma(group)
    if table.cells:
        for run in (*runs, *against):
            analysis.observation_times(run)
    options: dict[str, Any] = {"times": times} if table.at_times else {}
    if table.compared:
        options["against"] = against
    if table.by_donor:
        options["paired"] = paired
    return table_functions()[name](runs, **options)


def require_flat(name: str) -> None:
    """Raise InputError if a table's rows nest lists, so that it cannot be printed as CSV."""
    if not TABLES[name].flat:
        flat = ", ".join(own for own, table in TABLES.items() if table.flat)
        raise InputError(
            f"--csv: '{name}' nests lists, which CSV cannot hold. Use --json, or --show one of "
            f"{flat}."
        )


def changes_of(
    runs: Sequence["xr.Dataset"], control: Sequence["xr.Dataset"]
) -> dict[str, list[str]]:
    """Changes from the shipped model in any of the runs, and in any of the control's."""
    from sdf1_field.record import model_of
    from sdf1_field.spec import changes

    def texts(group: Sequence["xr.Dataset"]) -> list[str]:
        return list(dict.fromkeys(one.text for run in group for one in changes(model_of(run))))

    return {"runs": texts(runs), "control": texts(control)}


def _require_sense(name: str, *, at: bool, against: bool, paired: bool) -> None:
    """Raise InputError if there is no such table, or an option does not apply to it."""
    from sdf1_field.spec import unknown

    def those(flag: str) -> str:
        return " or ".join(own for own, table in TABLES.items() if getattr(table, flag))

    if name not in TABLES:
        raise InputError(f"table: {unknown(str(name), tuple(TABLES), 'table')}")
    table = TABLES[name]
    if at and not table.at_times:
        raise InputError(
            f"at: '{name}' is of the whole recording. Omit at, or choose {those('at_times')}."
        )
    if against and not table.compared:
        raise InputError(
            f"control: '{name}' has no test. Omit the control, or choose {those('compared')}."
        )
    if paired and not against:
        raise InputError("paired: there is nothing to compare with. Give a control.")
    if paired and not table.by_donor:
        raise InputError(
            f"paired: '{name}' compares cells, and these have no partners. Omit paired."
        )
