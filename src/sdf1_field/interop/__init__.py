"""Files of other programs: tracks read into one immutable value, and written.

`trackfile` holds the value `TrackFile` and its checks, `scales` the units of other programs and the
refusal of files that were never calibrated, `reading` finds out the format. Each format has a
module: `trackmate_xml`, which also reads TrackMate's exported tracks, and `tables`.
"""

from sdf1_field.interop.reading import read_tracks
from sdf1_field.interop.scales import Calibration
from sdf1_field.interop.tables import COLUMNS, column_names, read_table
from sdf1_field.interop.trackfile import NO_TRACK, TrackFile, make_track_file
from sdf1_field.interop.trackmate_xml import read_xml

__all__ = [
    "COLUMNS", "NO_TRACK", "Calibration", "TrackFile", "column_names",
    "make_track_file", "read_table", "read_tracks",
    "read_xml",
]  # fmt: skip
