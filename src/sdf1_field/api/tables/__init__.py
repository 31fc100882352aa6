"""The tables of `sdf1-field analyse`: an entry each beside its printer, by subject.

`cells`, `networks`, `cargo` and `fields` hold the entries and printers, `text` their form.
"""

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

from sdf1_field.api.tables import cargo, cells, fields, networks
from sdf1_field.api.tables.text import Table
from sdf1_field.errors import InputError

if TYPE_CHECKING:
    import xarray as xr


TABLES: Mapping[str, Table] = {**cells.TABLES, **networks.TABLES, **cargo.TABLES, **fields.TABLES}


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
    module, function = table.function.split(".")
    options: dict[str, Any] = {"times": times} if table.at_times else {}
    if table.compared:
        options["against"] = against
    if table.by_donor:
        options["paired"] = paired
    return getattr(import_module(f"sdf1_field.analysis.{module}"), function)(runs, **options)


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
            f"at: '{name}' is of the whole recording. Leave it away, or choose {those('at_times')}."
        )
    if against and not table.compared:
        raise InputError(
            f"control: '{name}' has no test. Leave it away, or choose {those('compared')}."
        )
    if paired and not against:
        raise InputError("paired: there is nothing to compare with. Give a control.")
    if paired and not table.by_donor:
        raise InputError(
            f"paired: '{name}' compares cells, and these have no partners. Leave it away."
        )
