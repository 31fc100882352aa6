"""Claims of a file judged by pools of readings, which may be from any program or from a bench."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sdf1_field.claims import (
    ClaimFound,
    JointFound,
    OpenChoices,
    Paper,
    Pool,
    Virtual,
    examine,
    find_all,
)
from sdf1_field.claims.chances import LEAST_UNITS
from sdf1_field.claims.loading import load_claims
from sdf1_field.claims.virtual import own_views
from sdf1_field.judging.readings import null_conditions, read_readings


@dataclass(frozen=True)
class Experiment:
    """A statement in all readings taken as one experiment.

    Parameters
    ----------
    effect, p : float
        NaN where there is none.
    agrees : bool
        Whether effect and p are as the paper reports.
    """

    effect: float
    p: float
    agrees: bool


@dataclass(frozen=True, eq=False)
class Verdicts:
    """Verdicts on claims by readings.

    Parameters
    ----------
    paper : Paper
    readings : str
        File that they are from.
    replicates : mapping of str to int
        Independent replicates of each condition that claims read; 0 of a null model without any.
    found : tuple of ClaimFound
    joint : JointFound or None
    weights : OpenChoices
        Of what the paper leaves open.
    experiments : mapping of str to tuple of Experiment
        By claim, one for each statement.
    """

    paper: Paper
    readings: str
    replicates: Mapping[str, int]
    found: tuple[ClaimFound, ...]
    joint: JointFound | None
    weights: OpenChoices
    experiments: Mapping[str, tuple[Experiment, ...]]

    @property
    def without_null(self) -> tuple[str, ...]:
        """Conditions of null models without readings."""
        return tuple(key for key, number in self.replicates.items() if number == 0)


def judge_readings(
    claims: str, text: str, shown: str, *, paper: str | None = None, ids: Sequence[str] = ()
) -> Verdicts:
    """Judge the claims of a file by a table of readings.

    Parameters
    ----------
    claims : str
        File of claims, or a shipped paper's name; see `sdf1_field.claims.loading.load_claims`.
    text, shown : str
        Table of readings, and its name; see `sdf1_field.judging.readings.read_readings`.
    paper : str, optional
        Which of the file's papers.
    ids : sequence of str
        Claims; all if empty.

    Raises
    ------
    InputError
        If a file is wrong, or readings are missing.
    """
    asked, observations = load_claims(claims, paper=paper)
    if ids:
        asked = asked.only(tuple(ids))
    whole, pools = read_readings(text, shown, asked, observations)
    return judge_pools(whole, pools, shown)


def judge_pools(paper: Paper, pools: Mapping[str, Pool], readings: str) -> Verdicts:
    """Judge a paper's claims by pools of its conditions."""
    found, joint, weights = find_all(Virtual(paper, pools, _views(paper, pools)))
    return Verdicts(
        paper=paper,
        readings=readings,
        replicates={key: pool.units for key, pool in pools.items()},
        found=found,
        joint=joint,
        weights=weights,
        experiments={
            claim.id: tuple(
                Experiment(*examine(s, {key: pools[key] for key in claim.conditions}))
                for s in claim.statements
            )
            for claim in paper.claims
        },
    )


def _views(paper: Paper, pools: Mapping[str, Pool]) -> tuple[int, ...]:
    """Numbers of views to draw: those of the paper that have an interval, else its fewest."""
    nulls = null_conditions(paper)
    open_to = {k: p for k, p in pools.items() if len(paper.conditions[k].views) > 1}
    of_paper = sorted({v for key in open_to for v in paper.conditions[key].views}) or [1]

    def drawn(views: int) -> bool:
        for key, pool in open_to.items():
            if key in nulls:
                continue
            own, replicates = own_views(paper.conditions[key], views), paper.conditions[key]
            if pool.of_donor > 1 and own > pool.of_donor:
                return False
            number = pool.units * pool.of_donor
            several = 1 if pool.of_donor > 1 else own
            if number < LEAST_UNITS * own or pool.units < replicates.replicates * several:
                return False
        return True

    return tuple(v for v in of_paper if drawn(v)) or (of_paper[0],)
