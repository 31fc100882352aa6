"""Draw the figures of paper.md: one dish, and eight dishes in two groups.

    python paper/figures.py [FOLDER]

Eight runs of the shipped models with seeds of their own, some two minutes of processor time. They
are kept in FOLDER (400 MB), and not solved again if they are there; without one nothing is kept but
``dish.png`` and ``groups.png`` beside this file.
"""

import sys
import tempfile
from pathlib import Path

import sdf1_field as sf

HERE = Path(__file__).parent
GROUPS = {
    "control": ("coculture-kg1a", range(1, 5)),
    "AMD3100 10 µM": ("coculture-kg1a-amd3100-10um", range(11, 15)),
}


def main(folder: Path) -> None:
    """Solve what is missing in the folder, and draw."""
    groups = {
        label: [folder / f"{model}-seed{seed}.nc" for seed in seeds]
        for label, (model, seeds) in GROUPS.items()
    }
    for label, (model, seeds) in GROUPS.items():
        for path, seed in zip(groups[label], seeds, strict=True):
            if not path.exists():
                sf.solve(sf.load_model(model), seed=seed, path=path).close()
    with sf.open_run(groups["control"][0]) as run:
        run.plot(HERE / "dish.png", at="12 h", width="180 mm", force=True)
    sf.plot_groups(groups, HERE / "groups.png", width="180 mm", force=True)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as own:
            main(Path(own))
