"""Tables of spots: TrackMate's CSV with one and four header lines, any other, and wrong ones."""

import numpy as np
import pytest

from sdf1_field.errors import InputError
from sdf1_field.interop import (
    NO_TRACK,
    Calibration,
    column_names,
    read_tracks,
    read_xml,
    reading,
)
from track_builders import LINKS, WALK, csv_text, real, trackmate

ROWS = [(n, 0, n, 10.0 + 3 * n, 20.0 + 4 * n) for n in range(4)]
"""Number, track, frame, x and y of spots."""


def refusal(path, asked=None, columns=None):
    with pytest.raises(InputError) as refused:
        read_tracks(path, asked, columns)
    (line,) = str(refused.value).splitlines()
    assert line.startswith(f"{path}: ")
    return line.removeprefix(f"{path}: ")


@pytest.mark.parametrize(
    ("space", "time", "micrometres", "seconds"),
    [
        ("(micron)", "(sec)", 1.0, 1.0),
        ("(microns)", "(sec)", 1.0, 1.0),
        ("(µm)", "(min)", 1.0, 60.0),
        ("(mm)", "(h)", 1000.0, 3600.0),
    ],
)
def test_four_header_lines_give_the_units(written, space, time, micrometres, seconds):
    path = written(csv_text(ROWS, space=space, time=time))
    file = read_tracks(path)
    assert file.format == "TrackMate CSV"
    assert file.x == pytest.approx(micrometres * np.array([10.0, 13, 16, 19]))
    assert file.interval == pytest.approx(30.0 * seconds)
    assert file.links.tolist() == [[0, 1], [1, 2], [2, 3]]


@pytest.mark.parametrize("space", ["(pixel)", "(pixels)"])
def test_pixels_and_frames_need_the_options(written, space):
    path = written(csv_text(ROWS, space=space, time="(frame)"))
    assert refusal(path) == (
        f"not calibrated: lengths are in {space[1:-1]} and times are in frame. Give --pixel-size, "
        "such as '0.65 um' and --frame-interval, such as '2 min'."
    )
    file = read_tracks(path, Calibration(0.65, 60.0))
    assert file.y == pytest.approx(0.65 * np.array([20.0, 24, 28, 32]))
    assert file.time.tolist() == [0.0, 60.0, 120.0, 180.0]


def test_one_header_line_has_no_units(written):
    path = written(csv_text(ROWS, headers=1))
    assert "lengths are in no unit and times are in no unit" in refusal(path)
    assert read_tracks(path, Calibration(1.0, 30.0)).x.tolist() == [10.0, 13.0, 16.0, 19.0]


def test_the_same_tracks_are_read_from_csv_and_from_xml(written):
    table = read_tracks(written(csv_text(ROWS), "tracks.csv"))
    file = read_xml(written(trackmate(WALK, [LINKS], units=("micron", "sec"))), Calibration())
    for name in ("spot", "track", "frame", "x", "y", "radius", "links", "time"):
        assert getattr(table, name).tolist() == getattr(file, name).tolist()


def test_rows_may_be_unsorted_and_spots_may_have_no_track(written):
    lone = [(10, None, 1, 5.0, 5.0), (11, "None", 2, 6.0, 6.0)]
    unsorted = [ROWS[2], lone[0], ROWS[0], ROWS[3], lone[1], ROWS[1]]
    file = read_tracks(written(csv_text(unsorted)))
    assert (file.tracks, file.lone, len(file.spot)) == (1, 2, 6)
    assert file.spot[file.track == NO_TRACK].tolist() == [10, 11]
    assert file.frame[file.track == 0].tolist() == [0, 1, 2, 3]
    assert file.x[file.track == 0].tolist() == [10.0, 13.0, 16.0, 19.0]


def test_a_frame_without_a_spot_is_a_gap(written):
    file = read_tracks(written(csv_text([ROWS[0], ROWS[1], ROWS[3]])))
    assert (file.gaps, len(file.links)) == (1, 2)


def test_a_file_of_windows_is_read(tmp_path):
    path = tmp_path / "tracks.csv"
    path.write_bytes(csv_text(ROWS, space="(µm)").replace("\n", "\r\n").encode("cp1252"))
    assert read_tracks(path).x.tolist() == [10.0, 13.0, 16.0, 19.0]
    path.write_bytes(b"\xef\xbb\xbf" + csv_text(ROWS, space="(µm)").encode())
    assert read_tracks(path).x.tolist() == [10.0, 13.0, 16.0, 19.0]


@pytest.mark.parametrize("separator", [";", "\t"])
def test_decimal_commas_are_read_where_they_separate_nothing(written, separator):
    rows = [
        ("track", "time_s", "x_um", "y_um"),
        ("1", "0", "10", "2"),
        ("1", "30", "12,5", "-0,25"),
    ]
    text = "\n".join(separator.join(row) for row in rows)
    for own in (text, text.replace("\n", "\r\n"), text.replace(separator, f'"{separator}"')):
        quoted = '"' in own
        lines = [f'"{line}"' for line in own.splitlines()] if quoted else [own]
        file = read_tracks(written("\n".join(lines), "tracks.csv"))
        assert (file.x.tolist(), file.y.tolist()) == ([10.0, 12.5], [2.0, -0.25])


def test_a_comma_in_a_name_is_no_decimal_sign(written):
    text = "track;time_s;x_um;y_um\n1,2;0;1.5;2\n1,2;30;2.5;2\n"
    assert read_tracks(written(text, "tracks.csv")).x.tolist() == [1.5, 2.5]


def test_unicode_text_of_a_spreadsheet_is_read(tmp_path):
    path = tmp_path / "tracks.txt"
    for encoding in ("utf-16", "utf-16-be"):
        begin = "\ufeff" if encoding.endswith("be") else ""
        text = begin + csv_text(ROWS, space="(µm)").replace(",", "\t")
        path.write_bytes(text.encode(encoding))
        assert read_tracks(path).x.tolist() == [10.0, 13.0, 16.0, 19.0]


@pytest.mark.parametrize(
    ("header", "separator"),
    [
        ("trajectory,time_s,x_um,y_um", ","),
        ("Track;Time [s];X [µm];Y [µm]", ";"),
        ("particle\tt (s)\tx (um)\ty (um)", "\t"),
    ],
)
def test_plain_tables_say_units_in_their_names(written, header, separator):
    rows = [separator.join(map(str, (7, 30.0 * n, 3.0 * n, 4.0 * n))) for n in (1, 0, 3)]
    file = read_tracks(written("\n".join([header, *rows])))
    assert file.format == "table"
    assert (file.interval, file.gaps, file.tracks) == (30.0, 1, 1)
    assert file.track.tolist() == [7, 7, 7]
    assert file.x.tolist() == [0.0, 3.0, 9.0]


def test_columns_are_named_by_the_user_and_cells_may_have_names(written):
    text = "who,when,across,down\na,0,1,2\nb,0,5,6\na,1,2,2\nb,1,5,8\n"
    columns = column_names(["track=who,frame=when", "x=across", "y=down"])
    asked = Calibration(0.5, 60.0)
    file = read_tracks(written(text), asked, columns)
    assert file.tracks == 2
    assert file.x.tolist() == [0.5, 2.5, 1.0, 2.5]
    assert "has no column of x. It has: who, when, across, down. Name it with" in refusal(
        written(text), asked
    )
    line = refusal(written(text), asked, {**columns, "x": "acros"})
    assert line == "has no column 'acros'. It has: who, when, across, down. Correct --columns."


@pytest.mark.parametrize("text", ["x", "x=", "=a", "place=a"])
def test_wrong_names_of_columns_are_refused(text):
    with pytest.raises(InputError, match=r"--columns: .* names no column\. Write KEY=NAME"):
        column_names([text])


def test_times_that_jitter_are_frames_and_times_that_jump_are_refused(written):
    def table(*times):
        return "track,time_s,x_um,y_um\n" + "".join(f"1,{t},{t},0\n" for t in times)

    file = read_tracks(written(table(0, 30.5, 59.8, 90.1, 150.0)))
    assert file.frame.tolist() == [0, 1, 2, 3, 5]
    assert file.interval == pytest.approx(30.0)
    line = refusal(written(table(0, 30, 60, 105, 135)))
    assert "times 60 and 105 are 45 apart, most are 30: frames are not evenly spaced" in line


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is empty"),
        ("TRACK_ID,FRAME\n1,2\n", "has no column of x. It has: TRACK_ID, FRAME."),
        ("SPOT_SOURCE_ID,SPOT_TARGET_ID,x,y\n1,2,3,4\n", "is a table of links, not of spots"),
        ("track,x_um,y_um\n1,2,3\n", "has no column of frames or times"),
        ("track,x_um,y_um,time_s\n", "has no rows below its header"),
        (csv_text([]), "has no rows below its header"),
        ("\ntrack,x_um,y_um,time_s\n1,2,3,4\n", "its first line is empty. Begin it with the names"),
        ('track,x_um,y_um,time_s\n1,"1,000.5",3,4\n', "x in line 2 is '1,000.5', no number"),
        (csv_text([*ROWS, (9, 0, 3, 1.0, 1.0)]), "track 0 has two spots in frame 3"),
        (csv_text([*ROWS[:3], (3, 0, 3, "NaN", 1.0)]), "spot 3 in frame 3 is at ("),
        (csv_text([*ROWS[:3], (3, 0, 3, "", 1.0)]), "spot 3 in frame 3 is at ("),
        (csv_text([*ROWS[:3], (3, 0, 3, 1.0, "inf")]), "spot 3 in frame 3 is at ("),
        (csv_text([*ROWS[:3], (3, 0, 3, "here", 1.0)]), "POSITION_X in line 8 is 'here', no num"),
        (csv_text([*ROWS[:3], (3, 0, 2.5, 1.0, 1.0)]), "frame in line 8 is 2.5, no whole number"),
        (csv_text([*ROWS[:3], (3, 0, "", 1.0, 1.0)]), "frame in line 8 is nan, no whole number"),
        (csv_text([(n, None, n, 1.0, 1.0) for n in range(3)]), "no spot is linked to another"),
        (csv_text([*ROWS, ROWS[0]]), "2 spots have the number 0"),
        ("track,x_um,y_um,time_s\n1,2,3\n", "rows have fewer columns than the header"),
        ("track,x_um,y_um,frame\n1,2,3,1e300\n", "frame in line 2 is 1e+300, no whole number"),
        (csv_text([*ROWS[:3], (3, 0, 3, 1e300, 1.0)]), "spot 3 in frame 3 is at (1e+300, 1)"),
        ("a\0b", "neither TrackMate's XML nor a table of spots"),
        (
            csv_text(ROWS).replace("60.0,2,", "100.0,2,"),
            "frame 2 is at time 100, but frames are 30 apart on average",
        ),
    ],
)
def test_wrong_tables_are_refused_in_one_line(written, text, says):
    assert says in refusal(written(text))


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("laptrack/laptrack_trackmate_split_merge.csv", "is a table of links"),
        ("laptrack/laptrack_trackmate_split_merge_edges.csv", "is a table of links"),
        (
            "laptrack/laptrack_trackmate_split_merge_spots.csv",
            "has no column of tracks. It has: id, frame, position_x, position_y. Name it with "
            "--columns track=NAME.",
        ),
        ("laptrack/example_label.tif", "neither TrackMate's XML nor a table of spots"),
        ("readroi/readroi_polygon.roi", "neither TrackMate's XML nor a table of spots"),
    ],
)
def test_real_files_without_tracks_are_refused(name, says):
    assert says in refusal(real(name), Calibration(0.5, 60.0))


def test_a_table_that_is_cut_off_has_less_rows_or_is_refused_in_one_line(written):
    text, found = csv_text(ROWS), set()
    for end in range(1, len(text)):
        path = written(text[:end], "tracks.csv")
        try:
            found.add(len(read_tracks(path).spot))
        except InputError as error:
            (line,) = str(error).splitlines()
            assert line.startswith(f"{path}: ")
    assert found == {2, 3, 4}


def test_what_is_no_file_is_refused(tmp_path):
    assert "is a folder but no GEFF" in refusal(tmp_path)
    assert "no such file" in refusal(tmp_path / "none.xml")


@pytest.mark.parametrize("step", ["read_table", "read_xml"])
def test_a_file_that_memory_runs_out_for_is_named(tmp_path, monkeypatch, step):
    def exhausted(*_):
        raise MemoryError

    monkeypatch.setattr(reading, step, exhausted)
    path = tmp_path / "tracks.txt"
    path.write_text("<?xml version='1.0'?><TrackMate/>" if step == "read_xml" else "track,frame\n")
    with pytest.raises(InputError, match=r"tracks\.txt: takes more memory than there is"):
        read_tracks(path)
