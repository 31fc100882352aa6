"""Laws of the cells that are weighed against each other: the shipped one, and parts of it."""

from collections.abc import Mapping

ALL_PIECES = "all pieces"
LAWS: Mapping[str, tuple[str, ...]] = {
    ALL_PIECES: (),
    "no adaptation": ("mechanisms.adaptation=false",),
    "no arrest: steering only": ("mechanisms.arrest=false",),
    "no steering": ("mechanisms.soluble_sensing=false", "mechanisms.haptotaxis=false"),
    "steering up bound SDF-1 alone": ("mechanisms.soluble_sensing=false",),
    "no bonds to CD166": ("mechanisms.cd166_adhesion=false",),
}
"""``KEY=VALUE`` settings of all models, by name."""
