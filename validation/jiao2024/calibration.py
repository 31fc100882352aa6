"""The claims on cargo over the space of unmeasured parameters, and what J7 and J9 leave of it.

The transport rate and the number of migrasomes of an L929 are calibrated here: draws over the
intervals, with the rates of fusion and release fitted to J7 in each, are kept where J9 holds. J10,
J6, D9, D24 and all others are read from the same draws and decide nothing.
"""

import argparse
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from experiments import DISHES, LIGANDS, SIGNIFICANT, Array, number_text, record
from posterior import (
    effective_number,
    narrowing,
    quantile,
    quantile_text,
    share_text,
    weights,
)
from scipy import stats
from space import (
    IN_MIGRASOMES_CLAIM,
    MSC_PAPER,
    NETWORK_CLAIM,
    OF_MSC,
    REFIT_ERROR,
    SPACE_CLAIMS,
    VARIED,
    asked,
    bounds,
    draw_of,
    drawn_values,
    space_draw,
)

from sdf1_field.observations.cargo import ENRICHMENT
from sdf1_field.reproduce import load_paper

sys.path.append(str(Path(__file__).parents[1]))

from recording import carried_out, markdown, write_calibrated

CONDITIONED_ON = ("J7", "J9")
TRANSPORT = "traffic.transport_rate"
PER_CELL = "migrasomes per L929"
INTERVAL = (
    "of the 1000 to 2000 vesicles of a body here, from about one an hour to a single file of "
    "carriers 1 um apart at Myosin-5a's 0.3 um/s (recalled)"
)
"""Where the transport rate's interval comes from."""
BY_PROTEIN = (1 / 3, 1.0, 3.0)
"""Protein per volume of a migrasome over that of a body, by which a blot compares them (J9)."""


@dataclass(frozen=True)
class Row:
    """A statement or a claim over all draws, arrays of shape (draw,)."""

    claim: str
    text: str
    right: Array
    holds: Array | None
    """None without a test."""
    effect: Array | None = None


@dataclass(frozen=True, eq=False)
class Found:
    """Results of all draws.

    Parameters
    ----------
    values : ndarray, shape (draw, parameter)
    draws : sequence of dict
        As `space_draw` gives them.
    """

    values: Array
    draws: Sequence[Mapping[str, Any]]

    def read(self, key: str) -> Array:
        """One entry of all draws."""
        return np.array([draw[key] for draw in self.draws])

    def under(self, *claims: str, protein: float = 1.0) -> Array:
        """Weights of draws given J7 or J9 or both; of all draws alike given none."""
        each = asked()
        counts = np.ones(len(self.draws), dtype=bool)
        slope = np.ones((len(self.draws), len(LIGANDS)))
        if "J7" in claims:
            counts &= self.read("reached")
            slope = self.read("slopes")
        if "J9" in claims:
            effects = self.read("effect")
            for k, one in enumerate(each):
                if one.claim.id == "J9":
                    scale = protein if one.statement.quantity == ENRICHMENT else 1.0
                    effect = effects[:, k] / scale
                    counts &= (one.statement.above < effect) & (effect < one.statement.below)
        return weights(slope, counts)

    def rows(self) -> list[Row]:
        """Statements of all claims, then whole claims."""
        right, holds, effects = (self.read(key) for key in ("right", "holds", "effect"))
        each, found = asked(), []
        for k, one in enumerate(each):
            text = f"{one.statement.text}; {one.statement.expected()}"
            if one.variation > 0.0:
                text += f", {100 * one.variation:.0f} % from dish to dish"
            tested = holds[:, k] if one.tested else None
            found.append(Row(one.claim.id, text, right[:, k], tested, effects[:, k]))
        for claim in SPACE_CLAIMS:
            own = [k for k, o in enumerate(each) if o.claim.id == claim and o.variation == 0.0]
            tested = holds[:, own].all(axis=1) if any(each[k].tested for k in own) else None
            found.append(Row(claim, "all of it", right[:, own].all(axis=1), tested))
        (share,) = load_paper(MSC_PAPER).only([IN_MIGRASOMES_CLAIM]).claims[0].statements
        with_cargo, ratio = self.read(IN_MIGRASOMES_CLAIM), self.read(NETWORK_CLAIM)
        inside = (share.above < with_cargo) & (with_cargo < share.below)
        text = f"share of MSC's migrasomes with SDF-1, {share.above:g} to {share.below:g}"
        found.append(Row(IN_MIGRASOMES_CLAIM, text, inside, None, with_cargo))
        text = "MSC's network releases more SDF-1 than bodies, ratio above 1"
        return [*found, Row(NETWORK_CLAIM, text, ratio > 1.0, None, ratio)]

    def quantities(self) -> list[tuple[str, str, Array]]:
        """What J7 and J9 may narrow: name, unit and values."""
        return [
            *((f"`{path}`", bounds(path)[2].strip(), self.values[:, k])
              for k, path in enumerate(VARIED)),
            (PER_CELL, "", self.read("per cell")),
            ("M-CSF's rate of fusion in migrasomes", "1/h", self.read("fusion")),
        ]  # fmt: skip

    def text(self) -> str:
        """Section of the record."""
        prior, after = self.under(), self.under(*CONDITIONED_ON)
        seven = self.under("J7")
        rows = [
            [
                row.claim, row.text,
                *(share_text(row.right, weight) for weight in (prior, after)),
                *("" if row.holds is None else share_text(row.holds, weight)
                  for weight in (prior, after)),
                "" if row.effect is None else quantile_text(row.effect, after),
                "" if row.effect is None else "; ".join(deciding(self.values, row.effect)),
            ]
            for row in self.rows()
        ]  # fmt: skip
        header = [
            "claim", "statement", "right way: prior", "posterior", "with its test: prior",
            "posterior", "effect, posterior", "decided by",
        ]  # fmt: skip
        narrowed = [
            [name, unit, *(quantile_text(own, weight) for weight in (prior, seven, after)),
             number_text(narrowing(own, prior, after))]
            for name, unit, own in self.quantities()
        ]  # fmt: skip
        blots = []
        for protein in BY_PROTEIN:
            weight = self.under(*CONDITIONED_ON, protein=protein)
            (routes,) = [r for r in self.rows() if (r.claim, r.text) == ("J10", "all of it")]
            blots.append(
                [
                    number_text(protein),
                    number_text(effective_number(weight)),
                    quantile_text(self.values[:, list(VARIED).index(TRANSPORT)], weight),
                    quantile_text(self.read("per cell"), weight),
                    share_text(routes.right, weight),
                ]
            )
        number = len(self.draws)
        return (
            f"{number} draws (Sobol) of {len(VARIED)} parameters over their intervals, over the "
            "logarithm where these span a decade; migrasomes' lifetime 4 to 20 h; and of "
            f"{len(OF_MSC)} more for MSC. The four rates are fitted to J7 in each draw, as near as "
            f"their intervals allow; in {number - int(self.read('reached').sum())} draws not "
            f"within {100 * REFIT_ERROR:.0f} %. An experiment of {DISHES} dishes a condition each. "
            "Prior: all draws. Posterior, given J7 and J9 and nothing else: "
            f"{int((after > 0).sum())} draws, weighted (effective number "
            f"{effective_number(after):.0f}); with J7 alone {int((seven > 0).sum())} "
            f"({effective_number(seven):.0f}). Shares with 95 % Wilson intervals; medians with the "
            "interval that holds 95 %. Decided by: the two parameters with the largest rank "
            "correlation with the effect over all draws; those below "
            f"{chance_correlation(number):.2f} chance gives as well (p = 0.05 for each). D9 and "
            "D24: MSC alone at 24 h, and in the four hours from then on, with the draw's traffic "
            "and CCL2's rates in L929. The errors of blots are the same numbers in every draw.\n\n"
            f"{markdown(header, rows)}\n\nWhat J7 and J9 leave of each parameter; width: of the "
            "central half of the logarithm, posterior over prior:\n\n"
            + markdown(
                ["parameter", "unit", "prior", "given J7", "given J7 and J9", "width"], narrowed
            )
            + "\n\nJ9 is a blot, which compares by protein, the model by volume. If migrasomes "
            "hold more or less protein per volume than bodies:\n\n"
            + markdown(
                ["protein per volume, over bodies", "effective draws", f"`{TRANSPORT}` [1/h]",
                 PER_CELL, "J10 holds"], blots,
            )
        )  # fmt: skip

    def write(self) -> None:
        """Write the posterior's median of the transport rate into models/parameters.toml."""
        own, weight = self.values[:, list(VARIED).index(TRANSPORT)], self.under(*CONDITIONED_ON)
        low, high = (quantile(own, weight, share) for share in (0.025, 0.975))
        source = (
            "by J7, J9 (validation/jiao2024/run.py space): median of the posterior, 95 % within "
            f"{low:.1g} to {high:.1g} 1/h; MSC as L929 (decision 11). The interval: {INTERVAL}"
        )
        write_calibrated({TRANSPORT: f"{quantile(own, weight, 0.5):.1g} 1/h"}, {TRANSPORT: source})


def chance_correlation(number: int) -> float:
    """Rank correlation of so many draws that is different from 0 with p = 0.05."""
    t = stats.t.ppf(1.0 - 0.5 * SIGNIFICANT, number - 2)
    return float(t / math.sqrt(number - 2 + t**2))


def deciding(values: Array, effect: Array, most: int = 2) -> list[str]:
    """The parameters whose ranks go most with an effect's, and how far."""
    known = np.isfinite(effect)
    found = [
        (float(stats.spearmanr(values[known, k], effect[known]).statistic), path)
        for k, path in enumerate([*VARIED, *OF_MSC])
    ]
    found.sort(key=lambda pair: -abs(pair[0]))
    return [f"{path.removeprefix('stromal_type.')} {rho:+.2f}" for rho, path in found[:most]]


def space(arguments: argparse.Namespace) -> None:
    """Share of the parameters' space in which the claims hold, before and after J7 and J9."""
    values = drawn_values(arguments.draws)
    draws = [draw_of(n, row) for n, row in enumerate(values)]
    found = Found(values, carried_out(space_draw, draws, arguments.workers, "space"))
    record("space", found.text())
    if arguments.write:
        found.write()
