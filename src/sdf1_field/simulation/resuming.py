"""Checks of a state that a run is to go on from: the model's form, and numbers fit for kernels.

A saved state may be damaged or made up, and compiled kernels read and write where its numbers
point. It is held against the state at the start of the same run.
"""

import math
import numbers
from collections.abc import Collection, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from sdf1_field.cells import Cells
from sdf1_field.errors import InputError, RunError
from sdf1_field.migrasomes import NO_MIGRASOME, VERTICES, perturb
from sdf1_field.scene import NO_BODY, Growth, Scene
from sdf1_field.simulation.prepared import Prepared
from sdf1_field.simulation.scene_fields import SceneFields
from sdf1_field.simulation.soundness import require_sound
from sdf1_field.simulation.state import State
from sdf1_field.solvers.linear import LinearState

_ENDLESS = frozenset({"birth", "end", "detaching", "leaking"})
"""Times that are infinite if they never come; those that are NaN are not known yet."""
_GROWS = {
    "scene.fibres": 2,
    "scene.migrasomes": 1,
    "scene.bodies": 1,
    "scene.growth.cells": 1,
    "scene.growth.strands": 1,
    "scene.growth.course": 1,
    "scene.growth.buds": 1,
    "scene.growth.held": 1,
    "exposure.coated": 1,
}
"""Number of first dimensions whose lengths change in a run, by the part of the state."""
_MOST = 2**40
"""Steps that have been taken at most."""


def require_resumable(
    state: State, first: State, prepared: Prepared, times: Collection[float]
) -> None:
    """Raise InputError unless a state is one that a run can be in.

    Parameters
    ----------
    state : State
        To go on from.
    first : State
        At the start of the same run.
    prepared : Prepared
    times : collection of float
        Stops of the run after its start [s].

    Raises
    ------
    InputError
        With the part of the state and what is wrong.
    """
    if state.seed != first.seed or not (state.time == first.time or state.time in times):
        _refuse("time", "is none at which the run stops")
    _require_form("scene", state.scene, first.scene)
    _require_form("exposure", state.exposure, first.exposure)
    if set(state.fields) != set(first.fields):
        _refuse("field", "is of other ligands")
    for name, field in state.fields.items():
        if isinstance(field, LinearState):
            _require_linear(f"field.{name}", field, first.fields[name])
        else:
            _require_form(f"field.{name}", field, first.fields[name])
        if not getattr(field, "step", 1.0) > 0.0:
            _refuse(f"field.{name}.step", "is not above 0")
        if field.time != state.time:
            _refuse(f"field.{name}", "is of another time")
    now = prepared.plan.perturbation(state.time)
    _require_scene(state.scene, perturb(first.scene, prepared.spec, now), state.time, first.time)
    setup = prepared.sensing
    carriers = () if setup is None else state.scene.migrasomes.loaded.get(setup.ligand, np.zeros(0))
    if len(state.exposure.coated) > np.count_nonzero(carriers):
        _refuse("exposure", "has more sources than there are")
    if state.cells is not None:
        _require_cells(state.cells, prepared.spec.cell_count)
    try:
        here = SceneFields(prepared, state.scene)
        require_sound(
            state, prepared.grid, prepared.solvers, here.equations, prepared.spec.numerics
        )
    except RunError as error:
        raise InputError(f"{_DAMAGED}: {error}") from None


_DAMAGED = "the state to go on from is damaged"


def _refuse(part: str, found: str) -> NoReturn:
    raise InputError(f"{_DAMAGED}: {part} {found}. Start over with force.")


def _require_form(name: str, found: Any, model: Any) -> None:
    """Raise InputError unless a part of a state has the form of another, with finite numbers."""
    # A network that is frozen does not grow any more.
    if found is None and (model is None or name == "scene.growth"):
        return
    if isinstance(model, np.ndarray):
        _require_array(name, found, model)
    elif is_dataclass(model):
        if type(found) is not type(model):
            _refuse(name, "is missing, or another kind of state")
        for field in fields(model):
            _require_form(
                f"{name}.{field.name}", getattr(found, field.name), getattr(model, field.name)
            )
    elif isinstance(model, Mapping):
        if not isinstance(found, Mapping) or set(found) != set(model):
            _refuse(name, "is of other ligands")
        for key in model:
            _require_form(f"{name}.{key}", found[key], model[key])
    elif isinstance(model, numbers.Integral):
        if not isinstance(found, numbers.Integral):
            _refuse(name, "is no whole number")
    elif isinstance(model, numbers.Real) and not (
        isinstance(found, numbers.Real) and (math.isfinite(found) or not math.isfinite(model))
    ):
        _refuse(name, "is no finite number")


def _require_array(name: str, found: Any, model: NDArray[Any]) -> None:
    if not isinstance(found, np.ndarray) or found.dtype != model.dtype:
        _refuse(name, "is of another type")
    free = max((count for part, count in _GROWS.items() if name.startswith(part)), default=0)
    if found.ndim != model.ndim or found.shape[free:] != model.shape[free:]:
        _refuse(name, f"has the shape {found.shape}, not {model.shape}")
    # A course has no values past its end; rates are compared with the model's.
    if name in ("scene.fibres.x", "scene.fibres.y", "scene.growth.course", "scene.growth.rates"):
        return
    columns = found.dtype.names or ("",)
    for column in columns:
        values = found[column] if column else found
        known = (column or name.rpartition(".")[2]) in _ENDLESS
        if values.dtype.kind == "f" and not (known or np.isfinite(values).all()):
            _refuse(f"{name}.{column}".rstrip("."), "is not finite")


def _require_linear(name: str, field: LinearState, first: Any) -> None:
    """Raise InputError unless the last step of a field without a saturating coat is whole."""
    for part in ("mean", "bound", "layer", "face", "ledger", "fill"):
        _require_form(f"{name}.{part}", getattr(field, part), getattr(first, part))
    shape, begun = field.bound.shape, field.begun
    starts, values = begun.starts, begun.values
    if not _is_of(starts, first.begun.starts.dtype, first.begun.starts.shape):
        _refuse(f"{name}.begun", "is of another shape or type")
    kept = np.diff(starts)
    if starts[0] != 0 or (kept < 0).any() or (kept > shape[1]).any():
        _refuse(f"{name}.begun", "has rows that are longer than the floor's")
    if not _is_of(values, np.dtype("f8"), (int(starts[-1]),)):
        _refuse(f"{name}.begun", "does not have all of its values")
    for part in ("released", "held"):
        one = getattr(field, part)
        if one is not None and not _is_of(one, np.dtype("f8"), shape):
            _refuse(f"{name}.{part}", "is of another shape or type")
    course = field.course
    if course is None:
        return
    decays = np.asarray(course.decays)
    parts = course.degrees + decays.size if isinstance(course.degrees, int) else -1
    if decays.ndim != 1 or not 0 <= decays.size <= parts or decays.dtype.kind != "f":
        _refuse(f"{name}.course", "has other parts than it says")
    if not (
        _is_of(course.parts, np.dtype("f8"), (parts, *shape))
        and np.isfinite(decays).all()
        and isinstance(course.step, float)
        and 0.0 < course.step < math.inf
    ):
        _refuse(f"{name}.course", "is of another shape or type, or of no length")


def _is_of(values: Any, kind: np.dtype[Any], shape: tuple[int, ...]) -> bool:
    """Whether an array has a type and shape, and finite values."""
    return (
        isinstance(values, np.ndarray)
        and values.dtype == kind
        and values.shape == shape
        and bool(np.isfinite(values).all())
    )


def _require_cells(cells: Cells, count: int) -> None:
    for field in fields(cells):
        values = getattr(cells, field.name)
        if field.name == "steps":
            if not (isinstance(values, int) and 0 <= values < _MOST):
                _refuse("cells.steps", "is no number of steps")
        elif not _is_of(values, np.dtype("?" if field.name == "held" else "f8"), (count,)):
            _refuse(f"cells.{field.name}", "is of another shape or type, or not finite")


def _require_scene(scene: Scene, model: Scene, time: float, start: float) -> None:
    """Raise InputError unless parts of the stroma are as many as they are said to be.

    A growing one has the rates, cargo kinetics and constants of the model's.
    """
    bodies, fibres, migrasomes = len(scene.bodies.x), scene.fibres.x.shape, len(scene.migrasomes.x)
    _require_length("scene.bodies", scene.bodies, bodies)
    _require_length("scene.migrasomes", scene.migrasomes, migrasomes)
    if scene.fibres.y.shape != fibres:
        _refuse("scene.fibres", "has other x than y")
    _require_length("scene.fibres", scene.fibres, fibres[0])
    for name, owners in (
        ("fibres", scene.fibres.body),
        ("migrasomes", scene.migrasomes.body),
    ):
        _require_between(f"scene.{name}.body", owners, NO_BODY, bodies - 1)
    growth = scene.growth
    if growth is None or model.growth is None:
        return
    for name in ("seed", "rates", "cargo_kinetics", "constant", "secretion_factor"):
        if not _same(getattr(growth, name), getattr(model.growth, name)):
            _refuse(f"scene.growth.{name}", "is not the model's")
    lengths = {
        "cells": bodies, "buds": migrasomes, "held": migrasomes, "course": len(growth.strands),
    }  # fmt: skip
    for name, length in lengths.items():
        if len(getattr(growth, name)) != length:
            _refuse(f"scene.growth.{name}", "has another length than what it is of")
    _require_growth(growth, time, start)


def _same(found: Any, model: Any) -> bool:
    """Whether two values are equal to the bit."""
    if isinstance(model, Mapping):
        return set(found) == set(model) and all(_same(found[key], model[key]) for key in model)
    return np.asarray(found).tobytes() == np.asarray(model).tobytes()


def _require_length(name: str, part: Any, length: int) -> None:
    for field in fields(part):
        value = getattr(part, field.name)
        for one in value.values() if isinstance(value, Mapping) else (value,):
            if isinstance(one, np.ndarray) and len(one) != length:
                _refuse(f"{name}.{field.name}", "has another length than the places")


def _require_between(name: str, values: NDArray[Any], low: int, high: int) -> None:
    if ((values < low) | (values > high)).any():
        _refuse(name, f"is not from {low} to {high}")


def _require_growth(growth: Growth, time: float, start: float) -> None:
    """Raise InputError unless numbers in a network lead to bodies, vertices and migrasomes."""
    strands, buds, rates = growth.strands, growth.buds, growth.rates[0]
    name, bodies, count = "scene.growth", len(growth.cells), len(growth.buds)
    if abs(growth.step - (time - rates["start"]) / rates["step"]) > 1.0 + 1e-6:
        _refuse(f"{name}.step", "is of another time")
    if not start <= growth.followed <= time:
        _refuse(f"{name}.followed", "is of another time")
    _require_between(f"{name}.strands.count", strands["count"], 2, VERTICES)
    for column in ("first", "laid"):
        _require_between(f"{name}.strands.{column}", strands[column], 0, _MOST)
    # Fibres lose their bodies only when all are removed.
    _require_between(f"{name}.strands.owner", strands["owner"], 0 if bodies else -1, bodies - 1)
    _require_between(f"{name}.strands.head", strands["head"], NO_MIGRASOME, count - 1)
    _require_between(f"{name}.buds.body", buds["body"], NO_BODY, bodies - 1)
    _require_between(f"{name}.buds.vertex", buds["vertex"], -1, _MOST)
    if not ((buds["following"] >= NO_MIGRASOME) & (buds["following"] < np.arange(count))).all():
        _refuse(f"{name}.buds.following", "is no older migrasome")
    there = np.arange(VERTICES) < strands["count"][:, None, None]
    if (
        growth.course.shape[1:] != (2, VERTICES)
        or not np.isfinite(growth.course[there.repeat(2, 1)]).all()
    ):
        _refuse(f"{name}.course", "is not finite")
    # Along every fibre from its latest migrasome to the older ones.
    place, fibre = strands["head"], np.arange(len(strands))
    while (on := place != NO_MIGRASOME).any():
        place, fibre = place[on], fibre[on]
        along = buds["vertex"][place] - strands["first"][fibre]
        if not ((along >= 0) & (along < strands["count"][fibre])).all():
            _refuse(f"{name}.buds.vertex", "is not on its fibre")
        place = buds["following"][place]
