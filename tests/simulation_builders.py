"""Models, their states and how states are compared, for the tests of whole simulations."""

import functools

from conftest import bits
from sdf1_field.simulation import simulate
from sdf1_field.spec import load_model

HOUR, MINUTE = 3600.0, 60.0

GROWN = (
    "scene.mode=grown",
    "scene.msc_number=5",
    "run.culture=6 h",
    "run.duration=90 min",
    "output.fields_from=-1 h",
    "output.fields_every=30 min",
    "mechanisms.cargo_kinetics=true",
    "stromal_type.msc.cargo.sdf1.loaded_fraction=0.5",
    "stromal_type.msc.nucleation_variation=0.0",
    "scene.fibres_per_network=3.0",
    "biogenesis.branching=0 1/um",
    "biogenesis.tether_spacing=40 um",
    "biogenesis.retraction_interval=6 h",
    "biogenesis.nucleation=0.02 1/(um*h)",
    "biogenesis.migrasome_lifetime=3 h",
    "cell_type.kg1a.migrasome_uptake_rate=5e-3 1/s",
    "mechanisms.migrasome_uptake=true",
    "mechanisms.uptake=true",
    "mechanisms.bursts=true",
)


def model(tiny, *settings, name="coculture-kg1a"):
    return load_model(name, settings=[*tiny, *settings]).spec


@functools.cache
def states(tiny, *settings, name="coculture-kg1a", seed=1):
    """States of a run at all of its outputs, solved once for each model; not to be changed."""
    return tuple(simulate(model(tiny, *settings, name=name), seed=seed))


def states_from(state, tiny, *settings, name="coculture-kg1a"):
    """States of a run that goes on from one."""
    return list(simulate(model(tiny, *settings, name=name), seed=1, resume_from=state))


def assert_same_bits(first, second):
    """Assert that time, cells, scene and fields of two states are the same, bit by bit."""
    one, other = (
        {"time": state.time, **bits(state.cells, "cells"), **bits(state.scene, "scene"),
         **bits(state.fields, "fields")}
        for state in (first, second)
    )  # fmt: skip
    assert one.keys() == other.keys()
    assert len(one) > 30
    for key, value in one.items():
        assert value == other[key], key
