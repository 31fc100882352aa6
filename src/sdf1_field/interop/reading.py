"""Which of the formats a file of tracks has."""

from collections.abc import Mapping
from pathlib import Path

from sdf1_field.errors import InputError, readable, require_file
from sdf1_field.interop.geff_files import read_geff
from sdf1_field.interop.scales import Calibration
from sdf1_field.interop.tables import read_table
from sdf1_field.interop.trackfile import TrackFile
from sdf1_field.interop.trackmate_xml import is_xml, read_xml


def read_tracks(
    path: Path, asked: Calibration | None = None, columns: Mapping[str, str] | None = None
) -> TrackFile:
    """Tracks from a file of another program.

    TrackMate's XML, its exported tracks (XML), its CSV, any table of spots, or GEFF (a folder);
    the content decides, not the name.

    Parameters
    ----------
    path : Path
    asked : Calibration, optional
        Pixel size and frame interval, for a file without them.
    columns : mapping of str to str, optional
        Names of a table's columns for the keys of `tables.COLUMNS`.

    Raises
    ------
    InputError
        If there is no such file, or its tracks cannot be read: where, what and the remedy.
    """
    asked = asked or Calibration()
    if path.is_dir():
        return read_geff(path, asked)
    require_file(path)
    with readable(path), path.open("rb") as stream:
        begin = stream.read(1024)
    if is_xml(begin) and columns:
        raise InputError(f"{path}: is XML, and --columns is for tables. Omit it.")
    try:
        return read_xml(path, asked) if is_xml(begin) else read_table(path, asked, columns)
    except MemoryError:
        raise InputError(
            f"{path}: takes more memory than there is. Save the tracks in several files."
        ) from None
