"""Results that papers report: conditions that were compared, and claims made of statements."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from sdf1_field.claims.readings import Sample
from sdf1_field.errors import InputError
from sdf1_field.spec import suggestion

INFINITY = float("inf")


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
    dishes : int
        In one experiment.
    donors : bool
        Whether the dishes belong to the experiment's donors, the same in all such conditions.
    null : str or None
        Condition that takes its place in the null model.
    """

    label: str
    model: str
    observation: str
    times: tuple[float, ...]
    settings: tuple[str, ...]
    dishes: int
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
class Claim:
    """One result that a paper reports: all of its statements together.

    Parameters
    ----------
    id, says : str
        Short name, and the result in words.
    source, test : str
        Place in the paper, and the test in the paper's words; empty if it names none.
    fitted : bool
        Whether parameters may be, and were, fitted to it; else it is predicted.
    against_null : bool
        Whether chance alone could make an experiment agree, so that it is compared with the null
        model.
    by_construction : tuple of str
        Parameters and rules of the model of which the result, or part of it, is a direct
        consequence.
    statements : tuple of Statement
    """

    id: str
    says: str
    source: str
    test: str
    fitted: bool
    against_null: bool
    by_construction: tuple[str, ...]
    statements: tuple[Statement, ...]

    @property
    def conditions(self) -> tuple[str, ...]:
        """Conditions that its statements name, each once."""
        keys = (k for s in self.statements for k in (s.condition, s.reference) if k is not None)
        return tuple(dict.fromkeys(keys))


@dataclass(frozen=True)
class Paper:
    """A paper's conditions and claims."""

    name: str
    citation: str
    conditions: Mapping[str, Condition]
    claims: tuple[Claim, ...]

    def only(self, ids: tuple[str, ...]) -> "Paper":
        """The paper with some of its claims.

        Raises
        ------
        InputError
            If one of them is unknown.
        """
        known = [claim.id for claim in self.claims]
        for one in ids:
            if one not in known:
                raise InputError(f"{self.name}: unknown claim '{one}'. {suggestion(one, known)}")
        return replace(self, claims=tuple(c for c in self.claims if c.id in ids))
