"""Which mechanisms a paper's claims need, and which suffice: cells replayed with some of them off.

Every row of the matrix is a model with some mechanisms off, replayed at the same draws of the
parameters in the same recorded dishes with the same random numbers. An element of the matrix is the
chance that one virtual paper of the original's size reports a claim.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from sdf1_field.calibration.design import Simulated, gathered, replayed_tables
from sdf1_field.calibration.draws import Draws
from sdf1_field.calibration.inference import Question, papers_of, printed_p_weights
from sdf1_field.calibration.papers import reads_of
from sdf1_field.calibration.replayed import Counted, replays_of
from sdf1_field.calibration.space import Space
from sdf1_field.claims import OpenChoices, Paper
from sdf1_field.errors import InputError
from sdf1_field.simulation.replayable import may_differ
from sdf1_field.spec import Model, load_model, suggestion
from sdf1_field.studies.conflicts import Choice, Conflicts
from sdf1_field.studies.mechanisms import SWITCHES, WITHOUT, Row, rows_for
from sdf1_field.studies.necessity import JOINT, Array, Matrix, necessary

Values = Mapping[str, str | float]
_Table = dict[tuple[str, float], Counted]
Progress = Callable[[str, int, int], None]
"""Called with what is counted, how many are done and how many there will be."""

OWN_VALUES = "the models' own values"
"""Where values are from without draws."""
POINTS = "points.jsonl"
"""File of replayed points in a folder."""
CONFLICT_DISHES, CONFLICT_DRAWS = 2, 3
"""With which claims are asked again for each choice of a conflict."""
_SHIPPED_DISHES, _DISHES = 10, 4
"""Recorded dishes, of the models' own values, and of draws."""
_DENSER = 2
"""Cells of a replayed dish, over those of a dish, as in a calibration."""
_PAPERS = 1000
"""Virtual papers of a row and draw."""
_FIRST_SEED = 9201
"""Of the recorded dishes, which calibrations have not seen."""
_REPLAY, _RECORDING = 0.14, 2.0
"""Processor time of a condition in a recorded dish, and of recording it [s]."""
_CELL_TYPE = "cell_type."


@dataclass(frozen=True, eq=False)
class Asked:
    """What is asked of which claims.

    Parameters
    ----------
    paper : Paper
    claims : tuple of str
        Ids.
    rows : tuple of Row
        The whole model first.
    law : tuple of str
        ``KEY=VALUE`` settings of all rows.
    draws : tuple of mapping of str to str or float
        Parameters' values, by key.
    source : str
        Where the draws are from.
    dishes : int
        Recorded.
    conflicts : Conflicts
        Without choices if none are asked.
    conflict_draws : int
        The first of the draws.
    """

    paper: Paper
    claims: tuple[str, ...]
    rows: tuple[Row, ...]
    law: tuple[str, ...]
    draws: tuple[Values, ...]
    source: str
    dishes: int
    conflicts: Conflicts
    conflict_draws: int

    @property
    def conflict_claims(self) -> tuple[str, ...]:
        """Claims that are asked again."""
        return tuple(one for one in self.claims if one in self.conflicts.claims)


@dataclass(frozen=True, eq=False)
class Ablation:
    """What was found.

    Parameters
    ----------
    asked : Asked
    matrix : Matrix
    open_weights : OpenChoices
        Of what the paper leaves open.
    conflicting : tuple of (Choice or None, Matrix)
        The whole model, and the rows without a mechanism that a claim needs, for each choice; first
        without any, in the same dishes. Empty if no conflicts are asked.
    """

    asked: Asked
    matrix: Matrix
    open_weights: OpenChoices
    conflicting: tuple[tuple[Choice | None, Matrix], ...]


# The question


def ask(
    paper: Paper,
    *,
    claims: Sequence[str] = (),
    mechanisms: Sequence[str] = (),
    draws: Draws | None = None,
    dishes: int | None = None,
    conflicts: Conflicts | None = None,
    conflict_draws: int = CONFLICT_DRAWS,
) -> Asked:
    """A question about a paper's claims, checked before anything is replayed.

    Parameters
    ----------
    paper : Paper
    claims : sequence of str
        Ids; all that fold changes decide if empty.
    mechanisms : sequence of str
        Of `sdf1_field.studies.mechanisms.MECHANISMS`; all if empty.
    draws : Draws, optional
        The models' own values if not given.
    dishes : int, optional
        Recorded, at least 2; 4, or 10 for the models' own values, if not given.
    conflicts : Conflicts, optional
    conflict_draws : int

    Raises
    ------
    InputError
        If a claim or mechanism is unknown, a claim is not decided by fold changes, or the draws are
        of another paper or of parameters that its models do not have.
    """
    chosen = tuple(dict.fromkeys(claims)) or decided_claims(paper)
    if not chosen:
        raise InputError(
            f"{paper.name}: fold changes decide none of its claims, and replayed cells give "
            "nothing else. Choose another paper."
        )
    # Unknown claims, and those that fold changes do not decide.
    reads_of(paper, chosen)
    law = () if draws is None else draws.law
    models = _models(paper, chosen, law)
    if draws is not None:
        _require_draws(paper, draws, models[0])
    on = [s for s in SWITCHES if any(getattr(m.spec.mechanisms, s) for m in models)]
    own = Conflicts((), ()) if conflicts is None else conflicts
    if own.choices and not set(own.claims) & set(chosen):
        raise InputError(
            f"--conflicts: of {paper.name} they are about {', '.join(own.claims)}, and none of "
            "these is asked. Add one with --claim, or leave --conflicts out."
        )
    return Asked(
        paper,
        chosen,
        rows_for(on, tuple(dict.fromkeys(mechanisms))),
        law,
        ({},) if draws is None else draws.settings,
        OWN_VALUES if draws is None else draws.source,
        dishes or (_SHIPPED_DISHES if draws is None else _DISHES),
        own,
        conflict_draws,
    )


def decided_claims(paper: Paper) -> tuple[str, ...]:
    """Ids of the claims that fold changes of dishes decide."""
    return tuple(claim.id for claim in paper.claims if _decided(paper, claim.id))


def _decided(paper: Paper, claim: str) -> bool:
    try:
        reads_of(paper, (claim,))
    except InputError:
        return False
    return True


def _models(paper: Paper, claims: Sequence[str], law: Sequence[str]) -> list[Model]:
    """Models of the claims' conditions, in the order in which claims name them."""
    keys = dict.fromkeys(read.condition for read in reads_of(paper, claims))
    conditions = [paper.conditions[key] for key in keys]
    return [load_model(one.model, settings=(*one.settings, *law)) for one in conditions]


def _require_draws(paper: Paper, draws: Draws, model: Model) -> None:
    where = f"--posterior: {draws.source}"
    if draws.paper != paper.name:
        raise InputError(
            f"{where}: is of {draws.paper}, and not of {paper.name}. Give one of this paper."
        )
    for key in draws.settings[0]:
        if key not in model.entries:
            raise InputError(
                f"{where}: {key}: no such parameter of {model.name}. "
                f"{suggestion(key, list(model.entries))}"
            )
        if not may_differ(key):
            raise InputError(
                f"{where}: {key}: stroma and fields are recorded once, so draws cannot have it. "
                "Calibrate without it."
            )


def _followers(asked: Asked) -> dict[str, list[str]]:
    """Keys of other cell types that take the value of a key of the draws' cells, by that key.

    They are those that every model of the other type gives the value of the draws' cells. Draws of
    cells that are not the paper's first are not passed on.
    """
    models = _models(asked.paper, asked.claims, asked.law)
    lead = f"{_CELL_TYPE}{models[0].spec.cells.type}."
    found: dict[str, list[str]] = {}
    for key in asked.draws[0]:
        if not key.startswith(lead):
            continue
        for other in sorted({m.spec.cells.type for m in models} - {models[0].spec.cells.type}):
            path = f"{_CELL_TYPE}{other}.{key.removeprefix(lead)}"
            own = [m for m in models if m.spec.cells.type == other]
            if path not in asked.draws[0] and all(
                m.entries[path].value == m.entries[key].value for m in own
            ):
                found.setdefault(key, []).append(path)
    return found


def _followed(draw: Values, followers: Mapping[str, Sequence[str]]) -> Values:
    """A draw's values, and those of other cell types that take them."""
    taken = {path: draw[key] for key, paths in followers.items() for path in paths}
    return {**draw, **taken}


# Replays


def seconds_expected(asked: Asked) -> float:
    """Processor time of all replays, stored ones included, roughly [s]."""
    conditions = len({read.condition for read in reads_of(asked.paper, asked.claims)})
    anew = 1 + sum(bool(row.settings) for row in asked.rows)
    points = len(asked.rows) * len(asked.draws) + 1
    seconds = conditions * asked.dishes * (points * _REPLAY + anew * _RECORDING)
    if asked.conflicts.choices:
        again = len({read.condition for read in reads_of(asked.paper, asked.conflict_claims)})
        choices = len(asked.conflicts.choices) + 1
        # Some six rows are asked again.
        points = 6 * choices * len(_first_draws(asked))
        anew = 1 + sum(one.recorded_anew for one in asked.conflicts.choices)
        seconds += again * CONFLICT_DISHES * (points * _REPLAY + anew * _RECORDING)
    return seconds


def kept_points(folder: Path) -> int:
    """Number of replayed points that a folder holds."""
    try:
        return (folder / POINTS).read_bytes().count(b"\n")
    except OSError:
        return 0


def ablate(
    asked: Asked,
    folder: Path,
    *,
    scheduler: str | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Ablation:
    """Replay all rows at all draws, and judge the claims.

    Parameters
    ----------
    asked : Asked
    folder : pathlib.Path
        Where replayed points are kept; those that it holds are not replayed again.
    scheduler, workers
        As of `sdf1_field.ensemble.tasks.run_tasks`.
    progress : callable, optional

    Raises
    ------
    InputError
        If stroma or fields depend on a value of the draws.
    RunError
        If a replay fails; finished ones are kept.
    """
    replayer = _Replayer(asked, folder / POINTS, scheduler, workers, progress)
    question = _question(asked, asked.claims)
    followers = _followers(asked)
    draws = [_followed(draw, followers) for draw in asked.draws]
    replayer.begin("points replayed", len(asked.rows) * len(draws) + 1, question)
    # What the paper leaves open is informed by the models' own values.
    own, *simulated = replayer.rows(
        question, asked.dishes, [(asked.rows[0], [{}]), *((row, draws) for row in asked.rows)]
    )
    weights = printed_p_weights(question, simulated[0], own.logs[0], draws=_PAPERS)
    matrix = _judged(question, asked.rows, simulated, weights)
    if not asked.conflicts.choices:
        return Ablation(asked, matrix, weights, ())
    again = _question(asked, asked.conflict_claims)
    kept = (0, *_needed(matrix, asked.conflict_claims))
    scatter = [_scatter(simulated[n], question, again) for n in kept]
    choices = (None, *asked.conflicts.choices)
    points = len(kept) * len(_first_draws(asked)) * len(choices)
    replayer.begin("points of conflicts", points, again)
    conflicting = []
    for choice in choices:
        values, settings = _chosen(asked, choice, followers)
        found = replayer.rows(
            again, CONFLICT_DISHES, [(asked.rows[n], values) for n in kept], settings
        )
        # Few dishes tell little of their scatter: it is that of the row's dishes above.
        known = [replace(one, scatter=own) for one, own in zip(found, scatter, strict=True)]
        rows = [asked.rows[n] for n in kept]
        conflicting.append((choice, _judged(again, rows, known, weights)))
    return Ablation(asked, matrix, weights, tuple(conflicting))


class _Replayer:
    """Replays rows of a question's models, and counts the points that are done."""

    def __init__(
        self,
        asked: Asked,
        store: Path,
        scheduler: str | None,
        workers: int | None,
        progress: Progress | None,
    ) -> None:
        self._asked, self._store = asked, store
        self._scheduler, self._workers, self._progress = scheduler, workers, progress

    def begin(self, counted: str, points: int, question: Question) -> None:
        """Count anew, in words, the replays of so many points."""
        self._counted, self._done = counted, 0
        self._total = points * len(_of_cell_types(question))

    def rows(
        self,
        question: Question,
        dishes: int,
        rows: Sequence[tuple[Row, Sequence[Values]]],
        settings: Sequence[str] = (),
    ) -> list[Simulated]:
        """Fold changes of each row's models at its draws.

        Rows that need dishes of their own are recorded and replayed after the others.
        """
        found: dict[int, Simulated] = {}
        for anew in dict.fromkeys(row.settings for row, _ in rows):
            own = {n: _without(*one) for n, one in enumerate(rows) if one[0].settings == anew}
            values = [point for draws in own.values() for point in draws]
            tables: list[_Table] = [{} for _ in values]
            for moments in _of_cell_types(question):
                replays = replays_of(
                    question.paper,
                    moments,
                    settings=(*question.law, *settings, *anew),
                    seeds=range(_FIRST_SEED, _FIRST_SEED + dishes),
                    denser=_DENSER,
                )
                some = replayed_tables(
                    replays,
                    values,
                    self._store,
                    scheduler=self._scheduler,
                    workers=self._workers,
                    progress=self._finished,
                )
                tables = [{**table, **more} for table, more in zip(tables, some, strict=True)]
            for n, draws in own.items():
                first, tables = tables[: len(draws)], tables[len(draws) :]
                found[n] = gathered(np.empty((len(draws), 0)), first, question.reads)
        return [found[n] for n in range(len(rows))]

    def _finished(self, more: int) -> None:
        self._done += more
        if self._progress is not None:
            self._progress(self._counted, self._done, self._total)


def _chosen(
    asked: Asked, choice: Choice | None, followers: Mapping[str, Sequence[str]]
) -> tuple[list[Values], tuple[str, ...]]:
    """Values of the first draws with a choice, and settings to record dishes with."""
    changed: Values = {}
    settings: tuple[str, ...] = ()
    if choice is not None and choice.recorded_anew:
        settings = tuple(f"{key}={value}" for key, value in choice.settings.items())
    elif choice is not None:
        changed = choice.settings
    return [_followed({**draw, **changed}, followers) for draw in _first_draws(asked)], settings


def _first_draws(asked: Asked) -> tuple[Values, ...]:
    return asked.draws[: asked.conflict_draws]


def _without(row: Row, draws: Sequence[Values]) -> list[Values]:
    """A row's values at each draw."""
    off: Values = {f"mechanisms.{switch}": False for switch in row.off}
    return [{**draw, **off} for draw in draws]


def _of_cell_types(question: Question) -> list[set[tuple[str, float]]]:
    """Conditions and times of each cell type, which have no recorded dish in common."""
    found: dict[str, set[tuple[str, float]]] = {}
    for read in question.reads:
        condition = question.paper.conditions[read.condition]
        model = load_model(condition.model, settings=condition.settings)
        found.setdefault(model.spec.cells.type, set()).add((read.condition, read.time))
    return list(found.values())


def _question(asked: Asked, claims: tuple[str, ...]) -> Question:
    shipped = _models(asked.paper, claims, asked.law)[0]
    return Question(asked.paper, claims, (), Space(()), asked.law, shipped)


def _scatter(simulated: Simulated, question: Question, other: Question) -> Array:
    """Scatter of dishes of another question's reads, which are among those of the first."""
    found: Array = simulated.scatter[[question.reads.index(read) for read in other.reads]]
    return found


# Judgement


def _judged(
    question: Question,
    rows: Sequence[Row],
    simulated: Sequence[Simulated],
    weights: OpenChoices,
) -> Matrix:
    joint = tuple(one for one in question.paper.joint if one in question.claims)
    columns = (*question.claims, *((JOINT,) if len(joint) > 1 else ()))
    chances = []
    for own in simulated:
        agree = papers_of(question, own, weights, draws=_PAPERS).agree(
            own.logs, np.zeros_like(own.logs)
        )
        found = [agree[one].mean(axis=1) for one in question.claims]
        if len(joint) > 1:
            found.append(np.logical_and.reduce([agree[one] for one in joint]).mean(axis=1))
        chances.append(np.array(found).T)
    folds = np.array([own.logs[:, :2] for own in simulated])
    return Matrix(tuple(rows), columns, np.array(chances), folds)


def _needed(matrix: Matrix, claims: Sequence[str]) -> Iterator[int]:
    """Numbers of the rows without a mechanism that one of some claims needs."""
    for n, row in enumerate(matrix.rows):
        if row.kind == WITHOUT and any(
            necessary(matrix, n, k) for k, one in enumerate(matrix.columns) if one in claims
        ):
            yield n
