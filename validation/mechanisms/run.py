"""Fold changes with one mechanism at a time, under variants of coat and medium, and with finer
steps and grids.

python validation/mechanisms/run.py        # about 6 minutes on 2 cores; writes table.md
"""

import argparse
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from sdf1_field.analysis import density_fold_change
from sdf1_field.ensemble import run_dishes
from sdf1_field.observations import Dish, Reading
from sdf1_field.observations.cells import AREA, CELLS, ENCOUNTER, FOLD_CHANGE

TIMES = (4 * 3600.0, 12 * 3600.0)
REGIONS = ("MSC", "network")
SWITCHES = (
    "soluble_sensing", "haptotaxis", "cxcr4_adhesion", "cd166_adhesion", "chemokinesis",
)  # fmt: skip

STROMA = (
    "scene.mode=placed", "mechanisms.fibre_adhesion=false", "mechanisms.migrasome_uptake=false",
)  # fmt: skip
"""Of every row: a stroma placed once, which holds cells by its bodies and migrasomes only."""


def only(*on: str) -> tuple[str, ...]:
    """Settings that leave some mechanisms on; crowding stays as it is."""
    return tuple(f"mechanisms.{name}={str(name in on).lower()}" for name in SWITCHES)


VARIANTS: dict[str, tuple[str, tuple[str, ...]]] = {
    "nothing": ("coculture-kg1a", only()),
    "soluble sensing only": ("coculture-kg1a", only("soluble_sensing")),
    "haptotaxis only": ("coculture-kg1a", only("haptotaxis")),
    "CXCR4 adhesion only": ("coculture-kg1a", only("cxcr4_adhesion")),
    "CXCR4 adhesion only, SDF-1 100 ng/mL": ("coculture-kg1a-sdf1", only("cxcr4_adhesion")),
    "CD166 adhesion only": ("coculture-kg1a", only("cd166_adhesion")),
    "CD166 adhesion only, AMD3100 10 uM": ("coculture-kg1a-amd3100-10um", only("cd166_adhesion")),
    "full model": ("coculture-kg1a", ()),
    "full model, mixed above 300 um": ("coculture-kg1a", ("dish.mixed_above=300 um",)),
    "full model, mixed above 100 um": ("coculture-kg1a", ("dish.mixed_above=100 um",)),
    "full model, no coat under bodies": (
        "coculture-kg1a", ("ligand.sdf1.coat.under_bodies=0.0",),
    ),
    "full model, cells take up SDF-1": ("coculture-kg1a", ("mechanisms.uptake=true",)),
    "full model, SDF-1 100 ng/mL": ("coculture-kg1a-sdf1", ()),
    "full model, SDF-1 100 ng/mL, mixed above 300 um": (
        "coculture-kg1a-sdf1", ("dish.mixed_above=300 um",),
    ),
    "full model, SDF-1 100 ng/mL, mixed above 100 um": (
        "coculture-kg1a-sdf1", ("dish.mixed_above=100 um",),
    ),
    "full model, coupling step halved": (
        "coculture-kg1a", ("numerics.coupling_step=7.5 min",),
    ),
    "full model, cells' time step halved": ("coculture-kg1a", ("cells.time_step=15 s",)),
    "full model, tolerance a tenth": ("coculture-kg1a", ("numerics.tolerance=5e-4",)),
    "full model, grid of 10 um": ("coculture-kg1a", ("grid.spacing=10 um",)),
    "full model, grid of 2.5 um": ("coculture-kg1a", ("grid.spacing=2.5 um",)),
    "full model, lowest layer of 1 um": ("coculture-kg1a", ("grid.floor_layer=1 um",)),
    "full model, layers thickening by 1.1": ("coculture-kg1a", ("grid.layer_growth=1.1",)),
}  # fmt: skip


def counts_and_areas(
    dishes: Sequence[Sequence[Reading]], quantity: str, time: float
) -> tuple[np.ndarray, np.ndarray]:
    """Cells in each region, and its share of the floor, shape (dish, 3) each, free surface first.

    Fold change, areas and the number of cells give them back: n_k / n_free = f_k a_k / a_free.
    """
    counts, areas = np.empty((2, len(dishes), 3))
    for n, readings in enumerate(dishes):
        read = {(r.quantity, r.of): r.values[0] for r in readings if r.time == time}
        share = np.array([read[AREA, of] for of in REGIONS])
        areas[n] = 1.0 - share.sum(), *share
        ratio = np.array([1.0, *(read[quantity, of] for of in REGIONS)]) * areas[n] / areas[n, 0]
        counts[n] = read[CELLS, ""] * ratio / ratio.sum()
    return counts, areas


def standard_error(dishes: Sequence[Sequence[Reading]], time: float) -> np.ndarray:
    """Jackknife standard error of the ratio of sums over dishes, shape (2,)."""
    counts, areas = counts_and_areas(dishes, FOLD_CHANGE, time)
    left_out = density_fold_change(counts.sum(0) - counts, areas.sum(0) - areas)
    many = len(dishes)
    return np.sqrt((many - 1) / many * ((left_out - left_out.mean(0)) ** 2).sum(0))


def pooled(
    dishes: Sequence[Sequence[Reading]], time: float, quantity: str = FOLD_CHANGE
) -> np.ndarray:
    """Ratio of sums over dishes on MSC and network, shape (2,)."""
    counts, areas = counts_and_areas(dishes, quantity, time)
    return density_fold_change(counts.sum(0), areas.sum(0))


def line(name: str, cells: Iterable[str]) -> str:
    """One row of a table."""
    return f"| {name} | {' | '.join(cells)} |"


def main() -> None:
    """Simulate all variants on the same dishes and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dishes", type=int, default=6)
    parser.add_argument("-o", "--output", type=Path, default=Path(__file__).with_name("table.md"))
    parser.add_argument(
        "--folder", type=Path, default=Path(tempfile.gettempdir()) / "sdf1-field-mechanisms",
        help="Where finished dishes are kept; the same command goes on.",
    )  # fmt: skip
    arguments = parser.parse_args()
    planned = {
        name: [
            Dish("cells", model, (*STROMA, *settings), seed, TIMES)
            for seed in range(1, arguments.dishes + 1)
        ]
        for name, (model, settings) in VARIANTS.items()
    }
    flat = list(dict.fromkeys(dish for dishes in planned.values() for dish in dishes))
    done = 0

    def progress(finished: int) -> None:
        nonlocal done
        done += finished
        if done % 20 == 0:
            print(f"{done} of {len(flat)} dishes", flush=True)

    ensemble = run_dishes(flat, arguments.folder, progress=progress)
    for failure in ensemble.failures:
        sys.exit(f"{failure.dish.model}, seed {failure.dish.seed}: {failure.message}")
    table = {name: [ensemble.readings[d] for d in dishes] for name, dishes in planned.items()}
    full = table["full model"]
    errors = {
        name: np.ravel([standard_error(dishes, t) for t in TIMES]) for name, dishes in table.items()
    }
    changes = {name: np.ravel([pooled(dishes, t) for t in TIMES]) for name, dishes in table.items()}
    limit = np.ravel([pooled(full, t, ENCOUNTER) for t in TIMES])
    finer = list(VARIANTS)[list(VARIANTS).index("full model, coupling step halved") :]
    rows = [
        f"{arguments.dishes} dishes (seeds 1 to {arguments.dishes}, the same for every row); "
        "ratio of sums ± jackknife standard error over dishes.",
        "",
        "| mechanisms | MSC, 4 h | network, 4 h | MSC, 12 h | network, 12 h |",
        "|---|---|---|---|---|",
        *[
            line(
                name,
                (f"{c:.2f} ± {e:.2f}" for c, e in zip(changes[name], errors[name], strict=True)),
            )
            for name in table
        ],
        line("encounter limit of these dishes", (f"{one:.1f}" for one in limit)),
        "",
        "Change against the full model, in units of the full model's standard error. A changed "
        "step or grid is another realisation of the cells' walk: changes of one or two are chance.",
        "",
        "| what was changed | MSC, 4 h | network, 4 h | MSC, 12 h | network, 12 h |",
        "|---|---|---|---|---|",
        *[
            line(
                name,
                (
                    f"{s:+.2f}"
                    for s in (changes[name] - changes["full model"]) / errors["full model"]
                ),
            )
            for name in finer
        ],
    ]
    text = "\n".join(rows) + "\n"
    arguments.output.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
