"""The claims of papers, and the judge of them: readings, targets, chances and verdicts.

`readings` is the only thing of a dish that is judged; `targets` are a paper's conditions and
claims, which `loading` reads from files. `pools` hold the dishes of conditions; `virtual` draws the
paper's experiments from them and judges each by `effects` and `significance`; `chances` are their
shares with intervals over dishes, and `verdict` decides. The room knows neither how dishes are
simulated nor how they are observed.
"""

from sdf1_field.claims.chances import Interval
from sdf1_field.claims.effects import STATISTICS, TESTS, p_value
from sdf1_field.claims.loading import load_paper
from sdf1_field.claims.pools import Pool
from sdf1_field.claims.readings import DensityRatio, Observable, Quantity, Reading, Sample
from sdf1_field.claims.targets import Claim, Paper, Statement, Status
from sdf1_field.claims.verdict import (
    DIRECTION_ONLY,
    NOT_REPRODUCED,
    REPRODUCED,
    UNDECIDED,
    VACUOUS,
    VERDICTS,
    ClaimFound,
    JointFound,
    StatementFound,
    find_all,
)
from sdf1_field.claims.virtual import Chance, OpenChoices, Virtual, examine

__all__ = [
    "DIRECTION_ONLY", "NOT_REPRODUCED", "REPRODUCED", "STATISTICS", "TESTS", "UNDECIDED", "VACUOUS",
    "VERDICTS", "Chance", "Claim", "ClaimFound", "DensityRatio", "Interval", "JointFound",
    "Observable", "OpenChoices", "Paper", "Pool", "Quantity", "Reading", "Sample", "Statement",
    "StatementFound", "Status", "Virtual", "examine", "find_all", "load_paper", "p_value",
]  # fmt: skip
