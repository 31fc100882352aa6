"""Whether the model reproduces the results that a paper reports, and with what certainty.

Each condition has one pool of independent dishes. The paper's experiment is drawn from the pools
many times and judged by the paper's own tests, and so are experiments drawn from a pool of the null
model, which lacks the mechanisms that claims are about.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sdf1_field import claims
from sdf1_field.claims import (
    ClaimFound,
    JointFound,
    OpenChoices,
    Paper,
    Pool,
    Reading,
    Virtual,
    find_all,
)
from sdf1_field.ensemble import Failure, run_dishes
from sdf1_field.errors import write_whole
from sdf1_field.judging import write_readings
from sdf1_field.observations import OBSERVATIONS
from sdf1_field.reproduce.experiments import (
    Planned,
    chosen_views,
    disjoint_experiments,
    plan,
    pools_of,
)
from sdf1_field.reproduce.tables import as_json, as_markdown

__all__ = [
    "DISHES", "QUICK", "Report", "as_json", "as_markdown", "chosen_views", "load_paper", "plan",
    "reproduce", "write_tables",
]  # fmt: skip

DISHES, QUICK = 48, 12
"""Dishes of a condition by default, and with ``--quick``, which draws single views."""


@dataclass(frozen=True, eq=False)
class Report:
    """Verdicts on a paper's claims, and the readings they rest on.

    Parameters
    ----------
    paper : Paper
    dishes : int
        In each condition's pool.
    found : tuple of ClaimFound
    joint : JointFound or None
        Chance that one virtual paper reports several claims; None if not all of them are judged.
    weights : OpenChoices
        Of what the paper leaves open.
    readings : dict of str to list of list of sequence of Reading
        By condition, experiment and dish: experiments of one view that share no dish, for figures.
    failures : tuple of Failure
    directions_only : bool
        Whether chances decide nothing.
    seed : int
        From which the dishes' own seeds are drawn.
    planned : tuple of Planned
        Dishes of all conditions, also those that failed.
    pools : mapping of str to Pool
        By condition, without dishes that failed.
    """

    paper: Paper
    dishes: int
    found: tuple[ClaimFound, ...]
    joint: JointFound | None
    weights: OpenChoices
    readings: dict[str, list[list[Sequence[Reading]]]]
    failures: tuple[Failure, ...]
    directions_only: bool = False
    seed: int = 1
    planned: tuple[Planned, ...] = ()
    pools: Mapping[str, Pool] = field(default_factory=dict)


def load_paper(name: str, *, targets: Path | None = None) -> Paper:
    """Conditions and claims of a paper over `OBSERVATIONS`; see `sdf1_field.claims.load_paper`."""
    return claims.load_paper(name, OBSERVATIONS, targets=targets)


def reproduce(
    paper: Paper,
    folder: Path,
    *,
    dishes: int = DISHES,
    views: Sequence[int] = (),
    directions_only: bool = False,
    seed: int = 1,
    scheduler: str | None = None,
    workers: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> Report:
    """Test every claim of a paper against experiments drawn from pools of simulated dishes.

    Parameters
    ----------
    paper : Paper
    folder : Path
        Where finished dishes are kept; dishes that it holds already are not simulated again.
    dishes : int
        In the pool of each condition.
    views : sequence of int
        Simulated views that a replicate of the co-culture may be the sum of; if empty, those of
        the paper of which the pools hold six times as many dishes.
    directions_only : bool
        Decide nothing by chances.
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
        If pools are smaller than an experiment, or the scheduler does not answer.
    RunError
        If finished dishes cannot be kept.
    """
    drawn = chosen_views(paper, dishes, views)
    planned = plan(paper, dishes=dishes, views=drawn, seed=seed)
    ensemble = run_dishes(
        [p.dish for p in planned],
        folder,
        scheduler=scheduler,
        workers=workers,
        progress=progress,
    )
    pools = pools_of(paper, planned, ensemble.readings, drawn)
    found, joint, weights = find_all(Virtual(paper, pools, drawn), directions_only=directions_only)
    return Report(
        paper=paper,
        dishes=dishes,
        found=found,
        joint=joint,
        weights=weights,
        readings={
            key: disjoint_experiments(pool, paper.conditions[key].replicates)
            for key, pool in pools.items()
        },
        failures=ensemble.failures,
        directions_only=directions_only,
        seed=seed,
        planned=tuple(planned),
        pools=pools,
    )


def write_tables(report: Report, folder: Path, *, suffix: str = "") -> None:
    """Write ``table.md``, ``claims.json`` and ``readings.csv`` beside a report's dishes.

    The last has what claims read, in the form that `sdf1_field.judge` reads.

    Parameters
    ----------
    report : Report
    folder : Path
    suffix : str
        Of the three names, for a report on a part of the paper.

    Raises
    ------
    OSError
        If the folder cannot be written to.
    """
    write_whole(folder / f"table{suffix}.md", as_markdown(report))
    text = json.dumps(as_json(report), indent=2)
    write_whole(folder / f"claims{suffix}.json", f"{text}\n")
    write_readings(folder / f"readings{suffix}.csv", report.paper, report.pools, OBSERVATIONS)
