"""The stroma alone: a scene that evolves without fields and haematopoietic cells."""

from collections.abc import Collection, Iterator

from sdf1_field import migrasomes
from sdf1_field.scene import Scene, place_drawn, place_scene
from sdf1_field.spec import ModelSpec, Perturbation
from sdf1_field.treatments import schedule, treatment_times
from sdf1_field.units import instant


def first_scene(
    spec: ModelSpec, seed: int, perturbation: Perturbation, *, secretion_factor: float
) -> Scene:
    """Scene at the start of the MSC culture: seeded if it grows, else drawn or placed.

    Arguments as of `sdf1_field.migrasomes.seed_scene`.
    """
    if spec.grows:
        return migrasomes.seed_scene(spec, seed, perturbation, secretion_factor=secretion_factor)
    place = place_drawn if spec.scene.file else place_scene
    return place(spec, seed, secretion_factor=secretion_factor)


def stroma_alone(
    spec: ModelSpec, times: Collection[float], *, seed: int, secretion_factor: float = 1.0
) -> Iterator[tuple[float, Scene]]:
    """Scenes of a stroma that evolves by itself under the model's treatments.

    Migrasomes are not taken up, no antibody blocks CD166, and a frozen scene is not frozen.

    Parameters
    ----------
    spec : ModelSpec
    times : collection of float
        Not before the start of the culture, ``-run.culture`` [s].
    seed : int
        The dish's.
    secretion_factor : float
        The dish's and donor's factor on every source.

    Yields
    ------
    time : float
        Each of ``times`` [s], rising.
    scene : Scene
        Then, before the treatments that begin or end at that time.
    """
    plan, start = schedule(spec), instant(-spec.run.culture)
    removals = {event.time for event in plan.events if event.bodies_removed}
    scene = first_scene(spec, seed, plan.perturbation(start), secretion_factor=secretion_factor)
    last = max(times, default=start)
    changes = {*treatment_times(plan), *migrasomes.appearance_and_rupture_times(scene)}
    for time in sorted({*(t for t in changes if start < t < last), *times}):
        scene = migrasomes.advance(scene, time)
        if time in times:
            yield time, scene
        if time in removals:
            scene = migrasomes.remove_bodies(scene)
        if time in changes:
            scene = migrasomes.perturb(scene, spec, plan.perturbation(time))
