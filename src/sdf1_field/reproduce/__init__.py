"""Whether the model says what a paper reports, and how sure that is.

A paper's experiment is simulated many times over, each time with dishes of its own. Every simulated
experiment is judged by the paper's own tests, and so are experiments of the null model, in which
nothing happens that claims speak of.
"""

import hashlib
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sdf1_field.ensemble import Failure, run_dishes
from sdf1_field.errors import InputError, RunError
from sdf1_field.observations import Dish, Reading
from sdf1_field.reproduce.tables import as_json, as_markdown, standing
from sdf1_field.reproduce.targets import Claim, Condition, Paper, Statement, load_paper
from sdf1_field.reproduce.verdicts import (
    VARIATIONS,
    ClaimFound,
    DishRead,
    StatementFound,
    dish_read,
    find,
    null_experiments,
)

__all__ = [
    "EXPERIMENTS", "QUICK", "VARIATIONS", "Claim", "ClaimFound", "Condition", "Paper", "Report",
    "Statement", "StatementFound", "as_json", "as_markdown", "load_paper", "plan", "reproduce",
    "write",
]  # fmt: skip

EXPERIMENTS, QUICK = 20, 3
"""Simulated experiments, and those of a quick look."""
NULL_SPARE = 1.1
"""Dishes from which experiments of the null model are drawn, over what a claim draws at least."""
_SEEDS = 2**31
_DONORS = 10_000
"""Of one seed; the next one's are others."""


@dataclass(frozen=True)
class Planned:
    """A dish and its place: condition, experiment and number, from 0."""

    condition: str
    experiment: int
    number: int
    dish: Dish


@dataclass(frozen=True, eq=False)
class Report:
    """What came of a paper's claims.

    Parameters
    ----------
    paper : Paper
    experiments : int
    found : tuple of tuple of ClaimFound
        Of each claim, at each of `VARIATIONS`.
    readings : dict of str to list of list of tuple of Reading
        By condition, experiment and dish; experiments with a failed dish are left out everywhere.
    failures : tuple of Failure
    """

    paper: Paper
    experiments: int
    found: tuple[tuple[ClaimFound, ...], ...]
    readings: dict[str, list[list[tuple[Reading, ...]]]]
    failures: tuple[Failure, ...]


def _seed(base: int, condition: str, experiment: int, number: int) -> int:
    """Of a dish; the same whatever other conditions and experiments there are."""
    name = f"{base}/{condition}/{experiment}/{number}"
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8]) % _SEEDS


def plan(paper: Paper, *, experiments: int, seed: int = 1) -> list[Planned]:
    """Dishes that the paper's claims need, experiment by experiment.

    Parameters
    ----------
    paper : Paper
    experiments : int
        1 or more.
    seed : int
        Everything is drawn from it; the first experiments of many are those of few.

    Raises
    ------
    InputError
        If there are no experiments.
    """
    if experiments < 1:
        raise InputError("--experiments: there must be one or more. The default is 20.")
    used: dict[str, int] = {}
    for claim in paper.claims:
        for s in claim.statements:
            for key in (s.condition, s.reference):
                if key is None:
                    continue
                used[key] = max(experiments, used.get(key, 0))
                null = paper.conditions[key].null
                if claim.against_null and null is not None:
                    drawn = sum(
                        paper.conditions[k].dishes
                        for k in _conditions_of(claim)
                        if paper.conditions[k].null == null
                    )
                    least = -(-NULL_SPARE * drawn // paper.conditions[null].dishes)
                    used[null] = max(experiments, math.ceil(least), used.get(null, 0))
    return [
        Planned(key, experiment, number, _dish(paper, key, experiment, number, seed))
        for experiment in range(max(used.values(), default=0))
        for key, number_of in used.items()
        if experiment < number_of
        for number in range(paper.conditions[key].dishes)
    ]


def _conditions_of(claim: Claim) -> list[str]:
    """Conditions whose dishes a claim looks at, each once."""
    keys = (k for s in claim.statements for k in (s.condition, s.reference) if k is not None)
    return list(dict.fromkeys(keys))


def _dish(paper: Paper, key: str, experiment: int, number: int, seed: int) -> Dish:
    c = paper.conditions[key]
    donor = 1 + ((seed - 1) * _DONORS + experiment * c.dishes + number) % (_SEEDS - 1)
    return Dish(
        observation=c.observation,
        model=c.model,
        settings=(*c.settings, *((f"variation.donor_number={donor}",) if c.donors else ())),
        seed=_seed(seed, key, experiment, number),
        times=c.times,
    )


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
    """Simulate a paper's experiment many times over and judge its claims.

    Parameters
    ----------
    paper : Paper
    folder : Path
        Where finished dishes are kept; those that are there already are not simulated again.
    experiments : int
        How often the paper's experiment is simulated.
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
        keys = _conditions_of(claim)
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
        return tuple(find(paper, claim, simulated, by_chance, v) for v in VARIATIONS)

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


def write(report: Report, folder: Path, *, suffix: str = "") -> None:
    """Put a report beside its dishes: ``table.md``, ``claims.json`` and ``figures``.

    Parameters
    ----------
    report : Report
    folder : Path
    suffix : str
        Of the three names, for a report on a part of the paper.

    Raises
    ------
    RunError
        If the folder cannot be written to.
    """
    from sdf1_field.figures import deniz_figures, jiao_figures, verdict_figure

    try:
        (folder / f"table{suffix}.md").write_text(as_markdown(report), encoding="utf-8")
        text = json.dumps(as_json(report), indent=2)
        (folder / f"claims{suffix}.json").write_text(f"{text}\n", encoding="utf-8")
        figures = folder / f"figures{suffix}"
        figures.mkdir(exist_ok=True)
        labels = {key: condition.label for key, condition in report.paper.conditions.items()}
        like_the_papers = {"deniz2023": deniz_figures, "jiao2024": jiao_figures}
        drawn = {
            **like_the_papers[report.paper.name](report.readings, labels),
            "verdicts": verdict_figure(
                [
                    (
                        levels[0].claim.id,
                        f"{levels[0].claim.says} ({standing(levels[0].claim)})",
                        [
                            (
                                f.verdict,
                                f.share,
                                f.null_share if math.isfinite(f.null_share) else None,
                            )
                            for f in levels
                        ],
                    )
                    for levels in report.found
                ],
                VARIATIONS,
            ),
        }
        for name, figure in drawn.items():
            figure.savefig(figures / f"{name}.png", dpi=150, metadata={"Software": None})
    except OSError as error:
        raise RunError(
            f"{error.filename or folder}: {(error.strerror or str(error)).lower()}. The dishes are "
            "kept; make room and use the same command."
        ) from None
