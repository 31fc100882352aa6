"""Search for values with which the cells do what the paper reports: D12, D13, D15, D16; then D17.

python validation/deniz2023/search.py kg1a -o kg1a.json            # an hour on two cores
python validation/deniz2023/search.py kg1a -o kg1a.json --compare
python validation/deniz2023/search.py cd34 -o cd34.json            # three minutes

A search goes on from the best draws of its output, if that is there. search.md is the record.

Values are drawn from the intervals of models/parameters.toml, first evenly (Sobol), then, in waves,
from a normal distribution around the best so far (cross-entropy method). A draw is scored by
the chance that virtual papers report the claims: its cells are replayed on a few recorded dishes, a
virtual experiment draws dishes from these and counts cells as a Poisson process, and the paper's
tests are made. The result is a first set of defaults, to be confirmed by fresh dishes of the full
program; it is not a posterior.
"""

import argparse
import functools
import json
import math
import sys
import tomllib
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.stats import norm, qmc, t

from sdf1_field.simulation.recording import RecordedExposure, record_exposure
from sdf1_field.simulation.replay import replay_cells
from sdf1_field.spec import load_model

HERE = Path(__file__).parent
PARAMETERS = HERE.parents[1] / "models" / "parameters.toml"
HOUR = 3600.0
OF_A_CELL = (
    *("speed", "receptors", "internalisation_rate", "recycling_rate", "downstream_noise"),
    *("adaptation_time", "half_trigger", "basal_arrest_rate", "triggered_arrest_rate"),
    *("release_rate", "cd166_bonds", "vla4_bonds", "fibre_bonds"),
)
KG1A = (
    "receptor.cxcr4.coat_share",
    "adhesion.cd166_migrasome",
    *(f"cell_type.kg1a.{key}" for key in (*OF_A_CELL, "migrasome_uptake_rate")),
)
"""Keys that KG-1a cells are searched over."""
CD34 = tuple(
    f"cell_type.cd34.{key}"
    for key in ("receptors", "triggered_arrest_rate", "cd166_bonds", "vla4_bonds", "fibre_bonds")
)
"""Keys in which CD34+ cells may differ from KG-1a."""
SEEDS, OTHERS = tuple(range(91, 99)), tuple(range(191, 201))
"""Of the recorded dishes, and of those on which the best draws are compared."""
FINALISTS = 6
DENSER = 4
"""Cells are replayed this much denser than in a dish, without crowding, for less noise."""
VIEW = 255
"""Cells in one view."""
PAPERS = 2000
DRAWS, WAVES, WAVE, ELITE = 128, 7, 24, 10
INSIDE = (0.03, 0.97)
"""Where later draws may lie in an interval, 0 to 1: not at its very ends."""
LEAST = 0.005
"""Joint chance below which draws are equally bad."""
NEEDED, ENOUGH = 2.8, 1.5
"""Strength of an effect that three experiments find significant, and what is beyond it in vain."""


@dataclass(frozen=True)
class Interval:
    """Interval of a key: even in the logarithm unless it begins at 0."""

    low: float
    high: float
    unit: str

    def value(self, where: float) -> str:
        """Value at a place from 0 to 1, with its unit."""
        if self.low > 0.0:
            number = self.low * (self.high / self.low) ** where
        else:
            number = self.low + where * (self.high - self.low)
        return f"{number:.3g} {self.unit}".strip()


@functools.cache
def intervals(keys: Sequence[str]) -> list[Interval]:
    """Intervals of keys, by models/parameters.toml."""
    table = tomllib.loads(PARAMETERS.read_text(encoding="utf-8"))
    found = []
    for key in keys:
        entry = functools.reduce(lambda node, part: node[part], key.split("."), table)
        low, high = (str(limit).partition(" ") for limit in entry["interval"])
        found.append(Interval(float(low[0]), float(high[0]), low[2]))
    return found


def settings(keys: Sequence[str], point: Sequence[float]) -> dict[str, object]:
    """Settings at a point of the unit cube."""
    texts = [interval.value(where) for interval, where in zip(intervals(keys), point, strict=True)]
    return {
        key: float(text) if " " not in text else text for key, text in zip(keys, texts, strict=True)
    }


@functools.cache
def recorded(
    model: str, seed: int, hours: float, settings: tuple[tuple[str, object], ...]
) -> RecordedExposure:
    """Recorded exposure of a dish."""
    spec = load_model(model).set({**dict(settings), "run.duration": f"{hours:g} h"}).spec
    return record_exposure(spec, seed)


def counts(
    runs: Mapping[str, tuple[str, str]],
    values: Mapping[str, object],
    times: Sequence[float],
    seeds: Sequence[int],
    stroma: tuple[tuple[str, object], ...] = (),
) -> dict[str, np.ndarray]:
    """Cells and areas of the regions by condition, shape (dish, time, 2, 3).

    Parameters
    ----------
    runs : mapping of str to (str, str)
        Model of each condition, and the one under whose exposure its cells are replayed.
    values : mapping of str to object
        Settings of all of them.
    times : sequence of float
        [s].
    seeds : sequence of int
        Of the dishes.
    stroma : tuple of (str, object)
        Settings of the recorded dishes.
    """
    hours = max(times) / HOUR
    specs = {}
    for key, (model, _) in runs.items():
        loaded = load_model(model).set(
            {**dict(stroma), **values, "run.duration": f"{hours:g} h", "mechanisms.crowding": False}
        )
        density = DENSER * loaded.spec.cells.density * 1e6
        specs[key] = loaded.set({"cells.density": f"{density!r} 1/mm**2"}).spec
    found = {key: np.empty((len(seeds), len(times), 2, 3)) for key in runs}
    for n, seed in enumerate(seeds):
        for key, (_, exposure) in runs.items():
            dish = recorded(exposure, seed, hours, stroma)
            for m, at in enumerate(replay_cells(dish, specs[key], seed=seed, times=times)):
                found[key][n, m] = at.counts, at.areas
    return found


def folds(dishes: np.ndarray, views: int, rng: np.random.Generator) -> np.ndarray:
    """Fold changes on MSC and network of virtual experiments, shape (paper, 3, 2).

    Parameters
    ----------
    dishes : ndarray, shape (dish, 2, 3)
        Cells and areas.
    views : int
        Dishes that are pooled in an experiment.
    rng : Generator
    """
    chosen = rng.integers(len(dishes), size=(PAPERS, 3, views))
    share = dishes[:, 0] / dishes[:, 0].sum(axis=1, keepdims=True)
    cells = rng.poisson(VIEW * share[chosen]).sum(axis=2)
    density = cells / dishes[chosen, 1].sum(axis=2)
    return density[..., 1:] / np.maximum(density[..., :1], 1e-12)


def significantly_less(own: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Whether both means are lower at p < .05; half of the papers by Student, half by Welch."""
    difference = own.mean(axis=1) - other.mean(axis=1)
    a, b = own.var(axis=1, ddof=1) / 3.0, other.var(axis=1, ddof=1) / 3.0
    freedom = np.full(difference.shape, 4.0)
    welch = (a + b) ** 2 / np.maximum((a**2 + b**2) / 2.0, 1e-300)
    freedom[::2] = welch[::2]
    limit = t.isf(0.025, np.maximum(freedom, 1.0))
    return np.all(difference / np.sqrt(np.maximum(a + b, 1e-300)) < -limit, axis=1)


CONDITIONS = {
    "control": ("coculture-kg1a", "coculture-kg1a"),
    "amd3100": ("coculture-kg1a-amd3100-10um", "coculture-kg1a"),
    "sdf1": ("coculture-kg1a-sdf1", "coculture-kg1a-sdf1"),
    "anti_cd166": ("coculture-kg1a-anti-cd166", "coculture-kg1a"),
}
"""Model of each condition, and the one under whose exposure its cells are replayed."""


def report(
    point: Sequence[float], *, hours: Sequence[float] = (4.0,), seeds: Sequence[int] = SEEDS
) -> dict[str, object]:
    """Chances and ratios of KG-1a cells at a point."""
    return judged(settings(KG1A, point), hours, seeds)


def judged(
    values: Mapping[str, object],
    hours: Sequence[float],
    seeds: Sequence[int],
    stroma: tuple[tuple[str, object], ...] = (),
) -> dict[str, object]:
    """Chances and ratios of KG-1a cells; arguments as of `counts`."""
    times = [hour * HOUR for hour in hours]
    dishes = counts(CONDITIONS, values, times, seeds, stroma)
    pooled = {key: (d.sum(axis=0)[:, 0] / d.sum(axis=0)[:, 1]) for key, d in dishes.items()}
    fold = {key: density[:, 1:] / density[:, :1] for key, density in pooled.items()}
    result: dict[str, object] = {
        "values": values,
        "fold": fold["control"].round(2).tolist(),
        "ratios": {
            key: (fold[key][0] / fold["control"][0]).round(3).tolist()
            for key in CONDITIONS
            if key != "control"
        },
    }
    for views in (1, 2, 4):
        rng = np.random.default_rng(views)
        own = {key: folds(d[:, 0], views, rng) for key, d in dishes.items()}
        igg = folds(dishes["control"][:, 0], views, rng)
        said = {
            "D12": np.all(own["control"].mean(axis=1) > 1.0, axis=1),
            "D13": significantly_less(own["amd3100"], own["control"]),
            "D15": significantly_less(own["sdf1"], own["control"]),
            "D16": significantly_less(own["anti_cd166"], igg),
        }
        if views == 1:
            gathered = own["control"]
            result["strength"] = [
                strength(np.ones_like(gathered), gathered),
                *(strength(own[key], gathered) for key in ("amd3100", "sdf1", "anti_cd166")),
            ]
        if len(times) > 1:
            later = folds(dishes["control"][:, 1], views, rng)
            said["D12"] &= np.all(later.mean(axis=1) > own["control"].mean(axis=1), axis=1)
        result[f"{views} views"] = {
            **{key: round(float(each.mean()), 3) for key, each in said.items()},
            "joint": round(float(np.logical_and.reduce(list(said.values())).mean()), 3),
        }
    return result


def score(found: Mapping[str, object]) -> float:
    """Sum over the claims of the logarithm of a smooth chance, and that of the joint chance.

    The first tells bad draws apart, which never report all claims together.
    """
    said = [float(norm.logcdf(min(z - NEEDED, ENOUGH))) for z in found["strength"]]  # type: ignore[attr-defined]
    joint = sum(math.log(found[views]["joint"] + LEAST) for views in ("1 views", "2 views"))  # type: ignore[index]
    return sum(said) + joint


def strength(own: np.ndarray, other: np.ndarray) -> float:
    """Reduction in standard errors of an experiment, of the region where it is weaker."""
    mean, spread = (other - own).mean(axis=(0, 1)), (own.var(axis=(0, 1)) + other.var(axis=(0, 1)))
    return float((mean / np.sqrt(np.maximum(spread / 3.0, 1e-12))).min())


def cd34_report(point: Sequence[float]) -> dict[str, object]:
    """Chances and ratios of CD34+ cells at a point: D17 without its statement on time."""
    values = settings(CD34, point)
    times = [4.0 * HOUR]
    both = counts(
        {
            "cd34": ("coculture-cd34", "coculture-cd34"),
            "kg1a": ("coculture-kg1a", "coculture-kg1a"),
        },
        values,
        times,
        SEEDS,
    )
    own, other = both["cd34"], both["kg1a"]
    result: dict[str, object] = {"values": values}
    for key, dishes in (("cd34", own), ("kg1a", other)):
        density = dishes.sum(axis=0)[0, 0] / dishes.sum(axis=0)[0, 1]
        result[key] = (density[1:] / density[0]).round(2).tolist()
    for views in (1, 2):
        rng = np.random.default_rng(views)
        a, b = folds(own[:, 0], views, rng), folds(other[:, 0], views, rng)
        if views == 1:
            result["strength"] = [strength(np.ones_like(a), a), strength(a, b)]
        holds = np.all((a.mean(axis=1) > 1.0) & (a.mean(axis=1) < b.mean(axis=1)), axis=1)
        result[f"{views} views"] = {"joint": round(float(holds.mean()), 3)}
    return result


def compare(draws: Path, workers: int) -> None:
    """Print the best draws again, on other dishes and with 12 h, the best joint chance last."""
    best = [point for _, point, _ in json.loads(draws.read_text(encoding="utf-8"))[:FINALISTS]]
    ask = functools.partial(report, hours=(4.0, 12.0), seeds=OTHERS)
    with ProcessPoolExecutor(workers) as pool:
        found = list(pool.map(ask, best))
    for one in sorted(found, key=lambda f: f["1 views"]["joint"] + f["2 views"]["joint"]):  # type: ignore[index]
        print(json.dumps(one))


def search(cells: str, workers: int, out: Path) -> None:
    """Search, print each wave's best, and write all draws."""
    keys, one = (KG1A, report) if cells == "kg1a" else (CD34, cd34_report)
    draws: list[tuple[float, list[float], dict[str, object]]] = []
    with ProcessPoolExecutor(workers) as pool:

        def ask(points: np.ndarray) -> None:
            for point, found in zip(points, pool.map(one, points), strict=True):
                draws.append((score(found), point.tolist(), found))
            draws.sort(key=lambda draw: -draw[0])
            best = draws[0]
            print(len(draws), round(best[0], 2), json.dumps(best[2]), flush=True)
            out.write_text(json.dumps(draws), encoding="utf-8")

        rng = np.random.default_rng(1)
        if out.exists():
            former = json.loads(out.read_text(encoding="utf-8"))
            ask(np.array([point for _, point, _ in former[:ELITE]]))
        else:
            ask(qmc.Sobol(len(keys), seed=1).random(DRAWS if cells == "kg1a" else DRAWS // 4))
        for _ in range(WAVES if cells == "kg1a" else 1):
            elite = np.array([point for _, point, _ in draws[:ELITE]])
            spread = elite.std(axis=0) + 0.02
            around = elite[rng.integers(len(elite), size=WAVE)]
            ask(np.clip(around + 0.7 * spread * rng.standard_normal((WAVE, len(keys))), *INSIDE))


def main() -> None:
    """Search, or compare the best draws."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cells", choices=("kg1a", "cd34"))
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("-o", "--out", type=Path, default=Path("search.json"))
    parser.add_argument("--compare", action="store_true", help="only compare the best draws")
    asked = parser.parse_args()
    if asked.compare:
        compare(asked.out, asked.workers)
    else:
        search(asked.cells, asked.workers, asked.out)


if __name__ == "__main__":
    sys.exit(main())
