import itertools

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import EllipseCollection, LineCollection
from matplotlib.colors import to_hex
from tests.test_figures_network import HOUR, network_run

from conftest import scale_bars
from sdf1_field.analysis.network import BODY_DISTANCE_EDGES
from sdf1_field.analysis.stroma_runs import run_network
from sdf1_field.errors import InputError
from sdf1_field.figures import plot_run
from sdf1_field.figures.cargo import CARRIER_WINDOW, FIELD_WINDOW
from sdf1_field.figures.paper import Page
from sdf1_field.record import open_run, solve
from sdf1_field.spec import load_model

LOAD = 50.0
BRIGHTEST = 4.0
BAPTA = ("treatments.bapta_am.dose=10 uM", "treatments.bapta_am.start=9 h")
ROUTES = {
    "released_by_bodies": 9000.0,
    "released_by_fusion": 800.0,
    "released_at_once": 200.0,
}


def cargo_run(frames=7, *settings, model="secretion-l929", **options):
    """Run of `network_run` with M-CSF and CCL2, of which CCL2 is followed.

    Bodies hold 1000, 2000 and 3000 vesicles; migrasome ``n`` holds ``2 n`` in the last frame.
    """
    run = network_run(frames, "output.ligands=['mcsf', 'ccl2']", *settings, model=model, **options)
    time, y, x = (run[axis].values for axis in ("time", "y", "x"))
    share = time / time[-1]
    field = 0.010 + 0.002 * np.broadcast_to(x / x[-1], (len(time), len(y), len(x)))
    field = field * share[:, None, None]
    field[-1, 3, 5] = BRIGHTEST
    there = np.isfinite(run["migrasome_x"].values)
    held = LOAD * 2.0 * np.arange(there.shape[1]) * share[:, None]
    bodies = np.broadcast_to(LOAD * 1000.0 * np.array([1.0, 2.0, 3.0]), (len(time), 3))
    follows = {"molecules_per_vesicle": LOAD}
    loaded = np.ones(there.shape[1], dtype=np.int8)
    loaded[5] = 0
    of_time = {
        f"ccl2_cargo_{route}": ("time", 3.0 * amount * share**2) for route, amount in ROUTES.items()
    }
    return run.assign(
        {
            "ccl2": (("time", "y", "x"), field),
            "mcsf": (("time", "y", "x"), 1e-4 * field),
            "body_ccl2_cargo": (("time", "body"), bodies, follows),
            "body_ccl2_rear_cargo": (("time", "body"), 0.8 * bodies, follows),
            "migrasome_ccl2_cargo": (
                ("time", "migrasome"),
                np.where(there, held, np.nan),
                follows,
            ),
            "migrasome_ccl2_loaded": (("migrasome",), loaded),
            **{
                f"migrasome_{name}_secretion_rate": (("time", "migrasome"), 0.0 * there)
                for name in ("mcsf", "ccl2")
            },
            "ccl2_cargo_made": ("time", np.full(len(time), 4e5)),
            **of_time,
        }
    )


@pytest.fixture(scope="module")
def run():
    return cargo_run()


@pytest.fixture(scope="module")
def figure(run):
    return plot_run(run, ligand="ccl2")


def titled(figure, text):
    (axes,) = [a for a in figure.axes if a.get_title().startswith(text)]
    return axes


def bars(figure):
    found = [a for a in figure.findobj(Axes) if a.get_label() == "<colorbar>"]
    return {a.get_ylabel().replace("\n", " "): a for a in found}


def ellipses(axes):
    return [c for c in axes.collections if isinstance(c, EllipseCollection)]


def legend(figure):
    (named,) = figure.legends
    return [text.get_text() for text in named.get_texts()]


def limits(axes):
    return (*axes.get_xlim(), *axes.get_ylim())


def test_only_a_ligand_that_is_followed_has_its_carriers_drawn(run, figure):
    assert len(figure.axes) == 6
    assert titled(figure, "CCL2 in the medium at the floor")
    without = plot_run(run, ligand="mcsf")
    assert len(without.axes) == len(bars(without)) == 1
    names = [name for name in run if "_cargo" in name]
    for other in (run.drop_vars(names), run.assign(run[names].where(False))):
        assert len(plot_run(other, ligand="ccl2").axes) == 1


def test_the_field_is_shown_in_a_unit_that_suits_it_and_one_hot_spot_does_not_spoil_it(run, figure):
    (image,) = titled(figure, "CCL2 in the medium").images
    saved = run["ccl2"].values[-1] / 1e-3
    assert np.array_equal(image.get_array(), saved)
    assert (image.get_extent(), image.origin) == ([0.0, 1200.0, 0.0, 900.0], "lower")
    assert image.norm.vmin == saved.min()
    assert 11.5 < image.norm.vmax < 12.0
    (label,) = [name for name in bars(figure) if name.startswith("CCL2")]
    assert label == "CCL2 [pM]; median 11.0, brightest 4,000"


def test_the_field_has_outlines_of_all_bodies_and_every_fibre_and_migrasome(run, figure):
    field = titled(figure, "CCL2 in the medium")
    assert limits(field) == (0.0, min(FIELD_WINDOW, 1200.0), 0.0, 900.0)
    bodies, migrasomes = ellipses(field)
    assert np.array_equal(
        bodies.get_offsets(), np.stack([run["body_x"][-1], run["body_y"][-1]], axis=1)
    )
    assert len(bodies.get_facecolor()) == 0
    assert np.array_equal(
        migrasomes.get_offsets(), np.stack([run["migrasome_x"][-1], run["migrasome_y"][-1]], axis=1)
    )
    (fibres,) = [c for c in field.collections if isinstance(c, LineCollection)]
    assert len(fibres.get_segments()) == 6


def test_the_window_is_around_the_most_migrasomes_and_marked_in_the_field(run, figure):
    window = titled(figure, "vesicles with CCL2")
    left, right, low, high = limits(window)
    assert (right - left, high - low) == pytest.approx((CARRIER_WINDOW, CARRIER_WINDOW), rel=1e-12)
    (marked,) = titled(figure, "CCL2 in the medium").patches
    assert (*marked.get_xy(), marked.get_width(), marked.get_height()) == pytest.approx(
        (left, low, CARRIER_WINDOW, CARRIER_WINDOW), rel=1e-12
    )
    x, y = run["migrasome_x"].values[-1, :12], run["migrasome_y"].values[-1, :12]
    assert ((x > left) & (x < right) & (y > low) & (y < high)).all()
    assert 0.5 * (left + right) == pytest.approx(np.median(x), abs=6.0)
    assert scale_bars(window) == [("50 µm", 50.0)]


def test_bodies_and_migrasomes_have_the_colour_of_the_vesicles_in_them(figure):
    window = titled(figure, "vesicles with CCL2")
    bodies, attached, detached = ellipses(window)
    assert bodies.get_array().tolist() == [2000.0]
    shown = np.concatenate([detached.get_array().data, attached.get_array().data])[:12]
    assert shown == pytest.approx(2.0 * np.arange(12), rel=1e-12)
    sizes = np.concatenate([detached.get_widths(), attached.get_widths()])[:12]
    assert (np.diff(sizes) > 0).all()
    assert to_hex(detached.get_edgecolor()[0]) == "#000000"
    assert attached.get_linewidth()[0] == 0
    named = list(bars(figure))
    assert "vesicles in a body; most 3,000" in named
    assert "vesicles in a migrasome; most 28.0" in named


def test_release_by_route_is_per_cell_and_its_shares_are_of_all(figure):
    hours = [0, 6, 12, 18, 24, 30, 36]
    by_bodies = titled(figure, "CCL2 released by bodies: 90.0 %")
    by_migrasomes = titled(figure, "CCL2 released by migrasomes: 10.0 %")
    lines = [*by_bodies.lines, *by_migrasomes.lines]
    for line, most in zip(lines, ROUTES.values(), strict=True):
        assert line.get_xdata().tolist() == hours
        assert line.get_ydata() == pytest.approx(most * (np.array(hours) / 36.0) ** 2, rel=1e-12)
    named = [t.get_text() for a in (by_bodies, by_migrasomes) for t in a.get_legend().get_texts()]
    assert named == [
        "through the body's membrane: 9,000",
        "by fusion in migrasomes: 800",
        "at once, by rupture or leak: 200",
    ]
    assert not any("time shown" in text for text in legend(figure))


def test_a_time_is_marked_on_the_curves_whose_numbers_are_those_of_that_time(run):
    figure = plot_run(run, ligand="ccl2", time=18 * HOUR)
    assert "18 h after seeding" in figure.get_suptitle()
    by_bodies = titled(figure, "CCL2 released by bodies: 90.0 %")
    assert by_bodies.lines[-1].get_xdata() == [18.0, 18.0]
    (text,) = by_bodies.get_legend().get_texts()
    assert text.get_text().endswith(": 2,250")
    assert "time shown" in legend(figure)
    with pytest.raises(InputError, match=r"the floor was not saved at 19 h"):
        plot_run(run, ligand="ccl2", time=19 * HOUR)


def test_treatments_that_begin_in_the_run_are_marked(figure):
    treated = plot_run(cargo_run(7, *BAPTA), ligand="ccl2")
    assert "BAPTA-AM 10 uM" in treated.get_suptitle()
    for source in ("bodies", "migrasomes"):
        (marked,) = [
            line for line in titled(treated, f"CCL2 released by {source}").lines
            if line.get_linestyle() == ":"
        ]  # fmt: skip
        assert marked.get_xdata() == [9.0, 9.0]
    assert "treatment begins or ends" in legend(treated)
    assert "treatment begins or ends" not in legend(figure)


def test_means_over_distance_are_of_attached_migrasomes_that_take_carriers(run, figure):
    count = run_network(run, 36 * HOUR)
    attached = np.isfinite(count.distance)
    takes = attached & (np.arange(len(attached)) != 5)
    assert 0 < attached.sum() - takes.sum() < takes.sum() < len(attached)
    for title, values, chosen in (
        ("filling", 2.0 * np.arange(len(attached)), takes),
        ("size", count.diameter, attached),
    ):
        points, *means = titled(figure, title).lines
        assert points.get_xdata().tolist() == count.distance[chosen].tolist()
        assert points.get_ydata() == pytest.approx(values[chosen], rel=1e-12)
        expected = []
        for lower, upper in itertools.pairwise(BODY_DISTANCE_EDGES):
            own = chosen & (count.distance >= lower) & (count.distance < upper)
            if own.any():
                expected.append((lower, values[own].mean()))
        assert len(expected) > 1
        drawn = [(line.get_xdata()[0], line.get_ydata()[0]) for line in means]
        assert np.array(drawn) == pytest.approx(np.array(expected), rel=1e-12)


def test_before_anything_is_there_the_picture_says_so(run, tmp_path):
    figure = plot_run(run, ligand="ccl2", time=0.0)
    for title in ("filling", "size"):
        assert [t.get_text() for t in titled(figure, title).texts] == ["none to show"]
    assert titled(figure, "CCL2 released by bodies").get_title() == "CCL2 released by bodies"
    window = titled(figure, "vesicles with CCL2")
    assert window.get_title().endswith("window of the dish")
    figure.savefig(tmp_path / "nothing.png", dpi=50)


def test_contents_that_are_no_longer_followed_are_grey_and_said_to_be_so(run, tmp_path):
    followed = run["time"] < 30 * HOUR
    names = [name for name in run if "_cargo" in name]
    figure = plot_run(run.assign(run[names].where(followed)), ligand="ccl2")
    window = titled(figure, "vesicles with CCL2")
    assert "no longer followed" in window.get_title()
    figure.savefig(tmp_path / "frozen.png", dpi=50)
    for drawn in ellipses(window):
        assert {to_hex(colour) for colour in drawn.get_facecolor()} <= {"#bbbbbb"}
    assert len(ellipses(window)[0].get_facecolor()) == 1
    assert len(bars(figure)) == 1
    (curve,) = titled(figure, "CCL2 released by bodies").lines
    assert np.isfinite(curve.get_ydata()).sum() == 5
    assert [t.get_text() for t in titled(figure, "filling").texts] == ["none to show"]


def test_a_dish_as_small_as_the_window_is_shown_whole_twice(tmp_path):
    figure = plot_run(cargo_run(width=300.0, length=300.0), ligand="ccl2")
    field, window = titled(figure, "CCL2 in the medium"), titled(figure, "vesicles with CCL2")
    assert limits(field) == limits(window) == (0.0, 300.0, 0.0, 300.0)
    assert not field.patches
    assert window.get_title().endswith("the whole dish")
    assert ellipses(window)[0].get_array().tolist() == [1000.0, 2000.0, 3000.0]
    figure.savefig(tmp_path / "small.png", dpi=50)


def test_the_title_names_model_treatment_cells_and_seed(figure):
    for text in ("L929 fibroblasts", "untreated", "3 L929", "36 h after seeding", "dish of seed 3"):
        assert text in figure.get_suptitle()


def test_a_run_file_has_what_the_picture_needs(tmp_path):
    model = load_model(
        "secretion-l929",
        settings=[
            "dish.width=300 um", "dish.length=300 um", "dish.height=200 um",
            "grid.spacing=20 um", "run.duration=4 h",
        ],
    )  # fmt: skip
    solve(model, tmp_path / "run.nc")
    with open_run(tmp_path / "run.nc") as run:
        figure = plot_run(run)
        released = [float(run[f"mcsf_cargo_{route}"][-1]) for route in ROUTES]
        cells = run.sizes["body"]
        held = run["migrasome_mcsf_cargo"]
        vesicles = held.values[-1] / held.attrs["molecules_per_vesicle"]
    lines = [
        *titled(figure, "M-CSF released by bodies").lines,
        *titled(figure, "M-CSF released by migrasomes").lines,
    ]
    assert min(released[:2]) > 0.0
    assert [cells * line.get_ydata()[-1] for line in lines] == pytest.approx(released, rel=1e-12)
    _, attached, detached = ellipses(titled(figure, "vesicles with M-CSF"))
    shown = np.concatenate([attached.get_array().data, detached.get_array().data])
    assert len(shown) > 0
    assert sorted(shown) == sorted(vesicles[np.isfinite(vesicles)])


def test_the_panels_can_be_had_as_two_figures_each_with_its_own_legend(run):
    floor, routes = (plot_run(run, ligand="ccl2", part=part) for part in ("floor", "routes"))
    assert [len(figure.axes) for figure in (floor, routes)] == [2, 4]
    assert not set(legend(floor)) & set(legend(routes))
    assert floor.get_suptitle() == routes.get_suptitle()
    printed = plot_run(run, ligand="ccl2", page=Page(85.0))
    assert len(printed.axes) == 2
    with pytest.raises(InputError, match="--part: the run's picture has no parts"):
        plot_run(run, ligand="mcsf", part="routes")


def test_a_picture_of_carriers_is_written_without_a_warning(figure, tmp_path):
    figure.savefig(tmp_path / "cargo.png", dpi=50)
    assert (tmp_path / "cargo.png").stat().st_size > 5000
