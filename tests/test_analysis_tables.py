import math

import numpy as np
import pytest

from conftest import TRACKED, scattered
from sdf1_field.analysis import (
    approach_table,
    course_table,
    default_times,
    distance_table,
    dwell_table,
    fold_change_table,
    fold_changes,
    has_stroma,
    motion_table,
    run_encounter_limit,
    run_tracks,
)
from sdf1_field.analysis.runs import run_census
from sdf1_field.analysis.tracks import path_lengths
from sdf1_field.errors import InputError
from sdf1_field.record import open_run
from sdf1_field.statistics import paired_t_test, unpaired_t_test


def test_what_touches_under_uniform_scatter_is_what_the_table_says(tiny_run):
    many = 100_000
    with open_run(tiny_run) as run:
        uniform = scattered(run, many, seed=11)
        census = run_census(uniform, 7200.0)
        rows = fold_change_table([uniform])
    assert rows[0]["touching_uniform"] is None
    for row, count in zip(rows[1:], census.touching[1:], strict=True):
        # The ratio of two counts of one multinomial.
        error = row["touching_uniform"] * math.sqrt(1 / count + 1 / census.touching[0])
        assert row["touching_uniform"] > 1.1
        assert abs(row["touching_fold_change"] - row["touching_uniform"]) < 3.0 * error


def test_table_of_a_run_agrees_with_its_cells_and_regions(tiny_run):
    with open_run(tiny_run) as run:
        rows = fold_change_table([run])
        regions = run["region"].values[-1]
        under = np.bincount(run["cell_region"].values[:, -1], minlength=3)
    areas = np.bincount(regions.ravel(), minlength=3) * 1e-4
    assert [row["region"] for row in rows] == ["free surface", "MSC", "migrasome network"]
    assert [row["time"] for row in rows] == [7200.0] * 3
    assert [row["cells"] for row in rows] == under.tolist()
    assert [row["area_mm2"] for row in rows] == pytest.approx(areas, rel=1e-12)
    assert sum(row["area_mm2"] for row in rows) == pytest.approx(0.09, rel=1e-12)
    assert [row["fold_change"] for row in rows] == pytest.approx(
        (under / areas) / (under[0] / areas[0]), rel=1e-12
    )
    assert all("touching_uniform" in row for row in rows)


def test_dishes_of_one_experiment_are_added_up(solved):
    runs = [open_run(solved(seed=seed)) for seed in (1, 2, 3)]
    alone = [fold_change_table([run]) for run in runs]
    together = fold_change_table(runs)
    for run in runs:
        run.close()
    for n, row in enumerate(together):
        assert row["cells"] == sum(rows[n]["cells"] for rows in alone)
    assert together[1]["interval"][0] < together[1]["fold_change"] < together[1]["interval"][1]
    assert alone[0][1]["interval"] is None


def refusal(*paths):
    runs = [open_run(path) for path in paths]
    with pytest.raises(InputError) as caught:
        fold_change_table(runs)
    for run in runs:
        run.close()
    (line,) = str(caught.value).splitlines()
    return line


@pytest.mark.parametrize(
    ("setting", "difference"),
    [
        ("cells.time_step=15 s", "cells.time_step"),
        ("treatments.amd3100.dose=10 uM", "treatments.amd3100.dose"),
    ],
)
def test_dishes_of_different_models_are_refused(solved, setting, difference):
    first, other = solved(seed=1), solved("coculture-kg1a", setting, seed=2)
    assert refusal(first, other) == (
        f"{other}: differs from {first} in {difference}. Analyse different experiments one by one; "
        "repeat --against for each control run."
    )


def test_the_same_dish_twice_is_refused(solved, tiny_run, tmp_path):
    copy = tmp_path / "copy.nc"
    copy.write_bytes(tiny_run.read_bytes())
    assert refusal(tiny_run, solved(seed=2), copy) == (
        f"{copy}: is the same dish as {tiny_run} (seed 1). Give it once."
    )


def test_a_file_without_cells_is_named(solved, steady_model):
    path = solved(str(steady_model))
    assert refusal(path) == (
        f"{path}: has no cells to analyse. Solve a transient model with cells."
    )


def test_encounter_limit_grows_with_time(tiny_run):
    with open_run(tiny_run) as run:
        limit = run_encounter_limit(run, [900.0, 3600.0, 7200.0])
    assert (limit > 1.0).all()
    assert (np.diff(limit, axis=0) > 0.0).all()


def test_times_are_the_papers_where_the_run_has_them_else_the_last(tiny_run, solved):
    long = solved("null-kg1a", "run.duration=5 h", "output.tracks_every=1 h")
    with open_run(tiny_run) as short_run, open_run(long) as long_run:
        assert default_times(short_run) == [7200.0]
        assert default_times(long_run) == [14_400.0]


def test_a_time_that_was_not_saved_is_refused_with_those_that_were(tiny_run):
    with (
        open_run(tiny_run) as run,
        pytest.raises(
            InputError, match=r"no cells were saved at 20 min; .* 0 s to 2 h every 15 min"
        ),
    ):
        run_census(run, 1200.0)


def opened(solved, *keys, **options):
    return open_run(solved(*keys, **options))


@pytest.fixture
def alone(solved):
    with opened(solved, "tracking-kg1a", *TRACKED) as run:
        yield run


# Time course


def test_the_course_is_the_table_at_every_observation(tiny_run):
    with open_run(tiny_run) as run:
        course, table = course_table([run]), fold_change_table([run], [3600.0, 7200.0])
        times = run["cell_time"].values[0]
    assert [row["time"] for row in course[::2]] == times.tolist()
    for row in (r for r in table if r["region"] != "free surface"):
        (same,) = [r for r in course if (r["time"], r["region"]) == (row["time"], row["region"])]
        assert same["fold_change"] == pytest.approx(row["fold_change"], rel=1e-12)
        assert same["cells"] == row["cells"]


def test_the_course_of_several_dishes_is_pooled_with_an_interval(solved):
    runs = [opened(solved, seed=seed) for seed in (1, 2, 3)]
    together = course_table(runs)
    last = fold_changes([run_census(run, 7200.0) for run in runs])
    for run in runs:
        run.close()
    assert [row["fold_change"] for row in together[-2:]] == pytest.approx(last.pooled, rel=1e-12)
    assert together[-1]["interval"] == pytest.approx(last.interval[1].tolist(), rel=1e-12)


# Motion


def test_cells_alone_are_tracked_and_have_no_stroma(alone, tiny_run):
    assert not has_stroma(alone)
    with open_run(tiny_run) as run:
        assert has_stroma(run)
    found = motion_table([alone])["runs"]
    paths = path_lengths(run_tracks(alone))
    assert (found["cells"], found["dishes"], found["held_share"]) == (30, 1, 0.0)
    assert (found["tracked_time"], found["interval"]) == (7200.0, 900.0)
    assert found["path_um"]["mean"] == pytest.approx(paths.mean(), rel=1e-12)
    assert found["path_um"]["median"] == pytest.approx(np.median(paths), rel=1e-12)
    assert found["apparent_speed_um_per_min"] == pytest.approx(paths.mean() / 120.0, rel=1e-12)
    assert [row["lag"] for row in found["msd"]] == [900.0, 1800.0, 2700.0]


def test_the_corrected_speed_is_the_models(solved):
    settings = (
        *TRACKED,
        "output.tracks_every=1 min",
        "variation.dish.speed=0.0",
        "cells.time_step=10 s",
        "mechanisms.crowding=false",
        "cells.density=3000 1/mm**2",
    )
    with opened(solved, "tracking-kg1a", *settings) as run:
        found = motion_table([run])["runs"]
    # 270 cells for 2 h are some 6000 persistence times, a little over half of them off the walls.
    assert found["speed_um_per_min"] == pytest.approx(1.5, rel=0.02)
    assert found["persistence_min"] == pytest.approx(5.0, rel=0.08)
    assert found["apparent_speed_um_per_min"] < 1.49


def test_held_cells_are_announced(tiny_run):
    with open_run(tiny_run) as run:
        found = motion_table([run])["runs"]
        held = (run["cell_state"].values == 1).mean()
    assert found["held_share"] == pytest.approx(held, rel=1e-12)
    assert held > 0.05
    assert "held cells" in found["note"]


# Against a control


def test_paths_are_compared_over_cells(solved, alone):
    from scipy import stats

    faster = ("cell_type.kg1a.speed=1.8 um/min", *TRACKED)
    with opened(solved, "tracking-kg1a", *faster, seed=2) as treated:
        table = motion_table([treated], [alone])
        paths = [path_lengths(run_tracks(run)) for run in (alone, treated)]
    found = table["comparison"]
    medians = [np.median(p) for p in paths]
    assert found["ratio_of_medians"] == pytest.approx(medians[1] / medians[0], rel=1e-12)
    assert found["interval"][0] < found["ratio_of_medians"] < found["interval"][1]
    assert found["p"] == pytest.approx(stats.mannwhitneyu(*paths).pvalue, rel=1e-12)
    assert (found["test"], found["unit"]) == ("Mann-Whitney U", "cells")
    assert table["control"]["cells"] == 30


AMD3100 = ("coculture-kg1a", "treatments.amd3100.dose=10 uM")


def test_fold_changes_are_compared_over_dishes(solved):
    runs = [opened(solved, *AMD3100, seed=seed) for seed in (4, 5)]
    control = [opened(solved, seed=seed) for seed in (1, 2, 3)]
    rows = fold_change_table(runs, [7200.0], against=control)
    each = [fold_changes([run_census(r, 7200.0) for r in g]).each for g in (control, runs)]
    for run in (*runs, *control):
        run.close()
    assert "against" not in rows[0]
    for k, row in enumerate(rows[1:]):
        found = row["against"]
        assert found["test"] == "unpaired t"
        assert found["p"] == pytest.approx(unpaired_t_test(each[0][:, k], each[1][:, k]), rel=1e-12)
        assert found["mean"] == pytest.approx(each[1][:, k].mean(), rel=1e-12)
        assert found["control_deviation"] == pytest.approx(each[0][:, k].std(ddof=1), rel=1e-12)
        assert found["ratio_of_means"] == pytest.approx(
            each[1][:, k].mean() / each[0][:, k].mean(), rel=1e-12
        )


def donor(number):
    return f"variation.donor_number={number}"


def test_donors_are_paired_whatever_the_order_of_files(solved):
    runs = [opened(solved, *AMD3100, donor(n), seed=3 + n) for n in (2, 1)]
    control = [opened(solved, "coculture-kg1a", donor(n), seed=n) for n in (1, 2)]
    rows = fold_change_table(runs, [7200.0], against=control, paired=True)
    each = [
        fold_changes([run_census(r, 7200.0) for r in g]).each for g in (control, reversed(runs))
    ]
    for run in (*runs, *control):
        run.close()
    for k, row in enumerate(rows[1:]):
        assert row["against"]["test"] == "paired t"
        assert row["against"]["p"] == pytest.approx(
            paired_t_test(each[0][:, k], each[1][:, k]), rel=1e-12
        )


def test_one_dish_against_one_has_a_ratio_but_no_p(solved, tiny_run):
    with opened(solved, *AMD3100, seed=4) as run, open_run(tiny_run) as control:
        rows = fold_change_table([run], [7200.0], against=[control])
    assert rows[1]["against"]["ratio_of_means"] > 0
    assert rows[1]["against"]["p"] is None
    assert rows[1]["against"]["deviation"] is None


def line_of(call):
    with pytest.raises(InputError) as caught:
        call()
    (line,) = str(caught.value).splitlines()
    return line


def test_donors_that_do_not_match_are_refused(solved):
    with (
        opened(solved, *AMD3100, donor(1), seed=4) as one,
        opened(solved, *AMD3100, donor(2), seed=5) as two,
        opened(solved, "coculture-kg1a", donor(1), seed=1) as control,
        opened(solved, "coculture-kg1a", donor(1), seed=6) as again,
    ):
        assert "runs are of donors 1, 2, the control of 1." in line_of(
            lambda: fold_change_table([one, two], against=[control], paired=True)
        )
        assert "same donor (1), so the two are not independent. Give one dish of each" in line_of(
            lambda: fold_change_table([one], against=[control, again], paired=True)
        )


def test_a_dish_is_not_its_own_control(solved, tiny_run):
    with open_run(tiny_run) as run, opened(solved, seed=2) as other:
        assert "is the same dish as" in line_of(lambda: fold_change_table([run], against=[run]))
        assert fold_change_table([run], against=[other])[1]["against"]["control_mean"] > 0


def test_without_stroma_there_is_nothing_to_gather_on(alone, tiny_run):
    for table in (fold_change_table, course_table, distance_table, dwell_table, approach_table):
        assert "has no MSC and no migrasomes" in line_of(lambda table=table: table([alone]))
    with open_run(tiny_run) as run:
        assert "has no MSC and no migrasomes" in line_of(
            lambda: fold_change_table([run], against=[alone])
        )


def test_paths_of_other_frames_are_not_compared(solved, alone):
    for setting, expected in (
        ("output.tracks_every=30 min", "seen every 30 min"),
        ("run.duration=1 h", "tracked for 1 h"),
    ):
        with opened(solved, "tracking-kg1a", *TRACKED, setting, seed=2) as control:
            line = line_of(lambda control=control: motion_table([alone], [control]))
        assert expected in line
        assert "Give runs with the same frames." in line


def test_one_frame_shows_neither_motion_nor_stay(solved):
    with opened(solved, "coculture-kg1a", "output.tracks_from=2 h") as run:
        for table in (motion_table, dwell_table, approach_table):
            assert "shows its cells only once" in line_of(lambda table=table: table([run]))
        assert len(course_table([run])) == 2
        assert sum(row["cells"] for row in distance_table([run])) == 60
