"""The grid of a model's dish, known from the model alone."""

from sdf1_field.grid import Grid, make_grid
from sdf1_field.spec import ModelSpec


def model_grid(spec: ModelSpec) -> Grid:
    """Grid of a model's dish, up to where the medium is mixed."""
    return make_grid(
        spec.dish.width,
        spec.dish.length,
        spec.dish.still_height,
        spacing=spec.grid.spacing,
        floor_layer=spec.grid.floor_layer,
        layer_growth=spec.grid.layer_growth,
        round_well=spec.dish.shape == "round",
    )
