"""What the inference of KG-1a cells is worth: emulator, calibration, confirmation, other laws.

python validation/inference/run.py record     # the inference itself, an hour or two on two cores
python validation/inference/run.py cd34       # CD34+ cells, with five values of their own
python validation/inference/run.py laws       # evidence of laws, each by replays of its own
python validation/inference/run.py draws      # posterior draws of laws, which ship; fewer points
python validation/inference/run.py heldout    # emulator on points that it has not seen
python validation/inference/run.py plants     # simulation-based calibration
python validation/inference/run.py values     # the same, with effects in place of reports
python validation/inference/run.py confirm    # posterior draws in the full program
python validation/inference/run.py choose     # the likeliest draws, in further dishes
python validation/inference/run.py stepwise   # what each claim says of the next
python validation/inference/run.py doses      # dose responses of the posterior
python validation/inference/run.py indices    # Sobol indices, on the emulator

Each section writes a table here; the first two also write their predictions into
validation/predictions.toml, which is shipped. Replayed points and dishes are kept in the folder
that --folder names, and sections after the first need it.
"""

import argparse
import functools
import json
import re
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from scipy import stats

from sdf1_field.calibration.design import Simulated, simulate, sobol_points
from sdf1_field.calibration.emulator import explained
from sdf1_field.calibration.findings import parameters
from sdf1_field.calibration.importance import Weighted
from sdf1_field.calibration.inference import (
    ALL,
    FULL,
    Inference,
    Question,
    ask,
    infer,
    papers_of,
    predictions,
)
from sdf1_field.calibration.laws import LAWS
from sdf1_field.calibration.papers import Read
from sdf1_field.calibration.replayed import replays_of
from sdf1_field.calibration.report import as_markdown
from sdf1_field.calibration.saving import figures
from sdf1_field.claims import OpenChoices
from sdf1_field.claims.virtual import prior_weights
from sdf1_field.digits import spread_text
from sdf1_field.ensemble import run_dishes
from sdf1_field.errors import InputError
from sdf1_field.figures.drawing import BODY, NETWORK
from sdf1_field.judging.tables import share_text
from sdf1_field.observations import Dish
from sdf1_field.reproduce import load_paper

sys.path.append(str(Path(__file__).parents[1]))

from recording import carry_out_sections, markdown, write_predictions
from sensitivity import ship

HERE = Path(__file__).parent
OF_LAWS = replace(FULL, even=128, wave=64, rounds=(8192,) * len(FULL.rounds))
"""Each law's own replays, that of all pieces included, so that they compare like with like."""
OF_DRAWS = replace(
    FULL, even=64, wave=48, powers=(0.3,), rounds=(4096, 4096), seeds=(9001, 9002), draws=200
)
"""Each law's shipped draws: a quarter of an hour on two free cores for all."""
OF_HARD_DRAWS = replace(OF_DRAWS, powers=(0.3, 0.3, 0.6, 1.0))
"""Those of a law for which fewer than `LEAST_DRAWS` of the draws count; weights are truncated."""
LEAST_DRAWS = 6
WEIGHED_DRAWS, LEAST_WEIGHED, WEIGHED_PAPERS, SHIPPED_DRAWS = 96, 24, 20_000, 32
OF_CD34 = replace(FULL, even=128, wave=48)
"""Five parameters need fewer points."""
DRAWS_FILE = HERE.parent / "posterior.toml"
PICTURE = HERE.parents[1] / "docs" / "images" / "corner.png"
DOSES_PICTURE = PICTURE.with_name("doses.png")
DECISIVE = 10.0
"""Ratio of evidences below which nothing is decided."""
HELD_OUT, HELD_OUT_SEED, HELD_OUT_DENSER = 64, 77, 10
PLANTS, PLANTS_SEED, PLANTS_DENSER = 200, 78, 4
EMULATED = 65_536
"""Prior draws that are weighed for each plant."""
CONFIRMED, CONFIRM_SEED = 60, 500
"""Posterior draws in the full program, and the seed of their dishes."""
STEPWISE, STEPWISE_SEED = 20_000, 1
BINS = 10
VALUED = 32_768
"""Prior draws that are weighed where plants print values."""
NEAR, LEAST_SIZE, TINY = 1.3, 50, 1e-3
"""Largest factor by which an effect is misread; effective size of a posterior that is ranked;
effect below which none can be told from 0."""
CHOSEN_FROM, LISTED, CHOSEN_DENSER = 14, 12, 4
"""Points that are replayed in further dishes, those that are listed, and how densely."""
CHOSEN_SEEDS = tuple(range(9101, 9107))
MOVED = 0.15
"""Difference of two distribution functions from which on a claim informs a parameter."""
DOSED = 32
"""Posterior draws whose dose responses are replayed."""
SDF1_DOSES = tuple(f"{dose:g} ng/mL" for dose in (0.01, 0.1, 1.0, 10.0, 100.0, 300.0))
AMD3100_DOSES = tuple(f"{dose:g} uM" for dose in (0.1, 0.3, 1.0, 3.0, 10.0, 30.0))
REGIONS = ("MSC", "network")


def question() -> Question:
    """The shipped one about KG-1a cells."""
    paper = load_paper("deniz2023")
    return ask(paper, paper.calibrations[0])


def shown(what: str, done: int, total: int) -> None:
    """Say how far it is."""
    if done % 32 == 0 or done == total:
        print(f"{time.strftime('%H:%M:%S')} {what}: {done} of {total}", file=sys.stderr, flush=True)


@functools.cache
def inferred(folder: Path, even: int, wave: int) -> Inference:
    """The recorded inference, by the points kept."""
    sizes = replace(FULL, even=even, wave=wave)
    return infer(question(), folder / "kg1a", sizes, progress=shown)


def recorded(arguments: argparse.Namespace) -> Inference:
    """The inference that the command line asks for."""
    return inferred(arguments.folder, arguments.even, arguments.wave)


def write(name: str, text: str) -> None:
    """Write a table of this folder."""
    (HERE / f"{name}.md").write_text(f"{text}\n", encoding="utf-8")


def laws(arguments: argparse.Namespace) -> None:
    """Evidence of each law over the same prior."""
    rows, whole = [], float("nan")
    paper = load_paper("deniz2023")
    for name, settings in LAWS.items():
        asked = ask(paper, paper.calibrations[0], law=settings)
        try:
            found = infer(
                asked, arguments.folder / "laws" / name.replace(" ", "-"), OF_LAWS, progress=shown
            )
        except InputError as error:  # No point reports all claims but one.
            rows.append([name, f"none ({error})", *["-"] * (2 + len(asked.claims))])
            continue
        evidence, error = found.weighted.evidence(ALL)
        whole = evidence if not settings else whole
        chances = {p.claim: (p.explained, p.reported) for p in predictions(found)}
        rows.append(
            [name, spread_text(evidence, error), f"{evidence / whole:.2g}",
             *(", ".join(map(share_text, chances[one])) for one in asked.claims),
             f"{found.weighted.effective_size(ALL):.0f}"]
        )  # fmt: skip
    claims = question().claims
    write(
        "laws",
        "# Evidence of laws\n\nMean chance, over the prior, that one virtual paper reports "
        f"{', '.join(claims)}, with its standard error by importance sampling; the emulator's own "
        f"error is integrated. {OF_LAWS.even} even points and {len(OF_LAWS.powers)} waves of "
        f"{OF_LAWS.wave} for each law. A law counts as less probable if its evidence is less than "
        f"1/{DECISIVE:g} of that of all pieces. Claims: chance of a new paper that reports them, "
        "by the law's own posterior of all, and by that of the others.\n\n"
        + markdown(["law", "evidence", "over all pieces", *claims, "effective size"], rows),
    )


def draws(arguments: argparse.Namespace) -> None:
    """Posterior draws of each law, for studies that ask what an experiment would tell."""
    paper = load_paper("deniz2023")
    found: dict[str, Confirmed] = {}
    for name, settings in LAWS.items():
        asked = ask(paper, paper.calibrations[0], law=settings)
        folder = arguments.folder / "draws" / name.replace(" ", "-").replace(":", "")
        found[name] = confirmed(infer(asked, folder, OF_DRAWS, progress=shown), folder)
        if found[name].size < LEAST_DRAWS:
            hard = infer(asked, folder, OF_HARD_DRAWS, progress=shown)
            found[name] = confirmed(hard, folder, truncated=True)
        write_draws(found)


@dataclass(frozen=True, eq=False)
class Confirmed:
    """Draws weighed by their own replays.

    Parameters
    ----------
    question : Question
    points : ndarray, shape (draw, parameter)
    size : float
        Effective number of the draws that were weighed.
    """

    question: Question
    points: np.ndarray
    size: float


def confirmed(found: Inference, folder: Path, *, truncated: bool = False) -> Confirmed:
    """Draws of the emulated posterior, drawn again by what their own replays give.

    Their weights are replayed chances over those that they were drawn by, so that the emulator's
    error leaves the draws (sampling, importance resampling), as far as it has not left out good
    points altogether. Truncated, no weight is above the mean times the root of their number
    (Ionides 2008, J. Comput. Graph. Stat. 17:295): one point of a tiny proposal then cannot stand
    for all, at the price of a bias towards what was proposed.
    """
    weighted, asked = found.weighted, found.question
    proposed = weighted.likelihood[ALL]
    chosen, times = np.unique(weighted.resampled(ALL, WEIGHED_DRAWS, seed=1), return_counts=True)
    if len(chosen) < LEAST_WEIGHED:
        # Hardly a virtual paper reports all claims at once, so points are drawn by each of them.
        each = [weighted.likelihood[f"says {one}"] + 0.5 / OF_DRAWS.draws for one in asked.claims]
        proposed = np.prod(each, axis=0)
        apart = Weighted(weighted.points, weighted.prior, {ALL: proposed})
        chosen, times = np.unique(apart.resampled(ALL, WEIGHED_DRAWS, seed=1), return_counts=True)
    seen = replayed(
        asked, weighted.points[chosen], OF_DRAWS.denser, folder / "points.jsonl",
        seeds=OF_DRAWS.seeds,
    )  # fmt: skip
    papers = papers_of(asked, seen, found.open_weights, draws=WEIGHED_PAPERS)
    agree = papers.agree(seen.logs, np.zeros_like(seen.logs))
    chance = np.logical_and.reduce([agree[one] for one in asked.claims]).mean(axis=1)
    weights = times / proposed[chosen] * chance
    if truncated:
        weights = np.minimum(weights, weights.mean() * np.sqrt(len(weights)))
    own = Weighted(seen.points, weights, {ALL: np.ones(len(weights))})
    return Confirmed(
        asked,
        own.points[own.resampled(ALL, SHIPPED_DRAWS, seed=1)],
        own.effective_size(ALL),
    )


def write_draws(found: Mapping[str, Confirmed]) -> None:
    """Write `DRAWS_FILE`."""
    first = next(iter(found.values())).question
    rows = re.findall(r"^\| ([^|]+) \| ([0-9.e-]+) ±", (HERE / "laws.md").read_text(), re.MULTILINE)
    evidence = {name: float(value) for name, value in rows}
    points = OF_DRAWS.even + OF_DRAWS.wave * len(OF_DRAWS.powers)
    lines = [
        "# Equally weighted posterior draws of each law, given the claims below.",
        "#",
        "# Written by `python validation/inference/run.py draws`; do not edit.",
        f"# Cells were replayed at {points} points of each law in {len(OF_DRAWS.seeds)} recorded "
        f"dishes, and at {WEIGHED_DRAWS} draws of",
        "# what was emulated from them, which were drawn again by their own chances; the effective "
        "size is of these.",
        "# The evidence is that of laws.md, from more points.",
        "",
        f"paper = {json.dumps(first.paper.name)}",
        f"claims = {json.dumps(list(first.claims))}",
        "",
        "[units]",
        *(f"{json.dumps(free.key)} = {json.dumps(free.unit)}" for free in first.space.free),
    ]
    for name, one in found.items():
        lines += [
            "",
            f"[law.{json.dumps(name)}]",
            f"settings = {json.dumps(list(one.question.law))}",
            f"evidence = {evidence[name]:g}",
            f"effective_size = {one.size:.1f}",
            "",
            f"[law.{json.dumps(name)}.draws]",
        ]
        for free, places in zip(one.question.space.free, one.points.T, strict=True):
            values = [float(f"{value:.4g}") for value in free.number(places)]
            lines.append(f"{json.dumps(free.key)} = {values}")
    DRAWS_FILE.write_text("\n".join(lines) + "\n", encoding="utf-8")


def replayed(
    asked: Question,
    points: np.ndarray,
    denser: int,
    store: Path,
    seeds: tuple[int, ...] = FULL.seeds,
) -> Simulated:
    """Replays at points, in the inference's own dishes or others."""
    replays = replays_of(
        asked.paper,
        {(read.condition, read.time) for read in asked.reads},
        settings=asked.law,
        seeds=seeds,
        denser=denser,
    )
    return simulate(
        asked.space, replays, points, asked.reads, store,
        progress=lambda _: print(".", end="", file=sys.stderr, flush=True),
    )  # fmt: skip


def heldout(arguments: argparse.Namespace) -> None:
    """Share of variance that the emulator explains at points that it has not seen."""
    found = recorded(arguments)
    asked = found.question
    points = sobol_points(asked.space, HELD_OUT, seed=HELD_OUT_SEED)
    seen = replayed(asked, points, HELD_OUT_DENSER, arguments.folder / "held-out.jsonl")
    shares = explained(found.emulator, seen)
    mean, error = found.emulator.predict(seen.points)
    error = found.emulator.read_error(error)
    inside = np.abs(seen.logs - mean) < 1.96 * np.sqrt(error**2 + seen.noise)
    rows = [
        [read.condition, read.region, f"{read.time / 3600:g} h", f"{share:.3f}",
         f"{np.median(e):.3f}", f"{within:.2f}"]
        for read, share, e, within in zip(
            asked.reads, shares, error.T, inside.mean(axis=0), strict=True
        )
    ]  # fmt: skip
    write(
        "heldout",
        f"# The emulator at {HELD_OUT} points that it has not seen\n\nEach point with "
        f"{HELD_OUT_DENSER * 4 * 255:,} cells of a condition. R² is that of noise-free points: the "
        "counting variance is subtracted.\n\n"
        + markdown(
            ["condition", "region", "time", "R²", "emulator's error (median)", "within its 95 %"],
            rows,
        ),
    )


def outcomes(flags: list[np.ndarray]) -> np.ndarray:
    """Which claims hold, as bits of a number."""
    return np.sum([2**k * f.astype(np.intp) for k, f in enumerate(flags)], axis=0)


def rank_rows(
    asked: Question,
    prior: np.ndarray,
    logs: np.ndarray,
    planted: Simulated,
    points: np.ndarray,
    weights: np.ndarray,
    ranked: np.ndarray,
) -> list[list[str]]:
    """Ranks of planted parameters and fold changes among weighed prior draws, in tenths.

    ``weights``, shape (plant, draw), are those of the emulated draws ``prior`` with ``logs``;
    ``ranked`` says which of the plants at ``points`` count.
    """
    quantities = {
        **{key: (prior[:, k], points[:, k]) for k, key in enumerate(asked.space.keys)},
        **{
            f"log fold change, {read.condition}, {read.region}": (logs[:, n], planted.logs[:, n])
            for n, read in enumerate(asked.reads)
            if read.time == asked.reads[0].time
        },
    }
    rows = []
    for name, (drawn, true) in quantities.items():
        ranks = [
            float(weights[n][drawn < true[n]].sum() / weights[n].sum())
            for n in np.flatnonzero(ranked)
        ]
        counts = np.histogram(ranks, bins=BINS, range=(0.0, 1.0))[0]
        p = float(stats.chisquare(counts).pvalue)
        rows.append([name, " ".join(str(c) for c in counts), f"{p:.2f}"])
    return rows


def plants(arguments: argparse.Namespace) -> None:
    """Rank of planted parameters in the posterior from the paper that they give."""
    found = recorded(arguments)
    asked = found.question
    points = np.random.default_rng(PLANTS_SEED).random((PLANTS, len(asked.space)))
    planted = replayed(asked, points, PLANTS_DENSER, arguments.folder / "plants.jsonl")
    judged = asked.judged
    prior = sobol_points(asked.space, EMULATED, seed=PLANTS_SEED + 1)
    count = 2 ** len(judged)
    table = np.empty((EMULATED, count))
    logs, errors = found.emulator.predict(prior)
    for begin in range(0, EMULATED, 1024):
        some = slice(begin, begin + 1024)
        agree = found.papers.agree(logs[some], errors[some])
        numbers = outcomes([agree[one] for one in judged])
        table[some] = np.stack([(numbers == n).mean(axis=1) for n in range(count)], axis=1)
    # The planted papers: one virtual paper each, of the replayed fold changes themselves.
    none = np.zeros((PLANTS, found.emulator.mixing.shape[1]))
    said = found.papers.agree(planted.logs, none)
    numbers = outcomes([said[one] for one in judged])
    draw = np.random.default_rng(PLANTS_SEED).integers(numbers.shape[1], size=PLANTS)
    outcome = numbers[np.arange(PLANTS), draw]
    rows = rank_rows(
        asked, prior, logs, planted, points, table[:, outcome].T, np.ones(PLANTS, dtype=bool)
    )
    low, high = stats.binom.interval(0.99, PLANTS, 1.0 / BINS)
    write(
        "plants",
        f"# Simulation-based calibration on {PLANTS} planted parameter sets\n\nEach is drawn from "
        "the prior and replayed; one virtual paper of its fold changes reports some of "
        f"{', '.join(judged)}; {EMULATED:,} emulated prior draws are weighed by the chance of that "
        "report. The rank of the planted value in that posterior must be even: "
        f"{PLANTS // BINS} in each tenth, between {low:.0f} and {high:.0f} in 99 % of bins. "
        f"Reports: {np.bincount(outcome, minlength=count).tolist()} by number of bits "
        f"{', '.join(judged)}.\n\n"
        + markdown(["quantity", "plants in each tenth of ranks", "p (chi-squared)"], rows),
    )


def values(arguments: argparse.Namespace) -> None:
    """Rank of planted parameters in the posterior from the effects that they give, as values."""
    found = recorded(arguments)
    asked = found.question
    points = np.random.default_rng(PLANTS_SEED).random((PLANTS, len(asked.space)))
    planted = replayed(asked, points, PLANTS_DENSER, arguments.folder / "plants.jsonl")
    claims = {claim.id: claim for claim in asked.paper.claims}
    statements = [s for one in asked.claims for s in claims[one].statements]
    prior = sobol_points(asked.space, VALUED, seed=PLANTS_SEED + 1)
    logs, errors = found.emulator.predict(prior)
    none = np.zeros((PLANTS, found.emulator.mixing.shape[1]))
    said = np.log(np.maximum(found.papers.effects(planted.logs, none, statements), TINY))
    rng = np.random.default_rng(PLANTS_SEED)
    draw = rng.integers(said.shape[1], size=PLANTS)
    misread = np.log(NEAR) * rng.uniform(-1.0, 1.0, (PLANTS, len(statements)))
    printed = said[np.arange(PLANTS), draw] + misread
    weights = np.empty((PLANTS, VALUED))
    for begin in range(0, VALUED, 512):
        some = slice(begin, begin + 512)
        effects = np.log(
            np.maximum(found.papers.effects(logs[some], errors[some], statements), TINY)
        )
        for n, own in enumerate(printed):
            near = (np.abs(effects - own) < np.log(NEAR)).all(axis=2)
            weights[n, some] = near.mean(axis=1)
    sizes = weights.sum(axis=1) ** 2 / np.maximum((weights**2).sum(axis=1), 1e-300)
    enough = sizes >= LEAST_SIZE
    rows = rank_rows(asked, prior, logs, planted, points, weights, enough)
    low, high = stats.binom.interval(0.99, int(enough.sum()), 1.0 / BINS)
    write(
        "plants-values",
        f"# Simulation-based calibration by values\n\nThe {PLANTS} planted parameter sets of "
        "[plants.md](plants.md). Here the effects themselves are read from a virtual paper, with "
        f"an error of up to a factor of {NEAR:g}: "
        f"{', '.join(f'{s.condition} {s.of}' for s in statements)}. {VALUED:,} emulated prior "
        f"draws are weighed by the share of their virtual papers whose effects all lie within that "
        f"factor. {int(enough.sum())} plants with an effective size of {LEAST_SIZE} or "
        f"more are ranked (median {np.median(sizes):.0f}); of those, between {low:.0f} and "
        f"{high:.0f} must be in each tenth in 99 % of bins.\n\n"
        + markdown(["quantity", "plants in each tenth of ranks", "p (chi-squared)"], rows),
    )


def confirm(arguments: argparse.Namespace) -> None:
    """Posterior draws in the full program against replay and emulator."""
    found = recorded(arguments)
    asked, weighted = found.question, found.weighted
    drawn = weighted.points[weighted.resampled(ALL, CONFIRMED, seed=CONFIRM_SEED)]
    conditions = {read.condition: asked.paper.conditions[read.condition] for read in asked.reads}
    dishes = {
        (n, key): Dish(
            observation=c.observation,
            model=c.model,
            settings=(*c.settings, *(f"{k}={v}" for k, v in asked.space.settings(point).items())),
            seed=CONFIRM_SEED + n,
            times=c.times,
        )
        for n, point in enumerate(drawn)
        for key, c in conditions.items()
    }
    ensemble = run_dishes(
        list(dishes.values()), arguments.folder / "confirm",
        progress=lambda more: print("." * more, end="", file=sys.stderr, flush=True),
    )  # fmt: skip
    mean, error = found.emulator.predict(drawn)
    error = found.emulator.read_error(error)
    rows = []
    for k, read in enumerate(asked.reads):
        away, z = [], []
        for n in range(len(drawn)):
            readings = {
                (r.quantity, r.of): float(r.values[0])
                for r in ensemble.readings[dishes[n, read.condition]]
                if r.time == read.time and len(r.values) == 1
            }
            own, free = (readings["cells in region", of] for of in (read.region, "free surface"))
            log = np.log(
                (own + 0.5) / readings["area of region", read.region]
                / ((free + 0.5) / readings["area of region", "free surface"])
            )  # fmt: skip
            counting = 1.0 / (own + 0.5) + 1.0 / (free + 0.5)
            away.append(log - mean[n, k])
            z.append(
                away[-1] / np.sqrt(error[n, k] ** 2 + counting + found.simulated.scatter[k] ** 2)
            )
        standard = np.std(away, ddof=1) / np.sqrt(len(away))
        rows.append(
            [read.condition, read.region, f"{read.time / 3600:g} h",
             f"{np.mean(away):+.3f} ± {standard:.3f}", f"{np.mean(np.abs(z) < 1.96):.2f}"]
        )  # fmt: skip
    write(
        "confirm",
        f"# {CONFIRMED} posterior draws in the full program\n\nOne dish of 255 cells for each draw "
        "and condition, with stroma of its own, crowding, and migrasomes that are swallowed. "
        "Difference of its logarithm of the fold change from the emulator's, and how often it lies "
        "within the 95 % that emulator, counting and dishes' scatter say.\n\n"
        + markdown(["condition", "region", "time", "difference", "within 95 %"], rows),
    )


def choose(arguments: argparse.Namespace) -> None:
    """The best replayed and emulated points in further dishes."""
    found = recorded(arguments)
    asked, simulated = found.question, found.simulated
    views = found.open_weights.views
    grid = np.zeros_like(prior_weights(views).grid)
    grid[views.index(2)] = prior_weights(views).grid[views.index(2)]
    two_views = OpenChoices(views, grid / grid.sum())

    def chances(seen: Simulated, draws: int) -> dict[str, np.ndarray]:
        papers = papers_of(asked, seen, two_views, draws=draws)
        agree = papers.agree(seen.logs, np.zeros_like(seen.logs))
        together = np.logical_and.reduce([agree[one] for one in asked.claims])
        return {one: flags.mean(axis=1) for one, flags in {**agree, ALL: together}.items()}

    by_replay = np.argsort(-chances(simulated, 1000)[ALL])[:CHOSEN_FROM]
    by_emulator = np.argsort(-found.weighted.likelihood[ALL])[:CHOSEN_FROM]
    points = np.concatenate(
        [simulated.points[by_replay], found.weighted.points[by_emulator],
         asked.space.point(asked.shipped)[None]]
    )  # fmt: skip
    origins = [*(f"replayed {n + 1}" for n in range(CHOSEN_FROM)),
               *(f"emulated {n + 1}" for n in range(CHOSEN_FROM)), "as before"]  # fmt: skip
    seen = replayed(
        asked, points, CHOSEN_DENSER, arguments.folder / "chosen.jsonl", seeds=CHOSEN_SEEDS
    )
    again = chances(seen, 4000)
    best = np.argsort(-again[ALL])[:LISTED]
    rows = [
        [origins[n], f"{again[ALL][n]:.2f}",
         *(f"{again[one][n]:.2f}" for one in asked.judged),
         *(f"{np.exp(seen.logs[n, asked.reads.index(Read('control', r, asked.reads[0].time))]):.1f}"
           for r in REGIONS)]
        for n in best
    ]  # fmt: skip
    values = asked.space.settings(points[best[0]])
    serving = informing(found)
    posterior = {one.free.key: one for one in parameters(found)}
    write(
        "chosen",
        f"# The best points, replayed again\n\nThe {CHOSEN_FROM} replayed points at which most "
        f"virtual papers report {', '.join(asked.claims)}, the {CHOSEN_FROM} emulated ones, and "
        f"the values that the models had before, each in {len(CHOSEN_SEEDS)} further dishes: "
        "chances at two views, and fold changes of the control at 4 h; the best "
        f"{LISTED} are listed. The first one is what the models ship, if `sdf1-field reproduce "
        "deniz2023` confirms it in the full program.\n\n"
        + markdown(["point", "all", *asked.judged, *REGIONS], rows)
        + "\n\n"
        + "Values of the first, those that the models had before, and the posterior. The last "
        f"column names claims without which a parameter's posterior would move by {MOVED:g} or "
        "more (the largest difference of the distribution functions).\n\n"
        + markdown(
            ["parameter", "interval", "before", "chosen", "posterior, 5 to 95 %",
             "width / prior", "informed by"],
            [
                [key, f"{own.free.low:g} to {own.free.high:g} {own.free.unit}".rstrip(),
                 str(asked.shipped.entries[key].value), str(values[key]),
                 f"{own.low:.3g} to {own.high:.3g}", f"{own.width:.2f}",
                 ", ".join(serving[key]) or "-"]
                for key, own in posterior.items()
            ],
        ),
    )  # fmt: skip


def informing(found: Inference) -> dict[str, list[str]]:
    """Claims without which the posterior of each parameter would differ."""
    weighted, claims = found.weighted, found.question.claims
    whole = weighted.weights(ALL)
    moved: dict[str, list[str]] = {}
    for key, places in zip(found.question.space.keys, weighted.points.T, strict=True):
        order = np.argsort(places)
        distances = {
            one: float(np.abs(np.cumsum((weighted.weights(f"without {one}") - whole)[order])).max())
            for one in claims
        }
        moved[key] = [one for one, distance in distances.items() if distance >= MOVED]
    return moved


def stepwise(arguments: argparse.Namespace) -> None:
    """What claims say of each other, one after another, and if the same papers report them."""
    found = recorded(arguments)
    weighted, asked = found.weighted, found.question
    some = np.random.default_rng(STEPWISE_SEED).permutation(len(weighted.points))[:STEPWISE]
    predicted = found.emulator.predict(weighted.points[some])
    agree = found.papers.agree(*predicted)
    again = replace(
        papers_of(
            asked, found.simulated, found.open_weights, found.emulator,
            draws=len(found.papers.welch), seed=STEPWISE_SEED + 1,
        ),
        _errors=found.papers._errors,
    )  # fmt: skip
    # Dishes of their own, with the first ones' views, variation, test and error of the emulator.
    other = again.agree(*predicted)
    prior = weighted.prior[some] / weighted.prior[some].sum()
    rows = []
    for k in range(1, len(asked.claims)):
        given = asked.claims[:k]
        all_given = np.logical_and.reduce([agree[one] for one in given])
        weights = prior * all_given.mean(axis=1)
        size = weights.sum() ** 2 / (weights**2).sum()
        weights /= weights.sum()
        both = prior @ all_given.mean(axis=1)
        new = [f"{weights @ agree[one].mean(axis=1):.2f}" for one in asked.judged]
        known, same = (
            [f"{prior @ (all_given & flags[one]).mean(axis=1) / both:.2f}" for one in asked.judged]
            for flags in (other, agree)
        )
        rows += [
            [", ".join(given), "a new paper", *new, f"{size:.0f}"],
            [", ".join(given), "new experiments of the same kind", *known, ""],
            [", ".join(given), "the same paper", *same, ""],
        ]
    write(
        "stepwise",
        "# One claim after another\n\nChance of each claim given those before it. A new paper has "
        "dishes, views, variation between experiments, a t test and an error of the emulator of "
        "its own; new experiments of the same kind have dishes and a control of their own and "
        "share the rest with the paper that reports those before; the same paper shares its "
        f"control as well. {STEPWISE:,} points.\n\n"
        + markdown(["given", "reported by", *asked.judged, "effective size"], rows),
    )


def doses(arguments: argparse.Namespace) -> None:
    """Fold changes over doses of SDF-1 and AMD3100, at draws of the posterior."""
    found = recorded(arguments)
    asked, weighted = found.question, found.weighted
    drawn = weighted.points[weighted.resampled(ALL, DOSED, seed=CONFIRM_SEED)]
    four = asked.reads[0].time
    paper = asked.paper
    conditions = {
        ("control", ""): ("control", ()),
        **{
            (agent, dose): (key, (f"treatments.{agent}.dose={dose}",))
            for agent, key, series in (
                ("sdf1", "sdf1", SDF1_DOSES), ("amd3100", "amd3100", AMD3100_DOSES)
            )
            for dose in series
        },
    }  # fmt: skip
    at_doses = replace(
        paper,
        conditions={
            f"{agent} {dose}".strip(): replace(
                paper.conditions[key], settings=(*paper.conditions[key].settings, *settings)
            )
            for (agent, dose), (key, settings) in conditions.items()
        },
    )
    reads = [Read(key, region, four) for key in at_doses.conditions for region in REGIONS]
    seen = simulate(
        asked.space,
        replays_of(at_doses, {(r.condition, r.time) for r in reads}, seeds=FULL.seeds, denser=2),
        drawn,
        reads,
        arguments.folder / "doses.jsonl",
        progress=lambda _: print(".", end="", file=sys.stderr, flush=True),
    )
    columns = {read: n for n, read in enumerate(reads)}
    bands = {
        (agent, dose, region): np.exp(
            np.quantile(
                seen.logs[:, columns[Read(f"{agent} {dose}".strip(), region, four)]]
                - seen.logs[:, columns[Read("control", region, four)]],
                [0.05, 0.5, 0.95],
            )
        )
        for agent, dose in conditions
        for region in REGIONS
    }
    rows = [
        [f"{agent} {dose}".strip(),
         *("{1:.2f} ({0:.2f} to {2:.2f})".format(*bands[agent, dose, region])
           for region in REGIONS)]
        for agent, dose in conditions
    ]  # fmt: skip
    write(
        "doses",
        f"# Dose responses of the posterior\n\n{len(drawn)} draws of the posterior, replayed for "
        "4 h; fold change over that of the control: median, and 5 to 95 % of the draws. The paper "
        "has SDF-1 at 100 ng/mL, AMD3100 at 1 and 10 uM; published assays of these cells' "
        "migration and adhesion use 10 to 300 ng/mL of SDF-1.\n\n"
        + markdown(["condition", *REGIONS], rows),
    )
    draw_doses(bands)


def draw_doses(bands: Mapping[tuple[str, str, str], np.ndarray]) -> None:
    """Dose responses as a picture: a panel for each agent, a band for each region."""
    figure, panels = plt.subplots(1, 2, figsize=(7.2, 3.0), sharey=True, layout="constrained")
    for axes, agent, series, name in zip(
        panels, ("sdf1", "amd3100"), (SDF1_DOSES, AMD3100_DOSES), ("SDF-1", "AMD3100"), strict=True
    ):
        amounts = [float(dose.split()[0]) for dose in series]
        for region, colour in zip(REGIONS, (BODY, NETWORK), strict=True):
            low, middle, high = np.array([bands[agent, dose, region] for dose in series]).T
            axes.fill_between(amounts, low, high, color=colour, alpha=0.2, lw=0)
            axes.plot(amounts, middle, "o-", color=colour, ms=4, label=region)
        axes.axhline(1.0, color="0.4", lw=0.8, ls=":")
        axes.set(xscale="log", xlabel=f"{name} ({series[0].split()[1].replace('uM', 'µM')})")
        axes.set_ylim(0.0, None)
    panels[0].axvspan(10.0, 300.0, color="0.9", zorder=0, label="published assays")
    panels[0].set_ylabel("fold change over the control's")
    panels[0].legend(frameon=False)
    figure.savefig(DOSES_PICTURE, dpi=150, metadata={"Software": None})


def indices(arguments: argparse.Namespace) -> None:
    """Sobol indices of fold changes and of ratios, on the emulator."""
    found = recorded(arguments)
    reads, four = found.question.reads, found.question.reads[0].time
    names, combinations = [], []
    for read in (read for read in reads if read.time == four):
        combination = np.zeros(len(reads))
        combination[reads.index(read)] = 1.0
        name = f"{read.condition}, {read.region}"
        if read.condition != "control":
            if read.condition == "igg":
                continue
            combination[reads.index(Read("control", read.region, four))] = -1.0
            name = f"{read.condition} over control, {read.region}"
        names.append(name)
        combinations.append(combination)
    weights = np.array(combinations)

    def outputs(places: np.ndarray) -> np.ndarray:
        return weights @ found.emulator.predict(places.T)[0].T

    even = [stats.uniform()] * len(found.question.space)
    result = stats.sobol_indices(func=outputs, n=2048, dists=even, rng=np.random.default_rng(1))
    rows = [
        [key, *(f"{total:.2f}" for total in result.total_order[:, k])]
        for k, key in enumerate(found.question.space.keys)
    ]
    write(
        "indices",
        "# What the free parameters decide\n\nTotal Sobol indices over the prior, on the emulator: "
        "the share of a logarithm's variance that is expected to be left when all other parameters "
        "are known.\n\n" + markdown(["parameter", *names], rows),
    )
    ship()


def record(arguments: argparse.Namespace) -> None:
    """The inference, and its leave-one-out predictions, which `sdf1-field reproduce` shows."""
    found = recorded(arguments)
    write_found("table", found)
    figures(found)["corner"].savefig(PICTURE, dpi=110, metadata={"Software": None})


def cd34(arguments: argparse.Namespace) -> None:
    """The inference of CD34+ cells, whose drugs and bonds are those that the models ship."""
    paper = load_paper("deniz2023")
    asked = ask(paper, paper.calibrations[1])
    write_found("cd34", infer(asked, arguments.folder / "cd34", OF_CD34, progress=shown))


def write_found(name: str, found: Inference) -> None:
    """Write a page, and what claims say of each other."""
    numbers = {p.claim: asdict(p) for p in predictions(found)}
    for one in numbers.values():
        del one["claim"]
    write_predictions(found.question.paper.name, numbers)
    write(name, as_markdown(found).rstrip())


def main() -> None:
    """Carry out sections."""
    carry_out_sections(
        __doc__ or "",
        {
            "record": record, "cd34": cd34, "laws": laws, "draws": draws, "heldout": heldout,
            "plants": plants, "values": values, "confirm": confirm, "choose": choose,
            "stepwise": stepwise, "doses": doses, "indices": indices,
        },
        folder={"type": Path, "default": Path("inference"), "help": "where points are kept"},
        even={"type": int, "default": FULL.even, "help": "even points"},
        wave={"type": int, "default": FULL.wave, "help": "points of each wave"},
    )  # fmt: skip


if __name__ == "__main__":
    main()
