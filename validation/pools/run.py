"""Coverage of the interval of a chance, on simulated pools of dishes whose true chance is known.

python validation/pools/run.py          # writes table.md; README.md says how long it takes

A dish is a multinomial count of cells in three regions, as in the co-culture; the claim is that a
treatment reduces both fold changes significantly (as D13). The truth is the share of experiments
from dishes that none shares.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from sdf1_field.claims import Claim, DensityRatio, Interval, Paper, Pool, Reading, Sample
from sdf1_field.claims.chances import Drawn
from sdf1_field.claims.targets import INFINITY, Condition, Statement, Status
from sdf1_field.claims.virtual import DRAWS, Virtual, chance_of, judge, prior_weights

sys.path.append(str(Path(__file__).parents[1]))

from recording import markdown

HERE = Path(__file__).parent
SEED = 1
CELLS, AREAS = 255, (0.11, 0.05, 0.84)
"""Of a view: cells, and the shares of MSC, network and free surface."""
FOLDS = (8.0, 4.0)
"""Fold changes of the control on MSC and network."""
REGIONS = ("MSC", "network", "free surface")
IN_REGION, AREA = "cells in region", "area of region"
REPLICATES = 3


@dataclass(frozen=True)
class Case:
    """A pool to simulate.

    Parameters
    ----------
    reduction : float
        Ratio of treated to untreated fold changes.
    dishes : int
    views : tuple of int
    spread : float
        Of dishes' densities beyond counting (standard deviation of the logarithm).
    """

    reduction: float
    dishes: int
    views: tuple[int, ...]
    spread: float = 0.0


def claim() -> Claim:
    """Both fold changes are reduced significantly."""

    def statement(region: str) -> Statement:
        return Statement(
            text=region, condition="treated", quantity="fold change", of=region,
            sample=Sample.DISH, time=0.0, statistic="ratio of means", reference="control",
            reference_time=0.0, against=None, above=-INFINITY, below=1.0, test="unpaired t",
            over_dishes=False, p_below=0.05, p_from=None,
            density_ratio=DensityRatio(IN_REGION, AREA, REGIONS[2]),
        )  # fmt: skip

    statements = tuple(statement(region) for region in REGIONS[:2])
    return Claim("X", "both fall", "", "unpaired t", Status.PREDICTED, False, (), statements)


def paper() -> Paper:
    """A paper with that claim alone."""
    conditions = {
        key: Condition(key, "", "cells", (0.0,), (), REPLICATES, (1, 2, 4), False, None)
        for key in ("control", "treated")
    }
    return Paper("simulated", "", conditions, (claim(),))


def dishes(rng: np.random.Generator, number: int, case: Case, reduction: float) -> Pool:
    """Pool of dishes, with fold changes reduced by a ratio."""
    folds = np.array([*FOLDS, 1.0]) * np.array([reduction, reduction, 1.0])
    weight = folds * AREAS * np.exp(case.spread * rng.standard_normal((number, 3)))
    counts = rng.multinomial(CELLS, weight / weight.sum(axis=1, keepdims=True)).astype(float)
    read = tuple(
        tuple(
            Reading(quantity, 0.0, np.array([value]), region)
            for region, area, count in zip(REGIONS, AREAS, row, strict=True)
            for quantity, value in ((IN_REGION, count), (AREA, area))
        )
        for row in counts
    )
    return Pool("", read)


def pools(rng: np.random.Generator, case: Case, number: int) -> dict[str, Pool]:
    """Pools of control and treated dishes."""
    return {
        key: replace(dishes(rng, number, case, reduction), unit=key)
        for key, reduction in (("control", 1.0), ("treated", case.reduction))
    }


def found(case: Case, rng: np.random.Generator) -> Interval:
    """Chance and interval from one simulated pool."""
    virtual = Virtual(paper(), pools(rng, case, case.dishes), case.views)
    judged = [virtual.judged(claim(), views) for views in case.views]
    holds = [(one.drawn, one.all_hold) for one in judged if one is not None]
    return chance_of(prior_weights(case.views), holds).averaged


def truth(case: Case, rng: np.random.Generator) -> float:
    """Share of experiments that agree, of which none shares a dish with another."""
    holds = []
    for views in case.views:
        many = pools(rng, case, DRAWS * REPLICATES * views)
        picks = np.arange(DRAWS * REPLICATES * views).reshape(DRAWS, REPLICATES, views)
        papers = Drawn(many, dict.fromkeys(many, picks))
        holds.append(judge(claim(), papers).all_hold.mean(axis=2))
    return float((prior_weights(case.views).grid * np.array(holds)).sum())


@dataclass(frozen=True)
class Coverage:
    """How often the interval of a simulated pool holds the truth."""

    case: Case
    truth: float
    estimates: tuple[Interval, ...]

    @property
    def covered(self) -> float:
        """Share of pools whose interval holds the truth."""
        return float(np.mean([e.low <= self.truth <= e.high for e in self.estimates]))


def coverage(case: Case, number: int, known: float | None = None) -> Coverage:
    """Coverage over a number of simulated pools."""
    rng = np.random.default_rng(SEED)
    true = truth(case, rng) if known is None else known
    return Coverage(case, true, tuple(found(case, rng) for _ in range(number)))


CASES = [
    *(Case(r, n, (1,)) for r in (1.0, 0.75, 0.55, 0.25, 0.1) for n in (12, 48)),
    *(Case(r, n, (4,)) for r in (0.85, 0.65) for n in (24, 96)),
    *(Case(0.7, n, (1, 2, 4), 0.2) for n in (24, 48)),
]


def row(one: Coverage) -> list[str]:
    """Of the table."""
    values = [e.value for e in one.estimates]
    widths = [e.high - e.low for e in one.estimates]
    return [
        f"{one.case.reduction:g}", ", ".join(map(str, one.case.views)), f"{one.case.spread:g}",
        f"{one.case.dishes}", f"{one.truth:.3f}", f"{np.mean(values):.3f}", f"{np.std(values):.3f}",
        f"{np.mean(widths):.2f}", f"{one.covered:.2f}",
    ]  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> None:
    """Simulate all cases and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pools", type=int, default=100, help="Simulated for each row.")
    asked = parser.parse_args(arguments)
    rows, known = [], {}
    for case in CASES:
        key = replace(case, dishes=0)
        one = coverage(case, asked.pools, known.get(key))
        known[key] = one.truth
        rows.append(row(one))
        print(" | ".join(rows[-1]), file=sys.stderr, flush=True)
    header = [
        "reduction", "views", "spread", "dishes", "chance", "mean estimate", "its deviation",
        "width of interval", "coverage",
    ]  # fmt: skip
    (HERE / "table.md").write_text(
        "# Coverage of the interval of a chance\n\n"
        f"{asked.pools} simulated pools a row; `python validation/pools/run.py`.\n\n"
        f"{markdown(header, rows)}\n",
        encoding="utf-8",
    )


if __name__ == "__main__":
    main()
