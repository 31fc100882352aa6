"""Keys that nothing reads: refused where a person sets them, and truly without effect."""

import numpy as np
import pytest

from conftest import SENSITIVE, bits
from sdf1_field.errors import InputError
from sdf1_field.scene import place_scene
from sdf1_field.shipped import model_names
from sdf1_field.simulation import simulate
from sdf1_field.spec import BOND_NAMES, asked_model, inherited_unread, load_model, parameters
from sdf1_field.spec.schema import ModelSpec
from sdf1_field.spec.unread import RULES, unread_keys

PLACED = ("scene.mode=placed", "mechanisms.cargo_kinetics=false")
BARE = ("scene.mode=placed", "scene.network_fraction=0.0")
DETACHED = ("scene.detached_migrasome_density=200 1/mm**2",)
UNCOATED = ("ligand.sdf1.coat.sites=0 sites/um**2",)
DISH = (
    "dish.width=200 um",
    "dish.length=200 um",
    "dish.height=200 um",
    "grid.spacing=20 um",
    "run.culture=30 min",
    "run.duration=30 min",
    "cells.density=500 1/mm**2",
    "scene.msc_density=100 1/mm**2",
)


def _refusal(model, *settings):
    with pytest.raises(InputError) as caught:
        asked_model(str(model), settings=settings)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("model", "settings", "message"),
    [
        (
            "coculture-kg1a",
            ("scene.network_fraction=0.5",),
            "--set: scene.network_fraction: acts on nothing in this model, since networks of a "
            "grown scene form by biogenesis. Set a key of biogenesis instead, or scene.mode "
            "to 'placed', or remove it.",
        ),
        (
            "coculture-kg1a",
            (*PLACED, "biogenesis.nucleation=0.01 1/(um*h)"),
            "--set: biogenesis.nucleation: acts on nothing in this model, since a placed scene "
            "does not grow. Set scene.mode to 'grown', or remove it.",
        ),
        (
            "coculture-kg1a",
            ("numerics.fipy.time_step=10 s",),
            "--set: numerics.fipy.time_step: acts on nothing in this model, since the fields are "
            "not solved by FiPy. Set numerics.solver to 'fipy', or remove it.",
        ),
        ("coculture-kg1a", ("numerics.solver=fipy", "numerics.tolerance=0.01"), "solved by FiPy"),
        ("coculture-kg1a", ("cell_type.cd34.speed=1 um/min",), "cells.type is 'kg1a'"),
        ("coculture-kg1a", ("ligand.mcsf.diffusivity=70 um**2/s",), "mcsf is not solved"),
        ("coculture-kg1a", ("ligand.sdf1.coat.stripe_width=20 um",), "the coat's pattern is even"),
        ("coculture-kg1a", ("ligand.sdf1.bath_concentration=1 nM",), "dish.top is closed"),
        ("coculture-kg1a", ("substrate.glass.strength=1.0",), "scene.substrate is 'fibronectin_5'"),
        (
            "coculture-kg1a",
            ("mechanisms.arrest=false", "cell_type.kg1a.half_trigger=50.0"),
            "SDF-1 triggers no arrest. Set mechanisms.arrest and one of "
            "mechanisms.cd166_adhesion, vla4_adhesion and fibre_adhesion to true",
        ),
        (
            "coculture-kg1a",
            ("mechanisms.adaptation=false", "cell_type.kg1a.adaptation_time=2 min"),
            "mechanisms.adaptation is off",
        ),
        (
            "coculture-kg1a",
            ("mechanisms.vla4_adhesion=false", "cell_type.kg1a.vla4_bonds=2.0"),
            "mechanisms.vla4_adhesion is off",
        ),
        (
            "coculture-kg1a",
            ("agent.amd3100.inhibition_constant=74 nM",),
            "no treatment gives amd3100",
        ),
        (
            "coculture-kg1a",
            ("ligand.sdf1.secretion.migrasome=1 molecule/s",),
            "mechanisms.cargo_kinetics determines how bodies and migrasomes secrete",
        ),
        (
            "coculture-kg1a",
            ("substrate.fibronectin_5.integrin_share=0.5",),
            "no treatment blocks integrins",
        ),
        ("coculture-kg1a", ("variation.donor.speed=0.3",), "donor 0 is the median one"),
        ("null-kg1a", ("treatments.amd3100.dose=10 uM",), "no cell senses a ligand"),
        ("null-kg1a", ("treatments.anti_cd166.dose=5 ug/mL",), "no cell is held by CD166"),
        ("null-kg1a", ("treatments.sdf1.dose=100 ng/mL",), "sdf1 is not solved"),
        ("null-kg1a", ("cell_type.kg1a.release_rate=1e-3 1/s",), "no cell adheres"),
        ("null-kg1a", ("cell_type.kg1a.basal_arrest_rate=1e-3 1/s",), "cells touch nothing"),
        ("p2-steady", ("output.fields_every=1 h",), "a steady state has neither times nor cells"),
        ("tracking-kg1a", ("scene.fibre_length=80 um",), "there is no stroma"),
        ("capture-single-migrasome", ("scene.msc_density=50 1/mm**2",), "scene.msc_number sets"),
        ("whole-well-kg1a", ("mechanisms.cargo_kinetics=true",), "a placed scene does not grow"),
        (
            "coculture-kg1a",
            (*UNCOATED, "ligand.sdf1.coat.pattern=stripes"),
            "sdf1 does not bind to the coat. Set ligand.sdf1.coat.sites and "
            "ligand.sdf1.coat.association_rate above 0",
        ),
        ("coculture-kg1a", (*UNCOATED, "receptor.cxcr4.coat_share=1 1/um"), "ligand of CXCR4"),
        ("coculture-kg1a", (*BARE, "scene.fibre_length=90 um"), "there are no networks"),
        ("coculture-kg1a", (*BARE, "scene.migrasome_diameter=2 um"), "there are no migrasomes"),
        ("coculture-kg1a", (*BARE, "mechanisms.fibre_adhesion=true"), "there are no networks"),
        ("null-kg1a", ("dish.height=1 mm",), "no ligand is solved"),
        ("null-kg1a", ("grid.floor_layer=2 um",), "no ligand is solved"),
        (
            "coculture-kg1a",
            ("cell_type.kg1a.chemokinesis_gain=0.0", "mechanisms.chemokinesis=true"),
            "cell_type.kg1a.chemokinesis_gain is 0. Set cell_type.kg1a.chemokinesis_gain above 0",
        ),
        (
            "coculture-kg1a",
            (
                *(f"mechanisms.{bond}_adhesion=false" for bond in BOND_NAMES),
                "mechanisms.arrest=true",
            ),
            "mechanisms.arrest: acts on nothing in this model, since cells touch nothing that "
            "could hold them. Set one of mechanisms.cd166_adhesion,",
        ),
        (
            "coculture-kg1a",
            ("cell_type.kg1a.triggered_arrest_rate=0 1/s", "mechanisms.arrest=true"),
            "cell_type.kg1a.triggered_arrest_rate is 0. Set cell_type.kg1a.triggered_arrest_rate "
            "above 0",
        ),
        (
            "null-kg1a",
            ("mechanisms.adaptation=true",),
            "SDF-1 triggers no arrest. Set mechanisms.arrest to true, and a mechanism that holds",
        ),
        (
            "coculture-kg1a",
            ("mechanisms.arrest=false", "mechanisms.trigger_noise=true"),
            "no arrest",
        ),
        (
            "null-kg1a",
            ("cell_type.kg1a.basal_arrest_rate=0 1/s", "mechanisms.cd166_adhesion=true"),
            "no cell is caught. Set mechanisms.arrest to true, or "
            "cell_type.kg1a.basal_arrest_rate above 0",
        ),
    ],
)
def test_a_setting_that_acts_on_nothing_is_refused_with_the_reason(model, settings, message):
    refusal = _refusal(model, *settings)
    assert message in refusal
    assert refusal.startswith(f"--set: {settings[-1].partition('=')[0]}")


@pytest.mark.parametrize(
    ("model", "settings"),
    [
        ("coculture-kg1a", ("mechanisms.haptotaxis=false",)),
        ("coculture-kg1a", ("cell_type.kg1a.triggered_arrest_rate=0 1/s",)),
        ("coculture-kg1a", ("mechanisms.arrest=false", "mechanisms.adaptation=false")),
        ("null-kg1a", ("mechanisms.vla4_adhesion=true", "cell_type.kg1a.vla4_bonds=0.0")),
        ("coculture-kg1a", (*PLACED, "scene.network_fraction=0.5")),
        ("coculture-kg1a", ("numerics.solver=fipy", "numerics.fipy.time_step=10 s")),
        ("coculture-kg1a", ("scene.mode=placed",)),
        ("coculture-cd34", ("variation.donor_number=3",)),
        ("coculture-kg1a-anti-cd166", ("mechanisms.cd166_adhesion=false",)),
        ("whole-well-kg1a", ("mechanisms.cargo_kinetics=false",)),
        ("null-kg1a", ("mechanisms.chemokinesis=true", "dish.height=1 mm")),
        ("coculture-kg1a", (*BARE, *DETACHED, "scene.migrasome_diameter=2 um")),
        ("coculture-cd34", ("mechanisms.vla4_adhesion=true",)),
        ("coculture-kg1a-amd3100-10um", ("agent.amd3100.inhibition_constant=74 nM",)),
    ],
)
def test_what_is_read_or_switched_off_is_taken(model, settings):
    assert asked_model(model, settings=settings).spec == load_model(model, settings=settings).spec


def test_a_further_solver_is_not_taken_for_fipy():
    spec = load_model("coculture-kg1a").spec
    numerics = spec.numerics.model_copy(update={"solver": "third"})
    further = spec.model_copy(update={"numerics": numerics})
    refused = {"numerics.tolerance", "numerics.first_step", "numerics.linear_coat"}
    assert not refused & {key for rule in RULES if rule.holds(further) for key in rule.keys.split()}


@pytest.mark.parametrize("name", model_names())
def test_no_shipped_model_is_refused(name):
    assert asked_model(name).name == name


@pytest.fixture
def file(tmp_path):
    """Writer of a model file."""

    def write(text, name="mine"):
        path = tmp_path / f"{name}.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_a_files_own_key_is_refused_and_an_inherited_one_is_listed(file):
    tuned = file('extends = "coculture-kg1a"\n[scene]\nnetwork_fraction = 0.5\n', "tuned")
    assert _refusal(tuned).startswith(f"{tuned}: scene.network_fraction: acts on nothing")
    child = file('extends = "tuned.toml"\ntitle = "child"\n', "child")
    assert [(where, key.path) for where, key in inherited_unread(asked_model(str(child)))] == [
        (str(tuned), "scene.network_fraction")
    ]


def test_a_files_key_that_a_setting_leaves_out_is_inherited(file):
    path = file('extends = "coculture-kg1a"\nbiogenesis.nucleation = "0.01 1/(um*h)"\n')
    placed = asked_model(str(path), settings=PLACED)
    assert "biogenesis.nucleation" in {key.path for _, key in inherited_unread(placed)}
    assert _refusal(path, *PLACED, "biogenesis.leak_rate=0 1/h").startswith(
        "--set: biogenesis.leak_rate: acts on nothing"
    )


def test_a_file_may_set_donors_switches_and_tables_for_others_to_use(file):
    path = file(
        'extends = "coculture-kg1a"\nvariation.donor.speed = 0.3\nmechanisms.uptake = false\n'
        '[agent.mine]\nlabel = "mine"\nacts_on = "medium_change"\n'
    )
    assert asked_model(str(path)).spec.variation.donor.speed == 0.3


def test_every_rule_is_about_keys_that_there_are():
    paths = list(parameters())
    for rule in RULES:
        pattern_free = {key: [p for p in paths if _below(p, key)] for key in rule.keys.split()}
        assert all(pattern_free.values()), rule.reason


def _below(path, key):
    parts, wanted = path.split("."), key.split(".")
    return len(parts) >= len(wanted) and all(
        w in ("*", p) for p, w in zip(parts, wanted, strict=False)
    )


def _another(path):
    """Setting of a key to a value that is not its default but within its interval."""
    entry = parameters()[path]
    low, high = entry.interval
    return f"{path}={high if entry.value != high else low}"


INTERNAL = (
    *("scene.growth.cells.production", "scene.growth.secretion_factor"),
    *("scene.migrasomes.decay.sdf1", "scene.migrasomes.decay.ccl2"),
)
"""Rates that a scene keeps for ligands and migrasomes, of which there may be none."""


def _last(settings):
    *_, state = simulate(load_model("coculture-kg1a", settings=[*DISH, *settings]).spec, seed=2)
    fields = {name: field.bound.tobytes() for name, field in state.fields.items()}
    cells = (state.cells.x.tobytes(), state.cells.y.tobytes(), state.cells.held.tobytes())
    scene = bits(state.scene)
    return {name: scene[name] for name in scene if name not in INTERNAL}, fields, cells


QUIET = (
    *("mechanisms.soluble_sensing=false", "mechanisms.haptotaxis=false"),
    *("mechanisms.chemokinesis=false", "mechanisms.arrest=false", "output.ligands=[]"),
    "cell_type.kg1a.basal_arrest_rate=5e-4 1/s",
)


@pytest.mark.parametrize(
    "settings",
    [
        (),
        PLACED,
        QUIET,
        (*PLACED, *UNCOATED),
        (*PLACED, *BARE),
        (*PLACED, *BARE, *DETACHED),
        (*PLACED, *BARE, "mechanisms.chemokinesis=true", "cell_type.kg1a.chemokinesis_gain=0.0"),
    ],
    ids=[
        "grown",
        "placed",
        "cells sense nothing",
        "nothing binds",
        "no networks",
        "detached migrasomes alone",
        "gain zero",
    ],
)
def test_what_is_unread_changes_no_bit_of_a_dish(settings):
    spec = load_model("coculture-kg1a", settings=[*DISH, *settings]).spec
    changeable = [
        p for p, e in parameters().items() if e.interval and e.interval[0] != e.interval[1]
    ]
    unread = [key.path for key in unread_keys(spec, changeable)]
    assert len(unread) > 100
    switches = [f"mechanisms.{name}" for name, on in spec.mechanisms if on]
    idle = [f"{key.path}=false" for key in unread_keys(spec, switches)]
    changed = [*settings, *map(_another, unread), *idle]
    after = load_model("coculture-kg1a", settings=[*DISH, *changed]).spec
    assert after != spec
    assert _last(changed) == _last(settings)


CROWD = "cells.density=2000 1/mm**2"
GROWN_LONGER = ("scene.msc_density=130 1/mm**2", "run.culture=8 h", CROWD)
ALL_WITH_NETWORKS = (*PLACED, "scene.network_fraction=1.0", CROWD)
UNSAMPLED = (
    *("run", "dish", "output", "numerics", "ligand.*.molar_mass", "scene.msc_number"),
    *("ligand.*.coat.under_bodies", "ligand.*.secretion.migrasome_decay"),
    *("scene.detached_migrasome_density", "stromal_type.*.body_volume"),
    *("cell_type.*.migrasome_uptake_rate", "scene.network_outline_margin"),
    *("adhesion", "cell_type.*.fibre_bonds", "variation.dish.avidity"),
)
"""Keys that only output or doses by mass read, that collide, or whose events are rare here."""


@pytest.mark.parametrize(
    ("settings", "first"),
    [(GROWN_LONGER, 0), (ALL_WITH_NETWORKS, 1), (QUIET, 2)],
    ids=["grown", "placed", "cells sense nothing"],
)
@pytest.mark.slow
def test_a_sample_of_the_other_keys_changes_a_dish(settings, first):
    settings = [*SENSITIVE, *settings]
    spec = load_model("coculture-kg1a", settings=[*DISH, *settings]).spec
    unread = {key.path for key in unread_keys(spec, parameters())}
    read = [
        path
        for path, entry in parameters().items()
        if entry.interval
        and entry.interval[0] != entry.interval[1]
        and path not in unread
        and not any(_below(path, key) for key in UNSAMPLED)
    ]
    sample = read[first::4]
    assert len(sample) > 10
    before = _last(settings)
    assert [key for key in sample if _last([*settings, _another(key)]) == before] == []


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ((), "biogenesis.migrating_share=0.9"),
        ((), "stromal_type.msc.cargo.sdf1.production=8 molecules/s"),
        ((), "cell_type.kg1a.downstream_noise=3.0"),
        ((*PLACED, "scene.network_fraction=1.0"), "scene.fibre_length=90 um"),
        (PLACED, "ligand.sdf1.secretion.msc_body=4 molecules/s"),
        (QUIET, "cell_type.kg1a.speed=2 um/min"),
    ],
)
def test_what_is_read_changes_a_dish(settings, key):
    spec: ModelSpec = load_model("coculture-kg1a", settings=[*DISH, *settings]).spec
    assert not list(unread_keys(spec, [key.partition("=")[0]]))
    if key.startswith("scene."):
        after = load_model("coculture-kg1a", settings=[*DISH, *settings, key]).spec
        lengths = [
            np.nansum(place_scene(s, 2, secretion_factor=1.0).fibres.x) for s in (spec, after)
        ]
        assert lengths[0] != lengths[1]
    else:
        assert _last([*settings, key]) != _last(settings)
