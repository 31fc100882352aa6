"""A stroma that grows: its books, its determinism, and who changes it."""

import functools

import numpy as np
import pytest

from conftest import SECRETING
from sdf1_field import migrasomes
from sdf1_field.record import content_digest, load_state, open_run, save_state, solve
from sdf1_field.scene import Fate
from sdf1_field.simulation import prepare, simulate, stroma_alone
from sdf1_field.spec import load_model
from simulation_builders import GROWN, HOUR, assert_same_bits, model, states, states_from

FROZEN = (*GROWN, "scene.mode=frozen")


@pytest.fixture(scope="module")
def grown_states(tiny):
    return states(tiny, *GROWN)


@pytest.fixture(scope="module")
def frozen_states(tiny):
    return states(tiny, *FROZEN)


def test_the_audit_closes_with_sources_that_move_come_and_go(grown_states):
    assert [s.time for s in grown_states[:2]] == [-HOUR, -HOUR / 2]
    for state in grown_states:
        for name, field in state.fields.items():
            prepared = state.here.prepared
            in_medium = prepared.solvers[name].in_medium(prepared.equations[name], field)
            bound = prepared.solvers[name].on_coat(prepared.equations[name], field)
            assert abs(field.ledger.imbalance(in_medium, bound)) < 1e-10, (name, state.time)
            assert field.ledger.secreted > 0.0
    last = grown_states[-1]
    assert last.fields["sdf1"].ledger.taken_up > 0.0
    first, end = grown_states[0].scene, last.scene
    assert not np.array_equal(first.bodies.x, end.bodies.x)
    assert set(end.migrasomes.fate) >= {Fate.RUPTURES, Fate.IS_TAKEN_UP}
    assert len(end.migrasomes.x) > len(first.migrasomes.x) > 20


def released(state, ligand):
    """Molecules that have come into the medium by each way, bodies, fusion and at once."""
    found = migrasomes.cargo_of(state.scene)[ligand]
    return found.released.sum(), found.fused.sum(), found.leaked.sum()


@pytest.mark.parametrize(
    "settings", [(), ("mechanisms.bursts=false",)], ids=["bursts", "no bursts"]
)
def test_a_field_is_given_what_leaves_bodies_and_migrasomes_by_each_way(tiny, settings):
    for state in states(tiny, *GROWN, *settings):
        for name, field in state.fields.items():
            by_way = released(state, name)
            assert field.ledger.secreted == pytest.approx(sum(by_way), rel=1e-10), state.time
            assert min(by_way) > 0.0
    carried_off = migrasomes.cargo_of(state.scene)["ccl2"].carried_off
    assert carried_off[state.scene.migrasomes.fate == Fate.IS_TAKEN_UP].sum() > 0.0


def test_constant_secretion_of_a_grown_stroma_is_booked_to_within_a_coupling_step(tiny):
    settings = [one for one in GROWN if "cargo" not in one and "bursts" not in one]
    last = states(tiny, *settings, "mechanisms.cargo_kinetics=false")[-1]
    m = last.scene.migrasomes
    lives = np.minimum(m.end, last.time) - m.birth
    for name, field in last.fields.items():
        expected = last.scene.bodies.secretion[name].sum() * 7.5 * HOUR
        from_migrasomes = (last.scene.growth.constant[name][0] * m.loaded[name] * lives).sum()
        assert from_migrasomes > 0.2 * expected
        expected += from_migrasomes
        assert field.ledger.secreted == pytest.approx(expected, rel=0.1), name


# L929 that secrete, and are perturbed on the way


QUENCHED = (
    *SECRETING,
    "dish.height=200 um",
    "grid.spacing=20 um",
    "run.duration=5 h",
    "output.fields_every=1 h",
    "output.ligands=['mcsf']",
    "treatments.bapta_am.dose=1 uM",
    "treatments.bapta_am.start=187 min",
    "traffic.transport_rate=0.03 1/h",
)
"""Of which calcium is quenched between two steps of the growth and of the coupling.

Transport is slow, lest its many migrasomes empty the bodies, whose release then falls for two
reasons.
"""


@functools.cache
def secreting(*, bursts=True, coupling_step=15.0):
    settings = (
        *QUENCHED,
        f"mechanisms.bursts={str(bursts).lower()}",
        f"numerics.coupling_step={coupling_step} min",
    )
    return tuple(simulate(load_model("secretion-l929", settings=settings).spec))


@pytest.mark.parametrize("bursts", [True, False])
def test_the_audit_of_field_and_cargo_closes_with_a_perturbation_on_the_way(bursts):
    prepared = prepare(load_model("secretion-l929", settings=QUENCHED).spec, 1)
    found = secreting(bursts=bursts)
    for state in found:
        cargo, field = migrasomes.cargo_of(state.scene)["mcsf"], state.fields["mcsf"]
        assert field.ledger.secreted == pytest.approx(sum(released(state, "mcsf")), rel=1e-10)
        left = cargo.front.sum() + cargo.rear.sum() + cargo.held.sum() + cargo.carried_off.sum()
        assert cargo.made.sum() == pytest.approx(left + field.ledger.secreted, rel=1e-10)
        in_medium = prepared.solvers["mcsf"].in_medium(prepared.equations["mcsf"], field)
        bound = prepared.solvers["mcsf"].on_coat(prepared.equations["mcsf"], field)
        assert abs(field.ledger.imbalance(in_medium, bound)) < 1e-10
    assert min(released(found[-1], "mcsf")) > 0.0
    rates = np.diff([released(state, "mcsf")[0] for state in found])
    # What calcium is left lets bodies release 0.16 / (0.16 + 1) of what they did.
    assert rates[-1] / rates[1] == pytest.approx(0.16 / 1.16, rel=0.15)


def test_what_is_released_hardly_depends_on_how_often_the_field_is_coupled():
    one, other = secreting()[-1], secreting(coupling_step=7.5)[-1]
    # They differ by 1e-5, 3e-4 and 1e-4: the contents at other times between steps of the growth.
    assert released(one, "mcsf") == pytest.approx(released(other, "mcsf"), rel=1e-3)
    assert released(one, "mcsf") != released(other, "mcsf")


def test_bursts_change_when_and_not_how_much_is_released():
    one, other = secreting()[-1], secreting(bursts=False)[-1]
    assert released(one, "mcsf") == released(other, "mcsf")
    assert one.fields["mcsf"].ledger.secreted == pytest.approx(
        other.fields["mcsf"].ledger.secreted, rel=1e-12
    )
    assert not np.array_equal(one.fields["mcsf"].layer, other.fields["mcsf"].layer)


@pytest.mark.parametrize("settings", [GROWN, FROZEN], ids=["grown", "frozen"])
@pytest.mark.parametrize("n", [0, 2, 3])
def test_a_grown_stroma_resumes_to_the_same_bits(
    tiny, tmp_path, grown_states, frozen_states, settings, n
):
    whole = grown_states if settings is GROWN else frozen_states
    save_state(tmp_path / "state.npz", whole[n].stop)
    loaded = load_state(tmp_path / "state.npz", "cosine")
    assert_same_bits(loaded, whole[n].stop)
    again, *rest = states_from(loaded, tiny, *settings)
    assert_same_bits(again.stop, whole[n].stop)
    assert len(rest) == len(whole) - n - 1
    for resumed, uninterrupted in zip(rest, whole[n + 1 :], strict=True):
        assert_same_bits(resumed, uninterrupted)


BRIEF = (*GROWN, "run.culture=3 h", "run.duration=30 min")


class _Enough(KeyboardInterrupt):
    """Stands for the interruption of a run."""


@pytest.mark.parametrize(
    "settings", [BRIEF, (*BRIEF, "scene.mode=frozen")], ids=["grown", "frozen"]
)
def test_an_interrupted_run_of_a_grown_stroma_ends_with_the_same_content(
    solved, tiny, tmp_path, settings
):
    def stop(time):
        if time >= 0.0:
            raise _Enough

    path, mine = tmp_path / "run.nc", load_model("coculture-kg1a", settings=[*tiny, *settings])
    with pytest.raises(KeyboardInterrupt):
        solve(mine, path, seed=1, progress=stop)
    assert not path.exists()
    solve(mine, path, seed=1, resume=True)
    with open_run(path) as run, open_run(solved("coculture-kg1a", *settings)) as whole:
        assert content_digest(run) == content_digest(whole)


def test_two_seeds_grow_two_networks(tiny, grown_states):
    other = states(tiny, *GROWN, "output.ligands=[]", seed=2)[-1]
    last = grown_states[-1]
    assert not np.isin(last.cells.x, other.cells.x).any()
    assert not np.isin(last.scene.bodies.x, other.scene.bodies.x).any()
    # A migrasome beyond a wall is drawn to the wall.
    shared = np.intersect1d(last.scene.migrasomes.x, other.scene.migrasomes.x)
    assert set(shared) <= {0.0, 300.0}


def test_a_frozen_stroma_grows_until_there_are_cells_and_no_longer(grown_states, frozen_states):
    for frozen, growing in zip(frozen_states, grown_states, strict=True):
        if growing.time < 0.0:
            assert_same_bits(frozen, growing)
    at_zero = next(s for s in frozen_states if s.time == 0.0)
    grown_at_zero = next(s for s in grown_states if s.time == 0.0)
    here = grown_at_zero.scene.migrasomes.present
    assert here.any()
    assert np.array_equal(at_zero.scene.migrasomes.present, here)
    last = frozen_states[-1].scene
    assert last.growth is None
    assert last.bodies is at_zero.scene.bodies
    assert last.fibres is at_zero.scene.fibres
    gone = here & ~last.migrasomes.present
    # Cells swallow what they meet all the same.
    assert gone.any()
    assert (last.migrasomes.fate[gone] == Fate.IS_TAKEN_UP).all()
    assert len(grown_states[-1].scene.migrasomes.x) > len(last.migrasomes.x)


@pytest.mark.parametrize("name", ["coculture-kg1a", "coculture-cd34"])
def test_only_cells_that_swallow_migrasomes_do(tiny, name):
    quiet = ("mechanisms.uptake=false", "mechanisms.bursts=false", "output.ligands=[]")
    fates = states(tiny, *GROWN, *quiet, name=name)[-1].scene.migrasomes.fate
    assert (Fate.IS_TAKEN_UP in fates) == (name == "coculture-kg1a")


def test_cells_that_notice_nothing_walk_alike_on_any_stroma(tiny):
    settings = ("scene.msc_number=5", "run.duration=1 h")
    placed, frozen, grown = (
        states(tiny, *settings, f"scene.mode={mode}", name="null-kg1a")[-1]
        for mode in ("placed", "frozen", "grown")
    )
    for other in (frozen, grown):
        assert np.array_equal(other.cells.x, placed.cells.x)
        assert np.array_equal(other.cells.y, placed.cells.y)
    assert not np.array_equal(grown.scene.bodies.x, placed.scene.bodies.x)


def test_a_drug_on_integrins_changes_how_networks_form_from_its_start_on(tiny):
    settings = (*GROWN, "output.ligands=[]", "mechanisms.uptake=false", "mechanisms.bursts=false")
    settings += (
        "mechanisms.migrasome_uptake=false",
        "output.fields_from=-4 h",
        "output.fields_every=1 h",
        "biogenesis.resting_time=1 h",
    )
    drug = ("treatments.glpg0187.dose=1 uM", "treatments.glpg0187.start=-3 h")
    untreated = states(tiny, *settings, name="null-kg1a")
    treated = states(tiny, *settings, *drug, name="null-kg1a")
    same = [
        np.array_equal(a.scene.bodies.x, b.scene.bodies.x)
        for a, b in zip(untreated, treated, strict=True)
    ]
    times = [s.time for s in treated]
    assert all(same[: times.index(-3 * HOUR) + 1])
    assert not any(same[times.index(-2 * HOUR) :])
    alone = dict(stroma_alone(model(tiny, *settings, *drug, name="null-kg1a"), times, seed=1))
    for state in treated:
        assert np.array_equal(alone[state.time].bodies.x, state.scene.bodies.x)
        assert np.array_equal(alone[state.time].migrasomes.x, state.scene.migrasomes.x)
    # The medium is changed when the cells are added.
    since, until = times.index(-2 * HOUR), times.index(0.0)
    went = [
        np.abs(run[until].scene.bodies.x - run[since].scene.bodies.x).sum()
        for run in (untreated, treated)
    ]
    assert went[1] < 0.3 * went[0]


def test_over_expression_of_tspan4_begins_with_the_culture(tiny):
    settings = (*GROWN, "output.ligands=[]", "mechanisms.uptake=false", "mechanisms.bursts=false")
    settings += ("run.duration=15 min", "biogenesis.nucleation=0.01 1/(um*h)")
    wild, over, down = (
        states(tiny, *settings, *more, name="null-kg1a")[-1].scene
        for more in ((), ("treatments.tspan4_oe={}",), ("treatments.itgb1_kd={}",))
    )
    assert np.array_equal(wild.bodies.x, over.bodies.x)
    assert len(over.migrasomes.x) > 1.5 * len(wild.migrasomes.x)
    assert len(down.migrasomes.x) < 0.7 * len(wild.migrasomes.x)
