"""Exposure as a room of its own: face values, bound ligand and emission in, stimulus out."""

import numpy as np
import pytest

from sdf1_field import exposure
from sdf1_field.exposure import (
    WAVENUMBERS,
    FaceValues,
    advance_coat,
    no_stimulus,
    sample,
    subgrid_basis,
    surroundings,
)
from sdf1_field.migrasomes import emission_between
from sdf1_field.simulation import begin, prepare
from sdf1_field.spec import load_model

STEP = 600.0


@pytest.fixture(scope="module")
def dish(tiny):
    """Setup, transport of SDF-1, scene and emission of a placed co-culture."""
    prepared = prepare(load_model("coculture-kg1a", settings=tiny).spec, 1)
    scene = begin(prepared, 1).scene
    emission = emission_between(scene, scene, "sdf1", 0.0, STEP)
    assert emission.migrasomes.mean.any()
    return prepared.sensing, prepared.equations["sdf1"].transport, scene, emission


def even(setup, concentration):
    return FaceValues(
        np.full((setup.grid.ny, setup.grid.nx), concentration),
        np.zeros((setup.grid.ny, setup.grid.nx)),
    )


def advanced(dish, before, after, *, discontinuous=False):
    setup, transport, scene, emission = dish
    return exposure.advance(
        setup, transport, exposure.begin(setup, scene), even(setup, before), even(setup, after),
        emission, discontinuous=discontinuous,
    )  # fmt: skip


def test_the_coat_around_carriers_is_followed(dish):
    setup, transport, scene, emission = dish
    m, own = scene.migrasomes, np.flatnonzero(scene.migrasomes.loaded["sdf1"])
    basis = subgrid_basis(setup.grid, transport, cell_radius=setup.radius)
    around = surroundings(basis, m.x[own], m.y[own], *even(setup, 0.2))
    rate = emission.migrasomes.mean[own]
    expected = advance_coat(basis, around, np.zeros((len(own), WAVENUMBERS)), rate, STEP)
    found, sensed = advanced(dish, 0.1, 0.3)
    assert np.array_equal(found.coated, expected)
    assert len(exposure.stimulus_of(setup, sensed).subgrid.x) >= len(own)


@pytest.mark.parametrize(("discontinuous", "seen"), [(False, 0.2), (True, 0.3)])
def test_cells_sense_the_mean_of_both_ends_or_after_a_discontinuity_the_end(
    dish, discontinuous, seen
):
    setup = dish[0]
    _, sensed = advanced(dish, 0.1, 0.3, discontinuous=discontinuous)
    alone = exposure.stimulus_of(setup, sensed)._replace(subgrid=no_stimulus(setup.grid).subgrid)
    value = sample(alone, 51.0, 77.0, setup.grid.dx, setup.grid.dy)[0]
    assert value == pytest.approx(seen, rel=1e-9)


def test_a_burst_changes_the_coat_of_the_migrasome_that_bursts_alone(dish):
    setup, transport, scene, emission = dish
    own = np.flatnonzero(scene.migrasomes.loaded["sdf1"])
    assert len(own) > 1
    emission.bursts[own[0]] = 100.0
    before = exposure.begin(setup, scene)
    after = exposure.burst(setup, transport, before, even(setup, 0.1), emission).coated
    emission.bursts[own[0]] = 0.0
    assert (after[0] > 0.0).all()
    assert not after[1:].any()


def test_where_nothing_is_sensed_no_coat_is_followed(dish):
    assert exposure.begin(None, dish[2]).coated.shape == (0, WAVENUMBERS)
