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

    _require_sense(name, at=times is not None, against=bool(against), paired=paired)
    if name != "motion":
        for group in (runs, against):
            _require_stroma(name, group)
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


def overrides_of(
    runs: Sequence["xr.Dataset"], control: Sequence["xr.Dataset"]
) -> dict[str, list[str]]:
    """What no shipped model sets in some of the runs, and in some of the control's."""
    from sdf1_field.record import model_of
    from sdf1_field.spec import overridden

    def texts(group: Sequence["xr.Dataset"]) -> list[str]:
        return list(dict.fromkeys(one.text for run in group for one in overridden(model_of(run))))

    return {"runs": texts(runs), "control": texts(control)}


def _require_stroma(name: str, runs: Sequence["xr.Dataset"]) -> None:
    """Raise InputError if there are runs, none has a stroma, and a table is about it."""
    from sdf1_field.analysis import has_stroma
    from sdf1_field.record import model_of

    if not runs or any(map(has_stroma, runs)):
        return
    label = model_of(runs[0]).spec.stroma.label
    if "cell_time" in runs[0]:
        found = f"has no {label} and no migrasomes, and '{name}' is about these. Use --show motion"
    else:
        found = f"has no cells, no {label} and no migrasomes to analyse. Use `sdf1-field inspect`"
    raise InputError(
        f"{runs[0].encoding['source']}: {found}, or solve a model with scene.msc_density above 0."
    )


def _require_sense(name: str, *, at: bool, against: bool, paired: bool) -> None:
    """Raise InputError if there is no such table, or an option says nothing about it."""
    from sdf1_field.spec import unknown

    if name not in TABLES:
        raise InputError(f"table: {unknown(str(name), TABLES, 'table')}")
    if at and name not in AT_TIMES:
        raise InputError(
            f"--at: '{name}' is of the whole recording. Leave --at away, or --show "
            f"{' or '.join(AT_TIMES)}."
        )
    if against and name not in COMPARED:
        raise InputError(
            f"--against: '{name}' has no test. Leave it away, or --show {' or '.join(COMPARED)}."
        )
    if paired and not against:
        raise InputError("--paired: there is nothing to compare with. Give --against CONTROL.nc.")
    if paired and name != "fold-change":
        raise InputError(
            f"--paired: '{name}' compares cells, and these have no partners. Leave it away."
        )
