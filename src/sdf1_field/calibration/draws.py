"""Draws of a posterior, as settings of models: those that ship, and those of a calibration."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sdf1_field.calibration.laws import ALL_PIECES, LAWS
from sdf1_field.errors import InputError
from sdf1_field.shipped import shipped_folder
from sdf1_field.spec import suggestion

RECORDED = "recorded"
"""Names the shipped draws where a file of draws is asked for."""
_FILE = "posterior.toml"
_AS_SHIPPED = "as shipped"
_LIST = ", "


@dataclass(frozen=True)
class Draws:
    """Equally weighted draws of a posterior.

    Parameters
    ----------
    paper : str
        Name.
    claims : tuple of str
        Ids of those that inform.
    law : tuple of str
        ``KEY=VALUE`` settings that hold in all draws.
    settings : tuple of mapping of str to str or float
        Values of the free parameters in each, by key, as a model takes them.
    evidence : float
        Mean chance over the prior that one virtual paper reports all claims.
    source : str
        Where they are from.
    """

    paper: str
    claims: tuple[str, ...]
    law: tuple[str, ...]
    settings: tuple[Mapping[str, str | float], ...]
    evidence: float
    source: str


def chosen_draws(source: str | Path, number: int) -> Draws:
    """`recorded_draws` by the word `RECORDED`, else `load_draws`."""
    if str(source) == RECORDED:
        return recorded_draws(number)
    return load_draws(Path(source), number)


def recorded_draws(number: int, law: str = ALL_PIECES) -> Draws:
    """Draws that ship with the program, of cells in the co-culture of Deniz et al. (2023).

    Parameters
    ----------
    number : int
        At most as many as ship.
    law : str
        Name in `sdf1_field.calibration.laws.LAWS`.

    Raises
    ------
    InputError
        If no such law is recorded, or fewer draws.
    """
    file = shipped_folder("validation") / _FILE
    table = tomllib.loads(file.read_text(encoding="utf-8"))
    if law not in table["law"]:
        raise InputError(f"{law}: no draws are recorded of this law. {suggestion(law, list(LAWS))}")
    own, units = table["law"][law], table["units"]
    values = {key: (numbers, units[key]) for key, numbers in own["draws"].items()}
    return Draws(
        table["paper"],
        tuple(table["claims"]),
        tuple(own["settings"]),
        _settings(values, number, "the recorded posterior"),
        own["evidence"],
        f"validation/{_FILE}",
    )


def load_draws(path: Path, number: int) -> Draws:
    """Draws that ``sdf1-field calibrate`` wrote.

    Parameters
    ----------
    path : pathlib.Path
        ``posterior.nc``, or its folder.
    number : int
        At most as many as the file holds; spread evenly over them.

    Raises
    ------
    InputError
        If it is no such file, or holds fewer.
    """
    import xarray as xr

    file = path / "posterior.nc" if path.is_dir() else path
    if not file.is_file():
        raise InputError(
            f"{path}: holds no posterior. Give the folder of `sdf1-field calibrate`, or the word "
            f"'{RECORDED}'."
        )
    try:
        with xr.open_dataset(file, group="posterior", engine="netcdf4") as data:
            values = {
                str(key): (data[key].values.ravel().astype(float), _unit(data[key].attrs["units"]))
                for key in data.data_vars
            }
            about = {key: str(data.attrs[key]) for key in ("paper", "claims", "law")}
            evidence = float(data.attrs["evidence"])
    except (OSError, KeyError, ValueError):
        raise InputError(
            f"{file}: is no posterior of `sdf1-field calibrate`. Give its folder."
        ) from None
    law = () if about["law"] == _AS_SHIPPED else tuple(about["law"].split(_LIST))
    return Draws(
        about["paper"],
        tuple(about["claims"].split(_LIST)),
        law,
        _settings(values, number, str(file)),
        evidence,
        str(file),
    )


def _unit(text: str) -> str:
    return "" if text == "1" else text


def _settings(
    values: Mapping[str, tuple[Sequence[float] | Any, str]], number: int, place: str
) -> tuple[dict[str, str | float], ...]:
    held = min(len(numbers) for numbers, _ in values.values())
    if not 1 <= number <= held:
        raise InputError(f"{place}: holds {held} draws. Ask for 1 to {held}.")
    chosen = np.linspace(0, held, number, endpoint=False).astype(int)
    return tuple(
        {
            key: f"{numbers[n]:.4g} {unit}" if unit else float(f"{numbers[n]:.4g}")
            for key, (numbers, unit) in values.items()
        }
        for n in chosen
    )
