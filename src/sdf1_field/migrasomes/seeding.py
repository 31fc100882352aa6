"""Seeding of a stroma that will grow: bodies alone, their own factors, and their initial cargo."""

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sdf1_field.migrasomes.bodies import WALKER
from sdf1_field.migrasomes.cargo import FRONT, MADE, REAR
from sdf1_field.migrasomes.emission import body_secretion, migrasome_secretion
from sdf1_field.migrasomes.evolution import migrasomes_at_age, visible_fibres
from sdf1_field.migrasomes.fibres import STRAND, VERTICES
from sdf1_field.migrasomes.laws import followed_cargo, rates_of, rates_record
from sdf1_field.migrasomes.nucleation import BUD
from sdf1_field.random import Stream
from sdf1_field.random.kernels import draws
from sdf1_field.scene import Growth, Migrasomes, Scene, log_normal, place_bodies
from sdf1_field.spec import ModelSpec, Perturbation
from sdf1_field.treatments import schedule

Array = NDArray[np.float64]


def seed_scene(
    spec: ModelSpec, seed: int, perturbation: Perturbation, *, secretion_factor: float
) -> Scene:
    """Newly seeded stroma that will grow: spread bodies, at rest or migrating, without fibres.

    Parameters
    ----------
    spec : ModelSpec
    seed : int
        The dish's.
    perturbation : Perturbation
        At the beginning.
    secretion_factor : float
        The dish's and donor's factor on every source.

    Raises
    ------
    InputError
        If the bodies do not fit into the view.
    """
    bodies = place_bodies(spec, seed, secretion_factor=secretion_factor)
    count = len(bodies.x)
    speeds, ends = draws(seed, Stream.STROMA, np.arange(count), 0)
    nucleations, moves = draws(seed, Stream.STROMA, np.arange(count), 1)
    productions, _ = draws(seed, Stream.STROMA, np.arange(count), 2)
    rates = rates_of(spec, perturbation)
    share = rates.starting / (rates.starting + rates.stopping) if rates.starting > 0.0 else 0.0
    cells = np.zeros(count, dtype=WALKER)
    cells["x"], cells["y"], cells["angle"] = bodies.x, bodies.y, bodies.angle
    cells["heading"] = bodies.angle
    cells["semi_major"], cells["semi_minor"] = bodies.semi_major, bodies.semi_minor
    cells["polarity"] = np.where(ends < 0.5, 1.0, -1.0)
    cells["migrating"] = moves < share
    cells["spread"] = 1.0
    cells["speed"] = log_normal(1.0, spec.stroma.speed_variation, speeds)
    cells["nucleation"] = log_normal(1.0, spec.stroma.nucleation_variation, nucleations)
    cells["production"] = log_normal(1.0, spec.stroma.production_variation, productions)
    constant: dict[str, Array] = {}
    if not spec.mechanisms.cargo_kinetics:
        for name in spec.solved_ligands:
            rules = spec.ligand[name].secretion
            constant[name] = np.array([rules.migrasome * secretion_factor, rules.carrying_fraction])
    # A body begins in steady state of production and its own release; genetic perturbations began
    # long before.
    always = followed_cargo(spec, schedule(spec).perturbation(-math.inf), secretion_factor)
    pools = np.zeros((len(always), count, 4))
    for k, (own,) in enumerate(always.values()):
        content = own["production"] * cells["production"] / own["body_release"]
        pools[k, :, FRONT] = pools[k, :, REAR] = 0.5 * content
        pools[k, :, MADE] = content
    growth = Growth(
        seed=seed,
        step=0,
        cells=cells,
        strands=np.zeros(0, dtype=STRAND),
        course=np.zeros((0, 2, VERTICES)),
        buds=np.zeros(0, dtype=BUD),
        constant=constant,
        cargo_kinetics=followed_cargo(spec, perturbation, secretion_factor),
        pools=pools,
        held=np.zeros((0, len(always), 4)),
        followed=rates.start,
        secretion_factor=secretion_factor,
        rates=rates_record(rates),
    )
    none = np.zeros(0)
    without = Migrasomes(
        x=none,
        y=none,
        radius=none,
        body=np.zeros(0, dtype=np.intp),
        blocked=none,
        birth=none,
        end=none,
        present=np.zeros(0, dtype=np.bool_),
        maturity=none,
        origin=np.zeros(0, dtype=np.int8),
        fate=np.zeros(0, dtype=np.int8),
        loaded={},
        secretion={},
        secretion_at_birth={},
        decay={},
    )
    bodies = replace(bodies, migrating=cells["migrating"], secretion=body_secretion(bodies, growth))
    m = migrasomes_at_age(without, growth)
    m = replace(m, secretion=migrasome_secretion(m, growth, rates.start))
    return Scene(bodies, visible_fibres(growth), m, growth)
