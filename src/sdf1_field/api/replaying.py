"""The exposure of a dish recorded once, and other cells replayed under it."""

import math
from pathlib import Path

import pandas as pd

from sdf1_field import simulation
from sdf1_field.analysis.census import density_fold_change, take_census
from sdf1_field.api.runs import At, times_of
from sdf1_field.api.solving import asked
from sdf1_field.scene import REGION_LABELS
from sdf1_field.simulation import RecordedExposure
from sdf1_field.spec import Model


def record_exposure(model: Model | str | Path, *, seed: int | None = None) -> RecordedExposure:
    """Run a dish without cells, and keep everything that cells would meet, in memory.

    Parameters
    ----------
    model : Model, str or pathlib.Path
        A model, a shipped model's name, or a model file.
    seed : int, optional
        Of the dish; the model's own if not given.

    Returns
    -------
    RecordedExposure
        For `replay`; `nbytes` is its size.

    Raises
    ------
    InputError
        If the model is wrong, or if its fields depend on the cells.
    RunError
        If the solver fails.
    """
    asked_for, own = asked(model, seed=seed)
    return simulation.record_exposure(asked_for.spec, own)


def replay(
    recorded: RecordedExposure,
    model: Model | str | Path,
    *,
    seed: int | None = None,
    at: At | None = None,
) -> pd.DataFrame:
    """Count a model's cells in regions, moved under the recorded exposure of another run.

    Parameters
    ----------
    recorded : RecordedExposure
    model : Model, str or pathlib.Path
        It may differ from the recorded one in the cells and their adhesion, in CXCR4, and in drugs
        that act on cells or on CD166, but in nothing that stroma or fields depend on.
    seed : int, optional
        Of the cells; the recorded dish's if not given.
    at : str, float or a sequence of these, optional
        Times as of `Run.fold_change`; the end of the model's run if not given.

    Returns
    -------
    pandas.DataFrame
        One row for each time and region: cells whose centre is over it, area, fold change, and the
        cells that touch it.

    Raises
    ------
    InputError
        If the recorded exposure is not that of the model, or a time is not one of its stops.
    """
    asked_for, own = asked(model, seed=recorded.seed if seed is None else seed)
    spec = asked_for.spec
    times = times_of(at) or [spec.run.duration]
    radius = 0.5 * spec.haematopoietic.diameter
    rows = []
    for moment in simulation.replay_cells(recorded, spec, seed=own, times=times):
        census = take_census(
            *moment.floor.counted,
            moment.cells.x,
            moment.cells.y,
            moment.cell_regions,
            radius=radius,
            time=moment.time,
        )
        folds = [math.nan, *density_fold_change(census.counts, census.areas)]
        rows += [
            {
                "time_s": moment.time,
                "region": label,
                "cells": int(census.counts[region]),
                "area_mm2": census.areas[region] / 1e6,
                "fold_change": folds[region],
                "cells_touching": int(census.touching[region]),
            }
            for region, label in REGION_LABELS.items()
        ]
    return pd.DataFrame(rows)
