"""The claims of papers, and the judge of them: readings, targets, effects and verdicts.

`readings` is the only thing of a dish that is judged; `targets` are a paper's conditions and
claims, which `loading` reads from files; `effects` are the statistics and tests of one experiment;
`verdict` decides whether many experiments reproduce a claim. The room knows neither how dishes are
simulated nor how they are observed.
"""

from sdf1_field.claims.effects import STATISTICS, TESTS, p_value
from sdf1_field.claims.loading import load_paper
from sdf1_field.claims.readings import DishRead, Observable, Quantity, Reading, Sample
from sdf1_field.claims.targets import Claim, Paper, Statement
from sdf1_field.claims.verdict import (
    REPRODUCED,
    VARIATIONS,
    ClaimFound,
    Experiment,
    StatementFound,
    find,
    say,
)

__all__ = [
    "REPRODUCED", "STATISTICS", "TESTS", "VARIATIONS", "Claim",
    "ClaimFound", "DishRead", "Experiment", "Observable", "Paper", "Quantity",
    "Reading", "Sample", "Statement", "StatementFound", "find", "load_paper", "p_value", "say",
]  # fmt: skip
