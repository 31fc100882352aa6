"""GEFF: folders made by hand after the format's description, and wrong ones."""

import sys

import numpy as np
import pytest

from sdf1_field.errors import InputError
from sdf1_field.interop import NO_TRACK, Calibration, read_tracks, read_xml, write_tracks
from track_builders import LINKS, WALK, spot, trackmate

zarr = pytest.importorskip("zarr")
pytest.importorskip("geff")

FRAMES = {"name": "t", "type": "time", "unit": "frame", "scale": 30.0, "scaled_unit": "second"}
MICROMETRES = {"type": "space", "unit": "micrometer"}
PLACES = np.array([[10.0 + 3 * n, 20.0 + 4 * n] for n in range(4)])


@pytest.fixture
def graph(tmp_path):
    """Function that writes a GEFF by zarr alone and gives its path."""

    def write(axes, props, links, *, ids=None, zarr_format=2, **more):
        path = tmp_path / "tracks.geff"
        count = len(next(iter(props.values())))
        ids = np.arange(count) if ids is None else np.array(ids)
        root = zarr.open_group(str(path), mode="w", zarr_format=zarr_format)
        root.create_array("nodes/ids", data=ids.astype("uint64"))
        root.create_array("edges/ids", data=np.array(links, dtype="uint64").reshape(-1, 2))
        root.create_group("edges/props")
        described = {}
        for name, values in props.items():
            own = np.asarray(values)
            root.create_array(f"nodes/props/{name}/values", data=own)
            described[name] = {"identifier": name, "dtype": str(own.dtype), "varlength": False}
        root.attrs["geff"] = {
            "geff_version": "1.1.0", "directed": True, "axes": axes,
            "node_props_metadata": described, "edge_props_metadata": {}, **more,
        }  # fmt: skip
        return path

    return write


def axes(**changes):
    """Axes t, y and x with the changes given for one of them; None leaves a key out."""
    made = [FRAMES, {"name": "y", **MICROMETRES}, {"name": "x", **MICROMETRES}]
    return [
        {k: v for k, v in {**axis, **changes.get(axis["name"], {})}.items() if v is not None}
        for axis in made
    ]


def props(time=(0, 1, 2, 3)):
    return {"t": np.array(time), "y": PLACES[:, 1], "x": PLACES[:, 0]}


def refusal(path, asked=None):
    with pytest.raises(InputError) as refused:
        read_tracks(path, asked)
    (line,) = str(refused.value).splitlines()
    assert line.startswith(f"{path}: ")
    return line.removeprefix(f"{path}: ")


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_frames_with_a_scale_are_read_like_the_same_tracks_in_xml(graph, written, zarr_format):
    file = read_tracks(graph(axes(), props(), LINKS, zarr_format=zarr_format))
    same = read_xml(written(trackmate(WALK, [LINKS], units=("micron", "sec"))), Calibration())
    assert file.format == "GEFF 1.1.0"
    for name in ("spot", "track", "frame", "x", "y", "links", "time"):
        assert getattr(file, name).tolist() == getattr(same, name).tolist(), name


def test_times_in_minutes_and_places_in_scaled_pixels_are_converted(graph):
    scaled = {"unit": "pixel", "scale": 0.5, "scaled_unit": "micrometer", "offset": 7.0}
    minutes = {"unit": "minute", "scale": None, "scaled_unit": None}
    path = graph(axes(t=minutes, x=scaled, y=scaled), props((0.0, 0.5, 1.5, 2.0)), LINKS)
    file = read_tracks(path)
    assert file.x == pytest.approx(7.0 + 0.5 * PLACES[:, 0])
    assert (file.interval, file.frame.tolist(), file.gaps) == (30.0, [0, 1, 3, 4], 1)


def test_splits_merges_lone_nodes_lineages_and_depth_are_read(graph):
    values = {
        "t": np.array([0, 1, 2, 2, 3, 1]), "z": np.arange(6.0),
        "y": np.zeros(6), "x": np.arange(6.0), "lineage": np.array([7, 7, 7, 7, 7, 9]),
    }  # fmt: skip
    path = graph(
        [FRAMES, *({"name": n, **MICROMETRES} for n in "zyx")],
        values,
        [(0, 1), (1, 2), (1, 3), (2, 4), (3, 4)],
        track_node_props={"lineage": "lineage"},
    )
    file = read_tracks(path)
    assert (file.tracks, file.lone, file.splits, file.merges) == (1, 1, 1, 1)
    assert set(file.track.tolist()) == {7, NO_TRACK}
    assert file.left_out.depth


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (
            {"x": {"unit": None}, "y": {"unit": None}},
            "not calibrated: lengths are in no unit. Give --pixel-size",
        ),
        (
            {"t": {"unit": None, "scale": None, "scaled_unit": None}},
            "not calibrated: times are in no unit. Give --frame-interval",
        ),
        (
            {"t": {"scale": None, "scaled_unit": None}, "x": {"unit": "pixel"},
             "y": {"unit": "pixel"}},
            "lengths are in pixel and times are in frame. Give --pixel-size, such as '0.65 um' and",
        ),
        ({"x": {"unit": "pixel"}}, "x is in pixel and y in micrometer. Write both in one unit."),
    ],
)  # fmt: skip
def test_axes_without_units_are_refused_with_the_options(graph, changes, says):
    path = graph(axes(**changes), props(), LINKS)
    assert says in refusal(path, Calibration(0.5) if "one unit" in says else None)


def test_axes_without_units_are_scaled_by_the_options(graph):
    bare = {"unit": None, "scale": None, "scaled_unit": None}
    file = read_tracks(graph(axes(t=bare, x=bare, y=bare), props(), LINKS), Calibration(0.5, 60.0))
    assert file.x == pytest.approx(0.5 * PLACES[:, 0])
    assert file.time.tolist() == [0.0, 60.0, 120.0, 180.0]


def test_wrong_graphs_are_refused_in_one_line(graph):
    seconds = {"unit": "second", "scale": None, "scaled_unit": None}
    lost = props() | {"x": np.array([1.0, 2.0, np.nan, 4.0])}
    for made, says in (
        ((axes(), props(), [(0, 1), (1, 9)]), "a link leads to spot 9, which the file does not"),
        ((axes(), props(), []), "no spot is linked to another"),
        ((axes(), lost, LINKS), "spot 2 in frame 2 is at ("),
        ((axes(), props((0, 1, 1, 3)), LINKS), "spots 1 and 2 are linked and both in frame 1"),
        ((axes(t=seconds), props((0.0, 30.0, 75.0, 105.0)), LINKS), "not evenly spaced"),
        ((axes()[1:], props(), LINKS), "its axes (y, x) are not a time and two places"),
        (([], props(), LINKS), "its axes (none) are not a time and two places"),
    ):
        assert says in refusal(graph(*made)), says
    cut = graph(axes(), props(), LINKS)
    (cut / "nodes" / "ids" / ".zarray").unlink()
    assert "no whole GEFF (" in refusal(cut)


def test_the_written_graph_passes_the_packages_own_validation(tmp_path, written):
    import geff
    from geff.validate.data import ValidationConfig

    spots = [*WALK, spot(4, 3, 0.0, 0.0), spot(9, 0, 1.0, 1.0)]
    file = read_tracks(written(trackmate(spots, [[*LINKS, (2, 4)]])))
    write_tracks(file, tmp_path / "a.geff", "geff")
    checked = ValidationConfig(graph=True, sphere=True, lineage=True)
    found, meta = geff.read(str(tmp_path / "a.geff"), data_validation=checked)
    assert set(found.edges) == {(0, 1), (1, 2), (2, 3), (2, 4)}
    assert found.nodes[1]["x"] == 13.0
    by_name = {axis.name: axis for axis in meta.axes}
    assert (by_name["t"].unit, by_name["t"].scale, by_name["t"].scaled_unit) == (
        "frame", 30.0, "second",
    )  # fmt: skip
    assert by_name["x"].unit == by_name["y"].unit == "micrometer"


def test_a_graph_is_replaced_when_asked_and_other_folders_never(tmp_path, written):
    file = read_tracks(written(trackmate(WALK, [LINKS])))
    path = tmp_path / "a.geff"
    write_tracks(file, path, "geff")
    with pytest.raises(InputError, match="exists already"):
        write_tracks(file, path, "geff")
    write_tracks(file, path, "geff", force=True)
    assert read_tracks(path).x.tolist() == file.x.tolist()
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("years of work", encoding="utf-8")
    with pytest.raises(InputError, match="is a folder"):
        write_tracks(file, mine, "geff", force=True)
    assert (mine / "thesis.txt").exists()


def test_without_the_package_the_extra_is_named(graph, monkeypatch):
    path = graph(axes(), props(), LINKS)
    monkeypatch.setitem(sys.modules, "geff", None)
    assert refusal(path) == "GEFF needs the package geff. Install sdf1-field[tracks]."
