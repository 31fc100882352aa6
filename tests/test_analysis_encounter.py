"""The encounter limit: one walk over sticky regions as they change, whatever times are asked."""

import json
import math

import numpy as np
import pytest
from click.testing import CliRunner

from sdf1_field.analysis import course_table, fold_change_table, run_encounter_limit
from sdf1_field.analysis.encounter import encounter_limit, encounters
from sdf1_field.analysis.runs import encounter_note, run_encounters
from sdf1_field.cli import main
from sdf1_field.record import open_run
from sdf1_field.scene import NO_BODY, Bodies, Region, body_under
from sdf1_field.scene.regions import cells_in_ellipses
from sdf1_field.simulation import StickyFloor, begin_encounters, change_floor, model_grid
from sdf1_field.simulation.encounters import walk_on
from sdf1_field.spec import load_model

HOUR = 3600.0
ALONE = (
    "dish.width=300 um",
    "dish.length=300 um",
    "grid.spacing=10 um",
    "cells.density=2000 1/mm**2",
    "variation.dish.speed=0.0",
)
GROWN = (
    "scene.mode=grown",
    "scene.msc_density=120 1/mm**2",
    "run.culture=6 h",
    "biogenesis.nucleation=0.05 1/(um*h)",
    "output.tracks_every=10 min",
    "output.ligands=[]",
)
"""A tiny co-culture whose regions change, seen more often than its floor is saved."""


def bodies(x=(), y=(), angle=0.0):
    n = len(x)
    return Bodies(
        np.array(x, float), np.array(y, float), np.full(n, 60.0), np.full(n, 20.0),
        np.full(n, angle), np.zeros(n), {}, np.zeros(n, dtype=np.bool_),
    )  # fmt: skip


def spec_of(*settings):
    return load_model("null-kg1a", settings=[*ALONE, *settings]).spec


def stripe(spec, width, time=0.0):
    """Network under every place with x below a width [um]."""
    grid = model_grid(spec)
    regions = np.zeros((grid.ny, grid.nx), dtype=np.uint8)
    regions[:, grid.x < width] = Region.MIGRASOME_NETWORK
    return StickyFloor(time, regions, bodies())


def floor_under(spec, time, **of):
    """Floor of bodies alone."""
    grid, own = model_grid(spec), bodies(**of)
    regions = np.zeros((grid.ny, grid.nx), dtype=np.uint8)
    cell, _ = cells_in_ellipses(grid, own.x, own.y, own.semi_major, own.semi_minor, own.angle)
    regions.reshape(-1)[cell] = Region.MSC
    return StickyFloor(time, regions, own)


def changing(spec):
    """A stripe of network that is laid, narrows and is gone, at times between the cells' steps."""
    return [
        stripe(spec, 0.0),
        stripe(spec, 80.0, 607.0),
        stripe(spec, 30.0, 2711.0),
        stripe(spec, 0.0, 5000.0),
    ]


def limits(spec, floors, times):
    return encounter_limit(spec, floors, times, seed=3, repeats=2)


def analysed(path, *options):
    result = CliRunner().invoke(main, ["analyse", str(path), *options])
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture(scope="module")
def grown(solved):
    with open_run(solved("coculture-kg1a", *GROWN)) as run:
        yield run.load()


# One walk


@pytest.mark.parametrize("crowding", ["true", "false"])
def test_the_limit_at_a_time_does_not_depend_on_the_times_asked(crowding):
    spec = spec_of(
        f"mechanisms.crowding={crowding}", "cells.density=500 1/mm**2", "cells.time_step=7.3 s"
    )
    alone = limits(spec, changing(spec), [4000.0])[0, 1]
    for others in ([611.0, 1234.5, 3999.0], [10.0, 20.0, 30.0, 2710.0, 2712.0], [4000.0]):
        times = [*others, 4000.0, 7000.0]
        assert limits(spec, changing(spec), times)[len(others), 1] == alone
    assert alone > 1.0


@pytest.mark.parametrize("crowding", ["true", "false"])
def test_the_walk_is_the_same_however_many_steps_are_taken_at_once(crowding):
    spec = spec_of(
        f"mechanisms.crowding={crowding}", "cells.density=500 1/mm**2", "cells.time_step=7.3 s"
    )
    begun = begin_encounters(spec, stripe(spec, 50.0), seed=4, repeats=2)
    at_once, bit_by_bit = walk_on(begun, HOUR), begun
    for time in (8.0, 50.0, 55.0, 700.0, 701.0, 1900.0, HOUR):
        encounters(bit_by_bit, time)
        bit_by_bit = walk_on(bit_by_bit, time)
    assert at_once.cells.steps == math.floor(HOUR / 7.3)
    for name in ("x", "y", "heading_x", "heading_y", "held"):
        own, other = getattr(at_once.cells, name), getattr(bit_by_bit.cells, name)
        assert own.tobytes() == other.tobytes()


def test_a_floor_saved_more_often_that_stays_changes_nothing():
    spec = spec_of()
    once = limits(spec, [stripe(spec, 50.0)], [HOUR, 2 * HOUR])[:, 1]
    often = [stripe(spec, 50.0, time) for time in np.arange(0.0, 2 * HOUR, 417.0)]
    assert (limits(spec, often, [HOUR, 2 * HOUR])[:, 1] == once).all()


def test_a_run_has_the_same_limit_at_a_time_whatever_else_is_asked(grown):
    regions = grown["region"].values
    assert not np.array_equal(regions[0], regions[4])
    every = [float(time) for time in grown["cell_time"].values[0]]
    course = run_encounter_limit(grown, every)
    for n in (3, 6, 12):
        assert (run_encounter_limit(grown, [every[n]])[0] == course[n]).all()
    assert (run_encounter_limit(grown, [every[4], every[6]])[1] == course[6]).all()
    assert (course[6] > 1.0).all()


def test_tables_and_the_course_print_one_limit_for_one_time(solved):
    path = solved("coculture-kg1a", *GROWN)

    def printed(*options):
        return {
            (row["time"], row["region"]): row["encounter_limit"]
            for row in json.loads(analysed(path, *options, "--json"))
            if row["region"] != "free surface"
        }

    asked = printed("--at", "1 h")
    more = printed("--at", "10 min", "--at", "1 h", "--at", "2 h")
    course = printed("--show", "course")
    assert len(asked) == 2
    assert asked.items() < more.items() < course.items()


def test_the_limit_of_several_dishes_is_a_ratio_of_sums_as_their_fold_change(solved):
    bare = np.array(Region.FREE_SURFACE, dtype="i1")
    with open_run(solved("coculture-kg1a")) as one, open_run(solved("coculture-kg1a", seed=2)) as b:
        # A dish without a network.
        other = b.load().assign(region=b["region"].where(b["region"] != 2, bare).astype("i1"))
        other.encoding = b.encoding
        assert Region.MIGRASOME_NETWORK == 2
        each = [run_encounters(run, [2 * HOUR]) for run in (one, other)]
        counts, areas = (np.sum([dish[n][0] for dish in each], axis=0) for n in range(2))
        assert (each[1][1][0, 2], each[1][0][0, 2]) == (0.0, 0.0)
        assert areas.sum() == pytest.approx(2 * 300.0**2)
        rows = fold_change_table([one, other], [2 * HOUR])
        course = course_table([one, other])
    found = {row["region"]: row["encounter_limit"] for row in rows}
    free, msc, network = counts / areas
    assert found["MSC"] == pytest.approx(msc / free, rel=1e-12)
    assert found["migrasome network"] == pytest.approx(network / free, rel=1e-12)
    assert [row["encounter_limit"] for row in course[-2:]] == list(found.values())[1:]


# What sticky means


def test_cells_are_lost_from_free_surface_as_by_diffusion_to_an_absorber():
    spec = spec_of(
        "cells.density=60000 1/mm**2", "mechanisms.crowding=false", "cells.time_step=3 s",
        "cell_type.kg1a.speed=15 um/min", "cell_type.kg1a.persistence_time=0.5 min",
    )  # fmt: skip
    width, minutes = 100.0, 160.0
    mean_free_path, diffusivity = 15.0 * 0.5, 0.5 * 15.0**2 * 0.5
    floor = stripe(spec, width)
    counts = encounters(begin_encounters(spec, floor, seed=1, repeats=1), 60.0 * minutes)
    # Uniform at first between an absorber and a wall that reflects. A persistent walk meets its
    # absorber as diffusion would one that lies 0.8 mean free paths deeper (Milne).
    free = 300.0 - width
    odd = np.arange(1, 200, 2)
    rates = (0.5 * math.pi * odd / (free + 0.8 * mean_free_path)) ** 2 * diffusivity
    share = (8.0 / (math.pi * odd) ** 2 * np.exp(-rates * minutes)).sum()
    begun = spec.cell_count * free / 300.0
    error = math.sqrt(share * (1.0 - share) / begun)
    assert 0.3 < share < 0.6
    assert counts[0] / begun == pytest.approx(share, abs=3.0 * error)
    assert counts.sum() == spec.cell_count


def test_cells_are_held_where_a_region_is_and_free_once_it_is_gone():
    spec = spec_of()
    walk = begin_encounters(spec, stripe(spec, 50.0), seed=2, repeats=1)
    begun = walk.cells.x < 50.0
    assert begun.any()
    assert (walk.cells.held == begun).all()
    caught = walk_on(walk, HOUR)
    assert (caught.cells.held == (caught.cells.x < 50.0)).all()
    assert (caught.cells.x[begun] == walk.cells.x[begun]).all()
    assert caught.cells.held.sum() > 1.1 * begun.sum()
    gone = change_floor(caught, stripe(spec, 0.0, HOUR))
    assert not gone.cells.held.any()
    assert (walk_on(gone, 2 * HOUR).cells.x[begun] != walk.cells.x[begun]).all()


def test_a_region_that_is_laid_under_cells_holds_them_at_once():
    spec = spec_of()
    walk = begin_encounters(spec, stripe(spec, 0.0), seed=2, repeats=1)
    laid = change_floor(walk, stripe(spec, 150.0, HOUR))
    assert (laid.cells.held == (laid.cells.x < 150.0)).all()
    assert laid.cells.held.any()


def test_held_cells_travel_with_the_body_under_them():
    spec = spec_of()
    before = floor_under(spec, 0.0, x=[100.0], y=[150.0])
    walk = begin_encounters(spec, before, seed=2, repeats=2)
    held = walk.cells.held
    # The region is painted cell by cell of the grid, and at its edge reaches beyond the body.
    going = body_under(before.bodies, walk.cells.x, walk.cells.y) != NO_BODY
    going &= held
    after = change_floor(walk, floor_under(spec, 10.0, x=[140.0], y=[150.0]))
    assert going.sum() > max(5, 0.8 * held.sum())
    assert after.cells.x[going] == pytest.approx(walk.cells.x[going] + 40.0, rel=1e-12)
    assert (after.cells.y[going] == walk.cells.y[going]).all()
    assert (after.cells.x[~going] == walk.cells.x[~going]).all()
    assert after.cells.held[going].all()
    # Those that the body has run over are held too.
    assert after.cells.held.sum() > held.sum()
    still = ~after.cells.held
    assert (after.cells.x[still] == walk.cells.x[still]).all()


# What is said of it


@pytest.mark.parametrize(
    ("settings", "note"),
    [
        (("output.fields_every=15 min",), ""),
        (
            ("output.fields_every=1 h",),
            "encounter limit: each frame's regions hold until the next, up to 1 h later; the "
            "model's change every 15 min. Save more frames with output.fields_every.",
        ),
        (
            ("output.fields_from=1 h", "output.fields_every=15 min"),
            "encounter limit: before 1 h regions are those at 1 h. Save more frames with "
            "output.fields_every.",
        ),
        (("scene.mode=placed", "output.fields_every=2 h"), ""),
        (("scene.mode=frozen", "output.fields_every=2 h"), ""),
    ],
)
def test_the_table_says_where_regions_are_older_than_the_models(solved, settings, note):
    path = solved("coculture-kg1a", *GROWN, *settings)
    with open_run(path) as run:
        assert encounter_note(run, 2 * HOUR) == note
    for options in (("--at", "2 h"), ("--show", "course")):
        rows = json.loads(
            CliRunner().invoke(main, ["analyse", str(path), *options, "--json"]).stdout
        )
        assert {row["encounter_limit_note"] for row in rows} == {note}
        lines = CliRunner().invoke(main, ["analyse", str(path), *options]).output.splitlines()
        assert [line for line in lines if line.startswith("encounter limit:")] == [note] * bool(
            note
        )
