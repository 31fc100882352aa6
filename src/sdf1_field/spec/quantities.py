"""Kinds of value that a model file holds: quantities with a unit, ratios, spreads.

A quantity is text with a unit in the file and a float in the canonical unit in the checked model.
"""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import core_schema

from sdf1_field.units import DIMENSIONS, bounded, parse

Status = Literal["literature", "derived", "calibrated", "assumed"]
STATUSES: tuple[Status, ...] = ("literature", "derived", "calibrated", "assumed")


@dataclass(frozen=True)
class Quantity:
    """Annotation of a float that is written as text with a unit and held in the canonical one.

    Parameters
    ----------
    dimension : str
        A key of `sdf1_field.units.DIMENSIONS`.
    gt, ge, le : float or None
        Bounds in the canonical unit, within those of the dimension.
    """

    dimension: str
    gt: float | None = None
    ge: float | None = None
    le: float | None = None

    @property
    def _noun(self) -> str:
        return f"{'An' if self.dimension[0] in 'aeiou' else 'A'} {self.dimension}"

    def convert(self, value: Any) -> float:
        """Canonical value of the text in a model file."""
        if not isinstance(value, str):
            raise ValueError(
                f"{value!r} has no unit. Write it like '{DIMENSIONS[self.dimension][1]}'."
            )
        number = parse(value, self.dimension)
        if self.gt is not None and not number > self.gt:
            raise ValueError(f"'{value}' is out of range. {self._noun} here is greater than zero.")
        if self.ge is not None and not number >= self.ge:
            raise ValueError(f"'{value}' is out of range. {self._noun} here is zero or more.")
        return bounded(number, value, self.dimension, most=self.le)

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(self.convert)

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        example = DIMENSIONS[self.dimension][1]
        return {
            "type": "string",
            "description": f"{self.dimension}, such as '{example}'",
            "examples": [example],
        }


PositiveLength = Annotated[float, Quantity("length", gt=0)]
Length = Annotated[float, Quantity("length", ge=0)]
PositiveTime = Annotated[float, Quantity("time", gt=0)]
NonNegativeTime = Annotated[float, Quantity("time", ge=0)]
Time = Annotated[float, Quantity("time")]
Area = Annotated[float, Quantity("area", gt=0)]
Volume = Annotated[float, Quantity("volume", gt=0)]
Diffusivity = Annotated[float, Quantity("diffusivity", gt=0)]
Speed = Annotated[float, Quantity("speed", ge=0)]
Rate = Annotated[float, Quantity("rate", ge=0)]
PositiveRate = Annotated[float, Quantity("rate", gt=0)]
Concentration = Annotated[float, Quantity("concentration", ge=0)]
PositiveConcentration = Annotated[float, Quantity("concentration", gt=0)]
AssociationRate = Annotated[float, Quantity("association rate", ge=0)]
SurfaceDensity = Annotated[float, Quantity("surface density", ge=0)]
SecretionRate = Annotated[float, Quantity("secretion rate", ge=0)]
NumberDensity = Annotated[float, Quantity("number density", ge=0)]
LineDensity = Annotated[float, Quantity("line density", ge=0)]
RatePerLength = Annotated[float, Quantity("rate per length", ge=0)]
MolarMass = Annotated[float, Quantity("molar mass", gt=0)]
Fraction = Annotated[float, Field(ge=0, le=1, strict=True)]
LARGEST = 1e12
"""Largest ratio or number."""
SMALLEST = 1e-12
"""Smallest positive ratio."""
Ratio = Annotated[float, Field(ge=0, le=LARGEST, allow_inf_nan=False, strict=True)]
PositiveRatio = Annotated[float, Field(ge=SMALLEST, le=LARGEST, allow_inf_nan=False, strict=True)]
_WIDEST_SPREAD = 5.0
"""Largest standard deviation of a logarithm: one value in six is above 150 times the median."""
LONGEST_BODY = 100.0
"""Largest ratio of axes: a body of 3000 um**2 is as thin as a nucleus, 6 um."""
WIDEST_FAN = 10.0
"""Largest standard deviation of an angle [rad]: all directions are equally likely."""
MOST_THINGS = 10**9
"""Largest number of bodies, cells or detached migrasomes."""
Spread = Annotated[float, Field(ge=0, le=_WIDEST_SPREAD, allow_inf_nan=False, strict=True)]


class Section(BaseModel):
    """Part of a model: immutable, every key known."""

    model_config = ConfigDict(extra="forbid", frozen=True)
