"""Fold changes of the co-culture in media that are mixed from below, and without a coat under MSC.

python validation/mechanisms/media.py        # about 5 minutes on 2 cores; writes media.md

Scenes are placed, since the coat can only be missing under bodies that stay where they are. A seed
has one stroma in every row.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[1]))

from rows import MEDIA, MEDIA_DISHES, STILL

from cocultures import log_folds_of
from recording import carried_out, markdown
from sdf1_field.simulation import simulate
from sdf1_field.spec import load_model
from sensitivity import ship

Array = NDArray[np.float64]

FIRST_SEED = 6001
SETTINGS = (
    "scene.mode=placed", "output.ligands=[]", "run.duration=12 h", "output.fields_every=4 h",
)  # fmt: skip
HOURS = (4, 12)


def log_folds(task: tuple[str, int]) -> Array:
    """Logarithms of the fold changes of a row and seed, shape (hour, 2): MSC and network."""
    row, seed = task
    model, settings = MEDIA[row]
    spec = load_model(model, settings=(*SETTINGS, *settings)).spec
    found = {}
    for state in simulate(spec, seed=seed):
        if (hour := state.time / 3600.0) in HOURS:
            found[hour] = log_folds_of(state)
    return np.array([found[hour] for hour in HOURS])


def fold_text(logs: Array, differences: Array) -> str:
    """Geometric mean of fold changes, and of their ratios to those in a still medium."""
    text = f"{np.exp(logs.mean()):.1f}"
    if not differences.any():
        return text
    error = differences.std(ddof=1) / np.sqrt(len(differences))
    low, high = np.exp(differences.mean() + error * np.array([-1.0, 1.0]))
    return f"{text}; × {np.exp(differences.mean()):.2f} ({low:.2f} to {high:.2f})"


def main() -> None:
    """Simulate every row in every dish, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dishes", type=int, default=MEDIA_DISHES)
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args()
    tasks = [(row, FIRST_SEED + n) for row in MEDIA for n in range(asked.dishes)]
    found = dict(zip(tasks, carried_out(log_folds, tasks, asked.workers, "dishes"), strict=True))
    logs = {
        row: np.array([found[row, FIRST_SEED + n] for n in range(asked.dishes)]).reshape(
            asked.dishes, -1
        )
        for row in MEDIA
    }
    lines = [
        [row, *map(fold_text, own.T, (own - logs[STILL[model]]).T)]
        for (row, own), (model, _) in zip(logs.items(), MEDIA.values(), strict=True)
    ]
    header = ["medium", *(f"{region}, {hour} h" for hour in HOURS for region in ("MSC", "network"))]
    Path(__file__).with_name("media.md").write_text(
        "# Mixed media, and a coat that is missing under bodies\n\n"
        f"`python validation/mechanisms/media.py`: placed scenes, {asked.dishes} dishes, the same "
        "seeds in every row. Geometric means of the fold changes over free surface, and of their "
        "ratios to those of the same dishes with a still medium and a coat everywhere, with one "
        "standard error to both sides.\n\n"
        f"{markdown(header, lines)}\n",
        encoding="utf-8",
    )
    ship()


if __name__ == "__main__":
    main()
