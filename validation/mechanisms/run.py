"""Fold changes with one mechanism at a time, what the floor and the medium do to them, and what
finer steps and grids change.

python validation/mechanisms/run.py        # about 6 minutes on 2 cores; writes table.md
"""

import argparse
from pathlib import Path

import numpy as np

from sdf1_field.analysis import FoldChange, density_fold_change, fold_changes
from sdf1_field.ensemble import Counted, Dish, count_dishes

FOUR, TWELVE = 4 * 3600.0, 12 * 3600.0
SWITCHES = (
    "soluble_sensing", "haptotaxis", "cxcr4_adhesion", "cd166_adhesion", "chemokinesis",
)  # fmt: skip

STROMA = (
    "scene.mode=placed", "mechanisms.fibre_adhesion=false", "mechanisms.migrasome_uptake=false",
)  # fmt: skip
"""Of every row: a stroma placed once, that holds cells by what its bodies and migrasomes bear."""


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


def line(name: str, counted: list[Counted]) -> str:
    """One row: fold change on MSC and network at 4 and 12 h, ± standard error over dishes."""
    cells = []
    for n in range(2):
        change = fold_changes([c.censuses[n] for c in counted])
        error = standard_error(counted, n)
        cells += [f"{change.pooled[k]:.2f} ± {error[k]:.2f}" for k in range(2)]
    return f"| {name} | {' | '.join(cells)} |"


def standard_error(counted: list[Counted], n: int) -> np.ndarray:
    """Jackknife standard error of the ratio of sums over dishes, shape (2,)."""
    counts = np.array([c.censuses[n].counts for c in counted])
    areas = np.array([c.censuses[n].areas for c in counted])
    left_out = density_fold_change(counts.sum(0) - counts, areas.sum(0) - areas)
    dishes = len(counted)
    return np.sqrt((dishes - 1) / dishes * ((left_out - left_out.mean(0)) ** 2).sum(0))


def pooled(counted: list[Counted], n: int) -> FoldChange:
    """Fold changes over the dishes at the n-th time."""
    return fold_changes([c.censuses[n] for c in counted])


def main() -> None:
    """Simulate all variants on the same dishes and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dishes", type=int, default=6)
    parser.add_argument("-o", "--output", type=Path, default=Path(__file__).with_name("table.md"))
    arguments = parser.parse_args()
    flat = [
        Dish(model, (*STROMA, *settings), seed, (FOUR, TWELVE))
        for model, settings in VARIANTS.values()
        for seed in range(1, arguments.dishes + 1)
    ]
    done = 0

    def progress(finished: int) -> None:
        nonlocal done
        done += finished
        if done % 20 == 0:
            print(f"{done} of {len(flat)} dishes", flush=True)

    results = iter(count_dishes(flat, progress=progress))
    table = {name: [next(results) for _ in range(arguments.dishes)] for name in VARIANTS}
    full = table["full model"]
    limit = [
        density_fold_change(
            np.array([c.encounter[n] for c in full]).sum(0),
            np.array([c.censuses[n].areas for c in full]).sum(0),
        )
        for n in range(2)
    ]
    rows = [
        f"{arguments.dishes} dishes (seeds 1 to {arguments.dishes}, the same for every row); "
        "ratio of sums ± jackknife standard error over dishes.",
        "",
        "| mechanisms | MSC, 4 h | network, 4 h | MSC, 12 h | network, 12 h |",
        "|---|---|---|---|---|",
        *[line(name, counted) for name, counted in table.items()],
        "| encounter limit of these dishes | "
        + " | ".join(f"{limit[n][k]:.1f}" for n in range(2) for k in range(2))
        + " |",
        "",
        "Change against the full model, in units of the full model's standard error. A changed "
        "step or grid is another realisation of the cells' walk: changes of one or two are chance.",
        "",
        "| what was changed | MSC, 4 h | network, 4 h | MSC, 12 h | network, 12 h |",
        "|---|---|---|---|---|",
    ]
    finer = list(VARIANTS)[list(VARIANTS).index("full model, coupling step halved") :]
    for name in finer:
        shifts = [
            (pooled(table[name], n).pooled[k] - pooled(full, n).pooled[k])
            / standard_error(full, n)[k]
            for n in range(2)
            for k in range(2)
        ]
        rows.append(f"| {name} | " + " | ".join(f"{s:+.2f}" for s in shifts) + " |")
    text = "\n".join(rows) + "\n"
    arguments.output.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
