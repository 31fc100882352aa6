"""A calibration in a user's words: the question made of them, checked before cells are replayed."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sdf1_field import reproduce
from sdf1_field.calibration.inference import ALL, Inference, Question, Sizes, ask, infer
from sdf1_field.calibration.space import load_prior
from sdf1_field.claims import Paper
from sdf1_field.claims.targets import Calibration, Statement
from sdf1_field.errors import InputError
from sdf1_field.simulation.replayable import may_differ
from sdf1_field.spec import suggestion

POINTS = "points.jsonl"
"""File of replayed points in a folder; `sdf1_field.calibration.inference.infer` writes it."""
Progress = Callable[[str, int, int], None]
"""Called with what is counted, how many are done and how many there will be."""


def asked(
    paper: str,
    *,
    stage: str | None = None,
    claims: Sequence[str] = (),
    free: Sequence[str] = (),
    prior: Mapping[str, Any] | Path | None = None,
    targets: Path | None = None,
    law: Sequence[str] = (),
) -> tuple[Calibration, Question]:
    """One of a paper's calibrations, and the question that is made of it.

    Parameters
    ----------
    paper : str
        Its name.
    stage : str, optional
        Name of the calibration; the paper's first if not given.
    claims : sequence of str
        Ids of those that inform; if empty the calibration's, and claims that ``targets`` adds.
    free : sequence of str
        Parameters, instead of the calibration's.
    prior : mapping of str to sequence of two, or path, optional
        Intervals instead of the models' own, or a file with them.
    targets : pathlib.Path, optional
        File with further claims, or with values for the paper's own.
    law : sequence of str
        ``KEY=VALUE`` settings of all models.

    Raises
    ------
    InputError
        If a name is unknown, a parameter has no interval, a claim does not tell of fold changes, a
        setting is of a free parameter, or claims contradict each other.
    """
    known = reproduce.load_paper(paper, targets=targets)
    chosen = _calibration(known, stage)
    informing = tuple(dict.fromkeys(claims))
    if not informing and targets is not None:
        shipped = {claim.id for claim in reproduce.load_paper(paper).claims}
        added = (claim.id for claim in known.claims if claim.id not in shipped)
        informing = (*chosen.claims, *added)
    intervals = load_prior(prior) if isinstance(prior, Path) else prior
    try:
        question = ask(
            known, chosen, claims=informing, free=tuple(dict.fromkeys(free)), prior=intervals,
            law=law,
        )  # fmt: skip
    except InputError as error:
        raise InputError(str(error).replace("--set", "--law")) from None
    for key in question.space.keys:
        if not may_differ(key):
            raise InputError(
                f"--free: {key}: stroma and fields are recorded once, so it cannot be free. Leave "
                "it out."
            )
    for setting in law:
        key = setting.partition("=")[0].strip()
        if key in question.space.keys:
            raise InputError(f"--law {setting}: {key} is free. Leave one out, or name --free.")
    refuse_contradictions(known, question.claims)
    return chosen, question


def _calibration(paper: Paper, name: str | None) -> Calibration:
    known = {one.name: one for one in paper.calibrations}
    if not known:
        raise InputError(
            f"{paper.name}: no calibration is known. Add one to validation/targets.toml."
        )
    if name is None:
        return next(iter(known.values()))
    if name not in known:
        raise InputError(f"--stage: unknown calibration '{name}'. {suggestion(name, list(known))}")
    return known[name]


def refuse_contradictions(paper: Paper, claims: Sequence[str]) -> None:
    """Raise if two statements want the same effect in intervals that have nothing in common.

    Parameters
    ----------
    paper : Paper
    claims : sequence of str
        Ids of those that inform.

    Raises
    ------
    InputError
        If there are such statements.
    """
    before: dict[tuple[object, ...], list[tuple[str, Statement]]] = {}
    for claim in paper.claims:
        for statement in claim.statements if claim.id in claims else ():
            s = statement
            effect = (
                s.condition, s.quantity, s.of, s.time, s.statistic, s.reference, s.reference_time,
                s.against,
            )  # fmt: skip
            for other_id, other in before.setdefault(effect, []):
                apart = min(s.below, other.below) <= max(s.above, other.above)
                if apart or _significant_and_not(s, other) or _significant_and_not(other, s):
                    raise InputError(
                        f"{paper.name}: {other_id} ({other.text}) and {claim.id} ({s.text}) "
                        f"contradict each other: the same effect {other.expected()} and "
                        f"{s.expected()}. Leave one out, or correct --targets."
                    )
            before[effect].append((claim.id, s))


def _significant_and_not(one: Statement, other: Statement) -> bool:
    """Whether one's p must be below all that the other's may be, in the same test."""
    same = (one.test, one.over_dishes) == (other.test, other.over_dishes)
    p, bound = one.p_below, other.p_from
    return same and p is not None and bound is not None and p <= bound


def answered(
    question: Question,
    folder: Path,
    sizes: Sizes,
    *,
    scheduler: str | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Inference:
    """The posterior of a question; see `sdf1_field.calibration.inference.infer`.

    Raises
    ------
    InputError
        If scikit-learn is missing, or if no virtual paper at any point reports all claims.
    RunError
        If a replay fails; finished ones are kept.
    """
    require_scikit_learn()
    if folder.is_dir() and any(folder.iterdir()) and not (folder / POINTS).exists():
        raise InputError(
            f"{folder}: holds something else than a calibration. Choose a new folder or an empty "
            "one."
        )
    found = infer(
        question, folder, sizes, scheduler=scheduler, workers=workers, progress=progress
    )  # fmt: skip
    if not found.weighted.weights(ALL).any():
        single = [
            one
            for one in question.claims
            if len(question.claims) > 1 and found.weighted.weights(f"without {one}").any()
        ]
        remedy = f"Leave out one of {', '.join(single)}" if single else "Leave claims out"
        raise InputError(
            "calibrate: no virtual paper at any point reports all of "
            f"{', '.join(question.claims)}. {remedy}, or widen intervals with --prior."
        )
    return found


def default_folder(paper: str, stage: Calibration, *, quick: bool) -> Path:
    """Where a calibration is written if no folder is given."""
    return Path(f"{paper}-{stage.name}{'-quick' if quick else ''}")


def kept_points(folder: Path) -> int:
    """Number of replayed points that a folder holds."""
    try:
        return (folder / POINTS).read_bytes().count(b"\n")
    except OSError:
        return 0


def require_scikit_learn() -> None:
    """Raise InputError if scikit-learn is not installed, before anything is replayed."""
    try:
        import sklearn  # noqa: F401
    except ImportError:
        raise InputError(
            "calibrate: scikit-learn is not installed. Install sdf1-field[inference]."
        ) from None
