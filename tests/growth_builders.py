"""Models and stroma that the tests of growth share."""

import functools

import numpy as np

from sdf1_field import migrasomes
from sdf1_field.migrasomes import perturb, seed_scene
from sdf1_field.spec import load_model
from sdf1_field.treatments import Perturbation, schedule

MINUTE, HOUR = 60.0, 3600.0
STEP = 5 * MINUTE
NEVER = "1e9 h"
# Settings that isolate one law.
NO_FIBRES = ("biogenesis.tether_spacing=1e9 um", f"biogenesis.retraction_interval={NEVER}")
NO_MIGRASOMES = ("biogenesis.nucleation=0 1/(um*h)",)
AT_REST = ("biogenesis.migrating_share=0.0",)
ALWAYS_ON_THE_MOVE = (
    "biogenesis.migrating_share=1.0",
    "biogenesis.optimal_adhesion=1.0",
    "substrate.fibronectin_5.anchors=1.0",
    "substrate.fibronectin_5.strength=1.0",
    "stromal_type.msc.speed_variation=0.0",
)
LASTING_FIBRES = (
    "biogenesis.fibre_breakage=0 1/(um*h)",
    "biogenesis.fibre_release_rate=0 1/h",
    "biogenesis.branching=0 1/um",
)
LASTING_MIGRASOMES = (
    f"biogenesis.migrasome_lifetime={NEVER}",
    "biogenesis.detachment_rate=0 1/h",
    "stromal_type.msc.nucleation_variation=0.0",
)


def model(*settings):
    settings = ("grid.spacing=20 um", "numerics.growth_step=5 min", *settings)
    return load_model("biogenesis-fibronectin-5", settings=settings).spec


def seeded(spec, seed=1):
    start = -spec.run.culture
    return seed_scene(spec, seed, schedule(spec).perturbation(start), secretion_factor=1.0)


def grown(scene, until):
    return migrasomes.advance(scene, until)


def on(scene, spec, perturbation=None):
    """The scene as it goes on under another model's rates."""
    return perturb(scene, spec, perturbation or Perturbation())


def lengths(growth):
    """Of every fibre, those too short to be seen among them [um]."""
    found = []
    for strand, (x, y) in zip(growth.strands, growth.course, strict=True):
        count = strand["count"]
        found.append(np.hypot(np.diff(x[:count]), np.diff(y[:count])).sum())
    return np.array(found)


def loads(growth):
    """Migrasomes on every fibre."""
    counts = []
    for head in growth.strands["head"]:
        count, m = 0, head
        while m >= 0:
            count, m = count + 1, growth.buds["following"][m]
        counts.append(count)
    return np.array(counts)


# Some fibres on each of some cells, whatever the model's own numbers are.
NETWORK = (
    *ALWAYS_ON_THE_MOVE,
    *LASTING_FIBRES,
    *LASTING_MIGRASOMES,
    *NO_MIGRASOMES,
    "scene.msc_number=60",
    "scene.fibres_per_network=3.0",
    "biogenesis.anchor_spacing=5 um",
    "biogenesis.tether_spacing=60 um",
    "stromal_type.msc.speed=20 um/h",
    "stromal_type.msc.persistence_time=2 h",
)


@functools.cache
def network(*settings, hours=16.0, seed=3):
    """MSC that have gone about on lasting fibres without migrasomes, and then come to rest."""
    walked = grown(seeded(model(*NETWORK, *settings), seed), hours * HOUR - STEP)
    return grown(on(walked, model(*NETWORK, *settings, *AT_REST)), hours * HOUR)


SPEED, PERSISTENCE = 20.0 / HOUR, 2 * HOUR


def ellipse_of(bodies, owner, x, y):
    """Where places are on their body's ellipse: 1 on its boundary."""
    turned = (x - bodies.x[owner]) + 1j * (y - bodies.y[owner])
    turned = turned * np.exp(-1j * bodies.angle[owner])
    return (turned.real / bodies.semi_major[owner]) ** 2 + (
        turned.imag / bodies.semi_minor[owner]
    ) ** 2
