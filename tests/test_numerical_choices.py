"""Time steps that make no sense are refused or warned of; those of shipped models are not."""

import re

import pytest

from sdf1_field.errors import InputError, Sdf1FieldWarning
from sdf1_field.shipped import model_names
from sdf1_field.spec import load_model, warn_of_intervals

TOUCHING = (
    "cd166_adhesion", "vla4_adhesion", "fibre_adhesion", "arrest", "crowding", "migrasome_uptake",
)  # fmt: skip


@pytest.mark.parametrize("name", model_names())
def test_no_shipped_model_is_warned_of(name, recwarn):
    warn_of_intervals(load_model(name), strict=True)
    assert not recwarn.list


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        (
            ["cells.time_step=10 min"],
            "cells.time_step: 10 min does not resolve cell_type.kg1a.persistence_time, 5 min, and "
            "would make random motility 1.3 times as large",
        ),
        (
            ["cell_type.kg1a.persistence_time=20 s"],
            "persistence_time: 20 s is shorter than cells.time_step, 30 s, and would make random "
            "motility 1.2 times as large",
        ),
        (
            ["biogenesis.retraction_time=9 h", "numerics.growth_step=3 h"],
            "growth_step: 3 h does not resolve stromal_type.l929.persistence_time",
        ),
    ],
)
def test_a_step_that_does_not_resolve_the_walk_is_refused(settings, text):
    with pytest.raises(InputError) as refused:
        load_model("secretion-l929" if "growth" in text else "coculture-kg1a", settings=settings)
    assert text in str(refused.value)


@pytest.mark.parametrize(
    ("setting", "outcome"),
    [
        ("cells.time_step=1 min", "one step"),
        ("numerics.coupling_step=2 min", "one step"),
        ("output.fields_every=2 min", "only the first and the last time are saved"),
        ("output.tracks_every=2 min", "only the first and the last time are saved"),
    ],
)
def test_a_step_longer_than_the_run_is_warned_of_if_it_is_set(setting, outcome):
    short = ["run.duration=50 s", "run.culture=0 h"]
    path, _, step = setting.partition("=")
    text = f"--set: {path}: {step} is longer than the 50 s that it divides, so that .*{outcome}"
    with pytest.warns(Sdf1FieldWarning) as said:
        warn_of_intervals(load_model("coculture-kg1a", settings=[*short, setting]), strict=False)
    assert any(re.search(text, str(one.message)) for one in said)
    with pytest.warns(Sdf1FieldWarning) as said:
        warn_of_intervals(load_model("coculture-kg1a", settings=short), strict=False)
    assert not [one for one in said if "longer than" in str(one.message)]


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        (
            ["speed=40 um/min"],
            "speed: a cell moves 20 um in a step of 30 s, more than its diameter",
        ),
        (["diameter=1 um"], "diameter: a cell moves 1.452 um in a step of 30 s, more than its"),
    ],
)
def test_a_cell_that_jumps_over_what_it_would_touch_is_warned_of(settings, text):
    model = load_model("coculture-kg1a", settings=[f"cell_type.kg1a.{s}" for s in settings])
    with pytest.warns(Sdf1FieldWarning) as said:
        warn_of_intervals(model, strict=False)
    assert any(f"--set: cell_type.kg1a.{text}" in str(one.message) for one in said)
    free = model.set({f"mechanisms.{name}": False for name in TOUCHING})
    with pytest.warns(Sdf1FieldWarning) as said:
        warn_of_intervals(free, strict=False)
    assert not any("jumps" in str(one.message) for one in said)
