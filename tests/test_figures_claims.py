import math

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from sdf1_field.claims import VERDICTS, Reading, Sample, p_value
from sdf1_field.figures import VerdictRow, deniz_figures, jiao_figures, verdict_figure
from sdf1_field.figures.panels import (
    CHI_SQUARED,
    PAIRED_T,
    T_OF_CELLS,
    U_OF_CELLS,
    UNPAIRED_T,
    Look,
)
from sdf1_field.figures.verdicts import chance_colour, ink_on
from sdf1_field.statistics import p_text, unpaired_t_test

HOUR = 3600.0
DISHES, EXPERIMENTS = 3, 4
SUBSTRATES = (
    "fibronectin_5", "fibronectin_1", "collagen_iv", "laminin_111", "laminin_411", "laminin_511",
    "laminin_521", "poly_l_lysine", "glass",
)  # fmt: skip
DAYS = {"fibronectin_5": 24, "fibronectin_5_48h": 48, "fibronectin_5_72h": 72}
COUNTED = (
    "control", "amd3100_1um", "amd3100", "sdf1", "igg", "anti_cd166", "cd34", "cd34_48h",
    "cd34_amd3100", "cd34_sdf1", "cd34_igg", "cd34_anti_cd166",
)  # fmt: skip
TRACKED = (
    "tracked", "tracked_amd3100_1um", "tracked_amd3100", "tracked_sdf1", "tracked_sdf1_amd3100",
)  # fmt: skip
SECRETING = (
    "control", "bapta_am", "tspan4_oe", "itgb1_kd", "myo5a_oe", "myo5a_ko", "snap23_kd",
    "vamp2_kd", "stx4_kd",
)  # fmt: skip


def reading(quantity, hours, values, of=""):
    return Reading(quantity, hours * HOUR, np.atleast_1d(np.asarray(values, dtype=float)), of)


def network_dish(rng, hours=24):
    fibres = rng.integers(80, 120)
    both = rng.integers(30, 60)
    return (
        reading("MSC with fibres", hours, [fibres, 200]),
        reading("fibre-bearing MSC with migrasomes", hours, [both, fibres]),
        reading("MSC with migrasomes", hours, [both, 200]),
        reading("migrasomes per cell", hours, rng.integers(1, 40, both)),
        reading("detached migrasomes per mm2", hours, rng.poisson(hours, 9)),
    )


def co_culture_dish(rng):
    sizes = {"fold change": 2.5, "encounter limit": 1.6, "area covered": 0.1}
    return tuple(
        reading(quantity, hours, size * rng.normal(1.0, 0.1), region)
        for hours in (4, 12)
        for region in ("MSC", "network")
        for quantity, size in sizes.items()
    )


def cargo_dish(rng):
    return (
        *(
            reading("secreted over cellular", hours, rng.normal(1.0, 0.1), ligand)
            for ligand in ("mcsf", "ccl2")
            for hours in (10, 12, 16)
        ),
        *(
            reading(f"{which} of {place}", 12, rng.gamma(4.0, 5.0, number), ligand)
            for which, number in (("content", 20), ("mean content", 1))
            for ligand in ("mcsf", "ccl2")
            for place in ("bodies", "migrasomes")
        ),
        reading("vesicles in a cell's migrasomes", 12, rng.poisson(10.0, 20), "all"),
    )


def experiments(dish):
    return [[dish() for _ in range(DISHES)] for _ in range(EXPERIMENTS)]


@pytest.fixture(scope="module")
def deniz():
    rng = np.random.default_rng(1)
    virtual = {name: experiments(lambda: network_dish(rng)) for name in SUBSTRATES}
    for name, hours in DAYS.items():
        virtual[name] = experiments(lambda hours=hours: network_dish(rng, hours))
    virtual |= {name: experiments(lambda: co_culture_dish(rng)) for name in COUNTED}
    return virtual | {
        name: experiments(lambda: (reading("path length", 8, rng.normal(200, 30, 20)),))
        for name in TRACKED
    }


@pytest.fixture(scope="module")
def jiao():
    rng = np.random.default_rng(2)
    return {name: experiments(lambda: cargo_dish(rng)) for name in SECRETING}


def only(virtual, *names):
    return {name: virtual[name] for name in names}


def value(dish, quantity, of="", hours=None):
    (found,) = [
        r.values
        for r in dish
        if r.quantity == quantity and r.of == of and hours in (None, r.time / HOUR)
    ]
    return found


def heights(axes):
    return [bar.get_height() for bar in axes.patches]


def dots(axes):
    return [line.get_ydata() for line in axes.lines if line.get_marker() == "o"]


def texts(axes):
    return [text.get_text() for text in axes.texts]


def drawn(figure: Figure):
    figure.draw_without_rendering()
    return figure


def test_bars_are_means_of_experiments_whiskers_their_range_and_dots_the_first_ones_dishes(deniz):
    names = ("control", "amd3100_1um", "amd3100", "sdf1")
    figure = deniz_figures(only(deniz, *names), {})["5G"]
    for axes, region in zip(figure.axes, ("MSC", "network"), strict=True):
        each = [
            np.array([[value(d, "fold change", region, 4)[0] for d in e] for e in deniz[name]])
            for name in names
        ]
        assert heights(axes) == pytest.approx([numbers.mean() for numbers in each], rel=1e-12)
        for shown, numbers in zip(dots(axes), each, strict=True):
            assert np.array_equal(shown, numbers[0])
        for bars, numbers in zip(axes.containers[1::2], each, strict=True):
            (low, high) = bars.lines[2][0].get_segments()[0][:, 1]
            expected = np.quantile(numbers.mean(axis=1), [0.025, 0.975])
            assert [low, high] == pytest.approx(expected, rel=1e-9)


def test_marks_are_of_the_papers_test_on_the_first_experiment(deniz):
    axes = deniz_figures(only(deniz, "igg", "anti_cd166"), {})["5I"].axes[1]
    first = [
        [value(dish, "fold change", "network", 4)[0] for dish in deniz[name][0]]
        for name in ("igg", "anti_cd166")
    ]
    (mark,) = texts(axes)
    assert mark.endswith(f"p = {p_text(unpaired_t_test(*first))}")


@pytest.mark.parametrize(
    ("test", "share"),
    [
        (UNPAIRED_T, False),
        (PAIRED_T, False),
        (T_OF_CELLS, False),
        (U_OF_CELLS, False),
        (UNPAIRED_T, True),
        (CHI_SQUARED, True),
    ],
)
def test_a_figure_has_the_p_of_the_verdict(test, share):
    rng = np.random.default_rng(1)
    control, treated = (
        [
            np.array([rng.binomial(60, mean / 60.0), 60.0]) if share else rng.gamma(2.0, mean, 5)
            for _ in range(4)
        ]
        for mean in (20.0, 30.0)
    )
    if not share:
        treated[1][2] = math.nan
    experiments = [[(reading("a", 4, values),) for values in e] for e in (control, treated)]
    kind = Sample.SHARE if share else Sample.CELLS
    expected = p_value(test.name, treated, control, kind, over_dishes=test.over_dishes)
    assert 0.0 < expected < 1.0
    assert test.p(*experiments, Look("a", scale=100.0, share=share)) == expected
    # A dish in which the quantity was not read changes nothing.
    unread = [[*e, ()] for e in experiments]
    assert test.p(*unread, Look("a", share=share)) == expected


def test_lines_join_the_dots_of_a_donor(deniz):
    axes = deniz_figures(only(deniz, "cd34_igg", "cd34_anti_cd166"), {})["5J"].axes[0]
    joined = [line.get_xydata() for line in axes.lines if line.get_color() == "0.3"]
    own, treated = [line.get_xydata() for line in axes.lines if line.get_marker() == "o"]
    assert len(joined) == DISHES
    assert np.allclose(np.array(joined), np.stack([own, treated], axis=1))


def test_bars_of_fibres_hold_those_with_migrasomes(deniz):
    axes = deniz_figures(only(deniz, *SUBSTRATES), {})["2A-B"].axes[0]
    fibres, both = np.split(np.array(heights(axes)), 2)
    for n, name in enumerate(SUBSTRATES):
        dishes = [dish for e in deniz[name] for dish in e]
        among = [value(dish, "fibre-bearing MSC with migrasomes")[0] for dish in dishes]
        some = [value(dish, "MSC with fibres")[0] for dish in dishes]
        assert fibres[n] == pytest.approx(100 * np.mean(some) / 200, rel=1e-9)
        assert both[n] == pytest.approx(100 * np.mean(among) / 200, rel=1e-9)


def test_dishes_of_days_are_read_at_their_own_time(deniz):
    axes = deniz_figures(only(deniz, *DAYS), {})["1D-E"].axes[2]
    expected = [
        np.mean([value(d, "detached migrasomes per mm2").mean() for e in deniz[name] for d in e])
        for name in DAYS
    ]
    assert heights(axes) == pytest.approx(expected, rel=1e-12)


def test_contents_are_relative_to_the_experiments_control(jiao):
    axes = jiao_figures(only(jiao, "control", "bapta_am"), {})["7b-c"].axes[0]
    factors = [
        np.mean([value(dish, "mean content of bodies", "mcsf").mean() for dish in treated])
        / np.mean([value(dish, "mean content of bodies", "mcsf").mean() for dish in own])
        for own, treated in zip(jiao["control"], jiao["bapta_am"], strict=True)
    ]
    own, treated = heights(axes)[:2]
    assert own == pytest.approx(1.0, rel=1e-12)
    assert treated == pytest.approx(np.mean(factors), rel=1e-9)


def test_media_are_read_when_they_are_collected(jiao):
    panels = jiao_figures(jiao, {})["7a"].axes
    assert len(panels) == 4
    late = [
        value(dish, "secreted over cellular", "ccl2", 16) for e in jiao["control"] for dish in e
    ]
    assert heights(panels[3])[0] == pytest.approx(np.mean(late), rel=1e-12)


def test_figures_of_missing_conditions_are_left_out(deniz, jiao):
    assert list(deniz_figures(only(deniz, "control", "igg"), {})) == ["5D-F"]
    assert not deniz_figures({**only(deniz, *SUBSTRATES), "glass": []}, {})
    assert list(jiao_figures(only(jiao, "control", "bapta_am"), {})) == ["7b-c"]


def test_every_axis_says_what_it_shows_and_in_which_unit(deniz, jiao):
    figures = {**deniz_figures(deniz, {}), **jiao_figures(jiao, {})}
    assert len(figures) == 11
    for stem, figure in figures.items():
        for axes in figure.axes:
            label = axes.get_ylabel()
            assert any(unit in label for unit in ("[%", "[µm]", " per ", " over ")), (stem, label)


def test_labels_name_treatments_as_a_reader_would(deniz):
    labels = {"control": "control", "amd3100_1um": "AMD3100 1 uM", "amd3100": "AMD3100 10 uM"}
    axes = deniz_figures(only(deniz, *COUNTED[:4]), labels)["5G"].axes[0]
    shown = [label.get_text().replace("\n", " ") for label in axes.get_xticklabels()]
    assert shown[:3] == ["control", "with AMD3100 1 µM", "with AMD3100 10 µM"]


@pytest.mark.parametrize("broken", ["nan", "unread", "no dishes"])
def test_what_is_not_there_is_not_drawn(deniz, jiao, broken):
    def spoilt(virtual):
        spoil = {
            "nan": lambda e: [
                [Reading(r.quantity, r.time, np.full_like(r.values, math.nan), r.of) for r in dish]
                for dish in e
            ],
            "unread": lambda e: [() for _ in e],
            "no dishes": lambda _: [],
        }[broken]
        last = list(virtual)[-1]
        once = {name: [spoil(es[0]), *es[1:]] for name, es in virtual.items()}
        return once | {last: [spoil(e) for e in virtual[last]]}

    hurt = deniz_figures(spoilt(deniz), {})
    figures = [*hurt.values(), *jiao_figures(spoilt(jiao), {}).values()]
    assert len(figures) == 11
    for figure in figures if broken == "unread" else ():
        drawn(figure)
    means = [
        np.mean([value(dish, "fold change", "MSC", 4) for dish in e]) for e in deniz["control"][1:]
    ]
    assert heights(hurt["5G"].axes[0])[0] == pytest.approx(np.mean(means), rel=1e-12)
    assert not texts(hurt["5I"].axes[0])


def test_one_experiment_has_no_whiskers(deniz):
    once = {name: deniz[name][:1] for name in ("igg", "anti_cd166")}
    figure = deniz_figures(once, {})["5I"]
    assert len(figure.axes[0].containers) == 2
    assert "one simulated experiment" in figure.get_supxlabel()


ROWS = [
    VerdictRow("D13", "AMD3100 reduces both", "reproduced", (0.85, 0.7, 0.93), (0.05, 0.01, 0.1)),
    VerdictRow("D24", "the network's is more", "not reproduced", (0.0, math.nan, math.nan), None),
    VerdictRow("D14", "the network's is more", "vacuous", None, None),
    VerdictRow("D15", "reduces both", "undecided", (0.4, 0.3, 0.5), (math.nan, 0.0, 1.0)),
    VerdictRow("D16", "reduces both", "direction only", (0.4, 0.3, 0.5), None),
]


def test_verdicts_have_a_row_for_each_claim_with_its_chance_and_interval():
    signs, chances, _ = drawn(verdict_figure(ROWS)).axes
    assert texts(signs)[:12] == [
        "D13", "AMD3100 reduces both", "85 %", "✓ reproduced",
        "D24", "the network's is more", "0 %", "✗ not reproduced",
        "D14", "the network's is more", "-", "∅ vacuous",
    ]  # fmt: skip
    shown = [line.get_xdata()[0] for line in chances.lines]
    assert shown == [0.85, 0.05, 0.0, 0.4, 0.4]
    intervals = [tuple(bar.get_segments()[0][:, 0]) for bar in chances.collections]
    assert intervals == [(0.7, 0.93), (0.01, 0.1), (0.3, 0.5), (0.3, 0.5)]


def test_verdicts_are_shaded_by_their_chance_and_told_apart_by_their_sign():
    assert {row.verdict for row in ROWS} == set(VERDICTS)
    signs = verdict_figure(ROWS).axes[0]
    assert len({text[0] for text in texts(signs)[3::4]}) == len(VERDICTS)
    grounds = [to_rgb(bar.get_facecolor()) for bar in signs.patches]
    # Direction only and undecided have one chance here, and the vacuous claim has none.
    assert grounds[3] == grounds[4]
    assert [bool(bar.get_hatch()) for bar in signs.patches] == [False, False, True, False, False]
    assert brightness(grounds[0]) < brightness(grounds[3]) < brightness(grounds[1])


def test_a_sign_of_a_small_chance_does_not_look_like_success():
    scale = [brightness(to_rgb(chance_colour(chance))) for chance in np.linspace(0.0, 1.0, 11)]
    assert (np.diff(scale) < -0.03).all()
    assert scale[1] > 0.9
    for chance in np.linspace(0.0, 1.0, 101):
        ground = chance_colour(chance)
        assert abs(brightness(to_rgb(ground)) - brightness(to_rgb(ink_on(ground)))) > 0.39


def brightness(colour):
    return float(np.dot(colour, (0.299, 0.587, 0.114)))
