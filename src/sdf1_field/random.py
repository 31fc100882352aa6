"""Random numbers that depend on what they are for, not on when they are drawn.

Kernels draw from Philox4x32-10: one block of four words per (seed, stream, entity, step).
Scenes, which are drawn in one sequence, use NumPy's own counter-based generator.

References
----------
Salmon et al. (2011) Parallel random numbers: as easy as 1, 2, 3. SC'11, 10.1145/2063384.2063405.
"""

import math
from enum import IntEnum

import numpy as np

from sdf1_field.compiled import kernel

_M0 = np.uint64(0xD2511F53)
_M1 = np.uint64(0xCD9E8D57)
_W0 = np.uint64(0x9E3779B9)
_W1 = np.uint64(0xBB67AE85)
_LOW = np.uint64(0xFFFFFFFF)
_SHIFT = np.uint64(32)
_ROUNDS = 10
_UNIT = 1.0 / 4294967296.0


class Stream(IntEnum):
    """What a random number is for; part of the generator's counter."""

    SCENE = 1
    VARIATION = 2
    DONOR = 3
    PLACEMENT = 4
    MOTION = 5
    ENCOUNTER = 6
    BOOTSTRAP = 7
    CARGO = 8
    DETACHED = 9
    LIFE = 10


@kernel()
def philox(
    c0: np.uint64, c1: np.uint64, c2: np.uint64, c3: np.uint64, k0: np.uint64, k1: np.uint64
) -> tuple[np.uint64, np.uint64, np.uint64, np.uint64]:
    """Philox4x32-10 block of a counter under a key.

    Parameters
    ----------
    c0, c1, c2, c3, k0, k1 : uint64
        Counter and key, each below 2**32.

    Returns
    -------
    tuple of four uint64
        Each below 2**32.
    """
    for turn in range(_ROUNDS):
        if turn > 0:
            k0 = (k0 + _W0) & _LOW
            k1 = (k1 + _W1) & _LOW
        p0 = _M0 * c0
        p1 = _M1 * c2
        c0, c1, c2, c3 = (
            (p1 >> _SHIFT) ^ c1 ^ k0,
            p1 & _LOW,
            (p0 >> _SHIFT) ^ c3 ^ k1,
            p0 & _LOW,
        )
    return c0, c1, c2, c3


@kernel()
def draw(seed: int, stream: int, entity: int, step: int) -> tuple[float, float]:
    """One standard normal and one uniform number for an entity at a step.

    Parameters
    ----------
    seed, stream, entity, step : int
        Non-negative; ``seed`` below 2**64, the others below 2**32.

    Returns
    -------
    normal, uniform : float
        The normal by Box and Muller's transform; the uniform one in (0, 1).
    """
    key = np.uint64(seed)
    w0, w1, w2, _ = philox(
        np.uint64(step),
        np.uint64(entity),
        np.uint64(stream),
        np.uint64(0),
        key & _LOW,
        key >> _SHIFT,
    )
    radius = math.sqrt(-2.0 * math.log((w0 + 0.5) * _UNIT))
    normal = radius * math.cos(2.0 * math.pi * (w1 + 0.5) * _UNIT)
    return normal, (w2 + 0.5) * _UNIT


def generator(seed: int, stream: Stream, entity: int = 0) -> np.random.Generator:
    """Sequential generator for one purpose, independent of every other purpose's.

    Parameters
    ----------
    seed : int
        The dish's seed, >= 0.
    stream : Stream
        What the numbers are for.
    entity : int
        Which one of several, >= 0.
    """
    words = np.random.SeedSequence(seed, spawn_key=(int(stream), entity)).generate_state(4)
    key = words.astype(np.uint64)
    return np.random.Generator(
        np.random.Philox(key=np.array([key[0] << _SHIFT | key[1], key[2] << _SHIFT | key[3]]))
    )
