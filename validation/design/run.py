"""What a ranking of experiments is worth: the ranking itself, and planted mechanisms.

python validation/design/run.py record     # table.md, ranking.png: all candidates
python validation/design/run.py plants     # plants.md: the first candidate, done on planted laws

Replays are kept in the folder that --folder names, and the second section needs those of the first.
"""

import argparse
import itertools
import resource
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sdf1_field.random import Stream, generator
from sdf1_field.statistics import percentile_interval, resamples
from sdf1_field.studies import design, information
from sdf1_field.studies.design import Question, Ranked, Study
from sdf1_field.studies.design_report import as_markdown, figure
from sdf1_field.studies.outcomes import Law, Replaying, replayed

sys.path.append(str(Path(__file__).parents[1]))

from recording import carry_out_sections, markdown

HERE = Path(__file__).parent
PLANTS = 24
"""Planted laws, each with a draw of its own."""
DISHES = tuple(range(9301, 9325))
"""Recorded dishes of planted experiments, other than those of the ranking; a half for each side."""
BINS = (0.0, 0.1, 0.3, 0.6, 1.01)


def spent() -> float:
    """Processor time of this program and its processes that have ended [s]."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def studied(arguments: argparse.Namespace) -> Study:
    """The ranking of all candidates, by what is kept."""
    sizes = design.sizes_of(draws=arguments.draws)
    question = design.asked("deniz2023", laws=arguments.law, sizes=sizes)
    return design.studied(question, arguments.folder, workers=arguments.workers, progress=shown)


def shown(what: str, done: int, total: int) -> None:
    """Say how far it is."""
    print(f"{time.strftime('%H:%M:%S')} {what}: {done} of {total}", flush=True)


def record(arguments: argparse.Namespace) -> None:
    """The ranking, its picture, and the time that it took."""
    wall, begun = time.monotonic(), spent()
    study = studied(arguments)
    took = time.monotonic() - wall, spent() - begun
    print(f"{took[0]:.0f} s, {took[1]:.0f} s of processor time")
    (HERE / "table.md").write_text(f"{as_markdown(study)}\n", encoding="utf-8")
    figure(study).savefig(HERE / "ranking.png", dpi=120, metadata={"Software": None})


def plants(arguments: argparse.Namespace) -> None:
    """Do the first candidate on planted laws, in dishes of their own, and judge its outcomes."""
    study = studied(arguments)
    question, first = study.question, study.ranking[0]
    planted = [chosen(law, PLANTS // len(question.laws)) for law in question.laws]
    outcomes = experiments(question, first, planted, arguments)
    prior = np.array(question.prior)
    before = first.best.judged.posterior(prior)
    rows, pairs, truths, promised = [], [], [], []
    for n, law in enumerate(question.laws):
        for k, draw in enumerate(planted[n]):
            # The analyst does not know the planted draw.
            known = information.without(first.best.expected, n, draw)
            chances = design.posterior(question, known, outcomes[n][k])
            own = chances[law.name]
            truths.append(own)
            promised.append(float(before[n][draw, :, n].mean()))
            pairs += [(p, float(name == law.name)) for name, p in chances.items()]
            best = max(chances, key=lambda name: chances[name])
            numbers = (f"{p:.2f}" for p in (prior[n], promised[-1], own))
            rows.append([law.name, str(draw), *numbers, best])
    write_plants(question, first, rows, pairs, np.array(truths), np.array(promised))


def chosen(law: Law, number: int) -> list[int]:
    """Draws that are planted: those that weigh most, each once."""
    order = np.argsort(-np.array(law.weights), kind="stable")
    return sorted(order[:number].tolist())


def experiments(
    question: Question, first: Ranked, planted: Sequence[list[int]], arguments: argparse.Namespace
) -> list[np.ndarray]:
    """Outcomes of the first candidate for each law, shape (plant, number).

    Each condition has recorded dishes of its own, and each plant another choice of these.
    """
    candidate, readout = first.candidate, first.best.readout
    laws = [replace_draws(law, own) for law, own in zip(question.laws, planted, strict=True)]
    views = candidate.experiments * candidate.views
    half = len(DISHES) // 2
    found = [np.zeros((len(own), first.best.expected.means[0].shape[1])) for own in planted]
    for side, condition in enumerate(candidate.conditions):
        seeds = DISHES[side * half : (side + 1) * half]
        seen = replayed(
            question.known, [condition.name], laws, Replaying(seeds, 1, own_cells=1 + side),
            arguments.folder / "plants.jsonl", workers=arguments.workers,
            progress=lambda n: print("." * n, end="", flush=True),
        )  # fmt: skip
        for n, law in enumerate(laws):
            values = seen.part(condition.name, law.name, readout).values
            for k in range(len(values)):
                picked = generator(n, Stream.POOL, 100 * side + k).permutation(half)[:views]
                found[n][k] += (1.0, -1.0)[side] * values[k, picked].mean(axis=0)
    for n, own in enumerate(found):
        expected = first.best.expected
        varied = expected.noise[n] - expected.one_dish[n] / views
        root = np.linalg.cholesky(information.regular(varied))
        own += generator(n, Stream.POOL, 999).standard_normal(own.shape) @ root.T
    return found


def replace_draws(law: Law, own: Sequence[int]) -> Law:
    """A law with some of its draws alone."""
    return law._replace(
        draws=tuple(law.draws[n] for n in own), weights=(1.0 / len(own),) * len(own)
    )


def write_plants(
    question: Question,
    first: Ranked,
    rows: Sequence[Sequence[str]],
    pairs: Sequence[tuple[float, float]],
    truths: np.ndarray,
    promised: np.ndarray,
) -> None:
    """The table of planted laws."""
    candidate, prior = first.candidate, 1.0 / len(question.laws)
    (picks,) = resamples(len(truths))
    low, high = percentile_interval(truths[picks].mean(axis=1))
    said, true = np.array(pairs).T
    lines = []
    for begin, end in itertools.pairwise(BINS):
        here = (said >= begin) & (said < end)
        if here.any():
            mean = said[here].mean()
            chance = np.sqrt(mean * (1.0 - mean) / here.sum())
            lines.append(
                [f"{begin:g} to {min(end, 1.0):g}", f"{here.sum()}", f"{mean:.2f}",
                 f"{true[here].mean():.2f}", f"{chance:.2f}"]
            )  # fmt: skip
    text = (
        f"# Planted mechanisms\n\n{len(truths)} laws are planted, each with a draw of its "
        "posterior that the analysis does not have. The first candidate "
        f"({candidate.id}: {candidate.title}; {first.best.readout.label}) is done on each: "
        f"{candidate.experiments} experiments of {candidate.views} views for each condition, "
        "replayed in recorded dishes that the ranking has not seen, each condition in dishes and "
        "with cells of its own, and with variation between experiments drawn. The posterior is by "
        f"the other draws.\n\nProbability of the planted law: {prior:.2f} before, "
        f"**{truths.mean():.2f}** afterwards ({low:.2f} to {high:.2f}, bootstrap over plants); "
        f"promised for these draws {promised.mean():.2f}, for all "
        f"{first.best.gain.posterior.value:.2f}. It rose in {(truths > prior).sum()} of "
        f"{len(truths)} plants.\n\n"
        + markdown(
            ["planted law", "draw", "before", "promised", "afterwards", "most probable then"], rows
        )
        + "\n\nWhether probabilities mean what they say, over all plants and laws:\n\n"
        + markdown(
            ["probability said", "how many", "mean", "share true", "standard error by chance"],
            lines,
        )
    )
    (HERE / "plants.md").write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    carry_out_sections(
        __doc__,
        {"record": record, "plants": plants},
        folder={"type": Path, "default": Path("deniz2023-design")},
        law={"action": "append", "default": []},
        draws={"type": int},
        workers={"type": int},
    )
