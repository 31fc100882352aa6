"""Tables of analysis as tidy data frames, with units in the names of columns."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from sdf1_field.analysis import observation_times
from sdf1_field.analysis.stroma_runs import frame_at
from sdf1_field.scene import REGION_LABELS, Region

_SECONDS = {
    "time", "lag", "constant_rate_dwell", "mean_dwell", "median_dwell",
    "tracked_time", "interval", "fitted_to",
}  # fmt: skip
"""Keys of tables that are times in seconds without saying so."""
_TESTED = ("ratio", "test", "unit", "p")


def wide_frame(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Frame with one row for each row of a table; an interval becomes two columns."""
    flat = []
    for row in rows:
        own: dict[str, Any] = {}
        for key, value in row.items():
            if key == "interval":
                own["interval_low"], own["interval_high"] = value or (np.nan, np.nan)
            elif isinstance(value, Mapping):
                own |= value
            else:
                own[_column(key)] = value
        flat.append(own)
    return _numbers(pd.DataFrame(flat))


def long_frame(rows: Sequence[Mapping[str, Any]], keys: Sequence[str]) -> pd.DataFrame:
    """Frame with one row for each quantity of each row of a table that nests them.

    Parameters
    ----------
    rows : sequence of mapping
        With ``runs``, and with a control ``control`` and ``tests`` too.
    keys : sequence of str
        Columns that tell the rows apart.

    Returns
    -------
    pandas.DataFrame
        ``keys``, ``quantity`` (its name in the table, dotted), ``value``; with a control also
        ``control``, ``ratio``, ``test``, ``unit`` (independent units of the test) and ``p``.
    """
    found = []
    for row in rows:
        place = {_column(key): row[key] for key in keys}
        own = dict(_leaves(row["runs"]))
        if not row["control"]:
            found += [place | {"quantity": name, "value": own[name]} for name in own]
            continue
        other, tested = dict(_leaves(row["control"])), {}
        for test in row["tests"]:
            own.setdefault(test["quantity"], test["runs"])
            other.setdefault(test["quantity"], test["control"])
            tested[test["quantity"]] = {
                "ratio": test.get("ratio_of_means"),
                **{key: test[key] for key in _TESTED[1:]},
            }
        found += [
            place
            | {"quantity": name, "value": own.get(name), "control": other.get(name)}
            | tested.get(name, dict.fromkeys(_TESTED))
            for name in dict.fromkeys([*own, *other])
        ]
    return _numbers(pd.DataFrame(found))


def motion_frame(table: Mapping[str, Any]) -> pd.DataFrame:
    """`long_frame` of `motion_table`; the test is of the cells' path lengths."""
    tests, compared = [], table["comparison"]
    if compared is not None:
        medians = {key: table[key]["path_um"]["median"] for key in ("runs", "control")}
        ratio = {"quantity": "path_um.median", "ratio_of_means": compared["ratio_of_medians"]}
        tests = [compared | medians | ratio]
    return long_frame([{**table, "tests": tests}], ())


def tracks_frame(run: xr.Dataset) -> pd.DataFrame:
    """Places of cells: one row for each cell and time.

    Returns
    -------
    pandas.DataFrame
        ``trajectory``, ``time_s``, ``x_um``, ``y_um``, ``state``, ``region``.

    Raises
    ------
    InputError
        If the run has no cells.
    """
    times = observation_times(run)
    states = np.array(run["cell_state"].attrs["flag_meanings"].split())
    regions = np.array([REGION_LABELS[region] for region in Region])
    shape = run["cell_x"].shape

    def flags(name: str) -> Any:
        return run[name].values.astype(int).ravel()

    return pd.DataFrame(
        {
            "trajectory": np.repeat(run["trajectory"].values, shape[1]),
            "time_s": np.tile(times, shape[0]),
            "x_um": run["cell_x"].values.ravel(),
            "y_um": run["cell_y"].values.ravel(),
            "state": states[flags("cell_state")],
            "region": regions[flags("cell_region")],
        }
    )


def region_names(run: xr.Dataset, time: float | None) -> xr.DataArray:
    """Name of the region at each place of the floor at a time [s]; the end without one.

    Returns
    -------
    xarray.DataArray of str, shape (y, x)
        None outside the wall of a round well.

    Raises
    ------
    InputError
        If the floor was not saved at that time.
    """
    regions = run["region"][frame_at(run, time)]
    names = np.full(regions.shape, None, dtype=object)
    for region in Region:
        names[regions.values == region] = REGION_LABELS[region]
    return regions.copy(data=names).drop_attrs(deep=False)


def _column(key: str) -> str:
    return f"{key}_s" if key in _SECONDS else key


def _leaves(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Numbers in nested tables by dotted name; texts are left out."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            own = f"{name}.{key}" if name else str(key)
            if key == "quartiles" or (key.endswith("interval") and not isinstance(inner, float)):
                yield from zip((f"{own}.low", f"{own}.high"), inner or (None, None), strict=True)
            elif key in _SECONDS:
                yield f"{own}_s", inner
            else:
                yield from _leaves(inner, own)
    elif isinstance(value, list):
        for row in value:
            label, rest = _labelled(row)
            yield from _leaves(rest, f"{name}.{label}")
    elif value is None or isinstance(value, int | float):
        yield name, value


def _labelled(row: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """Name of a row by its bin or lag, and its other values."""
    if "lag" in row:
        return f"{row['lag']:g} s", {k: v for k, v in row.items() if k != "lag"}
    lower, upper = (next(k for k in row if k.startswith(end)) for end in ("lower_", "upper_"))
    unit = lower.removeprefix("lower_")
    rest = {k: v for k, v in row.items() if k not in (lower, upper)}
    if row[upper] is None:
        return f"above {row[lower]:g} {unit}", rest
    return f"{row[lower]:g}-{row[upper]:g} {unit}", rest


def _numbers(frame: pd.DataFrame) -> pd.DataFrame:
    """Frame in which a number that there is not is NaN, in columns of floats."""
    for name in frame.columns:
        if frame[name].dtype == object and all(
            value is None or isinstance(value, int | float) for value in frame[name]
        ):
            frame[name] = frame[name].astype(float)
    return frame
