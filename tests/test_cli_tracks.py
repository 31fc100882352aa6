"""The command tracks: what it prints, draws and refuses."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from mask_builders import CLASSES, bodies, imagej, plain, zipped
from sdf1_field.digits import interval_text
from track_builders import LINKS, WALK, csv_text, real, trackmate

CALIBRATED = ("--pixel-size", "0.5 um", "--frame-interval", "1 min")


def refusal(result):
    assert result.exit_code == 2, result.output
    (line,) = result.output.splitlines()
    return line


def table_of(result):
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture
def wandering(written):
    """Function that writes a table of wandering cells and gives its path."""

    def write(name, cells, *, scale=2.0, seed=1, **how):
        turns = np.random.default_rng(seed).standard_normal((cells, 40))
        heading = 0.6 * turns.cumsum(axis=1)
        x, y = (scale * f(heading).cumsum(axis=1) for f in (np.cos, np.sin))
        rows = [(40 * c + t, c, t, x[c, t], y[c, t]) for c in range(cells) for t in range(40)]
        return written(csv_text(rows, **how), name)

    return write


def test_the_table_says_the_same_as_json(run, wandering):
    path, control = wandering("own.csv", 20), wandering("control.csv", 25, scale=3.0, seed=2)
    found = json.loads(table_of(run("tracks", path, "--against", control, "--json")))
    text = table_of(run("tracks", path, "--against", control))
    for label, key in (
        ("speed from frame to frame, um/min", "frame_speed_um_per_min"),
        ("speed, corrected for the frames, um/min", "speed_um_per_min"),
        ("persistence time, min", "persistence_min"),
        ("straightness (net over path)", "straightness"),
        ("turning angle between steps, degrees", "turning_angle_deg"),
        ("forward migration index along 0°", "forward_migration"),
    ):
        (line,) = [line for line in text.splitlines() if line.startswith(f"{label}  ")]
        for group in ("tracks", "control"):
            own = found[group]
            assert f"  {interval_text(own[key], own[f'{key}_interval'])}" in line
    assert f"{path}: TrackMate CSV, 20 tracks of 800 spots in 40 frames every 30 s" in text
    ratio = found["comparison"]["ratio_of_medians"]
    assert ratio == pytest.approx(2 / 3, rel=1e-3)
    assert re.search(r"control: ratio of medians 0\.667.*p <0\.001 \(Mann-Whitney U", text)
    assert "(Mann-Whitney U test over tracks); tracks of one dish are not independent" in text
    assert "mean drift, um/min (direction), p" in text


def test_speed_is_that_of_the_steps(run, written):
    # Steps of 5 um in 30 s.
    found = json.loads(table_of(run("tracks", written(trackmate(WALK, [LINKS])), "--json")))
    assert found["tracks"]["frame_speed_um_per_min"] == pytest.approx(10.0)
    assert found["tracks"]["straightness"] == pytest.approx(1.0)
    assert found["tracks"]["forward_migration"] == pytest.approx(0.6)
    assert found["tracks"]["turning_angle_deg"] == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize(
    ("along", "index"), [("x", 0.6), ("y", 0.8), ("-x", -0.6), ("-y", -0.8), ("53.1301", 1.0)]
)
def test_forward_migration_is_along_the_direction_given(run, written, along, index):
    path = written(trackmate(WALK, [LINKS]))
    found = json.loads(table_of(run("tracks", path, "--along", along, "--json")))
    assert found["tracks"]["forward_migration"] == pytest.approx(index, abs=1e-6)


@pytest.mark.parametrize(
    "name", ["pycellin/FakeTracks.xml", "laptrack/laptrack_trackmate_split_merge.xml"]
)
def test_real_files_go_through_with_their_cuts_and_gaps_said(run, name):
    path = real(name)
    assert "not calibrated" in refusal(run("tracks", path))
    text = table_of(run("tracks", path, *CALIBRATED))
    assert "tracks are cut at 2 splits" in text
    assert "1 step over a gap left out of speed from frame to frame" in text


def test_every_real_file_goes_through_or_is_refused_in_one_line(run):
    folder, through = real("README.md").parent, []
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    for path in files:
        result = run("tracks", path, "--json")
        if result.exit_code:
            assert refusal(result).startswith(f"sdf1-field: {path}: ")
        else:
            through.append(path.name)
    # The only one that is calibrated.
    assert through == ["pycellin_Celegans.xml"]


def test_a_real_file_in_three_dimensions_says_so(run):
    text = table_of(run("tracks", real("pycellin/pycellin_Celegans.xml")))
    assert "the file is three-dimensional: z is left out, so all is as seen from above" in text
    assert "tracks are cut at 4 splits, into 8 branches" in text


def test_a_picture_is_written_once(run, wandering, tmp_path):
    path = wandering("own.csv", 20)
    assert table_of(run("tracks", path, "-o", "own.png")).splitlines()[-1] == "own.png"
    before = (tmp_path / "own.png").read_bytes()
    assert before.startswith(b"\x89PNG")
    assert "own.png: exists already" in refusal(run("tracks", path, "-o", "own.png"))
    again = run("tracks", path, "-o", "own.png", "--force", "--against", wandering("b.csv", 9))
    assert table_of(again)
    assert len((tmp_path / "own.png").read_bytes()) > 1.3 * len(before)
    assert "not the name of a picture" in refusal(run("tracks", path, "-o", "other.csv"))


def test_one_of_two_files_may_need_calibration(run, wandering):
    own = wandering("own.csv", 5)
    pixels = wandering("pixels.csv", 5, space="(pixel)", time="(frame)")
    options = ("--pixel-size", "0.5 um", "--frame-interval", "30 s", "--json")
    found = json.loads(table_of(run("tracks", own, "--against", pixels, *options)))
    assert found["comparison"]["ratio_of_medians"] == pytest.approx(2.0)
    line = refusal(run("tracks", own, *options))
    assert line.endswith(
        "own.csv: has a calibration of its own, so --pixel-size has no effect. Omit it; if the "
        "file is wrong, correct it where it was made."
    )


def test_a_file_is_not_compared_with_itself(run, wandering):
    path = wandering("own.csv", 20)
    line = refusal(run("tracks", path, "--against", path))
    assert line.endswith("own.csv is the file that is compared. Give tracks of a control.")


def test_straight_tracks_do_not_turn(run, written):
    rows = [(t, 0, t, 0.7 * t, 0.3 * t) for t in range(20)]
    path = written(csv_text(rows), "straight.csv")
    own = json.loads(table_of(run("tracks", path, "--json")))["tracks"]
    assert own["turning_angle_deg"] == 0.0
    assert "1 track of 20 spots in 20 frames every" in table_of(run("tracks", path))


def test_files_with_unlike_frame_intervals_are_not_compared(run, wandering):
    own, control = wandering("own.csv", 3), wandering("control.csv", 3, every=60.0)
    line = refusal(run("tracks", own, "--against", control))
    assert "control.csv are 1 min apart, those of" in line
    assert line.endswith("Give files with the same frame interval, or leave out frames of one.")


def test_columns_are_named_on_the_command_line(run, written):
    path = written("who,when,across,down\n1,0,0,0\n1,1,6,8\n1,2,12,16\n", "mine.csv")
    named = ("--columns", "track=who,frame=when", "--columns", "x=across", "--columns", "y=down")
    found = json.loads(table_of(run("tracks", path, *named, *CALIBRATED, "--json")))
    assert found["tracks"]["frame_speed_um_per_min"] == pytest.approx(5.0)
    assert "--columns x=NAME" in refusal(run("tracks", path, *CALIBRATED))


def test_a_run_is_measured_like_a_file(run, solved):
    path = solved("null-kg1a", "output.tracks_every=2 min")
    found = json.loads(table_of(run("tracks", path, "--json")))
    motion = json.loads(table_of(run("analyse", path, "--show", "motion", "--json")))
    own, other = found["tracks"], motion["runs"]
    assert own["frame_speed_um_per_min"] == pytest.approx(
        other["apparent_speed_um_per_min"], rel=1e-6
    )
    assert own["straightness"] == pytest.approx(other["straightness"], rel=1e-6)


@pytest.fixture
def heading(written):
    """Function that writes cells that walk along x at two heights of a picture 400 um wide."""

    def write(name="own.csv", *, shift=0.0, **how):
        rows = [
            (20 * c + t, c, t, 20.0 + 8.0 * t + shift, 12.0 * c + 20.0)
            for c in range(12) for t in range(20)
        ]  # fmt: skip
        return written(csv_text(rows, **how), name)

    return write


@pytest.fixture
def picture(tmp_path):
    """Mask of 400 um x 300 um with a body along its right side and a network at its left."""
    regions = np.zeros((60, 80), dtype=np.uint8)
    regions[:, 60:] = 1
    regions[:, :2] = 2
    return imagej(tmp_path / "mask.tif", regions, size=5.0)


def test_tracks_are_scored_towards_the_regions_of_a_mask(run, heading, picture):
    options = ("--towards", picture, "--labels", CLASSES)
    text = table_of(run("tracks", heading(), *options))
    found = json.loads(table_of(run("tracks", heading(), *options, "--json")))["guidance"]
    assert [score["towards"] for score in found] == ["MSC", "migrasome network"]
    assert [score["index"] for score in found] == pytest.approx([1.0, -1.0], abs=0.01)
    for label, key in (
        ("chemotactic index (way towards over way)", "index"),
        ("mean cosine of steps", "mean_cosine"),
        ("forward migration index (net over path)", "forward_migration"),
    ):
        (line,) = [line for line in text.splitlines() if line.startswith(f"{label}  ")]
        for score in found:
            assert interval_text(score[key], score[f"{key}_interval"]) in line
    assert "to MSC" in text
    assert "compare with cells that sense nothing" in text


def test_trackmates_places_are_centres_of_pixels(run, heading, picture):
    # At 297.5 um from the centre of the first pixel a cell is on the body that begins at 300 um.
    found = [
        json.loads(
            table_of(run("tracks", path, "--towards", picture, "--labels", CLASSES, "--json"))
        )["guidance"][0]["reached"]
        for path in (heading(shift=297.6 - 172.0), heading("b.csv", shift=297.4 - 172.0))
    ]
    assert found == [12, 0]


def test_a_mask_of_another_picture_is_refused(run, written, heading, picture, tmp_path):
    labels = ("--labels", CLASSES)
    small = imagej(tmp_path / "small.tif", bodies(), size=1.0001)
    line = refusal(run("tracks", heading(), "--towards", small, *labels))
    assert "spots are outside of" in line
    assert line.endswith("Give spots and mask of one picture, in one calibration.")
    xml = written(trackmate(WALK, [LINKS]))
    assert "its pixel is 0.5 um, that of" in refusal(
        run("tracks", xml, "--towards", picture, *labels)
    )
    line = refusal(run("tracks", heading(), "--towards", picture))
    assert "has 3 labels (0, 1, 2), and nothing says which are which region. Give --labels" in line
    line = refusal(run("tracks", heading(), "--towards", picture, "--labels", "free=0,msc=1"))
    assert "label 2 is in no region of --labels" in line


def test_a_run_s_places_need_no_pixel_but_the_mask_s_extent(run, solved, tmp_path):
    path, labels = solved("coculture-kg1a", "output.tracks_every=10 min"), ("--labels", CLASSES)
    fine = imagej(tmp_path / "fine.tif", bodies(600, 600), size=0.5)
    assert run("tracks", path, "--towards", fine, *labels).exit_code == 0
    assert run("export", path, "--to", "csv", "-o", "own.csv").exit_code == 0
    assert run("tracks", "own.csv", "--towards", fine, *labels).exit_code == 0
    wide = imagej(tmp_path / "wide.tif", bodies(600, 640), size=0.5)
    line = refusal(run("tracks", path, "--towards", wide, *labels))
    assert "its dish is 300 um x 300 um" in line
    assert "wide.tif 320 um x 300 um. Give spots and mask of one picture" in line


def test_the_pixel_size_counts_for_the_mask_too(run, heading, tmp_path):
    bare = plain(tmp_path / "bare.tif", bodies())
    options = ("--towards", bare, "--labels", CLASSES)
    assert "not calibrated: its file names no pixel size" in refusal(
        run("tracks", heading(), *options)
    )
    assert table_of(run("tracks", heading(), *options, "--pixel-size", "5 um"))
    pixels = heading("pixels.csv", space="(pixel)")
    assert "outside of" in refusal(run("tracks", pixels, *options, "--pixel-size", "5 um"))


def test_a_runs_own_tracks_are_scored_on_its_gradient(run, solved):
    # Cells are followed from the second hour on, which a run's tracks know and a table does not.
    path = solved("coculture-kg1a", "output.tracks_from=1 h", "output.tracks_every=2 min")
    own = json.loads(table_of(run("tracks", path, "--field", path, "--json")))["guidance"][0]
    assert own["steps_left_out"] == 0
    table_of(run("export", path, "--to", "csv", "-o", "own.csv"))
    options = ("own.csv", "--field", path, "--json")
    found = [
        json.loads(table_of(run("tracks", *options, *start)))["guidance"][0]
        for start in (("--start", "1 h"), ())
    ]
    assert found[0]["index"] == pytest.approx(own["index"], abs=1e-6)
    assert found[1]["index"] != pytest.approx(own["index"], abs=1e-6)
    late = run("tracks", "own.csv", "--field", path, "--start", "100 h")
    assert "has fields from 0 s to 2 h, and no track is there then" in refusal(late)
    none = run("tracks", "own.csv", "--field", path, "--ligand", "ccl5")
    assert "holds no field of ccl5" in refusal(none)


def test_the_same_export_as_xml_and_as_csv_is_at_the_same_places_of_a_field(run, solved):
    path = solved("coculture-kg1a", "output.tracks_every=2 min")
    for kind, name in (("trackmate-xml", "own.xml"), ("trackmate-csv", "own.csv")):
        table_of(run("export", path, "--to", kind, "-o", name))
    size = float(re.search('pixelwidth="([^"]+)"', Path("own.xml").read_text())[1])
    scores = [
        json.loads(table_of(run("tracks", *own, "--field", path, "--json")))["guidance"]
        for own in ((path,), ("own.xml",), ("own.csv", "--pixel-size", f"{size} um"))
    ]
    assert scores[2] == scores[1]
    assert scores[1][0]["index"] == pytest.approx(scores[0][0]["index"], abs=1e-6)
    line = refusal(run("tracks", "own.csv", "--field", path))
    assert "own.csv: places are from the centre of the first pixel, whose size" in line
    assert line.endswith("Give --pixel-size, such as '0.65 um', or TrackMate's XML.")
    for wrong in (("own.xml", "--field", path), ("own.csv",)):
        line = refusal(run("tracks", *wrong, "--pixel-size", "3 um"))
        assert "has a calibration of its own, so --pixel-size has no effect" in line


def test_the_pixel_of_a_mask_is_that_of_the_tracks(run, heading, picture, solved):
    path = solved("coculture-kg1a", "output.tracks_every=2 min")
    options = ("--towards", picture, "--labels", CLASSES, "--field", path, "--json")
    found = json.loads(table_of(run("tracks", heading(), *options)))["guidance"]
    size = ("--pixel-size", "5 um")
    alone = json.loads(table_of(run("tracks", heading(), "--field", path, *size, "--json")))
    assert found[2] == alone["guidance"][0]
    other = ("--pixel-size", "4 um")
    assert "its pixel is 4 um, that of" in refusal(run("tracks", heading(), *options, *other))


def test_tracks_are_scored_towards_outlines(run, heading, picture, tmp_path):
    outlines = zipped(
        tmp_path / "rois.zip",
        [("msc", "POLYGON", [[60, 0], [80, 0], [80, 60], [60, 60]]),
         ("network", "POLYGON", [[0, 0], [2, 0], [2, 60], [0, 60]])],
    )  # fmt: skip
    by_labels = ("--towards", picture, "--labels", CLASSES)
    named = ("--towards", outlines, "--labels", "msc=msc,network=network")
    drawn = (*named, "--image-size", "80x60", "--pixel-size", "5 um")
    found = [
        json.loads(table_of(run("tracks", heading(), *options, "--json")))["guidance"]
        for options in (by_labels, drawn)
    ]
    for score in (*found[0], *found[1]):
        score.pop("source", None)
    assert found[0] == found[1]
    line = refusal(run("tracks", heading(), *by_labels, "--image-size", "80x60"))
    assert "is a picture with a size of its own, so --image-size has no effect" in line


def test_a_picture_shows_a_rose_for_each_direction(run, heading, picture, tmp_path):
    assert table_of(run("tracks", heading(), "-o", "plain.png"))
    options = ("--towards", picture, "--labels", CLASSES)
    assert table_of(run("tracks", heading(), *options, "-o", "roses.png"))
    sizes = [(tmp_path / name).stat().st_size for name in ("plain.png", "roses.png")]
    assert sizes[1] > 1.2 * sizes[0]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--labels", "free=0"), "--labels: belongs to --towards, which is not given. Omit it."),
        (("--plane", "T=1"), "--plane: belongs to --towards, which is not given. Omit it."),
        (("--image-size", "9x9"), "--image-size: belongs to --towards, which is not given."),
        (("--ligand", "sdf1"), "--ligand: belongs to --field, which is not given. Omit it."),
        (("--start", "1 h"), "--start: belongs to --field, which is not given. Omit it."),
        (("--field", "none.nc"), "none.nc: no such file"),
        (("--towards", "none.tif", "--labels", "free=0"), "none.tif: no such file"),
        (("--along", "up"), "--along: 'up' is no direction. Give x, -x, y, -y, or an angle"),
        (("--pixel-size", "0.5"), "--pixel-size: '0.5' is not a length. Write it like '5 um'."),
        (("--pixel-size", "0 um"), "--pixel-size: '0 um' is out of range. Give more than zero."),
        (("--frame-interval", "2 um"), "--frame-interval: '2 um' is not a time"),
        (("--columns", "a=b"), "--columns: 'a=b' names no column"),
        (("--against", "none.xml"), "none.xml: no such file"),
    ],
)
def test_wrong_options_are_refused_in_one_line(run, wandering, options, says):
    assert says in refusal(run("tracks", wandering("own.csv", 3), *options))


def test_help_comes_without_numpy():
    from test_lazy import loaded_by

    assert loaded_by(["tracks", "--help"]) == ([], 0)
    assert loaded_by(["tracks"]) == ([], 2)
