"""Rates at which networks form and break down, under a substrate and perturbations.

A substrate is two numbers relative to fibronectin: the number of anchors that hold the retracting
edge, and the strength of each. Anchors set the rate at which fibres are left behind. Strength sets
the lifetime of fibres and of migrasomes on them, and the rate at which migrasomes form, for which
Deniz et al. (2023) take a strong attachment to be a prerequisite. Their product, the adhesion, sets
the speed of migration, which is highest at an intermediate adhesion (DiMilla et al. 1991,
10.1016/S0006-3495(91)82027-6).
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sdf1_field.migrasomes.cargo import CARGO_KINETICS
from sdf1_field.random import name_key
from sdf1_field.spec import ModelSpec, Perturbation


class Rates(NamedTuple):
    """Parameters of the growth of a scene; lengths in um, times in s.

    The effects of substrate and perturbations are included.
    """

    width: float
    length: float
    start: float
    step: float
    speed: float
    turning: float
    """Rotational diffusivity of the heading [1/s], the inverse of the persistence time."""
    alignment: float
    """Rate at which the long axis follows the heading [1/s]."""
    stopping: float
    starting: float
    tethering: float
    """Per path length of a migrating cell [1/um]."""
    retraction: float
    retracted_share: float
    retraction_time: float
    respreading: float
    fibres: float
    """Mean number in a bundle."""
    fan_angle: float
    anchor_spacing: float
    branching: float
    breakage: float
    breakage_doubling_time: float
    release: float
    shortest: float
    nucleation: float
    junction: float
    spacing: float
    early_radius: float
    radius: float
    radius_variation: float
    growth: float
    gathering: float
    detachment: float
    staying: float
    """Probability that a migrasome stays on the floor when its fibre breaks [1]."""
    drift: float
    rupture: float
    leak: float


RATES = np.dtype([(name, "f8") for name in Rates._fields])
"""`Rates` as kernels take them, and as a scene keeps them."""


def migration(adhesion: float, *, optimal: float) -> float:
    """Speed of migration relative to its optimum, ``4 A A_0 / (A + A_0)**2``.

    Parameters
    ----------
    adhesion : float
        Anchors times their strength ``A`` >= 0, relative to fibronectin [1].
    optimal : float
        ``A_0`` > 0 [1].

    Examples
    --------
    >>> migration(1.0, optimal=1.0), migration(4.0, optimal=1.0), migration(0.0, optimal=1.0)
    (1.0, 0.64, 0.0)
    """
    return 4.0 * adhesion * optimal / (adhesion + optimal) ** 2


def rates_of(spec: ModelSpec, perturbation: Perturbation) -> Rates:
    """Rates of a model's stroma on its substrate, under a perturbation."""
    scene, cell, b = spec.scene, spec.stroma, spec.biogenesis
    substrate = spec.substrate[scene.substrate]
    anchors = substrate.anchors * (1.0 - substrate.integrin_share * perturbation.blocked_integrins)
    strength = substrate.strength
    best = migration(anchors * strength, optimal=b.optimal_adhesion)
    share = b.migrating_share * best
    return Rates(
        width=spec.dish.width,
        length=spec.dish.length,
        start=0.0 - spec.run.culture,
        step=spec.numerics.growth_step,
        speed=cell.speed * best,
        turning=1.0 / cell.persistence_time,
        alignment=1.0 / cell.alignment_time,
        stopping=(1.0 - share) / max(share, _NEVER) / b.resting_time,
        starting=1.0 / b.resting_time if share > 0.0 else 0.0,
        tethering=anchors / b.tether_spacing,
        retraction=anchors / b.retraction_interval,
        retracted_share=b.retracted_share,
        retraction_time=b.retraction_time,
        respreading=1.0 / b.respreading_time,
        fibres=scene.fibres_per_network,
        fan_angle=scene.fibre_fan_angle,
        anchor_spacing=b.anchor_spacing,
        branching=b.branching,
        breakage=b.fibre_breakage / strength,
        breakage_doubling_time=b.breakage_doubling_time,
        release=b.fibre_release_rate / strength,
        shortest=b.shortest_fibre,
        nucleation=b.nucleation * strength * perturbation.nucleation,
        junction=b.junction_length,
        spacing=b.migrasome_spacing,
        early_radius=0.5 * b.early_diameter,
        radius=0.5 * scene.migrasome_diameter,
        radius_variation=scene.migrasome_diameter_variation,
        growth=1.0 / b.growth_time,
        gathering=1.0 / b.cd166_gathering_time,
        detachment=b.detachment_rate / strength,
        staying=b.retention * strength / (1.0 + b.retention * strength),
        drift=b.drift_rate / strength,
        rupture=1.0 / b.migrasome_lifetime,
        leak=b.leak_rate,
    )


def rates_record(rates: Rates) -> NDArray[Any]:
    """`Rates` as a scene keeps them, shape (1,)."""
    return np.array([tuple(rates)], dtype=RATES)


def cargo_kinetics_of(
    spec: ModelSpec, ligand: str, perturbation: Perturbation, *, secretion_factor: float
) -> NDArray[Any]:
    """Kinetics of a ligand's carriers in a model's stroma, perturbations included.

    Parameters
    ----------
    spec : ModelSpec
    ligand : str
        One that the stroma produces.
    perturbation : Perturbation
    secretion_factor : float
        The dish's and donor's factor on production.

    Returns
    -------
    ndarray of CARGO_KINETICS, shape (1,)
    """
    own, traffic = spec.stroma.cargo[ligand], spec.traffic
    fusion = perturbation.fusion * (1.0 - perturbation.chelated)
    return np.array(
        [
            (
                own.production * secretion_factor,
                own.vesicle_load,
                own.loaded_fraction,
                own.fusion_rate * fusion,
                own.body_release_rate * fusion,
                1.0 / traffic.exchange_time,
                traffic.polarised_share,
                traffic.transport_rate * perturbation.transport,
                traffic.transport_reach,
                1.0 / traffic.transport_fading_time,
                1.0 / traffic.calcium_time,
                traffic.detached_fusion,
                name_key(ligand),
            )
        ],
        dtype=CARGO_KINETICS,
    )


def followed_cargo(
    spec: ModelSpec, perturbation: Perturbation, secretion_factor: float
) -> dict[str, NDArray[Any]]:
    """`cargo_kinetics_of` of each ligand that is followed from production on, by ligand."""
    return {
        name: cargo_kinetics_of(spec, name, perturbation, secretion_factor=secretion_factor)
        for name in spec.followed_ligands
    }


_NEVER = 1e-12
"""Least share of time in the rate of stopping, lest that be infinite where no cell migrates."""
