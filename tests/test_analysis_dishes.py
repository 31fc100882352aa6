"""Which dishes are independent, which are partners, and which cannot be compared."""

import numpy as np
import pytest
from scipy import stats

from sdf1_field.analysis import (
    fold_change_table,
    fold_changes,
    motion_table,
    network_table,
    run_tracks,
)
from sdf1_field.analysis.runs import run_census
from sdf1_field.analysis.tracks import path_lengths
from sdf1_field.errors import InputError
from sdf1_field.record import open_run
from sdf1_field.statistics import (
    paired_t_test,
    ratio_of_medians,
    unpaired_t_test,
    wilcoxon_signed_rank_test,
)

DRUG = ("coculture-kg1a", "treatments.amd3100.dose=10 uM")
TRACKED = (
    "tracking-kg1a",
    "cell_type.kg1a.speed=1.5 um/min",
    "scene.msc_density=0 1/mm**2",
    "treatments={}",
    "output.ligands=[]",
    "output.fields_from=0 h",
    "output.tracks_from=0 h",
)
FASTER = "cell_type.kg1a.speed=1.6 um/min"
LAST = 7200.0


@pytest.fixture
def dish(solved):
    """Function that opens a dish of a model, settings and seed."""
    opened = []

    def one(*model, seed=1):
        opened.append(open_run(solved(*model, seed=seed)))
        return opened[-1]

    yield one
    for run in opened:
        run.close()


def donor(number):
    return f"variation.donor_number={number}"


def line_of(call):
    with pytest.raises(InputError) as caught:
        call()
    (line,) = str(caught.value).splitlines()
    return line


# Fold changes


def test_fold_changes_of_the_same_seeds_are_compared_seed_by_seed(dish):
    runs = [dish(*DRUG, seed=seed) for seed in (2, 3, 1)]
    control = [dish(seed=seed) for seed in (1, 2, 3)]
    rows = fold_change_table(runs, [LAST], against=control)
    own, other = (
        fold_changes([run_census(r, LAST) for r in g]).each
        for g in ([runs[2], runs[0], runs[1]], control)
    )
    for k, row in enumerate(rows[1:]):
        found = row["against"]
        assert (found["test"], found["paired_by"]) == ("paired t", "seed")
        p = paired_t_test(list(other[:, k]), list(own[:, k]))
        assert found["p"] == pytest.approx(p, rel=1e-12)
        assert p != pytest.approx(unpaired_t_test(list(other[:, k]), list(own[:, k])), rel=1e-3)


def test_fold_changes_of_other_seeds_are_independent(dish):
    runs = [dish(*DRUG, seed=seed) for seed in (4, 5)]
    control = [dish(seed=seed) for seed in (1, 2, 3)]
    for row in fold_change_table(runs, [LAST], against=control)[1:]:
        assert (row["against"]["test"], row["against"]["paired_by"]) == ("unpaired t", None)


def test_seeds_of_which_some_are_on_both_sides_are_refused(dish):
    runs, control = [dish(*DRUG), dish(*DRUG, seed=4)], [dish(), dish(seed=2)]
    line = line_of(lambda: fold_change_table(runs, [LAST], against=control))
    assert line == (
        "control: seed 1 is on both sides, seed 2 on one only, so dishes are neither pairs nor "
        "independent. Give the same seeds on both sides, or different ones."
    )


def test_one_seed_twice_in_an_experiment_is_refused(dish):
    same, of_donor = dish(), dish("coculture-kg1a", donor(1))
    assert "is the same dish as" in line_of(lambda: fold_change_table([same, dish()]))
    line = line_of(lambda: fold_change_table([same, of_donor]))
    assert "(1), so the two are not independent. Solve one of them with another seed." in line


@pytest.mark.slow
def test_donors_that_share_a_seed_with_another_donor_are_refused(dish):
    runs = [dish(*DRUG, donor(n), seed=n) for n in (1, 2)]
    crossed = [dish("coculture-kg1a", donor(n), seed=3 - n) for n in (1, 2)]
    straight = [dish("coculture-kg1a", donor(n), seed=n) for n in (1, 2)]
    line = line_of(lambda: fold_change_table(runs, [LAST], against=crossed, paired=True))
    assert "are of one seed (1) and of different donors. Solve one side with another" in line
    rows = fold_change_table(runs, [LAST], against=straight, paired=True)
    assert rows[1]["against"]["paired_by"] == "donor"


@pytest.mark.slow
def test_the_same_donors_in_other_dishes_are_compared_donor_by_donor_unasked(dish):
    runs = [dish(*DRUG, donor(n), seed=10 + n) for n in (2, 3, 1)]
    control = [dish("coculture-kg1a", donor(n), seed=n) for n in (1, 2, 3)]
    rows = fold_change_table(runs, [LAST], against=control)
    assert rows == fold_change_table(runs, [LAST], against=control, paired=True)
    own, other = (
        fold_changes([run_census(r, LAST) for r in g]).each
        for g in ([runs[2], runs[0], runs[1]], control)
    )
    found = rows[1]["against"]
    assert (found["test"], found["paired_by"]) == ("paired t", "donor")
    assert found["p"] == pytest.approx(paired_t_test(list(other[:, 0]), list(own[:, 0])), rel=1e-12)


@pytest.mark.parametrize("others", [(1, 3), (1, 0)])
def test_donors_of_which_some_are_on_both_sides_are_refused(dish, others):
    runs = [dish(*DRUG, donor(n), seed=10 + n) for n in (1, 2)]
    control = [dish("coculture-kg1a", donor(n), seed=n + 20) for n in others]
    line = line_of(lambda: fold_change_table(runs, [LAST], against=control))
    assert line == (
        "control: donor 1 is on both sides, but some dishes have no partner of their donor, so "
        "dishes are neither pairs nor independent. Give the same donors on both sides, or "
        "different ones."
    )


def test_other_donors_are_independent(dish):
    runs = [dish(*DRUG, donor(n), seed=10 + n) for n in (1, 2)]
    control = [dish("coculture-kg1a", donor(n), seed=n) for n in (3, 4)]
    found = fold_change_table(runs, [LAST], against=control)[1]["against"]
    assert (found["test"], found["paired_by"]) == ("unpaired t", None)


def test_one_donor_twice_in_an_experiment_is_refused(dish):
    twice = [dish("coculture-kg1a", donor(3), seed=seed) for seed in (1, 2)]
    line = line_of(lambda: fold_change_table(twice))
    assert "are of the same donor (3), so the two are not independent. Give one dish of" in line
    assert fold_change_table([dish(), dish(seed=2)])


@pytest.mark.parametrize("number", [0, 2])
def test_dishes_of_one_seed_and_of_different_donors_are_no_pairs(dish, number):
    runs, control = [dish(*DRUG, donor(1))], [dish("coculture-kg1a", donor(number))]
    line = line_of(lambda: fold_change_table(runs, [LAST], against=control))
    assert "are of one seed (1) and of different donors. Solve one side with another seed" in line


# Paths


def test_paths_of_one_donor_in_other_dishes_are_refused(dish):
    runs, control = [dish(*TRACKED, FASTER, donor(1), seed=2)], [dish(*TRACKED, donor(1))]
    line = line_of(lambda: motion_table(runs, control))
    assert "are of the same donor (1), and the tests take them for independent. Solve one" in line
    assert motion_table(runs, [dish(*TRACKED, donor(2))])["comparison"]["paired_by"] is None


def test_paths_of_one_seed_go_together_and_are_compared_in_pairs(dish):
    runs, control = (
        [dish(*TRACKED, *own, seed=seed) for seed in seeds]
        for own, seeds in (((FASTER,), (2, 1)), ((), (1, 2)))
    )
    found = motion_table(runs, control)["comparison"]
    own, other = (
        np.concatenate([path_lengths(run_tracks(run)) for run in group])
        for group in (runs[::-1], control)
    )
    assert stats.spearmanr(own, other).statistic > 0.5
    assert (found["test"], found["paired_by"]) == ("Wilcoxon signed-rank", "seed")
    assert found["p"] == pytest.approx(stats.wilcoxon(own, other).pvalue, rel=1e-12)
    assert found["p"] < stats.mannwhitneyu(own, other).pvalue
    interval = ratio_of_medians(other, own, paired=True)[1]
    assert found["interval"] == pytest.approx(list(interval), rel=1e-12)
    of_independent = ratio_of_medians(other, own)[1]
    assert np.ptp(interval) < np.ptp(of_independent)


def test_paths_that_nothing_changed_have_no_p(dish):
    same = "receptor.cxcr4.dissociation_rate=0.02 1/s"
    found = motion_table([dish(*TRACKED, same)], [dish(*TRACKED)])["comparison"]
    assert (found["ratio_of_medians"], found["p"]) == (1.0, None)


def test_paths_of_one_seed_in_dishes_of_other_sizes_are_refused(dish):
    runs, control = [dish(*TRACKED, "cells.density=440 1/mm**2")], [dish(*TRACKED)]
    line = line_of(lambda: motion_table(runs, control))
    assert "are of one seed and have 40 and 30 cells" in line
    assert "Solve one side with another seed." in line


def test_paths_of_other_seeds_are_independent(dish):
    found = motion_table([dish(*TRACKED, FASTER, seed=3)], [dish(*TRACKED)])["comparison"]
    assert (found["test"], found["paired_by"]) == ("Mann-Whitney U", None)


# Stroma


def test_networks_are_compared_between_seeds_alone(dish):
    some = "scene.network_fraction=0.5"
    runs, control = [dish("coculture-kg1a", some, seed=seed) for seed in (1, 2)], [dish(seed=2)]
    line = line_of(lambda: network_table(runs, against=control))
    assert line.startswith("control: ")
    assert line.endswith(
        "are of one seed (2), and the tests take them for independent. Solve one side with "
        "another seed."
    )
    assert network_table(runs, against=[dish(seed=3)])[0]["tests"]


def test_networks_are_compared_between_donors_alone(dish):
    runs = [dish("coculture-kg1a", "scene.network_fraction=0.5", donor(1))]
    control = [dish("coculture-kg1a", donor(1), seed=3)]
    line = line_of(lambda: network_table(runs, against=control))
    assert line.endswith(
        "are of the same donor (1), and the tests take them for independent. Solve one side with "
        "another variation.donor_number."
    )


# Signed ranks


def test_signed_ranks_count_how_many_signs_are_as_extreme():
    control, treated = np.array([1.0, 4.0, 2.0, 9.0, 5.0]), np.array([2.5, 6.0, 5.0, 8.5, 9.0])
    difference = treated - control
    ranks = stats.rankdata(np.abs(difference))
    every = [sum(rank for k, rank in enumerate(ranks) if signs >> k & 1) for signs in range(2**5)]
    own = ranks[difference > 0].sum()
    middle = 0.5 * ranks.sum()
    expected = np.mean([abs(total - middle) >= abs(own - middle) for total in every])
    assert wilcoxon_signed_rank_test(control, treated) == pytest.approx(expected, rel=1e-12)
    assert 0.05 < expected < 0.5


def test_pairs_without_a_difference_have_no_signed_rank():
    assert np.isnan(wilcoxon_signed_rank_test([1.0, 2.0], [1.0, 2.0]))
    with_equal = wilcoxon_signed_rank_test([1.0, 2.0, 5.0, 4.0], [2.0, 4.0, 5.0, 7.0])
    without = wilcoxon_signed_rank_test([1.0, 2.0, 4.0], [2.0, 4.0, 7.0])
    assert with_equal == without
