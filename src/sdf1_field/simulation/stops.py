"""Stops: the sorted times at which scene, fields and cells are coupled, and those of the output."""

import math
from typing import TYPE_CHECKING

from sdf1_field import migrasomes
from sdf1_field.spec import ModelSpec
from sdf1_field.treatments import treatment_times
from sdf1_field.units import instant

if TYPE_CHECKING:
    from sdf1_field.scene import Scene
    from sdf1_field.simulation.prepared import Prepared

_ROUND_OFF = 1e-9
"""Share of an interval by which the last time may miss a multiple of it."""


def field_times(spec: ModelSpec) -> list[float]:
    """Times at which fields are saved [s]: from ``output.fields_from`` on, and at the end."""
    return _every(spec.output.fields_every, spec.output.fields_from, spec.run.duration)


def track_times(spec: ModelSpec) -> list[float]:
    """Times at which cells are saved [s]: from ``output.tracks_from`` on, and at the end."""
    return _every(spec.output.tracks_every, spec.output.tracks_from, spec.run.duration)


def stops(prepared: "Prepared", scene: "Scene") -> list[float]:
    """Coupling and event times, the scene's own, and the end [s].

    Before there are cells, fields are coupled to a growing scene alone.

    Parameters
    ----------
    prepared : Prepared
    scene : Scene
        At the start of the run.
    """
    spec = prepared.spec
    begin, end = instant(-spec.run.culture), instant(spec.run.duration)
    coupling = _every(spec.numerics.coupling_step, 0.0, end)
    if spec.grows and begin < 0.0:
        coupling += _every(spec.numerics.culture_step, begin, 0.0)
    changes = discontinuity_times(prepared, scene)
    settled = {instant(t + spec.numerics.settling_time) for t in changes if t >= 0.0}
    times = {*coupling, *changes, *settled}
    return sorted(t for t in times if begin <= t <= end)


def discontinuity_times(prepared: "Prepared", scene: "Scene") -> set[float]:
    """Times at which the floor changes at once [s].

    Near the floor the medium re-equilibrates within ``numerics.settling_time`` of each.
    """
    return {0.0, *treatment_times(prepared.plan), *migrasomes.appearance_and_rupture_times(scene)}


def _every(interval: float, first: float, last: float) -> list[float]:
    count = math.floor((last - first) / interval + _ROUND_OFF)
    times = {instant(first + n * interval) for n in range(count + 1)}
    return sorted(times | {instant(last)})
