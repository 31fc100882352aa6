import numpy as np
import pytest

from cell_builders import seen_by_cells
from sdf1_field.cells import cell_parameters
from sdf1_field.errors import Sdf1FieldWarning
from sdf1_field.exposure import sensing, stimulus
from sdf1_field.pharmacology import binding_noise, independent_samples, surface_receptors
from sdf1_field.record import load_state, open_run, save_state
from sdf1_field.scene import Region
from sdf1_field.simulation import field_times, model_grid, prepare, simulate, track_times
from sdf1_field.simulation.trigger import body_signal
from sdf1_field.solvers import cosine
from sdf1_field.sources import binding_sites, secretion
from sdf1_field.units import MOLECULES_PER_UM3_PER_NM, parse
from simulation_builders import HOUR, MINUTE, assert_same_bits, model, states, states_from

# Times


def test_outputs_land_exactly_on_the_asked_times(tiny):
    settings = [
        "run.duration=50 min",
        "output.fields_every=20 min",
        "output.fields_from=-30 min",
        "output.tracks_every=7 min",
    ]
    found = [state.time for state in states(tiny, *settings)]
    asked = {MINUTE * t for t in (-30, -10, 10, 30, 50)} | {MINUTE * t for t in range(0, 50, 7)}
    assert found == sorted(asked)


@pytest.mark.parametrize(
    ("every", "times"),
    [
        ("20 min", [0.0, 1200.0, 2400.0, 3000.0]),
        ("25 min", [0.0, 1500.0, 3000.0]),
        ("2 h", [0.0, 3000.0]),
    ],
)
def test_the_end_is_always_saved(tiny, every, times):
    spec = model(
        tiny, "run.duration=50 min", f"output.fields_every={every}", f"output.tracks_every={every}"
    )
    assert field_times(spec) == track_times(spec) == times


def test_an_output_that_meets_a_coupling_time_but_for_rounding_is_one_time(solved):
    # 5 x 1.1 h is 22 x 15 min, and another floating-point number.
    settings = ("run.duration=6 h", "output.fields_every=1.1 h", "numerics.coupling_step=15 min")
    assert 5 * parse("1.1 h", "time") != 22 * parse("15 min", "time")
    with open_run(solved("coculture-kg1a", *settings)) as run:
        found = run["time"].values
        assert np.isfinite(run["sdf1"].values).all()
        assert np.isfinite(run["cell_x"].values).all()
    assert found.tolist() == [3960.0 * n for n in range(6)] + [6 * HOUR]


def test_cells_are_there_from_time_zero_and_not_before(tiny):
    found = states(tiny, "output.fields_from=-1 h", "output.fields_every=30 min")
    assert [s.time for s in found if s.cells is None] == [-HOUR, -HOUR / 2]
    first = next(s for s in found if s.cells is not None)
    assert (first.time, first.cells.steps, len(first.cells.x)) == (0.0, 0, 30)


# Treatments


def test_a_medium_change_empties_the_medium_and_leaves_the_coat(tiny):
    short = ("run.duration=15 min",)
    changed = states(tiny, *short)[0]
    kept = states(tiny, *short, "treatments.medium_change.start=15 min")[0]
    prepared = prepare(model(tiny, *short), 1)
    before, after = kept.fields["sdf1"], changed.fields["sdf1"]
    dissolved_before, dissolved_after = (
        prepared.solvers["sdf1"].in_medium(prepared.equations["sdf1"], field)
        for field in (before, after)
    )
    assert (changed.time, kept.time) == (0.0, 0.0)
    assert np.array_equal(after.bound, before.bound)
    assert after.bound.min() > 0.0
    assert before.layer.min() > 0.0
    assert not after.layer.any()
    # The exact step sums the mean's eigenmodes anew, to rounding.
    assert abs(dissolved_after) < 1e-12 * dissolved_before
    assert after.ledger.removed == pytest.approx(dissolved_before, rel=1e-12)


def test_recombinant_ligand_fills_the_whole_medium_at_its_dose(tiny):
    first = states(tiny, "output.ligands=[]", name="coculture-kg1a-sdf1")[0].fields["sdf1"]
    dose = 100.0 / 7.96
    volume = 300.0 * 300.0 * 200.0
    assert first.layer == pytest.approx(np.full((30, 30), dose), rel=1e-9)
    assert first.ledger.added == pytest.approx(dose * volume * MOLECULES_PER_UM3_PER_NM, rel=1e-9)


def test_recombinant_ligand_fills_the_coat_to_langmuirs_isotherm_and_leaves_the_medium(tiny):
    last = states(tiny, "output.ligands=[]", name="coculture-kg1a-sdf1")[-1].fields["sdf1"]
    c, b = float(last.layer.mean()), float(last.bound.mean())
    taken = 2.16e-3 * c
    assert b == pytest.approx(6500.0 * taken / (taken + 0.0086), rel=0.01)
    assert c < 0.5 * 100.0 / 7.96


def test_anti_cd166_blocks_its_binding_share_on_all_stroma_and_the_isotype_none(tiny):
    short = ("run.culture=3 h", "run.duration=15 min")
    dose = 5000.0 / 150.0
    treated = states(tiny, *short, name="coculture-kg1a-anti-cd166")[-1].scene
    isotype = states(tiny, *short, name="coculture-kg1a-igg")[-1].scene
    for group in (treated.bodies, treated.migrasomes):
        assert len(group.x) > 0
        assert group.blocked == pytest.approx(np.full(len(group.x), dose / (dose + 1.0)), rel=1e-9)
    assert not isotype.bodies.blocked.any()
    assert not isotype.migrasomes.blocked.any()


# Fields


def test_steady_secretion_equals_loss(tiny, steady_model):
    spec = model(tiny, name=str(steady_model))
    (state,) = simulate(spec)
    columns = prepare(spec, 1).equations
    assert (state.time, state.cells) == (0.0, None)
    for name, field in state.fields.items():
        ligand = spec.ligand[name]
        lost = ligand.loss_rate * cosine.in_medium(columns[name], field)
        lost += ligand.coat.loss_rate * cosine.on_coat(columns[name], field)
        secreted = secretion(state.scene, model_grid(spec), name).total
        assert secreted > 0.0
        assert lost == pytest.approx(secreted, rel=1e-9)


def test_a_long_culture_reaches_the_steady_field(tiny, steady_model):
    fast = (
        "ligand.sdf1.loss_rate=1e-3 1/s",
        "ligand.sdf1.coat.loss_rate=1e-3 1/s",
        "treatments.medium_change.start=-12 h",
        "run.culture=12 h",
        "run.duration=15 min",
        "output.ligands=['sdf1']",
    )
    transient = states(tiny, *fast)[-1].fields["sdf1"].layer
    steady = states(tiny, *fast[:2], name=str(steady_model))[0]
    steady = steady.fields["sdf1"].layer
    assert steady.std() > 0.1 * steady.mean()
    assert np.abs(transient - steady).max() < 0.01 * steady.max()


def test_secretion_is_booked_as_rate_times_time(tiny):
    found = states(tiny)
    prepared = prepare(model(tiny), 1)
    for name in ("sdf1", "ccl2"):
        total = secretion(found[0].scene, prepared.grid, name).total
        for state in found:
            booked = state.fields[name].ledger.secreted
            assert booked == pytest.approx(total * (state.time + HOUR), rel=1e-12)


# A floor and a stroma that change


CHANGING = (
    "dish.mixed_above=100 um",
    "ligand.sdf1.coat.pattern=stripes",
    "ligand.sdf1.coat.under_bodies=0.0",
    "ligand.sdf1.secretion.carrying_fraction=0.5",
    "ligand.sdf1.secretion.migrasome_decay=2e-4 1/s",
    "ligand.ccl2.secretion.migrasome_decay=5e-4 1/s",
    "scene.migrasome_appearance=2 h",
    "scene.migrasome_lifetime=1 h",
    "mechanisms.uptake=true",
    "mechanisms.bursts=true",
    "grid.spacing=20 um",
    "scene.msc_number=2",
    "run.duration=1 h",
    "output.fields_every=30 min",
)


def let_go(scene, ligand, begin, end):
    """Molecules from each source's own life: slowly while it is there, at once when it ruptures."""
    m = scene.migrasomes
    rate, decay = m.secretion_at_birth[ligand], m.decay[ligand]
    there = np.clip(np.minimum(m.end, end) - np.maximum(m.birth, begin), 0.0, None)
    slowly = rate / decay * (1.0 - np.exp(-decay * there))
    ruptured = m.end <= end
    left = rate[ruptured] / decay * np.exp(-(decay * (m.end - m.birth))[ruptured])
    return scene.bodies.secretion[ligand].sum() * (end - begin) + slowly.sum() + left.sum()


def test_every_ligand_gets_what_its_sources_let_go_in_their_lives(tiny):
    last = states(tiny, *CHANGING)[-1]
    assert not last.scene.migrasomes.present.all()
    prepared = prepare(model(tiny, *CHANGING), 1)
    for name, field in last.fields.items():
        expected = let_go(last.scene, name, -HOUR, HOUR)
        assert field.ledger.secreted == pytest.approx(expected, rel=1e-9), name
        equation = prepared.equations[name]
        in_medium = prepared.solvers[name].in_medium(equation, field)
        bound = prepared.solvers[name].on_coat(equation, field)
        assert abs(field.ledger.imbalance(in_medium, bound)) < 1e-10
    assert last.fields["sdf1"].ledger.taken_up > 0.0
    assert last.fields["ccl2"].ledger.taken_up == 0.0


def test_a_changing_stroma_resumes_to_the_same_bits(tiny, tmp_path):
    whole = states(tiny, *CHANGING)
    save_state(tmp_path / "state.npz", whole[1].stop)
    loaded = load_state(tmp_path / "state.npz", "cosine")
    assert_same_bits(loaded, whole[1].stop)
    again, *rest = states_from(loaded, tiny, *CHANGING)
    assert_same_bits(again, whole[1])
    for resumed, uninterrupted in zip(rest, whole[2:], strict=True):
        assert_same_bits(resumed, uninterrupted)


def test_nothing_binds_between_stripes_and_under_bodies(tiny):
    last = states(tiny, *CHANGING)[-1]
    spec = model(tiny, *CHANGING)
    sites = binding_sites(spec.ligand["sdf1"].coat, last.scene, model_grid(spec))
    bound = last.fields["sdf1"].bound
    assert np.abs(bound[sites == 0.0]).max() < 1e-12 * bound.max()
    assert (bound[sites > 0.0] > 0.0).all()
    assert 0.3 < np.mean(sites == 0.0) < 0.8


def test_cells_take_up_as_much_on_any_grid(tiny):
    found = [
        states(
            tiny,
            f"grid.spacing={spacing} um",
            "mechanisms.uptake=true",
            "cells.density=10 1/mm**2",
            "run.culture=0 h",
            "run.duration=30 min",
            "ligand.sdf1.coat.sites=0 sites/um**2",
            "scene.msc_density=0 1/mm**2",
            "scene.network_fraction=0.0",
            "treatments.sdf1.dose=0.1 nM",
            "output.ligands=[]",
        )[-1].fields["sdf1"].ledger.taken_up
        for spacing in (10, 5, 2.5)
    ]  # fmt: skip
    assert found == pytest.approx([found[-1]] * 3, rel=0.03)
    assert found[0] > 1e2


def test_a_burst_is_not_seen_as_it_was_when_it_was_let_go(tiny):
    spec = model(tiny, *CHANGING, "receptor.cxcr4.coat_share=0.01 1/um")
    seen = []

    def watched(*arguments, **options):
        made = stimulus(*arguments, **options)
        seen.append(float(made.visible.max()))
        return made

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sensing, "stimulus", watched)
        list(simulate(spec, seed=1))
    # A rupture just let go would be half a nanomolar in the lowest layer of its grid cell.
    assert max(seen) < 0.1


# Trigger against noise

DEAFENED = ("cell_type.kg1a.downstream_noise=20000.0", "run.duration=30 min")


def test_a_run_warns_where_the_receptors_noise_exceeds_the_signal_of_bodies(tiny):
    with pytest.warns(Sdf1FieldWarning, match="SDF-1 triggers arrest hardly more on MSC") as said:
        list(simulate(model(tiny, *DEAFENED), seed=1))
    assert len(said) == 1
    assert "cell_type.kg1a.downstream_noise" in str(said[0].message)


@pytest.mark.parametrize(
    "settings",
    [
        ("mechanisms.trigger_noise=false",),
        ("mechanisms.arrest=false",),
        ("treatments.amd3100.dose=10 uM",),
    ],
)
def test_no_run_warns_of_noise_that_is_off_or_of_cells_that_are_treated(tiny, settings):
    # A warning is an error in the tests.
    assert list(simulate(model(tiny, *DEAFENED, *settings), seed=1))


def test_the_signal_of_bodies_is_that_of_a_cell_there_over_one_on_free_surface(tiny):
    spec = model(tiny, "run.duration=15 min")
    *_, last = states(tiny, "run.duration=15 min")
    values = np.where(last.regions == Region.MSC, 4.5, 0.5)
    signal, noise = body_signal(last.here, seen_by_cells(values))
    parameters = cell_parameters(spec, last.here.prepared.factors, competition=0.0)

    def occupied(occupancy):
        ratio = parameters.internalisation_rate / parameters.recycling_rate
        return occupancy * surface_receptors(parameters.receptors, occupancy, ratio)

    assert signal == pytest.approx(occupied(0.5) - occupied(0.1), rel=0.02)
    looks = independent_samples(parameters.integration_time, parameters.dissociation_rate, 0.1)
    surface = occupied(0.1) / 0.1
    law = binding_noise(surface, 0.1, looks, parameters.downstream_noise)
    assert noise == pytest.approx(law, rel=0.02)
