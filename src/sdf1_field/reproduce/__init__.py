"""Whether the model reproduces the results that a paper reports, and with what certainty.

A paper's experiment is simulated many times, each time with its own dishes. Every simulated
experiment is judged by the paper's own tests, and so are experiments of the null model, which
lacks the mechanisms that claims are about.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sdf1_field import claims
from sdf1_field.claims import Claim, ClaimFound, DishRead, Paper, Reading, find
from sdf1_field.claims.verdict import VARIATIONS
from sdf1_field.ensemble import Failure, run_dishes
from sdf1_field.observations import OBSERVATIONS
from sdf1_field.reproduce.experiments import Planned, dish_read, null_experiments, plan
from sdf1_field.reproduce.tables import as_json, as_markdown

__all__ = [
    "EXPERIMENTS", "QUICK", "Report", "as_json", "as_markdown", "dish_read", "load_paper", "plan",
    "reproduce", "write_tables",
]  # fmt: skip

EXPERIMENTS, QUICK = 20, 3
"""Simulated experiments by default, and with ``--quick``."""


@dataclass(frozen=True, eq=False)
class Report:
    """Verdicts on a paper's claims, and the readings they rest on.

    Parameters
    ----------
    paper : Paper
    experiments : int
    found : tuple of tuple of ClaimFound
        For each claim, at each of `VARIATIONS`.
    readings : dict of str to list of list of tuple of Reading
        By condition, experiment and dish; experiments with a failed dish are left out everywhere.
    failures : tuple of Failure
    """

    paper: Paper
    experiments: int
    found: tuple[tuple[ClaimFound, ...], ...]
    readings: dict[str, list[list[tuple[Reading, ...]]]]
    failures: tuple[Failure, ...]


def load_paper(name: str, *, targets: Path | None = None) -> Paper:
    """Conditions and claims of a paper over `OBSERVATIONS`; see `sdf1_field.claims.load_paper`."""
    return claims.load_paper(name, OBSERVATIONS, targets=targets)


def reproduce(
    paper: Paper,
    folder: Path,
    *,
    experiments: int = EXPERIMENTS,
    seed: int = 1,
    scheduler: str | None = None,
    workers: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> Report:
    """Test every claim of a paper against an ensemble of simulated experiments.

    Parameters
    ----------
    paper : Paper
    folder : Path
        Where finished dishes are kept; dishes that it holds already are not simulated again.
    experiments : int
        Number of simulated experiments.
    seed : int
    scheduler : str, optional
        Address of a running Dask scheduler; processes of this machine if not given.
    workers : int, optional
        Processes; as many as there are cores if not given.
    progress : callable, optional
        Called with the number of dishes finished since the last call.

    Raises
    ------
    InputError
        If there are no experiments, or the scheduler does not answer.
    RunError
        If finished dishes cannot be kept.
    """
    planned = plan(paper, experiments=experiments, seed=seed)
    ensemble = run_dishes(
        [p.dish for p in planned],
        folder,
        scheduler=scheduler,
        workers=workers,
        progress=progress,
    )
    groups: dict[str, dict[int, list[Planned]]] = {}
    for p in planned:
        groups.setdefault(p.condition, {}).setdefault(p.experiment, []).append(p)
    read = {
        p.dish: dish_read(ensemble.readings[p.dish], p.dish.seed)
        for p in planned
        if p.dish in ensemble.readings
    }

    def whole(group: Sequence[Planned]) -> bool:
        return all(p.dish in read for p in group)

    def judged(claim: Claim) -> tuple[ClaimFound, ...]:
        keys = claim.conditions
        simulated = [
            {key: [read[p.dish] for p in groups[key][n]] for key in keys}
            for n in range(experiments)
            if all(whole(groups[key][n]) for key in keys)
        ]
        nulls = {paper.conditions[key].null for key in keys} - {None}
        pools: dict[str, list[DishRead]] = {
            null: [read[p.dish] for group in groups[null].values() for p in group if p.dish in read]
            for null in nulls
            if null is not None and null in groups
        }
        by_chance = null_experiments(paper, claim, pools)
        return tuple(find(claim, simulated, by_chance, v) for v in VARIATIONS)

    complete = [
        n for n in range(experiments) if all(whole(of[n]) for of in groups.values() if n in of)
    ]
    return Report(
        paper=paper,
        experiments=experiments,
        found=tuple(judged(claim) for claim in paper.claims),
        readings={
            key: [[ensemble.readings[p.dish] for p in of[n]] for n in complete]
            for key, of in groups.items()
        },
        failures=ensemble.failures,
    )


def write_tables(report: Report, folder: Path, *, suffix: str = "") -> None:
    """Write ``table.md`` and ``claims.json`` beside a report's dishes.

    Parameters
    ----------
    report : Report
    folder : Path
    suffix : str
        Of the two names, for a report on a part of the paper.

    Raises
    ------
    OSError
        If the folder cannot be written to.
    """
    (folder / f"table{suffix}.md").write_text(as_markdown(report), encoding="utf-8")
    text = json.dumps(as_json(report), indent=2)
    (folder / f"claims{suffix}.json").write_text(f"{text}\n", encoding="utf-8")
