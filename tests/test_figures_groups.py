import itertools
from pathlib import Path

import numpy as np
import pytest
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.colors import to_rgb
from matplotlib.text import Text

import sdf1_field as sf
from conftest import FOLLOWED, TRACKED
from sdf1_field.analysis import (
    course_table,
    distance_table,
    fold_change_table,
    motion_table,
    network_table,
    run_censuses,
)
from sdf1_field.analysis.fold_change import fold_changes
from sdf1_field.errors import InputError
from sdf1_field.figures.dish_bars import swarm
from sdf1_field.figures.groups import looks_of
from sdf1_field.figures.panels import p_said
from sdf1_field.statistics import p_text

HOUR = 3600.0
DRUG = "treatments.amd3100.dose=10 uM"
TIME = 2 * HOUR


def renamed(path, seed):
    """Run as if it were of another seed."""
    return sf.Run(sf.open_run(path).dataset.assign_attrs(seed=seed))


@pytest.fixture(scope="module")
def groups(solved):
    """Two dishes of a control, two with AMD3100 and one more, as if of other seeds."""
    dishes = [solved("coculture-kg1a", DRUG, seed=seed) for seed in (1, 2)]
    return {
        "control": sf.Runs([solved(seed=seed) for seed in (1, 2)]),
        "AMD3100": sf.Runs(
            [renamed(path, seed) for path, seed in zip(dishes, (3, 4), strict=True)]
        ),
        "less": sf.Runs(renamed(dishes[0], 5)),
    }


@pytest.fixture(scope="module")
def walking(solved):
    return {
        "still": sf.Runs(solved("tracking-kg1a", *TRACKED)),
        "fast": sf.Runs(solved("tracking-kg1a", *TRACKED, "cell_type.kg1a.speed=3 um/min")),
    }


def said(figure):
    """Caption, and all other text of a figure."""
    caption = " ".join(figure.get_supxlabel().split())
    return caption, [text.get_text() for text in figure.findobj(Text)]


def dots(axes, marker):
    """Heights of the white dots of a group."""
    (found,) = [
        line for line in axes.lines if line.get_marker() == marker and line.get_ls() == "None"
    ]  # fmt: skip
    return list(found.get_ydata())


def test_fold_changes_have_a_dot_for_each_dish_and_the_tests_of_analyse(groups):
    figure = sf.plot_groups(groups)
    panels = figure.axes
    assert [axes.get_title() for axes in panels] == ["MSC, 2 h", "migrasome network, 2 h"]
    assert [t.get_text() for t in panels[0].get_xticklabels()] == ["control", "AMD3100", "less"]
    control, drug = (groups[name].datasets for name in ("control", "AMD3100"))
    table = fold_change_table(drug, [TIME], against=control)
    for k, axes in enumerate(panels):
        for marker, runs in (("o", control), ("s", drug)):
            each = [fold_changes(run_censuses(run, [TIME])).each[0, k] for run in runs]
            assert dots(axes, marker) == pytest.approx(each, rel=1e-12)
        against = table[k + 1]["against"]
        heights = [bar.get_height() for bar in axes.patches[:2]]
        assert heights == pytest.approx([against["control_mean"], against["mean"]], rel=1e-12)
        (mark,) = [text.get_text() for text in axes.texts]
        assert p_text(against["p"]) in mark.replace("< ", "<")
    caption, _ = said(figure)
    assert "control: 2 dishes, AMD3100: 2 dishes, less: 1 dish" in caption
    assert "p against control, unpaired t test over dishes, two-sided." in caption
    assert "One dish of less, so neither S.D. nor test." in caption


def test_the_encounter_limit_crosses_each_bar(groups):
    figure = sf.plot_groups({"control": groups["control"]})
    table = fold_change_table(groups["control"].datasets, [TIME])
    for k, axes in enumerate(figure.axes):
        (level,) = [
            c for c in axes.collections if len(c.get_segments()) == 1 and c.get_zorder() == 3
        ]
        assert level.get_segments()[0][0, 1] == table[k + 1]["encounter_limit"]


def test_dishes_of_one_seed_are_joined_and_paired(solved):
    seeds = (1, 2)
    figure = sf.plot_groups(
        {
            "control": [solved(seed=seed) for seed in seeds],
            "AMD3100": [solved("coculture-kg1a", DRUG, seed=seed) for seed in reversed(seeds)],
        }
    )
    assert "paired t test over pairs of dishes of one seed" in said(figure)[0]
    axes = figure.axes[0]
    lines = [line for line in axes.lines if len(line.get_xdata()) == 2 and line.get_zorder() == 5]
    ends = np.array([line.get_ydata() for line in lines])
    assert ends[:, 0] == pytest.approx(dots(axes, "o"), rel=1e-12)
    assert ends[:, 1] == pytest.approx(dots(axes, "s"), rel=1e-12)


def test_dots_keep_apart_and_are_the_same_every_time():
    heights = np.random.default_rng(0).normal(0.0, 2.0, 40)
    offsets = swarm(heights, 1.0, 8.0)
    apart = [
        np.hypot(offsets[a] - offsets[b], heights[a] - heights[b])
        for a, b in itertools.combinations(range(40), 2)
    ]
    assert min(apart) >= 1.0 - 1e-9
    assert np.abs(offsets).max() <= 8.0
    assert np.array_equal(offsets, swarm(heights, 1.0, 8.0))


def test_a_course_has_lines_bands_and_limits_of_its_table(groups):
    figure = sf.plot_groups({n: groups[n] for n in ("control", "less")}, show="course")
    table = [row for row in course_table(groups["control"].datasets) if row["region"] == "MSC"]
    axes = figure.axes[0]
    assert axes.lines[0].get_ydata() == pytest.approx([row["fold_change"] for row in table])
    assert axes.lines[1].get_ydata() == pytest.approx([row["encounter_limit"] for row in table])
    # The group of one dish has no band.
    bands = [c for c in axes.collections if isinstance(c, PolyCollection)]
    assert len(bands) == 1
    caption, _ = said(figure)
    assert "95 % bootstrap interval over dishes" in caption
    assert "One dish of less, so no interval." in caption


def test_profiles_have_the_ratios_of_their_table(groups):
    figure = sf.plot_groups({"control": groups["control"]}, show="distance", at=TIME)
    rows = distance_table(groups["control"].datasets, [TIME])
    for axes, kind in zip(figure.axes, ("MSC body", "migrasome"), strict=True):
        shown = axes.lines[0].get_ydata()
        ratios = [row["ratio"] for row in rows if row["from_edge_of"] == kind]
        assert shown == pytest.approx(np.array(ratios, dtype=float), nan_ok=True)
    names = [label.get_text() for label in figure.axes[0].get_xticklabels()]
    assert names[:2] == ["on it", "> 200"]


def test_a_rose_has_some_tracks_from_one_origin_on_one_scale(walking):
    figure = sf.plot_groups(walking, tracks=7)
    still, fast = figure.axes
    own, *_ = [c for c in still.collections if isinstance(c, LineCollection)]
    tracks = np.array(own.get_segments())
    assert len(tracks) == 7
    assert np.array_equal(tracks[:, 0], np.zeros((7, 2)))
    # The control's tracks are under those of the other group.
    under, over = [c for c in fast.collections if isinstance(c, LineCollection)]
    assert np.array_equal(np.array(under.get_segments()), tracks)
    assert under.get_zorder() < over.get_zorder()
    for axes in (still, fast):
        box = axes.get_window_extent()
        across, along = (np.ptp(ends) for ends in (axes.get_xlim(), axes.get_ylim()))
        assert across / box.width == pytest.approx(along / box.height, rel=1e-9)
        assert along == pytest.approx(np.ptp(still.get_ylim()), rel=1e-6)
        assert "7 of 30 tracks" in axes.get_title()
    compared = motion_table(*(walking[name].datasets for name in ("fast", "still")))["comparison"]
    assert p_said(compared["p"]) in said(figure)[0]
    assert "Wilcoxon signed-rank test over cells" in said(figure)[0]


def test_a_stroma_is_drawn_by_its_networks_or_its_cargo(solved):
    path = solved("secretion-l929", *FOLLOWED)
    runs = {"a": sf.open_run(path), "b": renamed(path, 2)}
    networks = sf.plot_groups(runs, show="network")
    values = network_table([runs["b"].dataset])[0]["runs"]
    assert dots(networks.axes[2], "s") == pytest.approx([values["migrasomes_per_cell"]["mean"]])
    assert "Mann-Whitney U test over fields (detached migrasomes per mm²)" in said(networks)[0]
    cargo = sf.plot_groups(runs, ligand="CCL2")
    assert cargo.axes[2].get_title().replace("\n", " ") == "CCL2 molecules per cell body"
    assert "unpaired t test over cells (CCL2 molecules per cell body)" in said(cargo)[0]
    with pytest.raises(InputError, match="this figure shows one time"):
        sf.plot_groups(runs, at=["3 h", "6 h"])


@pytest.mark.parametrize(("width", "show"), [(85.0, "fold-change"), (180.0, "course")])
def test_text_is_readable_and_whole_at_a_journals_width(groups, width, show):
    names = ("control with a name of many words", "1 $µM$ _x")
    long = dict(zip(names, (groups[name][:1] for name in ("control", "AMD3100")), strict=True))
    figure = sf.plot_groups(long, show=show, width=width, panel="B")
    # As it is saved; coarser pixels make letters wider.
    figure.set_dpi(300.0)
    figure.draw_without_rendering()
    assert figure.get_figwidth() * 25.4 == pytest.approx(width)
    extent, margin = figure.get_tightbbox(), 0.01
    assert extent.x0 > -margin
    assert extent.y0 > -margin
    assert extent.x1 < figure.get_figwidth() + margin
    assert extent.y1 < figure.get_figheight() + margin
    texts = [text for text in figure.findobj(Text) if text.get_text()]
    assert min(text.get_fontsize() for text in texts) >= 6.0
    shown = [text.get_text().replace("\n", " ").replace(r"\$", "$") for text in texts]
    assert any(text.strip() == names[1] for text in shown)


def test_a_caption_of_single_dishes_speaks_of_no_deviation(groups):
    single = {name: groups[name][:1] for name in ("control", "AMD3100")}
    caption, _ = said(sf.plot_groups(single, show="network"))
    assert "Dots and bars: dishes (control: 1 dish, AMD3100: 1 dish)." in caption
    assert "±" not in caption
    assert caption.endswith("One dish in each group, so no S.D. over dishes.")


def test_a_long_word_is_broken_and_letters_without_font_are_said_in_one_line(groups, tmp_path):
    names = ("x" * 60, "中")
    single = dict(zip(names, (groups[name][:1] for name in ("control", "AMD3100")), strict=True))
    with pytest.warns(sf.Sdf1FieldWarning, match="no font of the picture has 中") as caught:
        figure = sf.plot_groups(single, tmp_path / "a.png")
    assert len(caught) == 1
    name = figure.axes[0].get_xticklabels()[0].get_text()
    assert name.replace("\n", "") == names[0]
    assert name.count("\n") >= 2


def test_groups_are_told_apart_without_colours():
    looks = looks_of({str(n): [None] for n in range(20)})
    assert len({(look.colour, look.marker) for look in looks}) == 20
    assert len({look.marker for look in looks[:8]}) == 8
    assert all(sum(to_rgb(look.ink)) < sum(to_rgb(look.colour)) for look in looks)


def test_what_cannot_be_compared_is_refused(solved, walking):
    one, two = solved(seed=1), solved(seed=2)
    refused = [
        ({"a": [one, one]}, {}, "is the same dish as .* Give it once"),
        ({"a": one, "b": [two, one]}, {}, "of group b is the same dish as .* of group a"),
        ({"a": one, "b": walking["still"]}, {}, "Draw runs of one kind together"),
        ({"a": [one, two], "b": solved("coculture-kg1a", DRUG, seed=1)}, {},
         "group b: control: seed 1 is on both sides"),
        ({"a": one}, {"at": "90 h"}, "no cells were saved at 90 h"),
        ({"a": one}, {"show": "course", "at": "1 h"}, "--at: has no effect on the figure"),
        ({"a": one}, {"ligand": "SDF-1"}, "--ligand: has no effect"),
        ({"a": one}, {"tracks": 3}, "--tracks: has no effect"),
        ({"a": one}, {"show": "coarse"}, "unknown figure 'coarse'. Did you mean 'course'"),
        ({"a": walking["still"]}, {"show": "course"}, "'course' is not of haematopoietic cells"),
        ({"a" * 61: one}, {}, "has a name of 61 letters. Give one of 60 at most"),
        ({}, {}, "there is none"),
    ]  # fmt: skip
    for asked, options, why in refused:
        with pytest.raises(InputError, match=why):
            sf.plot_groups(asked, **options)


def test_the_command_takes_many_files_in_a_group_and_python_several_runs(run, solved):
    files = [solved(seed=seed) for seed in (1, 2)]
    drug = solved("coculture-kg1a", DRUG, seed=1)
    asked = ("plot", "--group", "control", files[1], "--group", "AMD3100", drug, "-o", "figure.png")
    done = run(*asked)
    assert (done.exit_code, done.output) == (0, "figure.png\n")
    sf.Runs(files).plot("several.svg")
    assert Path("several.svg").read_text(encoding="utf-8").startswith("<?xml")
    assert "exists already" in run(*asked).output


def test_a_command_without_runs_or_names_is_refused(run, solved):
    path = solved(seed=1)
    for arguments, why in (
        (["--group", "a"], "--group a: names no run"),
        (["--group", "a", "--group", "b", path], "--group a: names no run"),
        (["--group", " a", path], "' a' is no name of a group"),
        (["--group", "a", path, "--group", "a", path], "--group a: is given twice"),
        ([path, "-o", "missing/x.png"], "there is no folder 'missing'"),
        ([path, "--group", "a", path], "takes the place of RUN.nc"),
        ([], "plot: names no run"),
        ([path, "--tracks", "3"], "--tracks: is of a rose"),
        ([path, "--at", "1 h", "--at", "2 h"], "a picture of one run shows one time"),
    ):
        done = run("plot", *arguments)
        assert (done.exit_code, done.output.count("\n")) == (2, 1), done.output
        assert why in done.output
