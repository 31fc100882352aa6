"""Replayed dishes against simulated ones of the same seeds, and the speed and size of a replay.

python validation/replay/run.py        # about 3 minutes on 2 cores; writes table.md
"""

import argparse
import sys
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[1]))

from recording import carried_out, markdown
from sdf1_field.analysis import density_fold_change
from sdf1_field.scene import Fate
from sdf1_field.simulation import RecordedExposure, record_exposure, replay_cells, simulate
from sdf1_field.spec import ModelSpec, load_model

Array = NDArray[np.float64]

END = 4 * 3600.0
FIRST_SEED, DISHES = 3001, 24
SETTINGS = ("output.ligands=[]", "run.duration=4 h", "output.fields_every=4 h")
CONDITIONS = {
    "control": "coculture-kg1a",
    "AMD3100 10 uM": "coculture-kg1a-amd3100-10um",
    "anti-CD166": "coculture-kg1a-anti-cd166",
}
"""All replayed under the exposure of the first."""
LARGEST_DIFFERENCE = 0.05
"""Of the mean log fold change."""
TIMED = 5
"""Replays of a dish that are timed."""


class Pair(NamedTuple):
    """A condition of a dish, simulated and replayed; both arrays of shape (2,), MSC and network.

    Parameters
    ----------
    simulated, replayed : ndarray
        Fold changes.
    taken_up, taken_up_in_replay : int
        Migrasomes.
    """

    simulated: Array
    replayed: Array
    taken_up: int
    taken_up_in_replay: int


class Measured(NamedTuple):
    """What one dish shows.

    Parameters
    ----------
    pairs : dict of str to Pair
        By condition.
    same_without_uptake : bool
        Whether places differ by less than 1e-6 um from the simulated ones where no migrasome is
        taken up and maps are kept in double precision.
    replay, simulation : float
        Processor time of a replay, and of a simulated dish [s].
    size : int
        Of the recorded exposure [bytes].
    """

    pairs: dict[str, Pair]
    same_without_uptake: bool
    replay: float
    simulation: float
    size: int


def spec_of(model: str, *more: str) -> ModelSpec:
    """Model of a condition, to the time at which cells are counted."""
    return load_model(model, settings=(*SETTINGS, *more)).spec


def measured(seed: int) -> Measured:
    """One dish, every condition of it simulated and replayed."""
    recorded = record_exposure(spec_of(CONDITIONS["control"]), seed)
    pairs = {name: pair(recorded, spec_of(model), seed) for name, model in CONDITIONS.items()}
    spec = spec_of(CONDITIONS["control"])
    begun = time.process_time()
    for _ in simulate(spec, seed=seed):
        pass
    simulation = time.process_time() - begun
    begun = time.process_time()
    for own in range(TIMED):
        for _ in replay_cells(recorded, spec, seed=own, times=[END]):
            pass
    replay = (time.process_time() - begun) / TIMED
    return Measured(pairs, same_without_uptake(seed), replay, simulation, recorded.nbytes)


def pair(recorded: RecordedExposure, spec: ModelSpec, seed: int) -> Pair:
    """Fold changes of a simulated dish, and of its cells replayed under a recorded exposure."""
    *_, full = simulate(spec, seed=seed)
    (again,) = replay_cells(recorded, spec, seed=seed, times=[END])
    under = full.cell_regions
    counts = np.array([(under == region).sum() for region in range(3)])
    areas = np.array([(full.regions == region).sum() for region in range(3)])
    return Pair(
        density_fold_change(counts, areas),
        density_fold_change(again.counts, again.areas),
        int((full.scene.migrasomes.fate == Fate.IS_TAKEN_UP).sum()),
        int((again.scene.migrasomes.fate == Fate.IS_TAKEN_UP).sum()),
    )


def same_without_uptake(seed: int) -> bool:
    """Whether cells that take up no migrasome are where they are in a simulated dish."""
    spec = spec_of(CONDITIONS["control"], "mechanisms.migrasome_uptake=false", "run.duration=1 h")
    exact = record_exposure(spec, seed, dtype=np.float64, least_correction=0.0)
    *_, full = simulate(spec, seed=seed)
    *_, again = replay_cells(exact, spec)
    apart = np.hypot(full.cells.x - again.cells.x, full.cells.y - again.cells.y)
    return bool(apart.max() < 1e-6 and np.array_equal(full.cells.held, again.cells.held))


def table(dishes: list[Measured]) -> str:
    """Markdown of all that was measured."""
    rows = []
    logs: dict[str, Array] = {}
    for name in CONDITIONS:
        pairs = [dish.pairs[name] for dish in dishes]
        simulated = np.log([one.simulated for one in pairs])
        replayed = np.log([one.replayed for one in pairs])
        logs[name] = np.stack([simulated, replayed])
        for k, region in enumerate(("MSC", "network")):
            rows.append(
                [
                    name,
                    region,
                    f"{np.exp(simulated[:, k].mean()):.2f}",
                    f"{np.exp(replayed[:, k].mean()):.2f}",
                    difference_text(replayed[:, k] - simulated[:, k]),
                ]
            )
        rows.append(
            [
                name,
                "migrasomes taken up",
                f"{np.mean([one.taken_up for one in pairs]):.1f}",
                f"{np.mean([one.taken_up_in_replay for one in pairs]):.1f}",
                "",
            ]
        )
    for name in [name for name in CONDITIONS if name != "control"]:
        ratio = logs[name] - logs["control"]
        for k, region in enumerate(("MSC", "network")):
            rows.append(
                [
                    f"{name} over control",
                    region,
                    *(f"{np.exp(ratio[n, :, k].mean()):.2f}" for n in range(2)),
                    difference_text(ratio[1, :, k] - ratio[0, :, k]),
                ]
            )
    header = ["condition", "", "simulated", "replayed", "difference of logs"]
    same = sum(dish.same_without_uptake for dish in dishes)
    replay = np.mean([dish.replay for dish in dishes])
    simulation = np.mean([dish.simulation for dish in dishes])
    size = np.mean([dish.size for dish in dishes])
    return "\n".join(
        [
            markdown(header, rows),
            "",
            f"Without uptake, maps in double precision: the same cells in {same} of {len(dishes)} "
            "dishes.",
            "",
            f"Processor time of a dish to 4 h: {simulation:.2f} s simulated, {replay:.3f} s "
            f"replayed ({1.0 / replay:.0f} a second). Recorded exposure: {size / 1e6:.0f} MB, "
            f"{size / 4e6:.1f} MB for an hour.",
            "",
        ]
    )


def difference_text(differences: Array) -> str:
    """Mean and its standard error."""
    error = differences.std(ddof=1) / np.sqrt(len(differences))
    return f"{differences.mean():+.3f} ± {error:.3f}"


def main() -> None:
    """Measure and write the table; exit status 1 where a mean differs by too much."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dishes", type=int, default=DISHES)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("table.md"))
    asked = parser.parse_args()
    seeds = range(FIRST_SEED, FIRST_SEED + asked.dishes)
    dishes = carried_out(measured, seeds, asked.workers, "dishes")
    text = table(dishes)
    asked.out.write_text(text, encoding="utf-8")
    print(text)
    apart = [
        np.abs(
            np.mean([np.log(d.pairs[name].replayed / d.pairs[name].simulated) for d in dishes], 0)
        )
        for name in CONDITIONS
    ]
    if np.max(apart) > LARGEST_DIFFERENCE or not all(d.same_without_uptake for d in dishes):
        sys.exit("Replayed and simulated dishes differ.")


if __name__ == "__main__":
    main()
