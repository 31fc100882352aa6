import json

import numpy as np
import pytest
import xarray as xr
from matplotlib.collections import EllipseCollection, LineCollection
from matplotlib.colors import to_hex

from sdf1_field.analysis.stroma_runs import run_network
from sdf1_field.errors import InputError
from sdf1_field.figures import plot_run
from sdf1_field.figures.network import MOST_PANELS, WINDOW
from sdf1_field.scene import NO_BODY, Region
from sdf1_field.spec import entries_of, load_model

ABSENT = -9
HOUR = 3600.0
ALONE = (
    "cells.density=0 1/mm**2",
    "output.ligands=[]",
    "run.culture=0 h",
    "treatments={}",
    "grid.spacing=20 um",
    *(
        f"mechanisms.{name}=false"
        for name in (
            "soluble_sensing", "haptotaxis", "arrest", "cd166_adhesion", "vla4_adhesion",
            "chemokinesis", "crowding",
        )
    ),
)  # fmt: skip
GROWN = ("scene.mode=grown", "scene.detached_migrasome_density=0 1/mm**2")
# Two fifths of the migrasomes are in one corner; the others are scattered about it.
CORNER = (960.0, 180.0)
SCATTERED = np.array([[100.0, 80.0], [110.0, 800.0], [620.0, 850.0]])


def network_run(
    frames=7, *settings, width=1200.0, length=900.0, networks=True, mode=GROWN,
    model="coculture-kg1a",
):  # fmt: skip
    """Run of three bodies in frames every 6 h; each frame but the first has one fibre more.

    Two migrasomes appear with each fibre; those of the first two fibres detach after two frames.
    """
    model = load_model(
        model,
        settings=[
            *ALONE, *mode, f"dish.width={width} um", f"dish.length={length} um",
            f"run.duration={6 * (frames - 1)} h", *settings,
        ],
    )  # fmt: skip
    time, n = 6.0 * HOUR * np.arange(frames), frames - 1
    middle = np.array([0.5 * width, 0.5 * length])
    around = np.array(CORNER) if width > WINDOW else middle
    body = np.stack([middle, around - 40.0, np.array([50.0, 50.0])])
    start = around + np.stack([10.0 * np.arange(n), 5.0 * np.arange(n)], axis=1)
    along, bent = np.array([0.0, 30.0]), np.array([8.0, 60.0])
    course = np.stack([start, start + along, start + bent], axis=1)
    course[0::2, 2] = np.nan
    place = np.stack([start, start + along], axis=1).reshape(-1, 2)
    owner = np.repeat(np.arange(n) % 2, 2)
    if width > WINDOW:
        place = np.concatenate([place, SCATTERED])
        owner = np.concatenate([owner, np.zeros(3, dtype=int)])
    born = np.concatenate([np.repeat(time[1:], 2), np.full(len(place) - 2 * n, time[-1])])
    frame = np.arange(frames)
    there = (time[:, None] >= born) & networks
    detached = (np.arange(len(place)) < 4) & (time[:, None] >= born + 12 * HOUR)
    has = (frame[:, None] > np.arange(n)) & networks
    region = np.full((frames, round(length / 20.0), round(width / 20.0)), Region.FREE_SURFACE)
    region[:, 1:3, 1:4] = Region.MSC
    if networks:
        region[1:, 6:9, 7:11] = Region.MIGRASOME_NETWORK

    def each(values):
        return np.broadcast_to(values, (frames, *np.shape(values))).copy()

    def where(there, values, absent):
        return np.where(there, each(values), absent)

    of_body = ("time", "body")
    of_fibre, of_migrasome = ("time", "fibre"), ("time", "migrasome")
    variables = {
        "region": (("time", "y", "x"), region.astype(np.int8)),
        "body_x": (of_body, each(body[:, 0])),
        "body_y": (of_body, each(body[:, 1])),
        "body_semi_major": (of_body, each([40.0, 30.0, 50.0])),
        "body_semi_minor": (of_body, each([20.0, 20.0, 10.0])),
        "body_angle": (of_body, each([0.0, 1.0, 2.0])),
        "body_blocked": (of_body, each(np.zeros(3))),
        "body_migrating": (of_body, each(np.array([0, 1, 0], dtype=np.int8))),
        "fibre_body": (of_fibre, where(has, np.arange(n) % 2, ABSENT).astype(np.int32)),
        "fibre_origin": (of_fibre, where(has, np.arange(n) % 2, ABSENT).astype(np.int8)),
        "migrasome_x": (of_migrasome, where(there, place[:, 0], np.nan)),
        "migrasome_y": (of_migrasome, where(there, place[:, 1], np.nan)),
        "migrasome_radius": (
            of_migrasome,
            where(there, 0.25 + 0.5 * np.arange(len(place)), np.nan),
        ),
        "migrasome_blocked": (of_migrasome, where(there, np.zeros(len(place)), np.nan)),
        "migrasome_maturity": (
            of_migrasome,
            np.where(there, 1.0 - np.exp((born - time[:, None]) / (6 * HOUR)), np.nan),
        ),
        "migrasome_body": (
            of_migrasome,
            np.where(there, np.where(detached, NO_BODY, owner), ABSENT).astype(np.int32),
        ),
        "migrasome_birth": (("migrasome",), born),
        "migrasome_end": (("migrasome",), np.full(len(place), np.nan)),
        "migrasome_fate": (("migrasome",), np.zeros(len(place), dtype=np.int8)),
        "migrasome_origin": (("migrasome",), np.zeros(len(place), dtype=np.int8)),
    }
    for k, axis in enumerate("xy"):
        variables[f"fibre_{axis}"] = (
            ("time", "fibre", "fibre_vertex"),
            np.where(has[..., None], course[None, :, :, k], np.nan),
        )
    return xr.Dataset(
        variables,
        coords={
            "time": time,
            "x": np.arange(10.0, width, 20.0),
            "y": np.arange(10.0, length, 20.0),
        },
        attrs={
            "title": model.spec.title,
            "model_name": model.name,
            "model": json.dumps(entries_of(model)),
            "seed": 3,
        },
    )


@pytest.fixture(scope="module")
def run():
    return network_run()


@pytest.fixture(scope="module")
def figure(run):
    return plot_run(run)


def panels(figure):
    return [a for a in figure.axes if a.get_title().endswith("after seeding")]


def curves(figure):
    return [a for a in figure.axes if "migrasomes" in a.get_ylabel() and a.lines]


def overviews(figure):
    return [a for a in figure.axes if a.get_title().startswith("the window")]


def limits(axes):
    return (*axes.get_xlim(), *axes.get_ylim())


def ellipses(axes):
    bodies, attached, detached = (c for c in axes.collections if isinstance(c, EllipseCollection))
    return bodies, attached, detached


def fibres(axes):
    left_behind, retracted = (c for c in axes.collections if isinstance(c, LineCollection))
    return left_behind, retracted


def legend(figure):
    (named,) = figure.legends
    return {
        text.get_text(): handle
        for text, handle in zip(named.get_texts(), named.legend_handles, strict=True)
    }


@pytest.mark.parametrize(
    ("frames", "hours"),
    [
        (13, [12, 24, 36, 48, 60, 72]),
        (7, [6, 12, 18, 24, 30, 36]),
        (3, [6, 12]),
        (20, [18, 42, 66, 90, 114]),
    ],
)
def test_a_growing_network_is_shown_at_even_times_up_to_the_last(frames, hours):
    titles = [a.get_title() for a in panels(plot_run(network_run(frames)))]
    assert titles == [f"{hour} h after seeding" for hour in hours]
    assert len(titles) <= MOST_PANELS


def test_time_counts_from_seeding_where_cells_are_added_later():
    run = network_run(3, "run.culture=24 h")
    assert [a.get_title() for a in panels(plot_run(run))] == [
        "30 h after seeding",
        "36 h after seeding",
    ]


def test_every_panel_shows_the_window_with_most_networks_which_the_dish_has_marked(run, figure):
    (view,) = {limits(a) for a in panels(figure)}
    left, right, low, high = view
    assert (right - left, high - low) == pytest.approx((WINDOW, WINDOW), rel=1e-12)
    assert 0.0 <= left < right <= 1200.0
    hours = [float(panel.get_title().split()[0]) for panel in panels(figure)]
    places = []
    for at in hours:
        frame = run.sel(time=at * HOUR)
        owner = frame["migrasome_body"].values
        bodies = np.unique(owner[owner >= 0]).astype(int)
        places.append([frame[f"body_{axis}"].values[bodies] for axis in ("x", "y")])
    x, y = np.concatenate(places, axis=1)

    def within(left, low):
        return ((x >= left) & (x < left + WINDOW) & (y >= low) & (y < low + WINDOW)).sum()

    tried = [within(a, b) for a in np.linspace(0, 700, 15) for b in np.linspace(0, 400, 9)]
    assert within(left, low) == max(tried) > 0
    (dish,) = overviews(figure)
    (marked,) = dish.patches
    assert (*marked.get_xy(), marked.get_width(), marked.get_height()) == pytest.approx(
        (left, low, WINDOW, WINDOW), rel=1e-12
    )
    (image,) = dish.images
    assert np.array_equal(image.get_array(), run["region"].values[-1])


def test_a_panel_has_the_fibres_and_migrasomes_of_its_time_alone(figure):
    for frame, panel in enumerate(panels(figure), start=1):
        left_behind, retracted = fibres(panel)
        assert len(left_behind.get_segments()) == (frame + 1) // 2
        assert len(retracted.get_segments()) == frame // 2
        # The scattered ones appear last, and one of them is near enough to be drawn.
        _, attached, detached = ellipses(panel)
        count = len(attached.get_offsets()) + len(detached.get_offsets())
        assert 2 * frame <= count <= 2 * frame + (frame == 6)
        assert np.isfinite(attached.get_offsets()).all()


def test_fibres_end_where_their_course_does_and_have_the_colour_of_their_origin(figure):
    left_behind, retracted = fibres(panels(figure)[-1])
    assert {len(course) for course in left_behind.get_segments()} == {2}
    assert {len(course) for course in retracted.get_segments()} == {3}
    named = legend(figure)
    for drawn, name in ((left_behind, "left behind in migration"), (retracted, "that retracted")):
        (handle,) = [h for text, h in named.items() if text.endswith(name)]
        assert to_hex(drawn.get_colors()[0]) == to_hex(handle.get_color())
    assert to_hex(left_behind.get_colors()[0]) != to_hex(retracted.get_colors()[0])


def test_migrasomes_are_discs_of_their_own_size_unless_they_could_not_be_seen(run):
    figure = plot_run(run, time=36 * HOUR)
    (panel,) = panels(figure)
    _, attached, detached = ellipses(panel)
    drawn = np.concatenate([detached.get_offsets(), attached.get_offsets()])[:12]
    there = np.stack([run["migrasome_x"].values[-1], run["migrasome_y"].values[-1]], axis=1)[:12]
    assert np.array_equal(drawn, there)
    diameters = np.concatenate([detached.get_widths(), attached.get_widths()])[:12]
    least = diameters.min()
    assert diameters == pytest.approx(np.maximum(0.5 + np.arange(12), least), rel=1e-12)
    assert 2.0 < least < 5.0
    assert f"migrasome, drawn at least {least:.1f} µm wide" in legend(figure)


def test_detached_migrasomes_have_a_ring_and_attached_ones_none(figure):
    early, late = panels(figure)[0], panels(figure)[-1]
    assert len(ellipses(early)[2].get_offsets()) == 0
    _, attached, detached = ellipses(late)
    assert len(detached.get_offsets()) == 4
    assert to_hex(detached.get_edgecolor()[0]) == "#000000"
    assert detached.get_linewidth()[0] > 0
    assert attached.get_linewidth()[0] == 0


def test_the_colour_of_a_migrasome_is_its_maturity(run, figure):
    _, attached, detached = ellipses(panels(figure)[-1])
    shown = np.concatenate([detached.get_array(), attached.get_array()])[:12]
    assert np.array_equal(shown, run["migrasome_maturity"].values[-1, :12])
    (bar,) = [a for a in figure.axes if "maturity" in a.get_ylabel()]
    assert bar.get_ylim() == (0.0, 1.0)
    early, mature = (attached.cmap(value) for value in (0.0, 1.0))
    assert np.dot(early[:3], [0.2, 0.7, 0.1]) > 3 * np.dot(mature[:3], [0.2, 0.7, 0.1])


def test_the_curves_are_the_numbers_that_an_experimenter_counts(run, figure):
    numbers, share = curves(figure)
    counts = [run_network(run, time) for time in run["time"].values]
    attached, detached = numbers.lines[:2]
    assert attached.get_xdata().tolist() == [0, 6, 12, 18, 24, 30, 36]
    assert attached.get_ydata() == pytest.approx([c.attached / c.area for c in counts], rel=1e-12)
    assert detached.get_ydata() == pytest.approx([c.detached / c.area for c in counts], rel=1e-12)
    assert share.lines[0].get_ydata() == pytest.approx(
        [100.0 * c.with_migrasomes / c.msc for c in counts], rel=1e-12
    )
    assert share.lines[0].get_ydata()[[0, -1]] == pytest.approx([0.0, 200.0 / 3.0])


def test_a_time_is_shown_large_and_marked_on_the_curves(run, figure):
    large = plot_run(run, time=18 * HOUR)
    (panel,) = panels(large)
    assert panel.get_title() == "18 h after seeding"
    assert limits(panel) == limits(panels(figure)[0])
    for axes in curves(large):
        assert axes.lines[-1].get_xdata() == [18.0, 18.0]
    with pytest.raises(InputError, match=r"the floor was not saved at 19 h.*0 s to 36 h"):
        plot_run(run, time=19 * HOUR)


def test_a_file_reads_as_what_was_written_where_nothing_is(run, figure, tmp_path):
    filled = {"fibre_body", "fibre_origin", "migrasome_body"}
    run.to_netcdf(tmp_path / "run.nc", encoding={name: {"_FillValue": ABSENT} for name in filled})
    with xr.open_dataset(tmp_path / "run.nc", decode_times=False) as opened:
        assert opened["migrasome_body"].dtype.kind == "f"
        reread = plot_run(opened)
    for drawn, other in zip(panels(reread), panels(figure), strict=True):
        for one, two in zip(ellipses(drawn), ellipses(other), strict=True):
            assert np.array_equal(one.get_offsets(), two.get_offsets())
        for one, two in zip(fibres(drawn), fibres(other), strict=True):
            assert np.array_equal(one.get_segments(), two.get_segments())
    for drawn, other in zip(curves(reread), curves(figure), strict=True):
        for one, two in zip(drawn.lines, other.lines, strict=True):
            assert np.array_equal(one.get_ydata(), two.get_ydata())


def test_bodies_without_networks_are_shown_in_the_middle_at_the_end(tmp_path):
    figure = plot_run(network_run(networks=False))
    (panel,) = panels(figure)
    assert panel.get_title() == "36 h after seeding"
    assert limits(panel) == (350.0, 850.0, 200.0, 700.0)
    bodies, attached, detached = ellipses(panel)
    assert len(bodies.get_offsets()) == 2
    assert not len(attached.get_offsets())
    assert not len(detached.get_offsets())
    figure.savefig(tmp_path / "bodies.png", dpi=50)


def test_a_dish_as_small_as_the_window_is_shown_whole_without_an_overview(tmp_path):
    figure = plot_run(network_run(width=300.0, length=300.0))
    assert {limits(a) for a in panels(figure)} == {(0.0, 300.0, 0.0, 300.0)}
    assert not overviews(figure)
    assert len(curves(figure)) == 2
    figure.savefig(tmp_path / "small.png", dpi=50)


def test_a_placed_network_is_one_panel_without_curves():
    figure = plot_run(network_run(mode=("scene.mode=placed", "mechanisms.cargo_kinetics=false")))
    assert [a.get_title() for a in panels(figure)] == ["36 h after seeding"]
    assert not curves(figure)


def test_the_title_names_model_treatment_cells_and_seed(figure):
    title = figure.get_suptitle()
    for text in ("KG-1a cells on MSC", "untreated", "3 MSC", "dish of seed 3"):
        assert text in title


def test_a_ligand_of_a_network_without_any_is_refused(run):
    with pytest.raises(InputError, match=r"no field of 'sdf1'. It has: none"):
        plot_run(run, ligand="sdf1")


def test_a_picture_of_networks_is_written_without_a_warning(figure, tmp_path):
    figure.savefig(tmp_path / "network.png", dpi=50)
    assert (tmp_path / "network.png").stat().st_size > 5000
