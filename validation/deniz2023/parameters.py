"""The parameters that the fit may move, and their values as settings."""

import functools
import math
import sys
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))

import recording


@dataclass(frozen=True)
class Free:
    """A parameter that may move.

    Parameters
    ----------
    path : str
    start : float
        Before the fit, in the unit of models/parameters.toml; the fit begins here, whatever that
        file has by now.
    known : str
        Other knowledge of it.
    logarithmic : bool
        Whether draws are even in the logarithm; not where the interval begins at zero.
    """

    path: str
    start: float
    known: str
    logarithmic: bool = True


GATHERING = (
    Free(
        "receptor.cxcr4.coat_share", 0.01,
        "unmeasured, identifiable only as a product with coat.sites over its "
        "dissociation constant",
    ),
    Free("cell_type.kg1a.downstream_noise", 10.0,
        "about 10 bound receptors' difference is needed (Wang & Irvine 2013, 10.1039/c3ib20249f)",
    ),
    Free("cell_type.kg1a.recycling_rate", 0.04,
        "fetal MSC have 0.04 (Pelekanos 2014, 10.1186/1471-2121-15-15); unmeasured in KG-1a",
    ),
    Free("cell_type.kg1a.cxcr4_catch_rate", 3e-3,
        "with every receptor occupied and none internalised; unmeasured",
        logarithmic=False,
    ),
    Free("cell_type.kg1a.cd166_catch_rate", 3e-3, "unmeasured"),
    Free("cell_type.kg1a.fibre_catch_rate", 3e-4,
        "a KG-1a cell is captured by fibres, on which CD166 is barely found (Deniz 2023, Fig. 5H; "
        "D21): the molecule is unknown and the rate unmeasured",
    ),
    Free("cell_type.kg1a.release_rate", 3e-4,
        "unmeasured; single CD166 bonds last seconds, many hold longer (Hassan 2004, "
        "10.1002/eji.200424856)",
    ),
    Free(
        "cell_type.kg1a.migrasome_uptake_rate", 1e-3,
        "unmeasured; KG-1a take up migrasomes that they meet (Deniz 2023, Fig. 5K, S7; "
        "D22)",
    ),
)  # fmt: skip
"""Parameters of the gathering of KG-1a cells, by D12 and D13."""
OF_CD34 = (
    Free(
        "cell_type.cd34.cxcr4_catch_rate", 3e-3,
        "with every receptor occupied and none internalised; unmeasured",
        logarithmic=False,
    ),
    Free(
        "cell_type.cd34.recycling_rate", 0.04,
        "fetal MSC have 0.04 (Pelekanos 2014, 10.1186/1471-2121-15-15); unmeasured in CD34+ cells",
    ),
    Free(
        "cell_type.cd34.downstream_noise", 10.0,
        "about 10 bound receptors' difference is needed (Wang & Irvine 2013, 10.1039/c3ib20249f)",
    ),
)  # fmt: skip
"""Parameters in which CD34+ cells may differ from KG-1a, by D17."""


@dataclass(frozen=True)
class Range:
    """Where a parameter may go, and its unit."""

    low: float
    high: float
    unit: str


@functools.cache
def ranges() -> Mapping[str, Range]:
    """Intervals of the free parameters, by models/parameters.toml."""
    table = tomllib.loads(recording.PARAMETERS.read_text(encoding="utf-8"))
    found = {}
    for path in (free.path for free in (*GATHERING, *OF_CD34)):
        entry = functools.reduce(lambda node, key: node[key], path.split("."), table)
        low, high = (str(limit).partition(" ") for limit in entry["interval"])
        found[path] = Range(float(low[0]), float(high[0]), low[2])
    return found


def place(free: Free, value: float) -> float:
    """Where in its interval a value lies, 0 to 1."""
    own = ranges()[free.path]
    if free.logarithmic:
        return math.log(value / own.low) / math.log(own.high / own.low)
    return (value - own.low) / (own.high - own.low)


def value_at(free: Free, where: float) -> float:
    """Value at a place in the interval, to three digits."""
    own = ranges()[free.path]
    if free.logarithmic:
        value = own.low * (own.high / own.low) ** where
    else:
        value = own.low + where * (own.high - own.low)
    return min(max(float(f"{value:.3g}"), own.low), own.high)


def start_of(frees: Sequence[Free]) -> tuple[float, ...]:
    """Places of the values before the fit."""
    return tuple(place(free, free.start) for free in frees)


def values_of(frees: Sequence[Free], point: Sequence[float]) -> dict[str, float]:
    """Values of the parameters at a point."""
    return {
        free.path: free.start if where == was else value_at(free, where)
        for free, where, was in zip(frees, point, start_of(frees), strict=True)
    }


def settings_of(values: Mapping[str, float]) -> tuple[str, ...]:
    """As ``KEY=VALUE``."""
    return tuple(
        f"{path}={value!r} {ranges()[path].unit}".strip() for path, value in values.items()
    )


def known_values() -> dict[str, float]:
    """Values that models/parameters.toml has now."""
    text = recording.PARAMETERS.read_text(encoding="utf-8")
    table = tomllib.loads(text)
    return {
        path: float(
            str(functools.reduce(lambda n, k: n[k], path.split("."), table)["value"]).split(" ")[0]
        )
        for path in ranges()
    }


def sources() -> dict[str, str]:
    """Sources in models/parameters.toml of values that the fit has moved."""
    found = {}
    for free in GATHERING:
        found[free.path] = f"fitted to D12 and D13 (validation/deniz2023/fit.md); {free.known}"
    for free in OF_CD34:
        found[free.path] = f"fitted to D17 (validation/deniz2023/fit.md); {free.known}"
    return found


def write(values: Mapping[str, float]) -> None:
    """Put values that the fit has moved into models/parameters.toml, and where they come from."""
    present, units = known_values(), {path: own.unit for path, own in ranges().items()}
    moved = {path: value for path, value in values.items() if value != present[path]}
    recording.write_calibrated(
        {path: f"{v:g} {units[path]}" if units[path] else v for path, v in moved.items()},
        sources(),
    )
