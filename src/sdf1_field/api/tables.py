"""The tables of analysis by name, and which one suits which runs."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sdf1_field.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

OF_STROMA = ("network", "cargo", "field")
TABLES = ("fold-change", "course", "distance", "dwell", "approach", "motion", *OF_STROMA)
AT_TIMES = ("fold-change", "distance", *OF_STROMA)
COMPARED = ("fold-change", "motion", *OF_STROMA)
"""Those that need no cells, all, those of single times, and those with a comparison."""


def usual_table(runs: Sequence["xr.Dataset"]) -> str:
    """Name of the table that suits what there is in some runs."""
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
        When [s], for those of `AT_TIMES`.
    against : sequence of xarray.Dataset
        Dishes of the control, for those of `COMPARED`.
    paired : bool
        Compare fold changes donor by donor.

    Raises
    ------
    InputError
        If there is no such table, if it has no times or comparison, or if the runs do not have what
        it is of.
    """
    from sdf1_field import analysis

    times = None if times is None else list(dict.fromkeys(times))
    _require_sense(name, at=times is not None, against=bool(against), paired=paired)
    if name != "motion":
        for group in (runs, against):
            if group:
                analysis.require_stroma(group)
    if name not in OF_STROMA:
        for run in (*runs, *against):
            analysis.observation_times(run)
    if name == "fold-change":
        return analysis.analyse_runs(runs, times, against=against, paired=paired)
    if name == "motion":
        return analysis.motion_table(runs, against)
    if name == "distance":
        return analysis.distance_table(runs, times)
    if name in OF_STROMA:
        of_stroma = {
            "network": analysis.network_table,
            "cargo": analysis.cargo_table,
            "field": analysis.field_table,
        }
        return of_stroma[name](runs, times, against=against)
    whole = {
        "course": analysis.course_table,
        "dwell": analysis.dwell_table,
        "approach": analysis.approach_table,
    }
    return whole[name](runs)


def changes_of(
    runs: Sequence["xr.Dataset"], control: Sequence["xr.Dataset"]
) -> dict[str, list[str]]:
    """What is changed from the shipped model in some of the runs, and in some of the control's."""
    from sdf1_field.record import model_of
    from sdf1_field.spec import changes

    def texts(group: Sequence["xr.Dataset"]) -> list[str]:
        return list(dict.fromkeys(one.text for run in group for one in changes(model_of(run))))

    return {"runs": texts(runs), "control": texts(control)}


def _require_sense(name: str, *, at: bool, against: bool, paired: bool) -> None:
    """Raise InputError if there is no such table, or an option says nothing about it."""
    from sdf1_field.spec import unknown

    if name not in TABLES:
        raise InputError(f"table: {unknown(str(name), TABLES, 'table')}")
    if at and name not in AT_TIMES:
        raise InputError(
            f"at: '{name}' is of the whole recording. Leave it away, or choose "
            f"{' or '.join(AT_TIMES)}."
        )
    if against and name not in COMPARED:
        raise InputError(
            f"control: '{name}' has no test. Leave it away, or choose {' or '.join(COMPARED)}."
        )
    if paired and not against:
        raise InputError("paired: there is nothing to compare with. Give a control.")
    if paired and name != "fold-change":
        raise InputError(
            f"paired: '{name}' compares cells, and these have no partners. Leave it away."
        )
