"""A ranking of experiments as tables, as JSON, in Markdown, and in words."""

import math
import textwrap
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from sdf1_field import __version__
from sdf1_field.errors import InputError
from sdf1_field.figures.ranking import Row, ranking_figure
from sdf1_field.judging.tables import markdown_table
from sdf1_field.studies.design import (
    EXPERIMENTS_TRIED,
    STORE,
    TOLD_APART,
    VARIATION,
    Question,
    Ranked,
    Scored,
    Study,
    effective_draws,
    laws_told_apart,
)
from sdf1_field.studies.folders import (
    csv_text,
    json_text,
    known_values,
    require_begun,
    require_own,
    write_files,
)
from sdf1_field.studies.information import Estimate
from sdf1_field.studies.readouts import components, is_logarithm

FILES = ("table.md", "design.csv", "design.json", "methods.txt", "figures/ranking.png")
HEADER = (
    "candidate", "dishes", "views", "bits", "95 %", "bits a dish", "dishes for 0.8", "parameters",
    "right law", "then", "best readout",
)  # fmt: skip
_COLUMNS = 100
_MOST_PAIRS = 3
"""Pairs of laws that are named in a line; the files have all."""

NOTES = (
    "bits: expected information about which law holds, by the best readout, with its interval over "
    "draws; a lower bound, and below 0 by chance where nothing is learnt. parameters: bits about "
    "the parameters of a known law, an upper bound. right law: expected probability of the law "
    "that holds, afterwards. then: bits of the first candidate and this one together. dishes: "
    "conditions x experiments; views are counted in each. dishes for 0.8: with which the right one "
    "of the two laws that are told apart best has that probability."
)


def rows(study: Study) -> list[tuple[str, ...]]:
    """Rows of `HEADER`."""
    return [
        (
            one.candidate.id,
            str(one.candidate.dishes),
            str(one.candidate.views),
            f"{one.best.gain.law.value:.2f}",
            _ends(one.best.gain.law),
            f"{one.bits_per_dish:.3f}",
            _enough(one),
            f"{one.best.gain.parameters.value:.2f}",
            f"{one.best.gain.posterior.value:.2f}",
            "-" if one.after_best is None else f"{one.after_best.law.value:.2f}",
            one.best.readout.label,
        )
        for one in study.ranking
    ]


def _enough(one: Ranked) -> str:
    conditions = len(one.candidate.conditions)
    if one.enough is None:
        return f"> {EXPERIMENTS_TRIED[-1] * conditions}"
    return str(one.enough * conditions)


def _ends(estimate: Estimate) -> str:
    low, high = estimate.interval
    return f"{low:.2f} to {high:.2f}"


def question_line(question: Question) -> str:
    """Laws, their prior, and how much there is to learn."""
    laws = ", ".join(
        f"{law.name} {p:.2g}" for law, p in zip(question.laws, question.prior, strict=True)
    )
    most = -sum(p * math.log2(p) for p in question.prior if p > 0.0)
    return (
        f"Laws and their probability before: {laws}. To know the law takes {most:.2f} bits. "
        f"Parameters are {question.sizes.draws} draws of each law's posterior given "
        f"{', '.join(question.claims)} of {question.paper}, which count as "
        f"{', '.join(f'{effective_draws(law):.1f}' for law in question.laws)}."
    )


def readout_line(question: Question, ranked: Ranked) -> str:
    """What a candidate's best readout does, in words."""
    scored = ranked.best
    one, other = (question.laws[n].name for n in scored.pair)
    if scored.effect < 0.0:
        one, other = other, one
    pairs = laws_told_apart(question, scored)
    apart = "; ".join(f"{a} / {b}" for a, b in pairs[:_MOST_PAIRS])
    more = f"; and {len(pairs) - _MOST_PAIRS} more" if len(pairs) > _MOST_PAIRS else ""
    told = f"Tells apart: {apart}{more}." if pairs else "Tells no two laws apart."
    return (
        f"{ranked.candidate.id}: {ranked.candidate.title}. {scored.readout.what} "
        f"({scored.number}) is higher by {abs(scored.effect):.1f} standard deviations of one dish "
        f"under '{one}' than under '{other}'. {told}"
    )


def recommendation(study: Study) -> str:
    """The first candidate in plain words."""
    first = study.ranking[0]
    gain = first.best.gain
    if gain.law.interval[1] <= 0.0:
        return "No candidate is expected to tell the laws apart."
    told = (
        f"Next: {first.candidate.title}, {first.candidate.dishes} dishes "
        f"({len(first.candidate.conditions)} conditions, {first.candidate.experiments} "
        f"experiments, {first.candidate.views} views in each). {first.candidate.why} Expected: "
        f"{gain.law.value:.2f} bits about the law ({_ends(gain.law)}), so that the right one has a "
        f"probability of {gain.posterior.value:.2f} on average."
    )
    second = max(
        (one for one in study.ranking[1:] if one.after_best is not None),
        key=lambda one: one.after_best.law.value if one.after_best is not None else -math.inf,
        default=None,
    )
    if second is None or second.after_best is None:
        return told
    return (
        f"{told} With '{second.candidate.title}' as a second experiment "
        f"{second.after_best.law.value:.2f} bits."
    )


def as_json(study: Study) -> dict[str, Any]:
    """All numbers, plain."""
    question = study.question
    return {
        "paper": question.paper,
        "claims": list(question.claims),
        "weights": question.weights,
        "laws": [
            {
                "name": law.name,
                "prior": p,
                "settings": list(law.settings),
                "draws": len(law.draws),
                "effective_draws": effective_draws(law),
            }
            for law, p in zip(question.laws, question.prior, strict=True)
        ],
        "recorded_dishes": list(question.sizes.replaying.seeds),
        "candidates": [
            {
                "id": one.candidate.id,
                "title": one.candidate.title,
                "why": one.candidate.why,
                "conditions": [condition.label for condition in one.candidate.conditions],
                "experiments": one.candidate.experiments,
                "views": one.candidate.views,
                "dishes": one.candidate.dishes,
                "bits_per_dish": one.bits_per_dish,
                "experiments_to_tell_apart": one.enough,
                "bits_with_first": _plain(one.after_best.law) if one.after_best else None,
                "readouts": [_readout_json(question, scored) for scored in one.readouts],
            }
            for one in study.ranking
        ],
    }


def _readout_json(question: Question, scored: Scored) -> dict[str, Any]:
    names = [law.name for law in question.laws]
    return {
        "readout": scored.readout.label,
        "law_bits": _plain(scored.gain.law),
        "parameter_bits": _plain(scored.gain.parameters),
        "posterior_of_the_right_law": _plain(scored.gain.posterior),
        "best_pair": [names[n] for n in scored.pair],
        "chance_of_the_right_one_of_the_pair": float(scored.separation[scored.pair]),
        "effect_in_sd_of_one_dish": scored.effect,
        "effect_of": scored.number,
        "told_apart": [
            {"one": one, "other": other} for one, other in laws_told_apart(question, scored)
        ],
        "expected": [
            {"law": name, "number": number, "value": value}
            for name, means, w in zip(
                names, scored.expected.means, scored.expected.weights, strict=True
            )
            for number, value in zip(components(scored.readout), (w @ means).tolist(), strict=True)
        ],
        "expected_is": "logarithm" if is_logarithm(scored.readout) else "value",
    }


def _plain(estimate: Estimate) -> dict[str, Any]:
    return {"value": estimate.value, "interval": list(estimate.interval)}


def records(study: Study) -> list[dict[str, Any]]:
    """A record for each candidate and readout."""
    return [
        _record(study.question, rank, one, scored)
        for rank, one in enumerate(study.ranking, start=1)
        for scored in one.readouts
    ]


def _record(question: Question, rank: int, one: Ranked, scored: Scored) -> dict[str, Any]:
    gain = scored.gain
    low, high = gain.law.interval
    return {
        "rank": rank,
        "candidate": one.candidate.id,
        "title": one.candidate.title,
        "dishes": one.candidate.dishes,
        "readout": scored.readout.label,
        "law_bits": gain.law.value,
        "law_bits_low": low,
        "law_bits_high": high,
        "law_bits_per_dish": gain.law.value / one.candidate.dishes,
        "parameter_bits": gain.parameters.value,
        "posterior_of_right_law": gain.posterior.value,
        "law_a": question.laws[scored.pair[0]].name,
        "law_b": question.laws[scored.pair[1]].name,
        "effect_sd_of_one_dish": scored.effect,
        "effect_of": scored.number,
        "pairs_told_apart": len(laws_told_apart(question, scored)),
    }


def as_csv(study: Study) -> str:
    """Records as a table with one line each."""
    lines = records(study)
    return csv_text(
        list(lines[0]),
        [[f"{v:.4f}" if isinstance(v, float) else v for v in one.values()] for one in lines],
    )


def as_markdown(study: Study) -> str:
    """The whole page."""
    lines = [f"- {readout_line(study.question, one)}" for one in study.ranking]
    return "\n\n".join(
        [
            f"# Which experiment next, after {study.question.paper}",
            recommendation(study),
            markdown_table(HEADER, rows(study)),
            NOTES,
            question_line(study.question),
            "\n".join(lines),
        ]
    )


def methods_text(question: Question) -> str:
    """A paragraph for a paper's methods."""
    replaying = question.sizes.replaying
    return textwrap.fill(
        f"Candidate experiments were ranked with sdf1-field {__version__} by the information that "
        f"they are expected to give about {len(question.laws)} laws "
        f"({', '.join(law.name for law in question.laws)}), of which the prior was "
        f"{'even' if question.weights == 'even' else 'in proportion to their evidence'}. Of each "
        f"law {question.sizes.draws} draws of the posterior given "
        f"{', '.join(question.claims)} were taken. Cells were replayed under every condition in "
        f"{len(replaying.seeds)} recorded dishes with {replaying.denser} times the cells of a "
        "view, with the same dishes and random numbers in all conditions and draws. The noise of "
        "an experiment is counting in views (jackknife over groups of cells), scatter between "
        f"recorded dishes, and variation between experiments of {100 * VARIATION:g} % of each "
        "condition. Outcomes were simulated from each draw and judged by the other draws, with a "
        "multivariate t for each law; the mean logarithm of the posterior over the prior "
        "probability of the right law is a lower bound of the information (Barber & Agakov 2003). "
        f"Two laws count as told apart from an expected probability of {TOLD_APART:g} of the "
        "right one of the two on.",
        _COLUMNS,
    )


def figure(study: Study) -> Figure:
    """Bits of each candidate by its best readout, and what each readout gives."""
    return ranking_figure(
        [
            Row(
                one.candidate.id,
                one.candidate.title,
                one.candidate.dishes,
                one.best.gain.law.value,
                one.best.gain.law.interval,
                one.best.readout.what,
                [(s.readout.what, s.gain.law.value) for s in one.readouts[1:]],
            )
            for one in study.ranking
        ],
        most=-sum(p * math.log2(p) for p in study.question.prior if p > 0.0),
        laws=len(study.question.laws),
    )


def require_folder(folder: Path, question: Question, *, force: bool = False) -> None:
    """Refuse a folder that holds something else, or results that the question's would not hold.

    Results of the same candidates, or of fewer, are replaced.

    Raises
    ------
    InputError
    """
    require_begun(folder, "a design", STORE)
    known = known_values(folder / "design.json")
    if known is None or force:
        return
    try:
        own = {
            "paper": known["paper"],
            "weights": known["weights"],
            "laws": [law["name"] for law in known["laws"]],
            "candidates": [
                _size_text(c["id"], c["experiments"], c["views"]) for c in known["candidates"]
            ],
        }
    except (KeyError, TypeError):
        raise InputError(
            f"{folder / 'design.json'}: not that of a design. Choose another folder by -o."
        ) from None
    require_own(
        folder,
        "a design",
        own,
        {
            "paper": question.paper,
            "weights": question.weights,
            "laws": [law.name for law in question.laws],
        },
        {"candidates": [_size_text(c.id, c.experiments, c.views) for c in question.candidates]},
        remedy="Choose another folder by -o, or replace the results with --force; what was "
        "replayed is kept.",
    )


def _size_text(name: str, experiments: int, views: int) -> str:
    return f"{name} ({experiments} experiments, {views} views)"


def write_study(study: Study, folder: Path) -> None:
    """Write `FILES`.

    Raises
    ------
    RunError
        If the folder cannot be written to.
    """
    texts = {
        "table.md": f"{as_markdown(study)}\n",
        "design.csv": as_csv(study),
        "design.json": json_text(as_json(study)),
        "methods.txt": f"{methods_text(study.question)}\n",
    }
    write_files(folder, texts, {FILES[-1]: figure(study)}, kept="replays")
