"""The command measure: what it counts on masks, compares, draws and refuses."""

import json

import numpy as np
import pytest
from PIL import Image

import sdf1_field as sf
from mask_builders import CLASSES, bodies, imagej, plain
from sdf1_field.scene import Region
from sdf1_field.statistics import p_text

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
