import pytest

from sdf1_field.spec import Effect, Perturbation, load_model
from sdf1_field.spec.agents import ACTIONS, Agent
from sdf1_field.treatments import schedule, treatment_times

HOUR = 3600.0
K_I = load_model("coculture-kg1a-amd3100-10um").spec.agent["amd3100"].inhibition_constant
AMD3100_10_UM = 1e4 / K_I
SDF1_100_NG_ML = 100.0 / 7.96
BLOCKED = (100.0 / 3.0) / (100.0 / 3.0 + 1.0)
"""By 5 ug/mL of a 150-kDa antibody whose dissociation constant is 1 nM."""


def _schedule(name, *settings):
    return schedule(load_model(name, settings=settings).spec)


def _event(plan, time):
    (event,) = [e for e in plan.events if e.time == time]
    return event


def test_an_untreated_co_culture_has_one_medium_change_and_nothing_else():
    plan = _schedule("coculture-kg1a")
    assert [(e.time, e.medium_change, e.added, e.blocked) for e in plan.events] == [
        (0.0, True, (), 0.0)
    ]
    assert plan.lasting == ()


def test_competition_is_the_dose_over_the_inhibition_constant_during_exposure_only():
    plan = _schedule(
        "coculture-kg1a-amd3100-10um",
        "treatments.amd3100.start=1 h",
        "treatments.amd3100.stop=3 h",
    )
    assert plan.competition(HOUR) == pytest.approx(AMD3100_10_UM, rel=1e-12)
    assert plan.competition(3 * HOUR - 1e-6) == pytest.approx(AMD3100_10_UM, rel=1e-12)
    outside = (-24 * HOUR, HOUR - 1e-6, 3 * HOUR, 12 * HOUR)
    assert [plan.competition(time) for time in outside] == [0.0] * 4


@pytest.mark.parametrize(("dose", "micromolar"), [("1 uM", 1.0), ("10 uM", 10.0), ("0 uM", 0.0)])
def test_competition_is_proportional_to_the_dose(dose, micromolar):
    plan = _schedule("coculture-kg1a-amd3100-1um", f"treatments.amd3100.dose={dose}")
    assert plan.competition(HOUR) == pytest.approx(micromolar * 1000 / K_I, rel=1e-12)


def test_a_mass_dose_of_an_antagonist_goes_by_its_molar_mass():
    plan = _schedule("coculture-kg1a-amd3100-1um", "treatments.amd3100.dose=5.028 ug/mL")
    assert plan.competition(HOUR) == pytest.approx(AMD3100_10_UM, rel=1e-12)


def test_without_start_a_drug_begins_with_the_co_culture_and_lasts_to_its_end():
    plan = _schedule("coculture-kg1a-amd3100-10um")
    assert plan.competition(-1e-6) == 0.0
    assert plan.competition(0.0) == plan.competition(12 * HOUR) > 15.0


def test_a_later_medium_change_washes_a_drug_out():
    plan = _schedule(
        "coculture-kg1a-amd3100-10um",
        "treatments.wash.agent=medium_change",
        "treatments.wash.start=4 h",
    )
    assert plan.competition(4 * HOUR - 1e-6) == pytest.approx(AMD3100_10_UM, rel=1e-12)
    assert plan.competition(4 * HOUR) == 0.0
    assert 4 * HOUR in treatment_times(plan)


def test_of_stop_and_medium_change_the_earlier_ends_a_drug():
    wash = ("treatments.wash.agent=medium_change", "treatments.wash.start=4 h")
    for stop, end in (("2 h", 2 * HOUR), ("6 h", 4 * HOUR)):
        plan = _schedule("coculture-kg1a-amd3100-10um", f"treatments.amd3100.stop={stop}", *wash)
        assert [e.stop for e in plan.lasting] == [end]


def test_a_drug_given_with_fresh_medium_stays_but_one_given_before_goes():
    given_before = _schedule("coculture-kg1a-amd3100-10um", "treatments.amd3100.start=-1 h")
    given_with_it = _schedule("coculture-kg1a-amd3100-10um", "treatments.amd3100.start=0 h")
    assert (given_before.competition(-1.0), given_before.competition(0.0)) == (
        pytest.approx(AMD3100_10_UM),
        0.0,
    )
    assert given_with_it.competition(0.0) == pytest.approx(AMD3100_10_UM)


def test_two_antagonists_in_the_medium_add_their_competition():
    plan = _schedule(
        "coculture-kg1a-amd3100-10um",
        "treatments.more.agent=amd3100",
        f"treatments.more.dose={K_I} nM",
        "treatments.more.start=1 h",
    )
    assert plan.competition(2 * HOUR) - plan.competition(0.0) == pytest.approx(1.0, rel=1e-12)


def test_recombinant_ligand_is_added_to_fresh_medium_in_nanomolar():
    event = _event(_schedule("coculture-kg1a-sdf1"), 0.0)
    assert event.medium_change
    assert event.added == (("sdf1", pytest.approx(SDF1_100_NG_ML, rel=1e-12)),)


def test_each_addition_of_ligand_keeps_its_own_time_and_dose():
    plan = _schedule(
        "coculture-kg1a-sdf1",
        "treatments.boost.agent=sdf1",
        "treatments.boost.dose=2 nM",
        "treatments.boost.start=6 h",
        "treatments.ccl2.dose=3 nM",
        "treatments.ccl2.start=6 h",
    )
    later = _event(plan, 6 * HOUR)
    assert not later.medium_change
    assert sorted(later.added) == [("ccl2", pytest.approx(3.0)), ("sdf1", pytest.approx(2.0))]


def test_antagonist_and_added_ligand_act_on_different_things():
    plan = _schedule("coculture-kg1a-sdf1-amd3100")
    assert plan.competition(HOUR) == pytest.approx(AMD3100_10_UM, rel=1e-12)
    assert _event(plan, 0.0).added == (("sdf1", pytest.approx(SDF1_100_NG_ML)),)
    assert [e.blocked for e in plan.events] == [0.0]


def test_five_micrograms_of_antibody_per_millilitre_block_97_per_cent_when_given():
    plan = _schedule("coculture-kg1a-anti-cd166")
    assert _event(plan, -2 * HOUR).blocked == pytest.approx(BLOCKED, rel=1e-12)
    assert pytest.approx(0.9709, abs=5e-5) == BLOCKED
    assert _event(plan, 0.0).blocked == 0.0
    assert plan.competition(-HOUR) == 0.0


def test_an_antibody_blocks_what_forms_until_it_is_washed_off():
    plan = _schedule("coculture-kg1a-anti-cd166")
    ((since, blocked),) = _event(plan, 0.0).blocked_since
    assert (since, blocked) == (-2 * HOUR, pytest.approx(BLOCKED, rel=1e-12))
    assert _event(plan, -2 * HOUR).blocked_since == ()


def test_control_igg_blocks_nothing():
    plan = _schedule("coculture-kg1a-igg")
    assert [e.blocked for e in plan.events] == [0.0, 0.0]


def test_two_antibodies_given_together_leave_the_product_of_what_each_leaves_free():
    plan = _schedule(
        "coculture-kg1a-anti-cd166",
        "treatments.second.agent=anti_cd166",
        "treatments.second.dose=1 nM",
        "treatments.second.start=-2 h",
    )
    assert _event(plan, -2 * HOUR).blocked == pytest.approx(1 - (1 - BLOCKED) * 0.5, rel=1e-12)


def test_events_come_in_order_of_time_and_every_change_is_a_stop():
    plan = _schedule(
        "coculture-kg1a-anti-cd166",
        "treatments.amd3100.dose=1 uM",
        "treatments.amd3100.start=1 h",
        "treatments.amd3100.stop=5 h",
        "treatments.sdf1.dose=1 nM",
        "treatments.sdf1.start=3 h",
    )
    assert [e.time / HOUR for e in plan.events] == [-2.0, 0.0, 3.0]
    assert [t / HOUR for t in treatment_times(plan)] == [-2.0, 0.0, 1.0, 3.0, 5.0]


# What perturbs the growth of a stroma


GROWN = "biogenesis-fibronectin-5"


def test_without_treatment_nothing_perturbs_the_stroma():
    assert _schedule("coculture-kg1a-amd3100-10um").perturbation(0.0) == Perturbation()


def test_changes_of_genes_multiply_nucleation_from_beginning_to_end():
    plan = _schedule(
        GROWN,
        "treatments.tspan4_oe={}",
        "treatments.itgb1_kd={}",
        "agent.tspan4_oe.factor=3.0",
        "agent.itgb1_kd.factor=0.3",
    )
    for time in (-1e9, 0.0, 72 * HOUR):
        assert plan.perturbation(time).nucleation == pytest.approx(0.9, rel=1e-12)
        assert plan.perturbation(time).blocked_integrins == 0.0
    assert treatment_times(plan) == []


def test_an_integrin_inhibitor_blocks_by_its_dose_while_it_is_there():
    plan = _schedule(
        GROWN,
        "treatments.glpg0187.dose=23.1 nM",
        "treatments.glpg0187.start=6 h",
        "treatments.glpg0187.stop=12 h",
        "agent.glpg0187.dissociation_constant=7.7 nM",
        "agent.glpg0187.maximum_block=0.8",
    )
    # Three times the dissociation constant: three quarters of what can be blocked.
    assert plan.perturbation(6 * HOUR).blocked_integrins == pytest.approx(0.6, rel=1e-12)
    assert plan.perturbation(6 * HOUR - 1e-6) == plan.perturbation(12 * HOUR) == Perturbation()
    assert plan.competition(7 * HOUR) == 0.0
    assert treatment_times(plan) == [6 * HOUR, 12 * HOUR]


def test_two_integrin_inhibitors_block_what_the_other_leaves():
    plan = _schedule(
        GROWN,
        "treatments.glpg0187.dose=7.7 nM",
        "treatments.more.agent=glpg0187",
        "treatments.more.dose=7.7 nM",
        "agent.glpg0187.dissociation_constant=7.7 nM",
        "agent.glpg0187.maximum_block=1.0",
    )
    assert plan.perturbation(0.0).blocked_integrins == pytest.approx(0.75, rel=1e-12)


def test_changes_of_genes_of_the_cargo_multiply_its_rates_from_beginning_to_end():
    plan = _schedule(
        "secretion-l929-myo5a-oe",
        "treatments.vamp2_kd={}",
        "treatments.snap23_kd={}",
        "treatments.tspan4_oe={}",
    )
    for time in (0.0, 16 * HOUR):
        assert plan.perturbation(time) == Perturbation(
            nucleation=3.0, transport=2.0, fusion=pytest.approx(0.09)
        )
    assert treatment_times(plan) == []


def test_a_calcium_chelator_quenches_by_its_dose_while_it_is_there():
    plan = _schedule(
        "secretion-l929-bapta-am",
        "treatments.bapta_am.stop=10 h",
        "treatments.wash.agent=medium_change",
        "treatments.wash.start=6 h",
    )
    quenched = Perturbation(chelated=pytest.approx(10.0 / 10.16))
    assert plan.perturbation(2 * HOUR) == plan.perturbation(6 * HOUR - 1.0) == quenched
    assert plan.perturbation(2 * HOUR - 1.0) == plan.perturbation(6 * HOUR) == Perturbation()
    assert treatment_times(plan) == [2 * HOUR, 6 * HOUR]


def test_two_chelators_leave_the_product_of_what_each_leaves():
    more = ("treatments.more.agent=bapta_am", "treatments.more.dose=0.16 uM")
    plan = _schedule("secretion-l929-bapta-am", *more)
    left = 1.0 - plan.perturbation(3 * HOUR).chelated
    assert left == pytest.approx(0.5 * 0.16 / 10.16, rel=1e-9)


# Actions


def test_an_action_without_an_entry_is_refused_with_the_nearest_one():
    with pytest.raises(ValueError, match=r"unknown action 'calcum'\. Did you mean 'calcium'\?"):
        Agent.model_validate({"label": "mine", "acts_on": "calcum"})


def test_every_key_an_action_needs_is_a_key_of_an_agent():
    assert {key for action in ACTIONS.values() for key in action.needs} <= Agent.model_fields.keys()


@pytest.mark.parametrize("acts_on", [k for k, action in ACTIONS.items() if action.needs])
def test_an_agent_without_a_key_that_its_action_needs_is_refused(acts_on):
    keys = {"molar_mass": "1 kDa", "inhibition_constant": "1 nM", "dissociation_constant": "1 nM"}
    keys |= {"maximum_block": 1.0, "target": "cd166", "factor": 2.0, "ligand": "sdf1"}
    needs = ACTIONS[acts_on].needs
    complete = {"label": "mine", "acts_on": acts_on} | {key: keys[key] for key in needs}
    effect = ACTIONS[acts_on].effect(Agent.model_validate(complete), 1.0)
    assert effect != Effect()
    for key in needs:
        less = {k: v for k, v in complete.items() if k != key}
        with pytest.raises(ValueError, match=f"acts on {acts_on} needs '{key}'"):
            Agent.model_validate(less)
