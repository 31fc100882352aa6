"""Which runs are dishes of one experiment, and which dishes of two experiments are partners.

Random numbers are keyed by the seed and by their purpose. Two dishes of one seed therefore have
nearly the same stroma, and cells that start at the same places and take nearly the same turns, even
if their models differ. Two dishes of one numbered donor have that donor's factors. Such dishes are
partners; they are not independent.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import xarray as xr

from sdf1_field.analysis.runs import observation_times, require_stroma, run_name
from sdf1_field.errors import InputError
from sdf1_field.record import model_of
from sdf1_field.units import duration_text

_OF_THE_DISH = {"run.seed", "variation.donor_number", "title", "description"}
_ANOTHER_SEED = "Solve one side with another seed"
_OF_ANOTHER_DONOR = "with another variation.donor_number"


@dataclass(frozen=True, eq=False)
class Pairs:
    """Runs and their partners in the control, in the same order.

    Parameters
    ----------
    runs, control : tuple of xarray.Dataset
    by : str
        ``seed`` or ``donor``.
    """

    runs: tuple[xr.Dataset, ...]
    control: tuple[xr.Dataset, ...]
    by: str


def require_one_experiment(runs: Sequence[xr.Dataset]) -> None:
    """Raise InputError unless the runs are independent dishes of one model.

    That is, of different seeds, and of different donors or of no numbered one.
    """
    values = [_values(run) for run in runs]
    seeds: dict[int, xr.Dataset] = {}
    donors: dict[int, xr.Dataset] = {}
    for run, own in zip(runs, values, strict=True):
        different = _difference(own, values[0])
        if different:
            raise InputError(
                f"{run_name(run)}: differs from {run_name(runs[0])} in {different}. Analyse "
                "different experiments one by one; repeat --against for each control run."
            )
        seed = _seed(run)
        if seed in seeds:
            first = seeds[seed]
            if _donor(run) != _donor(first):
                raise InputError(
                    f"{run_name(run)}: has the seed of {run_name(first)} ({seed}), so the two are "
                    "not independent. Solve one of them with another seed."
                )
            raise InputError(
                f"{run_name(run)}: is the same dish as {run_name(first)} (seed {seed}). Give it "
                "once."
            )
        seeds[seed] = run
        donor = _donor(run)
        if donor in donors:
            raise InputError(
                f"{run_name(run)} and {run_name(donors[donor])} are of the same donor ({donor}), "
                "so the two are not independent. Give one dish of each donor, made with --set "
                "variation.donor_number=N."
            )
        if donor > 0:
            donors[donor] = run


def require_another_dish(runs: Sequence[xr.Dataset], control: Sequence[xr.Dataset]) -> None:
    """Raise InputError if a run is its own control."""
    if _difference(_values(runs[0]), _values(control[0])):
        return
    seeds = {_seed(run): run for run in runs}
    for run in control:
        seed = _seed(run)
        if seed in seeds and _donor(run) == _donor(seeds[seed]):
            raise InputError(
                f"control: {run_name(run)} is the same dish as {run_name(seeds[seed])} (seed "
                f"{seed}). Give another experiment, or other seeds."
            )


def require_different_dishes(groups: Mapping[str, Sequence[xr.Dataset]]) -> None:
    """Raise InputError unless groups are experiments each, and no dish is in two of them."""
    for runs in groups.values():
        require_one_experiment(runs)
    for (first, own), (second, others) in itertools.combinations(groups.items(), 2):
        if _difference(_values(own[0]), _values(others[0])):
            continue
        dishes = {(_seed(run), _donor(run)): run for run in own}
        for run in others:
            same = dishes.get((_seed(run), _donor(run)))
            if same is not None:
                raise InputError(
                    f"{run_name(run)}: of group {second} is the same dish as {run_name(same)} of "
                    f"group {first} (seed {_seed(run)}). Give it to one group."
                )


def require_independent(runs: Sequence[xr.Dataset], control: Sequence[xr.Dataset]) -> None:
    """Raise InputError if a run and a control have a seed or a donor in common.

    For tests over cells, migrasomes and fields, which cannot be paired: the tests ask whether cells
    have other numbers of migrasomes, or none.
    """
    for run in runs:
        for other in control:
            if _seed(run) == _seed(other):
                raise InputError(
                    f"control: {run_name(run)} and {run_name(other)} are of one seed "
                    f"({_seed(run)}), and the tests take them for independent. {_ANOTHER_SEED}."
                )
    require_other_donors(runs, control)


def require_other_donors(runs: Sequence[xr.Dataset], control: Sequence[xr.Dataset]) -> None:
    """Raise InputError if a run and a control that are no partners are of one donor."""
    for run in runs:
        for other in control:
            if _donor(run) == _donor(other) > 0:
                raise InputError(
                    f"control: {run_name(run)} and {run_name(other)} are of the same donor "
                    f"({_donor(run)}), and the tests take them for independent. Solve one side "
                    f"{_OF_ANOTHER_DONOR}."
                )


def partners(runs: Sequence[xr.Dataset], control: Sequence[xr.Dataset]) -> Pairs | None:
    """Runs and control by their seeds, or by their donors; None if they have neither in common.

    Parameters
    ----------
    runs, control : sequence of xarray.Dataset
        Each the dishes of one experiment (`require_one_experiment`).

    Raises
    ------
    InputError
        If some seeds or donors are on both sides and some on one, or if dishes of one seed are of
        different donors.
    """
    pairs = pairs_by_seed(runs, control)
    if pairs is not None:
        return pairs
    sides = [{_donor(run) for run in side} for side in (runs, control)]
    both = (sides[0] & sides[1]) - {0}
    if not both:
        return None
    if sides[0] != sides[1] or 0 in sides[0]:
        raise InputError(
            f"control: donor {min(both)} is on both sides, but some dishes have no partner of "
            "their donor, so dishes are neither pairs nor independent. Give the same donors on "
            "both sides, or different ones."
        )
    return pairs_by_donor(runs, control)


def pairs_by_seed(runs: Sequence[xr.Dataset], control: Sequence[xr.Dataset]) -> Pairs | None:
    """Runs and control in the order of their seeds; None if they have none in common.

    With the same seeds on both sides the differences between partners are independent from seed to
    seed, so that a paired test is valid for any correlation of partners.

    Raises
    ------
    InputError
        If some seeds are on both sides and some on one, or if partners are of different donors:
        then a donor may be on both sides in different pairs, or donors differ with the models.
    """
    sides = [{_seed(run): run for run in side} for side in (runs, control)]
    both = sorted(sides[0].keys() & sides[1].keys())
    if not both:
        return None
    single = sorted(sides[0].keys() ^ sides[1].keys())
    if single:
        raise InputError(
            f"control: seed {both[0]} is on both sides, seed {single[0]} on one only, so dishes "
            "are neither pairs nor independent. Give the same seeds on both sides, or different "
            "ones."
        )
    first, second = (tuple(side[seed] for seed in both) for side in sides)
    _require_donors_with_seeds(first, second)
    return Pairs(first, second, "seed")


def pairs_by_donor(runs: Sequence[xr.Dataset], control: Sequence[xr.Dataset]) -> Pairs:
    """Runs and control in the order of their donors; arguments as of `partners`.

    Raises
    ------
    InputError
        If a dish has no donor's number, if the two sides have different donors, or if
        dishes that are no partners have a seed in common.
    """
    sides = []
    for side in (runs, control):
        donors: dict[int, xr.Dataset] = {}
        for run in side:
            number = _donor(run)
            if number == 0:
                raise InputError(
                    f"paired: {run_name(run)} has no donor's number. Make its dishes with "
                    "variation.donor_number=N, or omit paired."
                )
            donors[number] = run
        sides.append(donors)
    if sides[0].keys() != sides[1].keys():
        shown = [", ".join(str(n) for n in sorted(donors)) for donors in sides]
        raise InputError(
            f"paired: the runs are of donors {shown[0]}, the control of {shown[1]}. Give the "
            "same donors on both sides, or omit paired."
        )
    order = sorted(sides[0])
    first, second = (tuple(donors[n] for n in order) for donors in sides)
    _require_donors_with_seeds(first, second)
    return Pairs(first, second, "donor")


def _require_donors_with_seeds(runs: Sequence[xr.Dataset], control: Sequence[xr.Dataset]) -> None:
    """Raise InputError if a run and a control are of one seed and of different donors."""
    for run in runs:
        for other in control:
            if _seed(run) == _seed(other) and _donor(run) != _donor(other):
                raise InputError(
                    f"control: {run_name(run)} and {run_name(other)} are of one seed "
                    f"({_seed(run)}) and of different donors. {_ANOTHER_SEED}."
                )


def _seed(run: xr.Dataset) -> int:
    return int(run.attrs["seed"])


def _donor(run: xr.Dataset) -> int:
    return model_of(run).spec.variation.donor_number


def _values(run: xr.Dataset) -> dict[str, object]:
    entries = model_of(run).entries
    return {path: e.value for path, e in entries.items() if path not in _OF_THE_DISH}


def _difference(own: dict[str, object], other: dict[str, object]) -> str:
    """First value in which two models differ; empty if in none."""
    different = (p for p in own.keys() | other.keys() if own.get(p) != other.get(p))
    return min(different, default="")


def require_same_culture(run: xr.Dataset, control: xr.Dataset) -> None:
    """Raise InputError if time 0 is not equally long after seeding in both."""
    own, other = (model_of(one).spec.run.culture for one in (run, control))
    if own != other:
        raise InputError(
            f"control: time 0 is {duration_text(own)} after seeding in {run_name(run)} and "
            f"{duration_text(other)} in {run_name(control)}, so networks of one time are not as "
            "old. Compare runs of the same run.culture."
        )


def require_cells_and_stroma(runs: Sequence[xr.Dataset]) -> None:
    """Raise InputError unless the runs are dishes of one experiment with cells and stroma."""
    for run in runs:
        observation_times(run)
    require_one_experiment(runs)
    require_stroma(runs)


def require_comparable_stroma(runs: Sequence[xr.Dataset], control: Sequence[xr.Dataset]) -> None:
    """Raise InputError unless tests over stromal cells, migrasomes and fields make sense.

    Each side must be the dishes of one experiment; the control, if there is any, another one of
    the same age, without a seed or a donor in common with the runs.
    """
    require_one_experiment(runs)
    if control:
        require_one_experiment(control)
        require_another_dish(runs, control)
        require_independent(runs, control)
        require_same_culture(runs[0], control[0])
