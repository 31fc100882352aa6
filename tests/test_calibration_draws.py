"""Draws of a posterior, recorded and from a calibration's folder."""

import numpy as np
import pytest
import xarray as xr

from sdf1_field.calibration.draws import RECORDED, chosen_draws, load_draws, recorded_draws
from sdf1_field.calibration.laws import LAWS
from sdf1_field.errors import InputError
from sdf1_field.spec import load_model


@pytest.fixture
def calibrated(tmp_path):
    """Folder with a posterior of two parameters, as a calibration writes it."""
    values = {
        "cell_type.kg1a.receptors": (
            ("chain", "draw"), np.array([[1e4, 2e4, 3e4, 4e4]]), {"units": "1"},
        ),
        "cell_type.kg1a.speed": (
            ("chain", "draw"), np.array([[1.0, 2.0, 3.0, 4.0]]), {"units": "um/min"},
        ),
    }  # fmt: skip
    about = {
        "paper": "deniz2023",
        "claims": "D12, D13",
        "law": "mechanisms.adaptation=false",
        "evidence": 0.25,
    }
    xr.Dataset(values, attrs=about).to_netcdf(tmp_path / "posterior.nc", group="posterior")
    return tmp_path


def test_draws_of_a_calibration_are_settings_with_their_units(calibrated):
    draws = load_draws(calibrated, 2)
    assert draws.settings == (
        {"cell_type.kg1a.receptors": 1e4, "cell_type.kg1a.speed": "1 um/min"},
        {"cell_type.kg1a.receptors": 3e4, "cell_type.kg1a.speed": "3 um/min"},
    )
    assert draws.law == ("mechanisms.adaptation=false",)
    assert draws.claims == ("D12", "D13")
    assert draws.evidence == 0.25


def test_more_draws_than_there_are_is_refused(calibrated):
    with pytest.raises(InputError, match=r"holds 4 draws. Ask for 1 to 4."):
        load_draws(calibrated, 5)


def test_a_folder_without_a_posterior_is_refused(tmp_path):
    with pytest.raises(InputError, match="holds no posterior"):
        load_draws(tmp_path, 1)


def test_another_netcdf_file_is_no_posterior(tmp_path):
    xr.Dataset({"a": ("x", np.zeros(3))}).to_netcdf(tmp_path / "other.nc")
    with pytest.raises(InputError, match="is no posterior of `sdf1-field calibrate`"):
        load_draws(tmp_path / "other.nc", 1)


@pytest.mark.parametrize("law", LAWS)
def test_recorded_draws_of_each_law_are_settings_of_the_coculture(law):
    draws = recorded_draws(32, law)
    assert draws.law == LAWS[law]
    assert len({tuple(one.items()) for one in draws.settings}) >= 6
    model = load_model("coculture-kg1a", settings=draws.law)
    for one in draws.settings:
        model.set(one)


def test_the_word_recorded_names_the_draws_that_ship():
    assert chosen_draws(RECORDED, 3) == recorded_draws(3)


def test_a_law_that_is_not_recorded_is_refused_with_the_nearest_name():
    with pytest.raises(InputError, match="Did you mean 'no steering'"):
        recorded_draws(1, "no sterring")
