"""Claims of cases outside the two papers: their files, their dishes, and their judge."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from readings import read_dish

from sdf1_field.claims import ClaimFound, Paper, Reading, Virtual, find_all
from sdf1_field.claims.loading import load_claims
from sdf1_field.images import DrawnScene, write_scene
from sdf1_field.observations import Dish
from sdf1_field.reproduce import chosen_views, plan
from sdf1_field.reproduce.experiments import pools_of

HERE = Path(__file__).parent
CLAIMS, MODELS = HERE / "claims", HERE / "models"
FLOOR = MODELS / "floor.nc"
_FLOOR_PIXELS, _PIXEL = 50, 20.0
"""Pixels on a side of the drawn floor, and the side of one [um]."""


def case_names() -> list[str]:
    """Names of the claims files, which are those of their papers."""
    return sorted(path.stem for path in CLAIMS.glob("*.toml"))


def draw_floor() -> None:
    """Write the drawn floor of the models: one body from wall to wall, without migrasomes."""
    none = np.zeros(0)
    body = np.zeros((_FLOOR_PIXELS, _FLOOR_PIXELS), dtype=np.int32)
    scene = DrawnScene(body, _PIXEL, x=none, y=none, radius=none)
    write_scene(FLOOR, scene, program="validation/outside")


def load_case(name: str) -> Paper:
    """Conditions and claims of a case; models are those beside its file."""
    if not FLOOR.exists():
        draw_floor()
    paper, _ = load_claims(str(CLAIMS / f"{name}.toml"))
    conditions = {
        key: replace(one, model=str(MODELS / one.model)) for key, one in paper.conditions.items()
    }
    return replace(paper, conditions=conditions)


def planned_dishes(paper: Paper, dishes: int) -> list[Dish]:
    """Dishes that a case's claims need, with so many in each pool."""
    return [p.dish for p in plan(paper, dishes=dishes, views=(1,))]


def judge(
    paper: Paper, dishes: int, readings: Mapping[Dish, Sequence[Reading]]
) -> tuple[ClaimFound, ...]:
    """Verdicts by the program's own judge, from readings of `planned_dishes`."""
    views = chosen_views(paper, dishes)
    planned = plan(paper, dishes=dishes, views=views)
    found, _, _ = find_all(Virtual(paper, pools_of(paper, planned, readings, views), views))
    return found


def read_all(dishes: Iterable[Dish]) -> dict[Dish, Sequence[Reading]]:
    """Readings of dishes, in this process."""
    return {dish: read_dish(dish) for dish in dishes}
