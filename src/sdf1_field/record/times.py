"""Times of a run as seconds, with which all else works, or as durations of pandas and xarray."""

from typing import TYPE_CHECKING

import numpy as np

from sdf1_field.record.layout import Layout, attributes_of
from sdf1_field.scene.variables import SECONDS

if TYPE_CHECKING:
    import xarray as xr

_EPOCH = np.datetime64(SECONDS.rpartition(" ")[2], "ns")
_SECOND = np.timedelta64(1, "s")
_DATES, _DURATIONS = "M", "m"
"""Kinds of NumPy's types."""
_OF_DATES = frozenset({"units", "units_metadata", "calendar", "standard_name"})
"""Attributes that a time in seconds since a date has, and a duration has not."""


def in_seconds(run: "xr.Dataset", layout: Layout) -> "xr.Dataset":
    """Run whose times are seconds, whether they were dates, durations or seconds.

    Parameters
    ----------
    run : xarray.Dataset
    layout : Layout
        Says which variables are times.

    Returns
    -------
    xarray.Dataset
        A new one, with the values of ``run``; times that are NaT become NaN.
    """
    run = run.copy()
    for name, variable in layout.variables.items():
        if variable.unit != SECONDS or name not in run.variables:
            continue
        own = run.variables[name]
        if own.dtype.kind == _DATES:
            own = own - _EPOCH
        if own.dtype.kind == _DURATIONS:
            run[name] = own.dims, (own / _SECOND).data, attributes_of(variable)
    return run


def in_timedeltas(run: "xr.Dataset") -> "xr.Dataset":
    """Run whose times are durations since time 0, of type ``timedelta64[ns]``.

    Parameters
    ----------
    run : xarray.Dataset
        From `open_run`.
    """
    import pandas as pd

    changed = run.copy()
    for name, own in run.variables.items():
        if own.attrs.get("units") == SECONDS:
            times = pd.to_timedelta(own.values.ravel(), unit="s").to_numpy()
            attributes = {k: v for k, v in own.attrs.items() if k not in _OF_DATES}
            changed[name] = own.dims, times.reshape(own.shape), attributes
    return changed
