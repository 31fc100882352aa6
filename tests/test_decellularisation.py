"""A decellularised network: no bodies, while fibres, migrasomes and their cargo go on."""

import json

import numpy as np
import pytest

from sdf1_field.analysis import fold_change_table
from sdf1_field.analysis.runs import run_scene
from sdf1_field.cells import adhesion_map
from sdf1_field.errors import InputError
from sdf1_field.migrasomes import cargo_of, remove_bodies
from sdf1_field.record import open_run, solve
from sdf1_field.scene import NO_BODY, DrawnFloor, Region
from sdf1_field.simulation import model_grid, record_exposure, replay_cells, simulate
from sdf1_field.spec import load_model
from sdf1_field.spec.unread import unread_keys
from simulation_builders import GROWN, HOUR, model, states

REMOVED = "treatments.decellularisation.start=0 h"


def totals(scene, ligand="sdf1"):
    """Molecules made, and those that are somewhere."""
    own = cargo_of(scene)[ligand]
    somewhere = (own.content, own.held, own.released, own.fused, own.leaked, own.carried_off)
    return own.made.sum(), sum(part.sum() for part in somewhere)


@pytest.fixture(scope="module")
def course(tiny):
    return states(tiny, *GROWN, REMOVED)


def test_a_network_without_bodies_keeps_its_fibres_and_migrasomes_where_they_are(tiny):
    (before,) = [s for s in states(tiny, *GROWN) if s.time == 0.0]
    scene = before.scene
    after = remove_bodies(scene)
    assert len(scene.bodies.x) == 5
    assert len(after.bodies.x) == 0
    assert len(after.fibres.body) > 0
    assert np.array_equal(after.fibres.x, scene.fibres.x, equal_nan=True)
    assert (after.fibres.body == NO_BODY).all()
    assert (after.migrasomes.body == NO_BODY).all()
    assert np.array_equal(after.migrasomes.x, scene.migrasomes.x)
    assert np.array_equal(after.migrasomes.present, scene.migrasomes.present)
    assert np.array_equal(cargo_of(after)["sdf1"].held, cargo_of(scene)["sdf1"].held)


def test_nothing_is_made_or_secreted_by_bodies_that_were_removed(course):
    after = [s for s in course if s.time >= 0.0]
    made = [cargo_of(s.scene)["sdf1"].made.sum() for s in after]
    released = [cargo_of(s.scene)["sdf1"].released.sum() for s in after]
    assert len(after) > 2
    assert made == [made[0]] * len(after)
    assert released == [released[0]] * len(after)
    assert all(len(s.scene.bodies.secretion["sdf1"]) == 0 for s in after)
    formed = [len(s.scene.migrasomes.x) for s in after]
    assert formed == [formed[0]] * len(after)


def test_cargo_is_conserved_over_a_removal_of_bodies(course):
    for state in course:
        made, somewhere = totals(state.scene)
        assert somewhere == pytest.approx(made, rel=1e-10)


def test_migrasomes_go_on_releasing_cargo_in_bursts_without_bodies(tiny):
    leaky = states(tiny, *GROWN, REMOVED, "biogenesis.migrasome_lifetime=30 min")
    first, last = ([s for s in leaky if s.time >= 0.0][n].scene for n in (0, -1))
    assert cargo_of(last)["sdf1"].leaked.sum() > cargo_of(first)["sdf1"].leaked.sum()
    own = leaky[-1].ligands["sdf1"].masses
    gone = sum(own[k] for k in ("degraded", "through_top", "removed", "taken_up"))
    assert own["secreted"] == pytest.approx(gone + own["in_medium"] + own["bound"], rel=1e-6)


def test_cells_touch_no_body_after_a_removal(tiny):
    bare = ("scene.network_fraction=0.0", "run.duration=30 min")
    spec, last = model(tiny, *bare, REMOVED), states(tiny, *bare, REMOVED)[-1]
    untreated = states(tiny, *bare)[-1]
    grid = model_grid(spec)
    assert adhesion_map(spec, last.scene, grid).contact.max() == 0
    assert adhesion_map(spec, untreated.scene, grid).contact.max() == 1
    assert not last.cells.held.any()
    assert untreated.cells.held.any()


def test_held_cells_are_let_go_when_bodies_are_removed_in_the_co_culture(tiny):
    bare = ("scene.network_fraction=0.0", "run.duration=30 min", "output.tracks_every=5 min")
    course = states(tiny, *bare, "treatments.decellularisation.start=15 min")
    held = {s.time: s.cells.held.sum() for s in course if s.cells is not None}
    assert held[600.0] > 0
    assert held[1200.0] == 0


def test_the_run_file_has_no_msc_after_a_removal_and_tables_say_so_without_nan(tiny, tmp_path):
    path = tmp_path / "run.nc"
    settings = (*tiny, "run.duration=30 min", "output.fields_every=15 min", REMOVED)
    solve(load_model("coculture-kg1a", settings=settings), path, seed=1)
    with open_run(path) as run:
        regions = run["region"].values
        assert not (regions == Region.MSC).any()
        assert (regions == Region.MIGRASOME_NETWORK).any()
        assert np.isnan(run["body_x"].values).all()
        assert len(run_scene(run, -1).bodies.x) == 0
        table = fold_change_table([run], [1800.0])
    text = json.dumps(table, default=str)
    assert "NaN" not in text
    (own,) = [row for row in table if row["region"] == "MSC"]
    assert own["area_mm2"] == 0.0
    assert own["fold_change"] is None


def test_drawn_bodies_leave_free_surface():
    floor = DrawnFloor(np.array([[0, 0, -1], [-2, 1, 1]], dtype=np.int32), 5.0)
    assert floor.without_bodies.pixels.tolist() == [[-1, -1, -1], [-2, -1, -1]]
    assert floor.without_bodies.network_area == floor.network_area == 25.0


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (("scene.msc_density=0 1/mm**2",), "removes stromal bodies, and this model has none"),
        (("treatments.decellularisation.dose=1 uM",), "a decellularisation has no dose"),
        (("treatments.decellularisation.stop=1 h",), "bodies are removed for good"),
        (("scene.mode=grown", "treatments.decellularisation.start=-1 h"), "no network yet at -1 h"),
        (
            ("scene.mode=frozen", "treatments.decellularisation.start=1 h"),
            "a frozen scene follows no cargo from 0 h on",
        ),
    ],
)
def test_a_removal_that_cannot_be_is_refused(tiny, settings, message):
    with pytest.raises(InputError) as refused:
        model(tiny, REMOVED, *settings)
    assert message in str(refused.value)


def test_cells_of_a_network_without_bodies_have_no_vla_4_bonds_to_read(tiny):
    key = "cell_type.kg1a.vla4_bonds"
    (unread,) = unread_keys(model(tiny, REMOVED), [key])
    assert unread.reason == "nothing in the view bears its ligand"
    later = model(tiny, "treatments.decellularisation.start=1 h")
    assert list(unread_keys(later, [key])) == []


def test_the_walk_over_a_network_without_bodies_ends_as_it_began_in_number(tiny):
    last = list(simulate(model(tiny, REMOVED, "run.duration=30 min"), seed=2))[-1]
    assert last.floor.areas[Region.MSC] == 0.0
    assert last.time == 0.5 * HOUR
    assert np.bincount(last.cell_regions, minlength=3)[Region.MSC] == 0
    assert len(last.cells.x) == 30


def test_replayed_cells_meet_the_network_without_bodies(tiny):
    spec = model(tiny, REMOVED, "run.duration=30 min")
    recorded = record_exposure(spec, 3, dtype=np.float64, least_correction=0.0)
    full = {s.time: s.cells for s in simulate(spec, seed=3) if s.cells is not None}
    replayed = list(replay_cells(recorded, spec))
    assert len(replayed) == 3
    for one in replayed:
        assert one.areas[Region.MSC] == 0.0
        assert np.abs(full[one.time].x - one.cells.x).max() < 1e-7
    with pytest.raises(InputError, match="the medium, a ligand or the stroma is treated otherwise"):
        next(iter(replay_cells(recorded, model(tiny, "run.duration=30 min"))))
