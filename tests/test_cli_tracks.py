"""The command tracks: what it prints, draws and refuses."""

import json
import re

import numpy as np
import pytest

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
    again = run("tracks", path, "-o", "own.png", "--force", "--against", path)
    assert table_of(again)
    assert len((tmp_path / "own.png").read_bytes()) > 1.3 * len(before)
    assert "not the name of a picture" in refusal(run("tracks", path, "-o", "own.csv"))


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


@pytest.mark.parametrize(
    ("options", "says"),
    [
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
