"""TrackMate's XML: real files, files made by hand, and files that are wrong."""

from collections import Counter
from xml.etree import ElementTree

import numpy as np
import pytest

from sdf1_field.errors import InputError
from sdf1_field.interop import NO_TRACK, Calibration, read_xml
from track_builders import LINKS, WALK, exported, real, spot, trackmate

REAL = {
    "pycellin/FakeTracks.xml": Calibration(0.5, 60.0),
    "pycellin/pycellin_Celegans.xml": Calibration(),
    "laptrack/laptrack_trackmate_split_merge.xml": Calibration(0.5, 60.0),
}


def counted(path):
    """Counts of a TrackMate file by its elements alone, and speeds of its plain links."""
    root = ElementTree.parse(path).getroot()
    spots = {s.get("ID"): s for s in root.iter("Spot")}
    used = {t.get("TRACK_ID") for t in root.find("Model/FilteredTracks")}
    tracks = {
        t.get("TRACK_ID"): [(e.get("SPOT_SOURCE_ID"), e.get("SPOT_TARGET_ID")) for e in t]
        for t in root.iter("Track")
    }
    frame = {i: int(s.get("FRAME")) for i, s in spots.items()}
    links = [
        sorted(edge, key=frame.get) for i, edges in tracks.items() if i in used for edge in edges
    ]
    out, into = Counter(a for a, _ in links), Counter(b for _, b in links)
    linked = {i for edges in tracks.values() for edge in edges for i in edge}
    hidden = {i for i, s in spots.items() if s.get("VISIBILITY") == "0" and i not in linked}
    return {
        "spots": len({i for link in links for i in link}),
        "lone": len(set(spots) - linked - hidden),
        "hidden": len(hidden),
        "tracks": len(used),
        "tracks_left_out": len(tracks) - len(used),
        "links": len(links),
        "splits": sum(n > 1 for n in out.values()),
        "merges": sum(n > 1 for n in into.values()),
        "gaps": sum(frame[b] - frame[a] > 1 for a, b in links),
    }


def counts(file):
    return {
        "spots": len(file.spot) - file.lone,
        "lone": file.lone,
        "hidden": file.left_out.hidden,
        "tracks": file.tracks,
        "tracks_left_out": file.left_out.tracks,
        "links": len(file.links),
        "splits": file.splits,
        "merges": file.merges,
        "gaps": file.gaps,
    }


@pytest.mark.parametrize("name", REAL)
def test_real_files_have_the_counts_of_their_elements(name):
    path = real(name)
    assert counts(read_xml(path, REAL[name])) == counted(path)


def test_real_files_have_the_splits_merges_and_gaps_that_are_known_of_them():
    fake = read_xml(real("pycellin/FakeTracks.xml"), Calibration(0.5, 60.0))
    assert (fake.tracks, fake.left_out.tracks, fake.lone, fake.left_out.hidden) == (2, 5, 10, 1)
    merging = real("laptrack/laptrack_trackmate_split_merge.xml")
    file = read_xml(merging, Calibration(0.5, 60.0))
    assert (len(file.spot), file.tracks, file.splits, file.merges, file.gaps) == (183, 4, 2, 1, 1)


def test_links_are_as_long_as_trackmate_says():
    path = real("pycellin/pycellin_Celegans.xml")
    file = read_xml(path, Calibration())
    said = {
        frozenset((int(e.get("SPOT_SOURCE_ID")), int(e.get("SPOT_TARGET_ID")))): e
        for e in ElementTree.parse(path).getroot().iter("Edge")
    }
    depth = {
        int(s.get("ID")): float(s.get("POSITION_Z"))
        for s in ElementTree.parse(path).getroot().iter("Spot")
    }
    assert file.interval == pytest.approx(120.0)
    assert file.left_out.depth
    early, late = file.links.T
    flat = np.hypot(file.x[late] - file.x[early], file.y[late] - file.y[early])
    for a, b, length in zip(file.spot[early], file.spot[late], flat, strict=True):
        edge = said.pop(frozenset((int(a), int(b))))
        whole = np.hypot(length, depth[int(b)] - depth[int(a)])
        assert whole == pytest.approx(float(edge.get("DISPLACEMENT")), rel=1e-9)
        # Micrometres per minute: the file's own speeds are over whole minutes.
        assert whole / 2.0 == pytest.approx(float(edge.get("SPEED")), rel=1e-9)
    assert said == {}


@pytest.mark.parametrize(
    ("name", "asked", "says"),
    [
        (
            "pycellin/FakeTracks.xml",
            Calibration(),
            "not calibrated: a pixel is exactly 1 micrometer, ImageJ's default and frames are "
            "exactly 1 second apart, the default. Give --pixel-size, such as '0.65 um' and "
            "--frame-interval, such as '2 min'.",
        ),
        (
            "laptrack/laptrack_trackmate_split_merge.xml",
            Calibration(),
            "not calibrated: lengths are in pixel and frames are exactly 1 sec apart",
        ),
        (
            "laptrack/laptrack_trackmate_split_merge.xml",
            Calibration(pixel_size=0.5),
            "not calibrated: frames are exactly 1 sec apart, the default. Give --frame-interval",
        ),
    ],
)
def test_real_files_without_calibration_are_refused_with_the_options(name, asked, says):
    path = real(name)
    with pytest.raises(InputError) as refused:
        read_xml(path, asked)
    assert f"{path}: {says}" in str(refused.value)


# Files made by hand


def refusal(path, asked=Calibration()):  # noqa: B008
    with pytest.raises(InputError) as refused:
        read_xml(path, asked)
    (line,) = str(refused.value).splitlines()
    assert line.startswith(f"{path}: ")
    return line.removeprefix(f"{path}: ")


def test_units_become_micrometres_and_seconds(written):
    file = read_xml(
        written(trackmate(WALK, [LINKS], units=("mm", "min"), every=2.0)), Calibration()
    )
    assert (file.interval, file.pixel_size, file.format) == (120.0, 500.0, "TrackMate 7.11.1")
    assert file.x == pytest.approx([10e3, 13e3, 16e3, 19e3])
    assert file.radius == pytest.approx([5e3] * 4)
    assert file.time.tolist() == [0.0, 120.0, 240.0, 360.0]


def test_pixels_are_scaled_by_the_size_that_is_given(written):
    text = trackmate(WALK, [LINKS], units=("pixel", "frame"), pixel=1.0, every=1.0)
    file = read_xml(written(text), Calibration(0.65, 60.0))
    assert file.x == pytest.approx(0.65 * np.array([10.0, 13, 16, 19]))
    assert file.interval == 60.0
    assert file.unused == ()


def test_a_calibration_that_the_file_has_itself_is_not_taken_from_the_user(written):
    file = read_xml(written(trackmate(WALK, [LINKS])), Calibration(0.65, 60.0))
    assert file.x == pytest.approx([10.0, 13, 16, 19])
    assert file.interval == 30.0
    assert file.unused == ("pixel_size", "frame_interval")


def test_spots_and_edges_may_stand_in_any_order_and_edges_in_any_direction(written):
    forwards = read_xml(written(trackmate(WALK, [LINKS])), Calibration())
    text = trackmate(WALK[::-1], [[(b, a) for a, b in LINKS[::-1]]])
    backwards = read_xml(written(text, "other.xml"), Calibration())
    assert backwards.links.tolist() == forwards.links.tolist() == [[0, 1], [1, 2], [2, 3]]
    assert backwards.x.tolist() == forwards.x.tolist()


def test_hidden_and_filtered_spots_are_left_out_and_lone_ones_are_kept(written):
    others = [spot(10 + n, n, 50.0, 50.0 + n) for n in range(3)]
    alone = [spot(20, 1, 1.0, 1.0), spot(21, 2, 2.0, 2.0, VISIBILITY=0)]
    text = trackmate([*WALK, *others, *alone], [LINKS, [(10, 11), (11, 12)]], kept=[0])
    file = read_xml(written(text), Calibration())
    assert sorted(file.spot.tolist()) == [0, 1, 2, 3, 20]
    assert file.track[file.spot == 20].tolist() == [NO_TRACK]
    assert (file.left_out.tracks, file.left_out.spots, file.left_out.hidden) == (1, 3, 1)


def test_tracks_are_cut_into_branches_at_splits_and_merges(written):
    # 0 - 1 - 2 - 4 - 6 and 1 - 3 - 5 - 6: a split at 1, a merge at 6.
    places = [(0, 0), (1, 1), (2, 2), (3, 2), (4, 3), (5, 3), (6, 4), (7, 5)]
    spots = [spot(n, f, 5.0 * n, 0.0) for n, f in places]
    links = [(0, 1), (1, 2), (1, 3), (2, 4), (3, 5), (4, 6), (5, 6), (6, 7)]
    file = read_xml(written(trackmate(spots, [links])), Calibration())
    assert (file.tracks, file.splits, file.merges, file.gaps) == (1, 1, 1, 0)
    branch = dict(zip(file.spot.tolist(), file.branches().tolist(), strict=True))
    together = {frozenset(n for n in branch if branch[n] == b) for b in branch.values()}
    assert together == {frozenset(part) for part in ((0, 1), (2, 4), (3, 5), (6, 7))}


@pytest.mark.parametrize("version", ["6.0.1", "7.14.0", "8.0.0-SNAPSHOT"])
def test_versions_are_named_without_the_commit_of_a_snapshot(written, version):
    whole = f"{version}-{'f411154ed1' * 4}" if version.endswith("SNAPSHOT") else version
    file = read_xml(written(trackmate(WALK, [LINKS], version=whole)), Calibration())
    assert file.format == f"TrackMate {version}"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (trackmate(WALK, [LINKS])[:-400], "not whole XML"),
        ("", "is empty"),
        (" ", "not whole XML: no element found"),
        (trackmate(WALK, [LINKS]).replace("UTF-8", "UTF-88"), "is in an unknown encoding: UTF-88"),
        (trackmate(WALK, [LINKS], every=1e300), "frames every 1e+300 s are no calibration"),
        ("<html><body/></html>", "its root is <html>"),
        (
            '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;">]>'
            "<TrackMate>&c;</TrackMate>",
            "declares a document type or entities",
        ),
        (
            '<?xml version="1.0"?><!DOCTYPE TrackMate SYSTEM "file:///etc/passwd"><TrackMate/>',
            "declares a document type or entities",
        ),
        (
            trackmate([*WALK[:3], spot(3, 3, "NaN", 1.0)], [LINKS]),
            "spot 3 in frame 3 is at (",
        ),
        (
            trackmate([*WALK[:3], spot(3, 3, 1.0, "Infinity")], [LINKS]),
            "spot 3 in frame 3 is at (",
        ),
        (trackmate(WALK[:3], [LINKS]), "a link leads to spot 3, which the file does not hold"),
        (trackmate([*WALK, WALK[0]], [LINKS]), "2 spots have the number 0"),
        (
            trackmate([*WALK[:3], spot(3, 2, 0.0, 0.0)], [LINKS]),
            "spots 2 and 3 are linked and both in frame 2",
        ),
        (trackmate([*WALK[:3], spot(3, -1, 0.0, 0.0)], [LINKS]), "spot 3 is in frame -1"),
        (trackmate(WALK, []), "no spot is linked to another"),
        (trackmate(WALK, [LINKS], kept=[]), "no spot is linked to another"),
        (
            trackmate(WALK, [LINKS]).replace('POSITION_Y="24.0" ', ""),
            "<Spot> in line 6 has no POSITION_Y",
        ),
        (
            trackmate(WALK, [LINKS]).replace('FRAME="1"', 'FRAME="1.5"'),
            "<Spot> in line 6: '1.5' is no whole number",
        ),
        (
            trackmate(WALK, [LINKS], units=("furlong", "sec")),
            "lengths are in furlong. Give --pixel-size",
        ),
        (
            trackmate(WALK, [LINKS], units=("inch", "sec")),
            "lengths are in inch. Give --pixel-size",
        ),
        (
            trackmate(WALK, [LINKS], units=("µm", "frame"), every=1.0),
            "not calibrated: times are in frame. Give --frame-interval",
        ),
    ],
)
def test_wrong_files_are_refused_in_one_line(written, text, says):
    assert says in refusal(written(text))


@pytest.mark.parametrize("whole", [trackmate(WALK, [LINKS]), exported([[(0, 1, 1), (1, 2, 2)]])])
def test_a_file_that_is_cut_off_anywhere_is_refused_in_one_line(written, whole):
    text = whole.rstrip()
    for end in range(1, len(text), 29):
        refusal(written(text[:end]))


# Exported tracks


def test_exported_tracks_count_frames_and_may_be_unsorted(written):
    text = exported([[(2, 7.0, 1.0), (0, 1.0, 1.0), (3, 9.0, 1.0)], [(5, 0.0, 0.0), (6, 2.0, 0.0)]])
    file = read_xml(written(text), Calibration())
    assert (file.tracks, file.gaps, file.interval) == (2, 1, 30.0)
    assert file.time[file.track == 0].tolist() == [0.0, 60.0, 90.0]
    assert file.x[file.track == 0].tolist() == [1.0, 7.0, 9.0]
    assert len(file.links) == 3


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (exported([[(0, 1, 1), (0, 2, 2)]]), "track 0 has two spots in frame 0"),
        (exported([[(0, 1, 1), (1, 2, "NaN")]]), "spot 1 in frame 1 is at ("),
        (
            exported([[(0, 1, 1), (1, 2, 2)]], space="pixel", every="1.0"),
            "lengths are in pixel and frames are exactly 1 sec apart",
        ),
        (exported([[(0.5, 1, 1), (1, 2, 2)]]), "'0.5' is no whole number"),
        (exported([]), "no spot is linked"),
    ],
)
def test_wrong_exported_tracks_are_refused_in_one_line(written, text, says):
    assert says in refusal(written(text))
