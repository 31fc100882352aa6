"""Tracks from a file as one immutable value, and its checks."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from sdf1_field.errors import InputError
from sdf1_field.interop.scales import Scale

Array = NDArray[np.float64]
Whole = NDArray[np.int64]

NO_TRACK = -1
"""Track of a spot that is linked to no other."""
_FARTHEST = 1e9
"""Of a spot from the origin along an axis [um]: a kilometre."""
_LAST_FRAME = 10**7


@dataclass(frozen=True)
class LeftOut:
    """What a file holds beside the tracks that were read.

    Parameters
    ----------
    hidden : int
        Spots that a filter of the file hides and that are in no track.
    tracks, spots : int
        Tracks that a filter of the file leaves out, and the spots in them.
    depth : bool
        Whether the third coordinate varied; it is dropped.
    """

    hidden: int = 0
    tracks: int = 0
    spots: int = 0
    depth: bool = False


@dataclass(frozen=True, eq=False)
class TrackFile:
    """Spots and the links between them, in micrometres and seconds.

    Spots are sorted by frame, then by number.

    Parameters
    ----------
    name : str
        Of the file, for messages.
    format : str
        Such as ``TrackMate 7.14.0``.
    interval : float
        Time between frames [s].
    spot, track, frame : ndarray of int, shape (spot,)
        Number of each spot, its track (`NO_TRACK` for none), its frame >= 0.
    x, y : ndarray, shape (spot,)
        [um]. In files of images y points down.
    radius : ndarray, shape (spot,)
        [um]; NaN if it is not known.
    links : ndarray of int, shape (link, 2)
        Places in the arrays above of the earlier and the later spot of each link.
    pixel_size : float or None
        Of the image [um], if it is known.
    left_out : LeftOut
    unused : tuple of str
        What a user said of `scales.Calibration` although the file says it.
    region : ndarray of uint8, shape (spot,) or None
        `Region` under each spot as the file says; None where it does not.
    extent : tuple of float or None
        Width and length of the picture or dish [um], if they are known.
    """

    name: str
    format: str
    interval: float
    spot: Whole
    track: Whole
    frame: Whole
    x: Array
    y: Array
    radius: Array
    links: Whole
    pixel_size: float | None = None
    left_out: LeftOut = field(default_factory=LeftOut)
    unused: tuple[str, ...] = ()
    region: NDArray[np.uint8] | None = None
    extent: tuple[float, float] | None = None

    @property
    def time(self) -> Array:
        """Time of each spot since frame 0 [s], shape (spot,)."""
        return np.asarray(self.frame * self.interval, dtype=np.float64)

    @property
    def tracks(self) -> int:
        """Number of tracks."""
        return len(np.unique(self.track[self.track != NO_TRACK]))

    @property
    def lone(self) -> int:
        """Number of spots in no track."""
        return int(np.count_nonzero(self.track == NO_TRACK))

    @property
    def splits(self) -> int:
        """Number of spots with more than one successor."""
        return int(np.count_nonzero(self._degrees(0) > 1))

    @property
    def merges(self) -> int:
        """Number of spots with more than one predecessor."""
        return int(np.count_nonzero(self._degrees(1) > 1))

    @property
    def gaps(self) -> int:
        """Number of links over one or more frames without a spot."""
        frames = self.frame[self.links]
        return int(np.count_nonzero(frames[:, 1] - frames[:, 0] > 1))

    def _degrees(self, end: int) -> Whole:
        return np.bincount(self.links[:, end], minlength=len(self.spot))

    def branches(self) -> Whole:
        """Number of each spot's branch, from 0, shape (spot,).

        Tracks are cut at splits and merges: a link is kept if it is the only one that leaves its
        earlier and the only one that reaches its later spot.
        """
        early, late = self.links.T
        kept = (self._degrees(0)[early] == 1) & (self._degrees(1)[late] == 1)
        return components(len(self.spot), self.links[kept])


def components(count: int, links: Whole) -> Whole:
    """Number of the connected component of each of ``count`` spots, shape (spot,)."""
    graph = coo_array((np.ones(len(links), dtype=np.int8), tuple(links.T)), shape=(count, count))
    found: Whole = connected_components(graph, directed=False)[1].astype(np.int64)
    return found


def linked_places(name: str, spot: Whole, linked: Whole) -> Whole:
    """Places of linked spots by their numbers, of the shape of ``linked``.

    Raises
    ------
    InputError
        If a link leads to a spot that the file does not hold.
    """
    order = np.argsort(spot)
    at = np.searchsorted(spot, linked, sorter=order)
    known = np.isin(linked, spot)
    if not known.all():
        raise InputError(
            f"{name}: a link leads to spot {linked[~known][0]}, which the file does not hold. Save "
            "it again."
        )
    places: Whole = order[at]
    return places


def make_track_file(
    name: str,
    kind: str,
    scale: Scale,
    *,
    spot: Whole,
    frame: Whole,
    x: Array,
    y: Array,
    links: Whole | None = None,
    track: Whole | None = None,
    radius: Array | None = None,
    left_out: LeftOut | None = None,
    region: NDArray[np.uint8] | None = None,
) -> TrackFile:
    """Track file from spots in any order, checked.

    Parameters
    ----------
    name, kind : str
        Of the file, and its format.
    scale : Scale
        Of the lengths.
    spot, frame : ndarray of int, shape (spot,)
    x, y : ndarray, shape (spot,)
        In the file's unit.
    links : ndarray of int, shape (link, 2), optional
        Places of linked spots in these arrays, in either order; without, the spots of a track are
        linked from frame to frame.
    track : ndarray of int, shape (spot,)
        `NO_TRACK` for spots in none.
    radius : ndarray, shape (spot,), optional
        In the file's unit.
    left_out : LeftOut, optional
    region : ndarray of uint8, shape (spot,), optional

    Raises
    ------
    InputError
        If a number is not finite, a frame is negative, two spots have one number, a link is
        within a frame, or a track without given links has two spots in a frame.
    """
    size = len(spot)
    track = np.full(size, NO_TRACK, dtype=np.int64) if track is None else track
    radius = np.full(size, np.nan) if radius is None else radius
    far = _FARTHEST / scale.length
    lost = np.flatnonzero(~((np.abs(x) <= far) & (np.abs(y) <= far)))
    if len(lost):
        at = lost[0]
        raise InputError(
            f"{name}: spot {spot[at]} in frame {frame[at]} is at ({x[at]:g}, {y[at]:g}), which is "
            "no place. Remove it, or correct its x and y."
        )
    outside = np.flatnonzero((frame < 0) | (frame > _LAST_FRAME))
    if len(outside):
        raise InputError(
            f"{name}: spot {spot[outside[0]]} is in frame {frame[outside[0]]}. Number the frames "
            "from 0."
        )
    order = np.lexsort((spot, frame))
    place = np.empty(size, dtype=np.int64)
    place[order] = np.arange(size)
    spot, track, frame = spot[order], track[order], frame[order]
    x, y, radius = x[order], y[order], radius[order]
    numbers, repeats = np.unique(spot, return_counts=True)
    if np.any(repeats > 1):
        raise InputError(
            f"{name}: {repeats.max()} spots have the number {numbers[np.argmax(repeats)]}. Give "
            "each spot a number of its own."
        )
    if links is None:
        links = _in_turn(name, track, frame)
    else:
        links = place[links].reshape(-1, 2)
        links = np.sort(links, axis=1)
        links = np.column_stack(np.divmod(np.unique(links[:, 0] * size + links[:, 1]), size or 1))
        same = np.flatnonzero(frame[links[:, 0]] == frame[links[:, 1]])
        if len(same):
            one, other = spot[links[same[0]]]
            raise InputError(
                f"{name}: spots {one} and {other} are linked and both in frame "
                f"{frame[links[same[0], 0]]}. Remove the link."
            )
    return TrackFile(
        name=name, format=kind, interval=scale.interval, spot=spot, track=track, frame=frame,
        x=x * scale.length, y=y * scale.length, radius=radius * scale.length, links=links,
        pixel_size=scale.pixel_size, left_out=left_out or LeftOut(), unused=scale.unused,
        region=None if region is None else region[order],
    )  # fmt: skip


def _in_turn(name: str, track: Whole, frame: Whole) -> Whole:
    """Links between a track's spots from frame to frame, the spots sorted by frame."""
    order = np.argsort(track, kind="stable")
    order = order[track[order] != NO_TRACK]
    early, late = order[:-1], order[1:]
    same = track[early] == track[late]
    early, late = early[same], late[same]
    twice = np.flatnonzero(frame[early] == frame[late])
    if len(twice):
        at = early[twice[0]]
        raise InputError(
            f"{name}: track {track[at]} has two spots in frame {frame[at]}, as after a split; "
            "this format has no links that tell them apart. Export TrackMate's XML, or remove one."
        )
    links = np.column_stack([early, late])
    found: Whole = links[np.lexsort((links[:, 1], links[:, 0]))]
    return found


def require_tracks(name: str, links: Sequence[object] | Whole) -> None:
    """Raise InputError if a file has no links."""
    if not len(links):
        raise InputError(
            f"{name}: no spot is linked to another, so there are no tracks. Run a tracker first, "
            "or loosen the filter on tracks."
        )
