"""Which claims of KG-1a cells need which piece of the model, in replayed dishes.

python validation/mechanisms/replayed.py        # about five minutes on 2 cores; writes replayed.md

The rows of run.py that concern KG-1a cells and can be replayed, on ten recorded dishes, scored as
validation/deniz2023/search.py does: a virtual paper draws its dishes from these ten, and counts
cells as a Poisson process. run.py judges the same rows in full runs.
"""

import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

sys.path += [str(Path(__file__).parents[1]), str(Path(__file__).parents[1] / "deniz2023")]

from search import OTHERS, judged

from recording import markdown

HERE = Path(__file__).parent
CELL = "cell_type.kg1a."
ROWS: dict[str, dict[str, object]] = {
    "the model": {},
    "no adaptation": {"mechanisms.adaptation": False},
    "no noise in the trigger": {"mechanisms.trigger_noise": False},
    "no arrest by CXCR4": {"mechanisms.arrest": False},
    "no arrest without a trigger (κ0 = 0)": {f"{CELL}basal_arrest_rate": "0 1/s"},
    "no bonds to CD166": {f"{CELL}cd166_bonds": 0.0},
    "no bonds to VCAM-1": {f"{CELL}vla4_bonds": 0.0},
    "no bonds to fibres": {f"{CELL}fibre_bonds": 0.0},
    "no steering": {"mechanisms.soluble_sensing": False, "mechanisms.haptotaxis": False},
    "no chemokinesis": {"mechanisms.chemokinesis": False},
    "no SDF-1 from migrasomes": {},
    "no migrasome is taken up": {"mechanisms.migrasome_uptake": False},
    **{f"exponent of the trigger {h:g}": {f"{CELL}trigger_exponent": h} for h in (1.0, 3.0, 4.0)},
}
STROMA = {
    "no SDF-1 from migrasomes": (("stromal_type.msc.cargo.sdf1.loaded_fraction", 0.0),),
}
CLAIMS = ("D12", "D13", "D15", "D16", "joint")


def row(name: str) -> list[str]:
    """Row of the table."""
    found = judged(ROWS[name], (4.0,), OTHERS, STROMA.get(name, ()))
    (fold,), ratios = found["fold"], found["ratios"]
    chances = [f"{found['2 views'][claim]:.2f}" for claim in CLAIMS]
    shown = ["/".join(f"{value:.2f}" for value in pair) for pair in (fold, *ratios.values())]
    return [name, *shown, *chances]


def main() -> None:
    """Write the table."""
    with ProcessPoolExecutor(2) as pool:
        rows = list(pool.map(row, ROWS))
    header = [
        "piece", "fold change at 4 h, MSC/network", "AMD3100 10 µM to control", "SDF-1",
        "anti-CD166", *(f"{claim}" for claim in CLAIMS),
    ]  # fmt: skip
    (HERE / "replayed.md").write_text(
        "# One piece at a time, in replayed dishes\n\nKG-1a cells, four hours, ten recorded "
        "dishes, cells four times as dense and without crowding. Chances are those of one virtual "
        "paper whose experiments have two views of 255 cells, half of the papers by Student's and "
        "half by Welch's test; D12 without its statements on 12 h.\n\n"
        f"{markdown(header, rows)}\n",
        encoding="utf-8",
    )


if __name__ == "__main__":
    main()
