"""Pictures and arrays of the floor: patterns of coats, and files of drawn scenes."""

from sdf1_field import lazy_names

_HOMES = {
    "read_pattern": "patterns",
    "remembered_pattern": "patterns",
    "resampled": "patterns",
    "FREE": "scene_files",
    "NETWORK": "scene_files",
    "SCENE_FORMAT": "scene_files",
    "DrawnScene": "scene_files",
    "Extent": "scene_files",
    "read_extent": "scene_files",
    "read_scene": "scene_files",
    "write_scene": "scene_files",
}
__all__ = [*_HOMES]
__getattr__, __dir__ = lazy_names(__name__, _HOMES)
