"""How far a run has come on the disk, which tells whether a call has gained anything."""

from dataclasses import dataclass
from pathlib import Path

from sdf1_field.errors import InputError
from sdf1_field.record.journal import START
from sdf1_field.record.paths import checkpoint_path
from sdf1_field.record.states import load_arrays

Identity = tuple[int, int] | None
"""What tells a file from another that takes its name; None if there is none."""


@dataclass(frozen=True)
class Standing:
    """What is on the disk of a run.

    Parameters
    ----------
    whole, start, checkpoint : Identity
        Of the run file, and of those of its start and its last checkpoint in its folder.
    time : float or None
        Of that checkpoint [s]; None if there is none or it cannot be read.
    """

    whole: Identity
    start: Identity
    checkpoint: Identity
    time: float | None

    def beyond(self, before: "Standing") -> bool:
        """Whether the run is complete, was begun anew, or goes on later than it did before."""
        if self.whole != before.whole:
            return True
        if self.time is None or self.checkpoint == before.checkpoint:
            return False
        return self.start != before.start or before.time is None or self.time > before.time


def standing_of(path: Path) -> Standing:
    """How far a run has come, by the name of its file."""
    checkpoint = checkpoint_path(path)
    try:
        time = float(load_arrays(checkpoint, lambda key: key == "time")["time"])
    except (InputError, KeyError, TypeError, ValueError):
        time = None
    start = checkpoint.with_name(START)
    return Standing(identity(path), identity(start), identity(checkpoint), time)


def identity(path: Path) -> Identity:
    """What tells a file from another that takes its name."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns
