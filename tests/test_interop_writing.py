"""Tracks written, read and written again; a run's tracks in other programs' formats."""

import itertools
import json
from dataclasses import replace
from importlib.util import find_spec
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sdf1_field.api.exporting import export
from sdf1_field.api.tracking import open_tracks
from sdf1_field.cli.tracking import _FORMATS
from sdf1_field.errors import InputError, Sdf1FieldWarning
from sdf1_field.interop import (
    NO_TRACK,
    PICTURES,
    SUFFIXES,
    Calibration,
    read_tracks,
    write_tracks,
)
from sdf1_field.interop.scales import Scale
from sdf1_field.interop.trackfile import components, make_track_file
from track_builders import LINKS, WALK, csv_text, real, spot, trackmate

KINDS = tuple(
    kind
    if kind != "geff"
    else pytest.param(kind, marks=pytest.mark.skipif(find_spec("geff") is None, reason="no geff"))
    for kind in SUFFIXES
)
ARRAYS = ("spot", "track", "frame", "x", "y", "links")


def content(path):
    """Bytes of a file, or of all files of a folder by name."""
    if path.is_dir():
        return {p.relative_to(path): p.read_bytes() for p in path.rglob("*") if p.is_file()}
    return path.read_bytes()


def same(one, other):
    assert one.interval == other.interval
    for name in ARRAYS:
        assert getattr(one, name).tolist() == getattr(other, name).tolist(), name


@pytest.fixture
def odd(written):
    """Track file whose numbers have all their digits, with a gap and a lone spot."""
    rng = np.random.default_rng(1)
    places = 100.0 * rng.random((12, 2))
    spots = [spot(7 * n + 3, n, *places[n]) for n in range(12) if n != 5]
    spots.append(spot(1, 4, 3.0, 4.0))
    numbers = [7 * n + 3 for n in range(12) if n != 5]
    links = list(itertools.pairwise(numbers))
    text = trackmate(spots, [links], units=("µm", "min"), every=1.0 / 3.0, pixel=0.1984666)
    return read_tracks(written(text))


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_written_is_read_and_written_again_the_same(odd, tmp_path, kind):
    first, second = (tmp_path / f"{n}{SUFFIXES[kind]}" for n in ("first", "second"))
    write_tracks(odd, first, kind)
    again = read_tracks(first)
    same(again, odd)
    assert (again.gaps, again.lone) == (1, 1)
    write_tracks(again, second, kind)
    assert content(second) == content(first)
    # No part of a file is left beside it.
    assert sorted(p.name for p in tmp_path.iterdir() if p.name != "tracks.xml") == sorted(
        [first.name, second.name]
    )


@pytest.mark.parametrize("kind", ["trackmate-xml", KINDS[2]])
@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("pycellin/FakeTracks.xml", Calibration(0.5, 60.0)),
        ("pycellin/pycellin_Celegans.xml", Calibration()),
        ("laptrack/laptrack_trackmate_split_merge.xml", Calibration(0.5, 60.0)),
    ],
)
def test_real_tracks_keep_their_splits_merges_and_gaps(name, asked, tmp_path, kind):
    file = read_tracks(real(name), asked)
    path = tmp_path / f"again{SUFFIXES[kind]}"
    write_tracks(file, path, kind)
    again = read_tracks(path)
    same(again, file)
    assert (again.splits, again.merges, again.gaps) == (file.splits, file.merges, file.gaps)
    write_tracks(again, tmp_path / f"twice{SUFFIXES[kind]}", kind)
    assert content(tmp_path / f"twice{SUFFIXES[kind]}") == content(path)


@pytest.mark.parametrize("kind", ["trackmate-csv", "csv"])
def test_tables_of_spots_cannot_hold_splits(written, tmp_path, kind):
    spots = [*WALK, spot(4, 3, 0.0, 0.0)]
    file = read_tracks(written(trackmate(spots, [[*LINKS, (2, 4)]])))
    path = tmp_path / "split.csv"
    with pytest.raises(InputError, match="has splits or merges, and a table of spots has no links"):
        write_tracks(file, path, kind)
    assert not path.exists()
    assert not path.with_name("split.csv.partial").exists()


def test_the_xml_has_what_trackmate_reads(odd, tmp_path):
    path = tmp_path / "a.xml"
    write_tracks(odd, path, "trackmate-xml")
    root = ElementTree.parse(path).getroot()
    model, image = root.find("Model"), root.find("Settings/ImageData")
    assert model.attrib == {"spatialunits": "micron", "timeunits": "sec"}
    assert float(image.get("timeinterval")) == pytest.approx(20.0)
    assert float(image.get("pixelwidth")) == 0.1984666
    assert int(image.get("nframes")) == 12
    assert int(model.find("AllSpots").get("nspots")) == len(list(model.iter("Spot"))) == 12
    declared = {f.get("feature") for f in model.find("FeatureDeclarations/SpotFeatures")}
    (one, *_) = model.iter("Spot")
    assert set(one.attrib) - {"ID", "name"} == declared
    for element in model.iter("Spot"):
        assert float(element.get("POSITION_T")) == pytest.approx(20.0 * int(element.get("FRAME")))
    parts = [child.tag for child in root]
    assert parts == ["Log", "Model", "Settings", "GUIState"]


def test_a_pixel_of_one_micrometre_is_not_written_as_one_without_a_scale(written, tmp_path):
    text = trackmate(WALK, [LINKS], units=("pixel", "frame"), pixel=1.0, every=1.0)
    file = read_tracks(written(text), Calibration(1.0, 30.0))
    write_tracks(file, tmp_path / "a.xml", "trackmate-xml")
    same(read_tracks(tmp_path / "a.xml"), file)


@pytest.mark.parametrize("kind", ["trackmate-xml", "trackmate-csv"])
def test_no_radius_and_no_pixel_are_invented(written, tmp_path, kind):
    table = "track,frame,time_s,x_um,y_um\n" + "".join(f"1,{n},{60 * n},{n},0\n" for n in range(4))
    file, path = read_tracks(written(table, "plain.csv")), tmp_path / f"a{SUFFIXES[kind]}"
    write_tracks(file, path, kind)
    assert "RADIUS" not in path.read_text()
    again = read_tracks(path)
    assert np.isnan(again.radius).all()
    assert again.pixel_size is None
    if kind == "trackmate-xml":
        assert "The pixel of 0.5 micron is assumed: none was known." in path.read_text()
    # A spot whose radius is known keeps it beside those whose is not.
    some = replace(file, radius=np.array([6.5, np.nan, 7.5, np.nan]))
    write_tracks(some, path, kind, force=True)
    np.testing.assert_array_equal(read_tracks(path).radius, some.radius)


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_that_is_exported_and_imported_has_the_same_speeds(run, solved, kind):
    path = solved("null-kg1a", "output.tracks_every=2 min")
    result = run("export", path, "--to", kind, "-o", f"cells{SUFFIXES[kind]}")
    assert (result.exit_code, result.output) == (0, f"cells{SUFFIXES[kind]}\n")
    own = json.loads(run("tracks", path, "--json").output)["tracks"]
    other = json.loads(run("tracks", f"cells{SUFFIXES[kind]}", "--json").output)["tracks"]
    for key in ("frame_speed_um_per_min", "speed_um_per_min", "persistence_min", "straightness"):
        assert other[key] == pytest.approx(own[key], rel=1e-6), key
    assert other["interval"] == 120.0
    assert (other["branches"], other["frames"]) == (30, 61)


def test_an_early_last_frame_is_left_out_and_said(solved, tmp_path):
    path = solved("null-kg1a", "output.tracks_every=7 min")
    with pytest.warns(Sdf1FieldWarning, match="the frame at 2 h is left out, since it comes early"):
        export(path, "csv", tmp_path / "a.csv")
    file = open_tracks(tmp_path / "a.csv").file
    assert (file.interval, file.frame.max()) == (420.0, 17)


def test_files_are_named_after_the_run_and_not_replaced_unasked(run, solved, tmp_path):
    (tmp_path / "own.nc").symlink_to(solved("null-kg1a", "output.tracks_every=2 min"))
    assert run("export", "own.nc", "--to", "trackmate-xml").output == "own.xml\n"
    refused = run("export", "own.nc", "--to", "trackmate-xml")
    assert refused.exit_code == 2
    assert "own.xml: exists already. Choose another name, or replace it with --force." in (
        refused.output
    )
    assert run("export", "own.nc", "--to", "trackmate-xml", "--force").exit_code == 0
    (tmp_path / "dir").mkdir()
    assert "dir: is a folder" in run("export", "own.nc", "--to", "csv", "-o", "dir").output
    nowhere = run("export", "own.nc", "--to", "csv", "-o", "none/a.csv")
    assert (nowhere.exit_code, len(nowhere.output.splitlines())) == (2, 1)
    assert "none/a.csv: no such file or directory. Choose another place." in nowhere.output


def test_a_run_without_tracks_is_refused(run, solved, steady_model):
    for path, says in (
        (solved(str(steady_model)), "has no cells to analyse"),
        (solved("null-kg1a", "output.tracks_from=2 h"), "shows its cells only once"),
    ):
        result = run("export", path, "--to", "csv", "-o", "a.csv")
        assert result.exit_code == 2
        assert says in result.output


def test_the_command_and_the_writers_know_the_same_formats():
    assert (*SUFFIXES, *PICTURES) == _FORMATS
    with pytest.raises(InputError, match=r"unknown format 'xls'\. Choose one of trackmate-xml"):
        export("a.nc", "xls")


@st.composite
def graphs(draw):
    """Track file of any graph whose links lead forwards in time, in every order of its numbers."""
    count = draw(st.integers(2, 12))
    frame = np.array(draw(st.lists(st.integers(0, 6), min_size=count, max_size=count)))
    pairs = [(a, b) for a in range(count) for b in range(count) if frame[a] < frame[b]]
    assume(pairs)
    links = np.array(draw(st.lists(st.sampled_from(pairs), min_size=1, unique=True)))
    of_spot = components(count, links)
    alone = np.bincount(of_spot)[of_spot] == 1
    places = st.floats(-1e6, 1e6, allow_subnormal=False)
    x, y = (np.array(draw(st.lists(places, min_size=count, max_size=count))) for _ in "xy")
    return make_track_file(
        "any", "any", Scale(1.0, draw(st.floats(0.1, 1e4)), None, ()),
        spot=np.array(draw(st.permutations(range(count)))), frame=frame, x=x, y=y, links=links,
        track=np.where(alone, NO_TRACK, of_spot),
    )  # fmt: skip


@given(graphs())
def test_any_graph_is_the_same_after_xml(tmp_path_factory, file):
    path = tmp_path_factory.mktemp("any") / "a.xml"
    write_tracks(file, path, "trackmate-xml")
    again = read_tracks(path)
    same(again, file)
    assert again.branches().tolist() == file.branches().tolist()
    # In a branch every spot but the last leads to the next one and to no other.
    branch = file.branches()
    within = file.links[branch[file.links[:, 0]] == branch[file.links[:, 1]]]
    assert len(np.unique(within[:, 0])) == len(np.unique(within[:, 1])) == len(within)
    assert len(within) == len(branch) - len(np.unique(branch))


def test_times_of_tables_are_multiples_of_the_interval_to_the_last_bit(written):
    file = read_tracks(written(csv_text([(n, 0, n, 1.0 * n, 0.0) for n in range(9)], every=0.1)))
    assert file.interval == 0.1
