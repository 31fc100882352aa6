"""Cargo of several dishes: pooled contents, by distance, tests against a control."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from sdf1_field.analysis.cargo import (
    ROUTES,
    CargoCount,
    over,
)
from sdf1_field.analysis.dishes import require_comparable_stroma
from sdf1_field.analysis.network import BODY_DISTANCE_EDGES
from sdf1_field.analysis.stroma_runs import (
    followed_ligands,
    last_followed,
    require_cargo,
    require_frames,
    run_cargo,
)
from sdf1_field.analysis.values import (
    Comparison,
    Measure,
    compare_samples,
    mean_and_deviation,
    measure_values,
    or_none,
    over_dishes,
)
from sdf1_field.record import model_of
from sdf1_field.statistics import unpaired_t_test

Array = NDArray[np.float64]


CARGO_MEASURES: Mapping[str, Callable[[CargoCount], tuple[float, float]]] = {
    "secreted_to_content": lambda c: (c.secreted, c.in_bodies),
    "share_through_migrasomes": lambda c: (c.through_migrasomes, c.secreted),
    "with_cargo": lambda c: (float(np.count_nonzero(c.vesicles)), float(len(c.vesicles))),
}
"""Numerator and denominator of each ratio, counted in one dish."""


def cargo_measures(counts: Sequence[CargoCount]) -> dict[str, Measure]:
    """Each of `CARGO_MEASURES`, the dishes pooled, and over the dishes."""
    return {
        name: over_dishes([counted(count) for count in counts])
        for name, counted in CARGO_MEASURES.items()
    }


def pooled_enrichment(counts: Sequence[CargoCount]) -> float:
    """Molecules per volume of all dishes' migrasomes over that of their bodies."""
    in_migrasomes = over(
        sum(float(count.content.sum()) for count in counts), sum(count.volume for count in counts)
    )
    bodies = sum(count.msc * count.body_volume for count in counts)
    return over(in_migrasomes, over(sum(count.in_bodies for count in counts), bodies))


def _polarisation(migrating: bool) -> Callable[[CargoCount], Array]:
    return lambda c: c.polarisation[c.migrating == migrating]


SAMPLES: Mapping[str, tuple[str, Callable[[CargoCount], NDArray[Any]]]] = {
    "vesicles_per_migrasome": ("migrasomes", lambda c: c.vesicles),
    "content_per_migrasome": ("migrasomes", lambda c: c.content),
    "vesicles_per_cell": ("cells", lambda c: c.vesicles_per_cell),
    "content_per_body": ("cells", lambda c: c.body_content),
    "polarisation": ("cells", lambda c: c.polarisation),
    "polarisation_migrating": ("cells", _polarisation(True)),
    "polarisation_resting": ("cells", _polarisation(False)),
    "secreted_to_content": ("dishes", lambda c: np.array([c.secreted_to_content])),
}
"""Unit (migrasomes, cells or dishes) and values, one for each unit of a dish."""


def cargo_samples(counts: Sequence[CargoCount], quantity: str) -> Array:
    """One of `SAMPLES`, of the units of all dishes that have it, shape (unit,)."""
    _, values = SAMPLES[quantity]
    every: Array = np.concatenate([values(count) for count in counts]).astype(float)
    return every[np.isfinite(every)]


@dataclass(frozen=True)
class CargoBin:
    """Attached migrasomes in a bin of distance from the edge of their body.

    Parameters
    ----------
    lower, upper : float
        The bin, without its upper end [um].
    vesicles, diameter : ndarray, shape (migrasome,)
        In each, and its diameter [um].
    """

    lower: float
    upper: float
    vesicles: Array
    diameter: Array


def cargo_by_distance(counts: Sequence[CargoCount]) -> list[CargoBin]:
    """Vesicles and diameters against distance, all dishes' migrasomes together."""
    distance, vesicles, diameter = (
        np.concatenate([getattr(count, key) for count in counts]).astype(float)
        for key in ("distance", "vesicles", "diameter")
    )
    bins = []
    for lower, upper in itertools.pairwise(BODY_DISTANCE_EDGES):
        own = (distance >= lower) & (distance < upper)
        bins.append(CargoBin(float(lower), float(upper), vesicles[own], diameter[own]))
    return bins


def compare_cargo(treated: Sequence[CargoCount], control: Sequence[CargoCount]) -> list[Comparison]:
    """Unpaired t tests on each of `SAMPLES` against a control's, units of all dishes pooled."""
    tests = []
    for quantity, (unit, _) in SAMPLES.items():
        own, other = cargo_samples(treated, quantity), cargo_samples(control, quantity)
        tests.append(
            compare_samples(
                quantity, own, other, test="unpaired t", unit=unit, p_of=unpaired_t_test
            )
        )
    return tests


def cargo_table(
    runs: Sequence[xr.Dataset],
    times: Sequence[float] | None = None,
    *,
    against: Sequence[xr.Dataset] = (),
) -> list[dict[str, Any]]:
    """Where stromal cells' chemokines are, and which way they have left.

    Returns
    -------
    list of dict
        One for each time, the last if not told otherwise, and each followed ligand: ``time`` [s],
        ``ligand``, ``label``, ``cells`` (the stromal cells' label), ``runs`` and ``control`` (None
        without), each with the ``balance`` of all that was made, the ``routes`` of
        secretion, ratios and shares over dishes, contents, vesicles and polarisation over cells or
        migrasomes, and ``by_distance``; ``tests``, a list of comparisons (None without control).

    Raises
    ------
    InputError
        If the runs are not different dishes of one model, follow no cargo, or lack a time; the
        same of the control; if a seed or a donor is on both sides.
    """
    require_comparable_stroma(runs, against)
    spec, ligands = model_of(runs[0]).spec, followed_ligands(runs[0])
    for run in (*runs, *against):
        for ligand in ligands:
            require_cargo(run, ligand)
    wanted = [last_followed(runs[0])] if times is None else sorted(times)
    require_frames([*runs, *against], wanted)
    rows = []
    for time in wanted:
        for ligand in ligands:
            counts = [run_cargo(run, time, ligand) for run in runs]
            control = [run_cargo(run, time, ligand) for run in against]
            rows.append(
                {
                    "time": time,
                    "ligand": ligand,
                    "label": spec.ligand[ligand].label,
                    "cells": spec.stroma.label,
                    "runs": _cargo(counts),
                    "control": _cargo(control) if control else None,
                    "tests": [
                        found.row(ratio_of_means=or_none(found.ratio))
                        for found in compare_cargo(counts, control)
                    ]
                    if control
                    else None,
                }
            )
    return rows


def _cargo(counts: Sequence[CargoCount]) -> dict[str, Any]:
    found = cargo_measures(counts)
    cells = sum(count.msc for count in counts)
    enrichment = np.array([count.enrichment for count in counts])

    def amounts(names: Sequence[str], of: str) -> dict[str, dict[str, float | None]]:
        """Molecules in all dishes, per cell, and as a share of another amount."""
        total = sum(getattr(count, of) for count in counts)
        rows = {}
        for name in names:
            own = sum(getattr(count, name) for count in counts)
            rows[name] = {
                "molecules": own,
                "per_cell": own / cells if cells else None,
                "share": own / total if total > 0.0 else None,
            }
        return rows

    def sample(quantity: str) -> dict[str, Any]:
        values = cargo_samples(counts, quantity)
        return {"count": len(values)} | mean_and_deviation(values)

    with_cargo = found["with_cargo"]
    return {
        "dishes": len(counts),
        "msc": cells,
        "migrasomes": sum(len(count.content) for count in counts),
        "balance": amounts(
            ("made", "in_bodies", "in_migrasomes", "secreted", "carried_off"), "made"
        ),
        "routes": amounts(ROUTES, "secreted"),
        "secreted_to_content": measure_values(found["secreted_to_content"]),
        "share_through_migrasomes": measure_values(found["share_through_migrasomes"]),
        "with_cargo": {"count": round(with_cargo.amount), "of": round(with_cargo.of)}
        | measure_values(with_cargo),
        "enrichment": {"pooled": or_none(pooled_enrichment(counts))}
        | mean_and_deviation(enrichment),
        **{
            name: sample(name)
            for name in (
                "vesicles_per_migrasome",
                "content_per_migrasome",
                "vesicles_per_cell",
                "content_per_body",
                "polarisation",
                "polarisation_migrating",
                "polarisation_resting",
            )
        },
        "by_distance": [
            {
                "lower_um": own.lower,
                "upper_um": or_none(own.upper),
                "migrasomes": len(own.vesicles),
                "vesicles": mean_and_deviation(own.vesicles),
                "diameter_um": mean_and_deviation(own.diameter),
            }
            for own in cargo_by_distance(counts)
        ],
    }
