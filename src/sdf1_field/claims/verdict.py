"""Verdicts on a paper's claims: effects on the reported side, chances above the null model's."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from sdf1_field.claims.chances import UNKNOWN, Interval, lowest_if_all_agree
from sdf1_field.claims.targets import Claim, Statement
from sdf1_field.claims.virtual import (
    Chance,
    OpenChoices,
    Virtual,
    chance_of,
    effect_of,
    informed_weights,
)

ABOVE_NULL = 3.0
"""Ratio to the null model's chance from which a claim is reproduced."""
ENOUGH, RARE = 0.2, 0.1
"""Chances from which a claim is reproduced, and below which it is not, at any null model's."""
MAJORITY = 0.5
"""The same two where there is no null model, or where nothing may be significant."""

REPRODUCED, DIRECTION_ONLY, UNDECIDED = "reproduced", "direction only", "undecided"
NOT_REPRODUCED, VACUOUS = "not reproduced", "vacuous"
VERDICTS = (REPRODUCED, DIRECTION_ONLY, UNDECIDED, NOT_REPRODUCED, VACUOUS)


@dataclass(frozen=True)
class StatementFound:
    """A statement in pools and in the virtual papers drawn from them.

    Parameters
    ----------
    statement : Statement
    effect : Interval
        Of whole pools.
    chance : float
        That a virtual paper agrees with this statement; NaN if the pools are too small.
    p : float
        Median at the fewest views, without variation between experiments, Student's where it is an
        unpaired t; NaN without a test.
    """

    statement: Statement
    effect: Interval
    chance: float
    p: float

    @property
    def inside(self) -> bool:
        """Whether the interval lies within the one that the paper reports."""
        s = self.statement
        return not s.directed or (s.above < self.effect.low and self.effect.high < s.below)

    @property
    def outside(self) -> bool:
        """Whether the interval lies wholly outside of the one that the paper reports.

        An end at the reported bound is outside, as is an interval without width at it: "less than
        1" is refused by medians of which each jackknifed ratio is 1.
        """
        s = self.statement
        return s.directed and (self.effect.high <= s.above or self.effect.low >= s.below)


@dataclass(frozen=True)
class ClaimFound:
    """A claim, judged by pools of dishes.

    Parameters
    ----------
    claim : Claim
    statements : tuple of StatementFound
    chance : Chance or None
        That one virtual paper agrees with all statements; None if the pools are too small.
    null : Chance or None
        The same in the null model; None where there is none, or too few of its dishes.
    verdict : str
        One of `VERDICTS`.
    """

    claim: Claim
    statements: tuple[StatementFound, ...]
    chance: Chance | None
    null: Chance | None
    verdict: str

    @property
    def deciding(self) -> StatementFound:
        """Statement that agrees least: outside, then undecided, then with the least chance."""
        return min(self.statements, key=lambda f: (not f.outside, f.inside, f.chance))


@dataclass(frozen=True)
class JointFound:
    """Chance that one virtual paper reports several claims.

    Parameters
    ----------
    ids : tuple of str
    chance : Chance
    """

    ids: tuple[str, ...]
    chance: Chance


def find_all(
    virtual: Virtual, *, directions_only: bool = False
) -> tuple[tuple[ClaimFound, ...], JointFound | None, OpenChoices]:
    """Judge all claims of a paper by the same virtual papers.

    Parameters
    ----------
    virtual : Virtual
    directions_only : bool
        Decide nothing by chances: the pools are too small, or have one view only.

    Returns
    -------
    found : tuple of ClaimFound
    joint : JointFound or None
        None unless all of the paper's joint claims are judged.
    weights : OpenChoices
    """
    weights = informed_weights(virtual)
    chances = {claim.id: _chance(virtual, weights, claim) for claim in virtual.paper.claims}
    found = tuple(
        _find(virtual, weights, claim, chances, directions_only) for claim in virtual.paper.claims
    )
    return found, _joint(virtual, weights), weights


def _chance(
    virtual: Virtual, weights: OpenChoices, claim: Claim, *, null: bool = False
) -> Chance | None:
    judged = [virtual.judged(claim, views, null=null) for views in weights.views]
    holds = [(one.drawn, one.all_hold) for one in judged if one is not None]
    own = [max(virtual.views_of(claim.conditions, views)) for views in weights.views]
    return chance_of(weights, holds, own) if len(holds) == len(judged) else None


def _find(
    virtual: Virtual,
    weights: OpenChoices,
    claim: Claim,
    chances: dict[str, Chance | None],
    directions_only: bool,
) -> ClaimFound:
    own, null = chances[claim.id], None
    if claim.against_null:
        null = _chance(virtual, weights, claim, null=True)
    judged = [virtual.judged(claim, views) for views in weights.views]
    statements = []
    for n, s in enumerate(claim.statements):
        shares = [
            float((w * one.each[n].mean(axis=2)).sum())
            for w, one in zip(weights.grid, judged, strict=True)
            if one is not None
        ]
        replicates = virtual.paper.conditions[s.condition].replicates
        statements.append(
            StatementFound(
                s,
                effect_of(s, virtual.pools, replicates) if virtual.has(claim) else UNKNOWN,
                sum(shares) if len(shares) == len(judged) else math.nan,
                judged[0].p[n] if judged[0] is not None else math.nan,
            )
        )
    detected = chances[claim.detects] if claim.detects else None
    return ClaimFound(
        claim,
        tuple(statements),
        own,
        null,
        verdict(claim, statements, own, null, detected, directions_only=directions_only),
    )


def verdict(
    claim: Claim,
    statements: Sequence[StatementFound],
    own: Chance | None,
    null: Chance | None,
    detected: Chance | None = None,
    *,
    directions_only: bool = False,
) -> str:
    """One of `VERDICTS`.

    The effect holds if the interval of every directed statement lies within the reported one. With
    the effect, a claim is *reproduced* if the lower limit of its chance is at least `ENOUGH` and
    `ABOVE_NULL` times the null model's upper limit, and else *direction only*. It is *not
    reproduced* if an interval lies wholly at or beyond a bound of the reported one, or if the
    upper limit of the chance is below `RARE` or `ABOVE_NULL` times the null model's chance,
    whichever is more. All else is *undecided*.

    Without a null model both bounds are `MAJORITY`; without a directed statement there is no
    effect, and chances decide alone. A claim that nothing is significant is reproduced if its
    effect holds and its chance is at least `MAJORITY`, and *vacuous* if the same experiments do
    not find the effect that the paper did.
    """
    if any(found.outside for found in statements):
        return NOT_REPRODUCED
    directed = any(found.statement.directed for found in statements)
    holds = all(found.inside for found in statements)
    otherwise = DIRECTION_ONLY if directed and holds else UNDECIDED
    if directions_only or own is None or math.isnan(own.averaged.low):
        return otherwise
    if claim.detects:
        if not holds or own.averaged.value < MAJORITY:
            lost = own.averaged.high < MAJORITY and not holds
            return NOT_REPRODUCED if lost else otherwise
        found = detected is not None and detected.averaged.value >= MAJORITY
        return REPRODUCED if found else VACUOUS
    asked, refused = _bounds(claim, null)
    if holds and own.averaged.low >= asked:
        return REPRODUCED
    if otherwise == UNDECIDED and own.averaged.high < refused:
        return NOT_REPRODUCED
    return otherwise


def decides(own: int, null: int | None) -> tuple[bool, bool]:
    """Whether replicates are enough for a verdict by chances where these are clearest.

    Parameters
    ----------
    own : int
        Fewest replicates of a claim's conditions, 1 or more.
    null : int or None
        Of its null model's; None if it is not compared with one.

    Returns
    -------
    reproduced : bool
        If every experiment agrees, and none of the null model's.
    not_reproduced : bool
        If no experiment agrees, nor any of the null model's.
    """
    low = lowest_if_all_agree(own)
    if null is None:
        return low >= MAJORITY, 1.0 - low < MAJORITY
    asked = max(ENOUGH, ABOVE_NULL * (1.0 - lowest_if_all_agree(null)))
    return low >= asked, 1.0 - low < RARE


def _bounds(claim: Claim, null: Chance | None) -> tuple[float, float]:
    """Chances from which a claim is reproduced, and below which it is not.

    A bound above 1 is out of reach: a null model that agrees in more than a third of virtual
    papers decides nothing.
    """
    if not claim.against_null:
        return MAJORITY, MAJORITY
    if null is None or math.isnan(null.averaged.high):
        return math.inf, 0.0
    asked = max(ENOUGH, ABOVE_NULL * null.averaged.high)
    refused = max(RARE, ABOVE_NULL * null.averaged.value)
    return asked, refused if refused <= 1.0 else 0.0


def _joint(virtual: Virtual, weights: OpenChoices) -> JointFound | None:
    """Chance of all joint claims in one virtual paper, whose conditions are drawn once."""
    known = {claim.id: claim for claim in virtual.paper.claims}
    ids = virtual.paper.joint
    if not ids or not all(one in known and virtual.has(known[one]) for one in ids):
        return None
    holds = []
    for views in weights.views:
        keys = tuple(dict.fromkeys(key for one in ids for key in known[one].conditions))
        judged = [virtual.judged(known[one], views) for one in ids]
        flags = [one.all_hold for one in judged if one is not None]
        draws = min(one.shape[2] for one in flags)
        together = flags[0][..., :draws]
        for one in flags[1:]:
            together = together & one[..., :draws]
        holds.append((virtual.draw(keys, views), together))
    return JointFound(ids, chance_of(weights, holds))
