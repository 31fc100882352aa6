"""Which experiment next: candidates ranked by what they are expected to tell about mechanisms.

A candidate's conditions are replayed under draws of the posterior of each law, given what the paper
reports. Outcomes of the experiment, with its noise, are simulated from them and judged
(`sdf1_field.studies.information`).
"""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sdf1_field.calibration.draws import Draws, recorded_draws
from sdf1_field.calibration.laws import LAWS
from sdf1_field.claims.virtual import SIZE_PRIOR
from sdf1_field.errors import InputError
from sdf1_field.reproduce import load_paper
from sdf1_field.spec import suggestion
from sdf1_field.studies import information
from sdf1_field.studies.candidates import Candidate, Readout, load_candidates, require_experiments
from sdf1_field.studies.information import Expected, Gain, Judged
from sdf1_field.studies.outcomes import (
    Law,
    Outcomes,
    Replaying,
    Seen,
    Watched,
    replayed,
    watched_conditions,
)
from sdf1_field.studies.readouts import components, is_logarithm, strands

Array = NDArray[np.float64]

VARIATION = SIZE_PRIOR
"""Coefficient of variation from experiment to experiment, of each condition: the scale that the
verdicts take (`sdf1_field.claims.virtual`)."""
TOLD_APART = 0.8
"""Expected probability of the true one of two laws from which on they count as told apart."""
LEAST_DRAWS = 2.5
"""Effective draws of a law: one is left out, and two give a spread."""
EVEN, EVIDENCE = "even", "evidence"
WEIGHTS = (EVEN, EVIDENCE)
STORE = "replays.jsonl"


@dataclass(frozen=True)
class Sizes:
    """How much is replayed.

    Parameters
    ----------
    draws : int
        Of the posterior of each law.
    replaying : Replaying
    """

    draws: int
    replaying: Replaying


EXPERIMENTS_TRIED = (2, 3, 4, 5, 6, 8, 10, 15, 20)
"""Numbers of experiments that are tried."""
FULL = Sizes(16, Replaying((9201, 9202, 9203), 2))
QUICK = Sizes(6, Replaying((9201, 9202), 2))


def sizes_of(*, quick: bool = False, draws: int | None = None) -> Sizes:
    """`FULL` or `QUICK`, perhaps with another number of draws."""
    sizes = QUICK if quick else FULL
    return sizes if draws is None else replace(sizes, draws=draws)


@dataclass(frozen=True)
class Question:
    """What is asked.

    Parameters
    ----------
    paper : str
        Whose claims inform the draws.
    claims : tuple of str
        Ids of those.
    candidates : tuple of Candidate
    known : tuple of Watched
        Conditions of all candidates that are known, those asked for or not.
    laws : tuple of Law
    prior : tuple of float
        Of the laws.
    weights : str
        One of `WEIGHTS`: where the prior is from.
    sizes : Sizes
    """

    paper: str
    claims: tuple[str, ...]
    candidates: tuple[Candidate, ...]
    known: tuple[Watched, ...]
    laws: tuple[Law, ...]
    prior: tuple[float, ...]
    weights: str
    sizes: Sizes

    @property
    def conditions(self) -> tuple[Watched, ...]:
        """Those that are replayed."""
        names = {c.name for one in self.candidates for c in one.conditions}
        return tuple(one for one in self.known if one.condition.name in names)

    @property
    def expected_seconds(self) -> float:
        """Processor time of all replays, from that of one (of 4 h: 0.14 s) [s]."""
        dishes, draws = len(self.sizes.replaying.seeds), sum(len(law.draws) for law in self.laws)
        return sum(
            dishes * (_RECORD + (_RECORD_HOUR + _HOUR * draws) * one.last / 3600.0)
            for one in self.conditions
        )


_RECORD, _RECORD_HOUR, _HOUR = 1.0, 0.25, 0.035
"""Processor time to record a dish, for each hour of it, and to replay an hour [s]."""


@dataclass(frozen=True, eq=False)
class Scored:
    """A readout of a candidate.

    Parameters
    ----------
    readout : Readout
    expected : Expected
    judged : Judged
    gain : Gain
    separation : ndarray, shape (law, law)
        Of `sdf1_field.studies.information.separation`.
    pair : tuple of int
        The two laws that are told apart best.
    effect : float
        Difference between these, the first less the second, in standard deviations of one dish.
    number : str
        Which of the readout's numbers differs so much.
    """

    readout: Readout
    expected: Expected
    judged: Judged
    gain: Gain
    separation: Array
    pair: tuple[int, int]
    effect: float
    number: str


@dataclass(frozen=True, eq=False)
class Ranked:
    """A candidate with its readouts, the one that tells most about the law first.

    Parameters
    ----------
    candidate : Candidate
    readouts : tuple of Scored
    enough : int or None
        Least number of experiments, of `EXPERIMENTS_TRIED`, after which, by the best readout, the
        right one of the pair of laws that it tells apart best is expected to have a probability of
        `TOLD_APART`; None if there is none.
    after_best : Gain or None
        Of the best candidate and then this one; None for the best.
    """

    candidate: Candidate
    readouts: tuple[Scored, ...]
    enough: int | None
    after_best: Gain | None = None

    @property
    def best(self) -> Scored:
        """The readout that carries the information."""
        return self.readouts[0]

    @property
    def bits_per_dish(self) -> float:
        """About the law [bits]."""
        return self.best.gain.law.value / self.candidate.dishes


@dataclass(frozen=True, eq=False)
class Study:
    """Candidates, those first that tell most about the law for a dish.

    Parameters
    ----------
    question : Question
    ranking : tuple of Ranked
    """

    question: Question
    ranking: tuple[Ranked, ...]


def asked(
    paper: str,
    *,
    only: Sequence[str] = (),
    own: Path | None = None,
    laws: Sequence[str] = (),
    weights: str = EVEN,
    experiments: int | None = None,
    views: int | None = None,
    sizes: Sizes = FULL,
) -> Question:
    """A question, checked before cells are replayed.

    Parameters
    ----------
    paper : str
        Name.
    only : sequence of str
        Ids of candidates; all if empty.
    own : pathlib.Path, optional
        File with further candidates.
    laws : sequence of str
        Names; all if empty.
    weights : str
        One of `WEIGHTS`.
    experiments, views : int, optional
        Of all candidates, instead of their own.
    sizes : Sizes

    Raises
    ------
    InputError
        If a name is unknown, a candidate is wrong, or no draws of a law are recorded.
    """
    load_paper(paper)
    if experiments is not None:
        require_experiments("-n", experiments)
    if views is not None and views < 1:
        raise InputError(f"--views: {views} is none. Count one or more in each dish.")
    if weights not in WEIGHTS:
        raise InputError(f"--weights: unknown '{weights}'. {suggestion(weights, WEIGHTS)}")
    known = load_candidates(own)
    for one in only:
        if one not in known:
            raise InputError(f"--only: unknown candidate '{one}'. {suggestion(one, known)}")
    for law in laws:
        if law not in LAWS:
            raise InputError(f"--law: unknown law '{law}'. {suggestion(law, list(LAWS))}")
    names = tuple(dict.fromkeys(laws)) or tuple(LAWS)
    if len(names) < 2:
        raise InputError(f"--law: '{names[0]}' alone cannot be told apart. Name two or more.")
    drawn = [recorded_draws(sizes.draws, name) for name in names]
    for draws in drawn:
        if draws.paper != paper:
            raise InputError(
                f"{paper}: no draws are recorded that inform it; there are of {draws.paper}. "
                "Choose that paper."
            )
    found = tuple(map(_law, names, drawn))
    for each in found:
        if effective_draws(each) < LEAST_DRAWS:
            raise InputError(
                f"--law: the draws of '{each.name}' count as {effective_draws(each):.1f}, and at "
                f"least {LEAST_DRAWS:g} are needed. Ask for more with --draws, or name the other "
                "laws with --law."
            )
    evidence = np.array([draws.evidence if weights == EVIDENCE else 1.0 for draws in drawn])
    candidates = [
        Candidate(
            c.id, c.title, c.why, c.conditions, c.readouts,
            c.experiments if experiments is None else experiments,
            c.views if views is None else views, c.file,
        )
        for c in known.values()
        if not only or c.id in only
    ]  # fmt: skip
    return Question(
        paper,
        drawn[0].claims,
        tuple(candidates),
        watched_conditions(known.values()),
        found,
        tuple((evidence / evidence.sum()).tolist()),
        weights,
        sizes,
    )


def effective_draws(law: Law) -> float:
    """Number of equal draws that say as much as a law's, ``1 / sum(w^2)``."""
    return 1.0 / sum(weight**2 for weight in law.weights)


def _law(name: str, drawn: Draws) -> Law:
    """A law by its distinct draws: several that are the same weigh as many times."""
    counts = Counter(tuple(sorted(values.items())) for values in drawn.settings)
    weights = tuple(count / len(drawn.settings) for count in counts.values())
    return Law(name, drawn.law, tuple(map(dict, counts)), weights)


def studied(
    question: Question,
    folder: Path,
    *,
    scheduler: str | None = None,
    workers: int | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> Study:
    """Rank candidates; replays that a folder holds already are not done again.

    Raises
    ------
    InputError
        If a candidate cannot be replayed.
    RunError
        If a replay fails; finished ones are kept.
    """
    total, done = len(question.conditions) * len(question.laws), 0

    def finished(more: int) -> None:
        nonlocal done
        done += more
        if progress is not None:
            progress("conditions replayed", done, total)

    outcomes = replayed(
        question.known,
        [one.condition.name for one in question.conditions],
        question.laws,
        question.sizes.replaying,
        folder / STORE,
        scheduler=scheduler,
        workers=workers,
        progress=finished,
    )
    return ranked(question, outcomes)


def ranked(question: Question, outcomes: Outcomes) -> Study:
    """Candidates by what was replayed."""
    prior = np.array(question.prior)
    found = []
    for number, candidate in enumerate(question.candidates):
        scores = [
            score(question, outcomes, candidate, readout, entity=number)
            for readout in candidate.readouts
        ]
        scores.sort(key=lambda one: -one.gain.law.value)
        enough = _enough(question, outcomes, candidate, scores[0].readout, entity=number)
        found.append(Ranked(candidate, tuple(scores), enough))
    found.sort(key=lambda one: -one.bits_per_dish)
    first = found[0]
    after = [
        replace(one, after_best=_both(first.best.judged, one.best.judged, prior))
        for one in found[1:]
    ]
    return Study(question, (first, *after))


def _enough(
    question: Question, outcomes: Outcomes, candidate: Candidate, readout: Readout, *, entity: int
) -> int | None:
    """`Ranked.enough`; replays serve all numbers of experiments."""
    for experiments in EXPERIMENTS_TRIED:
        larger = replace(candidate, experiments=experiments)
        expected = expectation(question, outcomes, larger, readout)
        apart = information.separation(information.judge(expected, entity=entity))
        if np.tril(apart, -1).max() >= TOLD_APART:
            return experiments
    return None


def _both(one: Judged, other: Judged, prior: Array) -> Gain:
    """Gain of two experiments in dishes of their own, given a draw independent."""
    together = Judged(
        tuple(a + b for a, b in zip(one.logs, other.logs, strict=True)),
        tuple(a + b for a, b in zip(one.given, other.given, strict=True)),
        one.weights,
    )
    return information.gain(together, prior)


def score(
    question: Question,
    outcomes: Outcomes,
    candidate: Candidate,
    readout: Readout,
    *,
    entity: int = 0,
) -> Scored:
    """Expected information of one readout of a candidate."""
    expected = expectation(question, outcomes, candidate, readout)
    judged = information.judge(expected, entity=entity)
    apart = information.separation(judged)
    lower = np.tril(apart, -1)
    one, other = (int(n) for n in np.unravel_index(lower.argmax(), lower.shape))
    differences = information.effects(expected)[one, other]
    largest = int(np.abs(differences).argmax())
    return Scored(
        readout,
        expected,
        judged,
        information.gain(judged, np.array(question.prior)),
        apart,
        (one, other),
        float(differences[largest]),
        components(readout)[largest],
    )


def expectation(
    question: Question, outcomes: Outcomes, candidate: Candidate, readout: Readout
) -> Expected:
    """Expected values of a readout of an experiment under all draws of laws, and its noise.

    Two conditions are compared dish by dish, with the same recorded stroma and random numbers. The
    noise of an experiment is that of independent dishes: counting in views, scatter from dish to
    dish, and variation from experiment to experiment.
    """
    sides = [
        [outcomes.part(condition.name, law.name, readout) for law in question.laws]
        for condition in candidate.conditions
    ]
    signs = (1.0, -1.0)[: len(sides)]
    denser = question.sizes.replaying.denser
    values = [
        np.sum([sign * side[law].values for sign, side in zip(signs, sides, strict=True)], axis=0)
        for law in range(len(question.laws))
    ]
    scatter = np.sum(
        [
            information.regular(_over_dishes([s.values for s in side]) - _counting(side) / denser)
            for side in sides
        ],
        axis=0,
    )
    common = np.concatenate(values).mean(axis=0)
    noise = _over_dishes([one - common for one in values]) / values[0].shape[1]
    means, one_dish, whole = [], [], []
    weights = tuple(np.array(law.weights) for law in question.laws)
    for law, own in enumerate(values):
        means.append(information.without_noise(own.mean(axis=1), weights[law], noise))
        counting = np.sum(
            [np.tensordot(weights[law], side[law].counting, 1) for side in sides], axis=0
        )
        one_dish.append(information.regular(counting + scatter))
        typical = [weights[law] @ side[law].values.mean(axis=1) for side in sides]
        varied = np.sum([_variation(readout, one) for one in typical], axis=0)
        views = candidate.experiments * candidate.views
        whole.append(one_dish[-1] / views + varied / candidate.experiments)
    return Expected(tuple(means), weights, tuple(whole), tuple(one_dish))


def _over_dishes(values: Sequence[Array]) -> Array:
    """Covariance from dish to dish of each draw's values (draw, dish, number), the mean of all."""
    every = np.concatenate(values)
    off = every - every.mean(axis=1, keepdims=True)
    total: Array = np.einsum("kdi,kdj->ij", off, off) / (len(every) * (every.shape[1] - 1))
    return total


def _counting(side: Sequence[Seen]) -> Array:
    counting: Array = np.concatenate([one.counting for one in side]).mean(axis=0)
    return counting


def _variation(readout: Readout, values: Array) -> Array:
    """Covariance from experiment to experiment of one condition's numbers."""
    strand = np.array(strands(readout))
    together = (strand[:, None] == strand[None]).astype(float)
    sizes: Array = np.outer(values, values)
    if is_logarithm(readout):
        sizes = np.full_like(sizes, math.log1p(VARIATION**2) / VARIATION**2)
    return np.asarray(VARIATION**2 * sizes * together)


def laws_told_apart(question: Question, scored: Scored) -> list[tuple[str, str]]:
    """Pairs of laws that a readout tells apart, the clearest first."""
    names = [law.name for law in question.laws]
    pairs = [
        (scored.separation[a, b], names[b], names[a])
        for a in range(len(names))
        for b in range(a)
        if scored.separation[a, b] >= TOLD_APART
    ]
    return [(a, b) for _, a, b in sorted(pairs, key=lambda pair: -pair[0])]


def default_folder(paper: str, *, quick: bool) -> Path:
    """Where a study is written if no folder is given."""
    return Path(f"{paper}-design{'-quick' if quick else ''}")


def posterior(question: Question, expected: Expected, y: Array) -> Mapping[str, float]:
    """Probability of each law after an outcome, shape (number,)."""
    logs = information.outcome_logs(expected, y)
    chances = information.probabilities(logs, np.array(question.prior))
    return dict(zip((law.name for law in question.laws), chances.tolist(), strict=True))
