"""Files of other programs: tracks, masks and places of cells as immutable values; and written.

`trackfile` holds the value `TrackFile` and its checks, `scales` the units of other programs and the
refusal of files that were never calibrated, `reading` finds out the format, `writing` writes. Each
format that is read has a module: `trackmate_xml`, also for exported tracks, `tables`
and `geff_files`; `frames` counts frames from times.

`masks` holds the value `Mask`, a dish's regions, with the labels that make it up; `tiff_masks` and
`outlines` read it, `regions` finds out from which of these, and `positions` reads the cells on it.
`pictures` writes masks and stacks, and `drawings` makes scenes of masks.
"""

from sdf1_field.interop.drawings import body_counts, draw_scene
from sdf1_field.interop.masks import Labels, Mask, parse_labels
from sdf1_field.interop.pictures import PICTURES, Channel, Stack, write_mask, write_stack
from sdf1_field.interop.positions import Positions, read_positions
from sdf1_field.interop.reading import read_tracks
from sdf1_field.interop.regions import image_size_of, read_regions
from sdf1_field.interop.scales import Calibration
from sdf1_field.interop.tables import COLUMNS, column_names, read_table
from sdf1_field.interop.tiff_masks import read_mask
from sdf1_field.interop.trackfile import NO_TRACK, TrackFile, make_track_file
from sdf1_field.interop.trackmate_xml import read_xml
from sdf1_field.interop.writing import SUFFIXES, write_tracks

__all__ = [
    "COLUMNS", "NO_TRACK", "PICTURES", "SUFFIXES", "Calibration", "Channel", "Labels", "Mask",
    "Positions", "Stack", "TrackFile", "body_counts", "column_names", "draw_scene", "image_size_of",
    "make_track_file", "parse_labels", "read_mask", "read_positions", "read_regions", "read_table",
    "read_tracks", "read_xml", "write_mask", "write_stack", "write_tracks",
]  # fmt: skip
