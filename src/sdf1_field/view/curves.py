"""What a run's page draws against time: fold change, cells, stroma, chemokines, releases."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from sdf1_field.analysis import cell_places, course_table, has_stroma, observation_times
from sdf1_field.errors import Sdf1FieldError
from sdf1_field.record import field_unit, model_of
from sdf1_field.scene import NO_BODY, REGION_LABELS, Region
from sdf1_field.spec import ModelSpec

Array = NDArray[np.float64]

_ROUTES = {
    "released_by_bodies": "by bodies' own membranes",
    "released_by_fusion": "by fusion in migrasomes",
    "released_at_once": "by ruptures and leaks",
    "carried_off": "carried off, not released",
}
"""Ways of chemokines out of cells, by entry of the file."""
_FIGURES = 6
"""Significant figures of values that are no counts."""


def run_curves(run: xr.Dataset) -> list[dict[str, Any]]:
    """Curves of a run, each a value of plain ones.

    Returns
    -------
    list of dict
        ``key``; ``title``; ``unit``; ``note``; ``times`` [s]; ``series``: a list of ``key``,
        ``label``, ``values`` (None where there is none), one for each time, and ``hue``, the
        number of its colour; ``level``: a value that is drawn as a line, with ``level_label``, or
        None.
    """
    spec = model_of(run).spec
    curves: list[dict[str, Any]] = []
    if "cell_time" in run:
        if has_stroma(run):
            curves += _fold_change(run)
            curves += _cells(run, spec)
        else:
            curves += _spread(run)
    if len(run["time"]) > 1:
        curves += _stroma(run, spec)
        for name in spec.solved_ligands:
            curves += _releases(run, spec, name)
        for name in spec.solved_ligands:
            curves += _concentrations(run, spec, name)
    return [one for one in curves if one["series"]]


def _curve(
    key: str,
    title: str,
    unit: str,
    times: Sequence[float] | Array,
    series: Sequence[tuple[str, str, Any]],
    *,
    note: str = "",
    level: float | None = None,
    level_label: str = "",
    hues: Sequence[int] = (),
) -> dict[str, Any]:
    return {
        "key": key,
        "title": title,
        "unit": unit,
        "note": note,
        "times": [round(float(t), 3) for t in times],
        "series": [
            {
                "key": own,
                "label": label,
                "values": [_plain(value) for value in values],
                "hue": hues[n] if hues else n,
            }
            for n, (own, label, values) in enumerate(series)
        ],
        "level": level,
        "level_label": level_label,
    }


def _plain(value: Any) -> float | int | None:
    if value is None or not np.isfinite(value):
        return None
    whole = float(value)
    return int(whole) if whole.is_integer() else float(f"{whole:.{_FIGURES}g}")


def _fold_change(run: xr.Dataset) -> Iterator[dict[str, Any]]:
    try:
        rows = course_table([run])
    except Sdf1FieldError:
        return  # an earlier version's run, without all that the encounter limit needs
    if not any(row["fold_change"] for row in rows):
        return  # as with a single cell
    times = list(dict.fromkeys(row["time"] for row in rows))
    label = model_of(run).spec.stroma.label
    names = {REGION_LABELS[Region.MSC]: label, REGION_LABELS[Region.MIGRASOME_NETWORK]: "network"}
    series = []
    for region, shown in names.items():
        own = [row for row in rows if row["region"] == region]
        series.append((shown.lower(), shown, [row["fold_change"] for row in own]))
    for region, shown in names.items():
        own = [row for row in rows if row["region"] == region]
        series.append(
            (
                f"{shown.lower()} limit",
                f"{shown}, encounter limit",
                [row["encounter_limit"] for row in own],
            )
        )
    note = (
        "Cells per area of the region over cells per area of free surface. Encounter limit: the "
        "same if the region were perfectly sticky and cells sensed nothing; a fold change above it "
        "means more encounters than random ones at the unstimulated speed."
    )
    about = next((row["encounter_limit_note"] for row in rows if row["encounter_limit_note"]), "")
    yield _curve(
        "fold-change", "Fold change", "", times, series, note=f"{note} {about}".strip(),
        level=1.0, level_label="1: cells scattered evenly", hues=(0, 1, 0, 1),
    )  # fmt: skip


def _cells(run: xr.Dataset, spec: ModelSpec) -> Iterator[dict[str, Any]]:
    times = observation_times(run)
    under, held = run["cell_region"].values, run["cell_state"].values == 1
    names = {
        Region.MSC: f"on {spec.stroma.label}",
        Region.MIGRASOME_NETWORK: "on the network",
        Region.FREE_SURFACE: "on free surface",
    }
    yield _curve(
        "regions", "Cells by region", "cells", times,
        [(label, label, (under == region).sum(axis=0)) for region, label in names.items()],
        note="A cell counts for the region under its centre.",
    )  # fmt: skip
    if spec.adheres:
        yield _curve(
            "held", "Held and crawling cells", "cells", times,
            [
                ("held", "held by stroma", held.sum(axis=0)),
                ("crawling", "crawling", (~held).sum(axis=0)),
            ],
            note="A held cell is caught by what it touches and does not crawl.",
        )  # fmt: skip


def _spread(run: xr.Dataset) -> Iterator[dict[str, Any]]:
    times = observation_times(run)
    if len(times) < 2:
        return
    x, y = cell_places(run)
    away = np.hypot(x - x[:, :1], y - y[:, :1]).mean(axis=0)
    yield _curve(
        "distance", "Mean distance of cells from their first saved place", "µm", times,
        [("distance", "mean distance", away)],
        note="Straight-line distance, averaged over cells.",
    )  # fmt: skip


def _stroma(run: xr.Dataset, spec: ModelSpec) -> Iterator[dict[str, Any]]:
    if not spec.bears_networks and not spec.bears_migrasomes:
        return
    times = run["time"].values
    series = []
    if "fibre_body" in run and run.sizes.get("fibre", 0):
        fibres = np.isfinite(run["fibre_body"].values).sum(axis=1)
        series.append(("fibres", "retraction fibres", fibres))
    if "migrasome_body" in run and run.sizes.get("migrasome", 0):
        owner = run["migrasome_body"].values
        there, apart = np.isfinite(owner), owner == NO_BODY
        series.append(("attached", "attached migrasomes", (there & ~apart).sum(axis=1)))
        series.append(("detached", "detached migrasomes", apart.sum(axis=1)))
    if not series:
        return
    yield _curve("stroma", "Fibres and migrasomes", "in the view", times, series)


def _releases(run: xr.Dataset, spec: ModelSpec, name: str) -> Iterator[dict[str, Any]]:
    times = run["time"].values
    series = [
        (entry, label, run[f"{name}_cargo_{entry}"].values)
        for entry, label in _ROUTES.items()
        if f"{name}_cargo_{entry}" in run
    ]
    if series:
        label = spec.ligand[name].label
        yield _curve(
            f"releases-{name}",
            f"{label} that has left cells, by route",
            "molecules so far",
            times,
            series,
        )


def _concentrations(run: xr.Dataset, spec: ModelSpec, name: str) -> Iterator[dict[str, Any]]:
    times, label = run["time"].values, spec.ligand[name].label
    unit, size = field_unit(run, name)
    means = [float(np.nanmean(run[name][n].values)) / size for n in range(len(times))]
    if not any(means):
        return
    series = [("floor", "dissolved, at the floor", means)]
    yield _curve(
        f"dissolved-{name}", f"{label} in the medium", unit, times, series,
        note="Mean over the floor, in the lowest layer of the medium.",
    )  # fmt: skip
    if spec.ligand[name].coat.binds:
        bound = [float(np.nanmean(run[f"{name}_bound"][n].values)) for n in range(len(times))]
        yield _curve(
            f"bound-{name}", f"{label} on the coat", "molecules/µm²", times,
            [("bound", "bound", bound)], note="Mean over the floor.",
        )  # fmt: skip
