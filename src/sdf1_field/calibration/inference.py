"""Inference of a paper's claims: replay, emulate, weigh, and replay again where it matters."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import sdf1_field
from sdf1_field.calibration.design import Simulated, joined, simulate, sobol_points
from sdf1_field.calibration.doses import deciding, half_doses
from sdf1_field.calibration.emulator import Emulator, fit_emulator
from sdf1_field.calibration.importance import Weighted, sample
from sdf1_field.calibration.papers import Papers, Read, make_papers, reads_of
from sdf1_field.calibration.replayed import replays_of
from sdf1_field.calibration.space import Space, make_space
from sdf1_field.claims import Paper
from sdf1_field.claims.targets import INFINITY, Calibration
from sdf1_field.claims.virtual import P_WINDOW, OpenChoices, effect_lies, prior_weights
from sdf1_field.ensemble.sources import source_digest
from sdf1_field.ensemble.tasks import run_tasks
from sdf1_field.errors import InputError
from sdf1_field.record.layout import program, versions
from sdf1_field.spec import Model, load_model
from sdf1_field.units import parse

Array = NDArray[np.float64]

ALL = "all"
"""Name of the likelihood of all claims together."""
REDUCED = 0.8
"""Ratio of two fold changes below which the effect of a significant reduction is there."""


@dataclass(frozen=True)
class Sizes:
    """How much is computed.

    Parameters
    ----------
    even : int
        Sobol points; a power of 2 spreads them best.
    wave : int
        Further points of each wave.
    powers : tuple of float
        Of the likelihood from which each wave is drawn.
    seeds : tuple of int
        Of the recorded dishes.
    denser : int
        Cells of a replayed dish, over those of a dish.
    rounds : tuple of int
        Emulated points of each round of importance sampling.
    draws : int
        Virtual papers of a point.
    """

    even: int
    wave: int
    powers: tuple[float, ...]
    seeds: tuple[int, ...]
    denser: int
    rounds: tuple[int, ...]
    draws: int


FULL = Sizes(
    1024, 192, (0.1, 0.3, 0.6, 1.0), (9001, 9002, 9003, 9004), 2,
    (16384, 16384, 16384, 16384), 500,
)  # fmt: skip
QUICK = Sizes(64, 32, (0.3,), (9001, 9002), 2, (2048, 2048), 200)


@dataclass(frozen=True, eq=False)
class Question:
    """What is inferred, from what.

    Parameters
    ----------
    paper : Paper
    claims : tuple of str
        Ids of those that inform.
    predicts : tuple of str
        Ids of those that are only predicted.
    space : Space
    law : tuple of str
        Settings, ``KEY=VALUE``, that hold at all points.
    shipped : Model
        Whose values the printed p of a claim is judged at.
    half_dose : tuple of float, optional
        Ends of the published doses of SDF-1 for half of an effect [nM].
    """

    paper: Paper
    claims: tuple[str, ...]
    predicts: tuple[str, ...]
    space: Space
    law: tuple[str, ...]
    shipped: Model
    half_dose: tuple[float, float] | None = None

    @property
    def likelihoods(self) -> tuple[str, ...]:
        """Names of those that posteriors are made of."""
        several = self.claims if len(self.claims) > 1 else ()
        names = (ALL, *(f"without {one}" for one in several))
        return names if self.half_dose is None else (*names, at_doses(ALL))

    @property
    def judged(self) -> tuple[str, ...]:
        """Ids of all claims."""
        return (*self.claims, *self.predicts)

    @property
    def reads(self) -> tuple[Read, ...]:
        """Fold changes that the claims need."""
        return reads_of(self.paper, self.judged)


@dataclass(frozen=True, eq=False)
class Inference:
    """What was found.

    Parameters
    ----------
    question : Question
    simulated : Simulated
        All points at which cells were replayed.
    emulator : Emulator
    papers : Papers
    open_weights : OpenChoices
        Of what the paper leaves open.
    weighted : Weighted
        Likelihoods are `ALL`; ``without ID`` of all claims but one; both again by `at_doses`, 0
        where the half dose is not a published one; ``says ID``, the chance that a paper reports it;
        and ``direction ID``, that its effects are there.
    """

    question: Question
    simulated: Simulated
    emulator: Emulator
    papers: Papers
    open_weights: OpenChoices
    weighted: Weighted


@dataclass(frozen=True)
class Prediction:
    """A claim as predicted by others.

    Parameters
    ----------
    claim : str
    explained : float
        Chance that a paper reports it, by the posterior of all claims.
    direction : float
        Chance that its effects are there, by the posterior of the other claims.
    reported : float
        Chance that a paper reports it, by the same.
    prior : float
        The same by the prior.
    size : float
        Effective sample size of that posterior.
    """

    claim: str
    explained: float
    direction: float
    reported: float
    prior: float
    size: float


def ask(
    paper: Paper,
    stage: Calibration,
    *,
    claims: Sequence[str] = (),
    free: Sequence[str] = (),
    prior: Mapping[str, object] | None = None,
    law: Sequence[str] = (),
) -> Question:
    """Question of one of a paper's calibrations, perhaps about other claims or parameters.

    Parameters
    ----------
    paper : Paper
    stage : Calibration
    claims, free : sequence of str
        Instead of the calibration's.
    prior : mapping of str to list of two, optional
        Intervals instead of the models' own.
    law : sequence of str
        ``KEY=VALUE`` settings of all models.

    Raises
    ------
    InputError
        If a claim does not tell of fold changes, or a parameter has no interval.
    """
    informing = tuple(claims or stage.claims)
    predicts = tuple(one for one in (*stage.claims, *stage.predicts) if one not in informing)
    first = paper.conditions[reads_of(paper, (*informing, *predicts))[0].condition]
    shipped = load_model(first.model, settings=law)
    space = make_space(shipped, free or stage.free, prior)
    doses = _half_dose(stage, shipped, space)
    return Question(paper, informing, predicts, space, tuple(law), shipped, doses)


def _half_dose(stage: Calibration, shipped: Model, space: Space) -> tuple[float, float] | None:
    """Published doses [nM] of the ligand of CXCR4; None where free parameters do not decide it."""
    decided = shipped.spec.triggers and not set(deciding(shipped)).isdisjoint(space.keys)
    if not (stage.half_dose and decided):
        return None
    mass = shipped.spec.ligand[shipped.spec.receptor.cxcr4.ligand].molar_mass
    low, high = (parse(end, "concentration", molar_mass=mass) for end in stage.half_dose)
    return low, high


def at_doses(name: str) -> str:
    """Name of a likelihood that is 0 where the half dose is not a published one."""
    return f"{name}, at published doses"


def infer(
    question: Question,
    folder: Path,
    sizes: Sizes,
    *,
    scheduler: str | None = None,
    workers: int | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> Inference:
    """Posterior of a question, from replays at even points and in waves.

    Parameters
    ----------
    question : Question
    folder : pathlib.Path
        Where replayed points are kept; those that it holds are not replayed again.
    sizes : Sizes
    scheduler, workers
        As of `sdf1_field.ensemble.tasks.run_tasks`.
    progress : callable, optional
        Called with what is counted, how many are done and how many there will be.

    Raises
    ------
    InputError
        If stroma or fields depend on a free parameter.
    RunError
        If a replay fails; finished ones are kept.
    """
    space, reads = question.space, question.reads
    replays = replays_of(
        question.paper,
        {(read.condition, read.time) for read in reads},
        settings=question.law,
        seeds=sizes.seeds,
        denser=sizes.denser,
    )
    total = 1 + sizes.even + sizes.wave * len(sizes.powers)
    done = 0

    def replayed(points: Array) -> Simulated:
        def finished(more: int) -> None:
            nonlocal done
            done += more
            if progress is not None:
                progress("points replayed", done, total)

        return simulate(
            space, replays, points, reads, folder / "points.jsonl",
            scheduler=scheduler, workers=workers, progress=finished,
        )  # fmt: skip

    shipped = replayed(space.point(question.shipped)[None])
    simulated = replayed(sobol_points(space, sizes.even))
    open_weights = printed_p_weights(question, simulated, shipped.logs[0], draws=sizes.draws)
    for wave, power in enumerate(sizes.powers):
        key = _key(question, simulated, open_weights, sizes, power)
        task = (question, simulated, open_weights, sizes, power, wave)
        points = run_tasks(_next, {key: task}, folder / "waves.jsonl")[key]
        simulated = joined([simulated, replayed(np.array(points))])
    return _weigh(question, simulated, open_weights, sizes, sizes.rounds, progress)


def _weigh(
    question: Question,
    simulated: Simulated,
    open_weights: OpenChoices,
    sizes: Sizes,
    rounds: Sequence[int],
    progress: Callable[[str, int, int], None] | None = None,
) -> Inference:
    """Posterior by the points replayed so far."""
    emulator = fit_emulator(simulated)
    papers = papers_of(question, simulated, open_weights, emulator, draws=sizes.draws)
    judged = 0

    def finished(more: int) -> None:
        nonlocal judged
        judged += more
        if progress is not None:
            progress("points judged", judged, sum(rounds))

    weighted = sample(
        lambda points: likelihoods(question, papers, emulator, points),
        question.likelihoods,
        len(question.space),
        rounds=rounds,
        progress=finished,
    )
    return Inference(question, simulated, emulator, papers, open_weights, weighted)


def papers_of(
    question: Question,
    simulated: Simulated,
    open_weights: OpenChoices,
    emulator: Emulator | None = None,
    *,
    draws: int,
    seed: int = 1,
) -> Papers:
    """Virtual papers of a question, with the areas and the scatter of its replayed dishes.

    Without an emulator they are for the replayed fold changes themselves.
    """
    own, of_donors = _scatter(question, simulated)
    return make_papers(
        question.paper,
        question.judged,
        question.reads,
        floor=simulated.floor,
        scatter=own,
        donor_scatter=of_donors,
        weights=open_weights,
        cells=_cells_of_view(question),
        mixing=None if emulator is None else emulator.mixing,
        draws=draws,
        seed=seed,
    )


def _scatter(question: Question, simulated: Simulated) -> tuple[Array, Array]:
    """Scatter of dishes, and of donors: where dishes have donors, all of it is the donors'."""
    donors = [question.paper.conditions[read.condition].donors for read in question.reads]
    return np.where(donors, 0.0, simulated.scatter), np.where(donors, simulated.scatter, 0.0)


def _cells_of_view(question: Question) -> float:
    spec = question.shipped.spec
    return spec.cells.density * spec.dish.width * spec.dish.length


def likelihoods(
    question: Question, papers: Papers, emulator: Emulator, points: Array
) -> dict[str, Array]:
    """All likelihoods and chances at points, shape (point,); see `Inference`."""
    mean, error = emulator.predict(points)
    agree = papers.agree(mean, error)
    informing = [agree[one] for one in question.claims]
    found = {ALL: np.logical_and.reduce(informing).mean(axis=1)}
    for k, one in enumerate(question.claims):
        others = [flags for n, flags in enumerate(informing) if n != k]
        whole = np.logical_and.reduce(others) if others else np.ones_like(informing[0])
        found[f"without {one}"] = whole.mean(axis=1)
    if question.half_dose is not None:
        low, high = question.half_dose
        dose = half_doses(question.space, question.shipped, points)
        published = (low <= dose) & (dose <= high)
        found |= {at_doses(name): chance * published for name, chance in found.items()}
    there = _there(question, papers, mean, error)
    for one in question.judged:
        found[f"says {one}"] = agree[one].mean(axis=1)
        found[f"direction {one}"] = there[one]
    return found


def _there(question: Question, papers: Papers, mean: Array, error: Array) -> dict[str, Array]:
    """Chance that each claim's effects are there, by the emulator alone, shape (point,)."""
    claims = {claim.id: claim for claim in question.paper.claims}
    statements = [(one, s) for one in question.judged for s in claims[one].statements]
    effects = papers.true_effects(mean, error, [s for _, s in statements])
    there = {one: np.ones(effects.shape[:2], dtype=np.bool_) for one in question.judged}
    for n, (one, s) in enumerate(statements):
        reduction = s.p_below is not None and s.above == -INFINITY and s.below == 1.0
        there[one] &= effect_lies(replace(s, below=REDUCED) if reduction else s, effects[:, :, n])
    return {one: flags.mean(axis=1) for one, flags in there.items()}


def printed_p_weights(
    question: Question, simulated: Simulated, logs: Array, *, draws: int
) -> OpenChoices:
    """Weights of what the paper leaves open, by the p that its claims print.

    The likelihood of a combination of views, variation and test is the share of virtual papers of
    the shipped model whose effect is on the reported side and whose p is near the printed one, as
    in `sdf1_field.claims.virtual.informed_weights`.

    Parameters
    ----------
    question : Question
    simulated : Simulated
        Whose areas and scatter are taken.
    logs : ndarray, shape (read,)
        Of the shipped model.
    draws : int
        Virtual papers of each combination.
    """
    views = sorted({v for c in question.paper.conditions.values() for v in c.views})
    prior = prior_weights(tuple(views))
    grid, informed_by = prior.grid, ""
    own, of_donors = _scatter(question, simulated)
    for claim in question.paper.claims:
        printed = [s for s in claim.statements if s.p_printed is not None]
        if claim.id not in question.judged or not printed:
            continue
        near = tuple(
            replace(s, p_from=s.p_printed / P_WINDOW, p_below=s.p_printed * P_WINDOW)
            for s in printed
            if s.p_printed is not None
        )
        asked = replace(
            question.paper, claims=(replace(claim, statements=near, detects=""),), joint=()
        )
        found = np.zeros(grid.shape)
        for place in np.ndindex(grid.shape):
            one = np.zeros(grid.shape)
            one[place] = 1.0
            papers = make_papers(
                asked, (claim.id,), question.reads, floor=simulated.floor,
                scatter=own, donor_scatter=of_donors, weights=OpenChoices(prior.views, one),
                cells=_cells_of_view(question), draws=draws,
            )  # fmt: skip
            found[place] = papers.agree(logs[None], np.zeros((1, len(logs))))[claim.id].mean()
        if (grid * found).sum() > 0.0:
            grid, informed_by = grid * found, claim.id
    return OpenChoices(prior.views, grid / grid.sum(), informed_by)


def _next(
    question: Question,
    simulated: Simulated,
    open_weights: OpenChoices,
    sizes: Sizes,
    power: float,
    seed: int,
) -> list[list[float]]:
    """Points of the next wave: a half by all claims, the rest by the other likelihoods."""
    weighted = _weigh(question, simulated, open_weights, sizes, sizes.rounds[:2]).weighted
    names = [name for name in question.likelihoods if name != ALL]
    each = max(sizes.wave // 2 // max(len(names), 1), 1)
    shares = {ALL: max(sizes.wave - each * len(names), each)} | dict.fromkeys(names, each)
    chosen = []
    for name, many in shares.items():
        tempered = Weighted(
            weighted.points, weighted.prior, {name: weighted.likelihood[name] ** power}
        )
        if tempered.weights(name).any():
            chosen.append(weighted.points[tempered.resampled(name, many, seed=seed)])
    if not chosen:
        raise InputError(
            "calibrate: no virtual paper at any point reports all claims but one. Leave claims "
            "out, or widen intervals with --prior."
        )
    points: list[list[float]] = np.unique(np.concatenate(chosen), axis=0).tolist()
    return points


def _key(
    question: Question,
    simulated: Simulated,
    open_weights: OpenChoices,
    sizes: Sizes,
    power: float,
) -> str:
    """Digest of everything that the points of a wave depend on."""
    judged = [claim for claim in question.paper.claims if claim.id in question.judged]
    conditions = {read.condition for read in question.reads}
    asked = (
        program(), versions(), source_digest(Path(sdf1_field.__file__).parent, (__name__,)),
        question.claims, question.predicts, question.space, question.law, question.half_dose,
        judged, [question.paper.conditions[key] for key in sorted(conditions)],
        sizes, power, question.shipped.spec.cells, question.shipped.spec.dish,
    )  # fmt: skip
    digest = hashlib.sha256(repr(asked).encode())
    for array in (simulated.points, simulated.logs, simulated.noise, open_weights.grid):
        digest.update(array.tobytes())
    return digest.hexdigest()[:20]


def predictions(found: Inference, *, published: bool = False) -> list[Prediction]:
    """Every claim that informs, as all others predict it, and those that inform nothing.

    Parameters
    ----------
    found : Inference
    published : bool
        By points alone whose half dose is a published one; the prior stays the whole space's.
    """
    weighted, question = found.weighted, found.question
    prior = weighted.prior / weighted.prior.sum()
    named = at_doses if published else str
    whole = weighted.weights(named(ALL))
    rows = []
    for one in question.judged:
        others = named(f"without {one}" if one in question.claims else ALL)
        weights = weighted.weights(others)
        says, there = (weighted.likelihood[f"{what} {one}"] for what in ("says", "direction"))
        rows.append(
            Prediction(
                one,
                float(whole @ says),
                float(weights @ there),
                float(weights @ says),
                float(prior @ says),
                weighted.effective_size(others),
            )
        )
    return rows
