"""The chance that one virtual paper reports a claim, and its interval over a pool's dishes.

An experiment that is drawn from a pool of independent dishes makes the share of agreeing draws a
U-statistic: all subsets of the pool contribute, and its variance comes from the dishes.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from sdf1_field.claims.pools import Picks, Pool

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

LEAST_UNITS = 6
"""Dishes (or donors) a view below which no interval is given."""
_TAIL = 0.025


@dataclass(frozen=True)
class Interval:
    """An estimate with its 95 % interval; the ends are NaN where there is none."""

    value: float
    low: float
    high: float


UNKNOWN = Interval(math.nan, math.nan, math.nan)


@dataclass(frozen=True, eq=False)
class Drawn:
    """Virtual papers with one number of views: for each condition the dishes of its experiment.

    Parameters
    ----------
    pools : mapping of str to Pool
    picks : mapping of str to ndarray of int, shape (draw, replicate, view)
        The same draw of all conditions is one virtual paper.
    """

    pools: Mapping[str, Pool]
    picks: Mapping[str, Picks]

    @property
    def enough(self) -> bool:
        """Whether every pool is large enough for an interval."""
        return all(
            pool.units >= LEAST_UNITS * (self.picks[key].shape[2] if pool.of_donor == 1 else 1)
            for key, pool in self.pools.items()
        )

    def inclusion(self, draws: int) -> dict[str, Flags]:
        """Whether a draw contains a dish (or donor), shape (draw, unit), by the pool's unit."""
        found: dict[str, Flags] = {}
        rows = np.arange(draws)[:, None]
        for key, pool in self.pools.items():
            inside = found.setdefault(pool.unit, np.zeros((draws, pool.units), dtype=np.bool_))
            inside[rows, self.picks[key][:draws].reshape(draws, -1) // pool.of_donor] = True
        return found


@dataclass(frozen=True, eq=False)
class Agreeing:
    """How far virtual papers of one number of views agree with a claim.

    Parameters
    ----------
    drawn : Drawn
    agree : ndarray, shape (draw,)
        Share of a draw's variants (variation, test) that agree, by their weights.
    weight : float
        Of this number of views.
    """

    drawn: Drawn
    agree: Array
    weight: float


def chance(parts: Sequence[Agreeing], *, of_draws: bool = True) -> Interval:
    """Share of virtual papers that agree, with its interval.

    The interval is a delete-1 jackknife over the dishes (or donors) of all pools on the logit
    scale, with Student's t. The share without a dish is that of the draws which do not contain it,
    so no draw is made twice; that draws are finite in number makes the interval a little wider.
    Where the share is nearer to 0 or to 1 than one dish's part of the smallest pool, the limit on
    the other side is that of as many independent trials as the pool has dishes, all alike: the
    jackknife knows no rare dishes that the pool lacks, and too few draws tell agreement from none.

    Parameters
    ----------
    parts : sequence of Agreeing
        One for each number of views; weights sum to 1.
    of_draws : bool
        Whether the interval keeps what finite draws add to it. Otherwise the variance that they are
        expected to add to the shares without a dish is taken off, and the binomial one of all
        draws remains.

    References
    ----------
    Arvesen (1969) Ann. Math. Stat. 40:2076, the jackknife of U-statistics.
    """
    value = float(sum(part.weight * part.agree.mean() for part in parts))
    without = _without_each(parts) if all(part.drawn.enough for part in parts) else []
    if not without or not all(np.isfinite(one).all() for one in without):
        return Interval(value, math.nan, math.nan)
    draws = sum(len(part.agree) for part in parts)
    smallest = min(len(one) for one in without)
    center, half = _jackknife(
        _logit(np.array(value), draws),
        [_logit(one, draws) for one in without],
        () if of_draws else _noise(parts, value),
        0.0 if of_draws else 1.0 / _binomial(value, draws),
    )
    low, high = float(special.expit(center - half)), float(special.expit(center + half))
    alike = lowest_if_all_agree(smallest)
    if value < 1.0 / smallest:
        high = 1.0 - alike
    if value > 1.0 - 1.0 / smallest:
        low = alike
    return Interval(value, min(low, value), max(high, value))


def lowest_if_all_agree(trials: int) -> float:
    """Lower limit (95 %, two-sided) of a chance if all of some independent trials agree."""
    return float(_TAIL ** (1.0 / trials))


def _logit(share: Array, draws: int) -> Array:
    """Logarithm of the odds; half a draw on either side keeps it finite."""
    found: Array = special.logit((share * draws + 0.5) / (draws + 1.0))
    return found


def _without_each(parts: Sequence[Agreeing]) -> list[Array]:
    """Shares of agreeing draws without each dish, one array for each unit of pools."""
    included = [part.drawn.inclusion(len(part.agree)) for part in parts]
    found = []
    for unit in dict.fromkeys(unit for one in included for unit in one):
        without = np.zeros(())
        for part, inside in zip(parts, included, strict=True):
            left = part.agree.sum() - part.agree @ inside[unit]
            number = (~inside[unit]).sum(axis=0)
            # A dish that every draw contains cannot be left out.
            number = np.where(number > 0, number, np.nan)
            without = without + part.weight * left / number
        found.append(without)
    return found


def _binomial(share: float, draws: int) -> float:
    """Agreeing draws times the share of the others; half a draw on either side."""
    odds = math.exp(float(_logit(np.array(share), draws)))
    return draws * odds / (1.0 + odds) ** 2


def _noise(parts: Sequence[Agreeing], share: float) -> list[float]:
    """Variance of the log odds that finite draws add to each unit's jackknife.

    Of N dishes each is in a share r of M draws, and the share p without it is that of ``M (1 - r)``
    draws: the sum of squares is larger by ``N p (1 - p) r / (M (1 - r))``.
    """
    draws = sum(len(part.agree) for part in parts)
    odds = _binomial(share, draws) / draws
    included = [part.drawn.inclusion(len(part.agree)) for part in parts]
    found = []
    for unit in dict.fromkeys(unit for one in included for unit in one):
        more = 0.0
        for part, inside in zip(parts, included, strict=True):
            r = inside[unit].mean(axis=0)
            scatter = float(part.agree.var())
            more += part.weight**2 * scatter * float((r / (1.0 - r)).sum()) / len(part.agree)
        found.append(more / odds**2)
    return found


def _jackknife(
    center: Array, without: Sequence[Array], noise: Sequence[float] = (), further: float = 0.0
) -> tuple[float, float]:
    """An estimate and half the width of its 95 % interval.

    Parameters
    ----------
    center : ndarray, shape ()
    without : sequence of ndarray, shape (unit,)
        The estimate without each unit, one array for each independent group.
    noise : sequence of float
        Variance to take off that of each group.
    further : float
        Variance to add.

    Notes
    -----
    The variance is the sum over groups of ``(n - 1) / n`` times the squares about the group's mean;
    its degrees of freedom follow Satterthwaite.
    """
    if not all(np.isfinite(one).all() for one in without):
        # Such as the logit of a share of 0.
        return float(center), math.nan
    parts = np.array(
        [(len(one) - 1) / len(one) * ((one - one.mean()) ** 2).sum() for one in without]
    )
    if noise:
        parts = np.maximum(parts - np.array(noise), 0.0)
    variance = parts.sum()
    if not variance > 0.0:
        only = -stats.norm.ppf(_TAIL) * math.sqrt(further)
        return float(center), only if variance == 0.0 else math.nan
    freedom = variance**2 / (parts**2 / np.array([len(one) - 1 for one in without])).sum()
    return float(center), float(stats.t.ppf(1.0 - _TAIL, freedom) * math.sqrt(variance + further))


def pooled_interval(
    effect: Callable[[Mapping[str, Picks]], Array],
    pools: Mapping[str, Pool],
    scale: str,
) -> Interval:
    """An effect of whole pools, and its delete-1 jackknife interval over dishes (or donors).

    Parameters
    ----------
    effect : callable
        Effects of experiments that consist of all dishes given, shape (draw,), from picks of shape
        (draw, 1, dish) by condition.
    pools : mapping of str to Pool
    scale : {"log", "logit", "identity"}
        On which the interval is symmetric.
    """
    to, back = _SCALES[scale]
    whole = {key: np.arange(pool.units * pool.of_donor) for key, pool in pools.items()}
    value = float(effect({key: picks[None, None] for key, picks in whole.items()})[0])
    without = []
    for unit in dict.fromkeys(pool.unit for pool in pools.values()):
        number = next(pool.units for pool in pools.values() if pool.unit == unit)
        picks = {
            key: np.array(
                [
                    whole[key][whole[key] // pool.of_donor != n]
                    if pool.unit == unit
                    else whole[key]
                    for n in range(number)
                ]
            )[:, None]
            for key, pool in pools.items()
        }
        without.append(to(effect(picks)))
    if min(len(one) for one in without) < LEAST_UNITS:
        return Interval(value, math.nan, math.nan)
    center, half = _jackknife(to(np.array(value)), without)
    if not math.isfinite(center + half):
        same = all((one == center).all() for one in without)
        return Interval(value, value, value) if same else Interval(value, math.nan, math.nan)
    low, high = back(np.array(center - half)), back(np.array(center + half))
    return Interval(value, float(low), float(high))


def _log(values: Array) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.log(values)


_Scale = tuple[Callable[[Array], Array], Callable[[Array], Array]]
_SCALES: Mapping[str, _Scale] = {
    "log": (_log, np.exp),
    "logit": (special.logit, special.expit),
    "identity": (np.asarray, np.asarray),
}
