"""Draw the figures of paper.md: one dish, and eight dishes in two groups.

    python paper/figures.py

Eight runs of the shipped models with seeds of their own, some two minutes of processor time.
Nothing is kept but ``dish.png`` and ``groups.png`` beside this file.
"""

from pathlib import Path

import sdf1_field as sf

HERE = Path(__file__).parent


def main() -> None:
    """Solve and draw."""
    control = [sf.solve(sf.load_model("coculture-kg1a"), seed=seed) for seed in range(1, 5)]
    drug = [
        sf.solve(sf.load_model("coculture-kg1a-amd3100-10um"), seed=seed) for seed in range(11, 15)
    ]
    control[0].plot(HERE / "dish.png", at="12 h", width="180 mm", force=True)
    sf.plot_groups(
        {"control": control, "AMD3100 10 µM": drug},
        HERE / "groups.png",
        width="180 mm",
        force=True,
    )


if __name__ == "__main__":
    main()
