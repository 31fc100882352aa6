"""Power of planned experiments: the formula against simulated experiments, and claims of a paper.

python validation/power/run.py formula                    # some seconds
python validation/power/run.py claims --folder FOLDER     # README.md says how long it takes
python validation/power/run.py posterior --folder FOLDER
"""

import argparse
import math
import sys
from dataclasses import dataclass
from itertools import starmap
from pathlib import Path

import numpy as np

from sdf1_field.claims import Pool, Reading
from sdf1_field.claims.significance import paired_t, unpaired_t
from sdf1_field.judging.tables import chance_text
from sdf1_field.observations import OBSERVATIONS
from sdf1_field.statistics import wilson_interval
from sdf1_field.studies import claim_power
from sdf1_field.studies.compared import Side, compared
from sdf1_field.studies.power import EXPERIMENTS, Comparison, Planned, Read
from sdf1_field.studies.power_draws import drawn_power
from sdf1_field.studies.t_power import PAIRED, STUDENT, WELCH

sys.path.append(str(Path(__file__).parents[1]))

from recording import carry_out_sections, markdown, record_section

HERE = Path(__file__).parent
TITLE = "# Power of planned experiments"
ORDER = ("formula", "claims", "posterior")
SEED = 1
CELLS, AREAS, FOLDS = 255, (0.11, 0.05, 0.84), (18.0, 7.0)
"""Of a view: cells, shares of MSC, network and free surface, and the control's fold changes."""
REGIONS = ("MSC", "network", "free surface")
POOL, MANY = 48, 20_000
CLAIMS = ("D13", "D14", "D15", "D16", "D17", "D18", "D19")
NUMBERS, VIEWS = (3, 4, 6, 8), (1, 2, 4)
DONOR_VIEWS = (1, 2)
COMPARED = {
    "D13": ("coculture-kg1a-amd3100-10um", "coculture-kg1a"),
    "D14": ("coculture-kg1a-amd3100-1um", "coculture-kg1a"),
    "D15": ("coculture-kg1a-sdf1", "coculture-kg1a"),
    "D16": ("coculture-kg1a-anti-cd166", "coculture-kg1a-igg"),
}


# The formula


@dataclass(frozen=True)
class Setting:
    """An experiment on dishes of a known law.

    Parameters
    ----------
    region : int
        0 of MSC, 1 of the network.
    ratio : float
        Of treated to untreated fold changes.
    number, views : int
    test : str
    spread : float
        Of dishes' densities beyond counting (standard deviation of the logarithm).
    variation : float
        Coefficient between experiments.
    """

    region: int
    ratio: float
    number: int
    views: int
    test: str = STUDENT
    spread: float = 0.0
    variation: float = 0.0


SETTINGS = (
    Setting(0, 0.6, 3, 1),
    Setting(1, 0.35, 3, 1),
    Setting(1, 0.5, 3, 2, WELCH),
    Setting(1, 0.7, 6, 4, STUDENT, 0.0, 0.15),
    Setting(0, 0.75, 10, 1, WELCH, 0.2),
    Setting(1, 0.6, 4, 2, PAIRED, 0.1, 0.1),
)


def counts(rng: np.random.Generator, shape: tuple[int, ...], ratio: float, spread: float):
    """Cells of fresh dishes in the regions, shape (*shape, 3)."""
    folds = np.array([ratio * FOLDS[0], ratio * FOLDS[1], 1.0])
    weight = folds * AREAS * np.exp(spread * rng.standard_normal((*shape, 3)))
    return rng.multinomial(CELLS, weight / weight.sum(axis=-1, keepdims=True)).astype(float)


def pool(unit: str, rows) -> Pool:
    """Dishes of counts."""

    def readings(row):
        pairs = (
            (quantity, value, region)
            for region, area, count in zip(REGIONS, AREAS, row, strict=True)
            for quantity, value in (("cells in region", count), ("area of region", area))
        )
        return tuple(starmap(lambda q, v, of: Reading(q, 0.0, np.array([v]), of), pairs))

    return Pool(unit, tuple(readings(row) for row in rows))


def comparison(rng: np.random.Generator, one: Setting, dishes: int) -> Comparison:
    """Pools of treated and control dishes."""
    units = ("pair", "pair") if one.test == PAIRED else ("treated", "control")
    first, against = (
        pool(unit, counts(rng, (dishes,), ratio, one.spread))
        for unit, ratio in zip(units, (one.ratio, 1.0), strict=True)
    )
    quantity = OBSERVATIONS["cells"].quantities["fold change"]
    read = Read(quantity, REGIONS[one.region], 0.0)
    return Comparison(first, against, read, Planned(one.test, 0.05, ((one.variation, 1.0),)))


def brute_force(rng: np.random.Generator, one: Setting) -> tuple[int, int]:
    """Experiments, none of which shares a dish with another, that find the difference; and all."""
    folds = []
    for ratio in (one.ratio, 1.0):
        cells = counts(rng, (EXPERIMENTS, one.number, one.views), ratio, one.spread).sum(axis=2)
        factor = np.exp(math.sqrt(math.log1p(one.variation**2)) * rng.standard_normal(
            (EXPERIMENTS, one.number)
        ))  # fmt: skip
        free = cells[..., 2] / AREAS[2]
        folds.append(factor * cells[..., one.region] / AREAS[one.region] / free)
    if one.test == PAIRED:
        p = paired_t(folds[1], folds[0])
    else:
        p = unpaired_t(folds[1], folds[0], welch=one.test == WELCH)
    return int((p < 0.05).sum()), EXPERIMENTS


def formula(_: argparse.Namespace) -> None:
    """The formula against experiments drawn from its own pool, and with fresh dishes."""
    rng = np.random.default_rng(SEED)
    rows = []
    for one in SETTINGS:
        own = comparison(rng, one, POOL).power(one.number, one.views)
        exact = comparison(rng, one, MANY).power_at(one.number, one.views)
        found, total = brute_force(rng, one)
        low, high = wilson_interval(found, total)
        drawn = own.simulated
        inside = drawn is not None and drawn.low <= own.formula.value <= drawn.high
        rows.append(
            [
                REGIONS[one.region], f"{one.ratio:g}", f"{one.number}", f"{one.views}", one.test,
                f"{one.spread:g}", f"{one.variation:g}", chance_text(own.formula),
                chance_text(drawn), "yes" if inside else "no", f"{exact:.3f}",
                f"{found / total:.3f} ({low:.3f} to {high:.3f})",
                "yes" if low <= exact <= high else f"off by {exact - found / total:+.3f}",
            ]
        )  # fmt: skip
    header = [
        "on", "ratio", "n", "views", "test", "spread", "variation", f"formula, {POOL} dishes",
        f"{EXPERIMENTS} experiments drawn from them", "within", f"formula, {MANY:,} dishes",
        f"{EXPERIMENTS} experiments with fresh dishes", "within",
    ]  # fmt: skip
    text = (
        f"Dishes are multinomial counts of {CELLS} cells; the control's fold changes are "
        f"{FOLDS[0]:g} on MSC and {FOLDS[1]:g} on the network. Formula and drawn experiments have "
        "jackknife intervals over the dishes of their pool. With fresh dishes no two experiments "
        "share one, and the interval is Wilson's; the formula beside them knows the moments from "
        f"{MANY:,} dishes, so that their difference is what the normal approximation costs.\n\n"
        f"{markdown(header, rows)}"
    )
    record_section(HERE / "table.md", TITLE, ORDER, "formula", text)


# Claims of the paper


def finished(more: int) -> None:
    """Say that dishes are finished."""
    print("." * more, end="", file=sys.stderr, flush=True)


def claims(arguments: argparse.Namespace) -> None:
    """What chance the paper's experiments had by the shipped values, and what larger ones have."""
    texts = []
    for ids, views in (
        (("D13", "D14", "D15", "D16"), VIEWS),
        (("D17", "D18", "D19"), DONOR_VIEWS),
    ):
        asked = tuple(one for one in ids if one in arguments.claims)
        if not asked:
            continue
        found = claim_power.found_claims(
            claim_power.asked_claims("deniz2023", asked), arguments.folder, numbers=NUMBERS,
            views=views, power=0.8, dishes=arguments.dishes, progress=finished,
        )  # fmt: skip
        by_size: dict[tuple[str, ...], list[str]] = {}
        for size in found.sizes:
            key = (size.claim, size.statement, size.asks, f"{size.views}")
            by_size.setdefault(key, []).append(chance_text(size.chance))
        least = {row[:4]: row[4] for row in claim_power.least_rows(found)}
        rows = [[*key, *chances, least.get(key, "-")] for key, chances in by_size.items()]
        header = [
            "claim", "statement", "asks", "views", *(f"n = {n}" for n in NUMBERS), "80 %",
        ]  # fmt: skip
        texts.append(f"{found.dishes} dishes of each condition.\n\n{markdown(header, rows)}")
    text = "\n\n".join([claim_power.NOTES, *texts])
    record_section(HERE / "table.md", TITLE, ORDER, "claims", text)


def posterior(arguments: argparse.Namespace) -> None:
    """Power to find each treatment's effect over the recorded posterior, by the formula."""
    from sdf1_field.calibration.draws import recorded_draws
    from sdf1_field.studies.power import prior_variation

    draws = recorded_draws(arguments.draws)
    planned = Planned(STUDENT, 0.05, prior_variation())
    rows = []
    for claim, (first, against) in COMPARED.items():
        if claim not in arguments.claims:
            continue
        question = compared(Side(first), Side(against))
        found = drawn_power(
            question, draws.settings, draws.law, planned, arguments.folder, progress=finished
        )
        for one in found:
            ratio = one.ratio()
            for views in VIEWS:
                spreads = [one.power(n, views) for n in NUMBERS]
                least = one.least(views, 0.8)
                rows.append(
                    [
                        claim, one.of, f"{ratio.median:.2f} ({ratio.low:.2f} to {ratio.high:.2f})",
                        f"{views}",
                        *(f"{s.median:.2f} ({s.low:.2f} to {s.high:.2f})" for s in spreads),
                        f"n = {least}" if least else "n > 1000",
                    ]
                )  # fmt: skip
    header = [
        "claim", "on", "ratio", "views", *(f"n = {n}" for n in NUMBERS), "80 % in the median",
    ]  # fmt: skip
    text = (
        f"{len(draws.settings)} draws of the recorded posterior; median and 5 to 95 % of the power "
        "of Student's t test at 0.05 to find a difference, by the formula, with the variation "
        f"between experiments of papers.\n\n{markdown(header, rows)}"
    )
    record_section(HERE / "table.md", TITLE, ORDER, "posterior", text)


if __name__ == "__main__":
    carry_out_sections(
        __doc__ or "",
        {"formula": formula, "claims": claims, "posterior": posterior},
        folder={"type": Path, "default": Path("power-deniz2023"), "help": "Of finished dishes."},
        dishes={"type": int, "default": 48, "help": "Of each condition."},
        draws={"type": int, "default": 16, "help": "Of the posterior."},
        claims={"nargs": "+", "default": CLAIMS, "choices": CLAIMS, "help": "Which claims."},
    )
