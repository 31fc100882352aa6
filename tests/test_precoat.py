"""SDF-1 pre-coats: the bound amount by Langmuir's law, its mass audit, and what refuses one."""

import math

import numpy as np
import pytest

from sdf1_field.errors import InputError
from sdf1_field.simulation import record_exposure, replay_cells, simulate
from sdf1_field.spec import load_model
from sdf1_field.transport import Coat, bound_after_incubation
from sdf1_field.treatments import schedule
from simulation_builders import HOUR, assert_same_bits

PLACED = ("scene.mode=placed", "mechanisms.migrasome_uptake=false", "run.culture=1 h")
"""A dish whose coat is in the solution until 1 h before the cells."""
EARLY = "treatments.sdf1_precoat.start=-1 h"
COARSE = (
    "grid.spacing=50 um", "run.culture=15 min", "run.duration=15 min", "output.fields_from=-15 min",
    "output.fields_every=15 min", "treatments.sdf1_precoat.start=-15 min",
    "output.ligands=[]", "cells.density=0 1/mm**2",
)  # fmt: skip
SHORT = ("run.duration=20 min", "output.fields_from=-1 h", "output.fields_every=10 min")


def spec_of(tiny, *settings):
    return load_model("coculture-kg1a", settings=(*tiny, *PLACED, *SHORT, *settings)).spec


def steady_share(coat, concentration):
    """Share of a coat's sites that is bound in steady state."""
    taking = coat.association_rate * concentration
    return taking / (taking + coat.dissociation_rate + coat.loss_rate)


def test_half_the_sites_bind_at_the_dissociation_constant_and_half_of_that_after_a_half_time():
    coat = Coat(1000.0, association_rate=1e-3, dissociation_rate=2e-3, loss_rate=0.0)
    empty = np.zeros((2, 3))
    full, left = bound_after_incubation(coat, empty, 2.0, math.inf)
    assert full == pytest.approx(np.full((2, 3), 500.0), rel=1e-12)
    assert left == 0.0
    half, left = bound_after_incubation(coat, empty, 2.0, math.log(2.0) / 4e-3)
    assert half == pytest.approx(np.full((2, 3), 250.0), rel=1e-12)
    assert left == pytest.approx(0.5, rel=1e-12)


def test_a_weaker_solution_takes_ligand_off_a_coat_that_holds_more():
    coat = Coat(1000.0, association_rate=1e-3, dissociation_rate=2e-3, loss_rate=0.0)
    after, _ = bound_after_incubation(coat, np.full((1, 1), 800.0), 2.0, math.inf)
    assert after[0, 0] == pytest.approx(500.0, rel=1e-12)


def test_a_pre_coat_is_incubated_to_equilibrium_unless_told_how_long(tiny):
    dose = "treatments.sdf1_precoat.dose=10 nM"
    (first, _) = schedule(spec_of(tiny, EARLY, dose)).events
    assert (first.time, first.coated, first.medium_change) == (
        -HOUR, (("sdf1", 10.0, math.inf),), True
    )  # fmt: skip
    told = "treatments.sdf1_precoat.incubation=30 min"
    (first, _) = schedule(spec_of(tiny, EARLY, dose, told)).events
    assert first.coated == (("sdf1", 10.0, 1800.0),)


@pytest.mark.parametrize("solver", ["cosine", pytest.param("fipy", marks=pytest.mark.slow)])
def test_the_coat_holds_what_its_binding_law_says_and_the_audit_counts_it_as_added(tiny, solver):
    spec = spec_of(
        tiny, "treatments.sdf1_precoat.dose=10 nM", f"numerics.solver={solver}",
        *COARSE,
    )  # fmt: skip
    first, *_, last = simulate(spec, seed=1)
    coat = spec.ligand["sdf1"].coat
    share = steady_share(coat, 10.0)
    assert 0.01 < share < 0.9
    state = first.ligands["sdf1"]
    assert first.time == -0.25 * HOUR
    assert state.bound == pytest.approx(np.full_like(state.bound, share * coat.sites), rel=1e-12)
    area = spec.dish.width * spec.dish.length
    assert state.masses["added"] == pytest.approx(share * coat.sites * area, rel=1e-12)
    assert state.masses["in_medium"] == 0.0
    end = last.ligands["sdf1"].masses
    gone = sum(end[k] for k in ("degraded", "through_top", "removed", "taken_up"))
    held = end["in_medium"] + end["bound"]
    assert end["secreted"] + end["added"] == pytest.approx(gone + held, rel=1e-8)
    assert end["bound"] < state.masses["bound"]


def test_bare_stripes_bind_nothing(tiny):
    spec = spec_of(
        tiny, EARLY, "treatments.sdf1_precoat.dose=10 nM", "ligand.sdf1.coat.pattern=stripes",
        "ligand.sdf1.coat.stripe_width=20 um",
    )  # fmt: skip
    first = next(iter(simulate(spec, seed=1))).ligands["sdf1"]
    assert first.sites is not None
    share = steady_share(spec.ligand["sdf1"].coat, 10.0)
    assert first.bound == pytest.approx(share * first.sites, rel=1e-12)
    assert first.bound.min() == 0.0 < first.bound.max()


def test_a_solution_without_ligand_on_an_empty_coat_is_a_medium_change(tiny):
    alone = "output.ligands=[]"
    own = simulate(spec_of(tiny, EARLY, alone, "treatments.sdf1_precoat.dose=0 nM"), seed=1)
    other = simulate(
        spec_of(
            tiny, "treatments.wash.agent=medium_change", "treatments.wash.start=-1 h",
            "numerics.linear_coat=false", alone,
        ),
        seed=1,
    )  # fmt: skip
    assert_same_bits(list(own)[-1].stop, list(other)[-1].stop)


def test_replayed_cells_meet_the_pre_coat(tiny):
    spec = spec_of(tiny, EARLY, "treatments.sdf1_precoat.dose=10 nM")
    recorded = record_exposure(spec, 3, dtype=np.float64, least_correction=0.0)
    full = {s.time: s.cells for s in simulate(spec, seed=3) if s.cells is not None}
    replayed = list(replay_cells(recorded, spec))
    assert len(replayed) > 2
    for one in replayed:
        assert np.abs(full[one.time].x - one.cells.x).max() < 1e-7
    with pytest.raises(InputError, match="the medium, a ligand or the stroma is treated otherwise"):
        next(iter(replay_cells(recorded, spec_of(tiny))))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (("ligand.sdf1.coat.sites=0 sites/um**2",), "sdf1 binds to none. Set ligand.sdf1.coat"),
        (("treatments.sdf1_precoat.stop=0 h",), "a pre-coat is washed off at its start"),
        (("treatments.sdf1_precoat.start=-2 h",), "start: -2 h is outside the run"),
        (("treatments.sdf1_precoat.incubation=0 h",), "incubation"),
        (("treatments.sdf1_precoat.preincubation=1 h",), "does not act on haematopoietic cells"),
        (("treatments.sdf1.dose=1 nM", "treatments.sdf1.incubation=1 h"), "is no pre-coat"),
        (("agent.sdf1_precoat.ligand=sdf2",), "unknown ligand 'sdf2'"),
    ],
)
def test_a_pre_coat_that_cannot_be_is_refused(tiny, settings, message):
    with pytest.raises(InputError) as refused:
        spec_of(tiny, "treatments.sdf1_precoat.dose=10 nM", *settings)
    assert message in str(refused.value)
