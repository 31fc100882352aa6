"""Files of other programs: tracks read into one immutable value, and written.

`trackfile` holds the value `TrackFile` and its checks, `scales` the units of other programs and the
refusal of files that were never calibrated. Each format has a module: `trackmate_xml` also reads
TrackMate's exported tracks.
"""

from sdf1_field.interop.scales import Calibration
from sdf1_field.interop.trackfile import NO_TRACK, TrackFile
from sdf1_field.interop.trackmate_xml import read_xml

__all__ = ["NO_TRACK", "Calibration", "TrackFile", "read_xml"]
