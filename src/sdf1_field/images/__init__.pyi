from sdf1_field.images.patterns import read_pattern, remembered_pattern, resampled
from sdf1_field.images.scene_files import (
    FREE,
    NETWORK,
    SCENE_FORMAT,
    DrawnScene,
    Extent,
    read_extent,
    read_scene,
    write_scene,
)

__all__ = [
    "FREE",
    "NETWORK",
    "SCENE_FORMAT",
    "DrawnScene",
    "Extent",
    "read_extent",
    "read_pattern",
    "read_scene",
    "remembered_pattern",
    "resampled",
    "write_scene",
]
