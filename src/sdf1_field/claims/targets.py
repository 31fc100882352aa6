"""Results that papers report: conditions that were compared, and claims made of statements."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from sdf1_field.claims.readings import DensityRatio, Sample
from sdf1_field.errors import InputError
from sdf1_field.spec import suggestion

INFINITY = float("inf")
LEAST_SIZE = 200.0
"""Effective sample size below which a posterior decides nothing; see decision 17."""


class Status(StrEnum):
    """Standing of a claim with the model's parameters and rules."""

    CALIBRATED = "calibrated"
    """Parameters are chosen so that it holds."""
    BY_CONSTRUCTION = "by construction"
    """A rule or an assumed number of the model makes it so."""
    PREDICTED = "predicted"
    """It informs nothing."""


@dataclass(frozen=True)
class Condition:
    """One of a paper's conditions.

    Parameters
    ----------
    label : str
        As tables and figures call it.
    model : str
        Shipped name, or a file.
    observation : str
        Name of the kind of observation.
    times : tuple of float
        When dishes are read [s]; empty if the model's output says it.
    settings : tuple of str
        ``KEY=VALUE`` each.
    replicates : int
        Values that the paper's test compares: its n of experiments, or of donors.
    views : tuple of int
        Numbers of simulated views that one of them may be the sum of.
    donors : bool
        Whether the replicates are the experiment's donors, the same in all such conditions.
    null : str or None
        Condition that takes its place in the null model.
    """

    label: str
    model: str
    observation: str
    times: tuple[float, ...]
    settings: tuple[str, ...]
    replicates: int
    views: tuple[int, ...]
    donors: bool
    null: str | None


@dataclass(frozen=True)
class Statement:
    """One number of a claim: the interval it must lie in and the result its test must have.

    Parameters
    ----------
    text : str
        Its subject, beside the claim's own words.
    condition, reference : str
        Names of conditions; the reference is None if there is no comparison.
    quantity, of : str
        The quantity that is read, and the region or ligand that it is read for.
    sample : Sample
        The quantity's.
    time, reference_time : float or None
        When [s]; None for quantities that are read once.
    statistic, test : str
        Keys of `STATISTICS` and `TESTS`; no test is None.
    against : str or None
        Second quantity of the same cells, of a rank correlation.
    over_dishes : bool
        Whether the test takes a dish's mean as one value, instead of each cell's.
    above, below : float
        Open interval in which the effect must lie; infinite where a side is open.
    p_below, p_from : float or None
        Bounds of the test's p.
    density_ratio : DensityRatio or None
        The quantity's.
    p_printed : float or None
        The p that the paper prints.
    value : float or None
        Read from a figure by a user, with its interval ``above`` to ``below``.
    digitised_by : str or None
        Who read it.
    """

    text: str
    condition: str
    quantity: str
    of: str
    sample: Sample
    time: float | None
    statistic: str
    reference: str | None
    reference_time: float | None
    against: str | None
    above: float
    below: float
    test: str | None
    over_dishes: bool
    p_below: float | None
    p_from: float | None
    density_ratio: DensityRatio | None = None
    p_printed: float | None = None
    value: float | None = None
    digitised_by: str | None = None

    @property
    def directed(self) -> bool:
        """Whether the effect must lie in a given interval."""
        return self.above > -INFINITY or self.below < INFINITY

    def expected(self) -> str:
        """Where effect and p must lie, in words.

        Examples
        --------
        "below 1, p < 0.05"
        """
        low, high = self.above > -INFINITY, self.below < INFINITY
        parts = []
        if low and high:
            parts.append(f"{self.above:g} to {self.below:g}")
        elif low or high:
            parts.append(f"above {self.above:g}" if low else f"below {self.below:g}")
        if self.p_below is not None:
            parts.append(f"p < {self.p_below:g}")
        if self.p_from is not None:
            parts.append(f"p >= {self.p_from:g}")
        return ", ".join(parts)


@dataclass(frozen=True)
class LeaveOneOut:
    """A claim as a calibration on the other claims predicts it.

    Parameters
    ----------
    explained : float
        Chance that a new virtual paper reports the claim, by the posterior of all claims.
    direction : float
        Chance that its effects are there, by the posterior of the other claims.
    reported : float
        Chance that a new virtual paper reports it, by the same.
    prior : float
        The same by the prior.
    size : float
        Effective sample size of the posterior of the other claims.
    """

    explained: float
    direction: float
    reported: float
    prior: float
    size: float

    @property
    def decides(self) -> bool:
        """Whether the posterior rests on enough points."""
        return self.size >= LEAST_SIZE


@dataclass(frozen=True)
class Claim:
    """One result that a paper reports: all of its statements together.

    Parameters
    ----------
    id, says : str
        Short name, and the result in words.
    source, test : str
        Place in the paper, and the test in the paper's words; empty if it names none.
    status : Status
    against_null : bool
        Whether chance alone could make an experiment agree, so that it is compared with the null
        model.
    by_construction : tuple of str
        Parameters and rules of the model of which the result, or part of it, is a direct
        consequence.
    statements : tuple of Statement
    detects : str
        Of a claim that nothing is significant: the claim that the same experiments must find, so
        that they are not just too small; empty for other claims.
    law_chosen_by : bool
        Whether the model's law was chosen by people who had seen the claim, so that other claims
        retrodict it and do not predict it.
    left_out : LeaveOneOut or None
        As the other claims predict it; None where nothing is recorded.
    """

    id: str
    says: str
    source: str
    test: str
    status: Status
    against_null: bool
    by_construction: tuple[str, ...]
    statements: tuple[Statement, ...]
    detects: str = ""
    # Stored points of a calibration are found by what a claim says, not by what is known of it.
    law_chosen_by: bool = field(default=False, repr=False)
    left_out: LeaveOneOut | None = field(default=None, repr=False)

    @property
    def conditions(self) -> tuple[str, ...]:
        """Conditions that its statements name, each once."""
        keys = (k for s in self.statements for k in (s.condition, s.reference) if k is not None)
        return tuple(dict.fromkeys(keys))


@dataclass(frozen=True)
class Calibration:
    """What is inferred together from some of a paper's claims.

    Parameters
    ----------
    name : str
    claims : tuple of str
        Ids of those that inform the free parameters.
    predicts : tuple of str
        Ids of further claims on the same cells, which inform nothing.
    free : tuple of str
        Parameters, as dotted paths.
    half_dose : tuple of str
        Lower and upper end of the doses of dissolved ligand that published assays need for half of
        their effect; empty if none are given.
    """

    name: str
    claims: tuple[str, ...]
    predicts: tuple[str, ...]
    free: tuple[str, ...]
    half_dose: tuple[str, ...] = ()


@dataclass(frozen=True)
class Paper:
    """A paper's conditions and claims.

    Parameters
    ----------
    name, citation : str
    conditions : mapping of str to Condition
    claims : tuple of Claim
    joint : tuple of str
        Ids of claims whose joint chance is reported: that one paper reports all of them.
    calibrations : tuple of Calibration
        One after another: later ones have the values of those before.
    """

    name: str
    citation: str
    conditions: Mapping[str, Condition]
    claims: tuple[Claim, ...]
    joint: tuple[str, ...] = ()
    calibrations: tuple[Calibration, ...] = ()

    def only(self, ids: tuple[str, ...]) -> "Paper":
        """The paper with some of its claims, and those that their experiments must find.

        Raises
        ------
        InputError
            If one of them is unknown.
        """
        known = {claim.id: claim for claim in self.claims}
        for one in ids:
            if one not in known:
                raise InputError(
                    f"{self.name}: unknown claim '{one}'. {suggestion(one, list(known))}"
                )
        kept = {*ids, *(known[one].detects for one in ids)}
        return replace(self, claims=tuple(c for c in self.claims if c.id in kept))
