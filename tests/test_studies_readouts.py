"""Readouts of replayed cells against counts by hand, and against cells that nothing guides."""

import functools

import numpy as np
import pytest

from sdf1_field.calibration.replayed import Counted, log_fold_change
from sdf1_field.scene import Region
from sdf1_field.simulation import record_exposure, replay_cells
from sdf1_field.spec import load_model
from sdf1_field.studies.candidates import APPROACH, DISTANCE, DWELL, FOLD_CHANGE, Readout
from sdf1_field.studies.readouts import components, read, watched

HOUR = 3600.0
FOLD = Readout(FOLD_CHANGE, ("MSC", "network"), (0.5 * HOUR, HOUR))
FOLLOWED = (
    Readout(DISTANCE, (), (HOUR,)),
    Readout(DWELL, ("MSC",), (HOUR,)),
    Readout(APPROACH, (), (HOUR,)),
)
GUIDES = ("soluble_sensing", "haptotaxis", "arrest", "cd166_adhesion", "vla4_adhesion",
          "fibre_adhesion", "chemokinesis", "migrasome_uptake")  # fmt: skip
SMALL = ("dish.width=600 um", "dish.length=600 um", "run.culture=12 h", "run.duration=1 h",
         "mechanisms.crowding=false", "variation.dish.speed=0")  # fmt: skip


@functools.cache
def model(density, *settings):
    return load_model(
        "coculture-kg1a", settings=(*SMALL, f"cells.density={density} 1/mm**2", *settings)
    ).spec


@functools.cache
def recorded():
    return record_exposure(model(400), 3)


def test_fold_changes_are_those_of_the_counts_of_the_same_replay():
    values, _ = read(recorded(), model(800), [FOLD], seed=3, view=144.0)
    named = dict(zip(components(FOLD), values, strict=True))
    for moment in replay_cells(recorded(), model(800), seed=3, times=FOLD.times):
        counts = Counted(moment.counts[None].astype(float), moment.areas[None])
        text = "30 min" if moment.time < HOUR else "1 h"
        for region, name in ((Region.MSC, "MSC"), (Region.MIGRASOME_NETWORK, "network")):
            assert named[f"{name}, {text}"] == pytest.approx(log_fold_change(counts, region)[0])


def test_the_covariance_is_that_of_counting_in_a_view():
    dense = model(4000)
    _, covariance = read(recorded(), dense, [FOLD], seed=3, view=144.0)
    (last,) = replay_cells(recorded(), dense, seed=3, times=[HOUR])
    share = 144.0 / last.counts.sum()
    by_counting = [
        1.0 / (share * last.counts[region]) + 1.0 / (share * last.counts[Region.FREE_SURFACE])
        for region in (Region.MSC, Region.MIGRASOME_NETWORK)
    ]
    # A jackknife over ten groups knows a variance to a factor of two or so.
    assert 0.3 < covariance[1, 1] / by_counting[0] < 2.5
    assert 0.3 < covariance[3, 3] / by_counting[1] < 2.5
    assert np.linalg.eigvalsh(covariance).min() > -1e-12
    assert covariance[0, 1] > 0.0
    _, smaller = read(recorded(), dense, [FOLD], seed=3, view=288.0)
    assert smaller == pytest.approx(covariance / 2.0)


def test_cells_that_nothing_guides_approach_nothing_and_are_as_dense_everywhere():
    null = model(6000, *(f"mechanisms.{name}=false" for name in GUIDES))
    values, covariance = read(recorded(), null, [FOLD, *FOLLOWED], seed=3, view=144.0)
    names = [name for r in (FOLD, *FOLLOWED) for name in components(r)]
    for name, value, variance in zip(names, values, np.diag(covariance), strict=True):
        if name != "MSC":  # how long they stay
            error = np.sqrt(variance * 144.0 / null.cell_count)
            assert abs(value) < max(4.0 * error, 0.06), name


def test_held_cells_stay_longer_than_passing_ones():
    null = model(800, *(f"mechanisms.{name}=false" for name in GUIDES))
    stays = [
        read(recorded(), spec, [FOLLOWED[1]], seed=3, view=144.0)[0][0]
        for spec in (model(800), null)
    ]
    assert stays[0] > stays[1] + 0.5


def test_pictures_are_taken_only_when_readouts_need_them():
    few = watched(recorded(), model(400), [FOLD], seed=3)
    assert few.times.tolist() == list(FOLD.times)
    all_ = watched(recorded(), model(400), [FOLD, *FOLLOWED], seed=3)
    assert all_.times.tolist() == [n * 900.0 for n in range(5)]
    assert set(all_.near_areas) == {HOUR}
    assert all_.near_areas[HOUR].sum() < 600.0**2
