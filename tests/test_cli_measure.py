"""The command measure: what it counts on masks, compares, draws and refuses."""

import json

import numpy as np
import pytest
from PIL import Image

import sdf1_field as sf
from conftest import TRACKED
from mask_builders import CLASSES, bodies, imagej, plain
from sdf1_field.scene import Region
from sdf1_field.statistics import p_text
from test_analysis_tracks import walk
from track_builders import csv_text

PIXEL = 0.65


@pytest.fixture
def dish(tmp_path):
    """Function that writes a mask and cells on it, and gives both paths and what was counted."""

    def write(name, seed, *, on_msc=10):
        picture = bodies()
        mask = imagej(tmp_path / f"{name}.tif", picture)
        rng = np.random.default_rng(seed)
        rows, columns = rng.integers(0, 60, 200), rng.integers(0, 80, 200)
        rows[:on_msc], columns[:on_msc] = rng.integers(5, 15, on_msc), rng.integers(10, 22, on_msc)
        lines = [
            f"{PIXEL * (c + 0.5)},{PIXEL * (r + 0.5)}" for r, c in zip(rows, columns, strict=True)
        ]
        cells = tmp_path / f"{name}.csv"
        cells.write_text("\n".join(["x_um,y_um", *lines]) + "\n", encoding="utf-8")
        counts = np.bincount(picture[rows, columns], minlength=3)
        areas = np.bincount(picture.ravel(), minlength=3) * PIXEL**2
        return mask, cells, counts, areas

    return write


def test_labels_of_pixels_are_not_kept(dish):
    mask, cells, *_ = dish("own", 1)
    groups = sf.measure_groups({"a": [(mask, cells)] * 2}, labels=CLASSES).groups
    assert [own.mask.picture for own in groups["a"]] == [None, None]


def printed(run, *arguments):
    result = run("measure", *map(str, arguments))
    assert result.exit_code == 0, result.output
    return result.output


def refusal(run, *arguments):
    result = run("measure", *map(str, arguments))
    assert result.exit_code == 2, result.output
    (line,) = result.output.splitlines()
    return line


def test_areas_cells_and_fold_changes_are_those_counted_by_hand(run, dish):
    mask, cells, counts, areas = dish("own", 1)
    answer = json.loads(printed(run, mask, cells, "--labels", CLASSES, "--json"))
    rows = answer["groups"][0]["regions"]
    assert [row["cells"] for row in rows] == counts.tolist()
    assert [row["area_mm2"] for row in rows] == pytest.approx((areas * 1e-6).tolist(), rel=1e-12)
    density = counts / areas
    assert [row["fold_change"] for row in rows] == pytest.approx((density / density[0]).tolist())
    assert rows[Region.MSC]["encounter_limit"] is None


def test_an_encounter_limit_needs_a_speed_and_grows_with_time(run, dish):
    mask, cells, _, _ = dish("own", 1)
    said = refusal(run, mask, cells, "--labels", CLASSES, "--after", "4 h")
    assert "no tracks that tell how fast its cells are" in said
    limits = []
    for after in ("10 min", "1 h"):
        answer = json.loads(
            printed(
                run, mask, cells, "--labels", CLASSES, "--after", after, "--speed", "2 um/min",
                "--json",
            )
        )  # fmt: skip
        limits.append(answer["groups"][0]["regions"][Region.MSC]["encounter_limit"])
    assert 1.0 < limits[0] < limits[1]


@pytest.fixture
def tracked(tmp_path):
    """Mask and tracks of walkers of 2.5 um/min and 4 min that stay where they meet a region."""

    def write(cells):
        size, picture = 5.0, bodies()
        mask = imagej(tmp_path / "tracked.tif", picture, size=size)
        own = walk(cells, 90 * 60.0, 60.0, step=6.0, speed=2.5 / 60.0, persistence=240.0, seed=3)
        rng = np.random.default_rng(4)
        x = own.x + rng.uniform(30.0, 370.0, (cells, 1))
        y = own.y + rng.uniform(30.0, 270.0, (cells, 1))
        column, row = (np.clip(place // size, 0, None).astype(int) for place in (x, y))
        inside = (x > 0.0) & (x < 400.0) & (y > 0.0) & (y < 300.0)
        over = picture[np.minimum(row, 59), np.minimum(column, 79)] > 0
        frames = x.shape[1]
        met = np.where(over.any(axis=1), over.argmax(axis=1), frames)
        shown = np.minimum(np.arange(frames), met[:, None])
        x, y = (np.take_along_axis(place, shown, axis=1) for place in (x, y))
        seen = inside.cumprod(axis=1).astype(bool)
        # TrackMate's places are from the centre of the first pixel.
        rows = [
            (frames * c + t, c, t, x[c, t] - 0.5 * size, y[c, t] - 0.5 * size)
            for c in range(cells)
            for t in range(frames)
            if seen[c, t]
        ]
        path = tmp_path / "tracked.csv"
        path.write_text(csv_text(rows, every=60.0), encoding="utf-8")
        return mask, path

    return write


def test_the_encounter_limit_is_of_cells_as_fast_as_over_free_surface(run, tracked):
    mask, cells = tracked(200)
    options = ("--labels", CLASSES, "--frame", "90", "--after", "90 min")
    (dish,) = json.loads(printed(run, mask, cells, *options, "--json"))["groups"][0]["dishes"]
    # All tracks, held cells among them, give a fifth less.
    assert dish["speed_um_per_min"] == pytest.approx(2.5, rel=0.03)
    assert dish["persistence_min"] == pytest.approx(4.0, rel=0.12)
    assert 150 < dish["walk_tracks"] <= dish["walk_pieces"] < 250
    text = printed(run, mask, cells, *options)
    said = f"{dish['walk_pieces']:,} pieces of {dish['walk_tracks']:,}"
    assert f"(tracks over free surface: {said}), and stay where" in text
    given = printed(run, mask, cells, *options, "--speed", "3 um/min", "--persistence", "5 min")
    assert "at 3.00 um/min, persistence 5.00 min, and stay where" in given


def test_too_few_tracks_over_free_surface_tell_no_speed(run, tracked):
    mask, cells = tracked(9)
    options = ("--labels", CLASSES, "--frame", "0", "--after", "90 min")
    said = refusal(run, mask, cells, *options)
    assert "of its tracks have two successive spots over free surface. Give --speed" in said
    assert "encounter limit" in printed(run, mask, cells, *options, "--speed", "3 um/min")


def test_a_run_that_ends_earlier_is_no_prediction(run, dish, tiny_run):
    mask, cells, _, _ = dish("own", 1)
    options = ("--labels", CLASSES, "--speed", "2 um/min", "--against", tiny_run)
    said = refusal(run, mask, cells, *options, "--after", "24 h")
    assert "cells are saved until 2 h, and --after 24 h is later by more than an interval" in said
    assert said.endswith("longer (--set run.duration='24 h'), or correct --after.")
    answer = json.loads(printed(run, mask, cells, *options, "--after", "130 min", "--json"))
    assert answer["predicted"]["time"] == 7200.0


def test_groups_are_compared_over_dishes(run, dish):
    options, folds = [], {"control": [], "drug": []}
    for name, first, on_msc in (("control", 1, 40), ("drug", 4, 5)):
        for seed in range(first, first + 3):
            mask, cells, counts, areas = dish(f"{name}{seed}", seed, on_msc=on_msc)
            options += ["--group", name, mask, cells]
            density = counts / areas
            folds[name].append(density[1] / density[0])
    answer = json.loads(printed(run, *options, "--labels", CLASSES, "--json"))
    against = answer["groups"][1]["regions"][Region.MSC]["against"]
    assert against["mean"] == pytest.approx(np.mean(folds["drug"]))
    assert against["control_mean"] == pytest.approx(np.mean(folds["control"]))
    assert against["p"] < 0.05
    assert "against" not in answer["groups"][0]["regions"][Region.MSC]
    assert p_text(against["p"]) in printed(run, *options, "--labels", CLASSES)


def test_a_dish_without_free_cells_is_named_and_the_others_are_compared(run, dish, tmp_path):
    options, folds = [], []
    for name, first in (("control", 1), ("drug", 4)):
        for seed in range(first, first + 3):
            mask, cells, counts, areas = dish(f"{name}{seed}", seed)
            options += ["--group", name, mask, cells]
            folds.append(counts[1:] / areas[1:] / (counts[0] / areas[0]))
    full = tmp_path / "full.csv"
    # One cell in the middle of the body, none on free surface.
    full.write_text(f"x_um,y_um\n{PIXEL * 15},{PIXEL * 10}\n", encoding="utf-8")
    options += ["--group", "drug", imagej(tmp_path / "full.tif", bodies()), full]
    rows = json.loads(printed(run, *options, "--labels", CLASSES, "--json"))["groups"][1]["regions"]
    for k, row in enumerate(rows[1:]):
        assert row["against"]["mean"] == pytest.approx(np.mean([f[k] for f in folds[3:]]))
        assert 0.0 < row["against"]["p"] <= 1.0
        assert row["against"]["note"] == f"{full}: no cell on free surface"
    text = printed(run, *options, "--labels", CLASSES)
    assert f"no fold change on MSC, {full}: no cell on free surface: left out of mean" in text


def test_one_dish_has_a_counting_interval_and_several_have_none(run, dish):
    mask, cells, counts, _ = dish("own", 1)
    rows = json.loads(printed(run, mask, cells, "--labels", CLASSES, "--json"))["groups"][0][
        "regions"
    ]
    assert rows[Region.FREE_SURFACE]["counting"] is None
    low, high = rows[Region.MSC]["counting"]
    # About the change, by the relative error of a ratio of counts.
    error = 1.96 * np.sqrt(1 / counts[1] + 1 / counts[0])
    change = rows[Region.MSC]["fold_change"]
    assert np.log([low / change, high / change]) == pytest.approx([-error, error], rel=0.25)
    assert "fold change with 95 % interval: counting (cells alone" in printed(
        run, mask, cells, "--labels", CLASSES
    )
    again, other, _, _ = dish("other", 2)
    both = ("--group", "a", mask, cells, "--group", "a", again, other, "--labels", CLASSES)
    assert json.loads(printed(run, *both, "--json"))["groups"][0]["regions"][1]["counting"] is None
    assert "95 % interval: over dishes\n" in printed(run, *both)


def test_a_picture_is_drawn_and_not_replaced_unasked(run, dish, tmp_path):
    mask, cells, _, _ = dish("own", 1)
    picture = tmp_path / "own.png"
    printed(run, mask, cells, "--labels", CLASSES, "-o", picture)
    with Image.open(picture) as drawn:
        assert len(np.unique(np.asarray(drawn.convert("RGB")).reshape(-1, 3), axis=0)) > 4
    assert "exists" in refusal(run, mask, cells, "--labels", CLASSES, "-o", picture)
    printed(run, mask, cells, "--labels", CLASSES, "-o", picture, "--force")


def test_what_is_read_is_never_replaced(run, dish, tiny_run):
    mask, cells, *_ = dish("own", 1)
    before = mask.read_bytes()
    for command in (
        ("measure", mask, cells, "--labels", CLASSES, "-o", mask),
        ("scene", mask, "--labels", CLASSES, "--picture", mask),
        ("tracks", cells, "--towards", mask, "--labels", CLASSES, "-o", mask),
    ):
        result = run(*map(str, command), "--force")
        assert result.exit_code == 2
        assert "is read as well. Choose another name for the output." in result.output
    assert mask.read_bytes() == before
    result = run("export", str(tiny_run), "--to", "csv", "-o", str(tiny_run), "--force")
    assert (result.exit_code, len(result.output.splitlines())) == (2, 1)
    assert "is read as well" in result.output


def test_what_cannot_be_measured_is_refused_in_one_line(run, dish, tmp_path):
    mask, cells, _, _ = dish("own", 1)
    assert "Give --labels" in refusal(run, mask, cells)
    assert "is given twice" in refusal(
        run, "--group", "a", mask, cells, "--group", "b", mask, cells, "--labels", CLASSES
    )
    assert "1 files are given" in refusal(run, mask)
    bare = plain(tmp_path / "bare.tif", bodies())
    assert "--pixel-size" in refusal(run, bare, cells, "--labels", CLASSES)
    colour = plain(tmp_path / "colour.tif", np.zeros((9, 9, 3), dtype=np.uint8))
    assert "colour picture" in refusal(run, colour, cells, "--labels", CLASSES)
    outside = tmp_path / "outside.csv"
    outside.write_text("x_um,y_um\n1000,3\n", encoding="utf-8")
    assert "outside" in refusal(run, mask, outside, "--labels", CLASSES)
    nowhere = tmp_path / "nowhere.csv"
    nowhere.write_text("x_um,y_um\nnan,3\n", encoding="utf-8")
    assert refusal(run, mask, nowhere, "--labels", CLASSES)


def test_a_run_stands_beside_an_observed_dish_as_analyse_counts_it(run, dish, tiny_run):
    mask, cells, counts, areas = dish("own", 1)
    answer = json.loads(
        printed(run, mask, cells, "--labels", CLASSES, "--against", tiny_run, "--json")
    )
    predicted, own = answer["predicted"], answer["groups"][0]["regions"]
    analysed = run("analyse", tiny_run, "--at", "2 h", "--json")
    rows = json.loads(analysed.stdout)
    rows = rows if isinstance(rows, list) else rows["fold_change"]
    assert (predicted["run"], predicted["time"], predicted["cells"]) == (str(tiny_run), 7200.0, 30)
    for row, other in zip(predicted["regions"], rows, strict=True):
        for key in ("area_mm2", "cells", "fold_change", "touching_fold_change", "encounter_limit"):
            assert row[key] == other[key], key
    density = counts / areas
    for row, other, value in zip(own, rows, density / density[0], strict=True):
        change = other["fold_change"]
        ratio = row["observed_over_predicted"]
        assert ratio is None if not change else ratio == pytest.approx(value / change)
    text = printed(run, mask, cells, "--labels", CLASSES, "--against", tiny_run)
    assert "200 cells are observed and 30 predicted: compare fold changes, not numbers" in text
    lines = [line.split()[:3] for line in text.splitlines()]
    assert ["MSC", "observed", f"{areas[1] * 1e-6:.4f}"] in lines
    assert ["MSC", "predicted", f"{rows[1]['area_mm2']:.4f}"] in lines


def test_the_predicted_time_is_the_saved_one_nearest_to_the_observed(run, dish, tiny_run):
    mask, cells, _, _ = dish("own", 1)
    speed = ("--labels", CLASSES, "--speed", "2 um/min", "--against", tiny_run)
    answer = json.loads(printed(run, mask, cells, *speed, "--after", "64 min", "--json"))
    assert answer["predicted"]["time"] == 3600.0
    assert "seed 1, 1 h after its cells were added" in (
        printed(run, mask, cells, *speed, "--after", "64 min")
    )
    assert "no such file" in refusal(run, mask, cells, "--labels", CLASSES, "--against", "no.nc")


def test_both_floors_and_bars_are_drawn(dish, tiny_run):
    mask, cells, counts, areas = dish("own", 1)
    measured = sf.measure(mask, cells, labels=CLASSES)
    table = measured.table(after="1 h", speed="2 um/min", against=tiny_run)
    figure = measured.plot(table)
    observed, predicted, bars = figure.axes
    assert "predicted at 1 h" in predicted.get_title(loc="left")
    assert "own.tif, 200 cells" in observed.get_title(loc="left")
    heights = [bar.get_height() for bar in bars.patches]
    density = counts / areas
    assert heights[:2] == pytest.approx((density[1:] / density[0]).tolist())
    change = [row["fold_change"] or 0.0 for row in table["predicted"]["regions"][1:]]
    assert heights[2:] == pytest.approx(change)
    # Titles are within the picture, and one without a run has no bars.
    for one in (figure, measured.plot()):
        one.draw_without_rendering()
        top = max(axes.get_tightbbox().y1 for axes in one.axes)
        assert top <= one.bbox.y1
    assert len(measured.plot().axes) == 1


def test_a_region_that_one_dish_of_several_lacks_has_no_area_there(run, dish, tmp_path):
    mask, cells, counts, areas = dish("own", 1)
    bare = bodies()
    bare[bare == 2] = 0
    without = imagej(tmp_path / "bare.tif", bare)
    _, others, _, _ = dish("other", 2)
    groups = ("--group", "a", mask, cells, "--group", "a", without, others)
    answer = json.loads(printed(run, *groups, "--labels", CLASSES, "--json"))
    own, other = answer["groups"][0]["dishes"]
    network = Region.MIGRASOME_NETWORK
    assert own["regions"][network]["area_mm2"] == pytest.approx(areas[network] * 1e-6)
    assert (other["regions"][network]["area_mm2"], other["fold_change"][1]) == (0.0, None)
    row = answer["groups"][0]["regions"][network]
    assert (row["area_mm2"], row["cells"]) == (own["regions"][network]["area_mm2"], counts[network])
    assert "none of 2 masks has 9, which it names" in (
        refusal(run, *groups, "--labels", f"{CLASSES}+9")
    )
    assert "no pixel has a label 2" in refusal(run, without, others, "--labels", CLASSES)
    one = ("--labels", "free=0,msc=1,network=others")
    assert json.loads(printed(run, *groups, *one, "--json"))["groups"][0]["regions"][network] == row


@pytest.mark.parametrize("name", ["", "a "])
def test_groups_have_names(run, dish, name):
    mask, cells, _, _ = dish("own", 1)
    line = refusal(run, "--group", name, mask, cells, "--labels", CLASSES)
    assert f"--group: '{name}' is no name of a group" in line


def test_cells_beside_the_regions_of_their_file_are_warned_of(run, dish, tmp_path):
    mask, _, _, _ = dish("own", 1)
    rows = [f"{PIXEL * (10.5 + c)},{PIXEL * 10.5},msc" for c in range(12)]
    for shift, warned in ((0, False), (6, True)):
        cells = tmp_path / f"cells{shift}.csv"
        moved = [f"{float(row.partition(',')[0]) + shift * PIXEL},{row.partition(',')[2]}"
                 for row in rows]  # fmt: skip
        cells.write_text("\n".join(["x_um,y_um,region", *moved]) + "\n", encoding="utf-8")
        result = run("measure", str(mask), str(cells), "--labels", CLASSES)
        assert result.exit_code == 0
        assert ("6 of 12 cells are named in other regions" in result.output) == warned
        by_table = run("measure", str(mask), str(cells), "--labels", CLASSES, "--count-by", "table")
        assert "warning" not in by_table.output


def test_files_that_say_nothing_are_refused_where_they_do(run, dish, tmp_path):
    mask, cells, _, _ = dish("own", 1)
    named = tmp_path / "named.csv"
    named.write_text("x_um,y_um,region\n1,2,free\n3,4,foo\n", encoding="utf-8")
    options = ("--labels", CLASSES)
    assert "region in line 3 is 'foo'; write free, msc or network." in (
        refusal(run, mask, named, *options, "--count-by", "table")
    )
    printed(run, mask, named, *options)
    empty = tmp_path / "empty.zip"
    empty.touch()
    assert "is empty" in refusal(run, empty, cells, *options, "--image-size", "9x9")
    twice = refusal(run, mask, cells, "--labels", "free=0,msc=1,msc=2")
    assert "write msc=1+2 if both are" in twice


def test_a_damaged_mask_is_refused_without_a_log(run, dish, tmp_path, caplog):
    mask, cells, _, _ = dish("own", 1)
    content = mask.read_bytes()
    cut = tmp_path / "cut.tif"
    cut.write_bytes(content[: len(content) // 2])
    assert "cut.tif" in refusal(run, cut, cells, "--labels", CLASSES)
    assert not caplog.records


def test_any_name_goes_into_a_picture(run, dish, tmp_path):
    mask, cells, _, _ = dish("細胞", 1)
    said = printed(run, mask, cells, "--labels", CLASSES, "-o", tmp_path / "細胞.png")
    assert (tmp_path / "細胞.png").exists()
    # Where no font has these letters, one line says so, and Matplotlib nothing.
    assert said.lower().count("warning") <= 1
    assert "Glyph" not in said


def test_a_run_without_regions_is_not_set_beside_observed_ones(run, dish, solved):
    mask, cells, _, _ = dish("own", 1)
    alone = solved("coculture-kg1a", *TRACKED)
    line = refusal(run, mask, cells, "--labels", CLASSES, "--against", alone)
    assert line.endswith("has no regions to set beside observed ones. Give a run with a stroma.")
