"""The dose of dissolved SDF-1 that triggers arrest half as often as any dose can."""

import numpy as np
from numpy.typing import NDArray

from sdf1_field.calibration.space import Space
from sdf1_field.spec import Model
from sdf1_field.units import parse

Array = NDArray[np.float64]


def half_dose(
    receptors: Array, half_trigger: Array, exponent: Array, dissociation_constant: Array
) -> Array:
    """Dose at which the trigger of cells that meet SDF-1 for the first time is half its maximum.

    In medium alone, without a coat that binds SDF-1, and before receptors are internalised or the
    trigger adapts: as in a bench assay of minutes. Occupied receptors are ``R c / (c + K)``, the
    trigger is ``x^h / (1 + x^h)`` with ``x`` their number over ``half_trigger``. Cells that have
    many receptors over it respond to doses far below K (spare receptors).

    Parameters
    ----------
    receptors, half_trigger : ndarray
        [receptors].
    exponent : ndarray
        h [1].
    dissociation_constant : ndarray
        K [nM].

    Returns
    -------
    ndarray
        [nM].
    """
    occupied = (2.0 + (receptors / half_trigger) ** exponent) ** (-1.0 / exponent)
    dose: Array = dissociation_constant * occupied / (1.0 - occupied)
    return dose


def half_doses(space: Space, model: Model, points: Array) -> Array:
    """`half_dose` at points of a space [nM], shape (point,); fixed parameters are the model's.

    Parameters
    ----------
    space : Space
    model : Model
    points : ndarray, shape (point, parameter)
        In the unit cube.
    """
    values = {key: np.full(len(points), value) for key, value in deciding(model).items()}
    for free, places in zip(space.free, points.T, strict=True):
        if free.key in values:
            unit = parse(f"1 {free.unit}", "concentration") if free.unit else 1.0
            values[free.key] = unit * free.number(places)
    return half_dose(*values.values())


def deciding(model: Model) -> dict[str, float]:
    """A model's values of the arguments of `half_dose`, in their order, by key."""
    spec = model.spec
    cell, of_type = spec.haematopoietic, f"cell_type.{spec.cells.type}"
    return {
        f"{of_type}.receptors": cell.receptors,
        f"{of_type}.half_trigger": cell.half_trigger,
        f"{of_type}.trigger_exponent": cell.trigger_exponent,
        "receptor.cxcr4.dissociation_constant": spec.receptor.cxcr4.dissociation_constant,
    }
