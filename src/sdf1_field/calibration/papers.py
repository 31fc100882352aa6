"""Virtual papers from emulated fold changes: what a paper would report at many parameter points.

`claims.virtual` draws a paper's experiments from simulated dishes; here they are drawn from the
logarithms of fold changes, with the scatter that dishes have. Every point sees the same random
numbers, so that differences between points are those of their fold changes.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from sdf1_field.claims.effects import STATISTICS, UNPAIRED_T
from sdf1_field.claims.pools import Samples, ratio
from sdf1_field.claims.readings import Sample
from sdf1_field.claims.targets import Claim, Condition, Paper, Statement
from sdf1_field.claims.virtual import (
    SIZES,
    WELCH,
    OpenChoices,
    effect_lies,
    own_views,
    p_agrees,
    p_values,
)
from sdf1_field.errors import InputError
from sdf1_field.random import Stream, generator, name_key

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

FOLD_CHANGE = "fold change"
REGIONS = ("MSC", "network")
"""That have a fold change; the free surface, which they are relative to, has 1."""
JUDGED = (
    "mean", "median", "ratio of means", "ratio of medians", "difference of means",
    "difference of medians",
)  # fmt: skip
"""Statistics of fold changes of dishes."""
TESTED = (UNPAIRED_T, "paired t", "Mann-Whitney U")
DRAWS = 500
"""Virtual papers of a point."""
_AT_ONCE = 32
"""Points whose arrays fit into a processor's cache together."""


class Read(NamedTuple):
    """One emulated number: the logarithm of a fold change.

    Parameters
    ----------
    condition, region : str
    time : float
        [s].
    """

    condition: str
    region: str
    time: float


class _Moment(NamedTuple):
    """A condition at one of its times."""

    condition: str
    time: float


@dataclass(frozen=True, eq=False)
class _Counted:
    """How the dishes of one moment scatter; the same at every point.

    Parameters
    ----------
    columns : tuple of int
        Of MSC and network among the emulated numbers.
    total : ndarray, shape (draw, 1)
        Cells of a replicate.
    free : ndarray, shape (draw, 1)
        Cells on free surface, as many as at fold changes of 1.
    roots : ndarray, shape (region, draw, replicate)
        Cube roots of the same for the regions, with the scatter of dishes.
    normals : ndarray, shape (free surface and regions, draw, replicate)
        Standard normal numbers of the counts.
    factors : ndarray, shape (region, draw, replicate)
        From a ratio of counts to a ratio of densities, with the variation between experiments.
    """

    columns: tuple[int, ...]
    total: Array
    free: Array
    roots: Array
    normals: Array
    factors: Array

    def fold_changes(self, logs: Array) -> Array:
        """Fold changes of all replicates, shape (region, point, draw, replicate).

        ``logs``, shape (point, draw, read), are those of the point, with the emulator's error.
        """
        parts = [
            root * np.exp(logs[:, :, k] / 3.0)[..., None]
            for k, root in zip(self.columns, self.roots, strict=True)
        ]
        # Cells settle in proportion to area and fold change, and their number is given.
        share = np.cbrt(self.total / (self.free + sum(part**3 for part in parts)))
        free = poisson_like(np.cbrt(self.free) * share, self.normals[0])
        found = [
            factor * ratio(poisson_like(part * share, normal), free)
            for part, normal, factor in zip(parts, self.normals[1:], self.factors, strict=True)
        ]
        return np.array(found)


def poisson_like(root: Array, normal: Array) -> Array:
    """Numbers that are distributed nearly as Poisson's, and continuous in their mean.

    The 2/3 power of a count of mean ``m`` is nearly normal, with mean ``m**(2/3) (1 - 1/(9 m))``
    and standard deviation ``2/3 m**(1/6)`` (Wilson and Hilferty's transformation for Poisson's
    distribution). From 5 counts on mean, variance and skewness are Poisson's within 0.5, 4 and 6 %,
    and the distribution function half way between counts within 0.005; at 1 to 2 counts it is
    within 0.02. Never negative.

    The chance that a t test of three against three ratios of such counts is significant is that of
    Poisson's counts within 0.01, for 255 cells, 1 to 4 views, fold changes from 0.5 to 20 and
    ratios from 0.3 to 1.

    Parameters
    ----------
    root : ndarray
        Cube root of the mean, > 0.
    normal : ndarray
        Standard normal numbers.
    """
    power = root * root + (2.0 / 3.0) * np.sqrt(root) * normal - (1.0 / 9.0) / root
    power = np.maximum(power, 0.0)
    found: Array = power * np.sqrt(power)
    return found


@dataclass(frozen=True, eq=False)
class Papers:
    """Virtual papers that judge claims at many parameter points; see `make_papers`.

    Parameters
    ----------
    claims : mapping of str to Claim
        By their ids.
    reads : tuple of Read
        Columns of the emulated numbers.
    welch : ndarray of bool, shape (draw,)
        Which papers use Welch's unpaired t test, and not Student's.
    """

    claims: Mapping[str, Claim]
    reads: tuple[Read, ...]
    welch: Flags
    _errors: Array
    _counted: Mapping[_Moment, _Counted]

    def agree(self, mean: Array, sd: Array) -> dict[str, Flags]:
        """Whether each virtual paper at each point reports each claim.

        Parameters
        ----------
        mean : ndarray, shape (point, read)
            The emulator's logarithms of fold changes.
        sd : ndarray, shape (point, component)
            Standard errors of its components; of the reads themselves if there was no ``mixing``.
            An error is that of the point, the same in all dishes of a virtual paper.

        Returns
        -------
        dict of str to ndarray of bool, shape (point, draw)
            By the claims' ids.
        """
        found = {one: np.empty((len(mean), len(self.welch)), dtype=np.bool_) for one in self.claims}
        for at, dishes in self._dishes(mean, sd):
            for one, claim in self.claims.items():
                holds = np.ones((len(mean[at]), len(self.welch)), dtype=np.bool_)
                self._judge(claim, dishes, holds)
                found[one][at] = holds
        return found

    def effects(self, mean: Array, sd: Array, statements: Sequence[Statement]) -> Array:
        """Effects that virtual papers find, shape (point, draw, statement).

        Parameters
        ----------
        mean, sd : ndarray
            As for `agree`.
        statements : sequence of Statement
            Of claims that these papers judge.
        """
        found = np.empty((len(mean), len(self.welch), len(statements)))
        for at, dishes in self._dishes(mean, sd):
            for n, statement in enumerate(statements):
                sides = [dishes.fold_changes(read) for read in _sides(statement)]
                shape = sides[0].shape[:2]
                own, other = (_samples(side.reshape(-1, side.shape[2])) for side in sides)
                found[at, :, n] = STATISTICS[statement.statistic].effect(own, other).reshape(shape)
        return found

    def true_effects(self, mean: Array, sd: Array, statements: Sequence[Statement]) -> Array:
        """Effects of the points' own fold changes, with the emulator's error and no experiment.

        Parameters and returned value as of `effects`.
        """
        found = np.empty((len(mean), len(self.welch), len(statements)))
        for at, dishes in self._dishes(mean, sd):
            for n, statement in enumerate(statements):
                own, other = (
                    _samples(np.exp(dishes.logs[:, :, self.reads.index(read)]).reshape(-1, 1))
                    for read in _sides(statement)
                )
                effect = STATISTICS[statement.statistic].effect(own, other)
                found[at, :, n] = effect.reshape(dishes.logs.shape[:2])
        return found

    def _dishes(self, mean: Array, sd: Array) -> Iterator[tuple[slice, "_Dishes"]]:
        """Some points at a time, with their fold changes."""
        columns = (len(self.reads), len(self._errors))
        if len(mean) != len(sd) or (mean.shape[1], sd.shape[1]) != columns:
            raise ValueError(
                f"mean and sd have shapes {mean.shape} and {sd.shape}. "
                f"Give them {columns[0]} and {columns[1]} columns."
            )
        for first in range(0, len(mean), _AT_ONCE):
            at = slice(first, first + _AT_ONCE)
            # Over the components; errors have the shape (component, draw, read).
            errors = np.tensordot(sd[at], self._errors, 1)
            yield at, _Dishes(self._counted, mean[at, None] + errors, {})

    def _judge(self, claim: Claim, dishes: "_Dishes", holds: Flags) -> None:
        """Take the papers that do not report a claim out of those that hold so far."""
        for statement in claim.statements:
            if not holds.any():
                return
            own, other = (dishes.fold_changes(read)[holds] for read in _sides(statement))
            effect = STATISTICS[statement.statistic].effect(_samples(own), _samples(other))
            agrees = effect_lies(statement, effect)
            tests = np.broadcast_to(self.welch, holds.shape)[holds]
            for welch in WELCH if statement.test is not None else ():
                left = agrees & (tests == welch)
                p = p_values(statement, _samples(own[left]), _samples(other[left]), welch=welch)
                agrees[left] = p_agrees(statement, p)
            holds[holds] = agrees


@dataclass(frozen=True, eq=False)
class _Dishes:
    """Fold changes of some points' dishes, drawn when a statement first asks for them."""

    counted: Mapping[_Moment, _Counted]
    logs: Array
    drawn: dict[_Moment, Array]

    def fold_changes(self, read: Read) -> Array:
        """Of a condition's region at a time, shape (point, draw, replicate)."""
        moment = _Moment(read.condition, read.time)
        if moment not in self.drawn:
            self.drawn[moment] = self.counted[moment].fold_changes(self.logs)
        found: Array = self.drawn[moment][REGIONS.index(read.region)]
        return found


def _samples(folds: Array) -> Samples:
    """Virtual experiments from fold changes of shape (experiment, replicate)."""
    return Samples(Sample.DISH, folds[..., None], 1)


# What claims need


def reads_of(paper: Paper, claims: Sequence[str]) -> tuple[Read, ...]:
    """Numbers that some claims need, each once.

    A moment's fold changes on MSC and on the network come together, since cells on one are missing
    from the other and from the free surface.

    Parameters
    ----------
    paper : Paper
    claims : sequence of str
        Their ids.

    Raises
    ------
    InputError
        If a claim is unknown, or cannot be judged from fold changes of dishes.
    """
    moments = (
        _Moment(read.condition, read.time)
        for claim in _claims_of(paper, claims)
        for statement in claim.statements
        for read in _sides(statement)
    )
    return tuple(Read(m.condition, r, m.time) for m in dict.fromkeys(moments) for r in REGIONS)


def _claims_of(paper: Paper, ids: Sequence[str]) -> list[Claim]:
    """Claims, all of which can be judged, in the order of their ids."""
    known = {claim.id: claim for claim in paper.only(tuple(ids)).claims}
    found = [known[one] for one in dict.fromkeys(ids)]
    for claim in found:
        for n, statement in enumerate(claim.statements, start=1):
            reason = _not_judged(statement)
            if reason:
                raise InputError(
                    f"{paper.name}: {claim.id}: statement {n}: {reason}, which fold changes of "
                    "dishes do not tell. Leave the claim out."
                )
    return found


def _not_judged(statement: Statement) -> str:
    """Why a statement cannot be judged; empty if it can."""
    s = statement
    if s.quantity != FOLD_CHANGE or s.sample is not Sample.DISH:
        return f"it is of '{s.quantity}'"
    if s.of not in REGIONS:
        return f"it is of '{s.of}'"
    if s.statistic not in JUDGED or s.against is not None:
        return f"it asks for the statistic '{s.statistic}'"
    if s.test is not None and s.test not in TESTED:
        return f"it asks for the test '{s.test}'"
    if s.time is None or (s.reference is not None and s.reference_time is None):
        return "it names no time"
    return ""


def _sides(statement: Statement) -> tuple[Read, Read]:
    """The sample of a statement that can be judged, and its reference; itself if there is none."""
    s = statement
    own = Read(s.condition, s.of, cast(float, s.time))
    return own, own if s.reference is None else Read(
        s.reference, s.of, cast(float, s.reference_time)
    )


# Random numbers


def make_papers(
    paper: Paper,
    claims: Sequence[str],
    reads: Sequence[Read],
    *,
    floor: Mapping[str, Sequence[float] | Array],
    scatter: Array,
    weights: OpenChoices,
    cells: float,
    donor_scatter: Array | None = None,
    mixing: Array | None = None,
    draws: int = DRAWS,
    seed: int = 1,
) -> Papers:
    """Virtual papers for many points; all random numbers are drawn here.

    One draw is one paper: all claims are judged by it, and conditions that share a control have the
    same control. Each paper has one number of views, one size of the variation between experiments
    and one of the unpaired t tests; over the draws they come in proportion to their weights.

    The fold change of a replicate is that of the point, with the emulator's error, times the
    scatter of its dish. Cells are spread over regions in proportion to area and fold change;
    counts of the regions scatter as Poisson's do (`poisson_like`), which gives ratios of counts the
    scatter that they have with a given number of cells (to first order in the inverse counts).
    Ratios of densities are multiplied by the variation between experiments, as in
    `claims.virtual`. A dish's scatter and its experiment's factor are the same at all times;
    counts of different times are independent.

    Parameters
    ----------
    paper : Paper
    claims : sequence of str
        Ids of the claims that are judged.
    reads : sequence of Read
        Columns of the emulated numbers; at least those of `reads_of`.
    floor : mapping of str to sequence of float
        Area of free surface, MSC and network of each condition, as shares or in any one unit.
    scatter : ndarray, shape (read,)
        Standard deviation of the logarithm of one view's fold change beyond counting.
    weights : OpenChoices
        Of what the paper leaves open.
    cells : float
        Of one view.
    donor_scatter : ndarray, shape (read,), optional
        Standard deviation of the logarithm of the fold change from donor to donor: in conditions
        with donors it comes on top of ``scatter``, is the same in all of them for one donor, and is
        not less in several views of a donor. None by default.
    mixing : ndarray, shape (read, component), optional
        Reads as sums of components whose errors are independent; the reads' own are if not given.
    draws : int
        Virtual papers.
    seed : int

    Raises
    ------
    InputError
        If a claim is unknown or cannot be judged, or if a number or an area is missing.
    """
    needed = reads_of(paper, claims)
    columns = {read: k for k, read in enumerate(reads)}
    for read in needed:
        if read not in columns:
            raise InputError(
                f"{paper.name}: the fold change of '{read.condition}' on {read.region} at "
                f"{read.time:g} s is needed and missing. Emulate it, or leave its claims out."
            )
    if scatter.shape != (len(reads),) or not (scatter >= 0.0).all():
        raise ValueError("scatter must have a number for each read, none below 0.")
    own = _Open.drawn(weights, draws)
    between = np.zeros(len(reads)) if donor_scatter is None else donor_scatter
    counted = {}
    for moment in dict.fromkeys(_Moment(read.condition, read.time) for read in needed):
        condition = paper.conditions[moment.condition]
        counted[moment] = _count(
            moment,
            condition,
            [columns[Read(moment.condition, region, moment.time)] for region in REGIONS],
            own,
            areas=_areas(paper, moment.condition, floor),
            scatter=scatter,
            between=between if condition.donors else np.zeros(len(reads)),
            cells=cells,
            seed=seed,
        )
    return Papers(
        {claim.id: claim for claim in _claims_of(paper, claims)},
        tuple(reads),
        own.welch,
        _errors(reads, mixing, draws, seed),
        counted,
    )


def _areas(paper: Paper, key: str, floor: Mapping[str, Sequence[float] | Array]) -> Array:
    """Areas of free surface and regions of a condition."""
    areas = np.asarray(floor.get(key, ()), dtype=np.float64)
    if areas.shape != (1 + len(REGIONS),) or not (areas > 0.0).all():
        raise InputError(
            f"{paper.name}: '{key}' needs areas of free surface, MSC and network, all above 0. "
            "Give three numbers."
        )
    return areas


@dataclass(frozen=True, eq=False)
class _Open:
    """What the paper leaves open, in each virtual paper; arrays of shape (draw,).

    Parameters
    ----------
    views : ndarray of int
    sizes : ndarray
        Coefficient of variation between experiments.
    welch : ndarray of bool
    """

    views: NDArray[np.int64]
    sizes: Array
    welch: Flags

    @classmethod
    def drawn(cls, weights: OpenChoices, draws: int) -> "_Open":
        """Combinations in proportion to their weights, each within one paper of its share."""
        ends = weights.grid.cumsum()
        middles = (np.arange(draws) + 0.5) / draws * ends[-1]
        place = np.searchsorted(ends, middles)
        view, size, test = np.unravel_index(place, weights.grid.shape)
        return cls(np.array(weights.views)[view], np.array(SIZES)[size], np.array(WELCH)[test])


def _normal(name: str, seed: int, *shape: int) -> Array:
    rng = generator(seed, Stream.READING, name_key(f"virtual paper/{name}"))
    return rng.standard_normal(shape)


def _errors(reads: Sequence[Read], mixing: Array | None, draws: int, seed: int) -> Array:
    """Errors of the reads for standard errors of 1, shape (component, draw, read)."""
    if mixing is None:
        own = [f"{read.condition}/{read.region}/{read.time:g}" for read in reads]
        mixing = np.eye(len(reads))
    else:
        own = [f"component {n}" for n in range(mixing.shape[1])]
    normals = np.array([_normal(f"emulator/{name}", seed, draws) for name in own])
    return normals[:, :, None] * mixing.T[:, None, :]


def _count(
    moment: _Moment,
    condition: Condition,
    columns: list[int],
    own: _Open,
    *,
    areas: Array,
    scatter: Array,
    between: Array,
    cells: float,
    seed: int,
) -> _Counted:
    """How the dishes of a moment scatter."""
    draws, replicates = len(own.views), condition.replicates

    def normal(name: str, *shape: int) -> Array:
        return _normal(name, seed, draws, *shape)

    at = f"{moment.condition}/{moment.time:g}"
    views = np.array([own_views(condition, int(v)) for v in own.views])[:, None]
    size = np.sqrt(np.log1p(own.sizes**2))[:, None]
    total = cells * views / areas.sum()
    roots, factors = [], []
    normals = [normal(f"count/{at}/free surface", replicates)]
    for region, k, area in zip(REGIONS, columns, areas[1:], strict=True):
        place = f"{moment.condition}/{region}"
        shift = scatter[k] / np.sqrt(views) * normal(f"dish/{place}", replicates)
        shift += between[k] * normal(f"donor/{region}", replicates)
        roots.append(np.cbrt(total * area) * np.exp(shift / 3.0))
        normals.append(normal(f"count/{at}/{region}", replicates))
        varied = np.exp(size * normal(f"experiment/{place}", replicates))
        factors.append(varied * areas[0] / area)
    return _Counted(
        tuple(columns),
        cells * views,
        total * areas[0],
        np.array(roots),
        np.array(normals),
        np.array(factors),
    )
