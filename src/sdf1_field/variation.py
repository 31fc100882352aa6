"""Variation between dishes and between donors."""

import math
from dataclasses import dataclass

from sdf1_field.random import Stream, generator
from sdf1_field.spec import Factors, ModelSpec


@dataclass(frozen=True)
class DishFactors:
    """Factors of a dish on the model's values.

    Parameters
    ----------
    secretion, speed, avidity : float
        On every source, on the haematopoietic cells' speed, on their rates of arrest [1].
    """

    secretion: float = 1.0
    speed: float = 1.0
    avidity: float = 1.0


def dish_factors(spec: ModelSpec, seed: int) -> DishFactors:
    """Log-normal factors of median 1, from the dish's seed and from the donor's number.

    Dishes with the same donor number share the donor's factor; donor 0 is the median one.
    """
    dish = _drawn(spec.variation.dish, seed, Stream.VARIATION)
    donor = DishFactors()
    if spec.variation.donor_number > 0:
        donor = _drawn(spec.variation.donor, spec.variation.donor_number, Stream.DONOR)
    return DishFactors(
        secretion=dish.secretion * donor.secretion,
        speed=dish.speed * donor.speed,
        avidity=dish.avidity * donor.avidity,
    )


def _drawn(spread: Factors, seed: int, stream: Stream) -> DishFactors:
    normal = generator(seed, stream).standard_normal(3)
    return DishFactors(
        secretion=math.exp(spread.secretion * normal[0]),
        speed=math.exp(spread.speed * normal[1]),
        avidity=math.exp(spread.avidity * normal[2]),
    )
