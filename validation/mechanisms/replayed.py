"""Which claims of KG-1a cells need which piece of the model, in replayed dishes.

python validation/mechanisms/replayed.py        # about five minutes on 2 cores; writes replayed.md

Each row changes one piece of the model with the shipped values, in ten recorded dishes, judged by
the virtual papers of `sdf1-field calibrate`.
"""

import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np

sys.path.append(str(Path(__file__).parents[1]))

from rows import PIECES, PIECES_SEEDS, STROMA

from recording import markdown
from sdf1_field.calibration.design import gathered
from sdf1_field.calibration.inference import Read, ask, papers_of
from sdf1_field.calibration.papers import REGIONS
from sdf1_field.calibration.replayed import counted, replays_of, tables_of
from sdf1_field.claims import OpenChoices
from sdf1_field.claims.virtual import prior_weights
from sdf1_field.figures.panels import figure_with_caption
from sdf1_field.reproduce import load_paper
from sensitivity import ship

HERE = Path(__file__).parent
PICTURE = HERE.parents[1] / "docs" / "images" / "pieces.png"
DRAWN = 12
"""Rows of the picture: those of pieces, without the exponents."""
DENSER, VIEWS, DRAWS = 4, 2, 20_000


class Row(NamedTuple):
    """A piece that is missing, and what comes of it.

    Parameters
    ----------
    name : str
    folds : list of float
        Of the control at 4 h: MSC, network.
    ratios : dict of str to list of float
        Of fold changes to the control's, by condition.
    chances : dict of str to float
        By claim, and ``joint`` for all of them.
    """

    name: str
    folds: list[float]
    ratios: dict[str, list[float]]
    chances: dict[str, float]


def judged(name: str) -> Row:
    """A row, from replays in ten recorded dishes."""
    paper = load_paper("deniz2023")
    asked = ask(paper, paper.calibrations[0])
    replays = replays_of(
        paper,
        {(read.condition, read.time) for read in asked.reads},
        settings=STROMA.get(name, ()),
        seeds=PIECES_SEEDS,
        denser=DENSER,
    )
    tables = tables_of(replays, counted(replays, PIECES[name]))
    seen = gathered(asked.space.point(asked.shipped)[None], [tables], asked.reads)
    open_choices = prior_weights(
        tuple(sorted({v for c in paper.conditions.values() for v in c.views}))
    )
    grid = np.zeros_like(open_choices.grid)
    place = open_choices.views.index(VIEWS)
    grid[place] = open_choices.grid[place]
    papers = papers_of(asked, seen, OpenChoices(open_choices.views, grid / grid.sum()), draws=DRAWS)
    agree = papers.agree(seen.logs, np.zeros_like(seen.logs))
    four = asked.reads[0].time

    def logs(condition: str) -> np.ndarray:
        return np.array(
            [seen.logs[0, asked.reads.index(Read(condition, r, four))] for r in REGIONS]
        )

    def ratio(condition: str, reference: str) -> list[float]:
        return np.exp(logs(condition) - logs(reference)).tolist()

    chances = {one: float(agree[one].mean()) for one in asked.judged}
    chances["joint"] = float(np.logical_and.reduce([agree[one] for one in asked.claims]).mean())
    return Row(
        name,
        np.exp(logs("control")).tolist(),
        {
            "AMD3100 10 µM": ratio("amd3100", "control"),
            "AMD3100 1 µM": ratio("amd3100_1um", "control"),
            "SDF-1": ratio("sdf1", "control"),
            "anti-CD166": ratio("anti_cd166", "igg"),
        },
        chances,
    )


def draw(rows: Sequence[Row]) -> None:
    """Chances as a coloured table."""
    claims = list(rows[0].chances)
    figure = figure_with_caption(
        6.6, 5.2,
        "Chance that one virtual paper reports each claim (two views of 255 cells in each of "
        "three experiments), with one piece of the model left out.",
    )  # fmt: skip
    axes = figure.subplots()
    shown = np.array([list(row.chances.values()) for row in rows])
    image = axes.imshow(shown, cmap="cividis", vmin=0.0, vmax=1.0, aspect="auto")
    axes.set_xticks(range(len(claims)), claims)
    axes.set_yticks(range(len(rows)), [row.name for row in rows])
    for (n, k), chance in np.ndenumerate(shown):
        axes.text(
            k, n, f"{chance:.2f}", ha="center", va="center", fontsize=8,
            color="black" if chance > 0.5 else "white",
        )  # fmt: skip
    figure.colorbar(image, ax=axes, label="chance")
    figure.savefig(PICTURE, dpi=150)


def main() -> None:
    """Write the table and the picture."""
    with ProcessPoolExecutor(2) as pool:
        rows = list(pool.map(judged, PIECES))
    lines = [
        [row.name, *(f"{a:.2f}/{b:.2f}" for a, b in (row.folds, *row.ratios.values())),
         *(f"{chance:.2f}" for chance in row.chances.values())]
        for row in rows
    ]  # fmt: skip
    header = ["piece", "fold change at 4 h, MSC/network", *rows[0].ratios, *rows[0].chances]
    (HERE / "replayed.md").write_text(
        "# One piece at a time, in replayed dishes\n\nKG-1a cells in ten recorded dishes, four "
        "times as dense and without crowding. Ratios are of fold changes at 4 h to the control's, "
        "of anti-CD166 to that with IgG. Chances are those of one virtual paper whose "
        "experiments have two views of 255 cells, half of the papers by Student's and half by "
        f"Welch's test; *joint* is that of D12, D13, D15 and D16.\n\n{markdown(header, lines)}\n",
        encoding="utf-8",
    )
    draw(rows[:DRAWN])
    ship()


if __name__ == "__main__":
    main()
