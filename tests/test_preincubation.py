"""Cells arrive adapted to what they were kept in, and nothing else is preincubated."""

import math

import pytest
from scipy.integrate import solve_ivp

from sdf1_field.cells import seed_cells
from sdf1_field.errors import InputError
from sdf1_field.spec import asked_model, load_model
from sdf1_field.treatments import preincubations

HOUR = 3600.0
K_D = 4.5
K_I = load_model("coculture-kg1a").spec.agent["amd3100"].inhibition_constant
DOSE = "treatments.sdf1.dose=4.5 nM"


def arriving(*settings, model="coculture-kg1a"):
    """Model, and surface receptors and adapted level of its cells when they are added."""
    spec = load_model(model, settings=settings).spec
    cells = seed_cells(spec, 3)
    assert len(set(cells.surface)) == len(set(cells.adapted)) == 1
    return spec, cells.surface[0], cells.adapted[0]


def kept(name, duration):
    return f"treatments.{name}.preincubation={duration}"


def steady(spec, occupancy):
    """Surface receptors and adapted level after very long."""
    cell = spec.haematopoietic
    surface = cell.receptors / (1.0 + cell.internalisation_rate / cell.recycling_rate * occupancy)
    return surface, occupancy * surface


def solved(spec, *episodes):
    """The same after episodes (duration, occupancy), by integration."""
    cell, state = spec.haematopoietic, [spec.haematopoietic.receptors, 0.0]
    for duration, occupancy in episodes:

        def change(_, y, theta=occupancy):
            lost = cell.internalisation_rate * theta * y[0]
            return (
                cell.recycling_rate * (cell.receptors - y[0]) - lost,
                (theta * y[0] - y[1]) / cell.adaptation_time,
            )

        state = solve_ivp(change, (0.0, duration), state, rtol=1e-11, atol=1e-8).y[:, -1]
    return tuple(state)


def test_cells_kept_without_ligand_arrive_with_all_receptors_and_adapted_to_none():
    spec, surface, adapted = arriving()
    assert (surface, adapted) == (spec.haematopoietic.receptors, 0.0)
    # A dose without a preincubation is met after the cells are added.
    assert arriving(DOSE)[1:] == (surface, adapted)


def test_eight_hours_in_sdf1_bring_receptors_and_signalling_to_their_steady_state():
    spec, surface, adapted = arriving(DOSE, kept("sdf1", "8 h"))
    assert (surface, adapted) == pytest.approx(steady(spec, 0.5), rel=1e-6)
    assert adapted == pytest.approx(0.5 * surface, rel=1e-6)
    assert surface < 0.95 * spec.haematopoietic.receptors


@pytest.mark.parametrize("duration", ["2 min", "20 min"])
def test_a_short_preincubation_adapts_cells_as_their_equations_say(duration):
    spec, surface, adapted = arriving(DOSE, kept("sdf1", duration))
    seconds = float(duration.split()[0]) * 60.0
    assert (surface, adapted) == pytest.approx(solved(spec, (seconds, 0.5)), rel=1e-8)


def test_amd3100_with_sdf1_leaves_more_receptors_outside_and_less_to_adapt_to():
    drug = (f"treatments.amd3100.dose={10.0 * K_I} nM", kept("amd3100", "8 h"))
    spec, surface, adapted = arriving(DOSE, kept("sdf1", "8 h"), *drug)
    occupancy = K_D / (K_D + K_D * (1.0 + 10.0))
    assert (surface, adapted) == pytest.approx(steady(spec, occupancy), rel=1e-6)
    _, alone_surface, alone_adapted = arriving(DOSE, kept("sdf1", "8 h"))
    assert surface > alone_surface
    assert adapted < alone_adapted


def test_amd3100_alone_changes_nothing_about_receptors_that_nothing_occupies():
    drug = ("treatments.amd3100.dose=10 uM", kept("amd3100", "8 h"))
    spec, surface, adapted = arriving(*drug)
    assert (surface, adapted) == (spec.haematopoietic.receptors, 0.0)


def test_solutions_of_different_length_are_taken_in_their_order_until_the_cells_are_added():
    spec = load_model(
        "coculture-kg1a",
        settings=[
            DOSE, kept("sdf1", "30 min"), f"treatments.amd3100.dose={10.0 * K_I} nM",
            kept("amd3100", "10 min"),
        ],
    ).spec  # fmt: skip
    times = preincubations(spec, "sdf1")
    assert [duration for duration, _, _ in times] == [20 * 60.0, 10 * 60.0]
    assert [added for _, added, _ in times] == pytest.approx([K_D, K_D])
    assert [competition for _, _, competition in times] == pytest.approx([0.0, 10.0])
    cells = seed_cells(spec, 3)
    law = solved(spec, (1200.0, 0.5), (600.0, 1.0 / 12.0))
    assert (cells.surface[0], cells.adapted[0]) == pytest.approx(law, rel=1e-8)


def test_another_ligand_is_no_preincubation_of_cxcr4():
    spec, surface, adapted = arriving("treatments.ccl2.dose=5 nM", kept("ccl2", "8 h"))
    assert (surface, adapted) == (spec.haematopoietic.receptors, 0.0)


def test_without_adaptation_receptors_are_lost_and_the_level_stays_0():
    spec, surface, adapted = arriving(DOSE, kept("sdf1", "8 h"), "mechanisms.adaptation=false")
    assert surface == pytest.approx(steady(spec, 0.5)[0], rel=1e-6)
    assert adapted == 0.0


def test_cells_arrive_with_the_noise_of_a_standard_normal_distribution():
    noise = seed_cells(load_model("coculture-kg1a", settings=["dish.width=6 mm"]).spec, 3).noise
    assert len(noise) > 1000
    assert abs(noise.mean()) < 4.0 / math.sqrt(len(noise))
    assert noise.var() == pytest.approx(1.0, abs=4.0 * math.sqrt(2.0 / len(noise)))


# Wrong input


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            ("treatments.anti_cd166.dose=5 ug/mL", kept("anti_cd166", "8 h")),
            "treatments.anti_cd166.preincubation: anti-CD166 does not act on haematopoietic "
            "cells, which alone are preincubated. Remove it.",
        ),
        ((kept("medium_change", "8 h"),), "does not act on haematopoietic cells"),
        ((DOSE, kept("sdf1", "-1 h")), "treatments.sdf1.preincubation"),
        ((DOSE, kept("sdf1", "8 um")), "treatments.sdf1.preincubation"),
        (
            ("treatments.amd3101.dose=1 uM", kept("amd3101", "8 h")),
            "treatments.amd3101",
        ),
    ],
)
def test_a_preincubation_that_is_none_is_refused_in_one_line(settings, message):
    with pytest.raises(InputError) as caught:
        asked_model("coculture-kg1a", settings=settings)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (("cell_type.kg1a.half_trigger=0.0",), "cell_type.kg1a.half_trigger"),
        (("cell_type.kg1a.half_trigger=-5.0",), "cell_type.kg1a.half_trigger"),
        (("cell_type.kg1a.adaptation_time=0 min",), "cell_type.kg1a.adaptation_time"),
        (("cell_type.kg1a.adaptation_time=-5 min",), "cell_type.kg1a.adaptation_time"),
        (("cell_type.kg1a.trigger_exponent=0.0",), "cell_type.kg1a.trigger_exponent"),
        (("cell_type.kg1a.release_rate=-1e-3 1/s",), "cell_type.kg1a.release_rate"),
        (("cell_type.kg1a.cd166_bonds=-1.0",), "cell_type.kg1a.cd166_bonds"),
        (("numerics.contact_spacing=0 um",), "numerics.contact_spacing"),
        (
            ("mechanisms.arrest=false", "mechanisms.adaptation=true"),
            "mechanisms.adaptation: acts on nothing in this model, since SDF-1 triggers no arrest",
        ),
        (
            ("cells.time_step=10 min", "cell_type.kg1a.adaptation_time=5 min"),
            "cells.time_step: 10 min does not resolve cell_type.kg1a.adaptation_time, 5 min. "
            "Make it no longer than that.",
        ),
        (
            ("cell_type.kg1a.adaptation_time=10 s",),
            "cell_type.kg1a.adaptation_time: 10 s is shorter than cells.time_step, 30 s. "
            "Shorten that.",
        ),
    ],
)
def test_a_law_of_adhesion_that_cannot_be_is_refused_in_one_line_with_exit_status_2(
    run, settings, message
):
    options = [part for text in settings for part in ("--set", text)]
    result = run("check", "coculture-kg1a", *options)
    assert result.exit_code == 2
    assert message in result.output
    assert len(result.output.strip().splitlines()) == 1


def test_a_time_step_longer_than_adaptation_is_taken_where_nothing_adapts():
    settings = (
        "cells.time_step=10 min", "cell_type.kg1a.persistence_time=10 min",
        "mechanisms.adaptation=false",
    )  # fmt: skip
    assert asked_model("coculture-kg1a", settings=settings).spec.cells.time_step == 600.0
