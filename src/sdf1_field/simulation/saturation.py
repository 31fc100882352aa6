"""The choice of the ``linear`` solver for coats that stay far from saturation.

Far from saturation the coat binds in proportion to the concentration, and medium and coat are a
linear system. The choice is made once, from an estimate before the run; the run then checks the
real fill at every stop.
"""

import math
import warnings
from collections.abc import Callable, Mapping
from typing import TypeVar

from sdf1_field.errors import Sdf1FieldWarning
from sdf1_field.migrasomes import expected_stroma, secreting_share
from sdf1_field.solvers import FILL_ERROR, CoatFills, FieldState, solver_named
from sdf1_field.spec import ModelSpec
from sdf1_field.treatments import schedule
from sdf1_field.units import duration_text

T = TypeVar("T")


def unsaturated_until(spec: ModelSpec, ligand: str, secretion_factor: float) -> float:
    """Time until which a ligand's coat may be taken as unsaturated [s].

    Infinite for the whole run, minus infinite for none of it. This needs ``numerics.linear_coat``,
    the cosine solver, a transient run, and an even coat from which the ligand dissociates. The
    expected error, `FILL_ERROR` times the share of the sites that is expected to be filled, must be
    less than ``numerics.tolerance``. Where doses of the ligand, a pre-coat of it, or
    cells that take it up, rule out the whole run, this may hold until the last medium change before
    them.

    Parameters
    ----------
    spec : ModelSpec
    ligand : str
    secretion_factor : float
        The dish's and donor's factor on every source.
    """
    coat, begin = spec.ligand[ligand].coat, -spec.run.culture
    if not (
        spec.numerics.linear_coat
        and spec.numerics.solver == "cosine"
        and spec.run.mode == "transient"
        and coat.binds
        and not coat.uneven
        and coat.dissociation_rate > 0.0
    ):
        return -math.inf

    def stays_unsaturated(until: float, given: float) -> bool:
        fill = _expected_fill(spec, ligand, secretion_factor * (until - begin), given)
        return FILL_ERROR * fill < spec.numerics.tolerance

    plan = schedule(spec)
    doses = [(e.time, dose) for e in plan.events for name, dose in e.added if name == ligand]
    coatings = [e.time for e in plan.events for name, *_ in e.coated if name == ligand]
    taken_up = spec.mechanisms.uptake and ligand == spec.receptor.cxcr4.ligand
    if not coatings and not (taken_up and spec.cell_count > 0):
        if stays_unsaturated(spec.run.duration, sum(dose for _, dose in doses)):
            return math.inf
        if not doses:
            return -math.inf
    perturbed = [time for time, _ in doses] + coatings + ([0.0] if taken_up else [])
    changes = [e.time for e in plan.events if e.medium_change and e.time <= min(perturbed)]
    until = max(changes, default=-math.inf)
    return until if until > begin and stays_unsaturated(until, 0.0) else -math.inf


def _expected_fill(spec: ModelSpec, ligand: str, secreting: float, given: float) -> float:
    """Estimate of the mean share of a coat's sites that is filled [1].

    All secreted ligand is assumed to bind and stay, and every migrasome to burst with its whole
    cargo where bursts are on. Doses and a bath add the equilibrium of their concentrations with the
    coat, ``c / (c + K_S)``. The coat fills more than this under a source, and less elsewhere.

    Parameters
    ----------
    spec : ModelSpec
    ligand : str
    secreting : float
        Time for which sources secrete, times the dish's factor on them [s].
    given : float
        Doses of the ligand [nM].
    """
    entry, area = spec.ligand[ligand], spec.dish.width * spec.dish.length
    if spec.dish.top == "bath":
        given += entry.bath_concentration
    half_filling = entry.coat.dissociation_rate / entry.coat.association_rate
    stroma, burst = expected_stroma(spec), 0.0
    if ligand in spec.followed_ligands:
        rate = stroma.bodies * spec.stroma.cargo[ligand].production
    else:
        carriers = stroma.migrasomes * secreting_share(spec, ligand)
        rate = stroma.bodies * entry.secretion.msc_body + carriers * entry.secretion.migrasome
        decay = entry.secretion.migrasome_decay
        if spec.mechanisms.bursts and decay > 0.0:
            burst = carriers * entry.secretion.migrasome / decay
    secreted = rate * secreting + burst
    return given / (given + half_filling) + secreted / (area * entry.coat.sites)


def require_unsaturated(fields: Mapping[str, FieldState], tolerance: float) -> None:
    """Raise CoatFills if a coat is taken as unsaturated and its error exceeds the tolerance [1]."""
    linear = solver_named("linear").State
    for name, field in fields.items():
        filled = field.fill if isinstance(field, linear) else 0.0
        if FILL_ERROR * filled > tolerance:
            raise CoatFills(
                name,
                f"at {duration_text(field.time)}: {filled:.2g} of the coat's sites are filled, too "
                "many to take it as unsaturated within numerics.tolerance.",
            )


def nonlinear_of(fields: Mapping[str, FieldState]) -> frozenset[str]:
    """Ligands whose coat is not taken as unsaturated."""
    linear = solver_named("linear").State
    return frozenset(name for name, field in fields.items() if not isinstance(field, linear))


def rerun_if_coat_fills(run: Callable[[frozenset[str]], T]) -> T:
    """Result of a run, which starts again if a coat was taken as unsaturated and fills.

    Parameters
    ----------
    run : callable
        Runs the model from its start, with a saturating coat for the given ligands.

    Warns
    -----
    Sdf1FieldWarning
        When the run starts again.
    """
    nonlinear: frozenset[str] = frozenset()
    while True:
        try:
            return run(nonlinear)
        except CoatFills as error:
            nonlinear |= {error.ligand}
            warnings.warn(
                f"ligand {error.ligand}: {error} The run is begun anew with a coat that saturates.",
                Sdf1FieldWarning,
                stacklevel=2,
            )
