"""The command scene: what it previews, writes, draws and refuses, and that its file is solved."""

import json
import re

import numpy as np
import pytest
import tifffile
from PIL import Image

from mask_builders import CLASSES, bodies, imagej, plain, zipped
from sdf1_field.analysis import density_fold_change
from sdf1_field.analysis.runs import run_census
from sdf1_field.images import FREE, NETWORK, read_scene
from sdf1_field.record import open_run
from sdf1_field.scene import Region

PIXEL = 0.65


@pytest.fixture
def mask(tmp_path):
    return imagej(tmp_path / "mask.tif", bodies())


def printed(run, *arguments):
    result = run("scene", *map(str, arguments))
    assert result.exit_code == 0, result.output
    return result.output


def refusal(run, *arguments):
    result = run("scene", *map(str, arguments))
    assert result.exit_code == 2, result.output
    (line,) = result.output.splitlines()
    return line


def test_areas_are_those_of_the_mask_and_what_the_grid_makes_of_them(run, mask):
    answer = json.loads(printed(run, mask, "--labels", CLASSES, "--json"))
    counts = np.bincount(bodies().ravel())
    rows = answer["regions"]
    assert [row["pixels"] for row in rows] == counts.tolist()
    for row, count in zip(rows, counts, strict=True):
        assert row["area_mm2"] == pytest.approx(count * PIXEL**2 * 1e-6, rel=1e-12)
        assert row["change_by_grid"] == pytest.approx(
            row["area_on_grid_mm2"] / row["area_mm2"] - 1.0
        )
    assert sum(row["area_on_grid_mm2"] for row in rows) == pytest.approx(80 * 60 * PIXEL**2 * 1e-6)
    assert answer["bodies"]["number"] == 1
    assert answer["migrasomes"]["expected"] == pytest.approx(4800e-6 * 100 * PIXEL**2)


def test_classes_fall_into_pieces_that_touch_and_labels_are_bodies(run, tmp_path):
    picture = np.zeros((40, 50), np.uint8)
    picture[5:10, 5:10] = picture[10:15, 10:15] = 1  # they share a corner
    picture[20:30, 20:30] = 2
    picture[32:38, 0:8] = 2
    path = imagej(tmp_path / "mask.tif", picture)

    def found(*options):
        printed(run, path, *options, "-o", tmp_path / "s.nc", "--force")
        return read_scene(tmp_path / "s.nc").pixels

    pieces = found("--labels", "free=0,msc=1,network=2")
    assert (pieces.max(), (pieces == 0).sum(), (pieces == NETWORK).sum()) == (0, 50, 148)
    others = ("--labels", "free=0,msc=others")
    by_label = found(*others, "--bodies", "labels")
    np.testing.assert_array_equal(by_label, picture.astype(int) - 1)
    assert found(*others, "--bodies", "pieces").max() == 2
    text = printed(run, path, *others, "--bodies", "pieces")
    assert "bodies: 3, " in text
    assert "; 2 labels in 3 pieces" in text


def test_labels_that_may_be_classes_are_no_bodies_unasked(run, tmp_path):
    picture = np.zeros((40, 80), np.uint8)
    for n in range(6):
        picture[10:20, 12 * n + 2 : 12 * n + 10] = 1 + n % 2
    path, options = imagej(tmp_path / "mask.tif", picture), ("--labels", "free=0,msc=1+2")
    assert "the 2 labels of MSC are 6 separate pieces" in refusal(run, path, *options)
    pieces = json.loads(printed(run, path, *options, "--bodies", "pieces", "--json"))["bodies"]
    assert (pieces["number"], pieces["labels"], pieces["pieces"]) == (6, 2, 6)
    # Few bodies in pieces are bodies: of five, one is.
    picture = np.where(picture > 0, (np.arange(80) // 12)[None, :] + 1, 0)
    picture[picture == 6] = 1
    path = imagej(tmp_path / "single.tif", picture.astype(np.uint8))
    assert "bodies: 5, " in printed(run, path, "--labels", "free=0,msc=others")


def test_the_preview_is_of_the_model_asked_for(run, mask, tmp_path):
    mine = tmp_path / "mine.toml"
    mine.write_text(
        'extends = "coculture-kg1a"\ntitle = "mine"\n[grid]\nspacing = "13 um"\n', encoding="utf-8"
    )
    options = (mask, "--labels", CLASSES)
    shipped = json.loads(printed(run, *options, "--json"))
    own = json.loads(printed(run, *options, "--model", mine, "--json"))
    assert (shipped["grid_spacing_um"], own["grid_spacing_um"]) == (5.0, 13.0)
    assert own["regions"][1]["pixels"] == shipped["regions"][1]["pixels"]
    assert own["regions"][1]["area_on_grid_mm2"] != shipped["regions"][1]["area_on_grid_mm2"]
    assert "none.toml" in refusal(run, *options, "--model", tmp_path / "none.toml")


def test_a_scene_is_written_with_where_it_is_from_and_not_replaced_unasked(run, mask, tmp_path):
    spots = tmp_path / "spots.csv"
    spots.write_text("x_um,y_um\n27.3,20.1\n8.0,8.0\n40.0,30.0\n", encoding="utf-8")
    path, picture = tmp_path / "s.nc", tmp_path / "s.png"
    options = (
        mask, "--labels", CLASSES, "--migrasomes", spots, "-o", path, "--picture", picture,
    )  # fmt: skip
    text = printed(run, *options)
    assert "migrasomes: 2 from spots.csv, 1 in the network" in text
    assert "1 more over bodies are left out" in text
    read = read_scene(path)
    assert (read.source, read.labels, read.spots) == ("mask.tif", CLASSES, "spots.csv")
    assert len(read.sha256) == len(read.spots_sha256) == 64
    np.testing.assert_array_equal(read.pixels == FREE, bodies() == Region.FREE_SURFACE)
    with Image.open(picture) as drawn:
        assert len(np.unique(np.asarray(drawn.convert("RGB")).reshape(-1, 3), axis=0)) > 4
    assert "s.nc: exists already" in refusal(run, *options)
    printed(run, *options, "--force")


def test_cut_bodies_and_specks_are_told(run, tmp_path):
    picture = bodies()
    picture[0:20, 60:80] = 1
    picture[55, 5] = 1
    text = printed(run, imagej(tmp_path / "mask.tif", picture), "--labels", CLASSES)
    assert "1 cut by the image's edge: walls reflect" in text
    assert re.search(r"[0-9] of them below [0-9,]+ um2, a tenth of a body of the model", text)


def test_what_is_no_scene_of_msc_and_migrasomes_is_told(run, tmp_path):
    picture = np.zeros((60, 80), np.uint8)
    picture[10:30, 10:30] = 1
    picture[40, 5:75] = 2  # One pixel of 0.65 um high.
    spots = tmp_path / "spots.csv"
    columns = "ID,TRACK_ID,POSITION_X,POSITION_Y,POSITION_T,FRAME,RADIUS"
    units = ",,(micron),(micron),(sec),,(micron)"
    lines = [columns, columns, columns, units, "1,,30,5,0,0,6", "2,,45,10,0,0,6"]
    spots.write_text("\n".join(lines) + "\n", encoding="utf-8")
    text = printed(
        run, imagej(tmp_path / "thin.tif", picture), "--labels", CLASSES, "--migrasomes", spots,
    )  # fmt: skip
    assert "migrasome network: too thin for the grid" in text
    assert "they are large for migrasomes, which have" in text
    assert "none of them is in the network" in text


def test_outlines_make_a_scene(run, tmp_path):
    path = zipped(
        tmp_path / "rois.zip",
        [("a", "POLYGON", [[10, 10], [30, 10], [30, 30], [10, 30]]),
         ("b", "POLYGON", [[25, 10], [45, 10], [45, 30], [25, 30]])],
    )  # fmt: skip
    options = ("--labels", "msc=*", "--image-size", "60x50", "--pixel-size", "2 um")
    answer = json.loads(printed(run, path, *options, "--json"))
    assert answer["bodies"]["number"] == 2
    assert answer["regions"][Region.MSC]["pixels"] == 35 * 20


def test_a_scene_is_solved_and_analysed(run, tmp_path):
    scene = tmp_path / "s.nc"
    picture = np.kron(bodies(), np.ones((4, 4), np.uint8))
    printed(run, imagej(tmp_path / "large.tif", picture), "--labels", CLASSES, "-o", scene)
    own = tmp_path / "run.nc"
    solved = run(
        "solve", "coculture-kg1a", "--set", f"scene.file={scene}", "--set", "run.duration=30 min",
        "--set", "run.culture=1 h", "--set", "cells.density=130 1/mm**2", "-o", str(own), "--quiet",
    )  # fmt: skip
    assert solved.exit_code == 0, solved.output
    for table in ("fold-change", "distance", "network", "field"):
        shown = run("analyse", str(own), "--show", table, "--json")
        assert shown.exit_code == 0, shown.output
    again, cells = tmp_path / "again.tif", tmp_path / "cells.csv"
    for kind, path, options in (
        ("mask", again, ("--pixel-size", f"{PIXEL} um")),
        ("mask", again, ("--force",)),
        ("csv", cells, ("--at", "30 min")),
    ):
        exported = run("export", str(own), "--to", kind, "-o", str(path), *options)
        assert exported.exit_code == 0, exported.output
        np.testing.assert_array_equal(tifffile.imread(again), picture)
    # Cells and areas are those of the image's pixels, in the run as in its exported mask.
    with open_run(own) as opened:
        census = run_census(opened, 1800.0)
    assert census.areas == pytest.approx(np.bincount(picture.ravel()) * PIXEL**2, rel=1e-9)
    for by in ("pixel", "table"):
        measured = run(
            "measure", str(again), str(cells), "--labels", CLASSES, "--count-by", by, "--json"
        )
        assert measured.exit_code == 0, measured.output
        rows = json.loads(measured.output)["groups"][0]["regions"]
        assert [row["cells"] for row in rows] == census.counts.tolist()
        for key, counts in (
            ("fold_change", census.counts),
            ("touching_fold_change", census.touching),
        ):
            expected = density_fold_change(counts, census.areas)
            assert [row[key] for row in rows[1:]] == pytest.approx(expected.tolist(), rel=1e-9)
    refused = run("export", str(own), "--to", "mask", "--pixel-size", "9 um", "-o", "b.tif")
    assert refused.exit_code == 2
    assert "Omit --pixel-size: the run has pixels of its own." in refused.output
    drawn = run("plot", str(own), "-o", str(tmp_path / "run.png"))
    assert drawn.exit_code == 0, drawn.output
    cells = tmp_path / "cells.csv"
    cells.write_text("x_um,y_um\n20,20\n100,60\n", encoding="utf-8")
    beside = run(
        "measure", str(again), str(cells), "--labels", CLASSES, "--against", str(own), "-o",
        str(tmp_path / "beside.png"),
    )  # fmt: skip
    assert beside.exit_code == 0, beside.output


def test_what_makes_no_scene_is_refused_in_one_line(run, mask, tmp_path):
    assert "Give --labels" in refusal(run, mask)
    assert "label 2 is in no region" in refusal(run, mask, "--labels", "free=0,msc=1")
    assert "no pixel has a label 7" in refusal(run, mask, "--labels", f"{CLASSES}+7")
    assert "s.tif: not the name of a scene's file" in refusal(
        run, mask, "--labels", CLASSES, "-o", tmp_path / "s.tif"
    )
    assert "so --pixel-size has no effect" in refusal(
        run, mask, "--labels", CLASSES, "--pixel-size", "1 um"
    )
    assert "are about the file of migrasomes" in refusal(
        run, mask, "--labels", CLASSES, "--frame", 1
    )
    spots = tmp_path / "spots.csv"
    spots.write_text("x_um,y_um\n5,5\n70,5\n", encoding="utf-8")
    assert "1 of 2 migrasomes are outside of" in refusal(
        run, mask, "--labels", CLASSES, "--migrasomes", spots
    )
    one = imagej(tmp_path / "one.tif", np.zeros((1, 1), np.uint8))
    assert "is 1 x 1 pixels; a scene has 2 to 8192 a side" in refusal(
        run, one, "--labels", "free=0"
    )
    wide = imagej(tmp_path / "wide.tif", np.zeros((2, 8193), np.uint8))
    assert "is 8193 x 2 pixels" in refusal(run, wide, "--labels", "free=0")
    bare = plain(tmp_path / "bare.tif", bodies())
    assert "not calibrated" in refusal(run, bare, "--labels", CLASSES)
    colours = plain(tmp_path / "rgb.tif", np.zeros((9, 9, 3), np.uint8), photometric="rgb")
    assert "is a colour picture" in refusal(run, colours, "--labels", CLASSES)
