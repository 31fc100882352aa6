"""What Jiao et al. (2024) say of L929 and Deniz et al. (2023) of MSC, as statements with tests."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from experiments import CONTROL, HOUR, LABELS, LIGANDS, Array, Experiment
from fit import RISE
from scipy import stats

from sdf1_field.analysis import unpaired_t_test
from sdf1_field.random import Stream, generator
from sdf1_field.scene import NO_BODY

FITTED, PUT_IN, FOLLOWS, PREDICTED = "fitted", "put in", "follows", "predicted"
SIGNIFICANT, VERY, HIGHLY = 0.05, 0.01, 0.001
IMAGED = 12
"""Cells are fixed or filmed 10 to 12 h after seeding [h]."""
MEDIA = (10, 16)
"""The medium is collected [h]."""
NEAR = 0.1
"""How far a factor of J7 may be off."""
ABOUT_TWO = (1.5, 2.5)
"""What "about 2 um" is read as [um]."""
YOUNG, MATURE = 20.0 * 60.0, 2.0 * HOUR
"""Migrasomes younger than the one are young, those older than the other mature [s]."""
FAINT, FULL = 0.5, 0.9
"""Of the full calcium signal: below the one is faint, above the other fills a migrasome."""
MSC = "MSC"
LOOKED_AT, OF_SIXTY = 60, (0.06, 0.25)
"""Migrasomes looked at in D9, and the 95 % interval of 8 of them."""
CULTURED = 24
"""Hours after which MSC are looked at."""

CELLS_T, MIGRASOMES_T, DISHES_T = "t, cells", "t, migrasomes", "t, 3 against 3 dishes"


@dataclass(frozen=True)
class Statement:
    """What is said of an experiment, and what came of it.

    Parameters
    ----------
    claim, text, test, status : str
    measure : str
        What the effect is.
    effect : callable
        Number that is reported of an experiment.
    right : callable
        Whether an experiment has it the way the paper has it.
    p : callable, optional
        Of the paper's test; none where there is no test.
    below : float
        Which p the paper reports; ``above`` instead where it reports no difference.
    """

    claim: str
    text: str
    test: str
    status: str
    measure: str
    effect: Callable[[Experiment], float]
    right: Callable[[Experiment], bool]
    p: Callable[[Experiment], float] | None = None
    below: float = 1.0
    above: float = 0.0

    def holds(self, e: Experiment) -> bool:
        """Whether an experiment says it, by its own test."""
        if not self.right(e):
            return False
        if self.p is None:
            return True
        found = self.p(e)
        return self.above <= found < self.below


def compared(
    claim: str,
    text: str,
    status: str,
    test: str,
    values: Callable[[Experiment, str], Array],
    condition: str,
    *,
    rises: bool,
    below: float,
) -> Statement:
    """A mean that a perturbation raises or lowers, by the t test."""

    def ratio(e: Experiment) -> float:
        own, treated = float(values(e, CONTROL).mean()), float(values(e, condition).mean())
        return treated / own if own > 0.0 else math.nan

    return Statement(
        claim, f"{text}, p < {below:g}", test, status, "treated over control",
        ratio,
        lambda e: ratio(e) > 1.0 if rises else ratio(e) < 1.0,
        lambda e: unpaired_t_test(list(values(e, CONTROL)), list(values(e, condition))),
        below,
    )  # fmt: skip


def of_sections() -> list[Statement]:
    """J1: migrasomes of 30 cells against the distance from the body."""

    def along(e: Experiment, which: int) -> tuple[float, float]:
        distance, *others = e.sectioned(IMAGED)
        found = stats.spearmanr(distance, others[which])
        return float(found.statistic), float(found.pvalue)

    return [
        Statement(
            "J1", f"{text}, p < {SIGNIFICANT:g}", "Spearman, migrasomes of 30 cells", PREDICTED,
            "rank correlation",
            lambda e, which=which: along(e, which)[0],
            lambda e, which=which, sign=sign: sign * along(e, which)[0] > 0.0,
            lambda e, which=which: along(e, which)[1],
            SIGNIFICANT,
        )
        for which, sign, text in (
            (0, 1.0, "the further away, the larger"),
            (1, -1.0, "the further away, the fewer vesicles"),
        )
    ]  # fmt: skip


def per_migrasome(e: Experiment, condition: str) -> Array:
    """All carriers."""
    return e.vesicles_per_migrasome(condition, IMAGED)


def per_cell(ligands: Sequence[str]) -> Callable[[Experiment, str], Array]:
    """Carriers in a cell's migrasomes."""
    return lambda e, condition: e.vesicles_per_cell(condition, IMAGED, ligands)


def of_fusion(knock_downs: Sequence[str]) -> list[Statement]:
    """J2, J3: what slows fusion leaves vesicles in migrasomes."""
    rows = [
        compared("J2", "more vesicles per migrasome with BAPTA-AM", FOLLOWS, MIGRASOMES_T,
                 per_migrasome, "bapta-am", rises=True, below=HIGHLY),
        compared("J2", "more vesicles in a cell's migrasomes with BAPTA-AM", FOLLOWS, CELLS_T,
                 per_cell(LIGANDS), "bapta-am", rises=True, below=HIGHLY),
    ]  # fmt: skip
    return rows + [
        compared("J3", f"more vesicles in a cell's migrasomes with {name.upper()}", FOLLOWS,
                 CELLS_T, per_cell(LIGANDS), name, rises=True,
                 below=HIGHLY if name == "snap23-kd" else SIGNIFICANT)
        for name in knock_downs
    ]  # fmt: skip


MYOSIN = {"myo5a-oe": ("more", True), "myo5a-ko": ("fewer", False)}


def of_transport() -> list[Statement]:
    """J4: Myosin-5a brings carriers into migrasomes."""
    rows = [
        compared("J4", f"{noun} vesicles per migrasome with {name.upper()}", FOLLOWS,
                 MIGRASOMES_T, per_migrasome, name, rises=rises, below=HIGHLY)
        for name, (noun, rises) in MYOSIN.items()
    ]  # fmt: skip
    return rows + [
        compared("J4", f"{noun} {LABELS[ligand]} vesicles in a cell's migrasomes with "
                 f"{name.upper()}", FOLLOWS, CELLS_T, per_cell((ligand,)), name, rises=rises,
                 below=VERY)
        for name, (noun, rises) in MYOSIN.items()
        for ligand in LIGANDS
    ]  # fmt: skip


def of_polarisation() -> list[Statement]:
    """J5: GLPG0187 against migrating cells of the control."""

    def groups(e: Experiment) -> tuple[list[Array], list[Array]]:
        return (
            e.polarisation(CONTROL, IMAGED, migrating=True),
            e.polarisation("glpg0187", IMAGED, migrating=False),
        )

    def difference(e: Experiment) -> float:
        own, treated = (float(np.concatenate(group).mean()) for group in groups(e))
        return treated - own

    def p_cells(e: Experiment) -> float:
        return unpaired_t_test(*(list(np.concatenate(group)) for group in groups(e)))

    def p_dishes(e: Experiment) -> float:
        return unpaired_t_test(*([float(dish.mean()) for dish in group] for group in groups(e)))

    return [
        Statement(
            "J5", f"carriers lose their polarisation with GLPG0187, p < {HIGHLY:g}", test, FOLLOWS,
            "difference of (rear - front) / (rear + front)",
            difference, lambda e: difference(e) < 0.0, p, HIGHLY,
        )
        for test, p in ((CELLS_T, p_cells), (DISHES_T, p_dishes))
    ]  # fmt: skip


SECRETION = {
    "tspan4-oe": True, "itgb1-kd": False, "myo5a-oe": True, "myo5a-ko": False,
}  # fmt: skip
"""Whether a perturbation raises the ratio of secreted to cellular cargo."""


def ratios(e: Experiment, condition: str, hour: float, ligand: str, error: float = 0.0) -> Array:
    """Secreted over cellular cargo of each dish, each of its two blots with a relative error."""
    exact = np.array([c.secreted_to_content for c in e.counts(condition, hour, ligand)])
    if error == 0.0:
        return exact
    key = (list(e.dishes).index(condition) * 2 + LIGANDS.index(ligand)) * len(MEDIA)
    first = 2 * len(exact) * (key + MEDIA.index(int(hour)))
    two = e.noise[first : first + 2 * len(exact)].reshape(2, -1)
    blotted: Array = exact * np.exp(np.log1p(error) * (two[0] - two[1]))
    return blotted


def of_medium(hours: Sequence[int] = MEDIA, error: float = 0.0) -> list[Statement]:
    """J6: the ratio in blots, of both ligands."""

    def p(e: Experiment, name: str, hour: int) -> float:
        return max(
            unpaired_t_test(
                list(ratios(e, CONTROL, hour, ligand, error)),
                list(ratios(e, name, hour, ligand, error)),
            )
            for ligand in LIGANDS
        )

    def changes(e: Experiment, name: str, hour: int) -> list[float]:
        return [
            float(
                ratios(e, name, hour, ligand, error).mean()
                / ratios(e, CONTROL, hour, ligand, error).mean()
            )
            for ligand in LIGANDS
        ]

    return [
        Statement(
            "J6", f"{'more' if up else 'less'} M-CSF and CCL2 in the medium at {hour} h with "
            f"{name.upper()}, p < {VERY:g} each", DISHES_T, PREDICTED, "treated over control",
            lambda e, name=name, hour=hour: float(np.mean(changes(e, name, hour))),
            lambda e, name=name, hour=hour, up=up: all(
                (change > 1.0) == up for change in changes(e, name, hour)
            ),
            lambda e, name=name, hour=hour: p(e, name, hour),
            VERY,
        )
        for name, up in SECRETION.items()
        for hour in hours
    ]  # fmt: skip


def of_block() -> list[Statement]:
    """J7: contents after 10 h without fusion."""

    def factor(e: Experiment, ligand: str, place: int) -> float:
        treated, own = (e.pooled_content(c, IMAGED, ligand) for c in ("bapta-am", CONTROL))
        return treated[place] / own[place]

    rows = [
        Statement(
            "J7", f"{LABELS[ligand]} in {noun} is {RISE[ligand][place]} times as much with "
            "BAPTA-AM, within 10 %", "none", FITTED, "factor",
            lambda e, ligand=ligand, place=place: factor(e, ligand, place),
            lambda e, ligand=ligand, place=place: (
                abs(factor(e, ligand, place) / RISE[ligand][place] - 1.0) <= NEAR
            ),
        )
        for place, noun in enumerate(("migrasomes", "bodies"))
        for ligand in LIGANDS
    ]  # fmt: skip

    def cells(e: Experiment, ligand: str, place: int, condition: str) -> Array:
        measured = e.content_of_bodies if place else e.content_of_migrasomes
        return measured(condition, IMAGED, ligand)

    def dishes(e: Experiment, ligand: str, place: int, condition: str) -> Array:
        counts = e.counts(condition, IMAGED, ligand)
        if place:
            return np.array([count.body_content.mean() for count in counts])
        return np.array([count.content[count.owner != NO_BODY].mean() for count in counts])

    for place, noun in enumerate(("migrasomes", "bodies")):
        for test, values in ((CELLS_T, cells), (DISHES_T, dishes)):
            for ligand in LIGANDS:

                def p(e, ligand=ligand, place=place, values=values) -> float:  # type: ignore[no-untyped-def]
                    both = (values(e, ligand, place, c) for c in (CONTROL, "bapta-am"))
                    return unpaired_t_test(*(list(each) for each in both))

                said = f"p >= {SIGNIFICANT:g}" if place else f"p < {HIGHLY:g}"
                rows.append(
                    Statement(
                        "J7", f"... {LABELS[ligand]} in {noun}, {said}", test, FOLLOWS, "p",
                        p, lambda _: True, p,
                        below=np.inf if place else HIGHLY, above=SIGNIFICANT if place else 0.0,
                    )
                )  # fmt: skip
    return rows


def of_calcium() -> list[Statement]:
    """J8."""

    def signal(e: Experiment, low: float, high: float) -> float:
        counts = e.counts(CONTROL, IMAGED, LIGANDS[0])
        age = np.concatenate([count.age for count in counts])
        calcium = np.concatenate([count.calcium for count in counts])
        return float(np.median(calcium[(age >= low) & (age < high)]))

    return [
        Statement(
            "J8", "calcium is faint (below half) in migrasomes younger than 20 min", "none",
            PUT_IN, "median",
            lambda e: signal(e, 0.0, YOUNG), lambda e: signal(e, 0.0, YOUNG) < FAINT,
        ),
        Statement(
            "J8", "... and fills those older than 2 h (above 0.9)", "none", PUT_IN, "median",
            lambda e: signal(e, MATURE, np.inf), lambda e: signal(e, MATURE, np.inf) > FULL,
        ),
    ]  # fmt: skip


def of_size() -> list[Statement]:
    """J9 and J10."""

    def diameter(e: Experiment) -> float:
        counts = e.counts(CONTROL, IMAGED, LIGANDS[0])
        return float(np.concatenate([count.diameter for count in counts]).mean())

    def enrichment(e: Experiment, ligand: str) -> float:
        return float(np.mean([c.enrichment for c in e.counts(CONTROL, IMAGED, ligand)]))

    def share(e: Experiment, ligand: str) -> float:
        counts = e.counts(CONTROL, IMAGED, ligand)
        return sum(c.through_migrasomes for c in counts) / sum(c.secreted for c in counts)

    rows = [
        Statement(
            "J9", "migrasomes are about 2 um across (1.5 to 2.5)", "none", PUT_IN, "mean [um]",
            diameter, lambda e: ABOUT_TWO[0] <= diameter(e) <= ABOUT_TWO[1],
        )
    ]  # fmt: skip
    rows += [
        Statement(
            "J9", f"{LABELS[ligand]} is enriched in migrasomes over bodies, per volume", "none",
            PREDICTED, "migrasomes over bodies",
            lambda e, ligand=ligand: enrichment(e, ligand),
            lambda e, ligand=ligand: enrichment(e, ligand) > 1.0,
        )
        for ligand in LIGANDS
    ]  # fmt: skip
    return rows + [
        Statement(
            "J10", f"most {LABELS[ligand]} is secreted by migrasomes, by {IMAGED} h", "none",
            PREDICTED, "share of what is secreted",
            lambda e, ligand=ligand: share(e, ligand),
            lambda e, ligand=ligand: share(e, ligand) > 0.5,
        )
        for ligand in LIGANDS
    ]  # fmt: skip


def of_msc() -> list[Statement]:
    """D9: 60 migrasomes of MSC."""

    def share(e: Experiment) -> float:
        (count,) = e.counts(MSC, CULTURED, "sdf1")
        rng = generator(e.number, Stream.BOOTSTRAP, 5)
        picked = rng.permutation(len(count.content))[:LOOKED_AT]
        return float((count.vesicles[picked] > 0).mean())

    low, high = OF_SIXTY
    return [
        Statement(
            "D9", f"SDF-1 in {100 * low:.0f} to {100 * high:.0f} % of {LOOKED_AT} migrasomes of "
            "MSC (a vesicle or more)", "none", PREDICTED, "share of migrasomes",
            share, lambda e: low <= share(e) <= high,
        )
    ]  # fmt: skip
