"""Upper estimates of the amount of stroma, from the model alone."""

import math
from pathlib import Path
from typing import NamedTuple

from sdf1_field.migrasomes.fibres import VERTICES
from sdf1_field.migrasomes.laws import rates_of
from sdf1_field.spec import ModelSpec
from sdf1_field.treatments import schedule


class ExpectedStroma(NamedTuple):
    """Upper estimates of the amount of stroma.

    Parameters
    ----------
    bodies, fibres, vertices, migrasomes : float
        Present at one time; ``vertices`` per fibre.
    migrasomes_ever : float
        Present at any time.
    """

    bodies: float
    fibres: float
    vertices: float
    migrasomes: float
    migrasomes_ever: float


def expected_stroma(spec: ModelSpec) -> ExpectedStroma:
    """Upper estimates of a model's stroma, from the model alone."""
    if spec.drawn:
        return _expected_drawing(spec)
    scene, area = spec.scene, spec.dish.width * spec.dish.length
    bodies = scene.msc_number or scene.msc_density * area
    if spec.grows:
        return _expected_growth(spec, bodies)
    fibres = bodies * scene.network_fraction * scene.fibres_per_network
    migrasomes = fibres * scene.fibre_length / scene.migrasome_spacing
    migrasomes += scene.detached_migrasome_density * area
    vertices = scene.fibre_length / scene.fibre_segment + 1.0
    return ExpectedStroma(bodies, fibres, vertices, migrasomes, migrasomes)


def _expected_drawing(spec: ModelSpec) -> ExpectedStroma:
    """Stroma of a drawn scene, by the head of its file."""
    # The library that reads it loads only where there is a drawn scene.
    from sdf1_field.images import read_extent

    extent = read_extent(Path(spec.scene.file))
    migrasomes: float | None = extent.migrasomes
    if migrasomes is None:
        network = extent.network_pixels * extent.pixel_size**2
        migrasomes = network * spec.scene.network_migrasome_density
    return ExpectedStroma(extent.bodies, 0.0, 0.0, migrasomes, migrasomes)


def _expected_growth(spec: ModelSpec, bodies: float) -> ExpectedStroma:
    """Stroma of a growing scene at its end, without treatments that reduce it.

    Fibres are straight until they break. Migrasomes form at the nucleation rate, but no closer than
    their spacing; a site is free again after a rupture or when its fibre is gone.
    """
    span = spec.run.duration + spec.run.culture
    if spec.scene.mode == "frozen":
        span = spec.run.culture
    if span == 0.0:
        return ExpectedStroma(bodies, 0.0, 0.0, 0.0, 0.0)
    r = rates_of(spec, schedule(spec).perturbation(spec.run.duration))
    migrating = r.starting / (r.starting + r.stopping) if r.starting > 0.0 else 0.0
    # The breakage rate rises with a fibre's length.
    pull = r.breakage * r.speed
    life = min(
        span,
        math.sqrt(0.5 * math.pi / pull) if pull > 0.0 else math.inf,
        1.0 / r.release if r.release > 0.0 else math.inf,
    )
    bundles = migrating * r.speed * r.tethering + (1.0 - migrating) * r.retraction
    stems = bodies * bundles * r.fibres * life
    length = min(r.speed * life, VERTICES * r.anchor_spacing)
    vertices = min(length / r.anchor_spacing + length / r.spacing + 2.0, float(VERTICES))
    fibres = stems * (1.0 + r.branching * length)
    room = fibres * length / r.spacing
    ever = min(
        fibres * (length + r.junction) * r.nucleation * span,
        room * (1.0 + span * r.rupture + span / life),
    )
    alive = ever * min(1.0, 1.0 / (r.rupture * span))
    return ExpectedStroma(bodies, fibres, vertices, alive, ever)


def secreting_share(spec: ModelSpec, ligand: str) -> float:
    """Share of migrasomes that secrete a ligand."""
    if ligand in spec.followed_ligands:
        return spec.stroma.cargo[ligand].loaded_fraction
    return spec.ligand[ligand].secretion.carrying_fraction
