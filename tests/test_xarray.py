"""The accessor of datasets that xarray has opened gives what `Run` gives."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import sdf1_field as sf
import sdf1_field.xarray


def opened_seconds(path):
    return xr.open_dataset(path, decode_times=False)


def opened_with_dask(path):
    return xr.open_mfdataset([path])


@pytest.mark.parametrize("opened", [opened_seconds, xr.open_dataset, opened_with_dask])
def test_numbers_are_those_of_a_run_however_xarray_has_opened_it(tiny_run, opened):
    with opened(tiny_run) as dataset, sf.open_run(tiny_run) as run:
        pd.testing.assert_frame_equal(dataset.coculture.fold_change(), run.fold_change())
        pd.testing.assert_frame_equal(dataset.coculture.tracks(), run.tracks())
        xr.testing.assert_identical(dataset.coculture.fields, run.fields)
        xr.testing.assert_identical(dataset.coculture.regions("1 h"), run.regions("1 h"))


def test_the_dataset_itself_stays_as_it_was_opened(tiny_run):
    with xr.open_dataset(tiny_run) as dataset:
        before = dataset.copy()
        dataset.coculture.tracks()
        xr.testing.assert_identical(dataset, before)


def test_durations_lead_to_the_same_frames_as_seconds(tiny_run):
    with sf.open_run(tiny_run) as run:
        durations = run.timedeltas()
        assert durations["cell_time"].dtype.kind == "m"
        one = durations["sdf1"].sel(time="1h")
        np.testing.assert_array_equal(one, run.fields["sdf1"].sel(time=3600.0))
        pd.testing.assert_frame_equal(durations.coculture.tracks(), run.tracks())
        assert run.dataset["time"].dtype.kind == "f"


def test_regions_have_the_areas_of_the_census_and_group_fields(tiny_run):
    with sf.open_run(tiny_run) as run:
        regions = run.regions()
        counted = run.fold_change(at="2 h").set_index("region")["area_mm2"]
        assert counted.sum() == pytest.approx(0.3**2)
        for region, area in counted.items():
            assert int((regions == region).sum()) * 1e-4 == pytest.approx(area)
        means = run.fields["sdf1"][-1].groupby(regions).mean()
        free = run.fields["sdf1"][-1].where(regions == "free surface").mean()
        assert float(means.sel(region="free surface")) == pytest.approx(float(free))
        with pytest.raises(sf.InputError, match="the floor was not saved at 3 h"):
            run.regions(at="3 h")


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda _: xr.Dataset(), "this dataset: not a run of sdf1-field"),
        (lambda run: run.isel(time=0), "time: is missing, or has other dimensions"),
        (lambda run: run.isel(time=slice(2)), "has not all of its frames: 2 of "),
        (lambda run: run[["sdf1"]], "Give it as xarray has opened the file of one run"),
        (lambda run: run.expand_dims(dish=2), "holds several runs joined along 'dish'"),
    ],
)
def test_a_dataset_that_is_no_whole_run_is_refused_in_one_line(tiny_run, change, text):
    with xr.open_dataset(tiny_run) as dataset:
        with pytest.raises(sf.InputError, match=text) as caught:
            _ = change(dataset).coculture
        assert "\n" not in str(caught.value)
