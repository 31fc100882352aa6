"""Figures like those of the papers, drawn from readings of simulated experiments."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from sdf1_field.figures.drawing import BODY, NETWORK
from sdf1_field.figures.panels import (
    BESIDE,
    BLUE,
    CHI_SQUARED,
    FILLED,
    GREY,
    HOUR,
    LEVEL,
    NARROW,
    ORANGE,
    PAIRED_T,
    PERCENT,
    PURPLE,
    REFERENCE,
    SMALL,
    T_OF_CELLS,
    U_OF_CELLS,
    UNPAIRED_T,
    VERMILION,
    WIDE,
    Experiment,
    Look,
    PaperTest,
    Virtual,
    dot_places,
    draw_bar,
    draw_bars,
    draw_boxes,
    draw_level,
    draw_marks,
    draw_ticks,
    figure_with_caption,
    mean_of,
    numbers_of,
    plain,
    said_of_bars,
    said_of_boxes,
    stars,
    stars_and_p,
    style,
)

Labels = Mapping[str, str]
Colours = Mapping[str, str]
"""Of a figure's conditions, in their order."""

_ABOVE = "Above: the first experiment's"
_NO_TEST = "The text names no test."
_FOLD = "cells per area,\nfold change over free surface"
_FREE = "Dashed line: as on free surface."
_PER_CELL = "migrasomes per MSC that has some (log scale)"


def _labels(labels: Labels, names: Sequence[str]) -> list[str]:
    """Labels of conditions; their names if they have none."""
    return [plain(labels.get(name, name)) for name in names]


def _treatments(labels: Labels, names: Sequence[str]) -> list[str]:
    """Labels of an untreated condition and treated ones."""
    own, *treated = _labels(labels, names)
    return [own, *(f"with {label.removeprefix('with ')}" for label in treated)]


# Deniz et al. (2023)

_DAYS = {"fibronectin_5": "24 h", "fibronectin_5_48h": "48 h", "fibronectin_5_72h": "72 h"}
_SUBSTRATES = (
    "fibronectin_5", "fibronectin_1", "collagen_iv", "laminin_111", "laminin_411", "laminin_511",
    "laminin_521", "poly_l_lysine", "glass",
)  # fmt: skip
_STRONGEST = "poly_l_lysine"
"""Reference substrate of Fig. 2B."""
_WITH_MIGRASOMES, _COVERED = (25.0, 40.0), 25.0
"""Reported ranges: MSC that carry migrasomes, and the upper bound of the area covered [%]."""
_REGIONS = {"MSC": BODY, "network": NETWORK}
_COUNTED = (4.0 * HOUR, 12.0 * HOUR)
"""When the control's cells are counted; treated ones are at the first time [s]."""
_TRACKED = {
    "tracked": GREY, "tracked_amd3100_1um": ORANGE, "tracked_amd3100": VERMILION,
    "tracked_sdf1": BLUE, "tracked_sdf1_amd3100": PURPLE,
}  # fmt: skip


def _draw_days(virtual: Virtual, _: Labels) -> Figure:
    """Fig. 1D and E: MSC on fibronectin after one, two and three days."""
    names = list(_DAYS)
    figure = figure_with_caption(
        10.5, 4.3,
        f"MSC on fibronectin (5 µg/cm²). {said_of_bars(virtual, names)}",
        said_of_boxes(virtual, names),
        f"{_ABOVE} tests against 24 h (chi-squared with Yates' correction, Mann-Whitney U over "
        "cells, Mann-Whitney U over fields of view).",
    )  # fmt: skip
    share, per_cell, detached = figure.subplots(1, 3)
    style(share, "D", "", "MSC with migrasomes [%]")
    with_some = Look("MSC with migrasomes", scale=PERCENT, share=True)
    draw_bars(
        share, virtual, dict.fromkeys(names, BLUE), with_some, test=CHI_SQUARED, mark=stars
    )  # fmt: skip
    share.axhspan(*_WITH_MIGRASOMES, color="0.9", zorder=0, label="reported: about 25–40 %")
    share.legend(frameon=False, fontsize=SMALL, loc="upper left")
    share.set_ylim(0.0, max(1.5 * _WITH_MIGRASOMES[1], share.get_ylim()[1]))
    style(per_cell, "", "", _PER_CELL)
    draw_boxes(
        per_cell, virtual, dict.fromkeys(names, ORANGE), Look("migrasomes per cell"),
        test=U_OF_CELLS, scale="log",
    )  # fmt: skip
    style(detached, "E", "", "detached migrasomes per mm²")
    draw_bars(
        detached, virtual, dict.fromkeys(names, NETWORK), Look("detached migrasomes per mm2"),
        test=U_OF_CELLS, mark=stars,
    )  # fmt: skip
    for axes in (share, per_cell, detached):
        draw_ticks(axes, list(_DAYS.values()))
        axes.set_xlabel("time in culture", fontsize=9)
    return figure


def _draw_substrates(virtual: Virtual, labels: Labels) -> Figure:
    """Fig. 2A and B: MSC on nine substrates."""
    shown = [label.partition(",")[0] for label in _labels(labels, _SUBSTRATES)]
    figure = figure_with_caption(
        10.5, 5.6,
        f"Substrates at 24 h. A: {said_of_bars(virtual, _SUBSTRATES)} Above bars: the first "
        f"experiment's chi-squared test with Yates' correction of fibres against {shown[0]}; in "
        "white: of migrasomes among MSC with fibres. "
        f"B: {said_of_boxes(virtual, _SUBSTRATES)} Above boxes: Mann-Whitney U test over cells "
        f"against {shown[_SUBSTRATES.index(_STRONGEST)]}.",
    )  # fmt: skip
    stacked, per_cell = figure.subplots(1, 2)
    style(stacked, "A", "", "MSC with retraction fibres [%]")
    fibres = Look("MSC with fibres", scale=PERCENT, share=True)
    draw_bars(
        stacked, virtual, dict.fromkeys(_SUBSTRATES, ORANGE), fibres, test=CHI_SQUARED, mark=stars
    )  # fmt: skip
    for n, name in enumerate(_SUBSTRATES):
        _draw_with_migrasomes(stacked, n, virtual[name], virtual[_SUBSTRATES[0]][0], fibres)
    stacked.set_ylim(0.0, PERCENT)
    stacked.legend(
        handles=[
            Patch(color=ORANGE, alpha=FILLED, label="fibres only"),
            Patch(color=BLUE, label="fibres with migrasomes"),
        ],
        fontsize=SMALL, frameon=False, ncols=2, loc="upper left",
    )  # fmt: skip
    style(per_cell, "B", "", _PER_CELL)
    draw_boxes(
        per_cell, virtual, dict.fromkeys(_SUBSTRATES, NETWORK), Look("migrasomes per cell"),
        test=U_OF_CELLS, reference=_STRONGEST, scale="log",
    )  # fmt: skip
    for axes in (stacked, per_cell):
        draw_ticks(axes, shown)
    return figure


def _draw_with_migrasomes(
    axes: Any, place: float, experiments: Sequence[Experiment], control: Experiment, fibres: Look
) -> None:
    """Part of a bar of MSC with fibres that have migrasomes too, with stars at its foot."""
    look = Look("fibre-bearing MSC with migrasomes", share=True)
    both = mean_of([mean_of(numbers_of(e, fibres) * numbers_of(e, look)) for e in experiments])
    if not math.isfinite(both):
        return
    axes.bar(place, both, WIDE, color=BLUE, zorder=2)
    if experiments[0] is not control:
        axes.annotate(
            stars(CHI_SQUARED.p(control, experiments[0], look)), (place, 0.0), xytext=(0, 3),
            textcoords="offset points", ha="center", color="white", fontsize=SMALL, zorder=6,
        )  # fmt: skip


def _draw_co_culture(virtual: Virtual, _: Labels) -> Figure:
    """Fig. 5D to F: areas covered and fold changes of the control."""
    experiments = virtual["control"]
    figure = figure_with_caption(9.0, 4.5, said_of_bars(virtual, ["control"]), _FREE, _NO_TEST)
    areas, folds = figure.subplots(1, 2)
    for axes, letter, ylabel, look, reference in (
        (areas, "E", "area covered [% of the surface]", Look("area covered", scale=PERCENT),
         _COVERED),
        (folds, "F", f"KG-1a {_FOLD}", Look("fold change"), 1.0),
    ):  # fmt: skip
        style(axes, letter, "", ylabel)
        tops, places = [], []
        for n, time in enumerate(_COUNTED):
            for k, (region, colour) in enumerate(_REGIONS.items()):
                places.append(n + BESIDE * (k - 0.5))
                own = replace(look, of=region, time=time)
                numbers = [numbers_of(e, own) for e in experiments]
                tops.append(draw_bar(axes, places[-1], numbers, colour, width=NARROW))
                if axes is folds:
                    limit = replace(own, quantity="encounter limit")
                    means = [mean_of(numbers_of(e, limit)) for e in experiments]
                    draw_level(axes, places[-1], mean_of(means))
        draw_marks(axes, places, [*tops[:-1], max(tops[-1], reference)], [""] * len(tops))
        axes.axhline(reference, **REFERENCE)
        draw_ticks(axes, [f"{time / HOUR:g} h" for time in _COUNTED])
        axes.set_xlabel("time of co-culture", fontsize=9)
    areas.annotate(
        "reported: less than 25 %", (0.0, _COVERED), xytext=(4, 3), textcoords="offset points",
        xycoords=("axes fraction", "data"), fontsize=SMALL,
    )  # fmt: skip
    regions = [Patch(color=c, alpha=FILLED, label=region) for region, c in _REGIONS.items()]
    limit_line = Line2D([], [], **LEVEL, label="encounter limit: sticky, not attracting")
    figure.legend(
        handles=[*regions, limit_line], fontsize=SMALL, frameon=False, ncols=3,
        loc="outside upper right",
    )  # fmt: skip
    return figure


@dataclass(frozen=True)
class _FoldChanges:
    """Fold changes of conditions after 4 h of co-culture, on MSC and on the network.

    Parameters
    ----------
    letter : str
        Of the paper's panel.
    cells : str
    colours : mapping of str to str
    said : str
        Further text of the caption.
    test : callable
        Against the first condition.
    """

    letter: str
    cells: str
    colours: Colours
    said: str
    test: PaperTest | None = None

    def __call__(self, virtual: Virtual, labels: Labels) -> Figure:
        """Draw the figure."""
        names = list(self.colours)
        named = _treatments if names[0] == "control" else _labels
        figure = figure_with_caption(
            2.8 + 1.7 * len(names), 4.4, "4 h of co-culture.", said_of_bars(virtual, names), _FREE,
            self.said,
        )  # fmt: skip
        panels = figure.subplots(1, len(_REGIONS), sharey=True)
        for axes, letter, region in zip(panels, (self.letter, ""), _REGIONS, strict=True):
            look = Look("fold change", region, _COUNTED[0])
            style(axes, letter, region, f"{self.cells} {_FOLD}")
            draw_bars(axes, virtual, self.colours, look, test=self.test)
            draw_ticks(axes, named(labels, names))
            axes.axhline(1.0, **REFERENCE)
            if self.test == PAIRED_T:
                _join_donors(axes, [numbers_of(virtual[name][0], look) for name in names])
        return figure


def _join_donors(axes: Any, dishes: Sequence[np.ndarray[Any, Any]]) -> None:
    """Lines between the dots of a donor's dishes."""
    for pair in zip(*dishes, *(dot_places(len(each)) for each in dishes), strict=False):
        numbers, spread = np.split(np.array(pair), 2)
        axes.plot(np.arange(len(dishes)) + spread, numbers, color="0.3", lw=0.8, zorder=4)


_DRUGS = _FoldChanges(
    "G", "KG-1a",
    {"control": GREY, "amd3100_1um": ORANGE, "amd3100": VERMILION, "sdf1": BLUE},
    f"{_ABOVE} unpaired t test against the control.", UNPAIRED_T,
)  # fmt: skip
_ANTIBODY = _FoldChanges(
    "I", "KG-1a", {"igg": GREY, "anti_cd166": PURPLE},
    f"{_ABOVE} unpaired t test against IgG.", UNPAIRED_T,
)  # fmt: skip
_ANTIBODY_CD34 = _FoldChanges(
    "J", "CD34⁺", {"cd34_igg": GREY, "cd34_anti_cd166": PURPLE},
    f"Lines join a donor's dishes. {_ABOVE} paired t test against IgG.", PAIRED_T,
)  # fmt: skip
_DRUGS_CD34 = _FoldChanges(
    "S6", "CD34⁺",
    {"cd34": GREY, "cd34_48h": "#CCCCCC", "cd34_amd3100": VERMILION, "cd34_sdf1": BLUE},
    f"Dishes are of donors. {_NO_TEST}",
)  # fmt: skip


def _draw_paths(virtual: Virtual, labels: Labels) -> Figure:
    """Fig. S5B: path lengths of KG-1a alone."""
    names = list(_TRACKED)
    said = f"{_ABOVE} Mann-Whitney U test over cells against untreated ones."
    figure = figure_with_caption(7.5, 4.6, said_of_boxes(virtual, names), said)
    axes = figure.subplots()
    style(axes, "S5B", "", "path length of KG-1a [µm]")
    draw_boxes(axes, virtual, _TRACKED, Look("path length"), test=U_OF_CELLS)
    draw_ticks(axes, _treatments(labels, names))
    return figure


# Jiao et al. (2024)

_CHEMOKINES = {"mcsf": "M-CSF", "ccl2": "CCL2"}
_RISES = {"mcsf": (1.29, 9.5), "ccl2": (1.28, 10.6)}
"""Reported factors by which BAPTA-AM raises the contents of bodies and of migrasomes."""
_IMAGED, _MEDIA = 12.0 * HOUR, (10.0 * HOUR, 16.0 * HOUR)
"""When L929 cells are stained, and media collected [s]."""
_SECRETING = {
    "control": GREY, "tspan4_oe": NETWORK, "itgb1_kd": ORANGE, "myo5a_oe": BLUE,
    "myo5a_ko": VERMILION,
}  # fmt: skip
_STAINED = {"control": GREY, "bapta_am": PURPLE}
_HOLDING = {
    "1d": _STAINED,
    "2g": {"control": GREY, "snap23_kd": ORANGE, "vamp2_kd": VERMILION, "stx4_kd": BODY},
    "4a": {"control": GREY, "myo5a_oe": BLUE, "myo5a_ko": VERMILION},
}
"""Conditions whose vesicles are counted, by the paper's panel."""


def _draw_secretion(virtual: Virtual, labels: Labels) -> Figure:
    """Fig. 7a: secreted over cellular chemokines."""
    names = list(_SECRETING)
    figure = figure_with_caption(
        10.5, 7.2, said_of_bars(virtual, names), f"{_ABOVE} unpaired t test against the control."
    )
    panels = figure.subplots(len(_MEDIA), len(_CHEMOKINES))
    for row, time in zip(panels, _MEDIA, strict=True):
        for axes, (ligand, name) in zip(row, _CHEMOKINES.items(), strict=True):
            letter = "a" if axes is panels[0, 0] else ""
            title = f"{name}, medium of {time / HOUR:g} h"
            style(axes, letter, title, f"{name}, secreted over cellular")
            look = Look("secreted over cellular", ligand, time)
            draw_bars(axes, virtual, _SECRETING, look, test=UNPAIRED_T)
            draw_ticks(axes, _labels(labels, names))
    return figure


def _draw_staining(virtual: Virtual, labels: Labels) -> Figure:
    """Fig. 7b and c: contents of bodies and migrasomes with and without BAPTA-AM."""
    names = list(_STAINED)
    figure = figure_with_caption(
        9.0, 4.4, said_of_bars(virtual, names),
        "Contents are means over a dish's bodies or migrasomes, relative to the experiment's "
        f"control. {_ABOVE} unpaired t test over cells looked at.",
    )  # fmt: skip
    panels = figure.subplots(1, len(_CHEMOKINES), sharey=True)
    for axes, letter, (ligand, name) in zip(panels, "bc", _CHEMOKINES.items(), strict=True):
        style(axes, letter, name, f"{name} content, fold change over the control")
        for place, (of, reported) in enumerate(
            zip(("bodies", "migrasomes"), _RISES[ligand], strict=True)
        ):
            _draw_contents(axes, place, virtual, Look(f"content of {of}", ligand, _IMAGED))
            draw_level(axes, place + 0.5 * BESIDE, reported)
        draw_ticks(axes, ["cell bodies", "migrasomes"])
        axes.legend(
            handles=[
                *(
                    Patch(color=colour, alpha=FILLED, label=label)
                    for colour, label in zip(
                        _STAINED.values(), _treatments(labels, names), strict=True
                    )
                ),
                Line2D([], [], **LEVEL, label="reported"),
            ],
            fontsize=SMALL, frameon=False, loc="upper left",
        )  # fmt: skip
    return figure


def _draw_contents(axes: Any, place: float, virtual: Virtual, look: Look) -> None:
    """Contents without and with BAPTA-AM over those without."""
    control, blocked = (virtual[name] for name in _STAINED)
    whole_dish = replace(look, quantity=f"mean {look.quantity}")
    own, treated = ([numbers_of(e, whole_dish) for e in each] for each in (control, blocked))
    levels = [mean_of(numbers) or math.nan for numbers in own]
    p = T_OF_CELLS.p(control[0], blocked[0], look)
    tops, places = [], [place - 0.5 * BESIDE, place + 0.5 * BESIDE]
    for at, numbers, colour in zip(places, (own, treated), _STAINED.values(), strict=True):
        relative = [each / level for each, level in zip(numbers, levels, strict=False)]
        tops.append(draw_bar(axes, at, relative, colour, width=NARROW))
    draw_marks(axes, places, tops, ["", stars_and_p(p)])


def _draw_vesicles(virtual: Virtual, labels: Labels) -> Figure:
    """Fig. 1d, 2g and 4a: vesicles in migrasomes."""
    names = sorted({name for colours in _HOLDING.values() for name in colours})
    figure = figure_with_caption(
        11.0, 4.6, said_of_boxes(virtual, names),
        f"{_ABOVE} unpaired t test over cells against the control.",
    )  # fmt: skip
    panels = figure.subplots(
        1, len(_HOLDING), sharey=True, width_ratios=[len(c) for c in _HOLDING.values()]
    )
    look = Look("vesicles in a cell's migrasomes", "all", _IMAGED)
    for axes, (letter, colours) in zip(panels, _HOLDING.items(), strict=True):
        style(axes, letter, "", "vesicles per cell, in its migrasomes (log scale above 1)")
        draw_boxes(axes, virtual, colours, look, test=T_OF_CELLS, scale="symlog")
        draw_ticks(axes, _labels(labels, list(colours)))
    return figure


# Figures and the conditions that they need

_Figures = Mapping[str, tuple[Callable[[Virtual, Labels], Figure], Sequence[str]]]

_DENIZ: _Figures = {
    "1D-E": (_draw_days, list(_DAYS)),
    "2A-B": (_draw_substrates, _SUBSTRATES),
    "5D-F": (_draw_co_culture, ["control"]),
    "5G": (_DRUGS, list(_DRUGS.colours)),
    "5I": (_ANTIBODY, list(_ANTIBODY.colours)),
    "5J": (_ANTIBODY_CD34, list(_ANTIBODY_CD34.colours)),
    "S5B": (_draw_paths, list(_TRACKED)),
    "S6": (_DRUGS_CD34, list(_DRUGS_CD34.colours)),
}
_JIAO: _Figures = {
    "7a": (_draw_secretion, list(_SECRETING)),
    "7b-c": (_draw_staining, list(_STAINED)),
    "vesicles": (_draw_vesicles, [name for colours in _HOLDING.values() for name in colours]),
}


def deniz_figures(virtual: Virtual, labels: Labels) -> dict[str, Figure]:
    """Figures of Deniz et al. (2023), by file stem.

    Bars are means of all experiments with the range of single ones; dots are dishes, or cells, of
    the first experiment, and tests are on these.

    Parameters
    ----------
    virtual : mapping of str to sequence
        By condition the experiments: for each of its dishes the readings. Figures of conditions
        that are not there are left out.
    labels : mapping of str to str
        Labels of conditions.

    Examples
    --------
    >>> deniz_figures({}, {})
    {}
    """
    return _draw_all(_DENIZ, virtual, labels)


def jiao_figures(virtual: Virtual, labels: Labels) -> dict[str, Figure]:
    """Figures of Jiao et al. (2024), by file stem; as `deniz_figures`."""
    return _draw_all(_JIAO, virtual, labels)


def _draw_all(figures: _Figures, virtual: Virtual, labels: Labels) -> dict[str, Figure]:
    return {
        stem: draw(virtual, labels)
        for stem, (draw, names) in figures.items()
        if all(virtual.get(name) for name in names)
    }
