"""What a sweep found: rows of dishes and values, half effects, xarray dataset, plain values."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import xarray as xr

from sdf1_field.record.layout import program
from sdf1_field.spec import ModelSpec
from sdf1_field.statistics import paired_t_test, student_interval, unpaired_t_test
from sdf1_field.studies.ratios import ratio_of_means
from sdf1_field.studies.response import Response, fit_response
from sdf1_field.studies.sweep import ENRICHED, REGIONS, Factor, Question, Sweep
from sdf1_field.units import MM2_PER_UM2

DIMENSIONS = ("value", "value_2")
"""Of the first and the second key, in tables and datasets."""
_POINTS = 60
"""Of a fitted curve."""


@dataclass(frozen=True)
class Curve:
    """Fold change over the values of the first key, at one value of the second if there is one.

    Parameters
    ----------
    time : float
        [s].
    region : str
    other : int or None
        Number of the second key's value.
    response : Response
    constant : Constant or None
        With which a half dose is compared.
    """

    time: float
    region: str
    other: int | None
    response: Response
    constant: "Constant | None"


@dataclass(frozen=True)
class Constant:
    """Equilibrium constant of a swept agent.

    Parameters
    ----------
    name, key : str
        Such as ``K_i`` and its path in the model.
    value : float
        In the unit of the doses.
    ligand_half : float or None
        Of an antagonist, ``K_d`` of the ligand that it competes with [nM].
    """

    name: str
    key: str
    value: float
    ligand_half: float | None

    def over(self, half: float) -> float:
        """Half dose over the constant [1]."""
        return half / self.value

    def competing(self, half: float) -> float | None:
        """Ligand that would shift the half dose of an antagonist by competition alone [nM].

        From Gaddum's ``IC50 = K_i (1 + c / K_d)``; None if it lies below ``K_i``.
        """
        if self.ligand_half is None or half < self.value:
            return None
        return self.ligand_half * (half / self.value - 1.0)


def constant_of(spec: ModelSpec, factor: Factor) -> Constant | None:
    """Constant of the agent whose dose is swept; None for other keys.

    Parameters
    ----------
    spec : ModelSpec
        With that treatment.
    factor : Factor
    """
    first, *rest = factor.key.split(".")
    if first != "treatments" or rest[-1] != "dose":
        return None
    name, receptor = spec.agent_of(rest[0]), spec.receptor.cxcr4
    agent, at = spec.agent[name], f"agent.{name}"
    if agent.inhibition_constant is not None:
        return Constant(
            "K_i", f"{at}.inhibition_constant", agent.inhibition_constant / factor.scale,
            receptor.dissociation_constant,
        )  # fmt: skip
    if agent.dissociation_constant is not None:
        key, value = f"{at}.dissociation_constant", agent.dissociation_constant
    elif name == receptor.ligand:
        key, value = "receptor.cxcr4.dissociation_constant", receptor.dissociation_constant
    else:
        return None
    return Constant("K_d", key, value / factor.scale, None)


def curves_of(sweep: Sweep) -> list[Curve]:
    """Fitted responses to a first key of numbers; none if it is of words or below zero."""
    question = sweep.question
    first, *others = question.factors
    if first.numbers is None or min(first.numbers) < 0.0:
        return []
    found = []
    doses = np.array(first.numbers)
    for other in range(len(others[0].values)) if others else (None,):
        chosen = [
            n for n, point in enumerate(question.points) if other is None or point[1] == other
        ]
        constant = constant_of(question.spec_at(question.points[chosen[0]]), first)
        for t, at in enumerate(question.times):
            for region in ENRICHED:
                values = sweep.folds[chosen, :, t, REGIONS.index(region)]
                response = fit_response(doses, values, matched=question.matched, unit=first.unit)
                found.append(Curve(at, region, other, response, constant))
    return found


def dish_rows(sweep: Sweep) -> list[dict[str, Any]]:
    """One row for each value, dish, time and region, of dishes that did not fail."""
    question, rows = sweep.question, []
    for p, point in enumerate(question.points):
        for d in range(question.dishes):
            for t, at in enumerate(question.times):
                for r, region in enumerate(REGIONS):
                    cells, area = (float(of[p, d, t, r]) for of in (sweep.cells, sweep.areas))
                    if math.isnan(cells):
                        continue
                    mm2 = area * MM2_PER_UM2
                    rows.append(
                        {
                            **_value_columns(question, point),
                            "seed": int(sweep.seeds[p, d]),
                            "time_s": at,
                            "region": region,
                            "fold_change": _or_none(sweep.folds[p, d, t, r]),
                            "cells": int(cells),
                            "area_mm2": mm2,
                            "density_per_mm2": cells / mm2 if mm2 > 0.0 else None,
                        }
                    )
    return rows


def value_rows(sweep: Sweep) -> list[dict[str, Any]]:
    """One row for each value, time and region: mean, S.D., ratio to the reference, and intervals.

    Means are of the dishes' own fold changes, with Student's interval; ratios are of means
    (`ratio_of_means`), paired by seed if seeds are matched, as is the t test.
    """
    question, rows = sweep.question, []
    points = question.points
    control = points.index(question.reference)
    for p, point in enumerate(points):
        for t, at in enumerate(question.times):
            for region in ENRICHED:
                own, other = (sweep.folds[n, :, t, REGIONS.index(region)] for n in (p, control))
                known, theirs = np.isfinite(own), np.isfinite(other)
                if question.matched:
                    paired = known & theirs
                    ratio, ends = ratio_of_means(other[paired], own[paired], paired=True)
                    p_value = paired_t_test(other[paired], own[paired])
                else:
                    ratio, ends = ratio_of_means(other[theirs], own[known])
                    p_value = unpaired_t_test(other[theirs], own[known])
                mean, low, high = student_interval(own[known])
                itself = p == control
                rows.append(
                    {
                        **_value_columns(question, point),
                        "time_s": at,
                        "region": region,
                        "dishes": int(known.sum()),
                        "mean": _or_none(mean),
                        "deviation": _or_none(own[known].std(ddof=1)) if known.sum() > 1 else None,
                        "low": _or_none(low),
                        "high": _or_none(high),
                        "ratio": _or_none(ratio),
                        "ratio_low": None if itself else _or_none(ends[0]),
                        "ratio_high": None if itself else _or_none(ends[1]),
                        "test": "paired t" if question.matched else "unpaired t",
                        "p": None if itself else _or_none(p_value),
                    }
                )
    return rows


def curve_rows(sweep: Sweep, curves: Sequence[Curve]) -> list[dict[str, Any]]:
    """One row for each curve: half dose with its interval, or why there is none."""
    rows = []
    for curve in curves:
        own, constant = curve.response, curve.constant
        row: dict[str, Any] = {"time_s": curve.time, "region": curve.region}
        if curve.other is not None:
            row["value_2"] = sweep.question.factors[1].values[curve.other]
        row |= asdict(own) | {"unit": sweep.question.factors[0].unit}
        row["line"] = _line(own, sweep.question.factors[0])
        row |= {
            "constant": None if constant is None else constant.name,
            "constant_key": None if constant is None else constant.key,
            "constant_value": None if constant is None else constant.value,
            "over_constant": None,
            "competing_nM": None,
        }
        if constant is not None and own.half is not None:
            row["over_constant"] = constant.over(own.half)
            row["competing_nM"] = constant.competing(own.half)
        rows.append(row)
    return rows


def _line(response: Response, factor: Factor) -> list[list[float]]:
    """Points of a fitted curve, dose and fold change; empty without a half effect."""
    if response.half is None or factor.numbers is None:
        return []
    positive = [dose for dose in factor.numbers if dose > 0.0]
    doses = np.geomspace(min(positive), max(positive), _POINTS)
    return [
        [float(dose), float(fold)] for dose, fold in zip(doses, response.at(doses), strict=True)
    ]


def question_as_json(question: Question) -> dict[str, Any]:
    """Plain values of what is asked."""
    return {
        "model": question.model,
        "settings": list(question.settings),
        "over": [
            {
                "key": f.key,
                "values": list(f.values),
                "numbers": None if f.numbers is None else list(f.numbers),
                "unit": f.unit,
                "reference": f.values[n],
            }
            for f, n in zip(question.factors, question.reference, strict=True)
        ],
        "dishes": question.dishes,
        "times": list(question.times),
        "seed": question.seed,
        "matched": question.matched,
    }


def as_json(sweep: Sweep, curves: Sequence[Curve]) -> dict[str, Any]:
    """Plain values of a finished sweep."""
    return {
        **question_as_json(sweep.question),
        "seconds_per_dish": _or_none(sweep.seconds),
        "failed": [
            {"settings": list(f.dish.settings), "seed": f.dish.seed, "message": f.message}
            for f in sweep.failures
        ],
        "curves": curve_rows(sweep, curves),
        "values": [_plain_row(sweep.question, row) for row in value_rows(sweep)],
    }


def _plain_row(question: Question, row: Mapping[str, Any]) -> dict[str, Any]:
    """Row of a value with the values as written in one list, in place of columns."""
    keys = [f.key for f in question.factors]
    columns = {*keys, *DIMENSIONS, *(name.replace("value", "unit") for name in DIMENSIONS)}
    own = {key: value for key, value in row.items() if key not in columns}
    return {"values": [row[key] for key in keys], **own}


def as_dataset(sweep: Sweep) -> xr.Dataset:
    """Counts over value, dish, time and region; of a grid over ``value`` and ``value_2``.

    Coordinates of values are numbers in the unit of their attributes, or words.
    """
    question = sweep.question
    sizes = [len(f.values) for f in question.factors]
    names = DIMENSIONS[: len(sizes)]
    dims = (*names, "dish", "time", "region")

    def shaped(values: Any) -> Any:
        return values.reshape(*sizes, *values.shape[1:])

    coordinates: dict[str, Any] = {
        name: (
            name,
            np.array(f.values if f.numbers is None else f.numbers),
            {"long_name": f.key, **({"units": f.unit} if f.unit else {})},
        )
        for name, f in zip(names, question.factors, strict=True)
    }
    coordinates |= {
        "dish": ("dish", np.arange(1, question.dishes + 1)),
        "time": (
            "time", np.array(question.times),
            {"units": "s", "long_name": "time since the cells were added"},
        ),
        "region": ("region", np.array(REGIONS)),
    }  # fmt: skip
    units = {"cells": "1", "area": "um2", "fold_change": "1"}
    variables = {
        name: (dims, shaped(values), {"units": units[name]})
        for name, values in (
            ("fold_change", sweep.folds), ("cells", sweep.cells), ("area", sweep.areas)
        )
    }  # fmt: skip
    variables["seed"] = ((*names, "dish"), shaped(sweep.seeds), {})
    return xr.Dataset(
        variables,
        coordinates,
        {
            "title": f"Sweep of {question.model}",
            "source": program(),
            "settings": "; ".join(question.settings),
            "seeds": "matched" if question.matched else "independent",
        },
    )


def _value_columns(question: Question, point: tuple[int, ...]) -> Mapping[str, Any]:
    """Columns that say which value a row is of: as written, as a number, and its unit."""
    columns: dict[str, Any] = {}
    for name, factor, n in zip(DIMENSIONS, question.factors, point, strict=False):
        columns[factor.key] = factor.values[n]
        if factor.numbers is not None:
            columns[name] = factor.numbers[n]
            columns[name.replace("value", "unit")] = factor.unit
    return columns


def _or_none(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
