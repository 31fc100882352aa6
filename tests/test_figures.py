import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import EllipseCollection, LineCollection, PathCollection
from matplotlib.figure import Figure

from conftest import scale_bars
from sdf1_field.analysis import course_table
from sdf1_field.errors import InputError
from sdf1_field.figures import plot_run
from sdf1_field.record import open_run, solve
from sdf1_field.spec import load_model


@pytest.fixture
def draw():
    """Function from run file to figure; the file is closed afterwards."""

    def drawn(path, **options):
        with open_run(path) as run:
            return plot_run(run, **options)

    return drawn


def labels(legend):
    return [t.get_text() for t in legend.get_texts()]


def map_labels(figure):
    (legend,) = figure.legends
    return labels(legend)


def course_of(figure):
    (course,) = [a for a in figure.axes if "fold change" in a.get_ylabel().replace("\n", " ")]
    return course


def bar_labels(figure):
    """Labels of the colour bars, the large map's first."""
    found = [a for a in figure.findobj(Axes) if a.get_label() == "<colorbar>"]
    return [(a.get_ylabel() or a.get_xlabel()).replace("\n", " ") for a in found]


def bar_label(figure):
    (label,) = bar_labels(figure)
    return label


def ellipses(axes):
    return [c for c in axes.collections if isinstance(c, EllipseCollection)]


def test_a_run_becomes_a_map_of_each_field_and_the_course_of_its_fold_changes(draw, tiny_run):
    figure = draw(tiny_run)
    assert isinstance(figure, Figure)
    assert len(figure.axes) == 3
    assert course_of(figure) is figure.axes[2]
    for text in (
        "KG-1a cells on MSC",
        "untreated",
        "2 h after the cells were added",
        "dish of seed 1",
    ):
        assert text in figure.get_suptitle()


def test_the_title_names_the_treatment(draw, solved):
    title = draw(solved("coculture-kg1a", "treatments.amd3100.dose=10 uM")).get_suptitle()
    assert "AMD3100 10 uM" in title
    assert "untreated" not in title


def test_the_scale_bar_is_as_long_as_it_says(draw, tiny_run):
    floor = draw(tiny_run).axes[0]
    assert scale_bars(floor) == [("50 µm", 50.0)]
    assert floor.get_xlim() == (0.0, 300.0)


def test_the_field_that_cells_steer_by_is_large_and_the_other_beside_it(draw, tiny_run):
    bound, dissolved = bar_labels(draw(tiny_run))
    assert bound.startswith("SDF-1 bound to the coat")
    assert bound.endswith("[molecules/µm²]")
    assert dissolved.startswith("SDF-1 in the medium at the floor")
    assert dissolved.endswith("[pM]")
    assert bar_label(draw(tiny_run, ligand="ccl2")).startswith("CCL2 in the medium")
    assert bar_label(draw(tiny_run, field="bound")).startswith("SDF-1 bound")


def test_maps_show_the_saved_fields_over_the_whole_floor(draw, tiny_run):
    figure = draw(tiny_run)
    with open_run(tiny_run) as run:
        bound, dissolved = run["sdf1_bound"].values[-1], run["sdf1"].values[-1]
    for axes, saved, size in zip(figure.axes, (bound, dissolved), (1.0, 1e-3), strict=False):
        (image,) = axes.images
        assert image.get_extent() == [0.0, 300.0, 0.0, 300.0]
        assert image.origin == "lower"
        assert np.array_equal(image.get_array(), saved.astype(float) / size)


def test_a_dosed_run_shows_the_deviation_from_its_mean_unless_a_range_is_given(draw, solved):
    dosed = solved("coculture-kg1a-sdf1")
    figure = draw(dosed, field="dissolved")
    with open_run(dosed) as run:
        saved = run["sdf1"].values[-1]
    assert f"difference from its mean of {saved.mean():.3g} nM" in bar_label(figure)
    shown = figure.axes[0].images[0].get_array()
    assert shown.std() == pytest.approx(saved.std(), rel=1e-9)
    assert abs(shown.mean()) < 1e-6 * saved.std()
    assert saved.std() < 1e-2 * saved.mean()
    image = draw(dosed, field="dissolved", ranges=["5..15 nM"]).axes[0].images[0]
    assert (image.norm.vmin, image.norm.vmax) == pytest.approx((5.0, 15.0), rel=1e-12)
    assert image.get_array().mean() == pytest.approx(saved.mean(), rel=1e-6)


@pytest.mark.parametrize("field", ["dissolved", "bound"])
def test_a_given_range_is_the_scale_whatever_the_field(draw, tiny_run, field):
    text, ends = {
        "dissolved": ("0.5..2 pM", (0.5, 2.0)),
        "bound": ("0..40 molecules/um**2", (0.0, 40.0)),
    }[field]
    figure = draw(tiny_run, ranges=[text])
    images = {"bound": figure.axes[0].images[0], "dissolved": figure.axes[1].images[0]}
    norm = images[field].norm
    assert (norm.vmin, norm.vmax) == pytest.approx(ends, rel=1e-12)


def test_the_legend_names_everything_on_the_map(draw, tiny_run):
    named = map_labels(draw(tiny_run))
    assert "MSC body" in named
    assert "fibre with migrasomes" in named
    assert any(text.startswith("migrasome secreting SDF-1") for text in named)
    assert any("KG-1a" in text and "crawling" in text for text in named)
    assert any("KG-1a" in text and "held" in text for text in named)


def test_cells_are_drawn_where_they_are_and_as_large_as_they_are(draw, tiny_run):
    floor = draw(tiny_run).axes[0]
    crawling, held = ellipses(floor)[-2:]
    with open_run(tiny_run) as run:
        x, y = run["cell_x"].values[:, -1], run["cell_y"].values[:, -1]
        state = run["cell_state"].values[:, -1]
    drawn = np.concatenate([crawling.get_offsets(), held.get_offsets()])
    there = np.stack([x, y], axis=1)
    expected = np.concatenate([there[state == 0], there[state == 1]])
    assert 0 < (state == 1).sum() < 30
    assert np.array_equal(drawn, expected)
    assert crawling.get_widths() == pytest.approx(np.full((state == 0).sum(), 12.0))


def test_bodies_and_migrasomes_are_drawn_where_they_are(draw, tiny_run):
    floor = draw(tiny_run).axes[0]
    with open_run(tiny_run) as run:
        bodies = np.stack([run["body_x"].values[-1], run["body_y"].values[-1]], axis=1)
        migrasomes = np.isfinite(run["migrasome_x"].values[-1]).sum()
        fibres = np.isfinite(run["fibre_x"].values[-1, :, 0]).sum()
    drawn = ellipses(floor)
    assert np.array_equal(drawn[0].get_offsets(), bodies)
    assert len(drawn[1].get_offsets()) + len(drawn[2].get_offsets()) == migrasomes
    lines = [c for c in floor.collections if isinstance(c, LineCollection)]
    assert len(lines[0].get_segments()) == fibres


def test_the_course_is_that_of_the_table_and_the_time_shown_is_marked(draw, tiny_run):
    course = course_of(draw(tiny_run, time=3600.0))
    with open_run(tiny_run) as run:
        rows = course_table([run])
    limit, change = course.lines[0], course.lines[2]
    own = [row for row in rows if row["region"] == "MSC"]
    assert change.get_xdata() == pytest.approx([row["time"] / 3600.0 for row in own], rel=1e-12)
    for line, key in ((change, "fold_change"), (limit, "encounter_limit")):
        expected = [np.nan if row[key] is None else row[key] for row in own]
        assert line.get_ydata() == pytest.approx(expected, rel=1e-12, nan_ok=True)
    assert labels(course.get_legend()) == ["MSC", "migrasome network"]
    assert course.lines[-1].get_xdata() == [1.0, 1.0]
    named = map_labels(draw(tiny_run))
    assert {"encounter limit: sticky, not attracting", "as on free surface", "time shown"} <= set(
        named
    )


def test_a_magnified_window_is_around_the_held_cells_and_marked_on_the_map(draw, tiny_run):
    figure = draw(tiny_run, inset="auto")
    floor, window = figure.axes[:2]
    assert window.get_title(loc="left") == "magnified"
    (left, right), (low, high) = window.get_xlim(), window.get_ylim()
    assert (right - left, high - low) == pytest.approx((50.0, 50.0), rel=1e-9)
    with open_run(tiny_run) as run:
        x, y = run["cell_x"].values[:, -1], run["cell_y"].values[:, -1]
        held = run["cell_state"].values[:, -1] == 1
    assert (held & (x >= left) & (x <= right) & (y >= low) & (y <= high)).any()
    marked = floor.patches[-1]
    assert (*marked.get_xy(), marked.get_width()) == pytest.approx((left, low, 50.0), rel=1e-9)
    placed = draw(tiny_run, inset="100,200,80 um").axes[1]
    assert (*placed.get_xlim(), *placed.get_ylim()) == (60.0, 140.0, 160.0, 240.0)


def test_a_model_without_fields_is_drawn_without_a_colour_bar(draw, solved):
    figure = draw(solved("null-kg1a"))
    assert [a.get_label() for a in figure.axes] == ["", ""]
    assert not figure.axes[0].images
    assert not any("SDF-1" in text for text in map_labels(figure))
    assert scale_bars(figure.axes[0]) == [("50 µm", 50.0)]


def test_a_time_before_the_cells_shows_none(draw, solved):
    early = solved("coculture-kg1a", "output.fields_from=-1 h", "output.fields_every=30 min")
    figure = draw(early, time=-1800.0)
    assert "30 min before the cells are added" in figure.get_suptitle()
    assert not any("KG-1a" in text for text in map_labels(figure))
    assert len(ellipses(figure.axes[0])) == 3


def test_a_steady_run_is_a_map_alone(draw, tiny, steady_model, tmp_path):
    path = tmp_path / "steady.nc"
    solve(load_model(str(steady_model), settings=tiny), path)
    figure = draw(path)
    assert len(figure.axes) == 1
    assert bar_label(figure)
    assert "steady state" in figure.get_suptitle()


def test_a_floor_of_several_millimetres_is_dots_with_its_middle_in_detail_beside(
    draw, solved, tmp_path
):
    path = solved(
        "coculture-kg1a", "dish.width=6 mm", "dish.length=5 mm", "grid.spacing=50 um",
        "cells.density=10 1/mm**2", "scene.msc_density=2 1/mm**2", "run.duration=15 min",
        "output.ligands=[]",
    )  # fmt: skip
    figure = draw(path)
    floor, middle = figure.axes[:2]
    assert (floor.get_xlim(), floor.get_ylim()) == ((0.0, 6000.0), (0.0, 5000.0))
    assert (middle.get_xlim(), middle.get_ylim()) == ((2300.0, 3700.0), (1800.0, 3200.0))
    assert (scale_bars(floor), scale_bars(middle)) == ([("1 mm", 1000.0)], [("200 µm", 200.0)])
    (marked,) = floor.patches
    assert (*marked.get_xy(), marked.get_width(), marked.get_height()) == (2300, 1800, 1400, 1400)
    with open_run(path) as run:
        x, y = run["cell_x"].values[:, -1], run["cell_y"].values[:, -1]
    dots = [c for c in floor.collections if isinstance(c, PathCollection)]
    assert sum(len(c.get_offsets()) for c in dots) == len(x) == 300
    seen = (abs(x - 3000.0) <= 900.0) & (abs(y - 2500.0) <= 900.0)
    drawn = sum(len(c.get_offsets()) for c in ellipses(middle)[-2:])
    assert 10 < drawn == seen.sum() < 60
    figure.savefig(tmp_path / "large.png", dpi=50)


def test_one_cell_has_its_whole_track_and_beside_it_what_it_did_when(draw, solved, tmp_path):
    path = solved("coculture-kg1a", "cells.density=11.2 1/mm**2", "output.tracks_every=15 min")
    figure = draw(path)
    with open_run(path) as run:
        x, held = run["cell_x"].values[0], run["cell_state"].values[0] == 1
        under = run["cell_region"].values[0]
    assert not any("fold change" in a.get_ylabel() for a in figure.axes)
    floor = figure.axes[0]
    (track,) = [c.get_segments() for c in floor.collections if isinstance(c, LineCollection)][-1]
    assert track[:, 0].tolist() == x.tolist()
    frames = [line for line in floor.lines if line.get_marker() == "o"]
    assert sorted(len(line.get_xdata()) for line in frames) == sorted([held.sum(), (~held).sum()])
    (beside,) = [a for a in figure.axes if a.get_ylabel().startswith("time of co-culture")]
    widest = max(p.get_width() for p in beside.patches)
    ground = [p for p in beside.patches if p.get_width() == widest]
    assert sorted(p.get_y() for p in ground) == pytest.approx(0.25 * np.arange(9), rel=1e-12)
    assert [p.get_height() for p in ground] == pytest.approx(np.full(9, 0.25), rel=1e-12)
    colours = {p.get_y(): p.get_facecolor() for p in ground}
    assert len(set(colours.values())) == len(np.unique(under))
    assert len(beside.patches) - len(ground) == held.sum()
    assert "KG-1a cell, crawling, with its track, a dot a frame" in map_labels(figure)
    figure.savefig(tmp_path / "one.png", dpi=50)


def test_a_figure_is_written_without_a_warning(draw, tiny_run, tmp_path):
    figure = draw(tiny_run)
    figure.savefig(tmp_path / "run.png", dpi=50)
    assert (tmp_path / "run.png").stat().st_size > 5000


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"ligand": "ccl3"}, r"no field of 'ccl3'.*sdf1, ccl2"),
        ({"time": 1000.0}, r"the floor was not saved at 1000 s.*0 s to 2 h"),
    ],
)
def test_what_the_run_does_not_have_is_refused_with_what_it_has(draw, tiny_run, options, text):
    with pytest.raises(InputError, match=text):
        draw(tiny_run, **options)


def test_the_title_says_what_is_not_the_shipped_models(draw, solved):
    figure = draw(solved("coculture-kg1a", "treatments.amd3100.dose=10 uM"))
    model, changed, _ = figure.get_suptitle().splitlines()
    assert model == "KG-1a cells on MSC and their migrasome networks"
    assert changed.startswith("changed: cells.density=330 1/mm**2; dish.height=200 um; ")
    assert changed.endswith(" more")
    assert len(changed) < 110


BARE = ("cells.density=0 1/mm**2", "scene.msc_density=0 1/mm**2")


@pytest.mark.parametrize(
    ("model", "lacks"),
    [
        ("null-kg1a", "has no cells, no MSC and no migrasomes to draw, and no field."),
        ("coculture-kg1a", "no migrasomes to draw, and SDF-1 is the same everywhere."),
    ],
)
def test_a_dish_with_nothing_to_see_is_refused_with_what_it_lacks(draw, solved, model, lacks):
    with pytest.raises(InputError, match=lacks):
        draw(solved(model, *BARE))


def test_point_sources_without_cells_are_drawn_without_names_of_what_is_not_there(draw, solved):
    path = solved(
        "coculture-kg1a", *BARE, "scene.detached_migrasome_density=400 1/mm**2",
        "ligand.sdf1.secretion.carrying_fraction=1.0",
    )  # fmt: skip
    figure = draw(path)
    assert [text.partition(" (")[0] for text in map_labels(figure)] == [
        "migrasome",
        "outline of the network",
        "migrasome secreting SDF-1",
    ]
    title = figure.get_suptitle()
    assert "3 h after the start" in title
    assert "cells were added" not in title
    stroma = draw(solved("coculture-kg1a", BARE[0])).get_suptitle()
    assert "3 h after seeding" in stroma


def test_cells_without_a_stroma_seen_once_have_neither_bars_nor_a_scale_of_nothing(draw, solved):
    figure = draw(solved("coculture-kg1a", BARE[1], "output.tracks_from=2 h"))
    (floor,) = figure.axes
    assert not floor.images
    assert floor.get_xlabel().startswith("SDF-1 in the medium at the floor: 0 ")
    crawling, held = ellipses(floor)[-2:]
    assert len(crawling.get_offsets()) + len(held.get_offsets()) == 30
    assert [text.partition(",")[0] for text in map_labels(figure)] == ["KG-1a cell"]


def test_a_runs_own_stroma_is_named_in_its_picture(draw, solved):
    figure = draw(solved("coculture-kg1a", "scene.stroma=l929"))
    assert "L929 body" in map_labels(figure)
    assert labels(course_of(figure).get_legend()) == ["L929", "migrasome network"]


def test_one_ligand_has_one_unit_in_a_run_at_all_times(draw, solved):
    path = solved("coculture-kg1a")
    early, late = (draw(path, time=at, field="dissolved") for at in (900.0, None))
    with open_run(path) as run:
        floor = run["sdf1"].values
    assert floor[1].mean() < 0.5 * floor[-1].mean()
    assert bar_label(early).endswith("[pM]")
    assert bar_label(late).endswith("[pM]")
