"""The accessor ``ds.coculture`` of run files that xarray has opened.

``import sdf1_field.xarray`` registers it. Xarray finds back ends of its own accord, but no
accessors, and ``import sdf1_field`` alone is to cost nothing.
"""

from pathlib import Path

import xarray as xr

from sdf1_field.api.runs import Run
from sdf1_field.record import run_of


@xr.register_dataset_accessor("coculture")
class Coculture(Run):
    """A run in a dataset of xarray, with the tables and pictures of `sdf1_field.Run`.

    Parameters
    ----------
    dataset : xarray.Dataset
        The whole of one run file, with its attributes; times may be seconds, dates or durations,
        and values arrays of dask.

    Raises
    ------
    InputError
        If it is not the dataset of one whole run.
    """

    def __init__(self, dataset: xr.Dataset) -> None:
        path = Path(dataset.encoding.get("source", ""))
        super().__init__(run_of(dataset), path if path.is_file() else None)
